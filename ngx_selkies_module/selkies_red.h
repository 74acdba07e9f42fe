
/*
 * Copyright (C) ngx_selkies authors
 *
 * Redundant sound (protocol.md 6.1, after RFC 2198): a message that has, beside
 * its packet, copies of some before it, for who missed these.
 *
 * Thread: any.  Ownership: packets are the caller's.
 */


#ifndef SELKIES_RED_H_INCLUDED
#define SELKIES_RED_H_INCLUDED


#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>


#define SELKIES_RED_MAX             4       /* copies in a message */
#define SELKIES_RED_LENGTH_MAX      1023    /* of a copy: 10 bits */
#define SELKIES_RED_OFFSET_MAX      16383   /* samples before: 14 bits */

/* Of the message in front of its packets. */

#define SELKIES_RED_HEAD_BYTES(n)   (7 + 4 * (size_t) (n))


typedef struct {
    const uint8_t      *data;
    size_t              len;
    uint32_t            time;               /* samples at 48 kHz; wraps */
} selkies_red_t;


#pragma GCC visibility push(hidden)


/* Whether `copy` can be told in a message of a packet of that time. */

bool selkies_red_fits(const selkies_red_t *copy, uint32_t time);


/*
 * Writes a message: `n` copies, the oldest first, each of which fits, and
 * behind them the packet itself, packets[n].  Its length; 0 where that is more
 * than `size`.
 */

size_t selkies_red_write(uint8_t *out, size_t size,
    const selkies_red_t *packets, unsigned n);


#pragma GCC visibility pop


#endif /* SELKIES_RED_H_INCLUDED */
