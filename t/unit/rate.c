
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * The limit on the bit rate: against encoders that are made up and behave
 * worse than real ones, and against libx264.
 *
 * Thread: the main thread; the clock is the test's own.
 */


#include <math.h>
#include <string.h>

#include "tap.h"
#include "../../encoders/quality.h"

#ifdef SELKIES_HAVE_X264
#include "encoder_desk.h"
#endif


#define TOTAL    8160
#define SECOND   ((uint64_t) 1000000)


/* Bits per macroblock at QP 25, and how much QP halves them. */

typedef struct {
    double      bits;
    double      half;
    double      noise;
} model_t;


typedef struct {
    selkies_quality_t        q;
    selkies_quality_conf_t   conf;
    uint64_t                 now_us;

    /* of the pictures since forget() */

    uint64_t                 since_us;
    size_t                   bytes;
    size_t                   largest;
    int                      pictures;
    int                      low;
    int                      high;
    int                      turns;         /* of direction by more than 1 */

    int                      qp;            /* of the last */
    int                      extreme;
    int                      direction;
    uint32_t                 seed;
} run_t;


static void
forget(run_t *r)
{
    r->since_us = r->now_us;
    r->bytes = r->largest = 0;
    r->pictures = r->turns = 0;
    r->low = 99;
    r->high = 0;
}


static void
start(run_t *r, uint32_t rate_kbits, int fps)
{
    memset(r, 0, sizeof(run_t));

    r->conf.qp = 25;
    r->conf.paintover_qp = 18;
    r->conf.paintover = 1;
    r->conf.rate_kbits = rate_kbits;
    r->conf.period_us = SECOND / (uint64_t) fps;

    r->now_us = 7 * SECOND;
    r->seed = 4711;
    selkies_quality_init(&r->q, &r->conf);
    forget(r);
}


static void
note(run_t *r, int qp, size_t bytes)
{
    r->bytes += bytes;
    r->largest = bytes > r->largest ? bytes : r->largest;
    r->pictures++;
    r->low = qp < r->low ? qp : r->low;
    r->high = qp > r->high ? qp : r->high;

    /* a turn is a change of more than one step against the last direction */

    if ((qp - r->extreme) * r->direction < -1) {
        r->turns++;
        r->direction = -r->direction;
        r->extreme = qp;

    } else if ((qp - r->extreme) * r->direction > 0 || r->direction == 0) {
        r->direction = qp > r->extreme ? 1 : -1;
        r->extreme = qp;
    }

    r->qp = qp;
}


static double
jitter(run_t *r, double noise)
{
    r->seed = r->seed * 1664525 + 1013904223;

    return 1 + noise * ((double) (r->seed >> 8) / (1 << 23) - 1);
}


static size_t
cost(run_t *r, const model_t *m, size_t macroblocks, int qp)
{
    return 20 + (size_t) (m->bits * (double) macroblocks
                          * pow(2, (25 - qp) / m->half)
                          * jitter(r, m->noise) / 8);
}


static void
picture(run_t *r, const model_t *m, size_t changed, int key)
{
    int                         qp;
    size_t                      bytes;
    selkies_quality_decision_t  d;

    d = selkies_quality_decide(&r->q, r->now_us, changed, TOTAL);
    qp = key ? d.key_qp : d.qp;
    bytes = cost(r, m, key ? TOTAL : changed, qp);

    selkies_quality_coded(&r->q, r->now_us,
                          key ? SELKIES_PICTURE_IDR : SELKIES_PICTURE_P, qp,
                          d.paintover, bytes);
    note(r, qp, bytes);
}


static void
motion(run_t *r, const model_t *m, size_t changed, uint64_t gap_us,
    uint64_t for_us)
{
    uint64_t  end;

    for (end = r->now_us + for_us; r->now_us < end; r->now_us += gap_us) {
        picture(r, m, changed, 0);
    }
}


/* Of the budget, in per cent, since forget(). */

static double
used(const run_t *r)
{
    return (double) r->bytes * 8000 / (double) (r->now_us - r->since_us)
           / r->conf.rate_kbits * 100;
}


