
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A client's SETTINGS: every value is brought within what the operator allows
 * before anything else sees it (protocol.md 6.5).
 *
 * Thread: any.  Ownership: the JSON tree lives inside one call.
 */


#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "selkies_json.h"
#include "selkies_protocol_verbs.h"
#include "selkies_settings.h"


#define SELKIES_CLIENT_SIZE_MAX     16384


static int selkies_apply_row(const selkies_settings_t *settings, unsigned id,
    json_t *value, selkies_dialect_t dialect, int32_t *result);
static int selkies_apply_enum(const selkies_setting_value_t *v, unsigned id,
    json_t *value, int32_t *result);
static int selkies_apply_bool(json_t *value, int32_t *result);
static int selkies_apply_number(json_t *value, double scale, int32_t *result);
static void selkies_apply_extras(json_t *root,
    selkies_settings_result_t *result);
static void selkies_apply_text(json_t *value, char *text, size_t size,
    const char *more);
static int32_t selkies_apply_side(json_t *root, const char *name);


int
selkies_settings_apply(const selkies_settings_t *settings,
    selkies_settings_client_t *client, const uint8_t *json, size_t len,
    selkies_dialect_t dialect, selkies_settings_result_t *result)
{
    int32_t                     n;
    json_t                     *root, *value;
    unsigned                    id;
    uint32_t                    taken;
    const char                 *first, *second;
    const selkies_setting_t    *row;
    selkies_settings_client_t   defaults;

    memset(result, 0, sizeof(selkies_settings_result_t));

    root = selkies_json_object(json, len);

    if (root == NULL) {
        return -1;
    }

    selkies_settings_client_init(&defaults, settings);

    taken = SELKIES_SETTING_CLIENT;

    if (dialect == SELKIES_DIALECT_2) {
        taken |= SELKIES_SETTING_CLIENT_2;
    }

    for (id = 0; id < SELKIES_SETTINGS; id++) {
        row = selkies_setting(id);

        if (!(row->flags & taken)) {
            continue;
        }

        /* both names are understood, the dialect's own goes first */

        first = row->name;
        second = row->name2;

        if (dialect == SELKIES_DIALECT_2 && second != NULL) {
            first = row->name2;
            second = row->name;
        }

        value = json_object_get(root, first);

        if (value == NULL && second != NULL) {
            value = json_object_get(root, second);
        }

        if (value == NULL
            || selkies_apply_row(settings, id, value, dialect, &n) != 0)
        {
            /* not said, or nonsense */

            n = dialect == SELKIES_DIALECT_1 ? defaults.values[id]
                                             : client->values[id];
        }

        if (id == SELKIES_SET_RATE_CONTROL_MODE
            && !settings->values[SELKIES_SET_ENABLE_RATE_CONTROL].number)
        {
            n = defaults.values[id];
        }

        if (client->values[id] != n) {
            client->values[id] = n;

            result->changed |= row->flags & SELKIES_SETTING_CHANGES;
            result->rows[id / 8] |= (uint8_t) (1 << id % 8);
        }
    }

    selkies_apply_extras(root, result);

    json_decref(root);

    return 0;
}


int
selkies_settings_changed(const selkies_settings_result_t *result, unsigned id)
{
    return result->rows[id / 8] >> id % 8 & 1;
}


/* 0 with what is to be in force, or -1 where the value makes no sense. */

static int
selkies_apply_row(const selkies_settings_t *settings, unsigned id,
    json_t *value, selkies_dialect_t dialect, int32_t *result)
{
    double                          scale;
    const selkies_setting_t        *row;
    const selkies_setting_value_t  *v;

    row = selkies_setting(id);
    v = &settings->values[id];

    switch (row->type) {

    case SELKIES_SETTING_BOOL:

        if (v->locked) {
            *result = v->number;
            return 0;
        }

        return selkies_apply_bool(value, result);

    case SELKIES_SETTING_ENUM:
        return selkies_apply_enum(v, id, value, result);

    case SELKIES_SETTING_RANGE:

        scale = (row->flags & SELKIES_SETTING_KBITS)
                && dialect == SELKIES_DIALECT_1 ? 1000 : 1;

        if (selkies_apply_number(value, scale, result) != 0) {
            return -1;
        }

        if (*result < v->min) {
            *result = v->min;

        } else if (*result > v->max) {
            *result = v->max;
        }

        return 0;

    default: /* SELKIES_SETTING_INT */

        if (selkies_apply_number(value, 1, result) != 0) {
            return -1;
        }

        if (*result < row->min) {
            *result = row->min;

        } else if (*result > row->max) {
            *result = row->max;
        }

        return 0;
    }
}


