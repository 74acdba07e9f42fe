
/*
 * Copyright (C) ngx_selkies authors
 *
 * Verbs of keyboard and pointer, and how many of them a client may send.
 *
 * Thread: the event loop; what is done with them, selkies_control.h.
 */


#include "ngx_http_selkies_module.h"


#define NGX_HTTP_SELKIES_HELD_MS      2000
#define NGX_HTTP_SELKIES_EXCESS       3         /* seconds of too much input */


static selkies_control_t *ngx_http_selkies_holder(
    ngx_http_selkies_session_t *s);


/* Seconds with more than the rate in a row end the session. */

ngx_uint_t
ngx_http_selkies_too_fast(ngx_http_selkies_session_t *s)
{
    if (s->input_second != ngx_time()) {

        if (s->input_count <= s->conf->input_rate
            || ngx_time() - s->input_second > 1)
        {
            s->input_excess = 0;

        } else if (++s->input_excess >= NGX_HTTP_SELKIES_EXCESS) {
            ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                          "client sends more than %ui input messages a "
                          "second", s->conf->input_rate);
            ngx_http_selkies_close(s, SELKIES_CLOSE_POLICY,
                                   "too much input");
            return 1;
        }

        s->input_second = ngx_time();
        s->input_count = 0;
    }

    s->input_count++;

    return 0;
}


void
ngx_http_selkies_key(ngx_http_selkies_session_t *s, selkies_command_t *cmd)
{
    selkies_control_t  *control;

    control = ngx_http_selkies_holder(s);

    if (control != NULL) {
        selkies_control_key(control, s->held, cmd->u.keysym,
                            cmd->verb == SELKIES_VERB_KEY_DOWN);
    }
}


void
ngx_http_selkies_key_held(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd)
{
    size_t              n;
    uint32_t            keysyms[SELKIES_CONTROL_HELD], keysym;
    selkies_control_t  *control;

    control = ngx_http_selkies_holder(s);

    if (control == NULL) {
        return;
    }

    for (n = 0; /* void */ ; n++) {
        keysym = selkies_next_keysym(&cmd->u.keys);

        if (keysym == 0) {
            break;
        }

        if (n == SELKIES_CONTROL_HELD) {

            /* nobody has so many fingers: a part would release the rest */

            return;
        }

        keysyms[n] = keysym;
    }

    selkies_control_held(control, s->held, keysyms, n);
}


void
ngx_http_selkies_key_reset(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd)
{
    if (s->held != NULL && s->display->control != NULL) {
        selkies_control_release(s->display->control, s->held);
    }
}


void
ngx_http_selkies_pointer(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd)
{
    int32_t             x, y;
    selkies_control_t  *control;

    control = ngx_http_selkies_holder(s);

    if (control != NULL) {
        x = cmd->u.pointer.x;
        y = cmd->u.pointer.y;

        if (cmd->verb == SELKIES_VERB_POINTER) {
            ngx_http_selkies_screens_point(s, &x, &y);
        }

        selkies_control_pointer(control, s->held,
                                cmd->verb == SELKIES_VERB_POINTER_RELATIVE,
                                x, y,
                                cmd->u.pointer.mask,
                                cmd->u.pointer.magnitude);
    }
}


void
ngx_http_selkies_type(ngx_http_selkies_session_t *s, selkies_command_t *cmd)
{
    selkies_control_t  *control;

    control = ngx_http_selkies_holder(s);

    if (control != NULL
        && !selkies_control_text(control, s->held,
                                 (const uint8_t *) cmd->u.text.data,
                                 cmd->u.text.len))
    {
        ngx_log_error(NGX_LOG_WARN, s->connection->log, 0,
                      "%uz bytes of text are not typed: too much before them "
                      "still has to be", cmd->u.text.len);
    }
}


/* The input thread, with this session among its clients. */

static selkies_control_t *
ngx_http_selkies_holder(ngx_http_selkies_session_t *s)
{
    selkies_control_t  *control;

    control = ngx_http_selkies_control(s->display);

    if (control == NULL) {
        return NULL;
    }

    if (s->held == NULL) {
        s->held = selkies_control_join(control,
                                       s->dialect == SELKIES_DIALECT_1
                                       && !s->extended);
        if (s->held == NULL) {
            return NULL;
        }

        ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_HEARTBEAT,
                             NGX_HTTP_SELKIES_HELD_MS);
    }

    return control;
}
