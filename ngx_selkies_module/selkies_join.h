
/*
 * Copyright (C) ngx_selkies authors
 *
 * The join cache: all that a decoder needs to come to the present picture,
 * from the newest key on, for a client that joins or has skipped some.  The
 * packet ring forgets a key soon; here it rests, with every picture since
 * that others refer to, as long as they fit.
 *
 * It is a ring of its own (selkies_ring.h) beside the stream's, into which
 * the one writer copies packets; readers check as they do there.  A new key
 * is laid behind what is there, so that who is still reading that can go on.
 * Lite pictures are not kept: the newest one is the newest packet of the
 * stream's ring.
 *
 * "twin" of a packet that was read here is its number here, and "number" the
 * stream's.
 *
 * Thread: drop() and add() belong to the stream's one writer; everything else
 * may be called by any thread of any process that maps the block.
 *
 * Ownership: the block is the caller's.  It holds no pointer.  A NULL cache is
 * one that is always empty.
 */


#ifndef SELKIES_JOIN_H_INCLUDED
#define SELKIES_JOIN_H_INCLUDED


#include "selkies_ring.h"


typedef struct {
    _Atomic uint32_t  open;         /* nothing since the key is missing */
    uint32_t          count;        /* writer: packets since the key */
    uint64_t          begin;        /* writer: position of the key */
    uint64_t          spare[6];
} selkies_join_t;                   /* its ring follows */


#pragma GCC visibility push(hidden)


/* Bytes of shared memory that a cache of this size takes; 0 for 0. */

size_t selkies_join_bytes(size_t size_bytes);


/*
 * Lays an empty cache over `block`, which holds selkies_join_bytes() and is
 * aligned to 64.  Nobody may read or write it meanwhile.  NULL for a size of
 * 0.
 */

selkies_join_t *selkies_join_init(void *block, size_t size_bytes);


/*
 * Writer.  What is here is of no use to who comes from now on: a picture that
 * others refer to is missing, or the encoder is gone.  Till the next key.
 */

void selkies_join_drop(selkies_join_t *join);


/*
 * Writer.  Copies a packet that will get the number `number` in the stream's
 * ring, before it is published there.  A key begins anew; what does not fit
 * any more (three quarters of the size, or of a packet for each KiB of it)
 * ends the collection until the next one.
 */

void selkies_join_add(selkies_join_t *join, const selkies_packet_t *packet,
    uint64_t number);


/*
 * Reader.  SELKIES_OK: `key` is the first packet to send, and `last` the
 * newest one after it, which tells what they come to.  SELKIES_AGAIN: there is
 * none, or not all that follows it.
 */

selkies_status_t selkies_join_start(selkies_join_t *join,
    selkies_packet_t *key, selkies_packet_t *last);


/*
 * Reader.  The packet *cursor, which counts from the twin of the key given by
 * start(); `ring` is the stream's, and *next the number behind the last packet
 * that was sent.
 *
 * SELKIES_OK: it was whole a moment ago; *cursor has moved on where a newer
 * key makes the rest superfluous.  SELKIES_AGAIN: that was all, and the
 * stream's ring has what follows: *next has moved over lite pictures that are
 * not needed.  SELKIES_LOST: overwritten, start anew.
 */

selkies_status_t selkies_join_get(selkies_join_t *join, selkies_ring_t *ring,
    uint64_t *cursor, uint64_t *next, selkies_packet_t *packet);


/*
 * Reader.  Whether a newer row here stands for this one, which get() gave.
 * See SELKIES_PACKET_ROW.
 */

bool selkies_join_superseded(selkies_join_t *join,
    const selkies_packet_t *packet);


/* Reader.  As selkies_ring_whole(), for a packet that get() gave. */

bool selkies_join_whole(selkies_join_t *join, const selkies_packet_t *packet);


#pragma GCC visibility pop


#endif /* SELKIES_JOIN_H_INCLUDED */
