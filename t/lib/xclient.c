
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The X client of the tests: one full-screen window that paints what it is
 * told on stdin and reports on stdout every event it gets.  Plain Xlib, one
 * thread; times are CLOCK_MONOTONIC in microseconds.
 *
 *     card                    eight flat patches over the whole screen
 *     fill x y w h rrggbb     "drawn <us>", taken before the request leaves
 *     bar n                   16 blocks of 16x16 at 0,0: the bits of n
 *     motion fps x y w h      noise there, and the clock in ms as a bar
 *     copy x y w h dx dy      what is there, once more at that distance
 *     scene fps               a bar of the clock in ms and a moving square
 *     still                   ends motion and scene
 *     flip x y w h            that box changes colour at each press; "still"
 *                             does not end it, "flip 0 0 0 0" does
 *     cursor n                glyph n of the cursor font; -1 none
 *     sprite w h hx hy rrggbb a cursor of that size and colour; its hot spot
 *     warp x y                puts the pointer there, as a program does it
 *     compose                 from here on keys go through the Compose file:
 *                             what they make is "text <hex of UTF-8>", too
 *     repeat delay rate       of held keys, in ms
 *     keys, pointer, size     "keys <keycodes>", "pointer x y mask", "size w h"
 *     locks                   "locks <modifiers>"
 *     quit
 */


#include <X11/XKBlib.h>
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <X11/keysym.h>

#include <locale.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>


#define BAR_BITS   16
#define BAR_BLOCK  16


typedef struct {
    int       x;
    int       y;
    int       w;
    int       h;
} box_t;


typedef struct {
    Display   *dpy;
    Window     root;
    Window     win;
    GC         gc;
    XIC        ic;                      /* NULL: keys are not composed */
    Visual    *visual;
    int        depth;

    int        width;
    int        height;

    unsigned   card:1;
    unsigned   scene:1;
    unsigned   flipped:1;

    box_t      flip;
    box_t      motion;
    XImage    *noise;
    uint32_t   seed;
    unsigned   tick;

    uint64_t   period_us;               /* 0: nothing moves */
    uint64_t   next_us;

    size_t     len;
    char       line[1024];
} client_t;


static const unsigned long  patches[8] = {
    0x000000, 0xffffff, 0xc02020, 0x20a040,
    0x2040c0, 0xd0c030, 0x808080, 0x40a0b0
};


static uint64_t
clock_us(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}


static void
fill(client_t *c, int x, int y, int w, int h, unsigned long colour)
{
    XSetForeground(c->dpy, c->gc, colour);
    XFillRectangle(c->dpy, c->win, c->gc, x, y, (unsigned) w, (unsigned) h);
}


static void
draw_bar(client_t *c, unsigned n)
{
    int  i;

    for (i = 0; i < BAR_BITS; i++) {
        fill(c, i * BAR_BLOCK, 0, BAR_BLOCK, BAR_BLOCK,
             (n >> (BAR_BITS - 1 - i)) & 1 ? 0xffffff : 0x000000);
    }
}


static void
draw_card(client_t *c)
{
    int  i, x0, x1, y0, y1;

    for (i = 0; i < 8; i++) {
        x0 = c->width * (i % 4) / 4;
        x1 = c->width * (i % 4 + 1) / 4;
        y0 = c->height * (i / 4) / 2;
        y1 = c->height * (i / 4 + 1) / 2;

        fill(c, x0, y0, x1 - x0, y1 - y0, patches[i]);
    }
}


static void
draw_flip(client_t *c)
{
    if (c->flip.w) {
        fill(c, c->flip.x, c->flip.y, c->flip.w, c->flip.h,
             c->flipped ? 0xffffff : 0x000000);
    }
}


static void
repaint(client_t *c)
{
    if (c->card) {
        draw_card(c);

    } else {
        fill(c, 0, 0, c->width, c->height, 0x404040);
    }

    draw_flip(c);
    XFlush(c->dpy);
}


