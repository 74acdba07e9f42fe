
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * The table of encoders in probe order and the calls that go through it.
 *
 * Thread: see encoder.h.  Ownership: none of its own.
 */


#include <string.h>
#include <unistd.h>

#include "encoder.h"


static int selkies_encoder_clamp(int value, int min, int max);
static selkies_status_t selkies_encoder_normalize(
    selkies_encoder_conf_t *conf, const selkies_log_t *log);


static const selkies_encoder_ops_t *const  selkies_encoders[] = {

#ifdef SELKIES_HAVE_X264
    &selkies_x264_ops,
#endif

    NULL
};


const selkies_encoder_ops_t *const *
selkies_encoder_table(void)
{
    return selkies_encoders;
}


selkies_encoder_t *
selkies_encoder_open(selkies_codec_t codec, const char *name,
    const selkies_encoder_conf_t *conf, const selkies_log_t *log)
{
    selkies_encoder_t                   *enc;
    selkies_encoder_conf_t               c;
    const selkies_encoder_ops_t *const  *ops;

    c = *conf;

    if (selkies_encoder_normalize(&c, log) != SELKIES_OK) {
        return NULL;
    }

    for (ops = selkies_encoders; *ops; ops++) {

        if ((*ops)->codec != codec
            || (name != NULL && strcmp((*ops)->name, name) != 0))
        {
            continue;
        }

        enc = (*ops)->open(&c, log);

        if (enc != NULL) {
            /* cppcheck-suppress returnDanglingLifetime ; open copies it */
            return enc;
        }
    }

    selkies_log(log, SELKIES_LOG_ERR, "no encoder \"%s\" could be opened",
                name != NULL ? name
                             : codec == SELKIES_CODEC_H264 ? "H.264" : "JPEG");

    return NULL;
}


static selkies_status_t
selkies_encoder_normalize(selkies_encoder_conf_t *conf,
    const selkies_log_t *log)
{
    long  cores;

    if (conf->width < 2 || conf->width > SELKIES_ENCODER_WIDTH_MAX
        || conf->height < 2 || conf->height > SELKIES_ENCODER_HEIGHT_MAX
        || (conf->width & 1) || (conf->height & 1))
    {
        selkies_log(log, SELKIES_LOG_ERR, "a picture of %dx%d cannot be "
                    "encoded", (int) conf->width, (int) conf->height);
        return SELKIES_ERROR;
    }

    if (conf->threads <= 0) {
        cores = sysconf(_SC_NPROCESSORS_ONLN);

        /*
         * one core is left to the desktop where there are three; with two,
         * two slices take two thirds of the time at the same cost
         */

        conf->threads = cores > 2 ? (int) (cores > 64 ? 64 : cores) - 1
                                  : (int) cores;
    }

    conf->threads = selkies_encoder_clamp(conf->threads, 1,
                                          SELKIES_ENCODER_THREADS_MAX);
    conf->fullcolor = conf->fullcolor != 0;
    conf->fps = selkies_encoder_clamp(conf->fps, 1, SELKIES_ENCODER_FPS_MAX);
    conf->qp = selkies_encoder_clamp(conf->qp, SELKIES_ENCODER_QP_MIN,
                                     SELKIES_ENCODER_QP_MAX);
    conf->paintover_qp = selkies_encoder_clamp(conf->paintover_qp,
                                               SELKIES_ENCODER_QP_MIN,
                                               SELKIES_ENCODER_QP_MAX);

    if (conf->qp_max <= 0) {
        conf->qp_max = conf->qp + SELKIES_ENCODER_QP_RAISE;
    }

    conf->qp_max = selkies_encoder_clamp(conf->qp_max, SELKIES_ENCODER_QP_MIN,
                                         SELKIES_ENCODER_QP_LIMIT);

    return SELKIES_OK;
}


static int
selkies_encoder_clamp(int value, int min, int max)
{
    if (value < min) {
        return min;
    }

    return value > max ? max : value;
}


selkies_status_t
selkies_encoder_encode(selkies_encoder_t *enc, const selkies_picture_t *pic,
    int qp, int force_idr, uint64_t pts_us, selkies_access_unit_t *au)
{
    return enc->ops->encode(enc, pic,
                            selkies_encoder_clamp(qp, 0,
                                                  SELKIES_ENCODER_QP_LIMIT),
                            force_idr, pts_us, au);
}


selkies_status_t
selkies_encoder_reconfigure(selkies_encoder_t *enc,
    const selkies_encoder_conf_t *conf)
{
    selkies_encoder_conf_t  c;

    c = *conf;

    if (selkies_encoder_normalize(&c, NULL) != SELKIES_OK) {
        return SELKIES_REINIT;
    }

    return enc->ops->reconfigure(enc, &c);
}


void
selkies_encoder_close(selkies_encoder_t *enc)
{
    if (enc != NULL) {
        enc->ops->close(enc);
    }
}
