
/*
 * Copyright (C) ngx_selkies authors
 *
 * See selkies_shared.h.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* MADV_REMOVE */
#endif

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "selkies_shared.h"


#define selkies_align(n, a)  (((n) + (a) - 1) / (a) * (a))


static size_t selkies_shared_audio_bytes(void);
static bool selkies_stream_is_held(selkies_shared_t *shared, uint32_t index);
static void selkies_stream_empty(selkies_shared_t *shared,
    selkies_stream_t *stream);
static void selkies_watch_clear(selkies_watch_t *watch);
static void selkies_shared_forget(selkies_shared_t *shared, uint32_t worker);
static bool selkies_worker_is_dead(const selkies_worker_t *worker);


static size_t
selkies_shared_head_bytes(uint32_t nstreams)
{
    return selkies_align(sizeof(selkies_shared_t)
                         + nstreams * sizeof(selkies_stream_t), 4096);
}


/* A place's ring, its cache, and the ring of its sound behind them. */

static size_t
selkies_shared_place_bytes(const selkies_shared_conf_t *conf)
{
    return selkies_align(selkies_ring_bytes(SELKIES_RING_SLOTS,
                                            conf->ring_bytes), 4096)
           + selkies_align(selkies_join_bytes(conf->join_bytes), 4096)
           + selkies_shared_audio_bytes();
}


static size_t
selkies_shared_audio_bytes(void)
{
    return selkies_align(selkies_ring_bytes(SELKIES_AUDIO_SLOTS,
                                            SELKIES_AUDIO_BYTES), 4096);
}


size_t
selkies_shared_bytes(const selkies_shared_conf_t *conf)
{
    return selkies_shared_head_bytes(conf->nstreams)
           + conf->nstreams * selkies_shared_place_bytes(conf);
}


selkies_shared_t *
selkies_shared_init(void *block, const selkies_shared_conf_t *conf)
{
    size_t             offset;
    uint32_t           i;
    selkies_shared_t  *shared = block;

    memset(shared, 0, selkies_shared_head_bytes(conf->nstreams));

    shared->conf = *conf;

    offset = selkies_shared_head_bytes(conf->nstreams);

    for (i = 0; i < conf->nstreams; i++) {
        shared->streams[i].ring_offset = offset;
        offset += selkies_shared_place_bytes(conf);

        shared->streams[i].audio_offset = offset
                                          - selkies_shared_audio_bytes();

        if (conf->join_bytes != 0) {
            shared->streams[i].join_offset = shared->streams[i].audio_offset
                      - selkies_align(selkies_join_bytes(conf->join_bytes),
                                      4096);
        }
    }

    return shared;
}


bool
selkies_shared_fits(const selkies_shared_t *shared,
    const selkies_shared_conf_t *conf)
{
    return shared->conf.nstreams == conf->nstreams
           && shared->conf.ring_bytes == conf->ring_bytes
           && shared->conf.join_bytes == conf->join_bytes;
}


selkies_stream_t *
selkies_stream_hold(selkies_shared_t *shared, selkies_worker_t *worker,
    const selkies_source_t *source, bool *differs)
{
    uint32_t           i;
    selkies_stream_t  *stream, *primary, *unused, *left;

    *differs = false;
    primary = NULL;

    if (source->screen != 0) {
        primary = selkies_stream_find(shared, source->display, 0);

        if (primary == NULL || source->screen >= SELKIES_SCREENS_MAX) {
            return NULL;
        }
    }

    stream = selkies_stream_find(shared, source->display, source->screen);

    if (stream != NULL) {
        i = selkies_stream_index(shared, stream);

        if (selkies_source_same(&stream->source, source)) {
            if (source->generation > stream->source.generation) {
                stream->source = *source;
            }

            goto held;
        }

        if (selkies_stream_is_held(shared, i)) {

            /* a reload may change the way; workers that leave do not */

            if (source->generation <= stream->source.generation) {
                *differs = true;
                return NULL;
            }

            stream->source = *source;
            goto held;
        }

    } else {
        unused = NULL;
        left = NULL;

        for (i = 0; i < shared->conf.nstreams && unused == NULL; i++) {
            stream = &shared->streams[i];

            if (stream->source.display[0] == '\0') {
                unused = stream;

            } else if (left == NULL && !selkies_stream_is_held(shared, i)) {
                left = stream;
            }
        }

        stream = unused ? unused : left;

        if (stream == NULL) {
            return NULL;
        }
    }

    selkies_stream_empty(shared, stream);
    selkies_ring_init(selkies_stream_ring(shared, stream), SELKIES_RING_SLOTS,
                      shared->conf.ring_bytes);
    selkies_join_init(selkies_stream_join(shared, stream),
                      shared->conf.join_bytes);
    selkies_ring_init(selkies_stream_audio(shared, stream),
                      SELKIES_AUDIO_SLOTS, SELKIES_AUDIO_BYTES);
    stream->source = *source;

held:

    i = selkies_stream_index(shared, stream);
    atomic_store(&stream->screen, source->screen);
    atomic_store(&stream->desk, 1 + (primary == NULL ? i
                                     : selkies_stream_index(shared, primary)));
    atomic_fetch_add(&worker->watch[i].counts[SELKIES_COUNT_HOLDS], 1);

    return stream;
}


