
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The settings: the table itself, the grammar of directives, inheritance.
 *
 * Thread: one.  Ownership: static buffers.
 */


#include "settings_tests.h"


/* globals of a browser's window: a setting of that name breaks the client */

static const char *const  globals[] = {
    "name", "status", "location", "top", "length", "origin", "closed", "self",
    "parent", "frames", "opener", "event", "external", "screen", "history",
    "navigator", "document", "window", "stop", "focus", "blur", "open",
    "close", "print", "scroll", "performance", "crypto", "caches"
};


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
       && strcmp(selkies_settings_string(&child, SET(AUDIO_DEVICE_NAME)),
                 "output.monitor") == 0,
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


int
main(void)
{
    test_table();
    test_nearest();
    test_grammar();
    test_inherit();

    return done_testing();
}
