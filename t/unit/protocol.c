
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The verbs: every row of the table with what it must make of a message, and
 * every formatter with the bytes it must write.
 *
 * Thread: one.  Ownership: static buffers.
 */


#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../../ngx_selkies_module/selkies_protocol.h"
#include "tap.h"


#define OK          SELKIES_PARSE_OK
#define IGNORED     SELKIES_PARSE_IGNORED
#define MALFORMED   SELKIES_PARSE_MALFORMED
#define UNKNOWN     SELKIES_PARSE_UNKNOWN

#define ANYONE      SELKIES_BY_ANYONE
#define OWNER       SELKIES_BY_OWNER
#define INPUT       SELKIES_BY_INPUT
#define GAMEPAD     (SELKIES_BY_GAMEPAD|SELKIES_QUIET)
#define QUIET       SELKIES_QUIET
#define CLAIM       SELKIES_AFTER_CLAIM
#define COUNTED     SELKIES_COUNTED

#define V(verb)     SELKIES_VERB_ ## verb


/* `dump` is what dump() makes of the command, "" for nothing but the verb */

static const struct {
    const char        *message;
    selkies_parse_t    result;
    selkies_verb_t     verb;
    uint32_t           flags;
    const char        *dump;
} rows[] = {

    /* session and media */

    { "SETTINGS,{\"a\":1}", OK, V(SETTINGS), ANYONE, "{\"a\":1}" },
    { "SETTINGS,", MALFORMED, V(SETTINGS), ANYONE, "" },
    { "SETTINGS", MALFORMED, V(SETTINGS), ANYONE, "" },
    { "SETTINGS,[]", MALFORMED, V(SETTINGS), ANYONE, "" },
    { "SETTINGS {}", MALFORMED, V(SETTINGS), ANYONE, "" },
    { "SETTINGSX,{}", UNKNOWN, V(NONE), 0, "" },
    { "settings,{}", UNKNOWN, V(NONE), 0, "" },
    { "_ext,{}", OK, V(EXT), ANYONE, "{}" },
    { "CLIENT_FRAME_ACK 0", OK, V(FRAME_ACK), ANYONE, "0" },
    { "CLIENT_FRAME_ACK 65535", OK, V(FRAME_ACK), ANYONE, "65535" },
    { "CLIENT_FRAME_ACK 7 0", OK, V(FRAME_ACK), ANYONE, "7" },
    { "CLIENT_FRAME_ACK 7 1000", OK, V(FRAME_ACK), ANYONE, "7" },
    { "CLIENT_FRAME_ACK 7 4294967296", MALFORMED, V(FRAME_ACK), ANYONE, "" },
    { "CLIENT_FRAME_ACK 7 -1", MALFORMED, V(FRAME_ACK), ANYONE, "" },
    { "CLIENT_FRAME_ACK 7 1.5", MALFORMED, V(FRAME_ACK), ANYONE, "" },
    { "CLIENT_FRAME_ACK 7 8 9", MALFORMED, V(FRAME_ACK), ANYONE, "" },
    { "CLIENT_FRAME_ACK  7 8", MALFORMED, V(FRAME_ACK), ANYONE, "" },
    { "CLIENT_FRAME_ACK 65536 1", MALFORMED, V(FRAME_ACK), ANYONE, "" },
    { "CLIENT_FRAME_ACK 65536", MALFORMED, V(FRAME_ACK), ANYONE, "" },
    { "CLIENT_FRAME_ACK -1", MALFORMED, V(FRAME_ACK), ANYONE, "" },
    { "CLIENT_FRAME_ACK +1", MALFORMED, V(FRAME_ACK), ANYONE, "" },
    { "CLIENT_FRAME_ACK  1", MALFORMED, V(FRAME_ACK), ANYONE, "" },
    { "CLIENT_FRAME_ACK 1 ", MALFORMED, V(FRAME_ACK), ANYONE, "" },
    { "CLIENT_FRAME_ACK 1.0", MALFORMED, V(FRAME_ACK), ANYONE, "" },
    { "CLIENT_FRAME_ACK ", MALFORMED, V(FRAME_ACK), ANYONE, "" },
    { "CLIENT_FRAME_ACK,1", MALFORMED, V(FRAME_ACK), ANYONE, "" },
    { "CLIENT_FRAME_ACK 18446744073709551617", MALFORMED, V(FRAME_ACK),
      ANYONE, "" },
    { "START_VIDEO", OK, V(START_VIDEO), ANYONE, "" },
    { "START_VIDEO,", MALFORMED, V(START_VIDEO), ANYONE, "" },
    { "START_VIDEO ", MALFORMED, V(START_VIDEO), ANYONE, "" },
    { "START_VIDEOS", UNKNOWN, V(NONE), 0, "" },
    { "STOP_VIDEO", OK, V(STOP_VIDEO), ANYONE, "" },
    { "START_AUDIO", OK, V(START_AUDIO), ANYONE|CLAIM, "" },
    { "STOP_AUDIO", OK, V(STOP_AUDIO), ANYONE, "" },
    { "REQUEST_KEYFRAME", OK, V(REQUEST_KEYFRAME), ANYONE, "" },
    { "r,1920x1080,primary", OK, V(RESIZE), OWNER|CLAIM,
      "1920x1080 primary" },
    { "r,0x-5,display2", OK, V(RESIZE), OWNER|CLAIM, "0x-5 display2" },
    { "r,1920x1080", MALFORMED, V(RESIZE), OWNER|CLAIM, "" },
    { "r,1920x1080,primary,1", MALFORMED, V(RESIZE), OWNER|CLAIM, "" },
    { "r,1920x,primary", MALFORMED, V(RESIZE), OWNER|CLAIM, "" },
    { "r,x1080,primary", MALFORMED, V(RESIZE), OWNER|CLAIM, "" },
    { "r,1920,primary", MALFORMED, V(RESIZE), OWNER|CLAIM, "" },
    { "r,1920X1080,primary", MALFORMED, V(RESIZE), OWNER|CLAIM, "" },
    { "r,1920x1080x3,primary", MALFORMED, V(RESIZE), OWNER|CLAIM, "" },
    { "r,1e3x1080,primary", MALFORMED, V(RESIZE), OWNER|CLAIM, "" },
    { "r,2147483647x-2147483648,a", OK, V(RESIZE), OWNER|CLAIM,
      "2147483647x-2147483648 a" },
    { "r,2147483648x1,a", MALFORMED, V(RESIZE), OWNER|CLAIM, "" },
    { "r,1x-2147483649,a", MALFORMED, V(RESIZE), OWNER|CLAIM, "" },
    { "r,1920x1080,", MALFORMED, V(RESIZE), OWNER|CLAIM, "" },
    { "r,1920x1080,../etc", MALFORMED, V(RESIZE), OWNER|CLAIM, "" },
    { "r,1x1,0123456789abcde", OK, V(RESIZE), OWNER|CLAIM,
      "1x1 0123456789abcde" },
    { "r,1x1,0123456789abcdef", MALFORMED, V(RESIZE), OWNER|CLAIM, "" },
    { "s,96", OK, V(DPI), OWNER|CLAIM, "96" },
    { "s,119.5", OK, V(DPI), OWNER|CLAIM, "120" },
    { "s,0", MALFORMED, V(DPI), OWNER|CLAIM, "" },
    { "s,-96", MALFORMED, V(DPI), OWNER|CLAIM, "" },
    { "s,10001", MALFORMED, V(DPI), OWNER|CLAIM, "" },
    { "s,1e999", MALFORMED, V(DPI), OWNER|CLAIM, "" },
    { "s,nan", MALFORMED, V(DPI), OWNER|CLAIM, "" },
    { "s,0x60", MALFORMED, V(DPI), OWNER|CLAIM, "" },
    { "s,", MALFORMED, V(DPI), OWNER|CLAIM, "" },
    { "SET_NATIVE_CURSOR_RENDERING,1", OK, V(NATIVE_CURSOR),
      OWNER|CLAIM|QUIET, "1" },
    { "SET_NATIVE_CURSOR_RENDERING,0", OK, V(NATIVE_CURSOR),
      OWNER|CLAIM|QUIET, "0" },
    { "SET_NATIVE_CURSOR_RENDERING,2", MALFORMED, V(NATIVE_CURSOR),
      OWNER|CLAIM|QUIET, "" },
    { "SET_NATIVE_CURSOR_RENDERING", MALFORMED, V(NATIVE_CURSOR),
      OWNER|CLAIM|QUIET, "" },
    { "cmd,st -e sh -c 'echo a,b'", OK, V(COMMAND), OWNER,
      "st -e sh -c 'echo a,b'" },
    { "cmd,", MALFORMED, V(COMMAND), OWNER, "" },
    { "app,0", OK, V(APP), OWNER, "0" },
    { "app,65535", OK, V(APP), OWNER, "65535" },
    { "app,65536", MALFORMED, V(APP), OWNER, "" },
    { "app,x", MALFORMED, V(APP), OWNER, "" },
    { "app,", MALFORMED, V(APP), OWNER, "" },
    { "_gz,1", IGNORED, V(GZIP), ANYONE|QUIET, "" },

    /* keyboard and pointer */

    { "kd,65293", OK, V(KEY_DOWN), INPUT|COUNTED, "65293" },
    { "ku,16777216", OK, V(KEY_UP), INPUT|COUNTED, "16777216" },
    { "kd,0", MALFORMED, V(KEY_DOWN), INPUT|COUNTED, "" },
    { "kd,536870911", OK, V(KEY_DOWN), INPUT|COUNTED, "536870911" },
    { "kd,536870912", MALFORMED, V(KEY_DOWN), INPUT|COUNTED, "" },
    { "kd,65,66", MALFORMED, V(KEY_DOWN), INPUT|COUNTED, "" },
    { "kd,", MALFORMED, V(KEY_DOWN), INPUT|COUNTED, "" },
    { "kd", MALFORMED, V(KEY_DOWN), INPUT|COUNTED, "" },
    { "kd,a", MALFORMED, V(KEY_DOWN), INPUT|COUNTED, "" },
    { "kh,65,66,67", OK, V(KEY_HELD), INPUT|COUNTED, "65 66 67 " },
    { "kh,65", OK, V(KEY_HELD), INPUT|COUNTED, "65 " },
    { "kh", OK, V(KEY_HELD), INPUT|COUNTED, "" },
    { "kh,", OK, V(KEY_HELD), INPUT|COUNTED, "" },
    { "kh,65,", MALFORMED, V(KEY_HELD), INPUT|COUNTED, "" },
    { "kh,,65", MALFORMED, V(KEY_HELD), INPUT|COUNTED, "" },
    { "kh,0", MALFORMED, V(KEY_HELD), INPUT|COUNTED, "" },
    { "kh,65,0", MALFORMED, V(KEY_HELD), INPUT|COUNTED, "" },
    { "kh,65,x", MALFORMED, V(KEY_HELD), INPUT|COUNTED, "" },
    { "kr", OK, V(KEY_RESET), INPUT|COUNTED|QUIET, "" },
    { "kr,", MALFORMED, V(KEY_RESET), INPUT|COUNTED|QUIET, "" },
    { "m,10,20,1,0", OK, V(POINTER), INPUT|COUNTED, "10 20 1 0" },
    { "m,-10,-20,0,0", OK, V(POINTER), INPUT|COUNTED, "-10 -20 0 0" },
    { "m,-0,0,0,0", OK, V(POINTER), INPUT|COUNTED, "0 0 0 0" },
    { "m2,0,0,72,1", OK, V(POINTER_RELATIVE), INPUT|COUNTED, "0 0 72 1" },
    { "m,0,0,4294967295,64", OK, V(POINTER), INPUT|COUNTED,
      "0 0 4294967295 64" },
    { "m,0,0,0,65", OK, V(POINTER), INPUT|COUNTED, "0 0 0 64" },
    { "m,0,0,0,4294967295", OK, V(POINTER), INPUT|COUNTED, "0 0 0 64" },
    { "m,0,0,4294967296,0", MALFORMED, V(POINTER), INPUT|COUNTED, "" },
    { "m,0,0,0,-1", MALFORMED, V(POINTER), INPUT|COUNTED, "" },
    { "m,0,0,0", MALFORMED, V(POINTER), INPUT|COUNTED, "" },
    { "m,0,0,0,0,0", MALFORMED, V(POINTER), INPUT|COUNTED, "" },
    { "m,,0,0,0", MALFORMED, V(POINTER), INPUT|COUNTED, "" },
    { "m,1.5,0,0,0", MALFORMED, V(POINTER), INPUT|COUNTED, "" },
    { "m,NaN,0,0,0", MALFORMED, V(POINTER), INPUT|COUNTED, "" },
    { "m,--1,0,0,0", MALFORMED, V(POINTER), INPUT|COUNTED, "" },
    { "m,-,0,0,0", MALFORMED, V(POINTER), INPUT|COUNTED, "" },
    { "m", MALFORMED, V(POINTER), INPUT|COUNTED, "" },
    { "m,", MALFORMED, V(POINTER), INPUT|COUNTED, "" },
    { "m3,0,0,0,0", UNKNOWN, V(NONE), 0, "" },
    { "p,1", OK, V(POINTER_VISIBLE), INPUT|QUIET, "1" },
    { "p,", MALFORMED, V(POINTER_VISIBLE), INPUT|QUIET, "" },
    { "co,end,a,b c", OK, V(TYPE), INPUT|COUNTED, "a,b c" },
    { "co,end,", OK, V(TYPE), INPUT|COUNTED, "" },
    { "co,start,a", MALFORMED, V(TYPE), INPUT|COUNTED, "" },
    { "co,end", MALFORMED, V(TYPE), INPUT|COUNTED, "" },

    /* gamepads */

    { "js,c,0,WGJveA==,4,17", OK, V(GAMEPAD_CONNECT), GAMEPAD|COUNTED,
      "0 WGJveA== 4 17" },
    { "js,c,0,WGJveA==,4", MALFORMED, V(GAMEPAD_AXIS), GAMEPAD|COUNTED, "" },
    { "js,d,3", OK, V(GAMEPAD_DISCONNECT), GAMEPAD|COUNTED, "3" },
    { "js,d,4", MALFORMED, V(GAMEPAD_AXIS), GAMEPAD|COUNTED, "" },
    { "js,b,1,16,0.5", OK, V(GAMEPAD_BUTTON), GAMEPAD|COUNTED,
      "1 16 0.5000" },
    { "js,b,1,0,1", OK, V(GAMEPAD_BUTTON), GAMEPAD|COUNTED, "1 0 1.0000" },
    { "js,a,2,3,-0.25", OK, V(GAMEPAD_AXIS), GAMEPAD|COUNTED,
      "2 3 -0.2500" },
    { "js,a,2,3,-7", OK, V(GAMEPAD_AXIS), GAMEPAD|COUNTED, "2 3 -1.0000" },
    { "js,a,2,3,1e-7", OK, V(GAMEPAD_AXIS), GAMEPAD|COUNTED, "2 3 0.0000" },
    { "js,a,2,3,2.5e-1", OK, V(GAMEPAD_AXIS), GAMEPAD|COUNTED,
      "2 3 0.2500" },
    { "js,a,2,3,0.00392156862745098039215686274", OK, V(GAMEPAD_AXIS),
      GAMEPAD|COUNTED, "2 3 0.0039" },
    { "js,a,2,3,1e17", OK, V(GAMEPAD_AXIS), GAMEPAD|COUNTED, "2 3 1.0000" },
    { "js,a,2,3,0e999", OK, V(GAMEPAD_AXIS), GAMEPAD|COUNTED, "2 3 0.0000" },
    { "js,a,2,3,1e-999", OK, V(GAMEPAD_AXIS), GAMEPAD|COUNTED,
      "2 3 0.0000" },
    { "js,a,2,3,1e1000", MALFORMED, V(GAMEPAD_AXIS), GAMEPAD|COUNTED, "" },
    { "js,a,2,3,9999999999999999999", MALFORMED, V(GAMEPAD_AXIS),
      GAMEPAD|COUNTED, "" },
    { "js,a,2,3,0.", MALFORMED, V(GAMEPAD_AXIS), GAMEPAD|COUNTED, "" },
    { "js,a,2,3,.5", MALFORMED, V(GAMEPAD_AXIS), GAMEPAD|COUNTED, "" },
    { "js,a,2,3,1e", MALFORMED, V(GAMEPAD_AXIS), GAMEPAD|COUNTED, "" },
    { "js,a,2,3,0,5", MALFORMED, V(GAMEPAD_AXIS), GAMEPAD|COUNTED, "" },
    { "js,a,2,3,inf", MALFORMED, V(GAMEPAD_AXIS), GAMEPAD|COUNTED, "" },
    { "js,a,2,256,0", MALFORMED, V(GAMEPAD_AXIS), GAMEPAD|COUNTED, "" },
    { "js,h,0", OK, V(GAMEPAD_HELD), GAMEPAD|COUNTED, "0" },
    { "js,x,0", MALFORMED, V(GAMEPAD_AXIS), GAMEPAD|COUNTED, "" },
    { "js,", MALFORMED, V(GAMEPAD_AXIS), GAMEPAD|COUNTED, "" },
    { "js,b", MALFORMED, V(GAMEPAD_AXIS), GAMEPAD|COUNTED, "" },
    { "js,bb,0,0,0", MALFORMED, V(GAMEPAD_AXIS), GAMEPAD|COUNTED, "" },

    /* clipboard, both grammars */

    { "cr", OK, V(CLIPBOARD_READ), INPUT|QUIET, "" },
    { "REQUEST_CLIPBOARD", OK, V(CLIPBOARD_REQUEST), INPUT, "" },
    { "cw,aGVsbG8=", OK, V(CLIPBOARD_SET), INPUT, "text - - 0 aGVsbG8=" },
    { "cw,", OK, V(CLIPBOARD_SET), INPUT, "text - - 0 " },
    { "cw,a,b", MALFORMED, V(CLIPBOARD_SET), INPUT, "" },
    { "cb,image/png,iVBORw==", OK, V(CLIPBOARD_SET), INPUT,
      "binary - image/png 0 iVBORw==" },
    { "cb,image/svg+xml,AA==", OK, V(CLIPBOARD_SET), INPUT,
      "binary - image/svg+xml 0 AA==" },
    { "cb,iVBORw==", MALFORMED, V(CLIPBOARD_SET), INPUT, "" },
    { "cb,,AA==", MALFORMED, V(CLIPBOARD_SET), INPUT, "" },
    { "cb,<img>,AA==", MALFORMED, V(CLIPBOARD_SET), INPUT, "" },
    { "cws,1000000", OK, V(CLIPBOARD_START), INPUT, "text - - 1000000 -" },
    { "cws,id-7,1000000", OK, V(CLIPBOARD_START), INPUT,
      "text id-7 - 1000000 -" },
    { "cws,id,1,2", MALFORMED, V(CLIPBOARD_START), INPUT, "" },
    { "cws,-1", MALFORMED, V(CLIPBOARD_START), INPUT, "" },
    { "cws,9223372036854775807", OK, V(CLIPBOARD_START), INPUT,
      "text - - 9223372036854775807 -" },
    { "cws,9223372036854775808", MALFORMED, V(CLIPBOARD_START), INPUT, "" },
    { "cws", MALFORMED, V(CLIPBOARD_START), INPUT, "" },
    { "cbs,image/png,5", OK, V(CLIPBOARD_START), INPUT,
      "binary - image/png 5 -" },
    { "cbs,7,image/png,5", OK, V(CLIPBOARD_START), INPUT,
      "binary 7 image/png 5 -" },
    { "cbs,5", MALFORMED, V(CLIPBOARD_START), INPUT, "" },
    { "cwd,AA==", OK, V(CLIPBOARD_DATA), INPUT, "text - - 0 AA==" },
    { "cwd,7,AA==", OK, V(CLIPBOARD_DATA), INPUT, "text 7 - 0 AA==" },
    { "cbd,7,AA==", OK, V(CLIPBOARD_DATA), INPUT, "binary 7 - 0 AA==" },
    { "cbd,7,a,b", MALFORMED, V(CLIPBOARD_DATA), INPUT, "" },
    { "cbd,,AA==", MALFORMED, V(CLIPBOARD_DATA), INPUT, "" },
    { "cwe", OK, V(CLIPBOARD_END), INPUT, "text - - 0 -" },
    { "cwe,7", OK, V(CLIPBOARD_END), INPUT, "text 7 - 0 -" },
    { "cwe,", MALFORMED, V(CLIPBOARD_END), INPUT, "" },
    { "cbe,7", OK, V(CLIPBOARD_END), INPUT, "binary 7 - 0 -" },
    { "cbe,a b", MALFORMED, V(CLIPBOARD_END), INPUT, "" },

    /* uploads: names may contain colons */

    { "FILE_UPLOAD_START:a.bin:12", OK, V(UPLOAD_START), OWNER,
      "a.bin 12 -" },
    { "FILE_UPLOAD_START:d/a:b.bin:0", OK, V(UPLOAD_START), OWNER,
      "d/a:b.bin 0 -" },
    { "FILE_UPLOAD_START:a, b:3", OK, V(UPLOAD_START), OWNER, "a, b 3 -" },
    { "FILE_UPLOAD_START:a.bin", MALFORMED, V(UPLOAD_START), OWNER, "" },
    { "FILE_UPLOAD_START::5", MALFORMED, V(UPLOAD_START), OWNER, "" },
    { "FILE_UPLOAD_START:5", MALFORMED, V(UPLOAD_START), OWNER, "" },
    { "FILE_UPLOAD_START:a:", MALFORMED, V(UPLOAD_START), OWNER, "" },
    { "FILE_UPLOAD_START:a:-1", MALFORMED, V(UPLOAD_START), OWNER, "" },
    { "FILE_UPLOAD_START:a:99999999999999999999", MALFORMED, V(UPLOAD_START),
      OWNER, "" },
    { "FILE_UPLOAD_END:a:b.bin", OK, V(UPLOAD_END), OWNER, "a:b.bin 0 -" },
    { "FILE_UPLOAD_END:", MALFORMED, V(UPLOAD_END), OWNER, "" },
    { "FILE_UPLOAD_ERROR:GENERAL:no: space", OK, V(UPLOAD_ERROR), OWNER,
      "GENERAL 0 no: space" },
    { "FILE_UPLOAD_ERROR:x", OK, V(UPLOAD_ERROR), OWNER, "x 0 -" },
    { "FILE_UPLOAD_ERROR:", MALFORMED, V(UPLOAD_ERROR), OWNER, "" },

    /* leftovers of WebRTC */

    { "pong", IGNORED, V(NONE), ANYONE|QUIET, "" },
    { "pong,1", IGNORED, V(NONE), ANYONE|QUIET, "" },
    { "vb,8000", IGNORED, V(NONE), ANYONE|QUIET, "" },
    { "ab,64", IGNORED, V(NONE), ANYONE|QUIET, "" },
    { "_arg_fps,30", IGNORED, V(NONE), ANYONE|QUIET, "" },
    { "_arg_resize,true,1x1", IGNORED, V(NONE), ANYONE|QUIET, "" },
    { "_f,60", IGNORED, V(NONE), ANYONE|QUIET, "" },
    { "_l,5", IGNORED, V(NONE), ANYONE|QUIET, "" },
    { "_stats_video,{}", IGNORED, V(NONE), ANYONE|QUIET, "" },
    { "_stats_audio,{}", IGNORED, V(NONE), ANYONE|QUIET, "" },
    { "_ebc,1", IGNORED, V(NONE), ANYONE|QUIET, "" },
    { "_rc,cbr", IGNORED, V(NONE), ANYONE|QUIET, "" },
    { "_crf,20", IGNORED, V(NONE), ANYONE|QUIET, "" },

    /* neither */

    { "", UNKNOWN, V(NONE), 0, "" },
    { ",", UNKNOWN, V(NONE), 0, "" },
    { " kd,1", UNKNOWN, V(NONE), 0, "" },
    { "hello", UNKNOWN, V(NONE), 0, "" },
    { "{\"type\":\"x\"}", UNKNOWN, V(NONE), 0, "" },
    { "k", UNKNOWN, V(NONE), 0, "" },
    { "kdx,1", UNKNOWN, V(NONE), 0, "" },
    { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", UNKNOWN,
      V(NONE), 0, "" }
};


