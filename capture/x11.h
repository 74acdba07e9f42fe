
/*
 * Copyright (C) ngx_selkies authors
 *
 * Connections to an X server that survive it.  Xlib ends the process when a
 * server dies or answers with an error; here a dead server is a state of the
 * connection (design.md 6.8, nginx.md 7).
 *
 * Thread: a connection belongs to the thread that opened it; only
 * selkies_x11_init() and the interrupt functions may be called by others.
 * Ownership: stated per function.
 */


#ifndef SELKIES_X11_H_INCLUDED
#define SELKIES_X11_H_INCLUDED


#include <X11/Xlib.h>

#include <pthread.h>

#include "capture.h"


#pragma GCC visibility push(hidden)


/*
 * A way out of Xlib for a thread that waits for a stopped server.  Owned by
 * the caller, outlives every connection opened with it; one connection at a
 * time.  All fields are private.
 */

typedef struct {
    pthread_mutex_t  lock;
    int              fd;
    int              stopped;
} selkies_x11_interrupt_t;


/*
 * One connection.  Memory is the caller's, lives from open to close at one
 * address; fields are private except display, which is NULL when not open.
 */

typedef struct selkies_x11_s  selkies_x11_t;

struct selkies_x11_s {
    Display                  *display;
    const selkies_log_t      *log;
    selkies_x11_interrupt_t  *interrupt;
    selkies_x11_t            *next;

    unsigned long             trap_serial;
    int                       trapped;
    int                       error;
    int                       nerrors;
    _Atomic int               lost;
};


/*
 * Once per process before any other call here, from any thread, not in a
 * process that forks afterwards; more calls do nothing.  Makes Xlib
 * thread-safe and replaces its process-wide error handlers.
 */

void selkies_x11_init(void);


/* Prepares and disposes of an interrupt; no thread may use it meanwhile. */

void selkies_x11_interrupt_init(selkies_x11_interrupt_t *interrupt);
void selkies_x11_interrupt_destroy(selkies_x11_interrupt_t *interrupt);


/*
 * Any thread: cuts the connection opened with this interrupt, so that its
 * thread comes back from Xlib and finds the connection lost; an open in
 * progress or to come fails, until selkies_x11_interrupt_clear().  Never
 * blocks for long.
 */

void selkies_x11_interrupt(selkies_x11_interrupt_t *interrupt);
void selkies_x11_interrupt_clear(selkies_x11_interrupt_t *interrupt);


/*
 * Connects to `display` (":1", "host:2.0") with the cookie found in the file
 * `xauthority`; NULL leaves the choice to Xlib and the environment.
 * `interrupt` may be NULL; `log` may be NULL and must outlive the connection.
 * A server that accepts but does not answer is given up after two seconds.
 * Returns x->display, or NULL: nothing was logged, try again later; errno is
 * EACCES when the server refused the cookie, EINVAL when `display` is no
 * display, ECANCELED after an interrupt, EAGAIN for a minute after servers were
 * lost too often while they were opened, else why there was no connection.
 */

Display *selkies_x11_open(selkies_x11_t *x, const char *display,
    const char *xauthority, selkies_x11_interrupt_t *interrupt,
    const selkies_log_t *log);


/* Closes, also a lost connection; x may be opened again. */

void selkies_x11_close(selkies_x11_t *x);


/*
 * Whether the server is gone; sends what libxcb holds, which may block.  What
 * Xlib's calls return then may be anything (XInternAtom() of 1.8.4:
 * uninitialised memory): ask after a round trip, before using its answer.
 * Ask also between calls of libxcb on this connection and the next one of
 * Xlib, which otherwise may end the process.
 */

int selkies_x11_lost(selkies_x11_t *x);


/*
 * X errors of the requests between begin and end are not logged; end waits
 * for the server (one round trip) and returns the first error's code (X.h),
 * 0 for none, or -1 when the connection is lost.  No nesting.  Errors outside
 * are logged, the first eight of a connection.
 */

void selkies_x11_trap_begin(selkies_x11_t *x);
int selkies_x11_trap_end(selkies_x11_t *x);


#pragma GCC visibility pop


#endif /* SELKIES_X11_H_INCLUDED */
