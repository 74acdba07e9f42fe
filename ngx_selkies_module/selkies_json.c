
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Bounded JSON input (selkies_json.h).
 *
 * Thread: any.  Ownership: the result is the caller's.
 */


#include "selkies_json.h"


/*
 * The library recurses as deep as the text nests, up to 2048: the depth is
 * counted first.  Brackets in strings do not nest.
 */

static int
selkies_json_depth(const uint8_t *data, size_t len)
{
    int     quoted;
    size_t  i, depth;

    quoted = 0;
    depth = 0;

    for (i = 0; i < len; i++) {

        if (quoted) {

            if (data[i] == '\\') {
                i++;

            } else if (data[i] == '"') {
                quoted = 0;
            }

            continue;
        }

        switch (data[i]) {

        case '"':
            quoted = 1;
            break;

        case '{':
        case '[':

            if (++depth > SELKIES_JSON_DEPTH) {
                return -1;
            }

            break;

        case '}':
        case ']':

            if (depth > 0) {
                depth--;
            }

            break;
        }
    }

    return 0;
}


json_t *
selkies_json_object(const uint8_t *data, size_t len)
{
    json_t  *root;

    if (len == 0 || len > SELKIES_JSON_BYTES
        || selkies_json_depth(data, len) != 0)
    {
        return NULL;
    }

    root = json_loadb((const char *) data, len, 0, NULL);

    if (!json_is_object(root)) {
        json_decref(root);
        return NULL;
    }

    return root;
}
