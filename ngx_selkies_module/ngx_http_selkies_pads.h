
/*
 * Copyright (C) ngx_selkies authors
 *
 * Gamepads, on the side of nginx.  Included by ngx_http_selkies_module.h.
 *
 * Thread: the event loop, or who reads the configuration.
 */


#ifndef NGX_HTTP_SELKIES_PADS_H_INCLUDED
#define NGX_HTTP_SELKIES_PADS_H_INCLUDED


#pragma GCC visibility push(hidden)


/* ngx_http_selkies_pads.c: what clients do with gamepads */

/* Whether there are any: variables may name none, further screens have none. */

ngx_uint_t ngx_http_selkies_has_pads(ngx_http_selkies_display_t *display);

/* Whether the session may use that pad now. */

ngx_uint_t ngx_http_selkies_may_use_pad(ngx_http_selkies_session_t *s,
    ngx_uint_t pad);

void ngx_http_selkies_pad(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);

/* Whatever it holds is let go. */

void ngx_http_selkies_release_pads(ngx_http_selkies_session_t *s);

/* It is time to see whether the client still says that it holds something. */

void ngx_http_selkies_pads_due(ngx_http_selkies_session_t *s);

/* What programs want to be felt and the session has not been told yet. */

void ngx_http_selkies_send_rumble(ngx_http_selkies_session_t *s);


/* ngx_http_selkies_gamepads.c: the sockets that programs read */

/* The location's display has gamepads, or the location takes none. */

char *ngx_http_selkies_merge_gamepads(ngx_conf_t *cf,
    ngx_http_selkies_loc_conf_t *conf);

/* The place's gamepads have changed: who serves them looks. */

void ngx_http_selkies_gamepads_changed(ngx_http_selkies_display_t *display);

/* The number of this worker in the shared block. */

ngx_uint_t ngx_http_selkies_worker_number(void);


#pragma GCC visibility pop


#endif /* NGX_HTTP_SELKIES_PADS_H_INCLUDED */
