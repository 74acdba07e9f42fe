
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * What an encoder is: a picture goes in, one access unit comes out, at once.
 * Encoders are rows of a table in the order in which they are tried.
 *
 * Thread: an encoder belongs to one thread at a time (the display thread);
 * different encoders may live in different threads.  Threads an encoder
 * starts inherit the caller's signal mask: call open with signals blocked.
 * Ownership: stated per function.
 */


#ifndef SELKIES_ENCODER_H_INCLUDED
#define SELKIES_ENCODER_H_INCLUDED


#include <stddef.h>
#include <stdint.h>

#include "../capture/capture.h"
#include "convert.h"


#define SELKIES_ENCODER_QP_MIN       5      /* of conf.qp and paintover_qp */
#define SELKIES_ENCODER_QP_MAX       50
#define SELKIES_ENCODER_QP_RAISE     6      /* what may be added to conf.qp */
#define SELKIES_ENCODER_QP_LIMIT     51     /* ITU-T H.264, 8 bits */

#define SELKIES_ENCODER_FPS_MAX      240
#define SELKIES_ENCODER_THREADS_MAX  4      /* more slices than 4 glitch in
                                               some browsers */

#define SELKIES_ENCODER_WIDTH_MAX    8192
#define SELKIES_ENCODER_HEIGHT_MAX   4320


#pragma GCC visibility push(hidden)


typedef enum {
    SELKIES_CODEC_H264 = 1,
    SELKIES_CODEC_JPEG
} selkies_codec_t;


typedef enum {
    SELKIES_PICTURE_IDR = 1,        /* nothing older is referenced after it */
    SELKIES_PICTURE_I,
    SELKIES_PICTURE_P
} selkies_picture_kind_t;


/* A size outside of its range makes open fail, the rest is clamped. */

typedef struct {
    int32_t               width;        /* pixels, even, 2 to 8192 */
    int32_t               height;       /* pixels, even, 2 to 4320 */
    int                   fps;          /* the cap on pictures a second, 1 to
                                           240; pictures may come slower */
    int                   qp;           /* main, 5 to 50 */
    int                   paintover_qp; /* of still pictures, 5 to 50 */
    int                   qp_max;       /* highest wanted, to 51; 0: qp + 6 */
    int                   threads;      /* 1 to 4; 0: by the cores */
    int                   fullcolor;    /* 1: 4:4:4, and so is the picture */
    int                   near;         /* 1: what moves far is not left to
                                           this encoder; the search is short */
} selkies_encoder_conf_t;


/*
 * What a decoder has after a picture: NV12, padded to whole macroblocks as the
 * picture is.
 */

typedef struct {
    const uint8_t           *luma;
    const uint8_t           *chroma;
    size_t                   luma_stride_bytes;
    size_t                   chroma_stride_bytes;
} selkies_planes_t;


/*
 * What one picture became: for H.264 one Annex B access unit (ITU-T H.264,
 * annex B), contiguous, with SPS and PPS in front of each IDR.  The bytes are
 * the encoder's and the caller may change them; they are valid until the next
 * call that names the encoder.  So is what a decoder shows of them, whose luma
 * is NULL where the encoder does not tell.
 */

typedef struct {
    uint8_t                 *data;
    size_t                   len;       /* bytes, never 0 */
    selkies_picture_kind_t   kind;      /* of the output, whatever was asked */
    int                      qp;        /* that the picture was coded with */
    uint64_t                 pts_us;    /* as given to encode */
    selkies_planes_t         recon;
} selkies_access_unit_t;


typedef struct selkies_encoder_s      selkies_encoder_t;
typedef struct selkies_encoder_ops_s  selkies_encoder_ops_t;


/* The functions below say what these do. */

struct selkies_encoder_ops_s {
    const char           *name;         /* "x264": for log and status */
    selkies_codec_t       codec;

    selkies_encoder_t  *(*open)(const selkies_encoder_conf_t *conf,
                                const selkies_log_t *log);
    selkies_status_t    (*encode)(selkies_encoder_t *enc,
                                  const selkies_picture_t *pic, int qp,
                                  int force_idr, uint64_t pts_us,
                                  selkies_access_unit_t *au);
    selkies_status_t    (*reconfigure)(selkies_encoder_t *enc,
                                       const selkies_encoder_conf_t *conf);
    void                (*close)(selkies_encoder_t *enc);
};


/* An encoder's own struct begins with this one. */

struct selkies_encoder_s {
    const selkies_encoder_ops_t  *ops;
};


/*
 * The rows that were compiled in, in probe order, ended by NULL; may be
 * empty.  Any thread.
 */

const selkies_encoder_ops_t *const *selkies_encoder_table(void);


/*
 * Opens the first encoder of the codec that takes the configuration, or only
 * the one of that name if name is not NULL.  The log may be NULL; it is kept
 * and must outlive the encoder.  NULL if none opens, each refusal was logged.
 * The first picture of a new encoder is an IDR.
 */

selkies_encoder_t *selkies_encoder_open(selkies_codec_t codec,
    const char *name, const selkies_encoder_conf_t *conf,
    const selkies_log_t *log);


/*
 * Encodes the picture, which must have the configured size, and fills the
 * access unit: one in, one out, never delayed.  The picture is only read and
 * not kept.  The wanted QP, 0 to 51, is clamped to what the encoder can do
 * with its configuration, which always includes paintover_qp to qp_max unless
 * these are more than 40 apart; au->qp tells.  An IDR comes out first and
 * when asked for, never else.
 *
 * SELKIES_OK; SELKIES_REINIT if the picture's size or colour is another;
 * SELKIES_ERROR if the encoder failed (logged): close it, no access unit was
 * made.
 */

selkies_status_t selkies_encoder_encode(selkies_encoder_t *enc,
    const selkies_picture_t *pic, int qp, int force_idr, uint64_t pts_us,
    selkies_access_unit_t *au);


/*
 * Takes another configuration without a key frame.  SELKIES_OK;
 * SELKIES_REINIT, and no change, if that needs closing and opening anew
 * (size, threads, a frame rate beyond the level, QPs out of the window).
 */

selkies_status_t selkies_encoder_reconfigure(selkies_encoder_t *enc,
    const selkies_encoder_conf_t *conf);


/* Ends the encoder and its threads; NULL is accepted. */

void selkies_encoder_close(selkies_encoder_t *enc);


#ifdef SELKIES_HAVE_X264
extern const selkies_encoder_ops_t  selkies_x264_ops;
#endif


#pragma GCC visibility pop


#endif /* SELKIES_ENCODER_H_INCLUDED */
