
/*
 * Copyright (C) ngx_selkies authors
 *
 * Which part of the X screen pictures show, and of what size they are: what
 * was wished for, once the desktop thread has carried it out.
 *
 * Thread: the display thread.
 */


#include "selkies_engine_display.h"


selkies_status_t
selkies_display_measure(selkies_display_t *d, int32_t *width, int32_t *height)
{
    uint64_t          size;
    selkies_rect_t    view;
    selkies_status_t  rc;

    rc = selkies_screen_size(d->screen, width, height);

    if (rc != SELKIES_OK) {
        return rc;
    }

    selkies_screen_view(d->screen, &view);
    *width = view.width;
    *height = view.height;

    size = selkies_size_pack(0, (uint32_t) view.width, (uint32_t) view.height);

    if (atomic_exchange(&d->stream->engine_screen, size) != size) {
        d->engine->conf.wake(d->engine->conf.data, d->engine->index);
    }

    return SELKIES_OK;
}


selkies_status_t
selkies_display_suits(selkies_display_t *d)
{
    int32_t            width, height;
    uint64_t           wanted, none;
    selkies_status_t   rc;
    selkies_stream_t  *screens[SELKIES_SCREENS_MAX];

    rc = selkies_display_measure(d, &width, &height);

    if (rc != SELKIES_OK) {
        return rc;
    }

    wanted = atomic_load(&d->stream->wanted_size);

    if (selkies_size_width(wanted) == (uint32_t) width
        && selkies_size_height(wanted) == (uint32_t) height
        && atomic_load(&d->stream->engine_area) == SELKIES_AREA_ALL
        && selkies_stream_screens(d->engine->conf.shared, d->stream, screens)
           == 1)
    {
        none = 0;
        (void) atomic_compare_exchange_strong(&d->stream->engine_size, &none,
                                              wanted);
    }

    return SELKIES_OK;
}


uint64_t
selkies_display_awaited(selkies_display_t *d, uint64_t now)
{
    uint64_t  wanted;

    wanted = atomic_load(&d->stream->wanted_size);

    if (selkies_size_width(wanted) != 0
        && wanted == atomic_load(&d->stream->engine_size))
    {
        d->size_us = 0;
        return 0;
    }

    if (d->size_us == 0) {
        d->size_us = now;
    }

    if (now - d->size_us >= SELKIES_ENGINE_RESIZE_US) {
        return 0;
    }

    return d->size_us + SELKIES_ENGINE_RESIZE_US - now;
}


bool
selkies_display_expects(const selkies_display_t *d, int32_t *width,
    int32_t *height)
{
    uint64_t  size;

    size = atomic_load(&d->stream->claimed_size);

    if (selkies_size_width(size) == 0) {
        size = atomic_load(&d->stream->wanted_size);
    }

    *width = (int32_t) selkies_size_width(size) & ~1;
    *height = (int32_t) selkies_size_height(size) & ~1;

    return *width != 0 && *height != 0;
}


void
selkies_display_show(selkies_display_t *d, uint64_t carried)
{
    if (carried == d->shown) {
        return;
    }

    d->shown = carried;
    atomic_store(&d->stream->engine_shown, carried);
    d->engine->conf.wake(d->engine->conf.data, d->engine->index);
}


bool
selkies_display_moved(const selkies_display_t *d)
{
    return atomic_load(&d->stream->engine_area) != d->area;
}


selkies_status_t
selkies_display_crop(selkies_display_t *d)
{
    uint64_t        area;
    selkies_rect_t  rect;

    area = atomic_load(&d->stream->engine_area);

    if (area == SELKIES_AREA_NONE) {
        return SELKIES_ERROR;
    }

    if (area != d->area) {
        rect.x = selkies_area_x(area);
        rect.y = selkies_area_y(area);
        rect.width = selkies_area_width(area);
        rect.height = selkies_area_height(area);

        selkies_screen_crop(d->screen, &rect);
        d->area = area;
    }

    return SELKIES_OK;
}
