
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * What a client sends for the clipboard, put together (protocol.md 15.1): one
 * message, or start, chunks and end, with or without an id.  One transfer at
 * a time; a new one ends the one before it.
 *
 * Thread: that of the caller.  Ownership: the transfer owns its buffer, of the
 * size the client has announced, until the end, when it moves to the caller.
 */


#ifndef SELKIES_TRANSFER_H_INCLUDED
#define SELKIES_TRANSFER_H_INCLUDED


#include "selkies_protocol.h"


#define SELKIES_TRANSFER_ID_BYTES    64
#define SELKIES_TRANSFER_MIME_BYTES  127


#pragma GCC visibility push(hidden)


typedef enum {
    SELKIES_TRANSFER_OK = 0,
    SELKIES_TRANSFER_DONE,              /* whole: take it */
    SELKIES_TRANSFER_TOO_LARGE,         /* refused, with all that follows */
    SELKIES_TRANSFER_BROKEN,            /* bytes do not add up, no base64 */
    SELKIES_TRANSFER_STRAY,             /* of no transfer under way */
    SELKIES_TRANSFER_NO_MEMORY
} selkies_transfer_status_t;


/* Zeroed: nothing is under way.  Fields are private. */

typedef struct {
    uint8_t                    *data;
    size_t                      len;
    size_t                      total;
    size_t                      mime_len;
    size_t                      id_len;
    unsigned                    active:1;
    unsigned                    binary:1;
    char                        mime[SELKIES_TRANSFER_MIME_BYTES];
    uint8_t                     id[SELKIES_TRANSFER_ID_BYTES];
} selkies_transfer_t;


/*
 * Each takes a command of the verb in its name.  set, end: DONE where all is
 * here.  A transfer that is refused or broken is over.
 */

selkies_transfer_status_t selkies_transfer_set(selkies_transfer_t *transfer,
    const selkies_command_t *cmd, size_t max_bytes);
selkies_transfer_status_t selkies_transfer_start(selkies_transfer_t *transfer,
    const selkies_command_t *cmd, size_t max_bytes);
selkies_transfer_status_t selkies_transfer_data(selkies_transfer_t *transfer,
    const selkies_command_t *cmd);
selkies_transfer_status_t selkies_transfer_end(selkies_transfer_t *transfer,
    const selkies_command_t *cmd);

/*
 * After DONE: the data, of malloc() with a byte to spare, the caller's from
 * now on, and its type ("text/plain" for text), valid until the next call.
 */

uint8_t *selkies_transfer_take(selkies_transfer_t *transfer, size_t *len,
    const char **mime, size_t *mime_len);

/* Frees what is under way. */

void selkies_transfer_abort(selkies_transfer_t *transfer);


#pragma GCC visibility pop


#endif /* SELKIES_TRANSFER_H_INCLUDED */
