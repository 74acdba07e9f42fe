
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

#include "selkies_engine_display.h"


#define SELKIES_DISPLAY_KEY_US       250000     /* between two keys */
#define SELKIES_DISPLAY_FAILURE_US  2000000     /* after an encoder's failure */


static uint64_t selkies_display_step(selkies_display_t *d);
static uint64_t selkies_display_unwatched(selkies_display_t *d);
static selkies_status_t selkies_display_open(selkies_display_t *d);
static void selkies_display_foresee(selkies_display_t *d);
static void selkies_display_close(selkies_display_t *d);
static void selkies_display_rest(selkies_display_t *d);
static void selkies_display_reset(selkies_display_t *d);
static bool selkies_display_prepared(const selkies_display_t *d);
static selkies_status_t selkies_display_prepare(selkies_display_t *d);
static selkies_status_t selkies_display_make(selkies_display_t *d,
    int32_t width, int32_t height);
static const char *selkies_display_encoder(selkies_display_t *d,
    const selkies_log_t *log);
static selkies_status_t selkies_display_configure(selkies_display_t *d);
static uint64_t selkies_display_picture(selkies_display_t *d, uint64_t now);
static uint64_t selkies_display_due_us(const selkies_display_t *d);
static uint64_t selkies_display_deadline_us(const selkies_display_t *d);
static selkies_status_t selkies_display_rows(selkies_display_t *d,
    uint64_t now, bool key);
static selkies_status_t selkies_display_capture(selkies_display_t *d);


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
    selkies_engine_overlay_finish(&d->laid);

    return NULL;
}


/* Does what is to be done now; how long to sleep after it. */

