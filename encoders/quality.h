
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Decides which QP the next picture gets and when a still screen is refined
 * ("paint-over").  Pure: it has no clock and calls nobody.
 *
 *     d = selkies_quality_decide(q, now_us, changed, total);
 *     idr = idr_wanted || d.key;
 *     if (d.encode || idr) {
 *         selkies_encoder_encode(enc, pic, idr ? d.key_qp : d.qp, idr, now_us,
 *                                &au);
 *         selkies_quality_coded(q, now_us, au.kind, au.qp, d.paintover,
 *                               au.len);
 *     }
 *     wait for damage, or until selkies_quality_deadline_us(q)
 *
 * With rate_kbits the bytes decide (budget.h) and the main QP is without
 * effect; without it, the main QP and how much changes do.
 *
 * link_kbits is what the way to the client carries at present.  It lowers the
 * rate; without one, the main QP stays the best there is and the bytes raise
 * it, up to SELKIES_QUALITY_LINK_RAISE: from there on selkies_quality_due_us()
 * makes the pictures fewer.
 *
 * Thread: the struct's owner.  Ownership: the caller's struct, no pointers.
 */


#ifndef SELKIES_QUALITY_H_INCLUDED
#define SELKIES_QUALITY_H_INCLUDED


#include <stddef.h>
#include <stdint.h>

#include "budget.h"
#include "encoder.h"


#define SELKIES_QUALITY_BUSY_US       300000    /* high change before raise */
#define SELKIES_QUALITY_STEP_US       200000    /* between two raises by 2 */
#define SELKIES_QUALITY_HOLD_US       300000    /* low change before back */
#define SELKIES_QUALITY_PAINTOVER_US  250000    /* quiet before refinement */

#define SELKIES_QUALITY_REFINE_STEP   2         /* of QP, at least */

#define SELKIES_QUALITY_LINK_RAISE    16        /* of QP, for a slow link */
#define SELKIES_QUALITY_LINK_US       20000     /* that pictures may be ahead
                                                   of the link */

#define SELKIES_QUALITY_NEVER         UINT64_MAX


#pragma GCC visibility push(hidden)


typedef struct {
    int                      qp;            /* main, 5 to 50 */
    int                      paintover_qp;  /* 5 to 50; without effect where
                                               it is not below qp */
    uint32_t                 rate_kbits;    /* limit a second, 0: none */
    uint32_t                 link_kbits;    /* of the link, 0: none known */
    int                      min_qp;        /* within which it chooses, */
    int                      max_qp;        /* 0 to 51, 0: its own limit */
    uint64_t                 period_us;     /* shortest between pictures */
    uint64_t                 key_us;        /* longest between keys while
                                               there are pictures; 0: none */
    unsigned                 paintover:1;   /* refine still screens */
    unsigned                 streaming:1;   /* a picture every period_us,
                                               changed or not */
} selkies_quality_conf_t;


typedef struct {
    selkies_quality_conf_t   conf;

    uint64_t                 last_us;       /* last decision with a change */
    uint64_t                 busy_us;       /* start of high change */
    uint64_t                 held_us;       /* when `held` was last reached */
    int                      held;          /* raise the change ratio allows,
                                               0 while nothing is busy */

    uint64_t                 quiet_us;      /* start of what may be quiet */
    int                      worst_qp;      /* of what is on the screen */

    selkies_budget_t         budget;
    unsigned                 linked:1;      /* the rate is the link's alone */
    unsigned                 strained:1;    /* and has made the screen worse
                                               than the main QP would */
    uint64_t                 picture_us;    /* last picture; 0: none yet */
    uint64_t                 key_us;        /* last key */
    size_t                   changed;       /* of the last decision */
    size_t                   total;
    int                      wanted_qp;     /* that it asked for */
} selkies_quality_t;


typedef struct {
    int                      qp;            /* always set */
    int                      key_qp;        /* if it becomes an IDR */
    unsigned                 encode:1;      /* something is worth a picture */
    unsigned                 key:1;         /* and is to be an IDR */
    unsigned                 paintover:1;   /* that picture is a refinement */
} selkies_quality_decision_t;


/* Starts anew: new encoder, new size.  QPs are clamped to their range. */

void selkies_quality_init(selkies_quality_t *q,
    const selkies_quality_conf_t *conf);


/* Takes other values while running; what was learnt stays. */

void selkies_quality_configure(selkies_quality_t *q,
    const selkies_quality_conf_t *conf);


/*
 * To be called at each capture, with the number of macroblocks changed since
 * the last encoded picture, and at the deadline, with 0.  now_us is any
 * monotonic clock in microseconds.
 */

selkies_quality_decision_t selkies_quality_decide(selkies_quality_t *q,
    uint64_t now_us, size_t changed, size_t total);


/*
 * To be called after each encoded picture with what came out of the encoder;
 * qp 0 stands for lossless.  Not called if nothing was encoded: the decision
 * comes again.
 */

void selkies_quality_coded(selkies_quality_t *q, uint64_t now_us,
    selkies_picture_kind_t kind, int qp, int paintover, size_t bytes);


/* When decide() wants to be called without a change; SELKIES_QUALITY_NEVER. */

uint64_t selkies_quality_deadline_us(const selkies_quality_t *q);


/*
 * Before when no picture should be made, because the link is not done with
 * the last ones; 0 where there is nothing to wait for.
 */

uint64_t selkies_quality_due_us(const selkies_quality_t *q);


#pragma GCC visibility pop


#endif /* SELKIES_QUALITY_H_INCLUDED */
