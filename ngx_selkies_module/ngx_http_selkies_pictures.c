
/*
 * Copyright (C) ngx_selkies authors
 *
 * Which picture a client gets next, and when it gets none.
 *
 * Pictures are never queued.  A session whose gate is closed (its socket is
 * full, or the ping behind its last pictures is overdue) skips; when the gate
 * opens again it goes on where it stopped if that is cheap.  Else it gets the
 * join cache's key with all that others refer to since, in order, and goes on
 * in the ring after that; where the cache cannot serve, it asks for a key.  The
 * same way brings a new client in.
 *
 * Thread: the event loop.
 */


#include "ngx_http_selkies_clipboard.h"
#include "ngx_http_selkies_module.h"


#define NGX_HTTP_SELKIES_KEY_MS         500     /* between a client's keys */
#define NGX_HTTP_SELKIES_CATCH_BYTES    (64 * 1024)
#define NGX_HTTP_SELKIES_CATCH_US       100000

#define NGX_HTTP_SELKIES_PROBE_BYTES    (16 * 1024)
#define NGX_HTTP_SELKIES_PROBE_US       50000   /* of what the link carries */
#define NGX_HTTP_SELKIES_PROBE_MAX      (1024 * 1024)
#define NGX_HTTP_SELKIES_PROBE_START    (128 * 1024)
#define NGX_HTTP_SELKIES_PROBE_MIN_US   60000
#define NGX_HTTP_SELKIES_PROBE_SLACK_US 20000
#define NGX_HTTP_SELKIES_RTT_PERIOD_MS  10000
#define NGX_HTTP_SELKIES_BEHIND_MS      10000
#define NGX_HTTP_SELKIES_FLIGHT_US      150000


static ngx_uint_t ngx_http_selkies_gate_is_open(ngx_http_selkies_session_t *s);
static uint64_t ngx_http_selkies_window(ngx_http_selkies_session_t *s);
static selkies_status_t ngx_http_selkies_next(ngx_http_selkies_session_t *s,
    selkies_packet_t *packet);
static selkies_status_t ngx_http_selkies_next_cached(
    ngx_http_selkies_session_t *s, selkies_packet_t *packet);
static ngx_int_t ngx_http_selkies_find_key(ngx_http_selkies_session_t *s,
    selkies_packet_t *packet);
static ngx_uint_t ngx_http_selkies_key_serves(ngx_http_selkies_session_t *s,
    const selkies_packet_t *key, const selkies_packet_t *last);
static ngx_uint_t ngx_http_selkies_too_far(ngx_http_selkies_session_t *s,
    const selkies_packet_t *packet);
static void ngx_http_selkies_ask_key(ngx_http_selkies_session_t *s);
static ngx_uint_t ngx_http_selkies_key_is_early(ngx_http_selkies_session_t *s,
    ngx_msec_t last);
static ngx_uint_t ngx_http_selkies_flight_is_full(
    ngx_http_selkies_session_t *s);
static ngx_uint_t ngx_http_selkies_probe_is_due(
    ngx_http_selkies_session_t *s);
static void ngx_http_selkies_probe(ngx_http_selkies_session_t *s,
    uint64_t number);
static void ngx_http_selkies_measure(ngx_http_selkies_session_t *s,
    uint64_t now_us, uint64_t rtt_us);


void
ngx_http_selkies_session_need_key(ngx_http_selkies_session_t *s,
    ngx_uint_t fresh)
{
    s->need_key = 1;
    s->key_after = fresh ? selkies_ring_head(s->display->ring) : 0;
    s->join = 0;
    s->skipped = 0;
}


void
ngx_http_selkies_session_update_gate(ngx_http_selkies_session_t *s)
{
    ngx_uint_t  open;

    open = ngx_http_selkies_gate_is_open(s);

    if (open != s->gate) {
        s->gate = open;
        ngx_http_selkies_count_gate(s->display, open ? 1 : -1);
    }
}


static ngx_uint_t
ngx_http_selkies_gate_is_open(ngx_http_selkies_session_t *s)
{
    uint64_t           max;
    ngx_connection_t  *c = s->connection;

    if (!s->watching || !s->live || s->dead || s->closing || s->hold
        || s->size_pending)
    {
        return 0;
    }

    if (s->rest_pos != s->rest_len || c->buffered || !c->write->ready) {
        return 0;
    }

    if (!ngx_http_selkies_link_is_acked(s)) {
        return 0;
    }

    if (s->probe == 0) {
        return 1;
    }

    /* twice what has gone well: a slow way is not met with seconds of it */

    max = ngx_min(NGX_HTTP_SELKIES_PROBE_START + 2 * s->proven,
                  NGX_HTTP_SELKIES_PROBE_MAX);

    return s->media_bytes - s->probe_bytes < max
           && !ngx_http_selkies_flight_is_full(s)
           && selkies_clock_us() - s->probe_sent_us
              < ngx_http_selkies_window(s);
}


