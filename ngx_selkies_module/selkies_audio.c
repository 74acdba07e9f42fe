
/*
 * Copyright (C) ngx_selkies authors
 *
 * See selkies_audio.h.
 */


#include "selkies_audio.h"


/* Silent frames that are still sent: the encoder looks 2.5 ms ahead. */

#define SELKIES_AUDIO_TAIL           2


bool
selkies_audio_gate(const int16_t *samples, size_t n, uint32_t *quiet,
    bool *end)
{
    int     any;
    size_t  i;

    *end = false;

    any = 0;

    for (i = 0; i < n; i++) {
        any |= samples[i];
    }

    if (any != 0) {
        *quiet = 0;
        return true;
    }

    if (*quiet == SELKIES_AUDIO_QUIET) {
        return false;
    }

    if (++*quiet <= SELKIES_AUDIO_TAIL) {
        return true;
    }

    *quiet = SELKIES_AUDIO_QUIET;
    *end = true;

    return false;
}


#ifdef SELKIES_HAVE_SOUND


#include <stdlib.h>
#include <string.h>

#include "../capture/pulse.h"
#include "../encoders/downmix.h"
#include "../encoders/opus.h"
#include "selkies_protocol.h"
#include "selkies_thread.h"
#include "selkies_websocket.h"


/* How long to wait before the next try to reach a missing server. */

#define SELKIES_AUDIO_RETRY_MIN_US   50000
#define SELKIES_AUDIO_RETRY_MAX_US   500000

/* So much silence, and it is asked whether anybody plays at all. */

#define SELKIES_AUDIO_REST_SAMPLES   (SELKIES_OPUS_RATE / 2)

/* One that does not answer by then hangs: it is tried anew. */

#define SELKIES_AUDIO_CONNECT_US     5000000


/* The wishes that a server or an encoder must be told before it begins. */

typedef struct {
    uint32_t                channels;
    uint32_t                samples;
} selkies_audio_format_t;


struct selkies_audio_s {
    selkies_audio_conf_t    conf;           /* start() */
    uint32_t                index;          /* start() */
    selkies_ring_t         *ring;           /* start() */

    pthread_t               thread;
    _Atomic bool            stop;           /* stop() */
    _Atomic bool            idle;           /* the thread, and all below */

    selkies_pulse_t        *pulse;
    selkies_opus_t         *opus;
    selkies_opus_t         *stereo;         /* of more; NULL: nobody needs it */
    selkies_audio_format_t  format;
    uint32_t                rate;
    uint32_t                quiet;          /* see selkies_audio_gate() */
    uint32_t                silent;         /* samples since the sound ended */
    uint32_t                time;           /* of this frame, in samples */

    uint64_t                retry_us;
    uint64_t                retry_at_us;
    uint64_t                connect_until_us;
    uint64_t                unheard_us;     /* since; 0 while heard */
    bool                    complained;     /* of the server, once */

    int16_t                 mixed[2 * SELKIES_OPUS_SAMPLES_MAX];
    uint8_t                 packet[SELKIES_OPUS_PACKET_BYTES];
};


static void *selkies_audio_thread(void *data);
static uint64_t selkies_audio_unheard(selkies_audio_t *audio);
static uint64_t selkies_audio_serve(selkies_audio_t *audio);
static selkies_status_t selkies_audio_open(selkies_audio_t *audio);
static void selkies_audio_close(selkies_audio_t *audio);
static void selkies_audio_lost(selkies_audio_t *audio);
static void selkies_audio_format(selkies_audio_t *audio,
    selkies_audio_format_t *format);
static void selkies_audio_frame(void *data, const int16_t *samples);
static void selkies_audio_keep_time(selkies_audio_t *audio);
static void selkies_audio_encode(selkies_audio_t *audio,
    const int16_t *samples);
static bool selkies_audio_mix(selkies_audio_t *audio, const int16_t *samples);
static void selkies_audio_publish(selkies_audio_t *audio, size_t len,
    uint16_t flags, uint64_t now);
static void selkies_audio_publish_state(selkies_audio_t *audio,
    selkies_audio_state_t state);


bool
selkies_audio_built(void)
{
    return true;
}


void
selkies_audio_init(void)
{
    selkies_pulse_init();
}


