
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Many viewers of one server in one process: they read and throw away, or
 * stop reading, and what each of them costs the server is measured.
 *
 *     fan selkies|rfb|raw --port N --viewers N [--path P] [--stop]
 *         [--size WxH] [--base S] [--warmup S] [--seconds S] [--pid PID]...
 *
 * It measures for --base seconds without them, lets them connect, waits for
 * --warmup and measures for --seconds.
 *
 * With --stop the viewers read for the time of the warm-up only.  Prints
 * "fan name=value ..."; the memory is what it grew by since before the first
 * viewer came.
 *
 * Viewers of RFB ask for an update every 16 ms without looking at what comes.
 *
 * Thread: one.  Ownership: all of it lives until the process ends.
 */


#define _GNU_SOURCE

#include "proc.h"
#include "stamp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>


#define FAN_EVENTS    64
#define FAN_PIDS      8
#define FAN_ASK_US    16000
#define FAN_TEXT      1
#define FAN_BINARY    2
#define FAN_PING      9
#define FAN_PONG      10


typedef struct fan_s     fan_t;
typedef struct viewer_s  viewer_t;


typedef struct {
    const char      *name;
    void           (*hello)(fan_t *fan, viewer_t *v);
    void           (*ask)(fan_t *fan, viewer_t *v);
} fan_kind_t;


/* what is read of a websocket: a header, then so many bytes */

struct viewer_s {
    int              fd;
    uint8_t          head[14];
    size_t           have;
    uint64_t         left;
    uint8_t          ping[125];
    size_t           nping;
};


struct fan_s {
    const fan_kind_t  *kind;
    unsigned         port;
    const char      *path;
    unsigned         n;
    int              stop;
    int              width;
    int              height;
    double           warmup_s;
    double           base_s;
    double           seconds;
    pid_t            pids[FAN_PIDS];
    size_t           npids;

    int              epoll;
    viewer_t        *viewers;
    unsigned         gone;
    uint64_t         bytes;
    uint64_t         asked_us;
};


static void fan_hello_selkies(fan_t *fan, viewer_t *v);
static void fan_hello_rfb(fan_t *fan, viewer_t *v);
static void fan_ask_rfb(fan_t *fan, viewer_t *v);


static const fan_kind_t  fan_kinds[] = {
    { "selkies", fan_hello_selkies, NULL },
    { "rfb", fan_hello_rfb, fan_ask_rfb },
    { "raw", NULL, NULL },
};


static void
fan_die(const char *what)
{
    fprintf(stderr, "fan: %s: %s\n", what, strerror(errno));
    exit(1);
}


/* What a viewer says is short: the socket always has room for it. */

static void
fan_send(fan_t *fan, viewer_t *v, int opcode, const void *data, size_t n)
{
    size_t   head;
    uint8_t  frame[8 + 512];

    if (v->fd == -1 || n > 512) {
        return;
    }

    memset(frame, 0, 8);
    head = 0;

    if (fan->path != NULL) {
        frame[0] = (uint8_t) (0x80 | opcode);
        frame[1] = (uint8_t) (0x80 | (n < 126 ? n : 126));
        head = 6;

        if (n >= 126) {
            frame[2] = (uint8_t) (n >> 8);
            frame[3] = (uint8_t) n;
            head = 8;
        }
    }

    memcpy(frame + head, data, n);

    if (send(v->fd, frame, head + n, MSG_NOSIGNAL) < 0 && errno != EAGAIN) {
        close(v->fd);
        v->fd = -1;
        fan->gone++;
    }
}


static void
fan_hello_selkies(fan_t *fan, viewer_t *v)
{
    static const char  ext[] =
        "_ext,{\"version\":\"bench\",\"want\":[\"status\",\"lite\"]}";

    fan_send(fan, v, FAN_TEXT, ext, sizeof(ext) - 1);
    fan_send(fan, v, FAN_TEXT, "START_VIDEO", 11);
}


/* RFC 6143, 7.1 to 7.5, said without waiting for the answers */

static void
fan_hello_rfb(fan_t *fan, viewer_t *v)
{
    static const uint8_t  encodings[] = {
        2, 0, 0, 4,  0, 0, 0, 1,  0, 0, 0, 7,  0xff, 0xff, 0xff, 0xe6,
        0xff, 0xff, 0xff, 0x20
    };

    fan_send(fan, v, FAN_BINARY, "RFB 003.008\n\001\001", 14);
    fan_send(fan, v, FAN_BINARY, encodings, sizeof(encodings));
}


static void
fan_ask_rfb(fan_t *fan, viewer_t *v)
{
    uint8_t  ask[10];

    memset(ask, 0, sizeof(ask));
    ask[0] = 3;
    ask[1] = 1;
    ask[6] = (uint8_t) (fan->width >> 8);
    ask[7] = (uint8_t) fan->width;
    ask[8] = (uint8_t) (fan->height >> 8);
    ask[9] = (uint8_t) fan->height;

    fan_send(fan, v, FAN_BINARY, ask, sizeof(ask));
}


