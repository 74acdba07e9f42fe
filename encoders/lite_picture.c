
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * One lite picture: encoding.md 5.6.3 and 5.6.6, see lite.h.
 *
 * Thread: one at a time.  Ownership: lite_private.h.
 */


#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lite_private.h"
#include "transform.h"


static void selkies_lite_slice(selkies_lite_t *lite,
    const selkies_picture_t *pic, selkies_h264_writer_t *w);
static void selkies_lite_code(selkies_lite_t *lite,
    const selkies_picture_t *pic, size_t mb);
static void selkies_lite_put(selkies_lite_t *lite,
    const selkies_picture_t *pic, size_t mb, selkies_h264_writer_t *w);
static void selkies_lite_border(const selkies_lite_t *lite, size_t mb,
    selkies_lite_border_t *border);
static const selkies_lite_samples_t *selkies_lite_shown(
    const selkies_lite_t *lite, size_t mb, selkies_lite_samples_t *anchor);
static void selkies_lite_gather_base(const selkies_lite_t *lite, size_t mb,
    selkies_lite_samples_t *samples);


/* what a skipped macroblock has */

static const selkies_lite_totals_t  selkies_lite_no_totals;


selkies_status_t
selkies_lite_picture(selkies_lite_t *lite, const selkies_picture_t *pic,
    uint64_t pts_us, selkies_access_unit_t *out)
{
    size_t                 n, len, size;
    selkies_h264_writer_t  w;

    if (!lite->ready
        || lite->run >= SELKIES_LITE_RUN_MAX
        || lite->sps.chroma_format != 1
        || (unsigned) pic->mb_width != lite->sps.mb_width
        || (unsigned) pic->mb_height != lite->sps.mb_height)
    {
        return SELKIES_AGAIN;
    }

    n = selkies_lite_pending(lite, pic);
    size = SELKIES_LITE_HEADER_MAX + n * SELKIES_LITE_MB_MAX;

    /* emulation prevention adds a byte to two at most */

    if (selkies_lite_reserve(lite, &lite->rbsp, size, 0) != SELKIES_OK
        || selkies_lite_reserve(lite, &lite->out, size + size / 2, 0)
           != SELKIES_OK)
    {
        return SELKIES_ERROR;
    }

    lite->poc = (lite->poc + 2) & 0xffff;
    lite->run++;

    selkies_h264_writer_init(&w, lite->rbsp.bytes, lite->rbsp.size);
    selkies_lite_slice(lite, pic, &w);

    len = selkies_h264_nal(lite->out.bytes, lite->out.size,
                           SELKIES_H264_NAL_SLICE, lite->rbsp.bytes,
                           selkies_h264_put_trailing(&w));

    if (w.overflow || len == 0) {
        selkies_log(lite->log, SELKIES_LOG_ERR,
                    "lite: no room for %zu macroblocks", n);
        return SELKIES_ERROR;
    }

    out->data = lite->out.bytes;
    out->len = len;
    out->kind = SELKIES_PICTURE_P;
    out->qp = lite->counts.pcm == n ? 0 : lite->qp;
    out->pts_us = pts_us;
    memset(&out->recon, 0, sizeof(selkies_planes_t));

    return SELKIES_OK;
}


static void
selkies_lite_slice(selkies_lite_t *lite, const selkies_picture_t *pic,
    selkies_h264_writer_t *w)
{
    size_t     i, left, next;
    size_t    *count;
    size_t    *counts[4];

    counts[SELKIES_LITE_SKIP] = &lite->counts.skip;
    counts[SELKIES_LITE_INTER] = &lite->counts.inter;
    counts[SELKIES_LITE_INTRA] = &lite->counts.intra;
    counts[SELKIES_LITE_PCM] = &lite->counts.pcm;

    memset(lite->kinds, SELKIES_LITE_SKIP, lite->nmbs);
    memset(&lite->counts, 0, sizeof(selkies_lite_counts_t));

    selkies_lite_header(lite, w, lite->qp ? lite->qp : lite->pps.init_qp, 0);

    next = 0;
    i = 0;

    for (left = lite->nchanged; left > 0; left--) {

        i = selkies_lite_find(lite, i);

        if (lite->states[i] != SELKIES_LITE_CODED) {
            selkies_lite_code(lite, pic, i);
        }

        if (lite->coded[i].kind != SELKIES_LITE_SKIP) {
            selkies_h264_put_ue(w, (uint32_t) (i - next));
            selkies_lite_put(lite, pic, i, w);
            next = i + 1;
        }

        count = counts[lite->coded[i].kind];
        (*count)++;
        i++;
    }

    if (next < lite->nmbs) {
        selkies_h264_put_ue(w, (uint32_t) (lite->nmbs - next));
    }
}


size_t
selkies_lite_find(const selkies_lite_t *lite, size_t i)
{
    uint64_t  eight;

    while (lite->nmbs - i >= sizeof(eight)) {

        memcpy(&eight, lite->states + i, sizeof(eight));

        if (eight) {
            break;
        }

        i += sizeof(eight);
    }

    while (lite->states[i] == SELKIES_LITE_CLEAN) {
        i++;
    }

    return i;
}


