
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * One picture of the chain: encoding.md 5.6.7, see lite.h.  Macroblocks that
 * moved are copied by a vector, new ones are coded.
 *
 * Thread: one at a time.  Ownership: lite_private.h.
 */


#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lite_private.h"
#include "transform.h"


#define SELKIES_LITE_REFERENCE    0x40      /* nal_ref_idc 2 */

#define SELKIES_LITE_VECTOR_MAX   40        /* bytes of a macroblock that is
                                               copied and the run before it */
#define SELKIES_LITE_SPLIT_COST   64        /* in differences of samples */
#define SELKIES_LITE_OUTSIDE      65536     /* more than a macroblock's */


typedef struct {
    selkies_lite_t             *lite;
    const selkies_picture_t    *pic;
    selkies_h264_writer_t       w;
    selkies_vector_grid_t       grid;
    selkies_lite_frame_t       *frame;      /* that becomes the base */
    size_t                      stride;     /* of its luma and chroma */
    selkies_vector_t            moved;      /* zero if nothing did */
    size_t                      ncode;
    size_t                      next;       /* macroblock to write */
    int                         qp;
    int                         chroma_qp;
    selkies_vector_t            vectors[4]; /* of the macroblock below */
    selkies_lite_macroblock_t   mb;
} selkies_lite_chain_t;


static selkies_status_t selkies_lite_chain_start(selkies_lite_chain_t *c,
    size_t limit);
static void selkies_lite_chain_slice(selkies_lite_chain_t *c);
static void selkies_lite_chain_stay(selkies_lite_chain_t *c, size_t mb);
static void selkies_lite_chain_move(selkies_lite_chain_t *c, size_t mb);
static void selkies_lite_chain_planned(selkies_lite_chain_t *c, size_t x,
    size_t y);
static void selkies_lite_chain_code(selkies_lite_chain_t *c, size_t mb);
static unsigned selkies_lite_chain_choose(selkies_lite_chain_t *c, size_t x,
    size_t y);
static unsigned selkies_lite_chain_differ(const selkies_lite_chain_t *c,
    size_t x, size_t y, selkies_vector_t v);
static int selkies_lite_chain_inside(const selkies_lite_chain_t *c, size_t x,
    size_t y, selkies_vector_t v);
static void selkies_lite_chain_show(const selkies_lite_chain_t *c, size_t x,
    size_t y);
static int selkies_lite_chain_whole(const selkies_lite_chain_t *c);
static void selkies_lite_chain_border(const selkies_lite_chain_t *c, size_t x,
    size_t y, selkies_lite_border_t *border);
static void selkies_lite_chain_vectors(selkies_lite_chain_t *c, size_t mb);
static void selkies_lite_chain_put(selkies_lite_chain_t *c, size_t mb);
static void selkies_lite_chain_put_coded(selkies_lite_chain_t *c, size_t mb,
    const selkies_lite_samples_t *src);
static void selkies_lite_chain_end(selkies_lite_chain_t *c);


static const selkies_vector_t  selkies_lite_zero;


selkies_status_t
selkies_lite_chain(selkies_lite_t *lite, const selkies_picture_t *pic, int qp,
    size_t limit, uint64_t pts_us, selkies_access_unit_t *out)
{
    size_t                len;
    selkies_status_t      rc;
    selkies_lite_chain_t  c;

    if (!lite->ready
        || lite->reordered
        || lite->base.luma == NULL
        || lite->chain >= 1u << (lite->sps.frame_num_bits - 1)
        || lite->sps.chroma_format != 1
        || (unsigned) pic->mb_width != lite->sps.mb_width
        || (unsigned) pic->mb_height != lite->sps.mb_height)
    {
        return SELKIES_AGAIN;
    }

    memset(&c, 0, sizeof(selkies_lite_chain_t));
    c.lite = lite;
    c.pic = pic;
    c.qp = selkies_lite_clamp_qp(qp);
    c.chroma_qp = selkies_transform_chroma_qp(c.qp,
                                              lite->pps.chroma_qp_offset);

    (void) selkies_lite_pending(lite, pic);

    rc = selkies_lite_chain_start(&c, limit);

    if (rc != SELKIES_OK) {
        return rc;
    }

    selkies_lite_chain_slice(&c);

    len = selkies_h264_nal(lite->out.bytes, lite->out.size,
                           SELKIES_LITE_REFERENCE | SELKIES_H264_NAL_SLICE,
                           lite->rbsp.bytes, selkies_h264_put_trailing(&c.w));

    if (c.w.overflow || len == 0) {
        selkies_log(lite->log, SELKIES_LOG_ERR,
                    "lite: no room for %zu macroblocks", c.ncode);
        return SELKIES_ERROR;
    }

    selkies_lite_chain_end(&c);

    out->data = lite->out.bytes;
    out->len = len;
    out->kind = SELKIES_PICTURE_P;
    out->qp = lite->counts.pcm == c.ncode ? 0 : c.qp;
    out->pts_us = pts_us;
    out->recon = lite->base;

    return SELKIES_OK;
}


