
/*
 * Copyright (C) ngx_selkies authors
 *
 * What goes out, in this order: what the socket did not take of a packet, then
 * queued messages, then sound, then the next picture; packets are sent straight
 * from their rings.  Chunks of a clipboard take turns with pictures.
 *
 * Thread: the event loop.
 */


#include "ngx_http_selkies_clipboard.h"
#include "ngx_http_selkies_module.h"


#define NGX_HTTP_SELKIES_SEND_ROUNDS    64
#define NGX_HTTP_SELKIES_REST_KEEP      (64 * 1024)


static ngx_int_t ngx_http_selkies_flush(ngx_http_selkies_session_t *s);
static ngx_int_t ngx_http_selkies_write(ngx_http_selkies_session_t *s,
    u_char *data, size_t len, size_t *taken);
static void ngx_http_selkies_wrap(ngx_chain_t *out, ngx_buf_t *buf,
    u_char *data, size_t len);
static ngx_int_t ngx_http_selkies_write_chain(ngx_http_selkies_session_t *s,
    ngx_chain_t *out);
static ngx_int_t ngx_http_selkies_send_packet(ngx_http_selkies_session_t *s,
    selkies_packet_t *packet);
static ngx_int_t ngx_http_selkies_send_sound(ngx_http_selkies_session_t *s,
    selkies_packet_t *packet);
static ngx_int_t ngx_http_selkies_write_packet(ngx_http_selkies_session_t *s,
    selkies_packet_t *packet);
static ngx_int_t ngx_http_selkies_keep_rest(ngx_http_selkies_session_t *s,
    const uint8_t *data, size_t len);


void
ngx_http_selkies_queue(ngx_http_selkies_session_t *s, ngx_uint_t opcode,
    const u_char *data, size_t len)
{
    size_t   need, size;
    u_char  *out, header[SELKIES_WEBSOCKET_HEADER_MAX];

    if (s->dead || (s->closing && opcode != SELKIES_WEBSOCKET_CLOSE)) {
        return;
    }

    if (s->out_pos == s->out_len) {
        s->out_pos = 0;
        s->out_len = 0;
    }

    need = s->out_len + SELKIES_WEBSOCKET_HEADER_MAX + len;

    if (need > s->out_size) {

        if (need > NGX_HTTP_SELKIES_OUT_MAX) {
            ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                          "client does not read its messages");
            ngx_http_selkies_abort(s);
            return;
        }

        for (size = 4096; size < need; size *= 2) {
            /* void */
        }

        out = ngx_alloc(size, s->connection->log);

        if (out == NULL) {
            ngx_http_selkies_abort(s);
            return;
        }

        if (s->out != NULL) {
            ngx_memcpy(out, s->out, s->out_len);
            ngx_free(s->out);
        }

        s->out = out;
        s->out_size = size;
    }

    size = selkies_websocket_header(header, (unsigned) opcode, 1, len);
    ngx_memcpy(s->out + s->out_len, header, size);

    if (len != 0) {
        ngx_memcpy(s->out + s->out_len + size, data, len);
    }

    s->out_len += size + len;
}


