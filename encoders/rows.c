
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Which rows are coded when, and in which quality.  Times are those of the
 * caller's clock and never counts of pictures.
 *
 * Thread: see rows.h.  Ownership: the row encoder's struct.
 */


#include <string.h>

#include "rows.h"


#define SELKIES_ROW_MBS  (SELKIES_ROW_HEIGHT / 16)


static selkies_rows_conf_t selkies_rows_normalize(
    const selkies_rows_ops_t *ops, const selkies_rows_conf_t *conf);
static int selkies_rows_clamp(int value, int one, int other);
static int selkies_rows_dirty(const selkies_picture_t *pic, int32_t index);
static int selkies_rows_touched(const selkies_rect_t *rects, size_t nrects,
    int32_t index);
static uint64_t selkies_rows_due_us(const selkies_rows_t *rows,
    const selkies_row_t *row);
static int selkies_rows_refines(const selkies_rows_t *rows);
static void selkies_rows_coded(selkies_rows_t *rows, selkies_row_t *row);


static const selkies_rows_ops_t *const  selkies_rows_table[] = {

#ifdef SELKIES_HAVE_JPEG
    &selkies_jpeg_ops,
#endif

#ifdef SELKIES_HAVE_X264
    &selkies_stripes_ops,
#endif

    NULL
};


const selkies_rows_ops_t *
selkies_rows_find(selkies_codec_t codec)
{
    const selkies_rows_ops_t *const  *ops;

    for (ops = selkies_rows_table; *ops != NULL; ops++) {
        if ((*ops)->codec == codec) {
            return *ops;
        }
    }

    return NULL;
}


selkies_rows_t *
selkies_rows_open(selkies_codec_t codec, const selkies_rows_conf_t *conf,
    const selkies_log_t *log)
{
    int32_t                    i;
    selkies_rows_t            *rows;
    selkies_rows_conf_t        c;
    const selkies_rows_ops_t  *ops;

    ops = selkies_rows_find(codec);

    if (ops == NULL) {
        selkies_log(log, SELKIES_LOG_ERR, "no encoder of %s rows was built in",
                    codec == SELKIES_CODEC_JPEG ? "JPEG" : "H.264");
        return NULL;
    }

    if (conf->width < 2 || conf->width > SELKIES_ENCODER_WIDTH_MAX
        || conf->height < 2 || conf->height > SELKIES_ENCODER_HEIGHT_MAX
        || (conf->width & 1) || (conf->height & 1))
    {
        selkies_log(log, SELKIES_LOG_ERR, "rows of a picture of %dx%d cannot "
                    "be encoded", (int) conf->width, (int) conf->height);
        return NULL;
    }

    c = selkies_rows_normalize(ops, conf);
    rows = ops->open(&c, log);

    if (rows == NULL) {
        return NULL;
    }

    rows->ops = ops;
    rows->conf = c;
    rows->complete = 0;
    rows->now_us = 0;
    rows->nrows = (c.height + SELKIES_ROW_HEIGHT - 1) / SELKIES_ROW_HEIGHT;
    rows->next = rows->nrows;

    memset(rows->row, 0, sizeof(rows->row));

    for (i = 0; i < rows->nrows; i++) {
        rows->row[i].pending = 1;
        rows->row[i].key = 1;
    }

    /* cppcheck-suppress returnDanglingLifetime ; open copies it */
    return rows;
}


static selkies_rows_conf_t
selkies_rows_normalize(const selkies_rows_ops_t *ops,
    const selkies_rows_conf_t *conf)
{
    selkies_rows_conf_t  c;

    c = *conf;
    c.fps = selkies_rows_clamp(c.fps, 1, SELKIES_ENCODER_FPS_MAX);
    c.quality = selkies_rows_clamp(c.quality, ops->worst, ops->best);
    c.paintover_quality = selkies_rows_clamp(c.paintover_quality, ops->worst,
                                             ops->best);

    return c;
}


static int
selkies_rows_clamp(int value, int one, int other)
{
    int  low, high;

    low = one < other ? one : other;
    high = one < other ? other : one;

    if (value < low) {
        return low;
    }

    return value > high ? high : value;
}


selkies_status_t
selkies_rows_configure(selkies_rows_t *rows, const selkies_rows_conf_t *conf)
{
    selkies_rows_conf_t  c;

    if (conf->width != rows->conf.width || conf->height != rows->conf.height) {
        return SELKIES_REINIT;
    }

    c = selkies_rows_normalize(rows->ops, conf);
    rows->ops->configure(rows, &c);
    rows->conf = c;

    return SELKIES_OK;
}


size_t
selkies_rows_plan(selkies_rows_t *rows, const selkies_picture_t *pic,
    const selkies_rect_t *rects, size_t nrects, uint64_t now_us, int all)
{
    size_t          n, keys;
    int32_t         i;
    selkies_row_t  *row;

    n = 0;
    keys = 0;

    for (i = 0; i < rows->nrows; i++) {
        row = &rows->row[i];

        if (selkies_rows_dirty(pic, i)) {
            row->pending = 1;
            row->coarse = 0;

        } else if (row->doubtful && selkies_rows_touched(rects, nrects, i)) {
            row->again = 1;
        }

        if (all) {
            row->pending = 1;
            row->key = 1;
        }

        row->fine = !row->pending
                    && (now_us >= selkies_rows_due_us(rows, row)
                        || (row->again && !row->rough && !row->coarse));

        row->chosen = row->pending || row->fine || row->again;

        n += row->chosen;
        keys += row->chosen && row->key;
    }

    rows->next = 0;
    rows->now_us = now_us;
    rows->complete = (rows->ops->chained ? keys : n) == (size_t) rows->nrows;

    return n;
}


