
/*
 * Copyright (C) ngx_selkies authors
 *
 * Samples to Opus packets, for sound that is heard while it is made: low
 * delay, variable rate, one to eight channels.
 *
 * Thread: the one that opened it.  Ownership: samples and packets are the
 * caller's.
 */


#ifndef SELKIES_OPUS_H_INCLUDED
#define SELKIES_OPUS_H_INCLUDED


#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../capture/capture.h"


#define SELKIES_OPUS_RATE             48000     /* samples a second */
#define SELKIES_OPUS_CHANNELS_MAX     8
#define SELKIES_OPUS_SAMPLES_MAX      2880      /* of a frame: 60 ms */
#define SELKIES_OPUS_PACKET_BYTES     4000      /* room for a packet */


typedef struct selkies_opus_s  selkies_opus_t;


#pragma GCC visibility push(hidden)


/* Whether so many channels can be encoded: 1, 2, 6 and 8. */

bool selkies_opus_has_channels(uint32_t channels);


/*
 * An encoder of frames of `samples` samples a channel (120, 240, 480, 960,
 * 1920 or 2880), interleaved in the order of Vorbis: of 5.1 left, centre,
 * right, rear left, rear right, low; of 7.1 the sides stand before the rear.
 * The rate is that of all channels.  NULL, logged, where there is none.
 */

selkies_opus_t *selkies_opus_open(uint32_t channels, uint32_t samples,
    uint32_t bits_per_second, const selkies_log_t *log);


/* From the next frame on. */

void selkies_opus_set_rate(selkies_opus_t *opus, uint32_t bits_per_second);


/* One frame; the bytes of its packet, 0 where it cannot be encoded. */

size_t selkies_opus_encode(selkies_opus_t *opus, const int16_t *samples,
    uint8_t *packet, size_t size);


/* NULL is allowed. */

void selkies_opus_close(selkies_opus_t *opus);


/*
 * The other way, for one channel of `rate` (8000, 12000, 16000, 24000, 48000)
 * samples a second.  Packets are a client's: whatever they hold, decode()
 * returns at most `size` samples, 0 for what is no packet.
 */

typedef struct selkies_opus_in_s  selkies_opus_in_t;

selkies_opus_in_t *selkies_opus_in_open(uint32_t rate,
    const selkies_log_t *log);

size_t selkies_opus_in_decode(selkies_opus_in_t *in, const uint8_t *packet,
    size_t len, int16_t *samples, size_t size);

void selkies_opus_in_close(selkies_opus_in_t *in);


#pragma GCC visibility pop


#endif /* SELKIES_OPUS_H_INCLUDED */
