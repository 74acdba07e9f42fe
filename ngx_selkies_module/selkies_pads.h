
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * What clients do with gamepads: from a browser's buttons and axes to the
 * controls of a pad (protocol.md 12.2), and from any worker to the one that
 * serves the pads' sockets.
 *
 * A display's place holds the state of each control and, so that no press is
 * lost that was over before anybody looked, the last changes in their order.
 * Who reads has a position of his own.  One who has fallen behind, or has just
 * come, takes the state instead, so nothing can overflow and a new server of
 * the sockets needs no history.
 *
 * Thread: event loops, which hold the zone's lock for whatever takes a
 * selkies_pads_t.  Ownership: plain data without pointers.
 */


#ifndef SELKIES_PADS_H_INCLUDED
#define SELKIES_PADS_H_INCLUDED


#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "../capture/gamepads.h"


#define SELKIES_PAD_CHANGES     256


typedef struct {
    uint8_t                    pad;
    uint8_t                    control;         /* selkies_gamepad_control_t */
    int16_t                    value;
} selkies_pad_change_t;


typedef struct {
    int16_t                    value;
    uint16_t                   worker;          /* whose client it was, + 1;
                                                   0: at rest */
} selkies_pad_state_t;


/* In a display's place; all of it zero is all at rest. */

typedef struct {
    selkies_pad_state_t        controls[SELKIES_GAMEPADS]
                                       [SELKIES_GAMEPAD_CONTROLS];
    uint32_t                   nchanges;        /* ever */
    selkies_pad_change_t       changes[SELKIES_PAD_CHANGES];

    _Atomic uint32_t           nrumbles[SELKIES_GAMEPADS];      /* ever */
    selkies_gamepad_rumble_t   rumbles[SELKIES_GAMEPADS];       /* the last */
} selkies_pads_t;


/* One client's one pad; all of it zero is at rest. */

typedef struct {
    uint32_t                   held;            /* bits of controls off rest */
    uint32_t                   hats;            /* bits of its four buttons */
} selkies_pad_client_t;


#pragma GCC visibility push(hidden)


/*
 * What a client's button (0.0 to 1.0) or axis (-1.0 to 1.0) is; false where
 * it is nothing.  `client` remembers what it holds.
 */

bool selkies_pad_button(selkies_pad_client_t *client, unsigned button,
    float value, selkies_pad_change_t *change);
bool selkies_pad_axis(selkies_pad_client_t *client, unsigned axis,
    float value, selkies_pad_change_t *change);


/*
 * Takes a control that the client holds off rest back there; false where it
 * holds none.  To be called until then.
 */

bool selkies_pad_release(selkies_pad_client_t *client,
    selkies_pad_change_t *change);


/* Whether the change was one: by a client of that worker, 0 and up. */

bool selkies_pads_set(selkies_pads_t *pads, unsigned worker,
    const selkies_pad_change_t *change);


/*
 * Back to rest with whatever a client of a worker holds that `lives` says no
 * of; whether there was such.
 */

bool selkies_pads_orphans(selkies_pads_t *pads,
    bool (*lives)(void *data, unsigned worker), void *data);


/* The value of a control. */

int16_t selkies_pads_value(const selkies_pads_t *pads, unsigned pad,
    unsigned control);


/*
 * What has changed since `*position`, which moves on: up to
 * SELKIES_PAD_CHANGES, or more where they were too many and the state says
 * more than the changes.
 */

uint32_t selkies_pads_changes(const selkies_pads_t *pads, uint32_t *position,
    selkies_pad_change_t changes[SELKIES_PAD_CHANGES]);


#pragma GCC visibility pop


#endif /* SELKIES_PADS_H_INCLUDED */
