
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * JPEG rows: what a decoder makes of them, which rows come, when they are
 * refined, what happens to those that are too large.
 *
 * Thread: the main thread.
 */


#include "tap.h"
#include "rows_desk.h"


#ifdef SELKIES_HAVE_JPEG


#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>


/* A client: its canvas, and what it has seen of each row. */

typedef struct {
    uint8_t   *pixels;                      /* B G R X */
    int32_t    width;
    int32_t    height;
    int        bad;
    int        subsamp;                     /* of the last packet */
} canvas_t;


static tjhandle  decoder;


static void
paint(void *data, const selkies_row_packet_t *p)
{
    int        w, h, subsamp, colours;
    canvas_t  *c;

    c = data;

    if (tjDecompressHeader3(decoder, p->data, p->len, &w, &h, &subsamp,
                            &colours) != 0
        || w != c->width || h != p->height || colours != TJCS_YCbCr
        || tjDecompress2(decoder, p->data, p->len,
                         c->pixels + (size_t) p->y * (size_t) c->width * 4, w,
                         c->width * 4, h, TJPF_BGRX, 0) != 0
        || subsamp != (p->paintover ? TJSAMP_444 : TJSAMP_420)
        || p->kind != SELKIES_PICTURE_IDR)
    {
        c->bad++;
    }

    c->subsamp = subsamp;
}


static double
rgb_psnr(const desk_t *d, const canvas_t *c)
{
    int      k;
    double   e, sum;
    int32_t  x, y;
    size_t   at, from;

    for (sum = 0, y = 0; y < c->height; y++) {
        for (x = 0; x < c->width; x++) {
            at = ((size_t) y * (size_t) c->width + (size_t) x) * 4;
            from = (size_t) y * d->frame.stride_bytes + (size_t) x * 4;

            for (k = 0; k < 3; k++) {
                e = d->pixels[from + (size_t) k] - (double) c->pixels[at
                                                               + (size_t) k];
                sum += e * e;
            }
        }
    }

    return sum == 0 ? 99 : 10 * log10(255.0 * 255.0 * 3 * c->width * c->height
                                      / sum);
}


static int
canvas_init(canvas_t *c, const desk_t *d)
{
    memset(c, 0, sizeof(canvas_t));

    c->width = d->pic.width;
    c->height = d->pic.height;
    c->pixels = calloc((size_t) c->width * (size_t) c->height, 4);

    return c->pixels != NULL;
}


/* The worst difference inside a flat patch, of any channel. */

static int
patch_error(const canvas_t *c, int32_t x, int32_t y, uint32_t color)
{
    int             k, e, worst;
    const uint8_t  *p;

    p = c->pixels + ((size_t) y * (size_t) c->width + (size_t) x) * 4;

    for (worst = 0, k = 0; k < 3; k++) {
        e = abs(p[k] - (int) (color >> (8 * k) & 255));
        worst = e > worst ? e : worst;
    }

    return worst;
}


static void
test_colours(void)
{
    int                  i, worst, e;
    desk_t               d;
    tick_t               t;
    canvas_t             c;
    selkies_rect_t       all;
    selkies_rows_t      *rows;
    selkies_rows_conf_t  conf;

    static const uint32_t  colours[] = {
        0x000000, 0xffffff, 0xff0000, 0x00ff00, 0x0000ff, 0xffff00, 0x00ffff,
        0xff00ff, 0x808080, 0x102030, 0xf0e0d0, 0x3a6ea5
    };

    conf = rows_conf(12 * 32, 64, 90, 90);
    desk_init(&d, conf.width, conf.height);
    canvas_init(&c, &d);
    rows = selkies_rows_open(SELKIES_CODEC_JPEG, &conf, NULL);

    for (i = 0; i < 12; i++) {
        desk_fill(&d, i * 32, 0, 32, 64, colours[i]);
    }

    all = rect_of(0, 0, conf.width, conf.height);
    t = tick(rows, &d, &all, 1, 0, paint, &c);

    for (worst = 0, i = 0; i < 12; i++) {
        e = patch_error(&c, i * 32 + 16, 32, colours[i]);
        worst = e > worst ? e : worst;
    }

    ok(t.n == 1 && !c.bad && worst <= 3, "flat colours are right (JFIF's "
       "BT.601): %d off at most", worst);

    selkies_rows_close(rows);
    free(c.pixels);
    desk_finish(&d);
}


