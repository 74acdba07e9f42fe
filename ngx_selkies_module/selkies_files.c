
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The way to a file below the root, the gate for uploads, and what remains of
 * those that nobody went on with.
 *
 * openat2() lets the kernel keep us below the root, in one call; where there
 * is none each name is opened by itself, with O_NOFOLLOW, which is as safe: a
 * descriptor of a folder stays that folder, whatever is renamed meanwhile.
 *
 * Thread: the event loop.
 */


#include "selkies_files_private.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>


#define SELKIES_OPENAT2_TRIES   4

#define SELKIES_GATE_FILES      (UINT64_C(1) << 62)


#ifndef SYS_openat2
#define SYS_openat2             437
#endif

/* linux/openat2.h, which Debian's oldest headers lack */

typedef struct {
    uint64_t    flags;
    uint64_t    mode;
    uint64_t    resolve;
} selkies_open_how_t;

#define SELKIES_RESOLVE_NO_MAGICLINKS   0x02
#define SELKIES_RESOLVE_NO_SYMLINKS     0x04
#define SELKIES_RESOLVE_BENEATH         0x08


static int selkies_open_beneath(const selkies_root_t *root, const char *path,
    int flags);
static int selkies_gate_lock(selkies_gate_t *gate, uint64_t byte, short type);


int
selkies_root_open(selkies_root_t *root, const char *name)
{
    struct stat  st;

    root->walk = 0;
    root->fd = open(name, O_PATH|O_DIRECTORY|O_CLOEXEC);

    if (root->fd == -1) {
        return -1;
    }

    if (fstat(root->fd, &st) == -1) {
        selkies_root_close(root);
        return -1;
    }

    root->key = selkies_hash(selkies_hash(SELKIES_HASH, &st.st_dev,
                                          sizeof(st.st_dev)),
                             &st.st_ino, sizeof(st.st_ino));

    return 0;
}


void
selkies_root_close(selkies_root_t *root)
{
    if (root->fd != -1) {
        (void) close(root->fd);
        root->fd = -1;
    }
}


/* FNV-1a */

uint64_t
selkies_hash(uint64_t hash, const void *data, size_t len)
{
    size_t          i;
    const uint8_t  *p = data;

    for (i = 0; i < len; i++) {
        hash = (hash ^ p[i]) * UINT64_C(1099511628211);
    }

    return hash;
}


selkies_files_result_t
selkies_files_error(int err)
{
    switch (err) {

    case ENOENT:
        return SELKIES_FILES_MISSING;

    case ELOOP:
        return SELKIES_FILES_LINK;

    case ENOTDIR:
    case EISDIR:
    case EEXIST:
        return SELKIES_FILES_OCCUPIED;

    case EACCES:
    case EPERM:
    case EROFS:
        return SELKIES_FILES_DENIED;

    case ENOSPC:
    case EDQUOT:
        return SELKIES_FILES_NO_SPACE;

    case ENAMETOOLONG:
    case EILSEQ:
        return SELKIES_FILES_BAD_PATH;

    default:
        return SELKIES_FILES_FAILED;
    }
}


selkies_files_result_t
selkies_files_open(const selkies_root_t *root, const selkies_path_t *path,
    int *fd)
{
    int                     err;
    struct stat             st;
    selkies_files_result_t  result;

    *fd = selkies_open_beneath(root, path->depth != 0 ? path->data : ".",
                               O_RDONLY|O_NONBLOCK|O_NOCTTY|O_CLOEXEC);

    if (*fd == -1) {

        /* a name below a file is none; a socket cannot be opened */

        err = errno == ENOTDIR ? ENOENT : errno == ENXIO ? EACCES : errno;
        errno = err;

        return selkies_files_error(err);
    }

    result = SELKIES_FILES_OK;

    if (fstat(*fd, &st) == -1) {
        result = SELKIES_FILES_FAILED;

    } else if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        result = SELKIES_FILES_DENIED;
    }

    if (result != SELKIES_FILES_OK) {
        (void) close(*fd);
        *fd = -1;
    }

    return result;
}


static int
selkies_open_beneath(const selkies_root_t *root, const char *path, int flags)
{
    int                 fd, tries;
    selkies_open_how_t  how;

    memset(&how, 0, sizeof(how));
    how.flags = (uint64_t) flags;
    how.resolve = SELKIES_RESOLVE_BENEATH|SELKIES_RESOLVE_NO_SYMLINKS
                  |SELKIES_RESOLVE_NO_MAGICLINKS;

    /* EAGAIN: something was renamed meanwhile; EPERM: by a sandbox */

    for (tries = 0; !root->walk && tries < SELKIES_OPENAT2_TRIES; tries++) {
        fd = (int) syscall(SYS_openat2, root->fd, path, &how, sizeof(how));

        if (fd != -1) {
            return fd;
        }

        if (errno == ENOSYS || errno == EPERM) {
            break;
        }

        if (errno != EAGAIN && errno != EINTR) {
            return -1;
        }
    }

    return selkies_open_walk(root->fd, path, flags);
}


