
/*
 * Copyright (C) ngx_selkies authors
 *
 * What a client puts on the desktop's clipboard.  See
 * ngx_http_selkies_clipboard.h.
 */


#include "ngx_http_selkies_clipboard.h"

#include "../encoders/repack.h"


#define NGX_HTTP_SELKIES_CLIP_RATE  10          /* transfers a second */
#define NGX_HTTP_SELKIES_REAP_MS    2000        /* for a thread to end */
#define NGX_HTTP_SELKIES_FIRST_MS   250         /* for a first picture */


static ngx_uint_t ngx_http_selkies_clip_is_html(const char *mime, size_t len);
static ngx_uint_t ngx_http_selkies_clip_begins(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);
static void ngx_http_selkies_clip_result(ngx_http_selkies_session_t *s,
    selkies_transfer_status_t rc);
static void ngx_http_selkies_clip_whole(ngx_http_selkies_session_t *s);
static void ngx_http_selkies_clip_set(ngx_http_selkies_session_t *s,
    selkies_content_t *content);


ngx_http_selkies_clipboard_t *
ngx_http_selkies_clipboard(ngx_http_selkies_session_t *s)
{
    if (s->clipboard == NULL) {
        s->clipboard = ngx_pcalloc(s->request->pool,
                                   sizeof(ngx_http_selkies_clipboard_t));

        if (s->clipboard != NULL) {
            s->clipboard->window = NGX_HTTP_SELKIES_CHUNKS_FIRST;
        }
    }

    return s->clipboard;
}


selkies_clip_t *
ngx_http_selkies_clip(ngx_http_selkies_session_t *s)
{
    ngx_http_selkies_display_t  *display = s->display;

    if (display->clip == NULL && !ngx_http_selkies_leaving()) {
        display->clip = selkies_clip_start(display->source->display,
                               display->source->xauthority[0]
                               ? display->source->xauthority : NULL,
                               ngx_http_selkies_ring_self,
                               &ngx_http_selkies_log);
    }

    return display->clip;
}


/* Nobody controls the display, and what was pasted in is somebody else's. */

void
ngx_http_selkies_clipboard_reap(ngx_http_selkies_display_t *display)
{
    if (display->clip != NULL && selkies_clip_is_idle(display->clip)
        && selkies_clip_stop(display->clip, NGX_HTTP_SELKIES_REAP_MS)
           == SELKIES_OK)
    {
        display->clip = NULL;
    }
}


ngx_uint_t
ngx_http_selkies_clip_allowed(ngx_http_selkies_session_t *s,
    ngx_uint_t direction)
{
    return s->owner && s->settings.values[SELKIES_SET_CLIPBOARD_ENABLED]
           && s->settings.values[direction];
}


unsigned
ngx_http_selkies_clip_want(ngx_http_selkies_session_t *s)
{
    unsigned  want;

    want = s->html ? SELKIES_CLIPBOARD_HTML : 0;

    if (s->settings.values[SELKIES_SET_ENABLE_BINARY_CLIPBOARD]) {
        want |= SELKIES_CLIPBOARD_IMAGES;
    }

    return want;
}


void
ngx_http_selkies_clipboard_watch(ngx_http_selkies_session_t *s)
{
    selkies_clip_t  *clip;

    if (!ngx_http_selkies_clip_allowed(s, SELKIES_SET_CLIPBOARD_OUT_ENABLED)) {
        return;
    }

    if (ngx_http_selkies_clipboard_waits(s)) {
        s->clip_watch = 1;
        return;
    }

    clip = ngx_http_selkies_clip(s);

    if (clip != NULL && ngx_http_selkies_clipboard(s) != NULL) {
        s->display->clip_reader = s->id;
        selkies_clip_watch(clip, s->conf->clipboard_max_size,
                           ngx_http_selkies_clip_want(s));
    }
}


ngx_uint_t
ngx_http_selkies_clipboard_waits(ngx_http_selkies_session_t *s)
{
    if (s->display->clip != NULL || s->pictures != 0 || s->clip_waited) {
        return 0;
    }

    if (!s->clip_watch && !s->clip_read) {
        ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_CLIPBOARD,
                             NGX_HTTP_SELKIES_FIRST_MS);
    }

    return 1;
}


void
ngx_http_selkies_clipboard_due(ngx_http_selkies_session_t *s)
{
    ngx_uint_t         read;
    selkies_command_t  cmd;

    ngx_http_selkies_disarm(s, NGX_HTTP_SELKIES_CLIPBOARD);
    s->clip_waited = 1;
    read = s->clip_read;
    s->clip_read = 0;

    if (s->clip_watch) {
        s->clip_watch = 0;
        ngx_http_selkies_clipboard_watch(s);
    }

    if (read) {
        ngx_memzero(&cmd, sizeof(selkies_command_t));
        cmd.verb = SELKIES_VERB_CLIPBOARD_READ;
        ngx_http_selkies_clipboard_read(s, &cmd);
    }
}


