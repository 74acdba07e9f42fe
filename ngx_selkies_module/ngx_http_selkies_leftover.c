
/*
 * Copyright (C) ngx_selkies authors
 *
 * Slices that nobody came back for: a worker looks after what it left, and
 * after what one before it left, until nothing is there.
 *
 * Thread: the event loop.  Ownership: on the heap, for as long as there is
 * anything, since it outlives requests.
 */


#include "ngx_http_selkies_module.h"


#define NGX_HTTP_SELKIES_SWEEP_MS  ((SELKIES_UPLOAD_EXPIRES_S + 1) * 1000)


/* A folder in which something lies that somebody may go on with. */

typedef struct {
    ngx_queue_t                 queue;
    ngx_event_t                 timer;
    ngx_connection_t            dummy;          /* the timer's data */
    u_char                     *root;
    u_char                     *below;
} ngx_http_selkies_leftover_t;


static void ngx_http_selkies_sweep_handler(ngx_event_t *ev);
static size_t ngx_http_selkies_sweep(u_char *root, u_char *below);


static ngx_queue_t  ngx_http_selkies_leftovers;


void
ngx_http_selkies_uploads_start(ngx_array_t *roots)
{
    ngx_str_t   *root;
    ngx_uint_t   i;

    root = roots->elts;

    for (i = 0; i < roots->nelts; i++) {

        if (ngx_http_selkies_sweep(root[i].data, (u_char *) "") != 0) {
            ngx_http_selkies_leave_over(root[i].data, (u_char *) "", 0);
        }
    }
}


void
ngx_http_selkies_leave_over(u_char *root, u_char *below, size_t below_len)
{
    size_t                        len;
    u_char                       *p;
    ngx_queue_t                  *q;
    ngx_http_selkies_leftover_t  *left;

    if (ngx_http_selkies_leftovers.prev == NULL) {
        ngx_queue_init(&ngx_http_selkies_leftovers);
    }

    for (q = ngx_queue_head(&ngx_http_selkies_leftovers);
         q != ngx_queue_sentinel(&ngx_http_selkies_leftovers);
         q = ngx_queue_next(q))
    {
        left = ngx_queue_data(q, ngx_http_selkies_leftover_t, queue);

        /* it looks again as long as there is anything */

        if (ngx_strcmp(left->root, root) == 0
            && ngx_strlen(left->below) == below_len
            && ngx_strncmp(left->below, below, below_len) == 0)
        {
            return;
        }
    }

    len = ngx_strlen(root);

    left = ngx_calloc(sizeof(ngx_http_selkies_leftover_t) + len + below_len
                      + 2, ngx_cycle->log);
    if (left == NULL) {
        return;
    }

    p = (u_char *) left + sizeof(ngx_http_selkies_leftover_t);

    left->root = p;
    p = ngx_cpymem(p, root, len) + 1;
    left->below = p;
    ngx_memcpy(p, below, below_len);

    left->dummy.fd = (ngx_socket_t) -1;
    left->timer.data = &left->dummy;
    left->timer.log = ngx_cycle->log;
    left->timer.handler = ngx_http_selkies_sweep_handler;
    left->timer.cancelable = 1;
    left->dummy.data = left;

    ngx_queue_insert_tail(&ngx_http_selkies_leftovers, &left->queue);
    ngx_add_timer(&left->timer, NGX_HTTP_SELKIES_SWEEP_MS);
}


static void
ngx_http_selkies_sweep_handler(ngx_event_t *ev)
{
    ngx_connection_t             *dummy = ev->data;
    ngx_http_selkies_leftover_t  *left = dummy->data;

    if (ngx_http_selkies_sweep(left->root, left->below) != 0) {
        ngx_add_timer(&left->timer, NGX_HTTP_SELKIES_SWEEP_MS);
        return;
    }

    ngx_queue_remove(&left->queue);
    ngx_free(left);
}


static size_t
ngx_http_selkies_sweep(u_char *root, u_char *below)
{
    size_t          left;
    selkies_root_t  r;

    if (selkies_root_open(&r, (char *) root) == -1) {
        return 0;
    }

    left = selkies_files_sweep(&r, (char *) below);
    selkies_root_close(&r);

    return left;
}
