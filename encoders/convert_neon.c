
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * NEON kernel of convert.c for 64-bit ARM, where every processor has it.
 *
 * Thread: any.  Ownership: none.
 */


#include "convert_kernel.h"


#if (SELKIES_CONVERT_NEON)


#include <arm_neon.h>


int
selkies_convert_neon_supported(void)
{
    return 1;
}


/* Eight values of Y from eight pixels. */

static inline uint8x8_t
selkies_neon_luma(uint8x8_t b8, uint8x8_t g8, uint8x8_t r8)
{
    uint16x8_t  b, g, r;
    uint32x4_t  y0, y1;

    b = vmovl_u8(b8);
    g = vmovl_u8(g8);
    r = vmovl_u8(r8);

    y0 = vdupq_n_u32(SELKIES_CONVERT_YADD);
    y1 = y0;

    y0 = vmlal_n_u16(y0, vget_low_u16(b), SELKIES_CONVERT_YB);
    y0 = vmlal_n_u16(y0, vget_low_u16(g), SELKIES_CONVERT_YG);
    y0 = vmlal_n_u16(y0, vget_low_u16(r), SELKIES_CONVERT_YR);

    y1 = vmlal_n_u16(y1, vget_high_u16(b), SELKIES_CONVERT_YB);
    y1 = vmlal_n_u16(y1, vget_high_u16(g), SELKIES_CONVERT_YG);
    y1 = vmlal_n_u16(y1, vget_high_u16(r), SELKIES_CONVERT_YR);

    return vmovn_u16(vcombine_u16(vshrn_n_u32(y0, SELKIES_CONVERT_YSHIFT),
                                  vshrn_n_u32(y1, SELKIES_CONVERT_YSHIFT)));
}


/* Four values of Cb or Cr from sums of 2x2 pixels. */

static inline uint16x4_t
selkies_neon_chroma(int16x4_t b, int16x4_t g, int16x4_t r, int16_t cb,
    int16_t cg, int16_t cr)
{
    int32x4_t  c;

    c = vdupq_n_s32(SELKIES_CONVERT_CADD);

    c = vmlal_n_s16(c, b, cb);
    c = vmlal_n_s16(c, g, cg);
    c = vmlal_n_s16(c, r, cr);

    return vmovn_u32(vreinterpretq_u32_s32(
                         vshrq_n_s32(c, SELKIES_CONVERT_CSHIFT)));
}


static inline uint8x8_t
selkies_neon_plane(int16x8_t b, int16x8_t g, int16x8_t r, int16_t cb,
    int16_t cg, int16_t cr)
{
    uint16x4_t  lo, hi;

    lo = selkies_neon_chroma(vget_low_s16(b), vget_low_s16(g),
                             vget_low_s16(r), cb, cg, cr);
    hi = selkies_neon_chroma(vget_high_s16(b), vget_high_s16(g),
                             vget_high_s16(r), cb, cg, cr);

    return vmovn_u16(vcombine_u16(lo, hi));
}


static inline int16x8_t
selkies_neon_sums(uint8x16_t row0, uint8x16_t row1)
{
    return vreinterpretq_s16_u16(vpadalq_u8(vpaddlq_u8(row0), row1));
}


void
selkies_convert_neon(const selkies_convert_span_t *span)
{
    int           k, same;
    size_t        i;
    uint8_t      *dst[3];
    int16x8_t     b, g, r;
    uint8x16_t    mask, diff, next[3], old[3];
    uint8x8x2_t   uv;
    uint8x16x4_t  p[2];

    mask = vld1q_u8(span->mask);

    for (i = 0; i < span->n; i++) {

        selkies_convert_ahead(span, i);

        for (k = 0; k < 2; k++) {
            p[k] = vld4q_u8(span->src[k] + i * 64);

            next[k] = vcombine_u8(
                          selkies_neon_luma(vget_low_u8(p[k].val[0]),
                                            vget_low_u8(p[k].val[1]),
                                            vget_low_u8(p[k].val[2])),
                          selkies_neon_luma(vget_high_u8(p[k].val[0]),
                                            vget_high_u8(p[k].val[1]),
                                            vget_high_u8(p[k].val[2])));
        }

        b = selkies_neon_sums(p[0].val[0], p[1].val[0]);
        g = selkies_neon_sums(p[0].val[1], p[1].val[1]);
        r = selkies_neon_sums(p[0].val[2], p[1].val[2]);

        uv = vzip_u8(selkies_neon_plane(b, g, r, SELKIES_CONVERT_UB,
                                        SELKIES_CONVERT_UG,
                                        SELKIES_CONVERT_UR),
                     selkies_neon_plane(b, g, r, SELKIES_CONVERT_VB,
                                        SELKIES_CONVERT_VG,
                                        SELKIES_CONVERT_VR));

        next[2] = vcombine_u8(uv.val[0], uv.val[1]);

        dst[0] = span->luma[0] + i * 16;
        dst[1] = span->luma[1] + i * 16;
        dst[2] = span->chroma + i * 16;
        diff = vdupq_n_u8(0);

        for (k = 0; k < 3; k++) {
            old[k] = vld1q_u8(span->old[k] + i * 16);
            next[k] = vandq_u8(veorq_u8(next[k], old[k]), mask);
            diff = vorrq_u8(diff, next[k]);
        }

        same = vmaxvq_u8(diff) == 0;

        if (same && !span->copy) {
            continue;
        }

        for (k = 0; k < 3; k++) {
            vst1q_u8(dst[k], veorq_u8(next[k], old[k]));
        }

        if (!same) {
            span->touched[i] = 1;
        }
    }
}


