
/*
 * Copyright (C) ngx_selkies authors
 *
 * The lanes of clients: keys and text in their order, where some of them have
 * to wait.  See selkies_control_private.h.
 *
 * Thread: the input thread, but for selkies_control_text_put().
 */


#include <stdlib.h>
#include <string.h>

#include "../capture/keysyms.h"
#include "selkies_control_private.h"


#define SELKIES_CONTROL_LANE_MIN   64
#define SELKIES_CONTROL_LANE_MAX   8192         /* what waits, text is one */

/* Text is typed in pieces, so that programs and the pointer come to turn. */

#define SELKIES_CONTROL_PIECE      32
#define SELKIES_CONTROL_PIECE_US   8000


static uint64_t selkies_control_entry(selkies_control_t *control,
    selkies_control_client_t *client, selkies_control_entry_t *entry);
static uint64_t selkies_control_type(selkies_control_t *control,
    selkies_control_client_t *client, selkies_control_entry_t *entry);
static void selkies_control_point(selkies_control_t *control,
    selkies_control_client_t *client, selkies_control_kind_t kind,
    const selkies_control_pointer_t *pointer);
static bool selkies_control_waits(const selkies_control_client_t *client,
    const selkies_control_event_t *event);
static void selkies_control_append(selkies_control_t *control,
    selkies_control_client_t *client, const selkies_control_event_t *event);
static bool selkies_control_append_motion(selkies_control_client_t *client,
    const selkies_control_event_t *event);
static bool selkies_control_grow(selkies_control_lane_t *lane);
static uint32_t selkies_control_character(const selkies_control_text_t *text,
    uint32_t offset, uint32_t bytes, uint32_t *len);
static uint32_t selkies_control_keysym(uint32_t code);


bool
selkies_control_text_put(selkies_control_text_t *text, const uint8_t *data,
    size_t len)
{
    size_t    part;
    uint32_t  tail, at;

    tail = atomic_load_explicit(&text->tail, memory_order_acquire);

    if (len > SELKIES_CONTROL_TEXT_BYTES - (text->head - tail)) {
        return false;
    }

    if (text->data == NULL) {
        text->data = malloc(SELKIES_CONTROL_TEXT_BYTES);

        if (text->data == NULL) {
            return false;
        }
    }

    at = text->head % SELKIES_CONTROL_TEXT_BYTES;
    part = SELKIES_CONTROL_TEXT_BYTES - at;
    part = (part < len) ? part : len;

    memcpy(text->data + at, data, part);
    memcpy(text->data, data + part, len - part);

    text->head += (uint32_t) len;

    return true;
}


void
selkies_control_text_skip(selkies_control_client_t *client, uint32_t bytes)
{
    uint32_t  tail;

    tail = atomic_load_explicit(&client->text.tail, memory_order_relaxed);
    atomic_store_explicit(&client->text.tail, tail + bytes,
                          memory_order_release);
}


void
selkies_control_free_client(selkies_control_client_t *client)
{
    selkies_held_destroy(client->held);
    free(client->lane.entries);
    free(client->text.data);
    free(client);
}


void
selkies_control_lane_apply(selkies_control_t *control,
    const selkies_control_event_t *event)
{
    uint64_t                   now, wait_us;
    selkies_control_entry_t    entry;
    selkies_control_client_t  *client = event->client;

    if (event->kind == SELKIES_CONTROL_HELD_KEYS) {
        now = selkies_clock_us();
        client->sweep_until_us = now + 2 * SELKIES_INPUT_STALE_US;
        selkies_input_heartbeat(control->input, client->held,
                                event->u.held.keysyms, event->u.held.n, now);
        return;
    }

    if (event->kind == SELKIES_CONTROL_RELEASE) {
        selkies_control_lane_release(control, client);
        return;
    }

    if (event->kind == SELKIES_CONTROL_TEXT) {
        selkies_control_append(control, client, event);
        return;
    }

    if (selkies_control_waits(client, event)) {
        selkies_control_append(control, client, event);
        return;
    }

    entry.kind = event->kind;

    if (event->kind == SELKIES_CONTROL_KEY_DOWN
        || event->kind == SELKIES_CONTROL_KEY_UP)
    {
        entry.u.keysym = event->u.keysym;

    } else {
        entry.u.pointer = event->u.pointer;
    }

    wait_us = selkies_control_entry(control, client, &entry);

    if (wait_us != 0) {
        selkies_control_append(control, client, event);
        client->lane.due_us = selkies_clock_us() + wait_us;
    }
}


