
/*
 * Copyright (C) ngx_selkies authors
 *
 * From a browser's buttons to a pad's controls, and from any worker to the one
 * that serves the pads: no change is lost, the state stands in for too many,
 * and what a client or a worker held is let go.
 */


#include <string.h>

#define RANDOM_SEED  0x70616473

#include "../../ngx_selkies_module/selkies_pads.h"
#include "random.h"
#include "tap.h"


static selkies_pads_t        pads;
static selkies_pad_client_t  client;
static selkies_pad_change_t  change;
static bool                  alive[4];


static bool
test_lives(void *data, unsigned worker)
{
    return worker < 4 && alive[worker];
}


static void
test_button(unsigned button, float value, unsigned control, int want)
{
    bool  known;

    memset(&change, 0x55, sizeof(change));
    known = selkies_pad_button(&client, button, value, &change);

    ok(known && change.control == control && change.value == want,
       "button %u at %g is %d of control %u", button, (double) value, want,
       control);
}


static void
test_axis(unsigned axis, float value, unsigned control, int want)
{
    bool  known;

    known = selkies_pad_axis(&client, axis, value, &change);

    ok(known && change.control == control && change.value == want,
       "axis %u at %g is %d of control %u", axis, (double) value, want,
       control);
}


static void
test_mapping(void)
{
    unsigned  i;

    static const uint8_t  buttons[] = {
        0, 1, 2, 3, 4, 5, 0, 0, 6, 7, 9, 10, 0, 0, 0, 0, 8
    };

    for (i = 0; i < sizeof(buttons); i++) {

        if (i != 6 && i != 7 && (i < 12 || i > 15)) {
            test_button(i, 1, buttons[i], 1);
            test_button(i, 0.49f, buttons[i], 0);
            test_button(i, 0.5f, buttons[i], 1);
            test_button(i, 0, buttons[i], 0);
        }
    }

    ok(client.held == 0, "nothing is held");

    test_button(6, 0, SELKIES_GAMEPAD_AXIS_Z, -32767);
    test_button(6, 0.5f, SELKIES_GAMEPAD_AXIS_Z, 0);
    test_button(6, 1, SELKIES_GAMEPAD_AXIS_Z, 32767);
    test_button(7, -1, SELKIES_GAMEPAD_AXIS_RZ, -32767);

    test_button(14, 1, SELKIES_GAMEPAD_HAT_X, -32767);
    test_button(15, 1, SELKIES_GAMEPAD_HAT_X, 0);
    test_button(12, 1, SELKIES_GAMEPAD_HAT_Y, -32767);
    test_button(14, 0, SELKIES_GAMEPAD_HAT_X, 32767);
    test_button(12, 0, SELKIES_GAMEPAD_HAT_Y, 0);
    test_button(15, 0, SELKIES_GAMEPAD_HAT_X, 0);
    test_button(13, 1, SELKIES_GAMEPAD_HAT_Y, 32767);

    test_axis(0, -1, SELKIES_GAMEPAD_AXIS_X, -32767);
    test_axis(1, 1, SELKIES_GAMEPAD_AXIS_Y, 32767);
    test_axis(2, 0, SELKIES_GAMEPAD_AXIS_RX, 0);
    test_axis(3, 0.5f, SELKIES_GAMEPAD_AXIS_RY, 16384);

    ok(!selkies_pad_button(&client, 17, 1, &change)
       && !selkies_pad_button(&client, 255, 1, &change)
       && !selkies_pad_axis(&client, 4, 1, &change)
       && !selkies_pad_axis(&client, 255, 1, &change),
       "what no pad of ours has is nothing");

    for (i = 0; selkies_pad_release(&client, &change); i++) {
        ok(change.value == selkies_gamepad_rest(change.control),
           "control %u is let go", change.control);
    }

    ok(i == 5 && client.held == 0 && client.hats == 0,
       "all five that were held");
}


static bool
test_set(unsigned worker, unsigned pad, unsigned control, int value)
{
    selkies_pad_change_t  c;

    c.pad = (uint8_t) pad;
    c.control = (uint8_t) control;
    c.value = (int16_t) value;

    return selkies_pads_set(&pads, worker, &c);
}


static void
test_changes(void)
{
    uint32_t              i, n, position, late;
    selkies_pad_change_t  changes[SELKIES_PAD_CHANGES];

    memset(&pads, 0, sizeof(pads));
    pads.nchanges = UINT32_MAX - 100;
    position = late = pads.nchanges;

    ok(selkies_pads_value(&pads, 2, SELKIES_GAMEPAD_AXIS_RZ) == -32767
       && selkies_pads_value(&pads, 2, 0) == 0, "all zero is all at rest");
    ok(selkies_pads_changes(&pads, &position, changes) == 0,
       "nothing has changed");

    ok(test_set(0, 1, 3, 1), "a change");
    ok(!test_set(1, 1, 3, 1), "none");
    ok(test_set(1, 1, 3, 0), "another");
    ok(!test_set(1, 1, SELKIES_GAMEPAD_AXIS_Z, -32767),
       "to rest from rest is none");

    n = selkies_pads_changes(&pads, &position, changes);

    ok(n == 2 && changes[0].pad == 1 && changes[0].control == 3
       && changes[0].value == 1 && changes[1].value == 0,
       "a press and its release are both there");

    for (i = 0; i < SELKIES_PAD_CHANGES; i++) {
        (void) test_set(0, 0, 0, i % 2 == 0);
    }

    n = selkies_pads_changes(&pads, &position, changes);

    ok(n == SELKIES_PAD_CHANGES && changes[0].value == 1
       && changes[n - 1].value == 0, "as many as there is room for");

    n = selkies_pads_changes(&pads, &late, changes);

    ok(n > SELKIES_PAD_CHANGES && late == position,
       "who is late is told so, and goes on from there");

    (void) test_set(0, 0, 0, 1);

    ok(selkies_pads_changes(&pads, &late, changes) == 1
       && changes[0].value == 1, "as all others do");
}


