
/*
 * Copyright (C) ngx_selkies authors
 *
 * The pixels of an X screen: what changed (XDamage), and where to read it
 * (encoding.md 5.2).
 *
 * Thread: everything here belongs to the display thread, which owns the
 * object; other threads reach it only through conf.interrupt (x11.h).
 */


#ifndef SELKIES_SCREEN_H_INCLUDED
#define SELKIES_SCREEN_H_INCLUDED


#include <stdbool.h>

#include "capture.h"
#include "x11.h"


#pragma GCC visibility push(hidden)


/* After merging an acquired frame has at most so many rectangles. */

#define SELKIES_SCREEN_RECTS_MAX  64


/* What selkies_screen_dispatch() returns, or-ed. */

#define SELKIES_SCREEN_DAMAGE     0x01      /* until acquired */
#define SELKIES_SCREEN_GEOMETRY   0x02      /* until the size was asked for */
#define SELKIES_SCREEN_LOST       0x04      /* close, open a new one later */
#define SELKIES_SCREEN_CURSOR     0x08      /* until the cursor was asked for */


/* A cursor with a longer side, in pixels, is not handed out. */

#define SELKIES_SPRITE_SIDE_MAX   1024


typedef enum {
    SELKIES_CAPTURE_AUTO = 0,       /* the best that works */
    SELKIES_CAPTURE_FB,             /* the same, a framebuffer of any uid */
    SELKIES_CAPTURE_SHM,            /* shared pixmap, else as IMAGE */
    SELKIES_CAPTURE_IMAGE           /* MIT-SHM images of row bands */
} selkies_capture_mode_t;


/*
 * framebuffer_fd is -1, a readable descriptor of the sealed memfd that Xvfb
 * uses as its framebuffer file (platform.md 4.4), or what
 * selkies_framebuffer_folder() returned for the folder of that file; it stays
 * the caller's and open while the screen is.  Without one, the server is asked
 * for a System V segment.  The strings are needed during open only.
 */

typedef struct {
    const char               *display;
    const char               *xauthority;
    selkies_x11_interrupt_t  *interrupt;
    int                       framebuffer_fd;
    selkies_capture_mode_t    mode;
} selkies_screen_conf_t;


typedef struct selkies_screen_s  selkies_screen_t;


/*
 * The cursor as it is to be drawn: B G R A, the colours multiplied by alpha,
 * rows without a gap; NULL where there is none.  x and y are its top left
 * corner in frames, the hot spot subtracted, and may be outside.  The
 * pixels are the screen's, valid until the next selkies_screen_cursor().
 */

typedef struct {
    uint8_t    *pixels;
    int32_t     width;
    int32_t     height;
    int32_t     x;
    int32_t     y;
} selkies_sprite_t;


/*
 * NULL: cannot connect now (nothing logged, errno as selkies_x11_open() sets
 * it), or the server lacks what capture needs (one line logged).  Both may
 * change: retry later.  log may be NULL and must outlive the screen.  The
 * screen is stopped after open.
 */

selkies_screen_t *selkies_screen_open(const selkies_screen_conf_t *conf,
    const selkies_log_t *log);

/* NULL is allowed.  Frames are invalid afterwards. */

void selkies_screen_close(selkies_screen_t *screen);


/* To be polled for reading, see selkies_screen_dispatch(). */

int selkies_screen_fd(const selkies_screen_t *screen);


/*
 * What the caller must look after; never waits.  Xlib reads events ahead, so
 * that the descriptor may be silent while events wait inside: call this
 * before every poll(), and after it.  Bits stay up until their cause is
 * handled, so that they may be left for later.
 */

unsigned selkies_screen_dispatch(selkies_screen_t *screen);


/*
 * A round trip: what the server has done by now, at the request of whomever,
 * is in the next dispatch, a change of size in particular.
 */

void selkies_screen_sync(selkies_screen_t *screen);


/*
 * The server's time, in milliseconds that wrap, of the first damage since the
 * last was acquired.  False where no report of damage has come since then.
 */

bool selkies_screen_damage_ms(const selkies_screen_t *screen,
    uint32_t *damage_ms);


/*
 * The size of the X screen in pixels, possibly odd, as it was at the last
 * dispatch; takes SELKIES_SCREEN_GEOMETRY down.  OK or LOST.
 */

selkies_status_t selkies_screen_size(selkies_screen_t *screen, int32_t *width,
    int32_t *height);


/*
 * Frames are of this part of the screen from now on, which counts as damaged;
 * NULL, or one without pixels: of all of it.  Rectangles and cursor are told
 * from its corner.
 */

void selkies_screen_crop(selkies_screen_t *screen, const selkies_rect_t *area);


/* What frames show, in pixels of the screen: the part that is inside of it. */

void selkies_screen_view(const selkies_screen_t *screen,
    selkies_rect_t *view);


/*
 * Starts and stops the reports of damage: a stopped screen wakes nobody but
 * for a change of geometry.  After start the whole screen counts as damaged.
 * Both may be repeated.  start: OK, ERROR or LOST.
 */

selkies_status_t selkies_screen_start(selkies_screen_t *screen);
void selkies_screen_stop(selkies_screen_t *screen);


/*
 * Takes the damage so far and makes these pixels current; at most one round
 * trip to the server.  OK: frame is filled, until selkies_screen_release().
 * Its rectangles may overlap.  AGAIN: nothing was damaged.  REINIT: the size
 * changed and was not asked for yet.  LOST, ERROR.  Nothing is lost when it
 * is not OK: the damage is still to be acquired.
 */

selkies_status_t selkies_screen_acquire(selkies_screen_t *screen,
    selkies_frame_t *frame);
void selkies_screen_release(selkies_screen_t *screen);


/* The whole screen counts as damaged; for a consumer that starts anew. */

void selkies_screen_damage_all(selkies_screen_t *screen);


/*
 * This part of frames does, for who lays something over the picture; what is
 * outside of them is left out.  With no other damage acquire() then asks
 * the server nothing.
 */

void selkies_screen_damage(selkies_screen_t *screen,
    const selkies_rect_t *rect);


/*
 * Starts and stops the reports of the cursor, SELKIES_SCREEN_CURSOR; after a
 * start there is one.  May be repeated.  Stopping the screen stops them too.
 */

void selkies_screen_watch_cursor(selkies_screen_t *screen, int on);


/*
 * The cursor now, while it is watched; takes SELKIES_SCREEN_CURSOR down.  One
 * round trip.  OK: sprite is filled.  AGAIN: it is as it was.  LOST.
 */

selkies_status_t selkies_screen_cursor(selkies_screen_t *screen,
    selkies_sprite_t *sprite);


/* How pixels are read now: "framebuffer", "shared pixmap" or "shm image". */

const char *selkies_screen_tier(const selkies_screen_t *screen);


#pragma GCC visibility pop


#endif /* SELKIES_SCREEN_H_INCLUDED */
