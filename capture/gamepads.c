
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The peers of the gamepads' sockets, see gamepads.h.
 *
 * Each peer is told what differs from what it was told last.  So events are
 * never lost while it reads; while it does not, its socket fills up, nothing
 * more is sent, and when there is room again it hears of what has become of
 * the pad.  That may take long: a program that opened a pad and never reads
 * costs a descriptor.  When there are too many, the one that has been full
 * for longest goes.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* accept4() */
#endif

#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <linux/joystick.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gamepads.h"


#define SELKIES_GAMEPAD_PEERS       16      /* of a socket */
#define SELKIES_GAMEPAD_ALL_PEERS   (SELKIES_GAMEPAD_SOCKETS                  \
                                     * SELKIES_GAMEPAD_PEERS)
#define SELKIES_GAMEPAD_BATCH       32
#define SELKIES_GAMEPAD_RECORDS     1000    /* of rumble, in a second */
#define SELKIES_GAMEPAD_RECORD      8       /* bytes of one */
#define SELKIES_GAMEPAD_EVENT_MAX   48      /* an event and its SYN_REPORT */


typedef struct {
    int         fd;                         /* -1: nobody */
    uint8_t     socket;                     /* its number, as in the files */
    uint8_t     long_bytes;                 /* 0: it has not said yet */
    bool        full;
    uint8_t     skip;                       /* bytes of an event to come */
    uint8_t     record_len;
    uint8_t     record[SELKIES_GAMEPAD_RECORD];
    uint32_t    records;                    /* in this second */
    uint64_t    records_us;
    uint64_t    full_us;                    /* since when */
    int16_t     told[SELKIES_GAMEPAD_CONTROLS];
} selkies_gamepad_peer_t;


struct selkies_gamepads_s {
    int                      epoll;
    int                      spare;         /* to turn peers away with */
    int                      listeners[SELKIES_GAMEPAD_SOCKETS];
    const selkies_log_t     *log;
    int16_t                  state[SELKIES_GAMEPADS]
                                  [SELKIES_GAMEPAD_CONTROLS];
    selkies_gamepad_peer_t   peers[SELKIES_GAMEPAD_ALL_PEERS];
};


static void selkies_gamepads_accept(selkies_gamepads_t *pads, unsigned n);
static selkies_gamepad_peer_t *selkies_gamepads_place(
    selkies_gamepads_t *pads, unsigned n);
static bool selkies_gamepads_hear(selkies_gamepads_t *pads,
    selkies_gamepad_peer_t *peer, selkies_gamepad_rumble_t *rumble);
static bool selkies_gamepads_records(selkies_gamepads_t *pads,
    selkies_gamepad_peer_t *peer, const uint8_t *data, size_t len,
    selkies_gamepad_rumble_t *rumble);
static bool selkies_gamepads_too_many(selkies_gamepad_peer_t *peer);
static void selkies_gamepads_begin(selkies_gamepads_t *pads,
    selkies_gamepad_peer_t *peer);
static void selkies_gamepads_tell_all(selkies_gamepads_t *pads,
    selkies_gamepad_peer_t *peer);
static void selkies_gamepads_tell(selkies_gamepads_t *pads,
    selkies_gamepad_peer_t *peer, unsigned control, int16_t value);
static void selkies_gamepads_send(selkies_gamepads_t *pads,
    selkies_gamepad_peer_t *peer, const void *data, size_t len);
static void selkies_gamepads_wait(selkies_gamepads_t *pads,
    selkies_gamepad_peer_t *peer, bool full);
static void selkies_gamepads_drop(selkies_gamepad_peer_t *peer);


/* by selkies_gamepad_control_t */

static const uint16_t  selkies_gamepad_keys[SELKIES_GAMEPAD_BUTTONS] = {
    BTN_A, BTN_B, BTN_X, BTN_Y, BTN_TL, BTN_TR, BTN_SELECT, BTN_START,
    BTN_MODE, BTN_THUMBL, BTN_THUMBR
};

static const uint8_t  selkies_gamepad_axes[SELKIES_GAMEPAD_AXES] = {
    ABS_X, ABS_Y, ABS_Z, ABS_RX, ABS_RY, ABS_RZ, ABS_HAT0X, ABS_HAT0Y
};


/* What a peer reads first; the fields have no other alignment than this. */

