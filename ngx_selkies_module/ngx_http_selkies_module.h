
/*
 * Copyright (C) ngx_selkies authors
 *
 * What the nginx side shares: configuration, the worker's state, a client's
 * session.
 *
 * Thread: the worker's event loop.  Nothing here is touched by a thread of
 * ours, but through selkies_shared.h, bells and the log queue.
 */


#ifndef NGX_HTTP_SELKIES_MODULE_H_INCLUDED
#define NGX_HTTP_SELKIES_MODULE_H_INCLUDED


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "selkies_audio.h"
#include "selkies_clipboard.h"
#include "selkies_control.h"
#include "selkies_engine.h"
#include "selkies_files.h"
#include "selkies_link.h"
#include "selkies_microphone.h"
#include "selkies_pads.h"
#include "selkies_protocol.h"
#include "selkies_settings.h"
#include "selkies_shared.h"
#include "selkies_websocket.h"


#define SELKIES_VERSION                 "0.1.0"

#define NGX_HTTP_SELKIES_READ_BYTES     16384
#define NGX_HTTP_SELKIES_SCRATCH_BYTES  (SELKIES_CURSOR_BYTES + 4096)
#define NGX_HTTP_SELKIES_OUT_MAX        (1024 * 1024)
#define NGX_HTTP_SELKIES_DEFERRED_BYTES 1024
#define NGX_HTTP_SELKIES_CLIPBOARD_MAX  (64 * 1024 * 1024)

#define NGX_HTTP_SELKIES_RELOADED       "server reloaded"


typedef struct ngx_http_selkies_session_s  ngx_http_selkies_session_t;
typedef struct ngx_http_selkies_clipboard_s  ngx_http_selkies_clipboard_t;
typedef struct ngx_http_selkies_upload_s  ngx_http_selkies_upload_t;


typedef enum {
    NGX_HTTP_SELKIES_VIEWER = 0,
    NGX_HTTP_SELKIES_CONTROLLER
} ngx_http_selkies_role_e;


typedef struct {
    ngx_str_t                    path;
    selkies_image_t              image;
    selkies_overlay_place_t      place;
} ngx_http_selkies_watermark_t;


typedef struct {
    ngx_http_complex_value_t     value;
    selkies_overlay_place_t      place;
    ngx_msec_t                   interval;      /* between evaluations */
} ngx_http_selkies_caption_t;


/*
 * One screen of an X display: the way to it, and what this worker has of it.
 * Made with the configuration, or, where variables name it and for further
 * screens, for its first client.
 */

typedef struct ngx_http_selkies_display_s  ngx_http_selkies_display_t;

struct ngx_http_selkies_display_s {
    ngx_queue_t                  queue;         /* main conf's displays */
    ngx_pool_t                  *pool;          /* NULL: of the conf */
    selkies_source_t            *source;
    ngx_str_t                    name;          /* zero-terminated */
    ngx_msec_t                   idle;

    ngx_uint_t                   index;         /* of the place, once it has */
    selkies_stream_t            *stream;        /* one; NULL before */
    selkies_ring_t              *ring;
    selkies_join_t              *join;          /* NULL: no cache */
    selkies_ring_t              *sound;

    ngx_http_selkies_display_t  *primary;       /* of a further screen */
    ngx_uint_t                   nscreens;      /* that have this for it */

    selkies_engine_t            *engine;        /* owner only */
    selkies_audio_t             *audio;         /* owner only */
    selkies_microphone_t        *microphone;    /* of a client's here */
    uint64_t                     speaker;       /* that session, or 0 */
    int                          folder;        /* the framebuffer's, or -1 */

    const char                  *pads_folder;   /* of sockets, NULL: no pads */
    selkies_gamepad_files_t     *pads_files;    /* NULL: not listening */
    selkies_gamepads_t          *pads;          /* in who serves them */
    ngx_connection_t            *pads_connection;
    uint32_t                     pads_position; /* in the place's changes */
    ngx_event_t                  rumble_timer;
    ngx_msec_t                   rumbled;       /* when last passed on */
    ngx_uint_t                   rumble_pads;   /* bits of those due */
    selkies_gamepad_rumble_t     rumbles[SELKIES_GAMEPADS];
    selkies_control_t           *control;       /* once somebody controls */
    selkies_clip_t              *clip;          /* once it is used */
    uint64_t                     clip_reader;   /* session that hears of it */

