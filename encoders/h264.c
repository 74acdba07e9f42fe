
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Bits, NAL units, parameter sets and slice headers of ITU-T H.264; see
 * h264.h.
 *
 * Thread: any.  Ownership: the caller's structs and buffers.
 */


#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "h264.h"


#define SELKIES_H264_SIDE_MAX    1024       /* macroblocks */

#define SELKIES_H264_HEAD_MAX    128        /* bytes of a slice header, up to
                                               what is put in */

#define SELKIES_H264_EXTENDED    100        /* profiles from here on have
                                               chroma_format_idc */


/* Where a byte stream is built; zeros is the run before pos. */

typedef struct {
    uint8_t        *pos;
    uint8_t        *end;
    unsigned        zeros;
    unsigned        overflow;
} selkies_h264_escaper_t;


static void selkies_h264_escaper_init(selkies_h264_escaper_t *e, uint8_t *out,
    size_t size, unsigned header);
static void selkies_h264_escape(selkies_h264_escaper_t *e, uint8_t byte);
static void selkies_h264_escape_bytes(selkies_h264_escaper_t *e,
    const uint8_t *bytes, size_t n);
static size_t selkies_h264_escaped(const selkies_h264_escaper_t *e,
    const uint8_t *out);
static void selkies_h264_settle(selkies_h264_reader_t *r);
static int selkies_h264_more(const selkies_h264_reader_t *r);
static selkies_status_t selkies_h264_parse_extended(selkies_h264_reader_t *r,
    selkies_h264_sps_t *sps);
static void selkies_h264_put_vui(selkies_h264_writer_t *w);
static void selkies_h264_copy(selkies_h264_writer_t *w,
    selkies_h264_reader_t *r, size_t n);
static unsigned selkies_h264_length(uint32_t v);


/* writing */

void
selkies_h264_writer_init(selkies_h264_writer_t *w, uint8_t *buf, size_t size)
{
    w->start = buf;
    w->pos = buf;
    w->end = buf + size;
    w->cache = 0;
    w->cached = 0;
    w->overflow = 0;
}


static unsigned
selkies_h264_length(uint32_t v)
{
    return 32 - (unsigned) __builtin_clz(v);
}


void
selkies_h264_put_ue(selkies_h264_writer_t *w, uint32_t v)
{
    unsigned  n;

    n = selkies_h264_length(v + 1);

    selkies_h264_put(w, 0, n - 1);
    selkies_h264_put(w, v + 1, n);
}


void
selkies_h264_put_se(selkies_h264_writer_t *w, int32_t v)
{
    selkies_h264_put_ue(w, v > 0 ? (uint32_t) v * 2 - 1 : (uint32_t) -v * 2);
}


void
selkies_h264_put_zeros(selkies_h264_writer_t *w)
{
    selkies_h264_put(w, 0, (8 - w->cached) & 7);
}


void
selkies_h264_put_bytes(selkies_h264_writer_t *w, const uint8_t *bytes,
    size_t n)
{
    if ((size_t) (w->end - w->pos) < n) {
        w->overflow = 1;
        return;
    }

    memcpy(w->pos, bytes, n);
    w->pos += n;
}


size_t
selkies_h264_written(const selkies_h264_writer_t *w)
{
    return (size_t) (w->pos - w->start) * 8 + w->cached;
}


size_t
selkies_h264_put_trailing(selkies_h264_writer_t *w)
{
    selkies_h264_put(w, 1, 1);
    selkies_h264_put_zeros(w);

    return (size_t) (w->pos - w->start);
}


/* NAL units */

static void
selkies_h264_escaper_init(selkies_h264_escaper_t *e, uint8_t *out, size_t size,
    unsigned header)
{
    e->pos = out;
    e->end = out + size;
    e->zeros = 0;
    e->overflow = size < SELKIES_H264_START_CODE + 1;

    if (e->overflow) {
        return;
    }

    *e->pos++ = 0;
    *e->pos++ = 0;
    *e->pos++ = 0;
    *e->pos++ = 1;
    *e->pos++ = (uint8_t) header;
}


static void
selkies_h264_escape(selkies_h264_escaper_t *e, uint8_t byte)
{
    if (e->end - e->pos < 2) {
        e->overflow = 1;
        return;
    }

    if (e->zeros == 2 && byte <= 3) {
        *e->pos++ = 3;
        e->zeros = 0;
    }

    *e->pos++ = byte;
    e->zeros = byte ? 0 : e->zeros + 1;
}


