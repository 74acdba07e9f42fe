
/*
 * Copyright (C) ngx_selkies authors
 *
 * Giving what we own to whoever pastes: TARGETS, TIMESTAMP, MULTIPLE, text in
 * the encodings of old programs too, and pieces (INCR) of what is large.
 * Windows are other programs': they may be gone at any time, so what is done
 * to them is trapped.
 */


#include <stdlib.h>
#include <string.h>

#include <X11/Xatom.h>
#include <X11/Xutil.h>

#include "clipboard_private.h"


#define SELKIES_CLIPBOARD_PAIRS    64           /* of one MULTIPLE */
#define SELKIES_CLIPBOARD_OFFERS   (9 + SELKIES_CONTENT_PARTS)
#define SELKIES_CLIPBOARD_OLD_MAX  (1024 * 1024)    /* as COMPOUND_TEXT */


static int selkies_clipboard_convert(selkies_clipboard_t *c, Window window,
    Atom target, Atom property);
static int selkies_clipboard_multiple(selkies_clipboard_t *c, Window window,
    Atom property);
static unsigned selkies_clipboard_offers(selkies_clipboard_t *c, Atom *offers);
static const selkies_content_part_t *selkies_clipboard_part(
    const selkies_clipboard_t *c, const char *mime);
static int selkies_clipboard_give_text(selkies_clipboard_t *c, Window window,
    Atom target, Atom property, const selkies_content_part_t *part);
static uint8_t *selkies_clipboard_to_compound(selkies_clipboard_t *c,
    const selkies_content_part_t *part, size_t *len);
static int selkies_clipboard_give(selkies_clipboard_t *c,
    const selkies_clipboard_transfer_t *what);
static void selkies_clipboard_done(selkies_clipboard_t *c,
    selkies_clipboard_transfer_t *transfer);
static void selkies_clipboard_unselect(selkies_clipboard_t *c, Window window);


void
selkies_clipboard_request(selkies_clipboard_t *c,
    const XSelectionRequestEvent *request)
{
    int              given;
    Atom             property;
    XSelectionEvent  answer;

    /* ICCCM 2.2: clients of the old kind name no property */

    property = request->property != None ? request->property
                                         : request->target;
    given = 0;

    selkies_x11_trap_begin(&c->x11);

    if (c->own != NULL
        && request->selection == c->atoms[SELKIES_ATOM_CLIPBOARD]
        && (request->time == CurrentTime
            || (int32_t) (request->time - c->own_time) >= 0))
    {
        given = request->target == c->atoms[SELKIES_ATOM_MULTIPLE]
                ? selkies_clipboard_multiple(c, request->requestor,
                                             request->property)
                : selkies_clipboard_convert(c, request->requestor,
                                            request->target, property);
    }

    memset(&answer, 0, sizeof(XSelectionEvent));
    answer.type = SelectionNotify;
    answer.requestor = request->requestor;
    answer.selection = request->selection;
    answer.target = request->target;
    answer.property = given ? property : None;
    answer.time = request->time;

    (void) XSendEvent(c->display, request->requestor, False, NoEventMask,
                      (XEvent *) &answer);

    if (selkies_x11_trap_end(&c->x11) > 0) {
        selkies_clipboard_gone(c, request->requestor);
    }
}


static int
selkies_clipboard_convert(selkies_clipboard_t *c, Window window, Atom target,
    Atom property)
{
    int                            i;
    Atom                           offers[SELKIES_CLIPBOARD_OFFERS];
    long                           time;
    unsigned                       n;
    selkies_clipboard_transfer_t   what;
    const selkies_content_part_t  *part;

    if (target == c->atoms[SELKIES_ATOM_TARGETS]) {
        n = selkies_clipboard_offers(c, offers);
        (void) XChangeProperty(c->display, window, property, XA_ATOM, 32,
                               PropModeReplace, (unsigned char *) offers,
                               (int) n);
        return 1;
    }

    if (target == c->atoms[SELKIES_ATOM_TIMESTAMP]) {
        time = (long) c->own_time;
        (void) XChangeProperty(c->display, window, property, XA_INTEGER, 32,
                               PropModeReplace, (unsigned char *) &time, 1);
        return 1;
    }

    part = selkies_clipboard_part(c, "text/plain");

    for (i = 0; part != NULL && i < SELKIES_ATOM_PNG; i++) {

        if (target == c->atoms[i]) {
            return selkies_clipboard_give_text(c, window, target, property,
                                               part);
        }
    }

    for (i = SELKIES_ATOM_PNG; i < SELKIES_ATOM_FORMATS; i++) {
        part = target == c->atoms[i]
               ? selkies_clipboard_part(c, selkies_content_mime((unsigned) i))
               : NULL;

        if (part != NULL) {
            memset(&what, 0, sizeof(selkies_clipboard_transfer_t));
            what.window = window;
            what.property = property;
            what.type = target;
            what.data = part->data;
            what.len = part->len;

            return selkies_clipboard_give(c, &what);
        }
    }

    return 0;
}


