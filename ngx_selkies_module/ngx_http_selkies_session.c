
/*
 * Copyright (C) ngx_selkies authors
 *
 * A client: its beginning and end, what it is told of the desktop's state,
 * whether it watches.
 *
 * Thread: the event loop.
 */


#include "ngx_http_selkies_clipboard.h"
#include "ngx_http_selkies_module.h"


#define NGX_HTTP_SELKIES_STATS_MS       5000
#define NGX_HTTP_SELKIES_WATCH_MS       300
#define NGX_HTTP_SELKIES_HELD_MS        2000


static void ngx_http_selkies_first_words(ngx_http_selkies_session_t *s);
static uint32_t ngx_http_selkies_live_encoder(ngx_http_selkies_session_t *s);
static ngx_uint_t ngx_http_selkies_has_whole(ngx_http_selkies_session_t *s);
static void ngx_http_selkies_send_settings(ngx_http_selkies_session_t *s);
static void ngx_http_selkies_send_cursor(ngx_http_selkies_session_t *s);
static void ngx_http_selkies_send_state(ngx_http_selkies_session_t *s);
static void ngx_http_selkies_send_stats(ngx_http_selkies_session_t *s);
static void ngx_http_selkies_check_ownership(ngx_http_selkies_session_t *s);
static void ngx_http_selkies_key_due(ngx_http_selkies_session_t *s);
static void ngx_http_selkies_check_held(ngx_http_selkies_session_t *s);


ngx_http_selkies_session_t *
ngx_http_selkies_session_create(ngx_http_request_t *r,
    ngx_http_selkies_display_t *display, selkies_dialect_t dialect)
{
    ngx_http_selkies_session_t   *s;
    ngx_http_selkies_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_selkies_module);

    s = ngx_pcalloc(r->pool, sizeof(ngx_http_selkies_session_t));
    if (s == NULL) {
        return NULL;
    }

    s->request = r;
    s->connection = r->connection;
    s->conf = slcf;
    s->display = display;
    s->id = selkies_session_id(ngx_http_selkies_shared(),
                               (uint32_t) ngx_http_selkies_worker_number());
    s->dialect = dialect;
    s->stereo = dialect == SELKIES_DIALECT_1;
    s->state = SELKIES_STREAM_OFF;
    s->need_key = 1;
    s->heard = ngx_current_msec;

    ngx_queue_init(&s->agents);
    selkies_settings_client_init(&s->settings, slcf->effective);

    ngx_http_set_ctx(r, s, ngx_http_selkies_module);

    return s;
}


void
ngx_http_selkies_session_open(ngx_http_selkies_session_t *s)
{
    if (ngx_http_selkies_sharing_open(s) != NGX_OK) {
        return;
    }

    ngx_http_selkies_first_words(s);
    ngx_http_selkies_session_first_probe(s);

    s->stats_time = ngx_current_msec;

    ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_PING, s->conf->ping_interval);
    ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_STATS, NGX_HTTP_SELKIES_STATS_MS);

    /* who says nothing watches; who claims a display says so at once */

    ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_WATCH, NGX_HTTP_SELKIES_WATCH_MS);
}


/* protocol.md 3.1: of what is said of the desktop, nothing before MODE. */

static void
ngx_http_selkies_first_words(ngx_http_selkies_session_t *s)
{
    size_t   len;
    u_char  *buf;

    buf = ngx_http_selkies_scratch();

    /*
     * Who may only watch is told before anything else: pages stop offering.
     * One that says so itself knows, and has a slot this would take away.
     */

    if (s->capped) {
        len = selkies_format_auth_success(buf, NGX_HTTP_SELKIES_SCRATCH_BYTES,
                                          0, 0);
        ngx_http_selkies_text(s, buf, len);
    }

    ngx_http_selkies_text_const(s, SELKIES_TEXT_MODE);

    if (s->dialect == SELKIES_DIALECT_2) {
        len = ngx_http_selkies_screens_config(s, buf,
                                              NGX_HTTP_SELKIES_SCRATCH_BYTES);
        ngx_http_selkies_text(s, buf, len);
    }

    ngx_http_selkies_send_cursor(s);
    ngx_http_selkies_send_settings(s);
}


