
/*
 * Copyright (C) ngx_selkies authors
 *
 * Further screens of a display: a page that claims "display2" leaves the
 * primary's clients and joins those of a display of its own, which shows
 * another part of the same X screen.
 *
 * Thread: the event loop.
 */


#include "ngx_http_selkies_worker.h"


#define NGX_HTTP_SELKIES_SCREEN_MS  3000    /* a further one stays so long */


ngx_uint_t
ngx_http_selkies_screens_allowed(ngx_http_selkies_session_t *s)
{
    return s->settings.values[SELKIES_SET_SECOND_SCREEN] != 0
           && ngx_http_selkies_worker.conf->streams > 1;
}


const char *
ngx_http_selkies_screen_id(ngx_http_selkies_display_t *display)
{
    return selkies_screen_name(display->source->screen);
}


ngx_int_t
ngx_http_selkies_screens_move(ngx_http_selkies_session_t *s, uint32_t screen)
{
    selkies_source_t             source;
    ngx_http_selkies_display_t  *display, *primary;

    primary = s->display;

    if (screen == primary->source->screen) {
        return NGX_OK;
    }

    if (primary->source->screen != 0 || !ngx_http_selkies_screens_allowed(s)) {
        return NGX_DECLINED;
    }

    source = *primary->source;
    source.screen = screen;
    source.idle_ms = NGX_HTTP_SELKIES_SCREEN_MS;
    source.generation = (uint32_t) ngx_http_selkies_cycle->generation;

    if (ngx_http_selkies_attach_screen(primary, &source, &display) != NGX_OK) {
        return NGX_DECLINED;
    }

    ngx_http_selkies_session_unwatch(s);
    ngx_http_selkies_audio_leave(s);
    ngx_http_selkies_microphone_leave(s);
    ngx_http_selkies_caption_leave(s);
    ngx_http_selkies_worker_move(s, display);

    /* nothing of the other stream is known here */

    s->next = 0;
    s->join = 0;
    s->epoch = 0;
    s->cursor = 0;
    s->state = SELKIES_STREAM_OFF;
    s->need_key = 1;

    return NGX_OK;
}


size_t
ngx_http_selkies_screens_config(ngx_http_selkies_session_t *s, u_char *buf,
    size_t size)
{
    uint32_t           i;
    ngx_uint_t         n;
    const char        *names[SELKIES_SCREENS_MAX];
    selkies_stream_t  *screens[SELKIES_SCREENS_MAX];

    (void) selkies_stream_screens(ngx_http_selkies_shared(),
                                  s->display->stream, screens);
    s->screens = 0;

    /* the primary is there also while nobody wants anything of it */

    for (i = 0, n = 0; i < SELKIES_SCREENS_MAX; i++) {
        if (i == 0 || screens[i] != NULL) {
            s->screens |= 1u << i;
            names[n++] = selkies_screen_name(i);
        }
    }

    return selkies_format_display_config(buf, size, names, n);
}


void
ngx_http_selkies_screens_wake(ngx_http_selkies_session_t *s)
{
    size_t             len;
    u_char             buf[256];
    uint32_t           i, there;
    selkies_stream_t  *screens[SELKIES_SCREENS_MAX];

    if (s->screens == 0) {

        /* it has not been told of any yet */

        return;
    }

    (void) selkies_stream_screens(ngx_http_selkies_shared(),
                                  s->display->stream, screens);

    for (i = 1, there = 1; i < SELKIES_SCREENS_MAX; i++) {
        there |= (screens[i] != NULL) ? 1u << i : 0;
    }

    if (there != s->screens) {
        len = ngx_http_selkies_screens_config(s, buf, sizeof(buf));
        ngx_http_selkies_text(s, buf, len);
    }
}


void
ngx_http_selkies_screens_point(ngx_http_selkies_session_t *s, int32_t *x,
    int32_t *y)
{
    uint64_t  area;

    area = atomic_load(&s->display->stream->engine_area);

    if (area == SELKIES_AREA_ALL || area == SELKIES_AREA_NONE) {
        return;
    }

    *x = ngx_max(0, ngx_min(*x, selkies_area_width(area) - 1));
    *y = ngx_max(0, ngx_min(*y, selkies_area_height(area) - 1));

    *x += selkies_area_x(area);
    *y += selkies_area_y(area);
}
