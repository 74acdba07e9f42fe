
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * What clients may change of the settings, and what comes of it.
 *
 * Thread: one.  Ownership: static buffers.
 */


#include "settings_tests.h"


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
       && r.changed == SELKIES_SETTING_LIVE, "rate control mode");

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
       && strcmp(r.keyboard_layout, "ch(fr)") == 0
       && r.says_redundancy && r.audio_redundancy
       && memcmp(&before, &c, sizeof(c)) == 0, "what goes beside the rows");

    ok(apply(&s, &c, "{\"audioRedundancy\":false}", D2, &r) == 0
       && r.says_redundancy && !r.audio_redundancy, "no redundancy");
    ok(apply(&s, &c, "{\"audioRedundancy\":1}", D2, &r) == 0
       && !r.says_redundancy && !r.audio_redundancy, "nonsense of it");

    ok(apply(&s, &c, "{\"displayId\":\"../../etc/passwd\",\"displayPosition\":"
                     "\"none\",\"keyboardLayout\":\"<b>\","
                     "\"initialClientWidth\":0,\"initialClientHeight\":5}",
             D2, &r) == 0
       && r.position == SELKIES_POSITION_NONE
       && r.keyboard_layout[0] == '\0' && r.initial_width == 0
       && r.initial_height == 0, "nonsense beside the rows is not said");
    ok(strcmp(r.display_id, "?") == 0, "but for the name of a screen, which "
       "is none there can be");

    ok(apply(&s, &c, "{\"displayId\":\"\"}", D2, &r) == 0
       && r.display_id[0] == '\0'
       && apply(&s, &c, "{\"displayId\":7}", D2, &r) == 0
       && r.display_id[0] == '\0', "an empty one, or no string, is no name");
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


int
main(void)
{
    test_messages();
    test_values();
    test_locked();
    test_changes();
    test_garbage();
    test_sizes();

    return done_testing();
}
