
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The settings, one table: from a row come the directive selkies_<name>, the
 * variable SELKIES_<NAME>, the entry in server_settings, the validation of
 * what clients send and the line in docs/settings.md.
 *
 * Thread: any; the table is constant and the structures belong to the caller.
 * Ownership: both structures are plain data without pointers, so they may lie
 * in shared memory and be copied by assignment.
 */


#ifndef SELKIES_SETTINGS_H_INCLUDED
#define SELKIES_SETTINGS_H_INCLUDED


#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "selkies_protocol.h"


#pragma GCC visibility push(hidden)


typedef enum {
    SELKIES_SET_AUDIO_ENABLED = 0,
    SELKIES_SET_MICROPHONE_ENABLED,
    SELKIES_SET_GAMEPAD_ENABLED,
    SELKIES_SET_CLIPBOARD_ENABLED,
    SELKIES_SET_CLIPBOARD_IN_ENABLED,
    SELKIES_SET_CLIPBOARD_OUT_ENABLED,
    SELKIES_SET_COMMAND_ENABLED,
    SELKIES_SET_FILE_TRANSFERS,             /* list: SELKIES_FILES_ bits */
    SELKIES_SET_FRAMERATE,
    SELKIES_SET_H264_CRF,
    SELKIES_SET_VIDEO_BITRATE,              /* kbit/s, whatever the wire says */
    SELKIES_SET_RATE_CONTROL_MODE,          /* enum: selkies_rate_control_t */
    SELKIES_SET_ENABLE_RATE_CONTROL,
    SELKIES_SET_AUDIO_BITRATE,              /* enum by number: bit/s */
    SELKIES_SET_IS_MANUAL_RESOLUTION_MODE,
    SELKIES_SET_MANUAL_WIDTH,
    SELKIES_SET_MANUAL_HEIGHT,
    SELKIES_SET_SCALING_DPI,                /* enum by number */
    SELKIES_SET_FORCE_ALIGNED_RESOLUTION,
    SELKIES_SET_ENABLE_BINARY_CLIPBOARD,
    SELKIES_SET_USE_BROWSER_CURSORS,
    SELKIES_SET_USE_CSS_SCALING,
    SELKIES_SET_UI_TITLE,
    SELKIES_SET_UI_SHOW_LOGO,
    SELKIES_SET_UI_SHOW_CORE_BUTTONS,
    SELKIES_SET_UI_SHOW_SIDEBAR,
    SELKIES_SET_UI_SIDEBAR_SHOW_VIDEO_SETTINGS,
    SELKIES_SET_UI_SIDEBAR_SHOW_SCREEN_SETTINGS,
    SELKIES_SET_UI_SIDEBAR_SHOW_AUDIO_SETTINGS,
    SELKIES_SET_UI_SIDEBAR_SHOW_STATS,
    SELKIES_SET_UI_SIDEBAR_SHOW_CLIPBOARD,
    SELKIES_SET_UI_SIDEBAR_SHOW_FILES,
    SELKIES_SET_UI_SIDEBAR_SHOW_APPS,
    SELKIES_SET_UI_SIDEBAR_SHOW_SHARING,
    SELKIES_SET_UI_SIDEBAR_SHOW_GAMEPADS,
    SELKIES_SET_UI_SIDEBAR_SHOW_FULLSCREEN,
    SELKIES_SET_UI_SIDEBAR_SHOW_GAMING_MODE,
    SELKIES_SET_UI_SIDEBAR_SHOW_TRACKPAD,
    SELKIES_SET_UI_SIDEBAR_SHOW_KEYBOARD_BUTTON,
    SELKIES_SET_UI_SIDEBAR_SHOW_SOFT_BUTTONS,
    SELKIES_SET_UI_SIDEBAR_SHOW_SHORTCUTS,
    SELKIES_SET_ENABLE_SHARING,
    SELKIES_SET_ENABLE_COLLAB,
    SELKIES_SET_ENABLE_SHARED,
    SELKIES_SET_ENABLE_PLAYER2,
    SELKIES_SET_ENABLE_PLAYER3,
    SELKIES_SET_ENABLE_PLAYER4,
    SELKIES_SET_MODE,
    SELKIES_SET_ENABLE_DUAL_MODE,
    SELKIES_SET_AUDIO_DEVICE_NAME,
    SELKIES_SET_ENCODER,                    /* enum: selkies_encoder_id_t */
    SELKIES_SET_JPEG_QUALITY,
    SELKIES_SET_H264_FULLCOLOR,
    SELKIES_SET_H264_STREAMING_MODE,
    SELKIES_SET_USE_CPU,
    SELKIES_SET_USE_PAINT_OVER_QUALITY,
    SELKIES_SET_PAINT_OVER_JPEG_QUALITY,
    SELKIES_SET_H264_PAINTOVER_CRF,
    SELKIES_SET_H264_PAINTOVER_BURST_FRAMES,
    SELKIES_SET_SECOND_SCREEN,
    SELKIES_SET_DRI_NODE,
    SELKIES_SET_WATERMARK_PATH,
    SELKIES_SET_WATERMARK_LOCATION,
    SELKIES_SET_JS_SOCKET_PATH,
    SELKIES_SET_ENABLE_CLIPBOARD,           /* stands for the three above */
    SELKIES_SET_ENABLE_RESIZE,
    SELKIES_SET_ENABLE_CURSORS,
    SELKIES_SET_CURSOR_SIZE,
    SELKIES_SET_AUDIO_FRAME_DURATION_MS,    /* enum: selkies_settings_item() */
    SELKIES_SET_AUDIO_CHANNELS,             /* 1, 2, 6, 8: see _finish() */
    SELKIES_SET_AUDIO_REDUNDANCY,
    SELKIES_SET_AUDIO_REDUNDANCY_DISTANCE,  /* packets */
    SELKIES_SET_KEYFRAME_INTERVAL,          /* s */
    SELKIES_SET_VIDEO_MIN_QP,
    SELKIES_SET_VIDEO_MAX_QP,

    SELKIES_SETTINGS
} selkies_setting_id_t;


