
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * What a client may say: the table of verbs and the way to a row of it.  The
 * parsers are in selkies_protocol_verbs.c.
 *
 * Thread: any.  Ownership: nothing is allocated; spans point into the message.
 */


#include <string.h>

#include <jansson.h>

#include "selkies_json.h"
#include "selkies_protocol.h"
#include "selkies_protocol_verbs.h"


#define SELKIES_VERB_MAX        32          /* characters of a verb */


typedef struct {
    const char       *name;
    char              delimiter;    /* behind the verb; 0: none, message ends;
                                       '?': none or a comma; '*': anything */
    selkies_verb_t    verb;
    size_t            limit;        /* bytes of the message */
    uint32_t          flags;
    selkies_verb_pt   parse;        /* NULL: nothing follows, or ignored */
} selkies_verb_row_t;


static const selkies_verb_row_t *selkies_verb_find(const uint8_t *data,
    size_t len, size_t *verb_len);
static selkies_parse_t selkies_parse_binary(selkies_command_t *cmd,
    const uint8_t *data, size_t len);


#define TEXT        SELKIES_LIMIT_TEXT
#define CLIPBOARD   SELKIES_LIMIT_CLIPBOARD

#define ANYONE      SELKIES_BY_ANYONE
#define OWNER       SELKIES_BY_OWNER
#define INPUT       SELKIES_BY_INPUT
#define GAMEPAD     (SELKIES_BY_GAMEPAD|SELKIES_COUNTED|SELKIES_QUIET)
#define COUNTED     SELKIES_COUNTED
#define QUIET       SELKIES_QUIET
#define CLAIM       SELKIES_AFTER_CLAIM


/* What comes most often is found first. */

