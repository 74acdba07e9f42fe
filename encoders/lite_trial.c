
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * A vector tried on a macroblock.  The same few are asked for again and again,
 * of the whole, of halves, of quadrants and of their halves: so the whole is
 * compared once, in blocks of 4x4 that are a bit each, and all of these
 * questions are answered by masks.
 *
 * Thread: one at a time.  Ownership: lite_chain.h.
 */


#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lanes.h"
#include "lite_chain.h"


/* what of a trial is known */

#define SELKIES_TRIAL_EXACT   1
#define SELKIES_TRIAL_SHOWN   2
#define SELKIES_TRIAL_SUMS    4
#define SELKIES_TRIAL_CLOSE   8             /* four: a strip each */


static int selkies_lite_trial_is_close(selkies_lite_chain_t *c,
    selkies_lite_trial_t *t, unsigned blocks);
static void selkies_lite_trial_colours(selkies_lite_chain_t *c,
    selkies_lite_trial_t *t);
static int selkies_lite_trial_shown(selkies_lite_chain_t *c,
    selkies_lite_trial_t *t, unsigned blocks, unsigned n);


/* The macroblock's luma or chroma, and where a vector points to from there. */

static inline const uint8_t *
selkies_lite_trial_luma(const selkies_lite_chain_t *c,
    const selkies_planes_t *planes, selkies_vector_t v)
{
    return planes->luma
           + ((ptrdiff_t) c->y * 16 + v.y)
             * (ptrdiff_t) planes->luma_stride_bytes
           + (ptrdiff_t) c->x * 16 + v.x;
}


static inline const uint8_t *
selkies_lite_trial_chroma(const selkies_lite_chain_t *c,
    const selkies_planes_t *planes, selkies_vector_t v)
{
    return planes->chroma
           + ((ptrdiff_t) c->y * 16 + v.y) / 2
             * (ptrdiff_t) planes->chroma_stride_bytes
           + (ptrdiff_t) c->x * 16 + v.x;
}


/*
 * Of four blocks side by side, rows high, those in which samples differ by more
 * than the limit; likewise of all of them.
 */

static inline unsigned
selkies_lite_trial_strip(const uint8_t *a, size_t a_stride, const uint8_t *b,
    size_t b_stride, const unsigned rows, const unsigned limit)
{
    unsigned         i;
    selkies_lanes_t  differ, one, other;

    differ = selkies_lanes_zero();

    for (i = 0; i < rows; i++) {
        one = selkies_lanes_load(a);
        other = selkies_lanes_load(b);
        differ = limit ? selkies_lanes_beyond(differ, one, other, limit)
                       : selkies_lanes_differ(differ, one, other);
        a += a_stride;
        b += b_stride;
    }

    return selkies_lanes_fourths(differ);
}


static inline unsigned
selkies_lite_trial_blocks_beyond(const uint8_t *a, size_t a_stride,
    const uint8_t *b, size_t b_stride, const unsigned rows,
    const unsigned limit)
{
    unsigned  i, blocks;

    blocks = 0;

    for (i = 0; i < 16; i += 4) {
        blocks |= selkies_lite_trial_strip(a, a_stride, b, b_stride, rows,
                                           limit) << i;
        a += a_stride * rows;
        b += b_stride * rows;
    }

    return blocks;
}


void
selkies_lite_trial_begin(selkies_lite_chain_t *c, size_t mb_x, size_t mb_y)
{
    c->x = mb_x;
    c->y = mb_y;
    c->ntrials = 0;
}


selkies_lite_trial_t *
selkies_lite_trial(selkies_lite_chain_t *c, selkies_vector_t v)
{
    long                   left, top;
    size_t                 i;
    selkies_lite_trial_t  *t;

    for (i = 0; i < c->ntrials; i++) {
        if (selkies_vector_equal(c->trials[i].v, v)) {
            return &c->trials[i];
        }
    }

    left = (long) c->x * 16 + v.x;
    top = (long) c->y * 16 + v.y;

    if (c->ntrials == SELKIES_LITE_TRIALS
        || left < 0 || left + 16 > (long) c->lite->mb_width * 16
        || top < 0 || top + 16 > (long) c->lite->sps.mb_height * 16)
    {
        return NULL;
    }

    t = &c->trials[c->ntrials++];
    t->v = v;
    t->known = 0;
    t->nearly = 0;
    t->luma = (uint16_t) selkies_lite_trial_blocks_beyond(
                            selkies_lite_trial_luma(c, &c->pair.now,
                                                    selkies_lite_zero),
                            c->pair.now.luma_stride_bytes,
                            selkies_lite_trial_luma(c, &c->pair.before, v),
                            c->pair.before.luma_stride_bytes, 4, 0);

    return t;
}


int
selkies_lite_trial_matches(selkies_lite_chain_t *c, size_t x, size_t y,
    size_t width, size_t height, selkies_vector_t v)
{
    unsigned               blocks;
    selkies_lite_trial_t  *t;

    t = selkies_lite_trial(c, v);

    if (t == NULL) {
        return selkies_lite_plan_matches(c->lite, &c->pair, x, y, width,
                                         height, v);
    }

    blocks = selkies_lite_trial_blocks(x, y, width, height);

    if (t->luma & blocks) {
        return 0;
    }

    if (((v.x | v.y) & 1) == 0) {

        if (!(t->known & SELKIES_TRIAL_EXACT)) {
            t->exact = (uint16_t) selkies_lite_trial_blocks_beyond(
                            selkies_lite_trial_chroma(c, &c->pair.now,
                                                      selkies_lite_zero),
                            c->pair.now.chroma_stride_bytes,
                            selkies_lite_trial_chroma(c, &c->pair.before, v),
                            c->pair.before.chroma_stride_bytes, 2, 0);
            t->known |= SELKIES_TRIAL_EXACT;
        }

        return (t->exact & blocks) == 0;
    }

    return selkies_lite_trial_shown(c, t, blocks,
                                    (unsigned) (width * height / 2));
}


