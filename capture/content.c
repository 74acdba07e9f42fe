
/*
 * Copyright (C) ngx_selkies authors
 *
 * What a clipboard holds, and its text.  See clipboard.h.
 *
 * Thread: any.
 */


#include <stdlib.h>
#include <string.h>

#include "clipboard_private.h"


static size_t selkies_content_code(const uint8_t *p, const uint8_t *end,
    uint32_t *code);


static const char *const  selkies_content_mimes[SELKIES_ATOM_FORMATS] = {
    [SELKIES_ATOM_PNG] = "image/png",
    [SELKIES_ATOM_JPEG] = "image/jpeg",
    [SELKIES_ATOM_WEBP] = "image/webp",
    [SELKIES_ATOM_GIF] = "image/gif",
    [SELKIES_ATOM_BMP] = "image/bmp",
    [SELKIES_ATOM_TIFF] = "image/tiff",
    [SELKIES_ATOM_AVIF] = "image/avif",
    [SELKIES_ATOM_SVG] = "image/svg+xml",
    [SELKIES_ATOM_HTML] = "text/html"
};


const char *
selkies_content_mime(unsigned format)
{
    return selkies_content_mimes[format];
}


int
selkies_content_is_known(const char *mime, size_t len)
{
    unsigned     format;
    const char  *known;

    for (format = 0; format < SELKIES_ATOM_FORMATS; format++) {
        known = selkies_content_mimes[format];

        if (known != NULL && strlen(known) == len
            && memcmp(known, mime, len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


selkies_content_t *
selkies_content_create(uint64_t origin)
{
    selkies_content_t  *content;

    content = calloc(1, sizeof(selkies_content_t));

    if (content != NULL) {
        atomic_init(&content->references, 1);
        content->origin = origin;
    }

    return content;
}


selkies_status_t
selkies_content_add(selkies_content_t *content, const char *mime,
    size_t mime_len, uint8_t *data, size_t len)
{
    selkies_content_part_t  *part;

    if (content->nparts == SELKIES_CONTENT_PARTS
        || mime_len >= SELKIES_CONTENT_MIME)
    {
        free(data);
        return SELKIES_ERROR;
    }

    part = &content->parts[content->nparts++];

    memcpy(part->mime, mime, mime_len);
    part->mime[mime_len] = '\0';
    part->data = data;
    part->len = len;
    part->data[len] = '\0';

    return SELKIES_OK;
}


void
selkies_content_hold(selkies_content_t *content)
{
    (void) atomic_fetch_add(&content->references, 1);
}


void
selkies_content_drop(selkies_content_t *content)
{
    unsigned  i;

    if (content == NULL || atomic_fetch_sub(&content->references, 1) != 1) {
        return;
    }

    for (i = 0; i < content->nparts; i++) {
        free(content->parts[i].data);
    }

    free(content);
}


int
selkies_content_same(const selkies_content_t *a, const selkies_content_t *b)
{
    return a->nparts != 0 && b->nparts != 0
           && strcmp(a->parts[0].mime, b->parts[0].mime) == 0
           && a->parts[0].len == b->parts[0].len
           && memcmp(a->parts[0].data, b->parts[0].data, a->parts[0].len) == 0;
}


/* How many bytes the character at p has; 0: it is none. */

static size_t
selkies_content_code(const uint8_t *p, const uint8_t *end, uint32_t *code)
{
    size_t    i, n;
    uint32_t  least;

    if (*p < 0x80) {
        *code = *p;
        return 1;
    }

    if (*p >= 0xc2 && *p <= 0xdf) {
        n = 2;
        least = 0x80;
        *code = *p & 0x1f;

    } else if ((*p & 0xf0) == 0xe0) {
        n = 3;
        least = 0x800;
        *code = *p & 0x0f;

    } else if (*p >= 0xf0 && *p <= 0xf4) {
        n = 4;
        least = 0x10000;
        *code = *p & 0x07;

    } else {
        return 0;
    }

    if ((size_t) (end - p) < n) {
        return 0;
    }

    for (i = 1; i < n; i++) {

        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }

        *code = *code << 6 | (p[i] & 0x3f);
    }

    if (*code < least || *code > 0x10ffff
        || (*code >= 0xd800 && *code <= 0xdfff))
    {
        return 0;
    }

    return n;
}


int
selkies_content_is_utf8(const uint8_t *data, size_t len)
{
    size_t          n;
    uint32_t        code;
    const uint8_t  *p, *end;

    end = data + len;

    for (p = data; p < end; p += n) {
        n = selkies_content_code(p, end, &code);

        if (n == 0) {
            return 0;
        }
    }

    return 1;
}


uint8_t *
selkies_content_from_latin1(const uint8_t *data, size_t len, size_t *out_len)
{
    size_t    i, n;
    uint8_t  *out, *p;

    for (i = 0, n = len; i < len; i++) {
        n += data[i] >> 7;
    }

    out = malloc(n + 1);

    if (out == NULL) {
        return NULL;
    }

    for (i = 0, p = out; i < len; i++) {

        if (data[i] < 0x80) {
            *p++ = data[i];

        } else {
            *p++ = (uint8_t) (0xc0 | data[i] >> 6);
            *p++ = (uint8_t) (0x80 | (data[i] & 0x3f));
        }
    }

    *p = '\0';
    *out_len = n;

    return out;
}


uint8_t *
selkies_content_to_latin1(const uint8_t *data, size_t len, size_t *out_len)
{
    size_t          n;
    uint8_t        *out, *to;
    uint32_t        code;
    const uint8_t  *p, *end;

    out = malloc(len + 1);

    if (out == NULL) {
        return NULL;
    }

    end = data + len;

    for (p = data, to = out; p < end; p += n) {
        n = selkies_content_code(p, end, &code);

        if (n == 0) {
            n = 1;
            code = '?';
        }

        *to++ = (uint8_t) (code <= 0xff ? code : '?');
    }

    *to = '\0';
    *out_len = (size_t) (to - out);

    return out;
}
