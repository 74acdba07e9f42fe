
/*
 * Copyright (C) ngx_selkies authors
 *
 * See desktop.h.
 */


#include <stdlib.h>
#include <string.h>

#include <X11/extensions/Xfixes.h>
#include <X11/extensions/Xrandr.h>

#include "cursor.h"
#include "desktop.h"
#include "dpi.h"


/* Encoded cursors kept: an animated one comes back frame by frame. */

#define SELKIES_DESKTOP_CURSORS  32

/* What we call ourselves in names of modes where "WxH" is taken. */

#define SELKIES_DESKTOP_PREFIX   "selkies-"


typedef struct {
    unsigned long     serial;
    uint64_t          used;
    uint8_t          *png;
    selkies_cursor_t  cursor;
} selkies_desktop_cursor_t;


struct selkies_desktop_s {
    selkies_x11_t              x11;
    Display                   *display;
    Window                     root;
    const selkies_log_t       *log;

    int                        fixes_event;
    int                        randr;
    int                        dpi;

    int32_t                    width;
    int32_t                    height;

    unsigned                   geometry:1;
    unsigned                   cursor:1;

    selkies_dpi_t              settings;

    uint64_t                   uses;
    uint8_t                   *png;
    selkies_desktop_cursor_t   cursors[SELKIES_DESKTOP_CURSORS];
};


/* The one output that is resized, and what it shows. */

typedef struct {
    XRRScreenResources  *resources;
    XRROutputInfo       *info;
    XRRCrtcInfo         *crtc;
    RROutput             output;
    RRMode               mode;          /* to be set */
    int                  created;
} selkies_desktop_resize_t;


static selkies_status_t selkies_desktop_init(selkies_desktop_t *desktop);
static selkies_status_t selkies_desktop_try(selkies_desktop_t *desktop,
    int32_t width, int32_t height);
static const char *selkies_desktop_output(selkies_desktop_t *desktop,
    selkies_desktop_resize_t *r);
static const char *selkies_desktop_mode(selkies_desktop_t *desktop,
    selkies_desktop_resize_t *r, int32_t width, int32_t height);
static RRMode selkies_desktop_find(const selkies_desktop_resize_t *r,
    const char *name, int32_t width, int32_t height, int *taken);
static const char *selkies_desktop_apply(selkies_desktop_t *desktop,
    selkies_desktop_resize_t *r, int32_t width, int32_t height);
static int selkies_desktop_crtc(selkies_desktop_t *desktop,
    selkies_desktop_resize_t *r, RRMode mode);
static void selkies_desktop_screen(selkies_desktop_t *desktop, int32_t width,
    int32_t height);
static void selkies_desktop_forget(selkies_desktop_t *desktop,
    const selkies_desktop_resize_t *r, RRMode mode);
static int selkies_desktop_ours(const XRRModeInfo *mode);
static selkies_desktop_cursor_t *selkies_desktop_slot(
    selkies_desktop_t *desktop, unsigned long serial);


selkies_desktop_t *
selkies_desktop_open(const selkies_desktop_conf_t *conf,
    const selkies_log_t *log)
{
    selkies_desktop_t  *desktop;

    desktop = calloc(1, sizeof(selkies_desktop_t));
    if (desktop == NULL) {
        return NULL;
    }

    desktop->log = log;
    desktop->dpi = 96;
    desktop->png = malloc(SELKIES_CURSOR_PNG_MAX);

    if (desktop->png != NULL) {
        desktop->display = selkies_x11_open(&desktop->x11, conf->display,
                                            conf->xauthority, conf->interrupt,
                                            log);
    }

    if (desktop->display == NULL
        || selkies_desktop_init(desktop) != SELKIES_OK)
    {
        selkies_desktop_close(desktop);
        return NULL;
    }

    return desktop;
}


