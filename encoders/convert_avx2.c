
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * AVX2 kernel of convert.c: that of convert_sse2.c, twice as wide.  Packing
 * works within halves of a register and so leaves the groups of four pixels
 * in the order 0 2 1 3 for both rows at once; one permutation mends that.
 *
 * Thread: any.  Ownership: none.
 */


#include "convert_kernel.h"


#if (SELKIES_CONVERT_X86)


#include <immintrin.h>


#define SELKIES_AVX2  __attribute__((target("avx2")))

#define selkies_avx2_pair(lo, hi)                                             \
    _mm256_set1_epi32((int) (((uint32_t) (uint16_t) (hi) << 16)               \
                             | (uint16_t) (lo)))


int
selkies_convert_avx2_supported(void)
{
    return __builtin_cpu_supports("avx2");
}


/* Sixteen values of Y, as words, of two times eight pixels. */

SELKIES_AVX2 static inline __m256i
selkies_avx2_luma(__m256i br0, __m256i gx0, __m256i br1, __m256i gx1)
{
    __m256i  y0, y1, cbr, cg, add;

    cbr = selkies_avx2_pair(SELKIES_CONVERT_YB, SELKIES_CONVERT_YR);
    cg = selkies_avx2_pair(SELKIES_CONVERT_YG, 0);
    add = _mm256_set1_epi32(SELKIES_CONVERT_YADD);

    y0 = _mm256_add_epi32(_mm256_madd_epi16(br0, cbr),
                          _mm256_madd_epi16(gx0, cg));
    y1 = _mm256_add_epi32(_mm256_madd_epi16(br1, cbr),
                          _mm256_madd_epi16(gx1, cg));

    y0 = _mm256_srli_epi32(_mm256_add_epi32(y0, add), SELKIES_CONVERT_YSHIFT);
    y1 = _mm256_srli_epi32(_mm256_add_epi32(y1, add), SELKIES_CONVERT_YSHIFT);

    return _mm256_packs_epi32(y0, y1);
}


SELKIES_AVX2 static inline __m256i
selkies_avx2_pairs(__m256i a, __m256i b)
{
    __m256  fa, fb;

    fa = _mm256_castsi256_ps(a);
    fb = _mm256_castsi256_ps(b);

    return _mm256_add_epi16(
               _mm256_castps_si256(_mm256_shuffle_ps(fa, fb, 0x88)),
               _mm256_castps_si256(_mm256_shuffle_ps(fa, fb, 0xdd)));
}


/* Eight times Cb Cr, as words, from sums of 2x2 pixels. */

SELKIES_AVX2 static inline __m256i
selkies_avx2_chroma(__m256i br, __m256i gx)
{
    __m256i  u, v, add;

    add = _mm256_set1_epi32(SELKIES_CONVERT_CADD);

    u = _mm256_add_epi32(
            _mm256_madd_epi16(br, selkies_avx2_pair(SELKIES_CONVERT_UB,
                                                    SELKIES_CONVERT_UR)),
            _mm256_madd_epi16(gx, selkies_avx2_pair(SELKIES_CONVERT_UG, 0)));

    v = _mm256_add_epi32(
            _mm256_madd_epi16(br, selkies_avx2_pair(SELKIES_CONVERT_VB,
                                                    SELKIES_CONVERT_VR)),
            _mm256_madd_epi16(gx, selkies_avx2_pair(SELKIES_CONVERT_VG, 0)));

    u = _mm256_srli_epi32(_mm256_add_epi32(u, add), SELKIES_CONVERT_CSHIFT);
    v = _mm256_srli_epi32(_mm256_add_epi32(v, add), SELKIES_CONVERT_CSHIFT);

    return _mm256_or_si256(u, _mm256_slli_epi32(v, 16));
}


/* Written out: gcc keeps loops and arrays as such at the -O2 of nginx. */

SELKIES_AVX2 void
selkies_convert_avx2(const selkies_convert_span_t *span)
{
    int             same;
    size_t          i;
    __m128i         mask, y0, y1, uv, old0, old1, old2, diff, *d0, *d1, *d2;
    __m256i         low, order, y, br0, br1, br2, br3, gx0, gx1, gx2, gx3;
    const __m128i  *o0, *o1, *o2;
    const __m256i  *s0, *s1;

    low = _mm256_set1_epi32(0x00ff00ff);
    order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    mask = _mm_loadu_si128((const __m128i *) span->mask);

    s0 = (const __m256i *) span->src[0];
    s1 = (const __m256i *) span->src[1];
    d0 = (__m128i *) span->luma[0];
    d1 = (__m128i *) span->luma[1];
    d2 = (__m128i *) span->chroma;
    o0 = (const __m128i *) span->old[0];
    o1 = (const __m128i *) span->old[1];
    o2 = (const __m128i *) span->old[2];

    for (i = 0; i < span->n; i++) {

        selkies_convert_ahead(span, i);

        br0 = _mm256_loadu_si256(s0 + i * 2);
        br1 = _mm256_loadu_si256(s0 + i * 2 + 1);
        br2 = _mm256_loadu_si256(s1 + i * 2);
        br3 = _mm256_loadu_si256(s1 + i * 2 + 1);

        gx0 = _mm256_srli_epi16(br0, 8);
        gx1 = _mm256_srli_epi16(br1, 8);
        gx2 = _mm256_srli_epi16(br2, 8);
        gx3 = _mm256_srli_epi16(br3, 8);

        br0 = _mm256_and_si256(br0, low);
        br1 = _mm256_and_si256(br1, low);
        br2 = _mm256_and_si256(br2, low);
        br3 = _mm256_and_si256(br3, low);

        y = _mm256_packus_epi16(selkies_avx2_luma(br0, gx0, br1, gx1),
                                selkies_avx2_luma(br2, gx2, br3, gx3));
        y = _mm256_permutevar8x32_epi32(y, order);

        y0 = _mm256_castsi256_si128(y);
        y1 = _mm256_extracti128_si256(y, 1);

        br0 = _mm256_add_epi16(br0, br2);
        br1 = _mm256_add_epi16(br1, br3);
        gx0 = _mm256_add_epi16(gx0, gx2);
        gx1 = _mm256_add_epi16(gx1, gx3);

        y = selkies_avx2_chroma(selkies_avx2_pairs(br0, br1),
                                selkies_avx2_pairs(gx0, gx1));
        y = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(y, y), order);

        uv = _mm256_castsi256_si128(y);

        old0 = _mm_load_si128(o0 + i);
        old1 = _mm_load_si128(o1 + i);
        old2 = _mm_load_si128(o2 + i);

        y0 = _mm_and_si128(_mm_xor_si128(y0, old0), mask);
        y1 = _mm_and_si128(_mm_xor_si128(y1, old1), mask);
        uv = _mm_and_si128(_mm_xor_si128(uv, old2), mask);
        diff = _mm_or_si128(_mm_or_si128(y0, y1), uv);

        same = _mm_testz_si128(diff, diff);

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

    _mm256_zeroupper();
}


