
/*
 * Copyright (C) ngx_selkies authors
 *
 * The way to selkies-agent, which does in the desktop session what a worker
 * must not: a connection for each request, from the worker whose client asks.
 * A request belongs to its session and ends with it.
 *
 * Thread: the event loop.
 */


#include "ngx_http_selkies_module.h"

#include "selkies_agent.h"

#include <sys/un.h>


#define NGX_HTTP_SELKIES_AGENT_MS       5000
#define NGX_HTTP_SELKIES_AGENT_MAX      4       /* of one session */


typedef struct {
    ngx_queue_t                  queue;         /* session->agents */
    ngx_http_selkies_session_t  *session;
    ngx_connection_t            *connection;    /* NULL before there is one */

    unsigned                     quiet:1;       /* nobody waits for it */
    size_t                       sent;
    size_t                       received;
    uint8_t                      reply[SELKIES_AGENT_REPLY_MAX + 4];

    size_t                       len;
    uint8_t                      request[];
} ngx_http_selkies_agent_t;


static void ngx_http_selkies_agent_connect(ngx_http_selkies_agent_t *agent);
static void ngx_http_selkies_agent_write(ngx_event_t *wev);
static void ngx_http_selkies_agent_read(ngx_event_t *rev);
static ngx_connection_t *ngx_http_selkies_agent_open(
    ngx_http_selkies_agent_t *agent);
static ngx_int_t ngx_http_selkies_agent_check(ngx_http_selkies_agent_t *agent,
    ngx_socket_t fd);
static void ngx_http_selkies_agent_finish(ngx_http_selkies_agent_t *agent,
    const char *why, size_t len);
static void ngx_http_selkies_agent_free(ngx_http_selkies_agent_t *agent);


#define ngx_http_selkies_agent_failed(agent, why)                            \
    ngx_http_selkies_agent_finish(agent, why, sizeof(why) - 1)


void
ngx_http_selkies_agent_ask(ngx_http_selkies_session_t *s, ngx_uint_t kind,
    const u_char *data, size_t len, ngx_uint_t quiet)
{
    ngx_uint_t                 n;
    ngx_queue_t               *q;
    ngx_http_selkies_agent_t  *agent;

    n = 0;

    for (q = ngx_queue_head(&s->agents); q != ngx_queue_sentinel(&s->agents);
         q = ngx_queue_next(q))
    {
        n++;
    }

    agent = n < NGX_HTTP_SELKIES_AGENT_MAX
            ? ngx_calloc(sizeof(ngx_http_selkies_agent_t)
                         + SELKIES_AGENT_HEADER + len, s->connection->log)
            : NULL;

    if (agent == NULL
        || selkies_agent_begin(agent->request, (uint8_t) kind, len) != 0)
    {
        if (agent != NULL) {
            ngx_free(agent);
        }

        if (!quiet) {
            ngx_http_selkies_command_failed(s, "too much at once", 16);
        }

        return;
    }

    ngx_memcpy(agent->request + SELKIES_AGENT_HEADER, data, len);

    agent->len = SELKIES_AGENT_HEADER + len;
    agent->session = s;
    agent->quiet = quiet;

    ngx_queue_insert_tail(&s->agents, &agent->queue);

    ngx_http_selkies_agent_connect(agent);
}


static void
ngx_http_selkies_agent_connect(ngx_http_selkies_agent_t *agent)
{
    ngx_connection_t  *c;

    c = ngx_http_selkies_agent_open(agent);

    if (c == NULL) {
        ngx_http_selkies_agent_failed(agent,
                                      "the desktop's agent is not running");
        return;
    }

    c->data = agent;
    c->write->handler = ngx_http_selkies_agent_write;
    c->read->handler = ngx_http_selkies_agent_read;

    /* a worker that quits does not wait for it */

    c->read->cancelable = 1;
    ngx_add_timer(c->read, NGX_HTTP_SELKIES_AGENT_MS);

    ngx_http_selkies_agent_write(c->write);
}


/* A Unix socket connects at once or not at all. */

static ngx_connection_t *
ngx_http_selkies_agent_open(ngx_http_selkies_agent_t *agent)
{
    ngx_log_t           *log;
    ngx_str_t           *path;
    ngx_uint_t           level;
    ngx_socket_t         fd;
    ngx_connection_t    *c;
    struct sockaddr_un   sun;

    log = agent->session->connection->log;
    path = &agent->session->conf->agent;

    ngx_memzero(&sun, sizeof(struct sockaddr_un));
    sun.sun_family = AF_UNIX;
    ngx_memcpy(sun.sun_path, path->data, path->len);

    fd = ngx_socket(AF_UNIX, SOCK_STREAM, 0);

    if (fd == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                      ngx_socket_n " failed");
        return NULL;
    }

    if (ngx_nonblocking(fd) == -1
        || connect(fd, (struct sockaddr *) &sun, sizeof(struct sockaddr_un))
           == -1)
    {
        level = agent->quiet ? NGX_LOG_INFO : NGX_LOG_ERR;
        ngx_log_error(level, log, ngx_socket_errno,
                      "\"selkies_agent_socket %V\" does not answer", path);
        (void) ngx_close_socket(fd);
        return NULL;
    }

    if (ngx_http_selkies_agent_check(agent, fd) != NGX_OK) {
        (void) ngx_close_socket(fd);
        return NULL;
    }

    /* it may outlive what the session's log is made of */

    c = ngx_get_connection(fd, ngx_cycle->log);

    if (c == NULL) {
        (void) ngx_close_socket(fd);
        return NULL;
    }

    c->recv = ngx_recv;
    c->send = ngx_send;
    c->log_error = NGX_ERROR_INFO;
    c->log = ngx_cycle->log;
    c->read->log = c->log;
    c->write->log = c->log;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);

    if (ngx_add_conn != NULL && ngx_add_conn(c) == NGX_ERROR) {
        ngx_close_connection(c);
        return NULL;
    }

    agent->connection = c;

    return c;
}


