
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * The picture, the walk over damaged macroblocks and the scalar kernel all
 * others are compared with.  The walk hands two rows of adjacent macroblocks
 * to the kernel: two streams to read and three to write, which hardware
 * prefetch follows better than the 40 rows of one macroblock.
 *
 * Thread: the picture's owner.  Ownership: see convert.h.
 */


#include <stdlib.h>
#include <string.h>

#include "convert_kernel.h"


typedef struct {
    const selkies_frame_t  *frame;

    int32_t                 right;      /* visible and in the frame */
    int32_t                 bottom;

    int32_t                 x0;         /* the rectangle, even, may reach */
    int32_t                 x1;         /* into the padding */
    int32_t                 y0;
    int32_t                 y1;

    uint8_t                 first[16];  /* masks of its outer macroblocks */
    uint8_t                 last[16];
} selkies_convert_area_t;


static selkies_status_t selkies_picture_make(selkies_picture_t *pic,
    int32_t width, int32_t height, int full);
static void selkies_convert_turn(selkies_picture_t *pic,
    const selkies_frame_t *frame, selkies_convert_area_t *area);
static int selkies_convert_clip(selkies_convert_area_t *area,
    const selkies_picture_t *pic, const selkies_rect_t *rect);
static size_t selkies_convert_band(selkies_picture_t *pic,
    const selkies_convert_area_t *area, int32_t y0, int32_t y1);
static void selkies_convert_rows(selkies_picture_t *pic,
    const selkies_convert_area_t *area, int32_t y);
static selkies_convert_ahead_t selkies_convert_next_rows(
    const selkies_picture_t *pic, const selkies_convert_area_t *area,
    int32_t y);
static void selkies_convert_gather(uint8_t *dst, const uint8_t *row,
    int32_t x, int32_t right);
static void selkies_convert_mask(uint8_t *mask, int32_t from, int32_t to);
static int selkies_convert_scalar_supported(void);
static void selkies_convert_scalar(const selkies_convert_span_t *span);
static void selkies_convert_scalar_full(const selkies_convert_span_t *span);


static const selkies_convert_variant_t  selkies_convert_table[] = {

#if (SELKIES_CONVERT_X86)
    { "avx2", selkies_convert_avx2_supported, selkies_convert_avx2,
      selkies_convert_avx2_full },
    { "sse2", selkies_convert_sse2_supported, selkies_convert_sse2,
      selkies_convert_sse2_full },
#endif

#if (SELKIES_CONVERT_NEON)
    { "neon", selkies_convert_neon_supported, selkies_convert_neon,
      selkies_convert_neon_full },
#endif

    { "scalar", selkies_convert_scalar_supported, selkies_convert_scalar,
      selkies_convert_scalar_full },

    { NULL, NULL, NULL, NULL }
};


static const uint8_t  selkies_convert_whole[16] = {
    255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255
};


selkies_status_t
selkies_picture_init(selkies_picture_t *pic, int32_t width, int32_t height)
{
    return selkies_picture_make(pic, width, height, 0);
}


selkies_status_t
selkies_picture_init_full(selkies_picture_t *pic, int32_t width,
    int32_t height)
{
    return selkies_picture_make(pic, width, height, 1);
}