/* Pairs of target and property; what cannot be had has its property zeroed. */

static int
selkies_clipboard_multiple(selkies_clipboard_t *c, Window window,
    Atom property)
{
    int             format;
    Atom            type, *pairs;
    unsigned char  *data;
    unsigned long   i, n, after;

    data = NULL;

    if (property == None
        || XGetWindowProperty(c->display, window, property, 0,
                              2 * SELKIES_CLIPBOARD_PAIRS, False,
                              AnyPropertyType, &type, &format, &n, &after,
                              &data)
           != Success || selkies_x11_lost(&c->x11))
    {
        return 0;
    }

    if (format != 32 || n < 2 || n % 2 != 0 || after != 0) {

        if (data != NULL) {
            (void) XFree(data);
        }

        return 0;
    }

    pairs = (Atom *) (void *) data;

    for (i = 0; i < n; i += 2) {

        if (pairs[i + 1] == None || pairs[i] == None
            || pairs[i] == c->atoms[SELKIES_ATOM_MULTIPLE]
            || !selkies_clipboard_convert(c, window, pairs[i], pairs[i + 1]))
        {
            pairs[i + 1] = None;
        }
    }

    (void) XChangeProperty(c->display, window, property, type, 32,
                           PropModeReplace, data, (int) n);
    (void) XFree(data);

    return 1;
}


static unsigned
selkies_clipboard_offers(selkies_clipboard_t *c, Atom *offers)
{
    unsigned                       i, n;
    const selkies_content_part_t  *text;

    n = 0;
    offers[n++] = c->atoms[SELKIES_ATOM_TARGETS];
    offers[n++] = c->atoms[SELKIES_ATOM_TIMESTAMP];
    offers[n++] = c->atoms[SELKIES_ATOM_MULTIPLE];

    text = selkies_clipboard_part(c, "text/plain");

    if (text != NULL) {
        offers[n++] = c->atoms[SELKIES_ATOM_UTF8_STRING];
        offers[n++] = c->atoms[SELKIES_ATOM_TEXT_UTF8];
        offers[n++] = c->atoms[SELKIES_ATOM_TEXT_PLAIN];
        offers[n++] = c->atoms[SELKIES_ATOM_TEXT];
        offers[n++] = c->atoms[SELKIES_ATOM_STRING];

        if (text->len <= SELKIES_CLIPBOARD_OLD_MAX) {
            offers[n++] = c->atoms[SELKIES_ATOM_COMPOUND_TEXT];
        }
    }

    for (i = SELKIES_ATOM_PNG; i < SELKIES_ATOM_FORMATS; i++) {

        if (selkies_clipboard_part(c, selkies_content_mime(i)) != NULL) {
            offers[n++] = c->atoms[i];
        }
    }

    return n;
}


static const selkies_content_part_t *
selkies_clipboard_part(const selkies_clipboard_t *c, const char *mime)
{
    unsigned  i;

    for (i = 0; i < c->own->nparts; i++) {

        if (strcmp(c->own->parts[i].mime, mime) == 0) {
            return &c->own->parts[i];
        }
    }

    return NULL;
}


static int
selkies_clipboard_give_text(selkies_clipboard_t *c, Window window, Atom target,
    Atom property, const selkies_content_part_t *part)
{
    selkies_clipboard_transfer_t  what;

    memset(&what, 0, sizeof(selkies_clipboard_transfer_t));

    what.window = window;
    what.property = property;
    what.type = target;
    what.data = part->data;
    what.len = part->len;

    if (target == c->atoms[SELKIES_ATOM_STRING]) {
        what.converted = selkies_content_to_latin1(part->data, part->len,
                                                   &what.len);

    } else if (target == c->atoms[SELKIES_ATOM_COMPOUND_TEXT]) {

        if (part->len > SELKIES_CLIPBOARD_OLD_MAX) {
            return 0;
        }

        what.converted = selkies_clipboard_to_compound(c, part, &what.len);

    } else {

        /* "TEXT" leaves the encoding to the owner */

        if (target == c->atoms[SELKIES_ATOM_TEXT]) {
            what.type = c->atoms[SELKIES_ATOM_UTF8_STRING];
        }

        return selkies_clipboard_give(c, &what);
    }

    if (what.converted == NULL) {
        return 0;
    }

    what.data = what.converted;

    return selkies_clipboard_give(c, &what);
}


static uint8_t *
selkies_clipboard_to_compound(selkies_clipboard_t *c,
    const selkies_content_part_t *part, size_t *len)
{
    char           *list[1];
    uint8_t        *out;
    XTextProperty   property;

    list[0] = (char *) part->data;
    memset(&property, 0, sizeof(XTextProperty));

    /* how many characters it could not convert is no error */

    if (Xutf8TextListToTextProperty(c->display, list, 1, XCompoundTextStyle,
                                    &property)
        < 0 || property.value == NULL)
    {
        return NULL;
    }

    out = malloc(property.nitems + 1);

    if (out != NULL) {
        memcpy(out, property.value, property.nitems);
        *len = property.nitems;
    }

    (void) XFree(property.value);

    return out;
}


