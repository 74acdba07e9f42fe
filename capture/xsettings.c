
/*
 * Copyright (C) ngx_selkies authors
 *
 * See xsettings.h.
 */


#include <stdio.h>
#include <string.h>

#include <X11/Xatom.h>
#include <X11/extensions/Xfixes.h>

#include "xsettings.h"


/*
 * A desktop that starts brings its manager in the first seconds; one that
 * found the selection taken would give up.
 */

#define SELKIES_XSETTINGS_QUIET_US      3000000
#define SELKIES_XSETTINGS_NO_WM_US      15000000
#define SELKIES_XSETTINGS_RETRY_US      1000000


static int selkies_xsettings_may(selkies_xsettings_t *xs, uint64_t now);
static size_t selkies_xsettings_wm(selkies_xsettings_t *xs, char *name,
    size_t size);
static unsigned char *selkies_xsettings_property(selkies_xsettings_t *xs,
    Window window, const char *property, int wanted, unsigned long *n);
static void selkies_xsettings_take(selkies_xsettings_t *xs);
static void selkies_xsettings_store(selkies_xsettings_t *xs);
static uint8_t *selkies_xsettings_put(uint8_t *out, uint32_t value);


/* Those of desktops that have a manager, as _NET_WM_NAME has them. */

static const char *const  selkies_xsettings_others[] = {
    "Xfwm4", "GNOME Shell", "Mutter", "Marco", "Metacity", "KWin", "Budgie",
    NULL
};


void
selkies_xsettings_init(selkies_xsettings_t *xs, selkies_x11_t *x11,
    Window root, int fixes_event, const selkies_log_t *log)
{
    char  name[32];

    memset(xs, 0, sizeof(selkies_xsettings_t));

    xs->x11 = x11;
    xs->root = root;
    xs->log = log;
    xs->fixes_event = fixes_event;

    (void) snprintf(name, sizeof(name), "_XSETTINGS_S%d",
                    DefaultScreen(x11->display));

    xs->selection = XInternAtom(x11->display, name, False);
    xs->property = XInternAtom(x11->display, "_XSETTINGS_SETTINGS", False);
    xs->manager = XInternAtom(x11->display, "MANAGER", False);

    xs->take_us = selkies_clock_us() + SELKIES_XSETTINGS_QUIET_US;
    xs->unmanaged_us = selkies_clock_us() + SELKIES_XSETTINGS_NO_WM_US;
}


void
selkies_xsettings_set(selkies_xsettings_t *xs,
    const selkies_xsetting_t *settings, size_t n)
{
    if (n > SELKIES_XSETTINGS_MAX) {
        n = SELKIES_XSETTINGS_MAX;
    }

    /* nobody was told of anything yet: others need not be kept away */

    if (xs->nsettings == 0 && n != 0) {
        XFixesSelectSelectionInput(xs->x11->display, xs->root, xs->selection,
                                   XFixesSetSelectionOwnerNotifyMask
                                   |XFixesSelectionWindowDestroyNotifyMask
                                   |XFixesSelectionClientCloseNotifyMask);
    }

    memcpy(xs->settings, settings, n * sizeof(selkies_xsetting_t));
    xs->nsettings = n;
    xs->serial++;

    if (xs->window != None) {
        selkies_xsettings_store(xs);
    }
}


int
selkies_xsettings_event(selkies_xsettings_t *xs, const XEvent *event)
{
    const XFixesSelectionNotifyEvent  *notify;

    if (event->type != xs->fixes_event + XFixesSelectionNotify) {
        return event->type == SelectionClear
               && event->xselectionclear.selection == xs->selection;
    }

    notify = (const XFixesSelectionNotifyEvent *) event;

    if (notify->selection != xs->selection) {
        return 0;
    }

    if (notify->owner != None && notify->owner == xs->window) {
        return 1;
    }

    if (notify->owner == None) {
        xs->take_us = selkies_clock_us() + SELKIES_XSETTINGS_QUIET_US;
        return 1;
    }

    xs->take_us = 0;

    if (xs->window != None) {
        selkies_log(xs->log, SELKIES_LOG_INFO,
                    "display %s: another program manages XSETTINGS now",
                    DisplayString(xs->x11->display));
        (void) XDestroyWindow(xs->x11->display, xs->window);
        (void) XFlush(xs->x11->display);
        xs->window = None;
    }

    return 1;
}


uint64_t
selkies_xsettings_due(selkies_xsettings_t *xs)
{
    uint64_t  now;

    if (xs->nsettings == 0 || xs->window != None || xs->take_us == 0) {
        return UINT64_MAX;
    }

    now = selkies_clock_us();

    if (now < xs->take_us) {
        return xs->take_us;
    }

    switch (selkies_xsettings_may(xs, now)) {

    case 1:
        selkies_xsettings_take(xs);
        xs->take_us = 0;
        return UINT64_MAX;

    case -1:
        xs->take_us = now + SELKIES_XSETTINGS_RETRY_US;
        return xs->take_us;

    default:
        xs->take_us = 0;
        return UINT64_MAX;
    }
}


/* 1: it is ours to take; 0: it is not; -1: not yet. */

