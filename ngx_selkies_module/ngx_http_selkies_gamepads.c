
/*
 * Copyright (C) ngx_selkies authors
 *
 * The sockets at which programs of the desktop read gamepads.
 *
 * A game may be started long before somebody looks at its desktop, and be
 * looked at by another browser the next day: its pads are there all the time.
 * So the master makes the sockets, before the workers, and removes them when
 * it ends; a reload leaves them alone.  The first worker serves them, from its
 * event loop: what is written never blocks.  It costs nothing while no pad is
 * touched.
 *
 * A display that variables name is nobody's before its first client: the owner
 * makes its sockets then, serves them, and removes them with its record.
 *
 * Thread: the master, then the event loop.
 */


#include "ngx_http_selkies_worker.h"


#define NGX_HTTP_SELKIES_RUMBLE_MS  16          /* between two, at least */


static void ngx_http_selkies_gamepads_log(void *data,
    selkies_log_level_t level, const char *line, size_t len);
static selkies_gamepad_files_t *ngx_http_selkies_gamepads_files(
    ngx_cycle_t *cycle, const char *folder, const selkies_log_t *log);
static ngx_int_t ngx_http_selkies_gamepads_open(
    ngx_http_selkies_display_t *display, ngx_log_t *log);
static ngx_http_selkies_display_t *ngx_http_selkies_gamepads_user(
    ngx_http_selkies_display_t *display, const char *folder);
static ngx_connection_t *ngx_http_selkies_gamepads_watch(ngx_log_t *log,
    int fd, ngx_event_handler_pt handler, void *data);
static void ngx_http_selkies_gamepads_unwatch(ngx_connection_t *c);
static ngx_uint_t ngx_http_selkies_pads_bell(
    ngx_http_selkies_display_t *display);
static void ngx_http_selkies_gamepads_bell(ngx_event_t *ev);
static void ngx_http_selkies_gamepads_read(ngx_event_t *ev);
static void ngx_http_selkies_gamepads_update(
    ngx_http_selkies_display_t *display);
static void ngx_http_selkies_gamepads_take_all(
    ngx_http_selkies_display_t *display);
static void ngx_http_selkies_gamepads_rumble(ngx_event_t *ev);
static bool ngx_http_selkies_gamepads_lives(void *data, unsigned worker);


/* the master's; a free one has no folder */

static selkies_gamepad_files_t
    ngx_http_selkies_gamepads_made[SELKIES_STREAMS_MAX];

static ngx_connection_t
    *ngx_http_selkies_gamepads_bells[NGX_HTTP_SELKIES_PADS_BELLS];


char *
ngx_http_selkies_merge_gamepads(ngx_conf_t *cf,
    ngx_http_selkies_loc_conf_t *conf)
{
    size_t                         len;
    const char                    *folder;
    ngx_queue_t                   *q;
    ngx_http_selkies_display_t    *display, *target;
    ngx_http_selkies_main_conf_t  *smcf;

    folder = selkies_settings_string(conf->effective,
                                     SELKIES_SET_JS_SOCKET_PATH);
    len = ngx_strlen(folder);
    target = conf->target;

    if (conf->pads->lengths != NULL) {
        return NGX_CONF_OK;
    }

    if (len == 0 || target == NULL
        || !conf->effective->values[SELKIES_SET_GAMEPAD_ENABLED].number)
    {
        if (len != 0 && target == NULL) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "no gamepads: where variables name the display, "
                               "\"selkies_js_socket_path\" needs some, too");
        }

        /* clients are told so */

        conf->effective->values[SELKIES_SET_GAMEPAD_ENABLED].number = 0;
        conf->effective->values[SELKIES_SET_GAMEPAD_ENABLED].locked = 1;

        return NGX_CONF_OK;
    }

    if (folder[0] != '/' || len > SELKIES_GAMEPAD_FOLDER_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"selkies_js_socket_path\" \"%s\": an "
                           "absolute path of at most %d bytes is expected",
                           folder, SELKIES_GAMEPAD_FOLDER_MAX);
        return NGX_CONF_ERROR;
    }

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_selkies_module);

    for (q = ngx_queue_head(&smcf->displays);
         q != ngx_queue_sentinel(&smcf->displays);
         q = ngx_queue_next(q))
    {
        display = ngx_queue_data(q, ngx_http_selkies_display_t, queue);

        if (display->pads_folder == NULL
            || (display == target)
               == (ngx_strcmp(display->pads_folder, folder) == 0))
        {
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "display \"%V\" needs a \"selkies_js_socket_path\" "
                           "of its own, and one alone: \"%s\" %s",
                           &target->name, folder,
                           display == target ? "is another one"
                                             : "belongs to another display");
        return NGX_CONF_ERROR;
    }

    target->pads_folder = folder;

    return NGX_CONF_OK;
}


