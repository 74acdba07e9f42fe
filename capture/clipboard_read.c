
/*
 * Copyright (C) ngx_selkies authors
 *
 * Reading the selection: which formats there are, then the best of them, and
 * HTML beside a text.  One that the owner refuses gives way to the next.  An
 * owner is another program: what it says is checked, and it may never answer.
 */


#include <stdlib.h>
#include <string.h>

#include <X11/Xatom.h>
#include <X11/Xutil.h>

#include "clipboard_private.h"


#define SELKIES_CLIPBOARD_TARGETS  256          /* formats looked at */


static void selkies_clipboard_ask(selkies_clipboard_t *c, Atom target,
    int format);
static void selkies_clipboard_next(selkies_clipboard_t *c);
static void selkies_clipboard_end(selkies_clipboard_t *c,
    selkies_status_t status);
static void selkies_clipboard_targets(selkies_clipboard_t *c);
static selkies_status_t selkies_clipboard_fetch(selkies_clipboard_t *c);
static selkies_status_t selkies_clipboard_append(selkies_clipboard_t *c,
    const uint8_t *data, size_t len, size_t more);
static void selkies_clipboard_whole(selkies_clipboard_t *c);
static selkies_status_t selkies_clipboard_text(selkies_clipboard_t *c);
static uint8_t *selkies_clipboard_compound(selkies_clipboard_t *c,
    size_t *len);
static void selkies_clipboard_forget(selkies_clipboard_read_t *read);


void
selkies_clipboard_read(selkies_clipboard_t *c, size_t max_bytes, unsigned want)
{
    selkies_clipboard_read_t  *read = &c->read;

    selkies_clipboard_read_abort(c);
    selkies_content_drop(c->result);

    c->result = NULL;
    c->found &= ~(unsigned) SELKIES_CLIPBOARD_READ;

    if (XGetSelectionOwner(c->display, c->atoms[SELKIES_ATOM_CLIPBOARD])
        == None)
    {
        c->result_status = SELKIES_OK;
        c->found |= SELKIES_CLIPBOARD_READ;
        return;
    }

    /* ICCCM 2.4: the time of the event that asks for it, never CurrentTime */

    read->time = selkies_clipboard_time(c);
    read->max_bytes = max_bytes;
    read->want = want;
    read->offered = 0;
    read->window = XCreateSimpleWindow(c->display,
                                       DefaultRootWindow(c->display), -10, -10,
                                       1, 1, 0, 0, 0);

    (void) XSelectInput(c->display, read->window, PropertyChangeMask);

    selkies_clipboard_ask(c, c->atoms[SELKIES_ATOM_TARGETS], -1);
}


static void
selkies_clipboard_ask(selkies_clipboard_t *c, Atom target, int format)
{
    selkies_clipboard_read_t  *read = &c->read;

    selkies_clipboard_forget(read);

    read->target = target;
    read->format = format;
    read->incremental = 0;
    read->deadline_us = selkies_clock_us() + SELKIES_CLIPBOARD_STALL_US;

    (void) XConvertSelection(c->display, c->atoms[SELKIES_ATOM_CLIPBOARD],
                             target, c->atoms[SELKIES_ATOM_DATA],
                             read->window, read->time);
    (void) XFlush(c->display);
}


/* The best of the formats that have not been tried, or the end. */

static void
selkies_clipboard_next(selkies_clipboard_t *c)
{
    int                        format;
    selkies_clipboard_read_t  *read = &c->read;

    if (read->offered == 0) {
        selkies_clipboard_end(c, SELKIES_OK);
        return;
    }

    format = __builtin_ctz(read->offered);
    read->offered &= read->offered - 1;

    selkies_clipboard_ask(c, c->atoms[format], format);
}


static void
selkies_clipboard_end(selkies_clipboard_t *c, selkies_status_t status)
{
    selkies_content_t  *content;

    content = c->read.content;
    c->read.content = NULL;

    selkies_clipboard_read_abort(c);

    /* a text that is here is worth more than its HTML */

    c->result = content;
    c->result_status = content != NULL ? SELKIES_OK : status;
    c->found |= SELKIES_CLIPBOARD_READ;
}


void
selkies_clipboard_read_abort(selkies_clipboard_t *c)
{
    selkies_clipboard_read_t  *read = &c->read;

    if (read->window == None) {
        return;
    }

    selkies_clipboard_forget(read);
    selkies_content_drop(read->content);
    read->content = NULL;

    if (!selkies_x11_lost(&c->x11)) {
        (void) XDestroyWindow(c->display, read->window);
    }

    read->window = None;
}


static void
selkies_clipboard_forget(selkies_clipboard_read_t *read)
{
    free(read->data);
    read->data = NULL;
    read->len = 0;
    read->size = 0;
}


void
selkies_clipboard_read_expire(selkies_clipboard_t *c, uint64_t now_us)
{
    if (c->read.window != None && now_us >= c->read.deadline_us) {
        selkies_clipboard_end(c, SELKIES_AGAIN);
    }
}


