
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A program that copies and pastes, for the tests of the clipboard; told what
 * to do on stdin, it reports on stdout.  Plain Xlib, one thread, and no other
 * code than that under test.
 *
 *     own file target ...     owns CLIPBOARD; pairs of a file and its target.
 *                             "owns"; large ones go in pieces
 *     more file target ...    the same without owning: what it has is changed
 *     stall target bytes      owns it, and stops after that many bytes of twice
 *                             as many
 *     silent                  owns it, and never answers
 *     clear                   nobody owns it.  "cleared"
 *     paste target file       "pasted type bytes" or "refused"
 *     abandon target          asks for pieces and takes the first alone.
 *                             "abandoned"
 *     multiple property=target ...  "multiple" and bytes of each, - for none
 *     primary                 "primary" and whether somebody owns it
 *     focus                   a window takes the keys: each press pastes text,
 *                             "key text"
 *     requests                "requests n m": those heard so far, how many of
 *                             them said no time
 *     quit
 */


#include <X11/Xatom.h>
#include <X11/Xlib.h>
#include <X11/Xutil.h>

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>


#define PIECE    (256 * 1024)
#define OFFERS   8
#define SENDS    8
#define WORDS    20
#define WAIT_MS  10000


typedef struct {
    Atom        target;
    uint8_t    *data;
    size_t      len;
    size_t      stall;                  /* stops here; 0: does not */
} offer_t;


typedef struct {
    Window          window;
    Atom            property;
    const offer_t  *offer;
    size_t          pos;
} send_t;


typedef struct {
    Display    *dpy;
    Window      win;
    Atom        clipboard;
    Atom        targets;
    Atom        multiple;
    Atom        incr;
    Atom        property;

    offer_t     offers[OFFERS];
    int         noffers;
    int         silent;
    send_t      sends[SENDS];
    unsigned    requests;
    unsigned    untimed;

    size_t      len;
    char        line[4096];
} client_t;


static void event(client_t *c, XEvent *e);


static Atom
atom(client_t *c, const char *name)
{
    return XInternAtom(c->dpy, name, False);
}


static int
ignore(Display *dpy, XErrorEvent *e)
{
    (void) dpy;
    (void) e;

    return 0;
}


static Time
server_time(client_t *c)
{
    XEvent  e;

    XChangeProperty(c->dpy, c->win, c->property, XA_STRING, 8, PropModeAppend,
                    (unsigned char *) "", 0);
    XWindowEvent(c->dpy, c->win, PropertyChangeMask, &e);

    return e.xproperty.time;
}


static uint8_t *
slurp(const char *path, size_t *len)
{
    FILE     *f;
    long      size;
    uint8_t  *data;

    f = fopen(path, "rb");

    if (f == NULL) {
        perror(path);
        exit(1);
    }

    fseek(f, 0, SEEK_END);
    size = ftell(f);
    rewind(f);

    data = malloc((size_t) size + 1);

    if (data == NULL || fread(data, 1, (size_t) size, f) != (size_t) size) {
        exit(1);
    }

    fclose(f);
    *len = (size_t) size;

    return data;
}


static void
forget(client_t *c)
{
    int  i;

    for (i = 0; i < c->noffers; i++) {
        free(c->offers[i].data);
    }

    memset(c->sends, 0, sizeof(c->sends));
    c->noffers = 0;
    c->silent = 0;
}


static void
own(client_t *c)
{
    XSetSelectionOwner(c->dpy, c->clipboard, c->win, server_time(c));
    XSync(c->dpy, False);
    puts("owns");
}


static void
offer(client_t *c, int n, char **word)
{
    int  i;

    forget(c);

    for (i = 0; i + 1 < n && c->noffers < OFFERS; i += 2) {
        c->offers[c->noffers].data = slurp(word[i],
                                           &c->offers[c->noffers].len);
        c->offers[c->noffers].stall = 0;
        c->offers[c->noffers++].target = atom(c, word[i + 1]);
    }
}


/* ---- giving ---- */

