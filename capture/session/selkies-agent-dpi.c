
/*
 * Copyright (C) ngx_selkies authors
 *
 * The DPI of desktops that have settings of their own; see selkies-agent.h.
 */


#define _GNU_SOURCE

#include "selkies-agent.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define SELKIES_AGENT_WORDS    12
#define SELKIES_AGENT_STEPS    3


static int selkies_agent_installed(const char *program);
static void selkies_agent_step(const char *const *words, int32_t dpi,
    int32_t cursor);


/* "@dpi", "@cursor" and "@scale" stand for numbers. */

typedef struct {
    const char  *program;               /* NULL: any desktop */
    const char  *steps[SELKIES_AGENT_STEPS][SELKIES_AGENT_WORDS];
} selkies_agent_desktop_t;


/* The first one that is installed; Plasma goes by the X resources alone. */

static const selkies_agent_desktop_t  selkies_agent_desktops[] = {

    { "startplasma-x11", { { NULL } } },

    { "xfce4-session",
      { { "xfconf-query", "-c", "xsettings", "-p", "/Xft/DPI", "-s", "@dpi",
          "--create", "-t", "int" },
        { "xfconf-query", "-c", "xsettings", "-p", "/Gtk/CursorThemeSize",
          "-s", "@cursor", "--create", "-t", "int" } } },

    { "mate-session",
      { { "gsettings", "set", "org.mate.interface", "window-scaling-factor",
          "@scale" },
        { "gsettings", "set", "org.mate.font-rendering", "dpi", "@dpi" },
        { "gsettings", "set", "org.mate.peripherals-mouse", "cursor-size",
          "@cursor" } } },

    { NULL,
      { { "gsettings", "set", "org.gnome.desktop.interface", "cursor-size",
          "@cursor" } } }
};


void
selkies_agent_dpi(int32_t dpi, int32_t cursor)
{
    size_t                          i;
    const selkies_agent_desktop_t  *desktop;

    for (desktop = selkies_agent_desktops; desktop->program != NULL; desktop++)
    {
        if (selkies_agent_installed(desktop->program)) {
            break;
        }
    }

    for (i = 0; i < SELKIES_AGENT_STEPS && desktop->steps[i][0] != NULL; i++) {
        selkies_agent_step(desktop->steps[i], dpi, cursor);
    }
}


/* What is missing, or has no such setting, changes nothing. */

static void
selkies_agent_step(const char *const *words, int32_t dpi, int32_t cursor)
{
    char    numbers[3][16], error[SELKIES_AGENT_ERROR];
    char   *argv[SELKIES_AGENT_WORDS + 1];
    size_t  i, k;

    static const char *const  names[] = { "@dpi", "@cursor", "@scale" };

    (void) snprintf(numbers[0], sizeof(numbers[0]), "%d", (int) dpi);
    (void) snprintf(numbers[1], sizeof(numbers[1]), "%d", (int) cursor);
    (void) snprintf(numbers[2], sizeof(numbers[2]), "%d",
                    (int) (dpi >= 192 ? dpi / 96 : 1));

    for (i = 0; i < SELKIES_AGENT_WORDS && words[i] != NULL; i++) {
        argv[i] = (char *) words[i];

        for (k = 0; k < 3; k++) {
            if (strcmp(words[i], names[k]) == 0) {
                argv[i] = numbers[k];
            }
        }
    }

    argv[i] = NULL;

    if (selkies_agent_spawn(argv, error) != 0) {
        (void) fprintf(stderr, "selkies-agent: %s\n", error);
    }
}


static int
selkies_agent_installed(const char *program)
{
    int          n;
    char         path[PATH_MAX];
    size_t       len;
    const char  *folder;

    for (folder = getenv("PATH"); folder != NULL; folder += len + 1) {
        len = strcspn(folder, ":");
        n = snprintf(path, sizeof(path), "%.*s/%s", (int) len, folder, program);

        if (n > 0 && (size_t) n < sizeof(path) && access(path, X_OK) == 0) {
            return 1;
        }

        if (folder[len] == '\0') {
            break;
        }
    }

    return 0;
}
