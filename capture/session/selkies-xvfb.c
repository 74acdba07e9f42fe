
/*
 * Copyright (C) ngx_selkies authors
 *
 * selkies-xvfb [options] -- command [argument ...]
 *
 * Starts an Xvfb of its own, waits until it answers, then starts the command
 * with DISPLAY, XAUTHORITY, SELKIES_DISPLAY, SELKIES_FRAMEBUFFER (fd:N) and
 * the read-only framebuffer as descriptor N.  A server that dies is started
 * again with the same number, cookie and framebuffer.  When the command ends,
 * or on TERM, INT, HUP or QUIT, everything below this process ends too, and
 * nothing is left: no process, no lock, no socket.  A second signal hurries.
 *
 * Thread: one, a loop over a signalfd.  Children lead sessions of their own,
 * so that a Ctrl-C reaches this process alone and the order of stopping is
 * ours.  Orphans of the desktop become our children (subreaper).
 * Ownership: RUN/lock is held as long as the process lives; RUN/Xauthority,
 * RUN/fb and what -R names are removed at the end, RUN/xvfb.log stays.
 */


#define _GNU_SOURCE

#include "selkies-xvfb.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>


#define SELKIES_XVFB_PROBE_MS      10
#define SELKIES_XVFB_ANSWER_MS     30000
#define SELKIES_XVFB_MODE_MS       15000
#define SELKIES_XVFB_STEADY_MS     10000
#define SELKIES_XVFB_DELAY_MS      100
#define SELKIES_XVFB_DELAY_MAX_MS  5000
#define SELKIES_XVFB_COMMAND_MS    12000
#define SELKIES_XVFB_SWEEP_MS      50
#define SELKIES_XVFB_ORPHANS_MS    2000
#define SELKIES_XVFB_STOP_MS       5000
#define SELKIES_XVFB_ATTEMPTS      5


typedef enum {
    SELKIES_XVFB_DOWN = 1,         /* starts again at due_ms */
    SELKIES_XVFB_STARTING,         /* connecting until due_ms */
    SELKIES_XVFB_SIZING,           /* the child sets the mode until due_ms */
    SELKIES_XVFB_READY,
    SELKIES_XVFB_END_COMMAND,      /* command has TERM, KILL at due_ms */
    SELKIES_XVFB_END_ORPHANS,      /* what the desktop left, likewise */
    SELKIES_XVFB_END_SERVER,       /* Xvfb has TERM, KILL at due_ms */
    SELKIES_XVFB_DONE
} selkies_xvfb_state_t;


typedef struct {
    selkies_xvfb_options_t         options;
    char                           cookie_path[PATH_MAX];
    char                           fb_dir[PATH_MAX];
    char                           fb_link[PATH_MAX];
    char                           log_path[PATH_MAX];
    char                           lock_path[PATH_MAX];
    selkies_xvfb_screen_t          screen;

    selkies_xvfb_state_t           state;
    int64_t                        due_ms;
    int64_t                        started_ms;
    int64_t                        delay_ms;
    pid_t                          xvfb;         /* 0: none */
    pid_t                          last_xvfb;    /* owner of the lock file */
    pid_t                          sizer;
    pid_t                          command;
    int                            attempts;
    int                            answered;
    int                            hurry;
    int                            rc;
} selkies_xvfb_t;


static int selkies_xvfb_prepare(selkies_xvfb_t *x);
static int selkies_xvfb_path(char *path, const char *dir, const char *name);
static int selkies_xvfb_lock_run(selkies_xvfb_t *x);
static void selkies_xvfb_run(selkies_xvfb_t *x, int sigfd);
static int64_t selkies_xvfb_now_ms(void);
static void selkies_xvfb_signal(selkies_xvfb_t *x, int signo);
static void selkies_xvfb_reap(selkies_xvfb_t *x);
static void selkies_xvfb_tick(selkies_xvfb_t *x);
static void selkies_xvfb_start(selkies_xvfb_t *x);
static void selkies_xvfb_exec_server(selkies_xvfb_t *x);
static void selkies_xvfb_probe(selkies_xvfb_t *x);
static void selkies_xvfb_sized(selkies_xvfb_t *x, int status);
static void selkies_xvfb_server_ended(selkies_xvfb_t *x, int status);
static void selkies_xvfb_say_why(selkies_xvfb_t *x);
static void selkies_xvfb_start_command(selkies_xvfb_t *x);
static void selkies_xvfb_stop(selkies_xvfb_t *x);
static void selkies_xvfb_end_orphans(selkies_xvfb_t *x);
static void selkies_xvfb_end_server(selkies_xvfb_t *x);
static void selkies_xvfb_clean(selkies_xvfb_t *x);


