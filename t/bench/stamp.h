
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The mark that a load leaves beside each change: when it was drawn, as black
 * and white cells large enough to survive a lossy coder.  Used by the loads,
 * which draw it, and by the meter, which finds it in decoded pictures.
 *
 * Two rows of ten cells, most significant first: 16 bits of the time in units
 * of 100 us, then 4 bits that tell a mark from anything else.  Times are those
 * of CLOCK_MONOTONIC, so both ends are on one machine.
 *
 * Threads: any; nothing is shared.  Ownership: nothing is kept.
 */


#ifndef BENCH_STAMP_H_INCLUDED
#define BENCH_STAMP_H_INCLUDED


#include <stddef.h>
#include <stdint.h>


#pragma GCC visibility push(hidden)


#define BENCH_STAMP_COLUMNS  10
#define BENCH_STAMP_ROWS     2
#define BENCH_STAMP_CELLS    (BENCH_STAMP_COLUMNS * BENCH_STAMP_ROWS)

/* pixels; a text row of 15 has room for both rows of cells */
#define BENCH_STAMP_CELL_W   8
#define BENCH_STAMP_CELL_H   7

#define BENCH_STAMP_W        (BENCH_STAMP_COLUMNS * BENCH_STAMP_CELL_W)
#define BENCH_STAMP_H        (BENCH_STAMP_ROWS * BENCH_STAMP_CELL_H)

#define BENCH_STAMP_UNIT_US  100


/* CLOCK_MONOTONIC in microseconds */
uint64_t bench_clock_us(void);

/* The cells of a time, the first in bit BENCH_STAMP_CELLS - 1. */
uint32_t bench_stamp_cells(uint64_t time_us);

/*
 * The time that cells say: the newest that is not after now_us, so it may be
 * 6.5 s old at most.  Returns 0 when the cells are no mark, else 1.
 */
int bench_stamp_time(uint32_t cells, uint64_t now_us, uint64_t *time_us);

/*
 * Paints a mark into 32-bit pixels, BENCH_STAMP_W x BENCH_STAMP_H of them from
 * p on; stride is in pixels.
 */
void bench_stamp_paint(uint32_t *p, size_t stride, uint64_t time_us);

/*
 * Reads the cells from samples of 8 bits: p is the first sample of the mark,
 * a sample follows after step bytes and a row after stride bytes.
 */
uint32_t bench_stamp_read(const uint8_t *p, size_t step, ptrdiff_t stride);


#pragma GCC visibility pop


#endif /* BENCH_STAMP_H_INCLUDED */
