
/*
 * Copyright (C) ngx_selkies authors
 *
 * A client's microphone: who may use it, and its thread, one a display.
 *
 * Thread: the event loop.
 */


#include "ngx_http_selkies_worker.h"


/* Stock clients send 187 messages a second; Opus of 2.5 ms would be 400. */

#define NGX_HTTP_SELKIES_MICROPHONE_RATE  1000


static selkies_microphone_t *ngx_http_selkies_microphone_of(
    ngx_http_selkies_session_t *s);
static void ngx_http_selkies_microphone_refuse(ngx_http_selkies_session_t *s);


ngx_uint_t
ngx_http_selkies_microphone_available(ngx_http_selkies_session_t *s)
{
    selkies_settings_t  *settings = s->conf->effective;

    return settings->values[SELKIES_SET_MICROPHONE_ENABLED].number
           && ngx_http_selkies_audio_available(s);
}


void
ngx_http_selkies_microphone(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd)
{
    ngx_uint_t             opus;
    selkies_microphone_t  *microphone;

    if (!ngx_http_selkies_microphone_available(s)) {
        ngx_http_selkies_microphone_refuse(s);
        return;
    }

    if (s->microphone_second != ngx_time()) {
        s->microphone_second = ngx_time();
        s->microphone_count = 0;
    }

    if (++s->microphone_count > NGX_HTTP_SELKIES_MICROPHONE_RATE) {
        return;
    }

    microphone = ngx_http_selkies_microphone_of(s);

    if (microphone != NULL) {
        opus = s->dialect == SELKIES_DIALECT_2 || s->opus_mic;

        (void) selkies_microphone_feed(microphone, cmd->u.payload.data,
                                       cmd->u.payload.len, opus);
    }
}


/* The older dialect has no word for it. */

static void
ngx_http_selkies_microphone_refuse(ngx_http_selkies_session_t *s)
{
    if (s->dialect == SELKIES_DIALECT_2 && !s->microphone_refused) {
        s->microphone_refused = 1;
        ngx_http_selkies_text_const(s, SELKIES_TEXT_MICROPHONE_DISABLED);
    }
}


/* New pages of dialect 2 have a camera; nothing here takes its pictures. */

void
ngx_http_selkies_webcam(ngx_http_selkies_session_t *s, selkies_command_t *cmd)
{
    if (s->dialect == SELKIES_DIALECT_2 && !s->webcam_refused) {
        s->webcam_refused = 1;
        ngx_http_selkies_text_const(s, SELKIES_TEXT_WEBCAM_DISABLED);
    }
}


/* Another's that has not ended yet: it will have by the next message or so. */

static selkies_microphone_t *
ngx_http_selkies_microphone_of(ngx_http_selkies_session_t *s)
{
    selkies_source_t            *source = s->display->source;
    ngx_http_selkies_display_t  *display = s->display;

    ngx_http_selkies_microphone_reap(display);

    if (display->microphone != NULL) {
        return display->speaker == s->id ? display->microphone : NULL;
    }

    if (ngx_http_selkies_leaving()) {
        return NULL;
    }

    display->speaker = s->id;
    display->microphone = selkies_microphone_start(source->pulse_server,
                              source->pulse_cookie[0] ? source->pulse_cookie
                                                      : NULL,
                              ngx_http_selkies_ring_self,
                              &ngx_http_selkies_log);

    return display->microphone;
}


void
ngx_http_selkies_microphone_leave(ngx_http_selkies_session_t *s)
{
    ngx_http_selkies_display_t  *display = s->display;

    if (display->microphone != NULL && display->speaker == s->id) {
        display->speaker = 0;
        selkies_microphone_end(display->microphone);
    }
}


void
ngx_http_selkies_microphone_reap(ngx_http_selkies_display_t *display)
{
    if (display->microphone != NULL
        && selkies_microphone_is_done(display->microphone)
        && selkies_microphone_stop(display->microphone,
                                   NGX_HTTP_SELKIES_JOIN_MS)
           == SELKIES_OK)
    {
        display->microphone = NULL;
    }
}
