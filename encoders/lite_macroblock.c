
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * One macroblock of a lite picture: prediction (ITU-T H.264, 8.3.3, 8.3.4),
 * residual, reconstruction and syntax (7.3.5).  See lite_macroblock.h.
 *
 * Thread: any.  Ownership: the caller's structs.
 */


#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cavlc.h"
#include "lanes.h"
#include "lite_macroblock.h"
#include "transform.h"


/* mb_type of others in a P slice: tables 7-11 and 7-13 */

#define SELKIES_LITE_I_16X16      6
#define SELKIES_LITE_I_PCM        30

#define SELKIES_LITE_VERTICAL     0         /* Intra16x16PredMode */
#define SELKIES_LITE_HORIZONTAL   1
#define SELKIES_LITE_DC           2
#define SELKIES_LITE_NMODES       3         /* without plane */

#define SELKIES_LITE_WORTH_QUADRANT  4      /* what is less is left out */
#define SELKIES_LITE_WORTH           6      /* of a macroblock's luma, */
#define SELKIES_LITE_WORTH_CHROMA    7      /* of its chroma's details */

#define SELKIES_LITE_CHROMA_DC    16        /* of coded_block_pattern */
#define SELKIES_LITE_CHROMA_AC    32


static void selkies_lite_code_chroma(selkies_lite_macroblock_t *mb,
    const selkies_lite_samples_t *src, const selkies_lite_samples_t *pred,
    int thrifty, int qp, unsigned rounding);
static void selkies_lite_spare(selkies_lite_macroblock_t *mb);
static unsigned selkies_lite_worth(const int16_t *levels, unsigned n);
static void selkies_lite_decode_inter(selkies_lite_macroblock_t *mb,
    const selkies_lite_samples_t *pred, int qp);
static void selkies_lite_code_intra_luma(selkies_lite_macroblock_t *mb,
    const selkies_lite_samples_t *src, const uint8_t *pred, int qp);
static void selkies_lite_decode_chroma(selkies_lite_macroblock_t *mb,
    const selkies_lite_samples_t *pred, int qp);
static void selkies_lite_predict_luma(uint8_t *pred, unsigned mode,
    const selkies_lite_border_t *border);
static void selkies_lite_predict_chroma(selkies_lite_samples_t *pred,
    unsigned mode, const selkies_lite_border_t *border);
static int selkies_lite_chroma_mean(const selkies_lite_border_t *border,
    int component, size_t x, size_t y);
static int selkies_lite_mean(const uint8_t *top, const uint8_t *left,
    unsigned n);
static unsigned selkies_lite_usable(const selkies_lite_border_t *border,
    unsigned mode);
static unsigned selkies_lite_sad(const uint8_t *a, const uint8_t *b,
    size_t n);
static unsigned selkies_lite_sum(const uint8_t *samples, size_t n);
static void selkies_lite_write_vectors(selkies_h264_writer_t *w,
    const selkies_lite_macroblock_t *mb);
static void selkies_lite_write_chroma(selkies_h264_writer_t *w,
    const selkies_lite_macroblock_t *mb, selkies_lite_totals_t *totals,
    const selkies_lite_totals_t *left, const selkies_lite_totals_t *top);
static int selkies_lite_nc(const uint8_t *own, const uint8_t *left,
    const uint8_t *top, unsigned block, unsigned side);


/* Raster position of luma4x4BlkIdx, figure 6-10. */

static const uint8_t  selkies_lite_raster[16] = {
    0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15
};

/* codeNum of coded_block_pattern of an inter macroblock, table 9-4 */

static const uint8_t  selkies_lite_patterns[48] = {
    0, 2, 3, 7, 4, 8, 17, 13, 5, 18, 9, 14, 10, 15, 16, 11,
    1, 32, 33, 36, 34, 37, 44, 40, 35, 45, 38, 41, 39, 42, 43, 19,
    6, 24, 25, 20, 26, 21, 46, 28, 27, 47, 22, 29, 23, 30, 31, 12
};

