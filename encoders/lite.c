
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * The stream lite pictures stand in: anchors rewritten, what changed since.
 * See lite.h and encoding.md 5.6.
 *
 * Thread: one at a time.  Ownership: lite_private.h.
 */


#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "h264.h"
#include "lite_private.h"


#define SELKIES_LITE_PPS_ID   1             /* of our own PPS */


static selkies_status_t selkies_lite_rewrite(selkies_lite_t *lite,
    const selkies_access_unit_t *in, size_t *len);
static size_t selkies_lite_rewrite_nal(selkies_lite_t *lite,
    const uint8_t *nal, size_t len, uint8_t *out, size_t size,
    unsigned *slices);
static size_t selkies_lite_copy_nal(const uint8_t *nal, size_t len,
    uint8_t *out);
static size_t selkies_lite_rewrite_pps(selkies_lite_t *lite,
    const uint8_t *nal, size_t len, uint8_t *out, size_t size);
static size_t selkies_lite_rewrite_slice(selkies_lite_t *lite,
    const uint8_t *nal, size_t len, uint8_t *out, size_t size,
    unsigned *slices);
static void selkies_lite_count(selkies_lite_t *lite, int idr);
static selkies_status_t selkies_lite_resize(selkies_lite_t *lite);
static void selkies_lite_free_maps(selkies_lite_t *lite);


selkies_lite_t *
selkies_lite_open(int qp, const selkies_log_t *log)
{
    selkies_lite_t  *lite;

    lite = calloc(1, sizeof(selkies_lite_t));

    if (lite == NULL) {
        selkies_log(log, SELKIES_LOG_ERR, "lite: no memory");
        return NULL;
    }

    lite->log = log;

    selkies_lite_set_qp(lite, qp);

    return lite;
}


void
selkies_lite_set_qp(selkies_lite_t *lite, int qp)
{
    size_t  i;

    qp = selkies_lite_clamp_qp(qp);

    if (qp == lite->qp) {
        return;
    }

    lite->qp = qp;

    for (i = 0; i < lite->nmbs; i++) {
        if (lite->states[i] == SELKIES_LITE_CODED) {
            lite->states[i] = SELKIES_LITE_CHANGED;
        }
    }
}


int
selkies_lite_clamp_qp(int qp)
{
    if (qp <= 0) {
        return 0;
    }

    if (qp < SELKIES_LITE_QP_MIN) {
        return SELKIES_LITE_QP_MIN;
    }

    return qp > SELKIES_LITE_QP_MAX ? SELKIES_LITE_QP_MAX : qp;
}


void
selkies_lite_close(selkies_lite_t *lite)
{
    if (lite == NULL) {
        return;
    }

    selkies_lite_free_maps(lite);
    selkies_motion_close(lite->motion);
    selkies_text_close(lite->text);
    free(lite->rbsp.bytes);
    free(lite->out.bytes);
    free(lite);
}


/* anchors */

selkies_status_t
selkies_lite_anchor(selkies_lite_t *lite, const selkies_access_unit_t *in,
    selkies_access_unit_t *out)
{
    size_t  len;

    memset(&lite->counts, 0, sizeof(selkies_lite_counts_t));
    memset(&lite->base, 0, sizeof(selkies_planes_t));

    if (selkies_lite_rewrite(lite, in, &len) != SELKIES_OK) {
        selkies_log(lite->log, SELKIES_LOG_ERR,
                    "lite: a picture of %zu bytes cannot be rewritten",
                    in->len);
        lite->ready = 0;
        lite->parsed = 0;
        return SELKIES_ERROR;
    }

    lite->base = in->recon;
    lite->ready = 1;

    if (in->kind == SELKIES_PICTURE_IDR || in->qp > lite->base_qp) {
        lite->base_qp = in->qp;
    }

    lite->run = 0;
    lite->chain = 0;
    lite->nchanged = 0;
    selkies_lite_frame_unknown(lite);
    memset(lite->states, SELKIES_LITE_CLEAN, lite->nmbs);
    memset(lite->kinds, SELKIES_LITE_SKIP, lite->nmbs);

    *out = *in;
    out->data = lite->out.bytes;
    out->len = len;

    return SELKIES_OK;
}


static selkies_status_t
selkies_lite_rewrite(selkies_lite_t *lite, const selkies_access_unit_t *in,
    size_t *len)
{
    size_t          n, used;
    unsigned        slices;
    const uint8_t  *pos, *end, *nal;

    pos = in->data;
    end = in->data + in->len;
    used = 0;
    slices = 0;

    while (selkies_h264_next(&pos, end, &nal, &n)) {

        if (n == 0) {
            return SELKIES_ERROR;
        }

        if (selkies_lite_reserve(lite, &lite->out,
                                 used + n + 2 * SELKIES_H264_PARAMETER_MAX,
                                 used)
            != SELKIES_OK)
        {
            return SELKIES_ERROR;
        }

        n = selkies_lite_rewrite_nal(lite, nal, n, lite->out.bytes + used,
                                     lite->out.size - used, &slices);

        if (n == 0) {
            return SELKIES_ERROR;
        }

        used += n;
    }

    *len = used;

    return slices ? SELKIES_OK : SELKIES_ERROR;
}


