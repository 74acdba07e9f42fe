
/*
 * Copyright (C) ngx_selkies authors
 *
 * The connection after the 101: reading, deadlines, the ends.
 *
 * A session is never ended in the middle of something: abort() and close()
 * post an event, and whoever called them may go on until it returns.
 *
 * Thread: the event loop.
 */


#include "ngx_http_selkies_module.h"


#define NGX_HTTP_SELKIES_READ_ROUNDS    8       /* of 16K, then others' turn */
#define NGX_HTTP_SELKIES_PONG_BACKLOG   (64 * 1024)
#define NGX_HTTP_SELKIES_CLOSE_TIMEOUT  5000
#define NGX_HTTP_SELKIES_HAND_OVER      3000
#define NGX_HTTP_SELKIES_FRAME_RATE     16      /* bytes a millisecond */


static void ngx_http_selkies_drain_handler(ngx_event_t *wev);
static void ngx_http_selkies_go_live(ngx_http_selkies_session_t *s);
static void ngx_http_selkies_socket_options(ngx_http_selkies_session_t *s);
static void ngx_http_selkies_read_handler(ngx_event_t *rev);
static void ngx_http_selkies_write_handler(ngx_event_t *wev);
static void ngx_http_selkies_receive(ngx_http_selkies_session_t *s,
    u_char *pos, u_char *last);
static void ngx_http_selkies_received(ngx_http_selkies_session_t *s,
    selkies_websocket_event_t *event);
static void ngx_http_selkies_watch_frame(ngx_http_selkies_session_t *s);
static void ngx_http_selkies_timer_handler(ngx_event_t *ev);
static void ngx_http_selkies_set_timer(ngx_http_selkies_session_t *s);
static void ngx_http_selkies_expired(ngx_http_selkies_session_t *s,
    ngx_http_selkies_deadline_e deadline);
static void ngx_http_selkies_check_progress(ngx_http_selkies_session_t *s);
static void ngx_http_selkies_finish_handler(ngx_event_t *ev);
static void ngx_http_selkies_cleanup(void *data);


/* Read, unmasked and used up before anybody else reads: one does for all. */

static u_char  ngx_http_selkies_in[NGX_HTTP_SELKIES_READ_BYTES];