/* What is not on the menu becomes the server's value. */

static int
selkies_apply_enum(const selkies_setting_value_t *v, unsigned id,
    json_t *value, int32_t *result)
{
    int          item;
    int32_t      n;
    unsigned     i;
    const char  *text;

    *result = selkies_settings_item_value(id, (unsigned) v->number);

    if (selkies_setting(id)->flags & SELKIES_SETTING_NUMERIC) {

        if (selkies_apply_number(value, 1, &n) != 0) {
            return -1;
        }

        for (i = 0; i < v->nitems; i++) {

            if (selkies_settings_item_value(id, v->items[i]) == n) {
                *result = n;
            }
        }

        return 0;
    }

    text = json_string_value(value);

    if (text == NULL) {
        return -1;
    }

    item = selkies_settings_item_find(id, text, strlen(text));

    if (item >= 0 && memchr(v->items, item, v->nitems) != NULL) {
        *result = item;
    }

    return 0;
}


static int
selkies_apply_bool(json_t *value, int32_t *result)
{
    const char  *text;

    text = json_string_value(value);

    if (json_is_true(value)
        || (text != NULL && strcasecmp(text, "true") == 0))
    {
        *result = 1;
        return 0;
    }

    if (json_is_false(value)
        || (text != NULL && strcasecmp(text, "false") == 0))
    {
        *result = 0;
        return 0;
    }

    return -1;
}


/* A number or a numeric string, "29.7" too; cut towards zero. */

static int
selkies_apply_number(json_t *value, double scale, int32_t *result)
{
    double          n;
    selkies_span_t  span;

    if (json_is_number(value)) {
        n = json_number_value(value);

    } else if (json_is_string(value)) {
        span.data = (const uint8_t *) json_string_value(value);
        span.len = json_string_length(value);

        if (selkies_parse_real(span, &n) != 0) {
            return -1;
        }

    } else {
        return -1;
    }

    n *= scale;

    *result = n >= INT32_MAX ? INT32_MAX : n <= INT32_MIN ? INT32_MIN
                                                          : (int32_t) n;

    return 0;
}


static void
selkies_apply_extras(json_t *root, selkies_settings_result_t *result)
{
    size_t       i;
    json_t      *value;
    const char  *text;

    static const char *const  positions[] = {
        [SELKIES_POSITION_NONE] = "",
        [SELKIES_POSITION_RIGHT] = "right",
        [SELKIES_POSITION_LEFT] = "left",
        [SELKIES_POSITION_UP] = "up",
        [SELKIES_POSITION_DOWN] = "down"
    };

    value = json_object_get(root, "displayId");

    selkies_apply_text(value, result->display_id, sizeof(result->display_id),
                       "_-");

    /* a page that names a screen must not be given another one */

    if (result->display_id[0] == '\0' && value != NULL
        && json_string_length(value) != 0)
    {
        result->display_id[0] = '?';
    }

    selkies_apply_text(json_object_get(root, "keyboardLayout"),
                       result->keyboard_layout,
                       sizeof(result->keyboard_layout), "_-()+,:");

    text = json_string_value(json_object_get(root, "displayPosition"));

    for (i = 1; text != NULL && i < sizeof(positions) / sizeof(positions[0]);
         i++)
    {
        if (strcmp(text, positions[i]) == 0) {
            result->position = (selkies_position_t) i;
        }
    }

    result->initial_width = selkies_apply_side(root, "initialClientWidth");
    result->initial_height = selkies_apply_side(root, "initialClientHeight");

    if (result->initial_width == 0 || result->initial_height == 0) {
        result->initial_width = 0;
        result->initial_height = 0;
    }

    result->scaling_dpi = json_object_get(root, "scaling_dpi") != NULL;

    value = json_object_get(root, "audioRedundancy");

    result->says_redundancy = json_is_boolean(value);
    result->audio_redundancy = json_is_true(value);
}


/* A name of harmless characters, or "". */

static void
selkies_apply_text(json_t *value, char *text, size_t size, const char *more)
{
    selkies_span_t  span;

    span.data = (const uint8_t *) json_string_value(value);
    span.len = json_string_length(value);

    if (span.data != NULL && selkies_parse_token(span, size - 1, more)) {
        memcpy(text, span.data, span.len);
        text[span.len] = '\0';
    }
}


static int32_t
selkies_apply_side(json_t *root, const char *name)
{
    int32_t  n;

    if (selkies_apply_number(json_object_get(root, name), 1, &n) != 0
        || n <= 0)
    {
        return 0;
    }

    return n < SELKIES_CLIENT_SIZE_MAX ? n : SELKIES_CLIENT_SIZE_MAX;
}
