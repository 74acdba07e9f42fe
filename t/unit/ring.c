
/*
 * Copyright (C) ngx_selkies authors
 *
 * The packet ring: order, wrapping, what is overwritten and when a reader
 * notices, oversize, a writer that is killed in the middle, and readers that
 * race with the writer, in threads (for the thread sanitizer) and in another
 * process.
 */


#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../ngx_selkies_module/selkies_ring.h"
#include "../../ngx_selkies_module/selkies_shared.h"
#include "tap.h"


#define RING_BYTES     (64 * 1024)
#define JOIN_BYTES     (128 * 1024)
#define RACE_PACKETS   40000
#define RACE_READERS   2


typedef struct {
    uint64_t  good;
    uint64_t  torn;         /* whole() said yes twice, yet bytes were wrong */
    uint64_t  lost;
    uint64_t  caught;       /* overwritten while it was copied, and noticed */
} race_t;


static selkies_ring_t  *ring;
static _Atomic int     *reading;        /* readers under way, shared */
static race_t           races[RACE_READERS];


static selkies_ring_t *
ring_new(void *block)
{
    return selkies_ring_init(block, SELKIES_RING_SLOTS, RING_BYTES);
}


static size_t
block_bytes(void)
{
    return selkies_ring_bytes(SELKIES_RING_SLOTS, RING_BYTES);
}


static void *
block_new(void)
{
    return mmap(NULL, block_bytes(), PROT_READ|PROT_WRITE,
                MAP_SHARED|MAP_ANONYMOUS, -1, 0);
}


/* A packet whose every byte follows from its number and length. */

static uint64_t
ring_write(selkies_ring_t *r, size_t len, uint16_t flags)
{
    uint8_t           *room;
    uint64_t           number;
    selkies_packet_t   packet;

    room = selkies_ring_reserve(r, len + 8);

    if (room == NULL) {
        return 0;
    }

    number = selkies_ring_head(r) + 1;
    memset(room + 8, (int) (number * 7 + len) & 0xff, len);

    memset(&packet, 0, sizeof(packet));
    packet.data = room + 8;
    packet.length_bytes = (uint32_t) len;
    packet.flags = flags;
    packet.epoch = (uint32_t) (number % 1000);
    packet.frame_id = (uint16_t) number;
    packet.width = 1920;
    packet.height = 1080;
    packet.capture_us = number * 3;
    packet.encoded_us = number * 5;

    return selkies_ring_publish(r, &packet);
}


static int
packet_is_good(const selkies_packet_t *packet, const uint8_t *bytes)
{
    size_t   i;
    uint8_t  want;

    want = (uint8_t) (packet->number * 7 + packet->length_bytes);

    for (i = 0; i < packet->length_bytes; i++) {
        if (bytes[i] != want) {
            return 0;
        }
    }

    return packet->epoch == packet->number % 1000
           && packet->frame_id == (uint16_t) packet->number
           && packet->width == 1920 && packet->height == 1080
           && packet->capture_us == packet->number * 3
           && packet->encoded_us == packet->number * 5;
}


static void
test_order(void)
{
    void              *block = block_new();
    uint64_t           n, bad;
    selkies_packet_t   packet;

    ring = ring_new(block);

    ok(selkies_ring_head(ring) == 0 && selkies_ring_key(ring) == 0,
       "a new ring is empty");
    ok(selkies_ring_get(ring, 1, &packet) == SELKIES_AGAIN,
       "what is not published yet comes later");
    ok(selkies_ring_get(ring, 0, &packet) == SELKIES_LOST,
       "number 0 is no packet");

    ok(ring_write(ring, 100, SELKIES_PACKET_KEY) == 1, "numbers begin at 1");
    ok(ring_write(ring, 1, 0) == 2, "and count");
    ok(selkies_ring_key(ring) == 1, "the newest key is known");
    ok(selkies_ring_get(ring, 1, &packet) == SELKIES_OK
       && (packet.flags & SELKIES_PACKET_KEY)
       && packet_is_good(&packet, packet.data), "a packet is what was written");

    bad = 0;

    for (n = 3; n < 5000; n++) {
        if (ring_write(ring, 1 + n * 37 % 3000, 0) != n
            || selkies_ring_get(ring, n, &packet) != SELKIES_OK
            || !packet_is_good(&packet, packet.data))
        {
            bad++;
        }
    }

    ok(bad == 0, "5000 packets of all sizes around the ring");
    ok(selkies_ring_get(ring, 1, &packet) == SELKIES_LOST,
       "the first one is gone");

    munmap(block, block_bytes());
}


