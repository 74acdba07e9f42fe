
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Blocks of text by their contents, see text.h.  A bucket, which is a line of
 * the cache, has the latest places of what falls into it, one of each in each
 * column of the screen: what is frequent must not push out what is rare, but a
 * vector is the shorter, the nearer its place.  Places are kept as they would
 * be had nothing moved since the first, modulo 2^16, so a scroll changes one
 * number.
 *
 * Thread: the state's.  Ownership: the state owns its table.
 */


#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"


#define SELKIES_TEXT_BUCKETS  16384         /* a power of two */
#define SELKIES_TEXT_SEEN     32            /* a power of two, four or more: so
                                               many later its bucket is here */

/*
 * Letters that are an even number of samples wide, as many a terminal's, are
 * the same at even distances only.  Where that shows, odd columns are learned
 * of one line in so many, to see whether it is still so.
 */

#define SELKIES_TEXT_ODD      8             /* one of so many is often */
#define SELKIES_TEXT_SAMPLE   16
#define SELKIES_TEXT_USED     4096          /* then less counts what is long
                                               ago */

/*
 * A place: 32 bits of the key, of which the last is set lest it be zero, which
 * is free; 16 bits of x; 16 of y.  What has one key and lies in one column of
 * 256 samples has the same bits of these.
 */

#define SELKIES_TEXT_TAG(key) ((key) >> 32 << 32 | (uint64_t) 1 << 32)
#define SELKIES_TEXT_TAGS     0xffffffff00000000ull
#define SELKIES_TEXT_SAME     0xffffffffff000000ull

#define SELKIES_TEXT_WIDE     0x9e3779b97f4a7c15ull     /* of each shape */
#define SELKIES_TEXT_FLAT     0xc2b2ae3d27d4eb4full
#define SELKIES_TEXT_TALL     0x165667b19e3779f9ull


typedef struct {
    uint64_t              key;
    uint16_t              x;
    uint16_t              y;
} selkies_text_seen_t;


struct selkies_text_s {
    uint16_t              x;                /* of 0, 0 */
    uint16_t              y;
    unsigned              used[2];          /* at even and at odd distances */
    unsigned              turn;             /* lines learned */
    _Alignas(64)
    uint64_t              buckets[SELKIES_TEXT_BUCKETS][SELKIES_TEXT_PLACES];
};


static inline void selkies_text_see(const selkies_text_t *text,
    selkies_text_seen_t *seen, uint64_t key, size_t x, size_t y);
static inline void selkies_text_enter(selkies_text_t *text,
    const selkies_text_seen_t *seen);


static const uint64_t  selkies_text_factors[4] = {
    0xff51afd7ed558ccdull, 0xc4ceb9fe1a85ec53ull,
    0x2127599bf4325c37ull, 0x880355f21e6d1965ull
};


selkies_text_t *
selkies_text_open(void)
{
    void  *text;

    if (posix_memalign(&text, 64, sizeof(selkies_text_t)) != 0) {
        return NULL;
    }

    return memset(text, 0, sizeof(selkies_text_t));
}


void
selkies_text_close(selkies_text_t *text)
{
    free(text);
}


void
selkies_text_move(selkies_text_t *text, selkies_vector_t v)
{
    text->x = (uint16_t) (text->x + v.x);
    text->y = (uint16_t) (text->y + v.y);
}


void
selkies_text_used(selkies_text_t *text, selkies_vector_t v)
{
    text->used[v.x & 1]++;

    if (text->used[0] + text->used[1] >= SELKIES_TEXT_USED) {
        text->used[0] /= 2;
        text->used[1] /= 2;
    }
}


static inline uint64_t
selkies_text_load(const uint8_t *p)
{
    uint64_t  v;

    memcpy(&v, p, sizeof(v));

    return v;
}


/* Eight rows of eight samples. */

static inline void
selkies_text_block(uint64_t rows[8], const uint8_t *p, size_t stride)
{
    int  i;

    for (i = 0; i < 8; i++) {
        rows[i] = selkies_text_load(p);
        p += stride;
    }
}


/* Of four rows. */

static inline uint64_t
selkies_text_rows(const uint64_t rows[4])
{
    return rows[0] * selkies_text_factors[0]
           + rows[1] * selkies_text_factors[1]
           + rows[2] * selkies_text_factors[2]
           + rows[3] * selkies_text_factors[3];
}


static inline uint64_t
selkies_text_mix(uint64_t key, uint64_t shape)
{
    key = (key ^ key >> 29) * shape;

    return key ^ key >> 32;
}


static inline uint64_t
selkies_text_whole(uint64_t upper, uint64_t lower)
{
    return selkies_text_mix(upper + (lower << 23 | lower >> 41),
                            SELKIES_TEXT_WIDE);
}


/* Four samples of eight rows, two rows at a time. */

static inline uint64_t
selkies_text_left(const uint64_t rows[8])
{
    int       i;
    uint64_t  key;

    for (i = 0, key = 0; i < 4; i++) {
        key += (rows[i * 2] << 32 | (uint32_t) rows[i * 2 + 1])
               * selkies_text_factors[i];
    }

    return selkies_text_mix(key, SELKIES_TEXT_TALL);
}


static inline uint64_t
selkies_text_right(const uint64_t rows[8])
{
    int       i;
    uint64_t  key;

    for (i = 0, key = 0; i < 4; i++) {
        key += ((rows[i * 2] & ~(uint64_t) UINT32_MAX)
                | rows[i * 2 + 1] >> 32)
               * selkies_text_factors[i];
    }

    return selkies_text_mix(key, SELKIES_TEXT_TALL);
}