/* intra_chroma_pred_mode of the same direction, table 7-16 */

static const uint8_t  selkies_lite_chroma_modes[SELKIES_LITE_NMODES] = {
    2, 1, 0
};


#define selkies_lite_luma(base, raster)                                       \
    ((base) + (size_t) ((raster) / 4) * 64 + (size_t) ((raster) % 4) * 4)

#define selkies_lite_chroma(base, block)                                      \
    ((base) + (size_t) ((block) / 2) * 32 + (size_t) ((block) % 2) * 4)


/* inter */

void
selkies_lite_code_inter(selkies_lite_macroblock_t *mb,
    const selkies_lite_samples_t *src, const selkies_lite_samples_t *pred,
    unsigned quadrants, int thrifty, int qp, int chroma_qp)
{
    int32_t   coefs[16];
    unsigned  i, raster;

    selkies_lite_copy(mb);

    for (i = 0; i < 16; i++) {

        if (!(quadrants & 1u << (i / 4))) {
            continue;
        }

        raster = selkies_lite_raster[i];

        selkies_transform_forward(coefs,
                                  selkies_lite_luma(src->luma, raster), 16,
                                  selkies_lite_luma(pred->luma, raster), 16);

        if (selkies_transform_quantize(mb->luma[i], coefs, qp,
                                       SELKIES_TRANSFORM_INTER, 0))
        {
            mb->pattern |= 1u << (i / 4);
        }
    }

    if (thrifty) {
        selkies_lite_spare(mb);
    }

    selkies_lite_decode_inter(mb, pred, qp);

    selkies_lite_code_chroma(mb, src, pred, thrifty, chroma_qp,
                             SELKIES_TRANSFORM_INTER);
    selkies_lite_decode_chroma(mb, pred, chroma_qp);

    if (mb->pattern == 0) {
        mb->kind = SELKIES_LITE_SKIP;
    }
}


/* Leaves out quadrants of which next to nothing is to be seen. */

static void
selkies_lite_spare(selkies_lite_macroblock_t *mb)
{
    unsigned  i, worth, sum;

    sum = 0;

    for (i = 0; i < 16; i += 4) {

        if (!(mb->pattern & 1u << (i / 4))) {
            continue;
        }

        worth = selkies_lite_worth(mb->luma[i], 16)
                + selkies_lite_worth(mb->luma[i + 1], 16)
                + selkies_lite_worth(mb->luma[i + 2], 16)
                + selkies_lite_worth(mb->luma[i + 3], 16);

        if (worth < SELKIES_LITE_WORTH_QUADRANT) {
            mb->pattern &= ~(1u << (i / 4));

        } else {
            sum += worth;
        }
    }

    if (sum < SELKIES_LITE_WORTH) {
        mb->pattern &= ~15u;
    }
}


/* Levels of 1 count the more, the fewer zeros are in front of them. */

static unsigned
selkies_lite_worth(const int16_t *levels, unsigned n)
{
    unsigned  i, zeros, worth;

    zeros = 0;
    worth = 0;

    for (i = 0; i < n; i++) {

        if (levels[i] == 0) {
            zeros++;
            continue;
        }

        if (abs(levels[i]) > 1) {
            return SELKIES_LITE_WORTH_CHROMA;
        }

        worth += zeros < 1 ? 3 : (zeros < 3 ? 2 : (zeros < 6 ? 1 : 0));
        zeros = 0;
    }

    return worth;
}


void
selkies_lite_copy(selkies_lite_macroblock_t *mb)
{
    mb->kind = SELKIES_LITE_INTER;
    mb->pattern = 0;
    mb->parts = SELKIES_LITE_P_16X16;
    mb->nvectors = 1;
    mb->mvd[0][0] = 0;
    mb->mvd[0][1] = 0;
}


