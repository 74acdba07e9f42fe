
/*
 * Copyright (C) ngx_selkies authors
 *
 * The size of the X screen, and the parts of it that several screens show
 * (protocol.md 7).  A display that is shown on one screen has its size, and
 * keeps another one that a program gives it.
 *
 * Thread: the desktop thread of an engine.
 */


#include <string.h>

#include "selkies_engine_private.h"


static selkies_status_t selkies_engine_screens_one(selkies_engine_t *engine,
    selkies_desktop_t *desktop);
static bool selkies_engine_screens_leads(selkies_engine_t *engine,
    selkies_stream_t *const *streams);
static bool selkies_engine_screens_done(const selkies_engine_screens_t *now,
    const selkies_engine_screens_t *before, selkies_stream_t *const *streams);
static selkies_status_t selkies_engine_screens_lay(selkies_engine_t *engine,
    selkies_desktop_t *desktop, const selkies_engine_screens_t *wanted,
    selkies_layout_screen_t *laid);
static selkies_status_t selkies_engine_screens_size(selkies_engine_t *engine,
    selkies_desktop_t *desktop, int32_t width, int32_t height);
static selkies_status_t selkies_engine_screens_monitors(
    selkies_desktop_t *desktop, const selkies_layout_screen_t *laid);
static void selkies_engine_screens_tell(selkies_engine_t *engine,
    selkies_stream_t *stream);


selkies_status_t
selkies_engine_screens(selkies_engine_t *engine, selkies_desktop_t *desktop,
    selkies_engine_screens_t *screens)
{
    uint32_t                   i, n;
    uint64_t                   area;
    selkies_status_t           rc;
    selkies_stream_t          *streams[SELKIES_SCREENS_MAX];
    selkies_layout_screen_t    laid[SELKIES_SCREENS_MAX];
    selkies_engine_screens_t   wanted;

    n = selkies_stream_screens(engine->conf.shared, engine->conf.stream,
                               streams);

    if (n < 2) {
        screens->laid = false;
        return n == 0 ? SELKIES_OK
                      : selkies_engine_screens_one(engine, desktop);
    }

    if (!selkies_engine_screens_leads(engine, streams)) {
        screens->laid = false;
        return SELKIES_OK;
    }

    memset(&wanted, 0, sizeof(selkies_engine_screens_t));
    wanted.laid = true;

    for (i = 0; i < SELKIES_SCREENS_MAX; i++) {
        if (streams[i] != NULL) {
            wanted.wanted[i] = atomic_load(&streams[i]->wanted_size);
            wanted.side[i] = atomic_load(&streams[i]->wanted_side);
        }
    }

    if (selkies_engine_screens_done(&wanted, screens, streams)) {
        return SELKIES_OK;
    }

    rc = selkies_engine_screens_lay(engine, desktop, &wanted, laid);

    if (rc != SELKIES_OK) {
        return rc;
    }

    *screens = wanted;

    for (i = 0; i < SELKIES_SCREENS_MAX; i++) {
        if (streams[i] == NULL) {
            continue;
        }

        area = laid[i].width == 0
               ? SELKIES_AREA_NONE
               : selkies_area_pack((uint32_t) laid[i].x, (uint32_t) laid[i].y,
                                   (uint32_t) laid[i].width,
                                   (uint32_t) laid[i].height);

        if (area == SELKIES_AREA_NONE
            && atomic_load(&streams[i]->engine_area) != area)
        {
            selkies_log(engine->conf.log, SELKIES_LOG_WARN, "display %s has "
                        "no room for screen \"%s\"", engine->conf.display,
                        selkies_screen_name(i));
        }

        atomic_store(&streams[i]->engine_area, area);
        atomic_store(&streams[i]->engine_size, wanted.wanted[i]);
        selkies_engine_screens_tell(engine, streams[i]);
    }

    return SELKIES_OK;
}


void
selkies_engine_screens_ring(selkies_engine_t *engine)
{
    uint32_t           i;
    selkies_stream_t  *streams[SELKIES_SCREENS_MAX];

    selkies_bell_ring(engine->conf.desktop_bell);

    (void) selkies_stream_screens(engine->conf.shared, engine->conf.stream,
                                  streams);

    for (i = 0; i < SELKIES_SCREENS_MAX; i++) {
        if (streams[i] != NULL && streams[i] != engine->conf.stream) {
            engine->conf.ring(engine->conf.data,
                              selkies_stream_index(engine->conf.shared,
                                                   streams[i]));
        }
    }
}


static selkies_status_t
selkies_engine_screens_one(selkies_engine_t *engine,
    selkies_desktop_t *desktop)
{
    uint64_t           wanted;
    selkies_status_t   rc;
    selkies_stream_t  *stream = engine->conf.stream;

    wanted = atomic_load(&stream->wanted_size);

    if (selkies_size_width(wanted) == 0 || selkies_size_height(wanted) == 0) {
        return SELKIES_OK;
    }

    /*
     * A wish is carried out once, so that a size the user sets from within
     * the desktop stands.  The display thread takes engine_size back when it
     * meets a server anew: that one starts at a size of its own.
     */

    if (atomic_load(&stream->engine_area) != SELKIES_AREA_ALL) {
        rc = selkies_desktop_monitors(desktop, NULL, 0);

        if (rc == SELKIES_LOST) {
            return rc;
        }

    } else if (wanted == atomic_load(&stream->engine_size)) {
        return SELKIES_OK;
    }

    rc = selkies_engine_screens_size(engine, desktop,
                                     (int32_t) selkies_size_width(wanted),
                                     (int32_t) selkies_size_height(wanted));

    if (rc == SELKIES_LOST) {
        return rc;
    }

    /* also when it failed: the picture goes on at the size there is */

    atomic_store(&stream->engine_area, SELKIES_AREA_ALL);
    atomic_store(&stream->engine_size, wanted);
    selkies_engine_screens_tell(engine, stream);

    return SELKIES_OK;
}


