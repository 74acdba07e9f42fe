
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The rewriter of an encoder's stream and what is made over it.  The input is
 * records of a kind, a length of two octets and that many octets: an access
 * unit, drawing followed by a lite picture, drawing followed by one of the
 * chain.  Whatever the stream says, the numbers of what comes out are right.
 *
 * Thread: one.
 */


#include "../../encoders/convert.h"
#include "../../encoders/h264.h"
#include "../../encoders/lite.h"
#include "replay.h"


#define SIDE_MAX  8                     /* macroblocks of a picture */


typedef struct {
    selkies_lite_t       *lite;
    selkies_picture_t     pic;
    uint8_t              *shown;        /* stands in for a reconstruction */
    selkies_h264_sps_t    sps;          /* as a decoder has it */
    unsigned              frame_num;
    unsigned              poc;
} fuzz_t;


/* An SPS decides about the size; 0 if one is too large to be tried. */

static int
small_enough(const uint8_t *data, size_t len)
{
    size_t               n;
    const uint8_t       *pos, *nal;
    selkies_h264_sps_t   sps;

    pos = data;

    while (selkies_h264_next(&pos, data + len, &nal, &n)) {

        if (n > 0 && (nal[0] & 31) == SELKIES_H264_NAL_SPS
            && selkies_h264_parse_sps(nal, n, &sps) == SELKIES_OK
            && (sps.mb_width > SIDE_MAX || sps.mb_height > SIDE_MAX))
        {
            return 0;
        }
    }

    return 1;
}


/* frame_num and pic_order_cnt_lsb of each slice */

static void
check_slice(fuzz_t *f, const uint8_t *nal, size_t len, int first, int reference)
{
    size_t                 i;
    unsigned               mask;
    selkies_h264_slice_t   slice;
    selkies_h264_reader_t  r;

    holds(selkies_h264_parse_slice(nal, len, &f->sps, &slice) == SELKIES_OK);
    holds(((nal[0] & 0x60) != 0) == reference);

    mask = (1u << f->sps.frame_num_bits) - 1;

    if (first) {
        if ((nal[0] & 31) == SELKIES_H264_NAL_IDR) {
            f->poc = 0;
            f->frame_num = 0;

        } else {
            f->poc = (f->poc + 2) & 0xffff;
            f->frame_num = (f->frame_num + 1) & mask;
        }
    }

    selkies_h264_reader_init(&r, nal, len);

    for (i = slice.poc_bit; i > 0; i--) {
        (void) selkies_h264_get(&r, 1);
    }

    holds(slice.frame_num == f->frame_num);
    holds(selkies_h264_get(&r, SELKIES_H264_POC_BITS) == f->poc);
}


/* The tail of an anchor's slice is the input's, escaped well or not. */

static void
check(fuzz_t *f, const selkies_access_unit_t *au, int reference, int ours)
{
    size_t          i, n;
    unsigned        slices;
    const uint8_t  *pos, *nal;

    pos = au->data;
    slices = 0;

    while (selkies_h264_next(&pos, au->data + au->len, &nal, &n)) {

        holds(n > 0);

        switch (nal[0] & 31) {

        case SELKIES_H264_NAL_SPS:
            holds(selkies_h264_parse_sps(nal, n, &f->sps) == SELKIES_OK);
            holds(f->sps.poc_type == 0);
            break;

        case SELKIES_H264_NAL_SLICE:
        case SELKIES_H264_NAL_IDR:
            check_slice(f, nal, n, slices++ == 0, reference);
        }

        for (i = 0; ours && i + 2 < n; i++) {
            holds(nal[i] || nal[i + 1] || nal[i + 2] > 2);
        }
    }

    holds(slices > 0);

    if (!reference) {
        f->frame_num = (f->frame_num - 1)
                       & ((1u << f->sps.frame_num_bits) - 1);
    }
}


/* An access unit in a block of its own size, for the sanitizer. */

