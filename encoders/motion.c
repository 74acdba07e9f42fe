
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * The search for vectors, see motion.h.  From places spread over what
 * changed, rows of samples become seeds.  They are looked for in every
 * eighth row of the older picture: a place has seeds in 13 rows, so one of
 * them comes to lie in such a row whatever the vector is.  Each find is a vote
 * for a vector; those with most votes are tried at all places.
 *
 * Thread: the state's.  Ownership: the state owns its tables.
 */


#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lanes.h"
#include "motion.h"


#define SELKIES_MOTION_PLACES   48          /* macroblocks */
#define SELKIES_MOTION_MIN      8           /* of them, or all will do */
#define SELKIES_MOTION_ROWS     4           /* that differ, of a place */
#define SELKIES_MOTION_SEEDS    2048        /* slots, a power of two */
#define SELKIES_MOTION_VOTES    4096        /* slots, a power of two */
#define SELKIES_MOTION_TRIED    24          /* vectors with most votes */
#define SELKIES_MOTION_STEP     8           /* rows */
#define SELKIES_MOTION_BELOW    3           /* rows */


typedef struct {
    uint16_t                x;              /* macroblocks */
    uint16_t                y;
} selkies_motion_place_t;


typedef struct {
    uint16_t                x;              /* luma samples */
    uint16_t                y;
} selkies_motion_seed_t;


typedef struct {
    selkies_vector_t        v;
    uint32_t                count;
} selkies_motion_vote_t;


struct selkies_motion_s {
    size_t                  nplaces;
    selkies_motion_place_t  places[SELKIES_MOTION_PLACES];

    /* what surrounds the map, macroblocks */

    size_t                  left;
    size_t                  right;
    size_t                  top;
    size_t                  bottom;

    uint64_t                keys[SELKIES_MOTION_SEEDS];     /* 0: free */
    selkies_motion_seed_t   seeds[SELKIES_MOTION_SEEDS];
    selkies_motion_vote_t   votes[SELKIES_MOTION_VOTES];
};


static void selkies_motion_survey(selkies_motion_t *motion,
    const selkies_motion_pair_t *pair);
static void selkies_motion_choose(selkies_motion_t *motion,
    const selkies_motion_pair_t *pair, size_t n, int inside);
static int selkies_motion_inside(const selkies_motion_t *motion,
    const selkies_motion_pair_t *pair, size_t x, size_t y);
static unsigned selkies_motion_seed(selkies_motion_t *motion,
    const selkies_motion_pair_t *pair, size_t mb_x, size_t mb_y, int keep);
static void selkies_motion_scan(selkies_motion_t *motion,
    const selkies_motion_pair_t *pair);
static void selkies_motion_vote(selkies_motion_t *motion, long x, long y);
static size_t selkies_motion_try(const selkies_motion_t *motion,
    const selkies_motion_pair_t *pair, selkies_vector_t v);
static int selkies_motion_better(selkies_vector_t v, size_t found,
    selkies_vector_t best, size_t most);


selkies_motion_t *
selkies_motion_open(void)
{
    return calloc(1, sizeof(selkies_motion_t));
}


void
selkies_motion_close(selkies_motion_t *motion)
{
    free(motion);
}


static inline uint64_t
selkies_motion_load(const uint8_t *p)
{
    uint64_t  v;

    memcpy(&v, p, sizeof(v));

    return v;
}


/* 16 samples and 8 below them: a row of one glyph is nothing special. */

static inline uint64_t
selkies_motion_key(const uint8_t *p, size_t stride)
{
    return selkies_motion_load(p) * 0xff51afd7ed558ccdull
           ^ selkies_motion_load(p + 8) * 0xc4ceb9fe1a85ec53ull
           ^ selkies_motion_load(p + SELKIES_MOTION_BELOW * stride)
             * 0x2127599bf4325c37ull;
}


static inline size_t
selkies_motion_hash(uint64_t key)
{
    return (size_t) (key * 0x9e3779b97f4a7c15ull >> 53);
}


int
selkies_motion_find(selkies_motion_t *motion,
    const selkies_motion_pair_t *pair, selkies_vector_t *v)
{
    size_t                  i, k, n, found, most;
    selkies_vector_t        best;
    selkies_motion_vote_t  *vote, *top, swap;

    selkies_motion_survey(motion, pair);

    if (motion->nplaces < 2) {
        return 0;
    }

    best = *v;
    most = selkies_motion_try(motion, pair, best);

    if (most * 2 >= motion->nplaces) {
        return 1;
    }

    memset(motion->votes, 0, sizeof(motion->votes));

    selkies_motion_scan(motion, pair);

    top = motion->votes;

    for (i = 0; i < SELKIES_MOTION_TRIED; i++) {

        n = i;

        for (k = i + 1; k < SELKIES_MOTION_VOTES; k++) {
            if (top[k].count > top[n].count) {
                n = k;
            }
        }

        vote = &top[n];

        if (vote->count < 2) {
            break;
        }

        swap = *vote;
        *vote = top[i];
        top[i] = swap;

        found = selkies_motion_try(motion, pair, swap.v);

        if (selkies_motion_better(swap.v, found, best, most)) {
            best = swap.v;
            most = found;
        }
    }

    *v = best;

    return most >= 2 && most * 12 >= motion->nplaces;
}


