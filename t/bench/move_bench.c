
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Prints what moves cost at 1920x1080: a terminal of 1280x960 that scrolls a
 * line a picture, with soft letters and with hard ones, as "scroll" of `make
 * bench` has, a window of 800x600 that is dragged over a plain desktop and over
 * text.  Once by the chain, once by libx264 alone with the same pictures:
 *
 *     move <load> <chain or x264> <pictures of the chain>
 *          <bytes a picture> <us to convert> <us to code> <macroblocks moved>
 *          <coded> <luma PSNR of the last picture, dB>
 *
 *     move_bench [LOAD] [chain or x264]
 *
 * Bytes and times are means after the first anchors; times are of the CPU.
 *
 * Thread: the main thread.  Ownership: the process.
 */


#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../encoders/convert.h"
#include "../../encoders/encoder.h"
#include "../../encoders/lite.h"


#define BENCH_WIDTH     1920
#define BENCH_HEIGHT    1080
#define BENCH_PICTURES  200
#define BENCH_CELL_W    9
#define BENCH_CELL_H    18
#define BENCH_FONT      64

#define BENCH_QP        25
#define BENCH_LIMIT     1200        /* macroblocks coded in a picture */


typedef struct {
    const char          *name;
    void               (*draw)(int picture);
    int                  text;      /* behind it */
} bench_load_t;


typedef struct {
    selkies_picture_t    pic;
    selkies_lite_t      *lite;
    selkies_encoder_t   *enc;
    selkies_planes_t     recon;

    size_t               bytes;
    size_t               nchain;
    size_t               moved;
    size_t               coded;
    uint64_t             convert_us;
    uint64_t             code_us;
} bench_t;


static uint32_t         seed;
static uint32_t         screen[BENCH_HEIGHT][BENCH_WIDTH];
static uint32_t         desk[BENCH_HEIGHT][BENCH_WIDTH];
static uint32_t         window[600][800];
static uint32_t         font[BENCH_FONT][BENCH_CELL_H][BENCH_CELL_W];
static selkies_rect_t   rects[2];
static size_t           nrects;


static uint32_t
bench_random(uint32_t limit)
{
    seed = seed * 1664525 + 1013904223;

    return (seed >> 8) % limit;
}


/* Of this thread: other load on the machine does not count. */

static uint64_t
bench_cpu_us(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);

    return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}


/* Strokes with soft edges, which is what text looks like. */

static void
bench_make_font(void)
{
    int       i, k, n, x, y, dx, dy;
    uint32_t  soft;

    for (i = 0; i < BENCH_FONT; i++) {

        memset(font[i], 0xee, sizeof(font[i]));

        for (n = 0; n < 3; n++) {

            x = 1 + (int) bench_random(6);
            y = 4 + (int) bench_random(10);
            dx = (int) bench_random(3) - 1;
            dy = dx ? (int) bench_random(2) : 1;
            soft = (60 + bench_random(150)) * 0x010101;

            for (k = 0; k < 8; k++) {

                if (x >= 1 && x < BENCH_CELL_W - 2 && y >= 3 && y < 16) {
                    font[i][y][x] = 0x141414;
                    font[i][y + (dy == 0)][x + (dy != 0)] = soft;
                }

                x += dx;
                y += dy;
            }
        }
    }
}


static void
bench_line(uint32_t *to, size_t stride, int length)
{
    int  i, y, word;

    word = 0;

    for (i = 0; i < length; i++) {

        if (word == 0) {
            word = 1 + (int) bench_random(9);
            continue;
        }

        word--;

        /* some letters are more frequent than others */

        y = (int) (bench_random(BENCH_FONT) * bench_random(BENCH_FONT)
                   / BENCH_FONT);

        for (size_t row = 0; row < BENCH_CELL_H; row++) {
            memcpy(to + row * stride + i * BENCH_CELL_W, font[y][row],
                   sizeof(font[y][row]));
        }
    }
}


static void
bench_fill(uint32_t *to, size_t stride, int w, int h, uint32_t colour)
{
    int  x, y;

    for (y = 0; y < h; y++) {
        for (x = 0; x < w; x++) {
            to[(size_t) y * stride + (size_t) x] = colour;
        }
    }
}


static void
bench_start(int text)
{
    int  y;

    seed = 1;
    bench_make_font();
    bench_fill(desk[0], BENCH_WIDTH, BENCH_WIDTH, BENCH_HEIGHT, 0x305070);

    if (text) {
        bench_fill(desk[0], BENCH_WIDTH, BENCH_WIDTH, BENCH_HEIGHT, 0xeeeeee);

        for (y = 0; y + BENCH_CELL_H < BENCH_HEIGHT; y += BENCH_CELL_H) {
            bench_line(desk[y], BENCH_WIDTH, 150 + (int) bench_random(60));
        }
    }

    memcpy(screen, desk, sizeof(screen));

    bench_fill(window[0], 800, 800, 600, 0x202020);
    bench_fill(window[1] + 1, 800, 798, 22, 0x4060c0);
    bench_fill(window[24] + 1, 800, 798, 575, 0xeeeeee);

    for (y = 30; y + BENCH_CELL_H < 596; y += BENCH_CELL_H) {
        bench_line(window[y] + 5, 800, 40 + (int) bench_random(45));
    }
}


