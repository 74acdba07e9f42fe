
/*
 * Copyright (C) ngx_selkies authors
 *
 * See selkies_clipboard.h.
 */


#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../encoders/repack.h"
#include "selkies_clipboard.h"
#include "selkies_thread.h"


#define SELKIES_CLIP_RETRY_US   250000
#define SELKIES_CLIP_IDLE_US    2000000
#define SELKIES_CLIP_PACE_US    100000      /* between two reads */
#define SELKIES_CLIP_FRESH_US   150000      /* a copy key may be on its way */
#define SELKIES_CLIP_NEWS       16


typedef struct {
    uint64_t                  id;           /* 0: a change, for all */
    uint64_t                  due_us;
    size_t                    max_bytes;
    unsigned                  want;
} selkies_clip_reader_t;


struct selkies_clip_s {
    const char               *display;
    const char               *xauthority;
    void                    (*wake)(void);
    const selkies_log_t      *log;

    pthread_t                 thread;
    selkies_x11_interrupt_t   interrupt;
    int                       bell;
    _Atomic bool              stop;

    /* the mailbox, behind the lock */

    pthread_mutex_t           lock;
    size_t                    max_bytes;    /* of who watches */
    unsigned                  want;
    selkies_content_t        *set;
    selkies_control_t        *control;      /* that waits for it */
    uint32_t                  ticket;       /* of it */
    selkies_clip_reader_t     asked[SELKIES_CLIP_READERS];
    unsigned                  nasked;
    selkies_clip_news_t       news[SELKIES_CLIP_NEWS];
    unsigned                  nnews;
    bool                      idle;         /* X is let go, nothing to do */

    /* the thread's */

    selkies_clipboard_t      *clipboard;
    selkies_clip_reader_t     watch;        /* a change is due, if due_us */
    selkies_clip_reader_t     readers[SELKIES_CLIP_READERS];
    unsigned                  nreaders;
    selkies_clip_reader_t     reading;      /* for these; max_bytes 0: no */
    unsigned                  nreading;
    uint64_t                  ids[SELKIES_CLIP_READERS + 1];
    uint64_t                  read_us;      /* when the last one began */
    uint64_t                  serial;       /* its number */
    selkies_content_t        *last;         /* of a client, to know it again */
    uint64_t                  unused_us;
};


static void *selkies_clip_thread(void *data);
static uint64_t selkies_clip_step(selkies_clip_t *clip);
static void selkies_clip_collect(selkies_clip_t *clip);
static void selkies_clip_apply(selkies_clip_t *clip);
static void selkies_clip_changed(selkies_clip_t *clip, uint64_t now);
static void selkies_clip_begin(selkies_clip_t *clip, uint64_t now);
static void selkies_clip_finish(selkies_clip_t *clip);
static bool selkies_clip_repack(selkies_clip_t *clip,
    selkies_content_t *content);
static void selkies_clip_know(selkies_clip_t *clip,
    selkies_content_t *content);
static void selkies_clip_tell(selkies_clip_t *clip, uint64_t reader,
    selkies_content_t *content, bool refused);
static void selkies_clip_forget(selkies_clip_t *clip);
static uint64_t selkies_clip_sleep(selkies_clip_t *clip);
static void selkies_clip_free(selkies_clip_t *clip);


selkies_clip_t *
selkies_clip_start(const char *display, const char *xauthority,
    void (*wake)(void), const selkies_log_t *log)
{
    int              rc;
    selkies_clip_t  *clip;

    clip = calloc(1, sizeof(selkies_clip_t));

    if (clip == NULL) {
        return NULL;
    }

    clip->display = display;
    clip->xauthority = xauthority;
    clip->wake = wake;
    clip->log = log;
    clip->bell = selkies_bell_open();

    if (clip->bell == -1) {
        free(clip);
        return NULL;
    }

    selkies_x11_init();
    selkies_x11_interrupt_init(&clip->interrupt);
    pthread_mutex_init(&clip->lock, NULL);

    rc = selkies_thread_start(&clip->thread, "selkies-clip",
                              selkies_clip_thread, clip);

    if (rc != 0) {
        selkies_log(log, SELKIES_LOG_ERR, "pthread_create() failed (%d: %s)",
                    rc, strerror(rc));
        selkies_clip_free(clip);
        return NULL;
    }

    return clip;
}


