
/*
 * Copyright (C) ngx_selkies authors
 *
 * The input's connection, what the keyboard is in, and XTEST.  See input.h;
 * keys are in keyboard.c, the pointer is in pointer.c.
 */


#include <stdlib.h>
#include <string.h>

#include <X11/extensions/XTest.h>

#include "input_private.h"


static selkies_status_t selkies_input_init(selkies_input_t *input);
static void selkies_input_event(selkies_input_t *input, XEvent *event);
static void selkies_input_state(selkies_input_t *input, XkbStateRec *state,
    int current);
static void selkies_input_state_event(selkies_input_t *input,
    XkbStateNotifyEvent *event);


static _Atomic uint64_t  selkies_input_generation;


selkies_input_t *
selkies_input_open(const selkies_input_conf_t *conf, const selkies_log_t *log)
{
    selkies_input_t  *input;

    input = calloc(1, sizeof(selkies_input_t));
    if (input == NULL) {
        return NULL;
    }

    input->log = log;
    input->pressed = conf->pressed;
    input->elsewhere = conf->elsewhere;
    input->elsewhere_data = conf->data;
    input->generation = ++selkies_input_generation;
    input->display = selkies_x11_open(&input->x11, conf->display,
                                      conf->xauthority, conf->interrupt, log);

    if (input->display == NULL) {
        free(input);
        return NULL;
    }

    selkies_keymap_init(&input->keymap, &input->x11);

    if (selkies_input_init(input) != SELKIES_OK) {
        selkies_input_close(input);
        return NULL;
    }

    return input;
}


static selkies_status_t
selkies_input_init(selkies_input_t *input)
{
    int                 opcode, error, major, minor;
    Window              root;
    Display            *display;
    unsigned            mask;
    XWindowAttributes   attributes;

    display = input->display;
    root = DefaultRootWindow(display);
    major = XkbMajorVersion;
    minor = XkbMinorVersion;

    if (!XTestQueryExtension(display, &opcode, &error, &opcode, &opcode)
        || !XkbQueryExtension(display, &opcode, &input->xkb_event, &error,
                              &major, &minor))
    {
        if (!selkies_x11_lost(&input->x11)) {
            selkies_log(input->log, SELKIES_LOG_ERR,
                        "display %s takes no input: it has no XTEST or XKB",
                        DisplayString(display));
        }

        return SELKIES_ERROR;
    }

    /* a program that grabs the server must not stop the user */

    (void) XTestGrabControl(display, True);

    mask = XkbMapNotifyMask|XkbNewKeyboardNotifyMask;
    (void) XkbSelectEvents(display, XkbUseCoreKbd, mask, mask);

    mask = XkbModifierStateMask|XkbModifierBaseMask|XkbModifierLatchMask
           |XkbModifierLockMask|XkbGroupStateMask;
    (void) XkbSelectEventDetails(display, XkbUseCoreKbd, XkbStateNotify, mask,
                                 mask);

    (void) XSelectInput(display, root, StructureNotifyMask);

    if (!XGetWindowAttributes(display, root, &attributes)) {
        return SELKIES_LOST;
    }

    input->width = attributes.width;
    input->height = attributes.height;
    input->moved = 1;
    input->state_unknown = 1;

    return selkies_keymap_refresh(&input->keymap);
}


void
selkies_input_close(selkies_input_t *input)
{
    unsigned  i;

    if (input == NULL) {
        return;
    }

    if (!selkies_x11_lost(&input->x11)) {
        selkies_input_restore(input);

        for (i = 0; i < 256; i++) {
            if (input->key_count[i] != 0) {
                selkies_input_fake_key(input, (uint8_t) i, 0);
            }
        }

        for (i = 1; i <= SELKIES_INPUT_BUTTONS; i++) {
            if (input->button_count[i] != 0) {
                selkies_input_fake_button(input, i, 0);
            }
        }
    }

    selkies_keymap_done(&input->keymap);
    selkies_x11_close(&input->x11);

    /* of a lost server nothing is pressed any more */

    if (input->pressed != NULL) {
        for (i = 0; i < 4; i++) {
            atomic_store(&input->pressed->keys[i], 0);
        }

        atomic_store(&input->pressed->buttons, 0);
    }

    free(input);
}


int
selkies_input_fd(const selkies_input_t *input)
{
    return ConnectionNumber(input->display);
}


/* Sends nothing: it is also called before every key. */

unsigned
selkies_input_dispatch(selkies_input_t *input)
{
    XEvent  event;

    while (!selkies_x11_lost(&input->x11)
           && XEventsQueued(input->display, QueuedAfterReading) > 0)
    {
        (void) XNextEvent(input->display, &event);

        if (!selkies_x11_lost(&input->x11)) {
            selkies_input_event(input, &event);
        }
    }

    return selkies_x11_lost(&input->x11) ? SELKIES_INPUT_LOST : 0;
}


static void
selkies_input_event(selkies_input_t *input, XEvent *event)
{
    XkbEvent  *xkb;

    if (event->type == input->xkb_event) {
        xkb = (XkbEvent *) event;

        if (xkb->any.xkb_type == XkbStateNotify) {
            selkies_input_state_event(input, &xkb->state);

        } else {
            selkies_keymap_stale(&input->keymap);
        }

        return;
    }

    if (event->type == MappingNotify) {
        selkies_keymap_stale(&input->keymap);
        return;
    }

    if (event->type == ConfigureNotify
        && event->xconfigure.window == DefaultRootWindow(input->display))
    {
        input->width = event->xconfigure.width;
        input->height = event->xconfigure.height;

        /* the server may have put the pointer elsewhere */

        input->moved = 1;
    }
}


