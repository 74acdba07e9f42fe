
/*
 * Copyright (C) ngx_selkies authors
 *
 * Processes below selkies-xvfb: how they begin, and how what they left ends.
 *
 * Thread: selkies-xvfb's only one.  Ownership: nothing is kept.
 */


#define _GNU_SOURCE

#include "selkies-xvfb.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/stat.h>


static pid_t selkies_xvfb_parent_of(pid_t pid);
static int selkies_xvfb_remove(const char *path, const struct stat *st,
    int type, struct FTW *ftw);


pid_t
selkies_xvfb_fork(void)
{
    pid_t     parent, pid;
    sigset_t  set;

    parent = getpid();
    pid = fork();

    if (pid == -1) {
        selkies_xvfb_say("fork() failed (%s)", strerror(errno));
        return -1;
    }

    if (pid == 0) {
        (void) setsid();
        (void) prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);

        if (getppid() != parent) {
            _exit(1);
        }

        (void) sigemptyset(&set);
        (void) sigprocmask(SIG_SETMASK, &set, NULL);
        (void) signal(SIGPIPE, SIG_DFL);
    }

    return pid;
}


int
selkies_xvfb_signal_children(pid_t spared, int signo)
{
    int             n;
    DIR            *proc;
    pid_t           pid, self;
    struct dirent  *entry;

    proc = opendir("/proc");
    if (proc == NULL) {
        return 0;
    }

    n = 0;
    self = getpid();

    while ((entry = readdir(proc)) != NULL) {
        pid = (pid_t) strtol(entry->d_name, NULL, 10);

        if (pid <= 0 || pid == spared
            || selkies_xvfb_parent_of(pid) != self)
        {
            continue;
        }

        (void) kill(pid, signo);
        n++;
    }

    (void) closedir(proc);

    return n;
}


/* 0 for a process that is gone or a zombie. */

static pid_t
selkies_xvfb_parent_of(pid_t pid)
{
    int      fd, parent;
    char     text[512], state, *p;
    ssize_t  n;

    (void) snprintf(text, sizeof(text), "/proc/%d/stat", (int) pid);

    fd = open(text, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return 0;
    }

    n = read(fd, text, sizeof(text) - 1);
    (void) close(fd);

    if (n <= 0) {
        return 0;
    }

    text[n] = '\0';

    /* the name, in parentheses, may contain anything */

    p = strrchr(text, ')');

    if (p == NULL || sscanf(p + 1, " %c %d", &state, &parent) != 2
        || state == 'Z')
    {
        return 0;
    }

    return (pid_t) parent;
}


void
selkies_xvfb_remove_tree(const char *path)
{
    (void) nftw(path, selkies_xvfb_remove, 16, FTW_DEPTH|FTW_PHYS);
}


static int
selkies_xvfb_remove(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
    (void) remove(path);

    return 0;
}
