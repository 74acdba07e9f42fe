
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The assembler of websocket messages (selkies_websocket.h).
 *
 * Thread: the event loop that owns the connection.  Ownership: the assembler
 * owns its one buffer, which is there only for messages that arrive in more
 * than one piece.
 */


#include <stdlib.h>
#include <string.h>

#include "selkies_websocket.h"


#define SELKIES_MESSAGE_FIRST   1024        /* bytes, grows by doubling */
#define SELKIES_MESSAGE_KEEP    4096        /* what an idle client may hold */


static unsigned selkies_message_append(selkies_message_t *m,
    const selkies_websocket_t *ws, const selkies_websocket_event_t *event);
static unsigned selkies_message_check(selkies_message_t *m,
    selkies_websocket_t *ws, const uint8_t *data, size_t len,
    selkies_message_limit_pt limit);


void
selkies_message_init(selkies_message_t *m)
{
    memset(m, 0, sizeof(selkies_message_t));
}


unsigned
selkies_message_add(selkies_message_t *m, selkies_websocket_t *ws,
    const selkies_websocket_event_t *event, selkies_message_limit_pt limit)
{
    unsigned  code;

    if (event->first) {
        selkies_message_next(m);
        m->binary = event->opcode == SELKIES_WEBSOCKET_BINARY;
    }

    /* before the first byte is stored the limit is asked for, if it can be */

    if (m->len == 0) {
        code = selkies_message_check(m, ws, event->data, event->len, limit);

        if (code != 0) {
            return code;
        }

        if (event->last) {
            m->data = event->data;
            m->len = event->len;
            return 1;
        }
    }

    code = selkies_message_append(m, ws, event);

    if (code != 0) {
        return code;
    }

    code = selkies_message_check(m, ws, m->buffer, m->len, limit);

    if (code != 0) {
        return code;
    }

    if (!event->last) {
        return 0;
    }

    m->data = m->buffer;

    return 1;
}


/* Asks for the limit until the verb has told it. */

static unsigned
selkies_message_check(selkies_message_t *m, selkies_websocket_t *ws,
    const uint8_t *data, size_t len, selkies_message_limit_pt limit)
{
    int     need_more;
    size_t  max;

    if (m->limited) {
        return 0;
    }

    need_more = 0;
    max = limit(data, len, m->binary, &need_more);

    if (need_more) {
        return 0;
    }

    m->limited = 1;

    return selkies_websocket_limit(ws, max);
}


/*
 * The reader has checked what the headers announce against the limit, so what
 * arrives never adds up to more.
 */

static unsigned
selkies_message_append(selkies_message_t *m, const selkies_websocket_t *ws,
    const selkies_websocket_event_t *event)
{
    size_t    need, size;
    uint8_t  *p;

    if (event->len == 0) {
        return 0;
    }

    need = m->len + event->len;

    if (need > m->size) {
        size = m->size ? m->size : SELKIES_MESSAGE_FIRST;

        while (size < need) {
            size *= 2;
        }

        if (size > ws->limit_bytes) {
            size = (size_t) ws->limit_bytes;
        }

        if (size < need) {
            return SELKIES_CLOSE_TOO_BIG;
        }

        p = realloc(m->buffer, size);

        if (p == NULL) {
            return SELKIES_CLOSE_INTERNAL;
        }

        m->buffer = p;
        m->size = size;
    }

    memcpy(m->buffer + m->len, event->data, event->len);
    m->len = need;

    return 0;
}


void
selkies_message_next(selkies_message_t *m)
{
    if (m->size > SELKIES_MESSAGE_KEEP) {
        free(m->buffer);

        m->buffer = NULL;
        m->size = 0;
    }

    m->data = NULL;
    m->len = 0;
    m->binary = 0;
    m->limited = 0;
}


void
selkies_message_free(selkies_message_t *m)
{
    free(m->buffer);
    selkies_message_init(m);
}
