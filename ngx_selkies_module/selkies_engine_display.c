
/*
 * Copyright (C) ngx_selkies authors
 *
 * The display thread: damage -> capture -> conversion -> encoder -> ring, on
 * one core, with no queue and no hand-over in between.  A capture follows the
 * damage at once; the frame rate is a cap and not a clock.  Nothing runs when
 * nothing changes, when nobody watches or when everybody is behind: damage
 * just accumulates in the X server.
 *
 * Thread: this is it.  Ownership: X connection, picture and encoder are its
 * own; of the ring it is the one writer.
 */


#include <string.h>

#include "../encoders/convert.h"
#include "../encoders/encoder.h"
#include "../encoders/lite.h"
#include "../encoders/quality.h"
#include "selkies_engine_private.h"
#include "selkies_protocol.h"
#include "selkies_websocket.h"


#define SELKIES_DISPLAY_KEY_US       250000     /* between two keys */
#define SELKIES_DISPLAY_FAILURE_US  2000000     /* after an encoder's failure */

/*
 * Lite pictures code all that changed since the last anchor again and again:
 * beyond these sizes an anchor is cheaper.  The QP is visually lossless.
 */

#define SELKIES_DISPLAY_LITE_QP     16
#define SELKIES_DISPLAY_LITE_MBS    64
#define SELKIES_DISPLAY_LITE_BYTES  1200


typedef struct {
    selkies_engine_t        *engine;
    selkies_stream_t        *stream;

    selkies_screen_t        *screen;
    selkies_picture_t        picture;
    selkies_encoder_t       *encoder;
    selkies_lite_t          *lite;
    selkies_encoder_conf_t   conf;
    selkies_quality_t        quality;

    uint64_t                 retry_us;
    uint64_t                 unwatched_us;      /* since; 0 while watched */
    uint64_t                 pending_us;        /* damage seen; 0: none */
    uint64_t                 last_us;           /* last picture began */
    uint64_t                 key_us;            /* last key */
    uint64_t                 failed_us;         /* last failure; 0: none */
    uint64_t                 size_us;           /* resize awaited since */
    uint32_t                 keys;              /* requests answered */
    unsigned                 started:1;
    unsigned                 fresh:1;           /* no picture of it yet */
    unsigned                 failing:1;         /* and that was logged */
    unsigned                 oversized:1;       /* the ring took no key */
    unsigned                 ahead:1;           /* lite pictures show more than
                                                   the last anchor */
} selkies_display_t;


static uint64_t selkies_display_step(selkies_display_t *d);
static uint64_t selkies_display_unwatched(selkies_display_t *d);
static selkies_status_t selkies_display_open(selkies_display_t *d);
static void selkies_display_close(selkies_display_t *d);
static void selkies_display_reset(selkies_display_t *d);
static uint64_t selkies_display_awaited(selkies_display_t *d, uint64_t now);
static selkies_status_t selkies_display_prepare(selkies_display_t *d);
static void selkies_display_wishes(selkies_display_t *d,
    selkies_encoder_conf_t *conf, selkies_quality_conf_t *quality);
static uint64_t selkies_display_picture(selkies_display_t *d, uint64_t now);
static selkies_status_t selkies_display_capture(selkies_display_t *d);
static selkies_status_t selkies_display_encode(selkies_display_t *d,
    uint64_t now, bool key);
static selkies_status_t selkies_display_anchor(selkies_display_t *d,
    uint64_t now, uint64_t seen_us, int qp, bool key, bool paintover);
static int selkies_display_anchor_qp(const selkies_display_t *d, int qp,
    size_t changed);
static selkies_status_t selkies_display_lite(selkies_display_t *d,
    uint64_t now, uint64_t seen_us);
static bool selkies_display_plain(const selkies_display_t *d);
static bool selkies_display_publish(selkies_display_t *d,
    const selkies_access_unit_t *au, uint64_t capture_us, unsigned flags);


