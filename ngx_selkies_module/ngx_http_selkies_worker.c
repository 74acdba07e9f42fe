
/*
 * Copyright (C) ngx_selkies authors
 *
 * A worker process among the others: what the master makes for it, its entry
 * in the shared block, its eventfd, the input threads, and the ends (quit,
 * terminate).
 *
 * Thread: the event loop, but for ngx_http_selkies_ring_self().
 */


#include "ngx_http_selkies_clipboard.h"
#include "ngx_http_selkies_worker.h"

#include <sys/mman.h>


static ngx_int_t ngx_http_selkies_init_zone(ngx_shm_zone_t *zone, void *data);
static void ngx_http_selkies_close_bells(void *data);
static void ngx_http_selkies_reload_single(ngx_cycle_t *cycle,
    ngx_http_selkies_main_conf_t *smcf);
static void ngx_http_selkies_follow_master(ngx_log_t *log);
static ngx_int_t ngx_http_selkies_open_bell(ngx_cycle_t *cycle);
static void ngx_http_selkies_bell_handler(ngx_event_t *ev);
static void ngx_http_selkies_quit(void);
static void ngx_http_selkies_stop_controls(void);
static void ngx_http_selkies_find_orphans(void);


int                         ngx_http_selkies_lock_fd = -1;
ngx_http_selkies_cycle_t   *ngx_http_selkies_cycle;
ngx_http_selkies_worker_t   ngx_http_selkies_worker;

static ngx_uint_t           ngx_http_selkies_generation;


ngx_int_t
ngx_http_selkies_zone(ngx_conf_t *cf, ngx_http_selkies_main_conf_t *smcf)
{
    size_t     size;
    ngx_str_t  name;

    ngx_str_set(&name, "selkies");

    /* one page for the pool itself, and its 24 bytes for each page */

    size = selkies_shared_bytes(&smcf->layout);
    size += size / 64 + 16 * ngx_pagesize;

    smcf->zone = ngx_shared_memory_add(cf, &name, size,
                                       &ngx_http_selkies_module);
    if (smcf->zone == NULL) {
        return NGX_ERROR;
    }

    smcf->zone->init = ngx_http_selkies_init_zone;
    smcf->zone->data = smcf;

    return NGX_OK;
}


static ngx_int_t
ngx_http_selkies_init_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t               *shpool;
    selkies_shared_t              *shared;
    ngx_http_selkies_main_conf_t  *smcf = zone->data;

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    /* a zone of the same size goes on: so do rings, counters and wishes */

    if (data != NULL || zone->shm.exists) {
        shared = shpool->data;

        if (shared != NULL && selkies_shared_fits(shared, &smcf->layout)) {
            return NGX_OK;
        }

        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                      "\"selkies_streams\", \"selkies_ring_size\" and "
                      "\"selkies_join_cache\" cannot be changed to values of "
                      "the same total by a reload");
        return NGX_ERROR;
    }

    shared = ngx_slab_alloc(shpool, selkies_shared_bytes(&smcf->layout));
    if (shared == NULL) {
        return NGX_ERROR;
    }

    shpool->data = selkies_shared_init(shared, &smcf->layout);
    shpool->log_nomem = 0;

    return NGX_OK;
}


