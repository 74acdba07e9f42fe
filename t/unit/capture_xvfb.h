
/*
 * Copyright (C) ngx_selkies authors
 *
 * A throw-away Xvfb with a cookie for the unit tests of capture/: free
 * display number, own directory, gone with the test.
 *
 * Thread: the test's main thread.  Ownership: whoever starts it stops it.
 */


#ifndef SELKIES_CAPTURE_XVFB_H_INCLUDED
#define SELKIES_CAPTURE_XVFB_H_INCLUDED


#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../capture/capture.h"


/* Where the server draws into. */

enum {
    XVFB_PRIVATE = 0,           /* memory of its own */
    XVFB_SEALED,                /* a sealed memfd */
    XVFB_FOLDER,                /* -fbdir, dir */
    XVFB_SEGMENT                /* -shmem */
};


typedef struct {
    pid_t    pid;
    int      number;
    int      framebuffer;       /* XVFB_PRIVATE and so on */
    int      memfd;             /* kept from start to start */
    int      width;
    int      height;
    char     dir[64];
    char     auth[96];
    char     display[16];
} xvfb_t;


/* Lines the code under test logged. */

static int  xvfb_log_lines;


__attribute__((unused))
static void
xvfb_log_write(void *data, selkies_log_level_t level, const char *line,
    size_t len)
{
    xvfb_log_lines++;
    printf("# log %d: %.*s\n", level, (int) len, line);
}


static const selkies_log_t  xvfb_log = { xvfb_log_write, NULL };


/* Runs a program to its end; its exit status, or -1. */

__attribute__((unused))
static int
xvfb_run(const xvfb_t *xvfb, char *const argv[])
{
    int    status;
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        (void) setenv("DISPLAY", xvfb->display, 1);
        (void) setenv("XAUTHORITY", xvfb->auth, 1);
        (void) execvp(argv[0], argv);
        _exit(127);
    }

    if (pid == -1 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
        return -1;
    }

    return WEXITSTATUS(status);
}


static int
xvfb_files(xvfb_t *xvfb)
{
    int          fd;
    size_t       i;
    uint8_t      cookie[44] = { 0xff, 0xff, 0, 0, 0, 0, 0, 18 };
    char         path[128], target[64];
    off_t        size;

    (void) snprintf(xvfb->dir, sizeof(xvfb->dir), "/tmp/selkies-xvfb-XXXXXX");

    if (mkdtemp(xvfb->dir) == NULL) {
        return -1;
    }

    /* one record for every display number: the wild family */

    memcpy(cookie + 8, "MIT-MAGIC-COOKIE-1", 18);
    cookie[27] = 16;

    for (i = 28; i < sizeof(cookie); i++) {
        cookie[i] = (uint8_t) (selkies_clock_us() * i >> 3);
    }

    (void) snprintf(xvfb->auth, sizeof(xvfb->auth), "%s/auth", xvfb->dir);

    fd = open(xvfb->auth, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600);

    if (fd == -1 || write(fd, cookie, sizeof(cookie)) != sizeof(cookie)) {
        return -1;
    }

    (void) close(fd);

    xvfb->memfd = -1;

    if (xvfb->framebuffer != XVFB_SEALED) {
        return 0;
    }

    size = 160 + 3072 + (off_t) xvfb->width * 4 * xvfb->height;
    xvfb->memfd = memfd_create("xvfb", MFD_ALLOW_SEALING);

    if (xvfb->memfd == -1 || ftruncate(xvfb->memfd, size) == -1
        || fcntl(xvfb->memfd, F_ADD_SEALS,
                 F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_SEAL) == -1)
    {
        return -1;
    }

    (void) snprintf(path, sizeof(path), "%s/Xvfb_screen0", xvfb->dir);
    (void) snprintf(target, sizeof(target), "/proc/self/fd/%d", xvfb->memfd);
    (void) unlink(path);

    return symlink(target, path);
}


/*
 * Starts the server and waits until it is ready; -1 when it cannot.  The
 * directory, cookie and framebuffer of a server before are used again.
 */

