
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The server_settings message in both dialects, and the list of directives.
 *
 * Thread: one.  Ownership: static buffers.
 */


#include <jansson.h>

#include "settings_tests.h"


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
    "watermark_location",

    /* ours: the core of stock clients ignores numbers */

    "audio_channels"
};


static json_t *
server_settings(const selkies_settings_t *s,
    const selkies_settings_live_t *live, selkies_dialect_t dialect)
{
    size_t  n;

    n = selkies_settings_json(message, sizeof(message), s, live, dialect);

    return n > sizeof(message) ? NULL
           : json_loadb((char *) message, n, JSON_REJECT_DUPLICATES, NULL);
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
    live.gamepads = 0;
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
    ok(is(all, "gamepad_enabled", "{\"value\":false,\"locked\":true}"),
       "nor gamepads");
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

    live.imposed = 1;
    root = server_settings(&s, &live, D1);
    all = json_object_get(root, "settings");
    ok(is(all, "encoder", "{\"value\":\"jpeg\",\"allowed\":[\"jpeg\"]}"),
       "no other one, for now");
    json_decref(root);

    live.imposed = 0;
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
    test_message_1();
    test_message_set();
    test_message_2();
    test_markdown();

    return done_testing();
}
