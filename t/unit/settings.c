
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The settings: the table itself, the grammar of directives, what clients may
 * change, and the server_settings message in both dialects.
 *
 * Thread: one.  Ownership: static buffers.
 */


#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../../ngx_selkies_module/selkies_settings.h"
#include "tap.h"


#define D1  SELKIES_DIALECT_1
#define D2  SELKIES_DIALECT_2

#define SET(name)   SELKIES_SET_ ## name


static uint8_t  message[SELKIES_SETTINGS_JSON_BYTES];


/* what a stock client of dialect 1 is sent, in its order, and its types */

static const char *const  names1[] = {
    "audio_enabled", "microphone_enabled", "gamepad_enabled",
    "clipboard_enabled", "clipboard_in_enabled", "clipboard_out_enabled",
    "command_enabled", "file_transfers", "framerate", "h264_crf",
    "video_bitrate", "rate_control_mode", "enable_rate_control",
    "audio_bitrate", "is_manual_resolution_mode", "manual_width",
    "manual_height", "scaling_dpi", "force_aligned_resolution",
    "enable_binary_clipboard", "use_browser_cursors", "use_css_scaling",
    "ui_title", "ui_show_logo", "ui_show_core_buttons", "ui_show_sidebar",
    "ui_sidebar_show_video_settings", "ui_sidebar_show_screen_settings",
    "ui_sidebar_show_audio_settings", "ui_sidebar_show_stats",
    "ui_sidebar_show_clipboard", "ui_sidebar_show_files",
    "ui_sidebar_show_apps", "ui_sidebar_show_sharing",
    "ui_sidebar_show_gamepads", "ui_sidebar_show_fullscreen",
    "ui_sidebar_show_gaming_mode", "ui_sidebar_show_trackpad",
    "ui_sidebar_show_keyboard_button", "ui_sidebar_show_soft_buttons",
    "enable_sharing", "enable_collab", "enable_shared", "enable_player2",
    "enable_player3", "enable_player4", "mode", "enable_dual_mode",
    "encoder", "jpeg_quality", "h264_fullcolor", "h264_streaming_mode",
    "use_cpu", "use_paint_over_quality", "paint_over_jpeg_quality",
    "h264_paintover_crf", "h264_paintover_burst_frames", "second_screen",
    "watermark_location"
};


/* must never be sent, in any dialect */

static const char *const  secrets[] = {
    "debug", "master_token", "control_port", "recording_socket",
    "wayland_socket_index", "port", "dri_node", "encode_dri",
    "watermark_path", "js_socket_path", "audio_device_name",
    "allowed_origins", "unix_socket", "basic_auth_viewonly_password"
};


/* globals of a browser's window: a setting of that name breaks the client */

static const char *const  globals[] = {
    "name", "status", "location", "top", "length", "origin", "closed", "self",
    "parent", "frames", "opener", "event", "external", "screen", "history",
    "navigator", "document", "window", "stop", "focus", "blur", "open",
    "close", "print", "scroll", "performance", "crypto", "caches"
};


static selkies_settings_live_t
live_now(void)
{
    selkies_settings_live_t  live;

    live.encoder = SELKIES_ENCODER_X264;
    live.command_enabled = 1;
    live.second_screen = 1;
    live.display_id = NULL;
    live.max_message_bytes = 1048576;

    return live;
}


static int
set(selkies_settings_t *s, unsigned id, const char *value)
{
    char  error[SELKIES_SETTING_ERROR];

    return selkies_settings_set(s, id, value, strlen(value), error);
}


static int
apply(const selkies_settings_t *s, selkies_settings_client_t *c,
    const char *json, selkies_dialect_t dialect, selkies_settings_result_t *r)
{
    int       rc;
    size_t    len;
    uint8_t  *copy;

    len = strlen(json);
    copy = malloc(len ? len : 1);
    memcpy(copy, json, len);

    rc = selkies_settings_apply(s, c, copy, len, dialect, r);

    free(copy);

    return rc;
}


static json_t *
server_settings(const selkies_settings_t *s,
    const selkies_settings_live_t *live, selkies_dialect_t dialect)
{
    size_t  n;

    n = selkies_settings_json(message, sizeof(message), s, live, dialect);

    return n > sizeof(message) ? NULL
           : json_loadb((char *) message, n, JSON_REJECT_DUPLICATES, NULL);
}


static void
test_table(void)
{
    int                       held, unique, defaults, lower, global, fits;
    char                      env[80], value[SELKIES_SETTING_STRING];
    char                      error[SELKIES_SETTING_ERROR];
    size_t                    i, n;
    const char               *p;
    unsigned                  id;
    selkies_settings_t        s, again;
    const selkies_setting_t  *row;

    held = unique = defaults = lower = global = fits = 1;

    selkies_settings_init(&s);

    for (id = 0; id < SELKIES_SETTINGS; id++) {
        row = selkies_setting(id);

        if (row->name == NULL || row->text == NULL) {
            held = 0;
            continue;
        }

        unique = unique
                 && selkies_setting_find(row->name, strlen(row->name))
                    == (int) id
                 && (row->name2 == NULL
                     || selkies_setting_find(row->name2, strlen(row->name2))
                        == (int) id);

        for (p = row->name; *p != '\0'; p++) {
            lower = lower && ((*p >= 'a' && *p <= 'z') || *p == '_'
                              || (*p >= '0' && *p <= '9'));
        }

        for (i = 0; i < sizeof(globals) / sizeof(globals[0]); i++) {
            global = global && strcmp(row->name, globals[i]) != 0;
        }

        for (n = 0; row->items != NULL && row->items[n] != NULL; n++) {
            /* void */
        }

        fits = fits && n <= SELKIES_SETTING_ITEMS
               && (row->type != SELKIES_SETTING_ENUM
                   || selkies_settings_item_find(id, row->value,
                                                 strlen(row->value)) >= 0);

        /* each default, printed and set again, is what it was */

        if (row->flags & SELKIES_SETTING_FIXED) {
            continue;
        }

        selkies_settings_init(&again);
        n = selkies_settings_print(&s, id, value, sizeof(value));

        if (n >= sizeof(value)
            || selkies_settings_set(&again, id, value, n, error) != 0
            || again.values[id].number != s.values[id].number
            || again.values[id].min != s.values[id].min
            || again.values[id].max != s.values[id].max
            || again.values[id].nitems != s.values[id].nitems
            || !again.values[id].set
            || memcmp(again.strings, s.strings, sizeof(s.strings)) != 0)
        {
            printf("# %s: \"%s\"\n", row->name, value);
            defaults = 0;
        }
    }

    ok(held, "every row has a name and a text");
    ok(unique, "names are unique, over both dialects");
    ok(lower, "names are directives");
    ok(global, "no name is a global of a browser's window");
    ok(fits, "menus fit and hold their defaults");
    ok(defaults, "defaults, printed and set, are the same");

    n = selkies_setting_env(SET(H264_CRF), env, sizeof(env));
    ok(n == 16 && strcmp(env, "SELKIES_H264_CRF") == 0, "%s", env);
    n = selkies_setting_env(SET(H264_CRF), env, 5);
    ok(n == 4 && strcmp(env, "SELK") == 0, "cut to its room");

    ok(selkies_setting_find("video_crf", 9) == SET(H264_CRF)
       && selkies_setting_find("VIDEO_CRF", 9) == -1
       && selkies_setting_find("", 0) == -1, "names are found");

    for (i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        id = (unsigned) selkies_setting_find(secrets[i], strlen(secrets[i]));
        ok(id >= SELKIES_SETTINGS
           || !(selkies_setting(id)->flags
                & (SELKIES_SETTING_SENT|SELKIES_SETTING_SENT_2)),
           "%s is not sent", secrets[i]);
    }
}


