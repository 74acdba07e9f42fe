
/*
 * Copyright (C) ngx_selkies authors
 *
 * See selkies_ring.h.
 */


#include <string.h>

#include "selkies_ring.h"


#define SELKIES_RING_ALIGN  64


/*
 * gcc's thread sanitizer does not model fences: in that build a sequentially
 * consistent exchange stands in their place.
 */

#if defined(__SANITIZE_THREAD__)

static _Atomic int  selkies_ring_fence_word;

#define selkies_ring_fence(order)                                            \
    (void) atomic_exchange(&selkies_ring_fence_word, 1)

#else

#define selkies_ring_fence(order)  atomic_thread_fence(order)

#endif


static uint8_t *
selkies_ring_data(selkies_ring_t *ring)
{
    return (uint8_t *) &ring->slots[ring->nslots];
}


size_t
selkies_ring_bytes(uint32_t nslots, size_t size_bytes)
{
    return sizeof(selkies_ring_t) + nslots * sizeof(selkies_ring_slot_t)
           + size_bytes;
}


selkies_ring_t *
selkies_ring_init(void *block, uint32_t nslots, size_t size_bytes)
{
    selkies_ring_t  *ring = block;

    memset(ring, 0, sizeof(selkies_ring_t)
                    + nslots * sizeof(selkies_ring_slot_t));

    ring->nslots = nslots;
    ring->size_bytes = size_bytes / SELKIES_RING_ALIGN * SELKIES_RING_ALIGN;

    return ring;
}


uint64_t
selkies_ring_end(selkies_ring_t *ring, size_t length_bytes, uint64_t *start)
{
    uint64_t  offset, need;

    need = (length_bytes + SELKIES_RING_ALIGN - 1)
           / SELKIES_RING_ALIGN * SELKIES_RING_ALIGN;

    /* what a killed writer had reserved counts as written */

    *start = atomic_load_explicit(&ring->reserved, memory_order_relaxed);
    offset = *start % ring->size_bytes;

    if (ring->size_bytes - offset < need) {
        *start += ring->size_bytes - offset;
    }

    return *start + need;
}


uint8_t *
selkies_ring_reserve(selkies_ring_t *ring, size_t length_bytes)
{
    uint64_t  end;

    if (length_bytes == 0 || length_bytes > ring->size_bytes / 2) {
        return NULL;
    }

    end = selkies_ring_end(ring, length_bytes, &ring->start);

    atomic_store_explicit(&ring->reserved, end, memory_order_relaxed);

    /* readers must see the new limit before they can see a new byte */

    selkies_ring_fence(memory_order_seq_cst);

    return selkies_ring_data(ring) + ring->start % ring->size_bytes;
}


static void
selkies_ring_count(selkies_ring_t *ring, selkies_packet_t *packet)
{
    if (packet->flags & SELKIES_PACKET_KEY) {
        ring->chain = 0;
        ring->chain_bytes = 0;
        ring->chained = 0;

    } else if (!(packet->flags & (SELKIES_PACKET_LITE|SELKIES_PACKET_PART))) {
        ring->chain += ring->chain != UINT32_MAX;
        ring->chain_bytes += packet->length_bytes
                             <= UINT32_MAX - ring->chain_bytes
                             ? packet->length_bytes
                             : UINT32_MAX - ring->chain_bytes;
    }

    if (packet->flags & SELKIES_PACKET_CHAIN) {
        ring->chained = SELKIES_PACKET_CHAINED;
    }

    packet->flags |= (uint16_t) ring->chained;
    packet->chain = ring->chain;
    packet->chain_bytes = ring->chain_bytes;
}


