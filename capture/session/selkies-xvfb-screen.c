
/*
 * Copyright (C) ngx_selkies authors
 *
 * What the Xvfb starter makes for its server: the sealed framebuffer, the
 * cookie, a free display number, and the first mode with the memory of the
 * pixels outside of it given back (Xvfb touches all of a 7680x4320 screen,
 * 127 MB, to show 3 MB).
 *
 * Thread: selkies-xvfb's only one; selkies_xvfb_first_mode() runs in a child.
 * Ownership: descriptors belong to the caller.
 */


#define _GNU_SOURCE

#include "selkies-xvfb.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <xcb/randr.h>
#include <xcb/xcb.h>


#define SELKIES_XVFB_NUMBERS      (65535 - 6000)
#define SELKIES_XVFB_COOKIE_NAME  "MIT-MAGIC-COOKIE-1"
#define SELKIES_XVFB_DPI          96


typedef struct {
    xcb_connection_t             *c;
    xcb_window_t                  root;
    xcb_randr_crtc_t              crtc;
    xcb_randr_output_t            output;
    xcb_timestamp_t               time;
    xcb_randr_mode_t              mode;          /* 0: not known yet */
    selkies_xvfb_size_t           now;
} selkies_xvfb_randr_t;


static int selkies_xvfb_owned_by_other(const char *path);
static pid_t selkies_xvfb_lock_pid(int number);
static int selkies_xvfb_connect_name(const char *name, int abstract);
static int selkies_xvfb_set_mode(const selkies_xvfb_screen_t *screen,
    xcb_connection_t *c, selkies_xvfb_randr_t *randr);
static int selkies_xvfb_query_randr(selkies_xvfb_randr_t *randr,
    const char *name);
static int selkies_xvfb_create_mode(selkies_xvfb_randr_t *randr,
    selkies_xvfb_size_t size, const char *name);
static int selkies_xvfb_set_crtc(selkies_xvfb_randr_t *randr,
    xcb_randr_mode_t mode);
static void selkies_xvfb_release_memory(const selkies_xvfb_screen_t *screen);


void
selkies_xvfb_say(const char *fmt, ...)
{
    char     line[512];
    int      n;
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);

    if (n < 0) {
        return;
    }

    (void) fprintf(stderr, "selkies-xvfb: %s\n", line);
}


