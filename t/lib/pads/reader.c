
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * reader DEVICE [block|poll|epoll]: a program that knows nothing of gamepads
 * but their interfaces.  Prints what it is told of the device, then each event
 * as it comes; a line of its input makes it say or do something:
 *
 *   state        what EVIOCGKEY and EVIOCGABS say
 *   rumble S W MS    uploads an effect and plays it
 *   stop         stops it
 *   quit
 */


#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <linux/joystick.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>


static int  fd;
static int  is_event;


static int
bits(const unsigned char *map, int n)
{
    int  i, count;

    for (i = 0, count = 0; i < n; i++) {
        count += map[i / 8] >> i % 8 & 1;
    }

    return count;
}


static void
describe(const char *path)
{
    int                   version;
    char                  name[128];
    unsigned char         map[KEY_CNT / 8], axes, buttons;
    struct stat           st, fst;
    struct input_id       id;
    struct input_absinfo  info;

    memset(&st, 0, sizeof(st));
    printf("access %d, stat %d", access(path, R_OK|W_OK), stat(path, &st));
    printf(", fstat %d", fstat(fd, &fst));
    printf(": %s %u:%u, %s\n", S_ISCHR(st.st_mode) ? "char" : "no",
           major(st.st_rdev), minor(st.st_rdev),
           st.st_rdev == fst.st_rdev && st.st_ino == fst.st_ino
           ? "same" : "other");

    memset(name, 0, sizeof(name));

    if (!is_event) {
        axes = buttons = 0;
        version = 0;
        printf("js %d", ioctl(fd, JSIOCGNAME(sizeof(name)), name));
        printf(" \"%s\"", name);
        (void) ioctl(fd, JSIOCGAXES, &axes);
        (void) ioctl(fd, JSIOCGBUTTONS, &buttons);
        (void) ioctl(fd, JSIOCGVERSION, &version);
        printf(", %d axes, %d buttons, version %x\n", axes, buttons, version);
        return;
    }

    memset(&id, 0, sizeof(id));
    printf("event %d", ioctl(fd, EVIOCGNAME(sizeof(name)), name));
    (void) ioctl(fd, EVIOCGID, &id);
    printf(" \"%s\" %04x:%04x:%04x:%04x\n", name, id.bustype, id.vendor,
           id.product, id.version);

    memset(map, 0, sizeof(map));
    (void) ioctl(fd, EVIOCGBIT(EV_KEY, sizeof(map)), map);
    printf("%d keys", bits(map, KEY_CNT));
    memset(map, 0, sizeof(map));
    (void) ioctl(fd, EVIOCGBIT(EV_ABS, ABS_CNT / 8), map);
    printf(", %d axes", bits(map, ABS_CNT));
    memset(map, 0, sizeof(map));
    (void) ioctl(fd, EVIOCGBIT(EV_FF, FF_CNT / 8), map);
    printf(", rumble %d", map[FF_RUMBLE / 8] >> FF_RUMBLE % 8 & 1);
    memset(&info, 0, sizeof(info));
    (void) ioctl(fd, EVIOCGABS(ABS_Z), &info);
    printf(", ABS_Z %d in %d..%d", info.value, info.minimum, info.maximum);
    (void) ioctl(fd, EVIOCGABS(ABS_HAT0X), &info);
    printf(", ABS_HAT0X %d in %d..%d\n", info.value, info.minimum,
           info.maximum);
}


static int
events(void)
{
    ssize_t             i, n;
    struct js_event     js[16];
    struct input_event  event[16];

    /* room for more than whole events: they must come whole */

    n = is_event ? read(fd, event, sizeof(event) - 3)
                 : read(fd, js, sizeof(js) - 3);

    if (n == -1 && errno == EAGAIN) {
        return 1;
    }

    if (n <= 0) {
        printf("end %s\n", n == 0 ? "of file" : strerror(errno));
        return 0;
    }

    for (i = 0; is_event && i < n / (ssize_t) sizeof(event[0]); i++) {
        if (event[i].type != EV_SYN) {
            printf("type %d code %d value %d\n", event[i].type, event[i].code,
                   event[i].value);
        }
    }

    for (i = 0; !is_event && i < n / (ssize_t) sizeof(js[0]); i++) {
        if (!(js[i].type & JS_EVENT_INIT) || js[i].value != 0) {
            printf("type %d number %d value %d\n", js[i].type, js[i].number,
                   js[i].value);
        }
    }

    return 1;
}


static int
command(void)
{
    int                   strong, weak, ms;
    char                  line[128];
    unsigned char         map[KEY_CNT / 8];
    struct ff_effect      effect;
    struct input_event    play;
    struct input_absinfo  info;
    static int            id = -1;

    if (fgets(line, sizeof(line), stdin) == NULL
        || strcmp(line, "quit\n") == 0)
    {
        return 0;
    }

    if (strcmp(line, "state\n") == 0) {
        memset(map, 0, sizeof(map));
        memset(&info, 0, sizeof(info));
        (void) ioctl(fd, EVIOCGKEY(sizeof(map)), map);
        (void) ioctl(fd, EVIOCGABS(ABS_X), &info);
        printf("state %d keys, ABS_X %d\n", bits(map, KEY_CNT), info.value);
        return 1;
    }

    memset(&play, 0, sizeof(play));
    play.type = EV_FF;

    if (sscanf(line, "rumble %d %d %d", &strong, &weak, &ms) == 3) {
        memset(&effect, 0, sizeof(effect));
        effect.type = FF_RUMBLE;
        effect.id = (short) id;
        effect.u.rumble.strong_magnitude = (unsigned short) strong;
        effect.u.rumble.weak_magnitude = (unsigned short) weak;
        effect.replay.length = (unsigned short) ms;

        printf("upload %d", ioctl(fd, EVIOCSFF, &effect));
        id = effect.id;
        play.value = 1;
    }

    play.code = (unsigned short) id;
    printf(" id %d write %d\n", id, (int) write(fd, &play, sizeof(play)));

    return 1;
}


int
main(int argc, char **argv)
{
    int                  epoll, go_on;
    volatile int         flags;
    const char          *how;
    struct pollfd        wait[2];
    struct epoll_event   event;

    how = argc > 2 ? argv[2] : "poll";
    flags = strcmp(how, "block") == 0 ? O_RDWR : O_RDWR|O_NONBLOCK;
    setvbuf(stdout, NULL, _IOLBF, 0);
    setvbuf(stdin, NULL, _IONBF, 0);

    fd = open(argv[1], flags|O_CLOEXEC);

    if (fd == -1) {
        printf("open: %s\n", strerror(errno));
        return 1;
    }

    is_event = strstr(argv[1], "event") != NULL;
    describe(argv[1]);

    memset(&event, 0, sizeof(event));
    event.events = EPOLLIN;
    epoll = epoll_create1(0);
    (void) epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    printf("open\n");

    wait[0].fd = strcmp(how, "epoll") == 0 ? epoll : fd;
    wait[0].events = POLLIN;
    wait[1].fd = 0;
    wait[1].events = POLLIN;
    go_on = 1;

    while (go_on) {

        if (strcmp(how, "block") == 0) {
            go_on = events();
            continue;
        }

        (void) poll(wait, 2, -1);

        if (wait[0].revents) {
            go_on = events();
        }

        if (go_on && wait[1].revents) {
            go_on = command();
        }
    }

    close(fd);

    return 0;
}