static const int  selkies_xvfb_signals[] = {
    SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, 0
};


int
main(int argc, char **argv)
{
    int             i, sigfd;
    sigset_t        set;
    selkies_xvfb_t  x;

    memset(&x, 0, sizeof(selkies_xvfb_t));

    if (selkies_xvfb_parse_options(&x.options, argc, argv) != 0) {
        return 2;
    }

    x.screen.fb = -1;
    x.screen.max = x.options.max;
    x.screen.first = x.options.first;

    (void) sigemptyset(&set);

    for (i = 0; selkies_xvfb_signals[i] != 0; i++) {
        (void) sigaddset(&set, selkies_xvfb_signals[i]);
    }

    (void) sigprocmask(SIG_BLOCK, &set, NULL);
    (void) signal(SIGPIPE, SIG_IGN);

    sigfd = signalfd(-1, &set, SFD_CLOEXEC|SFD_NONBLOCK);
    if (sigfd == -1) {
        selkies_xvfb_say("signalfd() failed (%s)", strerror(errno));
        return 1;
    }

    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == -1) {
        selkies_xvfb_say("prctl() failed (%s)", strerror(errno));
        return 1;
    }

    if (selkies_xvfb_lock_run(&x) != 0) {
        return 1;
    }

    if (selkies_xvfb_prepare(&x) != 0) {
        selkies_xvfb_clean(&x);
        return 1;
    }

    selkies_xvfb_run(&x, sigfd);
    selkies_xvfb_clean(&x);

    return x.rc;
}


/* The lock comes first: whoever has it may replace the directory's files. */

static int
selkies_xvfb_lock_run(selkies_xvfb_t *x)
{
    int  fd;

    if (selkies_xvfb_path(x->lock_path, x->options.run, "lock") != 0
        || selkies_xvfb_path(x->cookie_path, x->options.run, "Xauthority") != 0
        || selkies_xvfb_path(x->fb_dir, x->options.run, "fb") != 0
        || selkies_xvfb_path(x->fb_link, x->options.run, "fb/Xvfb_screen0") != 0
        || selkies_xvfb_path(x->log_path, x->options.run, "xvfb.log") != 0)
    {
        return -1;
    }

    fd = open(x->lock_path, O_RDWR|O_CREAT|O_NOFOLLOW|O_CLOEXEC, 0600);
    if (fd == -1) {
        selkies_xvfb_say("open(\"%s\") failed (%s)", x->lock_path,
                         strerror(errno));
        return -1;
    }

    if (flock(fd, LOCK_EX|LOCK_NB) == -1) {
        selkies_xvfb_say("another desktop is running in \"%s\"",
                         x->options.run);
        return -1;
    }

    return 0;
}


static int
selkies_xvfb_path(char *path, const char *dir, const char *name)
{
    char  full[PATH_MAX];

    if (realpath(dir, full) == NULL) {
        selkies_xvfb_say("realpath(\"%s\") failed (%s)", dir,
                         strerror(errno));
        return -1;
    }

    if (snprintf(path, PATH_MAX, "%s/%s", full, name) >= PATH_MAX - 32) {
        selkies_xvfb_say("path too long: \"%s\"", dir);
        return -1;
    }

    return 0;
}


static int
selkies_xvfb_prepare(selkies_xvfb_t *x)
{
    if (mkdir(x->fb_dir, 0700) == -1 && errno != EEXIST) {
        selkies_xvfb_say("mkdir(\"%s\") failed (%s)", x->fb_dir,
                         strerror(errno));
        return -1;
    }

    (void) unlink(x->log_path);

    if (selkies_xvfb_make_framebuffer(&x->screen) != 0
        || selkies_xvfb_write_cookie(&x->screen, x->cookie_path,
                                     x->options.cookie_mode)
           != 0)
    {
        return -1;
    }

    x->screen.number = selkies_xvfb_free_number(x->options.first_number);
    if (x->screen.number == -1) {
        selkies_xvfb_say("no free display number from :%d upwards",
                         x->options.first_number);
        return -1;
    }

    x->state = SELKIES_XVFB_DOWN;
    x->rc = 1;

    return 0;
}


