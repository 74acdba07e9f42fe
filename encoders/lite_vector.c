
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
#include <stdlib.h>
#include <string.h>

#include "lanes.h"
#include "lite_vector.h"


#define SELKIES_VECTOR_BYTES   0x00ff00ff00ff00ffull
#define SELKIES_VECTOR_LOW     0x7f7f7f7f7f7f7f7full
#define SELKIES_VECTOR_TWOS    0x0002000200020002ull


static void selkies_vector_neighbours(const selkies_vector_grid_t *grid,
    size_t x, size_t y, size_t width, selkies_vector_t n[3]);
static selkies_vector_t selkies_vector_middle(const selkies_vector_t n[3]);
static int selkies_vector_median(int a, int b, int c);
static void selkies_vector_copy(uint8_t *to, size_t to_stride,
    const uint8_t *from, size_t from_stride, size_t n, size_t rows);
static void selkies_vector_chroma_row(uint8_t *to, const uint8_t *from,
    size_t stride, size_t n, unsigned odd_x, unsigned odd_y);


/*
 * By row and column of a block of a macroblock, the widths, a bit each, of
 * partitions there whose right top neighbour comes earlier (6.4.11.7).
 */

static const uint8_t  selkies_vector_rights[4][4] = {
    { 0, 0, 0, 0 },
    { 1, 0, 1, 0 },
    { 3, 1, 1, 0 },
    { 1, 0, 1, 0 }
};


/* 8 or 4 bytes. */

static inline uint64_t
selkies_vector_load(const uint8_t *p, size_t n)
{
    uint64_t  v;

    if (n == 8) {
        memcpy(&v, p, 8);

    } else {
        v = 0;
        memcpy(&v, p, 4);
    }

    return v;
}


static inline int
selkies_vector_none(selkies_vector_t v)
{
    return v.x == SELKIES_VECTOR_NONE;
}


void
selkies_vector_row(selkies_vector_grid_t *grid, int first)
{
    size_t             i, size;
    selkies_vector_t  *row;

    grid->top = !first;

    if (first) {
        memset(grid->blocks, 0, grid->width * 5 * sizeof(selkies_vector_t));
        grid->set = 0;

        grid->left = grid->width;
        grid->right = 0;

    } else if (grid->set > 0) {

        /* others are zero as they were */

        size = (grid->right - grid->left) * sizeof(selkies_vector_t);
        row = grid->blocks + grid->left;

        memcpy(row, row + grid->width * 4, size);

        for (i = 1; i <= 4; i++) {
            memset(row + grid->width * i, 0, size);
        }

        grid->set--;
    }
}


/*
 * Left, top and right neighbour (8.4.1.3.2); where there is none above they are
 * the left one.
 */

static void
selkies_vector_neighbours(const selkies_vector_grid_t *grid, size_t x,
    size_t y, size_t width, selkies_vector_t n[3])
{
    unsigned                 left, top, right;
    const selkies_vector_t  *block;

    static const selkies_vector_t  none = { SELKIES_VECTOR_NONE, 0 };

    left = x > 0;
    top = y > 0 || grid->top;

    /* in the macroblock, what is to the right may come later */

    right = y > 0 ? selkies_vector_rights[y % 4][x % 4] >> (width - 1) & 1
                  : top && x + width < grid->width;

    block = selkies_vector_block(grid, x, y);

    n[0] = left ? block[-1] : none;

    if (!top) {
        n[1] = n[0];
        n[2] = n[0];
        return;
    }

    n[1] = *(block - grid->width);

    if (right) {
        n[2] = *(block - grid->width + width);

    } else {
        n[2] = left ? *(block - grid->width - 1) : none;
    }
}


static selkies_vector_t
selkies_vector_middle(const selkies_vector_t n[3])
{
    unsigned          i, refer;
    selkies_vector_t  v[3], only;

    static const selkies_vector_t  zero = { 0, 0 };

    /* two that agree are the median, but for those that refer to nothing */

    if (!selkies_vector_none(n[0])
        && (selkies_vector_equal(n[0], n[1]) || selkies_vector_equal(n[0],
                                                                     n[2])))
    {
        return n[0];
    }

    refer = 0;
    only = zero;

    for (i = 0; i < 3; i++) {

        v[i] = zero;

        if (!selkies_vector_none(n[i])) {
            v[i] = n[i];
            only = n[i];
            refer++;
        }
    }

    /* the only one that refers to the picture */

    if (refer == 1) {
        return only;
    }

    only.x = (int16_t) selkies_vector_median(v[0].x, v[1].x, v[2].x);
    only.y = (int16_t) selkies_vector_median(v[0].y, v[1].y, v[2].y);

    return only;
}


selkies_vector_t
selkies_vector_predict(const selkies_vector_grid_t *grid, size_t x, size_t y,
    size_t width)
{
    selkies_vector_t  n[3];

    selkies_vector_neighbours(grid, x, y, width, n);

    return selkies_vector_middle(n);
}


