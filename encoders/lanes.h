
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * 16 samples at a time: what every processor of an architecture has, so there
 * is nothing to be chosen at run time.  SELKIES_LANES_PLAIN leaves that out.
 *
 * Thread: any, there is no state.  Ownership: the caller's.
 */


#ifndef SELKIES_LANES_H_INCLUDED
#define SELKIES_LANES_H_INCLUDED


#include <stdint.h>
#include <stdlib.h>
#include <string.h>


#if defined(__SSE2__) && !defined(SELKIES_LANES_PLAIN)

#include <emmintrin.h>

typedef __m128i  selkies_lanes_t;


static inline selkies_lanes_t
selkies_lanes_load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *) (const void *) p);
}


static inline selkies_lanes_t
selkies_lanes_zero(void)
{
    return _mm_setzero_si128();
}


/* Eight samples of each. */

static inline selkies_lanes_t
selkies_lanes_pair(const uint8_t *p, const uint8_t *q)
{
    return _mm_unpacklo_epi64(
                          _mm_loadl_epi64((const __m128i *) (const void *) p),
                          _mm_loadl_epi64((const __m128i *) (const void *) q));
}


static inline void
selkies_lanes_store(uint8_t *p, selkies_lanes_t v)
{
    _mm_storeu_si128((__m128i *) (void *) p, v);
}


/* (a + b + 1) / 2 */

static inline selkies_lanes_t
selkies_lanes_mean(selkies_lanes_t a, selkies_lanes_t b)
{
    return _mm_avg_epu8(a, b);
}


/* v, and where a and b differ. */

static inline selkies_lanes_t
selkies_lanes_differ(selkies_lanes_t v, selkies_lanes_t a, selkies_lanes_t b)
{
    return _mm_or_si128(v, _mm_xor_si128(a, b));
}


/* (a + b + c + d + 2) / 4 */

static inline selkies_lanes_t
selkies_lanes_mean4(selkies_lanes_t a, selkies_lanes_t b, selkies_lanes_t c,
    selkies_lanes_t d)
{
    selkies_lanes_t  zero, twos, low, high;

    zero = _mm_setzero_si128();
    twos = _mm_set1_epi16(2);

    low = _mm_add_epi16(_mm_add_epi16(_mm_unpacklo_epi8(a, zero),
                                      _mm_unpacklo_epi8(b, zero)),
                        _mm_add_epi16(_mm_unpacklo_epi8(c, zero),
                                      _mm_unpacklo_epi8(d, zero)));
    high = _mm_add_epi16(_mm_add_epi16(_mm_unpackhi_epi8(a, zero),
                                       _mm_unpackhi_epi8(b, zero)),
                         _mm_add_epi16(_mm_unpackhi_epi8(c, zero),
                                       _mm_unpackhi_epi8(d, zero)));

    return _mm_packus_epi16(_mm_srli_epi16(_mm_add_epi16(low, twos), 2),
                            _mm_srli_epi16(_mm_add_epi16(high, twos), 2));
}


/* v, and where a and b differ by more than the limit. */

static inline selkies_lanes_t
selkies_lanes_beyond(selkies_lanes_t v, selkies_lanes_t a, selkies_lanes_t b,
    unsigned limit)
{
    return _mm_or_si128(v, _mm_subs_epu8(_mm_or_si128(_mm_subs_epu8(a, b),
                                                      _mm_subs_epu8(b, a)),
                                         _mm_set1_epi8((char) limit)));
}


static inline int
selkies_lanes_any(selkies_lanes_t v)
{
    return _mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_setzero_si128())) != 0xffff;
}


/* Sum of absolute differences. */

static inline unsigned
selkies_lanes_sum(selkies_lanes_t a, selkies_lanes_t b)
{
    a = _mm_sad_epu8(a, b);

    return (unsigned) _mm_cvtsi128_si32(a)
           + (unsigned) _mm_extract_epi16(a, 4);
}


/* v, which begins as zero, and the differences: _total() is their sum. */

static inline selkies_lanes_t
selkies_lanes_gather(selkies_lanes_t v, selkies_lanes_t a, selkies_lanes_t b)
{
    return _mm_add_epi32(v, _mm_sad_epu8(a, b));
}


static inline unsigned
selkies_lanes_total(selkies_lanes_t v)
{
    return (unsigned) _mm_cvtsi128_si32(v)
           + (unsigned) _mm_cvtsi128_si32(_mm_srli_si128(v, 8));
}


/* A bit for each four samples of which one is not zero, the first is 1. */

static inline unsigned
selkies_lanes_fourths(selkies_lanes_t v)
{
    v = _mm_cmpeq_epi32(v, _mm_setzero_si128());

    return 15u & ~(unsigned) _mm_movemask_ps(_mm_castsi128_ps(v));
}


