
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * The syntax of ITU-T H.264 as far as a stream of ours needs it: bits and
 * Exp-Golomb codes (9.1), NAL units (7.3.1, annex B), parameter sets (7.3.2.1,
 * 7.3.2.2, E.1.1) and the part of a slice header (7.3.3) in front of
 * pic_order_cnt_lsb.
 *
 * Thread: any, there is no state but the caller's.  Ownership: buffers are
 * the caller's; readers and writers only point into them.
 */


#ifndef SELKIES_H264_H_INCLUDED
#define SELKIES_H264_H_INCLUDED


#include <stddef.h>
#include <stdint.h>

#include "../capture/capture.h"


#define SELKIES_H264_NAL_SLICE        1
#define SELKIES_H264_NAL_IDR          5
#define SELKIES_H264_NAL_SPS          7
#define SELKIES_H264_NAL_PPS          8

#define SELKIES_H264_START_CODE       4     /* bytes, as written here */
#define SELKIES_H264_PARAMETER_MAX    64    /* bytes of an SPS or PPS written
                                               here, start code included */
#define SELKIES_H264_SLICE_GROWTH     20    /* bytes that rewriting a slice
                                               may add, with its start code */

#define SELKIES_H264_POC_BITS         16
#define SELKIES_H264_FRAME_NUM_MAX    16    /* bits */


#pragma GCC visibility push(hidden)


/* What does not fit is dropped and remembered in `overflow`. */

typedef struct {
    uint8_t        *start;
    uint8_t        *pos;
    uint8_t        *end;
    uint64_t        cache;                  /* the low `cached` bits count */
    unsigned        cached;                 /* below 32 between calls */
    unsigned        overflow;
} selkies_h264_writer_t;


/*
 * Reads the RBSP of a NAL unit, stepping over emulation prevention bytes.
 * Behind the end it reads zeros and sets `overrun`.
 */

typedef struct {
    const uint8_t  *pos;                    /* of the byte with the next bit */
    const uint8_t  *end;
    size_t          bits;                   /* read so far, of the RBSP */
    unsigned        bit;                    /* next one in *pos, 0 to 7 */
    unsigned        zeros;                  /* zero bytes before *pos */
    unsigned        overrun;
} selkies_h264_reader_t;


/* A sequence parameter set; the VUI is not kept, its writer has its own. */

typedef struct {
    unsigned        profile;
    unsigned        constraints;            /* the flags' byte */
    unsigned        level;
    unsigned        id;
    unsigned        chroma_format;          /* 1 is 4:2:0, 3 is 4:4:4 */
    unsigned        frame_num_bits;         /* 4 to 16 */
    unsigned        poc_type;
    unsigned        nrefs;
    unsigned        mb_width;
    unsigned        mb_height;
    unsigned        crop[4];                /* left right top bottom, coded */
} selkies_h264_sps_t;


typedef struct {
    unsigned        id;
    unsigned        sps_id;
    unsigned        cabac;
    unsigned        nrefs;                  /* active by default in list 0 */
    unsigned        weighted;
    int             init_qp;
    int             chroma_qp_offset;       /* -12 to 12 */
    unsigned        deblocking_control;
    unsigned        constrained_intra;
    unsigned        redundant;              /* redundant_pic_cnt_present */
    unsigned        bottom_field;           /* bottom_field_pic_order_... */
    unsigned        transform8x8;           /* or anything else behind the
                                               fields of baseline */
} selkies_h264_pps_t;


/* A slice header up to where pic_order_cnt_lsb belongs. */

typedef struct {
    unsigned        first_mb;
    unsigned        type;                   /* slice_type modulo 5 */
    unsigned        pps_id;
    unsigned        frame_num;
    unsigned        frame_num_bits;
    size_t          frame_num_bit;          /* offsets in the RBSP behind the */
    size_t          poc_bit;                /* byte of the NAL's header */
    unsigned        reordered;              /* P: has its own count of active
                                               references, or their order */
} selkies_h264_slice_t;


/* Starts writing at buf. */

void selkies_h264_writer_init(selkies_h264_writer_t *w, uint8_t *buf,
    size_t size);


/* Appends the low n bits of v, 0 <= n <= 32; higher bits must be zero. */

