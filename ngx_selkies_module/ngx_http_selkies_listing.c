
/*
 * Copyright (C) ngx_selkies authors
 *
 * An open folder as a page and as JSON.  The page needs no script and one
 * style sheet of the web client's; it has what themes of stock dashboards look
 * for in a listing (protocol.md 13.3).
 *
 * Names are whatever a file system holds: they are escaped into the page,
 * percent-encoded into links and made UTF-8 for JSON.
 *
 * Thread: the event loop.  Ownership: all is of the request's pool.
 */


#include "ngx_http_selkies_module.h"

#include <dirent.h>
#include <stdlib.h>


#define NGX_HTTP_SELKIES_ENTRIES_MAX  10000
#define NGX_HTTP_SELKIES_CHUNK_BYTES  16384


typedef struct {
    ngx_str_t       name;
    off_t           size;
    time_t          modified;
    unsigned        folder:1;
    unsigned        link:1;
    unsigned        file:1;
    unsigned        readable:1;
} ngx_http_selkies_entry_t;


typedef struct {
    ngx_array_t     entries;        /* ngx_http_selkies_entry_t */
    ngx_uint_t      truncated;
    ngx_uint_t      order;          /* 'N', 'S', 'M' */
    ngx_uint_t      descending;
    ngx_uint_t      host;           /* slashes from the prefix to here */
    selkies_path_t *path;
} ngx_http_selkies_folder_t;


typedef struct {
    ngx_pool_t     *pool;
    ngx_chain_t    *out;
    ngx_chain_t   **last;
    ngx_buf_t      *buf;
    off_t           length;
    unsigned        failed:1;
} ngx_http_selkies_writer_t;


static ngx_int_t ngx_http_selkies_read_folder(ngx_http_request_t *r, int fd,
    ngx_http_selkies_folder_t *folder);
static ngx_int_t ngx_http_selkies_read_entry(ngx_http_request_t *r, int fd,
    const char *name, ngx_http_selkies_folder_t *folder);
static void ngx_http_selkies_sort(ngx_http_request_t *r,
    ngx_http_selkies_folder_t *folder);
static int ngx_http_selkies_compare(const void *one, const void *two);

static void ngx_http_selkies_write_json(ngx_http_selkies_writer_t *w,
    ngx_http_selkies_folder_t *folder);
static void ngx_http_selkies_write_page(ngx_http_selkies_writer_t *w,
    ngx_http_request_t *r, ngx_http_selkies_folder_t *folder);
static void ngx_http_selkies_write_heading(ngx_http_selkies_writer_t *w,
    ngx_http_request_t *r, ngx_http_selkies_folder_t *folder);
static void ngx_http_selkies_write_row(ngx_http_selkies_writer_t *w,
    ngx_http_selkies_entry_t *entry);
static const char *ngx_http_selkies_kind(ngx_http_selkies_entry_t *entry);

static void ngx_http_selkies_put(ngx_http_selkies_writer_t *w,
    const u_char *data, size_t len);
static void ngx_http_selkies_format(ngx_http_selkies_writer_t *w,
    const char *fmt, ...);
static void ngx_http_selkies_put_html(ngx_http_selkies_writer_t *w,
    const u_char *data, size_t len);
static void ngx_http_selkies_put_link(ngx_http_selkies_writer_t *w,
    const u_char *data, size_t len);
static void ngx_http_selkies_put_json(ngx_http_selkies_writer_t *w,
    const u_char *data, size_t len);
static void ngx_http_selkies_put_size(ngx_http_selkies_writer_t *w,
    off_t size);

static ngx_int_t ngx_http_selkies_send_listing(ngx_http_request_t *r,
    ngx_http_selkies_writer_t *w, const char *type);


#define ngx_http_selkies_puts(w, text)                                       \
    ngx_http_selkies_put(w, (const u_char *) text, sizeof(text) - 1)


/* An icon each; what is not here is a file. */