static void
test_nearest(void)
{
    size_t       i;
    const char  *found;

    static const struct {
        const char  *name;
        const char  *nearest;
    } rows[] = {
        { "framrate", "framerate" },
        { "frame_rate", "framerate" },
        { "selkies_encodr", "encoder" },
        { "SELKIES_encoder", "encoder" },
        { "h264_crff", "h264_crf" },
        { "video_cfr", "video_crf" },
        { "enable_sharing_", "enable_sharing" },
        { "ui_sidebar_show_app", "ui_sidebar_show_apps" },
        { "xyzzy", NULL },
        { "", NULL },
        { "selkies_", NULL },
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
          "aaaaaaaaaaaaaaaaaaaa", NULL }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        found = selkies_setting_nearest(rows[i].name, strlen(rows[i].name));
        ok(found == NULL ? rows[i].nearest == NULL
           : rows[i].nearest != NULL && strcmp(found, rows[i].nearest) == 0,
           "nearest to \"%.20s\": %s", rows[i].name,
           found == NULL ? "none" : found);
    }
}


static void
test_grammar(void)
{
    int                 rc, held;
    char                printed[SELKIES_SETTING_STRING];
    char                error[SELKIES_SETTING_ERROR];
    size_t              i;
    selkies_settings_t  s, before;

    /* `printed` NULL: refused */

    static const struct {
        unsigned     id;
        const char  *value;
        const char  *printed;
    } rows[] = {
        { SET(AUDIO_ENABLED), "true", "true" },
        { SET(AUDIO_ENABLED), "TRUE", "true" },
        { SET(AUDIO_ENABLED), "1", "true" },
        { SET(AUDIO_ENABLED), "on", "true" },
        { SET(AUDIO_ENABLED), "off", "false" },
        { SET(AUDIO_ENABLED), "0", "false" },
        { SET(AUDIO_ENABLED), "False", "false" },
        { SET(AUDIO_ENABLED), "true|locked", "true|locked" },
        { SET(AUDIO_ENABLED), "off|LOCKED", "false|locked" },
        { SET(AUDIO_ENABLED), " true | locked", NULL },
        { SET(AUDIO_ENABLED), " true |locked ", "true|locked" },
        { SET(AUDIO_ENABLED), "yes", NULL },
        { SET(AUDIO_ENABLED), "", NULL },
        { SET(AUDIO_ENABLED), "|locked", NULL },
        { SET(AUDIO_ENABLED), "true|lock", NULL },

        { SET(FRAMERATE), "60", "60" },
        { SET(FRAMERATE), "8-120", "60,8-120" },
        { SET(FRAMERATE), "70-120", "70,70-120" },
        { SET(FRAMERATE), "8-30", "30,8-30" },
        { SET(FRAMERATE), "30,8-120", "30,8-120" },
        { SET(FRAMERATE), "60-60", "60" },
        { SET(FRAMERATE), " 30 , 8 - 120 ", "30,8-120" },
        { SET(FRAMERATE), "1-240", "60,1-240" },
        { SET(FRAMERATE), "0-240", NULL },
        { SET(FRAMERATE), "8-241", NULL },
        { SET(FRAMERATE), "120-8", NULL },
        { SET(FRAMERATE), "5,8-120", NULL },
        { SET(FRAMERATE), "121,8-120", NULL },
        { SET(FRAMERATE), "30,60", NULL },
        { SET(FRAMERATE), "30,", NULL },
        { SET(FRAMERATE), ",8-120", NULL },
        { SET(FRAMERATE), "8-", NULL },
        { SET(FRAMERATE), "-8", NULL },
        { SET(FRAMERATE), "8-120-240", NULL },
        { SET(FRAMERATE), "30,8-120,5", NULL },
        { SET(FRAMERATE), "60fps", NULL },
        { SET(FRAMERATE), "", NULL },
        { SET(FRAMERATE), "9999999999", NULL },
        { SET(FRAMERATE), "60|locked", NULL },

        { SET(VIDEO_BITRATE), "8", "8000" },
        { SET(VIDEO_BITRATE), "1-100", "8000,1000-100000" },
        { SET(VIDEO_BITRATE), "16000", "16000" },
        { SET(VIDEO_BITRATE), "500", "500" },
        { SET(VIDEO_BITRATE), "4,500-20000", "4000,500-20000" },
        { SET(VIDEO_BITRATE), "100", "100000" },
        { SET(VIDEO_BITRATE), "101", "101" },
        { SET(VIDEO_BITRATE), "0", NULL },
        { SET(VIDEO_BITRATE), "1000001", NULL },

        { SET(ENCODER), "x264enc,jpeg", "x264enc,jpeg" },
        { SET(ENCODER), "jpeg,x264enc", "jpeg,x264enc" },
        { SET(ENCODER), "jpeg", "jpeg" },
        { SET(ENCODER), "h264enc", "x264enc" },
        { SET(ENCODER), "openh264enc,jpeg", "x264enc,jpeg" },
        { SET(ENCODER), "H264ENC-striped", "x264enc-striped" },
        { SET(ENCODER), "jpeg, x264enc", "jpeg,x264enc" },
        { SET(ENCODER), "h264enc,x264enc", "x264enc" },
        { SET(ENCODER), "vp8enc", NULL },
        { SET(ENCODER), "x264enc,vp8enc", NULL },
        { SET(ENCODER), "x264enc,", NULL },
        { SET(ENCODER), "", NULL },
        { SET(ENCODER), "none", NULL },

        { SET(AUDIO_BITRATE), "64000,128000", "64000,128000" },
        { SET(AUDIO_BITRATE), "265000", NULL },
        { SET(SCALING_DPI), "144", "144" },
        { SET(SCALING_DPI), "97", NULL },
        { SET(AUDIO_FRAME_DURATION_MS), "2.5", "2.5" },

        { SET(FILE_TRANSFERS), "upload,download", "upload,download" },
        { SET(FILE_TRANSFERS), "download", "download" },
        { SET(FILE_TRANSFERS), "", "none" },
        { SET(FILE_TRANSFERS), "  ", "none" },
        { SET(FILE_TRANSFERS), "none", "none" },
        { SET(FILE_TRANSFERS), "None", "none" },
        { SET(FILE_TRANSFERS), "upload,none", NULL },
        { SET(FILE_TRANSFERS), "delete", NULL },

        { SET(MANUAL_WIDTH), "1920", "1920" },
        { SET(MANUAL_WIDTH), "16384", "16384" },
        { SET(MANUAL_WIDTH), "16385", NULL },
        { SET(MANUAL_WIDTH), "-1", NULL },
        { SET(MANUAL_WIDTH), "1920px", NULL },
        { SET(CURSOR_SIZE), "-1", "-1" },
        { SET(CURSOR_SIZE), "--1", NULL },
        { SET(CURSOR_SIZE), "-", NULL },
        { SET(WATERMARK_LOCATION), "7", NULL },

        { SET(UI_TITLE), "My \"desk\"", "My \"desk\"" },
        { SET(UI_TITLE), "", "" },
        { SET(UI_TITLE), " spaces stay ", " spaces stay " },
        { SET(UI_TITLE), "a\nb", NULL },
        { SET(UI_TITLE), "\xc3\x84", "\xc3\x84" },

        { SET(ENABLE_CLIPBOARD), "true", "true" },
        { SET(ENABLE_CLIPBOARD), "off", "false" },
        { SET(ENABLE_CLIPBOARD), "in", "in" },
        { SET(ENABLE_CLIPBOARD), "out|locked", "out" },
        { SET(ENABLE_CLIPBOARD), "both", NULL },

        { SET(MODE), "webrtc", NULL },
        { SET(ENABLE_DUAL_MODE), "true", NULL }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        selkies_settings_init(&s);
        before = s;

        memset(error, 0, sizeof(error));
        rc = selkies_settings_set(&s, rows[i].id, rows[i].value,
                                  strlen(rows[i].value), error);

        if (rows[i].printed == NULL) {
            held = rc == -1 && memcmp(&s, &before, sizeof(s)) == 0
                   && strstr(error, selkies_setting(rows[i].id)->name) == error
                   && (strchr(rows[i].value, '\n')
                       || strstr(error, rows[i].value));

        } else {
            selkies_settings_print(&s, rows[i].id, printed, sizeof(printed));
            held = rc == 0 && strcmp(printed, rows[i].printed) == 0
                   && s.values[rows[i].id].set;
        }

        ok(held, "%s, row %zu: %s", selkies_setting(rows[i].id)->name, i,
           rc == 0 ? "taken" : error);
    }
}


