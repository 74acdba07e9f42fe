
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Between lite.c, which follows the stream, lite_picture.c, which makes lite
 * pictures, lite_chain.c, which makes those of the chain, and lite_frame.c,
 * which keeps what they need of older pictures.  Nobody else includes this
 * file.
 *
 * Thread: the state's.  Ownership: the state owns its buffers; the planes of
 * an anchor's reconstruction are the encoder's.
 */


#ifndef SELKIES_LITE_PRIVATE_H_INCLUDED
#define SELKIES_LITE_PRIVATE_H_INCLUDED


#include <stddef.h>
#include <stdint.h>

#include "h264.h"
#include "lite.h"
#include "lite_macroblock.h"
#include "lite_vector.h"
#include "motion.h"
#include "text.h"


#define SELKIES_LITE_HEADER_MAX   64        /* bytes of a slice header and the
                                               end of a slice */
#define SELKIES_LITE_MB_MAX       512       /* bytes of a macroblock and the
                                               skip run in front of it, also
                                               before it becomes I_PCM */


/* plans of macroblocks; what is to be coded is what is looked for */

#define SELKIES_LITE_STAY         0
#define SELKIES_LITE_CODE         1
#define SELKIES_LITE_MOVE         2
#define SELKIES_LITE_MOVE_SECOND  3         /* as little of it did */


#pragma GCC visibility push(hidden)


static const selkies_vector_t  selkies_lite_zero;


/* A macroblock since the last base. */

#define SELKIES_LITE_CLEAN     0
#define SELKIES_LITE_CHANGED   1
#define SELKIES_LITE_CODED     2            /* and coded as it is now */


typedef struct {
    uint8_t                    *bytes;
    size_t                      size;
} selkies_lite_buffer_t;


/* Planes of our own; a byte a macroblock where they are not up to date. */

typedef struct {
    uint8_t                    *luma;       /* NULL: not allocated yet */
    uint8_t                    *chroma;
    uint8_t                    *stale;
} selkies_lite_frame_t;


/* Macroblocks; right and bottom are the first ones that are not in it. */

typedef struct {
    size_t                      left;
    size_t                      right;
    size_t                      top;
    size_t                      bottom;
} selkies_area_t;


/* How far off chroma may be that an odd vector brings. */

typedef struct {
    unsigned                    mean;
    unsigned                    peak;
} selkies_lite_limits_t;


struct selkies_lite_s {
    const selkies_log_t        *log;
    int                         qp;         /* 0: I_PCM */

    /* the stream */

    selkies_h264_sps_t          sps;
    selkies_h264_pps_t          pps;        /* of lite pictures */
    unsigned                    coded_bits; /* of frame_num, as it comes */
    unsigned                    coded_num;
    unsigned                    parsed:2;   /* 1 an SPS, 2 a PPS */
    unsigned                    ready:1;    /* there is an anchor */
    unsigned                    reordered:1;    /* anchors choose their
                                                   reference: no chain */
    unsigned                    poc;        /* of the last picture */
    unsigned                    frame_num;  /* of the last reference */
    unsigned                    run;        /* lite pictures since */

    /* what a decoder keeps, 8.2.5: anchors are short-term references */

    unsigned                    anchor_num; /* frame_num of the last one */
    unsigned                    nanchors:2; /* 1 or 2 of them */
    unsigned                    older;      /* frame_num of the older one */
    unsigned                    long_term:1;    /* the chain's last picture */
    unsigned                    chain;      /* its pictures since the anchor */

    /*
     * The base is what a lite picture and the next one of the chain refer to:
     * the last picture of the chain if there is one since the anchor.
     */

    selkies_planes_t            base;       /* luma NULL if not known */
    int                         base_qp;    /* the worst in it since an IDR */
    selkies_lite_limits_t       limits;     /* as that allows */
    selkies_lite_frame_t        frames[2];  /* the chain's, in turn */
    unsigned                    frame;      /* the one the base is or was in */

    /*
     * Macroblocks of which it is known that the vector brings what the base
     * shows there, as in the empty space beside text: with that it is not
     * compared in each picture anew.
     */

    uint8_t                    *calm;
    selkies_vector_t            calm_vector;

    /* the picture has kept the screen that the base shows */

    unsigned                    kept:1;

    selkies_vector_t           *vectors;    /* of a chain's picture: a row
                                               of macroblocks */
    selkies_vector_t            last;       /* that was found */
    selkies_vector_t            second;     /* for what it did not explain */
    selkies_motion_t           *motion;

    /* lines of text, where something scrolls */

    selkies_text_t             *text;
    int                         pitch;
    int                         lines;      /* older ones that are known */
    uint8_t                    *rows;       /* of 8 samples: looked for */

    /* macroblocks, row-major */