selkies_status_t
selkies_clip_stop(selkies_clip_t *clip, uint32_t timeout_ms)
{
    if (clip == NULL) {
        return SELKIES_OK;
    }

    atomic_store(&clip->stop, true);
    selkies_bell_ring(clip->bell);

    if (selkies_thread_join(clip->thread, timeout_ms / 2) != SELKIES_OK) {
        selkies_x11_interrupt(&clip->interrupt);

        if (selkies_thread_join(clip->thread, timeout_ms / 2) != SELKIES_OK) {
            return SELKIES_AGAIN;
        }
    }

    selkies_clip_free(clip);

    return SELKIES_OK;
}


static void
selkies_clip_free(selkies_clip_t *clip)
{
    unsigned  i;

    for (i = 0; i < clip->nnews; i++) {
        selkies_content_drop(clip->news[i].content);
    }

    selkies_content_drop(clip->set);
    pthread_mutex_destroy(&clip->lock);
    selkies_x11_interrupt_destroy(&clip->interrupt);
    close(clip->bell);
    free(clip);
}


void
selkies_clip_watch(selkies_clip_t *clip, size_t max_bytes, unsigned want)
{
    pthread_mutex_lock(&clip->lock);
    clip->max_bytes = max_bytes;
    clip->want = want;
    pthread_mutex_unlock(&clip->lock);

    selkies_bell_ring(clip->bell);
}


bool
selkies_clip_is_idle(selkies_clip_t *clip)
{
    bool  idle;

    pthread_mutex_lock(&clip->lock);
    idle = clip->idle && clip->max_bytes == 0 && clip->set == NULL
           && clip->nasked == 0 && clip->nnews == 0;
    pthread_mutex_unlock(&clip->lock);

    return idle;
}


uint32_t
selkies_clip_set(selkies_clip_t *clip, selkies_control_t *control,
    selkies_content_t *content)
{
    uint32_t            ticket;
    selkies_content_t  *before;

    pthread_mutex_lock(&clip->lock);
    before = clip->set;
    clip->set = content;
    clip->control = control;
    ticket = ++clip->ticket;
    pthread_mutex_unlock(&clip->lock);

    selkies_content_drop(before);
    selkies_bell_ring(clip->bell);

    return ticket;
}


/* One that asks again replaces itself; too many are not heard. */

void
selkies_clip_read(selkies_clip_t *clip, uint64_t reader, size_t max_bytes,
    unsigned want, bool fresh)
{
    unsigned  i;

    pthread_mutex_lock(&clip->lock);

    for (i = 0; i < clip->nasked && clip->asked[i].id != reader; i++) {
        /* void */
    }

    if (i < SELKIES_CLIP_READERS) {
        clip->asked[i].id = reader;
        clip->asked[i].due_us = fresh
                                ? selkies_clock_us() + SELKIES_CLIP_FRESH_US
                                : 0;
        clip->asked[i].max_bytes = max_bytes;
        clip->asked[i].want = want;

        if (i == clip->nasked) {
            clip->nasked++;
        }
    }

    pthread_mutex_unlock(&clip->lock);

    selkies_bell_ring(clip->bell);
}


bool
selkies_clip_take(selkies_clip_t *clip, selkies_clip_news_t *news)
{
    bool  any;

    pthread_mutex_lock(&clip->lock);

    any = clip->nnews != 0;

    if (any) {
        *news = clip->news[0];
        clip->nnews--;
        memmove(clip->news, clip->news + 1,
                clip->nnews * sizeof(selkies_clip_news_t));
    }

    pthread_mutex_unlock(&clip->lock);

    return any;
}


static void *
selkies_clip_thread(void *data)
{
    int              fd;
    uint64_t         timeout_us;
    selkies_clip_t  *clip = data;

    while (!atomic_load(&clip->stop)) {
        timeout_us = selkies_clip_step(clip);
        fd = clip->clipboard ? selkies_clipboard_fd(clip->clipboard) : -1;

        selkies_bell_wait(clip->bell, fd, timeout_us);
    }

    selkies_clipboard_close(clip->clipboard);
    selkies_content_drop(clip->last);
    clip->clipboard = NULL;
    clip->last = NULL;

    return NULL;
}