void
selkies_stream_release(selkies_shared_t *shared, selkies_worker_t *worker,
    selkies_stream_t *stream, bool forget)
{
    uint32_t   i;
    uintptr_t  start, end;

    i = selkies_stream_index(shared, stream);
    atomic_fetch_sub(&worker->watch[i].counts[SELKIES_COUNT_HOLDS], 1);

    if (!forget || selkies_stream_is_held(shared, i)) {
        return;
    }

    selkies_stream_empty(shared, stream);

    /* whole pages of it; where it cannot be done it is only kept */

    start = (uintptr_t) selkies_stream_ring(shared, stream);
    end = (start + selkies_shared_place_bytes(&shared->conf)) / 4096 * 4096;
    start = selkies_align(start, 4096);

    if (start < end) {
        (void) madvise((void *) start, end - start, MADV_REMOVE);
    }
}


selkies_stream_t *
selkies_stream_find(selkies_shared_t *shared, const char *display,
    uint32_t screen)
{
    uint32_t           i;
    selkies_source_t  *source;

    for (i = 0; i < shared->conf.nstreams && display[0] != '\0'; i++) {
        source = &shared->streams[i].source;

        if (source->screen == screen && strcmp(source->display, display) == 0)
        {
            return &shared->streams[i];
        }
    }

    return NULL;
}


uint32_t
selkies_stream_screens(selkies_shared_t *shared, const selkies_stream_t *stream,
    selkies_stream_t *screens[SELKIES_SCREENS_MAX])
{
    uint32_t           i, n, desk, screen;
    selkies_stream_t  *other;

    memset(screens, 0, SELKIES_SCREENS_MAX * sizeof(selkies_stream_t *));
    desk = atomic_load(&stream->desk);
    n = 0;

    for (i = 0; i < shared->conf.nstreams && desk != 0; i++) {
        other = &shared->streams[i];
        screen = atomic_load(&other->screen);

        if (atomic_load(&other->desk) == desk && screen < SELKIES_SCREENS_MAX
            && screens[screen] == NULL
            && selkies_size_width(atomic_load(&other->wanted_size)) != 0)
        {
            screens[screen] = other;
            n++;
        }
    }

    return n;
}


void
selkies_stream_sweep(selkies_shared_t *shared)
{
    uint32_t           i;
    selkies_stream_t  *stream;

    for (i = 0; i < shared->conf.nstreams; i++) {
        stream = &shared->streams[i];

        if (stream->source.display[0] != '\0' && stream->source.screen != 0
            && !selkies_stream_is_held(shared, i))
        {
            selkies_stream_empty(shared, stream);
        }
    }
}


bool
selkies_source_same(const selkies_source_t *one, const selkies_source_t *two)
{
    return strcmp(one->display, two->display) == 0
           && one->screen == two->screen
           && strcmp(one->xauthority, two->xauthority) == 0
           && strcmp(one->framebuffer, two->framebuffer) == 0
           && one->framebuffer_fd == two->framebuffer_fd
           && one->capture == two->capture
           && one->watermark == two->watermark
           && strcmp(one->pulse_server, two->pulse_server) == 0
           && strcmp(one->pulse_cookie, two->pulse_cookie) == 0
           && strcmp(one->pulse_source, two->pulse_source) == 0
           && one->idle_ms == two->idle_ms;
}


