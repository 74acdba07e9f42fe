
/*
 * Copyright (C) ngx_selkies authors
 *
 * See selkies_control.h.
 *
 * The ring has one producer (the event loop: `head`) and one consumer (the
 * thread: `tail`).  Motion waits before it for as long as a read's messages
 * are nothing else.  A client that leaves is only marked, so that this is
 * never lost; the thread collects the marked ones before it drains the ring,
 * and frees them after, when no event names them any more.
 */


#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "selkies_control_private.h"


#define SELKIES_CONTROL_RETRY_US   250000
#define SELKIES_CONTROL_SWEEP_US   500000
#define SELKIES_CONTROL_IDLE_US    10000000

/* After so long the server has what a worker's X connection was told. */

#define SELKIES_CONTROL_RELEASED_US  1000000


static void *selkies_control_thread(void *data);
static uint64_t selkies_control_step(selkies_control_t *control);
static selkies_status_t selkies_control_open(selkies_control_t *control);
static int selkies_control_elsewhere(void *data, uint8_t keycode);
static void selkies_control_release_orphans(selkies_control_t *control);
static selkies_control_client_t *selkies_control_first(
    selkies_control_t *control);
static void selkies_control_mark(selkies_control_t *control);
static uint64_t selkies_control_drain(selkies_control_t *control);
static uint64_t selkies_control_fenced(selkies_control_t *control,
    const selkies_control_event_t *event);
static bool selkies_control_merge(selkies_control_event_t *event,
    selkies_control_event_t *next);
static void selkies_control_collect(selkies_control_t *control);
static uint64_t selkies_control_lanes(selkies_control_t *control);
static uint64_t selkies_control_sweep(selkies_control_t *control);
static void selkies_control_lost(selkies_control_t *control);


selkies_control_t *
selkies_control_start(const char *display, const char *xauthority,
    selkies_shared_t *shared, selkies_worker_t *worker, uint32_t stream_index,
    const selkies_log_t *log)
{
    int                 rc;
    selkies_control_t  *control;

    control = calloc(1, sizeof(selkies_control_t));

    if (control == NULL) {
        return NULL;
    }

    control->display = display;
    control->xauthority = xauthority;
    control->shared = shared;
    control->worker = worker;
    control->index = stream_index;
    control->log = log;
    control->bell = selkies_bell_open();

    if (control->bell == -1) {
        free(control);
        return NULL;
    }

    selkies_x11_init();
    selkies_x11_interrupt_init(&control->interrupt);
    pthread_mutex_init(&control->lock, NULL);

    rc = selkies_thread_start(&control->thread, "selkies-input",
                              selkies_control_thread, control);

    if (rc != 0) {
        selkies_log(log, SELKIES_LOG_ERR, "pthread_create() failed (%d: %s)",
                    rc, strerror(rc));

        pthread_mutex_destroy(&control->lock);
        selkies_x11_interrupt_destroy(&control->interrupt);
        close(control->bell);
        free(control);
        return NULL;
    }

    return control;
}


selkies_status_t
selkies_control_stop(selkies_control_t *control, uint32_t timeout_ms)
{
    selkies_control_client_t  *client, *next;

    if (control == NULL) {
        return SELKIES_OK;
    }

    atomic_store(&control->stop, true);
    selkies_bell_ring(control->bell);

    /* half of the time to release what is held, then it is cut off */

    if (selkies_thread_join(control->thread, timeout_ms / 2) != SELKIES_OK) {
        selkies_x11_interrupt(&control->interrupt);

        if (selkies_thread_join(control->thread, timeout_ms / 2)
            != SELKIES_OK)
        {
            return SELKIES_AGAIN;
        }
    }

    for (client = control->clients; client != NULL; client = next) {
        next = client->next;
        selkies_control_free_client(client);
    }

    pthread_mutex_destroy(&control->lock);
    selkies_x11_interrupt_destroy(&control->interrupt);
    close(control->bell);
    free(control);

    return SELKIES_OK;
}


void
selkies_control_orphans(selkies_control_t *control)
{
    atomic_store(&control->orphans, true);
    selkies_bell_ring(control->bell);
}


selkies_control_client_t *
selkies_control_join(selkies_control_t *control, bool wheel_recovery)
{
    selkies_control_client_t  *client;

    client = calloc(1, sizeof(selkies_control_client_t));

    if (client == NULL) {
        return NULL;
    }

    client->held = selkies_held_create(wheel_recovery);

    if (client->held == NULL) {
        free(client);
        return NULL;
    }

    pthread_mutex_lock(&control->lock);
    client->next = control->clients;
    control->clients = client;
    pthread_mutex_unlock(&control->lock);

    selkies_bell_ring(control->bell);

    return client;
}


static void *
selkies_control_thread(void *data)
{
    int                 fd;
    uint64_t            timeout_us;
    selkies_control_t  *control = data;

    while (!atomic_load(&control->stop)) {
        timeout_us = selkies_control_step(control);
        fd = control->input ? selkies_input_fd(control->input) : -1;

        selkies_bell_wait(control->bell, fd, timeout_us);
    }

    selkies_input_close(control->input);
    control->input = NULL;

    return NULL;
}