    ngx_queue_t                  sessions;      /* of this worker */

    ngx_event_t                  timer;         /* to give it back */
    ngx_connection_t             dummy;         /* the timer's data */

    unsigned                     reserved:1;    /* holds a place always */
    unsigned                     pads_tried:1;  /* once is enough */
    unsigned                     ending:1;      /* its thread does not end */
    unsigned                     retired:1;     /* its conf is gone */
};


typedef struct {
    ngx_queue_t                  displays;      /* display->queue */
    ngx_uint_t                   nreserved;     /* of these */
    ngx_array_t                  watermarks;    /* those of displays */
    ngx_array_t                  roots;         /* ngx_str_t, of files */
    selkies_fonts_t              fonts;         /* of captions, if any */
    ngx_flag_t                   variables;     /* name others */
    ngx_uint_t                   streams;
    size_t                       ring_size;
    size_t                       join_cache;
    selkies_shared_conf_t        layout;        /* of these three */
    ngx_shm_zone_t              *zone;
    ngx_flag_t                   used;          /* some location has it on */
} ngx_http_selkies_main_conf_t;


typedef struct {
    ngx_flag_t                   enable;

    ngx_http_complex_value_t    *display;
    ngx_http_complex_value_t    *xauthority;
    ngx_http_complex_value_t    *framebuffer;
    ngx_http_complex_value_t    *pulse_server;
    ngx_http_complex_value_t    *pulse_cookie;
    ngx_http_complex_value_t    *pads;          /* folder, if of variables */
    ngx_uint_t                   capture;
    ngx_http_selkies_watermark_t *watermark;
    ngx_uint_t                   mark;          /* its number; 0: none */
    ngx_http_selkies_caption_t  *caption;       /* NULL: none */
    ngx_flag_t                   h264_lite;
    ngx_msec_t                   idle;
    ngx_http_selkies_display_t  *target;        /* NULL: by variables */

    ngx_http_complex_value_t    *role;
    ngx_http_complex_value_t    *prefix;
    ngx_str_t                    title;
    ngx_flag_t                   open;

    ngx_str_t                    agent;         /* its socket; empty: none */
    ngx_uint_t                   agent_uid;     /* whose; unset: our own */
    ngx_array_t                 *apps;          /* NULL: none */

    ngx_array_t                 *origins;       /* ngx_str_t */
    ngx_flag_t                   require_origin;

    ngx_uint_t                   max_width;
    ngx_uint_t                   max_height;

    ngx_msec_t                   ping_interval;
    ngx_msec_t                   ping_timeout;
    ngx_msec_t                   send_timeout;
    ngx_msec_t                   frame_timeout;
    size_t                       send_lowat;
    ngx_uint_t                   input_rate;
    ngx_uint_t                   max_viewers;
    size_t                       clipboard_max_size;

    ngx_http_complex_value_t    *files;         /* the root; NULL: none */
    ngx_uint_t                   max_uploads;
    off_t                        upload_reserve;

    selkies_settings_t          *settings;      /* as written */
    selkies_settings_t          *effective;     /* finished, for sessions */
} ngx_http_selkies_loc_conf_t;


/* A session's deadlines; one timer serves them all. */

