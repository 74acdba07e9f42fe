
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * What becomes of the macroblocks that changed in a picture of the chain:
 * some only seem to have changed, some moved, the others have to be coded.
 * The screen that the base shows is compared, not the base, which is lossy:
 * what moved keeps its quality.
 *
 * Thread: one at a time.  Ownership: lite_private.h.
 */


#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lite_private.h"


/*
 * The chroma of an odd vector is a mean of neighbours.  It will do while it
 * differs by this in the mean and nowhere by more than that.
 */

#define SELKIES_LITE_CHROMA_MEAN  3
#define SELKIES_LITE_CHROMA_PEAK  24


/* What scrolls by less than that are not lines of text. */

#define SELKIES_LITE_PITCH_MIN    8


static size_t selkies_lite_plan_explain(selkies_lite_t *lite,
    const selkies_motion_pair_t *pair, selkies_vector_t v);
static size_t selkies_lite_plan_split(selkies_lite_t *lite,
    const selkies_motion_pair_t *pair, selkies_vector_t v);
static size_t selkies_lite_plan_quadrants(selkies_lite_t *lite,
    const selkies_motion_pair_t *pair, selkies_vector_t v,
    selkies_motion_block_t *blocks);
static int selkies_lite_plan_matches(const selkies_lite_t *lite,
    const selkies_motion_pair_t *pair, size_t x, size_t y, size_t size,
    selkies_vector_t v);
static int selkies_lite_plan_stays(const selkies_motion_pair_t *pair, size_t x,
    size_t y);
static int selkies_lite_plan_chroma(const selkies_lite_t *lite,
    const selkies_motion_pair_t *pair, size_t x, size_t y, size_t size,
    selkies_vector_t v);
static int selkies_lite_plan_same(const uint8_t *a, size_t a_stride,
    const uint8_t *b, size_t b_stride, size_t n, size_t rows);


static const selkies_vector_t  selkies_lite_zero;


size_t
selkies_lite_plan(selkies_lite_t *lite, const selkies_picture_t *pic,
    selkies_vector_t *v)
{
    size_t                 i, n, left;
    selkies_motion_pair_t  pair;

    memset(lite->plans, SELKIES_LITE_STAY, lite->nmbs);
    memset(lite->vectors, 0, lite->nmbs * 4 * sizeof(selkies_vector_t));
    memset(&pair, 0, sizeof(selkies_motion_pair_t));
    memset(v, 0, sizeof(selkies_vector_t));

    if (lite->kept) {
        pair.now = selkies_lite_picture_planes(pic);
        pair.before = selkies_lite_frame_planes(lite, &lite->source);
        pair.mb_width = lite->mb_width;
        pair.mb_height = lite->nmbs / lite->mb_width;
        pair.map = lite->plans;
    }

    n = 0;

    for (i = 0, left = lite->nchanged; left > 0; i++) {

        if (lite->states[i] == SELKIES_LITE_CLEAN) {
            continue;
        }

        left--;

        if (lite->kept
            && selkies_lite_plan_stays(&pair, i % lite->mb_width,
                                       i / lite->mb_width))
        {
            continue;
        }

        lite->plans[i] = SELKIES_LITE_CODE;
        n++;
    }

    if (!lite->kept || n == 0) {
        return n;
    }

    if (lite->motion == NULL) {
        lite->motion = selkies_motion_open();
    }

    if (lite->motion == NULL
        || !selkies_motion_find(lite->motion, &pair, &lite->last))
    {
        return n;
    }

    *v = lite->last;

    n -= selkies_lite_plan_explain(lite, &pair, *v);
    n -= selkies_lite_plan_split(lite, &pair, *v);

    return n;
}


/* Marks the macroblocks that the vector explains and counts them. */

static size_t
selkies_lite_plan_explain(selkies_lite_t *lite,
    const selkies_motion_pair_t *pair, selkies_vector_t v)
{
    size_t                 i, n, x, y;
    selkies_vector_grid_t  grid;

    n = 0;
    grid.blocks = lite->vectors;
    grid.width = (size_t) lite->mb_width * 2;

    for (i = 0; i < lite->nmbs; i++) {

        if (lite->plans[i] != SELKIES_LITE_CODE) {
            continue;
        }

        x = i % lite->mb_width;
        y = i / lite->mb_width;

        if (selkies_lite_plan_matches(lite, pair, x * 16, y * 16, 16, v)) {
            lite->plans[i] = SELKIES_LITE_MOVE;
            selkies_vector_set(&grid, x, y, v);
            n++;
        }
    }

    return n;
}


/*
 * What is left, in quadrants: some stay, some move, some show text that is
 * elsewhere, too.  Counts the macroblocks of which nothing is left then.
 */

