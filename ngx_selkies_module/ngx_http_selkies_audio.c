
/*
 * Copyright (C) ngx_selkies authors
 *
 * The desktop's sound for a client: whether it hears it, what it is told of
 * it, which packet it gets next.
 *
 * A client's packets go out ahead of its pictures and are not held back with
 * them.  They are not queued either: one that would be heard late is skipped,
 * whether it is late here or would wait in the socket.
 *
 * Thread: the event loop.
 */


#include "ngx_http_selkies_module.h"

#include "../encoders/opus.h"
#include "selkies_red.h"

#if (NGX_LINUX)
#include <linux/sockios.h>
#endif


#define NGX_HTTP_SELKIES_AUDIO_LATE_US  200000

/* All of a message: copies, the packet, what is before them. */

#define NGX_HTTP_SELKIES_AUDIO_BYTES                                          \
    (SELKIES_RED_HEAD_BYTES(SELKIES_RED_MAX)                                  \
     + SELKIES_RED_MAX * SELKIES_RED_LENGTH_MAX + SELKIES_OPUS_PACKET_BYTES)


/* What a client was told last. */

enum {
    NGX_HTTP_SELKIES_AUDIO_UNTOLD = 0,
    NGX_HTTP_SELKIES_AUDIO_STARTED,
    NGX_HTTP_SELKIES_AUDIO_STOPPED
};


static void ngx_http_selkies_audio_listen(ngx_http_selkies_session_t *s);
static void ngx_http_selkies_audio_refuse(ngx_http_selkies_session_t *s);
static uint16_t ngx_http_selkies_audio_others(ngx_http_selkies_session_t *s);
static ngx_uint_t ngx_http_selkies_audio_waits(ngx_http_selkies_session_t *s);
static ngx_uint_t ngx_http_selkies_audio_before(ngx_http_selkies_session_t *s,
    const selkies_packet_t *packet, selkies_packet_t *before);
static void ngx_http_selkies_audio_payload(const selkies_packet_t *packet,
    selkies_red_t *payload);
static off_t ngx_http_selkies_unsent(ngx_http_selkies_session_t *s);


/* A display has one sound, however many screens: its first page's. */

ngx_uint_t
ngx_http_selkies_audio_available(ngx_http_selkies_session_t *s)
{
    return selkies_audio_built()
           && s->display->source->screen == 0
           && s->conf->effective->values[SELKIES_SET_AUDIO_ENABLED].number
           && s->display->source->pulse_server[0] != '\0';
}


void
ngx_http_selkies_audio_join(ngx_http_selkies_session_t *s)
{
    if (!s->audio_said) {
        ngx_http_selkies_audio_listen(s);
    }
}


static void
ngx_http_selkies_audio_listen(ngx_http_selkies_session_t *s)
{
    if (s->listening || s->dead || s->closing
        || !ngx_http_selkies_audio_available(s)
        || !ngx_http_selkies_may_watch(s))
    {
        return;
    }

    /* as with pictures: until somebody claims it, the operator's values */

    if (atomic_load(&s->display->stream->wanted_audio_samples) == 0) {
        ngx_http_selkies_audio_wish(s);
    }

    s->listening = 1;
    s->audio_next = selkies_ring_head(s->display->sound) + 1;
    s->audio_mark_us = 0;

    if (s->stereo) {
        ngx_http_selkies_count_stereo(s->display, 1);
    }

    ngx_http_selkies_count_listener(s->display, 1);
}


void
ngx_http_selkies_audio_leave(ngx_http_selkies_session_t *s)
{
    if (s->listening) {
        s->listening = 0;
        ngx_http_selkies_count_listener(s->display, -1);

        if (s->stereo) {
            ngx_http_selkies_count_stereo(s->display, -1);
        }
    }
}


void
ngx_http_selkies_audio_takes(ngx_http_selkies_session_t *s, ngx_uint_t red,
    ngx_uint_t stereo)
{
    s->red = red ? ngx_http_selkies_audio_redundancy(s) : 0;

    if (s->stereo == stereo) {
        return;
    }

    s->stereo = stereo;

    if (s->listening) {
        ngx_http_selkies_count_stereo(s->display, stereo ? 1 : -1);
    }
}


ngx_uint_t
ngx_http_selkies_audio_redundancy(ngx_http_selkies_session_t *s)
{
    selkies_setting_value_t  *values = s->conf->effective->values;

    return values[SELKIES_SET_AUDIO_REDUNDANCY].number
           ? (ngx_uint_t) values[SELKIES_SET_AUDIO_REDUNDANCY_DISTANCE].number
           : 0;
}


