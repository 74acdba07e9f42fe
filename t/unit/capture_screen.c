
/*
 * Copyright (C) ngx_selkies authors
 *
 * capture/screen.c against a real Xvfb: pixels equal XGetImage in every tier,
 * at every size, damage covers what was drawn, a dead server is a state.
 *
 * Thread: main, and one that interrupts.
 */


#include "capture_xvfb.h"

#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <pthread.h>

#include "../../capture/desktop.h"
#include "../../capture/framebuffer.h"
#include "../../capture/screen.h"
#include "tap.h"

#define RANDOM_SEED  1
#include "random.h"


#define TEST_WIDTH   1600
#define TEST_HEIGHT  1000


typedef struct {
    selkies_capture_mode_t   mode;
    const char              *tier;
} test_tier_t;


static const test_tier_t  test_tiers[] = {
    { SELKIES_CAPTURE_FB,    "framebuffer" },
    { SELKIES_CAPTURE_AUTO,  "framebuffer" },
    { SELKIES_CAPTURE_SHM,   "shared pixmap" },
    { SELKIES_CAPTURE_IMAGE, "shm image" }
};


static const selkies_rect_t  test_sizes[] = {
    { 0, 0, 2, 2 },
    { 0, 0, 1279, 799 },
    { 0, 0, 801, 601 },
    { 0, 0, TEST_WIDTH, TEST_HEIGHT },
    { 0, 0, 1001, 1000 },
    { 0, 0, 1280, 720 }
};


static xvfb_t         xvfb;
static selkies_x11_t  painter;


static void
test_fill(Drawable drawable, GC gc, const selkies_rect_t *rect, unsigned colour)
{
    XSetForeground(painter.display, gc, colour);
    XFillRectangle(painter.display, drawable, gc, rect->x, rect->y,
                   (unsigned) rect->width, (unsigned) rect->height);
}


/* Pixels of the whole screen by way of the socket. */

static uint32_t *
test_look(int32_t *width, int32_t *height)
{
    int                 x, y;
    XImage             *image;
    uint32_t           *pixels;
    XWindowAttributes   attributes;

    XGetWindowAttributes(painter.display, DefaultRootWindow(painter.display),
                         &attributes);
    *width = attributes.width;
    *height = attributes.height;

    image = XGetImage(painter.display, DefaultRootWindow(painter.display), 0, 0,
                      (unsigned) *width, (unsigned) *height, AllPlanes,
                      ZPixmap);
    if (image == NULL) {
        return NULL;
    }

    pixels = malloc((size_t) *width * (size_t) *height * 4);

    for (y = 0; y < *height; y++) {
        for (x = 0; x < *width; x++) {
            pixels[y * *width + x] = (uint32_t) XGetPixel(image, x, y)
                                     & 0xffffff;
        }
    }

    XDestroyImage(image);

    return pixels;
}


/* Dispatches until a bit is up; 0 when it does not come within two seconds. */

static unsigned
test_await(selkies_screen_t *screen, unsigned bits)
{
    unsigned  got;
    uint64_t  end;

    end = selkies_clock_us() + 2000000;

    for ( ;; ) {
        got = selkies_screen_dispatch(screen);

        if ((got & bits) || selkies_clock_us() > end) {
            return got & bits;
        }

        (void) xvfb_wait(selkies_screen_fd(screen), 100);
    }
}


/* Copies what a frame says is current; -1 when it is out of bounds. */

static int
test_apply(const selkies_frame_t *frame, uint32_t *copy)
{
    size_t                 i;
    int32_t                x, y;
    uint32_t               pixel;
    const selkies_rect_t  *rect;

    for (i = 0; i < frame->nrects; i++) {
        rect = &frame->rects[i];

        if (rect->x < 0 || rect->y < 0 || rect->width < 1 || rect->height < 1
            || rect->x + rect->width > frame->width
            || rect->y + rect->height > frame->height)
        {
            return -1;
        }

        for (y = rect->y; y < rect->y + rect->height; y++) {
            for (x = rect->x; x < rect->x + rect->width; x++) {
                memcpy(&pixel, frame->pixels
                               + (size_t) y * frame->stride_bytes
                               + (size_t) x * 4, 4);
                copy[y * frame->width + x] = pixel & 0xffffff;
            }
        }
    }

    return 0;
}