/*
 * Whether an event must not overtake what is in the lane.  A key that went
 * down before all of that may go up at once, else X would repeat it, but a
 * modifier only past text; motion may pass everything but a button, and a
 * button text, but no key.
 */

static bool
selkies_control_waits(const selkies_control_client_t *client,
    const selkies_control_event_t *event)
{
    uint32_t                        i;
    const selkies_control_lane_t   *lane;
    const selkies_control_entry_t  *entry;

    lane = &client->lane;

    if (lane->first == lane->last) {
        return false;
    }

    switch (event->kind) {

    case SELKIES_CONTROL_KEY_UP:
        if (lane->nkeys != 0 && selkies_keysym_modifier(event->u.keysym)) {
            return true;
        }

        for (i = lane->first; i < lane->last; i++) {
            entry = &lane->entries[i];

            if (entry->kind == SELKIES_CONTROL_KEY_DOWN
                && entry->u.keysym == event->u.keysym)
            {
                return true;
            }
        }

        return false;

    case SELKIES_CONTROL_MOVE:
    case SELKIES_CONTROL_MOVE_RELATIVE:
        return lane->npointers != 0
               || (lane->nkeys != 0
                   && ((event->u.pointer.mask ^ client->mask) & 0xff) != 0);

    default:
        return true;
    }
}


static void
selkies_control_append(selkies_control_t *control,
    selkies_control_client_t *client, const selkies_control_event_t *event)
{
    selkies_control_lane_t   *lane;
    selkies_control_entry_t  *entry;

    lane = &client->lane;

    if (selkies_control_append_motion(client, event)) {
        return;
    }

    if (!selkies_control_grow(lane)) {

        if (event->kind == SELKIES_CONTROL_TEXT) {
            selkies_control_text_skip(client, event->u.bytes);
        }

        if (!lane->full) {
            lane->full = true;
            selkies_log(control->log, SELKIES_LOG_WARN,
                        "display %s: a client sends keys faster than they "
                        "can be typed, some are dropped", control->display);
        }

        return;
    }

    entry = &lane->entries[lane->last++];
    entry->kind = event->kind;

    switch (event->kind) {

    case SELKIES_CONTROL_TEXT:
        entry->u.bytes = event->u.bytes;
        return;

    case SELKIES_CONTROL_MOVE:
    case SELKIES_CONTROL_MOVE_RELATIVE:
        entry->u.pointer = event->u.pointer;
        lane->npointers++;
        break;

    default:
        entry->u.keysym = event->u.keysym;
        break;
    }

    lane->nkeys++;
}


/* Motion behind motion makes no entry. */

static bool
selkies_control_append_motion(selkies_control_client_t *client,
    const selkies_control_event_t *event)
{
    bool                       after, motion;
    selkies_control_lane_t    *lane;
    selkies_control_entry_t   *entry;
    selkies_control_pointer_t  merged;

    lane = &client->lane;
    after = lane->motion;
    motion = event->kind >= SELKIES_CONTROL_MOVE
             && event->u.pointer.magnitude == 0
             && event->u.pointer.mask
                == (lane->npointers ? lane->mask : client->mask);

    lane->motion = motion;

    if (event->kind >= SELKIES_CONTROL_MOVE) {
        lane->mask = event->u.pointer.mask;
    }

    if (!motion || !after || lane->first == lane->last) {
        return false;
    }

    entry = &lane->entries[lane->last - 1];
    merged = event->u.pointer;

    if (entry->kind != event->kind
        || !selkies_control_merge_motion(entry->kind, &entry->u.pointer,
                                         &merged))
    {
        return false;
    }

    entry->u.pointer = merged;

    return true;
}


