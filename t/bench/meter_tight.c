
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Decoders of two encodings of RFB: Tight and ZRLE, for pixels of 32 bits.
 *
 * Thread: the meter's.  Ownership: a decoder lives as long as the process.
 */


#include "meter.h"

#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>
#include <zlib.h>


#define TIGHT_STREAMS     4
#define TIGHT_ZRLE        TIGHT_STREAMS
#define TIGHT_SMALL       12            /* bytes that are not compressed */
#define TIGHT_FILL        8
#define TIGHT_JPEG        9
#define TIGHT_EXPLICIT    4
#define TIGHT_COPY        0
#define TIGHT_PALETTE     1
#define TIGHT_GRADIENT    2
#define TIGHT_TILE        64


struct meter_tight_s {
    z_stream         z[TIGHT_STREAMS + 1];
    tjhandle         jpeg;
    uint8_t         *packed;
    size_t           packed_size;
    uint8_t         *plain;
    size_t           plain_size;
};


/* bytes of a ZRLE rectangle that are left */

typedef struct {
    const uint8_t   *pos;
    const uint8_t   *end;
} tight_bytes_t;


static uint8_t *tight_room(uint8_t **buf, size_t *size, size_t n);
static size_t tight_length(bench_wire_t *wire);
static uint32_t tight_pixel(const uint8_t *p);
static const uint8_t *tight_data(meter_tight_t *tight, bench_wire_t *wire,
    int stream, size_t n);
static void tight_jpeg(meter_tight_t *tight, bench_wire_t *wire,
    uint32_t *pixels, size_t stride, int w, int h);
static void tight_copy(const uint8_t *p, uint32_t *pixels, size_t stride,
    int w, int h);
static void tight_gradient(const uint8_t *p, uint32_t *pixels, size_t stride,
    int w, int h);
static void tight_palette(meter_tight_t *tight, bench_wire_t *wire, int stream,
    uint32_t *pixels, size_t stride, int w, int h);
static const uint8_t *zrle_take(tight_bytes_t *in, size_t n);
static void zrle_runs(tight_bytes_t *in, const uint32_t *palette, size_t n,
    uint32_t *pixels, size_t stride, int w, int h);
static void zrle_packed(tight_bytes_t *in, const uint32_t *palette, size_t n,
    uint32_t *pixels, size_t stride, int w, int h);
static void zrle_tile(tight_bytes_t *in, uint32_t *pixels, size_t stride,
    int w, int h);


meter_tight_t *
meter_tight_create(void)
{
    size_t          i;
    meter_tight_t  *tight;

    tight = calloc(1, sizeof(meter_tight_t));

    if (tight == NULL) {
        meter_die("no memory");
    }

    for (i = 0; i < TIGHT_STREAMS + 1; i++) {
        if (inflateInit(&tight->z[i]) != Z_OK) {
            meter_die("inflateInit() failed");
        }
    }

    tight->jpeg = tjInitDecompress();

    if (tight->jpeg == NULL) {
        meter_die("tjInitDecompress() failed");
    }

    return tight;
}


static uint8_t *
tight_room(uint8_t **buf, size_t *size, size_t n)
{
    if (n > *size) {
        free(*buf);
        *size = 2 * n;
        *buf = malloc(*size);

        if (*buf == NULL) {
            meter_die("no memory");
        }
    }

    return *buf;
}


/* seven bits a byte, eight in the third */

static size_t
tight_length(bench_wire_t *wire)
{
    size_t   n;
    uint8_t  byte;

    bench_wire_get(wire, &byte, 1);
    n = byte & 0x7f;

    if (byte & 0x80) {
        bench_wire_get(wire, &byte, 1);
        n |= (size_t) (byte & 0x7f) << 7;

        if (byte & 0x80) {
            bench_wire_get(wire, &byte, 1);
            n |= (size_t) byte << 14;
        }
    }

    return n;
}


/* Tight's order, red first */

static uint32_t
tight_pixel(const uint8_t *p)
{
    return (uint32_t) p[0] << 16 | (uint32_t) p[1] << 8 | p[2];
}


static const uint8_t *
tight_data(meter_tight_t *tight, bench_wire_t *wire, int stream, size_t n)
{
    size_t     packed;
    uint8_t   *plain;
    z_stream  *z;

    plain = tight_room(&tight->plain, &tight->plain_size, n);

    if (n < TIGHT_SMALL) {
        bench_wire_get(wire, plain, n);
        return plain;
    }

    packed = tight_length(wire);
    z = &tight->z[stream];
    z->next_in = tight_room(&tight->packed, &tight->packed_size, packed);
    z->avail_in = (unsigned) packed;
    z->next_out = plain;
    z->avail_out = (unsigned) n;

    bench_wire_get(wire, tight->packed, packed);

    if (inflate(z, Z_SYNC_FLUSH) < 0 || z->avail_out) {
        meter_die("Tight: data that do not inflate");
    }

    return plain;
}