static void
selkies_lite_decode_inter(selkies_lite_macroblock_t *mb,
    const selkies_lite_samples_t *pred, int qp)
{
    int32_t   coefs[16];
    unsigned  i, raster;

    memcpy(mb->decoded.luma, pred->luma, sizeof(mb->decoded.luma));

    for (i = 0; i < 16; i++) {

        if (!(mb->pattern & 1u << (i / 4))) {
            continue;
        }

        raster = selkies_lite_raster[i];

        selkies_transform_scale(coefs, mb->luma[i], qp, 0);
        selkies_transform_inverse(selkies_lite_luma(mb->decoded.luma, raster),
                                  16, selkies_lite_luma(pred->luma, raster),
                                  16, coefs);
    }
}


/* intra */

unsigned
selkies_lite_difference(const selkies_lite_samples_t *a,
    const selkies_lite_samples_t *b)
{
    return selkies_lite_sad(a->luma, b->luma, sizeof(a->luma))
           + selkies_lite_sad(a->chroma[0], b->chroma[0], 64)
           + selkies_lite_sad(a->chroma[1], b->chroma[1], 64);
}


int
selkies_lite_predict(selkies_lite_macroblock_t *mb,
    const selkies_lite_samples_t *src, const selkies_lite_border_t *border,
    unsigned limit)
{
    unsigned                mode, cost, best, chroma_best;
    selkies_lite_samples_t  tried;

    best = UINT32_MAX;
    chroma_best = UINT32_MAX;

    for (mode = 0; mode < SELKIES_LITE_NMODES; mode++) {

        if (!selkies_lite_usable(border, mode)) {
            continue;
        }

        selkies_lite_predict_luma(tried.luma, mode, border);
        cost = selkies_lite_sad(src->luma, tried.luma, sizeof(src->luma));

        if (cost < best) {
            best = cost;
            mb->luma_mode = mode;
        }

        selkies_lite_predict_chroma(&tried, mode, border);
        cost = selkies_lite_sad(src->chroma[0], tried.chroma[0], 64)
               + selkies_lite_sad(src->chroma[1], tried.chroma[1], 64);

        if (cost < chroma_best) {
            chroma_best = cost;
            mb->chroma_mode = mode;
        }
    }

    /* a residual to the pred leaves out what did not change */

    return best + chroma_best < limit - limit / 4;
}


void
selkies_lite_code_intra(selkies_lite_macroblock_t *mb,
    const selkies_lite_samples_t *src, const selkies_lite_border_t *border,
    int qp, int chroma_qp)
{
    selkies_lite_samples_t  pred;

    mb->kind = SELKIES_LITE_INTRA;
    mb->pattern = 0;

    selkies_lite_predict_luma(pred.luma, mb->luma_mode, border);

    selkies_lite_predict_chroma(&pred, mb->chroma_mode, border);

    selkies_lite_code_intra_luma(mb, src, pred.luma, qp);

    selkies_lite_code_chroma(mb, src, &pred, 0, chroma_qp,
                             SELKIES_TRANSFORM_INTRA);
    selkies_lite_decode_chroma(mb, &pred, chroma_qp);
}


static void
selkies_lite_code_intra_luma(selkies_lite_macroblock_t *mb,
    const selkies_lite_samples_t *src, const uint8_t *pred, int qp)
{
    int32_t   coefs[16], dcs[16];
    unsigned  i, raster;

    for (i = 0; i < 16; i++) {

        raster = selkies_lite_raster[i];

        selkies_transform_forward(coefs,
                                  selkies_lite_luma(src->luma, raster), 16,
                                  selkies_lite_luma(pred, raster), 16);
        dcs[raster] = coefs[0];

        if (selkies_transform_quantize(mb->luma[i], coefs, qp,
                                       SELKIES_TRANSFORM_INTRA, 1))
        {
            mb->pattern = 15;
        }
    }

    (void) selkies_transform_quantize_dc(mb->dc, dcs, qp,
                                         SELKIES_TRANSFORM_INTRA);
    selkies_transform_scale_dc(dcs, mb->dc, qp);

    for (i = 0; i < 16; i++) {

        raster = selkies_lite_raster[i];

        selkies_transform_scale(coefs, mb->luma[i], qp, 1);
        coefs[0] = dcs[raster];

        selkies_transform_inverse(selkies_lite_luma(mb->decoded.luma, raster),
                                  16, selkies_lite_luma(pred, raster), 16,
                                  coefs);
    }
}


