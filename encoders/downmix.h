
/*
 * Copyright (C) ngx_selkies authors
 *
 * Sound of more channels as two, for who plays no more (ITU-R BS.775).
 *
 * Thread: any.
 */


#ifndef SELKIES_DOWNMIX_H_INCLUDED
#define SELKIES_DOWNMIX_H_INCLUDED


#include <stddef.h>
#include <stdint.h>


#pragma GCC visibility push(hidden)


/*
 * `n` samples of each of 6 or 8 channels, interleaved in the order of opus.h,
 * to left and right: what is at a side is in one, what is in the middle in
 * both, 3 dB lower.  The low channel is left out.  What is too loud is cut.
 */

void selkies_downmix(const int16_t *in, uint32_t channels, size_t n,
    int16_t *out);


#pragma GCC visibility pop


#endif /* SELKIES_DOWNMIX_H_INCLUDED */
