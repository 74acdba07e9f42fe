
/*
 * Copyright (C) ngx_selkies authors
 *
 * What an engine lays over its picture, and when that changes.
 *
 * Thread: the display thread.  Ownership: the images of a watermark are the
 * configuration's.
 */


#ifndef SELKIES_ENGINE_OVERLAY_H_INCLUDED
#define SELKIES_ENGINE_OVERLAY_H_INCLUDED


#include "../capture/screen.h"
#include "../encoders/label.h"
#include "../encoders/overlay.h"
#include "selkies_engine_private.h"


/* Begins zeroed. */

typedef struct {
    selkies_overlay_t   overlay;
    selkies_image_t     cursor;             /* its pixels are the screen's */

    selkies_label_t    *label;              /* NULL: no text so far */
    selkies_image_t     caption;
    int32_t             caption_width;      /* of the picture it is for */
    int32_t             caption_height;
    uint32_t            caption_sequence;   /* of the text that it shows */

    unsigned            with_cursor:1;      /* what was wanted last */
    unsigned            mute:1;             /* text cannot be drawn: said so */
} selkies_engine_overlay_t;


#pragma GCC visibility push(hidden)


/* A picture of this size, in pixels, begins. */

void selkies_engine_overlay_resize(selkies_engine_overlay_t *o,
    selkies_engine_t *engine, int32_t width, int32_t height);


/*
 * Follows the wishes, for cursor and text; whether there is one that the
 * picture does not show.  The screen is started.
 */

bool selkies_engine_overlay_follow(selkies_engine_overlay_t *o,
    selkies_engine_t *engine, selkies_screen_t *screen);


/*
 * Before a picture is captured: what is laid over it becomes what it is to be
 * now, and what has to be converted anew for that counts as damage of the
 * screen.  OK or LOST.
 */

selkies_status_t selkies_engine_overlay_update(selkies_engine_overlay_t *o,
    selkies_engine_t *engine, selkies_screen_t *screen, uint64_t now_us);


/* The screen is about to be closed. */

void selkies_engine_overlay_leave(selkies_engine_overlay_t *o);


/* Frees what belongs to it and zeroes it. */

void selkies_engine_overlay_finish(selkies_engine_overlay_t *o);


#pragma GCC visibility pop


#endif /* SELKIES_ENGINE_OVERLAY_H_INCLUDED */