int
selkies_xvfb_make_framebuffer(selkies_xvfb_screen_t *screen)
{
    char    path[64];
    size_t  size;

    screen->fb_readonly = -1;

    size = SELKIES_XVFB_PIXELS_OFFSET
           + (size_t) screen->max.width * 4 * screen->max.height;

    screen->fb = memfd_create("selkies-framebuffer",
                              MFD_CLOEXEC|MFD_ALLOW_SEALING);
    if (screen->fb == -1) {
        selkies_xvfb_say("memfd_create() failed (%s)", strerror(errno));
        return -1;
    }

    if (ftruncate(screen->fb, (off_t) size) == -1) {
        selkies_xvfb_say("ftruncate() of %zu bytes failed (%s)", size,
                         strerror(errno));
        return -1;
    }

    if (fcntl(screen->fb, F_ADD_SEALS,
              F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_SEAL)
        == -1)
    {
        selkies_xvfb_say("fcntl(F_ADD_SEALS) failed (%s)", strerror(errno));
        return -1;
    }

    (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", screen->fb);

    screen->fb_readonly = open(path, O_RDONLY|O_CLOEXEC);
    if (screen->fb_readonly == -1) {
        selkies_xvfb_say("open(\"%s\") failed (%s)", path, strerror(errno));
        return -1;
    }

    return 0;
}


int
selkies_xvfb_write_cookie(selkies_xvfb_screen_t *screen, const char *path,
    mode_t mode)
{
    int      fd;
    char     temp[4096];
    size_t   name_len, len;
    ssize_t  n;
    uint8_t  record[64], *p;

    if (getrandom(screen->cookie, SELKIES_XVFB_COOKIE_BYTES, 0)
        != SELKIES_XVFB_COOKIE_BYTES)
    {
        selkies_xvfb_say("getrandom() failed (%s)", strerror(errno));
        return -1;
    }

    name_len = sizeof(SELKIES_XVFB_COOKIE_NAME) - 1;

    /* family 0xFFFF (FamilyWild), empty address, empty number, name, data */

    p = record;
    memcpy(p, "\xff\xff\0\0\0\0\0", 7);
    p += 7;
    *p++ = (uint8_t) name_len;
    memcpy(p, SELKIES_XVFB_COOKIE_NAME, name_len);
    p += name_len;
    *p++ = 0;
    *p++ = SELKIES_XVFB_COOKIE_BYTES;
    memcpy(p, screen->cookie, SELKIES_XVFB_COOKIE_BYTES);
    p += SELKIES_XVFB_COOKIE_BYTES;
    len = (size_t) (p - record);

    if (snprintf(temp, sizeof(temp), "%s.new", path) >= (int) sizeof(temp)) {
        selkies_xvfb_say("path too long: \"%s\"", path);
        return -1;
    }

    (void) unlink(temp);

    fd = open(temp, O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);
    if (fd == -1) {
        selkies_xvfb_say("open(\"%s\") failed (%s)", temp, strerror(errno));
        return -1;
    }

    n = write(fd, record, len);

    if (n != (ssize_t) len || fchmod(fd, mode) == -1) {
        selkies_xvfb_say("writing \"%s\" failed (%s)", temp, strerror(errno));
        (void) close(fd);
        (void) unlink(temp);
        return -1;
    }

    (void) close(fd);

    if (rename(temp, path) == -1) {
        selkies_xvfb_say("rename(\"%s\") failed (%s)", path, strerror(errno));
        (void) unlink(temp);
        return -1;
    }

    return 0;
}


int
selkies_xvfb_free_number(int number)
{
    for ( /* void */ ; number <= SELKIES_XVFB_NUMBERS; number++) {
        if (!selkies_xvfb_number_taken(number)) {
            return number;
        }
    }

    return -1;
}


int
selkies_xvfb_number_taken(int number)
{
    int    fd;
    char   path[64];
    pid_t  pid;

    pid = selkies_xvfb_lock_pid(number);

    if (pid > 0 && (kill(pid, 0) == 0 || errno == EPERM)) {
        return 1;
    }

    (void) snprintf(path, sizeof(path), "/tmp/.X%d-lock", number);

    if (selkies_xvfb_owned_by_other(path)) {
        return 1;
    }

    (void) snprintf(path, sizeof(path), "/tmp/.X11-unix/X%d", number);

    if (selkies_xvfb_owned_by_other(path)) {
        return 1;
    }

    fd = selkies_xvfb_connect(number);

    if (fd == -1) {
        if (errno == EACCES || errno == EAGAIN) {
            return 1;
        }

        /* a server started with -displayfd takes no lock file */

        fd = selkies_xvfb_connect_name(path, 1);

        if (fd == -1) {
            return errno == EAGAIN;
        }
    }

    (void) close(fd);

    return 1;
}


/* In /tmp, which is sticky, Xvfb cannot replace what another user left. */

static int
selkies_xvfb_owned_by_other(const char *path)
{
    struct stat  st;

    if (lstat(path, &st) == -1) {
        return errno != ENOENT;
    }

    return geteuid() != 0 && st.st_uid != geteuid();
}


/* The lock file holds the pid as ten right-justified digits and a newline. */

static pid_t
selkies_xvfb_lock_pid(int number)
{
    int      fd;
    char     text[16], path[64];
    long     pid;
    ssize_t  n;

    (void) snprintf(path, sizeof(path), "/tmp/.X%d-lock", number);

    fd = open(path, O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);
    if (fd == -1) {
        return -1;
    }

    n = read(fd, text, sizeof(text) - 1);

    (void) close(fd);

    if (n <= 0) {
        return -1;
    }

    text[n] = '\0';
    pid = strtol(text, NULL, 10);

    return (pid > 0 && pid <= INT32_MAX) ? (pid_t) pid : -1;
}


int
selkies_xvfb_connect(int number)
{
    char  path[64];

    (void) snprintf(path, sizeof(path), "/tmp/.X11-unix/X%d", number);

    return selkies_xvfb_connect_name(path, 0);
}


static int
selkies_xvfb_connect_name(const char *name, int abstract)
{
    int                 fd, err;
    size_t              len;
    struct sockaddr_un  addr;

    fd = socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0);
    if (fd == -1) {
        return -1;
    }

    memset(&addr, 0, sizeof(struct sockaddr_un));
    addr.sun_family = AF_UNIX;

    len = strlen(name);
    memcpy(addr.sun_path + (abstract ? 1 : 0), name, len);

    len += offsetof(struct sockaddr_un, sun_path) + 1;

    if (connect(fd, (struct sockaddr *) &addr, (socklen_t) len) == -1) {
        err = errno;
        (void) close(fd);
        errno = err;
        return -1;
    }

    return fd;
}


