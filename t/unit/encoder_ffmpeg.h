
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * What ffmpeg makes of a stream, by way of files in a folder of the test.
 *
 * Thread: the main thread.
 */


#ifndef SELKIES_ENCODER_FFMPEG_H_INCLUDED
#define SELKIES_ENCODER_FFMPEG_H_INCLUDED


#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../encoders/encoder.h"


static int   have_ffmpeg;
static char  temp[] = "/tmp/selkies-encoder-XXXXXX";


static FILE *
temp_open(const char *name, const char *mode)
{
    char  path[128];

    snprintf(path, sizeof(path), "%s/%s", temp, name);

    return fopen(path, mode);
}


/*
 * Decodes temp/in.h264 to temp/out.yuv; 0 if the decoder has the slightest
 * complaint.
 */

static int
decode(const char *format)
{
    int   c;
    char  command[512];
    FILE *f;

    snprintf(command, sizeof(command), "ffmpeg -nostdin -v warning -xerror "
             "-err_detect explode -f h264 -i %s/in.h264 -f rawvideo "
             "-pix_fmt %s -fps_mode passthrough -y %s/out.yuv >%s/log 2>&1",
             temp, format, temp, temp);

    if (system(command) != 0) {
        return 0;
    }

    f = temp_open("log", "r");
    c = f != NULL ? fgetc(f) : 0;

    if (f != NULL) {
        fclose(f);
    }

    return c == EOF;
}


/* The next decoded picture into pic, whose size is known; 0 at the end. */

__attribute__((unused))
static int
decoded_read(FILE *f, selkies_picture_t *pic)
{
    int32_t  y;

    for (y = 0; y < pic->height; y++) {
        if (fread(pic->luma + (size_t) y * pic->luma_stride_bytes,
                  (size_t) pic->width, 1, f) != 1)
        {
            return 0;
        }
    }

    for (y = 0; y < pic->height / 2; y++) {
        if (fread(pic->chroma + (size_t) y * pic->chroma_stride_bytes,
                  (size_t) pic->width, 1, f) != 1)
        {
            return 0;
        }
    }

    return 1;
}


__attribute__((unused))
static double
psnr(const selkies_picture_t *a, const selkies_picture_t *b)
{
    double   d, sum;
    int32_t  x, y;

    for (sum = 0, y = 0; y < a->height; y++) {
        for (x = 0; x < a->width; x++) {
            d = a->luma[(size_t) y * a->luma_stride_bytes + (size_t) x]
                - (double) b->luma[(size_t) y * b->luma_stride_bytes
                                   + (size_t) x];
            sum += d * d;
        }
    }

    if (sum == 0) {
        return 99;
    }

    return 10 * log10(255.0 * 255.0 * a->width * a->height / sum);
}


#endif /* SELKIES_ENCODER_FFMPEG_H_INCLUDED */
