
/*
 * Copyright (C) ngx_selkies authors
 *
 * See selkies_microphone.h.  The event loop writes messages into a ring of
 * bytes, of which the thread is the one reader; samples wait for the server in
 * a short queue.
 */


#include "selkies_microphone.h"


#ifdef SELKIES_HAVE_SOUND


#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../capture/pulse_play.h"
#include "../encoders/opus.h"
#include "selkies_protocol.h"
#include "selkies_thread.h"


#define SELKIES_MICROPHONE_BYTES     (32 * 1024)    /* on the way; 2^n */
#define SELKIES_MICROPHONE_HEAD      4
#define SELKIES_MICROPHONE_OPUS      0x80           /* in a message's head */

/* Samples that wait, at most; where there are more, so many stay. */

#define SELKIES_MICROPHONE_QUEUE     (SELKIES_PLAYER_RATE / 8)
#define SELKIES_MICROPHONE_KEEP      (SELKIES_PLAYER_RATE / 50)
#define SELKIES_MICROPHONE_FRAME     2880           /* 120 ms, Opus' longest */

#define SELKIES_MICROPHONE_RETRY_US  500000
#define SELKIES_MICROPHONE_END_US    500000         /* to take things away */


struct selkies_microphone_s {
    const char             *server;         /* start() */
    const char             *cookie;         /* start() */
    const selkies_log_t    *log;            /* start() */
    void                  (*wake)(void);    /* start() */
    int                     bell;           /* start() */

    pthread_t               thread;
    _Atomic bool            end;            /* event loop */
    _Atomic bool            done;           /* the thread */

    _Atomic uint32_t        head;           /* event loop: bytes written */
    _Atomic uint32_t        tail;           /* the thread: bytes read */
    uint8_t                 ring[SELKIES_MICROPHONE_BYTES];

    /* the thread's */

    selkies_player_t       *player;
    selkies_opus_in_t      *opus;
    uint64_t                retry_at_us;
    bool                    complained;     /* of the server, once */
    size_t                  queued;         /* samples */
    int16_t                 queue[SELKIES_MICROPHONE_QUEUE
                                  + SELKIES_MICROPHONE_FRAME
                                  + SELKIES_LIMIT_MICROPHONE];
    uint8_t                 message[SELKIES_LIMIT_MICROPHONE];
};


static void *selkies_microphone_thread(void *data);
static void selkies_microphone_serve(selkies_microphone_t *microphone);
static void selkies_microphone_finish(selkies_microphone_t *microphone);
static bool selkies_microphone_take(selkies_microphone_t *microphone);
static void selkies_microphone_add(selkies_microphone_t *microphone,
    size_t len, bool opus);
static void selkies_microphone_play(selkies_microphone_t *microphone);
static void selkies_microphone_put(selkies_microphone_t *microphone,
    uint32_t at, const uint8_t *data, size_t len);
static void selkies_microphone_get(selkies_microphone_t *microphone,
    uint32_t at, uint8_t *data, size_t len);


selkies_microphone_t *
selkies_microphone_start(const char *server, const char *cookie,
    void (*wake)(void), const selkies_log_t *log)
{
    int                    rc;
    selkies_microphone_t  *microphone;

    microphone = calloc(1, sizeof(selkies_microphone_t));

    if (microphone == NULL) {
        return NULL;
    }

    microphone->server = server;
    microphone->cookie = cookie;
    microphone->wake = wake;
    microphone->log = log;
    microphone->bell = selkies_bell_open();

    if (microphone->bell == -1) {
        free(microphone);
        return NULL;
    }

    rc = selkies_thread_start(&microphone->thread, "selkies-mic",
                              selkies_microphone_thread, microphone);

    if (rc != 0) {
        selkies_log(log, SELKIES_LOG_ERR, "pthread_create() failed (%d: %s)",
                    rc, strerror(rc));
        (void) close(microphone->bell);
        free(microphone);
        return NULL;
    }

    return microphone;
}