static unsigned
selkies_lite_usable(const selkies_lite_border_t *border, unsigned mode)
{
    switch (mode) {

    case SELKIES_LITE_VERTICAL:
        return border->top;

    case SELKIES_LITE_HORIZONTAL:
        return border->left;

    default:
        return 1;
    }
}


static void
selkies_lite_predict_luma(uint8_t *pred, unsigned mode,
    const selkies_lite_border_t *border)
{
    size_t  y;

    if (mode == SELKIES_LITE_DC) {
        memset(pred, selkies_lite_mean(border->top ? border->luma_top : NULL,
                                       border->left ? border->luma_left : NULL,
                                       16),
               256);
        return;
    }

    for (y = 0; y < 16; y++) {
        if (mode == SELKIES_LITE_VERTICAL) {
            memcpy(pred + y * 16, border->luma_top, 16);

        } else {
            memset(pred + y * 16, border->luma_left[y], 16);
        }
    }
}


static void
selkies_lite_predict_chroma(selkies_lite_samples_t *pred, unsigned mode,
    const selkies_lite_border_t *border)
{
    int             k;
    size_t          y;
    uint8_t        *row;
    const uint8_t  *left, *top;

    for (k = 0; k < 2; k++) {

        left = border->chroma_left[k];
        top = border->chroma_top[k];

        for (y = 0; y < 8; y++) {

            /* cppcheck-suppress uninitvar; the row is written to */
            row = pred->chroma[k] + y * 8;

            switch (mode) {

            case SELKIES_LITE_VERTICAL:
                memcpy(row, top, 8);
                break;

            case SELKIES_LITE_HORIZONTAL:
                memset(row, left[y], 8);
                break;

            default:
                memset(row, selkies_lite_chroma_mean(border, k, 0, y & 4), 4);
                memset(row + 4, selkies_lite_chroma_mean(border, k, 4, y & 4),
                       4);
            }
        }
    }
}


/* 8.3.4.1 to 8.3.4.3: which border counts depends on the block's place */

static int
selkies_lite_chroma_mean(const selkies_lite_border_t *border, int component,
    size_t x, size_t y)
{
    const uint8_t  *left, *top;

    left = border->left ? border->chroma_left[component] + y : NULL;
    top = border->top ? border->chroma_top[component] + x : NULL;

    if (x > 0 && y == 0 && top != NULL) {
        left = NULL;

    } else if (x == 0 && y > 0 && left != NULL) {
        top = NULL;
    }

    return selkies_lite_mean(top, left, 4);
}


/* Of n samples each; of those that are there. */

static int
selkies_lite_mean(const uint8_t *top, const uint8_t *left, unsigned n)
{
    if (top == NULL && left == NULL) {
        return 128;
    }

    if (top == NULL || left == NULL) {
        return (int) ((selkies_lite_sum(top ? top : left, n) + n / 2) / n);
    }

    return (int) ((selkies_lite_sum(top, n) + selkies_lite_sum(left, n) + n)
                  / (n * 2));
}


static unsigned
selkies_lite_sum(const uint8_t *samples, size_t n)
{
    size_t    i;
    unsigned  sum;

    sum = 0;

    for (i = 0; i < n; i++) {
        sum += samples[i];
    }

    return sum;
}