/* Returns the bytes written, 0 on failure. */

static size_t
selkies_lite_rewrite_nal(selkies_lite_t *lite, const uint8_t *nal, size_t len,
    uint8_t *out, size_t size, unsigned *slices)
{
    switch (nal[0] & 31) {

    case SELKIES_H264_NAL_SPS:
        lite->ready = 0;
        lite->parsed = 0;

        if (selkies_h264_parse_sps(nal, len, &lite->sps) != SELKIES_OK
            || lite->sps.poc_type != 2
            || selkies_lite_resize(lite) != SELKIES_OK)
        {
            return 0;
        }

        lite->parsed = 1;

        /* room for the chain: its reference, its pictures between anchors */

        lite->coded_bits = lite->sps.frame_num_bits;
        lite->sps.nrefs++;

        if (lite->coded_bits + 8 <= SELKIES_H264_FRAME_NUM_MAX) {
            lite->sps.frame_num_bits += 8;
        }

        return selkies_h264_write_sps(out, size, &lite->sps);

    case SELKIES_H264_NAL_PPS:
        return selkies_lite_rewrite_pps(lite, nal, len, out, size);

    case SELKIES_H264_NAL_SLICE:
    case SELKIES_H264_NAL_IDR:
        return selkies_lite_rewrite_slice(lite, nal, len, out, size, slices);

    default:
        return selkies_lite_copy_nal(nal, len, out);
    }
}


static size_t
selkies_lite_copy_nal(const uint8_t *nal, size_t len, uint8_t *out)
{
    static const uint8_t  start[SELKIES_H264_START_CODE] = { 0, 0, 0, 1 };

    memcpy(out, start, sizeof(start));
    memcpy(out + sizeof(start), nal, len);

    return sizeof(start) + len;
}


/* The PPS as it is and, where its tools are not lite's, one of our own. */

static size_t
selkies_lite_rewrite_pps(selkies_lite_t *lite, const uint8_t *nal, size_t len,
    uint8_t *out, size_t size)
{
    size_t              n;
    selkies_h264_pps_t  pps;

    if (lite->parsed == 0
        || selkies_h264_parse_pps(nal, len, &pps) != SELKIES_OK
        || pps.sps_id != lite->sps.id
        || pps.bottom_field
        || pps.id == SELKIES_LITE_PPS_ID)
    {
        return 0;
    }

    lite->pps = pps;
    lite->parsed = 3;

    n = selkies_lite_copy_nal(nal, len, out);

    if (pps.cabac || pps.weighted || pps.nrefs != 1 || pps.transform8x8
        || pps.constrained_intra || pps.redundant || !pps.deblocking_control)
    {
        lite->pps.id = SELKIES_LITE_PPS_ID;
        n += selkies_h264_write_pps(out + n, size - n, &lite->pps);
    }

    return n;
}


static size_t
selkies_lite_rewrite_slice(selkies_lite_t *lite, const uint8_t *nal,
    size_t len, uint8_t *out, size_t size, unsigned *slices)
{
    int                     idr;
    selkies_h264_sps_t      sps;
    selkies_h264_slice_t    slice;
    selkies_h264_numbers_t  numbers;

    sps = lite->sps;
    sps.frame_num_bits = lite->coded_bits;

    idr = (nal[0] & 31) == SELKIES_H264_NAL_IDR;

    /* a picture that is no reference would share frame_num with lites */

    if (lite->parsed != 3
        || (!idr && !lite->ready && *slices == 0)
        || (nal[0] & 0x60) == 0
        || selkies_h264_parse_slice(nal, len, &sps, &slice)
           != SELKIES_OK)
    {
        return 0;
    }

    if (*slices == 0) {
        selkies_lite_count(lite, idr);
        lite->coded_num = slice.frame_num;

    } else if (slice.frame_num != lite->coded_num) {
        return 0;
    }

    lite->reordered |= slice.reordered;
    (*slices)++;

    numbers.frame_num = lite->frame_num;
    numbers.frame_num_bits = lite->sps.frame_num_bits;
    numbers.poc = lite->poc;

    return selkies_h264_rewrite_slice(out, size, nal, len, &slice, &numbers);
}


/*
 * The numbers of an anchor, and how a decoder marks it: a sliding window over
 * the short-term references (8.2.5.3) next to the chain's long-term one.
 */

static void
selkies_lite_count(selkies_lite_t *lite, int idr)
{
    unsigned  last;

    if (idr) {
        lite->poc = 0;
        lite->frame_num = 0;
        lite->anchor_num = 0;
        lite->nanchors = 1;
        lite->long_term = 0;
        lite->reordered = 0;
        return;
    }

    last = lite->anchor_num;

    lite->poc = (lite->poc + 2) & 0xffff;
    lite->frame_num = selkies_lite_next_num(lite);
    lite->anchor_num = lite->frame_num;
    lite->nanchors = lite->long_term ? 1 : 2;
    lite->older = last;
}