static uint64_t
selkies_display_step(selkies_display_t *d)
{
    unsigned  bits;
    uint32_t  damage_ms;
    uint64_t  now, wait, carried;

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

    if (!d->started && selkies_display_suits(d) == SELKIES_LOST) {
        selkies_display_close(d);
        return 0;
    }

    carried = atomic_load(&d->stream->engine_size);

    if (carried != d->shown || selkies_display_moved(d)) {

        /* what the desktop thread knows may be on its way to us */

        selkies_screen_sync(d->screen);
    }

    bits = selkies_screen_dispatch(d->screen);

    if (bits & SELKIES_SCREEN_LOST) {
        selkies_display_close(d);
        return 0;
    }

    now = selkies_clock_us();
    wait = selkies_display_awaited(d, now);

    if (wait != 0) {
        selkies_display_foresee(d);

        if (selkies_size_width(atomic_load(&d->stream->wanted_size)) != 0) {
            selkies_engine_attend(d->engine);
        }

        return wait;
    }

    if (!d->started || (bits & SELKIES_SCREEN_GEOMETRY)
        || selkies_display_moved(d) || !selkies_display_prepared(d))
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

    selkies_engine_opening_drop(&d->opening);
    selkies_display_show(d, carried);

    if (selkies_engine_overlay_follow(&d->laid, d->engine, d->screen)) {
        bits |= SELKIES_SCREEN_CURSOR;
    }

    if ((bits & (SELKIES_SCREEN_DAMAGE|SELKIES_SCREEN_CURSOR))
        && d->pending_us == 0)
    {
        d->pending_us = now;
        d->settled_us = now;

        if (selkies_screen_damage_ms(d->screen, &damage_ms)) {
            d->settled_us += selkies_pace_damage(&d->pace, damage_ms);
        }
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

        selkies_display_rest(d);
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

    /* not for a server that was not there a moment ago */

    if (d->retry_us == SELKIES_ENGINE_RETRY_MIN_US) {
        selkies_display_foresee(d);
    }

    d->screen = selkies_screen_open(&conf, engine->conf.log);

    if (d->screen == NULL) {
        selkies_engine_opening_drop(&d->opening);
        selkies_engine_attend(engine);
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
    atomic_store(&d->stream->engine_shown, 0);
    d->shown = 0;
    d->area = SELKIES_AREA_ALL;
    selkies_engine_screens_ring(engine);

    strncpy(d->stream->engine_capture, selkies_screen_tier(d->screen),
            sizeof(d->stream->engine_capture) - 1);

    return SELKIES_OK;
}


/*
 * The encoder that will be needed is opened meanwhile, unless there is one of
 * that size.
 */

static void
selkies_display_foresee(selkies_display_t *d)
{
    selkies_engine_t        *engine = d->engine;
    selkies_encoder_conf_t   conf;
    selkies_quality_conf_t   quality;

    memset(&conf, 0, sizeof(selkies_encoder_conf_t));

    if (!selkies_display_expects(d, &conf.width, &conf.height)
        || (selkies_display_prepared(d) && conf.width == d->picture.width
            && conf.height == d->picture.height)
        || selkies_engine_rows_wanted(selkies_engine_encoder(
                                          engine->conf.shared, d->stream)))
    {
        return;
    }

    selkies_engine_wishes(d->stream, &conf, &quality);
    selkies_engine_opening_begin(&d->opening, &conf, engine->conf.log);
}


static void
selkies_display_close(selkies_display_t *d)
{
    selkies_engine_opening_drop(&d->opening);

    if (d->screen == NULL) {
        return;
    }

    selkies_display_reset(d);
    selkies_engine_overlay_leave(&d->laid);
    selkies_screen_close(d->screen);
    d->screen = NULL;
    atomic_store(&d->stream->engine_screen, 0);

    if (d->unwatched_us == 0 && !selkies_engine_stopping(d->engine)) {
        selkies_engine_publish_state(d->engine, SELKIES_STREAM_MISSING);
    }
}


/*
 * Nobody watches for now.  Picture and encoder stay for who comes back soon, as
 * a page does that is loaded anew; what they made is of no use to anybody.
 */

static void
selkies_display_rest(selkies_display_t *d)
{
    if (d->screen != NULL) {
        selkies_screen_stop(d->screen);
    }

    selkies_engine_opening_drop(&d->opening);
    selkies_join_drop(d->engine->join);

    d->ahead = 0;
    d->started = 0;
    d->pending_us = 0;
    d->failed_us = 0;
}


/* The encoder and its picture: what is made anew for another size. */

static void
selkies_display_reset(selkies_display_t *d)
{
    selkies_join_drop(d->engine->join);
    selkies_lite_close(d->lite);
    selkies_encoder_close(d->encoder);
    selkies_engine_rows_close(&d->rows);
    selkies_picture_finish(&d->picture);

    d->lite = NULL;
    d->encoder = NULL;
    d->ahead = 0;
    d->started = 0;
    d->pending_us = 0;
    d->failed_us = 0;
}


/* Whether the encoder is there that is wanted now. */

static bool
selkies_display_prepared(const selkies_display_t *d)
{
    return (d->encoder != NULL || d->rows.rows != NULL)
           && d->wanted_encoder == selkies_engine_encoder(
                                       d->engine->conf.shared, d->stream);
}


/* Begins to show the screen at the size it has now, if that is not done yet. */

static selkies_status_t
selkies_display_prepare(selkies_display_t *d)
{
    int32_t            width, height;
    selkies_status_t   rc;
    selkies_engine_t  *engine = d->engine;

    rc = selkies_display_crop(d);

    if (rc != SELKIES_OK) {
        return rc;
    }

    rc = selkies_display_measure(d, &width, &height);

    if (rc != SELKIES_OK) {
        return rc;
    }

    width &= ~1;
    height &= ~1;

    if (!selkies_display_prepared(d) || width != d->picture.width
        || height != d->picture.height)
    {
        rc = selkies_display_make(d, width, height);

        if (rc != SELKIES_OK) {
            return rc;
        }

    } else if (d->started) {
        return SELKIES_OK;
    }

    selkies_engine_overlay_resize(&d->laid, engine, width, height);

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

    selkies_engine_publish_state(engine, SELKIES_STREAM_READY);

    return SELKIES_OK;
}


/* Picture and encoder of this size. */

static selkies_status_t
selkies_display_make(selkies_display_t *d, int32_t width, int32_t height)
{
    const char              *name;
    selkies_status_t         rc;
    const selkies_log_t     *log;
    selkies_engine_t        *engine = d->engine;
    selkies_quality_conf_t   quality;

    /* what fails again and again is said once */

    log = d->failing ? NULL : engine->conf.log;

    selkies_display_reset(d);

    memset(&d->conf, 0, sizeof(selkies_encoder_conf_t));
    d->conf.width = width;
    d->conf.height = height;
    d->wanted_encoder = selkies_engine_encoder(engine->conf.shared, d->stream);
    selkies_engine_wishes(d->stream, &d->conf, &quality);
    selkies_quality_init(&d->quality, &quality);

    /* JPEG has colours of its own, and stripes are 4:2:0 */

    rc = d->conf.fullcolor && !selkies_engine_rows_wanted(d->wanted_encoder)
         ? selkies_picture_init_full(&d->picture, width, height)
         : selkies_picture_init(&d->picture, width, height);

    if (rc != SELKIES_OK) {
        selkies_log(log, SELKIES_LOG_ERR,
                    "display %s: a picture of %dx%d cannot be made",
                    engine->conf.display, (int) width, (int) height);
        return SELKIES_ERROR;
    }

    name = selkies_display_encoder(d, log);

    if (name == NULL) {
        selkies_log(log, SELKIES_LOG_ERR,
                    "display %s: no encoder takes a picture of %dx%d",
                    engine->conf.display, (int) width, (int) height);
        return SELKIES_ERROR;
    }

    selkies_log(engine->conf.log, SELKIES_LOG_INFO,
                "display %s: %dx%d, capture by %s, encoder %s, conversion %s",
                engine->conf.display, (int) width, (int) height,
                selkies_screen_tier(d->screen), name,
                selkies_convert_name(d->picture.variant));

    return SELKIES_OK;
}


/* The wanted encoder for the picture; its name, NULL where none opens. */

static const char *
selkies_display_encoder(selkies_display_t *d, const selkies_log_t *log)
{
    if (selkies_engine_rows_wanted(d->wanted_encoder)) {

        if (selkies_engine_rows_open(&d->rows, d->engine, d->wanted_encoder,
                                     d->conf.width, d->conf.height, log)
            != SELKIES_OK)
        {
            return NULL;
        }

        return d->rows.rows->ops->name;
    }

    d->encoder = selkies_engine_opening_take(&d->opening, &d->conf);

    if (d->encoder == NULL) {
        d->encoder = selkies_encoder_open(SELKIES_CODEC_H264, NULL, &d->conf,
                                          log);
    }

    d->lite = selkies_lite_open(SELKIES_DISPLAY_LITE_QP, log);

    if (d->encoder == NULL || d->lite == NULL) {
        selkies_encoder_close(d->encoder);
        selkies_lite_close(d->lite);
        d->encoder = NULL;
        d->lite = NULL;
        return NULL;
    }

    return d->encoder->ops->name;
}


/* Takes over what is wanted now; REINIT where the encoder must start anew. */

static selkies_status_t
selkies_display_configure(selkies_display_t *d)
{
    selkies_status_t        rc;
    selkies_encoder_conf_t  conf;
    selkies_quality_conf_t  quality;

    conf = d->conf;
    selkies_engine_wishes(d->stream, &conf, &quality);
    conf.near = !selkies_display_plain(d);
    quality.link_kbits = selkies_stream_link(d->engine->conf.shared,
                                             d->engine->index, &d->tight);

    if (d->rows.rows != NULL) {

        /* rows look after their qualities themselves, but not their number */

        selkies_quality_configure(&d->quality, &quality);
        d->conf = conf;
        return SELKIES_OK;
    }

    if (memcmp(&conf, &d->conf, sizeof(selkies_encoder_conf_t)) != 0) {
        rc = selkies_encoder_reconfigure(d->encoder, &conf);

        if (rc != SELKIES_OK) {
            return rc;
        }

        d->conf = conf;
    }

    selkies_quality_configure(&d->quality, &quality);

    return SELKIES_OK;
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

    if (selkies_display_configure(d) != SELKIES_OK) {
        selkies_display_reset(d);
        return 0;
    }

    key = atomic_load(&d->stream->wanted_keys) != d->keys;
    deadline = selkies_display_deadline_us(d);

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

    due = selkies_display_due_us(d);
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

    rc = selkies_engine_overlay_update(&d->laid, engine, d->screen, now);

    selkies_pace_captured(&d->pace);

    if (rc == SELKIES_OK && d->rows.rows != NULL) {
        rc = selkies_display_rows(d, now, key);

    } else if (rc == SELKIES_OK) {
        rc = selkies_display_capture(d);

        if (rc == SELKIES_OK) {
            rc = selkies_display_encode(d, now, key);
        }
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


/*
 * The frame rate limits the mean: a picture may be early by half of what is
 * between two.  Held to the time since the one before, each late damage would
 * put off all that come after it, of a program that draws at the same rate.
 * A slow link may ask for less, and what is being drawn may need a moment yet.
 */

static uint64_t
selkies_display_due_us(const selkies_display_t *d)
{
    uint64_t  due, early, frame, link;

    early = 1000000 / (uint64_t) d->conf.fps / 2;
    frame = d->paced_us > early ? d->paced_us - early : 0;
    link = selkies_quality_due_us(&d->quality);

    due = link > frame ? link : frame;

    return d->settled_us > due ? d->settled_us : due;
}


void
selkies_display_paced(selkies_display_t *d, uint64_t now)
{
    d->paced_us = (d->paced_us > now ? d->paced_us : now)
                  + 1000000 / (uint64_t) d->conf.fps;
}


/* When there is something to do without damage or a wish. */

static uint64_t
selkies_display_deadline_us(const selkies_display_t *d)
{
    uint64_t  refine, move;

    refine = d->rows.rows != NULL ? selkies_rows_deadline_us(d->rows.rows)
                                  : selkies_quality_deadline_us(&d->quality);
    move = selkies_overlay_deadline_us(&d->laid.overlay);

    return refine < move ? refine : move;
}


static selkies_status_t
selkies_display_rows(selkies_display_t *d, uint64_t now, bool key)
{
    uint64_t                      seen_us, bytes;
    selkies_status_t              rc;
    selkies_engine_rows_result_t  result;

    seen_us = d->pending_us ? d->pending_us : now;
    bytes = atomic_load(&d->stream->statistics.bytes);

    rc = selkies_engine_rows_picture(&d->rows, d->engine, d->screen,
                                     &d->picture, &d->laid.overlay, now,
                                     seen_us, key || d->fresh, &result);

    if (rc != SELKIES_OK) {
        return rc;
    }

    d->pending_us = 0;

    if (result.coded) {
        selkies_display_paced(d, now);
        d->fresh = 0;

        bytes = atomic_load(&d->stream->statistics.bytes) - bytes;
        selkies_quality_coded(&d->quality, now, SELKIES_PICTURE_P,
                              d->conf.qp, 0, (size_t) bytes);
    }

    if (result.complete) {
        d->key_us = now;
        d->keys = atomic_load(&d->stream->wanted_keys);
        atomic_fetch_add(&d->stream->statistics.keys, 1);
    }

    return SELKIES_OK;
}


static selkies_status_t
selkies_display_capture(selkies_display_t *d)
{
    selkies_frame_t   frame;
    selkies_status_t  rc;

    rc = selkies_screen_acquire(d->screen, &frame);

    switch (rc) {

    case SELKIES_OK:
        selkies_overlay_convert(&d->laid.overlay, &d->picture, &frame);
        selkies_screen_release(d->screen);
        return SELKIES_OK;

    case SELKIES_AGAIN:
        return SELKIES_OK;

    default:
        return rc;
    }
}
