
/*
 * Copyright (C) ngx_selkies authors
 *
 * Xlib's error handlers, opening and closing.  See x11.h.
 *
 * Thread: handlers run in whatever thread uses the connection.  The list of
 * connections and the process-wide X authorization each have their own mutex.
 */


#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <X11/Xauth.h>
#include <X11/Xlib-xcb.h>
#include <X11/extensions/XTest.h>

#include "x11.h"


#define SELKIES_X11_ANSWER_MS     2000
#define SELKIES_X11_ERRORS_MAX    8
#define SELKIES_X11_FILE_BYTES    (1024 * 1024)
#define SELKIES_X11_COOKIES_MAX   1024
#define SELKIES_X11_COOKIE_BYTES  64

#define SELKIES_X11_COOKIE_NAME   "MIT-MAGIC-COOKIE-1"

/* Displays given up, see selkies_x11_extend(), before it takes time. */

#define SELKIES_X11_ABANDONED     32
#define SELKIES_X11_ABANDONED_US  60000000


typedef struct {
    size_t   len;
    uint8_t  data[SELKIES_X11_COOKIE_BYTES];
} selkies_x11_cookie_t;


static void selkies_x11_init_once(void);
static int selkies_x11_error(Display *display, XErrorEvent *event);
static int selkies_x11_io_error(Display *display);
static void selkies_x11_io_error_exit(Display *display, void *data);
static int selkies_x11_number(const char *display, int *local);
static FILE *selkies_x11_open_file(const char *file);
static void selkies_x11_load_cookie(const char *file, int number,
    selkies_x11_cookie_t *cookie);
static int selkies_x11_knock(int number, const selkies_x11_cookie_t *cookie,
    selkies_x11_interrupt_t *interrupt, int *refused);
static int selkies_x11_connect(int number);
static Display *selkies_x11_open_display(const char *name,
    const selkies_x11_cookie_t *cookie, int *given_up);
static int selkies_x11_interrupt_set(selkies_x11_interrupt_t *interrupt,
    int fd);
static int selkies_x11_extend(Display *display);
static void selkies_x11_abandon(void);
static int selkies_x11_is_tired(void);
static void selkies_x11_forget(selkies_x11_t *x);


static selkies_x11_t         *selkies_x11_list;
static pthread_once_t         selkies_x11_once = PTHREAD_ONCE_INIT;
static pthread_mutex_t        selkies_x11_list_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t        selkies_x11_open_lock = PTHREAD_MUTEX_INITIALIZER;

/* Around what libXext does without one, see selkies_x11_extend(). */

static pthread_mutex_t        selkies_x11_ext_lock = PTHREAD_MUTEX_INITIALIZER;

static unsigned               selkies_x11_abandoned;     /* under it, too, */
static uint64_t               selkies_x11_abandoned_us; /* and the last one */

/* Where to go when the server dies inside this thread's XOpenDisplay(). */

static __thread sigjmp_buf   *selkies_x11_opening;
static __thread Display      *selkies_x11_opened;


void
selkies_x11_init(void)
{
    (void) pthread_once(&selkies_x11_once, selkies_x11_init_once);
}


static void
selkies_x11_init_once(void)
{
    (void) XInitThreads();
    (void) XSetErrorHandler(selkies_x11_error);
    (void) XSetIOErrorHandler(selkies_x11_io_error);
}


static int
selkies_x11_error(Display *display, XErrorEvent *event)
{
    selkies_x11_t  *x;

    (void) pthread_mutex_lock(&selkies_x11_list_lock);

    for (x = selkies_x11_list; x != NULL; x = x->next) {
        if (x->display == display) {
            break;
        }
    }

    (void) pthread_mutex_unlock(&selkies_x11_list_lock);

    if (x == NULL) {
        return 0;
    }

    if (x->trapped && (long) (event->serial - x->trap_serial) >= 0) {
        if (x->error == 0) {
            x->error = event->error_code;
        }

        return 0;
    }

    if (x->nerrors < SELKIES_X11_ERRORS_MAX) {
        x->nerrors++;

        selkies_log(x->log, SELKIES_LOG_WARN,
                    "X error %d of request %d.%d on resource 0x%lx",
                    event->error_code, event->request_code,
                    event->minor_code, event->resourceid);
    }

    return 0;
}


