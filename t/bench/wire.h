
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A client's end of a TCP connection to 127.0.0.1, with or without a
 * websocket around it.  A thread of its own takes bytes off the socket and
 * notes when each came, so a decoder that is busy makes nothing look late.
 *
 * Threads: all functions are for one thread, the one that opened it.
 * Ownership: a wire belongs to who opened it; it is one per process and lives
 * as long.
 */


#ifndef BENCH_WIRE_H_INCLUDED
#define BENCH_WIRE_H_INCLUDED


#include <stddef.h>
#include <stdint.h>


#pragma GCC visibility push(hidden)


typedef struct bench_wire_s  bench_wire_t;

/* called again and again while bytes are waited for, at least each 10 ms */
typedef void (*bench_turn_pt)(void *data);


/*
 * Connects; a path other than NULL asks for a websocket there (RFC 6455, 4.1).
 * rcvbuf_bytes is 0 for the system's choice.  NULL: refused, reason on stderr.
 */
bench_wire_t *bench_wire_open(unsigned port, const char *path,
    int rcvbuf_bytes, bench_turn_pt turn, void *data);

/* Exactly n bytes of payload, calling turn while waiting.  Ends the process
   when the peer closes. */
void bench_wire_get(bench_wire_t *wire, void *buf, size_t n);

/* The next message of a websocket: its opcode; the payload is the wire's
   until the next call.  Pings are answered on the way. */
int bench_wire_message(bench_wire_t *wire, const uint8_t **data, size_t *n);

/* Sends payload, masked in a frame of that opcode on a websocket. */
void bench_wire_send(bench_wire_t *wire, int opcode, const void *data,
    size_t n);

/* When the last byte that was handed out had come, in microseconds. */
uint64_t bench_wire_arrived_us(bench_wire_t *wire);

/* All bytes that came so far, frames' headers included. */
uint64_t bench_wire_received_bytes(bench_wire_t *wire);

/* Reading is held to that many bytes a second from now on; 0: to nothing. */
void bench_wire_throttle(bench_wire_t *wire, uint64_t bytes_per_s);


#pragma GCC visibility pop


#endif /* BENCH_WIRE_H_INCLUDED */
