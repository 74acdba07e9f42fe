
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * How a picture of the chain begins: what has moved is planned, and whether
 * the picture is worth it.
 *
 * Thread: one at a time.  Ownership: lite_private.h.
 */


#include <stdlib.h>
#include <string.h>

#include "lite_chain.h"


#define SELKIES_LITE_VECTOR_MAX   40        /* bytes of a macroblock that is
                                               copied and the run before it */
#define SELKIES_LITE_CODED_SHARE  4

/* What scrolls by less than that are not lines of text. */

#define SELKIES_LITE_PITCH_MIN    8
#define SELKIES_LITE_NEW_LINE     240       /* macroblocks at most */


static int selkies_lite_chain_pitch(const selkies_lite_chain_t *c);


selkies_status_t
selkies_lite_chain_start(selkies_lite_chain_t *c, size_t limit)
{
    size_t             size;
    selkies_lite_t    *lite;
    selkies_vector_t   moved[2];

    lite = c->lite;

    selkies_lite_plan_list(lite, c->pic, &c->pair);

    if (selkies_lite_frame_begin(lite) != SELKIES_OK) {
        return SELKIES_ERROR;
    }

    c->ncode = selkies_lite_plan_moves(lite, c->pic, &c->pair, moved);
    c->moved = moved[0];
    c->second = moved[1];

    if (c->ncode > limit
        && c->ncode > lite->nlist / SELKIES_LITE_CODED_SHARE)
    {
        return SELKIES_AGAIN;
    }

    c->pitch = selkies_lite_chain_pitch(c);

    if (c->pitch != 0 && lite->text == NULL) {
        lite->text = selkies_text_open();
    }

    size = SELKIES_LITE_HEADER_MAX + c->ncode * SELKIES_LITE_MB_MAX
           + lite->nmbs * SELKIES_LITE_VECTOR_MAX;

    if (selkies_lite_reserve(lite, &lite->rbsp, size, 0) != SELKIES_OK
        || selkies_lite_reserve(lite, &lite->out, size + size / 2, 0)
           != SELKIES_OK)
    {
        return SELKIES_ERROR;
    }

    c->frame = &lite->frames[!lite->frame];
    c->stride = (size_t) lite->mb_width * 16;
    c->grid.blocks = lite->vectors;
    c->grid.width = (size_t) lite->mb_width * 4;

    memset(lite->kinds, SELKIES_LITE_SKIP, lite->nmbs);
    memset(&lite->counts, 0, sizeof(selkies_lite_counts_t));

    lite->poc = (lite->poc + 2) & 0xffff;
    selkies_h264_writer_init(&c->w, lite->rbsp.bytes, lite->rbsp.size);

    return SELKIES_OK;
}


/*
 * Lines of text lie so far apart, or 0: what scrolls tells.  A scroll may come
 * without its new line, which is then all that the next picture has.
 */

static int
selkies_lite_chain_pitch(const selkies_lite_chain_t *c)
{
    int  pitch, other;

    pitch = c->moved.x == 0 ? c->moved.y : 0;
    other = c->second.x == 0 ? c->second.y : 0;

    if (abs(other) >= SELKIES_LITE_PITCH_MIN && abs(other) < abs(pitch)) {
        pitch = other;
    }

    if (abs(pitch) >= SELKIES_LITE_PITCH_MIN) {
        return pitch;
    }

    return selkies_vector_equal(c->moved, selkies_lite_zero)
           && c->pair.map != NULL && c->lite->text != NULL
           && c->ncode <= SELKIES_LITE_NEW_LINE ? c->lite->pitch : 0;
}
