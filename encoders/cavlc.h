
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Writes the levels of a block as residual_block_cavlc(): ITU-T H.264,
 * 7.3.5.3.2 and 9.2.
 *
 * Thread: any, there is no state.  Ownership: the caller's.
 */


#ifndef SELKIES_CAVLC_H_INCLUDED
#define SELKIES_CAVLC_H_INCLUDED


#include <stdint.h>

#include "h264.h"


#define SELKIES_CAVLC_CHROMA_DC   (-1)      /* nC of 4:2:0 chroma DC levels */


#pragma GCC visibility push(hidden)


/*
 * Writes n levels that lie in scan order: 4 of chroma DC, 15 of an AC block,
 * 16 of any other.  nc is the mean of the neighbours' totals (9.2.1), 0 to 16,
 * or SELKIES_CAVLC_CHROMA_DC.  Returns the block's total, how many levels are
 * not zero.  A level that needs an escape code that baseline has not counts
 * as an overflow of the writer.
 */

unsigned selkies_cavlc_write(selkies_h264_writer_t *w, const int16_t *levels,
    unsigned n, int nc);


#pragma GCC visibility pop


#endif /* SELKIES_CAVLC_H_INCLUDED */
