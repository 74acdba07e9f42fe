
/*
 * Copyright (C) ngx_selkies authors
 *
 * A client's microphone in the worker that has its socket: a thread that plays
 * what the client sends to the desktop's programs.  What comes faster than it
 * is played, or while there is no server, is dropped: it would be heard late.
 *
 * Thread: everything here belongs to the event loop, and none of it waits but
 * stop().
 */


#ifndef SELKIES_MICROPHONE_H_INCLUDED
#define SELKIES_MICROPHONE_H_INCLUDED


#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../capture/capture.h"


typedef struct selkies_microphone_s  selkies_microphone_t;


#pragma GCC visibility push(hidden)


/*
 * Strings and the log are the caller's and outlive it; `cookie` may be NULL.
 * `wake` is called by the thread once it has ended, and must not block.  NULL
 * where the system gives no thread.
 */

selkies_microphone_t *selkies_microphone_start(const char *server,
    const char *cookie, void (*wake)(void), const selkies_log_t *log);


/*
 * What a message holds: samples, 16 bits little-endian at 24 kHz, or one Opus
 * packet.  Whether it was taken.
 */

bool selkies_microphone_feed(selkies_microphone_t *microphone,
    const uint8_t *data, size_t len, bool opus);


/* Its user is gone: the thread ends, having taken away what it made. */

void selkies_microphone_end(selkies_microphone_t *microphone);


/* Whether it has: stop() does not wait then. */

bool selkies_microphone_is_done(selkies_microphone_t *microphone);


/*
 * Ends it; NULL is allowed.  SELKIES_AGAIN where the thread did not end within
 * the time: it is left running with its memory.
 */

selkies_status_t selkies_microphone_stop(selkies_microphone_t *microphone,
    uint32_t timeout_ms);


#pragma GCC visibility pop


#endif /* SELKIES_MICROPHONE_H_INCLUDED */
