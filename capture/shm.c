
/*
 * Copyright (C) ngx_selkies authors
 *
 * See shm.h.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* memfd_create(), F_GET_SEALS */
#endif

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shm.h"


#define SELKIES_SHM_BANDS_MAX  64

/* Rows between two bands that are cheaper to read than one request more. */

#define SELKIES_SHM_GAP_ROWS   8


typedef struct {
    int32_t    top;
    int32_t    bottom;
} selkies_shm_band_t;


static int selkies_shm_memory(selkies_shm_t *shm);
static int selkies_shm_compare(const void *one, const void *two);


int
selkies_shm_query(xcb_connection_t *xcb)
{
    int                                result;
    socklen_t                          len;
    struct sockaddr                    sa;
    xcb_shm_query_version_reply_t     *version;
    const xcb_query_extension_reply_t  *extension;

    len = sizeof(struct sockaddr);
    sa.sa_family = AF_UNSPEC;

    if (getsockname(xcb_get_file_descriptor(xcb), &sa, &len) == -1
        || sa.sa_family != AF_UNIX)
    {
        return 0;
    }

    extension = xcb_get_extension_data(xcb, &xcb_shm_id);
    if (extension == NULL || !extension->present) {
        return 0;
    }

    version = xcb_shm_query_version_reply(xcb, xcb_shm_query_version(xcb),
                                          NULL);
    if (version == NULL) {
        return 0;
    }

    result = 0;

    if (version->major_version > 1
        || (version->major_version == 1 && version->minor_version >= 2))
    {
        result = (version->shared_pixmaps
                  && version->pixmap_format == XCB_IMAGE_FORMAT_Z_PIXMAP)
                 ? 2 : 1;
    }

    free(version);

    return result;
}


selkies_status_t
selkies_shm_create(selkies_shm_t *shm, xcb_connection_t *xcb,
    xcb_drawable_t root, int32_t width, int32_t height, uint8_t depth)
{
    int                   fd;
    xcb_void_cookie_t     cookie;
    xcb_generic_error_t  *error;

    memset(shm, 0, sizeof(selkies_shm_t));

    shm->width = width;
    shm->height = height;
    shm->stride_bytes = (size_t) width * 4;
    shm->memory_bytes = shm->stride_bytes * (size_t) height;

    fd = selkies_shm_memory(shm);
    if (fd == -1) {
        return SELKIES_ERROR;
    }

    /* libxcb closes the descriptor */

    shm->segment = xcb_generate_id(xcb);
    cookie = xcb_shm_attach_fd_checked(xcb, shm->segment, fd, 0);
    error = xcb_request_check(xcb, cookie);

    if (error != NULL || xcb_connection_has_error(xcb)) {
        free(error);
        shm->segment = XCB_NONE;
        selkies_shm_destroy(shm, xcb);
        return SELKIES_ERROR;
    }

    if (depth == 0) {
        return SELKIES_OK;
    }

    shm->pixmap = xcb_generate_id(xcb);
    cookie = xcb_shm_create_pixmap_checked(xcb, shm->pixmap, root,
                                           (uint16_t) width, (uint16_t) height,
                                           depth, shm->segment, 0);
    error = xcb_request_check(xcb, cookie);

    if (error != NULL || xcb_connection_has_error(xcb)) {
        free(error);
        shm->pixmap = XCB_NONE;
        selkies_shm_destroy(shm, xcb);
        return SELKIES_ERROR;
    }

    return SELKIES_OK;
}


static int
selkies_shm_memory(selkies_shm_t *shm)
{
    int  fd;

    fd = memfd_create("selkies-screen", MFD_CLOEXEC|MFD_ALLOW_SEALING);
    if (fd == -1) {
        return -1;
    }

    /* the server gets a writable descriptor, but cannot pull the floor away */

    if (ftruncate(fd, (off_t) shm->memory_bytes) == -1
        || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_SEAL) == -1)
    {
        (void) close(fd);
        return -1;
    }

    shm->memory = mmap(NULL, shm->memory_bytes, PROT_READ|PROT_WRITE,
                       MAP_SHARED, fd, 0);

    if (shm->memory == MAP_FAILED) {
        shm->memory = NULL;
        (void) close(fd);
        return -1;
    }

    return fd;
}


void
selkies_shm_destroy(selkies_shm_t *shm, xcb_connection_t *xcb)
{
    if (shm->pixmap != XCB_NONE) {
        (void) xcb_free_pixmap(xcb, shm->pixmap);
    }

    if (shm->segment != XCB_NONE) {
        (void) xcb_shm_detach(xcb, shm->segment);
    }

    if (shm->memory != NULL) {
        (void) munmap(shm->memory, shm->memory_bytes);
    }

    memset(shm, 0, sizeof(selkies_shm_t));
}


selkies_status_t
selkies_shm_get_rows(selkies_shm_t *shm, xcb_connection_t *xcb,
    xcb_drawable_t root, const selkies_rect_t *rects, size_t n)
{
    size_t                      i, nbands;
    selkies_status_t            status;
    selkies_shm_band_t          bands[SELKIES_SHM_BANDS_MAX], *last;
    xcb_generic_error_t        *error;
    xcb_shm_get_image_reply_t  *reply;
    xcb_shm_get_image_cookie_t  cookies[SELKIES_SHM_BANDS_MAX];

    if (n == 0 || n > SELKIES_SHM_BANDS_MAX) {
        return SELKIES_ERROR;
    }

    for (i = 0; i < n; i++) {
        bands[i].top = rects[i].y;
        bands[i].bottom = rects[i].y + rects[i].height;
    }

    qsort(bands, n, sizeof(selkies_shm_band_t), selkies_shm_compare);

    last = bands;

    for (i = 1; i < n; i++) {
        if (bands[i].top > last->bottom + SELKIES_SHM_GAP_ROWS) {
            *++last = bands[i];

        } else if (bands[i].bottom > last->bottom) {
            last->bottom = bands[i].bottom;
        }
    }

    nbands = (size_t) (last - bands) + 1;

    for (i = 0; i < nbands; i++) {
        cookies[i] = xcb_shm_get_image(xcb, root, 0, (int16_t) bands[i].top,
                              (uint16_t) shm->width,
                              (uint16_t) (bands[i].bottom - bands[i].top),
                              ~0u, XCB_IMAGE_FORMAT_Z_PIXMAP, shm->segment,
                              (uint32_t) bands[i].top
                              * (uint32_t) shm->stride_bytes);
    }

    status = SELKIES_OK;

    for (i = 0; i < nbands; i++) {
        error = NULL;
        reply = xcb_shm_get_image_reply(xcb, cookies[i], &error);

        if (reply == NULL) {
            status = SELKIES_ERROR;
        }

        free(reply);
        free(error);
    }

    return status;
}


static int
selkies_shm_compare(const void *one, const void *two)
{
    const selkies_shm_band_t  *a = one;
    const selkies_shm_band_t  *b = two;

    return (a->top > b->top) - (a->top < b->top);
}
