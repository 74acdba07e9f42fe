
/*
 * Copyright (C) ngx_selkies authors
 *
 * What the desktop copies, on its way to the client that controls.  See
 * ngx_http_selkies_clipboard.h.
 */


#include "ngx_http_selkies_clipboard.h"


/* A multiple of 3, so that chunks can be joined; 48K on the wire. */

#define NGX_HTTP_SELKIES_CHUNK       (36 * 1024)
#define NGX_HTTP_SELKIES_CHUNK_TEXT                                          \
    (SELKIES_BASE64_BYTES(NGX_HTTP_SELKIES_CHUNK) + 256)

#define NGX_HTTP_SELKIES_CHUNK_US    25000      /* pongs may be late by this */


/* A ping that rides behind a chunk; other pings are of other sizes. */

typedef struct {
    u_char                       mark[4];
    uint32_t                     number;
    uint32_t                     session;
} ngx_http_selkies_chunk_ping_t;


static ngx_uint_t ngx_http_selkies_clip_replies(
    ngx_http_selkies_session_t *s);
static void ngx_http_selkies_clip_answer_empty(
    ngx_http_selkies_session_t *s);
static void ngx_http_selkies_clip_news(ngx_http_selkies_session_t *s,
    const selkies_clip_news_t *news);
static ngx_uint_t ngx_http_selkies_clip_sends(ngx_http_selkies_session_t *s,
    const selkies_content_part_t *part);
static void ngx_http_selkies_clip_send(ngx_http_selkies_session_t *s,
    selkies_content_t *content);
static void ngx_http_selkies_clip_sent(ngx_http_selkies_clipboard_t *cb);


/* The text of a chunk on its way to the queue. */

static u_char  ngx_http_selkies_chunk[NGX_HTTP_SELKIES_CHUNK_TEXT];


void
ngx_http_selkies_clipboard_read(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd)
{
    ngx_uint_t                     fresh;
    selkies_clip_t                *clip;
    ngx_http_selkies_clipboard_t  *cb;

    fresh = cmd->verb == SELKIES_VERB_CLIPBOARD_REQUEST;

    /* pages ask when they connect */

    if (!fresh && s->owner && ngx_http_selkies_clipboard_waits(s)) {
        s->clip_read = 1;
        return;
    }

    cb = ngx_http_selkies_clipboard(s);
    clip = NULL;

    if (cb != NULL
        && ngx_http_selkies_clip_allowed(s, SELKIES_SET_CLIPBOARD_OUT_ENABLED))
    {
        clip = ngx_http_selkies_clip(s);
    }

    if (clip == NULL) {

        if (!fresh) {
            ngx_http_selkies_clip_answer_empty(s);
        }

        return;
    }

    if (!fresh) {
        cb->reads = 1;
    }

    selkies_clip_read(clip, s->id, s->conf->clipboard_max_size,
                      ngx_http_selkies_clip_want(s), fresh);
}


/*
 * Pages that tell an answer from a change: what answers is not written to the
 * browser's clipboard.  They wait for one in any case.
 */

static ngx_uint_t
ngx_http_selkies_clip_replies(ngx_http_selkies_session_t *s)
{
    return s->dialect == SELKIES_DIALECT_2 || s->extended;
}


static void
ngx_http_selkies_clip_answer_empty(ngx_http_selkies_session_t *s)
{
    size_t  len;
    u_char  buf[32];

    if (!ngx_http_selkies_clip_replies(s)) {
        return;
    }

    ngx_http_selkies_text_const(s, SELKIES_TEXT_CLIPBOARD_REPLY);

    len = selkies_format_clipboard(buf, sizeof(buf), NULL, buf, 0);
    ngx_http_selkies_text(s, buf, len);
}


void
ngx_http_selkies_clipboard_wake(ngx_http_selkies_display_t *display)
{
    ngx_queue_t                 *q, *next;
    selkies_clip_news_t          news;
    ngx_http_selkies_session_t  *s;

    if (display->clip == NULL) {
        return;
    }

    while (selkies_clip_take(display->clip, &news)) {

        for (q = ngx_queue_head(&display->sessions);
             q != ngx_queue_sentinel(&display->sessions);
             q = next)
        {
            next = ngx_queue_next(q);
            s = ngx_queue_data(q, ngx_http_selkies_session_t, queue);

            if (!s->dead && !s->closing && s->clipboard != NULL
                && (news.reader == 0 ? display->clip_reader == s->id
                                     : news.reader == s->id)
                && ngx_http_selkies_clip_allowed(s,
                                           SELKIES_SET_CLIPBOARD_OUT_ENABLED))
            {
                ngx_http_selkies_clip_news(s, &news);
            }
        }

        selkies_content_drop(news.content);
    }
}


static void
ngx_http_selkies_clip_news(ngx_http_selkies_session_t *s,
    const selkies_clip_news_t *news)
{
    ngx_uint_t                     reads;
    ngx_http_selkies_clipboard_t  *cb = s->clipboard;

    reads = news->reader != 0 && cb->reads;

    if (news->reader != 0) {
        cb->reads = 0;
    }

    if (news->refused) {
        ngx_http_selkies_clip_refuse(s, "out",
                                     NGX_HTTP_SELKIES_CLIP_TOO_LARGE);
    }

    if (news->content == NULL
        || !ngx_http_selkies_clip_sends(s, &news->content->parts[0]))
    {
        if (reads) {
            ngx_http_selkies_clip_answer_empty(s);
        }

        return;
    }

    /* no echo: it has it from this client */

    if (news->reader == 0 && news->content->origin == s->id) {
        return;
    }

    /* a change that answers a question, too */

    if (!reads && news->serial == cb->serial) {
        return;
    }

    cb->serial = news->serial;

    if (reads && ngx_http_selkies_clip_replies(s)) {
        ngx_http_selkies_text_const(s, SELKIES_TEXT_CLIPBOARD_REPLY);
    }

    ngx_http_selkies_clip_send(s, news->content);
}