/* A killed worker holds nothing, though its entry waits for a successor. */

static bool
selkies_stream_is_held(selkies_shared_t *shared, uint32_t index)
{
    uint32_t           i, used;
    selkies_worker_t  *worker;

    used = atomic_load(&shared->nworkers);

    for (i = 0; i < used; i++) {
        worker = &shared->workers[i];

        if (atomic_load(&worker->pid) != 0
            && atomic_load(&worker->watch[index].counts[SELKIES_COUNT_HOLDS])
               != 0
            && !selkies_worker_is_dead(worker))
        {
            return true;
        }
    }

    return false;
}


/*
 * A free place.  Nobody holds it: what counts for it in the table of workers
 * is left over from killed ones.
 */

static void
selkies_stream_empty(selkies_shared_t *shared, selkies_stream_t *stream)
{
    size_t     start;
    uint32_t   i, index;
    uint64_t   ring_offset, join_offset, audio_offset;

    index = selkies_stream_index(shared, stream);
    ring_offset = stream->ring_offset;
    join_offset = stream->join_offset;
    audio_offset = stream->audio_offset;

    /* all but the cursor's text, whose pages may never have been touched */

    start = offsetof(selkies_stream_t, statistics);

    memset(stream, 0, offsetof(selkies_stream_t, cursor));
    memset((uint8_t *) stream + start, 0, sizeof(selkies_stream_t) - start);

    atomic_store(&stream->cursor.sequence, 0);
    atomic_store(&stream->cursor.length_bytes, 0);

    stream->ring_offset = ring_offset;
    stream->join_offset = join_offset;
    stream->audio_offset = audio_offset;

    for (i = 0; i < SELKIES_WORKERS_MAX; i++) {
        if (atomic_load(&shared->workers[i].pid) != 0) {
            selkies_watch_clear(&shared->workers[i].watch[index]);
        }
    }

    /* further screens of a display whose primary went: nobody has them */

    for (i = 0; i < shared->conf.nstreams; i++) {
        if (atomic_load(&shared->streams[i].desk) == index + 1) {
            atomic_store(&shared->streams[i].desk, 0);
        }
    }
}


uint32_t
selkies_stream_index(selkies_shared_t *shared, const selkies_stream_t *stream)
{
    return (uint32_t) (stream - shared->streams);
}


selkies_ring_t *
selkies_stream_ring(selkies_shared_t *shared, const selkies_stream_t *stream)
{
    return (selkies_ring_t *) ((uint8_t *) shared + stream->ring_offset);
}


selkies_ring_t *
selkies_stream_audio(selkies_shared_t *shared, const selkies_stream_t *stream)
{
    return (selkies_ring_t *) ((uint8_t *) shared + stream->audio_offset);
}


selkies_join_t *
selkies_stream_join(selkies_shared_t *shared, const selkies_stream_t *stream)
{
    if (stream->join_offset == 0) {
        return NULL;
    }

    return (selkies_join_t *) ((uint8_t *) shared + stream->join_offset);
}


uint64_t
selkies_session_id(selkies_shared_t *shared, uint32_t worker)
{
    return (atomic_fetch_add(&shared->sessions, 1) + 1) * SELKIES_WORKERS_MAX
           + worker % SELKIES_WORKERS_MAX;
}


uint32_t
selkies_session_worker(uint64_t id)
{
    return (uint32_t) (id % SELKIES_WORKERS_MAX);
}


selkies_worker_t *
selkies_shared_worker(selkies_shared_t *shared, uint32_t generation,
    uint32_t worker, int32_t pid, bool *orphans)
{
    uint32_t           i, place;
    selkies_worker_t  *entry;

    place = SELKIES_WORKERS_MAX;
    *orphans = false;

    for (i = 0; i < SELKIES_WORKERS_MAX; i++) {
        entry = &shared->workers[i];

        if (atomic_load(&entry->pid) == 0) {
            if (place == SELKIES_WORKERS_MAX) {
                place = i;
            }

            continue;
        }

        if ((entry->generation == generation && entry->worker == worker)
            || selkies_worker_is_dead(entry))
        {
            *orphans = true;
            selkies_shared_forget(shared, i);
            selkies_worker_free(entry);
            place = i;
        }
    }

    if (place == SELKIES_WORKERS_MAX) {
        return NULL;
    }

    entry = &shared->workers[place];
    entry->generation = generation;
    entry->worker = worker;
    atomic_store(&entry->pid, pid);

    if (place >= atomic_load(&shared->nworkers)) {
        atomic_store(&shared->nworkers, place + 1);
    }

    return entry;
}