void
ngx_http_selkies_gamepads_listen(ngx_cycle_t *cycle,
    ngx_http_selkies_main_conf_t *smcf)
{
    ngx_uint_t                   i, wanted;
    ngx_queue_t                 *q;
    selkies_log_t                log;
    selkies_gamepad_files_t     *files;
    ngx_http_selkies_display_t  *display;

    log.write = ngx_http_selkies_gamepads_log;
    log.data = cycle->log;

    /* folders that nobody names any more */

    for (i = 0; i < SELKIES_STREAMS_MAX; i++) {
        files = &ngx_http_selkies_gamepads_made[i];
        wanted = 0;

        if (files->folder[0] == '\0') {
            continue;
        }

        for (q = smcf ? ngx_queue_head(&smcf->displays) : NULL;
             q != NULL && q != ngx_queue_sentinel(&smcf->displays);
             q = ngx_queue_next(q))
        {
            display = ngx_queue_data(q, ngx_http_selkies_display_t, queue);

            wanted |= display->pads_folder != NULL
                      && ngx_strcmp(display->pads_folder, files->folder) == 0;
        }

        if (!wanted || !selkies_gamepad_listens(files)) {
            selkies_gamepad_unlisten(files, true);
            files->folder[0] = '\0';
        }
    }

    if (smcf == NULL) {
        return;
    }

    for (q = ngx_queue_head(&smcf->displays);
         q != ngx_queue_sentinel(&smcf->displays);
         q = ngx_queue_next(q))
    {
        display = ngx_queue_data(q, ngx_http_selkies_display_t, queue);

        if (display->pads_folder != NULL) {
            display->pads_files = ngx_http_selkies_gamepads_files(cycle,
                                                  display->pads_folder, &log);
        }
    }
}


static void
ngx_http_selkies_gamepads_log(void *data, selkies_log_level_t level,
    const char *line, size_t len)
{
    ngx_log_t  *log = data;

    ngx_log_error(NGX_LOG_WARN, log, 0, "%*s", len, line);
}


static selkies_gamepad_files_t *
ngx_http_selkies_gamepads_files(ngx_cycle_t *cycle, const char *folder,
    const selkies_log_t *log)
{
    gid_t                     group;
    ngx_uint_t                i;
    ngx_core_conf_t          *ccf;
    selkies_gamepad_files_t  *files, *unused;

    unused = NULL;

    for (i = 0; i < SELKIES_STREAMS_MAX; i++) {
        files = &ngx_http_selkies_gamepads_made[i];

        if (ngx_strcmp(files->folder, folder) == 0) {
            return files;
        }

        if (files->folder[0] == '\0') {
            unused = files;
        }
    }

    if (unused == NULL) {
        return NULL;
    }

    /* workers of another user share a group with the desktop */

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);
    group = (gid_t) -1;

    if (geteuid() == 0 && ccf->master
        && ccf->user != (ngx_uid_t) NGX_CONF_UNSET_UINT && ccf->user != 0)
    {
        group = ccf->group;
    }

    /* a new binary takes over from the one that has started it */

    if (selkies_gamepad_listen(unused, folder, group, ngx_inherited, log)
        != SELKIES_OK)
    {
        unused->folder[0] = '\0';
        return NULL;
    }

    return unused;
}


/* All folders are empty again: a killed master's are found by the next one. */

void
ngx_http_selkies_exit_master(ngx_cycle_t *cycle)
{
    ngx_http_selkies_gamepads_listen(cycle, NULL);
}


