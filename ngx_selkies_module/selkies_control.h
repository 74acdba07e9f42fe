
/*
 * Copyright (C) ngx_selkies authors
 *
 * Keyboard and pointer of one X display in one worker: events from the event
 * loop reach a thread with an X connection of its own through a ring of one
 * producer and one consumer.  A thread, because a busy X server may block a
 * flush; every worker its own, because X itself is the shared state.
 *
 * Nothing waits: while X is away or slow, motion is merged and, if the ring
 * is full all the same, events are dropped and everything is released as
 * soon as X is back, so that no key stays down.  What a client has to wait
 * for, a spare key or the rest of a long text, holds up its later keys alone
 * (selkies_control_private.h).
 *
 * Thread: all functions but selkies_control_pass() belong to the worker's
 * event loop.
 */


#ifndef SELKIES_CONTROL_H_INCLUDED
#define SELKIES_CONTROL_H_INCLUDED


#include "../capture/capture.h"
#include "selkies_shared.h"


typedef struct selkies_control_s         selkies_control_t;
typedef struct selkies_control_client_s  selkies_control_client_t;


#pragma GCC visibility push(hidden)


/*
 * Starts the thread; the X server may be missing.  Strings, shared block and
 * log are the caller's and outlive it.  `worker` is this worker's entry: what
 * its clients hold is kept there.  NULL where the system gives no thread.
 */

selkies_control_t *selkies_control_start(const char *display,
    const char *xauthority, selkies_shared_t *shared,
    selkies_worker_t *worker, uint32_t stream_index,
    const selkies_log_t *log);


/*
 * Releases what is held, ends the thread and frees all, the clients too.
 * SELKIES_AGAIN where the thread did not end: all is left as it is.
 */

selkies_status_t selkies_control_stop(selkies_control_t *control,
    uint32_t timeout_ms);


/* Keys and buttons of a killed worker are to be released. */

void selkies_control_orphans(selkies_control_t *control);


/*
 * NULL where memory is out; wheel_recovery: see capture/input.h.  Leaving
 * releases what the client holds.
 */

selkies_control_client_t *selkies_control_join(selkies_control_t *control,
    bool wheel_recovery);
void selkies_control_leave(selkies_control_t *control,
    selkies_control_client_t *client);


void selkies_control_key(selkies_control_t *control,
    selkies_control_client_t *client, uint32_t keysym, bool down);

/*
 * Text to type, UTF-8, in order with the client's keys.  It is typed as fast
 * as programs can follow, which is slow where the layout lacks its symbols;
 * SELKIES_CONTROL_TEXT_BYTES of a client may wait.  false, and nothing of it is
 * typed, where there is no room.
 */

#define SELKIES_CONTROL_TEXT_BYTES  65536

bool selkies_control_text(selkies_control_t *control,
    selkies_control_client_t *client, const uint8_t *data, size_t len);

/* Releases all the client holds. */

void selkies_control_release(selkies_control_t *control,
    selkies_control_client_t *client);

/* The keys the client says it still holds; at most SELKIES_CONTROL_HELD. */

#define SELKIES_CONTROL_HELD  32

void selkies_control_held(selkies_control_t *control,
    selkies_control_client_t *client, const uint32_t *keysyms, size_t n);

/* mask, magnitude: protocol.md 11.3. */

void selkies_control_pointer(selkies_control_t *control,
    selkies_control_client_t *client, bool relative, int32_t x, int32_t y,
    uint32_t mask, uint32_t magnitude);


/*
 * What follows is done after selkies_control_pass() with this number or a
 * later one, or after half a second.
 */

void selkies_control_fence(selkies_control_t *control, uint32_t ticket);

/* Any thread, as long as the control is there. */

void selkies_control_pass(selkies_control_t *control, uint32_t ticket);


/* Events become one batch: to be called after a read's last event. */

void selkies_control_flush(selkies_control_t *control);


#pragma GCC visibility pop


#endif /* SELKIES_CONTROL_H_INCLUDED */