static void
test_messages(void)
{
    int                 held;
    char                value[400], error[SELKIES_SETTING_ERROR];
    unsigned            id;
    selkies_settings_t  s;

    selkies_settings_init(&s);

    set(&s, SET(FRAMERATE), "900");
    selkies_settings_set(&s, SET(FRAMERATE), "900", 3, error);
    ok(strcmp(error, "framerate: \"900\" is not within 1 to 240") == 0, "%s",
       error);

    selkies_settings_set(&s, SET(ENCODER), "vp8", 3, error);
    ok(strcmp(error, "encoder: \"vp8\" is no comma list of x264enc, "
                     "x264enc-striped, jpeg") == 0, "%s", error);

    memset(value, 'x', sizeof(value));
    ok(selkies_settings_set(&s, SET(UI_TITLE), value, 255, error) == 0
       && strlen(selkies_settings_string(&s, SET(UI_TITLE))) == 255,
       "a text of 255 bytes");
    ok(selkies_settings_set(&s, SET(UI_TITLE), value, 256, error) == -1
       && strlen(error) < 200, "one of 256: %s", error);

    /* bytes that are no text make a sentence, too */

    memset(value, 0xff, sizeof(value));
    held = 1;

    for (id = 0; id < SELKIES_SETTINGS; id++) {
        memset(error, 'E', sizeof(error));

        if (selkies_setting(id)->type != SELKIES_SETTING_STR) {
            held = held
                   && selkies_settings_set(&s, id, value, sizeof(value), error)
                      == -1
                   && memchr(error, '\0', sizeof(error)) != NULL;
        }
    }

    ok(held, "400 bytes ff are refused by every row, in a whole sentence");
}


static void
test_inherit(void)
{
    selkies_settings_t         parent, child;
    selkies_settings_client_t  client;

    selkies_settings_init(&parent);
    set(&parent, SET(FRAMERATE), "30");
    set(&parent, SET(UI_TITLE), "parent");
    set(&parent, SET(ENCODER), "jpeg");

    selkies_settings_init(&child);
    set(&child, SET(FRAMERATE), "8-50");
    set(&child, SET(DRI_NODE), "/dev/dri/renderD128");

    selkies_settings_merge(&child, &parent);

    ok(child.values[SET(FRAMERATE)].min == 8
       && child.values[SET(ENCODER)].number == SELKIES_ENCODER_JPEG
       && child.values[SET(ENCODER)].set
       && strcmp(selkies_settings_string(&child, SET(UI_TITLE)), "parent") == 0
       && strcmp(selkies_settings_string(&child, SET(DRI_NODE)),
                 "/dev/dri/renderD128") == 0
       && strcmp(selkies_settings_string(&child, SET(JS_SOCKET_PATH)), "/tmp")
          == 0,
       "the child's own, else the parent's, else the default");

    selkies_settings_finish(&child);
    ok(!child.values[SET(IS_MANUAL_RESOLUTION_MODE)].number, "no manual size");

    set(&child, SET(MANUAL_WIDTH), "1281");
    selkies_settings_finish(&child);
    ok(child.values[SET(IS_MANUAL_RESOLUTION_MODE)].number
       && child.values[SET(IS_MANUAL_RESOLUTION_MODE)].locked
       && child.values[SET(MANUAL_WIDTH)].number == 1280
       && child.values[SET(MANUAL_HEIGHT)].number == 768,
       "a manual width locks manual mode, the height becomes 768");

    selkies_settings_init(&child);
    set(&child, SET(IS_MANUAL_RESOLUTION_MODE), "on");
    selkies_settings_finish(&child);
    ok(child.values[SET(MANUAL_WIDTH)].number == 1024
       && child.values[SET(MANUAL_HEIGHT)].number == 768
       && child.values[SET(IS_MANUAL_RESOLUTION_MODE)].locked,
       "manual mode alone is 1024x768");

    selkies_settings_init(&child);
    set(&child, SET(AUDIO_BITRATE), "96000,64000");
    set(&child, SET(ENCODER), "jpeg,x264enc");
    set(&child, SET(FILE_TRANSFERS), "download");
    selkies_settings_client_init(&client, &child);
    ok(client.values[SET(AUDIO_BITRATE)] == 96000
       && client.values[SET(ENCODER)] == SELKIES_ENCODER_JPEG
       && client.values[SET(FILE_TRANSFERS)] == SELKIES_FILES_DOWNLOAD
       && client.values[SET(VIDEO_BITRATE)] == 8000
       && client.values[SET(SCALING_DPI)] == 96, "a client that said nothing");

    ok(selkies_settings_dpi(&child, 100) == 96
       && selkies_settings_dpi(&child, 275) == 264
       && selkies_settings_dpi(&child, 277) == 288
       && selkies_settings_dpi(&child, 4000000000u) == 288, "nearest DPI");

    set(&child, SET(SCALING_DPI), "144");
    ok(selkies_settings_dpi(&child, 96) == 144, "the operator's DPI wins");
}


