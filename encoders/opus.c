
/*
 * Copyright (C) ngx_selkies authors
 *
 * See opus.h.
 */


#ifdef SELKIES_HAVE_SOUND


#include <opus/opus.h>
#include <opus/opus_multistream.h>
#include <stdlib.h>

#include "opus.h"


#define SELKIES_OPUS_COMPLEXITY  5


/* How channels become streams; what every browser's decoder is told, too. */

typedef struct {
    uint32_t              channels;
    int                   streams;
    int                   coupled;
    unsigned char         mapping[SELKIES_OPUS_CHANNELS_MAX];
} selkies_opus_layout_t;


struct selkies_opus_s {
    OpusMSEncoder        *encoder;
    uint32_t              samples;
};


static const selkies_opus_layout_t *selkies_opus_layout(uint32_t channels);


static const selkies_opus_layout_t  selkies_opus_layouts[] = {
    { 1, 1, 0, { 0 } },
    { 2, 1, 1, { 0, 1 } },
    { 6, 4, 2, { 0, 4, 1, 2, 3, 5 } },
    { 8, 5, 3, { 0, 6, 1, 2, 3, 4, 5, 7 } },
    { 0, 0, 0, { 0 } }
};


static const selkies_opus_layout_t *
selkies_opus_layout(uint32_t channels)
{
    const selkies_opus_layout_t  *layout;

    for (layout = selkies_opus_layouts; layout->channels != 0; layout++) {
        if (layout->channels == channels) {
            return layout;
        }
    }

    return NULL;
}


bool
selkies_opus_has_channels(uint32_t channels)
{
    return selkies_opus_layout(channels) != NULL;
}


selkies_opus_t *
selkies_opus_open(uint32_t channels, uint32_t samples,
    uint32_t bits_per_second, const selkies_log_t *log)
{
    int                           rc;
    selkies_opus_t               *opus;
    const selkies_opus_layout_t  *layout;

    layout = selkies_opus_layout(channels);

    if (layout == NULL) {
        selkies_log(log, SELKIES_LOG_ERR, "Opus: %u channels are not known",
                    channels);
        return NULL;
    }

    opus = malloc(sizeof(selkies_opus_t));

    if (opus == NULL) {
        return NULL;
    }

    opus->samples = samples;
    opus->encoder = opus_multistream_encoder_create(SELKIES_OPUS_RATE,
                                       (int) channels, layout->streams,
                                       layout->coupled, layout->mapping,
                                       OPUS_APPLICATION_RESTRICTED_LOWDELAY,
                                       &rc);

    if (opus->encoder == NULL) {
        selkies_log(log, SELKIES_LOG_ERR, "Opus: %s", opus_strerror(rc));
        free(opus);
        return NULL;
    }

    (void) opus_multistream_encoder_ctl(opus->encoder,
                              OPUS_SET_COMPLEXITY(SELKIES_OPUS_COMPLEXITY));
    (void) opus_multistream_encoder_ctl(opus->encoder, OPUS_SET_VBR(1));

    selkies_opus_set_rate(opus, bits_per_second);

    return opus;
}


void
selkies_opus_set_rate(selkies_opus_t *opus, uint32_t bits_per_second)
{
    (void) opus_multistream_encoder_ctl(opus->encoder,
                                   OPUS_SET_BITRATE((int) bits_per_second));
}


size_t
selkies_opus_encode(selkies_opus_t *opus, const int16_t *samples,
    uint8_t *packet, size_t size)
{
    int  n;

    n = opus_multistream_encode(opus->encoder, samples, (int) opus->samples,
                                packet, (opus_int32) size);

    return n > 0 ? (size_t) n : 0;
}


void
selkies_opus_close(selkies_opus_t *opus)
{
    if (opus == NULL) {
        return;
    }

    opus_multistream_encoder_destroy(opus->encoder);
    free(opus);
}


struct selkies_opus_in_s {
    OpusDecoder          *decoder;
};


selkies_opus_in_t *
selkies_opus_in_open(uint32_t rate, const selkies_log_t *log)
{
    int                 rc;
    selkies_opus_in_t  *in;

    in = malloc(sizeof(selkies_opus_in_t));

    if (in == NULL) {
        return NULL;
    }

    in->decoder = opus_decoder_create((opus_int32) rate, 1, &rc);

    if (in->decoder == NULL) {
        selkies_log(log, SELKIES_LOG_ERR, "Opus: %s", opus_strerror(rc));
        free(in);
        return NULL;
    }

    return in;
}


size_t
selkies_opus_in_decode(selkies_opus_in_t *in, const uint8_t *packet,
    size_t len, int16_t *samples, size_t size)
{
    int  n;

    /* no packet at all would mean a lost one, which is made up */

    if (len == 0 || len > SELKIES_OPUS_PACKET_BYTES) {
        return 0;
    }

    n = opus_decode(in->decoder, packet, (opus_int32) len, samples, (int) size,
                    0);

    return n > 0 ? (size_t) n : 0;
}


void
selkies_opus_in_close(selkies_opus_in_t *in)
{
    if (in == NULL) {
        return;
    }

    opus_decoder_destroy(in->decoder);
    free(in);
}


#else

typedef int  selkies_opus_unused_t;             /* no file without a name */

#endif
