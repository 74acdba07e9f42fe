
/*
 * Copyright (C) ngx_selkies authors
 *
 * See dpi.h.
 */


#include <stdlib.h>

#include <X11/Xatom.h>

#include "dpi.h"
#include "resources.h"


#define SELKIES_DPI_DEFAULT     96
#define SELKIES_DPI_TEXT_MAX    (256 * 1024)


static const char *selkies_dpi_resources(selkies_dpi_t *d, int32_t dpi,
    int32_t cursor);
static const char *selkies_dpi_replace(selkies_dpi_t *d, Atom type,
    const char *text, size_t len, int32_t dpi, int32_t cursor);
static void selkies_dpi_xsettings(selkies_dpi_t *d, int32_t dpi,
    int32_t cursor);


void
selkies_dpi_init(selkies_dpi_t *d, selkies_x11_t *x11, Window root,
    int fixes_event, const selkies_log_t *log)
{
    d->x11 = x11;
    d->root = root;
    d->log = log;
    d->dpi = 0;
    d->cursor = 0;

    selkies_xsettings_init(&d->xsettings, x11, root, fixes_event, log);
}


selkies_status_t
selkies_dpi_apply(selkies_dpi_t *d, int32_t dpi, int32_t cursor)
{
    const char  *why;

    if (selkies_x11_lost(d->x11)) {
        return SELKIES_LOST;
    }

    /* nobody else writes it between the reading and the writing */

    (void) XGrabServer(d->x11->display);

    why = selkies_dpi_resources(d, dpi, cursor);

    (void) XUngrabServer(d->x11->display);
    (void) XFlush(d->x11->display);

    if (selkies_x11_lost(d->x11)) {
        return SELKIES_LOST;
    }

    if (why != NULL) {
        selkies_log(d->log, SELKIES_LOG_WARN,
                    "display %s keeps its DPI: %s",
                    DisplayString(d->x11->display), why);
        return SELKIES_ERROR;
    }

    return SELKIES_OK;
}


static const char *
selkies_dpi_resources(selkies_dpi_t *d, int32_t dpi, int32_t cursor)
{
    int             format, rc;
    Atom            type;
    int32_t         present;
    const char     *why;
    unsigned long   n, rest;
    unsigned char  *data;

    data = NULL;
    rc = XGetWindowProperty(d->x11->display, d->root, XA_RESOURCE_MANAGER, 0,
                            SELKIES_DPI_TEXT_MAX / 4, False, AnyPropertyType,
                            &type, &format, &n, &rest, &data);

    if (selkies_x11_lost(d->x11) || rc != Success) {
        return "the X server does not tell its resources";
    }

    why = NULL;

    if (type == None) {
        type = XA_STRING;
        n = 0;

    } else if (format != 8 || rest != 0) {
        why = "its resources are no text of a sensible size";
    }

    if (why == NULL) {
        present = selkies_resources_find((char *) data, n, "Xft.dpi");

        if (dpi != SELKIES_DPI_DEFAULT || present != 0 || d->dpi != 0) {

            if (present != dpi
                || selkies_resources_find((char *) data, n, "Xcursor.size")
                   != cursor)
            {
                why = selkies_dpi_replace(d, type, (char *) data, n, dpi,
                                          cursor);
            }

            selkies_dpi_xsettings(d, dpi, cursor);
        }
    }

    if (data != NULL) {
        (void) XFree(data);
    }

    return why;
}


static const char *
selkies_dpi_replace(selkies_dpi_t *d, Atom type, const char *text, size_t len,
    int32_t dpi, int32_t cursor)
{
    char                *merged;
    size_t               merged_len;
    selkies_resource_t   resources[2];

    resources[0].name = "Xft.dpi";
    resources[0].value = dpi;
    resources[1].name = "Xcursor.size";
    resources[1].value = cursor;

    merged = selkies_resources_merge(text, len, resources, 2, &merged_len);

    if (merged == NULL) {
        return "there is no memory";
    }

    (void) XChangeProperty(d->x11->display, d->root, XA_RESOURCE_MANAGER, type,
                           8, PropModeReplace, (unsigned char *) merged,
                           (int) merged_len);
    free(merged);

    return NULL;
}


static void
selkies_dpi_xsettings(selkies_dpi_t *d, int32_t dpi, int32_t cursor)
{
    selkies_xsetting_t  settings[2];

    if (d->dpi == dpi && d->cursor == cursor) {
        return;
    }

    d->dpi = dpi;
    d->cursor = cursor;

    settings[0].name = "Xft/DPI";
    settings[0].value = dpi * 1024;
    settings[1].name = "Gtk/CursorThemeSize";
    settings[1].value = cursor;

    selkies_xsettings_set(&d->xsettings, settings, 2);
}