static void
test_position(void)
{
    void              *block = block_new();
    uint8_t           *room;
    uint64_t           n;
    selkies_packet_t   first, packet;

    ring = ring_new(block);

    ring_write(ring, 20000, SELKIES_PACKET_KEY);
    selkies_ring_get(ring, 1, &first);
    ok(selkies_ring_whole(ring, &first), "a fresh packet is whole");

    ring_write(ring, 20000, 0);
    ring_write(ring, 20000, 0);
    ok(selkies_ring_whole(ring, &first), "still whole one lap later");

    /* slots stand, bytes do not: validity goes by position */

    room = selkies_ring_reserve(ring, 20000);
    ok(room != NULL && !selkies_ring_whole(ring, &first),
       "not whole from the reservation on, before a byte is written");
    ok(selkies_ring_get(ring, 1, &packet) == SELKIES_LOST,
       "and not to be had any more, though its slot is untouched");

    ok(selkies_ring_reserve(ring, RING_BYTES / 2 + 1) == NULL,
       "more than half of the ring is refused");
    ok(selkies_ring_reserve(ring, 0) == NULL, "nothing is refused");

    /* a writer killed between reserve and publish */

    n = ring_write(ring, 3000, SELKIES_PACKET_KEY);
    ok(n == 4 && selkies_ring_get(ring, n, &packet) == SELKIES_OK
       && packet_is_good(&packet, packet.data),
       "the next writer goes on behind what a killed one had reserved");

    munmap(block, block_bytes());
}


/* The kernel's copy is deliberately racy; here it is ours. */

__attribute__((noinline))
#if defined(__SANITIZE_THREAD__)
__attribute__((no_sanitize("thread")))
#endif
static void
racy_copy(uint8_t *to, const uint8_t *from, size_t len)
{
    size_t            i;
    volatile uint8_t *out = to;

    for (i = 0; i < len; i++) {
        out[i] = *(const volatile uint8_t *) (from + i);
    }
}


static void
race_read(race_t *race, uint64_t last)
{
    uint64_t           next;
    uint8_t           *copy;
    selkies_packet_t   packet;

    copy = malloc(RING_BYTES);
    next = 1;

    atomic_fetch_add(reading, 1);

    while (next <= last) {

        switch (selkies_ring_get(ring, next, &packet)) {

        case SELKIES_AGAIN:
            continue;

        case SELKIES_OK:
            racy_copy(copy, packet.data, packet.length_bytes);

            if (!selkies_ring_whole(ring, &packet)) {
                race->caught++;

            } else if (packet_is_good(&packet, copy)) {
                race->good++;

            } else {
                race->torn++;
            }

            next++;
            break;

        default:
            race->lost++;
            next = selkies_ring_head(ring);
            next += next == 0;
            break;
        }

        if (next == last + 1 || selkies_ring_head(ring) >= last) {
            break;
        }
    }

    free(copy);
}


#if defined(__SANITIZE_THREAD__)
__attribute__((no_sanitize("thread")))
#endif
static void *
race_writer(void *data)
{
    uint64_t  n;

    while (atomic_load(reading) < *(int *) data) {
        sched_yield();
    }

    for (n = 0; n < RACE_PACKETS; n++) {
        ring_write(ring, 1 + n * 7919 % 6000, n % 50 == 0);

        if (n % 4 == 0) {
            sched_yield();
        }
    }

    return NULL;
}


