
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * The search for vectors: that it finds what moved, whatever the vector, among
 * what did not; that blocks of text are found in other lines.  What a vector
 * brings against the standard's formula (ITU-T H.264, 8.4.2.2.2), sample by
 * sample, and how it is predicted (8.4.1.3).
 *
 * Thread: the main thread.  Ownership: the process.
 */


#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "../../encoders/lite_vector.h"
#include "../../encoders/motion.h"
#include "../../encoders/text.h"

#define RANDOM_SEED  11
#include "random.h"


#define MB_W    40
#define MB_H    24
#define WIDTH   (MB_W * 16)
#define HEIGHT  (MB_H * 16)


typedef struct {
    int  x;
    int  y;
    int  w;
    int  h;
} area_t;


static uint8_t  before[HEIGHT * 3 / 2][WIDTH];
static uint8_t  now[HEIGHT * 3 / 2][WIDTH];
static uint8_t  map[MB_W * MB_H];


static selkies_planes_t
planes(uint8_t (*rows)[WIDTH])
{
    selkies_planes_t  p;

    p.luma = rows[0];
    p.chroma = rows[HEIGHT];
    p.luma_stride_bytes = WIDTH;
    p.chroma_stride_bytes = WIDTH;

    return p;
}


/* Text of sorts: strokes on white, each row of a line with its own. */

static void
draw(void)
{
    size_t  x, y;

    for (y = 0; y < HEIGHT * 3 / 2; y++) {
        for (x = 0; x < WIDTH; x++) {
            before[y][x] = (uint8_t) (random_number(4) ? 235
                                                       : random_number(236));
        }
    }

    memcpy(now, before, sizeof(now));
}


static void
move(const area_t *a, int dx, int dy)
{
    int  x, y;

    for (y = a->y; y < a->y + a->h; y++) {
        for (x = a->x; x < a->x + a->w; x++) {
            now[y][x] = before[y + dy][x + dx];
        }
    }
}


static selkies_motion_pair_t
compare(void)
{
    size_t                 i, y;
    selkies_motion_pair_t  pair;

    memset(map, 0, sizeof(map));

    for (y = 0; y < HEIGHT; y++) {
        for (i = 0; i < MB_W; i++) {
            map[y / 16 * MB_W + i] |= memcmp(now[y] + i * 16,
                                             before[y] + i * 16, 16) != 0;
        }
    }

    pair.now = planes(now);
    pair.before = planes(before);
    pair.mb_width = MB_W;
    pair.mb_height = MB_H;
    pair.map = map;

    return pair;
}


static int
range(int low, int high)
{
    return low + (int) random_number((uint32_t) (high - low + 1));
}


static void
test_vectors(selkies_motion_t *motion)
{
    int                    i, dx, dy, missed, wrong;
    area_t                 a;
    selkies_vector_t       v;
    selkies_motion_pair_t  pair;

    missed = 0;
    wrong = 0;

    for (i = 0; i < 400; i++) {

        draw();

        a.w = range(100, 300);
        a.h = range(100, 200);
        a.x = range(64, WIDTH - 64 - a.w);
        a.y = range(64, HEIGHT - 64 - a.h);
        dx = i % 2 ? 0 : range(-64, 64);
        dy = range(-64, 64);
        move(&a, dx, dy);

        /* where it came from is new */

        if (i % 4 == 2) {
            now[a.y - 3][a.x - 3] ^= 0x55;
        }

        v.x = (int16_t) (i % 3 ? 0 : dx);
        v.y = (int16_t) (i % 3 ? 7 : dy);
        pair = compare();

        if (dx == 0 && dy == 0) {
            continue;
        }

        if (!selkies_motion_find(motion, &pair, &v)) {
            missed++;

        } else if (v.x != dx || v.y != dy) {
            wrong++;
        }
    }

    ok(missed == 0 && wrong == 0, "what moved is found (%d missed, %d wrong)",
       missed, wrong);
}


