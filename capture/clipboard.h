
/*
 * Copyright (C) ngx_selkies authors
 *
 * The CLIPBOARD selection of one X server (ICCCM, section 2): hearing of its
 * owners (XFixes), reading it, owning it.  PRIMARY is left alone.  Large data
 * go in pieces (INCR) both ways.  No other program is waited for: every step
 * is an event, and what makes no progress for SELKIES_CLIPBOARD_STALL_US is
 * given up.
 *
 * Thread: a clipboard belongs to the thread that opened it.  A content is
 * immutable once it was made and its references are counted: any thread.
 */


#ifndef SELKIES_CAPTURE_CLIPBOARD_H_INCLUDED
#define SELKIES_CAPTURE_CLIPBOARD_H_INCLUDED


#include <stdatomic.h>

#include "x11.h"


#define SELKIES_CLIPBOARD_STALL_US  5000000

#define SELKIES_CONTENT_PARTS       2
#define SELKIES_CONTENT_MIME        128         /* bytes, zero included */


#pragma GCC visibility push(hidden)


typedef struct {
    char                     mime[SELKIES_CONTENT_MIME];
    uint8_t                 *data;              /* a zero follows it */
    size_t                   len;
} selkies_content_part_t;


/*
 * What a clipboard holds: text ("text/plain", UTF-8), perhaps with the same as
 * "text/html" behind it; or one part of another type.  `origin` is the
 * caller's word for where it came from, 0 for a program of the desktop.
 */

typedef struct {
    _Atomic uint32_t         references;
    uint64_t                 origin;
    unsigned                 nparts;
    selkies_content_part_t   parts[SELKIES_CONTENT_PARTS];
} selkies_content_t;


/* Without parts, referred to once; NULL: no memory. */

selkies_content_t *selkies_content_create(uint64_t origin);

/*
 * Before anybody else knows the content: a part more.  `data` has room for a
 * byte behind `len`, is of malloc() and the content's from now on, also where
 * it is refused (SELKIES_ERROR: too many parts, too long a type).
 */

selkies_status_t selkies_content_add(selkies_content_t *content,
    const char *mime, size_t mime_len, uint8_t *data, size_t len);

void selkies_content_hold(selkies_content_t *content);

/* The last one frees it; NULL is accepted. */

void selkies_content_drop(selkies_content_t *content);

/* The same first part, whatever is beside it. */

int selkies_content_same(const selkies_content_t *a,
    const selkies_content_t *b);

/* Whether programs of a desktop take that type, beside text. */

int selkies_content_is_known(const char *mime, size_t len);

/* Whether that is UTF-8 (RFC 3629). */

int selkies_content_is_utf8(const uint8_t *data, size_t len);


typedef struct selkies_clipboard_s  selkies_clipboard_t;


typedef struct {
    const char               *display;
    const char               *xauthority;
    selkies_x11_interrupt_t  *interrupt;
} selkies_clipboard_conf_t;


/* What selkies_clipboard_dispatch() found, bits. */

#define SELKIES_CLIPBOARD_CHANGED   0x1     /* another owner, or none */
#define SELKIES_CLIPBOARD_READ      0x2     /* take what was read */
#define SELKIES_CLIPBOARD_LOST      0x4     /* close it */


/* What is wanted beside text, bits. */

#define SELKIES_CLIPBOARD_IMAGES    0x1
#define SELKIES_CLIPBOARD_HTML      0x2


/* NULL: no server, or one without XFixes (logged).  Waits for the server. */

selkies_clipboard_t *selkies_clipboard_open(
    const selkies_clipboard_conf_t *conf, const selkies_log_t *log);
void selkies_clipboard_close(selkies_clipboard_t *clipboard);

/* To sleep on until it is readable, or until the next deadline. */

int selkies_clipboard_fd(const selkies_clipboard_t *clipboard);

/* On selkies_clock_us(); UINT64_MAX: nothing is under way. */

uint64_t selkies_clipboard_deadline(const selkies_clipboard_t *clipboard);

/* Handles what has come and what is overdue. */

unsigned selkies_clipboard_dispatch(selkies_clipboard_t *clipboard);

/*
 * Something is to be dispatched that no descriptor announces: other calls may
 * have read it along.
 */

int selkies_clipboard_pending(const selkies_clipboard_t *clipboard);


/*
 * Owns the selection with that content, whose reference moves.  With SELKIES_OK
 * the server has done it: whoever pastes from now on gets this.
 */

selkies_status_t selkies_clipboard_own(selkies_clipboard_t *clipboard,
    selkies_content_t *content);

/* What it owns the selection with, not to be dropped; or NULL. */

selkies_content_t *selkies_clipboard_owned(
    const selkies_clipboard_t *clipboard);

/* Somebody is still being given a content. */

int selkies_clipboard_busy(const selkies_clipboard_t *clipboard);


/*
 * Asks the owner for its content, at most `max_bytes` in all of its parts and
 * of the types of `want`.  One read at a time: a former one is given up.
 */

void selkies_clipboard_read(selkies_clipboard_t *clipboard, size_t max_bytes,
    unsigned want);

/*
 * The result: SELKIES_OK with the content, the caller's from now on, or NULL
 * where there is nothing of these types; SELKIES_ERROR: it is too large;
 * SELKIES_AGAIN: the owner did not finish.
 */

selkies_status_t selkies_clipboard_take(selkies_clipboard_t *clipboard,
    selkies_content_t **content);


#pragma GCC visibility pop


#endif /* SELKIES_CAPTURE_CLIPBOARD_H_INCLUDED */
