
/*
 * Copyright (C) ngx_selkies authors
 *
 * From a request to a websocket: the checks of RFC 6455 clause 4.2.1, Origin,
 * the 101.  Access control has run before, in nginx's own phases.
 *
 * Thread: the event loop.
 */


#include "ngx_http_selkies_module.h"

#include <ngx_sha1.h>


#define NGX_HTTP_SELKIES_GUID  "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


typedef struct {
    ngx_str_t   upgrade;
    ngx_str_t   connection;
    ngx_str_t   version;
    ngx_str_t   key;
    ngx_str_t   origin;
    ngx_uint_t  duplicate;
} ngx_http_selkies_handshake_t;


typedef struct {
    ngx_str_t   name;
    size_t      offset;
} ngx_http_selkies_header_t;


static ngx_int_t ngx_http_selkies_upgrade(ngx_http_request_t *r,
    selkies_dialect_t dialect);
static ngx_int_t ngx_http_selkies_check_handshake(ngx_http_request_t *r,
    ngx_http_selkies_handshake_t *hs);
static void ngx_http_selkies_read_headers(ngx_http_request_t *r,
    ngx_http_selkies_handshake_t *hs);
static ngx_uint_t ngx_http_selkies_has_token(ngx_str_t *value,
    ngx_str_t *token);
static ngx_int_t ngx_http_selkies_upgrade_required(ngx_http_request_t *r,
    ngx_uint_t version);
static ngx_int_t ngx_http_selkies_check_origin(ngx_http_request_t *r,
    ngx_str_t *origin);
static ngx_uint_t ngx_http_selkies_split_origin(ngx_str_t *origin,
    ngx_str_t *host, ngx_str_t *port);
static ngx_uint_t ngx_http_selkies_same_host(ngx_str_t *a, ngx_str_t *b,
    ngx_str_t *port);
static ngx_int_t ngx_http_selkies_switch(ngx_http_request_t *r,
    ngx_str_t *key);
static ngx_int_t ngx_http_selkies_turn_away(ngx_http_request_t *r,
    ngx_str_t *key);


static ngx_http_selkies_header_t  ngx_http_selkies_headers[] = {
    { ngx_string("Upgrade"),
      offsetof(ngx_http_selkies_handshake_t, upgrade) },
    { ngx_string("Connection"),
      offsetof(ngx_http_selkies_handshake_t, connection) },
    { ngx_string("Sec-WebSocket-Version"),
      offsetof(ngx_http_selkies_handshake_t, version) },
    { ngx_string("Sec-WebSocket-Key"),
      offsetof(ngx_http_selkies_handshake_t, key) },
    { ngx_string("Origin"),
      offsetof(ngx_http_selkies_handshake_t, origin) },
    { ngx_null_string, 0 }
};


static ngx_str_t  ngx_http_selkies_token_upgrade = ngx_string("upgrade");
static ngx_str_t  ngx_http_selkies_token_websocket = ngx_string("websocket");


ngx_int_t
ngx_http_selkies_upgrade_1(ngx_http_request_t *r)
{
    return ngx_http_selkies_upgrade(r, SELKIES_DIALECT_1);
}


ngx_int_t
ngx_http_selkies_upgrade_2(ngx_http_request_t *r)
{
    return ngx_http_selkies_upgrade(r, SELKIES_DIALECT_2);
}


static ngx_int_t
ngx_http_selkies_upgrade(ngx_http_request_t *r, selkies_dialect_t dialect)
{
    ngx_int_t                      rc;
    ngx_http_selkies_display_t    *display;
    ngx_http_selkies_session_t    *s;
    ngx_http_selkies_handshake_t   hs;

    ngx_memzero(&hs, sizeof(ngx_http_selkies_handshake_t));

    rc = ngx_http_selkies_check_handshake(r, &hs);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    rc = ngx_http_selkies_check_origin(r, &hs.origin);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_selkies_leaving()) {
        return ngx_http_selkies_turn_away(r, &hs.key);
    }

    rc = ngx_http_selkies_request_display(r, &display);

    if (rc != NGX_OK) {
        return rc;
    }

    s = ngx_http_selkies_session_create(r, display, dialect);

    if (s == NULL || ngx_http_selkies_sharing_init(s) != NGX_OK
        || ngx_http_selkies_websocket_init(s) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* counted before it is admitted; where that fails, the request's end
       takes it back */

    if (ngx_http_selkies_worker_join(s) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "\"selkies_max_viewers %ui\" reached",
                      s->conf->max_viewers);
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    rc = ngx_http_selkies_switch(r, &hs.key);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return NGX_ERROR;
    }

    r->main->count++;

    ngx_http_selkies_websocket_start(s);

    return NGX_DONE;
}


