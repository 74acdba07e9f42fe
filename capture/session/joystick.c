
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * See joystick.h: the functions of the C library that programs call.  Each
 * one that is not about a device of ours goes on to the next library.
 *
 * glibc has most of them twice, for files of 64-bit sizes, and some once more
 * for programs built with _FORTIFY_SOURCE; musl has macros instead.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* RTLD_NEXT */
#endif

/* the headers must not turn what is defined here into something else */

#undef _FORTIFY_SOURCE
#undef _FILE_OFFSET_BITS

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "joystick.h"


#define EXPORT                    __attribute__((visibility("default")))

#define SELKIES_JOYSTICK_MAJOR    13
#define SELKIES_JOYSTICK_EVDEV    64            /* minor of event0 */
#define SELKIES_JOYSTICK_INODE    0x53e1c1e5

#ifdef __GLIBC__
typedef unsigned long  selkies_request_t;
#else
typedef int            selkies_request_t;
#endif


/* The next library's function of this name; looked up once for each. */

#define NEXT(result, name, types)                                             \
    static result (*next) types;                                              \
                                                                              \
    if (next == NULL) {                                                       \
        next = (result (*) types) dlsym(RTLD_NEXT, name);                     \
    }


/* The variable argument of open(), which is there with these flags alone. */

#define MODE(mode, flags)                                                     \
    do {                                                                      \
        va_list  args;                                                        \
                                                                              \
        if (((flags) & O_CREAT) || ((flags) & O_TMPFILE) == O_TMPFILE) {      \
            va_start(args, flags);                                            \
            mode = va_arg(args, mode_t);                                      \
            va_end(args);                                                     \
        }                                                                     \
    } while (0)


/*
 * A path below an open folder is ours where that is /dev/input.  Few paths get
 * that far.
 */

