
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Conversion: colours against BT.709 in floating point, every variant against
 * the scalar one, what is read and written for which rectangle, edges.
 *
 * Thread: the main thread.  Sources end at a page nobody may touch, so that
 * reading one byte too many kills the test.
 */


#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "convert_source.h"
#include "convert_kept.h"
#include "tap.h"


/* Distances of one flat colour from the exact samples and after inversion. */

static void
color_errors(const uint8_t *bgr, int y, int u, int v, double *samples,
    double *inverse)
{
    int     i;
    double  b, g, r, luma, want[3], back[3], have[3], d;

    b = bgr[0] / 255.0;
    g = bgr[1] / 255.0;
    r = bgr[2] / 255.0;

    luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;

    want[0] = 16 + 219 * luma;
    want[1] = 128 + 224 * (b - luma) / 1.8556;
    want[2] = 128 + 224 * (r - luma) / 1.5748;

    have[0] = y;
    have[1] = u;
    have[2] = v;

    luma = (y - 16) / 219.0;
    back[0] = luma + 1.8556 * (u - 128) / 224.0;
    back[2] = luma + 1.5748 * (v - 128) / 224.0;
    back[1] = (luma - 0.2126 * back[2] - 0.0722 * back[0]) / 0.7152;

    for (i = 0; i < 3; i++) {
        d = fabs(want[i] - have[i]);
        *samples = d > *samples ? d : *samples;

        d = floor(back[i] * 255 + 0.5);
        d = d < 0 ? 0 : (d > 255 ? 255 : d);
        d = fabs(d - bgr[i]);
        *inverse = d > *inverse ? d : *inverse;
    }
}


/* One colour every 2x2 pixels: a grid of all of them, and random ones. */

static void
test_colors(const selkies_convert_variant_t *variant, int random)
{
    size_t              n;
    double              samples, inverse;
    int32_t             x, y, side;
    uint8_t             c[4], *p;
    uint32_t            v;
    source_t            s;
    selkies_picture_t   pic;

    side = 800;                             /* 160000 colours > 54^3 */

    source_init(&s, side, side, 0);
    picture_init(&pic, side, side);
    selkies_picture_force_variant(&pic, variant);

    for (n = 0, y = 0; y < side; y += 2) {
        for (x = 0; x < side; x += 2, n++) {
            v = random ? random_number(1 << 24)
                       : (uint32_t) (n % 54 * 255 / 53
                                     | (n / 54 % 54 * 255 / 53) << 8
                                     | (n / 2916 % 54 * 255 / 53) << 16);

            memcpy(source_pixel(&s, x, y), &v, 4);
            memcpy(source_pixel(&s, x + 1, y), &v, 4);
            memcpy(source_pixel(&s, x, y + 1), &v, 4);
            memcpy(source_pixel(&s, x + 1, y + 1), &v, 4);
        }
    }

    source_convert(&s, &pic, rect(0, 0, side, side));

    samples = 0;
    inverse = 0;

    for (y = 0; y < side; y += 2) {
        for (x = 0; x < side; x += 2) {
            p = pic.luma + (size_t) y * pic.luma_stride_bytes + x;
            memcpy(c, source_pixel(&s, x, y), 4);

            if (p[0] != p[1] || p[0] != p[pic.luma_stride_bytes]) {
                samples = 99;
            }

            color_errors(c, p[0], picture_chroma(&pic, x, y, 0),
                         picture_chroma(&pic, x, y, 1), &samples, &inverse);
        }
    }

    ok(samples < 0.51, "%s: %s colours within half a step of BT.709: %.4f",
       selkies_convert_name(variant), random ? "random" : "a grid of",
       samples);
    ok(inverse <= 2, "%s: and within 2 after inversion: %.0f",
       selkies_convert_name(variant), inverse);

    selkies_picture_finish(&pic);
    source_finish(&s);
}


/* Each of four pixels has its own colour: red, blue, white, black. */

static void
test_own(source_t *s, selkies_picture_t *pic)
{
    int      i, good;
    int32_t  x, y;

    static const uint8_t  want[4][3] = {
        { 63, 102, 240 }, { 32, 240, 118 }, { 235, 128, 128 },
        { 16, 128, 128 }
    };

    memcpy(source_pixel(s, 0, 0), "\x00\x00\xff", 3);
    memcpy(source_pixel(s, 1, 0), "\xff\x00\x00", 3);
    memset(source_pixel(s, 0, 1), 255, 4);
    memset(source_pixel(s, 1, 1), 0, 4);
    source_convert(s, pic, rect(0, 0, 2, 2));

    for (i = 0, good = 1; i < 4; i++) {
        x = i & 1;
        y = i / 2;
        good &= pic->luma[(size_t) y * pic->luma_stride_bytes + (size_t) x]
                == want[i][0]
                && picture_chroma(pic, x, y, 0) == want[i][1]
                && picture_chroma(pic, x, y, 1) == want[i][2];
    }

    ok(good, "4:4:4: each pixel has its own chroma");
}


