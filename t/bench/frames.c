
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A texture that tiles, looked at by a moving camera: see frames.h.
 *
 * Threads: one.  Ownership: the texture belongs to the scene.
 */


#include "frames.h"

#include <math.h>
#include <stdlib.h>


#define BENCH_SIDE     1024             /* a power of two */
#define BENCH_OCTAVES  7
#define BENCH_DISCS    6

/* each octave to the one before; the largest such that all sum up to 1 */
#define BENCH_SMALLER  0.62
#define BENCH_LARGEST  0.395


struct bench_scene_s {
    uint32_t       texels[BENCH_SIDE * BENCH_SIDE];
};


/* a part of the picture and how it sees the texture, 16.16 fixed point */

typedef struct {
    int32_t        u;
    int32_t        v;
    int32_t        du;
    int32_t        dv;
} bench_view_t;


static uint32_t bench_hash(uint32_t n);
static double bench_lattice(int x, int y, int period, uint32_t seed);
static double bench_noise(double x, double y, int period, uint32_t seed);
static double bench_clouds(int x, int y, uint32_t seed);
static uint32_t bench_texel(int x, int y);
static uint32_t bench_sample(const bench_scene_t *scene, int32_t u, int32_t v);
static uint32_t bench_grain(uint32_t pixel, uint32_t seed);
static void bench_span(const bench_scene_t *scene, uint32_t *out, int n,
    bench_view_t view, uint32_t seed);
static void bench_disc(const bench_scene_t *scene, uint32_t *out,
    size_t stride, int width, int height, double n, int i);


static uint32_t
bench_hash(uint32_t n)
{
    n ^= n >> 16;
    n *= 0x7feb352d;
    n ^= n >> 15;
    n *= 0x846ca68b;

    return n ^ n >> 16;
}


static double
bench_lattice(int x, int y, int period, uint32_t seed)
{
    uint32_t  n;

    n = (uint32_t) (y % period * period + x % period);

    return bench_hash(n + seed * 0x9e3779b9) / 4294967296.0;
}


static double
bench_noise(double x, double y, int period, uint32_t seed)
{
    int     x0, y0;
    double  fx, fy, top, bottom;

    x0 = (int) x;
    y0 = (int) y;
    fx = x - x0;
    fy = y - y0;
    fx = fx * fx * (3 - 2 * fx);
    fy = fy * fy * (3 - 2 * fy);

    top = bench_lattice(x0, y0, period, seed) * (1 - fx)
          + bench_lattice(x0 + 1, y0, period, seed) * fx;
    bottom = bench_lattice(x0, y0 + 1, period, seed) * (1 - fx)
             + bench_lattice(x0 + 1, y0 + 1, period, seed) * fx;

    return top * (1 - fy) + bottom * fy;
}


/* less amplitude at twice the frequency, as in photographs; 0 to 1 */

static double
bench_clouds(int x, int y, uint32_t seed)
{
    int     i, period;
    double  sum, amplitude;

    sum = 0;
    amplitude = BENCH_LARGEST;
    period = 4;

    for (i = 0; i < BENCH_OCTAVES; i++) {
        sum += amplitude * bench_noise((double) x * period / BENCH_SIDE,
                                       (double) y * period / BENCH_SIDE,
                                       period, seed + (uint32_t) i);
        amplitude *= BENCH_SMALLER;
        period *= 2;
    }

    return sum;
}


static uint32_t
bench_texel(int x, int y)
{
    int     r, g, b;
    double  light, warm, shape;

    light = bench_clouds(x, y, 1);
    warm = bench_clouds(x, y, 20) - 0.5;
    shape = bench_clouds(x, y, 40);

    /* outlines: what lies above a height is another thing */
    light = shape > 0.55 ? light * 0.55 : light * 0.7 + 0.25;

    r = (int) (255 * (light + warm * 0.35));
    g = (int) (255 * light);
    b = (int) (255 * (light - warm * 0.45));

    r = r < 0 ? 0 : r > 255 ? 255 : r;
    g = g < 0 ? 0 : g > 255 ? 255 : g;
    b = b < 0 ? 0 : b > 255 ? 255 : b;

    return (uint32_t) (r << 16 | g << 8 | b);
}


bench_scene_t *
bench_scene_create(void)
{
    int             x, y;
    bench_scene_t  *scene;

    scene = malloc(sizeof(bench_scene_t));

    if (scene == NULL) {
        return NULL;
    }

    for (y = 0; y < BENCH_SIDE; y++) {
        for (x = 0; x < BENCH_SIDE; x++) {
            scene->texels[y * BENCH_SIDE + x] = bench_texel(x, y);
        }
    }

    return scene;
}


void
bench_scene_free(bench_scene_t *scene)
{
    free(scene);
}


/* bilinear: red and blue in one word, green in another */

