
/*
 * Copyright (C) ngx_selkies authors
 *
 * The connection of the clipboard, its events, owning the selection.  See
 * clipboard.h; reading is in clipboard_read.c, giving in clipboard_serve.c.
 */


#include <stdlib.h>
#include <string.h>

#include <X11/Xatom.h>
#include <X11/extensions/Xfixes.h>

#include "clipboard_private.h"


static selkies_status_t selkies_clipboard_init(selkies_clipboard_t *c);
static void selkies_clipboard_event(selkies_clipboard_t *c, XEvent *event);
static int selkies_clipboard_old(const selkies_clipboard_t *c,
    unsigned long serial);
static void selkies_clipboard_owner_event(selkies_clipboard_t *c,
    const XFixesSelectionNotifyEvent *event);


static const char *const  selkies_clipboard_atoms[SELKIES_ATOMS] = {
    [SELKIES_ATOM_UTF8_STRING] = "UTF8_STRING",
    [SELKIES_ATOM_TEXT_UTF8] = "text/plain;charset=utf-8",
    [SELKIES_ATOM_TEXT_UTF8_UPPER] = "text/plain;charset=UTF-8",
    [SELKIES_ATOM_COMPOUND_TEXT] = "COMPOUND_TEXT",
    [SELKIES_ATOM_STRING] = "STRING",
    [SELKIES_ATOM_TEXT_PLAIN] = "text/plain",
    [SELKIES_ATOM_TEXT] = "TEXT",
    [SELKIES_ATOM_PNG] = "image/png",
    [SELKIES_ATOM_JPEG] = "image/jpeg",
    [SELKIES_ATOM_WEBP] = "image/webp",
    [SELKIES_ATOM_GIF] = "image/gif",
    [SELKIES_ATOM_BMP] = "image/bmp",
    [SELKIES_ATOM_TIFF] = "image/tiff",
    [SELKIES_ATOM_AVIF] = "image/avif",
    [SELKIES_ATOM_SVG] = "image/svg+xml",
    [SELKIES_ATOM_HTML] = "text/html",
    [SELKIES_ATOM_CLIPBOARD] = "CLIPBOARD",
    [SELKIES_ATOM_TARGETS] = "TARGETS",
    [SELKIES_ATOM_TIMESTAMP] = "TIMESTAMP",
    [SELKIES_ATOM_MULTIPLE] = "MULTIPLE",
    [SELKIES_ATOM_ATOM_PAIR] = "ATOM_PAIR",
    [SELKIES_ATOM_INCR] = "INCR",
    [SELKIES_ATOM_TIME] = "_SELKIES_TIME",
    [SELKIES_ATOM_DATA] = "_SELKIES_DATA"
};


selkies_clipboard_t *
selkies_clipboard_open(const selkies_clipboard_conf_t *conf,
    const selkies_log_t *log)
{
    selkies_clipboard_t  *c;

    c = calloc(1, sizeof(selkies_clipboard_t));

    if (c == NULL) {
        return NULL;
    }

    c->log = log;
    c->display = selkies_x11_open(&c->x11, conf->display, conf->xauthority,
                                  conf->interrupt, log);

    if (c->display == NULL) {
        free(c);
        return NULL;
    }

    if (selkies_clipboard_init(c) != SELKIES_OK) {
        selkies_clipboard_close(c);
        return NULL;
    }

    return c;
}


