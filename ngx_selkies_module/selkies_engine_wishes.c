
/*
 * Copyright (C) ngx_selkies authors
 *
 * The wishes in the shared place as configurations of encoder and quality.
 *
 * Thread: any; the display thread.  Ownership: none.
 */


#include <string.h>

#include "selkies_engine_rows.h"
#include "selkies_settings.h"


#define SELKIES_WISHES_FPS  60          /* before anybody wished */


uint32_t
selkies_engine_encoder(selkies_shared_t *shared, selkies_stream_t *stream)
{
    uint32_t  wanted;

    wanted = atomic_load(&stream->wanted_encoder);

    if (selkies_engine_rows_wanted(wanted)
        && selkies_stream_count(shared, selkies_stream_index(shared, stream),
                                SELKIES_COUNT_WHOLE)
           != 0
        && (selkies_engine_encoders() & 1u << SELKIES_ENCODER_X264))
    {
        return SELKIES_ENCODER_X264;
    }

    return wanted;
}


void
selkies_engine_wishes(selkies_stream_t *stream, selkies_encoder_conf_t *conf,
    selkies_quality_conf_t *quality)
{
    uint32_t  fps, paintover;

    memset(quality, 0, sizeof(selkies_quality_conf_t));

    fps = atomic_load(&stream->wanted_fps);
    paintover = atomic_load(&stream->wanted_paintover_qp);

    conf->fps = fps ? (int) fps : SELKIES_WISHES_FPS;
    conf->qp = (int) atomic_load(&stream->wanted_qp);
    conf->fullcolor = atomic_load(&stream->wanted_fullcolor) != 0;

    quality->qp = conf->qp;
    quality->paintover = paintover != 0;
    quality->paintover_qp = paintover ? (int) paintover : conf->qp;

    quality->rate_kbits = atomic_load(&stream->wanted_rate_kbits);
    quality->min_qp = (int) atomic_load(&stream->wanted_min_qp);
    quality->max_qp = (int) atomic_load(&stream->wanted_max_qp);
    quality->period_us = 1000000 / (uint64_t) conf->fps;
    quality->key_us = (uint64_t) atomic_load(&stream->wanted_key_s) * 1000000;
    quality->streaming = atomic_load(&stream->wanted_streaming) != 0;

    conf->paintover_qp = quality->paintover_qp;
    conf->qp_max = 0;

    if (quality->rate_kbits != 0) {
        conf->qp_max = quality->max_qp ? quality->max_qp
                                       : SELKIES_ENCODER_QP_LIMIT;
    }
}
