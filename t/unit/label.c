
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Text as an image: what is drawn for which bytes, how wide it gets, and that
 * it stands out from any ground.
 *
 * Thread: the main thread.
 */


#include <stdlib.h>
#include <string.h>

#include "../../encoders/fonts.h"
#include "../../encoders/label.h"
#include "tap.h"

#define RANDOM_SEED  815
#include "random.h"


#define SIZE   20
#define WIDE   10000


static selkies_fonts_t   fonts;
static selkies_label_t  *label;


static selkies_status_t
draw(const char *text, selkies_image_t *image)
{
    return selkies_label_draw(label, (const uint8_t *) text, strlen(text),
                              SIZE, WIDE, image);
}


/* Whether both look the same, and like something. */

static int
alike(const char *one, const char *two)
{
    int              held;
    selkies_image_t  a, b;

    memset(&a, 0, sizeof(selkies_image_t));
    memset(&b, 0, sizeof(selkies_image_t));

    held = draw(one, &a) == SELKIES_OK && draw(two, &b) == SELKIES_OK
           && a.pixels != NULL && a.width == b.width && a.height == b.height
           && memcmp(a.pixels, b.pixels,
                     (size_t) a.width * (size_t) a.height * 4)
              == 0;

    selkies_image_free(&a);
    selkies_image_free(&b);

    return held;
}


static int32_t
width_of(const char *text)
{
    int32_t          width;
    selkies_image_t  image;

    memset(&image, 0, sizeof(selkies_image_t));

    width = draw(text, &image) == SELKIES_OK ? image.width : -1;
    selkies_image_free(&image);

    return width;
}


/* Grey, and no colour above its alpha. */

static int
premultiplied(const selkies_image_t *image)
{
    size_t          i, n;
    const uint8_t  *p;

    n = (size_t) image->width * (size_t) image->height;

    for (i = 0; i < n; i++) {
        p = image->pixels + i * 4;

        if (p[0] != p[1] || p[1] != p[2] || p[2] > p[3]) {
            return 0;
        }
    }

    return 1;
}


/* The difference of the darkest and the lightest pixel over a flat ground. */

static int
contrast(const selkies_image_t *image, unsigned ground)
{
    size_t    i, n;
    unsigned  value, least, most;

    n = (size_t) image->width * (size_t) image->height;
    least = 255;
    most = 0;

    for (i = 0; i < n; i++) {
        value = image->pixels[i * 4]
                + ground * (255u - image->pixels[i * 4 + 3]) / 255;
        least = value < least ? value : least;
        most = value > most ? value : most;
    }

    return (int) (most - least);
}


static void
test_look(void)
{
    int              clear;
    unsigned         ground, least;
    selkies_image_t  image;

    memset(&image, 0, sizeof(selkies_image_t));

    ok(draw("anna 2026-11-24T04:00:00+00:00", &image) == SELKIES_OK
       && image.pixels != NULL, "a text");
    ok(image.height >= SIZE && image.height < 3 * SIZE
       && image.width > 15 * SIZE / 2 && image.width < 40 * SIZE,
       "as large as it should be (%dx%d)", (int) image.width,
       (int) image.height);
    ok(premultiplied(&image), "grey, premultiplied");

    clear = image.pixels[3] == 0
            && image.pixels[(size_t) image.width * (size_t) image.height * 4
                            - 1] == 0;
    ok(clear, "nothing in its corners");

    least = 255;

    for (ground = 0; ground <= 255; ground++) {
        if ((unsigned) contrast(&image, ground) < least) {
            least = (unsigned) contrast(&image, ground);
        }
    }

    ok(least >= 110, "it stands out from any ground (by %u)", least);

    selkies_image_free(&image);
}


