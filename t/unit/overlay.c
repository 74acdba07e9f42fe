
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Images of PNG files, and what they look like over a converted screen:
 * compared with a screen that was blended as a whole before the conversion.
 *
 * Thread: the main thread.
 */


#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../encoders/overlay.h"
#include "tap.h"

#define RANDOM_SEED  4711
#include "random.h"


#define ROUNDS  300


typedef struct {
    const char  *name;
    int          type;
    int          depth;
    int          interlace;
} format_t;


static char  path[] = "/tmp/selkies-overlay-XXXXXX";


static void
write_bytes(const void *data, size_t len)
{
    FILE  *file;

    file = fopen(path, "wb");

    if (file == NULL || fwrite(data, 1, len, file) != len) {
        exit(1);
    }

    fclose(file);
}


/* A picture in which red grows to the right, green down, alpha with both. */

static void
sample(int x, int y, uint8_t *rgba)
{
    rgba[0] = (uint8_t) (x * 16);
    rgba[1] = (uint8_t) (y * 16);
    rgba[2] = 200;
    rgba[3] = (uint8_t) ((x + y) * 8);
}


/* Not inlined: its variables would be beside a setjmp(). */

__attribute__((noinline))
static size_t
format_row(const format_t *format, int y, int width, uint8_t *row)
{
    int      x, c, n;
    uint8_t  rgba[4], values[4];
    size_t   len;

    len = 0;

    for (x = 0; x < width; x++) {
        sample(x, y, rgba);

        switch (format->type) {

        case PNG_COLOR_TYPE_GRAY:
            n = 1;
            values[0] = rgba[0];
            break;

        case PNG_COLOR_TYPE_GRAY_ALPHA:
            n = 2;
            values[0] = rgba[0];
            values[1] = rgba[3];
            break;

        case PNG_COLOR_TYPE_PALETTE:
            n = 1;
            values[0] = (uint8_t) x;
            break;

        default:
            n = format->type == PNG_COLOR_TYPE_RGB ? 3 : 4;
            memcpy(values, rgba, 4);
        }

        for (c = 0; c < n; c++) {
            row[len++] = values[c];

            if (format->depth == 16) {
                row[len++] = values[c];
            }
        }
    }

    return len;
}


static void
write_png(const format_t *format, int width, int height)
{
    int          i, y, pass, passes;
    FILE        *file;
    uint8_t      row[16 * 8];
    png_infop    info;
    png_color    palette[16];
    png_structp  png;

    file = fopen(path, "wb");
    png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    info = png_create_info_struct(png);

    if (file == NULL || info == NULL || setjmp(png_jmpbuf(png))) {
        exit(1);
    }

    png_init_io(png, file);
    png_set_IHDR(png, info, (png_uint_32) width, (png_uint_32) height,
                 format->depth, format->type, format->interlace,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);

    if (format->type == PNG_COLOR_TYPE_PALETTE) {
        for (i = 0; i < 16; i++) {
            palette[i].red = (uint8_t) (i * 16);
            palette[i].green = 100;
            palette[i].blue = 200;
        }

        png_set_PLTE(png, info, palette, 16);
    }

    png_write_info(png, info);
    passes = format->interlace ? png_set_interlace_handling(png) : 1;

    for (pass = 0; pass < passes; pass++) {
        for (y = 0; y < height; y++) {
            format_row(format, y, width, row);
            png_write_row(png, row);
        }
    }

    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    fclose(file);
}


/* What a pixel is to be read as, colours multiplied. */

static void
expected(const format_t *format, int x, int y, uint8_t *bgra)
{
    int      c;
    uint8_t  rgba[4];

    sample(x, y, rgba);

    switch (format->type) {

    case PNG_COLOR_TYPE_GRAY:
        rgba[3] = 255;
        rgba[1] = rgba[2] = rgba[0];
        break;

    case PNG_COLOR_TYPE_GRAY_ALPHA:
        rgba[1] = rgba[2] = rgba[0];
        break;

    case PNG_COLOR_TYPE_PALETTE:
        rgba[1] = 100;
        rgba[3] = 255;
        break;

    case PNG_COLOR_TYPE_RGB:
        rgba[3] = 255;
        break;

    default:
        break;
    }

    for (c = 0; c < 3; c++) {
        bgra[2 - c] = (uint8_t) ((rgba[c] * rgba[3] + 127) / 255);
    }

    bgra[3] = rgba[3];
}


