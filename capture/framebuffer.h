
/*
 * Copyright (C) ngx_selkies authors
 *
 * Xvfb's framebuffer, mapped read-only (encoding.md 5.2, platform.md 4.4): a
 * sealed memfd, a file in a folder (Xvfb -fbdir) or a System V segment (Xvfb
 * -shmem).
 *
 * Thread: whoever owns the structure and the connection.  Ownership: the
 * mapping is the structure's, the descriptor stays the caller's.
 */


#ifndef SELKIES_FRAMEBUFFER_H_INCLUDED
#define SELKIES_FRAMEBUFFER_H_INCLUDED


#include "capture.h"
#include "x11.h"


#pragma GCC visibility push(hidden)


/* pixels is NULL when nothing is mapped; width and height are the largest. */

typedef struct {
    void           *map;
    size_t          map_bytes;
    int             attached;               /* by shmat() */

    const uint8_t  *pixels;
    size_t          stride_bytes;
    int32_t         width;
    int32_t         height;
} selkies_framebuffer_t;


/* What comparing with the server's own word shows. */

typedef enum {
    SELKIES_PROBE_PROVEN = 0,       /* equal, and not of one colour only */
    SELKIES_PROBE_EQUAL,
    SELKIES_PROBE_WRONG
} selkies_probe_t;


/*
 * Opens a folder for selkies_framebuffer_map(): no symbolic link on the way to
 * it is followed, and nothing is read.  -1 and errno; the caller closes it.
 * Any thread.
 */

int selkies_framebuffer_folder(const char *path);


/*
 * Maps a framebuffer if it cannot shrink under us, which would be SIGBUS, and
 * its XWD header describes 32-bit pixels B G R X that lie inside.  `fd` is the
 * file itself, which must be sealed (F_SEAL_SHRINK), or a folder with the file
 * Xvfb_screen<screen>.  That one must be a regular file of the process's own
 * uid that nobody else may write, or, with `anybody`, of any uid: then its
 * owner is trusted.  Returns NULL, or why not.
 */

const char *selkies_framebuffer_map(selkies_framebuffer_t *fb, int fd,
    int screen, int anybody);


/*
 * The System V segments that the server at the other end of the connection
 * has made: at most n ids, returns how many.  Only those of the process's own
 * uid unless `anybody`.  Needs the server's pid and IPC namespace.
 */

size_t selkies_framebuffer_segments(selkies_x11_t *x11, int anybody, int *ids,
    size_t n);

/* Attaches a segment, which never shrinks, as map() maps a file. */

const char *selkies_framebuffer_attach(selkies_framebuffer_t *fb, int id);

/* Harmless when nothing is mapped. */

void selkies_framebuffer_unmap(selkies_framebuffer_t *fb);


/* So many rectangles at most are compared at once. */

#define SELKIES_FRAMEBUFFER_PROBES  16


/*
 * Compares rectangles of the root window with what the server says, in one
 * round trip; of what lies outside of the framebuffer that part is left out,
 * and what lies outside of the window all of it.  EQUAL also when nothing could
 * be compared.  Ask selkies_x11_lost() afterwards.
 */

selkies_probe_t selkies_framebuffer_probe(const selkies_framebuffer_t *fb,
    selkies_x11_t *x11, const selkies_rect_t *rects, size_t n);


#pragma GCC visibility pop


#endif /* SELKIES_FRAMEBUFFER_H_INCLUDED */