ngx_int_t
ngx_http_selkies_websocket_init(ngx_http_selkies_session_t *s)
{
    ngx_connection_t    *c = s->connection;
    ngx_http_cleanup_t  *cln;

    s->dummy.fd = (ngx_socket_t) -1;
    s->timer.data = &s->dummy;
    s->timer.log = c->log;
    s->timer.handler = ngx_http_selkies_timer_handler;
    s->timer.cancelable = 1;
    s->finish.data = s;
    s->finish.log = c->log;
    s->finish.handler = ngx_http_selkies_finish_handler;

    selkies_websocket_init(&s->ws, SELKIES_LIMIT_MESSAGE);
    selkies_message_init(&s->message);

    cln = ngx_http_cleanup_add(s->request, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_selkies_cleanup;
    cln->data = s;

    return NGX_OK;
}


void
ngx_http_selkies_websocket_start(ngx_http_selkies_session_t *s)
{
    ngx_connection_t  *c = s->connection;

    /* so that the log tells what was going on */

    c->log->action = "streaming websocket";

    ngx_http_selkies_socket_options(s);

    /*
     * The handlers of the connection, not of the request: those would end
     * the request by themselves when the worker quits
     */

    c->read->handler = ngx_http_selkies_read_handler;
    c->write->handler = ngx_http_selkies_drain_handler;

    ngx_http_selkies_drain_handler(c->write);
}


/* The 101 itself must be out before bytes may pass beside the filters. */

static void
ngx_http_selkies_drain_handler(ngx_event_t *wev)
{
    ngx_connection_t            *c = wev->data;
    ngx_http_request_t          *r = c->data;
    ngx_http_selkies_session_t  *s;

    s = ngx_http_get_module_ctx(r, ngx_http_selkies_module);

    if (r->out != NULL || c->buffered) {

        if (ngx_http_output_filter(r, NULL) == NGX_ERROR) {
            ngx_http_selkies_abort(s);
            return;
        }

        if (r->out != NULL || c->buffered) {
            ngx_http_selkies_wait_writable(s);
            return;
        }
    }

    ngx_http_selkies_go_live(s);
}


static void
ngx_http_selkies_go_live(ngx_http_selkies_session_t *s)
{
    u_char              *pos, *last;
    ngx_connection_t    *c = s->connection;
    ngx_http_request_t  *r = s->request;

    s->live = 1;
    c->write->handler = ngx_http_selkies_write_handler;

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    ngx_http_selkies_session_open(s);

    /* what the client has sent behind its request */

    pos = r->header_in->pos;
    last = r->header_in->last;
    r->header_in->pos = last;

    if (pos != last) {
        ngx_http_selkies_receive(s, pos, last);
    }

    ngx_http_selkies_send(s);

    if (!s->dead) {
        ngx_http_selkies_read_handler(c->read);
    }
}


static void
ngx_http_selkies_socket_options(ngx_http_selkies_session_t *s)
{
    int                lowat, timeout;
    ngx_connection_t  *c = s->connection;

    if (ngx_tcp_nodelay(c) != NGX_OK) {
        return;
    }

#if (defined TCP_NOTSENT_LOWAT)

    /* little waits in the kernel: a picture is chosen as late as possible */

    lowat = (int) s->conf->send_lowat;

    if (lowat != 0
        && setsockopt(c->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat,
                      sizeof(int))
           == -1 && ngx_socket_errno != NGX_ENOPROTOOPT
           && ngx_socket_errno != NGX_EOPNOTSUPP)
    {
        ngx_connection_error(c, ngx_socket_errno,
                             "setsockopt(TCP_NOTSENT_LOWAT) failed");
    }

#endif

#if (defined TCP_USER_TIMEOUT)

    timeout = (int) s->conf->send_timeout + 5000;

    if (setsockopt(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout,
                   sizeof(int))
        == -1 && ngx_socket_errno != NGX_ENOPROTOOPT
        && ngx_socket_errno != NGX_EOPNOTSUPP)
    {
        ngx_connection_error(c, ngx_socket_errno,
                             "setsockopt(TCP_USER_TIMEOUT) failed");
    }

#endif
}


static void
ngx_http_selkies_read_handler(ngx_event_t *rev)
{
    ssize_t                      n;
    ngx_uint_t                   rounds;
    ngx_connection_t            *c = rev->data;
    ngx_http_request_t          *r = c->data;
    ngx_http_selkies_session_t  *s;

    s = ngx_http_get_module_ctx(r, ngx_http_selkies_module);

    if (s->dead) {
        return;
    }

    if (c->close) {

        /* worker_shutdown_timeout */

        ngx_http_selkies_abort(s);
        return;
    }

    for (rounds = 0; rev->ready && s->live; rounds++) {

        if (rounds == NGX_HTTP_SELKIES_READ_ROUNDS) {
            ngx_post_event(rev, &ngx_posted_next_events);
            break;
        }

        n = c->recv(c, ngx_http_selkies_in, NGX_HTTP_SELKIES_READ_BYTES);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_http_selkies_abort(s);
            return;
        }

        ngx_http_selkies_receive(s, ngx_http_selkies_in,
                                 ngx_http_selkies_in + n);

        if (s->dead) {
            return;
        }
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_selkies_abort(s);
        return;
    }

    if (s->live) {
        ngx_http_selkies_send(s);
    }
}


static void
ngx_http_selkies_receive(ngx_http_selkies_session_t *s, u_char *pos,
    u_char *last)
{
    selkies_websocket_event_t  event;

    s->in_bytes += last - pos;

    while (!s->dead && !s->closing) {

        switch (selkies_websocket_read(&s->ws, &pos, last, &event)) {

        case SELKIES_WEBSOCKET_AGAIN:
            ngx_http_selkies_watch_frame(s);

            if (s->display->control != NULL && s->held != NULL) {
                selkies_control_flush(s->display->control);
            }

            return;

        case SELKIES_WEBSOCKET_EVENT:
            ngx_http_selkies_received(s, &event);
            break;

        default: /* SELKIES_WEBSOCKET_ERROR */
            ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                          "client broke the websocket protocol: closing "
                          "with %ud", (unsigned) event.code);
            ngx_http_selkies_close(s, event.code, NULL);
            return;
        }
    }

    /* closing: nothing is processed, but the peer's close frame is awaited */

    while (s->closing && !s->closed && !s->dead) {

        switch (selkies_websocket_read(&s->ws, &pos, last, &event)) {

        case SELKIES_WEBSOCKET_EVENT:
            s->closed = event.kind == SELKIES_WEBSOCKET_GOT_CLOSE;
            break;

        case SELKIES_WEBSOCKET_AGAIN:
            return;

        default: /* SELKIES_WEBSOCKET_ERROR */
            s->closed = 1;
            break;
        }
    }
}