static selkies_status_t
selkies_picture_make(selkies_picture_t *pic, int32_t width, int32_t height,
    int full)
{
    size_t                            stride, rows, chroma_rows, n;
    const selkies_convert_variant_t  *variant;

    memset(pic, 0, sizeof(selkies_picture_t));

    if (width < SELKIES_PICTURE_MIN || width > SELKIES_PICTURE_MAX
        || height < SELKIES_PICTURE_MIN || height > SELKIES_PICTURE_MAX)
    {
        return SELKIES_ERROR;
    }

    pic->width = width & ~1;
    pic->height = height & ~1;
    pic->mb_width = (pic->width + 15) / 16;
    pic->mb_height = (pic->height + 15) / 16;

    stride = ((size_t) pic->mb_width * 16 + 63) & ~(size_t) 63;

    if ((stride & 1023) == 0) {
        /* rows a power of two apart would share few sets of the cache */
        stride += 64;
    }

    rows = (size_t) pic->mb_height * 16;
    chroma_rows = full ? rows : rows / 2;
    n = (size_t) pic->mb_width * (size_t) pic->mb_height;

    pic->luma_stride_bytes = stride;
    pic->chroma_stride_bytes = stride;

    pic->luma = selkies_picture_alloc(stride * rows);
    pic->chroma = selkies_picture_alloc(stride * chroma_rows);
    pic->cr = full ? selkies_picture_alloc(stride * chroma_rows) : NULL;
    pic->dirty = calloc(n, 1);
    pic->serials = calloc(n, sizeof(uint32_t));
    pic->touched = calloc((size_t) pic->mb_width, 1);

    if (pic->luma == NULL || pic->chroma == NULL || pic->dirty == NULL
        || pic->serials == NULL || pic->touched == NULL
        || (full && pic->cr == NULL))
    {
        selkies_picture_finish(pic);
        return SELKIES_ERROR;
    }

    memset(pic->luma, 16, stride * rows);
    memset(pic->chroma, 128, stride * chroma_rows);

    if (full) {
        memset(pic->cr, 128, stride * chroma_rows);
    }

    for (variant = selkies_convert_table; /* void */; variant++) {
        if (variant->supported()) {
            pic->variant = variant;
            break;
        }
    }

    return SELKIES_OK;
}


void
selkies_picture_finish(selkies_picture_t *pic)
{
    free(pic->luma);
    free(pic->chroma);
    free(pic->cr);
    free(pic->dirty);
    free(pic->serials);
    free(pic->touched);
    free(pic->other[0]);
    free(pic->other[1]);
    free(pic->stale);
    free(pic->moved);

    memset(pic, 0, sizeof(selkies_picture_t));
}


void
selkies_picture_clear_dirty(selkies_picture_t *pic)
{
    if (pic->ndirty == 0) {
        return;
    }

    memset(pic->dirty, 0, (size_t) pic->mb_width * (size_t) pic->mb_height);
    pic->ndirty = 0;
}


size_t
selkies_convert(selkies_picture_t *pic, const selkies_frame_t *frame)
{
    size_t                  i, n;
    int32_t                 y, next;
    selkies_convert_area_t  area;

    area.frame = frame;
    area.right = frame->width < pic->width ? frame->width : pic->width;
    area.bottom = frame->height < pic->height ? frame->height : pic->height;

    if (area.right <= 0 || area.bottom <= 0) {
        return 0;
    }

    if (++pic->serial == 0) {
        memset(pic->serials, 0, (size_t) pic->mb_width
                                * (size_t) pic->mb_height * sizeof(uint32_t));
        pic->serial = 1;
    }

    if (pic->keep) {
        selkies_convert_turn(pic, frame, &area);
    }

    n = 0;

    for (i = 0; i < frame->nrects; i++) {

        if (!selkies_convert_clip(&area, pic, &frame->rects[i])) {
            continue;
        }

        for (y = area.y0; y < area.y1; y = next) {
            next = (y | 15) + 1;

            if (next > area.y1) {
                next = area.y1;
            }

            n += selkies_convert_band(pic, &area, y, next);
        }
    }

    pic->turned = 0;

    return n;
}


/* Goes on in other planes; what lies in a rectangle will be written anyway. */

static void
selkies_convert_turn(selkies_picture_t *pic, const selkies_frame_t *frame,
    selkies_convert_area_t *area)
{
    size_t  i, x, y, right, bottom;

    if (!selkies_picture_turn(pic)) {
        return;
    }

    for (i = 0; i < frame->nrects; i++) {

        if (!selkies_convert_clip(area, pic, &frame->rects[i])) {
            continue;
        }

        x = (size_t) (area->x0 + 15) / 16;
        right = (size_t) area->x1 / 16;
        bottom = (size_t) area->y1 / 16;

        for (y = (size_t) (area->y0 + 15) / 16; x < right && y < bottom; y++) {
            memset(pic->stale + y * (size_t) pic->mb_width + x, 0, right - x);
        }
    }

    selkies_picture_sync(pic);
    pic->turned = 1;
}