static void
test_known(void)
{
    size_t             i;
    source_t           s;
    selkies_picture_t  pic;

    /* B G R; the samples of 8-bit BT.709 colour bars at 100 % */

    static const struct {
        const char  *name;
        uint8_t      bgr[3];
        uint8_t      yuv[3];
    } known[] = {
        { "black", { 0, 0, 0 }, { 16, 128, 128 } },
        { "white", { 255, 255, 255 }, { 235, 128, 128 } },
        { "red", { 0, 0, 255 }, { 63, 102, 240 } },
        { "green", { 0, 255, 0 }, { 173, 42, 26 } },
        { "blue", { 255, 0, 0 }, { 32, 240, 118 } },
        { "yellow", { 0, 255, 255 }, { 219, 16, 138 } },
        { "cyan", { 255, 255, 0 }, { 188, 154, 16 } },
        { "magenta", { 255, 0, 255 }, { 78, 214, 230 } },
        { "grey", { 128, 128, 128 }, { 126, 128, 128 } }
    };

    source_init(&s, 2, 2, 0);
    picture_init(&pic, 2, 2);

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        memcpy(source_pixel(&s, 0, 0), known[i].bgr, 3);
        memcpy(source_pixel(&s, 1, 0), known[i].bgr, 3);
        memcpy(source_pixel(&s, 0, 1), known[i].bgr, 3);
        memcpy(source_pixel(&s, 1, 1), known[i].bgr, 3);

        source_convert(&s, &pic, rect(0, 0, 2, 2));

        ok(pic.luma[0] == known[i].yuv[0]
           && picture_chroma(&pic, 1, 1, 0) == known[i].yuv[1]
           && picture_chroma(&pic, 1, 1, 1) == known[i].yuv[2],
           "%s is %d %d %d", known[i].name, pic.luma[0],
           picture_chroma(&pic, 0, 0, 0), picture_chroma(&pic, 0, 0, 1));
    }

    if (full_color) {
        test_own(&s, &pic);
        selkies_picture_finish(&pic);
        source_finish(&s);
        return;
    }

    /* the mean of black, white, black and red */

    memset(source_pixel(&s, 0, 0), 0, 4);
    memset(source_pixel(&s, 1, 0), 255, 4);
    memset(source_pixel(&s, 0, 1), 0, 4);
    memcpy(source_pixel(&s, 1, 1), known[2].bgr, 3);
    source_convert(&s, &pic, rect(0, 0, 2, 2));

    ok(pic.luma[0] == 16 && pic.luma[1] == 235
       && pic.luma[pic.luma_stride_bytes] == 16
       && pic.luma[pic.luma_stride_bytes + 1] == 63
       && pic.chroma[0] == 122 && pic.chroma[1] == 156,
       "chroma is the mean of four pixels: %d %d", pic.chroma[0],
       pic.chroma[1]);

    selkies_picture_finish(&pic);
    source_finish(&s);
}


/*
 * Random damage of a random source: the variant and the scalar one write the
 * same, marks say what differs, and what lies beside the rectangle stays.
 */

