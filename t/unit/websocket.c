
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The websocket codec: every conversation of the table is played whole and
 * cut into pieces of 1, 2, 3, 5 and 64 bytes, and must read the same; numbers
 * in names are the groups of the Autobahn test suite, whose ideas these are.
 *
 * Thread: one.  Ownership: static buffers.
 */


#include <stdlib.h>
#include <string.h>

#include "../../ngx_selkies_module/selkies_protocol.h"
#include "../../ngx_selkies_module/selkies_websocket.h"
#include "tap.h"


#define LIMIT   (1024 * 1024)

#define FIN     0x80
#define CONT    (SELKIES_WEBSOCKET_CONTINUATION)
#define TEXT    (SELKIES_WEBSOCKET_TEXT)
#define BIN     (SELKIES_WEBSOCKET_BINARY)
#define CLOSE   (FIN|SELKIES_WEBSOCKET_CLOSE)
#define PING    (FIN|SELKIES_WEBSOCKET_PING)
#define PONG    (FIN|SELKIES_WEBSOCKET_PONG)


typedef struct {
    unsigned      first;            /* first byte of the header */
    const char   *payload;          /* NULL ends the frames */
    int           len;              /* of the payload, -1: up to its zero */
    int           form;             /* 0 shortest, 126, 127: that length form;
                                       -1: not masked */
} frame_t;


typedef struct {
    const char   *name;
    const char   *expected;         /* transcript, see play() */
    frame_t       frames[8];
} case_t;


/*
 * In a transcript T is a text, B a binary message, P a ping, O a pong, C a
 * close with its code and reason, E the code of an error.  `.` ends each.
 */

