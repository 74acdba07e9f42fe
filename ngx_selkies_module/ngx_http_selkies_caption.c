
/*
 * Copyright (C) ngx_selkies authors
 *
 * The directive "selkies_watermark_text": a text of variables over the
 * picture.  All who watch a display see one picture, so there is one text: that
 * of who controls it, or, while nobody does, of somebody who watches.  It goes
 * into the display's place of the shared block; the owner's engine draws it.
 *
 * Thread: who reads the configuration, then the event loop.
 */


#include "ngx_http_selkies_module.h"


#define NGX_HTTP_SELKIES_CAPTION_MS       10000
#define NGX_HTTP_SELKIES_CAPTION_MIN_MS   1000
#define NGX_HTTP_SELKIES_CAPTION_POOL     1024


/* What an evaluation leaves in a request. */

typedef struct {
    ngx_pool_t                 *pool;
    ngx_http_variable_value_t  *variables;

#if (NGX_PCRE)
    ngx_uint_t                  ncaptures;
    int                        *captures;
    u_char                     *captures_data;
    ngx_uint_t                  realloc_captures;
#endif
} ngx_http_selkies_values_t;


static ngx_int_t ngx_http_selkies_caption_option(ngx_conf_t *cf,
    ngx_http_selkies_caption_t *caption, ngx_str_t *value);
static ngx_int_t ngx_http_selkies_caption_fonts(ngx_conf_t *cf);
static void ngx_http_selkies_caption_cleanup(void *data);
static void ngx_http_selkies_caption_update(ngx_http_selkies_session_t *s);
static ngx_int_t ngx_http_selkies_caption_evaluate(
    ngx_http_selkies_session_t *s, u_char *text, size_t *len);
static ngx_int_t ngx_http_selkies_caption_again(ngx_http_selkies_session_t *s,
    u_char *text, size_t *len);
static ngx_int_t ngx_http_selkies_caption_value(ngx_http_selkies_session_t *s,
    u_char *text, size_t *len);
static ngx_uint_t ngx_http_selkies_caption_changes(
    ngx_http_selkies_session_t *s);


/* selkies_watermark_text off | text [place] [interval=time] */

char *
ngx_http_selkies_set_caption(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_selkies_loc_conf_t *slcf = conf;

    ngx_str_t                         *value;
    ngx_uint_t                         i;
    ngx_http_selkies_caption_t        *caption;
    ngx_http_compile_complex_value_t   ccv;

    if (slcf->caption != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        slcf->caption = NULL;
        return NGX_CONF_OK;
    }

    if (value[1].len == 0) {
        return "has an empty text: \"off\" is none";
    }

    caption = ngx_pcalloc(cf->pool, sizeof(ngx_http_selkies_caption_t));
    if (caption == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));
    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = &caption->value;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    caption->place = SELKIES_OVERLAY_BOTTOM_LEFT;
    caption->interval = NGX_HTTP_SELKIES_CAPTION_MS;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_selkies_caption_option(cf, caption, &value[i])
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_selkies_caption_fonts(cf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    slcf->caption = caption;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_selkies_caption_option(ngx_conf_t *cf,
    ngx_http_selkies_caption_t *caption, ngx_str_t *value)
{
    ngx_int_t  interval;
    ngx_str_t  time;

    if (value->len < 9 || ngx_strncmp(value->data, "interval=", 9) != 0) {
        return ngx_http_selkies_watermark_place(cf, value, &caption->place);
    }

    time.data = value->data + 9;
    time.len = value->len - 9;

    interval = ngx_parse_time(&time, 0);

    if (interval == NGX_ERROR || interval < NGX_HTTP_SELKIES_CAPTION_MIN_MS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid interval \"%V\": a time of 1s or more "
                           "is expected", &time);
        return NGX_ERROR;
    }

    caption->interval = (ngx_msec_t) interval;

    return NGX_OK;
}


/*
 * Workers have no environment and may have no home: fonts are looked for while
 * the configuration is read, once.
 */

static ngx_int_t
ngx_http_selkies_caption_fonts(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t            *cln;
    ngx_http_selkies_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_selkies_module);

    if (smcf->fonts.n != 0) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    if (selkies_fonts_find(&smcf->fonts) != SELKIES_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"selkies_watermark_text\" needs a scalable font: "
                           "fontconfig knows none");
        return NGX_ERROR;
    }

    cln->handler = ngx_http_selkies_caption_cleanup;
    cln->data = &smcf->fonts;

    return NGX_OK;
}


static void
ngx_http_selkies_caption_cleanup(void *data)
{
    selkies_fonts_free(data);
}


void
ngx_http_selkies_caption_claim(ngx_http_selkies_session_t *s)
{
    ngx_http_selkies_lock();
    atomic_store(&s->display->stream->author, s->id);
    ngx_http_selkies_unlock();

    ngx_http_selkies_caption_update(s);
}


void
ngx_http_selkies_caption_adopt(ngx_http_selkies_session_t *s)
{
    uint64_t           none;
    selkies_stream_t  *stream = s->display->stream;

    if (s->conf->caption == NULL || !s->watching
        || atomic_load(&stream->author) != 0)
    {
        return;
    }

    none = 0;

    ngx_http_selkies_lock();
    (void) atomic_compare_exchange_strong(&stream->author, &none, s->id);
    ngx_http_selkies_unlock();

    if (none == 0) {
        ngx_http_selkies_caption_update(s);
    }
}


