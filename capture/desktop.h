
/*
 * Copyright (C) ngx_selkies authors
 *
 * The desktop around the pixels: size of the screen (RandR) and the cursor
 * (XFixes).
 *
 * Thread: everything here belongs to the desktop thread, which owns the
 * object; other threads reach it only through the interrupt (x11.h).
 */


#ifndef SELKIES_DESKTOP_H_INCLUDED
#define SELKIES_DESKTOP_H_INCLUDED


#include "capture.h"
#include "monitors.h"
#include "x11.h"


#pragma GCC visibility push(hidden)


/* A larger cursor is scaled down to fit, in pixels. */

#define SELKIES_CURSOR_SIZE_MAX    128

/* No PNG of a cursor is larger. */

#define SELKIES_CURSOR_PNG_MAX     (96 * 1024)


/* What selkies_desktop_dispatch() returns, or-ed. */

#define SELKIES_DESKTOP_CURSOR     0x01     /* until the cursor was asked for */
#define SELKIES_DESKTOP_GEOMETRY   0x02     /* until the size was asked for */
#define SELKIES_DESKTOP_LOST       0x04     /* close, open a new one later */


/*
 * A cursor as the wire wants it (protocol.md 10).  serial is 0 and everything
 * else zero or NULL when no cursor is to be seen, never 0 otherwise.  The hot
 * spot lies inside.  png is owned by the desktop, valid until its next call.
 */

typedef struct {
    uint32_t        serial;
    uint32_t        width;
    uint32_t        height;
    uint32_t        hot_x;
    uint32_t        hot_y;

    const uint8_t  *png;
    size_t          png_len;
} selkies_cursor_t;


typedef struct selkies_desktop_s  selkies_desktop_t;


/* The strings are needed during open only. */

typedef struct {
    const char               *display;
    const char               *xauthority;
    selkies_x11_interrupt_t  *interrupt;
} selkies_desktop_conf_t;


/* NULL: as selkies_screen_open().  The cursor is reported as changed. */

selkies_desktop_t *selkies_desktop_open(const selkies_desktop_conf_t *conf,
    const selkies_log_t *log);

/* NULL is allowed. */

void selkies_desktop_close(selkies_desktop_t *desktop);


/* Poll for reading and dispatch before and after: as screen.h says. */

int selkies_desktop_fd(const selkies_desktop_t *desktop);
unsigned selkies_desktop_dispatch(selkies_desktop_t *desktop);


/* The size now, in pixels; takes SELKIES_DESKTOP_GEOMETRY down.  OK, LOST. */

selkies_status_t selkies_desktop_size(selkies_desktop_t *desktop,
    int32_t *width, int32_t *height);


/*
 * The sizes the server can be given, in pixels.  OK; ERROR: it cannot be
 * resized, and both are the present size; LOST.
 */

selkies_status_t selkies_desktop_size_range(selkies_desktop_t *desktop,
    int32_t *min_width, int32_t *min_height, int32_t *max_width,
    int32_t *max_height);


/*
 * Makes the screen exactly width x height pixels.  OK: it is so already,
 * nothing was done.  REINIT: done, whoever captures will be told.  ERROR: the
 * server cannot, one line was logged, the old size holds.  LOST.
 */

selkies_status_t selkies_desktop_resize(selkies_desktop_t *desktop,
    int32_t width, int32_t height);


/*
 * The DPI that programs go by, and the size of their cursors in pixels: see
 * dpi.h.  OK, ERROR, LOST.
 */

selkies_status_t selkies_desktop_dpi(selkies_desktop_t *desktop, int32_t dpi,
    int32_t cursor);


/*
 * Does what only time tells when to do; to be called with each dispatch.  When
 * to call it again, in us of selkies_clock_us(); UINT64_MAX: no need.
 */

uint64_t selkies_desktop_due(selkies_desktop_t *desktop);


/* What the screen is shown on: as selkies_monitors_set(). */

selkies_status_t selkies_desktop_monitors(selkies_desktop_t *desktop,
    const selkies_monitor_t *monitors, size_t n);


/* The cursor now; takes SELKIES_DESKTOP_CURSOR down.  OK, ERROR or LOST. */

selkies_status_t selkies_desktop_cursor(selkies_desktop_t *desktop,
    selkies_cursor_t *cursor);


#pragma GCC visibility pop


#endif /* SELKIES_DESKTOP_H_INCLUDED */