static int64_t
test_covered(const selkies_frame_t *frame)
{
    size_t   i;
    int64_t  pixels;

    pixels = 0;

    for (i = 0; i < frame->nrects; i++) {
        pixels += (int64_t) frame->rects[i].width * frame->rects[i].height;
    }

    return pixels;
}


/* Whether a copy of the view is what the socket hands out there. */

static int
test_equal(const uint32_t *copy, const selkies_rect_t *view, int32_t width,
    int32_t height)
{
    int        equal;
    int32_t    y, w, h;
    uint32_t  *truth;

    truth = test_look(&w, &h);
    equal = truth != NULL && w == width && h == height;

    for (y = 0; y < view->height && equal; y++) {
        equal = memcmp(truth + (view->y + y) * w + view->x,
                       copy + y * view->width, (size_t) view->width * 4) == 0;
    }

    free(truth);

    return equal;
}


/* Draws at random and follows by damage alone; pictures must stay equal. */

static void
test_follow(selkies_screen_t *screen, const char *tier)
{
    GC                gc;
    int               i, j, n, bad;
    Window            window;
    int32_t           width, height;
    uint32_t         *copy;
    selkies_rect_t    rect, view;
    selkies_frame_t   frame;
    selkies_status_t  status;

    selkies_screen_size(screen, &width, &height);
    selkies_screen_view(screen, &view);

    copy = calloc((size_t) view.width * (size_t) view.height, 4);
    window = XCreateSimpleWindow(painter.display,
                                 DefaultRootWindow(painter.display), 0, 0,
                                 (unsigned) width, (unsigned) height, 0, 0,
                                 0x336699);
    gc = XCreateGC(painter.display, window, 0, NULL);
    XMapWindow(painter.display, window);
    XSync(painter.display, False);

    selkies_screen_damage_all(screen);
    bad = 0;

    for (i = 0; i < 12; i++) {
        n = (i == 7) ? 300 : 4;

        for (j = 0; j < n; j++) {
            rect.x = (int32_t) random_number((unsigned) width);
            rect.y = (int32_t) random_number((unsigned) height);
            rect.width = (int32_t) random_number(i == 7 ? 8 : 200) + 1;
            rect.height = (int32_t) random_number(i == 7 ? 8 : 200) + 1;

            test_fill(window, gc, &rect, random_number(0x10000) * 251);
        }

        XSync(painter.display, False);

        if (!test_await(screen, SELKIES_SCREEN_DAMAGE)) {
            bad++;
            continue;
        }

        status = selkies_screen_acquire(screen, &frame);

        if (status == SELKIES_OK) {
            if (frame.width != view.width || frame.height != view.height
                || frame.nrects > SELKIES_SCREEN_RECTS_MAX
                || test_apply(&frame, copy) == -1)
            {
                bad++;
            }

            selkies_screen_release(screen);
        }

        bad += !test_equal(copy, &view, width, height);
    }

    ok(bad == 0, "%s: %dx%d at %d,%d followed by damage equals XGetImage",
       tier, view.width, view.height, view.x, view.y);

    XFreeGC(painter.display, gc);
    XDestroyWindow(painter.display, window);
    XSync(painter.display, False);
    free(copy);
}


/* A part of the screen, also one that is not wholly there. */

static void
test_crop(selkies_screen_t *screen, const char *tier, int32_t width,
    int32_t height)
{
    selkies_rect_t  area, view;

    area.x = 642;
    area.y = 30;
    area.width = 322;
    area.height = 202;
    selkies_screen_crop(screen, &area);
    test_follow(screen, tier);

    area.x = width - 101;
    selkies_screen_crop(screen, &area);
    selkies_screen_view(screen, &view);
    ok(view.x == area.x && view.y == 30 && view.width == 101
       && view.height == 202, "%s: an area is cut to the screen", tier);
    test_follow(screen, tier);

    area.x = width;
    selkies_screen_crop(screen, &area);
    selkies_screen_view(screen, &view);
    ok(view.x == 0 && view.y == 0 && view.width == width
       && view.height == height, "%s: one outside is all of it", tier);

    selkies_screen_crop(screen, NULL);
    test_follow(screen, tier);
}


