
/*
 * Copyright (C) ngx_selkies authors
 *
 * See selkies_engine_rows.h.  All packets of one look at the screen have one
 * frame id.  A row that is read from the capture's memory is encoded before
 * that is released; such an encoder needs the memory even where nothing was
 * damaged, for a refinement or a key.
 *
 * Thread: the display thread.
 */


#include <stdlib.h>
#include <string.h>

#include "selkies_engine_rows.h"
#include "selkies_settings.h"


static void selkies_engine_rows_wishes(selkies_engine_rows_t *r,
    selkies_engine_t *engine, selkies_codec_t codec);
static selkies_status_t selkies_engine_rows_capture(selkies_engine_rows_t *r,
    selkies_screen_t *screen, selkies_frame_t *frame, uint64_t now, bool all);
static selkies_status_t selkies_engine_rows_encode(selkies_engine_rows_t *r,
    selkies_engine_t *engine, const selkies_picture_t *picture,
    const selkies_frame_t *frame, const selkies_overlay_t *overlay,
    uint64_t seen_us, size_t *published);
static selkies_status_t selkies_engine_rows_next(selkies_engine_rows_t *r,
    const selkies_picture_t *picture, const selkies_frame_t *frame,
    const selkies_overlay_t *overlay, selkies_row_packet_t *row);


static const selkies_codec_t  selkies_engine_codecs[] = {
    [SELKIES_ENCODER_X264] = 0,                 /* whole pictures */
    [SELKIES_ENCODER_X264_STRIPED] = SELKIES_CODEC_H264,
    [SELKIES_ENCODER_JPEG] = SELKIES_CODEC_JPEG
};

#define SELKIES_ENGINE_NCODECS                                                \
    (sizeof(selkies_engine_codecs) / sizeof(selkies_engine_codecs[0]))


bool
selkies_engine_rows_wanted(uint32_t encoder)
{
    return encoder < SELKIES_ENGINE_NCODECS
           && selkies_engine_codecs[encoder] != 0;
}


uint32_t
selkies_engine_encoders(void)
{
    uint32_t  i, mask;

    mask = selkies_encoder_table()[0] != NULL ? 1u << SELKIES_ENCODER_X264 : 0;

    for (i = 0; i < SELKIES_ENGINE_NCODECS; i++) {
        if (selkies_engine_rows_wanted(i)
            && selkies_rows_find(selkies_engine_codecs[i]) != NULL)
        {
            mask |= 1u << i;
        }
    }

    return mask;
}


selkies_status_t
selkies_engine_rows_open(selkies_engine_rows_t *r, selkies_engine_t *engine,
    uint32_t encoder, int32_t width, int32_t height, const selkies_log_t *log)
{
    selkies_codec_t  codec;

    codec = selkies_engine_codecs[encoder];

    memset(r, 0, sizeof(selkies_engine_rows_t));
    r->wished.width = width;
    r->wished.height = height;
    selkies_engine_rows_wishes(r, engine, codec);

    r->rows = selkies_rows_open(codec, &r->wished, log);

    return r->rows != NULL ? SELKIES_OK : SELKIES_ERROR;
}


void
selkies_engine_rows_close(selkies_engine_rows_t *r)
{
    selkies_rows_close(r->rows);
    free(r->lines);

    r->rows = NULL;
    r->lines = NULL;
}


static void
selkies_engine_rows_wishes(selkies_engine_rows_t *r, selkies_engine_t *engine,
    selkies_codec_t codec)
{
    uint32_t              quality, paintover;
    selkies_stream_t     *stream = engine->conf.stream;
    selkies_rows_conf_t  *wished = &r->wished;

    if (codec == SELKIES_CODEC_JPEG) {
        quality = atomic_load(&stream->wanted_jpeg);
        paintover = atomic_load(&stream->wanted_paintover_jpeg);

    } else {
        quality = atomic_load(&stream->wanted_qp);
        paintover = atomic_load(&stream->wanted_paintover_qp);
    }

    wished->fps = (int) atomic_load(&stream->wanted_fps);
    wished->quality = (int) quality;
    wished->paintover = paintover != 0;
    wished->paintover_quality = (int) (paintover ? paintover : quality);
}


