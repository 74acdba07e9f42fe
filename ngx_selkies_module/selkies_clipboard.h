
/*
 * Copyright (C) ngx_selkies authors
 *
 * The clipboard of one X display in one worker: a thread with an X connection
 * of its own, and the mailbox between it and the event loop.  Contents are
 * immutable; what is handed over is a reference, never a copy.
 *
 * The thread sleeps unless somebody controls the display, something of ours
 * is on the clipboard (what was pasted in stays, also when its client has
 * gone), or something is to be done.
 *
 * Thread: all functions belong to the worker's event loop.
 */


#ifndef SELKIES_CLIPBOARD_H_INCLUDED
#define SELKIES_CLIPBOARD_H_INCLUDED


#include "../capture/clipboard.h"
#include "selkies_control.h"


#define SELKIES_CLIP_READERS  8             /* that wait for an answer */


typedef struct selkies_clip_s  selkies_clip_t;


/* What the thread has to say. */

typedef struct {
    uint64_t             reader;            /* who asked, or 0: a change */
    uint64_t             serial;            /* of the look at the clipboard */
    selkies_content_t   *content;           /* the taker's; NULL: nothing */
    bool                 refused;           /* it is larger than allowed */
} selkies_clip_news_t;


#pragma GCC visibility push(hidden)


/*
 * Starts the thread; the X server may be missing.  `wake`, called by the
 * thread, makes the event loop take the news, or see that it is idle.  NULL:
 * no thread to be had.
 */

selkies_clip_t *selkies_clip_start(const char *display, const char *xauthority,
    void (*wake)(void), const selkies_log_t *log);


/*
 * Whether it has let go of X, and nobody wants anything of it: it may be
 * stopped without a wait.
 */

bool selkies_clip_is_idle(selkies_clip_t *clip);

/* As selkies_control_stop().  The selection goes with it. */

selkies_status_t selkies_clip_stop(selkies_clip_t *clip, uint32_t timeout_ms);


/*
 * Somebody wants to hear of changes, of up to `max_bytes` and of the types of
 * `want` (SELKIES_CLIPBOARD_ bits); 0 bytes: nobody does.
 */

void selkies_clip_watch(selkies_clip_t *clip, size_t max_bytes, unsigned want);


/*
 * The content, whose reference moves, becomes the desktop's clipboard.  Input
 * behind selkies_control_fence() with the number returned waits for that:
 * `control`, the display's, which outlives the thread, hears of it
 * (selkies_control_pass()).
 */

uint32_t selkies_clip_set(selkies_clip_t *clip, selkies_control_t *control,
    selkies_content_t *content);


/*
 * News for this reader follow: what the clipboard holds.  `fresh`: somebody
 * has just copied, so a change is waited for a little.
 */

void selkies_clip_read(selkies_clip_t *clip, uint64_t reader, size_t max_bytes,
    unsigned want, bool fresh);


/* The oldest news; false: there are none. */

bool selkies_clip_take(selkies_clip_t *clip, selkies_clip_news_t *news);


#pragma GCC visibility pop


#endif /* SELKIES_CLIPBOARD_H_INCLUDED */
