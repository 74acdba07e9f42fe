
/*
 * Copyright (C) ngx_selkies authors
 *
 * Downloads: the files below "selkies_files", and what uploads share with
 * them.  A file is an attachment and nothing else, whatever is in it; ranges
 * and conditional requests are the work of nginx's own filters.
 *
 * Thread: the event loop.
 */


#include "ngx_http_selkies_module.h"


typedef struct {
    ngx_uint_t    status;
    const char   *text;
} ngx_http_selkies_refusal_t;


static ngx_int_t ngx_http_selkies_files_refused(ngx_http_request_t *r,
    ngx_uint_t status, const char *text);
static ngx_int_t ngx_http_selkies_files_path(ngx_http_request_t *r,
    selkies_path_t *path);
static ngx_uint_t ngx_http_selkies_wants_json(ngx_http_request_t *r);
static ngx_int_t ngx_http_selkies_files_redirect(ngx_http_request_t *r);
static ngx_int_t ngx_http_selkies_send_file(ngx_http_request_t *r, int fd,
    struct stat *st, selkies_path_t *path);
static ngx_int_t ngx_http_selkies_disposition(ngx_http_request_t *r,
    selkies_path_t *path);


static const ngx_http_selkies_refusal_t
    ngx_http_selkies_refusals[SELKIES_FILES_RESULTS] =
{
    [SELKIES_FILES_BAD_PATH] = { NGX_HTTP_NOT_FOUND, "There is no such file." },
    [SELKIES_FILES_MISSING] = { NGX_HTTP_NOT_FOUND, "There is no such file." },
    [SELKIES_FILES_DENIED] = { NGX_HTTP_FORBIDDEN,
        "The server may not read this file. The desktop's user can allow it, "
        "by \"chmod g+r\"." },
    [SELKIES_FILES_LINK] = { NGX_HTTP_FORBIDDEN,
        "This is a link, or lies behind one; links are not followed." }
};


ngx_int_t
ngx_http_selkies_files(ngx_http_request_t *r)
{
    int                               fd;
    ngx_int_t                         rc;
    struct stat                       st;
    selkies_root_t                    root;
    selkies_path_t                    path;
    selkies_files_result_t            result;
    ngx_http_selkies_role_e           role;
    const ngx_http_selkies_refusal_t *refusal;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_selkies_credential(r, &role) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (role != NGX_HTTP_SELKIES_CONTROLLER) {
        return ngx_http_selkies_files_refused(r, NGX_HTTP_FORBIDDEN,
                             "Who only watches may not download.");
    }

    if (!(ngx_http_selkies_files_allowed(r) & SELKIES_FILES_DOWNLOAD)) {
        return ngx_http_selkies_files_refused(r, NGX_HTTP_FORBIDDEN,
                             "Downloads are switched off.");
    }

    if (ngx_http_selkies_files_path(r, &path) != NGX_OK) {
        return NGX_HTTP_NOT_FOUND;
    }

    rc = ngx_http_selkies_files_root(r, &root, NULL);

    if (rc != NGX_OK) {
        return NGX_HTTP_NOT_FOUND;
    }

    result = selkies_files_open(&root, &path, &fd);
    selkies_root_close(&root);

    if (result != SELKIES_FILES_OK) {
        refusal = &ngx_http_selkies_refusals[result];

        if (refusal->text == NULL) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, ngx_errno,
                          "a file to be downloaded cannot be opened");
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_selkies_files_refused(r, refusal->status,
                                              refusal->text);
    }

    rc = NGX_HTTP_INTERNAL_SERVER_ERROR;

    if (fstat(fd, &st) == 0) {

        if (S_ISREG(st.st_mode)) {
            return ngx_http_selkies_send_file(r, fd, &st, &path);
        }

        rc = r->uri.data[r->uri.len - 1] == '/'
             ? ngx_http_selkies_listing(r, fd, &path,
                                        ngx_http_selkies_wants_json(r))
             : ngx_http_selkies_files_redirect(r);
    }

    (void) close(fd);

    return rc;
}


