
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Variable length codes of levels, see cavlc.h.  A code is {bits, value}.
 *
 * Thread: any.  Ownership: none.
 */


#include <stdint.h>
#include <stdlib.h>

#include "cavlc.h"


#define SELKIES_CAVLC_ESCAPE    15          /* level_prefix */
#define SELKIES_CAVLC_SUFFIX    12          /* bits behind it */


typedef struct {
    uint8_t    bits;
    uint8_t    value;
} selkies_cavlc_code_t;


/* The levels that are not zero, from the highest frequency down. */

typedef struct {
    int        levels[16];
    unsigned   runs[16];                    /* zeros right before each */
    unsigned   total;
    unsigned   ones;                        /* trailing_ones, 0 to 3 */
    unsigned   zeros;                       /* total_zeros */
} selkies_cavlc_block_t;


static void selkies_cavlc_scan(selkies_cavlc_block_t *b, const int16_t *levels,
    unsigned n);
static void selkies_cavlc_token(selkies_h264_writer_t *w,
    const selkies_cavlc_block_t *b, int nc);
static void selkies_cavlc_levels(selkies_h264_writer_t *w,
    const selkies_cavlc_block_t *b);
static void selkies_cavlc_level(selkies_h264_writer_t *w, unsigned code,
    unsigned length);
static void selkies_cavlc_zero_runs(selkies_h264_writer_t *w,
    const selkies_cavlc_block_t *b, unsigned n);


/*
 * Table 9-5 for nC 0 and 1, 2 and 3, 4 to 7, by total and trailing ones; from
 * 8 on the codes have a fixed length
 */

static const selkies_cavlc_code_t  selkies_cavlc_tokens[3][17][4] = {
    {
        { {1, 1}, {0, 0}, {0, 0}, {0, 0} },
        { {6, 5}, {2, 1}, {0, 0}, {0, 0} },
        { {8, 7}, {6, 4}, {3, 1}, {0, 0} },
        { {9, 7}, {8, 6}, {7, 5}, {5, 3} },
        { {10, 7}, {9, 6}, {8, 5}, {6, 3} },
        { {11, 7}, {10, 6}, {9, 5}, {7, 4} },
        { {13, 15}, {11, 6}, {10, 5}, {8, 4} },
        { {13, 11}, {13, 14}, {11, 5}, {9, 4} },
        { {13, 8}, {13, 10}, {13, 13}, {10, 4} },
        { {14, 15}, {14, 14}, {13, 9}, {11, 4} },
        { {14, 11}, {14, 10}, {14, 13}, {13, 12} },
        { {15, 15}, {15, 14}, {14, 9}, {14, 12} },
        { {15, 11}, {15, 10}, {15, 13}, {14, 8} },
        { {16, 15}, {15, 1}, {15, 9}, {15, 12} },
        { {16, 11}, {16, 14}, {16, 13}, {15, 8} },
        { {16, 7}, {16, 10}, {16, 9}, {16, 12} },
        { {16, 4}, {16, 6}, {16, 5}, {16, 8} }
    },
    {
        { {2, 3}, {0, 0}, {0, 0}, {0, 0} },
        { {6, 11}, {2, 2}, {0, 0}, {0, 0} },
        { {6, 7}, {5, 7}, {3, 3}, {0, 0} },
        { {7, 7}, {6, 10}, {6, 9}, {4, 5} },
        { {8, 7}, {6, 6}, {6, 5}, {4, 4} },
        { {8, 4}, {7, 6}, {7, 5}, {5, 6} },
        { {9, 7}, {8, 6}, {8, 5}, {6, 8} },
        { {11, 15}, {9, 6}, {9, 5}, {6, 4} },
        { {11, 11}, {11, 14}, {11, 13}, {7, 4} },
        { {12, 15}, {11, 10}, {11, 9}, {9, 4} },
        { {12, 11}, {12, 14}, {12, 13}, {11, 12} },
        { {12, 8}, {12, 10}, {12, 9}, {11, 8} },
        { {13, 15}, {13, 14}, {13, 13}, {12, 12} },
        { {13, 11}, {13, 10}, {13, 9}, {13, 12} },
        { {13, 7}, {14, 11}, {13, 6}, {13, 8} },
        { {14, 9}, {14, 8}, {14, 10}, {13, 1} },
        { {14, 7}, {14, 6}, {14, 5}, {14, 4} }
    },
    {
        { {4, 15}, {0, 0}, {0, 0}, {0, 0} },
        { {6, 15}, {4, 14}, {0, 0}, {0, 0} },
        { {6, 11}, {5, 15}, {4, 13}, {0, 0} },
        { {6, 8}, {5, 12}, {5, 14}, {4, 12} },
        { {7, 15}, {5, 10}, {5, 11}, {4, 11} },
        { {7, 11}, {5, 8}, {5, 9}, {4, 10} },
        { {7, 9}, {6, 14}, {6, 13}, {4, 9} },
        { {7, 8}, {6, 10}, {6, 9}, {4, 8} },
        { {8, 15}, {7, 14}, {7, 13}, {5, 13} },
        { {8, 11}, {8, 14}, {7, 10}, {6, 12} },
        { {9, 15}, {8, 10}, {8, 13}, {7, 12} },
        { {9, 11}, {9, 14}, {8, 9}, {8, 12} },
        { {9, 8}, {9, 10}, {9, 13}, {8, 8} },
        { {10, 13}, {9, 7}, {9, 9}, {9, 12} },
        { {10, 9}, {10, 12}, {10, 11}, {10, 10} },
        { {10, 5}, {10, 8}, {10, 7}, {10, 6} },
        { {10, 1}, {10, 4}, {10, 3}, {10, 2} }
    }
};