static void
selkies_input_state_event(selkies_input_t *input, XkbStateNotifyEvent *event)
{
    XkbStateRec  state;

    /* sent before we asked, read only now */

    if (event->serial < input->state_serial) {
        return;
    }

    state.base_mods = (unsigned char) event->base_mods;
    state.locked_mods = (unsigned char) event->locked_mods;
    state.latched_mods = (unsigned char) event->latched_mods;
    state.group = (unsigned char) event->group;

    selkies_input_state(input, &state, event->serial >= input->fake_serial);
}


/*
 * Locks and group are the server's word.  What of the modifiers is held by
 * others can be told only when the server has seen all of ours.
 */

static void
selkies_input_state(selkies_input_t *input, XkbStateRec *state, int current)
{
    unsigned  i;
    uint8_t   ours;

    input->locked = state->locked_mods | state->latched_mods;
    input->group = state->group;

    if (input->keymap.xkb == NULL) {
        return;
    }

    ours = 0;

    for (i = 0; i < 256; i++) {
        if (input->key_count[i] != 0) {
            ours |= selkies_keymap_modifiers(&input->keymap, (uint8_t) i);
        }
    }

    for (i = 0; i < input->fix.nadded; i++) {
        ours |= selkies_keymap_modifiers(&input->keymap, input->fix.added[i]);
    }

    if (current) {
        input->foreign = state->base_mods & ~ours;

    } else if (((state->base_mods ^ input->foreign) & ~ours) != 0) {
        input->state_unknown = 1;
    }
}


selkies_status_t
selkies_input_flush(selkies_input_t *input)
{
    if (!selkies_x11_lost(&input->x11)) {
        (void) XFlush(input->display);
    }

    return selkies_x11_lost(&input->x11) ? SELKIES_LOST : SELKIES_OK;
}


/* Keymap and state as they are; waits only if they are not known. */

int
selkies_input_ready(selkies_input_t *input)
{
    XkbStateRec  state;

    if (selkies_input_dispatch(input) != 0
        || selkies_keymap_refresh(&input->keymap) != SELKIES_OK)
    {
        return 0;
    }

    if (!input->state_unknown) {
        return 1;
    }

    input->state_serial = NextRequest(input->display);

    if (XkbGetState(input->display, XkbUseCoreKbd, &state) != Success) {
        return 0;
    }

    input->state_unknown = 0;
    selkies_input_state(input, &state, 1);

    return 1;
}


uint8_t
selkies_input_modifiers(const selkies_input_t *input)
{
    unsigned  i;
    uint8_t   modifiers;

    modifiers = input->locked | input->foreign;

    for (i = 0; i < 256; i++) {
        if (input->key_count[i] != 0) {
            modifiers |= selkies_keymap_modifiers(&input->keymap, (uint8_t) i);
        }
    }

    return modifiers;
}


/* Down and up again, whoever holds it. */

void
selkies_input_tap(selkies_input_t *input, uint8_t keycode)
{
    if (input->key_count[keycode] != 0) {
        selkies_input_fake_key(input, keycode, 0);
        selkies_input_fake_key(input, keycode, 1);
        return;
    }

    selkies_input_fake_key(input, keycode, 1);
    selkies_input_fake_key(input, keycode, 0);
}


/* The map says pressed from before the server knows until after it forgot. */

void
selkies_input_fake_key(selkies_input_t *input, uint8_t keycode, int down)
{
    uint64_t           bit;
    _Atomic uint64_t  *word;

    bit = (uint64_t) 1 << (keycode % 64);
    word = (input->pressed != NULL) ? &input->pressed->keys[keycode / 64]
                                    : NULL;

    if (down && word != NULL) {
        (void) atomic_fetch_or(word, bit);
    }

    input->fake_serial = NextRequest(input->display);
    (void) XTestFakeKeyEvent(input->display, keycode, down, CurrentTime);

    if (!down && word != NULL) {
        atomic_store(&input->pressed->released_us, selkies_clock_us());
        (void) atomic_fetch_and(word, ~bit);
    }
}


unsigned
selkies_input_release_orphans(selkies_input_t *input,
    const selkies_pressed_t *const *live, size_t n)
{
    int           x, y;
    char          down[32];
    size_t        j;
    Window        root, child;
    unsigned      i, mask, released, buttons;
    uint64_t      keys[4];

    if (selkies_x11_lost(&input->x11)) {
        return 0;
    }

    selkies_input_restore(input);

    (void) XQueryKeymap(input->display, down);
    (void) XQueryPointer(input->display, DefaultRootWindow(input->display),
                         &root, &child, &x, &y, &x, &y, &mask);

    if (selkies_x11_lost(&input->x11)) {
        return 0;
    }

    memset(keys, 0, sizeof(keys));
    buttons = 0;

    /* asked after the server, so that what was pressed since is in the maps */

    for (j = 0; j < n; j++) {
        for (i = 0; i < 4; i++) {
            keys[i] |= atomic_load(&live[j]->keys[i]);
        }

        buttons |= atomic_load(&live[j]->buttons);
    }

    released = 0;

    for (i = 8; i < 256; i++) {
        if ((down[i / 8] & 1 << (i % 8)) && input->key_count[i] == 0
            && (keys[i / 64] & (uint64_t) 1 << (i % 64)) == 0)
        {
            selkies_input_fake_key(input, (uint8_t) i, 0);
            released++;
        }
    }

    for (i = 1; i <= 5; i++) {
        if ((mask & Button1Mask << (i - 1))
            && (i > SELKIES_INPUT_BUTTONS || input->button_count[i] == 0)
            && (buttons & 1u << (i - 1)) == 0)
        {
            selkies_input_fake_button(input, i, 0);
            released++;
        }
    }

    input->state_unknown = 1;
    (void) XFlush(input->display);

    return released;
}
