
/*
 * Copyright (C) ngx_selkies authors
 *
 * What a picture becomes: nothing, a lite picture or one of the encoder, and
 * its way into the ring.  See selkies_engine_display.c for the rest.
 *
 * Thread: the display thread, the one writer of the ring.
 */


#include <string.h>

#include "selkies_engine_display.h"
#include "selkies_protocol.h"
#include "selkies_websocket.h"


/*
 * Lite pictures code all that changed since their base again and again:
 * beyond these sizes a link of the chain is cheaper, which becomes the base.
 * What is new in it is not predicted from anything, which suits text and what
 * a scroll uncovers; where there is more, as in a small video, the encoder is
 * better for a while.
 */

#define SELKIES_DISPLAY_LITE_MBS     64
#define SELKIES_DISPLAY_LITE_BYTES   600
#define SELKIES_DISPLAY_CHAIN_MBS    480
#define SELKIES_DISPLAY_CHAIN_BYTES  8000       /* of what is new, where not */
#define SELKIES_DISPLAY_CHAIN_MOVED  8          /* times as much has moved */
#define SELKIES_DISPLAY_CHAIN_US     300000
#define SELKIES_DISPLAY_VIDEO        3          /* such pictures in a row */
#define SELKIES_DISPLAY_REFUSALS     4          /* until it is left for that
                                                   long */


static selkies_status_t selkies_display_anchor(selkies_display_t *d,
    uint64_t now, uint64_t seen_us, int qp, bool key, bool paintover);
static int selkies_display_qp(const selkies_display_t *d, int qp,
    size_t changed);
static selkies_status_t selkies_display_lite(selkies_display_t *d,
    uint64_t now, uint64_t seen_us);
static selkies_status_t selkies_display_chain(selkies_display_t *d,
    uint64_t now, uint64_t seen_us, int qp);
static bool selkies_display_is_video(const selkies_display_t *d, size_t len);
static bool selkies_display_publish(selkies_display_t *d,
    const selkies_access_unit_t *au, uint64_t capture_us, unsigned flags);


selkies_status_t
selkies_display_encode(selkies_display_t *d, uint64_t now, bool key)
{
    int                         qp;
    bool                        plain;
    size_t                      total, changed;
    uint64_t                    seen_us;
    selkies_status_t            rc;
    selkies_quality_decision_t  decision;

    seen_us = d->pending_us ? d->pending_us : now;
    d->pending_us = 0;

    total = (size_t) d->picture.mb_width * (size_t) d->picture.mb_height;
    decision = selkies_quality_decide(&d->quality, now, d->picture.ndirty,
                                      total);
    changed = selkies_lite_pending(d->lite, &d->picture);
    plain = selkies_display_plain(d);

    if (!decision.encode && !key && !d->fresh && !(d->ahead && plain)) {
        return SELKIES_OK;
    }

    key |= decision.key;

    qp = selkies_display_qp(d, key || d->fresh ? decision.key_qp
                                               : decision.qp, changed);

    if (!key && !d->fresh && !d->oversized && !decision.paintover && !plain) {
        rc = SELKIES_AGAIN;

        /* what it shows it shows again: not where bandwidth is short */

        if (changed <= SELKIES_DISPLAY_LITE_MBS && !d->tight) {
            rc = selkies_display_lite(d, now, seen_us);
        }

        if (rc == SELKIES_AGAIN) {
            rc = selkies_display_chain(d, now, seen_us, decision.qp);
        }

        if (rc != SELKIES_AGAIN) {
            return rc;
        }
    }

    return selkies_display_anchor(d, now, seen_us, qp, key,
                                  decision.paintover);
}


