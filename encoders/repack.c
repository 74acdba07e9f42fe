
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * See repack.h.  libpng reports an error by a jump: what has to be freed then
 * lies in a struct that outlives it.
 */


#include <stdlib.h>
#include <string.h>

#include "repack.h"


#ifdef SELKIES_HAVE_JPEG


#include <png.h>
#include <setjmp.h>
#include <turbojpeg.h>


typedef struct {
    uint8_t    *data;
    size_t      len;
    size_t      size;
    size_t      max;
    png_structp png;
    png_infop   info;
} selkies_repack_t;


static uint8_t *selkies_repack_decode(const uint8_t *jpeg, size_t len,
    int *width, int *height);
static selkies_status_t selkies_repack_encode(selkies_repack_t *out,
    const uint8_t *pixels, int width, int height);
static void selkies_repack_write(png_structp png, png_bytep data, size_t len);
static void selkies_repack_flush(png_structp png);
static void selkies_repack_error(png_structp png, png_const_charp text);
static void selkies_repack_warning(png_structp png, png_const_charp text);


selkies_status_t
selkies_repack_jpeg(const uint8_t *jpeg, size_t len, size_t max_bytes,
    uint8_t **png, size_t *png_len)
{
    int                width, height;
    uint8_t           *pixels;
    selkies_status_t   rc;
    selkies_repack_t   out;

    pixels = selkies_repack_decode(jpeg, len, &width, &height);

    if (pixels == NULL) {
        return SELKIES_ERROR;
    }

    memset(&out, 0, sizeof(selkies_repack_t));
    out.max = max_bytes;

    rc = selkies_repack_encode(&out, pixels, width, height);

    png_destroy_write_struct(&out.png, &out.info);
    free(pixels);

    if (rc != SELKIES_OK) {
        free(out.data);
        return SELKIES_ERROR;
    }

    *png = out.data;
    *png_len = out.len;

    return SELKIES_OK;
}


/* R G B, rows without a gap; NULL: it is no picture of a sane size. */

static uint8_t *
selkies_repack_decode(const uint8_t *jpeg, size_t len, int *width, int *height)
{
    int        sampling, space;
    uint8_t   *pixels;
    tjhandle   turbo;

    turbo = tjInitDecompress();

    if (turbo == NULL) {
        return NULL;
    }

    pixels = NULL;

    if (tjDecompressHeader3(turbo, jpeg, (unsigned long) len, width, height,
                            &sampling, &space)
        == 0 && *width > 0 && *height > 0
        && (int64_t) *width * *height <= SELKIES_REPACK_PIXELS_MAX)
    {
        pixels = malloc((size_t) *width * (size_t) *height * 3);
    }

    if (pixels != NULL
        && tjDecompress2(turbo, jpeg, (unsigned long) len, pixels, *width, 0,
                         *height, TJPF_RGB, TJFLAG_STOPONWARNING)
           != 0)
    {
        free(pixels);
        pixels = NULL;
    }

    (void) tjDestroy(turbo);

    return pixels;
}


static selkies_status_t
selkies_repack_encode(selkies_repack_t *out, const uint8_t *pixels, int width,
    int height)
{
    int  y;

    out->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, out,
                                       selkies_repack_error,
                                       selkies_repack_warning);

    if (out->png == NULL) {
        return SELKIES_ERROR;
    }

    out->info = png_create_info_struct(out->png);

    if (out->info == NULL || setjmp(png_jmpbuf(out->png))) {
        return SELKIES_ERROR;
    }

    png_set_write_fn(out->png, out, selkies_repack_write,
                     selkies_repack_flush);
    png_set_compression_level(out->png, 3);
    png_set_IHDR(out->png, out->info, (png_uint_32) width,
                 (png_uint_32) height, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(out->png, out->info);

    for (y = 0; y < height; y++) {
        png_write_row(out->png, pixels + (size_t) y * (size_t) width * 3);
    }

    png_write_end(out->png, NULL);

    return SELKIES_OK;
}


static void
selkies_repack_write(png_structp png, png_bytep data, size_t len)
{
    size_t             size;
    uint8_t           *p;
    selkies_repack_t  *out = png_get_io_ptr(png);

    if (len > out->max - out->len) {
        png_error(png, "too large");
    }

    if (out->len + len + 1 > out->size) {
        size = out->size + out->size / 2 + len + 4096;
        p = realloc(out->data, size);

        if (p == NULL) {
            png_error(png, "no memory");
        }

        out->data = p;
        out->size = size;
    }

    memcpy(out->data + out->len, data, len);
    out->len += len;
}


static void
selkies_repack_flush(png_structp png)
{
    (void) png;
}


static void
selkies_repack_error(png_structp png, png_const_charp text)
{
    (void) text;
    png_longjmp(png, 1);
}


static void
selkies_repack_warning(png_structp png, png_const_charp text)
{
    (void) png;
    (void) text;
}


#else


selkies_status_t
selkies_repack_jpeg(const uint8_t *jpeg, size_t len, size_t max_bytes,
    uint8_t **png, size_t *png_len)
{
    (void) jpeg;
    (void) len;
    (void) max_bytes;
    (void) png;
    (void) png_len;

    return SELKIES_ERROR;
}


#endif /* SELKIES_HAVE_JPEG */
