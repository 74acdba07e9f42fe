
/*
 * Copyright (C) ngx_selkies authors
 *
 * What selkies_engine_display.c (when a picture is made) and
 * selkies_engine_encode.c (what it becomes) share; nobody else includes it.
 *
 * Thread: the display thread.
 */


#ifndef SELKIES_ENGINE_DISPLAY_H_INCLUDED
#define SELKIES_ENGINE_DISPLAY_H_INCLUDED


#include "../encoders/convert.h"
#include "../encoders/encoder.h"
#include "../encoders/lite.h"
#include "../encoders/quality.h"
#include "selkies_engine_opening.h"
#include "selkies_engine_overlay.h"
#include "selkies_engine_private.h"
#include "selkies_engine_rows.h"
#include "selkies_pace.h"


#define SELKIES_DISPLAY_LITE_QP     16      /* visually lossless */


typedef struct {
    selkies_engine_t        *engine;
    selkies_stream_t        *stream;

    selkies_screen_t        *screen;
    selkies_picture_t        picture;
    selkies_engine_overlay_t laid;              /* over the picture */
    selkies_encoder_t       *encoder;
    selkies_engine_opening_t opening;           /* an encoder to come */
    selkies_lite_t          *lite;
    selkies_encoder_conf_t   conf;
    selkies_quality_t        quality;
    selkies_engine_rows_t    rows;              /* instead of an encoder */
    uint32_t                 wanted_encoder;    /* that was opened */

    uint64_t                 retry_us;
    uint64_t                 unwatched_us;      /* since; 0 while watched */
    uint64_t                 pending_us;        /* damage seen; 0: none */
    selkies_pace_t           pace;
    uint64_t                 settled_us;        /* no capture before */
    uint64_t                 paced_us;          /* when the next one would
                                                   be, all evenly spaced */
    bool                     tight;             /* see selkies_stream_link() */
    uint64_t                 chain_us;          /* no link of it before */
    unsigned                 chain_refused;     /* times in a row */
    unsigned                 chain_videos;      /* links in a row for which
                                                   the encoder was better */
    uint64_t                 key_us;            /* last key */
    uint64_t                 failed_us;         /* last failure; 0: none */
    uint64_t                 size_us;           /* resize awaited since */
    uint64_t                 shown;             /* wish that picture follows */
    uint64_t                 area;              /* of the X screen, shown */
    uint32_t                 keys;              /* requests answered */
    unsigned                 started:1;
    unsigned                 fresh:1;           /* no picture of it yet */
    unsigned                 failing:1;         /* and that was logged */
    unsigned                 oversized:1;       /* the ring took no key */
    unsigned                 ahead:1;           /* lite pictures show more than
                                                   the last anchor */
} selkies_display_t;


#pragma GCC visibility push(hidden)


/*
 * Makes what the picture has become since the last one into one access unit,
 * if it is worth one, and publishes it.  OK, also where nothing came of it;
 * ERROR: the encoder failed.
 */

selkies_status_t selkies_display_encode(selkies_display_t *d, uint64_t now,
    bool key);


/* A picture was made: counts it against the frame rate. */

void selkies_display_paced(selkies_display_t *d, uint64_t now);


/*
 * The size of what is shown, possibly odd, said to all: who claims the display
 * at this one is not kept waiting for a second thought.  OK or LOST.
 */

selkies_status_t selkies_display_measure(selkies_display_t *d, int32_t *width,
    int32_t *height);


/*
 * A screen that has the wanted size from the start is not kept waiting for the
 * desktop thread, which has much to learn of a new server first.  OK or LOST.
 */

selkies_status_t selkies_display_suits(selkies_display_t *d);


/*
 * While the first client makes its mind up about the size, or the desktop
 * thread is changing it, a picture would be wasted on the old one.  How long
 * to wait yet, 0 for not at all.
 */

uint64_t selkies_display_awaited(selkies_display_t *d, uint64_t now);


/*
 * Pictures made from now on have the size that came of a wish; until now a key
 * of the size before was the newest one.
 */

void selkies_display_show(selkies_display_t *d, uint64_t carried);


/*
 * The size that pictures will have if what was claimed or is wanted comes true;
 * false where nobody has said one.
 */

bool selkies_display_expects(const selkies_display_t *d, int32_t *width,
    int32_t *height);


/* Whether another part of the X screen is to be shown than what is. */

bool selkies_display_moved(const selkies_display_t *d);


/*
 * Takes over the part of the X screen that is to be shown.  ERROR: there is no
 * room for it.
 */

selkies_status_t selkies_display_crop(selkies_display_t *d);


/* Whether somebody watches who takes no lite pictures. */

bool selkies_display_plain(const selkies_display_t *d);


#pragma GCC visibility pop


#endif /* SELKIES_ENGINE_DISPLAY_H_INCLUDED */