static uint8_t  buf[70000];
static char     text[70000];


static const char *
span(selkies_span_t s)
{
    static int   turn;
    static char  out[4][256];

    if (s.data == NULL) {
        return "-";
    }

    turn = (turn + 1) % 4;
    snprintf(out[turn], sizeof(out[turn]), "%.*s", (int) s.len,
             (const char *) s.data);

    return out[turn];
}


static const char *
dump(const selkies_command_t *c)
{
    uint32_t        keysym;
    selkies_span_t  keys;

    text[0] = '\0';

    switch (c->verb) {

    case V(SETTINGS):
    case V(EXT):
    case V(COMMAND):
    case V(TYPE):
        return span(c->u.text);

    case V(FRAME_ACK):
        snprintf(text, sizeof(text), "%u", c->u.frame_id);
        break;

    case V(RESIZE):
        snprintf(text, sizeof(text), "%dx%d %s", c->u.resize.width,
                 c->u.resize.height, span(c->u.resize.display_id));
        break;

    case V(DPI):
    case V(KEY_DOWN):
    case V(KEY_UP):
    case V(APP):
        snprintf(text, sizeof(text), "%u", c->u.keysym);
        break;

    case V(NATIVE_CURSOR):
    case V(POINTER_VISIBLE):
        snprintf(text, sizeof(text), "%d", c->u.on);
        break;

    case V(KEY_HELD):
        keys = c->u.keys;

        while ((keysym = selkies_next_keysym(&keys)) != 0) {
            snprintf(text + strlen(text), 32, "%u ", keysym);
        }

        break;

    case V(POINTER):
    case V(POINTER_RELATIVE):
        snprintf(text, sizeof(text), "%d %d %u %u", c->u.pointer.x,
                 c->u.pointer.y, c->u.pointer.mask, c->u.pointer.magnitude);
        break;

    case V(GAMEPAD_CONNECT):
        snprintf(text, sizeof(text), "%u %s %u %u", c->u.gamepad.index,
                 span(c->u.gamepad.name), c->u.gamepad.axes,
                 c->u.gamepad.buttons);
        break;

    case V(GAMEPAD_BUTTON):
    case V(GAMEPAD_AXIS):
        snprintf(text, sizeof(text), "%u %u %.4f", c->u.gamepad.index,
                 c->u.gamepad.control, c->u.gamepad.value);
        break;

    case V(GAMEPAD_DISCONNECT):
    case V(GAMEPAD_HELD):
        snprintf(text, sizeof(text), "%u", c->u.gamepad.index);
        break;

    case V(CLIPBOARD_SET):
    case V(CLIPBOARD_START):
    case V(CLIPBOARD_DATA):
    case V(CLIPBOARD_END):
        snprintf(text, sizeof(text), "%s %s %s %llu %s",
                 c->u.clipboard.binary ? "binary" : "text",
                 span(c->u.clipboard.id), span(c->u.clipboard.mime),
                 (unsigned long long) c->u.clipboard.total_bytes,
                 span(c->u.clipboard.base64));
        break;

    case V(UPLOAD_START):
    case V(UPLOAD_END):
    case V(UPLOAD_ERROR):
        snprintf(text, sizeof(text), "%s %llu %s", span(c->u.upload.path),
                 (unsigned long long) c->u.upload.size_bytes,
                 span(c->u.upload.message));
        break;

    default:
        break;
    }

    return text;
}


