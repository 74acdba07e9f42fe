
/*
 * Copyright (C) ngx_selkies authors
 *
 * See selkies_join.h.
 */


#include <string.h>

#include "selkies_join.h"


#define SELKIES_JOIN_PACKET_BYTES  1024     /* of the size, for each slot */

#define selkies_join_share(n)      ((n) / 4 * 3)


static selkies_ring_t *
selkies_join_ring(selkies_join_t *join)
{
    return (selkies_ring_t *) (join + 1);
}


static uint32_t
selkies_join_slots(size_t size_bytes)
{
    return (uint32_t) (size_bytes / SELKIES_JOIN_PACKET_BYTES);
}


size_t
selkies_join_bytes(size_t size_bytes)
{
    if (size_bytes == 0) {
        return 0;
    }

    return sizeof(selkies_join_t)
           + selkies_ring_bytes(selkies_join_slots(size_bytes), size_bytes);
}


selkies_join_t *
selkies_join_init(void *block, size_t size_bytes)
{
    selkies_join_t  *join = block;

    if (size_bytes == 0) {
        return NULL;
    }

    memset(join, 0, sizeof(selkies_join_t));
    selkies_ring_init(selkies_join_ring(join), selkies_join_slots(size_bytes),
                      size_bytes);

    return join;
}


void
selkies_join_drop(selkies_join_t *join)
{
    if (join != NULL) {
        atomic_store_explicit(&join->open, 0, memory_order_release);
    }
}


void
selkies_join_add(selkies_join_t *join, const selkies_packet_t *packet,
    uint64_t number)
{
    uint8_t           *room;
    uint64_t           start, end;
    selkies_ring_t    *ring;
    selkies_packet_t   copy;

    if (join == NULL || (packet->flags & SELKIES_PACKET_LITE)) {
        return;
    }

    ring = selkies_join_ring(join);
    end = selkies_ring_end(ring, packet->length_bytes, &start);

    if (packet->flags & SELKIES_PACKET_KEY) {
        join->begin = start;
        join->count = 0;

    } else if (!atomic_load_explicit(&join->open, memory_order_relaxed)) {
        return;
    }

    if (end - join->begin > selkies_join_share(ring->size_bytes)
        || ++join->count > selkies_join_share(ring->nslots))
    {
        selkies_join_drop(join);
        return;
    }

    room = selkies_ring_reserve(ring, packet->length_bytes);

    if (room == NULL) {
        selkies_join_drop(join);
        return;
    }

    memcpy(room, packet->data, packet->length_bytes);

    copy = *packet;
    copy.data = room;
    copy.twin = number;

    selkies_ring_publish(ring, &copy);

    /* who sees this sees the key */

    atomic_store_explicit(&join->open, 1, memory_order_release);
}


static selkies_status_t
selkies_join_read(selkies_join_t *join, uint64_t cursor,
    selkies_packet_t *packet)
{
    uint64_t          twin;
    selkies_status_t  rc;

    rc = selkies_ring_get(selkies_join_ring(join), cursor, packet);

    if (rc == SELKIES_OK) {
        twin = packet->twin;
        packet->twin = packet->number;
        packet->number = twin;
    }

    return rc;
}


selkies_status_t
selkies_join_start(selkies_join_t *join, selkies_packet_t *key,
    selkies_packet_t *last)
{
    uint64_t         number;
    selkies_ring_t  *ring;

    if (join == NULL
        || !atomic_load_explicit(&join->open, memory_order_acquire))
    {
        return SELKIES_AGAIN;
    }

    ring = selkies_join_ring(join);
    number = selkies_ring_key(ring);

    if (selkies_join_read(join, number, key) != SELKIES_OK
        || selkies_join_read(join, selkies_ring_head(ring), last)
           != SELKIES_OK
        || selkies_ring_key(ring) != number)
    {
        return SELKIES_AGAIN;
    }

    return SELKIES_OK;
}


selkies_status_t
selkies_join_get(selkies_join_t *join, selkies_ring_t *ring, uint64_t *cursor,
    uint64_t *next, selkies_packet_t *packet)
{
    bool              open;
    uint64_t          head, key;
    selkies_status_t  rc;

    /*
     * In this order: a packet is here, or the cache is closed, before it is in
     * the stream's ring; and a key is here before the cache is open again
     */

    head = selkies_ring_head(ring);
    open = atomic_load_explicit(&join->open, memory_order_acquire);
    key = selkies_ring_key(selkies_join_ring(join));

    if (key > *cursor) {
        *cursor = key;
    }

    rc = selkies_join_read(join, *cursor, packet);

    if (rc == SELKIES_AGAIN && open && head > *next) {
        *next = head;
    }

    return rc;
}


bool
selkies_join_superseded(selkies_join_t *join, const selkies_packet_t *packet)
{
    return selkies_ring_superseded(selkies_join_ring(join), packet->twin,
                                   packet);
}


bool
selkies_join_whole(selkies_join_t *join, const selkies_packet_t *packet)
{
    return selkies_ring_whole(selkies_join_ring(join), packet);
}
