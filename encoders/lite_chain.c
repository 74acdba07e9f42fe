
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

#include "lite_chain.h"
#include "transform.h"


#define SELKIES_LITE_REFERENCE    0x40      /* nal_ref_idc 2 */

#define SELKIES_LITE_NEARLY_QP    18        /* a block that differs by one has
                                               no levels from here on */

#define SELKIES_LITE_LEAD         4         /* macroblocks, to be worth it */


static void selkies_lite_chain_slice(selkies_lite_chain_t *c);
static size_t selkies_lite_chain_moves(selkies_lite_chain_t *c, size_t mb,
    size_t max);
static size_t selkies_lite_chain_skips(const selkies_lite_chain_t *c,
    size_t mb, size_t n, selkies_vector_t v);
static void selkies_lite_chain_move(selkies_lite_chain_t *c, size_t mb,
    selkies_vector_t v);
static size_t selkies_lite_chain_row(selkies_lite_chain_t *c, size_t row,
    size_t k);
static void selkies_lite_chain_lead(selkies_lite_chain_t *c, size_t row,
    size_t end);
static void selkies_lite_chain_stay(selkies_lite_chain_t *c, size_t mb);
static int selkies_lite_chain_fill(selkies_lite_chain_t *c, size_t mb,
    selkies_vector_t v);
static void selkies_lite_chain_code(selkies_lite_chain_t *c, size_t mb);
static void selkies_lite_chain_show(const selkies_lite_chain_t *c, size_t x,
    size_t y);
static void selkies_lite_chain_bring(const selkies_lite_chain_t *c, size_t x,
    size_t y, size_t width, size_t height, selkies_vector_t v);
static unsigned selkies_lite_chain_parts(const selkies_lite_chain_t *c);
static void selkies_lite_chain_border(const selkies_lite_chain_t *c, size_t x,
    size_t y, selkies_lite_border_t *border);
static void selkies_lite_chain_vectors(selkies_lite_chain_t *c, size_t mb);
static void selkies_lite_chain_vector(selkies_lite_chain_t *c, size_t x,
    size_t y, size_t width, size_t height, selkies_vector_t v);
static void selkies_lite_chain_half(selkies_lite_chain_t *c, size_t x,
    unsigned half, selkies_vector_t v);
static void selkies_lite_chain_differ(selkies_lite_chain_t *c,
    selkies_vector_t v, selkies_vector_t pred);
static void selkies_lite_chain_put(selkies_lite_chain_t *c, size_t mb);
static void selkies_lite_chain_put_coded(selkies_lite_chain_t *c, size_t mb,
    const selkies_lite_samples_t *src);
static void selkies_lite_chain_end(selkies_lite_chain_t *c);


selkies_status_t
selkies_lite_chain(selkies_lite_t *lite, selkies_picture_t *pic, int qp,
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
    c.nearly = c.qp >= SELKIES_LITE_NEARLY_QP;

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
    selkies_lite_keep(lite, pic);

    out->data = lite->out.bytes;
    out->len = len;
    out->kind = SELKIES_PICTURE_P;
    out->qp = lite->counts.pcm == c.ncode ? 0 : c.qp;
    out->pts_us = pts_us;
    out->recon = lite->base;

    return SELKIES_OK;
}


static void
selkies_lite_chain_slice(selkies_lite_chain_t *c)
{
    size_t           k, row;
    selkies_lite_t  *lite;

    lite = c->lite;

    selkies_lite_header(lite, &c->w, c->qp ? c->qp : lite->pps.init_qp, 1);
    selkies_vector_row(&c->grid, 1);
    k = 0;

    for (row = 0; k < lite->nlist; row++) {

        if (row > 0) {
            selkies_vector_row(&c->grid, 0);
        }

        if (row >= lite->area.top) {
            k = selkies_lite_chain_row(c, row, k);
        }
    }

    if (c->next < lite->nmbs) {
        selkies_h264_put_ue(&c->w, (uint32_t) (lite->nmbs - c->next));
    }
}


/* What the list has of a row from k on; returns where the next one begins. */

static size_t
selkies_lite_chain_row(selkies_lite_chain_t *c, size_t row, size_t k)
{
    size_t           n, mb, end;
    selkies_lite_t  *lite;

    lite = c->lite;
    end = (row + 1) * lite->mb_width;

    selkies_lite_chain_lead(c, row, lite->list[k] < end ? lite->list[k] : end);

    for ( /* void */ ; k < lite->nlist && lite->list[k] < end; k += n) {

        mb = lite->list[k];
        n = 1;

        if (lite->plans[mb] >= SELKIES_LITE_MOVE) {
            n = selkies_lite_chain_moves(c, mb, lite->nlist - k);

        } else {
            selkies_lite_chain_code(c, mb);
        }

        if (mb + n < end) {
            selkies_lite_chain_stay(c, mb + n);
        }
    }

    return k;
}


