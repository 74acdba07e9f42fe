
/*
 * Copyright (C) ngx_selkies authors
 *
 * selkies-agent -s SOCKET [-u USER] [-g GROUP] [-c]
 *
 * Starts programs of the desktop session for the module; see selkies-agent.h
 * for what it is asked.  The socket has mode 0600, with -g 0660 and that
 * group; who connects must be this user, root, or USER, which is nginx's.
 * Without -c nothing is given to a shell, whoever asks.  TERM, INT and HUP end
 * it; programs it has started go on.
 *
 * Thread: one, a loop over poll().  It sleeps while nobody asks.
 */


#define _GNU_SOURCE

#include "selkies-agent.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>


#define SELKIES_AGENT_CLIENTS     8
#define SELKIES_AGENT_CLIENT_MS   5000
#define SELKIES_AGENT_BUFFER      (SELKIES_AGENT_REQUEST_MAX + 4)


typedef struct {
    int                 fd;             /* -1: free */
    int64_t             until_ms;
    size_t              len;
    uint8_t            *data;
} selkies_agent_client_t;


typedef struct {
    const char              *path;
    uid_t                    user;      /* who may ask, too */
    gid_t                    group;     /* (gid_t) -1: none */
    int                      commands;

    int                      listener;
    int                      signals;
    dev_t                    device;    /* of the socket we made */
    ino_t                    inode;
    selkies_agent_client_t   clients[SELKIES_AGENT_CLIENTS];
} selkies_agent_t;


static int selkies_agent_options(selkies_agent_t *agent, int argc,
    char **argv);
static int selkies_agent_listen(selkies_agent_t *agent);
static int selkies_agent_vacate(const struct sockaddr_un *address);
static int selkies_agent_signals(void);
static void selkies_agent_loop(selkies_agent_t *agent);
static int selkies_agent_ended(selkies_agent_t *agent);
static void selkies_agent_accept(selkies_agent_t *agent);
static void selkies_agent_read(selkies_agent_t *agent,
    selkies_agent_client_t *client);
static int selkies_agent_answer(selkies_agent_t *agent,
    selkies_agent_client_t *client, selkies_agent_request_t *request);
static void selkies_agent_drop(selkies_agent_client_t *client);
static int64_t selkies_agent_now_ms(void);


int
main(int argc, char **argv)
{
    size_t           i;
    const char      *home;
    struct stat      st;
    selkies_agent_t  agent;

    memset(&agent, 0, sizeof(selkies_agent_t));
    agent.group = (gid_t) -1;
    agent.user = geteuid();

    for (i = 0; i < SELKIES_AGENT_CLIENTS; i++) {
        agent.clients[i].fd = -1;
    }

    if (selkies_agent_options(&agent, argc, argv) != 0) {
        return 2;
    }

    /* what the caller has left open is not for the programs we start */

    if (close_range(3, ~0U, 0) != 0) {

        for (i = 3; i < 1024; i++) {
            (void) close((int) i);
        }
    }

    agent.signals = selkies_agent_signals();

    if (agent.signals == -1 || selkies_agent_listen(&agent) != 0) {
        return 1;
    }

    home = getenv("HOME");

    if (home == NULL || chdir(home) != 0) {
        (void) fprintf(stderr, "selkies-agent: no HOME to go to\n");
    }

    selkies_agent_loop(&agent);

    /* another one may have the path by now */

    if (lstat(agent.path, &st) == 0 && st.st_dev == agent.device
        && st.st_ino == agent.inode)
    {
        (void) unlink(agent.path);
    }

    return 0;
}


static int
selkies_agent_options(selkies_agent_t *agent, int argc, char **argv)
{
    int             option;
    struct group   *group;
    struct passwd  *user;

    while ((option = getopt(argc, argv, "s:u:g:c")) != -1) {

        switch (option) {

        case 's':
            agent->path = optarg;
            break;

        case 'u':
            user = getpwnam(optarg);

            if (user == NULL) {
                (void) fprintf(stderr, "selkies-agent: no user \"%s\"\n",
                               optarg);
                return -1;
            }

            agent->user = user->pw_uid;
            break;

        case 'g':
            group = getgrnam(optarg);

            if (group == NULL) {
                (void) fprintf(stderr, "selkies-agent: no group \"%s\"\n",
                               optarg);
                return -1;
            }

            agent->group = group->gr_gid;
            break;

        case 'c':
            agent->commands = 1;
            break;

        default:
            agent->path = NULL;
            optind = argc;
        }
    }

    if (agent->path == NULL || optind != argc) {
        (void) fprintf(stderr, "usage: selkies-agent -s SOCKET [-u USER] "
                               "[-g GROUP] [-c]\n");
        return -1;
    }

    return 0;
}


