
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The controller's link and the encoder that goes by it, over links that are
 * made up: a queue that runs dry at some rate, a way of some length, and a
 * client that sometimes has other things to do.
 *
 * Thread: the main thread; the clock is the test's own.
 */


#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "../../encoders/quality.h"
#include "../../ngx_selkies_module/selkies_link.h"


#define TOTAL      8160
#define MS         ((uint64_t) 1000)
#define SECOND     ((uint64_t) 1000000)
#define PICTURES   4096
#define AGES       8192


/* What the link does from some time on. */

typedef struct {
    uint64_t    from_us;
    double      mbits;
    uint64_t    rtt_us;
    uint64_t    stall_us;       /* the client answers nothing for so long */
} phase_t;


typedef struct {
    uint64_t    end;            /* byte behind its last one */
    uint64_t    drawn_us;
} sent_t;


typedef struct {
    selkies_quality_t        q;
    selkies_quality_conf_t   conf;
    selkies_link_t           link;
    const phase_t           *phase;
    uint64_t                 phase_us;      /* when it began */
    uint64_t                 now_us;
    uint64_t                 start_us;
    uint64_t                 busy_until_us; /* the client */

    double                   bits;          /* a macroblock at QP 25 */
    size_t                   changed;
    uint64_t                 tcp;           /* 1: TCP tells of the queue */
    uint32_t                 seed;

    uint64_t                 sent;
    double                   served;
    uint64_t                 last_us;       /* last picture */
    uint64_t                 last_bytes;
    uint64_t                 ahead;         /* of these, at the probe */
    uint64_t                 proven;
    bool                     full;
    bool                     alone;
    uint64_t                 rtt_us;        /* best */
    uint64_t                 busy_us;
    uint64_t                 busy_bytes;
    uint64_t                 probe;         /* bytes ahead of it, 0: none */
    uint64_t                 asked_us;
    uint64_t                 answer_us;     /* 0: not served yet */
    uint64_t                 probed;
    uint64_t                 arrived;       /* as answers say */

    sent_t                   pictures[PICTURES];
    unsigned                 head;
    unsigned                 tail;

    /* since forget() */

    uint64_t                 since_us;
    uint64_t                 since_bytes;
    unsigned                 npictures;
    int                      low;
    int                      high;
    uint64_t                 least_kbits;
    uint64_t                 most_kbits;
    double                   ages[AGES];
    unsigned                 nages;
} run_t;


static void
forget(run_t *r)
{
    r->since_us = r->now_us;
    r->since_bytes = (uint64_t) r->served;
    r->npictures = 0;
    r->nages = 0;
    r->low = 99;
    r->high = 0;
    r->least_kbits = UINT64_MAX;
    r->most_kbits = 0;
}


static void
start(run_t *r, const phase_t *phases, double bits, size_t changed)
{
    memset(r, 0, sizeof(run_t));

    r->conf.qp = 25;
    r->conf.paintover_qp = 18;
    r->conf.paintover = 1;
    r->conf.period_us = SECOND / 60;

    r->now_us = 7 * SECOND;
    r->start_us = r->now_us;
    r->phase = phases;
    r->phase_us = r->now_us;
    r->rtt_us = phases[0].rtt_us;
    r->bits = bits;
    r->changed = changed;
    r->tcp = 1;
    r->seed = 4711;

    selkies_quality_init(&r->q, &r->conf);
    forget(r);
}


static double
jitter(run_t *r, double noise)
{
    r->seed = r->seed * 1664525 + 1013904223;

    return 1 + noise * ((double) (r->seed >> 8) / (1 << 23) - 1);
}


/* What a session does with a probe: ngx_http_selkies_pictures.c. */

static void
probe(run_t *r)
{
    uint64_t  bytes;

    bytes = 16384;

    if (r->link.rate != 0 && r->link.rate / 20 < bytes) {
        bytes = r->link.rate / 20;
    }

    if (r->probe == 0 && r->sent - r->probed >= bytes) {
        r->probe = r->sent;
        r->probed = r->sent;
        r->asked_us = r->now_us;
        r->alone = r->busy_us == r->last_us;
        r->ahead = r->last_bytes;
        r->full = r->sent - (uint64_t) r->served > r->last_bytes;
        r->answer_us = 0;
    }
}