static void *
race_reader(void *data)
{
    race_read(data, RACE_PACKETS);

    return NULL;
}


static void
test_threads(void)
{
    int         i, n;
    void       *block = block_new();
    uint64_t    good, torn, caught;
    pthread_t   writer, readers[RACE_READERS];

    ring = ring_new(block);
    n = RACE_READERS;
    atomic_store(reading, 0);

    for (i = 0; i < RACE_READERS; i++) {
        pthread_create(&readers[i], NULL, race_reader, &races[i]);
    }

    pthread_create(&writer, NULL, race_writer, &n);
    pthread_join(writer, NULL);

    good = torn = caught = 0;

    for (i = 0; i < RACE_READERS; i++) {
        pthread_join(readers[i], NULL);
        good += races[i].good;
        torn += races[i].torn;
        caught += races[i].caught;
    }

    ok(good > 0, "readers in threads: %llu whole packets, %llu caught",
       (unsigned long long) good, (unsigned long long) caught);
    ok(torn == 0, "no torn packet passed");

    munmap(block, block_bytes());
}


static void
test_processes(void)
{
    int      n, status;
    void    *block = block_new();
    pid_t    pid;
    race_t   race;

    ring = ring_new(block);
    n = 1;
    atomic_store(reading, 0);
    fflush(stdout);

    pid = fork();

    if (pid == 0) {
        memset(&race, 0, sizeof(race));
        race_read(&race, RACE_PACKETS);
        _exit(race.torn ? 1 : race.good ? 0 : 2);
    }

    race_writer(&n);
    waitpid(pid, &status, 0);

    ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
       "a reader in another process: good packets, none torn (%d)",
       WEXITSTATUS(status));

    munmap(block, block_bytes());
}


static selkies_stream_t *
test_hold(selkies_shared_t *shared, selkies_worker_t *worker,
    const char *display)
{
    bool              differs;
    selkies_source_t  source;

    memset(&source, 0, sizeof(selkies_source_t));
    (void) snprintf(source.display, sizeof(source.display), "%s", display);

    return selkies_stream_hold(shared, worker, &source, &differs);
}


