
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The mark of a change: see stamp.h.
 *
 * Threads: any.  Ownership: nothing is kept.
 */


#include "stamp.h"

#include <time.h>


/* neither all black nor all white is a mark */
#define BENCH_STAMP_CHECK  0xa

/* the least difference between the lightest and the darkest cell */
#define BENCH_STAMP_SWING  64


static uint32_t bench_stamp_check(uint32_t time);


uint64_t
bench_clock_us(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}


static uint32_t
bench_stamp_check(uint32_t time)
{
    return ((time ^ time >> 4 ^ time >> 8 ^ time >> 12) & 0xf)
           ^ BENCH_STAMP_CHECK;
}


uint32_t
bench_stamp_cells(uint64_t time_us)
{
    uint32_t  time;

    time = (uint32_t) (time_us / BENCH_STAMP_UNIT_US) & 0xffff;

    return time << 4 | bench_stamp_check(time);
}


int
bench_stamp_time(uint32_t cells, uint64_t now_us, uint64_t *time_us)
{
    uint32_t  time;
    uint64_t  now;

    time = cells >> 4 & 0xffff;

    if ((cells & 0xf) != bench_stamp_check(time)) {
        return 0;
    }

    now = now_us / BENCH_STAMP_UNIT_US;
    *time_us = (now - ((now - time) & 0xffff)) * BENCH_STAMP_UNIT_US;

    return 1;
}


void
bench_stamp_paint(uint32_t *p, size_t stride, uint64_t time_us)
{
    size_t    x, y, cell;
    uint32_t  cells;

    cells = bench_stamp_cells(time_us);

    for (y = 0; y < BENCH_STAMP_H; y++) {
        for (x = 0; x < BENCH_STAMP_W; x++) {
            cell = y / BENCH_STAMP_CELL_H * BENCH_STAMP_COLUMNS
                   + x / BENCH_STAMP_CELL_W;
            p[x] = cells >> (BENCH_STAMP_CELLS - 1 - cell) & 1
                   ? 0xffffff : 0x000000;
        }

        p += stride;
    }
}


uint32_t
bench_stamp_read(const uint8_t *p, size_t step, ptrdiff_t stride)
{
    size_t          i, x, y;
    unsigned        min, max, sum[BENCH_STAMP_CELLS];
    uint32_t        cells;
    const uint8_t  *cell;

    min = ~0U;
    max = 0;

    for (i = 0; i < BENCH_STAMP_CELLS; i++) {
        cell = p + (i % BENCH_STAMP_COLUMNS * BENCH_STAMP_CELL_W + 2) * step
               + (ptrdiff_t) (i / BENCH_STAMP_COLUMNS * BENCH_STAMP_CELL_H + 2)
                 * stride;
        sum[i] = 0;

        for (y = 0; y < 3; y++) {
            for (x = 0; x < 4; x++) {
                sum[i] += cell[(ptrdiff_t) (x * step)
                               + (ptrdiff_t) y * stride];
            }
        }

        min = sum[i] < min ? sum[i] : min;
        max = sum[i] > max ? sum[i] : max;
    }

    if (max - min < BENCH_STAMP_SWING * 12) {
        return 0;
    }

    cells = 0;

    for (i = 0; i < BENCH_STAMP_CELLS; i++) {
        cells = cells << 1 | (sum[i] > (min + max) / 2);
    }

    return cells;
}
