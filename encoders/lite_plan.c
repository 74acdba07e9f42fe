
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

#include "lanes.h"
#include "lite_private.h"
#include "transform.h"


/*
 * The chroma of an odd vector is a mean of neighbours.  It will do while it
 * differs by that in the mean and nowhere by more, and by what the quantiser
 * makes of it besides, for that is copied, too.
 */

#define SELKIES_LITE_CHROMA_MEAN  3
#define SELKIES_LITE_CHROMA_PEAK  24

#define SELKIES_LITE_RUN          64        /* macroblocks compared at once */
/* What one vector leaves, to be worth the search for a second one. */

#define SELKIES_LITE_SECOND_MIN   160
#define SELKIES_LITE_SECOND_SHARE 6

#define SELKIES_LITE_OUTSIDE      65536     /* more than a quadrant's luma */


static void selkies_lite_plan_limits(selkies_lite_t *lite);
static void selkies_lite_plan_changed(selkies_lite_t *lite,
    const selkies_motion_pair_t *pair);
static size_t selkies_lite_plan_second(selkies_lite_t *lite,
    const selkies_picture_t *pic, const selkies_motion_pair_t *pair,
    selkies_vector_t v[2], size_t left);
static size_t selkies_lite_plan_explain(selkies_lite_t *lite,
    const selkies_picture_t *pic, const selkies_motion_pair_t *pair,
    selkies_vector_t v, uint8_t plan);
static size_t selkies_lite_plan_edge(selkies_lite_t *lite,
    const selkies_motion_pair_t *pair, size_t mb, size_t n, selkies_vector_t v,
    uint8_t plan);
static size_t selkies_lite_plan_run(const selkies_lite_t *lite,
    const uint8_t *moved, size_t k);
static uint8_t *selkies_lite_plan_room(const selkies_lite_t *lite, size_t x,
    size_t y);
static int selkies_lite_plan_within(const selkies_motion_pair_t *pair,
    size_t x, size_t y, size_t width, size_t height, selkies_vector_t v);
static void selkies_lite_plan_luma(selkies_lanes_t *differ,
    const selkies_motion_pair_t *pair, size_t x, size_t y, size_t n,
    selkies_vector_t v);
static inline void selkies_lite_plan_means(selkies_lanes_t *differ,
    selkies_lanes_t *sums, const selkies_lite_t *lite,
    const selkies_motion_pair_t *pair, size_t x, size_t y, size_t n,
    size_t height, selkies_vector_t v, uint8_t *to, size_t to_stride,
    const unsigned odd);
static void selkies_lite_plan_colours(selkies_lanes_t *differ,
    selkies_lanes_t *sums, const selkies_lite_t *lite,
    const selkies_motion_pair_t *pair, size_t x, size_t y, size_t n,
    size_t height, selkies_vector_t v, uint8_t *to, size_t to_stride);
static void selkies_lite_plan_exact(selkies_lanes_t *differ,
    selkies_lanes_t *sums, const selkies_motion_pair_t *pair, size_t x,
    size_t y, size_t n, selkies_vector_t v);
static int selkies_lite_plan_stays(const selkies_motion_pair_t *pair, size_t x,
    size_t y);
static int selkies_lite_plan_chroma(const selkies_lite_t *lite,
    const selkies_motion_pair_t *pair, size_t x, size_t y, size_t width,
    size_t height, selkies_vector_t v);
static int selkies_lite_plan_shown(const selkies_lite_t *lite,
    const selkies_motion_pair_t *pair, size_t x, size_t y, size_t width,
    size_t height, selkies_vector_t v);


void
selkies_lite_plan_list(selkies_lite_t *lite, const selkies_picture_t *pic,
    selkies_motion_pair_t *pair)
{
    selkies_planes_t  kept;

    memset(pair, 0, sizeof(selkies_motion_pair_t));
    kept = selkies_lite_picture_planes(pic);

    if (!selkies_picture_kept(pic, &kept.luma, &kept.chroma)) {
        lite->kept = 0;
    }

    if (lite->kept) {
        pair->now = selkies_lite_picture_planes(pic);
        pair->before = kept;
        pair->mb_width = lite->mb_width;
        pair->mb_height = lite->nmbs / lite->mb_width;
        pair->map = lite->plans;
    }

    selkies_lite_plan_changed(lite, pair);
}