static selkies_status_t
selkies_desktop_init(selkies_desktop_t *desktop)
{
    int                 event, error, major, minor;
    Display            *display;
    XWindowAttributes   attributes;

    display = desktop->display;
    desktop->root = DefaultRootWindow(display);

    if (!XFixesQueryExtension(display, &desktop->fixes_event, &error)
        || !XFixesQueryVersion(display, &major, &minor))
    {
        if (!selkies_x11_lost(&desktop->x11)) {
            selkies_log(desktop->log, SELKIES_LOG_ERR,
                        "display %s has no XFIXES extension",
                        DisplayString(display));
        }

        return SELKIES_ERROR;
    }

    /* 1.3 can ask for the resources without making the server probe */

    desktop->randr = XRRQueryExtension(display, &event, &error)
                     && XRRQueryVersion(display, &major, &minor)
                     && (major > 1 || minor >= 3);

    XFixesSelectCursorInput(display, desktop->root,
                            XFixesDisplayCursorNotifyMask);
    (void) XSelectInput(display, desktop->root, StructureNotifyMask);

    if (!XGetWindowAttributes(display, desktop->root, &attributes)) {
        return SELKIES_LOST;
    }

    desktop->width = attributes.width;
    desktop->height = attributes.height;
    desktop->geometry = 1;
    desktop->cursor = 1;

    selkies_dpi_init(&desktop->settings, &desktop->x11, desktop->root,
                     desktop->fixes_event, desktop->log);

    return SELKIES_OK;
}


void
selkies_desktop_close(selkies_desktop_t *desktop)
{
    size_t  i;

    if (desktop == NULL) {
        return;
    }

    selkies_x11_close(&desktop->x11);

    for (i = 0; i < SELKIES_DESKTOP_CURSORS; i++) {
        free(desktop->cursors[i].png);
    }

    free(desktop->png);
    free(desktop);
}


int
selkies_desktop_fd(const selkies_desktop_t *desktop)
{
    return ConnectionNumber(desktop->display);
}


unsigned
selkies_desktop_dispatch(selkies_desktop_t *desktop)
{
    XEvent    event;
    unsigned  bits;

    while (!selkies_x11_lost(&desktop->x11)
           && XPending(desktop->display) > 0)
    {
        (void) XNextEvent(desktop->display, &event);

        if (selkies_x11_lost(&desktop->x11)) {
            break;
        }

        if (event.type == desktop->fixes_event + XFixesCursorNotify) {
            desktop->cursor = 1;

        } else if (selkies_xsettings_event(&desktop->settings.xsettings,
                                           &event))
        {
            continue;

        } else if (event.type == ConfigureNotify
                   && event.xconfigure.window == desktop->root
                   && (event.xconfigure.width != desktop->width
                       || event.xconfigure.height != desktop->height))
        {
            desktop->width = event.xconfigure.width;
            desktop->height = event.xconfigure.height;
            desktop->geometry = 1;
        }
    }

    if (selkies_x11_lost(&desktop->x11)) {
        return SELKIES_DESKTOP_LOST;
    }

    bits = desktop->cursor ? SELKIES_DESKTOP_CURSOR : 0;

    return bits | (desktop->geometry ? SELKIES_DESKTOP_GEOMETRY : 0);
}


selkies_status_t
selkies_desktop_size(selkies_desktop_t *desktop, int32_t *width,
    int32_t *height)
{
    if (selkies_x11_lost(&desktop->x11)) {
        return SELKIES_LOST;
    }

    *width = desktop->width;
    *height = desktop->height;
    desktop->geometry = 0;

    return SELKIES_OK;
}


selkies_status_t
selkies_desktop_size_range(selkies_desktop_t *desktop, int32_t *min_width,
    int32_t *min_height, int32_t *max_width, int32_t *max_height)
{
    int  done, range[4];

    *min_width = *max_width = desktop->width;
    *min_height = *max_height = desktop->height;

    if (selkies_x11_lost(&desktop->x11)) {
        return SELKIES_LOST;
    }

    if (!desktop->randr) {
        return SELKIES_ERROR;
    }

    selkies_x11_trap_begin(&desktop->x11);

    done = XRRGetScreenSizeRange(desktop->display, desktop->root, &range[0],
                                 &range[1], &range[2], &range[3]);

    if (selkies_x11_trap_end(&desktop->x11) == -1) {
        return SELKIES_LOST;
    }

    if (!done) {
        return SELKIES_ERROR;
    }

    *min_width = range[0];
    *min_height = range[1];
    *max_width = range[2];
    *max_height = range[3];

    return SELKIES_OK;
}


