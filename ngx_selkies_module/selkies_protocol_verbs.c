
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The parsers of the verbs (selkies_protocol_verbs.h).  Numbers are decimal,
 * without a plus sign or spaces; nothing depends on the locale.
 *
 * Thread: any.  Ownership: nothing is allocated; spans point into the message.
 */


#include <string.h>

#include "selkies_protocol_verbs.h"


#define SELKIES_FIELDS_MAX       8
#define SELKIES_KEYSYM_MAX       0x1fffffff     /* X11: 29 bits */
#define SELKIES_MIME_MAX         127
#define SELKIES_TRANSFER_ID_MAX  64

#define selkies_array_n(a)       (sizeof(a) / sizeof((a)[0]))


static size_t selkies_split(const uint8_t *pos, const uint8_t *end,
    selkies_span_t *fields);
static int selkies_parse_uint(selkies_span_t span, uint64_t max,
    uint64_t *value);
static int selkies_parse_int(selkies_span_t span, int32_t *value);


/* the members of js, by its second field */

static const struct {
    char              name;
    uint8_t           fields;       /* the letter's included */
    selkies_verb_t    verb;
} selkies_gamepad_verbs[] = {
    { 'b', 4, SELKIES_VERB_GAMEPAD_BUTTON },
    { 'a', 4, SELKIES_VERB_GAMEPAD_AXIS },
    { 'h', 2, SELKIES_VERB_GAMEPAD_HELD },
    { 'c', 5, SELKIES_VERB_GAMEPAD_CONNECT },
    { 'd', 2, SELKIES_VERB_GAMEPAD_DISCONNECT }
};


selkies_parse_t
selkies_parse_object(selkies_command_t *cmd, const uint8_t *pos,
    const uint8_t *end)
{
    if (pos == end || *pos != '{') {
        return SELKIES_PARSE_MALFORMED;
    }

    cmd->u.json.data = pos;
    cmd->u.json.len = (size_t) (end - pos);

    return SELKIES_PARSE_OK;
}


selkies_parse_t
selkies_parse_ack(selkies_command_t *cmd, const uint8_t *pos,
    const uint8_t *end)
{
    uint64_t        n, held;
    const uint8_t  *space;
    selkies_span_t  span;

    /* new clients of dialect 2 add for how many ms they have held it back */

    space = pos == end ? NULL : memchr(pos, ' ', (size_t) (end - pos));

    if (space != NULL) {
        span.data = space + 1;
        span.len = (size_t) (end - span.data);

        if (selkies_parse_uint(span, UINT32_MAX, &held) != 0) {
            return SELKIES_PARSE_MALFORMED;
        }

        end = space;
    }

    span.data = pos;
    span.len = (size_t) (end - pos);

    if (selkies_parse_uint(span, UINT16_MAX, &n) != 0) {
        return SELKIES_PARSE_MALFORMED;
    }

    cmd->u.frame_id = (uint16_t) n;

    return SELKIES_PARSE_OK;
}


selkies_parse_t
selkies_parse_resize(selkies_command_t *cmd, const uint8_t *pos,
    const uint8_t *end)
{
    const uint8_t   *x;
    selkies_span_t   fields[SELKIES_FIELDS_MAX], side;

    if (selkies_split(pos, end, fields) != 2) {
        return SELKIES_PARSE_MALFORMED;
    }

    x = memchr(fields[0].data, 'x', fields[0].len);

    if (x == NULL
        || !selkies_parse_token(fields[1], SELKIES_DISPLAY_ID_MAX, "_-"))
    {
        return SELKIES_PARSE_MALFORMED;
    }

    side.data = fields[0].data;
    side.len = (size_t) (x - side.data);

    if (selkies_parse_int(side, &cmd->u.resize.width) != 0) {
        return SELKIES_PARSE_MALFORMED;
    }

    side.data = x + 1;
    side.len = fields[0].len - side.len - 1;

    if (selkies_parse_int(side, &cmd->u.resize.height) != 0) {
        return SELKIES_PARSE_MALFORMED;
    }

    cmd->u.resize.display_id = fields[1];

    return SELKIES_PARSE_OK;
}


