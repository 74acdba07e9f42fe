
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Images laid over the screen while it is converted: watermarks and the
 * cursor.  Only what the damage touches is blended, in a copy of these
 * macroblocks; the screen itself is never written.
 *
 * Thread: the owner's, one at a time.  Ownership: images are the caller's and
 * must outlive their place in the overlay; everything else belongs to the
 * overlay, which begins zeroed.
 */


#ifndef SELKIES_OVERLAY_H_INCLUDED
#define SELKIES_OVERLAY_H_INCLUDED


#include "../capture/capture.h"
#include "convert.h"
#include "image.h"


#define SELKIES_OVERLAY_MARGIN   16         /* pixels to the screen's edge */
#define SELKIES_OVERLAY_STEP_US  33333      /* of what moves */
#define SELKIES_OVERLAY_STEP     2          /* pixels */
#define SELKIES_OVERLAY_NEVER    UINT64_MAX


#pragma GCC visibility push(hidden)


/* Places as the wire numbers them, encoding.md 5.14. */

typedef enum {
    SELKIES_OVERLAY_NONE = 0,
    SELKIES_OVERLAY_TOP_LEFT,
    SELKIES_OVERLAY_TOP_RIGHT,
    SELKIES_OVERLAY_BOTTOM_LEFT,
    SELKIES_OVERLAY_BOTTOM_RIGHT,
    SELKIES_OVERLAY_CENTRE,
    SELKIES_OVERLAY_MOVING
} selkies_overlay_place_t;


/* From the lowest up. */

typedef enum {
    SELKIES_OVERLAY_CURSOR = 0,
    SELKIES_OVERLAY_IMAGE,
    SELKIES_OVERLAY_TEXT,
    SELKIES_OVERLAY_LAYERS
} selkies_overlay_layer_e;


#define SELKIES_OVERLAY_RECTS_MAX  (2 * SELKIES_OVERLAY_LAYERS)


typedef struct {
    const selkies_image_t    *image;        /* NULL: none */
    selkies_overlay_place_t   place;        /* NONE: where it was put */

    int32_t                   x;            /* of the image, also outside */
    int32_t                   y;
    int32_t                   dx;
    int32_t                   dy;
    uint64_t                  moved_us;

    selkies_rect_t            shown;        /* told last; no width: nothing */
    unsigned                  changed:1;    /* since it was told */
} selkies_overlay_layer_t;


typedef struct {
    selkies_overlay_layer_t   layers[SELKIES_OVERLAY_LAYERS];

    int32_t                   width;        /* of the picture */
    int32_t                   height;

    uint8_t                  *scratch;      /* the macroblocks they lie on */
    size_t                    scratch_bytes;
} selkies_overlay_t;


/*
 * The size of the picture, in pixels; what has a place takes it anew, and all
 * that is to be seen counts as changed.
 */

void selkies_overlay_resize(selkies_overlay_t *overlay, int32_t width,
    int32_t height);


/*
 * Lays an image, which may be NULL for none, at a place of the picture.  One
 * larger than the picture is cut.  To be called again when its pixels have
 * changed.
 */

void selkies_overlay_place(selkies_overlay_t *overlay,
    selkies_overlay_layer_e layer, const selkies_image_t *image,
    selkies_overlay_place_t place);


/* The same for a corner at x, y, of which any are allowed. */

void selkies_overlay_put(selkies_overlay_t *overlay,
    selkies_overlay_layer_e layer, const selkies_image_t *image, int32_t x,
    int32_t y);


/* Frees what belongs to the overlay and zeroes it. */

void selkies_overlay_finish(selkies_overlay_t *overlay);


/* Whether there is an image at all. */

int selkies_overlay_used(const selkies_overlay_t *overlay);


/* Moves what moves, if it is time. */

void selkies_overlay_move(selkies_overlay_t *overlay, uint64_t now_us);


/* When move() wants to be called; SELKIES_OVERLAY_NEVER. */

uint64_t selkies_overlay_deadline_us(const selkies_overlay_t *overlay);


/*
 * What has to be converted anew since the last call: where images were and
 * where they are, inside of the picture, at most SELKIES_OVERLAY_RECTS_MAX.
 */

size_t selkies_overlay_damage(selkies_overlay_t *overlay,
    selkies_rect_t *rects);


/*
 * selkies_convert(), with the images over it.  Where there is no memory for
 * the copy they are left out.
 */

size_t selkies_overlay_convert(selkies_overlay_t *overlay,
    selkies_picture_t *pic, const selkies_frame_t *frame);


/*
 * Copies lines y to y + height of the frame, `width` pixels of each and no
 * gap between them, with the images over them, for who does not convert.  1;
 * or 0, and no copy, where no image touches these lines.
 */

int selkies_overlay_lines(const selkies_overlay_t *overlay,
    const selkies_frame_t *frame, int32_t y, int32_t height, int32_t width,
    uint8_t *out);


#pragma GCC visibility pop


#endif /* SELKIES_OVERLAY_H_INCLUDED */
