
/*
 * Copyright (C) ngx_selkies authors
 *
 * See screen.h.
 */


#include <stdlib.h>
#include <string.h>

#include <X11/Xlib-xcb.h>
#include <X11/extensions/Xdamage.h>
#include <X11/extensions/Xfixes.h>

#include "rects.h"
#include "screen_private.h"


static selkies_status_t selkies_screen_init(selkies_screen_t *screen,
    const selkies_screen_conf_t *conf);
static const char *selkies_screen_extensions(selkies_screen_t *screen);
static const char *selkies_screen_format(selkies_screen_t *screen);
static void selkies_screen_event(selkies_screen_t *screen, XEvent *event);
static selkies_status_t selkies_screen_ready(selkies_screen_t *screen);
static int selkies_screen_is_damaged(const selkies_screen_t *screen);
static selkies_status_t selkies_screen_fetch(selkies_screen_t *screen);
static selkies_status_t selkies_screen_image_failed(selkies_screen_t *screen);
static void selkies_screen_add(selkies_screen_t *screen);
static void selkies_screen_drain(selkies_screen_t *screen);
static void selkies_screen_copy(selkies_screen_t *screen,
    const selkies_rect_t *view);


static const char *const  selkies_screen_tiers[] = {
    "framebuffer",
    "shared pixmap",
    "shm image"
};


selkies_screen_t *
selkies_screen_open(const selkies_screen_conf_t *conf,
    const selkies_log_t *log)
{
    selkies_screen_t  *screen;

    screen = calloc(1, sizeof(selkies_screen_t));
    if (screen == NULL) {
        return NULL;
    }

    screen->log = log;
    screen->display = selkies_x11_open(&screen->x11, conf->display,
                                       conf->xauthority, conf->interrupt, log);

    if (screen->display == NULL
        || selkies_screen_init(screen, conf) != SELKIES_OK)
    {
        selkies_screen_close(screen);
        return NULL;
    }

    return screen;
}


static selkies_status_t
selkies_screen_init(selkies_screen_t *screen,
    const selkies_screen_conf_t *conf)
{
    Display            *display;
    XGCValues           values;
    const char         *why;
    XWindowAttributes   attributes;

    display = screen->display;
    screen->root = DefaultRootWindow(display);
    screen->xcb = XGetXCBConnection(display);

    why = selkies_screen_extensions(screen);

    if (why == NULL) {
        why = selkies_screen_format(screen);
    }

    if (why != NULL) {
        goto unusable;
    }

    (void) XSelectInput(display, screen->root, StructureNotifyMask);

    if (!XGetWindowAttributes(display, screen->root, &attributes)) {
        return SELKIES_LOST;
    }

    screen->width = attributes.width;
    screen->height = attributes.height;
    screen->geometry = 1;

    values.subwindow_mode = IncludeInferiors;
    values.graphics_exposures = False;
    screen->gc = XCreateGC(display, screen->root,
                           GCSubwindowMode|GCGraphicsExposures, &values);
    screen->region = XFixesCreateRegion(display, NULL, 0);
    screen->shm_support = selkies_shm_query(screen->xcb);

    if (selkies_x11_lost(&screen->x11)) {
        return SELKIES_LOST;
    }

    if (conf->mode == SELKIES_CAPTURE_IMAGE && screen->shm_support > 1) {
        screen->shm_support = 1;
    }

    if (conf->mode <= SELKIES_CAPTURE_FB) {
        return selkies_screen_init_fb(screen, conf);
    }

    return selkies_screen_init_shm(screen);

unusable:

    if (!selkies_x11_lost(&screen->x11)) {
        selkies_log(screen->log, SELKIES_LOG_ERR,
                    "display %s cannot be captured: %s",
                    DisplayString(display), why);
    }

    return SELKIES_ERROR;
}


static const char *
selkies_screen_extensions(selkies_screen_t *screen)
{
    int  error, major, minor;

    if (!XFixesQueryExtension(screen->display, &screen->fixes_event, &error)
        || !XFixesQueryVersion(screen->display, &major, &minor)
        || major < 4)
    {
        return "the server has no XFIXES 4";
    }

    if (!XDamageQueryExtension(screen->display, &screen->damage_event, &error)
        || !XDamageQueryVersion(screen->display, &major, &minor))
    {
        return "the server has no DAMAGE";
    }

    return NULL;
}