/* Nobody else ends the sessions of a worker that was killed. */

static void
selkies_shared_forget(selkies_shared_t *shared, uint32_t worker)
{
    uint32_t           i;
    uint64_t           author;
    selkies_stream_t  *stream;

    for (i = 0; i < shared->conf.nstreams; i++) {
        stream = &shared->streams[i];

        if (stream->owner != 0
            && selkies_session_worker(stream->owner) == worker)
        {
            stream->owner = 0;
            stream->resume_until_ms = selkies_clock_us() / 1000
                                      + stream->source.idle_ms;
            atomic_store(&stream->claimed_size, 0);
            atomic_store(&stream->wanted_cursor, 0);
        }

        author = atomic_load(&stream->author);

        if (author != 0 && selkies_session_worker(author) == worker) {
            atomic_store(&stream->author, 0);
        }
    }
}


static bool
selkies_worker_is_dead(const selkies_worker_t *worker)
{
    return kill(atomic_load(&worker->pid), 0) == -1 && errno == ESRCH;
}


void
selkies_worker_free(selkies_worker_t *worker)
{
    uint32_t  i;

    atomic_store(&worker->pid, 0);

    for (i = 0; i < SELKIES_STREAMS_MAX; i++) {
        selkies_watch_clear(&worker->watch[i]);
    }
}


static void
selkies_watch_clear(selkies_watch_t *watch)
{
    uint32_t  i;

    for (i = 0; i < SELKIES_COUNTS; i++) {
        atomic_store(&watch->counts[i], 0);
    }

    atomic_store(&watch->link_kbits, 0);
    atomic_store(&watch->link_tight, 0);
    atomic_store(&watch->pressed.buttons, 0);

    for (i = 0; i < 4; i++) {
        atomic_store(&watch->pressed.keys[i], 0);
    }
}


bool
selkies_stream_admit(selkies_shared_t *shared, selkies_worker_t *worker,
    uint32_t index, uint64_t max)
{
    uint32_t           i, n, used;
    uint64_t           open;
    selkies_worker_t  *other;

    open = 0;
    used = atomic_load(&shared->nworkers);

    for (i = 0; i < used; i++) {
        other = &shared->workers[i];
        n = atomic_load(&other->watch[index].counts[SELKIES_COUNT_SOCKETS]);

        if (n != 0 && atomic_load(&other->pid) != 0
            && !selkies_worker_is_dead(other))
        {
            open += n;
        }
    }

    if (open >= max) {
        return false;
    }

    atomic_fetch_add(&worker->watch[index].counts[SELKIES_COUNT_SOCKETS], 1);

    return true;
}


uint32_t
selkies_stream_count(selkies_shared_t *shared, uint32_t index,
    selkies_count_e count)
{
    uint32_t           i, n, used;
    selkies_worker_t  *worker;

    n = 0;
    used = atomic_load_explicit(&shared->nworkers, memory_order_acquire);

    for (i = 0; i < used; i++) {
        worker = &shared->workers[i];

        if (atomic_load_explicit(&worker->pid, memory_order_relaxed) != 0) {
            n += atomic_load(&worker->watch[index].counts[count]);
        }
    }

    return n;
}


uint32_t
selkies_stream_link(selkies_shared_t *shared, uint32_t index, bool *tight)
{
    uint32_t           i, n, kbits, used;
    selkies_worker_t  *worker;

    kbits = 0;
    *tight = false;
    used = atomic_load_explicit(&shared->nworkers, memory_order_acquire);

    for (i = 0; i < used; i++) {
        worker = &shared->workers[i];

        if (atomic_load_explicit(&worker->pid, memory_order_relaxed) == 0) {
            continue;
        }

        n = atomic_load(&worker->watch[index].link_kbits);

        if (n != 0 && (kbits == 0 || n < kbits)) {
            kbits = n;
        }

        if (atomic_load(&worker->watch[index].link_tight) != 0) {
            *tight = true;
        }
    }

    return kbits;
}


