
/*
 * Copyright (C) ngx_selkies authors
 *
 * The configuration: made, merged, checked.
 *
 * Thread: the master, or whoever reads the configuration.
 */


#include "ngx_http_selkies_module.h"


static char *ngx_http_selkies_merge_settings(ngx_conf_t *cf,
    ngx_http_selkies_loc_conf_t *prev, ngx_http_selkies_loc_conf_t *conf);
static char *ngx_http_selkies_merge_pads(ngx_conf_t *cf,
    ngx_http_selkies_loc_conf_t *conf);
static void ngx_http_selkies_merge_way(ngx_http_complex_value_t **conf,
    ngx_http_complex_value_t *prev, ngx_http_complex_value_t *value);


static ngx_http_complex_value_t  ngx_http_selkies_no_value;

static ngx_http_complex_value_t  ngx_http_selkies_display_0 = {
    ngx_string(":0"), NULL, NULL, NULL, { 0 }
};


void *
ngx_http_selkies_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_selkies_main_conf_t  *smcf;

    smcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_selkies_main_conf_t));
    if (smcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&smcf->watermarks, cf->pool, 4,
                       sizeof(ngx_http_selkies_watermark_t *))
        != NGX_OK)
    {
        return NULL;
    }

    if (ngx_array_init(&smcf->roots, cf->pool, 4, sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NULL;
    }

    ngx_queue_init(&smcf->displays);
    smcf->streams = NGX_CONF_UNSET_UINT;
    smcf->ring_size = NGX_CONF_UNSET_SIZE;
    smcf->join_cache = NGX_CONF_UNSET_SIZE;

    return smcf;
}


char *
ngx_http_selkies_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_selkies_main_conf_t  *smcf = conf;

    ngx_conf_init_uint_value(smcf->streams, 4);
    ngx_conf_init_size_value(smcf->ring_size, 16 * 1024 * 1024);
    ngx_conf_init_size_value(smcf->join_cache, 2 * 1024 * 1024);

    if (smcf->ring_size < 1024 * 1024
        || smcf->ring_size > 1024 * 1024 * 1024)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"selkies_ring_size\" %uz: "
                           "must be from 1m to 1g", smcf->ring_size);
        return NGX_CONF_ERROR;
    }

    if (smcf->join_cache != 0
        && (smcf->join_cache < 64 * 1024
            || smcf->join_cache > 256 * 1024 * 1024))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"selkies_join_cache\" %uz: "
                           "must be 0, or from 64k to 256m",
                           smcf->join_cache);
        return NGX_CONF_ERROR;
    }

    smcf->layout.nstreams = (uint32_t) smcf->streams;
    smcf->layout.ring_bytes = smcf->ring_size;
    smcf->layout.join_bytes = smcf->join_cache;

    return NGX_CONF_OK;
}


void *
ngx_http_selkies_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_selkies_loc_conf_t  *slcf;

    slcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_selkies_loc_conf_t));
    if (slcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     slcf->title = { 0, NULL };
     *     slcf->agent = { 0, NULL };
     *     slcf->display, xauthority, framebuffer = NULL;
     *     slcf->pulse_server, pulse_cookie = NULL;
     *     slcf->role, prefix, settings, effective, target = NULL;
     *     slcf->files = NULL;
     *     slcf->max_width = 0;
     *     slcf->max_height = 0;
     */

    slcf->enable = NGX_CONF_UNSET;
    slcf->open = NGX_CONF_UNSET;
    slcf->require_origin = NGX_CONF_UNSET;
    slcf->origins = NGX_CONF_UNSET_PTR;
    slcf->agent_uid = NGX_CONF_UNSET_UINT;
    slcf->apps = NGX_CONF_UNSET_PTR;
    slcf->capture = NGX_CONF_UNSET_UINT;
    slcf->h264_lite = NGX_CONF_UNSET;
    slcf->watermark = NGX_CONF_UNSET_PTR;
    slcf->caption = NGX_CONF_UNSET_PTR;
    slcf->idle = NGX_CONF_UNSET_MSEC;
    slcf->ping_interval = NGX_CONF_UNSET_MSEC;
    slcf->ping_timeout = NGX_CONF_UNSET_MSEC;
    slcf->send_timeout = NGX_CONF_UNSET_MSEC;
    slcf->frame_timeout = NGX_CONF_UNSET_MSEC;
    slcf->send_lowat = NGX_CONF_UNSET_SIZE;
    slcf->input_rate = NGX_CONF_UNSET_UINT;
    slcf->max_viewers = NGX_CONF_UNSET_UINT;
    slcf->clipboard_max_size = NGX_CONF_UNSET_SIZE;
    slcf->max_uploads = NGX_CONF_UNSET_UINT;
    slcf->upload_reserve = NGX_CONF_UNSET;

    return slcf;
}


