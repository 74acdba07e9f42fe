
/*
 * Copyright (C) ngx_selkies authors
 *
 * A connection to a PulseAudio server, and its loop: what recording and
 * playing have in common.
 *
 * Thread: the one that opened it.
 */


#ifndef SELKIES_PULSE_LINK_H_INCLUDED
#define SELKIES_PULSE_LINK_H_INCLUDED


#include <pulse/pulseaudio.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture.h"


typedef struct selkies_pulse_link_s  selkies_pulse_link_t;


typedef enum {
    SELKIES_PULSE_SINK = 0,
    SELKIES_PULSE_SOURCE
} selkies_pulse_kind_e;


struct selkies_pulse_link_s {
    pa_mainloop        *loop;
    pa_io_event        *wake;
    pa_context         *context;

    bool                lost;           /* set to have run() say so */
    bool                there;          /* what is looked for */

    void              (*ready)(void *data);
    void              (*found)(void *data, bool there);
    void              (*stream_ready)(void *data);
    void               *data;           /* of all callbacks */
};


#pragma GCC visibility push(hidden)


/*
 * Begins to connect; `ready` is called, in run(), once that is done.  All of
 * `link` is set.  SELKIES_ERROR where memory is out; it may be closed then.
 */

selkies_status_t selkies_pulse_link_open(selkies_pulse_link_t *link,
    const char *server, const char *cookie, int wake_fd,
    void (*ready)(void *data), void *data);


/* As selkies_pulse_run(). */

selkies_status_t selkies_pulse_link_run(selkies_pulse_link_t *link,
    uint64_t timeout_us);


/* An operation of which only the callback matters; whether it was begun. */

bool selkies_pulse_link_begun(pa_operation *operation);


/*
 * Whether there is one of that name: `found` is called in run().  One is looked
 * for at a time.
 */

void selkies_pulse_link_find(selkies_pulse_link_t *link,
    selkies_pulse_kind_e kind, const char *name,
    void (*found)(void *data, bool there));


/*
 * Before the stream, the link's only one, is connected: `ready` is called in
 * run() once it is; where it is not, or no more, the link is lost.
 */

void selkies_pulse_link_watch(selkies_pulse_link_t *link, pa_stream *stream,
    void (*ready)(void *data));


/*
 * A null sink that nobody used has rendered two seconds ahead, and does not
 * come back from there for who begins to record it, or to play, with a short
 * latency: all that is played by then comes late.  Has it forget them.  Other
 * sinks are left alone; "" is none.
 */

void selkies_pulse_link_rouse(selkies_pulse_link_t *link, const char *sink);


/* Streams go first. */

void selkies_pulse_link_close(selkies_pulse_link_t *link);


/* NULL is allowed; no callback of it comes any more. */

void selkies_pulse_link_drop_stream(pa_stream *stream);


#pragma GCC visibility pop


#endif /* SELKIES_PULSE_LINK_H_INCLUDED */
