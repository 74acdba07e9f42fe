
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * What a client may name, and what the headers of an upload say.
 *
 * Thread: any; no state.  Ownership: nothing is allocated.
 */


#include <string.h>

#include "selkies_files.h"


#define SELKIES_NAME_BYTES      255

#define SELKIES_OURS            ".selkies-"


static int selkies_path_add(selkies_path_t *path, const uint8_t *name,
    size_t len, int made);
static int selkies_name_is_text(const uint8_t *pos, const uint8_t *end);
static const uint8_t *selkies_utf8_next(const uint8_t *pos,
    const uint8_t *end, uint32_t *code);
static int selkies_hex(uint8_t c);
static const char *selkies_slice_parse(selkies_upload_headers_t *h,
    const selkies_upload_fields_t *fields, uint64_t body);
static int selkies_exists_parse(selkies_exists_e *exists, selkies_span_t span);
static int selkies_is(selkies_span_t span, const char *text);
static int selkies_number(selkies_span_t span, uint64_t *value);


int
selkies_path_parse(selkies_path_t *path, const uint8_t *pos,
    const uint8_t *end, int made)
{
    const uint8_t  *slash;

    path->len = 0;
    path->name = 0;
    path->depth = 0;
    path->data[0] = '\0';

    if (pos == end) {
        return made ? -1 : 0;
    }

    /* what ends in a slash, or in ".", is a folder */

    if (*pos == '/'
        || (made && (end[-1] == '/'
                     || (end - pos > 1 && end[-1] == '.' && end[-2] == '/')))
        || memchr(pos, '\0', (size_t) (end - pos)) != NULL)
    {
        return -1;
    }

    while (pos < end) {
        slash = memchr(pos, '/', (size_t) (end - pos));

        if (slash == NULL) {
            slash = end;
        }

        if (selkies_path_add(path, pos, (size_t) (slash - pos), made) != 0) {
            return -1;
        }

        pos = slash < end ? slash + 1 : end;
    }

    return made && path->depth == 0 ? -1 : 0;
}


static int
selkies_path_add(selkies_path_t *path, const uint8_t *name, size_t len,
    int made)
{
    if (len == 0 || (len == 1 && name[0] == '.')) {
        return 0;
    }

    if ((len == 2 && name[0] == '.' && name[1] == '.')
        || len > SELKIES_NAME_BYTES || path->depth == SELKIES_PATH_DEPTH
        || path->len + 1 + len >= SELKIES_PATH_BYTES
        || selkies_path_is_ours((const char *) name, len)
        || (made && !selkies_name_is_text(name, name + len)))
    {
        return -1;
    }

    if (path->len != 0) {
        path->data[path->len++] = '/';
    }

    path->name = path->len;
    memcpy(path->data + path->len, name, len);
    path->len += len;
    path->data[path->len] = '\0';
    path->depth++;

    return 0;
}


int
selkies_path_is_ours(const char *name, size_t len)
{
    return len >= sizeof(SELKIES_OURS) - 1
           && memcmp(name, SELKIES_OURS, sizeof(SELKIES_OURS) - 1) == 0;
}


/* UTF-8 of the shortest form, without control characters of either set. */

static int
selkies_name_is_text(const uint8_t *pos, const uint8_t *end)
{
    uint32_t  code;

    while (pos < end) {
        pos = selkies_utf8_next(pos, end, &code);

        if (pos == NULL || code < 0x20 || (code >= 0x7f && code < 0xa0)
            || code == 0x2028 || code == 0x2029)
        {
            return 0;
        }
    }

    return 1;
}


static const uint8_t *
selkies_utf8_next(const uint8_t *pos, const uint8_t *end, uint32_t *code)
{
    unsigned  n, i;
    uint32_t  c;

    static const uint32_t  least[] = { 0, 0x80, 0x800, 0x10000 };

    c = *pos;

    n = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1
        : (c & 0xf0) == 0xe0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : 4;

    if (n == 4 || (size_t) (end - pos) <= n) {
        return NULL;
    }

    if (n != 0) {
        c &= 0x3fu >> n;
    }

    for (i = 1; i <= n; i++) {

        if ((pos[i] & 0xc0) != 0x80) {
            return NULL;
        }

        c = c << 6 | (pos[i] & 0x3fu);
    }

    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
        return NULL;
    }

    *code = c;

    return pos + n + 1;
}


ssize_t
selkies_percent_decode(uint8_t *out, size_t size, const uint8_t *pos,
    const uint8_t *end)
{
    int       high, low;
    uint8_t  *p;

    for (p = out; pos < end; p++) {

        if ((size_t) (p - out) == size) {
            return -1;
        }

        if (*pos != '%') {
            *p = *pos++;
            continue;
        }

        if (end - pos < 3) {
            return -1;
        }

        high = selkies_hex(pos[1]);
        low = selkies_hex(pos[2]);

        if (high < 0 || low < 0) {
            return -1;
        }

        *p = (uint8_t) (high << 4 | low);
        pos += 3;
    }

    return p - out;
}