static uint32_t
bench_sample(const bench_scene_t *scene, int32_t u, int32_t v)
{
    uint32_t  x0, x1, y0, y1, fx, fy, a, b, c, d, rb0, rb1, g0, g1;

    x0 = (uint32_t) u >> 16 & (BENCH_SIDE - 1);
    y0 = ((uint32_t) v >> 16 & (BENCH_SIDE - 1)) * BENCH_SIDE;
    x1 = (x0 + 1) & (BENCH_SIDE - 1);
    y1 = (y0 + BENCH_SIDE) & (BENCH_SIDE * BENCH_SIDE - 1);
    fx = (uint32_t) u >> 8 & 0xff;
    fy = (uint32_t) v >> 8 & 0xff;

    a = scene->texels[y0 + x0];
    b = scene->texels[y0 + x1];
    c = scene->texels[y1 + x0];
    d = scene->texels[y1 + x1];

    rb0 = ((a & 0xff00ff) * (256 - fx) + (b & 0xff00ff) * fx) >> 8 & 0xff00ff;
    rb1 = ((c & 0xff00ff) * (256 - fx) + (d & 0xff00ff) * fx) >> 8 & 0xff00ff;
    g0 = ((a & 0xff00) * (256 - fx) + (b & 0xff00) * fx) >> 8 & 0xff00;
    g1 = ((c & 0xff00) * (256 - fx) + (d & 0xff00) * fx) >> 8 & 0xff00;

    return ((rb0 * (256 - fy) + rb1 * fy) >> 8 & 0xff00ff)
           | ((g0 * (256 - fy) + g1 * fy) >> 8 & 0xff00);
}


/* -1, 0, 0 or 1 on all three; the last two bits of neither end overflow */

static uint32_t
bench_grain(uint32_t pixel, uint32_t seed)
{
    switch (seed >> 30) {

    case 0:
        return (pixel & 0x808080) == 0x808080 ? pixel - 0x010101 : pixel;

    case 1:
        return (pixel & 0x808080) == 0 ? pixel + 0x010101 : pixel;

    default:
        return pixel;
    }
}


static void
bench_span(const bench_scene_t *scene, uint32_t *out, int n,
    bench_view_t view, uint32_t seed)
{
    int  i;

    for (i = 0; i < n; i++) {
        out[i] = bench_grain(bench_sample(scene, view.u, view.v), seed);
        seed = seed * 1664525 + 1013904223;
        view.u = (int32_t) ((uint32_t) view.u + (uint32_t) view.du);
        view.v = (int32_t) ((uint32_t) view.v + (uint32_t) view.dv);
    }
}


static void
bench_disc(const bench_scene_t *scene, uint32_t *out, size_t stride, int width,
    int height, double n, int i)
{
    int           y, half, cx, cy, radius, first, last;
    double        t;
    bench_view_t  view;

    t = n / 60 + i * 1.7;
    radius = height / (7 + i);
    cx = (int) (width * (0.5 + 0.4 * sin(t * (0.7 + 0.1 * i))));
    cy = (int) (height * (0.5 + 0.35 * cos(t * (0.9 - 0.07 * i))));

    for (y = -radius; y < radius; y++) {

        if (cy + y < 0 || cy + y >= height) {
            continue;
        }

        half = (int) sqrt((double) radius * radius - (double) y * y);
        first = cx - half < 0 ? 0 : cx - half;
        last = cx + half > width ? width : cx + half;

        if (first >= last) {
            continue;
        }

        /* the disc carries its own piece of the texture with it */
        view.u = (first - cx + 300 * i + 400) * 65536;
        view.v = (y + 170 * i + 300) * 65536;
        view.du = 65536;
        view.dv = 0;

        bench_span(scene, out + (size_t) (cy + y) * stride + first,
                   last - first, view,
                   bench_hash((uint32_t) (n * 64 + cy + y)));
    }
}


void
bench_scene_render(const bench_scene_t *scene, uint32_t *out, size_t stride,
    int width, int height, double n)
{
    int           y, i;
    double        t, u, v, zoom, roll, du, dv;
    bench_view_t  view;

    t = n / 60;
    zoom = 0.9 + 0.12 * sin(t * 1.3);
    roll = 0.06 * sin(t * 1.1);
    du = zoom * cos(roll);
    dv = zoom * sin(roll);

    for (y = 0; y < height; y++) {
        u = 260 * t - du * width / 2 - dv * (y - height / 2.0);
        v = 110 * t - dv * width / 2 + du * (y - height / 2.0);

        view.u = (int32_t) (uint32_t) (int64_t) (u * 65536);
        view.v = (int32_t) (uint32_t) (int64_t) (v * 65536);
        view.du = (int32_t) (du * 65536);
        view.dv = (int32_t) (dv * 65536);

        bench_span(scene, out + (size_t) y * stride, width, view,
                   bench_hash((uint32_t) (n * 8192) + (uint32_t) y));
    }

    for (i = 0; i < BENCH_DISCS; i++) {
        bench_disc(scene, out, stride, width, height, n, i);
    }
}
