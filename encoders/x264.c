
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * H.264 in software by libx264: constrained baseline, or High 4:4:4 Predictive
 * for full colour, constant QP chosen per picture, no lookahead, no delay, key
 * pictures on request only.  The picture is read in place.
 *
 * Thread: an encoder belongs to one thread; open and close are serialized in
 * the process, for libx264 is not safe there.  Ownership: the access unit
 * lies in libx264's buffer until the next call.
 */


#ifdef SELKIES_HAVE_X264


#include <stdint.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <x264.h>

#include "encoder.h"


#define SELKIES_X264_LEVEL_FPS   60         /* a level allows at least that */

/*
 * With this factor libx264 accepts QPs from 20 below to 20 above its constant
 * one; it takes no larger factor.
 */

#define SELKIES_X264_QP_FACTOR   10
#define SELKIES_X264_QP_WINDOW   20

/* libx264 adds 6 to the QP of chroma in 4:4:4, which is wanted for its sake */

#define SELKIES_X264_CHROMA_444  (-6)

#define SELKIES_X264_QP_CENTRE   31         /* up to 51: a limit on the bit
                                               rate may come at any time */


typedef struct {
    int       idc;
    int64_t   mbs_per_second;
    int64_t   mbs;
} selkies_x264_level_t;


typedef struct {
    selkies_encoder_t            base;
    selkies_encoder_conf_t       conf;
    const selkies_log_t         *log;

    x264_t                      *x264;
    const selkies_x264_level_t  *level;
    int                          qp_centre;
    int                          near;          /* as it searches now */
    int64_t                      npictures;
} selkies_x264_t;


static selkies_encoder_t *selkies_x264_open(
    const selkies_encoder_conf_t *conf, const selkies_log_t *log);
static void selkies_x264_params(const selkies_x264_t *enc, x264_param_t *p);
static void selkies_x264_analysis(x264_param_t *p, int near);
static const selkies_x264_level_t *selkies_x264_level(
    const selkies_encoder_conf_t *conf);
static int64_t selkies_x264_mbs(const selkies_encoder_conf_t *conf);
static int selkies_x264_qp_centre(const selkies_encoder_conf_t *conf);
static int selkies_x264_qp(const selkies_x264_t *enc, int qp);
static selkies_status_t selkies_x264_encode(selkies_encoder_t *base,
    const selkies_picture_t *pic, int qp, int force_idr, uint64_t pts_us,
    selkies_access_unit_t *au);
static void selkies_x264_search(selkies_x264_t *enc, int near);
static void selkies_x264_pack(x264_nal_t *nals, int n,
    selkies_access_unit_t *au);
static selkies_status_t selkies_x264_reconfigure(selkies_encoder_t *base,
    const selkies_encoder_conf_t *conf);
static void selkies_x264_close(selkies_encoder_t *base);
static void selkies_x264_log(void *data, int level, const char *fmt,
    va_list args);


/* ITU-T H.264, table A-1; lower levels save nobody anything */

static const selkies_x264_level_t  selkies_x264_levels[] = {
    { 31, 108000, 3600 },
    { 40, 245760, 8192 },
    { 42, 522240, 8704 },
    { 50, 589824, 22080 },
    { 51, 983040, 36864 },
    { 52, 2073600, 36864 },
    { 60, 4177920, 139264 },
    { 61, 8355840, 139264 },
    { 62, 16711680, 139264 }
};

#define SELKIES_X264_NLEVELS                                                  \
    (sizeof(selkies_x264_levels) / sizeof(selkies_x264_levels[0]))


/* libx264 corrupted the heap when encoders were opened side by side */

static pthread_mutex_t  selkies_x264_mutex = PTHREAD_MUTEX_INITIALIZER;


