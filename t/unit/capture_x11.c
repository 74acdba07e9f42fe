
/*
 * Copyright (C) ngx_selkies authors
 *
 * capture/x11.c: servers that refuse, do not answer, or die at the worst
 * moment never end the process.
 *
 * Thread: main; the false servers are processes of their own.
 */


#include "capture_xvfb.h"

#include <poll.h>
#include <X11/Xlib.h>
#include <X11/extensions/Xrandr.h>
#include <X11/extensions/XTest.h>
#include <stddef.h>

#include "../../capture/x11.h"
#define RANDOM_SEED   77
#include "random.h"
#include "tap.h"


#define TEST_NUMBER   7000
#define TEST_THREADS  4
#define TEST_ROUNDS   100
#define TEST_CUTS     1000
#define TEST_DEATHS   40
#define TEST_ABANDONED  32              /* of x11.c */


typedef struct {
    selkies_x11_interrupt_t  interrupt;
    int                      opened;
    _Atomic int              opening;
    _Atomic int              done;
} test_cut_t;


static xvfb_t  xvfb;


static int
test_full(int fd, uint8_t *data, size_t len, int send_it)
{
    size_t   done;
    ssize_t  n;

    for (done = 0; done < len; done += (size_t) n) {
        n = send_it ? send(fd, data + done, len - done, MSG_NOSIGNAL)
                    : recv(fd, data + done, len - done, 0);

        if (n <= 0) {
            return -1;
        }
    }

    return 0;
}


/*
 * Passes on what client and real server say, until the client has named what
 * it is the end of, or, without such a word, has asked for anything.
 */

static void
test_pass(int client, int server, const char *end)
{
    ssize_t        n;
    uint8_t        data[65536];
    struct pollfd  pfds[2];

    pfds[0].fd = client;
    pfds[0].events = POLLIN;
    pfds[1].fd = server;
    pfds[1].events = POLLIN;

    while (poll(pfds, 2, 10000) > 0) {

        if (pfds[1].revents != 0) {
            n = recv(server, data, sizeof(data), 0);

            if (n <= 0 || test_full(client, data, (size_t) n, 1) == -1) {
                return;
            }
        }

        if (pfds[0].revents != 0) {
            n = recv(client, data, sizeof(data), 0);

            if (n <= 0 || end == NULL
                || memmem(data, (size_t) n, end, strlen(end)) != NULL
                || test_full(server, data, (size_t) n, 1) == -1)
            {
                return;
            }
        }
    }
}


/* Passes on the real server's greeting, and so on, and is gone. */

static void
test_greet(int client, const char *end)
{
    int                 server;
    size_t              len;
    uint8_t             data[65536];
    struct sockaddr_un  sa;

    server = socket(AF_UNIX, SOCK_STREAM, 0);

    memset(&sa, 0, sizeof(sa));
    sa.sun_family = AF_UNIX;
    (void) snprintf(sa.sun_path, sizeof(sa.sun_path), "/tmp/.X11-unix/X%d",
                    xvfb.number);

    if (connect(server, (struct sockaddr *) &sa, sizeof(sa)) == -1
        || test_full(client, data, 48, 0) == -1
        || test_full(server, data, 48, 1) == -1
        || test_full(server, data, 8, 0) == -1)
    {
        _exit(1);
    }

    len = (size_t) (data[6] | data[7] << 8) * 4;

    if (len + 8 > sizeof(data) || test_full(server, data + 8, len, 0) == -1
        || test_full(client, data, len + 8, 1) == -1)
    {
        _exit(1);
    }

    test_pass(client, server, end);

    (void) close(server);
    (void) close(client);
}


/*
 * A false server on its own number; every second connection, the first only
 * knocks, is lost in the middle, and after `greetings` of them it dies.
 */

static pid_t
test_server(int number, int greetings, const char *end)
{
    int                 fd, client, n;
    pid_t               pid;
    socklen_t           len;
    struct sockaddr_un  sa;

    fd = socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0);

    memset(&sa, 0, sizeof(sa));
    sa.sun_family = AF_UNIX;
    n = snprintf(sa.sun_path + 1, sizeof(sa.sun_path) - 1,
                 "/tmp/.X11-unix/X%d", number);
    len = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + 1 + (size_t) n);

    if (bind(fd, (struct sockaddr *) &sa, len) == -1 || listen(fd, 8) == -1) {
        return -1;
    }

    (void) fflush(stdout);
    pid = fork();

    if (pid != 0) {
        (void) close(fd);
        return pid;
    }

    (void) prctl(PR_SET_PDEATHSIG, SIGKILL);

    for (n = 0; n < greetings; n++) {
        client = accept(fd, NULL, NULL);
        (void) send(client, "\1", 1, MSG_NOSIGNAL);

        test_greet(accept(fd, NULL, NULL), end);

        if (n + 1 == greetings) {
            _exit(0);
        }

        (void) close(client);
    }

    for ( ;; ) {
        (void) pause();
    }
}