static void
selkies_h264_escape_bytes(selkies_h264_escaper_t *e, const uint8_t *bytes,
    size_t n)
{
    size_t          len;
    const uint8_t  *end, *zero;

    end = bytes + n;

    while (bytes < end) {

        if (e->zeros == 0) {

            /* nothing happens before the next zero */

            zero = memchr(bytes, 0, (size_t) (end - bytes));
            len = (size_t) ((zero ? zero : end) - bytes);

            if ((size_t) (e->end - e->pos) < len) {
                e->overflow = 1;
                return;
            }

            memcpy(e->pos, bytes, len);
            e->pos += len;
            bytes += len;

            if (zero == NULL) {
                return;
            }
        }

        selkies_h264_escape(e, *bytes++);
    }
}


static size_t
selkies_h264_escaped(const selkies_h264_escaper_t *e, const uint8_t *out)
{
    return e->overflow ? 0 : (size_t) (e->pos - out);
}


size_t
selkies_h264_nal(uint8_t *out, size_t size, unsigned header,
    const uint8_t *rbsp, size_t len)
{
    selkies_h264_escaper_t  e;

    selkies_h264_escaper_init(&e, out, size, header);
    selkies_h264_escape_bytes(&e, rbsp, len);

    return selkies_h264_escaped(&e, out);
}


int
selkies_h264_next(const uint8_t **pos, const uint8_t *end,
    const uint8_t **nal, size_t *len)
{
    const uint8_t  *p, *one, *start;

    start = NULL;

    for (p = *pos; end - p > 2; p = one + 1) {

        /* a start code is 00 00 01; what is in front may be zeros too */

        one = memchr(p + 2, 1, (size_t) (end - p - 2));

        if (one == NULL) {
            break;
        }

        if (one[-1] != 0 || one[-2] != 0) {
            continue;
        }

        if (start != NULL) {
            end = one - 2;
            break;
        }

        start = one + 1;
    }

    if (start == NULL) {
        *pos = end;
        return 0;
    }

    *pos = end;

    while (end > start && end[-1] == 0) {
        end--;
    }

    *nal = start;
    *len = (size_t) (end - start);

    return 1;
}


/* reading */

void
selkies_h264_reader_init(selkies_h264_reader_t *r, const uint8_t *nal,
    size_t len)
{
    r->pos = nal + (len > 0);
    r->end = nal + len;
    r->bits = 0;
    r->bit = 0;
    r->zeros = 0;
    r->overrun = 0;
}


/* Steps over an emulation prevention byte. */

static void
selkies_h264_settle(selkies_h264_reader_t *r)
{
    if (r->zeros >= 2 && r->pos < r->end && *r->pos == 3) {
        r->pos++;
        r->zeros = 0;
    }
}


uint32_t
selkies_h264_get(selkies_h264_reader_t *r, unsigned n)
{
    uint32_t  v;

    for (v = 0; n > 0; n--) {

        if (r->bit == 0) {
            selkies_h264_settle(r);
        }

        if (r->pos >= r->end) {
            r->overrun = 1;
            v <<= 1;
            continue;
        }

        v = v << 1 | ((*r->pos >> (7 - r->bit)) & 1u);
        r->bits++;

        if (++r->bit == 8) {
            r->bit = 0;
            r->zeros = *r->pos ? 0 : r->zeros + 1;
            r->pos++;
        }
    }

    return v;
}


uint32_t
selkies_h264_get_ue(selkies_h264_reader_t *r)
{
    unsigned  n;

    for (n = 0; !r->overrun && selkies_h264_get(r, 1) == 0; n++) {

        if (n == 31) {
            r->overrun = 1;
        }
    }

    if (r->overrun) {
        return 0;
    }

    return ((uint32_t) 1 << n) - 1 + selkies_h264_get(r, n);
}


int32_t
selkies_h264_get_se(selkies_h264_reader_t *r)
{
    uint32_t  v;

    v = selkies_h264_get_ue(r);

    return v & 1 ? (int32_t) (v / 2) + 1 : -(int32_t) (v / 2);
}


/* more_rbsp_data() of 7.2 */

static int
selkies_h264_more(const selkies_h264_reader_t *r)
{
    uint8_t         last;
    const uint8_t  *end;

    end = r->end;

    while (end > r->pos && end[-1] == 0) {
        end--;
    }

    if (end - r->pos != 1) {
        return end > r->pos;
    }

    /* the last byte: is there more than the stop bit and its zeros */

    last = (uint8_t) (*r->pos << r->bit);

    return last != 0x80;
}