typedef enum {
    SELKIES_ENCODER_X264 = 0,           /* whole frames */
    SELKIES_ENCODER_X264_STRIPED,
    SELKIES_ENCODER_JPEG
} selkies_encoder_id_t;


typedef enum {
    SELKIES_RATE_CRF = 0,
    SELKIES_RATE_CBR
} selkies_rate_control_t;


#define SELKIES_FILES_UPLOAD            0x1
#define SELKIES_FILES_DOWNLOAD          0x2


typedef enum {
    SELKIES_SETTING_BOOL = 0,
    SELKIES_SETTING_ENUM,
    SELKIES_SETTING_LIST,
    SELKIES_SETTING_RANGE,
    SELKIES_SETTING_INT,
    SELKIES_SETTING_STR
} selkies_setting_type_t;


/* flags of a row; the upper ones are also what a client's change reports */

#define SELKIES_SETTING_SENT            0x0001  /* in server_settings */
#define SELKIES_SETTING_SENT_2          0x0002  /* there in dialect 2 only */
#define SELKIES_SETTING_CLIENT          0x0004  /* taken from SETTINGS */
#define SELKIES_SETTING_UI              0x0008  /* the page's own concern */
#define SELKIES_SETTING_NUMERIC         0x0010  /* enum of numbers */
#define SELKIES_SETTING_KBITS           0x0020  /* Mbit/s in dialect 1 */
#define SELKIES_SETTING_FIXED           0x0040  /* constant: no directive */
#define SELKIES_SETTING_NO_DIRECTIVE    0x0080  /* another directive sets it */
#define SELKIES_SETTING_CLIENT_2        0x10000 /* taken in dialect 2 only */
#define SELKIES_SETTING_BOTH_NAMES      0x20000 /* dialect 2 has had both */
#define SELKIES_SETTING_LIVE            0x0100  /* applied without a reset */
#define SELKIES_SETTING_KEY             0x0200  /* then a key frame */
#define SELKIES_SETTING_STRUCTURAL      0x0400  /* the encoder starts anew */
#define SELKIES_SETTING_SIZE            0x0800  /* may change the size */
#define SELKIES_SETTING_AUDIO           0x1000  /* of the audio thread */
#define SELKIES_SETTING_GLOBAL          0x2000  /* of all displays */

#define SELKIES_SETTING_CHANGES         0xff00


typedef struct {
    const char                 *name;       /* dialect 1, the directive's */
    const char                 *name2;      /* dialect 2, NULL: the same */
    const char                 *legacy;     /* older variable, NULL: none */
    selkies_setting_type_t      type;
    uint32_t                    flags;
    const char                 *value;      /* default: enum, list, str */
    int32_t                     number;     /* default: bool, range, int */
    int32_t                     min;        /* default span, or int's bounds */
    int32_t                     max;
    int32_t                     low;        /* what a span may be set to */
    int32_t                     high;
    const char *const          *items;      /* enum, list: NULL-terminated */
    const char *const          *items2;     /* dialect 2, NULL: the same */
    const char                 *unit;       /* NULL: none */
    const char                 *text;       /* one line for the docs */
} selkies_setting_t;