static const case_t  cases[] = {

    /* 1: framing */

    { "1.1.1 empty text", "T.", { { FIN|TEXT, "", -1, 0 } } },
    { "1.1.2 text", "Tabc.", { { FIN|TEXT, "abc", -1, 0 } } },
    { "1.2.1 empty binary", "B.", { { FIN|BIN, "", -1, 0 } } },
    { "1.2.2 binary", "B\xfe\xfe.", { { FIN|BIN, "\xfe\xfe", -1, 0 } } },
    { "two messages", "Ta.Bb.",
      { { FIN|TEXT, "a", -1, 0 }, { FIN|BIN, "b", -1, 0 } } },

    /* 2: pings and pongs */

    { "2.1 ping without payload", "P.", { { PING, "", -1, 0 } } },
    { "2.2 ping", "Phello.", { { PING, "hello", -1, 0 } } },
    { "2.3 ping with binary payload", "P\xff\xfe\x01.",
      { { PING, "\xff\xfe\x01", -1, 0 } } },
    { "2.5 ping of 126 bytes", "E1002.", { { PING, "", 126, 126 } } },
    { "2.7 pong without payload", "O.", { { PONG, "", -1, 0 } } },
    { "2.9 pong, then ping", "Ox.Py.",
      { { PONG, "x", -1, 0 }, { PING, "y", -1, 0 } } },
    { "2.10 pings", "P1.P2.P3.",
      { { PING, "1", -1, 0 }, { PING, "2", -1, 0 }, { PING, "3", -1, 0 } } },

    /* 3: reserved bits */

    { "3.1 RSV3", "E1002.", { { FIN|0x10|TEXT, "a", -1, 0 } } },
    { "3.2 text, RSV2, ping", "Ta.E1002.",
      { { FIN|TEXT, "a", -1, 0 }, { FIN|0x20|TEXT, "b", -1, 0 },
        { PING, "", -1, 0 } } },
    { "3.4 RSV1", "E1002.", { { FIN|0x40|TEXT, "b", -1, 0 } } },
    { "3.5 all, binary", "E1002.", { { FIN|0x70|BIN, "b", -1, 0 } } },
    { "3.6 in a ping", "E1002.", { { 0x60|PING, "b", -1, 0 } } },
    { "3.7 in a close", "E1002.", { { 0x10|CLOSE, "", -1, 0 } } },

    /* 4: opcodes */

    { "4.1.1 opcode 3", "E1002.", { { FIN|3, "", -1, 0 } } },
    { "4.1.2 opcode 4", "E1002.", { { FIN|4, "x", -1, 0 } } },
    { "4.1.3 text, opcode 5, ping", "Ta.E1002.",
      { { FIN|TEXT, "a", -1, 0 }, { FIN|5, "", -1, 0 },
        { PING, "", -1, 0 } } },
    { "4.1.4 opcode 6", "E1002.", { { FIN|6, "x", -1, 0 } } },
    { "4.1.5 opcode 7", "E1002.", { { FIN|7, "x", -1, 0 } } },
    { "4.2.1 opcode 11", "E1002.", { { FIN|11, "", -1, 0 } } },
    { "4.2.2 opcode 12", "E1002.", { { FIN|12, "x", -1, 0 } } },
    { "4.2.3 opcode 13", "E1002.", { { FIN|13, "x", -1, 0 } } },
    { "4.2.4 opcode 14", "E1002.", { { FIN|14, "x", -1, 0 } } },
    { "4.2.5 opcode 15", "E1002.", { { FIN|15, "x", -1, 0 } } },

    /* 5: fragments */

    { "5.1 fragmented ping", "E1002.",
      { { 0x09, "a", -1, 0 }, { FIN|CONT, "b", -1, 0 } } },
    { "5.2 fragmented pong", "E1002.",
      { { 0x0a, "a", -1, 0 }, { FIN|CONT, "b", -1, 0 } } },
    { "fragmented close", "E1002.", { { 0x08, "\x03\xe8", -1, 0 } } },
    { "5.3 two fragments", "Tab.",
      { { TEXT, "a", -1, 0 }, { FIN|CONT, "b", -1, 0 } } },
    { "5.6 ping between fragments", "Pp.Tab.",
      { { TEXT, "a", -1, 0 }, { PING, "p", -1, 0 },
        { FIN|CONT, "b", -1, 0 } } },
    { "5.9 continuation of nothing", "E1002.",
      { { FIN|CONT, "a", -1, 0 }, { FIN|TEXT, "b", -1, 0 } } },
    { "5.10 the same, no FIN", "E1002.", { { CONT, "a", -1, 0 } } },
    { "5.15 continuation of a message that is whole", "Tab.E1002.",
      { { TEXT, "a", -1, 0 }, { FIN|CONT, "b", -1, 0 },
        { CONT, "c", -1, 0 }, { FIN|TEXT, "d", -1, 0 } } },
    { "5.18 text instead of a continuation", "E1002.",
      { { TEXT, "a", -1, 0 }, { FIN|TEXT, "b", -1, 0 } } },
    { "binary instead of a continuation", "E1002.",
      { { TEXT, "a", -1, 0 }, { BIN, "b", -1, 0 } } },
    { "5.19 five fragments and pings", "P1.P2.Tabcde.",
      { { TEXT, "a", -1, 0 }, { CONT, "b", -1, 0 }, { PING, "1", -1, 0 },
        { CONT, "c", -1, 0 }, { CONT, "d", -1, 0 }, { PING, "2", -1, 0 },
        { FIN|CONT, "e", -1, 0 } } },
    { "empty fragments", "Tb.",
      { { TEXT, "", -1, 0 }, { CONT, "", -1, 0 }, { CONT, "b", -1, 0 },
        { FIN|CONT, "", -1, 0 } } },
    { "only empty fragments", "B.",
      { { BIN, "", -1, 0 }, { CONT, "", -1, 0 },
        { FIN|CONT, "", -1, 0 } } },
    { "a ping, then an empty end", "Tab.Pp.T.",
      { { TEXT, "ab", -1, 0 }, { FIN|CONT, "", -1, 0 },
        { PING, "p", -1, 0 }, { FIN|TEXT, "", -1, 0 } } },

    /* 6: UTF-8 */

    { "6.2.1 valid", "THello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4.",
      { { FIN|TEXT, "Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4", -1, 0 } } },
    { "6.2.2 in two fragments", "THello-\xc2\xb5@\xc3\x9f.",
      { { TEXT, "Hello-\xc2\xb5", -1, 0 },
        { FIN|CONT, "@\xc3\x9f", -1, 0 } } },
    { "6.2.4 a sequence over three fragments",
      "T\xce\xba\xe1\xbd\xb9\xf0\x9f\x98\x80.",
      { { TEXT, "\xce\xba\xe1\xbd", -1, 0 }, { CONT, "\xb9\xf0\x9f", -1, 0 },
        { FIN|CONT, "\x98\x80", -1, 0 } } },
    { "6.3.1 surrogate", "E1007.",
      { { FIN|TEXT, "\xce\xba\xed\xa0\x80" "edited", -1, 0 } } },
    { "6.4.1 wrong in the second fragment", "E1007.",
      { { TEXT, "\xce\xba", -1, 0 }, { CONT, "\xf4\x90\x80\x80", -1, 0 },
        { FIN|CONT, "edited", -1, 0 } } },
    { "6.6.1 a sequence that does not end", "E1007.",
      { { FIN|TEXT, "\xce\xba\xe1\xbd", -1, 0 } } },
    { "the same over fragments", "E1007.",
      { { TEXT, "\xe2\x82", -1, 0 }, { FIN|CONT, "", -1, 0 } } },
    { "6.8 overlong form of 5 bytes", "E1007.",
      { { FIN|TEXT, "\xf8\x88\x80\x80\x80", -1, 0 } } },
    { "6.12 byte ff", "E1007.", { { FIN|TEXT, "\xff", -1, 0 } } },
    { "6.20 overlong slash", "E1007.", { { FIN|TEXT, "\xc0\xaf", -1, 0 } } },
    { "6.22 U+FFFF is a code point", "T\xef\xbf\xbf.",
      { { FIN|TEXT, "\xef\xbf\xbf", -1, 0 } } },
    { "a ping inside a sequence", "Pp.T\xc3\xa4.",
      { { TEXT, "\xc3", -1, 0 }, { PING, "p", -1, 0 },
        { FIN|CONT, "\xa4", -1, 0 } } },
    { "binary is not looked at", "B\xff\xc0.",
      { { FIN|BIN, "\xff\xc0", -1, 0 } } },
    { "a text after a binary", "B\xe2.Ta.",
      { { FIN|BIN, "\xe2", -1, 0 }, { FIN|TEXT, "a", -1, 0 } } },
    { "a zero in a text", "Ta.E1007.",
      { { FIN|TEXT, "a", -1, 0 }, { FIN|TEXT, "\0\xff", 2, 0 } } },

    /* 7: closing */

    { "7.1.1 message, close", "Ta.C1000,.",
      { { FIN|TEXT, "a", -1, 0 }, { CLOSE, "\x03\xe8", -1, 0 } } },
    { "7.1.2 two closes", "C1000,.",
      { { CLOSE, "\x03\xe8", -1, 0 }, { CLOSE, "\x03\xe8", -1, 0 } } },
    { "7.1.3 ping after close", "C1000,.",
      { { CLOSE, "\x03\xe8", -1, 0 }, { PING, "a", -1, 0 } } },
    { "7.1.4 text after close", "C1000,.",
      { { CLOSE, "\x03\xe8", -1, 0 }, { FIN|TEXT, "a", -1, 0 } } },
    { "garbage after close", "C1000,.",
      { { CLOSE, "\x03\xe8", -1, 0 }, { 0x7f, "\xff\xff", -1, -1 } } },
    { "7.1.5 close between fragments", "C1000,.",
      { { TEXT, "a", -1, 0 }, { CLOSE, "\x03\xe8", -1, 0 },
        { FIN|CONT, "b", -1, 0 } } },
    { "7.3.1 no payload", "C1005,.", { { CLOSE, "", -1, 0 } } },
    { "7.3.2 payload of 1 byte", "E1002.", { { CLOSE, "a", -1, 0 } } },
    { "7.3.4 with a reason", "C1000,bye.",
      { { CLOSE, "\x03\xe8" "bye", -1, 0 } } },
    { "7.3.6 126 bytes", "E1002.", { { CLOSE, "\x03\xe8", 126, 126 } } },
    { "7.5.1 reason is not UTF-8", "E1007.",
      { { CLOSE, "\x03\xe8\xce\xba\xed\xa0\x80", -1, 0 } } },
    { "reason ends inside a sequence", "E1007.",
      { { CLOSE, "\x03\xe8\xce", -1, 0 } } },
    { "7.9 code 0", "E1002.", { { CLOSE, "\0\0", 2, 0 } } },
    { "7.9 code 1005", "E1002.", { { CLOSE, "\x03\xed", -1, 0 } } },
    { "7.9 code 65535", "E1002.", { { CLOSE, "\xff\xff", -1, 0 } } },
    { "7.7 code 4999", "C4999,.", { { CLOSE, "\x13\x87", -1, 0 } } },

    /* masks and lengths */

    { "not masked", "E1002.", { { FIN|TEXT, "a", -1, -1 } } },
    { "a ping not masked", "E1002.", { { PING, "", -1, -1 } } },
    { "126 form for 1 byte", "E1002.", { { FIN|TEXT, "a", -1, 126 } } },
    { "127 form for 1 byte", "E1002.", { { FIN|TEXT, "a", -1, 127 } } },
    { "nothing after an error", "E1002.",
      { { FIN|3, "", -1, 0 }, { FIN|TEXT, "a", -1, 0 } } }
};