static void
tight_jpeg(meter_tight_t *tight, bench_wire_t *wire, uint32_t *pixels,
    size_t stride, int w, int h)
{
    size_t  n;

    n = tight_length(wire);
    bench_wire_get(wire, tight_room(&tight->packed, &tight->packed_size, n),
                   n);

    if (tjDecompress2(tight->jpeg, tight->packed, n, (unsigned char *) pixels,
                      w, (int) (stride * 4), h, TJPF_BGRX, 0) != 0
        && tjGetErrorCode(tight->jpeg) == TJERR_FATAL)
    {
        meter_die("Tight: %s", tjGetErrorStr2(tight->jpeg));
    }
}


static void
tight_copy(const uint8_t *p, uint32_t *pixels, size_t stride, int w, int h)
{
    int  x, y;

    for (y = 0; y < h; y++) {
        for (x = 0; x < w; x++) {
            pixels[(size_t) y * stride + (size_t) x] = tight_pixel(p);
            p += 3;
        }
    }
}


/* each colour is left + above - the one between, held to its range */

static void
tight_gradient(const uint8_t *p, uint32_t *pixels, size_t stride, int w, int h)
{
    int        x, y, shift, guess;
    uint32_t   left, above, corner, pixel, *row;

    for (y = 0; y < h; y++) {
        row = pixels + (size_t) y * stride;
        left = 0;
        corner = 0;

        for (x = 0; x < w; x++) {
            above = y ? row[(ptrdiff_t) x - (ptrdiff_t) stride] : 0;
            pixel = 0;

            for (shift = 16; shift >= 0; shift -= 8) {
                guess = (int) (left >> shift & 0xff)
                        + (int) (above >> shift & 0xff)
                        - (int) (corner >> shift & 0xff);
                guess = guess < 0 ? 0 : guess > 255 ? 255 : guess;
                pixel |= (uint32_t) ((guess + *p++) & 0xff) << shift;
            }

            row[x] = pixel;
            left = pixel;
            corner = above;
        }
    }
}


static void
tight_palette(meter_tight_t *tight, bench_wire_t *wire, int stream,
    uint32_t *pixels, size_t stride, int w, int h)
{
    int             x, y;
    size_t          i, n, line;
    uint8_t         count, colours[3 * 256];
    uint32_t        palette[256];
    const uint8_t  *p;

    bench_wire_get(wire, &count, 1);
    n = (size_t) count + 1;
    bench_wire_get(wire, colours, 3 * n);
    memset(palette, 0, sizeof(palette));

    for (i = 0; i < n; i++) {
        palette[i] = tight_pixel(colours + 3 * i);
    }

    line = n == 2 ? (size_t) (w + 7) / 8 : (size_t) w;
    p = tight_data(tight, wire, stream, line * (size_t) h);

    for (y = 0; y < h; y++) {
        for (x = 0; x < w; x++) {
            i = n == 2 ? (size_t) (p[x / 8] >> (7 - x % 8) & 1) : p[x];
            pixels[(size_t) y * stride + (size_t) x] = palette[i];
        }

        p += line;
    }
}


void
meter_tight_read(meter_tight_t *tight, bench_wire_t *wire, uint32_t *pixels,
    size_t stride, int w, int h)
{
    int             i, stream;
    uint8_t         control, filter, colour[3];
    const uint8_t  *p;

    bench_wire_get(wire, &control, 1);

    for (i = 0; i < TIGHT_STREAMS; i++) {
        if (control & 1 << i) {
            inflateReset(&tight->z[i]);
        }
    }

    control >>= 4;
    filter = TIGHT_COPY;

    if (control == TIGHT_FILL) {
        bench_wire_get(wire, colour, sizeof(colour));

        for (i = 0; i < w * h; i++) {
            pixels[(size_t) (i / w) * stride + (size_t) (i % w)] =
                tight_pixel(colour);
        }

        return;
    }

    if (control == TIGHT_JPEG) {
        tight_jpeg(tight, wire, pixels, stride, w, h);
        return;
    }

    if (control > TIGHT_JPEG) {
        meter_die("Tight: control %u", (unsigned) control);
    }

    if (control & TIGHT_EXPLICIT) {
        bench_wire_get(wire, &filter, 1);
    }

    stream = control & 3;

    if (filter == TIGHT_PALETTE) {
        tight_palette(tight, wire, stream, pixels, stride, w, h);
        return;
    }

    p = tight_data(tight, wire, stream, 3 * (size_t) w * (size_t) h);

    if (filter == TIGHT_GRADIENT) {
        tight_gradient(p, pixels, stride, w, h);

    } else {
        tight_copy(p, pixels, stride, w, h);
    }
}


