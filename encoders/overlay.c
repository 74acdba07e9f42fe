
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * See overlay.h.  The box is what the image covers, in whole macroblocks: no
 * macroblock is converted both with and without the image.
 */


#include <stdlib.h>
#include <string.h>

#include "overlay.h"


#define SELKIES_OVERLAY_RECTS  64       /* converted at once */


/* Rectangles on their way into the conversion. */

typedef struct {
    selkies_picture_t  *pic;
    selkies_frame_t     frame;
    selkies_rect_t      rects[SELKIES_OVERLAY_RECTS];
    size_t              changed;
} selkies_overlay_batch_t;


static int32_t selkies_overlay_bounce(int32_t at, int32_t *step,
    int32_t image, int32_t picture);
static int selkies_overlay_box(const selkies_overlay_t *overlay,
    const selkies_frame_t *frame, selkies_rect_t *box);
static int selkies_overlay_scratch(selkies_overlay_t *overlay,
    const selkies_rect_t *box);
static void selkies_overlay_around(selkies_overlay_batch_t *batch,
    const selkies_rect_t *rect, const selkies_rect_t *box);
static int selkies_overlay_inside(const selkies_rect_t *rect,
    const selkies_rect_t *box, selkies_rect_t *part);
static void selkies_overlay_blend(const selkies_overlay_t *overlay,
    const selkies_frame_t *frame, const selkies_rect_t *box,
    const selkies_rect_t *part);
static void selkies_overlay_add(selkies_overlay_batch_t *batch, int32_t left,
    int32_t top, int32_t right, int32_t bottom);
static void selkies_overlay_flush(selkies_overlay_batch_t *batch);


void
selkies_overlay_place(selkies_overlay_t *overlay, const selkies_image_t *image,
    selkies_overlay_place_t place, int32_t width, int32_t height)
{
    int32_t  x, y, right, bottom;

    overlay->image = (place == SELKIES_OVERLAY_NONE) ? NULL : image;
    overlay->place = place;
    overlay->width = width;
    overlay->height = height;

    if (overlay->image == NULL) {
        return;
    }

    x = SELKIES_OVERLAY_MARGIN;
    y = SELKIES_OVERLAY_MARGIN;
    right = width - image->width - SELKIES_OVERLAY_MARGIN;
    bottom = height - image->height - SELKIES_OVERLAY_MARGIN;

    switch (place) {

    case SELKIES_OVERLAY_TOP_LEFT:
        break;

    case SELKIES_OVERLAY_TOP_RIGHT:
        x = right;
        break;

    case SELKIES_OVERLAY_BOTTOM_LEFT:
        y = bottom;
        break;

    case SELKIES_OVERLAY_CENTRE:
        x = (width - image->width) / 2;
        y = (height - image->height) / 2;
        break;

    case SELKIES_OVERLAY_MOVING:
        x = 0;
        y = 0;
        break;

    default:
        x = right;
        y = bottom;
    }

    overlay->x = x > 0 ? x : 0;
    overlay->y = y > 0 ? y : 0;
    overlay->dx = SELKIES_OVERLAY_STEP;
    overlay->dy = SELKIES_OVERLAY_STEP;
}


void
selkies_overlay_finish(selkies_overlay_t *overlay)
{
    free(overlay->scratch);
    memset(overlay, 0, sizeof(selkies_overlay_t));
}


uint64_t
selkies_overlay_deadline_us(const selkies_overlay_t *overlay)
{
    if (overlay->image == NULL || overlay->place != SELKIES_OVERLAY_MOVING
        || (overlay->width <= overlay->image->width
            && overlay->height <= overlay->image->height))
    {
        return SELKIES_OVERLAY_NEVER;
    }

    return overlay->moved_us + SELKIES_OVERLAY_STEP_US;
}


int
selkies_overlay_move(selkies_overlay_t *overlay, uint64_t now_us,
    selkies_rect_t *damage)
{
    int32_t  x, y;

    if (now_us < selkies_overlay_deadline_us(overlay)) {
        return 0;
    }

    x = overlay->x;
    y = overlay->y;

    overlay->moved_us = now_us;
    overlay->x = selkies_overlay_bounce(x, &overlay->dx, overlay->image->width,
                                        overlay->width);
    overlay->y = selkies_overlay_bounce(y, &overlay->dy,
                                        overlay->image->height,
                                        overlay->height);

    damage->x = x < overlay->x ? x : overlay->x;
    damage->y = y < overlay->y ? y : overlay->y;
    damage->width = overlay->image->width + abs(overlay->x - x);
    damage->height = overlay->image->height + abs(overlay->y - y);

    return 1;
}