/* Eight values of Y, Cb or Cr of eight pixels. */

SELKIES_AVX2 static inline __m256i
selkies_avx2_sample(__m256i br, __m256i gx, __m256i cbr, __m256i cg,
    __m256i add)
{
    __m256i  sum;

    sum = _mm256_add_epi32(_mm256_madd_epi16(br, cbr),
                           _mm256_madd_epi16(gx, cg));

    return _mm256_srli_epi32(_mm256_add_epi32(sum, add),
                             SELKIES_CONVERT_FSHIFT);
}


/*
 * Sixteen values in two rows each, of pixels split into br[4] and gx[4]: they
 * are stored where the mask lets them, and what was changed is returned.
 */

SELKIES_AVX2 static inline __m128i
selkies_avx2_plane(uint8_t *dst0, uint8_t *dst1, const __m256i *br,
    const __m256i *gx, const __m256i *c, __m128i mask)
{
    __m128i  old0, old1, new0, new1;
    __m256i  v, order;

    order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);

    v = _mm256_packus_epi16(
            _mm256_packs_epi32(
                selkies_avx2_sample(br[0], gx[0], c[0], c[1], c[2]),
                selkies_avx2_sample(br[1], gx[1], c[0], c[1], c[2])),
            _mm256_packs_epi32(
                selkies_avx2_sample(br[2], gx[2], c[0], c[1], c[2]),
                selkies_avx2_sample(br[3], gx[3], c[0], c[1], c[2])));

    v = _mm256_permutevar8x32_epi32(v, order);

    old0 = _mm_load_si128((const __m128i *) dst0);
    old1 = _mm_load_si128((const __m128i *) dst1);
    new0 = _mm_and_si128(_mm_xor_si128(_mm256_castsi256_si128(v), old0), mask);
    new1 = _mm_and_si128(_mm_xor_si128(_mm256_extracti128_si256(v, 1), old1),
                         mask);

    _mm_store_si128((__m128i *) dst0, _mm_xor_si128(new0, old0));
    _mm_store_si128((__m128i *) dst1, _mm_xor_si128(new1, old1));

    return _mm_or_si128(new0, new1);
}


SELKIES_AVX2 void
selkies_convert_avx2_full(const selkies_convert_span_t *span)
{
    int      k;
    size_t   i;
    __m128i  mask, diff;
    __m256i  low, p, br[4], gx[4], y[3], u[3], v[3];

    low = _mm256_set1_epi32(0x00ff00ff);
    mask = _mm_loadu_si128((const __m128i *) span->mask);

    y[0] = selkies_avx2_pair(SELKIES_CONVERT_YB, SELKIES_CONVERT_YR);
    y[1] = selkies_avx2_pair(SELKIES_CONVERT_YG, 0);
    y[2] = _mm256_set1_epi32(SELKIES_CONVERT_YADD);
    u[0] = selkies_avx2_pair(SELKIES_CONVERT_UB, SELKIES_CONVERT_UR);
    u[1] = selkies_avx2_pair(SELKIES_CONVERT_UG, 0);
    u[2] = _mm256_set1_epi32(SELKIES_CONVERT_FADD);
    v[0] = selkies_avx2_pair(SELKIES_CONVERT_VB, SELKIES_CONVERT_VR);
    v[1] = selkies_avx2_pair(SELKIES_CONVERT_VG, 0);
    v[2] = u[2];

    for (i = 0; i < span->n; i++) {

        for (k = 0; k < 4; k++) {
            p = _mm256_loadu_si256((const __m256i *) (span->src[k >> 1]
                                                      + i * 64) + (k & 1));
            gx[k] = _mm256_srli_epi16(p, 8);
            br[k] = _mm256_and_si256(p, low);
        }

        diff = selkies_avx2_plane(span->luma[0] + i * 16,
                                  span->luma[1] + i * 16, br, gx, y, mask);
        diff = _mm_or_si128(diff, selkies_avx2_plane(span->cb[0] + i * 16,
                            span->cb[1] + i * 16, br, gx, u, mask));
        diff = _mm_or_si128(diff, selkies_avx2_plane(span->cr[0] + i * 16,
                            span->cr[1] + i * 16, br, gx, v, mask));

        if (!_mm_testz_si128(diff, diff)) {
            span->touched[i] = 1;
        }
    }

    _mm256_zeroupper();
}


#else

typedef int  selkies_convert_avx2_unused_t;     /* no file without a name */

#endif
