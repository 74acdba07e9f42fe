
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * See selkies_transfer.h.
 */


#include <stdlib.h>
#include <string.h>

#include "selkies_transfer.h"


static selkies_transfer_status_t selkies_transfer_begin(
    selkies_transfer_t *transfer, const selkies_command_t *cmd, size_t total);
static int selkies_transfer_matches(const selkies_transfer_t *transfer,
    const selkies_command_t *cmd);
static selkies_transfer_status_t selkies_transfer_decode(
    selkies_transfer_t *transfer, selkies_span_t base64);
static size_t selkies_transfer_decoded(selkies_span_t base64);


selkies_transfer_status_t
selkies_transfer_set(selkies_transfer_t *transfer,
    const selkies_command_t *cmd, size_t max_bytes)
{
    size_t                     total;
    selkies_transfer_status_t  rc;

    total = selkies_transfer_decoded(cmd->u.clipboard.base64);

    if (total > max_bytes) {
        selkies_transfer_abort(transfer);
        return SELKIES_TRANSFER_TOO_LARGE;
    }

    rc = selkies_transfer_begin(transfer, cmd, total);

    if (rc == SELKIES_TRANSFER_OK) {
        rc = selkies_transfer_decode(transfer, cmd->u.clipboard.base64);
    }

    if (rc != SELKIES_TRANSFER_OK) {
        return rc;
    }

    transfer->active = 0;

    return SELKIES_TRANSFER_DONE;
}


selkies_transfer_status_t
selkies_transfer_start(selkies_transfer_t *transfer,
    const selkies_command_t *cmd, size_t max_bytes)
{
    if (cmd->u.clipboard.total_bytes > max_bytes) {
        selkies_transfer_abort(transfer);
        return SELKIES_TRANSFER_TOO_LARGE;
    }

    return selkies_transfer_begin(transfer, cmd,
                                  (size_t) cmd->u.clipboard.total_bytes);
}


selkies_transfer_status_t
selkies_transfer_data(selkies_transfer_t *transfer,
    const selkies_command_t *cmd)
{
    if (!selkies_transfer_matches(transfer, cmd)) {
        return SELKIES_TRANSFER_STRAY;
    }

    return selkies_transfer_decode(transfer, cmd->u.clipboard.base64);
}


selkies_transfer_status_t
selkies_transfer_end(selkies_transfer_t *transfer,
    const selkies_command_t *cmd)
{
    if (!selkies_transfer_matches(transfer, cmd)) {
        return SELKIES_TRANSFER_STRAY;
    }

    if (transfer->len != transfer->total) {
        selkies_transfer_abort(transfer);
        return SELKIES_TRANSFER_BROKEN;
    }

    transfer->active = 0;

    return SELKIES_TRANSFER_DONE;
}


uint8_t *
selkies_transfer_take(selkies_transfer_t *transfer, size_t *len,
    const char **mime, size_t *mime_len)
{
    uint8_t  *data;

    data = transfer->data;
    *len = transfer->len;
    *mime = transfer->mime;
    *mime_len = transfer->mime_len;

    transfer->data = NULL;
    transfer->len = 0;
    transfer->total = 0;
    transfer->active = 0;

    return data;
}


void
selkies_transfer_abort(selkies_transfer_t *transfer)
{
    free(transfer->data);

    transfer->data = NULL;
    transfer->len = 0;
    transfer->total = 0;
    transfer->active = 0;
}


/* The spans are no longer than the parser allows. */

static selkies_transfer_status_t
selkies_transfer_begin(selkies_transfer_t *transfer,
    const selkies_command_t *cmd, size_t total)
{
    static const char  text[] = "text/plain";

    selkies_transfer_abort(transfer);

    /* untouched pages cost nothing, whatever was announced */

    transfer->data = malloc(total + 1);

    if (transfer->data == NULL) {
        return SELKIES_TRANSFER_NO_MEMORY;
    }

    transfer->total = total;
    transfer->active = 1;
    transfer->binary = cmd->u.clipboard.binary != 0;
    transfer->id_len = cmd->u.clipboard.id.len;

    if (transfer->id_len != 0) {
        memcpy(transfer->id, cmd->u.clipboard.id.data, transfer->id_len);
    }

    if (transfer->binary) {
        transfer->mime_len = cmd->u.clipboard.mime.len;
        memcpy(transfer->mime, cmd->u.clipboard.mime.data,
               transfer->mime_len);

    } else {
        transfer->mime_len = sizeof(text) - 1;
        memcpy(transfer->mime, text, sizeof(text) - 1);
    }

    return SELKIES_TRANSFER_OK;
}


static int
selkies_transfer_matches(const selkies_transfer_t *transfer,
    const selkies_command_t *cmd)
{
    return transfer->active
           && transfer->binary == (unsigned) (cmd->u.clipboard.binary != 0)
           && transfer->id_len == cmd->u.clipboard.id.len
           && (transfer->id_len == 0
               || memcmp(transfer->id, cmd->u.clipboard.id.data,
                         transfer->id_len)
                  == 0);
}


static selkies_transfer_status_t
selkies_transfer_decode(selkies_transfer_t *transfer, selkies_span_t base64)
{
    size_t  n;

    if (base64.len % 4 != 0
        || selkies_transfer_decoded(base64) > transfer->total - transfer->len)
    {
        selkies_transfer_abort(transfer);
        return SELKIES_TRANSFER_BROKEN;
    }

    n = selkies_base64_decode(transfer->data + transfer->len, base64.data,
                              base64.len);

    if (n == (size_t) -1) {
        selkies_transfer_abort(transfer);
        return SELKIES_TRANSFER_BROKEN;
    }

    transfer->len += n;

    return SELKIES_TRANSFER_OK;
}


/* How many bytes the decoder writes, and no more. */

static size_t
selkies_transfer_decoded(selkies_span_t base64)
{
    size_t  n;

    n = base64.len / 4 * 3;

    if (base64.len >= 4 && base64.data[base64.len - 1] == '=') {
        n -= base64.data[base64.len - 2] == '=' ? 2 : 1;
    }

    return n;
}
