
/*
 * Copyright (C) ngx_selkies authors
 *
 * Uploads: POST api/upload, in one piece or in slices, and the messages of a
 * socket (protocol.md 13).
 *
 * A body goes from the socket to the file as it arrives, a buffer at a time
 * and so much a turn of the event loop: no body lies in memory or in a
 * temporary file of nginx's, and nobody's keys wait behind it.
 *
 * Thread: the event loop.  Ownership: an upload ends with its request, or with
 * the session, whatever becomes of these.
 */


#include "ngx_http_selkies_upload.h"

#include <sys/mman.h>


#define NGX_HTTP_SELKIES_TURN_BYTES   (256 * 1024)


static ngx_int_t ngx_http_selkies_upload_refused(ngx_http_request_t *r);
static const char *ngx_http_selkies_upload_headers(ngx_http_request_t *r,
    selkies_upload_headers_t *h);
static ngx_int_t ngx_http_selkies_upload_folder(ngx_http_selkies_upload_t *u);
static ngx_int_t ngx_http_selkies_upload_open(ngx_http_selkies_upload_t *u,
    selkies_files_result_t *result);
static void ngx_http_selkies_upload_cleanup(void *data);
static void ngx_http_selkies_upload_body(ngx_http_request_t *r);
static void ngx_http_selkies_upload_read(ngx_http_request_t *r);
static selkies_files_result_t ngx_http_selkies_upload_take(
    ngx_http_request_t *r, ngx_http_selkies_upload_t *u, size_t *taken);
static void ngx_http_selkies_upload_done(ngx_http_request_t *r,
    ngx_http_selkies_upload_t *u);
static void ngx_http_selkies_upload_say(ngx_http_selkies_session_t *s,
    selkies_files_result_t result);


static selkies_gate_t  ngx_http_selkies_gate = { -1, NULL };