static void
selkies_xvfb_run(selkies_xvfb_t *x, int sigfd)
{
    int64_t                  wait_ms;
    struct pollfd            pfd;
    struct signalfd_siginfo  info;

    pfd.fd = sigfd;
    pfd.events = POLLIN;

    selkies_xvfb_tick(x);

    while (x->state != SELKIES_XVFB_DONE) {

        wait_ms = -1;

        if (x->state == SELKIES_XVFB_STARTING) {
            wait_ms = SELKIES_XVFB_PROBE_MS;

        } else if (x->state == SELKIES_XVFB_END_ORPHANS) {
            wait_ms = SELKIES_XVFB_SWEEP_MS;

        } else if (x->state != SELKIES_XVFB_READY) {
            wait_ms = x->due_ms - selkies_xvfb_now_ms();
            wait_ms = (wait_ms < 0) ? 0 : wait_ms;
        }

        (void) poll(&pfd, 1, (int) wait_ms);

        while (read(sigfd, &info, sizeof(info)) == (ssize_t) sizeof(info)) {
            selkies_xvfb_signal(x, (int) info.ssi_signo);
        }

        selkies_xvfb_tick(x);
    }
}


static int64_t
selkies_xvfb_now_ms(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


static void
selkies_xvfb_signal(selkies_xvfb_t *x, int signo)
{
    if (signo == SIGCHLD) {
        selkies_xvfb_reap(x);
        return;
    }

    if (x->state < SELKIES_XVFB_END_COMMAND) {
        x->rc = 128 + signo;
        selkies_xvfb_stop(x);
        return;
    }

    x->hurry = 1;
    x->due_ms = selkies_xvfb_now_ms();
}


static void
selkies_xvfb_reap(selkies_xvfb_t *x)
{
    int    status;
    pid_t  pid;

    for ( ;; ) {
        pid = waitpid(-1, &status, WNOHANG);

        if (pid <= 0) {
            return;
        }

        if (pid == x->sizer) {
            x->sizer = 0;
            selkies_xvfb_sized(x, status);

        } else if (pid == x->xvfb) {
            x->xvfb = 0;
            selkies_xvfb_server_ended(x, status);

        } else if (pid == x->command) {
            x->command = 0;
            x->rc = WIFEXITED(status) ? WEXITSTATUS(status)
                                      : 128 + WTERMSIG(status);
            selkies_xvfb_stop(x);
        }
    }
}


static void
selkies_xvfb_tick(selkies_xvfb_t *x)
{
    int64_t  now_ms;

    now_ms = selkies_xvfb_now_ms();

    switch (x->state) {

    case SELKIES_XVFB_DOWN:
        if (now_ms >= x->due_ms) {
            selkies_xvfb_start(x);
        }
        break;

    case SELKIES_XVFB_STARTING:
        selkies_xvfb_probe(x);

        /* fall through */

    case SELKIES_XVFB_SIZING:
        if (now_ms >= x->due_ms) {
            selkies_xvfb_say("Xvfb :%d does not answer", x->screen.number);
            x->due_ms = now_ms + SELKIES_XVFB_STOP_MS;
            (void) kill(x->xvfb, SIGKILL);
        }
        break;

    case SELKIES_XVFB_END_COMMAND:
        if (x->command > 0 && now_ms >= x->due_ms) {
            (void) kill(-x->command, SIGKILL);
            (void) kill(x->command, SIGKILL);
            x->due_ms = now_ms + SELKIES_XVFB_STOP_MS;
        }
        break;

    case SELKIES_XVFB_END_ORPHANS:
        selkies_xvfb_end_orphans(x);
        break;

    case SELKIES_XVFB_END_SERVER:
        if (x->xvfb > 0 && now_ms >= x->due_ms) {
            (void) kill(x->xvfb, SIGKILL);
            x->due_ms = now_ms + SELKIES_XVFB_STOP_MS;
        }
        break;

    case SELKIES_XVFB_READY:
    case SELKIES_XVFB_DONE:
        break;
    }
}


static void
selkies_xvfb_start(selkies_xvfb_t *x)
{
    char  target[64];

    (void) snprintf(target, sizeof(target), "/proc/self/fd/%d",
                    x->screen.fb);

    (void) unlink(x->fb_link);

    x->started_ms = selkies_xvfb_now_ms();
    x->due_ms = x->started_ms + SELKIES_XVFB_DELAY_MAX_MS;

    if (symlink(target, x->fb_link) == -1) {
        selkies_xvfb_say("symlink(\"%s\") failed (%s)", x->fb_link,
                         strerror(errno));

    } else {
        x->xvfb = selkies_xvfb_fork();

        if (x->xvfb == 0) {
            selkies_xvfb_exec_server(x);
        }
    }

    if (x->xvfb <= 0) {
        x->xvfb = 0;

        if (!x->answered) {
            selkies_xvfb_stop(x);
        }

        return;
    }

    x->last_xvfb = x->xvfb;
    x->state = SELKIES_XVFB_STARTING;
    x->due_ms = x->started_ms + SELKIES_XVFB_ANSWER_MS;
}


static void
selkies_xvfb_exec_server(selkies_xvfb_t *x)
{
    int   fd;
    char  display[16], size[32];

    (void) snprintf(display, sizeof(display), ":%d", x->screen.number);
    (void) snprintf(size, sizeof(size), "%ux%ux24", x->screen.max.width,
                    x->screen.max.height);

    (void) fcntl(x->screen.fb, F_SETFD, 0);

    fd = open("/dev/null", O_RDONLY);
    if (fd != -1) {
        (void) dup2(fd, STDIN_FILENO);
    }

    fd = open(x->log_path, O_WRONLY|O_CREAT|O_APPEND|O_NOFOLLOW|O_CLOEXEC,
              0600);
    if (fd != -1) {
        (void) dup2(fd, STDOUT_FILENO);
        (void) dup2(fd, STDERR_FILENO);
    }

    (void) execlp(x->options.program, "Xvfb", display, "-screen", "0", size,
                  "-dpi", "96", "-nolisten", "tcp", "-nolisten", "local",
                  "-auth", x->cookie_path, "-noreset", "-s", "0",
                  "-fbdir", x->fb_dir, NULL);

    selkies_xvfb_say("execlp(\"%s\") failed (%s)", x->options.program,
                     strerror(errno));
    _exit(127);
}


/*
 * The server is asked as soon as its socket listens, and the process that
 * asks sets the first mode too.  SO_PEERCRED tells our server from another
 * one that took the number in the same moment.
 */

static void
selkies_xvfb_probe(selkies_xvfb_t *x)
{
    int           fd;
    socklen_t     len;
    struct ucred  peer;

    fd = selkies_xvfb_connect(x->screen.number);
    if (fd == -1) {
        return;
    }

    len = sizeof(struct ucred);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1
        || peer.pid != x->xvfb)
    {
        (void) close(fd);
        return;
    }

    x->sizer = selkies_xvfb_fork();

    if (x->sizer == 0) {
        _exit(selkies_xvfb_first_mode(&x->screen, fd));
    }

    (void) close(fd);

    if (x->sizer == -1) {
        x->sizer = 0;
        return;
    }

    x->state = SELKIES_XVFB_SIZING;
    x->due_ms = selkies_xvfb_now_ms() + SELKIES_XVFB_MODE_MS;
}


