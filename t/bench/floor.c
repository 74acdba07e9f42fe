
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * What cannot be beaten, to hold the figures of `make bench` against:
 *
 *     floor x264 WxH N        N frames of the load "video", already NV12, by
 *                             libx264 alone: ultrafast, zerolatency, QP 25
 *     floor memcpy WxH        copies of a screen
 *     floor writer PORT N HZ  whoever connects gets N bytes HZ times a second
 *                             from a loop of epoll and write(), until stdin
 *                             ends; "ready" when it listens
 *
 * The first two print "floor name=value ...".
 *
 * Thread: one, and libx264's.  Ownership: until the process ends.
 */


#define _GNU_SOURCE

#include "frames.h"
#include "stamp.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <x264.h>


#define FLOOR_KEPT      30              /* frames, played there and back */
#define FLOOR_COPIES    100
#define FLOOR_CLIENTS   4096
#define FLOOR_EVENTS    64
#define FLOOR_QP        25
#define FLOOR_HZ        60


typedef struct {
    int        fd;
    size_t     left;                    /* of the message under way */
} floor_client_t;


static void
floor_die(const char *what)
{
    fprintf(stderr, "floor: %s\n", what);
    exit(1);
}


static double
floor_cpu_ms(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return (double) ts.tv_sec * 1e3 + (double) ts.tv_nsec / 1e6;
}


static void *
floor_memory(size_t n)
{
    void  *p;

    p = malloc(n);

    if (p == NULL) {
        floor_die("no memory");
    }

    memset(p, 0, n);

    return p;
}


/* BT.709, 16 to 235; a chroma sample is its block's upper left pixel */

static void
floor_nv12(const uint32_t *rgb, uint8_t *out, int w, int h)
{
    int       x, y, r, g, b;
    uint8_t  *chroma;

    chroma = out + (size_t) w * (size_t) h;

    for (y = 0; y < h; y++) {
        for (x = 0; x < w; x++) {
            r = (int) (rgb[y * w + x] >> 16 & 0xff);
            g = (int) (rgb[y * w + x] >> 8 & 0xff);
            b = (int) (rgb[y * w + x] & 0xff);

            out[(size_t) y * (size_t) w + (size_t) x] =
                (uint8_t) ((4096 + 47 * r + 157 * g + 16 * b) >> 8);

            if (((x | y) & 1) == 0) {
                *chroma++ = (uint8_t) ((32768 - 26 * r - 86 * g + 112 * b)
                                       >> 8);
                *chroma++ = (uint8_t) ((32768 + 112 * r - 102 * g - 10 * b)
                                       >> 8);
            }
        }
    }
}


static uint8_t *
floor_frames(int w, int h, size_t size)
{
    int             i;
    uint8_t        *frames;
    uint32_t       *rgb;
    bench_scene_t  *scene;

    scene = bench_scene_create();

    if (scene == NULL) {
        floor_die("no memory");
    }

    rgb = floor_memory((size_t) w * (size_t) h * 4);
    frames = floor_memory(size * FLOOR_KEPT);

    for (i = 0; i < FLOOR_KEPT; i++) {
        bench_scene_render(scene, rgb, (size_t) w, w, h, i);
        floor_nv12(rgb, frames + (size_t) i * size, w, h);
    }

    free(rgb);
    bench_scene_free(scene);

    return frames;
}


static x264_t *
floor_open(int w, int h)
{
    x264_t        *x264;
    x264_param_t   param;

    if (x264_param_default_preset(&param, "ultrafast", "zerolatency") != 0) {
        floor_die("x264_param_default_preset() failed");
    }

    param.i_width = w;
    param.i_height = h;
    param.i_csp = X264_CSP_NV12;
    param.i_fps_num = FLOOR_HZ;
    param.i_fps_den = 1;
    param.i_threads = 1;
    param.i_keyint_max = X264_KEYINT_MAX_INFINITE;
    param.i_scenecut_threshold = 0;
    param.i_log_level = X264_LOG_ERROR;
    param.rc.i_rc_method = X264_RC_CQP;
    param.rc.i_qp_constant = FLOOR_QP;

    x264 = x264_encoder_open(&param);

    if (x264 == NULL) {
        floor_die("x264_encoder_open() failed");
    }

    return x264;
}


static void
floor_x264(int w, int h, int n)
{
    int              i, k, size, nals;
    double           ms;
    size_t           bytes, frame;
    x264_t          *x264;
    uint8_t         *frames;
    x264_nal_t      *nal;
    x264_picture_t   in, out;

    frame = (size_t) w * (size_t) h * 3 / 2;
    frames = floor_frames(w, h, frame);
    x264 = floor_open(w, h);
    bytes = 0;
    ms = 0;

    x264_picture_init(&in);
    in.img.i_csp = X264_CSP_NV12;
    in.img.i_plane = 2;
    in.img.i_stride[0] = in.img.i_stride[1] = w;

    for (i = 0; i <= n; i++) {
        k = i % (2 * FLOOR_KEPT - 2);
        k = k < FLOOR_KEPT ? k : 2 * FLOOR_KEPT - 2 - k;

        in.i_pts = i;
        in.img.plane[0] = frames + (size_t) k * frame;
        in.img.plane[1] = in.img.plane[0] + (size_t) w * (size_t) h;

        size = x264_encoder_encode(x264, &nal, &nals, &in, &out);

        if (size <= 0) {
            floor_die("x264_encoder_encode() failed");
        }

        /* the key picture is not what is measured */
        if (i == 0) {
            ms = floor_cpu_ms();

        } else {
            bytes += (size_t) size;
        }
    }

    ms = (floor_cpu_ms() - ms) / n;
    x264_encoder_close(x264);
    free(frames);

    printf("floor ms=%.3f cpu=%.1f kbytes=%.1f\n", ms, ms * FLOOR_HZ / 10,
           (double) bytes / n * FLOOR_HZ / 1000);
}


