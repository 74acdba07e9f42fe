
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * See joystick.h: the connections, and what comes through them.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* dup3(), SOCK_CLOEXEC */
#endif

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "joystick.h"


#define SELKIES_JOYSTICK_FDS        4096
#define SELKIES_JOYSTICK_DEVICES    64
#define SELKIES_JOYSTICK_RETRY_MS   250     /* for a server to begin */
#define SELKIES_JOYSTICK_ANSWER_MS  1000    /* for the configuration */
#define SELKIES_JOYSTICK_STEP_MS    10


_Static_assert(sizeof(selkies_joystick_config_t) == 1360,
               "the layout is the wire's");


static selkies_joystick_t            selkies_joysticks[
                                         SELKIES_JOYSTICK_DEVICES];
static selkies_joystick_t *_Atomic   selkies_joystick_fds[
                                         SELKIES_JOYSTICK_FDS];
static pthread_mutex_t               selkies_joystick_lock =
                                         PTHREAD_MUTEX_INITIALIZER;
static _Atomic int64_t               selkies_joystick_missed_ms;


static int64_t
selkies_joystick_now_ms(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_MONOTONIC, &now);

    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}


bool
selkies_joystick_path(const char *path, unsigned *pad, bool *event)
{
    static const char  folder[] = "/dev/input/";

    if (path == NULL || strncmp(path, folder, sizeof(folder) - 1) != 0) {
        return false;
    }

    path += sizeof(folder) - 1;

    if (strncmp(path, "js", 2) == 0) {
        *event = false;
        path += 2;

    } else if (strncmp(path, "event100", 8) == 0) {
        *event = true;
        path += 8;

    } else {
        return false;
    }

    if (path[0] < '0' || path[0] >= '0' + SELKIES_JOYSTICKS || path[1] != '\0')
    {
        return false;
    }

    *pad = (unsigned) (path[0] - '0');

    return true;
}


static bool
selkies_joystick_address(struct sockaddr_un *address, unsigned pad, bool event)
{
    int          n;
    const char  *folder;

    folder = getenv("SELKIES_JS_SOCKET_PATH");

    if (folder == NULL || folder[0] == '\0') {
        folder = "/tmp";
    }

    memset(address, 0, sizeof(struct sockaddr_un));
    address->sun_family = AF_UNIX;

    n = snprintf(address->sun_path, sizeof(address->sun_path),
                 "%s/selkies_%s%u.sock", folder, event ? "event" : "js",
                 event ? SELKIES_JOYSTICK_EVENTS + pad : pad);

    return n > 0 && (size_t) n < sizeof(address->sun_path);
}


/* All of `size` bytes, or false. */

static bool
selkies_joystick_take(int fd, void *buf, size_t size)
{
    char          *p = buf;
    int64_t        left, deadline;
    ssize_t        n;
    struct pollfd  wait;

    wait.fd = fd;
    wait.events = POLLIN;
    deadline = selkies_joystick_now_ms() + SELKIES_JOYSTICK_ANSWER_MS;

    while (size != 0) {
        n = recv(fd, p, size, MSG_DONTWAIT);

        if (n > 0) {
            p += n;
            size -= (size_t) n;
            continue;
        }

        left = deadline - selkies_joystick_now_ms();

        if (n == 0 || (errno != EAGAIN && errno != EINTR) || left <= 0) {
            return false;
        }

        (void) poll(&wait, 1, (int) left);
    }

    return true;
}


/*
 * A connection, described, that does not block; -1 and errno.  A server that
 * is about to begin is waited for, but by a program that opens eight devices
 * once only.
 */