/*
 * The part of the rectangle that exists, widened to chroma samples and, where
 * it touches the last column or row, to all that replicates it.
 */

static int
selkies_convert_clip(selkies_convert_area_t *area,
    const selkies_picture_t *pic, const selkies_rect_t *rect)
{
    int64_t  x0, y0, x1, y1;

    x0 = rect->x > 0 ? rect->x : 0;
    y0 = rect->y > 0 ? rect->y : 0;
    x1 = (int64_t) rect->x + rect->width;
    y1 = (int64_t) rect->y + rect->height;

    if (rect->width <= 0 || rect->height <= 0
        || x0 >= area->right || y0 >= area->bottom || x1 <= x0 || y1 <= y0)
    {
        return 0;
    }

    area->x0 = (int32_t) x0 & ~1;
    area->y0 = (int32_t) y0 & ~1;

    area->x1 = x1 >= area->right ? pic->mb_width * 16
                                 : ((int32_t) x1 + 1) & ~1;
    area->y1 = y1 >= area->bottom ? pic->mb_height * 16
                                  : ((int32_t) y1 + 1) & ~1;

    x0 = area->x0 & ~15;
    x1 = (area->x1 - 1) & ~15;

    selkies_convert_mask(area->first, area->x0 - (int32_t) x0,
                         area->x1 - (int32_t) x0);
    selkies_convert_mask(area->last, area->x0 - (int32_t) x1,
                         area->x1 - (int32_t) x1);

    return 1;
}


static void
selkies_convert_mask(uint8_t *mask, int32_t from, int32_t to)
{
    int32_t  i;

    for (i = 0; i < 16; i++) {
        mask[i] = (i >= from && i < to) ? 255 : 0;
    }
}


/* Rows y0 to y1 lie in one row of macroblocks. */

static size_t
selkies_convert_band(selkies_picture_t *pic,
    const selkies_convert_area_t *area, int32_t y0, int32_t y1)
{
    size_t   i, mb, n, first, last;
    int32_t  y;

    first = (size_t) area->x0 / 16;
    last = ((size_t) area->x1 - 1) / 16;

    memset(pic->touched + first, 0, last - first + 1);

    for (y = y0; y < y1; y += 2) {
        selkies_convert_rows(pic, area, y);
    }

    /* of a macroblock of which only rows were converted nothing is known */

    selkies_picture_compare(pic, (size_t) y0 / 16, first, last,
                            ((size_t) area->x0 + 15) / 16,
                            y1 - y0 == 16 ? (size_t) area->x1 / 16 : 0);

    n = 0;

    for (i = first; i <= last; i++) {

        if (!pic->touched[i]) {
            continue;
        }

        mb = (size_t) (y0 / 16) * (size_t) pic->mb_width + i;

        if (pic->stale != NULL) {
            pic->stale[mb] = 1;
        }

        if (pic->serials[mb] != pic->serial) {
            pic->serials[mb] = pic->serial;
            n++;
        }

        if (!pic->dirty[mb]) {
            pic->dirty[mb] = 1;
            pic->ndirty++;
        }
    }

    return n;
}


/* Two rows of the rectangle, in runs of macroblocks of one kind. */