/* Table 9-5 for nC -1 */

static const selkies_cavlc_code_t  selkies_cavlc_dc_tokens[5][4] = {
    { {2, 1}, {0, 0}, {0, 0}, {0, 0} },
    { {6, 7}, {1, 1}, {0, 0}, {0, 0} },
    { {6, 4}, {6, 6}, {3, 1}, {0, 0} },
    { {6, 3}, {7, 3}, {7, 2}, {6, 5} },
    { {6, 2}, {8, 3}, {8, 2}, {7, 0} }
};


/* Tables 9-7 and 9-8, by total less one and total_zeros */

static const selkies_cavlc_code_t  selkies_cavlc_zeros[15][16] = {
    { {1, 1}, {3, 3}, {3, 2}, {4, 3}, {4, 2}, {5, 3}, {5, 2}, {6, 3}, {6, 2},
      {7, 3}, {7, 2}, {8, 3}, {8, 2}, {9, 3}, {9, 2}, {9, 1} },
    { {3, 7}, {3, 6}, {3, 5}, {3, 4}, {3, 3}, {4, 5}, {4, 4}, {4, 3}, {4, 2},
      {5, 3}, {5, 2}, {6, 3}, {6, 2}, {6, 1}, {6, 0} },
    { {4, 5}, {3, 7}, {3, 6}, {3, 5}, {4, 4}, {4, 3}, {3, 4}, {3, 3}, {4, 2},
      {5, 3}, {5, 2}, {6, 1}, {5, 1}, {6, 0} },
    { {5, 3}, {3, 7}, {4, 5}, {4, 4}, {3, 6}, {3, 5}, {3, 4}, {4, 3}, {3, 3},
      {4, 2}, {5, 2}, {5, 1}, {5, 0} },
    { {4, 5}, {4, 4}, {4, 3}, {3, 7}, {3, 6}, {3, 5}, {3, 4}, {3, 3}, {4, 2},
      {5, 1}, {4, 1}, {5, 0} },
    { {6, 1}, {5, 1}, {3, 7}, {3, 6}, {3, 5}, {3, 4}, {3, 3}, {3, 2}, {4, 1},
      {3, 1}, {6, 0} },
    { {6, 1}, {5, 1}, {3, 5}, {3, 4}, {3, 3}, {2, 3}, {3, 2}, {4, 1}, {3, 1},
      {6, 0} },
    { {6, 1}, {4, 1}, {5, 1}, {3, 3}, {2, 3}, {2, 2}, {3, 2}, {3, 1}, {6, 0} },
    { {6, 1}, {6, 0}, {4, 1}, {2, 3}, {2, 2}, {3, 1}, {2, 1}, {5, 1} },
    { {5, 1}, {5, 0}, {3, 1}, {2, 3}, {2, 2}, {2, 1}, {4, 1} },
    { {4, 0}, {4, 1}, {3, 1}, {3, 2}, {1, 1}, {3, 3} },
    { {4, 0}, {4, 1}, {2, 1}, {1, 1}, {3, 1} },
    { {3, 0}, {3, 1}, {1, 1}, {2, 1} },
    { {2, 0}, {2, 1}, {1, 1} },
    { {1, 0}, {1, 1} }
};


/* Table 9-9 (a) */

static const selkies_cavlc_code_t  selkies_cavlc_dc_zeros[3][4] = {
    { {1, 1}, {2, 1}, {3, 1}, {3, 0} },
    { {1, 1}, {2, 1}, {2, 0} },
    { {1, 1}, {1, 0} }
};


/* Table 9-10, by the zeros left, 7 for more, less one and run_before */

static const selkies_cavlc_code_t  selkies_cavlc_runs[7][15] = {
    { {1, 1}, {1, 0} },
    { {1, 1}, {2, 1}, {2, 0} },
    { {2, 3}, {2, 2}, {2, 1}, {2, 0} },
    { {2, 3}, {2, 2}, {2, 1}, {3, 1}, {3, 0} },
    { {2, 3}, {2, 2}, {3, 3}, {3, 2}, {3, 1}, {3, 0} },
    { {2, 3}, {3, 0}, {3, 1}, {3, 3}, {3, 2}, {3, 5}, {3, 4} },
    { {3, 7}, {3, 6}, {3, 5}, {3, 4}, {3, 3}, {3, 2}, {3, 1}, {4, 1}, {5, 1},
      {6, 1}, {7, 1}, {8, 1}, {9, 1}, {10, 1}, {11, 1} }
};