typedef enum {
    NGX_HTTP_SELKIES_PING = 0,          /* time to ask */
    NGX_HTTP_SELKIES_PONG,              /* no answer */
    NGX_HTTP_SELKIES_FRAME,             /* a frame trickles in */
    NGX_HTTP_SELKIES_SEND,              /* no send progress */
    NGX_HTTP_SELKIES_STATS,
    NGX_HTTP_SELKIES_WATCH,             /* watches unless it says otherwise */
    NGX_HTTP_SELKIES_RESIZE,            /* a claim's size stands */
    NGX_HTTP_SELKIES_KEY,               /* the (second) key is due */
    NGX_HTTP_SELKIES_CLOSE,             /* the peer does not close */
    NGX_HTTP_SELKIES_HEARTBEAT,         /* are its keys still held? */
    NGX_HTTP_SELKIES_CAPTION,           /* its variables may be others now */
    NGX_HTTP_SELKIES_SHARING,           /* it should have claimed by now */
    NGX_HTTP_SELKIES_PADS,              /* are its gamepads still held? */
    NGX_HTTP_SELKIES_CLIPBOARD,         /* it waits for no first picture */
    NGX_HTTP_SELKIES_DEADLINES
} ngx_http_selkies_deadline_e;


struct ngx_http_selkies_session_s {
    ngx_queue_t                  queue;         /* display->sessions */

    ngx_http_request_t          *request;
    ngx_connection_t            *connection;
    ngx_http_selkies_loc_conf_t *conf;
    ngx_http_selkies_display_t  *display;

    uint64_t                     id;
    ngx_http_selkies_role_e      role;
    ngx_uint_t                   slot;          /* of a player's page, 2 to 4;
                                                   0: none, or not known */
    selkies_dialect_t            dialect;

    /* in */

    selkies_websocket_t          ws;
    selkies_message_t            message;
    uint64_t                     in_bytes;      /* received */
    uint64_t                     frame_offset;  /* where the frame began, + 1 */
    u_char                      *deferred;      /* before the first claim */
    size_t                       deferred_len;
    ngx_uint_t                   input_count;
    ngx_uint_t                   input_excess;
    time_t                       input_second;

    /* out: what a socket did not take of a packet, then messages */

    u_char                      *rest;
    size_t                       rest_pos;
    size_t                       rest_len;
    size_t                       rest_size;
    u_char                      *out;
    size_t                       out_pos;
    size_t                       out_len;
    size_t                       out_size;
    off_t                        sent;          /* at the last progress check */

    /* the stream */

    uint64_t                     next;          /* packet to send */
    uint64_t                     join;          /* or this one of the cache */
    uint32_t                     epoch;         /* last announced */
    uint32_t                     cursor;        /* sequence last sent */
    uint32_t                     state;         /* desktop state last sent */
    uint32_t                     encoder;       /* it knows of; an id */
    uint32_t                     screens;       /* it knows of; a bit each */
    ngx_msec_t                   key_asked;     /* when a key was wanted */
    uint64_t                     key_after;     /* only a newer key will do */
    uint64_t                     key_known;     /* the newest when asked */
    uint64_t                     join_head;     /* newest when a key was sent */
    ngx_msec_t                   joined_at;     /* by a burst; 0: by a key */
    ngx_msec_t                   size_until;    /* pictures wait for a resize */
    int32_t                      width;         /* asked for, not applied yet */
    int32_t                      height;
    ngx_msec_t                   resized;       /* when one was applied */

    /* sound */

    uint64_t                     audio_next;    /* packet to send */
    uint64_t                     audio_bytes;
    uint64_t                     audio_mark;    /* the socket's bytes with one
                                                   that may wait in it */
    uint64_t                     audio_mark_us; /* written then; 0: none */
    uint32_t                     audio_told;    /* ngx_http_selkies_audio.c */
    ngx_uint_t                   red;           /* copies beside a packet */
    time_t                       microphone_second;
    ngx_uint_t                   microphone_count;

    /* congestion: a ping rides behind the pictures */

    uint64_t                     probe;         /* its number, 0 for none */
    uint64_t                     probe_sent_us;
    uint64_t                     probe_bytes;   /* sent before it */
    uint64_t                     acked_bytes;   /* the last answered one's */
    uint64_t                     acked_us;
    uint64_t                     flight_us;     /* nothing was, before it */
    uint64_t                     proven;        /* bytes under way that were
                                                   not too many */
    uint64_t                     delivery;      /* bytes a second */
    ngx_msec_t                   behind_until;  /* delivery limits till then */
    uint64_t                     rtt_base_us;   /* the least ever seen */
    uint64_t                     rtt_us;        /* smoothed */
    uint64_t                     rtt_min_us[2]; /* this and the last period */
    ngx_msec_t                   rtt_period;