/*
 * Returning from here takes Xlib to the display's exit handler.  A display
 * that is being opened still has the one that ends the process.
 */

static int
selkies_x11_io_error(Display *display)
{
    if (selkies_x11_opening != NULL) {
        selkies_x11_opened = display;
        siglongjmp(*selkies_x11_opening, 1);
    }

    return 0;
}


static void
selkies_x11_io_error_exit(Display *display, void *data)
{
    selkies_x11_t  *x = data;

    x->lost = 1;
}


void
selkies_x11_interrupt_init(selkies_x11_interrupt_t *interrupt)
{
    (void) pthread_mutex_init(&interrupt->lock, NULL);

    interrupt->fd = -1;
    interrupt->stopped = 0;
}


void
selkies_x11_interrupt_destroy(selkies_x11_interrupt_t *interrupt)
{
    (void) pthread_mutex_destroy(&interrupt->lock);
}


void
selkies_x11_interrupt(selkies_x11_interrupt_t *interrupt)
{
    (void) pthread_mutex_lock(&interrupt->lock);

    interrupt->stopped = 1;

    if (interrupt->fd != -1) {
        (void) shutdown(interrupt->fd, SHUT_RDWR);
    }

    (void) pthread_mutex_unlock(&interrupt->lock);
}


void
selkies_x11_interrupt_clear(selkies_x11_interrupt_t *interrupt)
{
    (void) pthread_mutex_lock(&interrupt->lock);
    interrupt->stopped = 0;
    (void) pthread_mutex_unlock(&interrupt->lock);
}


/* Names the descriptor to cut, -1 for none; closes the one before. */

static int
selkies_x11_interrupt_set(selkies_x11_interrupt_t *interrupt, int fd)
{
    int  stopped;

    if (interrupt == NULL) {
        if (fd != -1) {
            (void) close(fd);
        }

        return 0;
    }

    (void) pthread_mutex_lock(&interrupt->lock);

    if (interrupt->fd != -1) {
        (void) close(interrupt->fd);
    }

    interrupt->fd = fd;
    stopped = interrupt->stopped;

    if (stopped && fd != -1) {
        (void) shutdown(fd, SHUT_RDWR);
    }

    (void) pthread_mutex_unlock(&interrupt->lock);

    return stopped;
}


Display *
selkies_x11_open(selkies_x11_t *x, const char *display,
    const char *xauthority, selkies_x11_interrupt_t *interrupt,
    const selkies_log_t *log)
{
    int                   fd, local, number, knock, refused, error, given_up;
    selkies_x11_cookie_t  cookie;

    memset(x, 0, sizeof(selkies_x11_t));

    selkies_x11_init();

    number = selkies_x11_number(display, &local);

    if (number < 0) {
        errno = EINVAL;
        return NULL;
    }

    if (selkies_x11_is_tired()) {
        errno = EAGAIN;
        return NULL;
    }

    cookie.len = 0;

    if (xauthority != NULL) {
        selkies_x11_load_cookie(xauthority, number, &cookie);
    }

    knock = -1;

    if (local) {
        knock = selkies_x11_knock(number, &cookie, interrupt, &refused);

        if (knock == -1) {
            return NULL;
        }

        /* without a file of ours Xlib may still know a cookie */

        if (refused && xauthority != NULL) {
            (void) selkies_x11_interrupt_set(interrupt, -1);
            (void) close(knock);
            errno = EACCES;
            return NULL;
        }
    }

    x->log = log;
    x->interrupt = interrupt;
    given_up = 0;
    x->display = selkies_x11_open_display(display, &cookie, &given_up);

    /* only now: a server without -noreset starts over with its last client */

    if (knock != -1) {
        (void) close(knock);
    }

    if (x->display == NULL) {
        error = selkies_x11_interrupt_set(interrupt, -1) ? ECANCELED
                                                         : ECONNREFUSED;

        if (given_up && error == ECONNREFUSED) {
            selkies_x11_abandon();
        }

        errno = error;
        return NULL;
    }

    XSetIOErrorExitHandler(x->display, selkies_x11_io_error_exit, x);

    (void) pthread_mutex_lock(&selkies_x11_list_lock);
    x->next = selkies_x11_list;
    selkies_x11_list = x;
    (void) pthread_mutex_unlock(&selkies_x11_list_lock);

    (void) fcntl(ConnectionNumber(x->display), F_SETFD, FD_CLOEXEC);

    fd = fcntl(ConnectionNumber(x->display), F_DUPFD_CLOEXEC, 0);

    if (fd == -1 || selkies_x11_interrupt_set(interrupt, fd)) {
        error = (fd == -1) ? errno : ECANCELED;
        selkies_x11_close(x);
        errno = error;
        return NULL;
    }

    if (selkies_x11_extend(x->display) != 0) {
        selkies_x11_forget(x);

        if (!selkies_x11_interrupt_set(interrupt, -1)) {
            selkies_x11_abandon();
        }

        errno = ECONNRESET;
        return NULL;
    }

    return x->display;
}