static const char *
selkies_screen_format(selkies_screen_t *screen)
{
    int                   i, n, bits;
    Visual               *visual;
    XPixmapFormatValues  *formats;

    visual = DefaultVisual(screen->display, DefaultScreen(screen->display));
    screen->depth = (uint8_t) DefaultDepth(screen->display,
                                           DefaultScreen(screen->display));

    formats = XListPixmapFormats(screen->display, &n);
    bits = 0;

    for (i = 0; formats != NULL && i < n; i++) {
        if (formats[i].depth == screen->depth) {
            bits = formats[i].bits_per_pixel;
        }
    }

    if (formats != NULL) {
        (void) XFree(formats);
    }

    if (bits != 32 || ImageByteOrder(screen->display) != LSBFirst
        || visual->red_mask != 0xff0000 || visual->green_mask != 0x00ff00
        || visual->blue_mask != 0x0000ff)
    {
        return "its pixels are not 32 bits B G R X";
    }

    return NULL;
}


selkies_status_t
selkies_screen_init_shm(selkies_screen_t *screen)
{
    screen->tier = (screen->shm_support > 1) ? SELKIES_TIER_PIXMAP
                                             : SELKIES_TIER_IMAGE;

    if (screen->shm_support == 0) {
        selkies_log(screen->log, SELKIES_LOG_ERR, "display %s cannot be "
                    "captured: not a local server with MIT-SHM 1.2",
                    DisplayString(screen->display));
        return SELKIES_ERROR;
    }

    screen->full = 1;

    return SELKIES_OK;
}


void
selkies_screen_close(selkies_screen_t *screen)
{
    if (screen == NULL) {
        return;
    }

    if (screen->xcb != NULL) {
        selkies_shm_destroy(&screen->shm, screen->xcb);
    }

    selkies_framebuffer_unmap(&screen->fb);

    /* the server drops damage, region and the hidden cursor by itself */

    if (screen->gc != NULL) {
        (void) XFreeGC(screen->display, screen->gc);
    }

    selkies_x11_close(&screen->x11);
    free(screen->cursor.pixels);
    free(screen);
}


int
selkies_screen_fd(const selkies_screen_t *screen)
{
    return ConnectionNumber(screen->display);
}


unsigned
selkies_screen_dispatch(selkies_screen_t *screen)
{
    unsigned  bits;

    while (!selkies_x11_lost(&screen->x11) && XPending(screen->display) > 0) {
        selkies_screen_drain(screen);
    }

    if (selkies_x11_lost(&screen->x11)) {
        return SELKIES_SCREEN_LOST;
    }

    bits = 0;

    if (screen->started && selkies_screen_is_damaged(screen)) {
        bits |= SELKIES_SCREEN_DAMAGE;
    }

    if (screen->geometry) {
        bits |= SELKIES_SCREEN_GEOMETRY;
    }

    if (screen->cursor.shape || screen->cursor.moved) {
        bits |= SELKIES_SCREEN_CURSOR;
    }

    return bits;
}


static void
selkies_screen_event(selkies_screen_t *screen, XEvent *event)
{
    XConfigureEvent  *configure;

    if (event->type == screen->damage_event + XDamageNotify) {

        /* what happened before the last subtract is in its region */

        if (event->xany.serial >= screen->damage_serial) {
            screen->damaged = 1;
            screen->damage_ms = (uint32_t)
                                ((XDamageNotifyEvent *) event)->timestamp;
        }

        return;
    }

    if (selkies_screen_cursor_event(screen, event)) {
        return;
    }

    /* sent for the root window when RandR gave the screen another size */

    if (event->type == ConfigureNotify) {
        configure = &event->xconfigure;

        if (configure->window == screen->root
            && (configure->width != screen->width
                || configure->height != screen->height))
        {
            screen->width = configure->width;
            screen->height = configure->height;
            screen->geometry = 1;
            screen->full = 1;
        }
    }
}


void
selkies_screen_sync(selkies_screen_t *screen)
{
    if (!selkies_x11_lost(&screen->x11)) {
        (void) XSync(screen->display, False);
    }
}


bool
selkies_screen_damage_ms(const selkies_screen_t *screen, uint32_t *damage_ms)
{
    *damage_ms = screen->damage_ms;

    return screen->damaged;
}


selkies_status_t
selkies_screen_size(selkies_screen_t *screen, int32_t *width, int32_t *height)
{
    if (selkies_x11_lost(&screen->x11)) {
        return SELKIES_LOST;
    }

    *width = screen->width;
    *height = screen->height;
    screen->geometry = 0;

    return SELKIES_OK;
}


