
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The parsers of the verbs, for the table in selkies_protocol.c.
 *
 * Thread: any; no state.  Ownership: spans point into the message.
 */


#ifndef SELKIES_PROTOCOL_VERBS_H_INCLUDED
#define SELKIES_PROTOCOL_VERBS_H_INCLUDED


#include "selkies_protocol.h"


#pragma GCC visibility push(hidden)


/*
 * A parser takes what follows the verb's delimiter, accepts exactly its
 * grammar and fills cmd->u.  verb, name and flags are set before, so that
 * verbs with one grammar share a parser.  Returns OK or MALFORMED.
 */

typedef selkies_parse_t (*selkies_verb_pt)(selkies_command_t *cmd,
    const uint8_t *pos, const uint8_t *end);


selkies_parse_t selkies_parse_object(selkies_command_t *cmd,
    const uint8_t *pos, const uint8_t *end);
selkies_parse_t selkies_parse_ack(selkies_command_t *cmd,
    const uint8_t *pos, const uint8_t *end);
selkies_parse_t selkies_parse_resize(selkies_command_t *cmd,
    const uint8_t *pos, const uint8_t *end);
selkies_parse_t selkies_parse_dpi(selkies_command_t *cmd,
    const uint8_t *pos, const uint8_t *end);
selkies_parse_t selkies_parse_switch(selkies_command_t *cmd,
    const uint8_t *pos, const uint8_t *end);
selkies_parse_t selkies_parse_key(selkies_command_t *cmd,
    const uint8_t *pos, const uint8_t *end);
selkies_parse_t selkies_parse_keys(selkies_command_t *cmd,
    const uint8_t *pos, const uint8_t *end);
selkies_parse_t selkies_parse_pointer(selkies_command_t *cmd,
    const uint8_t *pos, const uint8_t *end);
selkies_parse_t selkies_parse_type(selkies_command_t *cmd,
    const uint8_t *pos, const uint8_t *end);
selkies_parse_t selkies_parse_gamepad(selkies_command_t *cmd,
    const uint8_t *pos, const uint8_t *end);
selkies_parse_t selkies_parse_clipboard(selkies_command_t *cmd,
    const uint8_t *pos, const uint8_t *end);
selkies_parse_t selkies_parse_clipboard_start(selkies_command_t *cmd,
    const uint8_t *pos, const uint8_t *end);
selkies_parse_t selkies_parse_clipboard_data(selkies_command_t *cmd,
    const uint8_t *pos, const uint8_t *end);
selkies_parse_t selkies_parse_clipboard_end(selkies_command_t *cmd,
    const uint8_t *pos, const uint8_t *end);
selkies_parse_t selkies_parse_command(selkies_command_t *cmd,
    const uint8_t *pos, const uint8_t *end);
selkies_parse_t selkies_parse_app(selkies_command_t *cmd,
    const uint8_t *pos, const uint8_t *end);
selkies_parse_t selkies_parse_upload_start(selkies_command_t *cmd,
    const uint8_t *pos, const uint8_t *end);
selkies_parse_t selkies_parse_upload_end(selkies_command_t *cmd,
    const uint8_t *pos, const uint8_t *end);
selkies_parse_t selkies_parse_upload_error(selkies_command_t *cmd,
    const uint8_t *pos, const uint8_t *end);


/*
 * -?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?, which is what JavaScript prints,
 * by hand because strtod() follows the locale.  Good for some 15 digits; what
 * is beyond 1e18 is refused.  0 or -1.
 */

int selkies_parse_real(selkies_span_t span, double *value);


/* One to `max` letters, digits or characters of `more`. */

int selkies_parse_token(selkies_span_t span, size_t max, const char *more);


#pragma GCC visibility pop


#endif /* SELKIES_PROTOCOL_VERBS_H_INCLUDED */