void
ngx_http_selkies_clipboard_leave(ngx_http_selkies_session_t *s)
{
    ngx_http_selkies_clipboard_t  *cb = s->clipboard;

    s->clip_watch = 0;
    s->clip_read = 0;

    if (s->display->clip != NULL && s->display->clip_reader == s->id) {
        s->display->clip_reader = 0;
        selkies_clip_watch(s->display->clip, 0, 0);
    }

    if (cb != NULL) {
        selkies_transfer_abort(&cb->transfer);
        selkies_content_drop(cb->html);
        selkies_content_drop(cb->out);
        cb->html = NULL;
        cb->out = NULL;
        cb->reads = 0;
    }
}


void
ngx_http_selkies_clipboard_set(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd)
{
    if (ngx_http_selkies_clip_begins(s, cmd)) {
        ngx_http_selkies_clip_result(s,
                        selkies_transfer_set(&s->clipboard->transfer, cmd,
                                             s->conf->clipboard_max_size));
    }
}


void
ngx_http_selkies_clipboard_start(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd)
{
    if (ngx_http_selkies_clip_begins(s, cmd)) {
        ngx_http_selkies_clip_result(s,
                        selkies_transfer_start(&s->clipboard->transfer, cmd,
                                               s->conf->clipboard_max_size));
    }
}


void
ngx_http_selkies_clipboard_data(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd)
{
    if (s->clipboard != NULL) {
        ngx_http_selkies_clip_result(s,
                        selkies_transfer_data(&s->clipboard->transfer, cmd));
    }
}


void
ngx_http_selkies_clipboard_end(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd)
{
    if (s->clipboard != NULL) {
        ngx_http_selkies_clip_result(s,
                        selkies_transfer_end(&s->clipboard->transfer, cmd));
    }
}


static ngx_uint_t
ngx_http_selkies_clip_is_html(const char *mime, size_t len)
{
    return len == sizeof("text/html") - 1
           && ngx_strncmp(mime, "text/html", len) == 0;
}


/* Whether a transfer may begin; the one before it ends in any case. */

static ngx_uint_t
ngx_http_selkies_clip_begins(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd)
{
    ngx_http_selkies_clipboard_t  *cb;

    cb = ngx_http_selkies_clipboard(s);

    if (cb == NULL) {
        return 0;
    }

    selkies_transfer_abort(&cb->transfer);
    cb->refused = 1;

    if (cb->second != ngx_time()) {
        cb->second = ngx_time();
        cb->count = 0;
    }

    if (cb->count++ >= NGX_HTTP_SELKIES_CLIP_RATE) {

        /* one answer a second: who sends too fast is not answered as fast */

        if (cb->count == NGX_HTTP_SELKIES_CLIP_RATE + 1) {
            ngx_http_selkies_clip_refuse(s, "in",
                                         NGX_HTTP_SELKIES_CLIP_TOO_FAST);
        }

        return 0;
    }

    /* HTML beside text is no image */

    if (!ngx_http_selkies_clip_allowed(s, SELKIES_SET_CLIPBOARD_IN_ENABLED)
        || (cmd->u.clipboard.binary
            && !(s->html && ngx_http_selkies_clip_is_html(
                                          (char *) cmd->u.clipboard.mime.data,
                                          cmd->u.clipboard.mime.len))
            && !s->settings.values[SELKIES_SET_ENABLE_BINARY_CLIPBOARD]))
    {
        ngx_http_selkies_clip_refuse(s, "in", NGX_HTTP_SELKIES_CLIP_DISABLED);
        return 0;
    }

    if (cmd->u.clipboard.binary
        && !selkies_content_is_known((char *) cmd->u.clipboard.mime.data,
                                     cmd->u.clipboard.mime.len))
    {
        ngx_http_selkies_clip_refuse(s, "in", NGX_HTTP_SELKIES_CLIP_TYPE);
        return 0;
    }

    cb->refused = 0;

    return 1;
}


static void
ngx_http_selkies_clip_result(ngx_http_selkies_session_t *s,
    selkies_transfer_status_t rc)
{
    ngx_http_selkies_clipboard_t  *cb = s->clipboard;

    switch (rc) {

    case SELKIES_TRANSFER_OK:
        return;

    case SELKIES_TRANSFER_DONE:
        ngx_http_selkies_clip_whole(s);
        return;

    case SELKIES_TRANSFER_TOO_LARGE:
        cb->refused = 1;
        ngx_http_selkies_clip_refuse(s, "in",
                                     NGX_HTTP_SELKIES_CLIP_TOO_LARGE);
        return;

    case SELKIES_TRANSFER_STRAY:

        /* the rest of one that was refused; the client may not know yet */

        if (cb->refused) {
            return;
        }

        /* fall through */

    default: /* SELKIES_TRANSFER_BROKEN, SELKIES_TRANSFER_NO_MEMORY */
        cb->refused = 1;
        ngx_http_selkies_clip_refuse(s, "in", NGX_HTTP_SELKIES_CLIP_BROKEN);
        return;
    }
}