void
ngx_http_selkies_gamepads_start(ngx_cycle_t *cycle)
{
    ngx_queue_t                 *q, *displays;
    ngx_http_selkies_worker_t   *w = &ngx_http_selkies_worker;
    ngx_http_selkies_display_t  *display;

    if (w->entry == NULL || ngx_worker != 0) {
        return;
    }

    displays = &w->conf->displays;

    for (q = ngx_queue_head(displays);
         q != ngx_queue_sentinel(displays);
         q = ngx_queue_next(q))
    {
        display = ngx_queue_data(q, ngx_http_selkies_display_t, queue);

        if (display->pads_files != NULL && display->stream != NULL) {
            (void) ngx_http_selkies_gamepads_open(display, cycle->log);
        }
    }
}


static ngx_int_t
ngx_http_selkies_gamepads_open(ngx_http_selkies_display_t *display,
    ngx_log_t *log)
{
    ngx_uint_t  bell;

    display->pads = selkies_gamepads_create(display->pads_files,
                                            &ngx_http_selkies_log);

    if (display->pads == NULL) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                      "display \"%V\" has no gamepads", &display->name);
        return NGX_ERROR;
    }

    display->pads_connection = ngx_http_selkies_gamepads_watch(log,
                                          selkies_gamepads_fd(display->pads),
                                          ngx_http_selkies_gamepads_read,
                                          display);

    if (display->pads_connection == NULL) {
        selkies_gamepads_destroy(display->pads);
        display->pads = NULL;
        return NGX_ERROR;
    }

    display->rumble_timer.data = &display->dummy;
    display->rumble_timer.log = log;
    display->rumble_timer.handler = ngx_http_selkies_gamepads_rumble;
    display->rumble_timer.cancelable = 1;

    ngx_http_selkies_gamepads_take_all(display);

    bell = ngx_http_selkies_pads_bell(display);

    if (ngx_http_selkies_gamepads_bells[bell] == NULL) {
        ngx_http_selkies_gamepads_bells[bell] =
            ngx_http_selkies_gamepads_watch(log,
                                      ngx_http_selkies_cycle->pads_bells[bell],
                                      ngx_http_selkies_gamepads_bell, NULL);
    }

    return NGX_OK;
}


void
ngx_http_selkies_gamepads_serve(ngx_http_selkies_display_t *display)
{
    const char                  *folder = display->source->pads_folder;
    selkies_log_t                log;
    selkies_gamepad_files_t     *files;
    ngx_http_selkies_display_t  *user;

    if (display->pads_tried || display->pool == NULL || folder[0] == '\0'
        || display->primary != NULL || ngx_http_selkies_worker.quitting)
    {
        return;
    }

    display->pads_tried = 1;
    user = ngx_http_selkies_gamepads_user(display, folder);

    if (user != NULL) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "display \"%V\" has no gamepads: \"%s\" is the folder "
                      "of display \"%V\"", &display->name, folder,
                      &user->name);
        return;
    }

    files = ngx_pcalloc(display->pool, sizeof(selkies_gamepad_files_t));
    if (files == NULL) {
        return;
    }

    log.write = ngx_http_selkies_gamepads_log;
    log.data = ngx_cycle->log;

    /* a killed owner's lock may be free before its sockets are */

    if (selkies_gamepad_listen(files, folder, (gid_t) -1, true, &log)
        != SELKIES_OK)
    {
        return;
    }

    display->pads_files = files;

    if (ngx_http_selkies_gamepads_open(display, ngx_cycle->log) != NGX_OK) {
        selkies_gamepad_unlisten(files, true);
        display->pads_files = NULL;
    }
}


/* Another display whose sockets are in that folder. */

static ngx_http_selkies_display_t *
ngx_http_selkies_gamepads_user(ngx_http_selkies_display_t *display,
    const char *folder)
{
    ngx_queue_t                 *q, *displays;
    ngx_http_selkies_display_t  *other;

    displays = &ngx_http_selkies_worker.conf->displays;

    for (q = ngx_queue_head(displays);
         q != ngx_queue_sentinel(displays);
         q = ngx_queue_next(q))
    {
        other = ngx_queue_data(q, ngx_http_selkies_display_t, queue);

        if (other != display && other->pads_files != NULL
            && ngx_strcmp(other->pads_files->folder, folder) == 0)
        {
            return other;
        }
    }

    return NULL;
}