/*
 * Macroblocks that are what they were in front of all others of their row, as
 * in an empty line of text: where those above and below move they had better
 * move, too, lest each one below has to say so.
 */

static void
selkies_lite_chain_lead(selkies_lite_chain_t *c, size_t row, size_t end)
{
    size_t                   i, mb;
    const uint8_t           *below;
    const selkies_vector_t  *above;

    mb = row * c->lite->mb_width + c->lite->area.left;

    if (!c->grid.top || row + 1 >= c->lite->area.bottom) {
        return;
    }

    for ( /* void */ ; mb + SELKIES_LITE_LEAD <= end; mb++) {

        above = selkies_vector_block(&c->grid, mb % c->lite->mb_width * 4, 0)
                - c->grid.width;
        below = c->lite->plans + mb + c->lite->mb_width;

        for (i = 0; i < SELKIES_LITE_LEAD
                    && below[i] == SELKIES_LITE_MOVE
                    && selkies_vector_equal(above[i * 4], c->moved); i++)
        {
            /* void */
        }

        if (i == SELKIES_LITE_LEAD
            && selkies_lite_chain_fill(c, mb, c->moved))
        {
            selkies_lite_chain_move(c, mb, c->moved);
            selkies_lite_chain_stay(c, mb + 1);
            return;
        }
    }
}


/* A run of macroblocks that are what a vector brings; returns how many. */

static size_t
selkies_lite_chain_moves(selkies_lite_chain_t *c, size_t mb, size_t max)
{
    size_t                  i, n, x, y, skips;
    selkies_vector_t        v;
    const selkies_lite_t   *lite;

    lite = c->lite;
    x = mb % lite->mb_width;
    y = mb / lite->mb_width;
    v = lite->plans[mb] == SELKIES_LITE_MOVE ? c->moved : c->second;

    for (n = 1; n < max && x + n < lite->mb_width
                && lite->plans[mb + n] == lite->plans[mb]; n++)
    {
        /* void */
    }

    selkies_vector_luma(c->frame->luma + (y * c->stride + x) * 16, c->stride,
                        &lite->base, x * 16, y * 16, n * 16, 16, v);

    /* the plan has left the chroma of an odd vector there */

    if (((v.x | v.y) & 1) == 0) {
        selkies_vector_chroma(c->frame->chroma + y * 8 * c->stride + x * 16,
                              c->stride, &lite->base, x * 16, y * 16, n * 16,
                              16, v);
    }

    for (i = 0; i < n; /* void */ ) {

        skips = selkies_lite_chain_skips(c, mb + i, n - i, v);

        if (skips == 0) {
            selkies_lite_chain_move(c, mb + i, v);
            i++;

        } else {
            selkies_vector_set(&c->grid, (x + i) * 4, 0, skips * 4, 4, v);
            i += skips;
        }
    }

    c->lite->counts.moved += n;

    return n;
}


/* How many of n macroblocks a skip moves by the vector. */

static size_t
selkies_lite_chain_skips(const selkies_lite_chain_t *c, size_t mb, size_t n,
    selkies_vector_t v)
{
    size_t                   i, x;
    const selkies_vector_t  *block, *above;

    x = mb % c->lite->mb_width * 4;
    block = selkies_vector_block(&c->grid, x, 0);
    above = block - c->grid.width;

    if (x == 0 || !c->grid.top || !selkies_vector_equal(block[-1], v)) {
        return 0;
    }

    /* two of three that agree are the median */

    for (i = 0; i < n && selkies_vector_equal(above[i * 4], v); i++) {
        /* void */
    }

    return i;
}


static void
selkies_lite_chain_move(selkies_lite_chain_t *c, size_t mb, selkies_vector_t v)
{
    size_t  i;

    if (selkies_lite_chain_skips(c, mb, 1, v)) {
        selkies_vector_set(&c->grid, mb % c->lite->mb_width * 4, 0, 4, 4, v);
        return;
    }

    for (i = 0; i < 16; i++) {
        c->vectors[i] = v;
    }

    selkies_lite_copy(&c->mb);
    selkies_lite_chain_put(c, mb);
}


/*
 * Macroblocks that are what they were behind one that is not.  A skip is still
 * where either neighbour is, or is missing.  Elsewhere it will do if what it
 * brings is the same, as in the empty space beside text: so what moved has no
 * holes, and those around it need not say what they do.
 */

