
/*
 * Copyright (C) ngx_selkies authors
 *
 * capture/desktop.c and cursor.c: exact sizes from RandR, cursors as PNG.
 *
 * Thread: main.
 */


#include "capture_xvfb.h"

#include <X11/Xlib.h>
#include <X11/extensions/Xfixes.h>
#include <X11/extensions/Xrandr.h>
#include <png.h>

#include "../../capture/cursor.h"
#include "../../capture/desktop.h"
#include "tap.h"


#define TEST_WIDTH   3840
#define TEST_HEIGHT  2160


static const selkies_rect_t  test_sizes[] = {
    { 0, 0, 1024, 768 },
    { 0, 0, 2, 2 },
    { 0, 0, 1279, 799 },
    { 0, 0, 801, 1201 },
    { 0, 0, 1280, 800 },
    { 0, 0, TEST_WIDTH, TEST_HEIGHT },
    { 0, 0, 1, 1 },
    { 0, 0, 1000, TEST_HEIGHT },
    { 0, 0, TEST_WIDTH, 10 },
    { 0, 0, 1024, 768 },
    { 0, 0, TEST_WIDTH, TEST_HEIGHT }
};


static xvfb_t              xvfb;
static selkies_x11_t       other;
static selkies_desktop_t  *desktop;


static unsigned
test_await(unsigned bits)
{
    unsigned  got;
    uint64_t  end;

    end = selkies_clock_us() + 2000000;

    for ( ;; ) {
        got = selkies_desktop_dispatch(desktop);

        if ((got & bits) || selkies_clock_us() > end) {
            return got & bits;
        }

        (void) xvfb_wait(selkies_desktop_fd(desktop), 100);
    }
}


static int
test_modes(void)
{
    int                  n;
    XRRScreenResources  *resources;

    resources = XRRGetScreenResourcesCurrent(other.display,
                                            DefaultRootWindow(other.display));
    n = resources->nmode;
    XRRFreeScreenResources(resources);

    return n;
}


/* What another program is told: screen, output and millimetres agree. */

static int
test_size(int32_t width, int32_t height)
{
    int                  i, good;
    XRRCrtcInfo         *crtc;
    XWindowAttributes    attributes;
    XRRScreenResources  *resources;

    XGetWindowAttributes(other.display, DefaultRootWindow(other.display),
                         &attributes);
    good = (attributes.width == width && attributes.height == height);

    resources = XRRGetScreenResourcesCurrent(other.display,
                                            DefaultRootWindow(other.display));

    for (i = 0; i < resources->ncrtc; i++) {
        crtc = XRRGetCrtcInfo(other.display, resources, resources->crtcs[i]);

        if (crtc->mode != None
            && ((int32_t) crtc->width != width
                || (int32_t) crtc->height != height
                || crtc->x != 0 || crtc->y != 0))
        {
            good = 0;
        }

        XRRFreeCrtcInfo(crtc);
    }

    XRRFreeScreenResources(resources);

    return good;
}


/* How often the size changed that another program is told. */

static int
test_changes(void)
{
    int         n;
    XEvent      event;
    static int  width = TEST_WIDTH, height = TEST_HEIGHT;

    n = 0;
    XSync(other.display, False);

    while (XPending(other.display) > 0) {
        XNextEvent(other.display, &event);

        if (event.type == ConfigureNotify
            && (event.xconfigure.width != width
                || event.xconfigure.height != height))
        {
            width = event.xconfigure.width;
            height = event.xconfigure.height;
            n++;
        }
    }

    return n;
}


