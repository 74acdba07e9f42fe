
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * 4:4:4: what x264 makes of it, before and after its headers were rewritten,
 * and what a decoder (ffmpeg, where it is installed) shows of thin coloured
 * strokes.
 *
 * Thread: the main thread.
 */


#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"
#include "../../encoders/encoder.h"


#ifdef SELKIES_HAVE_X264


#include "encoder_desk.h"
#include "encoder_ffmpeg.h"
#include "encoder_h264.h"
#include "../../encoders/lite.h"


#define WIDTH   470
#define HEIGHT  250


static void
desk_full(desk_t *d, int32_t width, int32_t height)
{
    desk_init(d, width, height);
    selkies_picture_finish(&d->pic);
    selkies_picture_init_full(&d->pic, width, height);
}


/* Red on blue and blue on red: strokes of one pixel, dots and stripes. */

static void
draw_text(desk_t *d)
{
    int32_t   x, y;

    desk_fill(d, 0, 0, WIDTH, HEIGHT, 0xf0f0f0);
    desk_fill(d, 0, 0, WIDTH, 100, 0x0000ff);
    desk_fill(d, 0, 100, WIDTH, 100, 0xff0000);

    for (y = 2; y < 196; y += 8) {
        for (x = 3; x < WIDTH - 10; x += 7) {
            desk_fill(d, x, y, random_number(2) ? 1 : 5,
                      random_number(2) ? 1 : 6, y < 98 ? 0xff0000 : 0x0000ff);
            desk_fill(d, x + (int32_t) random_number(5), y, 1, 6,
                      y < 98 ? 0xff0000 : 0x0000ff);
        }
    }

    for (x = 0; x < WIDTH; x += 2) {
        desk_fill(d, x, 200, 1, 20, 0xff0000);
        desk_fill(d, x + 1, 200, 1, 20, 0x0000ff);
    }
}


static int
clamp(double v)
{
    int  n;

    n = (int) floor(v * 255 + 0.5);

    return n < 0 ? 0 : n > 255 ? 255 : n;
}


/*
 * The largest distance of a decoded picture from the screen, and how many of
 * its pixels are within 4 of 255, in per cent.
 */

static int
distance(const desk_t *d, FILE *f, int *worst, double *near)
{
    int       k, e, most, rgb[3];
    size_t    i, n, good;
    double    luma, cb, cr, r, b;
    uint8_t  *yuv;

    n = (size_t) d->frame.width * (size_t) d->frame.height;
    yuv = malloc(n * 3);
    *worst = 0;
    good = 0;

    if (yuv == NULL || fread(yuv, n * 3, 1, f) != 1) {
        free(yuv);
        return 0;
    }

    for (i = 0; i < n; i++) {
        luma = (yuv[i] - 16) / 219.0;
        cb = (yuv[n + i] - 128) / 224.0;
        cr = (yuv[n * 2 + i] - 128) / 224.0;
        b = luma + 1.8556 * cb;
        r = luma + 1.5748 * cr;

        rgb[0] = clamp(b);
        rgb[1] = clamp((luma - 0.2126 * r - 0.0722 * b) / 0.7152);
        rgb[2] = clamp(r);

        for (most = 0, k = 0; k < 3; k++) {
            e = abs(rgb[k] - d->pixels[i * 4 + (size_t) k]);
            most = e > most ? e : most;
        }

        *worst = most > *worst ? most : *worst;
        good += most <= 4;
    }

    *near = (double) good / (double) n * 100;
    free(yuv);

    return 1;
}


/* A key, then a refinement; the limits are for the refined picture. */