static void
selkies_lite_chain_stay(selkies_lite_chain_t *c, size_t mb)
{
    size_t                  x;
    selkies_vector_t        v;
    const selkies_lite_t   *lite;

    lite = c->lite;

    for (x = mb % lite->mb_width;
         x < lite->mb_width && lite->plans[mb] == SELKIES_LITE_STAY;
         x++, mb++)
    {
        v = selkies_vector_skip(&c->grid, x);

        if (selkies_vector_equal(v, selkies_lite_zero)) {
            return;
        }

        if (!selkies_lite_chain_fill(c, mb, v)) {
            memset(c->vectors, 0, sizeof(c->vectors));
            selkies_lite_copy(&c->mb);
            selkies_lite_chain_put(c, mb);
            return;
        }

        selkies_vector_set(&c->grid, x * 4, 0, 4, 4, v);
    }
}


/*
 * Whether the vector brings what a decoder shows there anyway, or shows but for
 * what the quantiser left, which is then replaced.
 */

static int
selkies_lite_chain_fill(selkies_lite_chain_t *c, size_t mb, selkies_vector_t v)
{
    size_t           x, y;
    selkies_lite_t  *lite;

    lite = c->lite;

    if (selkies_lite_frame_same(lite, mb, v)) {
        return 1;
    }

    x = mb % lite->mb_width;
    y = mb / lite->mb_width;

    if (!selkies_vector_equal(v, c->moved)
        || !selkies_lite_plan_matches(lite, &c->pair, x * 16, y * 16, 16, 16,
                                      v))
    {
        return 0;
    }

    selkies_lite_chain_bring(c, x * 16, y * 16, 16, 16, v);
    selkies_lite_frame_written(lite, mb);

    return 1;
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
    quadrants = 0;

    if (c->qp != 0) {
        quadrants = selkies_lite_choose(c, x, y);
        selkies_lite_chain_show(c, x, y);

        if (quadrants == 0) {

            /* the vectors bring all of it, and take less than its samples */

            selkies_lite_copy(&c->mb);
            selkies_lite_chain_put(c, mb);
            c->lite->counts.skip += c->mb.kind == SELKIES_LITE_SKIP;
            c->lite->counts.inter += c->mb.kind == SELKIES_LITE_INTER;
            return;
        }
    }

    selkies_lite_gather(&src, c->pic->luma, c->pic->luma_stride_bytes,
                        c->pic->chroma, c->pic->chroma_stride_bytes, x, y);

    if (c->qp == 0) {
        c->mb.kind = SELKIES_LITE_PCM;

    } else {
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
            selkies_lite_code_inter(&c->mb, &src, &pred, quadrants, 1, c->qp,
                                    c->chroma_qp);
        }
    }

    selkies_lite_chain_put_coded(c, mb, &src);

    selkies_lite_scatter(&c->mb.decoded, c->frame->luma, c->stride,
                         c->frame->chroma, c->stride, x, y);
}


/* Leaves in the new frame what the vectors bring. */

static void
selkies_lite_chain_show(const selkies_lite_chain_t *c, size_t x, size_t y)
{
    size_t    left, top, width, height;
    unsigned  i, kind, second;

    if (selkies_lite_chain_parts(c) == SELKIES_LITE_P_16X16) {
        selkies_lite_chain_bring(c, x * 16, y * 16, 16, 16, c->vectors[0]);
        return;
    }

    for (i = 0; i < 8; i++) {

        kind = c->halves[i / 2];
        second = i % 2;

        if (kind == SELKIES_LITE_8X8 && second) {
            continue;
        }

        width = kind == SELKIES_LITE_4X8 ? 4 : 8;
        height = kind == SELKIES_LITE_8X4 ? 4 : 8;
        left = i / 2 % 2 * 8 + (second ? 8 - width : 0);
        top = i / 4 * 8 + (second ? 8 - height : 0);

        selkies_lite_chain_bring(c, x * 16 + left, y * 16 + top, width, height,
                                 c->vectors[top + left / 4]);
    }
}


static void
selkies_lite_chain_bring(const selkies_lite_chain_t *c, size_t x, size_t y,
    size_t width, size_t height, selkies_vector_t v)
{
    selkies_vector_luma(c->frame->luma + y * c->stride + x, c->stride,
                        &c->lite->base, x, y, width, height, v);
    selkies_vector_chroma(c->frame->chroma + y / 2 * c->stride + x, c->stride,
                          &c->lite->base, x, y, width, height, v);
}


/* mb_type: blocks that have the same vector are one partition. */

