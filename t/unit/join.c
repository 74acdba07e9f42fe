
/*
 * Copyright (C) ngx_selkies authors
 *
 * The join cache: what it keeps and when it cannot serve, how a reader goes
 * over into the stream's ring, a writer that was killed, and readers that
 * join again and again beside a writer, in threads (for the thread sanitizer)
 * and in another process.  These check that no picture which others refer to
 * is ever missed.
 */


#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../ngx_selkies_module/selkies_join.h"
#include "tap.h"


#define RING_BYTES     (64 * 1024)
#define JOIN_BYTES     (64 * 1024)
#define SLOTS          128
#define RACE_READERS   2

#if defined(__SANITIZE_THREAD__)
#define RACE_PACKETS   15000
#else
#define RACE_PACKETS   60000
#endif


typedef struct {
    selkies_ring_t  *ring;
    selkies_join_t  *join;
    void            *blocks[2];
    uint64_t         references;    /* written so far */
} stream_t;


typedef struct {
    uint64_t  bursts;
    uint64_t  good;
    uint64_t  torn;                 /* whole, yet bytes were wrong */
    uint64_t  caught;               /* overwritten while it was copied */
    uint64_t  gaps;                 /* a reference was missed */
    uint64_t  lost;
} race_t;


static stream_t      stream;
static _Atomic int  *reading;       /* readers under way, shared */
static race_t        races[RACE_READERS];


static void *
block_new(size_t bytes)
{
    return mmap(NULL, bytes, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                -1, 0);
}


static void
stream_new(void)
{
    memset(&stream, 0, sizeof(stream_t));

    stream.blocks[0] = block_new(selkies_ring_bytes(SLOTS, RING_BYTES));
    stream.blocks[1] = block_new(selkies_join_bytes(JOIN_BYTES));
    stream.ring = selkies_ring_init(stream.blocks[0], SLOTS, RING_BYTES);
    stream.join = selkies_join_init(stream.blocks[1], JOIN_BYTES);
}


static void
stream_free(void)
{
    munmap(stream.blocks[0], selkies_ring_bytes(SLOTS, RING_BYTES));
    munmap(stream.blocks[1], selkies_join_bytes(JOIN_BYTES));
}


/*
 * A packet whose bytes follow from its number.  capture_us is how many
 * references there were, itself included: a lite one has its base's.
 */

static uint64_t
stream_write(size_t len, unsigned flags, uint16_t y)
{
    uint8_t           *room;
    uint64_t           number;
    selkies_packet_t   packet;

    number = selkies_ring_head(stream.ring) + 1;
    room = selkies_ring_reserve(stream.ring, len);
    memset(room, (int) (number * 7) & 0xff, len);

    stream.references += (flags & SELKIES_PACKET_LITE) == 0;

    memset(&packet, 0, sizeof(packet));
    packet.data = room;
    packet.length_bytes = (uint32_t) len;
    packet.flags = (uint16_t) flags;
    packet.epoch = 5;
    packet.y = y;
    packet.capture_us = stream.references;

    selkies_join_add(stream.join, &packet, number);

    return selkies_ring_publish(stream.ring, &packet);
}


static int
bytes_are(const selkies_packet_t *packet, const uint8_t *bytes)
{
    size_t  i;

    for (i = 0; i < packet->length_bytes; i++) {
        if (bytes[i] != (uint8_t) (packet->number * 7)) {
            return 0;
        }
    }

    return 1;
}


/* How many packets a joiner gets; *next is where it goes on. */

static int
burst(uint64_t *next)
{
    int                n;
    uint64_t           cursor;
    selkies_packet_t   packet, last;

    if (selkies_join_start(stream.join, &packet, &last) != SELKIES_OK
        || !(packet.flags & SELKIES_PACKET_KEY))
    {
        return -1;
    }

    cursor = packet.twin;
    *next = packet.number;
    n = 0;

    while (selkies_join_get(stream.join, stream.ring, &cursor, next, &packet)
           == SELKIES_OK)
    {
        if (!bytes_are(&packet, packet.data)
            || !selkies_join_whole(stream.join, &packet)
            || packet.twin != cursor || packet.epoch != 5)
        {
            return -2;
        }

        *next = packet.number + 1;
        cursor++;
        n++;
    }

    return n;
}


