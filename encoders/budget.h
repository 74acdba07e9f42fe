
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * A limit on the bit rate: a leaky bucket over the bytes of the last second
 * and a model of what a macroblock costs, from which comes the QP of a
 * picture that fits.  A picture that came out too large raises the QP of the
 * next one; it is never coded again.  Pure and without floating point.
 *
 * Thread: the struct's owner.  Ownership: the caller's struct, no pointers.
 */


#ifndef SELKIES_BUDGET_H_INCLUDED
#define SELKIES_BUDGET_H_INCLUDED


#include <stddef.h>
#include <stdint.h>


#define SELKIES_BUDGET_RATE_MAX      1000000    /* kbit/s */
#define SELKIES_BUDGET_PAUSE_US      300000     /* with no picture: what
                                                   follows is not a motion */
#define SELKIES_BUDGET_SETTLE_US     250000     /* within which a debt is paid
                                                   back */
#define SELKIES_BUDGET_CREDIT_US     200000     /* of silence is kept */
#define SELKIES_BUDGET_DEBT_US       1000000    /* is remembered */


#pragma GCC visibility push(hidden)


/* What a picture is made for: each has its own costs. */

typedef enum {
    SELKIES_BUDGET_MOTION = 0,      /* what changed */
    SELKIES_BUDGET_KEY,             /* everything, from nothing */
    SELKIES_BUDGET_REFINE,          /* everything, from a worse picture */
    SELKIES_BUDGET_USES
} selkies_budget_use_t;


typedef struct {
    uint64_t                  bits;         /* decaying sums: of bits times
                                               the quantiser's step */
    uint64_t                  macroblocks;
} selkies_budget_model_t;


typedef struct {
    uint32_t                  rate_kbits;   /* a second; 0: no limit */
    uint64_t                  period_us;    /* shortest between pictures */

    int64_t                   level_bytes;  /* sent beyond the rate, or, when
                                               negative, credit */
    uint64_t                  drained_us;   /* as of then */
    uint64_t                  picture_us;   /* last picture */
    uint64_t                  interval_us;  /* smoothed */

    int64_t                   share_bytes;  /* that the last picture had */
    int                       qp;           /* of the last picture */
    int                       shown_qp;     /* of what is on the screen */
    selkies_budget_model_t    models[SELKIES_BUDGET_USES];
} selkies_budget_t;


/* Starts anew, with no limit. */

void selkies_budget_init(selkies_budget_t *b);


/*
 * Takes another limit, in kbit/s and at most SELKIES_BUDGET_RATE_MAX, 0 for
 * none; what was learnt stays, what was owed does if the limit is much the
 * same: between half of the last one and twice it.
 */

void selkies_budget_limit(selkies_budget_t *b, uint32_t rate_kbits,
    uint64_t period_us);


/*
 * The lowest QP from `low` to `high` at which a picture with so many changed
 * macroblocks of `total` keeps the budget.  It falls by one a picture while
 * pictures follow each other, and does not fall for the sake of a small
 * change: that would refine the whole screen at once.  There must be a limit.
 */

int selkies_budget_qp(selkies_budget_t *b, uint64_t now_us,
    selkies_budget_use_t use, size_t changed, size_t total, int low, int high);


/* To be called after each picture, limit or none, with what came out. */

void selkies_budget_coded(selkies_budget_t *b, uint64_t now_us,
    selkies_budget_use_t use, size_t changed, size_t total, int qp,
    size_t bytes);


/* When nothing is owed any more; 0 where nothing is. */

uint64_t selkies_budget_settled_us(const selkies_budget_t *b);


/*
 * When no more is owed than the rate carries in `slack_us`; 0 where that is so
 * already.
 */

uint64_t selkies_budget_due_us(const selkies_budget_t *b, uint64_t slack_us);


#pragma GCC visibility pop


#endif /* SELKIES_BUDGET_H_INCLUDED */
