
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Clipboards put together: lines of messages, one transfer.  It never holds
 * more than is allowed, what is whole has the announced size, and nothing
 * is left when it is over.
 *
 * Thread: one.
 */


#include <stdlib.h>
#include <string.h>

#include "../../ngx_selkies_module/selkies_transfer.h"
#include "replay.h"


#define MAX  4096


static void
take(selkies_transfer_t *transfer)
{
    size_t       i, len, mime_len;
    uint8_t     *data, sum;
    const char  *mime;

    data = selkies_transfer_take(transfer, &len, &mime, &mime_len);

    holds(data != NULL && len <= MAX);
    holds(mime_len > 0 && mime_len <= SELKIES_TRANSFER_MIME_BYTES);
    holds(!transfer->active && transfer->data == NULL);

    /* a byte to spare, and every one before it */

    data[len] = '\0';

    for (i = 0, sum = 0; i < len; i++) {
        sum ^= data[i];
    }

    data[len] = sum;
    free(data);
}


static void
message(selkies_transfer_t *transfer, const uint8_t *data, size_t len)
{
    selkies_command_t          cmd;
    selkies_transfer_status_t  rc;

    if (selkies_protocol_parse(&cmd, data, len, 0) != SELKIES_PARSE_OK) {
        return;
    }

    switch (cmd.verb) {

    case SELKIES_VERB_CLIPBOARD_SET:
        rc = selkies_transfer_set(transfer, &cmd, MAX);
        break;

    case SELKIES_VERB_CLIPBOARD_START:
        rc = selkies_transfer_start(transfer, &cmd, MAX);
        break;

    case SELKIES_VERB_CLIPBOARD_DATA:
        rc = selkies_transfer_data(transfer, &cmd);
        break;

    case SELKIES_VERB_CLIPBOARD_END:
        rc = selkies_transfer_end(transfer, &cmd);
        break;

    default:
        return;
    }

    holds(transfer->len <= transfer->total && transfer->total <= MAX);
    holds(transfer->active || transfer->data == NULL
          || rc == SELKIES_TRANSFER_DONE);

    if (rc == SELKIES_TRANSFER_DONE) {
        holds(transfer->len == transfer->total);
        take(transfer);

    } else if (rc == SELKIES_TRANSFER_TOO_LARGE
               || rc == SELKIES_TRANSFER_BROKEN)
    {
        holds(!transfer->active);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t              len;
    const uint8_t      *p, *end, *line;
    selkies_transfer_t  transfer;

    memset(&transfer, 0, sizeof(selkies_transfer_t));

    for (p = data, end = data + size; p < end; p += len + 1) {
        line = memchr(p, '\n', (size_t) (end - p));
        len = line == NULL ? (size_t) (end - p) : (size_t) (line - p);

        message(&transfer, p, len);
    }

    selkies_transfer_abort(&transfer);
    holds(transfer.data == NULL && !transfer.active);

    return 0;
}
