
/*
 * Copyright (C) ngx_selkies authors
 *
 * See pulse_play.h.
 */


#ifdef SELKIES_HAVE_SOUND


#include <stdlib.h>
#include <string.h>

#include "pulse_link.h"
#include "pulse_play.h"


#define SELKIES_PLAYER_AHEAD_MS   40
#define SELKIES_PLAYER_BYTES(ms)  ((ms) * SELKIES_PLAYER_RATE / 1000 * 2)


/* What has to be there, in the order in which it is made. */

typedef enum {
    SELKIES_PLAYER_NEEDS_SINK = 0,
    SELKIES_PLAYER_NEEDS_SOURCE,
    SELKIES_PLAYER_NEEDS
} selkies_player_need_e;


typedef struct {
    const char             *module;
    const char             *arguments;
} selkies_player_part_t;


struct selkies_player_s {
    selkies_pulse_link_t    link;
    const selkies_log_t    *log;
    pa_stream              *stream;
    unsigned                need;           /* selkies_player_need_e */
    bool                    ready;
    bool                    ending;
    unsigned                unloading;      /* answers that are to come */
    uint32_t                made[SELKIES_PLAYER_NEEDS];     /* or INVALID */
};


static void selkies_player_ready(void *data);
static void selkies_player_look(selkies_player_t *player);
static void selkies_player_sink(pa_context *context, const pa_sink_info *info,
    int eol, void *data);
static void selkies_player_source(pa_context *context,
    const pa_source_info *info, int eol, void *data);
static void selkies_player_make(selkies_player_t *player);
static void selkies_player_made(pa_context *context, uint32_t index,
    void *data);
static void selkies_player_play(selkies_player_t *player);
static void selkies_player_stream_state(pa_stream *stream, void *data);
static void selkies_player_unloaded(pa_context *context, int success,
    void *data);


static const selkies_player_part_t  selkies_player_parts[] = {
    [SELKIES_PLAYER_NEEDS_SINK] = {
        "module-null-sink",
        "sink_name=" SELKIES_PLAYER_SINK " rate=48000 channels=1"
    },
    [SELKIES_PLAYER_NEEDS_SOURCE] = {
        "module-virtual-source",
        "source_name=" SELKIES_PLAYER_SOURCE " master=" SELKIES_PLAYER_SINK
        ".monitor"
    }
};


selkies_player_t *
selkies_player_open(const char *server, const char *cookie, int wake_fd,
    const selkies_log_t *log)
{
    unsigned           i;
    selkies_player_t  *player;

    player = calloc(1, sizeof(selkies_player_t));

    if (player == NULL) {
        return NULL;
    }

    player->log = log;

    for (i = 0; i < SELKIES_PLAYER_NEEDS; i++) {
        player->made[i] = PA_INVALID_INDEX;
    }

    if (selkies_pulse_link_open(&player->link, server, cookie, wake_fd,
                                selkies_player_ready, player)
        != SELKIES_OK)
    {
        selkies_player_close(player);
        return NULL;
    }

    return player;
}


static void
selkies_player_ready(void *data)
{
    selkies_player_look(data);
}


/* The next part that is needed; all are there: play. */

static void
selkies_player_look(selkies_player_t *player)
{
    bool         begun;
    pa_context  *context = player->link.context;

    if (player->ending) {
        return;
    }

    switch (player->need) {

    case SELKIES_PLAYER_NEEDS_SINK:
        begun = selkies_pulse_link_begun(
                    pa_context_get_sink_info_by_name(context,
                                                     SELKIES_PLAYER_SINK,
                                                     selkies_player_sink,
                                                     player));
        break;

    case SELKIES_PLAYER_NEEDS_SOURCE:
        begun = selkies_pulse_link_begun(
                    pa_context_get_source_info_by_name(context,
                                                       SELKIES_PLAYER_SOURCE,
                                                       selkies_player_source,
                                                       player));
        break;

    default:
        selkies_player_play(player);
        return;
    }

    if (!begun) {
        player->link.lost = true;
    }
}


static void
selkies_player_sink(pa_context *context, const pa_sink_info *info, int eol,
    void *data)
{
    selkies_player_t  *player = data;

    if (info != NULL) {
        player->need++;

    } else if (eol < 0) {
        selkies_player_make(player);

    } else {
        selkies_player_look(player);
    }
}


static void
selkies_player_source(pa_context *context, const pa_source_info *info, int eol,
    void *data)
{
    selkies_player_t  *player = data;

    if (info != NULL) {
        player->need++;

    } else if (eol < 0) {
        selkies_player_make(player);

    } else {
        selkies_player_look(player);
    }
}


static void
selkies_player_make(selkies_player_t *player)
{
    const selkies_player_part_t  *part;

    if (player->ending) {
        return;
    }

    part = &selkies_player_parts[player->need];

    if (!selkies_pulse_link_begun(
            pa_context_load_module(player->link.context, part->module,
                                   part->arguments, selkies_player_made,
                                   player)))
    {
        player->link.lost = true;
    }
}


