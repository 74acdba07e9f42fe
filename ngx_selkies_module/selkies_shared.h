
/*
 * Copyright (C) ngx_selkies authors
 *
 * What all workers share: one block of memory with a table of workers and a
 * few places for streams (one X display each), every place with its ring.
 *
 * The block holds *states*, not messages.  A worker that wants something of
 * the desktop writes the wanted state (size, rate, quality, "a key is
 * needed") and rings a bell; the owner's threads bring the desktop there and
 * publish what is.  So nothing is lost when a worker is killed, a newcomer
 * needs no replay, the newest wish wins, and no queue can overflow.
 *
 * Thread: what is _Atomic may be used by any thread of any process.  What is
 * marked "locked" belongs to event loops that hold the zone's lock.  The
 * places' engine_* fields are written by the owner's threads only.
 *
 * Ownership: the block outlives every worker and, with the same size, a
 * reload.  It holds no pointer.
 */


#ifndef SELKIES_SHARED_H_INCLUDED
#define SELKIES_SHARED_H_INCLUDED


#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "../capture/input.h"
#include "selkies_join.h"
#include "selkies_layout.h"
#include "selkies_pads.h"
#include "selkies_ring.h"


#define SELKIES_WORKERS_MAX      256
#define SELKIES_STREAMS_MAX      16
#define SELKIES_DISPLAY_LEN      128
#define SELKIES_PATH_LEN         1024
#define SELKIES_CURSOR_BYTES     (128 * 1024)
#define SELKIES_CAPTION_BYTES    512
#define SELKIES_RESUME_BYTES     16
#define SELKIES_LATENCY_BUCKETS  88

#define SELKIES_AUDIO_SLOTS      256            /* 2.5 s of 10 ms packets */
#define SELKIES_AUDIO_BYTES      (256 * 1024)   /* of them, each place */
#define SELKIES_AUDIO_NAME_LEN   256            /* of a source */


/* What the owner's threads say of the desktop. */

typedef enum {
    SELKIES_STREAM_OFF = 0,            /* nobody watches */
    SELKIES_STREAM_CONNECTING,
    SELKIES_STREAM_MISSING,            /* no X server answers; tried again */
    SELKIES_STREAM_READY,
    SELKIES_STREAM_NO_ENCODER           /* none takes the picture; as above */
} selkies_stream_state_t;


/* And of its sound. */

typedef enum {
    SELKIES_AUDIO_OFF = 0,              /* nobody listens */
    SELKIES_AUDIO_CONNECTING,
    SELKIES_AUDIO_NO_SERVER,            /* none answers; tried again */
    SELKIES_AUDIO_NO_SOURCE,            /* it has nothing to record */
    SELKIES_AUDIO_NO_ENCODER,
    SELKIES_AUDIO_READY
} selkies_audio_state_t;


typedef enum {
    SELKIES_COUNT_SOCKETS = 0,          /* open */
    SELKIES_COUNT_READERS,              /* of these, watch the stream */
    SELKIES_COUNT_GATES,                /* of these, can take a picture now */
    SELKIES_COUNT_PLAIN,                /* readers, but not of lite pictures */
    SELKIES_COUNT_WHOLE,                /* readers of whole pictures alone */
    SELKIES_COUNT_LISTENERS,            /* of the sockets, hear the sound */
    SELKIES_COUNT_STEREO,               /* of these, in two channels alone */
    SELKIES_COUNT_HOLDS,                /* what keeps the place; locked */
    SELKIES_COUNTS
} selkies_count_e;


/* What a worker's clients are to a stream. */

typedef struct {
    _Atomic uint32_t     counts[SELKIES_COUNTS];
    _Atomic uint32_t     link_kbits;    /* the controller's way carries no
                                           more at present; 0: no limit, or no
                                           controller here */
    _Atomic uint32_t     link_tight;    /* 1: nothing to spare on it */
    selkies_pressed_t    pressed;       /* keys and buttons they hold */
} selkies_watch_t;


/*
 * A worker process.  Indexed by (generation, worker), because during a reload
 * an old and a new worker of the same number live side by side.
 */

typedef struct {
    _Atomic int32_t      pid;           /* 0: the entry is free */
    uint32_t             generation;    /* locked */
    uint32_t             worker;        /* locked */
    selkies_watch_t      watch[SELKIES_STREAMS_MAX];
} selkies_worker_t;


/*
 * Histogram of microseconds: up to 3 each has a bucket, from there on there are
 * four of one width between two powers of two.
 */

typedef struct {
    _Atomic uint64_t     bucket[SELKIES_LATENCY_BUCKETS];
} selkies_histogram_t;


