
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Clipboards put together from messages: sizes, both grammars, what does not
 * add up, and who owns the memory.
 *
 * Thread: one.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../ngx_selkies_module/selkies_transfer.h"
#define RANDOM_SEED  20261129
#include "random.h"
#include "tap.h"


#define MAX  1000


static selkies_transfer_t  transfer;


/* What becomes of a message. */

static selkies_transfer_status_t
say(const char *text)
{
    selkies_command_t  cmd;

    if (selkies_protocol_parse(&cmd, (const uint8_t *) text, strlen(text), 0)
        != SELKIES_PARSE_OK)
    {
        return (selkies_transfer_status_t) -1;
    }

    switch (cmd.verb) {

    case SELKIES_VERB_CLIPBOARD_SET:
        return selkies_transfer_set(&transfer, &cmd, MAX);

    case SELKIES_VERB_CLIPBOARD_START:
        return selkies_transfer_start(&transfer, &cmd, MAX);

    case SELKIES_VERB_CLIPBOARD_DATA:
        return selkies_transfer_data(&transfer, &cmd);

    default:
        return selkies_transfer_end(&transfer, &cmd);
    }
}


static int
holds(const char *mime, const void *data, size_t len)
{
    int          same;
    size_t       n, mime_len;
    uint8_t     *p;
    const char  *type;

    p = selkies_transfer_take(&transfer, &n, &type, &mime_len);
    same = p != NULL && n == len && memcmp(p, data, len) == 0
           && strlen(mime) == mime_len && memcmp(mime, type, mime_len) == 0;
    free(p);

    return same;
}


