
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * The picture as a pile of rows: bands of the full width and 64 lines, the
 * last one what is left, each coded by itself.  Only rows that changed are
 * coded; one that has rested is coded once more, in a better quality
 * ("paint-over").  A row encoder is a row of a const table.
 *
 *     selkies_rows_plan(rows, pic, rects, n, now_us, key_wanted);
 *     selkies_picture_clear_dirty(pic);
 *     while (selkies_rows_next(rows, pic, frame, &packet) == SELKIES_OK) {
 *         send it, or selkies_rows_lost(rows, &packet);
 *     }
 *     wait for damage, or until selkies_rows_deadline_us(rows)
 *
 * Thread: the struct belongs to one thread at a time (the display thread).
 * Ownership: stated per function.
 */


#ifndef SELKIES_ROWS_H_INCLUDED
#define SELKIES_ROWS_H_INCLUDED


#include <stddef.h>
#include <stdint.h>

#include "../capture/capture.h"
#include "convert.h"
#include "encoder.h"


#define SELKIES_ROW_HEIGHT         64       /* pixels, whole macroblocks */
#define SELKIES_ROWS_MAX                                                      \
    ((SELKIES_ENCODER_HEIGHT_MAX + SELKIES_ROW_HEIGHT - 1)                    \
     / SELKIES_ROW_HEIGHT)

#define SELKIES_ROWS_PAINTOVER_US  250000   /* a row's rest before it */
#define SELKIES_ROWS_NEVER         UINT64_MAX


#pragma GCC visibility push(hidden)


/*
 * A size outside of its range makes open fail, the rest is clamped.  Quality
 * is the codec's own: of JPEG 1 to 100, higher is better; of H.264 a QP, 5 to
 * 50, lower is better.
 */

typedef struct {
    int32_t                    width;       /* pixels, even, 2 to 8192 */
    int32_t                    height;      /* pixels, even, 2 to 4320 */
    int                        fps;         /* as of an encoder */
    int                        quality;     /* of a row that moves */
    int                        paintover_quality;   /* of one that rests;
                                               without effect where worse */
    int                        paintover;   /* 1: refine rows that rest */
} selkies_rows_conf_t;


/*
 * What one row became: a JPEG image, or one Annex B access unit of the row's
 * own stream, with SPS and PPS in front of each IDR.  The bytes are the
 * encoder's and valid until the next call that names it.
 */

typedef struct {
    const uint8_t             *data;
    size_t                     len;         /* bytes, never 0 */
    int32_t                    y;           /* pixels, a multiple of 64 */
    int32_t                    height;      /* pixels, even, 2 to 64 */
    selkies_picture_kind_t     kind;        /* a JPEG image counts as IDR */
    int                        quality;     /* that it was coded with */
    unsigned                   paintover:1;
} selkies_row_packet_t;


/* What is known of a row.  Private to rows.c. */

typedef struct {
    uint64_t                   quiet_us;    /* since; of a rough row */
    unsigned                   pending:1;   /* not as it was sent last */
    unsigned                   key:1;       /* needs an IDR */
    unsigned                   rough:1;     /* sent and not refined since */
    unsigned                   coarse:1;    /* a packet of it was lost */
    unsigned                   doubtful:1;  /* read while it may have been
                                               drawn to */
    unsigned                   again:1;     /* and it has been */
    unsigned                   chosen:1;    /* by the plan */
    unsigned                   fine:1;      /* so to be coded */
} selkies_row_t;


typedef struct selkies_rows_s      selkies_rows_t;
typedef struct selkies_rows_ops_s  selkies_rows_ops_t;


/* How one row is to be coded. */

typedef struct {
    int32_t                    index;
    int32_t                    y;
    int32_t                    height;
    int                        quality;
    unsigned                   fine:1;      /* a refinement */
    unsigned                   key:1;
} selkies_row_order_t;


struct selkies_rows_ops_s {
    const char                *name;        /* "x264 stripes": for the log */
    selkies_codec_t            codec;
    int                        best;        /* ends of the quality's scale */
    int                        worst;
    int                        lowest;      /* for what is too large */
    unsigned                   pixels:1;    /* reads the frame, in place */
    unsigned                   chained:1;   /* a packet refers to others */