static void
test_orphans(void)
{
    uint32_t              n, position;
    selkies_pad_change_t  changes[SELKIES_PAD_CHANGES];

    memset(&pads, 0, sizeof(pads));
    position = 0;
    memset(alive, 1, sizeof(alive));

    (void) test_set(0, 0, 0, 1);
    (void) test_set(1, 0, 1, 1);
    (void) test_set(0, 3, SELKIES_GAMEPAD_AXIS_Z, 32767);
    (void) test_set(0, 3, SELKIES_GAMEPAD_AXIS_X, -5);
    (void) test_set(1, 3, SELKIES_GAMEPAD_AXIS_X, 5);

    ok(!selkies_pads_orphans(&pads, test_lives, NULL), "all live");

    alive[0] = false;
    (void) selkies_pads_changes(&pads, &position, changes);

    ok(selkies_pads_orphans(&pads, test_lives, NULL), "one does not");

    n = selkies_pads_changes(&pads, &position, changes);

    ok(n == 2 && changes[0].pad == 0 && changes[0].control == 0
       && changes[0].value == 0 && changes[1].pad == 3
       && changes[1].value == -32767, "what it held is let go");
    ok(selkies_pads_value(&pads, 0, 1) == 1
       && selkies_pads_value(&pads, 3, SELKIES_GAMEPAD_AXIS_X) == 5,
       "what another holds, or holds now, is not");
    ok(!selkies_pads_orphans(&pads, test_lives, NULL), "once");
}


/* Whatever clients do: readers who follow end with the state, all let go. */

static void
test_random(void)
{
    int                   value, seen[SELKIES_GAMEPADS]
                                     [SELKIES_GAMEPAD_CONTROLS];
    bool                  known;
    uint32_t              i, n, k, position, wrong;
    unsigned              pad, control;
    selkies_pad_client_t  clients[SELKIES_GAMEPADS];
    selkies_pad_change_t  changes[SELKIES_PAD_CHANGES];

    memset(&pads, 0, sizeof(pads));
    memset(clients, 0, sizeof(clients));
    position = 0;
    wrong = 0;

    for (pad = 0; pad < SELKIES_GAMEPADS; pad++) {
        for (control = 0; control < SELKIES_GAMEPAD_CONTROLS; control++) {
            seen[pad][control] = selkies_gamepad_rest(control);
        }
    }

    for (i = 0; i < 20000; i++) {
        pad = random_number(SELKIES_GAMEPADS);
        value = (int) random_number(5);

        known = random_number(2)
                ? selkies_pad_button(&clients[pad], random_number(20),
                                     (float) value / 4, &change)
                : selkies_pad_axis(&clients[pad], random_number(5),
                                   (float) value / 2 - 1, &change);

        if (known) {
            change.pad = (uint8_t) pad;
            (void) selkies_pads_set(&pads, pad, &change);
        }

        if (random_number(50) == 0) {
            while (selkies_pad_release(&clients[pad], &change)) {
                change.pad = (uint8_t) pad;
                (void) selkies_pads_set(&pads, pad, &change);
            }
        }

        if (random_number(8) != 0) {
            continue;
        }

        n = selkies_pads_changes(&pads, &position, changes);

        for (k = 0; k < n && n <= SELKIES_PAD_CHANGES; k++) {
            wrong += seen[changes[k].pad][changes[k].control]
                     == changes[k].value;
            seen[changes[k].pad][changes[k].control] = changes[k].value;
        }

        for (pad = 0; pad < SELKIES_GAMEPADS && n <= SELKIES_PAD_CHANGES;
             pad++)
        {
            for (control = 0; control < SELKIES_GAMEPAD_CONTROLS; control++) {
                wrong += seen[pad][control]
                         != selkies_pads_value(&pads, pad, control);
            }
        }
    }

    ok(wrong == 0, "20000 random changes arrive, each once");

    for (pad = 0; pad < SELKIES_GAMEPADS; pad++) {

        while (selkies_pad_release(&clients[pad], &change)) {
            change.pad = (uint8_t) pad;
            (void) selkies_pads_set(&pads, pad, &change);
        }

        for (control = 0; control < SELKIES_GAMEPAD_CONTROLS; control++) {
            wrong += selkies_pads_value(&pads, pad, control)
                     != selkies_gamepad_rest(control);
        }
    }

    ok(wrong == 0, "and all is at rest in the end");
}


int
main(void)
{
    test_mapping();
    test_changes();
    test_orphans();
    test_random();

    return done_testing();
}