static int
give(client_t *c, Window window, Atom target, Atom property)
{
    int             i, j;
    long            size;
    Atom            names[OFFERS + 1];
    const offer_t  *o;

    if (target == c->targets) {
        names[0] = c->targets;

        for (i = 0; i < c->noffers; i++) {
            names[i + 1] = c->offers[i].target;
        }

        XChangeProperty(c->dpy, window, property, XA_ATOM, 32, PropModeReplace,
                        (unsigned char *) names, i + 1);
        return 1;
    }

    for (i = 0; i < c->noffers && c->offers[i].target != target; i++) {
        /* void */
    }

    if (i == c->noffers) {
        return 0;
    }

    o = &c->offers[i];

    if (o->len <= PIECE && o->stall == 0) {
        XChangeProperty(c->dpy, window, property, target, 8, PropModeReplace,
                        o->data, (int) o->len);
        return 1;
    }

    for (j = 0; j < SENDS - 1 && c->sends[j].window != None; j++) {
        /* void */
    }

    c->sends[j] = (send_t) { window, property, o, 0 };
    XSelectInput(c->dpy, window, PropertyChangeMask);

    size = (long) o->len;
    XChangeProperty(c->dpy, window, property, c->incr, 32, PropModeReplace,
                    (unsigned char *) &size, 1);
    return 1;
}


static void
taken(client_t *c, const XPropertyEvent *e)
{
    int      i;
    size_t   n;
    send_t  *s;

    for (i = 0; i < SENDS; i++) {
        s = &c->sends[i];

        if (s->window != e->window || s->property != e->atom) {
            continue;
        }

        n = s->offer->len - s->pos;
        n = n > PIECE ? PIECE : n;

        if (s->offer->stall != 0 && s->pos + n > s->offer->stall) {
            return;
        }

        XChangeProperty(c->dpy, s->window, s->property, s->offer->target, 8,
                        PropModeReplace, s->offer->data + s->pos, (int) n);
        s->pos += n;

        if (n == 0) {
            s->window = None;
        }
    }
}


static void
asked(client_t *c, const XSelectionRequestEvent *r)
{
    int              given;
    XSelectionEvent  a;

    c->requests++;
    c->untimed += r->time == CurrentTime;

    if (c->silent) {
        return;
    }

    given = give(c, r->requestor, r->target, r->property);

    memset(&a, 0, sizeof(a));
    a.type = SelectionNotify;
    a.requestor = r->requestor;
    a.selection = r->selection;
    a.target = r->target;
    a.property = given ? r->property : None;
    a.time = r->time;

    XSendEvent(c->dpy, r->requestor, False, NoEventMask, (XEvent *) &a);
}


/* ---- taking ---- */

/* The next event of that type for us; others are handled meanwhile. */

static int
await(client_t *c, int type, XEvent *e)
{
    int            i;
    struct pollfd  pfd;

    for (i = 0; i < WAIT_MS / 10; ) {

        while (XPending(c->dpy)) {
            XNextEvent(c->dpy, e);

            if (e->type == type && e->xany.window == c->win
                && (type != PropertyNotify
                    || (e->xproperty.state == PropertyNewValue
                        && e->xproperty.atom == c->property)))
            {
                return 1;
            }

            event(c, e);
        }

        pfd.fd = ConnectionNumber(c->dpy);
        pfd.events = POLLIN;
        i += poll(&pfd, 1, 10) == 0;
    }

    return 0;
}


static uint8_t *
fetch(client_t *c, Atom *type, size_t *len)
{
    int             format;
    uint8_t        *copy;
    unsigned char  *data;
    unsigned long   n, after;

    XGetWindowProperty(c->dpy, c->win, c->property, 0, 0x1fffffff, True,
                       AnyPropertyType, type, &format, &n, &after, &data);

    *len = format == 32 ? n * sizeof(long) : n;
    copy = malloc(*len + 1);
    memcpy(copy, data, *len);
    copy[*len] = '\0';
    XFree(data);

    return copy;
}


/* NULL: refused, or no answer; only the first piece where `abandon`. */

