
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Between lite.c, which follows the stream, and lite_picture.c, which makes
 * lite pictures.  Nobody else includes this file.
 *
 * Thread: the state's.  Ownership: the state owns its buffers; the planes of
 * the anchor's reconstruction are the encoder's.
 */


#ifndef SELKIES_LITE_PRIVATE_H_INCLUDED
#define SELKIES_LITE_PRIVATE_H_INCLUDED


#include <stddef.h>
#include <stdint.h>

#include "h264.h"
#include "lite.h"
#include "lite_macroblock.h"


#pragma GCC visibility push(hidden)


/* A macroblock since the last anchor. */

#define SELKIES_LITE_CLEAN     0
#define SELKIES_LITE_CHANGED   1
#define SELKIES_LITE_CODED     2            /* and coded as it is now */


typedef struct {
    uint8_t                    *bytes;
    size_t                      size;
} selkies_lite_buffer_t;


struct selkies_lite_s {
    const selkies_log_t        *log;
    int                         qp;         /* 0: I_PCM */

    /* the stream */

    selkies_h264_sps_t          sps;
    selkies_h264_pps_t          pps;        /* of lite pictures */
    unsigned                    parsed:2;   /* 1 an SPS, 2 a PPS */
    unsigned                    ready:1;    /* there is an anchor */
    unsigned                    poc;        /* of the last picture */
    unsigned                    frame_num;  /* of the last anchor */
    unsigned                    run;        /* lite pictures since */
    selkies_planes_t            anchor;     /* luma NULL if not known */

    /* macroblocks, row-major */

    size_t                      nmbs;
    uint8_t                    *states;     /* CLEAN, CHANGED, CODED */
    size_t                      nchanged;   /* not CLEAN */
    uint8_t                    *kinds;      /* in the last lite picture */
    selkies_lite_totals_t      *totals;     /* where kinds is not SKIP */
    selkies_lite_macroblock_t  *coded;      /* where states is CODED */
    selkies_lite_counts_t       counts;

    selkies_lite_buffer_t       rbsp;
    selkies_lite_buffer_t       out;
};


/* Room for size bytes, of which the first `keep` stay. */

selkies_status_t selkies_lite_reserve(selkies_lite_t *lite,
    selkies_lite_buffer_t *buffer, size_t size, size_t keep);


#pragma GCC visibility pop


#endif /* SELKIES_LITE_PRIVATE_H_INCLUDED */