void
ngx_http_selkies_audio_wish(ngx_http_selkies_session_t *s)
{
    int32_t           *values = s->settings.values;
    uint32_t           samples, channels;
    selkies_stream_t  *stream = s->display->stream;

    /* in the order of the table; of each channel, at 48 kHz */

    static const uint32_t  durations[] = { 120, 240, 480, 960, 1920, 2880 };

    samples = durations[values[SELKIES_SET_AUDIO_FRAME_DURATION_MS]];
    channels = (uint32_t) values[SELKIES_SET_AUDIO_CHANNELS];

    atomic_store(&stream->wanted_audio_rate,
                 (uint32_t) values[SELKIES_SET_AUDIO_BITRATE]);

    if (atomic_exchange(&stream->wanted_audio_channels, channels) != channels
        || atomic_load(&stream->wanted_audio_samples) != samples)
    {
        atomic_store(&stream->wanted_audio_samples, samples);
        ngx_http_selkies_ring_audio(s->display);
    }
}


void
ngx_http_selkies_audio(ngx_http_selkies_session_t *s, selkies_command_t *cmd)
{
    s->audio_said = 1;
    s->audio_told = NGX_HTTP_SELKIES_AUDIO_UNTOLD;

    if (cmd->verb == SELKIES_VERB_STOP_AUDIO) {
        ngx_http_selkies_audio_leave(s);
        ngx_http_selkies_text_const(s, SELKIES_TEXT_AUDIO_STOPPED);
        return;
    }

    if (!ngx_http_selkies_audio_available(s)
        || !ngx_http_selkies_may_watch(s))
    {
        ngx_http_selkies_audio_refuse(s);
        return;
    }

    ngx_http_selkies_audio_listen(s);
    ngx_http_selkies_audio_tell(s);
}


static void
ngx_http_selkies_audio_refuse(ngx_http_selkies_session_t *s)
{
    if (s->dialect == SELKIES_DIALECT_2) {
        ngx_http_selkies_text_const(s, SELKIES_TEXT_AUDIO_DISABLED);
        return;
    }

    ngx_http_selkies_text_const(s, SELKIES_TEXT_AUDIO_STOPPED);
}


/* Only to who has asked for it: others do not wait for an answer. */

void
ngx_http_selkies_audio_tell(ngx_http_selkies_session_t *s)
{
    uint32_t  told;

    if (!s->listening || !s->audio_said) {
        return;
    }

    switch (atomic_load(&s->display->stream->engine_audio)) {

    case SELKIES_AUDIO_READY:
        told = NGX_HTTP_SELKIES_AUDIO_STARTED;
        break;

    case SELKIES_AUDIO_NO_SERVER:
    case SELKIES_AUDIO_NO_SOURCE:
    case SELKIES_AUDIO_NO_ENCODER:
        told = NGX_HTTP_SELKIES_AUDIO_STOPPED;
        break;

    default:

        /* it will be known soon */

        return;
    }

    if (told == s->audio_told) {
        return;
    }

    if (told == NGX_HTTP_SELKIES_AUDIO_STARTED) {
        ngx_http_selkies_text_const(s, SELKIES_TEXT_AUDIO_STARTED);

    } else if (s->audio_told == NGX_HTTP_SELKIES_AUDIO_UNTOLD) {
        ngx_http_selkies_audio_refuse(s);

    } else {
        ngx_http_selkies_text_const(s, SELKIES_TEXT_AUDIO_STOPPED);
    }

    s->audio_told = told;
}


void
ngx_http_selkies_audio_send(ngx_http_selkies_display_t *display)
{
    ngx_queue_t                 *q, *next;
    ngx_http_selkies_session_t  *s;

    for (q = ngx_queue_head(&display->sessions);
         q != ngx_queue_sentinel(&display->sessions);
         q = next)
    {
        next = ngx_queue_next(q);
        s = ngx_queue_data(q, ngx_http_selkies_session_t, queue);

        if (s->listening) {
            ngx_http_selkies_send(s);
        }
    }
}


ngx_int_t
ngx_http_selkies_audio_pick(ngx_http_selkies_session_t *s,
    selkies_packet_t *packet)
{
    selkies_ring_t  *ring = s->display->sound;

    if (!s->listening) {
        return NGX_DECLINED;
    }

    for ( ;; ) {

        switch (selkies_ring_get(ring, s->audio_next, packet)) {

        case SELKIES_OK:
            break;

        case SELKIES_AGAIN:
            return NGX_DECLINED;

        default: /* SELKIES_LOST: the writer is far ahead */
            s->audio_next = ngx_max(selkies_ring_head(ring),
                                    s->audio_next + 1);
            continue;
        }

        if (packet->flags & ngx_http_selkies_audio_others(s)) {

            /* not for it */

        } else if (packet->flags & SELKIES_PACKET_END) {

            if (s->dialect == SELKIES_DIALECT_2) {
                return NGX_OK;
            }

        } else if (selkies_clock_us() - packet->encoded_us
                   < NGX_HTTP_SELKIES_AUDIO_LATE_US
                   && !ngx_http_selkies_audio_waits(s))
        {
            return NGX_OK;
        }

        s->audio_next++;
    }
}


/* The flags of packets that are for other clients. */

