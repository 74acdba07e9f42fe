
/*
 * Copyright (C) ngx_selkies authors
 *
 * See framebuffer.h.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* memfd_create(), F_GET_SEALS */
#endif

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <X11/Xlib-xcb.h>

#include "framebuffer.h"
#include "rects.h"


#define SELKIES_XWD_FIELDS       25
#define SELKIES_XWD_HEADER_MAX   4096
#define SELKIES_XWD_COLORS_MAX   65536
#define SELKIES_XWD_COLOR_BYTES  12
#define SELKIES_XWD_SIDE_MAX     32767


/* X11/XWDFile.h: 32-bit fields, Xvfb writes them big-endian */

enum {
    XWD_HEADER_SIZE = 0,
    XWD_FILE_VERSION = 1,
    XWD_PIXMAP_FORMAT = 2,
    XWD_WIDTH = 4,
    XWD_HEIGHT = 5,
    XWD_BYTE_ORDER = 7,
    XWD_BITS_PER_PIXEL = 11,
    XWD_BYTES_PER_LINE = 12,
    XWD_RED_MASK = 14,
    XWD_GREEN_MASK = 15,
    XWD_BLUE_MASK = 16,
    XWD_NCOLORS = 19
};


typedef struct {
    unsigned    field;
    uint32_t    value;
} selkies_xwd_must_t;


static const selkies_xwd_must_t  selkies_xwd_musts[] = {
    { XWD_FILE_VERSION,   7 },
    { XWD_PIXMAP_FORMAT,  2 },
    { XWD_BYTE_ORDER,     0 },
    { XWD_BITS_PER_PIXEL, 32 },
    { XWD_RED_MASK,       0xff0000 },
    { XWD_GREEN_MASK,     0x00ff00 },
    { XWD_BLUE_MASK,      0x0000ff }
};


static int selkies_framebuffer_file(int folder, int screen, int anybody,
    const char **why);
static const char *selkies_framebuffer_header(selkies_framebuffer_t *fb);
static selkies_probe_t selkies_framebuffer_compare(
    const selkies_framebuffer_t *fb, const selkies_rect_t *rect,
    const uint8_t *pixels, size_t stride_bytes);


int
selkies_framebuffer_folder(const char *path)
{
    int              fd;
    struct open_how  how;

    memset(&how, 0, sizeof(struct open_how));
    how.flags = O_PATH|O_DIRECTORY|O_CLOEXEC;
    how.resolve = RESOLVE_NO_SYMLINKS|RESOLVE_NO_MAGICLINKS;

    fd = (int) syscall(SYS_openat2, AT_FDCWD, path, &how,
                       sizeof(struct open_how));

    /* before Linux 5.6, or where a filter does not know the call */

    if (fd == -1 && (errno == ENOSYS || errno == EPERM)) {
        fd = open(path, O_PATH|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
    }

    return fd;
}


const char *
selkies_framebuffer_map(selkies_framebuffer_t *fb, int fd, int screen,
    int anybody)
{
    int          file, seals;
    const char  *why;
    struct stat  st;

    memset(fb, 0, sizeof(selkies_framebuffer_t));
    file = -1;

    if (fstat(fd, &st) == -1) {
        return "is not open";
    }

    if (S_ISDIR(st.st_mode)) {
        file = selkies_framebuffer_file(fd, screen, anybody, &why);

        if (file == -1) {
            return why;
        }

        fd = file;

    } else {

        /* of a file that can shrink, reading past the new end is SIGBUS */

        seals = fcntl(fd, F_GET_SEALS);

        if (seals == -1 || (seals & F_SEAL_SHRINK) == 0) {
            return "is not sealed against shrinking";
        }
    }

    if (fstat(fd, &st) == -1 || st.st_size < 4 * SELKIES_XWD_FIELDS) {
        why = "is too small";

    } else {
        fb->map_bytes = (size_t) st.st_size;
        fb->map = mmap(NULL, fb->map_bytes, PROT_READ, MAP_SHARED, fd, 0);
        why = (fb->map == MAP_FAILED) ? "cannot be mapped" : NULL;
    }

    if (file != -1) {
        (void) close(file);
    }

    if (why != NULL) {
        fb->map = NULL;
        return why;
    }

    why = selkies_framebuffer_header(fb);

    if (why != NULL) {
        selkies_framebuffer_unmap(fb);
    }

    return why;
}


/* The file of `screen` in a folder; -1 and why not. */

static int
selkies_framebuffer_file(int folder, int screen, int anybody, const char **why)
{
    int          fd;
    char         name[32];
    struct stat  st;

    (void) snprintf(name, sizeof(name), "Xvfb_screen%d", screen);

    /* neither a pipe nor a link in its place must hold us up */

    fd = openat(folder, name,
                O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_NOCTTY|O_CLOEXEC);

    if (fd == -1) {
        *why = (errno == ENOENT) ? "is not in its folder"
               : (errno == ELOOP) ? "is a symbolic link" : "cannot be opened";
        return -1;
    }

    *why = NULL;

    if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
        *why = "is not a regular file";

    } else if (!anybody && st.st_uid != geteuid()) {
        *why = "belongs to another user";

    } else if (!anybody && (st.st_mode & (S_IWGRP|S_IWOTH)) != 0) {
        *why = "may be written by other users";
    }

    if (*why != NULL) {
        (void) close(fd);
        return -1;
    }

    return fd;
}