/* Parses a copy whose end is the end of its memory. */

static selkies_parse_t
parse(selkies_command_t *cmd, const void *data, size_t len, int binary,
    uint8_t **copy)
{
    *copy = malloc(len ? len : 1);
    memcpy(*copy, data, len);

    return selkies_protocol_parse(cmd, *copy, len, binary);
}


static void
test_rows(void)
{
    int                 held;
    size_t              i, n, len;
    uint8_t            *copy;
    selkies_parse_t     result;
    selkies_command_t   cmd;
    uint8_t             seen[SELKIES_VERBS];

    memset(seen, 0, sizeof(seen));

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        len = strlen(rows[i].message);

        result = parse(&cmd, rows[i].message, len, 0, &copy);

        held = result == rows[i].result && cmd.verb == rows[i].verb
               && cmd.flags == rows[i].flags
               && (result != OK || strcmp(dump(&cmd), rows[i].dump) == 0);

        if (!held) {
            printf("# %d, verb %d, flags %x, \"%s\"\n", result, cmd.verb,
                   cmd.flags, dump(&cmd));
        }

        ok(held, "\"%s\"", rows[i].message);

        if (result == OK) {
            seen[cmd.verb] = 1;

            n = cmd.flags & SELKIES_RIGHTS;
            held = n != 0 && (n & (n - 1)) == 0;
        }

        if (!held) {
            ok(0, "exactly one right");
        }

        free(copy);
    }

    held = 1;

    for (i = 1; i < SELKIES_VERBS; i++) {
        held = held && (seen[i] || i == V(GZIP) || i == V(UPLOAD_DATA)
                        || i == V(MICROPHONE) || i == V(WEBCAM));
    }

    ok(held, "every verb was seen");
}