static int
selkies_xsettings_may(selkies_xsettings_t *xs, uint64_t now)
{
    char         name[64];
    size_t       len, i;
    const char  *other;

    if (XGetSelectionOwner(xs->x11->display, xs->selection) != None
        || selkies_x11_lost(xs->x11))
    {
        return 0;
    }

    len = selkies_xsettings_wm(xs, name, sizeof(name));

    if (selkies_x11_lost(xs->x11)) {
        return 0;
    }

    if (len == 0) {
        return now < xs->unmanaged_us ? -1 : 1;
    }

    for (i = 0; selkies_xsettings_others[i] != NULL; i++) {
        other = selkies_xsettings_others[i];

        if (len >= strlen(other) && memcmp(name, other, strlen(other)) == 0) {
            return 0;
        }
    }

    return 1;
}


/* The window manager's name; 0: there is none, or it has no name. */

static size_t
selkies_xsettings_wm(selkies_xsettings_t *xs, char *name, size_t size)
{
    Window          window;
    unsigned long   n;
    unsigned char  *data;

    data = selkies_xsettings_property(xs, xs->root, "_NET_SUPPORTING_WM_CHECK",
                                      32, &n);

    if (data == NULL) {
        return 0;
    }

    /* what has the format 32 comes as longs */

    memcpy(&window, data, sizeof(Window));
    (void) XFree(data);

    data = selkies_xsettings_property(xs, window, "_NET_WM_NAME", 8, &n);

    if (data == NULL) {
        return 0;
    }

    n = n < size ? n : size;
    memcpy(name, data, n);
    (void) XFree(data);

    return n;
}


static unsigned char *
selkies_xsettings_property(selkies_xsettings_t *xs, Window window,
    const char *property, int wanted, unsigned long *n)
{
    int             format, rc;
    Atom            type;
    unsigned long   rest;
    unsigned char  *data;

    data = NULL;
    *n = 0;

    selkies_x11_trap_begin(xs->x11);

    rc = XGetWindowProperty(xs->x11->display, window,
                            XInternAtom(xs->x11->display, property, False), 0,
                            64, False, AnyPropertyType, &type, &format, n,
                            &rest, &data);

    if (selkies_x11_trap_end(xs->x11) != 0 || rc != Success || *n == 0) {

        if (rc == Success && data != NULL && !selkies_x11_lost(xs->x11)) {
            (void) XFree(data);
        }

        return NULL;
    }

    if (format != wanted) {
        (void) XFree(data);
        return NULL;
    }

    return data;
}


static void
selkies_xsettings_take(selkies_xsettings_t *xs)
{
    XEvent    event;
    Display  *display = xs->x11->display;

    xs->window = XCreateSimpleWindow(display, xs->root, -10, -10, 1, 1, 0, 0,
                                     0);
    selkies_xsettings_store(xs);
    (void) XSetSelectionOwner(display, xs->selection, xs->window, CurrentTime);

    if (XGetSelectionOwner(display, xs->selection) != xs->window
        || selkies_x11_lost(xs->x11))
    {
        if (!selkies_x11_lost(xs->x11)) {
            (void) XDestroyWindow(display, xs->window);
        }

        xs->window = None;
        return;
    }

    memset(&event, 0, sizeof(event));
    event.xclient.type = ClientMessage;
    event.xclient.window = xs->root;
    event.xclient.message_type = xs->manager;
    event.xclient.format = 32;
    event.xclient.data.l[0] = CurrentTime;
    event.xclient.data.l[1] = (long) xs->selection;
    event.xclient.data.l[2] = (long) xs->window;

    (void) XSendEvent(display, xs->root, False, StructureNotifyMask, &event);
    (void) XFlush(display);
}


static void
selkies_xsettings_store(selkies_xsettings_t *xs)
{
    size_t   len;
    uint8_t  data[SELKIES_XSETTINGS_BYTES];

    len = selkies_xsettings_write(data, xs->serial, xs->settings,
                                  xs->nsettings);

    (void) XChangeProperty(xs->x11->display, xs->window, xs->property,
                           xs->property, 8, PropModeReplace, data, (int) len);
    (void) XFlush(xs->x11->display);
}


/* Byte order, serial, number; then type, name, last change, value of each. */

size_t
selkies_xsettings_write(uint8_t *out, uint32_t serial,
    const selkies_xsetting_t *settings, size_t n)
{
    size_t          i, len, used;
    uint8_t        *pos, *end;
    uint32_t        count;
    const uint16_t  one = 1;

    memset(out, 0, SELKIES_XSETTINGS_BYTES);

    end = out + SELKIES_XSETTINGS_BYTES;
    out[0] = *(const uint8_t *) &one == 1 ? LSBFirst : MSBFirst;
    pos = selkies_xsettings_put(out + 4, serial);
    pos += 4;

    for (i = 0, count = 0; i < n; i++) {
        len = strlen(settings[i].name);
        used = 4 + ((len + 3) & ~(size_t) 3) + 8;

        if (len == 0 || len > 64 || used > (size_t) (end - pos)) {
            continue;
        }

        /* type 0: an integer */

        memcpy(pos + 2, &(uint16_t) { (uint16_t) len }, 2);
        memcpy(pos + 4, settings[i].name, len);
        (void) selkies_xsettings_put(pos + used - 8, serial);
        (void) selkies_xsettings_put(pos + used - 4,
                                     (uint32_t) settings[i].value);
        pos += used;
        count++;
    }

    (void) selkies_xsettings_put(out + 8, count);

    return (size_t) (pos - out);
}


static uint8_t *
selkies_xsettings_put(uint8_t *out, uint32_t value)
{
    memcpy(out, &value, sizeof(uint32_t));

    return out + sizeof(uint32_t);
}
