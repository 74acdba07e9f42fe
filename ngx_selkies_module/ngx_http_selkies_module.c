
/*
 * Copyright (C) ngx_selkies authors
 *
 * Directives, their merging, and the routes below a location:
 *
 *     location / {
 *         root             /usr/share/selkies/web;
 *         selkies          on;
 *         selkies_display  :1;
 *     }
 *
 * The content handler declines what is not in the table of routes, so static
 * files, index, try_files and subfolders work in the same location.
 *
 * Thread: master while it reads the configuration, then the event loop.
 */


#include "ngx_http_selkies_module.h"


typedef struct {
    ngx_str_t                 path;             /* below the prefix */
    ngx_uint_t                health;           /* answered in PREACCESS */
    ngx_http_handler_pt       handler;
} ngx_http_selkies_route_t;


static ngx_int_t ngx_http_selkies_preaccess_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_selkies_precontent_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_selkies_content_handler(ngx_http_request_t *r);
static const ngx_http_selkies_route_t *ngx_http_selkies_route(
    ngx_http_request_t *r);

static void *ngx_http_selkies_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_selkies_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_selkies_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_selkies_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_selkies_merge_settings(ngx_conf_t *cf,
    ngx_http_selkies_loc_conf_t *prev, ngx_http_selkies_loc_conf_t *conf);
static char *ngx_http_selkies_add_display(ngx_conf_t *cf,
    ngx_http_selkies_loc_conf_t *conf);
static ngx_int_t ngx_http_selkies_framebuffer(ngx_conf_t *cf, ngx_str_t *value,
    ngx_int_t *fd);
static ngx_int_t ngx_http_selkies_init(ngx_conf_t *cf);

