
/*
 * Copyright (C) ngx_selkies authors
 *
 * A manager of XSETTINGS for desktops that have none (freedesktop.org's
 * specification, version 0.5): GTK programs then follow the DPI while they
 * run.  It takes the selection only after nobody has had it for a while, never
 * where the window manager is one of a desktop with a manager of its own, and
 * lets go as soon as somebody else takes it.
 *
 * Thread: the one of the connection it was given.  Ownership: the connection
 * is the caller's, and with it the window goes.
 */


#ifndef SELKIES_XSETTINGS_H_INCLUDED
#define SELKIES_XSETTINGS_H_INCLUDED


#include "capture.h"
#include "x11.h"


#pragma GCC visibility push(hidden)


#define SELKIES_XSETTINGS_MAX         8
#define SELKIES_XSETTINGS_BYTES       1024


typedef struct {
    const char             *name;           /* static, up to 64 characters */
    int32_t                 value;
} selkies_xsetting_t;


/* Private; the memory is the caller's. */

typedef struct {
    selkies_x11_t          *x11;
    const selkies_log_t    *log;
    Window                  root;
    Window                  window;         /* None while it manages nothing */
    Atom                    selection;
    Atom                    property;
    Atom                    manager;
    int                     fixes_event;

    selkies_xsetting_t      settings[SELKIES_XSETTINGS_MAX];
    size_t                  nsettings;
    uint32_t                serial;

    uint64_t                take_us;        /* not before; 0: not at all */
    uint64_t                unmanaged_us;   /* and this where there is no
                                               window manager */
} selkies_xsettings_t;


/* `fixes_event` is the first event of XFIXES, which must be there. */

void selkies_xsettings_init(selkies_xsettings_t *xs, selkies_x11_t *x11,
    Window root, int fixes_event, const selkies_log_t *log);


/* The settings there are to be, by their names; they are copied. */

void selkies_xsettings_set(selkies_xsettings_t *xs,
    const selkies_xsetting_t *settings, size_t n);


/* An event of the connection; whether it was one of these. */

int selkies_xsettings_event(selkies_xsettings_t *xs, const XEvent *event);


/*
 * Takes the selection if it is time.  When to call it again, in microseconds
 * of selkies_clock_us(); UINT64_MAX: not before an event.
 */

uint64_t selkies_xsettings_due(selkies_xsettings_t *xs);


/*
 * The property: at most SELKIES_XSETTINGS_BYTES, which `out` has.  Pure.
 */

size_t selkies_xsettings_write(uint8_t *out, uint32_t serial,
    const selkies_xsetting_t *settings, size_t n);


#pragma GCC visibility pop


#endif /* SELKIES_XSETTINGS_H_INCLUDED */