ngx_int_t
ngx_http_selkies_init_module(ngx_cycle_t *cycle)
{
    ngx_uint_t                     i;
    ngx_core_conf_t               *ccf;
    ngx_pool_cleanup_t            *cln;
    ngx_http_selkies_cycle_t      *sc;
    ngx_http_selkies_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_selkies_module);

    if (smcf == NULL || !smcf->used || ngx_test_config) {
        ngx_http_selkies_cycle = NULL;

        if (!ngx_test_config) {
            ngx_http_selkies_gamepads_listen(cycle, NULL);
        }

        return NGX_OK;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (!ccf->master && ngx_http_selkies_cycle != NULL) {
        ngx_http_selkies_reload_single(cycle, smcf);
        return NGX_OK;
    }

    if (ngx_http_selkies_lock_fd == -1) {
        ngx_http_selkies_lock_fd = memfd_create("selkies-owner", MFD_CLOEXEC);

        if (ngx_http_selkies_lock_fd == -1) {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                          "memfd_create() failed");
            return NGX_ERROR;
        }
    }

    if (ngx_http_selkies_uploads_init(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    selkies_thread_init();

    /* on the heap: without a master it outlives its cycle */

    sc = ngx_calloc(sizeof(ngx_http_selkies_cycle_t), cycle->log);
    if (sc == NULL) {
        return NGX_ERROR;
    }

    sc->generation = ++ngx_http_selkies_generation;
    sc->nworkers = ccf->worker_processes;
    sc->worker_bells = ngx_alloc(sc->nworkers * sizeof(int), cycle->log);

    if (sc->worker_bells == NULL) {
        return NGX_ERROR;
    }

    if (ccf->master) {
        cln = ngx_pool_cleanup_add(cycle->pool, 0);
        if (cln == NULL) {
            return NGX_ERROR;
        }

        cln->handler = ngx_http_selkies_close_bells;
        cln->data = sc;
    }

    for (i = 0; i < sc->nworkers; i++) {
        sc->worker_bells[i] = selkies_bell_open();

        if (sc->worker_bells[i] == -1) {
            goto failed;
        }
    }

    for (i = 0; i < smcf->streams; i++) {
        sc->display_bells[i] = selkies_bell_open();
        sc->desktop_bells[i] = selkies_bell_open();
        sc->audio_bells[i] = selkies_bell_open();

        if (sc->display_bells[i] == -1 || sc->desktop_bells[i] == -1
            || sc->audio_bells[i] == -1)
        {
            goto failed;
        }
    }

    for (i = 0; i < NGX_HTTP_SELKIES_PADS_BELLS; i++) {
        sc->pads_bells[i] = selkies_bell_open();

        if (sc->pads_bells[i] == -1) {
            goto failed;
        }
    }

    ngx_http_selkies_cycle = sc;
    ngx_http_selkies_gamepads_listen(cycle, smcf);

    return NGX_OK;

failed:

    ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno, "eventfd() failed");

    return NGX_ERROR;
}


/* Only ever in the master, when an old cycle goes: workers just exit. */

static void
ngx_http_selkies_close_bells(void *data)
{
    ngx_http_selkies_cycle_t  *sc = data;

    ngx_uint_t  i;

    for (i = 0; i < sc->nworkers; i++) {
        close(sc->worker_bells[i]);
    }

    for (i = 0; i < NGX_HTTP_SELKIES_PADS_BELLS; i++) {
        close(sc->pads_bells[i]);
    }

    for (i = 0; i < SELKIES_STREAMS_MAX; i++) {
        if (sc->display_bells[i] != 0) {
            close(sc->display_bells[i]);
            close(sc->desktop_bells[i]);
            close(sc->audio_bells[i]);
        }
    }

    ngx_free(sc->worker_bells);
    ngx_free(sc);
}


/*
 * Without a master a reload runs neither exit_process nor init_process: the
 * one process goes on, with its bells and its entry, under the new
 * configuration.
 */

static void
ngx_http_selkies_reload_single(ngx_cycle_t *cycle,
    ngx_http_selkies_main_conf_t *smcf)
{
    ngx_http_selkies_worker_t  *w = &ngx_http_selkies_worker;

    if (w->bell == NULL) {
        return;
    }

    ngx_http_selkies_quit();
    ngx_http_selkies_stop_controls();
    ngx_http_selkies_retire_displays(&w->conf->displays);

    w->conf = smcf;
    w->shpool = (ngx_slab_pool_t *) smcf->zone->shm.addr;
    w->shared = w->shpool->data;
    w->nsessions = 0;
    w->quitting = 0;

    ngx_http_selkies_attach_displays();
    ngx_http_selkies_gamepads_listen(cycle, smcf);
    ngx_http_selkies_gamepads_start(cycle);
}


/* Never fails: a worker that cannot start would not be started again. */

ngx_int_t
ngx_http_selkies_init_process(ngx_cycle_t *cycle)
{
    bool                           orphans;
    ngx_http_selkies_worker_t     *w = &ngx_http_selkies_worker;
    ngx_http_selkies_main_conf_t  *smcf;

    if (ngx_http_selkies_cycle == NULL
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    smcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_selkies_module);

    if (smcf == NULL || !smcf->used) {
        return NGX_OK;
    }

    w->conf = smcf;
    w->shpool = (ngx_slab_pool_t *) smcf->zone->shm.addr;
    w->shared = w->shpool->data;
    w->scratch = ngx_palloc(cycle->pool, NGX_HTTP_SELKIES_SCRATCH_BYTES);

    if (w->scratch == NULL || ngx_http_selkies_open_bell(cycle) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "this worker serves no desktop");
        return NGX_OK;
    }

    ngx_http_selkies_lock();

    w->entry = selkies_shared_worker(w->shared,
                                  (uint32_t) ngx_http_selkies_cycle->generation,
                                  (uint32_t) ngx_worker, ngx_pid, &orphans);
    ngx_http_selkies_unlock();

    if (w->entry == NULL) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "more than %d workers: this one serves no desktop",
                      SELKIES_WORKERS_MAX);
        return NGX_OK;
    }

    selkies_audio_init();
    ngx_http_selkies_attach_displays();
    ngx_http_selkies_uploads_start(&smcf->roots);

    if (orphans) {
        ngx_http_selkies_find_orphans();
        ngx_http_selkies_gamepads_orphans();
    }

    ngx_http_selkies_gamepads_start(cycle);
    ngx_http_selkies_follow_master(cycle->log);

    return NGX_OK;
}


