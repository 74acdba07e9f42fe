
/*
 * Copyright (C) ngx_selkies authors
 *
 * See framebuffer.h.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* memfd_create(), F_GET_SEALS */
#endif

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <X11/Xutil.h>

#include "framebuffer.h"
#include "rects.h"


#define SELKIES_XWD_FIELDS       25
#define SELKIES_XWD_HEADER_MAX   4096
#define SELKIES_XWD_COLORS_MAX   65536
#define SELKIES_XWD_COLOR_BYTES  12
#define SELKIES_XWD_SIDE_MAX     32767


/* X11/XWDFile.h: 32-bit fields, Xvfb writes them big-endian */

enum {
    XWD_HEADER_SIZE = 0,
    XWD_FILE_VERSION = 1,
    XWD_PIXMAP_FORMAT = 2,
    XWD_WIDTH = 4,
    XWD_HEIGHT = 5,
    XWD_BYTE_ORDER = 7,
    XWD_BITS_PER_PIXEL = 11,
    XWD_BYTES_PER_LINE = 12,
    XWD_RED_MASK = 14,
    XWD_GREEN_MASK = 15,
    XWD_BLUE_MASK = 16,
    XWD_NCOLORS = 19
};


typedef struct {
    unsigned    field;
    uint32_t    value;
} selkies_xwd_must_t;


static const selkies_xwd_must_t  selkies_xwd_musts[] = {
    { XWD_FILE_VERSION,   7 },
    { XWD_PIXMAP_FORMAT,  2 },
    { XWD_BYTE_ORDER,     0 },
    { XWD_BITS_PER_PIXEL, 32 },
    { XWD_RED_MASK,       0xff0000 },
    { XWD_GREEN_MASK,     0x00ff00 },
    { XWD_BLUE_MASK,      0x0000ff }
};


static const char *selkies_framebuffer_header(selkies_framebuffer_t *fb);
static selkies_probe_t selkies_framebuffer_compare(
    const selkies_framebuffer_t *fb, const selkies_rect_t *rect,
    const uint8_t *pixels, size_t stride_bytes);


const char *
selkies_framebuffer_map(selkies_framebuffer_t *fb, int fd)
{
    int          seals;
    const char  *why;
    struct stat  st;

    memset(fb, 0, sizeof(selkies_framebuffer_t));

    /* of a file that can shrink, reading past the new end is SIGBUS */

    seals = fcntl(fd, F_GET_SEALS);

    if (seals == -1 || (seals & F_SEAL_SHRINK) == 0) {
        return "is not sealed against shrinking";
    }

    if (fstat(fd, &st) == -1 || st.st_size < 4 * SELKIES_XWD_FIELDS) {
        return "is too small";
    }

    fb->map_bytes = (size_t) st.st_size;
    fb->map = mmap(NULL, fb->map_bytes, PROT_READ, MAP_SHARED, fd, 0);

    if (fb->map == MAP_FAILED) {
        fb->map = NULL;
        return "cannot be mapped";
    }

    why = selkies_framebuffer_header(fb);

    if (why != NULL) {
        selkies_framebuffer_unmap(fb);
    }

    return why;
}


void
selkies_framebuffer_unmap(selkies_framebuffer_t *fb)
{
    if (fb->map != NULL) {
        (void) munmap(fb->map, fb->map_bytes);
    }

    memset(fb, 0, sizeof(selkies_framebuffer_t));
}