static void
test_resize(void)
{
    int                     lines, modes;
    size_t                  i;
    int32_t                 width, height, range[4];
    uint64_t                start;
    selkies_status_t        status;
    selkies_desktop_conf_t  conf;

    status = selkies_desktop_size_range(desktop, &range[0], &range[1],
                                        &range[2], &range[3]);
    ok(status == SELKIES_OK && range[2] == TEST_WIDTH && range[3] == TEST_HEIGHT
       && range[0] >= 1 && range[0] <= 2,
       "range %dx%d to %dx%d", range[0], range[1], range[2], range[3]);

    ok(test_await(SELKIES_DESKTOP_GEOMETRY)
       && selkies_desktop_size(desktop, &width, &height) == SELKIES_OK
       && width == TEST_WIDTH && height == TEST_HEIGHT
       && !(selkies_desktop_dispatch(desktop) & SELKIES_DESKTOP_GEOMETRY),
       "the first size is that of the screen");

    modes = test_modes();
    (void) test_changes();

    for (i = 0; i < sizeof(test_sizes) / sizeof(test_sizes[0]); i++) {
        start = selkies_clock_us();
        status = selkies_desktop_resize(desktop, test_sizes[i].width,
                                        test_sizes[i].height);
        start = selkies_clock_us() - start;

        ok(status == SELKIES_REINIT
           && test_size(test_sizes[i].width, test_sizes[i].height)
           && test_changes() == 1
           && test_await(SELKIES_DESKTOP_GEOMETRY)
           && selkies_desktop_size(desktop, &width, &height) == SELKIES_OK
           && width == test_sizes[i].width && height == test_sizes[i].height,
           "%dx%d in one step, %d us", test_sizes[i].width,
           test_sizes[i].height, (int) start);
        ok(selkies_desktop_resize(desktop, width, height) == SELKIES_OK
           && test_changes() == 0, "again is no change");
        ok(test_modes() <= modes + 1, "modes do not pile up (%d)",
           test_modes());
    }

    xvfb_log_lines = 0;
    ok(selkies_desktop_resize(desktop, TEST_WIDTH + 2, 100) == SELKIES_ERROR
       && selkies_desktop_resize(desktop, 0, 0) == SELKIES_ERROR
       && selkies_desktop_resize(desktop, -5, 100) == SELKIES_ERROR
       && selkies_desktop_resize(desktop, INT32_MAX, INT32_MAX)
          == SELKIES_ERROR
       && xvfb_log_lines == 4 && test_size(TEST_WIDTH, TEST_HEIGHT),
       "sizes out of range change nothing and log one line");

    /* a worker that comes after one that was killed tidies up, too */

    (void) selkies_desktop_resize(desktop, 777, 555);
    modes = test_modes();
    selkies_desktop_close(desktop);

    memset(&conf, 0, sizeof(conf));
    conf.display = xvfb.display;
    conf.xauthority = xvfb.auth;
    desktop = selkies_desktop_open(&conf, &xvfb_log);

    lines = xvfb_log_lines;
    ok(desktop != NULL
       && selkies_desktop_resize(desktop, 778, 556) == SELKIES_REINIT
       && test_modes() == modes && xvfb_log_lines == lines,
       "the mode of a worker before us goes");

    /* a mode of another program is used, and its name respected */

    {
        char  *newmode[] = { "xrandr", "--newmode", "1000x700", "0", "1000",
                             "0", "0", "0", "700", "0", "0", "0", NULL };
        char  *wrong[] = { "xrandr", "--newmode", "900x600", "0", "640", "0",
                           "0", "0", "480", "0", "0", "0", NULL };

        if (xvfb_run(&xvfb, newmode) == 0 && xvfb_run(&xvfb, wrong) == 0) {
            ok(selkies_desktop_resize(desktop, 1000, 700) == SELKIES_REINIT
               && test_size(1000, 700), "a mode that is there already");
            ok(selkies_desktop_resize(desktop, 900, 600) == SELKIES_REINIT
               && test_size(900, 600), "a name that is taken by another size");
        }
    }
}


/* Decodes to RGBA; the caller frees. */

static uint8_t *
test_decode(const selkies_cursor_t *cursor)
{
    uint8_t    *rgba;
    png_image   image;

    memset(&image, 0, sizeof(image));
    image.version = PNG_IMAGE_VERSION;

    if (!png_image_begin_read_from_memory(&image, cursor->png,
                                          cursor->png_len)
        || image.width != cursor->width || image.height != cursor->height
        || !(image.format & PNG_FORMAT_FLAG_ALPHA))
    {
        return NULL;
    }

    image.format = PNG_FORMAT_RGBA;
    rgba = malloc(PNG_IMAGE_SIZE(image));

    if (!png_image_finish_read(&image, NULL, rgba, 0, NULL)) {
        free(rgba);
        return NULL;
    }

    return rgba;
}


