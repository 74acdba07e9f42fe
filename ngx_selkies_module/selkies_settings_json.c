
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The settings as others read them: server_settings, the directive's grammar,
 * the table for the documentation.
 *
 * Thread: any.  Ownership: buffers are the caller's.
 */


#include <string.h>

#include "selkies_out.h"
#include "selkies_settings.h"


typedef struct {
    selkies_out_t                   *out;
    const selkies_settings_t        *settings;
    const selkies_settings_live_t   *live;
    selkies_dialect_t                dialect;
} selkies_settings_writer_t;


static void selkies_json_entry(selkies_settings_writer_t *w, unsigned id,
    const char *name);
static void selkies_json_bool(selkies_settings_writer_t *w, unsigned id);
static void selkies_json_enum(selkies_settings_writer_t *w, unsigned id);
static void selkies_json_list(selkies_settings_writer_t *w, unsigned id);
static void selkies_json_range(selkies_settings_writer_t *w, unsigned id);
static void selkies_json_items(selkies_settings_writer_t *w, unsigned id,
    const uint8_t *items, unsigned n);
static void selkies_json_item(selkies_settings_writer_t *w, unsigned id,
    unsigned item);
static void selkies_json_text(selkies_out_t *out, const char *text);
static unsigned selkies_json_clipboard(const selkies_settings_t *settings);
static void selkies_print_values(FILE *file, const selkies_setting_t *row);


size_t
selkies_settings_json(uint8_t *buf, size_t size,
    const selkies_settings_t *settings, const selkies_settings_live_t *live,
    selkies_dialect_t dialect)
{
    int                        second;
    unsigned                   id;
    uint32_t                   sent;
    const char                *comma;
    selkies_out_t              out;
    const selkies_setting_t   *row;
    selkies_settings_writer_t  w;

    selkies_out_init(&out, buf, size);

    w.out = &out;
    w.settings = settings;
    w.live = live;
    w.dialect = dialect;

    sent = SELKIES_SETTING_SENT;
    comma = "";

    selkies_out_text(&out, "{\"type\":\"server_settings\",");

    if (dialect == SELKIES_DIALECT_2) {
        sent |= SELKIES_SETTING_SENT_2;

        if (live->display_id != NULL) {
            selkies_out_text(&out, "\"displayId\":");
            selkies_json_text(&out, live->display_id);
            selkies_out_text(&out, ",");
        }
    }

    selkies_out_text(&out, "\"settings\":{");

    for (id = 0; id < SELKIES_SETTINGS; id++) {
        row = selkies_setting(id);

        if (!(row->flags & sent)) {
            continue;
        }

        second = dialect == SELKIES_DIALECT_2 && row->name2 != NULL;

        selkies_out_text(&out, comma);
        selkies_json_entry(&w, id, second ? row->name2 : row->name);
        comma = ",";

        if (second && (row->flags & SELKIES_SETTING_BOTH_NAMES)) {
            selkies_out_text(&out, comma);
            selkies_json_entry(&w, id, row->name);
        }
    }

    if (dialect == SELKIES_DIALECT_2) {
        selkies_out_text(&out, ",\"ws_max_message_bytes\":{\"value\":");
        selkies_out_uint(&out, live->max_message_bytes);
        selkies_out_text(&out, ",\"overridden\":false}");
    }

    selkies_out_text(&out, "}}");

    return out.len;
}


static void
selkies_json_entry(selkies_settings_writer_t *w, unsigned id,
    const char *name)
{
    const selkies_setting_t        *row;
    const selkies_setting_value_t  *v;

    row = selkies_setting(id);
    v = &w->settings->values[id];

    selkies_json_text(w->out, name);
    selkies_out_text(w->out, ":{\"value\":");

    switch (row->type) {

    case SELKIES_SETTING_BOOL:
        selkies_json_bool(w, id);
        break;

    case SELKIES_SETTING_ENUM:
        selkies_json_enum(w, id);
        break;

    case SELKIES_SETTING_LIST:
        selkies_json_list(w, id);
        break;

    case SELKIES_SETTING_RANGE:
        selkies_json_range(w, id);
        break;

    case SELKIES_SETTING_INT:
        selkies_out_int(w->out, v->number);
        break;

    case SELKIES_SETTING_STR:
        selkies_json_text(w->out, selkies_settings_string(w->settings, id));
        break;
    }

    if (w->dialect == SELKIES_DIALECT_2) {
        selkies_out_text(w->out, ",\"overridden\":");
        selkies_out_text(w->out, v->set ? "true" : "false");
    }

    selkies_out_text(w->out, "}");
}


/*
 * What is asked for but not there shows as off, and locked: a client would
 * switch it on again.
 */