static void
test_converges(void)
{
    int     i, k, n, m, good, calm, worst;
    run_t   r;
    double  share, low, high;

    static const model_t   models[] = {
        { 150, 6, 0.1 },        /* as the arithmetic has it */
        { 400, 6, 0.3 },        /* noise */
        { 60, 4.5, 0.2 },       /* falls faster with QP */
        { 250, 8, 0.2 }         /* slower */
    };

    static const uint32_t  rates[] = { 1000, 4000, 20000 };
    static const int       rhythms[] = { 60, 30, 15 };

    good = calm = n = worst = 0;
    low = 100;
    high = 0;

    for (m = 0; m < 4; m++) {
        for (i = 0; i < 3; i++) {
            for (k = 0; k < 3; k++) {
                start(&r, rates[i], 60);
                picture(&r, &models[m], TOTAL, 1);
                r.now_us += 16667;
                motion(&r, &models[m], TOTAL / 2, SECOND / (uint64_t)
                       rhythms[k], 2 * SECOND);
                forget(&r);
                motion(&r, &models[m], TOTAL / 2, SECOND / (uint64_t)
                       rhythms[k], 6 * SECOND);

                share = used(&r);

                /* where even the best or worst QP cannot fill it */

                if ((share < 90 && r.high == 18)
                    || (share > 110 && r.low == 51))
                {
                    continue;
                }

                n++;
                good += share > 90 && share < 110;
                calm += r.high - r.low <= 4;
                worst = r.high - r.low > worst ? r.high - r.low : worst;
                low = share < low ? share : low;
                high = share > high ? share : high;
            }
        }
    }

    ok(n > 20 && good == n, "%d of %d motions within 10 %% of the rate: "
       "%.0f to %.0f %%", good, n, low, high);
    ok(calm == n, "%d with a QP that stays within 4: at most %d", calm,
       worst);
}


static void
test_steady(void)
{
    run_t          r;
    double         share;
    const model_t  m = { 30, 6, 0.1 };

    start(&r, 4000, 30);
    picture(&r, &m, TOTAL, 1);
    r.now_us += 33333;
    motion(&r, &m, TOTAL, 33333, 3 * SECOND);
    forget(&r);
    motion(&r, &m, TOTAL, 33333, 10 * SECOND);
    ok(r.turns <= 3, "no oscillation: %d turns in 10 s, QP %d to %d", r.turns,
       r.low, r.high);

    /* a key of everybody's */

    share = r.qp;
    picture(&r, &m, TOTAL, 1);
    r.now_us += 33333;
    motion(&r, &m, TOTAL, 33333, SECOND);
    ok(abs(r.qp - (int) share) <= 2, "a second after a key the QP is what it "
       "was: %d, %d", (int) share, r.qp);
    forget(&r);
    motion(&r, &m, TOTAL, 33333, SECOND);
    ok(used(&r) > 90 && used(&r) < 110, "and the rate too: %.0f %%", used(&r));

    /* a scene four times as hard */

    forget(&r);
    motion(&r, &(model_t) { 120, 6, 0.1 }, TOTAL, 33333, 33333);
    share = r.qp;
    motion(&r, &(model_t) { 120, 6, 0.1 }, TOTAL, 33333, 33333);
    ok(r.qp >= share + 6, "a picture of four times its budget raises the next "
       "QP: %d, %d", (int) share, r.qp);
    motion(&r, &(model_t) { 120, 6, 0.1 }, TOTAL, 33333, SECOND);
    ok(used(&r) < 125, "and a second knows of it: %.0f %%", used(&r));

    /* and back */

    share = r.qp;
    motion(&r, &m, TOTAL, 33333, 33333);
    ok(r.qp >= share - 1, "a QP falls by one a picture: %d, %d", (int) share,
       r.qp);
    motion(&r, &m, TOTAL, 33333, SECOND);
    forget(&r);
    motion(&r, &m, TOTAL, 33333, 2 * SECOND);
    ok(used(&r) > 90 && used(&r) < 110, "after a second the rate is back: "
       "%.0f %%", used(&r));
}


