
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * See selkies_pads.h.
 */


#include <math.h>

#include "selkies_pads.h"


#define SELKIES_PAD_PRESSED     0.5f

#define selkies_array_n(a)      (sizeof(a) / sizeof((a)[0]))


typedef enum {
    SELKIES_PAD_NOTHING = 0,
    SELKIES_PAD_BUTTON,
    SELKIES_PAD_TRIGGER,
    SELKIES_PAD_LOW,                    /* an end of a hat */
    SELKIES_PAD_HIGH
} selkies_pad_kind_t;


typedef struct {
    selkies_pad_kind_t           kind;
    selkies_gamepad_control_t    control;
} selkies_pad_button_t;


/* the standard mapping of the browsers' Gamepad API */

static const selkies_pad_button_t  selkies_pad_buttons[] = {
    [0] = { SELKIES_PAD_BUTTON, SELKIES_GAMEPAD_A },
    [1] = { SELKIES_PAD_BUTTON, SELKIES_GAMEPAD_B },
    [2] = { SELKIES_PAD_BUTTON, SELKIES_GAMEPAD_X },
    [3] = { SELKIES_PAD_BUTTON, SELKIES_GAMEPAD_Y },
    [4] = { SELKIES_PAD_BUTTON, SELKIES_GAMEPAD_TL },
    [5] = { SELKIES_PAD_BUTTON, SELKIES_GAMEPAD_TR },
    [6] = { SELKIES_PAD_TRIGGER, SELKIES_GAMEPAD_AXIS_Z },
    [7] = { SELKIES_PAD_TRIGGER, SELKIES_GAMEPAD_AXIS_RZ },
    [8] = { SELKIES_PAD_BUTTON, SELKIES_GAMEPAD_SELECT },
    [9] = { SELKIES_PAD_BUTTON, SELKIES_GAMEPAD_START },
    [10] = { SELKIES_PAD_BUTTON, SELKIES_GAMEPAD_THUMBL },
    [11] = { SELKIES_PAD_BUTTON, SELKIES_GAMEPAD_THUMBR },
    [12] = { SELKIES_PAD_LOW, SELKIES_GAMEPAD_HAT_Y },
    [13] = { SELKIES_PAD_HIGH, SELKIES_GAMEPAD_HAT_Y },
    [14] = { SELKIES_PAD_LOW, SELKIES_GAMEPAD_HAT_X },
    [15] = { SELKIES_PAD_HIGH, SELKIES_GAMEPAD_HAT_X },
    [16] = { SELKIES_PAD_BUTTON, SELKIES_GAMEPAD_MODE }
};


static const selkies_gamepad_control_t  selkies_pad_axes[] = {
    SELKIES_GAMEPAD_AXIS_X,
    SELKIES_GAMEPAD_AXIS_Y,
    SELKIES_GAMEPAD_AXIS_RX,
    SELKIES_GAMEPAD_AXIS_RY
};


static void selkies_pads_push(selkies_pads_t *pads,
    const selkies_pad_change_t *change);


/* From 0 ... 1 to the whole way of an axis. */

static int16_t
selkies_pad_scale(float value)
{
    value = value < 0 ? 0 : value > 1 ? 1 : value;

    return (int16_t) lrintf(value * (2 * SELKIES_GAMEPAD_MAX)
                            - SELKIES_GAMEPAD_MAX);
}


static void
selkies_pad_changed(selkies_pad_client_t *client,
    selkies_pad_change_t *change, selkies_gamepad_control_t control,
    int16_t value)
{
    change->control = (uint8_t) control;
    change->value = value;

    if (value == selkies_gamepad_rest(control)) {
        client->held &= ~(UINT32_C(1) << control);

    } else {
        client->held |= UINT32_C(1) << control;
    }
}


