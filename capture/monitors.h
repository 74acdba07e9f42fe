
/*
 * Copyright (C) ngx_selkies authors
 *
 * RandR monitors: how an X screen tells programs that it is shown on several,
 * so that windows are maximized on one of them.
 *
 * Thread and ownership: as the connection.
 */


#ifndef SELKIES_MONITORS_H_INCLUDED
#define SELKIES_MONITORS_H_INCLUDED


#include "capture.h"
#include "x11.h"


#pragma GCC visibility push(hidden)


/* The name, letters and digits, needed during the call only. */

typedef struct {
    const char      *name;
    selkies_rect_t   area;          /* in pixels of the screen */
} selkies_monitor_t;


/*
 * The monitors of the default screen from now on, the first one the primary;
 * with fewer than two the server has one as large as its screen.  Those that
 * others made are left alone.  OK; ERROR: the server has no RandR 1.5, or
 * refuses one; LOST.
 */

selkies_status_t selkies_monitors_set(selkies_x11_t *x11,
    const selkies_monitor_t *monitors, size_t n);


#pragma GCC visibility pop


#endif /* SELKIES_MONITORS_H_INCLUDED */
