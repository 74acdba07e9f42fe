
/*
 * Copyright (C) ngx_selkies authors
 *
 * See monitors.h.
 */


#include <stdio.h>
#include <string.h>

#include <X11/extensions/Xrandr.h>

#include "monitors.h"


#define SELKIES_MONITOR_PREFIX   "selkies-"


static int selkies_monitors_known(Display *display);
static void selkies_monitors_clear(Display *display, Window root);
static RROutput selkies_monitors_output(Display *display, Window root);
static void selkies_monitors_add(Display *display, Window root,
    const selkies_monitor_t *monitor, RROutput output, int primary);


selkies_status_t
selkies_monitors_set(selkies_x11_t *x11, const selkies_monitor_t *monitors,
    size_t n)
{
    int       error;
    size_t    i;
    Window    root;
    Display  *display = x11->display;

    if (selkies_x11_lost(x11)) {
        return SELKIES_LOST;
    }

    if (!selkies_monitors_known(display)) {
        return selkies_x11_lost(x11) ? SELKIES_LOST : SELKIES_ERROR;
    }

    root = DefaultRootWindow(display);

    /* programs ask at each change: they see all of it, or nothing */

    (void) XGrabServer(display);
    selkies_x11_trap_begin(x11);

    selkies_monitors_clear(display, root);

    for (i = 0; i < n && n > 1; i++) {

        /* an output belongs to one monitor, and would be one without it */

        selkies_monitors_add(display, root, &monitors[i],
                             i == 0 ? selkies_monitors_output(display, root)
                                    : None, i == 0);
    }

    error = selkies_x11_trap_end(x11);

    (void) XUngrabServer(display);
    (void) XFlush(display);

    if (selkies_x11_lost(x11)) {
        return SELKIES_LOST;
    }

    return error == 0 ? SELKIES_OK : SELKIES_ERROR;
}


static int
selkies_monitors_known(Display *display)
{
    int  event, error, major, minor;

    return XRRQueryExtension(display, &event, &error)
           && XRRQueryVersion(display, &major, &minor)
           && (major > 1 || (major == 1 && minor >= 5));
}


/* Ours, also those that a worker before us made. */

static void
selkies_monitors_clear(Display *display, Window root)
{
    int              i, n, ours;
    char            *name;
    XRRMonitorInfo  *monitors;

    monitors = XRRGetMonitors(display, root, False, &n);

    for (i = 0; monitors != NULL && i < n; i++) {
        name = XGetAtomName(display, monitors[i].name);

        if (name == NULL) {
            continue;
        }

        ours = strncmp(name, SELKIES_MONITOR_PREFIX,
                       sizeof(SELKIES_MONITOR_PREFIX) - 1) == 0;
        (void) XFree(name);

        if (ours) {
            XRRDeleteMonitor(display, root, monitors[i].name);
        }
    }

    if (monitors != NULL) {
        XRRFreeMonitors(monitors);
    }
}


/* The one that shows the screen. */

static RROutput
selkies_monitors_output(Display *display, Window root)
{
    int                  i;
    RROutput             output;
    XRROutputInfo       *info;
    XRRScreenResources  *resources;

    output = None;
    resources = XRRGetScreenResourcesCurrent(display, root);

    if (resources == NULL) {
        return None;
    }

    for (i = 0; i < resources->noutput && output == None; i++) {
        info = XRRGetOutputInfo(display, resources, resources->outputs[i]);

        if (info != NULL) {
            if (info->connection != RR_Disconnected && info->crtc != None) {
                output = resources->outputs[i];
            }

            XRRFreeOutputInfo(info);
        }
    }

    XRRFreeScreenResources(resources);

    return output;
}


static void
selkies_monitors_add(Display *display, Window root,
    const selkies_monitor_t *monitor, RROutput output, int primary)
{
    char             name[64];
    XRRMonitorInfo  *info;

    info = XRRAllocateMonitor(display, output == None ? 0 : 1);

    if (info == NULL) {
        return;
    }

    (void) snprintf(name, sizeof(name), SELKIES_MONITOR_PREFIX "%s",
                    monitor->name);

    info->name = XInternAtom(display, name, False);
    info->primary = primary;
    info->x = monitor->area.x;
    info->y = monitor->area.y;
    info->width = monitor->area.width;
    info->height = monitor->area.height;

    /* 96 dots an inch of 25.4 mm */

    info->mwidth = monitor->area.width * 254 / 960;
    info->mheight = monitor->area.height * 254 / 960;

    if (output != None) {
        info->outputs[0] = output;
    }

    XRRSetMonitor(display, root, info);
    XRRFreeMonitors(info);
}
