
/*
 * Copyright (C) ngx_selkies authors
 *
 * The cursor of a screen, capture/screen_cursor.c, against a real Xvfb: what
 * it looks like, where it is, and that nobody is woken who does not watch it.
 *
 * Thread: main.
 */


#include "capture_xvfb.h"

#include <X11/Xlib.h>
#include <X11/extensions/XTest.h>

#include "../../capture/screen.h"
#include "tap.h"


#define TEST_WIDTH   800
#define TEST_HEIGHT  600


static xvfb_t             xvfb;
static selkies_x11_t      program;
static selkies_screen_t  *screen;


/* A cursor of one colour for the whole screen. */

static void
test_define(unsigned w, unsigned h, unsigned hot_x, unsigned hot_y,
    unsigned short red)
{
    GC      gc;
    Cursor  cursor;
    Pixmap  bits;
    Window  root;
    XColor  colour;

    root = DefaultRootWindow(program.display);
    memset(&colour, 0, sizeof(colour));
    colour.red = red;

    bits = XCreatePixmap(program.display, root, w, h, 1);
    gc = XCreateGC(program.display, bits, 0, NULL);
    XSetForeground(program.display, gc, 1);
    XFillRectangle(program.display, bits, gc, 0, 0, w, h);

    cursor = XCreatePixmapCursor(program.display, bits, bits, &colour, &colour,
                                 hot_x, hot_y);
    XFreeGC(program.display, gc);
    XFreePixmap(program.display, bits);
    XDefineCursor(program.display, root, cursor);
    XFreeCursor(program.display, cursor);
    XSync(program.display, False);
}


static void
test_move(int x, int y)
{
    XTestFakeMotionEvent(program.display, -1, x, y, CurrentTime);
    XSync(program.display, False);
}


/* Whether a report comes, or, for a stopped one, anything at all. */

static int
test_report(int wanted)
{
    unsigned  bits;
    uint64_t  end;

    if (!wanted) {
        return !xvfb_wait(selkies_screen_fd(screen), 200)
               && !(selkies_screen_dispatch(screen) & SELKIES_SCREEN_CURSOR);
    }

    end = selkies_clock_us() + 2000000;

    do {
        bits = selkies_screen_dispatch(screen);

        if (bits & SELKIES_SCREEN_CURSOR) {
            return 1;
        }

        (void) xvfb_wait(selkies_screen_fd(screen), 100);

    } while (selkies_clock_us() < end);

    return 0;
}


/* Until the cursor is at x, y: a report may be of what came before. */

static int
test_at(int32_t x, int32_t y)
{
    uint64_t          end;
    selkies_sprite_t  sprite;

    end = selkies_clock_us() + 2000000;

    do {
        (void) test_report(1);

        if (selkies_screen_cursor(screen, &sprite) == SELKIES_OK
            && sprite.x == x && sprite.y == y)
        {
            return 1;
        }

    } while (selkies_clock_us() < end);

    return 0;
}


static void
test_shapes(void)
{
    selkies_sprite_t  sprite;

    test_define(20, 10, 3, 4, 0xffff);
    test_move(100, 50);

    ok(test_report(0), "who does not watch it is not woken");
    ok(selkies_screen_cursor(screen, &sprite) == SELKIES_AGAIN,
       "nor told where it is");

    selkies_screen_watch_cursor(screen, 1);
    ok(selkies_screen_dispatch(screen) & SELKIES_SCREEN_CURSOR,
       "a report from the start");
    ok(selkies_screen_cursor(screen, &sprite) == SELKIES_OK
       && sprite.width == 20 && sprite.height == 10
       && sprite.x == 97 && sprite.y == 46,
       "its size, its place without the hot spot");
    ok(sprite.pixels != NULL
       && memcmp(sprite.pixels, "\x00\x00\xff\xff", 4) == 0
       && memcmp(sprite.pixels + 199 * 4, "\x00\x00\xff\xff", 4) == 0,
       "its pixels");
    ok(!(selkies_screen_dispatch(screen) & SELKIES_SCREEN_CURSOR)
       && selkies_screen_cursor(screen, &sprite) == SELKIES_AGAIN,
       "told once");

    test_define(300, 200, 0, 0, 0x8080);
    ok(test_report(1) && selkies_screen_cursor(screen, &sprite) == SELKIES_OK
       && sprite.width == 300 && sprite.height == 200
       && sprite.x == 100 && sprite.y == 50 && sprite.pixels[2] == 0x80,
       "a large one, which has not moved");

    test_define(1100, 4, 0, 0, 0xffff);
    ok(test_report(1) && selkies_screen_cursor(screen, &sprite) == SELKIES_OK
       && sprite.pixels == NULL, "one that is too large is none");

    test_define(9, 8, 4, 3, 0xffff);
    ok(test_report(1) && selkies_screen_cursor(screen, &sprite) == SELKIES_OK
       && sprite.pixels != NULL && sprite.width == 9, "and a small one again");
}


static void
test_motion(void)
{
    int               i, right;
    selkies_sprite_t  sprite;

    right = 0;

    for (i = 0; i < 20; i++) {
        test_move(i * 41, 599 - i * 31);
        right += test_at(i * 41 - 4, 599 - i * 31 - 3);
    }

    ok(right == 20, "its place after a motion, the edges included (%d)", right);

    XWarpPointer(program.display, None, DefaultRootWindow(program.display), 0,
                 0, 0, 0, 333, 222);
    XSync(program.display, False);

    ok(selkies_screen_cursor(screen, &sprite) == SELKIES_OK
       && sprite.x == 329 && sprite.y == 219,
       "who asks is told where a program has put it");

    selkies_screen_watch_cursor(screen, 0);
    (void) selkies_screen_dispatch(screen);
    selkies_screen_sync(screen);
    (void) selkies_screen_dispatch(screen);

    test_move(10, 10);
    test_define(30, 30, 0, 0, 0xffff);
    ok(test_report(0), "nothing after the end of the watch");

    selkies_screen_watch_cursor(screen, 1);
    ok(test_at(10, 10), "and all of it at the next one");

    selkies_screen_stop(screen);
    selkies_screen_sync(screen);
    (void) selkies_screen_dispatch(screen);
    test_move(20, 20);
    ok(test_report(0), "a stopped screen watches nothing");
}


int
main(void)
{
    selkies_screen_conf_t  conf;

    if (xvfb_start(&xvfb, TEST_WIDTH, TEST_HEIGHT, XVFB_SEALED) == -1) {
        xvfb_stop(&xvfb);
        return skip_all("no Xvfb");
    }

    memset(&conf, 0, sizeof(conf));
    conf.display = xvfb.display;
    conf.xauthority = xvfb.auth;
    conf.framebuffer_fd = -1;

    screen = selkies_screen_open(&conf, &xvfb_log);

    if (!ok(screen != NULL && selkies_screen_start(screen) == SELKIES_OK
            && selkies_x11_open(&program, xvfb.display, xvfb.auth, NULL,
                                &xvfb_log) != NULL,
            "connected"))
    {
        xvfb_stop(&xvfb);
        return done_testing();
    }

    /* the first events, of the whole screen's damage */

    while (xvfb_wait(selkies_screen_fd(screen), 200)) {
        (void) selkies_screen_dispatch(screen);
    }

    test_shapes();
    test_motion();

    selkies_screen_close(screen);
    selkies_x11_close(&program);
    xvfb_stop(&xvfb);

    return done_testing();
}
