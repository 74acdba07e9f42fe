
/*
 * Copyright (C) ngx_selkies authors
 *
 * What clients say: a table of handlers, behind one check of rights.  A
 * socket is view-only until its SETTINGS has claimed the display
 * (protocol.md 3.4); a malformed message never closes it.
 *
 * Thread: the event loop.
 */


#include "ngx_http_selkies_clipboard.h"
#include "ngx_http_selkies_module.h"

#include <sys/random.h>


#define NGX_HTTP_SELKIES_VIEWER_MS    200
#define NGX_HTTP_SELKIES_BURST_MS     1000
#define NGX_HTTP_SELKIES_JOINED_MS    10000


typedef void (*ngx_http_selkies_verb_pt)(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);


static void ngx_http_selkies_defer(ngx_http_selkies_session_t *s,
    const u_char *data, size_t len);
static void ngx_http_selkies_replay(ngx_http_selkies_session_t *s);

static void ngx_http_selkies_settings(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);
static ngx_int_t ngx_http_selkies_choose_screen(ngx_http_selkies_session_t *s,
    selkies_settings_result_t *result, ngx_uint_t first);
static void ngx_http_selkies_claim(ngx_http_selkies_session_t *s);
static void ngx_http_selkies_wish(ngx_http_selkies_session_t *s,
    selkies_settings_result_t *result, ngx_uint_t first);
static void ngx_http_selkies_ext(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);
static ngx_int_t ngx_http_selkies_decode_resume(u_char *out, const char *text);
static ngx_uint_t ngx_http_selkies_announce_now(
    ngx_http_selkies_session_t *s);
static void ngx_http_selkies_resync(ngx_http_selkies_session_t *s);
static void ngx_http_selkies_ack(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);
static void ngx_http_selkies_start_video(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);
static void ngx_http_selkies_stop_video(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);
static void ngx_http_selkies_request_key(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);
static void ngx_http_selkies_native_cursor(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);


/* What is not here is understood, checked for its right, and has no effect. */

static const ngx_http_selkies_verb_pt
    ngx_http_selkies_verbs[SELKIES_VERBS] =
{
    [SELKIES_VERB_SETTINGS] = ngx_http_selkies_settings,
    [SELKIES_VERB_EXT] = ngx_http_selkies_ext,
    [SELKIES_VERB_FRAME_ACK] = ngx_http_selkies_ack,
    [SELKIES_VERB_START_VIDEO] = ngx_http_selkies_start_video,
    [SELKIES_VERB_STOP_VIDEO] = ngx_http_selkies_stop_video,
    [SELKIES_VERB_START_AUDIO] = ngx_http_selkies_audio,
    [SELKIES_VERB_STOP_AUDIO] = ngx_http_selkies_audio,
    [SELKIES_VERB_MICROPHONE] = ngx_http_selkies_microphone,
    [SELKIES_VERB_WEBCAM] = ngx_http_selkies_webcam,
    [SELKIES_VERB_REQUEST_KEYFRAME] = ngx_http_selkies_request_key,
    [SELKIES_VERB_RESIZE] = ngx_http_selkies_resize,
    [SELKIES_VERB_DPI] = ngx_http_selkies_dpi,
    [SELKIES_VERB_NATIVE_CURSOR] = ngx_http_selkies_native_cursor,
    [SELKIES_VERB_KEY_DOWN] = ngx_http_selkies_key,
    [SELKIES_VERB_KEY_UP] = ngx_http_selkies_key,
    [SELKIES_VERB_KEY_HELD] = ngx_http_selkies_key_held,
    [SELKIES_VERB_KEY_RESET] = ngx_http_selkies_key_reset,
    [SELKIES_VERB_POINTER] = ngx_http_selkies_pointer,
    [SELKIES_VERB_POINTER_RELATIVE] = ngx_http_selkies_pointer,
    [SELKIES_VERB_TYPE] = ngx_http_selkies_type,
    [SELKIES_VERB_APP] = ngx_http_selkies_app,
    [SELKIES_VERB_COMMAND] = ngx_http_selkies_command,
    [SELKIES_VERB_GAMEPAD_CONNECT] = ngx_http_selkies_pad,
    [SELKIES_VERB_GAMEPAD_DISCONNECT] = ngx_http_selkies_pad,
    [SELKIES_VERB_GAMEPAD_BUTTON] = ngx_http_selkies_pad,
    [SELKIES_VERB_GAMEPAD_AXIS] = ngx_http_selkies_pad,
    [SELKIES_VERB_GAMEPAD_HELD] = ngx_http_selkies_pad,
    [SELKIES_VERB_UPLOAD_START] = ngx_http_selkies_upload_start,
    [SELKIES_VERB_UPLOAD_DATA] = ngx_http_selkies_upload_data,
    [SELKIES_VERB_UPLOAD_END] = ngx_http_selkies_upload_finish,
    [SELKIES_VERB_UPLOAD_ERROR] = ngx_http_selkies_upload_error,
    [SELKIES_VERB_CLIPBOARD_READ] = ngx_http_selkies_clipboard_read,
    [SELKIES_VERB_CLIPBOARD_REQUEST] = ngx_http_selkies_clipboard_read,
    [SELKIES_VERB_CLIPBOARD_SET] = ngx_http_selkies_clipboard_set,
    [SELKIES_VERB_CLIPBOARD_START] = ngx_http_selkies_clipboard_start,
    [SELKIES_VERB_CLIPBOARD_DATA] = ngx_http_selkies_clipboard_data,
    [SELKIES_VERB_CLIPBOARD_END] = ngx_http_selkies_clipboard_end
};