typedef struct {
    char        name[255];
    uint8_t     pad;
    uint16_t    vendor;
    uint16_t    product;
    uint16_t    version;
    uint16_t    nbuttons;
    uint16_t    naxes;
    uint16_t    buttons[512];
    uint8_t     axes[64];
    uint8_t     more[6];
} selkies_gamepad_config_t;

_Static_assert(sizeof(selkies_gamepad_config_t) == SELKIES_GAMEPAD_CONFIG,
               "the layout is the wire's");


static void
selkies_gamepad_config(selkies_gamepad_config_t *config)
{
    memset(config, 0, sizeof(selkies_gamepad_config_t));

    (void) snprintf(config->name, sizeof(config->name),
                    "Microsoft X-Box 360 pad");

    config->vendor = 0x045e;
    config->product = 0x028e;
    config->version = 0x0114;
    config->nbuttons = SELKIES_GAMEPAD_BUTTONS;
    config->naxes = SELKIES_GAMEPAD_AXES;

    memcpy(config->buttons, selkies_gamepad_keys,
           sizeof(selkies_gamepad_keys));
    memcpy(config->axes, selkies_gamepad_axes, sizeof(selkies_gamepad_axes));
}


selkies_gamepads_t *
selkies_gamepads_create(const selkies_gamepad_files_t *files,
    const selkies_log_t *log)
{
    int                  err;
    unsigned             i, control;
    selkies_gamepads_t  *pads;
    struct epoll_event   event;

    pads = calloc(1, sizeof(selkies_gamepads_t));

    if (pads == NULL) {
        return NULL;
    }

    pads->log = log;
    memcpy(pads->listeners, files->fds, sizeof(pads->listeners));

    for (i = 0; i < SELKIES_GAMEPAD_ALL_PEERS; i++) {
        pads->peers[i].fd = -1;
    }

    for (i = 0; i < SELKIES_GAMEPADS; i++) {
        for (control = 0; control < SELKIES_GAMEPAD_CONTROLS; control++) {
            pads->state[i][control] = selkies_gamepad_rest(control);
        }
    }

    pads->spare = open("/dev/null", O_RDONLY|O_CLOEXEC);
    pads->epoll = epoll_create1(EPOLL_CLOEXEC);

    if (pads->epoll == -1) {
        goto failed;
    }

    for (i = 0; i < SELKIES_GAMEPAD_SOCKETS; i++) {
        event.events = EPOLLIN;
        event.data.u32 = i;

        if (epoll_ctl(pads->epoll, EPOLL_CTL_ADD, pads->listeners[i], &event)
            == -1)
        {
            goto failed;
        }
    }

    return pads;

failed:

    err = errno;
    selkies_gamepads_destroy(pads);
    errno = err;

    return NULL;
}


void
selkies_gamepads_destroy(selkies_gamepads_t *pads)
{
    unsigned  i;

    if (pads == NULL) {
        return;
    }

    for (i = 0; i < SELKIES_GAMEPAD_ALL_PEERS; i++) {

        if (pads->peers[i].fd != -1) {
            close(pads->peers[i].fd);
        }
    }

    if (pads->epoll != -1) {
        close(pads->epoll);
    }

    if (pads->spare != -1) {
        close(pads->spare);
    }

    free(pads);
}


int
selkies_gamepads_fd(selkies_gamepads_t *pads)
{
    return pads->epoll;
}


unsigned
selkies_gamepads_peers(selkies_gamepads_t *pads)
{
    unsigned  i, n;

    for (i = 0, n = 0; i < SELKIES_GAMEPAD_ALL_PEERS; i++) {
        n += pads->peers[i].fd != -1;
    }

    return n;
}


unsigned
selkies_gamepads_dispatch(selkies_gamepads_t *pads,
    selkies_gamepad_rumble_t rumble[SELKIES_GAMEPADS])
{
    int                      i, n;
    unsigned                 index, felt;
    struct epoll_event       events[SELKIES_GAMEPAD_BATCH];
    selkies_gamepad_peer_t  *peer;

    felt = 0;
    n = epoll_wait(pads->epoll, events, SELKIES_GAMEPAD_BATCH, 0);

    for (i = 0; i < n; i++) {
        index = events[i].data.u32;

        if (index < SELKIES_GAMEPAD_SOCKETS) {
            selkies_gamepads_accept(pads, index);
            continue;
        }

        peer = &pads->peers[index - SELKIES_GAMEPAD_SOCKETS];

        /* one that was dropped in this round, or whose place was given away:
           an event too many is no harm, reading and writing do not block */

        if (peer->fd != -1 && (events[i].events & ~(uint32_t) EPOLLOUT)) {
            index = peer->socket % SELKIES_GAMEPADS;

            if (selkies_gamepads_hear(pads, peer, &rumble[index])) {
                felt |= 1U << index;
            }
        }

        if (peer->fd != -1 && (events[i].events & EPOLLOUT)) {
            selkies_gamepads_wait(pads, peer, false);
            selkies_gamepads_tell_all(pads, peer);
        }
    }

    return felt;
}