static selkies_encoder_t *
selkies_x264_open(const selkies_encoder_conf_t *conf, const selkies_log_t *log)
{
    x264_param_t     param;
    selkies_x264_t  *enc;

    enc = calloc(1, sizeof(selkies_x264_t));
    if (enc == NULL) {
        selkies_log(log, SELKIES_LOG_ERR, "x264: no memory");
        return NULL;
    }

    enc->base.ops = &selkies_x264_ops;
    enc->conf = *conf;
    enc->log = log;
    enc->level = selkies_x264_level(conf);
    enc->qp_centre = selkies_x264_qp_centre(conf);

    pthread_mutex_lock(&selkies_x264_mutex);

    if (x264_param_default_preset(&param, "ultrafast", "zerolatency") == 0) {
        selkies_x264_params(enc, &param);

        if (x264_param_apply_profile(&param, conf->fullcolor ? "high444"
                                                             : "baseline")
            == 0)
        {
            enc->x264 = x264_encoder_open(&param);
        }
    }

    pthread_mutex_unlock(&selkies_x264_mutex);

    if (enc->x264 == NULL) {
        selkies_log(log, SELKIES_LOG_ERR, "x264_encoder_open() failed for "
                    "%dx%d", (int) conf->width, (int) conf->height);
        free(enc);
        return NULL;
    }

    return &enc->base;
}


static void
selkies_x264_params(const selkies_x264_t *enc, x264_param_t *p)
{
    p->pf_log = selkies_x264_log;
    p->p_log_private = (void *) enc->log;
    p->i_log_level = X264_LOG_WARNING;

    p->i_width = enc->conf.width;
    p->i_height = enc->conf.height;
    p->i_csp = enc->conf.fullcolor ? X264_CSP_I444 : X264_CSP_NV12;
    p->i_level_idc = enc->level->idc;
    p->i_fps_num = (uint32_t) enc->conf.fps;
    p->i_fps_den = 1;

    p->i_threads = enc->conf.threads;
    p->b_sliced_threads = 1;

    p->i_keyint_max = X264_KEYINT_MAX_INFINITE;
    p->i_scenecut_threshold = 0;
    p->b_repeat_headers = 1;
    p->b_annexb = 1;

    p->vui.i_colorprim = 1;
    p->vui.i_transfer = 1;
    p->vui.i_colmatrix = 1;
    p->vui.b_fullrange = 0;

    /* CQP spares the half-resolution lookahead of CRF */

    p->rc.i_rc_method = X264_RC_CQP;
    p->rc.i_qp_constant = enc->qp_centre;
    p->rc.f_ip_factor = SELKIES_X264_QP_FACTOR;
    p->rc.f_pb_factor = SELKIES_X264_QP_FACTOR;

    selkies_x264_analysis(p, 0);

    if (enc->conf.fullcolor) {
        p->analyse.i_chroma_qp_offset = SELKIES_X264_CHROMA_444;
    }
}


/*
 * A diamond search loses scrolled text.  Where that is not to be found here, a
 * short one does, and blocks of 4x4 are not worth their trial but in keys: a
 * fifth to a third less processor time for a video, at half a percent more
 * bytes.  The first picture of all is waited for: it does without them, too, in
 * three quarters of the time and with a seventh more bytes.
 */

static void
selkies_x264_analysis(x264_param_t *p, int near)
{
    p->analyse.i_me_method = near ? X264_ME_HEX : X264_ME_UMH;
    p->analyse.i_me_range = near ? 16 : 64;

    if (near) {
        p->analyse.intra &= ~(unsigned) X264_ANALYSE_I4x4;

    } else {
        p->analyse.intra |= X264_ANALYSE_I4x4;
    }
}


static const selkies_x264_level_t *
selkies_x264_level(const selkies_encoder_conf_t *conf)
{
    int64_t                      fps, mbs, side;
    const selkies_x264_level_t  *level, *last;

    fps = conf->fps > SELKIES_X264_LEVEL_FPS ? conf->fps
                                             : SELKIES_X264_LEVEL_FPS;
    mbs = selkies_x264_mbs(conf);
    side = (conf->width > conf->height ? conf->width : conf->height);
    side = (side + 15) / 16;
    last = &selkies_x264_levels[SELKIES_X264_NLEVELS - 1];

    for (level = selkies_x264_levels; level < last; level++) {
        if (mbs <= level->mbs && side * side <= level->mbs * 8
            && mbs * fps <= level->mbs_per_second)
        {
            break;
        }
    }

    return level;
}