static bool
selkies_joystick_path_at(int folder, const char *path, unsigned *pad,
    bool *event)
{
    int      err;
    char     link[64], name[64], whole[64];
    ssize_t  n;

    if (path == NULL || path[0] == '/' || folder == AT_FDCWD) {
        return selkies_joystick_path(path, pad, event);
    }

    if (strlen(path) > 16) {
        return false;
    }

    (void) snprintf(whole, sizeof(whole), "/dev/input/%s", path);

    if (!selkies_joystick_path(whole, pad, event)) {
        return false;
    }

    (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", folder);

    err = errno;
    n = readlink(link, name, sizeof(name) - 1);
    errno = err;

    return n == sizeof("/dev/input") - 1 && memcmp(name, "/dev/input", n) == 0;
}


static int
selkies_joystick_access(int mode)
{
    if (mode & X_OK) {
        errno = EACCES;
        return -1;
    }

    return 0;
}


/* Both kinds of struct stat have these members. */

#define FAKE(st, pad, event)                                                  \
    do {                                                                      \
        memset(st, 0, sizeof(*(st)));                                         \
        (st)->st_mode = S_IFCHR|0660;                                         \
        (st)->st_nlink = 1;                                                   \
        (st)->st_uid = getuid();                                              \
        (st)->st_gid = getgid();                                              \
        (st)->st_blksize = 4096;                                              \
        (st)->st_ino = SELKIES_JOYSTICK_INODE + (pad) + ((event) ? 16 : 0);   \
        (st)->st_rdev = makedev(SELKIES_JOYSTICK_MAJOR, (event)               \
                                ? SELKIES_JOYSTICK_EVDEV                      \
                                  + SELKIES_JOYSTICK_EVENTS + (pad)           \
                                : (pad));                                     \
    } while (0)


/* opening */

#define OPEN(name)                                                            \
                                                                              \
EXPORT int                                                                    \
name(const char *path, int flags, ...)                                        \
{                                                                             \
    bool      event;                                                          \
    mode_t    mode;                                                           \
    unsigned  pad;                                                            \
                                                                              \
    NEXT(int, #name, (const char *, int, ...))                                \
                                                                              \
    if (selkies_joystick_path(path, &pad, &event)) {                          \
        return selkies_joystick_open(pad, event, flags);                      \
    }                                                                         \
                                                                              \
    mode = 0;                                                                 \
    MODE(mode, flags);                                                        \
                                                                              \
    return next(path, flags, mode);                                           \
}

#define OPENAT(name)                                                          \
                                                                              \
EXPORT int                                                                    \
name(int folder, const char *path, int flags, ...)                            \
{                                                                             \
    bool      event;                                                          \
    mode_t    mode;                                                           \
    unsigned  pad;                                                            \
                                                                              \
    NEXT(int, #name, (int, const char *, int, ...))                           \
                                                                              \
    if (selkies_joystick_path_at(folder, path, &pad, &event)) {               \
        return selkies_joystick_open(pad, event, flags);                      \
    }                                                                         \
                                                                              \
    mode = 0;                                                                 \
    MODE(mode, flags);                                                        \
                                                                              \
    return next(folder, path, flags, mode);                                   \
}

OPEN(open)
OPENAT(openat)

#ifdef __GLIBC__

OPEN(open64)
OPENAT(openat64)


/* what programs call that were built with _FORTIFY_SOURCE */

EXPORT int __open_2(const char *path, int flags);
EXPORT int __open64_2(const char *path, int flags);
EXPORT int __openat_2(int folder, const char *path, int flags);
EXPORT int __openat64_2(int folder, const char *path, int flags);
EXPORT ssize_t __read_chk(int fd, void *buf, size_t size, size_t room);


#define OPEN_2(name)                                                          \
                                                                              \
int                                                                           \
name(const char *path, int flags)                                             \
{                                                                             \
    bool      event;                                                          \
    unsigned  pad;                                                            \
                                                                              \
    NEXT(int, #name, (const char *, int))                                     \
                                                                              \
    if (selkies_joystick_path(path, &pad, &event)) {                          \
        return selkies_joystick_open(pad, event, flags);                      \
    }                                                                         \
                                                                              \
    return next(path, flags);                                                 \
}

#define OPENAT_2(name)                                                        \
                                                                              \
int                                                                           \
name(int folder, const char *path, int flags)                                 \
{                                                                             \
    bool      event;                                                          \
    unsigned  pad;                                                            \
                                                                              \
    NEXT(int, #name, (int, const char *, int))                                \
                                                                              \
    if (selkies_joystick_path_at(folder, path, &pad, &event)) {               \
        return selkies_joystick_open(pad, event, flags);                      \
    }                                                                         \
                                                                              \
    return next(folder, path, flags);                                         \
}

OPEN_2(__open_2)
OPEN_2(__open64_2)
OPENAT_2(__openat_2)
OPENAT_2(__openat64_2)

#endif


/* looking */

EXPORT int
access(const char *path, int mode)
{
    bool      event;
    unsigned  pad;

    NEXT(int, "access", (const char *, int))

    if (selkies_joystick_path(path, &pad, &event)) {
        return selkies_joystick_access(mode);
    }

    return next(path, mode);
}


EXPORT int
faccessat(int folder, const char *path, int mode, int flags)
{
    bool      event;
    unsigned  pad;

    NEXT(int, "faccessat", (int, const char *, int, int))

    if (selkies_joystick_path_at(folder, path, &pad, &event)) {
        return selkies_joystick_access(mode);
    }

    return next(folder, path, mode, flags);
}


#define STAT(name, type)                                                      \
                                                                              \
EXPORT int                                                                    \
name(const char *path, type *st)                                              \
{                                                                             \
    bool      event;                                                          \
    unsigned  pad;                                                            \
                                                                              \
    NEXT(int, #name, (const char *, type *))                                  \
                                                                              \
    if (selkies_joystick_path(path, &pad, &event)) {                          \
        FAKE(st, pad, event);                                                 \
        return 0;                                                             \
    }                                                                         \
                                                                              \
    return next(path, st);                                                    \
}

#define FSTAT(name, type)                                                     \
                                                                              \
EXPORT int                                                                    \
name(int fd, type *st)                                                        \
{                                                                             \
    selkies_joystick_t  *joystick;                                            \
                                                                              \
    NEXT(int, #name, (int, type *))                                           \
                                                                              \
    joystick = selkies_joystick_find(fd);                                     \
                                                                              \
    if (joystick != NULL) {                                                   \
        FAKE(st, joystick->pad, joystick->event);                             \
        return 0;                                                             \
    }                                                                         \
                                                                              \
    return next(fd, st);                                                      \
}

#define FSTATAT(name, type)                                                   \
                                                                              \
EXPORT int                                                                    \
name(int folder, const char *path, type *st, int flags)                       \
{                                                                             \
    bool                 event;                                               \
    unsigned             pad;                                                 \
    selkies_joystick_t  *joystick;                                            \
                                                                              \
    NEXT(int, #name, (int, const char *, type *, int))                        \
                                                                              \
    if (selkies_joystick_path_at(folder, path, &pad, &event)) {               \
        FAKE(st, pad, event);                                                 \
        return 0;                                                             \
    }                                                                         \
                                                                              \
    joystick = (flags & AT_EMPTY_PATH) && path[0] == '\0'                     \
               ? selkies_joystick_find(folder) : NULL;                        \
                                                                              \
    if (joystick != NULL) {                                                   \
        FAKE(st, joystick->pad, joystick->event);                             \
        return 0;                                                             \
    }                                                                         \
                                                                              \
    return next(folder, path, st, flags);                                     \
}

STAT(stat, struct stat)
STAT(lstat, struct stat)
FSTAT(fstat, struct stat)
FSTATAT(fstatat, struct stat)

#ifdef __GLIBC__

STAT(stat64, struct stat64)
STAT(lstat64, struct stat64)
FSTAT(fstat64, struct stat64)
FSTATAT(fstatat64, struct stat64)


/* what programs call that were built with a glibc older than 2.33 */

#define XSTAT(name, type)                                                     \
                                                                              \
EXPORT int name(int version, const char *path, type *st);                     \
                                                                              \
int                                                                           \
name(int version, const char *path, type *st)                                 \
{                                                                             \
    bool      event;                                                          \
    unsigned  pad;                                                            \
                                                                              \
    NEXT(int, #name, (int, const char *, type *))                             \
                                                                              \
    if (selkies_joystick_path(path, &pad, &event)) {                          \
        FAKE(st, pad, event);                                                 \
        return 0;                                                             \
    }                                                                         \
                                                                              \
    return next(version, path, st);                                           \
}

#define FXSTAT(name, type)                                                    \
                                                                              \
EXPORT int name(int version, int fd, type *st);                               \
                                                                              \
int                                                                           \
name(int version, int fd, type *st)                                           \
{                                                                             \
    selkies_joystick_t  *joystick;                                            \
                                                                              \
    NEXT(int, #name, (int, int, type *))                                      \
                                                                              \
    joystick = selkies_joystick_find(fd);                                     \
                                                                              \
    if (joystick != NULL) {                                                   \
        FAKE(st, joystick->pad, joystick->event);                             \
        return 0;                                                             \
    }                                                                         \
                                                                              \
    return next(version, fd, st);                                             \
}

EXPORT int
statx(int folder, const char *path, int flags, unsigned mask,
    struct statx *st)
{
    bool                 event;
    unsigned             pad;
    struct stat          plain;
    selkies_joystick_t  *joystick;

    NEXT(int, "statx", (int, const char *, int, unsigned, struct statx *))

    if (!selkies_joystick_path_at(folder, path, &pad, &event)) {
        joystick = (flags & AT_EMPTY_PATH) && path[0] == '\0'
                   ? selkies_joystick_find(folder) : NULL;

        if (joystick == NULL) {
            return next(folder, path, flags, mask, st);
        }

        pad = joystick->pad;
        event = joystick->event;
    }

    FAKE(&plain, pad, event);

    memset(st, 0, sizeof(struct statx));
    st->stx_mask = STATX_TYPE|STATX_MODE|STATX_NLINK|STATX_UID|STATX_GID
                   |STATX_INO;
    st->stx_mode = (uint16_t) plain.st_mode;
    st->stx_nlink = 1;
    st->stx_uid = plain.st_uid;
    st->stx_gid = plain.st_gid;
    st->stx_ino = plain.st_ino;
    st->stx_blksize = 4096;
    st->stx_rdev_major = major(plain.st_rdev);
    st->stx_rdev_minor = minor(plain.st_rdev);

    return 0;
}


XSTAT(__xstat, struct stat)
XSTAT(__lxstat, struct stat)
XSTAT(__xstat64, struct stat64)
XSTAT(__lxstat64, struct stat64)
FXSTAT(__fxstat, struct stat)
FXSTAT(__fxstat64, struct stat64)

#endif


/* what is open */

EXPORT int
ioctl(int fd, selkies_request_t request, ...)
{
    void                *arg;
    va_list              args;
    selkies_joystick_t  *joystick;

    NEXT(int, "ioctl", (int, selkies_request_t, ...))

    va_start(args, request);
    arg = va_arg(args, void *);
    va_end(args);

    if (_IOC_TYPE(request) == 'E' || _IOC_TYPE(request) == 'j') {
        joystick = selkies_joystick_adopt(fd);

        if (joystick != NULL) {
            return selkies_joystick_ioctl(joystick, fd,
                                          (unsigned int) request, arg);
        }
    }

    return next(fd, request, arg);
}


EXPORT ssize_t
read(int fd, void *buf, size_t size)
{
    selkies_joystick_t  *joystick;

    NEXT(ssize_t, "read", (int, void *, size_t))

    joystick = selkies_joystick_find(fd);

    if (joystick != NULL) {
        return selkies_joystick_read(joystick, fd, buf, size);
    }

    return next(fd, buf, size);
}


#ifdef __GLIBC__

ssize_t
__read_chk(int fd, void *buf, size_t size, size_t room)
{
    selkies_joystick_t  *joystick;

    NEXT(ssize_t, "__read_chk", (int, void *, size_t, size_t))

    joystick = selkies_joystick_find(fd);

    if (joystick != NULL && size <= room) {
        return selkies_joystick_read(joystick, fd, buf, size);
    }

    return next(fd, buf, size, room);
}

#endif


EXPORT ssize_t
write(int fd, const void *buf, size_t size)
{
    selkies_joystick_t  *joystick;

    NEXT(ssize_t, "write", (int, const void *, size_t))

    joystick = selkies_joystick_find(fd);

    if (joystick != NULL) {
        return selkies_joystick_write(joystick, fd, buf, size);
    }

    return next(fd, buf, size);
}


/* Who watches a device must go on doing so after it was connected again. */

EXPORT int
epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    int                  rc;
    selkies_joystick_t  *joystick;

    NEXT(int, "epoll_ctl", (int, int, int, struct epoll_event *))

    rc = next(epoll, op, fd, event);

    if (rc == 0) {
        joystick = selkies_joystick_find(fd);

        if (joystick != NULL) {
            joystick->epoll = op == EPOLL_CTL_DEL ? -1 : epoll;

            if (op != EPOLL_CTL_DEL && event != NULL) {
                joystick->watch = *event;
            }
        }
    }

    return rc;
}
