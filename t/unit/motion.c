
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * The search for vectors: that it finds what moved, whatever the vector, among
 * what did not; that blocks of text are found in other lines.  What a vector
 * brings against the standard's formula (ITU-T H.264, 8.4.2.2.2), sample by
 * sample.
 *
 * Thread: the main thread.  Ownership: the process.
 */


#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "../../encoders/lite_vector.h"
#include "../../encoders/motion.h"

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
    size_t                 row, size;
    selkies_vector_t       v;
    selkies_motion_pair_t  pair;

    draw();
    pair = compare();
    wrong = 0;

    for (i = 0; i < 200000; i++) {

        size = random_number(2) ? 16 : 8;
        x = range(0, (int) ((WIDTH - size) / 8)) * 8;
        y = range(0, (int) ((HEIGHT - size) / 8)) * 8;
        v.x = (int16_t) range(-WIDTH, WIDTH);
        v.y = (int16_t) range(-HEIGHT, HEIGHT);

        if (random_number(2) == 0) {
            v.x = (int16_t) range(-4, 4);
            v.y = (int16_t) range(-4, 4);
        }

        if (x + v.x < 0 || x + v.x + (long) size > WIDTH
            || y + v.y < 0 || y + v.y + (long) size > HEIGHT)
        {
            wrong += selkies_motion_explains(&pair, (size_t) x, (size_t) y,
                                             size, v);
            continue;
        }

        for (row = 0; row < size; row++) {
            if (memcmp(now[(size_t) y + row] + x,
                       before[y + v.y + (long) row] + x + v.x, size) != 0)
            {
                break;
            }
        }

        wrong += selkies_motion_explains(&pair, (size_t) x, (size_t) y, size,
                                         v)
                 != (row == size);
    }

    ok(wrong == 0, "a block is what a vector points to, or not (%d wrong)",
       wrong);
}


/* A new line of glyphs that other lines have, at any column. */

static void
test_blocks(selkies_motion_t *motion)
{
    size_t                  i, k, x, y, n, found, wrong;
    selkies_vector_t        v;
    selkies_motion_pair_t   pair;
    selkies_motion_block_t  blocks[64];

    draw();

    for (y = 0; y < 200; y++) {
        memcpy(now[y], before[y + 18], WIDTH);
    }

    for (x = 0; x + 32 <= WIDTH; x += 32) {

        i = random_number(WIDTH - 40);
        k = 18 * random_number(10);

        for (y = 0; y < 18; y++) {
            memcpy(now[200 + y] + x, before[200 + y - k] + i, 32);
        }
    }

    pair = compare();
    v.x = 0;
    v.y = 18;
    ok(selkies_motion_find(motion, &pair, &v) && v.x == 0 && v.y == 18,
       "a scroll is found");

    n = 0;

    for (x = 0; x < WIDTH && n < 64; x += 16) {
        blocks[n].x = (uint16_t) x;
        blocks[n].y = 200;
        n++;
    }

    selkies_motion_blocks(motion, &pair, blocks, n, 18);
    found = 0;
    wrong = 0;

    for (i = 0; i < n; i++) {
        found += blocks[i].found;
        wrong += blocks[i].found
                 && !selkies_motion_explains(&pair, blocks[i].x, blocks[i].y,
                                             8, blocks[i].v);
    }

    ok(wrong == 0 && found * 10 >= n * 9,
       "%zu of %zu blocks of a new line are found", found, n);
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
    int               i, x, y, bx, by, size, wrong;
    uint8_t           out[16 * 16];
    selkies_vector_t  v;
    selkies_planes_t  from;

    draw();
    from = planes(before);
    wrong = 0;

    for (i = 0; i < 20000; i++) {

        size = random_number(2) ? 16 : 8;
        bx = range(4, MB_W * 2 - 6) * 8;
        by = range(4, MB_H * 2 - 6) * 8;
        v.x = (int16_t) range(-31, 15);
        v.y = (int16_t) range(-31, 15);

        selkies_vector_luma(out, 16, &from, (size_t) bx, (size_t) by,
                            (size_t) size, v);

        for (y = 0; y < size; y++) {
            wrong += memcmp(out + y * 16, before[by + v.y + y] + bx + v.x,
                            (size_t) size) != 0;
        }

        selkies_vector_chroma(out, 16, &from, (size_t) bx, (size_t) by,
                              (size_t) size, v);

        for (y = 0; y < size / 2; y++) {
            for (x = 0; x < size; x++) {
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
    test_blocks(motion);
    test_chroma();

    selkies_motion_close(motion);

    return done_testing();
}
