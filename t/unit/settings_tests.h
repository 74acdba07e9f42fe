
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * What the tests of the settings share.
 *
 * Thread: the main thread.
 */


#ifndef SELKIES_SETTINGS_TESTS_H_INCLUDED
#define SELKIES_SETTINGS_TESTS_H_INCLUDED


#include <stdlib.h>
#include <string.h>

#include "../../ngx_selkies_module/selkies_settings.h"
#include "tap.h"


#define D1  SELKIES_DIALECT_1
#define D2  SELKIES_DIALECT_2

#define SET(name)   SELKIES_SET_ ## name


/* must never be sent, in any dialect */

__attribute__((unused))
static const char *const  secrets[] = {
    "debug", "master_token", "control_port", "recording_socket",
    "wayland_socket_index", "port", "dri_node", "encode_dri",
    "watermark_path", "js_socket_path", "audio_device_name",
    "allowed_origins", "unix_socket", "basic_auth_viewonly_password"
};


__attribute__((unused))
static selkies_settings_live_t
live_now(void)
{
    selkies_settings_live_t  live;

    live.encoder = SELKIES_ENCODER_X264;
    live.imposed = 0;
    live.command_enabled = 1;
    live.second_screen = 1;
    live.gamepads = 1;
    live.files = 1;
    live.display_id = NULL;
    live.max_message_bytes = 1048576;

    return live;
}


__attribute__((unused))
static int
set(selkies_settings_t *s, unsigned id, const char *value)
{
    char  error[SELKIES_SETTING_ERROR];

    return selkies_settings_set(s, id, value, strlen(value), error);
}


__attribute__((unused))
static int
apply(const selkies_settings_t *s, selkies_settings_client_t *c,
    const char *json, selkies_dialect_t dialect, selkies_settings_result_t *r)
{
    int       rc;
    size_t    len;
    uint8_t  *copy;

    len = strlen(json);
    copy = malloc(len ? len : 1);
    memcpy(copy, json, len);

    rc = selkies_settings_apply(s, c, copy, len, dialect, r);

    free(copy);

    return rc;
}


#endif /* SELKIES_SETTINGS_TESTS_H_INCLUDED */