typedef struct {
    _Atomic uint64_t     pictures;
    _Atomic uint64_t     keys;
    _Atomic uint64_t     lites;
    _Atomic uint64_t     joins;         /* bursts of the join cache begun */
    _Atomic uint64_t     bytes;
    _Atomic uint64_t     oversized;     /* pictures the ring could not take */
    _Atomic uint64_t     resizes;
    _Atomic uint64_t     audio_packets;
    _Atomic uint64_t     audio_bytes;
    _Atomic uint64_t     encoded_us;    /* when the last one was in the ring */
    selkies_histogram_t  encode;        /* damage seen -> in the ring */
} selkies_statistics_t;


/*
 * The cursor, ready to be sent: a text message's payload.  Written by the
 * owner's desktop thread under a sequence lock (odd: being written).
 */

typedef struct {
    _Atomic uint32_t     sequence;
    _Atomic uint32_t     length_bytes;
    uint8_t              text[SELKIES_CURSOR_BYTES];
} selkies_cursor_text_t;


/*
 * The text over the picture, UTF-8 as it came, and where it is: a
 * selkies_overlay_place_t.  Written by event loops that hold the zone's lock,
 * under a sequence lock as above.
 */

typedef struct {
    _Atomic uint32_t     sequence;
    _Atomic uint32_t     place;
    _Atomic uint32_t     length_bytes;      /* 0: none */
    uint8_t              text[SELKIES_CAPTION_BYTES];
} selkies_caption_t;


/*
 * A screen of an X display, its sound, and the way to both, as the
 * configuration or a request says.  Strings are zero-terminated, "" for none;
 * the generation is that of the workers who say so.
 */

typedef struct {
    char                       display[SELKIES_DISPLAY_LEN];
    uint32_t                   screen;      /* 0: "primary" */
    char                       xauthority[SELKIES_PATH_LEN];
    char                       framebuffer[SELKIES_PATH_LEN];   /* folder */
    int32_t                    framebuffer_fd;                  /* -1: none */
    uint32_t                   capture;     /* selkies_capture_mode_t */
    uint32_t                   watermark;   /* number in the conf; 0: none */
    char                       pulse_server[SELKIES_PATH_LEN];
    char                       pulse_cookie[SELKIES_PATH_LEN];
    char                       pulse_source[SELKIES_AUDIO_NAME_LEN];
    uint64_t                   idle_ms;
    uint32_t                   generation;

    /* not compared: gamepads' sockets, where variables name the folder */

    char                       pads_folder[SELKIES_PATH_LEN];
} selkies_source_t;


/*
 * One screen of an X display: "primary", or a further one.  Each has a place
 * of its own, with its controller, ring and engine; together they share the X
 * screen, of which each shows a part (selkies_layout.h).
 */

typedef struct {
    /* locked: which X display the place belongs to, "" for a free one */

    selkies_source_t           source;

    /* changed under the lock: the places of one X display have the same desk,
       1 + the number of its primary's place; 0 for a free one */

    _Atomic uint32_t           desk;
    _Atomic uint32_t           screen;

    /* locked: who controls it */

    uint64_t                   owner;           /* session id, 0 for none */
    uint64_t                   owner_resumed;   /* id of the socket it took
                                                   over from, with its resume */
    uint8_t                    resume[SELKIES_RESUME_BYTES];
    uint64_t                   resume_until_ms; /* 0 while the socket lives */

    /* locked: gamepads */

    selkies_pads_t             pads;

    /* wanted: any event loop */

    _Atomic uint64_t           wanted_size;     /* see selkies_size_pack() */
    _Atomic uint64_t           claimed_size;    /* will be wanted, if there is
                                                   no second thought; or 0 */
    _Atomic uint32_t           wanted_side;     /* selkies_side_t */
    _Atomic uint32_t           wanted_fps;
    _Atomic uint32_t           wanted_qp;
    _Atomic uint32_t           wanted_paintover_qp;     /* 0: no paint-over */
    _Atomic uint32_t           wanted_jpeg;     /* quality, 1 to 100 */
    _Atomic uint32_t           wanted_paintover_jpeg;   /* 0: no paint-over */
    _Atomic uint32_t           wanted_encoder;  /* selkies_encoder_id_t */
    _Atomic uint32_t           wanted_rate_kbits;       /* 0: no limit */
    _Atomic uint32_t           wanted_min_qp;   /* under a limit, 0: own */
    _Atomic uint32_t           wanted_max_qp;
    _Atomic uint32_t           wanted_streaming;        /* all ticks: 1 */
    _Atomic uint32_t           wanted_fullcolor;        /* 4:4:4: 1 */
    _Atomic uint32_t           wanted_key_s;    /* between keys, 0: none */
    _Atomic uint32_t           wanted_cursor;   /* in the picture: 1 */
    _Atomic uint32_t           wanted_dpi;      /* see selkies_dpi_pack(); 0:
                                                   the desktop's own */
    _Atomic uint32_t           wanted_audio_rate;       /* bit/s */
    _Atomic uint32_t           wanted_audio_samples;    /* of a frame */
    _Atomic uint32_t           wanted_audio_channels;
    _Atomic uint32_t           wanted_keys;     /* counts requests */

    /* changed under the lock */

    _Atomic uint64_t           author;          /* the session whose request
                                                   the text is of, or 0 */
    selkies_caption_t          caption;

    /* published: the owner's threads */

    _Atomic uint64_t           engine_area;     /* see SELKIES_AREA_NONE */
    _Atomic uint64_t           engine_size;     /* the wish carried out */
    _Atomic uint64_t           engine_shown;    /* and by pictures to come */
    _Atomic uint32_t           engine_state;    /* selkies_stream_state_t */
    _Atomic uint32_t           engine_epoch;
    _Atomic uint32_t           engine_frame;    /* picture counter */
    _Atomic uint64_t           engine_picture;  /* size of what is streamed */
    _Atomic uint64_t           engine_screen;   /* size the screen has, 0 while
                                                   that is not known */
    _Atomic uint32_t           engine_qp;
    char                       engine_capture[16];
    _Atomic uint32_t           engine_audio;    /* selkies_audio_state_t */

    selkies_cursor_text_t      cursor;
    selkies_statistics_t       statistics;

    uint64_t                   ring_offset;     /* from the block's start */
    uint64_t                   join_offset;     /* 0: there is none */
    uint64_t                   audio_offset;    /* of the ring of sound */
} selkies_stream_t;