void
ngx_http_selkies_gamepads_close(ngx_http_selkies_display_t *display)
{
    if (display->pads == NULL) {
        return;
    }

    if (display->rumble_timer.timer_set) {
        ngx_del_timer(&display->rumble_timer);
    }

    ngx_http_selkies_gamepads_unwatch(display->pads_connection);
    selkies_gamepads_destroy(display->pads);
    display->pads_connection = NULL;
    display->pads = NULL;

    /* those of the configuration are the master's */

    if (display->pool != NULL) {
        selkies_gamepad_unlisten(display->pads_files, true);
        display->pads_files = NULL;
    }
}


void
ngx_http_selkies_gamepads_stop(void)
{
    ngx_uint_t                   i;
    ngx_queue_t                 *q, *displays;
    ngx_connection_t            *c;
    ngx_http_selkies_display_t  *display;

    displays = &ngx_http_selkies_worker.conf->displays;

    for (q = ngx_queue_head(displays);
         q != ngx_queue_sentinel(displays);
         q = ngx_queue_next(q))
    {
        display = ngx_queue_data(q, ngx_http_selkies_display_t, queue);

        ngx_http_selkies_gamepads_close(display);
    }

    for (i = 0; i < NGX_HTTP_SELKIES_PADS_BELLS; i++) {
        c = ngx_http_selkies_gamepads_bells[i];

        if (c != NULL) {
            ngx_http_selkies_gamepads_unwatch(c);
            ngx_http_selkies_gamepads_bells[i] = NULL;
        }
    }
}


/* "channel" keeps it out of the alerts about open sockets. */

static ngx_connection_t *
ngx_http_selkies_gamepads_watch(ngx_log_t *log, int fd,
    ngx_event_handler_pt handler, void *data)
{
    ngx_connection_t  *c;

    c = ngx_get_connection(fd, log);
    if (c == NULL) {
        return NULL;
    }

    c->data = data;
    c->read->log = log;
    c->write->log = log;
    c->read->channel = 1;
    c->write->channel = 1;
    c->read->handler = handler;

    /* level-triggered: what one look leaves is for the next */

    if (ngx_add_event(c->read, NGX_READ_EVENT, 0) != NGX_OK) {
        ngx_free_connection(c);
        return NULL;
    }

    return c;
}


/* The descriptor is not the connection's. */

static void
ngx_http_selkies_gamepads_unwatch(ngx_connection_t *c)
{
    (void) ngx_del_event(c->read, NGX_READ_EVENT, 0);
    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;
}


void
ngx_http_selkies_gamepads_changed(ngx_http_selkies_display_t *display)
{
    if (display->pads != NULL) {
        ngx_http_selkies_gamepads_update(display);
        return;
    }

    selkies_bell_ring(ngx_http_selkies_cycle->pads_bells[
                                         ngx_http_selkies_pads_bell(display)]);
}


/* Of who serves its gamepads. */

static ngx_uint_t
ngx_http_selkies_pads_bell(ngx_http_selkies_display_t *display)
{
    return display->pool != NULL ? NGX_HTTP_SELKIES_PADS_OWNER
                                 : NGX_HTTP_SELKIES_PADS_FIRST;
}


static void
ngx_http_selkies_gamepads_bell(ngx_event_t *ev)
{
    ngx_queue_t                 *q, *displays;
    ngx_connection_t            *c = ev->data;
    ngx_http_selkies_display_t  *display;

    (void) selkies_bell_take(c->fd);

    displays = &ngx_http_selkies_worker.conf->displays;

    for (q = ngx_queue_head(displays);
         q != ngx_queue_sentinel(displays);
         q = ngx_queue_next(q))
    {
        display = ngx_queue_data(q, ngx_http_selkies_display_t, queue);

        if (display->pads != NULL) {
            ngx_http_selkies_gamepads_update(display);
        }
    }
}


static void
ngx_http_selkies_gamepads_update(ngx_http_selkies_display_t *display)
{
    uint32_t              i, n;
    selkies_pad_change_t  changes[SELKIES_PAD_CHANGES];

    ngx_http_selkies_lock();
    n = selkies_pads_changes(&display->stream->pads, &display->pads_position,
                             changes);
    ngx_http_selkies_unlock();

    if (n > SELKIES_PAD_CHANGES) {
        ngx_http_selkies_gamepads_take_all(display);
        return;
    }

    for (i = 0; i < n; i++) {
        selkies_gamepads_set(display->pads, changes[i].pad,
                             changes[i].control, changes[i].value);
    }
}