static void
ngx_http_selkies_received(ngx_http_selkies_session_t *s,
    selkies_websocket_event_t *event)
{
    unsigned  rc;

    switch (event->kind) {

    case SELKIES_WEBSOCKET_GOT_DATA:
        rc = selkies_message_add(&s->message, &s->ws, event,
                                 selkies_protocol_limit);

        if (rc == 0) {
            return;
        }

        if (rc != 1) {
            ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                          "client sent too large a message: closing with %ud",
                          rc);
            ngx_http_selkies_close(s, rc, NULL);
            return;
        }

        ngx_http_selkies_message(s, s->message.data, s->message.len,
                                 s->message.binary);
        selkies_message_next(&s->message);
        return;

    case SELKIES_WEBSOCKET_GOT_PING:

        /* who pings faster than it reads gets no more answers */

        if (s->out_len - s->out_pos < NGX_HTTP_SELKIES_PONG_BACKLOG) {
            ngx_http_selkies_queue(s, SELKIES_WEBSOCKET_PONG, event->data,
                                   event->len);
        }

        return;

    case SELKIES_WEBSOCKET_GOT_PONG:
        ngx_http_selkies_disarm(s, NGX_HTTP_SELKIES_PONG);
        s->pinged = 0;
        ngx_http_selkies_session_pong(s, event->data, event->len);
        return;

    default: /* SELKIES_WEBSOCKET_GOT_CLOSE */
        s->closed = 1;
        ngx_http_selkies_close(s, event->code, NULL);
        return;
    }
}


/*
 * A frame that has begun must end: 10 s, and a second for each 16 KiB.  It is
 * known by where in the stream it began.
 */

static void
ngx_http_selkies_watch_frame(ngx_http_selkies_session_t *s)
{
    uint64_t  bytes;

    bytes = selkies_websocket_frame_bytes(&s->ws);

    if (bytes == 0) {
        ngx_http_selkies_disarm(s, NGX_HTTP_SELKIES_FRAME);
        s->frame_offset = 0;
        return;
    }

    if (s->in_bytes - bytes + 1 != s->frame_offset) {
        s->frame_offset = s->in_bytes - bytes + 1;
        s->frame_start = ngx_current_msec;
        ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_FRAME,
                             s->conf->frame_timeout);
    }
}


static void
ngx_http_selkies_write_handler(ngx_event_t *wev)
{
    ngx_connection_t            *c = wev->data;
    ngx_http_request_t          *r = c->data;
    ngx_http_selkies_session_t  *s;

    s = ngx_http_get_module_ctx(r, ngx_http_selkies_module);

    ngx_http_selkies_send(s);
}


void
ngx_http_selkies_close(ngx_http_selkies_session_t *s, ngx_uint_t code,
    const char *reason)
{
    size_t   len;
    u_char   frame[SELKIES_WEBSOCKET_CLOSE_MAX];

    if (s->dead || s->closing) {
        return;
    }

    if (!s->live) {
        ngx_http_selkies_abort(s);
        return;
    }

    ngx_http_selkies_session_unwatch(s);
    ngx_http_selkies_audio_leave(s);
    ngx_http_selkies_microphone_leave(s);

    len = selkies_websocket_close(frame, (unsigned) code, reason,
                                  reason ? ngx_strlen(reason) : 0);

    /* the header is made anew by the queue */

    ngx_http_selkies_queue(s, SELKIES_WEBSOCKET_CLOSE, frame + 2, len - 2);

    s->closing = 1;
    s->armed = 0;

    /* a worker that quits waits for this much */

    s->timer.cancelable = 0;

    ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_CLOSE,
                         NGX_HTTP_SELKIES_CLOSE_TIMEOUT);

    /* not the queue of this turn: a quit comes between two of them */

    ngx_post_event(s->connection->write, &ngx_posted_next_events);
}