static void
selkies_player_made(pa_context *context, uint32_t index, void *data)
{
    selkies_player_t  *player = data;

    if (index == PA_INVALID_INDEX) {
        selkies_log(player->log, SELKIES_LOG_WARN,
                    "microphone: the sound server cannot load %s: %s",
                    selkies_player_parts[player->need].module,
                    pa_strerror(pa_context_errno(context)));
        player->link.lost = true;
        return;
    }

    player->made[player->need] = index;

    /* programs that ask for no source by name shall hear it */

    if (player->need == SELKIES_PLAYER_NEEDS_SOURCE) {
        (void) selkies_pulse_link_begun(
                      pa_context_set_default_source(context,
                                                    SELKIES_PLAYER_SOURCE,
                                                    NULL, NULL));
    }

    /* its user went meanwhile */

    if (player->ending) {
        selkies_player_end(player);
        return;
    }

    player->need++;
    selkies_player_look(player);
}


static void
selkies_player_play(selkies_player_t *player)
{
    pa_buffer_attr  attr;

    static const pa_sample_spec  spec = {
        PA_SAMPLE_S16NE, SELKIES_PLAYER_RATE, 1
    };

    player->stream = pa_stream_new(player->link.context, "microphone", &spec,
                                   NULL);

    if (player->stream == NULL) {
        player->link.lost = true;
        return;
    }

    pa_stream_set_state_callback(player->stream, selkies_player_stream_state,
                                 player);

    attr.maxlength = SELKIES_PLAYER_BYTES(4 * SELKIES_PLAYER_AHEAD_MS);
    attr.tlength = SELKIES_PLAYER_BYTES(SELKIES_PLAYER_AHEAD_MS);
    attr.prebuf = SELKIES_PLAYER_BYTES(SELKIES_PLAYER_AHEAD_MS / 2);
    attr.minreq = SELKIES_PLAYER_BYTES(SELKIES_PLAYER_AHEAD_MS / 4);
    attr.fragsize = (uint32_t) -1;

    if (pa_stream_connect_playback(player->stream, SELKIES_PLAYER_SINK, &attr,
                                   PA_STREAM_ADJUST_LATENCY
                                   |PA_STREAM_DONT_MOVE, NULL, NULL)
        < 0)
    {
        player->link.lost = true;
    }
}


static void
selkies_player_stream_state(pa_stream *stream, void *data)
{
    selkies_player_t  *player = data;

    switch (pa_stream_get_state(stream)) {

    case PA_STREAM_READY:
        player->ready = true;
        selkies_pulse_link_rouse(&player->link, SELKIES_PLAYER_SINK);
        return;

    case PA_STREAM_FAILED:
    case PA_STREAM_TERMINATED:
        player->link.lost = true;
        return;

    default:
        return;
    }
}


selkies_status_t
selkies_player_run(selkies_player_t *player, uint64_t timeout_us)
{
    return selkies_pulse_link_run(&player->link, timeout_us);
}


size_t
selkies_player_write(selkies_player_t *player, const int16_t *samples,
    size_t n)
{
    size_t  room;

    if (!player->ready || player->ending) {
        return 0;
    }

    room = pa_stream_writable_size(player->stream);

    if (room == (size_t) -1) {
        player->link.lost = true;
        return 0;
    }

    room /= sizeof(int16_t);
    n = n < room ? n : room;

    if (n != 0 && pa_stream_write(player->stream, samples,
                                  n * sizeof(int16_t), NULL, 0,
                                  PA_SEEK_RELATIVE)
                  < 0)
    {
        player->link.lost = true;
        return 0;
    }

    return n;
}


void
selkies_player_end(selkies_player_t *player)
{
    unsigned  i;

    player->ending = true;
    player->ready = false;

    selkies_pulse_link_drop_stream(player->stream);
    player->stream = NULL;

    /* what stands on the other goes first */

    for (i = SELKIES_PLAYER_NEEDS; i-- > 0; ) {

        if (player->made[i] == PA_INVALID_INDEX) {
            continue;
        }

        if (selkies_pulse_link_begun(
                pa_context_unload_module(player->link.context,
                                         player->made[i],
                                         selkies_player_unloaded, player)))
        {
            player->unloading++;
        }

        player->made[i] = PA_INVALID_INDEX;
    }
}


static void
selkies_player_unloaded(pa_context *context, int success, void *data)
{
    selkies_player_t  *player = data;

    player->unloading--;
}


bool
selkies_player_ended(const selkies_player_t *player)
{
    return player->ending && player->unloading == 0;
}


void
selkies_player_close(selkies_player_t *player)
{
    if (player == NULL) {
        return;
    }

    selkies_pulse_link_drop_stream(player->stream);
    selkies_pulse_link_close(&player->link);
    free(player);
}


#else

typedef int  selkies_pulse_play_unused_t;       /* no file without a name */

#endif
