
/*
 * Copyright (C) ngx_selkies authors
 *
 * See cursor.h.
 */


#include <png.h>
#include <setjmp.h>
#include <string.h>

#include "cursor.h"


typedef struct {
    uint32_t    x;
    uint32_t    y;
    uint32_t    width;
    uint32_t    height;
} selkies_cursor_box_t;


typedef struct {
    uint8_t    *data;
    size_t      len;
} selkies_cursor_sink_t;


static int selkies_cursor_visible(const unsigned long *pixels, uint32_t width,
    uint32_t height, selkies_cursor_box_t *box);
static void selkies_cursor_include(selkies_cursor_box_t *box, uint32_t x,
    uint32_t y);
static void selkies_cursor_scale(const unsigned long *pixels, uint32_t stride,
    const selkies_cursor_box_t *box, uint32_t width, uint32_t height,
    uint8_t *rgba);
static selkies_status_t selkies_cursor_png(const uint8_t *rgba, uint32_t width,
    uint32_t height, selkies_cursor_sink_t *sink);
static void selkies_cursor_write(png_structp png, png_bytep data, size_t len);
static void selkies_cursor_flush(png_structp png);
static void selkies_cursor_error(png_structp png, png_const_charp text);
static void selkies_cursor_warning(png_structp png, png_const_charp text);


selkies_status_t
selkies_cursor_encode(selkies_cursor_t *cursor, const unsigned long *pixels,
    uint32_t width, uint32_t height, uint32_t hot_x, uint32_t hot_y,
    uint8_t *buffer)
{
    uint8_t                rgba[SELKIES_CURSOR_SIZE_MAX
                                * SELKIES_CURSOR_SIZE_MAX * 4];
    uint32_t               side;
    selkies_cursor_box_t   box;
    selkies_cursor_sink_t  sink;

    memset(cursor, 0, sizeof(selkies_cursor_t));

    if (!selkies_cursor_visible(pixels, width, height, &box)) {
        return SELKIES_OK;
    }

    /* a hot spot outside of the picture could not be told on the wire */

    hot_x = (hot_x < width) ? hot_x : width - 1;
    hot_y = (hot_y < height) ? hot_y : height - 1;

    selkies_cursor_include(&box, hot_x, hot_y);

    cursor->width = box.width;
    cursor->height = box.height;
    cursor->hot_x = hot_x - box.x;
    cursor->hot_y = hot_y - box.y;

    side = (box.width > box.height) ? box.width : box.height;

    if (side > SELKIES_CURSOR_SIZE_MAX) {
        cursor->width = box.width * SELKIES_CURSOR_SIZE_MAX / side;
        cursor->height = box.height * SELKIES_CURSOR_SIZE_MAX / side;

        cursor->width += (cursor->width == 0);
        cursor->height += (cursor->height == 0);

        cursor->hot_x = cursor->hot_x * cursor->width / box.width;
        cursor->hot_y = cursor->hot_y * cursor->height / box.height;
    }

    selkies_cursor_scale(pixels, width, &box, cursor->width, cursor->height,
                         rgba);

    sink.data = buffer;
    sink.len = 0;

    if (selkies_cursor_png(rgba, cursor->width, cursor->height, &sink)
        != SELKIES_OK)
    {
        memset(cursor, 0, sizeof(selkies_cursor_t));
        return SELKIES_ERROR;
    }

    cursor->serial = 1;
    cursor->png = sink.data;
    cursor->png_len = sink.len;

    return SELKIES_OK;
}


static int
selkies_cursor_visible(const unsigned long *pixels, uint32_t width,
    uint32_t height, selkies_cursor_box_t *box)
{
    int       found;
    uint32_t  x, y;

    found = 0;

    for (y = 0; y < height; y++) {
        for (x = 0; x < width; x++) {
            if (((pixels[(size_t) y * width + x] >> 24) & 0xff) == 0) {
                continue;
            }

            if (!found) {
                found = 1;
                box->x = x;
                box->y = y;
                box->width = 1;
                box->height = 1;
                continue;
            }

            selkies_cursor_include(box, x, y);
        }
    }

    return found;
}