static void
test_tier(const test_tier_t *test, selkies_desktop_t *desktop)
{
    int                    fd;
    char                   path[64];
    size_t                 i;
    int32_t                width, height;
    unsigned               bits;
    selkies_frame_t        frame;
    selkies_screen_t      *screen;
    selkies_status_t       status;
    selkies_screen_conf_t  conf;

    (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", xvfb.memfd);
    fd = open(path, O_RDONLY|O_CLOEXEC);

    memset(&conf, 0, sizeof(conf));
    conf.display = xvfb.display;
    conf.xauthority = xvfb.auth;
    conf.framebuffer_fd = fd;
    conf.mode = test->mode;

    (void) selkies_desktop_resize(desktop, 1024, 768);

    screen = selkies_screen_open(&conf, &xvfb_log);

    if (!ok(screen != NULL
            && strcmp(selkies_screen_tier(screen), test->tier) == 0,
            "%s: opened", test->tier))
    {
        (void) close(fd);
        return;
    }

    ok(selkies_screen_dispatch(screen) == SELKIES_SCREEN_GEOMETRY,
       "%s: before start there is a size and no damage", test->tier);

    status = selkies_screen_size(screen, &width, &height);
    ok(status == SELKIES_OK && width == 1024 && height == 768,
       "%s: size %dx%d", test->tier, width, height);
    ok(selkies_screen_dispatch(screen) == 0
       && selkies_screen_acquire(screen, &frame) == SELKIES_AGAIN,
       "%s: stopped, nothing to acquire", test->tier);

    ok(selkies_screen_start(screen) == SELKIES_OK
       && test_await(screen, SELKIES_SCREEN_DAMAGE)
       && selkies_screen_acquire(screen, &frame) == SELKIES_OK
       && frame.nrects == 1 && test_covered(&frame) == 1024 * 768,
       "%s: start damages the whole screen", test->tier);
    selkies_screen_release(screen);

    ok(selkies_screen_dispatch(screen) == 0
       && !xvfb_wait(selkies_screen_fd(screen), 200)
       && selkies_screen_dispatch(screen) == 0,
       "%s: quiet while nothing happens", test->tier);

    for (i = 0; i < sizeof(test_sizes) / sizeof(test_sizes[0]); i++) {
        status = selkies_desktop_resize(desktop, test_sizes[i].width,
                                        test_sizes[i].height);
        bits = test_await(screen, SELKIES_SCREEN_GEOMETRY);

        ok(status == SELKIES_REINIT && bits
           && selkies_screen_acquire(screen, &frame) == SELKIES_REINIT,
           "%s: resize is reported", test->tier);

        (void) selkies_screen_size(screen, &width, &height);
        ok(width == test_sizes[i].width && height == test_sizes[i].height,
           "%s: new size %dx%d", test->tier, width, height);

        test_follow(screen, test->tier);
    }

    test_crop(screen, test->tier, width, height);

    ok(strcmp(selkies_screen_tier(screen), test->tier) == 0,
       "%s: still the same tier", test->tier);

    selkies_screen_stop(screen);
    selkies_screen_close(screen);
    (void) close(fd);
}


/* Single drawings, exact rectangles. */

static void
test_damage(selkies_desktop_t *desktop)
{
    GC                     gc;
    int                    i, exact;
    Window                 root;
    int32_t                width, height;
    selkies_rect_t         rect;
    selkies_frame_t        frame;
    selkies_screen_t      *screen;
    selkies_screen_conf_t  conf;

    (void) selkies_desktop_resize(desktop, 1280, 720);

    memset(&conf, 0, sizeof(conf));
    conf.display = xvfb.display;
    conf.xauthority = xvfb.auth;
    conf.framebuffer_fd = -1;

    screen = selkies_screen_open(&conf, &xvfb_log);

    if (!ok(screen != NULL, "opened without a framebuffer")) {
        return;
    }

    selkies_screen_size(screen, &width, &height);
    selkies_screen_start(screen);
    (void) selkies_screen_acquire(screen, &frame);

    root = DefaultRootWindow(painter.display);
    gc = XCreateGC(painter.display, root, 0, NULL);
    exact = 0;

    for (i = 0; i < 20; i++) {
        rect.x = (int32_t) random_number(1200);
        rect.y = (int32_t) random_number(700);
        rect.width = (int32_t) random_number(60) + 1;
        rect.height = (int32_t) random_number(20) + 1;

        test_fill(root, gc, &rect, (unsigned) i * 999);
        XSync(painter.display, False);

        if (test_await(screen, SELKIES_SCREEN_DAMAGE)
            && selkies_screen_acquire(screen, &frame) == SELKIES_OK
            && frame.nrects == 1
            && memcmp(&frame.rects[0], &rect, sizeof(rect)) == 0)
        {
            exact++;
        }
    }

    ok(exact == 20, "one drawing is one rectangle, exactly (%d of 20)", exact);

    /* many small ones become few, which still cover them */

    for (i = 0; i < 400; i++) {
        rect.x = (i % 20) * 60;
        rect.y = (i / 20) * 30;
        rect.width = 3;
        rect.height = 3;
        test_fill(root, gc, &rect, 0xffffff - (unsigned) i);
    }

    XSync(painter.display, False);

    ok(test_await(screen, SELKIES_SCREEN_DAMAGE)
       && selkies_screen_acquire(screen, &frame) == SELKIES_OK
       && frame.nrects > 1 && frame.nrects <= SELKIES_SCREEN_RECTS_MAX
       && test_covered(&frame) < 1280 * 720,
       "400 drawings are few rectangles that are less than the screen");

    selkies_screen_stop(screen);
    test_fill(root, gc, &rect, 0);
    XSync(painter.display, False);

    ok(!xvfb_wait(selkies_screen_fd(screen), 200)
       && selkies_screen_dispatch(screen) == 0,
       "a stopped screen wakes nobody");

    XFreeGC(painter.display, gc);
    selkies_screen_close(screen);
}


/* A framebuffer that is not this server's, or is none, is not believed. */

static void
test_foreign(void)
{
    int                    fd, lines;
    GC                     gc;
    char                   path[64];
    xvfb_t                 other;
    int32_t                width, height;
    selkies_rect_t         rect;
    selkies_frame_t        frame;
    selkies_screen_t      *screen;
    selkies_screen_conf_t  conf;

    memset(&other, 0, sizeof(other));

    if (!ok(xvfb_start(&other, TEST_WIDTH, TEST_HEIGHT, XVFB_SEALED) == 0,
            "another server"))
    {
        return;
    }

    (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", other.memfd);
    fd = open(path, O_RDONLY|O_CLOEXEC);

    memset(&conf, 0, sizeof(conf));
    conf.display = xvfb.display;
    conf.xauthority = xvfb.auth;
    conf.framebuffer_fd = fd;

    rect.x = 10;
    rect.y = 10;
    rect.width = 50;
    rect.height = 50;
    gc = XCreateGC(painter.display, DefaultRootWindow(painter.display), 0,
                   NULL);

    /* both black: no difference yet, but it shows as soon as somebody draws */

    XClearWindow(painter.display, DefaultRootWindow(painter.display));
    XSync(painter.display, False);

    screen = selkies_screen_open(&conf, &xvfb_log);
    (void) selkies_screen_size(screen, &width, &height);
    selkies_screen_start(screen);
    (void) selkies_screen_acquire(screen, &frame);

    test_fill(DefaultRootWindow(painter.display), gc, &rect, 0x00aa55);
    XSync(painter.display, False);

    lines = xvfb_log_lines;
    ok(test_await(screen, SELKIES_SCREEN_DAMAGE)
       && selkies_screen_acquire(screen, &frame) == SELKIES_OK
       && strcmp(selkies_screen_tier(screen), "shared pixmap") == 0
       && memcmp(frame.pixels + 10 * frame.stride_bytes + 40, "\x55\xaa", 3)
          == 0
       && xvfb_log_lines - lines == 1,
       "another server's framebuffer is left at the first difference");
    selkies_screen_close(screen);

    lines = xvfb_log_lines;
    screen = selkies_screen_open(&conf, &xvfb_log);
    ok(screen != NULL
       && strcmp(selkies_screen_tier(screen), "shared pixmap") == 0
       && xvfb_log_lines - lines == 1,
       "another server's framebuffer is refused at once when it differs");
    selkies_screen_close(screen);
    (void) close(fd);

    conf.framebuffer_fd = memfd_create("plain", MFD_CLOEXEC);
    (void) !ftruncate(conf.framebuffer_fd, 65536);
    lines = xvfb_log_lines;
    screen = selkies_screen_open(&conf, &xvfb_log);
    ok(screen != NULL
       && strcmp(selkies_screen_tier(screen), "shared pixmap") == 0
       && xvfb_log_lines - lines == 1,
       "a file that can shrink is refused");
    selkies_screen_close(screen);
    (void) close(conf.framebuffer_fd);

    XFreeGC(painter.display, gc);
    xvfb_stop(&other);
}


static void *
test_interrupter(void *data)
{
    selkies_x11_interrupt_t  *interrupt = data;
    struct timespec           ts = { 0, 200 * 1000 * 1000 };

    (void) nanosleep(&ts, NULL);
    selkies_x11_interrupt(interrupt);

    return NULL;
}


static void
test_lost(void)
{
    int                      i, fd, status;
    char                     path[64];
    int32_t                  width, height;
    uint64_t                 start;
    pthread_t                thread;
    selkies_frame_t          frame;
    selkies_screen_t        *screen, *unaware[2];
    selkies_screen_conf_t    conf;
    selkies_x11_interrupt_t  interrupt;

    (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", xvfb.memfd);
    fd = open(path, O_RDONLY|O_CLOEXEC);

    selkies_x11_interrupt_init(&interrupt);

    memset(&conf, 0, sizeof(conf));
    conf.display = xvfb.display;
    conf.xauthority = "/nonexistent";
    conf.framebuffer_fd = fd;
    conf.interrupt = &interrupt;

    (void) setenv("XAUTHORITY", "/nonexistent", 1);
    ok(selkies_screen_open(&conf, &xvfb_log) == NULL,
       "no cookie, no connection");

    conf.xauthority = xvfb.auth;
    screen = selkies_screen_open(&conf, &xvfb_log);
    selkies_screen_size(screen, &width, &height);
    selkies_screen_start(screen);

    /* a stopped server holds a thread that waits for its answer */

    (void) kill(xvfb.pid, SIGSTOP);
    (void) waitpid(xvfb.pid, &status, WUNTRACED);

    start = selkies_clock_us();
    ok(selkies_screen_open(&(selkies_screen_conf_t) {
           xvfb.display, xvfb.auth, NULL, -1, SELKIES_CAPTURE_AUTO },
           &xvfb_log) == NULL
       && selkies_clock_us() - start < 4000000,
       "opening a stopped server gives up");

    (void) pthread_create(&thread, NULL, test_interrupter, &interrupt);
    start = selkies_clock_us();
    ok(selkies_screen_acquire(screen, &frame) == SELKIES_LOST
       && selkies_clock_us() - start < 2000000,
       "an interrupt brings the thread back from a stopped server");
    (void) pthread_join(thread, NULL);
    (void) kill(xvfb.pid, SIGCONT);

    ok(selkies_screen_dispatch(screen) == SELKIES_SCREEN_LOST,
       "the connection is lost then");
    selkies_screen_close(screen);
    ok(selkies_screen_open(&conf, &xvfb_log) == NULL,
       "no opening while interrupted");
    selkies_x11_interrupt_clear(&interrupt);

    screen = selkies_screen_open(&conf, &xvfb_log);
    ok(screen != NULL && selkies_screen_size(screen, &width, &height) == 0
       && selkies_screen_start(screen) == SELKIES_OK
       && selkies_screen_acquire(screen, &frame) == SELKIES_OK,
       "opening works again");

    for (i = 0; i < 2; i++) {
        conf.mode = i ? SELKIES_CAPTURE_IMAGE : SELKIES_CAPTURE_SHM;
        conf.interrupt = NULL;
        unaware[i] = selkies_screen_open(&conf, &xvfb_log);
        ok(unaware[i] != NULL
           && selkies_screen_size(unaware[i], &width, &height) == SELKIES_OK
           && selkies_screen_start(unaware[i]) == SELKIES_OK
           && selkies_screen_acquire(unaware[i], &frame) == SELKIES_OK,
           "a picture in shared memory");
    }

    conf.mode = SELKIES_CAPTURE_AUTO;
    conf.interrupt = &interrupt;
    xvfb_end(&xvfb, SIGKILL);

    for (i = 0; i < 2; i++) {
        selkies_screen_stop(unaware[i]);
        ok(selkies_screen_dispatch(unaware[i]) == SELKIES_SCREEN_LOST,
           "stopping without having heard of the end");
        selkies_screen_close(unaware[i]);
    }

    ok(test_await(screen, SELKIES_SCREEN_LOST)
       && selkies_screen_acquire(screen, &frame) == SELKIES_LOST
       && selkies_screen_size(screen, &width, &height) == SELKIES_LOST
       && selkies_screen_start(screen) == SELKIES_LOST,
       "kill -9 of the server is a state");
    selkies_screen_stop(screen);
    selkies_screen_close(screen);

    start = selkies_clock_us();
    ok(selkies_screen_open(&conf, &xvfb_log) == NULL
       && selkies_clock_us() - start < 1000000,
       "no server, no screen");

    ok(xvfb_start(&xvfb, TEST_WIDTH, TEST_HEIGHT, XVFB_SEALED) == 0,
       "a new server");
    conf.display = xvfb.display;
    screen = selkies_screen_open(&conf, &xvfb_log);
    ok(screen != NULL
       && strcmp(selkies_screen_tier(screen), "framebuffer") == 0
       && selkies_screen_size(screen, &width, &height) == SELKIES_OK
       && width == TEST_WIDTH && height == TEST_HEIGHT,
       "the same framebuffer descriptor serves the next server");
    selkies_screen_close(screen);

    selkies_x11_interrupt_destroy(&interrupt);
    (void) close(fd);
}


int
main(void)
{
    size_t                  i;
    selkies_desktop_t      *desktop;
    selkies_desktop_conf_t  conf;

    if (xvfb_start(&xvfb, TEST_WIDTH, TEST_HEIGHT, XVFB_SEALED) == -1) {
        xvfb_stop(&xvfb);
        return skip_all("no Xvfb");
    }


    memset(&conf, 0, sizeof(conf));
    conf.display = xvfb.display;
    conf.xauthority = xvfb.auth;

    desktop = selkies_desktop_open(&conf, &xvfb_log);

    if (!ok(desktop != NULL
            && selkies_x11_open(&painter, xvfb.display, xvfb.auth, NULL,
                                &xvfb_log) != NULL,
            "connected"))
    {
        xvfb_stop(&xvfb);
        return done_testing();
    }

    for (i = 0; i < sizeof(test_tiers) / sizeof(test_tiers[0]); i++) {
        test_tier(&test_tiers[i], desktop);
    }

    test_damage(desktop);
    test_foreign();
    selkies_desktop_close(desktop);
    test_lost();

    (void) XPending(painter.display);
    ok(selkies_x11_lost(&painter), "the painter's connection is lost, too");
    selkies_x11_close(&painter);

    xvfb_stop(&xvfb);

    return done_testing();
}