static uint8_t *
paste(client_t *c, Atom target, Atom *type, size_t *len, int abandon)
{
    Atom      piece_type;
    size_t    n;
    XEvent    e;
    uint8_t  *data, *piece, *grown;

    XDeleteProperty(c->dpy, c->win, c->property);
    XConvertSelection(c->dpy, c->clipboard, target, c->property, c->win,
                      CurrentTime);

    do {
        if (!await(c, SelectionNotify, &e)) {
            return NULL;
        }

    } while (e.xselection.target != target);

    if (e.xselection.property == None) {
        return NULL;
    }

    data = fetch(c, type, len);

    if (*type != c->incr) {
        return data;
    }

    *len = 0;

    do {
        if (!await(c, PropertyNotify, &e)) {
            return NULL;
        }

        piece = fetch(c, &piece_type, &n);
        *type = n ? piece_type : *type;
        grown = realloc(data, *len + n + 1);

        if (grown == NULL) {
            exit(1);
        }

        data = grown;
        memcpy(data + *len, piece, n);
        *len += n;
        data[*len] = '\0';
        free(piece);

    } while (n != 0 && !abandon);

    return data;
}


static void
paste_to(client_t *c, const char *target, const char *path)
{
    Atom      type;
    FILE     *f;
    char     *name;
    size_t    len;
    uint8_t  *data;

    data = paste(c, atom(c, target), &type, &len, 0);

    if (data == NULL) {
        puts("refused");
        return;
    }

    f = fopen(path, "wb");

    if (f == NULL || fwrite(data, 1, len, f) != len) {
        perror(path);
        exit(1);
    }

    fclose(f);
    name = XGetAtomName(c->dpy, type);
    printf("pasted %s %zu\n", name, len);
    XFree(name);
    free(data);
}


static void
multiple(client_t *c, int n, char **word)
{
    int             i, format;
    Atom            pairs[2 * WORDS], type, *answer;
    char           *target;
    XEvent          e;
    unsigned char  *data;
    unsigned long   count, after;

    for (i = 0; i < n; i++) {
        target = strchr(word[i], '=');
        *target++ = '\0';
        pairs[2 * i] = atom(c, target);
        pairs[2 * i + 1] = atom(c, word[i]);
    }

    XChangeProperty(c->dpy, c->win, c->property, atom(c, "ATOM_PAIR"), 32,
                    PropModeReplace, (unsigned char *) pairs, 2 * n);
    XConvertSelection(c->dpy, c->clipboard, c->multiple, c->property, c->win,
                      CurrentTime);

    if (!await(c, SelectionNotify, &e) || e.xselection.property == None) {
        puts("refused");
        return;
    }

    XGetWindowProperty(c->dpy, c->win, c->property, 0, 100, True,
                       AnyPropertyType, &type, &format, &count, &after, &data);
    answer = (Atom *) (void *) data;
    printf("multiple");

    for (i = 0; i < n; i++) {

        if (answer[2 * i + 1] == None) {
            printf(" -");
            continue;
        }

        data = NULL;
        XGetWindowProperty(c->dpy, c->win, pairs[2 * i + 1], 0, 1000, True,
                           AnyPropertyType, &type, &format, &count, &after,
                           &data);
        printf(" %lu", count);
        XFree(data);
    }

    XFree(answer);
    puts("");
}


static void
focus(client_t *c)
{
    XSetWindowAttributes  a;

    a.override_redirect = True;
    XChangeWindowAttributes(c->dpy, c->win, CWOverrideRedirect, &a);
    XSelectInput(c->dpy, c->win, PropertyChangeMask|KeyPressMask);
    XMapRaised(c->dpy, c->win);
    XSync(c->dpy, False);
    XSetInputFocus(c->dpy, c->win, RevertToPointerRoot, CurrentTime);
    XSync(c->dpy, False);
    puts("focused");
}


static void
event(client_t *c, XEvent *e)
{
    Atom      type;
    size_t    len;
    uint8_t  *text;

    switch (e->type) {

    case SelectionRequest:
        asked(c, &e->xselectionrequest);
        break;

    case PropertyNotify:
        if (e->xproperty.state == PropertyDelete) {
            taken(c, &e->xproperty);
        }
        break;

    case KeyPress:
        text = paste(c, atom(c, "UTF8_STRING"), &type, &len, 0);
        printf("key %.60s\n", text ? (char *) text : "-");
        free(text);
        break;
    }
}