static uint16_t
ngx_http_selkies_audio_others(ngx_http_selkies_session_t *s)
{
    return s->stereo ? SELKIES_PACKET_SURROUND : SELKIES_PACKET_STEREO;
}


/*
 * Whether the socket still holds a packet that was written long ago.  One is
 * looked at at a time, and the next one that is written when it has gone.
 */

static ngx_uint_t
ngx_http_selkies_audio_waits(ngx_http_selkies_session_t *s)
{
    uint64_t  gone;

    if (s->audio_mark_us == 0) {
        return 0;
    }

    gone = (uint64_t) (s->connection->sent - ngx_http_selkies_unsent(s));

    if ((int64_t) (gone - s->audio_mark) >= 0) {
        s->audio_mark_us = 0;
        return 0;
    }

    return selkies_clock_us() - s->audio_mark_us
           >= NGX_HTTP_SELKIES_AUDIO_LATE_US;
}


/* What the network was not given yet. */

static off_t
ngx_http_selkies_unsent(ngx_http_selkies_session_t *s)
{
#if (NGX_LINUX && defined SIOCOUTQNSD)

    int  unsent;

    if (ioctl(s->connection->fd, SIOCOUTQNSD, &unsent) == 0) {
        return unsent;
    }

#endif

    return 0;
}


void
ngx_http_selkies_audio_message(ngx_http_selkies_session_t *s,
    const selkies_packet_t *packet, selkies_packet_t *message)
{
    size_t            len;
    u_char           *out;
    ngx_uint_t        i, n;
    selkies_red_t     payloads[SELKIES_RED_MAX + 1];
    selkies_packet_t  packets[SELKIES_RED_MAX + 1];

    *message = *packet;

    if (s->red == 0 || (packet->flags & SELKIES_PACKET_END)) {
        return;
    }

    n = ngx_http_selkies_audio_before(s, packet, packets);

    if (n == 0) {
        return;
    }

    packets[n] = *packet;

    for (i = 0; i <= n; i++) {
        ngx_http_selkies_audio_payload(&packets[i], &payloads[i]);
    }

    out = ngx_http_selkies_scratch() + SELKIES_WEBSOCKET_HEADROOM;
    len = selkies_red_write(out, NGX_HTTP_SELKIES_AUDIO_BYTES, payloads,
                            (unsigned) n);

    /* what was copied is what was looked at */

    for (i = 0; i <= n; i++) {
        if (!selkies_ring_whole(s->display->sound, &packets[i])) {
            return;
        }
    }

    if (len != 0) {
        message->data = selkies_websocket_header_before(out,
                                                     SELKIES_WEBSOCKET_BINARY,
                                                     1, len);
        message->length_bytes = (uint32_t) (out + len - message->data);
    }
}


/* Those right before it that may be told beside it, the oldest first. */

static ngx_uint_t
ngx_http_selkies_audio_before(ngx_http_selkies_session_t *s,
    const selkies_packet_t *packet, selkies_packet_t *before)
{
    uint64_t          number;
    ngx_uint_t        n, first;
    selkies_red_t     payload;
    selkies_packet_t  one, newest[SELKIES_RED_MAX];

    n = 0;

    for (number = packet->number - 1; number != 0 && n < s->red; number--) {

        if (selkies_ring_get(s->display->sound, number, &one) != SELKIES_OK
            || (one.flags & SELKIES_PACKET_END))
        {
            break;
        }

        if (one.flags & ngx_http_selkies_audio_others(s)) {
            continue;
        }

        ngx_http_selkies_audio_payload(&one, &payload);

        if (!selkies_red_fits(&payload, packet->epoch)) {
            break;
        }

        newest[n++] = one;
    }

    for (first = 0; first < n; first++) {
        before[first] = newest[n - 1 - first];
    }

    return n;
}


/* The Opus packet of one in the ring, behind its two headers. */

static void
ngx_http_selkies_audio_payload(const selkies_packet_t *packet,
    selkies_red_t *payload)
{
    size_t  head;

    head = ((packet->data[1] & 0x7f) == 126 ? 4 : 2)
           + SELKIES_AUDIO_HEADER_BYTES;

    payload->data = packet->data + head;
    payload->len = packet->length_bytes - head;
    payload->time = packet->epoch;
}


ngx_int_t
ngx_http_selkies_audio_sent(ngx_http_selkies_session_t *s,
    const selkies_packet_t *packet, const selkies_packet_t *message)
{
    if (message->data == packet->data
        && !selkies_ring_whole(s->display->sound, packet))
    {
        ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                      "a packet of sound was overwritten while it was sent");
        return NGX_ERROR;
    }

    s->audio_next = packet->number + 1;
    s->audio_bytes += message->length_bytes;

    if (s->audio_mark_us == 0) {
        s->audio_mark = (uint64_t) s->connection->sent;
        s->audio_mark_us = selkies_clock_us();
    }

    return NGX_OK;
}