void
selkies_clipboard_answered(selkies_clipboard_t *c,
    const XSelectionEvent *event)
{
    selkies_status_t           rc;
    selkies_clipboard_read_t  *read = &c->read;

    if (read->window == None || event->requestor != read->window
        || event->target != read->target || read->incremental)
    {
        return;
    }

    if (event->property == None) {

        /* an owner of the old kind knows no TARGETS */

        if (read->format == -1) {
            read->offered = 1u << SELKIES_ATOM_UTF8_STRING
                            | 1u << SELKIES_ATOM_STRING;
        }

        selkies_clipboard_next(c);
        return;
    }

    rc = selkies_clipboard_fetch(c);

    if (rc == SELKIES_AGAIN) {
        return;
    }

    if (rc != SELKIES_OK) {
        selkies_clipboard_end(c, rc);
        return;
    }

    selkies_clipboard_whole(c);
}


/* A new value of the property: a piece of what comes in pieces. */

void
selkies_clipboard_piece(selkies_clipboard_t *c, const XPropertyEvent *event)
{
    size_t                     before;
    selkies_status_t           rc;
    selkies_clipboard_read_t  *read = &c->read;

    if (read->window == None || event->window != read->window
        || event->atom != c->atoms[SELKIES_ATOM_DATA] || !read->incremental)
    {
        return;
    }

    before = read->len;
    rc = selkies_clipboard_fetch(c);

    if (rc != SELKIES_OK) {
        selkies_clipboard_end(c, rc);
        return;
    }

    if (read->len != before) {
        read->deadline_us = selkies_clock_us() + SELKIES_CLIPBOARD_STALL_US;
        return;
    }

    selkies_clipboard_whole(c);
}


/*
 * The property's value is appended, and the property deleted.  SELKIES_AGAIN:
 * it comes in pieces; SELKIES_ERROR: it is too much.
 */

static selkies_status_t
selkies_clipboard_fetch(selkies_clipboard_t *c)
{
    int                        format;
    Atom                       type;
    long                       offset;
    size_t                     unit, more;
    uint64_t                   lower;
    unsigned char             *data;
    unsigned long              n, after;
    selkies_status_t           rc;
    selkies_clipboard_read_t  *read = &c->read;

    rc = SELKIES_OK;
    offset = 0;
    after = 1;

    while (after != 0 && rc == SELKIES_OK) {
        data = NULL;

        if (XGetWindowProperty(c->display, read->window,
                               c->atoms[SELKIES_ATOM_DATA], offset,
                               SELKIES_CLIPBOARD_PIECE / 4, False,
                               AnyPropertyType, &type, &format, &n, &after,
                               &data)
            != Success || selkies_x11_lost(&c->x11))
        {
            return SELKIES_AGAIN;
        }

        if (type == c->atoms[SELKIES_ATOM_INCR] && !read->incremental) {

            /* 32 bits of a property are a long here */

            lower = (n > 0 && format == 32)
                    ? *(unsigned long *) (void *) data & 0xffffffff : 0;
            read->incremental = 1;
            read->deadline_us = selkies_clock_us()
                                + SELKIES_CLIPBOARD_STALL_US;

            rc = lower > read->max_bytes ? SELKIES_ERROR : SELKIES_AGAIN;
            after = 0;

        } else {
            unit = format == 32 ? sizeof(long) : (size_t) format / 8;
            more = (size_t) after;

            if (read->format == -1) {
                n = n < SELKIES_CLIPBOARD_TARGETS ? n
                                                  : SELKIES_CLIPBOARD_TARGETS;
                more = after = 0;
            }

            if (read->len == 0) {
                read->type = type;
            }

            rc = selkies_clipboard_append(c, data, n * unit, more);
            offset += SELKIES_CLIPBOARD_PIECE / 4;
        }

        if (data != NULL) {
            (void) XFree(data);
        }
    }

    (void) XDeleteProperty(c->display, read->window,
                           c->atoms[SELKIES_ATOM_DATA]);
    (void) XFlush(c->display);

    return rc;
}


static selkies_status_t
selkies_clipboard_append(selkies_clipboard_t *c, const uint8_t *data,
    size_t len, size_t more)
{
    size_t                     max, size;
    uint8_t                   *p;
    selkies_clipboard_read_t  *read = &c->read;

    max = read->format == -1 ? SELKIES_CLIPBOARD_TARGETS * sizeof(long)
                             : read->max_bytes;

    if (read->content != NULL) {
        max -= read->content->parts[0].len < max
               ? read->content->parts[0].len : max;
    }

    if (len > max - read->len || more > max - read->len - len) {
        return SELKIES_ERROR;
    }

    if (read->len + len + more + 1 > read->size) {

        /* pieces are large: realloc() moves pages, it copies nothing */

        size = read->len + len + more + 1;

        if (more == 0 && read->incremental && read->len != 0) {
            size += size / 4;
        }

        p = realloc(read->data, size);

        if (p == NULL) {
            return SELKIES_ERROR;
        }

        read->data = p;
        read->size = size;
    }

    if (len != 0) {
        memcpy(read->data + read->len, data, len);
    }

    read->len += len;

    return SELKIES_OK;
}


