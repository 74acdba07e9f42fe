
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * What we say to clients: text messages and binary headers.
 *
 * Thread: any.  Ownership: buffers are the caller's.
 */


#include <string.h>

#include "selkies_json.h"
#include "selkies_out.h"
#include "selkies_protocol.h"


static void selkies_out_string(selkies_out_t *out, const char *text);
static void selkies_out_stats(selkies_out_t *out, const char *type,
    time_t now);
static void selkies_out_bool(selkies_out_t *out, int value);
static size_t selkies_format_role(uint8_t *buf, size_t size,
    const char *prefix, int controller, uint32_t slot);
static void selkies_put_uint16(uint8_t *out, uint16_t n);


/* in the order of the bits */

static const char *const  selkies_ext_names[] = {
    "lite", "opus_mic", "rumble", "reload", "status", "html", "apps",
    "red", "stereo", NULL
};


const char *
selkies_ext_name(size_t bit)
{
    return bit < sizeof(selkies_ext_names) / sizeof(selkies_ext_names[0])
           ? selkies_ext_names[bit] : NULL;
}


static void
selkies_out_string(selkies_out_t *out, const char *text)
{
    selkies_out_json(out, text, strlen(text));
}


static void
selkies_out_bool(selkies_out_t *out, int value)
{
    selkies_out_text(out, value ? "true" : "false");
}


size_t
selkies_format_stream_resolution(uint8_t *buf, size_t size,
    selkies_dialect_t dialect, const char *display_id, uint32_t width,
    uint32_t height)
{
    selkies_out_t  out;

    selkies_out_init(&out, buf, size);

    selkies_out_text(&out, "{\"type\":\"stream_resolution\",\"width\":");
    selkies_out_uint(&out, width);
    selkies_out_text(&out, ",\"height\":");
    selkies_out_uint(&out, height);

    if (dialect == SELKIES_DIALECT_2) {
        selkies_out_text(&out, ",\"displayId\":");
        selkies_out_string(&out, display_id);
    }

    selkies_out_text(&out, "}");

    return out.len;
}


size_t
selkies_format_pipeline_resetting(uint8_t *buf, size_t size,
    const char *display_id)
{
    selkies_out_t  out;

    selkies_out_init(&out, buf, size);

    selkies_out_text(&out, "PIPELINE_RESETTING ");
    selkies_out_line(&out, display_id);

    return out.len;
}


size_t
selkies_format_display_config(uint8_t *buf, size_t size,
    const char *const *display_ids, size_t n)
{
    size_t         i;
    selkies_out_t  out;

    selkies_out_init(&out, buf, size);

    selkies_out_text(&out, "DISPLAY_CONFIG_UPDATE,"
                           "{\"type\":\"display_config_update\","
                           "\"displays\":[");

    for (i = 0; i < n; i++) {
        selkies_out_text(&out, i == 0 ? "" : ",");
        selkies_out_string(&out, display_ids[i]);
    }

    selkies_out_text(&out, "]}");

    return out.len;
}


size_t
selkies_format_cursor(uint8_t *buf, size_t size, const uint8_t *png,
    size_t png_len, uint32_t width, uint32_t height, int32_t hot_x,
    int32_t hot_y, uint32_t handle)
{
    selkies_out_t  out;

    if (png == NULL) {
        png_len = 0;
        width = 0;
        height = 0;
        hot_x = 0;
        hot_y = 0;
        handle = 0;
    }

    selkies_out_init(&out, buf, size);

    selkies_out_text(&out, "cursor,{\"curdata\":\"");
    selkies_out_base64(&out, png, png_len);
    selkies_out_text(&out, "\",\"width\":");
    selkies_out_uint(&out, width);
    selkies_out_text(&out, ",\"height\":");
    selkies_out_uint(&out, height);
    selkies_out_text(&out, ",\"hotx\":");
    selkies_out_int(&out, hot_x);
    selkies_out_text(&out, ",\"hoty\":");
    selkies_out_int(&out, hot_y);
    selkies_out_text(&out, ",\"handle\":");
    selkies_out_uint(&out, handle);
    selkies_out_text(&out, "}");

    return out.len;
}


static void
selkies_out_stats(selkies_out_t *out, const char *type, time_t now)
{
    char  stamp[24];

    selkies_format_time(stamp, now);

    selkies_out_text(out, "{\"type\":\"");
    selkies_out_text(out, type);
    selkies_out_text(out, "\",\"timestamp\":\"");
    selkies_out_text(out, stamp);
    selkies_out_text(out, "\"");
}


size_t
selkies_format_system_stats(uint8_t *buf, size_t size, time_t now,
    double cpu_percent, uint64_t mem_total_bytes, uint64_t mem_used_bytes)
{
    selkies_out_t  out;

    selkies_out_init(&out, buf, size);

    selkies_out_stats(&out, "system_stats", now);
    selkies_out_text(&out, ",\"cpu_percent\":");
    selkies_out_fixed(&out, cpu_percent, 1);
    selkies_out_text(&out, ",\"mem_total\":");
    selkies_out_uint(&out, mem_total_bytes);
    selkies_out_text(&out, ",\"mem_used\":");
    selkies_out_uint(&out, mem_used_bytes);
    selkies_out_text(&out, "}");

    return out.len;
}


