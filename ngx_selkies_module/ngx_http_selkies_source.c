
/*
 * Copyright (C) ngx_selkies authors
 *
 * The way to an X display, as directives and their variables say it: checked
 * and made one record, when nginx starts or at a request.
 *
 * Thread: who reads the configuration, then the event loop.
 */


#include "ngx_http_selkies_module.h"


#define NGX_HTTP_SELKIES_DISPLAY_MAX  65535     /* the number in ":1" */
#define NGX_HTTP_SELKIES_SCREEN_MAX   255


typedef ngx_int_t (*ngx_http_selkies_check_pt)(ngx_str_t *value,
    selkies_source_t *source, ngx_uint_t variable);


/* A directive of the way to a display. */

typedef struct {
    const char                 *name;
    size_t                      offset;         /* in the location's conf */
    ngx_http_selkies_check_pt   check;
    const char                 *expected;       /* of a constant */
    const char                 *wanted;         /* of variables */
} ngx_http_selkies_way_t;


static char *ngx_http_selkies_set_target(ngx_conf_t *cf,
    ngx_http_selkies_loc_conf_t *conf, const selkies_source_t *source,
    ngx_uint_t written);
static ngx_int_t ngx_http_selkies_mark(ngx_http_selkies_main_conf_t *smcf,
    ngx_http_selkies_loc_conf_t *conf);
static ngx_int_t ngx_http_selkies_check_display(ngx_str_t *value,
    selkies_source_t *source, ngx_uint_t variable);
static ngx_int_t ngx_http_selkies_check_xauthority(ngx_str_t *value,
    selkies_source_t *source, ngx_uint_t variable);
static ngx_int_t ngx_http_selkies_check_framebuffer(ngx_str_t *value,
    selkies_source_t *source, ngx_uint_t variable);
static ngx_int_t ngx_http_selkies_check_pulse_server(ngx_str_t *value,
    selkies_source_t *source, ngx_uint_t variable);
static ngx_int_t ngx_http_selkies_check_pulse_cookie(ngx_str_t *value,
    selkies_source_t *source, ngx_uint_t variable);
static ngx_int_t ngx_http_selkies_check_pads(ngx_str_t *value,
    selkies_source_t *source, ngx_uint_t variable);
static void ngx_http_selkies_pulse_source(ngx_http_selkies_loc_conf_t *conf,
    selkies_source_t *source);
static ngx_int_t ngx_http_selkies_check_path(ngx_str_t *value);
static void ngx_http_selkies_log_value(ngx_http_request_t *r,
    const ngx_http_selkies_way_t *way, ngx_str_t *value);
static ngx_http_selkies_display_t *ngx_http_selkies_find_display(
    ngx_queue_t *displays, const char *name);


static const ngx_http_selkies_way_t  ngx_http_selkies_ways[] = {
    { "selkies_display",
      offsetof(ngx_http_selkies_loc_conf_t, display),
      ngx_http_selkies_check_display,
      "an X display such as \":1\" is expected",
      "a local X display such as \":1\"" },
    { "selkies_xauthority",
      offsetof(ngx_http_selkies_loc_conf_t, xauthority),
      ngx_http_selkies_check_xauthority,
      "a shorter path is expected",
      "an absolute path" },
    { "selkies_framebuffer",
      offsetof(ngx_http_selkies_loc_conf_t, framebuffer),
      ngx_http_selkies_check_framebuffer,
      "\"fd:number\" or the absolute path of a folder is expected",
      "an absolute path" },
    { "selkies_pulse_server",
      offsetof(ngx_http_selkies_loc_conf_t, pulse_server),
      ngx_http_selkies_check_pulse_server,
      "the absolute path of a socket is expected",
      "the absolute path of a socket" },
    { "selkies_pulse_cookie",
      offsetof(ngx_http_selkies_loc_conf_t, pulse_cookie),
      ngx_http_selkies_check_pulse_cookie,
      "an absolute path is expected",
      "an absolute path" },
    { "selkies_js_socket_path",
      offsetof(ngx_http_selkies_loc_conf_t, pads),
      ngx_http_selkies_check_pads,
      "an absolute path is expected",
      "an absolute path of at most 80 bytes" },
    { NULL, 0, NULL, NULL, NULL }
};


/*
 * What belongs to a display rather than to a location ends in one record,
 * wherever it is written.
 */

