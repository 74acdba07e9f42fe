
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Directives and SETTINGS.  The first byte is the dialect; lines of
 * `name=value` follow as an operator's directives, then, from a line that has
 * no equals sign before its end on, a client's JSON.
 *
 * Thread: one.
 */


#include <jansson.h>

#include "../../ngx_selkies_module/selkies_settings.h"
#include "replay.h"


/* Everything in force is within what the operator allows. */

static void
check_client(const selkies_settings_t *s, const selkies_settings_client_t *c)
{
    unsigned                        id, i, found;
    const selkies_setting_t        *row;
    const selkies_setting_value_t  *v;

    for (id = 0; id < SELKIES_SETTINGS; id++) {
        row = selkies_setting(id);
        v = &s->values[id];

        switch (row->type) {

        case SELKIES_SETTING_BOOL:
            holds(c->values[id] == 0 || c->values[id] == 1);
            holds(!v->locked || c->values[id] == v->number);
            break;

        case SELKIES_SETTING_RANGE:
            holds(v->min >= row->low && v->max <= row->high);
            holds(v->number >= v->min && v->number <= v->max);
            holds(c->values[id] >= v->min && c->values[id] <= v->max);
            break;

        case SELKIES_SETTING_ENUM:

            for (i = 0, found = 0; i < v->nitems; i++) {
                found |= selkies_settings_item_value(id, v->items[i])
                         == c->values[id];
            }

            holds(found);
            break;

        case SELKIES_SETTING_INT:
            holds(c->values[id] >= row->min && c->values[id] <= row->max);
            break;

        default:
            holds(c->values[id] == v->number);
        }
    }
}


static void
check_message(const selkies_settings_t *s, unsigned encoder,
    selkies_dialect_t dialect)
{
    size_t                    n;
    json_t                   *root;
    static uint8_t            buf[SELKIES_SETTINGS_JSON_BYTES];
    selkies_settings_live_t   live;

    live.encoder = (selkies_encoder_id_t) (encoder % 3);
    live.imposed = (encoder & 4) != 0;
    live.command_enabled = encoder & 1;
    live.second_screen = encoder & 2;
    live.gamepads = encoder & 1;
    live.files = encoder & 8;
    live.display_id = "primary";
    live.max_message_bytes = 1048576;

    n = selkies_settings_json(buf, sizeof(buf), s, &live, dialect);
    holds(n <= sizeof(buf));

    root = json_loadb((char *) buf, n, JSON_REJECT_DUPLICATES, NULL);
    holds(json_is_object(root));
    holds(json_object_get(json_object_get(root, "settings"), "debug") == NULL);
    json_decref(root);
}


/* What is printed sets the same. */

static void
check_printed(const selkies_settings_t *s, unsigned id)
{
    char                error[SELKIES_SETTING_ERROR];
    char                value[SELKIES_SETTING_STRING];
    size_t              n;
    selkies_settings_t  again;

    n = selkies_settings_print(s, id, value, sizeof(value));
    holds(n < sizeof(value));

    selkies_settings_init(&again);
    holds(selkies_settings_set(&again, id, value, n, error) == 0);
    holds(again.values[id].number == s->values[id].number
          && again.values[id].min == s->values[id].min
          && again.values[id].max == s->values[id].max
          && again.values[id].nitems == s->values[id].nitems);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                          id;
    char                         error[SELKIES_SETTING_ERROR];
    int32_t                      w, h;
    const char                  *pos, *end, *line, *equals;
    selkies_dialect_t            dialect;
    selkies_settings_t           s, merged;
    selkies_settings_client_t    client, before;
    selkies_settings_result_t    result;

    if (size < 1) {
        return 0;
    }

    dialect = data[0] & 1 ? SELKIES_DIALECT_1 : SELKIES_DIALECT_2;

    pos = (const char *) data + 1;
    end = (const char *) data + size;

    selkies_settings_init(&s);

    while (pos < end) {
        line = memchr(pos, '\n', (size_t) (end - pos));

        equals = line == NULL ? NULL
                              : memchr(pos, '=', (size_t) (line - pos));

        if (equals == NULL) {
            break;
        }

        id = selkies_setting_find(pos, (size_t) (equals - pos));

        if (id < 0) {

            /* slow, and of use once */

            if (pos == (const char *) data + 1) {
                (void) selkies_setting_nearest(pos, (size_t) (equals - pos));
            }

        } else if (selkies_settings_set(&s, (unsigned) id, equals + 1,
                                        (size_t) (line - equals - 1), error)
                   == 0)
        {
            check_printed(&s, (unsigned) id);

        } else {
            holds(memchr(error, '\0', sizeof(error)) != NULL);
        }

        pos = line + 1;
    }

    selkies_settings_init(&merged);
    selkies_settings_merge(&merged, &s);
    holds(memcmp(&merged, &s, sizeof(s)) == 0);

    selkies_settings_finish(&s);
    selkies_settings_client_init(&client, &s);
    check_client(&s, &client);

    if (selkies_settings_apply(&s, &client, (const uint8_t *) pos,
                               (size_t) (end - pos), dialect, &result) == 0)
    {
        check_client(&s, &client);

        if (selkies_settings_size(&s, &client, &result, 1, 7680, 4320, &w,
                                  &h))
        {
            holds(w >= 2 && h >= 2 && w <= 7680 && h <= 4320 && w % 2 == 0
                  && h % 2 == 0);
        }

        /* said twice, it changes nothing */

        before = client;
        holds(selkies_settings_apply(&s, &client, (const uint8_t *) pos,
                                     (size_t) (end - pos), dialect, &result)
              == 0);
        holds(result.changed == 0
              && memcmp(&before, &client, sizeof(client)) == 0);
    }

    check_message(&s, data[0] >> 1, dialect);

    return 0;
}