selkies_parse_t
selkies_parse_dpi(selkies_command_t *cmd, const uint8_t *pos,
    const uint8_t *end)
{
    double          dpi;
    selkies_span_t  span;

    span.data = pos;
    span.len = (size_t) (end - pos);

    /* dialect 2 may send a fraction */

    if (selkies_parse_real(span, &dpi) != 0 || dpi < 1 || dpi > 10000) {
        return SELKIES_PARSE_MALFORMED;
    }

    cmd->u.dpi = (uint32_t) (dpi + 0.5);

    return SELKIES_PARSE_OK;
}


selkies_parse_t
selkies_parse_switch(selkies_command_t *cmd, const uint8_t *pos,
    const uint8_t *end)
{
    if (end - pos != 1 || (*pos != '0' && *pos != '1')) {
        return SELKIES_PARSE_MALFORMED;
    }

    cmd->u.on = *pos == '1';

    return SELKIES_PARSE_OK;
}


selkies_parse_t
selkies_parse_key(selkies_command_t *cmd, const uint8_t *pos,
    const uint8_t *end)
{
    uint64_t        n;
    selkies_span_t  span;

    span.data = pos;
    span.len = (size_t) (end - pos);

    if (selkies_parse_uint(span, SELKIES_KEYSYM_MAX, &n) != 0 || n == 0) {
        return SELKIES_PARSE_MALFORMED;
    }

    cmd->u.keysym = (uint32_t) n;

    return SELKIES_PARSE_OK;
}


selkies_parse_t
selkies_parse_keys(selkies_command_t *cmd, const uint8_t *pos,
    const uint8_t *end)
{
    size_t          n;
    selkies_span_t  rest;

    cmd->u.keys.data = pos;
    cmd->u.keys.len = (size_t) (end - pos);

    rest = cmd->u.keys;

    for (n = 0; selkies_next_keysym(&rest) != 0; n++) {

        if (n == SELKIES_KEYS_MAX) {
            return SELKIES_PARSE_MALFORMED;
        }
    }

    return rest.len == 0 ? SELKIES_PARSE_OK : SELKIES_PARSE_MALFORMED;
}


uint32_t
selkies_next_keysym(selkies_span_t *keys)
{
    uint64_t         n;
    const uint8_t   *comma;
    selkies_span_t   span;

    if (keys->len == 0) {
        return 0;
    }

    comma = memchr(keys->data, ',', keys->len);

    span.data = keys->data;
    span.len = comma == NULL ? keys->len : (size_t) (comma - keys->data);

    /* a comma must have a key behind it, too */

    if (selkies_parse_uint(span, SELKIES_KEYSYM_MAX, &n) != 0 || n == 0
        || span.len + 1 == keys->len)
    {
        return 0;
    }

    if (comma != NULL) {
        span.len++;
    }

    keys->data += span.len;
    keys->len -= span.len;

    return (uint32_t) n;
}


selkies_parse_t
selkies_parse_pointer(selkies_command_t *cmd, const uint8_t *pos,
    const uint8_t *end)
{
    uint64_t        mask, magnitude;
    selkies_span_t  fields[SELKIES_FIELDS_MAX];

    if (selkies_split(pos, end, fields) != 4
        || selkies_parse_int(fields[0], &cmd->u.pointer.x) != 0
        || selkies_parse_int(fields[1], &cmd->u.pointer.y) != 0
        || selkies_parse_uint(fields[2], UINT32_MAX, &mask) != 0
        || selkies_parse_uint(fields[3], UINT32_MAX, &magnitude) != 0)
    {
        return SELKIES_PARSE_MALFORMED;
    }

    if (magnitude > SELKIES_MAGNITUDE_MAX) {
        magnitude = SELKIES_MAGNITUDE_MAX;
    }

    cmd->u.pointer.mask = (uint32_t) mask;
    cmd->u.pointer.magnitude = (uint32_t) magnitude;

    return SELKIES_PARSE_OK;
}


