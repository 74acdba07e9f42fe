
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Prints what typing at 1920x1080 costs, one glyph of 9x18 pixels at a time,
 * with lite pictures of at most so many macroblocks between libx264's:
 *
 *     lite <QP of lite> <macroblocks> <QP of anchors>
 *          <kbit/s at 10 glyphs a second> <bytes a lite picture>
 *          <bytes an anchor> <us a lite picture> <us an anchor>
 *          <anchors in 100 glyphs> <luma PSNR of what changed, dB>
 *
 * QP 0 is I_PCM; no macroblocks means libx264 alone.  Then, for one glyph on
 * top of an anchor, medians:
 *
 *     lite-one <QP of lite> <bytes> <us>
 *
 * Thread: the main thread.  Ownership: the process.
 */


#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x264.h>

#include "../../encoders/convert.h"
#include "../../encoders/lite.h"


#define BENCH_WIDTH    1920
#define BENCH_HEIGHT   1080
#define BENCH_GLYPHS   300
#define BENCH_SINGLE   101         /* glyphs one by one */
#define BENCH_CELL_W   9
#define BENCH_CELL_H   18
#define BENCH_LEFT     480          /* of the window that is typed into */
#define BENCH_TOP      270
#define BENCH_COLUMNS  100


typedef struct {
    selkies_picture_t       pic;
    selkies_lite_t         *lite;
    x264_t                 *x264;
    selkies_planes_t   recon;
    uint8_t                *pixels;

    size_t                  lite_bytes;
    size_t                  anchor_bytes;
    size_t                  nlites;
    size_t                  nanchors;
    uint64_t                lite_us;
    uint64_t                anchor_us;
    double                  error;
    double                  samples;
} bench_t;


static uint32_t  bench_seed = 1;


static uint32_t
bench_random(uint32_t limit)
{
    bench_seed = bench_seed * 1664525 + 1013904223;

    return (bench_seed >> 8) % limit;
}


static void
bench_pixel(bench_t *b, int x, int y, uint32_t shade)
{
    uint8_t  *p;

    p = b->pixels + ((size_t) y * BENCH_WIDTH + (size_t) x) * 4;

    p[0] = (uint8_t) shade;
    p[1] = (uint8_t) shade;
    p[2] = (uint8_t) shade;
}


/* Three strokes with soft edges, which is what text looks like. */

static void
bench_glyph(bench_t *b, int x, int y)
{
    int       stroke, i, dx, dy, px, py;
    uint32_t  soft;

    for (stroke = 0; stroke < 3; stroke++) {

        px = 1 + (int) bench_random(6);
        py = 4 + (int) bench_random(10);
        dx = (int) bench_random(3) - 1;
        dy = dx ? (int) bench_random(2) : 1;
        soft = 60 + bench_random(150);

        for (i = 0; i < 8; i++) {

            if (px >= 1 && px < BENCH_CELL_W - 1 && py >= 3 && py < 16) {
                bench_pixel(b, x + px, y + py, 20);
                bench_pixel(b, x + px + (dy != 0), y + py + (dy == 0), soft);
            }

            px += dx;
            py += dy;
        }
    }
}


static void
bench_convert(bench_t *b, int x, int y, int w, int h)
{
    selkies_rect_t   rect;
    selkies_frame_t  frame;

    rect.x = x;
    rect.y = y;
    rect.width = w;
    rect.height = h;

    memset(&frame, 0, sizeof(frame));
    frame.pixels = b->pixels;
    frame.stride_bytes = BENCH_WIDTH * 4;
    frame.width = BENCH_WIDTH;
    frame.height = BENCH_HEIGHT;
    frame.rects = &rect;
    frame.nrects = 1;

    (void) selkies_convert(&b->pic, &frame);
}


static void
bench_draw_desk(bench_t *b)
{
    int  x, y;

    for (y = 0; y < BENCH_HEIGHT; y++) {
        for (x = 0; x < BENCH_WIDTH; x++) {
            bench_pixel(b, x, y, 235);
        }
    }

    /* text above and below */

    for (y = 0; y < BENCH_HEIGHT - BENCH_CELL_H; y += BENCH_CELL_H) {

        if (y >= BENCH_TOP && y < BENCH_TOP + 5 * BENCH_CELL_H) {
            continue;
        }

        for (x = 0; x < BENCH_WIDTH - BENCH_CELL_W; x += BENCH_CELL_W) {
            if (bench_random(6)) {
                bench_glyph(b, x, y);
            }
        }
    }

    bench_convert(b, 0, 0, BENCH_WIDTH, BENCH_HEIGHT);
}


