
/*
 * Copyright (C) ngx_selkies authors
 *
 * The desktop thread: brings the screen to the wanted size and DPI, and
 * publishes the cursor.
 *
 * Thread: this is it.  Ownership: the X connection and the cursor are its own.
 */


#include <stdlib.h>

#include "../capture/desktop.h"
#include "selkies_engine_private.h"
#include "selkies_protocol.h"


typedef struct {
    selkies_engine_t          *engine;
    selkies_desktop_t         *desktop;
    uint8_t                   *text;            /* a message being made */
    uint64_t                   retry_us;
    uint64_t                   unwatched_us;    /* since; 0 while watched */
    uint64_t                   watched_us;      /* first of all; 0: not yet */
    uint32_t                   dpi;             /* the wish carried out */
    selkies_engine_screens_t   screens;
} selkies_desktop_loop_t;


static uint64_t selkies_desktop_unwatched(selkies_desktop_loop_t *loop);
static uint64_t selkies_desktop_turn(selkies_desktop_loop_t *loop);
static selkies_status_t selkies_desktop_open_loop(
    selkies_desktop_loop_t *loop);
static selkies_status_t selkies_desktop_dpi_loop(selkies_desktop_loop_t *loop);
static uint64_t selkies_desktop_wait(selkies_desktop_loop_t *loop,
    uint64_t timeout_us);
static selkies_status_t selkies_desktop_publish_cursor(
    selkies_desktop_loop_t *loop);


void *
selkies_engine_desktop(void *data)
{
    int                     fd;
    unsigned                bits;
    uint64_t                timeout_us, wait;
    selkies_engine_t       *engine = data;
    selkies_desktop_loop_t  loop;

    loop.engine = engine;
    loop.desktop = NULL;
    loop.text = NULL;
    loop.retry_us = SELKIES_ENGINE_RETRY_MIN_US;
    loop.unwatched_us = 0;
    loop.watched_us = 0;
    loop.dpi = 0;
    loop.screens.laid = false;

    while (!selkies_engine_stopping(engine)) {

        timeout_us = selkies_desktop_unwatched(&loop);
        fd = -1;

        if (loop.desktop == NULL && loop.unwatched_us == 0) {
            wait = selkies_desktop_turn(&loop);

            if (wait != 0) {
                timeout_us = wait;

            } else if (selkies_desktop_open_loop(&loop) != SELKIES_OK) {
                timeout_us = loop.retry_us;
            }
        }

        if (loop.desktop != NULL) {
            bits = selkies_desktop_dispatch(loop.desktop);

            if ((bits & SELKIES_DESKTOP_LOST)
                || selkies_engine_screens(engine, loop.desktop, &loop.screens)
                   == SELKIES_LOST
                || selkies_desktop_dpi_loop(&loop) == SELKIES_LOST
                || ((bits & SELKIES_DESKTOP_CURSOR)
                    && selkies_desktop_publish_cursor(&loop) == SELKIES_LOST))
            {
                selkies_desktop_close(loop.desktop);
                loop.desktop = NULL;
                continue;
            }

            timeout_us = selkies_desktop_wait(&loop, timeout_us);

            /* a resize has read events ahead */

            if (selkies_desktop_dispatch(loop.desktop)
                & (SELKIES_DESKTOP_LOST|SELKIES_DESKTOP_CURSOR))
            {
                continue;
            }

            fd = selkies_desktop_fd(loop.desktop);
        }

        selkies_bell_wait(engine->conf.desktop_bell, fd, timeout_us);
    }

    selkies_desktop_close(loop.desktop);
    free(loop.text);

    return NULL;
}


/*
 * Lets go of the X server when nobody has watched for a while.  How long to
 * wait for that, or for ever.
 */

