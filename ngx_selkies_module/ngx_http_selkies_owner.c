
/*
 * Copyright (C) ngx_selkies authors
 *
 * The owner of the desktops: how a worker becomes it, the engines it runs, and
 * how it stops being it.
 *
 * The owner is who holds an fcntl lock on a memfd that the master made and all
 * workers inherit: the kernel frees it with the process, however that ends.
 * The descriptor is never duplicated or closed in a worker: closing any one
 * descriptor of the file drops the lock.
 *
 * Thread: the event loop, but for ngx_http_selkies_waiter(), a thread of its
 * own, and the wake and ring functions, which engine threads call.
 */


#include "ngx_http_selkies_worker.h"

#include "../capture/framebuffer.h"


static int ngx_http_selkies_lock_file(int cmd, int type);
static void *ngx_http_selkies_waiter(void *data);
static ngx_uint_t ngx_http_selkies_service_audio(
    ngx_http_selkies_display_t *display, uint32_t listeners);
static void ngx_http_selkies_start_engine(ngx_http_selkies_display_t *display);
static void ngx_http_selkies_engine_gone(ngx_http_selkies_display_t *display);
static void ngx_http_selkies_engine_wake(void *data, uint32_t index);
static void ngx_http_selkies_engine_ring(void *data, uint32_t index);
static void ngx_http_selkies_audio_wake(void *data, uint32_t index);
static void ngx_http_selkies_audio_sound(void *data, uint32_t index);
static void ngx_http_selkies_wake_workers(uint32_t index,
    selkies_count_e count, bool sound);


/*
 * Tries to become the owner; only a worker with clients has a reason to.  A
 * thread waits for the lock, so that nothing wakes up for it, and whoever is
 * next takes over the moment an owner is gone.
 */

void
ngx_http_selkies_elect(void)
{
    int                         rc;
    ngx_http_selkies_worker_t  *w = &ngx_http_selkies_worker;

    if (w->owner || w->waiting || w->quitting || w->nsessions == 0) {
        return;
    }

    if (ngx_http_selkies_lock_file(F_SETLK, F_WRLCK) == 0) {
        ngx_http_selkies_become_owner();
        return;
    }

    atomic_store(&w->won, false);

    rc = selkies_thread_start(&w->waiter, "selkies-owner",
                              ngx_http_selkies_waiter, w);

    if (rc != 0) {

        /* the next client tries again */

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, rc,
                      "pthread_create() failed");
        return;
    }

    w->waiting = 1;
}


static int
ngx_http_selkies_lock_file(int cmd, int type)
{
    struct flock  lock;

    ngx_memzero(&lock, sizeof(struct flock));
    lock.l_type = (short) type;
    lock.l_whence = SEEK_SET;

    return fcntl(ngx_http_selkies_lock_fd, cmd, &lock);
}


/* A thread of its own: fcntl() is where it may be cancelled. */

static void *
ngx_http_selkies_waiter(void *data)
{
    ngx_http_selkies_worker_t  *w = data;

    while (ngx_http_selkies_lock_file(F_SETLKW, F_WRLCK) == -1) {

        if (errno != EINTR) {
            return NULL;
        }
    }

    atomic_store(&w->won, true);
    ngx_http_selkies_ring_self();

    return NULL;
}


void
ngx_http_selkies_become_owner(void)
{
    ngx_http_selkies_worker.owner = 1;

    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                  "this worker owns the desktops now");

    /* nobody else notices that the screens of a killed worker's pages went */

    ngx_http_selkies_lock();
    selkies_stream_sweep(ngx_http_selkies_worker.shared);
    ngx_http_selkies_unlock();

    ngx_http_selkies_service();
}


/* The waiter, if any, ends, and so does an ownership. */

void
ngx_http_selkies_resign(void)
{
    ngx_http_selkies_worker_t  *w = &ngx_http_selkies_worker;

    if (w->waiting) {
        (void) pthread_cancel(w->waiter);
        (void) pthread_join(w->waiter, NULL);
        w->waiting = 0;
        w->owner |= atomic_load(&w->won);
    }

    if (w->owner) {
        (void) ngx_http_selkies_lock_file(F_SETLK, F_UNLCK);
        w->owner = 0;
    }
}