/* Plans, makes room and brings the new frame up to the base. */

static selkies_status_t
selkies_lite_chain_start(selkies_lite_chain_t *c, size_t limit)
{
    size_t           size;
    selkies_lite_t  *lite;

    lite = c->lite;

    c->ncode = selkies_lite_plan(lite, c->pic, &c->moved);

    if (c->ncode > limit) {
        return SELKIES_AGAIN;
    }

    size = SELKIES_LITE_HEADER_MAX + c->ncode * SELKIES_LITE_MB_MAX
           + lite->nmbs * SELKIES_LITE_VECTOR_MAX;

    if (selkies_lite_reserve(lite, &lite->rbsp, size, 0) != SELKIES_OK
        || selkies_lite_reserve(lite, &lite->out, size + size / 2, 0)
           != SELKIES_OK
        || selkies_lite_frame_begin(lite) != SELKIES_OK)
    {
        return SELKIES_ERROR;
    }

    c->frame = &lite->frames[!lite->frame];
    c->stride = (size_t) lite->mb_width * 16;
    c->grid.blocks = lite->vectors;
    c->grid.width = (size_t) lite->mb_width * 2;

    memset(lite->kinds, SELKIES_LITE_SKIP, lite->nmbs);
    memset(&lite->counts, 0, sizeof(selkies_lite_counts_t));

    lite->poc = (lite->poc + 2) & 0xffff;
    selkies_h264_writer_init(&c->w, lite->rbsp.bytes, lite->rbsp.size);

    return SELKIES_OK;
}


static void
selkies_lite_chain_slice(selkies_lite_chain_t *c)
{
    size_t                   i, x, y;
    selkies_lite_t          *lite;
    const selkies_vector_t  *block;

    lite = c->lite;
    i = 0;

    selkies_lite_header(lite, &c->w, c->qp ? c->qp : lite->pps.init_qp, 1);

    for (y = 0; y < lite->sps.mb_height; y++) {
        for (x = 0; x < lite->mb_width; x++, i++) {

            switch (lite->plans[i]) {

            case SELKIES_LITE_STAY:

                /* a skip is still where either neighbour is, or is missing */

                block = c->grid.blocks + y * 2 * c->grid.width + x * 2;

                if (x > 0 && y > 0
                    && !selkies_vector_equal(block[-1], selkies_lite_zero)
                    && !selkies_vector_equal(*(block - c->grid.width),
                                             selkies_lite_zero))
                {
                    selkies_lite_chain_stay(c, i);
                }

                break;

            case SELKIES_LITE_MOVE:
                selkies_lite_chain_move(c, i);
                break;

            default:
                selkies_lite_chain_code(c, i);
            }
        }
    }

    if (c->next < lite->nmbs) {
        selkies_h264_put_ue(&c->w, (uint32_t) (lite->nmbs - c->next));
    }
}


/* A macroblock that is what it was, but a decoder would not infer that. */

static void
selkies_lite_chain_stay(selkies_lite_chain_t *c, size_t mb)
{
    memset(c->vectors, 0, sizeof(c->vectors));
    selkies_lite_copy(&c->mb);
    selkies_lite_chain_put(c, mb);
}


/* A macroblock that is what its vectors point to. */