static void
test_formats(void)
{
    int              x, y, wrong;
    char             why[128];
    size_t           i;
    uint8_t          want[4];
    selkies_image_t  image;

    static const format_t  formats[] = {
        { "grey", PNG_COLOR_TYPE_GRAY, 8, 0 },
        { "grey with alpha", PNG_COLOR_TYPE_GRAY_ALPHA, 8, 0 },
        { "palette", PNG_COLOR_TYPE_PALETTE, 8, 0 },
        { "RGB", PNG_COLOR_TYPE_RGB, 8, 0 },
        { "RGBA", PNG_COLOR_TYPE_RGB_ALPHA, 8, 0 },
        { "RGBA, 16 bits", PNG_COLOR_TYPE_RGB_ALPHA, 16, 0 },
        { "RGBA, interlaced", PNG_COLOR_TYPE_RGB_ALPHA, 8, 1 },
        { "palette, interlaced", PNG_COLOR_TYPE_PALETTE, 8, 1 }
    };

    for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        write_png(&formats[i], 15, 13);

        if (!ok(selkies_image_read(&image, path, why, sizeof(why))
                == SELKIES_OK, "%s is read", formats[i].name))
        {
            continue;
        }

        wrong = image.width != 15 || image.height != 13;

        for (y = 0; y < 13 && !wrong; y++) {
            for (x = 0; x < 15; x++) {
                expected(&formats[i], x, y, want);
                wrong += memcmp(image.pixels + (y * 15 + x) * 4, want, 4) != 0;
            }
        }

        ok(wrong == 0, "%s: all pixels", formats[i].name);
        selkies_image_free(&image);
    }
}


static void
test_bad_files(void)
{
    char             why[128];
    size_t           len, cut, refused;
    FILE            *file;
    uint8_t          bytes[8192];
    selkies_image_t  image;

    static const format_t  rgba = { "", PNG_COLOR_TYPE_RGB_ALPHA, 8, 0 };

    ok(selkies_image_read(&image, "/nowhere/at/all.png", why, sizeof(why))
       == SELKIES_ERROR && strstr(why, "No such file") != NULL,
       "no file: %s", why);
    ok(selkies_image_read(&image, "/tmp", why, sizeof(why)) == SELKIES_ERROR,
       "a directory: %s", why);

    write_bytes("GIF89a, or so it says", 21);
    ok(selkies_image_read(&image, path, why, sizeof(why)) == SELKIES_ERROR
       && why[0] != '\0' && image.pixels == NULL, "no PNG: %s", why);

    write_png(&rgba, 15, 13);
    file = fopen(path, "rb");
    len = file ? fread(bytes, 1, sizeof(bytes), file) : 0;

    if (file != NULL) {
        fclose(file);
    }

    refused = 0;

    for (cut = 0; cut < len; cut++) {
        write_bytes(bytes, cut);
        refused += selkies_image_read(&image, path, why, sizeof(why))
                   == SELKIES_ERROR;
        selkies_image_free(&image);
    }

    ok(len > 50 && refused == len, "all %zu cut ones are refused", len);

    for (cut = 0; cut < 3000; cut++) {
        write_bytes(bytes, len);
        file = fopen(path, "r+b");

        if (file != NULL) {
            fseek(file, (long) random_number((uint32_t) len), SEEK_SET);
            fputc((int) random_number(256), file);
            fclose(file);
        }

        (void) selkies_image_read(&image, path, why, sizeof(why));
        selkies_image_free(&image);
    }

    ok(1, "broken ones do no harm");

    /* 5000x13, the checksum of its header with it */

    memcpy(bytes + 16, "\x00\x00\x13\x88", 4);
    memcpy(bytes + 29, "\x45\xd3\x84\xf3", 4);
    write_bytes(bytes, len);
    ok(selkies_image_read(&image, path, why, sizeof(why)) == SELKIES_ERROR,
       "one too wide: %s", why);
}


/* A screen of noise, or the same with the images over it. */