ngx_int_t
ngx_http_selkies_uploads_init(ngx_cycle_t *cycle)
{
    if (ngx_http_selkies_gate.fd != -1) {
        return NGX_OK;
    }

    ngx_http_selkies_gate.fd = memfd_create("selkies-uploads", MFD_CLOEXEC);

    if (ngx_http_selkies_gate.fd == -1) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "memfd_create() failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_selkies_upload(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    const char                   *wrong;
    ngx_pool_cleanup_t           *cln;
    selkies_files_result_t        result;
    ngx_http_selkies_upload_t    *u;

    if (r != r->main || r->method != NGX_HTTP_POST) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_selkies_upload_refused(r);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    u = ngx_pcalloc(r->pool, sizeof(ngx_http_selkies_upload_t));
    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (u == NULL || cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    u->request = r;
    cln->handler = ngx_http_selkies_upload_cleanup;
    cln->data = u;

    wrong = ngx_http_selkies_upload_headers(r, &u->headers);

    if (wrong != NULL) {
        return ngx_http_selkies_upload_reply(r, NGX_HTTP_BAD_REQUEST, wrong,
                                             NULL);
    }

    if (u->headers.folder) {
        return ngx_http_selkies_upload_folder(u);
    }

    rc = ngx_http_selkies_upload_open(u, &result);

    if (rc == NGX_DECLINED) {
        return ngx_http_selkies_upload_failed(r, u, result);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_set_ctx(r, u, ngx_http_selkies_module);

    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_selkies_upload_body);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


/* Who may not upload at all; NGX_DECLINED: this one may. */

static ngx_int_t
ngx_http_selkies_upload_refused(ngx_http_request_t *r)
{
    ngx_int_t                rc;
    ngx_str_t                encoding;
    ngx_http_selkies_role_e  role;

    rc = ngx_http_selkies_origin(r);

    if (rc != NGX_OK) {
        return ngx_http_selkies_upload_reply(r, (ngx_uint_t) rc,
                                         "This page may not upload here.",
                                         NULL);
    }

    if (ngx_http_selkies_credential(r, &role) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (role != NGX_HTTP_SELKIES_CONTROLLER) {
        return ngx_http_selkies_upload_reply(r, NGX_HTTP_FORBIDDEN,
                                         "Who only watches may not upload.",
                                         NULL);
    }

    if (!(ngx_http_selkies_files_allowed(r) & SELKIES_FILES_UPLOAD)) {
        return ngx_http_selkies_upload_reply(r, NGX_HTTP_FORBIDDEN,
                                         "Uploads are switched off.", NULL);
    }

    encoding = ngx_http_selkies_header_in(r, "content-encoding");

    if (encoding.len != 0
        && (encoding.len != sizeof("identity") - 1
            || ngx_strncasecmp(encoding.data, (u_char *) "identity",
                               encoding.len)
               != 0))
    {
        return ngx_http_selkies_upload_reply(r,
                                         NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                         "A compressed body is not taken.",
                                         NULL);
    }

    return NGX_DECLINED;
}


static const char *
ngx_http_selkies_upload_headers(ngx_http_request_t *r,
    selkies_upload_headers_t *h)
{
    uint64_t                 body;
    ngx_str_t                value;
    ngx_uint_t               i;
    selkies_span_t          *span;
    selkies_upload_fields_t  fields;

    static const struct {
        const char  *name;
        size_t       offset;
    } headers[] = {
        { "x-upload-path", offsetof(selkies_upload_fields_t, path) },
        { "x-upload-id", offsetof(selkies_upload_fields_t, id) },
        { "x-upload-offset", offsetof(selkies_upload_fields_t, offset) },
        { "x-upload-total", offsetof(selkies_upload_fields_t, total) },
        { "x-upload-final", offsetof(selkies_upload_fields_t, final) },
        { "x-upload-exists", offsetof(selkies_upload_fields_t, exists) },
        { "x-upload-folder", offsetof(selkies_upload_fields_t, folder) }
    };

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        value = ngx_http_selkies_header_in(r, headers[i].name);
        span = (selkies_span_t *) (void *) ((u_char *) &fields
                                            + headers[i].offset);
        span->data = value.data;
        span->len = value.len;
    }

    body = SELKIES_UPLOAD_UNKNOWN;

    if (r->headers_in.content_length_n >= 0) {
        body = (uint64_t) r->headers_in.content_length_n;

    } else if (!r->headers_in.chunked) {
        body = 0;
    }

    return selkies_upload_parse(h, &fields, body);
}


/* A folder that has nothing in it; others are made on the way to a file. */

static ngx_int_t
ngx_http_selkies_upload_folder(ngx_http_selkies_upload_t *u)
{
    selkies_files_result_t        result;
    ngx_http_request_t           *r = u->request;
    ngx_http_selkies_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_selkies_module);

    if (ngx_http_selkies_files_root(r, &u->root, NULL) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    result = selkies_folder_create(&u->root, &u->headers.path,
                                   (uint64_t) slcf->upload_reserve);
    selkies_root_close(&u->root);

    if (result != SELKIES_FILES_OK) {
        return ngx_http_selkies_upload_failed(r, u, result);
    }

    return ngx_http_selkies_upload_reply(r, NGX_HTTP_OK, NULL, u);
}


/*
 * Opens what u->headers say; NGX_DECLINED: *result tells why not.  Whatever
 * comes of it, u may be closed.
 */

static ngx_int_t
ngx_http_selkies_upload_open(ngx_http_selkies_upload_t *u,
    selkies_files_result_t *result)
{
    ngx_http_request_t           *r = u->request;
    ngx_http_selkies_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_selkies_module);

    if (ngx_http_selkies_files_root(r, &u->root, &u->root_name) != NGX_OK) {
        return NGX_ERROR;
    }

    u->open = 1;
    u->upload.fd = -1;
    u->upload.folder = -1;
    u->upload.base = -1;

    *result = selkies_gate_enter(&ngx_http_selkies_gate, &u->ticket, &u->root,
                                 &u->headers.path,
                                 (unsigned) slcf->max_uploads);

    if (*result == SELKIES_FILES_OK) {
        *result = selkies_upload_begin(&u->upload, &u->root, &u->headers,
                                       (uint64_t) slcf->upload_reserve);
    }

    return *result == SELKIES_FILES_OK ? NGX_OK : NGX_DECLINED;
}


void
ngx_http_selkies_upload_close(ngx_http_selkies_upload_t *u, int keep)
{
    ngx_uint_t  left;

    if (!u->open) {
        return;
    }

    u->open = 0;

    left = keep && u->upload.fd != -1 && u->upload.folder != -1;

    selkies_upload_end(&u->upload, keep);
    selkies_gate_leave(&ngx_http_selkies_gate, &u->ticket);
    selkies_root_close(&u->root);

    if (left) {
        ngx_http_selkies_leave_over(u->root_name,
                                    (u_char *) u->upload.path.data,
                                    u->upload.base_len);
    }
}


/* The request ends; if that is early, a slice may be gone on with. */

static void
ngx_http_selkies_upload_cleanup(void *data)
{
    ngx_http_selkies_upload_t  *u = data;

    ngx_http_selkies_upload_close(u, u->headers.id[0] != '\0');
}


static void
ngx_http_selkies_upload_body(ngx_http_request_t *r)
{
    r->read_event_handler = ngx_http_selkies_upload_read;

    ngx_http_selkies_upload_read(r);
}


static void
ngx_http_selkies_upload_read(ngx_http_request_t *r)
{
    size_t                      taken;
    ngx_int_t                   rc;
    selkies_files_result_t      result;
    ngx_http_selkies_upload_t  *u;

    u = ngx_http_get_module_ctx(r, ngx_http_selkies_module);
    taken = 0;

    for ( ;; ) {
        result = ngx_http_selkies_upload_take(r, u, &taken);

        if (result != SELKIES_FILES_OK) {
            ngx_http_finalize_request(r,
                             ngx_http_selkies_upload_failed(r, u, result));
            return;
        }

        if (!r->reading_body) {
            ngx_http_selkies_upload_done(r, u);
            return;
        }

        if (taken >= NGX_HTTP_SELKIES_TURN_BYTES) {
            ngx_post_event(r->connection->read, &ngx_posted_next_events);
            return;
        }

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {

            /* at once: the request may linger */

            ngx_http_selkies_upload_cleanup(u);
            ngx_http_finalize_request(r, rc);
            return;
        }

        if (rc == NGX_AGAIN && r->request_body->bufs == NULL) {
            return;
        }
    }
}


/* What has come of the body goes into the file; the buffers are free again. */

static selkies_files_result_t
ngx_http_selkies_upload_take(ngx_http_request_t *r,
    ngx_http_selkies_upload_t *u, size_t *taken)
{
    size_t                   len;
    ngx_buf_t               *b;
    ngx_chain_t             *cl, *next;
    selkies_files_result_t   result;

    if (r->request_body == NULL) {
        return SELKIES_FILES_OK;
    }

    cl = r->request_body->bufs;
    r->request_body->bufs = NULL;

    for ( /* void */ ; cl != NULL; cl = next) {
        next = cl->next;
        b = cl->buf;

        if (ngx_buf_in_memory(b)) {
            len = (size_t) (b->last - b->pos);
            result = selkies_upload_write(&u->upload, b->pos, len);

            if (result != SELKIES_FILES_OK) {
                return result;
            }

            b->pos = b->last;
            *taken += len;
        }

        ngx_free_chain(r->pool, cl);
    }

    return SELKIES_FILES_OK;
}


static void
ngx_http_selkies_upload_done(ngx_http_request_t *r,
    ngx_http_selkies_upload_t *u)
{
    ngx_int_t               rc;
    selkies_files_result_t  result;

    r->read_event_handler = ngx_http_block_reading;

    result = SELKIES_FILES_OK;

    if (u->headers.final) {
        result = selkies_upload_finish(&u->upload);
    }

    if (result != SELKIES_FILES_OK) {
        rc = ngx_http_selkies_upload_failed(r, u, result);

    } else {
        ngx_http_selkies_upload_close(u, 1);
        rc = ngx_http_selkies_upload_reply(r, NGX_HTTP_OK, NULL, u);
    }

    ngx_http_finalize_request(r, rc);
}


void
ngx_http_selkies_upload_start(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd)
{
    ngx_int_t                   rc;
    selkies_files_result_t      result;
    ngx_http_selkies_upload_t  *u;

    u = s->upload;

    /* the one before counts if it is whole, though its end never came */

    if (u != NULL && u->open && u->upload.fd != -1
        && u->upload.offset == u->upload.total)
    {
        ngx_http_selkies_upload_say(s, selkies_upload_finish(&u->upload));
    }

    ngx_http_selkies_upload_leave(s);

    if (!(ngx_http_selkies_files_allowed(s->request) & SELKIES_FILES_UPLOAD)) {
        ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                      "upload refused: they are switched off");
        return;
    }

    if (u == NULL) {
        u = ngx_pcalloc(s->request->pool, sizeof(ngx_http_selkies_upload_t));
        if (u == NULL) {
            return;
        }

        u->request = s->request;
        s->upload = u;
    }

    u->headers.id[0] = '\0';
    u->headers.offset = 0;
    u->headers.total = cmd->u.upload.size_bytes;
    u->headers.final = 1;
    u->headers.exists = SELKIES_EXISTS_REPLACE;

    result = SELKIES_FILES_BAD_PATH;
    rc = NGX_DECLINED;

    if (selkies_path_parse(&u->headers.path, cmd->u.upload.path.data,
                           cmd->u.upload.path.data + cmd->u.upload.path.len, 1)
        == 0)
    {
        rc = ngx_http_selkies_upload_open(u, &result);
    }

    if (rc != NGX_OK) {
        ngx_http_selkies_upload_say(s, rc == NGX_DECLINED
                                       ? result : SELKIES_FILES_FAILED);
        ngx_http_selkies_upload_leave(s);
    }
}


