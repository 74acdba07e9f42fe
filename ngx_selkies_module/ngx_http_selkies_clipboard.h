
/*
 * Copyright (C) ngx_selkies authors
 *
 * The clipboard of a client that controls: what it sends becomes the
 * desktop's, and what a program of the desktop copies is sent to it, in
 * chunks between the pictures.  Nobody else gets or sends any of it, and no
 * log has its contents.
 *
 * Thread: the event loop; the desktop's side is selkies_clipboard.h.
 */


#ifndef NGX_HTTP_SELKIES_CLIPBOARD_H_INCLUDED
#define NGX_HTTP_SELKIES_CLIPBOARD_H_INCLUDED


#include "ngx_http_selkies_module.h"
#include "selkies_transfer.h"


/* Chunks under way at most, a power of two, and to begin with */

#define NGX_HTTP_SELKIES_CHUNKS        32
#define NGX_HTTP_SELKIES_CHUNKS_FIRST  2


struct ngx_http_selkies_clipboard_s {

    /* in */

    selkies_transfer_t           transfer;
    selkies_content_t           *html;          /* its text is to follow */
    time_t                       second;
    ngx_uint_t                   count;         /* of transfers in it */
    unsigned                     refused:1;     /* its chunks are no news */

    /* out */

    selkies_content_t           *out;           /* being sent, held */
    uint64_t                     serial;        /* of the last one */
    ngx_uint_t                   part;
    size_t                       pos;
    unsigned                     begun:1;       /* this part */
    unsigned                     reads:1;       /* `cr` waits for its answer */

    uint32_t                     sent;          /* chunks, all in all */
    uint32_t                     acked;
    ngx_uint_t                   window;
    uint64_t                     sent_us[NGX_HTTP_SELKIES_CHUNKS];
};


typedef enum {
    NGX_HTTP_SELKIES_CLIP_TOO_LARGE = 0,
    NGX_HTTP_SELKIES_CLIP_TOO_FAST,
    NGX_HTTP_SELKIES_CLIP_DISABLED,
    NGX_HTTP_SELKIES_CLIP_TYPE,
    NGX_HTTP_SELKIES_CLIP_BROKEN
} ngx_http_selkies_clip_refusal_e;


#pragma GCC visibility push(hidden)


/* ngx_http_selkies_clipboard.c: verbs */

void ngx_http_selkies_clipboard_set(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);
void ngx_http_selkies_clipboard_start(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);
void ngx_http_selkies_clipboard_data(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);
void ngx_http_selkies_clipboard_end(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);

/* The session controls, or its settings have changed: it hears of changes. */

void ngx_http_selkies_clipboard_watch(ngx_http_selkies_session_t *s);

/*
 * A thread that is not there yet is started behind the first picture, for it
 * asks the same X server: until then this returns true.  due() does what was
 * put off.
 */

ngx_uint_t ngx_http_selkies_clipboard_waits(ngx_http_selkies_session_t *s);
void ngx_http_selkies_clipboard_due(ngx_http_selkies_session_t *s);

/* It controls no more, or ends. */

void ngx_http_selkies_clipboard_leave(ngx_http_selkies_session_t *s);

/* Ends the thread if it has nothing to do. */

void ngx_http_selkies_clipboard_reap(ngx_http_selkies_display_t *display);

/* The state of the session's clipboard, made when first needed; or NULL. */

ngx_http_selkies_clipboard_t *ngx_http_selkies_clipboard(
    ngx_http_selkies_session_t *s);

/* The display's thread; NULL: this worker is leaving, or has no threads. */

selkies_clip_t *ngx_http_selkies_clip(ngx_http_selkies_session_t *s);

/* Whether it controls, and that direction's setting allows it. */

ngx_uint_t ngx_http_selkies_clip_allowed(ngx_http_selkies_session_t *s,
    ngx_uint_t direction);

/* What it takes beside text, SELKIES_CLIPBOARD_ bits. */

unsigned ngx_http_selkies_clip_want(ngx_http_selkies_session_t *s);

/*
 * Says why, to pages that can show it.  A stock page of the newer kind shows
 * any such error of a command.
 */

void ngx_http_selkies_clip_refuse(ngx_http_selkies_session_t *s,
    const char *direction, ngx_http_selkies_clip_refusal_e refusal);


/* ngx_http_selkies_clipboard_out.c: `cr`, REQUEST_CLIPBOARD, what goes out */

void ngx_http_selkies_clipboard_read(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);

/* The display's thread may have news. */

void ngx_http_selkies_clipboard_wake(ngx_http_selkies_display_t *display);

/* Queues the next message of what is being sent; DECLINED: none, for now. */

ngx_int_t ngx_http_selkies_clipboard_next(ngx_http_selkies_session_t *s);

/* Whether that pong was the answer to a chunk. */

ngx_uint_t ngx_http_selkies_clipboard_pong(ngx_http_selkies_session_t *s,
    const u_char *data, size_t len);


#pragma GCC visibility pop


#endif /* NGX_HTTP_SELKIES_CLIPBOARD_H_INCLUDED */