/*
 * A picture of the chain is what both refer to.  Each becomes the decoder's
 * long-term reference 0 and so takes the place of the one before; an anchor
 * that is not the last must go by name.
 */

void
selkies_lite_header(const selkies_lite_t *lite, selkies_h264_writer_t *w,
    int qp, int reference)
{
    unsigned  num;

    num = selkies_lite_next_num(lite);

    selkies_h264_put_ue(w, 0);              /* first_mb_in_slice */
    selkies_h264_put_ue(w, 5);              /* slice_type: P, all of them */
    selkies_h264_put_ue(w, lite->pps.id);
    selkies_h264_put(w, num, lite->sps.frame_num_bits);
    selkies_h264_put(w, lite->poc, SELKIES_H264_POC_BITS);
    selkies_h264_put(w, 0, 1);              /* override of active references */
    selkies_h264_put(w, lite->chain > 0, 1);

    if (lite->chain > 0) {                  /* ref_pic_list_modification() */
        selkies_h264_put_ue(w, 2);
        selkies_h264_put_ue(w, 0);          /* long_term_pic_num */
        selkies_h264_put_ue(w, 3);
    }

    if (reference) {                        /* dec_ref_pic_marking() */
        selkies_h264_put(w, 1, 1);

        if (lite->nanchors > 1) {
            selkies_h264_put_ue(w, 1);
            num = (num - lite->older) & ((1u << lite->sps.frame_num_bits) - 1);
            selkies_h264_put_ue(w, num - 1);
        }

        if (!lite->long_term) {
            selkies_h264_put_ue(w, 4);
            selkies_h264_put_ue(w, 1);      /* one long-term index */
        }

        selkies_h264_put_ue(w, 6);
        selkies_h264_put_ue(w, 0);          /* long_term_frame_idx */
        selkies_h264_put_ue(w, 0);
    }

    selkies_h264_put_se(w, qp - lite->pps.init_qp);
    selkies_h264_put_ue(w, 1);              /* no deblocking */
}


/*
 * Chooses the macroblock's kind and codes it, all but the bits: these depend
 * on neighbours and are written for each picture.
 */

static void
selkies_lite_code(selkies_lite_t *lite, const selkies_picture_t *pic,
    size_t mb)
{
    int                         chroma_qp;
    unsigned                    changed;
    selkies_lite_border_t       border;
    selkies_lite_samples_t      src, anchor;
    selkies_lite_macroblock_t  *coded;

    coded = &lite->coded[mb];
    lite->states[mb] = SELKIES_LITE_CODED;

    selkies_lite_gather(&src, pic->luma, pic->luma_stride_bytes, pic->chroma,
                        pic->chroma_stride_bytes, mb % lite->sps.mb_width,
                        mb / lite->sps.mb_width);

    if (lite->qp == 0 || lite->base.luma == NULL) {
        coded->kind = SELKIES_LITE_PCM;
        coded->decoded = src;
        return;
    }

    chroma_qp = selkies_transform_chroma_qp(lite->qp,
                                            lite->pps.chroma_qp_offset);

    selkies_lite_gather_base(lite, mb, &anchor);
    selkies_lite_border(lite, mb, &border);

    changed = selkies_lite_difference(&src, &anchor);

    if (selkies_lite_predict(coded, &src, &border, changed)) {

        /* its samples depend on neighbours that may be coded anew */

        lite->states[mb] = SELKIES_LITE_CHANGED;
        selkies_lite_code_intra(coded, &src, &border, lite->qp, chroma_qp);
        return;
    }

    selkies_lite_code_inter(coded, &src, &anchor, 15, 0, lite->qp, chroma_qp);
}


/* Writes the macroblock; as I_PCM if that is not longer. */

static void
selkies_lite_put(selkies_lite_t *lite, const selkies_picture_t *pic, size_t mb,
    selkies_h264_writer_t *w)
{
    size_t                         x, y, width;
    selkies_h264_writer_t          start;
    selkies_lite_macroblock_t     *coded;
    const selkies_lite_totals_t   *left, *top;

    coded = &lite->coded[mb];
    start = *w;

    if (coded->kind != SELKIES_LITE_PCM) {

        width = lite->sps.mb_width;
        x = mb % width;
        y = mb / width;

        left = x ? selkies_lite_neighbour(lite, mb - 1) : NULL;
        top = y ? selkies_lite_neighbour(lite, mb - width) : NULL;

        selkies_lite_write(w, coded, &lite->totals[mb], left, top);

        if (!w->overflow
            && selkies_h264_written(w) - selkies_h264_written(&start)
               <= SELKIES_LITE_MB_BITS)
        {
            lite->kinds[mb] = (uint8_t) coded->kind;
            return;
        }

        *w = start;
        coded->kind = SELKIES_LITE_PCM;
        lite->states[mb] = SELKIES_LITE_CODED;

        selkies_lite_gather(&coded->decoded, pic->luma,
                            pic->luma_stride_bytes, pic->chroma,
                            pic->chroma_stride_bytes, x, y);
    }

    lite->kinds[mb] = SELKIES_LITE_PCM;
    selkies_lite_write_pcm(w, &coded->decoded, &lite->totals[mb]);
}


