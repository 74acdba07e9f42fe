
/*
 * Copyright (C) ngx_selkies authors
 *
 * A program that beeps, and knows when: for how long sound takes on its way.
 *
 *     beeps SINK HZ PERIOD_MS COUNT
 *
 * Plays into a sink of $PULSE_SERVER, with 20 ms ahead: silence, and a tone of
 * 100 ms each period.  For each of them a line, "WRITTEN DUE": when its first
 * sample was given to the server, and when the sink plays it, by what the
 * server says; milliseconds since 1970.
 */


#include <math.h>
#include <pulse/pulseaudio.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define RATE        48000
#define AHEAD_MS    20
#define BEEP_MS     100
#define PIECE       480
#define PEAK        12000


typedef struct {
    const char    *sink;
    double         hz;
    long           period;              /* samples */
    long           count;
    long           at;                  /* next sample */
    pa_mainloop   *loop;
    pa_stream     *stream;
} beeps_t;


static double
now_ms(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    return (double) ts.tv_sec * 1000 + (double) ts.tv_nsec / 1e6;
}


static void
tell(beeps_t *b, long before)
{
    int        negative;
    double     now, ahead;
    pa_usec_t  latency;

    now = now_ms();
    latency = 0;
    negative = 0;

    (void) pa_stream_get_latency(b->stream, &latency, &negative);

    ahead = negative ? -(double) latency / 1000 : (double) latency / 1000;

    printf("%.3f %.3f\n", now, now + ahead + 1000.0 * (double) before / RATE);
    fflush(stdout);
}


static void
fill(pa_stream *stream, size_t bytes, void *data)
{
    long      i, n, phase;
    beeps_t  *b = data;
    int16_t   samples[PIECE];

    while (bytes >= sizeof(int16_t)) {
        n = (long) (bytes / sizeof(int16_t));
        n = n < PIECE ? n : PIECE;

        for (i = 0; i < n; i++, b->at++) {
            phase = b->at % b->period;
            samples[i] = 0;

            if (b->at < b->period || phase >= BEEP_MS * RATE / 1000) {
                continue;
            }

            if (phase == 0) {

                if (b->count-- == 0) {
                    pa_mainloop_quit(b->loop, 0);
                    return;
                }

                tell(b, i);
            }

            samples[i] = (int16_t) lround(PEAK * cos(2 * M_PI * b->hz
                                                     * (double) phase / RATE));
        }

        (void) pa_stream_write(stream, samples, (size_t) n * sizeof(int16_t),
                               NULL, 0, PA_SEEK_RELATIVE);
        bytes -= (size_t) n * sizeof(int16_t);
    }
}


static void
stream_state(pa_stream *stream, void *data)
{
    beeps_t  *b = data;

    if (!PA_STREAM_IS_GOOD(pa_stream_get_state(stream))) {
        pa_mainloop_quit(b->loop, 1);
    }
}


static void
context_state(pa_context *context, void *data)
{
    beeps_t         *b = data;
    pa_buffer_attr   attr;

    static const pa_sample_spec  spec = { PA_SAMPLE_S16NE, RATE, 1 };

    if (!PA_CONTEXT_IS_GOOD(pa_context_get_state(context))) {
        pa_mainloop_quit(b->loop, 1);
        return;
    }

    if (pa_context_get_state(context) != PA_CONTEXT_READY) {
        return;
    }

    memset(&attr, 0xff, sizeof(attr));
    attr.tlength = AHEAD_MS * RATE / 1000 * sizeof(int16_t);

    b->stream = pa_stream_new(context, "beeps", &spec, NULL);

    if (b->stream == NULL) {
        pa_mainloop_quit(b->loop, 1);
        return;
    }

    pa_stream_set_state_callback(b->stream, stream_state, b);
    pa_stream_set_write_callback(b->stream, fill, b);

    if (pa_stream_connect_playback(b->stream, b->sink, &attr,
                                   PA_STREAM_ADJUST_LATENCY
                                   |PA_STREAM_INTERPOLATE_TIMING
                                   |PA_STREAM_AUTO_TIMING_UPDATE, NULL, NULL)
        < 0)
    {
        pa_mainloop_quit(b->loop, 1);
    }
}


int
main(int argc, char **argv)
{
    int          rc;
    beeps_t      b;
    pa_context  *context;

    memset(&b, 0, sizeof(b));

    if (argc != 5 || atof(argv[2]) <= 0 || atol(argv[3]) <= BEEP_MS) {
        fprintf(stderr, "usage: beeps SINK HZ PERIOD_MS COUNT\n");
        return 2;
    }

    b.sink = argv[1];
    b.hz = atof(argv[2]);
    b.period = atol(argv[3]) * RATE / 1000;
    b.count = atol(argv[4]);
    b.loop = pa_mainloop_new();
    context = pa_context_new(pa_mainloop_get_api(b.loop), "beeps");

    pa_context_set_state_callback(context, context_state, &b);

    rc = 1;

    if (pa_context_connect(context, NULL, PA_CONTEXT_NOAUTOSPAWN, NULL) == 0) {
        (void) pa_mainloop_run(b.loop, &rc);
    }

    if (b.stream != NULL) {
        pa_stream_unref(b.stream);
    }

    pa_context_unref(context);
    pa_mainloop_free(b.loop);

    return rc;
}