static int
selkies_joystick_connect(unsigned pad, bool event,
    selkies_joystick_config_t *config)
{
    int                 fd;
    int64_t             now, deadline;
    uint8_t             bytes;
    struct timespec     step;
    struct sockaddr_un  address;

    if (!selkies_joystick_address(&address, pad, event)) {
        errno = ENAMETOOLONG;
        return -1;
    }

    fd = socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);

    if (fd == -1) {
        return -1;
    }

    now = selkies_joystick_now_ms();
    deadline = now + SELKIES_JOYSTICK_RETRY_MS;

    if (now - atomic_load(&selkies_joystick_missed_ms) < 1000) {
        deadline = now;
    }

    while (connect(fd, (struct sockaddr *) &address, sizeof(address)) == -1) {
        now = selkies_joystick_now_ms();

        if ((errno != ENOENT && errno != ECONNREFUSED && errno != EAGAIN)
            || now >= deadline)
        {
            atomic_store(&selkies_joystick_missed_ms, now);
            goto failed;
        }

        step.tv_sec = 0;
        step.tv_nsec = SELKIES_JOYSTICK_STEP_MS * 1000000L;
        (void) nanosleep(&step, NULL);
    }

    bytes = sizeof(long);

    if (selkies_joystick_take(fd, config, sizeof(selkies_joystick_config_t))
        && config->nbuttons <= 512 && config->naxes <= 64
        && send(fd, &bytes, 1, MSG_NOSIGNAL|MSG_DONTWAIT) == 1)
    {
        config->name[sizeof(config->name) - 1] = '\0';
        return fd;
    }

failed:

    close(fd);
    errno = ENODEV;

    return -1;
}


static void
selkies_joystick_reset(selkies_joystick_t *joystick, unsigned pad, bool event)
{
    unsigned  i;

    memset(joystick, 0, sizeof(selkies_joystick_t));

    joystick->used = true;
    joystick->event = event;
    joystick->pad = (uint8_t) pad;
    joystick->epoll = -1;
    joystick->gain = UINT16_MAX;

    for (i = 0; i < ABS_CNT; i++) {
        joystick->axes[i] = selkies_joystick_rest(i);
    }
}


/* Whether the descriptor is a connection to that socket of ours. */

static bool
selkies_joystick_is(int fd, unsigned pad, bool event)
{
    int                 err;
    bool                same;
    socklen_t           len;
    struct sockaddr_un  address, peer;

    err = errno;
    len = sizeof(peer);
    memset(&peer, 0, sizeof(peer));

    same = selkies_joystick_address(&address, pad, event)
           && getpeername(fd, (struct sockaddr *) &peer, &len) == 0
           && peer.sun_family == AF_UNIX
           && strncmp(peer.sun_path, address.sun_path,
                      sizeof(address.sun_path)) == 0;
    errno = err;

    return same;
}


/* A free device; those whose descriptor is another one by now are, too. */

static selkies_joystick_t *
selkies_joystick_allocate(int fd, unsigned pad, bool event)
{
    int                  i;
    selkies_joystick_t  *joystick, *found;

    if (fd < 0 || fd >= SELKIES_JOYSTICK_FDS) {
        return NULL;
    }

    pthread_mutex_lock(&selkies_joystick_lock);

    found = atomic_load(&selkies_joystick_fds[fd]);

    for (i = 0; i < SELKIES_JOYSTICK_DEVICES && found == NULL; i++) {

        if (!selkies_joysticks[i].used) {
            found = &selkies_joysticks[i];
        }
    }

    for (i = 0; i < SELKIES_JOYSTICK_FDS && found == NULL; i++) {
        joystick = atomic_load(&selkies_joystick_fds[i]);

        if (joystick != NULL
            && !selkies_joystick_is(i, joystick->pad, joystick->event))
        {
            atomic_store(&selkies_joystick_fds[i], NULL);
            found = joystick;
        }
    }

    if (found != NULL) {
        selkies_joystick_reset(found, pad, event);
        atomic_store(&selkies_joystick_fds[fd], found);
    }

    pthread_mutex_unlock(&selkies_joystick_lock);

    return found;
}


int
selkies_joystick_open(unsigned pad, bool event, int flags)
{
    int                         fd;
    selkies_joystick_t         *joystick;
    selkies_joystick_config_t   config;

    fd = selkies_joystick_connect(pad, event, &config);

    if (fd == -1) {
        return -1;
    }

    joystick = selkies_joystick_allocate(fd, pad, event);

    if (joystick == NULL
        || (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, O_RDWR) == -1)
        || (!(flags & O_CLOEXEC) && fcntl(fd, F_SETFD, 0) == -1))
    {
        close(fd);
        errno = EMFILE;
        return -1;
    }

    joystick->config = config;

    return fd;
}


