
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Between lite.c and the coding of one macroblock of a lite picture, 4:2:0 in
 * a P slice with CAVLC: ITU-T H.264, 7.3.5.  Nobody else includes this file.
 *
 * Thread: any, there is no state.  Ownership: the caller's structs.
 */


#ifndef SELKIES_LITE_MACROBLOCK_H_INCLUDED
#define SELKIES_LITE_MACROBLOCK_H_INCLUDED


#include <stdint.h>

#include "h264.h"


#define SELKIES_LITE_MB_BITS   (384 * 8)    /* samples of a macroblock */


/* mb_type of INTER, table 7-13 */

#define SELKIES_LITE_P_16X16   0
#define SELKIES_LITE_P_16X8    1
#define SELKIES_LITE_P_8X16    2
#define SELKIES_LITE_P_8X8     3

/* sub_mb_type, table 7-17: smaller ones would be too many vectors (A.3.1) */

#define SELKIES_LITE_8X8       0
#define SELKIES_LITE_8X4       1
#define SELKIES_LITE_4X8       2


#pragma GCC visibility push(hidden)


typedef enum {
    SELKIES_LITE_SKIP = 0,          /* shows the prediction */
    SELKIES_LITE_INTER,             /* the prediction plus a residual */
    SELKIES_LITE_INTRA,             /* Intra_16x16 */
    SELKIES_LITE_PCM                /* I_PCM, lossless */
} selkies_lite_kind_t;


typedef struct {
    uint8_t                  luma[256];
    uint8_t                  chroma[2][64];     /* Cb, Cr */
} selkies_lite_samples_t;


/* Total levels of the 4x4 blocks, raster order, for nC (9.2.1). */

typedef struct {
    uint8_t                  luma[16];
    uint8_t                  chroma[2][4];
} selkies_lite_totals_t;


/* The reconstructed samples an intra macroblock may be predicted from. */

typedef struct {
    unsigned                 left;              /* is there one */
    unsigned                 top;
    uint8_t                  luma_left[16];
    uint8_t                  luma_top[16];
    uint8_t                  chroma_left[2][8];
    uint8_t                  chroma_top[2][8];
} selkies_lite_border_t;


typedef struct {
    selkies_lite_kind_t      kind;              /* the rest is of INTER and
                                                   INTRA, but for decoded */
    unsigned                 luma_mode;         /* Intra16x16PredMode */
    unsigned                 chroma_mode;       /* the same direction */
    unsigned                 pattern;           /* coded_block_pattern */

    unsigned                 parts;             /* INTER: mb_type */
    uint8_t                  halves[4];         /* of 8x8: sub_mb_type */
    unsigned                 nvectors;
    int16_t                  mvd[8][2];         /* quarter samples: mvd_l0 */

    int16_t                  dc[16];            /* of intra luma */
    int16_t                  luma[16][16];      /* in coding order; of intra
                                                   15 AC levels */
    int16_t                  chroma_dc[2][4];
    int16_t                  chroma_ac[2][4][15];

    selkies_lite_samples_t   decoded;           /* what a decoder shows */
} selkies_lite_macroblock_t;


/* Sum of absolute differences of all samples. */

unsigned selkies_lite_difference(const selkies_lite_samples_t *a,
    const selkies_lite_samples_t *b);


/*
 * Finds the directions that predict src best from its neighbours; whether
 * that is worth it where something else predicts it but for `limit`.
 */

int selkies_lite_predict(selkies_lite_macroblock_t *mb,
    const selkies_lite_samples_t *src, const selkies_lite_border_t *border,
    unsigned limit);


/*
 * Code src as a residual to what it refers to, or to what its neighbours
 * predict in the directions found.  The first makes it a SKIP where no level
 * remains, and leaves it one vector, zero; of luma it codes the quadrants of
 * the mask only, and if it is to be thrifty none of which next to nothing is
 * to be seen.
 */

void selkies_lite_code_inter(selkies_lite_macroblock_t *mb,
    const selkies_lite_samples_t *src, const selkies_lite_samples_t *pred,
    unsigned quadrants, int thrifty, int qp, int chroma_qp);

void selkies_lite_code_intra(selkies_lite_macroblock_t *mb,
    const selkies_lite_samples_t *src, const selkies_lite_border_t *border,
    int qp, int chroma_qp);


/* Makes it an INTER without a residual, its one vector as predicted. */

void selkies_lite_copy(selkies_lite_macroblock_t *mb);


/*
 * Writes macroblock_layer() and sets the totals of the macroblock; left and
 * top are those of its neighbours, NULL where there is none.
 */

void selkies_lite_write(selkies_h264_writer_t *w,
    const selkies_lite_macroblock_t *mb, selkies_lite_totals_t *totals,
    const selkies_lite_totals_t *left, const selkies_lite_totals_t *top);

void selkies_lite_write_pcm(selkies_h264_writer_t *w,
    const selkies_lite_samples_t *src, selkies_lite_totals_t *totals);


#pragma GCC visibility pop


#endif /* SELKIES_LITE_MACROBLOCK_H_INCLUDED */