void *
selkies_engine_display(void *data)
{
    int                fd;
    uint64_t           timeout_us;
    selkies_engine_t  *engine = data;
    selkies_display_t  display, *d;

    d = &display;
    memset(d, 0, sizeof(selkies_display_t));

    d->engine = engine;
    d->stream = engine->conf.stream;
    d->retry_us = SELKIES_ENGINE_RETRY_MIN_US;

    while (!selkies_engine_stopping(engine)) {
        timeout_us = selkies_display_step(d);

        if (timeout_us == 0) {
            continue;
        }

        fd = d->screen ? selkies_screen_fd(d->screen) : -1;

        selkies_bell_wait(engine->conf.display_bell, fd, timeout_us);
    }

    selkies_display_close(d);

    return NULL;
}


/* Does what is to be done now; how long to sleep after it. */

static uint64_t
selkies_display_step(selkies_display_t *d)
{
    unsigned  bits;
    uint64_t  now, wait;

    wait = selkies_display_unwatched(d);

    if (d->unwatched_us != 0) {

        /* a change of size must not fill Xlib's queue meanwhile */

        if (d->screen != NULL
            && (selkies_screen_dispatch(d->screen) & SELKIES_SCREEN_LOST))
        {
            selkies_display_close(d);
        }

        return wait;
    }

    if (d->screen == NULL && selkies_display_open(d) != SELKIES_OK) {
        return d->retry_us;
    }

    bits = selkies_screen_dispatch(d->screen);

    if (bits & SELKIES_SCREEN_LOST) {
        selkies_display_close(d);
        return 0;
    }

    now = selkies_clock_us();

    wait = selkies_display_awaited(d, now);

    if (wait != 0) {
        return wait;
    }

    if (!d->started || (bits & SELKIES_SCREEN_GEOMETRY)
        || d->encoder == NULL)
    {
        if (d->failed_us != 0
            && now - d->failed_us < SELKIES_DISPLAY_FAILURE_US)
        {
            return d->failed_us + SELKIES_DISPLAY_FAILURE_US - now;
        }

        switch (selkies_display_prepare(d)) {

        case SELKIES_OK:
            bits = selkies_screen_dispatch(d->screen);
            break;

        case SELKIES_LOST:
            selkies_display_close(d);
            return 0;

        default:
            d->failed_us = now;
            d->failing = 1;
            selkies_engine_publish_state(d->engine, SELKIES_STREAM_NO_ENCODER);
            return SELKIES_DISPLAY_FAILURE_US;
        }
    }

    if ((bits & SELKIES_SCREEN_DAMAGE) && d->pending_us == 0) {
        d->pending_us = now;
    }

    return selkies_display_picture(d, now);
}


/*
 * Nobody watches: damage is not even reported, and after a while the X server
 * is let go.
 */

static uint64_t
selkies_display_unwatched(selkies_display_t *d)
{
    uint64_t           now, until;
    selkies_engine_t  *engine = d->engine;

    if (selkies_engine_readers(engine) != 0) {
        d->unwatched_us = 0;
        atomic_store(&engine->display_idle, false);
        return 0;
    }

    now = selkies_clock_us();

    if (d->unwatched_us == 0) {
        d->unwatched_us = now;

        if (d->screen != NULL) {
            selkies_screen_stop(d->screen);
        }

        selkies_display_reset(d);
        selkies_engine_publish_state(engine, SELKIES_STREAM_OFF);
    }

    until = d->unwatched_us + engine->conf.idle_us;

    if (now < until) {
        return until - now;
    }

    selkies_display_close(d);

    if (!atomic_exchange(&engine->display_idle, true)) {
        engine->conf.wake(engine->conf.data, engine->index);
    }

    return UINT64_MAX;
}