static void
test_encode(void)
{
    int                bad;
    size_t             i;
    uint8_t           *rgba, *buffer;
    uint32_t           a, c, x, y;
    unsigned long     *pixels;
    selkies_cursor_t   cursor;

    buffer = malloc(SELKIES_CURSOR_PNG_MAX);
    pixels = calloc(1000 * 1000, sizeof(unsigned long));

    ok(selkies_cursor_encode(&cursor, pixels, 32, 32, 5, 5, buffer)
       == SELKIES_OK && cursor.serial == 0 && cursor.width == 0
       && cursor.png == NULL && cursor.png_len == 0,
       "nothing visible is no cursor");
    ok(selkies_cursor_encode(&cursor, pixels, 0, 0, 0, 0, buffer)
       == SELKIES_OK && cursor.serial == 0, "nor is nothing");

    /* every alpha, a colour each, premultiplied; junk in the upper bits */

    for (a = 0; a < 256; a++) {
        c = (200 * a + 127) / 255;
        pixels[(a / 16 + 3) * 32 + a % 16 + 7] = 0xdead000000000000ul
            | (unsigned long) a << 24 | c << 16 | (a / 2) << 8 | a;
    }

    ok(selkies_cursor_encode(&cursor, pixels, 32, 32, 10, 8, buffer)
       == SELKIES_OK && cursor.serial != 0 && cursor.width == 16
       && cursor.height == 16 && cursor.hot_x == 3 && cursor.hot_y == 5,
       "cut to what is visible, the hot spot with it");

    rgba = test_decode(&cursor);
    bad = (rgba == NULL);

    for (a = 1; rgba != NULL && a < 256; a++) {
        c = (200 * a + 127) / 255;

        if (rgba[a * 4 + 3] != a
            || rgba[a * 4] != (c * 255 + a / 2) / a
            || rgba[a * 4 + 2] != 255
            || (a > 100 && (rgba[a * 4] < 198 || rgba[a * 4] > 202)))
        {
            bad++;
        }
    }

    ok(!bad, "colours are not premultiplied");
    free(rgba);

    ok(selkies_cursor_encode(&cursor, pixels, 32, 32, 31, 0, buffer)
       == SELKIES_OK && cursor.width == 25 && cursor.height == 19
       && cursor.hot_x == 24 && cursor.hot_y == 0,
       "a hot spot outside of what is visible stays in the picture");
    ok(selkies_cursor_encode(&cursor, pixels, 32, 32, 4000000000u, 32, buffer)
       == SELKIES_OK && cursor.hot_x < cursor.width
       && cursor.hot_y < cursor.height, "even one outside of the cursor");

    /* larger than the limit, and noise that no PNG makes small */

    for (i = 0; i < 1000 * 1000; i++) {
        pixels[i] = 0xff000000ul | (i * 2654435761ul >> 7 & 0xffffff);
    }

    ok(selkies_cursor_encode(&cursor, pixels, 1000, 500, 999, 250, buffer)
       == SELKIES_OK && cursor.width == 128 && cursor.height == 64
       && cursor.hot_x == 127 && cursor.hot_y == 32,
       "a large one is scaled down");
    ok(selkies_cursor_encode(&cursor, pixels, 128, 128, 0, 0, buffer)
       == SELKIES_OK && cursor.width == 128
       && cursor.png_len <= SELKIES_CURSOR_PNG_MAX,
       "noise of full size fits");
    ok(selkies_cursor_encode(&cursor, pixels, 1000, 1, 0, 0, buffer)
       == SELKIES_OK && cursor.width == 128 && cursor.height == 1,
       "a line stays a line");

    for (y = 0; y < 256; y++) {
        for (x = 0; x < 256; x++) {
            pixels[y * 256 + x] = (x & 1) ? 0xff0000fful : 0;
        }
    }

    (void) selkies_cursor_encode(&cursor, pixels, 256, 256, 0, 0, buffer);
    rgba = test_decode(&cursor);
    ok(rgba != NULL && cursor.width == 128 && rgba[0] == 0 && rgba[2] == 255
       && (rgba[3] == 128 || rgba[3] == 127),
       "transparent neighbours lend no colour");
    free(rgba);

    free(pixels);
    free(buffer);
}


static Cursor
test_cursor_make(const char *bits, const char *mask)
{
    Window  root;
    Cursor  cursor;
    Pixmap  source, shape;
    XColor  front, back;

    root = DefaultRootWindow(other.display);
    source = XCreateBitmapFromData(other.display, root, bits, 16, 4);
    shape = XCreateBitmapFromData(other.display, root, mask, 16, 4);

    memset(&front, 0, sizeof(front));
    memset(&back, 0, sizeof(back));
    front.red = 0xffff;
    back.blue = 0xffff;

    cursor = XCreatePixmapCursor(other.display, source, shape, &front, &back, 3,
                                 1);
    XFreePixmap(other.display, source);
    XFreePixmap(other.display, shape);

    return cursor;
}


static void
test_show(Cursor cursor)
{
    XDefineCursor(other.display, DefaultRootWindow(other.display), cursor);
    XSync(other.display, False);
}


