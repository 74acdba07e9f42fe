
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The formatters: every one with the bytes it must write; base64.
 *
 * Thread: one.  Ownership: static buffers.
 */


#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../../ngx_selkies_module/selkies_protocol.h"
#include "tap.h"


static uint8_t  buf[70000];


/*
 * What was formatted, checked: the same text, the same length with no room,
 * no byte past any smaller room.
 */

#define formats(expected, call)                                               \
    do {                                                                      \
        int      held = 1;                                                    \
        size_t   n, size, need = strlen(expected);                            \
        uint8_t *room;                                                        \
                                                                              \
        for (size = 0; size <= need; size++) {                                \
            room = malloc(size ? size : 1);                                   \
            n = call(size ? room : NULL, size);                               \
            held = held && n == need                                          \
                   && (size < need || memcmp(room, expected, need) == 0);     \
                                                                              \
            if (size == need && !held) {                                      \
                printf("# %.*s\n", (int) need, room);                         \
            }                                                                 \
                                                                              \
            free(room);                                                       \
        }                                                                     \
                                                                              \
        ok(held, "%.60s", expected);                                          \
    } while (0)


#define RESOLUTION_1(b, n)                                                    \
    selkies_format_stream_resolution(b, n, SELKIES_DIALECT_1, "primary", 1920,\
                                     1080)
#define RESOLUTION_2(b, n)                                                    \
    selkies_format_stream_resolution(b, n, SELKIES_DIALECT_2, "display2", 2, 4)
#define RESETTING(b, n)                                                       \
    selkies_format_pipeline_resetting(b, n, "primary")
#define DISPLAYS(b, n)      selkies_format_display_config(b, n, ids, 2)
#define NO_DISPLAYS(b, n)   selkies_format_display_config(b, n, ids, 0)
#define CURSOR(b, n)                                                          \
    selkies_format_cursor(b, n, (const uint8_t *) "\x89PNG", 4, 18, 24, 1,   \
                          -2, 123)
#define NO_CURSOR(b, n)                                                       \
    selkies_format_cursor(b, n, NULL, 9, 18, 24, 1, 2, 123)
#define SYSTEM(b, n)                                                          \
    selkies_format_system_stats(b, n, 1785933296, 12.345, 34359738368ull, 5)
#define GPU(b, n)                                                             \
    selkies_format_gpu_stats(b, n, 0, 1, 0.4567, 100, 50)
#define NETWORK(b, n)                                                         \
    selkies_format_network_stats(b, n, 0, 8.005, NAN)
#define STATUS(b, n)        selkies_format_pipeline_status(b, n, 1, 0, NULL)
#define STATUS_WHY(b, n)                                                      \
    selkies_format_pipeline_status(b, n, 0, 0, "no_display")
#define RUMBLE(b, n)        selkies_format_rumble(b, n, 2, 1, 0.25, 200)
#define EXT(b, n)                                                             \
    selkies_format_ext(b, n, "1.0", "abc", 1,                                 \
                       SELKIES_EXT_LITE|SELKIES_EXT_STATUS)
#define EXT_SOUND(b, n)                                                       \
    selkies_format_ext(b, n, "", "", 0, SELKIES_EXT_RED|SELKIES_EXT_STEREO)
#define APPS(b, n)                                                            \
    selkies_format_server_apps(b, n, (selkies_span_t[2]) {                    \
        { (const uint8_t *) "Files", 5 },                                     \
        { (const uint8_t *) "<\"x>", 4 } }, 2)
#define APPS_NONE(b, n)     selkies_format_server_apps(b, n, NULL, 0)
#define EXT_NONE(b, n)      selkies_format_ext(b, n, "", "", 0, 0)
#define KILL(b, n)          selkies_format_kill(b, n, "a\r\nb\tc \xc3\xa4\xff")
#define AUTH(b, n)          selkies_format_auth_success(b, n, 1, 0)
#define AUTH_SLOT(b, n)     selkies_format_auth_success(b, n, 0, 2)
#define ROLE(b, n)          selkies_format_role_update(b, n, 0, 4)
#define MK(b, n)            selkies_format_mk_access(b, n, 1)
#define MK_NOT(b, n)        selkies_format_mk_access(b, n, 0)
#define COMMAND_ERROR(b, n)                                                   \
    selkies_format_command_error(b, n, "a \"b\"\n</script>")
#define CLIP(b, n)                                                            \
    selkies_format_clipboard(b, n, NULL, (const uint8_t *) "hello", 5)
#define CLIP_EMPTY(b, n)    selkies_format_clipboard(b, n, NULL, NULL, 0)
#define CLIP_BINARY(b, n)                                                     \
    selkies_format_clipboard(b, n, "image/png", (const uint8_t *) "a", 1)
