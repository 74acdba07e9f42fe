
/*
 * Copyright (C) ngx_selkies authors
 *
 * The display thread's way for encoders that code the picture in rows: JPEG,
 * and H.264 in stripes.
 *
 * Thread: the display thread.  Ownership: the caller's struct; what is in it
 * is freed by selkies_engine_rows_close().
 */


#ifndef SELKIES_ENGINE_ROWS_H_INCLUDED
#define SELKIES_ENGINE_ROWS_H_INCLUDED


#include "../capture/screen.h"
#include "../encoders/overlay.h"
#include "../encoders/rows.h"
#include "selkies_engine_private.h"


#pragma GCC visibility push(hidden)


/* rows is NULL while pictures are encoded whole. */

typedef struct {
    selkies_rows_t         *rows;
    selkies_rows_conf_t     wished;
    uint8_t                *lines;          /* of one row, under a watermark */
} selkies_engine_rows_t;


/* What became of one look at the screen. */

typedef struct {
    unsigned                coded:1;        /* something was published */
    unsigned                complete:1;     /* a client can start there */
} selkies_engine_rows_result_t;


/* Whether the encoder of that number codes in rows. */

bool selkies_engine_rows_wanted(uint32_t encoder);


/*
 * Opens the encoder, one that selkies_engine_rows_wanted(), for pictures of
 * that size.  SELKIES_OK, or SELKIES_ERROR (logged, unless log is NULL).
 */

selkies_status_t selkies_engine_rows_open(selkies_engine_rows_t *r,
    selkies_engine_t *engine, uint32_t encoder, int32_t width, int32_t height,
    const selkies_log_t *log);

void selkies_engine_rows_close(selkies_engine_rows_t *r);


/*
 * Captures, converts, and encodes and publishes what is to be: with `all`
 * every row.  seen_us is when the damage was seen.  SELKIES_OK; what
 * selkies_screen_acquire() says; SELKIES_ERROR: the encoder failed.
 */

selkies_status_t selkies_engine_rows_picture(selkies_engine_rows_t *r,
    selkies_engine_t *engine, selkies_screen_t *screen,
    selkies_picture_t *picture, selkies_overlay_t *overlay, uint64_t now,
    uint64_t seen_us, bool all, selkies_engine_rows_result_t *result);


#pragma GCC visibility pop


#endif /* SELKIES_ENGINE_ROWS_H_INCLUDED */