static unsigned
selkies_lite_sad(const uint8_t *a, const uint8_t *b, size_t n)
{
    size_t    i;
    unsigned  sum;

    sum = 0;

    for (i = 0; i < n; i += 16) {
        sum += selkies_lanes_sum(selkies_lanes_load(a + i),
                                 selkies_lanes_load(b + i));
    }

    return sum;
}


/* chroma of both */

static void
selkies_lite_code_chroma(selkies_lite_macroblock_t *mb,
    const selkies_lite_samples_t *src, const selkies_lite_samples_t *pred,
    int thrifty, int qp, unsigned rounding)
{
    int       k;
    int32_t   coefs[16], dcs[4];
    unsigned  i, dc, ac, worth;

    dc = 0;
    ac = 0;
    worth = 0;

    for (k = 0; k < 2; k++) {

        for (i = 0; i < 4; i++) {
            selkies_transform_forward(coefs,
                                      selkies_lite_chroma(src->chroma[k], i),
                                      8,
                                      selkies_lite_chroma(pred->chroma[k], i),
                                      8);
            dcs[i] = coefs[0];
            ac += selkies_transform_quantize(mb->chroma_ac[k][i], coefs, qp,
                                             rounding, 1);
            worth += thrifty ? selkies_lite_worth(mb->chroma_ac[k][i], 15) : 0;
        }

        dc += selkies_transform_quantize_chroma_dc(mb->chroma_dc[k], dcs, qp,
                                                   rounding);
    }

    if (thrifty && ac && worth < SELKIES_LITE_WORTH_CHROMA) {
        ac = 0;
        memset(mb->chroma_ac, 0, sizeof(mb->chroma_ac));
    }

    if (ac) {
        mb->pattern |= SELKIES_LITE_CHROMA_AC;

    } else if (dc) {
        mb->pattern |= SELKIES_LITE_CHROMA_DC;
    }
}


static void
selkies_lite_decode_chroma(selkies_lite_macroblock_t *mb,
    const selkies_lite_samples_t *pred, int qp)
{
    int       k;
    int32_t   coefs[16], dcs[4];
    unsigned  i;

    if (mb->pattern < SELKIES_LITE_CHROMA_DC) {
        memcpy(mb->decoded.chroma, pred->chroma, sizeof(mb->decoded.chroma));
        return;
    }

    for (k = 0; k < 2; k++) {

        selkies_transform_scale_chroma_dc(dcs, mb->chroma_dc[k], qp);

        for (i = 0; i < 4; i++) {
            selkies_transform_scale(coefs, mb->chroma_ac[k][i], qp, 1);
            coefs[0] = dcs[i];

            selkies_transform_inverse(
                                selkies_lite_chroma(mb->decoded.chroma[k], i),
                                8, selkies_lite_chroma(pred->chroma[k], i), 8,
                                coefs);
        }
    }
}


/* syntax */

void
selkies_lite_write(selkies_h264_writer_t *w,
    const selkies_lite_macroblock_t *mb, selkies_lite_totals_t *totals,
    const selkies_lite_totals_t *left, const selkies_lite_totals_t *top)
{
    int       nc;
    unsigned  i, n, raster;

    memset(totals, 0, sizeof(selkies_lite_totals_t));

    if (mb->kind == SELKIES_LITE_INTRA) {
        selkies_h264_put_ue(w, SELKIES_LITE_I_16X16 + mb->luma_mode
                               + mb->pattern / 16 * 4
                               + (mb->pattern % 16 ? 12 : 0));
        selkies_h264_put_ue(w, selkies_lite_chroma_modes[mb->chroma_mode]);
        n = 15;

    } else {
        selkies_lite_write_vectors(w, mb);
        selkies_h264_put_ue(w, selkies_lite_patterns[mb->pattern]);
        n = 16;
    }

    if (mb->pattern || mb->kind == SELKIES_LITE_INTRA) {
        selkies_h264_put_se(w, 0);          /* mb_qp_delta */
    }

    if (mb->kind == SELKIES_LITE_INTRA) {

        /* the total of the DCs is nobody's neighbour */

        nc = selkies_lite_nc(totals->luma, left ? left->luma : NULL,
                             top ? top->luma : NULL, 0, 4);
        (void) selkies_cavlc_write(w, mb->dc, 16, nc);
    }

    for (i = 0; i < 16; i++) {

        if (!(mb->pattern & 1u << (i / 4))) {
            continue;
        }

        raster = selkies_lite_raster[i];
        nc = selkies_lite_nc(totals->luma, left ? left->luma : NULL,
                             top ? top->luma : NULL, raster, 4);
        totals->luma[raster] = (uint8_t) selkies_cavlc_write(w, mb->luma[i],
                                                             n, nc);
    }

    selkies_lite_write_chroma(w, mb, totals, left, top);
}