/*
 * The owner: an engine for each display that is watched, none for others, and
 * the same for its sound.  A display may be watched by clients of other
 * workers alone.
 */

void
ngx_http_selkies_service(void)
{
    uint32_t                     i, readers, listeners;
    ngx_uint_t                   ended;
    ngx_http_selkies_worker_t   *w = &ngx_http_selkies_worker;
    ngx_http_selkies_display_t  *display;

    for (i = 0; i < w->shared->conf.nstreams; i++) {
        readers = selkies_stream_count(w->shared, i, SELKIES_COUNT_READERS);
        listeners = selkies_stream_count(w->shared, i,
                                         SELKIES_COUNT_LISTENERS);
        display = ngx_http_selkies_display_at(i, readers + listeners != 0);

        if (display == NULL) {
            continue;
        }

        ngx_http_selkies_gamepads_serve(display);

        ended = ngx_http_selkies_service_audio(display, listeners);

        if (readers != 0 && display->engine == NULL && !w->quitting) {
            ngx_http_selkies_start_engine(display);
        }

        if (readers == 0 && display->engine != NULL
            && selkies_engine_is_idle(display->engine)
            && selkies_engine_stop(display->engine, NGX_HTTP_SELKIES_JOIN_MS)
               == SELKIES_OK)
        {
            ngx_http_selkies_engine_gone(display);
            ended = 1;
        }

        if (ended) {
            (void) ngx_http_selkies_unuse_display(display);
        }
    }
}


/* Whether its thread has ended. */

static ngx_uint_t
ngx_http_selkies_service_audio(ngx_http_selkies_display_t *display,
    uint32_t listeners)
{
    selkies_source_t           *source = display->source;
    selkies_audio_conf_t        conf;
    ngx_http_selkies_worker_t  *w = &ngx_http_selkies_worker;

    if (listeners != 0 && display->audio == NULL && !w->quitting
        && source->pulse_server[0] != '\0')
    {
        ngx_memzero(&conf, sizeof(selkies_audio_conf_t));

        conf.shared = w->shared;
        conf.stream = display->stream;
        conf.server = source->pulse_server;
        conf.cookie = source->pulse_cookie[0] ? source->pulse_cookie : NULL;
        conf.source = source->pulse_source;
        conf.bell = ngx_http_selkies_cycle->audio_bells[display->index];
        conf.idle_us = (uint64_t) display->idle * 1000;
        conf.wake = ngx_http_selkies_audio_wake;
        conf.sound = ngx_http_selkies_audio_sound;
        conf.log = &ngx_http_selkies_log;

        display->audio = selkies_audio_start(&conf);
        return 0;
    }

    if (listeners == 0 && display->audio != NULL
        && selkies_audio_is_idle(display->audio)
        && selkies_audio_stop(display->audio, NGX_HTTP_SELKIES_JOIN_MS)
           == SELKIES_OK)
    {
        display->audio = NULL;
        return 1;
    }

    return 0;
}


static void
ngx_http_selkies_start_engine(ngx_http_selkies_display_t *display)
{
    selkies_source_t              *source = display->source;
    selkies_engine_conf_t          conf;
    ngx_http_selkies_worker_t     *w = &ngx_http_selkies_worker;
    ngx_http_selkies_watermark_t **watermarks;

    ngx_memzero(&conf, sizeof(selkies_engine_conf_t));

    conf.shared = w->shared;
    conf.stream = display->stream;
    conf.display = source->display;
    conf.xauthority = source->xauthority[0] ? source->xauthority : NULL;
    conf.framebuffer_fd = source->framebuffer_fd;
    conf.capture = (selkies_capture_mode_t) source->capture;

    if (source->watermark != 0) {
        watermarks = w->conf->watermarks.elts;
        conf.watermark = &watermarks[source->watermark - 1]->image;
        conf.watermark_place = watermarks[source->watermark - 1]->place;
    }

    conf.fonts = w->conf->fonts.n != 0 ? &w->conf->fonts : NULL;

    conf.display_bell = ngx_http_selkies_cycle->display_bells[display->index];
    conf.desktop_bell = ngx_http_selkies_cycle->desktop_bells[display->index];
    conf.idle_us = (uint64_t) display->idle * 1000;
    conf.wake = ngx_http_selkies_engine_wake;
    conf.ring = ngx_http_selkies_engine_ring;
    conf.log = &ngx_http_selkies_log;

    if (source->framebuffer[0]) {
        display->folder = selkies_framebuffer_folder(source->framebuffer);
        conf.framebuffer_fd = display->folder;

        if (display->folder == -1) {
            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, ngx_errno,
                          "\"selkies_framebuffer %s\" of display \"%V\" "
                          "cannot be opened", source->framebuffer,
                          &display->name);
        }
    }

    /* frame ids go on; pictures do not, so everybody starts from a new key */

    display->engine = selkies_engine_start(&conf);

    if (display->engine == NULL) {
        ngx_http_selkies_engine_gone(display);
    }
}