bool
selkies_microphone_feed(selkies_microphone_t *microphone, const uint8_t *data,
    size_t len, bool opus)
{
    uint32_t  head;
    uint8_t   prefix[SELKIES_MICROPHONE_HEAD];

    if (len == 0 || len > SELKIES_LIMIT_MICROPHONE) {
        return false;
    }

    head = atomic_load_explicit(&microphone->head, memory_order_relaxed);

    if (head - atomic_load_explicit(&microphone->tail, memory_order_acquire)
        + sizeof(prefix) + len
        > SELKIES_MICROPHONE_BYTES)
    {
        return false;
    }

    prefix[0] = opus ? SELKIES_MICROPHONE_OPUS : 0;
    prefix[1] = 0;
    prefix[2] = (uint8_t) (len >> 8);
    prefix[3] = (uint8_t) len;

    selkies_microphone_put(microphone, head, prefix, sizeof(prefix));
    selkies_microphone_put(microphone, head + sizeof(prefix), data, len);

    atomic_store_explicit(&microphone->head,
                          head + (uint32_t) (sizeof(prefix) + len),
                          memory_order_release);
    selkies_bell_ring(microphone->bell);

    return true;
}


static void
selkies_microphone_put(selkies_microphone_t *microphone, uint32_t at,
    const uint8_t *data, size_t len)
{
    size_t  i, first;

    i = at % SELKIES_MICROPHONE_BYTES;
    first = SELKIES_MICROPHONE_BYTES - i;
    first = len < first ? len : first;

    memcpy(microphone->ring + i, data, first);
    memcpy(microphone->ring, data + first, len - first);
}


static void
selkies_microphone_get(selkies_microphone_t *microphone, uint32_t at,
    uint8_t *data, size_t len)
{
    size_t  i, first;

    i = at % SELKIES_MICROPHONE_BYTES;
    first = SELKIES_MICROPHONE_BYTES - i;
    first = len < first ? len : first;

    memcpy(data, microphone->ring + i, first);
    memcpy(data + first, microphone->ring, len - first);
}


void
selkies_microphone_end(selkies_microphone_t *microphone)
{
    atomic_store_explicit(&microphone->end, true, memory_order_release);
    selkies_bell_ring(microphone->bell);
}


bool
selkies_microphone_is_done(selkies_microphone_t *microphone)
{
    return atomic_load_explicit(&microphone->done, memory_order_acquire);
}


selkies_status_t
selkies_microphone_stop(selkies_microphone_t *microphone, uint32_t timeout_ms)
{
    if (microphone == NULL) {
        return SELKIES_OK;
    }

    selkies_microphone_end(microphone);

    if (selkies_thread_join(microphone->thread, timeout_ms) != SELKIES_OK) {
        return SELKIES_AGAIN;
    }

    (void) close(microphone->bell);
    free(microphone);

    return SELKIES_OK;
}


static void *
selkies_microphone_thread(void *data)
{
    selkies_microphone_t  *microphone = data;

    microphone->opus = selkies_opus_in_open(SELKIES_PLAYER_RATE,
                                            microphone->log);

    while (!atomic_load_explicit(&microphone->end, memory_order_acquire)) {

        selkies_microphone_serve(microphone);

        if (microphone->player == NULL) {

            /* the next message tries again */

            selkies_bell_wait(microphone->bell, -1, UINT64_MAX);

        } else if (selkies_player_run(microphone->player, UINT64_MAX)
                   != SELKIES_OK)
        {
            selkies_player_close(microphone->player);
            microphone->player = NULL;
            microphone->retry_at_us = selkies_clock_us()
                                      + SELKIES_MICROPHONE_RETRY_US;

            if (!microphone->complained) {
                microphone->complained = true;
                selkies_log(microphone->log, SELKIES_LOG_NOTICE,
                            "microphone: no PulseAudio server answers at "
                            "\"%s\"", microphone->server);
            }
        }
    }

    selkies_microphone_finish(microphone);

    return NULL;
}


static void
selkies_microphone_serve(selkies_microphone_t *microphone)
{
    if (microphone->player == NULL
        && selkies_clock_us() >= microphone->retry_at_us)
    {
        microphone->player = selkies_player_open(microphone->server,
                                                 microphone->cookie,
                                                 microphone->bell,
                                                 microphone->log);
        microphone->retry_at_us = selkies_clock_us()
                                  + SELKIES_MICROPHONE_RETRY_US;
    }

    while (selkies_microphone_take(microphone)) {
        selkies_microphone_play(microphone);
    }

    selkies_microphone_play(microphone);
}


