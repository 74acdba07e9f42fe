
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * See overlay.h.  A box is what images cover, in whole macroblocks: no
 * macroblock is converted both with and without them.  Boxes that meet become
 * one, so that no pixel is in two.
 */


#include <stdlib.h>
#include <string.h>

#include "overlay.h"


#define SELKIES_OVERLAY_BATCH  64       /* rectangles converted at once */


/* Rectangles on their way into the conversion. */

typedef struct {
    selkies_picture_t  *pic;
    selkies_frame_t     frame;
    selkies_rect_t      rects[SELKIES_OVERLAY_BATCH];
    size_t              changed;
} selkies_overlay_batch_t;


/* A box, and the copy of what is in it. */

typedef struct {
    selkies_rect_t      rect;
    uint8_t            *pixels;
} selkies_overlay_box_t;


static void selkies_overlay_find_place(const selkies_overlay_t *overlay,
    selkies_overlay_layer_t *layer);
static uint64_t selkies_overlay_layer_us(const selkies_overlay_t *overlay,
    const selkies_overlay_layer_t *layer);
static int32_t selkies_overlay_bounce(int32_t at, int32_t *step,
    int32_t image, int32_t picture);
static void selkies_overlay_extent(const selkies_overlay_layer_t *layer,
    int32_t width, int32_t height, selkies_rect_t *rect);
static size_t selkies_overlay_boxes(const selkies_overlay_t *overlay,
    const selkies_frame_t *frame, selkies_overlay_box_t *boxes);
static int selkies_overlay_meet(const selkies_rect_t *a,
    const selkies_rect_t *b);
static void selkies_overlay_cover(selkies_rect_t *rect,
    const selkies_rect_t *other);
static int selkies_overlay_scratch(selkies_overlay_t *overlay,
    selkies_overlay_box_t *boxes, size_t n);
static void selkies_overlay_around(selkies_overlay_batch_t *batch,
    const selkies_rect_t *rect, const selkies_overlay_box_t *boxes, size_t n);
static int selkies_overlay_inside(const selkies_rect_t *rect,
    const selkies_rect_t *box, selkies_rect_t *part);
static void selkies_overlay_blend(const selkies_overlay_t *overlay,
    const selkies_frame_t *frame, const selkies_overlay_box_t *box,
    const selkies_rect_t *part);
static void selkies_overlay_blend_layer(const selkies_overlay_layer_t *layer,
    const selkies_overlay_box_t *box, const selkies_rect_t *part);
static void selkies_overlay_add(selkies_overlay_batch_t *batch, int32_t left,
    int32_t top, int32_t right, int32_t bottom);
static void selkies_overlay_flush(selkies_overlay_batch_t *batch);


void
selkies_overlay_resize(selkies_overlay_t *overlay, int32_t width,
    int32_t height)
{
    size_t                    i;
    selkies_overlay_layer_t  *layer;

    overlay->width = width;
    overlay->height = height;

    for (i = 0; i < SELKIES_OVERLAY_LAYERS; i++) {
        layer = &overlay->layers[i];
        layer->shown.width = 0;

        if (layer->image != NULL) {
            layer->changed = 1;

            if (layer->place != SELKIES_OVERLAY_NONE) {
                selkies_overlay_find_place(overlay, layer);
            }
        }
    }
}


void
selkies_overlay_place(selkies_overlay_t *overlay,
    selkies_overlay_layer_e layer, const selkies_image_t *image,
    selkies_overlay_place_t place)
{
    unsigned                  moves;
    selkies_overlay_layer_t  *to;

    to = &overlay->layers[layer];

    /* another text goes on from where the last one was */

    moves = to->image != NULL && to->place == place
            && place == SELKIES_OVERLAY_MOVING;

    to->image = (place == SELKIES_OVERLAY_NONE) ? NULL : image;
    to->place = place;
    to->changed = 1;

    if (to->image != NULL && !moves) {
        selkies_overlay_find_place(overlay, to);
    }
}