selkies_status_t
selkies_desktop_resize(selkies_desktop_t *desktop, int32_t width,
    int32_t height)
{
    int32_t            min_width, min_height, max_width, max_height;
    selkies_status_t   status;
    XWindowAttributes  attributes;

    if (selkies_x11_lost(&desktop->x11)) {
        return SELKIES_LOST;
    }

    status = selkies_desktop_size_range(desktop, &min_width, &min_height,
                                        &max_width, &max_height);

    if (status == SELKIES_LOST
        || !XGetWindowAttributes(desktop->display, desktop->root, &attributes))
    {
        return SELKIES_LOST;
    }

    /* the event of the last change may still be on its way */

    if (attributes.width != desktop->width
        || attributes.height != desktop->height)
    {
        desktop->width = attributes.width;
        desktop->height = attributes.height;
        desktop->geometry = 1;
    }

    if (width == desktop->width && height == desktop->height) {
        return SELKIES_OK;
    }

    if (status != SELKIES_OK) {
        selkies_log(desktop->log, SELKIES_LOG_WARN,
                    "display %s cannot be resized: the server has no RandR 1.3",
                    DisplayString(desktop->display));
        return SELKIES_ERROR;
    }

    if (width < min_width || height < min_height || width > max_width
        || height > max_height)
    {
        selkies_log(desktop->log, SELKIES_LOG_WARN,
                    "display %s cannot be resized to %dx%d: "
                    "only %dx%d to %dx%d",
                    DisplayString(desktop->display), (int) width, (int) height,
                    (int) min_width, (int) min_height, (int) max_width,
                    (int) max_height);
        return SELKIES_ERROR;
    }

    return selkies_desktop_try(desktop, width, height);
}


static selkies_status_t
selkies_desktop_try(selkies_desktop_t *desktop, int32_t width, int32_t height)
{
    RRMode                     previous;
    const char                *why;
    selkies_desktop_resize_t   r;

    memset(&r, 0, sizeof(r));
    previous = None;

    /*
     * Others, the display thread among them, see the size before or the size
     * after.
     */

    (void) XGrabServer(desktop->display);

    why = selkies_desktop_output(desktop, &r);

    if (why == NULL) {
        previous = r.crtc->mode;
        why = selkies_desktop_mode(desktop, &r, width, height);
    }

    if (why == NULL) {
        why = selkies_desktop_apply(desktop, &r, width, height);

        selkies_desktop_forget(desktop, &r, why == NULL ? previous : r.mode);
    }

    if (r.crtc != NULL) {
        XRRFreeCrtcInfo(r.crtc);
    }

    if (r.info != NULL) {
        XRRFreeOutputInfo(r.info);
    }

    if (r.resources != NULL) {
        XRRFreeScreenResources(r.resources);
    }

    (void) XUngrabServer(desktop->display);
    (void) XFlush(desktop->display);

    if (selkies_x11_lost(&desktop->x11)) {
        return SELKIES_LOST;
    }

    if (why != NULL) {
        selkies_log(desktop->log, SELKIES_LOG_WARN,
                    "display %s cannot be resized to %dx%d: %s",
                    DisplayString(desktop->display), (int) width, (int) height,
                    why);
        return SELKIES_ERROR;
    }

    return SELKIES_REINIT;
}


/* The first connected output that shows something. */

static const char *
selkies_desktop_output(selkies_desktop_t *desktop, selkies_desktop_resize_t *r)
{
    int  i;

    r->resources = XRRGetScreenResourcesCurrent(desktop->display,
                                                desktop->root);
    if (r->resources == NULL) {
        return "the server names no outputs";
    }

    for (i = 0; i < r->resources->noutput; i++) {
        r->info = XRRGetOutputInfo(desktop->display, r->resources,
                                   r->resources->outputs[i]);

        if (r->info != NULL && r->info->connection != RR_Disconnected
            && r->info->crtc != None)
        {
            r->output = r->resources->outputs[i];
            break;
        }

        if (r->info != NULL) {
            XRRFreeOutputInfo(r->info);
            r->info = NULL;
        }
    }

    if (r->info == NULL) {
        return "no output is connected";
    }

    r->crtc = XRRGetCrtcInfo(desktop->display, r->resources, r->info->crtc);

    return (r->crtc == NULL) ? "its output cannot be asked" : NULL;
}


/* A mode of the size, offered by the output: there already, or a new one. */

