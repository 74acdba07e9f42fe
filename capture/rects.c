
/*
 * Copyright (C) ngx_selkies authors
 *
 * See rects.h.
 */


#include "rects.h"


static int64_t selkies_rect_area(const selkies_rect_t *rect);
static selkies_rect_t selkies_rect_cover(const selkies_rect_t *a,
    const selkies_rect_t *b);


int
selkies_rect_clip(selkies_rect_t *rect, int32_t width, int32_t height)
{
    int64_t  x1, y1, x2, y2;

    x1 = rect->x < 0 ? 0 : rect->x;
    y1 = rect->y < 0 ? 0 : rect->y;
    x2 = (int64_t) rect->x + rect->width;
    y2 = (int64_t) rect->y + rect->height;

    x2 = x2 > width ? width : x2;
    y2 = y2 > height ? height : y2;

    if (x2 <= x1 || y2 <= y1) {
        return 0;
    }

    rect->x = (int32_t) x1;
    rect->y = (int32_t) y1;
    rect->width = (int32_t) (x2 - x1);
    rect->height = (int32_t) (y2 - y1);

    return 1;
}


void
selkies_rects_add(selkies_rect_t *rects, size_t *n, size_t max,
    const selkies_rect_t *rect)
{
    size_t          i, best;
    int64_t         area, growth, least;
    selkies_rect_t  cover;

    best = 0;
    least = INT64_MAX;
    area = selkies_rect_area(rect);

    for (i = 0; i < *n; i++) {
        cover = selkies_rect_cover(&rects[i], rect);
        growth = selkies_rect_area(&cover) - selkies_rect_area(&rects[i]);

        if (growth < least) {
            least = growth;
            best = i;
        }
    }

    /* covering both costs no pixel more than keeping both */

    if (*n < max && least > area) {
        rects[*n] = *rect;
        *n = *n + 1;
        return;
    }

    rects[best] = selkies_rect_cover(&rects[best], rect);
}


static int64_t
selkies_rect_area(const selkies_rect_t *rect)
{
    return (int64_t) rect->width * rect->height;
}


static selkies_rect_t
selkies_rect_cover(const selkies_rect_t *a, const selkies_rect_t *b)
{
    int32_t         x2, y2;
    selkies_rect_t  cover;

    cover.x = a->x < b->x ? a->x : b->x;
    cover.y = a->y < b->y ? a->y : b->y;

    x2 = a->x + a->width > b->x + b->width ? a->x + a->width
                                           : b->x + b->width;
    y2 = a->y + a->height > b->y + b->height ? a->y + a->height
                                             : b->y + b->height;

    cover.width = x2 - cover.x;
    cover.height = y2 - cover.y;

    return cover;
}