static void
test_nothing(selkies_motion_t *motion)
{
    int                    i, found;
    size_t                 x, y;
    selkies_vector_t       v;
    selkies_motion_pair_t  pair;

    found = 0;

    for (i = 0; i < 100; i++) {

        draw();

        for (y = 64; y < 200; y++) {
            for (x = 64; x < 300; x++) {
                now[y][x] = (uint8_t) random_number(236);
            }
        }

        v.x = 3;
        v.y = -5;
        pair = compare();
        found += selkies_motion_find(motion, &pair, &v);
    }

    ok(found == 0, "what is new did not move (%d)", found);

    memcpy(now, before, sizeof(now));
    pair = compare();
    ok(!selkies_motion_find(motion, &pair, &v), "nor does what is the same");

    memset(now, 40, sizeof(now));
    pair = compare();
    ok(!selkies_motion_find(motion, &pair, &v), "nor what is empty");
}


/* Nothing outside the planes is read, wherever a vector points. */

static void
test_edges(void)
{
    int                    i, wrong;
    long                   x, y;
    size_t                 row, w, h;
    selkies_vector_t       v;
    selkies_motion_pair_t  pair;

    draw();
    pair = compare();
    wrong = 0;

    for (i = 0; i < 200000; i++) {

        w = 4u << random_number(3);
        h = 4u << random_number(3);
        x = range(0, (int) ((WIDTH - w) / 4)) * 4;
        y = range(0, (int) ((HEIGHT - h) / 4)) * 4;
        v.x = (int16_t) range(-WIDTH, WIDTH);
        v.y = (int16_t) range(-HEIGHT, HEIGHT);

        if (random_number(2) == 0) {
            v.x = (int16_t) range(-4, 4);
            v.y = (int16_t) range(-4, 4);
        }

        if (x + v.x < 0 || x + v.x + (long) w > WIDTH
            || y + v.y < 0 || y + v.y + (long) h > HEIGHT)
        {
            wrong += selkies_motion_explains(&pair, (size_t) x, (size_t) y, w,
                                             h, v);
            continue;
        }

        /* a sample of it may differ, anywhere */

        if (random_number(2)) {
            now[(size_t) y + random_number((uint32_t) h)]
               [(size_t) x + random_number((uint32_t) w)] ^= 1;
        }

        for (row = 0; row < h; row++) {
            if (memcmp(now[(size_t) y + row] + x,
                       before[y + v.y + (long) row] + x + v.x, w) != 0)
            {
                break;
            }
        }

        wrong += selkies_motion_explains(&pair, (size_t) x, (size_t) y, w, h,
                                         v)
                 != (row == h);
    }

    ok(wrong == 0, "a block is what a vector points to, or not (%d wrong)",
       wrong);
}


/* Blocks of a new line that other lines have, at any column. */

/* Of a block that is a half of one of 8x8, either half, or such a one. */

static size_t
find_text(const selkies_text_t *text, const selkies_planes_t *at, size_t x,
    size_t y, size_t w, size_t h, selkies_vector_t *places)
{
    size_t    second;
    unsigned  shape;
    uint64_t  keys[SELKIES_TEXT_SHAPES];

    second = random_number(2);
    shape = SELKIES_TEXT_WHOLE;

    if (w == 4) {
        shape = second ? SELKIES_TEXT_RIGHT : SELKIES_TEXT_LEFT;

    } else if (h == 4) {
        shape = second ? SELKIES_TEXT_LOWER : SELKIES_TEXT_UPPER;
    }

    selkies_text_ask(text, at, x - second * (8 - w), y - second * (8 - h),
                     keys);

    return selkies_text_find(text, keys[shape], x, y, places);
}


