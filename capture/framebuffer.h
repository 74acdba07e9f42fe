
/*
 * Copyright (C) ngx_selkies authors
 *
 * Xvfb's framebuffer file, mapped read-only (platform.md 4.4).
 *
 * Thread: whoever owns the structure and the connection.  Ownership: the
 * mapping is the structure's, the descriptor stays the caller's.
 */


#ifndef SELKIES_FRAMEBUFFER_H_INCLUDED
#define SELKIES_FRAMEBUFFER_H_INCLUDED


#include "capture.h"
#include "x11.h"


#pragma GCC visibility push(hidden)


/* pixels is NULL when nothing is mapped; width and height are the largest. */

typedef struct {
    void           *map;
    size_t          map_bytes;

    const uint8_t  *pixels;
    size_t          stride_bytes;
    int32_t         width;
    int32_t         height;
} selkies_framebuffer_t;


/* What comparing with the server's own word shows. */

typedef enum {
    SELKIES_PROBE_PROVEN = 0,       /* equal, and not of one colour only */
    SELKIES_PROBE_EQUAL,
    SELKIES_PROBE_WRONG
} selkies_probe_t;


/*
 * Maps the file if it cannot shrink (F_SEAL_SHRINK) and its XWD header
 * describes 32-bit pixels B G R X that lie inside.  Returns NULL, or why not.
 */

const char *selkies_framebuffer_map(selkies_framebuffer_t *fb, int fd);

/* Harmless when nothing is mapped. */

void selkies_framebuffer_unmap(selkies_framebuffer_t *fb);


/*
 * Compares rectangles of the root window with what XGetImage says, a round
 * trip each; what lies outside of either is left out.  EQUAL also when
 * nothing could be compared.
 */

selkies_probe_t selkies_framebuffer_probe(const selkies_framebuffer_t *fb,
    selkies_x11_t *x11, const selkies_rect_t *rects, size_t n);


#pragma GCC visibility pop


#endif /* SELKIES_FRAMEBUFFER_H_INCLUDED */