#define SELKIES_SETTING_ITEMS           12      /* of an enum, at most */
#define SELKIES_SETTING_STRING          256     /* with its zero */
#define SELKIES_SETTING_STRINGS         6
#define SELKIES_SETTING_ERROR           256     /* room for a message */


/* One setting as the operator wants it. */

typedef struct {
    int32_t                     number;     /* bool, int; of a range: initial;
                                               enum: the item's index;
                                               list: bits of items */
    int32_t                     min;        /* range */
    int32_t                     max;
    uint8_t                     set;        /* by the operator */
    uint8_t                     locked;
    uint8_t                     string;     /* str: its place */
    uint8_t                     nitems;     /* enum, list: those allowed */
    uint8_t                     items[SELKIES_SETTING_ITEMS];
} selkies_setting_value_t;


typedef struct {
    selkies_setting_value_t     values[SELKIES_SETTINGS];
    char                        strings[SELKIES_SETTING_STRINGS]
                                       [SELKIES_SETTING_STRING];
} selkies_settings_t;


/*
 * What is in force for one client and its display: bool 0 or 1, range and int
 * the number, enum the item's index, or its number where the row is NUMERIC.
 * Rows clients have no say in hold the operator's value, so that the engine
 * reads one structure; use selkies_settings_use_cpu() for USE_CPU.
 */

typedef struct {
    int32_t                     values[SELKIES_SETTINGS];
} selkies_settings_client_t;


typedef enum {
    SELKIES_POSITION_NONE = 0,              /* not said */
    SELKIES_POSITION_RIGHT,
    SELKIES_POSITION_LEFT,
    SELKIES_POSITION_UP,
    SELKIES_POSITION_DOWN
} selkies_position_t;


/* What a SETTINGS said and did. */

typedef struct {
    uint32_t                    changed;        /* SELKIES_SETTING_CHANGES */
    uint8_t                     rows[(SELKIES_SETTINGS + 7) / 8];
    char                        display_id[SELKIES_DISPLAY_ID_MAX + 1];
                                                /* "": not said; "?": no
                                                   name of a screen */
    char                        keyboard_layout[32];
    selkies_position_t          position;
    int32_t                     initial_width;  /* 0: not said or nonsense */
    int32_t                     initial_height;
    uint8_t                     says_redundancy;    /* and which: */
    uint8_t                     audio_redundancy;
    uint8_t                     scaling_dpi;    /* it was said */
} selkies_settings_result_t;


/* What server_settings tells beside the operator's values. */

typedef struct {
    selkies_encoder_id_t        encoder;        /* live one of the display */
    int                         imposed;        /* no other, for now */
    int                         command_enabled;    /* in force */
    int                         second_screen;      /* available now */
    int                         gamepads;           /* this screen has some */
    int                         files;              /* there is a folder */
    const char                 *display_id;     /* dialect 2, NULL: omit */
    uint32_t                    max_message_bytes;  /* dialect 2 */
} selkies_settings_live_t;


/* The row; id < SELKIES_SETTINGS, which enumerates them all. */

const selkies_setting_t *selkies_setting(unsigned id);


/*
 * The id of a name of either dialect, without "selkies_"; -1 where there is
 * none.  Case counts.
 */

int selkies_setting_find(const char *name, size_t len);


/*
 * The known name nearest to an unknown one, or NULL where none is near.  For
 * "did you mean".
 */

const char *selkies_setting_nearest(const char *name, size_t len);


/* "SELKIES_<NAME>", zero-terminated and cut to size.  Returns its length. */

size_t selkies_setting_env(unsigned id, char *buf, size_t size);


/* An item of an enum or list in the names of a dialect; NULL past the end. */

const char *selkies_settings_item(unsigned id, unsigned item,
    selkies_dialect_t dialect);


/*
 * The number of the item that a text means, in the names of either dialect,
 * any case; -1 where there is none.
 */

int selkies_settings_item_find(unsigned id, const char *text, size_t len);


/*
 * What selkies_settings_client_t holds for an item: its index, or its number
 * where the row is NUMERIC.
 */

int32_t selkies_settings_item_value(unsigned id, unsigned item);


/* The defaults, nothing set. */

void selkies_settings_init(selkies_settings_t *settings);


/*
 * Sets one row from a directive's value, protocol.md 6.6 with on and off:
 *
 *   bool   true false 1 0 on off, any case; |locked behind it
 *   enum   a,b,c: the menu, its first item is the value
 *   list   a,b; none or an empty string is the empty list
 *   range  a-b (the span), n (locked), n,a-b (initial value and span), n-n
 *   int    a number within its bounds
 *   str    up to 255 bytes without control characters
 *
 * Returns 0, or -1 with a sentence in `error` that names the value; the row
 * is then as it was.
 */

