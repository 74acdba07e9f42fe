
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The Selkies verbs: one table of what a client may say (name, limit, right),
 * a strict parser into a tagged union, and formatters of what we say.
 *
 * Thread: any; no state.  Ownership: nothing is allocated and nothing kept;
 * spans of a command point into the message that was parsed.
 */


#ifndef SELKIES_PROTOCOL_H_INCLUDED
#define SELKIES_PROTOCOL_H_INCLUDED


#include <stddef.h>
#include <stdint.h>
#include <time.h>


#pragma GCC visibility push(hidden)


typedef enum {
    SELKIES_DIALECT_1 = 1,              /* path "websockets" */
    SELKIES_DIALECT_2 = 2               /* path "api/websockets" */
} selkies_dialect_t;


/* byte limits of a message, its first byte included */

#define SELKIES_LIMIT_TEXT              65536
#define SELKIES_LIMIT_CLIPBOARD         1048576
#define SELKIES_LIMIT_UPLOAD            1048576
#define SELKIES_LIMIT_MICROPHONE        8192
#define SELKIES_LIMIT_MESSAGE           1048576     /* the largest of them */

#define SELKIES_DISPLAY_ID_MAX          15          /* characters */
#define SELKIES_MAGNITUDE_MAX           64
#define SELKIES_KEYS_MAX                1024        /* named by one kh */
#define SELKIES_RESUME_MAX              32          /* characters */


/* `len` bytes at `data`, not terminated; a pointer of NULL: absent */

typedef struct {
    const uint8_t          *data;
    size_t                  len;
} selkies_span_t;


typedef enum {
    SELKIES_PARSE_OK = 0,
    SELKIES_PARSE_IGNORED,              /* known, without effect: no log */
    SELKIES_PARSE_MALFORMED,            /* drop it, never close */
    SELKIES_PARSE_UNKNOWN               /* the same; log <= 100 characters */
} selkies_parse_t;


typedef enum {
    SELKIES_VERB_NONE = 0,

    SELKIES_VERB_SETTINGS,              /* u.json */
    SELKIES_VERB_EXT,                   /* u.json: selkies_parse_ext() */
    SELKIES_VERB_FRAME_ACK,             /* u.frame_id */
    SELKIES_VERB_START_VIDEO,
    SELKIES_VERB_STOP_VIDEO,
    SELKIES_VERB_START_AUDIO,
    SELKIES_VERB_STOP_AUDIO,
    SELKIES_VERB_REQUEST_KEYFRAME,
    SELKIES_VERB_RESIZE,                /* u.resize */
    SELKIES_VERB_DPI,                   /* u.dpi */
    SELKIES_VERB_NATIVE_CURSOR,         /* u.on */

    SELKIES_VERB_KEY_DOWN,              /* u.keysym */
    SELKIES_VERB_KEY_UP,                /* u.keysym */
    SELKIES_VERB_KEY_HELD,              /* u.keys: selkies_next_keysym() */
    SELKIES_VERB_KEY_RESET,
    SELKIES_VERB_POINTER,               /* u.pointer, absolute */
    SELKIES_VERB_POINTER_RELATIVE,      /* u.pointer, x and y are deltas */
    SELKIES_VERB_POINTER_VISIBLE,       /* u.on */
    SELKIES_VERB_TYPE,                  /* u.text: co,end, */

    SELKIES_VERB_GAMEPAD_CONNECT,       /* u.gamepad */
    SELKIES_VERB_GAMEPAD_DISCONNECT,
    SELKIES_VERB_GAMEPAD_BUTTON,
    SELKIES_VERB_GAMEPAD_AXIS,
    SELKIES_VERB_GAMEPAD_HELD,

    SELKIES_VERB_CLIPBOARD_READ,        /* cr */
    SELKIES_VERB_CLIPBOARD_REQUEST,     /* REQUEST_CLIPBOARD */
    SELKIES_VERB_CLIPBOARD_SET,         /* u.clipboard: cw, cb */
    SELKIES_VERB_CLIPBOARD_START,       /* u.clipboard: cws, cbs */
    SELKIES_VERB_CLIPBOARD_DATA,        /* u.clipboard: cwd, cbd */
    SELKIES_VERB_CLIPBOARD_END,         /* u.clipboard: cwe, cbe */

    SELKIES_VERB_APP,                   /* u.app: ours, negotiated */
    SELKIES_VERB_COMMAND,               /* u.text: cmd, */
    SELKIES_VERB_UPLOAD_START,          /* u.upload */
    SELKIES_VERB_UPLOAD_END,            /* u.upload.path */
    SELKIES_VERB_UPLOAD_ERROR,          /* u.upload.path, .message */
    SELKIES_VERB_GZIP,                  /* _gz,1: never echoed */

    SELKIES_VERB_UPLOAD_DATA,           /* binary 0x01, u.payload */
    SELKIES_VERB_MICROPHONE,            /* binary 0x02, u.payload */
    SELKIES_VERB_WEBCAM,                /* binary 0x06, refused */

    SELKIES_VERBS
} selkies_verb_t;


