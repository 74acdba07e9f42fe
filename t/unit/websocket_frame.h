
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * What the tests of the websocket codec share: frames as a client sends them.
 *
 * Thread: one.
 */


#ifndef SELKIES_WEBSOCKET_FRAME_H_INCLUDED
#define SELKIES_WEBSOCKET_FRAME_H_INCLUDED


#include <stdlib.h>
#include <string.h>

#include "../../ngx_selkies_module/selkies_protocol.h"
#include "../../ngx_selkies_module/selkies_websocket.h"
#include "tap.h"

#define RANDOM_SEED  2463534242
#include "random.h"


#define LIMIT   (1024 * 1024)

#define FIN     0x80
#define CONT    (SELKIES_WEBSOCKET_CONTINUATION)
#define TEXT    (SELKIES_WEBSOCKET_TEXT)
#define BIN     (SELKIES_WEBSOCKET_BINARY)
#define CLOSE   (FIN|SELKIES_WEBSOCKET_CLOSE)
#define PING    (FIN|SELKIES_WEBSOCKET_PING)
#define PONG    (FIN|SELKIES_WEBSOCKET_PONG)


static uint8_t  input[LIMIT * 2];
static size_t   input_len;


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
        mask[i] = (uint8_t) random_bits();
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


#endif /* SELKIES_WEBSOCKET_FRAME_H_INCLUDED */