/*
 * Clients drop what does not come from the encoder they were told of.  One
 * that was told of no other is told when it may choose again.
 */

void
ngx_http_selkies_session_send_encoder(ngx_http_selkies_session_t *s)
{
    if (ngx_http_selkies_live_encoder(s) != s->encoder
        || (s->imposed && !ngx_http_selkies_has_whole(s)))
    {
        ngx_http_selkies_send_settings(s);
    }
}


static ngx_uint_t
ngx_http_selkies_has_whole(ngx_http_selkies_session_t *s)
{
    return selkies_stream_count(ngx_http_selkies_shared(),
                                (uint32_t) s->display->index,
                                SELKIES_COUNT_WHOLE)
           != 0;
}


/* Until somebody wants something of the display it has the operator's word. */

static uint32_t
ngx_http_selkies_live_encoder(ngx_http_selkies_session_t *s)
{
    selkies_stream_t  *stream = s->display->stream;

    if (atomic_load(&stream->wanted_fps) == 0) {
        return (uint32_t) s->settings.values[SELKIES_SET_ENCODER];
    }

    return selkies_engine_encoder(ngx_http_selkies_shared(), stream);
}


static void
ngx_http_selkies_send_settings(ngx_http_selkies_session_t *s)
{
    size_t                    len;
    u_char                   *buf;
    selkies_settings_live_t   live;

    buf = ngx_http_selkies_scratch();
    s->encoder = ngx_http_selkies_live_encoder(s);

    /* a page that may choose another would never switch to this one */

    s->imposed = (atomic_load(&s->display->stream->wanted_fps) != 0
                  && s->encoder
                     != atomic_load(&s->display->stream->wanted_encoder))
                 || (s->imposed && ngx_http_selkies_has_whole(s));

    /* a command channel, a second screen: told as they are in force */

    live.encoder = (selkies_encoder_id_t) s->encoder;
    live.imposed = s->imposed;
    live.command_enabled = (int) ngx_http_selkies_may_command(s);
    live.second_screen = (int) ngx_http_selkies_screens_allowed(s);
    live.gamepads = (int) ngx_http_selkies_has_pads(s->display);
    live.display_id = ngx_http_selkies_screen_id(s->display);
    live.files = ngx_http_selkies_files_allowed(s->request) != 0;
    live.max_message_bytes = SELKIES_LIMIT_MESSAGE;

    len = selkies_settings_json(buf, NGX_HTTP_SELKIES_SCRATCH_BYTES,
                                s->conf->effective, &live, s->dialect);

    if (len <= NGX_HTTP_SELKIES_SCRATCH_BYTES) {
        ngx_http_selkies_text(s, buf, len);
    }
}


void
ngx_http_selkies_session_wake(ngx_http_selkies_session_t *s)
{
    if (s->dead || s->closing || !s->live) {
        return;
    }

    ngx_http_selkies_check_ownership(s);
    ngx_http_selkies_check_size(s);
    ngx_http_selkies_caption_adopt(s);
    ngx_http_selkies_screens_wake(s);
    ngx_http_selkies_send_state(s);
    ngx_http_selkies_audio_tell(s);
    ngx_http_selkies_session_send_encoder(s);
    ngx_http_selkies_send_cursor(s);
    ngx_http_selkies_send_rumble(s);
    ngx_http_selkies_send(s);
}


/*
 * Somebody else has claimed the display.  Who hands it to his own successor
 * goes quietly, once that one has had the time for its first picture.
 */

static void
ngx_http_selkies_check_ownership(ngx_http_selkies_session_t *s)
{
    size_t             len;
    u_char             buf[128], reason[64];
    uint64_t           owner, resumed;
    selkies_stream_t  *stream = s->display->stream;

    if (!s->owner) {
        return;
    }

    ngx_http_selkies_lock();
    owner = stream->owner;
    resumed = stream->owner_resumed;
    ngx_http_selkies_unlock();

    if (owner == s->id) {
        return;
    }

    s->owner = 0;
    ngx_http_selkies_link_forget(s);
    ngx_http_selkies_microphone_leave(s);
    ngx_http_selkies_release_pads(s);
    ngx_http_selkies_clipboard_leave(s);
    ngx_http_selkies_upload_leave(s);

    /* with what it still had to type */

    if (s->held != NULL && s->display->control != NULL) {
        selkies_control_leave(s->display->control, s->held);
        s->held = NULL;
    }

    if (resumed == s->id) {
        ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_CLOSE, 2000);
        return;
    }

    *ngx_snprintf(reason, sizeof(reason) - 1, "a new %s client connected "
                  "connection killed",
                  ngx_http_selkies_screen_id(s->display)) = '\0';

    len = selkies_format_kill(buf, sizeof(buf), (char *) reason);
    ngx_http_selkies_text(s, buf, len);
    ngx_http_selkies_close(s, SELKIES_CLOSE_NORMAL,
                           "Superseded by new client");
}


