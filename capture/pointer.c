
/*
 * Copyright (C) ngx_selkies authors
 *
 * The pointer: motion, buttons and wheel (protocol.md 11.3).  See input.h.
 */


#include <X11/extensions/XTest.h>
#include <X11/keysym.h>

#include "input_private.h"


/* Bits of the wire's mask that the wheel uses. */

#define SELKIES_POINTER_WHEEL  0xd8


/*
 * What a bit of the mask stands for: an X button that is held, clicks of one
 * where a magnitude comes with it, a key with Alt where none does.
 */

typedef struct {
    uint8_t    button;
    uint8_t    clicked;
    uint16_t   keysym;
} selkies_pointer_bit_t;


static const selkies_pointer_bit_t  selkies_pointer_bits[8] = {
    { 1, 0, 0 },
    { 2, 0, 0 },
    { 3, 0, 0 },
    { 0, 5, XK_Left },          /* back, or the wheel down */
    { 0, 4, XK_Right },         /* forward, or the wheel up */
    { 1, 0, 0 },                /* a pen's eraser */
    { 0, 6, 0 },
    { 0, 7, 0 }
};


static void selkies_pointer_edges(selkies_input_t *input, selkies_held_t *held,
    uint32_t mask, uint32_t magnitude);
static void selkies_pointer_hold(selkies_input_t *input, unsigned button,
    int down);
static void selkies_pointer_click(selkies_input_t *input, unsigned button,
    uint32_t n);
static void selkies_pointer_alt(selkies_input_t *input, uint32_t keysym);
static int selkies_pointer_one_bit(uint32_t mask);


void
selkies_input_pointer_move(selkies_input_t *input, selkies_held_t *held,
    int32_t x, int32_t y, uint32_t mask, uint32_t magnitude)
{
    if (selkies_x11_lost(&input->x11)) {
        return;
    }

    selkies_held_attach(input, held);

    x = (x < input->width) ? x : input->width - 1;
    y = (y < input->height) ? y : input->height - 1;
    x = (x > 0) ? x : 0;
    y = (y > 0) ? y : 0;

    /* another worker may have moved it: a button must hit where it aims */

    if (input->moved || x != input->x || y != input->y
        || ((mask ^ held->mask) & 0xff) != 0)
    {
        (void) XTestFakeMotionEvent(input->display,
                                    DefaultScreen(input->display), x, y,
                                    CurrentTime);
        input->x = x;
        input->y = y;
        input->moved = 0;
    }

    held->repeatable = 0;
    selkies_pointer_edges(input, held, mask, magnitude);
}


void
selkies_input_pointer_relative(selkies_input_t *input, selkies_held_t *held,
    int32_t dx, int32_t dy, uint32_t mask, uint32_t magnitude)
{
    int       same;
    uint32_t  wheel;

    if (selkies_x11_lost(&input->x11)) {
        return;
    }

    selkies_held_attach(input, held);

    dx = (dx < INT16_MAX) ? dx : INT16_MAX;
    dx = (dx > INT16_MIN) ? dx : INT16_MIN;
    dy = (dy < INT16_MAX) ? dy : INT16_MAX;
    dy = (dy > INT16_MIN) ? dy : INT16_MIN;

    if (dx != 0 || dy != 0) {
        (void) XTestFakeRelativeMotionEvent(input->display, dx, dy,
                                            CurrentTime);
        input->moved = 1;
    }

    /*
     * A second tick within 10 ms arrives as the same message again.  Only a
     * wheel's message stands still, has a magnitude and exactly one wheel bit.
     */

    wheel = mask & SELKIES_POINTER_WHEEL;
    same = held->repeatable && mask == held->mask
           && magnitude == held->magnitude;

    held->repeatable = held->wheel_recovery && dx == 0 && dy == 0
                       && magnitude > 0 && selkies_pointer_one_bit(wheel);

    if (same && held->repeatable) {
        held->mask &= ~wheel;
    }

    selkies_pointer_edges(input, held, mask, magnitude);
}


static int
selkies_pointer_one_bit(uint32_t mask)
{
    return mask != 0 && (mask & (mask - 1)) == 0;
}


static void
selkies_pointer_edges(selkies_input_t *input, selkies_held_t *held,
    uint32_t mask, uint32_t magnitude)
{
    unsigned                      i;
    uint32_t                      edges;
    const selkies_pointer_bit_t  *bit;

    edges = (mask ^ held->mask) & 0xff;

    held->mask = mask;
    held->magnitude = magnitude;

    if (edges == 0) {
        return;
    }

    selkies_input_restore(input);

    for (i = 0; i < 8; i++) {
        bit = &selkies_pointer_bits[i];

        if ((edges & 1u << i) == 0) {
            continue;
        }

        if (bit->button != 0) {
            selkies_pointer_hold(input, bit->button,
                                 (int) ((mask >> i) & 1));
            continue;
        }

        if ((mask & 1u << i) == 0) {
            continue;
        }

        if (magnitude > 0) {
            selkies_pointer_click(input, bit->clicked, magnitude);

        } else if (bit->keysym != 0) {
            selkies_pointer_alt(input, bit->keysym);
        }
    }
}


static void
selkies_pointer_hold(selkies_input_t *input, unsigned button, int down)
{
    if (down) {
        if (input->button_count[button]++ == 0) {
            selkies_input_fake_button(input, button, 1);
        }

        return;
    }

    if (--input->button_count[button] == 0) {
        selkies_input_fake_button(input, button, 0);
    }
}


static void
selkies_pointer_click(selkies_input_t *input, unsigned button, uint32_t n)
{
    n = (n < SELKIES_INPUT_WHEEL_MAX) ? n : SELKIES_INPUT_WHEEL_MAX;

    for ( /* void */ ; n > 0; n--) {
        (void) XTestFakeButtonEvent(input->display, button, True, CurrentTime);
        (void) XTestFakeButtonEvent(input->display, button, False, CurrentTime);
    }
}


static void
selkies_pointer_alt(selkies_input_t *input, uint32_t keysym)
{
    selkies_key_t        alt, key;
    selkies_key_state_t  state;

    if (selkies_keymap_refresh(&input->keymap) != SELKIES_OK) {
        return;
    }

    state.group = input->group;
    state.modifiers = 0;

    if (!selkies_keymap_find(&input->keymap, XK_Alt_L, &state, 1, &alt)
        || !selkies_keymap_find(&input->keymap, keysym, &state, 1, &key))
    {
        return;
    }

    if (input->key_count[alt.keycode] != 0) {
        selkies_input_tap(input, key.keycode);
        return;
    }

    selkies_input_fake_key(input, alt.keycode, 1);
    selkies_input_tap(input, key.keycode);
    selkies_input_fake_key(input, alt.keycode, 0);
}


void
selkies_input_fake_button(selkies_input_t *input, unsigned button, int down)
{
    uint32_t           bit;
    _Atomic uint32_t  *word;

    bit = 1u << (button - 1);
    word = (input->pressed != NULL) ? &input->pressed->buttons : NULL;

    if (down && word != NULL) {
        (void) atomic_fetch_or(word, bit);
    }

    (void) XTestFakeButtonEvent(input->display, button, down, CurrentTime);

    if (!down && word != NULL) {
        (void) atomic_fetch_and(word, ~bit);
    }
}


/* The wire's mask with no bit up is every button released. */

void
selkies_input_release_buttons(selkies_input_t *input, selkies_held_t *held)
{
    held->repeatable = 0;
    selkies_pointer_edges(input, held, 0, 0);
}
