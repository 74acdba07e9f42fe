
/*
 * Copyright (C) ngx_selkies authors
 *
 * Framebuffers of Xvfb servers that others have started, with -fbdir or with
 * -shmem: found, checked, read in place.  Pixels equal XGetImage through
 * resizes and restarts; what is not ours or not safe is not mapped.
 *
 * Thread: main.
 */


#include "capture_xvfb.h"

#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "../../capture/desktop.h"
#include "../../capture/framebuffer.h"
#include "../../capture/screen.h"
#include "tap.h"

#define RANDOM_SEED  1
#include "random.h"


#define TEST_WIDTH   1280
#define TEST_HEIGHT  800
#define TEST_NOBODY  65534


static const selkies_rect_t  test_sizes[] = {
    { 0, 0, 1024, 768 },
    { 0, 0, 801, 601 },
    { 0, 0, TEST_WIDTH, TEST_HEIGHT },
    { 0, 0, 640, 480 }
};


static xvfb_t         xvfb;
static selkies_x11_t  painter;


/* A folder for Xvfb's file, or -1 for what the server is found to have. */

static int
test_folder(void)
{
    return (xvfb.framebuffer == XVFB_FOLDER)
           ? selkies_framebuffer_folder(xvfb.dir) : -1;
}


static selkies_screen_t *
test_open(int folder, selkies_capture_mode_t mode)
{
    selkies_screen_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    conf.display = xvfb.display;
    conf.xauthority = xvfb.auth;
    conf.framebuffer_fd = folder;
    conf.mode = mode;

    return selkies_screen_open(&conf, &xvfb_log);
}


/* The tier that a screen opened now has. */

static int
test_tier_is(int folder, selkies_capture_mode_t mode, const char *tier)
{
    int                same;
    selkies_screen_t  *screen;

    screen = test_open(folder, mode);
    same = (screen != NULL
            && strcmp(selkies_screen_tier(screen), tier) == 0);
    selkies_screen_close(screen);

    return same;
}


/* Pixels that differ between a copy made by damage and the server's word. */

static long
test_differs(const uint8_t *copy, int32_t width, int32_t height)
{
    int32_t   x, y;
    long      n;
    XImage   *image;
    uint32_t  pixel;

    image = XGetImage(painter.display, DefaultRootWindow(painter.display), 0,
                      0, (unsigned) width, (unsigned) height, AllPlanes,
                      ZPixmap);
    if (image == NULL) {
        return -1;
    }

    n = 0;

    for (y = 0; y < height; y++) {
        for (x = 0; x < width; x++) {
            memcpy(&pixel, copy + ((size_t) y * (size_t) width + (size_t) x)
                                  * 4, 4);
            n += ((pixel ^ XGetPixel(image, x, y)) & 0xffffff) != 0;
        }
    }

    XDestroyImage(image);

    return n;
}


/* Draws at random, follows by damage, compares. */