static void
test_none(void)
{
    uint64_t           next = 0;
    selkies_packet_t   key, last;

    ok(selkies_join_bytes(0) == 0 && selkies_join_init(NULL, 0) == NULL,
       "a cache of size 0 is none");

    memset(&key, 0, sizeof(key));
    selkies_join_add(NULL, &key, 1);
    selkies_join_drop(NULL);
    ok(selkies_join_start(NULL, &key, &last) == SELKIES_AGAIN,
       "which keeps nothing");

    stream_new();
    ok(burst(&next) == -1, "a new one is empty");
    stream_write(100, 0, 0);
    ok(burst(&next) == -1, "and keeps nothing before a key");
    stream_free();
}


static void
test_burst(void)
{
    int                n;
    uint64_t           next, cursor;
    selkies_packet_t   key, last, packet;

    stream_new();
    stream_write(3000, SELKIES_PACKET_KEY, 0);
    ok(burst(&next) == 1 && next == 2, "a key");

    stream_write(100, 0, 0);
    stream_write(50, SELKIES_PACKET_LITE, 0);
    stream_write(200, SELKIES_PACKET_CHAIN, 0);
    ok(burst(&next) == 3 && next == 5, "and all that others refer to");

    for (n = 0; n < 3 * SLOTS; n++) {
        stream_write(50, SELKIES_PACKET_LITE, 0);
    }

    ok(selkies_ring_get(stream.ring, 5, &packet) == SELKIES_LOST,
       "the ring has forgotten what followed");
    ok(burst(&next) == 3 && next == selkies_ring_head(stream.ring),
       "the newest lite picture is the ring's");

    selkies_join_start(stream.join, &key, &last);
    ok(last.chain == 2 && last.chain_bytes == 300
       && (last.flags & SELKIES_PACKET_CHAINED) && last.number == 4,
       "the last one tells what it comes to");

    /* somebody is reading when the next key comes */

    cursor = key.twin;
    next = key.number;
    selkies_join_get(stream.join, stream.ring, &cursor, &next, &packet);
    cursor++;
    stream_write(4000, SELKIES_PACKET_KEY, 0);
    ok(selkies_join_whole(stream.join, &packet),
       "a new key overwrites nothing that is being sent");
    ok(selkies_join_get(stream.join, stream.ring, &cursor, &next, &packet)
       == SELKIES_OK && (packet.flags & SELKIES_PACKET_KEY)
       && packet.length_bytes == 4000, "and makes the rest superfluous");
    selkies_join_start(stream.join, &key, &last);
    ok(last.chain == 0 && !(last.flags & SELKIES_PACKET_CHAINED)
       && burst(&next) == 1, "it begins anew");

    stream_free();
}


