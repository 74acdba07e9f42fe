
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Tests of the conversion: pictures that keep what they were.
 *
 * Thread: the main thread.
 */


#ifndef SELKIES_CONVERT_KEPT_H_INCLUDED
#define SELKIES_CONVERT_KEPT_H_INCLUDED


#include "tap.h"
#include "convert_source.h"


typedef struct {
    int  same;                      /* as without keeping */
    int  kept;                      /* what it was */
    int  turned;                    /* so many changed since */
} tally_t;


static selkies_rect_t
random_rect(int32_t width, int32_t height)
{
    selkies_rect_t  r;

    r.x = (int32_t) random_number((uint32_t) width + 8) - 4;
    r.y = (int32_t) random_number((uint32_t) height + 8) - 4;
    r.width = 1 + (int32_t) random_number((uint32_t) width + 4);
    r.height = 1 + (int32_t) random_number((uint32_t) height + 4);

    return r;
}


static int
kept_same(const selkies_picture_t *pic, const selkies_picture_t *was)
{
    const uint8_t      *luma, *chroma;
    selkies_picture_t   kept;

    if (!selkies_picture_kept(pic, &luma, &chroma)) {
        return 0;
    }

    kept = *pic;
    kept.luma = (uint8_t *) (uintptr_t) luma;
    kept.chroma = (uint8_t *) (uintptr_t) chroma;

    return picture_same(&kept, was);
}


/* Some damage in two pictures, the first of which keeps what it is at times. */

static void
run_steps(source_t *s, selkies_picture_t *one, selkies_picture_t *two,
    tally_t *tally)
{
    int                i, k, held;
    size_t             n;
    selkies_rect_t     rects[3];
    selkies_picture_t  was;

    memset(&was, 0, sizeof(was));
    held = 0;

    for (i = 0; i < 12; i++) {

        if (random_number(2)) {
            selkies_picture_keep(one);
            selkies_picture_finish(&was);
            held = picture_copy(&was, two);
        }

        for (k = 0; k < 3; k++) {
            rects[k] = random_rect(two->width, two->height);
        }

        source_random(s, rect(0, 0, s->frame.width, s->frame.height),
                      (int) random_number(2));

        s->frame.rects = rects;
        s->frame.nrects = random_number(4);

        n = selkies_convert(one, &s->frame);

        tally->same += n == selkies_convert(two, &s->frame)
                       && one->ndirty == two->ndirty
                       && picture_same(one, two)
                       && memcmp(one->dirty, two->dirty, picture_mbs(one))
                          == 0;
        tally->kept += !held || kept_same(one, &was);
        tally->turned += held && !picture_same(one, &was);

        if (random_number(3) == 0) {
            selkies_picture_clear_dirty(one);
            selkies_picture_clear_dirty(two);
        }
    }

    selkies_picture_finish(&was);
}


/*
 * A picture that keeps what it was goes on as one that never did, and what it
 * kept is what it was.
 */

static void
test_keeping(const selkies_convert_variant_t *variant)
{
    int                i;
    int32_t            w, h;
    tally_t            tally;
    source_t           s;
    selkies_picture_t  one, two;

    memset(&tally, 0, sizeof(tally));

    for (i = 0; i < 200; i++) {

        w = 2 + (int32_t) random_number(120);
        h = 2 + (int32_t) random_number(90);

        source_init(&s, w, h, random_number(3) ? random_number(70) : 0);

        w += (int32_t) random_number(4) * 8;

        picture_init(&one, w, h);
        picture_init(&two, w, h);
        selkies_picture_force_variant(&one, variant);
        selkies_picture_force_variant(&two, variant);

        run_steps(&s, &one, &two, &tally);

        selkies_picture_finish(&one);
        selkies_picture_finish(&two);
        source_finish(&s);
    }

    ok(tally.same == 200 * 12, "%s: %d of %d times as without keeping",
       selkies_convert_name(variant), tally.same, 200 * 12);
    ok(tally.kept == 200 * 12, "%s: %d of %d times what was kept is there",
       selkies_convert_name(variant), tally.kept, 200 * 12);
    ok(tally.turned > 500, "%s: which is another picture %d times",
       selkies_convert_name(variant), tally.turned);
}


/* Luma of a macroblock is where the vector points to in what was kept. */

static int
has_moved(const selkies_picture_t *pic, int32_t mx, int32_t my, int32_t vx,
    int32_t vy)
{
    int             same;
    int32_t         y;
    const uint8_t  *luma, *chroma;

    if (!selkies_picture_kept(pic, &luma, &chroma) || luma == pic->luma
        || mx * 16 + vx < 0 || mx * 16 + vx + 16 > pic->mb_width * 16
        || my * 16 + vy < 0 || my * 16 + vy + 16 > pic->mb_height * 16)
    {
        return -1;
    }

    same = 1;

    for (y = my * 16; y < my * 16 + 16; y++) {
        same &= memcmp(pic->luma + (ptrdiff_t) y
                                   * (ptrdiff_t) pic->luma_stride_bytes
                       + mx * 16,
                       luma + (ptrdiff_t) (y + vy)
                              * (ptrdiff_t) pic->luma_stride_bytes
                       + mx * 16 + vx, 16) == 0;
    }

    return same;
}