bool
selkies_pad_button(selkies_pad_client_t *client, unsigned button, float value,
    selkies_pad_change_t *change)
{
    bool                         pressed;
    int16_t                      n;
    uint32_t                     low, high;
    const selkies_pad_button_t  *row;

    if (button >= selkies_array_n(selkies_pad_buttons)) {
        return false;
    }

    row = &selkies_pad_buttons[button];
    pressed = value >= SELKIES_PAD_PRESSED;

    switch (row->kind) {

    case SELKIES_PAD_BUTTON:
        n = pressed;
        break;

    case SELKIES_PAD_TRIGGER:
        n = selkies_pad_scale(value);
        break;

    case SELKIES_PAD_LOW:
    case SELKIES_PAD_HIGH:

        /* both ends at once are neither */

        low = UINT32_C(1) << (row->control - SELKIES_GAMEPAD_HAT_X) * 2;
        high = low << 1;

        if (pressed) {
            client->hats |= row->kind == SELKIES_PAD_LOW ? low : high;

        } else {
            client->hats &= ~(row->kind == SELKIES_PAD_LOW ? low : high);
        }

        n = (int16_t) (((client->hats & high) != 0)
                       - ((client->hats & low) != 0));
        n = (int16_t) (n * SELKIES_GAMEPAD_MAX);
        break;

    default:
        return false;
    }

    selkies_pad_changed(client, change, row->control, n);

    return true;
}


bool
selkies_pad_axis(selkies_pad_client_t *client, unsigned axis, float value,
    selkies_pad_change_t *change)
{
    if (axis >= selkies_array_n(selkies_pad_axes)) {
        return false;
    }

    selkies_pad_changed(client, change, selkies_pad_axes[axis],
                        selkies_pad_scale((value + 1) / 2));

    return true;
}


bool
selkies_pad_release(selkies_pad_client_t *client,
    selkies_pad_change_t *change)
{
    unsigned  control;

    client->hats = 0;

    for (control = 0; control < SELKIES_GAMEPAD_CONTROLS; control++) {

        if (client->held & UINT32_C(1) << control) {
            selkies_pad_changed(client, change,
                                (selkies_gamepad_control_t) control,
                                selkies_gamepad_rest(control));
            return true;
        }
    }

    return false;
}


bool
selkies_pads_set(selkies_pads_t *pads, unsigned worker,
    const selkies_pad_change_t *change)
{
    bool                  changed;
    selkies_pad_state_t  *state;

    state = &pads->controls[change->pad][change->control];
    changed = selkies_pads_value(pads, change->pad, change->control)
              != change->value;

    state->value = change->value;
    state->worker = change->value == selkies_gamepad_rest(change->control)
                    ? 0 : (uint16_t) (worker + 1);

    if (changed) {
        selkies_pads_push(pads, change);
    }

    return changed;
}


static void
selkies_pads_push(selkies_pads_t *pads, const selkies_pad_change_t *change)
{
    pads->changes[pads->nchanges % SELKIES_PAD_CHANGES] = *change;
    pads->nchanges++;
}


bool
selkies_pads_orphans(selkies_pads_t *pads,
    bool (*lives)(void *data, unsigned worker), void *data)
{
    bool                   found;
    unsigned               pad, control;
    selkies_pad_state_t   *state;
    selkies_pad_change_t   change;

    found = false;

    for (pad = 0; pad < SELKIES_GAMEPADS; pad++) {
        for (control = 0; control < SELKIES_GAMEPAD_CONTROLS; control++) {
            state = &pads->controls[pad][control];

            if (state->worker == 0 || lives(data, state->worker - 1U)) {
                continue;
            }

            change.pad = (uint8_t) pad;
            change.control = (uint8_t) control;
            change.value = selkies_gamepad_rest(control);

            (void) selkies_pads_set(pads, 0, &change);
            found = true;
        }
    }

    return found;
}


int16_t
selkies_pads_value(const selkies_pads_t *pads, unsigned pad, unsigned control)
{
    const selkies_pad_state_t  *state = &pads->controls[pad][control];

    if (state->worker == 0) {
        return selkies_gamepad_rest(control);
    }

    return state->value;
}


uint32_t
selkies_pads_changes(const selkies_pads_t *pads, uint32_t *position,
    selkies_pad_change_t changes[SELKIES_PAD_CHANGES])
{
    uint32_t  i, n;

    n = pads->nchanges - *position;

    for (i = 0; i < n && n <= SELKIES_PAD_CHANGES; i++) {
        changes[i] = pads->changes[(*position + i) % SELKIES_PAD_CHANGES];
    }

    *position = pads->nchanges;

    return n;
}
