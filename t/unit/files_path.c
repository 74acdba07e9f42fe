
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * What a client may name, and what the headers of an upload say.
 *
 * Thread: the main thread.
 */


#include <stdio.h>
#include <string.h>

#include "tap.h"
#include "../../ngx_selkies_module/selkies_files.h"


static selkies_span_t
span(const char *text)
{
    selkies_span_t  s = { (const uint8_t *) text, text ? strlen(text) : 0 };

    return s;
}


static int
parse(const char *text, size_t len, int made, selkies_path_t *path)
{
    return selkies_path_parse(path, (const uint8_t *) text,
                              (const uint8_t *) text + len, made);
}


static void
paths(void)
{
    size_t          i;
    char            name[300], deep[3000];
    selkies_path_t  path;

    static const struct {
        const char  *text;
        const char  *want;          /* NULL: refused */
        const char  *read;
    } rows[] = {
        { "a", "a", "a" },
        { "a:b.bin", "a:b.bin", "a:b.bin" },
        { "a/b/c.txt", "a/b/c.txt", "a/b/c.txt" },
        { "./a//b/./c", "a/b/c", "a/b/c" },
        { "a/..b/...", "a/..b/...", "a/..b/..." },
        { "con", "con", "con" },
        { ".bashrc", ".bashrc", ".bashrc" },
        { "%2e%2e/x", "%2e%2e/x", "%2e%2e/x" },
        { "\\..\\x", "\\..\\x", "\\..\\x" },
        { "\xc3\xa4\xe6\x97\xa5\xf0\x9f\x98\x80", "\xc3\xa4\xe6\x97\xa5\xf0"
          "\x9f\x98\x80", "\xc3\xa4\xe6\x97\xa5\xf0\x9f\x98\x80" },
        { "", NULL, "" },
        { ".", NULL, "" },
        { "./", NULL, "" },
        { "a/", NULL, "a" },
        { "a/.", NULL, "a" },
        { "/a", NULL, NULL },
        { "//a", NULL, NULL },
        { "..", NULL, NULL },
        { "../a", NULL, NULL },
        { "a/../b", NULL, NULL },
        { "a/..", NULL, NULL },
        { "a\nb", NULL, "a\nb" },
        { "a\x7f", NULL, "a\x7f" },
        { "a\xc2\x85", NULL, "a\xc2\x85" },
        { "a\xe2\x80\xa8", NULL, "a\xe2\x80\xa8" },
        { "a\xff", NULL, "a\xff" },
        { "\xc0\xae\xc0\xae/x", NULL, "\xc0\xae\xc0\xae/x" },
        { "\xe0\x80\xaf", NULL, "\xe0\x80\xaf" },
        { "\xed\xa0\x80", NULL, "\xed\xa0\x80" },
        { "\xf4\x90\x80\x80", NULL, "\xf4\x90\x80\x80" },
        { "a\xc3", NULL, "a\xc3" },
        { ".selkies-upload/x", NULL, NULL },
        { "a/.selkies-1", NULL, NULL }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ok(parse(rows[i].text, strlen(rows[i].text), 1, &path)
           == (rows[i].want ? 0 : -1)
           && (!rows[i].want || strcmp(path.data, rows[i].want) == 0),
           "row %zu, to be made", i);
        ok(parse(rows[i].text, strlen(rows[i].text), 0, &path)
           == (rows[i].read ? 0 : -1)
           && (!rows[i].read || strcmp(path.data, rows[i].read) == 0),
           "row %zu, to be read", i);
    }

    ok(parse("a\0b", 3, 1, &path) == -1 && parse("a\0b", 3, 0, &path) == -1,
       "a zero");

    memset(name, 'n', sizeof(name));
    ok(parse(name, 255, 1, &path) == 0, "255 bytes");
    ok(parse(name, 256, 1, &path) == -1, "256 bytes");

    for (i = 0; i < 65; i++) {
        memcpy(deep + 2 * i, "d/", 2);
    }

    ok(parse(deep, 127, 1, &path) == 0 && path.depth == 64, "64 deep");
    ok(parse(deep, 129, 1, &path) == -1, "65 deep");

    memset(deep, 'l', sizeof(deep));

    for (i = 200; i < sizeof(deep); i += 200) {
        deep[i] = '/';
    }

    ok(parse(deep, SELKIES_PATH_BYTES - 1, 1, &path) == 0, "as long as it may");
    ok(parse(deep, SELKIES_PATH_BYTES, 1, &path) == -1, "one too long");
}