static const struct {
    const char  *kind;
    const char  *names;
} ngx_http_selkies_kinds[] = {
    { "image", " png jpg jpeg gif webp avif svg bmp tif tiff heic ico xcf " },
    { "video", " mp4 mkv webm mov avi m4v mpg mpeg ogv " },
    { "audio", " mp3 wav flac ogg opus m4a aac wma mid " },
    { "archive", " zip tar gz tgz bz2 xz zst 7z rar deb rpm iso " },
    { "text", " txt md log csv json xml yml yaml ini conf sh py c h js ts "
              "html css pdf doc docx odt ods xls xlsx odp ppt pptx rtf " }
};


static ngx_http_selkies_folder_t  *ngx_http_selkies_sorted;


ngx_int_t
ngx_http_selkies_listing(ngx_http_request_t *r, int fd, selkies_path_t *path,
    ngx_uint_t json)
{
    u_char                     *p;
    ngx_str_t                   prefix;
    ngx_http_selkies_writer_t   w;
    ngx_http_selkies_folder_t   folder;

    ngx_memzero(&folder, sizeof(ngx_http_selkies_folder_t));
    folder.path = path;

    if (ngx_http_selkies_prefix(r, &prefix) != NGX_OK
        || ngx_http_selkies_read_folder(r, fd, &folder) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (p = r->uri.data + prefix.len; p < r->uri.data + r->uri.len; p++) {
        folder.host += *p == '/';
    }

    ngx_http_selkies_sort(r, &folder);

    ngx_memzero(&w, sizeof(ngx_http_selkies_writer_t));
    w.pool = r->pool;
    w.last = &w.out;

    if (json) {
        ngx_http_selkies_write_json(&w, &folder);
        return ngx_http_selkies_send_listing(r, &w, "application/json");
    }

    ngx_http_selkies_write_page(&w, r, &folder);

    return ngx_http_selkies_send_listing(r, &w, "text/html; charset=utf-8");
}


static ngx_int_t
ngx_http_selkies_read_folder(ngx_http_request_t *r, int fd,
    ngx_http_selkies_folder_t *folder)
{
    int             copy;
    DIR            *dir;
    ngx_int_t       rc;
    struct dirent  *entry;

    if (ngx_array_init(&folder->entries, r->pool, 64,
                       sizeof(ngx_http_selkies_entry_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (copy == -1) {
        return NGX_ERROR;
    }

    dir = fdopendir(copy);

    if (dir == NULL) {
        (void) close(copy);
        return NGX_ERROR;
    }

    rc = NGX_OK;

    while (rc == NGX_OK && (entry = readdir(dir)) != NULL) {

        /* hidden from the desktop's user as well */

        if (entry->d_name[0] == '.') {
            continue;
        }

        if (folder->entries.nelts == NGX_HTTP_SELKIES_ENTRIES_MAX) {
            folder->truncated = 1;
            break;
        }

        rc = ngx_http_selkies_read_entry(r, fd, entry->d_name, folder);
    }

    (void) closedir(dir);

    return rc;
}


static ngx_int_t
ngx_http_selkies_read_entry(ngx_http_request_t *r, int fd, const char *name,
    ngx_http_selkies_folder_t *folder)
{
    struct stat                st;
    ngx_http_selkies_entry_t  *entry;

    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1) {

        /* gone again */

        return NGX_OK;
    }

    entry = ngx_array_push(&folder->entries);
    if (entry == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(entry, sizeof(ngx_http_selkies_entry_t));

    entry->name.len = ngx_strlen(name);
    entry->name.data = ngx_pnalloc(r->pool, entry->name.len);

    if (entry->name.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(entry->name.data, name, entry->name.len);

    entry->folder = S_ISDIR(st.st_mode) != 0;
    entry->file = S_ISREG(st.st_mode) != 0;
    entry->link = S_ISLNK(st.st_mode) != 0;
    entry->size = entry->file ? st.st_size : 0;
    entry->modified = st.st_mtime;
    entry->readable = (entry->file || entry->folder)
                      && faccessat(fd, name,
                                   entry->folder ? R_OK|X_OK : R_OK,
                                   AT_EACCESS|AT_SYMLINK_NOFOLLOW)
                         == 0;

    return NGX_OK;
}


/* By name, size or date, as links in the head of the table ask. */

static void
ngx_http_selkies_sort(ngx_http_request_t *r, ngx_http_selkies_folder_t *folder)
{
    ngx_str_t  value;

    folder->order = 'N';

    if (ngx_http_arg(r, (u_char *) "C", 1, &value) == NGX_OK && value.len == 1
        && (value.data[0] == 'S' || value.data[0] == 'M'))
    {
        folder->order = value.data[0];
    }

    folder->descending = ngx_http_arg(r, (u_char *) "O", 1, &value) == NGX_OK
                         && value.len == 1 && value.data[0] == 'D';

    ngx_http_selkies_sorted = folder;

    qsort(folder->entries.elts, folder->entries.nelts,
          sizeof(ngx_http_selkies_entry_t), ngx_http_selkies_compare);
}


static int
ngx_http_selkies_compare(const void *one, const void *two)
{
    const ngx_http_selkies_entry_t *a = one;
    const ngx_http_selkies_entry_t *b = two;

    ngx_int_t                   rc;
    ngx_http_selkies_folder_t  *folder = ngx_http_selkies_sorted;

    if (a->folder != b->folder) {
        return a->folder ? -1 : 1;
    }

    rc = 0;

    if (folder->order == 'S') {
        rc = (a->size > b->size) - (a->size < b->size);

    } else if (folder->order == 'M') {
        rc = (a->modified > b->modified) - (a->modified < b->modified);
    }

    if (rc == 0) {
        rc = ngx_strncasecmp(a->name.data, b->name.data,
                             ngx_min(a->name.len, b->name.len));
    }

    if (rc == 0) {
        rc = ngx_memn2cmp(a->name.data, b->name.data, a->name.len,
                          b->name.len);
    }

    return (int) (folder->descending ? -rc : rc);
}


static void
ngx_http_selkies_write_json(ngx_http_selkies_writer_t *w,
    ngx_http_selkies_folder_t *folder)
{
    ngx_uint_t                 i;
    ngx_http_selkies_entry_t  *entry;

    ngx_http_selkies_puts(w, "{\"path\":");
    ngx_http_selkies_put_json(w, (u_char *) folder->path->data,
                              folder->path->len);
    ngx_http_selkies_format(w, ",\"truncated\":%s,\"entries\":[",
                            folder->truncated ? "true" : "false");

    entry = folder->entries.elts;

    for (i = 0; i < folder->entries.nelts; i++, entry++) {

        ngx_http_selkies_puts(w, "\n{\"name\":");
        ngx_http_selkies_put_json(w, entry->name.data, entry->name.len);
        ngx_http_selkies_puts(w, ",\"href\":\"");
        ngx_http_selkies_put_link(w, entry->name.data, entry->name.len);
        ngx_http_selkies_format(w, "%s\",\"kind\":\"%s\",\"size\":%O,"
                                "\"modified\":%T,\"readable\":%s}%s",
                                entry->folder ? "/" : "",
                                ngx_http_selkies_kind(entry), entry->size,
                                entry->modified,
                                entry->readable ? "true" : "false",
                                i + 1 < folder->entries.nelts ? "," : "\n");
    }

    ngx_http_selkies_puts(w, "]}\n");
}


static void
ngx_http_selkies_write_page(ngx_http_selkies_writer_t *w,
    ngx_http_request_t *r, ngx_http_selkies_folder_t *folder)
{
    ngx_uint_t                 i, order;
    ngx_http_selkies_entry_t  *entry;

    static const struct {
        u_char       order;
        const char  *name;
        const char  *label;
    } columns[] = {
        { 'N', "link", "Name" },
        { 'S', "size", "Size" },
        { 'M', "date", "Modified" }
    };

    ngx_http_selkies_write_heading(w, r, folder);

    ngx_http_selkies_puts(w, "<table id=\"list\">\n<thead><tr>");

    for (i = 0; i < 3; i++) {
        order = folder->order == columns[i].order;

        ngx_http_selkies_format(w, "<th class=\"%s\"%s>"
                                "<a href=\"?C=%c&amp;O=%c\">%s</a></th>",
                                columns[i].name,
                                !order ? ""
                                : folder->descending
                                ? " aria-sort=\"descending\""
                                : " aria-sort=\"ascending\"",
                                columns[i].order,
                                order && !folder->descending ? 'D' : 'A',
                                columns[i].label);
    }

    ngx_http_selkies_puts(w, "</tr></thead>\n<tbody>\n");

    if (folder->path->depth != 0) {
        ngx_http_selkies_puts(w, "<tr><td class=\"link up\"><a href=\"../\">"
                              "Parent directory/</a></td>"
                              "<td class=\"size\"></td>"
                              "<td class=\"date\"></td></tr>\n");
    }

    entry = folder->entries.elts;

    for (i = 0; i < folder->entries.nelts; i++) {
        ngx_http_selkies_write_row(w, &entry[i]);
    }

    ngx_http_selkies_puts(w, "</tbody>\n</table>\n");

    if (folder->entries.nelts == 0) {
        ngx_http_selkies_puts(w, "<p class=\"note\">This folder is empty."
                              "</p>\n");
    }

    if (folder->truncated) {
        ngx_http_selkies_format(w, "<p class=\"note\">Only %d of its entries "
                                "are shown.</p>\n",
                                NGX_HTTP_SELKIES_ENTRIES_MAX);
    }

    ngx_http_selkies_puts(w, "</main>\n</body>\n</html>\n");
}


/* The heading is the path, each folder of it a link to it. */

static void
ngx_http_selkies_write_heading(ngx_http_selkies_writer_t *w,
    ngx_http_request_t *r, ngx_http_selkies_folder_t *folder)
{
    u_char      *p, *end, *last;
    ngx_str_t    root;
    ngx_uint_t   i, up;

    /* the folders of the URI: as many as the path has, from its end */

    p = r->uri.data + r->uri.len - 1;

    for (up = folder->path->depth; up != 0; up--) {
        while (*--p != '/') { /* void */ }
    }

    root.data = r->uri.data;
    root.len = (size_t) (p + 1 - r->uri.data);

    ngx_http_selkies_puts(w, "<!doctype html>\n<html lang=\"en\">\n<head>\n"
        "<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" "
        "content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"dark light\">\n<title>");

    ngx_http_selkies_put_html(w, r->uri.data, r->uri.len);
    ngx_http_selkies_puts(w, "</title>\n<link rel=\"stylesheet\" href=\"");

    for (i = 0; i < folder->host; i++) {
        ngx_http_selkies_puts(w, "../");
    }

    ngx_http_selkies_puts(w, "files.css\">\n</head>\n<body>\n<main>\n<h1>");

    up = folder->path->depth;

    ngx_http_selkies_puts(w, "<a href=\"./");

    for (i = 0; i < up; i++) {
        ngx_http_selkies_puts(w, "../");
    }

    ngx_http_selkies_puts(w, "\">");
    ngx_http_selkies_put_html(w, root.data, root.len);
    ngx_http_selkies_puts(w, "</a>");

    last = r->uri.data + r->uri.len;

    for (p = root.data + root.len; p < last; p = end) {
        up--;
        end = ngx_strlchr(p, last, '/') + 1;

        ngx_http_selkies_puts(w, "<a href=\"./");

        for (i = 0; i < up; i++) {
            ngx_http_selkies_puts(w, "../");
        }

        ngx_http_selkies_puts(w, "\">");
        ngx_http_selkies_put_html(w, p, (size_t) (end - p));
        ngx_http_selkies_puts(w, "</a>");
    }

    ngx_http_selkies_puts(w, "</h1>\n");
}


static void
ngx_http_selkies_write_row(ngx_http_selkies_writer_t *w,
    ngx_http_selkies_entry_t *entry)
{
    ngx_tm_t   tm;
    struct tm  local;

    ngx_http_selkies_format(w, "<tr%s><td class=\"link %s\">",
                            entry->readable ? "" : " class=\"closed\"",
                            ngx_http_selkies_kind(entry));

    if (entry->readable) {
        ngx_http_selkies_puts(w, "<a href=\"");
        ngx_http_selkies_put_link(w, entry->name.data, entry->name.len);
        ngx_http_selkies_format(w, "%s\"><bdi>", entry->folder ? "/" : "");

    } else {
        ngx_http_selkies_format(w, "<span title=\"%s\"><bdi>",
                                entry->link ? "A link; it is not followed"
                                : entry->file || entry->folder
                                ? "The server may not read this"
                                : "Not a file");
    }

    ngx_http_selkies_put_html(w, entry->name.data, entry->name.len);
    ngx_http_selkies_format(w, "</bdi>%s</td><td class=\"size\">",
                            entry->readable ? entry->folder ? "/</a>" : "</a>"
                                            : "</span>");

    if (entry->file) {
        ngx_http_selkies_put_size(w, entry->size);
    }

    ngx_gmtime(entry->modified, &tm);
    ngx_libc_localtime(entry->modified, &local);

    ngx_http_selkies_format(w, "</td><td class=\"date\"><time datetime=\""
                            "%4d-%02d-%02dT%02d:%02d:%02dZ\">"
                            "%4d-%02d-%02d %02d:%02d</time></td></tr>\n",
                            tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                            tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec,
                            local.tm_year + 1900, local.tm_mon + 1,
                            local.tm_mday, local.tm_hour, local.tm_min);
}


static const char *
ngx_http_selkies_kind(ngx_http_selkies_entry_t *entry)
{
    size_t       len;
    u_char      *dot, word[10], *names;
    ngx_uint_t   i;

    if (entry->folder) {
        return "folder";
    }

    if (!entry->file) {
        return entry->link ? "symlink" : "other";
    }

    for (dot = entry->name.data + entry->name.len;
         dot > entry->name.data && dot[-1] != '.';
         dot--)
    {
        /* void */
    }

    len = (size_t) (entry->name.data + entry->name.len - dot);

    if (dot == entry->name.data || len == 0 || len > sizeof(word) - 2) {
        return "file";
    }

    word[0] = ' ';
    ngx_strlow(word + 1, dot, len);
    word[len + 1] = ' ';

    for (i = 0; i < sizeof(ngx_http_selkies_kinds)
                    / sizeof(ngx_http_selkies_kinds[0]); i++)
    {
        names = (u_char *) ngx_http_selkies_kinds[i].names;

        if (ngx_strlcasestrn(names, names + ngx_strlen(names), word, len + 1)
            != NULL)
        {
            return ngx_http_selkies_kinds[i].kind;
        }
    }

    return "file";
}


static void
ngx_http_selkies_put(ngx_http_selkies_writer_t *w, const u_char *data,
    size_t len)
{
    size_t        n;
    ngx_chain_t  *cl;

    while (len != 0 && !w->failed) {

        if (w->buf == NULL || w->buf->last == w->buf->end) {
            cl = ngx_alloc_chain_link(w->pool);

            w->buf = ngx_create_temp_buf(w->pool,
                                         NGX_HTTP_SELKIES_CHUNK_BYTES);

            if (cl == NULL || w->buf == NULL) {
                w->failed = 1;
                return;
            }

            cl->buf = w->buf;
            cl->next = NULL;
            *w->last = cl;
            w->last = &cl->next;
        }

        n = ngx_min(len, (size_t) (w->buf->end - w->buf->last));

        w->buf->last = ngx_cpymem(w->buf->last, data, n);
        w->length += (off_t) n;
        data += n;
        len -= n;
    }
}


static void
ngx_http_selkies_format(ngx_http_selkies_writer_t *w, const char *fmt, ...)
{
    u_char   buf[512], *p;
    va_list  args;

    va_start(args, fmt);
    p = ngx_vslprintf(buf, buf + sizeof(buf), fmt, args);
    va_end(args);

    ngx_http_selkies_put(w, buf, (size_t) (p - buf));
}


static void
ngx_http_selkies_put_html(ngx_http_selkies_writer_t *w, const u_char *data,
    size_t len)
{
    u_char      c;
    size_t      i;

    for (i = 0; i < len; i++) {
        c = data[i];

        if (c < 0x20 || c == '<' || c == '>' || c == '&' || c == '"'
            || c == '\'' || c == 0x7f)
        {
            ngx_http_selkies_format(w, "&#%ui;",
                                    (ngx_uint_t) (c < 0x20 || c == 0x7f
                                                  ? 0xfffd : c));

        } else {
            ngx_http_selkies_put(w, &data[i], 1);
        }
    }
}


/* Everything but what is safe in any place of a URI, so no colon either. */

static void
ngx_http_selkies_put_link(ngx_http_selkies_writer_t *w, const u_char *data,
    size_t len)
{
    u_char  c;
    size_t  i;

    for (i = 0; i < len; i++) {
        c = data[i];

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
            || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_'
            || c == '~')
        {
            ngx_http_selkies_put(w, &c, 1);

        } else {
            ngx_http_selkies_format(w, "%%%02Xi", (ngx_int_t) c);
        }
    }
}


static void
ngx_http_selkies_put_json(ngx_http_selkies_writer_t *w, const u_char *data,
    size_t len)
{
    size_t   n;
    u_char  *buf;

    n = selkies_format_json_string(NULL, 0, data, len);
    buf = ngx_pnalloc(w->pool, n);

    if (buf == NULL) {
        w->failed = 1;
        return;
    }

    (void) selkies_format_json_string(buf, n, data, len);
    ngx_http_selkies_put(w, buf, n);
}


static void
ngx_http_selkies_put_size(ngx_http_selkies_writer_t *w, off_t size)
{
    off_t        tenths;
    ngx_uint_t   i;

    static const char *const  units[] = {
        "bytes", "KB", "MB", "GB", "TB", "PB"
    };

    if (size < 1000) {
        ngx_http_selkies_format(w, "%O %s", size, size == 1 ? "byte"
                                                            : units[0]);
        return;
    }

    for (i = 1; i < 5 && size >= 1000 * 1000; i++) {
        size /= 1000;
    }

    tenths = (size * 10 + 500) / 1000;

    if (tenths < 100) {
        ngx_http_selkies_format(w, "%O.%O %s", tenths / 10, tenths % 10,
                                units[i]);
        return;
    }

    ngx_http_selkies_format(w, "%O %s", (size + 500) / 1000, units[i]);
}


static ngx_int_t
ngx_http_selkies_send_listing(ngx_http_request_t *r,
    ngx_http_selkies_writer_t *w, const char *type)
{
    ngx_int_t   rc;
    ngx_str_t   value;
    ngx_uint_t  i;

    static const struct {
        const char  *name;
        ngx_str_t    value;
    } headers[] = {
        { "Content-Security-Policy",
          ngx_string("default-src 'none'; style-src 'self'; "
                     "img-src 'self' data:; base-uri 'none'; "
                     "form-action 'none'; frame-ancestors 'self'") },
        { "X-Content-Type-Options", ngx_string("nosniff") },
        { "Referrer-Policy", ngx_string("no-referrer") },
        { "Vary", ngx_string("Accept") }
    };

    if (w->failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        value = headers[i].value;

        if (ngx_http_selkies_push_header(r, headers[i].name, &value)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = w->length;
    r->headers_out.content_type.data = (u_char *) type;
    r->headers_out.content_type.len = ngx_strlen(type);
    r->headers_out.content_type_len =
        (size_t) (ngx_strchr(type, ';')
                  ? (const char *) ngx_strchr(type, ';') - type
                  : (ssize_t) ngx_strlen(type));

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    w->buf->last_buf = 1;
    w->buf->last_in_chain = 1;

    return ngx_http_output_filter(r, w->out);
}
