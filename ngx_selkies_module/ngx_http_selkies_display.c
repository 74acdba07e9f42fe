
/*
 * Copyright (C) ngx_selkies authors
 *
 * Which X display a request is about, and what this worker has of it.
 *
 * A display that the configuration names has its record there, checked when
 * nginx starts, and keeps its place in the shared block.  One that variables
 * name gets its record here, in a pool of its own, with its first client; it
 * is given back, place and all, when nobody has used it for "selkies_idle".
 * The owner makes such a record, too, for a display that only other workers'
 * clients watch: the place says how it is reached.  A further screen of a
 * display has a record likewise, and keeps that of its primary.
 *
 * Thread: the event loop, or who reads the configuration.
 */


#include "ngx_http_selkies_worker.h"


#define NGX_HTTP_SELKIES_AGAIN_MS     1000
#define NGX_HTTP_SELKIES_BRIEF_MS     50        /* for a thread to end */

#define NGX_HTTP_SELKIES_WAYS                                                \
    "\"selkies_xauthority\", \"selkies_framebuffer\", \"selkies_capture\", "   \
    "\"selkies_pulse_server\" or \"selkies_idle\""

/* a record made at run time, and the way to its display */

#define NGX_HTTP_SELKIES_DISPLAY_BYTES  8192


static ngx_http_selkies_display_t *ngx_http_selkies_create_display(
    const selkies_source_t *source);
static void ngx_http_selkies_destroy_display(
    ngx_http_selkies_display_t *display);
static ngx_http_selkies_display_t *ngx_http_selkies_create_screen(
    ngx_http_selkies_display_t *primary, const selkies_source_t *source);
static ngx_http_selkies_display_t *ngx_http_selkies_match_display(
    const selkies_source_t *source);
static selkies_stream_t *ngx_http_selkies_hold_display(
    ngx_http_selkies_display_t *display, bool *differs);
static void ngx_http_selkies_release_display(
    ngx_http_selkies_display_t *display, ngx_uint_t forget);
static ngx_http_selkies_display_t *ngx_http_selkies_adopt_screen(
    const selkies_source_t *source, ngx_uint_t index);
static void ngx_http_selkies_display_timer(ngx_event_t *ev);


void
ngx_http_selkies_init_display(ngx_http_selkies_display_t *display)
{
    display->name.data = (u_char *) display->source->display;
    display->name.len = ngx_strlen(display->source->display);
    display->idle = (ngx_msec_t) display->source->idle_ms;
    display->folder = -1;

    display->dummy.fd = (ngx_socket_t) -1;
    display->dummy.data = display;
    display->timer.data = &display->dummy;
    display->timer.log = ngx_cycle->log;
    display->timer.handler = ngx_http_selkies_display_timer;
    display->timer.cancelable = 1;

    ngx_queue_init(&display->sessions);
}


