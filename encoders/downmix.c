
/*
 * Copyright (C) ngx_selkies authors
 *
 * See downmix.h.
 */


#include "downmix.h"


#define SELKIES_DOWNMIX_ONE   32768             /* of the weights */
#define SELKIES_DOWNMIX_3DB   23170             /* the root of a half, of it */
#define SELKIES_DOWNMIX_MAX   8


/* Weights of each channel in left and in right, by the number of channels. */

static const int32_t  selkies_downmix_six[SELKIES_DOWNMIX_MAX][2] = {
    { SELKIES_DOWNMIX_ONE, 0 },
    { SELKIES_DOWNMIX_3DB, SELKIES_DOWNMIX_3DB },
    { 0, SELKIES_DOWNMIX_ONE },
    { SELKIES_DOWNMIX_3DB, 0 },
    { 0, SELKIES_DOWNMIX_3DB }
};

static const int32_t  selkies_downmix_eight[SELKIES_DOWNMIX_MAX][2] = {
    { SELKIES_DOWNMIX_ONE, 0 },
    { SELKIES_DOWNMIX_3DB, SELKIES_DOWNMIX_3DB },
    { 0, SELKIES_DOWNMIX_ONE },
    { SELKIES_DOWNMIX_3DB, 0 },
    { 0, SELKIES_DOWNMIX_3DB },
    { SELKIES_DOWNMIX_3DB, 0 },
    { 0, SELKIES_DOWNMIX_3DB }
};


static int16_t
selkies_downmix_cut(int64_t sum)
{
    sum = (sum + (sum < 0 ? -SELKIES_DOWNMIX_ONE / 2
                          : SELKIES_DOWNMIX_ONE / 2))
          / SELKIES_DOWNMIX_ONE;

    return (int16_t) (sum > INT16_MAX ? INT16_MAX
                                      : sum < INT16_MIN ? INT16_MIN : sum);
}


void
selkies_downmix(const int16_t *in, uint32_t channels, size_t n, int16_t *out)
{
    size_t           i;
    int64_t          left, right;
    uint32_t         c;
    const int32_t  (*weights)[2];

    weights = channels == 6 ? selkies_downmix_six : selkies_downmix_eight;

    for (i = 0; i < n; i++) {
        left = 0;
        right = 0;

        for (c = 0; c < channels; c++) {
            left += (int64_t) in[c] * weights[c][0];
            right += (int64_t) in[c] * weights[c][1];
        }

        out[0] = selkies_downmix_cut(left);
        out[1] = selkies_downmix_cut(right);

        in += channels;
        out += 2;
    }
}