selkies_audio_t *
selkies_audio_start(const selkies_audio_conf_t *conf)
{
    int               rc;
    selkies_audio_t  *audio;

    audio = calloc(1, sizeof(selkies_audio_t));

    if (audio == NULL) {
        return NULL;
    }

    audio->conf = *conf;
    audio->index = selkies_stream_index(conf->shared, conf->stream);
    audio->ring = selkies_stream_audio(conf->shared, conf->stream);
    audio->retry_us = SELKIES_AUDIO_RETRY_MIN_US;

    rc = selkies_thread_start(&audio->thread, "selkies-audio",
                              selkies_audio_thread, audio);

    if (rc != 0) {
        selkies_log(conf->log, SELKIES_LOG_ERR,
                    "pthread_create() failed (%d: %s)", rc, strerror(rc));
        free(audio);
        return NULL;
    }

    return audio;
}


bool
selkies_audio_is_idle(selkies_audio_t *audio)
{
    return atomic_load(&audio->idle);
}


selkies_status_t
selkies_audio_stop(selkies_audio_t *audio, uint32_t timeout_ms)
{
    if (audio == NULL) {
        return SELKIES_OK;
    }

    atomic_store_explicit(&audio->stop, true, memory_order_release);
    selkies_bell_ring(audio->conf.bell);

    if (selkies_thread_join(audio->thread, timeout_ms) != SELKIES_OK) {
        return SELKIES_AGAIN;
    }

    atomic_store(&audio->conf.stream->engine_audio, SELKIES_AUDIO_OFF);
    free(audio);

    return SELKIES_OK;
}


static void *
selkies_audio_thread(void *data)
{
    uint64_t          timeout_us, idle_us;
    selkies_audio_t  *audio = data;

    while (!atomic_load_explicit(&audio->stop, memory_order_acquire)) {

        idle_us = selkies_audio_unheard(audio);
        timeout_us = selkies_audio_serve(audio);
        timeout_us = idle_us < timeout_us ? idle_us : timeout_us;

        if (audio->pulse == NULL) {
            selkies_bell_wait(audio->conf.bell, -1, timeout_us);

        } else if (selkies_pulse_run(audio->pulse, timeout_us)
                   != SELKIES_OK)
        {
            selkies_audio_lost(audio);
        }
    }

    selkies_audio_close(audio);

    return NULL;
}


/* How long until the server is let go of; for ever while somebody listens. */

static uint64_t
selkies_audio_unheard(selkies_audio_t *audio)
{
    uint64_t  now, until;

    if (selkies_stream_count(audio->conf.shared, audio->index,
                             SELKIES_COUNT_LISTENERS)
        != 0)
    {
        audio->unheard_us = 0;
        atomic_store(&audio->idle, false);
        return UINT64_MAX;
    }

    now = selkies_clock_us();

    if (audio->unheard_us == 0) {
        audio->unheard_us = now;
    }

    until = audio->unheard_us + audio->conf.idle_us;

    if (now < until) {
        return until - now;
    }

    selkies_audio_close(audio);
    selkies_audio_publish_state(audio, SELKIES_AUDIO_OFF);

    if (!atomic_exchange(&audio->idle, true)) {
        audio->conf.wake(audio->conf.data, audio->index);
    }

    return UINT64_MAX;
}


/* What is to be done now; how long nothing else will be. */

static uint64_t
selkies_audio_serve(selkies_audio_t *audio)
{
    bool                    heard;
    uint64_t                now;
    selkies_audio_format_t  format;

    heard = audio->unheard_us == 0;
    now = selkies_clock_us();

    /* another format is another encoder, and another recording */

    selkies_audio_format(audio, &format);

    if (audio->pulse != NULL
        && (format.channels != audio->format.channels
            || format.samples != audio->format.samples))
    {
        selkies_audio_close(audio);
        audio->retry_at_us = 0;
    }

    if (audio->pulse == NULL) {

        if (!heard) {
            return UINT64_MAX;
        }

        if (now < audio->retry_at_us) {
            return audio->retry_at_us - now;
        }

        audio->format = format;

        if (selkies_audio_open(audio) != SELKIES_OK) {
            return audio->retry_at_us > now ? audio->retry_at_us - now : 0;
        }
    }

    selkies_pulse_cork(audio->pulse, !heard);

    switch (selkies_pulse_state(audio->pulse)) {

    case SELKIES_PULSE_RUNNING:
        audio->retry_us = SELKIES_AUDIO_RETRY_MIN_US;
        audio->complained = false;
        selkies_audio_publish_state(audio, SELKIES_AUDIO_READY);
        return UINT64_MAX;

    case SELKIES_PULSE_NO_SOURCE:
        selkies_audio_publish_state(audio, SELKIES_AUDIO_NO_SOURCE);
        return UINT64_MAX;

    default: /* SELKIES_PULSE_CONNECTING */
        break;
    }

    if (now >= audio->connect_until_us) {
        selkies_audio_lost(audio);
        return SELKIES_AUDIO_RETRY_MIN_US;
    }

    return audio->connect_until_us - now;
}