static void
ngx_http_selkies_send_cursor(ngx_http_selkies_session_t *s)
{
    size_t             len;
    u_char            *buf;
    uint32_t           sequence;
    selkies_stream_t  *stream = s->display->stream;

    if (atomic_load(&stream->cursor.sequence) == s->cursor) {
        return;
    }

    /* who does not read gets the newest one when it does again */

    if (s->out_pos != s->out_len && s->live && s->cursor != 0) {
        return;
    }

    buf = ngx_http_selkies_scratch();
    len = selkies_cursor_read(&stream->cursor, buf,
                              NGX_HTTP_SELKIES_SCRATCH_BYTES, &sequence);

    if (len != 0) {
        s->cursor = sequence;
        ngx_http_selkies_text(s, buf, len);
    }
}


void
ngx_http_selkies_session_resend_cursor(ngx_http_selkies_session_t *s)
{
    s->cursor = 0;
    ngx_http_selkies_send_cursor(s);
}


static void
ngx_http_selkies_send_state(ngx_http_selkies_session_t *s)
{
    int          sound;
    size_t       len;
    u_char       buf[128];
    uint32_t     state;
    const char  *reason;

    static const char *const  reasons[] = {
        [SELKIES_STREAM_MISSING] = "no_display",
        [SELKIES_STREAM_READY] = NULL,
        [SELKIES_STREAM_NO_ENCODER] = "no_encoder"
    };

    state = atomic_load(&s->display->stream->engine_state);

    if (!s->want_status || state == s->state || !s->watching
        || state < SELKIES_STREAM_MISSING || state > SELKIES_STREAM_NO_ENCODER)
    {
        return;
    }

    reason = reasons[state];

    /* that all is well is news only after it was not */

    if (reason != NULL || s->state != SELKIES_STREAM_OFF) {
        sound = atomic_load(&s->display->stream->engine_audio)
                == SELKIES_AUDIO_READY;

        len = selkies_format_pipeline_status(buf, sizeof(buf), reason == NULL,
                                             sound, reason);
        ngx_http_selkies_text(s, buf, len);
    }

    s->state = state;
}


static void
ngx_http_selkies_send_stats(ngx_http_selkies_session_t *s)
{
    size_t      len;
    u_char      buf[256];
    double      cpu, mbps;
    uint64_t    total, used, bytes;
    ngx_msec_t  elapsed;

    if (s->out_pos != s->out_len) {
        return;
    }

    ngx_http_selkies_system(&cpu, &total, &used);

    len = selkies_format_system_stats(buf, sizeof(buf), ngx_time(), cpu,
                                      total, used);
    ngx_http_selkies_text(s, buf, len);

    elapsed = ngx_current_msec - s->stats_time;
    bytes = s->media_bytes + s->audio_bytes;
    mbps = elapsed ? (double) (bytes - s->stats_bytes) * 8
                     / (double) elapsed / 1000
                   : 0;

    s->stats_time = ngx_current_msec;
    s->stats_bytes = bytes;

    len = selkies_format_network_stats(buf, sizeof(buf), ngx_time(), mbps,
                                       (double) s->rtt_us / 1000);
    ngx_http_selkies_text(s, buf, len);
}


