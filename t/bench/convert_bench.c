
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Prints what conversion and encoding cost, 1920x1080, medians:
 *
 *     convert <variant> <what> <microseconds> <MB/s of source>
 *     encode <encoder> <what> <milliseconds> <bytes>
 *
 * Thread: the main thread.  Ownership: the process.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../encoders/convert.h"
#include "../../encoders/encoder.h"


#define BENCH_WIDTH   1920
#define BENCH_HEIGHT  1080
#define BENCH_RUNS    101


static uint8_t   *bench_screens[2];
static uint32_t   bench_seed = 1;


static uint32_t
bench_random(void)
{
    bench_seed = bench_seed * 1664525 + 1013904223;

    return bench_seed >> 8;
}


static int
bench_compare(const void *one, const void *two)
{
    double  a, b;

    a = *(const double *) one;
    b = *(const double *) two;

    return (a > b) - (a < b);
}


static double
bench_median(double *v, size_t n)
{
    qsort(v, n, sizeof(double), bench_compare);

    return v[n / 2];
}


static double
bench_now_us(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (double) ts.tv_sec * 1e6 + (double) ts.tv_nsec / 1e3;
}


static void
bench_fill(uint8_t *screen, selkies_rect_t r, uint32_t color)
{
    int32_t  x, y;

    for (y = r.y; y < r.y + r.height; y++) {
        for (x = r.x; x < r.x + r.width; x++) {
            memcpy(screen + ((size_t) y * BENCH_WIDTH + x) * 4, &color, 4);
        }
    }
}


/* Lines of blocks the size of letters' strokes, dark on light. */

static void
bench_text(uint8_t *screen, selkies_rect_t r)
{
    int32_t  x, y, i;

    bench_fill(screen, r, 0x00f4f4f0);

    for (y = r.y + 4; y + 14 <= r.y + r.height; y += 18) {
        for (x = r.x + 4; x + 8 <= r.x + r.width; x += 9) {

            if (bench_random() % 6 == 0) {
                continue;
            }

            for (i = 0; i < 4; i++) {
                bench_fill(screen,
                           (selkies_rect_t) {
                               x + (int32_t) (bench_random() % 6),
                               y + (int32_t) (bench_random() % 11),
                               1 + (int32_t) (bench_random() % 2) * (i & 1) * 4,
                               1 + (int32_t) (bench_random() % 2) * 2 },
                           0x00202028 + (bench_random() & 0x1f));
            }
        }
    }
}


static void
bench_frame(selkies_frame_t *frame, const uint8_t *screen,
    const selkies_rect_t *rect)
{
    memset(frame, 0, sizeof(selkies_frame_t));

    frame->pixels = screen;
    frame->stride_bytes = BENCH_WIDTH * 4;
    frame->width = BENCH_WIDTH;
    frame->height = BENCH_HEIGHT;
    frame->rects = rect;
    frame->nrects = 1;
}


static void
bench_convert(const selkies_convert_variant_t *variant, const char *what,
    selkies_rect_t rect, int change)
{
    int                i;
    double             start, us, v[BENCH_RUNS];
    selkies_frame_t    frame;
    selkies_picture_t  pic;

    if (selkies_picture_init(&pic, BENCH_WIDTH, BENCH_HEIGHT) != SELKIES_OK
        || selkies_picture_force_variant(&pic, variant) != SELKIES_OK)
    {
        printf("convert %s not supported\n", selkies_convert_name(variant));
        selkies_picture_finish(&pic);
        return;
    }

    for (i = -2; i < BENCH_RUNS; i++) {
        bench_frame(&frame, bench_screens[change ? i & 1 : 0], &rect);

        start = bench_now_us();
        selkies_convert(&pic, &frame);
        us = bench_now_us() - start;

        if (i >= 0) {
            v[i] = us;
        }
    }

    us = bench_median(v, BENCH_RUNS);

    printf("convert %-6s %-22s %8.1f us %8.0f MB/s\n",
           selkies_convert_name(variant), what, us,
           (double) rect.width * rect.height * 4 / us);

    selkies_picture_finish(&pic);
}


