
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The meter of `make bench`: a client of one server that decodes all it gets
 * and knows from the marks of the load (stamp.h) how old each picture is.
 *
 *     meter PROTOCOL --port N --size WxH --mark X,Y [options]
 *
 * It prints "first ..." at its first picture, "measured name=value ..." after
 * --warmup and --seconds, and "settled psnr=dB" --settle seconds later.
 *
 * Threads: main; wire.c has a reader.  Ownership: until the process ends.
 */


#define _GNU_SOURCE

#include "meter.h"

#include "stamp.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define METER_PATIENCE_US   20000000
#define METER_FRESH_US      100000
#define METER_RECOVERY_US   10000000


static void meter_sample(meter_samples_t *samples, uint64_t us);
static double meter_percentile_ms(meter_samples_t *samples, double p);
static void meter_usage(meter_t *meter, bench_usage_t *server,
    bench_usage_t *x);
static void meter_enter(meter_t *meter, meter_phase_t phase, uint64_t now_us);
static void meter_print(meter_t *meter, uint64_t now_us);
static void meter_turn(void *data);
static void meter_options(meter_options_t *o, int argc, char **argv);


static const struct {
    const char  *name;
    void       (*prepare)(meter_t *meter);      /* before the clock starts */
    void       (*run)(meter_t *meter);
} meter_protocols[] = {
    { "selkies", meter_selkies_prepare, meter_selkies },
    { "flv", NULL, meter_flv },
    { "rfb", NULL, meter_rfb },
};