static selkies_status_t
selkies_clipboard_init(selkies_clipboard_t *c)
{
    int    error;
    char  *names[SELKIES_ATOMS];

    memcpy(names, selkies_clipboard_atoms, sizeof(names));

    if (!XFixesQueryExtension(c->display, &c->fixes_event, &error)) {

        if (!selkies_x11_lost(&c->x11)) {
            selkies_log(c->log, SELKIES_LOG_ERR,
                        "display %s has no XFixes: no clipboard",
                        DisplayString(c->display));
        }

        return SELKIES_ERROR;
    }

    if (!XInternAtoms(c->display, names, SELKIES_ATOMS, False, c->atoms)
        || selkies_x11_lost(&c->x11))
    {
        return SELKIES_LOST;
    }

    c->window = XCreateSimpleWindow(c->display, DefaultRootWindow(c->display),
                                    -10, -10, 1, 1, 0, 0, 0);

    (void) XSelectInput(c->display, c->window, PropertyChangeMask);

    XFixesSelectSelectionInput(c->display, DefaultRootWindow(c->display),
                               c->atoms[SELKIES_ATOM_CLIPBOARD],
                               XFixesSetSelectionOwnerNotifyMask
                               |XFixesSelectionWindowDestroyNotifyMask
                               |XFixesSelectionClientCloseNotifyMask);
    (void) XFlush(c->display);

    return selkies_x11_lost(&c->x11) ? SELKIES_LOST : SELKIES_OK;
}


void
selkies_clipboard_close(selkies_clipboard_t *c)
{
    unsigned  i;

    if (c == NULL) {
        return;
    }

    selkies_clipboard_read_abort(c);

    /* who has asked until now is answered: nobody else would do it */

    if (c->own != NULL && !selkies_x11_lost(&c->x11)) {
        (void) XSetSelectionOwner(c->display,
                                  c->atoms[SELKIES_ATOM_CLIPBOARD], None,
                                  c->own_time);
        (void) XSync(c->display, False);
        (void) selkies_clipboard_dispatch(c);
    }

    for (i = 0; i < SELKIES_CLIPBOARD_TRANSFERS; i++) {

        if (c->transfers[i].window != None) {
            selkies_clipboard_gone(c, c->transfers[i].window);
        }
    }

    selkies_content_drop(c->own);
    selkies_content_drop(c->result);
    selkies_x11_close(&c->x11);
    free(c);
}


int
selkies_clipboard_fd(const selkies_clipboard_t *c)
{
    return ConnectionNumber(c->display);
}


uint64_t
selkies_clipboard_deadline(const selkies_clipboard_t *c)
{
    unsigned  i;
    uint64_t  deadline;

    deadline = c->read.window != None ? c->read.deadline_us : UINT64_MAX;

    for (i = 0; i < SELKIES_CLIPBOARD_TRANSFERS; i++) {

        if (c->transfers[i].window != None
            && c->transfers[i].deadline_us < deadline)
        {
            deadline = c->transfers[i].deadline_us;
        }
    }

    return deadline;
}


unsigned
selkies_clipboard_dispatch(selkies_clipboard_t *c)
{
    XEvent    event;
    uint64_t  now;
    unsigned  found;

    do {
        while (!selkies_x11_lost(&c->x11)
               && XEventsQueued(c->display, QueuedAfterFlush) > 0)
        {
            (void) XNextEvent(c->display, &event);

            if (!selkies_x11_lost(&c->x11)) {
                selkies_clipboard_event(c, &event);
            }
        }

        now = selkies_clock_us();
        selkies_clipboard_read_expire(c, now);
        selkies_clipboard_serve_expire(c, now);

        /* what waited for the server may have read events ahead */

    } while (!selkies_x11_lost(&c->x11)
             && XEventsQueued(c->display, QueuedAfterFlush) > 0);

    found = c->found;
    c->found = 0;

    return selkies_x11_lost(&c->x11) ? SELKIES_CLIPBOARD_LOST : found;
}


int
selkies_clipboard_pending(const selkies_clipboard_t *c)
{
    return c->found != 0 || XEventsQueued(c->display, QueuedAlready) > 0;
}


