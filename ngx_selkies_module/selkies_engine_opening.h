
/*
 * Copyright (C) ngx_selkies authors
 *
 * An encoder that is opened while something else is waited for: who has just
 * come waits for an X connection and a first capture, and opening takes as
 * long as both.
 *
 * Thread: an engine's display thread calls, one of its own opens and ends.
 * Ownership: the caller has the memory, zeroed before its first use.
 */


#ifndef SELKIES_ENGINE_OPENING_H_INCLUDED
#define SELKIES_ENGINE_OPENING_H_INCLUDED


#include <stdbool.h>

#include "../encoders/encoder.h"
#include "selkies_thread.h"


#pragma GCC visibility push(hidden)


/* All fields are private. */

typedef struct {
    pthread_t                thread;
    bool                     begun;
    selkies_encoder_conf_t   conf;
    const selkies_log_t     *log;
    selkies_encoder_t       *encoder;
} selkies_engine_opening_t;


/*
 * Begins to open an encoder for H.264.  What is being opened already is left
 * alone where it has this size, and given up where not.
 */

void selkies_engine_opening_begin(selkies_engine_opening_t *o,
    const selkies_encoder_conf_t *conf, const selkies_log_t *log);


/*
 * The encoder, which becomes the caller's, if one was begun that serves; else
 * NULL.  Waits until it is open, some milliseconds.
 */

selkies_encoder_t *selkies_engine_opening_take(selkies_engine_opening_t *o,
    const selkies_encoder_conf_t *conf);


/* Nobody has a use for it. */

void selkies_engine_opening_drop(selkies_engine_opening_t *o);


#pragma GCC visibility pop


#endif /* SELKIES_ENGINE_OPENING_H_INCLUDED */