void
selkies_overlay_put(selkies_overlay_t *overlay, selkies_overlay_layer_e layer,
    const selkies_image_t *image, int32_t x, int32_t y)
{
    selkies_overlay_layer_t  *to;

    to = &overlay->layers[layer];

    to->image = image;
    to->place = SELKIES_OVERLAY_NONE;
    to->changed = 1;
    to->x = x;
    to->y = y;
}


static void
selkies_overlay_find_place(const selkies_overlay_t *overlay,
    selkies_overlay_layer_t *layer)
{
    int32_t                 x, y, right, bottom;
    const selkies_image_t  *image = layer->image;

    x = SELKIES_OVERLAY_MARGIN;
    y = SELKIES_OVERLAY_MARGIN;
    right = overlay->width - image->width - SELKIES_OVERLAY_MARGIN;
    bottom = overlay->height - image->height - SELKIES_OVERLAY_MARGIN;

    switch (layer->place) {

    case SELKIES_OVERLAY_TOP_LEFT:
        break;

    case SELKIES_OVERLAY_TOP_RIGHT:
        x = right;
        break;

    case SELKIES_OVERLAY_BOTTOM_LEFT:
        y = bottom;
        break;

    case SELKIES_OVERLAY_CENTRE:
        x = (overlay->width - image->width) / 2;
        y = (overlay->height - image->height) / 2;
        break;

    case SELKIES_OVERLAY_MOVING:
        x = 0;
        y = 0;
        break;

    default:
        x = right;
        y = bottom;
    }

    layer->x = x > 0 ? x : 0;
    layer->y = y > 0 ? y : 0;
    layer->dx = SELKIES_OVERLAY_STEP;
    layer->dy = SELKIES_OVERLAY_STEP;
}


void
selkies_overlay_finish(selkies_overlay_t *overlay)
{
    free(overlay->scratch);
    memset(overlay, 0, sizeof(selkies_overlay_t));
}


int
selkies_overlay_used(const selkies_overlay_t *overlay)
{
    size_t  i;

    for (i = 0; i < SELKIES_OVERLAY_LAYERS; i++) {
        if (overlay->layers[i].image != NULL) {
            return 1;
        }
    }

    return 0;
}


uint64_t
selkies_overlay_deadline_us(const selkies_overlay_t *overlay)
{
    size_t    i;
    uint64_t  due, layer_us;

    due = SELKIES_OVERLAY_NEVER;

    for (i = 0; i < SELKIES_OVERLAY_LAYERS; i++) {
        layer_us = selkies_overlay_layer_us(overlay, &overlay->layers[i]);
        due = layer_us < due ? layer_us : due;
    }

    return due;
}


static uint64_t
selkies_overlay_layer_us(const selkies_overlay_t *overlay,
    const selkies_overlay_layer_t *layer)
{
    if (layer->image == NULL || layer->place != SELKIES_OVERLAY_MOVING
        || (overlay->width <= layer->image->width
            && overlay->height <= layer->image->height))
    {
        return SELKIES_OVERLAY_NEVER;
    }

    return layer->moved_us + SELKIES_OVERLAY_STEP_US;
}