    uint64_t                     sent_us;       /* the last picture */
    uint64_t                     sent_bytes;    /* its */
    uint64_t                     probe_picture; /* of the one ahead of it */
    uint64_t                     busy_us;       /* without a pause since, */
    uint64_t                     busy_bytes;    /* after so many bytes */
    uint64_t                     ack_us;        /* ack_frame was sent; 0: no
                                                   acknowledgement is due */
    uint16_t                     ack_frame;
    uint16_t                     sent_frame;    /* the last one's number */
    selkies_link_t               link;          /* the owner's */
    ngx_msec_t                   heard;         /* last message */

    /* the owner's */

    selkies_settings_client_t    settings;
    selkies_control_client_t    *held;
    ngx_http_selkies_clipboard_t *clipboard;    /* once it was used */
    ngx_queue_t                  agents;        /* requests under way */
    ngx_http_selkies_upload_t   *upload;        /* once it had one */

    /* gamepads */

    ngx_msec_t                   pads_heard;    /* its last word of them */
    uint32_t                     rumbled[SELKIES_GAMEPADS];     /* last sent */
    selkies_pad_client_t         pads[SELKIES_GAMEPADS];

    /* statistics */

    uint64_t                     pictures;
    uint64_t                     media_bytes;
    uint64_t                     stats_bytes;
    ngx_msec_t                   stats_time;

    ngx_msec_t                   frame_start;   /* of the frame under way */
    ngx_msec_t                   deadline[NGX_HTTP_SELKIES_DEADLINES];
    unsigned                     armed:16;      /* bits of deadlines */
    ngx_event_t                  timer;
    ngx_event_t                  finish;
    ngx_connection_t             dummy;         /* the timer's data */

    u_char                       resume[SELKIES_RESUME_BYTES];
    u_char                       resumes[SELKIES_RESUME_BYTES];

    unsigned                     joined:1;      /* in display->sessions */
    unsigned                     capped:1;      /* a viewer, says the server */
    unsigned                     lowered:1;     /* a link page, by its query */
    unsigned                     has_resumes:1; /* it replaces that socket */
    unsigned                     live:1;        /* the 101 is out */
    unsigned                     extended:1;    /* it spoke _ext */
    unsigned                     want_status:1;
    unsigned                     clip_waited:1; /* for its first picture */
    unsigned                     clip_watch:1;  /* to be done then: hears */
    unsigned                     clip_read:1;   /* of changes; `cr` */
    unsigned                     want_apps:1;
    unsigned                     want_reload:1;
    unsigned                     told_apps:1;
    unsigned                     want_rumble:1;
    unsigned                     pads_beat:1;   /* it says what it holds */
    unsigned                     pads_used:4;   /* bits of those it has used */
    unsigned                     lite:1;        /* it takes lite pictures */
    unsigned                     html:1;        /* and HTML beside text */
    unsigned                     chunk_turn:1;  /* a chunk before a picture */
    unsigned                     whole:1;       /* counted as such a reader */
    unsigned                     imposed:1;     /* told: no other encoder */
    unsigned                     claimed:1;     /* its SETTINGS was applied */
    unsigned                     owner:1;
    unsigned                     watching:1;    /* subscribed to pictures */
    unsigned                     listening:1;   /* subscribed to sound */
    unsigned                     audio_said:1;  /* whether it wants sound */
    unsigned                     stereo:1;      /* no more channels than two */
    unsigned                     opus_mic:1;    /* its microphone is Opus */
    unsigned                     microphone_refused:1;  /* and told so */
    unsigned                     webcam_refused:1;
    unsigned                     gate:1;        /* could take a picture now */
    unsigned                     need_key:1;
    unsigned                     skipped:1;     /* because it was too slow */
    unsigned                     key_wanted:1;  /* asked, not sent yet */
    unsigned                     hold:1;        /* until the key is due */
    unsigned                     second_key:1;  /* protocol.md 9.4 */
    unsigned                     size_pending:1;    /* width, height */
    unsigned                     size_claimed:1;    /* first, and waits */
    unsigned                     acks:1;        /* it sends CLIENT_FRAME_ACK */
    unsigned                     captioned:1;   /* evaluated once, or more */
    unsigned                     announce:1;    /* size and displays are due */
    unsigned                     reset:1;       /* PIPELINE_RESETTING is due */
    unsigned                     pinged:1;
    unsigned                     probe_full:1;  /* see selkies_link.h */
    unsigned                     probe_alone:1; /* behind the first picture
                                                   after a pause */
    unsigned                     behind:1;      /* see behind_until */
    unsigned                     closing:1;     /* a close frame is queued */
    unsigned                     closed:1;      /* the peer's has come */
    unsigned                     dead:1;        /* only finish is left */
    unsigned                     graceful:1;    /* how to finish */
};