void
selkies_text_learn(selkies_text_t *text, const selkies_planes_t *planes,
    size_t left, size_t right, size_t y)
{
    size_t                x, n, step, done, stride;
    uint64_t              upper, lower, blank, rows[8];
    const uint8_t        *p;
    selkies_text_seen_t   seen[SELKIES_TEXT_SEEN], *next;

    step = text->turn++ % SELKIES_TEXT_SAMPLE != 0
           && text->used[1] * SELKIES_TEXT_ODD < text->used[0] ? 2 : 1;
    left += left % step;

    stride = planes->luma_stride_bytes;
    p = planes->luma + y * stride + left;
    n = 0;
    done = 0;

    for (x = left; x < right; x += step, p += step) {

        /* what is the same as the column before it is flat, or as good */

        selkies_text_block(rows, p, stride);
        blank = p[0] * 0x0101010101010101ull;

        upper = selkies_text_rows(rows);
        lower = selkies_text_rows(rows + 4);

        if (rows[0] == blank
            && upper == blank * (selkies_text_factors[0]
                                 + selkies_text_factors[1]
                                 + selkies_text_factors[2]
                                 + selkies_text_factors[3])
            && upper == lower)
        {
            continue;
        }

        /* what has waited for its bucket for long makes room */

        if (n - done == SELKIES_TEXT_SEEN) {
            for (next = seen + done % SELKIES_TEXT_SEEN;
                 next < seen + done % SELKIES_TEXT_SEEN + 4; next++)
            {
                selkies_text_enter(text, next);
            }

            done += 4;
        }

        next = seen + n % SELKIES_TEXT_SEEN;
        n += 4;

        selkies_text_see(text, next, selkies_text_whole(upper, lower), x, y);
        selkies_text_see(text, next + 1,
                         selkies_text_mix(upper, SELKIES_TEXT_FLAT), x, y);
        selkies_text_see(text, next + 2,
                         selkies_text_mix(lower, SELKIES_TEXT_FLAT), x, y + 4);
        selkies_text_see(text, next + 3, selkies_text_left(rows), x, y);
    }

    for ( /* void */ ; done < n; done++) {
        selkies_text_enter(text, seen + done % SELKIES_TEXT_SEEN);
    }
}


/* Keeps what is to be entered, and asks for the bucket. */

static inline void
selkies_text_see(const selkies_text_t *text, selkies_text_seen_t *seen,
    uint64_t key, size_t x, size_t y)
{
    seen->key = key;
    seen->x = (uint16_t) (text->x + x);
    seen->y = (uint16_t) (text->y + y);

    __builtin_prefetch(text->buckets[key % SELKIES_TEXT_BUCKETS], 1);
}


/* To the front of its bucket; what was there moves on to where it was. */

static inline void
selkies_text_enter(selkies_text_t *text, const selkies_text_seen_t *seen)
{
    size_t     i;
    uint64_t  *bucket, place;

    bucket = text->buckets[seen->key % SELKIES_TEXT_BUCKETS];
    place = SELKIES_TEXT_TAG(seen->key) | (uint32_t) seen->x << 16 | seen->y;

    for (i = 0; i < SELKIES_TEXT_PLACES - 1; i++) {
        if (((bucket[i] ^ place) & SELKIES_TEXT_SAME) == 0) {
            break;
        }
    }

    for ( /* void */ ; i > 0; i--) {
        bucket[i] = bucket[i - 1];
    }

    bucket[0] = place;
}


void
selkies_text_ask(const selkies_text_t *text, const selkies_planes_t *planes,
    size_t x, size_t y, uint64_t keys[SELKIES_TEXT_SHAPES])
{
    int       i;
    size_t    stride;
    uint64_t  upper, lower, rows[8];

    stride = planes->luma_stride_bytes;
    selkies_text_block(rows, planes->luma + y * stride + x, stride);

    upper = selkies_text_rows(rows);
    lower = selkies_text_rows(rows + 4);

    keys[SELKIES_TEXT_WHOLE] = selkies_text_whole(upper, lower);
    keys[SELKIES_TEXT_UPPER] = selkies_text_mix(upper, SELKIES_TEXT_FLAT);
    keys[SELKIES_TEXT_LOWER] = selkies_text_mix(lower, SELKIES_TEXT_FLAT);
    keys[SELKIES_TEXT_LEFT] = selkies_text_left(rows);
    keys[SELKIES_TEXT_RIGHT] = selkies_text_right(rows);

    for (i = 0; i < SELKIES_TEXT_SHAPES; i++) {
        __builtin_prefetch(text->buckets[keys[i] % SELKIES_TEXT_BUCKETS]);
    }
}


size_t
selkies_text_find(const selkies_text_t *text, uint64_t key, size_t x, size_t y,
    selkies_vector_t places[SELKIES_TEXT_PLACES])
{
    size_t           i, n;
    uint64_t         tag;
    const uint64_t  *bucket;

    bucket = text->buckets[key % SELKIES_TEXT_BUCKETS];
    tag = SELKIES_TEXT_TAG(key);
    n = 0;

    for (i = 0; i < SELKIES_TEXT_PLACES; i++) {
        if ((bucket[i] & SELKIES_TEXT_TAGS) == tag) {
            places[n].x = (int16_t) ((bucket[i] >> 16) - text->x - x);
            places[n].y = (int16_t) (bucket[i] - text->y - y);
            n++;
        }
    }

    return n;
}