static char *ngx_http_selkies_set_setting(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_selkies_set_resolution(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_selkies_set_origins(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void ngx_http_selkies_add_commands(void)
    __attribute__((constructor));


static ngx_conf_enum_t  ngx_http_selkies_captures[] = {
    { ngx_string("auto"), SELKIES_CAPTURE_AUTO },
    { ngx_string("fb"), SELKIES_CAPTURE_FB },
    { ngx_string("shm"), SELKIES_CAPTURE_SHM },
    { ngx_null_string, 0 }
};


static ngx_conf_num_bounds_t  ngx_http_selkies_streams_bounds = {
    ngx_conf_check_num_bounds, 1, SELKIES_STREAMS_MAX
};


static ngx_conf_num_bounds_t  ngx_http_selkies_count_bounds = {
    ngx_conf_check_num_bounds, 1, 1000000
};


/*
 * The directives of the table of settings are added behind these when the
 * module is loaded; the rest of the array is the terminator.
 */

static ngx_command_t  ngx_http_selkies_commands[40 + 2 * SELKIES_SETTINGS] = {

    { ngx_string("selkies"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, enable),
      NULL },

    { ngx_string("selkies_display"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, display),
      NULL },

    { ngx_string("selkies_xauthority"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, xauthority),
      NULL },

    { ngx_string("selkies_framebuffer"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, framebuffer),
      NULL },

    { ngx_string("selkies_capture"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, capture),
      &ngx_http_selkies_captures },

    { ngx_string("selkies_idle"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, idle),
      NULL },

    { ngx_string("selkies_role"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, role),
      NULL },

    { ngx_string("selkies_prefix"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, prefix),
      NULL },

    { ngx_string("selkies_title"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, title),
      NULL },

    { ngx_string("selkies_open"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, open),
      NULL },

    { ngx_string("selkies_allowed_origins"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_selkies_set_origins,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("selkies_require_origin"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, require_origin),
      NULL },

    { ngx_string("selkies_max_resolution"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_selkies_set_resolution,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("selkies_ping_interval"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, ping_interval),
      NULL },

    { ngx_string("selkies_ping_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, ping_timeout),
      NULL },

    { ngx_string("selkies_send_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, send_timeout),
      NULL },

    { ngx_string("selkies_frame_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, frame_timeout),
      NULL },

    { ngx_string("selkies_send_lowat"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, send_lowat),
      NULL },

    { ngx_string("selkies_input_rate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, input_rate),
      &ngx_http_selkies_count_bounds },

    { ngx_string("selkies_max_viewers"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, max_viewers),
      &ngx_http_selkies_count_bounds },

    { ngx_string("selkies_streams"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_selkies_main_conf_t, streams),
      &ngx_http_selkies_streams_bounds },

    { ngx_string("selkies_ring_size"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_selkies_main_conf_t, ring_size),
      NULL },

      ngx_null_command
};


static char  ngx_http_selkies_setting_names[2 * SELKIES_SETTINGS][64];


static const ngx_http_selkies_route_t  ngx_http_selkies_routes[] = {
    { ngx_string("websockets"), 0, ngx_http_selkies_upgrade_1 },
    { ngx_string("websocket"), 0, ngx_http_selkies_upgrade_1 },
    { ngx_string("api/websockets"), 0, ngx_http_selkies_upgrade_2 },
    { ngx_string("health"), 1, ngx_http_selkies_health },
    { ngx_string("api/health"), 1, ngx_http_selkies_health },
    { ngx_string("health/ready"), 1, ngx_http_selkies_ready },
    { ngx_string("api/status"), 0, ngx_http_selkies_api_status },
    { ngx_string("manifest.json"), 0, ngx_http_selkies_manifest },
    { ngx_null_string, 0, NULL }
};


static ngx_http_module_t  ngx_http_selkies_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_selkies_init,                 /* postconfiguration */

    ngx_http_selkies_create_main_conf,     /* create main configuration */
    ngx_http_selkies_init_main_conf,       /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_selkies_create_loc_conf,      /* create location configuration */
    ngx_http_selkies_merge_loc_conf        /* merge location configuration */
};


ngx_module_t  ngx_http_selkies_module = {
    NGX_MODULE_V1,
    &ngx_http_selkies_module_ctx,          /* module context */
    ngx_http_selkies_commands,             /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_selkies_init_module,          /* init module */
    ngx_http_selkies_init_process,         /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_selkies_exit_process,         /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/*
 * Health is answered before any access check: it needs no exception from
 * auth_basic and discloses nothing but up or down.
 */

static ngx_int_t
ngx_http_selkies_preaccess_handler(ngx_http_request_t *r)
{
    const ngx_http_selkies_route_t  *route;

    route = ngx_http_selkies_route(r);

    if (route == NULL || !route->health) {
        return NGX_DECLINED;
    }

    ngx_http_finalize_request(r, route->handler(r));

    return NGX_DONE;
}


/* try_files, if any, must not hide our routes: NGX_OK skips this phase. */

static ngx_int_t
ngx_http_selkies_precontent_handler(ngx_http_request_t *r)
{
    return ngx_http_selkies_route(r) ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_selkies_content_handler(ngx_http_request_t *r)
{
    const ngx_http_selkies_route_t  *route;

    route = ngx_http_selkies_route(r);

    return route ? route->handler(r) : NGX_DECLINED;
}


static const ngx_http_selkies_route_t *
ngx_http_selkies_route(ngx_http_request_t *r)
{
    ngx_str_t                        path, prefix;
    ngx_http_selkies_loc_conf_t     *slcf;
    const ngx_http_selkies_route_t  *route;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_selkies_module);

    if (!slcf->enable || ngx_http_selkies_prefix(r, &prefix) != NGX_OK) {
        return NULL;
    }

    if (r->uri.len <= prefix.len
        || ngx_strncmp(r->uri.data, prefix.data, prefix.len) != 0)
    {
        return NULL;
    }

    path.data = r->uri.data + prefix.len;
    path.len = r->uri.len - prefix.len;

    if (path.data[path.len - 1] == '/') {
        path.len--;
    }

    for (route = ngx_http_selkies_routes; route->path.len; route++) {
        if (route->path.len == path.len
            && ngx_strncmp(route->path.data, path.data, path.len) == 0)
        {
            return route;
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_selkies_prefix(ngx_http_request_t *r, ngx_str_t *prefix)
{
    u_char                       *p;
    ngx_str_t                     value;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_selkies_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_selkies_module);

    if (slcf->prefix != NULL) {
        if (ngx_http_complex_value(r, slcf->prefix, &value) != NGX_OK) {
            return NGX_ERROR;
        }

    } else {
        clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
        value = clcf->name;
    }

    if (value.len == 0) {
        ngx_str_set(prefix, "/");
        return NGX_OK;
    }

    if (value.data[value.len - 1] == '/') {
        *prefix = value;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, value.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    prefix->data = p;
    prefix->len = value.len + 1;

    p = ngx_cpymem(p, value.data, value.len);
    *p = '/';

    return NGX_OK;
}


static void *
ngx_http_selkies_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_selkies_main_conf_t  *smcf;

    smcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_selkies_main_conf_t));
    if (smcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&smcf->displays, cf->pool, 4,
                       sizeof(ngx_http_selkies_display_t *))
        != NGX_OK)
    {
        return NULL;
    }

    smcf->streams = NGX_CONF_UNSET_UINT;
    smcf->ring_size = NGX_CONF_UNSET_SIZE;

    return smcf;
}


static char *
ngx_http_selkies_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_selkies_main_conf_t  *smcf = conf;

    ngx_conf_init_uint_value(smcf->streams, 4);
    ngx_conf_init_size_value(smcf->ring_size, 16 * 1024 * 1024);

    if (smcf->ring_size < 1024 * 1024
        || smcf->ring_size > 1024 * 1024 * 1024)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"selkies_ring_size\" %uz: "
                           "must be from 1m to 1g", smcf->ring_size);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void *
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
     *     slcf->display, xauthority, framebuffer, title = { 0, NULL };
     *     slcf->role, prefix, settings, effective, target = NULL;
     *     slcf->max_width = 0;
     *     slcf->max_height = 0;
     */

    slcf->enable = NGX_CONF_UNSET;
    slcf->open = NGX_CONF_UNSET;
    slcf->require_origin = NGX_CONF_UNSET;
    slcf->origins = NGX_CONF_UNSET_PTR;
    slcf->capture = NGX_CONF_UNSET_UINT;
    slcf->idle = NGX_CONF_UNSET_MSEC;
    slcf->ping_interval = NGX_CONF_UNSET_MSEC;
    slcf->ping_timeout = NGX_CONF_UNSET_MSEC;
    slcf->send_timeout = NGX_CONF_UNSET_MSEC;
    slcf->frame_timeout = NGX_CONF_UNSET_MSEC;
    slcf->send_lowat = NGX_CONF_UNSET_SIZE;
    slcf->input_rate = NGX_CONF_UNSET_UINT;
    slcf->max_viewers = NGX_CONF_UNSET_UINT;

    return slcf;
}


static char *
ngx_http_selkies_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_selkies_loc_conf_t *prev = parent;
    ngx_http_selkies_loc_conf_t *conf = child;

    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_selkies_main_conf_t  *smcf;

    ngx_conf_merge_value(conf->enable, prev->enable, 0);
    ngx_conf_merge_str_value(conf->display, prev->display, ":0");
    ngx_conf_merge_str_value(conf->xauthority, prev->xauthority, "");
    ngx_conf_merge_str_value(conf->framebuffer, prev->framebuffer, "");
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

    return ngx_http_selkies_add_display(cf, conf);
}


static char *
ngx_http_selkies_merge_settings(ngx_conf_t *cf,
    ngx_http_selkies_loc_conf_t *prev, ngx_http_selkies_loc_conf_t *conf)
{
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

    return NGX_CONF_OK;
}


/*
 * What belongs to a display rather than to a location ends in one record,
 * wherever it is written.
 */

static char *
ngx_http_selkies_add_display(ngx_conf_t *cf, ngx_http_selkies_loc_conf_t *conf)
{
    ngx_int_t                       fd;
    ngx_uint_t                      i;
    ngx_http_selkies_display_t     *display, **displays;
    ngx_http_selkies_main_conf_t   *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_selkies_module);

    if (conf->display.len >= SELKIES_DISPLAY_LEN
        || ngx_strlchr(conf->display.data,
                       conf->display.data + conf->display.len, ':')
           == NULL)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"selkies_display\" \"%V\": "
                           "an X display such as \":1\" is expected",
                           &conf->display);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_selkies_framebuffer(cf, &conf->framebuffer, &fd) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    displays = smcf->displays.elts;

    for (i = 0; i < smcf->displays.nelts; i++) {
        display = displays[i];

        if (display->name.len != conf->display.len
            || ngx_strncmp(display->name.data, conf->display.data,
                           conf->display.len)
               != 0)
        {
            continue;
        }

        if (display->xauthority.len != conf->xauthority.len
            || ngx_strncmp(display->xauthority.data, conf->xauthority.data,
                           conf->xauthority.len)
               != 0
            || display->framebuffer_fd != fd
            || display->capture != conf->capture
            || display->idle != conf->idle)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"selkies_xauthority\", "
                               "\"selkies_framebuffer\", "
                               "\"selkies_capture\" and \"selkies_idle\" "
                               "must be the same wherever display \"%V\" "
                               "is used", &conf->display);
            return NGX_CONF_ERROR;
        }

        conf->target = display;
        return NGX_CONF_OK;
    }

    if (smcf->displays.nelts == smcf->streams) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "display \"%V\" is one more than "
                           "\"selkies_streams %ui\" has room for",
                           &conf->display, smcf->streams);
        return NGX_CONF_ERROR;
    }

    display = ngx_pcalloc(cf->pool, sizeof(ngx_http_selkies_display_t));
    displays = ngx_array_push(&smcf->displays);

    if (display == NULL || displays == NULL) {
        return NGX_CONF_ERROR;
    }

    display->name = conf->display;
    display->xauthority = conf->xauthority;
    display->framebuffer_fd = fd;
    display->capture = conf->capture;
    display->idle = conf->idle;
    ngx_queue_init(&display->sessions);

    *displays = display;
    conf->target = display;

    return NGX_CONF_OK;
}