/* Whoever listens there is told what a user types: it must be the right one. */

static ngx_int_t
ngx_http_selkies_agent_check(ngx_http_selkies_agent_t *agent,
    ngx_socket_t fd)
{
    uid_t                         uid;
    socklen_t                     len;
    struct ucred                  cred;
    ngx_http_selkies_loc_conf_t  *slcf = agent->session->conf;

    len = sizeof(struct ucred);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1) {
        return NGX_ERROR;
    }

    uid = slcf->agent_uid == NGX_CONF_UNSET_UINT ? geteuid()
                                                 : (uid_t) slcf->agent_uid;

    if (cred.uid != uid) {
        ngx_log_error(NGX_LOG_ERR, agent->session->connection->log, 0,
                      "\"selkies_agent_socket %V\" is of user %ui, which is "
                      "not the one it should be", &slcf->agent,
                      (ngx_uint_t) cred.uid);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_selkies_agent_write(ngx_event_t *wev)
{
    ssize_t                    n;
    ngx_connection_t          *c = wev->data;
    ngx_http_selkies_agent_t  *agent = c->data;

    while (agent->sent < agent->len) {
        n = c->send(c, agent->request + agent->sent, agent->len - agent->sent);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n <= 0) {
            ngx_http_selkies_agent_failed(agent,
                                          "the desktop's agent has gone");
            return;
        }

        agent->sent += n;
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK
        || ngx_handle_read_event(c->read, 0) != NGX_OK)
    {
        ngx_http_selkies_agent_failed(agent, "there is no memory");
    }
}


static void
ngx_http_selkies_agent_read(ngx_event_t *rev)
{
    ssize_t                    n;
    selkies_span_t             why;
    ngx_connection_t          *c = rev->data;
    ngx_http_selkies_agent_t  *agent = c->data;

    if (rev->timedout) {
        ngx_http_selkies_agent_failed(agent,
                                      "the desktop's agent does not answer");
        return;
    }

    n = c->recv(c, agent->reply + agent->received,
                sizeof(agent->reply) - agent->received);

    if (n == NGX_AGAIN) {

        if (ngx_handle_read_event(rev, 0) != NGX_OK) {
            ngx_http_selkies_agent_failed(agent, "there is no memory");
        }

        return;
    }

    if (n <= 0) {
        ngx_http_selkies_agent_failed(agent, "the desktop's agent has gone");
        return;
    }

    agent->received += n;

    switch (selkies_agent_read_reply(agent->reply, agent->received, &why)) {

    case SELKIES_AGENT_MORE:

        if (ngx_handle_read_event(rev, 0) != NGX_OK) {
            ngx_http_selkies_agent_failed(agent, "there is no memory");
        }

        return;

    case SELKIES_AGENT_DONE:
        ngx_http_selkies_agent_free(agent);
        return;

    case SELKIES_AGENT_FAILED:
        ngx_http_selkies_agent_finish(agent, (char *) why.data, why.len);
        return;

    default:
        ngx_http_selkies_agent_failed(agent,
                                      "the desktop's agent is another one");
    }
}


static void
ngx_http_selkies_agent_finish(ngx_http_selkies_agent_t *agent,
    const char *why, size_t len)
{
    char                         text[SELKIES_AGENT_REPLY_MAX];
    ngx_uint_t                   quiet;
    ngx_http_selkies_session_t  *s = agent->session;

    /* the words may be in what is freed */

    quiet = agent->quiet;
    ngx_memcpy(text, why, len);
    ngx_http_selkies_agent_free(agent);

    if (!quiet) {
        ngx_http_selkies_command_failed(s, text, len);
    }
}


static void
ngx_http_selkies_agent_free(ngx_http_selkies_agent_t *agent)
{
    ngx_queue_remove(&agent->queue);

    if (agent->connection != NULL) {
        ngx_close_connection(agent->connection);
    }

    ngx_free(agent);
}


void
ngx_http_selkies_agent_leave(ngx_http_selkies_session_t *s)
{
    ngx_queue_t  *q, *next;

    for (q = ngx_queue_head(&s->agents); q != ngx_queue_sentinel(&s->agents);
         q = next)
    {
        next = ngx_queue_next(q);
        ngx_http_selkies_agent_free(ngx_queue_data(q, ngx_http_selkies_agent_t,
                                                   queue));
    }
}