static void
selkies_lite_chain_move(selkies_lite_chain_t *c, size_t mb)
{
    size_t  x, y;

    x = mb % c->lite->mb_width;
    y = mb / c->lite->mb_width;

    selkies_lite_chain_planned(c, x, y);
    selkies_lite_chain_show(c, x, y);
    selkies_lite_copy(&c->mb);
    selkies_lite_chain_put(c, mb);
    c->lite->counts.moved++;
}


static void
selkies_lite_chain_planned(selkies_lite_chain_t *c, size_t x, size_t y)
{
    const selkies_vector_t  *block;

    block = c->grid.blocks + y * 2 * c->grid.width + x * 2;

    memcpy(&c->vectors[0], block, 2 * sizeof(selkies_vector_t));
    memcpy(&c->vectors[2], block + c->grid.width,
           2 * sizeof(selkies_vector_t));
}


/* A macroblock of which something is new. */

static void
selkies_lite_chain_code(selkies_lite_chain_t *c, size_t mb)
{
    size_t                  x, y;
    unsigned                differs, quadrants;
    selkies_lite_border_t   border;
    selkies_lite_samples_t  src, pred;

    x = mb % c->lite->mb_width;
    y = mb / c->lite->mb_width;

    selkies_lite_gather(&src, c->pic->luma, c->pic->luma_stride_bytes,
                        c->pic->chroma, c->pic->chroma_stride_bytes, x, y);

    if (c->qp == 0) {
        c->mb.kind = SELKIES_LITE_PCM;

    } else {
        quadrants = selkies_lite_chain_choose(c, x, y);
        selkies_lite_chain_show(c, x, y);
        selkies_lite_gather(&pred, c->frame->luma, c->stride, c->frame->chroma,
                            c->stride, x, y);
        selkies_lite_chain_border(c, x, y, &border);

        differs = selkies_lite_difference(&src, &pred);

        if (differs == 0) {
            selkies_lite_copy(&c->mb);
            c->mb.decoded = pred;

        } else if (selkies_lite_predict(&c->mb, &src, &border, differs)) {
            selkies_lite_code_intra(&c->mb, &src, &border, c->qp,
                                    c->chroma_qp);

        } else {
            selkies_lite_code_inter(&c->mb, &src, &pred, quadrants, c->qp,
                                    c->chroma_qp);
        }
    }

    selkies_lite_chain_put_coded(c, mb, &src);

    selkies_lite_scatter(&c->mb.decoded, c->frame->luma, c->stride,
                         c->frame->chroma, c->stride, x, y);
}


/*
 * A vector for each quadrant.  Where none was planned it is the better of
 * those of what was there and of what moved; returns the mask of these.
 */

static unsigned
selkies_lite_chain_choose(selkies_lite_chain_t *c, size_t x, size_t y)
{
    size_t             i, left, top;
    unsigned           open, still, moved, stills, moves, best;
    selkies_vector_t   v;

    memset(c->vectors, 0, sizeof(c->vectors));

    if (selkies_vector_equal(c->moved, selkies_lite_zero)) {
        return 15;
    }

    selkies_lite_chain_planned(c, x, y);

    open = 0;
    stills = 0;
    moves = 0;
    best = SELKIES_LITE_SPLIT_COST;

    for (i = 0; i < 4; i++) {

        if (c->vectors[i].x != SELKIES_VECTOR_NONE) {
            continue;
        }

        open |= 1u << i;
        left = x * 16 + i % 2 * 8;
        top = y * 16 + i / 2 * 8;

        still = selkies_lite_chain_differ(c, left, top, selkies_lite_zero);
        moved = selkies_lite_chain_differ(c, left, top, c->moved);

        stills += still;
        moves += moved;
        best += moved < still ? moved : still;

        c->vectors[i] = moved < still ? c->moved : selkies_lite_zero;
    }

    if (open == 15 && (best >= stills || best >= moves)) {

        v = moves < stills ? c->moved : selkies_lite_zero;

        for (i = 0; i < 4; i++) {
            c->vectors[i] = v;
        }
    }

    return open;
}


/* The luma of a quadrant against what the vector brings, if it is there. */

