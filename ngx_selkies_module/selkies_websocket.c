
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * RFC 6455, the server's side: frame reader and writers.
 *
 * Thread: the event loop that owns the connection.  Ownership: see the header.
 *
 * A header is read byte by byte and every rule is checked at the first byte
 * that can break it, so the verdict cannot depend on how the input was cut.
 * Payload is handled in pieces as large as the input gives.
 */


#include <string.h>

#include "selkies_websocket.h"


enum {
    ws_header = 0,
    ws_data,
    ws_control,
    ws_closed,
    ws_failed
};


static unsigned selkies_websocket_header_byte(selkies_websocket_t *ws);
static unsigned selkies_websocket_opcode(selkies_websocket_t *ws);
static unsigned selkies_websocket_frame(selkies_websocket_t *ws,
    uint64_t len);
static selkies_websocket_result_t selkies_websocket_payload(
    selkies_websocket_t *ws, uint8_t **pos, uint8_t *end,
    selkies_websocket_event_t *event);
static selkies_websocket_result_t selkies_websocket_control(
    selkies_websocket_t *ws, uint8_t **pos, uint8_t *end,
    selkies_websocket_event_t *event);
static selkies_websocket_result_t selkies_websocket_fail(
    selkies_websocket_t *ws, unsigned code, uint8_t **pos, uint8_t *end,
    selkies_websocket_event_t *event);
static void selkies_websocket_next_frame(selkies_websocket_t *ws);
static void selkies_websocket_unmask(selkies_websocket_t *ws, uint8_t *p,
    size_t len);
static const uint8_t *selkies_websocket_utf8_scan(selkies_websocket_t *ws,
    const uint8_t *p, const uint8_t *end);


void
selkies_websocket_init(selkies_websocket_t *ws, uint64_t limit_bytes)
{
    memset(ws, 0, sizeof(selkies_websocket_t));

    ws->initial_limit_bytes = limit_bytes;
    ws->limit_bytes = limit_bytes;
    ws->header_need = 2;
}


selkies_websocket_result_t
selkies_websocket_read(selkies_websocket_t *ws, uint8_t **pos, uint8_t *end,
    selkies_websocket_event_t *event)
{
    unsigned                    code;
    selkies_websocket_result_t  rc;

    for ( ;; ) {

        switch (ws->state) {

        case ws_header:

            if (*pos == end) {
                return SELKIES_WEBSOCKET_AGAIN;
            }

            ws->header[ws->header_len++] = *(*pos)++;
            ws->frame_bytes++;

            code = selkies_websocket_header_byte(ws);

            if (code != 0) {
                return selkies_websocket_fail(ws, code, pos, end, event);
            }

            continue;

        case ws_data:
            rc = selkies_websocket_payload(ws, pos, end, event);
            break;

        case ws_control:
            rc = selkies_websocket_control(ws, pos, end, event);
            break;

        case ws_failed:
            return selkies_websocket_fail(ws, ws->error, pos, end, event);

        default: /* ws_closed */
            *pos = end;
            return SELKIES_WEBSOCKET_AGAIN;
        }

        /* a frame may end without an event, then its state has changed */

        if (rc != SELKIES_WEBSOCKET_AGAIN || *pos == end) {
            return rc;
        }
    }
}


/*
 * Judges the header byte that has just come and finds out how many there are
 * to be.  Returns 0 or the close code.
 */

static unsigned
selkies_websocket_header_byte(selkies_websocket_t *ws)
{
    size_t    i, n;
    uint64_t  len;

    n = ws->header_len;

    if (n == 1) {
        return selkies_websocket_opcode(ws);
    }

    len = ws->header[1] & 0x7f;

    if (n == 2) {

        if (!(ws->header[1] & 0x80)) {
            return SELKIES_CLOSE_PROTOCOL;
        }

        if (ws->opcode >= SELKIES_WEBSOCKET_CLOSE
            && (len > SELKIES_WEBSOCKET_CONTROL_MAX
                || (ws->opcode == SELKIES_WEBSOCKET_CLOSE && len == 1)))
        {
            return SELKIES_CLOSE_PROTOCOL;
        }

        ws->header_need = 6 + (len == 126 ? 2 : len == 127 ? 8 : 0);
    }

    if (n == (size_t) ws->header_need - 4) {

        if (len >= 126) {
            for (len = 0, i = 2; i < n; i++) {
                len = len << 8 | ws->header[i];
            }

            /* the shortest form only, and bit 63 must be clear */

            if (len < 126 || (n == 10 && (len < 65536 || len >> 63))) {
                return SELKIES_CLOSE_PROTOCOL;
            }
        }

        return selkies_websocket_frame(ws, len);
    }

    if (n < ws->header_need) {
        return 0;
    }

    memcpy(ws->mask, &ws->header[n - 4], 4);

    ws->mask_offset = 0;
    ws->control_len = 0;
    ws->state = ws->opcode >= SELKIES_WEBSOCKET_CLOSE ? ws_control : ws_data;

    return 0;
}