size_t
selkies_format_gpu_stats(uint8_t *buf, size_t size, time_t now,
    uint32_t gpu_id, double load, uint64_t mem_total_bytes,
    uint64_t mem_used_bytes)
{
    selkies_out_t  out;

    selkies_out_init(&out, buf, size);

    selkies_out_stats(&out, "gpu_stats", now);
    selkies_out_text(&out, ",\"gpu_id\":");
    selkies_out_uint(&out, gpu_id);
    selkies_out_text(&out, ",\"load\":");
    selkies_out_fixed(&out, load, 3);
    selkies_out_text(&out, ",\"gpu_percent\":");
    selkies_out_fixed(&out, load * 100, 1);
    selkies_out_text(&out, ",\"memory_total\":");
    selkies_out_uint(&out, mem_total_bytes);
    selkies_out_text(&out, ",\"memory_used\":");
    selkies_out_uint(&out, mem_used_bytes);
    selkies_out_text(&out, "}");

    return out.len;
}


size_t
selkies_format_network_stats(uint8_t *buf, size_t size, time_t now,
    double bandwidth_mbps, double latency_ms)
{
    selkies_out_t  out;

    selkies_out_init(&out, buf, size);

    selkies_out_stats(&out, "network_stats", now);
    selkies_out_text(&out, ",\"bandwidth_mbps\":");
    selkies_out_fixed(&out, bandwidth_mbps, 2);
    selkies_out_text(&out, ",\"latency_ms\":");
    selkies_out_fixed(&out, latency_ms, 1);
    selkies_out_text(&out, "}");

    return out.len;
}


size_t
selkies_format_pipeline_status(uint8_t *buf, size_t size, int video, int audio,
    const char *reason)
{
    selkies_out_t  out;

    selkies_out_init(&out, buf, size);

    selkies_out_text(&out, "{\"type\":\"pipeline_status\",\"video\":");
    selkies_out_bool(&out, video);
    selkies_out_text(&out, ",\"audio\":");
    selkies_out_bool(&out, audio);

    if (reason != NULL) {
        selkies_out_text(&out, ",\"reason\":");
        selkies_out_string(&out, reason);
    }

    selkies_out_text(&out, "}");

    return out.len;
}


size_t
selkies_format_rumble(uint8_t *buf, size_t size, uint32_t index, double strong,
    double weak, uint32_t duration_ms)
{
    selkies_out_t  out;

    selkies_out_init(&out, buf, size);

    selkies_out_text(&out, "{\"type\":\"rumble\",\"gp\":");
    selkies_out_uint(&out, index);
    selkies_out_text(&out, ",\"strong\":");
    selkies_out_fixed(&out, strong, 3);
    selkies_out_text(&out, ",\"weak\":");
    selkies_out_fixed(&out, weak, 3);
    selkies_out_text(&out, ",\"ms\":");
    selkies_out_uint(&out, duration_ms);
    selkies_out_text(&out, "}");

    return out.len;
}


size_t
selkies_format_ext(uint8_t *buf, size_t size, const char *version,
    const char *resume, int open, uint32_t have)
{
    int            more;
    size_t         bit;
    selkies_out_t  out;

    selkies_out_init(&out, buf, size);

    selkies_out_text(&out, "_ext,{\"version\":");
    selkies_out_string(&out, version);
    selkies_out_text(&out, ",\"resume\":");
    selkies_out_string(&out, resume);
    selkies_out_text(&out, ",\"open\":");
    selkies_out_bool(&out, open);
    selkies_out_text(&out, ",\"have\":[");

    for (bit = 0, more = 0; selkies_ext_names[bit] != NULL; bit++) {

        if (have & 1u << bit) {
            selkies_out_text(&out, more ? "," : "");
            selkies_out_string(&out, selkies_ext_names[bit]);
            more = 1;
        }
    }

    selkies_out_text(&out, "]}");

    return out.len;
}


size_t
selkies_format_kill(uint8_t *buf, size_t size, const char *reason)
{
    selkies_out_t  out;

    selkies_out_init(&out, buf, size);

    selkies_out_text(&out, "KILL ");
    selkies_out_line(&out, reason);

    return out.len;
}


static size_t
selkies_format_role(uint8_t *buf, size_t size, const char *prefix,
    int controller, uint32_t slot)
{
    selkies_out_t  out;

    selkies_out_init(&out, buf, size);

    selkies_out_text(&out, prefix);
    selkies_out_text(&out, "{\"role\":\"");
    selkies_out_text(&out, controller ? "controller" : "viewer");
    selkies_out_text(&out, "\",\"slot\":");

    if (slot == 0) {
        selkies_out_text(&out, "null");

    } else {
        selkies_out_uint(&out, slot);
    }

    selkies_out_text(&out, "}");

    return out.len;
}