int
selkies_open_walk(int at, const char *path, int flags)
{
    int          fd, folder, err;
    char         name[NAME_MAX + 1];
    size_t       len;
    const char  *slash;

    folder = at;

    for ( ;; ) {
        slash = strchr(path, '/');
        len = slash == NULL ? strlen(path) : (size_t) (slash - path);

        if (len > NAME_MAX) {
            fd = -1;
            errno = ENAMETOOLONG;

        } else {
            memcpy(name, path, len);
            name[len] = '\0';

            fd = openat(folder, name, slash == NULL ? flags|O_NOFOLLOW
                                                    : SELKIES_FOLDER);

            if (fd == -1 && errno == ENOTDIR) {
                selkies_tell_link(folder, name);
            }
        }

        if (folder != at) {
            err = errno;
            (void) close(folder);
            errno = err;
        }

        if (fd == -1 || slash == NULL) {
            return fd;
        }

        folder = fd;
        path = slash + 1;
    }
}


void
selkies_tell_link(int folder, const char *name)
{
    int          err;
    struct stat  st;

    err = errno;

    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0
        && S_ISLNK(st.st_mode))
    {
        err = ELOOP;
    }

    errno = err;
}


/*
 * A byte for each place of a root, and one for each file.  Two roots, or two
 * files, that share bytes by chance only wait for each other.
 */

selkies_files_result_t
selkies_gate_enter(selkies_gate_t *gate, selkies_ticket_t *ticket,
    const selkies_root_t *root, const selkies_path_t *path, unsigned max)
{
    unsigned           i;
    uint64_t           base;
    selkies_ticket_t  *t;

    ticket->held = 0;
    ticket->file = SELKIES_GATE_FILES
                   | selkies_hash(root->key, path->data, path->len) >> 2;

    /* a process has no lock against itself */

    for (t = gate->tickets; t != NULL; t = t->next) {

        if (t->file == ticket->file) {
            return SELKIES_FILES_BUSY;
        }
    }

    if (selkies_gate_lock(gate, ticket->file, F_WRLCK) == -1) {
        return SELKIES_FILES_BUSY;
    }

    base = (root->key >> 2) & ~(uint64_t) (SELKIES_GATE_SLOTS_MAX - 1);

    for (i = 0; i < max && i < SELKIES_GATE_SLOTS_MAX; i++) {
        ticket->slot = base + i;

        for (t = gate->tickets; t != NULL; t = t->next) {

            if (t->slot == ticket->slot) {
                break;
            }
        }

        if (t == NULL
            && selkies_gate_lock(gate, ticket->slot, F_WRLCK) == 0)
        {
            ticket->held = 1;
            ticket->next = gate->tickets;
            gate->tickets = ticket;

            return SELKIES_FILES_OK;
        }
    }

    (void) selkies_gate_lock(gate, ticket->file, F_UNLCK);

    return SELKIES_FILES_TOO_MANY;
}


void
selkies_gate_leave(selkies_gate_t *gate, selkies_ticket_t *ticket)
{
    selkies_ticket_t  **t;

    if (!ticket->held) {
        return;
    }

    ticket->held = 0;

    for (t = &gate->tickets; *t != ticket; t = &(*t)->next) {
        /* void */
    }

    *t = ticket->next;

    (void) selkies_gate_lock(gate, ticket->slot, F_UNLCK);
    (void) selkies_gate_lock(gate, ticket->file, F_UNLCK);
}


static int
selkies_gate_lock(selkies_gate_t *gate, uint64_t byte, short type)
{
    struct flock  lock;

    memset(&lock, 0, sizeof(lock));
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = (off_t) byte;
    lock.l_len = 1;

    return fcntl(gate->fd, F_SETLK, &lock);
}


size_t
selkies_files_sweep(const selkies_root_t *root, const char *below)
{
    int     base;
    size_t  left;

    base = selkies_open_walk(root->fd, *below != '\0' ? below : ".",
                             SELKIES_FOLDER);

    if (base == -1) {
        return 0;
    }

    left = selkies_sweep_folder(base);

    (void) close(base);

    return left;
}


size_t
selkies_sweep_folder(int base)
{
    int             fd, file;
    DIR            *dir;
    time_t          now;
    size_t          left;
    struct stat     st;
    struct dirent  *entry;

    fd = openat(base, SELKIES_STAGING_NAME,
                O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (fd == -1) {
        return 0;
    }

    dir = fdopendir(fd);

    if (dir == NULL) {
        (void) close(fd);
        return 0;
    }

    left = 0;
    now = time(NULL);

    while ((entry = readdir(dir)) != NULL) {

        if (entry->d_name[0] == '.'
            || fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == -1)
        {
            continue;
        }

        left++;

        /* one from the future was written before the clock was set */

        if (!S_ISREG(st.st_mode)
            || (st.st_mtime <= now
                && now - st.st_mtime < SELKIES_UPLOAD_EXPIRES_S))
        {
            continue;
        }

        file = openat(fd, entry->d_name,
                      O_WRONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);

        if (file == -1) {
            continue;
        }

        /* who writes to it holds the lock, however slow its client is */

        if (flock(file, LOCK_EX|LOCK_NB) == 0
            && unlinkat(fd, entry->d_name, 0) == 0)
        {
            left--;
        }

        (void) close(file);
    }

    (void) closedir(dir);

    if (left == 0) {
        (void) unlinkat(base, SELKIES_STAGING_NAME, AT_REMOVEDIR);
    }

    return left;
}