static void
selkies_convert_rows(selkies_picture_t *pic,
    const selkies_convert_area_t *area, int32_t y)
{
    size_t                   at;
    int32_t                  x, y0, y1, end;
    uint8_t                  edge[2][64];
    const uint8_t           *row[2];
    selkies_convert_span_t   span;
    selkies_convert_ahead_t  ahead;

    y0 = y < area->bottom ? y : area->bottom - 1;
    y1 = y + 1 < area->bottom ? y + 1 : area->bottom - 1;

    row[0] = area->frame->pixels + (size_t) y0 * area->frame->stride_bytes;
    row[1] = area->frame->pixels + (size_t) y1 * area->frame->stride_bytes;
    ahead = selkies_convert_next_rows(pic, area, y);

    for (x = area->x0 & ~15; x < area->x1; x += (int32_t) span.n * 16) {

        at = (size_t) y * pic->luma_stride_bytes + (size_t) x;

        span.luma[0] = pic->luma + at;
        span.luma[1] = span.luma[0] + pic->luma_stride_bytes;
        span.chroma = pic->chroma
                      + (size_t) (y / 2) * pic->chroma_stride_bytes + x;

        if (pic->cr != NULL) {
            span.cb[0] = pic->chroma + at;
            span.cb[1] = span.cb[0] + pic->chroma_stride_bytes;
            span.cr[0] = pic->cr + at;
            span.cr[1] = span.cr[0] + pic->chroma_stride_bytes;
        }

        span.touched = pic->touched + x / 16;
        span.n = 1;

        span.ahead = ahead;

        if (x < area->x0) {
            span.mask = area->first;

        } else if (x + 16 > area->x1) {
            span.mask = area->last;

        } else {
            span.mask = selkies_convert_whole;
        }

        /* a masked one was copied and goes on as it is */

        span.copy = pic->turned && span.mask == selkies_convert_whole;
        span.old[0] = span.copy ? pic->other[0] + at : span.luma[0];
        span.old[1] = span.old[0] + pic->luma_stride_bytes;
        span.old[2] = span.copy ? pic->other[1] + (span.chroma - pic->chroma)
                                : span.chroma;

        if (x + 16 > area->right) {
            selkies_convert_gather(edge[0], row[0], x, area->right);
            selkies_convert_gather(edge[1], row[1], x, area->right);

            span.src[0] = edge[0];
            span.src[1] = edge[1];
            span.ahead.src = 0;

        } else {
            span.src[0] = row[0] + (size_t) x * 4;
            span.src[1] = row[1] + (size_t) x * 4;

            if (span.mask == selkies_convert_whole) {
                end = area->x1 < area->right ? area->x1 : area->right;
                span.n = (size_t) (end - x) / 16;
            }
        }

        if (pic->cr != NULL) {
            pic->variant->full(&span);

        } else {
            pic->variant->kernel(&span);
        }
    }
}


/*
 * What comes after the rows at y.  Of what is kept that is what will soon be
 * compared with them, where the picture moves up: later it is here already.
 */

static selkies_convert_ahead_t
selkies_convert_next_rows(const selkies_picture_t *pic,
    const selkies_convert_area_t *area, int32_t y)
{
    selkies_convert_ahead_t  ahead;

    memset(&ahead, 0, sizeof(selkies_convert_ahead_t));

    if (y + 2 < area->y1 && y + 3 < area->bottom) {
        ahead.src = (ptrdiff_t) area->frame->stride_bytes * 2;
        ahead.luma = (ptrdiff_t) pic->luma_stride_bytes * 2;
        ahead.chroma = (ptrdiff_t) pic->chroma_stride_bytes;
    }

    ahead.old = ahead.luma;

    if (pic->expect_y > 2 && y + pic->expect_y < pic->mb_height * 16) {
        ahead.old = (ptrdiff_t) pic->luma_stride_bytes * pic->expect_y
                    + pic->expect_x;
    }

    return ahead;
}


/* 16 pixels from x on, of which those right of the edge repeat the last. */

static void
selkies_convert_gather(uint8_t *dst, const uint8_t *row, int32_t x,
    int32_t right)
{
    int32_t  i, n;

    n = right - x;

    if (n > 0) {
        memcpy(dst, row + (size_t) x * 4, (size_t) n * 4);

    } else {
        n = 0;
    }

    for (i = n; i < 16; i++) {
        memcpy(dst + i * 4, row + (size_t) (right - 1) * 4, 4);
    }
}


const selkies_convert_variant_t *
selkies_convert_variants(void)
{
    return selkies_convert_table;
}


const selkies_convert_variant_t *
selkies_convert_next(const selkies_convert_variant_t *variant)
{
    return variant + 1;
}


