
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The websocket codec: headers decided early, unmasking, UTF-8, close codes,
 * what is written, keys.
 *
 * Thread: one.  Ownership: static buffers.
 */


#include "websocket_frame.h"


static void
test_announced(void)
{
    int                         held;
    size_t                      i, j, used;
    uint8_t                     copy[16], *pos;
    selkies_websocket_t         ws;
    selkies_websocket_event_t   event;

    static const struct {
        const char  *name;
        uint8_t      header[10];
        size_t       len;           /* decided by then, without the mask */
        unsigned     code;
    } rows[] = {
        { "length 2^63", { 0x82, 0xff, 0x80 }, 10, 1002 },
        { "length 2^64 - 1", { 0x82, 0xff, 255, 255, 255, 255, 255, 255, 255,
                               255 }, 10, 1002 },
        { "length 2^63 - 1", { 0x82, 0xff, 127, 255, 255, 255, 255, 255, 255,
                               255 }, 10, 1009 },
        { "65535 in the long form", { 0x82, 0xff, 0, 0, 0, 0, 0, 0, 255,
                                      255 }, 10, 1002 },
        { "125 in the middle form", { 0x82, 0xfe, 0, 125 }, 4, 1002 },
        { "one more than the limit", { 0x81, 0xff, 0, 0, 0, 0, 0, 16, 0,
                                       1 }, 10, 1009 },
        { "unmasked, decided at byte 2", { 0x81, 0x05 }, 2, 1002 },
        { "opcode, decided at byte 1", { 0x83 }, 1, 1002 },
        { "long ping, decided at byte 2", { 0x89, 0xfe }, 2, 1002 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        selkies_websocket_init(&ws, LIMIT);
        memcpy(copy, rows[i].header, sizeof(rows[i].header));

        held = 1;
        used = 0;
        event.code = 0;

        for (j = 0; j < rows[i].len; j++) {
            pos = copy + j;
            used++;

            if (selkies_websocket_read(&ws, &pos, copy + j + 1, &event)
                == SELKIES_WEBSOCKET_ERROR)
            {
                break;
            }
        }

        held = held && used == rows[i].len && event.code == rows[i].code;

        /* and it stays so */

        pos = copy;
        held = held
               && selkies_websocket_read(&ws, &pos, copy + 4, &event)
                  == SELKIES_WEBSOCKET_ERROR
               && event.code == rows[i].code && pos == copy + 4;

        ok(held, "%s: %u after %zu bytes", rows[i].name, rows[i].code,
           rows[i].len);
    }
}


static void
test_unmask(void)
{
    int                          held;
    size_t                       i, n, at, cut;
    uint8_t                      plain[80], wire[128], *pos;
    selkies_websocket_t          ws;
    selkies_websocket_event_t    event;

    held = 1;

    for (at = 0; at < 9; at++) {

        for (n = 1; n < 70; n++) {

            for (cut = 0; cut <= n; cut++) {

                for (i = 0; i < n; i++) {
                    plain[i] = (uint8_t) random_bits();
                }

                input_len = 0;
                put_frame(FIN|BIN, plain, n, 0);
                memcpy(wire + at, input, input_len);

                selkies_websocket_init(&ws, LIMIT);
                pos = wire + at;

                while (selkies_websocket_read(&ws, &pos,
                                              wire + at + input_len - n + cut,
                                              &event)
                       == SELKIES_WEBSOCKET_EVENT)
                {
                    /* void */
                }

                while (selkies_websocket_read(&ws, &pos, wire + at + input_len,
                                              &event)
                       == SELKIES_WEBSOCKET_EVENT)
                {
                    /* void */
                }

                held = held
                       && memcmp(wire + at + input_len - n, plain, n) == 0;
            }
        }
    }

    ok(held, "unmasking at every alignment, length and cut");
}


/* a decoder of another kind: decodes, then looks at what came out */

static int
utf8_reference(const uint8_t *p, size_t len)
{
    size_t    i, n;
    uint32_t  c, least;

    while (len > 0) {
        n = *p < 0x80 ? 1 : (*p & 0xe0) == 0xc0 ? 2 : (*p & 0xf0) == 0xe0 ? 3
            : (*p & 0xf8) == 0xf0 ? 4 : 0;

        if (n == 0 || n > len) {
            return 0;
        }

        c = n == 1 ? *p : *p & (0xffu >> (n + 1));

        for (i = 1; i < n; i++) {

            if ((p[i] & 0xc0) != 0x80) {
                return 0;
            }

            c = c << 6 | (p[i] & 0x3f);
        }

        least = n == 1 ? 0 : n == 2 ? 0x80 : n == 3 ? 0x800 : 0x10000;

        if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
            return 0;
        }

        p += n;
        len -= n;
    }

    return 1;
}


static void
test_utf8(void)
{
    int       held;
    size_t    n;
    uint8_t   text[16];
    uint32_t  i, j;

    held = 1;

    for (i = 0; i < 1 << 24; i++) {
        text[0] = (uint8_t) (i >> 16);
        text[1] = (uint8_t) (i >> 8);
        text[2] = (uint8_t) i;

        held = held
               && selkies_websocket_utf8(text, 3) == utf8_reference(text, 3);
    }

    ok(held, "UTF-8: all texts of three bytes");

    held = 1;

    for (i = 0; i < 1 << 21; i++) {
        n = 1 + random_number(15);

        for (j = 0; j < n; j++) {
            /* mostly bytes that begin and continue sequences */
            text[j] = (uint8_t) random_bits();
            text[j] |= random_bits() & 1 ? 0x80 : 0;

            if (j > 0 && random_bits() & 1) {
                text[j] = (uint8_t) (0x80 | (text[j] & 0x3f));
            }
        }

        held = held
               && selkies_websocket_utf8(text, n) == utf8_reference(text, n);
    }

    ok(held, "UTF-8: random texts");
    ok(selkies_websocket_utf8(NULL, 0), "UTF-8: nothing");
}


