
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


#define NGX_HTTP_SELKIES_HEALTH  1              /* answered in PREACCESS */
#define NGX_HTTP_SELKIES_TREE    2              /* and all below the path,
                                                   with "selkies_files" */


typedef struct {
    ngx_str_t                 path;             /* below the prefix */
    ngx_uint_t                flags;
    ngx_http_handler_pt       handler;
} ngx_http_selkies_route_t;


static ngx_int_t ngx_http_selkies_preaccess_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_selkies_precontent_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_selkies_content_handler(ngx_http_request_t *r);
static const ngx_http_selkies_route_t *ngx_http_selkies_route(
    ngx_http_request_t *r);

static ngx_int_t ngx_http_selkies_init(ngx_conf_t *cf);

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


static ngx_conf_post_t  ngx_http_selkies_clipboard_bounds = {
    ngx_http_selkies_check_clipboard
};


static ngx_conf_num_bounds_t  ngx_http_selkies_uploads_bounds = {
    ngx_conf_check_num_bounds, 1, SELKIES_GATE_SLOTS_MAX
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
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, display),
      NULL },

    { ngx_string("selkies_xauthority"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, xauthority),
      NULL },

    { ngx_string("selkies_framebuffer"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, framebuffer),
      NULL },

    { ngx_string("selkies_pulse_server"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, pulse_server),
      NULL },

    { ngx_string("selkies_pulse_cookie"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, pulse_cookie),
      NULL },

    { ngx_string("selkies_capture"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, capture),
      &ngx_http_selkies_captures },

    { ngx_string("selkies_h264_lite"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, h264_lite),
      NULL },

    { ngx_string("selkies_watermark"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_selkies_set_watermark,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("selkies_watermark_text"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_selkies_set_caption,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

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

    { ngx_string("selkies_agent_socket"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_selkies_set_agent,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("selkies_app"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_http_selkies_set_app,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
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

    { ngx_string("selkies_clipboard_max_size"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, clipboard_max_size),
      &ngx_http_selkies_clipboard_bounds },

    { ngx_string("selkies_files"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_selkies_set_files,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, files),
      NULL },

    { ngx_string("selkies_max_uploads"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, max_uploads),
      &ngx_http_selkies_uploads_bounds },

    { ngx_string("selkies_upload_reserve"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_off_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_selkies_loc_conf_t, upload_reserve),
      NULL },

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

    { ngx_string("selkies_join_cache"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_selkies_main_conf_t, join_cache),
      NULL },

      ngx_null_command
};


static char  ngx_http_selkies_setting_names[2 * SELKIES_SETTINGS][64];


static const ngx_http_selkies_route_t  ngx_http_selkies_routes[] = {
    { ngx_string("websockets"), 0, ngx_http_selkies_upgrade_1 },
    { ngx_string("websocket"), 0, ngx_http_selkies_upgrade_1 },
    { ngx_string("api/websockets"), 0, ngx_http_selkies_upgrade_2 },
    { ngx_string("health"), NGX_HTTP_SELKIES_HEALTH, ngx_http_selkies_health },
    { ngx_string("api/health"), NGX_HTTP_SELKIES_HEALTH,
      ngx_http_selkies_health },
    { ngx_string("health/ready"), NGX_HTTP_SELKIES_HEALTH,
      ngx_http_selkies_ready },
    { ngx_string("api/status"), 0, ngx_http_selkies_api_status },
    { ngx_string("api/switch"), 0, ngx_http_selkies_api_switch },
    { ngx_string("switch"), 0, ngx_http_selkies_api_switch },
    { ngx_string("files"), NGX_HTTP_SELKIES_TREE, ngx_http_selkies_files },
    { ngx_string("api/files"), NGX_HTTP_SELKIES_TREE, ngx_http_selkies_files },
    { ngx_string("api/upload"), 0, ngx_http_selkies_upload },
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
    ngx_http_selkies_exit_master,          /* exit master */
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

    if (route == NULL || !(route->flags & NGX_HTTP_SELKIES_HEALTH)) {
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

    for (route = ngx_http_selkies_routes; route->path.len; route++) {

        if (path.len < route->path.len
            || ngx_strncmp(route->path.data, path.data, route->path.len) != 0)
        {
            continue;
        }

        if (path.len > route->path.len
            && (path.data[route->path.len] != '/'
                || (path.len > route->path.len + 1
                    && !(route->flags & NGX_HTTP_SELKIES_TREE))))
        {
            continue;
        }

        return (route->flags & NGX_HTTP_SELKIES_TREE) && slcf->files == NULL
               ? NULL : route;
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

    if (smcf->variables && smcf->nreserved == smcf->streams) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"selkies_streams %ui\" has room for the displays "
                           "written here, and for none that variables name",
                           smcf->streams);
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

            if (k == 1
                && (names[1] == NULL || ngx_strcmp(names[0], names[1]) == 0))
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