/* Does what is to be done; how long to sleep. */

static uint64_t
selkies_clip_step(selkies_clip_t *clip)
{
    bool                      needed, idle;
    uint64_t                  now;
    unsigned                  found;
    selkies_clipboard_conf_t  conf;

    selkies_clip_collect(clip);

    pthread_mutex_lock(&clip->lock);
    needed = clip->max_bytes != 0 || clip->set != NULL || clip->nreaders != 0;
    idle = !needed && clip->clipboard == NULL && !clip->idle;
    clip->idle = !needed && clip->clipboard == NULL;
    pthread_mutex_unlock(&clip->lock);

    if (idle) {
        clip->wake();
    }

    if (clip->clipboard == NULL) {

        if (!needed) {
            return UINT64_MAX;
        }

        conf.display = clip->display;
        conf.xauthority = clip->xauthority;
        conf.interrupt = &clip->interrupt;

        clip->clipboard = selkies_clipboard_open(&conf, clip->log);

        if (clip->clipboard == NULL) {
            selkies_clip_forget(clip);
            return SELKIES_CLIP_RETRY_US;
        }

        clip->unused_us = 0;
    }

    selkies_clip_apply(clip);

    found = selkies_clipboard_dispatch(clip->clipboard);

    if (found & SELKIES_CLIPBOARD_LOST) {
        selkies_clipboard_close(clip->clipboard);
        clip->clipboard = NULL;
        selkies_clip_forget(clip);
        return needed ? SELKIES_CLIP_RETRY_US : UINT64_MAX;
    }

    now = selkies_clock_us();

    if (found & SELKIES_CLIPBOARD_CHANGED) {
        selkies_clip_changed(clip, now);

    } else if (found & SELKIES_CLIPBOARD_READ) {
        selkies_clip_finish(clip);
    }

    selkies_clip_begin(clip, now);

    return selkies_clip_sleep(clip);
}


static uint64_t
selkies_clip_sleep(selkies_clip_t *clip)
{
    bool      used;
    uint64_t  now, until, earliest;
    unsigned  i;

    if (selkies_clipboard_pending(clip->clipboard)) {
        return 0;
    }

    until = selkies_clipboard_deadline(clip->clipboard);
    earliest = clip->read_us + SELKIES_CLIP_PACE_US;

    if (clip->nreading == 0) {

        if (clip->watch.due_us != 0 && earliest < until) {
            until = earliest;
        }

        for (i = 0; i < clip->nreaders; i++) {

            if (clip->readers[i].due_us < until) {
                until = clip->readers[i].due_us > earliest
                        ? clip->readers[i].due_us : earliest;
            }
        }
    }

    pthread_mutex_lock(&clip->lock);
    used = clip->max_bytes != 0;
    pthread_mutex_unlock(&clip->lock);

    now = selkies_clock_us();

    if (used || clip->nreaders != 0 || clip->nreading != 0
        || selkies_clipboard_owned(clip->clipboard) != NULL
        || selkies_clipboard_busy(clip->clipboard))
    {
        clip->unused_us = 0;

    } else if (clip->unused_us == 0) {
        clip->unused_us = now;
    }

    if (clip->unused_us != 0) {

        if (now - clip->unused_us >= SELKIES_CLIP_IDLE_US) {
            selkies_clipboard_close(clip->clipboard);
            clip->clipboard = NULL;

            /* the next step says so */

            return 0;
        }

        if (clip->unused_us + SELKIES_CLIP_IDLE_US < until) {
            until = clip->unused_us + SELKIES_CLIP_IDLE_US;
        }
    }

    return until == UINT64_MAX ? until : until > now ? until - now : 0;
}


/* New readers come to the thread. */