static void
selkies_gamepads_accept(selkies_gamepads_t *pads, unsigned n)
{
    int                        fd;
    struct epoll_event         event;
    selkies_gamepad_peer_t    *peer;
    selkies_gamepad_config_t   config;

    fd = accept4(pads->listeners[n], NULL, NULL, SOCK_NONBLOCK|SOCK_CLOEXEC);

    if (fd == -1) {

        /* out of descriptors it would wait, and wake us, for ever */

        if ((errno == EMFILE || errno == ENFILE) && pads->spare != -1) {
            close(pads->spare);
            fd = accept(pads->listeners[n], NULL, NULL);

            if (fd != -1) {
                close(fd);
            }

            pads->spare = open("/dev/null", O_RDONLY|O_CLOEXEC);
        }

        return;
    }

    peer = selkies_gamepads_place(pads, n);

    if (peer == NULL) {
        close(fd);
        return;
    }

    memset(peer, 0, sizeof(selkies_gamepad_peer_t));
    peer->fd = fd;
    peer->socket = (uint8_t) n;

    event.events = EPOLLIN;
    event.data.u32 = (uint32_t) (peer - pads->peers) + SELKIES_GAMEPAD_SOCKETS;

    if (epoll_ctl(pads->epoll, EPOLL_CTL_ADD, fd, &event) == -1) {
        selkies_gamepads_drop(peer);
        return;
    }

    selkies_gamepad_config(&config);
    selkies_gamepads_send(pads, peer, &config, sizeof(config));
}


/* A place for a peer of that socket: a free one, or that of the laziest. */

static selkies_gamepad_peer_t *
selkies_gamepads_place(selkies_gamepads_t *pads, unsigned n)
{
    unsigned                 i;
    selkies_gamepad_peer_t  *peer, *lazy;

    lazy = NULL;

    for (i = 0; i < SELKIES_GAMEPAD_PEERS; i++) {
        peer = &pads->peers[n * SELKIES_GAMEPAD_PEERS + i];

        if (peer->fd == -1) {
            return peer;
        }

        if (peer->full && (lazy == NULL || peer->full_us < lazy->full_us)) {
            lazy = peer;
        }
    }

    if (lazy != NULL) {
        selkies_gamepads_drop(lazy);
    }

    return lazy;
}


/* Reads what it sends; whether that was rumble. */

static bool
selkies_gamepads_hear(selkies_gamepads_t *pads, selkies_gamepad_peer_t *peer,
    selkies_gamepad_rumble_t *rumble)
{
    size_t    len;
    ssize_t   n;
    uint8_t   buf[256], *data;

    n = recv(peer->fd, buf, sizeof(buf), MSG_DONTWAIT);

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }

    if (n <= 0) {
        selkies_gamepads_drop(peer);
        return false;
    }

    data = buf;
    len = (size_t) n;

    if (peer->long_bytes == 0) {

        if (*data != 4 && *data != 8) {
            selkies_gamepads_drop(peer);
            return false;
        }

        peer->long_bytes = *data++;
        len--;
        selkies_gamepads_begin(pads, peer);
    }

    if (len == 0 || peer->fd == -1) {
        return false;
    }

    return selkies_gamepads_records(pads, peer, data, len, rumble);
}


/*
 * Our library tells of rumble in records of its own.  The stock one knows of no
 * write(): what a program writes to a pad, to make it shake or to light it, is
 * here as it is, an event of the kernel's, and has no effect.
 */

