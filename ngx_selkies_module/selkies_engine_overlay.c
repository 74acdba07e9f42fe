
/*
 * Copyright (C) ngx_selkies authors
 *
 * See selkies_engine_overlay.h.
 *
 * Thread: the display thread.
 */


#include "selkies_engine_overlay.h"


void
selkies_engine_overlay_resize(selkies_engine_overlay_t *o,
    selkies_engine_t *engine, int32_t width, int32_t height)
{
    selkies_overlay_resize(&o->overlay, width, height);
    selkies_overlay_place(&o->overlay, SELKIES_OVERLAY_IMAGE,
                          engine->conf.watermark,
                          engine->conf.watermark_place);
}


void
selkies_engine_overlay_update(selkies_engine_overlay_t *o,
    selkies_screen_t *screen, uint64_t now_us)
{
    size_t          i, n;
    selkies_rect_t  rects[SELKIES_OVERLAY_RECTS_MAX];

    selkies_overlay_move(&o->overlay, now_us);

    n = selkies_overlay_damage(&o->overlay, rects);

    for (i = 0; i < n; i++) {
        selkies_screen_damage(screen, &rects[i]);
    }
}


void
selkies_engine_overlay_finish(selkies_engine_overlay_t *o)
{
    selkies_overlay_finish(&o->overlay);
}