/* All of what was asked for is here. */

static void
selkies_clipboard_whole(selkies_clipboard_t *c)
{
    uint8_t                   *data;
    unsigned                   done;
    const char                *mime;
    selkies_status_t           rc;
    selkies_clipboard_read_t  *read = &c->read;

    if (read->format == -1) {
        selkies_clipboard_targets(c);
        selkies_clipboard_next(c);
        return;
    }

    done = 1u << read->format;

    if (done & SELKIES_FORMATS_TEXT) {
        rc = selkies_clipboard_text(c);
        mime = "text/plain";
        done = SELKIES_FORMATS_TEXT | SELKIES_FORMATS_IMAGE;

    } else {
        rc = (done & SELKIES_FORMATS_HTML)
             && !selkies_content_is_utf8(read->data, read->len)
             ? SELKIES_AGAIN : SELKIES_OK;
        mime = selkies_content_mime((unsigned) read->format);
        done = SELKIES_FORMATS_IMAGE | SELKIES_FORMATS_HTML;
    }

    if (rc == SELKIES_ERROR) {
        selkies_clipboard_end(c, SELKIES_ERROR);
        return;
    }

    if (rc == SELKIES_OK && read->len != 0 && read->content == NULL) {
        read->content = selkies_content_create(0);
    }

    if (rc == SELKIES_OK && read->len != 0 && read->content != NULL) {

        /* what was grown ahead goes back */

        data = realloc(read->data, read->len + 1);
        data = data != NULL ? data : read->data;

        (void) selkies_content_add(read->content, mime, strlen(mime), data,
                                   read->len);
        read->data = NULL;
        read->offered &= ~done;
    }

    selkies_clipboard_next(c);
}


static void
selkies_clipboard_targets(selkies_clipboard_t *c)
{
    Atom                       atom;
    size_t                     i;
    unsigned                   format, formats;
    selkies_clipboard_read_t  *read = &c->read;

    formats = SELKIES_FORMATS_TEXT;

    if (read->want & SELKIES_CLIPBOARD_IMAGES) {
        formats |= SELKIES_FORMATS_IMAGE;
    }

    if (read->want & SELKIES_CLIPBOARD_HTML) {
        formats |= SELKIES_FORMATS_HTML;
    }

    for (i = 0; i + sizeof(Atom) <= read->len; i += sizeof(Atom)) {
        memcpy(&atom, read->data + i, sizeof(Atom));

        for (format = 0; format < SELKIES_ATOM_FORMATS; format++) {

            if (c->atoms[format] == atom && (formats & 1u << format)) {
                read->offered |= 1u << format;
            }
        }
    }
}


/* What was read becomes UTF-8.  SELKIES_AGAIN: it is no text. */

static selkies_status_t
selkies_clipboard_text(selkies_clipboard_t *c)
{
    size_t                     len;
    uint8_t                   *text;
    selkies_clipboard_read_t  *read = &c->read;

    /* some count the zero of C in */

    while (read->len > 0 && read->data[read->len - 1] == '\0') {
        read->len--;
    }

    if (read->len == 0) {
        return SELKIES_OK;
    }

    if (read->type == c->atoms[SELKIES_ATOM_COMPOUND_TEXT]) {
        text = selkies_clipboard_compound(c, &len);

    } else if (read->type != XA_STRING
               && selkies_content_is_utf8(read->data, read->len))
    {
        return SELKIES_OK;

    } else {
        text = selkies_content_from_latin1(read->data, read->len, &len);
    }

    if (text == NULL) {
        return SELKIES_AGAIN;
    }

    free(read->data);

    read->data = text;
    read->len = len;
    read->size = len + 1;

    return len > read->max_bytes ? SELKIES_ERROR : SELKIES_OK;
}


static uint8_t *
selkies_clipboard_compound(selkies_clipboard_t *c, size_t *len)
{
    int             i, n;
    char          **list;
    size_t          pos, part;
    uint8_t        *text;
    XTextProperty   property;

    property.value = c->read.data;
    property.encoding = c->read.type;
    property.format = 8;
    property.nitems = c->read.len;

    list = NULL;
    n = 0;

    if (Xutf8TextPropertyToTextList(c->display, &property, &list, &n) < 0
        || list == NULL)
    {
        return NULL;
    }

    for (i = 0, *len = 0; i < n; i++) {
        *len += strlen(list[i]);
    }

    text = malloc(*len + 1);

    for (i = 0, pos = 0; i < n && text != NULL; i++, pos += part) {
        part = strlen(list[i]);
        memcpy(text + pos, list[i], part);
    }

    XFreeStringList(list);

    return text;
}
