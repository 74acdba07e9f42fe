
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * selkies_joystick_interposer.so, a library to preload: programs that open
 * /dev/input/js0-3 or event1000-1003 get a socket of nginx, and answers to the
 * ioctls of a gamepad.  What they then read are whole events.
 *
 *   SELKIES_JS_SOCKET_PATH   the sockets' folder, /tmp by default
 *
 * A connection that ends is made anew, under the same descriptor: a reload of
 * nginx, or a worker that was killed, is no unplugged pad.
 *
 * joystick.c is what a program calls in place of the C library's functions,
 * joystick-device.c the connections, joystick-ioctl.c the answers.  It works
 * with glibc and musl, at 64 and 32 bits.
 *
 * Thread: any of the program's.  Ownership: a device belongs to one descriptor
 * of the program.  That is checked before each use, because a program has more
 * ways to close and duplicate descriptors than can be followed.
 */


#ifndef SELKIES_JOYSTICK_H_INCLUDED
#define SELKIES_JOYSTICK_H_INCLUDED


#include <linux/input.h>
#include <linux/joystick.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/types.h>


/* musl has what makes an ioctl's number, and not what takes it apart */

#ifndef _IOC_NR
#define _IOC_NR(n)                  ((n) & 0xff)
#define _IOC_TYPE(n)                ((n) >> 8 & 0xff)
#define _IOC_SIZE(n)                ((n) >> 16 & 0x3fff)
#define _IOC_DIR(n)                 ((n) >> 30 & 3)
#endif

#define SELKIES_JOYSTICKS           4
#define SELKIES_JOYSTICK_EVENTS     1000        /* number of the first */
#define SELKIES_JOYSTICK_EFFECTS    16
#define SELKIES_JOYSTICK_PENDING    32


/* What the server says first, 1360 bytes in the machine's own order. */

typedef struct {
    char        name[256];
    uint16_t    vendor;
    uint16_t    product;
    uint16_t    version;
    uint16_t    nbuttons;
    uint16_t    naxes;
    uint16_t    buttons[512];
    uint8_t     axes[64];
    uint8_t     more[6];
} selkies_joystick_config_t;


typedef struct {
    bool        used;
    bool        playing;
    uint16_t    strong;
    uint16_t    weak;
    uint16_t    duration_ms;                /* 0: until it is stopped */
} selkies_joystick_effect_t;


typedef struct {
    bool                        used;
    bool                        event;      /* else the joystick interface */
    uint8_t                     pad;
    selkies_joystick_config_t   config;

    /* as the program has read it; the event interface alone */

    uint8_t                     keys[KEY_CNT / 8];
    int32_t                     axes[ABS_CNT];

    /* read before the socket: what has changed while it was closed */

    struct input_event          pending[SELKIES_JOYSTICK_PENDING];
    size_t                      npending;

    int                         epoll;      /* that watches it, or -1 */
    struct epoll_event          watch;

    uint16_t                    gain;
    selkies_joystick_effect_t   effects[SELKIES_JOYSTICK_EFFECTS];
} selkies_joystick_t;


#pragma GCC visibility push(hidden)


/*
 * Which pad the path of a device names, and by which interface; false where
 * it is none of ours.
 */

bool selkies_joystick_path(const char *path, unsigned *pad, bool *event);


/* A descriptor that open() may return; -1 and errno. */

int selkies_joystick_open(unsigned pad, bool event, int flags);


/* The device of a descriptor; NULL where it has none.  errno is kept. */

selkies_joystick_t *selkies_joystick_find(int fd);


/* The same, also of one that was inherited or duplicated. */

selkies_joystick_t *selkies_joystick_adopt(int fd);


ssize_t selkies_joystick_read(selkies_joystick_t *joystick, int fd, void *buf,
    size_t size);
ssize_t selkies_joystick_write(selkies_joystick_t *joystick, int fd,
    const void *buf, size_t size);

int selkies_joystick_ioctl(selkies_joystick_t *joystick, int fd,
    unsigned long request, void *arg);


/* An effect begins, `count` times, or ends with 0. */

void selkies_joystick_play(selkies_joystick_t *joystick, int fd, unsigned id,
    int32_t count);


/* Where an axis rests: triggers at one end. */

static inline int32_t
selkies_joystick_rest(unsigned code)
{
    return code == ABS_Z || code == ABS_RZ ? -32767 : 0;
}


#pragma GCC visibility pop


#endif /* SELKIES_JOYSTICK_H_INCLUDED */