static void
test_limits(void)
{
    int                n;
    uint64_t           next, cursor, last_number;
    selkies_packet_t   key, last, packet;

    stream_new();
    stream_write(8000, SELKIES_PACKET_KEY, 0);
    selkies_join_start(stream.join, &key, &last);

    for (n = 1; n < 1000 && burst(&next) == n; n++) {
        stream_write(4000, 0, 0);
    }

    ok(burst(&next) == -1 && n == 12, "three quarters of its size (%d)", n);

    /* who was reading gets what there is, and goes on in the ring */

    cursor = key.twin;
    next = key.number;
    last_number = 0;

    while (selkies_join_get(stream.join, stream.ring, &cursor, &next, &packet)
           == SELKIES_OK)
    {
        cursor++;
        next = packet.number + 1;
        last_number = packet.number;
    }

    ok(last_number + 1 == selkies_ring_head(stream.ring)
       && next == last_number + 1, "who has begun goes on in the ring");
    stream_write(10, SELKIES_PACKET_LITE, 0);
    ok(selkies_join_get(stream.join, stream.ring, &cursor, &next, &packet)
       == SELKIES_AGAIN && next == last_number + 1,
       "with the picture that is not here");

    stream_write(8000, SELKIES_PACKET_KEY, 0);
    ok(burst(&next) == 1, "a key fills it again");

    for (n = 1; n < 1000 && burst(&next) == n; n++) {
        stream_write(4, 0, 0);
    }

    ok(burst(&next) == -1 && n == 49, "three quarters of its packets (%d)", n);

    stream_write(100, SELKIES_PACKET_KEY, 0);
    stream_write(100, 0, 0);
    ok(burst(&next) == 2, "a key fills it again");
    selkies_join_drop(stream.join);
    stream_write(100, 0, 0);
    ok(burst(&next) == -1, "what is dropped is of no use");
    stream_write(JOIN_BYTES / 2, SELKIES_PACKET_KEY, 0);
    ok(burst(&next) == 1, "until a key, which may be large");
    ok(selkies_ring_get((selkies_ring_t *) (stream.join + 1), key.twin,
                        &packet) == SELKIES_LOST,
       "in time even what was being sent is overwritten");

    stream_free();

    stream_new();
    stream_write(100, SELKIES_PACKET_KEY, 0);
    (void) selkies_ring_reserve((selkies_ring_t *) (stream.join + 1), 5000);
    stream_write(100, SELKIES_PACKET_KEY, 0);
    ok(burst(&next) == 1,
       "the next writer goes on behind what a killed one had reserved");
    stream_free();
}