uint64_t
selkies_ring_publish(selkies_ring_t *ring, selkies_packet_t *packet)
{
    size_t                skipped;
    uint64_t              number;
    selkies_ring_slot_t  *slot;

    skipped = (size_t) (packet->data - selkies_ring_data(ring))
              - (size_t) (ring->start % ring->size_bytes);

    number = atomic_load_explicit(&ring->head, memory_order_relaxed) + 1;
    slot = &ring->slots[number % ring->nslots];

    packet->number = number;
    packet->position = ring->start + skipped;

    selkies_ring_count(ring, packet);

    atomic_store_explicit(&slot->number, 0, memory_order_relaxed);
    selkies_ring_fence(memory_order_release);

    atomic_store_explicit(&slot->position, packet->position,
                          memory_order_relaxed);
    atomic_store_explicit(&slot->length_epoch,
                          (uint64_t) packet->length_bytes << 32
                          | packet->epoch, memory_order_relaxed);
    atomic_store_explicit(&slot->picture,
                          (uint64_t) packet->flags << 48
                          | (uint64_t) packet->frame_id << 32
                          | (uint64_t) packet->width << 16
                          | packet->height, memory_order_relaxed);
    atomic_store_explicit(&slot->chain,
                          (uint64_t) packet->chain << 32 | packet->chain_bytes,
                          memory_order_relaxed);
    atomic_store_explicit(&slot->twin_y, packet->twin << 16 | packet->y,
                          memory_order_relaxed);
    atomic_store_explicit(&slot->capture_us, packet->capture_us,
                          memory_order_relaxed);
    atomic_store_explicit(&slot->encoded_us, packet->encoded_us,
                          memory_order_relaxed);

    atomic_store_explicit(&slot->number, number, memory_order_release);

    if (packet->flags & SELKIES_PACKET_KEY) {
        atomic_store_explicit(&ring->key, number, memory_order_release);
    }

    atomic_store_explicit(&ring->head, number, memory_order_release);

    return number;
}


uint64_t
selkies_ring_head(selkies_ring_t *ring)
{
    return atomic_load_explicit(&ring->head, memory_order_acquire);
}


uint64_t
selkies_ring_key(selkies_ring_t *ring)
{
    return atomic_load_explicit(&ring->key, memory_order_acquire);
}


selkies_status_t
selkies_ring_get(selkies_ring_t *ring, uint64_t number,
    selkies_packet_t *packet)
{
    uint64_t              length_epoch, picture, chain, twin_y, offset;
    selkies_ring_slot_t  *slot;

    if (number > selkies_ring_head(ring)) {
        return SELKIES_AGAIN;
    }

    slot = &ring->slots[number % ring->nslots];

    if (number == 0
        || atomic_load_explicit(&slot->number, memory_order_acquire) != number)
    {
        return SELKIES_LOST;
    }

    packet->number = number;
    packet->position = atomic_load_explicit(&slot->position,
                                            memory_order_relaxed);
    length_epoch = atomic_load_explicit(&slot->length_epoch,
                                        memory_order_relaxed);
    picture = atomic_load_explicit(&slot->picture, memory_order_relaxed);
    chain = atomic_load_explicit(&slot->chain, memory_order_relaxed);
    twin_y = atomic_load_explicit(&slot->twin_y, memory_order_relaxed);
    packet->capture_us = atomic_load_explicit(&slot->capture_us,
                                              memory_order_relaxed);
    packet->encoded_us = atomic_load_explicit(&slot->encoded_us,
                                              memory_order_relaxed);

    selkies_ring_fence(memory_order_acquire);

    if (atomic_load_explicit(&slot->number, memory_order_relaxed) != number) {
        return SELKIES_LOST;
    }

    packet->length_bytes = (uint32_t) (length_epoch >> 32);
    packet->epoch = (uint32_t) length_epoch;
    packet->flags = (uint16_t) (picture >> 48);
    packet->frame_id = (uint16_t) (picture >> 32);
    packet->width = (uint16_t) (picture >> 16);
    packet->height = (uint16_t) picture;
    packet->chain = (uint32_t) (chain >> 32);
    packet->chain_bytes = (uint32_t) chain;
    packet->twin = twin_y >> 16;
    packet->y = (uint16_t) twin_y;

    offset = packet->position % ring->size_bytes;
    packet->data = selkies_ring_data(ring) + offset;

    if (packet->length_bytes > ring->size_bytes - offset
        || !selkies_ring_whole(ring, packet))
    {
        return SELKIES_LOST;
    }

    return SELKIES_OK;
}


bool
selkies_ring_whole(selkies_ring_t *ring, const selkies_packet_t *packet)
{
    uint64_t  reserved;

    selkies_ring_fence(memory_order_acquire);

    reserved = atomic_load_explicit(&ring->reserved, memory_order_acquire);

    return reserved - packet->position <= ring->size_bytes;
}


bool
selkies_ring_superseded(selkies_ring_t *ring, uint64_t number,
    const selkies_packet_t *packet)
{
    uint64_t          n;
    selkies_packet_t  newer;

    /* what moves is near the head, so most searches are short */

    for (n = selkies_ring_head(ring); n > number; n--) {

        if (selkies_ring_get(ring, n, &newer) == SELKIES_OK
            && (newer.flags & SELKIES_PACKET_ROW)
            && newer.y == packet->y && newer.epoch == packet->epoch)
        {
            return true;
        }
    }

    return false;
}