unsigned
selkies_cavlc_write(selkies_h264_writer_t *w, const int16_t *levels,
    unsigned n, int nc)
{
    selkies_cavlc_block_t  b;

    selkies_cavlc_scan(&b, levels, n);
    selkies_cavlc_token(w, &b, nc);

    if (b.total) {
        selkies_cavlc_levels(w, &b);
        selkies_cavlc_zero_runs(w, &b, n);
    }

    return b.total;
}


static void
selkies_cavlc_scan(selkies_cavlc_block_t *b, const int16_t *levels, unsigned n)
{
    unsigned  i, k;

    b->total = 0;
    b->ones = 0;
    b->zeros = 0;

    for (i = n; i > 0; i--) {

        if (levels[i - 1] == 0) {
            if (b->total) {
                b->runs[b->total - 1]++;
                b->zeros++;
            }

            continue;
        }

        b->levels[b->total] = levels[i - 1];
        b->runs[b->total] = 0;
        b->total++;
    }

    for (k = 0; k < b->total && k < 3 && abs(b->levels[k]) == 1; k++) {
        b->ones++;
    }
}


static void
selkies_cavlc_token(selkies_h264_writer_t *w, const selkies_cavlc_block_t *b,
    int nc)
{
    unsigned                     fixed;
    const selkies_cavlc_code_t  *code;

    if (nc >= 8) {
        fixed = b->total ? (b->total - 1) << 2 | b->ones : 3;
        selkies_h264_put(w, fixed, 6);
        return;
    }

    if (nc < 0) {
        code = &selkies_cavlc_dc_tokens[b->total][b->ones];

    } else {
        code = &selkies_cavlc_tokens[nc >= 4 ? 2 : nc / 2][b->total][b->ones];
    }

    selkies_h264_put(w, code->value, code->bits);
}


/* 9.2.2 */

static void
selkies_cavlc_levels(selkies_h264_writer_t *w, const selkies_cavlc_block_t *b)
{
    int       level;
    unsigned  i, code, length;

    for (i = 0; i < b->ones; i++) {
        selkies_h264_put(w, b->levels[i] < 0, 1);
    }

    length = b->total > 10 && b->ones < 3;

    for (i = b->ones; i < b->total; i++) {

        level = b->levels[i];
        code = level > 0 ? (unsigned) level * 2 - 2
                         : (unsigned) -level * 2 - 1;

        /* the first one behind less than three ones is not one itself */

        if (i == b->ones && b->ones < 3) {
            code -= 2;
        }

        selkies_cavlc_level(w, code, length);

        if (length == 0) {
            length = 1;
        }

        if (length < 6 && abs(level) > 3 << (length - 1)) {
            length++;
        }
    }
}


/* levelCode as level_prefix and level_suffix; length is suffixLength */

static void
selkies_cavlc_level(selkies_h264_writer_t *w, unsigned code, unsigned length)
{
    unsigned  escape;

    escape = length ? 15u << length : 30;

    if (code >= escape) {

        if (code - escape >= 1u << SELKIES_CAVLC_SUFFIX) {
            w->overflow = 1;
            return;
        }

        selkies_h264_put(w, 1, SELKIES_CAVLC_ESCAPE + 1);
        selkies_h264_put(w, code - escape, SELKIES_CAVLC_SUFFIX);
        return;
    }

    if (length == 0 && code >= 14) {
        selkies_h264_put(w, 1, 15);
        selkies_h264_put(w, code - 14, 4);
        return;
    }

    selkies_h264_put(w, 1, (code >> length) + 1);
    selkies_h264_put(w, code & ((1u << length) - 1), length);
}


/* 9.2.3 */

static void
selkies_cavlc_zero_runs(selkies_h264_writer_t *w,
    const selkies_cavlc_block_t *b, unsigned n)
{
    unsigned                     i, left, row;
    const selkies_cavlc_code_t  *code;

    if (b->total < n) {
        code = n == 4 ? &selkies_cavlc_dc_zeros[b->total - 1][b->zeros]
                      : &selkies_cavlc_zeros[b->total - 1][b->zeros];
        selkies_h264_put(w, code->value, code->bits);
    }

    left = b->zeros;

    /* the last run is what is left */

    for (i = 0; i + 1 < b->total && left > 0; i++) {
        row = left < 7 ? left - 1 : 6;
        code = &selkies_cavlc_runs[row][b->runs[i]];
        selkies_h264_put(w, code->value, code->bits);
        left -= b->runs[i];
    }
}