/*
 * What a verb needs, bits of selkies_command_t.flags.  Exactly one of the
 * rights is set; the caller knows which of them the socket holds.
 */

#define SELKIES_BY_ANYONE       0x0001  /* view-only sockets too */
#define SELKIES_BY_GAMEPAD      0x0002  /* the holder of the pad's slot */
#define SELKIES_BY_INPUT        0x0004  /* keyboard and mouse grant */
#define SELKIES_BY_OWNER        0x0008  /* owner of a display */
#define SELKIES_BY_MICROPHONE   0x0010  /* owner or keyboard/mouse grant */
#define SELKIES_RIGHTS          0x001f

#define SELKIES_QUIET           0x0100  /* refused: drop without a log line */
#define SELKIES_AFTER_CLAIM     0x0200  /* queue until SETTINGS was applied */
#define SELKIES_COUNTED         0x0400  /* counts as an input message */


typedef struct {
    selkies_verb_t              verb;
    uint32_t                    flags;
    const char                 *name;           /* for logs, static */

    union {
        selkies_span_t          json;
        selkies_span_t          keys;
        selkies_span_t          text;
        selkies_span_t          payload;        /* without the type byte */
        uint16_t                frame_id;
        uint32_t                dpi;            /* 1 ... 10000 */
        uint32_t                app;            /* number of a program */
        uint32_t                keysym;         /* never 0 */
        int                     on;             /* 0, 1 */

        struct {
            int32_t             width;          /* may be <= 0: ignore it */
            int32_t             height;
            selkies_span_t      display_id;     /* 1-15 of [A-Za-z0-9_-] */
        } resize;

        struct {
            int32_t             x;
            int32_t             y;
            uint32_t            mask;           /* bit = 1 << DOM button */
            uint32_t            magnitude;      /* 0 ... 64, clamped */
        } pointer;

        struct {
            uint32_t            index;          /* 0 ... 3 */
            uint32_t            control;        /* button, axis: 0 ... 255 */
            float               value;          /* finite, -1 ... 1 */
            uint32_t            axes;
            uint32_t            buttons;
            selkies_span_t      name;           /* base64 of latin-1 */
        } gamepad;

        struct {
            int                 binary;         /* cb*, else text */
            selkies_span_t      id;             /* transfer, dialect 2 */
            selkies_span_t      mime;           /* cb, cbs */
            uint64_t            total_bytes;    /* cws, cbs */
            selkies_span_t      base64;         /* not decoded */
        } clipboard;

        struct {
            selkies_span_t      path;           /* as sent, unchecked */
            uint64_t            size_bytes;
            selkies_span_t      message;
        } upload;
    } u;
} selkies_command_t;


/*
 * The limit of the message that begins with `data`, a
 * selkies_message_limit_pt: decided as soon as the verb is whole.
 */

size_t selkies_protocol_limit(const uint8_t *data, size_t len, int binary,
    int *need_more);


/*
 * Parses one whole message.  Both dialects' vocabularies are understood on
 * either path.  With OK *cmd is filled; with every other result its verb,
 * name and flags say as much as is known (verb NONE where unknown).  The
 * limits of the table hold here too: a longer message is MALFORMED.
 */

selkies_parse_t selkies_protocol_parse(selkies_command_t *cmd,
    const uint8_t *data, size_t len, int binary);


/*
 * How many bytes the verb has that a text begins with, known or not, for logs:
 * letters, digits and "_", at most 32.
 */

size_t selkies_protocol_verb(const uint8_t *data, size_t len);


/*
 * Takes the next keysym off the list of a KEY_HELD command; 0 at its end.  The
 * parser has checked that the list is whole and at most SELKIES_KEYS_MAX.
 */