void
ngx_http_selkies_caption_due(ngx_http_selkies_session_t *s)
{
    if (atomic_load(&s->display->stream->author) == s->id) {
        ngx_http_selkies_caption_update(s);
    }
}


/* The text stays until there is another one. */

void
ngx_http_selkies_caption_leave(ngx_http_selkies_session_t *s)
{
    uint64_t  author;

    author = s->id;

    ngx_http_selkies_lock();
    (void) atomic_compare_exchange_strong(&s->display->stream->author, &author,
                                          0);
    ngx_http_selkies_unlock();

    if (author == s->id) {
        ngx_http_selkies_ring_workers();
    }
}


/*
 * A location without the directive has no text.  One that cannot be evaluated
 * leaves the last one where it is.
 */

static void
ngx_http_selkies_caption_update(ngx_http_selkies_session_t *s)
{
    bool                         changed;
    size_t                       len;
    u_char                       text[SELKIES_CAPTION_BYTES];
    uint32_t                     place;
    ngx_int_t                    rc;
    selkies_stream_t            *stream = s->display->stream;
    ngx_http_selkies_caption_t  *caption = s->conf->caption;

    len = 0;
    place = SELKIES_OVERLAY_NONE;

    if (caption != NULL) {
        rc = ngx_http_selkies_caption_evaluate(s, text, &len);
        place = (uint32_t) caption->place;

        if (rc != NGX_OK || ngx_http_selkies_caption_changes(s)) {
            ngx_http_selkies_arm(s, NGX_HTTP_SELKIES_CAPTION,
                                 caption->interval);
        }

        if (rc != NGX_OK) {
            return;
        }
    }

    ngx_http_selkies_lock();
    changed = atomic_load(&stream->author) == s->id
              && selkies_caption_write(&stream->caption, text, len, place);
    ngx_http_selkies_unlock();

    if (changed) {
        ngx_http_selkies_ring_display(s->display);
    }
}


static ngx_int_t
ngx_http_selkies_caption_evaluate(ngx_http_selkies_session_t *s, u_char *text,
    size_t *len)
{
    if (s->captioned) {
        return ngx_http_selkies_caption_again(s, text, len);
    }

    s->captioned = 1;

    return ngx_http_selkies_caption_value(s, text, len);
}


/*
 * A request of hours must not grow with each evaluation.  So its variables get
 * a pool that is thrown away, and values that nobody sees afterwards; likewise
 * the captures of the last regular expression, which another one replaces.
 */

static ngx_int_t
ngx_http_selkies_caption_again(ngx_http_selkies_session_t *s, u_char *text,
    size_t *len)
{
    size_t                      bytes;
    ngx_int_t                   rc;
    ngx_pool_t                 *scratch;
    ngx_http_request_t         *r = s->request;
    ngx_http_selkies_values_t   kept;
    ngx_http_variable_value_t  *copy;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);
    bytes = cmcf->variables.nelts * sizeof(ngx_http_variable_value_t);

    scratch = ngx_create_pool(NGX_HTTP_SELKIES_CAPTION_POOL,
                              r->connection->log);
    if (scratch == NULL) {
        return NGX_ERROR;
    }

    copy = ngx_palloc(scratch, bytes);
    if (copy == NULL) {
        ngx_destroy_pool(scratch);
        return NGX_ERROR;
    }

    kept.pool = r->pool;
    kept.variables = r->variables;

    ngx_memcpy(copy, r->variables, bytes);
    r->pool = scratch;
    r->variables = copy;

#if (NGX_PCRE)
    kept.ncaptures = r->ncaptures;
    kept.captures = r->captures;
    kept.captures_data = r->captures_data;
    kept.realloc_captures = r->realloc_captures;

    r->realloc_captures = 1;
#endif

    rc = ngx_http_selkies_caption_value(s, text, len);

#if (NGX_PCRE)
    r->ncaptures = kept.ncaptures;
    r->captures = kept.captures;
    r->captures_data = kept.captures_data;
    r->realloc_captures = kept.realloc_captures & 1;
#endif

    r->pool = kept.pool;
    r->variables = kept.variables;

    ngx_destroy_pool(scratch);

    return rc;
}


/* As much as there is room for, no character in halves. */

static ngx_int_t
ngx_http_selkies_caption_value(ngx_http_selkies_session_t *s, u_char *text,
    size_t *len)
{
    size_t     n;
    ngx_str_t  value;

    if (ngx_http_complex_value(s->request, &s->conf->caption->value, &value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    n = value.len;

    if (n > SELKIES_CAPTION_BYTES) {
        n = SELKIES_CAPTION_BYTES;

        while (n != 0 && (value.data[n] & 0xc0) == 0x80) {
            n--;
        }
    }

    ngx_memcpy(text, value.data, n);
    *len = n;

    return NGX_OK;
}


/* Whether a variable of it, once evaluated, may have another value later. */

static ngx_uint_t
ngx_http_selkies_caption_changes(ngx_http_selkies_session_t *s)
{
    ngx_uint_t  *index;

    index = s->conf->caption->value.flushes;

    while (index != NULL && *index != (ngx_uint_t) -1) {
        if (s->request->variables[*index].no_cacheable) {
            return 1;
        }

        index++;
    }

    return 0;
}
