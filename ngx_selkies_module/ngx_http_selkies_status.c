
/*
 * Copyright (C) ngx_selkies authors
 *
 * Small answers over plain HTTP: health, readiness, status, the manifest.
 *
 * Thread: the event loop.
 */


#include "ngx_http_selkies_module.h"

#include "../encoders/encoder.h"

#include <sys/un.h>


#define NGX_HTTP_SELKIES_STATUS_BYTES  4096


static ngx_int_t ngx_http_selkies_respond(ngx_http_request_t *r,
    ngx_uint_t status, const char *type, u_char *data, size_t len);
static ngx_uint_t ngx_http_selkies_x_answers(const char *display);
static selkies_stream_t *ngx_http_selkies_stream(
    const selkies_source_t *source);
static u_char *ngx_http_selkies_format_status(u_char *buf, u_char *last,
    selkies_stream_t *stream);
static ngx_int_t ngx_http_selkies_read_file(const char *name, char *buf,
    size_t size);


ngx_int_t
ngx_http_selkies_health(ngx_http_request_t *r)
{
    static u_char  ok[] = "OK\n";

    return ngx_http_selkies_respond(r, NGX_HTTP_OK, "text/plain", ok,
                                    sizeof(ok) - 1);
}


/*
 * Whether a picture can be sent.  While nobody watches there is no engine to
 * ask: then, whether an X server listens.
 */

ngx_int_t
ngx_http_selkies_ready(ngx_http_request_t *r)
{
    uint32_t           state;
    ngx_uint_t         ready;
    selkies_source_t   source;
    selkies_stream_t  *stream;

    static u_char  yes[] = "READY\n";
    static u_char  no[] = "NO DISPLAY\n";

    ready = 0;

    /* anybody may ask, as often as he likes: nothing is logged */

    if (ngx_http_selkies_evaluate(r, &source, 1) == NGX_OK) {
        ngx_http_selkies_lock();
        stream = ngx_http_selkies_stream(&source);
        state = atomic_load(&stream->engine_state);
        ngx_http_selkies_unlock();

        ready = state == SELKIES_STREAM_READY
                || (state != SELKIES_STREAM_MISSING
                    && state != SELKIES_STREAM_NO_ENCODER
                    && ngx_http_selkies_x_answers(source.display));
    }

    if (ready) {
        return ngx_http_selkies_respond(r, NGX_HTTP_OK, "text/plain", yes,
                                        sizeof(yes) - 1);
    }

    return ngx_http_selkies_respond(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                    "text/plain", no, sizeof(no) - 1);
}


/* ":N" is a socket on this machine; of others nothing is known here. */

static ngx_uint_t
ngx_http_selkies_x_answers(const char *display)
{
    int                  rc;
    ngx_socket_t         fd;
    struct sockaddr_un   addr;

    if (display[0] != ':') {
        return 1;
    }

    fd = ngx_socket(AF_UNIX, SOCK_STREAM, 0);

    if (fd == (ngx_socket_t) -1) {
        return 0;
    }

    ngx_memzero(&addr, sizeof(struct sockaddr_un));
    addr.sun_family = AF_UNIX;
    ngx_sprintf((u_char *) addr.sun_path, "/tmp/.X11-unix/X%i%Z",
                (ngx_int_t) strtol(display + 1, NULL, 10));

    (void) ngx_nonblocking(fd);
    rc = connect(fd, (struct sockaddr *) &addr, sizeof(struct sockaddr_un));

    if (rc == -1 && ngx_socket_errno == NGX_EAGAIN) {
        rc = 0;
    }

    (void) ngx_close_socket(fd);

    return rc == 0;
}


/*
 * Locked.  The display's place; where it has none, one where nothing is.  Who
 * asks for a state takes no place.
 */

static selkies_stream_t *
ngx_http_selkies_stream(const selkies_source_t *source)
{
    selkies_stream_t  *stream;

    static selkies_stream_t  nothing;

    stream = selkies_stream_find(ngx_http_selkies_shared(), source->display,
                                 0);

    return stream ? stream : &nothing;
}


