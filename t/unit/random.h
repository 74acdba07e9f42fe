
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The random numbers of tests, the same in every run: xorshift, 32 bits.  Who
 * includes this defines RANDOM_SEED before, which must not be 0.
 *
 * Thread: one.
 */


#ifndef SELKIES_RANDOM_H_INCLUDED
#define SELKIES_RANDOM_H_INCLUDED


#include <stdint.h>


static uint32_t  random_state = RANDOM_SEED;


static inline uint32_t
random_bits(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;

    return random_state;
}


/* From 0 to limit - 1. */

static inline uint32_t
random_number(uint32_t limit)
{
    return random_bits() % limit;
}


#endif /* SELKIES_RANDOM_H_INCLUDED */
