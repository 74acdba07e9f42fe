
/*
 * Copyright (C) ngx_selkies authors
 *
 * The sound of one display in the owner worker: a thread that records it,
 * makes Opus packets and writes them into the place's ring of sound.  It
 * knows neither nginx nor clients; how many listen is in the shared block.
 *
 * While it is quiet nothing is sent.  While nobody listens nothing is
 * recorded; after a while the server is let go of.  A server that is missing,
 * hangs or is killed is a state: it is tried again while somebody listens.
 *
 * Thread: start() and stop() belong to the event loop of the owner.
 */


#ifndef SELKIES_AUDIO_H_INCLUDED
#define SELKIES_AUDIO_H_INCLUDED


#include "../capture/capture.h"
#include "selkies_shared.h"


/*
 * Flags of packets in the ring of sound: one that only says that the sound has
 * ended, for clients of dialect 2; of sound with more than two channels, what
 * has them all, and what was made of it for who plays two.  A packet's epoch
 * there is its time, in samples at 48 kHz, which wraps.
 */

#define SELKIES_PACKET_END       SELKIES_PACKET_LITE
#define SELKIES_PACKET_SURROUND  SELKIES_PACKET_PART
#define SELKIES_PACKET_STEREO    SELKIES_PACKET_ROW


typedef struct selkies_audio_s  selkies_audio_t;


/*
 * Strings are the caller's and outlive the thread, as do the shared block, the
 * log and the bell: an eventfd that is rung when the count of listeners or a
 * wish has changed.
 */

typedef struct {
    selkies_shared_t       *shared;
    selkies_stream_t       *stream;

    const char             *server;
    const char             *cookie;             /* NULL: none */
    const char             *source;             /* "": the default */

    int                     bell;
    uint64_t                idle_us;            /* then it is let go of */

    /* the thread: a state was published, or a packet; must not block */

    void                  (*wake)(void *data, uint32_t stream_index);
    void                  (*sound)(void *data, uint32_t stream_index);
    void                   *data;

    const selkies_log_t    *log;
} selkies_audio_conf_t;


#pragma GCC visibility push(hidden)


/* Whether sound was built in. */

bool selkies_audio_built(void);


/* Before any thread of a process. */

void selkies_audio_init(void);


/* NULL where the system gives no thread. */

selkies_audio_t *selkies_audio_start(const selkies_audio_conf_t *conf);


/* Whether nobody has listened for idle_us: it may be stopped without a wait. */

bool selkies_audio_is_idle(selkies_audio_t *audio);


/*
 * Ends the thread; NULL is allowed.  SELKIES_AGAIN where it did not end within
 * the time: it is left running with its memory.
 */

selkies_status_t selkies_audio_stop(selkies_audio_t *audio,
    uint32_t timeout_ms);


/*
 * The gate for silence: whether this frame is to be encoded.  `quiet` counts
 * the silent ones in a row and begins as SELKIES_AUDIO_QUIET; a few are let
 * through, so that what the encoder still holds is heard.  `end` is set with
 * the frame behind the last one.
 */

#define SELKIES_AUDIO_QUIET     UINT32_MAX

bool selkies_audio_gate(const int16_t *samples, size_t n, uint32_t *quiet,
    bool *end);


#pragma GCC visibility pop


#endif /* SELKIES_AUDIO_H_INCLUDED */