static void
test_random(const selkies_convert_variant_t *variant, int runs)
{
    int                i, k, same, marks, counts, false_damage;
    size_t             n, extra;
    int32_t            w, h;
    source_t           s;
    selkies_rect_t     rects[3];
    selkies_picture_t  one, two, before;

    same = marks = counts = false_damage = 0;

    for (i = 0; i < runs; i++) {
        w = 1 + (int32_t) random_number(90);
        h = 1 + (int32_t) random_number(70);
        extra = random_number(3) ? random_number(70) : 0;

        source_init(&s, w, h, extra);

        w += (int32_t) random_number(3) - 1 + (w < 3) * 2;
        h += (int32_t) random_number(3) - 1 + (h < 3) * 2;

        if (random_number(8) == 0) {
            w += (int32_t) random_number(40);
            h += (int32_t) random_number(40);
        }

        picture_init(&one, w, h);
        picture_init(&two, w, h);
        selkies_picture_force_variant(&one, variant);
        selkies_picture_force_variant(&two, scalar_variant());

        source_random(&s, rect(0, 0, s.frame.width, s.frame.height), i & 1);

        if (random_number(2)) {
            source_convert(&s, &one, rect(0, 0, w, h));
            source_convert(&s, &two, rect(0, 0, w, h));
            selkies_picture_clear_dirty(&one);
            selkies_picture_clear_dirty(&two);
            source_random(&s, rect(0, 0, (s.frame.width + 1) / 2,
                                   (s.frame.height + 1) / 2), 0);
        }

        for (k = 0; k < 3; k++) {
            rects[k] = random_rect(w, h);
        }

        s.frame.rects = rects;
        s.frame.nrects = 1 + random_number(3);

        picture_copy(&before, &one);

        n = selkies_convert(&one, &s.frame);

        counts += n == selkies_convert(&two, &s.frame);
        same += picture_same(&one, &two)
                && memcmp(one.dirty, two.dirty, picture_mbs(&one)) == 0;
        marks += picture_marks(&before, &one, n);
        false_damage += selkies_convert(&one, &s.frame) != 0;

        selkies_picture_finish(&before);
        selkies_picture_finish(&one);
        selkies_picture_finish(&two);
        source_finish(&s);
    }

    ok(same == runs, "%s: %d of %d random cases as the scalar one",
       selkies_convert_name(variant), same, runs);
    ok(counts == runs, "%s: %d of %d counts too",
       selkies_convert_name(variant), counts, runs);
    ok(marks == runs, "%s: %d of %d times marks and differences agree",
       selkies_convert_name(variant), marks, runs);
    ok(false_damage == 0, "%s: no change the second time",
       selkies_convert_name(variant));
}


/*
 * Many small updates end in what one conversion of everything gives.  Pixels
 * outside of the rectangles are garbage, except at their chroma samples.
 */

static void
test_sequence(const selkies_convert_variant_t *variant, const size_case_t *c)
{
    int                i, held;
    int32_t            x, y, w, h;
    source_t           truth, shown;
    selkies_rect_t     r;
    selkies_picture_t  pic, whole;

    w = c->frame_width;
    h = c->frame_height;

    source_init(&truth, w, h, 12);
    source_init(&shown, w, h, 0);
    picture_init(&pic, c->pic_width, c->pic_height);
    picture_init(&whole, c->pic_width, c->pic_height);
    selkies_picture_force_variant(&pic, variant);
    selkies_picture_force_variant(&whole, scalar_variant());

    source_random(&truth, rect(0, 0, w, h), 0);

    for (y = 0; y < h; y++) {
        memcpy(source_pixel(&shown, 0, y), source_pixel(&truth, 0, y),
               (size_t) w * 4);
    }

    source_convert(&shown, &pic, rect(0, 0, w, h));
    held = 1;

    for (i = 0; i < 60 && held; i++) {
        r.x = (int32_t) random_number((uint32_t) w);
        r.y = (int32_t) random_number((uint32_t) h);
        r.width = 1 + (int32_t) random_number((uint32_t) (w - r.x));
        r.height = 1 + (int32_t) random_number((uint32_t) (h - r.y));

        if (i & 1) {
            r.width = r.width > 3 ? 3 : r.width;
            r.height = r.height > 3 ? 3 : r.height;
        }

        source_random(&truth, r, 0);
        source_random(&shown, rect(0, 0, w, h), 0);

        for (y = r.y & ~1; y < ((r.y + r.height + 1) & ~1) && y < h; y++) {
            for (x = r.x & ~1; x < ((r.x + r.width + 1) & ~1) && x < w; x++) {
                memcpy(source_pixel(&shown, x, y), source_pixel(&truth, x, y),
                       4);
            }
        }

        source_convert(&shown, &pic, r);
        source_convert(&truth, &whole, rect(0, 0, w, h));
        held = picture_same(&pic, &whole);
    }

    ok(held, "%s: a sequence of updates, frame %dx%d, picture %dx%d",
       selkies_convert_name(variant), (int) w, (int) h, (int) c->pic_width,
       (int) c->pic_height);

    selkies_picture_finish(&whole);
    selkies_picture_finish(&pic);
    source_finish(&shown);
    source_finish(&truth);
}


/* One pixel at each alignment changes its 2x2 pixels and nothing else. */

