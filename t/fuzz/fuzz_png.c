
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * What a clipboard calls a PNG.
 *
 * Thread: one.
 */


#include "../../encoders/repack.h"
#include "replay.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t  len;

    len = selkies_png_length(data, size);

    holds(len <= size);

    if (len != 0) {

        /* the smallest there is: a header, no data, an end */

        holds(len >= 8 + 25 + 12 + 12);
        holds(memcmp(data + len - 8, "IEND", 4) == 0);
        holds(selkies_png_length(data, len) == len);
        holds(selkies_png_length(data, len - 1) == 0);
    }

    return 0;
}
