
/*
 * Copyright (C) ngx_selkies authors
 *
 * What every thread of ours has in common: all signals blocked but those for
 * its own faults, a stack of an explicit size, a name, all processors (nginx
 * pins a worker before we run, and x264 would see one core), and a bell, an
 * eventfd, to wake it.
 *
 * Thread: stated per function.
 */


#ifndef SELKIES_THREAD_H_INCLUDED
#define SELKIES_THREAD_H_INCLUDED


#include <pthread.h>
#include <stdint.h>

#include "../capture/capture.h"


#pragma GCC visibility push(hidden)


/* Remembers the processors this process may use.  In the master, once. */

void selkies_thread_init(void);


/* 0 or an errno.  Names are cut at 15 characters. */

int selkies_thread_start(pthread_t *thread, const char *name,
    void *(*start)(void *), void *data);


/* SELKIES_AGAIN: it has not ended within the time. */

selkies_status_t selkies_thread_join(pthread_t thread, uint32_t timeout_ms);


/* A non-blocking eventfd, close-on-exec; -1 and errno. */

int selkies_bell_open(void);


/* Any thread; never blocks. */

void selkies_bell_ring(int bell);


/*
 * Likewise, and another one for sound alone, which comes often and concerns
 * few: who takes the rings is told which kinds there were.
 */

#define SELKIES_BELL_ALL    (UINT64_C(1))
#define SELKIES_BELL_SOUND  (UINT64_C(1) << 32)

void selkies_bell_ring_sound(int bell);


/*
 * Takes all rings at once: how many, those for sound times SELKIES_BELL_SOUND.
 */

uint64_t selkies_bell_take(int bell);


/*
 * Sleeps until the bell rings, `fd` (-1: none) is readable or `timeout_us`
 * has passed; UINT64_MAX waits for ever.  Rings are taken.
 */

void selkies_bell_wait(int bell, int fd, uint64_t timeout_us);


#pragma GCC visibility pop


#endif /* SELKIES_THREAD_H_INCLUDED */
