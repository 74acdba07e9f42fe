
/*
 * Copyright (C) ngx_selkies authors
 *
 * See resources.h.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resources.h"


#define SELKIES_RESOURCES_LINE    96        /* of ours */
#define SELKIES_RESOURCES_VALUE   1000000


static const char *selkies_resources_line(const char *pos, const char *end);
static const char *selkies_resources_value(const char *pos, const char *end,
    const char *name);
static char *selkies_resources_put(char *out,
    const selkies_resource_t *resource);


char *
selkies_resources_merge(const char *text, size_t len,
    const selkies_resource_t *resources, size_t n, size_t *out_len)
{
    char        *out, *last;
    size_t       i;
    uint64_t     written;
    const char  *pos, *end, *next;

    if (n > 32) {
        return NULL;
    }

    out = malloc(len + n * SELKIES_RESOURCES_LINE + 2);

    if (out == NULL) {
        return NULL;
    }

    last = out;
    written = 0;
    end = text + len;

    for (pos = text; pos < end; pos = next) {
        next = selkies_resources_line(pos, end);

        for (i = 0; i < n; i++) {
            if (selkies_resources_value(pos, next, resources[i].name)) {
                break;
            }
        }

        if (i == n) {
            memcpy(last, pos, (size_t) (next - pos));
            last += next - pos;

        } else if (!(written & (uint64_t) 1 << i)) {
            written |= (uint64_t) 1 << i;
            last = selkies_resources_put(last, &resources[i]);
        }
    }

    /* a last line that goes on must not swallow what comes behind it */

    if (last != out && last[-1] != '\n') {
        *last++ = '\n';
    }

    if (last - out > 1 && last[-2] == '\\') {
        *last++ = '\n';
    }

    for (i = 0; i < n; i++) {
        if (!(written & (uint64_t) 1 << i)) {
            last = selkies_resources_put(last, &resources[i]);
        }
    }

    *out_len = (size_t) (last - out);

    return out;
}


static char *
selkies_resources_put(char *out, const selkies_resource_t *resource)
{
    int  n;

    n = snprintf(out, SELKIES_RESOURCES_LINE, "%s:\t%d\n", resource->name,
                 (int) resource->value);

    return n > 0 && n < SELKIES_RESOURCES_LINE ? out + n : out;
}


int32_t
selkies_resources_find(const char *text, size_t len, const char *name)
{
    int32_t      value;
    const char  *pos, *end, *next;

    end = text + len;

    for (pos = text; pos < end; pos = next) {
        next = selkies_resources_line(pos, end);
        pos = selkies_resources_value(pos, next, name);

        if (pos == NULL) {
            continue;
        }

        for (value = 0; pos < next && *pos >= '0' && *pos <= '9'; pos++) {
            value = value * 10 + (*pos - '0');

            if (value > SELKIES_RESOURCES_VALUE) {
                return 0;
            }
        }

        /* "96.5" is no whole number */

        return pos == next || *pos == '\n' || *pos == ' ' || *pos == '\t'
               || *pos == '\r' ? value : 0;
    }

    return 0;
}


/* Behind the line: a backslash at its end joins the next one to it. */

static const char *
selkies_resources_line(const char *pos, const char *end)
{
    const char  *line;

    for (line = pos; pos < end; pos++) {

        if (*pos == '\n' && (pos == line || pos[-1] != '\\')) {
            return pos + 1;
        }
    }

    return end;
}


/* What stands behind "name:", or NULL where the line is another one's. */

static const char *
selkies_resources_value(const char *pos, const char *end, const char *name)
{
    size_t  len;

    while (pos < end && (*pos == ' ' || *pos == '\t')) {
        pos++;
    }

    len = strlen(name);

    if ((size_t) (end - pos) <= len || memcmp(pos, name, len) != 0) {
        return NULL;
    }

    for (pos += len; pos < end && (*pos == ' ' || *pos == '\t'); pos++) {
        /* void */
    }

    if (pos == end || *pos != ':') {
        return NULL;
    }

    for (pos++; pos < end && (*pos == ' ' || *pos == '\t'); pos++) {
        /* void */
    }

    return pos;
}
