
/*
 * Copyright (C) ngx_selkies authors
 *
 * What the socket of the controller tells of the way to it, for the display's
 * encoder (selkies_link.h).  The measure is the ping behind the pictures,
 * which any browser answers, through any proxy; what TCP knows of the first
 * part of the way says whether it is full, and sooner how slow it is.
 *
 * A viewer's way is of no interest here: it skips for itself.
 *
 * Thread: the event loop.
 */


#include "ngx_http_selkies_worker.h"

#include <netinet/tcp.h>
#include <stddef.h>


#define NGX_HTTP_SELKIES_ACK_US  1500000


#if (NGX_LINUX && defined TCP_INFO)

/*
 * What Linux answers to TCP_INFO, from 4.9 on; the C library's struct ends
 * before.  The kernel only ever appends.
 */

typedef struct {
    uint8_t     state[7];
    uint8_t     limited;            /* bit 0: the rate is not TCP's doing */
    uint32_t    words[24];
    uint64_t    counts[4];
    uint32_t    segments[2];
    uint32_t    notsent_bytes;
    uint32_t    min_rtt_us;
    uint32_t    data_segments[2];
    uint64_t    delivery_rate;      /* bytes a second */
} ngx_http_selkies_tcp_info_t;

#endif


static uint64_t ngx_http_selkies_unsent(ngx_http_selkies_session_t *s,
    uint64_t *rate);
#if (NGX_LINUX && defined TCP_INFO)
static uint64_t ngx_http_selkies_ask_tcp(ngx_socket_t fd, uint64_t *rate);
#endif
static void ngx_http_selkies_publish_link(ngx_http_selkies_session_t *s);


void
ngx_http_selkies_link_sent(ngx_http_selkies_session_t *s,
    const selkies_packet_t *packet)
{
    uint64_t  now;

    now = selkies_clock_us();

    if (s->sent_us == 0
        || (s->probe == 0
            && now - s->sent_us > SELKIES_LINK_LATE_US
                                  + ngx_http_selkies_best_rtt(s)))
    {
        s->busy_us = now;
        s->busy_bytes = s->media_bytes - packet->length_bytes;
    }

    /* pieces of one picture have one number */

    if (packet->frame_id != s->sent_frame || s->sent_us == 0) {
        s->sent_us = now;
        s->sent_bytes = 0;
    }

    s->sent_bytes += packet->length_bytes;

    s->sent_frame = packet->frame_id;

    /* rows that stand for themselves hold nobody up */

    if (packet->flags & SELKIES_PACKET_ROW) {
        s->ack_us = 0;

    } else if (s->acks && s->ack_us == 0) {
        s->ack_frame = packet->frame_id;
        s->ack_us = now;
    }
}


void
ngx_http_selkies_link_acked(ngx_http_selkies_session_t *s, uint16_t frame)
{
    s->acks = 1;

    if (s->ack_us == 0 || (int16_t) (uint16_t) (frame - s->ack_frame) < 0) {
        return;
    }

    s->ack_us = 0;

    if ((int16_t) (uint16_t) (s->sent_frame - frame) > 0) {
        s->ack_frame = s->sent_frame;
        s->ack_us = selkies_clock_us();
    }
}


/*
 * Pongs come from the browser's network process, whatever becomes of its page.
 * A page acknowledges every 50 ms, or once a second while it is hidden.
 */

ngx_uint_t
ngx_http_selkies_link_is_acked(ngx_http_selkies_session_t *s)
{
    return s->ack_us == 0
           || selkies_clock_us() - s->ack_us
              < NGX_HTTP_SELKIES_ACK_US + s->rtt_us + s->rtt_us / 2;
}


void
ngx_http_selkies_link_asked(ngx_http_selkies_session_t *s)
{
    uint64_t  rate;

    s->probe_alone = s->busy_us == s->sent_us;
    s->probe_picture = s->sent_bytes;
    s->probe_full = s->owner && ngx_http_selkies_unsent(s, &rate) != 0;
}


void
ngx_http_selkies_link_measured(ngx_http_selkies_session_t *s,
    uint64_t now_us, uint64_t rtt_us, uint64_t base_us)
{
    selkies_link_sample_t  sample;

    if (!s->owner || !s->watching) {
        return;
    }

    ngx_memzero(&sample, sizeof(selkies_link_sample_t));

    sample.now_us = now_us;
    sample.asked_us = now_us - rtt_us;
    sample.late_us = rtt_us > base_us ? rtt_us - base_us : 0;
    sample.alone = s->probe_alone;
    sample.picture_bytes = s->probe_picture;
    sample.busy_us = s->busy_us + base_us;
    sample.busy_bytes = s->busy_bytes;
    sample.arrived_bytes = s->probe_bytes;

    sample.unsent_bytes = ngx_http_selkies_unsent(s, &sample.tcp_rate);
    sample.full = s->probe_full || sample.unsent_bytes != 0;

    selkies_link_sample(&s->link, &sample);
    ngx_http_selkies_publish_link(s);
}


/* Bytes that wait on our side; TCP's measure of the rate, 0 for none. */

static uint64_t
ngx_http_selkies_unsent(ngx_http_selkies_session_t *s, uint64_t *rate)
{
    uint64_t  unsent;

    unsent = (s->rest_len - s->rest_pos) + (s->out_len - s->out_pos);
    *rate = 0;

#if (NGX_LINUX && defined TCP_INFO)
    unsent += ngx_http_selkies_ask_tcp(s->connection->fd, rate);
#endif

    return unsent;
}


#if (NGX_LINUX && defined TCP_INFO)

/* A socket that is none of TCP's, or an old kernel's, tells less. */

static uint64_t
ngx_http_selkies_ask_tcp(ngx_socket_t fd, uint64_t *rate)
{
    socklen_t                    len;
    ngx_http_selkies_tcp_info_t  info;

    len = sizeof(ngx_http_selkies_tcp_info_t);
    ngx_memzero(&info, sizeof(ngx_http_selkies_tcp_info_t));

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == -1
        || len < offsetof(ngx_http_selkies_tcp_info_t, min_rtt_us))
    {
        return 0;
    }

    if (len >= sizeof(ngx_http_selkies_tcp_info_t) && !(info.limited & 1)) {
        *rate = info.delivery_rate;
    }

    return info.notsent_bytes;
}

#endif


static void
ngx_http_selkies_publish_link(ngx_http_selkies_session_t *s)
{
    uint32_t          kbits, last;
    selkies_watch_t  *watch;

    if (ngx_http_selkies_worker.entry == NULL) {
        return;
    }

    watch = &ngx_http_selkies_worker.entry->watch[s->display->index];
    kbits = selkies_link_kbits(&s->link);

    last = atomic_exchange(&watch->link_kbits, kbits);
    atomic_store(&watch->link_tight, s->link.tight);

    /* who waits for a slower link than there is looks again */

    if (last != 0 && (kbits == 0 || kbits / 8 * 7 > last)) {
        ngx_http_selkies_ring_display(s->display);
    }
}


void
ngx_http_selkies_link_forget(ngx_http_selkies_session_t *s)
{
    s->ack_us = 0;
    s->sent_us = 0;

    if (s->link.rate == 0 && !s->link.tight) {
        return;
    }

    ngx_memzero(&s->link, sizeof(selkies_link_t));
    ngx_http_selkies_publish_link(s);
}