/*
 * Who has once been behind gets no more than its link delivers soon, beside
 * what the way itself holds.
 */

static ngx_uint_t
ngx_http_selkies_flight_is_full(ngx_http_selkies_session_t *s)
{
    uint64_t  max;

    if (!s->behind) {
        return 0;
    }

    if ((ngx_msec_int_t) (s->behind_until - ngx_current_msec) <= 0) {
        s->behind = 0;
        return 0;
    }

    max = s->delivery * (s->rtt_base_us + NGX_HTTP_SELKIES_FLIGHT_US) / 1000000;

    if (s->link.rate != 0) {
        max = ngx_min(s->link.rate * (s->rtt_base_us
                                      + NGX_HTTP_SELKIES_FLIGHT_US) / 1000000,
                      max);
    }

    return s->media_bytes - s->acked_bytes > max;
}


/*
 * How long a probe may be under way before the pictures behind it are held to
 * wait somewhere: measured against the best round trip of late, because the
 * present one includes that wait.
 */

static uint64_t
ngx_http_selkies_window(ngx_http_selkies_session_t *s)
{
    uint32_t  fps;
    uint64_t  rtt, window;

    rtt = ngx_http_selkies_best_rtt(s);

    if (rtt == 0) {

        /* the first one is under way: most networks answer by then */

        return 500000;
    }

    fps = atomic_load(&s->display->stream->wanted_fps);

    window = rtt + rtt / 2 + 2 * 1000000 / ngx_max(fps, 1)
             + NGX_HTTP_SELKIES_PROBE_SLACK_US;

    return ngx_max(window, NGX_HTTP_SELKIES_PROBE_MIN_US);
}


uint64_t
ngx_http_selkies_best_rtt(ngx_http_selkies_session_t *s)
{
    uint64_t  rtt;

    rtt = s->rtt_min_us[0];

    if (rtt == 0 || (s->rtt_min_us[1] != 0 && s->rtt_min_us[1] < rtt)) {
        rtt = s->rtt_min_us[1];
    }

    return rtt;
}


ngx_int_t
ngx_http_selkies_session_pick(ngx_http_selkies_session_t *s,
    selkies_packet_t *packet)
{
    ngx_int_t          rc;
    ngx_uint_t         tries;
    selkies_stream_t  *stream = s->display->stream;

    if (!ngx_http_selkies_gate_is_open(s)) {
        return NGX_DECLINED;
    }

    /* pictures of the old size would be of no use to who asked for another */

    if (atomic_load(&stream->wanted_size) != atomic_load(&stream->engine_shown)
        && (ngx_msec_int_t) (s->size_until - ngx_current_msec) > 0)
    {
        return NGX_DECLINED;
    }

    for (tries = 0; tries < 3; tries++) {

        if (s->need_key) {
            rc = ngx_http_selkies_find_key(s, packet);

            if (rc == NGX_DECLINED) {
                ngx_http_selkies_ask_key(s);
            }

            if (rc != NGX_OK) {
                return NGX_DECLINED;
            }

            s->next = packet->number;

        } else {

            switch (ngx_http_selkies_next(s, packet)) {

            case SELKIES_OK:
                break;

            case SELKIES_AGAIN:
                return NGX_DECLINED;

            default: /* SELKIES_LOST */
                ngx_http_selkies_session_need_key(s, 0);
                s->skipped = 1;
                continue;
            }
        }

        if ((packet->epoch != s->epoch
             && !(packet->flags & SELKIES_PACKET_KEY))
            || ((packet->flags & SELKIES_PACKET_CHAIN) && !s->lite))
        {
            ngx_http_selkies_session_need_key(s, 0);
            continue;
        }

        if (!s->need_key && ngx_http_selkies_too_far(s, packet)) {
            ngx_http_selkies_session_need_key(s, 0);
            s->key_after = packet->number;
            s->skipped = 1;
            continue;
        }

        if (s->announce || s->reset || packet->epoch != s->epoch) {
            ngx_http_selkies_session_announce(s, packet->width,
                                              packet->height,
                                              s->reset || s->epoch != 0);
            s->epoch = packet->epoch;
        }

        s->need_key = 0;

        return NGX_OK;
    }

    return NGX_DECLINED;
}