static void
test_characters(void)
{
    ok(!alike("e", "\xc3\xa9"), "an accent is seen");
    ok(width_of("\xd0\x94\xd0\xb6\xd0\xb0\xd0\xbd") > SIZE,
       "Cyrillic has a width");
    ok(!alike("\xd0\x94", "\xd0\x96"), "and letters");
    ok(alike("\xf4\x8f\xbf\xbd", "\xf4\x8f\xbf\xbc")
       && !alike("\xf4\x8f\xbf\xbd", "a"),
       "what no font has is a box");

    ok(alike("a\x1b[31mb", "a[31mb"), "no escape");
    ok(alike("a\r\n\t b", "a b"), "lines and tabs are one space");
    ok(alike("  a  b  ", "a b"), "none before or behind");
    ok(alike("a\xe2\x80\xae" "b\xe2\x81\xa6" "c\xe2\x80\x8b", "abc"),
       "no direction, no hidden character");
    ok(alike("a\xc2\x9b" "b", "ab"), "no control of the other set");
    ok(alike("a\xe2\x80\xa8" "b", "a b"), "no separator of lines");

    ok(alike("a\xff", "a\xef\xbf\xbd"), "a byte of no character");
    ok(alike("a\xc0\xaf", "a\xef\xbf\xbd\xef\xbf\xbd"), "an overlong form");
    ok(alike("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"),
       "a surrogate");
    ok(alike("a\xf0\x9f\x98", "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"),
       "one that is cut");
    ok(alike("\xf7\xbf\xbf\xbf",
             "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"),
       "one above the last");

    ok(width_of("") == 0 && width_of(" \n\x01 ") == 0,
       "nothing to be seen is no image");
}


static void
test_limits(void)
{
    char             text[400];
    int32_t          full, width;
    size_t           i, len;
    selkies_image_t  image;

    memset(&image, 0, sizeof(selkies_image_t));
    memset(text, 'm', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';

    full = width_of(text);
    text[300] = '\0';
    ok(full > 0 && width_of(text) == full, "a long text is cut");

    text[SELKIES_LABEL_CHARACTERS] = '\0';
    ok(width_of(text) < full && width_of(text) > full * 120 / 129,
       "after so many characters");

    full = width_of(text);

    for (i = 0, width = 0; width <= full; width += 7) {
        (void) selkies_label_draw(label, (uint8_t *) text, strlen(text), SIZE,
                                  width, &image);
        i += image.width > width;
    }

    ok(i == 0, "never wider than there is room");
    ok(selkies_label_draw(label, (const uint8_t *) "mmmm", 4, SIZE, 3 * SIZE,
                          &image) == SELKIES_OK && image.width > SIZE / 2,
       "and some of it where there is some");

    for (i = 0; i < 1000; i++) {
        len = random_number(80);

        for (width = 0; width < (int32_t) len; width++) {
            text[width] = (char) random_number(256);
        }

        if (selkies_label_draw(label, (uint8_t *) text, len,
                               4 + random_number(40),
                               (int32_t) random_number(600), &image)
            != SELKIES_OK || (image.pixels != NULL && !premultiplied(&image)))
        {
            break;
        }
    }

    ok(i == 1000, "any bytes (%zu)", i);
    selkies_image_free(&image);

    ok(selkies_label_size(1080) == 20 && selkies_label_size(2160) == 40
       && selkies_label_size(2) == 13 && selkies_label_size(16384) == 40,
       "as large as the picture makes it");
}


static void
test_fonts(void)
{
    selkies_fonts_t   broken;
    selkies_image_t   image;
    selkies_label_t  *other;

    memset(&image, 0, sizeof(selkies_image_t));
    memset(&broken, 0, sizeof(selkies_fonts_t));
    broken.fonts[0].path = "/nonexistent.ttf";
    broken.fonts[1].path = "/dev/null";
    broken.n = 2;

    other = selkies_label_open(&broken);
    ok(other != NULL
       && selkies_label_draw(other, (const uint8_t *) "a", 1, SIZE, WIDE,
                             &image) == SELKIES_ERROR
       && image.pixels == NULL, "no font that can be used");
    selkies_label_close(other);

    broken.fonts[2] = fonts.fonts[0];
    broken.n = 3;

    other = selkies_label_open(&broken);
    ok(other != NULL
       && selkies_label_draw(other, (const uint8_t *) "a", 1, SIZE, WIDE,
                             &image) == SELKIES_OK
       && image.pixels != NULL, "the first that can");
    selkies_label_close(other);
    selkies_image_free(&image);
}


int
main(void)
{
    if (selkies_fonts_find(&fonts) != SELKIES_OK) {
        selkies_fonts_free(&fonts);
        return skip_all("no font");
    }

    ok(fonts.n >= 1 && fonts.n <= SELKIES_FONTS_MAX, "%zu fonts, first \"%s\"",
       fonts.n, fonts.fonts[0].path);

    label = selkies_label_open(&fonts);

    if (ok(label != NULL, "opened")) {
        test_look();
        test_characters();
        test_limits();
        test_fonts();
    }

    selkies_label_close(label);
    selkies_label_close(NULL);
    selkies_fonts_free(&fonts);

    return done_testing();
}