/*
 * Workers whose master was killed could be neither stopped nor reloaded, and
 * would keep its ports from the next one: they quit, as if it had told them.
 */

static void
ngx_http_selkies_follow_master(ngx_log_t *log)
{
#if (NGX_HAVE_PR_SET_DUMPABLE)

    int  signo;

    if (ngx_process != NGX_PROCESS_WORKER) {
        return;
    }

    signo = ngx_signal_value(NGX_SHUTDOWN_SIGNAL);

    if (prctl(PR_SET_PDEATHSIG, signo, 0, 0, 0) == -1) {
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      "prctl(PR_SET_PDEATHSIG) failed");
        return;
    }

    /* it may be gone already */

    if (getppid() != ngx_parent && kill(ngx_pid, signo) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno, "kill() failed");
    }

#endif
}


static ngx_int_t
ngx_http_selkies_open_bell(ngx_cycle_t *cycle)
{
    ngx_connection_t           *c;
    ngx_http_selkies_worker_t  *w = &ngx_http_selkies_worker;

    if (ngx_worker >= ngx_http_selkies_cycle->nworkers) {
        return NGX_ERROR;
    }

    c = ngx_get_connection(ngx_http_selkies_cycle->worker_bells[ngx_worker],
                           cycle->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    /*
     * "channel" keeps it out of the alerts about open sockets and out of the
     * shutdown timer; "idle" has its read handler called when the worker is
     * told to quit, the only early notice a module gets
     */

    c->pool = cycle->pool;
    c->read->log = cycle->log;
    c->write->log = cycle->log;
    c->read->channel = 1;
    c->write->channel = 1;
    c->read->handler = ngx_http_selkies_bell_handler;
    c->idle = 1;

    if (ngx_add_event(c->read, NGX_READ_EVENT, NGX_CLEAR_EVENT) != NGX_OK) {
        ngx_free_connection(c);
        return NGX_ERROR;
    }

    w->bell = c;

    return NGX_OK;
}


void
ngx_http_selkies_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_selkies_worker_t  *w = &ngx_http_selkies_worker;

    if (w->bell == NULL) {
        return;
    }

    ngx_http_selkies_gamepads_stop();
    ngx_http_selkies_stop_engines();
    ngx_http_selkies_stop_controls();
    ngx_http_selkies_resign();
    ngx_http_selkies_log_flush();

    if (w->entry != NULL) {
        ngx_http_selkies_gamepads_orphans();

        ngx_http_selkies_lock();
        selkies_worker_free(w->entry);
        ngx_http_selkies_unlock();
        w->entry = NULL;
    }

    /* the eventfd itself stays open: it is the cycle's */

    ngx_del_event(w->bell->read, NGX_READ_EVENT, 0);
    ngx_free_connection(w->bell);
    w->bell->fd = (ngx_socket_t) -1;
    w->bell = NULL;
}


ngx_int_t
ngx_http_selkies_worker_join(ngx_http_selkies_session_t *s)
{
    bool                        admitted;
    ngx_http_selkies_worker_t  *w = &ngx_http_selkies_worker;

    /* "selkies_max_viewers", and a controller */

    ngx_http_selkies_lock();
    admitted = selkies_stream_admit(w->shared, w->entry,
                                    (uint32_t) s->display->index,
                                    (uint64_t) s->conf->max_viewers + 1);
    ngx_http_selkies_unlock();

    if (!admitted) {
        return NGX_DECLINED;
    }

    ngx_queue_insert_tail(&s->display->sessions, &s->queue);
    s->joined = 1;

    if (s->display->timer.timer_set) {
        ngx_del_timer(&s->display->timer);
    }

    w->nsessions++;

    ngx_http_selkies_elect();

    return NGX_OK;
}


