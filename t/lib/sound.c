
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
 *     sound match RATE SAID HEARD                where a file of one channel is
 *                                                in another, and how alike:
 *                                                "seconds dB-louder median
 *                                                share", the last two of the
 *                                                correlations of those pieces
 *                                                that are not quiet: their
 *                                                median, and how many of one
 *                                                are good
 */


#include <math.h>
#include <opus/opus_multistream.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CHANNELS_MAX  8
#define FRAME_MAX     5760

#define COARSE        8                 /* samples taken together at first */
#define PIECES_MAX    1000
#define PIECE         0.15              /* seconds */
#define PIECE_SLACK   0.2
#define GOOD          0.8               /* of a correlation */


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


typedef struct {
    double          *at;
    long             n;
} samples_t;


/* Of a file; each the mean of `together`. */

static samples_t
load(const char *name, int together)
{
    int        k;
    long       i, n;
    FILE      *file;
    double     sum;
    int16_t    value;
    samples_t  samples;

    samples.at = NULL;
    samples.n = 0;

    file = fopen(name, "rb");

    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        fprintf(stderr, "sound: %s?\n", name);
        exit(1);
    }

    n = ftell(file) / 2 / together;
    rewind(file);
    samples.at = calloc((size_t) n + 1, sizeof(double));

    for (i = 0; samples.at != NULL && i < n; i++) {
        sum = 0;

        for (k = 0; k < together && fread(&value, 2, 1, file) == 1; k++) {
            sum += value;
        }

        samples.at[i] = sum / together;
        samples.n++;
    }

    fclose(file);

    return samples;
}


/* Of said[from, from + n) and heard, `lag` later; 0 where that has an end. */

static double
alike(const samples_t *said, const samples_t *heard, long from, long n,
    long lag, double *ratio)
{
    long    i;
    double  both, one, other, a, b;

    if (from + lag < 0 || from + lag + n > heard->n) {
        return 0;
    }

    both = 0;
    one = 0;
    other = 0;

    for (i = from; i < from + n; i++) {
        a = said->at[i];
        b = heard->at[i + lag];
        both += a * b;
        one += a * a;
        other += b * b;
    }

    if (ratio != NULL) {
        *ratio = one > 0 ? other / one : 0;
    }

    return one > 0 && other > 0 ? both / sqrt(one * other) : 0;
}


static long
best(const samples_t *said, const samples_t *heard, long from, long n,
    long first, long last, double *value)
{
    long    lag, at;
    double  now;

    at = first;
    *value = -1;

    for (lag = first; lag <= last; lag++) {
        now = alike(said, heard, from, n, lag, NULL);

        if (now > *value) {
            *value = now;
            at = lag;
        }
    }

    return at;
}


/*
 * Each piece is looked for around where the one before was: what a busy machine
 * played late is not where it would be.
 */

static int
match(int rate, const char *said_name, const char *heard_name)
{
    long       i, at, lag, piece, slack;
    size_t     n, good;
    double     value, ratio, power, mean;
    samples_t  said, heard, coarse, echo;

    static double  pieces[PIECES_MAX];

    coarse = load(said_name, COARSE);
    echo = load(heard_name, COARSE);
    said = load(said_name, 1);
    heard = load(heard_name, 1);

    lag = COARSE * best(&coarse, &echo, 0, coarse.n, 0, echo.n - coarse.n,
                        &value);
    lag = best(&said, &heard, 0, said.n, lag - 2 * COARSE, lag + 2 * COARSE,
               &value);
    ratio = 0;
    (void) alike(&said, &heard, 0, said.n, lag, &ratio);

    piece = (long) (PIECE * rate) / COARSE;
    slack = (long) (PIECE_SLACK * rate) / COARSE;
    mean = 0;
    good = 0;
    n = 0;

    for (i = 0; i < coarse.n; i++) {
        mean += coarse.at[i] * coarse.at[i] / (double) coarse.n;
    }

    at = lag / COARSE;

    for (i = 0; i + piece <= coarse.n && n < PIECES_MAX; i += piece) {
        power = 0;

        for (long k = i; k < i + piece; k++) {
            power += coarse.at[k] * coarse.at[k] / (double) piece;
        }

        if (power < mean / 10) {
            continue;
        }

        at = best(&coarse, &echo, i, piece, at - slack, at + slack, &value);
        (void) best(&said, &heard, i * COARSE, piece * COARSE,
                    (at - 2) * COARSE, (at + 2) * COARSE, &pieces[n]);

        if (pieces[n] < GOOD) {
            at = lag / COARSE;

        } else {
            good++;
        }

        n++;
    }

    qsort(pieces, n, sizeof(double), by_value);

    printf("%.3f %.2f %.3f %.3f\n", (double) lag / rate,
           ratio > 0 ? 10 * log10(ratio) : -200, n ? pieces[n / 2] : 0,
           n ? (double) good / (double) n : 0);

    free(coarse.at);
    free(echo.at);
    free(said.at);
    free(heard.at);

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

    if (argc == 5 && strcmp(argv[1], "match") == 0) {
        return match(atoi(argv[2]), argv[3], argv[4]);
    }

    fprintf(stderr, "usage: sound tone|decode|encode|level|match ...\n");

    return 2;
}
