
/*
 * Copyright (C) ngx_selkies authors
 *
 * A client: its connection, what it is sent, and what its way carries.
 *
 * Thread: the worker's event loop.  A part of ngx_http_selkies_module.h, which
 * includes it.
 */


#ifndef NGX_HTTP_SELKIES_SESSION_H_INCLUDED
#define NGX_HTTP_SELKIES_SESSION_H_INCLUDED


#pragma GCC visibility push(hidden)


/* ngx_http_selkies_websocket.c: the connection after the 101 */

/* From here on the session ends with its request, whatever becomes of it. */

ngx_int_t ngx_http_selkies_websocket_init(ngx_http_selkies_session_t *s);

/* Takes the connection over; the session's request counts one more. */

void ngx_http_selkies_websocket_start(ngx_http_selkies_session_t *s);

/* Queues a frame; sent by the next ngx_http_selkies_send(). */

void ngx_http_selkies_queue(ngx_http_selkies_session_t *s, ngx_uint_t opcode,
    const u_char *data, size_t len);

#define ngx_http_selkies_text(s, data, len)                                  \
    ngx_http_selkies_queue(s, SELKIES_WEBSOCKET_TEXT, data, len)

#define ngx_http_selkies_text_const(s, text)                                 \
    ngx_http_selkies_queue(s, SELKIES_WEBSOCKET_TEXT, (u_char *) text,       \
                           sizeof(text) - 1)

/* Sends what is queued, then pictures, as far as the socket takes them. */

void ngx_http_selkies_send(ngx_http_selkies_session_t *s);

/* Goes on when the socket takes more; a time limit for that is armed. */

void ngx_http_selkies_wait_writable(ngx_http_selkies_session_t *s);

/* Close frame, then the lingering end; what is queued goes out before. */

void ngx_http_selkies_close(ngx_http_selkies_session_t *s, ngx_uint_t code,
    const char *reason);

/*
 * Asks a client that understands it to come by another socket while this one
 * still serves it, for as long as that may take.  NGX_DECLINED: this one does
 * not, close it.
 */

ngx_int_t ngx_http_selkies_hand_over(ngx_http_selkies_session_t *s);

/*
 * Ends the session from the event loop's next turn on: nothing of it may be
 * used by then, all of it until then.
 */

void ngx_http_selkies_abort(ngx_http_selkies_session_t *s);

void ngx_http_selkies_arm(ngx_http_selkies_session_t *s,
    ngx_http_selkies_deadline_e deadline, ngx_msec_t ms);
void ngx_http_selkies_disarm(ngx_http_selkies_session_t *s,
    ngx_http_selkies_deadline_e deadline);


/* ngx_http_selkies_session.c, ngx_http_selkies_pictures.c: a client */

ngx_http_selkies_session_t *ngx_http_selkies_session_create(
    ngx_http_request_t *r, ngx_http_selkies_display_t *display,
    selkies_dialect_t dialect);

/* First words, once the 101 is out. */

void ngx_http_selkies_session_open(ngx_http_selkies_session_t *s);

/* The shared place or the ring have news. */

void ngx_http_selkies_session_wake(ngx_http_selkies_session_t *s);

/*
 * The picture to send now, if the session may have one: NGX_OK with the
 * packet, which was whole a moment ago, or NGX_DECLINED.
 */

ngx_int_t ngx_http_selkies_session_pick(ngx_http_selkies_session_t *s,
    selkies_packet_t *packet);

/* Tells it which encoder there is, if that is another than it knows of. */

#define NGX_HTTP_SELKIES_NO_ENCODER     ((uint32_t) -1)

void ngx_http_selkies_session_send_encoder(ngx_http_selkies_session_t *s);

/* Dialect 2 clears its cursor while it is hidden: it is told it again. */

void ngx_http_selkies_session_resend_cursor(ngx_http_selkies_session_t *s);

/* The packet was given to the socket, all of it or its beginning. */

void ngx_http_selkies_session_sent(ngx_http_selkies_session_t *s,
    const selkies_packet_t *packet);

/* Whether the packet's bytes are still what was published. */

ngx_uint_t ngx_http_selkies_session_whole(ngx_http_selkies_session_t *s,
    const selkies_packet_t *packet);

/* A ping ahead of all pictures: the round trip of an empty way. */

void ngx_http_selkies_session_first_probe(ngx_http_selkies_session_t *s);

/* A pong has come. */

void ngx_http_selkies_session_pong(ngx_http_selkies_session_t *s,
    const u_char *data, size_t len);

/* ngx_http_selkies_link.c: what the way to the controller carries */

/* A picture, or a piece of it, was given to the socket. */

void ngx_http_selkies_link_sent(ngx_http_selkies_session_t *s,
    const selkies_packet_t *packet);

/* The client acknowledges; whether it does so in time.  JPEG it need not. */

void ngx_http_selkies_link_acked(ngx_http_selkies_session_t *s,
    uint16_t frame);
ngx_uint_t ngx_http_selkies_link_is_acked(ngx_http_selkies_session_t *s);

/* A probe is about to be sent. */

void ngx_http_selkies_link_asked(ngx_http_selkies_session_t *s);

/*
 * The answer to the last probe has come: its round trip, and that of an empty
 * way.  To be called before what it acknowledges counts as arrived.
 */

void ngx_http_selkies_link_measured(ngx_http_selkies_session_t *s,
    uint64_t now_us, uint64_t rtt_us, uint64_t base_us);

/* It controls no more, or does not watch: the encoder is free again. */

void ngx_http_selkies_link_forget(ngx_http_selkies_session_t *s);


/* The best round trip of late, in us; 0 before there is any. */

uint64_t ngx_http_selkies_best_rtt(ngx_http_selkies_session_t *s);


/* Starts and ends the subscription to pictures. */

void ngx_http_selkies_session_watch(ngx_http_selkies_session_t *s);
void ngx_http_selkies_session_unwatch(ngx_http_selkies_session_t *s);

/* It may have become, or ceased to be, one that shows whole pictures alone. */

void ngx_http_selkies_session_update_whole(ngx_http_selkies_session_t *s);

/* The session's settings become what the display's threads go by. */

void ngx_http_selkies_session_wish(ngx_http_selkies_session_t *s);

/* A key is needed before the next picture; `fresh`: no old one will do. */

void ngx_http_selkies_session_need_key(ngx_http_selkies_session_t *s,
    ngx_uint_t fresh);

void ngx_http_selkies_session_update_gate(ngx_http_selkies_session_t *s);

void ngx_http_selkies_session_deadline(ngx_http_selkies_session_t *s,
    ngx_http_selkies_deadline_e deadline);

/* Size and display list, then PIPELINE_RESETTING: before a picture. */

void ngx_http_selkies_session_announce(ngx_http_selkies_session_t *s,
    ngx_uint_t width, ngx_uint_t height, ngx_uint_t reset);

/* Leaves the worker's lists, keys and displays; may be called again. */

void ngx_http_selkies_session_destroy(ngx_http_selkies_session_t *s);


#pragma GCC visibility pop


#endif /* NGX_HTTP_SELKIES_SESSION_H_INCLUDED */