size_t
selkies_framebuffer_segments(selkies_x11_t *x11, int anybody, int *ids,
    size_t n)
{
    int            id;
    long           pid;
    char           line[512];
    FILE          *fp;
    size_t         found;
    socklen_t      len;
    unsigned       uid;
    struct ucred   peer;

    len = sizeof(struct ucred);

    if (getsockopt(ConnectionNumber(x11->display), SOL_SOCKET, SO_PEERCRED,
                   &peer, &len) == -1
        || len != sizeof(struct ucred) || peer.pid <= 0)
    {
        return 0;
    }

    fp = fopen("/proc/sysvipc/shm", "re");
    if (fp == NULL) {
        return 0;
    }

    found = 0;

    /* key shmid perms size cpid lpid nattch uid gid cuid ... */

    while (found < n && fgets(line, sizeof(line), fp) != NULL) {

        if (sscanf(line, "%*d %d %*o %*u %ld %*d %*u %*u %*u %u", &id, &pid,
                   &uid)
            == 3 && pid == (long) peer.pid && (anybody || uid == geteuid()))
        {
            ids[found++] = id;
        }
    }

    (void) fclose(fp);

    return found;
}


const char *
selkies_framebuffer_attach(selkies_framebuffer_t *fb, int id)
{
    void             *map;
    const char       *why;
    struct shmid_ds   ds;

    memset(fb, 0, sizeof(selkies_framebuffer_t));

    map = shmat(id, NULL, SHM_RDONLY);

    if (map == (void *) -1) {
        return "cannot be attached";
    }

    /* the size of what is attached now: it is never another one */

    if (shmctl(id, IPC_STAT, &ds) == -1
        || ds.shm_segsz < 4 * SELKIES_XWD_FIELDS)
    {
        (void) shmdt(map);
        return "is too small";
    }

    fb->map = map;
    fb->map_bytes = ds.shm_segsz;
    fb->attached = 1;

    why = selkies_framebuffer_header(fb);

    if (why != NULL) {
        selkies_framebuffer_unmap(fb);
    }

    return why;
}


void
selkies_framebuffer_unmap(selkies_framebuffer_t *fb)
{
    if (fb->attached) {
        (void) shmdt(fb->map);

    } else if (fb->map != NULL) {
        (void) munmap(fb->map, fb->map_bytes);
    }

    memset(fb, 0, sizeof(selkies_framebuffer_t));
}


static const char *
selkies_framebuffer_header(selkies_framebuffer_t *fb)
{
    size_t    i;
    uint8_t   raw[4 * SELKIES_XWD_FIELDS];
    uint32_t  field[SELKIES_XWD_FIELDS];
    uint64_t  start, need;

    /* a copy: the server may write while we look */

    memcpy(raw, fb->map, sizeof(raw));

    for (i = 0; i < SELKIES_XWD_FIELDS; i++) {
        field[i] = (uint32_t) raw[4 * i] << 24 | (uint32_t) raw[4 * i + 1] << 16
                   | (uint32_t) raw[4 * i + 2] << 8 | raw[4 * i + 3];
    }

    for (i = 0; i < sizeof(selkies_xwd_musts) / sizeof(selkies_xwd_must_t);
         i++)
    {
        if (field[selkies_xwd_musts[i].field] != selkies_xwd_musts[i].value) {
            return "has no XWD header for 32-bit little-endian pixels";
        }
    }

    if (field[XWD_HEADER_SIZE] < sizeof(raw)
        || field[XWD_HEADER_SIZE] > SELKIES_XWD_HEADER_MAX
        || field[XWD_NCOLORS] > SELKIES_XWD_COLORS_MAX
        || field[XWD_WIDTH] == 0 || field[XWD_WIDTH] > SELKIES_XWD_SIDE_MAX
        || field[XWD_HEIGHT] == 0 || field[XWD_HEIGHT] > SELKIES_XWD_SIDE_MAX
        || field[XWD_BYTES_PER_LINE] < field[XWD_WIDTH] * 4
        || field[XWD_BYTES_PER_LINE] % 4 != 0)
    {
        return "has an XWD header out of range";
    }

    start = field[XWD_HEADER_SIZE]
            + (uint64_t) field[XWD_NCOLORS] * SELKIES_XWD_COLOR_BYTES;
    need = start + (uint64_t) field[XWD_BYTES_PER_LINE] * field[XWD_HEIGHT];

    if (need > fb->map_bytes) {
        return "is smaller than its XWD header says";
    }

    fb->pixels = (const uint8_t *) fb->map + start;
    fb->stride_bytes = field[XWD_BYTES_PER_LINE];
    fb->width = (int32_t) field[XWD_WIDTH];
    fb->height = (int32_t) field[XWD_HEIGHT];

    return NULL;
}


