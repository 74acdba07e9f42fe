
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A window, what a program in it receives, and the keys of its server.
 *
 * Thread: main.
 */


#ifndef SELKIES_CAPTURE_WINDOW_H_INCLUDED
#define SELKIES_CAPTURE_WINDOW_H_INCLUDED


#include "capture_xvfb.h"

#include <time.h>

#include <X11/XKBlib.h>
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <X11/keysym.h>

#include "../../capture/input.h"
#include "../../capture/keysyms.h"


#define TEST_EVENTS  512


typedef struct {
    KeySym      keysym;
    unsigned    state;
    unsigned    keycode;
    int         repeated;
} test_key_t;


/* What the window got until the sentinel. */

static size_t            nkeys;
static test_key_t        keys[TEST_EVENTS];
static size_t            nbuttons;
static char              buttons[TEST_EVENTS * 4];

static xvfb_t            xvfb;
static selkies_x11_t     program;
static Window            window;
static selkies_input_t  *input;
static selkies_held_t   *held;


static int
test_window(void)
{
    XEvent  event;

    window = XCreateSimpleWindow(program.display,
                                 DefaultRootWindow(program.display), 0, 0, 800,
                                 600, 0, 0, 0);
    XSelectInput(program.display, window, KeyPressMask|KeyReleaseMask
                 |ButtonPressMask|ButtonReleaseMask|PointerMotionMask
                 |StructureNotifyMask);
    XMapWindow(program.display, window);

    do {
        XNextEvent(program.display, &event);
    } while (event.type != MapNotify);

    XSetInputFocus(program.display, window, RevertToPointerRoot, CurrentTime);
    XSync(program.display, False);

    return 1;
}


/* One event of the window; its type, 0 when none comes within two seconds. */

static int
test_event(void)
{
    char     text[16];
    KeySym   keysym;
    XEvent   event;
    size_t   len;

    if (XPending(program.display) == 0
        && !xvfb_wait(ConnectionNumber(program.display), 2000))
    {
        return 0;
    }

    if (XPending(program.display) == 0) {
        return -1;
    }

    XNextEvent(program.display, &event);

    switch (event.type) {

    case MappingNotify:
        XRefreshKeyboardMapping(&event.xmapping);
        return MappingNotify;

    case KeyPress:
    case KeyRelease:
        XLookupString(&event.xkey, text, sizeof(text), &keysym, NULL);

        if (event.type == KeyPress && !IsModifierKey(keysym)
            && keysym != XK_ISO_Level3_Shift && nkeys < TEST_EVENTS)
        {
            keys[nkeys].keysym = keysym;
            keys[nkeys].state = event.xkey.state;
            keys[nkeys].keycode = event.xkey.keycode;
            nkeys++;
        }

        return (event.type == KeyRelease && keysym == XK_Return) ? 1000
                                                                 : event.type;

    case ButtonPress:
    case ButtonRelease:
        len = strlen(buttons);

        if (len + 8 < sizeof(buttons)) {
            (void) snprintf(buttons + len, sizeof(buttons) - len, "%s%u ",
                            event.type == ButtonPress ? "+" : "-",
                            event.xbutton.button);
            nbuttons++;
        }

        return event.type;

    default:
        return event.type;
    }
}


/* Everything up to a Return that is typed now; 0 when it did not come. */

static int
test_collect(void)
{
    int  type;

    selkies_input_key(input, held, XK_Return, 1);
    selkies_input_key(input, held, XK_Return, 0);
    selkies_input_flush(input);

    nkeys = 0;
    nbuttons = 0;
    buttons[0] = '\0';

    do {
        type = test_event();
    } while (type != 0 && type != 1000);

    if (type == 1000 && nkeys > 0) {
        nkeys--;
    }

    return type == 1000;
}


/* Waits as the caller of selkies_input_key() has to; how often. */

static unsigned
test_press(uint32_t keysym)
{
    unsigned         n;
    uint64_t         wait_us;
    struct timespec  delay;

    for (n = 0; /* void */ ; n++) {
        wait_us = selkies_input_key(input, held, keysym, 1);

        if (wait_us == 0) {
            return n;
        }

        selkies_input_flush(input);
        delay.tv_sec = 0;
        delay.tv_nsec = (long) wait_us * 1000;
        (void) nanosleep(&delay, NULL);
    }
}


static void
test_tap(uint32_t keysym)
{
    (void) test_press(keysym);
    selkies_input_key(input, held, keysym, 0);
}


/* The server's word about modifiers that are held or locked. */

static unsigned
test_modifiers(void)
{
    XkbStateRec  state;

    XkbGetState(program.display, XkbUseCoreKbd, &state);

    return state.mods;
}


static int
test_down(void)
{
    int   i, n;
    char  down[32];

    XQueryKeymap(program.display, down);
    n = 0;

    for (i = 0; i < 256; i++) {
        n += (down[i / 8] & 1 << (i % 8)) != 0;
    }

    return n;
}


static int
test_layout(char *layout)
{
    char  *argv[] = { "setxkbmap", "-layout", layout, NULL };

    return xvfb_run(&xvfb, argv) == 0;
}


/* Types each symbol and compares what arrived. */

static int
test_symbols(const uint32_t *symbols, size_t n)
{
    int     bad;
    size_t  i;

    for (i = 0; i < n; i++) {
        test_tap(symbols[i]);
    }

    bad = !test_collect() || nkeys != n;

    if (bad) {
        printf("# %zu of %zu symbols arrived\n", nkeys, n);
    }

    for (i = 0; i < n && i < nkeys; i++) {
        if (keys[i].keysym != symbols[i]) {
            printf("# typed 0x%x, got 0x%lx state 0x%x\n",
                   (unsigned) symbols[i], keys[i].keysym, keys[i].state);
            bad = 1;
        }
    }

    return !bad;
}


#endif /* SELKIES_CAPTURE_WINDOW_H_INCLUDED */