static void
test_pixels(const selkies_convert_variant_t *variant)
{
    int                good;
    size_t             mb;
    int32_t            x, y, i, k, inside;
    source_t           s;
    selkies_picture_t  pic;

    source_init(&s, 48, 48, 4);
    picture_init(&pic, 48, 48);
    selkies_picture_force_variant(&pic, variant);
    good = 0;

    for (y = 0; y < 48; y++) {
        for (x = 0; x < 48; x++) {
            memset(pic.luma, 0, pic.luma_stride_bytes * 48);
            memset(pic.chroma, 0, pic.chroma_stride_bytes * 24);

            if (pic.cr != NULL) {
                memset(pic.chroma, 0, pic.chroma_stride_bytes * 48);
                memset(pic.cr, 0, pic.chroma_stride_bytes * 48);
            }

            selkies_picture_clear_dirty(&pic);

            if (source_convert(&s, &pic, rect(x, y, 1, 1)) != 1) {
                continue;
            }

            mb = (size_t) (y / 16 * 3 + x / 16);
            good += pic.dirty[mb] == 1 && pic.ndirty == 1;

            for (i = 0; i < 48; i++) {
                for (k = 0; k < 48; k++) {
                    inside = i / 2 == y / 2 && k / 2 == x / 2;
                    good -= pic.luma[(size_t) i * pic.luma_stride_bytes + k]
                            != inside * 16;
                    good -= picture_chroma(&pic, k, i, 0) != inside * 128
                            || picture_chroma(&pic, k, i, 1) != inside * 128;
                }
            }
        }
    }

    ok(good == 48 * 48, "%s: one pixel at each of %d places",
       selkies_convert_name(variant), 48 * 48);

    selkies_picture_finish(&pic);
    source_finish(&s);
}


/* The padding repeats the last visible column and row. */

static void
test_padding(const size_case_t *c)
{
    int                good;
    int32_t            x, y, right, bottom;
    source_t           s;
    selkies_picture_t  pic;

    source_init(&s, c->frame_width, c->frame_height, 0);
    source_random(&s, rect(0, 0, c->frame_width, c->frame_height), 0);
    picture_init(&pic, c->pic_width, c->pic_height);
    source_convert(&s, &pic, rect(0, 0, c->frame_width, c->frame_height));

    right = c->frame_width < pic.width ? c->frame_width : pic.width;
    bottom = c->frame_height < pic.height ? c->frame_height : pic.height;
    good = 1;

    for (y = 0; y < pic.mb_height * 16; y++) {
        for (x = 0; x < pic.mb_width * 16; x++) {
            good &= pic.cr == NULL
                    || pic.cr[(size_t) y * pic.luma_stride_bytes + x]
                       == pic.cr[(size_t) (y < bottom ? y : bottom - 1)
                                 * pic.luma_stride_bytes
                                 + (x < right ? x : right - 1)];
            good &= pic.luma[(size_t) y * pic.luma_stride_bytes + x]
                    == pic.luma[(size_t) (y < bottom ? y : bottom - 1)
                                * pic.luma_stride_bytes
                                + (x < right ? x : right - 1)];
        }
    }

    ok(good, "replicated edges, frame %dx%d, picture %dx%d",
       (int) c->frame_width, (int) c->frame_height, (int) c->pic_width,
       (int) c->pic_height);

    selkies_picture_finish(&pic);
    source_finish(&s);
}


static void
test_rects(void)
{
    size_t             i;
    source_t           s;
    selkies_rect_t     twice[2];
    selkies_picture_t  pic;

    static const selkies_rect_t  none[] = {
        { 0, 0, 0, 10 }, { 0, 0, 10, 0 }, { 0, 0, -5, 10 }, { 64, 0, 9, 9 },
        { 0, 48, 9, 9 }, { -10, 0, 10, 10 }, { 0, -10, 10, 10 },
        { INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX },
        { INT32_MIN, INT32_MIN, INT32_MAX, INT32_MAX }
    };

    source_init(&s, 64, 48, 0);
    source_random(&s, rect(0, 0, 64, 48), 0);
    picture_init(&pic, 64, 48);

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        ok(source_convert(&s, &pic, none[i]) == 0 && pic.ndirty == 0,
           "nothing in %d,%d %dx%d", (int) none[i].x, (int) none[i].y,
           (int) none[i].width, (int) none[i].height);
    }

    ok(selkies_convert(&pic, &s.frame) == 0, "no rectangle, no change");

    ok(source_convert(&s, &pic, rect(-5, -5, INT32_MAX, INT32_MAX)) == 12
       && pic.ndirty == 12, "a rectangle larger than everything");

    selkies_picture_clear_dirty(&pic);
    ok(pic.ndirty == 0 && memchr(pic.dirty, 1, 12) == NULL, "clear_dirty");

    source_random(&s, rect(0, 0, 64, 48), 0);
    twice[0] = rect(0, 0, 20, 8);
    twice[1] = rect(4, 8, 20, 8);
    s.frame.rects = twice;
    s.frame.nrects = 2;

    ok(selkies_convert(&pic, &s.frame) == 2 && pic.ndirty == 2,
       "a macroblock changed by two rectangles counts once");

    source_random(&s, rect(0, 0, 64, 48), 0);
    ok(selkies_convert(&pic, &s.frame) == 2 && pic.ndirty == 2,
       "one that is dirty already counts as changed");

    pic.serial = UINT32_MAX - 1;

    for (i = 0; i < 3; i++) {
        source_random(&s, rect(0, 0, 64, 48), 0);
        ok(selkies_convert(&pic, &s.frame) == 2, "the serial wraps");
    }

    s.frame.rects = NULL;
    s.frame.nrects = 0;
    s.frame.width = 0;
    ok(source_convert(&s, &pic, rect(0, 0, 64, 48)) == 0, "an empty frame");

    selkies_picture_finish(&pic);
    source_finish(&s);
}