static void
selkies_cursor_include(selkies_cursor_box_t *box, uint32_t x, uint32_t y)
{
    if (x < box->x) {
        box->width += box->x - x;
        box->x = x;

    } else if (x >= box->x + box->width) {
        box->width = x - box->x + 1;
    }

    if (y < box->y) {
        box->height += box->y - y;
        box->y = y;

    } else if (y >= box->y + box->height) {
        box->height = y - box->y + 1;
    }
}


/*
 * Each pixel is the mean of those it stands for, taken while alpha is still
 * multiplied in, so that transparent ones lend no colour.
 */

static void
selkies_cursor_scale(const unsigned long *pixels, uint32_t stride,
    const selkies_cursor_box_t *box, uint32_t width, uint32_t height,
    uint8_t *rgba)
{
    unsigned             c;
    uint32_t             x, y, i, j, x1, x2, y1, y2;
    uint64_t             sum[4], value;
    const unsigned long *pixel;

    for (y = 0; y < height; y++) {
        y1 = box->y + (uint32_t) ((uint64_t) y * box->height / height);
        y2 = box->y + (uint32_t) ((uint64_t) (y + 1) * box->height / height);

        for (x = 0; x < width; x++) {
            x1 = box->x + (uint32_t) ((uint64_t) x * box->width / width);
            x2 = box->x + (uint32_t) ((uint64_t) (x + 1) * box->width / width);

            memset(sum, 0, sizeof(sum));

            for (j = y1; j < y2; j++) {
                for (i = x1; i < x2; i++) {
                    pixel = &pixels[(size_t) j * stride + i];

                    sum[0] += (*pixel >> 16) & 0xff;
                    sum[1] += (*pixel >> 8) & 0xff;
                    sum[2] += *pixel & 0xff;
                    sum[3] += (*pixel >> 24) & 0xff;
                }
            }

            for (c = 0; c < 3; c++) {
                value = (sum[3] == 0) ? 0
                                      : (sum[c] * 255 + sum[3] / 2) / sum[3];
                *rgba++ = (uint8_t) (value > 255 ? 255 : value);
            }

            value = (uint64_t) (x2 - x1) * (y2 - y1);
            *rgba++ = (uint8_t) ((sum[3] + value / 2) / value);
        }
    }
}


static selkies_status_t
selkies_cursor_png(const uint8_t *rgba, uint32_t width, uint32_t height,
    selkies_cursor_sink_t *sink)
{
    uint32_t     y;
    png_infop    info;
    png_structp  png;

    png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL,
                                  selkies_cursor_error,
                                  selkies_cursor_warning);
    if (png == NULL) {
        return SELKIES_ERROR;
    }

    info = png_create_info_struct(png);

    if (info == NULL) {
        png_destroy_write_struct(&png, NULL);
        return SELKIES_ERROR;
    }

    if (setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        return SELKIES_ERROR;
    }

    png_set_write_fn(png, sink, selkies_cursor_write, selkies_cursor_flush);
    png_set_IHDR(png, info, width, height, 8, PNG_COLOR_TYPE_RGB_ALPHA,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);

    for (y = 0; y < height; y++) {
        png_write_row(png, rgba + (size_t) y * width * 4);
    }

    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);

    return SELKIES_OK;
}


static void
selkies_cursor_write(png_structp png, png_bytep data, size_t len)
{
    selkies_cursor_sink_t  *sink = png_get_io_ptr(png);

    if (len > SELKIES_CURSOR_PNG_MAX - sink->len) {
        png_error(png, "too large");
    }

    memcpy(sink->data + sink->len, data, len);
    sink->len += len;
}


static void
selkies_cursor_flush(png_structp png)
{
}


/* libpng's own two would write to standard error. */

static void
selkies_cursor_error(png_structp png, png_const_charp text)
{
    png_longjmp(png, 1);
}


static void
selkies_cursor_warning(png_structp png, png_const_charp text)
{
}
