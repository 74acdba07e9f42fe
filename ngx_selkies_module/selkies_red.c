
/*
 * Copyright (C) ngx_selkies authors
 *
 * See selkies_red.h.
 */


#include <string.h>

#include "selkies_protocol.h"
#include "selkies_red.h"


#define SELKIES_RED_OPUS  111           /* of no meaning here, but usual */
#define SELKIES_RED_MORE  0x80          /* another block's head follows */


bool
selkies_red_fits(const selkies_red_t *copy, uint32_t time)
{
    uint32_t  offset;

    offset = time - copy->time;

    return copy->len != 0 && copy->len <= SELKIES_RED_LENGTH_MAX
           && offset != 0 && offset <= SELKIES_RED_OFFSET_MAX;
}


size_t
selkies_red_write(uint8_t *out, size_t size, const selkies_red_t *packets,
    unsigned n)
{
    size_t                len;
    uint8_t              *p;
    unsigned              i;
    uint32_t              time, block;

    len = SELKIES_RED_HEAD_BYTES(n);

    for (i = 0; i <= n; i++) {
        len += packets[i].len;
    }

    if (len > size) {
        return 0;
    }

    time = packets[n].time;
    p = out;

    selkies_audio_header(p, (uint8_t) n);
    p += SELKIES_AUDIO_HEADER_BYTES;

    *p++ = (uint8_t) (time >> 24);
    *p++ = (uint8_t) (time >> 16);
    *p++ = (uint8_t) (time >> 8);
    *p++ = (uint8_t) time;

    for (i = 0; i < n; i++) {
        block = (time - packets[i].time) << 10 | (uint32_t) packets[i].len;

        *p++ = SELKIES_RED_MORE | SELKIES_RED_OPUS;
        *p++ = (uint8_t) (block >> 16);
        *p++ = (uint8_t) (block >> 8);
        *p++ = (uint8_t) block;
    }

    *p++ = SELKIES_RED_OPUS;

    for (i = 0; i <= n; i++) {
        memcpy(p, packets[i].data, packets[i].len);
        p += packets[i].len;
    }

    return len;
}
