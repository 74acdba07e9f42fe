
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A drawn desk and its encoder, for the test of x264.
 *
 * Thread: each desk is used by one.
 */


#ifndef SELKIES_ENCODER_DESK_H_INCLUDED
#define SELKIES_ENCODER_DESK_H_INCLUDED


#include <stdlib.h>
#include <string.h>

#include "../../encoders/encoder.h"

#define RANDOM_SEED  99
#include "random.h"


typedef struct {
    uint8_t             *pixels;
    selkies_frame_t      frame;
    selkies_rect_t       all;
    selkies_picture_t    pic;
} desk_t;


static void
desk_fill(desk_t *d, int32_t x0, int32_t y0, int32_t w, int32_t h,
    uint32_t color)
{
    int32_t  x, y;

    for (y = y0; y < y0 + h && y < d->frame.height; y++) {
        for (x = x0; x < x0 + w && x < d->frame.width; x++) {
            memcpy(d->pixels + ((size_t) y * (size_t) d->frame.width
                                + (size_t) x) * 4, &color, 4);
        }
    }
}


/* Shapes like a desktop's: flat areas, thin dark strokes, some colour. */

__attribute__((unused))
static void
desk_draw(desk_t *d)
{
    int32_t   i, n, w, h;

    w = d->frame.width;
    h = d->frame.height;

    desk_fill(d, 0, 0, w, h, 0x3a6ea5 ^ random_number(1 << 24));
    n = w * h / 500 + 3;

    for (i = 0; i < n; i++) {
        desk_fill(d, (int32_t) random_number((uint32_t) w),
                  (int32_t) random_number((uint32_t) h),
                  1 + (int32_t) random_number(i & 7 ? 12 : 60),
                  1 + (int32_t) random_number(i & 7 ? 3 : 40),
                  random_number(1 << 24));
    }
}


static size_t
desk_convert(desk_t *d)
{
    return selkies_convert(&d->pic, &d->frame);
}


static int
desk_init(desk_t *d, int32_t width, int32_t height)
{
    memset(d, 0, sizeof(desk_t));

    d->pixels = calloc((size_t) width * (size_t) height, 4);
    d->all.width = width;
    d->all.height = height;
    d->frame.pixels = d->pixels;
    d->frame.stride_bytes = (size_t) width * 4;
    d->frame.width = width;
    d->frame.height = height;
    d->frame.rects = &d->all;
    d->frame.nrects = 1;

    return d->pixels != NULL
           && selkies_picture_init(&d->pic, width, height) == SELKIES_OK;
}


static void
desk_finish(desk_t *d)
{
    selkies_picture_finish(&d->pic);
    free(d->pixels);
}


static selkies_encoder_conf_t
conf_of(int32_t width, int32_t height)
{
    selkies_encoder_conf_t  conf;

    memset(&conf, 0, sizeof(conf));

    conf.width = width;
    conf.height = height;
    conf.fps = 60;
    conf.qp = 25;
    conf.paintover_qp = 18;
    conf.threads = 1;

    return conf;
}


static selkies_encoder_t *
open_x264(const selkies_encoder_conf_t *conf)
{
    return selkies_encoder_open(SELKIES_CODEC_H264, "x264", conf, NULL);
}


#endif /* SELKIES_ENCODER_DESK_H_INCLUDED */
