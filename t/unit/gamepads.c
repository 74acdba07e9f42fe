
/*
 * Copyright (C) ngx_selkies authors
 *
 * The peers of gamepads, whole events under pressure above all: a reader that
 * is slow, one that stops, many of them, and what they may say themselves.
 * The layouts are t/gamepads.t's.
 */


#include <linux/input.h>
#include <linux/joystick.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../capture/gamepads.h"
#include "tap.h"


typedef struct {
    int64_t   sec;
    int64_t   usec;
    uint16_t  type;
    uint16_t  code;
    int32_t   value;
} test_event_t;


static char                      folder[] = "/tmp/selkies-unit-XXXXXX";
static selkies_gamepad_files_t   files;
static selkies_gamepads_t       *pads;
static selkies_gamepad_rumble_t  rumble[SELKIES_GAMEPADS];
static unsigned                  felt;


static void
test_turn(void)
{
    int  i;

    for (i = 0; i < 4; i++) {
        felt |= selkies_gamepads_dispatch(pads, rumble);
    }
}


/* Connected, with the configuration read and sizeof(long) said. */

static int
test_open(const char *name, size_t *config)
{
    int                 fd;
    char                buf[4096];
    ssize_t             n;
    struct sockaddr_un  address;

    memset(&address, 0, sizeof(address));
    address.sun_family = AF_UNIX;
    (void) snprintf(address.sun_path, sizeof(address.sun_path),
                    "%s/selkies_%s.sock", folder, name);

    fd = socket(AF_UNIX, SOCK_STREAM|SOCK_NONBLOCK, 0);

    if (fd == -1
        || connect(fd, (struct sockaddr *) &address, sizeof(address)) == -1)
    {
        *config = 0;
        return fd;
    }

    test_turn();
    n = read(fd, buf, sizeof(buf));
    *config = n > 0 ? (size_t) n : 0;

    if (*config != 0) {
        (void) !write(fd, "\x08", 1);
        test_turn();
    }

    return fd;
}


static void
test_slow(void)
{
    int            fd, i, value, last, odd;
    size_t         config, n;
    ssize_t        got;
    test_event_t   events[64];

    fd = test_open("event1001", &config);
    ok(config == SELKIES_GAMEPAD_CONFIG, "the configuration in one piece");

    for (i = 1; i <= 5000; i++) {
        selkies_gamepads_set(pads, 1, SELKIES_GAMEPAD_AXIS_X, (int16_t) i);
    }

    selkies_gamepads_set(pads, 1, SELKIES_GAMEPAD_B, 1);
    test_turn();

    value = 0;
    last = 0;
    odd = 0;
    n = 0;

    for ( ;; ) {
        got = read(fd, events, sizeof(events));

        if (got <= 0) {

            /* there is room again: what has become of it */

            test_turn();
            got = read(fd, events, sizeof(events));

            if (got <= 0) {
                break;
            }
        }

        odd |= got % (ssize_t) (2 * sizeof(test_event_t)) != 0;

        for (i = 0; i < (int) (got / (ssize_t) sizeof(test_event_t)); i++) {
            odd |= (events[i].type == EV_SYN) != (n++ % 2 == 1);

            if (events[i].type == EV_ABS) {
                odd |= events[i].value <= last;
                last = events[i].value;

            } else if (events[i].type == EV_KEY) {
                value = events[i].code == BTN_B && events[i].value;
            }
        }
    }

    ok(!odd, "whole events, in their order, each with its end");
    ok(n > 100 && n < 10000, "%zu of 10002: the socket has been full", n);
    ok(last == 5000 && value == 1, "the last state has come");

    selkies_gamepads_set(pads, 1, SELKIES_GAMEPAD_B, 0);
    got = read(fd, events, sizeof(events));

    ok(got == (ssize_t) (2 * sizeof(test_event_t))
       && events[0].code == BTN_B && events[0].value == 0,
       "and it is told what comes then");

    close(fd);
    test_turn();
    ok(selkies_gamepads_peers(pads) == 0, "whoever closes is gone");
}


