
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Four gamepads for programs that a preloaded library tells they opened
 * /dev/input/js0-3 or event1000-1003, while it connected them to a Unix
 * socket of ours: selkies_js{i}.sock and selkies_event{1000+i}.sock.
 *
 * A peer gets 1360 bytes that describe the pad, says sizeof(long) in one byte
 * and from then on reads whole events.  A peer of an event socket may send
 * records of rumble (below); that is an extension, others send nothing.
 *
 * Thread: the files belong to who makes them (nginx's master), the pads to one
 * thread, which waits for selkies_gamepads_fd().  Nothing blocks.
 * Ownership: the listening sockets stay the files'; pads only use them.
 */


#ifndef SELKIES_GAMEPADS_H_INCLUDED
#define SELKIES_GAMEPADS_H_INCLUDED


#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "capture.h"


#define SELKIES_GAMEPADS            4
#define SELKIES_GAMEPAD_SOCKETS     (2 * SELKIES_GAMEPADS)
#define SELKIES_GAMEPAD_BUTTONS     11
#define SELKIES_GAMEPAD_AXES        8
#define SELKIES_GAMEPAD_MAX         32767
#define SELKIES_GAMEPAD_CONFIG      1360        /* bytes */
#define SELKIES_GAMEPAD_FOLDER_MAX  80          /* bytes of its path */


/*
 * Controls: buttons 0 or 1, then axes from -32767 to 32767.  A trigger rests
 * at -32767, all else at 0; of a hat only the ends and 0 are used.
 */

typedef enum {
    SELKIES_GAMEPAD_A = 0,
    SELKIES_GAMEPAD_B,
    SELKIES_GAMEPAD_X,
    SELKIES_GAMEPAD_Y,
    SELKIES_GAMEPAD_TL,
    SELKIES_GAMEPAD_TR,
    SELKIES_GAMEPAD_SELECT,
    SELKIES_GAMEPAD_START,
    SELKIES_GAMEPAD_MODE,
    SELKIES_GAMEPAD_THUMBL,
    SELKIES_GAMEPAD_THUMBR,

    SELKIES_GAMEPAD_AXIS_X,             /* the first axis */
    SELKIES_GAMEPAD_AXIS_Y,
    SELKIES_GAMEPAD_AXIS_Z,             /* left trigger */
    SELKIES_GAMEPAD_AXIS_RX,
    SELKIES_GAMEPAD_AXIS_RY,
    SELKIES_GAMEPAD_AXIS_RZ,            /* right trigger */
    SELKIES_GAMEPAD_HAT_X,
    SELKIES_GAMEPAD_HAT_Y,

    SELKIES_GAMEPAD_CONTROLS
} selkies_gamepad_control_t;


/*
 * What a program wants to be felt: motors from 0 to 65535, for so long; all
 * zero is the end of it.  On the wire 8 bytes in the machine's order: 'F', 0,
 * strong, weak, duration.
 */

typedef struct {
    uint16_t    strong;
    uint16_t    weak;
    uint16_t    duration_ms;
} selkies_gamepad_rumble_t;


/* The sockets' files: in the order js0-3, event1000-1003. */

typedef struct {
    char        folder[SELKIES_GAMEPAD_FOLDER_MAX + 1];
    int         fds[SELKIES_GAMEPAD_SOCKETS];
    dev_t       devices[SELKIES_GAMEPAD_SOCKETS];
    ino_t       inodes[SELKIES_GAMEPAD_SOCKETS];
} selkies_gamepad_files_t;


typedef struct selkies_gamepads_s  selkies_gamepads_t;


#pragma GCC visibility push(hidden)


static inline int16_t
selkies_gamepad_rest(unsigned control)
{
    return control == SELKIES_GAMEPAD_AXIS_Z
           || control == SELKIES_GAMEPAD_AXIS_RZ ? -SELKIES_GAMEPAD_MAX : 0;
}


/*
 * Listens in an existing folder, whose absolute path fits into `folder`.  The
 * mode is 0600; 0660 where the folder is setgid, or where `group` is not -1:
 * that is then the group.  A socket of our own uid that nobody listens at is
 * replaced, with `replace` also a live one.  Anything else is left alone:
 * SELKIES_ERROR, one line logged, and nothing was made.
 *
 * The umask is changed for a moment: other threads of the process create files
 * with the mode that they shall have.
 */

selkies_status_t selkies_gamepad_listen(selkies_gamepad_files_t *files,
    const char *folder, gid_t group, bool replace, const selkies_log_t *log);


/* Whether their files are still the ones that were made. */

bool selkies_gamepad_listens(const selkies_gamepad_files_t *files);


/* Closes them and, with `remove`, unlinks those that are still ours. */

void selkies_gamepad_unlisten(selkies_gamepad_files_t *files, bool remove);


/* Serves the sockets; all pads are at rest.  NULL and errno. */

selkies_gamepads_t *selkies_gamepads_create(
    const selkies_gamepad_files_t *files, const selkies_log_t *log);

void selkies_gamepads_destroy(selkies_gamepads_t *pads);


/* Readable when selkies_gamepads_dispatch() has something to do. */

int selkies_gamepads_fd(selkies_gamepads_t *pads);


/*
 * Takes new peers, hears and drops old ones.  Returns bits of the pads that
 * were sent rumble; with each of those `rumble` is the newest.
 */

unsigned selkies_gamepads_dispatch(selkies_gamepads_t *pads,
    selkies_gamepad_rumble_t rumble[SELKIES_GAMEPADS]);


/*
 * A control has this value now; every peer of the pad is told, in this order.
 * One whose socket is full is told what has become of it later.
 */

void selkies_gamepads_set(selkies_gamepads_t *pads, unsigned pad,
    unsigned control, int16_t value);


/* Peers that are there, for status and tests. */

unsigned selkies_gamepads_peers(selkies_gamepads_t *pads);


#pragma GCC visibility pop


#endif /* SELKIES_GAMEPADS_H_INCLUDED */
