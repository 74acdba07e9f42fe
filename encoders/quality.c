
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * QP of the next picture.  Times are those of the caller's clock and never
 * counts of pictures: on a starved box "so many still ticks" pass in
 * microseconds.
 *
 * Thread: the struct's owner.  Ownership: the caller's struct.
 */


#include <string.h>

#include "quality.h"


typedef struct {
    int    percent;     /* of the macroblocks changed, at least */
    int    raise;       /* what may be added to the main QP */
} selkies_quality_raise_t;


static int selkies_quality_clamp(int qp);
static void selkies_quality_limited(selkies_quality_t *q, uint64_t now_us,
    selkies_quality_decision_t *d);
static int selkies_quality_refined(const selkies_quality_t *q);
static uint64_t selkies_quality_paintover_us(const selkies_quality_t *q);
static void selkies_quality_busy(selkies_quality_t *q, uint64_t now_us,
    size_t changed, size_t total);
static int selkies_quality_raise(const selkies_quality_t *q, uint64_t now_us);


static const selkies_quality_raise_t  selkies_quality_raises[] = {
    { 70, SELKIES_ENCODER_QP_RAISE },
    { 40, 4 },
    { 20, 2 },
    { 0, 0 }
};


void
selkies_quality_init(selkies_quality_t *q, const selkies_quality_conf_t *conf)
{
    memset(q, 0, sizeof(selkies_quality_t));

    selkies_budget_init(&q->budget);
    selkies_quality_configure(q, conf);
}


void
selkies_quality_configure(selkies_quality_t *q,
    const selkies_quality_conf_t *conf)
{
    q->conf = *conf;
    q->conf.qp = selkies_quality_clamp(conf->qp);
    q->conf.paintover_qp = selkies_quality_clamp(conf->paintover_qp);

    q->linked = conf->rate_kbits == 0 && conf->link_kbits != 0;

    if (conf->link_kbits != 0
        && (q->linked || conf->link_kbits < conf->rate_kbits))
    {
        q->conf.rate_kbits = conf->link_kbits;
    }

    /* by itself it makes nothing better than a still picture would be */

    if (conf->min_qp <= 0) {
        q->conf.min_qp = q->conf.paintover_qp < q->conf.qp
                         ? q->conf.paintover_qp : q->conf.qp;
    }

    if (conf->max_qp <= 0 || conf->max_qp > SELKIES_ENCODER_QP_LIMIT) {
        q->conf.max_qp = SELKIES_ENCODER_QP_LIMIT;
    }

    if (q->conf.min_qp > q->conf.max_qp) {
        q->conf.min_qp = q->conf.max_qp;
    }

    selkies_budget_limit(&q->budget, q->conf.rate_kbits, conf->period_us);
}


static int
selkies_quality_clamp(int qp)
{
    if (qp < SELKIES_ENCODER_QP_MIN) {
        return SELKIES_ENCODER_QP_MIN;
    }

    return qp > SELKIES_ENCODER_QP_MAX ? SELKIES_ENCODER_QP_MAX : qp;
}


selkies_quality_decision_t
selkies_quality_decide(selkies_quality_t *q, uint64_t now_us, size_t changed,
    size_t total)
{
    selkies_quality_decision_t  d;

    memset(&d, 0, sizeof(selkies_quality_decision_t));

    q->changed = changed;
    q->total = total;

    d.qp = q->conf.qp;

    if (changed > 0) {
        selkies_quality_busy(q, now_us, changed, total);

        d.encode = 1;
        d.qp += selkies_quality_raise(q, now_us);

        if (d.qp > SELKIES_ENCODER_QP_LIMIT) {
            d.qp = SELKIES_ENCODER_QP_LIMIT;
        }

        q->quiet_us = now_us;

    } else if (now_us >= selkies_quality_paintover_us(q)) {
        d.encode = 1;
        d.paintover = 1;
        d.qp = selkies_quality_refined(q);

    } else if (q->conf.streaming
               && now_us >= q->picture_us + q->conf.period_us)
    {
        d.encode = 1;
    }

    d.key_qp = d.qp;

    if (q->conf.rate_kbits != 0) {
        selkies_quality_limited(q, now_us, &d);
    }

    d.key = d.encode && q->conf.key_us != 0
            && now_us >= q->key_us + q->conf.key_us;

    q->wanted_qp = d.qp;

    return d;
}


/*
 * The budget's QPs in place of those, or, where the link is all that limits,
 * from those upwards.  A refinement that it cannot pay for at once comes in
 * steps.
 */