/* Eight values of Cb or Cr from eight pixels. */

static inline uint8x8_t
selkies_neon_full(uint8x8_t b8, uint8x8_t g8, uint8x8_t r8, int16_t cb,
    int16_t cg, int16_t cr)
{
    int16x8_t  b, g, r;
    int32x4_t  lo, hi;

    b = vreinterpretq_s16_u16(vmovl_u8(b8));
    g = vreinterpretq_s16_u16(vmovl_u8(g8));
    r = vreinterpretq_s16_u16(vmovl_u8(r8));

    lo = vdupq_n_s32(SELKIES_CONVERT_FADD);
    hi = lo;

    lo = vmlal_n_s16(lo, vget_low_s16(b), cb);
    lo = vmlal_n_s16(lo, vget_low_s16(g), cg);
    lo = vmlal_n_s16(lo, vget_low_s16(r), cr);

    hi = vmlal_n_s16(hi, vget_high_s16(b), cb);
    hi = vmlal_n_s16(hi, vget_high_s16(g), cg);
    hi = vmlal_n_s16(hi, vget_high_s16(r), cr);

    return vmovn_u16(vreinterpretq_u16_s16(
               vcombine_s16(vshrn_n_s32(lo, SELKIES_CONVERT_FSHIFT),
                            vshrn_n_s32(hi, SELKIES_CONVERT_FSHIFT))));
}


static inline uint8x16_t
selkies_neon_chroma_row(uint8x16x4_t p, int16_t cb, int16_t cg, int16_t cr)
{
    return vcombine_u8(selkies_neon_full(vget_low_u8(p.val[0]),
                                         vget_low_u8(p.val[1]),
                                         vget_low_u8(p.val[2]), cb, cg, cr),
                       selkies_neon_full(vget_high_u8(p.val[0]),
                                         vget_high_u8(p.val[1]),
                                         vget_high_u8(p.val[2]), cb, cg, cr));
}


void
selkies_convert_neon_full(const selkies_convert_span_t *span)
{
    int           k, row;
    size_t        i;
    uint8_t      *dst[3];
    uint8x16_t    mask, diff, old, next[3];
    uint8x16x4_t  p;

    mask = vld1q_u8(span->mask);

    for (i = 0; i < span->n; i++) {

        diff = vdupq_n_u8(0);

        for (row = 0; row < 2; row++) {
            p = vld4q_u8(span->src[row] + i * 64);

            next[0] = vcombine_u8(selkies_neon_luma(vget_low_u8(p.val[0]),
                                                    vget_low_u8(p.val[1]),
                                                    vget_low_u8(p.val[2])),
                                  selkies_neon_luma(vget_high_u8(p.val[0]),
                                                    vget_high_u8(p.val[1]),
                                                    vget_high_u8(p.val[2])));
            next[1] = selkies_neon_chroma_row(p, SELKIES_CONVERT_UB,
                                              SELKIES_CONVERT_UG,
                                              SELKIES_CONVERT_UR);
            next[2] = selkies_neon_chroma_row(p, SELKIES_CONVERT_VB,
                                              SELKIES_CONVERT_VG,
                                              SELKIES_CONVERT_VR);

            dst[0] = span->luma[row] + i * 16;
            dst[1] = span->cb[row] + i * 16;
            dst[2] = span->cr[row] + i * 16;

            for (k = 0; k < 3; k++) {
                old = vld1q_u8(dst[k]);
                next[k] = vandq_u8(veorq_u8(next[k], old), mask);
                diff = vorrq_u8(diff, next[k]);
                vst1q_u8(dst[k], veorq_u8(next[k], old));
            }
        }

        if (vmaxvq_u8(diff) != 0) {
            span->touched[i] = 1;
        }
    }
}


#else

typedef int  selkies_convert_neon_unused_t;     /* no file without a name */

#endif