static bool
selkies_gamepads_records(selkies_gamepads_t *pads,
    selkies_gamepad_peer_t *peer, const uint8_t *data, size_t len,
    selkies_gamepad_rumble_t *rumble)
{
    bool    felt;
    size_t  n, event;

    felt = false;
    event = peer->long_bytes == 8 ? 24 : 16;

    if (peer->socket < SELKIES_GAMEPADS) {
        goto drop;
    }

    while (len != 0) {

        if (peer->skip == 0 && peer->record_len == 0 && *data != 'F') {
            peer->skip = (uint8_t) event;

            if (selkies_gamepads_too_many(peer)) {
                goto drop;
            }
        }

        if (peer->skip != 0) {
            n = len < peer->skip ? len : peer->skip;
            peer->skip -= (uint8_t) n;
            data += n;
            len -= n;
            continue;
        }

        n = (size_t) SELKIES_GAMEPAD_RECORD - peer->record_len;
        n = len < n ? len : n;

        memcpy(peer->record + peer->record_len, data, n);
        peer->record_len += (uint8_t) n;
        data += n;
        len -= n;

        if (peer->record_len < SELKIES_GAMEPAD_RECORD) {
            break;
        }

        peer->record_len = 0;

        if (selkies_gamepads_too_many(peer)) {
            goto drop;
        }

        if (peer->record[1] != 0) {

            /* a time that begins as a record does */

            peer->skip = (uint8_t) (event - SELKIES_GAMEPAD_RECORD);
            continue;
        }

        memcpy(&rumble->strong, peer->record + 2, 2);
        memcpy(&rumble->weak, peer->record + 4, 2);
        memcpy(&rumble->duration_ms, peer->record + 6, 2);
        felt = true;
    }

    return felt;

drop:

    selkies_gamepads_drop(peer);

    return felt;
}


/* One more record or event: whether that is over the limit of a second. */

static bool
selkies_gamepads_too_many(selkies_gamepad_peer_t *peer)
{
    uint64_t  now;

    now = selkies_clock_us();

    if (now - peer->records_us >= 1000000) {
        peer->records_us = now;
        peer->records = 0;
    }

    return ++peer->records > SELKIES_GAMEPAD_RECORDS;
}


/*
 * The joystick interface tells the state of everything at the beginning; the
 * other one has an ioctl for that, and is told only what is not at rest.
 */

static void
selkies_gamepads_begin(selkies_gamepads_t *pads, selkies_gamepad_peer_t *peer)
{
    unsigned          i;
    const int16_t    *state;
    struct js_event   events[SELKIES_GAMEPAD_CONTROLS];

    if (peer->socket >= SELKIES_GAMEPADS) {

        for (i = 0; i < SELKIES_GAMEPAD_CONTROLS; i++) {
            peer->told[i] = selkies_gamepad_rest(i);
        }

        selkies_gamepads_tell_all(pads, peer);
        return;
    }

    state = pads->state[peer->socket];

    for (i = 0; i < SELKIES_GAMEPAD_CONTROLS; i++) {
        events[i].time = (uint32_t) (selkies_clock_us() / 1000);
        events[i].value = state[i];
        events[i].type = JS_EVENT_INIT | (i < SELKIES_GAMEPAD_BUTTONS
                                          ? JS_EVENT_BUTTON : JS_EVENT_AXIS);
        events[i].number = (uint8_t) (i < SELKIES_GAMEPAD_BUTTONS
                                      ? i : i - SELKIES_GAMEPAD_BUTTONS);
        peer->told[i] = state[i];
    }

    selkies_gamepads_send(pads, peer, events, sizeof(events));
}


void
selkies_gamepads_set(selkies_gamepads_t *pads, unsigned pad, unsigned control,
    int16_t value)
{
    unsigned                 i, socket;
    selkies_gamepad_peer_t  *peer;

    if (pads->state[pad][control] == value) {
        return;
    }

    pads->state[pad][control] = value;

    for (socket = pad;
         socket < SELKIES_GAMEPAD_SOCKETS;
         socket += SELKIES_GAMEPADS)
    {
        peer = &pads->peers[socket * SELKIES_GAMEPAD_PEERS];

        for (i = 0; i < SELKIES_GAMEPAD_PEERS; i++, peer++) {

            if (peer->fd != -1 && peer->long_bytes != 0 && !peer->full) {
                selkies_gamepads_tell(pads, peer, control, value);
            }
        }
    }
}