static int64_t
selkies_x264_mbs(const selkies_encoder_conf_t *conf)
{
    return (int64_t) ((conf->width + 15) / 16) * ((conf->height + 15) / 16);
}


/*
 * A constant QP whose window has everything from the lower of the two QPs to
 * the highest wanted, or, where these are too far apart, the upper end.
 */

static int
selkies_x264_qp_centre(const selkies_encoder_conf_t *conf)
{
    int  low, high, centre;

    low = conf->qp < conf->paintover_qp ? conf->qp : conf->paintover_qp;
    high = conf->qp > conf->paintover_qp ? conf->qp : conf->paintover_qp;

    if (high < conf->qp_max) {
        high = conf->qp_max;
    }

    centre = SELKIES_X264_QP_CENTRE;

    if (centre > low + SELKIES_X264_QP_WINDOW) {
        centre = low + SELKIES_X264_QP_WINDOW;
    }

    if (centre < high - SELKIES_X264_QP_WINDOW) {
        centre = high - SELKIES_X264_QP_WINDOW;
    }

    return centre;
}


static int
selkies_x264_qp(const selkies_x264_t *enc, int qp)
{
    int  low, high;

    low = enc->qp_centre - SELKIES_X264_QP_WINDOW;
    high = enc->qp_centre + SELKIES_X264_QP_WINDOW;

    if (qp < low) {
        return low;
    }

    return qp > high ? high : qp;
}


static selkies_status_t
selkies_x264_encode(selkies_encoder_t *base, const selkies_picture_t *pic,
    int qp, int force_idr, uint64_t pts_us, selkies_access_unit_t *au)
{
    int              n, size;
    x264_nal_t      *nals;
    selkies_x264_t  *enc;
    x264_picture_t   in, out;

    enc = (selkies_x264_t *) base;

    if (pic->width != enc->conf.width || pic->height != enc->conf.height
        || (pic->cr != NULL) != (enc->conf.fullcolor != 0))
    {
        return SELKIES_REINIT;
    }

    qp = selkies_x264_qp(enc, qp);

    selkies_x264_search(enc, enc->npictures == 0
                             || (enc->conf.near && !force_idr));
    x264_picture_init(&in);

    in.i_type = force_idr ? X264_TYPE_IDR : X264_TYPE_AUTO;
    in.i_qpplus1 = qp + 1;
    in.i_pts = enc->npictures++;
    in.img.i_csp = X264_CSP_NV12;
    in.img.i_plane = 2;
    in.img.plane[0] = pic->luma;
    in.img.plane[1] = pic->chroma;
    in.img.i_stride[0] = (int) pic->luma_stride_bytes;
    in.img.i_stride[1] = (int) pic->chroma_stride_bytes;

    if (enc->conf.fullcolor) {
        in.img.i_csp = X264_CSP_I444;
        in.img.i_plane = 3;
        in.img.plane[2] = pic->cr;
        in.img.i_stride[2] = (int) pic->chroma_stride_bytes;
    }

    size = x264_encoder_encode(enc->x264, &nals, &n, &in, &out);

    if (size <= 0 || n <= 0) {
        selkies_log(enc->log, SELKIES_LOG_ERR,
                    "x264_encoder_encode() failed: %d", size);
        return SELKIES_ERROR;
    }

    selkies_x264_pack(nals, n, au);

    switch (out.i_type) {

    case X264_TYPE_IDR:
        au->kind = SELKIES_PICTURE_IDR;
        break;

    case X264_TYPE_I:
        au->kind = SELKIES_PICTURE_I;
        break;

    default:
        au->kind = SELKIES_PICTURE_P;
    }

    au->qp = qp;
    au->pts_us = pts_us;

    memset(&au->recon, 0, sizeof(selkies_planes_t));

    if (enc->conf.fullcolor) {
        return SELKIES_OK;
    }

    /* the picture x264 refers to next: it stays until then */

    au->recon.luma = out.img.plane[0];
    au->recon.chroma = out.img.plane[1];
    au->recon.luma_stride_bytes = (size_t) out.img.i_stride[0];
    au->recon.chroma_stride_bytes = (size_t) out.img.i_stride[1];

    return SELKIES_OK;
}


