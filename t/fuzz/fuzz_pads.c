
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Lines of what clients say of gamepads, as the event loop takes them: parsed,
 * mapped, put into a display's place, read by who serves the pads.  A line
 * that begins with '-' is the end of the client of that number, one with '='
 * is a look at the changes.
 *
 * Thread: one.
 */


#include "../../ngx_selkies_module/selkies_pads.h"
#include "../../ngx_selkies_module/selkies_protocol.h"
#include "replay.h"


static selkies_pads_t        pads;
static selkies_pad_client_t  clients[SELKIES_GAMEPADS];
static int16_t               seen[SELKIES_GAMEPADS][SELKIES_GAMEPAD_CONTROLS];


static void
set(unsigned pad, selkies_pad_change_t *change)
{
    holds(change->control < SELKIES_GAMEPAD_CONTROLS);
    holds(change->control >= SELKIES_GAMEPAD_BUTTONS
          ? change->value >= -SELKIES_GAMEPAD_MAX
          : change->value == 0 || change->value == 1);
    holds(change->control < SELKIES_GAMEPAD_HAT_X
          || change->value == 0
          || change->value == SELKIES_GAMEPAD_MAX
          || change->value == -SELKIES_GAMEPAD_MAX);

    change->pad = (uint8_t) pad;
    (void) selkies_pads_set(&pads, pad, change);

    holds(selkies_pads_value(&pads, pad, change->control) == change->value);
}


static void
release(unsigned pad)
{
    selkies_pad_change_t  change;

    while (selkies_pad_release(&clients[pad], &change)) {
        set(pad, &change);
    }

    holds(clients[pad].held == 0 && clients[pad].hats == 0);
}


static void
look(uint32_t *position)
{
    uint32_t               i, n;
    unsigned               pad, control;
    selkies_pad_change_t   changes[SELKIES_PAD_CHANGES];

    n = selkies_pads_changes(&pads, position, changes);

    for (i = 0; i < n && n <= SELKIES_PAD_CHANGES; i++) {
        holds(seen[changes[i].pad][changes[i].control] != changes[i].value);
        seen[changes[i].pad][changes[i].control] = changes[i].value;
    }

    for (pad = 0; pad < SELKIES_GAMEPADS; pad++) {
        for (control = 0; control < SELKIES_GAMEPAD_CONTROLS; control++) {

            if (n > SELKIES_PAD_CHANGES) {
                seen[pad][control] = selkies_pads_value(&pads, pad, control);
            }

            holds(seen[pad][control]
                  == selkies_pads_value(&pads, pad, control));
        }
    }
}


static void
line(const uint8_t *data, size_t len, uint32_t *position)
{
    unsigned               pad;
    selkies_command_t      cmd;
    selkies_pad_change_t   change;

    if (len != 0 && data[0] == '-') {
        release(len > 1 ? data[1] % SELKIES_GAMEPADS : 0);
        return;
    }

    if (len != 0 && data[0] == '=') {
        look(position);
        return;
    }

    if (selkies_protocol_parse(&cmd, data, len, 0) != SELKIES_PARSE_OK
        || !(cmd.flags & SELKIES_BY_GAMEPAD))
    {
        return;
    }

    pad = cmd.u.gamepad.index;
    holds(pad < SELKIES_GAMEPADS);

    switch (cmd.verb) {

    case SELKIES_VERB_GAMEPAD_DISCONNECT:
        release(pad);
        return;

    case SELKIES_VERB_GAMEPAD_BUTTON:

        if (selkies_pad_button(&clients[pad], cmd.u.gamepad.control,
                               cmd.u.gamepad.value, &change))
        {
            set(pad, &change);
        }

        return;

    case SELKIES_VERB_GAMEPAD_AXIS:

        if (selkies_pad_axis(&clients[pad], cmd.u.gamepad.control,
                             cmd.u.gamepad.value, &change))
        {
            set(pad, &change);
        }

        return;

    default:
        return;
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          n;
    uint32_t        position;
    unsigned        pad, control;
    const uint8_t  *end;

    memset(&pads, 0, sizeof(pads));
    memset(clients, 0, sizeof(clients));
    position = 0;

    for (pad = 0; pad < SELKIES_GAMEPADS; pad++) {
        for (control = 0; control < SELKIES_GAMEPAD_CONTROLS; control++) {
            seen[pad][control] = selkies_gamepad_rest(control);
        }
    }

    while (size != 0) {
        end = memchr(data, '\n', size);
        n = end != NULL ? (size_t) (end - data) : size;

        line(data, n, &position);

        n += end != NULL;
        data += n;
        size -= n;
    }

    look(&position);

    for (pad = 0; pad < SELKIES_GAMEPADS; pad++) {
        release(pad);

        for (control = 0; control < SELKIES_GAMEPAD_CONTROLS; control++) {
            holds(selkies_pads_value(&pads, pad, control)
                  == selkies_gamepad_rest(control));
        }
    }

    look(&position);

    return 0;
}