selkies_vector_t
selkies_vector_predict_half(const selkies_vector_grid_t *grid, size_t mb_x,
    unsigned half)
{
    size_t            width;
    selkies_vector_t  n[3];

    /* the neighbour that is on the same side goes first */

    static const uint8_t  sides[4] = { 1, 0, 0, 2 };

    width = half < SELKIES_VECTOR_LEFT ? 4 : 2;

    selkies_vector_neighbours(grid,
                              mb_x * 4 + (half == SELKIES_VECTOR_RIGHT) * 2,
                              (half == SELKIES_VECTOR_LOWER) * 2, width, n);

    if (!selkies_vector_none(n[sides[half]])) {
        return n[sides[half]];
    }

    return selkies_vector_middle(n);
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
selkies_vector_skip(const selkies_vector_grid_t *grid, size_t mb_x)
{
    const selkies_vector_t  *block;

    static const selkies_vector_t  zero = { 0, 0 };

    block = selkies_vector_block(grid, mb_x * 4, 0);

    if (mb_x == 0 || !grid->top || selkies_vector_equal(block[-1], zero)
        || selkies_vector_equal(*(block - grid->width), zero))
    {
        return zero;
    }

    return selkies_vector_predict(grid, mb_x * 4, 0, 4);
}


void
selkies_vector_set(selkies_vector_grid_t *grid, size_t x, size_t y,
    size_t width, size_t height, selkies_vector_t v)
{
    size_t             i, k;
    selkies_vector_t  *block, four[4];

    block = selkies_vector_block(grid, x, y);
    grid->set = 2;
    grid->left = x < grid->left ? x : grid->left;
    grid->right = x + width > grid->right ? x + width : grid->right;

    for (i = 0; i < 4; i++) {
        four[i] = v;
    }

    for (i = 0; i < height; i++) {

        /* of a known size memcpy() is no call */

        if (width == 2) {
            memcpy(block, four, sizeof(four) / 2);

        } else if (width == 1) {
            *block = v;

        } else {
            for (k = 0; k < width; k += 4) {
                memcpy(block + k, four, sizeof(four));
            }
        }

        block += grid->width;
    }
}


void
selkies_vector_set_half(selkies_vector_grid_t *grid, size_t mb_x,
    unsigned half, selkies_vector_t v)
{
    selkies_vector_set(grid, mb_x * 4 + (half == SELKIES_VECTOR_RIGHT) * 2,
                       (half == SELKIES_VECTOR_LOWER) * 2,
                       half < SELKIES_VECTOR_LEFT ? 4 : 2,
                       half < SELKIES_VECTOR_LEFT ? 2 : 4, v);
}


void
selkies_vector_luma(uint8_t *to, size_t stride_bytes,
    const selkies_planes_t *from, size_t x, size_t y, size_t width,
    size_t height, selkies_vector_t v)
{
    const uint8_t  *src;

    src = from->luma
          + ((ptrdiff_t) y + v.y) * (ptrdiff_t) from->luma_stride_bytes
          + (ptrdiff_t) x + v.x;

    selkies_vector_copy(to, stride_bytes, src, from->luma_stride_bytes, width,
                        height);
}


void
selkies_vector_chroma(uint8_t *to, size_t stride_bytes,
    const selkies_planes_t *from, size_t x, size_t y, size_t width,
    size_t height, selkies_vector_t v)
{
    size_t          i, stride;
    const uint8_t  *src;

    /* half a vector, rounded down */

    stride = from->chroma_stride_bytes;
    src = from->chroma
          + ((ptrdiff_t) y + v.y - (v.y & 1)) / 2 * (ptrdiff_t) stride
          + (ptrdiff_t) x + v.x - (v.x & 1);

    if (((v.x | v.y) & 1) == 0) {
        selkies_vector_copy(to, stride_bytes, src, stride, width, height / 2);
        return;
    }

    for (i = 0; i < height / 2; i++) {
        selkies_vector_chroma_row(to, src, stride, width, v.x & 1, v.y & 1);
        to += stride_bytes;
        src += stride;
    }
}


static void
selkies_vector_copy(uint8_t *to, size_t to_stride, const uint8_t *from,
    size_t from_stride, size_t n, size_t rows)
{
    size_t  i;

    for (; rows > 0; rows--) {

        /* the next row, which lies far from here */

        for (i = 0; n > 64 && rows > 1 && i < n; i += 64) {
            __builtin_prefetch(from + from_stride + i);
            __builtin_prefetch(to + to_stride + i, 1);
        }

        /* of a known size memcpy() is no call */

        if (n == 16) {
            memcpy(to, from, 16);

        } else if (n == 8) {
            memcpy(to, from, 8);

        } else if (n == 4) {
            memcpy(to, from, 4);

        } else {
            memcpy(to, from, n);
        }

        to += to_stride;
        from += from_stride;
    }
}


/* 8.4.2.2.2 with fractions of 0 or 4 eighths, Cb and Cr side by side */

static void
selkies_vector_chroma_row(uint8_t *to, const uint8_t *from, size_t stride,
    size_t n, unsigned odd_x, unsigned odd_y)
{
    size_t    i, step;
    uint64_t  a, b, c, d, even, odd;

    step = n < 8 ? n : 8;
    i = 0;

    for ( /* void */ ; i + 16 <= n; i += 16) {

        if (odd_x + odd_y == 1) {
            selkies_lanes_store(to + i,
                         selkies_lanes_mean(selkies_lanes_load(from + i),
                                            selkies_lanes_load(from + i
                                                               + (odd_x ? 2
                                                                  : stride))));

        } else {
            selkies_lanes_store(to + i,
                         selkies_lanes_mean4(
                                       selkies_lanes_load(from + i),
                                       selkies_lanes_load(from + i + 2),
                                       selkies_lanes_load(from + i + stride),
                                       selkies_lanes_load(from + i + stride
                                                          + 2)));
        }
    }

    for ( /* void */ ; i < n; i += 8) {

        a = selkies_vector_load(from + i, step);

        if (odd_x && odd_y) {
            b = selkies_vector_load(from + i + 2, step);
            c = selkies_vector_load(from + i + stride, step);
            d = selkies_vector_load(from + i + stride + 2, step);

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
            b = selkies_vector_load(from + i + (odd_x ? 2 : stride), step);
            a = (a | b) - ((a ^ b) >> 1 & SELKIES_VECTOR_LOW);
        }

        if (step == 8) {
            memcpy(to + i, &a, 8);

        } else {
            memcpy(to + i, &a, 4);
        }
    }
}
