
/*
 * Copyright (C) ngx_selkies authors
 *
 * What screen.c, screen_cursor.c and screen_framebuffer.c share.  Thread and
 * ownership: the display thread's, see screen.h.
 */


#ifndef SELKIES_SCREEN_PRIVATE_H_INCLUDED
#define SELKIES_SCREEN_PRIVATE_H_INCLUDED


#include <X11/extensions/Xdamage.h>
#include <X11/extensions/Xfixes.h>

#include "framebuffer.h"
#include "screen.h"
#include "shm.h"


#define SELKIES_SCREEN_ADDED_MAX  8


typedef enum {
    SELKIES_TIER_FB = 0,
    SELKIES_TIER_PIXMAP,
    SELKIES_TIER_IMAGE
} selkies_tier_t;


typedef struct {
    int                     xi_opcode;      /* 0: not asked; -1: none */

    uint8_t                *pixels;
    size_t                  npixels;        /* room for so many */
    int32_t                 width;          /* 0: nothing to be seen */
    int32_t                 height;
    int32_t                 hot_x;
    int32_t                 hot_y;
    int32_t                 x;              /* of the hot spot */
    int32_t                 y;

    unsigned                watched:1;
    unsigned                shape:1;        /* another one, not asked for */
    unsigned                moved:1;
    unsigned                here:1;         /* on this screen */
} selkies_screen_cursor_t;


struct selkies_screen_s {
    selkies_x11_t           x11;
    Display                *display;
    xcb_connection_t       *xcb;
    Window                  root;
    uint8_t                 depth;
    const selkies_log_t    *log;

    int                     fixes_event;
    int                     damage_event;
    unsigned long           damage_serial;
    uint32_t                damage_ms;      /* see selkies_screen_damage_ms() */
    Damage                  damage;
    XserverRegion           region;
    GC                      gc;

    int32_t                 width;
    int32_t                 height;
    selkies_rect_t          area;           /* of frames; no width: all */

    selkies_tier_t          tier;
    int                     shm_support;
    selkies_framebuffer_t   fb;
    selkies_shm_t           shm;

    unsigned                started:1;
    unsigned                damaged:1;
    unsigned                full:1;
    unsigned                geometry:1;
    unsigned                proven:1;
    unsigned                hidden:1;

    size_t                  nrects;
    selkies_rect_t          rects[SELKIES_SCREEN_RECTS_MAX];

    size_t                  nadded;         /* by selkies_screen_damage() */
    selkies_rect_t          added[SELKIES_SCREEN_ADDED_MAX];

    selkies_screen_cursor_t cursor;
};


#pragma GCC visibility push(hidden)


/* Whether the event was one of the cursor. */

int selkies_screen_cursor_event(selkies_screen_t *screen,
    const XEvent *event);


/* Cuts a rectangle of the screen to the view; 0 when nothing is left. */

int selkies_screen_clip(const selkies_rect_t *view, selkies_rect_t *rect);


/*
 * The pixels of the tier as a frame of the view; from here on the screen's
 * rectangles are told from its corner.
 */

void selkies_screen_fill(selkies_screen_t *screen, selkies_frame_t *frame);


/* The portable tiers: OK, or ERROR where the server has neither. */

selkies_status_t selkies_screen_init_shm(selkies_screen_t *screen);


/*
 * Finds a framebuffer, the one that the operator names or one that the server
 * is found to have, compares it with what the server says, and falls back to
 * init_shm().  OK, ERROR or LOST.
 */

selkies_status_t selkies_screen_init_fb(selkies_screen_t *screen,
    const selkies_screen_conf_t *conf);


/* Gives the framebuffer up, with a line in the log; as init_shm(). */

selkies_status_t selkies_screen_leave_fb(selkies_screen_t *screen,
    const char *why);


/*
 * A blank screen proves nothing about the mapping: until something with two
 * colours was seen equal, what changed is compared.  AGAIN: the tier changed.
 */

selkies_status_t selkies_screen_check(selkies_screen_t *screen);


#pragma GCC visibility pop


#endif /* SELKIES_SCREEN_PRIVATE_H_INCLUDED */