static void
test_follow(selkies_screen_t *screen, const char *name)
{
    GC               gc;
    int              i, j;
    long             bad;
    size_t           r;
    Window           root;
    int32_t          width, height, y;
    uint8_t         *copy;
    selkies_frame_t  frame;

    (void) selkies_screen_size(screen, &width, &height);
    (void) selkies_screen_start(screen);

    root = DefaultRootWindow(painter.display);
    gc = XCreateGC(painter.display, root, 0, NULL);
    copy = calloc((size_t) width * (size_t) height, 4);
    bad = 0;

    for (i = 0; i < 8; i++) {

        for (j = 0; j < 5; j++) {
            XSetForeground(painter.display, gc, random_number(0x10000) * 251UL);
            XFillRectangle(painter.display, root, gc,
                           (int) random_number((unsigned) width),
                           (int) random_number((unsigned) height),
                           random_number(200) + 1, random_number(200) + 1);
        }

        XSync(painter.display, False);
        (void) selkies_screen_dispatch(screen);

        if (selkies_screen_acquire(screen, &frame) != SELKIES_OK
            || frame.width != width || frame.height != height)
        {
            bad++;
            continue;
        }

        for (r = 0; r < frame.nrects; r++) {
            for (y = 0; y < frame.rects[r].height; y++) {
                memcpy(copy + ((size_t) (frame.rects[r].y + y)
                               * (size_t) width + (size_t) frame.rects[r].x)
                              * 4,
                       frame.pixels
                       + (size_t) (frame.rects[r].y + y) * frame.stride_bytes
                       + (size_t) frame.rects[r].x * 4,
                       (size_t) frame.rects[r].width * 4);
            }
        }

        selkies_screen_release(screen);
        bad += test_differs(copy, width, height);
    }

    ok(bad == 0, "%s: %dx%d equals XGetImage (%ld)", name, width, height, bad);
    ok(strcmp(selkies_screen_tier(screen), "framebuffer") == 0,
       "%s: read in place", name);

    XFreeGC(painter.display, gc);
    free(copy);
}


static int
test_wait_geometry(selkies_screen_t *screen)
{
    uint64_t  end;

    end = selkies_clock_us() + 2000000;

    while (selkies_clock_us() < end) {
        if (selkies_screen_dispatch(screen) & SELKIES_SCREEN_GEOMETRY) {
            return 1;
        }

        (void) xvfb_wait(selkies_screen_fd(screen), 100);
    }

    return 0;
}


static void
test_sizes_of(const char *name)
{
    int                     folder;
    size_t                  i;
    selkies_screen_t       *screen;
    selkies_desktop_t      *desktop;
    selkies_desktop_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    conf.display = xvfb.display;
    conf.xauthority = xvfb.auth;

    folder = test_folder();
    desktop = selkies_desktop_open(&conf, &xvfb_log);
    screen = test_open(folder, SELKIES_CAPTURE_AUTO);

    if (!ok(desktop != NULL && screen != NULL
            && selkies_x11_open(&painter, xvfb.display, xvfb.auth, NULL,
                                &xvfb_log) != NULL
            && strcmp(selkies_screen_tier(screen), "framebuffer") == 0,
            "%s: found", name))
    {
        return;
    }

    test_follow(screen, name);

    for (i = 0; i < sizeof(test_sizes) / sizeof(test_sizes[0]); i++) {
        ok(selkies_desktop_resize(desktop, test_sizes[i].width,
                                  test_sizes[i].height) == SELKIES_REINIT
           && test_wait_geometry(screen), "%s: resized", name);
        test_follow(screen, name);
    }

    selkies_screen_close(screen);
    selkies_desktop_close(desktop);
    selkies_x11_close(&painter);
    (void) close(folder);
}


/* What an uid that is not the server's may do; for root only. */

static void
test_others(const char *name)
{
    int  folder, refused, taken;

    if (geteuid() != 0) {
        ok(1, "%s: # SKIP not root", name);
        return;
    }

    (void) chmod(xvfb.dir, 0755);
    (void) chmod(xvfb.auth, 0644);
    folder = test_folder();

    (void) !seteuid(TEST_NOBODY);
    refused = test_tier_is(folder, SELKIES_CAPTURE_AUTO, "shared pixmap");
    taken = test_tier_is(folder, SELKIES_CAPTURE_FB, "framebuffer");
    (void) !seteuid(0);

    ok(refused, "%s: another user's is not taken by itself", name);
    ok(taken, "%s: but where the operator says so", name);
    (void) close(folder);
}