void
ngx_http_selkies_message(ngx_http_selkies_session_t *s, const u_char *data,
    size_t len, ngx_uint_t binary)
{
    uint32_t           rights;
    selkies_parse_t    rc;
    selkies_command_t  cmd;

    s->heard = ngx_current_msec;

    rc = selkies_protocol_parse(&cmd, data, len, (int) binary);

    if (rc == SELKIES_PARSE_UNKNOWN) {

        /* what stands behind the verb may be a secret */

        ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                      "client sent an unknown %s message: \"%*s\"",
                      binary ? "binary" : "text",
                      binary ? (size_t) 0 : selkies_protocol_verb(data, len),
                      data);
        return;
    }

    if ((cmd.flags & SELKIES_COUNTED) && ngx_http_selkies_too_fast(s)) {
        return;
    }

    if (rc != SELKIES_PARSE_OK) {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, s->connection->log, 0,
                       "selkies: %s message of %uz bytes dropped",
                       cmd.name ? cmd.name : "?", len);
        return;
    }

    rights = SELKIES_BY_ANYONE;

    if (s->owner) {
        rights = SELKIES_RIGHTS & ~SELKIES_BY_GAMEPAD;
    }

    if ((cmd.flags & SELKIES_BY_GAMEPAD)
        && ngx_http_selkies_may_use_pad(s, cmd.u.gamepad.index))
    {
        rights |= SELKIES_BY_GAMEPAD;
    }

    if (!(cmd.flags & SELKIES_RIGHTS & rights)) {

        if ((cmd.flags & SELKIES_AFTER_CLAIM) && !s->claimed
            && s->role == NGX_HTTP_SELKIES_CONTROLLER)
        {
            ngx_http_selkies_defer(s, data, len);

        } else if (!(cmd.flags & SELKIES_QUIET)) {
            ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                          "\"%s\" of a view-only client refused", cmd.name);
        }

        return;
    }

    if (ngx_http_selkies_verbs[cmd.verb] != NULL) {
        ngx_http_selkies_verbs[cmd.verb](s, &cmd);
    }
}


/* Commands that wait for the claim: a length byte, then the message. */

static void
ngx_http_selkies_defer(ngx_http_selkies_session_t *s, const u_char *data,
    size_t len)
{
    if (len > 255
        || s->deferred_len + 1 + len > NGX_HTTP_SELKIES_DEFERRED_BYTES)
    {
        return;
    }

    if (s->deferred == NULL) {
        s->deferred = ngx_palloc(s->request->pool,
                                 NGX_HTTP_SELKIES_DEFERRED_BYTES);
        if (s->deferred == NULL) {
            return;
        }
    }

    s->deferred[s->deferred_len++] = (u_char) len;
    ngx_memcpy(s->deferred + s->deferred_len, data, len);
    s->deferred_len += len;
}


static void
ngx_http_selkies_replay(ngx_http_selkies_session_t *s)
{
    size_t  pos, end, len;

    end = s->deferred_len;
    s->deferred_len = 0;

    for (pos = 0; pos < end && !s->dead && !s->closing; pos += len) {
        len = s->deferred[pos++];
        ngx_http_selkies_message(s, s->deferred + pos, len, 0);
    }
}