static selkies_status_t
selkies_audio_open(selkies_audio_t *audio)
{
    selkies_pulse_conf_t  conf;

    audio->rate = atomic_load(&audio->conf.stream->wanted_audio_rate);
    audio->quiet = SELKIES_AUDIO_QUIET;
    audio->time = (uint32_t) (selkies_clock_us() * (SELKIES_OPUS_RATE / 1000)
                              / 1000);
    audio->opus = selkies_opus_open(audio->format.channels,
                                    audio->format.samples, audio->rate,
                                    audio->conf.log);

    if (audio->opus == NULL) {
        selkies_audio_publish_state(audio, SELKIES_AUDIO_NO_ENCODER);
        audio->retry_at_us = selkies_clock_us() + SELKIES_AUDIO_CONNECT_US;
        return SELKIES_ERROR;
    }

    conf.server = audio->conf.server;
    conf.cookie = audio->conf.cookie;
    conf.source = audio->conf.source;
    conf.channels = audio->format.channels;
    conf.samples = audio->format.samples;
    conf.wake_fd = audio->conf.bell;
    conf.frame = selkies_audio_frame;
    conf.data = audio;

    audio->pulse = selkies_pulse_open(&conf, audio->conf.log);

    if (audio->pulse == NULL) {
        selkies_audio_lost(audio);
        return SELKIES_ERROR;
    }

    audio->connect_until_us = selkies_clock_us() + SELKIES_AUDIO_CONNECT_US;

    /* what is known of one that was there a moment ago stands till it is not */

    if (atomic_load(&audio->conf.stream->engine_audio) == SELKIES_AUDIO_OFF) {
        selkies_audio_publish_state(audio, SELKIES_AUDIO_CONNECTING);
    }

    return SELKIES_OK;
}


static void
selkies_audio_close(selkies_audio_t *audio)
{
    selkies_pulse_close(audio->pulse);
    selkies_opus_close(audio->opus);
    selkies_opus_close(audio->stereo);

    audio->pulse = NULL;
    audio->opus = NULL;
    audio->stereo = NULL;
}


/* No server, or none any more: the next try is a little later each time. */

static void
selkies_audio_lost(selkies_audio_t *audio)
{
    selkies_audio_close(audio);

    if (!audio->complained) {
        audio->complained = true;
        selkies_log(audio->conf.log, SELKIES_LOG_NOTICE,
                    "sound: no PulseAudio server answers at \"%s\"",
                    audio->conf.server);
    }

    audio->retry_at_us = selkies_clock_us() + audio->retry_us;
    audio->retry_us *= 2;

    if (audio->retry_us > SELKIES_AUDIO_RETRY_MAX_US) {
        audio->retry_us = SELKIES_AUDIO_RETRY_MAX_US;
    }

    selkies_audio_publish_state(audio, SELKIES_AUDIO_NO_SERVER);
}


static void
selkies_audio_format(selkies_audio_t *audio, selkies_audio_format_t *format)
{
    selkies_stream_t  *stream = audio->conf.stream;

    format->channels = atomic_load(&stream->wanted_audio_channels);
    format->samples = atomic_load(&stream->wanted_audio_samples);
}


static void
selkies_audio_frame(void *data, const int16_t *samples)
{
    bool              end;
    uint32_t          rate;
    selkies_audio_t  *audio = data;

    rate = atomic_load_explicit(&audio->conf.stream->wanted_audio_rate,
                                memory_order_relaxed);

    if (rate != audio->rate) {
        audio->rate = rate;
        selkies_opus_set_rate(audio->opus, rate);

        if (audio->stereo != NULL) {
            selkies_opus_set_rate(audio->stereo, rate);
        }
    }

    selkies_audio_keep_time(audio);

    if (selkies_audio_gate(samples,
                           audio->format.samples * audio->format.channels,
                           &audio->quiet, &end))
    {
        selkies_audio_encode(audio, samples);
        return;
    }

    if (end) {
        audio->silent = 0;
        selkies_audio_publish(audio, 0, SELKIES_PACKET_END,
                              selkies_clock_us());
    }

    audio->silent += audio->format.samples;

    if (audio->silent >= SELKIES_AUDIO_REST_SAMPLES) {
        audio->silent = 0;
        selkies_pulse_rest(audio->pulse);
    }
}


/*
 * The time of frames goes by their samples while there is sound, so that it
 * has no steps; where it began anew it is that of the clock, which all workers
 * share, so that it never goes back.
 */