selkies_status_t
selkies_screen_start(selkies_screen_t *screen)
{
    if (selkies_x11_lost(&screen->x11)) {
        return SELKIES_LOST;
    }

    screen->full = 1;

    if (screen->started) {
        return SELKIES_OK;
    }

    screen->damage = XDamageCreate(screen->display, screen->root,
                                   XDamageReportNonEmpty);
    screen->started = 1;
    (void) XFlush(screen->display);

    return selkies_x11_lost(&screen->x11) ? SELKIES_LOST : SELKIES_OK;
}


void
selkies_screen_stop(selkies_screen_t *screen)
{
    if (!screen->started) {
        return;
    }

    screen->started = 0;
    screen->damaged = 0;
    screen->nadded = 0;

    selkies_shm_destroy(&screen->shm, screen->xcb);
    selkies_screen_watch_cursor(screen, 0);

    if (!selkies_x11_lost(&screen->x11)) {
        XDamageDestroy(screen->display, screen->damage);
        (void) XFlush(screen->display);
    }
}


selkies_status_t
selkies_screen_acquire(selkies_screen_t *screen, selkies_frame_t *frame)
{
    selkies_status_t  status;

    if (selkies_x11_lost(&screen->x11)) {
        return SELKIES_LOST;
    }

    if (screen->geometry) {
        return SELKIES_REINIT;
    }

    if (!screen->started || !selkies_screen_is_damaged(screen)) {
        return SELKIES_AGAIN;
    }

    status = selkies_screen_ready(screen);
    if (status != SELKIES_OK) {
        return status;
    }

    frame->capture_us = selkies_clock_us();

    status = SELKIES_OK;
    screen->nrects = 0;

    if (screen->damaged || screen->full) {
        status = selkies_screen_fetch(screen);
    }

    if (status == SELKIES_OK) {
        selkies_screen_add(screen);

        if (screen->nrects == 0) {
            return SELKIES_AGAIN;
        }
    }

    if (status == SELKIES_OK && screen->tier == SELKIES_TIER_FB
        && !screen->proven)
    {
        status = selkies_screen_check(screen);

        if (status == SELKIES_AGAIN) {
            return selkies_screen_acquire(screen, frame);
        }
    }

    if (status != SELKIES_OK) {
        return status;
    }

    selkies_screen_fill(screen, frame);

    return SELKIES_OK;
}


static int
selkies_screen_is_damaged(const selkies_screen_t *screen)
{
    return screen->damaged || screen->full || screen->nadded != 0;
}


/* Memory of the present size for the present tier. */

static selkies_status_t
selkies_screen_ready(selkies_screen_t *screen)
{
    selkies_status_t  status;

    if (screen->tier == SELKIES_TIER_FB) {
        if (screen->width <= screen->fb.width
            && screen->height <= screen->fb.height)
        {
            return SELKIES_OK;
        }

        status = selkies_screen_leave_fb(screen, "is smaller than the screen");
        if (status != SELKIES_OK) {
            return status;
        }
    }

    if (screen->shm.memory != NULL && screen->shm.width == screen->width
        && screen->shm.height == screen->height)
    {
        return SELKIES_OK;
    }

    selkies_shm_destroy(&screen->shm, screen->xcb);
    screen->full = 1;
    status = SELKIES_ERROR;

    if (screen->tier == SELKIES_TIER_PIXMAP) {
        status = selkies_shm_create(&screen->shm, screen->xcb, screen->root,
                                    screen->width, screen->height,
                                    screen->depth);
        if (status != SELKIES_OK) {
            screen->tier = SELKIES_TIER_IMAGE;
        }
    }

    if (status != SELKIES_OK) {
        status = selkies_shm_create(&screen->shm, screen->xcb, screen->root,
                                    screen->width, screen->height, 0);
    }

    if (selkies_x11_lost(&screen->x11)) {
        return SELKIES_LOST;
    }

    if (status != SELKIES_OK) {
        selkies_log(screen->log, SELKIES_LOG_ERR, "no shared memory of "
                    "%dx%d pixels with display %s", (int) screen->width,
                    (int) screen->height, DisplayString(screen->display));
    }

    return status;
}


/*
 * Damage becomes rectangles and, but for the framebuffer, their pixels are
 * copied.  The reply tells that the server did all of it; events before the
 * reply tell whether the size was still the one we copied for.
 */

