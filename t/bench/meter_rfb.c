
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A client of VNC servers, RFC 6143, that asks for what noVNC asks for:
 * CopyRect, Tight with JPEG, cursor, LastRect, fences, continuous updates.
 *
 * Thread: the meter's.  Ownership: the framebuffer lives as long as the
 * process.
 */


#include "meter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define RFB_RAW            0
#define RFB_COPY           1
#define RFB_TIGHT          7
#define RFB_ZRLE           16
#define RFB_JPEG_QUALITY   (-32)        /* plus 0 to 9 */
#define RFB_DESKTOP_SIZE   (-223)
#define RFB_LAST_RECT      (-224)
#define RFB_CURSOR         (-239)
#define RFB_COMPRESS       (-256)       /* plus 0 to 9 */
#define RFB_FENCE          (-312)
#define RFB_CONTINUOUS     (-313)

#define RFB_END_OF_CONTINUOUS  150
#define RFB_FENCE_MESSAGE      248
#define RFB_MAX_SIDE           16384


typedef struct {
    uint32_t        *pixels;
    int              width;
    int              height;
    meter_tight_t   *tight;
    int              continuous;
} rfb_t;


static uint32_t rfb_number(meter_t *meter, size_t n);
static void rfb_skip(meter_t *meter, size_t n);
static void rfb_handshake(meter_t *meter, rfb_t *rfb);
static void rfb_setup(meter_t *meter);
static void rfb_request(meter_t *meter, rfb_t *rfb, int incremental);
static void rfb_enable(meter_t *meter, rfb_t *rfb);
static void rfb_fence(meter_t *meter);
static void rfb_copy(rfb_t *rfb, int sx, int sy, int x, int y, int w, int h);
static int rfb_rectangle(meter_t *meter, rfb_t *rfb);
static int rfb_update(meter_t *meter, rfb_t *rfb);


static uint32_t
rfb_number(meter_t *meter, size_t n)
{
    size_t    i;
    uint8_t   bytes[4];
    uint32_t  value;

    bench_wire_get(meter->wire, bytes, n);

    for (value = 0, i = 0; i < n; i++) {
        value = value << 8 | bytes[i];
    }

    return value;
}


static void
rfb_skip(meter_t *meter, size_t n)
{
    size_t   part;
    uint8_t  bytes[4096];

    for ( /* void */ ; n; n -= part) {
        part = n < sizeof(bytes) ? n : sizeof(bytes);
        bench_wire_get(meter->wire, bytes, part);
    }
}


/* 7.1 and 7.3: version 3.8, no authentication, shared */

static void
rfb_handshake(meter_t *meter, rfb_t *rfb)
{
    char      version[12];
    size_t    i, n;
    uint8_t   types[255], shared;

    bench_wire_get(meter->wire, version, sizeof(version));

    if (memcmp(version, "RFB 003.", 8) != 0) {
        meter_die("no VNC server");
    }

    bench_wire_send(meter->wire, 2, "RFB 003.008\n", 12);

    n = rfb_number(meter, 1);
    bench_wire_get(meter->wire, types, n);

    for (i = 0; i < n && types[i] != 1; i++) { /* void */ }

    if (i == n) {
        meter_die("the VNC server wants a password");
    }

    bench_wire_send(meter->wire, 2, &types[i], 1);

    if (rfb_number(meter, 4) != 0) {
        meter_die("the VNC server refuses");
    }

    shared = 1;
    bench_wire_send(meter->wire, 2, &shared, 1);

    rfb->width = (int) rfb_number(meter, 2);
    rfb->height = (int) rfb_number(meter, 2);
    rfb_skip(meter, 16);
    rfb_skip(meter, rfb_number(meter, 4));

    if (rfb->width < 1 || rfb->width > RFB_MAX_SIDE || rfb->height < 1
        || rfb->height > RFB_MAX_SIDE)
    {
        meter_die("a screen of %dx%d", rfb->width, rfb->height);
    }

    rfb->pixels = calloc((size_t) rfb->width * (size_t) rfb->height, 4);

    if (rfb->pixels == NULL) {
        meter_die("no memory");
    }
}


