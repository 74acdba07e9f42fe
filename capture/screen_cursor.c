
/*
 * Copyright (C) ngx_selkies authors
 *
 * The cursor of a screen: where it is and what it looks like, for who draws
 * it into the picture.  XFixes tells of another shape, XInput 2 of motion.
 * Nothing tells when a program warps the pointer, nor of any motion where
 * there is no XInput 2: so who asks is told where it is now, report or not.
 *
 * Thread and ownership: the display thread's, see screen.h.
 */


#include <stdlib.h>
#include <string.h>

#include <X11/extensions/XInput2.h>

#include "screen_private.h"


static void selkies_screen_select_motion(selkies_screen_t *screen, int on);
static selkies_status_t selkies_screen_fetch_cursor(selkies_screen_t *screen);
static void selkies_screen_convert_cursor(selkies_screen_t *screen,
    const XFixesCursorImage *image);
static selkies_status_t selkies_screen_fetch_pointer(selkies_screen_t *screen);


void
selkies_screen_watch_cursor(selkies_screen_t *screen, int on)
{
    selkies_screen_cursor_t  *cursor = &screen->cursor;

    on = (on != 0);

    if (on == (int) cursor->watched || selkies_x11_lost(&screen->x11)) {
        return;
    }

    cursor->watched = (unsigned) on & 1;
    cursor->shape = cursor->watched;
    cursor->moved = cursor->watched;

    XFixesSelectCursorInput(screen->display, screen->root,
                            on ? XFixesDisplayCursorNotifyMask : 0);
    selkies_screen_select_motion(screen, on);
    (void) XFlush(screen->display);
}


static void
selkies_screen_select_motion(selkies_screen_t *screen, int on)
{
    int                       event, error, major, minor;
    XIEventMask               mask;
    unsigned char             bits[XIMaskLen(XI_LASTEVENT)];
    selkies_screen_cursor_t  *cursor = &screen->cursor;

    /* from 2.1 on a grab keeps no raw events from others */

    if (cursor->xi_opcode == 0) {
        major = 2;
        minor = 2;

        if (!XQueryExtension(screen->display, "XInputExtension",
                             &cursor->xi_opcode, &event, &error)
            || XIQueryVersion(screen->display, &major, &minor) != Success
            || major < 2 || (major == 2 && minor < 1))
        {
            cursor->xi_opcode = -1;
        }
    }

    if (cursor->xi_opcode == -1) {
        return;
    }

    memset(bits, 0, sizeof(bits));

    if (on) {
        XISetMask(bits, XI_RawMotion);
    }

    mask.deviceid = XIAllMasterDevices;
    mask.mask_len = sizeof(bits);
    mask.mask = bits;

    (void) XISelectEvents(screen->display, screen->root, &mask, 1);
}


int
selkies_screen_cursor_event(selkies_screen_t *screen, const XEvent *event)
{
    selkies_screen_cursor_t  *cursor = &screen->cursor;

    if (event->type == screen->fixes_event + XFixesCursorNotify) {
        cursor->shape = cursor->watched;
        return 1;
    }

    if (event->type == GenericEvent
        && event->xcookie.extension == cursor->xi_opcode)
    {
        cursor->moved = cursor->watched;
        return 1;
    }

    return 0;
}


selkies_status_t
selkies_screen_cursor(selkies_screen_t *screen, selkies_sprite_t *sprite)
{
    selkies_rect_t            view;
    selkies_status_t          status;
    selkies_screen_cursor_t  *cursor = &screen->cursor;

    if (selkies_x11_lost(&screen->x11)) {
        return SELKIES_LOST;
    }

    if (!cursor->watched) {
        return SELKIES_AGAIN;
    }

    /* the image comes with its place */

    status = cursor->shape ? selkies_screen_fetch_cursor(screen)
                           : selkies_screen_fetch_pointer(screen);

    if (status != SELKIES_OK) {
        return status;
    }

    selkies_screen_view(screen, &view);

    sprite->pixels = cursor->here && cursor->width ? cursor->pixels : NULL;
    sprite->width = cursor->width;
    sprite->height = cursor->height;
    sprite->x = cursor->x - cursor->hot_x - view.x;
    sprite->y = cursor->y - cursor->hot_y - view.y;

    return SELKIES_OK;
}


/* The image's own position is that of the hot spot. */

static selkies_status_t
selkies_screen_fetch_cursor(selkies_screen_t *screen)
{
    XFixesCursorImage        *image;
    selkies_screen_cursor_t  *cursor = &screen->cursor;

    image = XFixesGetCursorImage(screen->display);

    if (selkies_x11_lost(&screen->x11)) {
        return SELKIES_LOST;
    }

    cursor->shape = 0;
    cursor->moved = 0;
    cursor->here = image != NULL;

    if (image == NULL) {
        return SELKIES_OK;
    }

    cursor->x = image->x;
    cursor->y = image->y;
    cursor->hot_x = image->xhot;
    cursor->hot_y = image->yhot;

    selkies_screen_convert_cursor(screen, image);
    (void) XFree(image);

    return SELKIES_OK;
}


/*
 * The low 32 bits of each long, premultiplied.  A colour above its alpha, as
 * a program may draw it, would run over when it is blended.  One that there is
 * no memory for is not to be seen.
 */

static void
selkies_screen_convert_cursor(selkies_screen_t *screen,
    const XFixesCursorImage *image)
{
    unsigned                  c;
    size_t                    i, n;
    uint8_t                  *out, alpha, value;
    selkies_screen_cursor_t  *cursor = &screen->cursor;

    cursor->width = 0;
    cursor->height = 0;

    if (image->width == 0 || image->height == 0
        || image->width > SELKIES_SPRITE_SIDE_MAX
        || image->height > SELKIES_SPRITE_SIDE_MAX)
    {
        return;
    }

    n = (size_t) image->width * image->height;

    if (n > cursor->npixels) {
        free(cursor->pixels);
        cursor->npixels = 0;
        cursor->pixels = malloc(n * 4);

        if (cursor->pixels == NULL) {
            return;
        }

        cursor->npixels = n;
    }

    out = cursor->pixels;

    for (i = 0; i < n; i++) {
        alpha = (uint8_t) (image->pixels[i] >> 24);

        for (c = 0; c < 3; c++) {
            value = (uint8_t) (image->pixels[i] >> 8 * c);
            *out++ = value < alpha ? value : alpha;
        }

        *out++ = alpha;
    }

    cursor->width = image->width;
    cursor->height = image->height;
}


static selkies_status_t
selkies_screen_fetch_pointer(selkies_screen_t *screen)
{
    int                       x, y, window_x, window_y;
    unsigned                  here;
    Window                    root, child;
    unsigned                  mask;
    selkies_screen_cursor_t  *cursor = &screen->cursor;

    here = XQueryPointer(screen->display, screen->root, &root, &child, &x, &y,
                         &window_x, &window_y, &mask) == True;

    if (selkies_x11_lost(&screen->x11)) {
        return SELKIES_LOST;
    }

    cursor->moved = 0;

    if (here == cursor->here && x == cursor->x && y == cursor->y) {
        return SELKIES_AGAIN;
    }

    cursor->here = here & 1;
    cursor->x = x;
    cursor->y = y;

    return SELKIES_OK;
}