static ngx_int_t
ngx_http_selkies_files_refused(ngx_http_request_t *r, ngx_uint_t status,
    const char *text)
{
    size_t   len;
    u_char  *buf;

    len = ngx_strlen(text);

    buf = ngx_pnalloc(r->pool, len + 1);
    if (buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(buf, text, len);
    buf[len] = '\n';

    return ngx_http_selkies_answer(r, status, "text/plain", buf, len + 1);
}


/* What follows "files/" or "api/files/" in the URI, which nginx has decoded. */

static ngx_int_t
ngx_http_selkies_files_path(ngx_http_request_t *r, selkies_path_t *path)
{
    u_char     *pos, *last;
    ngx_str_t   prefix;

    if (ngx_http_selkies_prefix(r, &prefix) != NGX_OK) {
        return NGX_ERROR;
    }

    pos = r->uri.data + prefix.len;
    last = r->uri.data + r->uri.len;

    if (last - pos >= 4 && ngx_strncmp(pos, "api/", 4) == 0) {
        pos += 4;
    }

    pos += sizeof("files") - 1;

    if (pos < last) {
        pos++;
    }

    return selkies_path_parse(path, pos, last, 0) == 0 ? NGX_OK : NGX_ERROR;
}


static ngx_uint_t
ngx_http_selkies_wants_json(ngx_http_request_t *r)
{
    ngx_str_t  value;

    if (ngx_http_arg(r, (u_char *) "format", 6, &value) == NGX_OK) {
        return value.len == 4 && ngx_strncmp(value.data, "json", 4) == 0;
    }

    value = ngx_http_selkies_header_in(r, "accept");

    return value.len != 0
           && ngx_strlcasestrn(value.data, value.data + value.len,
                               (u_char *) "application/json",
                               sizeof("application/json") - 2)
              != NULL;
}


/*
 * A folder's URI ends in a slash.  The way there is told relative to here,
 * which holds behind any proxy.
 */

static ngx_int_t
ngx_http_selkies_files_redirect(ngx_http_request_t *r)
{
    u_char     *p, *name, *last;
    ngx_str_t   value;

    last = r->uri.data + r->uri.len;

    for (name = last; name > r->uri.data && name[-1] != '/'; name--) {
        /* void */
    }

    value.len = (size_t) (last - name) * 3 + 3;
    value.data = ngx_pnalloc(r->pool, value.len + r->args.len + 1);

    if (value.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_cpymem(value.data, "./", 2);
    p = (u_char *) ngx_escape_uri(p, name, (size_t) (last - name),
                                  NGX_ESCAPE_URI_COMPONENT);
    *p++ = '/';

    if (r->args.len != 0) {
        *p++ = '?';
        p = ngx_cpymem(p, r->args.data, r->args.len);
    }

    value.len = (size_t) (p - value.data);

    ngx_http_clear_location(r);

    if (ngx_http_selkies_push_header(r, "Location", &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_selkies_answer(r, NGX_HTTP_MOVED_PERMANENTLY,
                                   "text/plain", (u_char *) "", 0);
}


/* The descriptor is the request's from here on. */

static ngx_int_t
ngx_http_selkies_send_file(ngx_http_request_t *r, int fd, struct stat *st,
    selkies_path_t *path)
{
    ngx_int_t                  rc;
    ngx_buf_t                 *b;
    ngx_chain_t                out;
    ngx_pool_cleanup_t        *cln;
    ngx_pool_cleanup_file_t   *clnf;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_pool_cleanup_file_t));

    if (cln == NULL) {
        (void) close(fd);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_pool_cleanup_file;
    clnf = cln->data;
    clnf->fd = fd;
    clnf->name = (u_char *) "file";
    clnf->log = r->pool->log;

    b = ngx_calloc_buf(r->pool);

    if (b != NULL) {
        b->file = ngx_pcalloc(r->pool, sizeof(ngx_file_t));
    }

    if (b == NULL || b->file == NULL
        || ngx_http_selkies_disposition(r, path) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = st->st_size;
    r->headers_out.last_modified_time = st->st_mtime;
    ngx_str_set(&r->headers_out.content_type, "application/octet-stream");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->allow_ranges = 1;

    if (ngx_http_set_etag(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->file_pos = 0;
    b->file_last = st->st_size;
    b->in_file = b->file_last != 0;
    b->last_buf = r == r->main;
    b->last_in_chain = 1;
    b->sync = !b->in_file && !b->last_buf;

    b->file->fd = fd;
    ngx_str_set(&b->file->name, "file");
    b->file->log = r->connection->log;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_int_t
ngx_http_selkies_disposition(ngx_http_request_t *r, selkies_path_t *path)
{
    u_char     *p, *name;
    size_t      i, len;
    ngx_str_t   value;
    ngx_uint_t  c;

    static u_char  hex[] = "0123456789ABCDEF";

    static const char  text[] = "attachment; filename*=UTF-8''";

    name = (u_char *) path->data + path->name;
    len = path->len - path->name;

    value.data = ngx_pnalloc(r->pool, sizeof(text) + 3 * len);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(value.data, text, sizeof(text) - 1);

    /* RFC 5987: of the others, these are safe everywhere */

    for (i = 0; i < len; i++) {
        c = name[i];

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
            || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_')
        {
            *p++ = (u_char) c;

        } else {
            *p++ = '%';
            *p++ = hex[c >> 4];
            *p++ = hex[c & 0xf];
        }
    }

    value.len = (size_t) (p - value.data);

    if (ngx_http_selkies_push_header(r, "Content-Disposition", &value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&value, "nosniff");

    if (ngx_http_selkies_push_header(r, "X-Content-Type-Options", &value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&value, "default-src 'none'; sandbox");

    return ngx_http_selkies_push_header(r, "Content-Security-Policy", &value);
}


ngx_int_t
ngx_http_selkies_files_root(ngx_http_request_t *r, selkies_root_t *root,
    u_char **name)
{
    u_char                       *p;
    ngx_str_t                     value;
    ngx_http_selkies_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_selkies_module);

    if (slcf->files == NULL) {
        return NGX_DECLINED;
    }

    if (ngx_http_complex_value(r, slcf->files, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (value.len == 0) {
        return NGX_DECLINED;
    }

    p = ngx_pnalloc(r->pool, value.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(p, value.data, value.len + 1);

    if (value.data[0] != '/' || selkies_root_open(root, (char *) p) == -1) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log,
                      value.data[0] == '/' ? ngx_errno : 0,
                      "\"selkies_files\" \"%s\" cannot be opened", p);
        return NGX_ERROR;
    }

    if (name != NULL) {
        *name = p;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_selkies_files_allowed(ngx_http_request_t *r)
{
    ngx_str_t                     value;
    ngx_http_selkies_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_selkies_module);

    if (slcf->files == NULL
        || ngx_http_complex_value(r, slcf->files, &value) != NGX_OK
        || value.len == 0)
    {
        return 0;
    }

    return (ngx_uint_t)
           slcf->effective->values[SELKIES_SET_FILE_TRANSFERS].number;
}


ngx_str_t
ngx_http_selkies_header_in(ngx_http_request_t *r, const char *name)
{
    size_t            len;
    ngx_str_t         value;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header;

    ngx_str_null(&value);

    len = ngx_strlen(name);
    part = &r->headers_in.headers.part;
    header = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return value;
            }

            part = part->next;
            header = part->elts;
            i = 0;
        }

        if (header[i].key.len == len
            && ngx_strncasecmp(header[i].key.data, (u_char *) name, len) == 0)
        {
            return header[i].value;
        }
    }
}