static bool
gate(const run_t *r)
{
    uint64_t  window, start;

    start = 131072 + 2 * r->proven;

    if (r->sent - r->probed >= (start < 1048576 ? start : 1048576)) {
        return false;
    }

    window = r->rtt_us + r->rtt_us / 2 + SECOND / 30 + 20 * MS;

    if (r->link.rate != 0
        && r->sent - r->arrived > r->link.rate * (r->rtt_us + 150 * MS)
                                  / SECOND)
    {
        return false;
    }

    return r->probe == 0
           || r->now_us - r->asked_us < (window > 60 * MS ? window : 60 * MS);
}


static void
answered(run_t *r)
{
    uint64_t               rtt;
    uint64_t               kbits;
    selkies_link_sample_t  s;

    memset(&s, 0, sizeof(s));

    rtt = r->now_us - r->asked_us;

    s.now_us = r->now_us;
    s.asked_us = r->asked_us;
    s.late_us = rtt > r->rtt_us ? rtt - r->rtt_us : 0;
    s.alone = r->alone;
    s.picture_bytes = r->ahead;
    s.busy_us = r->busy_us + r->rtt_us;
    s.busy_bytes = r->busy_bytes;
    s.arrived_bytes = r->probe;

    if (r->tcp) {
        s.unsent_bytes = r->sent - (uint64_t) r->served;
        s.full = r->full || s.unsent_bytes != 0;
        s.tcp_rate = (uint64_t) (r->phase->mbits * 125000);
    }

    if (s.late_us < 60 * MS && r->probe - r->arrived > r->proven) {
        r->proven = r->probe - r->arrived;
    }

    r->arrived = r->probe;
    r->probe = 0;
    selkies_link_sample(&r->link, &s);
    probe(r);

    kbits = selkies_link_kbits(&r->link);
    r->least_kbits = kbits < r->least_kbits ? kbits : r->least_kbits;
    r->most_kbits = kbits > r->most_kbits ? kbits : r->most_kbits;
}


/* A millisecond of the link. */

static void
pass(run_t *r)
{
    const sent_t  *p;

    r->now_us += MS;

    while (r->phase[1].from_us != 0
           && r->now_us - r->start_us >= r->phase[1].from_us)
    {
        r->phase++;
        r->busy_until_us = r->now_us + r->phase->stall_us;

        if (r->phase->rtt_us < r->rtt_us) {
            r->rtt_us = r->phase->rtt_us;
        }
    }

    if (r->now_us >= r->busy_until_us) {
        r->served += r->phase->mbits * 125;
    }

    if (r->served > (double) r->sent) {
        r->served = (double) r->sent;
    }

    while (r->tail != r->head
           && r->pictures[r->tail % PICTURES].end <= (uint64_t) r->served)
    {
        p = &r->pictures[r->tail++ % PICTURES];

        if (r->nages < AGES) {
            r->ages[r->nages++] = (double) (r->now_us - p->drawn_us
                                            + r->phase->rtt_us / 2) / 1000;
        }
    }

    if (r->probe != 0 && r->answer_us == 0
        && (uint64_t) r->served >= r->probe)
    {
        r->answer_us = r->now_us + r->phase->rtt_us;
    }

    if (r->probe != 0 && r->answer_us != 0 && r->now_us >= r->answer_us
        && r->now_us >= r->busy_until_us)
    {
        answered(r);
    }
}


