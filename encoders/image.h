
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * A picture to be laid over the screen, read from a PNG file (ISO/IEC 15948).
 *
 * Thread: any, one at a time.  Ownership: the caller's struct.
 */


#ifndef SELKIES_IMAGE_H_INCLUDED
#define SELKIES_IMAGE_H_INCLUDED


#include <stdint.h>

#include "../capture/capture.h"


/* Limits of a file, trust.md: pixels a side, bytes */

#define SELKIES_IMAGE_SIDE_MAX   4096
#define SELKIES_IMAGE_BYTES_MAX  (16 * 1024 * 1024)


#pragma GCC visibility push(hidden)


/* B G R A in memory, the colours multiplied by alpha; rows without a gap. */

typedef struct {
    uint8_t   *pixels;
    int32_t    width;
    int32_t    height;
} selkies_image_t;


/*
 * Reads a file of any PNG colour type; interlaced ones too.  SELKIES_OK, or
 * SELKIES_ERROR: no such file, no PNG, above the limits, no memory.  `why`,
 * of `size` bytes, then says so in a few words, and the image is zeroed.
 */

selkies_status_t selkies_image_read(selkies_image_t *image, const char *path,
    char *why, size_t size);


/* Frees the pixels and zeroes the struct; a zeroed one is accepted. */

void selkies_image_free(selkies_image_t *image);


#pragma GCC visibility pop


#endif /* SELKIES_IMAGE_H_INCLUDED */