size_t
selkies_lite_plan_moves(selkies_lite_t *lite, const selkies_picture_t *pic,
    const selkies_motion_pair_t *pair, selkies_vector_t v[2])
{
    size_t  left;

    memset(v, 0, 2 * sizeof(selkies_vector_t));
    selkies_lite_plan_limits(lite);

    if (!lite->kept || lite->nlist == 0) {
        return lite->nlist;
    }

    if (lite->motion == NULL) {
        lite->motion = selkies_motion_open();
    }

    if (lite->motion == NULL
        || !selkies_motion_find(lite->motion, pair, &lite->last))
    {
        return lite->nlist;
    }

    v[0] = lite->last;
    left = lite->nlist - selkies_lite_plan_explain(lite, pic, pair, v[0],
                                                   SELKIES_LITE_MOVE);

    if (left < SELKIES_LITE_SECOND_MIN
        || left < lite->nlist / SELKIES_LITE_SECOND_SHARE)
    {
        return left;
    }

    return left - selkies_lite_plan_second(lite, pic, pair, v, left);
}


/* What moved otherwise, of what is left; what there is more of is the first. */

static size_t
selkies_lite_plan_second(selkies_lite_t *lite, const selkies_picture_t *pic,
    const selkies_motion_pair_t *pair, selkies_vector_t v[2], size_t left)
{
    size_t            i, found;
    uint8_t          *plan;
    selkies_vector_t  swap;

    if (!selkies_motion_find(lite->motion, pair, &lite->second)) {
        return 0;
    }

    /*
     * What was read while it moved has both moves along one way.  Any other
     * is one that a plain ground is taken for, and dearer than what choose()
     * finds.
     */

    if (v[0].x * lite->second.y != v[0].y * lite->second.x) {
        return 0;
    }

    v[1] = lite->second;
    found = selkies_lite_plan_explain(lite, pic, pair, v[1],
                                      SELKIES_LITE_MOVE_SECOND);

    if (found > lite->nlist - left) {

        swap = v[0];
        v[0] = v[1];
        v[1] = swap;
        lite->last = v[0];
        lite->second = v[1];

        for (i = 0; i < lite->nlist; i++) {
            plan = &lite->plans[lite->list[i]];

            if (*plan >= SELKIES_LITE_MOVE) {
                *plan = (uint8_t) (SELKIES_LITE_MOVE + SELKIES_LITE_MOVE_SECOND
                                   - *plan);
            }
        }
    }

    return found;
}


static void
selkies_lite_plan_limits(selkies_lite_t *lite)
{
    unsigned  step, peak;

    step = (unsigned) selkies_transform_step(lite->base_qp);
    peak = SELKIES_LITE_CHROMA_PEAK + step * 2;

    lite->limits.mean = SELKIES_LITE_CHROMA_MEAN + step / 2;
    lite->limits.peak = peak < 255 ? peak : 255;
}


/* What has changed, to be coded for now. */

static void
selkies_lite_plan_changed(selkies_lite_t *lite,
    const selkies_motion_pair_t *pair)
{
    size_t           i, n, x, y;
    selkies_area_t  *area;

    for (n = 0; n < lite->nlist; n++) {
        lite->plans[lite->list[n]] = SELKIES_LITE_STAY;
    }

    lite->nlist = 0;
    area = &lite->area;
    area->left = lite->mb_width;
    area->right = 0;
    area->top = lite->nmbs;
    area->bottom = 0;

    for (i = 0, n = lite->nchanged; n > 0; i++, n--) {

        i = selkies_lite_find(lite, i);
        x = i % lite->mb_width;
        y = i / lite->mb_width;

        /* without a lite picture in between, what changed is not as it was */

        if (lite->kept && lite->run > 0
            && selkies_lite_plan_stays(pair, x, y))
        {
            continue;
        }

        if (lite->nlist == 0) {
            area->top = y;
        }

        area->bottom = y + 1;
        area->left = x < area->left ? x : area->left;
        area->right = x >= area->right ? x + 1 : area->right;

        lite->plans[i] = SELKIES_LITE_CODE;
        lite->list[lite->nlist++] = (uint32_t) i;
    }
}