/* 7.5.1 and 7.5.2 */

static void
rfb_setup(meter_t *meter)
{
    size_t    i, n;
    int32_t   encodings[16];
    uint8_t   message[4 + 4 * 16];

    static const uint8_t  format[20] = {
        0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0
    };

    bench_wire_send(meter->wire, 2, format, sizeof(format));

    n = 0;
    encodings[n++] = RFB_COPY;

    if (!meter->options.zrle) {
        encodings[n++] = RFB_TIGHT;
    }

    encodings[n++] = RFB_ZRLE;
    encodings[n++] = RFB_RAW;
    encodings[n++] = RFB_JPEG_QUALITY + meter->options.quality;
    encodings[n++] = RFB_COMPRESS + 2;
    encodings[n++] = RFB_DESKTOP_SIZE;
    encodings[n++] = RFB_LAST_RECT;
    encodings[n++] = RFB_CURSOR;
    encodings[n++] = RFB_FENCE;
    encodings[n++] = RFB_CONTINUOUS;

    message[0] = 2;
    message[1] = 0;
    message[2] = 0;
    message[3] = (uint8_t) n;

    for (i = 0; i < n; i++) {
        message[4 + 4 * i] = (uint8_t) ((uint32_t) encodings[i] >> 24);
        message[5 + 4 * i] = (uint8_t) ((uint32_t) encodings[i] >> 16);
        message[6 + 4 * i] = (uint8_t) ((uint32_t) encodings[i] >> 8);
        message[7 + 4 * i] = (uint8_t) encodings[i];
    }

    bench_wire_send(meter->wire, 2, message, 4 + 4 * n);
}


static void
rfb_request(meter_t *meter, rfb_t *rfb, int incremental)
{
    uint8_t  message[10];

    memset(message, 0, sizeof(message));
    message[0] = 3;
    message[1] = (uint8_t) incremental;
    message[6] = (uint8_t) (rfb->width >> 8);
    message[7] = (uint8_t) rfb->width;
    message[8] = (uint8_t) (rfb->height >> 8);
    message[9] = (uint8_t) rfb->height;

    bench_wire_send(meter->wire, 2, message, sizeof(message));
}


/* The server says by an end of them that it knows continuous updates. */

static void
rfb_enable(meter_t *meter, rfb_t *rfb)
{
    uint8_t  message[10];

    if (rfb->continuous) {
        return;
    }

    memset(message, 0, sizeof(message));
    message[0] = RFB_END_OF_CONTINUOUS;
    message[1] = 1;
    message[6] = (uint8_t) (rfb->width >> 8);
    message[7] = (uint8_t) rfb->width;
    message[8] = (uint8_t) (rfb->height >> 8);
    message[9] = (uint8_t) rfb->height;

    bench_wire_send(meter->wire, 2, message, sizeof(message));
    rfb->continuous = 1;
}


static void
rfb_fence(meter_t *meter)
{
    size_t    n;
    uint8_t   message[9 + 64];

    rfb_skip(meter, 3);
    bench_wire_get(meter->wire, message + 4, 5);
    n = message[8];

    if (n > 64) {
        meter_die("a fence too long");
    }

    bench_wire_get(meter->wire, message + 9, n);

    if ((message[4] & 0x80) == 0) {
        return;
    }

    message[0] = RFB_FENCE_MESSAGE;
    message[1] = message[2] = message[3] = 0;
    message[4] &= 0x7f;
    message[7] &= 0x07;
    bench_wire_send(meter->wire, 2, message, 9 + n);
}


static void
rfb_copy(rfb_t *rfb, int sx, int sy, int x, int y, int w, int h)
{
    int  i, row;

    if (sx + w > rfb->width || sy + h > rfb->height) {
        meter_die("a copy from outside");
    }

    for (i = 0; i < h; i++) {
        row = sy < y ? h - 1 - i : i;
        memmove(rfb->pixels + (size_t) (y + row) * (size_t) rfb->width + x,
                rfb->pixels + (size_t) (sy + row) * (size_t) rfb->width + sx,
                (size_t) w * 4);
    }
}


