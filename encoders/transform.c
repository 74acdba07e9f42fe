
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Transform and quantiser of ITU-T H.264, see transform.h.
 *
 * Thread: any.  Ownership: none.
 */


#include <stdint.h>
#include <stdlib.h>

#include "transform.h"


/* positions of a block that share a factor: corners, odd ones, the others */

#define SELKIES_TRANSFORM_A   0
#define SELKIES_TRANSFORM_B   1
#define SELKIES_TRANSFORM_C   2


static unsigned selkies_transform_quantize_sum(int16_t *levels,
    const int32_t *sums, const uint8_t *scan, unsigned n, int qp,
    unsigned rounding);
static void selkies_transform_hadamard(int32_t b[16]);
static void selkies_transform_butterfly(int32_t *p, size_t step);


/* figure 8-8, table 8-2 */

const uint8_t  selkies_transform_scan[16] = {
    0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15
};

static const uint8_t  selkies_transform_chroma_scan[4] = { 0, 1, 2, 3 };

static const uint8_t  selkies_transform_class[16] = {
    SELKIES_TRANSFORM_A, SELKIES_TRANSFORM_C,
    SELKIES_TRANSFORM_A, SELKIES_TRANSFORM_C,
    SELKIES_TRANSFORM_C, SELKIES_TRANSFORM_B,
    SELKIES_TRANSFORM_C, SELKIES_TRANSFORM_B,
    SELKIES_TRANSFORM_A, SELKIES_TRANSFORM_C,
    SELKIES_TRANSFORM_A, SELKIES_TRANSFORM_C,
    SELKIES_TRANSFORM_C, SELKIES_TRANSFORM_B,
    SELKIES_TRANSFORM_C, SELKIES_TRANSFORM_B
};

/* normAdjust of 8.5.9, and what divides by it: 2^(15 + 6) over the step and
 * the transform's gain */

static const int32_t  selkies_transform_scales[6][3] = {
    { 10, 16, 13 },
    { 11, 18, 14 },
    { 13, 20, 16 },
    { 14, 23, 18 },
    { 16, 25, 20 },
    { 18, 29, 23 }
};

static const int32_t  selkies_transform_factors[6][3] = {
    { 13107, 5243, 8066 },
    { 11916, 4660, 7490 },
    { 10082, 4194, 6554 },
    { 9362, 3647, 5825 },
    { 8192, 3355, 5243 },
    { 7282, 2893, 4559 }
};

static const uint8_t  selkies_transform_chroma_qps[22] = {
    29, 30, 31, 32, 32, 33, 34, 34, 35, 35, 36,
    36, 37, 37, 37, 38, 38, 38, 39, 39, 39, 39
};


int
selkies_transform_step(int qp)
{
    /* 5/8 at QP 0, twice as much every six */

    return (int) ((selkies_transform_scales[qp % 6][SELKIES_TRANSFORM_A]
                   << qp / 6) + 15) / 16;
}


int
selkies_transform_chroma_qp(int qp, int offset)
{
    qp += offset;

    if (qp < 0) {
        return 0;
    }

    if (qp > 51) {
        qp = 51;
    }

    return qp < 30 ? qp : selkies_transform_chroma_qps[qp - 30];
}


void
selkies_transform_forward(int32_t coefs[16], const uint8_t *samples,
    size_t stride_bytes, const uint8_t *predicted,
    size_t predicted_stride_bytes)
{
    int      i;
    int32_t  d[4], s03, s12, d03, d12, *c;

    for (i = 0; i < 4; i++) {

        d[0] = samples[0] - predicted[0];
        d[1] = samples[1] - predicted[1];
        d[2] = samples[2] - predicted[2];
        d[3] = samples[3] - predicted[3];

        s03 = d[0] + d[3];
        d03 = d[0] - d[3];
        s12 = d[1] + d[2];
        d12 = d[1] - d[2];

        c = coefs + (size_t) i * 4;

        c[0] = s03 + s12;
        c[1] = d03 * 2 + d12;
        c[2] = s03 - s12;
        c[3] = d03 - d12 * 2;

        samples += stride_bytes;
        predicted += predicted_stride_bytes;
    }

    for (i = 0; i < 4; i++) {

        c = coefs + i;

        s03 = c[0] + c[12];
        d03 = c[0] - c[12];
        s12 = c[4] + c[8];
        d12 = c[4] - c[8];

        c[0] = s03 + s12;
        c[4] = d03 * 2 + d12;
        c[8] = s03 - s12;
        c[12] = d03 - d12 * 2;
    }
}