static void
test_picture(void)
{
    selkies_picture_t  pic;

    memset(&pic, 0, sizeof(pic));
    selkies_picture_finish(&pic);
    ok(pic.luma == NULL, "a zeroed picture can be finished");

    ok(selkies_picture_init(&pic, 1, 100) == SELKIES_ERROR
       && pic.luma == NULL, "too narrow");
    ok(selkies_picture_init(&pic, 100, 0) == SELKIES_ERROR, "too low");
    ok(selkies_picture_init(&pic, 16386, 2) == SELKIES_ERROR, "too wide");
    ok(selkies_picture_init(&pic, 2, INT32_MAX) == SELKIES_ERROR, "too high");
    selkies_picture_finish(&pic);

    ok(selkies_picture_init(&pic, 1367, 769) == SELKIES_OK
       && pic.width == 1366 && pic.height == 768 && pic.mb_width == 86
       && pic.mb_height == 48, "an odd size becomes even");
    ok(((uintptr_t) pic.luma & 4095) == 0
       && ((uintptr_t) pic.chroma & 4095) == 0
       && pic.luma_stride_bytes % 64 == 0
       && pic.luma_stride_bytes >= 86 * 16, "planes start on a page");
    ok(pic.luma[767 * pic.luma_stride_bytes + 1365] == 16
       && pic.chroma[383 * pic.chroma_stride_bytes + 1365] == 128
       && pic.ndirty == 0, "it starts black");

    selkies_picture_finish(&pic);
    ok(pic.luma == NULL && pic.dirty == NULL, "finish zeroes it");
    selkies_picture_finish(&pic);
}


static void
test_variants(void)
{
    size_t                            i;
    selkies_picture_t                 pic;
    const selkies_convert_variant_t  *v;

    static const size_case_t  sizes[] = {
        { 64, 48, 64, 48 }, { 66, 50, 66, 50 }, { 67, 51, 66, 50 },
        { 67, 51, 68, 52 }, { 97, 33, 96, 32 }, { 95, 31, 96, 32 },
        { 40, 40, 100, 90 }, { 100, 90, 40, 40 }, { 1, 1, 34, 34 },
        { 3, 3, 2, 2 }, { 2, 2, 2, 2 }, { 16, 17, 16, 16 }
    };

    test_known();

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        test_padding(&sizes[i]);
    }

    ok(scalar_variant() != NULL, "there is a scalar reference");

    for (v = selkies_convert_variants();
         selkies_convert_name(v) != NULL;
         v = selkies_convert_next(v))
    {
        selkies_picture_init(&pic, 16, 16);

        if (!selkies_convert_supported(v)) {
            ok(selkies_picture_force_variant(&pic, v) == SELKIES_ERROR,
               "%s: this processor has it not", selkies_convert_name(v));
            selkies_picture_finish(&pic);
            continue;
        }

        selkies_picture_finish(&pic);

        test_colors(v, 0);
        test_colors(v, 1);
        test_random(v, 2500);
        test_pixels(v);

        if (!full_color) {
            test_keeping(v);
        }

        for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            test_sequence(v, &sizes[i]);
        }
    }
}


int
main(void)
{
    test_picture();
    test_states();
    test_expecting();
    test_rects();
    test_variants();

    full_color = 1;
    printf("# 4:4:4\n");
    test_variants();

    return done_testing();
}
