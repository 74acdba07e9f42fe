
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Pictures that behave like filmed ones: detail at every scale with edges, a
 * camera that pans, zooms and rolls by fractions of a pixel, things that move
 * against it, grain.  The same number gives the same picture everywhere.
 *
 * Threads: one.  Ownership: the scene is the caller's, see bench_scene_free().
 */


#ifndef BENCH_FRAMES_H_INCLUDED
#define BENCH_FRAMES_H_INCLUDED


#include <stddef.h>
#include <stdint.h>


#pragma GCC visibility push(hidden)


typedef struct bench_scene_s  bench_scene_t;


/* NULL: no memory */
bench_scene_t *bench_scene_create(void);
void bench_scene_free(bench_scene_t *scene);

/*
 * Renders picture number n, n >= 0, of the scene as width x height pixels
 * 0x00rrggbb; stride is in pixels.  Consecutive numbers are 1/60 s apart.
 */
void bench_scene_render(const bench_scene_t *scene, uint32_t *out,
    size_t stride, int width, int height, double n);


#pragma GCC visibility pop


#endif /* BENCH_FRAMES_H_INCLUDED */
