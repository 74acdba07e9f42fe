
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of settings and the ways to a row of it.
 *
 * Thread: any; constant data.  Ownership: static.
 *
 * The order is that of server_settings.  There are no rows for what must
 * never reach a client and has no meaning inside nginx: listening ports, the
 * master token, the page's debug switch.
 */


#include <string.h>
#include <strings.h>

#include "selkies_out.h"
#include "selkies_settings.h"


#define SELKIES_NAME_MAX    64


static const char *const  selkies_files[] = { "upload", "download", NULL };

static const char *const  selkies_rate_controls[] = { "crf", "cbr", NULL };

static const char *const  selkies_audio_bitrates[] = {
    "64000", "96000", "128000", "192000", "256000", "320000", "384000",
    "510000", NULL
};

static const char *const  selkies_dpis[] = {
    "96", "120", "144", "168", "192", "216", "240", "264", "288", NULL
};

static const char *const  selkies_encoders[] = {
    "x264enc", "x264enc-striped", "jpeg", NULL
};

static const char *const  selkies_encoders2[] = {
    "h264enc", "h264enc-striped", "jpeg", NULL
};

static const char *const  selkies_clipboards[] = {
    "true", "false", "in", "out", NULL
};

static const char *const  selkies_durations[] = {
    "2.5", "5", "10", "20", "40", "60", NULL
};


#define BOOL(n, def, fl, txt)                                                 \
    { .name = n, .type = SELKIES_SETTING_BOOL, .number = def, .flags = fl,    \
      .text = txt }

#define RANGE(n, n2, def, mn, mx, lo, hi, fl, u, txt)                         \
    { .name = n, .name2 = n2, .type = SELKIES_SETTING_RANGE, .number = def,   \
      .min = mn, .max = mx, .low = lo, .high = hi, .flags = fl, .unit = u,    \
      .text = txt }

#define INT(n, leg, def, mn, mx, fl, u, txt)                                  \
    { .name = n, .legacy = leg, .type = SELKIES_SETTING_INT, .number = def,   \
      .min = mn, .max = mx, .flags = fl, .unit = u, .text = txt }

#define ENUM(n, def, its, its2, fl, u, txt)                                   \
    { .name = n, .type = SELKIES_SETTING_ENUM, .value = def, .items = its,    \
      .items2 = its2, .flags = fl, .unit = u, .text = txt }

#define STR(n, n2, leg, def, fl, txt)                                         \
    { .name = n, .name2 = n2, .legacy = leg, .type = SELKIES_SETTING_STR,     \
      .value = def, .flags = fl, .text = txt }

#define SIDEBAR(what, txt)                                                    \
    BOOL("ui_sidebar_show_" what, 1, SENT|UI, "shows " txt " in the sidebar")

#define SENT    SELKIES_SETTING_SENT
#define SENT_2  SELKIES_SETTING_SENT_2
#define CLIENT  SELKIES_SETTING_CLIENT
#define UI      SELKIES_SETTING_UI
#define NUMERIC SELKIES_SETTING_NUMERIC
#define LIVE    SELKIES_SETTING_LIVE
#define KEY     SELKIES_SETTING_KEY
#define STRUCT  SELKIES_SETTING_STRUCTURAL
#define SIZE    SELKIES_SETTING_SIZE
#define AUDIO   SELKIES_SETTING_AUDIO
#define GLOBAL  SELKIES_SETTING_GLOBAL
#define FIXED   SELKIES_SETTING_FIXED
#define OTHER   SELKIES_SETTING_NO_DIRECTIVE


