
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


#include "websocket_frame.h"


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


static uint8_t   transcript[LIMIT * 2];
static size_t    transcript_len;


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
            message[j + 1] = (uint8_t) (binary ? random_bits()
                                               : 'a' + random_number(26));
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


int
main(void)
{
    test_cases();
    test_sizes();
    test_fragments();
    test_limits();
    test_assembler();

    return done_testing();
}