/* libx264 takes these between two pictures; if not, it works as before. */

static void
selkies_x264_search(selkies_x264_t *enc, int near)
{
    x264_param_t  param;

    if (near == enc->near) {
        return;
    }

    enc->near = near;

    x264_encoder_parameters(enc->x264, &param);
    selkies_x264_analysis(&param, near);

    if (x264_encoder_reconfig(enc->x264, &param) != 0) {
        selkies_log(enc->log, SELKIES_LOG_WARN,
                    "x264_encoder_reconfig() failed");
    }
}


/*
 * libx264's NAL units lie one behind the other.  The SEI that names the
 * encoder follows the small SPS and PPS: walking back moves these instead of
 * the slices.
 */

static void
selkies_x264_pack(x264_nal_t *nals, int n, selkies_access_unit_t *au)
{
    int       i;
    size_t    len;
    uint8_t  *start, *end;

    end = nals[n - 1].p_payload + nals[n - 1].i_payload;
    start = end;

    for (i = n - 1; i >= 0; i--) {

        if (nals[i].i_type == NAL_SEI) {
            continue;
        }

        len = (size_t) nals[i].i_payload;
        start -= len;

        if (start != nals[i].p_payload) {
            memmove(start, nals[i].p_payload, len);
        }
    }

    au->data = start;
    au->len = (size_t) (end - start);
}


static selkies_status_t
selkies_x264_reconfigure(selkies_encoder_t *base,
    const selkies_encoder_conf_t *conf)
{
    selkies_x264_t  *enc;

    enc = (selkies_x264_t *) base;

    if (conf->width != enc->conf.width
        || conf->height != enc->conf.height
        || conf->threads != enc->conf.threads
        || conf->fullcolor != enc->conf.fullcolor)
    {
        return SELKIES_REINIT;
    }

    if (conf->fps > enc->conf.fps
        && selkies_x264_mbs(conf) * conf->fps > enc->level->mbs_per_second
        && selkies_x264_level(conf) != enc->level)
    {
        return SELKIES_REINIT;
    }

    /* the window is kept while the QPs fit, even if another centre is best */

    if (selkies_x264_qp_centre(conf) != enc->qp_centre
        && (selkies_x264_qp(enc, conf->qp) != conf->qp
            || selkies_x264_qp(enc, conf->paintover_qp) != conf->paintover_qp
            || (conf->qp_max > conf->qp + SELKIES_ENCODER_QP_RAISE
                && selkies_x264_qp(enc, conf->qp_max) != conf->qp_max)))
    {
        return SELKIES_REINIT;
    }

    /* CQP does not use the frame rate: it only chose the level */

    enc->conf = *conf;

    return SELKIES_OK;
}


static void
selkies_x264_close(selkies_encoder_t *base)
{
    selkies_x264_t  *enc;

    enc = (selkies_x264_t *) base;

    pthread_mutex_lock(&selkies_x264_mutex);

    x264_encoder_close(enc->x264);

    pthread_mutex_unlock(&selkies_x264_mutex);

    free(enc);
}


__attribute__((format(printf, 3, 0)))
static void
selkies_x264_log(void *data, int level, const char *fmt, va_list args)
{
    int                   len;
    char                  line[384];
    const selkies_log_t  *log;

    log = data;

    len = vsnprintf(line, sizeof(line), fmt, args);

    if (len <= 0) {
        return;
    }

    line[strcspn(line, "\n")] = '\0';

    selkies_log(log, level == X264_LOG_ERROR ? SELKIES_LOG_ERR
                                             : SELKIES_LOG_WARN,
                "x264: %s", line);
}


const selkies_encoder_ops_t  selkies_x264_ops = {
    "x264",
    SELKIES_CODEC_H264,
    selkies_x264_open,
    selkies_x264_encode,
    selkies_x264_reconfigure,
    selkies_x264_close
};


#else

typedef int  selkies_x264_unused_t;             /* no file without a name */

#endif
