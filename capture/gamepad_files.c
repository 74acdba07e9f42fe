
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The files of the gamepads' sockets, see gamepads.h.
 *
 * Thread: any one.  Ownership: a file is ours while it is the inode that we
 * made; no other is ever removed.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* SOCK_CLOEXEC */
#endif

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "gamepads.h"


#define SELKIES_GAMEPAD_BACKLOG  16


static selkies_status_t selkies_gamepad_bind(selkies_gamepad_files_t *files,
    unsigned n, mode_t mode, gid_t group, bool replace,
    const selkies_log_t *log);
static bool selkies_gamepad_clear(const struct sockaddr_un *address,
    bool replace, const char **why);
static bool selkies_gamepad_lives(const struct sockaddr_un *address);


static void
selkies_gamepad_address(struct sockaddr_un *address, const char *folder,
    unsigned n)
{
    bool  event;

    memset(address, 0, sizeof(struct sockaddr_un));
    address->sun_family = AF_UNIX;
    event = n >= SELKIES_GAMEPADS;

    (void) snprintf(address->sun_path, sizeof(address->sun_path),
                    "%s/selkies_%s%u.sock", folder, event ? "event" : "js",
                    event ? 1000 + n - SELKIES_GAMEPADS : n);
}


selkies_status_t
selkies_gamepad_listen(selkies_gamepad_files_t *files, const char *folder,
    gid_t group, bool replace, const selkies_log_t *log)
{
    mode_t       mode;
    unsigned     n;
    struct stat  st;

    for (n = 0; n < SELKIES_GAMEPAD_SOCKETS; n++) {
        files->fds[n] = -1;
    }

    (void) snprintf(files->folder, sizeof(files->folder), "%s", folder);

    if (stat(folder, &st) == -1 || !S_ISDIR(st.st_mode)) {
        selkies_log(log, SELKIES_LOG_WARN, "no gamepads: no folder \"%s\"",
                    folder);
        return SELKIES_ERROR;
    }

    /* a setgid folder gives what is made in it its own group */

    if (st.st_mode & S_ISGID) {
        group = (gid_t) -1;
        mode = 0660;

    } else {
        mode = group == (gid_t) -1 ? 0600 : 0660;
    }

    for (n = 0; n < SELKIES_GAMEPAD_SOCKETS; n++) {

        if (selkies_gamepad_bind(files, n, mode, group, replace, log)
            != SELKIES_OK)
        {
            selkies_gamepad_unlisten(files, true);
            return SELKIES_ERROR;
        }
    }

    return SELKIES_OK;
}


static selkies_status_t
selkies_gamepad_bind(selkies_gamepad_files_t *files, unsigned n, mode_t mode,
    gid_t group, bool replace, const selkies_log_t *log)
{
    int                  fd, rc;
    mode_t               umask_before;
    const char          *why;
    struct stat          st;
    struct sockaddr_un   address;

    selkies_gamepad_address(&address, files->folder, n);

    if (!selkies_gamepad_clear(&address, replace, &why)) {
        selkies_log(log, SELKIES_LOG_WARN, "no gamepads: \"%s\" %s",
                    address.sun_path, why);
        return SELKIES_ERROR;
    }

    fd = socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);

    if (fd == -1) {
        selkies_log(log, SELKIES_LOG_WARN,
                    "no gamepads: socket() failed (%d: %s)", errno,
                    strerror(errno));
        return SELKIES_ERROR;
    }

    /* bind() takes the mode from the descriptor: there is no moment in which
       the file has another one */

    umask_before = umask(0);

    rc = fchmod(fd, mode);

    if (rc == 0) {
        rc = bind(fd, (struct sockaddr *) &address, sizeof(address));
    }

    umask(umask_before);

    if (rc == 0 && group != (gid_t) -1) {
        rc = lchown(address.sun_path, (uid_t) -1, group);
    }

    if (rc == 0) {
        rc = listen(fd, SELKIES_GAMEPAD_BACKLOG);
    }

    if (rc == 0) {
        rc = lstat(address.sun_path, &st);
    }

    if (rc != 0) {
        selkies_log(log, SELKIES_LOG_WARN,
                    "no gamepads: \"%s\" cannot be made (%d: %s)",
                    address.sun_path, errno, strerror(errno));
        close(fd);
        return SELKIES_ERROR;
    }

    files->fds[n] = fd;
    files->devices[n] = st.st_dev;
    files->inodes[n] = st.st_ino;

    return SELKIES_OK;
}


/* Makes way for a socket; false, and why not. */

static bool
selkies_gamepad_clear(const struct sockaddr_un *address, bool replace,
    const char **why)
{
    struct stat  st;

    if (lstat(address->sun_path, &st) == -1) {

        if (errno == ENOENT) {
            return true;
        }

        *why = "cannot be looked at";
        return false;
    }

    if (!S_ISSOCK(st.st_mode)) {
        *why = "is no socket";
        return false;
    }

    if (st.st_uid != geteuid()) {
        *why = "belongs to somebody else";
        return false;
    }

    if (!replace && selkies_gamepad_lives(address)) {
        *why = "is served by somebody else";
        return false;
    }

    if (unlink(address->sun_path) == -1 && errno != ENOENT) {
        *why = "is left over and cannot be removed";
        return false;
    }

    return true;
}


static bool
selkies_gamepad_lives(const struct sockaddr_un *address)
{
    int  fd, rc;

    fd = socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);

    if (fd == -1) {
        return true;
    }

    rc = connect(fd, (const struct sockaddr *) address,
                 sizeof(struct sockaddr_un));
    rc = rc == -1 && errno == ECONNREFUSED;

    close(fd);

    return rc == 0;
}


static bool
selkies_gamepad_is_ours(const selkies_gamepad_files_t *files, unsigned n,
    struct sockaddr_un *address)
{
    struct stat  st;

    selkies_gamepad_address(address, files->folder, n);

    return lstat(address->sun_path, &st) == 0
           && st.st_dev == files->devices[n] && st.st_ino == files->inodes[n];
}


bool
selkies_gamepad_listens(const selkies_gamepad_files_t *files)
{
    unsigned            n;
    struct sockaddr_un  address;

    for (n = 0; n < SELKIES_GAMEPAD_SOCKETS; n++) {

        if (!selkies_gamepad_is_ours(files, n, &address)) {
            return false;
        }
    }

    return true;
}


void
selkies_gamepad_unlisten(selkies_gamepad_files_t *files, bool remove)
{
    unsigned            n;
    struct sockaddr_un  address;

    for (n = 0; n < SELKIES_GAMEPAD_SOCKETS; n++) {

        if (files->fds[n] == -1) {
            continue;
        }

        if (remove && selkies_gamepad_is_ours(files, n, &address)) {
            (void) unlink(address.sun_path);
        }

        close(files->fds[n]);
        files->fds[n] = -1;
    }
}