static void
headers(void)
{
    size_t                    i;
    char                      encoded[7000];
    const char               *wrong;
    selkies_upload_fields_t   fields;
    selkies_upload_headers_t  h;

    static const struct {
        const char  *path, *id, *offset, *total, *final;
        uint64_t     body;
        int          good;
        const char  *exists, *folder;
    } rows[] = {
        { "a%20b%2Fc", NULL, NULL, NULL, NULL, 5, 1, NULL, NULL },
        { "a", NULL, NULL, "5", NULL, 5, 1, NULL, NULL },
        { "a", NULL, NULL, "5", NULL, SELKIES_UPLOAD_UNKNOWN, 1, NULL, NULL },
        { "a", "id-1", "0", "10", NULL, 5, 1, NULL, NULL },
        { "a", "id-1", "0", NULL, NULL, 5, 1, NULL, NULL },
        { "a", "id-1", "5", "10", "1", 5, 1, NULL, NULL },
        { "a", "id-1", "10", "10", "1", 0, 1, NULL, NULL },
        { NULL, NULL, NULL, NULL, NULL, 5, 0, NULL, NULL },
        { "", NULL, NULL, NULL, NULL, 5, 0, NULL, NULL },
        { "%2e%2e/a", NULL, NULL, NULL, NULL, 5, 0, NULL, NULL },
        { "%2Fetc/a", NULL, NULL, NULL, NULL, 5, 0, NULL, NULL },
        { "a%00b", NULL, NULL, NULL, NULL, 5, 0, NULL, NULL },
        { "a%0", NULL, NULL, NULL, NULL, 5, 0, NULL, NULL },
        { "a%zz", NULL, NULL, NULL, NULL, 5, 0, NULL, NULL },
        { "a", NULL, NULL, "6", NULL, 5, 0, NULL, NULL },
        { "a", NULL, NULL, "x", NULL, 5, 0, NULL, NULL },
        { "a", NULL, "0", NULL, NULL, 5, 0, NULL, NULL },
        { "a", "", "0", "10", NULL, 5, 0, NULL, NULL },
        { "a", "x y", "0", "10", NULL, 5, 0, NULL, NULL },
        { "a", "id", NULL, "10", NULL, 5, 0, NULL, NULL },
        { "a", "id", "-1", "10", NULL, 5, 0, NULL, NULL },
        { "a", "id", "9999999999999999999", "10", NULL, 5, 0, NULL, NULL },
        { "a", "id", "6", "10", NULL, 5, 0, NULL, NULL },
        { "a", "id", "11", "10", NULL, 0, 0, NULL, NULL },
        { "a", "id", "0", NULL, "1", 5, 0, NULL, NULL },
        { "a", "id", "0", "10", "1", 5, 0, NULL, NULL },
        { "a", NULL, NULL, NULL, NULL, 5, 1, "replace", NULL },
        { "a", NULL, NULL, NULL, NULL, 5, 1, "refuse", NULL },
        { "a", "id", "0", "5", "1", 5, 1, "keep", NULL },
        { "a", NULL, NULL, NULL, NULL, 5, 0, "keep both", NULL },
        { "a", NULL, NULL, NULL, NULL, 5, 0, "", NULL },
        { "a", NULL, NULL, NULL, NULL, 0, 1, NULL, "1" },
        { "a", NULL, NULL, NULL, NULL, 5, 0, NULL, "1" },
        { "a", NULL, NULL, NULL, NULL, SELKIES_UPLOAD_UNKNOWN, 0, NULL, "1" },
        { "a", "id", "0", "0", "1", 0, 0, NULL, "1" },
        { "../a", NULL, NULL, NULL, NULL, 0, 0, NULL, "1" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fields = (selkies_upload_fields_t) {
            .path = span(rows[i].path), .id = span(rows[i].id),
            .offset = span(rows[i].offset), .total = span(rows[i].total),
            .final = span(rows[i].final), .exists = span(rows[i].exists),
            .folder = span(rows[i].folder)
        };

        wrong = selkies_upload_parse(&h, &fields, rows[i].body);

        ok((wrong == NULL) == rows[i].good, "headers %zu: %s", i,
           wrong ? wrong : "right");
    }

    memset(encoded, 'a', sizeof(encoded));
    memset(encoded + 3000, '%', 4000);

    memset(&fields, 0, sizeof(fields));
    fields.path = (selkies_span_t) { (uint8_t *) encoded, 7000 };
    ok(selkies_upload_parse(&h, &fields, 0) != NULL,
       "a path that is long, and wrong at its end");

    memset(encoded, 'i', 129);
    encoded[129] = '\0';
    fields.path = span("a");
    fields.id = span(encoded);
    fields.offset = span("0");
    fields.total = span("1");
    ok(selkies_upload_parse(&h, &fields, 1) != NULL, "too long an id");
}


int
main(void)
{
    paths();
    headers();

    return done_testing();
}
