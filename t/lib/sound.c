
/*
 * Copyright (C) ngx_selkies authors
 *
 * What the tests of sound play and hear.  Samples are s16le, packets are a
 * length of two bytes, most significant first, and as many bytes.
 *
 *     sound tone RATE CHANNELS HZ DBFS SECONDS   samples to stdout; each
 *                                                channel an octave's half
 *                                                above the one before
 *     sound decode CHANNELS                      packets to samples, 48 kHz
 *     sound encode RATE CHANNELS SAMPLES BITS    samples to packets
 *     sound level RATE CHANNELS                  of samples: a line a channel,
 *                                                "frames peak-dBFS rms-dBFS Hz"
 */


#include <math.h>
#include <opus/opus_multistream.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CHANNELS_MAX  8
#define FRAME_MAX     5760


typedef struct {
    int             channels;
    int             streams;
    int             coupled;
    unsigned char   mapping[CHANNELS_MAX];
} layout_t;


static const layout_t  layouts[] = {
    { 1, 1, 0, { 0 } },
    { 2, 1, 1, { 0, 1 } },
    { 6, 4, 2, { 0, 4, 1, 2, 3, 5 } },
    { 8, 5, 3, { 0, 6, 1, 2, 3, 4, 5, 7 } }
};


static const layout_t *
layout(int channels)
{
    size_t  i;

    for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        if (layouts[i].channels == channels) {
            return &layouts[i];
        }
    }

    fprintf(stderr, "sound: %d channels?\n", channels);
    exit(2);
}


static double
pitch(double hz, int channel)
{
    return hz * (1 + channel * 0.5);
}


static int
tone(int rate, int channels, double hz, double dbfs, double seconds)
{
    int      c;
    long     i, n;
    double   peak;
    int16_t  frame[CHANNELS_MAX];

    n = lround(seconds * rate);
    peak = 32767 * pow(10, dbfs / 20);

    for (i = 0; i < n; i++) {
        for (c = 0; c < channels; c++) {
            frame[c] = (int16_t) lround(peak * sin(2 * M_PI * pitch(hz, c)
                                                   * (double) i / rate));
        }

        fwrite(frame, sizeof(int16_t), (size_t) channels, stdout);
    }

    return 0;
}


static int
decode(int channels)
{
    int             n, rc;
    size_t          len;
    uint8_t         head[2];
    OpusMSDecoder  *decoder;
    const layout_t *l;

    static uint8_t  packet[65536];
    static int16_t  samples[FRAME_MAX * CHANNELS_MAX];

    l = layout(channels);
    decoder = opus_multistream_decoder_create(48000, channels, l->streams,
                                              l->coupled, l->mapping, &rc);

    if (decoder == NULL) {
        return 1;
    }

    while (fread(head, 1, 2, stdin) == 2) {
        len = (size_t) head[0] << 8 | head[1];

        if (fread(packet, 1, len, stdin) != len) {
            return 1;
        }

        n = opus_multistream_decode(decoder, packet, (opus_int32) len, samples,
                                    FRAME_MAX, 0);

        if (n < 0) {
            fprintf(stderr, "sound: %s\n", opus_strerror(n));
            return 1;
        }

        fwrite(samples, sizeof(int16_t), (size_t) n * (size_t) channels,
               stdout);
    }

    opus_multistream_decoder_destroy(decoder);

    return 0;
}


static int
encode(int rate, int channels, int samples, int bits)
{
    int             n, rc;
    OpusMSEncoder  *encoder;
    const layout_t *l;

    static int16_t  frame[FRAME_MAX * CHANNELS_MAX];
    static uint8_t  packet[4000];

    l = layout(channels);
    encoder = opus_multistream_encoder_create(rate, channels, l->streams,
                                              l->coupled, l->mapping,
                                              OPUS_APPLICATION_VOIP, &rc);

    if (encoder == NULL || samples > FRAME_MAX) {
        return 1;
    }

    opus_multistream_encoder_ctl(encoder, OPUS_SET_BITRATE(bits));

    while (fread(frame, sizeof(int16_t) * (size_t) channels, (size_t) samples,
                 stdin)
           == (size_t) samples)
    {
        n = opus_multistream_encode(encoder, frame, samples, packet,
                                    sizeof(packet));

        if (n < 0) {
            return 1;
        }

        putchar(n >> 8);
        putchar(n & 0xff);
        fwrite(packet, 1, (size_t) n, stdout);
    }

    opus_multistream_encoder_destroy(encoder);

    return 0;
}


static double
db(double value)
{
    return value > 0 ? 20 * log10(value / 32767) : -200;
}


static int
by_value(const void *one, const void *two)
{
    double  a = *(const double *) one, b = *(const double *) two;

    return a < b ? -1 : a > b;
}


/* The usual period: those that a gap, or a click, made longer do not count. */

static double
pitch_of(double *periods, size_t n, int rate)
{
    size_t  i, used;
    double  sum, median;

    if (n == 0) {
        return 0;
    }

    qsort(periods, n, sizeof(double), by_value);
    median = periods[n / 2];
    sum = 0;
    used = 0;

    for (i = 0; i < n; i++) {
        if (fabs(periods[i] - median) < median / 10) {
            sum += periods[i];
            used++;
        }
    }

    return rate * (double) used / sum;
}


static int
level(int rate, int channels)
{
    int      c, peak;
    size_t   i, k, n, room, periods;
    double   sum, at, last, *period;
    int16_t *samples, *more, now, before;

    samples = NULL;
    room = 0;
    n = 0;

    do {
        room += 1 << 16;
        more = realloc(samples, room * (size_t) channels * sizeof(int16_t));

        if (more == NULL) {
            return 1;
        }

        samples = more;
        k = fread(samples + n * (size_t) channels,
                  sizeof(int16_t) * (size_t) channels, room - n, stdin);
        n += k;

    } while (n == room);

    period = malloc((n + 1) * sizeof(double));

    if (period == NULL) {
        return 1;
    }

    for (c = 0; c < channels; c++) {
        sum = 0;
        peak = 0;
        last = -1;
        before = 0;
        periods = 0;

        for (i = 0; i < n; i++) {
            now = samples[i * (size_t) channels + (size_t) c];
            sum += (double) now * now;
            peak = abs(now) > peak ? abs(now) : peak;

            if (before < 0 && now >= 0) {
                at = (double) i - (double) now / (now - before);

                if (last >= 0) {
                    period[periods++] = at - last;
                }

                last = at;
            }

            before = now;
        }

        printf("%zu %.2f %.2f %.1f\n", n, db(peak),
               n ? db(sqrt(sum / (double) n)) : -200,
               pitch_of(period, periods, rate));
    }

    free(period);
    free(samples);

    return 0;
}


int
main(int argc, char **argv)
{
    if (argc == 7 && strcmp(argv[1], "tone") == 0) {
        return tone(atoi(argv[2]), atoi(argv[3]), atof(argv[4]), atof(argv[5]),
                    atof(argv[6]));
    }

    if (argc == 3 && strcmp(argv[1], "decode") == 0) {
        return decode(atoi(argv[2]));
    }

    if (argc == 6 && strcmp(argv[1], "encode") == 0) {
        return encode(atoi(argv[2]), atoi(argv[3]), atoi(argv[4]),
                      atoi(argv[5]));
    }

    if (argc == 4 && strcmp(argv[1], "level") == 0) {
        return level(atoi(argv[2]), atoi(argv[3]));
    }

    fprintf(stderr, "usage: sound tone|decode|encode|level ...\n");

    return 2;
}