/*
 * A lite picture is of use only while it is the newest one, and only to who
 * has declared that it can show it; a row that stands for itself, until a
 * newer one takes its place.
 */

static selkies_status_t
ngx_http_selkies_next(ngx_http_selkies_session_t *s, selkies_packet_t *packet)
{
    selkies_status_t   rc;
    selkies_ring_t    *ring = s->display->ring;

    if (s->join != 0) {
        rc = ngx_http_selkies_next_cached(s, packet);

        if (rc != SELKIES_AGAIN) {
            return rc;
        }

        s->join = 0;
    }

    for ( ;; ) {
        rc = selkies_ring_get(ring, s->next, packet);

        if (rc != SELKIES_OK) {
            return rc;
        }

        if (packet->flags & SELKIES_PACKET_ROW) {

            if (!selkies_ring_superseded(ring, packet->number, packet)) {
                return SELKIES_OK;
            }

        } else if (!(packet->flags & SELKIES_PACKET_LITE)
                   || (s->lite && packet->number == selkies_ring_head(ring)))
        {
            return SELKIES_OK;
        }

        s->next++;
    }
}


/* What came along with a key; AGAIN: that was all. */

static selkies_status_t
ngx_http_selkies_next_cached(ngx_http_selkies_session_t *s,
    selkies_packet_t *packet)
{
    selkies_status_t   rc;
    selkies_join_t    *join = s->display->join;

    for ( ;; ) {
        rc = selkies_join_get(join, s->display->ring, &s->join, &s->next,
                              packet);

        if (rc != SELKIES_OK || !(packet->flags & SELKIES_PACKET_ROW)
            || !selkies_join_superseded(join, packet))
        {
            return rc;
        }

        s->join++;
        s->next = packet->number + 1;
    }
}


/*
 * A key to begin with, and what follows it: the join cache's; where that has
 * none, the ring's, if it has come just now.  NGX_DECLINED: there is none for
 * this client; NGX_AGAIN: it has had a large burst a moment ago.
 */

static ngx_int_t
ngx_http_selkies_find_key(ngx_http_selkies_session_t *s,
    selkies_packet_t *packet)
{
    selkies_ring_t    *ring = s->display->ring;
    selkies_stream_t  *stream = s->display->stream;
    selkies_packet_t   last;

    /* what nobody watched may have been long ago */

    if (atomic_load(&stream->engine_state) != SELKIES_STREAM_READY) {
        return NGX_DECLINED;
    }

    if (selkies_join_start(s->display->join, packet, &last) == SELKIES_OK) {

        if (!ngx_http_selkies_key_serves(s, packet, &last)) {
            return NGX_DECLINED;
        }

        if (last.chain_bytes > NGX_HTTP_SELKIES_CATCH_BYTES
            && ngx_http_selkies_key_is_early(s, s->joined_at))
        {
            return NGX_AGAIN;
        }

        s->join = packet->twin;
        s->join_head = last.number;
        s->joined_at = last.chain ? ngx_current_msec : 0;
        atomic_fetch_add(&stream->statistics.joins, 1);

        return NGX_OK;
    }

    if (selkies_ring_get(ring, selkies_ring_key(ring), packet) != SELKIES_OK
        || selkies_ring_get(ring, selkies_ring_head(ring), &last)
           != SELKIES_OK
        || last.chain_bytes > NGX_HTTP_SELKIES_CATCH_BYTES
        || !ngx_http_selkies_key_serves(s, packet, &last))
    {
        return NGX_DECLINED;
    }

    s->join = 0;
    s->joined_at = 0;
    s->join_head = last.number;

    return NGX_OK;
}


/*
 * Whether the key is one for this client, and what follows it little enough:
 * for who skipped pictures because its link is slow, a key alone may be less.
 */

static ngx_uint_t
ngx_http_selkies_key_serves(ngx_http_selkies_session_t *s,
    const selkies_packet_t *key, const selkies_packet_t *last)
{
    if (key->number <= s->key_after
        || key->epoch != atomic_load(&s->display->stream->engine_epoch)
        || ((last->flags & SELKIES_PACKET_CHAINED) && !s->lite))
    {
        return 0;
    }

    return !s->behind || !s->skipped
           || last->chain_bytes <= ngx_max(NGX_HTTP_SELKIES_CATCH_BYTES,
                                           key->length_bytes);
}