void
selkies_xvfb_remove_leftovers(int number, pid_t pid)
{
    char  path[64];

    if (pid <= 0 || selkies_xvfb_lock_pid(number) != pid) {
        return;
    }

    (void) snprintf(path, sizeof(path), "/tmp/.X11-unix/X%d", number);
    (void) unlink(path);

    (void) snprintf(path, sizeof(path), "/tmp/.X%d-lock", number);
    (void) unlink(path);
}


int
selkies_xvfb_first_mode(const selkies_xvfb_screen_t *screen, int fd)
{
    int                   rc;
    char                  name[] = SELKIES_XVFB_COOKIE_NAME;
    char                  data[SELKIES_XVFB_COOKIE_BYTES];
    xcb_auth_info_t       auth;
    xcb_connection_t     *c;
    selkies_xvfb_randr_t  randr;

    memcpy(data, screen->cookie, SELKIES_XVFB_COOKIE_BYTES);

    auth.namelen = sizeof(name) - 1;
    auth.name = name;
    auth.datalen = sizeof(data);
    auth.data = data;

    c = xcb_connect_to_fd(fd, &auth);

    if (xcb_connection_has_error(c)) {
        xcb_disconnect(c);
        return SELKIES_XVFB_MODE_REFUSED;
    }

    rc = selkies_xvfb_set_mode(screen, c, &randr);

    xcb_disconnect(c);

    return rc;
}


static int
selkies_xvfb_set_mode(const selkies_xvfb_screen_t *screen,
    xcb_connection_t *c, selkies_xvfb_randr_t *randr)
{
    char                  name[32];
    xcb_screen_t         *root;
    xcb_generic_error_t  *error;

    root = xcb_setup_roots_iterator(xcb_get_setup(c)).data;

    if (screen->first.width == screen->max.width
        && screen->first.height == screen->max.height)
    {
        return SELKIES_XVFB_MODE_OK;
    }

    (void) snprintf(name, sizeof(name), "%ux%u", screen->first.width,
                    screen->first.height);

    memset(randr, 0, sizeof(selkies_xvfb_randr_t));
    randr->c = c;
    randr->root = root->root;

    /* the module may attach and resize at any time: all or nothing */

    (void) xcb_grab_server(c);

    if (selkies_xvfb_query_randr(randr, name) != 0) {
        return SELKIES_XVFB_MODE_FAILED;
    }

    if (randr->now.width != screen->max.width
        || randr->now.height != screen->max.height)
    {
        return SELKIES_XVFB_MODE_OK;
    }

    if (randr->mode == 0
        && selkies_xvfb_create_mode(randr, screen->first, name) != 0)
    {
        return SELKIES_XVFB_MODE_FAILED;
    }

    if (selkies_xvfb_set_crtc(randr, XCB_NONE) != 0) {
        return SELKIES_XVFB_MODE_FAILED;
    }

    error = xcb_request_check(c,
        xcb_randr_set_screen_size_checked(c, randr->root,
            (uint16_t) screen->first.width, (uint16_t) screen->first.height,
            screen->first.width * 254 / (SELKIES_XVFB_DPI * 10) + 1,
            screen->first.height * 254 / (SELKIES_XVFB_DPI * 10) + 1));

    if (error != NULL) {
        free(error);
        return SELKIES_XVFB_MODE_FAILED;
    }

    if (selkies_xvfb_set_crtc(randr, randr->mode) != 0) {
        return SELKIES_XVFB_MODE_FAILED;
    }

    (void) xcb_warp_pointer(c, XCB_NONE, randr->root, 0, 0, 0, 0,
                            (int16_t) (screen->first.width / 2),
                            (int16_t) (screen->first.height / 2));

    /* painting is done when this is answered */

    free(xcb_get_input_focus_reply(c, xcb_get_input_focus(c), NULL));

    selkies_xvfb_release_memory(screen);

    return SELKIES_XVFB_MODE_OK;
}