/* 0: it was the last one */

static int
rfb_rectangle(meter_t *meter, rfb_t *rfb)
{
    int        x, y, w, h, sx, sy, row;
    int32_t    encoding;
    uint32_t  *p;

    x = (int) rfb_number(meter, 2);
    y = (int) rfb_number(meter, 2);
    w = (int) rfb_number(meter, 2);
    h = (int) rfb_number(meter, 2);
    encoding = (int32_t) rfb_number(meter, 4);

    if (encoding == RFB_LAST_RECT) {
        return 0;
    }

    if (encoding == RFB_CURSOR) {
        rfb_skip(meter, (size_t) w * (size_t) h * 4
                        + (size_t) (w + 7) / 8 * (size_t) h);
        return 1;
    }

    if (encoding == RFB_DESKTOP_SIZE) {
        if (w == rfb->width && h == rfb->height) {
            return 1;
        }

        meter_die("the screen became %dx%d", w, h);
    }

    if (x + w > rfb->width || y + h > rfb->height) {
        meter_die("a rectangle outside");
    }

    p = rfb->pixels + (size_t) y * (size_t) rfb->width + x;

    switch (encoding) {

    case RFB_RAW:
        for (row = 0; row < h; row++) {
            bench_wire_get(meter->wire, p + (size_t) row * (size_t) rfb->width,
                           (size_t) w * 4);
        }

        break;

    case RFB_COPY:
        sx = (int) rfb_number(meter, 2);
        sy = (int) rfb_number(meter, 2);
        rfb_copy(rfb, sx, sy, x, y, w, h);
        break;

    case RFB_TIGHT:
        meter_tight_read(rfb->tight, meter->wire, p, (size_t) rfb->width, w,
                         h);
        break;

    case RFB_ZRLE:
        meter_zrle_read(rfb->tight, meter->wire, p, (size_t) rfb->width, w, h);
        break;

    default:
        meter_die("encoding %d", (int) encoding);
    }

    return 1;
}


/* Returns whether pixels were in it. */

static int
rfb_update(meter_t *meter, rfb_t *rfb)
{
    uint32_t       i, n;
    meter_view_t   view;

    rfb_skip(meter, 1);
    n = rfb_number(meter, 2);

    for (i = 0; i < n; i++) {
        if (!rfb_rectangle(meter, rfb)) {
            break;
        }
    }

    memset(&view, 0, sizeof(view));
    view.p = (const uint8_t *) rfb->pixels;
    view.step = 4;
    view.stride = (ptrdiff_t) rfb->width * 4;
    view.width = rfb->width;
    view.height = rfb->height;
    view.matrix = METER_RGB;

    meter_picture(meter, &view, bench_wire_arrived_us(meter->wire));

    return 1;
}


void
meter_rfb(meter_t *meter)
{
    rfb_t     rfb;
    uint32_t  type;

    memset(&rfb, 0, sizeof(rfb));
    rfb.tight = meter_tight_create();

    rfb_handshake(meter, &rfb);
    rfb_setup(meter);
    rfb_request(meter, &rfb, 0);

    for ( ;; ) {
        type = rfb_number(meter, 1);

        switch (type) {

        case 0:
            rfb_update(meter, &rfb);

            if (!rfb.continuous) {
                rfb_request(meter, &rfb, 1);
            }

            break;

        case 1:                         /* colour map */
            rfb_skip(meter, 3);
            rfb_skip(meter, 6 * (size_t) rfb_number(meter, 2));
            break;

        case 2:                         /* bell */
            break;

        case 3:                         /* clipboard */
            rfb_skip(meter, 3);
            rfb_skip(meter, rfb_number(meter, 4));
            break;

        case RFB_END_OF_CONTINUOUS:
            rfb_enable(meter, &rfb);
            break;

        case RFB_FENCE_MESSAGE:
            rfb_fence(meter);
            break;

        default:
            meter_die("message %u", (unsigned) type);
        }
    }
}