selkies_parse_t
selkies_parse_type(selkies_command_t *cmd, const uint8_t *pos,
    const uint8_t *end)
{
    if (end - pos < 4 || memcmp(pos, "end,", 4) != 0) {
        return SELKIES_PARSE_MALFORMED;
    }

    cmd->u.text.data = pos + 4;
    cmd->u.text.len = (size_t) (end - pos) - 4;

    return SELKIES_PARSE_OK;
}


selkies_parse_t
selkies_parse_gamepad(selkies_command_t *cmd, const uint8_t *pos,
    const uint8_t *end)
{
    double          value;
    size_t          i, n;
    uint64_t        index, a, b;
    selkies_span_t  fields[SELKIES_FIELDS_MAX];

    n = selkies_split(pos, end, fields);

    if (n < 2 || fields[0].len != 1
        || selkies_parse_uint(fields[1], 3, &index) != 0)
    {
        return SELKIES_PARSE_MALFORMED;
    }

    for (i = 0; i < selkies_array_n(selkies_gamepad_verbs); i++) {

        if (selkies_gamepad_verbs[i].name == (char) *fields[0].data
            && selkies_gamepad_verbs[i].fields == n)
        {
            break;
        }
    }

    if (i == selkies_array_n(selkies_gamepad_verbs)) {
        return SELKIES_PARSE_MALFORMED;
    }

    cmd->verb = selkies_gamepad_verbs[i].verb;
    cmd->u.gamepad.index = (uint32_t) index;

    switch (cmd->verb) {

    case SELKIES_VERB_GAMEPAD_BUTTON:
    case SELKIES_VERB_GAMEPAD_AXIS:

        if (selkies_parse_uint(fields[2], 255, &a) != 0
            || selkies_parse_real(fields[3], &value) != 0)
        {
            return SELKIES_PARSE_MALFORMED;
        }

        value = value > 1 ? 1 : value < -1 ? -1 : value;

        cmd->u.gamepad.control = (uint32_t) a;
        cmd->u.gamepad.value = (float) value;

        return SELKIES_PARSE_OK;

    case SELKIES_VERB_GAMEPAD_CONNECT:

        if (selkies_parse_uint(fields[3], 255, &a) != 0
            || selkies_parse_uint(fields[4], 255, &b) != 0)
        {
            return SELKIES_PARSE_MALFORMED;
        }

        cmd->u.gamepad.name = fields[2];
        cmd->u.gamepad.axes = (uint32_t) a;
        cmd->u.gamepad.buttons = (uint32_t) b;

        return SELKIES_PARSE_OK;

    default:
        return SELKIES_PARSE_OK;
    }
}


/* cw,<base64>  cb,<mime>,<base64> */

selkies_parse_t
selkies_parse_clipboard(selkies_command_t *cmd, const uint8_t *pos,
    const uint8_t *end)
{
    size_t          n;
    selkies_span_t  fields[SELKIES_FIELDS_MAX];

    n = selkies_split(pos, end, fields);

    cmd->u.clipboard.binary = cmd->name[1] == 'b';

    if (n != (cmd->u.clipboard.binary ? 2 : 1)) {
        return SELKIES_PARSE_MALFORMED;
    }

    cmd->u.clipboard.base64 = fields[n - 1];

    if (cmd->u.clipboard.binary) {
        cmd->u.clipboard.mime = fields[0];

        if (!selkies_parse_token(fields[0], SELKIES_MIME_MAX, "/+-._;=")) {
            return SELKIES_PARSE_MALFORMED;
        }
    }

    return SELKIES_PARSE_OK;
}


/* cws,[<id>,]<total>  cbs,[<id>,]<mime>,<total>: told apart by their number */