static void
blend(const selkies_overlay_t *o, const selkies_frame_t *frame, uint8_t *out)
{
    size_t                          i;
    int32_t                         x, y, c, left, top;
    uint8_t                        *p;
    const uint8_t                  *over;
    const selkies_overlay_layer_t  *layer;

    memcpy(out, frame->pixels, frame->stride_bytes * (size_t) frame->height);

    for (i = 0; i < SELKIES_OVERLAY_LAYERS; i++) {
        layer = &o->layers[i];

        for (y = 0; layer->image != NULL && y < layer->image->height; y++) {
            for (x = 0; x < layer->image->width; x++) {
                left = layer->x + x;
                top = layer->y + y;

                if (left < 0 || top < 0 || left >= frame->width
                    || top >= frame->height)
                {
                    continue;
                }

                over = layer->image->pixels
                       + (y * layer->image->width + x) * 4;
                p = out + (size_t) top * frame->stride_bytes
                    + (size_t) left * 4;

                for (c = 0; c < 3; c++) {
                    p[c] = (uint8_t) (over[c] + (p[c] * (255 - over[3]) + 127)
                                                / 255);
                }
            }
        }
    }
}


static int
same(const selkies_picture_t *one, const selkies_picture_t *two)
{
    return memcmp(one->luma, two->luma,
                  one->luma_stride_bytes * (size_t) one->mb_height * 16) == 0
           && memcmp(one->chroma, two->chroma,
                     one->chroma_stride_bytes * (size_t) one->mb_height * 8)
              == 0;
}


static void
random_image(selkies_image_t *image, int32_t width, int32_t height)
{
    size_t    i, n;
    uint8_t  *p;

    image->width = width;
    image->height = height;
    n = (size_t) width * (size_t) height;
    image->pixels = malloc(n * 4);

    for (i = 0; image->pixels != NULL && i < n; i++) {
        p = image->pixels + i * 4;
        p[3] = (uint8_t) random_number(256);
        p[0] = (uint8_t) random_number(p[3] + 1u);
        p[1] = (uint8_t) random_number(p[3] + 1u);
        p[2] = (uint8_t) random_number(p[3] + 1u);
    }
}


/* Anywhere, also outside. */

static int32_t
anywhere(int32_t picture, int32_t image)
{
    return (int32_t) random_number((uint32_t) (picture + 2 * image + 8))
           - image - 4;
}


/* Something of it happens to the overlay. */

static void
change(selkies_overlay_t *overlay, selkies_image_t *images, uint64_t now_us)
{
    selkies_image_t  *cursor = &images[SELKIES_OVERLAY_CURSOR];

    selkies_overlay_move(overlay, now_us);

    switch (random_number(4)) {

    case 0:
        selkies_overlay_put(overlay, SELKIES_OVERLAY_CURSOR, NULL, 0, 0);
        break;

    case 1:
        selkies_overlay_place(overlay, SELKIES_OVERLAY_TEXT,
                              &images[SELKIES_OVERLAY_TEXT],
                              (selkies_overlay_place_t) random_number(7));
        break;

    default:
        selkies_overlay_put(overlay, SELKIES_OVERLAY_CURSOR, cursor,
                            anywhere(overlay->width, cursor->width),
                            anywhere(overlay->height, cursor->height));
    }
}


/* Something is drawn, with no rectangle told, or some. */

static size_t
draw(const selkies_frame_t *frame, uint8_t *screen, selkies_rect_t *rects,
    size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        rects[i].x = (int32_t) random_number((uint32_t) frame->width);
        rects[i].y = (int32_t) random_number((uint32_t) frame->height);
        rects[i].width = 1 + (int32_t) random_number(
                                 (uint32_t) (frame->width - rects[i].x));
        rects[i].height = 1 + (int32_t) random_number(
                                  (uint32_t) (frame->height - rects[i].y));
        screen[(size_t) rects[i].y * frame->stride_bytes
               + (size_t) rects[i].x * 4] ^= 0x55;
    }

    return n;
}


/* One screen, drawn on here and there; whether the pictures stay the same. */