static selkies_status_t
selkies_display_anchor(selkies_display_t *d, uint64_t now, uint64_t seen_us,
    int qp, bool key, bool paintover)
{
    selkies_status_t       rc;
    selkies_access_unit_t  au;

    /* an encoder may be fresh to those who watch, and not new */

    rc = selkies_encoder_encode(d->encoder, &d->picture, qp,
                                key || d->fresh || d->oversized, now, &au);

    if (rc == SELKIES_OK) {
        rc = selkies_lite_anchor(d->lite, &au, &au);
    }

    if (rc != SELKIES_OK) {
        return rc == SELKIES_REINIT ? SELKIES_ERROR : rc;
    }

    selkies_display_paced(d, now);
    d->fresh = 0;
    d->ahead = 0;

    selkies_lite_keep(d->lite, &d->picture);
    selkies_picture_clear_dirty(&d->picture);
    selkies_quality_coded(&d->quality, now, au.kind, au.qp, paintover,
                          au.len);

    if (!selkies_display_publish(d, &au, seen_us,
                                 au.kind == SELKIES_PICTURE_IDR
                                 ? SELKIES_PACKET_KEY : 0))
    {
        /* readers would miss a reference: a smaller key must follow */

        d->oversized = 1;
        atomic_fetch_add(&d->stream->statistics.oversized, 1);
        return SELKIES_OK;
    }

    d->oversized = 0;

    if (au.kind == SELKIES_PICTURE_IDR) {
        d->key_us = now;
        d->keys = atomic_load(&d->stream->wanted_keys);
    }

    atomic_store(&d->stream->engine_qp, (uint32_t) au.qp);

    return SELKIES_OK;
}


/*
 * A small change of a screen that is refined already, or was shown by lite
 * pictures, keeps that quality: it would only be lost for a moment.
 */

static int
selkies_display_qp(const selkies_display_t *d, int qp, size_t changed)
{
    const selkies_quality_t  *q = &d->quality;

    if (d->oversized) {
        return SELKIES_ENCODER_QP_LIMIT;
    }

    if (changed <= SELKIES_DISPLAY_LITE_MBS && q->conf.paintover
        && q->conf.rate_kbits == 0 && qp == q->conf.qp
        && q->worst_qp <= q->conf.paintover_qp)
    {
        return q->conf.paintover_qp < qp ? q->conf.paintover_qp : qp;
    }

    return qp;
}


/* AGAIN: it takes an anchor. */

static selkies_status_t
selkies_display_lite(selkies_display_t *d, uint64_t now, uint64_t seen_us)
{
    selkies_status_t       rc;
    selkies_access_unit_t  au;

    rc = selkies_lite_picture(d->lite, &d->picture, now, &au);

    if (rc != SELKIES_OK) {
        return rc;
    }

    if (au.len > SELKIES_DISPLAY_LITE_BYTES
        || !selkies_display_publish(d, &au, seen_us, SELKIES_PACKET_LITE))
    {
        return SELKIES_AGAIN;
    }

    selkies_display_paced(d, now);
    d->ahead = 1;

    selkies_picture_clear_dirty(&d->picture);
    selkies_quality_coded(&d->quality, now, au.kind, au.qp, 0, au.len);

    return SELKIES_OK;
}


/* A reference as an anchor is, but our own.  AGAIN: it takes the encoder. */

static selkies_status_t
selkies_display_chain(selkies_display_t *d, uint64_t now, uint64_t seen_us,
    int qp)
{
    selkies_status_t       rc;
    selkies_access_unit_t  au;

    if (now < d->chain_us) {
        return SELKIES_AGAIN;
    }

    /* copies cost nothing, however much of the screen changes by them */

    if (d->quality.conf.rate_kbits == 0) {
        qp = selkies_display_qp(d, d->quality.conf.qp, 0);
    }

    rc = selkies_lite_chain(d->lite, &d->picture, qp,
                            SELKIES_DISPLAY_CHAIN_MBS, now, &au);

    if (rc == SELKIES_AGAIN) {

        /* to find that out over and over would cost more than a picture */

        if (++d->chain_refused >= SELKIES_DISPLAY_REFUSALS) {
            d->chain_us = now + SELKIES_DISPLAY_CHAIN_US;
        }

        return rc;
    }

    if (rc != SELKIES_OK) {
        return rc;
    }

    selkies_display_paced(d, now);
    d->ahead = 1;
    d->chain_refused = 0;

    /*
     * Once it may be the first picture of something else, or be read while it
     * was drawn; a video goes on, and goes on after that time, too.
     */

    if (!selkies_display_is_video(d, au.len)) {
        d->chain_videos = 0;

    } else if (++d->chain_videos >= SELKIES_DISPLAY_VIDEO) {
        d->chain_us = now + SELKIES_DISPLAY_CHAIN_US;
        d->chain_videos = SELKIES_DISPLAY_VIDEO;
    }

    selkies_picture_clear_dirty(&d->picture);
    selkies_quality_coded(&d->quality, now, au.kind, au.qp, 0, au.len);

    if (!selkies_display_publish(d, &au, seen_us, SELKIES_PACKET_CHAIN)) {

        /* readers would miss a reference: a key must follow */

        d->oversized = 1;
        atomic_fetch_add(&d->stream->statistics.oversized, 1);
    }

    return SELKIES_OK;
}