selkies_status_t
selkies_engine_rows_picture(selkies_engine_rows_t *r, selkies_engine_t *engine,
    selkies_screen_t *screen, selkies_picture_t *picture,
    selkies_overlay_t *overlay, uint64_t now, uint64_t seen_us, bool all,
    selkies_engine_rows_result_t *result)
{
    size_t               planned, published;
    selkies_frame_t      frame, *f;
    selkies_status_t     rc;
    selkies_rows_conf_t  before;

    memset(result, 0, sizeof(selkies_engine_rows_result_t));

    before = r->wished;
    selkies_engine_rows_wishes(r, engine, r->rows->ops->codec);

    if (memcmp(&before, &r->wished, sizeof(selkies_rows_conf_t)) != 0) {
        rc = selkies_rows_configure(r->rows, &r->wished);

        if (rc != SELKIES_OK) {
            return SELKIES_ERROR;
        }
    }

    rc = selkies_engine_rows_capture(r, screen, &frame, now, all);

    if (rc != SELKIES_OK && rc != SELKIES_AGAIN) {
        return rc;
    }

    f = NULL;

    if (rc == SELKIES_OK) {
        f = &frame;
        selkies_overlay_convert(overlay, picture, f);

    } else if (r->rows->ops->pixels) {
        return SELKIES_OK;
    }

    planned = selkies_rows_plan(r->rows, picture, f != NULL ? f->rects : NULL,
                                f != NULL ? f->nrects : 0, now, all);
    selkies_picture_clear_dirty(picture);

    published = 0;
    rc = SELKIES_OK;

    if (planned != 0) {
        rc = selkies_engine_rows_encode(r, engine, picture, f, overlay,
                                        seen_us, &published);
    }

    if (f != NULL) {
        selkies_screen_release(screen);
    }

    if (rc != SELKIES_OK) {
        return SELKIES_ERROR;
    }

    result->coded = published != 0;
    result->complete = result->coded && r->rows->complete;

    if (result->coded) {
        selkies_engine_published(engine, seen_us);
    }

    return SELKIES_OK;
}


/*
 * AGAIN: nothing was damaged, and nothing else wants the pixels.  Rectangles
 * of a frame that was asked for without damage tell nothing.
 */

static selkies_status_t
selkies_engine_rows_capture(selkies_engine_rows_t *r, selkies_screen_t *screen,
    selkies_frame_t *frame, uint64_t now, bool all)
{
    selkies_status_t  rc;

    static const selkies_rect_t  none;

    rc = selkies_screen_acquire(screen, frame);

    if (rc != SELKIES_AGAIN || !r->rows->ops->pixels
        || (!all && now < selkies_rows_deadline_us(r->rows)))
    {
        return rc;
    }

    selkies_screen_damage_all(screen);
    rc = selkies_screen_acquire(screen, frame);

    if (rc == SELKIES_OK) {
        frame->rects = &none;
        frame->nrects = 0;
    }

    return rc;
}


static selkies_status_t
selkies_engine_rows_encode(selkies_engine_rows_t *r, selkies_engine_t *engine,
    const selkies_picture_t *picture, const selkies_frame_t *frame,
    const selkies_overlay_t *overlay, uint64_t seen_us, size_t *published)
{
    selkies_status_t          rc;
    selkies_stream_t         *stream = engine->conf.stream;
    selkies_row_packet_t      row;
    selkies_engine_packet_t   packet;

    memset(&packet, 0, sizeof(selkies_engine_packet_t));

    packet.codec = r->rows->ops->codec;
    packet.width = picture->width;
    packet.picture_height = picture->height;
    packet.frame_id = (uint16_t) atomic_fetch_add(&stream->engine_frame, 1);
    packet.capture_us = seen_us;

    for ( ;; ) {
        rc = selkies_engine_rows_next(r, picture, frame, overlay, &row);

        if (rc != SELKIES_OK) {
            return rc == SELKIES_AGAIN ? SELKIES_OK : SELKIES_ERROR;
        }

        packet.data = row.data;
        packet.len = row.len;
        packet.kind = row.kind;
        packet.y = row.y;
        packet.height = row.height;
        packet.flags = r->rows->ops->chained ? 0 : SELKIES_PACKET_ROW;

        if (r->rows->complete) {
            packet.flags |= *published == 0 ? SELKIES_PACKET_KEY
                                            : SELKIES_PACKET_PART;
        }

        if (!selkies_engine_publish(engine, &packet)) {
            atomic_fetch_add(&stream->statistics.oversized, 1);
            selkies_rows_lost(r->rows, &row);
            continue;
        }

        atomic_store(&stream->engine_qp, (uint32_t) row.quality);
        (*published)++;
    }
}


/*
 * The captured pixels have no watermark: where it lies on them, a copy of the
 * row gets it.  Without memory for that there is no picture.
 */

static selkies_status_t
selkies_engine_rows_next(selkies_engine_rows_t *r,
    const selkies_picture_t *picture, const selkies_frame_t *frame,
    const selkies_overlay_t *overlay, selkies_row_packet_t *row)
{
    int32_t          y, height;
    size_t           stride;
    selkies_frame_t  copy;

    y = selkies_rows_next_y(r->rows);

    if (!selkies_overlay_used(overlay) || !r->rows->ops->pixels
        || frame == NULL || y < 0)
    {
        return selkies_rows_next(r->rows, picture, frame, row);
    }

    stride = (size_t) picture->width * 4;

    if (r->lines == NULL) {
        r->lines = malloc(stride * SELKIES_ROW_HEIGHT);

        if (r->lines == NULL) {
            return SELKIES_ERROR;
        }
    }

    height = picture->height - y;

    if (height > SELKIES_ROW_HEIGHT) {
        height = SELKIES_ROW_HEIGHT;
    }

    if (!selkies_overlay_lines(overlay, frame, y, height, picture->width,
                               r->lines))
    {
        return selkies_rows_next(r->rows, picture, frame, row);
    }

    copy = *frame;
    copy.pixels = r->lines - (size_t) y * stride;
    copy.stride_bytes = stride;

    return selkies_rows_next(r->rows, picture, &copy, row);
}