static const uint8_t *
zrle_take(tight_bytes_t *in, size_t n)
{
    const uint8_t  *p;

    p = in->pos;

    if ((size_t) (in->end - p) < n) {
        meter_die("ZRLE: a tile too short");
    }

    in->pos = p + n;

    return p;
}


/* ZRLE's order of bytes is the pixel's: blue first */

static uint32_t
zrle_pixel(tight_bytes_t *in)
{
    const uint8_t  *p;

    p = zrle_take(in, 3);

    return (uint32_t) p[2] << 16 | (uint32_t) p[1] << 8 | p[0];
}


static void
zrle_runs(tight_bytes_t *in, const uint32_t *palette, size_t n,
    uint32_t *pixels, size_t stride, int w, int h)
{
    int       at, run;
    uint8_t   byte;
    uint32_t  pixel;

    for (at = 0; at < w * h; /* void */ ) {
        run = 1;
        byte = 0x80;

        if (n) {
            byte = *zrle_take(in, 1);
            pixel = palette[byte & 0x7f];

        } else {
            pixel = zrle_pixel(in);
        }

        if (byte & 0x80) {
            do {
                byte = *zrle_take(in, 1);
                run += byte;
            } while (byte == 255);
        }

        for ( /* void */ ; run && at < w * h; run--, at++) {
            pixels[(size_t) (at / w) * stride + (size_t) (at % w)] = pixel;
        }
    }
}


static void
zrle_packed(tight_bytes_t *in, const uint32_t *palette, size_t n,
    uint32_t *pixels, size_t stride, int w, int h)
{
    int             x, y, bits;
    const uint8_t  *p;

    bits = n == 2 ? 1 : n <= 4 ? 2 : 4;

    for (y = 0; y < h; y++) {
        p = zrle_take(in, (size_t) (w * bits + 7) / 8);

        for (x = 0; x < w; x++) {
            pixels[(size_t) y * stride + (size_t) x] =
                palette[p[x * bits / 8] >> (8 - bits - x * bits % 8)
                        & ((1 << bits) - 1)];
        }
    }
}


static void
zrle_tile(tight_bytes_t *in, uint32_t *pixels, size_t stride, int w, int h)
{
    int       i;
    size_t    n;
    uint8_t   kind;
    uint32_t  palette[128];

    kind = *zrle_take(in, 1);
    n = kind & 0x7f;
    memset(palette, 0, sizeof(palette));

    if (kind == 0) {
        for (i = 0; i < w * h; i++) {
            pixels[(size_t) (i / w) * stride + (size_t) (i % w)] =
                zrle_pixel(in);
        }

        return;
    }

    for (i = 0; i < (int) n; i++) {
        palette[i] = zrle_pixel(in);
    }

    if (kind == 1) {
        for (i = 0; i < w * h; i++) {
            pixels[(size_t) (i / w) * stride + (size_t) (i % w)] = palette[0];
        }

        return;
    }

    if (kind & 0x80) {
        zrle_runs(in, palette, n, pixels, stride, w, h);

    } else {
        zrle_packed(in, palette, n, pixels, stride, w, h);
    }
}


void
meter_zrle_read(meter_tight_t *tight, bench_wire_t *wire, uint32_t *pixels,
    size_t stride, int w, int h)
{
    int             x, y;
    size_t          n;
    uint8_t         length[4];
    z_stream       *z;
    tight_bytes_t   in;

    bench_wire_get(wire, length, sizeof(length));
    n = (size_t) length[0] << 24 | (size_t) length[1] << 16
        | (size_t) length[2] << 8 | length[3];

    z = &tight->z[TIGHT_ZRLE];
    z->next_in = tight_room(&tight->packed, &tight->packed_size, n);
    z->avail_in = (unsigned) n;

    bench_wire_get(wire, tight->packed, n);

    /* no tile is larger than its palette and a byte more a pixel */
    n = ((size_t) w * (size_t) h) * 4
        + 512 * (size_t) ((w + TIGHT_TILE - 1) / TIGHT_TILE)
          * (size_t) ((h + TIGHT_TILE - 1) / TIGHT_TILE);

    z->next_out = tight_room(&tight->plain, &tight->plain_size, n);
    z->avail_out = (unsigned) n;

    if (inflate(z, Z_SYNC_FLUSH) < 0 || z->avail_in) {
        meter_die("ZRLE: data that do not inflate");
    }

    in.pos = tight->plain;
    in.end = z->next_out;

    for (y = 0; y < h; y += TIGHT_TILE) {
        for (x = 0; x < w; x += TIGHT_TILE) {
            zrle_tile(&in, pixels + (size_t) y * stride + (size_t) x, stride,
                      w - x < TIGHT_TILE ? w - x : TIGHT_TILE,
                      h - y < TIGHT_TILE ? h - y : TIGHT_TILE);
        }
    }
}
