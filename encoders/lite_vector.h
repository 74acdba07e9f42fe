
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

#include "encoder.h"
#include "motion.h"


#pragma GCC visibility push(hidden)


/* x of a block that refers to no picture, for it is intra. */

#define SELKIES_VECTOR_NONE     INT16_MIN

#define SELKIES_VECTOR_WHOLE    4           /* in place of a quadrant */


/* The vectors of a picture, one for each block of 8x8 luma samples. */

typedef struct {
    selkies_vector_t        *blocks;        /* row-major */
    size_t                   width;         /* blocks */
} selkies_vector_grid_t;


/*
 * The prediction of a vector (8.4.1.3) of a macroblock's quadrant, 0 to 3, or
 * of all of it; blocks that come earlier must be in the grid.
 */

selkies_vector_t selkies_vector_predict(const selkies_vector_grid_t *grid,
    size_t mb_x, size_t mb_y, unsigned quadrant);


/* What P_Skip moves a macroblock by (8.4.1.1). */

selkies_vector_t selkies_vector_skip(const selkies_vector_grid_t *grid,
    size_t mb_x, size_t mb_y);


/* Sets all blocks of a macroblock. */

void selkies_vector_set(const selkies_vector_grid_t *grid, size_t mb_x,
    size_t mb_y, selkies_vector_t v);


/*
 * What a decoder shows of the block of size x size luma samples, 8 or 16, at
 * x, y, which are multiples of 8: luma and chroma, of which there is half as
 * much and Cb and Cr side by side.  Where the vector points to lies in the
 * planes.
 */

void selkies_vector_luma(uint8_t *to, size_t stride_bytes,
    const selkies_planes_t *from, size_t x, size_t y, size_t size,
    selkies_vector_t v);

void selkies_vector_chroma(uint8_t *to, size_t stride_bytes,
    const selkies_planes_t *from, size_t x, size_t y, size_t size,
    selkies_vector_t v);


static inline int
selkies_vector_equal(selkies_vector_t a, selkies_vector_t b)
{
    return a.x == b.x && a.y == b.y;
}


#pragma GCC visibility pop


#endif /* SELKIES_LITE_VECTOR_H_INCLUDED */