char *
ngx_http_selkies_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_selkies_loc_conf_t *prev = parent;
    ngx_http_selkies_loc_conf_t *conf = child;

    ngx_uint_t                     written;
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_selkies_main_conf_t  *smcf;

    ngx_conf_merge_value(conf->enable, prev->enable, 0);

    ngx_http_selkies_merge_way(&conf->display, prev->display,
                               &ngx_http_selkies_display_0);
    ngx_http_selkies_merge_way(&conf->xauthority, prev->xauthority,
                               &ngx_http_selkies_no_value);
    ngx_http_selkies_merge_way(&conf->framebuffer, prev->framebuffer,
                               &ngx_http_selkies_no_value);
    ngx_http_selkies_merge_way(&conf->pulse_server, prev->pulse_server,
                               &ngx_http_selkies_no_value);
    ngx_http_selkies_merge_way(&conf->pulse_cookie, prev->pulse_cookie,
                               &ngx_http_selkies_no_value);

    ngx_conf_merge_value(conf->h264_lite, prev->h264_lite, 1);
    ngx_conf_merge_ptr_value(conf->watermark, prev->watermark, NULL);
    ngx_conf_merge_ptr_value(conf->caption, prev->caption, NULL);
    ngx_conf_merge_uint_value(conf->capture, prev->capture,
                              SELKIES_CAPTURE_AUTO);
    ngx_conf_merge_msec_value(conf->idle, prev->idle, 10000);

    if (conf->role == NULL) {
        conf->role = prev->role;
    }

    if (conf->prefix == NULL) {
        conf->prefix = prev->prefix;
    }

    ngx_conf_merge_str_value(conf->title, prev->title, "Selkies");
    ngx_conf_merge_value(conf->open, prev->open, 0);
    ngx_conf_merge_ptr_value(conf->origins, prev->origins, NULL);
    ngx_conf_merge_value(conf->require_origin, prev->require_origin, 0);
    ngx_conf_merge_ptr_value(conf->apps, prev->apps, NULL);

    if (conf->agent.data == NULL) {
        conf->agent = prev->agent;
        conf->agent_uid = prev->agent_uid;
    }

    if (conf->max_width == 0) {
        conf->max_width = prev->max_width ? prev->max_width : 7680;
        conf->max_height = prev->max_height ? prev->max_height : 4320;
    }

    ngx_conf_merge_msec_value(conf->ping_interval, prev->ping_interval,
                              15000);
    ngx_conf_merge_msec_value(conf->ping_timeout, prev->ping_timeout, 10000);
    ngx_conf_merge_msec_value(conf->send_timeout, prev->send_timeout, 15000);
    ngx_conf_merge_msec_value(conf->frame_timeout, prev->frame_timeout,
                              10000);
    ngx_conf_merge_size_value(conf->send_lowat, prev->send_lowat,
                              32 * 1024);
    ngx_conf_merge_uint_value(conf->input_rate, prev->input_rate, 2000);
    ngx_conf_merge_uint_value(conf->max_viewers, prev->max_viewers, 100);
    ngx_conf_merge_size_value(conf->clipboard_max_size,
                              prev->clipboard_max_size, 16 * 1024 * 1024);

    if (conf->files == NULL) {
        conf->files = prev->files;
    }

    ngx_conf_merge_uint_value(conf->max_uploads, prev->max_uploads, 4);
    ngx_conf_merge_off_value(conf->upload_reserve, prev->upload_reserve,
                             64 * 1024 * 1024);

    if (ngx_http_selkies_merge_settings(cf, prev, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (!conf->enable) {
        return NGX_CONF_OK;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (conf->prefix == NULL
        && (clcf->named
#if (NGX_PCRE)
            || clcf->regex
#endif
            ))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"selkies\" in location \"%V\" needs "
                           "\"selkies_prefix\"", &clcf->name);
        return NGX_CONF_ERROR;
    }

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_selkies_module);
    smcf->used = 1;

    /* gamepads are there before a client is: such a display is written, too */

    written = conf->display != &ngx_http_selkies_display_0
              || *selkies_settings_string(conf->effective,
                                          SELKIES_SET_JS_SOCKET_PATH);

    if (ngx_http_selkies_merge_pads(cf, conf) != NGX_CONF_OK
        || ngx_http_selkies_add_display(cf, conf, written) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_selkies_merge_gamepads(cf, conf);
}


static char *
ngx_http_selkies_merge_settings(ngx_conf_t *cf,
    ngx_http_selkies_loc_conf_t *prev, ngx_http_selkies_loc_conf_t *conf)
{
    int32_t  channels;

    if (prev->settings == NULL) {
        prev->settings = ngx_palloc(cf->pool, sizeof(selkies_settings_t));
        if (prev->settings == NULL) {
            return NGX_CONF_ERROR;
        }

        selkies_settings_init(prev->settings);
    }

    if (conf->settings == NULL) {
        conf->settings = prev->settings;

    } else {
        selkies_settings_merge(conf->settings, prev->settings);
    }

    if (!conf->enable) {
        return NGX_CONF_OK;
    }

    conf->effective = ngx_palloc(cf->pool, sizeof(selkies_settings_t));
    if (conf->effective == NULL) {
        return NGX_CONF_ERROR;
    }

    *conf->effective = *conf->settings;
    selkies_settings_finish(conf->effective);

    channels = conf->effective->values[SELKIES_SET_AUDIO_CHANNELS].number;

    if (channels != 1 && channels != 2 && channels != 6 && channels != 8) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"selkies_audio_channels\" %D: "
                           "1, 2, 6 or 8 is expected", channels);
        return NGX_CONF_ERROR;
    }

    selkies_settings_limit(conf->effective, SELKIES_SET_ENCODER,
                           selkies_engine_encoders());

    return NGX_CONF_OK;
}