static void
draw_noise(client_t *c)
{
    char    *p, *last;
    size_t   size;

    size = (size_t) c->noise->bytes_per_line * (size_t) c->noise->height;
    p = c->noise->data;

    for (last = p + size; p + 4 <= last; p += 4) {
        c->seed = c->seed * 1664525 + 1013904223;
        memcpy(p, &c->seed, 4);
    }

    XPutImage(c->dpy, c->win, c->gc, c->noise, 0, 0, c->motion.x, c->motion.y,
              (unsigned) c->motion.w, (unsigned) c->motion.h);
}


static void
step(client_t *c)
{
    int  x;

    if (c->noise != NULL) {
        draw_noise(c);
    }

    if (c->scene) {
        x = (int) (c->tick * 16 % (unsigned) (c->width - 63));
        fill(c, 0, 32, c->width, 64, 0x404040);
        fill(c, x, 32, 64, 64, c->tick & 1 ? 0xd0c030 : 0x2040c0);
    }

    draw_bar(c, (unsigned) (clock_us() / 1000) & 0xffff);
    XFlush(c->dpy);

    c->tick++;
    c->next_us += c->period_us;

    if (c->next_us < clock_us()) {
        c->next_us = clock_us() + c->period_us;
    }
}


static void
stand_still(client_t *c)
{
    c->period_us = 0;
    c->scene = 0;

    if (c->noise != NULL) {
        XDestroyImage(c->noise);
        c->noise = NULL;
    }
}


static void
set_period(client_t *c, int fps)
{
    c->period_us = 1000000 / (uint64_t) (fps > 0 ? fps : 1);
    c->next_us = clock_us();
}


static void
set_motion(client_t *c, int fps, int x, int y, int w, int h)
{
    char  *data;

    stand_still(c);

    data = malloc((size_t) w * (size_t) h * 4);

    if (data == NULL) {
        exit(1);
    }

    c->motion = (box_t) { x, y, w, h };
    c->noise = XCreateImage(c->dpy, c->visual, (unsigned) c->depth, ZPixmap, 0,
                            data, (unsigned) w, (unsigned) h, 32, w * 4);
    set_period(c, fps);
}


static void
set_cursor(client_t *c, int glyph)
{
    char    empty[8];
    Cursor  cursor;
    Pixmap  bits;
    XColor  black;

    if (glyph < 0) {
        memset(empty, 0, sizeof(empty));
        memset(&black, 0, sizeof(black));

        bits = XCreateBitmapFromData(c->dpy, c->win, empty, 8, 8);
        cursor = XCreatePixmapCursor(c->dpy, bits, bits, &black, &black, 0, 0);
        XFreePixmap(c->dpy, bits);

    } else {
        cursor = XCreateFontCursor(c->dpy, (unsigned) glyph);
    }

    XDefineCursor(c->dpy, c->win, cursor);
    XFreeCursor(c->dpy, cursor);
    XFlush(c->dpy);
}


static void
set_sprite(client_t *c, int w, int h, int hot_x, int hot_y,
    unsigned long colour)
{
    GC      gc;
    Cursor  cursor;
    Pixmap  bits;
    XColor  flat;

    memset(&flat, 0, sizeof(flat));
    flat.red = (unsigned short) ((colour >> 16 & 0xff) * 0x101);
    flat.green = (unsigned short) ((colour >> 8 & 0xff) * 0x101);
    flat.blue = (unsigned short) ((colour & 0xff) * 0x101);

    bits = XCreatePixmap(c->dpy, c->win, (unsigned) w, (unsigned) h, 1);
    gc = XCreateGC(c->dpy, bits, 0, NULL);

    XSetForeground(c->dpy, gc, 1);
    XFillRectangle(c->dpy, bits, gc, 0, 0, (unsigned) w, (unsigned) h);

    cursor = XCreatePixmapCursor(c->dpy, bits, bits, &flat, &flat,
                                 (unsigned) hot_x, (unsigned) hot_y);
    XFreeGC(c->dpy, gc);
    XFreePixmap(c->dpy, bits);

    XDefineCursor(c->dpy, c->win, cursor);
    XFreeCursor(c->dpy, cursor);
    XFlush(c->dpy);
}


