
/*
 * Copyright (C) ngx_selkies authors
 *
 * See selkies_engine.h.  The threads are in selkies_engine_display.c and
 * selkies_engine_desktop.c.
 */


#include <stdlib.h>
#include <string.h>

#include "selkies_engine_private.h"


selkies_engine_t *
selkies_engine_start(const selkies_engine_conf_t *conf)
{
    int                rc;
    selkies_engine_t  *engine;

    engine = calloc(1, sizeof(selkies_engine_t));

    if (engine == NULL) {
        return NULL;
    }

    engine->conf = *conf;
    engine->index = selkies_stream_index(conf->shared, conf->stream);
    engine->ring = selkies_stream_ring(conf->shared, conf->stream);
    engine->join = selkies_stream_join(conf->shared, conf->stream);

    selkies_x11_init();
    selkies_x11_interrupt_init(&engine->display_interrupt);
    selkies_x11_interrupt_init(&engine->desktop_interrupt);

    rc = selkies_thread_start(&engine->display_thread, "selkies-display",
                              selkies_engine_display, engine);

    if (rc != 0) {
        goto failed;
    }

    rc = selkies_thread_start(&engine->desktop_thread, "selkies-desktop",
                              selkies_engine_desktop, engine);

    if (rc != 0) {
        atomic_store(&engine->stop, true);
        selkies_bell_ring(conf->display_bell);
        pthread_join(engine->display_thread, NULL);
        goto failed;
    }

    return engine;

failed:

    selkies_log(conf->log, SELKIES_LOG_ERR, "pthread_create() failed (%d: %s)",
                rc, strerror(rc));

    selkies_x11_interrupt_destroy(&engine->display_interrupt);
    selkies_x11_interrupt_destroy(&engine->desktop_interrupt);
    free(engine);

    return NULL;
}


bool
selkies_engine_is_idle(selkies_engine_t *engine)
{
    return atomic_load(&engine->display_idle)
           && atomic_load(&engine->desktop_idle);
}


selkies_status_t
selkies_engine_stop(selkies_engine_t *engine, uint32_t timeout_ms)
{
    if (engine == NULL) {
        return SELKIES_OK;
    }

    atomic_store_explicit(&engine->stop, true, memory_order_release);

    selkies_bell_ring(engine->conf.display_bell);
    selkies_bell_ring(engine->conf.desktop_bell);
    selkies_x11_interrupt(&engine->display_interrupt);
    selkies_x11_interrupt(&engine->desktop_interrupt);

    if (selkies_thread_join(engine->display_thread, timeout_ms) != SELKIES_OK
        || selkies_thread_join(engine->desktop_thread, timeout_ms)
           != SELKIES_OK)
    {
        return SELKIES_AGAIN;
    }

    atomic_store(&engine->conf.stream->engine_state, SELKIES_STREAM_OFF);

    selkies_x11_interrupt_destroy(&engine->display_interrupt);
    selkies_x11_interrupt_destroy(&engine->desktop_interrupt);
    free(engine);

    return SELKIES_OK;
}