static const selkies_setting_t  selkies_settings[SELKIES_SETTINGS] = {

    [SELKIES_SET_AUDIO_ENABLED] =
        BOOL("audio_enabled", 1, SENT, "sends the desktop's sound"),

    [SELKIES_SET_MICROPHONE_ENABLED] =
        BOOL("microphone_enabled", 1, SENT, "accepts a client's microphone"),

    [SELKIES_SET_GAMEPAD_ENABLED] =
        BOOL("gamepad_enabled", 1, SENT, "accepts clients' gamepads"),

    [SELKIES_SET_CLIPBOARD_ENABLED] =
        BOOL("clipboard_enabled", 1, SENT, "shares the clipboard at all"),

    [SELKIES_SET_CLIPBOARD_IN_ENABLED] =
        BOOL("clipboard_in_enabled", 1, SENT, "from the client to the desktop"),

    [SELKIES_SET_CLIPBOARD_OUT_ENABLED] =
        BOOL("clipboard_out_enabled", 1, SENT,
             "from the desktop to the client"),

    [SELKIES_SET_COMMAND_ENABLED] =
        BOOL("command_enabled", 0, SENT,
             "lets controllers run shell commands (`cmd,`)"),

    [SELKIES_SET_FILE_TRANSFERS] =
        { .name = "file_transfers", .type = SELKIES_SETTING_LIST,
          .value = "upload,download", .items = selkies_files, .flags = SENT,
          .text = "what files may do; `none` is nothing" },

    [SELKIES_SET_FRAMERATE] =
        RANGE("framerate", NULL, 60, 8, 240, 1, 240, SENT|CLIENT|LIVE, "1/s",
              "pictures a second, at most"),

    [SELKIES_SET_H264_CRF] =
        RANGE("h264_crf", "video_crf", 25, 5, 50, 1, 51, SENT|CLIENT|LIVE,
              NULL, "H.264 quality, lower is better"),

    [SELKIES_SET_VIDEO_BITRATE] =
        RANGE("video_bitrate", NULL, 8000, 1000, 100000, 101, 1000000,
              SENT|CLIENT|LIVE|SELKIES_SETTING_KBITS, "kbit/s",
              "limit under `cbr`; a number up to 100 means Mbit/s"),

    [SELKIES_SET_RATE_CONTROL_MODE] =
        ENUM("rate_control_mode", "crf", selkies_rate_controls, NULL,
             SENT|CLIENT|LIVE, NULL,
             "constant quality, or a limit on the bit rate"),

    [SELKIES_SET_ENABLE_RATE_CONTROL] =
        BOOL("enable_rate_control", 1, SENT,
             "lets clients choose rate_control_mode"),

    [SELKIES_SET_AUDIO_BITRATE] =
        ENUM("audio_bitrate", "128000", selkies_audio_bitrates, NULL,
             SENT|CLIENT|NUMERIC|LIVE|AUDIO|GLOBAL, "bit/s", "Opus"),

    [SELKIES_SET_IS_MANUAL_RESOLUTION_MODE] =
        { .name = "is_manual_resolution_mode", .name2 = "manual_resolution",
          .flags = SENT|CLIENT|SIZE|SELKIES_SETTING_BOTH_NAMES,
          .text = "keeps the size of manual_width and manual_height" },

    [SELKIES_SET_MANUAL_WIDTH] =
        INT("manual_width", NULL, 0, 0, 16384, SENT|CLIENT|SIZE, "px",
            "fixed width, 0: the client's"),

    [SELKIES_SET_MANUAL_HEIGHT] =
        INT("manual_height", NULL, 0, 0, 16384, SENT|CLIENT|SIZE, "px",
            "fixed height, 0: the client's"),

    [SELKIES_SET_SCALING_DPI] =
        ENUM("scaling_dpi", "96", selkies_dpis, NULL,
             SENT|CLIENT|NUMERIC|LIVE|GLOBAL, "dpi", "of the desktop"),

    [SELKIES_SET_FORCE_ALIGNED_RESOLUTION] =
        BOOL("force_aligned_resolution", 0,
             SENT|SELKIES_SETTING_CLIENT_2|SIZE,
             "makes sizes multiples of 16"),

    [SELKIES_SET_ENABLE_BINARY_CLIPBOARD] =
        BOOL("enable_binary_clipboard", 1, SENT|CLIENT|LIVE|GLOBAL,
             "images in the clipboard, too"),

    [SELKIES_SET_USE_BROWSER_CURSORS] =
        BOOL("use_browser_cursors", 1, SENT|UI,
             "draws the cursor as the browser's own"),

    [SELKIES_SET_USE_CSS_SCALING] =
        BOOL("use_css_scaling", 0, SENT|UI,
             "streams CSS pixels and lets the browser scale"),

    [SELKIES_SET_UI_TITLE] =
        STR("ui_title", NULL, NULL, "Selkies", SENT|UI, "the page's title"),

    [SELKIES_SET_UI_SHOW_LOGO] =
        BOOL("ui_show_logo", 1, SENT|UI, "shows the logo"),

    [SELKIES_SET_UI_SHOW_CORE_BUTTONS] =
        BOOL("ui_show_core_buttons", 1, SENT|UI, "shows the main buttons"),

    [SELKIES_SET_UI_SHOW_SIDEBAR] =
        BOOL("ui_show_sidebar", 1, SENT|UI, "shows the sidebar"),

    [SELKIES_SET_UI_SIDEBAR_SHOW_VIDEO_SETTINGS] =
        SIDEBAR("video_settings", "video settings"),

    [SELKIES_SET_UI_SIDEBAR_SHOW_SCREEN_SETTINGS] =
        SIDEBAR("screen_settings", "screen settings"),

    [SELKIES_SET_UI_SIDEBAR_SHOW_AUDIO_SETTINGS] =
        SIDEBAR("audio_settings", "audio settings"),

    [SELKIES_SET_UI_SIDEBAR_SHOW_STATS] = SIDEBAR("stats", "statistics"),

    [SELKIES_SET_UI_SIDEBAR_SHOW_CLIPBOARD] =
        SIDEBAR("clipboard", "the clipboard"),

    [SELKIES_SET_UI_SIDEBAR_SHOW_FILES] = SIDEBAR("files", "files"),

    [SELKIES_SET_UI_SIDEBAR_SHOW_APPS] = SIDEBAR("apps", "applications"),

    [SELKIES_SET_UI_SIDEBAR_SHOW_SHARING] = SIDEBAR("sharing", "sharing"),

    [SELKIES_SET_UI_SIDEBAR_SHOW_GAMEPADS] = SIDEBAR("gamepads", "gamepads"),

    [SELKIES_SET_UI_SIDEBAR_SHOW_FULLSCREEN] =
        SIDEBAR("fullscreen", "the full-screen button"),

    [SELKIES_SET_UI_SIDEBAR_SHOW_GAMING_MODE] =
        SIDEBAR("gaming_mode", "the gaming mode button"),

    [SELKIES_SET_UI_SIDEBAR_SHOW_TRACKPAD] =
        SIDEBAR("trackpad", "the trackpad button"),

    [SELKIES_SET_UI_SIDEBAR_SHOW_KEYBOARD_BUTTON] =
        SIDEBAR("keyboard_button", "the keyboard button"),

    [SELKIES_SET_UI_SIDEBAR_SHOW_SOFT_BUTTONS] =
        SIDEBAR("soft_buttons", "soft buttons"),

    [SELKIES_SET_UI_SIDEBAR_SHOW_SHORTCUTS] =
        BOOL("ui_sidebar_show_shortcuts", 1, SENT_2|UI,
             "shows shortcuts in the sidebar"),

    [SELKIES_SET_ENABLE_SHARING] =
        BOOL("enable_sharing", 1, SENT, "allows link pages at all"),

    [SELKIES_SET_ENABLE_COLLAB] =
        BOOL("enable_collab", 1, SENT,
             "allows viewers with keyboard and mouse"),

    [SELKIES_SET_ENABLE_SHARED] =
        BOOL("enable_shared", 1, SENT, "allows `#shared` pages"),

    [SELKIES_SET_ENABLE_PLAYER2] =
        BOOL("enable_player2", 1, SENT, "allows `#player2` pages"),

    [SELKIES_SET_ENABLE_PLAYER3] =
        BOOL("enable_player3", 1, SENT, "allows `#player3` pages"),

    [SELKIES_SET_ENABLE_PLAYER4] =
        BOOL("enable_player4", 1, SENT, "allows `#player4` pages"),

    [SELKIES_SET_MODE] =
        STR("mode", NULL, NULL, "websockets", SENT|FIXED,
            "transport, always the same"),

    [SELKIES_SET_ENABLE_DUAL_MODE] =
        BOOL("enable_dual_mode", 0, SENT|FIXED, "WebRTC, never"),

    [SELKIES_SET_AUDIO_DEVICE_NAME] =
        STR("audio_device_name", NULL, "SELKIES_AUDIO_DEVICE",
            "output.monitor", 0, "PulseAudio source to send"),

    [SELKIES_SET_ENCODER] =
        ENUM("encoder", "x264enc", selkies_encoders, selkies_encoders2,
             SENT|CLIENT|STRUCT|KEY, NULL,
             "the first one is the default"),

    [SELKIES_SET_JPEG_QUALITY] =
        RANGE("jpeg_quality", NULL, 40, 1, 100, 1, 100, SENT|CLIENT|LIVE,
              NULL, "JPEG quality, higher is better"),

    [SELKIES_SET_H264_FULLCOLOR] =
        { .name = "h264_fullcolor", .name2 = "video_fullcolor",
          .flags = SENT|CLIENT|STRUCT|KEY,
          .text = "4:4:4 instead of 4:2:0; Firefox cannot show it" },

    [SELKIES_SET_H264_STREAMING_MODE] =
        { .name = "h264_streaming_mode", .name2 = "video_streaming_mode",
          .flags = SENT|CLIENT|LIVE, .text = "sends every picture, changed or "
                                             "not" },

    [SELKIES_SET_USE_CPU] =
        BOOL("use_cpu", 0, SENT|CLIENT|STRUCT|KEY,
             "encodes without the graphics card"),

    [SELKIES_SET_USE_PAINT_OVER_QUALITY] =
        BOOL("use_paint_over_quality", 1, SENT|CLIENT|LIVE,
             "refines a picture that stands still"),

    [SELKIES_SET_PAINT_OVER_JPEG_QUALITY] =
        RANGE("paint_over_jpeg_quality", NULL, 90, 1, 100, 1, 100,
              SENT|CLIENT|LIVE, NULL, "JPEG quality of a still picture"),

    [SELKIES_SET_H264_PAINTOVER_CRF] =
        RANGE("h264_paintover_crf", "video_paintover_crf", 18, 5, 50, 1, 51,
              SENT|CLIENT|LIVE, NULL, "H.264 quality of a still picture"),

    [SELKIES_SET_H264_PAINTOVER_BURST_FRAMES] =
        RANGE("h264_paintover_burst_frames", "video_paintover_burst_frames", 5,
              1, 30, 1, 120, SENT|CLIENT|LIVE, NULL,
              "pictures a refinement takes"),

    [SELKIES_SET_SECOND_SCREEN] =
        BOOL("second_screen", 1, SENT, "allows further screens"),

    [SELKIES_SET_DRI_NODE] =
        STR("dri_node", "encode_dri", "DRI_NODE", "", 0,
            "render node of the hardware encoder"),

    [SELKIES_SET_WATERMARK_PATH] =
        STR("watermark_path", NULL, "WATERMARK_PNG", "", OTHER,
            "PNG blended into the picture (`selkies_watermark`)"),

    [SELKIES_SET_WATERMARK_LOCATION] =
        INT("watermark_location", "WATERMARK_LOCATION", -1, -1, 6, SENT|OTHER,
            NULL, "place of it, 0 is none (`selkies_watermark`)"),

    [SELKIES_SET_JS_SOCKET_PATH] =
        STR("js_socket_path", NULL, NULL, "", 0,
            "folder of the gamepad sockets; none: no gamepads"),

    [SELKIES_SET_ENABLE_CLIPBOARD] =
        ENUM("enable_clipboard", "true", selkies_clipboards, NULL, SENT_2,
             NULL, "both ways, none or one: sets the other three"),

    [SELKIES_SET_ENABLE_RESIZE] =
        BOOL("enable_resize", 1, SENT_2, "lets clients change the size"),

    [SELKIES_SET_ENABLE_CURSORS] =
        BOOL("enable_cursors", 1, SENT_2, "sends the cursor's shape"),

    [SELKIES_SET_CURSOR_SIZE] =
        INT("cursor_size", "XCURSOR_SIZE", -1, -1, 256, SENT_2, "px",
            "size of the desktop's cursor, -1: by the DPI"),

    [SELKIES_SET_AUDIO_FRAME_DURATION_MS] =
        ENUM("audio_frame_duration_ms", "10", selkies_durations, NULL,
             SENT_2|AUDIO, "ms", "sound in one packet"),

    [SELKIES_SET_AUDIO_CHANNELS] =
        INT("audio_channels", NULL, 2, 1, 8, SENT|AUDIO, NULL,
            "1, 2, 6 (5.1) or 8 (7.1); who plays only 2 gets 2"),

    [SELKIES_SET_AUDIO_REDUNDANCY] =
        BOOL("audio_redundancy", 0, SENT_2,
             "sends packets of sound more than once, to clients that can "
             "make use of it"),

    [SELKIES_SET_AUDIO_REDUNDANCY_DISTANCE] =
        INT("audio_redundancy_distance", NULL, 2, 0, 4, SENT_2, NULL,
            "packets sent again with each"),

    [SELKIES_SET_KEYFRAME_INTERVAL] =
        INT("keyframe_interval", NULL, 0, 0, 300, SENT_2, "s",
            "time between key frames, 0: only where one is needed"),

    [SELKIES_SET_VIDEO_MIN_QP] =
        INT("video_min_qp", NULL, 0, 0, 51, SENT_2, NULL,
            "best quality rate control may choose, 0: its own limit"),

    [SELKIES_SET_VIDEO_MAX_QP] =
        INT("video_max_qp", NULL, 0, 0, 51, SENT_2, NULL,
            "worst quality rate control may choose, 0: its own limit")
};