static void
ngx_http_selkies_settings(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd)
{
    ngx_uint_t                 first;
    selkies_settings_client_t  next;
    selkies_settings_result_t  result;

    if (s->role == NGX_HTTP_SELKIES_VIEWER) {

        /* it does not know that it is one: a decoder made anew, and a key */

        ngx_http_selkies_session_watch(s);
        ngx_http_selkies_resync(s);
        return;
    }

    first = !s->claimed;

    /* nothing is in force before it is known that it is for this screen */

    next = s->settings;

    if (selkies_settings_apply(s->conf->effective, &next, cmd->u.json.data,
                               cmd->u.json.len, s->dialect, &result)
        != 0)
    {
        ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                      "client sent SETTINGS that are no JSON object");
        return;
    }

    if (ngx_http_selkies_choose_screen(s, &result, first) != NGX_OK) {
        return;
    }

    if (!first && !s->owner) {

        /* superseded, and about to hear of it */

        return;
    }

    s->settings = next;

    if (first) {
        ngx_http_selkies_claim(s);
    }

    if (result.says_redundancy && s->dialect == SELKIES_DIALECT_2) {
        ngx_http_selkies_audio_takes(s, result.audio_redundancy, s->stereo);
    }

    ngx_http_selkies_wish(s, &result, first);

    /* the picture first: what else there is asks the same X server */

    if (first) {
        ngx_http_selkies_session_watch(s);
        ngx_http_selkies_send_apps(s);
    }

    ngx_http_selkies_clipboard_watch(s);

    if (first) {
        ngx_http_selkies_replay(s);
    }
}


/*
 * A first SETTINGS says which screen it is about, and at which side of the
 * others that lies; one that does not say is about the one the socket has.
 */

static ngx_int_t
ngx_http_selkies_choose_screen(ngx_http_selkies_session_t *s,
    selkies_settings_result_t *result, ngx_uint_t first)
{
    size_t     len;
    u_char     buf[128];
    uint32_t   screen;
    ngx_int_t  rc;

    static const selkies_side_t  sides[] = {
        [SELKIES_POSITION_NONE] = SELKIES_SIDE_RIGHT,
        [SELKIES_POSITION_RIGHT] = SELKIES_SIDE_RIGHT,
        [SELKIES_POSITION_LEFT] = SELKIES_SIDE_LEFT,
        [SELKIES_POSITION_UP] = SELKIES_SIDE_UP,
        [SELKIES_POSITION_DOWN] = SELKIES_SIDE_DOWN
    };

    screen = s->display->source->screen;

    if (result->display_id[0] != '\0'
        && !selkies_screen_find(result->display_id,
                                ngx_strlen(result->display_id), &screen))
    {
        screen = SELKIES_SCREENS_MAX;
    }

    if (!first) {

        /* a socket has one screen; what it says of another is a mistake */

        if (screen != s->display->source->screen) {
            return NGX_DECLINED;
        }

    } else {
        rc = screen == SELKIES_SCREENS_MAX
             ? NGX_DECLINED : ngx_http_selkies_screens_move(s, screen);

        if (rc != NGX_OK) {
            len = selkies_format_kill(buf, sizeof(buf), "Second screens are "
                                      "disabled on this server.");
            ngx_http_selkies_text(s, buf, len);
            ngx_http_selkies_close(s, SELKIES_CLOSE_POLICY,
                                   "second screens are disabled");
            return rc;
        }
    }

    if (screen != 0 && (first || result->position != SELKIES_POSITION_NONE)) {
        atomic_store(&s->display->stream->wanted_side,
                     (uint32_t) sides[result->position]);
    }

    return NGX_OK;
}


/*
 * The ownership changes hands before the old owner is closed: else its end
 * would be the display's.
 */