static void
selkies_json_bool(selkies_settings_writer_t *w, unsigned id)
{
    int                             on, locked;
    const selkies_setting_value_t  *v;

    v = &w->settings->values[id];

    on = v->number;
    locked = v->locked;

    if (id == SELKIES_SET_COMMAND_ENABLED) {
        on = on && w->live->command_enabled;

    } else if (id == SELKIES_SET_SECOND_SCREEN) {
        on = on && w->live->second_screen;

    } else if (id == SELKIES_SET_GAMEPAD_ENABLED) {
        on = on && w->live->gamepads;
    }

    if (on != v->number) {
        locked = 1;
    }

    selkies_out_text(w->out, on ? "true" : "false");

    /* dialect 2 derives these three from enable_clipboard: no lock there */

    if (w->dialect == SELKIES_DIALECT_2
        && (id == SELKIES_SET_CLIPBOARD_ENABLED
            || id == SELKIES_SET_CLIPBOARD_IN_ENABLED
            || id == SELKIES_SET_CLIPBOARD_OUT_ENABLED))
    {
        return;
    }

    selkies_out_text(w->out, ",\"locked\":");
    selkies_out_text(w->out, locked ? "true" : "false");
}


static void
selkies_json_enum(selkies_settings_writer_t *w, unsigned id)
{
    uint8_t                         item;
    const selkies_setting_value_t  *v;

    v = &w->settings->values[id];
    item = (uint8_t) v->number;

    if (id == SELKIES_SET_ENABLE_CLIPBOARD) {

        /* a string in dialect 2, with no menu */

        selkies_json_item(w, id, selkies_json_clipboard(w->settings));
        return;
    }

    if (id == SELKIES_SET_ENCODER) {
        item = (uint8_t) w->live->encoder;
    }

    selkies_json_item(w, id, item);
    selkies_out_text(w->out, ",\"allowed\":");

    if (memchr(v->items, item, v->nitems) == NULL
        || (id == SELKIES_SET_ENCODER && w->live->imposed))
    {

        /* imposed by the server: a client that sees another one drops all */

        selkies_json_items(w, id, &item, 1);

    } else {
        selkies_json_items(w, id, v->items, v->nitems);
    }

    if (id == SELKIES_SET_SCALING_DPI && w->dialect == SELKIES_DIALECT_2
        && v->set)
    {
        selkies_out_text(w->out, ",\"locked\":true");
    }
}


static void
selkies_json_list(selkies_settings_writer_t *w, unsigned id)
{
    unsigned                        n;
    const selkies_setting_value_t  *v;

    v = &w->settings->values[id];
    n = v->nitems;

    if (id == SELKIES_SET_FILE_TRANSFERS && !w->live->files) {
        n = 0;
    }

    selkies_json_items(w, id, v->items, n);
    selkies_out_text(w->out, ",\"allowed\":");
    selkies_json_items(w, id, v->items, n);
}


static void
selkies_json_range(selkies_settings_writer_t *w, unsigned id)
{
    int32_t                         min, max, value;
    const selkies_setting_value_t  *v;

    v = &w->settings->values[id];

    min = v->min;
    max = v->max;
    value = v->number;

    if ((selkies_setting(id)->flags & SELKIES_SETTING_KBITS)
        && w->dialect == SELKIES_DIALECT_1)
    {
        /* whole Mbit/s, and never none */

        min = (min + 999) / 1000;
        max = max / 1000 > min ? max / 1000 : min;
        value = (value + 500) / 1000;
        value = value < min ? min : value > max ? max : value;
    }

    selkies_out_text(w->out, "[");
    selkies_out_int(w->out, min);
    selkies_out_text(w->out, ",");
    selkies_out_int(w->out, max);
    selkies_out_text(w->out, "],\"min\":");
    selkies_out_int(w->out, min);
    selkies_out_text(w->out, ",\"max\":");
    selkies_out_int(w->out, max);
    selkies_out_text(w->out, ",\"default\":");
    selkies_out_int(w->out, value);
}


static void
selkies_json_items(selkies_settings_writer_t *w, unsigned id,
    const uint8_t *items, unsigned n)
{
    unsigned  i;

    selkies_out_text(w->out, "[");

    for (i = 0; i < n; i++) {
        selkies_out_text(w->out, i ? "," : "");
        selkies_json_item(w, id, items[i]);
    }

    selkies_out_text(w->out, "]");
}


static void
selkies_json_item(selkies_settings_writer_t *w, unsigned id, unsigned item)
{
    selkies_json_text(w->out, selkies_settings_item(id, item, w->dialect));
}


static void
selkies_json_text(selkies_out_t *out, const char *text)
{
    selkies_out_json(out, text, strlen(text));
}


/* The three booleans in one word. */

static unsigned
selkies_json_clipboard(const selkies_settings_t *settings)
{
    int                             in, out;
    const selkies_setting_value_t  *v;

    v = settings->values;

    in = v[SELKIES_SET_CLIPBOARD_ENABLED].number
         && v[SELKIES_SET_CLIPBOARD_IN_ENABLED].number;
    out = v[SELKIES_SET_CLIPBOARD_ENABLED].number
          && v[SELKIES_SET_CLIPBOARD_OUT_ENABLED].number;

    return in && out ? 0 : in ? 2 : out ? 3 : 1;
}