selkies_joystick_t *
selkies_joystick_find(int fd)
{
    selkies_joystick_t  *joystick;

    if (fd < 0 || fd >= SELKIES_JOYSTICK_FDS) {
        return NULL;
    }

    joystick = atomic_load_explicit(&selkies_joystick_fds[fd],
                                    memory_order_acquire);

    if (joystick == NULL) {
        return NULL;
    }

    if (selkies_joystick_is(fd, joystick->pad, joystick->event)) {
        return joystick;
    }

    pthread_mutex_lock(&selkies_joystick_lock);

    if (atomic_compare_exchange_strong(&selkies_joystick_fds[fd], &joystick,
                                       NULL))
    {
        joystick->used = false;
    }

    pthread_mutex_unlock(&selkies_joystick_lock);

    return NULL;
}


selkies_joystick_t *
selkies_joystick_adopt(int fd)
{
    int                  fresh;
    bool                 event;
    unsigned             i, pad;
    selkies_joystick_t  *joystick;

    joystick = selkies_joystick_find(fd);

    for (i = 0; i < 2 * SELKIES_JOYSTICKS && joystick == NULL; i++) {
        pad = i % SELKIES_JOYSTICKS;
        event = i >= SELKIES_JOYSTICKS;

        if (!selkies_joystick_is(fd, pad, event)) {
            continue;
        }

        joystick = selkies_joystick_allocate(fd, pad, event);

        if (joystick == NULL) {
            return NULL;
        }

        /* what it is, is told to new connections alone */

        fresh = selkies_joystick_connect(pad, event, &joystick->config);

        if (fresh != -1) {
            close(fresh);
        }
    }

    return joystick;
}


/* What the program believes and is no more comes as events. */

static void
selkies_joystick_forget(selkies_joystick_t *joystick)
{
    unsigned             code;
    struct input_event  *event = joystick->pending;

    memset(event, 0, sizeof(joystick->pending));

    for (code = BTN_MISC; code < KEY_CNT; code++) {

        if ((joystick->keys[code / 8] & 1U << code % 8)
            && event < joystick->pending + SELKIES_JOYSTICK_PENDING - 1)
        {
            event->type = EV_KEY;
            event->code = (uint16_t) code;
            event++;
        }
    }

    for (code = 0; code < ABS_CNT; code++) {

        if (joystick->axes[code] != selkies_joystick_rest(code)
            && event < joystick->pending + SELKIES_JOYSTICK_PENDING - 1)
        {
            event->type = EV_ABS;
            event->code = (uint16_t) code;
            event->value = selkies_joystick_rest(code);
            event++;
        }
    }

    /* the last one is a SYN_REPORT, all zero */

    joystick->npending = event == joystick->pending
                         ? 0 : (size_t) (event - joystick->pending) + 1;
}


/* The connection has ended: another one under the same descriptor. */

static bool
selkies_joystick_again(selkies_joystick_t *joystick, int fd)
{
    int   fresh, flags, cloexec;
    bool  ok;

    fresh = selkies_joystick_connect(joystick->pad, joystick->event,
                                     &joystick->config);
    if (fresh == -1) {
        return false;
    }

    flags = fcntl(fd, F_GETFL);
    cloexec = fcntl(fd, F_GETFD);

    ok = flags != -1 && cloexec != -1 && fcntl(fresh, F_SETFL, flags) != -1
         && dup3(fresh, fd, cloexec & FD_CLOEXEC ? O_CLOEXEC : 0) == fd;

    close(fresh);

    if (!ok) {
        return false;
    }

    /* an epoll forgets a descriptor whose file is closed */

    if (joystick->epoll != -1
        && epoll_ctl(joystick->epoll, EPOLL_CTL_ADD, fd, &joystick->watch)
           == -1)
    {
        joystick->epoll = -1;
    }

    if (joystick->event) {
        selkies_joystick_forget(joystick);
    }

    return true;
}