static const selkies_verb_row_t  selkies_verbs[] = {

    { "m", ',', SELKIES_VERB_POINTER, TEXT, INPUT|COUNTED,
      selkies_parse_pointer },
    { "m2", ',', SELKIES_VERB_POINTER_RELATIVE, TEXT, INPUT|COUNTED,
      selkies_parse_pointer },
    { "CLIENT_FRAME_ACK", ' ', SELKIES_VERB_FRAME_ACK, TEXT, ANYONE,
      selkies_parse_ack },
    { "js", ',', SELKIES_VERB_GAMEPAD_AXIS, TEXT, GAMEPAD,
      selkies_parse_gamepad },
    { "kd", ',', SELKIES_VERB_KEY_DOWN, TEXT, INPUT|COUNTED,
      selkies_parse_key },
    { "ku", ',', SELKIES_VERB_KEY_UP, TEXT, INPUT|COUNTED,
      selkies_parse_key },
    { "kh", '?', SELKIES_VERB_KEY_HELD, TEXT, INPUT|COUNTED,
      selkies_parse_keys },
    { "kr", 0, SELKIES_VERB_KEY_RESET, TEXT, INPUT|COUNTED|QUIET, NULL },
    { "p", ',', SELKIES_VERB_POINTER_VISIBLE, TEXT, INPUT|QUIET,
      selkies_parse_switch },
    { "co", ',', SELKIES_VERB_TYPE, TEXT, INPUT|COUNTED,
      selkies_parse_type },

    { "SETTINGS", ',', SELKIES_VERB_SETTINGS, TEXT, ANYONE,
      selkies_parse_object },
    { "_ext", ',', SELKIES_VERB_EXT, TEXT, ANYONE, selkies_parse_object },
    { "START_VIDEO", 0, SELKIES_VERB_START_VIDEO, TEXT, ANYONE, NULL },
    { "STOP_VIDEO", 0, SELKIES_VERB_STOP_VIDEO, TEXT, ANYONE, NULL },
    { "START_AUDIO", 0, SELKIES_VERB_START_AUDIO, TEXT, ANYONE|CLAIM, NULL },
    { "STOP_AUDIO", 0, SELKIES_VERB_STOP_AUDIO, TEXT, ANYONE, NULL },
    { "REQUEST_KEYFRAME", 0, SELKIES_VERB_REQUEST_KEYFRAME, TEXT, ANYONE,
      NULL },
    { "r", ',', SELKIES_VERB_RESIZE, TEXT, OWNER|CLAIM,
      selkies_parse_resize },
    { "s", ',', SELKIES_VERB_DPI, TEXT, OWNER|CLAIM, selkies_parse_dpi },
    { "SET_NATIVE_CURSOR_RENDERING", ',', SELKIES_VERB_NATIVE_CURSOR, TEXT,
      OWNER|CLAIM|QUIET, selkies_parse_switch },

    { "cr", 0, SELKIES_VERB_CLIPBOARD_READ, TEXT, INPUT|QUIET, NULL },
    { "REQUEST_CLIPBOARD", 0, SELKIES_VERB_CLIPBOARD_REQUEST, TEXT, INPUT,
      NULL },
    { "cw", ',', SELKIES_VERB_CLIPBOARD_SET, CLIPBOARD, INPUT,
      selkies_parse_clipboard },
    { "cb", ',', SELKIES_VERB_CLIPBOARD_SET, CLIPBOARD, INPUT,
      selkies_parse_clipboard },
    { "cws", ',', SELKIES_VERB_CLIPBOARD_START, TEXT, INPUT,
      selkies_parse_clipboard_start },
    { "cbs", ',', SELKIES_VERB_CLIPBOARD_START, TEXT, INPUT,
      selkies_parse_clipboard_start },
    { "cwd", ',', SELKIES_VERB_CLIPBOARD_DATA, CLIPBOARD, INPUT,
      selkies_parse_clipboard_data },
    { "cbd", ',', SELKIES_VERB_CLIPBOARD_DATA, CLIPBOARD, INPUT,
      selkies_parse_clipboard_data },
    { "cwe", '?', SELKIES_VERB_CLIPBOARD_END, TEXT, INPUT,
      selkies_parse_clipboard_end },
    { "cbe", '?', SELKIES_VERB_CLIPBOARD_END, TEXT, INPUT,
      selkies_parse_clipboard_end },

    { "cmd", ',', SELKIES_VERB_COMMAND, TEXT, OWNER, selkies_parse_command },
    { "app", ',', SELKIES_VERB_APP, TEXT, OWNER, selkies_parse_app },
    { "FILE_UPLOAD_START", ':', SELKIES_VERB_UPLOAD_START, TEXT, OWNER,
      selkies_parse_upload_start },
    { "FILE_UPLOAD_END", ':', SELKIES_VERB_UPLOAD_END, TEXT, OWNER,
      selkies_parse_upload_end },
    { "FILE_UPLOAD_ERROR", ':', SELKIES_VERB_UPLOAD_ERROR, TEXT, OWNER,
      selkies_parse_upload_error },

    /*
     * Known, without effect: where a page lies on its user's own desktop,
     * compression, and what WebRTC left behind.
     */

    { "vp", '*', SELKIES_VERB_NONE, TEXT, ANYONE|QUIET, NULL },
    { "_gz", '*', SELKIES_VERB_GZIP, TEXT, ANYONE|QUIET, NULL },
    { "pong", '*', SELKIES_VERB_NONE, TEXT, ANYONE|QUIET, NULL },
    { "vb", '*', SELKIES_VERB_NONE, TEXT, ANYONE|QUIET, NULL },
    { "ab", '*', SELKIES_VERB_NONE, TEXT, ANYONE|QUIET, NULL },
    { "_arg_fps", '*', SELKIES_VERB_NONE, TEXT, ANYONE|QUIET, NULL },
    { "_arg_resize", '*', SELKIES_VERB_NONE, TEXT, ANYONE|QUIET, NULL },
    { "_f", '*', SELKIES_VERB_NONE, TEXT, ANYONE|QUIET, NULL },
    { "_l", '*', SELKIES_VERB_NONE, TEXT, ANYONE|QUIET, NULL },
    { "_stats_video", '*', SELKIES_VERB_NONE, TEXT, ANYONE|QUIET, NULL },
    { "_stats_audio", '*', SELKIES_VERB_NONE, TEXT, ANYONE|QUIET, NULL },
    { "_ebc", '*', SELKIES_VERB_NONE, TEXT, ANYONE|QUIET, NULL },
    { "_rc", '*', SELKIES_VERB_NONE, TEXT, ANYONE|QUIET, NULL },
    { "_crf", '*', SELKIES_VERB_NONE, TEXT, ANYONE|QUIET, NULL }
};


/* Binary messages by their first byte; the name is for logs. */

static const selkies_verb_row_t  selkies_binary_verbs[] = {

    /* 0x00 */
    { NULL, 0, SELKIES_VERB_NONE, TEXT, ANYONE, NULL },

    /* 0x01 */
    { "upload data", 0, SELKIES_VERB_UPLOAD_DATA, SELKIES_LIMIT_UPLOAD, OWNER,
      NULL },

    /* 0x02 */
    { "microphone data", 0, SELKIES_VERB_MICROPHONE, SELKIES_LIMIT_MICROPHONE,
      SELKIES_BY_MICROPHONE, NULL },

    /* 0x03 to 0x05 */
    { NULL, 0, SELKIES_VERB_NONE, TEXT, ANYONE, NULL },
    { NULL, 0, SELKIES_VERB_NONE, TEXT, ANYONE, NULL },
    { NULL, 0, SELKIES_VERB_NONE, TEXT, ANYONE, NULL },

    /* 0x06 */
    { "webcam data", 0, SELKIES_VERB_WEBCAM, SELKIES_LIMIT_UPLOAD,
      OWNER|QUIET, NULL }
};


#define selkies_array_n(a)  (sizeof(a) / sizeof((a)[0]))