static int32_t
selkies_overlay_bounce(int32_t at, int32_t *step, int32_t image,
    int32_t picture)
{
    if (picture <= image) {
        return 0;
    }

    at += *step;

    if (at <= 0) {
        at = 0;
        *step = SELKIES_OVERLAY_STEP;

    } else if (at >= picture - image) {
        at = picture - image;
        *step = -SELKIES_OVERLAY_STEP;
    }

    return at;
}


size_t
selkies_overlay_convert(selkies_overlay_t *overlay, selkies_picture_t *pic,
    const selkies_frame_t *frame)
{
    size_t                   i, stride;
    selkies_rect_t           box, part;
    selkies_overlay_batch_t  batch, inside;

    if (!selkies_overlay_box(overlay, frame, &box)
        || !selkies_overlay_scratch(overlay, &box))
    {
        return selkies_convert(pic, frame);
    }

    stride = (size_t) box.width * 4;

    batch.pic = pic;
    batch.changed = 0;
    batch.frame = *frame;
    batch.frame.rects = batch.rects;
    batch.frame.nrects = 0;

    /* the copy stands where the box is on a screen that has nothing else */

    inside = batch;
    inside.frame.rects = inside.rects;
    inside.frame.stride_bytes = stride;
    inside.frame.pixels = overlay->scratch - (size_t) box.y * stride
                          - (size_t) box.x * 4;

    for (i = 0; i < frame->nrects; i++) {
        selkies_overlay_around(&batch, &frame->rects[i], &box);

        if (selkies_overlay_inside(&frame->rects[i], &box, &part)) {
            selkies_overlay_blend(overlay, frame, &box, &part);
            selkies_overlay_add(&inside, part.x, part.y, part.x + part.width,
                                part.y + part.height);
        }
    }

    selkies_overlay_flush(&batch);
    selkies_overlay_flush(&inside);

    return batch.changed + inside.changed;
}


int
selkies_overlay_lines(const selkies_overlay_t *overlay,
    const selkies_frame_t *frame, int32_t y, int32_t height, int32_t width,
    uint8_t *out)
{
    selkies_rect_t     lines;
    selkies_overlay_t  to;

    if (overlay->image == NULL || overlay->y >= y + height
        || overlay->y + overlay->image->height <= y)
    {
        return 0;
    }

    lines.x = 0;
    lines.y = y;
    lines.width = width;
    lines.height = height;

    to = *overlay;
    to.scratch = out;

    selkies_overlay_blend(&to, frame, &lines, &lines);

    return 1;
}


/* 0 where the image is not on the frame. */

static int
selkies_overlay_box(const selkies_overlay_t *overlay,
    const selkies_frame_t *frame, selkies_rect_t *box)
{
    int32_t  right, bottom;

    if (overlay->image == NULL) {
        return 0;
    }

    right = (overlay->x + overlay->image->width + 15) & ~15;
    bottom = (overlay->y + overlay->image->height + 15) & ~15;

    right = right < frame->width ? right : frame->width;
    bottom = bottom < frame->height ? bottom : frame->height;

    box->x = overlay->x & ~15;
    box->y = overlay->y & ~15;
    box->width = right - box->x;
    box->height = bottom - box->y;

    return box->width > 0 && box->height > 0;
}


static int
selkies_overlay_scratch(selkies_overlay_t *overlay, const selkies_rect_t *box)
{
    size_t    bytes;
    uint8_t  *scratch;

    bytes = (size_t) box->width * (size_t) box->height * 4;

    if (bytes <= overlay->scratch_bytes) {
        return 1;
    }

    scratch = malloc(bytes);

    if (scratch == NULL) {
        return 0;
    }

    free(overlay->scratch);
    overlay->scratch = scratch;
    overlay->scratch_bytes = bytes;

    return 1;
}