static void
floor_memcpy(int w, int h)
{
    int        i;
    char      *from, *to;
    double     ms;
    size_t     n;
    unsigned   sum;

    n = (size_t) w * (size_t) h * 4;
    from = floor_memory(n);
    to = floor_memory(n);
    sum = 0;
    ms = floor_cpu_ms();

    for (i = 0; i < FLOOR_COPIES; i++) {
        from[i] = (char) i;
        memcpy(to, from, n);
        sum += (unsigned char) to[i];
    }

    ms = (floor_cpu_ms() - ms) / FLOOR_COPIES;

    /* the sum keeps the copies from being left out */
    printf("floor ms=%.3f gbytes=%.2f cpu=%.1f sum=%u\n", ms,
           (double) n / ms / 1e6, ms * FLOOR_HZ / 10, sum);
    free(from);
    free(to);
}


/* A client that takes nothing keeps what it has been sent. */

static void
floor_write(floor_client_t *c, const char *message, size_t n)
{
    ssize_t  rc;

    if (c->fd == -1 || c->left == 0) {
        return;
    }

    rc = send(c->fd, message + n - c->left, c->left,
              MSG_NOSIGNAL|MSG_DONTWAIT);

    if (rc > 0) {
        c->left -= (size_t) rc;
    }
}


static int
floor_listen(unsigned port)
{
    int                 fd, on;
    struct sockaddr_in  addr;

    memset(&addr, 0, sizeof(addr));
    addr.sin_family = AF_INET;
    addr.sin_port = htons((uint16_t) port);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    on = 1;
    fd = socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, 0);

    if (fd == -1
        || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1
        || bind(fd, (struct sockaddr *) &addr, sizeof(addr)) == -1
        || listen(fd, 1024) == -1)
    {
        floor_die("cannot listen");
    }

    return fd;
}


static void
floor_watch(int epoll, int fd, uint32_t events, void *data)
{
    struct epoll_event  event;

    event.events = events;
    event.data.ptr = data;

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == -1) {
        floor_die("epoll_ctl() failed");
    }
}


static void
floor_accept(int epoll, int listener, floor_client_t *clients, size_t *n)
{
    int  fd, on;

    fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK|SOCK_CLOEXEC);

    if (fd == -1 || *n == FLOOR_CLIENTS) {
        return;
    }

    on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    clients[*n].fd = fd;
    floor_watch(epoll, fd, EPOLLOUT|EPOLLET, &clients[*n]);
    (*n)++;
}


static void
floor_writer(unsigned port, size_t size, long hz)
{
    int                    i, n, epoll, timer, listener;
    char                  *message;
    size_t                 k, nclients;
    uint64_t               ticks;
    struct itimerspec      spec;
    struct epoll_event     events[FLOOR_EVENTS];
    static floor_client_t  clients[FLOOR_CLIENTS];

    message = floor_memory(size);
    nclients = 0;
    listener = floor_listen(port);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC|TFD_NONBLOCK);

    memset(&spec, 0, sizeof(spec));
    spec.it_interval.tv_nsec = 1000000000 / hz - (hz == 1);
    spec.it_value = spec.it_interval;
    timerfd_settime(timer, 0, &spec, NULL);

    /* addresses of locals stand for what is no client */
    floor_watch(epoll, listener, EPOLLIN, &listener);
    floor_watch(epoll, timer, EPOLLIN, &timer);
    floor_watch(epoll, 0, EPOLLIN, &epoll);

    printf("ready\n");

    for ( ;; ) {
        n = epoll_wait(epoll, events, FLOOR_EVENTS, -1);

        for (i = 0; i < n; i++) {

            if (events[i].data.ptr == &epoll) {
                return;
            }

            if (events[i].data.ptr == &listener) {
                floor_accept(epoll, listener, clients, &nclients);
                continue;
            }

            if (events[i].data.ptr != &timer) {
                floor_write(events[i].data.ptr, message, size);
                continue;
            }

            if (read(timer, &ticks, sizeof(ticks)) != sizeof(ticks)) {
                continue;
            }

            for (k = 0; k < nclients; k++) {
                clients[k].left = clients[k].left ? clients[k].left : size;
                floor_write(&clients[k], message, size);
            }
        }
    }
}


int
main(int argc, char **argv)
{
    int   w, h;
    long  n, hz;

    setvbuf(stdout, NULL, _IOLBF, 0);

    w = 0;
    h = 0;

    if (argc > 2 && sscanf(argv[2], "%dx%d", &w, &h) == 2
        && (w < 16 || h < 16 || w > 16384 || h > 16384 || (w | h) & 1))
    {
        floor_die("a size it cannot take");
    }

    if (argc == 4 && strcmp(argv[1], "x264") == 0 && h) {
        n = strtol(argv[3], NULL, 10);
        floor_x264(w, h, n > 0 && n < 100000 ? (int) n : 300);

    } else if (argc == 3 && strcmp(argv[1], "memcpy") == 0 && h) {
        floor_memcpy(w, h);

    } else if (argc == 5 && strcmp(argv[1], "writer") == 0) {
        n = strtol(argv[3], NULL, 10);
        hz = strtol(argv[4], NULL, 10);

        if (n <= 0 || hz <= 0) {
            floor_die("bytes and rate are above 0");
        }

        floor_writer((unsigned) strtoul(argv[2], NULL, 10), (size_t) n, hz);

    } else {
        floor_die("usage: floor x264 WxH N | memcpy WxH | writer PORT N HZ");
    }

    return 0;
}
