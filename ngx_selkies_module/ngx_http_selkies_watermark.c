
/*
 * Copyright (C) ngx_selkies authors
 *
 * The directive "selkies_watermark": the file is read with the
 * configuration, by who may read it then, and inherited by the workers.
 *
 * Thread: the master, or whoever reads the configuration.
 */


#include "ngx_http_selkies_module.h"


static void ngx_http_selkies_watermark_cleanup(void *data);


/* by name, or by the number that Selkies gives it */

static const struct {
    ngx_str_t                 name;
    ngx_str_t                 number;
    selkies_overlay_place_t   place;
} ngx_http_selkies_places[] = {
    { ngx_string("none"), ngx_string("0"), SELKIES_OVERLAY_NONE },
    { ngx_string("top_left"), ngx_string("1"), SELKIES_OVERLAY_TOP_LEFT },
    { ngx_string("top_right"), ngx_string("2"), SELKIES_OVERLAY_TOP_RIGHT },
    { ngx_string("bottom_left"), ngx_string("3"),
      SELKIES_OVERLAY_BOTTOM_LEFT },
    { ngx_string("bottom_right"), ngx_string("4"),
      SELKIES_OVERLAY_BOTTOM_RIGHT },
    { ngx_string("centre"), ngx_string("5"), SELKIES_OVERLAY_CENTRE },
    { ngx_string("moving"), ngx_string("6"), SELKIES_OVERLAY_MOVING },
    { ngx_null_string, ngx_null_string, SELKIES_OVERLAY_NONE }
};


/* selkies_watermark off | file [place] */

char *
ngx_http_selkies_set_watermark(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_selkies_loc_conf_t *slcf = conf;

    char                          why[128];
    ngx_str_t                    *value, path;
    ngx_pool_cleanup_t           *cln;
    ngx_http_selkies_watermark_t *watermark;

    if (slcf->watermark != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        slcf->watermark = NULL;
        return NGX_CONF_OK;
    }

    watermark = ngx_pcalloc(cf->pool, sizeof(ngx_http_selkies_watermark_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (watermark == NULL || cln == NULL) {
        return NGX_CONF_ERROR;
    }

    watermark->place = SELKIES_OVERLAY_BOTTOM_RIGHT;

    if (cf->args->nelts == 3
        && ngx_http_selkies_watermark_place(cf, &value[2], &watermark->place)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    path = value[1];

    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_selkies_watermark_cleanup;
    cln->data = watermark;

    if (selkies_image_read(&watermark->image, (char *) path.data, why,
                           sizeof(why))
        != SELKIES_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "watermark \"%V\": %s", &path,
                           why);
        return NGX_CONF_ERROR;
    }

    watermark->path = path;
    slcf->watermark = watermark;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_selkies_watermark_place(ngx_conf_t *cf, ngx_str_t *name,
    selkies_overlay_place_t *place)
{
    ngx_uint_t  i;

    for (i = 0; ngx_http_selkies_places[i].name.len != 0; i++) {
        if (ngx_strcmp(name->data, ngx_http_selkies_places[i].name.data) == 0
            || ngx_strcmp(name->data, ngx_http_selkies_places[i].number.data)
               == 0)
        {
            *place = ngx_http_selkies_places[i].place;
            return NGX_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid place \"%V\" of a watermark", name);

    return NGX_ERROR;
}


static void
ngx_http_selkies_watermark_cleanup(void *data)
{
    ngx_http_selkies_watermark_t *watermark = data;

    selkies_image_free(&watermark->image);
}