ngx_int_t
ngx_http_selkies_request_display(ngx_http_request_t *r,
    ngx_http_selkies_display_t **result)
{
    ngx_int_t                     rc;
    selkies_source_t              source;
    ngx_http_selkies_worker_t    *w = &ngx_http_selkies_worker;
    ngx_http_selkies_display_t   *display;
    ngx_http_selkies_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_selkies_module);

    if (slcf->target != NULL) {
        *result = slcf->target;
        return ngx_http_selkies_attach_display(slcf->target);
    }

    rc = ngx_http_selkies_evaluate(r, &source, 0);

    if (rc != NGX_OK) {
        return rc;
    }

    if (w->entry == NULL || w->quitting) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    source.generation = (uint32_t) ngx_http_selkies_cycle->generation;
    display = ngx_http_selkies_match_display(&source);

    if (display != NULL && !selkies_source_same(display->source, &source)) {

        /* nobody needs the old way to it any more? */

        if (display->timer.timer_set && ngx_queue_empty(&display->sessions)) {
            ngx_del_timer(&display->timer);

            if (ngx_http_selkies_unuse_display(display) == NGX_OK) {
                display = NULL;
            }
        }

        if (display != NULL) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "display \"%V\" is in use with another "
                          NGX_HTTP_SELKIES_WAYS, &display->name);
            return NGX_HTTP_SERVICE_UNAVAILABLE;
        }
    }

    if (display == NULL) {
        display = ngx_http_selkies_create_display(&source);
        if (display == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    rc = ngx_http_selkies_attach_display(display);

    if (rc != NGX_OK && display->pool != NULL && display->stream == NULL) {
        ngx_http_selkies_destroy_display(display);
    }

    *result = display;

    return rc;
}


static ngx_http_selkies_display_t *
ngx_http_selkies_create_display(const selkies_source_t *source)
{
    ngx_pool_t                  *pool;
    ngx_http_selkies_display_t  *display;

    pool = ngx_create_pool(NGX_HTTP_SELKIES_DISPLAY_BYTES, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    display = ngx_pcalloc(pool, sizeof(ngx_http_selkies_display_t));

    if (display != NULL) {
        display->pool = pool;
        display->source = ngx_palloc(pool, sizeof(selkies_source_t));
    }

    if (display == NULL || display->source == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    *display->source = *source;
    ngx_http_selkies_init_display(display);
    ngx_queue_insert_tail(&ngx_http_selkies_worker.conf->displays,
                          &display->queue);

    return display;
}


static void
ngx_http_selkies_destroy_display(ngx_http_selkies_display_t *display)
{
    ngx_http_selkies_display_t  *primary = display->primary;

    if (display->timer.timer_set) {
        ngx_del_timer(&display->timer);
    }

    ngx_queue_remove(&display->queue);
    ngx_destroy_pool(display->pool);

    if (primary == NULL) {
        return;
    }

    primary->nscreens--;

    /* the X screen is laid out anew, and pages hear of it */

    if (primary->stream != NULL && ngx_http_selkies_worker.entry != NULL) {
        ngx_http_selkies_ring_desktop(primary);
        ngx_http_selkies_ring_workers();
    }

    ngx_http_selkies_display_left(primary);
}


/* The record of a further screen, which may be made. */

static ngx_http_selkies_display_t *
ngx_http_selkies_create_screen(ngx_http_selkies_display_t *primary,
    const selkies_source_t *source)
{
    ngx_http_selkies_display_t  *display;

    display = ngx_http_selkies_match_display(source);

    if (display == NULL) {
        display = ngx_http_selkies_create_display(source);

        if (display != NULL) {
            display->primary = primary;
            primary->nscreens++;
        }
    }

    return display;
}


/*
 * The record of a display, the same way or another.  The default display of a
 * location that nobody asked for stands in nobody's way.
 */

static ngx_http_selkies_display_t *
ngx_http_selkies_match_display(const selkies_source_t *source)
{
    ngx_queue_t                 *q, *displays;
    ngx_http_selkies_display_t  *display, *other;

    displays = &ngx_http_selkies_worker.conf->displays;
    other = NULL;

    for (q = ngx_queue_head(displays);
         q != ngx_queue_sentinel(displays);
         q = ngx_queue_next(q))
    {
        display = ngx_queue_data(q, ngx_http_selkies_display_t, queue);

        if (selkies_source_same(display->source, source)) {
            return display;
        }

        if (ngx_strcmp(display->source->display, source->display) == 0
            && display->source->screen == source->screen
            && (display->pool != NULL || display->reserved
                || display->stream != NULL))
        {
            other = display;
        }
    }

    return other;
}


ngx_int_t
ngx_http_selkies_attach_display(ngx_http_selkies_display_t *display)
{
    bool                        differs;
    ngx_http_selkies_worker_t  *w = &ngx_http_selkies_worker;

    if (w->entry == NULL || w->quitting || display->ending) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    if (display->stream != NULL
        || ngx_http_selkies_hold_display(display, &differs) != NULL)
    {
        /* who attaches and does not stay must not keep the place */

        ngx_http_selkies_display_left(display);
        return NGX_OK;
    }

    if (differs) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "display \"%V\" is in use with another "
                      NGX_HTTP_SELKIES_WAYS, &display->name);

    } else {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "no place for display \"%V\": raise "
                      "\"selkies_streams\"", &display->name);
    }

    return NGX_HTTP_SERVICE_UNAVAILABLE;
}


