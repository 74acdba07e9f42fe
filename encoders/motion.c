
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

#include "motion.h"


#define SELKIES_MOTION_PLACES   48          /* macroblocks */
#define SELKIES_MOTION_SEEDS    2048        /* slots, a power of two */
#define SELKIES_MOTION_VOTES    4096        /* slots, a power of two */
#define SELKIES_MOTION_TRIED    24          /* vectors with most votes */
#define SELKIES_MOTION_STEP     8           /* rows */
#define SELKIES_MOTION_BELOW    3           /* rows */
#define SELKIES_MOTION_LINES    27          /* of text, up and down */


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

    /* blocks by a row of theirs: which is first, which is next */

    uint16_t                first[SELKIES_MOTION_SEEDS];
    uint16_t                next[SELKIES_MOTION_BLOCKS];
};


static void selkies_motion_survey(selkies_motion_t *motion,
    const selkies_motion_pair_t *pair);
static unsigned selkies_motion_seed(selkies_motion_t *motion,
    const selkies_motion_pair_t *pair, size_t mb_x, size_t mb_y, int keep);
static void selkies_motion_scan(selkies_motion_t *motion,
    const selkies_motion_pair_t *pair);
static void selkies_motion_vote(selkies_motion_t *motion, long x, long y);
static size_t selkies_motion_try(const selkies_motion_t *motion,
    const selkies_motion_pair_t *pair, selkies_vector_t v);
static int selkies_motion_better(selkies_vector_t v, size_t found,
    selkies_vector_t best, size_t most);
static void selkies_motion_lines(selkies_motion_t *motion,
    const selkies_motion_pair_t *pair, selkies_motion_block_t *blocks,
    size_t n, int pitch);
static void selkies_motion_column(selkies_motion_t *motion,
    const selkies_motion_pair_t *pair, selkies_motion_block_t *block,
    int pitch);
static int selkies_motion_line(const selkies_motion_t *motion, long from,
    long y);
static size_t selkies_motion_row(const selkies_motion_pair_t *pair,
    const selkies_motion_block_t *blocks, size_t n);
static size_t selkies_motion_needles(selkies_motion_t *motion,
    const selkies_motion_pair_t *pair, const selkies_motion_block_t *blocks,
    size_t n, size_t row);
static void selkies_motion_compare(const selkies_motion_pair_t *pair,
    selkies_motion_block_t *block, size_t x, size_t y);


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

    memset(motion->keys, 0, sizeof(motion->keys));

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
    size_t          i, n, next, step, nmbs;
    const uint8_t  *set;

    motion->nplaces = 0;
    motion->left = pair->mb_width;
    motion->right = 0;
    motion->top = pair->mb_height;
    motion->bottom = 0;

    nmbs = pair->mb_width * pair->mb_height;
    n = 0;

    for (i = 0; i < nmbs; i++) {

        if (!pair->map[i]) {
            continue;
        }

        n++;

        if (i % pair->mb_width < motion->left) {
            motion->left = i % pair->mb_width;
        }

        if (i % pair->mb_width > motion->right) {
            motion->right = i % pair->mb_width;
        }

        if (i / pair->mb_width < motion->top) {
            motion->top = i / pair->mb_width;
        }

        motion->bottom = i / pair->mb_width;
    }

    /* not a divisor of a row, lest all lie in one column */

    step = n / SELKIES_MOTION_PLACES + 1;
    next = step / 2;
    n = 0;

    for (i = 0; i < nmbs && motion->nplaces < SELKIES_MOTION_PLACES; i++) {

        set = memchr(pair->map + i, 1, nmbs - i);

        if (set == NULL) {
            break;
        }

        i = (size_t) (set - pair->map);

        if (n++ < next
            || selkies_motion_seed(motion, pair, i % pair->mb_width,
                                   i / pair->mb_width, 0) < 6)
        {
            continue;
        }

        next = n + step;

        (void) selkies_motion_seed(motion, pair, i % pair->mb_width,
                                   i / pair->mb_width, 1);

        motion->places[motion->nplaces].x = (uint16_t) (i % pair->mb_width);
        motion->places[motion->nplaces].y = (uint16_t) (i / pair->mb_width);
        motion->nplaces++;
    }
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
                                              motion->places[i].y * 16, 16, v);
    }

    return n;
}


int
selkies_motion_explains(const selkies_motion_pair_t *pair, size_t x, size_t y,
    size_t size, selkies_vector_t v)
{
    long            left, top;
    size_t          i;
    uint64_t        differ;
    const uint8_t  *now, *before;

    left = (long) x + v.x;
    top = (long) y + v.y;

    if (left < 0 || left + (long) size > (long) pair->mb_width * 16
        || top < 0 || top + (long) size > (long) pair->mb_height * 16)
    {
        return 0;
    }

    now = pair->now.luma + y * pair->now.luma_stride_bytes + x;
    before = pair->before.luma
             + (size_t) top * pair->before.luma_stride_bytes + (size_t) left;

    for (i = 0; i < size; i++) {

        differ = selkies_motion_load(now) ^ selkies_motion_load(before);

        if (size == 16) {
            differ |= selkies_motion_load(now + 8)
                      ^ selkies_motion_load(before + 8);
        }

        if (differ) {
            return 0;
        }

        now += pair->now.luma_stride_bytes;
        before += pair->before.luma_stride_bytes;
    }

    return 1;
}


/* blocks */

static inline int
selkies_motion_done(const selkies_motion_block_t *block)
{
    return block->found && ((block->v.x | block->v.y) & 1) == 0;
}


