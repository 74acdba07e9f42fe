
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * SSE2 kernel of convert.c.  The words of B G R X are split into B R and G X,
 * so that two pmaddwd give each pixel's sum in its own 32 bits, with 15 bits
 * of precision and without a horizontal addition.
 *
 * Thread: any.  Ownership: none.
 */


#include "convert_kernel.h"


#if (SELKIES_CONVERT_X86)


#include <emmintrin.h>


#define SELKIES_SSE2  __attribute__((target("sse2")))

/* a pair of 16-bit coefficients, low word first */

#define selkies_sse2_pair(lo, hi)                                             \
    _mm_set1_epi32((int) (((uint32_t) (uint16_t) (hi) << 16)                  \
                          | (uint16_t) (lo)))


int
selkies_convert_sse2_supported(void)
{
    return __builtin_cpu_supports("sse2");
}


/* Eight values of Y, as words, of two times four pixels. */

SELKIES_SSE2 static inline __m128i
selkies_sse2_luma(__m128i br0, __m128i gx0, __m128i br1, __m128i gx1)
{
    __m128i  y0, y1, cbr, cg, add;

    cbr = selkies_sse2_pair(SELKIES_CONVERT_YB, SELKIES_CONVERT_YR);
    cg = selkies_sse2_pair(SELKIES_CONVERT_YG, 0);
    add = _mm_set1_epi32(SELKIES_CONVERT_YADD);

    y0 = _mm_add_epi32(_mm_madd_epi16(br0, cbr), _mm_madd_epi16(gx0, cg));
    y1 = _mm_add_epi32(_mm_madd_epi16(br1, cbr), _mm_madd_epi16(gx1, cg));

    y0 = _mm_srli_epi32(_mm_add_epi32(y0, add), SELKIES_CONVERT_YSHIFT);
    y1 = _mm_srli_epi32(_mm_add_epi32(y1, add), SELKIES_CONVERT_YSHIFT);

    return _mm_packs_epi32(y0, y1);
}


/* The sums of adjacent pixels: four of the two times four in a and b. */

SELKIES_SSE2 static inline __m128i
selkies_sse2_pairs(__m128i a, __m128i b)
{
    __m128  fa, fb;

    fa = _mm_castsi128_ps(a);
    fb = _mm_castsi128_ps(b);

    return _mm_add_epi16(_mm_castps_si128(_mm_shuffle_ps(fa, fb, 0x88)),
                         _mm_castps_si128(_mm_shuffle_ps(fa, fb, 0xdd)));
}


/* Four times Cb Cr, as words, from sums of 2x2 pixels. */

SELKIES_SSE2 static inline __m128i
selkies_sse2_chroma(__m128i br, __m128i gx)
{
    __m128i  u, v, add;

    add = _mm_set1_epi32(SELKIES_CONVERT_CADD);

    u = _mm_add_epi32(
            _mm_madd_epi16(br, selkies_sse2_pair(SELKIES_CONVERT_UB,
                                                 SELKIES_CONVERT_UR)),
            _mm_madd_epi16(gx, selkies_sse2_pair(SELKIES_CONVERT_UG, 0)));

    v = _mm_add_epi32(
            _mm_madd_epi16(br, selkies_sse2_pair(SELKIES_CONVERT_VB,
                                                 SELKIES_CONVERT_VR)),
            _mm_madd_epi16(gx, selkies_sse2_pair(SELKIES_CONVERT_VG, 0)));

    u = _mm_srli_epi32(_mm_add_epi32(u, add), SELKIES_CONVERT_CSHIFT);
    v = _mm_srli_epi32(_mm_add_epi32(v, add), SELKIES_CONVERT_CSHIFT);

    return _mm_or_si128(u, _mm_slli_epi32(v, 16));
}


/*
 * Sixteen pixels of a row: the values of Y, and the pixels split and added to
 * those in br and gx.
 */