/*
 * libXext keeps a list of the displays that use any extension, makes it for
 * the first and frees it with the last one, both without a lock (1.3.4).  So
 * a display enters it here and leaves it in XCloseDisplay(), one at a time.
 *
 * While it enters, libXext asks for the version of generic events, and where
 * the server does not answer it frees the display's entry but leaves it in the
 * list.  It must not come to that: of a server lost then, as of one lost inside
 * XOpenDisplay(), the connection is closed and the display, some 25 KB, given
 * up.  Where that happens again and again servers are let be for a while.
 */

static int
selkies_x11_extend(Display *display)
{
    int         rc, event, error, major, minor;
    sigjmp_buf  env;

    (void) pthread_mutex_lock(&selkies_x11_ext_lock);

    if (sigsetjmp(env, 0) == 0) {
        selkies_x11_opening = &env;
        (void) XTestQueryExtension(display, &event, &error, &major, &minor);
        selkies_x11_opening = NULL;
        rc = 0;

    } else {
        selkies_x11_opening = NULL;
        rc = -1;
    }

    (void) pthread_mutex_unlock(&selkies_x11_ext_lock);

    if (rc != 0) {
        xcb_disconnect(XGetXCBConnection(display));
    }

    return rc;
}


static void
selkies_x11_abandon(void)
{
    (void) pthread_mutex_lock(&selkies_x11_ext_lock);

    selkies_x11_abandoned++;
    selkies_x11_abandoned_us = selkies_clock_us();

    (void) pthread_mutex_unlock(&selkies_x11_ext_lock);
}


static int
selkies_x11_is_tired(void)
{
    int  tired;

    (void) pthread_mutex_lock(&selkies_x11_ext_lock);

    tired = selkies_x11_abandoned >= SELKIES_X11_ABANDONED
            && selkies_clock_us() - selkies_x11_abandoned_us
               < SELKIES_X11_ABANDONED_US;

    (void) pthread_mutex_unlock(&selkies_x11_ext_lock);

    return tired;
}


void
selkies_x11_close(selkies_x11_t *x)
{
    if (x->display == NULL) {
        return;
    }

    /* all is sent; then a server that stops cannot hold up who has the lock */

    if (!selkies_x11_lost(x)) {
        (void) XSync(x->display, False);
        (void) shutdown(ConnectionNumber(x->display), SHUT_RDWR);
    }

    (void) pthread_mutex_lock(&selkies_x11_ext_lock);
    (void) XCloseDisplay(x->display);
    (void) pthread_mutex_unlock(&selkies_x11_ext_lock);

    selkies_x11_forget(x);
}


/* The display is closed, or beyond that. */

static void
selkies_x11_forget(selkies_x11_t *x)
{
    selkies_x11_t  **p;

    (void) pthread_mutex_lock(&selkies_x11_list_lock);

    for (p = &selkies_x11_list; *p != NULL; p = &(*p)->next) {
        if (*p == x) {
            *p = x->next;
            break;
        }
    }

    (void) pthread_mutex_unlock(&selkies_x11_list_lock);

    (void) selkies_x11_interrupt_set(x->interrupt, -1);

    x->display = NULL;
}


