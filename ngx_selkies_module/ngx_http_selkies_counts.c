
/*
 * Copyright (C) ngx_selkies authors
 *
 * What this worker's clients are to a display, counted where all workers see
 * it, and who is to look when a count has changed.
 *
 * Thread: the event loop.
 */


#include "ngx_http_selkies_worker.h"


uint32_t
ngx_http_selkies_count(ngx_http_selkies_display_t *display,
    selkies_count_e count, ngx_int_t n)
{
    selkies_worker_t  *entry = ngx_http_selkies_worker.entry;

    return atomic_fetch_add(&entry->watch[display->index].counts[count],
                            (uint32_t) n);
}


void
ngx_http_selkies_count_reader(ngx_http_selkies_display_t *display, ngx_int_t n)
{
    ngx_http_selkies_worker_t  *w = &ngx_http_selkies_worker;

    if (w->entry == NULL) {
        return;
    }

    (void) ngx_http_selkies_count(display, SELKIES_COUNT_READERS, n);

    ngx_http_selkies_ring_display(display);
    ngx_http_selkies_ring_desktop(display);

    /* the owner may have no engine yet */

    if (n > 0) {
        if (w->owner) {
            ngx_http_selkies_service();

        } else {
            ngx_http_selkies_ring_workers();
        }
    }
}


/* Who takes no lite pictures and watches gets an anchor instead of the last. */

void
ngx_http_selkies_count_plain(ngx_http_selkies_display_t *display, ngx_int_t n)
{
    ngx_http_selkies_worker_t  *w = &ngx_http_selkies_worker;

    if (w->entry != NULL) {
        (void) ngx_http_selkies_count(display, SELKIES_COUNT_PLAIN, n);
        ngx_http_selkies_ring_display(display);
    }
}


/* All are told which encoder is in force now. */

void
ngx_http_selkies_count_whole(ngx_http_selkies_display_t *display, ngx_int_t n)
{
    ngx_http_selkies_worker_t  *w = &ngx_http_selkies_worker;

    if (w->entry != NULL) {
        (void) ngx_http_selkies_count(display, SELKIES_COUNT_WHOLE, n);
        ngx_http_selkies_ring_display(display);
        ngx_http_selkies_ring_workers();
    }
}


void
ngx_http_selkies_count_listener(ngx_http_selkies_display_t *display,
    ngx_int_t n)
{
    ngx_http_selkies_worker_t  *w = &ngx_http_selkies_worker;

    if (w->entry == NULL) {
        return;
    }

    (void) ngx_http_selkies_count(display, SELKIES_COUNT_LISTENERS, n);
    ngx_http_selkies_ring_audio(display);

    /* as above */

    if (n > 0) {
        if (w->owner) {
            ngx_http_selkies_service();

        } else {
            ngx_http_selkies_ring_workers();
        }
    }
}


/* For whom sound of more channels is also made of two. */

void
ngx_http_selkies_count_stereo(ngx_http_selkies_display_t *display, ngx_int_t n)
{
    if (ngx_http_selkies_worker.entry != NULL) {
        (void) ngx_http_selkies_count(display, SELKIES_COUNT_STEREO, n);
    }
}


void
ngx_http_selkies_count_gate(ngx_http_selkies_display_t *display, ngx_int_t n)
{
    uint32_t                    before;
    ngx_http_selkies_worker_t  *w = &ngx_http_selkies_worker;

    if (w->entry == NULL) {
        return;
    }

    before = ngx_http_selkies_count(display, SELKIES_COUNT_GATES, n);

    if (before == 0 && n > 0) {
        ngx_http_selkies_ring_display(display);
    }
}