/* Marks macroblocks to be coded that the vector explains and counts them. */

static size_t
selkies_lite_plan_explain(selkies_lite_t *lite, const selkies_picture_t *pic,
    const selkies_motion_pair_t *pair, selkies_vector_t v, uint8_t plan)
{
    size_t           i, k, n, run, x, y, found;
    unsigned         known;
    const uint8_t   *moved;
    selkies_lanes_t  luma[SELKIES_LITE_RUN], chroma[SELKIES_LITE_RUN],
                     sums[SELKIES_LITE_RUN];

    found = 0;
    moved = selkies_picture_moved(pic, v.x, v.y);

    for (k = 0; k < lite->nlist; k += run) {

        i = lite->list[k];
        x = i % lite->mb_width;
        y = i / lite->mb_width;
        run = 1;

        known = moved ? moved[i] : SELKIES_PICTURE_UNKNOWN;

        if (lite->plans[i] != SELKIES_LITE_CODE
            || known == SELKIES_PICTURE_OTHER)
        {
            continue;
        }

        run = selkies_lite_plan_run(lite, moved, k);

        if (!selkies_lite_plan_within(pair, x * 16, y * 16, run * 16, 16, v)) {
            found += selkies_lite_plan_edge(lite, pair, i, run, v, plan);
            continue;
        }

        if (known == SELKIES_PICTURE_UNKNOWN) {
            selkies_lite_plan_luma(luma, pair, x, y, run, v);

        } else {
            for (n = 0; n < run; n++) {
                luma[n] = selkies_lanes_zero();
            }
        }

        if ((v.x | v.y) & 1) {
            selkies_lite_plan_colours(chroma, sums, lite, pair, x * 16, y * 16,
                                      run, 16, v,
                                      selkies_lite_plan_room(lite, x, y),
                                      (size_t) lite->mb_width * 16);

        } else {
            selkies_lite_plan_exact(chroma, sums, pair, x * 16, y * 16, run,
                                    v);
        }

        for (n = 0; n < run; n++) {
            if (!selkies_lanes_any(luma[n])
                && !selkies_lanes_any(chroma[n])
                && selkies_lanes_total(sums[n]) <= lite->limits.mean * 128)
            {
                lite->plans[i + n] = plan;
                found++;
            }
        }
    }

    return found;
}


/* The same of n macroblocks not all of which are moved from in the picture. */

static size_t
selkies_lite_plan_edge(selkies_lite_t *lite, const selkies_motion_pair_t *pair,
    size_t mb, size_t n, selkies_vector_t v, uint8_t plan)
{
    size_t  x, y, found;

    found = 0;
    x = mb % lite->mb_width;
    y = mb / lite->mb_width;

    for ( /* void */ ; n > 0; n--, mb++, x++) {

        if (!selkies_lite_plan_matches(lite, pair, x * 16, y * 16, 16, 16, v))
        {
            continue;
        }

        if ((v.x | v.y) & 1) {
            selkies_vector_chroma(selkies_lite_plan_room(lite, x, y),
                                  (size_t) lite->mb_width * 16, &lite->base,
                                  x * 16, y * 16, 16, 16, v);
        }

        lite->plans[mb] = plan;
        found++;
    }

    return found;
}


/* Where the chroma of the new frame's macroblock goes. */

static uint8_t *
selkies_lite_plan_room(const selkies_lite_t *lite, size_t x, size_t y)
{
    return lite->frames[!lite->frame].chroma
           + (y * 8 * lite->mb_width + x) * 16;
}


/*
 * Macroblocks side by side from one of the list on, all to be coded, of all of
 * which as much is known.
 */

static size_t
selkies_lite_plan_run(const selkies_lite_t *lite, const uint8_t *moved,
    size_t k)
{
    size_t  n, max, mb;

    mb = lite->list[k];
    max = lite->mb_width - mb % lite->mb_width;
    max = max < lite->nlist - k ? max : lite->nlist - k;
    max = max < SELKIES_LITE_RUN ? max : SELKIES_LITE_RUN;

    for (n = 1; n < max && lite->list[k + n] == mb + n
                && lite->plans[mb + n] == SELKIES_LITE_CODE
                && (moved == NULL || moved[mb + n] == moved[mb]); n++)
    {
        /* void */
    }

    return n;
}