static void
selkies_clipboard_event(selkies_clipboard_t *c, XEvent *event)
{
    if (event->type == c->fixes_event + XFixesSelectionNotify) {
        selkies_clipboard_owner_event(c, (XFixesSelectionNotifyEvent *) event);
        return;
    }

    switch (event->type) {

    case SelectionRequest:
        selkies_clipboard_request(c, &event->xselectionrequest);
        return;

    case SelectionNotify:
        selkies_clipboard_answered(c, &event->xselection);
        return;

    case SelectionClear:

        if (event->xselectionclear.selection
                == c->atoms[SELKIES_ATOM_CLIPBOARD]
            && !selkies_clipboard_old(c, event->xselectionclear.serial))
        {
            selkies_content_drop(c->own);
            c->own = NULL;
        }

        return;

    case PropertyNotify:

        if (event->xproperty.state == PropertyDelete) {
            selkies_clipboard_taken(c, &event->xproperty);

        } else {
            selkies_clipboard_piece(c, &event->xproperty);
        }

        return;

    case DestroyNotify:
        selkies_clipboard_gone(c, event->xdestroywindow.window);
        return;
    }
}


/*
 * From before the selection became ours: no news.  The serial tells, where two
 * times may be the same.
 */

static int
selkies_clipboard_old(const selkies_clipboard_t *c, unsigned long serial)
{
    return c->own != NULL && (long) (serial - c->own_serial) < 0;
}


static void
selkies_clipboard_owner_event(selkies_clipboard_t *c,
    const XFixesSelectionNotifyEvent *event)
{
    if (event->selection != c->atoms[SELKIES_ATOM_CLIPBOARD]
        || event->owner == c->window
        || selkies_clipboard_old(c, event->serial))
    {
        return;
    }

    selkies_content_drop(c->own);
    c->own = NULL;
    c->found |= SELKIES_CLIPBOARD_CHANGED;
}


/* By a property that changes nothing. */

Time
selkies_clipboard_time(selkies_clipboard_t *c)
{
    XEvent  event;

    (void) XChangeProperty(c->display, c->window, c->atoms[SELKIES_ATOM_TIME],
                           XA_INTEGER, 32, PropModeAppend,
                           (unsigned char *) "", 0);
    (void) XSync(c->display, False);

    if (selkies_x11_lost(&c->x11)
        || !XCheckTypedWindowEvent(c->display, c->window, PropertyNotify,
                                   &event))
    {
        return CurrentTime;
    }

    return event.xproperty.time;
}


selkies_status_t
selkies_clipboard_own(selkies_clipboard_t *c, selkies_content_t *content)
{
    Time           time;
    Window         owner;
    unsigned long  serial;

    if (selkies_x11_lost(&c->x11)) {
        selkies_content_drop(content);
        return SELKIES_LOST;
    }

    selkies_clipboard_read_abort(c);

    time = selkies_clipboard_time(c);
    serial = NextRequest(c->display);

    (void) XSetSelectionOwner(c->display, c->atoms[SELKIES_ATOM_CLIPBOARD],
                              c->window, time);
    owner = XGetSelectionOwner(c->display, c->atoms[SELKIES_ATOM_CLIPBOARD]);

    if (selkies_x11_lost(&c->x11) || owner != c->window) {
        selkies_content_drop(content);
        return selkies_x11_lost(&c->x11) ? SELKIES_LOST : SELKIES_AGAIN;
    }

    selkies_content_drop(c->own);
    c->own = content;
    c->own_time = time;
    c->own_serial = serial;

    return SELKIES_OK;
}


selkies_content_t *
selkies_clipboard_owned(const selkies_clipboard_t *c)
{
    return c->own;
}


int
selkies_clipboard_busy(const selkies_clipboard_t *c)
{
    unsigned  i;

    for (i = 0; i < SELKIES_CLIPBOARD_TRANSFERS; i++) {

        if (c->transfers[i].window != None) {
            return 1;
        }
    }

    return 0;
}


selkies_status_t
selkies_clipboard_take(selkies_clipboard_t *c, selkies_content_t **content)
{
    *content = c->result;
    c->result = NULL;

    return c->result_status;
}