/* Sums of absolute differences of each four columns, of so many rows. */

static inline void
selkies_lanes_strip(uint16_t sums[4], const uint8_t *a, size_t a_stride,
    const uint8_t *b, size_t b_stride, unsigned rows)
{
    selkies_lanes_t  x, y, even, odd, zero, mask;

    zero = _mm_setzero_si128();
    mask = _mm_set_epi32(0, -1, 0, -1);
    even = zero;
    odd = zero;

    for ( /* void */ ; rows > 0; rows--) {
        x = selkies_lanes_load(a);
        y = selkies_lanes_load(b);
        x = _mm_or_si128(_mm_subs_epu8(x, y), _mm_subs_epu8(y, x));
        even = _mm_add_epi32(even, _mm_sad_epu8(_mm_and_si128(x, mask),
                                                zero));
        odd = _mm_add_epi32(odd, _mm_sad_epu8(_mm_andnot_si128(mask, x),
                                              zero));
        a += a_stride;
        b += b_stride;
    }

    sums[0] = (uint16_t) _mm_cvtsi128_si32(even);
    sums[1] = (uint16_t) _mm_cvtsi128_si32(odd);
    sums[2] = (uint16_t) _mm_extract_epi16(even, 4);
    sums[3] = (uint16_t) _mm_extract_epi16(odd, 4);
}


#elif defined(__aarch64__) && !defined(SELKIES_LANES_PLAIN)

#include <arm_neon.h>

typedef uint8x16_t  selkies_lanes_t;


static inline selkies_lanes_t
selkies_lanes_load(const uint8_t *p)
{
    return vld1q_u8(p);
}


static inline selkies_lanes_t
selkies_lanes_zero(void)
{
    return vdupq_n_u8(0);
}


static inline selkies_lanes_t
selkies_lanes_pair(const uint8_t *p, const uint8_t *q)
{
    return vcombine_u8(vld1_u8(p), vld1_u8(q));
}


static inline void
selkies_lanes_store(uint8_t *p, selkies_lanes_t v)
{
    vst1q_u8(p, v);
}


static inline selkies_lanes_t
selkies_lanes_mean(selkies_lanes_t a, selkies_lanes_t b)
{
    return vrhaddq_u8(a, b);
}


static inline selkies_lanes_t
selkies_lanes_differ(selkies_lanes_t v, selkies_lanes_t a, selkies_lanes_t b)
{
    return vorrq_u8(v, veorq_u8(a, b));
}


static inline selkies_lanes_t
selkies_lanes_mean4(selkies_lanes_t a, selkies_lanes_t b, selkies_lanes_t c,
    selkies_lanes_t d)
{
    uint16x8_t  low, high;

    low = vaddw_u8(vaddl_u8(vget_low_u8(a), vget_low_u8(b)), vget_low_u8(c));
    high = vaddw_u8(vaddl_u8(vget_high_u8(a), vget_high_u8(b)),
                    vget_high_u8(c));

    return vcombine_u8(vrshrn_n_u16(vaddw_u8(low, vget_low_u8(d)), 2),
                       vrshrn_n_u16(vaddw_u8(high, vget_high_u8(d)), 2));
}


static inline selkies_lanes_t
selkies_lanes_beyond(selkies_lanes_t v, selkies_lanes_t a, selkies_lanes_t b,
    unsigned limit)
{
    return vorrq_u8(v, vqsubq_u8(vabdq_u8(a, b), vdupq_n_u8((uint8_t) limit)));
}


static inline int
selkies_lanes_any(selkies_lanes_t v)
{
    return vmaxvq_u8(v) != 0;
}


static inline unsigned
selkies_lanes_sum(selkies_lanes_t a, selkies_lanes_t b)
{
    return vaddlvq_u8(vabdq_u8(a, b));
}


static inline selkies_lanes_t
selkies_lanes_gather(selkies_lanes_t v, selkies_lanes_t a, selkies_lanes_t b)
{
    return vreinterpretq_u8_u32(vpadalq_u16(vreinterpretq_u32_u8(v),
                                            vpaddlq_u8(vabdq_u8(a, b))));
}


static inline unsigned
selkies_lanes_total(selkies_lanes_t v)
{
    return vaddvq_u32(vreinterpretq_u32_u8(v));
}


static inline unsigned
selkies_lanes_fourths(selkies_lanes_t v)
{
    uint32x4_t             bits;
    static const uint32_t  each[4] = { 1, 2, 4, 8 };

    bits = vreinterpretq_u32_u8(v);

    return vaddvq_u32(vandq_u32(vtstq_u32(bits, bits), vld1q_u32(each)));
}