bool
selkies_control_merge_motion(selkies_control_kind_t kind,
    const selkies_control_pointer_t *pointer,
    selkies_control_pointer_t *next)
{
    if (pointer->mask != next->mask || pointer->magnitude != 0
        || next->magnitude != 0)
    {
        return false;
    }

    if (kind == SELKIES_CONTROL_MOVE_RELATIVE) {

        if (abs(pointer->x) > INT16_MAX || abs(pointer->y) > INT16_MAX
            || abs(next->x) > INT16_MAX || abs(next->y) > INT16_MAX)
        {
            return false;
        }

        next->x += pointer->x;
        next->y += pointer->y;
    }

    return true;
}


static bool
selkies_control_grow(selkies_control_lane_t *lane)
{
    uint32_t                  n;
    selkies_control_entry_t  *entries;

    if (lane->last < lane->allocated) {
        return true;
    }

    if (lane->first > 0) {
        lane->last -= lane->first;
        memmove(lane->entries, lane->entries + lane->first,
                lane->last * sizeof(selkies_control_entry_t));
        lane->first = 0;
        return true;
    }

    if (lane->allocated == SELKIES_CONTROL_LANE_MAX) {
        return false;
    }

    n = lane->allocated ? 2 * lane->allocated : SELKIES_CONTROL_LANE_MIN;
    entries = realloc(lane->entries, n * sizeof(selkies_control_entry_t));

    if (entries == NULL) {
        return false;
    }

    lane->entries = entries;
    lane->allocated = n;

    return true;
}


uint64_t
selkies_control_lane_run(selkies_control_t *control,
    selkies_control_client_t *client)
{
    uint64_t                  now, wait_us;
    selkies_control_lane_t   *lane;
    selkies_control_entry_t  *entry;

    lane = &client->lane;

    while (lane->first < lane->last) {
        now = selkies_clock_us();

        if (now < lane->due_us) {
            return lane->due_us - now;
        }

        entry = &lane->entries[lane->first];
        wait_us = selkies_control_entry(control, client, entry);

        if (wait_us != 0) {
            lane->due_us = selkies_clock_us() + wait_us;
            return wait_us;
        }

        lane->first++;

        if (entry->kind != SELKIES_CONTROL_TEXT) {
            lane->nkeys--;
        }

        if (entry->kind >= SELKIES_CONTROL_MOVE) {
            lane->npointers--;
        }
    }

    lane->first = 0;
    lane->last = 0;
    lane->due_us = 0;

    if (lane->full) {
        lane->full = false;
        selkies_input_release_all(control->input, client->held);
    }

    return UINT64_MAX;
}


/* Returns 0, or for how long to leave it where it is. */

static uint64_t
selkies_control_entry(selkies_control_t *control,
    selkies_control_client_t *client, selkies_control_entry_t *entry)
{
    switch (entry->kind) {

    case SELKIES_CONTROL_KEY_DOWN:
    case SELKIES_CONTROL_KEY_UP:
        client->lane.return_typed = false;
        return selkies_input_key(control->input, client->held,
                                 entry->u.keysym,
                                 entry->kind == SELKIES_CONTROL_KEY_DOWN);

    case SELKIES_CONTROL_TEXT:
        return selkies_control_type(control, client, entry);

    case SELKIES_CONTROL_MOVE:
    case SELKIES_CONTROL_MOVE_RELATIVE:
        selkies_control_point(control, client, entry->kind,
                              &entry->u.pointer);
        return 0;

    default:
        selkies_input_release_all(control->input, client->held);
        return 0;
    }
}


/* A piece of a text: as much as has its keys, all of which it has before. */