static void
test_size(int32_t width, int32_t height)
{
    int                  nrows;
    desk_t               d;
    tick_t               t, u;
    double               rough, fine;
    canvas_t             c;
    selkies_rect_t       all;
    selkies_rows_t      *rows;
    selkies_rows_conf_t  conf;

    conf = rows_conf(width, height, 60, 95);
    rows = selkies_rows_open(SELKIES_CODEC_JPEG, &conf, NULL);

    if (!ok(rows != NULL && desk_init(&d, width, height)
            && canvas_init(&c, &d), "%dx%d opens", (int) width, (int) height))
    {
        return;
    }

    nrows = (height + 63) / 64;
    desk_draw(&d);
    all = rect_of(0, 0, width, height);

    t = tick(rows, &d, &all, 1000, 0, paint, &c);
    rough = rgb_psnr(&d, &c);
    u = tick(rows, &d, NULL, 1000 + SELKIES_ROWS_PAINTOVER_US, 0, paint, &c);
    fine = rgb_psnr(&d, &c);

    /* four pixels of four colours have but one chroma sample */

    ok(!t.failed && t.n == nrows && rows->complete && !c.bad
       && rough > (width > 2 ? 22 : 10),
       "  %d rows, PSNR %.1f dB", t.n, rough);
    ok(!u.failed && u.n == nrows && u.fine == nrows
       && fine > (rough > 34 ? 34 : rough), "  refined: PSNR %.1f dB", fine);

    selkies_rows_close(rows);
    free(c.pixels);
    desk_finish(&d);
}


/* Only what was touched comes, and it is refined once, when it has rested. */

static void
test_rows(void)
{
    desk_t               d;
    tick_t               t;
    uint64_t             now;
    selkies_rect_t       r;
    selkies_rows_t      *rows;
    selkies_rows_conf_t  conf;

    conf = rows_conf(320, 64 * 5 + 10, 40, 90);
    desk_init(&d, conf.width, conf.height);
    rows = selkies_rows_open(SELKIES_CODEC_JPEG, &conf, NULL);
    now = 1000000;

    ok(selkies_rows_deadline_us(rows) == 0, "new rows want to be sent");

    r = rect_of(0, 0, conf.width, conf.height);
    t = tick(rows, &d, &r, now, 0, NULL, NULL);
    ok(t.n == 6 && t.fine == 0, "a black screen is sent once");
    ok(selkies_rows_deadline_us(rows) == now + 250000, "the deadline is the "
       "end of the rest");

    t = tick(rows, &d, NULL, now + 249999, 0, NULL, NULL);
    ok(t.n == 0, "not a microsecond early");

    desk_fill(&d, 3, 130, 20, 70, 0xff8800);
    r = rect_of(3, 130, 20, 70);
    now += 200000;
    t = tick(rows, &d, &r, now, 0, NULL, NULL);
    ok(t.n == 2 && t.mask == 0x0c && !rows->complete, "damage over two rows "
       "sends these");

    now += 50000;
    t = tick(rows, &d, NULL, now, 0, NULL, NULL);
    ok(t.n == 4 && t.fine == 4 && t.mask == 0x33, "the others have rested");
    ok(selkies_rows_deadline_us(rows) == now + 200000, "these are next");

    now += 200000;
    t = tick(rows, &d, NULL, now, 0, NULL, NULL);
    ok(t.n == 2 && t.fine == 2 && t.mask == 0x0c, "and are refined");
    ok(selkies_rows_deadline_us(rows) == SELKIES_ROWS_NEVER, "once");

    t = tick(rows, &d, NULL, now + 10000000, 0, NULL, NULL);
    ok(t.n == 0, "then nothing");

    t = tick(rows, &d, NULL, now, 1, NULL, NULL);
    ok(t.n == 6 && t.fine == 0 && rows->complete, "all on request");

    /* a rest is counted from the last change, not from the last refusal */

    conf.paintover = 0;
    ok(selkies_rows_configure(rows, &conf) == SELKIES_OK
       && selkies_rows_deadline_us(rows) == SELKIES_ROWS_NEVER,
       "no refinement where it is off");

    conf.paintover = 1;
    conf.paintover_quality = 30;
    selkies_rows_configure(rows, &conf);
    ok(selkies_rows_deadline_us(rows) == SELKIES_ROWS_NEVER,
       "nor where it would be worse");

    conf.width = 322;
    ok(selkies_rows_configure(rows, &conf) == SELKIES_REINIT,
       "another size is another encoder");

    selkies_rows_close(rows);
    desk_finish(&d);
}