/* Blocks: viewers come one after the other. */

static void
fan_upgrade(fan_t *fan, viewer_t *v)
{
    int     n;
    char    text[1024];
    size_t  i;

    n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n"
                 "Host: 127.0.0.1:%u\r\n"
                 "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Key: bWV0ZXIgb2YgYmVuY2gxMg==\r\n"
                 "Sec-WebSocket-Protocol: binary\r\n"
                 "Sec-WebSocket-Version: 13\r\n\r\n", fan->path, fan->port);

    if (n < 0 || send(v->fd, text, (size_t) n, MSG_NOSIGNAL) != n) {
        fan_die("send");
    }

    for (i = 0; i < 4 || memcmp(text + i - 4, "\r\n\r\n", 4) != 0; i++) {
        if (i == sizeof(text) || recv(v->fd, text + i, 1, 0) != 1) {
            fan_die("no websocket");
        }
    }

    if (memcmp(text, "HTTP/1.1 101", 12) != 0) {
        fprintf(stderr, "fan: %.40s\n", text);
        exit(1);
    }
}


static void
fan_connect(fan_t *fan, viewer_t *v)
{
    int                 on;
    struct sockaddr_in  addr;
    struct epoll_event  event;

    memset(&addr, 0, sizeof(addr));
    addr.sin_family = AF_INET;
    addr.sin_port = htons((uint16_t) fan->port);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    v->fd = socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, 0);

    if (v->fd == -1
        || connect(v->fd, (struct sockaddr *) &addr, sizeof(addr)) == -1)
    {
        fan_die("connect");
    }

    on = 1;
    setsockopt(v->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    if (fan->path != NULL) {
        fan_upgrade(fan, v);
    }

    fcntl(v->fd, F_SETFL, O_NONBLOCK);

    if (fan->kind->hello != NULL) {
        fan->kind->hello(fan, v);
    }

    event.events = EPOLLIN;
    event.data.ptr = v;

    if (epoll_ctl(fan->epoll, EPOLL_CTL_ADD, v->fd, &event) == -1) {
        fan_die("epoll_ctl");
    }
}


/* RFC 6455, 5.2: as much of it as finding the pings takes */

static void
fan_frames(fan_t *fan, viewer_t *v, const uint8_t *p, const uint8_t *end)
{
    size_t  i, need, part;

    while (p < end) {

        if (v->left) {
            part = (size_t) (end - p) < v->left ? (size_t) (end - p)
                                                : (size_t) v->left;

            if ((v->head[0] & 0xf) == FAN_PING
                && v->nping + part <= sizeof(v->ping))
            {
                memcpy(v->ping + v->nping, p, part);
                v->nping += part;
            }

            p += part;
            v->left -= part;

        } else {
            v->head[v->have++] = *p++;
            need = v->have < 2 ? 2 : (v->head[1] & 0x7f) == 126
                   ? 4 : (v->head[1] & 0x7f) == 127 ? 10 : 2;

            if (v->have < need) {
                continue;
            }

            v->left = need == 2 ? v->head[1] & 0x7f : 0;

            for (i = 2; i < need; i++) {
                v->left = v->left << 8 | v->head[i];
            }

            v->have = 0;
            v->nping = 0;
        }

        if (v->left == 0 && v->have == 0 && (v->head[0] & 0xf) == FAN_PING) {
            fan_send(fan, v, FAN_PONG, v->ping, v->nping);
        }
    }
}


static void
fan_read(fan_t *fan, viewer_t *v)
{
    ssize_t         n;
    static uint8_t  buf[65536];

    if (v->fd == -1) {
        return;
    }

    n = read(v->fd, buf, sizeof(buf));

    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        close(v->fd);
        v->fd = -1;
        fan->gone++;
        return;
    }

    if (n > 0) {
        fan->bytes += (uint64_t) n;

        if (fan->path != NULL) {
            fan_frames(fan, v, buf, buf + n);
        }
    }
}


static void
fan_turn(fan_t *fan, int reading, int timeout_ms)
{
    int                 i, n;
    unsigned            k;
    uint64_t            now_us;
    struct epoll_event  events[FAN_EVENTS];

    now_us = bench_clock_us();

    if (fan->kind->ask != NULL && reading
        && now_us - fan->asked_us >= FAN_ASK_US)
    {
        fan->asked_us = now_us;

        for (k = 0; k < fan->n; k++) {
            if (fan->viewers[k].fd > 0) {
                fan->kind->ask(fan, &fan->viewers[k]);
            }
        }
    }

    if (!reading) {
        usleep(10000);
        return;
    }

    n = epoll_wait(fan->epoll, events, FAN_EVENTS, timeout_ms);

    for (i = 0; i < n; i++) {
        fan_read(fan, events[i].data.ptr);
    }
}


