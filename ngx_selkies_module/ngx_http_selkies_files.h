
/*
 * Copyright (C) ngx_selkies authors
 *
 * Files of the desktop: listed, sent and received.
 *
 * Thread: the worker's event loop.  A part of ngx_http_selkies_module.h, which
 * includes it.
 */


#ifndef NGX_HTTP_SELKIES_FILES_H_INCLUDED
#define NGX_HTTP_SELKIES_FILES_H_INCLUDED


#pragma GCC visibility push(hidden)


/* ngx_http_selkies_files.c: content handlers, and what they share */

ngx_int_t ngx_http_selkies_files(ngx_http_request_t *r);
ngx_int_t ngx_http_selkies_upload(ngx_http_request_t *r);

/*
 * Opens the request's root, and writes its name, if `name` is not NULL, from
 * the request's pool.  NGX_DECLINED: there is none; NGX_ERROR: it cannot be
 * opened, logged.
 */

ngx_int_t ngx_http_selkies_files_root(ngx_http_request_t *r,
    selkies_root_t *root, u_char **name);

/* Which of SELKIES_FILES_UPLOAD and _DOWNLOAD are in force. */

ngx_uint_t ngx_http_selkies_files_allowed(ngx_http_request_t *r);

/* A header of the request by its name, which is lower-case; or nothing. */

ngx_str_t ngx_http_selkies_header_in(ngx_http_request_t *r, const char *name);


/* ngx_http_selkies_listing.c: an open folder, as a page or as JSON */

ngx_int_t ngx_http_selkies_listing(ngx_http_request_t *r, int fd,
    selkies_path_t *path, ngx_uint_t json);


/* ngx_http_selkies_upload.c */

/* Uploads of the socket (protocol.md 13.1); nobody is answered. */

void ngx_http_selkies_upload_start(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);
void ngx_http_selkies_upload_data(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);
void ngx_http_selkies_upload_finish(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);
void ngx_http_selkies_upload_error(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);

/* What the session had under way is thrown away. */

void ngx_http_selkies_upload_leave(ngx_http_selkies_session_t *s);

/* In the master. */

ngx_int_t ngx_http_selkies_uploads_init(ngx_cycle_t *cycle);


/* ngx_http_selkies_leftover.c */

/* In a worker that starts: what one before it left is removed in time. */

void ngx_http_selkies_uploads_start(ngx_array_t *roots);

/*
 * Something lies in the root, below the first below_len bytes of a path, that
 * goes if nobody comes for it.
 */

void ngx_http_selkies_leave_over(u_char *root, u_char *below,
    size_t below_len);


#pragma GCC visibility pop


#endif /* NGX_HTTP_SELKIES_FILES_H_INCLUDED */