#define CLIP_START(b, n)                                                      \
    selkies_format_clipboard_start(b, n, "text/plain", 18446744073709551615ull)
#define CLIP_DATA(b, n)                                                       \
    selkies_format_clipboard_data(b, n, (const uint8_t *) "ab", 2)


static void
test_formatters(void)
{
    static const char *const  ids[] = { "primary", "display2" };

    formats("{\"type\":\"stream_resolution\",\"width\":1920,\"height\":1080}",
            RESOLUTION_1);
    formats("{\"type\":\"stream_resolution\",\"width\":2,\"height\":4,"
            "\"displayId\":\"display2\"}", RESOLUTION_2);
    formats("PIPELINE_RESETTING primary", RESETTING);
    formats("DISPLAY_CONFIG_UPDATE,{\"type\":\"display_config_update\","
            "\"displays\":[\"primary\",\"display2\"]}", DISPLAYS);
    formats("DISPLAY_CONFIG_UPDATE,{\"type\":\"display_config_update\","
            "\"displays\":[]}", NO_DISPLAYS);
    formats("cursor,{\"curdata\":\"iVBORw==\",\"width\":18,\"height\":24,"
            "\"hotx\":1,\"hoty\":-2,\"handle\":123}", CURSOR);
    formats("cursor,{\"curdata\":\"\",\"width\":0,\"height\":0,\"hotx\":0,"
            "\"hoty\":0,\"handle\":0}", NO_CURSOR);
    formats("{\"type\":\"system_stats\",\"timestamp\":"
            "\"2026-08-05T12:34:56Z\",\"cpu_percent\":12.3,"
            "\"mem_total\":34359738368,\"mem_used\":5}", SYSTEM);
    formats("{\"type\":\"gpu_stats\",\"timestamp\":\"1970-01-01T00:00:00Z\","
            "\"gpu_id\":1,\"load\":0.457,\"gpu_percent\":45.7,"
            "\"memory_total\":100,\"memory_used\":50}", GPU);
    formats("{\"type\":\"network_stats\",\"timestamp\":"
            "\"1970-01-01T00:00:00Z\",\"bandwidth_mbps\":8.01,"
            "\"latency_ms\":0.0}", NETWORK);
    formats("{\"type\":\"pipeline_status\",\"video\":true,\"audio\":false}",
            STATUS);
    formats("{\"type\":\"pipeline_status\",\"video\":false,\"audio\":false,"
            "\"reason\":\"no_display\"}", STATUS_WHY);
    formats("{\"type\":\"rumble\",\"gp\":2,\"strong\":1.000,\"weak\":0.250,"
            "\"ms\":200}", RUMBLE);
    formats("_ext,{\"version\":\"1.0\",\"resume\":\"abc\",\"open\":true,"
            "\"have\":[\"lite\",\"status\"]}", EXT);
    formats("_ext,{\"version\":\"\",\"resume\":\"\",\"open\":false,"
            "\"have\":[\"red\",\"stereo\"]}", EXT_SOUND);
    formats("{\"type\":\"server_apps\",\"apps\":[{\"id\":\"0\","
            "\"name\":\"Files\"},{\"id\":\"1\","
            "\"name\":\"\\u003c\\\"x\\u003e\"}]}", APPS);
    formats("{\"type\":\"server_apps\",\"apps\":[]}", APPS_NONE);
    formats("_ext,{\"version\":\"\",\"resume\":\"\",\"open\":false,"
            "\"have\":[]}", EXT_NONE);
    formats("KILL a  b c \xc3\xa4\xef\xbf\xbd", KILL);
    formats("AUTH_SUCCESS,{\"role\":\"controller\",\"slot\":null}", AUTH);
    formats("AUTH_SUCCESS,{\"role\":\"viewer\",\"slot\":2}", AUTH_SLOT);
    formats("ROLE_UPDATE,{\"role\":\"viewer\",\"slot\":4}", ROLE);
    formats("MK_ACCESS,1", MK);
    formats("MK_ACCESS,0", MK_NOT);
    formats("system,{\"action\":\"command_error,a \\\"b\\\"\\u000a"
            "\\u003c/script\\u003e\"}", COMMAND_ERROR);
    formats("clipboard,aGVsbG8=", CLIP);
    formats("clipboard,", CLIP_EMPTY);
    formats("clipboard_binary,image/png,YQ==", CLIP_BINARY);
    formats("clipboard_start,text/plain,18446744073709551615", CLIP_START);
    formats("clipboard_data,YWI=", CLIP_DATA);
}