static const char *
selkies_framebuffer_header(selkies_framebuffer_t *fb)
{
    size_t    i;
    uint8_t   raw[4 * SELKIES_XWD_FIELDS];
    uint32_t  field[SELKIES_XWD_FIELDS];
    uint64_t  start, need;

    /* a copy: the server may write while we look */

    memcpy(raw, fb->map, sizeof(raw));

    for (i = 0; i < SELKIES_XWD_FIELDS; i++) {
        field[i] = (uint32_t) raw[4 * i] << 24 | (uint32_t) raw[4 * i + 1] << 16
                   | (uint32_t) raw[4 * i + 2] << 8 | raw[4 * i + 3];
    }

    for (i = 0; i < sizeof(selkies_xwd_musts) / sizeof(selkies_xwd_must_t);
         i++)
    {
        if (field[selkies_xwd_musts[i].field] != selkies_xwd_musts[i].value) {
            return "has no XWD header for 32-bit little-endian pixels";
        }
    }

    if (field[XWD_HEADER_SIZE] < sizeof(raw)
        || field[XWD_HEADER_SIZE] > SELKIES_XWD_HEADER_MAX
        || field[XWD_NCOLORS] > SELKIES_XWD_COLORS_MAX
        || field[XWD_WIDTH] == 0 || field[XWD_WIDTH] > SELKIES_XWD_SIDE_MAX
        || field[XWD_HEIGHT] == 0 || field[XWD_HEIGHT] > SELKIES_XWD_SIDE_MAX
        || field[XWD_BYTES_PER_LINE] < field[XWD_WIDTH] * 4
        || field[XWD_BYTES_PER_LINE] % 4 != 0)
    {
        return "has an XWD header out of range";
    }

    start = field[XWD_HEADER_SIZE]
            + (uint64_t) field[XWD_NCOLORS] * SELKIES_XWD_COLOR_BYTES;
    need = start + (uint64_t) field[XWD_BYTES_PER_LINE] * field[XWD_HEIGHT];

    if (need > fb->map_bytes) {
        return "is smaller than its XWD header says";
    }

    fb->pixels = (const uint8_t *) fb->map + start;
    fb->stride_bytes = field[XWD_BYTES_PER_LINE];
    fb->width = (int32_t) field[XWD_WIDTH];
    fb->height = (int32_t) field[XWD_HEIGHT];

    return NULL;
}


/* Nobody draws while the server is grabbed, so that both must be equal. */

selkies_probe_t
selkies_framebuffer_probe(const selkies_framebuffer_t *fb, selkies_x11_t *x11,
    const selkies_rect_t *rects, size_t n)
{
    size_t              i;
    XImage             *image;
    Window              root;
    selkies_rect_t      rect;
    selkies_probe_t     probe, result;
    XWindowAttributes   attributes;

    root = DefaultRootWindow(x11->display);
    result = SELKIES_PROBE_EQUAL;

    selkies_x11_trap_begin(x11);

    (void) XGrabServer(x11->display);

    if (!XGetWindowAttributes(x11->display, root, &attributes)) {
        n = 0;
    }

    for (i = 0; i < n && result != SELKIES_PROBE_WRONG; i++) {
        rect = rects[i];

        if (!selkies_rect_clip(&rect, attributes.width, attributes.height)
            || !selkies_rect_clip(&rect, fb->width, fb->height))
        {
            continue;
        }

        image = XGetImage(x11->display, root, rect.x, rect.y,
                          (unsigned) rect.width, (unsigned) rect.height,
                          AllPlanes, ZPixmap);
        if (image == NULL) {
            continue;
        }

        probe = selkies_framebuffer_compare(fb, &rect,
                                            (const uint8_t *) image->data,
                                            (size_t) image->bytes_per_line);
        (void) XDestroyImage(image);

        result = (probe == SELKIES_PROBE_EQUAL) ? result : probe;
    }

    (void) XUngrabServer(x11->display);
    (void) selkies_x11_trap_end(x11);

    return result;
}


static selkies_probe_t
selkies_framebuffer_compare(const selkies_framebuffer_t *fb,
    const selkies_rect_t *rect, const uint8_t *pixels, size_t stride_bytes)
{
    int             varied;
    int32_t         x, y;
    uint32_t        theirs, ours, first;
    const uint8_t  *line;

    first = 0;
    varied = 0;

    for (y = 0; y < rect->height; y++) {
        line = fb->pixels + (size_t) (rect->y + y) * fb->stride_bytes
               + (size_t) rect->x * 4;

        for (x = 0; x < rect->width; x++) {
            memcpy(&ours, line + (size_t) x * 4, 4);
            memcpy(&theirs, pixels + (size_t) y * stride_bytes
                            + (size_t) x * 4, 4);

            if (((theirs ^ ours) & 0xffffff) != 0) {
                return SELKIES_PROBE_WRONG;
            }

            if (x == 0 && y == 0) {
                first = ours;
            }

            varied |= ((first ^ ours) & 0xffffff) != 0;
        }
    }

    return varied ? SELKIES_PROBE_PROVEN : SELKIES_PROBE_EQUAL;
}