SELKIES_SSE2 static inline __m128i
selkies_sse2_row(const __m128i *src, __m128i *br, __m128i *gx)
{
    __m128i  br0, br1, br2, br3, gx0, gx1, gx2, gx3, low;

    low = _mm_set1_epi32(0x00ff00ff);

    br0 = _mm_loadu_si128(src);
    br1 = _mm_loadu_si128(src + 1);
    br2 = _mm_loadu_si128(src + 2);
    br3 = _mm_loadu_si128(src + 3);

    gx0 = _mm_srli_epi16(br0, 8);
    gx1 = _mm_srli_epi16(br1, 8);
    gx2 = _mm_srli_epi16(br2, 8);
    gx3 = _mm_srli_epi16(br3, 8);

    br0 = _mm_and_si128(br0, low);
    br1 = _mm_and_si128(br1, low);
    br2 = _mm_and_si128(br2, low);
    br3 = _mm_and_si128(br3, low);

    br[0] = _mm_add_epi16(br[0], selkies_sse2_pairs(br0, br1));
    br[1] = _mm_add_epi16(br[1], selkies_sse2_pairs(br2, br3));
    gx[0] = _mm_add_epi16(gx[0], selkies_sse2_pairs(gx0, gx1));
    gx[1] = _mm_add_epi16(gx[1], selkies_sse2_pairs(gx2, gx3));

    return _mm_packus_epi16(selkies_sse2_luma(br0, gx0, br1, gx1),
                            selkies_sse2_luma(br2, gx2, br3, gx3));
}


/* Written out: gcc keeps loops and arrays as such at the -O2 of nginx. */

SELKIES_SSE2 void
selkies_convert_sse2(const selkies_convert_span_t *span)
{
    int             same;
    size_t          i;
    __m128i         mask, y0, y1, uv, old0, old1, old2, diff, zero, br[2],
                    gx[2], *d0, *d1, *d2;
    const __m128i  *s0, *s1, *o0, *o1, *o2;

    mask = _mm_loadu_si128((const __m128i *) span->mask);
    zero = _mm_setzero_si128();

    s0 = (const __m128i *) span->src[0];
    s1 = (const __m128i *) span->src[1];
    d0 = (__m128i *) span->luma[0];
    d1 = (__m128i *) span->luma[1];
    d2 = (__m128i *) span->chroma;
    o0 = (const __m128i *) span->old[0];
    o1 = (const __m128i *) span->old[1];
    o2 = (const __m128i *) span->old[2];

    for (i = 0; i < span->n; i++) {

        selkies_convert_ahead(span, i);

        br[0] = br[1] = zero;
        gx[0] = gx[1] = zero;

        y0 = selkies_sse2_row(s0 + i * 4, br, gx);
        y1 = selkies_sse2_row(s1 + i * 4, br, gx);
        uv = _mm_packus_epi16(selkies_sse2_chroma(br[0], gx[0]),
                              selkies_sse2_chroma(br[1], gx[1]));

        old0 = _mm_load_si128(o0 + i);
        old1 = _mm_load_si128(o1 + i);
        old2 = _mm_load_si128(o2 + i);

        y0 = _mm_and_si128(_mm_xor_si128(y0, old0), mask);
        y1 = _mm_and_si128(_mm_xor_si128(y1, old1), mask);
        uv = _mm_and_si128(_mm_xor_si128(uv, old2), mask);
        diff = _mm_or_si128(_mm_or_si128(y0, y1), uv);

        same = _mm_movemask_epi8(_mm_cmpeq_epi8(diff, zero)) == 0xffff;

        if (same && !span->copy) {
            continue;
        }

        _mm_store_si128(d0 + i, _mm_xor_si128(y0, old0));
        _mm_store_si128(d1 + i, _mm_xor_si128(y1, old1));
        _mm_store_si128(d2 + i, _mm_xor_si128(uv, old2));

        if (!same) {
            span->touched[i] = 1;
        }
    }
}


/* Four values of Y, Cb or Cr of four pixels. */

