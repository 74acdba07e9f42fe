
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * What the module says to selkies-agent is what that understands, and the
 * other way round; what nobody says is refused, wherever it is cut.
 *
 * Thread: main.
 */


#include <stdlib.h>
#include <string.h>

#include "../../capture/session/selkies-agent-protocol.c"
#include "../../ngx_selkies_module/selkies_agent.h"
#include "tap.h"


static uint8_t                   bytes[SELKIES_AGENT_REQUEST_MAX + 16];
static selkies_agent_request_t   request;


static size_t
make(uint8_t kind, const void *data, size_t len)
{
    if (selkies_agent_begin(bytes, kind, len) != 0) {
        return 0;
    }

    memcpy(bytes + SELKIES_AGENT_HEADER, data, len);

    return SELKIES_AGENT_HEADER + len;
}


/* All beginnings want more; the whole is taken, and nothing behind it. */

static int
whole(size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (selkies_agent_parse(&request, bytes, i) != 0) {
            return 0;
        }
    }

    return selkies_agent_parse(&request, bytes, len + 3) == (long) len;
}


static void
test_requests(void)
{
    size_t   len;
    uint8_t  dpi[8] = { 0, 0, 0, 144, 0, 0, 0, 48 };

    static char  text[SELKIES_AGENT_REQUEST_MAX + 1];

    len = make(SELKIES_AGENT_RUN, "ls\0-l\0\0", 7);
    ok(whole(len) && strcmp(request.argv[0], "ls") == 0
       && strcmp(request.argv[1], "-l") == 0 && request.argv[2][0] == '\0'
       && request.argv[3] == NULL, "a program and its arguments");

    len = make(SELKIES_AGENT_COMMAND, "echo a, b", 10);
    ok(whole(len) && strcmp(request.text, "echo a, b") == 0, "a text");

    len = make(SELKIES_AGENT_DPI, dpi, 8);
    ok(whole(len) && request.dpi == 144 && request.cursor == 48, "a DPI");

    memset(text, 'x', sizeof(text) - 2);
    len = make(SELKIES_AGENT_COMMAND, text, SELKIES_AGENT_REQUEST_MAX - 1);
    ok(len == SELKIES_AGENT_REQUEST_MAX + 4
       && selkies_agent_parse(&request, bytes, len) == -1,
       "the longest, without its zero");
    bytes[len - 1] = '\0';
    ok(selkies_agent_parse(&request, bytes, len) == (long) len,
       "the longest");
    ok(make(SELKIES_AGENT_COMMAND, text, SELKIES_AGENT_REQUEST_MAX) == 0,
       "one more is not sent");
}


static void
test_nonsense(void)
{
    size_t  i, len;
    char    many[SELKIES_AGENT_ARGS_MAX * 2 + 2];

    static const struct {
        const char  *name;
        const char  *data;
        size_t       len;
    } rows[] = {
        { "nothing", "", 0 },
        { "a kind alone", "r", 1 },
        { "no zero", "rls", 3 },
        { "an empty program", "r\0a\0", 4 },
        { "another kind", "q\0", 2 },
        { "an empty text", "c\0", 2 },
        { "a zero in a text", "ca\0b\0", 5 },
        { "a text without a zero", "cab", 3 },
        { "a short DPI", "d\0\0\0\1\0\0\0", 8 },
        { "DPI 0", "d\0\0\0\0\0\0\0\1", 9 },
        { "DPI -1", "d\377\377\377\377\0\0\0\1", 9 },
        { "cursor 1025", "d\0\0\0\1\0\0\4\1", 9 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bytes[0] = bytes[1] = bytes[2] = 0;
        bytes[3] = (uint8_t) rows[i].len;
        memcpy(bytes + 4, rows[i].data, rows[i].len);

        ok(selkies_agent_parse(&request, bytes, rows[i].len + 4) == -1,
           "%s", rows[i].name);
    }

    for (i = 0; i < sizeof(many); i++) {
        many[i] = i % 2 ? '\0' : 'x';
    }

    len = make(SELKIES_AGENT_RUN, many, sizeof(many) - 2);
    ok(selkies_agent_parse(&request, bytes, len) == (long) len
       && request.argv[SELKIES_AGENT_ARGS_MAX] == NULL, "64 arguments");
    len = make(SELKIES_AGENT_RUN, many, sizeof(many));
    ok(selkies_agent_parse(&request, bytes, len) == -1, "65 arguments");

    memset(bytes, 0xff, 8);
    ok(selkies_agent_parse(&request, bytes, 8) == -1, "4 GiB");
}


static void
test_replies(void)
{
    char            why[512];
    size_t          i, len;
    int             good;
    uint8_t         reply[SELKIES_AGENT_REPLY_MAX + 4];
    selkies_span_t  span;

    len = selkies_agent_reply(reply, NULL);
    ok(selkies_agent_read_reply(reply, len, &span) == SELKIES_AGENT_DONE
       && span.len == 0, "done");

    len = selkies_agent_reply(reply, "no such file");
    ok(selkies_agent_read_reply(reply, len, &span) == SELKIES_AGENT_FAILED
       && span.len == 12 && memcmp(span.data, "no such file", 12) == 0,
       "why not");

    for (i = 0, good = 1; i < len; i++) {
        good &= selkies_agent_read_reply(reply, i, &span)
                == SELKIES_AGENT_MORE;
    }

    ok(good, "in pieces");
    reply[len] = 0;
    ok(selkies_agent_read_reply(reply, len + 1, &span)
       == SELKIES_AGENT_NONSENSE, "more than was asked for");

    memset(why, 'y', sizeof(why));
    why[511] = '\0';
    len = selkies_agent_reply(reply, why);
    ok(len == sizeof(reply)
       && selkies_agent_read_reply(reply, len, &span) == SELKIES_AGENT_FAILED
       && span.len == SELKIES_AGENT_REPLY_MAX - 1, "a long one is cut");

    ok(selkies_agent_read_reply((uint8_t *) "\0\0\0\0", 4, &span)
       == SELKIES_AGENT_NONSENSE, "an empty one");
    ok(selkies_agent_read_reply((uint8_t *) "\1\0\0\1\0", 5, &span)
       == SELKIES_AGENT_NONSENSE, "a huge one");
    ok(selkies_agent_read_reply((uint8_t *) "\0\0\0\1\2", 5, &span)
       == SELKIES_AGENT_NONSENSE, "another answer");
}


int
main(void)
{
    test_requests();
    test_nonsense();
    test_replies();

    return done_testing();
}