static void
picture(run_t *r, size_t changed)
{
    size_t                      bytes;
    sent_t                     *p;
    selkies_quality_decision_t  d;

    r->conf.link_kbits = selkies_link_kbits(&r->link);
    selkies_quality_configure(&r->q, &r->conf);

    if (r->now_us < r->last_us + r->conf.period_us
        || r->now_us < selkies_quality_due_us(&r->q) || !gate(r))
    {
        return;
    }

    d = selkies_quality_decide(&r->q, r->now_us, changed, TOTAL);

    if (!d.encode) {
        return;
    }

    bytes = 20 + (size_t) (r->bits * (double) (d.paintover ? TOTAL / 4
                                                           : changed)
                           * pow(2, (25 - d.qp) / 6.0) * jitter(r, 0.2) / 8);

    selkies_quality_coded(&r->q, r->now_us, SELKIES_PICTURE_P, d.qp,
                          d.paintover, bytes);

    if (r->last_us == 0
        || (r->probe == 0 && r->now_us - r->last_us > 60 * MS + r->rtt_us))
    {
        r->busy_us = r->now_us;
        r->busy_bytes = r->sent;
    }

    r->last_us = r->now_us;
    r->last_bytes = bytes;
    r->sent += bytes;
    r->npictures++;
    r->low = d.qp < r->low ? d.qp : r->low;
    r->high = d.qp > r->high ? d.qp : r->high;

    p = &r->pictures[r->head++ % PICTURES];
    p->end = r->sent;
    p->drawn_us = r->now_us;

    probe(r);
}


/* The screen changes all the time, or `fps` times a second. */

static void
motion(run_t *r, unsigned fps, uint64_t for_us)
{
    bool      due;
    uint64_t  end, next;

    end = r->now_us + for_us;
    next = r->now_us;
    due = false;

    while (r->now_us < end) {
        pass(r);

        if (r->now_us >= next) {
            next += SECOND / fps;
            due = true;
        }

        if (due) {
            unsigned  before = r->npictures;

            picture(r, r->changed);
            due = r->npictures == before;
        }
    }
}


/* Nothing changes: the deadlines alone. */

static void
rest(run_t *r, uint64_t for_us)
{
    uint64_t  end;

    for (end = r->now_us + for_us; r->now_us < end; /* void */) {
        pass(r);

        if (r->now_us >= selkies_quality_deadline_us(&r->q)) {
            picture(r, 0);
        }
    }
}


static int
order(const void *a, const void *b)
{
    double  x = *(const double *) a, y = *(const double *) b;

    return x < y ? -1 : x > y;
}


static double
age(run_t *r, int percent)
{
    if (r->nages == 0) {
        return 1e9;
    }

    qsort(r->ages, r->nages, sizeof(double), order);

    return r->ages[(r->nages - 1) * (unsigned) percent / 100];
}


static double
fps(const run_t *r)
{
    return r->npictures / ((double) (r->now_us - r->since_us) / 1e6);
}


/* Of what the link carries, in per cent. */

static double
used(const run_t *r)
{
    return (r->served - (double) r->since_bytes)
           / ((double) (r->now_us - r->since_us) * r->phase->mbits / 8) * 100;
}


static void
test_ample(void)
{
    run_t  r;

    static const phase_t  phases[] = { { 0, 100, 20 * MS, 0 },
                                       { 0, 0, 0, 0 } };

    /* 17 Mbit/s at QP 25 */

    start(&r, phases, 35, TOTAL);
    r.conf.qp = 25;
    motion(&r, 60, 10 * SECOND);

    ok(r.most_kbits == 0, "a link with room is not limited");
    ok(r.high == 31, "the QP is the one of motion: %d", r.high);
    ok(fps(&r) > 55, "nor is the rate: %.0f a second", fps(&r));
    ok(!r.link.tight, "and there is bandwidth to spare");
}