/* A terminal with a frame, its corner not at a macroblock's. */

static void
bench_scroll(int picture)
{
    int  y;

    if (picture == 0) {
        bench_fill(screen[47] + 318, BENCH_WIDTH, 1284, 986, 0x404040);
        bench_fill(screen[71] + 320, BENCH_WIDTH, 1280, 960, 0xeeeeee);
    }

    for (y = 71; y < 71 + 960 - BENCH_CELL_H; y++) {
        memcpy(screen[y] + 320, screen[y + BENCH_CELL_H] + 320, 1280 * 4);
    }

    bench_fill(screen[y] + 320, BENCH_WIDTH, 1280, BENCH_CELL_H, 0xeeeeee);
    bench_line(screen[y] + 322, BENCH_WIDTH, 40 + (int) bench_random(80));

    nrects = 1;
    rects[0] = (selkies_rect_t) { 320, 71, 1280, 960 };
}


/* Letters of 6x13 and a mark in front, over a background that is detailed. */

static void
bench_hard_line(uint32_t *to, int length)
{
    int              i, x, y, word;
    uint32_t         letter;
    static uint16_t  letters[94][13];

    for (i = letters[93][10] ? 94 : 0; i < 94; i++) {

        for (y = 2; y < 11; y++) {
            letters[i][y] = (uint16_t) (y % 2 ? bench_random(32)
                                              : letters[i][y - 1]
                                                ^ bench_random(2) * 10);
        }

        letters[i][10] |= 1;
        letters[i][11] = (uint16_t) (bench_random(5) ? 0 : bench_random(32));
    }

    for (i = 0; i < 20; i++) {
        bench_fill(to + i % 10 * 8 + i / 10 * 7 * BENCH_WIDTH, BENCH_WIDTH, 8,
                   7, bench_random(2) ? 0xffffff : 0);
    }

    word = 0;

    for (i = 0; i < length; i++) {

        letter = bench_random(94);

        if (word == 0) {
            word = 1 + (int) bench_random(9);
            continue;
        }

        word--;

        for (y = 0; y < 13; y++) {
            for (x = 0; x < 5; x++) {
                if (letters[letter][y] >> x & 1) {
                    to[y * BENCH_WIDTH + 88 + i * 6 + x] = 0xd0d0d0;
                }
            }
        }
    }
}


static void
bench_terminal(int picture)
{
    int  y;

    if (picture == 0) {
        for (y = 0; y < BENCH_WIDTH * BENCH_HEIGHT; y += 4) {
            bench_fill(screen[0] + y, BENCH_WIDTH, 4, 1,
                       bench_random(0xffffff));
        }

        bench_fill(screen[60] + 320, BENCH_WIDTH, 1280, 960, 0x1c1c1c);

        for (y = 60; y < 60 + 960; y += 15) {
            bench_hard_line(screen[y] + 320, 190);
        }
    }

    for (y = 60; y < 60 + 960 - 15; y++) {
        memcpy(screen[y] + 320, screen[y + 15] + 320, 1280 * 4);
    }

    bench_fill(screen[y] + 320, BENCH_WIDTH, 1280, 15, 0x1c1c1c);
    bench_hard_line(screen[y] + 320, 20 + (int) bench_random(170));

    nrects = 1;
    rects[0] = (selkies_rect_t) { 320, 60, 1280, 960 };
}


static void
bench_drag(int picture)
{
    int         y;
    static int  left, top;

    if (picture == 0) {
        left = 300;
        top = 100;
    }

    rects[0] = (selkies_rect_t) { left, top, 800, 600 };

    for (y = top; y < top + 600; y++) {
        memcpy(screen[y] + left, desk[y] + left, 800 * 4);
    }

    if (picture > 0) {
        left += (int) (12 * cos(picture * 0.05));
        top += (int) (9 * sin(picture * 0.07));
    }

    for (y = 0; y < 600; y++) {
        memcpy(screen[top + y] + left, window[y], 800 * 4);
    }

    rects[1] = (selkies_rect_t) { left, top, 800, 600 };
    nrects = 2;
}


static void
bench_convert(bench_t *b)
{
    uint64_t         start;
    selkies_frame_t  frame;

    memset(&frame, 0, sizeof(frame));
    frame.pixels = (uint8_t *) screen;
    frame.stride_bytes = BENCH_WIDTH * 4;
    frame.width = BENCH_WIDTH;
    frame.height = BENCH_HEIGHT;
    frame.rects = rects;
    frame.nrects = nrects;

    start = bench_cpu_us();
    (void) selkies_convert(&b->pic, &frame);
    b->convert_us += bench_cpu_us() - start;
}


