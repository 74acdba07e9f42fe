
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
#define SELKIES_TRIAL_NEARLY  4
#define SELKIES_TRIAL_SUMS    8


static void selkies_lite_trial_luma(selkies_lite_chain_t *c,
    selkies_lite_trial_t *t);
static void selkies_lite_trial_close(selkies_lite_chain_t *c,
    selkies_lite_trial_t *t);
static void selkies_lite_trial_exact(selkies_lite_chain_t *c,
    selkies_lite_trial_t *t);
static int selkies_lite_trial_shown(selkies_lite_chain_t *c,
    selkies_lite_trial_t *t, unsigned blocks, unsigned n);
static void selkies_lite_trial_colours(selkies_lite_chain_t *c,
    selkies_lite_trial_t *t);


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
    selkies_lite_trial_luma(c, t);

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
            selkies_lite_trial_exact(c, t);
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

    if (!(t->known & SELKIES_TRIAL_NEARLY)) {
        selkies_lite_trial_close(c, t);
    }

    return (t->nearly & blocks) == 0
           && selkies_lite_trial_shown(c, t, blocks,
                                       (unsigned) (width * height / 2));
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
        now = c->pair.now.luma + c->y * 16 * stride + c->x * 16;
        shown = c->lite->base.luma
                + ((ptrdiff_t) c->y * 16 + v.y) * (ptrdiff_t) shown_stride
                + (ptrdiff_t) c->x * 16 + v.x;

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


/* Where luma is not what the vector brings. */

static void
selkies_lite_trial_luma(selkies_lite_chain_t *c, selkies_lite_trial_t *t)
{
    size_t            i, k, stride, old_stride;
    unsigned          blocks;
    const uint8_t    *now, *before;
    selkies_lanes_t   differ;

    stride = c->pair.now.luma_stride_bytes;
    old_stride = c->pair.before.luma_stride_bytes;
    now = c->pair.now.luma + c->y * 16 * stride + c->x * 16;
    before = c->pair.before.luma
             + ((ptrdiff_t) c->y * 16 + t->v.y) * (ptrdiff_t) old_stride
             + (ptrdiff_t) c->x * 16 + t->v.x;
    blocks = 0;

    for (i = 0; i < 16; i += 4) {

        differ = selkies_lanes_zero();

        for (k = 0; k < 4; k++) {
            differ = selkies_lanes_differ(differ, selkies_lanes_load(now),
                                          selkies_lanes_load(before));
            now += stride;
            before += old_stride;
        }

        blocks |= selkies_lanes_fourths(differ) << i;
    }

    t->luma = (uint16_t) blocks;
}


/* Where luma is more than one off what a decoder shows there. */

static void
selkies_lite_trial_close(selkies_lite_chain_t *c, selkies_lite_trial_t *t)
{
    size_t            i, k, stride, shown_stride;
    unsigned          blocks;
    const uint8_t    *now, *shown;
    selkies_lanes_t   differ;

    stride = c->pair.now.luma_stride_bytes;
    shown_stride = c->lite->base.luma_stride_bytes;
    now = c->pair.now.luma + c->y * 16 * stride + c->x * 16;
    shown = c->lite->base.luma
            + ((ptrdiff_t) c->y * 16 + t->v.y) * (ptrdiff_t) shown_stride
            + (ptrdiff_t) c->x * 16 + t->v.x;
    blocks = 0;

    for (i = 0; i < 16; i += 4) {

        differ = selkies_lanes_zero();

        for (k = 0; k < 4; k++) {
            differ = selkies_lanes_beyond(differ, selkies_lanes_load(now),
                                          selkies_lanes_load(shown), 1);
            now += stride;
            shown += shown_stride;
        }

        blocks |= selkies_lanes_fourths(differ) << i;
    }

    t->nearly = (uint16_t) blocks;
    t->known |= SELKIES_TRIAL_NEARLY;
}


/* Where chroma is not what an even vector brings. */

static void
selkies_lite_trial_exact(selkies_lite_chain_t *c, selkies_lite_trial_t *t)
{
    size_t            i, stride, old_stride;
    unsigned          blocks;
    const uint8_t    *now, *before;
    selkies_lanes_t   differ;

    stride = c->pair.now.chroma_stride_bytes;
    old_stride = c->pair.before.chroma_stride_bytes;
    now = c->pair.now.chroma + c->y * 8 * stride + c->x * 16;
    before = c->pair.before.chroma
             + ((ptrdiff_t) c->y * 16 + t->v.y) / 2 * (ptrdiff_t) old_stride
             + (ptrdiff_t) c->x * 16 + t->v.x;
    blocks = 0;

    for (i = 0; i < 16; i += 4) {
        differ = selkies_lanes_differ(selkies_lanes_zero(),
                                      selkies_lanes_load(now),
                                      selkies_lanes_load(before));
        differ = selkies_lanes_differ(differ, selkies_lanes_load(now + stride),
                                      selkies_lanes_load(before
                                                         + old_stride));
        now += stride * 2;
        before += old_stride * 2;
        blocks |= selkies_lanes_fourths(differ) << i;
    }

    t->exact = (uint16_t) blocks;
    t->known |= SELKIES_TRIAL_EXACT;
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
    size_t            i, stride;
    uint8_t           shown[128];
    unsigned          blocks;
    const uint8_t    *now;
    selkies_lanes_t   differ;

    stride = c->pair.now.chroma_stride_bytes;
    now = c->pair.now.chroma + c->y * 8 * stride + c->x * 16;
    blocks = 0;

    selkies_vector_chroma(shown, 16, &c->lite->base, c->x * 16, c->y * 16, 16,
                          16, t->v);

    for (i = 0; i < 16; i += 4) {
        differ = selkies_lanes_beyond(selkies_lanes_zero(),
                                      selkies_lanes_load(now),
                                      selkies_lanes_load(shown + i * 8),
                                      c->lite->limits.peak);
        differ = selkies_lanes_beyond(differ, selkies_lanes_load(now + stride),
                                      selkies_lanes_load(shown + i * 8 + 16),
                                      c->lite->limits.peak);
        selkies_lanes_strip(t->colours + i, now, stride, shown + i * 8, 16, 2);
        now += stride * 2;
        blocks |= selkies_lanes_fourths(differ) << i;
    }

    t->peak = (uint16_t) blocks;
    t->known |= SELKIES_TRIAL_SHOWN;
}