/* "fd:N": a descriptor that nginx was started with. */

static ngx_int_t
ngx_http_selkies_framebuffer(ngx_conf_t *cf, ngx_str_t *value, ngx_int_t *fd)
{
    *fd = -1;

    if (value->len == 0) {
        return NGX_OK;
    }

    if (value->len > 3 && ngx_strncmp(value->data, "fd:", 3) == 0) {
        *fd = ngx_atoi(value->data + 3, value->len - 3);

        if (*fd >= 0 && *fd <= 65535) {
            return NGX_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"selkies_framebuffer\" \"%V\": "
                       "\"fd:number\" is expected", value);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_selkies_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt           *h;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_selkies_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_selkies_module);

    if (!smcf->used) {
        return NGX_OK;
    }

    if (ngx_http_selkies_zone(cf, smcf) != NGX_OK) {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_selkies_preaccess_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_selkies_precontent_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_CONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_selkies_content_handler;

    return NGX_OK;
}


/* A directive selkies_<name> for every row of the table, in both dialects. */

static void
ngx_http_selkies_add_commands(void)
{
    ngx_uint_t                i, k, n;
    ngx_command_t            *cmd;
    const char               *names[2];
    const selkies_setting_t  *setting;

    n = 0;

    for (cmd = ngx_http_selkies_commands; cmd->name.len; cmd++) {
        /* void */
    }

    for (i = 0; i < SELKIES_SETTINGS; i++) {
        setting = selkies_setting((unsigned) i);

        if (setting->flags
            & (SELKIES_SETTING_FIXED|SELKIES_SETTING_NO_DIRECTIVE))
        {
            continue;
        }

        names[0] = setting->name;
        names[1] = setting->name2;

        for (k = 0; k < 2; k++) {

            if (names[k] == NULL
                || (k == 1 && ngx_strcmp(names[0], names[1]) == 0))
            {
                continue;
            }

            cmd->name.data = (u_char *) ngx_http_selkies_setting_names[n];
            cmd->name.len = ngx_snprintf(cmd->name.data, 63, "selkies_%s",
                                         names[k])
                            - cmd->name.data;
            cmd->type = NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF
                        |NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1;
            cmd->set = ngx_http_selkies_set_setting;
            cmd->conf = NGX_HTTP_LOC_CONF_OFFSET;
            cmd->offset = i;

            cmd++;
            n++;
        }
    }
}


static char *
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


static char *
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


static char *
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