size_t
selkies_protocol_limit(const uint8_t *data, size_t len, int binary,
    int *need_more)
{
    size_t                     n;
    const selkies_verb_row_t  *row;

    if (len == 0) {
        *need_more = 1;
        return SELKIES_LIMIT_MESSAGE;
    }

    if (binary) {
        return data[0] < selkies_array_n(selkies_binary_verbs)
               ? selkies_binary_verbs[data[0]].limit : SELKIES_LIMIT_TEXT;
    }

    if (selkies_protocol_verb(data, len) == len && len < SELKIES_VERB_MAX) {
        *need_more = 1;
        return SELKIES_LIMIT_MESSAGE;
    }

    row = selkies_verb_find(data, len, &n);

    return row == NULL ? SELKIES_LIMIT_TEXT : row->limit;
}


selkies_parse_t
selkies_protocol_parse(selkies_command_t *cmd, const uint8_t *data,
    size_t len, int binary)
{
    size_t                     n;
    const uint8_t             *pos, *end;
    const selkies_verb_row_t  *row;

    memset(cmd, 0, sizeof(selkies_command_t));

    if (binary) {
        return selkies_parse_binary(cmd, data, len);
    }

    row = selkies_verb_find(data, len, &n);

    if (row == NULL) {
        return SELKIES_PARSE_UNKNOWN;
    }

    cmd->verb = row->verb;
    cmd->flags = row->flags;
    cmd->name = row->name;

    if (row->delimiter == '*') {
        return SELKIES_PARSE_IGNORED;
    }

    if (len > row->limit) {
        return SELKIES_PARSE_MALFORMED;
    }

    pos = data + n;
    end = data + len;

    if (pos == end) {

        if (row->delimiter != 0 && row->delimiter != '?') {
            return SELKIES_PARSE_MALFORMED;
        }

    } else {

        if (*pos != (row->delimiter == '?' ? ',' : row->delimiter)) {
            return SELKIES_PARSE_MALFORMED;
        }

        if (row->delimiter == 0) {
            return SELKIES_PARSE_MALFORMED;
        }

        pos++;
    }

    return row->parse == NULL ? SELKIES_PARSE_OK : row->parse(cmd, pos, end);
}


/* A verb is what stands before the first character that no verb has. */

size_t
selkies_protocol_verb(const uint8_t *data, size_t len)
{
    size_t   i;
    uint8_t  c;

    for (i = 0; i < len && i < SELKIES_VERB_MAX; i++) {
        c = data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '_'))
        {
            break;
        }
    }

    return i;
}


static const selkies_verb_row_t *
selkies_verb_find(const uint8_t *data, size_t len, size_t *verb_len)
{
    size_t                     i, n;
    const selkies_verb_row_t  *row;

    n = selkies_protocol_verb(data, len);
    *verb_len = n;

    if (n == 0 || n == SELKIES_VERB_MAX) {
        return NULL;
    }

    for (i = 0; i < selkies_array_n(selkies_verbs); i++) {
        row = &selkies_verbs[i];

        if (row->name[0] == (char) data[0] && strlen(row->name) == n
            && memcmp(row->name, data, n) == 0)
        {
            return row;
        }
    }

    return NULL;
}


static selkies_parse_t
selkies_parse_binary(selkies_command_t *cmd, const uint8_t *data, size_t len)
{
    const selkies_verb_row_t  *row;

    if (len == 0 || data[0] >= selkies_array_n(selkies_binary_verbs)
        || selkies_binary_verbs[data[0]].name == NULL)
    {
        return SELKIES_PARSE_UNKNOWN;
    }

    row = &selkies_binary_verbs[data[0]];

    cmd->verb = row->verb;
    cmd->flags = row->flags;
    cmd->name = row->name;

    if (len > row->limit) {
        return SELKIES_PARSE_MALFORMED;
    }

    cmd->u.payload.data = data + 1;
    cmd->u.payload.len = len - 1;

    return SELKIES_PARSE_OK;
}


int
selkies_parse_ext(selkies_ext_t *ext, selkies_span_t json)
{
    size_t           i, bit;
    json_t          *root, *want;
    const char      *text;
    selkies_span_t   span;

    memset(ext, 0, sizeof(selkies_ext_t));

    root = selkies_json_object(json.data, json.len);

    if (root == NULL) {
        return -1;
    }

    text = json_string_value(json_object_get(root, "version"));

    if (text != NULL && strlen(text) < sizeof(ext->version)) {
        memcpy(ext->version, text, strlen(text) + 1);
    }

    text = json_string_value(json_object_get(root, "resume"));

    if (text != NULL) {
        span.data = (const uint8_t *) text;
        span.len = strlen(text);

        if (selkies_parse_token(span, SELKIES_RESUME_MAX, "-_")) {
            memcpy(ext->resume, text, span.len + 1);
        }
    }

    want = json_object_get(root, "want");

    for (i = 0; i < json_array_size(want); i++) {
        text = json_string_value(json_array_get(want, i));

        for (bit = 0; text != NULL && selkies_ext_name(bit) != NULL; bit++) {

            if (strcmp(text, selkies_ext_name(bit)) == 0) {
                ext->want |= 1u << bit;
            }
        }
    }

    json_decref(root);

    return 0;
}