static void
test_rows(void)
{
    int                n, stale;
    uint64_t           next, cursor;
    selkies_packet_t   packet, last;

    stream_new();
    stream_write(100, SELKIES_PACKET_KEY|SELKIES_PACKET_ROW, 0);
    stream_write(100, SELKIES_PACKET_PART|SELKIES_PACKET_ROW, 64);
    stream_write(100, SELKIES_PACKET_PART|SELKIES_PACKET_ROW, 128);
    stream_write(100, SELKIES_PACKET_ROW, 64);
    stream_write(100, SELKIES_PACKET_ROW, 64);

    selkies_join_start(stream.join, &packet, &last);
    cursor = packet.twin;
    next = packet.number;
    stale = 0;

    for (n = 0; selkies_join_get(stream.join, stream.ring, &cursor, &next,
                                 &packet) == SELKIES_OK; n++)
    {
        if (selkies_join_superseded(stream.join, &packet)) {
            stale |= 1 << n;
        }

        cursor++;
        next = packet.number + 1;
    }

    ok(n == 5 && stale == (1 << 1 | 1 << 3), "of each row the newest counts");
    stream_free();
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


/* A reader as pictures.c has it, which leaves and joins after a while. */

static selkies_status_t
race_next(uint64_t *cursor, uint64_t *next, selkies_packet_t *packet)
{
    selkies_status_t  rc;

    if (*cursor != 0) {
        rc = selkies_join_get(stream.join, stream.ring, cursor, next, packet);

        if (rc != SELKIES_AGAIN) {
            return rc;
        }

        *cursor = 0;
    }

    for ( ;; ) {
        rc = selkies_ring_get(stream.ring, *next, packet);

        if (rc != SELKIES_OK || !(packet->flags & SELKIES_PACKET_LITE)
            || packet->number == selkies_ring_head(stream.ring))
        {
            return rc;
        }

        (*next)++;
    }
}


static bool
race_take(race_t *race, uint8_t *copy, const selkies_packet_t *packet)
{
    racy_copy(copy, packet->data, packet->length_bytes);

    if (packet->twin ? !selkies_join_whole(stream.join, packet)
                     : !selkies_ring_whole(stream.ring, packet))
    {
        race->caught++;
        return false;
    }

    if (!bytes_are(packet, copy)) {
        race->torn++;
    }

    race->good++;

    return true;
}


static void
race_read(race_t *race)
{
    int                left;
    uint8_t           *copy;
    uint64_t           cursor, next, references;
    selkies_packet_t   packet, last;

    copy = malloc(RING_BYTES);
    left = 0;
    cursor = 0;
    next = 0;
    references = 0;

    atomic_fetch_add(reading, 1);

    while (selkies_ring_head(stream.ring) < RACE_PACKETS) {

        if (left == 0) {

            if (selkies_join_start(stream.join, &packet, &last) != SELKIES_OK) {
                continue;
            }

            race->bursts++;
            cursor = packet.twin;
            next = packet.number;
            left = 60;
        }

        switch (race_next(&cursor, &next, &packet)) {

        case SELKIES_AGAIN:
            continue;

        case SELKIES_OK:
            break;

        default:
            race->lost++;
            left = 0;
            continue;
        }

        if (!race_take(race, copy, &packet)) {
            left = 0;
            continue;
        }

        /* a key starts anew, a lite one is of its base, all others count */

        if (!(packet.flags & SELKIES_PACKET_KEY)) {
            references += (packet.flags & SELKIES_PACKET_LITE) == 0;
            race->gaps += packet.capture_us != references;
        }

        references = packet.capture_us;
        next = packet.number + 1;
        left--;

        if (packet.twin) {
            cursor = packet.twin + 1;
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
    unsigned  flags;

    while (atomic_load(reading) < *(int *) data) {
        sched_yield();
    }

    for (n = 0; n < RACE_PACKETS; n++) {
        flags = n % 90 == 0 ? SELKIES_PACKET_KEY
                            : n * 7919 % 5 < 3 ? SELKIES_PACKET_LITE : 0;

        stream_write(1 + n * 7919 % (flags == SELKIES_PACKET_KEY ? 6000 : 2500),
                     flags, 0);

        if (n % 1000 == 500) {
            selkies_join_drop(stream.join);
        }

        if (n % 4 == 0) {
            sched_yield();
        }
    }

    return NULL;
}


static void *
race_reader(void *data)
{
    race_read(data);

    return NULL;
}


static void
test_threads(void)
{
    int        i, n;
    race_t     sum;
    pthread_t  writer, readers[RACE_READERS];

    stream_new();
    n = RACE_READERS;
    atomic_store(reading, 0);

    for (i = 0; i < RACE_READERS; i++) {
        pthread_create(&readers[i], NULL, race_reader, &races[i]);
    }

    pthread_create(&writer, NULL, race_writer, &n);
    pthread_join(writer, NULL);

    memset(&sum, 0, sizeof(race_t));

    for (i = 0; i < RACE_READERS; i++) {
        pthread_join(readers[i], NULL);
        sum.bursts += races[i].bursts;
        sum.good += races[i].good;
        sum.torn += races[i].torn;
        sum.caught += races[i].caught;
        sum.gaps += races[i].gaps;
        sum.lost += races[i].lost;
    }

    ok(sum.bursts > 10 && sum.good > 100,
       "readers in threads: %llu bursts, %llu packets, %llu caught, %llu lost",
       (unsigned long long) sum.bursts, (unsigned long long) sum.good,
       (unsigned long long) sum.caught, (unsigned long long) sum.lost);
    ok(sum.torn == 0, "no torn packet passed");
    ok(sum.gaps == 0, "no reference was missed (%llu)",
       (unsigned long long) sum.gaps);

    stream_free();
}


static void
test_processes(void)
{
    int      n, status;
    pid_t    pid;
    race_t   race;

    stream_new();
    n = 1;
    atomic_store(reading, 0);
    fflush(stdout);

    pid = fork();

    if (pid == 0) {
        memset(&race, 0, sizeof(race));
        race_read(&race);
        _exit(race.torn ? 1 : race.gaps ? 2 : race.good > 100 ? 0 : 3);
    }

    race_writer(&n);
    waitpid(pid, &status, 0);

    ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
       "a reader in another process misses nothing (%d)",
       WEXITSTATUS(status));

    stream_free();
}


int
main(void)
{
    reading = block_new(sizeof(*reading));

    test_none();
    test_burst();
    test_limits();
    test_rows();
    test_threads();
    test_processes();

    return done_testing();
}
