
/*
 * Copyright (C) ngx_selkies authors
 *
 * What the numbers of keysyms mean for typing them (protocol.md 11).
 *
 * Thread: any, no state.
 */


#ifndef SELKIES_KEYSYMS_H_INCLUDED
#define SELKIES_KEYSYMS_H_INCLUDED


#include <stdint.h>


#pragma GCC visibility push(hidden)


/*
 * One number for one symbol: Unicode keysyms of Latin-1 become Latin-1's own,
 * the Euro its own.  0 for what is no keysym and for those that switch
 * consoles, screens or end the server.
 */

uint32_t selkies_keysym_normal(uint32_t keysym);

/*
 * The other number of a symbol that has two, a keysym older than Unicode and
 * 0x01000000 plus its code point; else 0.
 */

uint32_t selkies_keysym_other(uint32_t keysym);

/* A modifier or lock key: pressed as it is, whatever level it is on. */

int selkies_keysym_modifier(uint32_t keysym);

/* A key rather than a symbol (Return, F5): its modifiers are not adjusted. */

int selkies_keysym_function(uint32_t keysym);

/* Pressing it changes locks, latches or the group. */

int selkies_keysym_locks(uint32_t keysym);

/* The Latin letter or sign on the key of a Cyrillic letter, else 0. */

uint32_t selkies_keysym_latin(uint32_t keysym);

/* The key a key of the keypad is without NumLock, such as Home, else 0. */

uint32_t selkies_keysym_keypad(uint32_t keysym);

/* What may stand in for a modifier the keymap lacks, else 0. */

uint32_t selkies_keysym_alias(uint32_t keysym);


#pragma GCC visibility pop


#endif /* SELKIES_KEYSYMS_H_INCLUDED */
