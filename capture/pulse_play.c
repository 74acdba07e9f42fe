
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


typedef struct {
    const char             *module;
    const char             *arguments;
} selkies_player_way_t;


/*
 * What has to be there, in the order in which it is made, and how: PipeWire's
 * server knows no virtual sources, but what is as good.
 */

typedef struct {
    selkies_pulse_kind_e    kind;
    const char             *name;
    selkies_player_way_t    ways[3];        /* NULL ends them */
} selkies_player_part_t;


#define SELKIES_PLAYER_PARTS      2


struct selkies_player_s {
    selkies_pulse_link_t    link;
    const selkies_log_t    *log;
    pa_stream              *stream;
    unsigned                part;           /* that is looked for, or made */
    unsigned                way;
    bool                    ready;
    bool                    ending;
    unsigned                unloading;      /* answers that are to come */
    uint32_t                made[SELKIES_PLAYER_PARTS];     /* or INVALID */
};


static void selkies_player_look(void *data);
static void selkies_player_found(void *data, bool there);
static void selkies_player_make(selkies_player_t *player);
static void selkies_player_made(pa_context *context, uint32_t index,
    void *data);
static void selkies_player_play(selkies_player_t *player);
static void selkies_player_stream_ready(void *data);
static void selkies_player_unloaded(pa_context *context, int success,
    void *data);


#define SELKIES_PLAYER_MIC                                                    \
    "source_name=" SELKIES_PLAYER_SOURCE                                      \
    " master=" SELKIES_PLAYER_SINK ".monitor"

static const selkies_player_part_t
    selkies_player_parts[SELKIES_PLAYER_PARTS] =
{
    { SELKIES_PULSE_SINK, SELKIES_PLAYER_SINK, {
          { "module-null-sink",
            "sink_name=" SELKIES_PLAYER_SINK " rate=48000 channels=1" } } },

    { SELKIES_PULSE_SOURCE, SELKIES_PLAYER_SOURCE, {
          { "module-virtual-source", SELKIES_PLAYER_MIC },
          { "module-remap-source",
            SELKIES_PLAYER_MIC " channels=1 channel_map=mono" } } }
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

    for (i = 0; i < SELKIES_PLAYER_PARTS; i++) {
        player->made[i] = PA_INVALID_INDEX;
    }

    if (selkies_pulse_link_open(&player->link, server, cookie, wake_fd,
                                selkies_player_look, player)
        != SELKIES_OK)
    {
        selkies_player_close(player);
        return NULL;
    }

    return player;
}


/* The next part that is needed; all are there: play. */

static void
selkies_player_look(void *data)
{
    selkies_player_t             *player = data;
    const selkies_player_part_t  *part;

    if (player->ending) {
        return;
    }

    if (player->part == SELKIES_PLAYER_PARTS) {
        selkies_player_play(player);
        return;
    }

    part = &selkies_player_parts[player->part];
    selkies_pulse_link_find(&player->link, part->kind, part->name,
                            selkies_player_found);
}


static void
selkies_player_found(void *data, bool there)
{
    selkies_player_t  *player = data;

    if (there) {
        player->part++;
        selkies_player_look(player);
        return;
    }

    player->way = 0;
    selkies_player_make(player);
}


static void
selkies_player_make(selkies_player_t *player)
{
    const selkies_player_way_t  *way;

    if (player->ending) {
        return;
    }

    way = &selkies_player_parts[player->part].ways[player->way];

    if (!selkies_pulse_link_begun(
            pa_context_load_module(player->link.context, way->module,
                                   way->arguments, selkies_player_made,
                                   player)))
    {
        player->link.lost = true;
    }
}


static void
selkies_player_made(pa_context *context, uint32_t index, void *data)
{
    selkies_player_t             *player = data;
    const selkies_player_part_t  *part;

    part = &selkies_player_parts[player->part];

    if (index == PA_INVALID_INDEX) {

        if (part->ways[player->way + 1].module != NULL) {
            player->way++;
            selkies_player_make(player);
            return;
        }

        selkies_log(player->log, SELKIES_LOG_WARN,
                    "microphone: the sound server cannot load %s: %s",
                    part->ways[player->way].module,
                    pa_strerror(pa_context_errno(context)));
        player->link.lost = true;
        return;
    }

    player->made[player->part] = index;

    /* programs that ask for no source by name shall hear it */

    if (part->kind == SELKIES_PULSE_SOURCE) {
        (void) selkies_pulse_link_begun(
                      pa_context_set_default_source(context, part->name, NULL,
                                                    NULL));
    }

    /* its user went meanwhile */

    if (player->ending) {
        selkies_player_end(player);
        return;
    }

    player->part++;
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

    selkies_pulse_link_watch(&player->link, player->stream,
                             selkies_player_stream_ready);

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
selkies_player_stream_ready(void *data)
{
    selkies_player_t  *player = data;

    player->ready = true;
    selkies_pulse_link_rouse(&player->link, SELKIES_PLAYER_SINK);
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

    for (i = SELKIES_PLAYER_PARTS; i-- > 0; ) {

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