static int
selkies_lite_plan_within(const selkies_motion_pair_t *pair, size_t x, size_t y,
    size_t width, size_t height, selkies_vector_t v)
{
    long  left, top;

    left = (long) x + v.x;
    top = (long) y + v.y;

    return left >= 0 && left + (long) width <= (long) pair->mb_width * 16
           && top >= 0 && top + (long) height <= (long) pair->mb_height * 16;
}


/*
 * Where macroblocks differ from what the vector brings, row by row: that is
 * the order in which memory is fast.
 */

static void
selkies_lite_plan_luma(selkies_lanes_t *differ,
    const selkies_motion_pair_t *pair, size_t x, size_t y, size_t n,
    selkies_vector_t v)
{
    size_t          i, row;
    const uint8_t  *now, *before;

    now = pair->now.luma + y * 16 * pair->now.luma_stride_bytes + x * 16;
    before = pair->before.luma
             + ((ptrdiff_t) y * 16 + v.y)
               * (ptrdiff_t) pair->before.luma_stride_bytes
             + (ptrdiff_t) x * 16 + v.x;

    for (i = 0; i < n; i++) {
        differ[i] = selkies_lanes_zero();
    }

    for (row = 0; row < 16; row++) {

        for (i = 0; i < n; i++) {
            differ[i] = selkies_lanes_differ(differ[i],
                                             selkies_lanes_load(now + i * 16),
                                             selkies_lanes_load(before
                                                                + i * 16));
        }

        now += pair->now.luma_stride_bytes;
        before += pair->before.luma_stride_bytes;
    }
}


/*
 * The same of chroma.  What an odd vector brings is a mean of a mean of a mean,
 * so what will be shown is judged: where it is far off, and by how much in all.
 * It goes where it is to be shown, for then it need not be made once more.
 */

static inline __attribute__((always_inline)) void
selkies_lite_plan_means(selkies_lanes_t *differ, selkies_lanes_t *sums,
    const selkies_lite_t *lite, const selkies_motion_pair_t *pair, size_t x,
    size_t y, size_t n, size_t height, selkies_vector_t v, uint8_t *to,
    size_t to_stride, const unsigned odd)
{
    size_t           i, row, next, stride;
    const uint8_t   *now, *shown;
    selkies_lanes_t  one, other;

    stride = lite->base.chroma_stride_bytes;
    next = v.y & 1 ? stride : 2;

    for (i = 0; i < n; i++) {
        differ[i] = selkies_lanes_zero();
        sums[i] = selkies_lanes_zero();
    }

    now = pair->now.chroma + y / 2 * pair->now.chroma_stride_bytes + x;
    shown = lite->base.chroma
            + ((ptrdiff_t) y + v.y - (v.y & 1)) / 2 * (ptrdiff_t) stride
            + (ptrdiff_t) x + v.x - (v.x & 1);

    for (row = 0; row < height / 2; row++) {

        for (i = 0; i < n; i++) {

            if (i % 4 == 0 && row + 2 < height / 2) {
                __builtin_prefetch(now + pair->now.chroma_stride_bytes
                                   + i * 16);
                __builtin_prefetch(shown + stride * 2 + i * 16);
                __builtin_prefetch(to + to_stride + i * 16, 1);
            }

            one = selkies_lanes_load(now + i * 16);
            other = selkies_vector_mean(shown + i * 16, next, odd);
            selkies_lanes_store(to + i * 16, other);
            sums[i] = selkies_lanes_gather(sums[i], one, other);
            differ[i] = selkies_lanes_beyond(differ[i], one, other,
                                             lite->limits.peak);
        }

        now += pair->now.chroma_stride_bytes;
        shown += stride;
        to += to_stride;
    }
}