/* What of the rectangle is above, left of, right of and below the box. */

static void
selkies_overlay_around(selkies_overlay_batch_t *batch,
    const selkies_rect_t *rect, const selkies_rect_t *box)
{
    int32_t  left, top, right, bottom, box_right, box_bottom, upper, lower;

    left = rect->x;
    top = rect->y;
    right = rect->x + rect->width;
    bottom = rect->y + rect->height;
    box_right = box->x + box->width;
    box_bottom = box->y + box->height;

    if (left >= box_right || right <= box->x || top >= box_bottom
        || bottom <= box->y)
    {
        selkies_overlay_add(batch, left, top, right, bottom);
        return;
    }

    upper = top > box->y ? top : box->y;
    lower = bottom < box_bottom ? bottom : box_bottom;

    selkies_overlay_add(batch, left, top, right, upper);
    selkies_overlay_add(batch, left, upper, box->x, lower);
    selkies_overlay_add(batch, box_right, upper, right, lower);
    selkies_overlay_add(batch, left, lower, right, bottom);
}


/*
 * What of it is in the box, grown to even sides: a chroma sample is made of
 * 2x2 pixels, and all four have to be in the copy.
 */

static int
selkies_overlay_inside(const selkies_rect_t *rect, const selkies_rect_t *box,
    selkies_rect_t *part)
{
    int32_t  right, bottom;

    part->x = (rect->x > box->x ? rect->x : box->x) & ~1;
    part->y = (rect->y > box->y ? rect->y : box->y) & ~1;

    right = (rect->x + rect->width + 1) & ~1;
    bottom = (rect->y + rect->height + 1) & ~1;

    if (right > box->x + box->width) {
        right = box->x + box->width;
    }

    if (bottom > box->y + box->height) {
        bottom = box->y + box->height;
    }

    part->width = right - part->x;
    part->height = bottom - part->y;

    return part->width > 0 && part->height > 0;
}


static void
selkies_overlay_blend(const selkies_overlay_t *overlay,
    const selkies_frame_t *frame, const selkies_rect_t *box,
    const selkies_rect_t *part)
{
    int32_t                 x, y, c, left, right;
    uint32_t                rest;
    uint8_t                *out;
    const uint8_t          *in, *over;
    const selkies_image_t  *image = overlay->image;

    left = part->x > overlay->x ? part->x : overlay->x;
    right = overlay->x + image->width;

    if (right > part->x + part->width) {
        right = part->x + part->width;
    }

    for (y = part->y; y < part->y + part->height; y++) {
        in = frame->pixels + (size_t) y * frame->stride_bytes
             + (size_t) part->x * 4;
        out = overlay->scratch
              + ((size_t) (y - box->y) * (size_t) box->width
                 + (size_t) (part->x - box->x)) * 4;

        memcpy(out, in, (size_t) part->width * 4);

        if (y < overlay->y || y >= overlay->y + image->height) {
            continue;
        }

        for (x = left; x < right; x++) {
            over = image->pixels
                   + ((size_t) (y - overlay->y) * (size_t) image->width
                      + (size_t) (x - overlay->x)) * 4;
            rest = 255u - over[3];

            for (c = 0; c < 3; c++) {
                in = out + (size_t) (x - part->x) * 4 + c;
                out[(size_t) (x - part->x) * 4 + (size_t) c] =
                    (uint8_t) (over[c] + (*in * rest + 127) / 255);
            }
        }
    }
}


static void
selkies_overlay_add(selkies_overlay_batch_t *batch, int32_t left, int32_t top,
    int32_t right, int32_t bottom)
{
    selkies_rect_t  *rect;

    if (left >= right || top >= bottom) {
        return;
    }

    if (batch->frame.nrects == SELKIES_OVERLAY_RECTS) {
        selkies_overlay_flush(batch);
    }

    rect = &batch->rects[batch->frame.nrects++];
    rect->x = left;
    rect->y = top;
    rect->width = right - left;
    rect->height = bottom - top;
}


static void
selkies_overlay_flush(selkies_overlay_batch_t *batch)
{
    if (batch->frame.nrects != 0) {
        batch->changed += selkies_convert(batch->pic, &batch->frame);
        batch->frame.nrects = 0;
    }
}