static void
test_cursor(void)
{
    Cursor            first, second, empty;
    uint8_t          *rgba;
    uint32_t          serial;
    selkies_cursor_t  cursor;

    ok(test_await(SELKIES_DESKTOP_CURSOR)
       && selkies_desktop_cursor(desktop, &cursor) == SELKIES_OK,
       "a cursor is there at first");

    /* two visible columns of the 16, the left one red, the right one blue */

    first = test_cursor_make("\x08\0\x08\0\x08\0\x08\0",
                             "\x18\0\x18\0\x18\0\x18\0");
    second = test_cursor_make("\xff\xff\0\0\0\0\0\0", "\xff\xff\0\0\0\0\0\0");
    empty = test_cursor_make("\0\0\0\0\0\0\0\0", "\0\0\0\0\0\0\0\0");

    test_show(first);
    ok(test_await(SELKIES_DESKTOP_CURSOR)
       && selkies_desktop_cursor(desktop, &cursor) == SELKIES_OK
       && cursor.serial != 0 && cursor.width == 2 && cursor.height == 4
       && cursor.hot_x == 0 && cursor.hot_y == 1,
       "another cursor");
    ok(!(selkies_desktop_dispatch(desktop) & SELKIES_DESKTOP_CURSOR),
       "is reported once");

    rgba = test_decode(&cursor);
    ok(rgba != NULL && memcmp(rgba, "\xff\0\0\xff\0\0\xff\xff", 8) == 0,
       "its picture");
    free(rgba);
    serial = cursor.serial;

    test_show(second);
    ok(test_await(SELKIES_DESKTOP_CURSOR)
       && selkies_desktop_cursor(desktop, &cursor) == SELKIES_OK
       && cursor.serial != 0 && cursor.serial != serial && cursor.width == 16
       && cursor.height == 2 && cursor.hot_x == 3 && cursor.hot_y == 1,
       "a second one");

    test_show(empty);
    ok(test_await(SELKIES_DESKTOP_CURSOR)
       && selkies_desktop_cursor(desktop, &cursor) == SELKIES_OK
       && cursor.serial == 0 && cursor.width == 0 && cursor.png == NULL,
       "an empty one is none");

    test_show(first);
    rgba = NULL;
    ok(test_await(SELKIES_DESKTOP_CURSOR)
       && selkies_desktop_cursor(desktop, &cursor) == SELKIES_OK
       && cursor.serial == serial && cursor.width == 2
       && (rgba = test_decode(&cursor)) != NULL
       && memcmp(rgba, "\xff\0\0\xff\0\0\xff\xff", 8) == 0,
       "the first one again, as it was");
    free(rgba);
}


int
main(void)
{
    int32_t                 width, height;
    selkies_cursor_t        cursor;
    selkies_desktop_conf_t  conf;

    if (xvfb_start(&xvfb, TEST_WIDTH, TEST_HEIGHT, 0) == -1) {
        xvfb_stop(&xvfb);
        return skip_all("no Xvfb");
    }

    test_encode();

    memset(&conf, 0, sizeof(conf));
    conf.display = xvfb.display;
    conf.xauthority = xvfb.auth;

    desktop = selkies_desktop_open(&conf, &xvfb_log);

    if (!ok(desktop != NULL
            && selkies_x11_open(&other, xvfb.display, xvfb.auth, NULL,
                                &xvfb_log) != NULL,
            "connected"))
    {
        xvfb_stop(&xvfb);
        return done_testing();
    }

    XSelectInput(other.display, DefaultRootWindow(other.display),
                 StructureNotifyMask);

    /* as the framebuffer tier does; it must not hide the cursor from us */

    (void) XFixesQueryVersion(other.display, &(int) { 0 }, &(int) { 0 });
    XFixesHideCursor(other.display, DefaultRootWindow(other.display));

    test_cursor();
    test_resize();

    xvfb_end(&xvfb, SIGKILL);

    ok(test_await(SELKIES_DESKTOP_LOST)
       && selkies_desktop_resize(desktop, 640, 480) == SELKIES_LOST
       && selkies_desktop_size(desktop, &width, &height) == SELKIES_LOST
       && selkies_desktop_cursor(desktop, &cursor) == SELKIES_LOST,
       "kill -9 of the server is a state");
    selkies_desktop_close(desktop);
    selkies_x11_close(&other);

    ok(xvfb_start(&xvfb, TEST_WIDTH, TEST_HEIGHT, 0) == 0, "a new server");
    conf.display = xvfb.display;
    desktop = selkies_desktop_open(&conf, &xvfb_log);
    ok(desktop != NULL
       && selkies_desktop_resize(desktop, 640, 480) == SELKIES_REINIT,
       "connected again");
    selkies_desktop_close(desktop);

    xvfb_stop(&xvfb);

    return done_testing();
}
