
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * As much of an H.264 parser as tests of encoders need, written from ITU-T
 * H.264 so that the encoder is not its own witness.
 *
 * Thread: any.  Ownership: the caller's structs; bytes are only read.
 */


#ifndef SELKIES_ENCODER_H264_H_INCLUDED
#define SELKIES_ENCODER_H264_H_INCLUDED


#include <stdint.h>
#include <string.h>

#include "../../encoders/encoder.h"


typedef struct {
    const uint8_t  *pos;
    const uint8_t  *end;
    unsigned        bit;
    unsigned        zeros;
} bits_t;


/* What the test wants to know of a stream. */

typedef struct {
    int        nal_types[64];
    int        nnals;
    int        profile;
    int        chroma_format;
    int        constraints;
    int        level;
    int        frame_num_bits;
    int        poc_type;
    int        num_refs;
    int        width;
    int        height;
    int        full_range;
    int        primaries;
    int        transfer;
    int        matrix;
    int        reorder;
    int        buffering;
    int        cabac;
    int        pic_init_qp;
    int        slices;
    int        qps[64];         /* one a slice */
    int        slice_types[64];
} stream_t;


static unsigned
bits_read(bits_t *b, int n)
{
    unsigned  v;

    for (v = 0; n > 0; n--) {

        if (b->bit == 0 && b->pos < b->end) {
            if (b->zeros >= 2 && *b->pos == 3) {
                b->pos++;
                b->zeros = 0;
            }
        }

        if (b->pos >= b->end) {
            return 0;
        }

        v = v << 1 | ((*b->pos >> (7 - b->bit)) & 1u);

        if (++b->bit == 8) {
            b->zeros = *b->pos == 0 ? b->zeros + 1 : 0;
            b->bit = 0;
            b->pos++;
        }
    }

    return v;
}


static unsigned
bits_ue(bits_t *b)
{
    int  n;

    for (n = 0; n < 31 && b->pos < b->end && !bits_read(b, 1); n++) {
        /* void */
    }

    return (1u << n) - 1 + bits_read(b, n);
}


static int
bits_se(bits_t *b)
{
    unsigned  v;

    v = bits_ue(b);

    return v & 1 ? (int) (v / 2) + 1 : -(int) (v / 2);
}


/* ITU-T H.264, 7.3.2.1.1 and E.1.1 */

static void
parse_sps(stream_t *s, bits_t *b)
{
    int       unit;
    unsigned  crop[4];

    memset(crop, 0, sizeof(crop));

    s->profile = (int) bits_read(b, 8);
    s->constraints = (int) bits_read(b, 8);
    s->level = (int) bits_read(b, 8);
    bits_ue(b);
    s->chroma_format = 1;

    if (s->profile >= 100) {
        s->chroma_format = (int) bits_ue(b);

        if (s->chroma_format == 3) {
            bits_read(b, 1);
        }

        bits_ue(b);
        bits_ue(b);
        bits_read(b, 2);                /* no bypass, no scaling matrix */
    }

    unit = s->chroma_format == 3 ? 1 : 2;
    s->frame_num_bits = (int) bits_ue(b) + 4;
    s->poc_type = (int) bits_ue(b);

    if (s->poc_type == 0) {
        bits_ue(b);
    }

    s->num_refs = (int) bits_ue(b);
    bits_read(b, 1);
    s->width = (int) (bits_ue(b) + 1) * 16;
    s->height = (int) (bits_ue(b) + 1) * 16;
    bits_read(b, 2);

    if (bits_read(b, 1)) {
        crop[0] = bits_ue(b);
        crop[1] = bits_ue(b);
        crop[2] = bits_ue(b);
        crop[3] = bits_ue(b);
    }

    s->width -= (int) (crop[0] + crop[1]) * unit;
    s->height -= (int) (crop[2] + crop[3]) * unit;
    s->full_range = -1;

    if (!bits_read(b, 1)) {
        return;
    }

    if (bits_read(b, 1) && bits_read(b, 8) == 255) {
        bits_read(b, 32);
    }

    if (bits_read(b, 1)) {
        bits_read(b, 1);
    }

    if (bits_read(b, 1)) {
        bits_read(b, 3);
        s->full_range = (int) bits_read(b, 1);

        if (bits_read(b, 1)) {
            s->primaries = (int) bits_read(b, 8);
            s->transfer = (int) bits_read(b, 8);
            s->matrix = (int) bits_read(b, 8);
        }
    }

    if (bits_read(b, 1)) {
        bits_ue(b);
        bits_ue(b);
    }

    if (bits_read(b, 1)) {
        bits_read(b, 32);
        bits_read(b, 32);
        bits_read(b, 1);
    }

    s->reorder = s->buffering = -1;

    if (bits_read(b, 4) == 1) {         /* no HRDs, no pic_struct */
        bits_read(b, 1);
        bits_ue(b);
        bits_ue(b);
        bits_ue(b);
        bits_ue(b);
        s->reorder = (int) bits_ue(b);
        s->buffering = (int) bits_ue(b);
    }
}


static void
parse_pps(stream_t *s, bits_t *b)
{
    bits_ue(b);
    bits_ue(b);
    s->cabac = (int) bits_read(b, 1);
    bits_read(b, 1);
    bits_ue(b);
    bits_ue(b);
    bits_ue(b);
    bits_read(b, 3);
    s->pic_init_qp = bits_se(b) + 26;
}


static void
parse_slice(stream_t *s, bits_t *b, int nal)
{
    int  type;

    bits_ue(b);
    type = (int) bits_ue(b) % 5;
    bits_ue(b);
    bits_read(b, s->frame_num_bits);

    if ((nal & 31) == 5) {
        bits_ue(b);
    }

    if (type == 0) {
        if (bits_read(b, 1)) {
            bits_ue(b);
        }

        bits_read(b, 1);
    }

    bits_read(b, (nal & 31) == 5 ? 2 : ((nal >> 5) & 3) ? 1 : 0);

    if (s->slices < 64) {
        s->slice_types[s->slices] = type;
        s->qps[s->slices++] = s->pic_init_qp + bits_se(b);
    }
}


/* Parameter sets are kept in s from one access unit to the next. */

__attribute__((unused))
static void
parse(stream_t *s, const selkies_access_unit_t *au)
{
    bits_t          b;
    const uint8_t  *p, *next, *end;

    s->nnals = 0;
    s->slices = 0;
    end = au->data + au->len;

    for (p = au->data; p + 4 <= end; p = next) {

        for (next = p + 1; next < end; next++) {
            if (next + 3 <= end && next[0] == 0 && next[1] == 0
                && next[2] == 1)
            {
                break;
            }
        }

        if (p[0] != 0 || p[1] != 0 || p[2] != 1) {
            continue;
        }

        memset(&b, 0, sizeof(b));
        b.pos = p + 4;
        b.end = next;

        if (s->nnals < 64) {
            s->nal_types[s->nnals++] = p[3] & 31;
        }

        switch (p[3] & 31) {
        case 7:
            parse_sps(s, &b);
            break;
        case 8:
            parse_pps(s, &b);
            break;
        case 1:
        case 5:
            parse_slice(s, &b, p[3]);
            break;
        }
    }
}


#endif /* SELKIES_ENCODER_H264_H_INCLUDED */
