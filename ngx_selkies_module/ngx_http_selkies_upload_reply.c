
/*
 * Copyright (C) ngx_selkies authors
 *
 * What an upload is answered with, in JSON (protocol.md 13.2).
 *
 * Thread: the event loop.
 */


#include "ngx_http_selkies_upload.h"


/* A name of 255 bytes, escaped, and what is around it */

#define NGX_HTTP_SELKIES_REPLY_BYTES  1024


typedef struct {
    ngx_uint_t                  status;
    const char                 *text;
} ngx_http_selkies_result_t;


/* An answer that waits for the end of a body nobody wants. */

typedef struct {
    ngx_uint_t                  status;
    const char                 *text;
    ngx_http_selkies_upload_t  *upload;
} ngx_http_selkies_refused_t;


static ngx_int_t ngx_http_selkies_upload_lingers(ngx_http_request_t *r);
static void ngx_http_selkies_upload_lingered(void *data);

#if (NGX_HTTP_V2)
static ngx_int_t ngx_http_selkies_drain(ngx_http_request_t *r,
    ngx_uint_t status, const char *text, ngx_http_selkies_upload_t *u);
static void ngx_http_selkies_drain_body(ngx_http_request_t *r);
static void ngx_http_selkies_drain_read(ngx_http_request_t *r);
#endif


static const ngx_http_selkies_result_t
    ngx_http_selkies_results[SELKIES_FILES_RESULTS] =
{
    [SELKIES_FILES_OK] = { NGX_HTTP_OK, "" },
    [SELKIES_FILES_BAD_PATH] = { NGX_HTTP_BAD_REQUEST,
        "The file system here takes no such name." },
    [SELKIES_FILES_BAD_SIZE] = { NGX_HTTP_BAD_REQUEST,
        "The file has another size than was said." },
    [SELKIES_FILES_DENIED] = { NGX_HTTP_FORBIDDEN,
        "The server may not write there." },
    [SELKIES_FILES_LINK] = { NGX_HTTP_FORBIDDEN,
        "The path leads through a link." },
    [SELKIES_FILES_MISSING] = { NGX_HTTP_CONFLICT,
        "The folder for it is gone." },
    [SELKIES_FILES_OCCUPIED] = { NGX_HTTP_CONFLICT,
        "A file and a folder would have the same name." },
    [SELKIES_FILES_EXISTS] = { NGX_HTTP_CONFLICT,
        "A file of that name is there already." },
    [SELKIES_FILES_MOVED] = { NGX_HTTP_CONFLICT,
        "Its folder was moved meanwhile." },
    [SELKIES_FILES_BUSY] = { NGX_HTTP_CONFLICT,
        "Somebody is uploading this file just now." },
    [SELKIES_FILES_OFFSET] = { NGX_HTTP_CONFLICT,
        "The upload goes on elsewhere." },
    [SELKIES_FILES_TOO_MANY] = { NGX_HTTP_TOO_MANY_REQUESTS,
        "Too many uploads at a time." },
    [SELKIES_FILES_NO_SPACE] = { NGX_HTTP_INSUFFICIENT_STORAGE,
        "The desktop has no room for it." },
    [SELKIES_FILES_FAILED] = { NGX_HTTP_INTERNAL_SERVER_ERROR,
        "The server could not write it." }
};


ngx_int_t
ngx_http_selkies_upload_failed(ngx_http_request_t *r,
    ngx_http_selkies_upload_t *u, selkies_files_result_t result)
{
    int                               goes_on;
    ngx_str_t                         value;
    const ngx_http_selkies_result_t  *answer;

    answer = &ngx_http_selkies_results[result];

    /* what the same request may do a moment later */

    ngx_str_set(&value, "1");

    if ((result == SELKIES_FILES_BUSY || result == SELKIES_FILES_TOO_MANY)
        && ngx_http_selkies_push_header(r, "Retry-After", &value) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (result == SELKIES_FILES_FAILED) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, ngx_errno,
                      "an upload failed");
    }

    /* what may be gone on with stays */

    u->exists = result == SELKIES_FILES_EXISTS;
    goes_on = result == SELKIES_FILES_OFFSET
              || (u->exists && u->headers.id[0] != '\0');

    ngx_http_selkies_upload_close(u, goes_on);

    return ngx_http_selkies_upload_reply(r, answer->status, answer->text,
                                         goes_on || u->exists ? u : NULL);
}


const char *
ngx_http_selkies_upload_text(selkies_files_result_t result)
{
    return ngx_http_selkies_results[result].text;
}


