
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * A line of text as an image to lay over the picture: half-transparent white
 * in a darker rim, so that it is read on any ground.
 *
 * Glyphs come one by one from left to right: no ligatures, no right-to-left.
 * A character that no font has is a box.  Faces are opened when a text first
 * needs them, and stay open.
 *
 * Thread: a label belongs to one thread at a time.  Ownership: the fonts are
 * the caller's and must outlive the label; an image is the caller's.
 */


#ifndef SELKIES_LABEL_H_INCLUDED
#define SELKIES_LABEL_H_INCLUDED


#include <stddef.h>
#include <stdint.h>

#include "fonts.h"
#include "image.h"


#define SELKIES_LABEL_CHARACTERS  128       /* more are cut off */


#pragma GCC visibility push(hidden)


typedef struct selkies_label_s  selkies_label_t;


/* NULL if there is no memory; NULL may be closed. */

selkies_label_t *selkies_label_open(const selkies_fonts_t *fonts);
void selkies_label_close(selkies_label_t *label);


/* The size of text, in pixels, for a picture of this height. */

uint32_t selkies_label_size(int32_t picture_height);


/*
 * Draws UTF-8 text of `size` pixels, 4 to 256, into an image made anew, its
 * old pixels freed.  Whatever bytes may come: what is no UTF-8 becomes a
 * replacement character, blanks of any kind one space, and what controls a
 * terminal or the direction of writing goes.  A text wider than width_max ends
 * in an ellipsis.
 *
 * OK, also for a text without a visible character, when the image is zeroed;
 * or ERROR: no font can be used, or there is no memory; the image is zeroed.
 */

selkies_status_t selkies_label_draw(selkies_label_t *label,
    const uint8_t *text, size_t len, uint32_t size, int32_t width_max,
    selkies_image_t *image);


#pragma GCC visibility pop


#endif /* SELKIES_LABEL_H_INCLUDED */
