
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * What the tests of both row encoders share: a plan with all its packets
 * counted, on a desk.
 *
 * Thread: the test's main thread.
 */


#ifndef SELKIES_ROWS_DESK_H_INCLUDED
#define SELKIES_ROWS_DESK_H_INCLUDED


/* its x264 is of no use here */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include "encoder_desk.h"
#pragma GCC diagnostic pop

#include "../../encoders/rows.h"


typedef struct {
    int         n;
    int         keys;
    int         fine;
    uint64_t    mask;                       /* of rows, the first 64 */
    size_t      bytes;
    int         failed;
} tick_t;


/* Called with each packet; may be NULL. */

typedef void (*taker_t)(void *data, const selkies_row_packet_t *packet);


static selkies_rows_conf_t
rows_conf(int32_t width, int32_t height, int quality, int paintover)
{
    selkies_rows_conf_t  conf;

    memset(&conf, 0, sizeof(conf));

    conf.width = width;
    conf.height = height;
    conf.fps = 60;
    conf.quality = quality;
    conf.paintover_quality = paintover;
    conf.paintover = 1;

    return conf;
}


/* What the engine does in a tick; `rect` is what was damaged, or NULL. */

static tick_t
tick(selkies_rows_t *rows, desk_t *d, const selkies_rect_t *rect,
    uint64_t now_us, int all, taker_t take, void *data)
{
    tick_t                 t;
    size_t                 n;
    int32_t                last;
    selkies_status_t       rc;
    selkies_row_packet_t   p;
    const selkies_rect_t  *old;

    memset(&t, 0, sizeof(t));
    old = d->frame.rects;

    if (rect != NULL) {
        d->frame.rects = rect;
        d->frame.nrects = 1;
        desk_convert(d);
    }

    n = selkies_rows_plan(rows, &d->pic, rect, rect != NULL, now_us, all);
    selkies_picture_clear_dirty(&d->pic);

    for (last = -1; ; last = p.y) {
        rc = selkies_rows_next(rows, &d->pic, &d->frame, &p);

        if (rc != SELKIES_OK) {
            break;
        }

        t.n++;
        t.keys += p.kind == SELKIES_PICTURE_IDR;
        t.fine += p.paintover;
        t.mask |= (uint64_t) 1 << (p.y / SELKIES_ROW_HEIGHT & 63);
        t.bytes += p.len;
        t.failed |= p.y <= last || p.y % SELKIES_ROW_HEIGHT != 0
                    || p.height < 2 || (p.height & 1)
                    || p.y + p.height > d->pic.height
                    || (p.height < SELKIES_ROW_HEIGHT
                        && p.y + p.height != d->pic.height);

        if (take != NULL) {
            take(data, &p);
        }
    }

    t.failed |= rc != SELKIES_AGAIN || (size_t) t.n != n;
    d->frame.rects = old;
    d->frame.nrects = 1;

    return t;
}


static selkies_rect_t
rect_of(int32_t x, int32_t y, int32_t width, int32_t height)
{
    selkies_rect_t  r;

    r.x = x;
    r.y = y;
    r.width = width;
    r.height = height;

    return r;
}


#endif /* SELKIES_ROWS_DESK_H_INCLUDED */