typedef struct {
    const char      *what;
    selkies_rect_t   rect;      /* of screen 1 shown in every other picture */
    int              idr;
} bench_load_t;


static void
bench_encode(const selkies_encoder_ops_t *ops, const bench_load_t *load)
{
    int                     i;
    size_t                  len;
    double                  start, v[BENCH_RUNS];
    selkies_frame_t         frame;
    selkies_picture_t       pic;
    selkies_encoder_t      *enc;
    selkies_access_unit_t   au;
    selkies_encoder_conf_t  conf = {
        .width = BENCH_WIDTH, .height = BENCH_HEIGHT, .fps = 60, .qp = 25,
        .paintover_qp = 18
    };
    const selkies_rect_t    all = { 0, 0, BENCH_WIDTH, BENCH_HEIGHT };

    enc = selkies_encoder_open(ops->codec, ops->name, &conf, NULL);

    if (enc == NULL || selkies_picture_init(&pic, BENCH_WIDTH, BENCH_HEIGHT)
                       != SELKIES_OK)
    {
        printf("encode %s does not open\n", ops->name);
        selkies_encoder_close(enc);
        return;
    }

    bench_frame(&frame, bench_screens[0], &all);
    selkies_convert(&pic, &frame);
    len = 0;

    for (i = -2; i < BENCH_RUNS; i++) {

        if (load->rect.width > 0) {
            bench_frame(&frame, bench_screens[i & 1], &load->rect);
            selkies_convert(&pic, &frame);
        }

        start = bench_now_us();

        if (selkies_encoder_encode(enc, &pic, 25, load->idr, 0, &au)
            != SELKIES_OK)
        {
            printf("encode %s failed\n", ops->name);
            break;
        }

        if (i >= 0) {
            v[i] = bench_now_us() - start;
            len += au.len;
        }
    }

    if (i == BENCH_RUNS) {
        printf("encode %-6s %-22s %8.2f ms %8zu bytes\n", ops->name,
               load->what, bench_median(v, BENCH_RUNS) / 1e3,
               len / BENCH_RUNS);
    }

    selkies_encoder_close(enc);
    selkies_picture_finish(&pic);
}


int
main(void)
{
    size_t                               i;
    const selkies_rect_t                 all = { 0, 0, BENCH_WIDTH,
                                                 BENCH_HEIGHT };
    const selkies_rect_t                 small = { 603, 401, 200, 40 };
    const selkies_convert_variant_t     *variant;
    const selkies_encoder_ops_t *const  *ops;

    static const bench_load_t  loads[] = {
        { "static", { 0, 0, 0, 0 }, 0 },
        { "change 9x18", { 600, 400, 9, 18 }, 0 },
        { "change 200x40", { 603, 401, 200, 40 }, 0 },
        { "change 960x540", { 300, 200, 960, 540 }, 0 },
        { "change all", { 0, 0, BENCH_WIDTH, BENCH_HEIGHT }, 0 },
        { "IDR", { 0, 0, 0, 0 }, 1 },
        { NULL, { 0, 0, 0, 0 }, 0 }
    };

    for (i = 0; i < 2; i++) {
        bench_screens[i] = malloc((size_t) BENCH_WIDTH * BENCH_HEIGHT * 4);

        if (bench_screens[i] == NULL) {
            return 1;
        }

        bench_text(bench_screens[i], all);
    }

    for (variant = selkies_convert_variants();
         selkies_convert_name(variant) != NULL;
         variant = selkies_convert_next(variant))
    {
        bench_convert(variant, "all, changed", all, 1);
        bench_convert(variant, "all, false damage", all, 0);
        bench_convert(variant, "200x40, changed", small, 1);
        bench_convert(variant, "200x40, false damage", small, 0);
    }

    for (ops = selkies_encoder_table(); *ops; ops++) {
        for (i = 0; loads[i].what; i++) {
            bench_encode(*ops, &loads[i]);
        }
    }

    free(bench_screens[0]);
    free(bench_screens[1]);

    return 0;
}