/*
 * Opens one that is gone when it hears the word, or, without one, inside
 * XOpenDisplay(), in a process of its own: what is given up then is lost, and
 * leak checkers tell.  So after some times no more is tried.
 */

static int
test_child(const char *name, const char *end, int error)
{
    int            i, status;
    pid_t          pid, server;
    selkies_x11_t  x;

    (void) fflush(stdout);
    pid = fork();

    if (pid == 0) {
        server = test_server(atoi(name + 1), TEST_DEATHS, end);

        for (i = 0; i < TEST_DEATHS; i++) {

            if (selkies_x11_open(&x, name, xvfb.auth, NULL, NULL) != NULL
                || errno != (i < TEST_ABANDONED ? error : EAGAIN))
            {
                _exit(1);
            }

            if (i != 0) {
                continue;
            }

            if (selkies_x11_open(&x, xvfb.display, xvfb.auth, NULL, NULL)
                == NULL)
            {
                _exit(2);
            }

            selkies_x11_close(&x);
        }

        (void) kill(server, SIGKILL);
        _exit(0);
    }

    (void) waitpid(pid, &status, 0);

    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}


/* Connections of several threads come and go; libraries share lists. */

static void *
test_connect(void *data)
{
    int            i, n, *failed;
    selkies_x11_t  x;

    failed = data;

    for (i = 0; i < TEST_ROUNDS; i++) {
        if (selkies_x11_open(&x, xvfb.display, xvfb.auth, NULL, NULL) == NULL
            || !XRRQueryExtension(x.display, &n, &n)
            || !XTestQueryExtension(x.display, &n, &n, &n, &n))
        {
            (*failed)++;
        }

        selkies_x11_close(&x);
    }

    return NULL;
}


static void
test_threads(void)
{
    int        i, failed[TEST_THREADS];
    pthread_t  threads[TEST_THREADS];

    memset(failed, 0, sizeof(failed));

    for (i = 0; i < TEST_THREADS; i++) {
        (void) pthread_create(&threads[i], NULL, test_connect, &failed[i]);
    }

    for (i = 0; i < TEST_THREADS; i++) {
        (void) pthread_join(threads[i], NULL);
        ok(failed[i] == 0, "%d connections of thread %d", TEST_ROUNDS, i);
    }
}


/* Opened again and again, whatever comes of it. */

static void *
test_reopen(void *data)
{
    int            i, n;
    test_cut_t    *cut;
    selkies_x11_t  x;

    cut = data;

    for (i = 0; i < TEST_CUTS; i++) {
        cut->opening = 1;

        if (selkies_x11_open(&x, xvfb.display, xvfb.auth, &cut->interrupt,
                             NULL) != NULL)
        {
            cut->opened++;
            (void) XRRQueryExtension(x.display, &n, &n);
        }

        selkies_x11_close(&x);

        cut->opening = 0;
        selkies_x11_interrupt_clear(&cut->interrupt);
    }

    cut->done = 1;

    return NULL;
}


/* Returns how many were opened; as in nginx, SIGPIPE is ignored. */

static int
test_cut(void)
{
    int         i, opened;
    pthread_t   threads[TEST_THREADS];
    test_cut_t  cuts[TEST_THREADS];

    (void) signal(SIGPIPE, SIG_IGN);
    memset(cuts, 0, sizeof(cuts));

    for (i = 0; i < TEST_THREADS; i++) {
        selkies_x11_interrupt_init(&cuts[i].interrupt);
        (void) pthread_create(&threads[i], NULL, test_reopen, &cuts[i]);
    }

    while (!cuts[0].done) {
        (void) usleep(random_number(1000));
        i = (int) random_number(TEST_THREADS);

        if (cuts[i].opening) {
            selkies_x11_interrupt(&cuts[i].interrupt);
        }
    }

    for (opened = 0, i = 0; i < TEST_THREADS; i++) {
        (void) pthread_join(threads[i], NULL);
        opened += cuts[i].opened;
    }

    return opened;
}


/*
 * Connections that are cut at any moment, as when a worker stops: libXext
 * leaves what it freed in its list if that is while it asks for a version.
 * What is given up then is never freed, so a process of its own does it.
 */

static void
test_cuts(void)
{
    int    status, opened;
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        (void) alarm(60);
        opened = test_cut();
        _exit(opened == 0 || opened == TEST_THREADS * TEST_CUTS);
    }

    status = -1;
    (void) waitpid(pid, &status, 0);
    ok(status == 0, "connections that are cut at any moment: %d", status);
}