/* The state alone: after too much of a change, and at the beginning. */

static void
ngx_http_selkies_gamepads_take_all(ngx_http_selkies_display_t *display)
{
    int16_t               values[SELKIES_GAMEPADS][SELKIES_GAMEPAD_CONTROLS];
    unsigned              pad, control;
    selkies_pad_change_t  changes[SELKIES_PAD_CHANGES];

    ngx_http_selkies_lock();

    (void) selkies_pads_changes(&display->stream->pads,
                                &display->pads_position, changes);

    for (pad = 0; pad < SELKIES_GAMEPADS; pad++) {
        for (control = 0; control < SELKIES_GAMEPAD_CONTROLS; control++) {
            values[pad][control] = selkies_pads_value(&display->stream->pads,
                                                      pad, control);
        }
    }

    ngx_http_selkies_unlock();

    for (pad = 0; pad < SELKIES_GAMEPADS; pad++) {
        for (control = 0; control < SELKIES_GAMEPAD_CONTROLS; control++) {
            selkies_gamepads_set(display->pads, pad, control,
                                 values[pad][control]);
        }
    }
}


/* A peer has come, has gone, reads again, or wants something to be felt. */

static void
ngx_http_selkies_gamepads_read(ngx_event_t *ev)
{
    ngx_msec_t                   since;
    ngx_connection_t            *c = ev->data;
    ngx_http_selkies_display_t  *display = c->data;

    display->rumble_pads |= selkies_gamepads_dispatch(display->pads,
                                                      display->rumbles);

    if (display->rumble_pads == 0 || display->rumble_timer.timer_set) {
        return;
    }

    /* however often a program says so, browsers are told at this pace */

    since = ngx_current_msec - display->rumbled;

    if (since >= NGX_HTTP_SELKIES_RUMBLE_MS) {
        ngx_http_selkies_gamepads_rumble(&display->rumble_timer);
        return;
    }

    ngx_add_timer(&display->rumble_timer, NGX_HTTP_SELKIES_RUMBLE_MS - since);
}


static void
ngx_http_selkies_gamepads_rumble(ngx_event_t *ev)
{
    ngx_uint_t                   pad;
    selkies_pads_t              *pads;
    ngx_connection_t            *dummy = ev->data;
    ngx_http_selkies_display_t  *display = dummy->data;

    pads = &display->stream->pads;

    ngx_http_selkies_lock();

    for (pad = 0; pad < SELKIES_GAMEPADS; pad++) {

        if (display->rumble_pads & ((ngx_uint_t) 1 << pad)) {
            pads->rumbles[pad] = display->rumbles[pad];
            atomic_fetch_add(&pads->nrumbles[pad], 1);
        }
    }

    ngx_http_selkies_unlock();

    display->rumble_pads = 0;
    display->rumbled = ngx_current_msec;

    ngx_http_selkies_ring_workers();
}


void
ngx_http_selkies_gamepads_orphans(void)
{
    bool                        found;
    uint32_t                    i;
    ngx_http_selkies_worker_t  *w = &ngx_http_selkies_worker;

    found = false;

    ngx_http_selkies_lock();

    for (i = 0; i < w->shared->conf.nstreams; i++) {
        found |= selkies_pads_orphans(&w->shared->streams[i].pads,
                                      ngx_http_selkies_gamepads_lives, w);
    }

    ngx_http_selkies_unlock();

    for (i = 0; found && i < NGX_HTTP_SELKIES_PADS_BELLS; i++) {
        selkies_bell_ring(ngx_http_selkies_cycle->pads_bells[i]);
    }
}


/* This worker has no client yet, or no more. */

static bool
ngx_http_selkies_gamepads_lives(void *data, unsigned worker)
{
    ngx_http_selkies_worker_t  *w = data;

    return &w->shared->workers[worker] != w->entry
           && atomic_load(&w->shared->workers[worker].pid) != 0;
}
