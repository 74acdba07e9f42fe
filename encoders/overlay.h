
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * An image laid over the screen while it is converted: a watermark.  Only
 * what the damage touches is blended, in a copy of these macroblocks; the
 * screen itself is never written.
 *
 * Thread: the owner's, one at a time.  Ownership: the image is the caller's
 * and must outlive the overlay; everything else belongs to the overlay.
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


typedef struct {
    const selkies_image_t    *image;
    selkies_overlay_place_t   place;

    int32_t                   width;        /* of the picture */
    int32_t                   height;
    int32_t                   x;            /* of the image */
    int32_t                   y;
    int32_t                   dx;
    int32_t                   dy;
    uint64_t                  moved_us;

    uint8_t                  *scratch;      /* the macroblocks it lies on */
    size_t                    scratch_bytes;
} selkies_overlay_t;


/*
 * Places the image, which may be NULL for none, on a picture of this size; to
 * be called again for another size.  An image larger than the picture is cut.
 */

void selkies_overlay_place(selkies_overlay_t *overlay,
    const selkies_image_t *image, selkies_overlay_place_t place,
    int32_t width, int32_t height);


/* Frees what belongs to the overlay and zeroes it. */

void selkies_overlay_finish(selkies_overlay_t *overlay);


/*
 * Moves an image that moves, if it is time; `damage` is then what has to be
 * converted anew, the old place and the new one, and 1 is returned.  Anything
 * may have been drawn there.
 */

int selkies_overlay_move(selkies_overlay_t *overlay, uint64_t now_us,
    selkies_rect_t *damage);


/* When move() wants to be called; SELKIES_OVERLAY_NEVER. */

uint64_t selkies_overlay_deadline_us(const selkies_overlay_t *overlay);


/*
 * selkies_convert(), with the image over it.  Where there is no memory for
 * the copy the image is left out.
 */

size_t selkies_overlay_convert(selkies_overlay_t *overlay,
    selkies_picture_t *pic, const selkies_frame_t *frame);


/*
 * Copies lines y to y + height of the frame, `width` pixels of each and no
 * gap between them, with the image over them, for who does not convert.  1;
 * or 0, and no copy, where the image does not touch these lines.
 */

int selkies_overlay_lines(const selkies_overlay_t *overlay,
    const selkies_frame_t *frame, int32_t y, int32_t height, int32_t width,
    uint8_t *out);


#pragma GCC visibility pop


#endif /* SELKIES_OVERLAY_H_INCLUDED */
