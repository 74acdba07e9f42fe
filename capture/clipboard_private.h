
/*
 * Copyright (C) ngx_selkies authors
 *
 * What the files of the clipboard share; nobody else includes it.
 */


#ifndef SELKIES_CLIPBOARD_PRIVATE_H_INCLUDED
#define SELKIES_CLIPBOARD_PRIVATE_H_INCLUDED


#include "clipboard.h"


#define SELKIES_CLIPBOARD_PIECE      (192 * 1024)   /* bytes of a request */
#define SELKIES_CLIPBOARD_TRANSFERS  16             /* given at a time */


#pragma GCC visibility push(hidden)


/* Atoms, by name in clipboard.c; formats first, in order of preference. */

typedef enum {
    SELKIES_ATOM_UTF8_STRING = 0,
    SELKIES_ATOM_TEXT_UTF8,
    SELKIES_ATOM_TEXT_UTF8_UPPER,
    SELKIES_ATOM_COMPOUND_TEXT,
    SELKIES_ATOM_STRING,
    SELKIES_ATOM_TEXT_PLAIN,
    SELKIES_ATOM_TEXT,
    SELKIES_ATOM_PNG,
    SELKIES_ATOM_JPEG,
    SELKIES_ATOM_WEBP,
    SELKIES_ATOM_GIF,
    SELKIES_ATOM_BMP,
    SELKIES_ATOM_TIFF,
    SELKIES_ATOM_AVIF,
    SELKIES_ATOM_SVG,
    SELKIES_ATOM_HTML,

    SELKIES_ATOM_FORMATS,

    SELKIES_ATOM_CLIPBOARD = SELKIES_ATOM_FORMATS,
    SELKIES_ATOM_TARGETS,
    SELKIES_ATOM_TIMESTAMP,
    SELKIES_ATOM_MULTIPLE,
    SELKIES_ATOM_ATOM_PAIR,
    SELKIES_ATOM_INCR,
    SELKIES_ATOM_TIME,                          /* a property of ours */
    SELKIES_ATOM_DATA,                          /* and this */

    SELKIES_ATOMS
} selkies_clipboard_atom_t;


#define SELKIES_FORMATS_TEXT                                                  \
    ((1u << SELKIES_ATOM_PNG) - 1)
#define SELKIES_FORMATS_IMAGE                                                 \
    ((1u << SELKIES_ATOM_HTML) - (1u << SELKIES_ATOM_PNG))
#define SELKIES_FORMATS_HTML                                                  \
    (1u << SELKIES_ATOM_HTML)


/* Each read has a window of its own: late answers to another find nobody. */

typedef struct {
    Window                window;               /* None: no read */
    size_t                max_bytes;
    unsigned              want;
    unsigned              offered;              /* formats not tried yet */
    Time                  time;                 /* when it was */
    Atom                  target;               /* asked for */
    int                   format;               /* its number, or -1 */

    uint8_t              *data;                 /* what has come of it */
    size_t                len;
    size_t                size;
    Atom                  type;

    selkies_content_t    *content;              /* the parts before */
    uint64_t              deadline_us;
    unsigned              incremental:1;
} selkies_clipboard_read_t;


/* A content that somebody takes in pieces. */

typedef struct {
    Window                window;               /* None: unused */
    Atom                  property;
    Atom                  type;
    const uint8_t        *data;
    size_t                len;
    size_t                pos;
    uint8_t              *converted;            /* NULL, or where data lies */
    selkies_content_t    *content;              /* or its owner, held */
    uint64_t              deadline_us;
} selkies_clipboard_transfer_t;


struct selkies_clipboard_s {
    selkies_x11_t                 x11;
    Display                      *display;
    const selkies_log_t          *log;
    int                           fixes_event;
    Window                        window;
    Atom                          atoms[SELKIES_ATOMS];

    selkies_content_t            *own;
    Time                          own_time;
    unsigned long                 own_serial;   /* of the request for it */

    selkies_clipboard_read_t      read;
    selkies_content_t            *result;
    selkies_status_t              result_status;
    unsigned                      found;        /* bits for dispatch() */

    selkies_clipboard_transfer_t  transfers[SELKIES_CLIPBOARD_TRANSFERS];
};


/* The server's clock. */

Time selkies_clipboard_time(selkies_clipboard_t *c);

/* A format's type as it is handed on; NULL: it is one of text. */

const char *selkies_content_mime(unsigned format);

/* Latin-1 of `len` bytes as UTF-8, of malloc(), zero-terminated; or NULL. */

uint8_t *selkies_content_from_latin1(const uint8_t *data, size_t len,
    size_t *out_len);

/* What Latin-1 has not becomes a question mark. */

uint8_t *selkies_content_to_latin1(const uint8_t *data, size_t len,
    size_t *out_len);


/* clipboard_read.c: events of a read's window */

void selkies_clipboard_answered(selkies_clipboard_t *c,
    const XSelectionEvent *event);
void selkies_clipboard_piece(selkies_clipboard_t *c,
    const XPropertyEvent *event);
void selkies_clipboard_read_expire(selkies_clipboard_t *c, uint64_t now_us);
void selkies_clipboard_read_abort(selkies_clipboard_t *c);


/* clipboard_serve.c: those of who pastes */

void selkies_clipboard_request(selkies_clipboard_t *c,
    const XSelectionRequestEvent *event);
void selkies_clipboard_taken(selkies_clipboard_t *c,
    const XPropertyEvent *event);
void selkies_clipboard_gone(selkies_clipboard_t *c, Window window);
void selkies_clipboard_serve_expire(selkies_clipboard_t *c, uint64_t now_us);


#pragma GCC visibility pop


#endif /* SELKIES_CLIPBOARD_PRIVATE_H_INCLUDED */