static void
slow(double mbits, uint64_t rtt_us, double bits, uint64_t tcp)
{
    run_t     r;
    uint64_t  at;
    phase_t   phases[3];

    memset(phases, 0, sizeof(phases));
    phases[0].mbits = mbits;
    phases[0].rtt_us = rtt_us;
    phases[1].from_us = 14 * SECOND;
    phases[1].mbits = 200;
    phases[1].rtt_us = rtt_us;

    start(&r, phases, bits, TOTAL);
    r.tcp = tcp;

    motion(&r, 60, 4 * SECOND);
    forget(&r);
    motion(&r, 60, 10 * SECOND - 10 * MS);

    ok(age(&r, 50) <= 200 + (double) rtt_us / 4000 && age(&r, 95) <= 500,
       "%.1f Mbit/s, %u ms%s: age p50 %.0f, p95 %.0f ms", mbits,
       (unsigned) (rtt_us / MS), tcp ? "" : ", without TCP", age(&r, 50),
       age(&r, 95));
    ok(used(&r) > 60, "  it is used: %.0f %%", used(&r));
    ok((double) r.least_kbits > mbits * 400
       && (double) r.most_kbits < mbits * 2500,
       "  the limit is about that: %u to %u kbit/s", (unsigned) r.least_kbits,
       (unsigned) r.most_kbits);
    ok(r.high <= 41 && fps(&r) > 5,
       "  QP %d to %d, %.0f pictures a second", r.low, r.high, fps(&r));

    /* the link is fast again */

    motion(&r, 60, 10 * MS);
    at = r.now_us;
    motion(&r, 60, 2 * SECOND);
    forget(&r);
    motion(&r, 60, 1 * SECOND);

    ok(r.high <= 31 && fps(&r) > 55,
       "  2 s after it is fast: QP %d, %.0f pictures a second", r.high,
       fps(&r));

    motion(&r, 60, 11 * SECOND);
    ok(r.link.rate == 0 && r.now_us - at < 20 * SECOND, "  later no limit");
}


static void
test_drop(void)
{
    run_t  r;

    static const phase_t  phases[] = {
        { 0, 40, 30 * MS, 0 }, { 5 * SECOND, 4, 30 * MS, 0 },
        { 10 * SECOND, 1, 30 * MS, 0 }, { 15 * SECOND, 8, 30 * MS, 0 },
        { 0, 0, 0, 0 }
    };

    start(&r, phases, 35, TOTAL);
    motion(&r, 60, 4900 * MS);
    ok(r.most_kbits == 0, "40 Mbit/s are enough");

    motion(&r, 60, 100 * MS);
    forget(&r);
    motion(&r, 60, 5 * SECOND);
    ok(age(&r, 95) < 400, "40 to 4 Mbit/s: age p95 %.0f ms", age(&r, 95));

    forget(&r);
    motion(&r, 60, 5 * SECOND);
    ok(age(&r, 50) < 250 && age(&r, 95) < 600,
       "4 to 1 Mbit/s: age p50 %.0f, p95 %.0f ms", age(&r, 50), age(&r, 95));

    motion(&r, 60, 3 * SECOND);
    forget(&r);
    motion(&r, 60, 2 * SECOND);
    ok(used(&r) > 60, "1 to 8 Mbit/s: %.0f %% used", used(&r));
}


/* A browser that collects garbage is no slow link. */

static void
test_stall(void)
{
    run_t  r;

    static const phase_t  phases[] = {
        { 0, 100, 20 * MS, 0 }, { 4 * SECOND, 100, 20 * MS, 300 * MS },
        { 8 * SECOND, 100, 20 * MS, 300 * MS }, { 0, 0, 0, 0 }
    };

    /* typing, 10 kB/s */

    start(&r, phases, 200, 40);
    motion(&r, 10, 12 * SECOND);
    ok(r.most_kbits == 0, "two pauses of 300 ms: no limit for little");

    start(&r, phases, 35, TOTAL);
    motion(&r, 60, 4 * SECOND);
    forget(&r);
    motion(&r, 60, 8 * SECOND);
    ok(r.high <= 38, "in motion the QP is at most 7 more: %d", r.high);

    forget(&r);
    motion(&r, 60, 1 * SECOND);
    ok(r.high <= 31 && fps(&r) > 55, "and soon not at all: %d", r.high);
}


