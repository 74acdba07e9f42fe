
/*
 * Copyright (C) ngx_selkies authors
 *
 * The desktop's sound: what a PulseAudio server plays, recorded from the
 * monitor of its sink.  PipeWire's pipewire-pulse is such a server, too.
 *
 * Nothing here waits for the server: calls return at once, run() sleeps in
 * poll() until there is news or the caller's eventfd rings.  A server that
 * hangs is one that says nothing.
 *
 * Thread: selkies_pulse_init() belongs to the process's start, the rest to
 * the one thread that opened it.  Ownership: strings are the caller's and
 * outlive it.
 */


#ifndef SELKIES_PULSE_H_INCLUDED
#define SELKIES_PULSE_H_INCLUDED


#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture.h"


#define SELKIES_PULSE_RATE          48000       /* samples a second */
#define SELKIES_PULSE_NAME_BYTES    256         /* of a source or sink */


typedef struct selkies_pulse_s  selkies_pulse_t;


typedef enum {
    SELKIES_PULSE_CONNECTING = 0,
    SELKIES_PULSE_NO_SOURCE,            /* connected; waits for one */
    SELKIES_PULSE_RUNNING               /* frames come, unless it is corked, or
                                           rests */
} selkies_pulse_state_t;


typedef struct {
    const char     *server;             /* "unix:" and a path */
    const char     *cookie;             /* its file; NULL: none is needed */
    const char     *source;             /* where there is none of the name, or
                                           it is "", the default sink's
                                           monitor is taken */
    uint32_t        channels;           /* 1, 2, 6, 8; the order of opus.h */
    uint32_t        samples;            /* of a frame, each channel */
    int             wake_fd;            /* an eventfd that ends run() */

    /* in run(): one frame, 16 bits a sample, interleaved */

    void          (*frame)(void *data, const int16_t *samples);
    void           *data;
} selkies_pulse_conf_t;


#pragma GCC visibility push(hidden)


/*
 * Before any thread: the library shall share no memory with a server (whoever
 * truncates that kills us), start none, and read nobody's files.
 */

void selkies_pulse_init(void);


/* Begins to connect; corked.  NULL where memory is out. */

selkies_pulse_t *selkies_pulse_open(const selkies_pulse_conf_t *conf,
    const selkies_log_t *log);


/*
 * Sleeps for news, at most `timeout_us` (UINT64_MAX: for ever), and handles
 * it.  SELKIES_OK, or SELKIES_LOST: close it and try again later.
 */

selkies_status_t selkies_pulse_run(selkies_pulse_t *pulse,
    uint64_t timeout_us);


selkies_pulse_state_t selkies_pulse_state(const selkies_pulse_t *pulse);


/* The source that is recorded, "" before there is one. */

const char *selkies_pulse_source(const selkies_pulse_t *pulse);


/* Corked nothing is recorded, and nothing wakes up. */

void selkies_pulse_cork(selkies_pulse_t *pulse, bool corked);


/*
 * All was silence for a while: nothing is recorded, and nothing wakes up, until
 * a program plays, where that is known.  Then frames come again by themselves.
 * May be called in frame().
 */

void selkies_pulse_rest(selkies_pulse_t *pulse);


/* Does not wait.  NULL is allowed. */

void selkies_pulse_close(selkies_pulse_t *pulse);


#pragma GCC visibility pop


#endif /* SELKIES_PULSE_H_INCLUDED */