void
ngx_http_selkies_send(ngx_http_selkies_session_t *s)
{
    ngx_int_t         rc;
    ngx_uint_t        rounds;
    selkies_packet_t  packet;

    if (s->dead || !s->live) {
        return;
    }

    for (rounds = 0; rounds < NGX_HTTP_SELKIES_SEND_ROUNDS; rounds++) {

        rc = ngx_http_selkies_flush(s);

        if (rc == NGX_ERROR) {
            ngx_http_selkies_abort(s);
            return;
        }

        if (rc == NGX_AGAIN) {
            ngx_http_selkies_wait_writable(s);
            return;
        }

        if (s->closing) {

            /* all is out: SHUT_WR, and wait for the peer to close */

            s->graceful = 1;
            ngx_http_selkies_abort(s);
            return;
        }

        if (ngx_http_selkies_audio_pick(s, &packet) == NGX_OK) {

            if (ngx_http_selkies_send_sound(s, &packet) == NGX_ERROR) {
                ngx_http_selkies_abort(s);
                return;
            }

            continue;
        }

        if (s->chunk_turn) {
            s->chunk_turn = 0;

            if (ngx_http_selkies_clipboard_next(s) == NGX_OK) {
                continue;
            }
        }

        if (ngx_http_selkies_session_pick(s, &packet) != NGX_OK) {

            /* it may have had something to say first */

            if (s->out_pos != s->out_len && !s->dead) {
                continue;
            }

            if (ngx_http_selkies_clipboard_next(s) == NGX_OK) {
                continue;
            }

            ngx_http_selkies_disarm(s, NGX_HTTP_SELKIES_SEND);
            ngx_http_selkies_session_update_gate(s);
            return;
        }

        if (s->out_pos != s->out_len) {
            continue;
        }

        if (ngx_http_selkies_send_packet(s, &packet) == NGX_ERROR) {
            ngx_http_selkies_abort(s);
            return;
        }

        s->chunk_turn = 1;
    }

    ngx_post_event(s->connection->write, &ngx_posted_next_events);
}


/* NGX_OK: all that was begun or queued is out; NGX_AGAIN; NGX_ERROR. */