static void
test_text(int qp, int threads, int rewritten, int most,
    double near_least)
{
    int                     i, worst, good;
    FILE                   *f;
    double                  near;
    desk_t                  d;
    stream_t                s;
    selkies_lite_t         *lite;
    selkies_encoder_t      *enc;
    selkies_access_unit_t   au;
    selkies_encoder_conf_t  conf;

    conf = conf_of(WIDTH, HEIGHT);
    conf.fullcolor = 1;
    conf.threads = threads;
    conf.paintover_qp = qp;
    enc = open_x264(&conf);
    lite = selkies_lite_open(16, NULL);
    desk_full(&d, WIDTH, HEIGHT);
    draw_text(&d);
    desk_convert(&d);
    memset(&s, 0, sizeof(s));

    f = temp_open("in.h264", "w");
    good = enc != NULL && lite != NULL && f != NULL;

    for (i = 0; good && i < 3; i++) {

        if (i == 1) {
            desk_fill(&d, 100, 230, 60, 9, 0x00a000);
            desk_fill(&d, 101, 231, 1, 7, 0xff00ff);
            desk_convert(&d);
        }

        good = selkies_encoder_encode(enc, &d.pic, i ? qp : 25, 0, 0, &au)
               == SELKIES_OK
               && au.recon.luma == NULL
               && au.kind == (i ? SELKIES_PICTURE_P : SELKIES_PICTURE_IDR);

        if (good && i == 0) {
            parse(&s, &au);
        }

        if (good && rewritten) {
            good = selkies_lite_anchor(lite, &au, &au) == SELKIES_OK
                   && selkies_lite_picture(lite, &d.pic, 0, &au)
                      == SELKIES_AGAIN;
        }

        good = good && fwrite(au.data, au.len, 1, f) == 1;
    }

    if (f != NULL) {
        fclose(f);
    }

    ok(good && s.profile == 244 && s.chroma_format == 3 && s.cabac == 0
       && s.width == WIDTH && s.height == HEIGHT && s.full_range == 0
       && s.matrix == 1 && s.num_refs == 1,
       "4:4:4, QP %d, %d threads%s: High 4:4:4 Predictive, CAVLC, BT.709 "
       "limited", qp, threads, rewritten ? ", rewritten" : "");

    if (have_ffmpeg) {
        good = good && decode("yuv444p");
        f = good ? temp_open("out.yuv", "r") : NULL;
        worst = 256;
        near = 0;

        for (i = 0; i < 3 && f != NULL; i++) {

            /* the first one lacks what was drawn later */

            good &= distance(&d, f, &worst, &near);
        }

        ok(good && worst <= most && near >= near_least, "a decoder shows red "
           "and blue strokes within %d of 255, %.2f %% within 4", worst, near);

        if (f != NULL) {
            fclose(f);
        }
    }

    selkies_lite_close(lite);
    selkies_encoder_close(enc);
    desk_finish(&d);
}


static void
test_kinds(void)
{
    desk_t                  d;
    selkies_encoder_t      *enc;
    selkies_access_unit_t   au;
    selkies_encoder_conf_t  conf, c;

    conf = conf_of(WIDTH, HEIGHT);
    enc = open_x264(&conf);
    desk_full(&d, WIDTH, HEIGHT);

    ok(selkies_encoder_encode(enc, &d.pic, 25, 0, 0, &au) == SELKIES_REINIT,
       "a 4:4:4 picture is refused in 4:2:0");

    c = conf;
    c.fullcolor = 1;
    ok(selkies_encoder_reconfigure(enc, &c) == SELKIES_REINIT,
       "the other colour needs another encoder");
    selkies_encoder_close(enc);

    enc = open_x264(&c);
    ok(selkies_encoder_encode(enc, &d.pic, 25, 0, 0, &au) == SELKIES_OK,
       "which takes it");
    selkies_picture_finish(&d.pic);
    selkies_picture_init(&d.pic, WIDTH, HEIGHT);
    ok(selkies_encoder_encode(enc, &d.pic, 25, 0, 0, &au) == SELKIES_REINIT,
       "and no 4:2:0");

    selkies_encoder_close(enc);
    desk_finish(&d);
}


int
main(void)
{
    char  command[128];

    if (mkdtemp(temp) == NULL) {
        printf("Bail out! no folder for temporary files\n");
        return 1;
    }

    have_ffmpeg = system("ffmpeg -version >/dev/null 2>&1") == 0;

    if (!have_ffmpeg) {
        printf("# no ffmpeg: streams are parsed but not decoded\n");
    }

    test_kinds();
    test_text(18, 1, 0, 24, 84);
    test_text(18, 4, 1, 24, 84);
    test_text(10, 2, 1, 10, 99);
    test_text(5, 2, 1, 5, 99.9);

    snprintf(command, sizeof(command), "rm -r %s", temp);

    if (system(command) != 0) {
        printf("# %s stays\n", temp);
    }

    return done_testing();
}


#else


int
main(void)
{
    return skip_all("built without libx264");
}


#endif