static unsigned
selkies_lite_chain_differ(const selkies_lite_chain_t *c, size_t x, size_t y,
    selkies_vector_t v)
{
    size_t                   i, k, stride;
    unsigned                 sum;
    const uint8_t           *src, *shown;
    const selkies_planes_t  *base;

    if (!selkies_lite_chain_inside(c, x, y, v)) {
        return SELKIES_LITE_OUTSIDE;
    }

    base = &c->lite->base;
    stride = c->pic->luma_stride_bytes;
    src = c->pic->luma + y * stride + x;
    shown = base->luma
            + ((ptrdiff_t) y + v.y) * (ptrdiff_t) base->luma_stride_bytes
            + (ptrdiff_t) x + v.x;
    sum = 0;

    for (i = 0; i < 8; i++) {

        for (k = 0; k < 8; k++) {
            sum += (unsigned) abs(src[k] - shown[k]);
        }

        src += stride;
        shown += base->luma_stride_bytes;
    }

    return sum;
}


static int
selkies_lite_chain_inside(const selkies_lite_chain_t *c, size_t x, size_t y,
    selkies_vector_t v)
{
    long  left, top;

    left = (long) x + v.x;
    top = (long) y + v.y;

    return left >= 0 && left + 8 <= (long) c->lite->mb_width * 16
           && top >= 0 && top + 8 <= (long) c->lite->sps.mb_height * 16;
}


/* Leaves in the new frame what the vectors bring. */

static void
selkies_lite_chain_show(const selkies_lite_chain_t *c, size_t x, size_t y)
{
    size_t    left, top, size;
    unsigned  i, n;

    n = selkies_lite_chain_whole(c) ? 1 : 4;
    size = n == 1 ? 16 : 8;

    for (i = 0; i < n; i++) {

        left = x * 16 + i % 2 * 8;
        top = y * 16 + i / 2 * 8;

        selkies_vector_luma(c->frame->luma + top * c->stride + left, c->stride,
                            &c->lite->base, left, top, size, c->vectors[i]);
        selkies_vector_chroma(c->frame->chroma + top / 2 * c->stride + left,
                              c->stride, &c->lite->base, left, top, size,
                              c->vectors[i]);
    }
}


static int
selkies_lite_chain_whole(const selkies_lite_chain_t *c)
{
    return selkies_vector_equal(c->vectors[0], c->vectors[1])
           && selkies_vector_equal(c->vectors[0], c->vectors[2])
           && selkies_vector_equal(c->vectors[0], c->vectors[3]);
}


static void
selkies_lite_chain_border(const selkies_lite_chain_t *c, size_t x, size_t y,
    selkies_lite_border_t *border)
{
    size_t          i;
    const uint8_t  *luma, *chroma;

    border->left = x > 0;
    border->top = y > 0;

    luma = c->frame->luma + y * 16 * c->stride + x * 16;
    chroma = c->frame->chroma + y * 8 * c->stride + x * 16;

    for (i = 0; x > 0 && i < 16; i++) {
        border->luma_left[i] = luma[(ptrdiff_t) (i * c->stride) - 1];
    }

    for (i = 0; x > 0 && i < 8; i++) {
        border->chroma_left[0][i] = chroma[(ptrdiff_t) (i * c->stride) - 2];
        border->chroma_left[1][i] = chroma[(ptrdiff_t) (i * c->stride) - 1];
    }

    if (y == 0) {
        return;
    }

    memcpy(border->luma_top, luma - c->stride, 16);

    for (i = 0; i < 8; i++) {
        border->chroma_top[0][i] = *(chroma - c->stride + i * 2);
        border->chroma_top[1][i] = *(chroma - c->stride + i * 2 + 1);
    }
}


/*
 * The vectors' syntax, and the grid.  What a skip brings anyway and has no
 * residual is skipped; what has none and is not what a skip brings is not.
 */

