
/*
 * Copyright (C) ngx_selkies authors
 *
 * What clients do with gamepads (protocol.md 12): who may use which, what they
 * hold, and that it is let go with them.
 *
 * Thread: the event loop.
 */


#include "ngx_http_selkies_module.h"


#define NGX_HTTP_SELKIES_PADS_MS  2000


static void ngx_http_selkies_change_pad(ngx_http_selkies_session_t *s,
    ngx_uint_t pad, selkies_pad_change_t *change);
static void ngx_http_selkies_release_pad(ngx_http_selkies_session_t *s,
    ngx_uint_t pad);
static void ngx_http_selkies_watch_pads(ngx_http_selkies_session_t *s);


ngx_uint_t
ngx_http_selkies_has_pads(ngx_http_selkies_display_t *display)
{
    return display->primary == NULL
           && (display->pads_folder != NULL
               || display->source->pads_folder[0] != '\0');
}


ngx_uint_t
ngx_http_selkies_may_use_pad(ngx_http_selkies_session_t *s, ngx_uint_t pad)
{
    ngx_uint_t  slot;

    if (!s->conf->effective->values[SELKIES_SET_GAMEPAD_ENABLED].number) {
        return 0;
    }

    /* several people at the controller's page may have a pad each */

    if (s->owner) {
        return 1;
    }

    /* a link page has its one slot; those of dialect 1 cannot say which */

    slot = pad + 1;

    return slot > 1 && !s->capped && (!s->lowered || s->slot == slot)
           && ngx_http_selkies_sharing_slot(s, slot);
}


void
ngx_http_selkies_pad(ngx_http_selkies_session_t *s, selkies_command_t *cmd)
{
    ngx_uint_t             pad;
    selkies_pad_change_t   change;

    pad = cmd->u.gamepad.index;
    s->pads_heard = ngx_current_msec;
    s->pads_used |= 1U << pad;

    switch (cmd->verb) {

    case SELKIES_VERB_GAMEPAD_DISCONNECT:
        ngx_http_selkies_release_pad(s, pad);
        s->pads_used &= ~(1U << pad);
        break;

    case SELKIES_VERB_GAMEPAD_HELD:
        s->pads_beat = 1;
        break;

    case SELKIES_VERB_GAMEPAD_BUTTON:

        if (selkies_pad_button(&s->pads[pad], cmd->u.gamepad.control,
                               cmd->u.gamepad.value, &change))
        {
            ngx_http_selkies_change_pad(s, pad, &change);
        }

        break;

    case SELKIES_VERB_GAMEPAD_AXIS:

        if (selkies_pad_axis(&s->pads[pad], cmd->u.gamepad.control,
                             cmd->u.gamepad.value, &change))
        {
            ngx_http_selkies_change_pad(s, pad, &change);
        }

        break;

    default:
        break;
    }

    ngx_http_selkies_watch_pads(s);
}


static void
ngx_http_selkies_change_pad(ngx_http_selkies_session_t *s, ngx_uint_t pad,
    selkies_pad_change_t *change)
{
    bool  changed;

    change->pad = (uint8_t) pad;

    ngx_http_selkies_lock();
    changed = selkies_pads_set(&s->display->stream->pads,
                               (unsigned) ngx_http_selkies_worker_number(),
                               change);
    ngx_http_selkies_unlock();

    if (changed) {
        ngx_http_selkies_gamepads_changed(s->display);
    }
}


static void
ngx_http_selkies_release_pad(ngx_http_selkies_session_t *s, ngx_uint_t pad)
{
    selkies_pad_change_t  change;

    while (selkies_pad_release(&s->pads[pad], &change)) {
        ngx_http_selkies_change_pad(s, pad, &change);
    }
}


void
ngx_http_selkies_release_pads(ngx_http_selkies_session_t *s)
{
    ngx_uint_t  pad;

    for (pad = 0; pad < SELKIES_GAMEPADS; pad++) {
        ngx_http_selkies_release_pad(s, pad);
    }

    ngx_http_selkies_watch_pads(s);
}


/* While something is held, and no longer, a timer sees to it. */

static void
ngx_http_selkies_watch_pads(ngx_http_selkies_session_t *s)
{
    ngx_uint_t  pad, held;

    held = 0;

    for (pad = 0; pad < SELKIES_GAMEPADS; pad++) {
        held |= s->pads[pad].held;
    }

    if (held == 0) {
        ngx_http_selkies_disarm(s, NGX_HTTP_SELKIES_PADS);

    } else if (!(s->armed & (1U << NGX_HTTP_SELKIES_PADS))) {
        ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_PADS,
                             NGX_HTTP_SELKIES_PADS_MS);
    }
}


/*
 * The newer clients say ten times a second what they hold.  The older ones
 * say nothing of it, but those that control acknowledge pictures all the time.
 */

void
ngx_http_selkies_pads_due(ngx_http_selkies_session_t *s)
{
    ngx_msec_t  silent;

    silent = ngx_current_msec - (s->pads_beat ? s->pads_heard : s->heard);

    if (silent >= NGX_HTTP_SELKIES_PADS_MS && (s->pads_beat || s->acks)) {
        ngx_http_selkies_release_pads(s);
        return;
    }

    ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_PADS,
                         silent < NGX_HTTP_SELKIES_PADS_MS
                         ? NGX_HTTP_SELKIES_PADS_MS - silent
                         : NGX_HTTP_SELKIES_PADS_MS);
}


void
ngx_http_selkies_send_rumble(ngx_http_selkies_session_t *s)
{
    size_t                     len;
    u_char                     buf[128];
    uint32_t                   n;
    ngx_uint_t                 pad;
    selkies_pads_t            *pads = &s->display->stream->pads;
    selkies_gamepad_rumble_t   rumble;

    if (!s->want_rumble || s->pads_used == 0) {
        return;
    }

    for (pad = 0; pad < SELKIES_GAMEPADS; pad++) {

        if (!(s->pads_used & (1U << pad))
            || atomic_load(&pads->nrumbles[pad]) == s->rumbled[pad])
        {
            continue;
        }

        ngx_http_selkies_lock();
        n = atomic_load(&pads->nrumbles[pad]);
        rumble = pads->rumbles[pad];
        ngx_http_selkies_unlock();

        s->rumbled[pad] = n;

        if (!ngx_http_selkies_may_use_pad(s, pad)) {
            continue;
        }

        len = selkies_format_rumble(buf, sizeof(buf), (uint32_t) pad,
                                    (double) rumble.strong / UINT16_MAX,
                                    (double) rumble.weak / UINT16_MAX,
                                    rumble.duration_ms);
        ngx_http_selkies_text(s, buf, len);
    }
}