static void
test_tight(void)
{
    run_t  r;

    static const phase_t  phases[] = { { 0, 0.6, 40 * MS, 0 },
                                       { 0, 0, 0, 0 } };

    start(&r, phases, 35, TOTAL);
    motion(&r, 60, 5 * SECOND);
    ok(r.link.tight, "600 kbit/s are nothing to waste");
    ok(r.link.rate >= SELKIES_LINK_RATE_MIN, "there is a least rate");

    /* what it made coarse is refined when the screen rests */

    rest(&r, 4 * SECOND);
    ok(r.q.worst_qp <= 18, "a still screen becomes sharp: QP %d",
       r.q.worst_qp);

    start(&r, phases, 35, TOTAL);
    r.conf.paintover = 0;
    motion(&r, 60, 5 * SECOND);
    ok(r.q.worst_qp > 31, "it is coarse: QP %d", r.q.worst_qp);
    rest(&r, 4 * SECOND);
    ok(r.q.worst_qp <= 25, "and becomes what was asked for without "
       "paint-over: QP %d", r.q.worst_qp);
}


/* Nor is one that stands still for long. */

static void
test_stand(void)
{
    run_t  r;

    static const phase_t  phases[] = {
        { 0, 100, 20 * MS, 0 }, { 4 * SECOND, 100, 20 * MS, 1500 * MS },
        { 0, 0, 0, 0 }
    };

    static const phase_t  slow[] = {
        { 0, 4, 20 * MS, 0 }, { 8 * SECOND, 4, 20 * MS, 1500 * MS },
        { 0, 0, 0, 0 }
    };

    start(&r, phases, 35, TOTAL);
    motion(&r, 60, 7 * SECOND);
    forget(&r);
    motion(&r, 60, SECOND / 2);
    ok(r.high <= 31 && fps(&r) > 55, "1.5 s after 1.5 s of silence: QP %d",
       r.high);

    start(&r, slow, 35, TOTAL);
    motion(&r, 60, 8 * SECOND);
    forget(&r);
    motion(&r, 60, 1600 * MS);
    ok(r.least_kbits > 500, "a slow one: not below %u kbit/s",
       (unsigned) r.least_kbits);
    motion(&r, 60, 1400 * MS);
    forget(&r);
    motion(&r, 60, SECOND);
    ok(used(&r) > 60, "1.5 s later: %.0f %% used", used(&r));
}


/* The operator's or client's own limit stays one. */

static void
test_limit(void)
{
    run_t  r;

    static const phase_t  phases[] = {
        { 0, 2, 30 * MS, 0 }, { 8 * SECOND, 100, 30 * MS, 0 },
        { 0, 0, 0, 0 }
    };

    start(&r, phases, 35, TOTAL);
    r.conf.rate_kbits = 6000;
    motion(&r, 60, 3 * SECOND);
    forget(&r);
    motion(&r, 60, 5 * SECOND - 10 * MS);
    ok(age(&r, 50) <= 200 && used(&r) > 60,
       "6 Mbit/s wanted, 2 there: age %.0f ms, %.0f %% used", age(&r, 50),
       used(&r));

    motion(&r, 60, 4 * SECOND);
    forget(&r);
    motion(&r, 60, 4 * SECOND);
    ok((r.served - (double) r.since_bytes) / 500 < 6600
       && (r.served - (double) r.since_bytes) / 500 > 5000,
       "and 6 when they are: %.0f kbit/s",
       (r.served - (double) r.since_bytes) / 500);
}


int
main(void)
{
    test_ample();

    slow(4, 20 * MS, 35, 1);
    slow(4, 20 * MS, 35, 0);
    slow(4, 20 * MS, 120, 1);
    slow(8, 1 * MS, 70, 1);
    slow(2, 200 * MS, 35, 1);
    slow(4, 80 * MS, 70, 0);
    slow(1, 50 * MS, 35, 1);
    slow(0.4, 50 * MS, 10, 1);

    test_drop();
    test_stall();
    test_stand();
    test_tight();
    test_limit();

    return done_testing();
}
