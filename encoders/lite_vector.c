
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Prediction of vectors and motion compensation, see lite_vector.h.
 *
 * Thread: any.  Ownership: the caller's.
 */


#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lite_vector.h"


#define SELKIES_VECTOR_BYTES   0x00ff00ff00ff00ffull
#define SELKIES_VECTOR_LOW     0x7f7f7f7f7f7f7f7full
#define SELKIES_VECTOR_TWOS    0x0002000200020002ull


static int selkies_vector_median(int a, int b, int c);
static void selkies_vector_chroma_row(uint8_t *to, const uint8_t *from,
    size_t stride, size_t n, unsigned odd_x, unsigned odd_y);


static inline int
selkies_vector_none(selkies_vector_t v)
{
    return v.x == SELKIES_VECTOR_NONE;
}


selkies_vector_t
selkies_vector_predict(const selkies_vector_grid_t *grid, size_t mb_x,
    size_t mb_y, unsigned quadrant)
{
    size_t                   x, y, n;
    unsigned                 left, top, right;
    selkies_vector_t         a, b, c;
    const selkies_vector_t  *block;

    static const selkies_vector_t  none = { SELKIES_VECTOR_NONE, 0 };
    static const selkies_vector_t  zero = { 0, 0 };

    n = quadrant == SELKIES_VECTOR_WHOLE ? 2 : 1;
    x = mb_x * 2 + (n == 1 ? quadrant % 2 : 0);
    y = mb_y * 2 + (n == 1 ? quadrant / 2 : 0);

    left = x > 0;
    top = y > 0;
    right = top && x + n < grid->width && quadrant != 3;

    block = grid->blocks + y * grid->width + x;

    a = left ? block[-1] : none;
    b = top ? *(block - grid->width) : none;

    if (right) {
        c = *(block - grid->width + n);

    } else if (left && top) {
        c = *(block - grid->width - 1);

    } else {
        c = none;

        if (!top) {
            return selkies_vector_none(a) ? zero : a;
        }
    }

    /* the only one that refers to the picture */

    if (!selkies_vector_none(a) + !selkies_vector_none(b)
        + !selkies_vector_none(c) == 1)
    {
        return !selkies_vector_none(a) ? a
               : (!selkies_vector_none(b) ? b : c);
    }

    a = selkies_vector_none(a) ? zero : a;
    b = selkies_vector_none(b) ? zero : b;
    c = selkies_vector_none(c) ? zero : c;

    a.x = (int16_t) selkies_vector_median(a.x, b.x, c.x);
    a.y = (int16_t) selkies_vector_median(a.y, b.y, c.y);

    return a;
}


static int
selkies_vector_median(int a, int b, int c)
{
    int  low, high;

    low = a < b ? a : b;
    high = a < b ? b : a;

    if (c < low) {
        return low;
    }

    return c > high ? high : c;
}


selkies_vector_t
selkies_vector_skip(const selkies_vector_grid_t *grid, size_t mb_x,
    size_t mb_y)
{
    const selkies_vector_t  *block;

    static const selkies_vector_t  zero = { 0, 0 };

    block = grid->blocks + mb_y * 2 * grid->width + mb_x * 2;

    if (mb_x == 0 || mb_y == 0 || selkies_vector_equal(block[-1], zero)
        || selkies_vector_equal(*(block - grid->width), zero))
    {
        return zero;
    }

    return selkies_vector_predict(grid, mb_x, mb_y, SELKIES_VECTOR_WHOLE);
}


void
selkies_vector_set(const selkies_vector_grid_t *grid, size_t mb_x,
    size_t mb_y, selkies_vector_t v)
{
    selkies_vector_t  *block;

    block = grid->blocks + mb_y * 2 * grid->width + mb_x * 2;

    block[0] = v;
    block[1] = v;
    block[grid->width] = v;
    block[grid->width + 1] = v;
}


void
selkies_vector_luma(uint8_t *to, size_t stride_bytes,
    const selkies_planes_t *from, size_t x, size_t y, size_t size,
    selkies_vector_t v)
{
    size_t          i;
    const uint8_t  *src;

    src = from->luma
          + ((ptrdiff_t) y + v.y) * (ptrdiff_t) from->luma_stride_bytes
          + (ptrdiff_t) x + v.x;

    for (i = 0; i < size; i++) {

        if (size == 16) {
            memcpy(to, src, 16);

        } else {
            memcpy(to, src, 8);
        }

        to += stride_bytes;
        src += from->luma_stride_bytes;
    }
}


void
selkies_vector_chroma(uint8_t *to, size_t stride_bytes,
    const selkies_planes_t *from, size_t x, size_t y, size_t size,
    selkies_vector_t v)
{
    size_t          i, stride;
    const uint8_t  *src;

    /* half a vector, rounded down */

    stride = from->chroma_stride_bytes;
    src = from->chroma
          + ((ptrdiff_t) y + v.y - (v.y & 1)) / 2 * (ptrdiff_t) stride
          + (ptrdiff_t) x + v.x - (v.x & 1);

    for (i = 0; i < size / 2; i++) {

        if ((v.x | v.y) & 1) {
            selkies_vector_chroma_row(to, src, stride, size, v.x & 1, v.y & 1);

        } else if (size == 16) {
            memcpy(to, src, 16);

        } else {
            memcpy(to, src, 8);
        }

        to += stride_bytes;
        src += stride;
    }
}


/* 8.4.2.2.2 with fractions of 0 or 4 eighths, Cb and Cr side by side */

static void
selkies_vector_chroma_row(uint8_t *to, const uint8_t *from, size_t stride,
    size_t n, unsigned odd_x, unsigned odd_y)
{
    size_t    i;
    uint64_t  a, b, c, d, even, odd;

    for (i = 0; i < n; i += 8) {

        memcpy(&a, from + i, 8);

        if (odd_x && odd_y) {
            memcpy(&b, from + i + 2, 8);
            memcpy(&c, from + i + stride, 8);
            memcpy(&d, from + i + stride + 2, 8);

            even = (a & SELKIES_VECTOR_BYTES) + (b & SELKIES_VECTOR_BYTES)
                   + (c & SELKIES_VECTOR_BYTES) + (d & SELKIES_VECTOR_BYTES)
                   + SELKIES_VECTOR_TWOS;
            odd = (a >> 8 & SELKIES_VECTOR_BYTES)
                  + (b >> 8 & SELKIES_VECTOR_BYTES)
                  + (c >> 8 & SELKIES_VECTOR_BYTES)
                  + (d >> 8 & SELKIES_VECTOR_BYTES) + SELKIES_VECTOR_TWOS;

            a = (even >> 2 & SELKIES_VECTOR_BYTES)
                | (odd >> 2 & SELKIES_VECTOR_BYTES) << 8;

        } else if (odd_x || odd_y) {
            memcpy(&b, from + i + (odd_x ? 2 : stride), 8);
            a = (a | b) - ((a ^ b) >> 1 & SELKIES_VECTOR_LOW);
        }

        memcpy(to + i, &a, 8);
    }
}
