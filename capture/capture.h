
/*
 * Copyright (C) ngx_selkies authors
 *
 * Types every room below the engine shares: status codes, the log sink, the
 * clock, rectangles and a captured frame.  Types and a few inline helpers
 * only: whoever includes this file depends on no code of capture/.
 *
 * Thread: any.  Ownership: stated per type.
 */


#ifndef SELKIES_CAPTURE_H_INCLUDED
#define SELKIES_CAPTURE_H_INCLUDED


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>


/*
 * What functions of capture/, encoders/ and the engine return.  A change of
 * geometry and a lost server are normal flow, not errors.
 */

typedef enum {
    SELKIES_OK = 0,
    SELKIES_AGAIN = 1,              /* nothing to do now, not a failure */
    SELKIES_REINIT = 2,             /* geometry changed: ask the size anew */
    SELKIES_LOST = 3,               /* the connection is gone: close, retry */
    SELKIES_ERROR = 4               /* logged once where the cause was known */
} selkies_status_t;


typedef enum {
    SELKIES_LOG_ERR = 1,
    SELKIES_LOG_WARN,
    SELKIES_LOG_NOTICE,
    SELKIES_LOG_INFO,
    SELKIES_LOG_DEBUG
} selkies_log_level_t;


/*
 * Where threads send their lines.  write() may be called from any thread and
 * must not block; the line has no newline and is not kept by the caller.
 */

typedef struct {
    void     (*write)(void *data, selkies_log_level_t level, const char *line,
                      size_t len);
    void      *data;
} selkies_log_t;


typedef struct {
    int32_t    x;
    int32_t    y;
    int32_t    width;
    int32_t    height;
} selkies_rect_t;


/*
 * A look at the screen.  Owned by the screen that filled it, valid until
 * selkies_screen_release().  Pixels are 32 bits, in memory B G R X; `pixels`
 * is the top left corner of the screen and only what `rects` cover is
 * guaranteed to be current.  Rectangles lie inside width x height.
 */

typedef struct {
    const uint8_t         *pixels;
    size_t                 stride_bytes;
    int32_t                width;
    int32_t                height;

    const selkies_rect_t  *rects;
    size_t                 nrects;

    uint64_t               capture_us;      /* selkies_clock_us() */
} selkies_frame_t;


/* Formats one line and hands it to the sink; log may be NULL.  Any thread. */

__attribute__((format(printf, 3, 4), unused))
static void
selkies_log(const selkies_log_t *log, selkies_log_level_t level,
    const char *fmt, ...)
{
    int      len;
    char     line[512];
    va_list  args;

    if (log == NULL || log->write == NULL) {
        return;
    }

    va_start(args, fmt);
    len = vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);

    if (len < 0) {
        return;
    }

    if ((size_t) len >= sizeof(line)) {
        len = sizeof(line) - 1;
    }

    log->write(log->data, level, line, (size_t) len);
}


/* CLOCK_MONOTONIC in microseconds.  Any thread. */

static inline uint64_t
selkies_clock_us(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}


#endif /* SELKIES_CAPTURE_H_INCLUDED */