static unsigned
selkies_lite_chain_parts(const selkies_lite_chain_t *c)
{
    unsigned  i, rows, columns;

    rows = 1;
    columns = 1;

    for (i = 0; i < 16; i++) {
        rows &= selkies_vector_equal(c->vectors[i], c->vectors[i / 8 * 8]);
        columns &= selkies_vector_equal(c->vectors[i],
                                        c->vectors[i % 4 / 2 * 2]);
    }

    if (rows && columns) {
        return SELKIES_LITE_P_16X16;
    }

    return rows ? SELKIES_LITE_P_16X8
                : (columns ? SELKIES_LITE_P_8X16 : SELKIES_LITE_P_8X8);
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
    size_t             x;
    unsigned           i, kind;
    selkies_vector_t  *v;

    static const selkies_vector_t  none = { SELKIES_VECTOR_NONE, 0 };

    x = mb % c->lite->mb_width * 4;
    v = c->vectors;

    if (c->mb.kind == SELKIES_LITE_INTRA || c->mb.kind == SELKIES_LITE_PCM) {
        selkies_vector_set(&c->grid, x, 0, 4, 4, none);
        return;
    }

    c->mb.parts = selkies_lite_chain_parts(c);
    c->mb.nvectors = 0;

    if (c->mb.pattern == 0) {
        c->mb.kind = c->mb.parts == SELKIES_LITE_P_16X16
                     && selkies_vector_equal(v[0],
                                             selkies_vector_skip(&c->grid,
                                                                 x / 4))
                         ? SELKIES_LITE_SKIP : SELKIES_LITE_INTER;
    }

    switch (c->mb.parts) {

    case SELKIES_LITE_P_16X16:
        selkies_lite_chain_vector(c, x, 0, 4, 4, v[0]);
        return;

    case SELKIES_LITE_P_16X8:
        selkies_lite_chain_half(c, x, SELKIES_VECTOR_UPPER, v[0]);
        selkies_lite_chain_half(c, x, SELKIES_VECTOR_LOWER, v[8]);
        return;

    case SELKIES_LITE_P_8X16:
        selkies_lite_chain_half(c, x, SELKIES_VECTOR_LEFT, v[0]);
        selkies_lite_chain_half(c, x, SELKIES_VECTOR_RIGHT, v[2]);
        return;
    }

    memcpy(c->mb.halves, c->halves, sizeof(c->halves));

    for (i = 0; i < 4; i++) {

        v = c->vectors + i / 2 * 8 + i % 2 * 2;
        kind = c->halves[i];

        selkies_lite_chain_vector(c, x + i % 2 * 2, i / 2 * 2,
                                  kind == SELKIES_LITE_4X8 ? 1 : 2,
                                  kind == SELKIES_LITE_8X4 ? 1 : 2, v[0]);

        if (kind == SELKIES_LITE_8X4) {
            selkies_lite_chain_vector(c, x + i % 2 * 2, i / 2 * 2 + 1, 2, 1,
                                      v[4]);

        } else if (kind == SELKIES_LITE_4X8) {
            selkies_lite_chain_vector(c, x + i % 2 * 2 + 1, i / 2 * 2, 1, 2,
                                      v[1]);
        }
    }
}


/* The vector of half a macroblock. */

static void
selkies_lite_chain_half(selkies_lite_chain_t *c, size_t x, unsigned half,
    selkies_vector_t v)
{
    selkies_lite_chain_differ(c, v,
                              selkies_vector_predict_half(&c->grid, x / 4,
                                                          half));
    selkies_vector_set_half(&c->grid, x / 4, half, v);
}


/* The vector of a partition, in blocks. */

static void
selkies_lite_chain_vector(selkies_lite_chain_t *c, size_t x, size_t y,
    size_t width, size_t height, selkies_vector_t v)
{
    selkies_lite_chain_differ(c, v,
                              selkies_vector_predict(&c->grid, x, y, width));
    selkies_vector_set(&c->grid, x, y, width, height, v);
}


static void
selkies_lite_chain_differ(selkies_lite_chain_t *c, selkies_vector_t v,
    selkies_vector_t pred)
{
    int16_t  *mvd;

    mvd = c->mb.mvd[c->mb.nvectors++];

    mvd[0] = (int16_t) ((v.x - pred.x) * 4);
    mvd[1] = (int16_t) ((v.y - pred.y) * 4);
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
    selkies_lite_choose_learn(c);

    lite->frame_num = selkies_lite_next_num(lite);
    lite->nanchors = 1;
    lite->long_term = 1;
    lite->chain++;
    lite->run = 0;
    lite->nchanged = 0;

    if (c->qp > lite->base_qp) {
        lite->base_qp = c->qp;
    }

    memset(lite->states, SELKIES_LITE_CLEAN, lite->nmbs);
    memset(lite->kinds, SELKIES_LITE_SKIP, lite->nmbs);
}