/* mb_type, sub_mb_pred() or mb_pred() */

static void
selkies_lite_write_vectors(selkies_h264_writer_t *w,
    const selkies_lite_macroblock_t *mb)
{
    unsigned  i;

    selkies_h264_put_ue(w, mb->parts);

    for (i = 0; mb->parts == SELKIES_LITE_P_8X8 && i < 4; i++) {
        selkies_h264_put_ue(w, mb->halves[i]);
    }

    for (i = 0; i < mb->nvectors; i++) {
        selkies_h264_put_se(w, mb->mvd[i][0]);
        selkies_h264_put_se(w, mb->mvd[i][1]);
    }
}


static void
selkies_lite_write_chroma(selkies_h264_writer_t *w,
    const selkies_lite_macroblock_t *mb, selkies_lite_totals_t *totals,
    const selkies_lite_totals_t *left, const selkies_lite_totals_t *top)
{
    int       k, nc;
    unsigned  i;

    if (mb->pattern < SELKIES_LITE_CHROMA_DC) {
        return;
    }

    for (k = 0; k < 2; k++) {
        (void) selkies_cavlc_write(w, mb->chroma_dc[k], 4,
                                   SELKIES_CAVLC_CHROMA_DC);
    }

    if (mb->pattern < SELKIES_LITE_CHROMA_AC) {
        return;
    }

    for (k = 0; k < 2; k++) {
        for (i = 0; i < 4; i++) {
            nc = selkies_lite_nc(totals->chroma[k],
                                 left ? left->chroma[k] : NULL,
                                 top ? top->chroma[k] : NULL, i, 2);
            totals->chroma[k][i] = (uint8_t) selkies_cavlc_write(w,
                                                     mb->chroma_ac[k][i],
                                                     15, nc);
        }
    }
}


/* 9.2.1 */

static int
selkies_lite_nc(const uint8_t *own, const uint8_t *left, const uint8_t *top,
    unsigned block, unsigned side)
{
    int  a, b;

    if (block % side) {
        a = own[block - 1];

    } else {
        a = left ? left[block + side - 1] : -1;
    }

    if (block >= side) {
        b = own[block - side];

    } else {
        b = top ? top[block + side * (side - 1)] : -1;
    }

    if (a < 0) {
        return b < 0 ? 0 : b;
    }

    return b < 0 ? a : (a + b + 1) >> 1;
}


void
selkies_lite_write_pcm(selkies_h264_writer_t *w,
    const selkies_lite_samples_t *src, selkies_lite_totals_t *totals)
{
    memset(totals, 16, sizeof(selkies_lite_totals_t));

    selkies_h264_put_ue(w, SELKIES_LITE_I_PCM);
    selkies_h264_put_zeros(w);
    selkies_h264_put_bytes(w, src->luma, sizeof(src->luma));
    selkies_h264_put_bytes(w, src->chroma[0], sizeof(src->chroma[0]));
    selkies_h264_put_bytes(w, src->chroma[1], sizeof(src->chroma[1]));
}
