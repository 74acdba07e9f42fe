
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Whether to wait a moment before damage is captured, because the rest of
 * what is being drawn tends to follow: a picture torn by its capture costs two
 * encodes, and the second half comes a frame later.  What follows nothing is
 * never waited for, and neither is what goes on for longer than the wait.
 *
 * Pure: times are those of the X server's events, in milliseconds.
 *
 * Thread: the struct's owner.  Ownership: the caller's struct, no pointers;
 * zeroed memory is one that has seen nothing.
 */


#ifndef SELKIES_PACE_H_INCLUDED
#define SELKIES_PACE_H_INCLUDED


#include <stdbool.h>
#include <stdint.h>


#define SELKIES_PACE_WAIT_US   2000     /* is all that it ever waits */


#pragma GCC visibility push(hidden)


typedef struct {
    uint32_t    last_ms;        /* damage of the last captured picture */
    uint32_t    damage_ms;      /* what waits to be captured */
    uint8_t     followed;       /* bits, newest lowest: after a picture that
                                   was not waited for, more came at once */
    uint8_t     vain;           /* the same of pictures waited for */
    uint8_t     waits;          /* in a row */
    uint8_t     pauses;         /* pictures yet before it may wait again */
    bool        captured;       /* last_ms waits for what follows */
    bool        pending;        /* damage_ms is one */
    bool        waited;         /* for the last captured picture */
    bool        waiting;        /* for what waits to be captured */
} selkies_pace_t;


/*
 * Damage was seen, the first since the last capture; the server's time of it.
 * How long to wait with the capture, in microseconds: 0 or
 * SELKIES_PACE_WAIT_US.
 */

uint64_t selkies_pace_damage(selkies_pace_t *pace, uint32_t damage_ms);


/* It was captured. */

void selkies_pace_captured(selkies_pace_t *pace);


#pragma GCC visibility pop


#endif /* SELKIES_PACE_H_INCLUDED */