SELKIES_SSE2 static inline __m128i
selkies_sse2_sample(__m128i br, __m128i gx, __m128i cbr, __m128i cg,
    __m128i add)
{
    __m128i  sum;

    sum = _mm_add_epi32(_mm_madd_epi16(br, cbr), _mm_madd_epi16(gx, cg));

    return _mm_srli_epi32(_mm_add_epi32(sum, add), SELKIES_CONVERT_FSHIFT);
}


/* Sixteen values from sixteen pixels, split into br[4] and gx[4]. */

SELKIES_SSE2 static inline __m128i
selkies_sse2_samples(const __m128i *br, const __m128i *gx, __m128i cbr,
    __m128i cg, __m128i add)
{
    __m128i  lo, hi;

    lo = _mm_packs_epi32(selkies_sse2_sample(br[0], gx[0], cbr, cg, add),
                         selkies_sse2_sample(br[1], gx[1], cbr, cg, add));
    hi = _mm_packs_epi32(selkies_sse2_sample(br[2], gx[2], cbr, cg, add),
                         selkies_sse2_sample(br[3], gx[3], cbr, cg, add));

    return _mm_packus_epi16(lo, hi);
}


/* Sixteen samples where the mask lets them; what was changed, by bits. */

SELKIES_SSE2 static inline __m128i
selkies_sse2_store(uint8_t *dst, __m128i value, __m128i mask)
{
    __m128i  old;

    old = _mm_load_si128((const __m128i *) dst);
    value = _mm_and_si128(_mm_xor_si128(value, old), mask);

    _mm_store_si128((__m128i *) dst, _mm_xor_si128(value, old));

    return value;
}


SELKIES_SSE2 void
selkies_convert_sse2_full(const selkies_convert_span_t *span)
{
    int             k, row;
    size_t          i;
    __m128i         mask, low, diff, add, yadd, p, br[4], gx[4], c[6];
    const __m128i  *src;

    mask = _mm_loadu_si128((const __m128i *) span->mask);
    low = _mm_set1_epi32(0x00ff00ff);
    add = _mm_set1_epi32(SELKIES_CONVERT_FADD);
    yadd = _mm_set1_epi32(SELKIES_CONVERT_YADD);

    c[0] = selkies_sse2_pair(SELKIES_CONVERT_YB, SELKIES_CONVERT_YR);
    c[1] = selkies_sse2_pair(SELKIES_CONVERT_YG, 0);
    c[2] = selkies_sse2_pair(SELKIES_CONVERT_UB, SELKIES_CONVERT_UR);
    c[3] = selkies_sse2_pair(SELKIES_CONVERT_UG, 0);
    c[4] = selkies_sse2_pair(SELKIES_CONVERT_VB, SELKIES_CONVERT_VR);
    c[5] = selkies_sse2_pair(SELKIES_CONVERT_VG, 0);

    for (i = 0; i < span->n; i++) {

        diff = _mm_setzero_si128();

        for (row = 0; row < 2; row++) {
            src = (const __m128i *) (span->src[row] + i * 64);

            for (k = 0; k < 4; k++) {
                p = _mm_loadu_si128(src + k);
                gx[k] = _mm_srli_epi16(p, 8);
                br[k] = _mm_and_si128(p, low);
            }

            diff = _mm_or_si128(diff, selkies_sse2_store(
                       span->luma[row] + i * 16,
                       selkies_sse2_samples(br, gx, c[0], c[1], yadd), mask));
            diff = _mm_or_si128(diff, selkies_sse2_store(
                       span->cb[row] + i * 16,
                       selkies_sse2_samples(br, gx, c[2], c[3], add), mask));
            diff = _mm_or_si128(diff, selkies_sse2_store(
                       span->cr[row] + i * 16,
                       selkies_sse2_samples(br, gx, c[4], c[5], add), mask));
        }

        if (_mm_movemask_epi8(_mm_cmpeq_epi8(diff, _mm_setzero_si128()))
            != 0xffff)
        {
            span->touched[i] = 1;
        }
    }
}


#else

typedef int  selkies_convert_sse2_unused_t;     /* no file without a name */

#endif