static void
test_special(void)
{
    size_t              i, n;
    uint8_t            *copy;
    selkies_command_t   cmd;

    ok(parse(&cmd, "\x01" "data", 5, 1, &copy) == OK
       && cmd.verb == V(UPLOAD_DATA) && cmd.u.payload.len == 4
       && memcmp(cmd.u.payload.data, "data", 4) == 0 && cmd.flags == OWNER,
       "upload data");
    free(copy);

    ok(parse(&cmd, "\x01", 1, 1, &copy) == OK && cmd.u.payload.len == 0,
       "upload data of an empty file");
    free(copy);

    ok(parse(&cmd, "\x02pp", 3, 1, &copy) == OK
       && cmd.verb == V(MICROPHONE) && cmd.flags == SELKIES_BY_MICROPHONE,
       "microphone");
    free(copy);

    memset(buf, 2, sizeof(buf));
    ok(parse(&cmd, buf, 8192, 1, &copy) == OK, "microphone of 8192 bytes");
    free(copy);
    ok(parse(&cmd, buf, 8193, 1, &copy) == MALFORMED, "of 8193");
    free(copy);

    ok(parse(&cmd, "\x06\x01\x01z", 4, 1, &copy) == OK
       && cmd.verb == V(WEBCAM) && (cmd.flags & SELKIES_RIGHTS) == OWNER
       && (cmd.flags & SELKIES_QUIET), "a camera's picture");
    free(copy);

    ok(parse(&cmd, "", 0, 1, &copy) == UNKNOWN, "empty binary message");
    free(copy);
    ok(parse(&cmd, "\0", 1, 1, &copy) == UNKNOWN, "binary type 0");
    free(copy);
    ok(parse(&cmd, "\x05z", 2, 1, &copy) == UNKNOWN, "binary type 5");
    free(copy);
    ok(parse(&cmd, "\xff", 1, 1, &copy) == UNKNOWN, "binary type 255");
    free(copy);

    ok(parse(&cmd, "cmd,a\0b", 7, 0, &copy) == MALFORMED, "zero in a command");
    free(copy);
    ok(parse(&cmd, "FILE_UPLOAD_END:a\0b", 19, 0, &copy) == MALFORMED,
       "zero in a path");
    free(copy);
    ok(parse(&cmd, "kd\0,1", 5, 0, &copy) == MALFORMED, "zero behind a verb");
    free(copy);

    memcpy(buf, "kd,", 3);
    memset(buf + 3, '0', sizeof(buf) - 3);
    buf[65535] = '5';
    ok(parse(&cmd, buf, 65536, 0, &copy) == OK && cmd.u.keysym == 5,
       "a number with many leading zeros");
    free(copy);
    ok(parse(&cmd, buf, 65537, 0, &copy) == MALFORMED,
       "a message over its verb's limit");
    free(copy);

    memcpy(buf, "kh", 2);

    for (n = 2, i = 0; i < SELKIES_KEYS_MAX; i++) {
        buf[n++] = ',';
        buf[n++] = '9';
    }

    ok(parse(&cmd, buf, n, 0, &copy) == OK, "1024 held keys");
    free(copy);

    memcpy(buf + n, ",9", 2);
    ok(parse(&cmd, buf, n + 2, 0, &copy) == MALFORMED, "1025 held keys");
    free(copy);
}