uint32_t selkies_next_keysym(selkies_span_t *keys);


/* names of the extension, protocol.md 5.3: bits of want and have */

#define SELKIES_EXT_LITE        0x01
#define SELKIES_EXT_OPUS_MIC    0x02
#define SELKIES_EXT_RUMBLE      0x04
#define SELKIES_EXT_RELOAD      0x08
#define SELKIES_EXT_STATUS      0x10
#define SELKIES_EXT_HTML        0x20    /* a clipboard's, before its text */
#define SELKIES_EXT_APPS        0x40
#define SELKIES_EXT_RED         0x80    /* 0x01 with copies, as in D2 */
#define SELKIES_EXT_STEREO      0x100   /* sound of two channels, not of more */
#define SELKIES_EXT_ALL         0x1ff


typedef struct {
    char                    version[64];        /* "": absent */
    char                    resume[SELKIES_RESUME_MAX + 1];     /* the same */
    uint32_t                want;               /* SELKIES_EXT_ bits */
} selkies_ext_t;


/*
 * Parses the object of `_ext,`.  0, or -1 where it is no JSON object of
 * reasonable size and depth.  A resume id that is not base64url of at most 32
 * characters counts as absent.
 */

int selkies_parse_ext(selkies_ext_t *ext, selkies_span_t json);


/*
 * Base64 (RFC 4648, clause 4, padded).  encode: writes
 * SELKIES_BASE64_BYTES(len) characters and returns their number.  decode:
 * strict, may work in place (out == in), writes at most len / 4 * 3 bytes;
 * returns the number of bytes, or (size_t) -1 where the text is not base64.
 */

#define SELKIES_BASE64_BYTES(len)       (((len) + 2) / 3 * 4)

size_t selkies_base64_encode(uint8_t *out, const uint8_t *in, size_t len);
size_t selkies_base64_decode(uint8_t *out, const uint8_t *in, size_t len);


/* messages without a variable part */

#define SELKIES_TEXT_MODE                 "MODE websockets"
#define SELKIES_TEXT_VIDEO_STARTED        "VIDEO_STARTED"
#define SELKIES_TEXT_VIDEO_STOPPED        "VIDEO_STOPPED"
#define SELKIES_TEXT_AUDIO_STARTED        "AUDIO_STARTED"
#define SELKIES_TEXT_AUDIO_STOPPED        "AUDIO_STOPPED"
#define SELKIES_TEXT_AUDIO_DISABLED       "AUDIO_DISABLED"
#define SELKIES_TEXT_MICROPHONE_DISABLED  "MICROPHONE_DISABLED"
#define SELKIES_TEXT_WEBCAM_DISABLED      "WEBCAM_DISABLED"
#define SELKIES_TEXT_CLIPBOARD_REPLY      "clipboard_reply,cr"
#define SELKIES_TEXT_CLIPBOARD_FINISH     "clipboard_finish"
#define SELKIES_TEXT_RELOAD               "{\"type\":\"reload\"}"
#define SELKIES_TEXT_SYSTEM_RELOAD        "system,{\"action\":\"reload\"}"


/*
 * Formatters.  Each writes at most `size` bytes, without a terminating zero,
 * and returns the length the whole message needs: where that is more than
 * `size`, what was written is of no use.  `buf` may be NULL where size is 0.
 * Strings are zero-terminated UTF-8; what is not UTF-8 in them becomes U+FFFD,
 * and JSON is escaped so that it may lie in a page.  Numbers are formatted
 * without regard to the locale.
 */

/* {"type":"stream_resolution"}; dialect 2 with displayId */
size_t selkies_format_stream_resolution(uint8_t *buf, size_t size,
    selkies_dialect_t dialect, const char *display_id, uint32_t width,
    uint32_t height);

/* PIPELINE_RESETTING <display id> */
size_t selkies_format_pipeline_resetting(uint8_t *buf, size_t size,
    const char *display_id);

/* DISPLAY_CONFIG_UPDATE,{"displays":[...]} */
size_t selkies_format_display_config(uint8_t *buf, size_t size,
    const char *const *display_ids, size_t n);

/* cursor,{...}; png NULL: the hidden cursor, all fields zero */
size_t selkies_format_cursor(uint8_t *buf, size_t size, const uint8_t *png,
    size_t png_len, uint32_t width, uint32_t height, int32_t hot_x,
    int32_t hot_y, uint32_t handle);