static void
fan_for(fan_t *fan, double seconds, int reading)
{
    uint64_t  until_us;

    until_us = bench_clock_us() + (uint64_t) (seconds * 1e6);

    while (bench_clock_us() < until_us) {
        fan_turn(fan, reading, 10);
    }
}


static bench_usage_t
fan_usage(fan_t *fan)
{
    size_t         i;
    bench_usage_t  usage;

    memset(&usage, 0, sizeof(usage));

    for (i = 0; i < fan->npids; i++) {
        bench_usage_add(&usage, fan->pids[i]);
    }

    return usage;
}


/* of one core, from one usage to the other */

static double
fan_percent(const bench_usage_t *from, const bench_usage_t *to,
    uint64_t since_us)
{
    double  us;

    us = (double) (bench_clock_us() - since_us) + 1;

    return (double) (to->cpu_ns - from->cpu_ns) / us / 10;
}


static void
fan_options(fan_t *fan, int argc, char **argv)
{
    int     c;
    size_t  i;

    static const struct option  options[] = {
        { "port", 1, NULL, 'p' },
        { "path", 1, NULL, 'u' },
        { "viewers", 1, NULL, 'n' },
        { "size", 1, NULL, 's' },
        { "stop", 0, NULL, 'z' },
        { "warmup", 1, NULL, 'w' },
        { "base", 1, NULL, 'b' },
        { "seconds", 1, NULL, 't' },
        { "pid", 1, NULL, 'i' },
        { NULL, 0, NULL, 0 }
    };

    memset(fan, 0, sizeof(fan_t));
    fan->warmup_s = 2;
    fan->seconds = 5;

    for (i = 0; i < sizeof(fan_kinds) / sizeof(fan_kinds[0]); i++) {
        if (argc > 1 && strcmp(argv[1], fan_kinds[i].name) == 0) {
            fan->kind = &fan_kinds[i];
        }
    }

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {

        case 'p':
            fan->port = (unsigned) strtoul(optarg, NULL, 10);
            break;

        case 'u':
            fan->path = optarg;
            break;

        case 'n':
            fan->n = (unsigned) strtoul(optarg, NULL, 10);
            break;

        case 's':
            c = sscanf(optarg, "%dx%d", &fan->width, &fan->height) == 2
                ? c : '?';
            break;

        case 'z':
            fan->stop = 1;
            break;

        case 'w':
            fan->warmup_s = strtod(optarg, NULL);
            break;

        case 'b':
            fan->base_s = strtod(optarg, NULL);
            break;

        case 't':
            fan->seconds = strtod(optarg, NULL);
            break;

        case 'i':
            if (fan->npids < FAN_PIDS) {
                fan->pids[fan->npids++] = (pid_t) strtol(optarg, NULL, 10);
            }

            break;

        default:
            break;
        }

        if (c == '?') {
            exit(1);
        }
    }

    if (fan->kind == NULL || fan->port == 0) {
        errno = EINVAL;
        fan_die("usage: fan selkies|rfb|raw --port N --viewers N ...");
    }
}


int
main(int argc, char **argv)
{
    double         s, base;
    fan_t          fan;
    unsigned       i;
    uint64_t       bytes, since_us;
    bench_usage_t  before, from, to;
    struct rlimit  files;

    fan_options(&fan, argc, argv);

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }

    fan.epoll = epoll_create1(EPOLL_CLOEXEC);
    fan.viewers = calloc(fan.n + 1, sizeof(viewer_t));

    if (fan.viewers == NULL || fan.epoll == -1) {
        fan_die("memory");
    }

    /* without a viewer, on the same server just before: what differs then is
       theirs */
    since_us = bench_clock_us();
    from = fan_usage(&fan);
    fan_for(&fan, fan.base_s, 0);
    before = fan_usage(&fan);
    base = fan_percent(&from, &before, since_us);

    for (i = 0; i < fan.n; i++) {
        fan_connect(&fan, &fan.viewers[i]);

        /* those that are here go on reading */
        fan_turn(&fan, 1, 0);
    }

    fan_for(&fan, fan.warmup_s, 1);

    bytes = fan.bytes;
    since_us = bench_clock_us();
    from = fan_usage(&fan);

    fan_for(&fan, fan.seconds, !fan.stop);

    to = fan_usage(&fan);
    s = (double) (bench_clock_us() - since_us) / 1e6;

    printf("fan viewers=%u gone=%u base_cpu=%.3f cpu=%.3f kbytes=%.1f"
           " rss_kb=%lld pss_kb=%lld grown_kb=%lld\n", fan.n, fan.gone, base,
           fan_percent(&from, &to, since_us),
           (double) (fan.bytes - bytes) / s / 1000,
           (long long) to.rss_kb - (long long) before.rss_kb,
           (long long) to.pss_kb - (long long) before.pss_kb,
           (long long) to.pss_kb - (long long) from.pss_kb);
    free(fan.viewers);

    return 0;
}
