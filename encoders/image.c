
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * See image.h.  libpng reports an error by a jump: what has to be freed then
 * lies in a struct that outlives it.
 */


#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "image.h"


typedef struct {
    FILE         *file;
    png_structp   png;
    png_infop     info;
    png_bytep    *rows;
    char         *why;
    size_t        size;
} selkies_image_reader_t;


static selkies_status_t selkies_image_open(selkies_image_reader_t *reader,
    const char *path);
static selkies_status_t selkies_image_decode(selkies_image_reader_t *reader,
    selkies_image_t *image);
static void selkies_image_transform(selkies_image_reader_t *reader);
static selkies_status_t selkies_image_allocate(selkies_image_reader_t *reader,
    selkies_image_t *image);
static void selkies_image_premultiply(selkies_image_t *image);
static void selkies_image_error(png_structp png, png_const_charp text);
static void selkies_image_warning(png_structp png, png_const_charp text);


selkies_status_t
selkies_image_read(selkies_image_t *image, const char *path, char *why,
    size_t size)
{
    selkies_status_t        rc;
    selkies_image_reader_t  reader;

    memset(image, 0, sizeof(selkies_image_t));
    memset(&reader, 0, sizeof(selkies_image_reader_t));

    reader.why = why;
    reader.size = size;

    rc = selkies_image_open(&reader, path);

    if (rc == SELKIES_OK) {
        rc = selkies_image_decode(&reader, image);
    }

    png_destroy_read_struct(&reader.png, &reader.info, NULL);
    free((void *) reader.rows);

    if (reader.file != NULL) {
        fclose(reader.file);
    }

    if (rc != SELKIES_OK) {
        selkies_image_free(image);
        return rc;
    }

    selkies_image_premultiply(image);

    return SELKIES_OK;
}


void
selkies_image_free(selkies_image_t *image)
{
    free(image->pixels);
    memset(image, 0, sizeof(selkies_image_t));
}


static selkies_status_t
selkies_image_open(selkies_image_reader_t *reader, const char *path)
{
    struct stat  st;

    reader->file = fopen(path, "rbe");

    if (reader->file == NULL || fstat(fileno(reader->file), &st) == -1) {
        snprintf(reader->why, reader->size, "%s", strerror(errno));
        return SELKIES_ERROR;
    }

    if (!S_ISREG(st.st_mode) || st.st_size > SELKIES_IMAGE_BYTES_MAX) {
        snprintf(reader->why, reader->size, "not a file of at most %d bytes",
                 SELKIES_IMAGE_BYTES_MAX);
        return SELKIES_ERROR;
    }

    reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reader,
                                         selkies_image_error,
                                         selkies_image_warning);

    if (reader->png != NULL) {
        reader->info = png_create_info_struct(reader->png);
    }

    if (reader->info == NULL) {
        snprintf(reader->why, reader->size, "no memory");
        return SELKIES_ERROR;
    }

    return SELKIES_OK;
}


static selkies_status_t
selkies_image_decode(selkies_image_reader_t *reader, selkies_image_t *image)
{
    if (setjmp(png_jmpbuf(reader->png))) {
        return SELKIES_ERROR;
    }

    png_init_io(reader->png, reader->file);
    png_set_user_limits(reader->png, SELKIES_IMAGE_SIDE_MAX,
                        SELKIES_IMAGE_SIDE_MAX);
    png_set_chunk_malloc_max(reader->png, SELKIES_IMAGE_BYTES_MAX);
    png_set_chunk_cache_max(reader->png, 16);

    png_read_info(reader->png, reader->info);
    selkies_image_transform(reader);

    if (selkies_image_allocate(reader, image) != SELKIES_OK) {
        return SELKIES_ERROR;
    }

    png_read_image(reader->png, reader->rows);
    png_read_end(reader->png, NULL);

    return SELKIES_OK;
}


/* Whatever the file holds becomes 8 bits of B, G, R and A. */

static void
selkies_image_transform(selkies_image_reader_t *reader)
{
    png_structp  png = reader->png;

    png_set_expand(png);
    png_set_scale_16(png);
    png_set_gray_to_rgb(png);
    png_set_bgr(png);
    png_set_add_alpha(png, 0xff, PNG_FILLER_AFTER);
    (void) png_set_interlace_handling(png);
    png_read_update_info(png, reader->info);
}


static selkies_status_t
selkies_image_allocate(selkies_image_reader_t *reader, selkies_image_t *image)
{
    size_t       y, height, row_bytes;
    png_uint_32  width;

    width = png_get_image_width(reader->png, reader->info);
    height = png_get_image_height(reader->png, reader->info);
    row_bytes = png_get_rowbytes(reader->png, reader->info);

    if (row_bytes != (size_t) width * 4) {
        snprintf(reader->why, reader->size, "unknown format");
        return SELKIES_ERROR;
    }

    image->width = (int32_t) width;
    image->height = (int32_t) height;
    image->pixels = malloc(row_bytes * height);
    reader->rows = malloc(height * sizeof(png_bytep));

    if (image->pixels == NULL || reader->rows == NULL) {
        snprintf(reader->why, reader->size, "no memory");
        return SELKIES_ERROR;
    }

    for (y = 0; y < height; y++) {
        reader->rows[y] = image->pixels + y * row_bytes;
    }

    return SELKIES_OK;
}


static void
selkies_image_premultiply(selkies_image_t *image)
{
    size_t    i, n;
    uint8_t  *p;

    n = (size_t) image->width * (size_t) image->height;

    for (i = 0; i < n; i++) {
        p = image->pixels + i * 4;
        p[0] = (uint8_t) ((p[0] * p[3] + 127) / 255);
        p[1] = (uint8_t) ((p[1] * p[3] + 127) / 255);
        p[2] = (uint8_t) ((p[2] * p[3] + 127) / 255);
    }
}


static void
selkies_image_error(png_structp png, png_const_charp text)
{
    selkies_image_reader_t  *reader = png_get_error_ptr(png);

    snprintf(reader->why, reader->size, "%s", text);
    png_longjmp(png, 1);
}


static void
selkies_image_warning(png_structp png, png_const_charp text)
{
}
