
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * See selkies_pace.h.
 *
 * Thread: the struct's owner.  Ownership: the caller's struct.
 */


#include "selkies_pace.h"


#define SELKIES_PACE_OFTEN    4         /* of the last 8 */
#define SELKIES_PACE_SAMPLE   8         /* waits, then one picture without */
#define SELKIES_PACE_PAUSE    64        /* pictures, after waits in vain */


static void selkies_pace_learn(selkies_pace_t *pace, uint32_t damage_ms);
static unsigned selkies_pace_ones(uint8_t bits);


uint64_t
selkies_pace_damage(selkies_pace_t *pace, uint32_t damage_ms)
{
    if (pace->captured) {
        selkies_pace_learn(pace, damage_ms);
    }

    pace->damage_ms = damage_ms;
    pace->pending = true;
    pace->waiting = false;

    if (pace->pauses != 0) {
        pace->pauses--;
        return 0;
    }

    if (selkies_pace_ones(pace->vain) >= SELKIES_PACE_OFTEN) {
        pace->pauses = SELKIES_PACE_PAUSE;
        pace->followed = 0;
        pace->vain = 0;
        return 0;
    }

    if (selkies_pace_ones(pace->followed) < SELKIES_PACE_OFTEN) {
        pace->waits = 0;
        return 0;
    }

    /* whether it is still so shows only where nothing was waited for */

    if (pace->waits == SELKIES_PACE_SAMPLE) {
        pace->waits = 0;
        return 0;
    }

    pace->waits++;
    pace->waiting = true;

    return SELKIES_PACE_WAIT_US;
}


static void
selkies_pace_learn(selkies_pace_t *pace, uint32_t damage_ms)
{
    uint8_t   follows;
    uint32_t  near_ms;

    near_ms = SELKIES_PACE_WAIT_US / 1000;

    if (pace->waited) {
        near_ms *= 2;
    }

    follows = damage_ms - pace->last_ms <= near_ms;

    if (pace->waited) {
        pace->vain = (uint8_t) (pace->vain << 1 | follows);

    } else {
        pace->followed = (uint8_t) (pace->followed << 1 | follows);
    }

    pace->captured = false;
}


static unsigned
selkies_pace_ones(uint8_t bits)
{
    return (unsigned) __builtin_popcount(bits);
}


void
selkies_pace_captured(selkies_pace_t *pace)
{
    if (!pace->pending) {
        return;
    }

    pace->last_ms = pace->damage_ms;
    pace->waited = pace->waiting;
    pace->captured = true;
    pace->pending = false;
}
