
/*
 * Copyright (C) ngx_selkies authors
 *
 * The Opus encoder: what it makes is decoded by libopus, with the layouts that
 * a browser's decoder is told, and each channel is where it was.  And the gate
 * for silence in front of it.
 *
 * Thread: the main thread.
 */


#include <math.h>
#include <opus/opus_multistream.h>
#include <stdlib.h>
#include <string.h>

#include "../../encoders/opus.h"
#include "../../ngx_selkies_module/selkies_audio.h"
#include "tap.h"


#define FRAMES  60


typedef struct {
    int              channels;
    int              streams;
    int              coupled;
    unsigned char    mapping[8];
} layout_t;


static const layout_t  layouts[] = {
    { 1, 1, 0, { 0 } },
    { 2, 1, 1, { 0, 1 } },
    { 6, 4, 2, { 0, 4, 1, 2, 3, 5 } },
    { 8, 5, 3, { 0, 6, 1, 2, 3, 4, 5, 7 } }
};


static void
fill(int16_t *samples, int n, int channels, int only, double hz, long at)
{
    int  i, c;

    for (i = 0; i < n; i++) {
        for (c = 0; c < channels; c++) {
            samples[i * channels + c] = c == only
                ? (int16_t) lround(8000 * sin(2 * M_PI * hz
                                              * (double) (at + i) / 48000))
                : 0;
        }
    }
}


/* The energy of each channel, once the codec has settled. */

static size_t
round_trip(const layout_t *l, uint32_t samples, uint32_t rate, int only,
    double *energy)
{
    int              rc, i, k, n;
    size_t           len, bytes;
    OpusMSDecoder   *decoder;
    selkies_opus_t  *opus;

    static int16_t   in[SELKIES_OPUS_SAMPLES_MAX * 8];
    static int16_t   out[5760 * 8];
    static uint8_t   packet[SELKIES_OPUS_PACKET_BYTES];

    for (k = 0; k < l->channels; k++) {
        energy[k] = 0;
    }

    opus = selkies_opus_open((uint32_t) l->channels, samples, rate, NULL);
    decoder = opus_multistream_decoder_create(48000, l->channels, l->streams,
                                              l->coupled, l->mapping, &rc);

    if (opus == NULL || decoder == NULL) {
        return 0;
    }

    bytes = 0;

    for (i = 0; i < FRAMES; i++) {
        fill(in, (int) samples, l->channels, only, only == 5 ? 80 : 440,
             i * (long) samples);

        len = selkies_opus_encode(opus, in, packet, sizeof(packet));
        n = opus_multistream_decode(decoder, packet, (opus_int32) len, out,
                                    5760, 0);

        if (len == 0 || n != (int) samples) {
            bytes = 0;
            break;
        }

        bytes += len;

        for (k = 0; i >= FRAMES / 2 && k < n * l->channels; k++) {
            energy[k % l->channels] += (double) out[k] * out[k];
        }
    }

    opus_multistream_decoder_destroy(decoder);
    selkies_opus_close(opus);

    return bytes;
}


static void
test_layouts(void)
{
    int     k, only, others;
    size_t  i;
    double  energy[8];

    for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        others = 0;

        for (only = 0; only < layouts[i].channels; only++) {
            (void) round_trip(&layouts[i], 480, 320000, only, energy);

            for (k = 0; k < layouts[i].channels; k++) {
                others += k != only && energy[k] * 100 > energy[only];
            }

            others += energy[only] == 0;
        }

        ok(others == 0, "%d channels: each comes out where it went in",
           layouts[i].channels);
    }
}


static void
test_frames(void)
{
    size_t  i, bytes;
    double  energy[8], seconds, kbits;

    static const uint32_t  samples[] = { 120, 240, 480, 960, 1920, 2880 };
    static const uint32_t  rates[] = { 64000, 128000, 320000, 510000 };

    for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        ok(round_trip(&layouts[1], samples[i], 128000, 0, energy) != 0
           && energy[0] > 0, "frames of %.1f ms", samples[i] / 48.0);
    }

    for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        bytes = round_trip(&layouts[1], 480, rates[i], 0, energy);
        seconds = FRAMES * 0.01;
        kbits = (double) bytes * 8 / seconds / 1000;

        ok(bytes != 0 && kbits < rates[i] / 1000.0 * 1.35,
           "at %u bit/s: %.0f kbit/s", rates[i], kbits);
    }
}


static void
test_rate(void)
{
    int              i;
    size_t           low, high;
    int16_t          in[480 * 2];
    uint8_t          packet[SELKIES_OPUS_PACKET_BYTES];
    selkies_opus_t  *opus;

    opus = selkies_opus_open(2, 480, 510000, NULL);
    low = 0;
    high = 0;

    for (i = 0; i < 100; i++) {

        if (i == 50) {
            selkies_opus_set_rate(opus, 64000);
        }

        fill(in, 480, 2, 0, 300 + i, i * 480L);

        if (i < 50) {
            high += selkies_opus_encode(opus, in, packet, sizeof(packet));

        } else {
            low += selkies_opus_encode(opus, in, packet, sizeof(packet));
        }
    }

    ok(low > 0 && high > 3 * low, "a new rate holds from the next frame on");
    ok(selkies_opus_encode(opus, in, packet, 1) <= 1, "little room is kept to");

    selkies_opus_close(opus);
    selkies_opus_close(NULL);

    ok(!selkies_opus_has_channels(0) && !selkies_opus_has_channels(3)
       && !selkies_opus_has_channels(9), "other numbers of channels");
    ok(selkies_opus_open(3, 480, 64000, NULL) == NULL, "have no encoder");
}


static void
test_gate(void)
{
    int       i, sent, ends;
    bool      end;
    int16_t   quiet[960], loud[960];
    uint32_t  count;

    memset(quiet, 0, sizeof(quiet));
    memset(loud, 0, sizeof(loud));
    loud[959] = 1;

    count = SELKIES_AUDIO_QUIET;
    sent = 0;
    ends = 0;

    for (i = 0; i < 1000; i++) {
        sent += selkies_audio_gate(quiet, 960, &count, &end);
        ends += end;
    }

    ok(sent == 0 && ends == 0, "silence from the start: nothing, and no end");
    ok(selkies_audio_gate(loud, 960, &count, &end) && !end,
       "one sample of the least level opens it");

    for (i = 0; i < 1000; i++) {
        sent += selkies_audio_gate(quiet, 960, &count, &end);
        ends += end;
    }

    ok(sent >= 1 && sent <= 3, "%d silent frames let the encoder end", sent);
    ok(ends == 1, "the end is told once");
    ok(selkies_audio_gate(loud, 960, &count, &end), "and it opens again");

    loud[959] = -32768;
    ok(selkies_audio_gate(loud, 960, &count, &end), "a negative sample, too");

    sent = 0;

    for (i = 0; i < 100; i++) {
        sent += selkies_audio_gate(i % 2 ? quiet : loud, 960, &count, &end);
        ends += end;
    }

    ok(sent == 100 && ends == 1, "short pauses do not close it");
}


int
main(void)
{
    test_layouts();
    test_frames();
    test_rate();
    test_gate();

    return done_testing();
}