static selkies_status_t
selkies_display_open(selkies_display_t *d)
{
    selkies_engine_t       *engine = d->engine;
    selkies_screen_conf_t   conf;

    conf.display = engine->conf.display;
    conf.xauthority = engine->conf.xauthority;
    conf.interrupt = &engine->display_interrupt;
    conf.framebuffer_fd = engine->conf.framebuffer_fd;
    conf.mode = engine->conf.capture;

    d->screen = selkies_screen_open(&conf, engine->conf.log);

    if (d->screen == NULL) {
        selkies_engine_publish_state(engine, SELKIES_STREAM_MISSING);

        if (d->retry_us < SELKIES_ENGINE_RETRY_MAX_US) {
            d->retry_us *= 2;
        }

        return SELKIES_AGAIN;
    }

    d->retry_us = SELKIES_ENGINE_RETRY_MIN_US;
    d->size_us = selkies_clock_us();

    /* this server starts at a size of its own: the desktop thread looks */

    atomic_store(&d->stream->engine_size, 0);
    selkies_bell_ring(engine->conf.desktop_bell);

    strncpy(d->stream->engine_capture, selkies_screen_tier(d->screen),
            sizeof(d->stream->engine_capture) - 1);

    return SELKIES_OK;
}


static void
selkies_display_close(selkies_display_t *d)
{
    if (d->screen == NULL) {
        return;
    }

    selkies_display_reset(d);
    selkies_screen_close(d->screen);
    d->screen = NULL;

    if (d->unwatched_us == 0 && !selkies_engine_stopping(d->engine)) {
        selkies_engine_publish_state(d->engine, SELKIES_STREAM_MISSING);
    }
}


/* The encoder and its picture: what is made anew for another size. */

static void
selkies_display_reset(selkies_display_t *d)
{
    selkies_lite_close(d->lite);
    selkies_encoder_close(d->encoder);
    selkies_picture_finish(&d->picture);

    d->lite = NULL;
    d->encoder = NULL;
    d->ahead = 0;
    d->started = 0;
    d->pending_us = 0;
    d->failed_us = 0;
}


/*
 * While the first client makes its mind up about the size, or the desktop
 * thread is changing it, a picture would be wasted on the old one.  How long
 * to wait yet, 0 for not at all.
 */

static uint64_t
selkies_display_awaited(selkies_display_t *d, uint64_t now)
{
    uint64_t  wanted;

    wanted = atomic_load(&d->stream->wanted_size);

    if (selkies_size_width(wanted) != 0
        && wanted == atomic_load(&d->stream->engine_size))
    {
        d->size_us = 0;
        return 0;
    }

    if (d->size_us == 0) {
        d->size_us = now;
    }

    if (now - d->size_us >= SELKIES_ENGINE_RESIZE_US) {
        return 0;
    }

    return d->size_us + SELKIES_ENGINE_RESIZE_US - now;
}


/* Opens picture and encoder for the size the screen has now. */