static uint8_t   input[LIMIT * 2];
static size_t    input_len;
static uint8_t   transcript[LIMIT * 2];
static size_t    transcript_len;
static uint32_t  seed = 2463534242;


static uint32_t
random_number(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;

    return seed;
}


/* Appends a client's frame to the input. */

static void
put_frame(unsigned first, const void *payload, size_t len, int form)
{
    size_t          i, n;
    uint8_t         mask[4], *p;
    const uint8_t  *from;

    p = input + input_len;
    from = payload;

    if (form <= 0) {
        n = selkies_websocket_header(p, first & 0x0f, 1, len);

    } else {
        n = form == 126 ? 4 : 10;
        p[1] = (uint8_t) form;

        for (i = 2; i < n; i++) {
            p[i] = (uint8_t) ((uint64_t) len >> 8 * (n - 1 - i));
        }
    }

    p[0] = (uint8_t) first;

    for (i = 0; i < 4; i++) {
        mask[i] = (uint8_t) random_number();
    }

    if (form >= 0) {
        p[1] |= 0x80;
        memcpy(p + n, mask, 4);
        n += 4;
    }

    for (i = 0; i < len; i++) {
        p[n + i] = form < 0 ? from[i] : (uint8_t) (from[i] ^ mask[i % 4]);
    }

    input_len += n + len;
}