static void
abandon(client_t *c, const char *target)
{
    Atom      type;
    size_t    len;
    uint8_t  *data;

    data = paste(c, atom(c, target), &type, &len, 1);
    puts(data ? "abandoned" : "refused");
    free(data);
}


static void
stall(client_t *c, const char *target, size_t bytes)
{
    forget(c);

    c->offers[0].target = atom(c, target);
    c->offers[0].len = 2 * bytes;
    c->offers[0].data = calloc(2, bytes);
    c->offers[0].stall = bytes;
    c->noffers = 1;

    memset(c->offers[0].data, 'x', 2 * bytes);
    own(c);
}


static void
command(client_t *c, char *line)
{
    int    n;
    char  *word[WORDS], *p, *save;

    for (n = 0, p = strtok_r(line, " ", &save);
         p != NULL && n < WORDS;
         p = strtok_r(NULL, " ", &save))
    {
        word[n++] = p;
    }

    if (n == 0) {
        return;
    }

    p = word[0];

    if (strcmp(p, "own") == 0) {
        offer(c, n - 1, word + 1);
        own(c);

    } else if (strcmp(p, "more") == 0) {
        offer(c, n - 1, word + 1);
        puts("owns");

    } else if (strcmp(p, "stall") == 0 && n == 3) {
        stall(c, word[1], strtoul(word[2], NULL, 10));

    } else if (strcmp(p, "silent") == 0) {
        forget(c);
        c->silent = 1;
        own(c);

    } else if (strcmp(p, "clear") == 0) {
        XSetSelectionOwner(c->dpy, c->clipboard, None, CurrentTime);
        XSync(c->dpy, False);
        puts("cleared");

    } else if (strcmp(p, "paste") == 0 && n == 3) {
        paste_to(c, word[1], word[2]);

    } else if (strcmp(p, "abandon") == 0 && n == 2) {
        abandon(c, word[1]);

    } else if (strcmp(p, "multiple") == 0) {
        multiple(c, n - 1, word + 1);

    } else if (strcmp(p, "primary") == 0) {
        printf("primary %d\n", XGetSelectionOwner(c->dpy, XA_PRIMARY) != None);

    } else if (strcmp(p, "focus") == 0) {
        focus(c);

    } else if (strcmp(p, "requests") == 0) {
        printf("requests %u %u\n", c->requests, c->untimed);

    } else if (strcmp(p, "quit") == 0) {
        exit(0);
    }
}


static void
commands(client_t *c)
{
    char     *end;
    ssize_t   n;

    n = read(0, c->line + c->len, sizeof(c->line) - c->len - 1);

    if (n <= 0) {
        exit(0);
    }

    c->len += (size_t) n;
    c->line[c->len] = '\0';

    while ((end = strchr(c->line, '\n')) != NULL) {
        *end++ = '\0';
        command(c, c->line);
        c->len -= (size_t) (end - c->line);
        memmove(c->line, end, c->len + 1);
    }
}


int
main(void)
{
    XEvent         e;
    client_t      *c;
    struct pollfd  fds[2];

    c = calloc(1, sizeof(client_t));

    if (c == NULL || (c->dpy = XOpenDisplay(NULL)) == NULL) {
        fprintf(stderr, "no display\n");
        return 1;
    }

    XSetErrorHandler(ignore);
    setvbuf(stdout, NULL, _IOLBF, 0);

    c->clipboard = atom(c, "CLIPBOARD");
    c->targets = atom(c, "TARGETS");
    c->multiple = atom(c, "MULTIPLE");
    c->incr = atom(c, "INCR");
    c->property = atom(c, "TEST_DATA");
    c->win = XCreateSimpleWindow(c->dpy, DefaultRootWindow(c->dpy), 0, 0, 100,
                                 100, 0, 0, 0);
    XSelectInput(c->dpy, c->win, PropertyChangeMask);

    puts("ready 0 0");

    for ( ;; ) {

        while (XPending(c->dpy)) {
            XNextEvent(c->dpy, &e);
            event(c, &e);
        }

        fds[0].fd = ConnectionNumber(c->dpy);
        fds[1].fd = 0;
        fds[0].events = fds[1].events = POLLIN;
        poll(fds, 2, -1);

        if (fds[1].revents) {
            commands(c);
        }
    }
}