static void
test_unsafe_files(void)
{
    int   fd, folder;
    char  path[128], aside[128], link[128], below[160];

    (void) snprintf(path, sizeof(path), "%s/Xvfb_screen0", xvfb.dir);
    (void) snprintf(aside, sizeof(aside), "%s/aside", xvfb.dir);
    (void) snprintf(link, sizeof(link), "%s/link", xvfb.dir);
    (void) snprintf(below, sizeof(below), "%s/link/.", xvfb.dir);

    folder = selkies_framebuffer_folder(xvfb.dir);
    ok(folder != -1
       && test_tier_is(folder, SELKIES_CAPTURE_AUTO, "framebuffer"),
       "a folder of ours");

    (void) chmod(path, 0664);
    ok(test_tier_is(folder, SELKIES_CAPTURE_AUTO, "shared pixmap"),
       "a file that a group may shorten is refused");
    (void) chmod(path, 0644);

    ok(symlink(".", link) == 0 && selkies_framebuffer_folder(link) == -1
       && selkies_framebuffer_folder(below) == -1,
       "no symbolic link on the way to the folder");
    (void) unlink(link);

    ok(rename(path, aside) == 0
       && test_tier_is(folder, SELKIES_CAPTURE_AUTO, "shared pixmap"),
       "no file: shared memory");
    ok(symlink("aside", path) == 0
       && test_tier_is(folder, SELKIES_CAPTURE_FB, "shared pixmap"),
       "a symbolic link in the file's place is not followed");
    (void) unlink(path);

    ok(mkfifo(path, 0600) == 0
       && test_tier_is(folder, SELKIES_CAPTURE_FB, "shared pixmap"),
       "a pipe in its place holds nobody up");
    (void) unlink(path);

    ok(mkdir(path, 0700) == 0
       && test_tier_is(folder, SELKIES_CAPTURE_FB, "shared pixmap"),
       "nor does a folder");
    (void) rmdir(path);

    fd = open(path, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600);
    ok(fd != -1 && ftruncate(fd, 1 << 20) == 0
       && test_tier_is(folder, SELKIES_CAPTURE_FB, "shared pixmap"),
       "nor a file of zeros");
    ok(ftruncate(fd, 50) == 0
       && test_tier_is(folder, SELKIES_CAPTURE_FB, "shared pixmap"),
       "nor one without a header");
    (void) close(fd);
    (void) unlink(path);

    ok(rename(aside, path) == 0
       && test_tier_is(folder, SELKIES_CAPTURE_AUTO, "framebuffer"),
       "the file is back");
    (void) close(folder);
}


/* A segment of this process, with the server's pid nowhere in it. */

static void
test_foreign_segment(void)
{
    int                    id, ids[8];
    size_t                 i, n, mine;
    selkies_x11_t          x11;
    selkies_framebuffer_t  fb;

    id = shmget(IPC_PRIVATE, 65536, IPC_CREAT|0600);
    mine = 0;

    if (selkies_x11_open(&x11, xvfb.display, xvfb.auth, NULL, &xvfb_log)
        == NULL)
    {
        ok(0, "connected");
        return;
    }

    n = selkies_framebuffer_segments(&x11, 1, ids, 8);

    for (i = 0; i < n; i++) {
        mine += (ids[i] == id);
    }

    ok(n == 1 && mine == 0, "only the server's segments are its");
    ok(selkies_framebuffer_attach(&fb, id) != NULL && fb.map == NULL,
       "a segment without a header is left again");
    (void) shmctl(id, IPC_RMID, NULL);
    ok(selkies_framebuffer_attach(&fb, id) != NULL && fb.map == NULL,
       "a segment that is gone is none");

    selkies_framebuffer_unmap(&fb);
    selkies_x11_close(&x11);
}


/* Xvfb leaves its segment behind, however it ends. */

static void
test_end(int signal)
{
    int            ids[8];
    size_t         n;
    selkies_x11_t  x11;

    n = 0;

    if (selkies_x11_open(&x11, xvfb.display, xvfb.auth, NULL, &xvfb_log)
        != NULL)
    {
        n = selkies_framebuffer_segments(&x11, 1, ids, 8);
        selkies_x11_close(&x11);
    }

    xvfb_end(&xvfb, signal);

    while (n > 0) {
        (void) shmctl(ids[--n], IPC_RMID, NULL);
    }
}


