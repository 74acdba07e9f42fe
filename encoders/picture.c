
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


#define SELKIES_PICTURE_PAGE  4096


static int selkies_picture_others(selkies_picture_t *pic);
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
    }
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
    uint8_t  *luma, *chroma, *stale;

    n = (size_t) pic->mb_width * (size_t) pic->mb_height;
    rows = (size_t) pic->mb_height * 16;

    luma = selkies_picture_alloc(pic->luma_stride_bytes * rows);
    chroma = selkies_picture_alloc(pic->chroma_stride_bytes * rows / 2);
    stale = malloc(n);

    if (luma == NULL || chroma == NULL || stale == NULL) {
        free(luma);
        free(chroma);
        free(stale);
        return 0;
    }

    memset(stale, 1, n);

    pic->other[0] = luma;
    pic->other[1] = chroma;
    pic->stale = stale;

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