/* The first one that is watched: it has an engine. */

static bool
selkies_engine_screens_leads(selkies_engine_t *engine,
    selkies_stream_t *const *streams)
{
    uint32_t  i;

    for (i = 0; i < SELKIES_SCREENS_MAX; i++) {
        if (streams[i] != NULL
            && selkies_stream_count(engine->conf.shared,
                                    selkies_stream_index(engine->conf.shared,
                                                         streams[i]),
                                    SELKIES_COUNT_READERS)
               != 0)
        {
            return streams[i] == engine->conf.stream;
        }
    }

    return false;
}


static bool
selkies_engine_screens_done(const selkies_engine_screens_t *now,
    const selkies_engine_screens_t *before, selkies_stream_t *const *streams)
{
    uint32_t  i;

    if (!before->laid) {
        return false;
    }

    for (i = 0; i < SELKIES_SCREENS_MAX; i++) {
        if (now->wanted[i] != before->wanted[i]
            || now->side[i] != before->side[i]
            || (streams[i] != NULL
                && atomic_load(&streams[i]->engine_size) != now->wanted[i]))
        {
            return false;
        }
    }

    return true;
}


/* Lays them out and makes the X screen as large, or lays them out in it. */

static selkies_status_t
selkies_engine_screens_lay(selkies_engine_t *engine,
    selkies_desktop_t *desktop, const selkies_engine_screens_t *wanted,
    selkies_layout_screen_t *laid)
{
    int                       tries;
    int32_t                   min_width, min_height, max_width, max_height,
                              width, height;
    uint32_t                  i;
    selkies_status_t          rc;

    rc = selkies_desktop_size_range(desktop, &min_width, &min_height,
                                    &max_width, &max_height);

    for (tries = 0; rc != SELKIES_LOST; tries++) {

        for (i = 0; i < SELKIES_SCREENS_MAX; i++) {
            laid[i].width = (int32_t) selkies_size_width(wanted->wanted[i]);
            laid[i].height = (int32_t) selkies_size_height(wanted->wanted[i]);
            laid[i].side = (selkies_side_t) wanted->side[i];
        }

        selkies_layout(laid, SELKIES_SCREENS_MAX, max_width, max_height,
                       &width, &height);

        if (tries == 1) {
            break;
        }

        rc = selkies_engine_screens_size(engine, desktop, width, height);

        if (rc != SELKIES_ERROR) {
            break;
        }

        rc = selkies_desktop_size(desktop, &max_width, &max_height);
    }

    return rc == SELKIES_LOST ? rc
                              : selkies_engine_screens_monitors(desktop, laid);
}


/* Within what the server can.  As selkies_desktop_resize(). */

static selkies_status_t
selkies_engine_screens_size(selkies_engine_t *engine,
    selkies_desktop_t *desktop, int32_t width, int32_t height)
{
    int32_t           min_width, min_height, max_width, max_height;
    selkies_status_t  rc;

    rc = selkies_desktop_size_range(desktop, &min_width, &min_height,
                                    &max_width, &max_height);

    if (rc == SELKIES_LOST) {
        return rc;
    }

    width = width > max_width ? max_width & ~1 : width;
    height = height > max_height ? max_height & ~1 : height;
    width = width < min_width ? (min_width + 1) & ~1 : width;
    height = height < min_height ? (min_height + 1) & ~1 : height;

    rc = selkies_desktop_resize(desktop, width, height);

    if (rc == SELKIES_REINIT) {
        atomic_fetch_add(&engine->conf.stream->statistics.resizes, 1);
    }

    return rc;
}


/* A server that knows no monitors has one desktop over all screens. */

static selkies_status_t
selkies_engine_screens_monitors(selkies_desktop_t *desktop,
    const selkies_layout_screen_t *laid)
{
    size_t             n;
    uint32_t           i;
    selkies_monitor_t  monitors[SELKIES_SCREENS_MAX];

    for (i = 0, n = 0; i < SELKIES_SCREENS_MAX; i++) {
        if (laid[i].width != 0) {
            monitors[n].name = selkies_screen_name(i);
            monitors[n].area.x = laid[i].x;
            monitors[n].area.y = laid[i].y;
            monitors[n].area.width = laid[i].width;
            monitors[n].area.height = laid[i].height;
            n++;
        }
    }

    return selkies_desktop_monitors(desktop, monitors, n) == SELKIES_LOST
           ? SELKIES_LOST : SELKIES_OK;
}


/* Its pictures and its clients go by what has just been published. */

static void
selkies_engine_screens_tell(selkies_engine_t *engine, selkies_stream_t *stream)
{
    uint32_t  index;

    index = selkies_stream_index(engine->conf.shared, stream);

    if (stream == engine->conf.stream) {
        selkies_bell_ring(engine->conf.display_bell);

    } else {
        engine->conf.ring(engine->conf.data, index);
    }

    engine->conf.wake(engine->conf.data, index);
}