void
meter_die(const char *format, ...)
{
    va_list  args;

    va_start(args, format);
    fputs("meter: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);

    exit(1);
}


static void
meter_sample(meter_samples_t *samples, uint64_t us)
{
    uint32_t  *bigger;

    if (samples->n == samples->size) {
        samples->size = samples->size ? 2 * samples->size : 1024;
        bigger = realloc(samples->us, samples->size * sizeof(uint32_t));

        if (bigger == NULL) {
            meter_die("no memory");
        }

        samples->us = bigger;
    }

    samples->us[samples->n++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t) us;
}


static int
meter_compare(const void *one, const void *two)
{
    uint32_t  a, b;

    a = *(const uint32_t *) one;
    b = *(const uint32_t *) two;

    return (a > b) - (a < b);
}


/* -1: nothing was measured */

static double
meter_percentile_ms(meter_samples_t *samples, double p)
{
    size_t  i;

    if (samples->n == 0) {
        return -1;
    }

    qsort(samples->us, samples->n, sizeof(uint32_t), meter_compare);
    i = (size_t) (p * (double) samples->n);

    return samples->us[i < samples->n ? i : samples->n - 1] / 1000.0;
}


static void
meter_usage(meter_t *meter, bench_usage_t *server, bench_usage_t *x)
{
    size_t  i;

    memset(server, 0, sizeof(bench_usage_t));
    memset(x, 0, sizeof(bench_usage_t));

    for (i = 0; i < meter->options.npids; i++) {
        bench_usage_add(server, meter->options.pids[i]);
    }

    if (meter->options.x_pid) {
        bench_usage_add(x, meter->options.x_pid);
    }
}


static void
meter_enter(meter_t *meter, meter_phase_t phase, uint64_t now_us)
{
    meter->phase = phase;
    meter->since_us = now_us;

    if (phase == METER_WARMING && meter->options.throttle) {
        bench_wire_throttle(meter->wire, meter->options.throttle);
    }

    if (phase == METER_MEASURING) {
        meter->messages = meter->pictures = meter->unread = 0;
        meter->socket.n = meter->decoded.n = 0;
        meter->received = bench_wire_received_bytes(meter->wire);
        meter_usage(meter, &meter->server, &meter->x);
    }

    if (phase == METER_RECOVERING) {
        bench_wire_throttle(meter->wire, 0);
    }
}


/* The server's trees have the X server in them where it is their child. */

static void
meter_print(meter_t *meter, uint64_t now_us)
{
    double         s, bytes;
    bench_usage_t  server, x;

    meter_usage(meter, &server, &x);
    s = (double) (now_us - meter->since_us) / 1e6;
    bytes = (double) (bench_wire_received_bytes(meter->wire)
                      - meter->received);

    printf("measured cpu=%.3f x_cpu=%.3f kbytes=%.3f pictures=%.2f"
           " messages=%.2f unread=%u socket_p50=%.2f socket_p95=%.2f"
           " decoded_p50=%.2f decoded_p95=%.2f rss=%.1f pss=%.1f"
           " processes=%u\n",
           (double) (server.cpu_ns - meter->server.cpu_ns) / s / 1e7,
           (double) (x.cpu_ns - meter->x.cpu_ns) / s / 1e7,
           bytes / s / 1000, meter->pictures / s, meter->messages / s,
           meter->unread, meter_percentile_ms(&meter->socket, 0.5),
           meter_percentile_ms(&meter->socket, 0.95),
           meter_percentile_ms(&meter->decoded, 0.5),
           meter_percentile_ms(&meter->decoded, 0.95),
           (double) server.rss_kb / 1024, (double) server.pss_kb / 1024,
           server.processes);
}


static void
meter_settle(meter_t *meter)
{
    if (meter->options.settle_s > 0 && meter->options.display != NULL) {
        printf("settled psnr=%.1f\n",
               meter_psnr(&meter->view, meter->options.display,
                          meter->options.area));
    }

    fflush(stdout);
    _exit(0);
}


static void
meter_turn(void *data)
{
    meter_t  *meter = data;

    double    s;
    uint64_t  now_us;

    if (meter->wire == NULL) {
        return;
    }

    now_us = bench_clock_us();
    s = (double) (now_us - meter->since_us) / 1e6;

    if (meter->turn != NULL) {
        meter->turn(meter);
    }

    switch (meter->phase) {

    case METER_CONNECTING:
        if (now_us - meter->started_us > METER_PATIENCE_US) {
            meter_die("no picture came");
        }

        break;

    case METER_WARMING:
        if (s >= meter->options.warmup_s) {
            meter_enter(meter, METER_MEASURING, now_us);
        }

        break;

    case METER_MEASURING:
        if (s >= meter->options.seconds) {
            meter_print(meter, now_us);
            meter_enter(meter, meter->options.throttle
                               ? METER_RECOVERING : METER_SETTLING, now_us);
        }

        break;

    case METER_RECOVERING:
        if (now_us - meter->since_us > METER_RECOVERY_US) {
            printf("recovered ms=-1\n");
            meter_settle(meter);
        }

        break;

    case METER_SETTLING:
        if (s >= meter->options.settle_s) {
            meter_settle(meter);
        }

        break;
    }
}


void
meter_picture(meter_t *meter, const meter_view_t *view, uint64_t arrived_us)
{
    uint64_t          now_us, stamp_us;
    uint32_t          cells;
    meter_options_t  *o;

    o = &meter->options;
    now_us = bench_clock_us();
    meter->view = *view;
    meter->messages++;

    if (meter->phase == METER_CONNECTING) {
        printf("first socket_ms=%.1f decoded_ms=%.1f\n",
               (double) (arrived_us - meter->started_us) / 1000,
               (double) (now_us - meter->started_us) / 1000);
        fflush(stdout);
        meter_enter(meter, METER_WARMING, now_us);
    }

    if (o->mark_x < 0 || o->mark_x > view->width - 96
        || o->mark_y > view->height - 16)
    {
        return;
    }

    /* green stands for the luma of RGB */
    cells = bench_stamp_read(view->p + o->mark_y * view->stride
                             + (size_t) o->mark_x * view->step
                             + (view->matrix == METER_RGB),
                             view->step, view->stride);

    if (!bench_stamp_time(cells, now_us, &stamp_us)) {
        meter->unread++;
        return;
    }

    if (stamp_us == meter->stamp_us) {
        return;
    }

    meter->stamp_us = stamp_us;
    meter->pictures++;
    meter_sample(&meter->socket,
                 arrived_us > stamp_us ? arrived_us - stamp_us : 0);
    meter_sample(&meter->decoded, now_us - stamp_us);

    if (meter->phase == METER_RECOVERING && now_us - stamp_us < METER_FRESH_US)
    {
        printf("recovered ms=%.0f\n",
               (double) (now_us - meter->since_us) / 1000);
        meter_settle(meter);
    }
}


static void
meter_options(meter_options_t *o, int argc, char **argv)
{
    int  c;

    static const struct option  options[] = {
        { "port", 1, NULL, 'p' },
        { "path", 1, NULL, 'u' },
        { "size", 1, NULL, 's' },
        { "mark", 1, NULL, 'm' },
        { "area", 1, NULL, 'a' },
        { "warmup", 1, NULL, 'w' },
        { "seconds", 1, NULL, 't' },
        { "settle", 1, NULL, 'e' },
        { "display", 1, NULL, 'd' },
        { "pid", 1, NULL, 'i' },
        { "x-pid", 1, NULL, 'x' },
        { "throttle", 1, NULL, 'r' },
        { "quality", 1, NULL, 'q' },
        { "no-lite", 0, NULL, 'l' },
        { "zrle", 0, NULL, 'z' },
        { NULL, 0, NULL, 0 }
    };

    memset(o, 0, sizeof(meter_options_t));
    o->mark_x = -1;
    o->lite = 1;
    o->quality = 6;
    o->seconds = 10;
    o->warmup_s = 2;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {

        case 'p':
            o->port = (unsigned) strtoul(optarg, NULL, 10);
            break;

        case 'u':
            o->path = optarg;
            break;

        case 's':
            c = sscanf(optarg, "%dx%d", &o->width, &o->height) == 2 ? c : '?';
            break;

        case 'm':
            c = sscanf(optarg, "%d,%d", &o->mark_x, &o->mark_y) == 2 ? c : '?';
            break;

        case 'a':
            c = sscanf(optarg, "%d,%d,%d,%d", &o->area[0], &o->area[1],
                       &o->area[2], &o->area[3]) == 4 ? c : '?';
            break;

        case 'w':
            o->warmup_s = strtod(optarg, NULL);
            break;

        case 't':
            o->seconds = strtod(optarg, NULL);
            break;

        case 'e':
            o->settle_s = strtod(optarg, NULL);
            break;

        case 'd':
            o->display = optarg;
            break;

        case 'i':
            if (o->npids == METER_PIDS) {
                meter_die("too many --pid");
            }

            o->pids[o->npids++] = (pid_t) strtol(optarg, NULL, 10);
            break;

        case 'x':
            o->x_pid = (pid_t) strtol(optarg, NULL, 10);
            break;

        case 'r':
            o->throttle = strtoull(optarg, NULL, 10);
            break;

        case 'q':
            o->quality = (int) strtol(optarg, NULL, 10);
            break;

        case 'l':
            o->lite = 0;
            break;

        case 'z':
            o->zrle = 1;
            break;

        default:
            break;
        }

        if (c == '?') {
            meter_die("an option it does not know");
        }
    }

    if (o->port == 0 || o->width <= 0 || o->height <= 0) {
        meter_die("--port and --size are needed");
    }
}


int
main(int argc, char **argv)
{
    size_t          i;
    static meter_t  meter;

    setvbuf(stdout, NULL, _IOLBF, 0);

    for (i = 0; i < sizeof(meter_protocols) / sizeof(meter_protocols[0]); i++) {

        if (argc < 2 || strcmp(argv[1], meter_protocols[i].name) != 0) {
            continue;
        }

        meter_options(&meter.options, argc - 1, argv + 1);

        if (meter_protocols[i].prepare != NULL) {
            meter_protocols[i].prepare(&meter);
        }

        meter.started_us = bench_clock_us();
        meter.wire = bench_wire_open(meter.options.port, meter.options.path,
                                     meter.options.throttle ? 65536 : 0,
                                     meter_turn, &meter);

        if (meter.wire == NULL) {
            return 1;
        }

        meter_protocols[i].run(&meter);
    }

    meter_die("usage: meter selkies|flv|rfb --port N --size WxH ...");
}
