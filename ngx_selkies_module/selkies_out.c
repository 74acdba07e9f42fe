
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Bounded output: numbers, JSON strings, base64 (selkies_out.h).
 *
 * Thread: any.  Ownership: nothing is allocated.
 */


#include <string.h>

#include "selkies_out.h"
#include "selkies_protocol.h"


static size_t selkies_out_sequence(const uint8_t *p, const uint8_t *end);


static const char  selkies_base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static const int8_t  selkies_base64_values[128] = {
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 62, -1, -1, -1, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, -1, -1, -1, -1, -1, -1,
    -1,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, -1, -1, -1, -1, -1,
    -1, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, -1, -1, -1, -1, -1
};


void
selkies_out_init(selkies_out_t *out, uint8_t *buf, size_t size)
{
    out->buf = buf;
    out->size = size;
    out->len = 0;
}


void
selkies_out_bytes(selkies_out_t *out, const void *data, size_t len)
{
    if (len != 0 && out->len < out->size && len <= out->size - out->len) {
        memcpy(out->buf + out->len, data, len);
    }

    out->len += len;
}


void
selkies_out_text(selkies_out_t *out, const char *text)
{
    selkies_out_bytes(out, text, strlen(text));
}


void
selkies_out_uint(selkies_out_t *out, uint64_t n)
{
    size_t  i;
    char    digits[20];

    i = sizeof(digits);

    do {
        digits[--i] = (char) ('0' + n % 10);
        n /= 10;
    } while (n != 0);

    selkies_out_bytes(out, &digits[i], sizeof(digits) - i);
}


void
selkies_out_int(selkies_out_t *out, int64_t n)
{
    if (n < 0) {
        selkies_out_bytes(out, "-", 1);
        selkies_out_uint(out, 0 - (uint64_t) n);
        return;
    }

    selkies_out_uint(out, (uint64_t) n);
}


void
selkies_out_fixed(selkies_out_t *out, double number, unsigned digits)
{
    char      text[6];
    unsigned  i;
    uint64_t  n, scale;

    if (!(number == number)) {
        number = 0;
    }

    number = number > 1e12 ? 1e12 : number < -1e12 ? -1e12 : number;
    digits = digits > sizeof(text) ? sizeof(text) : digits;

    for (scale = 1, i = 0; i < digits; i++) {
        scale *= 10;
    }

    n = (uint64_t) ((number < 0 ? -number : number) * (double) scale + 0.5);

    if (number < 0 && n != 0) {
        selkies_out_bytes(out, "-", 1);
    }

    selkies_out_uint(out, n / scale);

    if (digits == 0) {
        return;
    }

    n %= scale;

    for (i = digits; i > 0; i--) {
        text[i - 1] = (char) ('0' + n % 10);
        n /= 10;
    }

    selkies_out_bytes(out, ".", 1);
    selkies_out_bytes(out, text, digits);
}


/*
 * The length of the UTF-8 sequence at p, 0 where it is none (Unicode 3.9,
 * table 3-7).
 */

static size_t
selkies_out_sequence(const uint8_t *p, const uint8_t *end)
{
    size_t   i, n;
    uint8_t  low, high;

    if (*p < 0x80) {
        return 1;
    }

    if (*p < 0xc2 || *p > 0xf4) {
        return 0;
    }

    n = *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
    low = *p == 0xe0 ? 0xa0 : *p == 0xf0 ? 0x90 : 0x80;
    high = *p == 0xed ? 0x9f : *p == 0xf4 ? 0x8f : 0xbf;

    if ((size_t) (end - p) < n || p[1] < low || p[1] > high) {
        return 0;
    }

    for (i = 2; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }

    return n;
}


void
selkies_out_json(selkies_out_t *out, const void *text, size_t len)
{
    selkies_out_bytes(out, "\"", 1);
    selkies_out_escape(out, text, len);
    selkies_out_bytes(out, "\"", 1);
}


