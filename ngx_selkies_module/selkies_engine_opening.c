
/*
 * Copyright (C) ngx_selkies authors
 *
 * See selkies_engine_opening.h.
 */


#include "selkies_engine_opening.h"


static void *selkies_engine_opening_run(void *data);


void
selkies_engine_opening_begin(selkies_engine_opening_t *o,
    const selkies_encoder_conf_t *conf, const selkies_log_t *log)
{
    if (o->begun) {

        if (o->conf.width == conf->width && o->conf.height == conf->height) {
            return;
        }

        selkies_engine_opening_drop(o);
    }

    o->conf = *conf;
    o->log = log;
    o->encoder = NULL;
    o->begun = selkies_thread_start(&o->thread, "selkies-opening",
                                    selkies_engine_opening_run, o)
               == 0;
}


static void *
selkies_engine_opening_run(void *data)
{
    selkies_engine_opening_t  *o = data;

    o->encoder = selkies_encoder_open(SELKIES_CODEC_H264, NULL, &o->conf,
                                      o->log);

    return NULL;
}


selkies_encoder_t *
selkies_engine_opening_take(selkies_engine_opening_t *o,
    const selkies_encoder_conf_t *conf)
{
    selkies_encoder_t  *encoder;

    if (!o->begun) {
        return NULL;
    }

    (void) pthread_join(o->thread, NULL);

    encoder = o->encoder;
    o->encoder = NULL;
    o->begun = false;

    /* what was wished for may have changed since */

    if (encoder != NULL
        && selkies_encoder_reconfigure(encoder, conf) != SELKIES_OK)
    {
        selkies_encoder_close(encoder);
        encoder = NULL;
    }

    return encoder;
}


void
selkies_engine_opening_drop(selkies_engine_opening_t *o)
{
    if (o->begun) {
        (void) pthread_join(o->thread, NULL);
        selkies_encoder_close(o->encoder);
        o->encoder = NULL;
        o->begun = false;
    }
}