int
selkies_lite_trial_nearly(selkies_lite_chain_t *c, size_t x, size_t y,
    size_t width, size_t height, selkies_vector_t v)
{
    unsigned               blocks;
    selkies_lite_trial_t  *t;

    t = selkies_lite_trial(c, v);

    if (t == NULL) {
        return selkies_lite_plan_nearly(c->lite, &c->pair, x, y, width,
                                        height, v);
    }

    blocks = selkies_lite_trial_blocks(x, y, width, height);

    return selkies_lite_trial_is_close(c, t, blocks)
           && selkies_lite_trial_shown(c, t, blocks,
                                       (unsigned) (width * height / 2));
}


/*
 * Whether none of the blocks is more than one off what a decoder shows: most of
 * those that are show it in the first strip.
 */

static int
selkies_lite_trial_is_close(selkies_lite_chain_t *c, selkies_lite_trial_t *t,
    unsigned blocks)
{
    size_t    stride, shown_stride;
    unsigned  i, strip;

    stride = c->pair.now.luma_stride_bytes;
    shown_stride = c->lite->base.luma_stride_bytes;

    for (i = 0; i < 4; i++) {

        strip = blocks & 15u << i * 4;

        if (strip != 0 && !(t->known & SELKIES_TRIAL_CLOSE << i)) {

            t->nearly |= (uint16_t) (selkies_lite_trial_strip(
                            selkies_lite_trial_luma(c, &c->pair.now,
                                                    selkies_lite_zero)
                            + i * 4 * stride,
                            stride,
                            selkies_lite_trial_luma(c, &c->lite->base, t->v)
                            + i * 4 * shown_stride,
                            shown_stride, 4, 1) << i * 4);

            t->known |= (uint16_t) (SELKIES_TRIAL_CLOSE << i);
        }

        if (t->nearly & strip) {
            return 0;
        }
    }

    return 1;
}


unsigned
selkies_lite_trial_differ(selkies_lite_chain_t *c, size_t x, size_t y,
    size_t width, size_t height, selkies_vector_t v)
{
    size_t                 i, stride, shown_stride;
    unsigned               sum, blocks;
    const uint8_t         *now, *shown;
    selkies_lite_trial_t  *t;

    t = selkies_lite_trial(c, v);

    if (t == NULL) {
        return selkies_lite_plan_differ(c->lite, &c->pair, x, y, width, height,
                                        v);
    }

    if (!(t->known & SELKIES_TRIAL_SUMS)) {

        stride = c->pair.now.luma_stride_bytes;
        shown_stride = c->lite->base.luma_stride_bytes;
        now = selkies_lite_trial_luma(c, &c->pair.now, selkies_lite_zero);
        shown = selkies_lite_trial_luma(c, &c->lite->base, v);

        for (i = 0; i < 16; i += 4) {
            selkies_lanes_strip(t->sums + i, now, stride, shown, shown_stride,
                                4);
            now += stride * 4;
            shown += shown_stride * 4;
        }

        t->known |= SELKIES_TRIAL_SUMS;
    }

    sum = 0;

    for (blocks = selkies_lite_trial_blocks(x, y, width, height); blocks;
         blocks &= blocks - 1)
    {
        sum += t->sums[__builtin_ctz(blocks)];
    }

    return sum;
}


/* Whether the chroma that will be shown is good enough, n samples of it. */

static int
selkies_lite_trial_shown(selkies_lite_chain_t *c, selkies_lite_trial_t *t,
    unsigned blocks, unsigned n)
{
    unsigned  sum;

    if (!(t->known & SELKIES_TRIAL_SHOWN)) {
        selkies_lite_trial_colours(c, t);
    }

    if (t->peak & blocks) {
        return 0;
    }

    sum = 0;

    for ( /* void */ ; blocks; blocks &= blocks - 1) {
        sum += t->colours[__builtin_ctz(blocks)];
    }

    return sum <= c->lite->limits.mean * n;
}


static void
selkies_lite_trial_colours(selkies_lite_chain_t *c, selkies_lite_trial_t *t)
{
    size_t          i, stride;
    uint8_t         shown[128];
    const uint8_t  *now;

    stride = c->pair.now.chroma_stride_bytes;
    now = selkies_lite_trial_chroma(c, &c->pair.now, selkies_lite_zero);

    selkies_vector_chroma(shown, 16, &c->lite->base, c->x * 16, c->y * 16, 16,
                          16, t->v);

    t->peak = (uint16_t) selkies_lite_trial_blocks_beyond(now, stride, shown,
                                                          16, 2,
                                                      c->lite->limits.peak);

    for (i = 0; i < 16; i += 4) {
        selkies_lanes_strip(t->colours + i, now, stride, shown + i * 8, 16, 2);
        now += stride * 2;
    }

    t->known |= SELKIES_TRIAL_SHOWN;
}