    size_t                      nmbs;
    unsigned                    mb_width;   /* as the buffers have it */
    uint8_t                    *states;     /* CLEAN, CHANGED, CODED */
    size_t                      nchanged;   /* not CLEAN */
    uint8_t                    *kinds;      /* in the last lite picture */
    uint8_t                    *plans;      /* for a picture of the chain */
    uint32_t                   *list;       /* where plans is not STAY */
    size_t                      nlist;
    size_t                      nwritten;   /* behind these: others that are
                                               in the new frame */
    selkies_area_t              area;       /* what surrounds the list */
    selkies_lite_totals_t      *totals;     /* where kinds is not SKIP */
    selkies_lite_macroblock_t  *coded;      /* where states is CODED */
    selkies_lite_counts_t       counts;

    selkies_lite_buffer_t       rbsp;
    selkies_lite_buffer_t       out;
};


/* Room for size bytes, of which the first `keep` stay. */

selkies_status_t selkies_lite_reserve(selkies_lite_t *lite,
    selkies_lite_buffer_t *buffer, size_t size, size_t keep);


/* frame_num of the next picture. */

unsigned selkies_lite_next_num(const selkies_lite_t *lite);


/* slice_header() of a picture that is a reference, or is none (7.3.3). */

void selkies_lite_header(const selkies_lite_t *lite, selkies_h264_writer_t *w,
    int qp, int reference);


/* One macroblock out of NV12, and into it. */

void selkies_lite_gather(selkies_lite_samples_t *samples, const uint8_t *luma,
    size_t luma_stride, const uint8_t *chroma, size_t chroma_stride, size_t x,
    size_t y);
void selkies_lite_scatter(const selkies_lite_samples_t *samples, uint8_t *luma,
    size_t luma_stride, uint8_t *chroma, size_t chroma_stride, size_t x,
    size_t y);


const selkies_lite_totals_t *selkies_lite_neighbour(
    const selkies_lite_t *lite, size_t mb);

/* The first macroblock from i on that is not clean; there is one. */

size_t selkies_lite_find(const selkies_lite_t *lite, size_t i);

int selkies_lite_clamp_qp(int qp);


/*
 * lite_plan.c: `list` fills plans, list and area; all of it is to be coded.
 * The pair becomes that of the picture and the source, its map NULL where there
 * is none.  `moves` finds what moved, once the frame has begun, and returns how
 * many macroblocks must be coded.  v[0] is what most of them moved by and v[1]
 * what others did, zero if nothing moved: two lines that scroll are met between
 * the first one and the second one, or two windows move.  What moved by an odd
 * vector has its chroma in the frame.
 */

void selkies_lite_plan_list(selkies_lite_t *lite,
    const selkies_picture_t *pic, selkies_motion_pair_t *pair);

size_t selkies_lite_plan_moves(selkies_lite_t *lite,
    const selkies_picture_t *pic, const selkies_motion_pair_t *pair,
    selkies_vector_t v[2]);


/*
 * Whether the block of width x height samples, 4, 8 or 16, at x, y is what the
 * vector brings, its chroma nearly so.
 */

int selkies_lite_plan_matches(const selkies_lite_t *lite,
    const selkies_motion_pair_t *pair, size_t x, size_t y, size_t width,
    size_t height, selkies_vector_t v);


/*
 * Whether a decoder shows where the vector points to what it is, but for
 * differences of one in luma; of 8 or 16 wide.
 */

int selkies_lite_plan_nearly(const selkies_lite_t *lite,
    const selkies_motion_pair_t *pair, size_t x, size_t y, size_t width,
    size_t height, selkies_vector_t v);


/*
 * How far luma of a block of 4 or 8 wide is from what a decoder shows where the
 * vector points to; much more than it can be where that is not in the picture.
 */

unsigned selkies_lite_plan_differ(const selkies_lite_t *lite,
    const selkies_motion_pair_t *pair, size_t x, size_t y, size_t width,
    size_t height, selkies_vector_t v);


/*
 * lite_frame.c.  Planes are allocated when first needed, everything in them
 * stale; `begin` brings the frame that is not the base up to the base but for
 * what is in lite->plans, `end` makes it the base; `written`: a macroblock that
 * is not in them was changed in between; `same`: the vector brings what the
 * base shows there.  `unknown`: an anchor is the base.
 */

void selkies_lite_frame_free(selkies_lite_frame_t *frame);
selkies_planes_t selkies_lite_picture_planes(const selkies_picture_t *pic);
selkies_planes_t selkies_lite_frame_planes(const selkies_lite_t *lite,
    const selkies_lite_frame_t *frame);
selkies_status_t selkies_lite_frame_begin(selkies_lite_t *lite);
int selkies_lite_frame_same(selkies_lite_t *lite, size_t mb,
    selkies_vector_t v);
void selkies_lite_frame_written(selkies_lite_t *lite, size_t mb);
void selkies_lite_frame_end(selkies_lite_t *lite);
void selkies_lite_frame_unknown(selkies_lite_t *lite);


#pragma GCC visibility pop


#endif /* SELKIES_LITE_PRIVATE_H_INCLUDED */
