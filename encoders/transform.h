
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * The 4x4 integer transform of ITU-T H.264, its DC transforms and its
 * quantiser with flat scaling lists: 8.5.6 to 8.5.12.  What turns levels into
 * samples is exact, every decoder has the same result; what turns samples
 * into levels is the encoder's choice.
 *
 * Blocks lie in raster order, levels in zig-zag order (8.5.6).  QPs are 0 to
 * 51, but see selkies_transform_quantize().
 *
 * Thread: any, there is no state.  Ownership: the caller's.
 */


#ifndef SELKIES_TRANSFORM_H_INCLUDED
#define SELKIES_TRANSFORM_H_INCLUDED


#include <stddef.h>
#include <stdint.h>


#pragma GCC visibility push(hidden)


/* Rounding of levels: what is added, in sixths of a step. */

#define SELKIES_TRANSFORM_INTRA   2
#define SELKIES_TRANSFORM_INTER   1


/* The zig-zag scan: raster position of each level. */

extern const uint8_t  selkies_transform_scan[16];


/* Difference of two 4x4 blocks of samples, transformed. */

void selkies_transform_forward(int32_t coefs[16], const uint8_t *samples,
    size_t stride_bytes, const uint8_t *predicted,
    size_t predicted_stride_bytes);


/*
 * Levels of a block; first is 0, or 1 to leave out DC, then levels has 15.
 * Returns how many are not zero.  From QP 10 on all levels of 8 bit samples
 * fit baseline's codes.
 */

unsigned selkies_transform_quantize(int16_t *levels, const int32_t coefs[16],
    int qp, unsigned rounding, unsigned first);


/*
 * Coefficients of levels; as above, with first 1 the DC is left alone: it is
 * one of those that the DC functions below have scaled already.
 */

void selkies_transform_scale(int32_t coefs[16], const int16_t *levels, int qp,
    unsigned first);


/* Predicted samples plus the coefficients' residual, clipped. */

void selkies_transform_inverse(uint8_t *samples, size_t stride_bytes,
    const uint8_t *predicted, size_t predicted_stride_bytes,
    const int32_t coefs[16]);


/*
 * The DCs of an Intra_16x16 macroblock in raster order to levels in zig-zag
 * order, and back.
 */

unsigned selkies_transform_quantize_dc(int16_t levels[16],
    const int32_t dcs[16], int qp, unsigned rounding);

void selkies_transform_scale_dc(int32_t dcs[16], const int16_t levels[16],
    int qp);


/* The same for the four DCs of a chroma component of 4:2:0. */

unsigned selkies_transform_quantize_chroma_dc(int16_t levels[4],
    const int32_t dcs[4], int qp, unsigned rounding);

void selkies_transform_scale_chroma_dc(int32_t dcs[4], const int16_t levels[4],
    int qp);


/* The quantiser's step, in samples, rounded up. */

int selkies_transform_step(int qp);


/* QP'c of a luma QP: table 8-15, offset is chroma_qp_index_offset. */

int selkies_transform_chroma_qp(int qp, int offset);


#pragma GCC visibility pop


#endif /* SELKIES_TRANSFORM_H_INCLUDED */