static void
selkies_xvfb_sized(selkies_xvfb_t *x, int status)
{
    if (x->state != SELKIES_XVFB_SIZING) {
        return;
    }

    if (!WIFEXITED(status)
        || WEXITSTATUS(status) == SELKIES_XVFB_MODE_REFUSED)
    {
        (void) kill(x->xvfb, SIGKILL);
        return;
    }

    if (WEXITSTATUS(status) == SELKIES_XVFB_MODE_FAILED) {
        selkies_xvfb_say("Xvfb :%d did not take the mode %ux%u",
                         x->screen.number, x->screen.first.width,
                         x->screen.first.height);
    }

    x->state = SELKIES_XVFB_READY;

    if (!x->answered) {
        x->answered = 1;
        selkies_xvfb_start_command(x);
    }
}


static void
selkies_xvfb_server_ended(selkies_xvfb_t *x, int status)
{
    if (x->sizer > 0) {
        (void) kill(x->sizer, SIGKILL);
    }

    if (x->state == SELKIES_XVFB_END_SERVER) {
        x->state = SELKIES_XVFB_DONE;
        return;
    }

    if (x->state > SELKIES_XVFB_READY) {
        return;
    }

    x->state = SELKIES_XVFB_DOWN;
    x->due_ms = selkies_xvfb_now_ms();

    if (!x->answered) {

        /* somebody was faster: the next number, as often as it takes */

        if (x->attempts++ < SELKIES_XVFB_ATTEMPTS
            && selkies_xvfb_number_taken(x->screen.number))
        {
            x->screen.number = selkies_xvfb_free_number(x->screen.number + 1);

            if (x->screen.number != -1) {
                return;
            }
        }

        selkies_xvfb_say_why(x);
        selkies_xvfb_stop(x);
        return;
    }

    if (x->due_ms - x->started_ms >= SELKIES_XVFB_STEADY_MS) {
        x->delay_ms = 0;
    }

    x->due_ms += x->delay_ms;

    selkies_xvfb_say("Xvfb :%d ended (%s %d), starting it again in %d ms",
                     x->screen.number,
                     WIFSIGNALED(status) ? "signal" : "code",
                     WIFSIGNALED(status) ? WTERMSIG(status)
                                         : WEXITSTATUS(status),
                     (int) x->delay_ms);

    x->delay_ms = (x->delay_ms == 0) ? SELKIES_XVFB_DELAY_MS
                                     : x->delay_ms * 2;

    if (x->delay_ms > SELKIES_XVFB_DELAY_MAX_MS) {
        x->delay_ms = SELKIES_XVFB_DELAY_MAX_MS;
    }
}


