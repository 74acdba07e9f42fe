
/*
 * Copyright (C) ngx_selkies authors
 *
 * The DPI of a desktop, as far as X alone can change it: Xft.dpi and
 * Xcursor.size of RESOURCE_MANAGER, which programs read when they start, and
 * XSETTINGS where no desktop manages them (xsettings.h).
 *
 * Thread: the desktop thread.  Ownership: part of the desktop object; the
 * connection is the desktop's.
 */


#ifndef SELKIES_DPI_H_INCLUDED
#define SELKIES_DPI_H_INCLUDED


#include "xsettings.h"


#pragma GCC visibility push(hidden)


/* Private. */

typedef struct {
    selkies_x11_t          *x11;
    const selkies_log_t    *log;
    Window                  root;
    int32_t                 dpi;            /* told to XSETTINGS; 0: nothing */
    int32_t                 cursor;
    selkies_xsettings_t     xsettings;
} selkies_dpi_t;


void selkies_dpi_init(selkies_dpi_t *d, selkies_x11_t *x11, Window root,
    int fixes_event, const selkies_log_t *log);


/*
 * Gives the desktop that DPI and cursors of that size, in pixels.  A desktop
 * that says nothing of its DPI has 96, and is left alone when it is to have
 * that.  OK; ERROR: logged; LOST.
 */

selkies_status_t selkies_dpi_apply(selkies_dpi_t *d, int32_t dpi,
    int32_t cursor);


#pragma GCC visibility pop


#endif /* SELKIES_DPI_H_INCLUDED */