static void
test_text(void)
{
    size_t            i, k, n, x, y, w, h, found, wrong;
    selkies_text_t   *text;
    selkies_vector_t  v, places[SELKIES_TEXT_PLACES];
    selkies_planes_t  from, to;

    text = selkies_text_open();

    if (!ok(text != NULL, "text: opened")) {
        return;
    }

    draw();
    from = planes(before);
    to = planes(now);

    for (y = 20; y < 200; y += 18) {
        selkies_text_learn(text, &from, 0, WIDTH - 7, y);
    }

    /* it scrolls, aside, too */

    v.x = -5;
    v.y = 18;
    selkies_text_move(text, v);

    for (y = 0; y < 218; y++) {
        memcpy(now[y] + 5, before[y + 18], WIDTH - 5);
    }

    from = to;
    found = 0;
    wrong = 0;

    for (i = 0; i < 2000; i++) {

        w = i % 3 == 2 ? 4 : 8;
        h = i % 3 == 1 ? 4 : 8;
        x = 8 + random_number(WIDTH - 40);
        y = 2 + random_number(10) * 18 + (i % 6 == 1 ? 4 : 0);

        for (k = 0; k < h; k++) {
            memcpy(now[300 + k] + 100, now[y + k] + x, w);
        }

        n = find_text(text, &to, 100, 300, w, h, places);

        for (k = 0; k < n; k++) {
            found += 100 + places[k].x == (long) x
                     && 300 + places[k].y == (long) y;
        }

        now[300 + random_number((uint32_t) h)]
           [100 + random_number((uint32_t) w)] ^= 2;

        n = find_text(text, &to, 100, 300, w, h, places);
        wrong += n;
    }

    /* what is flat is not learned, what lies in a full bucket forgotten */

    ok(found > 1700, "text: %zu of 2000 blocks are found", found);
    ok(wrong < 40, "text: %zu others", wrong);

    memset(now[310], 9, WIDTH * 8);
    selkies_text_learn(text, &to, 0, WIDTH - 7, 310);
    ok(find_text(text, &to, 64, 310, 8, 8, places) == 0,
       "text: nothing flat");

    selkies_text_close(text);
}


/* 6.4.11.7 and 8.4.1.3 as they are written */

static selkies_vector_t
neighbour(selkies_vector_t (*all)[MB_W * 4], uint8_t (*order)[MB_W * 4],
    long x, long y, int now_at)
{
    selkies_vector_t  none = { SELKIES_VECTOR_NONE, 1 };

    if (x < 0 || y < 0 || x >= MB_W * 4 || order[y][x] >= now_at) {
        return none;
    }

    return all[y][x];
}


static int
middle(int a, int b, int c)
{
    int  least, most;

    least = a < b ? (a < c ? a : c) : (b < c ? b : c);
    most = a > b ? (a > c ? a : c) : (b > c ? b : c);

    return a + b + c - least - most;
}


static selkies_vector_t
predict(selkies_vector_t (*all)[MB_W * 4], uint8_t (*order)[MB_W * 4], long x,
    long y, long w, int now_at)
{
    int               k, refer;
    selkies_vector_t  n[3], only;

    n[0] = neighbour(all, order, x - 1, y, now_at);
    n[1] = neighbour(all, order, x, y - 1, now_at);
    n[2] = neighbour(all, order, x + w, y - 1, now_at);

    /* y is 1 where there is no block, 0 where it is intra */

    if (n[2].x == SELKIES_VECTOR_NONE && n[2].y == 1) {
        n[2] = neighbour(all, order, x - 1, y - 1, now_at);
    }

    if (n[1].x == SELKIES_VECTOR_NONE && n[1].y == 1
        && n[2].x == SELKIES_VECTOR_NONE && n[2].y == 1)
    {
        n[1] = n[0];
        n[2] = n[0];
    }

    refer = 0;
    only = (selkies_vector_t) { 0, 0 };

    for (k = 0; k < 3; k++) {
        if (n[k].x != SELKIES_VECTOR_NONE) {
            refer++;
            only = n[k];

        } else {
            n[k] = (selkies_vector_t) { 0, 0 };
        }
    }

    if (refer != 1) {
        only.x = (int16_t) middle(n[0].x, n[1].x, n[2].x);
        only.y = (int16_t) middle(n[0].y, n[1].y, n[2].y);
    }

    return only;
}


/* The same of a half of a macroblock at x, y, blocks: 16x8 and 8x16. */