/* parameter sets */

selkies_status_t
selkies_h264_parse_sps(const uint8_t *nal, size_t len, selkies_h264_sps_t *sps)
{
    int                    i;
    selkies_h264_reader_t  r;

    memset(sps, 0, sizeof(selkies_h264_sps_t));

    selkies_h264_reader_init(&r, nal, len);

    sps->profile = selkies_h264_get(&r, 8);
    sps->constraints = selkies_h264_get(&r, 8);
    sps->level = selkies_h264_get(&r, 8);
    sps->id = selkies_h264_get_ue(&r);
    sps->chroma_format = 1;

    if (sps->profile >= SELKIES_H264_EXTENDED
        && selkies_h264_parse_extended(&r, sps) != SELKIES_OK)
    {
        return SELKIES_ERROR;
    }

    sps->frame_num_bits = selkies_h264_get_ue(&r) + 4;
    sps->poc_type = selkies_h264_get_ue(&r);

    if (sps->poc_type == 0) {
        (void) selkies_h264_get_ue(&r);

    } else if (sps->poc_type != 2) {
        return SELKIES_ERROR;
    }

    sps->nrefs = selkies_h264_get_ue(&r);
    (void) selkies_h264_get(&r, 1);

    sps->mb_width = selkies_h264_get_ue(&r) + 1;
    sps->mb_height = selkies_h264_get_ue(&r) + 1;

    if (!selkies_h264_get(&r, 1)) {         /* frame_mbs_only_flag */
        return SELKIES_ERROR;
    }

    (void) selkies_h264_get(&r, 1);

    if (selkies_h264_get(&r, 1)) {
        for (i = 0; i < 4; i++) {
            sps->crop[i] = selkies_h264_get_ue(&r);
        }
    }

    (void) selkies_h264_get(&r, 1);

    if (r.overrun
        || sps->id > 31
        || sps->frame_num_bits > 16
        || sps->mb_width > SELKIES_H264_SIDE_MAX
        || sps->mb_height > SELKIES_H264_SIDE_MAX)
    {
        return SELKIES_ERROR;
    }

    for (i = 0; i < 4; i++) {
        if (sps->crop[i] > SELKIES_H264_SIDE_MAX * 16) {
            return SELKIES_ERROR;
        }
    }

    return SELKIES_OK;
}


static selkies_status_t
selkies_h264_parse_extended(selkies_h264_reader_t *r, selkies_h264_sps_t *sps)
{
    sps->chroma_format = selkies_h264_get_ue(r);

    if (sps->chroma_format != 1 && sps->chroma_format != 3) {
        return SELKIES_ERROR;
    }

    if (sps->chroma_format == 3 && selkies_h264_get(r, 1)) {
        return SELKIES_ERROR;
    }

    /* both bit depths, no lossless transform bypass, no scaling matrices */

    if (selkies_h264_get_ue(r) != 0
        || selkies_h264_get_ue(r) != 0
        || selkies_h264_get(r, 2) != 0)
    {
        return SELKIES_ERROR;
    }

    return SELKIES_OK;
}


selkies_status_t
selkies_h264_parse_pps(const uint8_t *nal, size_t len, selkies_h264_pps_t *pps)
{
    selkies_h264_reader_t  r;

    memset(pps, 0, sizeof(selkies_h264_pps_t));

    selkies_h264_reader_init(&r, nal, len);

    pps->id = selkies_h264_get_ue(&r);
    pps->sps_id = selkies_h264_get_ue(&r);
    pps->cabac = selkies_h264_get(&r, 1);
    pps->bottom_field = selkies_h264_get(&r, 1);

    if (selkies_h264_get_ue(&r) != 0) {     /* slice groups */
        return SELKIES_ERROR;
    }

    pps->nrefs = selkies_h264_get_ue(&r) + 1;
    (void) selkies_h264_get_ue(&r);
    pps->weighted = selkies_h264_get(&r, 1);
    (void) selkies_h264_get(&r, 2);
    pps->init_qp = selkies_h264_get_se(&r) + 26;
    (void) selkies_h264_get_se(&r);
    pps->chroma_qp_offset = selkies_h264_get_se(&r);
    pps->deblocking_control = selkies_h264_get(&r, 1);
    pps->constrained_intra = selkies_h264_get(&r, 1);
    pps->redundant = selkies_h264_get(&r, 1);

    if (r.overrun
        || pps->id > 255 || pps->sps_id > 31
        || pps->init_qp < 0 || pps->init_qp > 51
        || pps->chroma_qp_offset < -12 || pps->chroma_qp_offset > 12)
    {
        return SELKIES_ERROR;
    }

    pps->transform8x8 = (unsigned) selkies_h264_more(&r);

    return SELKIES_OK;
}