static const char *
selkies_desktop_mode(selkies_desktop_t *desktop, selkies_desktop_resize_t *r,
    int32_t width, int32_t height)
{
    int          i, n, taken;
    char         name[40];
    XRRModeInfo  info;

    n = snprintf(name, sizeof(name), "%dx%d", (int) width, (int) height);
    r->mode = selkies_desktop_find(r, name, width, height, &taken);

    if (taken) {
        n = snprintf(name, sizeof(name), SELKIES_DESKTOP_PREFIX "%dx%d",
                     (int) width, (int) height);
        r->mode = selkies_desktop_find(r, name, width, height, &taken);
    }

    for (i = 0; i < r->info->nmode; i++) {
        if (r->mode != None && r->info->modes[i] == r->mode) {
            return NULL;
        }
    }

    selkies_x11_trap_begin(&desktop->x11);

    if (r->mode == None) {

        /* a virtual output has no beam: all timings are zero */

        memset(&info, 0, sizeof(info));
        info.width = (unsigned) width;
        info.height = (unsigned) height;
        info.name = name;
        info.nameLength = (unsigned) n;

        r->mode = XRRCreateMode(desktop->display, desktop->root, &info);
        r->created = 1;
    }

    if (r->mode != None) {
        XRRAddOutputMode(desktop->display, r->output, r->mode);
    }

    if (selkies_x11_trap_end(&desktop->x11) != 0 || r->mode == None) {
        return "the server takes no mode of that size";
    }

    return NULL;
}


static RRMode
selkies_desktop_find(const selkies_desktop_resize_t *r, const char *name,
    int32_t width, int32_t height, int *taken)
{
    int                 i;
    const XRRModeInfo  *mode;

    *taken = 0;

    for (i = 0; i < r->resources->nmode; i++) {
        mode = &r->resources->modes[i];

        if (mode->nameLength != strlen(name)
            || memcmp(mode->name, name, mode->nameLength) != 0)
        {
            continue;
        }

        if ((int32_t) mode->width == width && (int32_t) mode->height == height)
        {
            return mode->id;
        }

        *taken = 1;
    }

    return None;
}


static const char *
selkies_desktop_apply(selkies_desktop_t *desktop, selkies_desktop_resize_t *r,
    int32_t width, int32_t height)
{
    int     error, failed;
    RRMode  previous;

    previous = r->crtc->mode;
    selkies_x11_trap_begin(&desktop->x11);

    /*
     * The screen must hold the mode at every moment, and a size in between
     * would be told to everybody.
     */

    if (width >= desktop->width && height >= desktop->height) {
        selkies_desktop_screen(desktop, width, height);
        failed = selkies_desktop_crtc(desktop, r, r->mode);

    } else {
        if (width <= desktop->width && height <= desktop->height) {
            failed = selkies_desktop_crtc(desktop, r, r->mode);
            selkies_desktop_screen(desktop, width, height);

        } else {
            failed = selkies_desktop_crtc(desktop, r, None);
            selkies_desktop_screen(desktop, width, height);
            failed |= selkies_desktop_crtc(desktop, r, r->mode);
        }
    }

    error = selkies_x11_trap_end(&desktop->x11);

    if (error == 0 && !failed) {
        desktop->width = width;
        desktop->height = height;
        desktop->geometry = 1;
        return NULL;
    }

    selkies_x11_trap_begin(&desktop->x11);
    (void) selkies_desktop_crtc(desktop, r, None);
    selkies_desktop_screen(desktop, desktop->width, desktop->height);
    (void) selkies_desktop_crtc(desktop, r, previous);
    (void) selkies_x11_trap_end(&desktop->x11);

    return "the server refuses the mode";
}


static int
selkies_desktop_crtc(selkies_desktop_t *desktop, selkies_desktop_resize_t *r,
    RRMode mode)
{
    int  n;

    n = (mode == None) ? 0 : 1;

    return XRRSetCrtcConfig(desktop->display, r->resources, r->info->crtc,
                            CurrentTime, 0, 0, mode, RR_Rotate_0,
                            n ? &r->output : NULL, n)
           != RRSetConfigSuccess;
}


static void
selkies_desktop_screen(selkies_desktop_t *desktop, int32_t width,
    int32_t height)
{
    int  mm_width, mm_height;

    /* 25.4 mm an inch; the server refuses 0 */

    mm_width = (width * 254 + desktop->dpi * 5) / (desktop->dpi * 10);
    mm_height = (height * 254 + desktop->dpi * 5) / (desktop->dpi * 10);

    XRRSetScreenSize(desktop->display, desktop->root, width, height,
                     mm_width > 0 ? mm_width : 1,
                     mm_height > 0 ? mm_height : 1);
}


/*
 * Modes pile up: away with the one just left, also when a worker before us
 * made it.  The server keeps those it was born with.
 */