static uint64_t
selkies_control_type(selkies_control_t *control,
    selkies_control_client_t *client, selkies_control_entry_t *entry)
{
    unsigned  n;
    uint32_t  keysyms[SELKIES_CONTROL_PIECE], at, code, len;
    uint64_t  wait_us;

    at = 0;
    wait_us = SELKIES_CONTROL_PIECE_US;

    for (n = 0; n < SELKIES_CONTROL_PIECE && at < entry->u.bytes; n++) {
        code = selkies_control_character(&client->text, at,
                                         entry->u.bytes - at, &len);
        keysyms[n] = (code == '\n' && client->lane.return_typed)
                     ? 0 : selkies_control_keysym(code);

        if (keysyms[n] != 0) {
            wait_us = selkies_input_prepare(control->input, keysyms[n]);

            if (wait_us != 0) {
                break;
            }

            wait_us = SELKIES_CONTROL_PIECE_US;
        }

        client->lane.return_typed = (code == '\r');
        at += len;
    }

    selkies_control_text_skip(client, at);
    entry->u.bytes -= at;

    for (at = 0; at < n; at++) {
        if (keysyms[at] != 0) {
            (void) selkies_input_type(control->input, client->held,
                                      keysyms[at]);
        }
    }

    return entry->u.bytes > 0 ? wait_us : 0;
}


/* The next character; what is not UTF-8 is U+FFFD, a byte of it at a time. */

static uint32_t
selkies_control_character(const selkies_control_text_t *text, uint32_t offset,
    uint32_t bytes, uint32_t *len)
{
    uint8_t   byte;
    uint32_t  i, n, at, code;

    at = atomic_load_explicit(&text->tail, memory_order_relaxed) + offset;
    byte = text->data[at % SELKIES_CONTROL_TEXT_BYTES];
    *len = 1;

    if (byte < 0x80) {
        return byte;
    }

    n = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;

    if (byte < 0xc2 || byte > 0xf4 || n >= bytes) {
        return 0xfffd;
    }

    code = byte & (0x3fu >> n);

    for (i = 1; i <= n; i++) {
        byte = text->data[(at + i) % SELKIES_CONTROL_TEXT_BYTES];

        if ((byte & 0xc0) != 0x80) {
            return 0xfffd;
        }

        code = code << 6 | (byte & 0x3f);
    }

    *len = n + 1;

    return code;
}


/* X11 protocol, appendix A: Latin-1, then Unicode; few controls are keys. */

static uint32_t
selkies_control_keysym(uint32_t code)
{
    switch (code) {

    case '\n':
    case '\r':
        return 0xff0d;

    case '\t':
        return 0xff09;

    case '\b':
        return 0xff08;

    case 0x1b:
        return 0xff1b;
    }

    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) {
        return 0;
    }

    return code < 0x100 ? code : 0x1000000 + code;
}


static void
selkies_control_point(selkies_control_t *control,
    selkies_control_client_t *client, selkies_control_kind_t kind,
    const selkies_control_pointer_t *pointer)
{
    client->mask = pointer->mask;

    if (kind == SELKIES_CONTROL_MOVE) {
        selkies_input_pointer_move(control->input, client->held, pointer->x,
                                   pointer->y, pointer->mask,
                                   pointer->magnitude);
        return;
    }

    selkies_input_pointer_relative(control->input, client->held, pointer->x,
                                   pointer->y, pointer->mask,
                                   pointer->magnitude);
}


void
selkies_control_lane_release(selkies_control_t *control,
    selkies_control_client_t *client)
{
    selkies_control_event_t  event;

    selkies_input_release_all(control->input, client->held);
    client->mask = 0;

    if (client->lane.first < client->lane.last) {
        memset(&event, 0, sizeof(selkies_control_event_t));
        event.kind = SELKIES_CONTROL_RELEASE;
        selkies_control_append(control, client, &event);
    }
}


void
selkies_control_lane_drop(selkies_control_client_t *client)
{
    selkies_control_lane_t  *lane;

    lane = &client->lane;

    for ( /* void */ ; lane->first < lane->last; lane->first++) {

        if (lane->entries[lane->first].kind == SELKIES_CONTROL_TEXT) {
            selkies_control_text_skip(client,
                                      lane->entries[lane->first].u.bytes);
        }
    }

    lane->first = 0;
    lane->last = 0;
    lane->nkeys = 0;
    lane->npointers = 0;
    lane->due_us = 0;
    lane->motion = false;
    lane->return_typed = false;
    lane->full = false;
}
