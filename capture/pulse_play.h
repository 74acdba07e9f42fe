
/*
 * Copyright (C) ngx_selkies authors
 *
 * A client's microphone for the desktop's programs: what it says is played
 * into the sink "input", whose monitor they record as "SelkiesVirtualMic".
 * Where either is missing it is made, and taken away again by end().
 *
 * Thread: the one that opened it.  Ownership: strings are the caller's and
 * outlive it.  Nothing waits for the server; see pulse.h.
 */


#ifndef SELKIES_PULSE_PLAY_H_INCLUDED
#define SELKIES_PULSE_PLAY_H_INCLUDED


#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture.h"


#define SELKIES_PLAYER_RATE         24000       /* samples a second, mono */
#define SELKIES_PLAYER_SINK         "input"
#define SELKIES_PLAYER_SOURCE       "SelkiesVirtualMic"


typedef struct selkies_player_s  selkies_player_t;


#pragma GCC visibility push(hidden)


/* Begins to connect.  `cookie` may be NULL.  NULL where memory is out. */

selkies_player_t *selkies_player_open(const char *server, const char *cookie,
    int wake_fd, const selkies_log_t *log);


/* As selkies_pulse_run(). */

selkies_status_t selkies_player_run(selkies_player_t *player,
    uint64_t timeout_us);


/*
 * Plays as many samples as there is room for, 40 ms ahead; how many were
 * taken, 0 before it is ready.  run() returns when there may be more room.
 */

size_t selkies_player_write(selkies_player_t *player, const int16_t *samples,
    size_t n);


/* Takes away what was made; run() goes on until ended() says so. */

void selkies_player_end(selkies_player_t *player);

bool selkies_player_ended(const selkies_player_t *player);


/* Does not wait.  NULL is allowed. */

void selkies_player_close(selkies_player_t *player);


#pragma GCC visibility pop


#endif /* SELKIES_PULSE_PLAY_H_INCLUDED */
