
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Paths and the headers of an upload: lines, the first of them the value of
 * X-Upload-Path, then -Id, -Offset, -Total, -Final and the length of the body;
 * what is empty is absent.  The path is also taken as one of the websocket, to
 * be made and to be read.
 *
 * Thread: one.
 */


#include <stdlib.h>
#include <string.h>

#include "../../ngx_selkies_module/selkies_files.h"
#include "replay.h"


/* Whatever was taken is below the root, and within the limits. */

static void
check_path(const selkies_path_t *path, int made)
{
    unsigned     n;
    const char  *name, *slash;

    holds(path->len < SELKIES_PATH_BYTES);
    holds(path->depth <= SELKIES_PATH_DEPTH);
    holds(strlen(path->data) == path->len);
    holds(!made || path->depth != 0);

    if (path->len == 0) {
        holds(path->depth == 0);
        return;
    }

    for (n = 1, name = path->data; /* void */ ; n++, name = slash + 1) {
        size_t  len;

        slash = strchr(name, '/');
        len = slash == NULL ? strlen(name) : (size_t) (slash - name);

        holds(len != 0 && len <= 255);
        holds(strncmp(name, ".", len) != 0 || len != 1);
        holds(strncmp(name, "..", len) != 0 || len != 2);
        holds(!selkies_path_is_ours(name, len));

        if (slash == NULL) {
            break;
        }
    }

    holds(n == path->depth && name == path->data + path->name);
}


/* What was made of it is taken again, as it is. */

static void
check_again(const selkies_path_t *path)
{
    static selkies_path_t  again;

    holds(selkies_path_parse(&again, (const uint8_t *) path->data,
                             (const uint8_t *) path->data + path->len, 1)
          == 0);
    holds(again.len == path->len && again.depth == path->depth
          && memcmp(again.data, path->data, path->len) == 0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                           i;
    uint64_t                         body;
    const char                      *wrong;
    const uint8_t                   *end, *line;
    selkies_span_t                   spans[8];
    selkies_upload_fields_t          fields;

    static selkies_path_t            path;
    static selkies_upload_headers_t  h;

    if (selkies_path_parse(&path, data, data + size, 0) == 0) {
        check_path(&path, 0);
    }

    if (selkies_path_parse(&path, data, data + size, 1) == 0) {
        check_path(&path, 1);
        check_again(&path);
    }

    end = data + size;

    for (i = 0; i < 8; i++) {
        line = data == end ? NULL : memchr(data, '\n', (size_t) (end - data));

        if (line == NULL) {
            line = end;
        }

        spans[i].len = (size_t) (line - data);
        spans[i].data = spans[i].len != 0 ? data : NULL;
        data = line == end ? end : line + 1;
    }

    body = spans[5].len == 0 ? SELKIES_UPLOAD_UNKNOWN : 0;

    for (i = 0; i < spans[5].len && i < 18; i++) {
        body = body * 10 + (spans[5].data[i] & 15) % 10;
    }

    fields = (selkies_upload_fields_t) { spans[0], spans[1], spans[2],
                                         spans[3], spans[4], spans[6],
                                         spans[7] };

    wrong = selkies_upload_parse(&h, &fields, body);

    if (wrong != NULL) {
        holds(strchr(wrong, '"') == NULL);
        return 0;
    }

    check_path(&h.path, 1);
    check_again(&h.path);

    holds(h.total == SELKIES_UPLOAD_UNKNOWN || h.offset <= h.total);
    holds(strlen(h.id) <= SELKIES_UPLOAD_ID_MAX);
    holds(h.id[0] != '\0' || (h.offset == 0 && h.final));
    holds(h.exists <= SELKIES_EXISTS_KEEP);
    holds(!h.folder || (h.id[0] == '\0' && body == 0));
    holds(h.id[0] == '\0' || !h.final || h.total != SELKIES_UPLOAD_UNKNOWN);

    return 0;
}