selkies_parse_t
selkies_parse_clipboard_start(selkies_command_t *cmd, const uint8_t *pos,
    const uint8_t *end)
{
    size_t          n, fixed;
    selkies_span_t  fields[SELKIES_FIELDS_MAX];

    n = selkies_split(pos, end, fields);

    cmd->u.clipboard.binary = cmd->name[1] == 'b';

    fixed = cmd->u.clipboard.binary ? 2 : 1;

    if (n != fixed && n != fixed + 1) {
        return SELKIES_PARSE_MALFORMED;
    }

    if (n == fixed + 1) {
        cmd->u.clipboard.id = fields[0];

        if (!selkies_parse_token(fields[0], SELKIES_TRANSFER_ID_MAX, "-_.:")) {
            return SELKIES_PARSE_MALFORMED;
        }
    }

    if (cmd->u.clipboard.binary) {
        cmd->u.clipboard.mime = fields[n - 2];

        if (!selkies_parse_token(fields[n - 2], SELKIES_MIME_MAX, "/+-._;=")) {
            return SELKIES_PARSE_MALFORMED;
        }
    }

    if (selkies_parse_uint(fields[n - 1], INT64_MAX,
                           &cmd->u.clipboard.total_bytes)
        != 0)
    {
        return SELKIES_PARSE_MALFORMED;
    }

    return SELKIES_PARSE_OK;
}


/* cwd,[<id>,]<base64> */

selkies_parse_t
selkies_parse_clipboard_data(selkies_command_t *cmd, const uint8_t *pos,
    const uint8_t *end)
{
    size_t          n;
    selkies_span_t  fields[SELKIES_FIELDS_MAX];

    n = selkies_split(pos, end, fields);

    if (n != 1 && n != 2) {
        return SELKIES_PARSE_MALFORMED;
    }

    cmd->u.clipboard.binary = cmd->name[1] == 'b';
    cmd->u.clipboard.base64 = fields[n - 1];

    if (n == 2) {
        cmd->u.clipboard.id = fields[0];

        if (!selkies_parse_token(fields[0], SELKIES_TRANSFER_ID_MAX, "-_.:")) {
            return SELKIES_PARSE_MALFORMED;
        }
    }

    return SELKIES_PARSE_OK;
}


/* cwe[,<id>] */

selkies_parse_t
selkies_parse_clipboard_end(selkies_command_t *cmd, const uint8_t *pos,
    const uint8_t *end)
{
    cmd->u.clipboard.binary = cmd->name[1] == 'b';

    if (pos == end) {
        return pos[-1] == ',' ? SELKIES_PARSE_MALFORMED : SELKIES_PARSE_OK;
    }

    cmd->u.clipboard.id.data = pos;
    cmd->u.clipboard.id.len = (size_t) (end - pos);

    return selkies_parse_token(cmd->u.clipboard.id, SELKIES_TRANSFER_ID_MAX,
                               "-_.:")
           ? SELKIES_PARSE_OK : SELKIES_PARSE_MALFORMED;
}


selkies_parse_t
selkies_parse_command(selkies_command_t *cmd, const uint8_t *pos,
    const uint8_t *end)
{
    size_t  n;

    n = (size_t) (end - pos);

    if (n == 0 || memchr(pos, '\0', n) != NULL) {
        return SELKIES_PARSE_MALFORMED;
    }

    cmd->u.text.data = pos;
    cmd->u.text.len = n;

    return SELKIES_PARSE_OK;
}


selkies_parse_t
selkies_parse_app(selkies_command_t *cmd, const uint8_t *pos,
    const uint8_t *end)
{
    uint64_t  n;

    if (selkies_parse_uint((selkies_span_t) { pos, (size_t) (end - pos) },
                           65535, &n)
        != 0)
    {
        return SELKIES_PARSE_MALFORMED;
    }

    cmd->u.app = (uint32_t) n;

    return SELKIES_PARSE_OK;
}


/* The size stands behind the last colon: names may contain colons. */