static int
selkies_rows_dirty(const selkies_picture_t *pic, int32_t index)
{
    size_t   len;
    int32_t  top, bottom;

    if (pic->ndirty == 0) {
        return 0;
    }

    top = index * SELKIES_ROW_MBS;
    bottom = top + SELKIES_ROW_MBS;

    if (bottom > pic->mb_height) {
        bottom = pic->mb_height;
    }

    if (top >= bottom) {
        return 0;
    }

    len = (size_t) (bottom - top) * (size_t) pic->mb_width;

    return memchr(pic->dirty + (size_t) top * (size_t) pic->mb_width, 1, len)
           != NULL;
}


static int
selkies_rows_touched(const selkies_rect_t *rects, size_t nrects,
    int32_t index)
{
    size_t   i;
    int32_t  y;

    y = index * SELKIES_ROW_HEIGHT;

    for (i = 0; i < nrects; i++) {
        if (rects[i].y < y + SELKIES_ROW_HEIGHT
            && rects[i].y + rects[i].height > y)
        {
            return 1;
        }
    }

    return 0;
}


/* When the row is to be refined. */

static uint64_t
selkies_rows_due_us(const selkies_rows_t *rows, const selkies_row_t *row)
{
    if (!row->rough || row->coarse || !selkies_rows_refines(rows)) {
        return SELKIES_ROWS_NEVER;
    }

    return row->quiet_us + SELKIES_ROWS_PAINTOVER_US;
}


/* JPEG gains by 4:4:4 even where the quality is the same. */

static int
selkies_rows_refines(const selkies_rows_t *rows)
{
    if (!rows->conf.paintover) {
        return 0;
    }

    if (rows->ops->best > rows->ops->worst) {
        return rows->conf.paintover_quality >= rows->conf.quality;
    }

    return rows->conf.paintover_quality < rows->conf.quality;
}


selkies_status_t
selkies_rows_next(selkies_rows_t *rows, const selkies_picture_t *pic,
    const selkies_frame_t *frame, selkies_row_packet_t *packet)
{
    selkies_row_t        *row;
    selkies_status_t      rc;
    selkies_row_order_t   order;

    if (pic->width != rows->conf.width || pic->height != rows->conf.height
        || (rows->ops->pixels
            && (frame == NULL || frame->width < pic->width
                || frame->height < pic->height)))
    {
        return SELKIES_REINIT;
    }

    if (selkies_rows_next_y(rows) < 0) {
        return SELKIES_AGAIN;
    }

    row = &rows->row[rows->next];

    order.index = rows->next;
    order.y = rows->next * SELKIES_ROW_HEIGHT;
    order.height = pic->height - order.y;

    if (order.height > SELKIES_ROW_HEIGHT) {
        order.height = SELKIES_ROW_HEIGHT;
    }

    order.fine = row->fine;
    order.key = row->key;
    order.quality = row->coarse ? rows->ops->lowest
                    : row->fine ? rows->conf.paintover_quality
                                : rows->conf.quality;

    memset(packet, 0, sizeof(selkies_row_packet_t));
    packet->y = order.y;
    packet->height = order.height;
    packet->paintover = row->fine;

    rc = rows->ops->encode(rows, &order, pic, frame, packet);

    if (rc != SELKIES_OK) {
        return rc;
    }

    selkies_rows_coded(rows, row);
    rows->next++;

    return SELKIES_OK;
}


int32_t
selkies_rows_next_y(selkies_rows_t *rows)
{
    while (rows->next < rows->nrows && !rows->row[rows->next].chosen) {
        rows->next++;
    }

    return rows->next < rows->nrows ? rows->next * SELKIES_ROW_HEIGHT : -1;
}


static void
selkies_rows_coded(selkies_rows_t *rows, selkies_row_t *row)
{
    /* one look more is enough: damage without a difference may go on */

    row->doubtful = rows->ops->pixels && !row->again;

    if (!row->fine) {
        row->rough = 1;

        if (row->pending) {
            row->quiet_us = rows->now_us;
        }

    } else {
        row->rough = 0;
    }

    row->chosen = 0;
    row->pending = 0;
    row->again = 0;
    row->key = 0;
}


void
selkies_rows_lost(selkies_rows_t *rows, const selkies_row_packet_t *packet)
{
    unsigned        hopeless;
    selkies_row_t  *row;

    row = &rows->row[packet->y / SELKIES_ROW_HEIGHT];
    hopeless = row->coarse;

    row->coarse = 1;
    row->key = rows->ops->chained;
    row->rough = 0;

    if (hopeless || (packet->paintover && !rows->ops->chained)) {
        return;
    }

    row->pending = 1;
}


uint64_t
selkies_rows_deadline_us(const selkies_rows_t *rows)
{
    int32_t               i;
    uint64_t              due, first;
    const selkies_row_t  *row;

    first = SELKIES_ROWS_NEVER;

    for (i = 0; i < rows->nrows; i++) {
        row = &rows->row[i];

        if (row->pending || row->again) {
            return 0;
        }

        due = selkies_rows_due_us(rows, row);

        if (due < first) {
            first = due;
        }
    }

    return first;
}


void
selkies_rows_close(selkies_rows_t *rows)
{
    if (rows != NULL) {
        rows->ops->close(rows);
    }
}