static inline void
selkies_h264_put(selkies_h264_writer_t *w, uint32_t v, unsigned n)
{
    w->cache = w->cache << n | v;
    w->cached += n;

    while (w->cached >= 8) {
        w->cached -= 8;

        if (w->pos < w->end) {
            *w->pos++ = (uint8_t) (w->cache >> w->cached);

        } else {
            w->overflow = 1;
        }
    }
}


/* ue(v) and se(v) of 9.1; v below 2^31 - 1, |v| below 2^30. */

void selkies_h264_put_ue(selkies_h264_writer_t *w, uint32_t v);
void selkies_h264_put_se(selkies_h264_writer_t *w, int32_t v);


/* Zero bits to the next byte; whole bytes, at a byte; the bits so far. */

void selkies_h264_put_zeros(selkies_h264_writer_t *w);
void selkies_h264_put_bytes(selkies_h264_writer_t *w, const uint8_t *bytes,
    size_t n);
size_t selkies_h264_written(const selkies_h264_writer_t *w);


/* rbsp_trailing_bits() of 7.3.2.11; returns the bytes of the RBSP. */

size_t selkies_h264_put_trailing(selkies_h264_writer_t *w);


/*
 * Writes a NAL unit: start code, the header's byte, the RBSP with emulation
 * prevention (7.4.1).  Returns its bytes, 0 if they do not fit in size.
 */

size_t selkies_h264_nal(uint8_t *out, size_t size, unsigned header,
    const uint8_t *rbsp, size_t len);


/* Reads the RBSP of a NAL unit given from its header's byte on. */

void selkies_h264_reader_init(selkies_h264_reader_t *r, const uint8_t *nal,
    size_t len);

uint32_t selkies_h264_get(selkies_h264_reader_t *r, unsigned n);
uint32_t selkies_h264_get_ue(selkies_h264_reader_t *r);
int32_t selkies_h264_get_se(selkies_h264_reader_t *r);


/*
 * The next NAL unit of a byte stream (annex B): start and len without start
 * code and trailing zeros, *pos moves behind it.  0 at the end.
 */

int selkies_h264_next(const uint8_t **pos, const uint8_t *end,
    const uint8_t **nal, size_t *len);


/*
 * Parses a NAL unit, its header's byte included.  SELKIES_ERROR if it is cut
 * or uses what these structs cannot say: fields, separate planes, other than
 * 8 bits, slice groups, POC type 1.
 */

selkies_status_t selkies_h264_parse_sps(const uint8_t *nal, size_t len,
    selkies_h264_sps_t *sps);

selkies_status_t selkies_h264_parse_pps(const uint8_t *nal, size_t len,
    selkies_h264_pps_t *pps);

selkies_status_t selkies_h264_parse_slice(const uint8_t *nal, size_t len,
    const selkies_h264_sps_t *sps, selkies_h264_slice_t *slice);


/*
 * Writes the SPS that stands in for the one that was parsed: POC type 0 with
 * SELKIES_H264_POC_BITS, no reordering, BT.709 limited, the same size.
 * Returns its bytes with the start code, 0 if they do not fit;
 * SELKIES_H264_PARAMETER_MAX always do.
 */

size_t selkies_h264_write_sps(uint8_t *out, size_t size,
    const selkies_h264_sps_t *sps);


/*
 * Writes a plain PPS: CAVLC, one reference, no weights, deblocking control;
 * of the struct id, sps_id, init_qp and chroma_qp_offset count.  As above.
 */

size_t selkies_h264_write_pps(uint8_t *out, size_t size,
    const selkies_h264_pps_t *pps);


/* What a slice is to say, instead and in addition. */

typedef struct {
    unsigned        frame_num;              /* modulo 2^frame_num_bits */
    unsigned        frame_num_bits;         /* the slice's own or 8 more */
    unsigned        poc;                    /* modulo 65536 */
} selkies_h264_numbers_t;


/*
 * Copies a slice of a stream of POC type 2 with frame_num replaced and
 * pic_order_cnt_lsb inserted.  16 or 24 bits more keep what follows at its
 * place in the byte, so it is copied, arithmetic codes included.  Returns the
 * bytes with the start code, 0 if they do not fit; len +
 * SELKIES_H264_SLICE_GROWTH always do.
 */

size_t selkies_h264_rewrite_slice(uint8_t *out, size_t size,
    const uint8_t *nal, size_t len, const selkies_h264_slice_t *slice,
    const selkies_h264_numbers_t *numbers);


#pragma GCC visibility pop


#endif /* SELKIES_H264_H_INCLUDED */