static void
test_shared(void)
{
    bool                   tight, orphans;
    void                  *block;
    size_t                 bytes;
    pid_t                  pid;
    uint8_t                text[64];
    uint32_t               sequence;
    selkies_shared_t      *shared;
    selkies_stream_t      *a, *b;
    selkies_worker_t      *one, *two, *again;
    selkies_shared_conf_t  conf = { 2, RING_BYTES, JOIN_BYTES };

    bytes = selkies_shared_bytes(&conf);
    block = mmap(NULL, bytes, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                 -1, 0);
    shared = selkies_shared_init(block, &conf);

    one = selkies_shared_worker(shared, 1, 0, getpid(), &orphans);
    ok(one != NULL && !orphans, "a worker's entry");

    a = test_hold(shared, one, ":1");
    b = test_hold(shared, one, ":10");

    ok(a != NULL && b != NULL && a != b, "two displays, two places");
    ok(test_hold(shared, one, ":1") == a,
       "the same display, the same place");
    ok(test_hold(shared, one, ":2") == NULL, "no room for a third");
    ok((uint8_t *) selkies_stream_ring(shared, a) + block_bytes()
       <= (uint8_t *) selkies_stream_join(shared, a)
       && (uint8_t *) selkies_stream_join(shared, a)
          + selkies_join_bytes(JOIN_BYTES)
          <= (uint8_t *) selkies_stream_ring(shared, b)
       && (uint8_t *) selkies_stream_join(shared, b)
          + selkies_join_bytes(JOIN_BYTES) <= (uint8_t *) block + bytes,
       "rings and caches lie side by side inside the block");

    ok(selkies_shared_fits(shared, &conf), "it goes on with the same layout");
    conf.ring_bytes += 4096;
    conf.join_bytes -= 4096;
    ok(!selkies_shared_fits(shared, &conf), "but with no other");

    atomic_store(&one->watch[0].counts[SELKIES_COUNT_READERS], 3);
    atomic_store(&one->watch[0].pressed.keys[1], 5);

    two = selkies_shared_worker(shared, 2, 0, getpid(), &orphans);
    ok(two != NULL && two != one && !orphans,
       "the same worker of the next generation has its own");
    atomic_store(&two->watch[0].counts[SELKIES_COUNT_READERS], 4);
    ok(selkies_stream_count(shared, 0, SELKIES_COUNT_READERS) == 7,
       "readers of both count");
    ok(selkies_stream_count(shared, 1, SELKIES_COUNT_READERS) == 0,
       "for their stream alone");

    ok(selkies_stream_link(shared, 0, &tight) == 0 && !tight,
       "no controller, no limit");
    atomic_store(&one->watch[0].link_kbits, 4000);
    ok(selkies_stream_link(shared, 0, &tight) == 4000 && !tight,
       "a controller's link, whichever worker it is in");
    atomic_store(&two->watch[0].link_kbits, 900);
    atomic_store(&two->watch[0].link_tight, 1);
    ok(selkies_stream_link(shared, 0, &tight) == 900 && tight,
       "while the display changes hands the lower one");
    ok(selkies_stream_link(shared, 1, &tight) == 0 && !tight,
       "of this display alone");

    again = selkies_shared_worker(shared, 1, 0, getpid(), &orphans);
    ok(again == one && orphans
       && atomic_load(&one->watch[0].pressed.keys[1]) == 0,
       "a successor takes the entry, zeroed, and hears of orphans");

    selkies_worker_free(one);
    selkies_worker_free(two);
    ok(selkies_stream_count(shared, 0, SELKIES_COUNT_READERS) == 0,
       "nobody is left");
    ok(selkies_stream_link(shared, 0, &tight) == 0 && !tight,
       "and nobody's link");

    pid = fork();

    if (pid == 0) {
        _exit(0);
    }

    waitpid(pid, NULL, 0);

    one = selkies_shared_worker(shared, 3, 5, pid, &orphans);
    ok(one != NULL, "an entry of a process");
    selkies_shared_worker(shared, 4, 6, getpid(), &orphans);
    ok(orphans && atomic_load(&one->pid) != pid,
       "that has died is found out by whoever comes next");

    ok(selkies_cursor_read(&a->cursor, text, sizeof(text), &sequence) == 0,
       "no cursor yet");
    ok(selkies_cursor_write(&a->cursor, (uint8_t *) "cursor,{}", 9)
       && selkies_cursor_read(&a->cursor, text, sizeof(text), &sequence) == 9
       && memcmp(text, "cursor,{}", 9) == 0 && sequence != 0,
       "a cursor is read as written");
    ok(selkies_cursor_read(&a->cursor, text, 8, &sequence) == 0,
       "not into too small a buffer");
    ok(!selkies_cursor_write(&a->cursor, text, SELKIES_CURSOR_BYTES + 1),
       "too long a one is refused");

    ok(selkies_size_width(selkies_size_pack(7, 7680, 4320)) == 7680
       && selkies_size_height(selkies_size_pack(7, 7680, 4320)) == 4320
       && selkies_size_serial(selkies_size_pack(7, 7680, 4320)) == 7,
       "a size survives its packing");

    munmap(block, bytes);
}


int
main(void)
{
    reading = mmap(NULL, sizeof(*reading), PROT_READ|PROT_WRITE,
                   MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    test_order();
    test_position();
    test_threads();
    test_processes();
    test_shared();

    return done_testing();
}