static int
round_of(int32_t width, int32_t height, selkies_overlay_place_t place)
{
    int                held;
    size_t             i, step, bytes, stride;
    uint8_t           *screen, *blended;
    selkies_rect_t     rects[80 + SELKIES_OVERLAY_RECTS_MAX], whole;
    selkies_image_t    images[SELKIES_OVERLAY_LAYERS];
    selkies_frame_t    frame, reference;
    selkies_overlay_t  overlay;
    selkies_picture_t  pic, want;

    stride = (size_t) width * 4 + random_number(3) * 4;
    bytes = stride * (size_t) height;
    screen = malloc(bytes);
    blended = malloc(bytes);

    memset(&overlay, 0, sizeof(selkies_overlay_t));

    for (i = 0; i < SELKIES_OVERLAY_LAYERS; i++) {
        random_image(&images[i], 1 + (int32_t) random_number(70),
                     1 + (int32_t) random_number(70));

        if (images[i].pixels == NULL) {
            exit(1);
        }
    }

    if (screen == NULL || blended == NULL
        || selkies_picture_init(&pic, width, height) != SELKIES_OK
        || selkies_picture_init(&want, width, height) != SELKIES_OK)
    {
        exit(1);
    }

    for (i = 0; i < bytes; i++) {
        screen[i] = (uint8_t) random_number(256);
    }

    selkies_overlay_resize(&overlay, pic.width, pic.height);
    selkies_overlay_place(&overlay, SELKIES_OVERLAY_IMAGE,
                          &images[SELKIES_OVERLAY_IMAGE], place);

    memset(&frame, 0, sizeof(selkies_frame_t));
    frame.pixels = screen;
    frame.stride_bytes = stride;
    frame.width = width;
    frame.height = height;
    frame.rects = rects;

    whole.x = 0;
    whole.y = 0;
    whole.width = width;
    whole.height = height;
    reference = frame;
    reference.pixels = blended;
    reference.rects = &whole;
    reference.nrects = 1;

    rects[0] = whole;
    frame.nrects = 1;
    held = selkies_overlay_damage(&overlay, rects + 1) <= 1;

    for (step = 0; step < 12 && held; step++) {
        selkies_overlay_convert(&overlay, &pic, &frame);
        blend(&overlay, &frame, blended);
        selkies_convert(&want, &reference);

        held = same(&pic, &want);

        selkies_picture_clear_dirty(&pic);
        held = held && selkies_overlay_convert(&overlay, &pic, &frame) == 0
               && pic.ndirty == 0
               && selkies_overlay_damage(&overlay, rects) == 0;

        frame.nrects = draw(&frame, screen, rects,
                            random_number(4) ? random_number(80) : 0);

        change(&overlay, images, (step + 1) * 40000);
        frame.nrects += selkies_overlay_damage(&overlay,
                                               rects + frame.nrects);
    }

    selkies_picture_finish(&pic);
    selkies_picture_finish(&want);
    selkies_overlay_finish(&overlay);

    for (i = 0; i < SELKIES_OVERLAY_LAYERS; i++) {
        selkies_image_free(&images[i]);
    }

    free(screen);
    free(blended);

    return held;
}


static void
test_places(void)
{
    size_t                    i;
    selkies_image_t           image = { NULL, 100, 40 };
    selkies_overlay_t         o;
    selkies_overlay_layer_t  *layer;

    static const struct {
        selkies_overlay_place_t  place;
        int32_t                  x;
        int32_t                  y;
    } places[] = {
        { SELKIES_OVERLAY_TOP_LEFT, 16, 16 },
        { SELKIES_OVERLAY_TOP_RIGHT, 524, 16 },
        { SELKIES_OVERLAY_BOTTOM_LEFT, 16, 424 },
        { SELKIES_OVERLAY_BOTTOM_RIGHT, 524, 424 },
        { SELKIES_OVERLAY_CENTRE, 270, 220 },
        { SELKIES_OVERLAY_MOVING, 0, 0 }
    };

    memset(&o, 0, sizeof(selkies_overlay_t));
    layer = &o.layers[SELKIES_OVERLAY_IMAGE];
    ok(!selkies_overlay_used(&o), "nothing at first");
    selkies_overlay_resize(&o, 640, 480);

    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        selkies_overlay_place(&o, SELKIES_OVERLAY_IMAGE, &image,
                              places[i].place);
        ok(layer->x == places[i].x && layer->y == places[i].y,
           "place %d is %d,%d", (int) places[i].place, (int) layer->x,
           (int) layer->y);
    }

    selkies_overlay_place(&o, SELKIES_OVERLAY_IMAGE, &image,
                          SELKIES_OVERLAY_BOTTOM_RIGHT);
    selkies_overlay_resize(&o, 50, 20);
    ok(layer->x == 0 && layer->y == 0, "a picture smaller than the image");
    ok(selkies_overlay_deadline_us(&o) == SELKIES_OVERLAY_NEVER,
       "what does not move has no deadline");
    ok(selkies_overlay_used(&o), "there is one");
    selkies_overlay_place(&o, SELKIES_OVERLAY_IMAGE, &image,
                          SELKIES_OVERLAY_NONE);
    ok(layer->image == NULL && !selkies_overlay_used(&o), "none");
}


