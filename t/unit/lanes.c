
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * What is done with 16 samples at a time on this processor, against the same
 * written out in plain C, with random samples that are often near each other.
 *
 * Thread: the main thread.  Ownership: the process.
 */


#include <stdint.h>
#include <string.h>

#include "tap.h"
#include "../../encoders/lanes.h"

#define RANDOM_SEED  23
#include "random.h"


#define ROWS    4
#define STRIDE  24
#define TRIES   200000


static uint8_t  a[ROWS * STRIDE];
static uint8_t  b[ROWS * STRIDE];


static void
draw(void)
{
    size_t    i;
    uint32_t  near;

    near = random_number(4);

    for (i = 0; i < sizeof(a); i++) {
        a[i] = (uint8_t) random_number(256);
        b[i] = near == 0 ? (uint8_t) random_number(256)
                         : (uint8_t) (a[i] + (random_number(8) == 0 ? near
                                                                    : 0));
    }
}


static unsigned
distance(uint8_t x, uint8_t y)
{
    return x > y ? x - y : y - x;
}


/* Whether it is not these bytes. */

static int
wrong(selkies_lanes_t v, const uint8_t *want)
{
    uint8_t  have[16];

    selkies_lanes_store(have, v);

    return memcmp(have, want, 16) != 0;
}


static void
test_means(void)
{
    int      i, k, bad, bad4;
    uint8_t  mean[16], mean4[16];

    bad = 0;
    bad4 = 0;

    for (i = 0; i < TRIES / 10; i++) {

        draw();

        for (k = 0; k < 16; k++) {
            mean[k] = (uint8_t) ((a[k] + b[k] + 1) / 2);
            mean4[k] = (uint8_t) ((a[k] + b[k] + a[k + STRIDE] + b[k + STRIDE]
                                   + 2) / 4);
        }

        bad += wrong(selkies_lanes_mean(selkies_lanes_load(a),
                                        selkies_lanes_load(b)), mean);
        bad4 += wrong(selkies_lanes_mean4(selkies_lanes_load(a),
                                          selkies_lanes_load(b),
                                          selkies_lanes_load(a + STRIDE),
                                          selkies_lanes_load(b + STRIDE)),
                      mean4);
    }

    ok(bad == 0, "means of two");
    ok(bad4 == 0, "means of four");
}


static void
test_differences(void)
{
    int              i, k, bad[5];
    unsigned         sum, limit, far, fourths, differ, any;
    selkies_lanes_t  x, y, beyond;

    memset(bad, 0, sizeof(bad));

    for (i = 0; i < TRIES; i++) {

        draw();
        limit = random_number(6);
        x = selkies_lanes_load(a);
        y = selkies_lanes_load(b);
        sum = 0;
        far = 0;
        fourths = 0;
        any = 0;

        for (k = 0; k < 16; k++) {
            differ = distance(a[k], b[k]);
            sum += differ;
            any |= differ;
            far |= differ > limit;
            fourths |= (unsigned) (differ > limit) << (k / 4);
        }

        beyond = selkies_lanes_beyond(selkies_lanes_zero(), x, y, limit);

        bad[0] += selkies_lanes_sum(x, y) != sum;
        bad[1] += !!selkies_lanes_any(beyond) != !!far;
        bad[2] += selkies_lanes_fourths(beyond) != fourths;
        bad[3] += !!selkies_lanes_any(selkies_lanes_differ(selkies_lanes_zero(),
                                                           x, y))
                  != !!any;
        bad[4] += selkies_lanes_total(
                      selkies_lanes_gather(
                          selkies_lanes_gather(selkies_lanes_zero(), x, y),
                          x, y))
                  != sum * 2;
    }

    ok(bad[0] == 0, "sums of differences");
    ok(bad[1] == 0, "differences beyond a limit");
    ok(bad[2] == 0, "in which fourths they are");
    ok(bad[3] == 0, "whether there is any");
    ok(bad[4] == 0, "sums that go on");
}


static void
test_strips(void)
{
    int       i, bad;
    size_t    k;
    uint16_t  sums[4], want[4];
    unsigned  row, rows;

    bad = 0;

    for (i = 0; i < TRIES / 10; i++) {

        draw();
        rows = 1 + random_number(ROWS);
        memset(want, 0, sizeof(want));

        for (row = 0; row < rows; row++) {
            for (k = 0; k < 16; k++) {
                want[k / 4] = (uint16_t) (want[k / 4]
                                          + distance(a[row * STRIDE + k],
                                                     b[row * STRIDE + k]));
            }
        }

        selkies_lanes_strip(sums, a, STRIDE, b, STRIDE, rows);
        bad += memcmp(sums, want, sizeof(sums)) != 0;
    }

    ok(bad == 0, "sums of four columns each");
}


int
main(void)
{
    test_means();
    test_differences();
    test_strips();

    return done_testing();
}