static void
ngx_http_selkies_claim(ngx_http_selkies_session_t *s)
{
    uint64_t           previous, now;
    ngx_uint_t         resumes;
    selkies_stream_t  *stream = s->display->stream;

    now = selkies_clock_us() / 1000;

    ngx_http_selkies_lock();

    previous = stream->owner;

    resumes = s->has_resumes
              && ngx_memcmp(stream->resume, s->resumes, SELKIES_RESUME_BYTES)
                 == 0
              && (stream->owner != 0 || now < stream->resume_until_ms);

    stream->owner = s->id;
    stream->owner_resumed = resumes ? previous : 0;
    stream->resume_until_ms = 0;
    ngx_memcpy(stream->resume, s->resume, SELKIES_RESUME_BYTES);

    /* another page says itself whether it wants the cursor in the picture */

    if (!resumes) {
        atomic_store(&stream->wanted_cursor, 0);
    }

    ngx_http_selkies_unlock();

    s->claimed = 1;
    s->owner = 1;
    ngx_http_selkies_disarm(s, NGX_HTTP_SELKIES_SHARING);
    ngx_http_selkies_caption_claim(s);
    ngx_http_selkies_session_update_whole(s);
    s->announce = 1;
    s->reset = previous != 0;

    if (previous != 0) {
        ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                      resumes ? "client resumes control of display \"%V\""
                              : "client takes control of display \"%V\" over",
                      &s->display->name);
        ngx_http_selkies_ring_workers();
    }

    ngx_http_selkies_session_need_key(s, 0);
}


/* The owner's settings become the display's wishes. */

static void
ngx_http_selkies_wish(ngx_http_selkies_session_t *s,
    selkies_settings_result_t *result, ngx_uint_t first)
{
    ngx_http_selkies_session_wish(s);
    ngx_http_selkies_wish_dpi(s, result->scaling_dpi);

    /* who asks for an encoder need not be told of it; dialect 2 expects it */

    if (selkies_settings_changed(result, SELKIES_SET_ENCODER)) {
        s->encoder = s->dialect == SELKIES_DIALECT_1
                     ? (uint32_t) s->settings.values[SELKIES_SET_ENCODER]
                     : NGX_HTTP_SELKIES_NO_ENCODER;
        ngx_http_selkies_session_send_encoder(s);
    }

    /* the client has closed its decoders before it asked for these */

    if (!first && (result->changed & SELKIES_SETTING_KEY)) {
        ngx_http_selkies_session_need_key(s, 0);
    }

    ngx_http_selkies_wish_size(s, result, first);
    ngx_http_selkies_ring_display(s->display);
}


static void
ngx_http_selkies_ext(ngx_http_selkies_session_t *s, selkies_command_t *cmd)
{
    size_t         len;
    u_char         buf[256], text[32];
    ngx_str_t      dst, src;
    ngx_uint_t     lite;
    selkies_ext_t  ext;

    if (selkies_parse_ext(&ext, cmd->u.json) != 0) {
        return;
    }

    s->want_status = (ext.want & SELKIES_EXT_STATUS) != 0;
    s->want_apps = (ext.want & SELKIES_EXT_APPS) != 0;
    s->want_reload = (ext.want & SELKIES_EXT_RELOAD) != 0;
    s->want_rumble = (ext.want & SELKIES_EXT_RUMBLE) != 0;
    s->opus_mic = ngx_http_selkies_microphone_available(s)
                  && (ext.want & SELKIES_EXT_OPUS_MIC) != 0;
    s->html = (ext.want & SELKIES_EXT_HTML) != 0;
    ngx_http_selkies_audio_takes(s, (ext.want & SELKIES_EXT_RED) != 0,
                                 (ext.want & SELKIES_EXT_STEREO) != 0);
    lite = s->conf->h264_lite && (ext.want & SELKIES_EXT_LITE) != 0;

    if (lite != s->lite) {
        s->lite = lite;

        if (s->watching) {
            ngx_http_selkies_count_plain(s->display, lite ? -1 : 1);
        }
    }

    if (!s->extended) {

        if (getrandom(s->resume, SELKIES_RESUME_BYTES, GRND_NONBLOCK)
            != SELKIES_RESUME_BYTES)
        {
            ngx_http_selkies_close(s, SELKIES_CLOSE_INTERNAL, NULL);
            return;
        }

        if (ngx_http_selkies_decode_resume(s->resumes, ext.resume) == NGX_OK) {
            s->has_resumes = 1;
        }

        s->extended = 1;
        ngx_http_selkies_session_update_whole(s);
    }

    src.data = s->resume;
    src.len = SELKIES_RESUME_BYTES;
    dst.data = text;
    ngx_encode_base64url(&dst, &src);
    text[dst.len] = '\0';

    len = selkies_format_ext(buf, sizeof(buf), SELKIES_VERSION,
                             (char *) text, (int) s->conf->open,
                             SELKIES_EXT_STATUS | SELKIES_EXT_HTML
                             | SELKIES_EXT_RUMBLE | SELKIES_EXT_RELOAD
                             | SELKIES_EXT_STEREO
                             | (ngx_http_selkies_audio_redundancy(s)
                                ? SELKIES_EXT_RED : 0)
                             | (ngx_http_selkies_has_apps(s)
                                ? SELKIES_EXT_APPS : 0)
                             | (ngx_http_selkies_microphone_available(s)
                                ? SELKIES_EXT_OPUS_MIC : 0)
                             | (s->conf->h264_lite ? SELKIES_EXT_LITE : 0));
    ngx_http_selkies_text(s, buf, len);
    ngx_http_selkies_send_apps(s);

    ngx_http_selkies_session_wake(s);
}