static void
test_live(void)
{
    int            qp;
    run_t          r;
    const model_t  m = { 30, 6, 0.1 };

    start(&r, 8000, 30);
    motion(&r, &m, TOTAL, 33333, 3 * SECOND);
    qp = r.qp;

    r.conf.rate_kbits = 2000;
    selkies_quality_configure(&r.q, &r.conf);
    motion(&r, &m, TOTAL, 33333, SECOND);
    forget(&r);
    motion(&r, &m, TOTAL, 33333, 3 * SECOND);
    ok(used(&r) > 90 && used(&r) < 110 && r.qp > qp + 8, "a quarter of the "
       "rate while running: %.0f %%, QP %d, then %d", used(&r), qp, r.qp);

    r.conf.rate_kbits = 0;
    selkies_quality_configure(&r.q, &r.conf);
    motion(&r, &m, TOTAL / 10, 33333, SECOND);
    ok(r.qp == 25, "without a limit the main QP counts");

    r.conf.rate_kbits = 8000;
    r.conf.min_qp = 30;
    r.conf.max_qp = 40;
    selkies_quality_configure(&r.q, &r.conf);
    motion(&r, &m, 50, 33333, SECOND);
    ok(r.qp == 30, "min_qp: %d", r.qp);
    motion(&r, &(model_t) { 500, 6, 0 }, TOTAL, 33333, SECOND);
    ok(r.qp == 40, "max_qp: %d", r.qp);

    r.conf.min_qp = 45;
    selkies_quality_configure(&r.q, &r.conf);
    ok(r.q.conf.min_qp == 40, "min_qp is at most max_qp");
}


/* A key too large for the line, then silence: it is refined in steps. */

static void
test_refine(void)
{
    int                         steps, last, falls, within;
    run_t                       r;
    size_t                      bytes;
    uint64_t                    deadline;
    const model_t               m = { 330, 6, 0.1 };
    selkies_quality_decision_t  d;

    start(&r, 1000, 60);
    picture(&r, &m, TOTAL, 1);
    ok(r.bytes < 60000 && r.qp > 30, "a first key of %zu bytes, QP %d",
       r.bytes, r.qp);

    last = r.qp;
    falls = within = 1;

    for (steps = 0; steps < 50; steps++) {
        deadline = selkies_quality_deadline_us(&r.q);

        if (deadline == SELKIES_QUALITY_NEVER) {
            break;
        }

        r.now_us = deadline;
        d = selkies_quality_decide(&r.q, r.now_us, 0, TOTAL);

        if (!d.encode || !d.paintover) {
            break;
        }

        within &= r.bytes * 8 <= r.now_us - r.since_us;     /* 1000 kbit/s */
        bytes = cost(&r, &(model_t) { 70, 6, 0.2 }, TOTAL, d.qp);
        selkies_quality_coded(&r.q, r.now_us, SELKIES_PICTURE_P, d.qp, 1,
                              bytes);
        note(&r, d.qp, bytes);

        falls &= d.qp < last;
        last = d.qp;
    }

    ok(steps > 1 && falls && last == 18 && deadline == SELKIES_QUALITY_NEVER,
       "it is refined to QP 18 in %d steps", steps);
    ok(within, "none of them before the last one is paid for");

    start(&r, 50000, 60);
    picture(&r, &m, TOTAL, 1);
    ok(r.qp == 18, "where there is room the key is as good");

    /* an encoder that does not go down */

    start(&r, 1000, 60);
    picture(&r, &m, TOTAL, 1);
    r.now_us = selkies_quality_deadline_us(&r.q);
    d = selkies_quality_decide(&r.q, r.now_us, 0, TOTAL);
    selkies_quality_coded(&r.q, r.now_us, SELKIES_PICTURE_P, d.qp + 1, 1, 9);
    ok(selkies_quality_deadline_us(&r.q) == SELKIES_QUALITY_NEVER,
       "an encoder that cannot is not asked for ever");
}


/* A key at a bad QP, then typing. */

static void
test_small(void)
{
    int            last, i, low, high, jumps;
    run_t          r;
    const model_t  m = { 330, 6, 0.1 };

    start(&r, 1000, 60);
    picture(&r, &m, TOTAL, 1);
    last = r.qp;
    jumps = 0;

    for (i = 0; i < 100; i++) {
        r.now_us += 100000;
        picture(&r, &m, 4, 0);
        jumps += r.qp < last - 1 || r.qp > last;
        last = r.qp;
    }

    ok(jumps == 0 && last == 18, "while typing it falls by one a picture, to "
       "QP %d", last);

    /* slides, one in two seconds */

    forget(&r);
    low = 99;
    high = 0;

    for (i = 0; i < 10; i++) {
        r.now_us += 2 * SECOND;
        picture(&r, &m, TOTAL, 0);
        low = r.qp < low ? r.qp : low;
        high = r.qp > high ? r.qp : high;
    }

    ok(r.largest < 30000 && high < 51 && high - low <= 4, "slides of at most "
       "%zu bytes, QP %d to %d", r.largest, low, high);
}


