
/*
 * Copyright (C) ngx_selkies authors
 *
 * What a client has of the desktop beside its picture: sound, input, programs.
 *
 * Thread: the worker's event loop.  A part of ngx_http_selkies_module.h, which
 * includes it.
 */


#ifndef NGX_HTTP_SELKIES_DESK_H_INCLUDED
#define NGX_HTTP_SELKIES_DESK_H_INCLUDED


#pragma GCC visibility push(hidden)


/* ngx_http_selkies_audio.c: the desktop's sound */

/* Who has not said whether it wants sound is subscribed. */

void ngx_http_selkies_audio_join(ngx_http_selkies_session_t *s);

/* Ends the subscription. */

void ngx_http_selkies_audio_leave(ngx_http_selkies_session_t *s);

/* Whether the session's display has sound, for this location. */

ngx_uint_t ngx_http_selkies_audio_available(ngx_http_selkies_session_t *s);

/* START_AUDIO, STOP_AUDIO. */

void ngx_http_selkies_audio(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);

/* Whether sound comes or not, if that is news to the client. */

void ngx_http_selkies_audio_tell(ngx_http_selkies_session_t *s);

/* The session's settings become what the sound's thread goes by. */

void ngx_http_selkies_audio_wish(ngx_http_selkies_session_t *s);

/* There is a packet: those of the display that listen get it. */

void ngx_http_selkies_audio_send(ngx_http_selkies_display_t *display);

/*
 * The packet to send now: NGX_OK, or NGX_DECLINED.  What is too old to be
 * heard is skipped.
 */

ngx_int_t ngx_http_selkies_audio_pick(ngx_http_selkies_session_t *s,
    selkies_packet_t *packet);

/* How many packets are sent again with each, to who takes that; 0: none. */

ngx_uint_t ngx_http_selkies_audio_redundancy(ngx_http_selkies_session_t *s);

/* What the client has said it takes: copies; two channels alone. */

void ngx_http_selkies_audio_takes(ngx_http_selkies_session_t *s,
    ngx_uint_t red, ngx_uint_t stereo);

/*
 * What is written for that packet: the packet itself, or, in the scratch
 * buffer, one with copies of those before it.
 */

void ngx_http_selkies_audio_message(ngx_http_selkies_session_t *s,
    const selkies_packet_t *packet, selkies_packet_t *message);

/*
 * The packet was given to the socket, as that message; NGX_ERROR where it was
 * overwritten meanwhile.
 */

ngx_int_t ngx_http_selkies_audio_sent(ngx_http_selkies_session_t *s,
    const selkies_packet_t *packet, const selkies_packet_t *message);


/* ngx_http_selkies_microphone.c */

ngx_uint_t ngx_http_selkies_microphone_available(
    ngx_http_selkies_session_t *s);

/* 0x02: a piece of it. */

void ngx_http_selkies_microphone(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);

/* 0x06: a picture of the camera of a page, which is told to stop. */

void ngx_http_selkies_webcam(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);

/* The session ends, or controls no more; may be called again. */

void ngx_http_selkies_microphone_leave(ngx_http_selkies_session_t *s);

/* Its thread may have ended. */

void ngx_http_selkies_microphone_reap(ngx_http_selkies_display_t *display);


/* ngx_http_selkies_verbs.c: what clients say */

void ngx_http_selkies_message(ngx_http_selkies_session_t *s,
    const u_char *data, size_t len, ngx_uint_t binary);


/* ngx_http_selkies_size.c: a verb, and what SETTINGS say of the size */

void ngx_http_selkies_resize(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);
void ngx_http_selkies_wish_size(ngx_http_selkies_session_t *s,
    selkies_settings_result_t *result, ngx_uint_t first);

/* The size a claim asked for stands: nothing better came in time. */

void ngx_http_selkies_apply_size(ngx_http_selkies_session_t *s);

/* The same, as soon as it is known to be the size that the screen has. */

void ngx_http_selkies_check_size(ngx_http_selkies_session_t *s);


/* ngx_http_selkies_desktop.c: verbs, and a wish */

void ngx_http_selkies_dpi(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);

/* The session's DPI becomes the desktop's, if somebody wants one at all. */

void ngx_http_selkies_wish_dpi(ngx_http_selkies_session_t *s,
    ngx_uint_t said);


/* ngx_http_selkies_apps.c: directives and verbs */

char *ngx_http_selkies_set_agent(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_selkies_set_app(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

void ngx_http_selkies_app(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);
void ngx_http_selkies_command(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);

/* Whether texts for the shell are taken here, or there are any programs. */

ngx_uint_t ngx_http_selkies_may_command(ngx_http_selkies_session_t *s);
ngx_uint_t ngx_http_selkies_has_apps(ngx_http_selkies_session_t *s);

/* Tells the controller of the programs it may start, once. */

void ngx_http_selkies_send_apps(ngx_http_selkies_session_t *s);

/* A program could not be started: `len` bytes that say why. */

void ngx_http_selkies_command_failed(ngx_http_selkies_session_t *s,
    const char *why, size_t len);


/* ngx_http_selkies_agent.c */

/*
 * Asks the agent of the location for one of SELKIES_AGENT_*, with `len` bytes
 * behind it.  What goes wrong is told to the client, unless `quiet`.
 */

void ngx_http_selkies_agent_ask(ngx_http_selkies_session_t *s,
    ngx_uint_t kind, const u_char *data, size_t len, ngx_uint_t quiet);

/* The session ends; so does what it has asked for. */

void ngx_http_selkies_agent_leave(ngx_http_selkies_session_t *s);


/* ngx_http_selkies_input.c: verbs, and their limit */

void ngx_http_selkies_key(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);
void ngx_http_selkies_key_held(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);
void ngx_http_selkies_key_reset(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);
void ngx_http_selkies_pointer(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);
void ngx_http_selkies_type(ngx_http_selkies_session_t *s,
    selkies_command_t *cmd);

/* Counts an input message; whether the session was closed for too many. */

ngx_uint_t ngx_http_selkies_too_fast(ngx_http_selkies_session_t *s);


#pragma GCC visibility pop


#endif /* NGX_HTTP_SELKIES_DESK_H_INCLUDED */
