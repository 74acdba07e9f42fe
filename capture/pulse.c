
/*
 * Copyright (C) ngx_selkies authors
 *
 * See pulse.h.  Which source is recorded is found out anew whenever one
 * appears or the default changes; a source that goes ends the connection, and
 * the caller begins again.
 */


#ifdef SELKIES_HAVE_SOUND


#include <stdlib.h>
#include <string.h>

#include "pulse.h"
#include "pulse_link.h"


#define SELKIES_PULSE_DEFAULT  "@DEFAULT_MONITOR@"

/* PulseAudio's own sinks, which hear nobody but its streams. */

#define SELKIES_PULSE_DRIVER   "module-"


/* What is known of the programs that play into the sink. */

typedef enum {
    SELKIES_PULSE_UNKNOWN = 0,
    SELKIES_PULSE_ASKED,
    SELKIES_PULSE_PLAYING               /* some do, since they were asked for */
} selkies_pulse_players_e;


struct selkies_pulse_s {
    selkies_pulse_conf_t    conf;
    const selkies_log_t    *log;
    selkies_pulse_link_t    link;
    pa_stream              *stream;
    selkies_pulse_state_t   state;
    char                    source[SELKIES_PULSE_NAME_BYTES];
    char                    sink[SELKIES_PULSE_NAME_BYTES];     /* or "" */

    bool                    corked;
    bool                    resting;        /* nobody plays: corked, too */
    bool                    tells;          /* the server, of who plays */
    uint32_t                sink_index;
    unsigned                players;        /* selkies_pulse_players_e */
    bool                    looking;        /* for the source */
    bool                    again;          /* look once more after that */
    bool                    by_default;     /* the name is not there */

    uint8_t                *frame;
    size_t                  frame_bytes;
    size_t                  filled;
};


static void selkies_pulse_ready(void *data);
static void selkies_pulse_news(pa_context *context,
    pa_subscription_event_type_t type, uint32_t index, void *data);
static void selkies_pulse_look(selkies_pulse_t *pulse);
static void selkies_pulse_ask(selkies_pulse_t *pulse, const char *name);
static void selkies_pulse_found(pa_context *context, const pa_source_info *info,
    int eol, void *data);
static void selkies_pulse_name(char *to, const char *name);
static void selkies_pulse_record(selkies_pulse_t *pulse);
static void selkies_pulse_map(pa_channel_map *map, uint32_t channels);
static void selkies_pulse_stream_ready(void *data);
static void selkies_pulse_stir(selkies_pulse_t *pulse,
    pa_subscription_event_type_t how);
static void selkies_pulse_player(pa_context *context,
    const pa_sink_input_info *info, int eol, void *data);
static void selkies_pulse_read(pa_stream *stream, size_t nbytes, void *data);
static void selkies_pulse_add(selkies_pulse_t *pulse, const uint8_t *data,
    size_t len);
static void selkies_pulse_cork_stream(selkies_pulse_t *pulse);


selkies_pulse_t *
selkies_pulse_open(const selkies_pulse_conf_t *conf, const selkies_log_t *log)
{
    selkies_pulse_t  *pulse;

    pulse = calloc(1, sizeof(selkies_pulse_t));

    if (pulse == NULL) {
        return NULL;
    }

    pulse->conf = *conf;
    pulse->log = log;
    pulse->corked = true;
    pulse->frame_bytes = conf->samples * conf->channels * sizeof(int16_t);
    pulse->frame = malloc(pulse->frame_bytes);

    if (pulse->frame == NULL
        || selkies_pulse_link_open(&pulse->link, conf->server, conf->cookie,
                                   conf->wake_fd, selkies_pulse_ready, pulse)
           != SELKIES_OK)
    {
        selkies_pulse_close(pulse);
        return NULL;
    }

    return pulse;
}


