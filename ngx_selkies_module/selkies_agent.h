
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The module's side of what it says to selkies-agent, which runs programs in
 * the desktop session: capture/session/selkies-agent.h has the messages.
 *
 * Thread: any; pure.
 */


#ifndef SELKIES_AGENT_CLIENT_H_INCLUDED
#define SELKIES_AGENT_CLIENT_H_INCLUDED


#include "../capture/session/selkies-agent.h"
#include "selkies_protocol.h"


#pragma GCC visibility push(hidden)


#define SELKIES_AGENT_HEADER    5       /* length and kind */


/*
 * The beginning of a request whose contents have `len` bytes, behind which
 * these go.  0, or -1: it would be too long.
 */

int selkies_agent_begin(uint8_t out[SELKIES_AGENT_HEADER], uint8_t kind,
    size_t len);


typedef enum {
    SELKIES_AGENT_MORE = 0,             /* to come */
    SELKIES_AGENT_DONE,
    SELKIES_AGENT_FAILED,               /* why, in the span */
    SELKIES_AGENT_NONSENSE
} selkies_agent_answer_t;


/* What has come of an answer; `why` points into it. */

selkies_agent_answer_t selkies_agent_read_reply(const uint8_t *data,
    size_t len, selkies_span_t *why);


#pragma GCC visibility pop


#endif /* SELKIES_AGENT_CLIENT_H_INCLUDED */