void
ngx_http_selkies_session_watch(ngx_http_selkies_session_t *s)
{
    int32_t            width, height;
    uint64_t           unset;
    selkies_stream_t  *stream = s->display->stream;

    ngx_http_selkies_disarm(s, NGX_HTTP_SELKIES_WATCH);

    if (s->watching || s->dead || s->closing
        || !ngx_http_selkies_may_watch(s))
    {
        return;
    }

    /* until somebody claims the display it has the operator's values */

    if (atomic_load(&stream->wanted_fps) == 0) {
        ngx_http_selkies_session_wish(s);
        ngx_http_selkies_wish_dpi(s, 0);
    }

    if (!selkies_settings_size(s->conf->effective, &s->settings, NULL, 0,
                               (int32_t) s->conf->max_width,
                               (int32_t) s->conf->max_height, &width, &height))
    {
        width = 1024;
        height = 768;
    }

    unset = 0;

    if (!s->size_pending) {
        atomic_compare_exchange_strong(&stream->wanted_size, &unset,
                                       selkies_size_pack(1, (uint32_t) width,
                                                         (uint32_t) height));
    }

    s->watching = 1;
    s->announce = 1;
    ngx_http_selkies_caption_adopt(s);
    ngx_http_selkies_session_need_key(s, 0);

    if (!s->lite) {
        ngx_http_selkies_count_plain(s->display, 1);
    }

    ngx_http_selkies_session_update_whole(s);
    ngx_http_selkies_count_reader(s->display, 1);
    ngx_http_selkies_audio_join(s);
    ngx_http_selkies_send_state(s);
}


/* A stock viewer has one decoder, for one stream (protocol.md 9.4). */

void
ngx_http_selkies_session_update_whole(ngx_http_selkies_session_t *s)
{
    ngx_uint_t  whole;

    whole = s->watching && !s->owner && !s->extended
            && s->dialect == SELKIES_DIALECT_1;

    if (whole != s->whole) {
        s->whole = whole;
        ngx_http_selkies_count_whole(s->display, whole ? 1 : -1);
    }
}


void
ngx_http_selkies_session_wish(ngx_http_selkies_session_t *s)
{
    int32_t           *values = s->settings.values;
    uint32_t           paintover, jpeg, rate;
    selkies_stream_t  *stream = s->display->stream;

    paintover = 0;
    jpeg = 0;

    if (values[SELKIES_SET_USE_PAINT_OVER_QUALITY]) {
        paintover = (uint32_t) values[SELKIES_SET_H264_PAINTOVER_CRF];
        jpeg = (uint32_t) values[SELKIES_SET_PAINT_OVER_JPEG_QUALITY];
    }

    atomic_store(&stream->wanted_qp, (uint32_t) values[SELKIES_SET_H264_CRF]);
    atomic_store(&stream->wanted_paintover_qp, paintover);
    atomic_store(&stream->wanted_jpeg,
                 (uint32_t) values[SELKIES_SET_JPEG_QUALITY]);
    atomic_store(&stream->wanted_paintover_jpeg, jpeg);
    atomic_store(&stream->wanted_encoder,
                 (uint32_t) values[SELKIES_SET_ENCODER]);

    rate = values[SELKIES_SET_RATE_CONTROL_MODE] == SELKIES_RATE_CBR
           ? (uint32_t) values[SELKIES_SET_VIDEO_BITRATE] : 0;

    atomic_store(&stream->wanted_rate_kbits, rate);
    atomic_store(&stream->wanted_min_qp,
                 (uint32_t) values[SELKIES_SET_VIDEO_MIN_QP]);
    atomic_store(&stream->wanted_max_qp,
                 (uint32_t) values[SELKIES_SET_VIDEO_MAX_QP]);
    atomic_store(&stream->wanted_streaming,
                 (uint32_t) values[SELKIES_SET_H264_STREAMING_MODE]);
    atomic_store(&stream->wanted_fullcolor,
                 (uint32_t) values[SELKIES_SET_H264_FULLCOLOR]);
    atomic_store(&stream->wanted_key_s,
                 (uint32_t) values[SELKIES_SET_KEYFRAME_INTERVAL]);
    atomic_store(&stream->wanted_fps,
                 (uint32_t) values[SELKIES_SET_FRAMERATE]);

    ngx_http_selkies_audio_wish(s);
}