/* What one client value becomes; NONE: the row is as it was. */

#define NONE    INT32_MIN

static void
test_values(void)
{
    int32_t                    before, want;
    size_t                     i;
    selkies_settings_t         s;
    selkies_settings_client_t  c;
    selkies_settings_result_t  r;

    static const struct {
        const char          *json;
        selkies_dialect_t    dialect;
        unsigned             id;
        int32_t              value;
    } rows[] = {
        { "{\"framerate\":30}", D1, SET(FRAMERATE), 30 },
        { "{\"framerate\":\"30\"}", D1, SET(FRAMERATE), 30 },
        { "{\"framerate\":29.7}", D1, SET(FRAMERATE), 29 },
        { "{\"framerate\":\"29.7\"}", D2, SET(FRAMERATE), 29 },
        { "{\"framerate\":1}", D1, SET(FRAMERATE), 8 },
        { "{\"framerate\":-5}", D1, SET(FRAMERATE), 8 },
        { "{\"framerate\":1e300}", D1, SET(FRAMERATE), 240 },
        { "{\"framerate\":-1e300}", D1, SET(FRAMERATE), 8 },
        { "{\"framerate\":9223372036854775807}", D1, SET(FRAMERATE), 240 },
        { "{\"framerate\":\"abc\"}", D1, SET(FRAMERATE), NONE },
        { "{\"framerate\":\"\"}", D1, SET(FRAMERATE), NONE },
        { "{\"framerate\":null}", D2, SET(FRAMERATE), NONE },
        { "{\"framerate\":[30]}", D2, SET(FRAMERATE), NONE },
        { "{\"framerate\":{\"a\":30}}", D2, SET(FRAMERATE), NONE },
        { "{\"framerate\":true}", D2, SET(FRAMERATE), NONE },

        { "{\"h264_crf\":20}", D1, SET(H264_CRF), 20 },
        { "{\"video_crf\":20}", D1, SET(H264_CRF), 20 },
        { "{\"video_crf\":20}", D2, SET(H264_CRF), 20 },
        { "{\"h264_crf\":20}", D2, SET(H264_CRF), 20 },
        { "{\"h264_crf\":20,\"video_crf\":30}", D1, SET(H264_CRF), 20 },
        { "{\"h264_crf\":20,\"video_crf\":30}", D2, SET(H264_CRF), 30 },

        { "{\"video_bitrate\":20}", D1, SET(VIDEO_BITRATE), 20000 },
        { "{\"video_bitrate\":\"2.5\"}", D1, SET(VIDEO_BITRATE), 2500 },
        { "{\"video_bitrate\":20000}", D2, SET(VIDEO_BITRATE), 20000 },
        { "{\"video_bitrate\":100}", D2, SET(VIDEO_BITRATE), 1000 },
        { "{\"video_bitrate\":1000000}", D1, SET(VIDEO_BITRATE), 100000 },

        { "{\"encoder\":\"jpeg\"}", D1, SET(ENCODER), SELKIES_ENCODER_JPEG },
        { "{\"encoder\":\"h264enc-striped\"}", D2, SET(ENCODER),
          SELKIES_ENCODER_X264_STRIPED },
        { "{\"encoder\":\"x264enc-striped\"}", D2, SET(ENCODER),
          SELKIES_ENCODER_X264_STRIPED },
        { "{\"encoder\":\"openh264enc\"}", D2, SET(ENCODER),
          SELKIES_ENCODER_X264 },
        { "{\"encoder\":\"av1\"}", D1, SET(ENCODER), SELKIES_ENCODER_X264 },
        { "{\"encoder\":5}", D1, SET(ENCODER), NONE },

        { "{\"audio_bitrate\":\"64000\"}", D1, SET(AUDIO_BITRATE), 64000 },
        { "{\"audio_bitrate\":64000}", D1, SET(AUDIO_BITRATE), 64000 },
        { "{\"audio_bitrate\":265000}", D1, SET(AUDIO_BITRATE), 128000 },
        { "{\"scaling_dpi\":144}", D1, SET(SCALING_DPI), 144 },
        { "{\"scaling_dpi\":\"144\"}", D2, SET(SCALING_DPI), 144 },
        { "{\"scaling_dpi\":145}", D2, SET(SCALING_DPI), 96 },

        { "{\"use_cpu\":true}", D1, SET(USE_CPU), 1 },
        { "{\"use_cpu\":\"true\"}", D1, SET(USE_CPU), 1 },
        { "{\"use_cpu\":\"False\"}", D1, SET(USE_CPU), 0 },
        { "{\"use_cpu\":1}", D2, SET(USE_CPU), NONE },
        { "{\"h264_fullcolor\":true}", D1, SET(H264_FULLCOLOR), 1 },
        { "{\"video_fullcolor\":true}", D2, SET(H264_FULLCOLOR), 1 },
        { "{\"rate_control_mode\":\"cbr\"}", D1, SET(RATE_CONTROL_MODE),
          SELKIES_RATE_CBR },
        { "{\"manual_width\":99999}", D1, SET(MANUAL_WIDTH), 16384 },
        { "{\"manual_width\":-1}", D1, SET(MANUAL_WIDTH), 0 },

        { "{\"force_aligned_resolution\":true}", D1,
          SET(FORCE_ALIGNED_RESOLUTION), NONE },
        { "{\"force_aligned_resolution\":true}", D2,
          SET(FORCE_ALIGNED_RESOLUTION), 1 },

        /* not a client's to say */

        { "{\"command_enabled\":true}", D1, SET(COMMAND_ENABLED), NONE },
        { "{\"file_transfers\":[]}", D1, SET(FILE_TRANSFERS), NONE },
        { "{\"enable_sharing\":false}", D2, SET(ENABLE_SHARING), NONE },
        { "{\"watermark_location\":3}", D1, SET(WATERMARK_LOCATION), NONE },
        { "{\"enable_rate_control\":false}", D1, SET(ENABLE_RATE_CONTROL),
          NONE }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        selkies_settings_init(&s);
        selkies_settings_client_init(&c, &s);

        before = c.values[rows[i].id];
        want = rows[i].value == NONE ? before : rows[i].value;

        ok(apply(&s, &c, rows[i].json, rows[i].dialect, &r) == 0
           && c.values[rows[i].id] == want
           && selkies_settings_changed(&r, rows[i].id) == (want != before),
           "dialect %d: %s is %d", rows[i].dialect, rows[i].json, want);
    }
}