ngx_uint_t
ngx_http_selkies_session_whole(ngx_http_selkies_session_t *s,
    const selkies_packet_t *packet)
{
    return packet->twin ? selkies_join_whole(s->display->join, packet)
                        : selkies_ring_whole(s->display->ring, packet);
}


/*
 * Behind, with the gate open again: whether a key has made what was missed
 * superfluous, or would be less.  What came along with a key, and what was
 * made while this worker was busy, is no backlog.
 */

static ngx_uint_t
ngx_http_selkies_too_far(ngx_http_selkies_session_t *s,
    const selkies_packet_t *packet)
{
    uint64_t           head;
    selkies_ring_t    *ring = s->display->ring;
    selkies_packet_t   last;

    head = selkies_ring_head(ring);

    /* of rows nothing is sent that is not needed yet: see above */

    if (head <= packet->number || (packet->flags & SELKIES_PACKET_ROW)) {
        return 0;
    }

    if (selkies_ring_key(ring) > packet->number) {
        return 1;
    }

    /* nor of a burst, which its link takes faster than it grows */

    if (packet->number <= s->join_head || (packet->twin && !s->behind)
        || selkies_clock_us() - packet->encoded_us
           < NGX_HTTP_SELKIES_CATCH_US)
    {
        return 0;
    }

    return selkies_ring_get(ring, head, &last) != SELKIES_OK
           || last.chain_bytes - packet->chain_bytes
              > NGX_HTTP_SELKIES_CATCH_BYTES;
}


/*
 * Wishes of many become one key; a client's own are half a second apart, late
 * but never lost.
 */

static void
ngx_http_selkies_ask_key(ngx_http_selkies_session_t *s)
{
    uint64_t  key;

    key = selkies_ring_key(s->display->ring);

    if (s->key_wanted && key == s->key_known) {

        /* it is being made */

        return;
    }

    if (ngx_http_selkies_key_is_early(s, s->key_asked)) {
        return;
    }

    s->key_wanted = 1;
    s->key_known = key;
    s->key_asked = ngx_current_msec;

    atomic_fetch_add(&s->display->stream->wanted_keys, 1);
    ngx_http_selkies_session_update_gate(s);
    ngx_http_selkies_ring_display(s->display);
}


static ngx_uint_t
ngx_http_selkies_key_is_early(ngx_http_selkies_session_t *s, ngx_msec_t last)
{
    ngx_msec_t  since;

    since = ngx_current_msec - last;

    if (last == 0 || since >= NGX_HTTP_SELKIES_KEY_MS) {
        return 0;
    }

    if (!(s->armed & (1 << NGX_HTTP_SELKIES_KEY))) {
        ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_KEY,
                             NGX_HTTP_SELKIES_KEY_MS - since);
    }

    return 1;
}


void
ngx_http_selkies_session_announce(ngx_http_selkies_session_t *s,
    ngx_uint_t width, ngx_uint_t height, ngx_uint_t reset)
{
    size_t       len;
    u_char       buf[256];
    const char  *id = ngx_http_selkies_screen_id(s->display);

    len = selkies_format_stream_resolution(buf, sizeof(buf), s->dialect, id,
                                           (uint32_t) width,
                                           (uint32_t) height);
    ngx_http_selkies_text(s, buf, len);

    if (s->announce) {
        len = ngx_http_selkies_screens_config(s, buf, sizeof(buf));
        ngx_http_selkies_text(s, buf, len);
    }

    if (reset) {
        len = selkies_format_pipeline_resetting(buf, sizeof(buf), id);
        ngx_http_selkies_text(s, buf, len);
    }

    s->announce = 0;
    s->reset = 0;
}


void
ngx_http_selkies_session_sent(ngx_http_selkies_session_t *s,
    const selkies_packet_t *packet)
{
    s->next = packet->number + 1;
    s->pictures++;

    if (packet->twin) {
        s->join = packet->twin + 1;
    }

    if (s->media_bytes == s->acked_bytes) {
        s->flight_us = selkies_clock_us();
    }

    s->media_bytes += packet->length_bytes;
    ngx_http_selkies_link_sent(s, packet);

    if (packet->flags & SELKIES_PACKET_KEY) {
        s->key_wanted = 0;
    }

    if (s->clip_watch || s->clip_read) {
        ngx_http_selkies_clipboard_due(s);
    }

    if (s->probe == 0 && ngx_http_selkies_probe_is_due(s)) {
        ngx_http_selkies_probe(s, packet->number);
    }
}


