
/*
 * Copyright (C) ngx_selkies authors
 *
 * The places of displays in the shared block: who holds one keeps it, who has
 * let go may find it as it was, and one that another display gets is empty.
 * And how many sockets a place takes, of all workers together.
 */


#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../ngx_selkies_module/selkies_ring.h"
#include "../../ngx_selkies_module/selkies_shared.h"
#include "tap.h"


#define RING_BYTES   (1024 * 1024)
#define STREAMS      2

#define CROWD        4              /* processes */
#define CROWD_TRIES  20000
#define CROWD_MAX    1


static const selkies_shared_conf_t  conf = { STREAMS, RING_BYTES, 0 };

static selkies_shared_t  *shared;
static selkies_worker_t  *one;
static selkies_worker_t  *two;
static bool               differs;


static void
test_start(void)
{
    bool   orphans;
    void  *block;

    block = mmap(NULL, selkies_shared_bytes(&conf), PROT_READ|PROT_WRITE,
                 MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    shared = selkies_shared_init(block, &conf);
    one = selkies_shared_worker(shared, 1, 0, getpid(), &orphans);
    two = selkies_shared_worker(shared, 1, 1, getpid(), &orphans);
}


static void
test_end(void)
{
    munmap(shared, selkies_shared_bytes(&conf));
}


static selkies_stream_t *
test_hold_screen(selkies_worker_t *worker, const char *display,
    uint32_t screen)
{
    selkies_source_t  source;

    memset(&source, 0, sizeof(selkies_source_t));
    (void) snprintf(source.display, sizeof(source.display), "%s", display);
    source.screen = screen;
    source.framebuffer_fd = -1;
    source.generation = 1;

    return selkies_stream_hold(shared, worker, &source, &differs);
}


static selkies_stream_t *
test_hold(selkies_worker_t *worker, const char *display,
    const char *xauthority, uint32_t generation)
{
    selkies_source_t  source;

    memset(&source, 0, sizeof(selkies_source_t));
    (void) snprintf(source.display, sizeof(source.display), "%s", display);
    (void) snprintf(source.xauthority, sizeof(source.xauthority), "%s",
                    xauthority);
    source.framebuffer_fd = -1;
    source.generation = generation;

    return selkies_stream_hold(shared, worker, &source, &differs);
}


static void
test_write(selkies_stream_t *stream)
{
    uint8_t           *room;
    selkies_ring_t    *ring;
    selkies_packet_t   packet;

    ring = selkies_stream_ring(shared, stream);
    room = selkies_ring_reserve(ring, 100000);
    memset(room, 0x5a, 100000);
    memset(&packet, 0, sizeof(selkies_packet_t));
    packet.data = room;
    packet.length_bytes = 100000;
    packet.flags = SELKIES_PACKET_KEY;
    (void) selkies_ring_publish(ring, &packet);

    atomic_store(&stream->wanted_size, 77);
    atomic_store(&stream->engine_state, SELKIES_STREAM_READY);
    atomic_store(&stream->statistics.pictures, 5);
    stream->owner = 9;
    memset(stream->resume, 1, sizeof(stream->resume));
    atomic_store(&stream->author, 9);
    (void) selkies_caption_write(&stream->caption, (const uint8_t *) "a", 1, 1);
    (void) selkies_cursor_write(&stream->cursor, (uint8_t *) "cursor", 6);
}


static bool
test_is_empty(selkies_stream_t *stream)
{
    uint8_t          text[64];
    uint32_t         sequence;
    selkies_ring_t  *ring;

    ring = selkies_stream_ring(shared, stream);

    return selkies_ring_head(ring) == 0 && selkies_ring_key(ring) == 0
           && atomic_load(&stream->wanted_size) == 0
           && atomic_load(&stream->engine_state) == SELKIES_STREAM_OFF
           && atomic_load(&stream->statistics.pictures) == 0
           && stream->owner == 0 && stream->resume[0] == 0
           && atomic_load(&stream->author) == 0
           && atomic_load(&stream->caption.length_bytes) == 0
           && selkies_cursor_read(&stream->cursor, text, sizeof(text),
                                  &sequence)
              == 0;
}


/* The text over the picture. */

static void
test_caption(void)
{
    bool               held;
    size_t             len;
    uint8_t            text[SELKIES_CAPTION_BYTES + 1];
    uint8_t            seen[SELKIES_CAPTION_BYTES];
    uint32_t           place, first, second;
    selkies_caption_t  caption;

    memset(&caption, 0, sizeof(selkies_caption_t));
    memset(text, 'x', sizeof(text));

    ok(selkies_caption_read(&caption, seen, &len, &place, &first) && len == 0,
       "no text at first");
    ok(!selkies_caption_write(&caption, text, 0, 0), "none again is no change");
    ok(selkies_caption_write(&caption, (const uint8_t *) "anna", 4, 3)
       && selkies_caption_read(&caption, seen, &len, &place, &second)
       && len == 4 && memcmp(seen, "anna", 4) == 0 && place == 3
       && second != first, "a text is read as written");
    ok(!selkies_caption_write(&caption, (const uint8_t *) "anna", 4, 3),
       "the same is no change");
    ok(selkies_caption_write(&caption, (const uint8_t *) "anna", 4, 2)
       && selkies_caption_write(&caption, (const uint8_t *) "ann", 3, 2)
       && selkies_caption_write(&caption, (const uint8_t *) "bnn", 3, 2),
       "another place, length or letter is one");

    held = selkies_caption_write(&caption, text, sizeof(text), 2)
           && selkies_caption_read(&caption, seen, &len, &place, &first)
           && len == SELKIES_CAPTION_BYTES;
    ok(held, "a long one is cut");

    /* a writer was killed in between */

    atomic_fetch_add(&caption.sequence, 1);
    ok(!selkies_caption_read(&caption, seen, &len, &place, &second),
       "half a text is not read");
    ok(selkies_caption_write(&caption, text, SELKIES_CAPTION_BYTES, 2)
       && selkies_caption_read(&caption, seen, &len, &place, &second)
       && second != first, "the next one is");
}


static void
test_recycling(void)
{
    uint64_t           offset;
    selkies_stream_t  *a, *b, *c;

    test_start();

    a = test_hold(one, ":1", "", 1);
    b = test_hold(two, ":2", "", 1);
    ok(a != NULL && b != NULL && a != b && test_is_empty(a),
       "two displays have a place each");
    ok(selkies_stream_find(shared, ":1", 0) == a
       && selkies_stream_find(shared, ":2", 0) == b
       && selkies_stream_find(shared, ":3", 0) == NULL
       && selkies_stream_find(shared, "", 0) == NULL, "they are found by name");
    ok(test_hold(one, ":3", "", 1) == NULL && !differs,
       "there is none for a third one");

    test_write(a);
    ok(test_hold(two, ":1", "", 1) == a && !test_is_empty(a),
       "another worker gets what is there");

    selkies_stream_release(shared, one, a, true);
    ok(selkies_stream_find(shared, ":1", 0) == a && !test_is_empty(a)
       && test_hold(one, ":3", "", 1) == NULL,
       "whom one lets go and the other holds stays");

    selkies_stream_release(shared, two, a, false);
    ok(test_hold(one, ":1", "", 1) == a && !test_is_empty(a),
       "what nobody holds is found as it was");

    selkies_stream_release(shared, one, a, false);
    offset = a->ring_offset;
    c = test_hold(one, ":3", "", 1);
    ok(c == a && test_is_empty(c) && c->ring_offset == offset
       && strcmp(c->source.display, ":3") == 0
       && selkies_stream_find(shared, ":1", 0) == NULL,
       "until another display needs the place: that one finds it empty");

    test_write(c);
    selkies_stream_release(shared, one, c, true);
    ok(selkies_stream_find(shared, ":3", 0) == NULL
       && c->source.display[0] == '\0',
       "a place that is forgotten is free at once");
    ok(*((uint8_t *) selkies_stream_ring(shared, c) + 150000) == 0,
       "and its pictures are gone from memory");

    c = test_hold(two, ":4", "", 1);
    ok(c == a && test_is_empty(c), "it serves the next");
    test_write(c);
    ok(selkies_ring_head(selkies_stream_ring(shared, c)) == 1,
       "and works");

    /* held twice: a record of the old configuration and one of the new */

    (void) test_hold(two, ":4", "", 1);
    selkies_stream_release(shared, two, c, true);
    ok(selkies_stream_find(shared, ":4", 0) == c, "of two holds one is left");
    selkies_stream_release(shared, two, c, true);
    ok(selkies_stream_find(shared, ":4", 0) == NULL, "then none");

    test_end();
}


/* Further screens of a display, which has a place itself. */

static void
test_screens(void)
{
    selkies_stream_t  *a, *b, *c, *screens[SELKIES_SCREENS_MAX];

    test_start();

    ok(test_hold_screen(one, ":1", 1) == NULL,
       "no further screen of a display that has no place");

    a = test_hold(one, ":1", "", 1);
    ok(test_hold_screen(one, ":1", SELKIES_SCREENS_MAX) == NULL,
       "nor one too many");
    b = test_hold_screen(one, ":1", 1);
    ok(b != NULL && b != a && selkies_stream_find(shared, ":1", 0) == a
       && selkies_stream_find(shared, ":1", 1) == b
       && selkies_stream_find(shared, ":1", 2) == NULL,
       "each screen has a place of its own");

    ok(selkies_stream_screens(shared, a, screens) == 0,
       "of which nobody wants anything yet");
    atomic_store(&a->wanted_size, selkies_size_pack(1, 800, 600));
    ok(selkies_stream_screens(shared, b, screens) == 1 && screens[0] == a
       && screens[1] == NULL, "the first is there");
    atomic_store(&b->wanted_size, selkies_size_pack(1, 640, 480));
    ok(selkies_stream_screens(shared, a, screens) == 2 && screens[0] == a
       && screens[1] == b && screens[2] == NULL, "both are");

    selkies_stream_sweep(shared);
    ok(selkies_stream_find(shared, ":1", 1) == b, "what is held stays");
    selkies_stream_release(shared, one, b, false);
    selkies_stream_sweep(shared);
    ok(selkies_stream_find(shared, ":1", 1) == NULL
       && selkies_stream_find(shared, ":1", 0) == a
       && selkies_stream_screens(shared, a, screens) == 1
       && screens[1] == NULL, "what nobody holds is swept away");

    b = test_hold_screen(two, ":1", 1);
    atomic_store(&b->wanted_size, selkies_size_pack(1, 640, 480));
    selkies_stream_release(shared, one, a, true);
    c = test_hold(one, ":2", "", 1);
    atomic_store(&c->wanted_size, selkies_size_pack(1, 640, 480));
    ok(c == a && selkies_stream_screens(shared, c, screens) == 1
       && screens[0] == c && selkies_stream_screens(shared, b, screens) == 0,
       "another display in the place of the first has no part in it");

    test_end();
}


static void
test_ways(void)
{
    selkies_stream_t  *a;

    test_start();

    a = test_hold(one, ":1", "/a", 1);

    ok(a != NULL && test_hold(two, ":1", "/b", 1) == NULL && differs,
       "another way to a display that is held is refused");
    ok(test_hold(two, ":1", "/b", 2) == a && !differs
       && strcmp(a->source.xauthority, "/b") == 0,
       "but for workers of a newer configuration");
    ok(test_hold(one, ":1", "/a", 1) == NULL && differs,
       "whose way it is then");

    test_write(a);
    selkies_stream_release(shared, one, a, false);
    selkies_stream_release(shared, two, a, false);

    ok(test_hold(one, ":1", "/c", 2) == a && test_is_empty(a),
       "where nobody holds it, it begins anew on any way");

    test_end();
}


static void
test_killed(void)
{
    bool               orphans;
    pid_t              pid;
    selkies_stream_t  *a, *b;
    selkies_worker_t  *dead;

    test_start();

    pid = fork();

    if (pid == 0) {
        _exit(0);
    }

    waitpid(pid, NULL, 0);
    dead = selkies_shared_worker(shared, 1, 2, pid, &orphans);

    a = test_hold(dead, ":1", "", 1);
    b = test_hold(one, ":2", "", 1);
    atomic_store(&dead->watch[0].counts[SELKIES_COUNT_READERS], 3);
    atomic_store(&dead->watch[0].pressed.keys[0], 1);
    test_write(a);

    ok(test_hold(two, ":3", "", 1) == a && a != b && test_is_empty(a),
       "a killed worker holds nothing");
    ok(selkies_stream_count(shared, 0, SELKIES_COUNT_READERS) == 0
       && atomic_load(&dead->watch[0].pressed.keys[0]) == 0,
       "nor does its entry count for the next display");

    selkies_worker_free(two);
    ok(test_hold(one, ":4", "", 1) == a, "a worker that ends lets all go");

    test_end();
}


static void
test_sockets(void)
{
    bool               orphans;
    pid_t              pid;
    uint32_t           i, n;
    selkies_worker_t  *dead;

    test_start();
    n = 0;

    for (i = 0; i < 5; i++) {
        n += selkies_stream_admit(shared, i & 1 ? one : two, 0, 3);
    }

    ok(n == 3 && selkies_stream_count(shared, 0, SELKIES_COUNT_SOCKETS) == 3,
       "three sockets of two workers, and no fourth");
    ok(selkies_stream_admit(shared, one, 1, 3),
       "another display has its own number");

    atomic_fetch_sub(&two->watch[0].counts[SELKIES_COUNT_SOCKETS], 1);
    ok(selkies_stream_admit(shared, one, 0, 3)
       && !selkies_stream_admit(shared, two, 0, 3),
       "one goes, one comes");

    pid = fork();

    if (pid == 0) {
        _exit(0);
    }

    dead = selkies_shared_worker(shared, 1, 2, pid, &orphans);
    ok(selkies_stream_admit(shared, dead, 0, 4), "one of a third worker");
    waitpid(pid, NULL, 0);

    ok(selkies_stream_admit(shared, one, 0, 4)
       && !selkies_stream_admit(shared, one, 0, 4),
       "which is killed: another fits, though nobody took its entry");

    test_end();
}


/* A process of the crowd: whether there ever was one too many. */

static int
test_crowded(selkies_worker_t *worker, pthread_mutex_t *lock)
{
    bool      admitted;
    uint32_t  i, n, failed;

    n = 0;
    failed = 0;

    for (i = 0; i < CROWD_TRIES; i++) {
        pthread_mutex_lock(lock);
        admitted = selkies_stream_admit(shared, worker, 0, CROWD_MAX);
        pthread_mutex_unlock(lock);

        if (admitted) {
            n++;
            failed |= selkies_stream_count(shared, 0, SELKIES_COUNT_SOCKETS)
                      > CROWD_MAX;
            atomic_fetch_sub(&worker->watch[0].counts[SELKIES_COUNT_SOCKETS],
                             1);
        }
    }

    return failed || n == 0;
}


static void
test_crowd(void)
{
    int                   i, status, failed;
    bool                  orphans;
    pid_t                 pids[CROWD];
    pthread_mutex_t      *lock;
    selkies_worker_t     *worker;
    pthread_mutexattr_t   attr;

    test_start();

    lock = mmap(NULL, sizeof(pthread_mutex_t), PROT_READ|PROT_WRITE,
                MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(lock, &attr);
    pthread_mutexattr_destroy(&attr);

    for (i = 0; i < CROWD; i++) {
        worker = selkies_shared_worker(shared, 2, (uint32_t) i, getpid(),
                                       &orphans);
        pids[i] = fork();

        if (pids[i] == 0) {
            atomic_store(&worker->pid, getpid());
            _exit(test_crowded(worker, lock));
        }
    }

    failed = 0;

    for (i = 0; i < CROWD; i++) {
        failed |= waitpid(pids[i], &status, 0) != pids[i] || status != 0;
    }

    ok(!failed, "%d processes come and go: never more than %d at a time",
       CROWD, CROWD_MAX);
    ok(selkies_stream_count(shared, 0, SELKIES_COUNT_SOCKETS) == 0,
       "and nobody is left");

    pthread_mutex_destroy(lock);
    munmap(lock, sizeof(pthread_mutex_t));
    test_end();
}


/* Any quantile of equal samples is their bucket's end. */

static void
test_histogram(void)
{
    int                  wrong;
    uint64_t             us, q;
    selkies_histogram_t  h;

    wrong = 0;

    for (us = 0; us < 4000000; us = us < 2000 ? us + 1 : us + us / 97) {
        memset(&h, 0, sizeof(h));
        selkies_histogram_add(&h, us);
        q = selkies_histogram_quantile(&h, 500);
        wrong += q <= us || q > us + us / 4 + 1;
    }

    ok(wrong == 0, "times are rounded up by a quarter at most");

    memset(&h, 0, sizeof(h));
    ok(selkies_histogram_quantile(&h, 500) == 0, "no time of nothing");

    selkies_histogram_add(&h, UINT64_MAX);
    ok(selkies_histogram_quantile(&h, 500) >= 4000000, "the longest is kept");

    for (us = 0; us < 99; us++) {
        selkies_histogram_add(&h, 100);
    }

    ok(selkies_histogram_quantile(&h, 990) == 112
       && selkies_histogram_quantile(&h, 1000) >= 4000000,
       "one of a hundred is above the others");
}


int
main(void)
{
    test_histogram();

    test_caption();
    test_recycling();
    test_screens();
    test_ways();
    test_killed();
    test_sockets();
    test_crowd();

    return done_testing();
}
