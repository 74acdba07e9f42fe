
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Numbers with a fraction, as JavaScript prints them
 * (selkies_protocol_verbs.h).
 *
 * Thread: any.  Ownership: nothing is allocated.
 */


#include "selkies_protocol_verbs.h"


static const uint8_t *selkies_parse_exponent(const uint8_t *p,
    const uint8_t *end, int *exponent);


int
selkies_parse_real(selkies_span_t span, double *value)
{
    int             negative, exponent, digits;
    double          n;
    const uint8_t  *p, *end;

    p = span.data;
    end = p + span.len;
    n = 0;
    exponent = 0;

    negative = p < end && *p == '-';
    p += negative;

    for (digits = 0; p < end && *p >= '0' && *p <= '9'; p++, digits++) {
        n = n * 10 + (*p - '0');

        if (n > 1e18) {
            return -1;
        }
    }

    if (digits == 0) {
        return -1;
    }

    if (p < end && *p == '.') {

        for (p++, digits = 0; p < end && *p >= '0' && *p <= '9'; p++) {

            if (n < 1e15 && exponent > -30) {
                n = n * 10 + (*p - '0');
                exponent--;
            }

            digits = 1;
        }

        if (digits == 0) {
            return -1;
        }
    }

    p = selkies_parse_exponent(p, end, &exponent);

    if (p != end) {
        return -1;
    }

    for ( /* void */ ; exponent < 0 && n != 0; exponent++) {
        n /= 10;
    }

    for ( /* void */ ; exponent > 0 && n != 0; exponent--) {
        n *= 10;

        if (n > 1e18) {
            return -1;
        }
    }

    *value = negative ? -n : n;

    return 0;
}


/* Adds an exponent, if there is one.  Returns what is behind it, or NULL. */

static const uint8_t *
selkies_parse_exponent(const uint8_t *p, const uint8_t *end, int *exponent)
{
    int  e, down, digits;

    if (p == end || (*p != 'e' && *p != 'E')) {
        return p;
    }

    p++;

    down = p < end && *p == '-';
    p += p < end && (*p == '-' || *p == '+');

    for (e = 0, digits = 0; p < end && *p >= '0' && *p <= '9'; p++) {
        e = e * 10 + (*p - '0');

        if (++digits > 3) {
            return NULL;
        }
    }

    if (digits == 0) {
        return NULL;
    }

    *exponent += down ? -e : e;

    return p;
}