static unsigned
selkies_websocket_opcode(selkies_websocket_t *ws)
{
    ws->fin = ws->header[0] >> 7;
    ws->opcode = ws->header[0] & 0x0f;

    if (ws->header[0] & 0x70) {
        return SELKIES_CLOSE_PROTOCOL;
    }

    switch (ws->opcode) {

    case SELKIES_WEBSOCKET_CONTINUATION:

        if (ws->message_opcode == 0) {
            return SELKIES_CLOSE_PROTOCOL;
        }

        if (ws->fragments == SELKIES_WEBSOCKET_FRAGMENTS) {
            return SELKIES_CLOSE_POLICY;
        }

        return 0;

    case SELKIES_WEBSOCKET_TEXT:
    case SELKIES_WEBSOCKET_BINARY:
        return ws->message_opcode == 0 ? 0 : SELKIES_CLOSE_PROTOCOL;

    case SELKIES_WEBSOCKET_CLOSE:
    case SELKIES_WEBSOCKET_PING:
    case SELKIES_WEBSOCKET_PONG:
        return ws->fin ? 0 : SELKIES_CLOSE_PROTOCOL;

    default:
        return SELKIES_CLOSE_PROTOCOL;
    }
}


/* The length of a frame is known: accounts for it. */

static unsigned
selkies_websocket_frame(selkies_websocket_t *ws, uint64_t len)
{
    ws->frame_left = len;

    if (ws->opcode >= SELKIES_WEBSOCKET_CLOSE) {
        return 0;
    }

    if (ws->opcode != SELKIES_WEBSOCKET_CONTINUATION) {
        ws->message_opcode = ws->opcode;
        ws->message_bytes = 0;
        ws->limit_bytes = ws->initial_limit_bytes;
        ws->fragments = 0;
        ws->first = 1;
    }

    if (len > ws->limit_bytes - ws->message_bytes) {
        return SELKIES_CLOSE_TOO_BIG;
    }

    ws->message_bytes += len;
    ws->fragments++;

    return 0;
}


static selkies_websocket_result_t
selkies_websocket_payload(selkies_websocket_t *ws, uint8_t **pos,
    uint8_t *end, selkies_websocket_event_t *event)
{
    size_t          n;
    const uint8_t  *bad;

    n = (size_t) (end - *pos);

    if (n > ws->frame_left) {
        n = (size_t) ws->frame_left;
    }

    if (n == 0 && ws->frame_left != 0) {
        return SELKIES_WEBSOCKET_AGAIN;
    }

    event->kind = SELKIES_WEBSOCKET_GOT_DATA;
    event->opcode = ws->message_opcode;
    event->first = ws->first;
    event->last = 0;
    event->code = 0;
    event->data = *pos;
    event->len = n;

    selkies_websocket_unmask(ws, *pos, n);

    *pos += n;
    ws->frame_left -= n;
    ws->frame_bytes += n;

    if (ws->message_opcode == SELKIES_WEBSOCKET_TEXT) {
        bad = selkies_websocket_utf8_scan(ws, event->data, *pos);

        if (bad != NULL
            || (ws->frame_left == 0 && ws->fin && ws->utf8_need != 0))
        {
            /*
             * What is right before the wrong byte is given out first: a limit
             * that it implies must be found in whatever way the input is cut.
             */

            ws->state = ws_failed;
            ws->error = SELKIES_CLOSE_BAD_DATA;

            if (bad != NULL) {
                event->len = (size_t) (bad - event->data);
            }

            ws->first = 0;

            return SELKIES_WEBSOCKET_EVENT;
        }
    }

    if (ws->frame_left == 0) {
        event->last = ws->fin;

        if (ws->fin) {
            ws->message_opcode = 0;
        }

        selkies_websocket_next_frame(ws);

        if (n == 0 && !event->last) {
            return SELKIES_WEBSOCKET_AGAIN;
        }
    }

    ws->first = 0;

    return SELKIES_WEBSOCKET_EVENT;
}


