
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Frame reader and assembler.  The first byte picks the limits, the second
 * how the rest, which is what a client sends, is cut; whole, octet by octet
 * and cut so it must read the same.
 *
 * Thread: one.
 */


#include "../../ngx_selkies_module/selkies_protocol.h"
#include "../../ngx_selkies_module/selkies_websocket.h"
#include "replay.h"


typedef struct {
    uint8_t  *data;
    size_t    len;
    size_t    size;
} transcript_t;


static void
note(transcript_t *t, int kind, unsigned code, const uint8_t *data, size_t len)
{
    holds(t->len + len + 12 <= t->size);

    t->data[t->len++] = (uint8_t) kind;
    t->data[t->len++] = (uint8_t) (code >> 8);
    t->data[t->len++] = (uint8_t) code;

    memcpy(t->data + t->len, &len, sizeof(len));
    t->len += sizeof(len);

    if (len != 0) {
        memcpy(t->data + t->len, data, len);
        t->len += len;
    }
}


/* limits small enough for a fuzzer's inputs to exceed */

static size_t
small_limit(const uint8_t *data, size_t len, int binary, int *need_more)
{
    if (len < 2) {
        *need_more = 1;
        return 0;
    }

    return binary ? 100 : data[1] % 64;
}


static void
play(transcript_t *t, const uint8_t *data, size_t size, unsigned cut,
    int small)
{
    size_t                       n, done;
    uint8_t                     *chunk, *pos;
    unsigned                     rc;
    selkies_message_t            message;
    selkies_websocket_t          ws;
    selkies_websocket_event_t    event;
    selkies_websocket_result_t   result;

    selkies_message_init(&message);
    selkies_websocket_init(&ws, small ? 128 : SELKIES_LIMIT_MESSAGE);

    t->len = 0;

    for (done = 0; done < size; done += n) {
        n = cut == 0 ? size : cut == 1 ? 1 : 1 + (done * 7 + cut) % cut;
        n = size - done < n ? size - done : n;

        chunk = malloc(n);
        holds(chunk != NULL);
        memcpy(chunk, data + done, n);
        pos = chunk;
        rc = 0;

        while ((result = selkies_websocket_read(&ws, &pos, chunk + n, &event))
               == SELKIES_WEBSOCKET_EVENT)
        {
            holds(pos >= chunk && pos <= chunk + n);

            if (event.kind != SELKIES_WEBSOCKET_GOT_DATA) {
                holds(event.len <= SELKIES_WEBSOCKET_CONTROL_MAX);
                note(t, (int) event.kind, event.code, event.data, event.len);
                continue;
            }

            holds(event.data >= chunk && event.data + event.len <= pos);

            rc = selkies_message_add(&message, &ws, &event,
                                     small ? small_limit
                                           : selkies_protocol_limit);

            if (rc > 1) {
                break;
            }

            if (rc == 1) {
                holds(message.binary || selkies_websocket_utf8(message.data,
                                                               message.len));
                note(t, 100 + message.binary, 0, message.data, message.len);
                selkies_message_next(&message);
            }
        }

        holds(result != SELKIES_WEBSOCKET_AGAIN || pos == chunk + n);

        if (rc > 1) {
            event.code = (uint16_t) rc;
            result = selkies_websocket_read(&ws, &pos, chunk + n, &event);
            holds(rc == 1011 || (result == SELKIES_WEBSOCKET_ERROR
                                 && event.code == rc));
        }

        free(chunk);

        if (result == SELKIES_WEBSOCKET_ERROR) {
            holds(event.code == 1002 || event.code == 1007
                  || event.code == 1008 || event.code == 1009);
            note(t, 200, event.code, NULL, 0);
            break;
        }
    }

    selkies_message_free(&message);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int            small;
    unsigned       cut;
    transcript_t   whole, parts;

    if (size < 2) {
        return 0;
    }

    small = data[0] & 1;
    cut = data[1];

    data += 2;
    size -= 2;

    whole.size = size * 12 + 64;
    whole.data = malloc(whole.size);
    parts.size = whole.size;
    parts.data = malloc(parts.size);
    holds(whole.data != NULL && parts.data != NULL);

    play(&whole, data, size, 0, small);
    play(&parts, data, size, 1, small);

    holds(whole.len == parts.len
          && memcmp(whole.data, parts.data, whole.len) == 0);

    if (cut > 1) {
        play(&parts, data, size, cut, small);

        holds(whole.len == parts.len
              && memcmp(whole.data, parts.data, whole.len) == 0);
    }

    free(whole.data);
    free(parts.data);

    return 0;
}
