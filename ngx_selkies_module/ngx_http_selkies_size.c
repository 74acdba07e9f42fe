
/*
 * Copyright (C) ngx_selkies authors
 *
 * The size that a controller wants its screen to have, and when it is asked
 * of the desktop.
 *
 * Thread: the event loop.
 */


#include "ngx_http_selkies_module.h"

#include "../encoders/encoder.h"


#define NGX_HTTP_SELKIES_CLAIM_MS     150       /* for a stock page's `r,` */
#define NGX_HTTP_SELKIES_RESIZE_MS    250
#define NGX_HTTP_SELKIES_RESIZED_MS   2500


static void ngx_http_selkies_max_size(ngx_http_selkies_session_t *s,
    int32_t *width, int32_t *height);
static void ngx_http_selkies_want_size(ngx_http_selkies_session_t *s,
    int32_t width, int32_t height, ngx_msec_t delay);
static ngx_uint_t ngx_http_selkies_has_size(ngx_http_selkies_session_t *s);


void
ngx_http_selkies_wish_size(ngx_http_selkies_session_t *s,
    selkies_settings_result_t *result, ngx_uint_t first)
{
    int32_t  width, height, max_width, max_height;

    ngx_http_selkies_max_size(s, &max_width, &max_height);

    if (selkies_settings_size(s->conf->effective, &s->settings, result,
                              (int) first, max_width, max_height, &width,
                              &height))
    {
        ngx_http_selkies_want_size(s, width, height,
                                   s->extended || !first
                                   ? 0 : NGX_HTTP_SELKIES_CLAIM_MS);
    }
}


static void
ngx_http_selkies_max_size(ngx_http_selkies_session_t *s, int32_t *width,
    int32_t *height)
{
    *width = (int32_t) ngx_min(s->conf->max_width, SELKIES_ENCODER_WIDTH_MAX);
    *height = (int32_t) ngx_min(s->conf->max_height,
                                SELKIES_ENCODER_HEIGHT_MAX);
}


/*
 * The newest size wins; four a second are carried out.  What a stock page says
 * first it often corrects at once, so a claim waits for that, but not where it
 * is of the size that the screen has.
 */

static void
ngx_http_selkies_want_size(ngx_http_selkies_session_t *s, int32_t width,
    int32_t height, ngx_msec_t delay)
{
    uint64_t    wanted;
    ngx_msec_t  since;

    wanted = atomic_load(&s->display->stream->wanted_size);

    if (selkies_size_width(wanted) == (uint32_t) width
        && selkies_size_height(wanted) == (uint32_t) height)
    {
        atomic_store(&s->display->stream->claimed_size, 0);
        s->size_pending = 0;
        s->size_until = ngx_current_msec + NGX_HTTP_SELKIES_RESIZED_MS;
        ngx_http_selkies_disarm(s, NGX_HTTP_SELKIES_RESIZE);
        return;
    }

    since = ngx_current_msec - s->resized;

    if (s->resized != 0 && since < NGX_HTTP_SELKIES_RESIZE_MS
        && delay < NGX_HTTP_SELKIES_RESIZE_MS - since)
    {
        delay = NGX_HTTP_SELKIES_RESIZE_MS - since;
    }

    s->width = width;
    s->height = height;
    s->size_pending = 1;
    s->size_claimed = delay == NGX_HTTP_SELKIES_CLAIM_MS;
    ngx_http_selkies_session_update_gate(s);

    if (delay == 0 || ngx_http_selkies_has_size(s)) {
        ngx_http_selkies_apply_size(s);
        return;
    }

    if (s->size_claimed) {
        atomic_store(&s->display->stream->claimed_size,
                     selkies_size_pack(0, (uint32_t) width,
                                       (uint32_t) height));
    }

    ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_RESIZE, delay);
}


/* Whether what is claimed, and waits, is the size that the screen has. */

static ngx_uint_t
ngx_http_selkies_has_size(ngx_http_selkies_session_t *s)
{
    uint64_t  screen;

    screen = atomic_load(&s->display->stream->engine_screen);

    return s->size_pending && s->size_claimed
           && selkies_size_width(screen) == (uint32_t) s->width
           && selkies_size_height(screen) == (uint32_t) s->height;
}


void
ngx_http_selkies_check_size(ngx_http_selkies_session_t *s)
{
    if (ngx_http_selkies_has_size(s)) {
        ngx_http_selkies_apply_size(s);
    }
}


void
ngx_http_selkies_apply_size(ngx_http_selkies_session_t *s)
{
    uint64_t           wanted, size;
    selkies_stream_t  *stream = s->display->stream;

    ngx_http_selkies_disarm(s, NGX_HTTP_SELKIES_RESIZE);

    if (!s->size_pending) {
        return;
    }

    s->size_pending = 0;

    if (!s->owner) {
        return;
    }

    atomic_store(&stream->claimed_size, 0);
    wanted = atomic_load(&stream->wanted_size);

    do {
        size = selkies_size_pack(selkies_size_serial(wanted) + 1,
                                 (uint32_t) s->width, (uint32_t) s->height);

    } while (!atomic_compare_exchange_weak(&stream->wanted_size, &wanted,
                                           size));

    s->resized = ngx_current_msec;
    s->size_until = ngx_current_msec + NGX_HTTP_SELKIES_RESIZED_MS;

    ngx_http_selkies_session_update_gate(s);
    ngx_http_selkies_ring_desktop(s->display);
    ngx_http_selkies_ring_display(s->display);
}


void
ngx_http_selkies_resize(ngx_http_selkies_session_t *s, selkies_command_t *cmd)
{
    int32_t          width, height, max_width, max_height;
    uint32_t         screen;
    selkies_span_t  *id;

    id = &cmd->u.resize.display_id;

    if (!selkies_screen_find((char *) id->data, id->len, &screen)
        || screen != s->display->source->screen)
    {
        return;
    }

    width = cmd->u.resize.width;
    height = cmd->u.resize.height;

    ngx_http_selkies_max_size(s, &max_width, &max_height);

    if (selkies_settings_resize(s->conf->effective, &s->settings, max_width,
                                max_height, &width, &height))
    {
        ngx_http_selkies_want_size(s, width, height, 0);
    }
}
