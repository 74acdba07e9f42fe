
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Vectors of a picture of the chain: what a decoder infers from neighbours
 * (ITU-T H.264, 8.4.1) and what it copies (8.4.2.2).  Vectors are whole luma
 * samples, so luma is copied as it is; chroma of an odd vector is a mean.
 *
 * Thread: any, there is no state.  Ownership: the caller's.
 */


#ifndef SELKIES_LITE_VECTOR_H_INCLUDED
#define SELKIES_LITE_VECTOR_H_INCLUDED


#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "encoder.h"
#include "lanes.h"
#include "motion.h"


#pragma GCC visibility push(hidden)


/* x of a block that refers to no picture, for it is intra. */

#define SELKIES_VECTOR_NONE     INT16_MIN


/*
 * The vectors of a row of macroblocks, one for each block of 4x4 luma samples,
 * below the last row of blocks of the one above.
 */

typedef struct {
    selkies_vector_t        *blocks;        /* five rows */
    size_t                   width;         /* blocks */
    unsigned                 top;           /* there is a row above */
    unsigned                 set;           /* 0: all of them are zero */
    size_t                   left;          /* what is set, if any is, lies */
    size_t                   right;         /* between these columns */
} selkies_vector_grid_t;


/* Goes on to the next row of macroblocks, all of them zero, or to the first. */

void selkies_vector_row(selkies_vector_grid_t *grid, int first);


/*
 * The prediction of the vector (8.4.1.3) of a partition `width` blocks wide
 * whose first block is x, y, y 0 to 3; what comes earlier must be in the grid.
 */

selkies_vector_t selkies_vector_predict(const selkies_vector_grid_t *grid,
    size_t x, size_t y, size_t width);


/*
 * The same of half a macroblock: the upper and the lower one of 16x8, the left
 * and the right one of 8x16.
 */

#define SELKIES_VECTOR_UPPER    0
#define SELKIES_VECTOR_LOWER    1
#define SELKIES_VECTOR_LEFT     2
#define SELKIES_VECTOR_RIGHT    3

selkies_vector_t selkies_vector_predict_half(const selkies_vector_grid_t *grid,
    size_t mb_x, unsigned half);


/* What P_Skip moves a macroblock by (8.4.1.1). */

selkies_vector_t selkies_vector_skip(const selkies_vector_grid_t *grid,
    size_t mb_x);


/*
 * Sets blocks, 1, 2 or a multiple of 4 wide, or those of half a macroblock.
 */

void selkies_vector_set(selkies_vector_grid_t *grid, size_t x, size_t y,
    size_t width, size_t height, selkies_vector_t v);

void selkies_vector_set_half(selkies_vector_grid_t *grid, size_t mb_x,
    unsigned half, selkies_vector_t v);


/*
 * What a decoder shows of the block of width x height luma samples, each 4, 8
 * or a multiple of 16, at x, y, which are multiples of 4: luma and chroma, of
 * which there is half as much and Cb and Cr side by side.  Where the vector
 * points to lies in the planes.
 */

void selkies_vector_luma(uint8_t *to, size_t stride_bytes,
    const selkies_planes_t *from, size_t x, size_t y, size_t width,
    size_t height, selkies_vector_t v);

void selkies_vector_chroma(uint8_t *to, size_t stride_bytes,
    const selkies_planes_t *from, size_t x, size_t y, size_t width,
    size_t height, selkies_vector_t v);


static inline selkies_vector_t *
selkies_vector_block(const selkies_vector_grid_t *grid, size_t x, size_t y)
{
    return grid->blocks + (y + 1) * grid->width + x;
}


static inline int
selkies_vector_equal(selkies_vector_t a, selkies_vector_t b)
{
    return a.x == b.x && a.y == b.y;
}


/* A difference counts in quarters of a sample. */

static inline unsigned
selkies_vector_length(int d)
{
    if (d == 0) {
        return 1;
    }

    return 63 - 2 * (unsigned) __builtin_clz((unsigned) abs(d) * 8);
}


/* What mvd_l0 of a vector takes (9.1), bits. */

static inline unsigned
selkies_vector_bits(selkies_vector_t v, selkies_vector_t predicted)
{
    return selkies_vector_length(v.x - predicted.x)
           + selkies_vector_length(v.y - predicted.y);
}


/*
 * 16 samples of chroma as a vector brings them (8.4.2.2.2): from there, the
 * next ones aside or below, by how many of its components are odd.
 */

static inline selkies_lanes_t
selkies_vector_mean(const uint8_t *p, size_t next, unsigned odd)
{
    if (odd == 0) {
        return selkies_lanes_load(p);
    }

    if (odd == 1) {
        return selkies_lanes_mean(selkies_lanes_load(p),
                                  selkies_lanes_load(p + next));
    }

    return selkies_lanes_mean4(selkies_lanes_load(p),
                               selkies_lanes_load(p + 2),
                               selkies_lanes_load(p + next),
                               selkies_lanes_load(p + next + 2));
}


#pragma GCC visibility pop


#endif /* SELKIES_LITE_VECTOR_H_INCLUDED */