/* One message off the ring, into the queue. */

static bool
selkies_microphone_take(selkies_microphone_t *microphone)
{
    size_t    len;
    uint32_t  tail;
    uint8_t   prefix[SELKIES_MICROPHONE_HEAD];

    tail = atomic_load_explicit(&microphone->tail, memory_order_relaxed);

    if (tail == atomic_load_explicit(&microphone->head, memory_order_acquire))
    {
        return false;
    }

    selkies_microphone_get(microphone, tail, prefix, sizeof(prefix));
    tail += sizeof(prefix);

    len = (size_t) prefix[2] << 8 | prefix[3];
    selkies_microphone_get(microphone, tail, microphone->message, len);

    atomic_store_explicit(&microphone->tail, tail + (uint32_t) len,
                          memory_order_release);

    selkies_microphone_add(microphone, len,
                           prefix[0] == SELKIES_MICROPHONE_OPUS);

    return true;
}


/* The oldest goes where there is too much: what is said now is of interest. */

static void
selkies_microphone_add(selkies_microphone_t *microphone, size_t len, bool opus)
{
    size_t          i, n;
    int16_t        *to;
    const uint8_t  *in = microphone->message;

    to = microphone->queue + microphone->queued;

    if (opus) {
        n = microphone->opus == NULL ? 0
            : selkies_opus_in_decode(microphone->opus, in, len, to,
                                     SELKIES_MICROPHONE_FRAME);

    } else {
        n = len / 2;

        for (i = 0; i < n; i++) {
            to[i] = (int16_t) (in[2 * i] | in[2 * i + 1] << 8);
        }
    }

    microphone->queued += n;

    if (microphone->queued > SELKIES_MICROPHONE_QUEUE) {
        memmove(microphone->queue,
                microphone->queue + microphone->queued
                - SELKIES_MICROPHONE_KEEP,
                SELKIES_MICROPHONE_KEEP * sizeof(int16_t));
        microphone->queued = SELKIES_MICROPHONE_KEEP;
    }
}


static void
selkies_microphone_play(selkies_microphone_t *microphone)
{
    size_t  n;

    if (microphone->player == NULL || microphone->queued == 0) {
        return;
    }

    n = selkies_player_write(microphone->player, microphone->queue,
                             microphone->queued);

    microphone->queued -= n;

    if (n != 0 && microphone->queued != 0) {
        memmove(microphone->queue, microphone->queue + n,
                microphone->queued * sizeof(int16_t));
    }
}


static void
selkies_microphone_finish(selkies_microphone_t *microphone)
{
    uint64_t  now, until;

    if (microphone->player != NULL) {
        selkies_player_end(microphone->player);
        until = selkies_clock_us() + SELKIES_MICROPHONE_END_US;

        while (!selkies_player_ended(microphone->player)
               && (now = selkies_clock_us()) < until)
        {
            if (selkies_player_run(microphone->player, until - now)
                != SELKIES_OK)
            {
                break;
            }
        }

        selkies_player_close(microphone->player);
    }

    selkies_opus_in_close(microphone->opus);

    atomic_store_explicit(&microphone->done, true, memory_order_release);
    microphone->wake();
}


#else


selkies_microphone_t *
selkies_microphone_start(const char *server, const char *cookie,
    void (*wake)(void), const selkies_log_t *log)
{
    return NULL;
}


bool
selkies_microphone_feed(selkies_microphone_t *microphone, const uint8_t *data,
    size_t len, bool opus)
{
    return false;
}


void
selkies_microphone_end(selkies_microphone_t *microphone)
{
}


bool
selkies_microphone_is_done(selkies_microphone_t *microphone)
{
    return true;
}


selkies_status_t
selkies_microphone_stop(selkies_microphone_t *microphone, uint32_t timeout_ms)
{
    return SELKIES_OK;
}


#endif
