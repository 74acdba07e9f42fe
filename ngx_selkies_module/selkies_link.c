
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * See selkies_link.h.
 *
 * Thread: the struct's owner.  Ownership: the caller's struct.
 */


#include "selkies_link.h"


#define SELKIES_LINK_EVIDENCE_US   150000   /* of lateness is congestion, */
#define SELKIES_LINK_AGAIN_US      100000   /* and where it was before */
#define SELKIES_LINK_ONE_US        200000   /* of it, by one answer, at most */
#define SELKIES_LINK_GOOD_US       3000000  /* a rate is remembered */
#define SELKIES_LINK_OWN_US        25000    /* of a picture on the way, */
#define SELKIES_LINK_LEAST         4096     /* or that of so many bytes */
#define SELKIES_LINK_BURST         16384    /* bytes; less says little */
#define SELKIES_LINK_STEP_US       100000   /* between two steps up */
#define SELKIES_LINK_STEP_MAX_US   120000   /* that one step stands for */
#define SELKIES_LINK_SPAN_US       600000   /* a rate is measured over */
#define SELKIES_LINK_UNSENT        8192     /* bytes that wait, at most, where
                                               there is enough of bandwidth */


/* How fast it grows, in per cent in SELKIES_LINK_STEP_US, ... */

typedef enum {
    SELKIES_LINK_BELOW = 12,        /* up to where it was too much, */
    SELKIES_LINK_AROUND = 6,        /* there, and */
    SELKIES_LINK_BEYOND = 35        /* beyond */
} selkies_link_growth_t;


static uint64_t selkies_link_time(const selkies_link_t *link, uint64_t bytes);
static void selkies_link_mark(selkies_link_t *link,
    const selkies_link_sample_t *sample);
static uint64_t selkies_link_delivery(const selkies_link_t *link,
    const selkies_link_sample_t *sample);
static uint64_t selkies_link_evidence(const selkies_link_t *link,
    const selkies_link_sample_t *sample);
static void selkies_link_congested(selkies_link_t *link,
    const selkies_link_sample_t *sample);
static void selkies_link_keep(selkies_link_t *link,
    const selkies_link_sample_t *sample);
static void selkies_link_grow(selkies_link_t *link,
    const selkies_link_sample_t *sample);


void
selkies_link_sample(selkies_link_t *link, const selkies_link_sample_t *sample)
{
    uint64_t  late_us, least_us, own_us;

    /*
     * A picture takes its time, and may where nothing waits behind it; over a
     * thin way even a small one does.
     */

    own_us = selkies_link_time(link, sample->picture_bytes);
    least_us = selkies_link_time(link, sample->picture_bytes
                                       < SELKIES_LINK_LEAST
                                       ? sample->picture_bytes
                                       : SELKIES_LINK_LEAST);

    if (own_us > SELKIES_LINK_OWN_US) {
        own_us = SELKIES_LINK_OWN_US;
    }

    if (own_us < least_us) {
        own_us = least_us;
    }

    late_us = SELKIES_LINK_LATE_US + least_us;

    if (sample->alone && late_us < SELKIES_LINK_ALONE_US) {
        late_us = SELKIES_LINK_ALONE_US;
    }

    if (sample->busy_us > link->marks[link->first].time_us) {

        /* it was idle meanwhile: that time says nothing of the rate */

        link->nmarks = 0;
    }

    if (link->nmarks == 0) {
        link->first = 0;
        link->nmarks = 1;
        link->marks[0].time_us = sample->busy_us;
        link->marks[0].bytes = sample->busy_bytes;
    }

    if (sample->late_us >= late_us) {
        link->evidence_us += selkies_link_evidence(link, sample);

        /* what was sent before the last congestion was seen tells of that */

        if (link->evidence_us >= (link->rate ? SELKIES_LINK_AGAIN_US
                                             : SELKIES_LINK_EVIDENCE_US)
            && sample->asked_us >= link->congested_us)
        {
            selkies_link_congested(link, sample);
        }

    } else {
        link->evidence_us = 0;

    }

    if (sample->late_us < SELKIES_LINK_LATE_US / 2 + own_us) {
        link->draining = false;
        selkies_link_keep(link, sample);
        selkies_link_grow(link, sample);

    } else {

        /* time with a queue is no time without one */

        link->grown_us = sample->now_us;
        link->grown_bytes = sample->arrived_bytes;
    }

    link->tight = sample->late_us >= late_us
                  || sample->unsent_bytes > SELKIES_LINK_UNSENT
                  || (link->rate != 0
                      && link->rate < SELKIES_LINK_RATE_TIGHT);

    selkies_link_mark(link, sample);
    link->arrived_bytes = sample->arrived_bytes;
}


/* That so many bytes are on the way; not known before a congestion. */

static uint64_t
selkies_link_time(const selkies_link_t *link, uint64_t bytes)
{
    return link->ceiling != 0 ? bytes * 1000000 / link->ceiling : 0;
}


/*
 * One answer that is late may be a client that was busy for a moment, the
 * more so where little was sent or the kernel has got rid of all of it.
 */

static uint64_t
selkies_link_evidence(const selkies_link_t *link,
    const selkies_link_sample_t *sample)
{
    uint64_t  us;

    us = sample->late_us < SELKIES_LINK_ONE_US ? sample->late_us
                                               : SELKIES_LINK_ONE_US;

    if (link->rate == 0
        && sample->arrived_bytes - link->arrived_bytes < SELKIES_LINK_BURST)
    {
        us /= 4;
    }

    return sample->full ? us : us / 2;
}