static selkies_vector_t
predict_half(selkies_vector_t (*all)[MB_W * 4], uint8_t (*order)[MB_W * 4],
    long x, long y, unsigned half, int now_at)
{
    selkies_vector_t  near, none = { SELKIES_VECTOR_NONE, 1 };

    switch (half) {

    case SELKIES_VECTOR_UPPER:
        near = neighbour(all, order, x, y - 1, now_at);
        break;

    case SELKIES_VECTOR_RIGHT:
        near = neighbour(all, order, x + 2, y - 1, now_at);

        if (near.x == SELKIES_VECTOR_NONE && near.y == 1) {
            near = neighbour(all, order, x - 1, y - 1, now_at);
        }

        break;

    default:
        near = neighbour(all, order, x - 1, y, now_at);
    }

    return near.x != none.x ? near
           : predict(all, order, x, y, half < SELKIES_VECTOR_LEFT ? 4 : 2,
                     now_at);
}


/* A macroblock of two halves; how many are predicted wrongly. */

static int
place_halves(selkies_vector_t (*all)[MB_W * 4], uint8_t (*order)[MB_W * 4],
    selkies_vector_grid_t *grid, int mb_x, int mb_y)
{
    int               i, wrong;
    long              x, y, w, k;
    unsigned          half;
    selkies_vector_t  v, p, ours;

    half = random_number(2) * SELKIES_VECTOR_LEFT;
    w = half < SELKIES_VECTOR_LEFT ? 4 : 2;

    for (i = 0, wrong = 0; i < 2; i++, half++) {

        x = mb_x * 4 + (half == SELKIES_VECTOR_RIGHT) * 2;
        y = mb_y * 4 + (half == SELKIES_VECTOR_LOWER) * 2;
        v.x = (int16_t) range(-3, 3);
        v.y = (int16_t) range(-3, 3);

        p = predict_half(all, order, x, y, half, i + 1);
        ours = selkies_vector_predict_half(grid, (size_t) mb_x, half);
        wrong += !selkies_vector_equal(p, ours);

        selkies_vector_set_half(grid, (size_t) mb_x, half, v);

        for (k = 0; k < 8; k++) {
            all[y + k / w][x + k % w] = v;
            order[y + k / w][x + k % w] = (uint8_t) (i + 1);
        }
    }

    return wrong;
}


/* Macroblocks of two halves, of quadrants and halves of them, intra ones. */

static void
test_prediction(void)
{
    int                      i, mb_x, mb_y, q, half, second, wrong, at;
    long                     x, y, w, h, k;
    selkies_vector_t         v, p, ours;
    selkies_vector_grid_t    grid;
    static uint8_t           order[MB_H * 4][MB_W * 4];
    static selkies_vector_t  all[MB_H * 4][MB_W * 4], row[MB_W * 20];

    wrong = 0;
    grid.blocks = row;
    grid.width = MB_W * 4;
    memset(order, 255, sizeof(order));

    for (i = 0; i < MB_W * MB_H; i++) {

        mb_x = i % MB_W;
        mb_y = i / MB_W;

        if (mb_x == 0) {
            selkies_vector_row(&grid, mb_y == 0);
        }

        q = random_number(6) == 0 || mb_y % 5 == 3 ? 4 : 0;
        at = 1;

        for (k = 0; q == 4 && k < 16; k++) {
            v.x = mb_y % 5 == 3 ? 0 : SELKIES_VECTOR_NONE;
            v.y = 0;
            all[mb_y * 4 + k / 4][mb_x * 4 + k % 4] = v;
            order[mb_y * 4 + k / 4][mb_x * 4 + k % 4] = 0;

            if (v.x != 0) {
                selkies_vector_set(&grid, (size_t) (mb_x * 4 + k % 4),
                                   (size_t) k / 4, 1, 1, v);
            }
        }

        if (q == 0 && random_number(3) == 0) {
            wrong += place_halves(all, order, &grid, mb_x, mb_y);
            q = 4;
        }

        for ( /* void */ ; q < 4; q++) {

            half = (int) random_number(3);
            w = half == 2 ? 1 : 2;
            h = half == 1 ? 1 : 2;

            for (second = 0; second < (half ? 2 : 1); second++, at++) {

                x = mb_x * 4 + q % 2 * 2 + second * (2 - w);
                y = mb_y * 4 + q / 2 * 2 + second * (2 - h);
                v.x = (int16_t) range(-3, 3);
                v.y = (int16_t) range(-3, 3);

                p = predict(all, order, x, y, w, at);
                ours = selkies_vector_predict(&grid, (size_t) x,
                                              (size_t) y % 4, (size_t) w);
                wrong += !selkies_vector_equal(p, ours);

                selkies_vector_set(&grid, (size_t) x, (size_t) y % 4,
                                   (size_t) w, (size_t) h, v);

                for (k = 0; k < w * h; k++) {
                    all[y + k / w][x + k % w] = v;
                    order[y + k / w][x + k % w] = (uint8_t) at;
                }
            }
        }

        for (k = 0; k < 16; k++) {
            order[mb_y * 4 + k / 4][mb_x * 4 + k % 4] = 0;
        }
    }

    ok(wrong == 0, "vectors are predicted as the standard says (%d wrong)",
       wrong);

    for (i = 1, wrong = 0; i < 8192; i++) {

        v = (selkies_vector_t) { (int16_t) i, (int16_t) -i };
        p = (selkies_vector_t) { 0, 0 };

        for (k = 0; (8 * i) >> k > 1; k++) { /* void */ }

        wrong += selkies_vector_bits(v, p) != 2 * (2 * (unsigned) k + 1);
    }

    ok(wrong == 0 && selkies_vector_bits(p, p) == 2,
       "what a vector takes is known");
}