static selkies_websocket_result_t
selkies_websocket_control(selkies_websocket_t *ws, uint8_t **pos,
    uint8_t *end, selkies_websocket_event_t *event)
{
    size_t    n;
    uint8_t  *p;

    n = (size_t) (end - *pos);

    if (n > ws->frame_left) {
        n = (size_t) ws->frame_left;
    }

    p = &ws->control[ws->control_len];

    memcpy(p, *pos, n);
    selkies_websocket_unmask(ws, p, n);

    *pos += n;
    ws->control_len += (uint8_t) n;
    ws->frame_left -= n;
    ws->frame_bytes += n;

    if (ws->frame_left != 0) {
        return SELKIES_WEBSOCKET_AGAIN;
    }

    event->opcode = ws->opcode;
    event->first = 1;
    event->last = 1;
    event->code = 0;
    event->data = ws->control;
    event->len = ws->control_len;

    if (ws->opcode != SELKIES_WEBSOCKET_CLOSE) {
        event->kind = ws->opcode == SELKIES_WEBSOCKET_PING
                      ? SELKIES_WEBSOCKET_GOT_PING
                      : SELKIES_WEBSOCKET_GOT_PONG;

        selkies_websocket_next_frame(ws);

        return SELKIES_WEBSOCKET_EVENT;
    }

    event->kind = SELKIES_WEBSOCKET_GOT_CLOSE;
    event->code = SELKIES_CLOSE_NO_CODE;

    if (event->len != 0) {
        event->code = (uint16_t) (ws->control[0] << 8 | ws->control[1]);
        event->data += 2;
        event->len -= 2;

        if (!selkies_websocket_close_code_valid(event->code)) {
            return selkies_websocket_fail(ws, SELKIES_CLOSE_PROTOCOL, pos,
                                          end, event);
        }

        if (!selkies_websocket_utf8(event->data, event->len)) {
            return selkies_websocket_fail(ws, SELKIES_CLOSE_BAD_DATA, pos,
                                          end, event);
        }
    }

    ws->state = ws_closed;
    ws->frame_bytes = 0;

    return SELKIES_WEBSOCKET_EVENT;
}


static selkies_websocket_result_t
selkies_websocket_fail(selkies_websocket_t *ws, unsigned code, uint8_t **pos,
    uint8_t *end, selkies_websocket_event_t *event)
{
    ws->state = ws_failed;
    ws->error = (uint16_t) code;
    ws->frame_bytes = 0;

    *pos = end;

    memset(event, 0, sizeof(selkies_websocket_event_t));
    event->kind = SELKIES_WEBSOCKET_GOT_CLOSE;
    event->code = (uint16_t) code;

    return SELKIES_WEBSOCKET_ERROR;
}


static void
selkies_websocket_next_frame(selkies_websocket_t *ws)
{
    ws->state = ws_header;
    ws->header_len = 0;
    ws->header_need = 2;
    ws->frame_bytes = 0;
}


/* Words go through memcpy(): the payload may lie at any address. */

static void
selkies_websocket_unmask(selkies_websocket_t *ws, uint8_t *p, size_t len)
{
    size_t    i;
    uint8_t   mask[8];
    uint64_t  word, mask_word;

    for (i = 0; i < sizeof(mask); i++) {
        mask[i] = ws->mask[(ws->mask_offset + i) & 3];
    }

    ws->mask_offset = (ws->mask_offset + (uint32_t) len) & 3;

    memcpy(&mask_word, mask, sizeof(mask));

    while (len >= sizeof(word)) {
        memcpy(&word, p, sizeof(word));
        word ^= mask_word;
        memcpy(p, &word, sizeof(word));

        p += sizeof(word);
        len -= sizeof(word);
    }

    for (i = 0; i < len; i++) {
        p[i] ^= mask[i];
    }
}


/*
 * Goes on with the text where the last piece ended.  utf8_need is how many
 * bytes the sequence still wants, the next one between utf8_low and utf8_high
 * (Unicode 3.9, table 3-7).  Returns the first wrong byte, or NULL.
 */