static void
selkies_pulse_ready(void *data)
{
    selkies_pulse_t  *pulse = data;

    pa_context_set_subscribe_callback(pulse->link.context, selkies_pulse_news,
                                      pulse);

    if (!selkies_pulse_link_begun(
            pa_context_subscribe(pulse->link.context,
                                 PA_SUBSCRIPTION_MASK_SOURCE
                                 |PA_SUBSCRIPTION_MASK_SINK_INPUT
                                 |PA_SUBSCRIPTION_MASK_SERVER,
                                 NULL, NULL)))
    {
        pulse->link.lost = true;
        return;
    }

    selkies_pulse_look(pulse);
}


/* Volumes of sources change all the time: that is no news. */

static void
selkies_pulse_news(pa_context *context, pa_subscription_event_type_t type,
    uint32_t index, void *data)
{
    pa_subscription_event_type_t  what, how;

    what = type & PA_SUBSCRIPTION_EVENT_FACILITY_MASK;
    how = type & PA_SUBSCRIPTION_EVENT_TYPE_MASK;

    if (what == PA_SUBSCRIPTION_EVENT_SINK_INPUT) {
        selkies_pulse_stir(data, how);
        return;
    }

    if (what == PA_SUBSCRIPTION_EVENT_SERVER
        || how == PA_SUBSCRIPTION_EVENT_NEW)
    {
        selkies_pulse_look(data);
    }
}


static void
selkies_pulse_look(selkies_pulse_t *pulse)
{
    if (pulse->looking) {
        pulse->again = true;
        return;
    }

    pulse->looking = true;
    pulse->again = false;
    pulse->by_default = pulse->conf.source[0] == '\0';

    selkies_pulse_ask(pulse, pulse->by_default ? SELKIES_PULSE_DEFAULT
                                               : pulse->conf.source);
}


static void
selkies_pulse_ask(selkies_pulse_t *pulse, const char *name)
{
    if (!selkies_pulse_link_begun(
            pa_context_get_source_info_by_name(pulse->link.context, name,
                                               selkies_pulse_found, pulse)))
    {
        pulse->link.lost = true;
    }
}


/* Called with the source, then once more; or once, where there is none. */

static void
selkies_pulse_found(pa_context *context, const pa_source_info *info, int eol,
    void *data)
{
    selkies_pulse_t  *pulse = data;

    if (info != NULL) {

        if (strcmp(info->name, pulse->source) != 0) {
            selkies_pulse_name(pulse->sink, info->monitor_of_sink_name);
            selkies_pulse_name(pulse->source, info->name);
            pulse->sink_index = info->monitor_of_sink;
            pulse->tells = info->monitor_of_sink != PA_INVALID_INDEX
                           && info->driver != NULL
                           && strncmp(info->driver, SELKIES_PULSE_DRIVER,
                                      strlen(SELKIES_PULSE_DRIVER))
                              == 0;
            selkies_pulse_record(pulse);
        }

        return;
    }

    if (eol < 0 && !pulse->by_default) {
        pulse->by_default = true;
        selkies_pulse_ask(pulse, SELKIES_PULSE_DEFAULT);
        return;
    }

    if (eol < 0 && pulse->stream == NULL) {
        pulse->state = SELKIES_PULSE_NO_SOURCE;
    }

    pulse->looking = false;

    if (pulse->again) {
        selkies_pulse_look(pulse);
    }
}


/* One that is too long is none. */

static void
selkies_pulse_name(char *to, const char *name)
{
    size_t  len;

    len = name ? strlen(name) : 0;
    len = len < SELKIES_PULSE_NAME_BYTES ? len : 0;

    if (len != 0) {
        memcpy(to, name, len);
    }

    to[len] = '\0';
}


