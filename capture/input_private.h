
/*
 * Copyright (C) ngx_selkies authors
 *
 * What input.c, keyboard.c and pointer.c share; nobody else includes it.
 */


#ifndef SELKIES_INPUT_PRIVATE_H_INCLUDED
#define SELKIES_INPUT_PRIVATE_H_INCLUDED


#include "input.h"
#include "keymap.h"


#pragma GCC visibility push(hidden)


/* Keysyms of the two halves of a UTF-16 pair, without their ten bits. */

#define SELKIES_INPUT_HIGH      0x0100d800
#define SELKIES_INPUT_LOW       0x0100dc00

/* X buttons that are held: 1, 2, 3; the wheel's are clicked only. */

#define SELKIES_INPUT_BUTTONS   3

#define SELKIES_INPUT_FIX_MAX   16


/* Modifiers changed around a key that is down, to be put back. */

typedef struct {
    unsigned   nadded;
    unsigned   nlifted;
    unsigned   ntapped;
    uint8_t    keycode;                     /* that key, 0 for none */
    uint8_t    added[8];
    uint8_t    lifted[SELKIES_INPUT_FIX_MAX];
    uint8_t    tapped[8];
} selkies_input_fix_t;


struct selkies_input_s {
    selkies_x11_t         x11;
    Display              *display;
    const selkies_log_t  *log;
    selkies_pressed_t    *pressed;
    uint64_t              generation;

    selkies_input_elsewhere_pt  elsewhere;
    void                 *elsewhere_data;

    int                   xkb_event;
    selkies_keymap_t      keymap;

    unsigned              group;
    uint8_t               locked;           /* and latched */
    uint8_t               foreign;          /* held down by others */
    unsigned long         state_serial;     /* request that asked for it */
    unsigned long         fake_serial;      /* our last event */

    int32_t               width;
    int32_t               height;
    int32_t               x;
    int32_t               y;

    uint32_t              key_count[256];
    uint32_t              button_count[SELKIES_INPUT_BUTTONS + 1];
    selkies_input_fix_t   fix;

    unsigned              state_unknown:1;
    unsigned              moved:1;          /* x, y are not where it is */
    unsigned              complained:1;
};


typedef struct {
    uint64_t    seen_us;
    uint32_t    keysym;
    uint8_t     keycode;
    uint8_t     locks;
    uint8_t     text;               /* being typed, not held */
} selkies_held_key_t;


struct selkies_held_s {
    uint64_t             generation;
    selkies_held_key_t  *keys;
    size_t               nkeys;
    size_t               allocated;

    uint32_t             mask;              /* of the last pointer message */
    uint32_t             magnitude;
    uint32_t             high;              /* first half of a pair */

    unsigned             pending:1;         /* high is valid */
    unsigned             repeatable:1;      /* that message was a wheel's */
    unsigned             wheel_recovery:1;
    unsigned             heartbeat:1;
};


void selkies_held_attach(selkies_input_t *input, selkies_held_t *held);
int selkies_input_ready(selkies_input_t *input);
uint8_t selkies_input_modifiers(const selkies_input_t *input);
void selkies_input_restore(selkies_input_t *input);
void selkies_input_tap(selkies_input_t *input, uint8_t keycode);
void selkies_input_fake_key(selkies_input_t *input, uint8_t keycode, int down);
void selkies_input_fake_button(selkies_input_t *input, unsigned button,
    int down);
void selkies_input_release_buttons(selkies_input_t *input,
    selkies_held_t *held);


#pragma GCC visibility pop


#endif /* SELKIES_INPUT_PRIVATE_H_INCLUDED */