unsigned
selkies_transform_quantize(int16_t *levels, const int32_t coefs[16], int qp,
    unsigned rounding, unsigned first)
{
    int32_t        c, level, add;
    unsigned       i, shift, total;
    const int32_t  *factors;

    shift = 15 + (unsigned) qp / 6;
    add = (int32_t) (((1u << shift) * rounding) / 6);
    factors = selkies_transform_factors[qp % 6];
    total = 0;

    for (i = first; i < 16; i++) {
        c = coefs[selkies_transform_scan[i]];
        level = abs(c)
                * factors[selkies_transform_class[selkies_transform_scan[i]]];
        level = (level + add) >> shift;
        total += level != 0;

        *levels++ = (int16_t) (c < 0 ? -level : level);
    }

    return total;
}


void
selkies_transform_scale(int32_t coefs[16], const int16_t *levels, int qp,
    unsigned first)
{
    unsigned        i, pos, shift;
    const int32_t  *scales;

    shift = (unsigned) qp / 6;
    scales = selkies_transform_scales[qp % 6];

    for (i = first; i < 16; i++) {
        pos = selkies_transform_scan[i];
        coefs[pos] = *levels++ * (scales[selkies_transform_class[pos]]
                                  << shift);
    }
}


/* 8.5.12.2, 8.5.14 */

void
selkies_transform_inverse(uint8_t *samples, size_t stride_bytes,
    const uint8_t *predicted, size_t predicted_stride_bytes,
    const int32_t coefs[16])
{
    int            i, k;
    int32_t        b[16], e[4], v;
    const int32_t  *c;

    for (i = 0; i < 4; i++) {

        c = coefs + (size_t) i * 4;

        e[0] = c[0] + c[2];
        e[1] = c[0] - c[2];
        e[2] = (c[1] >> 1) - c[3];
        e[3] = c[1] + (c[3] >> 1);

        b[i * 4] = e[0] + e[3];
        b[i * 4 + 1] = e[1] + e[2];
        b[i * 4 + 2] = e[1] - e[2];
        b[i * 4 + 3] = e[0] - e[3];
    }

    for (i = 0; i < 4; i++) {

        c = b + i;

        e[0] = c[0] + c[8];
        e[1] = c[0] - c[8];
        e[2] = (c[4] >> 1) - c[12];
        e[3] = c[4] + (c[12] >> 1);

        b[i] = e[0] + e[3];
        b[i + 4] = e[1] + e[2];
        b[i + 8] = e[1] - e[2];
        b[i + 12] = e[0] - e[3];
    }

    for (i = 0; i < 4; i++) {

        for (k = 0; k < 4; k++) {
            v = predicted[k] + ((b[i * 4 + k] + 32) >> 6);
            samples[k] = (uint8_t) (v < 0 ? 0 : (v > 255 ? 255 : v));
        }

        samples += stride_bytes;
        predicted += predicted_stride_bytes;
    }
}


/* DCs */

