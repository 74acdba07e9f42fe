
/*
 * Copyright (C) ngx_selkies authors
 *
 * What comes from clients, into the ring of the input thread.  See
 * selkies_control.h and selkies_control_private.h.
 *
 * Thread: the worker's event loop, but for selkies_control_pass().
 */


#include <string.h>

#include "selkies_control_private.h"


/* How long a fence may stand. */

#define SELKIES_CONTROL_FENCE_US  500000


static selkies_control_event_t *selkies_control_push(
    selkies_control_t *control, selkies_control_client_t *client,
    selkies_control_kind_t kind);
static void selkies_control_push_motion(selkies_control_t *control);
static selkies_control_event_t *selkies_control_room(
    selkies_control_t *control);
static void selkies_control_pushed(selkies_control_t *control);


void
selkies_control_leave(selkies_control_t *control,
    selkies_control_client_t *client)
{
    selkies_control_push_motion(control);
    atomic_store_explicit(&client->gone, true, memory_order_release);
    selkies_bell_ring(control->bell);
}


void
selkies_control_key(selkies_control_t *control,
    selkies_control_client_t *client, uint32_t keysym, bool down)
{
    selkies_control_event_t  *event;

    event = selkies_control_push(control, client,
                                 down ? SELKIES_CONTROL_KEY_DOWN
                                      : SELKIES_CONTROL_KEY_UP);

    if (event != NULL) {
        event->u.keysym = keysym;
        selkies_control_pushed(control);
    }
}


bool
selkies_control_text(selkies_control_t *control,
    selkies_control_client_t *client, const uint8_t *data, size_t len)
{
    selkies_control_event_t  *event;

    if (len == 0) {
        return true;
    }

    event = selkies_control_push(control, client, SELKIES_CONTROL_TEXT);

    if (event == NULL || !selkies_control_text_put(&client->text, data, len)) {
        return false;
    }

    event->u.bytes = (uint32_t) len;
    selkies_control_pushed(control);

    return true;
}


void
selkies_control_release(selkies_control_t *control,
    selkies_control_client_t *client)
{
    client->told = 0;

    if (selkies_control_push(control, client, SELKIES_CONTROL_RELEASE)) {
        selkies_control_pushed(control);
    }
}


void
selkies_control_held(selkies_control_t *control,
    selkies_control_client_t *client, const uint32_t *keysyms, size_t n)
{
    size_t                    part;
    selkies_control_event_t  *event;

    if (n > SELKIES_CONTROL_HELD) {
        return;
    }

    do {
        part = (n < SELKIES_CONTROL_BEAT) ? n : SELKIES_CONTROL_BEAT;
        event = selkies_control_push(control, client,
                                     SELKIES_CONTROL_HELD_KEYS);
        if (event == NULL) {
            return;
        }

        event->u.held.n = (uint32_t) part;
        memcpy(event->u.held.keysyms, keysyms, part * sizeof(uint32_t));
        selkies_control_pushed(control);

        keysyms += part;
        n -= part;

    } while (n > 0);
}


void
selkies_control_pointer(selkies_control_t *control,
    selkies_control_client_t *client, bool relative, int32_t x, int32_t y,
    uint32_t mask, uint32_t magnitude)
{
    bool                        motion;
    selkies_control_event_t    *event;
    selkies_control_kind_t      kind;
    selkies_control_pointer_t   pointer;

    kind = relative ? SELKIES_CONTROL_MOVE_RELATIVE : SELKIES_CONTROL_MOVE;
    pointer = (selkies_control_pointer_t) { x, y, mask, magnitude };
    motion = (magnitude == 0 && mask == client->told);
    client->told = mask;

    if (motion && control->moves && control->motion.client == client
        && control->motion.kind == kind
        && selkies_control_merge_motion(kind, &control->motion.u.pointer,
                                        &pointer))
    {
        control->motion.u.pointer = pointer;
        return;
    }

    if (motion) {
        selkies_control_push_motion(control);
        control->moves = true;
        control->motion.kind = kind;
        control->motion.client = client;
        control->motion.u.pointer = pointer;
        return;
    }

    event = selkies_control_push(control, client, kind);

    if (event != NULL) {
        event->u.pointer = pointer;
        selkies_control_pushed(control);
    }
}


void
selkies_control_fence(selkies_control_t *control, uint32_t ticket)
{
    selkies_control_event_t  *event;

    event = selkies_control_push(control, NULL, SELKIES_CONTROL_FENCE);

    if (event != NULL) {
        event->u.fence.ticket = ticket;
        event->u.fence.until_us = selkies_clock_us()
                                  + SELKIES_CONTROL_FENCE_US;
        selkies_control_pushed(control);
    }
}


void
selkies_control_pass(selkies_control_t *control, uint32_t ticket)
{
    atomic_store(&control->passed, ticket);
    selkies_bell_ring(control->bell);
}


void
selkies_control_flush(selkies_control_t *control)
{
    selkies_control_push_motion(control);
    selkies_bell_ring(control->bell);
}


/* Behind the motion that waits. */

static selkies_control_event_t *
selkies_control_push(selkies_control_t *control,
    selkies_control_client_t *client, selkies_control_kind_t kind)
{
    selkies_control_event_t  *event;

    selkies_control_push_motion(control);

    event = selkies_control_room(control);

    if (event != NULL) {
        event->kind = kind;
        event->client = client;
    }

    return event;
}


static void
selkies_control_push_motion(selkies_control_t *control)
{
    selkies_control_event_t  *event;

    if (!control->moves) {
        return;
    }

    control->moves = false;
    event = selkies_control_room(control);

    if (event != NULL) {
        *event = control->motion;
        selkies_control_pushed(control);
    }
}


static selkies_control_event_t *
selkies_control_room(selkies_control_t *control)
{
    uint32_t  head;

    head = atomic_load_explicit(&control->head, memory_order_relaxed);

    if (head - atomic_load_explicit(&control->tail, memory_order_acquire)
        >= SELKIES_CONTROL_RING)
    {
        atomic_store(&control->overflow, true);
        return NULL;
    }

    return &control->ring[head % SELKIES_CONTROL_RING];
}


static void
selkies_control_pushed(selkies_control_t *control)
{
    uint32_t  head;

    head = atomic_load_explicit(&control->head, memory_order_relaxed);
    atomic_store_explicit(&control->head, head + 1, memory_order_release);
}
