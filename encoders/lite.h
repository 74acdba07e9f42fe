
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Pictures without a call of the encoder.  Those of the encoder are anchors,
 * ours are P pictures of two kinds that refer to the base: the last anchor or,
 * if one was made since, the last picture of the chain.
 *
 * A lite picture codes all macroblocks that changed since the base and nothing
 * refers to it: the newest one alone brings a decoder that has the base up to
 * date, any other may be dropped.  It suits small changes.
 *
 * A picture of the chain becomes the base itself.  What moved, a scroll or a
 * dragged window, it copies by vectors, so it codes only what is new.  None of
 * them may be dropped: a reader that skipped one, or skipped an anchor, skips
 * everything until it has been sent an IDR and all anchors and pictures of the
 * chain since, in order.
 *
 * For that to be legal H.264 the encoder's stream is rewritten on its way:
 * another SPS, in each slice header another frame_num and a picture order
 * count.
 *
 *     n = selkies_lite_pending(lite, pic);
 *     if (a lite picture is wanted for n macroblocks) {
 *         rc = selkies_lite_picture(lite, pic, now_us, &au);
 *     } else if (one of the chain is wanted) {
 *         rc = selkies_lite_chain(lite, pic, qp, limit, now_us, &au);
 *     }
 *     if (neither is, or rc is SELKIES_AGAIN) {
 *         selkies_encoder_encode(enc, pic, qp, idr, now_us, &au);
 *         selkies_lite_anchor(lite, &au, &au);
 *         selkies_lite_keep(lite, pic);
 *     }
 *     selkies_picture_clear_dirty(pic);
 *
 * Thread: one at a time, the display thread's.  Ownership: stated below.
 */


#ifndef SELKIES_LITE_H_INCLUDED
#define SELKIES_LITE_H_INCLUDED


#include <stddef.h>
#include <stdint.h>

#include "../capture/capture.h"
#include "convert.h"
#include "encoder.h"


#define SELKIES_LITE_QP_MIN   10    /* below, levels may not fit baseline */
#define SELKIES_LITE_QP_MAX   51

/*
 * So many lite pictures follow a base at most: the distance of two picture
 * order counts must stay below half their range (8.2.1.1).
 */

#define SELKIES_LITE_RUN_MAX  8192


#pragma GCC visibility push(hidden)


typedef struct selkies_lite_s  selkies_lite_t;


/* How the macroblocks of the last picture made here were coded. */

typedef struct {
    size_t           skip;          /* changed, but by less than a step */
    size_t           inter;
    size_t           intra;
    size_t           pcm;
    size_t           moved;         /* copied: of the chain only */
} selkies_lite_counts_t;


/*
 * An empty state, which waits for an IDR.  qp is that of lite macroblocks,
 * clamped to the range above; 0 makes all of them I_PCM, lossless.  NULL if
 * there is no memory.  The log may be NULL and must outlive the state.
 */

selkies_lite_t *selkies_lite_open(int qp, const selkies_log_t *log);


/* Another QP from the next lite picture on. */

void selkies_lite_set_qp(selkies_lite_t *lite, int qp);


/* NULL is accepted. */

void selkies_lite_close(selkies_lite_t *lite);


/*
 * Rewrites a picture of the encoder: `in` is one whole access unit, SPS and
 * PPS in front of each IDR (encoding.md 5.6.1, 5.6.2).  `out`, which may be
 * `in`, gets the same picture in bytes that are the state's until the next
 * call that makes a picture.  Every picture of a stream must go through here,
 * while lite pictures are off, too.
 *
 * The planes of in->recon are kept and must stay as they are until the next
 * call of this function.  Where the encoder shows none, lite macroblocks are
 * I_PCM.
 *
 * SELKIES_OK: what was pending is in the anchor.  SELKIES_ERROR: no memory or
 * not a stream that can be rewritten (logged), `out` is unchanged; nothing
 * more comes out before an IDR.
 */

selkies_status_t selkies_lite_anchor(selkies_lite_t *lite,
    const selkies_access_unit_t *in, selkies_access_unit_t *out);


/*
 * Takes over what is dirty in the picture and returns how many macroblocks a
 * lite picture would code: all that changed since the base.  To be
 * called before the dirty marks are cleared; twice does no harm.
 */

size_t selkies_lite_pending(selkies_lite_t *lite,
    const selkies_picture_t *pic);


/*
 * Makes a lite picture of all that is pending, which may be nothing.  out->qp
 * is the worst QP of the macroblocks it coded, 0 if all are lossless.  Bytes
 * as above.
 *
 * SELKIES_OK; SELKIES_AGAIN: an anchor has to come first (there is none of
 * this size, too many lite pictures since, no 4:2:0); SELKIES_ERROR: no
 * memory (logged).
 */

selkies_status_t selkies_lite_picture(selkies_lite_t *lite,
    const selkies_picture_t *pic, uint64_t pts_us,
    selkies_access_unit_t *out);


/*
 * Makes a picture of the chain of all that is pending.  qp is that of what it
 * codes, as in selkies_lite_open(), and may be another each time; at most
 * `limit` macroblocks are coded or a quarter of what changed, if that is more,
 * those that are copied do not count.  out->qp
 * is 0 if all of them are lossless, out->recon what a decoder shows, valid
 * until the next picture of the chain.  Bytes as above.
 *
 * SELKIES_OK: nothing is pending any more.
 * SELKIES_AGAIN, and nothing has changed: it is more, or an anchor has
 * to come first (as above, or the encoder shows no reconstruction, or too many
 * pictures of the chain since).  SELKIES_ERROR: no memory (logged), the stream
 * may go on with any picture.
 */

selkies_status_t selkies_lite_chain(selkies_lite_t *lite,
    selkies_picture_t *pic, int qp, size_t limit, uint64_t pts_us,
    selkies_access_unit_t *out);


/*
 * The picture is the one that the last anchor was made of, and keeps what it
 * is: moves are found by it.  Without this call pictures of the chain only
 * code.
 */

void selkies_lite_keep(selkies_lite_t *lite, selkies_picture_t *pic);


/*
 * About the last picture made here: its counts, and, if it was a lite picture,
 * what a decoder shows of it, put over the base, which the caller gives in
 * planes of whole macroblocks.
 */

void selkies_lite_counts(const selkies_lite_t *lite,
    selkies_lite_counts_t *counts);

void selkies_lite_reconstruct(const selkies_lite_t *lite, uint8_t *luma,
    size_t luma_stride_bytes, uint8_t *chroma, size_t chroma_stride_bytes);


/*
 * What a decoder shows of the base; luma is NULL if that is not known.  Valid
 * until the next anchor or picture of the chain.
 */

void selkies_lite_base(const selkies_lite_t *lite, selkies_planes_t *planes);


#pragma GCC visibility pop


#endif /* SELKIES_LITE_H_INCLUDED */