size_t
selkies_h264_write_sps(uint8_t *out, size_t size,
    const selkies_h264_sps_t *sps)
{
    int                    i;
    size_t                 len;
    uint8_t                rbsp[SELKIES_H264_PARAMETER_MAX];
    unsigned               crop;
    selkies_h264_writer_t  w;

    selkies_h264_writer_init(&w, rbsp, sizeof(rbsp));

    selkies_h264_put(&w, sps->profile, 8);
    selkies_h264_put(&w, sps->constraints, 8);
    selkies_h264_put(&w, sps->level, 8);
    selkies_h264_put_ue(&w, sps->id);

    if (sps->profile >= SELKIES_H264_EXTENDED) {
        selkies_h264_put_ue(&w, sps->chroma_format);

        if (sps->chroma_format == 3) {
            selkies_h264_put(&w, 0, 1);     /* separate_colour_plane_flag */
        }

        selkies_h264_put_ue(&w, 0);         /* bit depths */
        selkies_h264_put_ue(&w, 0);
        selkies_h264_put(&w, 0, 2);         /* bypass, scaling matrix */
    }

    selkies_h264_put_ue(&w, sps->frame_num_bits - 4);
    selkies_h264_put_ue(&w, 0);             /* pic_order_cnt_type */
    selkies_h264_put_ue(&w, SELKIES_H264_POC_BITS - 4);
    selkies_h264_put_ue(&w, sps->nrefs);
    selkies_h264_put(&w, 0, 1);             /* gaps_in_frame_num_... */
    selkies_h264_put_ue(&w, sps->mb_width - 1);
    selkies_h264_put_ue(&w, sps->mb_height - 1);
    selkies_h264_put(&w, 1, 1);             /* frame_mbs_only_flag */
    selkies_h264_put(&w, 1, 1);             /* direct_8x8_inference_flag */

    crop = sps->crop[0] || sps->crop[1] || sps->crop[2] || sps->crop[3];
    selkies_h264_put(&w, crop, 1);

    for (i = 0; crop && i < 4; i++) {
        selkies_h264_put_ue(&w, sps->crop[i]);
    }

    selkies_h264_put_vui(&w);

    /* a picture waits for none, but the references must have room */

    selkies_h264_put_ue(&w, 0);             /* max_num_reorder_frames */
    selkies_h264_put_ue(&w, sps->nrefs > 1 ? sps->nrefs : 1);

    len = selkies_h264_put_trailing(&w);

    if (w.overflow) {
        return 0;
    }

    return selkies_h264_nal(out, size, 0x60 | SELKIES_H264_NAL_SPS, rbsp, len);
}


/* E.1.1, but for the last two fields */

static void
selkies_h264_put_vui(selkies_h264_writer_t *w)
{
    selkies_h264_put(w, 1, 1);              /* vui_parameters_present_flag */
    selkies_h264_put(w, 0, 2);              /* aspect ratio, overscan */
    selkies_h264_put(w, 1, 1);              /* video_signal_type_present */
    selkies_h264_put(w, 5, 3);              /* format: unspecified */
    selkies_h264_put(w, 0, 1);              /* limited range */
    selkies_h264_put(w, 1, 1);              /* colour description: BT.709 */
    selkies_h264_put(w, 1, 8);
    selkies_h264_put(w, 1, 8);
    selkies_h264_put(w, 1, 8);
    selkies_h264_put(w, 0, 5);              /* chroma_loc, timing, nal_hrd,
                                               vcl_hrd, pic_struct */
    selkies_h264_put(w, 1, 1);              /* bitstream_restriction_flag */
    selkies_h264_put(w, 1, 1);              /* vectors over the boundaries */
    selkies_h264_put_ue(w, 0);              /* max_bytes_per_pic_denom */
    selkies_h264_put_ue(w, 0);              /* max_bits_per_mb_denom */
    selkies_h264_put_ue(w, 15);             /* log2_max_mv_length_... */
    selkies_h264_put_ue(w, 15);
}