static selkies_status_t
selkies_display_prepare(selkies_display_t *d)
{
    int32_t                  width, height;
    selkies_status_t         rc;
    const selkies_log_t     *log;
    selkies_engine_t        *engine = d->engine;
    selkies_quality_conf_t   quality;

    /* what fails again and again is said once */

    log = d->failing ? NULL : engine->conf.log;

    rc = selkies_screen_size(d->screen, &width, &height);

    if (rc != SELKIES_OK) {
        return rc;
    }

    width &= ~1;
    height &= ~1;

    if (d->encoder != NULL && width == d->picture.width
        && height == d->picture.height)
    {
        return SELKIES_OK;
    }

    selkies_display_reset(d);

    if (selkies_picture_init(&d->picture, width, height) != SELKIES_OK) {
        selkies_log(log, SELKIES_LOG_ERR,
                    "display %s: a picture of %dx%d cannot be made",
                    engine->conf.display, (int) width, (int) height);
        return SELKIES_ERROR;
    }

    memset(&d->conf, 0, sizeof(selkies_encoder_conf_t));
    d->conf.width = width;
    d->conf.height = height;
    selkies_display_wishes(d, &d->conf, &quality);

    d->encoder = selkies_encoder_open(SELKIES_CODEC_H264, NULL, &d->conf, log);

    if (d->encoder == NULL) {
        selkies_log(log, SELKIES_LOG_ERR,
                    "display %s: no encoder takes a picture of %dx%d",
                    engine->conf.display, (int) width, (int) height);
        return SELKIES_ERROR;
    }

    d->lite = selkies_lite_open(SELKIES_DISPLAY_LITE_QP, log);

    if (d->lite == NULL) {
        return SELKIES_ERROR;
    }

    selkies_quality_init(&d->quality, &quality);

    rc = selkies_screen_start(d->screen);

    if (rc != SELKIES_OK) {
        return rc;
    }

    selkies_screen_damage_all(d->screen);

    d->started = 1;
    d->fresh = 1;
    d->failing = 0;
    d->failed_us = 0;
    d->oversized = 0;

    atomic_fetch_add(&d->stream->engine_epoch, 1);
    atomic_store(&d->stream->engine_picture,
                 selkies_size_pack(0, (uint32_t) width, (uint32_t) height));

    selkies_log(engine->conf.log, SELKIES_LOG_INFO,
                "display %s: %dx%d, capture by %s, encoder %s, conversion %s",
                engine->conf.display, (int) width, (int) height,
                selkies_screen_tier(d->screen), d->encoder->ops->name,
                selkies_convert_name(d->picture.variant));

    selkies_engine_publish_state(engine, SELKIES_STREAM_READY);

    return SELKIES_OK;
}


static void
selkies_display_wishes(selkies_display_t *d, selkies_encoder_conf_t *conf,
    selkies_quality_conf_t *quality)
{
    uint32_t  paintover;

    conf->fps = (int) atomic_load(&d->stream->wanted_fps);
    conf->qp = (int) atomic_load(&d->stream->wanted_qp);

    paintover = atomic_load(&d->stream->wanted_paintover_qp);

    quality->qp = conf->qp;
    quality->paintover = paintover != 0;
    quality->paintover_qp = paintover ? (int) paintover : conf->qp;

    conf->paintover_qp = quality->paintover_qp;
}


/*
 * Makes one picture if there is a reason and a taker.  How long to sleep, 0
 * to look again at once.
 */

static uint64_t
selkies_display_picture(selkies_display_t *d, uint64_t now)
{
    bool               key;
    uint64_t           due, wait, deadline;
    selkies_status_t   rc;
    selkies_engine_t  *engine = d->engine;

    key = atomic_load(&d->stream->wanted_keys) != d->keys;
    deadline = selkies_quality_deadline_us(&d->quality);

    /* a black screen is no change to a new picture, but must be shown */

    if (d->fresh && d->pending_us == 0) {
        d->pending_us = now;
    }

    if (d->ahead && d->pending_us == 0 && selkies_display_plain(d)) {
        d->pending_us = now;
    }

    if (d->pending_us == 0 && !key && now < deadline) {
        return deadline == SELKIES_QUALITY_NEVER ? UINT64_MAX : deadline - now;
    }

    if (selkies_stream_count(engine->conf.shared, engine->index,
                             SELKIES_COUNT_GATES) == 0)
    {
        return UINT64_MAX;
    }

    due = d->last_us + 1000000 / (uint64_t) d->conf.fps;
    wait = now < due ? due - now : 0;

    if (key && now < d->key_us + SELKIES_DISPLAY_KEY_US) {

        /* late but never lost; damage meanwhile goes on without it */

        if (d->pending_us == 0 && now < deadline) {
            return d->key_us + SELKIES_DISPLAY_KEY_US - now;
        }

        key = false;
    }

    if (wait != 0) {
        return wait;
    }

    rc = selkies_display_capture(d);

    if (rc == SELKIES_OK) {
        rc = selkies_display_encode(d, now, key);
    }

    switch (rc) {

    case SELKIES_LOST:
        selkies_display_close(d);
        break;

    case SELKIES_ERROR:
        selkies_display_reset(d);
        d->failed_us = now;
        break;

    default:
        break;
    }

    return 0;
}