static void
ngx_http_selkies_clip_whole(ngx_http_selkies_session_t *s)
{
    size_t                         len, mime_len;
    u_char                        *data;
    ngx_uint_t                     html;
    const char                    *mime;
    selkies_content_t             *content;
    ngx_http_selkies_clipboard_t  *cb = s->clipboard;

    /* a chunk that comes late is a stray one, and no news */

    cb->refused = 1;

    data = selkies_transfer_take(&cb->transfer, &len, &mime, &mime_len);
    html = ngx_http_selkies_clip_is_html(mime, mime_len);

    /* an empty clipboard is nothing to be put on another one */

    if (len == 0) {
        free(data);
        return;
    }

    if ((mime_len == sizeof("text/plain") - 1
         && ngx_strncmp(mime, "text/plain", mime_len) == 0
         && !selkies_content_is_utf8(data, len))
        || (html && !selkies_content_is_utf8(data, len)))
    {
        free(data);
        ngx_http_selkies_clip_refuse(s, "in", NGX_HTTP_SELKIES_CLIP_BROKEN);
        return;
    }

    if (mime_len == sizeof("image/png") - 1
        && ngx_strncmp(mime, "image/png", mime_len) == 0)
    {
        len = selkies_png_length(data, len);

        if (len == 0) {
            free(data);
            ngx_http_selkies_clip_refuse(s, "in", NGX_HTTP_SELKIES_CLIP_TYPE);
            return;
        }
    }

    content = selkies_content_create(s->id);

    if (content == NULL) {
        free(data);
        return;
    }

    (void) selkies_content_add(content, mime, mime_len, data, len);

    ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                  "clipboard of display \"%V\": %uz bytes of %s from the "
                  "client", &s->display->name, len, content->parts[0].mime);

    /* the text of it comes next (protocol.md 5.3, "html") */

    if (html && s->html) {
        selkies_content_drop(cb->html);
        cb->html = content;
        return;
    }

    if (cb->html != NULL) {

        if (ngx_strcmp(content->parts[0].mime, "text/plain") == 0
            && len + cb->html->parts[0].len <= s->conf->clipboard_max_size
            && selkies_content_add(content, "text/html",
                                   sizeof("text/html") - 1,
                                   cb->html->parts[0].data,
                                   cb->html->parts[0].len)
               == SELKIES_OK)
        {
            cb->html->nparts = 0;
        }

        selkies_content_drop(cb->html);
        cb->html = NULL;
    }

    ngx_http_selkies_clip_set(s, content);
}


/* Keys that follow wait until it can be pasted. */

static void
ngx_http_selkies_clip_set(ngx_http_selkies_session_t *s,
    selkies_content_t *content)
{
    uint32_t            ticket;
    selkies_clip_t     *clip;
    selkies_control_t  *control;

    clip = ngx_http_selkies_clip(s);
    control = ngx_http_selkies_control(s->display);

    if (clip == NULL || control == NULL) {
        selkies_content_drop(content);
        return;
    }

    ticket = selkies_clip_set(clip, control, content);

    selkies_control_fence(control, ticket);
    selkies_control_flush(control);
}


void
ngx_http_selkies_clip_refuse(ngx_http_selkies_session_t *s,
    const char *direction, ngx_http_selkies_clip_refusal_e refusal)
{
    size_t   len;
    u_char  *last, buf[256];

    static const struct {
        const char  *name;
        const char  *text;
    } refusals[] = {
        [NGX_HTTP_SELKIES_CLIP_TOO_LARGE] =
            { "too_large", "The clipboard is too large for this server." },
        [NGX_HTTP_SELKIES_CLIP_TOO_FAST] =
            { "too_fast", "Too many clipboard transfers." },
        [NGX_HTTP_SELKIES_CLIP_DISABLED] =
            { "disabled", "The server does not allow this clipboard." },
        [NGX_HTTP_SELKIES_CLIP_TYPE] =
            { "type", "This type of clipboard is not supported." },
        [NGX_HTTP_SELKIES_CLIP_BROKEN] =
            { "broken", "The clipboard did not arrive whole." }
    };

    ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                  "clipboard (%s) dropped: %s", direction,
                  refusals[refusal].name);

    if (s->extended) {
        last = ngx_snprintf(buf, sizeof(buf),
                            "{\"type\":\"clipboard_status\","
                            "\"direction\":\"%s\",\"reason\":\"%s\","
                            "\"max_bytes\":%uz}", direction,
                            refusals[refusal].name,
                            s->conf->clipboard_max_size);
        ngx_http_selkies_text(s, buf, (size_t) (last - buf));
        return;
    }

    if (s->dialect == SELKIES_DIALECT_2) {
        len = selkies_format_command_error(buf, sizeof(buf),
                                           refusals[refusal].text);
        ngx_http_selkies_text(s, buf, len);
    }
}