size_t
selkies_h264_write_pps(uint8_t *out, size_t size,
    const selkies_h264_pps_t *pps)
{
    size_t                 len;
    uint8_t                rbsp[SELKIES_H264_PARAMETER_MAX];
    selkies_h264_writer_t  w;

    selkies_h264_writer_init(&w, rbsp, sizeof(rbsp));

    selkies_h264_put_ue(&w, pps->id);
    selkies_h264_put_ue(&w, pps->sps_id);
    selkies_h264_put(&w, 0, 2);             /* CAVLC, no bottom field */
    selkies_h264_put_ue(&w, 0);             /* one slice group */
    selkies_h264_put_ue(&w, 0);             /* one reference in each list */
    selkies_h264_put_ue(&w, 0);
    selkies_h264_put(&w, 0, 3);             /* no weights */
    selkies_h264_put_se(&w, pps->init_qp - 26);
    selkies_h264_put_se(&w, 0);
    selkies_h264_put_se(&w, pps->chroma_qp_offset);
    selkies_h264_put(&w, 4, 3);             /* deblocking control, inter
                                               neighbours predict intra,
                                               nothing redundant */

    len = selkies_h264_put_trailing(&w);

    if (w.overflow) {
        return 0;
    }

    return selkies_h264_nal(out, size, 0x60 | SELKIES_H264_NAL_PPS, rbsp, len);
}


/* slices */

selkies_status_t
selkies_h264_parse_slice(const uint8_t *nal, size_t len,
    const selkies_h264_sps_t *sps, selkies_h264_slice_t *slice)
{
    selkies_h264_reader_t  r;

    memset(slice, 0, sizeof(selkies_h264_slice_t));

    if (len == 0) {
        return SELKIES_ERROR;
    }

    selkies_h264_reader_init(&r, nal, len);

    slice->first_mb = selkies_h264_get_ue(&r);
    slice->type = selkies_h264_get_ue(&r);
    slice->pps_id = selkies_h264_get_ue(&r);
    slice->frame_num_bits = sps->frame_num_bits;
    slice->frame_num_bit = r.bits;
    slice->frame_num = selkies_h264_get(&r, sps->frame_num_bits);

    if ((nal[0] & 31) == SELKIES_H264_NAL_IDR) {
        (void) selkies_h264_get_ue(&r);
    }

    slice->poc_bit = r.bits;

    if (r.overrun || slice->type > 9 || slice->pps_id > 255) {
        return SELKIES_ERROR;
    }

    slice->type %= 5;

    if (slice->type == 0) {
        slice->reordered = selkies_h264_get(&r, 2) != 0;
    }

    return SELKIES_OK;
}


size_t
selkies_h264_rewrite_slice(uint8_t *out, size_t size, const uint8_t *nal,
    size_t len, const selkies_h264_slice_t *slice,
    const selkies_h264_numbers_t *numbers)
{
    uint8_t                 head[SELKIES_H264_HEAD_MAX];
    const uint8_t          *from;
    selkies_h264_reader_t   r;
    selkies_h264_writer_t   w;
    selkies_h264_escaper_t  e;

    selkies_h264_reader_init(&r, nal, len);
    selkies_h264_writer_init(&w, head, sizeof(head));
    selkies_h264_escaper_init(&e, out, size, nal[0]);

    selkies_h264_copy(&w, &r, slice->frame_num_bit);
    (void) selkies_h264_get(&r, slice->frame_num_bits);
    selkies_h264_put(&w, numbers->frame_num, numbers->frame_num_bits);
    selkies_h264_copy(&w, &r, slice->poc_bit - r.bits);
    selkies_h264_put(&w, numbers->poc, SELKIES_H264_POC_BITS);

    /* what was split in the middle of a byte */

    selkies_h264_copy(&w, &r, (8 - slice->poc_bit % 8) % 8);

    for (from = head; from < w.pos; from++) {
        selkies_h264_escape(&e, *from);
    }

    /* until neither side has zeros behind it that the tail could add to */

    while (r.pos < r.end && (r.zeros != 0 || e.zeros != 0)) {
        selkies_h264_settle(&r);

        if (r.pos < r.end) {
            selkies_h264_escape(&e, (uint8_t) selkies_h264_get(&r, 8));
        }
    }

    if (w.overflow || w.cached || r.overrun || e.overflow
        || e.end - e.pos < r.end - r.pos)
    {
        return 0;
    }

    memcpy(e.pos, r.pos, (size_t) (r.end - r.pos));
    e.pos += r.end - r.pos;

    return selkies_h264_escaped(&e, out);
}


static void
selkies_h264_copy(selkies_h264_writer_t *w, selkies_h264_reader_t *r, size_t n)
{
    for (; n > 0; n--) {
        selkies_h264_put(w, selkies_h264_get(r, 1), 1);
    }
}