ngx_int_t
ngx_http_selkies_attach_screen(ngx_http_selkies_display_t *primary,
    const selkies_source_t *source, ngx_http_selkies_display_t **result)
{
    ngx_int_t                    rc;
    ngx_http_selkies_display_t  *display;

    display = ngx_http_selkies_create_screen(primary, source);
    if (display == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_selkies_attach_display(display);

    if (rc != NGX_OK && display->stream == NULL) {
        ngx_http_selkies_destroy_display(display);
    }

    *result = display;

    return rc;
}


static selkies_stream_t *
ngx_http_selkies_hold_display(ngx_http_selkies_display_t *display,
    bool *differs)
{
    selkies_stream_t           *stream;
    ngx_http_selkies_worker_t  *w = &ngx_http_selkies_worker;

    if (display->pool == NULL) {
        display->source->generation =
                                (uint32_t) ngx_http_selkies_cycle->generation;
    }

    ngx_http_selkies_lock();
    stream = selkies_stream_hold(w->shared, w->entry, display->source,
                                 differs);
    ngx_http_selkies_unlock();

    if (stream != NULL) {
        display->stream = stream;
        display->index = selkies_stream_index(w->shared, stream);
        display->ring = selkies_stream_ring(w->shared, stream);
        display->join = selkies_stream_join(w->shared, stream);
        display->sound = selkies_stream_audio(w->shared, stream);
    }

    return stream;
}


static void
ngx_http_selkies_release_display(ngx_http_selkies_display_t *display,
    ngx_uint_t forget)
{
    ngx_http_selkies_worker_t  *w = &ngx_http_selkies_worker;

    if (display->stream != NULL && w->entry != NULL) {
        ngx_http_selkies_lock();
        selkies_stream_release(w->shared, w->entry, display->stream, forget);
        ngx_http_selkies_unlock();
    }

    display->stream = NULL;
    display->ring = NULL;
    display->join = NULL;
    display->sound = NULL;
}


void
ngx_http_selkies_attach_displays(void)
{
    bool                          differs;
    ngx_queue_t                  *q, *displays;
    ngx_http_selkies_display_t   *display;

    displays = &ngx_http_selkies_worker.conf->displays;

    for (q = ngx_queue_head(displays);
         q != ngx_queue_sentinel(displays);
         q = ngx_queue_next(q))
    {
        display = ngx_queue_data(q, ngx_http_selkies_display_t, queue);

        if (display->reserved && display->stream == NULL) {
            (void) ngx_http_selkies_hold_display(display, &differs);
        }
    }
}


ngx_http_selkies_display_t *
ngx_http_selkies_display_at(ngx_uint_t index, ngx_uint_t adopt)
{
    bool                          differs;
    ngx_queue_t                  *q, *displays;
    selkies_source_t              source;
    ngx_http_selkies_worker_t    *w = &ngx_http_selkies_worker;
    ngx_http_selkies_display_t   *display;

    displays = &w->conf->displays;

    for (q = ngx_queue_head(displays);
         q != ngx_queue_sentinel(displays);
         q = ngx_queue_next(q))
    {
        display = ngx_queue_data(q, ngx_http_selkies_display_t, queue);

        if (display->stream != NULL && display->index == index) {
            return display;
        }
    }

    if (!adopt || w->entry == NULL || w->quitting) {
        return NULL;
    }

    ngx_http_selkies_lock();
    source = w->shared->streams[index].source;
    ngx_http_selkies_unlock();

    /* an older generation's clients go, and its numbers mean nothing here */

    if (source.display[0] == '\0'
        || source.generation != ngx_http_selkies_cycle->generation)
    {
        return NULL;
    }

    display = ngx_http_selkies_match_display(&source);

    if (display == NULL) {
        display = source.screen == 0
                  ? ngx_http_selkies_create_display(&source)
                  : ngx_http_selkies_adopt_screen(&source, index);
    }

    if (display == NULL || display->stream != NULL) {
        return NULL;
    }

    if (ngx_http_selkies_hold_display(display, &differs) == NULL) {

        if (display->pool != NULL) {
            ngx_http_selkies_destroy_display(display);
        }

        return NULL;
    }

    ngx_http_selkies_display_left(display);

    return display->index == index ? display : NULL;
}


/* A further screen that only other workers' clients have, and its primary. */

static ngx_http_selkies_display_t *
ngx_http_selkies_adopt_screen(const selkies_source_t *source, ngx_uint_t index)
{
    uint32_t                     desk;
    ngx_http_selkies_worker_t   *w = &ngx_http_selkies_worker;
    ngx_http_selkies_display_t  *primary;

    desk = atomic_load(&w->shared->streams[index].desk);

    if (desk == 0 || desk - 1 == index) {
        return NULL;
    }

    primary = ngx_http_selkies_display_at(desk - 1, 1);

    return primary ? ngx_http_selkies_create_screen(primary, source) : NULL;
}


void
ngx_http_selkies_display_left(ngx_http_selkies_display_t *display)
{
    if (!ngx_queue_empty(&display->sessions) || display->nscreens != 0) {
        return;
    }

    if (display->retired && display->pool == NULL) {
        ngx_http_selkies_release_display(display, 0);
        return;
    }

    if (display->pool != NULL) {
        ngx_add_timer(&display->timer, display->retired ? 1 : display->idle);
    }
}


static void
ngx_http_selkies_display_timer(ngx_event_t *ev)
{
    ngx_connection_t  *dummy = ev->data;

    (void) ngx_http_selkies_unuse_display(dummy->data);
}


ngx_int_t
ngx_http_selkies_unuse_display(ngx_http_selkies_display_t *display)
{
    if (display->pool == NULL || display->engine != NULL
        || display->audio != NULL || display->timer.timer_set
        || display->nscreens != 0
        || !ngx_queue_empty(&display->sessions))
    {
        return NGX_DECLINED;
    }

    /* gamepads stay as long as any worker has a client, seen or not */

    if (display->pads != NULL
        && selkies_stream_count(ngx_http_selkies_worker.shared,
                                (uint32_t) display->index,
                                SELKIES_COUNT_SOCKETS)
           != 0)
    {
        ngx_add_timer(&display->timer,
                      ngx_max(display->idle, NGX_HTTP_SELKIES_AGAIN_MS));
        return NGX_DECLINED;
    }

    /* its connection was cut: a thread in Xlib comes back at once */

    if (selkies_clip_stop(display->clip, NGX_HTTP_SELKIES_BRIEF_MS)
        == SELKIES_OK)
    {
        display->clip = NULL;
    }

    ngx_http_selkies_microphone_reap(display);

    if (display->clip != NULL || display->microphone != NULL
        || selkies_control_stop(display->control, NGX_HTTP_SELKIES_BRIEF_MS)
           != SELKIES_OK)
    {
        display->ending = 1;
        ngx_add_timer(&display->timer, NGX_HTTP_SELKIES_AGAIN_MS);
        return NGX_AGAIN;
    }

    display->control = NULL;

    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                  "display \"%V\" is let go: nobody uses it", &display->name);

    ngx_http_selkies_gamepads_close(display);
    ngx_http_selkies_release_display(display, !display->retired);
    ngx_http_selkies_destroy_display(display);

    return NGX_OK;
}


void
ngx_http_selkies_retire_displays(ngx_queue_t *displays)
{
    ngx_queue_t                 *q, *next;
    ngx_http_selkies_display_t  *display;

    for (q = ngx_queue_head(displays);
         q != ngx_queue_sentinel(displays);
         q = next)
    {
        next = ngx_queue_next(q);
        display = ngx_queue_data(q, ngx_http_selkies_display_t, queue);

        display->retired = 1;

        if (display->timer.timer_set) {
            ngx_del_timer(&display->timer);
        }

        /* the list goes with its configuration */

        ngx_queue_remove(q);
        ngx_queue_init(q);

        if (!ngx_queue_empty(&display->sessions)) {
            continue;
        }

        if (display->pool != NULL) {
            (void) ngx_http_selkies_unuse_display(display);

        } else if (display->nscreens == 0) {
            ngx_http_selkies_release_display(display, 0);
        }
    }
}