    selkies_rows_t          *(*open)(const selkies_rows_conf_t *conf,
                                     const selkies_log_t *log);

    /* fills data, len, kind and quality of the packet; OK or ERROR (logged) */

    selkies_status_t         (*encode)(selkies_rows_t *rows,
                                       const selkies_row_order_t *order,
                                       const selkies_picture_t *pic,
                                       const selkies_frame_t *frame,
                                       selkies_row_packet_t *packet);

    void                     (*configure)(selkies_rows_t *rows,
                                          const selkies_rows_conf_t *conf);
    void                     (*close)(selkies_rows_t *rows);
};


/* A row encoder's own struct begins with this one; filled by rows.c. */

struct selkies_rows_s {
    const selkies_rows_ops_t  *ops;
    selkies_rows_conf_t        conf;
    int32_t                    nrows;
    int32_t                    next;        /* of the plan */
    uint64_t                   now_us;      /* of the plan */
    unsigned                   complete:1;  /* who has nothing can start with
                                               what was planned: to be read
                                               after plan() */
    selkies_row_t              row[SELKIES_ROWS_MAX];
};


/* The row encoder of a codec that was compiled in, or NULL.  Any thread. */

const selkies_rows_ops_t *selkies_rows_find(selkies_codec_t codec);


/*
 * Opens the row encoder of the codec; all rows are pending and need a key.
 * The log may be NULL; it is kept and must outlive the rows.  NULL if there
 * is none or it does not open, which was logged.
 */

selkies_rows_t *selkies_rows_open(selkies_codec_t codec,
    const selkies_rows_conf_t *conf, const selkies_log_t *log);


/*
 * Takes other qualities and another rate, without a key of all rows.
 * SELKIES_OK, or SELKIES_REINIT, and no change, for another size.
 */

selkies_status_t selkies_rows_configure(selkies_rows_t *rows,
    const selkies_rows_conf_t *conf);


/*
 * Decides which rows are coded now and returns how many.  Takes in what the
 * picture, which has the configured size, says is dirty: it may be cleared
 * afterwards.  `rects` is the damage that was reported since the last plan
 * (none where the frame was made without any): a row encoder that reads
 * pixels in place may have seen some of what was drawn just then, so the
 * first damage after it that shows no difference codes the row once more.
 * With `all` every row is coded and starts anew.  now_us is any monotonic
 * clock in microseconds.
 */

size_t selkies_rows_plan(selkies_rows_t *rows, const selkies_picture_t *pic,
    const selkies_rect_t *rects, size_t nrects, uint64_t now_us, int all);


/*
 * Encodes the next planned row, from the top.  Picture and frame are only
 * read and not kept; the frame is needed by encoders with ops->pixels, whose
 * memory must be current in whole rows, and may be NULL for others.
 *
 * SELKIES_OK; SELKIES_AGAIN: that were all; SELKIES_REINIT: picture or frame
 * do not have the size; SELKIES_ERROR: close it (logged).
 */

selkies_status_t selkies_rows_next(selkies_rows_t *rows,
    const selkies_picture_t *pic, const selkies_frame_t *frame,
    selkies_row_packet_t *packet);


/* Where the row lies that next() will encode, in lines; -1: no more. */

int32_t selkies_rows_next_y(selkies_rows_t *rows);


/*
 * The packet that next() gave was too large to be sent: the row is coded anew
 * in the lowest quality, or, if it was a refinement nobody depends on, left
 * as it is.  It is not refined until it changes.
 */

void selkies_rows_lost(selkies_rows_t *rows,
    const selkies_row_packet_t *packet);


/*
 * When plan() wants to be called without a change: 0 for now, or
 * SELKIES_ROWS_NEVER.
 */

uint64_t selkies_rows_deadline_us(const selkies_rows_t *rows);


/* Ends the encoder; NULL is accepted. */

void selkies_rows_close(selkies_rows_t *rows);


#ifdef SELKIES_HAVE_JPEG
extern const selkies_rows_ops_t  selkies_jpeg_ops;
#endif

#ifdef SELKIES_HAVE_X264
extern const selkies_rows_ops_t  selkies_stripes_ops;
#endif


#pragma GCC visibility pop


#endif /* SELKIES_ROWS_H_INCLUDED */
