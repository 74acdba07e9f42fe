
/*
 * Copyright (C) ngx_selkies authors
 *
 * Where the screens of one X display lie (protocol.md 7): pure arithmetic.
 *
 * Thread: any.  Ownership: everything is the caller's.
 */


#ifndef SELKIES_LAYOUT_H_INCLUDED
#define SELKIES_LAYOUT_H_INCLUDED


#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>


#define SELKIES_SCREENS_MAX  4      /* "primary", "display2" to "display4" */


typedef enum {
    SELKIES_SIDE_RIGHT = 0,
    SELKIES_SIDE_LEFT,
    SELKIES_SIDE_UP,
    SELKIES_SIDE_DOWN
} selkies_side_t;


/*
 * A screen in pixels.  width and height are what is wanted of it, 0 for one
 * that is not there, and then what it gets: less where the room ends, 0 where
 * there is none.
 */

typedef struct {
    int32_t         width;
    int32_t         height;
    selkies_side_t  side;       /* of those before it; the first has none */
    int32_t         x;          /* out: top left */
    int32_t         y;
} selkies_layout_screen_t;


#pragma GCC visibility push(hidden)


/*
 * Lays n screens out, in their order, each at its side of the rectangle around
 * those before it; nothing is left of or above 0,0.  The rectangle around them
 * all, width x height, is not larger than max_width x max_height, both at
 * least 2.
 */

void selkies_layout(selkies_layout_screen_t *screens, size_t n,
    int32_t max_width, int32_t max_height, int32_t *width, int32_t *height);


/* "primary", "display2" and so on, of a number below SELKIES_SCREENS_MAX. */

const char *selkies_screen_name(uint32_t screen);


/* The number of such a name; false for any other. */

bool selkies_screen_find(const char *name, size_t len, uint32_t *screen);


/* A rectangle in one number, 16 bits a value, and back. */

static inline uint64_t
selkies_area_pack(uint32_t x, uint32_t y, uint32_t width, uint32_t height)
{
    return (uint64_t) (x & 0xffff) << 48 | (uint64_t) (y & 0xffff) << 32
           | (uint64_t) (width & 0xffff) << 16 | (height & 0xffff);
}


static inline int32_t
selkies_area_x(uint64_t area)
{
    return (int32_t) (area >> 48 & 0xffff);
}


static inline int32_t
selkies_area_y(uint64_t area)
{
    return (int32_t) (area >> 32 & 0xffff);
}


static inline int32_t
selkies_area_width(uint64_t area)
{
    return (int32_t) (area >> 16 & 0xffff);
}


static inline int32_t
selkies_area_height(uint64_t area)
{
    return (int32_t) (area & 0xffff);
}


#pragma GCC visibility pop


#endif /* SELKIES_LAYOUT_H_INCLUDED */