static void
test_limit(void)
{
    int     held, more;
    size_t  i, n;

    static const struct {
        const char  *message;
        int          binary;
        size_t       known;         /* bytes that decide it */
        size_t       limit;
    } limits[] = {
        { "kd,65", 0, 3, 65536 },
        { "START_VIDEO,", 0, 12, 65536 },
        { "cw,AAAA", 0, 3, 1048576 },
        { "cb,image/png,", 0, 3, 1048576 },
        { "cwd,AAAA", 0, 4, 1048576 },
        { "cbd,AAAA", 0, 4, 1048576 },
        { "cws,AAAA", 0, 4, 65536 },
        { "cwx,AAAA", 0, 4, 65536 },
        { "SETTINGS,{}", 0, 9, 65536 },
        { "FILE_UPLOAD_START:a:5", 0, 18, 65536 },
        { "{\"a\"", 0, 1, 65536 },
        { "0123456789012345678901234567890123", 0, 32, 65536 },
        { "\x01" "aaa", 1, 1, 1048576 },
        { "\x02" "aaa", 1, 1, 8192 },
        { "\x05" "aaa", 1, 1, 65536 },
        { "\x06" "aaa", 1, 1, 1048576 },
        { "\xff" "aaa", 1, 1, 65536 }
    };

    for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        held = 1;

        for (n = 0; n <= strlen(limits[i].message); n++) {
            more = 0;
            held = held
                   && (selkies_protocol_limit(
                                       (const uint8_t *) limits[i].message, n,
                                       limits[i].binary, &more)
                       == limits[i].limit || more)
                   && more == (n < limits[i].known);
        }

        ok(held, "limit of \"%s\": %zu after %zu bytes", limits[i].message,
           limits[i].limit, limits[i].known);
    }
}