void
selkies_motion_blocks(selkies_motion_t *motion,
    const selkies_motion_pair_t *pair, selkies_motion_block_t *blocks,
    size_t n, int pitch)
{
    size_t  i, k;

    if (n > SELKIES_MOTION_BLOCKS) {
        n = SELKIES_MOTION_BLOCKS;
    }

    for (i = 0; i < n; i++) {
        blocks[i].found = 0;
        selkies_motion_column(motion, pair, &blocks[i], pitch);
    }

    /* those side by side are looked for together */

    for (i = 0; i < n; i = k) {

        for (k = i; k < n && blocks[k].y == blocks[i].y; k++) { /* void */ }

        selkies_motion_lines(motion, pair, blocks + i, k - i, pitch);
    }
}


static void
selkies_motion_lines(selkies_motion_t *motion,
    const selkies_motion_pair_t *pair, selkies_motion_block_t *blocks,
    size_t n, int pitch)
{
    int             line;
    long            y;
    size_t          i, x, end, row, slot, left;
    uint64_t        key;
    const uint8_t  *from;

    row = selkies_motion_row(pair, blocks, n);
    left = selkies_motion_needles(motion, pair, blocks, n, row);
    end = motion->right * 16 + 9;

    for (line = -SELKIES_MOTION_LINES; line <= SELKIES_MOTION_LINES; line++) {

        y = (long) blocks[0].y + line * pitch;

        if (!selkies_motion_line(motion, blocks[0].y, y)) {
            continue;
        }

        from = pair->before.luma
               + ((size_t) y + row) * pair->before.luma_stride_bytes;

        for (x = motion->left * 16; x < end && left > 0; x++) {

            key = selkies_motion_load(from + x);
            slot = selkies_motion_hash(key);

            if (motion->keys[slot] != key || key == 0) {
                continue;
            }

            for (i = motion->first[slot]; i < n; i = motion->next[i]) {

                if (selkies_motion_done(&blocks[i])) {
                    continue;
                }

                selkies_motion_compare(pair, &blocks[i], x, (size_t) y);
                left -= selkies_motion_done(&blocks[i]);
            }
        }
    }
}


/* Blocks that are what was right above or below, such as empty ones. */

static void
selkies_motion_column(selkies_motion_t *motion,
    const selkies_motion_pair_t *pair, selkies_motion_block_t *block,
    int pitch)
{
    int   line;
    long  y;

    for (line = 2; line < SELKIES_MOTION_LINES * 2 && !block->found; line++) {

        /* 1, -1, 2, -2 */

        y = (long) block->y + (line % 2 ? -(line / 2) : line / 2) * pitch;

        if (selkies_motion_line(motion, block->y, y)) {
            selkies_motion_compare(pair, block, block->x, (size_t) y);
        }
    }
}


/* May what is at one row be looked for at the other? */

static int
selkies_motion_line(const selkies_motion_t *motion, long from, long y)
{
    return y >= (long) motion->top * 16 && y <= (long) motion->bottom * 16 + 8
           && labs(y - from) <= SELKIES_MOTION_Y_MAX;
}


/* The row in which most of the blocks are not flat. */

static size_t
selkies_motion_row(const selkies_motion_pair_t *pair,
    const selkies_motion_block_t *blocks, size_t n)
{
    size_t          i, row, count, best, most;
    uint64_t        key;
    const uint8_t  *from;

    best = 0;
    most = 0;

    for (row = 0; row < 8; row++) {

        from = pair->now.luma
               + (blocks[0].y + row) * pair->now.luma_stride_bytes;
        count = 0;

        for (i = 0; i < n; i++) {
            key = selkies_motion_load(from + blocks[i].x);
            count += key != (key >> 8 | key << 56);
        }

        if (count > most) {
            most = count;
            best = row;
        }
    }

    return best;
}


/* Enters the blocks by their row; returns how many. */

static size_t
selkies_motion_needles(selkies_motion_t *motion,
    const selkies_motion_pair_t *pair, const selkies_motion_block_t *blocks,
    size_t n, size_t row)
{
    size_t          i, slot, count;
    uint64_t        key;
    const uint8_t  *from;

    memset(motion->keys, 0, sizeof(motion->keys));

    from = pair->now.luma + (blocks[0].y + row) * pair->now.luma_stride_bytes;
    count = 0;

    for (i = 0; i < n; i++) {

        key = selkies_motion_load(from + blocks[i].x);
        slot = selkies_motion_hash(key);

        if (selkies_motion_done(&blocks[i])
            || key == (key >> 8 | key << 56)
            || (motion->keys[slot] != 0 && motion->keys[slot] != key))
        {
            continue;
        }

        motion->next[i] = motion->keys[slot] ? motion->first[slot]
                                             : SELKIES_MOTION_BLOCKS;
        motion->keys[slot] = key;
        motion->first[slot] = (uint16_t) i;
        count++;
    }

    return count;
}


/* If the block is what was at x, y, it is found there. */

static void
selkies_motion_compare(const selkies_motion_pair_t *pair,
    selkies_motion_block_t *block, size_t x, size_t y)
{
    int             i;
    long            dx, dy;
    const uint8_t  *now, *before;

    dx = (long) x - block->x;
    dy = (long) y - block->y;

    if (labs(dx) > SELKIES_MOTION_X_MAX
        || (block->found && ((dx | dy) & 1)))
    {
        return;
    }

    now = pair->now.luma + block->y * pair->now.luma_stride_bytes + block->x;
    before = pair->before.luma + y * pair->before.luma_stride_bytes + x;

    for (i = 0; i < 8; i++) {

        if (selkies_motion_load(now) != selkies_motion_load(before)) {
            return;
        }

        now += pair->now.luma_stride_bytes;
        before += pair->before.luma_stride_bytes;
    }

    block->found = 1;
    block->v.x = (int16_t) dx;
    block->v.y = (int16_t) dy;
}