static uint64_t
selkies_desktop_unwatched(selkies_desktop_loop_t *loop)
{
    uint64_t           now, until;
    selkies_engine_t  *engine = loop->engine;

    if (selkies_engine_readers(engine) != 0) {
        loop->unwatched_us = 0;
        atomic_store(&engine->desktop_idle, false);
        return UINT64_MAX;
    }

    now = selkies_clock_us();

    if (loop->unwatched_us == 0) {
        loop->unwatched_us = now;
    }

    until = loop->unwatched_us + engine->conf.idle_us;

    if (now < until) {
        return until - now;
    }

    selkies_desktop_close(loop->desktop);
    loop->desktop = NULL;

    if (!atomic_exchange(&engine->desktop_idle, true)) {
        engine->conf.wake(engine->conf.data, engine->index);
    }

    return UINT64_MAX;
}


/* How long to leave the server to a first picture yet; 0 for not at all. */

static uint64_t
selkies_desktop_turn(selkies_desktop_loop_t *loop)
{
    uint64_t  now, until;

    if (atomic_load(&loop->engine->attended)) {
        return 0;
    }

    now = selkies_clock_us();

    if (loop->watched_us == 0) {
        loop->watched_us = now;
    }

    until = loop->watched_us + SELKIES_ENGINE_FIRST_US;

    return now < until ? until - now : 0;
}


static selkies_status_t
selkies_desktop_open_loop(selkies_desktop_loop_t *loop)
{
    selkies_engine_t        *engine = loop->engine;
    selkies_desktop_conf_t   conf;

    if (loop->text == NULL) {
        loop->text = malloc(SELKIES_CURSOR_BYTES);

        if (loop->text == NULL) {
            return SELKIES_ERROR;
        }
    }

    conf.display = engine->conf.display;
    conf.xauthority = engine->conf.xauthority;
    conf.interrupt = &engine->desktop_interrupt;

    loop->desktop = selkies_desktop_open(&conf, engine->conf.log);

    if (loop->desktop == NULL) {
        if (loop->retry_us < SELKIES_ENGINE_RETRY_MAX_US) {
            loop->retry_us *= 2;
        }

        return SELKIES_AGAIN;
    }

    loop->retry_us = SELKIES_ENGINE_RETRY_MIN_US;
    loop->dpi = 0;

    return SELKIES_OK;
}


/* Like a size, a wish is carried out once for a connection. */

static selkies_status_t
selkies_desktop_dpi_loop(selkies_desktop_loop_t *loop)
{
    uint32_t           wanted;
    selkies_stream_t  *stream = loop->engine->conf.stream;

    wanted = atomic_load(&stream->wanted_dpi);

    /* an X display has one, that of its first screen */

    if (wanted == 0 || wanted == loop->dpi
        || atomic_load(&stream->screen) != 0)
    {
        return SELKIES_OK;
    }

    loop->dpi = wanted;

    return selkies_desktop_dpi(loop->desktop, selkies_dpi_dots(wanted),
                               selkies_dpi_cursor(wanted));
}


/* Until the end of the wait, or what is due before that. */

static uint64_t
selkies_desktop_wait(selkies_desktop_loop_t *loop, uint64_t timeout_us)
{
    uint64_t  due, now;

    due = selkies_desktop_due(loop->desktop);

    if (due == UINT64_MAX) {
        return timeout_us;
    }

    now = selkies_clock_us();
    due = due > now ? due - now : 0;

    return due < timeout_us ? due : timeout_us;
}


static selkies_status_t
selkies_desktop_publish_cursor(selkies_desktop_loop_t *loop)
{
    size_t             len;
    selkies_cursor_t   cursor;
    selkies_engine_t  *engine = loop->engine;
    selkies_status_t   rc;

    rc = selkies_desktop_cursor(loop->desktop, &cursor);

    if (rc != SELKIES_OK) {
        return rc;
    }

    len = selkies_format_cursor(loop->text, SELKIES_CURSOR_BYTES, cursor.png,
                                cursor.png_len, cursor.width, cursor.height,
                                (int32_t) cursor.hot_x, (int32_t) cursor.hot_y,
                                cursor.serial);

    if (selkies_cursor_write(&engine->conf.stream->cursor, loop->text, len)) {
        engine->conf.wake(engine->conf.data, engine->index);
    }

    return SELKIES_OK;
}