static void
test_locked(void)
{
    selkies_settings_t         s;
    selkies_settings_client_t  c;
    selkies_settings_result_t  r;

    selkies_settings_init(&s);
    set(&s, SET(FRAMERATE), "30");
    set(&s, SET(USE_CPU), "true|locked");
    set(&s, SET(ENCODER), "x264enc-striped,jpeg");
    set(&s, SET(SCALING_DPI), "192");
    set(&s, SET(ENABLE_RATE_CONTROL), "off");
    selkies_settings_client_init(&c, &s);

    ok(apply(&s, &c, "{\"framerate\":60,\"use_cpu\":false,\"encoder\":"
                     "\"x264enc\",\"scaling_dpi\":96,\"rate_control_mode\":"
                     "\"cbr\"}", D1, &r) == 0
       && r.changed == 0
       && c.values[SET(FRAMERATE)] == 30 && c.values[SET(USE_CPU)] == 1
       && c.values[SET(ENCODER)] == SELKIES_ENCODER_X264_STRIPED
       && c.values[SET(SCALING_DPI)] == 192
       && c.values[SET(RATE_CONTROL_MODE)] == SELKIES_RATE_CRF,
       "what the operator fixed stays");

    ok(apply(&s, &c, "{\"encoder\":\"jpeg\"}", D1, &r) == 0
       && c.values[SET(ENCODER)] == SELKIES_ENCODER_JPEG,
       "what is on the menu is taken");
}


static void
test_changes(void)
{
    selkies_settings_t         s;
    selkies_settings_client_t  c, before;
    selkies_settings_result_t  r;

    static const char  first[] =
        "{\"framerate\":60,\"h264_crf\":25,\"encoder\":\"x264enc\","
        "\"h264_fullcolor\":false,\"h264_streaming_mode\":false,"
        "\"is_manual_resolution_mode\":false,\"audio_bitrate\":128000,"
        "\"initialClientWidth\":1921,\"initialClientHeight\":1080,"
        "\"jpeg_quality\":60,\"paint_over_jpeg_quality\":90,\"use_cpu\":false,"
        "\"scaling_dpi\":96,\"enable_binary_clipboard\":true,"
        "\"useCssScaling\":false,\"displayId\":\"primary\"}";

    static const char  second[] =
        "{\"framerate\":\"60\",\"h264_crf\":\"25\",\"encoder\":\"x264enc\","
        "\"h264_fullcolor\":\"false\",\"jpeg_quality\":60.0,"
        "\"initialClientWidth\":1000,\"initialClientHeight\":500,"
        "\"scaling_dpi\":\"96\",\"audio_bitrate\":\"128000\","
        "\"displayId\":\"primary\"}";

    selkies_settings_init(&s);
    selkies_settings_client_init(&c, &s);

    ok(apply(&s, &c, first, D1, &r) == 0
       && r.changed == SELKIES_SETTING_LIVE
       && selkies_settings_changed(&r, SET(JPEG_QUALITY))
       && !selkies_settings_changed(&r, SET(FRAMERATE))
       && strcmp(r.display_id, "primary") == 0
       && r.initial_width == 1921 && r.initial_height == 1080,
       "a first visit changes only the quality of JPEG");

    ok(apply(&s, &c, second, D1, &r) == 0 && r.changed == 0
       && r.initial_width == 1000, "the second SETTINGS changes nothing");

    ok(apply(&s, &c, "{\"h264_crf\":30}", D1, &r) == 0
       && c.values[SET(JPEG_QUALITY)] == 40 && c.values[SET(H264_CRF)] == 30,
       "dialect 1 states all: what is missing is the default");

    ok(apply(&s, &c, "{\"framerate\":30}", D2, &r) == 0
       && c.values[SET(H264_CRF)] == 30 && c.values[SET(FRAMERATE)] == 30
       && r.changed == SELKIES_SETTING_LIVE,
       "dialect 2 changes what it names");

    ok(apply(&s, &c, "{\"use_cpu\":true}", D2, &r) == 0
       && r.changed == (SELKIES_SETTING_STRUCTURAL|SELKIES_SETTING_KEY),
       "use_cpu starts the encoder anew, with a key frame");

    ok(apply(&s, &c, "{\"rate_control_mode\":\"cbr\"}", D2, &r) == 0
       && r.changed == SELKIES_SETTING_STRUCTURAL, "rate control mode");

    ok(apply(&s, &c, "{\"audio_bitrate\":64000}", D2, &r) == 0
       && r.changed == (SELKIES_SETTING_LIVE|SELKIES_SETTING_AUDIO
                        |SELKIES_SETTING_GLOBAL), "audio bit rate");

    ok(apply(&s, &c, "{\"manual_width\":640}", D2, &r) == 0
       && r.changed == SELKIES_SETTING_SIZE, "size");

    /* the client's own choice of use_cpu survives an encoder that ignores it */

    selkies_settings_client_init(&c, &s);
    ok(!selkies_settings_use_cpu(&c), "the card by default");
    apply(&s, &c, "{\"encoder\":\"jpeg\"}", D2, &r);
    ok(selkies_settings_use_cpu(&c) && !c.values[SET(USE_CPU)],
       "JPEG runs on the CPU");
    apply(&s, &c, "{\"encoder\":\"h264enc-striped\"}", D2, &r);
    ok(selkies_settings_use_cpu(&c), "stripes, too");
    apply(&s, &c, "{\"encoder\":\"h264enc\"}", D2, &r);
    ok(!selkies_settings_use_cpu(&c), "and back");

    before = c;
    ok(apply(&s, &c, "{\"displayId\":\"display2\",\"displayPosition\":\"up\","
                     "\"keyboardLayout\":\"ch(fr)\",\"audioRedundancy\":true}",
             D2, &r) == 0
       && strcmp(r.display_id, "display2") == 0
       && r.position == SELKIES_POSITION_UP
       && strcmp(r.keyboard_layout, "ch(fr)") == 0 && r.audio_redundancy
       && memcmp(&before, &c, sizeof(c)) == 0, "what goes beside the rows");

    ok(apply(&s, &c, "{\"displayId\":\"../../etc/passwd\",\"displayPosition\":"
                     "\"none\",\"keyboardLayout\":\"<b>\","
                     "\"initialClientWidth\":0,\"initialClientHeight\":5}",
             D2, &r) == 0
       && r.display_id[0] == '\0' && r.position == SELKIES_POSITION_NONE
       && r.keyboard_layout[0] == '\0' && r.initial_width == 0
       && r.initial_height == 0, "nonsense beside the rows is not said");
}