static void
test_many(void)
{
    int              i, turned, fds[20], late;
    size_t           config;
    struct js_event  event;

    for (i = 0, turned = 0; i < 20; i++) {
        fds[i] = test_open("js2", &config);
        turned += config == 0;
    }

    ok(turned == 4 && selkies_gamepads_peers(pads) == 16,
       "sixteen at a socket, others are turned away");

    /* all but the second are full */

    for (i = 0; i < 4000; i++) {
        selkies_gamepads_set(pads, 2, SELKIES_GAMEPAD_A,
                             (int16_t) (i % 2 == 0));

        while (read(fds[1], &event, sizeof(event)) > 0) {
            /* void */
        }
    }

    late = test_open("js2", &config);

    ok(config == SELKIES_GAMEPAD_CONFIG && selkies_gamepads_peers(pads) == 16,
       "one that reads nothing makes room");

    selkies_gamepads_set(pads, 2, SELKIES_GAMEPAD_A, 1);

    ok(read(fds[1], &event, sizeof(event)) == sizeof(event)
       && event.value == 1, "one that reads does not");

    for (i = 0; i < 20; i++) {
        close(fds[i]);
    }

    close(late);
    test_turn();
    ok(selkies_gamepads_peers(pads) == 0, "all are gone");
}


static void
test_rumble(void)
{
    int      fd;
    size_t   config;
    uint8_t  record[8] = { 'F', 0, 0x34, 0x12, 0x78, 0x56, 0x64, 0 };

    fd = test_open("event1003", &config);
    felt = 0;

    (void) !write(fd, record, 3);
    test_turn();
    ok(felt == 0, "a piece of a record");

    (void) !write(fd, record + 3, 5);
    test_turn();
    ok(felt == 8 && rumble[3].strong == 0x1234 && rumble[3].weak == 0x5678
       && rumble[3].duration_ms == 100, "and the rest of it");

    close(fd);
    test_turn();
}


/* What a program writes comes through the stock library as it is. */

static void
test_written(void)
{
    int           fd, i, n;
    size_t        config;
    uint8_t       record[8] = { 'F', 0, 1, 0, 0, 0, 1, 0 };
    test_event_t  event[3];

    fd = test_open("event1000", &config);
    memset(event, 0, sizeof(event));

    for (i = 0; i < 3; i++) {
        event[i].type = EV_FF;
        event[i].value = 0x4646;
    }

    event[1].sec = 0x69000146;      /* 'F', and no zero behind */
    felt = 0;

    (void) !write(fd, event, sizeof(event));
    test_turn();
    ok(selkies_gamepads_peers(pads) == 1 && felt == 0,
       "events that a program writes are nothing");

    (void) !write(fd, record, sizeof(record));
    test_turn();
    ok(felt == 1 && rumble[0].strong == 1, "and a record behind them is one");

    felt = 0;

    for (i = 0; i < 2; i++) {
        (void) !write(fd, (uint8_t *) &event[i], 5);
        test_turn();
        (void) !write(fd, (uint8_t *) &event[i] + 5, sizeof(event[0]) - 5);
        test_turn();
    }

    (void) !write(fd, record, sizeof(record));
    test_turn();
    ok(selkies_gamepads_peers(pads) == 1 && felt == 1, "in pieces, too");

    for (n = 0; n < 2000 && selkies_gamepads_peers(pads) == 1; n++) {
        (void) !write(fd, event, sizeof(event[0]));
        test_turn();
    }

    ok(selkies_gamepads_peers(pads) == 0, "of which there is a limit");

    close(fd);
}


int
main(void)
{
    if (mkdtemp(folder) == NULL
        || selkies_gamepad_listen(&files, folder, (gid_t) -1, false, NULL)
           != SELKIES_OK)
    {
        return skip_all("no sockets");
    }

    pads = selkies_gamepads_create(&files, NULL);

    if (ok(pads != NULL, "pads")) {
        test_slow();
        test_many();
        test_rumble();
        test_written();

        selkies_gamepads_destroy(pads);
    }

    ok(selkies_gamepad_listens(&files), "the files are there");
    selkies_gamepad_unlisten(&files, true);
    ok(rmdir(folder) == 0, "and then gone");

    return done_testing();
}