__attribute__((unused))
static int
xvfb_start(xvfb_t *xvfb, int width, int height, int framebuffer)
{
    int            pipes[2], null;
    char           screen[32], number[16], text[16], path[128], target[64];
    size_t         len;
    ssize_t        n;
    struct pollfd  pfd;

    static const char *const  ways[] = { NULL, "-fbdir", "-fbdir", "-shmem" };

    if (xvfb->dir[0] == '\0') {
        xvfb->width = width;
        xvfb->height = height;
        xvfb->framebuffer = framebuffer;

        if (xvfb_files(xvfb) == -1) {
            return -1;
        }

    } else if (xvfb->memfd != -1) {
        (void) snprintf(path, sizeof(path), "%s/Xvfb_screen0", xvfb->dir);
        (void) snprintf(target, sizeof(target), "/proc/self/fd/%d",
                        xvfb->memfd);
        (void) unlink(path);

        if (symlink(target, path) == -1) {
            return -1;
        }
    }

    if (pipe(pipes) == -1) {
        return -1;
    }

    (void) snprintf(screen, sizeof(screen), "%dx%dx24", width, height);
    (void) snprintf(number, sizeof(number), "%d", pipes[1]);

    xvfb->pid = fork();

    if (xvfb->pid == 0) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) close(pipes[0]);

        null = open("/dev/null", O_RDWR);
        (void) dup2(null, 1);
        (void) dup2(null, 2);

        (void) execlp("Xvfb", "Xvfb", "-displayfd", number, "-screen", "0",
                      screen, "-dpi", "96", "-nolisten", "tcp", "-noreset",
                      "-s", "0", "-auth", xvfb->auth, ways[xvfb->framebuffer],
                      xvfb->framebuffer == XVFB_SEGMENT ? NULL : xvfb->dir,
                      NULL);
        _exit(127);
    }

    (void) close(pipes[1]);

    pfd.fd = pipes[0];
    pfd.events = POLLIN;
    len = 0;

    /* up to the newline: the server writes twice, and dies of a closed pipe */

    while (xvfb->pid != -1 && len < sizeof(text) - 1
           && memchr(text, '\n', len) == NULL)
    {
        n = (poll(&pfd, 1, 20000) == 1)
            ? read(pipes[0], text + len, sizeof(text) - 1 - len) : 0;

        if (n <= 0) {
            break;
        }

        len += (size_t) n;
    }

    (void) close(pipes[0]);

    if (len == 0) {
        return -1;
    }

    text[len] = '\0';
    xvfb->number = atoi(text);
    (void) snprintf(xvfb->display, sizeof(xvfb->display), ":%d", xvfb->number);

    return 0;
}


/* Removes the socket file of a dead server, but not of its successor. */

static void
xvfb_unlink(int number)
{
    int                 fd;
    struct sockaddr_un  sa;

    fd = socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);

    memset(&sa, 0, sizeof(struct sockaddr_un));
    sa.sun_family = AF_UNIX;
    (void) snprintf(sa.sun_path, sizeof(sa.sun_path), "/tmp/.X11-unix/X%d",
                    number);

    if (fd != -1
        && connect(fd, (struct sockaddr *) &sa, sizeof(struct sockaddr_un))
           == -1
        && errno == ECONNREFUSED)
    {
        (void) unlink(sa.sun_path);
    }

    (void) close(fd);
}


/* Ends the server with `signal`; KILL leaves its socket, which goes too. */

__attribute__((unused))
static void
xvfb_end(xvfb_t *xvfb, int signal)
{
    if (xvfb->pid > 0) {
        (void) kill(xvfb->pid, signal);
        (void) waitpid(xvfb->pid, NULL, 0);

        if (signal == SIGKILL) {
            xvfb_unlink(xvfb->number);
        }
    }

    xvfb->pid = 0;
}


/* Ends the server and removes its files. */

__attribute__((unused))
static void
xvfb_stop(xvfb_t *xvfb)
{
    char  path[128];

    xvfb_end(xvfb, SIGTERM);

    if (xvfb->memfd > 0) {
        (void) close(xvfb->memfd);
    }

    (void) snprintf(path, sizeof(path), "%s/Xvfb_screen0", xvfb->dir);
    (void) unlink(path);
    (void) unlink(xvfb->auth);
    (void) rmdir(xvfb->dir);
}


/* Waits for the descriptor; 0 when nothing came within timeout_ms. */

__attribute__((unused))
static int
xvfb_wait(int fd, int timeout_ms)
{
    struct pollfd  pfd;

    pfd.fd = fd;
    pfd.events = POLLIN;

    return poll(&pfd, 1, timeout_ms) == 1;
}


#endif /* SELKIES_CAPTURE_XVFB_H_INCLUDED */