static void
test_bounce(void)
{
    int                       i, inside, turned;
    size_t                    n;
    int32_t                   last;
    selkies_rect_t            rects[SELKIES_OVERLAY_RECTS_MAX], *r;
    selkies_image_t           image = { NULL, 30, 20 };
    selkies_overlay_t         o;
    selkies_overlay_layer_t  *layer;

    memset(&o, 0, sizeof(selkies_overlay_t));
    layer = &o.layers[SELKIES_OVERLAY_TEXT];
    selkies_overlay_resize(&o, 101, 77);
    selkies_overlay_place(&o, SELKIES_OVERLAY_TEXT, &image,
                          SELKIES_OVERLAY_MOVING);
    (void) selkies_overlay_damage(&o, rects);

    inside = 1;
    turned = 0;
    r = &rects[0];

    for (i = 1; i < 500; i++) {
        last = layer->dx;
        selkies_overlay_move(&o, (uint64_t) i * 33333);
        n = selkies_overlay_damage(&o, rects);
        inside = inside && n == 1
                 && layer->x >= 0 && layer->x <= 71
                 && layer->y >= 0 && layer->y <= 57
                 && r->x >= 0 && r->x + r->width <= 101
                 && r->y >= 0 && r->y + r->height <= 77
                 && r->width <= 32 && r->height <= 22;
        turned += last != layer->dx;
    }

    ok(inside && turned > 5, "what moves stays on the picture");

    selkies_overlay_move(&o, layer->moved_us + 1000);
    ok(selkies_overlay_damage(&o, rects) == 0, "and takes its time");

    last = layer->x;
    image.width = 31;
    selkies_overlay_place(&o, SELKIES_OVERLAY_TEXT, &image,
                          SELKIES_OVERLAY_MOVING);
    ok(layer->x == last, "another image goes on where the last one was");
}


static void
test_damage(void)
{
    selkies_rect_t     r[SELKIES_OVERLAY_RECTS_MAX];
    selkies_image_t    image = { NULL, 20, 30 };
    selkies_overlay_t  o;

    memset(&o, 0, sizeof(selkies_overlay_t));
    selkies_overlay_resize(&o, 640, 480);

    selkies_overlay_put(&o, SELKIES_OVERLAY_CURSOR, &image, -5, 470);
    ok(selkies_overlay_damage(&o, r) == 1 && r[0].x == 0 && r[0].y == 470
       && r[0].width == 15 && r[0].height == 10,
       "what is outside is no damage");

    selkies_overlay_put(&o, SELKIES_OVERLAY_CURSOR, &image, 100, 100);
    selkies_overlay_put(&o, SELKIES_OVERLAY_CURSOR, &image, 200, 100);
    ok(selkies_overlay_damage(&o, r) == 2 && r[0].x == 0 && r[0].width == 15
       && r[1].x == 200 && r[1].y == 100 && r[1].width == 20
       && r[1].height == 30, "the place told last, and the present one");

    selkies_overlay_put(&o, SELKIES_OVERLAY_CURSOR, &image, 210, 95);
    ok(selkies_overlay_damage(&o, r) == 1 && r[0].x == 200 && r[0].y == 95
       && r[0].width == 30 && r[0].height == 35, "places that meet are one");

    selkies_overlay_put(&o, SELKIES_OVERLAY_CURSOR, &image, 2000000, 95);
    ok(selkies_overlay_damage(&o, r) == 1 && r[0].x == 210,
       "it goes far away");
    selkies_overlay_put(&o, SELKIES_OVERLAY_CURSOR, NULL, 0, 0);
    ok(selkies_overlay_damage(&o, r) == 0, "and is gone from nowhere");
}


int
main(void)
{
    int  fd, i, held;

    fd = mkstemp(path);

    if (fd == -1) {
        return 1;
    }

    close(fd);

    test_formats();
    test_bad_files();
    test_places();
    test_bounce();
    test_damage();

    for (i = 0, held = 0; i < ROUNDS; i++) {
        held += round_of(2 + (int32_t) random_number(200),
                         2 + (int32_t) random_number(150),
                         (selkies_overlay_place_t) (1 + i % 6));
    }

    ok(held == ROUNDS, "%d of %d screens are blended as a whole one", held,
       ROUNDS);

    unlink(path);
    printf("1..%d\n", tap_count);

    return tap_failed != 0;
}