static void
selkies_pulse_record(selkies_pulse_t *pulse)
{
    pa_buffer_attr  attr;
    pa_channel_map  map;
    pa_sample_spec  spec;

    selkies_pulse_link_drop_stream(pulse->stream);
    pulse->stream = NULL;
    pulse->state = SELKIES_PULSE_CONNECTING;
    pulse->players = SELKIES_PULSE_UNKNOWN;
    pulse->resting = false;
    pulse->filled = 0;

    spec.format = PA_SAMPLE_S16NE;
    spec.rate = SELKIES_PULSE_RATE;
    spec.channels = (uint8_t) pulse->conf.channels;

    selkies_pulse_map(&map, pulse->conf.channels);

    pulse->stream = pa_stream_new(pulse->link.context, "desktop sound", &spec,
                                  &map);

    if (pulse->stream == NULL) {
        pulse->link.lost = true;
        return;
    }

    selkies_pulse_link_watch(&pulse->link, pulse->stream,
                             selkies_pulse_stream_ready);
    pa_stream_set_read_callback(pulse->stream, selkies_pulse_read, pulse);

    memset(&attr, 0xff, sizeof(pa_buffer_attr));
    attr.fragsize = (uint32_t) pulse->frame_bytes;

    if (pa_stream_connect_record(pulse->stream, pulse->source, &attr,
                                 PA_STREAM_ADJUST_LATENCY|PA_STREAM_DONT_MOVE
                                 |(pulse->corked ? PA_STREAM_START_CORKED
                                                 : PA_STREAM_NOFLAGS))
        < 0)
    {
        pulse->link.lost = true;
    }
}


/* The order of Vorbis, which is that of Opus with more than two channels. */

static void
selkies_pulse_map(pa_channel_map *map, uint32_t channels)
{
    uint32_t  i, n;

    static const pa_channel_position_t  surround[2][8] = {
        { PA_CHANNEL_POSITION_FRONT_LEFT,
          PA_CHANNEL_POSITION_FRONT_CENTER,
          PA_CHANNEL_POSITION_FRONT_RIGHT,
          PA_CHANNEL_POSITION_REAR_LEFT,
          PA_CHANNEL_POSITION_REAR_RIGHT,
          PA_CHANNEL_POSITION_LFE },
        { PA_CHANNEL_POSITION_FRONT_LEFT,
          PA_CHANNEL_POSITION_FRONT_CENTER,
          PA_CHANNEL_POSITION_FRONT_RIGHT,
          PA_CHANNEL_POSITION_SIDE_LEFT,
          PA_CHANNEL_POSITION_SIDE_RIGHT,
          PA_CHANNEL_POSITION_REAR_LEFT,
          PA_CHANNEL_POSITION_REAR_RIGHT,
          PA_CHANNEL_POSITION_LFE }
    };

    if (channels == 1) {
        (void) pa_channel_map_init_mono(map);
        return;
    }

    if (channels == 2) {
        (void) pa_channel_map_init_stereo(map);
        return;
    }

    n = channels == 6 ? 0 : 1;

    (void) pa_channel_map_init(map);
    map->channels = (uint8_t) channels;

    for (i = 0; i < channels; i++) {
        map->map[i] = surround[n][i];
    }
}


static void
selkies_pulse_stream_ready(void *data)
{
    selkies_pulse_t  *pulse = data;

    pulse->state = SELKIES_PULSE_RUNNING;
    selkies_log(pulse->log, SELKIES_LOG_INFO, "sound: recording \"%s\"",
                pulse->source);
    selkies_pulse_cork_stream(pulse);
    selkies_pulse_link_rouse(&pulse->link, pulse->sink);
}


static void
selkies_pulse_read(pa_stream *stream, size_t nbytes, void *data)
{
    size_t            len;
    const void       *fragment;
    selkies_pulse_t  *pulse = data;

    while (pa_stream_readable_size(stream) > 0) {

        if (pa_stream_peek(stream, &fragment, &len) < 0) {
            pulse->link.lost = true;
            return;
        }

        if (len == 0) {
            return;
        }

        selkies_pulse_add(pulse, fragment, len);

        if (pa_stream_drop(stream) < 0) {
            pulse->link.lost = true;
            return;
        }
    }
}


/* `data` is NULL for a hole: silence. */