char *
ngx_http_selkies_add_display(ngx_conf_t *cf, ngx_http_selkies_loc_conf_t *conf,
    ngx_uint_t written)
{
    ngx_uint_t                      variables;
    selkies_source_t                source;
    ngx_http_complex_value_t       *cv;
    const ngx_http_selkies_way_t   *way;
    ngx_http_selkies_main_conf_t   *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_selkies_module);

    ngx_memzero(&source, sizeof(selkies_source_t));
    source.framebuffer_fd = -1;
    source.capture = (uint32_t) conf->capture;
    source.idle_ms = conf->idle;
    variables = 0;

    if (ngx_http_selkies_mark(smcf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    source.watermark = (uint32_t) conf->mark;
    ngx_http_selkies_pulse_source(conf, &source);

    for (way = ngx_http_selkies_ways; way->name != NULL; way++) {
        cv = *(ngx_http_complex_value_t **) ((u_char *) conf + way->offset);

        if (cv->lengths != NULL) {
            variables = 1;

        } else if (way->check(&cv->value, &source, 0) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid \"%s\" \"%V\": %s", way->name,
                               &cv->value, way->expected);
            return NGX_CONF_ERROR;
        }
    }

    if (variables) {

        if (source.framebuffer_fd != -1) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"selkies_framebuffer %V\" belongs to one "
                               "display and cannot be used where variables "
                               "name it", &conf->framebuffer->value);
            return NGX_CONF_ERROR;
        }

        smcf->variables = 1;
        return NGX_CONF_OK;
    }

    return ngx_http_selkies_set_target(cf, conf, &source, written);
}


static char *
ngx_http_selkies_set_target(ngx_conf_t *cf, ngx_http_selkies_loc_conf_t *conf,
    const selkies_source_t *source, ngx_uint_t written)
{
    ngx_http_selkies_display_t    *display;
    ngx_http_selkies_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_selkies_module);

    display = ngx_http_selkies_find_display(&smcf->displays, source->display);

    if (display == NULL) {
        display = ngx_pcalloc(cf->pool, sizeof(ngx_http_selkies_display_t));
        if (display == NULL) {
            return NGX_CONF_ERROR;
        }

        display->source = ngx_palloc(cf->pool, sizeof(selkies_source_t));
        if (display->source == NULL) {
            return NGX_CONF_ERROR;
        }

        *display->source = *source;
        ngx_http_selkies_init_display(display);
        ngx_queue_insert_tail(&smcf->displays, &display->queue);

    } else if (!selkies_source_same(display->source, source)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"selkies_xauthority\", \"selkies_framebuffer\", "
                           "\"selkies_capture\", \"selkies_watermark\", "
                           "\"selkies_pulse_server\", "
                           "\"selkies_pulse_cookie\", "
                           "\"selkies_audio_device_name\" and "
                           "\"selkies_idle\" must be the same wherever "
                           "display \"%V\" is used",
                           &display->name);
        return NGX_CONF_ERROR;
    }

    conf->target = display;

    if (!written || display->reserved) {
        return NGX_CONF_OK;
    }

    if (smcf->nreserved == smcf->streams) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "display \"%V\" is one more than "
                           "\"selkies_streams %ui\" has room for",
                           &display->name, smcf->streams);
        return NGX_CONF_ERROR;
    }

    display->reserved = 1;
    smcf->nreserved++;

    return NGX_CONF_OK;
}


static ngx_http_selkies_display_t *
ngx_http_selkies_find_display(ngx_queue_t *displays, const char *name)
{
    ngx_queue_t                 *q;
    ngx_http_selkies_display_t  *display;

    for (q = ngx_queue_head(displays);
         q != ngx_queue_sentinel(displays);
         q = ngx_queue_next(q))
    {
        display = ngx_queue_data(q, ngx_http_selkies_display_t, queue);

        if (ngx_strcmp(display->source->display, name) == 0) {
            return display;
        }
    }

    return NULL;
}


/*
 * Workers of one configuration know a watermark by a number, and so the same
 * file at the same place, wherever that is written.
 */