static selkies_status_t
selkies_display_capture(selkies_display_t *d)
{
    selkies_frame_t   frame;
    selkies_status_t  rc;

    rc = selkies_screen_acquire(d->screen, &frame);

    switch (rc) {

    case SELKIES_OK:
        selkies_convert(&d->picture, &frame);
        selkies_screen_release(d->screen);
        return SELKIES_OK;

    case SELKIES_AGAIN:
        return SELKIES_OK;

    default:
        return rc;
    }
}


static selkies_status_t
selkies_display_encode(selkies_display_t *d, uint64_t now, bool key)
{
    bool                        plain;
    size_t                      total, changed;
    uint64_t                    seen_us;
    selkies_status_t            rc;
    selkies_encoder_conf_t      conf;
    selkies_quality_conf_t      quality;
    selkies_quality_decision_t  decision;

    conf = d->conf;
    selkies_display_wishes(d, &conf, &quality);

    if (memcmp(&conf, &d->conf, sizeof(selkies_encoder_conf_t)) != 0) {
        rc = selkies_encoder_reconfigure(d->encoder, &conf);

        if (rc == SELKIES_REINIT) {
            selkies_display_reset(d);
            return SELKIES_AGAIN;
        }

        d->conf = conf;
        selkies_quality_configure(&d->quality, &quality);
    }

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

    if (!key && !d->fresh && !d->oversized && !decision.paintover && !plain
        && changed <= SELKIES_DISPLAY_LITE_MBS)
    {
        rc = selkies_display_lite(d, now, seen_us);

        if (rc != SELKIES_AGAIN) {
            return rc;
        }
    }

    return selkies_display_anchor(d, now, seen_us,
                                  selkies_display_anchor_qp(d, decision.qp,
                                                            changed),
                                  key, decision.paintover);
}


static selkies_status_t
selkies_display_anchor(selkies_display_t *d, uint64_t now, uint64_t seen_us,
    int qp, bool key, bool paintover)
{
    selkies_status_t       rc;
    selkies_access_unit_t  au;

    rc = selkies_encoder_encode(d->encoder, &d->picture, qp,
                                key || d->oversized, now, &au);

    if (rc == SELKIES_OK) {
        rc = selkies_lite_anchor(d->lite, &au, &au);
    }

    if (rc != SELKIES_OK) {
        return rc == SELKIES_REINIT ? SELKIES_ERROR : rc;
    }

    d->last_us = now;
    d->fresh = 0;
    d->ahead = 0;

    selkies_picture_clear_dirty(&d->picture);
    selkies_quality_coded(&d->quality, now, au.kind, au.qp, paintover);

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
selkies_display_anchor_qp(const selkies_display_t *d, int qp, size_t changed)
{
    const selkies_quality_t  *q = &d->quality;

    if (d->oversized) {
        return SELKIES_ENCODER_QP_LIMIT;
    }

    if (changed <= SELKIES_DISPLAY_LITE_MBS && q->conf.paintover
        && qp == q->conf.qp && q->worst_qp <= q->conf.paintover_qp)
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

    d->last_us = now;
    d->ahead = 1;

    selkies_picture_clear_dirty(&d->picture);
    selkies_quality_coded(&d->quality, now, au.kind, au.qp, 0);

    return SELKIES_OK;
}


/* Whether somebody watches who takes no lite pictures. */

static bool
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
    packet.capture_us = capture_us;
    packet.encoded_us = selkies_clock_us();

    atomic_fetch_add(&statistics->pictures, 1);
    atomic_fetch_add(&statistics->bytes, au->len);
    atomic_fetch_add(&statistics->keys, (flags & SELKIES_PACKET_KEY) != 0);
    atomic_fetch_add(&statistics->lites, (flags & SELKIES_PACKET_LITE) != 0);
    selkies_histogram_add(&statistics->encode, packet.encoded_us - capture_us);

    selkies_ring_publish(d->engine->ring, &packet);
    d->engine->conf.wake(d->engine->conf.data, d->engine->index);

    return true;
}
