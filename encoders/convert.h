
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * The picture the encoders read and its only writer: one pass that converts
 * the damaged part of a captured frame from B G R X to NV12, or to three
 * planes of one size where full colour is wanted, compares it with
 * what the picture holds and stores and marks what really changed.  So false
 * damage (identical repaints) ends here and no copy of the screen is kept.
 *
 * Colour: BT.709, limited range (ITU-R BT.709-6 items 3.2 to 3.5, 8 bits);
 * chroma is the mean of 2x2 pixels, in 4:4:4 that of its own.
 *
 * Thread: a picture belongs to one thread at a time (the display thread).
 * The functions keep no state of their own.  Ownership: the caller's struct,
 * the planes are the picture's until selkies_picture_finish().
 */


#ifndef SELKIES_CONVERT_H_INCLUDED
#define SELKIES_CONVERT_H_INCLUDED


#include <stddef.h>
#include <stdint.h>

#include "../capture/capture.h"


#define SELKIES_PICTURE_MIN   2
#define SELKIES_PICTURE_MAX   16384


#pragma GCC visibility push(hidden)


typedef struct selkies_convert_variant_s  selkies_convert_variant_t;


/*
 * Planes start on a page and are padded to whole macroblocks with replicated
 * edges; their addresses change only where the picture does, in
 * selkies_convert().  Readers may use every public field and write none but
 * through the functions below.
 */

typedef struct selkies_picture_s {
    uint8_t                          *luma;     /* Y, mb_height * 16 rows */
    uint8_t                          *chroma;   /* Cb Cr, mb_height * 8 rows;
                                                   4:4:4: Cb, as luma */
    uint8_t                          *cr;       /* 4:4:4: Cr, as luma;
                                                   4:2:0: NULL */
    size_t                            luma_stride_bytes;
    size_t                            chroma_stride_bytes;

    int32_t                           width;        /* visible, even */
    int32_t                           height;       /* visible, even */
    int32_t                           mb_width;     /* 16x16 macroblocks */
    int32_t                           mb_height;

    uint8_t                          *dirty;    /* 1 a macroblock, row-major:
                                                   changed since the last
                                                   selkies_picture_clear_
                                                   dirty() */
    size_t                            ndirty;   /* how many of them are set */

    /* private to convert.c */

    const selkies_convert_variant_t  *variant;
    uint32_t                         *serials;  /* of the call that changed */
    uint32_t                          serial;   /* of the last call */
    uint8_t                          *touched;  /* a row of macroblocks */

    /* private to convert.c and picture.c */

    uint8_t                          *other[2]; /* luma, chroma: what was kept,
                                                   or room for what will be */
    uint8_t                          *stale;    /* 1 a macroblock: differs in
                                                   the other planes */
    uint8_t                          *moved;    /* see below */
    int16_t                           expect_x;
    int16_t                           expect_y;
    unsigned                          keep:1;   /* the planes as they are */
    unsigned                          kept:1;
    unsigned                          turned:1; /* in the call that turned */
} selkies_picture_t;


/*
 * Allocates the planes of a black picture with nothing dirty.  width and
 * height are the visible size in pixels, SELKIES_PICTURE_MIN to _MAX; an odd
 * one is rounded down to even.  Picks the fastest variant of this processor.
 *
 * SELKIES_OK, or SELKIES_ERROR (size out of range, no memory), which leaves
 * the picture zeroed.  Any thread.
 */

selkies_status_t selkies_picture_init(selkies_picture_t *pic, int32_t width,
    int32_t height);


/* The same with three planes, 4:4:4. */

selkies_status_t selkies_picture_init_full(selkies_picture_t *pic,
    int32_t width, int32_t height);


/* Frees the planes and zeroes the struct; a zeroed one is accepted. */

void selkies_picture_finish(selkies_picture_t *pic);


/*
 * Brings what frame->rects cover into the picture, sets `dirty` of the
 * macroblocks where a sample differs, and returns how many macroblocks this
 * call changed (0: the damage was false).  The owner's thread; the frame is
 * only read.
 *
 * Rectangles are clipped to frame and picture.  Only pixels inside them are
 * used, plus those that share a 2x2 chroma sample with one of them; nothing
 * is read outside frame->width x frame->height.  Frame and picture need not
 * be of one size: what the picture has no room for is ignored, and where the
 * frame ends before the picture (or the padding) does, its last column and
 * row are replicated, updated whenever a rectangle touches them.
 */

size_t selkies_convert(selkies_picture_t *pic, const selkies_frame_t *frame);


/* Forgets what is dirty: the picture was encoded.  The owner's thread. */

void selkies_picture_clear_dirty(selkies_picture_t *pic);


/*
 * Keeps what the picture is, in place of what was kept before: the next call
 * of selkies_convert() writes to other planes, so nothing is copied but what
 * that call does not convert anyway.  4:2:0 only.  The owner's thread.
 */

void selkies_picture_keep(selkies_picture_t *pic);


/*
 * The planes that were kept, their strides the picture's: its own while it has
 * not changed.  Valid until the next call of selkies_convert().  0 if there are
 * none, as none are if there was no memory.
 */

int selkies_picture_kept(const selkies_picture_t *pic, const uint8_t **luma,
    const uint8_t **chroma);


/*
 * What is kept is expected to move: what is at a place is where the vector, in
 * luma samples, points to in what was kept.  selkies_convert() compares that
 * while it has both in the cache.  Zero: nothing is expected.  To be called
 * right after selkies_picture_keep().
 */

void selkies_picture_expect(selkies_picture_t *pic, int16_t x, int16_t y);


/*
 * Whether luma of macroblocks did so, a byte each, for that vector; NULL where
 * it is not known of any.  Valid until the next call of selkies_convert().
 */

#define SELKIES_PICTURE_UNKNOWN  0
#define SELKIES_PICTURE_MOVED    1
#define SELKIES_PICTURE_OTHER    2

const uint8_t *selkies_picture_moved(const selkies_picture_t *pic, int16_t x,
    int16_t y);


/* To be called by who writes to the planes himself: tests. */

void selkies_picture_write(selkies_picture_t *pic);


/*
 * The table of variants, fastest first, ended by one without a name; the
 * scalar reference is the last and always supported.  All of them give the
 * same bytes.  Any thread.
 */

const selkies_convert_variant_t *selkies_convert_variants(void);

const selkies_convert_variant_t *selkies_convert_next(
    const selkies_convert_variant_t *variant);

const char *selkies_convert_name(const selkies_convert_variant_t *variant);

int selkies_convert_supported(const selkies_convert_variant_t *variant);


/*
 * Makes the picture use one variant, for tests and benchmarks.
 * SELKIES_ERROR, and no change, if this processor does not support it.
 */

selkies_status_t selkies_picture_force_variant(selkies_picture_t *pic,
    const selkies_convert_variant_t *variant);


#pragma GCC visibility pop


#endif /* SELKIES_CONVERT_H_INCLUDED */
