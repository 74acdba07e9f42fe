
/*
 * Copyright (C) ngx_selkies authors
 *
 * Log lines of threads: nginx's sinks are not thread-safe, so the event loop
 * writes them.
 *
 * Thread: the sink, any; ngx_http_selkies_log_flush(), the event loop.
 */


#include "ngx_http_selkies_module.h"
#include "selkies_thread.h"


#define NGX_HTTP_SELKIES_LOG_LINES      64
#define NGX_HTTP_SELKIES_LOG_BYTES      512


typedef struct {
    ngx_uint_t              level;
    size_t                  len;
    u_char                  line[NGX_HTTP_SELKIES_LOG_BYTES];
} ngx_http_selkies_log_line_t;


/* Lines of threads, for the event loop to write: sinks are not thread-safe. */

typedef struct {
    pthread_mutex_t               lock;
    ngx_uint_t                    n;
    ngx_uint_t                    dropped;
    ngx_http_selkies_log_line_t   lines[NGX_HTTP_SELKIES_LOG_LINES];
} ngx_http_selkies_log_queue_t;


static void ngx_http_selkies_log_write(void *data, selkies_log_level_t level,
    const char *line, size_t len);


static ngx_http_selkies_log_queue_t  ngx_http_selkies_log_queue = {
    .lock = PTHREAD_MUTEX_INITIALIZER
};


const selkies_log_t  ngx_http_selkies_log = {
    ngx_http_selkies_log_write,
    NULL
};

/* Any thread. */

static void
ngx_http_selkies_log_write(void *data, selkies_log_level_t level,
    const char *line, size_t len)
{
    ngx_http_selkies_log_line_t   *entry;
    ngx_http_selkies_log_queue_t  *queue = &ngx_http_selkies_log_queue;

    static const ngx_uint_t  levels[] = {
        [SELKIES_LOG_ERR] = NGX_LOG_ERR,
        [SELKIES_LOG_WARN] = NGX_LOG_WARN,
        [SELKIES_LOG_NOTICE] = NGX_LOG_NOTICE,
        [SELKIES_LOG_INFO] = NGX_LOG_INFO,
        [SELKIES_LOG_DEBUG] = NGX_LOG_DEBUG
    };

    if (level == SELKIES_LOG_DEBUG
        && !(ngx_cycle->log->log_level & NGX_LOG_DEBUG_HTTP))
    {
        return;
    }

    if (len > NGX_HTTP_SELKIES_LOG_BYTES) {
        len = NGX_HTTP_SELKIES_LOG_BYTES;
    }

    pthread_mutex_lock(&queue->lock);

    if (queue->n < NGX_HTTP_SELKIES_LOG_LINES) {
        entry = &queue->lines[queue->n++];
        entry->level = levels[level];
        entry->len = len;
        ngx_memcpy(entry->line, line, len);

    } else {
        queue->dropped++;
    }

    pthread_mutex_unlock(&queue->lock);

    ngx_http_selkies_ring_self();
}


void
ngx_http_selkies_log_flush(void)
{
    ngx_uint_t                     i, n, dropped;
    ngx_http_selkies_log_queue_t  *queue = &ngx_http_selkies_log_queue;

    static ngx_http_selkies_log_line_t  lines[NGX_HTTP_SELKIES_LOG_LINES];

    pthread_mutex_lock(&queue->lock);

    n = queue->n;
    dropped = queue->dropped;
    queue->n = 0;
    queue->dropped = 0;

    ngx_memcpy(lines, queue->lines, n * sizeof(ngx_http_selkies_log_line_t));

    pthread_mutex_unlock(&queue->lock);

    for (i = 0; i < n; i++) {
        ngx_log_error(lines[i].level, ngx_cycle->log, 0, "%*s", lines[i].len,
                      lines[i].line);
    }

    if (dropped) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "%ui lines of threads were dropped", dropped);
    }
}