size_t
selkies_settings_print(const selkies_settings_t *settings, unsigned id,
    char *buf, size_t size)
{
    size_t                          n;
    unsigned                        i;
    selkies_out_t                   out;
    const selkies_setting_t        *row;
    const selkies_setting_value_t  *v;

    row = selkies_setting(id);
    v = &settings->values[id];

    /* room for the zero is kept */

    if (size != 0) {
        memset(buf, 0, size);
    }

    selkies_out_init(&out, (uint8_t *) buf, size ? size - 1 : 0);

    switch (row->type) {

    case SELKIES_SETTING_BOOL:
        selkies_out_text(&out, v->number ? "true" : "false");
        selkies_out_text(&out, v->locked ? "|locked" : "");
        break;

    case SELKIES_SETTING_ENUM:

        n = id == SELKIES_SET_ENABLE_CLIPBOARD
            ? selkies_json_clipboard(settings) : (size_t) v->number;

        selkies_out_text(&out, row->items[n]);

        for (i = 0; i < v->nitems && id != SELKIES_SET_ENABLE_CLIPBOARD; i++) {

            if (v->items[i] != n) {
                selkies_out_text(&out, ",");
                selkies_out_text(&out, row->items[v->items[i]]);
            }
        }

        break;

    case SELKIES_SETTING_LIST:

        for (i = 0; i < v->nitems; i++) {
            selkies_out_text(&out, i ? "," : "");
            selkies_out_text(&out, row->items[v->items[i]]);
        }

        selkies_out_text(&out, v->nitems ? "" : "none");
        break;

    case SELKIES_SETTING_RANGE:
        selkies_out_int(&out, v->number);

        if (v->min != v->max) {
            selkies_out_text(&out, ",");
            selkies_out_int(&out, v->min);
            selkies_out_text(&out, "-");
            selkies_out_int(&out, v->max);
        }

        break;

    case SELKIES_SETTING_INT:
        selkies_out_int(&out, v->number);
        break;

    case SELKIES_SETTING_STR:
        selkies_out_text(&out, selkies_settings_string(settings, id));
        break;
    }

    return out.len;
}


void
selkies_settings_markdown(FILE *file)
{
    char                      env[128], value[SELKIES_SETTING_STRING];
    unsigned                  id;
    const char               *live, *name;
    selkies_settings_t        settings;
    const selkies_setting_t  *row;

    selkies_settings_init(&settings);

    fprintf(file, "| directive | variable | value | default | client | "
                  "what |\n| --- | --- | --- | --- | --- | --- |\n");

    for (id = 0; id < SELKIES_SETTINGS; id++) {
        row = selkies_setting(id);

        if (row->flags & SELKIES_SETTING_FIXED) {
            continue;
        }

        (void) selkies_setting_env(id, env, sizeof(env));
        (void) selkies_settings_print(&settings, id, value, sizeof(value));

        if (row->flags & SELKIES_SETTING_NO_DIRECTIVE) {
            fprintf(file, "| | ");

        } else {
            fprintf(file, "| `selkies_%s` | ", row->name);
        }

        fprintf(file, "`%s`", env);

        if (row->legacy != NULL) {
            fprintf(file, ", `%s`", row->legacy);
        }

        if (row->name2 != NULL) {
            fprintf(file, ", `SELKIES_");

            for (name = row->name2; *name != '\0'; name++) {
                fputc(*name >= 'a' && *name <= 'z' ? *name - 'a' + 'A'
                                                   : *name, file);
            }

            fprintf(file, "`");
        }

        fprintf(file, " | ");
        selkies_print_values(file, row);

        if (row->type == SELKIES_SETTING_ENUM) {
            (void) snprintf(value, sizeof(value), "%s", row->value);

        } else if (row->type == SELKIES_SETTING_RANGE) {
            (void) snprintf(value, sizeof(value), "%d,%d-%d", row->number,
                            row->min, row->max);
        }

        live = !(row->flags & (SELKIES_SETTING_CLIENT
                               |SELKIES_SETTING_CLIENT_2)) ? ""
               : row->flags & SELKIES_SETTING_STRUCTURAL ? "restarts" : "live";

        fprintf(file, " | %s%s%s | %s | %s |\n", *value ? "`" : "", value,
                *value ? "`" : "", live, row->text);
    }
}


static void
selkies_print_values(FILE *file, const selkies_setting_t *row)
{
    size_t  i;

    switch (row->type) {

    case SELKIES_SETTING_BOOL:
        fprintf(file, "bool");
        break;

    case SELKIES_SETTING_ENUM:
    case SELKIES_SETTING_LIST:

        fprintf(file, "%s of ",
                row->type == SELKIES_SETTING_ENUM ? "menu" : "list");

        for (i = 0; row->items[i] != NULL; i++) {
            fprintf(file, "%s`%s`", i ? ", " : "", row->items[i]);
        }

        break;

    case SELKIES_SETTING_RANGE:
        fprintf(file, "span within %d-%d", row->low, row->high);
        break;

    case SELKIES_SETTING_INT:
        fprintf(file, "%d to %d", row->min, row->max);
        break;

    case SELKIES_SETTING_STR:
        fprintf(file, "text");
        break;
    }

    if (row->unit != NULL) {
        fprintf(file, ", %s", row->unit);
    }
}