/*
 * It opens another socket before it closes this one, which has no pictures
 * and no sound any more, but takes its input until then.
 */

ngx_int_t
ngx_http_selkies_hand_over(ngx_http_selkies_session_t *s)
{
    if (!s->want_reload || !s->live || s->closing || s->dead) {
        return NGX_DECLINED;
    }

    ngx_http_selkies_session_unwatch(s);
    ngx_http_selkies_audio_leave(s);
    ngx_http_selkies_microphone_leave(s);

    ngx_http_selkies_text(s, (u_char *) SELKIES_TEXT_RELOAD,
                          sizeof(SELKIES_TEXT_RELOAD) - 1);

    s->timer.cancelable = 0;

    ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_CLOSE,
                         NGX_HTTP_SELKIES_HAND_OVER);
    ngx_post_event(s->connection->write, &ngx_posted_next_events);

    return NGX_OK;
}


void
ngx_http_selkies_abort(ngx_http_selkies_session_t *s)
{
    if (s->dead) {
        return;
    }

    s->dead = 1;
    s->armed = 0;

    ngx_http_selkies_session_unwatch(s);
    ngx_http_selkies_audio_leave(s);
    ngx_http_selkies_microphone_leave(s);

    /* a worker that quits goes when it has no timer left */

    if (s->timer.timer_set) {
        ngx_del_timer(&s->timer);
    }

    s->timer.cancelable = 0;
    ngx_add_timer(&s->timer, 1);

    ngx_post_event(&s->finish, &ngx_posted_next_events);
}


