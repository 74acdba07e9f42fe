
/*
 * Copyright (C) ngx_selkies authors
 *
 * What ngx_http_selkies_worker.c and ngx_http_selkies_owner.c share: the state
 * of this process.
 *
 * Thread: the event loop; threads of ours read ngx_http_selkies_cycle and the
 * worker's `shared` and `entry`, which do not change while they run.
 */


#ifndef NGX_HTTP_SELKIES_WORKER_H_INCLUDED
#define NGX_HTTP_SELKIES_WORKER_H_INCLUDED


#include "ngx_http_selkies_module.h"
#include "selkies_thread.h"


#define NGX_HTTP_SELKIES_JOIN_MS  2000      /* for a thread to end */


/* Who serves gamepads: those of the configuration's displays, and others. */

typedef enum {
    NGX_HTTP_SELKIES_PADS_FIRST = 0,        /* worker */
    NGX_HTTP_SELKIES_PADS_OWNER,
    NGX_HTTP_SELKIES_PADS_BELLS
} ngx_http_selkies_pads_bell_e;


/* What the master makes for a cycle and its workers inherit. */

typedef struct {
    ngx_uint_t                    generation;
    ngx_uint_t                    nworkers;
    int                          *worker_bells;
    int                           display_bells[SELKIES_STREAMS_MAX];
    int                           desktop_bells[SELKIES_STREAMS_MAX];
    int                           audio_bells[SELKIES_STREAMS_MAX];
    int                           pads_bells[NGX_HTTP_SELKIES_PADS_BELLS];
} ngx_http_selkies_cycle_t;


typedef struct {
    ngx_http_selkies_main_conf_t *conf;
    ngx_slab_pool_t              *shpool;
    selkies_shared_t             *shared;
    selkies_worker_t             *entry;
    ngx_connection_t             *bell;         /* of this worker */
    pthread_t                     waiter;       /* for the ownership */
    _Atomic bool                  won;          /* the waiter has it */
    ngx_uint_t                    nsessions;
    u_char                       *scratch;
    unsigned                      waiting:1;
    unsigned                      owner:1;
    unsigned                      quitting:1;
} ngx_http_selkies_worker_t;


#pragma GCC visibility push(hidden)


extern int                         ngx_http_selkies_lock_fd;
extern ngx_http_selkies_cycle_t   *ngx_http_selkies_cycle;
extern ngx_http_selkies_worker_t   ngx_http_selkies_worker;


/* ngx_http_selkies_counts.c: adds to a count of ours; what it was */

uint32_t ngx_http_selkies_count(ngx_http_selkies_display_t *display,
    selkies_count_e count, ngx_int_t n);


/* Tries to become the owner, or has a thread wait for that. */

void ngx_http_selkies_elect(void);

/* The waiting thread has won. */

void ngx_http_selkies_become_owner(void);

/* The waiting thread, if any, ends, and so does an ownership. */

void ngx_http_selkies_resign(void);

/*
 * The owner: an engine for each display that is watched, none for others, and
 * the same for its sound.
 */

void ngx_http_selkies_service(void);

/* ngx_http_selkies_gamepads.c */

/* The master: sockets for the displays that have gamepads, none for others. */

void ngx_http_selkies_gamepads_listen(ngx_cycle_t *cycle,
    ngx_http_selkies_main_conf_t *smcf);

/* A worker begins to serve them, if it is the one that does. */

void ngx_http_selkies_gamepads_start(ngx_cycle_t *cycle);

/*
 * The owner: sockets for a display that variables name, if they name a folder
 * for them.  One attempt for a record; the log says why there are none.
 */

void ngx_http_selkies_gamepads_serve(ngx_http_selkies_display_t *display);

/* A worker ceases to serve those of a display, or any, if it did. */

void ngx_http_selkies_gamepads_close(ngx_http_selkies_display_t *display);
void ngx_http_selkies_gamepads_stop(void);

/* What clients of workers that are gone held, and of this one, goes. */

void ngx_http_selkies_gamepads_orphans(void);


/* Ends all engines, or the process if one of them does not end. */

void ngx_http_selkies_stop_engines(void);


#pragma GCC visibility pop


#endif /* NGX_HTTP_SELKIES_WORKER_H_INCLUDED */
