
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * H.264 rows: an x264 of its own for each, opened when the row is coded for
 * the first time, reading its part of the picture's planes in place.
 *
 * Thread: an encoder belongs to one thread.  Ownership: the packet is the
 * row's encoder's until the next row.
 */


#ifdef SELKIES_HAVE_X264


#include <stdlib.h>
#include <string.h>

#include "rows.h"


typedef struct {
    selkies_rows_t          base;
    const selkies_log_t    *log;

    selkies_encoder_conf_t  conf;           /* of one row, but its height */
    selkies_encoder_t      *encoders[SELKIES_ROWS_MAX];
} selkies_stripes_t;


static selkies_rows_t *selkies_stripes_open(const selkies_rows_conf_t *conf,
    const selkies_log_t *log);
static void selkies_stripes_conf(selkies_encoder_conf_t *c,
    const selkies_rows_conf_t *conf);
static selkies_status_t selkies_stripes_encode(selkies_rows_t *rows,
    const selkies_row_order_t *order, const selkies_picture_t *pic,
    const selkies_frame_t *frame, selkies_row_packet_t *packet);
static selkies_picture_t selkies_stripes_view(const selkies_picture_t *pic,
    const selkies_row_order_t *order);
static void selkies_stripes_configure(selkies_rows_t *rows,
    const selkies_rows_conf_t *conf);
static void selkies_stripes_close(selkies_rows_t *rows);


static selkies_rows_t *
selkies_stripes_open(const selkies_rows_conf_t *conf, const selkies_log_t *log)
{
    selkies_stripes_t  *stripes;

    stripes = calloc(1, sizeof(selkies_stripes_t));

    if (stripes == NULL) {
        selkies_log(log, SELKIES_LOG_ERR, "stripes: no memory");
        return NULL;
    }

    stripes->log = log;
    selkies_stripes_conf(&stripes->conf, conf);

    return &stripes->base;
}


static void
selkies_stripes_conf(selkies_encoder_conf_t *c,
    const selkies_rows_conf_t *conf)
{
    memset(c, 0, sizeof(selkies_encoder_conf_t));

    c->width = conf->width;
    c->fps = conf->fps;
    c->qp = conf->quality;
    c->paintover_qp = conf->paintover_quality;
    c->threads = 1;
}


static selkies_status_t
selkies_stripes_encode(selkies_rows_t *rows, const selkies_row_order_t *order,
    const selkies_picture_t *pic, const selkies_frame_t *frame,
    selkies_row_packet_t *packet)
{
    selkies_status_t        rc;
    selkies_picture_t       view;
    selkies_stripes_t      *stripes;
    selkies_encoder_t     **enc;
    selkies_access_unit_t   au;

    stripes = (selkies_stripes_t *) rows;
    enc = &stripes->encoders[order->index];

    if (*enc == NULL) {
        stripes->conf.height = order->height;
        *enc = selkies_encoder_open(SELKIES_CODEC_H264, "x264",
                                    &stripes->conf, stripes->log);

        if (*enc == NULL) {
            return SELKIES_ERROR;
        }
    }

    view = selkies_stripes_view(pic, order);

    rc = selkies_encoder_encode(*enc, &view, order->quality, order->key,
                                rows->now_us, &au);

    if (rc != SELKIES_OK) {
        return SELKIES_ERROR;
    }

    packet->data = au.data;
    packet->len = au.len;
    packet->kind = au.kind;
    packet->quality = au.qp;

    return SELKIES_OK;
}


/* A picture over a part of another one's planes. */

static selkies_picture_t
selkies_stripes_view(const selkies_picture_t *pic,
    const selkies_row_order_t *order)
{
    selkies_picture_t  view;

    view = *pic;

    view.luma += (size_t) order->y * pic->luma_stride_bytes;
    view.chroma += (size_t) order->y / 2 * pic->chroma_stride_bytes;
    view.height = order->height;
    view.mb_height = (order->height + 15) / 16;
    view.dirty = NULL;
    view.ndirty = 0;
    view.serials = NULL;
    view.touched = NULL;

    return view;
}


/* A stripe that cannot follow is opened anew, and begins with an IDR. */

static void
selkies_stripes_configure(selkies_rows_t *rows,
    const selkies_rows_conf_t *conf)
{
    int32_t             i, left;
    selkies_stripes_t  *stripes;

    stripes = (selkies_stripes_t *) rows;
    selkies_stripes_conf(&stripes->conf, conf);

    for (i = 0; i < rows->nrows; i++) {

        if (stripes->encoders[i] == NULL) {
            continue;
        }

        left = conf->height - i * SELKIES_ROW_HEIGHT;
        stripes->conf.height = left < SELKIES_ROW_HEIGHT ? left
                                                         : SELKIES_ROW_HEIGHT;

        if (selkies_encoder_reconfigure(stripes->encoders[i], &stripes->conf)
            != SELKIES_OK)
        {
            selkies_encoder_close(stripes->encoders[i]);
            stripes->encoders[i] = NULL;
        }
    }
}


static void
selkies_stripes_close(selkies_rows_t *rows)
{
    int32_t             i;
    selkies_stripes_t  *stripes;

    stripes = (selkies_stripes_t *) rows;

    for (i = 0; i < SELKIES_ROWS_MAX; i++) {
        selkies_encoder_close(stripes->encoders[i]);
    }

    free(stripes);
}


const selkies_rows_ops_t  selkies_stripes_ops = {
    .name = "x264 stripes",
    .codec = SELKIES_CODEC_H264,
    .best = SELKIES_ENCODER_QP_MIN,
    .worst = SELKIES_ENCODER_QP_MAX,
    .lowest = SELKIES_ENCODER_QP_LIMIT,
    .pixels = 0,
    .chained = 1,
    .open = selkies_stripes_open,
    .encode = selkies_stripes_encode,
    .configure = selkies_stripes_configure,
    .close = selkies_stripes_close
};


#else

typedef int  selkies_stripes_unused_t;          /* no file without a name */

#endif