void
ngx_http_selkies_worker_leave(ngx_http_selkies_session_t *s)
{
    ngx_queue_remove(&s->queue);

    if (ngx_http_selkies_worker.entry != NULL) {
        (void) ngx_http_selkies_count(s->display, SELKIES_COUNT_SOCKETS, -1);
    }

    if (ngx_http_selkies_worker.nsessions) {
        ngx_http_selkies_worker.nsessions--;
    }

    ngx_http_selkies_display_left(s->display);
}


void
ngx_http_selkies_worker_move(ngx_http_selkies_session_t *s,
    ngx_http_selkies_display_t *display)
{
    ngx_queue_remove(&s->queue);
    (void) ngx_http_selkies_count(s->display, SELKIES_COUNT_SOCKETS, -1);
    ngx_http_selkies_display_left(s->display);

    s->display = display;

    ngx_queue_insert_tail(&display->sessions, &s->queue);
    (void) ngx_http_selkies_count(display, SELKIES_COUNT_SOCKETS, 1);

    if (display->timer.timer_set) {
        ngx_del_timer(&display->timer);
    }
}


ngx_uint_t
ngx_http_selkies_worker_number(void)
{
    ngx_http_selkies_worker_t  *w = &ngx_http_selkies_worker;

    return w->entry - w->shared->workers;
}


ngx_uint_t
ngx_http_selkies_leaving(void)
{
    return ngx_http_selkies_worker.quitting;
}


selkies_control_t *
ngx_http_selkies_control(ngx_http_selkies_display_t *display)
{
    ngx_http_selkies_worker_t  *w = &ngx_http_selkies_worker;

    if (display->control == NULL && w->entry != NULL && !w->quitting) {
        display->control = selkies_control_start(display->source->display,
                               display->source->xauthority[0]
                               ? display->source->xauthority : NULL,
                               w->shared, w->entry, (uint32_t) display->index,
                               &ngx_http_selkies_log);
    }

    return display->control;
}


/*
 * Keys of a killed worker's clients are down in every display it served; what
 * they wanted of its picture is gone, and others may have a text for it.
 */

static void
ngx_http_selkies_find_orphans(void)
{
    ngx_uint_t                   i;
    selkies_control_t           *control;
    ngx_http_selkies_display_t  *display;

    for (i = 0; i < ngx_http_selkies_worker.shared->conf.nstreams; i++) {
        display = ngx_http_selkies_display_at(i, 1);

        if (display == NULL) {
            continue;
        }

        control = ngx_http_selkies_control(display);

        if (control != NULL) {
            selkies_control_orphans(control);
        }

        ngx_http_selkies_ring_display(display);
    }

    ngx_http_selkies_ring_workers();
}


void
ngx_http_selkies_ring_display(ngx_http_selkies_display_t *display)
{
    selkies_bell_ring(ngx_http_selkies_cycle->display_bells[display->index]);
}


void
ngx_http_selkies_ring_desktop(ngx_http_selkies_display_t *display)
{
    uint32_t            i;
    selkies_shared_t   *shared = ngx_http_selkies_worker.shared;
    selkies_stream_t   *screens[SELKIES_SCREENS_MAX];

    selkies_bell_ring(ngx_http_selkies_cycle->desktop_bells[display->index]);

    if (selkies_stream_screens(shared, display->stream, screens) < 2) {
        return;
    }

    for (i = 0; i < SELKIES_SCREENS_MAX; i++) {
        if (screens[i] != NULL && screens[i] != display->stream) {
            selkies_bell_ring(ngx_http_selkies_cycle->desktop_bells[
                              selkies_stream_index(shared, screens[i])]);
        }
    }
}


void
ngx_http_selkies_ring_audio(ngx_http_selkies_display_t *display)
{
    selkies_bell_ring(ngx_http_selkies_cycle->audio_bells[display->index]);
}


void
ngx_http_selkies_ring_self(void)
{
    selkies_bell_ring(ngx_http_selkies_cycle->worker_bells[ngx_worker]);
}


void
ngx_http_selkies_ring_workers(void)
{
    ngx_uint_t  i;

    for (i = 0; i < ngx_http_selkies_cycle->nworkers; i++) {
        selkies_bell_ring(ngx_http_selkies_cycle->worker_bells[i]);
    }
}


void
ngx_http_selkies_lock(void)
{
    ngx_shmtx_lock(&ngx_http_selkies_worker.shpool->mutex);
}


void
ngx_http_selkies_unlock(void)
{
    ngx_shmtx_unlock(&ngx_http_selkies_worker.shpool->mutex);
}


selkies_shared_t *
ngx_http_selkies_shared(void)
{
    return ngx_http_selkies_worker.shared;
}


u_char *
ngx_http_selkies_scratch(void)
{
    return ngx_http_selkies_worker.scratch;
}


