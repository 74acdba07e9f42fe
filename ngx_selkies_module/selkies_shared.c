
/*
 * Copyright (C) ngx_selkies authors
 *
 * See selkies_shared.h.
 */


#include <errno.h>
#include <signal.h>
#include <string.h>

#include "selkies_shared.h"


#define selkies_align(n, a)  (((n) + (a) - 1) / (a) * (a))


static bool selkies_worker_is_dead(const selkies_worker_t *worker);


static size_t
selkies_shared_head_bytes(uint32_t nstreams)
{
    return selkies_align(sizeof(selkies_shared_t)
                         + nstreams * sizeof(selkies_stream_t), 4096);
}


size_t
selkies_shared_bytes(uint32_t nstreams, size_t ring_bytes)
{
    return selkies_shared_head_bytes(nstreams)
           + nstreams * selkies_align(selkies_ring_bytes(ring_bytes), 4096);
}


selkies_shared_t *
selkies_shared_init(void *block, uint32_t nstreams, size_t ring_bytes)
{
    size_t             offset;
    uint32_t           i;
    selkies_shared_t  *shared = block;

    memset(shared, 0, selkies_shared_head_bytes(nstreams));

    shared->nstreams = nstreams;
    shared->bytes = selkies_shared_bytes(nstreams, ring_bytes);

    offset = selkies_shared_head_bytes(nstreams);

    for (i = 0; i < nstreams; i++) {
        shared->streams[i].ring_offset = offset;
        offset += selkies_align(selkies_ring_bytes(ring_bytes), 4096);
    }

    return shared;
}


selkies_stream_t *
selkies_shared_stream(selkies_shared_t *shared, const char *display,
    size_t len, size_t ring_bytes)
{
    uint32_t           i;
    selkies_stream_t  *stream, *unused;

    if (len == 0 || len >= SELKIES_DISPLAY_LEN) {
        return NULL;
    }

    unused = NULL;

    for (i = 0; i < shared->nstreams; i++) {
        stream = &shared->streams[i];

        if (stream->display[0] == '\0') {
            if (unused == NULL) {
                unused = stream;
            }

            continue;
        }

        if (strlen(stream->display) == len
            && memcmp(stream->display, display, len) == 0)
        {
            return stream;
        }
    }

    if (unused != NULL) {
        selkies_ring_init(selkies_stream_ring(shared, unused), ring_bytes);
        memcpy(unused->display, display, len);
        unused->display[len] = '\0';
    }

    return unused;
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


static bool
selkies_worker_is_dead(const selkies_worker_t *worker)
{
    return kill(atomic_load(&worker->pid), 0) == -1 && errno == ESRCH;
}


void
selkies_worker_free(selkies_worker_t *worker)
{
    uint32_t          i, k;
    selkies_watch_t  *watch;

    atomic_store(&worker->pid, 0);

    for (i = 0; i < SELKIES_STREAMS_MAX; i++) {
        watch = &worker->watch[i];

        for (k = 0; k < SELKIES_COUNTS; k++) {
            atomic_store(&watch->counts[k], 0);
        }

        atomic_store(&watch->pressed.buttons, 0);

        for (k = 0; k < 4; k++) {
            atomic_store(&watch->pressed.keys[k], 0);
        }
    }
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


void
selkies_histogram_add(selkies_histogram_t *histogram, uint64_t value_us)
{
    uint32_t  i;

    for (i = 0; i < SELKIES_LATENCY_BUCKETS - 1; i++) {
        if (value_us < (uint64_t) 1 << i) {
            break;
        }
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

    return total ? (uint64_t) 1 << i : 0;
}