const selkies_lite_totals_t *
selkies_lite_neighbour(const selkies_lite_t *lite, size_t mb)
{
    return lite->kinds[mb] == SELKIES_LITE_SKIP ? &selkies_lite_no_totals
                                                : &lite->totals[mb];
}


/* The samples next to a macroblock, as far as the picture goes. */

static void
selkies_lite_border(const selkies_lite_t *lite, size_t mb,
    selkies_lite_border_t *border)
{
    int                            k;
    size_t                         i, width;
    selkies_lite_samples_t         anchor;
    const selkies_lite_samples_t  *near;

    width = lite->sps.mb_width;

    border->left = mb % width > 0;
    border->top = mb >= width;

    if (border->left) {
        near = selkies_lite_shown(lite, mb - 1, &anchor);

        for (i = 0; i < 16; i++) {
            border->luma_left[i] = near->luma[i * 16 + 15];
        }

        for (k = 0; k < 2; k++) {
            for (i = 0; i < 8; i++) {
                border->chroma_left[k][i] = near->chroma[k][i * 8 + 7];
            }
        }
    }

    if (border->top) {
        near = selkies_lite_shown(lite, mb - width, &anchor);

        memcpy(border->luma_top, near->luma + 240, 16);

        for (k = 0; k < 2; k++) {
            memcpy(border->chroma_top[k], near->chroma[k] + 56, 8);
        }
    }
}


/* What a decoder has of a macroblock that comes earlier. */

static const selkies_lite_samples_t *
selkies_lite_shown(const selkies_lite_t *lite, size_t mb,
    selkies_lite_samples_t *anchor)
{
    if (lite->kinds[mb] != SELKIES_LITE_SKIP) {
        return &lite->coded[mb].decoded;
    }

    selkies_lite_gather_base(lite, mb, anchor);

    return anchor;
}


static void
selkies_lite_gather_base(const selkies_lite_t *lite, size_t mb,
    selkies_lite_samples_t *samples)
{
    selkies_lite_gather(samples, lite->base.luma,
                        lite->base.luma_stride_bytes, lite->base.chroma,
                        lite->base.chroma_stride_bytes,
                        mb % lite->sps.mb_width, mb / lite->sps.mb_width);
}


void
selkies_lite_gather(selkies_lite_samples_t *samples, const uint8_t *luma,
    size_t luma_stride, const uint8_t *chroma, size_t chroma_stride, size_t x,
    size_t y)
{
    size_t  i, k;

    luma += y * 16 * luma_stride + x * 16;
    chroma += y * 8 * chroma_stride + x * 16;

    for (i = 0; i < 16; i++) {
        memcpy(samples->luma + i * 16, luma + i * luma_stride, 16);
    }

    for (i = 0; i < 8; i++) {

        for (k = 0; k < 8; k++) {
            samples->chroma[0][i * 8 + k] = chroma[k * 2];
            samples->chroma[1][i * 8 + k] = chroma[k * 2 + 1];
        }

        chroma += chroma_stride;
    }
}


/* what the last one was */

void
selkies_lite_counts(const selkies_lite_t *lite, selkies_lite_counts_t *counts)
{
    *counts = lite->counts;
}


void
selkies_lite_reconstruct(const selkies_lite_t *lite, uint8_t *luma,
    size_t luma_stride_bytes, uint8_t *chroma, size_t chroma_stride_bytes)
{
    size_t  mb;

    for (mb = 0; mb < lite->nmbs; mb++) {

        if (lite->kinds[mb] == SELKIES_LITE_SKIP) {
            continue;
        }

        selkies_lite_scatter(&lite->coded[mb].decoded, luma,
                             luma_stride_bytes, chroma, chroma_stride_bytes,
                             mb % lite->sps.mb_width,
                             mb / lite->sps.mb_width);
    }
}


void
selkies_lite_scatter(const selkies_lite_samples_t *samples, uint8_t *luma,
    size_t luma_stride, uint8_t *chroma, size_t chroma_stride, size_t x,
    size_t y)
{
    size_t  i, k;

    luma += y * 16 * luma_stride + x * 16;
    chroma += y * 8 * chroma_stride + x * 16;

    for (i = 0; i < 16; i++) {
        memcpy(luma + i * luma_stride, samples->luma + i * 16, 16);
    }

    for (i = 0; i < 8; i++) {

        for (k = 0; k < 8; k++) {
            chroma[k * 2] = samples->chroma[0][i * 8 + k];
            chroma[k * 2 + 1] = samples->chroma[1][i * 8 + k];
        }

        chroma += chroma_stride;
    }
}