/* NGX_DECLINED: nothing to object to; else the request is answered. */

static ngx_int_t
ngx_http_selkies_check_handshake(ngx_http_request_t *r,
    ngx_http_selkies_handshake_t *hs)
{
    if (r != r->main) {
        return NGX_HTTP_BAD_REQUEST;
    }

    if (r->method != NGX_HTTP_GET) {
        return r->method == NGX_HTTP_HEAD
               ? ngx_http_selkies_upgrade_required(r, 0)
               : NGX_HTTP_NOT_ALLOWED;
    }

    ngx_http_selkies_read_headers(r, hs);

    /* over HTTP/2 browsers open another connection for a websocket */

    if (r->http_version != NGX_HTTP_VERSION_11) {
        return NGX_HTTP_BAD_REQUEST;
    }

#if (NGX_HTTP_V2)
    if (r->stream) {
        return NGX_HTTP_BAD_REQUEST;
    }
#endif

    if (!ngx_http_selkies_has_token(&hs->upgrade,
                                    &ngx_http_selkies_token_websocket)
        || !ngx_http_selkies_has_token(&hs->connection,
                                       &ngx_http_selkies_token_upgrade))
    {
        return ngx_http_selkies_upgrade_required(r, 0);
    }

    if (r->headers_in.content_length_n > 0 || r->headers_in.chunked) {
        return NGX_HTTP_BAD_REQUEST;
    }

    if (hs->version.len != 2 || ngx_strncmp(hs->version.data, "13", 2) != 0) {
        return ngx_http_selkies_upgrade_required(r, 1);
    }

    if (hs->duplicate) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "client sent a header of the websocket handshake twice");
        return NGX_HTTP_BAD_REQUEST;
    }

    if (!selkies_websocket_key_valid(hs->key.data, hs->key.len)) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "client sent an invalid \"Sec-WebSocket-Key\" header");
        return NGX_HTTP_BAD_REQUEST;
    }

    return NGX_DECLINED;
}


static void
ngx_http_selkies_read_headers(ngx_http_request_t *r,
    ngx_http_selkies_handshake_t *hs)
{
    ngx_str_t                  *value;
    ngx_uint_t                  i;
    ngx_list_part_t            *part;
    ngx_table_elt_t            *header;
    ngx_http_selkies_header_t  *h;

    ngx_memzero(hs, sizeof(ngx_http_selkies_handshake_t));

    part = &r->headers_in.headers.part;
    header = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            header = part->elts;
            i = 0;
        }

        for (h = ngx_http_selkies_headers; h->name.len; h++) {

            if (header[i].key.len != h->name.len
                || ngx_strncasecmp(header[i].key.data, h->name.data,
                                   h->name.len)
                   != 0)
            {
                continue;
            }

            value = (ngx_str_t *) ((u_char *) hs + h->offset);

            /* of a repeated Connection or Upgrade, one must do */

            if (value->data == NULL) {
                *value = header[i].value;

            } else if (value == &hs->key || value == &hs->version
                       || value == &hs->origin)
            {
                hs->duplicate = 1;

            } else if (ngx_http_selkies_has_token(&header[i].value,
                                    value == &hs->upgrade
                                    ? &ngx_http_selkies_token_websocket
                                    : &ngx_http_selkies_token_upgrade))
            {
                *value = header[i].value;
            }
        }
    }
}


/* A comma-separated list, compared without case (RFC 9110, 5.6.1). */

