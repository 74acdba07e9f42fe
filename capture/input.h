
/*
 * Copyright (C) ngx_selkies authors
 *
 * Keyboard and pointer: what clients send becomes XTEST events
 * (protocol.md 11).
 *
 * Thread: everything here belongs to a worker's input thread, which owns the
 * object and every selkies_held_t; other threads reach it only through the
 * interrupt (x11.h).  A selkies_pressed_t is shared memory of the caller.
 *
 * Events are collected, nothing is sent before selkies_input_flush(), and no
 * event but a change of the keymap, a lock key or an unmapped symbol waits
 * for the server.  Nothing ever waits for time: what has to is told to come
 * again.
 */


#ifndef SELKIES_INPUT_H_INCLUDED
#define SELKIES_INPUT_H_INCLUDED


#include <stdatomic.h>

#include "capture.h"
#include "x11.h"


#pragma GCC visibility push(hidden)


#define SELKIES_INPUT_LOST          0x04    /* close, open a new one later */

/* A client's further keys are ignored while it holds so many. */

#define SELKIES_INPUT_HELD_MAX      1024

/* Clicks of the wheel one message can make. */

#define SELKIES_INPUT_WHEEL_MAX     64

/* A key a client's heartbeat does not name for so long is released. */

#define SELKIES_INPUT_STALE_US      2000000


/*
 * What one worker keeps pressed: bit (keycode % 64) of keys[keycode / 64], and
 * bit (button - 1) of buttons; released_us is when it last let go of a key, by
 * selkies_clock_us().  Zeroed by the caller before first use, then written by
 * that worker's input only and read by anybody, at any time; stays as it was
 * when the worker is killed.
 */

typedef struct {
    _Atomic uint64_t  keys[4];
    _Atomic uint64_t  released_us;
    _Atomic uint32_t  buttons;
} selkies_pressed_t;


/*
 * Who else may press or release a key, by selkies_pressed_t of other workers:
 * what is not NULL is called by the input's thread, and says whether one holds
 * it or let go of some key within a second.
 */

typedef int (*selkies_input_elsewhere_pt)(void *data, uint8_t keycode);


/*
 * pressed may be NULL; else it outlives the input.  The strings are needed
 * during open only.
 */

typedef struct {
    const char               *display;
    const char               *xauthority;
    selkies_x11_interrupt_t  *interrupt;
    selkies_pressed_t        *pressed;
    selkies_input_elsewhere_pt  elsewhere;
    void                     *data;             /* of elsewhere */
} selkies_input_conf_t;


typedef struct selkies_input_s  selkies_input_t;
typedef struct selkies_held_s   selkies_held_t;


/* NULL: as selkies_screen_open(). */

selkies_input_t *selkies_input_open(const selkies_input_conf_t *conf,
    const selkies_log_t *log);

/*
 * Releases everything its clients hold, if the server lives, and forgets it.
 * NULL is allowed.
 */

void selkies_input_close(selkies_input_t *input);


/*
 * Poll for reading and dispatch before and after: as screen.h says.  Returns
 * 0 or SELKIES_INPUT_LOST.
 */

int selkies_input_fd(const selkies_input_t *input);
unsigned selkies_input_dispatch(selkies_input_t *input);


/* Hands the events so far to the server; at the end of a batch. OK or LOST. */

selkies_status_t selkies_input_flush(selkies_input_t *input);


/*
 * A client: what it holds and its last mouse mask.  `wheel_recovery` turns on
 * the rule for dialect 1 that an identical repeated wheel message is one more
 * tick (protocol.md 11.3).  Survives the input it was used with: a new one
 * starts with nothing held.  NULL: no memory.  Release before destroying;
 * destroy sends nothing.
 */

selkies_held_t *selkies_held_create(int wheel_recovery);
void selkies_held_destroy(selkies_held_t *held);


/*
 * A key goes down (down != 0) or up.  Any value of keysym is allowed; what is
 * not one or must not be typed (switching consoles, ending the server) is
 * ignored.  The two halves of a UTF-16 pair make one key.
 *
 * Returns 0; or in how many microseconds the same call is to be made again,
 * because the symbol needs a spare key and all had another one until now.
 * Going up never waits.
 */

uint64_t selkies_input_key(selkies_input_t *input, selkies_held_t *held,
    uint32_t keysym, int down);


/*
 * Sees to it that the symbol has a key, so that a text can have all of its own
 * before it is typed: programs then ask for the map once, and one that asks
 * for the first time misses no change.  Returns as selkies_input_key().
 */

uint64_t selkies_input_prepare(selkies_input_t *input, uint32_t keysym);


/*
 * Types one symbol of a text: down and up, without Control, Alt or Super,
 * whoever holds them.  Returns as selkies_input_key().
 */

uint64_t selkies_input_type(selkies_input_t *input, selkies_held_t *held,
    uint32_t keysym);


/*
 * The pointer: absolute, in pixels of the X screen and clamped to it, or
 * relative, saturated to 16 bits.  mask and magnitude are the wire's; all
 * values are allowed.
 */

void selkies_input_pointer_move(selkies_input_t *input, selkies_held_t *held,
    int32_t x, int32_t y, uint32_t mask, uint32_t magnitude);
void selkies_input_pointer_relative(selkies_input_t *input,
    selkies_held_t *held, int32_t dx, int32_t dy, uint32_t mask,
    uint32_t magnitude);


/* Releases what this client holds: on `kr` and when it goes. */

void selkies_input_release_all(selkies_input_t *input, selkies_held_t *held);


/*
 * `kh`: the client holds these keys.  From the first one on,
 * selkies_input_sweep(), to be called every second or so, releases what a
 * heartbeat has not named for SELKIES_INPUT_STALE_US.  sweep returns how many
 * keys it released.  now_us is selkies_clock_us().
 */

void selkies_input_heartbeat(selkies_input_t *input, selkies_held_t *held,
    const uint32_t *keysyms, size_t n, uint64_t now_us);
unsigned selkies_input_sweep(selkies_input_t *input, selkies_held_t *held,
    uint64_t now_us);


/*
 * After attaching: releases every key and button that is down on the server
 * and neither in one of the n live maps nor held by this input; two round
 * trips.  Returns how many it released.
 */

unsigned selkies_input_release_orphans(selkies_input_t *input,
    const selkies_pressed_t *const *live, size_t n);


#pragma GCC visibility pop


#endif /* SELKIES_INPUT_H_INCLUDED */