static void
test_garbage(void)
{
    char                      *big;
    size_t                     i, n;
    selkies_settings_t         s;
    selkies_settings_client_t  c, before;
    selkies_settings_result_t  r;

    static const char *const  rows[] = {
        "", "{", "[]", "5", "null", "\"framerate\"", "{\"framerate\":}",
        "{\"framerate\":30}x", "{\"framerate\":030}", "{framerate:30}",
        "{\"framerate\":\"\xff\"}", "{\"a\":\"\\u0000\"}",
        "{\"framerate\":1e999}", "{\"framerate\":99999999999999999999999}",
        "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}}"
    };

    selkies_settings_init(&s);
    selkies_settings_client_init(&c, &s);
    apply(&s, &c, "{\"framerate\":33}", D1, &r);
    before = c;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(&r, 0xee, sizeof(r));
        ok(apply(&s, &c, rows[i], D1, &r) == -1 && r.changed == 0
           && r.display_id[0] == '\0' && memcmp(&c, &before, sizeof(c)) == 0,
           "garbage, row %zu", i);
    }

    big = malloc(65537);
    n = (size_t) snprintf(big, 65537, "{\"framerate\":44,\"x\":\"");
    memset(big + n, 'y', 65537 - n);
    memcpy(big + 65534, "\"}", 2);

    ok(selkies_settings_apply(&s, &c, (uint8_t *) big, 65536, D1, &r) == 0
       && c.values[SET(FRAMERATE)] == 44, "64 KiB");
    big[65534] = 'y';
    big[65535] = '"';
    big[65536] = '}';
    ok(selkies_settings_apply(&s, &c, (uint8_t *) big, 65537, D1, &r) == -1,
       "one byte more");

    memset(big, '[', 65536);
    ok(selkies_settings_apply(&s, &c, (uint8_t *) big, 65536, D1, &r) == -1,
       "65536 brackets");

    free(big);
}


static void
test_sizes(void)
{
    int                        rc;
    int32_t                    w, h;
    selkies_settings_t         s;
    selkies_settings_client_t  c;
    selkies_settings_result_t  r;

#define size(first)                                                           \
    (w = h = -1, rc = selkies_settings_size(&s, &c, &r, first, 7680, 4320,    \
                                            &w, &h))

    selkies_settings_init(&s);
    selkies_settings_finish(&s);
    selkies_settings_client_init(&c, &s);

    apply(&s, &c, "{\"initialClientWidth\":1921,\"initialClientHeight\":1}",
          D1, &r);
    ok(size(1) == 1 && w == 1920 && h == 2, "first SETTINGS, made even");
    ok(size(0) == 0 && w == -1, "a later one does not resize");

    apply(&s, &c, "{\"initialClientWidth\":20000,\"initialClientHeight\":"
                  "16000}", D1, &r);
    ok(size(1) == 1 && w == 7680 && h == 4320, "within the largest size");

    apply(&s, &c, "{\"initialClientWidth\":\"abc\"}", D1, &r);
    ok(size(1) == 0, "no size said");

    apply(&s, &c, "{\"is_manual_resolution_mode\":true,\"manual_width\":801,"
                  "\"manual_height\":\"600\",\"initialClientWidth\":5,"
                  "\"initialClientHeight\":5}", D1, &r);
    ok(size(0) == 1 && w == 800 && h == 600, "the client's manual size");

    apply(&s, &c, "{\"is_manual_resolution_mode\":true}", D1, &r);
    ok(size(1) == 0, "a manual mode without a size");

    selkies_settings_client_init(&c, &s);
    apply(&s, &c, "{\"force_aligned_resolution\":true,"
                  "\"initialClientWidth\":1366,\"initialClientHeight\":9}",
          D2, &r);
    ok(size(1) == 1 && w == 1360 && h == 16, "multiples of 16");

    w = 1366;
    h = 768;
    ok(selkies_settings_resize(&s, &c, 7680, 4320, &w, &h) == 1 && w == 1360
       && h == 768, "r, is aligned as well");

    selkies_settings_client_init(&c, &s);
    w = 101;
    h = 100000;
    ok(selkies_settings_resize(&s, &c, 7680, 4320, &w, &h) == 1 && w == 100
       && h == 4320, "r, is even and within limits");
    w = 0;
    h = 5;
    ok(selkies_settings_resize(&s, &c, 7680, 4320, &w, &h) == 0, "0 wide");
    w = 5;
    h = INT32_MIN;
    ok(selkies_settings_resize(&s, &c, 7680, 4320, &w, &h) == 0,
       "less than 0 high");

    set(&s, SET(ENABLE_RESIZE), "off");
    apply(&s, &c, "{\"initialClientWidth\":800,\"initialClientHeight\":600}",
          D1, &r);
    w = h = 100;
    ok(size(1) == 0 && selkies_settings_resize(&s, &c, 7680, 4320, &w, &h)
       == 0, "resizing is off");

    set(&s, SET(MANUAL_HEIGHT), "901");
    selkies_settings_finish(&s);
    apply(&s, &c, "{\"is_manual_resolution_mode\":false,\"manual_width\":50,"
                  "\"manual_height\":50,\"initialClientWidth\":800,"
                  "\"initialClientHeight\":600}", D1, &r);
    ok(size(1) == 1 && w == 1024 && h == 900, "the server's manual size");
    w = h = 100;
    ok(selkies_settings_resize(&s, &c, 7680, 4320, &w, &h) == 0,
       "r, is ignored then");

#undef size
}