/* Pixels are read in place: what was drawn meanwhile must not stay. */

static void
test_torn(void)
{
    desk_t               d;
    tick_t               t;
    canvas_t             c;
    selkies_rect_t       r;
    selkies_rows_t      *rows;
    selkies_rows_conf_t  conf;
    selkies_row_packet_t p;

    conf = rows_conf(128, 192, 90, 95);
    desk_init(&d, conf.width, conf.height);
    canvas_init(&c, &d);
    rows = selkies_rows_open(SELKIES_CODEC_JPEG, &conf, NULL);

    r = rect_of(0, 0, 128, 192);
    desk_fill(&d, 0, 0, 128, 192, 0x204060);
    desk_convert(&d);
    selkies_rows_plan(rows, &d.pic, &r, 1, 1000, 0);
    selkies_picture_clear_dirty(&d.pic);

    /* the middle row blinks just while it is encoded */

    desk_fill(&d, 0, 64, 128, 64, 0xffffff);

    while (selkies_rows_next(rows, &d.pic, &d.frame, &p) == SELKIES_OK) {
        paint(&c, &p);
    }

    desk_fill(&d, 0, 64, 128, 64, 0x204060);
    ok(patch_error(&c, 64, 96, 0xffffff) <= 3, "a row is read while it is "
       "drawn to");

    r = rect_of(0, 64, 128, 64);
    t = tick(rows, &d, &r, 2000, 0, paint, &c);
    ok(t.mask == 0x02 && patch_error(&c, 64, 96, 0x204060) <= 3,
       "the damage of that brings it again, though the planes are equal");

    t = tick(rows, &d, &r, 3000, 0, paint, &c);
    ok(t.n == 0, "false damage that goes on does not");

    t = tick(rows, &d, NULL, 300000, 0, paint, &c);
    ok(t.n == 3 && t.fine == 3, "all are refined in time");

    t = tick(rows, &d, &r, 310000, 0, paint, &c);
    ok(t.mask == 0x02 && t.fine == 1, "a refined row comes again as one");

    selkies_rows_close(rows);
    free(c.pixels);
    desk_finish(&d);
}


static void
test_lost(void)
{
    desk_t                d;
    tick_t                t;
    selkies_rect_t        r;
    selkies_rows_t       *rows;
    selkies_rows_conf_t   conf;
    selkies_row_packet_t  p;

    conf = rows_conf(256, 128, 80, 95);
    desk_init(&d, conf.width, conf.height);
    rows = selkies_rows_open(SELKIES_CODEC_JPEG, &conf, NULL);
    r = rect_of(0, 0, 256, 128);

    desk_draw(&d);
    t = tick(rows, &d, &r, 1000, 0, NULL, NULL);
    memset(&p, 0, sizeof(p));
    p.y = 64;
    selkies_rows_lost(rows, &p);
    ok(t.n == 2 && selkies_rows_deadline_us(rows) == 0,
       "a row that was too large wants to be sent");

    selkies_rows_plan(rows, &d.pic, NULL, 0, 2000, 0);
    ok(selkies_rows_next(rows, &d.pic, &d.frame, &p) == SELKIES_OK
       && p.y == 64 && p.quality == 1, "in the lowest quality");
    selkies_rows_lost(rows, &p);
    ok(selkies_rows_deadline_us(rows) == 251000, "too large even so: given up");

    t = tick(rows, &d, NULL, 251000, 0, NULL, NULL);
    ok(t.mask == 0x01 && selkies_rows_deadline_us(rows)
       == SELKIES_ROWS_NEVER, "and not refined");

    desk_fill(&d, 0, 70, 10, 10, 0x123456);
    t = tick(rows, &d, &r, 300000, 0, NULL, NULL);
    ok((t.mask & 2) && selkies_rows_deadline_us(rows) == 550000,
       "a change is a new chance");

    t = tick(rows, &d, NULL, 550000, 0, NULL, NULL);
    memset(&p, 0, sizeof(p));
    p.y = 64;
    p.paintover = 1;
    selkies_rows_lost(rows, &p);
    ok(t.fine >= 1 && selkies_rows_deadline_us(rows) == SELKIES_ROWS_NEVER,
       "a refinement that was too large is done without");

    selkies_rows_close(rows);
    desk_finish(&d);
}