/* The server's own reason: its last line, in the log. */

static void
selkies_xvfb_say_why(selkies_xvfb_t *x)
{
    char    line[256], last[256];
    FILE   *log;
    size_t  len;

    last[0] = '\0';
    log = fopen(x->log_path, "re");

    if (log != NULL) {
        while (fgets(line, sizeof(line), log) != NULL) {
            len = strcspn(line, "\r\n");
            line[len] = '\0';

            if (strspn(line, " \t") < len && strcmp(line, "(EE)") != 0
                && strcmp(line, "(EE) ") != 0)
            {
                memcpy(last, line, len + 1);
            }
        }

        (void) fclose(log);
    }

    selkies_xvfb_say("Xvfb did not start: %s",
                     last[0] != '\0' ? last : "it said nothing");
}


static void
selkies_xvfb_start_command(selkies_xvfb_t *x)
{
    char  text[32];

    x->command = selkies_xvfb_fork();

    if (x->command == -1) {
        x->command = 0;
        selkies_xvfb_stop(x);
        return;
    }

    if (x->command > 0) {
        return;
    }

    if (dup2(x->screen.fb_readonly, x->options.inherit_fd) == -1) {
        selkies_xvfb_say("dup2() failed (%s)", strerror(errno));
        _exit(1);
    }

    (void) fcntl(x->options.inherit_fd, F_SETFD, 0);

    (void) snprintf(text, sizeof(text), ":%d", x->screen.number);
    (void) setenv("DISPLAY", text, 1);
    (void) setenv("SELKIES_DISPLAY", text, 1);
    (void) setenv("XAUTHORITY", x->cookie_path, 1);

    (void) snprintf(text, sizeof(text), "fd:%d", x->options.inherit_fd);
    (void) setenv("SELKIES_FRAMEBUFFER", text, 1);

    (void) execvp(x->options.command_argv[0], x->options.command_argv);

    selkies_xvfb_say("execvp(\"%s\") failed (%s)", x->options.command_argv[0],
                     strerror(errno));
    _exit(127);
}


static void
selkies_xvfb_stop(selkies_xvfb_t *x)
{
    int64_t  now_ms;

    now_ms = selkies_xvfb_now_ms();

    if (x->command > 0) {
        if (x->state < SELKIES_XVFB_END_COMMAND) {
            x->state = SELKIES_XVFB_END_COMMAND;
            x->due_ms = now_ms + SELKIES_XVFB_COMMAND_MS;
            (void) kill(x->command, SIGTERM);
        }

        return;
    }

    x->state = SELKIES_XVFB_END_ORPHANS;
    x->due_ms = x->hurry ? now_ms : now_ms + SELKIES_XVFB_ORPHANS_MS;
}


/*
 * What the command left behind: first asked, then killed.  A process without
 * end (in the kernel, on a dead disk) does not keep us for ever.
 */

static void
selkies_xvfb_end_orphans(selkies_xvfb_t *x)
{
    int      n;
    int64_t  now_ms;

    now_ms = selkies_xvfb_now_ms();

    n = selkies_xvfb_signal_children(x->xvfb,
                                     now_ms < x->due_ms ? SIGTERM : SIGKILL);

    if (n > 0 && now_ms < x->due_ms + SELKIES_XVFB_STOP_MS) {
        return;
    }

    selkies_xvfb_end_server(x);
}


static void
selkies_xvfb_end_server(selkies_xvfb_t *x)
{
    if (x->xvfb == 0) {
        x->state = SELKIES_XVFB_DONE;
        return;
    }

    x->state = SELKIES_XVFB_END_SERVER;
    x->due_ms = selkies_xvfb_now_ms() + SELKIES_XVFB_STOP_MS;
    (void) kill(x->xvfb, SIGTERM);
}


static void
selkies_xvfb_clean(selkies_xvfb_t *x)
{
    int  i;

    selkies_xvfb_remove_leftovers(x->screen.number, x->last_xvfb);

    (void) unlink(x->fb_link);
    (void) rmdir(x->fb_dir);
    (void) unlink(x->cookie_path);

    for (i = 0; i < x->options.removals; i++) {
        selkies_xvfb_remove_tree(x->options.remove[i]);
    }
}