static int
bench_open(bench_t *b, int lite_qp)
{
    x264_param_t  p;

    memset(b, 0, sizeof(bench_t));
    bench_seed = 1;

    b->pixels = calloc(BENCH_WIDTH * BENCH_HEIGHT, 4);
    b->lite = selkies_lite_open(lite_qp, NULL);

    x264_param_default_preset(&p, "ultrafast", "zerolatency");
    p.i_log_level = X264_LOG_NONE;
    p.i_width = BENCH_WIDTH;
    p.i_height = BENCH_HEIGHT;
    p.i_csp = X264_CSP_NV12;
    p.i_fps_num = 60;
    p.i_fps_den = 1;
    p.i_threads = 1;
    p.b_sliced_threads = 1;
    p.i_keyint_max = X264_KEYINT_MAX_INFINITE;
    p.i_scenecut_threshold = 0;
    p.b_repeat_headers = 1;
    p.rc.i_rc_method = X264_RC_CQP;
    p.rc.i_qp_constant = 28;
    p.rc.f_ip_factor = 10;
    p.rc.f_pb_factor = 10;
    p.analyse.i_me_method = X264_ME_UMH;
    p.analyse.i_me_range = 64;
    p.analyse.intra |= X264_ANALYSE_I4x4;
    x264_param_apply_profile(&p, "baseline");
    b->x264 = x264_encoder_open(&p);

    return b->pixels != NULL && b->lite != NULL && b->x264 != NULL
           && selkies_picture_init(&b->pic, BENCH_WIDTH, BENCH_HEIGHT)
              == SELKIES_OK;
}


static void
bench_close(bench_t *b)
{
    x264_encoder_close(b->x264);
    selkies_lite_close(b->lite);
    selkies_picture_finish(&b->pic);
    free(b->pixels);
}


static void
bench_anchor(bench_t *b, int qp, int count)
{
    int                    n, size;
    uint64_t               start;
    x264_nal_t            *nals;
    x264_picture_t         in, out;
    selkies_access_unit_t  au;

    start = selkies_clock_us();

    x264_picture_init(&in);
    in.i_qpplus1 = qp + 1;
    in.img.i_csp = X264_CSP_NV12;
    in.img.i_plane = 2;
    in.img.plane[0] = b->pic.luma;
    in.img.plane[1] = b->pic.chroma;
    in.img.i_stride[0] = (int) b->pic.luma_stride_bytes;
    in.img.i_stride[1] = (int) b->pic.chroma_stride_bytes;

    size = x264_encoder_encode(b->x264, &nals, &n, &in, &out);

    if (size <= 0) {
        exit(1);
    }

    memset(&au, 0, sizeof(au));
    au.data = nals[0].p_payload;
    au.len = (size_t) size;
    au.recon.luma = out.img.plane[0];
    au.recon.chroma = out.img.plane[1];
    au.recon.luma_stride_bytes = (size_t) out.img.i_stride[0];
    au.recon.chroma_stride_bytes = (size_t) out.img.i_stride[1];

    b->recon = au.recon;

    if (selkies_lite_anchor(b->lite, &au, &au) != SELKIES_OK) {
        exit(1);
    }

    if (count) {
        b->anchor_us += selkies_clock_us() - start;
        b->anchor_bytes += au.len;
        b->nanchors++;
    }
}


/* Of the macroblocks that the last glyph touched. */

static void
bench_measure(bench_t *b, uint8_t *luma, uint8_t *chroma)
{
    int     d;
    size_t  mb, x, y, i, k, w;

    w = (size_t) b->pic.mb_width * 16;

    for (y = 0; y < (size_t) b->pic.mb_height * 16; y++) {
        memcpy(luma + y * w, b->recon.luma + y * b->recon.luma_stride_bytes,
               w);
    }

    selkies_lite_reconstruct(b->lite, luma, w, chroma, w);

    for (mb = 0; mb < w / 16 * (size_t) b->pic.mb_height; mb++) {

        if (!b->pic.dirty[mb]) {
            continue;
        }

        for (i = 0; i < 16; i++) {
            for (k = 0; k < 16; k++) {
                x = mb % (w / 16) * 16 + k;
                y = mb / (w / 16) * 16 + i;
                d = luma[y * w + x]
                    - b->pic.luma[y * b->pic.luma_stride_bytes + x];
                b->error += d * d;
                b->samples++;
            }
        }
    }
}


