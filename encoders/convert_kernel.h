
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Between convert.c and its kernels: the arithmetic all of them share and
 * the piece of work one call does.  Nobody else includes this file.
 *
 * Thread: any, kernels are pure but for the picture they write.
 */


#ifndef SELKIES_CONVERT_KERNEL_H_INCLUDED
#define SELKIES_CONVERT_KERNEL_H_INCLUDED


#include <stddef.h>
#include <stdint.h>

#include "convert.h"


/*
 * BT.709 with limited range in fixed point.  One pixel gives
 *
 *     Y = (B * YB + G * YG + R * YR + YADD) >> YSHIFT
 *
 * and the sums of 2x2 pixels give Cb and Cr likewise, with two bits more to
 * shift for the mean.  The coefficients of Y add up to 219/255 of one and
 * those of Cb and Cr to zero, so greys have no colour; each fits 16 signed
 * bits, for pmaddwd.  No result leaves 16..235 or 16..240: nothing to clamp.
 */

#define SELKIES_CONVERT_YB      2032
#define SELKIES_CONVERT_YG      20127
#define SELKIES_CONVERT_YR      5983
#define SELKIES_CONVERT_YSHIFT  15
#define SELKIES_CONVERT_YADD    ((16 << 15) + (1 << 14))

#define SELKIES_CONVERT_UB      14392
#define SELKIES_CONVERT_UG      (-11094)
#define SELKIES_CONVERT_UR      (-3298)
#define SELKIES_CONVERT_VB      (-1320)
#define SELKIES_CONVERT_VG      (-13072)
#define SELKIES_CONVERT_VR      14392
#define SELKIES_CONVERT_CSHIFT  17
#define SELKIES_CONVERT_CADD    ((128 << 17) + (1 << 16))

/* of one pixel, for 4:4:4 */

#define SELKIES_CONVERT_FSHIFT  15
#define SELKIES_CONVERT_FADD    ((128 << 15) + (1 << 14))


/* Bytes from there to what comes next, which is asked for; 0: nothing. */

typedef struct {
    ptrdiff_t        src;
    ptrdiff_t        old;
    ptrdiff_t        luma;
    ptrdiff_t        chroma;
} selkies_convert_ahead_t;


/*
 * Two rows of n adjacent macroblocks.  Source rows have n * 16 pixels of any
 * alignment; the samples are aligned to 16 bytes.
 */

typedef struct {
    const uint8_t   *src[2];        /* B G R X */
    const uint8_t   *old[3];        /* 4:2:0: luma and chroma to compare with,
                                       which may be those below */
    uint8_t         *luma[2];
    uint8_t         *chroma;        /* 4:2:0 */
    uint8_t         *cb[2];         /* 4:4:4 */
    uint8_t         *cr[2];

    const uint8_t   *mask;          /* 16 bytes, 255 where the column counts
                                       and 0 where it stays, even pairs */
    uint8_t         *touched;       /* n bytes, set where a sample changed,
                                       left alone where none did */
    size_t           n;
    unsigned         copy;          /* old is elsewhere: store in any case */
    selkies_convert_ahead_t  ahead;
} selkies_convert_span_t;


typedef void (*selkies_convert_kernel_pt)(const selkies_convert_span_t *span);


/*
 * Asks for what comes next of macroblock i: rows are short and lie far apart,
 * so the processor itself has hardly begun to when they end.  A call would be
 * left out: nothing depends on it.
 */

static inline __attribute__((always_inline)) void
selkies_convert_ahead(const selkies_convert_span_t *span, size_t i)
{
    __builtin_prefetch(span->src[0] + span->ahead.src + i * 64);
    __builtin_prefetch(span->src[1] + span->ahead.src + i * 64);

    /* a line of the cache has samples of four macroblocks */

    switch (i & 3) {

    case 0:
        __builtin_prefetch(span->old[0] + span->ahead.old + i * 16);
        __builtin_prefetch(span->old[1] + span->ahead.old + i * 16);
        break;

    case 1:
        __builtin_prefetch(span->luma[0] + span->ahead.luma + i * 16, 1);
        __builtin_prefetch(span->luma[1] + span->ahead.luma + i * 16, 1);
        break;

    case 2:
        __builtin_prefetch(span->old[2] + span->ahead.chroma + i * 16);
        __builtin_prefetch(span->chroma + span->ahead.chroma + i * 16, 1);
        break;
    }
}


struct selkies_convert_variant_s {
    const char                 *name;
    int                       (*supported)(void);
    selkies_convert_kernel_pt   kernel;         /* 4:2:0 */
    selkies_convert_kernel_pt   full;           /* 4:4:4 */
};


#pragma GCC visibility push(hidden)


/*
 * picture.c: the planes change places with the others, if what they are is to
 * be kept.  Where `stale` is set then they still differ from what was kept;
 * `sync` copies that.  0: they did not.
 */

int selkies_picture_turn(selkies_picture_t *pic);
void selkies_picture_sync(selkies_picture_t *pic);


/*
 * The macroblocks first to last of row y were written to; all of those of which
 * `touched` is set and that are not below `from` or from `to` on were written
 * in whole.
 */

void selkies_picture_compare(selkies_picture_t *pic, size_t y, size_t first,
    size_t last, size_t from, size_t to);

/* NULL if there is no memory. */

void *selkies_picture_alloc(size_t size);


#if defined(__x86_64__) || defined(__i386__)

#define SELKIES_CONVERT_X86   1

/* What the processor has, and a kernel for each. */

int selkies_convert_sse2_supported(void);
void selkies_convert_sse2(const selkies_convert_span_t *span);
void selkies_convert_sse2_full(const selkies_convert_span_t *span);

int selkies_convert_avx2_supported(void);
void selkies_convert_avx2(const selkies_convert_span_t *span);
void selkies_convert_avx2_full(const selkies_convert_span_t *span);

#endif


#if defined(__aarch64__) && !defined(__AARCH64EB__)

#define SELKIES_CONVERT_NEON  1

int selkies_convert_neon_supported(void);
void selkies_convert_neon(const selkies_convert_span_t *span);
void selkies_convert_neon_full(const selkies_convert_span_t *span);

#endif


#pragma GCC visibility pop


#endif /* SELKIES_CONVERT_KERNEL_H_INCLUDED */