/* Whatever is drawn, a client that paints what comes has the screen. */

static void
test_random(void)
{
    int                  i, failed;
    desk_t               d;
    tick_t               t;
    double               p;
    canvas_t             c;
    uint64_t             now;
    selkies_rect_t       r;
    selkies_rows_t      *rows;
    selkies_rows_conf_t  conf;

    conf = rows_conf(478, 350, 40, 95);
    desk_init(&d, conf.width, conf.height);
    canvas_init(&c, &d);
    rows = selkies_rows_open(SELKIES_CODEC_JPEG, &conf, NULL);
    r = rect_of(0, 0, conf.width, conf.height);
    desk_draw(&d);
    now = 1000;
    failed = 0;
    t = tick(rows, &d, &r, now, 0, paint, &c);

    for (i = 0; i < 300; i++) {
        r = rect_of((int32_t) random_number(478), (int32_t) random_number(350),
                    1 + (int32_t) random_number(120),
                    1 + (int32_t) random_number(120));

        if (r.x + r.width > 478) {
            r.width = 478 - r.x;
        }

        if (r.y + r.height > 350) {
            r.height = 350 - r.y;
        }

        desk_fill(&d, r.x, r.y, r.width, r.height, random_number(1 << 24));
        now += random_number(300000);
        t = tick(rows, &d, random_number(5) ? &r : &d.all, now,
                 random_number(50) == 0, paint, &c);
        failed |= t.failed;
    }

    now += 1000000;
    t = tick(rows, &d, &d.all, now, 0, paint, &c);
    t = tick(rows, &d, &d.all, now + 1000000, 0, paint, &c);
    p = rgb_psnr(&d, &c);
    ok(!failed && !c.bad && p > 32 && selkies_rows_deadline_us(rows)
       == SELKIES_ROWS_NEVER, "300 random changes: PSNR %.1f dB at the end",
       p);

    selkies_rows_close(rows);
    free(c.pixels);
    desk_finish(&d);
}


static void
test_refused(void)
{
    size_t                i;
    desk_t                d;
    selkies_rows_t       *rows;
    selkies_rows_conf_t   conf;
    selkies_row_packet_t  p;

    static const int32_t  sizes[][2] = {
        { 0, 0 }, { 3, 2 }, { 2, 3 }, { -2, 64 }, { 8194, 64 }, { 64, 4322 },
        { INT32_MAX - 1, INT32_MAX - 1 }
    };

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        conf = rows_conf(sizes[i][0], sizes[i][1], 40, 90);
        rows = selkies_rows_open(SELKIES_CODEC_JPEG, &conf, NULL);
        ok(rows == NULL, "%dx%d is refused", (int) sizes[i][0],
           (int) sizes[i][1]);
        selkies_rows_close(rows);
    }

    conf = rows_conf(64, 64, -5, 1000);
    rows = selkies_rows_open(SELKIES_CODEC_JPEG, &conf, NULL);
    ok(rows != NULL && rows->conf.quality == 1
       && rows->conf.paintover_quality == 100, "qualities are clamped");

    desk_init(&d, 64, 64);
    selkies_rows_plan(rows, &d.pic, NULL, 0, 1, 0);
    ok(selkies_rows_next(rows, &d.pic, NULL, &p) == SELKIES_REINIT,
       "no frame, no row");

    d.frame.height = 62;
    ok(selkies_rows_next(rows, &d.pic, &d.frame, &p) == SELKIES_REINIT,
       "nor of a frame that is too small");
    desk_finish(&d);

    desk_init(&d, 66, 64);
    ok(selkies_rows_next(rows, &d.pic, &d.frame, &p) == SELKIES_REINIT,
       "nor of another size");
    desk_finish(&d);
    selkies_rows_close(rows);
}


int
main(void)
{
    size_t  i;

    static const int32_t  sizes[][2] = {
        { 2, 2 }, { 2, 66 }, { 64, 64 }, { 65 * 2, 62 }, { 318, 178 },
        { 640, 480 }, { 1366, 768 }
    };

    decoder = tjInitDecompress();

    test_colours();

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        test_size(sizes[i][0], sizes[i][1]);
    }

    test_rows();
    test_torn();
    test_lost();
    test_random();
    test_refused();

    tjDestroy(decoder);

    return done_testing();
}


#else


int
main(void)
{
    return skip_all("built without libjpeg-turbo");
}


#endif