static int
selkies_motion_better(selkies_vector_t v, size_t found, selkies_vector_t best,
    size_t most)
{
    int  odd, best_odd;

    if (found != most) {
        return found > most;
    }

    odd = (v.x & 1) + (v.y & 1);
    best_odd = (best.x & 1) + (best.y & 1);

    if (odd != best_odd) {
        return odd < best_odd;
    }

    return abs(v.x) + abs(v.y) < abs(best.x) + abs(best.y);
}


/* What the map surrounds, and places in it that say something. */

static void
selkies_motion_survey(selkies_motion_t *motion,
    const selkies_motion_pair_t *pair)
{
    size_t          n, x, y;
    const uint8_t  *row, *set;

    motion->left = pair->mb_width;
    motion->right = 0;
    motion->top = pair->mb_height;
    motion->bottom = 0;
    n = 0;

    for (y = 0, row = pair->map; y < pair->mb_height; y++) {

        set = memchr(row, 1, pair->mb_width);

        for (x = set ? (size_t) (set - row) : pair->mb_width;
             x < pair->mb_width; x++)
        {
            if (row[x] != 1) {
                continue;
            }

            n++;
            motion->left = x < motion->left ? x : motion->left;
            motion->right = x > motion->right ? x : motion->right;
            motion->top = y < motion->top ? y : motion->top;
            motion->bottom = y;
        }

        row += pair->mb_width;
    }

    selkies_motion_choose(motion, pair, n, 1);

    if (motion->nplaces < SELKIES_MOTION_MIN) {
        selkies_motion_choose(motion, pair, n, 0);
    }
}


/*
 * Places among n macroblocks.  Those at the edge of something that moved show
 * what is behind it, too, which did not: `inside` leaves them out.
 */

static void
selkies_motion_choose(selkies_motion_t *motion,
    const selkies_motion_pair_t *pair, size_t n, int inside)
{
    size_t          x, y, next, step;
    const uint8_t  *row;

    memset(motion->keys, 0, sizeof(motion->keys));
    motion->nplaces = 0;

    /* not a divisor of a row, lest all lie in one column */

    step = n / SELKIES_MOTION_PLACES + 1;
    next = step / 2;
    n = 0;

    for (y = motion->top; y <= motion->bottom; y++) {

        row = pair->map + y * pair->mb_width;

        for (x = motion->left; x <= motion->right; x++) {

            if (row[x] != 1 || n++ < next
                || motion->nplaces == SELKIES_MOTION_PLACES
                || (inside && !selkies_motion_inside(motion, pair, x, y))
                || selkies_motion_seed(motion, pair, x, y, 0) < 6)
            {
                continue;
            }

            next = n + step;

            (void) selkies_motion_seed(motion, pair, x, y, 1);

            motion->places[motion->nplaces].x = (uint16_t) x;
            motion->places[motion->nplaces].y = (uint16_t) y;
            motion->nplaces++;
        }
    }
}


static int
selkies_motion_inside(const selkies_motion_t *motion,
    const selkies_motion_pair_t *pair, size_t x, size_t y)
{
    size_t          i, n, stride;
    const uint8_t  *at, *row;

    at = pair->map + y * pair->mb_width + x;

    if (x <= motion->left || x >= motion->right
        || y <= motion->top || y >= motion->bottom
        || !at[-1] || !at[1]
        || !*(at - pair->mb_width) || !at[pair->mb_width])
    {
        return 0;
    }

    /* the side of a window says nothing about up and down */

    stride = pair->now.luma_stride_bytes;
    row = pair->now.luma + y * 16 * stride + x * 16;
    n = 0;

    for (i = 1; i < 16; i++) {
        n += memcmp(row, row + stride, 16) != 0;
        row += stride;
    }

    return n >= SELKIES_MOTION_ROWS;
}


/* Rows in the middle of a macroblock that are not flat; as seeds or not. */

static unsigned
selkies_motion_seed(selkies_motion_t *motion,
    const selkies_motion_pair_t *pair, size_t mb_x, size_t mb_y, int keep)
{
    size_t          i, slot;
    uint64_t        key;
    unsigned        n;
    const uint8_t  *row;

    row = pair->now.luma + mb_y * 16 * pair->now.luma_stride_bytes
          + mb_x * 16;
    n = 0;

    for (i = 0; i < 16 - SELKIES_MOTION_BELOW; i++) {

        key = selkies_motion_load(row);

        if (key == (key >> 8 | key << 56)
            && key == selkies_motion_load(row + 8))
        {
            row += pair->now.luma_stride_bytes;
            continue;
        }

        key = selkies_motion_key(row, pair->now.luma_stride_bytes);
        row += pair->now.luma_stride_bytes;
        slot = selkies_motion_hash(key);
        n++;

        if (keep && motion->keys[slot] == 0) {
            motion->keys[slot] = key;
            motion->seeds[slot].x = (uint16_t) (mb_x * 16);
            motion->seeds[slot].y = (uint16_t) (mb_y * 16 + i);
        }
    }

    return n;
}


