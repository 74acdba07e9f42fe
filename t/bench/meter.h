
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * What the parts of the meter share: a client that decodes what a server
 * sends and reads the loads' marks from its pictures.
 *
 * Threads: one (wire.h has another of its own).  Ownership: there is one
 * meter, main()'s; a view is its protocol's.
 */


#ifndef BENCH_METER_H_INCLUDED
#define BENCH_METER_H_INCLUDED


#include "proc.h"
#include "wire.h"

#include <stddef.h>
#include <stdint.h>


#pragma GCC visibility push(hidden)


#define METER_PIDS  8


/* how the samples of a picture become luma */

typedef enum {
    METER_RGB,                          /* 0x00rrggbb, step 4 */
    METER_BT601,
    METER_BT709
} meter_matrix_t;


/* a decoded picture; p is the luma, or the blue, of its first pixel */

typedef struct {
    const uint8_t   *p;
    size_t           step;
    ptrdiff_t        stride;
    int              width;
    int              height;
    meter_matrix_t   matrix;
    int              full;              /* range 0 to 255, not 16 to 235 */
} meter_view_t;


typedef struct {
    uint32_t        *us;
    size_t           n;
    size_t           size;
} meter_samples_t;


typedef struct {
    int              width;
    int              height;
    int              mark_x;
    int              mark_y;
    int              area[4];           /* x y w h; no w: the whole screen */
    double           warmup_s;
    double           seconds;
    double           settle_s;
    unsigned         port;
    const char      *path;
    const char      *display;
    int              lite;
    int              quality;           /* of RFB's JPEG, 0 to 9 */
    int              zrle;              /* asks for no Tight */
    uint64_t         throttle;          /* bytes a second, 0: none */
    pid_t            pids[METER_PIDS];
    size_t           npids;
    pid_t            x_pid;
} meter_options_t;


typedef enum {
    METER_CONNECTING,
    METER_WARMING,
    METER_MEASURING,
    METER_RECOVERING,
    METER_SETTLING
} meter_phase_t;


typedef struct {
    meter_options_t  options;
    bench_wire_t    *wire;
    void            *protocol;
    void           (*turn)(void *data); /* NULL, or each 10 ms at least */

    meter_phase_t    phase;
    uint64_t         since_us;
    uint64_t         started_us;
    uint64_t         first_bytes_us;
    uint64_t         received;
    bench_usage_t    server;
    bench_usage_t    x;

    meter_view_t     view;              /* the newest */
    uint64_t         stamp_us;
    meter_samples_t  socket;
    meter_samples_t  decoded;
    unsigned         messages;
    unsigned         pictures;
    unsigned         unread;
} meter_t;


/* Ends the process with status 1 and these words on stderr. */
void meter_die(const char *format, ...)
    __attribute__((format(printf, 1, 2), noreturn));

/* Reports a decoded picture whose last byte came at arrived_us.  The view
   must stay valid until the next report. */
void meter_picture(meter_t *meter, const meter_view_t *view,
    uint64_t arrived_us);

/* The protocols: connect, then run until the meter ends the process. */
void meter_selkies_prepare(meter_t *meter);
void meter_selkies(meter_t *meter) __attribute__((noreturn));
void meter_flv(meter_t *meter) __attribute__((noreturn));
void meter_rfb(meter_t *meter) __attribute__((noreturn));


/* H.264 by libavcodec, one picture in, one out */

typedef struct meter_h264_s  meter_h264_t;

/* extradata is NULL for Annex B; ends the process when there is no decoder */
meter_h264_t *meter_h264_create(const uint8_t *extradata, size_t n);

/* Decodes an access unit and reports what comes out. */
void meter_h264_decode(meter_h264_t *h264, meter_t *meter,
    const uint8_t *data, size_t n, uint64_t arrived_us);


/* PSNR of the luma of view's area against the display's, in dB; 99 for equal,
   -1 where the display cannot be read */
double meter_psnr(const meter_view_t *view, const char *display,
    const int *area);


/* rectangles of RFB in Tight encoding (RFC 6143 lacks it: rfbproto.rst) */

typedef struct meter_tight_s  meter_tight_t;

meter_tight_t *meter_tight_create(void);

/* Reads one rectangle from the wire into pixels; stride is in pixels. */
void meter_tight_read(meter_tight_t *tight, bench_wire_t *wire,
    uint32_t *pixels, size_t stride, int w, int h);

/* The same in ZRLE (RFC 6143, 7.7.6), which has a zlib stream of its own. */
void meter_zrle_read(meter_tight_t *tight, bench_wire_t *wire,
    uint32_t *pixels, size_t stride, int w, int h);


#pragma GCC visibility pop


#endif /* BENCH_METER_H_INCLUDED */
