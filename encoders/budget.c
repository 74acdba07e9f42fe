
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * The bucket and the model.  Bits are taken to be in inverse proportion to
 * the quantiser's step, which doubles with every 6 of QP (ITU-T H.264, table
 * 8-15 and 8.5.9); where they are not, the next picture corrects it.
 *
 * Thread: the struct's owner.  Ownership: the caller's struct.
 */


#include <string.h>

#include "budget.h"


#define SELKIES_BUDGET_SCALE   256      /* of both sums, so that few count */
#define SELKIES_BUDGET_PRIOR   64       /* macroblocks a guess is worth */


static void selkies_budget_drain(selkies_budget_t *b, uint64_t now_us);
static int64_t selkies_budget_bytes(const selkies_budget_t *b, uint64_t us);
static int selkies_budget_paused(const selkies_budget_t *b, uint64_t now_us);
static int64_t selkies_budget_share(const selkies_budget_t *b,
    uint64_t now_us, selkies_budget_use_t use);
static int selkies_budget_floor(const selkies_budget_t *b, uint64_t now_us,
    size_t changed, size_t total);
static uint64_t selkies_budget_step(int qp);
static void selkies_budget_learn(selkies_budget_t *b,
    selkies_budget_use_t use, size_t macroblocks, int qp, size_t bytes);


/* Bits a macroblock costs at QP 25 until more is known. */

static const uint64_t  selkies_budget_guesses[SELKIES_BUDGET_USES] = {
    [SELKIES_BUDGET_MOTION] = 150,
    [SELKIES_BUDGET_KEY] = 330,
    [SELKIES_BUDGET_REFINE] = 80
};


void
selkies_budget_init(selkies_budget_t *b)
{
    int  use;

    memset(b, 0, sizeof(selkies_budget_t));

    for (use = 0; use < SELKIES_BUDGET_USES; use++) {
        b->models[use].macroblocks = SELKIES_BUDGET_PRIOR
                                     * SELKIES_BUDGET_SCALE;
        b->models[use].bits = selkies_budget_guesses[use]
                              * selkies_budget_step(25)
                              * b->models[use].macroblocks;
    }
}


void
selkies_budget_limit(selkies_budget_t *b, uint32_t rate_kbits,
    uint64_t period_us)
{
    if (rate_kbits > SELKIES_BUDGET_RATE_MAX) {
        rate_kbits = SELKIES_BUDGET_RATE_MAX;
    }

    if (rate_kbits < b->rate_kbits / 2 || rate_kbits / 2 > b->rate_kbits) {
        b->level_bytes = 0;
    }

    b->rate_kbits = rate_kbits;
    b->period_us = period_us;
}


int
selkies_budget_qp(selkies_budget_t *b, uint64_t now_us,
    selkies_budget_use_t use, size_t changed, size_t total, int low, int high)
{
    int                            qp, floor;
    uint64_t                       bits, share;
    const selkies_budget_model_t  *m;

    selkies_budget_drain(b, now_us);

    if (use != SELKIES_BUDGET_MOTION) {
        changed = total;
    }

    if (use != SELKIES_BUDGET_REFINE) {
        floor = selkies_budget_floor(b, now_us, changed, total);

        if (low < floor) {
            low = floor;
        }
    }

    b->share_bytes = selkies_budget_share(b, now_us, use);

    m = &b->models[use];
    bits = m->bits / m->macroblocks * changed;
    share = (uint64_t) b->share_bytes * 8;

    for (qp = low; qp < high; qp++) {

        if (bits / selkies_budget_step(qp) <= share) {
            return qp;
        }
    }

    return high;
}


/* Time takes from the bucket what the rate allows. */

static void
selkies_budget_drain(selkies_budget_t *b, uint64_t now_us)
{
    int64_t   credit;
    uint64_t  us;

    us = now_us > b->drained_us ? now_us - b->drained_us : 0;
    b->drained_us = now_us;

    if (us > 2 * SELKIES_BUDGET_DEBT_US) {
        us = 2 * SELKIES_BUDGET_DEBT_US;
    }

    b->level_bytes -= selkies_budget_bytes(b, us);

    credit = selkies_budget_bytes(b, SELKIES_BUDGET_CREDIT_US);

    if (b->level_bytes < -credit) {
        b->level_bytes = -credit;
    }
}


static int64_t
selkies_budget_bytes(const selkies_budget_t *b, uint64_t us)
{
    return (int64_t) ((uint64_t) b->rate_kbits * us / 8000);
}


static int
selkies_budget_paused(const selkies_budget_t *b, uint64_t now_us)
{
    return b->picture_us == 0
           || now_us - b->picture_us > SELKIES_BUDGET_PAUSE_US;
}


/*
 * What a picture may take.  One of a motion gets what flows until the next,
 * less a part of what is owed, so that the mean over time is the rate; the
 * first after a pause gets the credit.
 */

