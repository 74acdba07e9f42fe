
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A client's connection with the time of each byte: see wire.h.
 *
 * Threads: the reader appends, the owner takes; what both touch is under the
 * lock.  Ownership: the buffer is the wire's.
 */


#define _GNU_SOURCE

#include "wire.h"

#include "stamp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define WIRE_CHUNK     65536
#define WIRE_MARKS     65536            /* a power of two */
#define WIRE_TURN_NS   10000000
#define WIRE_MAX       (256u * 1024 * 1024)

#define WIRE_TEXT      1
#define WIRE_CLOSE     8
#define WIRE_PING      9
#define WIRE_PONG      10


/* all bytes before "end" had come at that time */

typedef struct {
    uint64_t         end;
    uint64_t         time_us;
} wire_mark_t;


struct bench_wire_s {
    int              fd;
    int              websocket;
    bench_turn_pt    turn;
    void            *data;

    pthread_mutex_t  lock;
    pthread_cond_t   came;
    uint8_t         *buf;
    size_t           size;
    uint64_t         base;              /* stream offset of buf[0] */
    uint64_t         taken;
    uint64_t         end;
    _Atomic uint64_t  throttle;
    int              closed;
    wire_mark_t      marks[WIRE_MARKS];
    size_t           first_mark;
    size_t           last_mark;

    uint64_t         arrived_us;
    uint64_t         left;              /* of the frame that is being read */
    uint8_t         *message;
    size_t           message_size;
};


static void wire_die(const char *what);
static void wire_append(bench_wire_t *wire, const uint8_t *p, size_t n);
static void wire_hold(bench_wire_t *wire, size_t n, uint64_t *due_us);
static void *wire_reader(void *data);
static void wire_raw(bench_wire_t *wire, void *buf, size_t n);
static void wire_write(bench_wire_t *wire, const uint8_t *p, size_t n);
static int wire_header(bench_wire_t *wire, uint64_t *n);
static int wire_upgrade(bench_wire_t *wire, unsigned port, const char *path);


static void
wire_die(const char *what)
{
    fprintf(stderr, "meter: %s\n", what);
    exit(1);
}


/* Under the lock.  What was taken makes room first. */

static void
wire_append(bench_wire_t *wire, const uint8_t *p, size_t n)
{
    size_t    kept;
    uint8_t  *buf;

    kept = (size_t) (wire->end - wire->taken);

    if ((size_t) (wire->end - wire->base) + n > wire->size) {
        memmove(wire->buf, wire->buf + (wire->taken - wire->base), kept);
        wire->base = wire->taken;
    }

    if (kept + n > wire->size) {
        buf = realloc(wire->buf, 2 * (kept + n));

        if (buf == NULL || kept + n > WIRE_MAX) {
            wire_die("the decoder is too slow for this stream");
        }

        wire->buf = buf;
        wire->size = 2 * (kept + n);
    }

    memcpy(wire->buf + (wire->end - wire->base), p, n);
    wire->end += n;

    /* a full list widens its last entry: later is the safe side */
    if (((wire->last_mark + 1) & (WIRE_MARKS - 1)) == wire->first_mark) {
        wire->last_mark = (wire->last_mark - 1) & (WIRE_MARKS - 1);
    }

    wire->marks[wire->last_mark].end = wire->end;
    wire->marks[wire->last_mark].time_us = bench_clock_us();
    wire->last_mark = (wire->last_mark + 1) & (WIRE_MARKS - 1);
}


/* Sleeps until n more bytes are due under the throttle. */

static void
wire_hold(bench_wire_t *wire, size_t n, uint64_t *due_us)
{
    uint64_t         rate, now_us;
    struct timespec  ts;

    rate = wire->throttle;

    if (rate == 0) {
        return;
    }

    now_us = bench_clock_us();
    *due_us = (*due_us > now_us ? *due_us : now_us) + n * 1000000 / rate;

    ts.tv_sec = (time_t) (*due_us / 1000000);
    ts.tv_nsec = (long) (*due_us % 1000000) * 1000;

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}


static void *
wire_reader(void *data)
{
    bench_wire_t  *wire = data;

    ssize_t        n;
    uint64_t       due_us;
    static uint8_t chunk[WIRE_CHUNK];

    due_us = 0;

    for ( ;; ) {
        n = read(wire->fd, chunk, wire->throttle ? 4096 : sizeof(chunk));

        if (n < 0 && errno == EINTR) {
            continue;
        }

        pthread_mutex_lock(&wire->lock);

        if (n > 0) {
            wire_append(wire, chunk, (size_t) n);

        } else {
            wire->closed = 1;
        }

        pthread_cond_signal(&wire->came);
        pthread_mutex_unlock(&wire->lock);

        if (n <= 0) {
            return NULL;
        }

        wire_hold(wire, (size_t) n, &due_us);
    }
}