/* Xlib's own input method, which knows dead keys and the Compose file. */

static void
set_compose(client_t *c)
{
    XIM  im;

    if (setlocale(LC_ALL, "C.UTF-8") == NULL || !XSupportsLocale()
        || XSetLocaleModifiers("@im=none") == NULL
        || (im = XOpenIM(c->dpy, NULL, NULL, NULL)) == NULL)
    {
        fprintf(stderr, "xclient: no input method\n");
        exit(1);
    }

    c->ic = XCreateIC(im, XNInputStyle, XIMPreeditNothing|XIMStatusNothing,
                      XNClientWindow, c->win, XNFocusWindow, c->win, NULL);

    if (c->ic == NULL) {
        fprintf(stderr, "xclient: XCreateIC() failed\n");
        exit(1);
    }

    XSetICFocus(c->ic);
}


static void
print_locks(client_t *c)
{
    XkbStateRec  state;

    XkbGetState(c->dpy, XkbUseCoreKbd, &state);
    printf("locks 0x%x\n", state.locked_mods);
}


static void
print_keys(client_t *c)
{
    int   i;
    char  map[32];

    XQueryKeymap(c->dpy, map);
    printf("keys");

    for (i = 0; i < 256; i++) {
        if (map[i / 8] >> (i % 8) & 1) {
            printf(" %d", i);
        }
    }

    printf("\n");
}


static void
print_pointer(client_t *c)
{
    int           x, y, wx, wy;
    Window        root, child;
    unsigned int  mask;

    XQueryPointer(c->dpy, c->root, &root, &child, &x, &y, &wx, &wy, &mask);
    printf("pointer %d %d 0x%x\n", x, y, mask);
}


static void
print_size(client_t *c)
{
    int           x, y;
    Window        root;
    unsigned int  w, h, border, depth;

    XGetGeometry(c->dpy, c->root, &root, &x, &y, &w, &h, &border, &depth);
    printf("size %u %u\n", w, h);
}


static void
command(client_t *c, const char *line)
{
    int            n, x, y, w, h, dx, dy;
    char           verb[16];
    uint64_t       now_us;
    unsigned long  colour;

    if (sscanf(line, "%15s", verb) != 1) {
        return;
    }

    if (strcmp(verb, "card") == 0) {
        c->card = 1;
        repaint(c);

    } else if (sscanf(line, "fill %d %d %d %d %lx", &x, &y, &w, &h, &colour)
               == 5)
    {
        now_us = clock_us();
        fill(c, x, y, w, h, colour);
        XFlush(c->dpy);
        printf("drawn %llu\n", (unsigned long long) now_us);
        return;

    } else if (sscanf(line, "bar %d", &n) == 1) {
        draw_bar(c, (unsigned) n);

    } else if (sscanf(line, "motion %d %d %d %d %d", &n, &x, &y, &w, &h) == 5) {
        set_motion(c, n, x, y, w, h);

    } else if (sscanf(line, "copy %d %d %d %d %d %d", &x, &y, &w, &h, &dx,
                      &dy) == 6)
    {
        XCopyArea(c->dpy, c->win, c->win, c->gc, x, y, (unsigned) w,
                  (unsigned) h, x + dx, y + dy);

    } else if (sscanf(line, "scene %d", &n) == 1) {
        stand_still(c);
        c->scene = 1;
        set_period(c, n);

    } else if (strcmp(verb, "still") == 0) {
        stand_still(c);

    } else if (sscanf(line, "flip %d %d %d %d", &x, &y, &w, &h) == 4) {
        c->flip = (box_t) { x, y, w, h };
        draw_flip(c);

    } else if (sscanf(line, "cursor %d", &n) == 1) {
        set_cursor(c, n);

    } else if (sscanf(line, "sprite %d %d %d %d %lx", &w, &h, &x, &y, &colour)
               == 5)
    {
        set_sprite(c, w, h, x, y, colour);

    } else if (sscanf(line, "warp %d %d", &x, &y) == 2) {
        XWarpPointer(c->dpy, None, c->root, 0, 0, 0, 0, x, y);
        XFlush(c->dpy);

    } else if (strcmp(verb, "compose") == 0) {
        set_compose(c);

    } else if (sscanf(line, "repeat %d %d", &x, &y) == 2) {
        XkbSetAutoRepeatRate(c->dpy, XkbUseCoreKbd, (unsigned) x,
                             (unsigned) y);

    } else if (strcmp(verb, "locks") == 0) {
        print_locks(c);
        return;

    } else if (strcmp(verb, "keys") == 0) {
        print_keys(c);
        return;

    } else if (strcmp(verb, "pointer") == 0) {
        print_pointer(c);
        return;

    } else if (strcmp(verb, "size") == 0) {
        print_size(c);
        return;

    } else if (strcmp(verb, "quit") == 0) {
        XCloseDisplay(c->dpy);
        exit(0);

    } else {
        printf("unknown %s\n", verb);
        return;
    }

    XSync(c->dpy, False);
    printf("done %s\n", verb);
}