/* 8.4.2.2.2 as it is written, in eighths of a chroma sample */

static int
chroma_sample(int x, int y, int k, selkies_vector_t v)
{
    int  fx, fy, ix, iy, a, b, c, d;

    ix = x + ((v.x * 4) >> 3);
    iy = y + ((v.y * 4) >> 3);
    fx = (v.x * 4) & 7;
    fy = (v.y * 4) & 7;

    a = before[HEIGHT + iy][ix * 2 + k];
    b = fx ? before[HEIGHT + iy][ix * 2 + 2 + k] : 0;
    c = fy ? before[HEIGHT + iy + 1][ix * 2 + k] : 0;
    d = fx && fy ? before[HEIGHT + iy + 1][ix * 2 + 2 + k] : 0;

    return ((8 - fx) * (8 - fy) * a + fx * (8 - fy) * b + (8 - fx) * fy * c
            + fx * fy * d + 32) >> 6;
}


static void
test_chroma(void)
{
    int               i, x, y, bx, by, w, h, wrong;
    uint8_t           out[16 * 16];
    selkies_vector_t  v;
    selkies_planes_t  from;

    draw();
    from = planes(before);
    wrong = 0;

    for (i = 0; i < 20000; i++) {

        w = 4 << random_number(3);
        h = 4 << random_number(3);
        bx = range(8, MB_W * 4 - 12) * 4;
        by = range(8, MB_H * 4 - 12) * 4;
        v.x = (int16_t) range(-31, 15);
        v.y = (int16_t) range(-31, 15);

        selkies_vector_luma(out, 16, &from, (size_t) bx, (size_t) by,
                            (size_t) w, (size_t) h, v);

        for (y = 0; y < h; y++) {
            wrong += memcmp(out + y * 16, before[by + v.y + y] + bx + v.x,
                            (size_t) w) != 0;
        }

        selkies_vector_chroma(out, 16, &from, (size_t) bx, (size_t) by,
                              (size_t) w, (size_t) h, v);

        for (y = 0; y < h / 2; y++) {
            for (x = 0; x < w; x++) {
                wrong += out[y * 16 + x]
                         != chroma_sample(bx / 2 + x / 2, by / 2 + y, x % 2,
                                          v);
            }
        }
    }

    ok(wrong == 0, "a vector brings what the standard says (%d wrong)", wrong);
}


int
main(void)
{
    selkies_motion_t  *motion;

    motion = selkies_motion_open();

    if (!ok(motion != NULL, "opened")) {
        return done_testing();
    }

    test_vectors(motion);
    test_nothing(motion);
    test_edges();
    test_text();
    test_prediction();
    test_chroma();

    selkies_motion_close(motion);

    return done_testing();
}