static void
bench_run(int lite_qp, size_t limit, int anchor_qp)
{
    int                    i, x, y;
    size_t                 n;
    bench_t                b;
    uint8_t               *luma;
    uint64_t               start;
    selkies_access_unit_t  au;

    if (!bench_open(&b, lite_qp)) {
        exit(1);
    }

    luma = malloc((size_t) b.pic.mb_width * (size_t) b.pic.mb_height * 384);

    if (luma == NULL) {
        exit(1);
    }

    bench_draw_desk(&b);
    bench_anchor(&b, 25, 0);
    bench_anchor(&b, 18, 0);
    selkies_picture_clear_dirty(&b.pic);

    for (i = 0; i < BENCH_GLYPHS; i++) {

        x = BENCH_LEFT + i % BENCH_COLUMNS * BENCH_CELL_W;
        y = BENCH_TOP + i / BENCH_COLUMNS * BENCH_CELL_H;

        bench_glyph(&b, x, y);
        bench_convert(&b, x, y, BENCH_CELL_W, BENCH_CELL_H);

        start = selkies_clock_us();
        n = selkies_lite_pending(b.lite, &b.pic);

        if (n <= limit
            && selkies_lite_picture(b.lite, &b.pic, 0, &au) == SELKIES_OK)
        {
            b.lite_us += selkies_clock_us() - start;
            b.lite_bytes += au.len;
            b.nlites++;

        } else {
            bench_anchor(&b, anchor_qp, 1);
        }

        bench_measure(&b, luma,
                      luma + (size_t) b.pic.mb_width
                             * (size_t) b.pic.mb_height * 256);
        selkies_picture_clear_dirty(&b.pic);
    }

    printf("lite %2d %3zu %2d %7.1f %6zu %6zu %7.1f %7.1f %5.1f %5.1f\n",
           lite_qp, limit, anchor_qp,
           (double) (b.lite_bytes + b.anchor_bytes) * 8 / BENCH_GLYPHS / 100,
           b.nlites ? b.lite_bytes / b.nlites : 0,
           b.nanchors ? b.anchor_bytes / b.nanchors : 0,
           b.nlites ? (double) b.lite_us / (double) b.nlites : 0,
           b.nanchors ? (double) b.anchor_us / (double) b.nanchors : 0,
           (double) b.nanchors * 100 / BENCH_GLYPHS,
           10 * log10(255 * 255 * b.samples / (b.error + 1e-9)));

    bench_close(&b);
    free(luma);
}


static int
bench_compare(const void *one, const void *two)
{
    uint64_t  a, b;

    a = *(const uint64_t *) one;
    b = *(const uint64_t *) two;

    return (a > b) - (a < b);
}


static void
bench_one(int lite_qp)
{
    int                    i, x, y;
    bench_t                b;
    uint64_t               us[BENCH_SINGLE], bytes[BENCH_SINGLE], start;
    selkies_access_unit_t  au;

    if (!bench_open(&b, lite_qp)) {
        exit(1);
    }

    bench_draw_desk(&b);
    bench_anchor(&b, 25, 0);

    for (i = 0; i < BENCH_SINGLE; i++) {

        bench_anchor(&b, 18, 0);
        selkies_picture_clear_dirty(&b.pic);

        x = BENCH_LEFT + i % BENCH_COLUMNS * BENCH_CELL_W;
        y = BENCH_TOP + i / BENCH_COLUMNS * BENCH_CELL_H;

        bench_glyph(&b, x, y);
        bench_convert(&b, x, y, BENCH_CELL_W, BENCH_CELL_H);

        start = selkies_clock_us();

        if (selkies_lite_picture(b.lite, &b.pic, 0, &au) != SELKIES_OK) {
            exit(1);
        }

        us[i] = selkies_clock_us() - start;
        bytes[i] = au.len;
    }

    qsort(us, BENCH_SINGLE, sizeof(uint64_t), bench_compare);
    qsort(bytes, BENCH_SINGLE, sizeof(uint64_t), bench_compare);

    printf("lite-one %2d %5llu %5llu\n", lite_qp,
           (unsigned long long) bytes[BENCH_SINGLE / 2],
           (unsigned long long) us[BENCH_SINGLE / 2]);

    bench_close(&b);
}


int
main(void)
{
    size_t                 i;
    static const uint16_t  runs[][3] = {
        { 0, 0, 25 }, { 0, 0, 18 }, { 0, 24, 18 },
        { 10, 24, 18 }, { 12, 24, 18 }, { 14, 24, 18 }, { 16, 24, 18 },
        { 18, 24, 18 }, { 14, 24, 25 },
        { 14, 4, 18 }, { 14, 8, 18 }, { 14, 12, 18 }, { 14, 16, 18 },
        { 14, 48, 18 }, { 16, 10, 18 }, { 16, 12, 18 }
    };

    for (i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        bench_run(runs[i][0], runs[i][1], runs[i][2]);
    }

    bench_one(0);
    bench_one(14);
    bench_one(16);

    return 0;
}
