
/*
 * Copyright (C) ngx_selkies authors
 *
 * The part of a screen that frames show: one of several screens that a desktop
 * is shown on, or all of it.
 *
 * Thread and ownership: the display thread's, see screen.h.
 */


#include <stddef.h>

#include "rects.h"
#include "screen_private.h"


void
selkies_screen_crop(selkies_screen_t *screen, const selkies_rect_t *area)
{
    static const selkies_rect_t  all = { 0, 0, 0, 0 };

    screen->area = area != NULL ? *area : all;
    screen->full = 1;
    screen->nadded = 0;

    /* the sprite is told from another corner */

    screen->cursor.shape = screen->cursor.watched;
}


void
selkies_screen_view(const selkies_screen_t *screen, selkies_rect_t *view)
{
    *view = screen->area;

    if (view->width == 0
        || !selkies_rect_clip(view, screen->width, screen->height))
    {
        view->x = 0;
        view->y = 0;
        view->width = screen->width;
        view->height = screen->height;
    }
}


int
selkies_screen_clip(const selkies_rect_t *view, selkies_rect_t *rect)
{
    rect->x -= view->x;
    rect->y -= view->y;

    if (!selkies_rect_clip(rect, view->width, view->height)) {
        return 0;
    }

    rect->x += view->x;
    rect->y += view->y;

    return 1;
}


void
selkies_screen_fill(selkies_screen_t *screen, selkies_frame_t *frame)
{
    size_t          i;
    selkies_rect_t  view;

    if (screen->tier == SELKIES_TIER_FB) {
        frame->pixels = screen->fb.pixels;
        frame->stride_bytes = screen->fb.stride_bytes;

    } else {
        frame->pixels = screen->shm.memory;
        frame->stride_bytes = screen->shm.stride_bytes;
    }

    selkies_screen_view(screen, &view);

    frame->pixels += (ptrdiff_t) view.y * frame->stride_bytes
                     + (ptrdiff_t) view.x * 4;

    for (i = 0; i < screen->nrects; i++) {
        screen->rects[i].x -= view.x;
        screen->rects[i].y -= view.y;
    }

    frame->width = view.width;
    frame->height = view.height;
    frame->rects = screen->rects;
    frame->nrects = screen->nrects;
}