static ngx_uint_t
ngx_http_selkies_has_token(ngx_str_t *value, ngx_str_t *token)
{
    u_char  *p, *start, *end, *last;

    p = value->data;
    last = value->data + value->len;

    while (p < last) {

        while (p < last && (*p == ' ' || *p == '\t' || *p == ',')) {
            p++;
        }

        start = p;

        while (p < last && *p != ',') {
            p++;
        }

        end = p;

        while (end > start && (end[-1] == ' ' || end[-1] == '\t')) {
            end--;
        }

        if ((size_t) (end - start) == token->len
            && ngx_strncasecmp(start, token->data, token->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* A page that asks by a plain GET is told what this is: never 409. */

static ngx_int_t
ngx_http_selkies_upgrade_required(ngx_http_request_t *r, ngx_uint_t version)
{
    ngx_str_t                 type, value;
    ngx_http_complex_value_t  body;

    ngx_str_set(&value, "websocket");

    if (ngx_http_selkies_push_header(r, "Upgrade", &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&value, "13");

    if (version
        && ngx_http_selkies_push_header(r, "Sec-WebSocket-Version", &value)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_str_set(&type, "text/plain");
    ngx_memzero(&body, sizeof(ngx_http_complex_value_t));
    ngx_str_set(&body.value, "This is the websocket of a remote desktop.\n");

    return ngx_http_send_response(r, 426, &type, &body);
}


ngx_int_t
ngx_http_selkies_push_header(ngx_http_request_t *r, const char *key,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif
    h->key.data = (u_char *) key;
    h->key.len = ngx_strlen(key);
    h->value = *value;

    return NGX_OK;
}


ngx_int_t
ngx_http_selkies_origin(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_str_t                     site;
    ngx_http_selkies_handshake_t  hs;

    ngx_http_selkies_read_headers(r, &hs);

    if (hs.duplicate) {
        return NGX_HTTP_BAD_REQUEST;
    }

    rc = ngx_http_selkies_check_origin(r, &hs.origin);

    if (rc != NGX_OK || hs.origin.data != NULL) {
        return rc;
    }

    /* browsers that leave Origin away may yet tell where the request is from */

    site = ngx_http_selkies_header_in(r, "sec-fetch-site");

    return (site.len == sizeof("cross-site") - 1
            && ngx_strncmp(site.data, "cross-site", site.len) == 0)
           || (site.len == sizeof("same-site") - 1
               && ngx_strncmp(site.data, "same-site", site.len) == 0)
           ? NGX_HTTP_FORBIDDEN : NGX_OK;
}


static ngx_int_t
ngx_http_selkies_check_origin(ngx_http_request_t *r, ngx_str_t *origin)
{
    ngx_str_t                     host, port, unused, server, *allowed;
    ngx_uint_t                    i, tuple;
    ngx_http_selkies_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_selkies_module);

    if (origin->data == NULL) {

        if (!slcf->require_origin) {
            return NGX_OK;
        }

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "request without \"Origin\" refused by "
                      "\"selkies_require_origin\"");
        return NGX_HTTP_FORBIDDEN;
    }

    tuple = ngx_http_selkies_split_origin(origin, &host, &port);

    if (tuple && r->headers_in.host != NULL
        && ngx_http_selkies_same_host(&host, &r->headers_in.host->value,
                                      &port))
    {
        return NGX_OK;
    }

    if (slcf->origins != NULL) {
        allowed = slcf->origins->elts;

        for (i = 0; i < slcf->origins->nelts; i++) {

            if (allowed[i].len == 1 && allowed[i].data[0] == '*') {
                return NGX_OK;
            }

            ngx_http_selkies_split_origin(&allowed[i], &server, &unused);

            if (tuple && ngx_http_selkies_same_host(&host, &server, &port)) {
                return NGX_OK;
            }
        }
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "request from origin \"%V\" refused: it is neither this "
                  "host nor listed in \"selkies_allowed_origins\"", origin);

    return NGX_HTTP_FORBIDDEN;
}


/*
 * scheme "://" host [ ":" port ] (RFC 6454, 6.1); without a scheme, as in
 * "null" or in a directive, all of it is the host.
 */

static ngx_uint_t
ngx_http_selkies_split_origin(ngx_str_t *origin, ngx_str_t *host,
    ngx_str_t *port)
{
    u_char  *p, *last;

    *host = *origin;
    ngx_str_null(port);

    last = origin->data + origin->len;
    p = ngx_strlchr(origin->data, last, ':');

    if (p == NULL || last - p < 3 || p[1] != '/' || p[2] != '/') {
        return 0;
    }

    if (p - origin->data == 5
        && ngx_strncasecmp(origin->data, (u_char *) "https", 5) == 0)
    {
        ngx_str_set(port, ":443");
    }

    if (p - origin->data == 4
        && ngx_strncasecmp(origin->data, (u_char *) "http", 4) == 0)
    {
        ngx_str_set(port, ":80");
    }

    host->data = p + 3;
    host->len = last - host->data;

    return 1;
}


/* The default port of the origin's scheme is dropped on both sides. */

static ngx_uint_t
ngx_http_selkies_same_host(ngx_str_t *a, ngx_str_t *b, ngx_str_t *port)
{
    size_t      i;
    ngx_str_t   value[2];

    value[0] = *a;
    value[1] = *b;

    for (i = 0; i < 2; i++) {
        if (port->len != 0 && value[i].len > port->len
            && ngx_strncmp(value[i].data + value[i].len - port->len,
                           port->data, port->len)
               == 0)
        {
            value[i].len -= port->len;
        }
    }

    return value[0].len == value[1].len && value[0].len != 0
           && ngx_strncasecmp(value[0].data, value[1].data, value[0].len)
              == 0;
}


static ngx_int_t
ngx_http_selkies_switch(ngx_http_request_t *r, ngx_str_t *key)
{
    u_char      *accept;
    ngx_int_t    rc;
    ngx_str_t    hash, value;
    ngx_sha1_t   sha1;

    accept = ngx_pnalloc(r->pool, 20 + ngx_base64_encoded_length(20));
    if (accept == NULL) {
        return NGX_ERROR;
    }

    ngx_sha1_init(&sha1);
    ngx_sha1_update(&sha1, key->data, key->len);
    ngx_sha1_update(&sha1, NGX_HTTP_SELKIES_GUID,
                    sizeof(NGX_HTTP_SELKIES_GUID) - 1);
    ngx_sha1_final(accept, &sha1);

    hash.data = accept;
    hash.len = 20;
    value.data = accept + 20;
    ngx_encode_base64(&value, &hash);

    if (ngx_http_selkies_push_header(r, "Sec-WebSocket-Accept", &value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&value, "websocket");

    if (ngx_http_selkies_push_header(r, "Upgrade", &value) != NGX_OK) {
        return NGX_ERROR;
    }

    /* nginx's table of status lines begins at 200 */

    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;
    ngx_str_set(&r->headers_out.status_line, "101 Switching Protocols");
    r->keepalive = 0;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK) {
        return rc;
    }

    /* else the header would wait for postpone_output */

    return ngx_http_send_special(r, NGX_HTTP_FLUSH) == NGX_ERROR ? NGX_ERROR
                                                                  : NGX_OK;
}


/*
 * A worker that is told to quit does not accept any more, but may have before
 * that, and is read from only now.  Nobody else can answer: its client hears
 * what all others of this worker heard, and comes again to one that stays.
 */

static ngx_int_t
ngx_http_selkies_turn_away(ngx_http_request_t *r, ngx_str_t *key)
{
    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_chain_t  out;

    b = ngx_create_temp_buf(r->pool, SELKIES_WEBSOCKET_CLOSE_MAX);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last += selkies_websocket_close(b->last, SELKIES_CLOSE_RESTART,
                                       NGX_HTTP_SELKIES_RELOADED,
                                       sizeof(NGX_HTTP_SELKIES_RELOADED) - 1);
    b->last_buf = 1;

    rc = ngx_http_selkies_switch(r, key);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return NGX_ERROR;
    }

    /* what the client has said meanwhile must not reset the connection */

    r->lingering_close = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