/*
 * Nobody draws while the server is grabbed, so that both must be equal.  All is
 * asked at once: one round trip.  What the screen does not have, because it has
 * just become smaller, is refused and says nothing.
 */

selkies_probe_t
selkies_framebuffer_probe(const selkies_framebuffer_t *fb, selkies_x11_t *x11,
    const selkies_rect_t *rects, size_t n)
{
    size_t                  i, asked;
    xcb_window_t            root;
    selkies_rect_t          lines[SELKIES_FRAMEBUFFER_PROBES];
    selkies_probe_t         probe, result;
    xcb_connection_t       *xcb;
    xcb_get_image_reply_t  *reply;
    xcb_get_image_cookie_t  cookies[SELKIES_FRAMEBUFFER_PROBES];

    if (selkies_x11_lost(x11)) {
        return SELKIES_PROBE_EQUAL;
    }

    xcb = XGetXCBConnection(x11->display);
    root = (xcb_window_t) DefaultRootWindow(x11->display);
    asked = 0;

    (void) xcb_grab_server(xcb);

    for (i = 0; i < n && asked < SELKIES_FRAMEBUFFER_PROBES; i++) {
        lines[asked] = rects[i];

        if (selkies_rect_clip(&lines[asked], fb->width, fb->height)) {
            cookies[asked] = xcb_get_image(xcb, XCB_IMAGE_FORMAT_Z_PIXMAP,
                                           root, (int16_t) lines[asked].x,
                                           (int16_t) lines[asked].y,
                                           (uint16_t) lines[asked].width,
                                           (uint16_t) lines[asked].height,
                                           ~0u);
            asked++;
        }
    }

    result = SELKIES_PROBE_EQUAL;

    for (i = 0; i < asked; i++) {
        reply = xcb_get_image_reply(xcb, cookies[i], NULL);

        if (reply == NULL) {
            continue;
        }

        probe = SELKIES_PROBE_EQUAL;

        if (result != SELKIES_PROBE_WRONG
            && (size_t) xcb_get_image_data_length(reply)
               >= (size_t) lines[i].width * (size_t) lines[i].height * 4)
        {
            probe = selkies_framebuffer_compare(fb, &lines[i],
                                                xcb_get_image_data(reply),
                                                (size_t) lines[i].width * 4);
        }

        free(reply);

        result = (probe == SELKIES_PROBE_EQUAL) ? result : probe;
    }

    (void) xcb_ungrab_server(xcb);
    (void) xcb_flush(xcb);

    return result;
}


static selkies_probe_t
selkies_framebuffer_compare(const selkies_framebuffer_t *fb,
    const selkies_rect_t *rect, const uint8_t *pixels, size_t stride_bytes)
{
    int             varied;
    int32_t         x, y;
    uint32_t        theirs, ours, first;
    const uint8_t  *line;

    first = 0;
    varied = 0;

    for (y = 0; y < rect->height; y++) {
        line = fb->pixels + (size_t) (rect->y + y) * fb->stride_bytes
               + (size_t) rect->x * 4;

        for (x = 0; x < rect->width; x++) {
            memcpy(&ours, line + (size_t) x * 4, 4);
            memcpy(&theirs, pixels + (size_t) y * stride_bytes
                            + (size_t) x * 4, 4);

            if (((theirs ^ ours) & 0xffffff) != 0) {
                return SELKIES_PROBE_WRONG;
            }

            if (x == 0 && y == 0) {
                first = ours;
            }

            varied |= ((first ^ ours) & 0xffffff) != 0;
        }
    }

    return varied ? SELKIES_PROBE_PROVEN : SELKIES_PROBE_EQUAL;
}
