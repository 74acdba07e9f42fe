
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Requests to selkies-agent, as anybody who may connect sends them, and its
 * replies, as a worker reads them.
 *
 * Thread: one.
 */


#include "../../capture/session/selkies-agent-protocol.c"
#include "../../ngx_selkies_module/selkies_agent.h"
#include "replay.h"


static void
requests(uint8_t *data, size_t size)
{
    long                      used;
    size_t                    i, n;
    selkies_agent_request_t   request;

    while ((used = selkies_agent_parse(&request, data, size)) > 0) {
        holds((size_t) used <= size);

        n = 0;

        switch (request.kind) {

        case SELKIES_AGENT_RUN:

            for (i = 0; request.argv[i] != NULL; i++) {
                n += strlen(request.argv[i]) + 1;
            }

            holds(i >= 1 && i <= SELKIES_AGENT_ARGS_MAX);
            holds((long) n + 5 == used && request.argv[0][0] != '\0');
            break;

        case SELKIES_AGENT_COMMAND:
            holds((long) strlen(request.text) + 6 == used);
            holds(request.text[0] != '\0');
            break;

        default:
            holds(request.kind == SELKIES_AGENT_DPI && used == 13);
            holds(request.dpi >= 1 && request.dpi <= 10000);
            holds(request.cursor >= 1 && request.cursor <= 1024);
        }

        data += used;
        size -= (size_t) used;
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t         *copy;
    selkies_span_t   why;

    /* exactly so large, so that one byte too far is seen */

    copy = malloc(size ? size : 1);
    holds(copy != NULL);
    memcpy(copy, data, size);

    requests(copy, size);

    memcpy(copy, data, size);

    switch (selkies_agent_read_reply(copy, size, &why)) {

    case SELKIES_AGENT_DONE:
    case SELKIES_AGENT_FAILED:
        holds(why.data == copy + 5 && why.len + 5 == size);
        holds(why.len < SELKIES_AGENT_REPLY_MAX);
        break;

    default:
        break;
    }

    free(copy);

    return 0;
}