/*
 * engine_area is the part of the X screen that is shown, selkies_area_pack(),
 * or one of these.
 */

#define SELKIES_AREA_ALL   0                /* it is the only one */
#define SELKIES_AREA_NONE  UINT64_MAX       /* there is no room for it */


/* What a block is laid out for: it goes on only with the same. */

typedef struct {
    uint32_t                   nstreams;
    size_t                     ring_bytes;      /* of data, each */
    size_t                     join_bytes;      /* as above; 0: no cache */
} selkies_shared_conf_t;


typedef struct {
    selkies_shared_conf_t      conf;
    _Atomic uint32_t           nworkers;        /* entries ever used */
    _Atomic uint64_t           sessions;        /* counts them, see
                                                   selkies_session_id() */
    selkies_worker_t           workers[SELKIES_WORKERS_MAX];
    selkies_stream_t           streams[];
} selkies_shared_t;


#pragma GCC visibility push(hidden)


/* Bytes of such a block. */

size_t selkies_shared_bytes(const selkies_shared_conf_t *conf);


/*
 * Lays an empty block, 64 bytes aligned.  The pages of rings and caches are
 * not touched: a place never used costs no memory.
 */

selkies_shared_t *selkies_shared_init(void *block,
    const selkies_shared_conf_t *conf);


/* Whether the block is laid out so. */

bool selkies_shared_fits(const selkies_shared_t *shared,
    const selkies_shared_conf_t *conf);


/*
 * Locked.  The place of a screen, held for a worker: the screen's own with all
 * that is in it, or one that nobody holds, emptied.  A further screen has one
 * only while its display's primary has, which its holder holds, too.  NULL
 * where there is none, or, then `differs` is true, where workers of this or a
 * newer generation hold it with another way to the display.
 *
 * Who uses a place holds it: a place is given to another display only when
 * no living worker does.  Each hold is released once; a worker that ends
 * releases all of its own with its entry.
 */

selkies_stream_t *selkies_stream_hold(selkies_shared_t *shared,
    selkies_worker_t *worker, const selkies_source_t *source, bool *differs);


/*
 * Locked.  Gives one hold back.  With `forget`, and when it was the last one,
 * the place is free at once and the memory of ring and cache goes back to the
 * system.
 */

void selkies_stream_release(selkies_shared_t *shared,
    selkies_worker_t *worker, selkies_stream_t *stream, bool forget);


/* Whether both say the same way to the same display; generations aside. */

bool selkies_source_same(const selkies_source_t *one,
    const selkies_source_t *two);


/* Locked.  The place that a screen has now, held or not; NULL for none. */

selkies_stream_t *selkies_stream_find(selkies_shared_t *shared,
    const char *display, uint32_t screen);


/*
 * Any thread.  The screens of the place's X display that somebody wants: their
 * places by number, NULL for one that is not there.  How many there are.
 */

uint32_t selkies_stream_screens(selkies_shared_t *shared,
    const selkies_stream_t *stream,
    selkies_stream_t *screens[SELKIES_SCREENS_MAX]);


/* Locked.  Further screens that only killed workers held are gone. */

void selkies_stream_sweep(selkies_shared_t *shared);


/* The number of a place, for selkies_worker_t.watch[]. */

uint32_t selkies_stream_index(selkies_shared_t *shared,
    const selkies_stream_t *stream);

