
/*
 * Copyright (C) ngx_selkies authors
 *
 * The packet ring: one writer (the display thread of the owner worker), any
 * number of readers in any process, over a block of shared memory.  A packet
 * is written once, websocket header included, and sent by every reader
 * straight from the ring.
 *
 * No pointers and no reference counts are kept in the block: a reader or a
 * writer that is killed leaves nothing behind.  A packet's validity goes by
 * its byte position, not by its slot: positions are 64 bits wide and only
 * grow, the padding at the wrap included, and a packet is whole while
 *
 *     reserved - packet.position <= size
 *
 * Thread: reserve() and publish() belong to the one writer; everything else
 * may be called by any thread of any process that maps the block.
 */


#ifndef SELKIES_RING_H_INCLUDED
#define SELKIES_RING_H_INCLUDED


#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../capture/capture.h"


#define SELKIES_RING_SLOTS       1024

#define SELKIES_PACKET_KEY       0x0001     /* decodable with nothing before */
#define SELKIES_PACKET_LITE      0x0002     /* no later packet refers to it */
#define SELKIES_PACKET_PART      0x0004     /* belongs to the key before it */
#define SELKIES_PACKET_ROW       0x0008     /* a newer one with its y stands
                                               for it; refers to nothing */
#define SELKIES_PACKET_CHAIN     0x0010     /* only for who takes lite ones */
#define SELKIES_PACKET_CHAINED   0x0020     /* the ring's: there was one since
                                               the newest key */


/*
 * What a slot says of its packet.  number, position, data and what is said of
 * the chain are filled by the ring; the rest is the writer's.  The chain is
 * what a decoder needs from the newest key up to this packet, itself
 * included unless it is lite: key (with its parts) and lite packets do not
 * count.
 */

typedef struct {
    uint64_t          number;               /* counts from 1 */
    uint64_t          position;             /* of its first byte; only grows */
    uint64_t          twin;                 /* of a copy: the other's number,
                                               else 0; the writer's */
    const uint8_t    *data;                 /* inside the ring */
    uint32_t          length_bytes;

    uint32_t          epoch;                /* changes with encoder and size */
    uint16_t          flags;
    uint16_t          frame_id;
    uint16_t          width;
    uint16_t          height;               /* both of the whole picture */
    uint16_t          y;                    /* of a row, else 0 */

    uint32_t          chain;                /* packets */
    uint32_t          chain_bytes;

    uint64_t          capture_us;
    uint64_t          encoded_us;
} selkies_packet_t;


typedef struct {
    _Atomic uint64_t  number;               /* 0 while it is being rewritten */
    _Atomic uint64_t  position;
    _Atomic uint64_t  length_epoch;
    _Atomic uint64_t  picture;              /* flags, id, width, height */
    _Atomic uint64_t  capture_us;
    _Atomic uint64_t  encoded_us;
    _Atomic uint64_t  chain;                /* packets, bytes */
    _Atomic uint64_t  twin_y;               /* a slot is one cache line */
} selkies_ring_slot_t;


typedef struct {
    _Atomic uint64_t     reserved;          /* end of the newest reservation */
    _Atomic uint64_t     head;              /* number of the newest packet */
    _Atomic uint64_t     key;               /* number of the newest key */
    uint64_t             size_bytes;
    uint64_t             start;             /* writer: of this reservation */
    uint32_t             chain;             /* writer: of the last packet */
    uint32_t             chain_bytes;
    uint32_t             chained;           /* writer: CHAINED, or 0 */
    uint32_t             nslots;
    uint64_t             spare;
    selkies_ring_slot_t  slots[];
} selkies_ring_t;                           /* the data area follows */


#pragma GCC visibility push(hidden)


/* Bytes of shared memory that a ring with so many slots and data takes. */

size_t selkies_ring_bytes(uint32_t nslots, size_t size_bytes);


/*
 * Lays an empty ring over `block`, which holds selkies_ring_bytes() and is
 * aligned to 64.  Nobody may read or write it meanwhile.
 */

selkies_ring_t *selkies_ring_init(void *block, uint32_t nslots,
    size_t size_bytes);


/*
 * Writer.  The position at which a reservation of `length_bytes` would end,
 * and through `start` where it would begin; nothing changes.
 */

uint64_t selkies_ring_end(selkies_ring_t *ring, size_t length_bytes,
    uint64_t *start);


/*
 * Writer.  Room for `length_bytes` contiguous bytes, which the writer fills
 * before it calls publish(); a second reserve() forgets the first.  NULL
 * where the packet is larger than half of the data area: it would push out
 * what readers are sending right now.
 */

uint8_t *selkies_ring_reserve(selkies_ring_t *ring, size_t length_bytes);


/*
 * Writer.  Publishes the `length_bytes` bytes at `data`, which lie inside the
 * newest reservation (a header written right-justified may leave some of its
 * front unused); of `packet`, the fields that the ring fills need not be set.
 * Returns the packet's number.
 */

uint64_t selkies_ring_publish(selkies_ring_t *ring, selkies_packet_t *packet);


/* The number of the newest packet, 0 for none. */

uint64_t selkies_ring_head(selkies_ring_t *ring);


/* The number of the newest key packet, 0 for none. */

uint64_t selkies_ring_key(selkies_ring_t *ring);


/*
 * Reader.  SELKIES_OK: `packet` describes it and it was whole a moment ago;
 * SELKIES_AGAIN: not yet published; SELKIES_LOST: overwritten, jump to a key.
 */

selkies_status_t selkies_ring_get(selkies_ring_t *ring, uint64_t number,
    selkies_packet_t *packet);


/*
 * Reader.  Whether the packet's bytes are still what was published.  Asked
 * before they are used and once more after: bytes of which a socket took a
 * part must be given up with the connection when the second answer is no.
 */

bool selkies_ring_whole(selkies_ring_t *ring, const selkies_packet_t *packet);


/*
 * Reader.  Whether a packet after `number`, which is `packet`'s in this ring,
 * is a row that stands for it.
 */

bool selkies_ring_superseded(selkies_ring_t *ring, uint64_t number,
    const selkies_packet_t *packet);


#pragma GCC visibility pop


#endif /* SELKIES_RING_H_INCLUDED */