/* The way's round trip is best measured before pictures are on it. */

void
ngx_http_selkies_session_first_probe(ngx_http_selkies_session_t *s)
{
    ngx_http_selkies_probe(s, UINT64_MAX);
}


/* A full flight is only known to have landed by a pong. */

static ngx_uint_t
ngx_http_selkies_probe_is_due(ngx_http_selkies_session_t *s)
{
    uint64_t  bytes;

    bytes = NGX_HTTP_SELKIES_PROBE_BYTES;

    /*
     * A slow way is asked as often as others; one that had nothing to spare,
     * with each picture, so that it is soon known when that is over.
     */

    if (s->link.tight) {
        bytes = 1;

    } else if (s->link.rate != 0) {
        bytes = ngx_min(s->link.rate * NGX_HTTP_SELKIES_PROBE_US / 1000000,
                        bytes);
    }

    return s->media_bytes - s->probe_bytes >= bytes
           || ngx_http_selkies_flight_is_full(s);
}


/* A ping behind the pictures: any browser answers in order. */

static void
ngx_http_selkies_probe(ngx_http_selkies_session_t *s, uint64_t number)
{
    s->probe = number;
    s->probe_sent_us = selkies_clock_us();
    s->probe_bytes = s->media_bytes;
    ngx_http_selkies_link_asked(s);

    ngx_http_selkies_queue(s, SELKIES_WEBSOCKET_PING, (u_char *) &number,
                           sizeof(uint64_t));
}


void
ngx_http_selkies_session_pong(ngx_http_selkies_session_t *s,
    const u_char *data, size_t len)
{
    uint64_t  now, rtt, base, number;

    if (ngx_http_selkies_clipboard_pong(s, data, len)) {
        return;
    }

    if (s->probe == 0 || len != sizeof(uint64_t)) {
        return;
    }

    ngx_memcpy(&number, data, sizeof(uint64_t));

    if (number != s->probe) {
        return;
    }

    now = selkies_clock_us();
    rtt = ngx_max(now - s->probe_sent_us, 1);
    base = ngx_http_selkies_best_rtt(s);

    ngx_http_selkies_measure(s, now, rtt);
    ngx_http_selkies_link_measured(s, now, rtt, base ? base : rtt);

    s->probe = 0;
    s->acked_bytes = s->probe_bytes;
    s->acked_us = now;

    if (ngx_http_selkies_probe_is_due(s)) {
        ngx_http_selkies_probe(s, s->next);
    }
}


static void
ngx_http_selkies_measure(ngx_http_selkies_session_t *s, uint64_t now_us,
    uint64_t rtt_us)
{
    uint64_t    start, delivery;
    ngx_uint_t  late;

    /* without any measure there is nothing to be late for */

    late = s->rtt_base_us != 0 && rtt_us >= ngx_http_selkies_window(s);

    if (s->rtt_base_us == 0 || rtt_us < s->rtt_base_us) {
        s->rtt_base_us = rtt_us;
    }

    s->rtt_us = s->rtt_us ? (s->rtt_us * 7 + rtt_us) / 8 : rtt_us;

    if (ngx_current_msec - s->rtt_period > NGX_HTTP_SELKIES_RTT_PERIOD_MS) {
        s->rtt_period = ngx_current_msec;
        s->rtt_min_us[1] = s->rtt_min_us[0];
        s->rtt_min_us[0] = rtt_us;

    } else if (rtt_us < s->rtt_min_us[0] || s->rtt_min_us[0] == 0) {
        s->rtt_min_us[0] = rtt_us;
    }

    if (!late) {
        s->proven = ngx_max(s->probe_bytes - s->acked_bytes, s->proven);
    }

    /* from the last pong on the link was busy, or else since the flight */

    start = ngx_max(s->acked_us, s->flight_us);
    delivery = (s->probe_bytes - s->acked_bytes) * 1000000
               / ngx_max(now_us - start, 1000);

    if (late) {
        s->delivery = s->behind ? (s->delivery * 3 + delivery) / 4 : delivery;
        s->behind = 1;
        s->behind_until = ngx_current_msec + NGX_HTTP_SELKIES_BEHIND_MS;

    } else if (s->behind && delivery > s->delivery) {
        s->delivery = (s->delivery * 3 + delivery) / 4;
    }
}