static const uint8_t *
selkies_websocket_utf8_scan(selkies_websocket_t *ws, const uint8_t *p,
    const uint8_t *end)
{
    uint8_t   c;
    uint64_t  word;

    while (p < end) {

        if (ws->utf8_need != 0) {

            if (*p < ws->utf8_low || *p > ws->utf8_high) {
                return p;
            }

            ws->utf8_need--;
            ws->utf8_low = 0x80;
            ws->utf8_high = 0xbf;
            p++;

            continue;
        }

        while ((size_t) (end - p) >= sizeof(word)) {
            memcpy(&word, p, sizeof(word));

            if (word & 0x8080808080808080) {
                break;
            }

            p += sizeof(word);
        }

        if (p == end) {
            break;
        }

        c = *p;

        if (c < 0x80) {
            p++;
            continue;
        }

        if (c < 0xc2 || c > 0xf4) {
            return p;
        }

        ws->utf8_need = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
        ws->utf8_low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
        ws->utf8_high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
        p++;
    }

    return NULL;
}


int
selkies_websocket_utf8(const uint8_t *data, size_t len)
{
    selkies_websocket_t  ws;

    if (len == 0) {
        return 1;
    }

    ws.utf8_need = 0;
    ws.utf8_low = 0;
    ws.utf8_high = 0;

    return selkies_websocket_utf8_scan(&ws, data, data + len) == NULL
           && ws.utf8_need == 0;
}


unsigned
selkies_websocket_limit(selkies_websocket_t *ws, uint64_t limit_bytes)
{
    ws->limit_bytes = limit_bytes;

    if (ws->message_bytes <= limit_bytes) {
        return 0;
    }

    ws->state = ws_failed;
    ws->error = SELKIES_CLOSE_TOO_BIG;
    ws->frame_bytes = 0;

    return SELKIES_CLOSE_TOO_BIG;
}


uint64_t
selkies_websocket_frame_bytes(const selkies_websocket_t *ws)
{
    return ws->frame_bytes;
}


int
selkies_websocket_close_code_valid(unsigned code)
{
    return (code >= 1000 && code <= 1003)
           || (code >= 1007 && code <= 1014)
           || (code >= 3000 && code <= 4999);
}


int
selkies_websocket_key_valid(const uint8_t *key, size_t len)
{
    size_t   i;
    uint8_t  c;

    if (len != 24 || key[22] != '=' || key[23] != '=') {
        return 0;
    }

    for (i = 0; i < 22; i++) {
        c = key[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
              || (c >= '0' && c <= '9') || c == '+' || c == '/'))
        {
            return 0;
        }
    }

    /* the last character has two bits to give: the other four are zero */

    c = key[21];

    return c == 'A' || c == 'Q' || c == 'g' || c == 'w';
}


size_t
selkies_websocket_header(uint8_t out[SELKIES_WEBSOCKET_HEADER_MAX],
    unsigned opcode, int fin, uint64_t len)
{
    size_t  i;

    out[0] = (uint8_t) ((fin ? 0x80 : 0) | (opcode & 0x0f));

    if (len < 126) {
        out[1] = (uint8_t) len;
        return 2;
    }

    if (len < 65536) {
        out[1] = 126;
        out[2] = (uint8_t) (len >> 8);
        out[3] = (uint8_t) len;
        return 4;
    }

    out[1] = 127;

    for (i = 0; i < 8; i++) {
        out[2 + i] = (uint8_t) (len >> (56 - 8 * i));
    }

    return 10;
}


uint8_t *
selkies_websocket_header_before(uint8_t *payload, unsigned opcode, int fin,
    uint64_t len)
{
    size_t   n;
    uint8_t  header[SELKIES_WEBSOCKET_HEADER_MAX];

    n = selkies_websocket_header(header, opcode, fin, len);

    return memcpy(payload - n, header, n);
}


size_t
selkies_websocket_close(uint8_t out[SELKIES_WEBSOCKET_CLOSE_MAX],
    unsigned code, const char *reason, size_t reason_len)
{
    size_t  n;

    if (!selkies_websocket_close_code_valid(code)) {
        return selkies_websocket_header(out, SELKIES_WEBSOCKET_CLOSE, 1, 0);
    }

    if (reason_len > SELKIES_WEBSOCKET_CONTROL_MAX - 2) {
        reason_len = SELKIES_WEBSOCKET_CONTROL_MAX - 2;

        while (reason_len > 0 && (reason[reason_len] & 0xc0) == 0x80) {
            reason_len--;
        }
    }

    n = selkies_websocket_header(out, SELKIES_WEBSOCKET_CLOSE, 1,
                                 2 + reason_len);

    out[n++] = (uint8_t) (code >> 8);
    out[n++] = (uint8_t) code;

    if (reason_len != 0) {
        memcpy(&out[n], reason, reason_len);
    }

    return n + reason_len;
}
