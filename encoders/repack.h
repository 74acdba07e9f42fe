
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Images for browsers: their clipboards take PNG and little else.
 *
 * Thread: any; no state.  Ownership: the caller's.
 */


#ifndef SELKIES_REPACK_H_INCLUDED
#define SELKIES_REPACK_H_INCLUDED


#include <stddef.h>
#include <stdint.h>

#include "../capture/capture.h"


/* Of a JPEG: a picture of more pixels is left as it is. */

#define SELKIES_REPACK_PIXELS_MAX  (16 * 1024 * 1024)


#pragma GCC visibility push(hidden)


/*
 * The bytes of the PNG that `data` begins with, 0 where that is none, or of
 * more than 64 Mpx: what is put together as the specification has it, whatever
 * is compressed in there.  What follows its end is not of it.
 */

size_t selkies_png_length(const uint8_t *data, size_t len);

/*
 * JPEG to PNG, of malloc() with a byte to spare, at most `max_bytes`.
 * SELKIES_ERROR: no JPEG, too large, no memory, built without libjpeg-turbo.
 */

selkies_status_t selkies_repack_jpeg(const uint8_t *jpeg, size_t len,
    size_t max_bytes, uint8_t **png, size_t *png_len);


#pragma GCC visibility pop


#endif /* SELKIES_REPACK_H_INCLUDED */