static void
test_headers(void)
{
    char     stamp[24];
    uint8_t  out[SELKIES_VIDEO_HEADER_BYTES];

    selkies_video_header(out, SELKIES_FRAME_KEY, 0, 0, 1920, 1080);
    ok(memcmp(out, "\x04\x01\0\0\0\0\x07\x80\x04\x38", 10) == 0,
       "video header as in the protocol's example");

    selkies_video_header(out, SELKIES_FRAME_DELTA, 0xfffe, 0x0102, 0x0304,
                         0x0506);
    ok(memcmp(out, "\x04\0\xff\xfe\1\2\3\4\5\6", 10) == 0,
       "video header, big-endian");

    selkies_jpeg_header(out, 0x1234, 64);
    ok(memcmp(out, "\x03\0\x12\x34\0\x40", 6) == 0, "JPEG header");

    selkies_audio_header(out, 0);
    ok(memcmp(out, "\x01\0", 2) == 0, "audio header");

    selkies_format_time(stamp, (time_t) INT64_MAX);
    ok(strcmp(stamp, "1970-01-01T00:00:00Z") == 0, "a time that is none");

    selkies_format_time(stamp, 253402300799);
    ok(strcmp(stamp, "9999-12-31T23:59:59Z") == 0, "the last second of 9999");
}


/* whatever bytes: valid JSON comes out, and the library reads it back */

static void
test_json(void)
{
    int      held;
    size_t   i, n, len;
    json_t  *string;
    uint8_t  bytes[24];

    static const uint8_t  bad[] = "a\"\\/\b\0\x1f\x7f\xe2\x80\xa8"
                                  "\xe2\x80\xa9\xe2\x80\xaa"
                                  "\xf0\x9f\x98\x80\xed\xa0";
    static const char     good[] = "\"a\\\"\\\\/\\u0008\\u0000\\u001f"
                                   "\\u007f\\u2028\\u2029\xe2\x80\xaa"
                                   "\xf0\x9f\x98\x80\\ufffd\\ufffd\"";

    held = 1;
    srandom(7);

    for (i = 0; i < 200000; i++) {
        len = (size_t) random() % sizeof(bytes);

        for (n = 0; n < len; n++) {
            bytes[n] = (uint8_t) (random() & 1 ? random() : random() & 0x7f);
            bytes[n] += bytes[n] == 0;
        }

        n = selkies_format_json_string(buf, sizeof(buf), bytes, len);
        string = json_loadb((char *) buf, n, JSON_DECODE_ANY, NULL);

        held = held && json_is_string(string)
               && memchr(buf, '<', n) == NULL && memchr(buf, '&', n) == NULL;

        json_decref(string);
    }

    ok(held, "any bytes make a valid JSON string");

    n = selkies_format_json_string(buf, sizeof(buf), bad, sizeof(bad) - 1);

    ok(n == sizeof(good) - 1 && memcmp(buf, good, n) == 0,
       "escapes (%zu bytes)", n);
}


static void
test_base64(void)
{
    int      held;
    size_t   i, n, len;
    uint8_t  bytes[64], coded[96], back[64];

    static const char *const  rfc[] = {
        "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"
    };

    static const char *const  wrong[] = {
        "Z", "Zg", "Zg=", "Zg===", "Z===", "====", "Zh==", "Zm9=", "Zm9v=",
        "Zg==Zg==", "Zm 9", "Zm9\n", "Zm-_", "Zm9v\xffzzz", "=Zm9"
    };

    for (i = 0; i < sizeof(rfc) / sizeof(rfc[0]); i++) {
        n = selkies_base64_encode(coded, (const uint8_t *) "foobar", i);
        held = n == strlen(rfc[i]) && memcmp(coded, rfc[i], n) == 0
               && n == SELKIES_BASE64_BYTES(i)
               && selkies_base64_decode(back, coded, n) == i
               && memcmp(back, "foobar", i) == 0;
        ok(held, "base64 \"%s\"", rfc[i]);
    }

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ok(selkies_base64_decode(back, (const uint8_t *) wrong[i],
                                 strlen(wrong[i])) == (size_t) -1,
           "not base64, row %zu", i);
    }

    held = 1;
    srandom(11);

    for (i = 0; i < 20000; i++) {
        len = (size_t) random() % 65;

        for (n = 0; n < len; n++) {
            bytes[n] = (uint8_t) random();
        }

        n = selkies_base64_encode(coded, bytes, len);

        /* in place */

        held = held && selkies_base64_decode(coded, coded, n) == len
               && memcmp(coded, bytes, len) == 0;
    }

    ok(held, "base64, there and back in place");
}


int
main(void)
{
    test_formatters();
    test_headers();
    test_json();
    test_base64();

    return done_testing();
}