void
ngx_http_selkies_session_unwatch(ngx_http_selkies_session_t *s)
{
    ngx_http_selkies_disarm(s, NGX_HTTP_SELKIES_WATCH);

    if (!s->watching) {
        return;
    }

    if (s->gate) {
        s->gate = 0;
        ngx_http_selkies_count_gate(s->display, -1);
    }

    s->watching = 0;
    ngx_http_selkies_session_update_whole(s);
    ngx_http_selkies_link_forget(s);
    ngx_http_selkies_count_reader(s->display, -1);

    if (!s->lite) {
        ngx_http_selkies_count_plain(s->display, -1);
    }
}


void
ngx_http_selkies_session_deadline(ngx_http_selkies_session_t *s,
    ngx_http_selkies_deadline_e deadline)
{
    switch (deadline) {

    case NGX_HTTP_SELKIES_STATS:
        ngx_http_selkies_send_stats(s);
        ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_STATS,
                             NGX_HTTP_SELKIES_STATS_MS);
        return;

    case NGX_HTTP_SELKIES_WATCH:
        ngx_http_selkies_session_watch(s);
        return;

    case NGX_HTTP_SELKIES_RESIZE:
        ngx_http_selkies_apply_size(s);
        return;

    case NGX_HTTP_SELKIES_KEY:
        ngx_http_selkies_key_due(s);
        return;

    case NGX_HTTP_SELKIES_HEARTBEAT:
        ngx_http_selkies_check_held(s);
        return;

    case NGX_HTTP_SELKIES_CAPTION:
        ngx_http_selkies_caption_due(s);
        return;

    case NGX_HTTP_SELKIES_SHARING:
        ngx_http_selkies_sharing_due(s);
        return;

    case NGX_HTTP_SELKIES_PADS:
        ngx_http_selkies_pads_due(s);
        return;

    case NGX_HTTP_SELKIES_CLIPBOARD:
        ngx_http_selkies_clipboard_due(s);
        return;

    default:
        return;
    }
}


/*
 * A stock viewer throws its first key away while it makes its decoder: it
 * gets one a little later than it asked, and another.
 */

static void
ngx_http_selkies_key_due(ngx_http_selkies_session_t *s)
{
    if (s->hold) {
        s->hold = 0;

        if (s->second_key) {
            ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_KEY, 1000);
        }

        return;
    }

    if (s->second_key) {
        s->second_key = 0;
        ngx_http_selkies_session_need_key(s, 0);
    }
}


/*
 * A client that stopped talking altogether holds no keys: stock ones send an
 * acknowledgement every 50 ms.
 */

static void
ngx_http_selkies_check_held(ngx_http_selkies_session_t *s)
{
    ngx_msec_t  silent, next;

    if (s->held == NULL || s->display->control == NULL) {
        return;
    }

    silent = ngx_current_msec - s->heard;
    next = NGX_HTTP_SELKIES_HELD_MS;

    if (silent < next) {
        next -= silent;

    } else if (s->acks) {
        selkies_control_release(s->display->control, s->held);
        selkies_control_flush(s->display->control);
    }

    /* it may come back, and fall silent again */

    ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_HEARTBEAT, next);
}


void
ngx_http_selkies_session_destroy(ngx_http_selkies_session_t *s)
{
    selkies_stream_t  *stream;

    /* who has left, or never was let in, may outlive the display's record */

    if (!s->joined) {
        return;
    }

    s->joined = 0;
    stream = s->display->stream;

    ngx_http_selkies_session_unwatch(s);
    ngx_http_selkies_audio_leave(s);
    ngx_http_selkies_microphone_leave(s);
    ngx_http_selkies_caption_leave(s);
    ngx_http_selkies_agent_leave(s);
    ngx_http_selkies_release_pads(s);
    ngx_http_selkies_clipboard_leave(s);
    ngx_http_selkies_upload_leave(s);

    if (s->held != NULL && s->display->control != NULL) {
        selkies_control_leave(s->display->control, s->held);
    }

    s->held = NULL;

    if (s->claimed) {
        ngx_http_selkies_lock();

        if (stream->owner == s->id) {
            stream->owner = 0;
            atomic_store(&stream->claimed_size, 0);
            stream->resume_until_ms = selkies_clock_us() / 1000
                                      + s->display->idle;

            if (atomic_exchange(&stream->wanted_cursor, 0) != 0) {
                ngx_http_selkies_ring_display(s->display);
            }
        }

        ngx_http_selkies_unlock();
    }

    ngx_http_selkies_worker_leave(s);
}