/*
 * Where libxcb was used last, Xlib takes the connection back by sending what
 * libxcb still holds; if that fails it has no room for the request it was
 * about to write, and libraries of extensions write it to NULL.
 */

int
selkies_x11_lost(selkies_x11_t *x)
{
    if (!x->lost && x->display != NULL
        && xcb_flush(XGetXCBConnection(x->display)) <= 0)
    {
        x->lost = 1;
    }

    return x->lost;
}


void
selkies_x11_trap_begin(selkies_x11_t *x)
{
    x->error = 0;
    x->trap_serial = NextRequest(x->display);
    x->trapped = 1;
}


int
selkies_x11_trap_end(selkies_x11_t *x)
{
    (void) XSync(x->display, False);

    x->trapped = 0;

    return x->lost ? -1 : x->error;
}


/* The number in "[host]:number[.screen]", or -1. */

static int
selkies_x11_number(const char *display, int *local)
{
    char        *end;
    long         number;
    const char  *colon;

    colon = (display != NULL) ? strrchr(display, ':') : NULL;

    if (colon == NULL || colon[1] < '0' || colon[1] > '9') {
        return -1;
    }

    number = strtol(colon + 1, &end, 10);

    if (number > 65535 || (*end != '\0' && *end != '.')) {
        return -1;
    }

    *local = (colon == display
              || (colon - display == 4 && memcmp(display, "unix", 4) == 0));

    return (int) number;
}


/*
 * A regular file of a sane size: its owner may be a user of the desktop, who
 * must not stop our threads with a pipe in its place.
 */

static FILE *
selkies_x11_open_file(const char *file)
{
    int          fd;
    FILE        *fp;
    struct stat  st;

    fd = open(file, O_RDONLY|O_NONBLOCK|O_NOCTTY|O_CLOEXEC);
    if (fd == -1) {
        return NULL;
    }

    fp = NULL;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)
        && st.st_size <= SELKIES_X11_FILE_BYTES)
    {
        fp = fdopen(fd, "r");
    }

    if (fp == NULL) {
        (void) close(fd);
    }

    return fp;
}


/*
 * The best record of an authority file: one for this display number beats one
 * for every number, this host's and the wild one beat another host's (the
 * name of a container changes).
 */

static void
selkies_x11_load_cookie(const char *file, int number,
    selkies_x11_cookie_t *cookie)
{
    int     i, n, score, best;
    char    text[16], host[256];
    FILE   *fp;
    Xauth  *auth;

    fp = selkies_x11_open_file(file);
    if (fp == NULL) {
        return;
    }

    if (gethostname(host, sizeof(host)) == -1) {
        host[0] = '\0';
    }

    host[sizeof(host) - 1] = '\0';
    n = snprintf(text, sizeof(text), "%d", number);
    best = 0;

    for (i = 0; i < SELKIES_X11_COOKIES_MAX; i++) {
        auth = XauReadAuth(fp);
        if (auth == NULL) {
            break;
        }

        score = 0;

        if (auth->name_length == sizeof(SELKIES_X11_COOKIE_NAME) - 1
            && memcmp(auth->name, SELKIES_X11_COOKIE_NAME,
                      auth->name_length) == 0
            && auth->data_length > 0
            && auth->data_length <= SELKIES_X11_COOKIE_BYTES
            && (auth->number_length == 0
                || (auth->number_length == n
                    && memcmp(auth->number, text, n) == 0)))
        {
            score = (auth->number_length == 0) ? 1 : 2;

            if (auth->family == FamilyWild
                || (auth->family == FamilyLocal
                    && auth->address_length == strlen(host)
                    && memcmp(auth->address, host,
                              auth->address_length) == 0))
            {
                score += 2;
            }
        }

        if (score > best) {
            best = score;
            cookie->len = auth->data_length;
            memcpy(cookie->data, auth->data, cookie->len);
        }

        XauDisposeAuth(auth);
    }

    (void) fclose(fp);
}