/* Whether the client takes that type. */

static ngx_uint_t
ngx_http_selkies_clip_sends(ngx_http_selkies_session_t *s,
    const selkies_content_part_t *part)
{
    if (ngx_strcmp(part->mime, "text/plain") == 0) {
        return 1;
    }

    if (ngx_strcmp(part->mime, "text/html") == 0) {
        return s->html;
    }

    return s->settings.values[SELKIES_SET_ENABLE_BINARY_CLIPBOARD] != 0;
}


/* A new one takes the place of one that is not all out. */

static void
ngx_http_selkies_clip_send(ngx_http_selkies_session_t *s,
    selkies_content_t *content)
{
    ngx_http_selkies_clipboard_t  *cb = s->clipboard;

    selkies_content_drop(cb->out);
    selkies_content_hold(content);

    cb->out = content;
    cb->part = content->nparts - 1;
    cb->pos = 0;
    cb->begun = 0;

    if (!ngx_http_selkies_clip_sends(s, &content->parts[cb->part])) {
        cb->part = 0;
    }

    ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                  "clipboard of display \"%V\": %uz bytes of %s to the client",
                  &s->display->name, content->parts[0].len,
                  content->parts[0].mime);

    ngx_http_selkies_send(s);
}


/*
 * Parts go last to first: a page keeps the HTML until its text comes.  Behind
 * each chunk of a large one rides a ping; while pongs are late, fewer chunks
 * are under way, so that pictures do not wait behind them.
 */

ngx_int_t
ngx_http_selkies_clipboard_next(ngx_http_selkies_session_t *s)
{
    size_t                          n, len;
    u_char                         *buf = ngx_http_selkies_chunk;
    selkies_content_part_t         *part;
    ngx_http_selkies_clipboard_t   *cb = s->clipboard;
    ngx_http_selkies_chunk_ping_t   ping;

    if (cb == NULL || cb->out == NULL || s->closing || s->dead
        || cb->sent - cb->acked >= cb->window)
    {
        return NGX_DECLINED;
    }

    part = &cb->out->parts[cb->part];

    if (part->len <= NGX_HTTP_SELKIES_CHUNK) {
        len = selkies_format_clipboard(buf, NGX_HTTP_SELKIES_CHUNK_TEXT,
                                       ngx_strcmp(part->mime, "text/plain")
                                       == 0 ? NULL : part->mime,
                                       part->data, part->len);
        cb->pos = part->len;

    } else if (!cb->begun) {
        len = selkies_format_clipboard_start(buf, NGX_HTTP_SELKIES_CHUNK_TEXT,
                                             part->mime, part->len);
        ngx_http_selkies_text(s, buf, len);
        cb->begun = 1;
        return NGX_OK;

    } else {
        n = ngx_min(part->len - cb->pos, NGX_HTTP_SELKIES_CHUNK);
        len = selkies_format_clipboard_data(buf, NGX_HTTP_SELKIES_CHUNK_TEXT,
                                            part->data + cb->pos, n);
        cb->pos += n;
    }

    ngx_http_selkies_text(s, buf, len);

    if (cb->begun) {
        cb->sent_us[cb->sent % NGX_HTTP_SELKIES_CHUNKS] = selkies_clock_us();
        cb->sent++;

        ngx_memcpy(ping.mark, "clip", 4);
        ping.number = cb->sent;
        ping.session = (uint32_t) s->id;

        ngx_http_selkies_queue(s, SELKIES_WEBSOCKET_PING, (u_char *) &ping,
                               sizeof(ngx_http_selkies_chunk_ping_t));
    }

    if (cb->pos == part->len) {

        if (cb->begun) {
            ngx_http_selkies_text_const(s, SELKIES_TEXT_CLIPBOARD_FINISH);
        }

        ngx_http_selkies_clip_sent(cb);
    }

    return NGX_OK;
}


static void
ngx_http_selkies_clip_sent(ngx_http_selkies_clipboard_t *cb)
{
    cb->pos = 0;
    cb->begun = 0;

    if (cb->part != 0) {
        cb->part--;
        return;
    }

    selkies_content_drop(cb->out);
    cb->out = NULL;
}


ngx_uint_t
ngx_http_selkies_clipboard_pong(ngx_http_selkies_session_t *s,
    const u_char *data, size_t len)
{
    uint64_t                        rtt, base;
    ngx_http_selkies_clipboard_t   *cb = s->clipboard;
    ngx_http_selkies_chunk_ping_t   ping;

    if (len != sizeof(ngx_http_selkies_chunk_ping_t)
        || ngx_memcmp(data, "clip", 4) != 0)
    {
        return 0;
    }

    ngx_memcpy(&ping, data, sizeof(ngx_http_selkies_chunk_ping_t));

    if (cb == NULL || ping.number - cb->acked - 1 >= cb->sent - cb->acked) {
        return 1;
    }

    rtt = selkies_clock_us()
          - cb->sent_us[(ping.number - 1) % NGX_HTTP_SELKIES_CHUNKS];
    base = ngx_http_selkies_best_rtt(s);
    cb->acked = ping.number;

    if (rtt > base + NGX_HTTP_SELKIES_CHUNK_US) {
        cb->window = ngx_max(cb->window / 2, 1);

    } else if (cb->window < NGX_HTTP_SELKIES_CHUNKS) {
        cb->window++;
    }

    return 1;
}