const char *
selkies_convert_name(const selkies_convert_variant_t *variant)
{
    return variant->name;
}


int
selkies_convert_supported(const selkies_convert_variant_t *variant)
{
    return variant->supported();
}


selkies_status_t
selkies_picture_force_variant(selkies_picture_t *pic,
    const selkies_convert_variant_t *variant)
{
    if (variant->name == NULL || !variant->supported()) {
        return SELKIES_ERROR;
    }

    pic->variant = variant;

    return SELKIES_OK;
}


static int
selkies_convert_scalar_supported(void)
{
    return 1;
}


static void
selkies_convert_scalar(const selkies_convert_span_t *span)
{
    int32_t         b, g, r, row, sum;
    size_t          i, k, mask;
    uint8_t         diff, value;
    const uint8_t  *p;

    for (i = 0; i < span->n * 16; i++) {

        mask = span->mask[i & 15];
        diff = 0;

        for (row = 0; row < 2; row++) {
            p = span->src[row] + i * 4;

            sum = p[0] * SELKIES_CONVERT_YB + p[1] * SELKIES_CONVERT_YG
                  + p[2] * SELKIES_CONVERT_YR + SELKIES_CONVERT_YADD;
            value = (uint8_t) (sum >> SELKIES_CONVERT_YSHIFT);

            if (mask) {
                diff |= span->old[row][i] != value;
                span->luma[row][i] = value;
            }
        }

        if (mask && (i & 1) == 0) {
            b = g = r = 0;

            for (k = 0; k < 4; k++) {
                p = span->src[k >> 1] + (i + (k & 1)) * 4;
                b += p[0];
                g += p[1];
                r += p[2];
            }

            sum = b * SELKIES_CONVERT_UB + g * SELKIES_CONVERT_UG
                  + r * SELKIES_CONVERT_UR + SELKIES_CONVERT_CADD;
            value = (uint8_t) (sum >> SELKIES_CONVERT_CSHIFT);

            diff |= span->old[2][i] != value;
            span->chroma[i] = value;

            sum = b * SELKIES_CONVERT_VB + g * SELKIES_CONVERT_VG
                  + r * SELKIES_CONVERT_VR + SELKIES_CONVERT_CADD;
            value = (uint8_t) (sum >> SELKIES_CONVERT_CSHIFT);

            diff |= span->old[2][i + 1] != value;
            span->chroma[i + 1] = value;
        }

        if (diff) {
            span->touched[i / 16] = 1;
        }
    }
}


static void
selkies_convert_scalar_full(const selkies_convert_span_t *span)
{
    int32_t         sum[3];
    size_t          i, k, row;
    uint8_t        *dst[3], value;
    const uint8_t  *p;

    for (row = 0; row < 2; row++) {
        dst[0] = span->luma[row];
        dst[1] = span->cb[row];
        dst[2] = span->cr[row];

        for (i = 0; i < span->n * 16; i++) {

            if (!span->mask[i & 15]) {
                continue;
            }

            p = span->src[row] + i * 4;

            sum[0] = p[0] * SELKIES_CONVERT_YB + p[1] * SELKIES_CONVERT_YG
                     + p[2] * SELKIES_CONVERT_YR + SELKIES_CONVERT_YADD;
            sum[1] = p[0] * SELKIES_CONVERT_UB + p[1] * SELKIES_CONVERT_UG
                     + p[2] * SELKIES_CONVERT_UR + SELKIES_CONVERT_FADD;
            sum[2] = p[0] * SELKIES_CONVERT_VB + p[1] * SELKIES_CONVERT_VG
                     + p[2] * SELKIES_CONVERT_VR + SELKIES_CONVERT_FADD;

            for (k = 0; k < 3; k++) {

                /* YSHIFT is FSHIFT */

                value = (uint8_t) (sum[k] >> SELKIES_CONVERT_FSHIFT);

                if (dst[k][i] != value) {
                    dst[k][i] = value;
                    span->touched[i / 16] = 1;
                }
            }
        }
    }
}