static ngx_int_t
ngx_http_selkies_flush(ngx_http_selkies_session_t *s)
{
    size_t             taken;
    ngx_int_t          rc;
    ngx_connection_t  *c = s->connection;

    if (c->buffered) {

        /* TLS has a record of ours that it could not write */

        if (c->send_chain(c, NULL, 0) == NGX_CHAIN_ERROR) {
            return NGX_ERROR;
        }

        if (c->buffered) {
            return NGX_AGAIN;
        }
    }

    if (s->rest_pos != s->rest_len) {
        rc = ngx_http_selkies_write(s, s->rest + s->rest_pos,
                                    s->rest_len - s->rest_pos, &taken);
        s->rest_pos += taken;

        if (rc != NGX_OK) {
            return rc;
        }
    }

    /* a large key was an exception: its room is given back */

    if (s->rest_size > NGX_HTTP_SELKIES_REST_KEEP) {
        ngx_free(s->rest);
        s->rest = NULL;
        s->rest_size = 0;
    }

    s->rest_pos = 0;
    s->rest_len = 0;

    if (s->out_pos != s->out_len) {
        rc = ngx_http_selkies_write(s, s->out + s->out_pos,
                                    s->out_len - s->out_pos, &taken);
        s->out_pos += taken;

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (s->out_size > NGX_HTTP_SELKIES_REST_KEEP) {
        ngx_free(s->out);
        s->out = NULL;
        s->out_size = 0;
    }

    s->out_pos = 0;
    s->out_len = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_selkies_write(ngx_http_selkies_session_t *s, u_char *data,
    size_t len, size_t *taken)
{
    ngx_buf_t    buf;
    ngx_int_t    rc;
    ngx_chain_t  out;

    ngx_http_selkies_wrap(&out, &buf, data, len);
    rc = ngx_http_selkies_write_chain(s, &out);
    *taken = buf.pos - data;

    return rc;
}


static void
ngx_http_selkies_wrap(ngx_chain_t *out, ngx_buf_t *buf, u_char *data,
    size_t len)
{
    ngx_memzero(buf, sizeof(ngx_buf_t));
    buf->pos = data;
    buf->last = data + len;
    buf->memory = 1;
    buf->flush = 1;

    out->buf = buf;
    out->next = NULL;
}


/*
 * The buffers' positions are behind what was taken then.  A chain is not tried
 * where the event says that the socket is full, and must not be: nginx's epoll
 * is asked for that event in wait_writable() alone, so who got rid of all of it
 * nevertheless would wait for an event that nobody sends.
 */

static ngx_int_t
ngx_http_selkies_write_chain(ngx_http_selkies_session_t *s, ngx_chain_t *out)
{
    ngx_chain_t       *left;
    ngx_connection_t  *c = s->connection;

    left = c->send_chain(c, out, 0);

    if (left == NGX_CHAIN_ERROR) {
        return NGX_ERROR;
    }

    return (left != NULL || c->buffered) ? NGX_AGAIN : NGX_OK;
}


/*
 * Straight from the ring, or the join cache; to a viewer in one call with the
 * ping behind it.  A controller's way is measured: with its ping TCP is asked
 * what of the picture it could not send.
 *
 * NGX_ERROR where the ring passed the packet while the socket took it: bytes
 * that are out cannot be called back.
 */

static ngx_int_t
ngx_http_selkies_send_packet(ngx_http_selkies_session_t *s,
    selkies_packet_t *packet)
{
    ngx_uint_t  measured;

    measured = s->owner;

    if (!measured) {
        ngx_http_selkies_session_sent(s, packet);
    }

    if (ngx_http_selkies_write_packet(s, packet) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!ngx_http_selkies_session_whole(s, packet)) {
        ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                      "a picture was overwritten while it was sent");
        return NGX_ERROR;
    }

    if (measured) {
        ngx_http_selkies_session_sent(s, packet);
    }

    return NGX_OK;
}


/* Likewise, from the ring of sound. */

static ngx_int_t
ngx_http_selkies_send_sound(ngx_http_selkies_session_t *s,
    selkies_packet_t *packet)
{
    selkies_packet_t  message;

    ngx_http_selkies_audio_message(s, packet, &message);

    if (ngx_http_selkies_write_packet(s, &message) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_selkies_audio_sent(s, packet, &message);
}


/* The packet, what is queued behind it; of it, what is not taken is kept. */

static ngx_int_t
ngx_http_selkies_write_packet(ngx_http_selkies_session_t *s,
    selkies_packet_t *packet)
{
    size_t       taken;
    ngx_buf_t    buf, behind;
    ngx_uint_t   queued;
    ngx_chain_t  out, next;

    ngx_http_selkies_wrap(&out, &buf, (u_char *) packet->data,
                          packet->length_bytes);

    queued = s->out_pos != s->out_len;

    if (queued) {
        ngx_http_selkies_wrap(&next, &behind, s->out + s->out_pos,
                              s->out_len - s->out_pos);
        out.next = &next;
    }

    if (ngx_http_selkies_write_chain(s, &out) == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (queued) {
        s->out_pos = behind.pos - s->out;
    }

    taken = buf.pos - packet->data;

    if (taken == packet->length_bytes) {
        return NGX_OK;
    }

    return ngx_http_selkies_keep_rest(s, packet->data + taken,
                                      packet->length_bytes - taken);
}


static ngx_int_t
ngx_http_selkies_keep_rest(ngx_http_selkies_session_t *s, const uint8_t *data,
    size_t len)
{
    if (len > s->rest_size) {
        ngx_free(s->rest);

        s->rest_size = 0;
        s->rest = ngx_alloc(len, s->connection->log);

        if (s->rest == NULL) {
            return NGX_ERROR;
        }

        s->rest_size = len;
    }

    ngx_memcpy(s->rest, data, len);
    s->rest_pos = 0;
    s->rest_len = len;

    return NGX_OK;
}


void
ngx_http_selkies_wait_writable(ngx_http_selkies_session_t *s)
{
    if (ngx_handle_write_event(s->connection->write, 0) != NGX_OK) {
        ngx_http_selkies_abort(s);
        return;
    }

    /* the time counts from the last byte that the socket took */

    if (!(s->armed & (1 << NGX_HTTP_SELKIES_SEND))
        || s->sent != s->connection->sent)
    {
        s->sent = s->connection->sent;
        ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_SEND, s->conf->send_timeout);
    }

    ngx_http_selkies_session_update_gate(s);
}
