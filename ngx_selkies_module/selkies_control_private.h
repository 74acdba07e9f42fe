
/*
 * Copyright (C) ngx_selkies authors
 *
 * What selkies_control.c and selkies_control_lane.c share; nobody else
 * includes it.
 *
 * Keys and text of a client go through its lane.  As long as none has to
 * wait, a lane is empty, and everything is applied in the order it came.  A
 * symbol that no key of the layout has may have to wait for a spare key
 * (capture/keymap.h), and long text is typed a piece at a time: meanwhile
 * what must not overtake it queues up in the lane, and the pointer goes on.
 */


#ifndef SELKIES_CONTROL_PRIVATE_H_INCLUDED
#define SELKIES_CONTROL_PRIVATE_H_INCLUDED


#include "selkies_control.h"
#include "selkies_thread.h"


#pragma GCC visibility push(hidden)


#define SELKIES_CONTROL_RING       8192         /* a power of two */

/* Keys of a heartbeat in one event. */

#define SELKIES_CONTROL_BEAT       4


typedef enum {
    SELKIES_CONTROL_KEY_DOWN = 0,
    SELKIES_CONTROL_KEY_UP,
    SELKIES_CONTROL_TEXT,
    SELKIES_CONTROL_RELEASE,
    SELKIES_CONTROL_HELD_KEYS,
    SELKIES_CONTROL_FENCE,                      /* of no client */
    SELKIES_CONTROL_MOVE,
    SELKIES_CONTROL_MOVE_RELATIVE
} selkies_control_kind_t;


typedef struct {
    int32_t                     x;
    int32_t                     y;
    uint32_t                    mask;
    uint32_t                    magnitude;
} selkies_control_pointer_t;


typedef struct {
    selkies_control_kind_t      kind;
    selkies_control_client_t   *client;

    union {
        uint32_t                keysym;
        uint32_t                bytes;          /* of the client's text */
        selkies_control_pointer_t  pointer;

        struct {
            uint32_t            n;
            uint32_t            keysyms[SELKIES_CONTROL_BEAT];
        } held;

        struct {
            uint32_t            ticket;
            uint64_t            until_us;
        } fence;
    } u;
} selkies_control_event_t;


/* What waits in a lane; never held keys, never a fence. */

typedef struct {
    selkies_control_kind_t      kind;

    union {
        uint32_t                keysym;
        uint32_t                bytes;
        selkies_control_pointer_t  pointer;
    } u;
} selkies_control_entry_t;


/* Of the thread alone; entries first … last - 1 wait. */

typedef struct {
    selkies_control_entry_t    *entries;
    uint32_t                    allocated;
    uint32_t                    first;
    uint32_t                    last;
    uint32_t                    nkeys;          /* what is not text */
    uint32_t                    npointers;
    uint32_t                    mask;           /* after the last of these */
    uint64_t                    due_us;         /* 0: at once */
    bool                        motion;         /* the last entry is one */
    bool                        return_typed;   /* a CR: a LF is no other */
    bool                        full;           /* entries were dropped */
} selkies_control_lane_t;


/*
 * The event loop writes text at `head`, the thread types it from `tail`; both
 * count bytes.  An event of the ring tells of each piece.
 */

typedef struct {
    uint8_t                    *data;           /* NULL before the first */
    uint32_t                    head;           /* event loop */
    _Atomic uint32_t            tail;           /* thread */
} selkies_control_text_t;


struct selkies_control_client_s {
    selkies_held_t             *held;           /* thread */
    selkies_control_lane_t      lane;           /* thread */
    selkies_control_text_t      text;
    uint64_t                    sweep_until_us; /* thread */
    uint32_t                    mask;           /* thread: last applied */
    uint32_t                    told;           /* event loop: last told */
    _Atomic bool                gone;           /* event loop */
    bool                        leaving;        /* thread */
    selkies_control_client_t   *next;           /* lock */
};


struct selkies_control_s {
    const char                 *display;
    const char                 *xauthority;
    selkies_shared_t           *shared;
    selkies_worker_t           *worker;
    uint32_t                    index;
    const selkies_log_t        *log;

    pthread_t                   thread;
    selkies_x11_interrupt_t     interrupt;
    int                         bell;

    pthread_mutex_t             lock;           /* of the list of clients */
    selkies_control_client_t   *clients;

    _Atomic bool                stop;
    _Atomic bool                overflow;       /* events were dropped */
    _Atomic bool                orphans;        /* a worker was killed */
    _Atomic uint32_t            passed;         /* the last fence that fell */

    selkies_control_event_t     motion;         /* event loop: not yet there */
    bool                        moves;          /* event loop: there is one */

    _Atomic uint32_t            head;
    _Atomic uint32_t            tail;
    selkies_control_event_t     ring[SELKIES_CONTROL_RING];

    selkies_input_t            *input;          /* thread, as what follows */
    uint64_t                    unused_us;      /* since; 0: in use */
};


/* Event loop: a client's room for text; false where it is not to be had. */

bool selkies_control_text_put(selkies_control_text_t *text,
    const uint8_t *data, size_t len);


/*
 * All below is the thread's, with control->input open but for drop.
 *
 * apply: an event of the client, at once or when its turn comes.  run: goes on
 * with what waits; in how many microseconds to come again, UINT64_MAX when
 * nothing waits.  release: lets go of all that is held, now and once more
 * behind what waits.  drop: forgets what waits.
 */

void selkies_control_lane_apply(selkies_control_t *control,
    const selkies_control_event_t *event);
uint64_t selkies_control_lane_run(selkies_control_t *control,
    selkies_control_client_t *client);
void selkies_control_lane_release(selkies_control_t *control,
    selkies_control_client_t *client);
void selkies_control_lane_drop(selkies_control_client_t *client);

/*
 * Motion that is followed by motion need not be made: positions are replaced,
 * distances added.  Buttons, keys and the wheel are never touched.  true: next
 * now stands for both.
 */

bool selkies_control_merge_motion(selkies_control_kind_t kind,
    const selkies_control_pointer_t *pointer,
    selkies_control_pointer_t *next);

/* Text that no event of the ring tells of any more. */

void selkies_control_text_skip(selkies_control_client_t *client,
    uint32_t bytes);

/* Frees the client; whoever calls it is the last to know it. */

void selkies_control_free_client(selkies_control_client_t *client);


#pragma GCC visibility pop


#endif /* SELKIES_CONTROL_PRIVATE_H_INCLUDED */
