
/*
 * Copyright (C) ngx_selkies authors
 *
 * See selkies_engine_overlay.h.
 *
 * Thread: the display thread.
 */


#include "selkies_engine_overlay.h"


static selkies_status_t selkies_engine_overlay_cursor(
    selkies_engine_overlay_t *o, selkies_engine_t *engine,
    selkies_screen_t *screen);


void
selkies_engine_overlay_resize(selkies_engine_overlay_t *o,
    selkies_engine_t *engine, int32_t width, int32_t height)
{
    selkies_overlay_resize(&o->overlay, width, height);
    selkies_overlay_place(&o->overlay, SELKIES_OVERLAY_IMAGE,
                          engine->conf.watermark,
                          engine->conf.watermark_place);
}


bool
selkies_engine_overlay_follow(selkies_engine_overlay_t *o,
    selkies_engine_t *engine, selkies_screen_t *screen)
{
    bool  cursor;

    cursor = atomic_load(&engine->conf.stream->wanted_cursor) != 0;

    selkies_screen_watch_cursor(screen, cursor);

    return cursor != o->with_cursor;
}


selkies_status_t
selkies_engine_overlay_update(selkies_engine_overlay_t *o,
    selkies_engine_t *engine, selkies_screen_t *screen, uint64_t now_us)
{
    size_t            i, n;
    selkies_rect_t    rects[SELKIES_OVERLAY_RECTS_MAX];
    selkies_status_t  rc;

    rc = selkies_engine_overlay_cursor(o, engine, screen);

    if (rc != SELKIES_OK) {
        return rc;
    }

    selkies_overlay_move(&o->overlay, now_us);

    n = selkies_overlay_damage(&o->overlay, rects);

    for (i = 0; i < n; i++) {
        selkies_screen_damage(screen, &rects[i]);
    }

    return SELKIES_OK;
}


/* The cursor becomes part of the picture, or is none any more. */

static selkies_status_t
selkies_engine_overlay_cursor(selkies_engine_overlay_t *o,
    selkies_engine_t *engine, selkies_screen_t *screen)
{
    selkies_sprite_t  sprite;
    selkies_status_t  rc;

    if (atomic_load(&engine->conf.stream->wanted_cursor) == 0) {
        selkies_engine_overlay_leave(o);
        return SELKIES_OK;
    }

    o->with_cursor = 1;
    rc = selkies_screen_cursor(screen, &sprite);

    if (rc != SELKIES_OK) {
        return rc == SELKIES_AGAIN ? SELKIES_OK : rc;
    }

    o->cursor.pixels = sprite.pixels;
    o->cursor.width = sprite.width;
    o->cursor.height = sprite.height;

    selkies_overlay_put(&o->overlay, SELKIES_OVERLAY_CURSOR,
                        sprite.pixels != NULL ? &o->cursor : NULL, sprite.x,
                        sprite.y);

    return SELKIES_OK;
}


void
selkies_engine_overlay_leave(selkies_engine_overlay_t *o)
{
    if (o->with_cursor) {
        selkies_overlay_put(&o->overlay, SELKIES_OVERLAY_CURSOR, NULL, 0, 0);
        o->with_cursor = 0;
    }
}


void
selkies_engine_overlay_finish(selkies_engine_overlay_t *o)
{
    selkies_overlay_finish(&o->overlay);
}