int
main(void)
{
    int                      status;
    char                     name[16];
    pid_t                    pid;
    Window                   root;
    uint64_t                 start;
    selkies_x11_t            x, y;
    selkies_x11_interrupt_t  interrupt;

    if (xvfb_start(&xvfb, 640, 480, 0) == -1) {
        xvfb_stop(&xvfb);
        return skip_all("no Xvfb");
    }

    selkies_x11_interrupt_init(&interrupt);
    (void) unsetenv("DISPLAY");
    (void) unsetenv("XAUTHORITY");

    test_threads();
    test_cuts();

    ok(selkies_x11_open(&x, "nonsense", NULL, NULL, NULL) == NULL
       && errno == EINVAL
       && selkies_x11_open(&x, ":70000", NULL, NULL, NULL) == NULL
       && errno == EINVAL
       && selkies_x11_open(&x, NULL, NULL, NULL, NULL) == NULL
       && errno == EINVAL,
       "what is no display");
    ok(selkies_x11_open(&x, ":6999", NULL, NULL, NULL) == NULL
       && errno != EINVAL && errno != EACCES,
       "no server: %s", strerror(errno));
    ok(selkies_x11_open(&x, xvfb.display, "/dev/null", NULL, NULL) == NULL
       && errno == EACCES,
       "no cookie: %s", strerror(errno));

    ok(selkies_x11_open(&x, xvfb.display, xvfb.auth, &interrupt, &xvfb_log)
       != NULL, "the right cookie");
    ok(selkies_x11_open(&y, xvfb.display, xvfb.auth, NULL, &xvfb_log)
       != NULL, "a second connection");

    /* errors: trapped here, logged and survived there */

    root = DefaultRootWindow(x.display);
    xvfb_log_lines = 0;
    selkies_x11_trap_begin(&x);
    XMapWindow(x.display, 0x12345);
    XMapWindow(y.display, 0x54321);
    XSync(y.display, False);
    ok(selkies_x11_trap_end(&x) == BadWindow && xvfb_log_lines == 1,
       "an error is trapped on its connection, logged on the other");
    selkies_x11_trap_begin(&x);
    XMapWindow(x.display, root);
    ok(selkies_x11_trap_end(&x) == 0, "no error, none trapped");

    for (status = 0; status < 50; status++) {
        XMapWindow(x.display, 0x12345);
    }

    XSync(x.display, False);
    ok(xvfb_log_lines == 9, "errors do not flood the log (%d)",
       xvfb_log_lines - 1);

    selkies_x11_interrupt(&interrupt);
    XSync(x.display, False);
    ok(selkies_x11_lost(&x) && !selkies_x11_lost(&y),
       "an interrupt cuts its own connection");
    selkies_x11_trap_begin(&x);
    ok(selkies_x11_trap_end(&x) == -1, "a trap on a lost connection");
    selkies_x11_close(&x);
    selkies_x11_close(&x);
    ok(selkies_x11_open(&x, xvfb.display, xvfb.auth, &interrupt, NULL) == NULL
       && errno == ECANCELED, "no opening after an interrupt");
    selkies_x11_interrupt_clear(&interrupt);
    selkies_x11_interrupt(&interrupt);
    selkies_x11_interrupt_clear(&interrupt);

    /* accepts, never answers */

    (void) snprintf(name, sizeof(name), ":%d", TEST_NUMBER + getpid() % 1000);
    pid = test_server(atoi(name + 1), 0, NULL);
    start = selkies_clock_us();
    ok(pid > 0
       && selkies_x11_open(&x, name, xvfb.auth, &interrupt, NULL) == NULL
       && errno == ETIMEDOUT && selkies_clock_us() - start < 4000000,
       "a server that does not answer");
    (void) kill(pid, SIGKILL);
    (void) waitpid(pid, &status, 0);

    /* dies inside XOpenDisplay(): the default handler would end us */

    status = test_child(name, NULL, ECONNREFUSED);
    ok(status == 0, "servers that die while they are opened: %d", status);
    status = test_child(name, "XTEST", ECONNRESET);
    ok(status == 0, "or a little later: %d", status);

    ok(selkies_x11_open(&x, xvfb.display, xvfb.auth, &interrupt, &xvfb_log)
       != NULL, "opening works afterwards");

    xvfb_end(&xvfb, SIGKILL);
    XSync(x.display, False);
    XSync(y.display, False);
    (void) XQueryPointer(x.display, root, &(Window) { 0 }, &(Window) { 0 },
                         &(int) { 0 }, &(int) { 0 }, &(int) { 0 },
                         &(int) { 0 }, &(unsigned) { 0 });
    ok(selkies_x11_lost(&x) && selkies_x11_lost(&y),
       "kill -9: both lost, the process lives");
    selkies_x11_close(&x);
    selkies_x11_close(&y);

    selkies_x11_interrupt_destroy(&interrupt);
    xvfb_stop(&xvfb);

    return done_testing();
}
