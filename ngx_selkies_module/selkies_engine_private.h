
/*
 * Copyright (C) ngx_selkies authors
 *
 * What the two threads of an engine share.  Thread and ownership: a field is
 * written by the thread named behind it.
 */


#ifndef SELKIES_ENGINE_PRIVATE_H_INCLUDED
#define SELKIES_ENGINE_PRIVATE_H_INCLUDED


#include <pthread.h>

#include "../capture/desktop.h"
#include "../encoders/encoder.h"
#include "../encoders/quality.h"
#include "selkies_engine.h"
#include "selkies_thread.h"


/* How long to wait before the next try to reach a missing X server. */

#define SELKIES_ENGINE_RETRY_MIN_US   50000
#define SELKIES_ENGINE_RETRY_MAX_US   250000

/*
 * The desktop thread has much to ask a server; where there is nothing for it to
 * do first it leaves server and processors to a first picture for so long.
 */

#define SELKIES_ENGINE_FIRST_US       250000

/* A resize that has not been carried out by then does not hold pictures up. */

#define SELKIES_ENGINE_RESIZE_US      2000000


struct selkies_engine_s {
    selkies_engine_conf_t     conf;             /* start() */
    uint32_t                  index;            /* start(): of the stream */
    selkies_ring_t           *ring;             /* start() */
    selkies_join_t           *join;             /* start() */

    pthread_t                 display_thread;
    pthread_t                 desktop_thread;

    _Atomic bool              stop;             /* stop() */
    _Atomic bool              display_idle;     /* display thread */
    _Atomic bool              desktop_idle;     /* desktop thread */
    _Atomic bool              attended;         /* display thread: the desktop
                                                   thread need not wait */

    selkies_x11_interrupt_t   display_interrupt;
    selkies_x11_interrupt_t   desktop_interrupt;
};


/* One packet of an encoder, on its way into the ring. */

typedef struct {
    const uint8_t            *data;
    size_t                    len;
    selkies_codec_t           codec;
    selkies_picture_kind_t    kind;
    int32_t                   y;                /* of a row, else 0 */
    int32_t                   width;
    int32_t                   height;           /* of the row */
    int32_t                   picture_height;
    unsigned                  flags;            /* SELKIES_PACKET_* */
    uint16_t                  frame_id;
    uint64_t                  capture_us;
} selkies_engine_packet_t;


#pragma GCC visibility push(hidden)


/* What a desktop thread has made of the wishes of several screens. */

typedef struct {
    bool                      laid;             /* there are several */
    uint64_t                  wanted[SELKIES_SCREENS_MAX];  /* 0: not there */
    uint32_t                  side[SELKIES_SCREENS_MAX];
} selkies_engine_screens_t;


/*
 * Desktop thread.  Brings the X screen to the size, and each screen that it is
 * shown on to the part of it, that clients want.  Of the engines of one X
 * display that of the first screen that is watched does so for all.  OK or
 * LOST.
 */

selkies_status_t selkies_engine_screens(selkies_engine_t *engine,
    selkies_desktop_t *desktop, selkies_engine_screens_t *screens);


/* Any thread.  The desktop threads of all these engines look again. */

void selkies_engine_screens_ring(selkies_engine_t *engine);


/*
 * Any thread.  What the stream's clients want of encoder and quality; of
 * `conf`, the size is left alone.
 */

void selkies_engine_wishes(selkies_stream_t *stream,
    selkies_encoder_conf_t *conf, selkies_quality_conf_t *quality);

void *selkies_engine_display(void *data);
void *selkies_engine_desktop(void *data);


/*
 * Display thread.  Copies the packet into the ring as one websocket message;
 * false where the ring has no room for one so large.
 */

bool selkies_engine_publish(selkies_engine_t *engine,
    const selkies_engine_packet_t *packet);


/*
 * Display thread.  A packet that was written into the ring, and what the join
 * cache keeps of it.
 */

void selkies_engine_put(selkies_engine_t *engine, selkies_packet_t *packet);


/* Display thread.  All packets of a picture are out: counts, and wakes. */

void selkies_engine_published(selkies_engine_t *engine, uint64_t capture_us);


/* Display thread: the first picture is out, or waits for the desktop thread. */

static inline void
selkies_engine_attend(selkies_engine_t *engine)
{
    if (!atomic_load(&engine->attended)) {
        atomic_store(&engine->attended, true);
        selkies_bell_ring(engine->conf.desktop_bell);
    }
}


static inline bool
selkies_engine_stopping(selkies_engine_t *engine)
{
    return atomic_load_explicit(&engine->stop, memory_order_acquire);
}


static inline uint32_t
selkies_engine_readers(selkies_engine_t *engine)
{
    return selkies_stream_count(engine->conf.shared, engine->index,
                                SELKIES_COUNT_READERS);
}


static inline void
selkies_engine_publish_state(selkies_engine_t *engine,
    selkies_stream_state_t state)
{
    selkies_stream_t  *stream = engine->conf.stream;

    if (atomic_exchange(&stream->engine_state, state) != (uint32_t) state) {
        engine->conf.wake(engine->conf.data, engine->index);
    }
}


#pragma GCC visibility pop


#endif /* SELKIES_ENGINE_PRIVATE_H_INCLUDED */