static void
selkies_clip_collect(selkies_clip_t *clip)
{
    unsigned  i, j;

    pthread_mutex_lock(&clip->lock);

    for (i = 0; i < clip->nasked; i++) {

        for (j = 0; j < clip->nreaders; j++) {
            if (clip->readers[j].id == clip->asked[i].id) {
                break;
            }
        }

        if (j < SELKIES_CLIP_READERS) {
            clip->readers[j] = clip->asked[i];
            clip->nreaders = j == clip->nreaders ? j + 1 : clip->nreaders;
        }
    }

    clip->nasked = 0;

    clip->watch.max_bytes = clip->max_bytes;
    clip->watch.want = clip->want;

    if (clip->max_bytes == 0) {
        clip->watch.due_us = 0;
    }

    pthread_mutex_unlock(&clip->lock);
}


/* There is no server: nobody waits for it. */

static void
selkies_clip_forget(selkies_clip_t *clip)
{
    uint32_t            ticket;
    unsigned            i;
    selkies_content_t  *set;

    pthread_mutex_lock(&clip->lock);
    set = clip->set;
    ticket = clip->ticket;
    clip->set = NULL;
    pthread_mutex_unlock(&clip->lock);

    if (set != NULL) {
        selkies_content_drop(set);
        selkies_control_pass(clip->control, ticket);
    }

    for (i = 0; i < clip->nreaders; i++) {
        selkies_clip_tell(clip, clip->readers[i].id, NULL, false);
    }

    for (i = 0; i < clip->nreading; i++) {
        if (clip->ids[i] != 0) {
            selkies_clip_tell(clip, clip->ids[i], NULL, false);
        }
    }

    clip->nreaders = 0;
    clip->nreading = 0;
    clip->watch.due_us = 0;
}


/* What a client has set becomes the selection. */

static void
selkies_clip_apply(selkies_clip_t *clip)
{
    uint32_t            ticket;
    unsigned            i;
    selkies_content_t  *set;

    pthread_mutex_lock(&clip->lock);
    set = clip->set;
    ticket = clip->ticket;
    clip->set = NULL;
    pthread_mutex_unlock(&clip->lock);

    if (set == NULL) {
        return;
    }

    selkies_content_drop(clip->last);
    clip->last = set;
    selkies_content_hold(set);

    (void) selkies_clipboard_own(clip->clipboard, set);
    selkies_control_pass(clip->control, ticket);

    /* what was being read is not there any more: who waits gets this */

    for (i = 0; i < clip->nreading; i++) {

        if (clip->ids[i] != 0 && clip->nreaders < SELKIES_CLIP_READERS) {
            clip->readers[clip->nreaders] = clip->reading;
            clip->readers[clip->nreaders].id = clip->ids[i];
            clip->readers[clip->nreaders++].due_us = 0;
        }
    }

    clip->nreading = 0;
    clip->watch.due_us = 0;
}


static void
selkies_clip_changed(selkies_clip_t *clip, uint64_t now)
{
    unsigned  i;

    /* one that is being read may be the one before: it begins anew */

    for (i = 0; i < clip->nreading; i++) {

        if (clip->ids[i] != 0 && clip->nreaders < SELKIES_CLIP_READERS) {
            clip->readers[clip->nreaders] = clip->reading;
            clip->readers[clip->nreaders++].id = clip->ids[i];
        }
    }

    clip->nreading = 0;

    for (i = 0; i < clip->nreaders; i++) {
        clip->readers[i].due_us = 0;
    }

    if (clip->watch.max_bytes != 0) {
        clip->watch.due_us = now;

    } else {
        selkies_content_drop(clip->last);
        clip->last = NULL;
    }
}


/* One read serves all who are due. */

static void
selkies_clip_begin(selkies_clip_t *clip, uint64_t now)
{
    unsigned            i, kept;
    selkies_content_t  *own;

    if (clip->nreading != 0) {
        return;
    }

    own = selkies_clipboard_owned(clip->clipboard);

    if (own == NULL && now - clip->read_us < SELKIES_CLIP_PACE_US) {
        return;
    }

    clip->serial++;
    clip->reading.max_bytes = 0;
    clip->reading.want = 0;

    if (clip->watch.due_us != 0) {
        clip->reading = clip->watch;
        clip->ids[clip->nreading++] = 0;
        clip->watch.due_us = 0;
    }

    for (i = 0, kept = 0; i < clip->nreaders; i++) {

        if (clip->readers[i].due_us > now) {
            clip->readers[kept++] = clip->readers[i];
            continue;
        }

        if (clip->readers[i].max_bytes > clip->reading.max_bytes) {
            clip->reading.max_bytes = clip->readers[i].max_bytes;
        }

        clip->reading.want |= clip->readers[i].want;
        clip->ids[clip->nreading++] = clip->readers[i].id;
    }

    clip->nreaders = kept;

    if (clip->nreading == 0) {
        return;
    }

    if (own == NULL) {
        clip->read_us = now;
        selkies_clipboard_read(clip->clipboard, clip->reading.max_bytes,
                               clip->reading.want);
        return;
    }

    for (i = 0; i < clip->nreading; i++) {

        if (clip->ids[i] != 0) {
            selkies_content_hold(own);
            selkies_clip_tell(clip, clip->ids[i], own, false);
        }
    }

    clip->nreading = 0;
}