/* Does what is to be done; how long to sleep. */

static uint64_t
selkies_control_step(selkies_control_t *control)
{
    uint64_t  now, wait_us, fenced_us, timeout_us;

    selkies_control_mark(control);

    if (control->input != NULL && selkies_input_dispatch(control->input) != 0) {
        selkies_control_lost(control);
    }

    timeout_us = UINT64_MAX;

    if (control->input == NULL
        && (selkies_control_first(control) != NULL
            || atomic_load(&control->orphans))
        && selkies_control_open(control) != SELKIES_OK)
    {
        timeout_us = SELKIES_CONTROL_RETRY_US;
    }

    if (control->input != NULL && atomic_exchange(&control->orphans, false)) {
        selkies_control_release_orphans(control);
    }

    fenced_us = selkies_control_drain(control);

    if (control->input == NULL) {
        selkies_control_collect(control);
        return timeout_us;
    }

    timeout_us = selkies_control_lanes(control);

    if (fenced_us == 0) {
        selkies_control_collect(control);

    } else if (fenced_us < timeout_us) {
        timeout_us = fenced_us;
    }

    wait_us = selkies_control_sweep(control);
    timeout_us = (wait_us < timeout_us) ? wait_us : timeout_us;
    selkies_input_flush(control->input);

    /* requests with a reply may have read events ahead */

    if (selkies_input_dispatch(control->input) != 0) {
        return 0;
    }

    if (selkies_control_first(control) != NULL) {
        control->unused_us = 0;
        return timeout_us;
    }

    now = selkies_clock_us();

    if (control->unused_us == 0) {
        control->unused_us = now;
    }

    if (now - control->unused_us >= SELKIES_CONTROL_IDLE_US) {
        selkies_input_close(control->input);
        control->input = NULL;
        control->unused_us = 0;
        return UINT64_MAX;
    }

    return control->unused_us + SELKIES_CONTROL_IDLE_US - now;
}


static selkies_status_t
selkies_control_open(selkies_control_t *control)
{
    selkies_input_conf_t  conf;

    conf.display = control->display;
    conf.xauthority = control->xauthority;
    conf.interrupt = &control->interrupt;
    conf.pressed = &control->worker->watch[control->index].pressed;
    conf.elsewhere = selkies_control_elsewhere;
    conf.data = control;

    control->input = selkies_input_open(&conf, control->log);

    if (control->input == NULL) {
        return SELKIES_AGAIN;
    }

    selkies_control_release_orphans(control);

    return SELKIES_OK;
}


/* See capture/input.h: what a worker let go of, the server may not have yet. */

static int
selkies_control_elsewhere(void *data, uint8_t keycode)
{
    uint32_t                  i, used;
    selkies_worker_t         *worker;
    selkies_control_t        *control = data;
    const selkies_pressed_t  *pressed;

    used = atomic_load(&control->shared->nworkers);

    for (i = 0; i < used; i++) {
        worker = &control->shared->workers[i];
        pressed = &worker->watch[control->index].pressed;

        if (worker == control->worker || atomic_load(&worker->pid) == 0) {
            continue;
        }

        if ((atomic_load(&pressed->keys[keycode / 64])
             & (uint64_t) 1 << (keycode % 64))
            || selkies_clock_us() - atomic_load(&pressed->released_us)
               < SELKIES_CONTROL_RELEASED_US)
        {
            return 1;
        }
    }

    return 0;
}


static void
selkies_control_release_orphans(selkies_control_t *control)
{
    size_t                    n;
    uint32_t                  i, used;
    selkies_worker_t         *worker;
    const selkies_pressed_t  *live[SELKIES_WORKERS_MAX];

    n = 0;
    used = atomic_load(&control->shared->nworkers);

    for (i = 0; i < used; i++) {
        worker = &control->shared->workers[i];

        if (worker != control->worker && atomic_load(&worker->pid) != 0) {
            live[n++] = &worker->watch[control->index].pressed;
        }
    }

    n = selkies_input_release_orphans(control->input, live, n);

    if (n != 0) {
        selkies_log(control->log, SELKIES_LOG_INFO,
                    "display %s: released %zu keys and buttons of nobody",
                    control->display, n);
    }
}


/*
 * The list grows at its head by others and is shortened by this thread alone:
 * only its head needs the lock.
 */

static selkies_control_client_t *
selkies_control_first(selkies_control_t *control)
{
    selkies_control_client_t  *client;

    pthread_mutex_lock(&control->lock);
    client = control->clients;
    pthread_mutex_unlock(&control->lock);

    return client;
}


/* Whoever is gone by now has no event behind those the ring has now. */

static void
selkies_control_mark(selkies_control_t *control)
{
    selkies_control_client_t  *client;

    pthread_mutex_lock(&control->lock);

    for (client = control->clients; client != NULL; client = client->next) {
        client->leaving = atomic_load_explicit(&client->gone,
                                               memory_order_acquire);
    }

    pthread_mutex_unlock(&control->lock);
}