static int
is(json_t *settings, const char *name, const char *expected)
{
    int      same;
    json_t  *want;

    want = json_loads(expected, JSON_DECODE_ANY, NULL);
    same = want != NULL && json_equal(json_object_get(settings, name), want);

    if (!same) {
        printf("# %s is ", name);
        json_dumpf(json_object_get(settings, name), stdout, JSON_ENCODE_ANY);
        printf("\n");
    }

    json_decref(want);

    return same;
}


static void
test_message_1(void)
{
    int                       held;
    void                     *iter;
    size_t                    i, n, size;
    json_t                   *root, *all;
    uint8_t                  *room;
    selkies_settings_t        s;
    selkies_settings_live_t   live;

    static const char *const  entries[][2] = {
        { "audio_enabled", "{\"value\":true,\"locked\":false}" },
        { "command_enabled", "{\"value\":false,\"locked\":false}" },
        { "file_transfers", "{\"value\":[\"upload\",\"download\"],"
                            "\"allowed\":[\"upload\",\"download\"]}" },
        { "framerate", "{\"value\":[8,240],\"min\":8,\"max\":240,"
                       "\"default\":60}" },
        { "h264_crf", "{\"value\":[5,50],\"min\":5,\"max\":50,"
                      "\"default\":25}" },
        { "video_bitrate", "{\"value\":[1,100],\"min\":1,\"max\":100,"
                           "\"default\":8}" },
        { "rate_control_mode", "{\"value\":\"crf\",\"allowed\":[\"crf\","
                               "\"cbr\"]}" },
        { "enable_rate_control", "{\"value\":true,\"locked\":false}" },
        { "audio_bitrate", "{\"value\":\"128000\",\"allowed\":[\"64000\","
                           "\"96000\",\"128000\",\"192000\",\"256000\","
                           "\"320000\",\"384000\",\"510000\"]}" },
        { "is_manual_resolution_mode", "{\"value\":false,\"locked\":false}" },
        { "manual_width", "{\"value\":0}" },
        { "scaling_dpi", "{\"value\":\"96\",\"allowed\":[\"96\",\"120\","
                         "\"144\",\"168\",\"192\",\"216\",\"240\",\"264\","
                         "\"288\"]}" },
        { "enable_binary_clipboard", "{\"value\":true,\"locked\":false}" },
        { "use_browser_cursors", "{\"value\":true,\"locked\":false}" },
        { "ui_title", "{\"value\":\"Selkies\"}" },
        { "mode", "{\"value\":\"websockets\"}" },
        { "enable_dual_mode", "{\"value\":false,\"locked\":false}" },
        { "encoder", "{\"value\":\"x264enc\",\"allowed\":[\"x264enc\","
                     "\"x264enc-striped\",\"jpeg\"]}" },
        { "jpeg_quality", "{\"value\":[1,100],\"min\":1,\"max\":100,"
                          "\"default\":40}" },
        { "h264_streaming_mode", "{\"value\":false,\"locked\":false}" },
        { "paint_over_jpeg_quality", "{\"value\":[1,100],\"min\":1,"
                                     "\"max\":100,\"default\":90}" },
        { "h264_paintover_crf", "{\"value\":[5,50],\"min\":5,\"max\":50,"
                                "\"default\":18}" },
        { "h264_paintover_burst_frames", "{\"value\":[1,30],\"min\":1,"
                                         "\"max\":30,\"default\":5}" },
        { "second_screen", "{\"value\":true,\"locked\":false}" },
        { "watermark_location", "{\"value\":-1}" }
    };

    selkies_settings_init(&s);
    live = live_now();

    root = server_settings(&s, &live, D1);
    all = json_object_get(root, "settings");

    ok(strcmp(json_string_value(json_object_get(root, "type")),
              "server_settings") == 0 && json_object_size(root) == 2,
       "dialect 1: the message");

    held = json_object_size(all) == sizeof(names1) / sizeof(names1[0]);
    iter = json_object_iter(all);

    for (i = 0; i < sizeof(names1) / sizeof(names1[0]) && iter != NULL; i++) {
        held = held && strcmp(json_object_iter_key(iter), names1[i]) == 0;
        iter = json_object_iter_next(all, iter);
    }

    ok(held && iter == NULL, "dialect 1: exactly these names, in this order");

    for (i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        ok(is(all, entries[i][0], entries[i][1]), "dialect 1: %s",
           entries[i][0]);
    }

    json_decref(root);

    /* any smaller room: the same length, no byte beyond it */

    n = selkies_settings_json(NULL, 0, &s, &live, D1);
    held = n < sizeof(message);

    for (size = 0; size < n; size += 7) {
        room = malloc(size ? size : 1);
        held = held
               && selkies_settings_json(room, size, &s, &live, D1) == n;
        free(room);
    }

    ok(held, "dialect 1: %zu bytes, in whatever room", n);
}