/* RFC 6455 7.4, the registry, and what the suite expects of 7.7 and 7.9 */

static void
test_close_codes(void)
{
    int                          held, valid;
    uint8_t                      payload[2], *pos;
    unsigned                     code;
    selkies_websocket_t          ws;
    selkies_websocket_event_t    event;
    selkies_websocket_result_t   rc;

    held = 1;

    for (code = 0; code < 65536; code++) {
        valid = code >= 3000 && code < 5000;

        switch (code) {
        case 1000: case 1001: case 1002: case 1003: case 1007: case 1008:
        case 1009: case 1010: case 1011: case 1012: case 1013: case 1014:
            valid = 1;
        }

        payload[0] = (uint8_t) (code >> 8);
        payload[1] = (uint8_t) code;

        input_len = 0;
        put_frame(CLOSE, payload, 2, 0);

        selkies_websocket_init(&ws, LIMIT);
        pos = input;
        rc = selkies_websocket_read(&ws, &pos, input + input_len, &event);

        held = held && selkies_websocket_close_code_valid(code) == valid
               && (valid ? rc == SELKIES_WEBSOCKET_EVENT
                           && event.kind == SELKIES_WEBSOCKET_GOT_CLOSE
                           && event.code == code && event.len == 0
                         : rc == SELKIES_WEBSOCKET_ERROR
                           && event.code == 1002);
    }

    ok(held, "all close codes");
}


static void
test_writers(void)
{
    int       held;
    char      reason[200];
    size_t    i, n;
    uint8_t   out[SELKIES_WEBSOCKET_CLOSE_MAX], room[32], *p;

    static const struct {
        uint64_t  len;
        size_t    header_len;
        uint8_t   header[10];
    } rows[] = {
        { 0, 2, { 0x82, 0 } },
        { 125, 2, { 0x82, 125 } },
        { 126, 4, { 0x82, 126, 0, 126 } },
        { 65535, 4, { 0x82, 126, 255, 255 } },
        { 65536, 10, { 0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0 } },
        { 0x123456789a, 10, { 0x82, 127, 0, 0, 0, 0x12, 0x34, 0x56, 0x78,
                              0x9a } }
    };

    held = 1;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        n = selkies_websocket_header(out, BIN, 1, rows[i].len);
        held = held && n == rows[i].header_len
               && memcmp(out, rows[i].header, n) == 0;

        memset(room, 0xee, sizeof(room));
        p = selkies_websocket_header_before(room + 16, BIN, 1, rows[i].len);
        held = held && p == room + 16 - n
               && memcmp(p, rows[i].header, n) == 0
               && p[-1] == 0xee && room[16] == 0xee;
    }

    ok(held, "headers of every form, in front of the payload, too");

    selkies_websocket_header(out, TEXT, 0, 1);
    ok(out[0] == 0x01, "a header without FIN");

    n = selkies_websocket_close(out, 1012, "restart", 7);
    ok(n == 11 && memcmp(out, "\x88\x09\x03\xf4" "restart", 11) == 0,
       "close frame");

    n = selkies_websocket_close(out, 1005, "x", 1);
    ok(n == 2 && memcmp(out, "\x88\x00", 2) == 0, "1005 is not sent");

    n = selkies_websocket_close(out, 1000, NULL, 0);
    ok(n == 4 && memcmp(out, "\x88\x02\x03\xe8", 4) == 0, "no reason");

    memset(reason, 'a', sizeof(reason));
    n = selkies_websocket_close(out, 1000, reason, sizeof(reason));
    ok(n == 127 && out[1] == 125, "a long reason is cut to 123 bytes");

    memcpy(reason + 121, "\xe2\x82\xac", 3);
    n = selkies_websocket_close(out, 1000, reason, sizeof(reason));
    ok(n == 125 && out[1] == 123, "not inside a sequence");
}


static void
test_key(void)
{
    size_t  i;

    static const struct {
        const char  *key;
        int          valid;
    } rows[] = {
        { "dGhlIHNhbXBsZSBub25jZQ==", 1 },
        { "AAAAAAAAAAAAAAAAAAAAAA==", 1 },
        { "/+/+/+/+/+/+/+/+/+/+/w==", 1 },
        { "dGhlIHNhbXBsZSBub25jZR==", 0 },
        { "dGhlIHNhbXBsZSBub25jZQ=", 0 },
        { "dGhlIHNhbXBsZSBub25jZQ===", 0 },
        { "dGhlIHNhbXBsZSBub25jZQA=", 0 },
        { "dGhlIHNhbXBsZSBub25jZQAA", 0 },
        { "dGhlIHNhbXBsZSBub25-ZQ==", 0 },
        { "dGhlIHNhbXBs SBub25jZQ==", 0 },
        { "dGhlIHNhbXBsZSBub25=ZQ==", 0 },
        { "", 0 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ok(selkies_websocket_key_valid((const uint8_t *) rows[i].key,
                                       strlen(rows[i].key))
           == rows[i].valid, "key \"%s\"", rows[i].key);
    }
}


int
main(void)
{
    test_announced();
    test_unmask();
    test_utf8();
    test_close_codes();
    test_writers();
    test_key();

    return done_testing();
}