static size_t
selkies_lite_plan_split(selkies_lite_t *lite,
    const selkies_motion_pair_t *pair, selkies_vector_t v)
{
    size_t                   i, n, x, y, width;
    selkies_vector_t        *block;
    selkies_motion_block_t   blocks[SELKIES_MOTION_BLOCKS];

    width = (size_t) lite->mb_width * 2;
    n = selkies_lite_plan_quadrants(lite, pair, v, blocks);

    if (v.x == 0 && abs(v.y) >= SELKIES_LITE_PITCH_MIN) {
        selkies_motion_blocks(lite->motion, pair, blocks, n, v.y);

        for (i = 0; i < n; i++) {

            x = blocks[i].x;
            y = blocks[i].y;

            if (blocks[i].found
                && selkies_lite_plan_chroma(lite, pair, x, y, 8, blocks[i].v))
            {
                lite->vectors[y / 8 * width + x / 8] = blocks[i].v;
            }
        }
    }

    n = 0;

    for (i = 0; i < lite->nmbs; i++) {

        if (lite->plans[i] != SELKIES_LITE_CODE) {
            continue;
        }

        block = lite->vectors + i / lite->mb_width * 2 * width
                + i % lite->mb_width * 2;

        if (block[0].x != SELKIES_VECTOR_NONE
            && block[1].x != SELKIES_VECTOR_NONE
            && block[width].x != SELKIES_VECTOR_NONE
            && block[width + 1].x != SELKIES_VECTOR_NONE)
        {
            lite->plans[i] = SELKIES_LITE_MOVE;
            n++;
        }
    }

    return n;
}


/* The quadrants that neither stay nor move; returns how many. */

static size_t
selkies_lite_plan_quadrants(selkies_lite_t *lite,
    const selkies_motion_pair_t *pair, selkies_vector_t v,
    selkies_motion_block_t *blocks)
{
    size_t             i, n, x, y, width;
    selkies_vector_t  *block;

    width = (size_t) lite->mb_width * 2;
    n = 0;

    for (i = 0; i < lite->nmbs * 4; i++) {

        x = i % width;
        y = i / width;

        if (lite->plans[y / 2 * lite->mb_width + x / 2] != SELKIES_LITE_CODE) {
            continue;
        }

        block = &lite->vectors[i];

        if (selkies_lite_plan_matches(lite, pair, x * 8, y * 8, 8,
                                      selkies_lite_zero))
        {
            *block = selkies_lite_zero;

        } else if (selkies_lite_plan_matches(lite, pair, x * 8, y * 8, 8, v)) {
            *block = v;

        } else {
            block->x = SELKIES_VECTOR_NONE;

            if (n < SELKIES_MOTION_BLOCKS) {
                blocks[n].x = (uint16_t) (x * 8);
                blocks[n].y = (uint16_t) (y * 8);
                n++;
            }
        }
    }

    return n;
}


/* Is the block what the vector brings? */

static int
selkies_lite_plan_matches(const selkies_lite_t *lite,
    const selkies_motion_pair_t *pair, size_t x, size_t y, size_t size,
    selkies_vector_t v)
{
    return selkies_motion_explains(pair, x, y, size, v)
           && selkies_lite_plan_chroma(lite, pair, x, y, size, v);
}


static int
selkies_lite_plan_stays(const selkies_motion_pair_t *pair, size_t x, size_t y)
{
    size_t  stride, old_stride;

    stride = pair->now.luma_stride_bytes;
    old_stride = pair->before.luma_stride_bytes;

    if (!selkies_lite_plan_same(pair->now.luma + y * 16 * stride + x * 16,
                                stride,
                                pair->before.luma + y * 16 * old_stride
                                + x * 16,
                                old_stride, 16, 16))
    {
        return 0;
    }

    stride = pair->now.chroma_stride_bytes;
    old_stride = pair->before.chroma_stride_bytes;

    return selkies_lite_plan_same(pair->now.chroma + y * 8 * stride + x * 16,
                                  stride,
                                  pair->before.chroma + y * 8 * old_stride
                                  + x * 16,
                                  old_stride, 16, 8);
}


static int
selkies_lite_plan_same(const uint8_t *a, size_t a_stride, const uint8_t *b,
    size_t b_stride, size_t n, size_t rows)
{
    for (; rows > 0; rows--) {

        /* of a known size memcmp() is no call */

        if (n == 16 ? memcmp(a, b, 16) != 0 : memcmp(a, b, 8) != 0) {
            return 0;
        }

        a += a_stride;
        b += b_stride;
    }

    return 1;
}


/* Is the chroma that the vector brings good enough? */

static int
selkies_lite_plan_chroma(const selkies_lite_t *lite,
    const selkies_motion_pair_t *pair, size_t x, size_t y, size_t size,
    selkies_vector_t v)
{
    int             d, sum;
    size_t          i, k, stride;
    uint8_t         shown[128];
    const uint8_t  *now, *before;

    stride = pair->now.chroma_stride_bytes;
    now = pair->now.chroma + y / 2 * stride + x;

    if (((v.x | v.y) & 1) == 0) {
        before = pair->before.chroma + (ptrdiff_t) x + v.x
                 + ((ptrdiff_t) y + v.y) / 2
                   * (ptrdiff_t) pair->before.chroma_stride_bytes;

        return selkies_lite_plan_same(now, stride, before,
                                      pair->before.chroma_stride_bytes, size,
                                      size / 2);
    }

    /* a mean of means gets softer and softer: judge what will be shown */

    selkies_vector_chroma(shown, size, &lite->base, x, y, size, v);
    sum = 0;

    for (i = 0; i < size / 2; i++) {

        for (k = 0; k < size; k++) {
            d = abs(now[k] - shown[i * size + k]);
            sum += d;

            if (d > SELKIES_LITE_CHROMA_PEAK) {
                return 0;
            }
        }

        now += stride;
    }

    return sum <= SELKIES_LITE_CHROMA_MEAN * (int) (size * size / 2);
}
