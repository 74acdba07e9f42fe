
/*
 * Copyright (C) ngx_selkies authors
 *
 * What the files of uploads share; nobody else includes it.
 *
 * Thread: the event loop.
 */


#ifndef NGX_HTTP_SELKIES_UPLOAD_H_INCLUDED
#define NGX_HTTP_SELKIES_UPLOAD_H_INCLUDED


#include "ngx_http_selkies_module.h"


struct ngx_http_selkies_upload_s {
    ngx_http_request_t         *request;
    selkies_root_t              root;
    u_char                     *root_name;
    selkies_upload_headers_t    headers;
    selkies_upload_t            upload;
    selkies_ticket_t            ticket;
    unsigned                    open:1;
    unsigned                    exists:1;       /* a file has the name */
};


#pragma GCC visibility push(hidden)


/* ngx_http_selkies_upload.c */

/* Ends it; `keep`: what there is of slices may be gone on with. */

void ngx_http_selkies_upload_close(ngx_http_selkies_upload_t *u, int keep);


/* ngx_http_selkies_upload_reply.c */

/*
 * Ends it with an error and answers with that: the upload is thrown away,
 * unless it is another one's, or goes on.
 */

ngx_int_t ngx_http_selkies_upload_failed(ngx_http_request_t *r,
    ngx_http_selkies_upload_t *u, selkies_files_result_t result);

/*
 * Answers with success, or with `text` for what is wrong.  `u`, or NULL: what
 * the answer says of it; with an error, where it stands.
 */

ngx_int_t ngx_http_selkies_upload_reply(ngx_http_request_t *r,
    ngx_uint_t status, const char *text, ngx_http_selkies_upload_t *u);

/* A result in words. */

const char *ngx_http_selkies_upload_text(selkies_files_result_t result);


#pragma GCC visibility pop


#endif /* NGX_HTTP_SELKIES_UPLOAD_H_INCLUDED */