/*
 * Somebody rang: a thread published something, a wish or an owner changed, or
 * there are lines to log.  Or the worker is told to quit.  Where it is a packet
 * of sound and no more, those who hear it are all that is looked at.
 */

static void
ngx_http_selkies_bell_handler(ngx_event_t *ev)
{
    ngx_uint_t                   sound;
    ngx_queue_t                 *q, *next, *d, *displays;
    ngx_connection_t            *c = ev->data;
    ngx_http_selkies_worker_t   *w = &ngx_http_selkies_worker;
    ngx_http_selkies_display_t  *display;

    if (c->close) {
        c->close = 0;
        ngx_http_selkies_quit();
        return;
    }

    sound = (uint32_t) selkies_bell_take(c->fd) == 0;

    ngx_http_selkies_log_flush();

    if (w->waiting && atomic_load(&w->won)) {
        (void) pthread_join(w->waiter, NULL);
        w->waiting = 0;
        ngx_http_selkies_become_owner();
    }

    if (w->owner && !sound) {
        ngx_http_selkies_service();
    }

    displays = &w->conf->displays;

    for (d = ngx_queue_head(displays);
         d != ngx_queue_sentinel(displays);
         d = ngx_queue_next(d))
    {
        display = ngx_queue_data(d, ngx_http_selkies_display_t, queue);

        if (sound) {
            ngx_http_selkies_audio_send(display);
            continue;
        }

        ngx_http_selkies_microphone_reap(display);
        ngx_http_selkies_clipboard_wake(display);
        ngx_http_selkies_clipboard_reap(display);

        for (q = ngx_queue_head(&display->sessions);
             q != ngx_queue_sentinel(&display->sessions);
             q = next)
        {
            next = ngx_queue_next(q);

            ngx_http_selkies_session_wake(
                ngx_queue_data(q, ngx_http_selkies_session_t, queue));
        }
    }
}


/*
 * The ownership goes first, so that the next generation need not wait for
 * the slowest of our clients; these are told to come again.
 */

static void
ngx_http_selkies_quit(void)
{
    ngx_queue_t                 *q, *next, *d, *displays;
    ngx_http_selkies_worker_t   *w = &ngx_http_selkies_worker;
    ngx_http_selkies_display_t  *display;
    ngx_http_selkies_session_t  *s;

    if (w->quitting) {
        return;
    }

    w->quitting = 1;

    ngx_http_selkies_gamepads_stop();
    ngx_http_selkies_stop_engines();
    ngx_http_selkies_resign();

    displays = &w->conf->displays;

    for (d = ngx_queue_head(displays);
         d != ngx_queue_sentinel(displays);
         d = ngx_queue_next(d))
    {
        display = ngx_queue_data(d, ngx_http_selkies_display_t, queue);

        for (q = ngx_queue_head(&display->sessions);
             q != ngx_queue_sentinel(&display->sessions);
             q = next)
        {
            next = ngx_queue_next(q);
            s = ngx_queue_data(q, ngx_http_selkies_session_t, queue);

            /* one process alone goes on with other displays at once */

            if (ngx_process != NGX_PROCESS_WORKER
                || ngx_http_selkies_hand_over(s) != NGX_OK)
            {
                ngx_http_selkies_close(s, SELKIES_CLOSE_RESTART,
                                       NGX_HTTP_SELKIES_RELOADED);
            }
        }
    }
}


static void
ngx_http_selkies_stop_controls(void)
{
    ngx_queue_t                 *d, *displays;
    ngx_http_selkies_display_t  *display;

    displays = &ngx_http_selkies_worker.conf->displays;

    for (d = ngx_queue_head(displays);
         d != ngx_queue_sentinel(displays);
         d = ngx_queue_next(d))
    {
        display = ngx_queue_data(d, ngx_http_selkies_display_t, queue);

        /* the clipboard's thread rings the other */

        if (selkies_clip_stop(display->clip, NGX_HTTP_SELKIES_JOIN_MS)
            == SELKIES_OK
            && selkies_microphone_stop(display->microphone,
                                       NGX_HTTP_SELKIES_JOIN_MS)
               == SELKIES_OK)
        {
            display->clip = NULL;
            display->microphone = NULL;

            if (selkies_control_stop(display->control,
                                     NGX_HTTP_SELKIES_JOIN_MS)
                == SELKIES_OK)
            {
                display->control = NULL;
                continue;
            }
        }

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "the threads of clients of display \"%V\" do not end",
                      &display->name);
        ngx_http_selkies_log_flush();
        _exit(0);
    }
}