static int
selkies_hex(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}


const char *
selkies_upload_parse(selkies_upload_headers_t *h,
    const selkies_upload_fields_t *fields, uint64_t body)
{
    ssize_t  n;
    uint8_t  decoded[SELKIES_PATH_BYTES];

    h->id[0] = '\0';
    h->offset = 0;
    h->total = SELKIES_UPLOAD_UNKNOWN;
    h->final = 1;
    h->folder = selkies_is(fields->folder, "1");

    if (fields->path.data == NULL) {
        return "The header X-Upload-Path is missing.";
    }

    memset(decoded, 0, sizeof(decoded));

    n = selkies_percent_decode(decoded, sizeof(decoded), fields->path.data,
                               fields->path.data + fields->path.len);

    if (n < 0 || selkies_path_parse(&h->path, decoded, decoded + n, 1) != 0) {
        return "The path is not acceptable.";
    }

    if (selkies_exists_parse(&h->exists, fields->exists) != 0) {
        return "X-Upload-Exists is replace, refuse or keep.";
    }

    if (fields->total.data != NULL
        && selkies_number(fields->total, &h->total) != 0)
    {
        return "The header X-Upload-Total is not a number.";
    }

    if (h->folder) {
        return fields->id.data != NULL || fields->offset.data != NULL
               || body != 0 ? "A folder has no contents." : NULL;
    }

    if (fields->id.data != NULL) {
        return selkies_slice_parse(h, fields, body);
    }

    if (fields->offset.data != NULL) {
        return "X-Upload-Offset needs X-Upload-Id.";
    }

    if (h->total == SELKIES_UPLOAD_UNKNOWN) {
        h->total = body;
    }

    return body != SELKIES_UPLOAD_UNKNOWN && body != h->total
           ? "The body is not as long as X-Upload-Total says." : NULL;
}


static const char *
selkies_slice_parse(selkies_upload_headers_t *h,
    const selkies_upload_fields_t *fields, uint64_t body)
{
    size_t                 i;
    const selkies_span_t  *id = &fields->id;

    if (id->len == 0 || id->len > SELKIES_UPLOAD_ID_MAX) {
        return "The header X-Upload-Id is empty or too long.";
    }

    for (i = 0; i < id->len; i++) {

        if (id->data[i] <= 0x20 || id->data[i] >= 0x7f) {
            return "The header X-Upload-Id is not acceptable.";
        }
    }

    memcpy(h->id, id->data, id->len);
    h->id[id->len] = '\0';

    if (fields->offset.data == NULL
        || selkies_number(fields->offset, &h->offset) != 0)
    {
        return "X-Upload-Id needs X-Upload-Offset, a number.";
    }

    h->final = selkies_is(fields->final, "1");

    if (h->final && h->total == SELKIES_UPLOAD_UNKNOWN) {
        return "The last slice needs X-Upload-Total.";
    }

    if (h->offset > h->total
        || (body != SELKIES_UPLOAD_UNKNOWN && body > h->total - h->offset))
    {
        return "The slice goes beyond X-Upload-Total.";
    }

    if (h->final && body != SELKIES_UPLOAD_UNKNOWN
        && body != h->total - h->offset)
    {
        return "The last slice does not end at X-Upload-Total.";
    }

    return NULL;
}


/* Stock clients say nothing, and replace. */

static int
selkies_exists_parse(selkies_exists_e *exists, selkies_span_t span)
{
    size_t  i;

    static const char *const  names[] = {
        [SELKIES_EXISTS_REPLACE] = "replace",
        [SELKIES_EXISTS_REFUSE] = "refuse",
        [SELKIES_EXISTS_KEEP] = "keep"
    };

    *exists = SELKIES_EXISTS_REPLACE;

    if (span.data == NULL) {
        return 0;
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        if (selkies_is(span, names[i])) {
            *exists = (selkies_exists_e) i;
            return 0;
        }
    }

    return -1;
}


static int
selkies_is(selkies_span_t span, const char *text)
{
    return span.data != NULL && span.len == strlen(text)
           && memcmp(span.data, text, span.len) == 0;
}


/* Decimal, below 2^63. */

static int
selkies_number(selkies_span_t span, uint64_t *value)
{
    size_t    i;
    uint64_t  n;

    if (span.len == 0 || span.len > 18) {
        return -1;
    }

    for (n = 0, i = 0; i < span.len; i++) {

        if (span.data[i] < '0' || span.data[i] > '9') {
            return -1;
        }

        n = n * 10 + (span.data[i] - '0');
    }

    *value = n;

    return 0;
}
