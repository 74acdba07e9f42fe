
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * JPEG rows by libjpeg-turbo, straight from the captured pixels: JFIF means
 * BT.601 in full range, which the planes of a picture are not.  What moves is
 * 4:2:0, what rests 4:4:4.
 *
 * Thread: an encoder belongs to one thread.  Ownership: the packet lies in
 * the encoder's one buffer until the next row.
 */


#ifdef SELKIES_HAVE_JPEG


#include <stdlib.h>
#include <turbojpeg.h>

#include "rows.h"


typedef struct {
    selkies_rows_t        base;
    const selkies_log_t  *log;

    tjhandle              turbo;
    unsigned char        *buf;
    unsigned long         size_bytes;       /* enough for any row */
} selkies_jpeg_t;


static selkies_rows_t *selkies_jpeg_open(const selkies_rows_conf_t *conf,
    const selkies_log_t *log);
static selkies_status_t selkies_jpeg_encode(selkies_rows_t *rows,
    const selkies_row_order_t *order, const selkies_picture_t *pic,
    const selkies_frame_t *frame, selkies_row_packet_t *packet);
static void selkies_jpeg_configure(selkies_rows_t *rows,
    const selkies_rows_conf_t *conf);
static void selkies_jpeg_close(selkies_rows_t *rows);


static selkies_rows_t *
selkies_jpeg_open(const selkies_rows_conf_t *conf, const selkies_log_t *log)
{
    selkies_jpeg_t  *jpeg;

    jpeg = calloc(1, sizeof(selkies_jpeg_t));

    if (jpeg == NULL) {
        selkies_log(log, SELKIES_LOG_ERR, "jpeg: no memory");
        return NULL;
    }

    /* cppcheck-suppress returnDanglingLifetime ; rows.c fills base */
    jpeg->base.ops = &selkies_jpeg_ops;
    jpeg->log = log;
    jpeg->turbo = tjInitCompress();
    jpeg->size_bytes = tjBufSize(conf->width, SELKIES_ROW_HEIGHT, TJSAMP_444);

    /* what is not written to takes no memory */

    jpeg->buf = jpeg->size_bytes != (unsigned long) -1
                ? malloc(jpeg->size_bytes) : NULL;

    if (jpeg->turbo == NULL || jpeg->buf == NULL) {
        selkies_log(log, SELKIES_LOG_ERR, "jpeg: no memory for rows of %d "
                    "pixels", (int) conf->width);
        selkies_jpeg_close(&jpeg->base);
        return NULL;
    }

    return &jpeg->base;
}


static selkies_status_t
selkies_jpeg_encode(selkies_rows_t *rows, const selkies_row_order_t *order,
    const selkies_picture_t *pic, const selkies_frame_t *frame,
    selkies_row_packet_t *packet)
{
    unsigned long         len;
    unsigned char        *out;
    selkies_jpeg_t       *jpeg;
    const unsigned char  *pixels;

    jpeg = (selkies_jpeg_t *) rows;

    pixels = frame->pixels + (size_t) order->y * frame->stride_bytes;
    out = jpeg->buf;
    len = jpeg->size_bytes;

    if (tjCompress2(jpeg->turbo, pixels, pic->width,
                    (int) frame->stride_bytes, order->height, TJPF_BGRX, &out,
                    &len, order->fine ? TJSAMP_444 : TJSAMP_420,
                    order->quality, TJFLAG_NOREALLOC)
        != 0)
    {
        selkies_log(jpeg->log, SELKIES_LOG_ERR, "tjCompress2() failed: %s",
                    tjGetErrorStr2(jpeg->turbo));
        return SELKIES_ERROR;
    }

    packet->data = out;
    packet->len = (size_t) len;
    packet->kind = SELKIES_PICTURE_IDR;
    packet->quality = order->quality;

    return SELKIES_OK;
}


static void
selkies_jpeg_configure(selkies_rows_t *rows, const selkies_rows_conf_t *conf)
{
    /* each row is told its quality */
}


static void
selkies_jpeg_close(selkies_rows_t *rows)
{
    selkies_jpeg_t  *jpeg;

    jpeg = (selkies_jpeg_t *) rows;

    if (jpeg->turbo != NULL) {
        (void) tjDestroy(jpeg->turbo);
    }

    free(jpeg->buf);
    free(jpeg);
}


const selkies_rows_ops_t  selkies_jpeg_ops = {
    .name = "jpeg",
    .codec = SELKIES_CODEC_JPEG,
    .best = 100,
    .worst = 1,
    .lowest = 1,
    .pixels = 1,
    .chained = 0,
    .open = selkies_jpeg_open,
    .encode = selkies_jpeg_encode,
    .configure = selkies_jpeg_configure,
    .close = selkies_jpeg_close
};


#else

typedef int  selkies_jpeg_unused_t;             /* no file without a name */

#endif
