
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * See selkies_agent.h.
 */


#include "selkies_agent.h"


int
selkies_agent_begin(uint8_t out[SELKIES_AGENT_HEADER], uint8_t kind,
    size_t len)
{
    if (len >= SELKIES_AGENT_REQUEST_MAX) {
        return -1;
    }

    len++;

    out[0] = 0;
    out[1] = (uint8_t) (len >> 16);
    out[2] = (uint8_t) (len >> 8);
    out[3] = (uint8_t) len;
    out[4] = kind;

    return 0;
}


selkies_agent_answer_t
selkies_agent_read_reply(const uint8_t *data, size_t len, selkies_span_t *why)
{
    size_t  size;

    why->data = NULL;
    why->len = 0;

    if (len < 4) {
        return SELKIES_AGENT_MORE;
    }

    size = (size_t) data[2] << 8 | data[3];

    if (data[0] != 0 || data[1] != 0 || size == 0
        || size > SELKIES_AGENT_REPLY_MAX)
    {
        return SELKIES_AGENT_NONSENSE;
    }

    if (len < 4 + size) {
        return SELKIES_AGENT_MORE;
    }

    if (len > 4 + size || data[4] > 1) {
        return SELKIES_AGENT_NONSENSE;
    }

    why->data = data + 5;
    why->len = size - 1;

    return data[4] ? SELKIES_AGENT_FAILED : SELKIES_AGENT_DONE;
}
