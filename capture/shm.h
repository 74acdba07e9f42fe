
/*
 * Copyright (C) ngx_selkies authors
 *
 * Memory shared with the X server: a sealed memfd passed by MIT-SHM 1.2, so
 * that it works across uids and IPC namespaces and nothing leaks in a crash.
 *
 * Thread: the connection's.  Ownership: the structure owns mapping, segment
 * and pixmap.
 */


#ifndef SELKIES_SHM_H_INCLUDED
#define SELKIES_SHM_H_INCLUDED


#include <xcb/shm.h>
#include <xcb/xcb.h>

#include "capture.h"


#pragma GCC visibility push(hidden)


/* memory is NULL when there is none; pixmap XCB_NONE without shared pixmaps */

typedef struct {
    uint8_t         *memory;
    size_t           memory_bytes;
    size_t           stride_bytes;
    int32_t          width;
    int32_t          height;

    xcb_shm_seg_t    segment;
    xcb_pixmap_t     pixmap;
} selkies_shm_t;


/*
 * Whether the server on this connection can: 0 no, 1 images, 2 pixmaps too.
 * The connection must be a local one.
 */

int selkies_shm_query(xcb_connection_t *xcb);


/*
 * Memory for width x height pixels of 32 bits, with a shared pixmap of `depth`
 * over it unless depth is 0; one or two round trips.  OK or ERROR, which is
 * not logged.
 */

selkies_status_t selkies_shm_create(selkies_shm_t *shm, xcb_connection_t *xcb,
    xcb_drawable_t root, int32_t width, int32_t height, uint8_t depth);

/* Harmless when there is none, and on a lost connection. */

void selkies_shm_destroy(selkies_shm_t *shm, xcb_connection_t *xcb);


/*
 * Makes whole rows current that the n rectangles (at most 64, inside the
 * image) touch; all requests go out before the first reply is awaited.
 * OK or ERROR.
 */

selkies_status_t selkies_shm_get_rows(selkies_shm_t *shm,
    xcb_connection_t *xcb, xcb_drawable_t root, const selkies_rect_t *rects,
    size_t n);


#pragma GCC visibility pop


#endif /* SELKIES_SHM_H_INCLUDED */