static int
selkies_agent_listen(selkies_agent_t *agent)
{
    int                  rc;
    mode_t               mask;
    struct stat          st;
    struct sockaddr_un   address;

    memset(&address, 0, sizeof(address));
    address.sun_family = AF_UNIX;

    if (strlen(agent->path) >= sizeof(address.sun_path)) {
        (void) fprintf(stderr, "selkies-agent: \"%s\" is too long for a "
                               "socket\n", agent->path);
        return -1;
    }

    memcpy(address.sun_path, agent->path, strlen(agent->path));

    agent->listener = socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK,
                             0);

    if (agent->listener == -1 || selkies_agent_vacate(&address) != 0) {
        (void) fprintf(stderr, "selkies-agent: \"%s\": %s\n", agent->path,
                       strerror(errno));
        return -1;
    }

    mask = umask(0177);
    rc = bind(agent->listener, (struct sockaddr *) &address, sizeof(address));
    (void) umask(mask);

    if (rc == 0 && agent->group != (gid_t) -1) {
        rc = chown(agent->path, (uid_t) -1, agent->group) != 0
             || chmod(agent->path, 0660) != 0;
    }

    if (rc != 0 || lstat(agent->path, &st) != 0
        || listen(agent->listener, 16) != 0)
    {
        (void) fprintf(stderr, "selkies-agent: \"%s\": %s\n", agent->path,
                       strerror(errno));
        return -1;
    }

    agent->device = st.st_dev;
    agent->inode = st.st_ino;

    return 0;
}


/* A socket that one of us has left is replaced, nothing else. */

static int
selkies_agent_vacate(const struct sockaddr_un *address)
{
    int          fd, rc;
    struct stat  st;

    if (lstat(address->sun_path, &st) != 0) {
        return errno == ENOENT ? 0 : -1;
    }

    errno = EEXIST;

    if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid()) {
        return -1;
    }

    fd = socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);

    if (fd == -1) {
        return -1;
    }

    rc = connect(fd, (const struct sockaddr *) address, sizeof(*address));

    if (rc == 0 || errno != ECONNREFUSED) {
        (void) close(fd);
        errno = EADDRINUSE;
        return -1;
    }

    (void) close(fd);

    return unlink(address->sun_path);
}


static int
selkies_agent_signals(void)
{
    sigset_t  set;

    (void) sigemptyset(&set);
    (void) sigaddset(&set, SIGCHLD);
    (void) sigaddset(&set, SIGTERM);
    (void) sigaddset(&set, SIGINT);
    (void) sigaddset(&set, SIGHUP);
    (void) sigprocmask(SIG_BLOCK, &set, NULL);

    return signalfd(-1, &set, SFD_CLOEXEC|SFD_NONBLOCK);
}


static void
selkies_agent_loop(selkies_agent_t *agent)
{
    int                      timeout;
    size_t                   i, n;
    int64_t                  now, left;
    struct pollfd            fds[2 + SELKIES_AGENT_CLIENTS];
    selkies_agent_client_t  *client;

    for ( ;; ) {
        now = selkies_agent_now_ms();
        timeout = -1;
        n = 0;

        for (i = 0; i < SELKIES_AGENT_CLIENTS; i++) {
            client = &agent->clients[i];
            fds[2 + i] = (struct pollfd) { client->fd, POLLIN, 0 };

            if (client->fd == -1) {
                continue;
            }

            left = client->until_ms > now ? client->until_ms - now : 0;
            timeout = timeout == -1 || left < timeout ? (int) left : timeout;
            n++;
        }

        fds[0] = (struct pollfd) { agent->signals, POLLIN, 0 };
        fds[1] = (struct pollfd) { n < SELKIES_AGENT_CLIENTS ? agent->listener
                                                             : -1,
                                   POLLIN, 0 };

        if (poll(fds, 2 + SELKIES_AGENT_CLIENTS, timeout) == -1
            && errno != EINTR)
        {
            return;
        }

        if (fds[0].revents != 0 && selkies_agent_ended(agent)) {
            return;
        }

        now = selkies_agent_now_ms();

        for (i = 0; i < SELKIES_AGENT_CLIENTS; i++) {
            client = &agent->clients[i];

            if (client->fd != -1 && fds[2 + i].revents != 0) {
                selkies_agent_read(agent, client);

            } else if (client->fd != -1 && now >= client->until_ms) {
                selkies_agent_drop(client);
            }
        }

        if (fds[1].revents != 0) {
            selkies_agent_accept(agent);
        }
    }
}


