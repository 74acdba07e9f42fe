
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * What the way to the controller carries: found from how late a ping behind
 * the pictures is answered and from how much had arrived by then, and made
 * into a rate that the encoder keeps below.  Without congestion there is no
 * limit; after one the rate is what arrived, less a part that lets the queue
 * run dry, and grows from there: slowly around the rate at which it was last
 * too much, fast beyond, because then the way has changed.
 *
 * Pure: it has no clock and calls nobody.  A viewer has none of this: it skips
 * pictures for itself.
 *
 * Thread: the struct's owner.  Ownership: the caller's struct, no pointers.
 * Zeroed memory is a link of which nothing is known yet.
 */


#ifndef SELKIES_LINK_H_INCLUDED
#define SELKIES_LINK_H_INCLUDED


#include <stdbool.h>
#include <stdint.h>


#define SELKIES_LINK_LATE_US       60000        /* is late */
#define SELKIES_LINK_ALONE_US      150000       /* of a picture by itself */
#define SELKIES_LINK_FORGET_US     10000000     /* a limit without congestion */
#define SELKIES_LINK_RATE_MIN      25000        /* bytes a second: below it,
                                                   fewer pictures */
#define SELKIES_LINK_RATE_TIGHT    125000       /* below it nothing is wasted */
#define SELKIES_LINK_MARKS         8


#pragma GCC visibility push(hidden)


typedef struct {
    uint64_t             time_us;
    uint64_t             bytes;             /* had arrived by then */
} selkies_link_mark_t;


typedef struct {
    uint64_t             rate;              /* bytes a second; 0: no limit */
    uint64_t             ceiling;           /* that was too much last */
    uint64_t             congested_us;      /* when it was */
    uint64_t             good;              /* that arrived and was not too */
    uint64_t             good_us;           /* much; as of then */
    uint64_t             grown_us;          /* last step up, or congestion */
    uint64_t             grown_bytes;       /* had arrived by then */
    uint64_t             evidence_us;       /* lateness of late answers in a
                                               row, weighed */
    uint64_t             arrived_bytes;     /* as of the last answer */
    selkies_link_mark_t  marks[SELKIES_LINK_MARKS];     /* of one busy time, a
                                               ring */
    uint32_t             first;             /* of these */
    uint32_t             nmarks;
    bool                 draining;          /* the queue of a congestion */
    bool                 tight;             /* nothing is to be wasted */
} selkies_link_t;


/* An answered ping and what was known then.  Clocks are in microseconds. */

typedef struct {
    uint64_t             now_us;            /* the answer is here */
    uint64_t             asked_us;          /* the ping was sent */
    uint64_t             late_us;           /* what it took beyond the time of
                                               an empty way */
    uint64_t             busy_us;           /* pictures have been arriving
                                               since, without a pause, */
    uint64_t             busy_bytes;        /* after so many */
    uint64_t             arrived_bytes;     /* of pictures, ever: those ahead
                                               of the ping */
    uint64_t             tcp_rate;          /* TCP's own measure, bytes a
                                               second; 0: none */
    uint64_t             picture_bytes;     /* of the last picture ahead of the
                                               ping */
    uint64_t             unsent_bytes;      /* wait on our side */
    bool                 full;              /* bytes waited on our side when
                                               the ping was sent, or do now */
    bool                 alone;             /* the ping followed the first
                                               picture after a pause */
} selkies_link_sample_t;


/* Takes a measurement in.  What is then in `rate` and `tight` holds. */

void selkies_link_sample(selkies_link_t *link,
    const selkies_link_sample_t *sample);


/* The limit in kbit/s for an encoder, 0 for none. */

uint32_t selkies_link_kbits(const selkies_link_t *link);


#pragma GCC visibility pop


#endif /* SELKIES_LINK_H_INCLUDED */
