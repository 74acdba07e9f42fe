
/*
 * Copyright (C) ngx_selkies authors
 *
 * See selkies_engine_overlay.h.
 *
 * Thread: the display thread.
 */


#include <string.h>

#include "selkies_engine_overlay.h"


static bool selkies_engine_overlay_is_old(selkies_engine_overlay_t *o,
    selkies_engine_t *engine);
static selkies_status_t selkies_engine_overlay_cursor(
    selkies_engine_overlay_t *o, selkies_engine_t *engine,
    selkies_screen_t *screen);
static void selkies_engine_overlay_caption(selkies_engine_overlay_t *o,
    selkies_engine_t *engine);
static void selkies_engine_overlay_draw(selkies_engine_overlay_t *o,
    selkies_engine_t *engine, const uint8_t *text, size_t len);


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

    return cursor != o->with_cursor
           || selkies_engine_overlay_is_old(o, engine);
}


/* What is being written is told of when it is there. */

static bool
selkies_engine_overlay_is_old(selkies_engine_overlay_t *o,
    selkies_engine_t *engine)
{
    uint32_t  sequence;

    sequence = atomic_load(&engine->conf.stream->caption.sequence);

    return !(sequence & 1) && sequence != o->caption_sequence;
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

    selkies_engine_overlay_caption(o, engine);
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


/* Another text, or a picture of another size. */

static void
selkies_engine_overlay_caption(selkies_engine_overlay_t *o,
    selkies_engine_t *engine)
{
    size_t    len;
    uint8_t   text[SELKIES_CAPTION_BYTES];
    uint32_t  place;

    if (o->caption_width == o->overlay.width
        && o->caption_height == o->overlay.height
        && !selkies_engine_overlay_is_old(o, engine))
    {
        return;
    }

    if (!selkies_caption_read(&engine->conf.stream->caption, text, &len,
                              &place, &o->caption_sequence))
    {
        return;
    }

    o->caption_width = o->overlay.width;
    o->caption_height = o->overlay.height;

    selkies_engine_overlay_draw(o, engine, text, len);
    selkies_overlay_place(&o->overlay, SELKIES_OVERLAY_TEXT,
                          o->caption.pixels != NULL ? &o->caption : NULL,
                          (selkies_overlay_place_t) place);
}


static void
selkies_engine_overlay_draw(selkies_engine_overlay_t *o,
    selkies_engine_t *engine, const uint8_t *text, size_t len)
{
    int32_t  width;

    selkies_image_free(&o->caption);

    if (len == 0 || engine->conf.fonts == NULL) {
        return;
    }

    if (o->label == NULL) {
        o->label = selkies_label_open(engine->conf.fonts);
    }

    width = o->overlay.width - 2 * SELKIES_OVERLAY_MARGIN;

    if (o->label != NULL
        && selkies_label_draw(o->label, text, len,
                              selkies_label_size(o->overlay.height), width,
                              &o->caption)
           == SELKIES_OK)
    {
        o->mute = 0;
        return;
    }

    if (!o->mute) {
        selkies_log(engine->conf.log, SELKIES_LOG_ERR,
                    "display %s: the text over the picture cannot be drawn: "
                    "no font of \"%s\" and others, or no memory",
                    engine->conf.display, engine->conf.fonts->fonts[0].path);
        o->mute = 1;
    }
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
    selkies_image_free(&o->caption);
    selkies_label_close(o->label);
    memset(o, 0, sizeof(selkies_engine_overlay_t));
}