static void
selkies_audio_keep_time(selkies_audio_t *audio)
{
    uint32_t  now;

    audio->time += audio->format.samples;

    if (audio->quiet != SELKIES_AUDIO_QUIET) {
        return;
    }

    now = (uint32_t) (selkies_clock_us() * (SELKIES_OPUS_RATE / 1000) / 1000);

    if ((int32_t) (now - audio->time) > 0) {
        audio->time = now;
    }
}


/* For all that listen; what has more than two channels also as two. */

static void
selkies_audio_encode(selkies_audio_t *audio, const int16_t *samples)
{
    bool       surround;
    size_t     len;
    uint32_t   all, stereo;
    uint64_t   now;

    now = selkies_clock_us();
    surround = audio->format.channels > 2;
    stereo = 0;
    all = 1;

    if (surround) {
        all = selkies_stream_count(audio->conf.shared, audio->index,
                                   SELKIES_COUNT_LISTENERS);
        stereo = selkies_stream_count(audio->conf.shared, audio->index,
                                      SELKIES_COUNT_STEREO);
    }

    if (all > stereo) {
        len = selkies_opus_encode(audio->opus, samples, audio->packet,
                                  SELKIES_OPUS_PACKET_BYTES);

        if (len != 0) {
            selkies_audio_publish(audio, len,
                                  surround ? SELKIES_PACKET_SURROUND : 0, now);
        }
    }

    if (stereo == 0) {
        selkies_opus_close(audio->stereo);
        audio->stereo = NULL;
        return;
    }

    if (selkies_audio_mix(audio, samples)) {
        len = selkies_opus_encode(audio->stereo, audio->mixed, audio->packet,
                                  SELKIES_OPUS_PACKET_BYTES);

        if (len != 0) {
            selkies_audio_publish(audio, len, SELKIES_PACKET_STEREO, now);
        }
    }
}


static bool
selkies_audio_mix(selkies_audio_t *audio, const int16_t *samples)
{
    if (audio->stereo == NULL) {
        audio->stereo = selkies_opus_open(2, audio->format.samples,
                                          audio->rate, audio->conf.log);
    }

    if (audio->stereo == NULL) {
        return false;
    }

    selkies_downmix(samples, audio->format.channels, audio->format.samples,
                    audio->mixed);

    return true;
}


/* `len` bytes of audio->packet; none with the end of the sound. */

static void
selkies_audio_publish(selkies_audio_t *audio, size_t len, uint16_t flags,
    uint64_t now)
{
    uint8_t           *room, *payload;
    selkies_packet_t   packet;
    selkies_stream_t  *stream = audio->conf.stream;

    room = selkies_ring_reserve(audio->ring, SELKIES_WEBSOCKET_HEADROOM
                                             + SELKIES_AUDIO_HEADER_BYTES
                                             + len);

    if (room == NULL) {
        return;
    }

    payload = room + SELKIES_WEBSOCKET_HEADROOM;

    selkies_audio_header(payload, flags & SELKIES_PACKET_END
                                  ? SELKIES_AUDIO_END : 0);

    if (len != 0) {
        memcpy(payload + SELKIES_AUDIO_HEADER_BYTES, audio->packet, len);
    }

    len += SELKIES_AUDIO_HEADER_BYTES;

    memset(&packet, 0, sizeof(selkies_packet_t));

    packet.data = selkies_websocket_header_before(payload,
                                                  SELKIES_WEBSOCKET_BINARY, 1,
                                                  len);
    packet.length_bytes = (uint32_t) (payload + len - packet.data);
    packet.flags = flags;
    packet.epoch = audio->time;
    packet.capture_us = now;
    packet.encoded_us = selkies_clock_us();

    selkies_ring_publish(audio->ring, &packet);

    atomic_fetch_add(&stream->statistics.audio_packets, 1);
    atomic_fetch_add(&stream->statistics.audio_bytes, len);

    audio->conf.sound(audio->conf.data, audio->index);
}


static void
selkies_audio_publish_state(selkies_audio_t *audio,
    selkies_audio_state_t state)
{
    selkies_stream_t  *stream = audio->conf.stream;

    if (atomic_exchange(&stream->engine_audio, state) != (uint32_t) state) {
        audio->conf.wake(audio->conf.data, audio->index);
    }
}


#else


bool
selkies_audio_built(void)
{
    return false;
}


void
selkies_audio_init(void)
{
}


selkies_audio_t *
selkies_audio_start(const selkies_audio_conf_t *conf)
{
    return NULL;
}


bool
selkies_audio_is_idle(selkies_audio_t *audio)
{
    return true;
}


selkies_status_t
selkies_audio_stop(selkies_audio_t *audio, uint32_t timeout_ms)
{
    return SELKIES_OK;
}


#endif