selkies_ring_t *selkies_stream_ring(selkies_shared_t *shared,
    const selkies_stream_t *stream);


selkies_ring_t *selkies_stream_audio(selkies_shared_t *shared,
    const selkies_stream_t *stream);


/* NULL where the block has none. */

selkies_join_t *selkies_stream_join(selkies_shared_t *shared,
    const selkies_stream_t *stream);


/*
 * A new session's id, never 0, and where in the table of workers the one is, or
 * was, that has it.  Any thread.
 */

uint64_t selkies_session_id(selkies_shared_t *shared, uint32_t worker);
uint32_t selkies_session_worker(uint64_t id);


/*
 * Locked.  The entry of worker `worker` of `generation`, run by process
 * `pid`: a killed predecessor's, a free one, or one whose process is gone.
 * What displays had of its sessions is forgotten, as where they had left.
 * `orphans` is told whether there was one: what its clients still held must be
 * released, and who watches looks again.  NULL where the table is full.
 */

selkies_worker_t *selkies_shared_worker(selkies_shared_t *shared,
    uint32_t generation, uint32_t worker, int32_t pid, bool *orphans);


/* Locked.  Gives an entry back, its counters zeroed. */

void selkies_worker_free(selkies_worker_t *worker);


/*
 * Locked, so that all workers together never count one too many: one socket
 * more of a stream, unless `max` are open.  Whether it was counted; who was
 * is taken off SELKIES_COUNT_SOCKETS once, with or without the lock.  Those
 * of a killed worker are not open, successor or not.
 */

bool selkies_stream_admit(selkies_shared_t *shared, selkies_worker_t *worker,
    uint32_t index, uint64_t max);


/*
 * A stream's count over all live workers.  Any thread.  A killed worker's
 * stands until its successor takes its entry, some milliseconds later.
 */

uint32_t selkies_stream_count(selkies_shared_t *shared, uint32_t index,
    selkies_count_e count);


/*
 * What the controller's way carries, in kbit/s, 0 for no limit; whether there
 * is nothing to spare on it.  Any thread.  While a display changes hands the
 * lower one of two counts.
 */

uint32_t selkies_stream_link(selkies_shared_t *shared, uint32_t index,
    bool *tight);


/*
 * A size with the serial number of the wish: 16 bits a side.  Serial numbers
 * tell a repeated wish for the same size from the old one.
 */

static inline uint64_t
selkies_size_pack(uint32_t serial, uint32_t width, uint32_t height)
{
    return (uint64_t) serial << 32 | (uint64_t) (width & 0xffff) << 16
           | (height & 0xffff);
}


static inline uint32_t
selkies_size_width(uint64_t size)
{
    return (uint32_t) (size >> 16) & 0xffff;
}


static inline uint32_t
selkies_size_height(uint64_t size)
{
    return (uint32_t) size & 0xffff;
}


static inline uint32_t
selkies_size_serial(uint64_t size)
{
    return (uint32_t) (size >> 32);
}


/* The DPI of a desktop, and the size of its cursors in pixels. */

static inline uint32_t
selkies_dpi_pack(int32_t dpi, int32_t cursor)
{
    return (uint32_t) cursor << 16 | ((uint32_t) dpi & 0xffff);
}


static inline int32_t
selkies_dpi_dots(uint32_t packed)
{
    return (int32_t) (packed & 0xffff);
}


static inline int32_t
selkies_dpi_cursor(uint32_t packed)
{
    return (int32_t) (packed >> 16);
}


/* Desktop thread.  Replaces the cursor message; too long a one is refused. */

bool selkies_cursor_write(selkies_cursor_text_t *cursor, const uint8_t *text,
    size_t len);


/*
 * Any thread.  Copies the cursor message; returns its length, 0 while there
 * is none or it is being written, and the sequence it had.
 */

size_t selkies_cursor_read(selkies_cursor_text_t *cursor, uint8_t *buf,
    size_t size, uint32_t *sequence);


/* Locked.  Replaces the text; whether it, or its place, is another one now. */

bool selkies_caption_write(selkies_caption_t *caption, const uint8_t *text,
    size_t len, uint32_t place);


/*
 * Any thread.  Copies the text, up to SELKIES_CAPTION_BYTES, its length and
 * place, and the sequence it had; false while it is being written.
 */

bool selkies_caption_read(selkies_caption_t *caption, uint8_t *text,
    size_t *len, uint32_t *place, uint32_t *sequence);


void selkies_histogram_add(selkies_histogram_t *histogram, uint64_t value_us);


/*
 * The value in microseconds that `permille` of the samples stay below, rounded
 * up to the end of its bucket: by a quarter at most.
 */

uint64_t selkies_histogram_quantile(selkies_histogram_t *histogram,
    uint32_t permille);


#pragma GCC visibility pop


#endif /* SELKIES_SHARED_H_INCLUDED */