static void
source_scroll(source_t *to, source_t *from, int32_t vx, int32_t vy)
{
    int32_t  x, y, w, h;

    w = to->frame.width;
    h = to->frame.height;

    for (y = 0; y < h; y++) {
        for (x = 0; x < w; x++) {
            if (x + vx >= 0 && x + vx < w && y + vy >= 0 && y + vy < h) {
                memcpy(source_pixel(to, x, y),
                       source_pixel(from, x + vx, y + vy), 4);
            }
        }
    }
}


/* What the picture says about macroblocks; -1: of some it is wrong. */

static int
count_moved(const selkies_picture_t *pic, int32_t vx, int32_t vy, int *others)
{
    int             n, want;
    int32_t         mx, my;
    const uint8_t  *moved;

    moved = selkies_picture_moved(pic, (int16_t) vx, (int16_t) vy);
    n = 0;

    for (my = 0; moved != NULL && my < pic->mb_height; my++) {
        for (mx = 0; mx < pic->mb_width; mx++, moved++) {

            want = has_moved(pic, mx, my, vx, vy);

            if (*moved != SELKIES_PICTURE_UNKNOWN
                && want != (*moved == SELKIES_PICTURE_MOVED))
            {
                return -1;
            }

            n += *moved == SELKIES_PICTURE_MOVED;
            *others += *moved == SELKIES_PICTURE_OTHER;
        }
    }

    return n;
}


/*
 * Something scrolls, is drawn into, and is read in rectangles, some twice while
 * it is drawn: what is said of the vector that was expected is true.
 */

static void
test_expecting(void)
{
    int                i, k, n, right, moved, others;
    int32_t            w, h, vx, vy;
    source_t           s, old;
    selkies_rect_t     rects[3];
    selkies_picture_t  pic;

    right = moved = others = 0;

    for (i = 0; i < 400; i++) {

        w = 34 + (int32_t) random_number(120);
        h = 34 + (int32_t) random_number(120);
        vx = (int32_t) random_number(41) - 20;
        vy = (int32_t) random_number(41) - 20;

        source_init(&s, w, h, random_number(70));
        source_init(&old, w, h, random_number(70));
        selkies_picture_init(&pic, w, h);

        source_random(&old, rect(0, 0, w, h), 0);
        source_convert(&old, &pic, rect(0, 0, w, h));
        selkies_picture_keep(&pic);
        selkies_picture_expect(&pic, (int16_t) vx, (int16_t) vy);

        source_random(&s, rect(0, 0, w, h), 0);
        source_scroll(&s, &old, vx, vy);

        for (k = 0; k < 3; k++) {

            rects[0] = random_number(2) ? rect(0, 0, w, h) : random_rect(w, h);
            rects[1] = random_rect(w, h);
            rects[2] = rects[1];

            s.frame.rects = rects;
            s.frame.nrects = 1 + random_number(3);
            (void) selkies_convert(&pic, &s.frame);

            n = count_moved(&pic, vx, vy, &others);
            right += n >= 0;
            moved += n;

            source_random(&s, rect((int32_t) random_number((uint32_t) w - 4),
                                   (int32_t) random_number((uint32_t) h - 4),
                                   1 + (int32_t) random_number(4),
                                   1 + (int32_t) random_number(4)), 1);
        }

        selkies_picture_finish(&pic);
        source_finish(&s);
        source_finish(&old);
    }

    ok(right == 400 * 3, "%d of %d times true of what moved", right, 400 * 3);
    ok(moved > 2000, "%d macroblocks did", moved);
    ok(others > 200, "%d did not", others);
}


static void
test_states(void)
{
    const uint8_t      *luma, *chroma;
    selkies_picture_t   pic;

    memset(&pic, 0, sizeof(pic));
    selkies_picture_keep(&pic);
    ok(!selkies_picture_kept(&pic, &luma, &chroma),
       "a zeroed picture keeps nothing");

    selkies_picture_init(&pic, 64, 48);
    ok(!selkies_picture_kept(&pic, &luma, &chroma), "nothing was kept");

    selkies_picture_keep(&pic);
    ok(selkies_picture_kept(&pic, &luma, &chroma) && luma == pic.luma
       && chroma == pic.chroma, "what was kept is the picture");

    selkies_picture_write(&pic);
    memset(pic.luma, 99, pic.luma_stride_bytes * 48);
    ok(selkies_picture_kept(&pic, &luma, &chroma) && luma[0] == 16
       && chroma[0] == 128 && pic.chroma[0] == 128,
       "until it is written to");

    selkies_picture_keep(&pic);
    selkies_picture_write(&pic);
    memset(pic.luma, 98, pic.luma_stride_bytes * 48);
    ok(selkies_picture_kept(&pic, &luma, &chroma) && luma[0] == 99
       && pic.chroma[0] == 128, "the second takes the place of the first");

    selkies_picture_expect(&pic, 3, 4);
    ok(selkies_picture_moved(&pic, 3, 4) != NULL
       && selkies_picture_moved(&pic, 3, 5) == NULL
       && selkies_picture_moved(&pic, 0, 0) == NULL,
       "what is known is of the vector that was expected");

    selkies_picture_keep(&pic);
    ok(selkies_picture_moved(&pic, 3, 4) == NULL,
       "and of what was kept then");

    selkies_picture_finish(&pic);

    selkies_picture_init_full(&pic, 64, 48);
    selkies_picture_keep(&pic);
    ok(!selkies_picture_kept(&pic, &luma, &chroma), "not in 4:4:4");
    selkies_picture_finish(&pic);
}


#endif /* SELKIES_CONVERT_KEPT_H_INCLUDED */
