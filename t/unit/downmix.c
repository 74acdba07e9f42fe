
/*
 * Copyright (C) ngx_selkies authors
 *
 * Sound of more channels as two: where each channel goes, how loud, and that
 * what is too loud is cut, not wrapped.
 *
 * Thread: the main thread.
 */


#include "../../encoders/downmix.h"
#include "tap.h"


#define PEAK     10000
#define SAMPLES  2880


static void
test_places(void)
{
    int16_t    in[8], out[2];
    uint32_t   c, n, k;

    /* of 10000: alone, 3 dB lower, not at all */

    static const struct {
        uint32_t  channels;
        int16_t   out[8][2];
    } cases[] = {
        { 6, { { 10000, 0 }, { 7071, 7071 }, { 0, 10000 }, { 7071, 0 },
               { 0, 7071 }, { 0, 0 } } },
        { 8, { { 10000, 0 }, { 7071, 7071 }, { 0, 10000 }, { 7071, 0 },
               { 0, 7071 }, { 7071, 0 }, { 0, 7071 }, { 0, 0 } } }
    };

    for (k = 0; k < 2; k++) {
        n = cases[k].channels;

        for (c = 0; c < n; c++) {

            for (uint32_t i = 0; i < n; i++) {
                in[i] = i == c ? PEAK : 0;
            }

            selkies_downmix(in, n, 1, out);
            ok(out[0] == cases[k].out[c][0] && out[1] == cases[k].out[c][1],
               "channel %u of %u: %d, %d", c, n, out[0], out[1]);

            in[c] = -PEAK;
            selkies_downmix(in, n, 1, out);
            ok(out[0] == -cases[k].out[c][0] && out[1] == -cases[k].out[c][1],
               "and below zero");
        }
    }
}


static void
test_limits(void)
{
    size_t  i, n;

    static int16_t  in[SAMPLES * 8], out[SAMPLES * 2];

    n = SAMPLES;

    for (i = 0; i < n * 8; i++) {
        in[i] = i / 8 % 2 ? INT16_MIN : INT16_MAX;
    }

    selkies_downmix(in, 8, n, out);

    for (i = 0; i < n; i++) {
        if (out[2 * i] != (i % 2 ? INT16_MIN : INT16_MAX)
            || out[2 * i + 1] != out[2 * i])
        {
            break;
        }
    }

    ok(i == n, "what is too loud is cut");
}


int
main(void)
{
    test_places();
    test_limits();

    return done_testing();
}