static void
selkies_desktop_forget(selkies_desktop_t *desktop,
    const selkies_desktop_resize_t *r, RRMode mode)
{
    int  i, ours;

    ours = (mode == r->mode) && r->created;

    for (i = 0; i < r->resources->nmode; i++) {
        if (r->resources->modes[i].id == mode && mode != r->mode) {
            ours = selkies_desktop_ours(&r->resources->modes[i]);
        }
    }

    if (!ours || mode == None) {
        return;
    }

    selkies_x11_trap_begin(&desktop->x11);
    XRRDeleteOutputMode(desktop->display, r->output, mode);
    XRRDestroyMode(desktop->display, mode);
    (void) selkies_x11_trap_end(&desktop->x11);
}


static int
selkies_desktop_ours(const XRRModeInfo *mode)
{
    char    name[40];
    size_t  prefix;

    if (mode->dotClock != 0 || mode->hTotal != 0 || mode->vTotal != 0) {
        return 0;
    }

    prefix = sizeof(SELKIES_DESKTOP_PREFIX) - 1;

    (void) snprintf(name, sizeof(name), SELKIES_DESKTOP_PREFIX "%ux%u",
                    mode->width, mode->height);

    return (mode->nameLength == strlen(name)
            && memcmp(mode->name, name, mode->nameLength) == 0)
           || (mode->nameLength == strlen(name) - prefix
               && memcmp(mode->name, name + prefix, mode->nameLength) == 0);
}


selkies_status_t
selkies_desktop_dpi(selkies_desktop_t *desktop, int32_t dpi, int32_t cursor)
{
    return selkies_dpi_apply(&desktop->settings, dpi, cursor);
}


uint64_t
selkies_desktop_due(selkies_desktop_t *desktop)
{
    if (selkies_x11_lost(&desktop->x11)) {
        return UINT64_MAX;
    }

    return selkies_xsettings_due(&desktop->settings.xsettings);
}


selkies_status_t
selkies_desktop_monitors(selkies_desktop_t *desktop,
    const selkies_monitor_t *monitors, size_t n)
{
    return selkies_monitors_set(&desktop->x11, monitors, n);
}


selkies_status_t
selkies_desktop_cursor(selkies_desktop_t *desktop, selkies_cursor_t *cursor)
{
    XFixesCursorImage         *image;
    selkies_desktop_cursor_t  *slot;

    memset(cursor, 0, sizeof(selkies_cursor_t));

    if (selkies_x11_lost(&desktop->x11)) {
        return SELKIES_LOST;
    }

    desktop->cursor = 0;
    image = XFixesGetCursorImage(desktop->display);

    if (image == NULL) {
        return selkies_x11_lost(&desktop->x11) ? SELKIES_LOST : SELKIES_ERROR;
    }

    slot = selkies_desktop_slot(desktop, image->cursor_serial);

    if (slot->used == 0) {
        free(slot->png);
        slot->png = NULL;

        if (selkies_cursor_encode(&slot->cursor, image->pixels, image->width,
                                  image->height, image->xhot, image->yhot,
                                  desktop->png)
            != SELKIES_OK)
        {
            (void) XFree(image);
            return SELKIES_ERROR;
        }

        if (slot->cursor.serial != 0) {
            slot->png = malloc(slot->cursor.png_len);

            if (slot->png == NULL) {
                (void) XFree(image);
                return SELKIES_ERROR;
            }

            memcpy(slot->png, desktop->png, slot->cursor.png_len);
            slot->cursor.png = slot->png;

            if ((uint32_t) image->cursor_serial != 0) {
                slot->cursor.serial = (uint32_t) image->cursor_serial;
            }
        }

        slot->serial = image->cursor_serial;
    }

    (void) XFree(image);

    slot->used = ++desktop->uses;
    *cursor = slot->cursor;

    return SELKIES_OK;
}


/* The cursor if known, else a place for it, which has used 0. */

static selkies_desktop_cursor_t *
selkies_desktop_slot(selkies_desktop_t *desktop, unsigned long serial)
{
    size_t                     i;
    selkies_desktop_cursor_t  *slot, *oldest;

    oldest = &desktop->cursors[0];

    for (i = 0; i < SELKIES_DESKTOP_CURSORS; i++) {
        slot = &desktop->cursors[i];

        if (slot->used != 0 && slot->serial == serial) {
            return slot;
        }

        if (slot->used < oldest->used) {
            oldest = slot;
        }
    }

    oldest->used = 0;

    return oldest;
}