ngx_int_t
ngx_http_selkies_upload_reply(ngx_http_request_t *r, ngx_uint_t status,
    const char *text, ngx_http_selkies_upload_t *u)
{
    u_char      *buf, *p, *last;
    const char  *name;

#if (NGX_HTTP_V2)

    if (r->stream != NULL && r->request_body == NULL) {
        return ngx_http_selkies_drain(r, status, text, u);
    }

#endif

    buf = ngx_pnalloc(r->pool, NGX_HTTP_SELKIES_REPLY_BYTES);
    if (buf == NULL
        || (text != NULL && ngx_http_selkies_upload_lingers(r) != NGX_OK))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = buf;
    last = buf + NGX_HTTP_SELKIES_REPLY_BYTES;

    if (text != NULL) {
        p = ngx_slprintf(buf, last, "{\"status\":\"error\",\"message\":\"%s\"",
                         text);

        if (u != NULL && u->exists) {
            p = ngx_slprintf(p, last, ",\"exists\":true");
        }

        if (u != NULL && (!u->exists || u->headers.id[0] != '\0')) {
            p = ngx_slprintf(p, last, ",\"offset\":%uL", u->upload.offset);
        }

    } else if (u != NULL) {
        p = ngx_slprintf(buf, last, "{\"status\":\"success\",\"bytes\":%uL",
                         u->upload.offset);

        if (u->headers.id[0] != '\0') {
            p = ngx_slprintf(p, last, ",\"complete\":%s",
                             u->headers.final ? "true" : "false");
        }

        /* not the name that was asked for */

        name = u->upload.path.data + u->upload.path.name;

        if (u->upload.given[0] != '\0'
            && ngx_strcmp(u->upload.given, name) != 0)
        {
            p = ngx_slprintf(p, last, ",\"name\":");
            p += selkies_format_json_string(p, (size_t) (last - p),
                                            (u_char *) u->upload.given,
                                            ngx_strlen(u->upload.given));
        }
    }

    p = ngx_slprintf(p, last, "}\n");

    return ngx_http_selkies_answer(r, status, "application/json", buf,
                                   (size_t) (p - buf));
}


/*
 * Behind an answer that comes before the end of a body nginx reads on for
 * "lingering_timeout", lest the answer be lost.  A worker that is told to quit
 * does not wait for that: it closes what is idle.
 */

static ngx_int_t
ngx_http_selkies_upload_lingers(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_selkies_upload_lingered;
    cln->data = r->connection;

    r->connection->idle = 1;

    return NGX_OK;
}


/* The next request on the connection is none of ours. */

static void
ngx_http_selkies_upload_lingered(void *data)
{
    ngx_connection_t  *c = data;

    c->idle = 0;
}


#if (NGX_HTTP_V2)

/*
 * A stream that is answered before its body has come is reset behind the
 * answer, and clients forget what they were told.
 */

static ngx_int_t
ngx_http_selkies_drain(ngx_http_request_t *r, ngx_uint_t status,
    const char *text, ngx_http_selkies_upload_t *u)
{
    ngx_int_t                    rc;
    ngx_http_selkies_refused_t  *refused;

    refused = ngx_palloc(r->pool, sizeof(ngx_http_selkies_refused_t));
    if (refused == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    refused->status = status;
    refused->text = text;
    refused->upload = u;

    ngx_http_set_ctx(r, refused, ngx_http_selkies_module);

    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_selkies_drain_body);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


static void
ngx_http_selkies_drain_body(ngx_http_request_t *r)
{
    r->read_event_handler = ngx_http_selkies_drain_read;

    ngx_http_selkies_drain_read(r);
}


static void
ngx_http_selkies_drain_read(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_chain_t                 *cl, *next;
    ngx_http_selkies_refused_t  *refused;

    refused = ngx_http_get_module_ctx(r, ngx_http_selkies_module);

    for ( ;; ) {
        cl = r->request_body->bufs;
        r->request_body->bufs = NULL;

        for ( /* void */ ; cl != NULL; cl = next) {
            next = cl->next;
            cl->buf->pos = cl->buf->last;
            ngx_free_chain(r->pool, cl);
        }

        if (!r->reading_body) {
            r->read_event_handler = ngx_http_block_reading;
            ngx_http_finalize_request(r,
                              ngx_http_selkies_upload_reply(r, refused->status,
                                                            refused->text,
                                                            refused->upload));
            return;
        }

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            ngx_http_finalize_request(r, rc);
            return;
        }

        if (rc == NGX_AGAIN && r->request_body->bufs == NULL) {
            return;
        }
    }
}

#endif