/* n bytes as they came; under the lock only while nothing is waited for */

static void
wire_raw(bench_wire_t *wire, void *buf, size_t n)
{
    wire_mark_t      *mark;
    struct timespec   until;

    pthread_mutex_lock(&wire->lock);

    while (wire->end - wire->taken < n) {

        if (wire->closed) {
            wire_die("the server closed the connection");
        }

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += WIRE_TURN_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;

        pthread_cond_clockwait(&wire->came, &wire->lock, CLOCK_MONOTONIC,
                               &until);

        pthread_mutex_unlock(&wire->lock);
        wire->turn(wire->data);
        pthread_mutex_lock(&wire->lock);
    }

    memcpy(buf, wire->buf + (wire->taken - wire->base), n);
    wire->taken += n;

    mark = &wire->marks[wire->first_mark];

    while (mark->end < wire->taken && wire->first_mark != wire->last_mark) {
        wire->first_mark = (wire->first_mark + 1) & (WIRE_MARKS - 1);
        mark = &wire->marks[wire->first_mark];
    }

    wire->arrived_us = mark->time_us;

    pthread_mutex_unlock(&wire->lock);
}


static void
wire_write(bench_wire_t *wire, const uint8_t *p, size_t n)
{
    ssize_t  rc;

    while (n) {
        rc = send(wire->fd, p, n, MSG_NOSIGNAL);

        if (rc < 0 && errno == EINTR) {
            continue;
        }

        if (rc < 0) {
            wire_die("the server takes nothing");
        }

        p += rc;
        n -= (size_t) rc;
    }
}


/* RFC 6455, 5.2; servers do not mask.  Returns the opcode and the FIN bit. */

static int
wire_header(bench_wire_t *wire, uint64_t *n)
{
    size_t   i, more;
    uint8_t  head[10];

    wire_raw(wire, head, 2);

    if (head[1] & 0x80) {
        wire_die("a masked frame");
    }

    *n = head[1];
    more = *n == 126 ? 2 : *n == 127 ? 8 : 0;

    if (more) {
        wire_raw(wire, head + 2, more);

        for (*n = 0, i = 0; i < more; i++) {
            *n = *n << 8 | head[2 + i];
        }
    }

    if (*n > WIRE_MAX) {
        wire_die("a frame too large");
    }

    return head[0];
}


int
bench_wire_message(bench_wire_t *wire, const uint8_t **data, size_t *n)
{
    int        head, opcode;
    size_t     length;
    uint64_t   more;

    length = 0;
    opcode = 0;

    for ( ;; ) {
        head = wire_header(wire, &more);

        if (length + more > wire->message_size) {
            wire->message_size = 2 * (length + (size_t) more);
            wire->message = realloc(wire->message, wire->message_size);

            if (wire->message == NULL) {
                wire_die("no memory");
            }
        }

        wire_raw(wire, wire->message + length, (size_t) more);

        if ((head & 0xf) == WIRE_PING) {
            bench_wire_send(wire, WIRE_PONG, wire->message + length,
                            (size_t) more);
            continue;
        }

        if ((head & 0xf) == WIRE_CLOSE) {
            wire_die("the server closed the websocket");
        }

        if ((head & 0xf) == WIRE_PONG) {
            continue;
        }

        opcode = head & 0xf ? head & 0xf : opcode;
        length += (size_t) more;

        if (head & 0x80) {
            break;
        }
    }

    *data = wire->message;
    *n = length;

    return opcode;
}


/* On a websocket the frames' borders mean nothing to RFB. */

void
bench_wire_get(bench_wire_t *wire, void *buf, size_t n)
{
    int       opcode;
    size_t    part;
    uint8_t  *p, control[256];

    if (!wire->websocket) {
        wire_raw(wire, buf, n);
        return;
    }

    for (p = buf; n; p += part, n -= part) {

        while (wire->left == 0) {
            opcode = wire_header(wire, &wire->left) & 0xf;

            if (opcode < WIRE_CLOSE) {
                continue;
            }

            if (wire->left > sizeof(control) || opcode == WIRE_CLOSE) {
                wire_die("the server closed the websocket");
            }

            wire_raw(wire, control, (size_t) wire->left);

            if (opcode == WIRE_PING) {
                bench_wire_send(wire, WIRE_PONG, control, (size_t) wire->left);
            }

            wire->left = 0;
        }

        part = n < wire->left ? n : (size_t) wire->left;
        wire_raw(wire, p, part);
        wire->left -= part;
    }
}