static ngx_int_t
ngx_http_selkies_mark(ngx_http_selkies_main_conf_t *smcf,
    ngx_http_selkies_loc_conf_t *conf)
{
    ngx_uint_t                      i;
    ngx_http_selkies_watermark_t  **watermarks, *wanted;

    wanted = conf->watermark;

    if (wanted == NULL) {
        conf->mark = 0;
        return NGX_OK;
    }

    watermarks = smcf->watermarks.elts;

    for (i = 0; i < smcf->watermarks.nelts; i++) {
        if (watermarks[i]->place == wanted->place
            && watermarks[i]->path.len == wanted->path.len
            && ngx_memcmp(watermarks[i]->path.data, wanted->path.data,
                          wanted->path.len)
               == 0)
        {
            conf->mark = i + 1;
            return NGX_OK;
        }
    }

    watermarks = ngx_array_push(&smcf->watermarks);
    if (watermarks == NULL) {
        return NGX_ERROR;
    }

    *watermarks = wanted;
    conf->mark = smcf->watermarks.nelts;

    return NGX_OK;
}


/*
 * [host]:number[.screen], X(7).  Variables name displays of this machine only:
 * no request makes a worker connect elsewhere.  One display has one spelling,
 * or it would be streamed twice.
 */

static ngx_int_t
ngx_http_selkies_check_display(ngx_str_t *value, selkies_source_t *source,
    ngx_uint_t variable)
{
    size_t      host;
    u_char     *p, *last, *dot, *end;
    ngx_int_t   number, screen;

    last = value->data + value->len;

    for (p = last; p > value->data && p[-1] != ':'; p--) {
        /* void */
    }

    if (p == value->data || value->len >= SELKIES_DISPLAY_LEN) {
        return NGX_ERROR;
    }

    dot = ngx_strlchr(p, last, '.');
    number = ngx_atoi(p, (dot ? dot : last) - p);
    screen = dot ? ngx_atoi(dot + 1, last - (dot + 1)) : 0;

    if (number < 0 || number > NGX_HTTP_SELKIES_DISPLAY_MAX
        || screen < 0 || screen > NGX_HTTP_SELKIES_SCREEN_MAX)
    {
        return NGX_ERROR;
    }

    host = p - 1 - value->data;

    if (host == 4 && ngx_strncmp(value->data, "unix", 4) == 0) {
        host = 0;
    }

    if (host != 0 && variable) {
        return NGX_ERROR;
    }

    ngx_memzero(source->display, SELKIES_DISPLAY_LEN);

    p = ngx_cpymem(source->display, value->data, host);
    end = (u_char *) source->display + SELKIES_DISPLAY_LEN - 1;
    p = ngx_slprintf(p, end, ":%i", number);

    if (screen != 0) {
        (void) ngx_slprintf(p, end, ".%i", screen);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_selkies_check_xauthority(ngx_str_t *value, selkies_source_t *source,
    ngx_uint_t variable)
{
    if (value->len >= SELKIES_PATH_LEN
        || (variable && value->len
            && ngx_http_selkies_check_path(value) != NGX_OK))
    {
        return NGX_ERROR;
    }

    ngx_memzero(source->xauthority, SELKIES_PATH_LEN);

    if (value->len) {
        ngx_memcpy(source->xauthority, value->data, value->len);
    }

    return NGX_OK;
}


/* "fd:N" is a descriptor that nginx was started with. */

static ngx_int_t
ngx_http_selkies_check_framebuffer(ngx_str_t *value, selkies_source_t *source,
    ngx_uint_t variable)
{
    ngx_int_t  fd;

    if (!variable && value->len > 3
        && ngx_strncmp(value->data, "fd:", 3) == 0)
    {
        fd = ngx_atoi(value->data + 3, value->len - 3);

        if (fd < 0 || fd > 65535) {
            return NGX_ERROR;
        }

        source->framebuffer_fd = (int32_t) fd;
        return NGX_OK;
    }

    if (value->len && ngx_http_selkies_check_path(value) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(source->framebuffer, SELKIES_PATH_LEN);

    if (value->len) {
        ngx_memcpy(source->framebuffer, value->data, value->len);
    }

    return NGX_OK;
}


/*
 * A Unix socket, with or without "unix:"; "" for no sound.  A name that would
 * have to be looked up could keep a thread waiting.
 */

static ngx_int_t
ngx_http_selkies_check_pulse_server(ngx_str_t *value, selkies_source_t *source,
    ngx_uint_t variable)
{
    ngx_str_t  path;

    ngx_memzero(source->pulse_server, SELKIES_PATH_LEN);

    if (value->len == 0) {
        return NGX_OK;
    }

    path = *value;

    if (path.len > 5 && ngx_strncmp(path.data, "unix:", 5) == 0) {
        path.data += 5;
        path.len -= 5;
    }

    if (ngx_http_selkies_check_path(&path) != NGX_OK
        || path.len >= sizeof(((struct sockaddr_un *) NULL)->sun_path))
    {
        return NGX_ERROR;
    }

    (void) ngx_sprintf((u_char *) source->pulse_server, "unix:%V", &path);

    return NGX_OK;
}


static ngx_int_t
ngx_http_selkies_check_pulse_cookie(ngx_str_t *value, selkies_source_t *source,
    ngx_uint_t variable)
{
    ngx_memzero(source->pulse_cookie, SELKIES_PATH_LEN);

    if (value->len == 0) {
        return NGX_OK;
    }

    if (ngx_http_selkies_check_path(value) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memcpy(source->pulse_cookie, value->data, value->len);

    return NGX_OK;
}


/* "" for no gamepads; one that is written is the configuration's matter. */

static ngx_int_t
ngx_http_selkies_check_pads(ngx_str_t *value, selkies_source_t *source,
    ngx_uint_t variable)
{
    ngx_memzero(source->pads_folder, SELKIES_PATH_LEN);

    if (value->len == 0) {
        return NGX_OK;
    }

    if (value->len > SELKIES_GAMEPAD_FOLDER_MAX
        || ngx_http_selkies_check_path(value) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(source->pads_folder, value->data, value->len);

    return NGX_OK;
}


/* The name of the source is a setting: it is written, never a variable's. */

static void
ngx_http_selkies_pulse_source(ngx_http_selkies_loc_conf_t *conf,
    selkies_source_t *source)
{
    ngx_cpystrn((u_char *) source->pulse_source,
                (u_char *) selkies_settings_string(conf->effective,
                                              SELKIES_SET_AUDIO_DEVICE_NAME),
                SELKIES_AUDIO_NAME_LEN);
}


/* Absolute, printable, and without ".." for a name. */

static ngx_int_t
ngx_http_selkies_check_path(ngx_str_t *value)
{
    size_t   i, start;
    u_char  *p = value->data;

    if (value->len >= SELKIES_PATH_LEN || p[0] != '/') {
        return NGX_ERROR;
    }

    start = 1;

    for (i = 1; i <= value->len; i++) {

        if (i < value->len && p[i] != '/') {

            if (p[i] < 0x20 || p[i] == 0x7f) {
                return NGX_ERROR;
            }

            continue;
        }

        if (i - start == 2 && p[start] == '.' && p[start + 1] == '.') {
            return NGX_ERROR;
        }

        start = i + 1;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_selkies_evaluate(ngx_http_request_t *r, selkies_source_t *source,
    ngx_uint_t quiet)
{
    ngx_str_t                      value;
    ngx_http_complex_value_t      *cv;
    ngx_http_selkies_loc_conf_t   *slcf;
    const ngx_http_selkies_way_t  *way;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_selkies_module);

    ngx_memzero(source, sizeof(selkies_source_t));
    source->framebuffer_fd = -1;
    source->capture = (uint32_t) slcf->capture;
    source->watermark = (uint32_t) slcf->mark;
    source->idle_ms = slcf->idle;
    ngx_http_selkies_pulse_source(slcf, source);

    for (way = ngx_http_selkies_ways; way->name != NULL; way++) {
        cv = *(ngx_http_complex_value_t **) ((u_char *) slcf + way->offset);

        if (ngx_http_complex_value(r, cv, &value) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        if (way->check(&value, source, cv->lengths != NULL) != NGX_OK) {

            if (!quiet) {
                ngx_http_selkies_log_value(r, way, &value);
            }

            return NGX_HTTP_NOT_FOUND;
        }
    }

    return NGX_OK;
}


/* What a client may have written goes into the log as text, in brief. */

static void
ngx_http_selkies_log_value(ngx_http_request_t *r,
    const ngx_http_selkies_way_t *way, ngx_str_t *value)
{
    size_t  i, len;
    u_char  text[64];

    if (value->len == 0) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "\"%s\" is empty: there is no desktop for this request",
                      way->name);
        return;
    }

    len = ngx_min(value->len, sizeof(text));

    for (i = 0; i < len; i++) {
        text[i] = (value->data[i] < 0x20 || value->data[i] > 0x7e)
                  ? '?' : value->data[i];
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "\"%s\" is \"%*s%s\", which is not %s", way->name, len, text,
                  len < value->len ? "..." : "", way->wanted);
}
