
/*
 * Copyright (C) ngx_selkies authors
 *
 * The parts of the Xvfb starter: its options, what is made once for a session
 * (display number, cookie, framebuffer), the first mode of a fresh server, and
 * its processes.  All of it is called from selkies-xvfb's only thread.
 * Functions that fail have said why on stderr.
 */


#ifndef SELKIES_XVFB_H_INCLUDED
#define SELKIES_XVFB_H_INCLUDED


#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>


#define SELKIES_XVFB_COOKIE_BYTES    16
#define SELKIES_XVFB_PIXELS_OFFSET   (160 + 256 * 12)
#define SELKIES_XVFB_REMOVALS        8

/* exit codes of the process that calls selkies_xvfb_first_mode() */

#define SELKIES_XVFB_MODE_OK         0
#define SELKIES_XVFB_MODE_REFUSED    1      /* no X connection */
#define SELKIES_XVFB_MODE_FAILED     2      /* X answers, the mode stays */


typedef struct {
    unsigned                         width;
    unsigned                         height;
} selkies_xvfb_size_t;


typedef struct {
    int                              number;       /* display :number */
    int                              fb;           /* sealed memfd, O_RDWR */
    int                              fb_readonly;  /* the same, O_RDONLY */
    uint8_t                          cookie[SELKIES_XVFB_COOKIE_BYTES];
    selkies_xvfb_size_t              max;
    selkies_xvfb_size_t              first;
} selkies_xvfb_screen_t;


typedef struct {
    const char                      *program;      /* Xvfb */
    const char                      *run;
    const char                      *remove[SELKIES_XVFB_REMOVALS];
    int                              removals;
    char                           **command_argv;
    mode_t                           cookie_mode;
    int                              first_number;
    int                              inherit_fd;
    selkies_xvfb_size_t              max;
    selkies_xvfb_size_t              first;        /* within max */
} selkies_xvfb_options_t;


/*
 * Fills *options from the command line, whose strings it refers to.  Returns
 * 0, or -1 after the usage or a complaint.
 */

int selkies_xvfb_parse_options(selkies_xvfb_options_t *options, int argc,
    char **argv);


/* One line "selkies-xvfb: ..." on stderr. */

void selkies_xvfb_say(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));


/*
 * Makes the framebuffer file: a memfd of exactly the size Xvfb expects for
 * screen->max at depth 24 (XWD header of 160 bytes, 256 colours of 12 bytes,
 * 4 bytes a pixel), sealed so that nobody can shrink or grow it, and opened
 * a second time for reading only.  Both descriptors are close-on-exec and
 * belong to the caller.  Returns 0 or -1.
 */

int selkies_xvfb_make_framebuffer(selkies_xvfb_screen_t *screen);


/*
 * Fills screen->cookie and writes it to path, replacing what is there, as one
 * FamilyWild record, which is valid for every display number.  Returns 0 or
 * -1.
 */

int selkies_xvfb_write_cookie(selkies_xvfb_screen_t *screen, const char *path,
    mode_t mode);


/*
 * The first number from `number` up to 65535 - 6000 (the range X knows) that
 * no server uses: no lock file of a living process, nobody listening on the
 * socket or the abstract socket, and no leftover that another user owns.
 * Returns -1 where there is none.
 */

int selkies_xvfb_free_number(int number);


/* Whether somebody else uses the number; see selkies_xvfb_free_number(). */

int selkies_xvfb_number_taken(int number);


/* A connection to the server's socket file, close-on-exec, or -1 (errno). */

int selkies_xvfb_connect(int number);


/* Removes the lock and the socket that Xvfb `pid`, which is dead, left. */

void selkies_xvfb_remove_leftovers(int number, pid_t pid);


/*
 * Talks X over the connected socket fd: gives a server that still has its
 * full size the mode screen->first and returns the memory behind the pixels
 * that are not shown.  The server is grabbed meanwhile, so other clients see
 * one change.  Blocks while the server does not answer, so it is called in a
 * process of its own.  Returns one of SELKIES_XVFB_MODE_*.
 */

int selkies_xvfb_first_mode(const selkies_xvfb_screen_t *screen, int fd);


/*
 * fork() into a session of its own, with default signals, that gets TERM when
 * this process dies.  Returns as fork() does.
 */

pid_t selkies_xvfb_fork(void);


/*
 * Signals every child, and every orphan that has become one, but `spared`.
 * Returns how many there were, zombies not counted.
 */

int selkies_xvfb_signal_children(pid_t spared, int signo);


/* Removes a file, or a folder with what is in it; links are not followed. */

void selkies_xvfb_remove_tree(const char *path);


#endif /* SELKIES_XVFB_H_INCLUDED */