static void
selkies_lite_chain_vectors(selkies_lite_chain_t *c, size_t mb)
{
    size_t             x, y;
    unsigned           i, n;
    selkies_vector_t   pred, v, *block;

    static const selkies_vector_t  none = { SELKIES_VECTOR_NONE, 0 };

    x = mb % c->lite->mb_width;
    y = mb / c->lite->mb_width;

    if (c->mb.kind == SELKIES_LITE_INTRA || c->mb.kind == SELKIES_LITE_PCM) {
        selkies_vector_set(&c->grid, x, y, none);
        return;
    }

    v = c->vectors[0];
    c->mb.split = !selkies_lite_chain_whole(c);

    if (c->mb.pattern == 0) {
        pred = selkies_vector_skip(&c->grid, x, y);
        c->mb.kind = !c->mb.split && selkies_vector_equal(v, pred)
                         ? SELKIES_LITE_SKIP : SELKIES_LITE_INTER;
    }

    n = c->mb.split ? 4 : 1;
    block = c->grid.blocks + y * 2 * c->grid.width + x * 2;

    for (i = 0; i < n; i++) {

        v = c->vectors[i];
        pred = selkies_vector_predict(&c->grid, x, y,
                                      n == 1 ? SELKIES_VECTOR_WHOLE : i);

        c->mb.mvd[i][0] = (int16_t) ((v.x - pred.x) * 4);
        c->mb.mvd[i][1] = (int16_t) ((v.y - pred.y) * 4);

        if (n == 1) {
            selkies_vector_set(&c->grid, x, y, v);

        } else {
            block[i / 2 * c->grid.width + i % 2] = v;
        }
    }
}


/* The syntax of a macroblock, or one more in the run of skipped ones. */

static void
selkies_lite_chain_put(selkies_lite_chain_t *c, size_t mb)
{
    selkies_lite_t                *lite;
    const selkies_lite_totals_t   *left, *top;

    lite = c->lite;

    selkies_lite_chain_vectors(c, mb);

    if (c->mb.kind == SELKIES_LITE_SKIP) {
        return;
    }

    left = mb % lite->mb_width ? selkies_lite_neighbour(lite, mb - 1) : NULL;
    top = mb >= lite->mb_width ? selkies_lite_neighbour(lite,
                                                        mb - lite->mb_width)
                               : NULL;

    selkies_h264_put_ue(&c->w, (uint32_t) (mb - c->next));
    selkies_lite_write(&c->w, &c->mb, &lite->totals[mb], left, top);

    lite->kinds[mb] = (uint8_t) c->mb.kind;
    c->next = mb + 1;
}


/* The same of one that was coded; as I_PCM if that is not longer. */

static void
selkies_lite_chain_put_coded(selkies_lite_chain_t *c, size_t mb,
    const selkies_lite_samples_t *src)
{
    size_t                  next;
    selkies_lite_counts_t  *counts;
    selkies_h264_writer_t   start;

    counts = &c->lite->counts;
    start = c->w;
    next = c->next;

    if (c->mb.kind != SELKIES_LITE_PCM) {

        selkies_lite_chain_put(c, mb);

        if (!c->w.overflow
            && selkies_h264_written(&c->w) - selkies_h264_written(&start)
               <= SELKIES_LITE_MB_BITS)
        {
            counts->skip += c->mb.kind == SELKIES_LITE_SKIP;
            counts->inter += c->mb.kind == SELKIES_LITE_INTER;
            counts->intra += c->mb.kind == SELKIES_LITE_INTRA;
            return;
        }

        c->w = start;
        c->mb.kind = SELKIES_LITE_PCM;
    }

    selkies_h264_put_ue(&c->w, (uint32_t) (mb - next));
    selkies_lite_write_pcm(&c->w, src, &c->lite->totals[mb]);
    selkies_lite_chain_vectors(c, mb);

    c->mb.decoded = *src;
    c->lite->kinds[mb] = SELKIES_LITE_PCM;
    c->next = mb + 1;
    counts->pcm++;
}


static void
selkies_lite_chain_end(selkies_lite_chain_t *c)
{
    selkies_lite_t  *lite;

    lite = c->lite;

    selkies_lite_frame_end(lite);

    lite->frame_num = selkies_lite_next_num(lite);
    lite->nanchors = 1;
    lite->long_term = 1;
    lite->chain++;
    lite->run = 0;
    lite->nchanged = 0;

    memset(lite->states, SELKIES_LITE_CLEAN, lite->nmbs);
    memset(lite->kinds, SELKIES_LITE_SKIP, lite->nmbs);

    (void) selkies_lite_frame_keep(lite, c->pic);
}