size_t
selkies_format_auth_success(uint8_t *buf, size_t size, int controller,
    uint32_t slot)
{
    return selkies_format_role(buf, size, "AUTH_SUCCESS,", controller, slot);
}


size_t
selkies_format_role_update(uint8_t *buf, size_t size, int controller,
    uint32_t slot)
{
    return selkies_format_role(buf, size, "ROLE_UPDATE,", controller, slot);
}


size_t
selkies_format_mk_access(uint8_t *buf, size_t size, int granted)
{
    selkies_out_t  out;

    selkies_out_init(&out, buf, size);

    selkies_out_text(&out, granted ? "MK_ACCESS,1" : "MK_ACCESS,0");

    return out.len;
}


size_t
selkies_format_command_error(uint8_t *buf, size_t size, const char *text)
{
    selkies_out_t  out;

    selkies_out_init(&out, buf, size);

    selkies_out_text(&out, "system,{\"action\":\"command_error,");
    selkies_out_escape(&out, text, strlen(text));
    selkies_out_text(&out, "\"}");

    return out.len;
}


size_t
selkies_format_server_apps(uint8_t *buf, size_t size,
    const selkies_span_t *names, size_t n)
{
    size_t         i;
    selkies_out_t  out;

    selkies_out_init(&out, buf, size);

    selkies_out_text(&out, "{\"type\":\"server_apps\",\"apps\":[");

    for (i = 0; i < n; i++) {
        selkies_out_text(&out, i == 0 ? "{\"id\":\"" : ",{\"id\":\"");
        selkies_out_uint(&out, i);
        selkies_out_text(&out, "\",\"name\":");
        selkies_out_json(&out, names[i].data, names[i].len);
        selkies_out_text(&out, "}");
    }

    selkies_out_text(&out, "]}");

    return out.len;
}


size_t
selkies_format_clipboard(uint8_t *buf, size_t size, const char *mime,
    const uint8_t *data, size_t len)
{
    selkies_out_t  out;

    selkies_out_init(&out, buf, size);

    if (mime == NULL) {
        selkies_out_text(&out, "clipboard,");

    } else {
        selkies_out_text(&out, "clipboard_binary,");
        selkies_out_line(&out, mime);
        selkies_out_text(&out, ",");
    }

    selkies_out_base64(&out, data, len);

    return out.len;
}


size_t
selkies_format_clipboard_start(uint8_t *buf, size_t size, const char *mime,
    uint64_t total_bytes)
{
    selkies_out_t  out;

    selkies_out_init(&out, buf, size);

    selkies_out_text(&out, "clipboard_start,");
    selkies_out_line(&out, mime);
    selkies_out_text(&out, ",");
    selkies_out_uint(&out, total_bytes);

    return out.len;
}


size_t
selkies_format_clipboard_data(uint8_t *buf, size_t size, const uint8_t *data,
    size_t len)
{
    selkies_out_t  out;

    selkies_out_init(&out, buf, size);

    selkies_out_text(&out, "clipboard_data,");
    selkies_out_base64(&out, data, len);

    return out.len;
}


size_t
selkies_format_json_string(uint8_t *buf, size_t size, const uint8_t *text,
    size_t len)
{
    selkies_out_t  out;

    selkies_out_init(&out, buf, size);
    selkies_out_json(&out, text, len);

    return out.len;
}


void
selkies_format_time(char out[24], time_t now)
{
    struct tm  tm;

    if (gmtime_r(&now, &tm) == NULL
        || tm.tm_year < -1900 || tm.tm_year > 8099
        || strftime(out, 24, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
    {
        memcpy(out, "1970-01-01T00:00:00Z", 21);
    }
}


static void
selkies_put_uint16(uint8_t *out, uint16_t n)
{
    out[0] = (uint8_t) (n >> 8);
    out[1] = (uint8_t) n;
}


void
selkies_video_header(uint8_t out[SELKIES_VIDEO_HEADER_BYTES],
    uint8_t frame_type, uint16_t frame_id, uint16_t y, uint16_t width,
    uint16_t height)
{
    out[0] = 0x04;
    out[1] = frame_type;

    selkies_put_uint16(&out[2], frame_id);
    selkies_put_uint16(&out[4], y);
    selkies_put_uint16(&out[6], width);
    selkies_put_uint16(&out[8], height);
}


void
selkies_jpeg_header(uint8_t out[SELKIES_JPEG_HEADER_BYTES], uint16_t frame_id,
    uint16_t y)
{
    out[0] = 0x03;
    out[1] = 0x00;

    selkies_put_uint16(&out[2], frame_id);
    selkies_put_uint16(&out[4], y);
}


void
selkies_audio_header(uint8_t out[SELKIES_AUDIO_HEADER_BYTES],
    uint8_t red_blocks)
{
    out[0] = 0x01;
    out[1] = red_blocks;
}