static int
bench_code(bench_t *b, int chain, int qp)
{
    uint64_t               start;
    selkies_status_t       rc;
    selkies_access_unit_t  au;
    selkies_lite_counts_t  counts;

    memset(&au, 0, sizeof(au));
    start = bench_cpu_us();

    (void) selkies_lite_pending(b->lite, &b->pic);
    rc = SELKIES_AGAIN;

    if (chain) {
        rc = selkies_lite_chain(b->lite, &b->pic, qp, BENCH_LIMIT, 0, &au);
    }

    if (rc == SELKIES_OK) {
        selkies_lite_counts(b->lite, &counts);
        b->nchain++;
        b->moved += counts.moved;
        b->coded += counts.inter + counts.intra + counts.pcm;

    } else {
        if (selkies_encoder_encode(b->enc, &b->pic, qp, 0, 0, &au)
                != SELKIES_OK
            || selkies_lite_anchor(b->lite, &au, &au) != SELKIES_OK)
        {
            return 0;
        }

        if (chain) {
            selkies_lite_keep(b->lite, &b->pic);
        }
    }

    b->recon = au.recon;
    b->bytes += au.len;
    b->code_us += bench_cpu_us() - start;
    selkies_picture_clear_dirty(&b->pic);

    return 1;
}


static double
bench_psnr(const bench_t *b)
{
    int     d;
    size_t  x, y;
    double  error;

    error = 1e-9;

    for (y = 0; y < BENCH_HEIGHT; y++) {
        for (x = 0; x < BENCH_WIDTH; x++) {
            d = b->recon.luma[y * b->recon.luma_stride_bytes + x]
                - b->pic.luma[y * b->pic.luma_stride_bytes + x];
            error += d * d;
        }
    }

    return 10 * log10(255.0 * 255 * BENCH_WIDTH * BENCH_HEIGHT / error);
}


static void
bench_run(const bench_load_t *load, int chain)
{
    int                     i, done;
    bench_t                 b;
    selkies_encoder_conf_t  conf;

    memset(&b, 0, sizeof(b));
    memset(&conf, 0, sizeof(conf));

    conf.width = BENCH_WIDTH;
    conf.height = BENCH_HEIGHT;
    conf.fps = 60;
    conf.qp = BENCH_QP;
    conf.paintover_qp = 18;
    conf.threads = 1;

    b.enc = selkies_encoder_open(SELKIES_CODEC_H264, NULL, &conf, NULL);
    b.lite = selkies_lite_open(14, NULL);

    if (b.enc == NULL || b.lite == NULL
        || selkies_picture_init(&b.pic, BENCH_WIDTH, BENCH_HEIGHT)
           != SELKIES_OK)
    {
        exit(1);
    }

    bench_start(load->text);
    load->draw(0);
    nrects = 1;
    rects[0] = (selkies_rect_t) { 0, 0, BENCH_WIDTH, BENCH_HEIGHT };
    bench_convert(&b);
    done = bench_code(&b, chain, BENCH_QP) && bench_code(&b, 0, 18);
    selkies_lite_keep(b.lite, &b.pic);

    for (i = 1; done && i < BENCH_PICTURES + 5; i++) {

        if (i == 5) {
            b.bytes = b.nchain = b.moved = b.coded = 0;
            b.convert_us = b.code_us = 0;
        }

        load->draw(i);
        bench_convert(&b);
        done = bench_code(&b, chain, BENCH_QP);
    }

    if (!done) {
        exit(1);
    }

    printf("move %-10s %-5s %3zu %6zu %6.0f %6.0f %5zu %4zu %5.1f\n",
           load->name, chain ? "chain" : "x264", b.nchain,
           b.bytes / BENCH_PICTURES,
           (double) b.convert_us / BENCH_PICTURES,
           (double) b.code_us / BENCH_PICTURES,
           b.nchain ? b.moved / b.nchain : 0,
           b.nchain ? b.coded / b.nchain : 0, bench_psnr(&b));

    selkies_encoder_close(b.enc);
    selkies_lite_close(b.lite);
    selkies_picture_finish(&b.pic);
}


int
main(int argc, char **argv)
{
    int                        chain;
    size_t                     i;
    static const bench_load_t  loads[] = {
        { "scroll", bench_scroll, 0 },
        { "terminal", bench_terminal, 0 },
        { "drag", bench_drag, 0 },
        { "drag-text", bench_drag, 1 }
    };

    for (i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
        if (argc > 1 && strcmp(argv[1], loads[i].name) != 0) {
            continue;
        }

        for (chain = 1; chain >= 0; chain--) {
            if (argc < 3 || strcmp(argv[2], chain ? "chain" : "x264") == 0) {
                bench_run(&loads[i], chain);
            }
        }
    }

    return 0;
}
