
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * What a picture was, kept beside what it is: two sets of planes in turn, see
 * convert.h.  Where they differ is known, so only that is ever copied.
 *
 * Thread: the picture's owner.  Ownership: the picture owns both.
 */


#include <stdlib.h>
#include <string.h>

#include "convert_kernel.h"
#include "motion.h"


#define SELKIES_PICTURE_PAGE  4096


static int selkies_picture_others(selkies_picture_t *pic);
static unsigned selkies_picture_came(const selkies_picture_t *pic, size_t x,
    size_t y);
static void selkies_picture_copy(selkies_picture_t *pic, size_t mb, size_t n);


void *
selkies_picture_alloc(size_t size)
{
    void  *p;

    size = (size + SELKIES_PICTURE_PAGE - 1)
           & ~((size_t) SELKIES_PICTURE_PAGE - 1);

    if (posix_memalign(&p, SELKIES_PICTURE_PAGE, size) != 0) {
        return NULL;
    }

    return p;
}


void
selkies_picture_keep(selkies_picture_t *pic)
{
    if (pic->luma != NULL && pic->cr == NULL) {
        pic->keep = 1;
        pic->kept = 1;
        selkies_picture_expect(pic, 0, 0);
    }
}


void
selkies_picture_expect(selkies_picture_t *pic, int16_t x, int16_t y)
{
    pic->expect_x = x;
    pic->expect_y = y;

    if (pic->moved != NULL) {
        memset(pic->moved, SELKIES_PICTURE_UNKNOWN,
               (size_t) pic->mb_width * (size_t) pic->mb_height);
    }
}


const uint8_t *
selkies_picture_moved(const selkies_picture_t *pic, int16_t x, int16_t y)
{
    return (x != 0 || y != 0) && x == pic->expect_x && y == pic->expect_y
           ? pic->moved : NULL;
}


void
selkies_picture_compare(selkies_picture_t *pic, size_t y, size_t first,
    size_t last, size_t from, size_t to)
{
    size_t    x;
    uint8_t  *moved;

    if (pic->moved == NULL || pic->keep
        || (pic->expect_x == 0 && pic->expect_y == 0))
    {
        return;
    }

    moved = pic->moved + y * (size_t) pic->mb_width;

    for (x = first; x <= last; x++) {
        moved[x] = (uint8_t) (pic->touched[x] && x >= from && x < to
                              ? selkies_picture_came(pic, x, y)
                              : SELKIES_PICTURE_UNKNOWN);
    }
}


static unsigned
selkies_picture_came(const selkies_picture_t *pic, size_t x, size_t y)
{
    long    left, top;
    size_t  stride;

    left = (long) x * 16 + pic->expect_x;
    top = (long) y * 16 + pic->expect_y;

    if (left < 0 || left + 16 > (long) pic->mb_width * 16
        || top < 0 || top + 16 > (long) pic->mb_height * 16)
    {
        return SELKIES_PICTURE_UNKNOWN;
    }

    stride = pic->luma_stride_bytes;

    return selkies_motion_same(pic->luma + y * 16 * stride + x * 16, stride,
                               pic->other[0] + (size_t) top * stride
                               + (size_t) left,
                               stride, 16, 16)
           ? SELKIES_PICTURE_MOVED : SELKIES_PICTURE_OTHER;
}


int
selkies_picture_kept(const selkies_picture_t *pic, const uint8_t **luma,
    const uint8_t **chroma)
{
    *luma = pic->keep ? pic->luma : pic->other[0];
    *chroma = pic->keep ? pic->chroma : pic->other[1];

    return pic->kept;
}


void
selkies_picture_write(selkies_picture_t *pic)
{
    if (pic->keep && selkies_picture_turn(pic)) {
        selkies_picture_sync(pic);
    }

    if (pic->stale != NULL) {
        memset(pic->stale, 1, (size_t) pic->mb_width
                              * (size_t) pic->mb_height);
        selkies_picture_expect(pic, 0, 0);
    }
}


int
selkies_picture_turn(selkies_picture_t *pic)
{
    uint8_t  *luma, *chroma;

    pic->keep = 0;

    if (pic->stale == NULL && !selkies_picture_others(pic)) {
        pic->kept = 0;
        return 0;
    }

    luma = pic->luma;
    chroma = pic->chroma;
    pic->luma = pic->other[0];
    pic->chroma = pic->other[1];
    pic->other[0] = luma;
    pic->other[1] = chroma;

    return 1;
}


static int
selkies_picture_others(selkies_picture_t *pic)
{
    size_t    n, rows;
    uint8_t  *luma, *chroma, *stale, *moved;

    n = (size_t) pic->mb_width * (size_t) pic->mb_height;
    rows = (size_t) pic->mb_height * 16;

    luma = selkies_picture_alloc(pic->luma_stride_bytes * rows);
    chroma = selkies_picture_alloc(pic->chroma_stride_bytes * rows / 2);
    stale = malloc(n);
    moved = calloc(n, 1);

    if (luma == NULL || chroma == NULL || stale == NULL || moved == NULL) {
        free(luma);
        free(chroma);
        free(stale);
        free(moved);
        return 0;
    }

    memset(stale, 1, n);

    pic->other[0] = luma;
    pic->other[1] = chroma;
    pic->stale = stale;
    pic->moved = moved;

    return 1;
}


/* Adjacent macroblocks together. */

void
selkies_picture_sync(selkies_picture_t *pic)
{
    size_t    i, n, left, nmbs;
    uint8_t  *stale;

    nmbs = (size_t) pic->mb_width * (size_t) pic->mb_height;

    for (i = 0; i < nmbs; i += n) {

        stale = memchr(pic->stale + i, 1, nmbs - i);

        if (stale == NULL) {
            return;
        }

        i = (size_t) (stale - pic->stale);
        left = (size_t) pic->mb_width - i % (size_t) pic->mb_width;

        for (n = 1; n < left && stale[n]; n++) { /* void */ }

        selkies_picture_copy(pic, i, n);
        memset(stale, 0, n);
    }
}


static void
selkies_picture_copy(selkies_picture_t *pic, size_t mb, size_t n)
{
    size_t  at, end, stride;

    stride = pic->luma_stride_bytes;
    at = mb / (size_t) pic->mb_width * 16 * stride
         + mb % (size_t) pic->mb_width * 16;

    for (end = at + 16 * stride; at < end; at += stride) {
        memcpy(pic->luma + at, pic->other[0] + at, n * 16);
    }

    stride = pic->chroma_stride_bytes;
    at = mb / (size_t) pic->mb_width * 8 * stride
         + mb % (size_t) pic->mb_width * 16;

    for (end = at + 8 * stride; at < end; at += stride) {
        memcpy(pic->chroma + at, pic->other[1] + at, n * 16);
    }
}