void
selkies_overlay_move(selkies_overlay_t *overlay, uint64_t now_us)
{
    size_t                    i;
    selkies_overlay_layer_t  *layer;

    for (i = 0; i < SELKIES_OVERLAY_LAYERS; i++) {
        layer = &overlay->layers[i];

        if (now_us < selkies_overlay_layer_us(overlay, layer)) {
            continue;
        }

        layer->moved_us = now_us;
        layer->x = selkies_overlay_bounce(layer->x, &layer->dx,
                                          layer->image->width,
                                          overlay->width);
        layer->y = selkies_overlay_bounce(layer->y, &layer->dy,
                                          layer->image->height,
                                          overlay->height);
        layer->changed = 1;
    }
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
selkies_overlay_damage(selkies_overlay_t *overlay, selkies_rect_t *rects)
{
    size_t                    i, n;
    selkies_rect_t            now;
    selkies_overlay_layer_t  *layer;

    n = 0;

    for (i = 0; i < SELKIES_OVERLAY_LAYERS; i++) {
        layer = &overlay->layers[i];

        if (!layer->changed) {
            continue;
        }

        selkies_overlay_extent(layer, overlay->width, overlay->height, &now);

        if (layer->shown.width > 0) {
            rects[n++] = layer->shown;
        }

        if (now.width > 0) {

            if (layer->shown.width > 0
                && selkies_overlay_meet(&layer->shown, &now))
            {
                selkies_overlay_cover(&rects[n - 1], &now);

            } else {
                rects[n++] = now;
            }
        }

        layer->shown = now;
        layer->changed = 0;
    }

    return n;
}


size_t
selkies_overlay_convert(selkies_overlay_t *overlay, selkies_picture_t *pic,
    const selkies_frame_t *frame)
{
    size_t                   i, b, n, stride, changed;
    selkies_rect_t           part;
    selkies_overlay_box_t    boxes[SELKIES_OVERLAY_LAYERS];
    selkies_overlay_batch_t  batch, insides[SELKIES_OVERLAY_LAYERS];

    n = selkies_overlay_boxes(overlay, frame, boxes);

    if (n == 0 || !selkies_overlay_scratch(overlay, boxes, n)) {
        return selkies_convert(pic, frame);
    }

    batch.pic = pic;
    batch.changed = 0;
    batch.frame = *frame;
    batch.frame.rects = batch.rects;
    batch.frame.nrects = 0;

    /* a copy stands where the box is on a screen that has nothing else */

    for (b = 0; b < n; b++) {
        stride = (size_t) boxes[b].rect.width * 4;

        insides[b].pic = pic;
        insides[b].changed = 0;
        insides[b].frame = batch.frame;
        insides[b].frame.rects = insides[b].rects;
        insides[b].frame.stride_bytes = stride;
        insides[b].frame.pixels = boxes[b].pixels
                                  - (size_t) boxes[b].rect.y * stride
                                  - (size_t) boxes[b].rect.x * 4;
    }

    for (i = 0; i < frame->nrects; i++) {
        selkies_overlay_around(&batch, &frame->rects[i], boxes, n);

        for (b = 0; b < n; b++) {
            if (selkies_overlay_inside(&frame->rects[i], &boxes[b].rect,
                                       &part))
            {
                selkies_overlay_blend(overlay, frame, &boxes[b], &part);
                selkies_overlay_add(&insides[b], part.x, part.y,
                                    part.x + part.width,
                                    part.y + part.height);
            }
        }
    }

    selkies_overlay_flush(&batch);
    changed = batch.changed;

    for (b = 0; b < n; b++) {
        selkies_overlay_flush(&insides[b]);
        changed += insides[b].changed;
    }

    return changed;
}


int
selkies_overlay_lines(const selkies_overlay_t *overlay,
    const selkies_frame_t *frame, int32_t y, int32_t height, int32_t width,
    uint8_t *out)
{
    size_t                 i;
    selkies_rect_t         extent;
    selkies_overlay_box_t  lines;

    for (i = 0; i < SELKIES_OVERLAY_LAYERS; i++) {
        selkies_overlay_extent(&overlay->layers[i], width, frame->height,
                               &extent);

        if (extent.width > 0 && extent.y < y + height
            && extent.y + extent.height > y)
        {
            break;
        }
    }

    if (i == SELKIES_OVERLAY_LAYERS) {
        return 0;
    }

    lines.rect.x = 0;
    lines.rect.y = y;
    lines.rect.width = width;
    lines.rect.height = height;
    lines.pixels = out;

    selkies_overlay_blend(overlay, frame, &lines, &lines.rect);

    return 1;
}


/* What is to be seen of an image; no width where there is nothing. */

static void
selkies_overlay_extent(const selkies_overlay_layer_t *layer, int32_t width,
    int32_t height, selkies_rect_t *rect)
{
    int32_t  right, bottom;

    memset(rect, 0, sizeof(selkies_rect_t));

    if (layer->image == NULL) {
        return;
    }

    right = layer->x + layer->image->width;
    bottom = layer->y + layer->image->height;

    right = right < width ? right : width;
    bottom = bottom < height ? bottom : height;

    rect->x = layer->x > 0 ? layer->x : 0;
    rect->y = layer->y > 0 ? layer->y : 0;

    if (right > rect->x && bottom > rect->y) {
        rect->width = right - rect->x;
        rect->height = bottom - rect->y;
    }
}


static size_t
selkies_overlay_boxes(const selkies_overlay_t *overlay,
    const selkies_frame_t *frame, selkies_overlay_box_t *boxes)
{
    size_t          i, k, n;
    int32_t         right, bottom;
    selkies_rect_t  box;

    n = 0;

    for (i = 0; i < SELKIES_OVERLAY_LAYERS; i++) {
        selkies_overlay_extent(&overlay->layers[i], frame->width,
                               frame->height, &box);

        if (box.width == 0) {
            continue;
        }

        right = (box.x + box.width + 15) & ~15;
        bottom = (box.y + box.height + 15) & ~15;

        box.x &= ~15;
        box.y &= ~15;
        box.width = (right < frame->width ? right : frame->width) - box.x;
        box.height = (bottom < frame->height ? bottom : frame->height) - box.y;

        /* one that has grown may meet others */

        for (k = 0; k < n; /* void */ ) {

            if (!selkies_overlay_meet(&boxes[k].rect, &box)) {
                k++;
                continue;
            }

            selkies_overlay_cover(&box, &boxes[k].rect);
            boxes[k] = boxes[--n];
            k = 0;
        }

        boxes[n++].rect = box;
    }

    return n;
}


static int
selkies_overlay_meet(const selkies_rect_t *a, const selkies_rect_t *b)
{
    return a->x < b->x + b->width && b->x < a->x + a->width
           && a->y < b->y + b->height && b->y < a->y + a->height;
}


static void
selkies_overlay_cover(selkies_rect_t *rect, const selkies_rect_t *other)
{
    int32_t  right, bottom;

    right = rect->x + rect->width;
    bottom = rect->y + rect->height;

    if (right < other->x + other->width) {
        right = other->x + other->width;
    }

    if (bottom < other->y + other->height) {
        bottom = other->y + other->height;
    }

    rect->x = rect->x < other->x ? rect->x : other->x;
    rect->y = rect->y < other->y ? rect->y : other->y;
    rect->width = right - rect->x;
    rect->height = bottom - rect->y;
}


/* Memory for the boxes. */

static int
selkies_overlay_scratch(selkies_overlay_t *overlay,
    selkies_overlay_box_t *boxes, size_t n)
{
    size_t    b, bytes;
    uint8_t  *scratch;

    bytes = 0;

    for (b = 0; b < n; b++) {
        bytes += (size_t) boxes[b].rect.width
                 * (size_t) boxes[b].rect.height * 4;
    }

    if (bytes > overlay->scratch_bytes) {
        scratch = malloc(bytes);

        if (scratch == NULL) {
            return 0;
        }

        free(overlay->scratch);
        overlay->scratch = scratch;
        overlay->scratch_bytes = bytes;
    }

    scratch = overlay->scratch;

    for (b = 0; b < n; b++) {
        boxes[b].pixels = scratch;
        scratch += (size_t) boxes[b].rect.width
                   * (size_t) boxes[b].rect.height * 4;
    }

    return 1;
}


/* What of the rectangle is above, left of, right of and below the boxes. */

static void
selkies_overlay_around(selkies_overlay_batch_t *batch,
    const selkies_rect_t *rect, const selkies_overlay_box_t *boxes, size_t n)
{
    size_t                 i;
    int32_t                right, bottom, box_right, box_bottom, upper, lower;
    selkies_rect_t         pieces[4];
    const selkies_rect_t  *box;

    while (n != 0 && !selkies_overlay_meet(rect, &boxes->rect)) {
        boxes++;
        n--;
    }

    right = rect->x + rect->width;
    bottom = rect->y + rect->height;

    if (n == 0) {
        selkies_overlay_add(batch, rect->x, rect->y, right, bottom);
        return;
    }

    box = &boxes->rect;
    box_right = box->x + box->width;
    box_bottom = box->y + box->height;

    upper = rect->y > box->y ? rect->y : box->y;
    lower = bottom < box_bottom ? bottom : box_bottom;

    pieces[0] = (selkies_rect_t) { rect->x, rect->y, rect->width,
                                   upper - rect->y };
    pieces[1] = (selkies_rect_t) { rect->x, upper, box->x - rect->x,
                                   lower - upper };
    pieces[2] = (selkies_rect_t) { box_right, upper, right - box_right,
                                   lower - upper };
    pieces[3] = (selkies_rect_t) { rect->x, lower, rect->width,
                                   bottom - lower };

    for (i = 0; i < 4; i++) {
        if (pieces[i].width > 0 && pieces[i].height > 0) {
            selkies_overlay_around(batch, &pieces[i], boxes + 1, n - 1);
        }
    }
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
    const selkies_frame_t *frame, const selkies_overlay_box_t *box,
    const selkies_rect_t *part)
{
    size_t          i;
    int32_t         y;
    uint8_t        *out;
    const uint8_t  *in;

    for (y = part->y; y < part->y + part->height; y++) {
        in = frame->pixels + (size_t) y * frame->stride_bytes
             + (size_t) part->x * 4;
        out = box->pixels
              + ((size_t) (y - box->rect.y) * (size_t) box->rect.width
                 + (size_t) (part->x - box->rect.x)) * 4;

        memcpy(out, in, (size_t) part->width * 4);
    }

    for (i = 0; i < SELKIES_OVERLAY_LAYERS; i++) {
        if (overlay->layers[i].image != NULL) {
            selkies_overlay_blend_layer(&overlay->layers[i], box, part);
        }
    }
}


static void
selkies_overlay_blend_layer(const selkies_overlay_layer_t *layer,
    const selkies_overlay_box_t *box, const selkies_rect_t *part)
{
    int32_t                 x, y, c, left, right, top, bottom;
    uint32_t                rest;
    uint8_t                *out;
    const uint8_t          *over;
    const selkies_image_t  *image = layer->image;

    left = part->x > layer->x ? part->x : layer->x;
    top = part->y > layer->y ? part->y : layer->y;
    right = layer->x + image->width;
    bottom = layer->y + image->height;

    if (right > part->x + part->width) {
        right = part->x + part->width;
    }

    if (bottom > part->y + part->height) {
        bottom = part->y + part->height;
    }

    for (y = top; y < bottom; y++) {
        for (x = left; x < right; x++) {
            out = box->pixels
                  + ((size_t) (y - box->rect.y) * (size_t) box->rect.width
                     + (size_t) (x - box->rect.x)) * 4;
            over = image->pixels
                   + ((size_t) (y - layer->y) * (size_t) image->width
                      + (size_t) (x - layer->x)) * 4;

            if (over[3] == 0) {
                continue;
            }

            rest = 255u - over[3];

            for (c = 0; c < 3; c++) {
                out[c] = (uint8_t) (over[c] + (out[c] * rest + 127) / 255);
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

    if (batch->frame.nrects == SELKIES_OVERLAY_BATCH) {
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
