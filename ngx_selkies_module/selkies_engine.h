
/*
 * Copyright (C) ngx_selkies authors
 *
 * The engine of one X display in the owner worker: a display thread (damage,
 * capture, conversion, encoding, ring) and a desktop thread (cursor, RandR).
 * It carries out the wishes in the stream's shared place and publishes what
 * is; it knows neither nginx nor clients.
 *
 * Thread: start(), stop() and free() belong to the event loop of the owner;
 * kick() may be called by anybody.  The threads block all signals, run on
 * all processors and end only by stop().
 */


#ifndef SELKIES_ENGINE_H_INCLUDED
#define SELKIES_ENGINE_H_INCLUDED


#include "../capture/capture.h"
#include "../capture/screen.h"
#include "../encoders/fonts.h"
#include "../encoders/overlay.h"
#include "selkies_shared.h"


typedef struct selkies_engine_s  selkies_engine_t;


/*
 * Strings are the caller's and outlive the engine, as do the shared block,
 * the log and both bells.
 *
 * A bell is a non-blocking eventfd: whoever changes a wish writes to both.
 * They are made before the workers are forked, so that every worker can ring
 * them, whoever is the owner.
 */

typedef struct {
    selkies_shared_t         *shared;
    selkies_stream_t         *stream;

    const char               *display;
    const char               *xauthority;       /* NULL: none */
    int                       framebuffer_fd;   /* -1: none */
    selkies_capture_mode_t    capture;
    const selkies_image_t    *watermark;        /* NULL: none */
    selkies_overlay_place_t   watermark_place;
    const selkies_fonts_t    *fonts;            /* of text; NULL: none */

    int                       display_bell;
    int                       desktop_bell;

    uint64_t                  idle_us;          /* X is let go after this */

    /* any engine thread: something was published; must not block */

    void                    (*wake)(void *data, uint32_t stream_index);

    /* any engine thread: the engine of another screen of the same X display,
       if there is one, looks at its stream; must not block */

    void                    (*ring)(void *data, uint32_t stream_index);
    void                     *data;

    const selkies_log_t      *log;
} selkies_engine_conf_t;


#pragma GCC visibility push(hidden)


/*
 * Starts both threads; whether there is an X server shows later in
 * engine_state.  NULL where the system gives no thread.
 */

selkies_engine_t *selkies_engine_start(const selkies_engine_conf_t *conf);


/* The encoders that were built in: a bit for each selkies_encoder_id_t. */

uint32_t selkies_engine_encoders(void);


/*
 * Any thread.  The encoder in force: the one that is wanted, or, while somebody
 * watches who can show nothing else, the one for whole pictures in place of
 * one that codes in rows.
 */

uint32_t selkies_engine_encoder(selkies_shared_t *shared,
    selkies_stream_t *stream);


/*
 * Whether the engine has let go of X, because nobody has watched for idle_us:
 * it may be stopped without a wait.
 */

bool selkies_engine_is_idle(selkies_engine_t *engine);


/*
 * Ends the threads, freeing one that is stuck in Xlib, and then the engine.
 * SELKIES_AGAIN where a thread did not end within `timeout_ms`: it is left
 * running with its memory, and the process should end.
 */

selkies_status_t selkies_engine_stop(selkies_engine_t *engine,
    uint32_t timeout_ms);


#pragma GCC visibility pop


#endif /* SELKIES_ENGINE_H_INCLUDED */