/* A setting is a plain text; that of the gamepads' folder may be more. */

static char *
ngx_http_selkies_merge_pads(ngx_conf_t *cf, ngx_http_selkies_loc_conf_t *conf)
{
    const char                        *folder;
    ngx_str_t                          value;
    ngx_http_compile_complex_value_t   ccv;

    conf->pads = &ngx_http_selkies_no_value;
    folder = selkies_settings_string(conf->effective,
                                     SELKIES_SET_JS_SOCKET_PATH);

    if (ngx_strchr(folder, '$') == NULL
        || !conf->effective->values[SELKIES_SET_GAMEPAD_ENABLED].number)
    {
        return NGX_CONF_OK;
    }

    conf->pads = ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (conf->pads == NULL) {
        return NGX_CONF_ERROR;
    }

    value.data = (u_char *) folder;
    value.len = ngx_strlen(folder);

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));
    ccv.cf = cf;
    ccv.value = &value;
    ccv.complex_value = conf->pads;

    return ngx_http_compile_complex_value(&ccv) == NGX_OK ? NGX_CONF_OK
                                                           : NGX_CONF_ERROR;
}


static void
ngx_http_selkies_merge_way(ngx_http_complex_value_t **conf,
    ngx_http_complex_value_t *prev, ngx_http_complex_value_t *value)
{
    if (*conf == NULL) {
        *conf = prev ? prev : value;
    }
}


char *
ngx_http_selkies_set_setting(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_selkies_loc_conf_t *slcf = conf;

    char        error[SELKIES_SETTING_ERROR];
    ngx_str_t  *value;

    if (slcf->settings == NULL) {
        slcf->settings = ngx_palloc(cf->pool, sizeof(selkies_settings_t));
        if (slcf->settings == NULL) {
            return NGX_CONF_ERROR;
        }

        selkies_settings_init(slcf->settings);
    }

    if (slcf->settings->values[cmd->offset].set) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (selkies_settings_set(slcf->settings, (unsigned) cmd->offset,
                             (char *) value[1].data, value[1].len, error)
        != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\": %s", &cmd->name,
                           error);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_selkies_set_resolution(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_selkies_loc_conf_t *slcf = conf;

    u_char     *x, *last;
    ngx_int_t   width, height;
    ngx_str_t  *value;

    if (slcf->max_width != 0) {
        return "is duplicate";
    }

    value = cf->args->elts;
    last = value[1].data + value[1].len;
    x = ngx_strlchr(value[1].data, last, 'x');

    if (x != NULL) {
        width = ngx_atoi(value[1].data, x - value[1].data);
        height = ngx_atoi(x + 1, last - (x + 1));

        if (width >= 2 && width <= 16384 && height >= 2 && height <= 16384) {
            slcf->max_width = width & ~1;
            slcf->max_height = height & ~1;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid resolution \"%V\": WIDTHxHEIGHT is expected, "
                       "each from 2 to 16384", &value[1]);

    return NGX_CONF_ERROR;
}


char *
ngx_http_selkies_set_origins(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_selkies_loc_conf_t *slcf = conf;

    ngx_str_t   *value, *origin;
    ngx_uint_t   i;

    if (slcf->origins != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    slcf->origins = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                     sizeof(ngx_str_t));
    if (slcf->origins == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (value[i].len == 1 && value[i].data[0] == '*') {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "\"selkies_allowed_origins *\" lets every "
                               "web site use a visitor's credentials here");
        }

        origin = ngx_array_push(slcf->origins);
        *origin = value[i];
    }

    return NGX_CONF_OK;
}


char *
ngx_http_selkies_check_clipboard(ngx_conf_t *cf, void *post, void *data)
{
    size_t  *size = data;

    if (*size < 1024 || *size > NGX_HTTP_SELKIES_CLIPBOARD_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "value must be between 1k and 64m");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* A folder, or "off", which is an empty value. */

char *
ngx_http_selkies_set_files(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_selkies_loc_conf_t *slcf = conf;

    char                          *rv;
    ngx_str_t                     *value, *root;
    ngx_http_selkies_main_conf_t  *smcf;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        ngx_str_set(&value[1], "");

    } else if (value[1].len == 0
               || (value[1].data[0] != '/' && value[1].data[0] != '$'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"selkies_files\" \"%V\": an absolute "
                           "path is expected", &value[1]);
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_set_complex_value_slot(cf, cmd, conf);

    if (rv != NGX_CONF_OK || slcf->files->lengths != NULL
        || value[1].len == 0)
    {
        return rv;
    }

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_selkies_module);

    root = ngx_array_push(&smcf->roots);
    if (root == NULL) {
        return NGX_CONF_ERROR;
    }

    *root = value[1];

    return NGX_CONF_OK;
}