extern ngx_module_t  ngx_http_selkies_module;


#pragma GCC visibility push(hidden)


/* ngx_http_selkies_module.c */

/* The location's prefix, ending in a slash. */

ngx_int_t ngx_http_selkies_prefix(ngx_http_request_t *r, ngx_str_t *prefix);


/* ngx_http_selkies_conf.c: nginx's hooks, and directives of their own */

void *ngx_http_selkies_create_main_conf(ngx_conf_t *cf);
char *ngx_http_selkies_init_main_conf(ngx_conf_t *cf, void *conf);
void *ngx_http_selkies_create_loc_conf(ngx_conf_t *cf);
char *ngx_http_selkies_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);

char *ngx_http_selkies_set_setting(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_selkies_set_resolution(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_selkies_set_origins(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_selkies_check_clipboard(ngx_conf_t *cf, void *post,
    void *data);
char *ngx_http_selkies_set_files(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* ngx_http_selkies_watermark.c */

char *ngx_http_selkies_set_watermark(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* A place by its name or number; sets `place`, or NGX_ERROR, logged. */

ngx_int_t ngx_http_selkies_watermark_place(ngx_conf_t *cf, ngx_str_t *name,
    selkies_overlay_place_t *place);


/* ngx_http_selkies_caption.c */

char *ngx_http_selkies_set_caption(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* The text is of this session's request from now on: it controls. */

void ngx_http_selkies_caption_claim(ngx_http_selkies_session_t *s);

/* Likewise if it is nobody's, of one that watches. */

void ngx_http_selkies_caption_adopt(ngx_http_selkies_session_t *s);

/* It is time to evaluate it again. */

void ngx_http_selkies_caption_due(ngx_http_selkies_session_t *s);

/* The session ends: who else watches may adopt it. */

void ngx_http_selkies_caption_leave(ngx_http_selkies_session_t *s);


/* ngx_http_selkies_source.c */

/*
 * The location's display becomes its target, or variables name it.  One that
 * is written somewhere has a place reserved; the default one may be that of a
 * server whose locations all have others.
 */

char *ngx_http_selkies_add_display(ngx_conf_t *cf,
    ngx_http_selkies_loc_conf_t *conf, ngx_uint_t written);

/*
 * The way to the request's display, variables and all.  404 where they name
 * none, which is logged unless `quiet`.
 */

ngx_int_t ngx_http_selkies_evaluate(ngx_http_request_t *r,
    selkies_source_t *source, ngx_uint_t quiet);


/* ngx_http_selkies_display.c */

/* Fills what follows from display->source. */

void ngx_http_selkies_init_display(ngx_http_selkies_display_t *display);

/*
 * The request's display, attached: for a session that joins it before the
 * event loop goes on.  NGX_OK, or the status to answer with.
 */

ngx_int_t ngx_http_selkies_request_display(ngx_http_request_t *r,
    ngx_http_selkies_display_t **display);

/*
 * Whether this worker takes new sessions; holds a place for the display.  The
 * status to answer with: NGX_OK, 503.
 */

ngx_int_t ngx_http_selkies_attach_display(ngx_http_selkies_display_t *display);

/* A place for every display that is written, as far as there are any. */

void ngx_http_selkies_attach_displays(void);

/*
 * The display of a place, if this worker has it; with `adopt`, or if any
 * worker has.
 */

ngx_http_selkies_display_t *ngx_http_selkies_display_at(ngx_uint_t index,
    ngx_uint_t adopt);

/* Likewise for a further screen of a display that is attached. */

ngx_int_t ngx_http_selkies_attach_screen(ngx_http_selkies_display_t *primary,
    const selkies_source_t *source, ngx_http_selkies_display_t **display);

/* There may be no session any more: the idle time begins. */

void ngx_http_selkies_display_left(ngx_http_selkies_display_t *display);

/*
 * Gives a display back that variables named and nobody uses.  NGX_OK: it is
 * gone; NGX_DECLINED: it is in use; NGX_AGAIN: not now.
 */

ngx_int_t ngx_http_selkies_unuse_display(ngx_http_selkies_display_t *display);

/* Their configuration goes; so do they, each with its last session. */

void ngx_http_selkies_retire_displays(ngx_queue_t *displays);


/* ngx_http_selkies_screens.c: several screens of one display */

/* Whether a client of this location may have a further one. */

ngx_uint_t ngx_http_selkies_screens_allowed(ngx_http_selkies_session_t *s);

/* What the wire calls the display's screen. */

const char *ngx_http_selkies_screen_id(ngx_http_selkies_display_t *display);

/*
 * The session's display becomes another screen of it.  NGX_DECLINED: it may
 * not, or there is no place.
 */

ngx_int_t ngx_http_selkies_screens_move(ngx_http_selkies_session_t *s,
    uint32_t screen);

/* DISPLAY_CONFIG_UPDATE with the screens there are, which it then knows. */

size_t ngx_http_selkies_screens_config(ngx_http_selkies_session_t *s,
    u_char *buf, size_t size);

/* Sends that where there are others than it knows of. */

void ngx_http_selkies_screens_wake(ngx_http_selkies_session_t *s);

/* A point of the session's screen becomes one of the X screen. */

void ngx_http_selkies_screens_point(ngx_http_selkies_session_t *s, int32_t *x,
    int32_t *y);


/* ngx_http_selkies_upgrade.c: the content handlers of the two dialects */

ngx_int_t ngx_http_selkies_upgrade_1(ngx_http_request_t *r);
ngx_int_t ngx_http_selkies_upgrade_2(ngx_http_request_t *r);

/*
 * Whether a page of another site sent the request; the status to answer with.
 * NGX_OK: it did not, or the operator lets it.
 */

ngx_int_t ngx_http_selkies_origin(ngx_http_request_t *r);

ngx_int_t ngx_http_selkies_push_header(ngx_http_request_t *r, const char *key,
    ngx_str_t *value);


/* ngx_http_selkies_sharing.c: who a client may be */

/* What the server says of the client.  NGX_ERROR: no memory. */

ngx_int_t ngx_http_selkies_credential(ngx_http_request_t *r,
    ngx_http_selkies_role_e *role);

/* Role and slot, from its credential and its query.  NGX_ERROR: no memory. */

ngx_int_t ngx_http_selkies_sharing_init(ngx_http_selkies_session_t *s);

/* Whether pages of a slot are allowed: 2 to 4 players, 0 those that watch. */

ngx_uint_t ngx_http_selkies_sharing_slot(ngx_http_selkies_session_t *s,
    ngx_uint_t slot);

/* Whether it gets media: it controls, or pages like it are allowed. */

ngx_uint_t ngx_http_selkies_may_watch(ngx_http_selkies_session_t *s);

/* At its first words; NGX_DECLINED: told why it is not welcome, and closed. */

ngx_int_t ngx_http_selkies_sharing_open(ngx_http_selkies_session_t *s);

/* It has had its time to claim a display. */

void ngx_http_selkies_sharing_due(ngx_http_selkies_session_t *s);


/* ngx_http_selkies_status.c: content handlers, and the answer of others */

/* Whole, from memory of the request or longer; its body is not of interest. */

ngx_int_t ngx_http_selkies_answer(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, u_char *data, size_t len);

ngx_int_t ngx_http_selkies_health(ngx_http_request_t *r);
ngx_int_t ngx_http_selkies_ready(ngx_http_request_t *r);
ngx_int_t ngx_http_selkies_api_status(ngx_http_request_t *r);
ngx_int_t ngx_http_selkies_manifest(ngx_http_request_t *r);
ngx_int_t ngx_http_selkies_api_switch(ngx_http_request_t *r);

/* Processor and memory use of the machine, sampled at most once a second. */

void ngx_http_selkies_system(double *cpu_percent, uint64_t *mem_total_bytes,
    uint64_t *mem_used_bytes);


/* ngx_http_selkies_worker.c */

ngx_int_t ngx_http_selkies_zone(ngx_conf_t *cf,
    ngx_http_selkies_main_conf_t *smcf);
ngx_int_t ngx_http_selkies_init_module(ngx_cycle_t *cycle);
ngx_int_t ngx_http_selkies_init_process(ngx_cycle_t *cycle);
void ngx_http_selkies_exit_process(ngx_cycle_t *cycle);
void ngx_http_selkies_exit_master(ngx_cycle_t *cycle);

/*
 * A session has come (the owner may have to be found), or gone.  DECLINED:
 * "selkies_max_viewers" of all workers are there.
 */

ngx_int_t ngx_http_selkies_worker_join(ngx_http_selkies_session_t *s);
void ngx_http_selkies_worker_leave(ngx_http_selkies_session_t *s);

/* It goes over to another screen of its display. */

void ngx_http_selkies_worker_move(ngx_http_selkies_session_t *s,
    ngx_http_selkies_display_t *display);

/* Whether this worker was told to quit: it takes no session any more. */

ngx_uint_t ngx_http_selkies_leaving(void);

/*
 * The display's wishes have changed: its threads look.  Those of the desktop
 * also on its other screens, as its layout is one matter.
 */

void ngx_http_selkies_ring_display(ngx_http_selkies_display_t *display);
void ngx_http_selkies_ring_desktop(ngx_http_selkies_display_t *display);
void ngx_http_selkies_ring_audio(ngx_http_selkies_display_t *display);

/* This worker's event loop comes round; any thread. */

void ngx_http_selkies_ring_self(void);

/* Every worker looks at its sessions: the place's "locked" part changed. */

void ngx_http_selkies_ring_workers(void);

/* The number of sockets that watch, and the control of the display's input. */

void ngx_http_selkies_count_reader(ngx_http_selkies_display_t *display,
    ngx_int_t n);
void ngx_http_selkies_count_plain(ngx_http_selkies_display_t *display,
    ngx_int_t n);
void ngx_http_selkies_count_whole(ngx_http_selkies_display_t *display,
    ngx_int_t n);
void ngx_http_selkies_count_gate(ngx_http_selkies_display_t *display,
    ngx_int_t n);
void ngx_http_selkies_count_listener(ngx_http_selkies_display_t *display,
    ngx_int_t n);
void ngx_http_selkies_count_stereo(ngx_http_selkies_display_t *display,
    ngx_int_t n);

selkies_control_t *ngx_http_selkies_control(
    ngx_http_selkies_display_t *display);

void ngx_http_selkies_lock(void);
void ngx_http_selkies_unlock(void);

selkies_shared_t *ngx_http_selkies_shared(void);

/* A buffer of NGX_HTTP_SELKIES_SCRATCH_BYTES for the message being made. */

u_char *ngx_http_selkies_scratch(void);


/* ngx_http_selkies_log.c: the sink of threads, and its emptying */

extern const selkies_log_t  ngx_http_selkies_log;

void ngx_http_selkies_log_flush(void);


#pragma GCC visibility pop


#include "ngx_http_selkies_desk.h"
#include "ngx_http_selkies_files.h"
#include "ngx_http_selkies_pads.h"
#include "ngx_http_selkies_session.h"


#endif /* NGX_HTTP_SELKIES_MODULE_H_INCLUDED */