int selkies_settings_set(selkies_settings_t *settings, unsigned id,
    const char *value, size_t len, char error[SELKIES_SETTING_ERROR]);


/* Rows the child did not set become the parent's. */

void selkies_settings_merge(selkies_settings_t *child,
    const selkies_settings_t *parent);


/*
 * What follows from other rows, once all are set and merged: a manual size
 * makes manual mode true and locked, a missing side becomes 1024 or 768, and
 * sides become even.  Call it on a copy where the structure will be merged
 * into others.
 */

void selkies_settings_finish(selkies_settings_t *settings);


/*
 * Takes those items of an enum out of what is allowed that are not in the mask
 * (a bit for each item's index): they were not built in.  The default becomes
 * the first one left.  Where none is left nothing changes.
 */

void selkies_settings_limit(selkies_settings_t *settings, unsigned id,
    uint32_t mask);


/* The operator's string of a str row, zero-terminated, inside *settings. */

const char *selkies_settings_string(const selkies_settings_t *settings,
    unsigned id);


/* The server's values, as a client that has said nothing gets them. */

void selkies_settings_client_init(selkies_settings_client_t *client,
    const selkies_settings_t *settings);


/*
 * Applies the object of a SETTINGS message, protocol.md 6.5: every value is
 * sanitised, what is not allowed becomes the server's value, unknown keys are
 * ignored.  Dialect 1 states all (a missing key is the server's default),
 * dialect 2 changes what it names.  *result says what was said and what
 * changed against *client; equal values change nothing.
 *
 * Returns 0, or -1 where the text is no JSON object of at most 64 KiB and
 * depth 8 (or memory is out): nothing changed, *result is zeroed.
 */

int selkies_settings_apply(const selkies_settings_t *settings,
    selkies_settings_client_t *client, const uint8_t *json, size_t len,
    selkies_dialect_t dialect, selkies_settings_result_t *result);


/* Whether apply() changed that row. */

int selkies_settings_changed(const selkies_settings_result_t *result,
    unsigned id);


/* USE_CPU in force: JPEG and striped encoders always run on the CPU. */

int selkies_settings_use_cpu(const selkies_settings_client_t *client);


/*
 * The size a display must get, protocol.md 6.5.3: the server's manual size,
 * else the client's, else, for a socket's first SETTINGS, the initial size of
 * its window.  Returns 1 with an even size within 2 and max (and a multiple of
 * 16 where force_aligned_resolution asks for it), 0 where the present size
 * stays.  `result` may be NULL: no SETTINGS was seen.
 */

int selkies_settings_size(const selkies_settings_t *settings,
    const selkies_settings_client_t *client,
    const selkies_settings_result_t *result, int first, int32_t max_width,
    int32_t max_height, int32_t *width, int32_t *height);


/*
 * The same limits for a size asked for by `r,`.  Returns 0 where it must be
 * ignored: a side <= 0, the server forces a manual size, or resizing is off.
 */

int selkies_settings_resize(const selkies_settings_t *settings,
    const selkies_settings_client_t *client, int32_t max_width,
    int32_t max_height, int32_t *width, int32_t *height);


/*
 * The nearest scaling_dpi a display may have for what `s,` asks for; the
 * operator's single value always wins.
 */

int32_t selkies_settings_dpi(const selkies_settings_t *settings, uint32_t dpi);


/*
 * Formats the server_settings message as the formatters of selkies_protocol.h
 * do (the length needed is returned, nothing is terminated); at most
 * SELKIES_SETTINGS_JSON_BYTES.
 */

#define SELKIES_SETTINGS_JSON_BYTES     16384

size_t selkies_settings_json(uint8_t *buf, size_t size,
    const selkies_settings_t *settings, const selkies_settings_live_t *live,
    selkies_dialect_t dialect);


/*
 * The value in force in a directive's grammar, for status pages and tests,
 * zero-terminated.  SELKIES_SETTING_STRING bytes are enough for every row; in
 * a smaller buffer parts are missing.  Returns the length of the whole.
 */

size_t selkies_settings_print(const selkies_settings_t *settings, unsigned id,
    char *buf, size_t size);


/* The table as Markdown, for docs/settings.md. */

void selkies_settings_markdown(FILE *out);


#pragma GCC visibility pop


#endif /* SELKIES_SETTINGS_H_INCLUDED */