static int
selkies_agent_ended(selkies_agent_t *agent)
{
    struct signalfd_siginfo  info;

    while (read(agent->signals, &info, sizeof(info)) == sizeof(info)) {

        if (info.ssi_signo != SIGCHLD) {
            return 1;
        }

        selkies_agent_reap();
    }

    return 0;
}


static void
selkies_agent_accept(selkies_agent_t *agent)
{
    int                      fd;
    size_t                   i;
    socklen_t                len;
    struct ucred             peer;
    selkies_agent_client_t  *client;

    fd = accept4(agent->listener, NULL, NULL, SOCK_CLOEXEC|SOCK_NONBLOCK);

    if (fd == -1) {
        return;
    }

    len = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0
        || (peer.uid != geteuid() && peer.uid != 0 && peer.uid != agent->user))
    {
        (void) fprintf(stderr, "selkies-agent: user %d refused\n",
                       (int) peer.uid);
        (void) close(fd);
        return;
    }

    for (i = 0; i < SELKIES_AGENT_CLIENTS; i++) {
        client = &agent->clients[i];

        if (client->fd == -1) {
            client->data = malloc(SELKIES_AGENT_BUFFER);

            if (client->data == NULL) {
                break;
            }

            client->fd = fd;
            client->len = 0;
            client->until_ms = selkies_agent_now_ms()
                               + SELKIES_AGENT_CLIENT_MS;
            return;
        }
    }

    (void) close(fd);
}


static void
selkies_agent_read(selkies_agent_t *agent, selkies_agent_client_t *client)
{
    long                      used;
    ssize_t                   n;
    selkies_agent_request_t   request;

    n = recv(client->fd, client->data + client->len,
             SELKIES_AGENT_BUFFER - client->len, 0);

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }

    if (n <= 0) {
        selkies_agent_drop(client);
        return;
    }

    client->len += (size_t) n;

    for ( ;; ) {
        used = selkies_agent_parse(&request, client->data, client->len);

        if (used == 0) {
            return;
        }

        if (used == -1 || selkies_agent_answer(agent, client, &request) != 0) {
            selkies_agent_drop(client);
            return;
        }

        client->len -= (size_t) used;
        memmove(client->data, client->data + used, client->len);
    }
}


static int
selkies_agent_answer(selkies_agent_t *agent, selkies_agent_client_t *client,
    selkies_agent_request_t *request)
{
    int          rc;
    char        *shell[] = { "sh", "-c", (char *) request->text, NULL };
    char         error[SELKIES_AGENT_ERROR];
    size_t       len;
    uint8_t      reply[SELKIES_AGENT_REPLY_MAX + 4];
    const char  *why;

    rc = 0;
    why = error;

    switch (request->kind) {

    case SELKIES_AGENT_RUN:
        rc = selkies_agent_spawn(request->argv, error);
        break;

    case SELKIES_AGENT_COMMAND:

        if (!agent->commands) {
            rc = -1;
            why = "commands are off";
            break;
        }

        rc = selkies_agent_spawn(shell, error);
        break;

    default: /* SELKIES_AGENT_DPI */
        selkies_agent_dpi(request->dpi, request->cursor);
    }

    len = selkies_agent_reply(reply, rc == 0 ? NULL : why);

    return send(client->fd, reply, len, MSG_NOSIGNAL) == (ssize_t) len ? 0 : -1;
}


static void
selkies_agent_drop(selkies_agent_client_t *client)
{
    (void) close(client->fd);
    free(client->data);
    client->fd = -1;
    client->data = NULL;
}


static int64_t
selkies_agent_now_ms(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