static void
test_ext(void)
{
    size_t          i;
    selkies_ext_t   ext;
    selkies_span_t  json;

    static const struct {
        const char  *json;
        int          rc;
        const char  *version;
        const char  *resume;
        uint32_t     want;
    } exts[] = {
        { "{\"version\":\"1.2\",\"resume\":\"ab_-9\","
          "\"want\":[\"lite\",\"status\"]}", 0, "1.2", "ab_-9",
          SELKIES_EXT_LITE|SELKIES_EXT_STATUS },
        { "{\"want\":[\"opus_mic\",\"rumble\",\"reload\",\"x\",5,null]}", 0,
          "", "", SELKIES_EXT_OPUS_MIC|SELKIES_EXT_RUMBLE|SELKIES_EXT_RELOAD },
        { "{\"want\":[\"red\",\"stereo\",\"stereo\"]}", 0, "", "",
          SELKIES_EXT_RED|SELKIES_EXT_STEREO },
        { "{}", 0, "", "", 0 },
        { "{\"version\":5,\"resume\":[],\"want\":{}}", 0, "", "", 0 },
        { "{\"resume\":\"a b\"}", 0, "", "", 0 },
        { "{\"resume\":\"01234567890123456789012345678901\"}", 0, "",
          "01234567890123456789012345678901", 0 },
        { "{\"resume\":\"012345678901234567890123456789012\"}", 0, "", "", 0 },
        { "{\"version\":\"0123456789012345678901234567890123456789"
          "012345678901234567890123456789\"}", 0, "", "", 0 },
        { "[]", -1, "", "", 0 },
        { "{", -1, "", "", 0 },
        { "", -1, "", "", 0 },
        { "{\"a\":[[[[[[[[1]]]]]]]]}", -1, "", "", 0 },
        { "{\"a\":[[[[[[[1]]]]]]]}", 0, "", "", 0 },
        { "{\"a\":\"[[[[[[[[[[[[\\\"[[\"}", 0, "", "", 0 }
    };

    for (i = 0; i < sizeof(exts) / sizeof(exts[0]); i++) {
        json.data = (const uint8_t *) exts[i].json;
        json.len = strlen(exts[i].json);

        ok(selkies_parse_ext(&ext, json) == exts[i].rc
           && strcmp(ext.version, exts[i].version) == 0
           && strcmp(ext.resume, exts[i].resume) == 0
           && ext.want == exts[i].want, "_ext,%s", exts[i].json);
    }
}


int
main(void)
{
    test_rows();
    test_special();
    test_limit();
    test_ext();

    return done_testing();
}