static void
selkies_gamepads_tell_all(selkies_gamepads_t *pads,
    selkies_gamepad_peer_t *peer)
{
    unsigned        i;
    const int16_t  *state;

    if (peer->long_bytes == 0) {
        return;
    }

    state = pads->state[peer->socket % SELKIES_GAMEPADS];

    for (i = 0; i < SELKIES_GAMEPAD_CONTROLS; i++) {

        if (peer->fd != -1 && !peer->full && peer->told[i] != state[i]) {
            selkies_gamepads_tell(pads, peer, i, state[i]);
        }
    }
}


static size_t
selkies_gamepad_event(uint8_t *p, size_t long_bytes,
    const struct timespec *now, uint16_t type, uint16_t code, int32_t value)
{
    int64_t  time64[2];
    int32_t  time32[2];

    if (long_bytes == 8) {
        time64[0] = now->tv_sec;
        time64[1] = now->tv_nsec / 1000;
        memcpy(p, time64, sizeof(time64));

    } else {
        time32[0] = (int32_t) now->tv_sec;
        time32[1] = (int32_t) (now->tv_nsec / 1000);
        memcpy(p, time32, sizeof(time32));
    }

    p += 2 * long_bytes;
    memcpy(p, &type, sizeof(type));
    memcpy(p + 2, &code, sizeof(code));
    memcpy(p + 4, &value, sizeof(value));

    return 2 * long_bytes + 8;
}


static void
selkies_gamepads_tell(selkies_gamepads_t *pads, selkies_gamepad_peer_t *peer,
    unsigned control, int16_t value)
{
    bool              button;
    size_t            len;
    uint8_t           buf[SELKIES_GAMEPAD_EVENT_MAX];
    unsigned          number;
    struct js_event   event;
    struct timespec   now;

    button = control < SELKIES_GAMEPAD_BUTTONS;
    number = button ? control : control - SELKIES_GAMEPAD_BUTTONS;

    if (peer->socket < SELKIES_GAMEPADS) {
        event.time = (uint32_t) (selkies_clock_us() / 1000);
        event.value = value;
        event.type = button ? JS_EVENT_BUTTON : JS_EVENT_AXIS;
        event.number = (uint8_t) number;

        selkies_gamepads_send(pads, peer, &event, sizeof(event));

    } else {
        clock_gettime(CLOCK_REALTIME, &now);

        len = selkies_gamepad_event(buf, peer->long_bytes, &now,
                                    button ? EV_KEY : EV_ABS,
                                    button ? selkies_gamepad_keys[number]
                                           : selkies_gamepad_axes[number],
                                    control < SELKIES_GAMEPAD_HAT_X
                                    ? value : value / SELKIES_GAMEPAD_MAX);

        len += selkies_gamepad_event(buf + len, peer->long_bytes, &now,
                                     EV_SYN, SYN_REPORT, 0);

        selkies_gamepads_send(pads, peer, buf, len);
    }

    if (!peer->full) {
        peer->told[control] = value;
    }
}


/* All of it or nothing: a peer that got a part would be lost for good. */

static void
selkies_gamepads_send(selkies_gamepads_t *pads, selkies_gamepad_peer_t *peer,
    const void *data, size_t len)
{
    ssize_t  n;

    n = send(peer->fd, data, len, MSG_DONTWAIT|MSG_NOSIGNAL);

    if (n == (ssize_t) len) {
        return;
    }

    if (n == -1 && errno == EAGAIN && peer->long_bytes != 0) {
        selkies_gamepads_wait(pads, peer, true);
        return;
    }

    selkies_gamepads_drop(peer);
}


/* While it is full its socket says when it is not any more. */

static void
selkies_gamepads_wait(selkies_gamepads_t *pads, selkies_gamepad_peer_t *peer,
    bool full)
{
    struct epoll_event  event;

    peer->full = full;
    peer->full_us = selkies_clock_us();

    event.events = full ? EPOLLIN|EPOLLOUT : EPOLLIN;
    event.data.u32 = (uint32_t) (peer - pads->peers) + SELKIES_GAMEPAD_SOCKETS;

    if (epoll_ctl(pads->epoll, EPOLL_CTL_MOD, peer->fd, &event) == -1) {
        selkies_gamepads_drop(peer);
    }
}


static void
selkies_gamepads_drop(selkies_gamepad_peer_t *peer)
{
    close(peer->fd);
    peer->fd = -1;
    peer->full = false;
}
