
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Finds what moved between two pictures: one vector for a scroll or a dragged
 * window.
 *
 * Thread: a state belongs to one thread at a time.  Ownership: stated below.
 */


#ifndef SELKIES_MOTION_H_INCLUDED
#define SELKIES_MOTION_H_INCLUDED


#include <stddef.h>
#include <stdint.h>

#include "encoder.h"


/*
 * The farthest a vector goes, luma samples: less than levels from 3.1 on allow
 * (table A-1).
 */

#define SELKIES_MOTION_X_MAX   1920
#define SELKIES_MOTION_Y_MAX   496


#pragma GCC visibility push(hidden)


/* What is at a place was at the place plus the vector; luma samples. */

typedef struct {
    int16_t                x;
    int16_t                y;
} selkies_vector_t;


/* Two pictures of one size, padded to whole macroblocks. */

typedef struct {
    selkies_planes_t       now;
    selkies_planes_t       before;
    size_t                 mb_width;
    size_t                 mb_height;
    const uint8_t         *map;         /* a byte a macroblock, row-major: 1
                                           where now is to be explained, 0
                                           where it is what it was */
} selkies_motion_pair_t;


typedef struct selkies_motion_s  selkies_motion_t;


/* NULL if there is no memory; NULL may be closed. */

selkies_motion_t *selkies_motion_open(void);
void selkies_motion_close(selkies_motion_t *motion);


/*
 * The vector, not zero, that explains most of the macroblocks of the map that
 * are not flat, among those tried; of equal ones that with even components.
 * *v is what to try first.  0 if none explains some of them.  The pair is
 * only read.
 */

int selkies_motion_find(selkies_motion_t *motion,
    const selkies_motion_pair_t *pair, selkies_vector_t *v);


/*
 * Whether the luma of the block of now of width x height samples, 4, 8 or 16,
 * at x, y is what the vector points to; 0, too, where that is not all in the
 * picture.
 */

int selkies_motion_explains(const selkies_motion_pair_t *pair, size_t x,
    size_t y, size_t width, size_t height, selkies_vector_t v);


/* Whether rows of n bytes, 4, 8 or 16, are the same. */

int selkies_motion_same(const uint8_t *a, size_t a_stride_bytes,
    const uint8_t *b, size_t b_stride_bytes, size_t n, size_t rows);


#pragma GCC visibility pop


#endif /* SELKIES_MOTION_H_INCLUDED */