static void
test_ticks(void)
{
    int                         i, n, keys;
    run_t                       r;
    uint64_t                    deadline;
    selkies_quality_decision_t  d;

    start(&r, 0, 30);
    r.conf.streaming = 1;
    selkies_quality_configure(&r.q, &r.conf);
    picture(&r, &(model_t) { 100, 6, 0 }, TOTAL, 1);

    for (i = n = 0; i < 300; i++) {
        deadline = selkies_quality_deadline_us(&r.q);
        r.now_us += 33333;
        d = selkies_quality_decide(&r.q, r.now_us, 0, TOTAL);
        selkies_quality_coded(&r.q, r.now_us, SELKIES_PICTURE_P, d.qp,
                              d.paintover, 11);
        n += d.encode && deadline <= r.now_us
             && deadline + r.conf.period_us > r.now_us;
        r.largest += d.paintover;
    }

    ok(n == 300, "streaming: a picture each tick of a still screen: %d", n);
    d = selkies_quality_decide(&r.q, r.now_us + 20000, 0, TOTAL);
    ok(!d.encode, "and none between two");

    r.conf.streaming = 0;
    selkies_quality_configure(&r.q, &r.conf);
    ok(selkies_quality_deadline_us(&r.q) == SELKIES_QUALITY_NEVER,
       "off while running");

    start(&r, 0, 30);
    r.conf.key_us = 2 * SECOND;
    selkies_quality_configure(&r.q, &r.conf);
    keys = 0;

    for (i = 0; i < 301; i++) {
        d = selkies_quality_decide(&r.q, r.now_us, 10, TOTAL);
        selkies_quality_coded(&r.q, r.now_us,
                              d.key ? SELKIES_PICTURE_IDR : SELKIES_PICTURE_P,
                              25, 0, 100);
        keys += d.key;
        r.now_us += 33333;
    }

    ok(keys == 5, "a key every 2 s in 10 s: %d", keys);

    r.conf.paintover = 0;
    selkies_quality_configure(&r.q, &r.conf);
    r.now_us += 100 * SECOND;
    d = selkies_quality_decide(&r.q, r.now_us, 0, TOTAL);
    ok(!d.key && !d.encode, "but none of what stands still");
}


#ifdef SELKIES_HAVE_X264

/* Noise over half of a desk, by libx264. */

static void
test_x264(uint32_t rate_kbits, int fps, int32_t part)
{
    int                         i, key;
    run_t                       r;
    desk_t                      d;
    size_t                      total;
    int32_t                     x, y, w, h;
    selkies_encoder_t          *enc;
    selkies_access_unit_t       au;
    selkies_encoder_conf_t      conf;
    selkies_quality_decision_t  decision;

    w = 640;
    h = 384;
    start(&r, rate_kbits, fps);
    conf = conf_of(w, h);
    conf.fps = fps;
    conf.qp_max = 51;
    enc = open_x264(&conf);
    desk_init(&d, w, h);
    desk_draw(&d);
    total = (size_t) d.pic.mb_width * (size_t) d.pic.mb_height;

    for (i = 0; i < fps * 5; i++) {

        for (y = 0; y < h / part; y++) {
            for (x = 0; x < w; x += 2) {
                desk_fill(&d, x, y, 2, 1, random_number(1 << 24) & 0x3f3f3f);
            }
        }

        desk_convert(&d);

        if (i == fps * 2) {
            forget(&r);
        }

        key = i == 0 || i == fps * 3;
        decision = selkies_quality_decide(&r.q, r.now_us, d.pic.ndirty, total);

        if (selkies_encoder_encode(enc, &d.pic, key ? decision.key_qp
                                                    : decision.qp,
                                   key, r.now_us, &au) != SELKIES_OK)
        {
            break;
        }

        selkies_picture_clear_dirty(&d.pic);
        selkies_quality_coded(&r.q, r.now_us, au.kind, au.qp, 0, au.len);
        note(&r, au.qp, au.len);
        r.now_us += SECOND / (uint64_t) fps;
    }

    ok(i == fps * 5 && used(&r) > 90 && used(&r) < 110,
       "x264, noise over 1/%d, %u kbit/s at %d Hz with a key: %.0f %%, QP %d "
       "to %d", (int) part, rate_kbits, fps, used(&r), r.low, r.high);

    selkies_encoder_close(enc);
    desk_finish(&d);
}

#endif


int
main(void)
{
    test_converges();
    test_steady();
    test_live();
    test_refine();
    test_small();
    test_ticks();

#ifdef SELKIES_HAVE_X264
    test_x264(4000, 30, 2);
    test_x264(2000, 30, 2);
    test_x264(8000, 60, 1);
#endif

    return done_testing();
}
