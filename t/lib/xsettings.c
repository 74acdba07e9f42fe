
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A desktop's settings as a program sees them, and what a desktop does about
 * them.  Arguments are carried out in their order:
 *
 *     show       "resource Xft.dpi 96", "resource Xcursor.size 32", "owner 1",
 *                then "setting <name> <value> <serial>" of each integer
 *     wm NAME    is a window manager of that name
 *     manage     takes XSETTINGS, empty, and says "managing"
 *     stay       until stdin ends; "lost" when another one takes XSETTINGS,
 *                "changed" when the resources are another text
 */


#include <X11/Xatom.h>
#include <X11/Xlib.h>
#include <X11/Xresource.h>

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>


static Display  *dpy;
static Window    root, own;


static unsigned char *
property(Window window, const char *name, unsigned long *n)
{
    int             format;
    Atom            type;
    unsigned long   rest;
    unsigned char  *data;

    data = NULL;
    *n = 0;

    if (window == None
        || XGetWindowProperty(dpy, window, XInternAtom(dpy, name, False), 0,
                              65536, False, AnyPropertyType, &type, &format, n,
                              &rest, &data)
           != Success)
    {
        return NULL;
    }

    return data;
}


static void
show_resource(const char *text, const char *name, const char *class)
{
    char         *type;
    XrmValue      value;
    XrmDatabase   db;

    db = XrmGetStringDatabase(text ? text : "");

    printf("resource %s %s\n", name,
           XrmGetResource(db, name, class, &type, &value) ? value.addr : "-");

    XrmDestroyDatabase(db);
}


static void
show(void)
{
    size_t          at, len;
    Window          owner;
    int32_t         value;
    uint16_t        name;
    uint32_t        serial;
    unsigned long   n;
    unsigned char  *data;

    data = property(root, "RESOURCE_MANAGER", &n);
    show_resource((char *) data, "Xft.dpi", "Xft.Dpi");
    show_resource((char *) data, "Xcursor.size", "Xcursor.Size");
    show_resource((char *) data, "Test.kept", "Test.Kept");

    owner = XGetSelectionOwner(dpy, XInternAtom(dpy, "_XSETTINGS_S0", False));
    printf("owner %d\n", owner != None);

    data = property(owner, "_XSETTINGS_SETTINGS", &n);

    for (at = 12; data != NULL && at + 4 < n; at += 4 + len + 8) {
        memcpy(&name, data + at + 2, 2);
        len = (name + 3u) & ~3u;

        if (data[at] != 0 || at + 4 + len + 8 > n) {
            printf("broken\n");
            return;
        }

        memcpy(&serial, data + at + 4 + len, 4);
        memcpy(&value, data + at + 4 + len + 4, 4);
        printf("setting %.*s %d %u\n", (int) name, (char *) data + at + 4,
               (int) value, serial);
    }
}


static void
be_wm(const char *name)
{
    Window  window;

    window = XCreateSimpleWindow(dpy, root, -10, -10, 1, 1, 0, 0, 0);

    XChangeProperty(dpy, window, XInternAtom(dpy, "_NET_WM_NAME", False),
                    XInternAtom(dpy, "UTF8_STRING", False), 8, PropModeReplace,
                    (const unsigned char *) name, (int) strlen(name));
    XChangeProperty(dpy, root,
                    XInternAtom(dpy, "_NET_SUPPORTING_WM_CHECK", False),
                    XA_WINDOW, 32, PropModeReplace, (unsigned char *) &window,
                    1);
    XSync(dpy, False);
}


static void
manage(void)
{
    Atom  selection;

    selection = XInternAtom(dpy, "_XSETTINGS_S0", False);
    own = XCreateSimpleWindow(dpy, root, -10, -10, 1, 1, 0, 0, 0);
    XSetSelectionOwner(dpy, selection, own, CurrentTime);
    XSync(dpy, False);
    printf("%s\n", XGetSelectionOwner(dpy, selection) == own ? "managing"
                                                              : "refused");
}


static void
stay(void)
{
    char           c;
    XEvent         e;
    struct pollfd  fds[2];

    fds[0] = (struct pollfd) { 0, POLLIN, 0 };
    fds[1] = (struct pollfd) { ConnectionNumber(dpy), POLLIN, 0 };

    for ( ;; ) {
        while (XPending(dpy)) {
            XNextEvent(dpy, &e);

            if (e.type == SelectionClear) {
                printf("lost\n");

            } else if (e.type == PropertyNotify
                       && e.xproperty.atom == XA_RESOURCE_MANAGER)
            {
                printf("changed\n");
            }
        }

        if (poll(fds, 2, -1) < 0
            || (fds[0].revents != 0 && read(0, &c, 1) <= 0)
            || (fds[1].revents & (POLLHUP|POLLERR)))
        {
            return;
        }
    }
}


int
main(int argc, char **argv)
{
    int  i;

    setvbuf(stdout, NULL, _IOLBF, 0);

    dpy = XOpenDisplay(NULL);

    if (dpy == NULL) {
        fprintf(stderr, "xsettings: XOpenDisplay() failed\n");
        return 1;
    }

    root = DefaultRootWindow(dpy);
    XSelectInput(dpy, root, PropertyChangeMask);

    for (i = 1; i < argc; i++) {

        if (strcmp(argv[i], "show") == 0) {
            show();

        } else if (strcmp(argv[i], "wm") == 0 && i + 1 < argc) {
            be_wm(argv[++i]);

        } else if (strcmp(argv[i], "manage") == 0) {
            manage();

        } else if (strcmp(argv[i], "stay") == 0) {
            stay();
        }
    }

    return 0;
}