static void
selkies_lite_plan_colours(selkies_lanes_t *differ, selkies_lanes_t *sums,
    const selkies_lite_t *lite, const selkies_motion_pair_t *pair, size_t x,
    size_t y, size_t n, size_t height, selkies_vector_t v, uint8_t *to,
    size_t to_stride)
{
    switch ((v.x & 1) + (v.y & 1)) {

    case 0:
        selkies_lite_plan_means(differ, sums, lite, pair, x, y, n, height, v,
                                to, to_stride, 0);
        break;

    case 1:
        selkies_lite_plan_means(differ, sums, lite, pair, x, y, n, height, v,
                                to, to_stride, 1);
        break;

    default:
        selkies_lite_plan_means(differ, sums, lite, pair, x, y, n, height, v,
                                to, to_stride, 2);
    }
}


/* The same where both components are even: it must be what moved. */

static void
selkies_lite_plan_exact(selkies_lanes_t *differ, selkies_lanes_t *sums,
    const selkies_motion_pair_t *pair, size_t x, size_t y, size_t n,
    selkies_vector_t v)
{
    size_t          i, row;
    const uint8_t  *now, *before;

    for (i = 0; i < n; i++) {
        differ[i] = selkies_lanes_zero();
        sums[i] = selkies_lanes_zero();
    }

    now = pair->now.chroma + y / 2 * pair->now.chroma_stride_bytes + x;
    before = pair->before.chroma
             + ((ptrdiff_t) y + v.y) / 2
               * (ptrdiff_t) pair->before.chroma_stride_bytes
             + (ptrdiff_t) x + v.x;

    for (row = 0; row < 8; row++) {

        for (i = 0; i < n; i++) {
            differ[i] = selkies_lanes_differ(differ[i],
                                             selkies_lanes_load(now + i * 16),
                                             selkies_lanes_load(before
                                                                + i * 16));
        }

        now += pair->now.chroma_stride_bytes;
        before += pair->before.chroma_stride_bytes;
    }
}


int
selkies_lite_plan_matches(const selkies_lite_t *lite,
    const selkies_motion_pair_t *pair, size_t x, size_t y, size_t width,
    size_t height, selkies_vector_t v)
{
    return selkies_motion_explains(pair, x, y, width, height, v)
           && selkies_lite_plan_chroma(lite, pair, x, y, width, height, v);
}


/* what it shows and not what was to be shown: so ones do not add up */

int
selkies_lite_plan_nearly(const selkies_lite_t *lite,
    const selkies_motion_pair_t *pair, size_t x, size_t y, size_t width,
    size_t height, selkies_vector_t v)
{
    size_t           i, stride, shown_stride;
    const uint8_t   *now, *shown;
    selkies_lanes_t  differ;

    if (pair->mb_width == 0
        || !selkies_lite_plan_within(pair, x, y, width, height, v))
    {
        return 0;
    }

    stride = pair->now.luma_stride_bytes;
    shown_stride = lite->base.luma_stride_bytes;
    now = pair->now.luma + y * stride + x;
    shown = lite->base.luma
            + ((ptrdiff_t) y + v.y) * (ptrdiff_t) shown_stride
            + (ptrdiff_t) x + v.x;

    for (i = 0; i < height; i += 2) {

        differ = selkies_lanes_zero();

        if (width == 8) {
            differ = selkies_lanes_beyond(differ,
                                          selkies_lanes_pair(now,
                                                             now + stride),
                                          selkies_lanes_pair(shown,
                                                             shown
                                                             + shown_stride),
                                          1);

        } else {
            differ = selkies_lanes_beyond(differ, selkies_lanes_load(now),
                                          selkies_lanes_load(shown), 1);
            differ = selkies_lanes_beyond(differ,
                                          selkies_lanes_load(now + stride),
                                          selkies_lanes_load(shown
                                                             + shown_stride),
                                          1);
        }

        if (selkies_lanes_any(differ)) {
            return 0;
        }

        now += stride * 2;
        shown += shown_stride * 2;
    }

    return selkies_lite_plan_shown(lite, pair, x, y, width, height, v);
}