static void
ngx_http_selkies_finish_handler(ngx_event_t *ev)
{
    ngx_http_selkies_session_t  *s = ev->data;

    ngx_connection_t    *c = s->connection;
    ngx_http_request_t  *r = s->request;

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    if (s->timer.timer_set) {
        ngx_del_timer(&s->timer);
    }

    c->log->action = "closing websocket";

    ngx_http_selkies_session_destroy(s);

    if (s->graceful && !c->error && !c->close) {

        /* close() with unread input would be an RST, and the frame lost */

        r->lingering_close = 1;
        ngx_http_finalize_request(r, NGX_OK);
        return;
    }

    ngx_http_finalize_request(r, NGX_ERROR);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_selkies_cleanup(void *data)
{
    ngx_http_selkies_session_t  *s = data;

    s->dead = 1;

    if (s->timer.timer_set) {
        ngx_del_timer(&s->timer);
    }

    if (s->finish.posted) {
        ngx_delete_posted_event(&s->finish);
    }

    ngx_http_selkies_session_destroy(s);
    selkies_message_free(&s->message);

    if (s->rest != NULL) {
        ngx_free(s->rest);
    }

    if (s->out != NULL) {
        ngx_free(s->out);
    }
}


void
ngx_http_selkies_arm(ngx_http_selkies_session_t *s,
    ngx_http_selkies_deadline_e deadline, ngx_msec_t ms)
{
    if (s->dead) {
        return;
    }

    s->deadline[deadline] = ngx_current_msec + ms;
    s->armed |= 1 << deadline;

    /* an earlier timer finds out by itself */

    if (!s->timer.timer_set
        || (ngx_msec_int_t) (s->deadline[deadline] - s->timer.timer.key) < 0)
    {
        ngx_http_selkies_set_timer(s);
    }
}


void
ngx_http_selkies_disarm(ngx_http_selkies_session_t *s,
    ngx_http_selkies_deadline_e deadline)
{
    s->armed &= ~(1 << deadline);
}


static void
ngx_http_selkies_set_timer(ngx_http_selkies_session_t *s)
{
    ngx_uint_t      i;
    ngx_msec_int_t  left, min;

    min = NGX_MAX_INT32_VALUE;

    for (i = 0; i < NGX_HTTP_SELKIES_DEADLINES; i++) {

        if (!(s->armed & (1 << i))) {
            continue;
        }

        left = (ngx_msec_int_t) (s->deadline[i] - ngx_current_msec);

        if (left < min) {
            min = left > 0 ? left : 0;
        }
    }

    /* nginx would leave a timer alone that is less than 300 ms off */

    if (s->timer.timer_set) {
        ngx_del_timer(&s->timer);
    }

    if (s->armed) {
        ngx_add_timer(&s->timer, (ngx_msec_t) min);
    }
}


static void
ngx_http_selkies_timer_handler(ngx_event_t *ev)
{
    ngx_uint_t                   i;
    ngx_http_selkies_session_t  *s;

    s = (ngx_http_selkies_session_t *)
        ((u_char *) ev - offsetof(ngx_http_selkies_session_t, timer));

    for (i = 0; i < NGX_HTTP_SELKIES_DEADLINES && !s->dead; i++) {

        if ((s->armed & (1 << i))
            && (ngx_msec_int_t) (s->deadline[i] - ngx_current_msec) <= 0)
        {
            s->armed &= ~(1 << i);
            ngx_http_selkies_expired(s, i);
        }
    }

    if (!s->dead) {
        ngx_http_selkies_set_timer(s);
        ngx_http_selkies_send(s);
    }
}


static void
ngx_http_selkies_expired(ngx_http_selkies_session_t *s,
    ngx_http_selkies_deadline_e deadline)
{
    uint64_t    bytes;
    ngx_msec_t  allowed, spent;

    switch (deadline) {

    case NGX_HTTP_SELKIES_PING:
        if (!s->pinged) {
            ngx_http_selkies_queue(s, SELKIES_WEBSOCKET_PING, NULL, 0);
            s->pinged = 1;
            ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_PONG,
                                 s->conf->ping_timeout);
        }

        ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_PING, s->conf->ping_interval);
        return;

    case NGX_HTTP_SELKIES_PONG:
        ngx_log_error(NGX_LOG_INFO, s->connection->log, NGX_ETIMEDOUT,
                      "client does not answer");
        ngx_http_selkies_abort(s);
        return;

    case NGX_HTTP_SELKIES_FRAME:
        bytes = selkies_websocket_frame_bytes(&s->ws);
        allowed = s->conf->frame_timeout
                  + (ngx_msec_t) (bytes / NGX_HTTP_SELKIES_FRAME_RATE);
        spent = ngx_current_msec - s->frame_start;

        if (bytes != 0 && spent < allowed) {
            ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_FRAME, allowed - spent);
            return;
        }

        if (bytes != 0) {
            ngx_log_error(NGX_LOG_INFO, s->connection->log, NGX_ETIMEDOUT,
                          "client trickles a frame");
            ngx_http_selkies_close(s, SELKIES_CLOSE_POLICY, "frame timeout");
        }

        return;

    case NGX_HTTP_SELKIES_SEND:
        ngx_http_selkies_check_progress(s);
        return;

    case NGX_HTTP_SELKIES_CLOSE:
        if (!s->closing) {

            /* its successor has had the time for its first picture, or
               there is none */

            if (ngx_http_selkies_leaving()) {
                ngx_http_selkies_close(s, SELKIES_CLOSE_RESTART,
                                       NGX_HTTP_SELKIES_RELOADED);
            } else {
                ngx_http_selkies_close(s, SELKIES_CLOSE_NORMAL, NULL);
            }

            return;
        }

        ngx_http_selkies_abort(s);
        return;

    default:
        ngx_http_selkies_session_deadline(s, deadline);
        return;
    }
}


/*
 * A socket that takes nothing for 15 s is reset: a close frame would wait
 * behind the same bytes.
 */

static void
ngx_http_selkies_check_progress(ngx_http_selkies_session_t *s)
{
    struct linger      linger;
    ngx_connection_t  *c = s->connection;

    if (c->sent != s->sent) {
        s->sent = c->sent;
        ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_SEND, s->conf->send_timeout);
        return;
    }

    ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                  "client does not read");

    linger.l_onoff = 1;
    linger.l_linger = 0;

    (void) setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger,
                      sizeof(struct linger));

    c->timedout = 1;
    ngx_http_selkies_abort(s);
}