/* {"type":"system_stats"}; cpu_percent 0 ... 100 */
size_t selkies_format_system_stats(uint8_t *buf, size_t size, time_t now,
    double cpu_percent, uint64_t mem_total_bytes, uint64_t mem_used_bytes);

/* {"type":"gpu_stats"}; load 0 ... 1, sent as load and as gpu_percent */
size_t selkies_format_gpu_stats(uint8_t *buf, size_t size, time_t now,
    uint32_t gpu_id, double load, uint64_t mem_total_bytes,
    uint64_t mem_used_bytes);

/* {"type":"network_stats"} */
size_t selkies_format_network_stats(uint8_t *buf, size_t size, time_t now,
    double bandwidth_mbps, double latency_ms);

/* {"type":"pipeline_status"}; reason NULL: the key is left out */
size_t selkies_format_pipeline_status(uint8_t *buf, size_t size, int video,
    int audio, const char *reason);

/* {"type":"rumble"}; strong, weak 0 ... 1 */
size_t selkies_format_rumble(uint8_t *buf, size_t size, uint32_t index,
    double strong, double weak, uint32_t duration_ms);

/* _ext,{...}: the answer, `have` in SELKIES_EXT_ bits */
size_t selkies_format_ext(uint8_t *buf, size_t size, const char *version,
    const char *resume, int open, uint32_t have);

/* KILL <reason>; control characters become spaces */
size_t selkies_format_kill(uint8_t *buf, size_t size, const char *reason);

/* AUTH_SUCCESS,{...} and ROLE_UPDATE,{...}; slot 0: null */
size_t selkies_format_auth_success(uint8_t *buf, size_t size, int controller,
    uint32_t slot);
size_t selkies_format_role_update(uint8_t *buf, size_t size, int controller,
    uint32_t slot);

/* MK_ACCESS,0|1 */
size_t selkies_format_mk_access(uint8_t *buf, size_t size, int granted);

/* system,{"action":"command_error,<text>"} */
size_t selkies_format_command_error(uint8_t *buf, size_t size,
    const char *text);

/* {"type":"server_apps"}: id is the place in the list, for the verb app, */
size_t selkies_format_server_apps(uint8_t *buf, size_t size,
    const selkies_span_t *names, size_t n);

/*
 * clipboard,<base64> where mime is NULL, else clipboard_binary,<mime>,<base64>
 */
size_t selkies_format_clipboard(uint8_t *buf, size_t size, const char *mime,
    const uint8_t *data, size_t len);

/* clipboard_start,<mime>,<bytes> */
size_t selkies_format_clipboard_start(uint8_t *buf, size_t size,
    const char *mime, uint64_t total_bytes);

/* clipboard_data,<base64>: a chunk, encoded on its own */
size_t selkies_format_clipboard_data(uint8_t *buf, size_t size,
    const uint8_t *data, size_t len);

/*
 * A string as JSON, quotes included, for messages formatted elsewhere (status
 * pages); `len` bytes of UTF-8.
 */
size_t selkies_format_json_string(uint8_t *buf, size_t size,
    const uint8_t *text, size_t len);

/* "2026-08-05T12:34:56Z": 20 characters and a zero; UTC */
void selkies_format_time(char out[24], time_t now);


/* binary headers, protocol.md 6.1; integers are big-endian */

#define SELKIES_VIDEO_HEADER_BYTES      10
#define SELKIES_JPEG_HEADER_BYTES       6
#define SELKIES_AUDIO_HEADER_BYTES      2

#define SELKIES_AUDIO_END               0x80    /* for RED blocks: it is quiet
                                                   from here on; dialect 2 */

#define SELKIES_FRAME_DELTA             0x00
#define SELKIES_FRAME_KEY               0x01
#define SELKIES_FRAME_INTRA             0x02

void selkies_video_header(uint8_t out[SELKIES_VIDEO_HEADER_BYTES],
    uint8_t frame_type, uint16_t frame_id, uint16_t y, uint16_t width,
    uint16_t height);
void selkies_jpeg_header(uint8_t out[SELKIES_JPEG_HEADER_BYTES],
    uint16_t frame_id, uint16_t y);
void selkies_audio_header(uint8_t out[SELKIES_AUDIO_HEADER_BYTES],
    uint8_t red_blocks);


#pragma GCC visibility pop


#endif /* SELKIES_PROTOCOL_H_INCLUDED */
