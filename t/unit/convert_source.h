
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Sources, pictures and their comparison for the test of the conversion.  A
 * source ends at a page nobody may touch, so that reading one byte too many
 * kills the test.
 *
 * Thread: the main thread.
 */


#ifndef SELKIES_CONVERT_SOURCE_H_INCLUDED
#define SELKIES_CONVERT_SOURCE_H_INCLUDED


#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../encoders/convert.h"

#define RANDOM_SEED  12345
#include "random.h"


typedef struct {
    uint8_t          *map;
    size_t            map_len;
    selkies_frame_t   frame;
} source_t;


typedef struct {
    int32_t           frame_width;
    int32_t           frame_height;
    int32_t           pic_width;
    int32_t           pic_height;
} size_case_t;


static void
source_init(source_t *s, int32_t width, int32_t height, size_t extra)
{
    size_t  page, len, stride;

    page = (size_t) sysconf(_SC_PAGESIZE);
    stride = (size_t) width * 4 + extra;
    len = stride * (size_t) (height - 1) + (size_t) width * 4;

    s->map_len = (len + page - 1) / page * page + page;
    s->map = mmap(NULL, s->map_len, PROT_READ|PROT_WRITE,
                  MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);

    if (s->map == MAP_FAILED
        || mprotect(s->map + s->map_len - page, page, PROT_NONE) != 0)
    {
        printf("Bail out! no memory\n");
        exit(1);
    }

    memset(&s->frame, 0, sizeof(selkies_frame_t));

    s->frame.pixels = s->map + s->map_len - page - len;
    s->frame.stride_bytes = stride;
    s->frame.width = width;
    s->frame.height = height;
}


static void
source_finish(source_t *s)
{
    munmap(s->map, s->map_len);
}


static uint8_t *
source_pixel(source_t *s, int32_t x, int32_t y)
{
    return (uint8_t *) s->frame.pixels + (size_t) y * s->frame.stride_bytes
           + (size_t) x * 4;
}


static void
source_random(source_t *s, selkies_rect_t r, int flat)
{
    int32_t   x, y;
    uint32_t  v;
    uint8_t  *p;

    v = random_number(1 << 24);

    for (y = r.y; y < r.y + r.height; y++) {
        for (x = r.x; x < r.x + r.width; x++) {
            p = source_pixel(s, x, y);

            if (!flat) {
                v = random_number(4) ? random_number(UINT32_MAX)
                                     : (random_number(2) ? 0 : UINT32_MAX);
            }

            memcpy(p, &v, 3);
            p[3] = (uint8_t) random_number(256);
        }
    }
}


static size_t
source_convert(source_t *s, selkies_picture_t *pic, selkies_rect_t r)
{
    size_t  n;

    s->frame.rects = &r;
    s->frame.nrects = 1;

    n = selkies_convert(pic, &s->frame);

    s->frame.rects = NULL;
    s->frame.nrects = 0;

    return n;
}


static selkies_rect_t
rect(int32_t x, int32_t y, int32_t width, int32_t height)
{
    selkies_rect_t  r = { x, y, width, height };

    return r;
}


/* What pictures have: 4:4:4 or 4:2:0. */

static int  full_color;


static selkies_status_t
picture_init(selkies_picture_t *pic, int32_t width, int32_t height)
{
    return full_color ? selkies_picture_init_full(pic, width, height)
                      : selkies_picture_init(pic, width, height);
}


static int32_t
picture_chroma_rows(const selkies_picture_t *pic)
{
    return pic->cr != NULL ? 16 : 8;
}


/* Cb, or Cr, of a pixel. */

static uint8_t
picture_chroma(const selkies_picture_t *pic, int32_t x, int32_t y, int cr)
{
    if (pic->cr != NULL) {
        return (cr ? pic->cr : pic->chroma)
               [(size_t) y * pic->chroma_stride_bytes + (size_t) x];
    }

    return pic->chroma[(size_t) (y / 2) * pic->chroma_stride_bytes
                       + (size_t) (x & ~1) + (size_t) cr];
}


static const selkies_convert_variant_t *
scalar_variant(void)
{
    const selkies_convert_variant_t  *v;

    for (v = selkies_convert_variants();
         selkies_convert_name(v) != NULL;
         v = selkies_convert_next(v))
    {
        if (strcmp(selkies_convert_name(v), "scalar") == 0) {
            return v;
        }
    }

    return NULL;
}


static size_t
picture_mbs(const selkies_picture_t *pic)
{
    return (size_t) pic->mb_width * (size_t) pic->mb_height;
}


static int
picture_same(const selkies_picture_t *a, const selkies_picture_t *b)
{
    size_t   len;
    int32_t  y;

    len = (size_t) a->mb_width * 16;

    for (y = 0; y < a->mb_height * 16; y++) {
        if (memcmp(a->luma + (size_t) y * a->luma_stride_bytes,
                   b->luma + (size_t) y * b->luma_stride_bytes, len) != 0)
        {
            return 0;
        }
    }

    for (y = 0; y < a->mb_height * picture_chroma_rows(a); y++) {
        if (memcmp(a->chroma + (size_t) y * a->chroma_stride_bytes,
                   b->chroma + (size_t) y * b->chroma_stride_bytes, len) != 0
            || (a->cr != NULL
                && memcmp(a->cr + (size_t) y * a->chroma_stride_bytes,
                          b->cr + (size_t) y * b->chroma_stride_bytes, len)
                   != 0))
        {
            return 0;
        }
    }

    return 1;
}


static int
picture_copy(selkies_picture_t *to, const selkies_picture_t *from)
{
    size_t  len;

    if (picture_init(to, from->width, from->height) != SELKIES_OK) {
        return 0;
    }

    len = from->chroma_stride_bytes * (size_t) from->mb_height
          * (size_t) picture_chroma_rows(from);

    memcpy(to->luma, from->luma,
           from->luma_stride_bytes * (size_t) from->mb_height * 16);
    memcpy(to->chroma, from->chroma, len);

    if (from->cr != NULL) {
        memcpy(to->cr, from->cr, len);
    }

    return 1;
}


/* Marks and counts agree with where samples differ from the picture before. */

static int
picture_marks(const selkies_picture_t *before, const selkies_picture_t *pic,
    size_t changed)
{
    int      differs;
    size_t   i, n, len;
    int32_t  mx, my, y, rows;

    n = 0;
    len = 16;
    rows = picture_chroma_rows(pic);

    for (my = 0; my < pic->mb_height; my++) {
        for (mx = 0; mx < pic->mb_width; mx++) {
            differs = 0;

            for (y = 0; y < 16; y++) {
                i = (size_t) (my * 16 + y) * pic->luma_stride_bytes
                    + (size_t) mx * 16;
                differs |= memcmp(pic->luma + i, before->luma + i, len) != 0;
            }

            for (y = 0; y < rows; y++) {
                i = (size_t) (my * rows + y) * pic->chroma_stride_bytes
                    + (size_t) mx * 16;
                differs |= memcmp(pic->chroma + i, before->chroma + i, len)
                           != 0;
                differs |= pic->cr != NULL
                           && memcmp(pic->cr + i, before->cr + i, len) != 0;
            }

            n += (size_t) differs;

            if (pic->dirty[my * pic->mb_width + mx] != differs) {
                return 0;
            }
        }
    }

    return n == changed && n == pic->ndirty;
}


#endif /* SELKIES_CONVERT_SOURCE_H_INCLUDED */