static inline void
selkies_lanes_strip(uint16_t sums[4], const uint8_t *a, size_t a_stride,
    const uint8_t *b, size_t b_stride, unsigned rows)
{
    uint32x4_t  sum;

    sum = vdupq_n_u32(0);

    for ( /* void */ ; rows > 0; rows--) {
        sum = vpadalq_u16(sum, vpaddlq_u8(vabdq_u8(vld1q_u8(a),
                                                   vld1q_u8(b))));
        a += a_stride;
        b += b_stride;
    }

    vst1_u16(sums, vmovn_u32(sum));
}


#else

typedef struct {
    uint8_t                  of[16];
} selkies_lanes_t;


static inline selkies_lanes_t
selkies_lanes_load(const uint8_t *p)
{
    selkies_lanes_t  v;

    memcpy(v.of, p, 16);

    return v;
}


static inline selkies_lanes_t
selkies_lanes_zero(void)
{
    selkies_lanes_t  v;

    memset(v.of, 0, 16);

    return v;
}


static inline selkies_lanes_t
selkies_lanes_pair(const uint8_t *p, const uint8_t *q)
{
    selkies_lanes_t  v;

    memcpy(v.of, p, 8);
    memcpy(v.of + 8, q, 8);

    return v;
}


static inline void
selkies_lanes_store(uint8_t *p, selkies_lanes_t v)
{
    memcpy(p, v.of, 16);
}


static inline selkies_lanes_t
selkies_lanes_mean(selkies_lanes_t a, selkies_lanes_t b)
{
    int  i;

    for (i = 0; i < 16; i++) {
        a.of[i] = (uint8_t) ((a.of[i] + b.of[i] + 1) / 2);
    }

    return a;
}


static inline selkies_lanes_t
selkies_lanes_differ(selkies_lanes_t v, selkies_lanes_t a, selkies_lanes_t b)
{
    int  i;

    for (i = 0; i < 16; i++) {
        v.of[i] |= a.of[i] ^ b.of[i];
    }

    return v;
}


static inline selkies_lanes_t
selkies_lanes_mean4(selkies_lanes_t a, selkies_lanes_t b, selkies_lanes_t c,
    selkies_lanes_t d)
{
    int  i;

    for (i = 0; i < 16; i++) {
        a.of[i] = (uint8_t) ((a.of[i] + b.of[i] + c.of[i] + d.of[i] + 2) / 4);
    }

    return a;
}


static inline selkies_lanes_t
selkies_lanes_beyond(selkies_lanes_t v, selkies_lanes_t a, selkies_lanes_t b,
    unsigned limit)
{
    int  i;

    for (i = 0; i < 16; i++) {
        v.of[i] |= abs(a.of[i] - b.of[i]) > (int) limit;
    }

    return v;
}


static inline int
selkies_lanes_any(selkies_lanes_t v)
{
    static const uint8_t  zero[16];

    return memcmp(v.of, zero, 16) != 0;
}


static inline unsigned
selkies_lanes_sum(selkies_lanes_t a, selkies_lanes_t b)
{
    int       i;
    unsigned  sum;

    for (i = 0, sum = 0; i < 16; i++) {
        sum += (unsigned) abs(a.of[i] - b.of[i]);
    }

    return sum;
}


static inline selkies_lanes_t
selkies_lanes_gather(selkies_lanes_t v, selkies_lanes_t a, selkies_lanes_t b)
{
    uint32_t  sum;

    memcpy(&sum, v.of, sizeof(sum));
    sum += selkies_lanes_sum(a, b);
    memcpy(v.of, &sum, sizeof(sum));

    return v;
}


static inline unsigned
selkies_lanes_total(selkies_lanes_t v)
{
    uint32_t  sum;

    memcpy(&sum, v.of, sizeof(sum));

    return sum;
}


static inline unsigned
selkies_lanes_fourths(selkies_lanes_t v)
{
    int       i;
    unsigned  bits;

    for (i = 0, bits = 0; i < 16; i++) {
        bits |= (unsigned) (v.of[i] != 0) << (i / 4);
    }

    return bits;
}


static inline void
selkies_lanes_strip(uint16_t sums[4], const uint8_t *a, size_t a_stride,
    const uint8_t *b, size_t b_stride, unsigned rows)
{
    int  i;

    memset(sums, 0, 4 * sizeof(uint16_t));

    for ( /* void */ ; rows > 0; rows--) {

        for (i = 0; i < 16; i++) {
            sums[i / 4] = (uint16_t) (sums[i / 4] + abs(a[i] - b[i]));
        }

        a += a_stride;
        b += b_stride;
    }
}

#endif


/* Four samples of each, and zeros. */

static inline selkies_lanes_t
selkies_lanes_fours(const uint8_t *p, const uint8_t *q)
{
    uint8_t  v[16] = { 0 };

    memcpy(v, p, 4);
    memcpy(v + 4, q, 4);

    return selkies_lanes_load(v);
}


#endif /* SELKIES_LANES_H_INCLUDED */