static void
selkies_joystick_note(selkies_joystick_t *joystick,
    const struct input_event *event, size_t n)
{
    for (/* void */; n != 0; n--, event++) {

        if (event->type == EV_KEY && event->code < KEY_CNT) {

            if (event->value) {
                joystick->keys[event->code / 8] |= (uint8_t)
                                                   (1U << event->code % 8);
            } else {
                joystick->keys[event->code / 8] &= (uint8_t)
                                                   ~(1U << event->code % 8);
            }

        } else if (event->type == EV_ABS && event->code < ABS_CNT) {
            joystick->axes[event->code] = event->value;
        }
    }
}


ssize_t
selkies_joystick_read(selkies_joystick_t *joystick, int fd, void *buf,
    size_t size)
{
    size_t   n, record;
    ssize_t  got;

    record = joystick->event ? sizeof(struct input_event)
                             : sizeof(struct js_event);

    if (size < record) {
        errno = EINVAL;
        return -1;
    }

    size -= size % record;

    for ( ;; ) {

        if (joystick->npending != 0) {
            n = size / record;
            n = joystick->npending < n ? joystick->npending : n;

            memcpy(buf, joystick->pending, n * record);
            joystick->npending -= n;
            memmove(joystick->pending, joystick->pending + n,
                    joystick->npending * record);
            got = (ssize_t) (n * record);

        } else {
            got = recv(fd, buf, size, 0);
        }

        if (got > 0) {

            if (joystick->event) {
                selkies_joystick_note(joystick, buf, (size_t) got / record);
            }

            return got;
        }

        if (got == -1 && errno != ECONNRESET && errno != EPIPE) {
            return -1;
        }

        if (!selkies_joystick_again(joystick, fd)) {
            errno = ENODEV;
            return -1;
        }
    }
}


/* Effects begin and end; what else one writes to a gamepad does nothing. */

ssize_t
selkies_joystick_write(selkies_joystick_t *joystick, int fd, const void *buf,
    size_t size)
{
    size_t              i;
    struct input_event  event;

    if (!joystick->event || size < sizeof(event)) {
        errno = EINVAL;
        return -1;
    }

    for (i = 0; i + sizeof(event) <= size; i += sizeof(event)) {
        memcpy(&event, (const char *) buf + i, sizeof(event));

        if (event.type != EV_FF) {
            continue;
        }

        if (event.code == FF_GAIN) {
            joystick->gain = event.value < 0 ? 0 : event.value > UINT16_MAX
                             ? UINT16_MAX : (uint16_t) event.value;

        } else if (event.code < SELKIES_JOYSTICK_EFFECTS) {
            selkies_joystick_play(joystick, fd, event.code, event.value);
        }
    }

    return (ssize_t) i;
}


void
selkies_joystick_play(selkies_joystick_t *joystick, int fd, unsigned id,
    int32_t count)
{
    int                         err;
    uint8_t                     record[8];
    uint64_t                    duration;
    uint16_t                    values[3];
    selkies_joystick_effect_t  *effect = &joystick->effects[id];

    if (!effect->used) {
        return;
    }

    effect->playing = count > 0;
    memset(values, 0, sizeof(values));

    if (count > 0) {
        duration = (uint64_t) effect->duration_ms * (uint32_t) count;

        if (duration == 0 || duration > UINT16_MAX) {
            duration = UINT16_MAX;
        }

        values[0] = (uint16_t) ((uint32_t) effect->strong * joystick->gain
                                / UINT16_MAX);
        values[1] = (uint16_t) ((uint32_t) effect->weak * joystick->gain
                                / UINT16_MAX);
        values[2] = (uint16_t) duration;
    }

    record[0] = 'F';
    record[1] = 0;
    memcpy(record + 2, values, sizeof(values));

    /* a server that does not take it is none of the program's business */

    err = errno;
    (void) send(fd, record, sizeof(record), MSG_DONTWAIT|MSG_NOSIGNAL);
    errno = err;
}