static int
selkies_xvfb_query_randr(selkies_xvfb_randr_t *randr, const char *name)
{
    int                                           i, n, rc;
    uint8_t                                      *names;
    xcb_get_geometry_reply_t                     *geometry;
    xcb_randr_mode_info_t                        *modes;
    xcb_randr_get_screen_resources_current_reply_t  *res;

    geometry = xcb_get_geometry_reply(randr->c,
                   xcb_get_geometry(randr->c, randr->root), NULL);
    if (geometry == NULL) {
        return -1;
    }

    randr->now.width = geometry->width;
    randr->now.height = geometry->height;
    free(geometry);

    res = xcb_randr_get_screen_resources_current_reply(randr->c,
              xcb_randr_get_screen_resources_current(randr->c, randr->root),
              NULL);
    if (res == NULL) {
        return -1;
    }

    rc = -1;

    if (xcb_randr_get_screen_resources_current_crtcs_length(res) > 0
        && xcb_randr_get_screen_resources_current_outputs_length(res) > 0)
    {
        rc = 0;
        randr->time = res->config_timestamp;
        randr->crtc = *xcb_randr_get_screen_resources_current_crtcs(res);
        randr->output = *xcb_randr_get_screen_resources_current_outputs(res);
    }

    n = xcb_randr_get_screen_resources_current_modes_length(res);
    modes = xcb_randr_get_screen_resources_current_modes(res);
    names = xcb_randr_get_screen_resources_current_names(res);

    for (i = 0; i < n; i++) {
        if (modes[i].name_len == strlen(name)
            && memcmp(names, name, modes[i].name_len) == 0)
        {
            randr->mode = modes[i].id;
        }

        names += modes[i].name_len;
    }

    free(res);

    return rc;
}


static int
selkies_xvfb_create_mode(selkies_xvfb_randr_t *randr,
    selkies_xvfb_size_t size, const char *name)
{
    xcb_generic_error_t              *error;
    xcb_randr_mode_info_t             info;
    xcb_randr_create_mode_reply_t    *reply;

    memset(&info, 0, sizeof(xcb_randr_mode_info_t));
    info.width = (uint16_t) size.width;
    info.height = (uint16_t) size.height;
    info.htotal = (uint16_t) size.width;
    info.vtotal = (uint16_t) size.height;
    info.name_len = (uint16_t) strlen(name);

    reply = xcb_randr_create_mode_reply(randr->c,
                xcb_randr_create_mode(randr->c, randr->root, info,
                                      info.name_len, name),
                NULL);
    if (reply == NULL) {
        return -1;
    }

    randr->mode = reply->mode;
    free(reply);

    error = xcb_request_check(randr->c,
                xcb_randr_add_output_mode_checked(randr->c, randr->output,
                                                  randr->mode));
    if (error != NULL) {
        free(error);
        return -1;
    }

    return 0;
}


static int
selkies_xvfb_set_crtc(selkies_xvfb_randr_t *randr, xcb_randr_mode_t mode)
{
    int                                 rc;
    uint32_t                            n;
    xcb_randr_set_crtc_config_reply_t  *reply;

    n = (mode == XCB_NONE) ? 0 : 1;

    reply = xcb_randr_set_crtc_config_reply(randr->c,
                xcb_randr_set_crtc_config(randr->c, randr->crtc,
                    XCB_CURRENT_TIME, randr->time, 0, 0, mode,
                    XCB_RANDR_ROTATION_ROTATE_0, n, &randr->output),
                NULL);
    if (reply == NULL) {
        return -1;
    }

    rc = (reply->status == XCB_RANDR_SET_CONFIG_SUCCESS) ? 0 : -1;
    free(reply);

    return rc;
}


/*
 * A hole reads as zeros, as black, and what is shown later is painted anew.
 * Filesystem limits only cost the saving, so errors are not looked at.
 */

static void
selkies_xvfb_release_memory(const selkies_xvfb_screen_t *screen)
{
    long      page;
    off_t     begin, end, stride, row, page_mask;
    unsigned  y;

    page = sysconf(_SC_PAGESIZE);
    page_mask = ~((off_t) page - 1);
    stride = (off_t) screen->max.width * 4;

    for (y = 0; y <= screen->first.height; y++) {
        row = SELKIES_XVFB_PIXELS_OFFSET + stride * y;

        if (y < screen->first.height) {
            begin = row + (off_t) screen->first.width * 4;
            end = row + stride;

        } else {
            begin = row;
            end = SELKIES_XVFB_PIXELS_OFFSET + stride * screen->max.height;
        }

        begin = (begin + page - 1) & page_mask;
        end &= page_mask;

        if (begin < end) {
            (void) fallocate(screen->fb,
                             FALLOC_FL_PUNCH_HOLE|FALLOC_FL_KEEP_SIZE,
                             begin, end - begin);
        }
    }
}