static int
read_commands(client_t *c)
{
    char     *end;
    ssize_t   n;

    n = read(0, c->line + c->len, sizeof(c->line) - c->len - 1);

    if (n <= 0) {
        return 0;
    }

    c->len += (size_t) n;
    c->line[c->len] = '\0';

    while ((end = strchr(c->line, '\n')) != NULL) {
        *end++ = '\0';
        command(c, c->line);
        c->len -= (size_t) (end - c->line);
        memmove(c->line, end, c->len + 1);
    }

    return c->len < sizeof(c->line) - 1;
}


static void
pressed(client_t *c)
{
    if (c->flip.w == 0) {
        return;
    }

    c->flipped = !c->flipped;
    draw_flip(c);
    XFlush(c->dpy);
    printf("flip %llu %u\n", (unsigned long long) clock_us(), c->flipped);
}


static void
key_event(XKeyEvent *e)
{
    int     i, n;
    char    text[32];
    KeySym  keysym;

    n = XLookupString(e, text, sizeof(text), &keysym, NULL);

    printf("key %s %u 0x%lx state 0x%x text ",
           e->type == KeyPress ? "press" : "release", e->keycode,
           (unsigned long) keysym, e->state);

    for (i = 0; i < n; i++) {
        printf("%02x", (unsigned char) text[i]);
    }

    printf(" at %d %d\n", e->x_root, e->y_root);
}


/* What is being composed is none yet; the result comes as keycode 0. */

static void
composed(client_t *c, XEvent *e)
{
    int     i, n;
    char    text[64];
    KeySym  keysym;
    Status  status;

    if (XFilterEvent(e, None) || e->type != KeyPress) {
        return;
    }

    n = Xutf8LookupString(c->ic, &e->xkey, text, sizeof(text), &keysym,
                          &status);

    if (n > 0 && (status == XLookupChars || status == XLookupBoth)) {
        printf("text ");

        for (i = 0; i < n; i++) {
            printf("%02x", (unsigned char) text[i]);
        }

        printf("\n");
    }
}


