
/*
 * Copyright (C) ngx_selkies authors
 *
 * See selkies_thread.h.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "selkies_thread.h"


#define SELKIES_THREAD_STACK_BYTES  (2 * 1024 * 1024)


static cpu_set_t  selkies_thread_cpus;
static int        selkies_thread_have_cpus;


void
selkies_thread_init(void)
{
    if (!selkies_thread_have_cpus
        && sched_getaffinity(0, sizeof(cpu_set_t), &selkies_thread_cpus) == 0)
    {
        selkies_thread_have_cpus = 1;
    }
}


int
selkies_thread_start(pthread_t *thread, const char *name,
    void *(*start)(void *), void *data)
{
    int             rc;
    char            label[16];
    sigset_t        blocked, before;
    pthread_attr_t  attr;

    sigfillset(&blocked);
    sigdelset(&blocked, SIGSEGV);
    sigdelset(&blocked, SIGBUS);
    sigdelset(&blocked, SIGILL);
    sigdelset(&blocked, SIGFPE);

    rc = pthread_attr_init(&attr);

    if (rc != 0) {
        return rc;
    }

    pthread_attr_setstacksize(&attr, SELKIES_THREAD_STACK_BYTES);

    if (selkies_thread_have_cpus) {
        pthread_attr_setaffinity_np(&attr, sizeof(cpu_set_t),
                                    &selkies_thread_cpus);
    }

    pthread_sigmask(SIG_SETMASK, &blocked, &before);

    rc = pthread_create(thread, &attr, start, data);

    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);

    if (rc == 0) {
        strncpy(label, name, sizeof(label) - 1);
        label[sizeof(label) - 1] = '\0';
        pthread_setname_np(*thread, label);
    }

    return rc;
}


selkies_status_t
selkies_thread_join(pthread_t thread, uint32_t timeout_ms)
{
    struct timespec  until;

    clock_gettime(CLOCK_MONOTONIC, &until);

    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long) (timeout_ms % 1000) * 1000000;

    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }

#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 31)

    if (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until) != 0) {
        return SELKIES_AGAIN;
    }

#else

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000 + 1;

    if (pthread_timedjoin_np(thread, NULL, &until) != 0) {
        return SELKIES_AGAIN;
    }

#endif

    return SELKIES_OK;
}


int
selkies_bell_open(void)
{
    return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}


static void
selkies_bell_add(int bell, uint64_t n)
{
    /* EAGAIN: it is ringing already */

    while (write(bell, &n, sizeof(n)) == -1 && errno == EINTR) {
        /* void */
    }
}


void
selkies_bell_ring(int bell)
{
    selkies_bell_add(bell, SELKIES_BELL_ALL);
}


void
selkies_bell_ring_sound(int bell)
{
    selkies_bell_add(bell, SELKIES_BELL_SOUND);
}


uint64_t
selkies_bell_take(int bell)
{
    ssize_t   n;
    uint64_t  count;

    do {
        n = read(bell, &count, sizeof(count));
    } while (n == -1 && errno == EINTR);

    return n == (ssize_t) sizeof(count) ? count : 0;
}


void
selkies_bell_wait(int bell, int fd, uint64_t timeout_us)
{
    struct pollfd     fds[2];
    struct timespec   ts, *timeout;

    fds[0].fd = bell;
    fds[0].events = POLLIN;
    fds[0].revents = 0;
    fds[1].fd = fd;
    fds[1].events = POLLIN;
    fds[1].revents = 0;

    timeout = NULL;

    if (timeout_us != UINT64_MAX) {
        ts.tv_sec = (time_t) (timeout_us / 1000000);
        ts.tv_nsec = (long) (timeout_us % 1000000) * 1000;
        timeout = &ts;
    }

    ppoll(fds, fd == -1 ? 1 : 2, timeout, NULL);

    if (fds[0].revents & POLLIN) {
        (void) selkies_bell_take(bell);
    }
}
