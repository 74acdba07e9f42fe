
/*
 * Copyright (C) ngx_selkies authors
 *
 * Programs of the desktop that a controller may start: those the operator has
 * declared, by their number, and, where it is allowed, any by a text for the
 * shell.
 *
 * Thread: the event loop; the directives, whoever reads the configuration.
 */


#include "ngx_http_selkies_module.h"

#include "selkies_agent.h"

#include <pwd.h>
#include <sys/un.h>


#define NGX_HTTP_SELKIES_APPS_MAX       64
#define NGX_HTTP_SELKIES_APP_NAME       64
#define NGX_HTTP_SELKIES_APP_BYTES      4096


/* The arguments, a zero behind each. */

typedef struct {
    ngx_str_t   name;
    ngx_str_t   arguments;
} ngx_http_selkies_app_t;


char *
ngx_http_selkies_set_agent(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_selkies_loc_conf_t *slcf = conf;

    ngx_str_t           *value;
    struct passwd       *user;
    struct sockaddr_un  *un;

    if (slcf->agent.data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0 || value[1].data[0] != '/'
        || value[1].len >= sizeof(un->sun_path))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid path \"%V\": an absolute one of less than "
                           "%uz bytes is expected", &value[1],
                           sizeof(un->sun_path));
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 3) {
        user = getpwnam((char *) value[2].data);

        if (user == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "there is no user \"%V\"", &value[2]);
            return NGX_CONF_ERROR;
        }

        slcf->agent_uid = user->pw_uid;
    }

    slcf->agent = value[1];

    return NGX_CONF_OK;
}


char *
ngx_http_selkies_set_app(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_selkies_loc_conf_t *slcf = conf;

    size_t                   len;
    u_char                  *p;
    ngx_str_t               *value;
    ngx_uint_t               i;
    ngx_http_selkies_app_t  *app;

    if (slcf->apps == NGX_CONF_UNSET_PTR) {
        slcf->apps = ngx_array_create(cf->pool, 4,
                                      sizeof(ngx_http_selkies_app_t));
        if (slcf->apps == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    value = cf->args->elts;
    len = 0;

    for (i = 2; i < cf->args->nelts; i++) {
        len += value[i].len + 1;
    }

    if (value[1].len == 0 || value[1].len > NGX_HTTP_SELKIES_APP_NAME
        || value[2].len == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"selkies_app\" needs a name of up to %d bytes "
                           "and a program", NGX_HTTP_SELKIES_APP_NAME);
        return NGX_CONF_ERROR;
    }

    if (slcf->apps->nelts == NGX_HTTP_SELKIES_APPS_MAX
        || len > NGX_HTTP_SELKIES_APP_BYTES
        || cf->args->nelts - 2 > SELKIES_AGENT_ARGS_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"selkies_app %V\": at most %d of them, with %d "
                           "arguments and %d bytes each", &value[1],
                           NGX_HTTP_SELKIES_APPS_MAX, SELKIES_AGENT_ARGS_MAX,
                           NGX_HTTP_SELKIES_APP_BYTES);
        return NGX_CONF_ERROR;
    }

    app = ngx_array_push(slcf->apps);
    p = ngx_pnalloc(cf->pool, len);

    if (app == NULL || p == NULL) {
        return NGX_CONF_ERROR;
    }

    app->name = value[1];
    app->arguments.data = p;
    app->arguments.len = len;

    for (i = 2; i < cf->args->nelts; i++) {
        p = ngx_cpymem(p, value[i].data, value[i].len);
        *p++ = '\0';
    }

    return NGX_CONF_OK;
}


ngx_uint_t
ngx_http_selkies_may_command(ngx_http_selkies_session_t *s)
{
    ngx_http_selkies_loc_conf_t  *slcf = s->conf;

    /* where nobody has to log in, a text of anybody's would be run */

    return slcf->agent.len != 0 && !slcf->open
           && slcf->effective->values[SELKIES_SET_COMMAND_ENABLED].number;
}


ngx_uint_t
ngx_http_selkies_has_apps(ngx_http_selkies_session_t *s)
{
    return s->conf->agent.len != 0
           && (s->conf->apps != NULL || ngx_http_selkies_may_command(s));
}


void
ngx_http_selkies_send_apps(ngx_http_selkies_session_t *s)
{
    size_t                    len;
    u_char                   *buf;
    ngx_uint_t                i, n;
    selkies_span_t            names[NGX_HTTP_SELKIES_APPS_MAX];
    ngx_http_selkies_app_t   *app;

    if (!s->owner || !s->want_apps || s->told_apps
        || !ngx_http_selkies_has_apps(s))
    {
        return;
    }

    s->told_apps = 1;

    app = s->conf->apps ? s->conf->apps->elts : NULL;
    n = s->conf->apps ? s->conf->apps->nelts : 0;

    for (i = 0; i < n; i++) {
        names[i].data = app[i].name.data;
        names[i].len = app[i].name.len;
    }

    buf = ngx_http_selkies_scratch();
    len = selkies_format_server_apps(buf, NGX_HTTP_SELKIES_SCRATCH_BYTES,
                                     names, n);

    if (len <= NGX_HTTP_SELKIES_SCRATCH_BYTES) {
        ngx_http_selkies_text(s, buf, len);
    }
}


void
ngx_http_selkies_app(ngx_http_selkies_session_t *s, selkies_command_t *cmd)
{
    ngx_http_selkies_app_t  *app;

    if (s->conf->agent.len == 0 || s->conf->apps == NULL
        || cmd->u.app >= s->conf->apps->nelts)
    {
        ngx_http_selkies_command_failed(s, "there is no such program",
                                        sizeof("there is no such program") - 1);
        return;
    }

    app = s->conf->apps->elts;
    app += cmd->u.app;

    ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                  "client starts \"%V\"", &app->name);

    ngx_http_selkies_agent_ask(s, SELKIES_AGENT_RUN, app->arguments.data,
                               app->arguments.len, 0);
}


/* What the text says is nobody's business but the shell's. */

void
ngx_http_selkies_command(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd)
{
    u_char  *p;
    size_t   len;

    if (!ngx_http_selkies_may_command(s)) {
        ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                      "client asked for a command: commands are off");
        ngx_http_selkies_command_failed(s, "commands are off",
                                        sizeof("commands are off") - 1);
        return;
    }

    len = cmd->u.text.len;
    p = ngx_alloc(len + 1, s->connection->log);

    if (p == NULL) {
        return;
    }

    ngx_memcpy(p, cmd->u.text.data, len);
    p[len] = '\0';

    ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                  "client runs a command");

    ngx_http_selkies_agent_ask(s, SELKIES_AGENT_COMMAND, p, len + 1, 0);

    ngx_free(p);
}


/* Dialect 1 has no such message; its page would not know what to do. */

void
ngx_http_selkies_command_failed(ngx_http_selkies_session_t *s,
    const char *why, size_t len)
{
    char    text[SELKIES_AGENT_REPLY_MAX + 1];
    u_char  buf[2048];
    size_t  n;

    if (s->dead || s->closing
        || (s->dialect == SELKIES_DIALECT_1 && !s->extended))
    {
        return;
    }

    len = ngx_min(len, SELKIES_AGENT_REPLY_MAX);
    ngx_memcpy(text, why, len);
    text[len] = '\0';

    n = selkies_format_command_error(buf, sizeof(buf), text);

    if (n <= sizeof(buf)) {
        ngx_http_selkies_text(s, buf, n);
        ngx_http_selkies_send(s);
    }
}
