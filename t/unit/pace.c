
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * When damage is waited for: never for what comes alone.
 *
 * Thread: the main thread.
 */


#include <string.h>

#include "tap.h"
#include "../../ngx_selkies_module/selkies_pace.h"


static uint32_t  now_ms = UINT32_MAX - 500;     /* it wraps in between */
static unsigned  torn;
static unsigned  waits;


/*
 * An application that draws in pieces so many ms apart, once in `period_ms`;
 * each piece that a capture did not get is damage again, and captured when the
 * frame rate allows.
 */

static void
draw(selkies_pace_t *p, unsigned pieces, uint32_t apart_ms, uint32_t period_ms,
    unsigned times)
{
    uint32_t  start, end, capture;
    uint64_t  wait_us;

    while (times-- > 0) {
        start = now_ms;
        end = (pieces - 1) * apart_ms;

        wait_us = selkies_pace_damage(p, start);
        waits += wait_us != 0;
        capture = (uint32_t) (wait_us / 1000);
        selkies_pace_captured(p);

        if (capture < end) {
            torn++;

            /* the first piece that was missed, and with it the others */

            waits += selkies_pace_damage(p, start + (capture / apart_ms + 1)
                                                    * apart_ms)
                     != 0;
            selkies_pace_captured(p);
        }

        now_ms = start + period_ms;
    }
}


static void
forget(void)
{
    torn = 0;
    waits = 0;
}


int
main(void)
{
    selkies_pace_t  p;

    memset(&p, 0, sizeof(p));

    draw(&p, 1, 0, 100, 1000);
    ok(waits == 0, "what comes alone is not waited for");

    draw(&p, 1, 0, 16, 1000);
    ok(waits == 0, "nor motion at 60 Hz");

    draw(&p, 1, 0, 3, 1000);
    ok(waits == 0, "nor what comes every 3 ms");

    forget();
    draw(&p, 2, 1, 100, 20);
    ok(torn <= 16, "two pieces: %u torn until that is learnt", torn);

    forget();
    draw(&p, 2, 1, 100, 900);
    ok(torn >= 50 && torn <= 120, "then one in eight, to see whether it is "
       "still so: %u of 900", torn);

    forget();
    draw(&p, 1, 0, 100, 1000);
    ok(waits > 0 && waits <= 80, "alone again: %u waits, then none", waits);

    forget();
    draw(&p, 1, 0, 100, 100);
    ok(waits == 0, "none");

    memset(&p, 0, sizeof(p));
    forget();
    draw(&p, 20, 1, 40, 1000);
    ok(waits < 250, "what goes on for 20 ms is not waited for: %u of 2000",
       waits);

    memset(&p, 0, sizeof(p));
    forget();
    draw(&p, 2, 2, 100, 1000);
    ok(torn < 200, "2 ms apart: %u of 1000 torn", torn);

    memset(&p, 0, sizeof(p));
    forget();
    draw(&p, 2, 3, 100, 1000);
    ok(waits == 0, "3 ms apart is too far to wait for");

    selkies_pace_captured(&p);
    selkies_pace_captured(&p);
    ok(selkies_pace_damage(&p, now_ms) == 0, "a key without damage is nothing");

    return done_testing();
}
