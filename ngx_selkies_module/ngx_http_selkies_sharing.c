
/*
 * Copyright (C) ngx_selkies authors
 *
 * Who a client may be: the role that the server gives it, what its query
 * lowers, and whether pages that only watch are allowed (protocol.md 16.1).
 *
 * Thread: the event loop.
 */


#include "ngx_http_selkies_module.h"


#define NGX_HTTP_SELKIES_SHARING_MS   10000     /* to claim a display */


static ngx_uint_t ngx_http_selkies_query_slot(ngx_http_request_t *r);
static ngx_uint_t ngx_http_selkies_shares(ngx_http_selkies_session_t *s);
static void ngx_http_selkies_refuse(ngx_http_selkies_session_t *s);


/* Rows by the slot of the page: 0 is one that only watches. */

static const selkies_setting_id_t  ngx_http_selkies_sharing_rows[] = {
    SELKIES_SET_ENABLE_SHARED,
    SELKIES_SETTINGS,                   /* the controller's own */
    SELKIES_SET_ENABLE_PLAYER2,
    SELKIES_SET_ENABLE_PLAYER3,
    SELKIES_SET_ENABLE_PLAYER4
};


#define NGX_HTTP_SELKIES_SLOTS                                               \
    (sizeof(ngx_http_selkies_sharing_rows)                                   \
     / sizeof(ngx_http_selkies_sharing_rows[0]))


ngx_int_t
ngx_http_selkies_sharing_init(ngx_http_selkies_session_t *s)
{
    ngx_str_t                 value;
    ngx_http_request_t       *r = s->request;
    ngx_http_selkies_role_e   role;

    if (ngx_http_selkies_credential(r, &role) != NGX_OK) {
        return NGX_ERROR;
    }

    s->role = role;
    s->capped = role == NGX_HTTP_SELKIES_VIEWER;

    /* what a query says only lowers; a login that may only watch has no slot */

    if (ngx_http_arg(r, (u_char *) "role", 4, &value) == NGX_OK
        && value.len == sizeof("viewer") - 1
        && ngx_strncmp(value.data, "viewer", value.len) == 0)
    {
        s->role = NGX_HTTP_SELKIES_VIEWER;
        s->lowered = 1;

        if (!s->capped) {
            s->slot = ngx_http_selkies_query_slot(r);
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_selkies_credential(ngx_http_request_t *r,
    ngx_http_selkies_role_e *role)
{
    ngx_str_t                     value;
    ngx_http_selkies_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_selkies_module);

    *role = NGX_HTTP_SELKIES_CONTROLLER;

    if (slcf->role == NULL) {
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, slcf->role, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (value.len == sizeof("controller") - 1
        && ngx_strncmp(value.data, "controller", value.len) == 0)
    {
        return NGX_OK;
    }

    *role = NGX_HTTP_SELKIES_VIEWER;

    if (value.len != sizeof("viewer") - 1
        || ngx_strncmp(value.data, "viewer", value.len) != 0)
    {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "\"selkies_role\" is \"%V\", which is neither "
                      "\"controller\" nor \"viewer\": viewer assumed",
                      &value);
    }

    return NGX_OK;
}


/* 2 to 4; anything else is a page that only watches. */

static ngx_uint_t
ngx_http_selkies_query_slot(ngx_http_request_t *r)
{
    ngx_str_t  value;

    if (ngx_http_arg(r, (u_char *) "slot", 4, &value) != NGX_OK
        || value.len != 1 || value.data[0] < '2' || value.data[0] > '4')
    {
        return 0;
    }

    return value.data[0] - '0';
}


ngx_uint_t
ngx_http_selkies_sharing_slot(ngx_http_selkies_session_t *s, ngx_uint_t slot)
{
    selkies_setting_value_t  *values = s->conf->effective->values;

    return slot < NGX_HTTP_SELKIES_SLOTS
           && ngx_http_selkies_sharing_rows[slot] != SELKIES_SETTINGS
           && values[SELKIES_SET_ENABLE_SHARING].number
           && values[ngx_http_selkies_sharing_rows[slot]].number;
}


/*
 * A page that said what it is, is measured by that; of others, which do not
 * say it, any kind of link page will do.
 */

static ngx_uint_t
ngx_http_selkies_shares(ngx_http_selkies_session_t *s)
{
    ngx_uint_t  slot;

    if (s->lowered) {
        return ngx_http_selkies_sharing_slot(s, s->slot);
    }

    for (slot = 0; slot < NGX_HTTP_SELKIES_SLOTS; slot++) {
        if (ngx_http_selkies_sharing_slot(s, slot)) {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_selkies_may_watch(ngx_http_selkies_session_t *s)
{
    return s->owner || ngx_http_selkies_shares(s);
}


ngx_int_t
ngx_http_selkies_sharing_open(ngx_http_selkies_session_t *s)
{
    if (ngx_http_selkies_shares(s)) {
        return NGX_OK;
    }

    if (s->role == NGX_HTTP_SELKIES_VIEWER) {
        ngx_http_selkies_refuse(s);
        return NGX_DECLINED;
    }

    /* it may still claim a display */

    ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_SHARING,
                         NGX_HTTP_SELKIES_SHARING_MS);

    return NGX_OK;
}


void
ngx_http_selkies_sharing_due(ngx_http_selkies_session_t *s)
{
    if (!s->claimed) {
        ngx_http_selkies_refuse(s);
    }
}


static void
ngx_http_selkies_refuse(ngx_http_selkies_session_t *s)
{
    size_t  len;
    u_char  buf[128], reason[64];

    if (s->lowered && s->slot != 0) {
        ngx_sprintf(reason, "Player %ui is disabled on this server.%Z",
                    s->slot);

    } else {
        ngx_sprintf(reason, "Sharing is disabled on this server.%Z");
    }

    ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                  "client that only watches refused: sharing is off");

    len = selkies_format_kill(buf, sizeof(buf), (char *) reason);
    ngx_http_selkies_text(s, buf, len);
    ngx_http_selkies_close(s, SELKIES_CLOSE_POLICY, "sharing is disabled");
}