static void
selkies_motion_scan(selkies_motion_t *motion,
    const selkies_motion_pair_t *pair)
{
    size_t          x, y, end, slot;
    uint64_t        key;
    const uint8_t  *row;

    end = motion->right * 16 + 1;

    for (y = motion->top * 16; y < motion->bottom * 16 + 16;
         y += SELKIES_MOTION_STEP)
    {
        row = pair->before.luma + y * pair->before.luma_stride_bytes;

        for (x = motion->left * 16; x < end; x++) {

            key = selkies_motion_key(row + x, pair->before.luma_stride_bytes);
            slot = selkies_motion_hash(key);

            if (motion->keys[slot] == key && key != 0) {
                selkies_motion_vote(motion,
                                    (long) x - motion->seeds[slot].x,
                                    (long) y - motion->seeds[slot].y);
            }
        }
    }
}


static void
selkies_motion_vote(selkies_motion_t *motion, long x, long y)
{
    size_t                  slot;
    selkies_motion_vote_t  *vote;

    if ((x == 0 && y == 0)
        || labs(x) > SELKIES_MOTION_X_MAX || labs(y) > SELKIES_MOTION_Y_MAX)
    {
        return;
    }

    slot = ((size_t) (x + 4096) * 2654435761u + (size_t) (y + 4096) * 40503u)
           >> 4;
    vote = &motion->votes[slot % SELKIES_MOTION_VOTES];

    /* of two in one slot the one with more votes stays */

    if (vote->count == 0) {
        vote->v.x = (int16_t) x;
        vote->v.y = (int16_t) y;
    }

    if (vote->v.x == x && vote->v.y == y) {
        vote->count++;

    } else {
        vote->count--;
    }
}


/* At how many places the vector holds. */

static size_t
selkies_motion_try(const selkies_motion_t *motion,
    const selkies_motion_pair_t *pair, selkies_vector_t v)
{
    size_t  i, n;

    if (v.x == 0 && v.y == 0) {
        return 0;
    }

    n = 0;

    for (i = 0; i < motion->nplaces; i++) {
        n += (size_t) selkies_motion_explains(pair,
                                              motion->places[i].x * 16,
                                              motion->places[i].y * 16, 16, 16,
                                              v);
    }

    return n;
}


int
selkies_motion_explains(const selkies_motion_pair_t *pair, size_t x, size_t y,
    size_t width, size_t height, selkies_vector_t v)
{
    long            left, top;
    size_t          stride;
    const uint8_t  *now, *before;

    left = (long) x + v.x;
    top = (long) y + v.y;

    if (left < 0 || left + (long) width > (long) pair->mb_width * 16
        || top < 0 || top + (long) height > (long) pair->mb_height * 16)
    {
        return 0;
    }

    stride = pair->before.luma_stride_bytes;
    now = pair->now.luma + y * pair->now.luma_stride_bytes + x;
    before = pair->before.luma + (size_t) top * stride + (size_t) left;

    return selkies_motion_same(now, pair->now.luma_stride_bytes, before,
                               stride, width, height);
}


int
selkies_motion_same(const uint8_t *a, size_t a_stride, const uint8_t *b,
    size_t b_stride, size_t n, size_t rows)
{
    uint32_t         x, y;
    selkies_lanes_t  differ;

    if (n == 16) {

        /* in rows of text the first ones say little */

        for (; rows >= 4; rows -= 4) {

            differ = selkies_lanes_differ(selkies_lanes_zero(),
                                          selkies_lanes_load(a),
                                          selkies_lanes_load(b));
            differ = selkies_lanes_differ(differ,
                                          selkies_lanes_load(a + a_stride),
                                          selkies_lanes_load(b + b_stride));
            differ = selkies_lanes_differ(differ,
                                          selkies_lanes_load(a + a_stride * 2),
                                          selkies_lanes_load(b
                                                             + b_stride * 2));
            differ = selkies_lanes_differ(differ,
                                          selkies_lanes_load(a + a_stride * 3),
                                          selkies_lanes_load(b
                                                             + b_stride * 3));

            if (selkies_lanes_any(differ)) {
                return 0;
            }

            a += a_stride * 4;
            b += b_stride * 4;
        }
    }

    for (; rows > 0; rows--) {

        if (n == 4) {
            memcpy(&x, a, sizeof(x));
            memcpy(&y, b, sizeof(y));

            if (x != y) {
                return 0;
            }

        } else if (selkies_motion_load(a) != selkies_motion_load(b)
                   || (n == 16 && selkies_motion_load(a + 8)
                                  != selkies_motion_load(b + 8)))
        {
            return 0;
        }

        a += a_stride;
        b += b_stride;
    }

    return 1;
}