static void
selkies_quality_limited(selkies_quality_t *q, uint64_t now_us,
    selkies_quality_decision_t *d)
{
    int  low, high, worst, refined;

    low = q->conf.min_qp;
    high = q->conf.max_qp;

    if (q->linked) {
        low = d->paintover ? q->conf.qp : d->qp;

        if (high > q->conf.qp + SELKIES_QUALITY_LINK_RAISE) {
            high = q->conf.qp + SELKIES_QUALITY_LINK_RAISE;
        }

        if (high < low) {
            high = low;
        }
    }

    d->key_qp = selkies_budget_qp(&q->budget, now_us, SELKIES_BUDGET_KEY,
                                  q->total, q->total, low, high);

    if (!d->paintover) {
        d->qp = selkies_budget_qp(&q->budget, now_us, SELKIES_BUDGET_MOTION,
                                  q->changed, q->total, low, high);
        return;
    }

    refined = selkies_quality_refined(q);
    worst = q->worst_qp - SELKIES_QUALITY_REFINE_STEP;

    if (worst < refined) {
        worst = refined;
    }

    d->qp = selkies_budget_qp(&q->budget, now_us, SELKIES_BUDGET_REFINE,
                              q->total, q->total, refined, worst);
}


/*
 * The highest raise of the last moments is held, so that a caret blinking
 * beside a video does not make the QP jump with every other picture.
 */

static void
selkies_quality_busy(selkies_quality_t *q, uint64_t now_us, size_t changed,
    size_t total)
{
    uint64_t                        gap_us;
    const selkies_quality_raise_t  *row;

    gap_us = now_us - q->last_us;
    q->last_us = now_us;

    if (gap_us > SELKIES_QUALITY_HOLD_US) {
        q->held = 0;
    }

    for (row = selkies_quality_raises; row->percent > 0; row++) {
        if (changed * 100 >= total * (size_t) row->percent) {
            break;
        }
    }

    if (q->held == 0) {
        q->busy_us = now_us;
    }

    if (row->raise >= q->held
        || now_us - q->held_us > SELKIES_QUALITY_HOLD_US)
    {
        q->held = row->raise;
        q->held_us = now_us;
    }
}


static int
selkies_quality_raise(const selkies_quality_t *q, uint64_t now_us)
{
    uint64_t  busy_us, steps;

    busy_us = now_us - q->busy_us;

    if (q->held == 0 || busy_us <= SELKIES_QUALITY_BUSY_US) {
        return 0;
    }

    steps = 1 + (busy_us - SELKIES_QUALITY_BUSY_US) / SELKIES_QUALITY_STEP_US;

    return steps * 2 < (uint64_t) q->held ? (int) steps * 2 : q->held;
}


void
selkies_quality_coded(selkies_quality_t *q, uint64_t now_us,
    selkies_picture_kind_t kind, int qp, int paintover, size_t bytes)
{
    int                   refined;
    selkies_budget_use_t  use;

    refined = selkies_quality_refined(q);

    use = kind != SELKIES_PICTURE_P ? SELKIES_BUDGET_KEY
          : paintover ? SELKIES_BUDGET_REFINE : SELKIES_BUDGET_MOTION;

    selkies_budget_coded(&q->budget, now_us, use, q->changed, q->total, qp,
                         bytes);

    q->picture_us = now_us;

    if (kind == SELKIES_PICTURE_IDR) {
        q->key_us = now_us;
    }

    if (paintover && kind == SELKIES_PICTURE_P) {
        q->worst_qp = qp;
        q->quiet_us = now_us;

        /* an encoder that could not go that low would be asked for ever */

        if (qp > q->wanted_qp) {
            q->worst_qp = refined;
        }

        q->strained &= q->worst_qp > q->conf.qp;

        return;
    }

    if (kind == SELKIES_PICTURE_P && q->changed == 0) {

        /* a repetition */

        return;
    }

    if (kind != SELKIES_PICTURE_P || qp > q->worst_qp) {
        q->worst_qp = qp;
    }

    q->strained = q->worst_qp > q->conf.qp + SELKIES_ENCODER_QP_RAISE
                  && (q->linked || q->strained);
    q->quiet_us = now_us;
}


uint64_t
selkies_quality_deadline_us(const selkies_quality_t *q)
{
    uint64_t  deadline;

    deadline = selkies_quality_paintover_us(q);

    if (q->conf.streaming && q->picture_us + q->conf.period_us < deadline) {
        deadline = q->picture_us + q->conf.period_us;
    }

    return deadline;
}


uint64_t
selkies_quality_due_us(const selkies_quality_t *q)
{
    if (q->conf.link_kbits == 0) {
        return 0;
    }

    return selkies_budget_due_us(&q->budget, SELKIES_QUALITY_LINK_US);
}


/* What a still screen is refined to; of its own QP where it is not. */

static int
selkies_quality_refined(const selkies_quality_t *q)
{
    if (q->conf.paintover
        && (q->conf.paintover_qp < q->conf.qp
            || (q->conf.rate_kbits != 0 && !q->linked)))
    {
        return q->conf.paintover_qp;
    }

    /* what a link took away comes back without that wish */

    return q->strained ? q->conf.qp : q->worst_qp;
}


static uint64_t
selkies_quality_paintover_us(const selkies_quality_t *q)
{
    uint64_t  quiet_us, settled_us;

    if (q->worst_qp <= selkies_quality_refined(q)) {
        return SELKIES_QUALITY_NEVER;
    }

    quiet_us = q->quiet_us + SELKIES_QUALITY_PAINTOVER_US;
    settled_us = selkies_budget_settled_us(&q->budget);

    return settled_us > quiet_us ? settled_us : quiet_us;
}
