
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Between lite_chain.c, which makes a picture of the chain, and lite_choose.c,
 * which finds the vectors of a macroblock.  Nobody else includes this file.
 *
 * Thread: the state's.  Ownership: the caller's struct, which lives as long as
 * one picture is made.
 */


#ifndef SELKIES_LITE_CHAIN_H_INCLUDED
#define SELKIES_LITE_CHAIN_H_INCLUDED


#include <stddef.h>
#include <stdint.h>

#include "lite_private.h"


#define SELKIES_LITE_WHOLE    15            /* mask of all quadrants */


#pragma GCC visibility push(hidden)


typedef struct {
    selkies_lite_t             *lite;
    const selkies_picture_t    *pic;
    selkies_h264_writer_t       w;
    selkies_vector_grid_t       grid;
    selkies_motion_pair_t       pair;       /* map NULL: no picture before */
    selkies_lite_frame_t       *frame;      /* that becomes the base */
    size_t                      stride;     /* of its luma and chroma */
    selkies_vector_t            moved;      /* zero if nothing did */
    int                         pitch;      /* of lines of text, or 0 */
    size_t                      ncode;
    size_t                      next;       /* macroblock to write */
    int                         qp;
    int                         chroma_qp;
    unsigned                    nearly;     /* a one is never coded */

    /* of the macroblock below: 4x4 blocks in raster order, quadrants */

    size_t                      x;
    selkies_vector_t            vectors[16];
    uint8_t                     halves[4];
    selkies_lite_macroblock_t   mb;
} selkies_lite_chain_t;


/*
 * Vectors of a macroblock of which something is new.  Returns the mask of the
 * quadrants that they do not explain, where a residual is needed.
 */

unsigned selkies_lite_choose(selkies_lite_chain_t *c, size_t mb_x,
    size_t mb_y);


/* Learns what the picture has that is new, for the next one. */

void selkies_lite_choose_learn(selkies_lite_chain_t *c);


#pragma GCC visibility pop


#endif /* SELKIES_LITE_CHAIN_H_INCLUDED */