/* what else an item was called, in either generation */

static const struct {
    const char  *alias;
    const char  *item;
} selkies_item_aliases[] = {
    { "openh264enc", "x264enc" }
};


const selkies_setting_t *
selkies_setting(unsigned id)
{
    return &selkies_settings[id];
}


int
selkies_setting_find(const char *name, size_t len)
{
    int                       id;
    const selkies_setting_t  *row;

    for (id = 0; id < SELKIES_SETTINGS; id++) {
        row = &selkies_settings[id];

        if ((strlen(row->name) == len && memcmp(row->name, name, len) == 0)
            || (row->name2 != NULL && strlen(row->name2) == len
                && memcmp(row->name2, name, len) == 0))
        {
            return id;
        }
    }

    return -1;
}


/* Levenshtein's distance; both at most SELKIES_NAME_MAX long. */

static size_t
selkies_setting_distance(const char *a, size_t alen, const char *b,
    size_t blen)
{
    size_t  i, j, left, corner, best, row[SELKIES_NAME_MAX + 1];

    for (j = 0; j <= blen; j++) {
        row[j] = j;
    }

    for (i = 1; i <= alen; i++) {
        corner = row[0];
        row[0] = i;

        for (j = 1; j <= blen; j++) {
            left = row[j - 1] + 1;
            best = corner + (a[i - 1] != b[j - 1]);

            if (row[j] + 1 < best) {
                best = row[j] + 1;
            }

            corner = row[j];
            row[j] = left < best ? left : best;
        }
    }

    return row[blen];
}