static void
event(client_t *c, XEvent *e)
{
    switch (e->type) {

    case KeyPress:
    case KeyRelease:
        if (e->xkey.keycode != 0) {
            key_event(&e->xkey);
        }

        if (c->ic != NULL) {
            composed(c, e);
        }

        if (e->type == KeyPress) {
            pressed(c);
        }

        break;

    case ButtonPress:
    case ButtonRelease:
        printf("button %s %u state 0x%x at %d %d\n",
               e->type == ButtonPress ? "press" : "release",
               e->xbutton.button, e->xbutton.state, e->xbutton.x_root,
               e->xbutton.y_root);

        if (e->type == ButtonPress) {
            pressed(c);
        }

        break;

    case MotionNotify:
        printf("motion state 0x%x at %d %d\n", e->xmotion.state,
               e->xmotion.x_root, e->xmotion.y_root);
        break;

    case MappingNotify:
        XRefreshKeyboardMapping(&e->xmapping);
        break;

    case Expose:
        if (e->xexpose.count == 0 && c->period_us == 0) {
            repaint(c);
        }

        break;

    case ConfigureNotify:
        if (e->xconfigure.window != c->root) {
            break;
        }

        c->width = e->xconfigure.width;
        c->height = e->xconfigure.height;
        XMoveResizeWindow(c->dpy, c->win, 0, 0, (unsigned) c->width,
                          (unsigned) c->height);
        printf("resized %d %d\n", c->width, c->height);
        repaint(c);
        break;

    default:
        break;
    }
}


static void
open_window(client_t *c)
{
    int                   screen;
    XEvent                e;
    XSetWindowAttributes  attributes;

    screen = DefaultScreen(c->dpy);

    c->root = RootWindow(c->dpy, screen);
    c->visual = DefaultVisual(c->dpy, screen);
    c->depth = DefaultDepth(c->dpy, screen);
    c->width = DisplayWidth(c->dpy, screen);
    c->height = DisplayHeight(c->dpy, screen);

    XSelectInput(c->dpy, c->root, StructureNotifyMask);

    memset(&attributes, 0, sizeof(attributes));
    attributes.override_redirect = True;
    attributes.bit_gravity = NorthWestGravity;
    attributes.event_mask = KeyPressMask|KeyReleaseMask|ButtonPressMask
                            |ButtonReleaseMask|PointerMotionMask|ExposureMask
                            |StructureNotifyMask;

    c->win = XCreateWindow(c->dpy, c->root, 0, 0, (unsigned) c->width,
                           (unsigned) c->height, 0, CopyFromParent, InputOutput,
                           CopyFromParent,
                           CWOverrideRedirect|CWBitGravity|CWEventMask,
                           &attributes);
    c->gc = XCreateGC(c->dpy, c->win, 0, NULL);

    XMapRaised(c->dpy, c->win);

    do {
        XWindowEvent(c->dpy, c->win, StructureNotifyMask, &e);
    } while (e.type != MapNotify);

    XSetInputFocus(c->dpy, c->win, RevertToPointerRoot, CurrentTime);
    repaint(c);
    XSync(c->dpy, False);
}


static void
take_events(client_t *c)
{
    XEvent  e;

    while (XPending(c->dpy)) {
        XNextEvent(c->dpy, &e);
        event(c, &e);
    }
}


int
main(void)
{
    int            timeout_ms;
    uint64_t       now_us;
    client_t       c;
    struct pollfd  fds[2];

    memset(&c, 0, sizeof(c));
    c.seed = 1;

    setvbuf(stdout, NULL, _IOLBF, 0);

    c.dpy = XOpenDisplay(NULL);

    if (c.dpy == NULL) {
        fprintf(stderr, "xclient: XOpenDisplay() failed\n");
        return 1;
    }

    open_window(&c);
    printf("ready %d %d\n", c.width, c.height);

    fds[0] = (struct pollfd) { 0, POLLIN, 0 };
    fds[1] = (struct pollfd) { ConnectionNumber(c.dpy), POLLIN, 0 };

    for ( ;; ) {
        take_events(&c);
        timeout_ms = -1;

        if (c.period_us) {
            now_us = clock_us();

            if (now_us >= c.next_us) {
                step(&c);
                continue;
            }

            timeout_ms = (int) ((c.next_us - now_us + 999) / 1000);
        }

        if (poll(fds, 2, timeout_ms) < 0) {
            return 1;
        }

        if (fds[0].revents) {

            /* what came before, above all a new size, would paint over it */

            XSync(c.dpy, False);
            take_events(&c);

            if (!read_commands(&c)) {
                return 0;
            }
        }

        if (fds[1].revents & (POLLHUP|POLLERR)) {
            return 1;
        }
    }
}