unsigned
selkies_lite_next_num(const selkies_lite_t *lite)
{
    return (lite->frame_num + 1) & ((1u << lite->sps.frame_num_bits) - 1);
}


static selkies_status_t
selkies_lite_resize(selkies_lite_t *lite)
{
    size_t  nmbs;

    nmbs = (size_t) lite->sps.mb_width * lite->sps.mb_height;

    if (nmbs == lite->nmbs && lite->sps.mb_width == lite->mb_width) {
        return SELKIES_OK;
    }

    selkies_lite_free_maps(lite);

    /* pages of macroblocks that never change are never touched */

    lite->states = calloc(nmbs, 1);
    lite->kinds = calloc(nmbs, 1);
    lite->totals = calloc(nmbs, sizeof(selkies_lite_totals_t));
    lite->coded = calloc(nmbs, sizeof(selkies_lite_macroblock_t));
    lite->plans = calloc(nmbs, 1);
    lite->list = calloc(nmbs, sizeof(uint32_t));
    lite->calm = calloc(nmbs, 1);
    lite->rows = calloc(lite->sps.mb_height, 2);
    lite->vectors = calloc(lite->sps.mb_width, 20 * sizeof(selkies_vector_t));

    if (lite->states == NULL || lite->kinds == NULL || lite->totals == NULL
        || lite->coded == NULL || lite->plans == NULL || lite->list == NULL
        || lite->calm == NULL || lite->rows == NULL || lite->vectors == NULL)
    {
        selkies_lite_free_maps(lite);
        return SELKIES_ERROR;
    }

    lite->nmbs = nmbs;
    lite->mb_width = lite->sps.mb_width;
    memset(&lite->base, 0, sizeof(selkies_planes_t));

    return SELKIES_OK;
}


static void
selkies_lite_free_maps(selkies_lite_t *lite)
{
    free(lite->states);
    free(lite->kinds);
    free(lite->totals);
    free(lite->coded);
    free(lite->plans);
    free(lite->list);
    free(lite->calm);
    free(lite->rows);
    free(lite->vectors);

    selkies_lite_frame_free(&lite->frames[0]);
    selkies_lite_frame_free(&lite->frames[1]);

    lite->states = NULL;
    lite->kinds = NULL;
    lite->totals = NULL;
    lite->coded = NULL;
    lite->plans = NULL;
    lite->list = NULL;
    lite->calm = NULL;
    lite->rows = NULL;
    lite->vectors = NULL;
    lite->nmbs = 0;
    lite->nlist = 0;
    lite->nwritten = 0;
    lite->nchanged = 0;
}


selkies_status_t
selkies_lite_reserve(selkies_lite_t *lite, selkies_lite_buffer_t *buffer,
    size_t size, size_t keep)
{
    uint8_t  *bytes;

    if (size <= buffer->size) {
        return SELKIES_OK;
    }

    size += size / 2;
    bytes = malloc(size);

    if (bytes == NULL) {
        selkies_log(lite->log, SELKIES_LOG_ERR, "lite: no memory");
        return SELKIES_ERROR;
    }

    if (keep) {
        memcpy(bytes, buffer->bytes, keep);
    }

    free(buffer->bytes);
    buffer->bytes = bytes;
    buffer->size = size;

    return SELKIES_OK;
}


size_t
selkies_lite_pending(selkies_lite_t *lite, const selkies_picture_t *pic)
{
    size_t    i, nmbs;
    uint64_t  dirty, states, known;

    nmbs = (size_t) pic->mb_width * (size_t) pic->mb_height;

    if (pic->ndirty == 0 || nmbs != lite->nmbs) {
        return lite->nchanged;
    }

    /* eight bytes at a time: of states, a bit of two says "not clean" */

    for (i = 0; nmbs - i >= sizeof(dirty); i += sizeof(dirty)) {

        memcpy(&dirty, pic->dirty + i, sizeof(dirty));

        if (dirty == 0) {
            continue;
        }

        memcpy(&states, lite->states + i, sizeof(states));

        known = states | states >> 1;
        lite->nchanged += (size_t) __builtin_popcountll(dirty & ~known);
        states = (states & ~(dirty * 3)) | dirty * SELKIES_LITE_CHANGED;

        memcpy(lite->states + i, &states, sizeof(states));
    }

    for ( /* void */ ; i < nmbs; i++) {
        if (pic->dirty[i]) {
            lite->nchanged += lite->states[i] == SELKIES_LITE_CLEAN;
            lite->states[i] = SELKIES_LITE_CHANGED;
        }
    }

    return lite->nchanged;
}


/* the chain */

void
selkies_lite_keep(selkies_lite_t *lite, selkies_picture_t *pic)
{
    if (!lite->ready
        || (unsigned) pic->mb_width != lite->sps.mb_width
        || (unsigned) pic->mb_height != lite->sps.mb_height)
    {
        return;
    }

    selkies_picture_keep(pic);
    selkies_picture_expect(pic, lite->last.x, lite->last.y);
    lite->kept = 1;
}


void
selkies_lite_base(const selkies_lite_t *lite, selkies_planes_t *planes)
{
    *planes = lite->base;
}