ngx_int_t
ngx_http_selkies_api_status(ngx_http_request_t *r)
{
    u_char            *buf, *last;
    ngx_int_t          rc;
    selkies_source_t   source;

    rc = ngx_http_selkies_evaluate(r, &source, 0);

    if (rc != NGX_OK) {
        return rc;
    }

    buf = ngx_pnalloc(r->pool, NGX_HTTP_SELKIES_STATUS_BYTES);
    if (buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_selkies_lock();
    last = ngx_http_selkies_format_status(buf,
                                          buf + NGX_HTTP_SELKIES_STATUS_BYTES,
                                          ngx_http_selkies_stream(&source));
    ngx_http_selkies_unlock();

    return ngx_http_selkies_respond(r, NGX_HTTP_OK, "application/json", buf,
                                    last - buf);
}


static u_char *
ngx_http_selkies_format_status(u_char *buf, u_char *last,
    selkies_stream_t *stream)
{
    u_char                *p;
    bool                   tight;
    uint32_t               state, index, readers, encoder, kbits, audio,
                           listeners;
    uint64_t               picture;
    selkies_shared_t      *shared;
    selkies_statistics_t  *statistics;

    static const char *const  states[] = {
        "off", "connecting", "no_display", "ready", "no_encoder"
    };

    static const char *const  sounds[] = {
        "off", "connecting", "no_server", "no_source", "no_encoder", "ready"
    };

    shared = ngx_http_selkies_shared();
    statistics = &stream->statistics;
    state = atomic_load(&stream->engine_state);
    picture = atomic_load(&stream->engine_picture);
    audio = atomic_load(&stream->engine_audio);
    readers = 0;
    listeners = 0;
    kbits = 0;
    encoder = atomic_load(&stream->wanted_encoder);

    if (stream->source.display[0] != '\0') {
        index = selkies_stream_index(shared, stream);
        readers = selkies_stream_count(shared, index, SELKIES_COUNT_READERS);
        listeners = selkies_stream_count(shared, index,
                                         SELKIES_COUNT_LISTENERS);
        encoder = selkies_engine_encoder(shared, stream);
        kbits = selkies_stream_link(shared, index, &tight);
    }

    p = ngx_slprintf(buf, last,
                     "{\"current_mode\":\"websockets\","
                     "\"available_modes\":[\"websockets\"],"
                     "\"enable_dual_mode\":false,"
                     "\"version\":\"" SELKIES_VERSION "\","
                     "\"display\":{\"state\":\"%s\",\"width\":%uD,"
                     "\"height\":%uD,\"watchers\":%uD,\"controlled\":%s,"
                     "\"capture\":\"%s\",\"encoder\":\"%s\","
                     "\"framerate\":%uD,\"qp\":%uD,\"dpi\":%uD,"
                     "\"link_kbits\":%uD},",
                     states[ngx_min(state, SELKIES_STREAM_NO_ENCODER)],
                     selkies_size_width(picture),
                     selkies_size_height(picture), readers,
                     stream->owner ? "true" : "false", stream->engine_capture,
                     selkies_settings_item(SELKIES_SET_ENCODER, encoder,
                                           SELKIES_DIALECT_1),
                     atomic_load(&stream->wanted_fps),
                     atomic_load(&stream->engine_qp),
                     (uint32_t) selkies_dpi_dots(
                         atomic_load(&stream->wanted_dpi)), kbits);

    p = ngx_slprintf(p, last,
                     "\"audio\":{\"state\":\"%s\",\"listeners\":%uD,"
                     "\"bitrate\":%uD,\"channels\":%uD,"
                     "\"packets\":%uL,\"bytes\":%uL},",
                     stream->source.display[0] != '\0'
                     && stream->source.pulse_server[0] == '\0'
                     ? "none" : sounds[ngx_min(audio, SELKIES_AUDIO_READY)],
                     listeners,
                     atomic_load(&stream->wanted_audio_rate),
                     atomic_load(&stream->wanted_audio_channels),
                     atomic_load(&statistics->audio_packets),
                     atomic_load(&statistics->audio_bytes));

    return ngx_slprintf(p, last,
                     "\"statistics\":{\"pictures\":%uL,\"keys\":%uL,"
                     "\"lites\":%uL,\"joins\":%uL,"
                     "\"bytes\":%uL,\"oversized\":%uL,\"resizes\":%uL,"
                     "\"encoded_us\":%uL,"
                     "\"encode_us\":{\"p50\":%uL,\"p95\":%uL,"
                     "\"p99\":%uL}}}\n",
                     atomic_load(&statistics->pictures),
                     atomic_load(&statistics->keys),
                     atomic_load(&statistics->lites),
                     atomic_load(&statistics->joins),
                     atomic_load(&statistics->bytes),
                     atomic_load(&statistics->oversized),
                     atomic_load(&statistics->resizes),
                     atomic_load(&statistics->encoded_us),
                     selkies_histogram_quantile(&statistics->encode, 500),
                     selkies_histogram_quantile(&statistics->encode, 950),
                     selkies_histogram_quantile(&statistics->encode, 990));
}


ngx_int_t
ngx_http_selkies_manifest(ngx_http_request_t *r)
{
    size_t                        len;
    u_char                       *buf, *p, title[1024];
    ngx_http_selkies_loc_conf_t  *slcf;

    static const char  format[] =
        "{\"name\":%*s,\"short_name\":%*s,\"display\":\"fullscreen\","
        "\"background_color\":\"#000000\",\"theme_color\":\"#000000\","
        "\"start_url\":\".\",\"icons\":[{\"src\":\"icon.png\","
        "\"type\":\"image/png\",\"sizes\":\"180x180\"}]}\n";

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_selkies_module);

    len = selkies_format_json_string(title, sizeof(title), slcf->title.data,
                                     slcf->title.len);

    if (len > sizeof(title)) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    buf = ngx_pnalloc(r->pool, sizeof(format) + 2 * len);
    if (buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_sprintf(buf, format, len, title, len, title);

    return ngx_http_selkies_respond(r, NGX_HTTP_OK,
                                    "application/manifest+json", buf, p - buf);
}


/* There is no WebRTC to switch to; pages of the other mode ask by POST. */

ngx_int_t
ngx_http_selkies_api_switch(ngx_http_request_t *r)
{
    static u_char  no[] = "{\"status\":\"error\",\"message\":"
                          "\"This server streams over websockets only.\"}\n";

    if (r->method != NGX_HTTP_POST) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    return ngx_http_selkies_answer(r, NGX_HTTP_FORBIDDEN, "application/json",
                                   no, sizeof(no) - 1);
}


static ngx_int_t
ngx_http_selkies_respond(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, u_char *data, size_t len)
{
    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    return ngx_http_selkies_answer(r, status, type, data, len);
}


ngx_int_t
ngx_http_selkies_answer(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, u_char *data, size_t len)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = (off_t) len;
    r->headers_out.content_type.data = (u_char *) type;
    r->headers_out.content_type.len = ngx_strlen(type);
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = data;
    b->last = data + len;
    b->memory = len != 0;
    b->last_buf = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


void
ngx_http_selkies_system(double *cpu_percent, uint64_t *mem_total_bytes,
    uint64_t *mem_used_bytes)
{
    char                 buf[2048], *p;
    unsigned long long   v[8], busy, all, total_kb, available_kb;

    static time_t               sampled;
    static double               percent;
    static unsigned long long   last_busy, last_all, total, used;

    if (sampled != ngx_time()) {
        sampled = ngx_time();

        ngx_memzero(v, sizeof(v));

        if (ngx_http_selkies_read_file("/proc/stat", buf, sizeof(buf))
            == NGX_OK
            && sscanf(buf, "cpu %llu %llu %llu %llu %llu %llu %llu %llu",
                      &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7])
               >= 4)
        {
            all = v[0] + v[1] + v[2] + v[3] + v[4] + v[5] + v[6] + v[7];
            busy = all - v[3] - v[4];

            if (last_all != 0 && all > last_all) {
                percent = 100.0 * (double) (busy - last_busy)
                          / (double) (all - last_all);
            }

            last_all = all;
            last_busy = busy;
        }

        if (ngx_http_selkies_read_file("/proc/meminfo", buf, sizeof(buf))
            == NGX_OK)
        {
            total_kb = 0;
            available_kb = 0;

            p = strstr(buf, "MemTotal:");
            if (p != NULL) {
                total_kb = strtoull(p + sizeof("MemTotal:") - 1, NULL, 10);
            }

            p = strstr(buf, "MemAvailable:");
            if (p != NULL) {
                available_kb = strtoull(p + sizeof("MemAvailable:") - 1, NULL,
                                        10);
            }

            total = total_kb * 1024;
            used = total_kb > available_kb ? (total_kb - available_kb) * 1024
                                           : 0;
        }
    }

    *cpu_percent = percent;
    *mem_total_bytes = total;
    *mem_used_bytes = used;
}


static ngx_int_t
ngx_http_selkies_read_file(const char *name, char *buf, size_t size)
{
    ssize_t   n;
    ngx_fd_t  fd;

    fd = ngx_open_file(name, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        return NGX_ERROR;
    }

    n = read(fd, buf, size - 1);
    (void) ngx_close_file(fd);

    if (n <= 0) {
        return NGX_ERROR;
    }

    buf[n] = '\0';

    return NGX_OK;
}