static void
selkies_pulse_add(selkies_pulse_t *pulse, const uint8_t *data, size_t len)
{
    size_t  n;

    while (len != 0 && !pulse->corked) {
        n = pulse->frame_bytes - pulse->filled;
        n = len < n ? len : n;

        if (data != NULL) {
            memcpy(pulse->frame + pulse->filled, data, n);
            data += n;

        } else {
            memset(pulse->frame + pulse->filled, 0, n);
        }

        len -= n;
        pulse->filled += n;

        if (pulse->filled == pulse->frame_bytes) {
            pulse->filled = 0;
            pulse->conf.frame(pulse->conf.data,
                              (const int16_t *) (const void *) pulse->frame);
        }
    }
}


selkies_status_t
selkies_pulse_run(selkies_pulse_t *pulse, uint64_t timeout_us)
{
    return selkies_pulse_link_run(&pulse->link, timeout_us);
}


selkies_pulse_state_t
selkies_pulse_state(const selkies_pulse_t *pulse)
{
    return pulse->state;
}


const char *
selkies_pulse_source(const selkies_pulse_t *pulse)
{
    return pulse->source;
}


void
selkies_pulse_cork(selkies_pulse_t *pulse, bool corked)
{
    if (corked == pulse->corked) {
        return;
    }

    pulse->corked = corked;
    pulse->filled = 0;

    if (pulse->stream != NULL
        && pa_stream_get_state(pulse->stream) == PA_STREAM_READY)
    {
        selkies_pulse_cork_stream(pulse);
    }
}


static void
selkies_pulse_cork_stream(selkies_pulse_t *pulse)
{
    bool  corked;

    corked = pulse->corked || pulse->resting;

    if ((pa_stream_is_corked(pulse->stream) != 0) == corked) {
        return;
    }

    /* what was recorded before the pause is old */

    if (!corked) {
        pulse->filled = 0;
        (void) selkies_pulse_link_begun(pa_stream_flush(pulse->stream, NULL,
                                                        NULL));
    }

    if (!selkies_pulse_link_begun(pa_stream_cork(pulse->stream, corked, NULL,
                                                 NULL)))
    {
        pulse->link.lost = true;
    }
}


void
selkies_pulse_rest(selkies_pulse_t *pulse)
{
    if (!pulse->tells || pulse->corked || pulse->resting
        || pulse->state != SELKIES_PULSE_RUNNING
        || pulse->players != SELKIES_PULSE_UNKNOWN)
    {
        return;
    }

    if (!selkies_pulse_link_begun(
            pa_context_get_sink_input_info_list(pulse->link.context,
                                                selkies_pulse_player, pulse)))
    {
        pulse->link.lost = true;
        return;
    }

    pulse->players = SELKIES_PULSE_ASKED;
}


/* Called with each stream that plays anywhere, then once more. */

static void
selkies_pulse_player(pa_context *context, const pa_sink_input_info *info,
    int eol, void *data)
{
    selkies_pulse_t  *pulse = data;

    if (pulse->players != SELKIES_PULSE_ASKED) {

        /* one does, or it is no longer as the server says */

        return;
    }

    if (info != NULL) {

        if (info->sink == pulse->sink_index && !info->corked) {
            pulse->players = SELKIES_PULSE_PLAYING;
        }

        return;
    }

    pulse->players = SELKIES_PULSE_UNKNOWN;

    if (eol > 0) {
        pulse->resting = true;
        selkies_pulse_cork_stream(pulse);
    }
}


/* A program begins to play, or goes on, or may do so. */

static void
selkies_pulse_stir(selkies_pulse_t *pulse, pa_subscription_event_type_t how)
{
    pulse->players = SELKIES_PULSE_UNKNOWN;

    if (how != PA_SUBSCRIPTION_EVENT_REMOVE && pulse->resting) {
        pulse->resting = false;
        selkies_pulse_cork_stream(pulse);
        selkies_pulse_link_rouse(&pulse->link, pulse->sink);
    }
}


void
selkies_pulse_close(selkies_pulse_t *pulse)
{
    if (pulse == NULL) {
        return;
    }

    selkies_pulse_link_drop_stream(pulse->stream);
    selkies_pulse_link_close(&pulse->link);

    free(pulse->frame);
    free(pulse);
}


#else

typedef int  selkies_pulse_unused_t;            /* no file without a name */

#endif