/*
 * Whether the encoder would have done better with a picture of so many bytes.
 * Not where most of it is copied: the encoder's reference is older than the
 * chain, so it would code all of that again, once in any case.
 */

static bool
selkies_display_is_video(const selkies_display_t *d, size_t len)
{
    selkies_lite_counts_t  counts;

    if (len <= SELKIES_DISPLAY_CHAIN_BYTES) {
        return false;
    }

    selkies_lite_counts(d->lite, &counts);

    return counts.moved < (counts.inter + counts.intra + counts.pcm)
                          * SELKIES_DISPLAY_CHAIN_MOVED;
}


bool
selkies_display_plain(const selkies_display_t *d)
{
    return selkies_stream_count(d->engine->conf.shared, d->engine->index,
                                SELKIES_COUNT_PLAIN) != 0;
}


/* Writes the access unit into the ring as one websocket message. */

static bool
selkies_display_publish(selkies_display_t *d, const selkies_access_unit_t *au,
    uint64_t capture_us, unsigned flags)
{
    size_t                 size;
    uint8_t               *room, *payload, *start, type;
    uint16_t               frame_id;
    selkies_packet_t       packet;
    selkies_statistics_t  *statistics = &d->stream->statistics;

    static const uint8_t  types[] = {
        [SELKIES_PICTURE_IDR] = SELKIES_FRAME_KEY,
        [SELKIES_PICTURE_I] = SELKIES_FRAME_INTRA,
        [SELKIES_PICTURE_P] = SELKIES_FRAME_DELTA
    };

    size = SELKIES_VIDEO_HEADER_BYTES + au->len;

    room = selkies_ring_reserve(d->engine->ring,
                                SELKIES_WEBSOCKET_HEADROOM + size);

    if (room == NULL) {
        selkies_join_drop(d->engine->join);
        return false;
    }

    frame_id = (uint16_t) atomic_fetch_add(&d->stream->engine_frame, 1);
    type = types[au->kind];
    payload = room + SELKIES_WEBSOCKET_HEADROOM;

    selkies_video_header(payload, type, frame_id, 0,
                         (uint16_t) d->picture.width,
                         (uint16_t) d->picture.height);
    memcpy(payload + SELKIES_VIDEO_HEADER_BYTES, au->data, au->len);

    start = selkies_websocket_header_before(payload,
                                            SELKIES_WEBSOCKET_BINARY, 1, size);

    packet.data = start;
    packet.length_bytes = (uint32_t) (payload + size - start);
    packet.epoch = atomic_load(&d->stream->engine_epoch);
    packet.flags = (uint16_t) flags;
    packet.frame_id = frame_id;
    packet.width = (uint16_t) d->picture.width;
    packet.height = (uint16_t) d->picture.height;
    packet.y = 0;
    packet.capture_us = capture_us;
    packet.encoded_us = selkies_clock_us();

    atomic_fetch_add(&statistics->pictures, 1);
    atomic_fetch_add(&statistics->bytes, au->len);
    atomic_fetch_add(&statistics->keys, (flags & SELKIES_PACKET_KEY) != 0);
    atomic_fetch_add(&statistics->lites, (flags & SELKIES_PACKET_LITE) != 0);
    atomic_store(&statistics->encoded_us, packet.encoded_us);
    selkies_histogram_add(&statistics->encode, packet.encoded_us - capture_us);

    selkies_engine_put(d->engine, &packet);
    d->engine->conf.wake(d->engine->conf.data, d->engine->index);
    selkies_engine_attend(d->engine);

    return true;
}