void
ngx_http_selkies_upload_data(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd)
{
    selkies_files_result_t      result;
    ngx_http_selkies_upload_t  *u = s->upload;

    if (u == NULL || !u->open) {
        return;
    }

    result = selkies_upload_write(&u->upload, cmd->u.payload.data,
                                  cmd->u.payload.len);

    if (result != SELKIES_FILES_OK) {
        ngx_http_selkies_upload_say(s, result);
        ngx_http_selkies_upload_leave(s);
    }
}


void
ngx_http_selkies_upload_finish(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd)
{
    selkies_path_t              path;
    ngx_http_selkies_upload_t  *u = s->upload;

    if (u == NULL || !u->open) {
        return;
    }

    if (selkies_path_parse(&path, cmd->u.upload.path.data,
                           cmd->u.upload.path.data + cmd->u.upload.path.len, 1)
        == 0
        && path.len == u->upload.path.len
        && ngx_memcmp(path.data, u->upload.path.data, path.len) == 0)
    {
        ngx_http_selkies_upload_say(s, selkies_upload_finish(&u->upload));
    }

    ngx_http_selkies_upload_leave(s);
}


void
ngx_http_selkies_upload_error(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd)
{
    ngx_http_selkies_upload_leave(s);
}


void
ngx_http_selkies_upload_leave(ngx_http_selkies_session_t *s)
{
    if (s->upload != NULL) {
        ngx_http_selkies_upload_close(s->upload, 0);
    }
}


/* The stock protocol has no answer: only the log tells. */

static void
ngx_http_selkies_upload_say(ngx_http_selkies_session_t *s,
    selkies_files_result_t result)
{
    if (result != SELKIES_FILES_OK) {
        ngx_log_error(NGX_LOG_WARN, s->connection->log,
                      result == SELKIES_FILES_FAILED ? ngx_errno : 0,
                      "upload over the websocket: %s",
                      ngx_http_selkies_upload_text(result));
    }
}