const char *
selkies_setting_nearest(const char *name, size_t len)
{
    size_t       n, best;
    unsigned     id, second;
    const char  *nearest, *candidate;

    if (len > 8 && strncasecmp(name, "selkies_", 8) == 0) {
        name += 8;
        len -= 8;
    }

    if (len == 0 || len > SELKIES_NAME_MAX) {
        return NULL;
    }

    nearest = NULL;
    best = len / 3 + 1;

    for (id = 0; id < SELKIES_SETTINGS; id++) {

        for (second = 0; second < 2; second++) {
            candidate = second ? selkies_settings[id].name2
                               : selkies_settings[id].name;

            if (candidate == NULL) {
                continue;
            }

            n = selkies_setting_distance(name, len, candidate,
                                         strlen(candidate));

            if (n < best) {
                best = n;
                nearest = candidate;
            }
        }
    }

    return nearest;
}


size_t
selkies_setting_env(unsigned id, char *buf, size_t size)
{
    char         c;
    size_t       n;
    const char  *p;

    if (size == 0) {
        return 0;
    }

    n = 0;

    for (p = "SELKIES_"; *p != '\0' && n < size - 1; p++) {
        buf[n++] = *p;
    }

    for (p = selkies_settings[id].name; *p != '\0' && n < size - 1; p++) {
        c = *p;
        buf[n++] = (char) (c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }

    buf[n] = '\0';

    return n;
}


const char *
selkies_settings_item(unsigned id, unsigned item, selkies_dialect_t dialect)
{
    unsigned                  i;
    const selkies_setting_t  *row;

    row = &selkies_settings[id];

    if (row->items == NULL) {
        return NULL;
    }

    for (i = 0; i < item; i++) {

        if (row->items[i] == NULL) {
            return NULL;
        }
    }

    if (dialect == SELKIES_DIALECT_2 && row->items2 != NULL) {
        return row->items2[item];
    }

    return row->items[item];
}


int
selkies_settings_item_find(unsigned id, const char *text, size_t len)
{
    int                       i;
    size_t                    n;
    const char               *item;
    const selkies_setting_t  *row;

    row = &selkies_settings[id];

    for (n = 0;
         n < sizeof(selkies_item_aliases) / sizeof(selkies_item_aliases[0]);
         n++)
    {
        item = selkies_item_aliases[n].alias;

        if (strlen(item) == len && strncasecmp(item, text, len) == 0) {
            text = selkies_item_aliases[n].item;
            len = strlen(text);
        }
    }

    for (i = 0; row->items != NULL && row->items[i] != NULL; i++) {
        item = row->items[i];

        if (strlen(item) == len && strncasecmp(item, text, len) == 0) {
            return i;
        }

        if (row->items2 == NULL) {
            continue;
        }

        item = row->items2[i];

        if (strlen(item) == len && strncasecmp(item, text, len) == 0) {
            return i;
        }
    }

    return -1;
}


int32_t
selkies_settings_item_value(unsigned id, unsigned item)
{
    int32_t                   n;
    const char               *p;
    const selkies_setting_t  *row;

    row = &selkies_settings[id];

    if (!(row->flags & SELKIES_SETTING_NUMERIC)) {
        return (int32_t) item;
    }

    n = 0;

    for (p = row->items[item]; *p != '\0'; p++) {
        n = n * 10 + (*p - '0');
    }

    return n;
}