static ngx_int_t
ngx_http_selkies_decode_resume(u_char *out, const char *text)
{
    u_char     buf[SELKIES_RESUME_MAX];
    ngx_str_t  dst, src;

    src.data = (u_char *) text;
    src.len = ngx_strlen(text);
    dst.data = buf;

    if (src.len == 0 || src.len > SELKIES_RESUME_MAX
        || ngx_decode_base64url(&dst, &src) != NGX_OK
        || dst.len != SELKIES_RESUME_BYTES)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(out, buf, SELKIES_RESUME_BYTES);

    return NGX_OK;
}


static void
ngx_http_selkies_ack(ngx_http_selkies_session_t *s, selkies_command_t *cmd)
{
    ngx_http_selkies_link_acked(s, cmd->u.frame_id);
}


/* Size and PIPELINE_RESETTING at once, if pictures are made; whether so. */

static ngx_uint_t
ngx_http_selkies_announce_now(ngx_http_selkies_session_t *s)
{
    uint64_t           size;
    selkies_stream_t  *stream = s->display->stream;

    size = atomic_load(&stream->engine_picture);

    if (selkies_size_width(size) == 0
        || atomic_load(&stream->engine_state) != SELKIES_STREAM_READY)
    {
        return 0;
    }

    ngx_http_selkies_session_announce(s, selkies_size_width(size),
                                      selkies_size_height(size), 1);
    s->epoch = atomic_load(&stream->engine_epoch);

    return 1;
}


/*
 * A decoder made anew, then a key, for this socket alone.  Stock viewers need
 * it a little late, and twice (protocol.md 9.4).
 */

static void
ngx_http_selkies_resync(ngx_http_selkies_session_t *s)
{
    ngx_http_selkies_session_need_key(s, 0);

    if (s->extended) {
        s->reset = 1;
        return;
    }

    if (!ngx_http_selkies_announce_now(s)) {
        s->announce = 1;
        s->reset = 1;
    }

    s->hold = 1;
    s->second_key = 1;

    ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_KEY, NGX_HTTP_SELKIES_VIEWER_MS);
    ngx_http_selkies_session_update_gate(s);
}


static void
ngx_http_selkies_start_video(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd)
{
    ngx_http_selkies_session_watch(s);

    if (!s->watching) {
        return;
    }

    if (s->dialect == SELKIES_DIALECT_2) {
        ngx_http_selkies_session_resend_cursor(s);
    }

    if (!s->owner) {
        ngx_http_selkies_resync(s);
        return;
    }

    if (s->dialect == SELKIES_DIALECT_2 && !ngx_http_selkies_announce_now(s)) {
        s->reset = 1;
    }

    ngx_http_selkies_session_need_key(s, 0);
    ngx_http_selkies_text_const(s, SELKIES_TEXT_VIDEO_STARTED);
}


static void
ngx_http_selkies_stop_video(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd)
{
    ngx_http_selkies_session_unwatch(s);

    if (s->owner) {
        ngx_http_selkies_text_const(s, SELKIES_TEXT_VIDEO_STOPPED);
    }
}


/* To who asks soon after a burst, that was no help: a key alone may be. */

static void
ngx_http_selkies_request_key(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd)
{
    ngx_msec_t  since;

    if (!s->watching) {
        return;
    }

    since = ngx_current_msec - s->joined_at;

    ngx_http_selkies_session_need_key(s, s->joined_at != 0
                                         && since > NGX_HTTP_SELKIES_BURST_MS
                                         && since < NGX_HTTP_SELKIES_JOINED_MS);
}


/*
 * The cursor becomes part of the picture, for all who watch: one that is
 * locked to the page has no cursor of its own.  The messages go on.
 */

static void
ngx_http_selkies_native_cursor(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd)
{
    atomic_store(&s->display->stream->wanted_cursor, (uint32_t) cmd->u.on);
    ngx_http_selkies_ring_display(s->display);
}