selkies_parse_t
selkies_parse_upload_start(selkies_command_t *cmd, const uint8_t *pos,
    const uint8_t *end)
{
    const uint8_t   *colon;
    selkies_span_t   size;

    for (colon = end; colon > pos && colon[-1] != ':'; colon--) {
        /* void */
    }

    if (colon == pos) {
        return SELKIES_PARSE_MALFORMED;
    }

    size.data = colon;
    size.len = (size_t) (end - colon);

    if (selkies_parse_uint(size, INT64_MAX, &cmd->u.upload.size_bytes) != 0) {
        return SELKIES_PARSE_MALFORMED;
    }

    return selkies_parse_upload_end(cmd, pos, colon - 1);
}


selkies_parse_t
selkies_parse_upload_end(selkies_command_t *cmd, const uint8_t *pos,
    const uint8_t *end)
{
    size_t  n;

    n = (size_t) (end - pos);

    if (n == 0 || memchr(pos, '\0', n) != NULL) {
        return SELKIES_PARSE_MALFORMED;
    }

    cmd->u.upload.path.data = pos;
    cmd->u.upload.path.len = n;

    return SELKIES_PARSE_OK;
}


selkies_parse_t
selkies_parse_upload_error(selkies_command_t *cmd, const uint8_t *pos,
    const uint8_t *end)
{
    const uint8_t  *colon;

    colon = pos == end ? NULL : memchr(pos, ':', (size_t) (end - pos));

    if (colon == NULL) {
        return selkies_parse_upload_end(cmd, pos, end);
    }

    cmd->u.upload.message.data = colon + 1;
    cmd->u.upload.message.len = (size_t) (end - colon) - 1;

    return selkies_parse_upload_end(cmd, pos, colon);
}


/*
 * Cuts at commas; n empty commas are n + 1 fields.  More than fit count as
 * SELKIES_FIELDS_MAX + 1, which no verb has.
 */

static size_t
selkies_split(const uint8_t *pos, const uint8_t *end, selkies_span_t *fields)
{
    size_t          n;
    const uint8_t  *comma;

    for (n = 0; n < SELKIES_FIELDS_MAX; n++) {

        comma = pos == end ? NULL : memchr(pos, ',', (size_t) (end - pos));

        fields[n].data = pos;

        if (comma == NULL) {
            fields[n].len = (size_t) (end - pos);
            return n + 1;
        }

        fields[n].len = (size_t) (comma - pos);
        pos = comma + 1;
    }

    return SELKIES_FIELDS_MAX + 1;
}


static int
selkies_parse_uint(selkies_span_t span, uint64_t max, uint64_t *value)
{
    size_t    i;
    uint64_t  n, digit;

    if (span.len == 0) {
        return -1;
    }

    for (n = 0, i = 0; i < span.len; i++) {

        if (span.data[i] < '0' || span.data[i] > '9') {
            return -1;
        }

        digit = span.data[i] - '0';

        if (digit > max || n > (max - digit) / 10) {
            return -1;
        }

        n = n * 10 + digit;
    }

    *value = n;

    return 0;
}


static int
selkies_parse_int(selkies_span_t span, int32_t *value)
{
    uint64_t  n;

    if (span.len > 1 && span.data[0] == '-') {
        span.data++;
        span.len--;

        if (selkies_parse_uint(span, (uint64_t) INT32_MAX + 1, &n) != 0) {
            return -1;
        }

        *value = (int32_t) -(int64_t) n;

        return 0;
    }

    if (selkies_parse_uint(span, INT32_MAX, &n) != 0) {
        return -1;
    }

    *value = (int32_t) n;

    return 0;
}


/* One to `max` letters, digits or characters of `more`. */

int
selkies_parse_token(selkies_span_t span, size_t max, const char *more)
{
    size_t   i;
    uint8_t  c;

    if (span.len == 0 || span.len > max) {
        return 0;
    }

    for (i = 0; i < span.len; i++) {
        c = span.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9')
              || (c != '\0' && strchr(more, c) != NULL)))
        {
            return 0;
        }
    }

    return 1;
}