static selkies_status_t
selkies_screen_fetch(selkies_screen_t *screen)
{
    int             i, n, full;
    XRectangle     *fetched;
    selkies_rect_t  rect, view;

    selkies_screen_view(screen, &view);
    full = screen->full;
    n = 0;

    screen->damaged = 0;
    screen->damage_serial = NextRequest(screen->display);

    XDamageSubtract(screen->display, screen->damage, None, screen->region);

    if (screen->tier == SELKIES_TIER_PIXMAP) {
        selkies_screen_copy(screen, &view);
    }

    fetched = XFixesFetchRegion(screen->display, screen->region, &n);

    for (i = 0; fetched != NULL && i < n && !full; i++) {
        rect.x = fetched[i].x;
        rect.y = fetched[i].y;
        rect.width = fetched[i].width;
        rect.height = fetched[i].height;

        if (selkies_screen_clip(&view, &rect)) {
            selkies_rects_add(screen->rects, &screen->nrects,
                              SELKIES_SCREEN_RECTS_MAX, &rect);
        }
    }

    if (fetched != NULL) {
        (void) XFree(fetched);
    }

    if (full) {
        screen->rects[0] = view;
        screen->nrects = 1;
    }

    selkies_screen_drain(screen);

    if (selkies_x11_lost(&screen->x11)) {
        return SELKIES_LOST;
    }

    /* a change of size has set full: nothing of the damage is lost */

    if (screen->geometry) {
        return SELKIES_REINIT;
    }

    if (screen->nrects == 0) {
        return screen->nadded != 0 ? SELKIES_OK : SELKIES_AGAIN;
    }

    if (screen->tier == SELKIES_TIER_IMAGE
        && selkies_shm_get_rows(&screen->shm, screen->xcb, screen->root,
                                screen->rects, screen->nrects)
           != SELKIES_OK)
    {
        return selkies_screen_image_failed(screen);
    }

    screen->full = 0;

    return SELKIES_OK;
}


/*
 * What the caller says is damaged has changed in no memory, or will be told by
 * the server as well: its pixels are current.  The screen may have become
 * smaller since.
 */

static void
selkies_screen_add(selkies_screen_t *screen)
{
    size_t          i;
    selkies_rect_t  view;

    selkies_screen_view(screen, &view);

    for (i = 0; i < screen->nadded; i++) {
        if (selkies_screen_clip(&view, &screen->added[i])) {
            selkies_rects_add(screen->rects, &screen->nrects,
                              SELKIES_SCREEN_RECTS_MAX, &screen->added[i]);
        }
    }

    screen->nadded = 0;
}


/* As a rule the screen has just become smaller, which an event tells. */

static selkies_status_t
selkies_screen_image_failed(selkies_screen_t *screen)
{
    screen->full = 1;

    (void) XSync(screen->display, False);
    selkies_screen_drain(screen);

    if (selkies_x11_lost(&screen->x11)) {
        return SELKIES_LOST;
    }

    if (screen->geometry) {
        return SELKIES_REINIT;
    }

    selkies_log(screen->log, SELKIES_LOG_ERR, "display %s refuses to hand out "
                "its pixels", DisplayString(screen->display));

    return SELKIES_ERROR;
}


/* Events that are here already. */

static void
selkies_screen_drain(selkies_screen_t *screen)
{
    XEvent  event;

    while (!selkies_x11_lost(&screen->x11)
           && XEventsQueued(screen->display, QueuedAlready) > 0)
    {
        (void) XNextEvent(screen->display, &event);

        if (!selkies_x11_lost(&screen->x11)) {
            selkies_screen_event(screen, &event);
        }
    }
}


static void
selkies_screen_copy(selkies_screen_t *screen, const selkies_rect_t *view)
{
    if (screen->full) {
        (void) XSetClipMask(screen->display, screen->gc, None);

    } else {
        XFixesSetGCClipRegion(screen->display, screen->gc, 0, 0,
                              screen->region);
    }

    (void) XCopyArea(screen->display, screen->root, screen->shm.pixmap,
                     screen->gc, view->x, view->y, (unsigned) view->width,
                     (unsigned) view->height, view->x, view->y);
}


void
selkies_screen_release(selkies_screen_t *screen)
{
    screen->nrects = 0;
}


void
selkies_screen_damage_all(selkies_screen_t *screen)
{
    screen->full = 1;
}


void
selkies_screen_damage(selkies_screen_t *screen, const selkies_rect_t *rect)
{
    selkies_rect_t  part, view;

    selkies_screen_view(screen, &view);

    part = *rect;
    part.x += view.x;
    part.y += view.y;

    if (selkies_screen_clip(&view, &part)) {
        selkies_rects_add(screen->added, &screen->nadded,
                          SELKIES_SCREEN_ADDED_MAX, &part);
    }
}


const char *
selkies_screen_tier(const selkies_screen_t *screen)
{
    return selkies_screen_tiers[screen->tier];
}
