
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The message dispatcher: the first byte says text (even) or binary (odd), the
 * rest is the message.  What the parser accepts must lie inside the message
 * and within the ranges the header promises, and the formatters must write
 * what they say from the same bytes.
 *
 * Thread: one.
 */


#include <jansson.h>

#include "../../ngx_selkies_module/selkies_protocol.h"
#include "../../ngx_selkies_module/selkies_websocket.h"
#include "replay.h"


static void
inside(selkies_span_t s, const uint8_t *data, size_t size)
{
    holds(s.data == NULL ? s.len == 0
          : s.data >= data && s.len <= size
            && s.data + s.len <= data + size);
}


static void
check_limit(const uint8_t *data, size_t size, int binary)
{
    int     more, decided;
    size_t  n, limit, last;

    decided = 0;
    last = 0;

    /* once decided, it stays */

    for (n = 0; n <= size && n <= 40; n++) {
        more = 0;
        limit = selkies_protocol_limit(data, n, binary, &more);

        holds(more || (limit >= 1 && limit <= SELKIES_LIMIT_MESSAGE));
        holds(!decided || (!more && limit == last));

        decided = !more;
        last = limit;
    }
}


static void
check_command(const selkies_command_t *c, const uint8_t *data, size_t size)
{
    size_t           n, len;
    uint8_t         *copy, *back;
    uint32_t         right;
    selkies_ext_t    ext;
    selkies_span_t   keys;

    right = c->flags & SELKIES_RIGHTS;

    holds(c->verb > SELKIES_VERB_NONE && c->verb < SELKIES_VERBS);
    holds(c->name != NULL && right != 0 && (right & (right - 1)) == 0);

    switch (c->verb) {

    case SELKIES_VERB_SETTINGS:
    case SELKIES_VERB_COMMAND:
    case SELKIES_VERB_TYPE:
    case SELKIES_VERB_UPLOAD_DATA:
    case SELKIES_VERB_MICROPHONE:
    case SELKIES_VERB_WEBCAM:
        inside(c->u.json, data, size);
        break;

    case SELKIES_VERB_EXT:
        inside(c->u.json, data, size);

        if (selkies_parse_ext(&ext, c->u.json) == 0) {
            holds(memchr(ext.version, 0, sizeof(ext.version)) != NULL);
            holds(memchr(ext.resume, 0, sizeof(ext.resume)) != NULL);
            holds((ext.want & ~(unsigned) SELKIES_EXT_ALL) == 0);
        }

        break;

    case SELKIES_VERB_DPI:
        holds(c->u.dpi >= 1 && c->u.dpi <= 10000);
        break;

    case SELKIES_VERB_RESIZE:
        inside(c->u.resize.display_id, data, size);
        holds(c->u.resize.display_id.len >= 1
              && c->u.resize.display_id.len <= SELKIES_DISPLAY_ID_MAX);
        break;

    case SELKIES_VERB_KEY_DOWN:
    case SELKIES_VERB_KEY_UP:
        holds(c->u.keysym != 0);
        break;

    case SELKIES_VERB_KEY_HELD:
        keys = c->u.keys;

        for (n = 0; selkies_next_keysym(&keys) != 0; n++) {
            inside(keys, data, size);
        }

        holds(n <= SELKIES_KEYS_MAX && keys.len == 0);
        break;

    case SELKIES_VERB_POINTER:
    case SELKIES_VERB_POINTER_RELATIVE:
        holds(c->u.pointer.magnitude <= SELKIES_MAGNITUDE_MAX);
        break;

    case SELKIES_VERB_GAMEPAD_CONNECT:
    case SELKIES_VERB_GAMEPAD_DISCONNECT:
    case SELKIES_VERB_GAMEPAD_BUTTON:
    case SELKIES_VERB_GAMEPAD_AXIS:
    case SELKIES_VERB_GAMEPAD_HELD:
        inside(c->u.gamepad.name, data, size);
        holds(c->u.gamepad.index <= 3 && c->u.gamepad.control <= 255
              && c->u.gamepad.value >= -1 && c->u.gamepad.value <= 1);
        break;

    case SELKIES_VERB_CLIPBOARD_SET:
    case SELKIES_VERB_CLIPBOARD_START:
    case SELKIES_VERB_CLIPBOARD_DATA:
    case SELKIES_VERB_CLIPBOARD_END:
        inside(c->u.clipboard.id, data, size);
        inside(c->u.clipboard.mime, data, size);
        inside(c->u.clipboard.base64, data, size);
        holds(c->u.clipboard.total_bytes <= INT64_MAX);

        len = c->u.clipboard.base64.len;
        copy = malloc(len + 1);
        back = malloc(len + 4);
        holds(copy != NULL && back != NULL);

        if (len != 0) {
            n = selkies_base64_decode(copy, c->u.clipboard.base64.data, len);

            if (n != (size_t) -1) {
                holds(selkies_base64_encode(back, copy, n) == len
                      && memcmp(back, c->u.clipboard.base64.data, len) == 0);
            }
        }

        free(copy);
        free(back);
        break;

    case SELKIES_VERB_UPLOAD_START:
    case SELKIES_VERB_UPLOAD_END:
    case SELKIES_VERB_UPLOAD_ERROR:
        inside(c->u.upload.path, data, size);
        inside(c->u.upload.message, data, size);
        holds(c->u.upload.path.len != 0
              && c->u.upload.size_bytes <= INT64_MAX);
        break;

    default:
        break;
    }
}


static void
check_formatters(const uint8_t *data, size_t size)
{
    char     *reason;
    size_t    n, room;
    json_t   *string;
    uint8_t  *out;

    reason = malloc(size + 1);
    out = malloc(size * 6 + 64);
    holds(reason != NULL && out != NULL);

    if (size != 0) {
        memcpy(reason, data, size);
    }

    reason[size] = '\0';

    n = selkies_format_kill(out, size * 6 + 64, reason);
    holds(n <= size * 3 + 5 && selkies_websocket_utf8(out, n));

    n = selkies_format_json_string(out, size * 6 + 64, data, size);
    holds(n <= size * 6 + 2);

    string = json_loadb((char *) out, n, JSON_DECODE_ANY|JSON_ALLOW_NUL, NULL);
    holds(json_is_string(string));
    json_decref(string);

    free(out);

    room = n / 2;
    out = malloc(room + 1);
    holds(out != NULL);
    holds(selkies_format_json_string(out, room, data, size) == n);
    holds(selkies_format_command_error(out, room, reason) > 0);

    free(out);
    free(reason);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                binary, more;
    size_t             limit;
    selkies_parse_t    result;
    selkies_command_t  cmd;

    if (size < 1) {
        return 0;
    }

    binary = data[0] & 1;

    data++;
    size--;

    check_limit(data, size, binary);

    result = selkies_protocol_parse(&cmd, data, size, binary);

    if (result == SELKIES_PARSE_OK) {
        more = 0;
        limit = selkies_protocol_limit(data, size, binary, &more);
        holds(more || size <= limit);

        check_command(&cmd, data, size);
    }

    check_formatters(data, size < 2000 ? size : 2000);

    return 0;
}
