
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Blocks of text by their contents, see text.h.  A bucket, which is a line of
 * the cache, has the latest place of each of what falls into it: what is
 * frequent must not push out what is rare.  Places are kept as they would be
 * had nothing moved since the first, modulo 2^16, so a scroll changes one
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
#define SELKIES_TEXT_SEEN     32            /* a power of two: so many later
                                               its bucket has come */

#define SELKIES_TEXT_WIDE     0x9e3779b97f4a7c15ull     /* of each shape */
#define SELKIES_TEXT_FLAT     0xc2b2ae3d27d4eb4full
#define SELKIES_TEXT_TALL     0x165667b19e3779f9ull


typedef struct {
    uint32_t              tag;              /* 0: free */
    uint16_t              x;
    uint16_t              y;
} selkies_text_place_t;


typedef struct {
    uint64_t              key;
    uint16_t              x;
    uint16_t              y;
} selkies_text_seen_t;


struct selkies_text_s {
    uint16_t              x;                /* of 0, 0 */
    uint16_t              y;
    size_t                nseen;            /* wait to be entered */
    size_t                turn;
    selkies_text_seen_t   seen[SELKIES_TEXT_SEEN];
    _Alignas(64)
    selkies_text_place_t  buckets[SELKIES_TEXT_BUCKETS][SELKIES_TEXT_PLACES];
};


static inline void selkies_text_see(selkies_text_t *text, uint64_t key,
    size_t x, size_t y);
static void selkies_text_enter(selkies_text_t *text,
    const selkies_text_seen_t *seen);
static uint64_t selkies_text_narrow(const uint8_t *p, size_t stride);


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


static inline uint64_t
selkies_text_load(const uint8_t *p)
{
    uint64_t  v;

    memcpy(&v, p, sizeof(v));

    return v;
}


/* Four rows of eight samples. */

static inline uint64_t
selkies_text_rows(const uint8_t *p, size_t stride)
{
    return selkies_text_load(p) * selkies_text_factors[0]
           + selkies_text_load(p + stride) * selkies_text_factors[1]
           + selkies_text_load(p + stride * 2) * selkies_text_factors[2]
           + selkies_text_load(p + stride * 3) * selkies_text_factors[3];
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


/* Eight rows of four samples, two rows at a time. */

static uint64_t
selkies_text_narrow(const uint8_t *p, size_t stride)
{
    int       i;
    uint32_t  a, b;
    uint64_t  key;

    key = 0;

    for (i = 0; i < 4; i++) {
        memcpy(&a, p, sizeof(a));
        memcpy(&b, p + stride, sizeof(b));
        key += ((uint64_t) a << 32 | b) * selkies_text_factors[i];
        p += stride * 2;
    }

    return selkies_text_mix(key, SELKIES_TEXT_TALL);
}


void
selkies_text_learn(selkies_text_t *text, const selkies_planes_t *planes,
    size_t left, size_t right, size_t y)
{
    size_t          x, stride;
    uint64_t        upper, lower, blank, row;
    const uint8_t  *p;

    stride = planes->luma_stride_bytes;
    p = planes->luma + y * stride + left;

    for (x = left; x < right; x++, p++) {

        /* what is the same as the column before it is flat, or as good */

        row = selkies_text_load(p);
        blank = p[0] * 0x0101010101010101ull;

        upper = selkies_text_rows(p, stride);
        lower = selkies_text_rows(p + stride * 4, stride);

        if (row == blank
            && upper == blank * (selkies_text_factors[0]
                                 + selkies_text_factors[1]
                                 + selkies_text_factors[2]
                                 + selkies_text_factors[3])
            && upper == lower)
        {
            continue;
        }

        selkies_text_see(text, selkies_text_whole(upper, lower), x, y);
        selkies_text_see(text, selkies_text_mix(upper, SELKIES_TEXT_FLAT), x,
                         y);
        selkies_text_see(text, selkies_text_mix(lower, SELKIES_TEXT_FLAT), x,
                         y + 4);
        selkies_text_see(text, selkies_text_narrow(p, stride), x, y);
    }

    for ( /* void */ ; text->nseen > 0; text->nseen--) {
        selkies_text_enter(text, &text->seen[(text->turn - text->nseen)
                                             % SELKIES_TEXT_SEEN]);
    }
}


/* Asks for the bucket and enters what has waited for its own for long. */

static inline void
selkies_text_see(selkies_text_t *text, uint64_t key, size_t x, size_t y)
{
    selkies_text_seen_t  *seen;

    seen = &text->seen[text->turn++ % SELKIES_TEXT_SEEN];

    if (text->nseen < SELKIES_TEXT_SEEN) {
        text->nseen++;

    } else {
        selkies_text_enter(text, seen);
    }

    seen->key = key;
    seen->x = (uint16_t) (text->x + x);
    seen->y = (uint16_t) (text->y + y);

    __builtin_prefetch(text->buckets[key % SELKIES_TEXT_BUCKETS], 1);
}


static void
selkies_text_enter(selkies_text_t *text, const selkies_text_seen_t *seen)
{
    size_t                 i;
    uint32_t               tag;
    selkies_text_place_t  *bucket;

    bucket = text->buckets[seen->key % SELKIES_TEXT_BUCKETS];
    tag = (uint32_t) (seen->key >> 32) | 1;

    for (i = 0; i + 1 < SELKIES_TEXT_PLACES && bucket[i].tag != tag; i++) {
        /* void */
    }

    memmove(bucket + 1, bucket, i * sizeof(selkies_text_place_t));

    bucket->tag = tag;
    bucket->x = seen->x;
    bucket->y = seen->y;
}


size_t
selkies_text_find(const selkies_text_t *text, const selkies_planes_t *planes,
    size_t x, size_t y, size_t width, size_t height,
    selkies_vector_t places[SELKIES_TEXT_PLACES])
{
    size_t                       i, n, stride;
    uint32_t                     tag;
    uint64_t                     key;
    const uint8_t               *p;
    const selkies_text_place_t  *bucket;

    stride = planes->luma_stride_bytes;
    p = planes->luma + y * stride + x;

    if (width == 4) {
        key = selkies_text_narrow(p, stride);

    } else if (height == 4) {
        key = selkies_text_mix(selkies_text_rows(p, stride),
                               SELKIES_TEXT_FLAT);

    } else {
        key = selkies_text_whole(selkies_text_rows(p, stride),
                                 selkies_text_rows(p + stride * 4, stride));
    }

    bucket = text->buckets[key % SELKIES_TEXT_BUCKETS];
    tag = (uint32_t) (key >> 32) | 1;
    n = 0;

    for (i = 0; i < SELKIES_TEXT_PLACES; i++) {
        if (bucket[i].tag == tag) {
            places[n].x = (int16_t) (bucket[i].x - text->x - x);
            places[n].y = (int16_t) (bucket[i].y - text->y - y);
            n++;
        }
    }

    return n;
}