/* The mask is all zeros: it hides nothing here, and the bytes stay readable. */

void
bench_wire_send(bench_wire_t *wire, int opcode, const void *data, size_t n)
{
    size_t   head;
    uint8_t  frame[8 + 4096];

    if (!wire->websocket) {
        wire_write(wire, data, n);
        return;
    }

    if (n > 4096) {
        wire_die("a message too long to send");
    }

    memset(frame, 0, 8);
    frame[0] = (uint8_t) (0x80 | opcode);

    if (n < 126) {
        frame[1] = (uint8_t) (0x80 | n);
        head = 6;

    } else {
        frame[1] = 0x80 | 126;
        frame[2] = (uint8_t) (n >> 8);
        frame[3] = (uint8_t) n;
        head = 8;
    }

    memcpy(frame + head, data, n);
    wire_write(wire, frame, head + n);
}


/* Reads byte by byte: what follows the head belongs to the websocket. */

static int
wire_upgrade(bench_wire_t *wire, unsigned port, const char *path)
{
    int     n;
    char    text[512];
    size_t  i;

    n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n"
                 "Host: 127.0.0.1:%u\r\n"
                 "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Key: bWV0ZXIgb2YgYmVuY2gxMg==\r\n"
                 "Sec-WebSocket-Protocol: binary\r\n"
                 "Sec-WebSocket-Version: 13\r\n\r\n", path, port);

    if (n < 0 || (size_t) n >= sizeof(text)) {
        return -1;
    }

    wire_write(wire, (const uint8_t *) text, (size_t) n);

    for (i = 0; i < 4 || memcmp(text + i - 4, "\r\n\r\n", 4) != 0; i++) {

        if (i == sizeof(text) - 1) {
            return -1;
        }

        wire_raw(wire, text + i, 1);
    }

    text[i] = '\0';

    if (strncmp(text, "HTTP/1.1 101 ", 13) != 0) {
        fprintf(stderr, "meter: no websocket: %.60s\n", text);
        return -1;
    }

    return 0;
}


bench_wire_t *
bench_wire_open(unsigned port, const char *path, int rcvbuf_bytes,
    bench_turn_pt turn, void *data)
{
    int                 on;
    pthread_t           reader;
    bench_wire_t       *wire;
    struct sockaddr_in  addr;

    wire = calloc(1, sizeof(bench_wire_t));

    if (wire == NULL) {
        return NULL;
    }

    wire->turn = turn;
    wire->data = data;
    wire->size = 1024 * 1024;
    wire->buf = malloc(wire->size);
    wire->fd = socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, 0);
    pthread_mutex_init(&wire->lock, NULL);
    pthread_cond_init(&wire->came, NULL);

    memset(&addr, 0, sizeof(addr));
    addr.sin_family = AF_INET;
    addr.sin_port = htons((uint16_t) port);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    /* before connect(), or the window is negotiated already */
    if (rcvbuf_bytes) {
        setsockopt(wire->fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf_bytes,
                   sizeof(rcvbuf_bytes));
    }

    on = 1;
    setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    if (wire->buf == NULL || wire->fd == -1
        || connect(wire->fd, (struct sockaddr *) &addr, sizeof(addr)) == -1
        || pthread_create(&reader, NULL, wire_reader, wire) != 0)
    {
        perror("meter: connect");
        goto failed;
    }

    if (path != NULL && wire_upgrade(wire, port, path) != 0) {
        exit(1);
    }

    wire->websocket = path != NULL;

    return wire;

failed:

    if (wire->fd != -1) {
        close(wire->fd);
    }

    free(wire->buf);
    free(wire);

    return NULL;
}


uint64_t
bench_wire_arrived_us(bench_wire_t *wire)
{
    return wire->arrived_us;
}


uint64_t
bench_wire_received_bytes(bench_wire_t *wire)
{
    uint64_t  n;

    pthread_mutex_lock(&wire->lock);
    n = wire->end;
    pthread_mutex_unlock(&wire->lock);

    return n;
}


void
bench_wire_throttle(bench_wire_t *wire, uint64_t bytes_per_s)
{
    wire->throttle = bytes_per_s;
}
