
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * QP decisions on a clock of the test's own.
 *
 * Thread: the main thread.
 */


#include <string.h>

#include "tap.h"
#include "../../encoders/quality.h"


#define TOTAL  8160
#define MS     ((uint64_t) 1000)


static uint64_t  now_us;


static void
start(selkies_quality_t *q, int qp, int paintover_qp, int paintover)
{
    selkies_quality_conf_t  conf;

    memset(&conf, 0, sizeof(conf));

    conf.qp = qp;
    conf.paintover_qp = paintover_qp;
    conf.paintover = paintover ? 1 : 0;

    now_us = 5000000;
    selkies_quality_init(q, &conf);
}


/* One picture with so many macroblocks changed; its QP. */

static int
picture(selkies_quality_t *q, size_t changed)
{
    selkies_quality_decision_t  d;

    d = selkies_quality_decide(q, now_us, changed, TOTAL);

    if (!d.encode || d.paintover) {
        return -1;
    }

    selkies_quality_coded(q, now_us, SELKIES_PICTURE_P, d.qp, 0, 1000);

    return d.qp;
}


/* Pictures at 50 Hz for some time; the QP of the last. */

static int
pictures(selkies_quality_t *q, size_t changed, uint64_t for_us)
{
    int       qp;
    uint64_t  end;

    qp = -1;
    end = now_us + for_us;

    while (now_us < end) {
        now_us += 20 * MS;
        qp = picture(q, changed);
    }

    return qp;
}


static void
test_raise(void)
{
    int                i, qp, last, smooth;
    selkies_quality_t  q;

    start(&q, 25, 18, 1);

    ok(picture(&q, TOTAL) == 25, "one large change gets the main QP");
    ok(pictures(&q, TOTAL, 300 * MS) == 25, "so does all within 0.3 s");

    for (last = 25, smooth = 1, i = 0; i < 60; i++) {
        qp = pictures(&q, TOTAL, 20 * MS);
        smooth &= qp >= last && qp - last <= 2;
        last = qp;
    }

    ok(smooth && last == 31, "then the QP rises in steps of 2 up to 6: %d",
       last);

    ok(pictures(&q, 1, 260 * MS) == 31, "a caret does not end that at once");
    ok(pictures(&q, 1, 100 * MS) == 25, "calm does");

    start(&q, 25, 18, 1);
    ok(pictures(&q, TOTAL / 4, 2000 * MS) == 27, "a quarter raises by 2");
    ok(pictures(&q, TOTAL / 2, 2000 * MS) == 29, "a half by 4");
    ok(pictures(&q, TOTAL / 4, 2000 * MS) == 27, "and back");
    ok(pictures(&q, TOTAL / 10, 2000 * MS) == 25, "a tenth by nothing");

    start(&q, 25, 18, 1);

    for (i = 0, smooth = 1; i < 20; i++) {
        now_us += 1000 * MS;
        smooth &= picture(&q, TOTAL) == 25;
    }

    ok(smooth, "slides, one a second, are not motion");

    start(&q, 25, 18, 1);

    for (i = 0, qp = 0, smooth = 1; i < 100; i++) {
        now_us += 10 * MS;
        qp = picture(&q, i & 1 ? 1 : TOTAL);
        smooth &= i < 95 || qp == 31;
    }

    ok(smooth, "motion between small changes keeps its QP: %d", qp);

    start(&q, 50, 18, 1);
    ok(pictures(&q, TOTAL, 3000 * MS) == 51, "51 is the end");
}


static void
test_paintover(void)
{
    selkies_quality_t           q;
    selkies_quality_conf_t      conf;
    selkies_quality_decision_t  d;

    start(&q, 25, 18, 1);

    ok(selkies_quality_deadline_us(&q) == SELKIES_QUALITY_NEVER,
       "nothing to refine at first");
    d = selkies_quality_decide(&q, now_us, 0, TOTAL);
    ok(!d.encode && d.qp == 25, "nor to encode; a key would get the main QP");

    picture(&q, 3);
    ok(selkies_quality_deadline_us(&q) == now_us + 250 * MS,
       "250 ms after a change");

    now_us += 200 * MS;
    picture(&q, 3);
    ok(selkies_quality_deadline_us(&q) == now_us + 250 * MS,
       "counted from the last one");

    d = selkies_quality_decide(&q, now_us + 250 * MS - 1, 0, TOTAL);
    ok(!d.encode, "not too early");

    now_us += 250 * MS;
    d = selkies_quality_decide(&q, now_us, 0, TOTAL);
    ok(d.encode && d.paintover && d.qp == 18, "a picture at paint-over QP");

    d = selkies_quality_decide(&q, now_us + 5, 0, TOTAL);
    ok(d.encode && d.paintover, "asked for again if it was not encoded");

    selkies_quality_coded(&q, now_us, SELKIES_PICTURE_P, 18, 1, 1000);
    ok(selkies_quality_deadline_us(&q) == SELKIES_QUALITY_NEVER
       && !selkies_quality_decide(&q, now_us + 9000 * MS, 0, TOTAL).encode,
       "and never once more");

    now_us += 1000 * MS;
    selkies_quality_decide(&q, now_us, 1, TOTAL);
    selkies_quality_coded(&q, now_us, SELKIES_PICTURE_P, 0, 0, 1000);
    ok(selkies_quality_deadline_us(&q) == SELKIES_QUALITY_NEVER,
       "lossless macroblocks need none");

    selkies_quality_coded(&q, now_us, SELKIES_PICTURE_IDR, 25, 0, 1000);
    ok(selkies_quality_deadline_us(&q) == now_us + 250 * MS,
       "a key of a still screen does");

    selkies_quality_coded(&q, now_us, SELKIES_PICTURE_IDR, 15, 0, 1000);
    ok(selkies_quality_deadline_us(&q) == SELKIES_QUALITY_NEVER,
       "but a good one not");

    memset(&conf, 0, sizeof(conf));
    conf.qp = 25;
    conf.paintover_qp = 12;
    conf.paintover = 1;
    selkies_quality_configure(&q, &conf);
    ok(selkies_quality_decide(&q, now_us + 250 * MS, 0, TOTAL).qp == 12,
       "a better paint-over QP refines anew");

    selkies_quality_coded(&q, now_us, SELKIES_PICTURE_P, 14, 1, 1000);
    ok(selkies_quality_deadline_us(&q) == SELKIES_QUALITY_NEVER,
       "an encoder that cannot do it is asked once");

    start(&q, 25, 18, 0);
    picture(&q, 5);
    ok(selkies_quality_deadline_us(&q) == SELKIES_QUALITY_NEVER, "off is off");

    start(&q, 18, 18, 1);
    picture(&q, 5);
    ok(selkies_quality_deadline_us(&q) == SELKIES_QUALITY_NEVER,
       "no paint-over that is not better");

    start(&q, 1, 99, 1);
    ok(q.conf.qp == 5 && q.conf.paintover_qp == 50, "QPs are clamped");
}


int
main(void)
{
    test_raise();
    test_paintover();

    return done_testing();
}