static void
test_rows(void)
{
    size_t  i, j;

    /* messages, the last one's result, and what is there after DONE */

    static const struct {
        const char                 *name;
        const char                 *texts[6];
        selkies_transfer_status_t   status;
        const char                 *mime;
        const char                 *data;
    } rows[] = {
        { "text in one", { "cw,YWJj" }, SELKIES_TRANSFER_DONE, "text/plain",
          "abc" },
        { "nothing", { "cw," }, SELKIES_TRANSFER_DONE, "text/plain", "" },
        { "an image in one", { "cb,image/png,YQ==" }, SELKIES_TRANSFER_DONE,
          "image/png", "a" },
        { "chunks", { "cws,5", "cwd,YWJj", "cwd,ZGU=", "cwe" },
          SELKIES_TRANSFER_DONE, "text/plain", "abcde" },
        { "padding in the middle", { "cws,4", "cwd,YWI=", "cwd,Y2Q=", "cwe" },
          SELKIES_TRANSFER_DONE, "text/plain", "abcd" },
        { "empty chunks", { "cws,1", "cwd,", "cwd,YQ==", "cwd,", "cwe" },
          SELKIES_TRANSFER_DONE, "text/plain", "a" },
        { "chunks with an id", { "cbs,x1,image/gif,3", "cbd,x1,YWJj",
          "cbe,x1" }, SELKIES_TRANSFER_DONE, "image/gif", "abc" },
        { "nothing in chunks", { "cws,0", "cwe" }, SELKIES_TRANSFER_DONE,
          "text/plain", "" },
        { "a new one ends the old", { "cws,9", "cwd,YWJj", "cws,3", "cwd,ZGVm",
          "cwe" }, SELKIES_TRANSFER_DONE, "text/plain", "def" },
        { "so does one message", { "cws,9", "cwd,YWJj", "cw,YQ==", "cwd,YWJj" },
          SELKIES_TRANSFER_STRAY, NULL, NULL },
        { "as much as allowed", { "cws,1000" }, SELKIES_TRANSFER_OK, NULL,
          NULL },
        { "a byte more", { "cws,1001" }, SELKIES_TRANSFER_TOO_LARGE, NULL,
          NULL },
        { "its chunks", { "cws,1001", "cwd,YWJj" }, SELKIES_TRANSFER_STRAY,
          NULL, NULL },
        { "any number", { "cbs,image/png,9223372036854775807" },
          SELKIES_TRANSFER_TOO_LARGE, NULL, NULL },
        { "too few bytes", { "cws,4", "cwd,YWJj", "cwe" },
          SELKIES_TRANSFER_BROKEN, NULL, NULL },
        { "too many bytes", { "cws,2", "cwd,YWJj" }, SELKIES_TRANSFER_BROKEN,
          NULL, NULL },
        { "what comes after that", { "cws,2", "cwd,YWJj", "cwe" },
          SELKIES_TRANSFER_STRAY, NULL, NULL },
        { "half a group", { "cws,3", "cwd,YWJ" }, SELKIES_TRANSFER_BROKEN,
          NULL, NULL },
        { "no base64", { "cws,3", "cwd,YW*j" }, SELKIES_TRANSFER_BROKEN, NULL,
          NULL },
        { "padding that ends nothing", { "cws,6", "cwd,YQ==YWJj" },
          SELKIES_TRANSFER_BROKEN, NULL, NULL },
        { "padding alone", { "cws,6", "cwd,====" }, SELKIES_TRANSFER_BROKEN,
          NULL, NULL },
        { "a chunk of none", { "cwd,YWJj" }, SELKIES_TRANSFER_STRAY, NULL,
          NULL },
        { "an end of none", { "cwe" }, SELKIES_TRANSFER_STRAY, NULL, NULL },
        { "a chunk of another kind", { "cws,3", "cbd,YWJj" },
          SELKIES_TRANSFER_STRAY, NULL, NULL },
        { "a chunk of another id", { "cws,7,3", "cwd,8,YWJj" },
          SELKIES_TRANSFER_STRAY, NULL, NULL },
        { "a chunk without one", { "cws,7,3", "cwd,YWJj" },
          SELKIES_TRANSFER_STRAY, NULL, NULL },
        { "an end that is longer", { "cws,7,0", "cwe,77" },
          SELKIES_TRANSFER_STRAY, NULL, NULL },
        { "an end twice", { "cws,0", "cwe", "cwe" }, SELKIES_TRANSFER_STRAY,
          NULL, NULL },
        { "an end of what was one message", { "cw,YQ==", "cwe" },
          SELKIES_TRANSFER_STRAY, NULL, NULL },
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        selkies_transfer_status_t  rc = SELKIES_TRANSFER_OK;

        memset(&transfer, 0, sizeof(transfer));

        for (j = 0; j < 6 && rows[i].texts[j] != NULL; j++) {
            rc = say(rows[i].texts[j]);
        }

        ok(rc == rows[i].status, "%s", rows[i].name);

        if (rows[i].data != NULL) {
            ok(holds(rows[i].mime, rows[i].data, strlen(rows[i].data)),
               "%s: type and bytes", rows[i].name);
        }

        selkies_transfer_abort(&transfer);
    }
}


/* Random lengths, cut at random. */

static void
test_cuts(void)
{
    char      text[2 * MAX];
    size_t    n, len, pos, part;
    uint8_t   data[MAX];
    unsigned  i, failed;

    failed = 0;

    for (i = 0; i < 2000; i++) {
        len = random_number(MAX + 1);

        for (n = 0; n < len; n++) {
            data[n] = (uint8_t) random_number(256);
        }

        snprintf(text, sizeof(text), "cbs,image/png,%zu", len);
        failed += say(text) != SELKIES_TRANSFER_OK;

        for (pos = 0; pos < len; pos += part) {
            part = 1 + random_number(400);
            part = part < len - pos ? part : len - pos;

            memcpy(text, "cbd,", 4);
            n = selkies_base64_encode((uint8_t *) text + 4, data + pos, part);
            text[4 + n] = '\0';
            failed += say(text) != SELKIES_TRANSFER_OK;
        }

        failed += say("cbe") != SELKIES_TRANSFER_DONE;
        failed += !holds("image/png", data, len);
    }

    ok(failed == 0, "2000 random ones, cut at random");
}


int
main(void)
{
    test_rows();
    test_cuts();

    return done_testing();
}