static void
selkies_clip_finish(selkies_clip_t *clip)
{
    unsigned            i;
    selkies_status_t    rc;
    selkies_content_t  *content;

    rc = selkies_clipboard_take(clip->clipboard, &content);

    if (rc == SELKIES_AGAIN) {
        selkies_log(clip->log, SELKIES_LOG_INFO,
                    "display %s: the owner of the clipboard does not answer",
                    clip->display);
    }

    if (content != NULL && !selkies_clip_repack(clip, content)) {
        selkies_log(clip->log, SELKIES_LOG_INFO,
                    "display %s: what the clipboard calls a PNG is none",
                    clip->display);
        selkies_content_drop(content);
        content = NULL;
    }

    selkies_clip_know(clip, content);

    for (i = 0; i < clip->nreading; i++) {

        if (content != NULL) {
            selkies_content_hold(content);
        }

        if (rc != SELKIES_AGAIN || clip->ids[i] != 0) {
            selkies_clip_tell(clip, clip->ids[i], content,
                              rc == SELKIES_ERROR);
        }
    }

    selkies_content_drop(content);
    clip->nreading = 0;
}


/*
 * Nobody else knows the content yet.  A JPEG that cannot be repacked stays;
 * false: a PNG that is none.
 */

static bool
selkies_clip_repack(selkies_clip_t *clip, selkies_content_t *content)
{
    size_t                   len;
    uint8_t                 *png;
    selkies_content_part_t  *part = &content->parts[0];

    if (strcmp(part->mime, "image/png") == 0) {
        part->len = selkies_png_length(part->data, part->len);
        part->data[part->len] = '\0';
        return part->len != 0;
    }

    if (strcmp(part->mime, "image/jpeg") != 0
        || selkies_repack_jpeg(part->data, part->len, clip->reading.max_bytes,
                               &png, &len)
           != SELKIES_OK)
    {
        return true;
    }

    free(part->data);
    memcpy(part->mime, "image/png", sizeof("image/png"));
    part->data = png;
    part->data[len] = '\0';
    part->len = len;

    return true;
}


/*
 * A clipboard manager takes over what a client has set: that client knows it
 * already.  After anything else (NULL: not to be had) it is news again.
 */

static void
selkies_clip_know(selkies_clip_t *clip, selkies_content_t *content)
{
    if (clip->last == NULL) {
        return;
    }

    if (content != NULL && selkies_content_same(clip->last, content)) {
        content->origin = clip->last->origin;
        return;
    }

    selkies_content_drop(clip->last);
    clip->last = NULL;
}


/* The reference moves; a reader that never takes its news loses the oldest. */

static void
selkies_clip_tell(selkies_clip_t *clip, uint64_t reader,
    selkies_content_t *content, bool refused)
{
    selkies_content_t    *lost;
    selkies_clip_news_t  *news;

    lost = NULL;

    pthread_mutex_lock(&clip->lock);

    if (clip->nnews == SELKIES_CLIP_NEWS) {
        lost = clip->news[0].content;
        clip->nnews--;
        memmove(clip->news, clip->news + 1,
                clip->nnews * sizeof(selkies_clip_news_t));
    }

    news = &clip->news[clip->nnews++];
    news->reader = reader;
    news->serial = clip->serial;
    news->content = content;
    news->refused = refused;

    pthread_mutex_unlock(&clip->lock);

    selkies_content_drop(lost);
    clip->wake();
}
