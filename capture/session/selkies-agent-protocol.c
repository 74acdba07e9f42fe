
/*
 * Copyright (C) ngx_selkies authors
 *
 * The agent's side of its protocol; see selkies-agent.h.  Pure.
 */


#include <string.h>

#include "selkies-agent.h"


static uint32_t selkies_agent_uint32(const uint8_t *data);
static int selkies_agent_arguments(selkies_agent_request_t *request,
    char *pos, size_t len);


long
selkies_agent_parse(selkies_agent_request_t *request, uint8_t *data,
    size_t len)
{
    char      *pos;
    uint32_t   size, dpi, cursor;

    memset(request, 0, sizeof(selkies_agent_request_t));

    if (len < 4) {
        return 0;
    }

    size = selkies_agent_uint32(data);

    if (size < 2 || size > SELKIES_AGENT_REQUEST_MAX) {
        return -1;
    }

    if (len - 4 < size) {
        return 0;
    }

    request->kind = data[4];
    pos = (char *) data + 5;

    switch (request->kind) {

    case SELKIES_AGENT_RUN:

        if (selkies_agent_arguments(request, pos, size - 1) != 0) {
            return -1;
        }

        break;

    case SELKIES_AGENT_COMMAND:

        if (memchr(pos, '\0', size - 1) != pos + size - 2 || size == 2) {
            return -1;
        }

        request->text = pos;
        break;

    case SELKIES_AGENT_DPI:

        if (size != 9) {
            return -1;
        }

        dpi = selkies_agent_uint32(data + 5);
        cursor = selkies_agent_uint32(data + 9);

        if (dpi < 1 || dpi > 10000 || cursor < 1 || cursor > 1024) {
            return -1;
        }

        request->dpi = (int32_t) dpi;
        request->cursor = (int32_t) cursor;
        break;

    default:
        return -1;
    }

    return (long) size + 4;
}


static int
selkies_agent_arguments(selkies_agent_request_t *request, char *pos,
    size_t len)
{
    char    *end, *zero;
    size_t   n;

    end = pos + len;

    for (n = 0; pos < end; n++) {
        zero = memchr(pos, '\0', (size_t) (end - pos));

        if (zero == NULL || n == SELKIES_AGENT_ARGS_MAX) {
            return -1;
        }

        request->argv[n] = pos;
        pos = zero + 1;
    }

    return n == 0 || request->argv[0][0] == '\0' ? -1 : 0;
}


static uint32_t
selkies_agent_uint32(const uint8_t *data)
{
    return (uint32_t) data[0] << 24 | (uint32_t) data[1] << 16
           | (uint32_t) data[2] << 8 | data[3];
}


size_t
selkies_agent_reply(uint8_t out[SELKIES_AGENT_REPLY_MAX + 4], const char *why)
{
    size_t  len;

    len = why == NULL ? 0 : strlen(why);
    len = len < SELKIES_AGENT_REPLY_MAX ? len : SELKIES_AGENT_REPLY_MAX - 1;

    out[0] = 0;
    out[1] = 0;
    out[2] = (uint8_t) ((len + 1) >> 8);
    out[3] = (uint8_t) (len + 1);
    out[4] = why != NULL;

    if (len != 0) {
        memcpy(out + 5, why, len);
    }

    return len + 5;
}