/* What arrived since the way was busy, and not longer ago than the span. */

static uint64_t
selkies_link_delivery(const selkies_link_t *link,
    const selkies_link_sample_t *sample)
{
    uint32_t                    i;
    uint64_t                    us, rate;
    const selkies_link_mark_t  *mark;

    mark = &link->marks[link->first];

    for (i = 1; i < link->nmarks; i++) {
        if (sample->now_us - mark->time_us <= SELKIES_LINK_SPAN_US) {
            break;
        }

        mark = &link->marks[(link->first + i) % SELKIES_LINK_MARKS];
    }

    us = sample->now_us > mark->time_us ? sample->now_us - mark->time_us : 0;
    rate = 0;

    if (sample->arrived_bytes > mark->bytes) {
        rate = (sample->arrived_bytes - mark->bytes) * 1000000
               / (us > 1000 ? us : 1000);
    }

    /*
     * TCP knows sooner of a way that has become slow.  Of one where its
     * acknowledgements come from nearer than the client it knows nothing.
     */

    if (sample->unsent_bytes != 0 && sample->tcp_rate != 0
        && sample->tcp_rate < rate)
    {
        rate = sample->tcp_rate > rate / 2 ? sample->tcp_rate : rate / 2;
    }

    return rate;
}


static void
selkies_link_congested(selkies_link_t *link,
    const selkies_link_sample_t *sample)
{
    uint64_t  delivery, rate, known;

    delivery = selkies_link_delivery(link, sample);
    rate = delivery - delivery / 8;
    known = link->rate;

    if (known == 0 && sample->now_us - link->good_us < SELKIES_LINK_GOOD_US) {
        known = link->good;
    }

    /* who answers nothing for a second has not become that slow: ask again */

    if (rate < known / 4) {
        rate = known / 4;
    }

    if (link->rate != 0 && link->rate < rate) {
        rate = link->rate;
    }

    link->rate = rate > SELKIES_LINK_RATE_MIN ? rate : SELKIES_LINK_RATE_MIN;
    link->ceiling = delivery > link->rate ? delivery : link->rate;
    link->congested_us = sample->now_us;
    link->grown_us = sample->now_us;
    link->grown_bytes = sample->arrived_bytes;
    link->evidence_us = 0;
    link->draining = true;
}


/* A rate over some time, and not of a few pictures. */

static void
selkies_link_keep(selkies_link_t *link, const selkies_link_sample_t *sample)
{
    if (sample->now_us - link->marks[link->first].time_us
        >= SELKIES_LINK_SPAN_US / 2)
    {
        link->good = selkies_link_delivery(link, sample);
        link->good_us = sample->now_us;
    }
}


static void
selkies_link_grow(selkies_link_t *link, const selkies_link_sample_t *sample)
{
    uint64_t               us, used, add;
    selkies_link_growth_t  percent;

    if (link->rate == 0) {
        return;
    }

    if (sample->now_us - link->congested_us > SELKIES_LINK_FORGET_US) {
        link->rate = 0;
        link->ceiling = 0;
        return;
    }

    us = sample->now_us - link->grown_us;

    /* what the last step did has to be seen first */

    if (us < SELKIES_LINK_STEP_US || sample->asked_us < link->grown_us) {
        return;
    }

    used = (sample->arrived_bytes - link->grown_bytes) * 1000000 / us;

    link->grown_us = sample->now_us;
    link->grown_bytes = sample->arrived_bytes;

    if (link->rate < link->ceiling - link->ceiling / 16) {
        percent = SELKIES_LINK_BELOW;

    } else if (link->rate < link->ceiling + link->ceiling / 4
               || used < link->rate / 2)
    {
        /* that it carries what was not sent is not known either */

        percent = SELKIES_LINK_AROUND;

    } else {
        percent = SELKIES_LINK_BEYOND;
    }

    if (us > SELKIES_LINK_STEP_MAX_US) {
        us = SELKIES_LINK_STEP_MAX_US;
    }

    add = link->rate * percent / 100 * us / SELKIES_LINK_STEP_US;

    link->rate += add < link->rate ? add : link->rate;
}


static void
selkies_link_mark(selkies_link_t *link, const selkies_link_sample_t *sample)
{
    selkies_link_mark_t  *mark;

    mark = &link->marks[(link->first + link->nmarks - 1) % SELKIES_LINK_MARKS];

    if (sample->now_us - mark->time_us < SELKIES_LINK_SPAN_US
                                         / SELKIES_LINK_MARKS)
    {
        return;
    }

    if (link->nmarks == SELKIES_LINK_MARKS) {
        link->first = (link->first + 1) % SELKIES_LINK_MARKS;
        link->nmarks--;
    }

    mark = &link->marks[(link->first + link->nmarks) % SELKIES_LINK_MARKS];
    mark->time_us = sample->now_us;
    mark->bytes = sample->arrived_bytes;
    link->nmarks++;
}


uint32_t
selkies_link_kbits(const selkies_link_t *link)
{
    uint64_t  kbits;

    kbits = link->rate / 125;

    if (link->draining) {
        kbits -= kbits / 4;
    }

    return kbits < UINT32_MAX ? (uint32_t) kbits : UINT32_MAX;
}
