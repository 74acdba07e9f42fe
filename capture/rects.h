
/*
 * Copyright (C) ngx_selkies authors
 *
 * A short list of rectangles out of a long one.
 *
 * Thread: any.  Ownership: the list is the caller's.
 */


#ifndef SELKIES_RECTS_H_INCLUDED
#define SELKIES_RECTS_H_INCLUDED


#include "capture.h"


#pragma GCC visibility push(hidden)


/* Cuts rect to 0,0 … width,height; 0 when nothing is left. */

int selkies_rect_clip(selkies_rect_t *rect, int32_t width, int32_t height);


/*
 * Adds a rectangle to the *n of at most max (at least 1).  When full the one
 * that grows least by it is made to cover it, so that everything added stays
 * covered and rectangles may overlap.  One that is covered already is not
 * added.
 */

void selkies_rects_add(selkies_rect_t *rects, size_t *n, size_t max,
    const selkies_rect_t *rect);


#pragma GCC visibility pop


#endif /* SELKIES_RECTS_H_INCLUDED */