/*
 * At once, or the beginning of many pieces.  `what` names the owned content's
 * data or a conversion, which is freed.
 */

static int
selkies_clipboard_give(selkies_clipboard_t *c,
    const selkies_clipboard_transfer_t *what)
{
    long                           size;
    unsigned                       i;
    selkies_clipboard_transfer_t  *transfer, *unused;

    unused = NULL;

    for (i = 0; i < SELKIES_CLIPBOARD_TRANSFERS; i++) {
        transfer = &c->transfers[i];

        if (transfer->window == None) {
            unused = transfer;

        } else if (transfer->window == what->window
                   && transfer->property == what->property)
        {
            /* it asks anew for where it was being given something */

            selkies_clipboard_done(c, transfer);
            unused = transfer;
        }
    }

    if (what->len <= SELKIES_CLIPBOARD_PIECE) {
        (void) XChangeProperty(c->display, what->window, what->property,
                               what->type, 8, PropModeReplace, what->data,
                               (int) what->len);
        free(what->converted);
        return 1;
    }

    if (unused == NULL) {
        free(what->converted);
        return 0;
    }

    *unused = *what;
    unused->deadline_us = selkies_clock_us() + SELKIES_CLIPBOARD_STALL_US;

    if (unused->converted == NULL) {
        unused->content = c->own;
        selkies_content_hold(unused->content);
    }

    (void) XSelectInput(c->display, unused->window,
                        PropertyChangeMask|StructureNotifyMask);

    size = (long) unused->len;
    (void) XChangeProperty(c->display, unused->window, unused->property,
                           c->atoms[SELKIES_ATOM_INCR], 32, PropModeReplace,
                           (unsigned char *) &size, 1);

    return 1;
}


/* A property was deleted: whoever takes pieces wants the next one. */

void
selkies_clipboard_taken(selkies_clipboard_t *c, const XPropertyEvent *event)
{
    int                            failed;
    size_t                         n;
    Window                         window;
    unsigned                       i;
    selkies_clipboard_transfer_t  *transfer;

    transfer = NULL;

    for (i = 0; i < SELKIES_CLIPBOARD_TRANSFERS; i++) {
        transfer = &c->transfers[i];

        if (transfer->window == event->window
            && transfer->property == event->atom)
        {
            break;
        }
    }

    if (i == SELKIES_CLIPBOARD_TRANSFERS) {
        return;
    }

    window = transfer->window;
    n = transfer->len - transfer->pos;

    if (n > SELKIES_CLIPBOARD_PIECE) {
        n = SELKIES_CLIPBOARD_PIECE;
    }

    /* the last one is empty */

    selkies_x11_trap_begin(&c->x11);
    (void) XChangeProperty(c->display, window, transfer->property,
                           transfer->type, 8, PropModeReplace,
                           transfer->data + transfer->pos, (int) n);
    failed = selkies_x11_trap_end(&c->x11);

    transfer->pos += n;
    transfer->deadline_us = selkies_clock_us() + SELKIES_CLIPBOARD_STALL_US;

    if (failed > 0) {
        selkies_clipboard_gone(c, window);

    } else if (n == 0) {
        selkies_clipboard_done(c, transfer);
        selkies_clipboard_unselect(c, window);
    }
}


static void
selkies_clipboard_done(selkies_clipboard_t *c,
    selkies_clipboard_transfer_t *transfer)
{
    free(transfer->converted);
    selkies_content_drop(transfer->content);
    memset(transfer, 0, sizeof(selkies_clipboard_transfer_t));
}


/* Its events are of no interest any more, unless it takes something else. */

static void
selkies_clipboard_unselect(selkies_clipboard_t *c, Window window)
{
    unsigned  i;

    for (i = 0; i < SELKIES_CLIPBOARD_TRANSFERS; i++) {

        if (c->transfers[i].window == window) {
            return;
        }
    }

    if (selkies_x11_lost(&c->x11)) {
        return;
    }

    selkies_x11_trap_begin(&c->x11);
    (void) XSelectInput(c->display, window, NoEventMask);
    (void) selkies_x11_trap_end(&c->x11);
}


void
selkies_clipboard_gone(selkies_clipboard_t *c, Window window)
{
    unsigned  i;

    for (i = 0; i < SELKIES_CLIPBOARD_TRANSFERS; i++) {

        if (c->transfers[i].window == window) {
            selkies_clipboard_done(c, &c->transfers[i]);
        }
    }
}


void
selkies_clipboard_serve_expire(selkies_clipboard_t *c, uint64_t now_us)
{
    Window    window;
    unsigned  i;

    for (i = 0; i < SELKIES_CLIPBOARD_TRANSFERS; i++) {
        window = c->transfers[i].window;

        if (window != None && now_us >= c->transfers[i].deadline_us) {
            selkies_clipboard_done(c, &c->transfers[i]);
            selkies_clipboard_unselect(c, window);
        }
    }
}