static void
note(char kind, const char *head, const uint8_t *data, size_t len)
{
    transcript[transcript_len++] = (uint8_t) kind;

    memcpy(transcript + transcript_len, head, strlen(head));
    transcript_len += strlen(head);

    if (len != 0) {
        memcpy(transcript + transcript_len, data, len);
        transcript_len += len;
    }

    transcript[transcript_len++] = '.';
}


static size_t
no_limit(const uint8_t *data, size_t len, int binary, int *need_more)
{
    (void) data;
    (void) len;
    (void) binary;

    *need_more = 0;

    return LIMIT;
}


static size_t
limit_3000(const uint8_t *data, size_t len, int binary, int *need_more)
{
    (void) data;
    (void) len;
    (void) binary;

    *need_more = 0;

    return 3000;
}


/* Reads the input in pieces and writes down what it says. */

static void
play(size_t piece, selkies_message_limit_pt limit)
{
    char                         code[16];
    size_t                       n, done;
    uint8_t                     *chunk, *pos;
    unsigned                     rc;
    selkies_message_t            message;
    selkies_websocket_t          ws;
    selkies_websocket_event_t    event;
    selkies_websocket_result_t   result;

    selkies_websocket_init(&ws, LIMIT);
    selkies_message_init(&message);

    transcript_len = 0;

    for (done = 0; done < input_len; done += n) {
        n = input_len - done < piece ? input_len - done : piece;

        /* each piece in memory of its own: a step past it is seen by ASan */

        chunk = malloc(n);
        memcpy(chunk, input + done, n);
        pos = chunk;

        while ((result = selkies_websocket_read(&ws, &pos, chunk + n, &event))
               == SELKIES_WEBSOCKET_EVENT)
        {
            switch (event.kind) {

            case SELKIES_WEBSOCKET_GOT_PING:
                note('P', "", event.data, event.len);
                continue;

            case SELKIES_WEBSOCKET_GOT_PONG:
                note('O', "", event.data, event.len);
                continue;

            case SELKIES_WEBSOCKET_GOT_CLOSE:
                snprintf(code, sizeof(code), "%u,", event.code);
                note('C', code, event.data, event.len);
                continue;

            default:
                break;
            }

            rc = selkies_message_add(&message, &ws, &event, limit);

            if (rc == 1) {
                note(message.binary ? 'B' : 'T', "", message.data,
                     message.len);
                selkies_message_next(&message);

            } else if (rc != 0) {
                snprintf(code, sizeof(code), "%u", rc);
                note('E', code, NULL, 0);
                break;
            }
        }

        free(chunk);

        if (result == SELKIES_WEBSOCKET_ERROR) {
            snprintf(code, sizeof(code), "%u", event.code);
            note('E', code, NULL, 0);
            break;
        }

        if (result == SELKIES_WEBSOCKET_EVENT) {
            break;
        }
    }

    selkies_message_free(&message);
}