unsigned
selkies_lite_plan_differ(const selkies_lite_t *lite,
    const selkies_motion_pair_t *pair, size_t x, size_t y, size_t width,
    size_t height, selkies_vector_t v)
{
    size_t          stride, shown_stride;
    unsigned        sum;
    const uint8_t  *now, *shown;

    if (!selkies_lite_plan_within(pair, x, y, width, height, v)) {
        return SELKIES_LITE_OUTSIDE;
    }

    stride = pair->now.luma_stride_bytes;
    now = pair->now.luma + y * stride + x;
    shown_stride = lite->base.luma_stride_bytes;
    shown = lite->base.luma
            + ((ptrdiff_t) y + v.y) * (ptrdiff_t) shown_stride
            + (ptrdiff_t) x + v.x;
    sum = 0;

    for ( /* void */ ; height > 0; height -= 2) {
        sum += width == 4 ? selkies_lanes_sum(
                                selkies_lanes_fours(now, now + stride),
                                selkies_lanes_fours(shown,
                                                    shown + shown_stride))
                          : selkies_lanes_sum(
                                selkies_lanes_pair(now, now + stride),
                                selkies_lanes_pair(shown,
                                                   shown + shown_stride));
        now += stride * 2;
        shown += shown_stride * 2;
    }

    return sum;
}


static int
selkies_lite_plan_stays(const selkies_motion_pair_t *pair, size_t x, size_t y)
{
    size_t  stride, old_stride;

    stride = pair->now.luma_stride_bytes;
    old_stride = pair->before.luma_stride_bytes;

    if (!selkies_motion_same(pair->now.luma + y * 16 * stride + x * 16,
                                stride,
                                pair->before.luma + y * 16 * old_stride
                                + x * 16,
                                old_stride, 16, 16))
    {
        return 0;
    }

    stride = pair->now.chroma_stride_bytes;
    old_stride = pair->before.chroma_stride_bytes;

    return selkies_motion_same(pair->now.chroma + y * 8 * stride + x * 16,
                                  stride,
                                  pair->before.chroma + y * 8 * old_stride
                                  + x * 16,
                                  old_stride, 16, 8);
}


/* Is the chroma that the vector brings good enough? */

static int
selkies_lite_plan_chroma(const selkies_lite_t *lite,
    const selkies_motion_pair_t *pair, size_t x, size_t y, size_t width,
    size_t height, selkies_vector_t v)
{
    size_t          stride;
    const uint8_t  *now, *before;

    stride = pair->now.chroma_stride_bytes;
    now = pair->now.chroma + y / 2 * stride + x;

    if (((v.x | v.y) & 1) == 0) {
        before = pair->before.chroma + (ptrdiff_t) x + v.x
                 + ((ptrdiff_t) y + v.y) / 2
                   * (ptrdiff_t) pair->before.chroma_stride_bytes;

        return selkies_motion_same(now, stride, before,
                                   pair->before.chroma_stride_bytes, width,
                                   height / 2);
    }

    /* a mean of means gets softer and softer: judge what will be shown */

    return selkies_lite_plan_shown(lite, pair, x, y, width, height, v);
}


static int
selkies_lite_plan_shown(const selkies_lite_t *lite,
    const selkies_motion_pair_t *pair, size_t x, size_t y, size_t width,
    size_t height, selkies_vector_t v)
{
    size_t           i, n, stride;
    uint8_t          shown[128];
    unsigned         sum;
    const uint8_t   *now;
    selkies_lanes_t  differ, sums, one, other;

    if (width == 16) {
        selkies_lite_plan_colours(&differ, &sums, lite, pair, x, y, 1, height,
                                  v, shown, 16);
        return !selkies_lanes_any(differ)
               && selkies_lanes_total(sums)
                  <= lite->limits.mean * (unsigned) height * 8;
    }

    stride = pair->now.chroma_stride_bytes;
    now = pair->now.chroma + y / 2 * stride + x;

    selkies_vector_chroma(shown, width, &lite->base, x, y, width, height, v);

    differ = selkies_lanes_zero();
    sum = 0;

    n = width * height / 2;

    for (i = 0; i < n; i += width == 4 ? 8 : 16) {

        if (width == 8) {
            one = selkies_lanes_pair(now, now + stride);
            other = selkies_lanes_load(shown + i);
            now += stride * 2;

        } else {
            one = selkies_lanes_fours(now, now + stride);
            other = selkies_lanes_fours(shown + i, shown + i + 4);
            now += stride * 2;
        }

        sum += selkies_lanes_sum(one, other);
        differ = selkies_lanes_beyond(differ, one, other, lite->limits.peak);
    }

    return !selkies_lanes_any(differ)
           && sum <= lite->limits.mean * (unsigned) n;
}
