
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Planes that lite pictures keep: the two last reconstructions of the chain.
 * Both have whole macroblocks and no other padding; only what is stale is ever
 * copied.
 *
 * Thread: one at a time.  Ownership: lite_private.h.
 */


#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lite_private.h"


static selkies_status_t selkies_lite_frame_alloc(selkies_lite_t *lite,
    selkies_lite_frame_t *frame);
static void selkies_lite_frame_update(const selkies_lite_t *lite,
    const selkies_lite_frame_t *frame, const selkies_planes_t *from);
static int selkies_lite_frame_compare(const selkies_lite_t *lite, size_t mb,
    selkies_vector_t v);
static void selkies_lite_frame_disturb(selkies_lite_t *lite);
static void selkies_lite_frame_reach(long v, long reach[2]);
static void selkies_lite_frame_copy(const selkies_lite_t *lite,
    const selkies_lite_frame_t *frame, const selkies_planes_t *from,
    size_t mb, size_t n);


static selkies_status_t
selkies_lite_frame_alloc(selkies_lite_t *lite, selkies_lite_frame_t *frame)
{
    if (frame->luma != NULL) {
        return SELKIES_OK;
    }

    frame->luma = malloc(lite->nmbs * 385);

    if (frame->luma == NULL) {
        selkies_log(lite->log, SELKIES_LOG_ERR, "lite: no memory");
        return SELKIES_ERROR;
    }

    frame->chroma = frame->luma + lite->nmbs * 256;
    frame->stale = frame->luma + lite->nmbs * 384;
    memset(frame->stale, 1, lite->nmbs);

    return SELKIES_OK;
}


void
selkies_lite_frame_free(selkies_lite_frame_t *frame)
{
    free(frame->luma);
    memset(frame, 0, sizeof(selkies_lite_frame_t));
}


selkies_planes_t
selkies_lite_frame_planes(const selkies_lite_t *lite,
    const selkies_lite_frame_t *frame)
{
    selkies_planes_t  planes;

    planes.luma = frame->luma;
    planes.chroma = frame->chroma;
    planes.luma_stride_bytes = (size_t) lite->mb_width * 16;
    planes.chroma_stride_bytes = (size_t) lite->mb_width * 16;

    return planes;
}


selkies_status_t
selkies_lite_frame_begin(selkies_lite_t *lite)
{
    size_t                 i;
    selkies_lite_frame_t  *frame;

    frame = &lite->frames[!lite->frame];
    lite->nwritten = 0;

    if (selkies_lite_frame_alloc(lite, frame) != SELKIES_OK) {
        return SELKIES_ERROR;
    }

    /* what has a plan is written, and is stale if that fails */

    for (i = 0; i < lite->nlist; i++) {
        frame->stale[lite->list[i]] = 0;
    }

    selkies_lite_frame_update(lite, frame, &lite->base);
    memset(frame->stale, 0, lite->nmbs);

    for (i = 0; i < lite->nlist; i++) {
        frame->stale[lite->list[i]] = 1;
    }

    return SELKIES_OK;
}


int
selkies_lite_frame_same(selkies_lite_t *lite, size_t mb, selkies_vector_t v)
{
    if (!selkies_vector_equal(v, lite->last)) {
        return selkies_lite_frame_compare(lite, mb, v);
    }

    if (!selkies_vector_equal(v, lite->calm_vector)) {
        memset(lite->calm, 0, lite->nmbs);
        lite->calm_vector = v;
    }

    if (!lite->calm[mb]) {
        lite->calm[mb] = (uint8_t) selkies_lite_frame_compare(lite, mb, v);
    }

    return lite->calm[mb];
}


static int
selkies_lite_frame_compare(const selkies_lite_t *lite, size_t mb,
    selkies_vector_t v)
{
    long             left, top;
    size_t           x, y, i, stride, next;
    unsigned         odd;
    const uint8_t   *now, *brought;
    selkies_lanes_t  differ;

    x = mb % lite->mb_width * 16;
    y = mb / lite->mb_width * 16;
    left = (long) x + v.x;
    top = (long) y + v.y;

    if (left < 0 || left + 16 > (long) lite->mb_width * 16
        || top < 0 || top + 16 > (long) lite->sps.mb_height * 16)
    {
        return 0;
    }

    stride = lite->base.luma_stride_bytes;

    if (!selkies_motion_same(lite->base.luma + y * stride + x, stride,
                             lite->base.luma + (size_t) top * stride
                             + (size_t) left,
                             stride, 16, 16))
    {
        return 0;
    }

    /* half a vector, rounded down */

    stride = lite->base.chroma_stride_bytes;
    odd = (v.x & 1) + (v.y & 1);
    next = v.y & 1 ? stride : 2;
    now = lite->base.chroma + y / 2 * stride + x;
    brought = lite->base.chroma + (size_t) top / 2 * stride
              + ((size_t) left & ~(size_t) 1);
    differ = selkies_lanes_zero();

    for (i = 0; i < 8; i++) {
        differ = selkies_lanes_differ(differ, selkies_lanes_load(now),
                                      selkies_vector_mean(brought, next,
                                                          odd));
        now += stride;
        brought += stride;
    }

    return !selkies_lanes_any(differ);
}