static void
ngx_http_selkies_engine_gone(ngx_http_selkies_display_t *display)
{
    display->engine = NULL;

    if (display->folder != -1) {
        (void) close(display->folder);
        display->folder = -1;
    }
}


void
ngx_http_selkies_stop_engines(void)
{
    ngx_queue_t                 *d, *displays;
    ngx_http_selkies_display_t  *display;

    displays = &ngx_http_selkies_worker.conf->displays;

    for (d = ngx_queue_head(displays);
         d != ngx_queue_sentinel(displays);
         d = ngx_queue_next(d))
    {
        display = ngx_queue_data(d, ngx_http_selkies_display_t, queue);

        if (selkies_engine_stop(display->engine, NGX_HTTP_SELKIES_JOIN_MS)
            == SELKIES_OK
            && selkies_audio_stop(display->audio, NGX_HTTP_SELKIES_JOIN_MS)
               == SELKIES_OK)
        {
            ngx_http_selkies_engine_gone(display);
            display->audio = NULL;
            continue;
        }

        /* its thread uses what is about to be unmapped; the lock goes too */

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "a thread of display \"%V\" does not end",
                      &display->name);
        ngx_http_selkies_log_flush();
        _exit(0);
    }
}


/* Any engine thread. */

static void
ngx_http_selkies_engine_wake(void *data, uint32_t index)
{
    ngx_http_selkies_wake_workers(index, SELKIES_COUNT_READERS, false);
}


/* The thread of sound: a state, or a packet. */

static void
ngx_http_selkies_audio_wake(void *data, uint32_t index)
{
    ngx_http_selkies_wake_workers(index, SELKIES_COUNT_LISTENERS, false);
}


static void
ngx_http_selkies_audio_sound(void *data, uint32_t index)
{
    ngx_http_selkies_wake_workers(index, SELKIES_COUNT_LISTENERS, true);
}


/*
 * Any thread.  A worker of another generation has bells of its own that we do
 * not know: it is the one that quits, or it takes over from us within 50 ms.
 */

static void
ngx_http_selkies_wake_workers(uint32_t index, selkies_count_e count,
    bool sound)
{
    int                         bell;
    bool                        counted;
    uint32_t                    i, used;
    _Atomic uint32_t           *counts;
    selkies_worker_t           *worker;
    ngx_http_selkies_worker_t  *w = &ngx_http_selkies_worker;

    used = atomic_load(&w->shared->nworkers);

    for (i = 0; i < used; i++) {
        worker = &w->shared->workers[i];

        if (atomic_load(&worker->pid) == 0
            || worker->generation != ngx_http_selkies_cycle->generation
            || worker->worker >= ngx_http_selkies_cycle->nworkers)
        {
            continue;
        }

        bell = ngx_http_selkies_cycle->worker_bells[worker->worker];
        counts = worker->watch[index].counts;
        counted = atomic_load(&counts[count]) != 0;

        if (!sound) {

            /* our own event loop also hears of what ended */

            if (counted || worker == w->entry) {
                selkies_bell_ring(bell);
            }

        } else if (counted) {
            selkies_bell_ring_sound(bell);
        }
    }
}


/* Any engine thread. */

static void
ngx_http_selkies_engine_ring(void *data, uint32_t index)
{
    selkies_bell_ring(ngx_http_selkies_cycle->display_bells[index]);
    selkies_bell_ring(ngx_http_selkies_cycle->desktop_bells[index]);
}
