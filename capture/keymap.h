
/*
 * Copyright (C) ngx_selkies authors
 *
 * The server's keymap: which key and modifiers type a symbol, and spare keys
 * for the symbols it lacks.
 *
 * Thread: the connection's.  Ownership: the structure owns its copy of the
 * map; memory is the caller's.
 */


#ifndef SELKIES_KEYMAP_H_INCLUDED
#define SELKIES_KEYMAP_H_INCLUDED


#include <X11/XKBlib.h>

#include "capture.h"
#include "x11.h"


#pragma GCC visibility push(hidden)


/* A key, and the real modifiers to add and to take away while it goes down. */

typedef struct {
    uint8_t    keycode;
    uint8_t    add;
    uint8_t    remove;
} selkies_key_t;


/* What the keyboard is in when a key goes down. */

typedef struct {
    unsigned   group;
    uint8_t    modifiers;           /* all effective ones */
} selkies_key_state_t;


/*
 * How long a spare key keeps its symbol after its last use: it takes a program
 * that is busy so long to ask what the key means.
 */

#define SELKIES_KEYMAP_SETTLE_US  200000


typedef struct {
    selkies_x11_t        *x11;
    XkbDescPtr            xkb;
    int                   stale;

    uint64_t              used_us[256];     /* last use of a key */

    uint8_t               shift_key[8];     /* holds modifier n while down */
    uint8_t               lock_key[8];      /* a tap locks or unlocks it */
} selkies_keymap_t;


/* Prepares; nothing is asked before the first refresh. */

void selkies_keymap_init(selkies_keymap_t *keymap, selkies_x11_t *x11);
void selkies_keymap_done(selkies_keymap_t *keymap);


/* The map changed: ask anew before the next use. */

void selkies_keymap_stale(selkies_keymap_t *keymap);


/* Asks if need be, one round trip.  OK, ERROR or LOST; needed by all below. */

selkies_status_t selkies_keymap_refresh(selkies_keymap_t *keymap);


/*
 * Finds the key for a symbol, by either of its numbers, with the least change
 * of modifiers; 0 when the present group has none.  With `level_0` only keys
 * that have it on their first level are taken, and no modifier is changed.
 */

int selkies_keymap_find(const selkies_keymap_t *keymap, uint32_t keysym,
    const selkies_key_state_t *state, int level_0, selkies_key_t *key);


/*
 * Binds a spare key to the symbol, the one not used for longest; busy(data,
 * keycode) tells of keys that are down.  Waits until the server has it.  OK;
 * AGAIN: no key is free, and none will be by itself where *wait_us is 0, else
 * all were in use a moment ago, and programs may still have to look up what
 * they meant; ERROR; LOST.
 */

selkies_status_t selkies_keymap_bind(selkies_keymap_t *keymap,
    uint32_t keysym, int (*busy)(void *data, uint8_t keycode), void *data,
    selkies_key_t *key, uint64_t *wait_us);


/*
 * The key was pressed or released now: it is the last to be bound to something
 * else.
 */

void selkies_keymap_use(selkies_keymap_t *keymap, uint8_t keycode);


/* The real modifiers a key sets or locks. */

uint8_t selkies_keymap_modifiers(const selkies_keymap_t *keymap,
    uint8_t keycode);


#pragma GCC visibility pop


#endif /* SELKIES_KEYMAP_H_INCLUDED */