static void
test_message_set(void)
{
    json_t                   *root, *all;
    selkies_settings_t        s;
    selkies_settings_live_t   live;

    selkies_settings_init(&s);

    set(&s, SET(FILE_TRANSFERS), "");
    set(&s, SET(FRAMERATE), "30");
    set(&s, SET(VIDEO_BITRATE), "500");
    set(&s, SET(ENCODER), "x264enc,jpeg");
    set(&s, SET(COMMAND_ENABLED), "on");
    set(&s, SET(SECOND_SCREEN), "true");
    set(&s, SET(AUDIO_ENABLED), "false|locked");
    set(&s, SET(UI_TITLE), "a\"b</script>");
    set(&s, SET(SCALING_DPI), "144,96");
    set(&s, SET(ENABLE_CLIPBOARD), "in");
    set(&s, SET(MANUAL_WIDTH), "1280");
    selkies_settings_finish(&s);

    live = live_now();
    live.encoder = SELKIES_ENCODER_JPEG;
    live.command_enabled = 0;
    live.second_screen = 0;
    live.display_id = "display2";

    root = server_settings(&s, &live, D1);
    all = json_object_get(root, "settings");

    ok(is(all, "file_transfers", "{\"value\":[],\"allowed\":[]}"),
       "no file transfers");
    ok(is(all, "framerate", "{\"value\":[30,30],\"min\":30,\"max\":30,"
                            "\"default\":30}"), "a locked range");
    ok(is(all, "video_bitrate", "{\"value\":[1,1],\"min\":1,\"max\":1,"
                                "\"default\":1}"), "500 kbit/s in Mbit/s");
    ok(is(all, "encoder", "{\"value\":\"jpeg\",\"allowed\":[\"x264enc\","
                          "\"jpeg\"]}"), "the live encoder is the value");
    ok(is(all, "command_enabled", "{\"value\":false,\"locked\":true}"),
       "commands are asked for, but not in force");
    ok(is(all, "second_screen", "{\"value\":false,\"locked\":true}"),
       "no second screen to be had");
    ok(is(all, "audio_enabled", "{\"value\":false,\"locked\":true}"),
       "a locked bool");
    ok(is(all, "ui_title", "{\"value\":\"a\\\"b</script>\"}")
       && strstr((char *) message, "</script>") == NULL, "a hostile title");
    ok(is(all, "clipboard_in_enabled", "{\"value\":true,\"locked\":false}")
       && is(all, "clipboard_out_enabled", "{\"value\":false,"
                                           "\"locked\":false}"),
       "a clipboard of one way");
    ok(is(all, "is_manual_resolution_mode", "{\"value\":true,"
                                            "\"locked\":true}")
       && is(all, "manual_width", "{\"value\":1280}")
       && is(all, "manual_height", "{\"value\":768}"), "a manual size");
    ok(json_object_get(root, "displayId") == NULL,
       "no displayId in dialect 1");

    json_decref(root);

    live.encoder = SELKIES_ENCODER_X264_STRIPED;
    root = server_settings(&s, &live, D1);
    all = json_object_get(root, "settings");
    ok(is(all, "encoder", "{\"value\":\"x264enc-striped\",\"allowed\":"
                          "[\"x264enc-striped\"]}"),
       "an imposed encoder is the only one allowed");
    json_decref(root);

    root = server_settings(&s, &live, D2);
    all = json_object_get(root, "settings");

    ok(strcmp(json_string_value(json_object_get(root, "displayId")),
              "display2") == 0, "dialect 2: displayId");
    ok(is(all, "encoder", "{\"value\":\"h264enc-striped\",\"allowed\":"
                          "[\"h264enc-striped\"],\"overridden\":true}"),
       "dialect 2: encoder");
    ok(is(all, "video_bitrate", "{\"value\":[500,500],\"min\":500,"
                                "\"max\":500,\"default\":500,"
                                "\"overridden\":true}"),
       "dialect 2: kbit/s");
    ok(is(all, "scaling_dpi", "{\"value\":\"144\",\"allowed\":[\"144\","
                              "\"96\"],\"locked\":true,"
                              "\"overridden\":true}"),
       "dialect 2: the operator's DPI is locked");
    ok(is(all, "video_crf", "{\"value\":[5,50],\"min\":5,\"max\":50,"
                            "\"default\":25,\"overridden\":false}")
       && json_object_get(all, "h264_crf") == NULL, "dialect 2: its names");
    ok(is(all, "clipboard_in_enabled", "{\"value\":true,"
                                       "\"overridden\":true}")
       && is(all, "enable_clipboard", "{\"value\":\"in\","
                                      "\"overridden\":true}"),
       "dialect 2: clipboard");
    ok(is(all, "ws_max_message_bytes", "{\"value\":1048576,"
                                       "\"overridden\":false}"),
       "dialect 2: the largest message");
    ok(is(all, "enable_resize", "{\"value\":true,\"locked\":false,"
                                "\"overridden\":false}")
       && is(all, "keyframe_interval", "{\"value\":0,\"overridden\":false}")
       && is(all, "audio_frame_duration_ms",
             "{\"value\":\"10\",\"allowed\":[\"2.5\",\"5\",\"10\",\"20\","
             "\"40\",\"60\"],\"overridden\":false}"),
       "dialect 2: rows of its own");

    json_decref(root);
}


static void
test_message_2(void)
{
    int                       held;
    size_t                    i, n;
    json_t                   *root, *all, *entry;
    const char               *name;
    unsigned                  id;
    selkies_settings_t        s;
    selkies_settings_live_t   live;

    selkies_settings_init(&s);

    /* as long as texts get */

    for (id = 0; id < SELKIES_SETTINGS; id++) {

        if (selkies_setting(id)->type == SELKIES_SETTING_STR
            && !(selkies_setting(id)->flags & SELKIES_SETTING_FIXED))
        {
            char  value[255], error[SELKIES_SETTING_ERROR];

            memset(value, '<', sizeof(value));
            selkies_settings_set(&s, id, value, sizeof(value), error);
        }
    }

    live = live_now();
    n = selkies_settings_json(NULL, 0, &s, &live, D2);
    ok(n <= SELKIES_SETTINGS_JSON_BYTES, "the longest message: %zu bytes", n);

    root = server_settings(&s, &live, D2);
    all = json_object_get(root, "settings");
    held = json_is_object(all);

    json_object_foreach(all, name, entry) {
        held = held && json_is_boolean(json_object_get(entry, "overridden"))
               && json_object_get(entry, "value") != NULL
               && strncmp(name, "h264_", 5) != 0;
    }

    ok(held, "dialect 2: each entry has a value and overridden");

    held = 1;

    for (i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        held = held && json_object_get(all, secrets[i]) == NULL;
    }

    ok(held, "dialect 2: no secrets");

    held = 1;

    for (i = 0; i < sizeof(names1) / sizeof(names1[0]); i++) {
        id = (unsigned) selkies_setting_find(names1[i], strlen(names1[i]));
        name = selkies_setting(id)->name2;
        held = held && json_object_get(all, name == NULL ? names1[i] : name)
                       != NULL;
    }

    ok(held, "dialect 2: all that dialect 1 has");

    json_decref(root);
}


static void
test_markdown(void)
{
    char      *text;
    FILE      *file;
    size_t     n, lines, i;
    unsigned   id, rows;

    text = NULL;
    file = open_memstream(&text, &n);
    selkies_settings_markdown(file);
    fclose(file);

    for (lines = 0, i = 0; i < n; i++) {
        lines += text[i] == '\n';
    }

    for (rows = 0, id = 0; id < SELKIES_SETTINGS; id++) {
        rows += !(selkies_setting(id)->flags & SELKIES_SETTING_FIXED);
    }

    ok(lines == rows + 2 && strstr(text, "| `selkies_framerate` | "
                                   "`SELKIES_FRAMERATE` | span within 1-240, "
                                   "1/s | `60,8-240` | live |") != NULL,
       "%u rows for the documentation", rows);

    free(text);
}


int
main(void)
{
    test_table();
    test_nearest();
    test_grammar();
    test_messages();
    test_inherit();
    test_values();
    test_locked();
    test_changes();
    test_garbage();
    test_sizes();
    test_message_1();
    test_message_set();
    test_message_2();
    test_markdown();

    return done_testing();
}