/* How long it may be until a fence falls; 0: nothing is left behind one. */

static uint64_t
selkies_control_drain(selkies_control_t *control)
{
    uint32_t                   tail, head;
    uint64_t                   fenced_us;
    selkies_control_event_t   *event, *next;
    selkies_control_client_t  *client;

    tail = atomic_load_explicit(&control->tail, memory_order_relaxed);
    head = atomic_load_explicit(&control->head, memory_order_acquire);
    fenced_us = 0;

    while (tail != head) {
        event = &control->ring[tail % SELKIES_CONTROL_RING];
        fenced_us = selkies_control_fenced(control, event);

        if (fenced_us != 0) {
            break;
        }

        next = tail + 1 == head ? NULL
                                : &control->ring[(tail + 1)
                                                 % SELKIES_CONTROL_RING];

        if (control->input == NULL) {

            if (event->kind == SELKIES_CONTROL_TEXT) {
                selkies_control_text_skip(event->client, event->u.bytes);
            }

        } else if (event->kind != SELKIES_CONTROL_FENCE
                   && (next == NULL || !selkies_control_merge(event, next)))
        {
            selkies_control_lane_apply(control, event);
        }

        tail++;
        atomic_store_explicit(&control->tail, tail, memory_order_release);
    }

    if (!atomic_exchange(&control->overflow, false)
        || control->input == NULL)
    {
        return fenced_us;
    }

    for (client = selkies_control_first(control);
         client != NULL;
         client = client->next)
    {
        selkies_control_lane_release(control, client);
    }

    selkies_log(control->log, SELKIES_LOG_WARN,
                "display %s is too slow for its input: events were dropped, "
                "all keys and buttons released", control->display);

    return fenced_us;
}


static uint64_t
selkies_control_fenced(selkies_control_t *control,
    const selkies_control_event_t *event)
{
    uint64_t  now;

    if (event->kind != SELKIES_CONTROL_FENCE || control->input == NULL
        || (int32_t) (atomic_load(&control->passed) - event->u.fence.ticket)
           >= 0)
    {
        return 0;
    }

    now = selkies_clock_us();

    return event->u.fence.until_us > now ? event->u.fence.until_us - now : 0;
}


static bool
selkies_control_merge(selkies_control_event_t *event,
    selkies_control_event_t *next)
{
    return event->kind == next->kind && event->client == next->client
           && (event->kind == SELKIES_CONTROL_MOVE
               || event->kind == SELKIES_CONTROL_MOVE_RELATIVE)
           && event->u.pointer.mask == event->client->mask
           && selkies_control_merge_motion(event->kind, &event->u.pointer,
                                           &next->u.pointer);
}


/* When the first of the lanes has to be looked at again. */

static uint64_t
selkies_control_lanes(selkies_control_t *control)
{
    uint64_t                   wait_us, timeout_us;
    selkies_control_client_t  *client;

    timeout_us = UINT64_MAX;

    for (client = selkies_control_first(control);
         client != NULL;
         client = client->next)
    {
        wait_us = selkies_control_lane_run(control, client);
        timeout_us = (wait_us < timeout_us) ? wait_us : timeout_us;
    }

    return timeout_us;
}


/* Nothing is held of a server that is gone, nor is the rest typed elsewhere. */

static void
selkies_control_lost(selkies_control_t *control)
{
    selkies_control_client_t  *client;

    selkies_input_close(control->input);
    control->input = NULL;

    for (client = selkies_control_first(control);
         client != NULL;
         client = client->next)
    {
        selkies_control_lane_drop(client);
    }
}


/* Releases and frees the clients that were marked before the drain. */

static void
selkies_control_collect(selkies_control_t *control)
{
    selkies_control_client_t  *client, **link;

    pthread_mutex_lock(&control->lock);

    for (link = &control->clients; *link != NULL; /* void */ ) {
        client = *link;

        if (!client->leaving) {
            link = &client->next;
            continue;
        }

        if (control->input != NULL) {
            selkies_input_release_all(control->input, client->held);
        }

        *link = client->next;
        selkies_control_free_client(client);
    }

    pthread_mutex_unlock(&control->lock);
}


/* Keys whose client has stopped naming them; when to look again. */

static uint64_t
selkies_control_sweep(selkies_control_t *control)
{
    uint64_t                   now, timeout_us;
    selkies_control_client_t  *client;

    timeout_us = UINT64_MAX;

    for (client = selkies_control_first(control);
         client != NULL;
         client = client->next)
    {

        if (client->sweep_until_us == 0) {
            continue;
        }

        now = selkies_clock_us();
        selkies_input_sweep(control->input, client->held, now);

        if (now >= client->sweep_until_us) {
            client->sweep_until_us = 0;
            continue;
        }

        timeout_us = SELKIES_CONTROL_SWEEP_US;
    }

    return timeout_us;
}