bool
selkies_cursor_write(selkies_cursor_text_t *cursor, const uint8_t *text,
    size_t len)
{
    uint32_t  sequence;

    if (len > SELKIES_CURSOR_BYTES) {
        return false;
    }

    /* an odd number here is a killed writer's */

    sequence = atomic_load(&cursor->sequence) | 1;

    atomic_store(&cursor->sequence, sequence);
    atomic_thread_fence(memory_order_seq_cst);

    memcpy(cursor->text, text, len);
    atomic_store(&cursor->length_bytes, (uint32_t) len);

    atomic_store(&cursor->sequence, sequence + 1);

    return true;
}


size_t
selkies_cursor_read(selkies_cursor_text_t *cursor, uint8_t *buf, size_t size,
    uint32_t *sequence)
{
    size_t    len;
    uint32_t  before;

    before = atomic_load(&cursor->sequence);
    len = atomic_load(&cursor->length_bytes);

    if ((before & 1) || len == 0 || len > size) {
        return 0;
    }

    memcpy(buf, cursor->text, len);
    atomic_thread_fence(memory_order_seq_cst);

    if (atomic_load(&cursor->sequence) != before) {
        return 0;
    }

    *sequence = before;

    return len;
}


bool
selkies_caption_write(selkies_caption_t *caption, const uint8_t *text,
    size_t len, uint32_t place)
{
    uint32_t  sequence;

    sequence = atomic_load(&caption->sequence);
    len = len < SELKIES_CAPTION_BYTES ? len : SELKIES_CAPTION_BYTES;

    if (!(sequence & 1) && atomic_load(&caption->length_bytes) == len
        && atomic_load(&caption->place) == place
        && memcmp(caption->text, text, len) == 0)
    {
        return false;
    }

    /* as with the cursor */

    sequence |= 1;
    atomic_store(&caption->sequence, sequence);
    atomic_thread_fence(memory_order_seq_cst);

    memcpy(caption->text, text, len);
    atomic_store(&caption->length_bytes, (uint32_t) len);
    atomic_store(&caption->place, place);

    atomic_store(&caption->sequence, sequence + 1);

    return true;
}


bool
selkies_caption_read(selkies_caption_t *caption, uint8_t *text, size_t *len,
    uint32_t *place, uint32_t *sequence)
{
    uint32_t  before;

    before = atomic_load(&caption->sequence);
    *len = atomic_load(&caption->length_bytes);
    *place = atomic_load(&caption->place);

    if ((before & 1) || *len > SELKIES_CAPTION_BYTES) {
        return false;
    }

    memcpy(text, caption->text, *len);
    atomic_thread_fence(memory_order_seq_cst);

    *sequence = before;

    return atomic_load(&caption->sequence) == before;
}


void
selkies_histogram_add(selkies_histogram_t *histogram, uint64_t value_us)
{
    uint32_t  i, power;

    i = (uint32_t) value_us;

    if (value_us >= 4) {
        power = 63 - (uint32_t) __builtin_clzll(value_us);
        i = (power - 1) * 4 + (uint32_t) (value_us >> (power - 2) & 3);
    }

    if (i >= SELKIES_LATENCY_BUCKETS) {
        i = SELKIES_LATENCY_BUCKETS - 1;
    }

    atomic_fetch_add_explicit(&histogram->bucket[i], 1, memory_order_relaxed);
}


uint64_t
selkies_histogram_quantile(selkies_histogram_t *histogram, uint32_t permille)
{
    uint32_t  i;
    uint64_t  total, sum;

    total = 0;

    for (i = 0; i < SELKIES_LATENCY_BUCKETS; i++) {
        total += atomic_load_explicit(&histogram->bucket[i],
                                      memory_order_relaxed);
    }

    sum = 0;

    for (i = 0; i < SELKIES_LATENCY_BUCKETS; i++) {
        sum += atomic_load_explicit(&histogram->bucket[i],
                                    memory_order_relaxed);

        if (sum * 1000 >= total * permille) {
            break;
        }
    }

    if (total == 0) {
        return 0;
    }

    return i < 4 ? i + 1 : (uint64_t) (i % 4 + 5) << (i / 4 - 1);
}
