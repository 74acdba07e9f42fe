
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

    selkies_picture_finish(&pic);

    selkies_picture_init_full(&pic, 64, 48);
    selkies_picture_keep(&pic);
    ok(!selkies_picture_kept(&pic, &luma, &chroma), "not in 4:4:4");
    selkies_picture_finish(&pic);
}


#endif /* SELKIES_CONVERT_KEPT_H_INCLUDED */
