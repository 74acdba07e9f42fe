
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
#define SELKIES_LITE_TRIALS   24            /* of a macroblock */
#define SELKIES_LITE_LINES    6             /* three above, three below */


#pragma GCC visibility push(hidden)


/*
 * What a vector would bring to the macroblock, by 4x4 blocks in raster order: a
 * bit where it will not do, or what is left.  lite_trial.c fills in what is
 * asked for.
 */

typedef struct {
    selkies_vector_t            v;
    uint16_t                    known;      /* of what is below luma */
    uint16_t                    luma;       /* is not what moved */
    uint16_t                    exact;      /* chroma is not, even vectors */
    uint16_t                    nearly;     /* luma is not what is shown, or
                                               one off */
    uint16_t                    peak;       /* chroma is far off */
    uint16_t                    colours[16];    /* differences of chroma, */
    uint16_t                    sums[16];       /* of luma to what is shown */
} selkies_lite_trial_t;


typedef struct {
    selkies_lite_t             *lite;
    const selkies_picture_t    *pic;
    selkies_h264_writer_t       w;
    selkies_vector_grid_t       grid;
    selkies_motion_pair_t       pair;       /* map NULL: no picture before */
    selkies_lite_frame_t       *frame;      /* that becomes the base */
    size_t                      stride;     /* of its luma and chroma */
    selkies_vector_t            moved;      /* zero if nothing did */
    selkies_vector_t            second;
    int                         pitch;      /* of lines of text, or 0 */
    size_t                      ncode;
    size_t                      next;       /* macroblock to write */
    int                         qp;
    int                         chroma_qp;
    unsigned                    nearly;     /* a one is never coded */

    /* of the macroblock below: 4x4 blocks in raster order, quadrants */

    size_t                      x;
    size_t                      y;
    selkies_vector_t            vectors[16];
    uint8_t                     halves[4];
    selkies_lite_macroblock_t   mb;

    size_t                      ntrials;
    selkies_lite_trial_t        trials[SELKIES_LITE_TRIALS];

    /* text in it, by quadrants, and what lies straight above and below */

    const selkies_lite_trial_t  *lines[SELKIES_LITE_LINES];
    uint64_t                    keys[4][SELKIES_TEXT_SHAPES];
} selkies_lite_chain_t;


/*
 * Plans, makes room and brings the new frame up to the base.  AGAIN: there is
 * more to be coded than `limit` macroblocks, and too much of the picture.
 */

selkies_status_t selkies_lite_chain_start(selkies_lite_chain_t *c,
    size_t limit);


/*
 * Vectors of a macroblock of which something is new.  Returns the mask of the
 * quadrants that they do not explain, where a residual is needed.
 */

unsigned selkies_lite_choose(selkies_lite_chain_t *c, size_t mb_x,
    size_t mb_y);


/*
 * lite_trial.c: `begin` says which macroblock is meant.  A trial, NULL where
 * not all of it is in the picture or there have been too many, is the chain's.
 * Then, of a part of it, what selkies_lite_plan_matches(), _nearly() and
 * _differ() answer, too.
 */

void selkies_lite_trial_begin(selkies_lite_chain_t *c, size_t mb_x,
    size_t mb_y);
selkies_lite_trial_t *selkies_lite_trial(selkies_lite_chain_t *c,
    selkies_vector_t v);
int selkies_lite_trial_matches(selkies_lite_chain_t *c, size_t x, size_t y,
    size_t width, size_t height, selkies_vector_t v);
int selkies_lite_trial_nearly(selkies_lite_chain_t *c, size_t x, size_t y,
    size_t width, size_t height, selkies_vector_t v);
unsigned selkies_lite_trial_differ(selkies_lite_chain_t *c, size_t x, size_t y,
    size_t width, size_t height, selkies_vector_t v);


/* The 4x4 blocks of a part of the macroblock, a bit each in raster order. */

static inline unsigned
selkies_lite_trial_blocks(size_t x, size_t y, size_t width, size_t height)
{
    unsigned  row, rows;

    row = ((1u << width / 4) - 1) << x % 16 / 4;
    rows = height == 16 ? 0x1111 : (height == 8 ? 0x11 : 1);

    return row * rows << y % 16;
}


/* Learns what the picture has that is new, for the next one. */

void selkies_lite_choose_learn(selkies_lite_chain_t *c);


#pragma GCC visibility pop


#endif /* SELKIES_LITE_CHAIN_H_INCLUDED */
