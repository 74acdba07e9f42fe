
/*
 * Copyright (C) ngx_selkies authors
 *
 * The agent's children; see selkies-agent.h.
 */


#define _GNU_SOURCE

#include "selkies-agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/wait.h>


#define SELKIES_AGENT_CHILDREN    256


static unsigned  selkies_agent_children;


int
selkies_agent_spawn(char *const *argv, char error[SELKIES_AGENT_ERROR])
{
    int                           fd, rc;
    pid_t                         pid;
    sigset_t                      signals;
    posix_spawnattr_t             attributes;
    posix_spawn_file_actions_t    actions;

    if (selkies_agent_children >= SELKIES_AGENT_CHILDREN) {
        (void) snprintf(error, SELKIES_AGENT_ERROR,
                        "%u programs are running already",
                        selkies_agent_children);
        return -1;
    }

    (void) posix_spawnattr_init(&attributes);
    (void) posix_spawn_file_actions_init(&actions);

    (void) sigfillset(&signals);
    (void) posix_spawnattr_setsigdefault(&attributes, &signals);
    (void) sigemptyset(&signals);
    (void) posix_spawnattr_setsigmask(&attributes, &signals);
    (void) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID
                                                 |POSIX_SPAWN_SETSIGDEF
                                                 |POSIX_SPAWN_SETSIGMASK);

    /* all others are closed by exec */

    rc = 0;

    for (fd = 0; fd < 3; fd++) {
        rc |= posix_spawn_file_actions_addopen(&actions, fd, "/dev/null",
                                               fd ? O_WRONLY : O_RDONLY, 0);
    }

    if (rc == 0) {
        rc = posix_spawnp(&pid, argv[0], &actions, &attributes, argv, environ);
    }

    (void) posix_spawn_file_actions_destroy(&actions);
    (void) posix_spawnattr_destroy(&attributes);

    if (rc != 0) {
        (void) snprintf(error, SELKIES_AGENT_ERROR, "%.100s: %s", argv[0],
                        strerror(rc));
        return -1;
    }

    selkies_agent_children++;

    return 0;
}


void
selkies_agent_reap(void)
{
    while (waitpid(-1, NULL, WNOHANG) > 0) {

        if (selkies_agent_children > 0) {
            selkies_agent_children--;
        }
    }
}