void
selkies_out_escape(selkies_out_t *out, const void *text, size_t len)
{
    char            escape[2];
    size_t          n;
    const uint8_t  *p, *end;

    static const char  hex[] = "0123456789abcdef";

    p = text;
    end = p + len;

    while (p < end) {
        n = selkies_out_sequence(p, end);

        if (n == 0) {
            selkies_out_text(out, "\\ufffd");
            p++;
            continue;
        }

        if (n == 3 && p[0] == 0xe2 && p[1] == 0x80
            && (p[2] == 0xa8 || p[2] == 0xa9))
        {
            selkies_out_text(out, p[2] == 0xa8 ? "\\u2028" : "\\u2029");

        } else if (*p == '"' || *p == '\\') {
            escape[0] = '\\';
            escape[1] = (char) *p;
            selkies_out_bytes(out, escape, 2);

        } else if (*p < 0x20 || *p == 0x7f || *p == '<' || *p == '>'
                   || *p == '&')
        {
            escape[0] = hex[*p >> 4];
            escape[1] = hex[*p & 15];
            selkies_out_text(out, "\\u00");
            selkies_out_bytes(out, escape, 2);

        } else {
            selkies_out_bytes(out, p, n);
        }

        p += n;
    }
}


void
selkies_out_line(selkies_out_t *out, const char *text)
{
    size_t          n;
    const uint8_t  *p, *end;

    p = (const uint8_t *) text;
    end = p + strlen(text);

    while (p < end) {
        n = selkies_out_sequence(p, end);

        if (n == 0) {
            selkies_out_bytes(out, "\xef\xbf\xbd", 3);
            p++;
            continue;
        }

        if (*p < 0x20 || *p == 0x7f) {
            selkies_out_bytes(out, " ", 1);

        } else {
            selkies_out_bytes(out, p, n);
        }

        p += n;
    }
}


void
selkies_out_base64(selkies_out_t *out, const uint8_t *data, size_t len)
{
    size_t  n;

    n = SELKIES_BASE64_BYTES(len);

    if (len != 0 && out->len < out->size && n <= out->size - out->len) {
        selkies_base64_encode(out->buf + out->len, data, len);
    }

    out->len += n;
}


size_t
selkies_base64_encode(uint8_t *out, const uint8_t *in, size_t len)
{
    size_t       i;
    uint8_t     *p;
    uint32_t     n;
    const char  *digits;

    p = out;
    digits = selkies_base64_digits;

    for (i = 0; len - i >= 3; i += 3) {
        n = (uint32_t) in[i] << 16 | (uint32_t) in[i + 1] << 8 | in[i + 2];

        *p++ = (uint8_t) digits[n >> 18];
        *p++ = (uint8_t) digits[n >> 12 & 63];
        *p++ = (uint8_t) digits[n >> 6 & 63];
        *p++ = (uint8_t) digits[n & 63];
    }

    if (len - i == 1) {
        *p++ = (uint8_t) digits[in[i] >> 2];
        *p++ = (uint8_t) digits[in[i] << 4 & 63];
        *p++ = '=';
        *p++ = '=';

    } else if (len - i == 2) {
        *p++ = (uint8_t) digits[in[i] >> 2];
        *p++ = (uint8_t) digits[(in[i] << 4 | in[i + 1] >> 4) & 63];
        *p++ = (uint8_t) digits[in[i + 1] << 2 & 63];
        *p++ = '=';
    }

    return (size_t) (p - out);
}


static int
selkies_base64_digit(uint8_t c)
{
    return c < 128 ? selkies_base64_values[c] : -1;
}


size_t
selkies_base64_decode(uint8_t *out, const uint8_t *in, size_t len)
{
    int             a, b, c, d;
    uint8_t        *p;
    const uint8_t  *end;

    if (len % 4 != 0) {
        return (size_t) -1;
    }

    p = out;

    for (end = in + len; in < end; in += 4) {
        a = selkies_base64_digit(in[0]);
        b = selkies_base64_digit(in[1]);
        c = selkies_base64_digit(in[2]);
        d = selkies_base64_digit(in[3]);

        if ((a | b | c | d) >= 0) {
            *p++ = (uint8_t) (a << 2 | b >> 4);
            *p++ = (uint8_t) (b << 4 | c >> 2);
            *p++ = (uint8_t) (c << 6 | d);

            continue;
        }

        /* padding ends the text, and bits that belong to no byte are zero */

        if (in + 4 != end || in[3] != '=' || (a | b) < 0) {
            return (size_t) -1;
        }

        *p++ = (uint8_t) (a << 2 | b >> 4);

        if (in[2] == '=' && (b & 15) == 0) {
            break;
        }

        if (c < 0 || (c & 3) != 0) {
            return (size_t) -1;
        }

        *p++ = (uint8_t) (b << 4 | c >> 2);
    }

    return (size_t) (p - out);
}
