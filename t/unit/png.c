
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Which pictures of a clipboard are passed on as PNG.
 *
 * Thread: the main thread.
 */


#include <string.h>

#include "tap.h"
#include "../../encoders/repack.h"


static uint8_t  buf[4096];
static size_t   len;


static void
chunk(const char *type, const char *data, size_t n)
{
    uint8_t  head[8] = { (uint8_t) (n >> 24), (uint8_t) (n >> 16),
                         (uint8_t) (n >> 8), (uint8_t) n };

    memcpy(head + 4, type, 4);
    memcpy(buf + len, head, 8);
    memcpy(buf + len + 8, data, n);
    memset(buf + len + 8 + n, 0, 4);
    len += 12 + n;
}


static void
header(uint32_t width, uint32_t height, int depth, int type)
{
    char  data[13] = { (char) (width >> 24), (char) (width >> 16),
                       (char) (width >> 8), (char) width,
                       (char) (height >> 24), (char) (height >> 16),
                       (char) (height >> 8), (char) height,
                       (char) depth, (char) type };

    memcpy(buf, "\x89PNG\r\n\x1a\n", 8);
    len = 8;
    chunk("IHDR", data, sizeof(data));
}


static size_t
end(void)
{
    chunk("IDAT", "data", 4);
    chunk("IEND", "", 0);

    return selkies_png_length(buf, len);
}


static void
headers(void)
{
    int     good;
    size_t  i, n;

    static const struct {
        uint32_t  width, height;
        int       depth, type, good;
    } rows[] = {
        { 1, 1, 8, 6, 1 }, { 8192, 8192, 8, 2, 1 }, { 32767, 2048, 16, 6, 1 },
        { 5, 5, 1, 0, 1 }, { 5, 5, 16, 0, 1 }, { 5, 5, 8, 4, 1 },
        { 0, 1, 8, 6, 0 }, { 1, 0, 8, 6, 0 }, { 8192, 8193, 8, 6, 0 },
        { 32768, 1, 8, 6, 0 }, { 1, 0x80000001, 8, 6, 0 },
        { 0xffffffff, 0xffffffff, 8, 6, 0 }, { 65536, 65536, 8, 6, 0 },
        { 5, 5, 8, 1, 0 }, { 5, 5, 8, 5, 0 }, { 5, 5, 8, 7, 0 },
        { 5, 5, 4, 6, 0 }, { 5, 5, 3, 0, 0 }, { 5, 5, 0, 0, 0 },
        { 5, 5, 16, 3, 0 }, { 5, 5, 32, 6, 0 }, { 5, 5, 255, 6, 0 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        header(rows[i].width, rows[i].height, rows[i].depth, rows[i].type);
        n = end();
        good = n == len;
        ok(good == rows[i].good && (good || n == 0), "%u x %u, %d bits of %d",
           rows[i].width, rows[i].height, rows[i].depth, rows[i].type);
    }

    for (i = 10; i < 13; i++) {
        header(1, 1, 8, 6);
        buf[16 + i] = 2;
        ok(end() == 0, "an unknown method, byte %zu", i);
    }

    header(1, 1, 8, 6);
    buf[28] = 1;
    ok(end() == len, "interlaced");
}


static void
chunks(void)
{
    size_t  whole, i;

    header(2, 2, 8, 6);
    chunk("tEXt", "a text", 6);
    whole = end();
    ok(whole == len, "with a text");

    for (i = 0; i < whole && selkies_png_length(buf, i) == 0; i++) {
        /* void */
    }

    ok(i == whole, "cut anywhere it is none");

    memcpy(buf + len, "PK\3\4 and more", 13);
    ok(selkies_png_length(buf, len + 13) == whole, "what follows is not of it");

    header(2, 2, 8, 6);
    chunk("IDAT", "more", 4);
    ok(end() == len, "two pieces of data");
    header(2, 2, 8, 6);
    chunk("IDAT", "more", 4);
    chunk("tEXt", "a text", 6);
    ok(end() == 0, "not one behind the other");
    header(2, 2, 8, 6);
    chunk("IEND", "", 0);
    ok(selkies_png_length(buf, len) == 0, "no data");
    header(2, 2, 8, 6);
    chunk("IDAT", "", 0);
    chunk("IEND", "x", 1);
    ok(selkies_png_length(buf, len) == 0, "something in its end");
    header(2, 2, 8, 6);
    chunk("CrIT", "x", 1);
    ok(end() == 0, "a chunk that nobody knows and everybody needs");
    header(2, 2, 8, 6);
    chunk("te\1t", "x", 1);
    ok(end() == 0, "a type that is no word");
    header(2, 2, 8, 6);
    memcpy(buf + len, buf + 8, 25);
    len += 25;
    ok(end() == 0, "two headers");
    header(2, 2, 8, 6);
    len = 8;
    chunk("IDAT", "x", 1);
    ok(end() == 0, "none");

    header(2, 2, 8, 3);
    ok(end() == 0, "no palette");
    header(2, 2, 8, 3);
    chunk("PLTE", "rgbrgb", 6);
    ok(end() == len, "a palette");
    header(2, 2, 8, 3);
    chunk("PLTE", "rgbr", 4);
    ok(end() == 0, "one that is none");

    header(2, 2, 8, 6);
    memset(buf + len, 0xff, 12);
    len += 12;
    ok(selkies_png_length(buf, len) == 0, "a length beyond all");
    ok(selkies_png_length((const uint8_t *) "GIF89a..", 8) == 0
       && selkies_png_length(buf, 0) == 0, "something else");
}


int
main(void)
{
    headers();
    chunks();

    return done_testing();
}