static int64_t
selkies_budget_share(const selkies_budget_t *b, uint64_t now_us,
    selkies_budget_use_t use)
{
    int64_t   share, part;
    uint64_t  interval;

    interval = b->interval_us;

    if (interval < b->period_us) {
        interval = b->period_us;
    }

    if (use == SELKIES_BUDGET_MOTION) {
        share = selkies_budget_bytes(b, interval);
        part = b->level_bytes * (int64_t) interval / SELKIES_BUDGET_SETTLE_US;

        if (selkies_budget_paused(b, now_us) && part > b->level_bytes) {
            part = b->level_bytes;
            share = 0;
        }

    } else {

        /* refinements come less often than these follow each other */

        share = selkies_budget_bytes(b, SELKIES_BUDGET_DEBT_US / 5);
        part = b->level_bytes > 0 ? b->level_bytes / 4 : 0;
    }

    if (share > 0 && part > share * 3 / 4) {
        part = share * 3 / 4;
    }

    share -= part;

    return share > 0 ? share : 1;
}


/*
 * A step down is a step for all of the screen: what did not change is coded
 * again where the finer quantiser finds something to do.
 */

static int
selkies_budget_floor(const selkies_budget_t *b, uint64_t now_us,
    size_t changed, size_t total)
{
    int  floor;

    floor = 0;

    if (!selkies_budget_paused(b, now_us)) {
        floor = b->qp - 1;
    }

    if (changed < total / 2 && floor < b->shown_qp - 1) {
        floor = b->shown_qp - 1;
    }

    /* one that brought too much is not followed by another */

    if (changed < total / 2 && b->level_bytes > 0 && floor < b->shown_qp) {
        floor = b->shown_qp;
    }

    return floor;
}


/* 64 times the step of QP 0. */

static uint64_t
selkies_budget_step(int qp)
{
    static const uint8_t  steps[6] = { 64, 72, 81, 91, 102, 114 };

    return (uint64_t) steps[qp % 6] << (qp / 6);
}


void
selkies_budget_coded(selkies_budget_t *b, uint64_t now_us,
    selkies_budget_use_t use, size_t changed, size_t total, int qp,
    size_t bytes)
{
    int64_t   debt;
    uint64_t  gap;

    selkies_budget_drain(b, now_us);

    b->level_bytes += (int64_t) bytes;

    debt = selkies_budget_bytes(b, SELKIES_BUDGET_DEBT_US);

    if (b->level_bytes > debt) {
        b->level_bytes = debt;
    }

    if (use != SELKIES_BUDGET_MOTION) {
        selkies_budget_learn(b, use, total, qp, bytes);
        b->shown_qp = qp;

    } else {
        if (!selkies_budget_paused(b, now_us)) {
            gap = now_us - b->picture_us;
            b->interval_us = b->interval_us == 0
                             ? gap : (b->interval_us * 7 + gap) / 8;
        }

        /* what refines beside the change says nothing of the change */

        if (changed >= total / 2 || qp >= b->shown_qp) {
            selkies_budget_learn(b, use, changed, qp, bytes);
        }

        if (changed >= total / 2 || qp >= b->shown_qp - 1
            || b->rate_kbits == 0)
        {
            b->shown_qp = qp;
        }
    }

    b->picture_us = now_us;
    b->qp = qp;
}


static void
selkies_budget_learn(selkies_budget_t *b, selkies_budget_use_t use,
    size_t macroblocks, int qp, size_t bytes)
{
    uint64_t                 bits;
    selkies_budget_model_t  *m;

    m = &b->models[use];

    if (macroblocks == 0) {
        return;
    }

    bits = (uint64_t) bytes * 8 * selkies_budget_step(qp)
           * SELKIES_BUDGET_SCALE;
    macroblocks *= SELKIES_BUDGET_SCALE;

    if (b->share_bytes > 0 && (int64_t) bytes > 2 * b->share_bytes
        && bits / macroblocks > m->bits / m->macroblocks)
    {
        /* far off: believe it at once */

        m->bits = bits;
        m->macroblocks = macroblocks;
        return;
    }

    m->bits = m->bits / 4 * 3 + bits;
    m->macroblocks = m->macroblocks / 4 * 3 + macroblocks;
}


uint64_t
selkies_budget_settled_us(const selkies_budget_t *b)
{
    return selkies_budget_due_us(b, 0);
}


uint64_t
selkies_budget_due_us(const selkies_budget_t *b, uint64_t slack_us)
{
    int64_t  owed;

    if (b->rate_kbits == 0) {
        return 0;
    }

    owed = b->level_bytes - selkies_budget_bytes(b, slack_us);

    if (owed <= 0) {
        return 0;
    }

    return b->drained_us + (uint64_t) owed * 8000 / b->rate_kbits + 1;
}