static int
selkies_x11_connect(int number)
{
    int                 fd, n, abstract;
    socklen_t           len;
    struct sockaddr_un  sa;

    /* in libxcb's order, so that the same server is met */

    for (abstract = 1; abstract >= 0; abstract--) {
        fd = socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);
        if (fd == -1) {
            return -1;
        }

        memset(&sa, 0, sizeof(struct sockaddr_un));
        sa.sun_family = AF_UNIX;

        n = snprintf(sa.sun_path + abstract, sizeof(sa.sun_path) - 1,
                     "/tmp/.X11-unix/X%d", number);

        len = offsetof(struct sockaddr_un, sun_path) + n + 1;

        if (connect(fd, (struct sockaddr *) &sa, len) == 0) {
            return fd;
        }

        (void) close(fd);
    }

    return -1;
}


/*
 * Asks a local server for its greeting, within limits that XOpenDisplay()
 * does not have: a stopped server would keep the thread, and others behind
 * the open lock, for good.  Returns the connection, to be closed later, or -1
 * and errno.
 */

static int
selkies_x11_knock(int number, const selkies_x11_cookie_t *cookie,
    selkies_x11_interrupt_t *interrupt, int *refused)
{
    int            fd, n, error;
    size_t         name, len;
    uint8_t        hello[128];
    struct pollfd  pfd;

    fd = selkies_x11_connect(number);
    if (fd == -1) {
        return -1;
    }

    n = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    error = ECANCELED;

    if (n == -1 || selkies_x11_interrupt_set(interrupt, n)) {
        goto failed;
    }

    /* X11 protocol, "Connection Setup" */

    memset(hello, 0, sizeof(hello));
    len = 12;

    hello[0] = 'l';
    hello[2] = 11;

    if (cookie->len != 0) {
        name = sizeof(SELKIES_X11_COOKIE_NAME) - 1;
        hello[6] = (uint8_t) name;
        hello[8] = (uint8_t) cookie->len;

        memcpy(hello + len, SELKIES_X11_COOKIE_NAME, name);
        len += (name + 3) & ~(size_t) 3;

        memcpy(hello + len, cookie->data, cookie->len);
        len += (cookie->len + 3) & ~(size_t) 3;
    }

    error = ECONNRESET;

    if (send(fd, hello, len, MSG_NOSIGNAL) != (ssize_t) len) {
        goto failed;
    }

    pfd.fd = fd;
    pfd.events = POLLIN;

    do {
        n = poll(&pfd, 1, SELKIES_X11_ANSWER_MS);
    } while (n == -1 && errno == EINTR);

    error = (n == 0) ? ETIMEDOUT : ECONNRESET;

    if (n != 1 || recv(fd, hello, 1, MSG_DONTWAIT) != 1) {
        goto failed;
    }

    *refused = (hello[0] == 0);

    return fd;

failed:

    if (selkies_x11_interrupt_set(interrupt, -1)) {
        error = ECANCELED;
    }

    (void) close(fd);
    errno = error;

    return -1;
}


static Display *
selkies_x11_open_display(const char *name, const selkies_x11_cookie_t *cookie,
    int *given_up)
{
    Display           *display;
    sigjmp_buf         env;
    static const char  cookie_name[] = SELKIES_X11_COOKIE_NAME;

    (void) pthread_mutex_lock(&selkies_x11_open_lock);

    if (cookie->len != 0) {
        XSetAuthorization((char *) cookie_name, sizeof(cookie_name) - 1,
                          (char *) cookie->data, (int) cookie->len);
    }

    if (sigsetjmp(env, 0) == 0) {
        selkies_x11_opening = &env;
        display = XOpenDisplay(name);
        selkies_x11_opening = NULL;

    } else {
        selkies_x11_opening = NULL;
        display = NULL;

        /* XCloseDisplay() would write requests where there is no room */

        xcb_disconnect(XGetXCBConnection(selkies_x11_opened));
        *given_up = 1;
    }

    XSetAuthorization(NULL, 0, NULL, 0);

    (void) pthread_mutex_unlock(&selkies_x11_open_lock);

    return display;
}
