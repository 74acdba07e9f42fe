
/*
 * Copyright (C) ngx_selkies authors
 *
 * The framebuffer tier of a screen: finding it, believing it, leaving it.
 *
 * Thread and ownership: the display thread's, see screen.h.
 */


#include "screen_private.h"


/* Segments of one server that are looked at. */

#define SELKIES_SCREEN_SEGMENTS     8


static const char *selkies_screen_try_fb(selkies_screen_t *screen);
static void selkies_screen_drop_fb(selkies_screen_t *screen);


/* What the operator names, else what the server is found to have. */

selkies_status_t
selkies_screen_init_fb(selkies_screen_t *screen,
    const selkies_screen_conf_t *conf)
{
    int          anybody, ids[SELKIES_SCREEN_SEGMENTS];
    size_t       i, n;
    const char  *why;

    anybody = (conf->mode == SELKIES_CAPTURE_FB);

    if (conf->framebuffer_fd != -1) {
        why = selkies_framebuffer_map(&screen->fb, conf->framebuffer_fd,
                                      DefaultScreen(screen->display), anybody);
        if (why == NULL) {
            why = selkies_screen_try_fb(screen);
        }

        if (selkies_x11_lost(&screen->x11)) {
            return SELKIES_LOST;
        }

        return why ? selkies_screen_leave_fb(screen, why) : SELKIES_OK;
    }

    n = selkies_framebuffer_segments(&screen->x11, anybody, ids,
                                     SELKIES_SCREEN_SEGMENTS);

    for (i = 0; i < n; i++) {

        if (selkies_framebuffer_attach(&screen->fb, ids[i]) != NULL) {
            continue;
        }

        why = selkies_screen_try_fb(screen);

        if (selkies_x11_lost(&screen->x11)) {
            return SELKIES_LOST;
        }

        if (why == NULL) {
            return SELKIES_OK;
        }

        selkies_screen_drop_fb(screen);
    }

    return selkies_screen_init_shm(screen);
}


static const char *
selkies_screen_try_fb(selkies_screen_t *screen)
{
    int32_t          i;
    selkies_probe_t  probe;
    selkies_rect_t   lines[SELKIES_FRAMEBUFFER_PROBES];

    screen->tier = SELKIES_TIER_FB;

    /* else the software cursor is in the picture */

    XFixesHideCursor(screen->display, screen->root);
    screen->hidden = 1;

    for (i = 0; i < SELKIES_FRAMEBUFFER_PROBES; i++) {
        lines[i].x = 0;
        lines[i].y = (int32_t) ((int64_t) screen->height * i
                                / SELKIES_FRAMEBUFFER_PROBES);
        lines[i].width = screen->width;
        lines[i].height = 1;
    }

    probe = selkies_framebuffer_probe(&screen->fb, &screen->x11, lines,
                                      SELKIES_FRAMEBUFFER_PROBES);
    screen->proven = (probe == SELKIES_PROBE_PROVEN);

    return (probe == SELKIES_PROBE_WRONG) ? "does not show this screen" : NULL;
}


selkies_status_t
selkies_screen_leave_fb(selkies_screen_t *screen, const char *why)
{
    selkies_log(screen->log, SELKIES_LOG_WARN, "the framebuffer file of "
                "display %s %s: using shared memory instead",
                DisplayString(screen->display), why);

    selkies_screen_drop_fb(screen);

    return selkies_screen_init_shm(screen);
}


static void
selkies_screen_drop_fb(selkies_screen_t *screen)
{
    selkies_framebuffer_unmap(&screen->fb);

    if (screen->hidden) {
        XFixesShowCursor(screen->display, screen->root);
        screen->hidden = 0;
    }
}


selkies_status_t
selkies_screen_check(selkies_screen_t *screen)
{
    int32_t           i;
    selkies_rect_t    lines[2];
    selkies_probe_t   probe;
    selkies_status_t  status;

    /* whole lines: what is drawn often differs only from what is beside it */

    for (i = 0; i < 2; i++) {
        lines[i].x = 0;
        lines[i].y = screen->rects[0].y + screen->rects[0].height * i / 2;
        lines[i].width = screen->width;
        lines[i].height = 1;
    }

    probe = selkies_framebuffer_probe(&screen->fb, &screen->x11, lines, 2);

    if (selkies_x11_lost(&screen->x11)) {
        return SELKIES_LOST;
    }

    if (probe == SELKIES_PROBE_WRONG) {
        status = selkies_screen_leave_fb(screen, "does not show this screen");
        return (status == SELKIES_OK) ? SELKIES_AGAIN : status;
    }

    screen->proven = (probe == SELKIES_PROBE_PROVEN);

    return SELKIES_OK;
}
