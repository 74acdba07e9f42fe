
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * See repack.h.  Nothing is decoded, and nothing allocated: chunk after chunk
 * is stepped over, so a picture of 16 MiB takes microseconds.
 */


#include <string.h>

#include "repack.h"


#define SELKIES_PNG_SIDE_MAX    32767
#define SELKIES_PNG_PIXELS_MAX  (64 * 1024 * 1024)

#define SELKIES_PNG_IHDR_BYTES  13


typedef struct {
    unsigned    header:1;
    unsigned    palette:1;
    unsigned    data:1;
    unsigned    data_ended:1;
    unsigned    needs_palette:1;
} selkies_png_seen_t;


static int selkies_png_chunk(selkies_png_seen_t *seen, const uint8_t *type,
    const uint8_t *data, size_t len);
static int selkies_png_header(selkies_png_seen_t *seen, const uint8_t *data,
    size_t len);
static uint32_t selkies_png_number(const uint8_t *p);


size_t
selkies_png_length(const uint8_t *data, size_t len)
{
    size_t              pos, n;
    const uint8_t      *type;
    selkies_png_seen_t  seen;

    static const uint8_t  signature[8] = {
        0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'
    };

    if (len < sizeof(signature)
        || memcmp(data, signature, sizeof(signature)) != 0)
    {
        return 0;
    }

    memset(&seen, 0, sizeof(selkies_png_seen_t));

    /* a length, a type, so many bytes, a checksum */

    for (pos = sizeof(signature); len - pos >= 12; pos += 12 + n) {
        n = selkies_png_number(data + pos);
        type = data + pos + 4;

        if (n > len - pos - 12) {
            return 0;
        }

        if (memcmp(type, "IEND", 4) == 0) {
            return seen.data && n == 0 ? pos + 12 : 0;
        }

        if (!selkies_png_chunk(&seen, type, type + 4, n)) {
            return 0;
        }
    }

    return 0;
}


static int
selkies_png_chunk(selkies_png_seen_t *seen, const uint8_t *type,
    const uint8_t *data, size_t len)
{
    int  i;

    for (i = 0; i < 4; i++) {

        if ((type[i] | 0x20) < 'a' || (type[i] | 0x20) > 'z') {
            return 0;
        }
    }

    if (memcmp(type, "IHDR", 4) == 0) {
        return !seen->header && selkies_png_header(seen, data, len);
    }

    if (!seen->header) {
        return 0;
    }

    if (memcmp(type, "IDAT", 4) == 0) {

        if (seen->data_ended || (seen->needs_palette && !seen->palette)) {
            return 0;
        }

        seen->data = 1;
        return 1;
    }

    seen->data_ended = seen->data;

    if (memcmp(type, "PLTE", 4) == 0) {

        if (seen->palette || seen->data || len == 0 || len > 768
            || len % 3 != 0)
        {
            return 0;
        }

        seen->palette = 1;
        return 1;
    }

    /* a capital: whoever does not know it cannot show the picture */

    return (type[0] & 0x20) != 0;
}


static int
selkies_png_header(selkies_png_seen_t *seen, const uint8_t *data, size_t len)
{
    uint32_t  width, height;

    /* depths that a type of colour may have, a bit each */

    static const uint32_t  depths[] = {
        1 << 1 | 1 << 2 | 1 << 4 | 1 << 8 | 1 << 16, 0, 1 << 8 | 1 << 16,
        1 << 1 | 1 << 2 | 1 << 4 | 1 << 8, 1 << 8 | 1 << 16, 0,
        1 << 8 | 1 << 16
    };

    if (len != SELKIES_PNG_IHDR_BYTES) {
        return 0;
    }

    width = selkies_png_number(data);
    height = selkies_png_number(data + 4);

    if (width == 0 || width > SELKIES_PNG_SIDE_MAX
        || height == 0 || height > SELKIES_PNG_SIDE_MAX
        || (uint64_t) width * height > SELKIES_PNG_PIXELS_MAX)
    {
        return 0;
    }

    if (data[8] > 16 || data[9] >= sizeof(depths) / sizeof(depths[0])
        || !(depths[data[9]] & UINT32_C(1) << data[8])
        || data[10] != 0 || data[11] != 0 || data[12] > 1)
    {
        return 0;
    }

    seen->header = 1;
    seen->needs_palette = data[9] == 3;

    return 1;
}


static uint32_t
selkies_png_number(const uint8_t *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | p[3];
}