static int
reads(const void *expected, size_t len, selkies_message_limit_pt limit)
{
    size_t               i;
    static const size_t  pieces[] = { sizeof(input), 1, 2, 3, 5, 64 };

    for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        play(pieces[i], limit);

        if (transcript_len != len || memcmp(transcript, expected, len) != 0) {
            printf("# pieces of %zu: \"%.*s\"\n", pieces[i],
                   (int) (transcript_len > 200 ? 200 : transcript_len),
                   transcript);
            return 0;
        }
    }

    return 1;
}


static void
test_cases(void)
{
    char            payload[256];
    size_t          i, len;
    const frame_t  *f;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        input_len = 0;

        for (f = cases[i].frames; f->payload != NULL; f++) {
            len = f->len < 0 ? strlen(f->payload) : (size_t) f->len;

            memset(payload, '*', sizeof(payload));
            memcpy(payload, f->payload,
                   f->len > 2 ? strlen(f->payload) : len);

            put_frame(f->first, payload, len, f->form);
        }

        ok(reads(cases[i].expected, strlen(cases[i].expected), no_limit),
           "%s", cases[i].name);
    }
}


/* 1.1.3 … 1.2.8, 9: sizes around the length forms, whole and in fragments */

static void
test_sizes(void)
{
    int              binary;
    size_t           i, j, n, part;
    static uint8_t   message[LIMIT + 2];

    static const size_t  sizes[] = {
        124, 125, 126, 127, 128, 1023, 1024, 1025, 65534, 65535, 65536, 65537,
        LIMIT
    };

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        n = sizes[i];
        binary = (int) (i & 1);

        for (j = 0; j < n; j++) {
            message[j + 1] = (uint8_t) (binary ? random_number()
                                               : 'a' + random_number() % 26);
        }

        message[0] = binary ? 'B' : 'T';
        message[n + 1] = '.';

        input_len = 0;
        put_frame(FIN|(binary ? BIN : TEXT), message + 1, n, 0);
        ok(reads(message, n + 2, no_limit), "message of %zu bytes", n);

        input_len = 0;
        part = n / 7 + 1;

        for (j = 0; j < n; j += part) {
            put_frame((j + part >= n ? FIN : 0)
                      |(j != 0 ? CONT : binary ? BIN : TEXT),
                      message + 1 + j, n - j < part ? n - j : part, 0);
        }

        ok(reads(message, n + 2, no_limit), "%zu bytes in fragments", n);
    }
}


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
test_fragments(void)
{
    size_t  i;
    char    expected[80];

    input_len = 0;

    for (i = 0; i < 64; i++) {
        put_frame((i == 63 ? FIN : 0)|(i ? CONT : TEXT), "x", 1, 0);
        expected[i + 1] = 'x';
    }

    expected[0] = 'T';
    expected[65] = '.';

    ok(reads(expected, 66, no_limit), "64 fragments");

    input_len = 0;

    for (i = 0; i < 65; i++) {
        put_frame(i ? CONT : BIN, "", 0, 0);
    }

    ok(reads("E1008.", 6, no_limit), "65 fragments, empty ones, are 1008");

    input_len = 0;

    for (i = 0; i < 130; i++) {
        put_frame(i % 2 ? FIN|CONT : TEXT, "y", 1, 0);
    }

    play(sizeof(input), no_limit);
    ok(transcript_len == 65 * 4, "the count starts anew with a message");
}


