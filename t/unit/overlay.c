
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


/* A screen of noise, or the same with the image over it. */

static void
blend(const selkies_overlay_t *o, const selkies_frame_t *frame, uint8_t *out)
{
    int32_t         x, y, c, left, top;
    uint8_t        *p;
    const uint8_t  *over;

    memcpy(out, frame->pixels, frame->stride_bytes * (size_t) frame->height);

    for (y = 0; y < o->image->height; y++) {
        for (x = 0; x < o->image->width; x++) {
            left = o->x + x;
            top = o->y + y;

            if (left >= frame->width || top >= frame->height) {
                continue;
            }

            over = o->image->pixels + (y * o->image->width + x) * 4;
            p = out + (size_t) top * frame->stride_bytes + (size_t) left * 4;

            for (c = 0; c < 3; c++) {
                p[c] = (uint8_t) (over[c] + (p[c] * (255 - over[3]) + 127)
                                            / 255);
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


/* One screen, drawn on here and there; whether the pictures stay the same. */

static int
round_of(int32_t width, int32_t height, selkies_overlay_place_t place)
{
    int                held;
    size_t             i, step, bytes, stride;
    uint8_t           *screen, *blended;
    selkies_rect_t     rects[80], whole, damage;
    selkies_image_t    image;
    selkies_frame_t    frame, reference;
    selkies_overlay_t  overlay;
    selkies_picture_t  pic, want;

    stride = (size_t) width * 4 + random_number(3) * 4;
    bytes = stride * (size_t) height;
    screen = malloc(bytes);
    blended = malloc(bytes);

    memset(&overlay, 0, sizeof(selkies_overlay_t));
    random_image(&image, 1 + (int32_t) random_number(70),
                 1 + (int32_t) random_number(70));

    if (screen == NULL || blended == NULL || image.pixels == NULL
        || selkies_picture_init(&pic, width, height) != SELKIES_OK
        || selkies_picture_init(&want, width, height) != SELKIES_OK)
    {
        exit(1);
    }

    for (i = 0; i < bytes; i++) {
        screen[i] = (uint8_t) random_number(256);
    }

    selkies_overlay_place(&overlay, &image, place, pic.width, pic.height);

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
    held = 1;

    for (step = 0; step < 6 && held; step++) {
        selkies_overlay_convert(&overlay, &pic, &frame);
        blend(&overlay, &frame, blended);
        selkies_convert(&want, &reference);

        held = same(&pic, &want);

        selkies_picture_clear_dirty(&pic);
        held = held && selkies_overlay_convert(&overlay, &pic, &frame) == 0
               && pic.ndirty == 0;

        frame.nrects = 1 + random_number(79);

        for (i = 0; i < frame.nrects; i++) {
            rects[i].x = (int32_t) random_number((uint32_t) width);
            rects[i].y = (int32_t) random_number((uint32_t) height);
            rects[i].width = 1 + (int32_t) random_number(
                                     (uint32_t) (width - rects[i].x));
            rects[i].height = 1 + (int32_t) random_number(
                                      (uint32_t) (height - rects[i].y));
            screen[(size_t) rects[i].y * stride + (size_t) rects[i].x * 4] ^=
                0x55;
        }

        if (selkies_overlay_move(&overlay, (step + 1) * 40000, &damage)) {
            rects[frame.nrects++ % 80] = damage;
            frame.nrects = frame.nrects > 80 ? 80 : frame.nrects;
        }
    }

    selkies_picture_finish(&pic);
    selkies_picture_finish(&want);
    selkies_overlay_finish(&overlay);
    selkies_image_free(&image);
    free(screen);
    free(blended);

    return held;
}


static void
test_places(void)
{
    size_t             i;
    selkies_image_t    image = { NULL, 100, 40 };
    selkies_overlay_t  o;

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

    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        selkies_overlay_place(&o, &image, places[i].place, 640, 480);
        ok(o.x == places[i].x && o.y == places[i].y,
           "place %d is %d,%d", (int) places[i].place, (int) o.x, (int) o.y);
    }

    selkies_overlay_place(&o, &image, SELKIES_OVERLAY_BOTTOM_RIGHT, 50, 20);
    ok(o.x == 0 && o.y == 0, "a picture smaller than the image");
    ok(selkies_overlay_deadline_us(&o) == SELKIES_OVERLAY_NEVER,
       "what does not move has no deadline");
    selkies_overlay_place(&o, &image, SELKIES_OVERLAY_NONE, 640, 480);
    ok(o.image == NULL, "none");
}


static void
test_bounce(void)
{
    int                i, inside, turned;
    int32_t            last;
    selkies_rect_t     damage;
    selkies_image_t    image = { NULL, 30, 20 };
    selkies_overlay_t  o;

    memset(&o, 0, sizeof(selkies_overlay_t));
    selkies_overlay_place(&o, &image, SELKIES_OVERLAY_MOVING, 101, 77);

    inside = 1;
    turned = 0;

    for (i = 1; i < 500; i++) {
        last = o.dx;
        inside = inside
                 && selkies_overlay_move(&o, (uint64_t) i * 33333, &damage)
                 && o.x >= 0 && o.x <= 71 && o.y >= 0 && o.y <= 57
                 && damage.x >= 0 && damage.x + damage.width <= 101
                 && damage.y >= 0 && damage.y + damage.height <= 77;
        turned += last != o.dx;
    }

    ok(inside && turned > 5, "what moves stays on the picture");
    ok(!selkies_overlay_move(&o, o.moved_us + 1000, &damage),
       "and takes its time");
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