static int
test_server(int framebuffer, const char *name)
{
    memset(&xvfb, 0, sizeof(xvfb));

    if (xvfb_start(&xvfb, TEST_WIDTH, TEST_HEIGHT, framebuffer) == -1) {
        xvfb_stop(&xvfb);
        return -1;
    }

    test_sizes_of(name);
    test_others(name);

    ok(test_tier_is(test_folder(), SELKIES_CAPTURE_SHM, "shared pixmap"),
       "%s: not where the operator wants shared memory", name);

    if (framebuffer == XVFB_FOLDER) {
        test_unsafe_files();

    } else {
        test_foreign_segment();
    }

    test_end(SIGKILL);
    ok(xvfb_start(&xvfb, TEST_WIDTH, TEST_HEIGHT, framebuffer) == 0,
       "%s: another server after kill -9", name);
    test_sizes_of(name);

    test_end(SIGTERM);
    xvfb_stop(&xvfb);

    return 0;
}


/* Headers that lie: whatever is mapped lies inside of the file. */

static void
test_headers(void)
{
    int                     fd, i, bad, mapped;
    uint8_t                *file;
    unsigned                field, which;
    uint32_t                value;
    const char             *why;
    static const uint32_t   values[] = { 0, 1, 4, 64, 100, 160, 256, 0x7fff,
                                         0x8000, 0x10000, 0x7fffffff,
                                         0xffffffff };
    selkies_framebuffer_t   fb;
    static const uint32_t   good[25] = {
        160, 7, 2, 24, 64, 32, 0, 0, 32, 0, 32, 32, 256, 4, 0xff0000, 0xff00,
        0xff, 8, 256, 4, 64, 32, 0, 0, 0
    };

    fd = memfd_create("header", MFD_CLOEXEC|MFD_ALLOW_SEALING);
    (void) !ftruncate(fd, 160 + 4 * 12 + 256 * 32);
    (void) fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK);
    file = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);
    bad = 0;
    mapped = 0;

    for (i = 0; i < 2000; i++) {
        for (field = 0; field < 25; field++) {
            file[4 * field] = (uint8_t) (good[field] >> 24);
            file[4 * field + 1] = (uint8_t) (good[field] >> 16);
            file[4 * field + 2] = (uint8_t) (good[field] >> 8);
            file[4 * field + 3] = (uint8_t) good[field];
        }

        for (field = 0; i > 0 && field < 1 + (unsigned) i % 2; field++) {
            which = random_number(25) * 4;
            value = values[random_number(12)];

            file[which] = (uint8_t) (value >> 24);
            file[which + 1] = (uint8_t) (value >> 16);
            file[which + 2] = (uint8_t) (value >> 8);
            file[which + 3] = (uint8_t) value;
        }

        why = selkies_framebuffer_map(&fb, fd, 0, 0);

        if (why == NULL) {
            mapped++;

            if (fb.pixels < (uint8_t *) fb.map
                || fb.width < 1 || fb.height < 1
                || fb.stride_bytes < (size_t) fb.width * 4
                || fb.pixels + fb.stride_bytes * (size_t) fb.height
                   > (uint8_t *) fb.map + fb.map_bytes)
            {
                bad++;
            }
        }

        bad += (i == 0 && why != NULL);
        selkies_framebuffer_unmap(&fb);
    }

    ok(bad == 0 && mapped > 1 && mapped < 2000,
       "headers that lie map nothing outside of the file");

    (void) munmap(file, 4096);
    (void) close(fd);
}


int
main(void)
{
    selkies_x11_init();

    if (test_server(XVFB_FOLDER, "-fbdir") == -1) {
        return skip_all("no Xvfb");
    }

    test_headers();
    (void) test_server(XVFB_SEGMENT, "-shmem");

    return done_testing();
}