/* Limits that the verb decides, with the protocol's own table. */

static void
test_limits(void)
{
    size_t           i;
    static uint8_t   message[LIMIT + 2];

    static const struct {
        const char  *name;
        unsigned     opcode;
        const char  *head;
        size_t       fits;
    } rows[] = {
        { "text", TEXT, "kd,1", 65536 },
        { "unknown verb", TEXT, "hello ", 65536 },
        { "no verb", TEXT, "{\"a\":1}", 65536 },
        { "no delimiter", TEXT, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 65536 },
        { "clipboard", TEXT, "cw,", LIMIT },
        { "clipboard chunk", TEXT, "cbd,", LIMIT },
        { "clipboard start", TEXT, "cws,", 65536 },
        { "upload", BIN, "\x01", LIMIT },
        { "microphone", BIN, "\x02", 8192 },
        { "unknown type", BIN, "\x07", 65536 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(message, 'a', sizeof(message));
        message[0] = rows[i].opcode == TEXT ? 'T' : 'B';
        memcpy(message + 1, rows[i].head, strlen(rows[i].head));
        message[rows[i].fits + 1] = '.';

        input_len = 0;
        put_frame(FIN|rows[i].opcode, message + 1, rows[i].fits, 0);
        ok(reads(message, rows[i].fits + 2, selkies_protocol_limit),
           "%s of %zu bytes", rows[i].name, rows[i].fits);

        message[rows[i].fits + 1] = 'a';

        input_len = 0;
        put_frame(FIN|rows[i].opcode, message + 1, rows[i].fits + 1, 0);
        ok(reads("E1009.", 6, selkies_protocol_limit),
           "%s of one byte more is 1009", rows[i].name);

        input_len = 0;
        put_frame(rows[i].opcode, message + 1, strlen(rows[i].head), 0);
        put_frame(FIN|CONT, message + 1 + strlen(rows[i].head),
                  rows[i].fits + 1 - strlen(rows[i].head), 0);
        ok(reads("E1009.", 6, selkies_protocol_limit),
           "%s of one byte more in fragments, too", rows[i].name);
    }

    /* what the verb implies comes before what is wrong behind it */

    memset(message, 'a', sizeof(message));
    memcpy(message, "kd,1", 4);
    message[50] = 0xff;

    input_len = 0;
    put_frame(FIN|TEXT, message, 70000, 0);
    ok(reads("E1009.", 6, selkies_protocol_limit),
       "too long before not UTF-8, however it is cut");

    message[1] = 0xff;

    input_len = 0;
    put_frame(FIN|TEXT, message, 70000, 0);
    ok(reads("E1007.", 6, selkies_protocol_limit),
       "not UTF-8 inside the verb");
}


static void
test_assembler(void)
{
    uint8_t                     *pos, *end;
    unsigned                     rc;
    selkies_message_t            m;
    selkies_websocket_t          ws;
    selkies_websocket_event_t    event;
    static uint8_t               payload[LIMIT];

    memset(payload, 'a', sizeof(payload));
    memcpy(payload, "cw,", 3);

    selkies_websocket_init(&ws, LIMIT);
    selkies_message_init(&m);

    input_len = 0;
    put_frame(FIN|TEXT, "hello", 5, 0);

    pos = input;
    selkies_websocket_read(&ws, &pos, input + input_len, &event);
    rc = selkies_message_add(&m, &ws, &event, selkies_protocol_limit);

    ok(rc == 1 && m.data == input + 6 && m.len == 5 && m.buffer == NULL,
       "one piece is not copied");

    selkies_message_next(&m);

    /* 3 bytes, then the rest */

    input_len = 0;
    put_frame(FIN|TEXT, payload, LIMIT, 0);

    pos = input;
    end = input + 14 + 3;
    selkies_websocket_read(&ws, &pos, end, &event);
    rc = selkies_message_add(&m, &ws, &event, selkies_protocol_limit);

    ok(rc == 0 && m.size <= 4096, "a small piece of a long message takes "
       "%zu bytes", m.size);
    ok(selkies_websocket_frame_bytes(&ws) == 17, "frame_bytes inside a frame");

    end = input + input_len;
    selkies_websocket_read(&ws, &pos, end, &event);
    rc = selkies_message_add(&m, &ws, &event, selkies_protocol_limit);

    ok(rc == 1 && m.len == LIMIT && memcmp(m.data, payload, LIMIT) == 0,
       "the long message is whole");
    ok(m.size == LIMIT, "in as many bytes as its limit");
    ok(selkies_websocket_frame_bytes(&ws) == 0, "frame_bytes between frames");

    selkies_message_next(&m);
    ok(m.buffer == NULL && m.size == 0, "they are given back");

    /* a header that announces too much costs nothing */

    memcpy(input, "\x82\xff\0\0\0\0\x7f\0\0\0mask", 14);
    pos = input;
    ok(selkies_websocket_read(&ws, &pos, input + 14, &event)
       == SELKIES_WEBSOCKET_ERROR && event.code == 1009 && m.size == 0,
       "2 GB announced: 1009, nothing allocated");

    selkies_message_free(&m);

    /* nor does a fragment that is one byte too many with those before it */

    selkies_websocket_init(&ws, LIMIT);

    memcpy(input, "\x02\x81mask" "a\x00\xff\0\0\0\0\0\x10\0\0", 17);
    pos = input;
    ok(selkies_websocket_read(&ws, &pos, input + 7, &event)
       == SELKIES_WEBSOCKET_EVENT && event.len == 1 && pos == input + 7,
       "a fragment of 1 byte");
    ok(selkies_websocket_read(&ws, &pos, input + 16, &event)
       == SELKIES_WEBSOCKET_AGAIN
       && selkies_websocket_read(&ws, &pos, input + 17, &event)
          == SELKIES_WEBSOCKET_ERROR && event.code == 1009,
       "one of 1 MiB behind it is 1009 at its last length byte");

    /* a limit that no doubling meets */

    selkies_websocket_init(&ws, LIMIT);

    input_len = 0;
    put_frame(BIN, payload, 1500, 0);
    put_frame(FIN|CONT, payload, 1500, 0);

    pos = input;
    selkies_websocket_read(&ws, &pos, input + input_len, &event);
    (void) selkies_message_add(&m, &ws, &event, limit_3000);
    selkies_websocket_read(&ws, &pos, input + input_len, &event);
    rc = selkies_message_add(&m, &ws, &event, limit_3000);
    ok(rc == 1 && m.len == 3000 && m.size == 3000,
       "3000 bytes allowed: 3000 allocated");

    selkies_message_free(&m);

    /* a verb with a small limit in a large frame */

    selkies_websocket_init(&ws, LIMIT);

    input_len = 0;
    memset(payload, 2, 10000);
    put_frame(FIN|BIN, payload, 10000, 0);

    pos = input;
    selkies_websocket_read(&ws, &pos, input + 9, &event);
    rc = selkies_message_add(&m, &ws, &event, selkies_protocol_limit);
    ok(event.len == 1 && rc == 1009 && m.size == 0,
       "10000 bytes of microphone: 1009 at the first one, nothing allocated");

    pos = input + 9;
    ok(selkies_websocket_read(&ws, &pos, input + 20, &event)
       == SELKIES_WEBSOCKET_ERROR && event.code == 1009,
       "and the reader has failed");

    selkies_message_free(&m);
}


/* every alignment, every short length, every offset of the mask */

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
                    plain[i] = (uint8_t) random_number();
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
        n = 1 + random_number() % 15;

        for (j = 0; j < n; j++) {
            /* mostly bytes that begin and continue sequences */
            text[j] = (uint8_t) random_number();
            text[j] |= random_number() & 1 ? 0x80 : 0;

            if (j > 0 && random_number() & 1) {
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
    test_cases();
    test_sizes();
    test_announced();
    test_fragments();
    test_limits();
    test_assembler();
    test_unmask();
    test_utf8();
    test_close_codes();
    test_writers();
    test_key();

    return done_testing();
}