static void
anchor(fuzz_t *f, const uint8_t *data, size_t len)
{
    size_t                 w, h;
    uint8_t               *copy;
    selkies_access_unit_t  au, out;

    if (len == 0 || !small_enough(data, len)) {
        return;
    }

    copy = malloc(len);
    holds(copy != NULL);
    memcpy(copy, data, len);

    memset(&au, 0, sizeof(au));
    au.data = copy;
    au.len = len;
    au.recon.luma = f->shown;
    au.recon.chroma = f->shown;
    au.recon.luma_stride_bytes = SIDE_MAX * 16;
    au.recon.chroma_stride_bytes = SIDE_MAX * 16;

    if (selkies_lite_anchor(f->lite, &au, &out) == SELKIES_OK) {

        check(f, &out, 1, 0);

        w = f->sps.mb_width;
        h = f->sps.mb_height;

        if ((size_t) f->pic.mb_width != w || (size_t) f->pic.mb_height != h) {
            selkies_picture_finish(&f->pic);
            holds(selkies_picture_init(&f->pic, (int32_t) w * 16,
                                       (int32_t) h * 16) == SELKIES_OK);
        }

        if (len & 1) {
            selkies_lite_keep(f->lite, &f->pic);
        }
    }

    selkies_picture_clear_dirty(&f->pic);
    free(copy);
}


/* Pairs of octets: where, what. */

static void
draw(fuzz_t *f, const uint8_t *data, size_t len)
{
    size_t   i, mb, x, y, n;
    uint8_t  *row;

    n = (size_t) f->pic.mb_width * (size_t) f->pic.mb_height;
    selkies_picture_write(&f->pic);

    for (i = 0; n > 0 && i + 1 < len; i += 2) {

        mb = data[i] % n;
        x = mb % (size_t) f->pic.mb_width * 16;
        y = mb / (size_t) f->pic.mb_width * 16 + data[i + 1] % 16;
        row = f->pic.luma + y * f->pic.luma_stride_bytes + x;

        memset(row, data[i + 1], 1 + data[i] % 16);
        memset(f->pic.chroma + y / 2 * f->pic.chroma_stride_bytes + x,
               data[i] ^ data[i + 1], 5);

        f->pic.ndirty += !f->pic.dirty[mb];
        f->pic.dirty[mb] = 1;
    }
}


static void
ours(fuzz_t *f, const uint8_t *data, size_t len, int chain)
{
    int                    qp;
    selkies_status_t       rc;
    selkies_access_unit_t  au;

    draw(f, data, len);

    if (f->pic.luma == NULL) {
        return;
    }

    (void) selkies_lite_pending(f->lite, &f->pic);

    qp = len ? data[0] % 56 : 0;

    rc = chain ? selkies_lite_chain(f->lite, &f->pic, qp, 40, 0, &au)
               : selkies_lite_picture(f->lite, &f->pic, 0, &au);

    holds(rc != SELKIES_ERROR);

    if (rc == SELKIES_OK) {
        check(f, &au, chain, 1);
    }

    selkies_picture_clear_dirty(&f->pic);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t  i, len;
    fuzz_t  f;

    memset(&f, 0, sizeof(f));

    f.lite = selkies_lite_open(14, NULL);
    f.shown = malloc(SIDE_MAX * 16 * SIDE_MAX * 16);
    holds(f.lite != NULL && f.shown != NULL);

    for (i = 0; i < SIDE_MAX * 16 * SIDE_MAX * 16; i++) {
        f.shown[i] = (uint8_t) (i * 7 / 3);
    }

    while (size >= 3) {

        len = (size_t) data[1] << 8 | data[2];
        len = len < size - 3 ? len : size - 3;

        switch (data[0] % 4) {

        case 0:
        case 1:
            anchor(&f, data + 3, len);
            break;

        default:
            ours(&f, data + 3, len, data[0] % 4 == 3);
        }

        data += 3 + len;
        size -= 3 + len;
    }

    selkies_lite_close(f.lite);
    selkies_picture_finish(&f.pic);
    free(f.shown);

    return 0;
}