void
selkies_lite_frame_written(selkies_lite_t *lite, size_t mb)
{
    unsigned  i;

    lite->list[lite->nlist + lite->nwritten++] = (uint32_t) mb;

    /* the base's, if the picture is made, or else the other one's */

    for (i = 0; i < 2; i++) {
        if (lite->frames[i].luma != NULL) {
            lite->frames[i].stale[mb] = 1;
        }
    }
}


void
selkies_lite_frame_end(selkies_lite_t *lite)
{
    size_t    i;
    uint8_t  *stale;

    stale = lite->frames[lite->frame].stale;

    for (i = 0; stale != NULL && i < lite->nlist; i++) {
        stale[lite->list[i]] = 1;
    }

    selkies_lite_frame_disturb(lite);

    lite->frame = !lite->frame;
    memset(lite->frames[lite->frame].stale, 0, lite->nmbs);
    lite->base = selkies_lite_frame_planes(lite, &lite->frames[lite->frame]);
}


/* What is new in the base is calm no more, nor what the vector brings it to. */

static void
selkies_lite_frame_disturb(selkies_lite_t *lite)
{
    long    x, y, dx, dy, columns[2], rows[2], width, height;
    size_t  i, mb;

    width = (long) lite->mb_width;
    height = (long) lite->sps.mb_height;
    selkies_lite_frame_reach(lite->calm_vector.x, columns);
    selkies_lite_frame_reach(lite->calm_vector.y, rows);

    for (i = 0; i < lite->nlist + lite->nwritten; i++) {

        mb = lite->list[i];
        lite->calm[mb] = 0;

        x = (long) (mb % lite->mb_width);
        y = (long) (mb / lite->mb_width);

        for (dy = rows[0]; dy <= rows[1]; dy++) {
            for (dx = columns[0]; dx <= columns[1]; dx++) {
                if (x + dx >= 0 && x + dx < width
                    && y + dy >= 0 && y + dy < height)
                {
                    lite->calm[(size_t) ((y + dy) * width + x + dx)] = 0;
                }
            }
        }
    }
}


/*
 * How many macroblocks off, from the first to the last, those are to which the
 * component brings something of one: 16 samples, or those of 9 of chroma.
 */

static void
selkies_lite_frame_reach(long v, long reach[2])
{
    long  first, last;

    first = v - (v & 1);
    last = first + (v & 1 ? 17 : 15);

    /* rounded up, and down */

    reach[0] = last >= 0 ? -(last / 16) : (15 - last) / 16;
    reach[1] = first <= 15 ? (15 - first) / 16 : -(first / 16);
}


/* The base is another one, which nobody has compared with ours. */

void
selkies_lite_frame_unknown(selkies_lite_t *lite)
{
    unsigned  i;

    for (i = 0; i < 2; i++) {
        if (lite->frames[i].luma != NULL) {
            memset(lite->frames[i].stale, 1, lite->nmbs);
        }
    }

    if (lite->calm != NULL) {
        memset(lite->calm, 0, lite->nmbs);
    }

    lite->kept = 0;
}


selkies_planes_t
selkies_lite_picture_planes(const selkies_picture_t *pic)
{
    selkies_planes_t  planes;

    planes.luma = pic->luma;
    planes.chroma = pic->chroma;
    planes.luma_stride_bytes = pic->luma_stride_bytes;
    planes.chroma_stride_bytes = pic->chroma_stride_bytes;

    return planes;
}


/* Copies what is stale, adjacent macroblocks together. */

static void
selkies_lite_frame_update(const selkies_lite_t *lite,
    const selkies_lite_frame_t *frame, const selkies_planes_t *from)
{
    size_t          i, n, left;
    const uint8_t  *stale;

    for (i = 0; i < lite->nmbs; i += n) {

        stale = memchr(frame->stale + i, 1, lite->nmbs - i);

        if (stale == NULL) {
            return;
        }

        i = (size_t) (stale - frame->stale);
        left = lite->mb_width - i % lite->mb_width;

        for (n = 1; n < left && stale[n]; n++) { /* void */ }

        selkies_lite_frame_copy(lite, frame, from, i, n);
    }
}


static void
selkies_lite_frame_copy(const selkies_lite_t *lite,
    const selkies_lite_frame_t *frame, const selkies_planes_t *from,
    size_t mb, size_t n)
{
    size_t  x, y, end, width;

    width = (size_t) lite->mb_width * 16;
    x = mb % lite->mb_width * 16;
    y = mb / lite->mb_width * 16;

    for (end = y + 16; y < end; y++) {
        memcpy(frame->luma + y * width + x,
               from->luma + y * from->luma_stride_bytes + x, n * 16);
    }

    y = mb / lite->mb_width * 8;

    for (end = y + 8; y < end; y++) {
        memcpy(frame->chroma + y * width + x,
               from->chroma + y * from->chroma_stride_bytes + x, n * 16);
    }
}