static unsigned
selkies_transform_quantize_sum(int16_t *levels, const int32_t *sums,
    const uint8_t *scan, unsigned n, int qp, unsigned rounding)
{
    int64_t   level, add;
    int32_t   c;
    unsigned  i, shift, total;

    shift = 16 + (unsigned) qp / 6;
    add = (int64_t) (((uint64_t) 1 << shift) * rounding / 6);
    total = 0;

    for (i = 0; i < n; i++) {
        c = sums[scan[i]];
        level = (int64_t) abs(c)
                * selkies_transform_factors[qp % 6][SELKIES_TRANSFORM_A];
        level = (level + add) >> shift;
        total += level != 0;

        levels[i] = (int16_t) (c < 0 ? -level : level);
    }

    return total;
}


unsigned
selkies_transform_quantize_dc(int16_t levels[16], const int32_t dcs[16],
    int qp, unsigned rounding)
{
    int      i;
    int32_t  sums[16];

    for (i = 0; i < 16; i++) {
        sums[i] = dcs[i];
    }

    selkies_transform_hadamard(sums);

    for (i = 0; i < 16; i++) {
        sums[i] = (sums[i] + 1) >> 1;
    }

    return selkies_transform_quantize_sum(levels, sums, selkies_transform_scan,
                                          16, qp, rounding);
}


/* 8.5.10 */

void
selkies_transform_scale_dc(int32_t dcs[16], const int16_t levels[16], int qp)
{
    int       i;
    int32_t   scale;
    unsigned  shift;

    for (i = 0; i < 16; i++) {
        dcs[selkies_transform_scan[i]] = levels[i];
    }

    selkies_transform_hadamard(dcs);

    scale = selkies_transform_scales[qp % 6][SELKIES_TRANSFORM_A] * 16;
    shift = (unsigned) qp / 6;

    for (i = 0; i < 16; i++) {
        dcs[i] = shift >= 6 ? dcs[i] * (scale << (shift - 6))
                            : (dcs[i] * scale + (1 << (5 - shift)))
                              >> (6 - shift);
    }
}


static void
selkies_transform_hadamard(int32_t b[16])
{
    size_t  i;

    for (i = 0; i < 4; i++) {
        selkies_transform_butterfly(b + i * 4, 1);
    }

    for (i = 0; i < 4; i++) {
        selkies_transform_butterfly(b + i, 4);
    }
}


static void
selkies_transform_butterfly(int32_t *p, size_t step)
{
    int32_t  s01, d01, s23, d23;

    s01 = p[0] + p[step];
    d01 = p[0] - p[step];
    s23 = p[step * 2] + p[step * 3];
    d23 = p[step * 2] - p[step * 3];

    p[0] = s01 + s23;
    p[step] = s01 - s23;
    p[step * 2] = d01 - d23;
    p[step * 3] = d01 + d23;
}


unsigned
selkies_transform_quantize_chroma_dc(int16_t levels[4], const int32_t dcs[4],
    int qp, unsigned rounding)
{
    int32_t  sums[4];

    sums[0] = dcs[0] + dcs[1] + dcs[2] + dcs[3];
    sums[1] = dcs[0] - dcs[1] + dcs[2] - dcs[3];
    sums[2] = dcs[0] + dcs[1] - dcs[2] - dcs[3];
    sums[3] = dcs[0] - dcs[1] - dcs[2] + dcs[3];

    return selkies_transform_quantize_sum(levels, sums,
                                          selkies_transform_chroma_scan, 4,
                                          qp, rounding);
}


/* 8.5.11 */

void
selkies_transform_scale_chroma_dc(int32_t dcs[4], const int16_t levels[4],
    int qp)
{
    int      i;
    int32_t  scale;

    dcs[0] = levels[0] + levels[1] + levels[2] + levels[3];
    dcs[1] = levels[0] - levels[1] + levels[2] - levels[3];
    dcs[2] = levels[0] + levels[1] - levels[2] - levels[3];
    dcs[3] = levels[0] - levels[1] - levels[2] + levels[3];

    scale = selkies_transform_scales[qp % 6][SELKIES_TRANSFORM_A] * 16;

    for (i = 0; i < 4; i++) {
        dcs[i] = (dcs[i] * (scale << (qp / 6))) >> 5;
    }
}
