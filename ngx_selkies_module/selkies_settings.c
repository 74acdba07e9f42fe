
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The operator's settings: defaults, the grammar of directives, inheritance,
 * sizes.
 *
 * Thread: any.  Ownership: the structures are the caller's plain data.
 */


#include <string.h>
#include <strings.h>

#include "selkies_out.h"
#include "selkies_settings.h"


#define SELKIES_SIZE_MIN    2
#define SELKIES_SIZE_MAX    16384


typedef struct {
    selkies_settings_t         *settings;
    const selkies_setting_t    *row;
    unsigned                    id;
    const char                 *value;      /* without outer spaces */
    size_t                      len;
    const char                 *whole;      /* as written, for messages */
    size_t                      whole_len;
    char                       *error;
} selkies_setter_t;


static int selkies_set_bool(selkies_setter_t *s, selkies_setting_value_t *v);
static int selkies_set_items(selkies_setter_t *s, selkies_setting_value_t *v);
static int selkies_set_range(selkies_setter_t *s, selkies_setting_value_t *v);
static int selkies_set_int(selkies_setter_t *s, selkies_setting_value_t *v);
static int selkies_set_str(selkies_setter_t *s, selkies_setting_value_t *v);
static int selkies_set_clipboard(selkies_setter_t *s);
static int selkies_set_refuse(selkies_setter_t *s, const char *what);
static void selkies_set_unlock(selkies_setter_t *s, uint8_t *locked);
static int selkies_set_switch(const char *value, size_t len);
static int selkies_set_number(const char *value, size_t len, int32_t *number);
static void selkies_set_trim(const char **value, size_t *len);
static int selkies_settings_fit(const selkies_settings_client_t *client,
    int32_t max_width, int32_t max_height, int32_t *width, int32_t *height);


typedef int (*selkies_set_pt)(selkies_setter_t *s,
    selkies_setting_value_t *v);

static const selkies_set_pt  selkies_setters[] = {
    [SELKIES_SETTING_BOOL] = selkies_set_bool,
    [SELKIES_SETTING_ENUM] = selkies_set_items,
    [SELKIES_SETTING_LIST] = selkies_set_items,
    [SELKIES_SETTING_RANGE] = selkies_set_range,
    [SELKIES_SETTING_INT] = selkies_set_int,
    [SELKIES_SETTING_STR] = selkies_set_str
};


void
selkies_settings_init(selkies_settings_t *settings)
{
    unsigned                  id, item;
    uint8_t                   string;
    selkies_setting_value_t  *v;
    const selkies_setting_t  *row;

    memset(settings, 0, sizeof(selkies_settings_t));

    string = 0;

    for (id = 0; id < SELKIES_SETTINGS; id++) {
        row = selkies_setting(id);
        v = &settings->values[id];

        v->number = row->number;
        v->min = row->min;
        v->max = row->max;

        switch (row->type) {

        case SELKIES_SETTING_ENUM:
        case SELKIES_SETTING_LIST:

            for (item = 0; row->items[item] != NULL; item++) {
                v->items[item] = (uint8_t) item;
            }

            v->nitems = (uint8_t) item;
            v->number = row->type == SELKIES_SETTING_LIST
                        ? (1 << item) - 1
                        : selkies_settings_item_find(id, row->value,
                                                     strlen(row->value));
            break;

        case SELKIES_SETTING_STR:
            v->string = string;
            memcpy(settings->strings[string], row->value,
                   strlen(row->value) + 1);
            string++;
            break;

        default:
            break;
        }
    }
}


int
selkies_settings_set(selkies_settings_t *settings, unsigned id,
    const char *value, size_t len, char error[SELKIES_SETTING_ERROR])
{
    int                      rc;
    selkies_setter_t         s;
    selkies_setting_value_t  v;

    s.settings = settings;
    s.row = selkies_setting(id);
    s.id = id;
    s.value = value;
    s.len = len;
    s.whole = value;
    s.whole_len = len;
    s.error = error;

    if (s.row->flags & SELKIES_SETTING_FIXED) {
        return selkies_set_refuse(&s, "cannot be set");
    }

    selkies_set_trim(&s.value, &s.len);

    if (id == SELKIES_SET_ENABLE_CLIPBOARD) {
        return selkies_set_clipboard(&s);
    }

    v = settings->values[id];
    v.set = 1;
    v.locked = 0;

    rc = selkies_setters[s.row->type](&s, &v);

    if (rc == 0) {
        settings->values[id] = v;
    }

    return rc;
}


static int
selkies_set_bool(selkies_setter_t *s, selkies_setting_value_t *v)
{
    selkies_set_unlock(s, &v->locked);

    v->number = selkies_set_switch(s->value, s->len);

    return v->number < 0
           ? selkies_set_refuse(s, "is none of true, false, on, off, 1, 0, "
                                   "with or without \"|locked\"")
           : 0;
}


static int
selkies_set_items(selkies_setter_t *s, selkies_setting_value_t *v)
{
    int          item;
    size_t       n;
    uint32_t     seen;
    const char  *p, *end, *comma;

    v->nitems = 0;
    seen = 0;

    p = s->value;
    end = p + s->len;

    if (s->row->type == SELKIES_SETTING_LIST
        && (s->len == 0 || (s->len == 4 && strncasecmp(p, "none", 4) == 0)))
    {
        v->number = 0;
        return 0;
    }

    for ( ;; ) {
        comma = p == end ? NULL : memchr(p, ',', (size_t) (end - p));
        n = (size_t) ((comma == NULL ? end : comma) - p);

        selkies_set_trim(&p, &n);

        item = selkies_settings_item_find(s->id, p, n);

        if (item < 0) {
            return selkies_set_refuse(s, "is no comma list of");
        }

        if (!(seen & 1u << item)) {
            seen |= 1u << item;
            v->items[v->nitems++] = (uint8_t) item;
        }

        if (comma == NULL) {
            break;
        }

        p = comma + 1;
    }

    v->number = s->row->type == SELKIES_SETTING_LIST ? (int32_t) seen
                                                     : v->items[0];
    v->locked = s->row->type == SELKIES_SETTING_ENUM && v->nitems == 1;

    return 0;
}


/* a-b  n  n,a-b  n-n */

static int
selkies_set_range(selkies_setter_t *s, selkies_setting_value_t *v)
{
    size_t       i, n;
    int32_t      numbers[3];
    const char  *p, *end, *next;

    static const char  separators[3] = { ',', '-', '\0' };

    /* numbers[0] is the initial value, [1] and [2] are the span */

    p = s->value;
    end = p + s->len;

    i = s->len == 0 || memchr(p, ',', s->len) == NULL;
    n = 0;

    for ( /* void */ ; i < 3; i++) {
        next = p == end || separators[i] == '\0'
               ? NULL : memchr(p, separators[i], (size_t) (end - p));

        if (next == NULL) {
            next = end;
        }

        if (selkies_set_number(p, (size_t) (next - p), &numbers[i]) != 0) {
            return selkies_set_refuse(s, "is no number, span \"a-b\" or "
                                         "\"n,a-b\"");
        }

        if ((s->row->flags & SELKIES_SETTING_KBITS) && numbers[i] <= 100) {
            numbers[i] *= 1000;
        }

        n++;

        if (next == end) {
            break;
        }

        p = next + 1;
    }

    if (n == 1 && i == 1) {
        numbers[2] = numbers[1];
        n = 2;
    }

    if (n == 2 && i != 0) {
        numbers[0] = v->number < numbers[1] ? numbers[1]
                     : v->number > numbers[2] ? numbers[2] : v->number;
        n = 3;
    }

    if (n != 3) {
        return selkies_set_refuse(s, "is no number, span \"a-b\" or "
                                     "\"n,a-b\"");
    }

    if (numbers[1] < s->row->low || numbers[2] > s->row->high
        || numbers[1] > numbers[2] || numbers[0] < numbers[1]
        || numbers[0] > numbers[2])
    {
        return selkies_set_refuse(s, "is not within");
    }

    v->number = numbers[0];
    v->min = numbers[1];
    v->max = numbers[2];
    v->locked = numbers[1] == numbers[2];

    return 0;
}


static int
selkies_set_int(selkies_setter_t *s, selkies_setting_value_t *v)
{
    int          negative;
    size_t       len;
    const char  *p;

    p = s->value;
    len = s->len;

    negative = len > 1 && *p == '-';

    if (negative) {
        p++;
        len--;
    }

    if (selkies_set_number(p, len, &v->number) != 0) {
        return selkies_set_refuse(s, "is no number");
    }

    if (negative) {
        v->number = -v->number;
    }

    if (v->number < s->row->min || v->number > s->row->max) {
        return selkies_set_refuse(s, "is not within");
    }

    return 0;
}


static int
selkies_set_str(selkies_setter_t *s, selkies_setting_value_t *v)
{
    size_t  i;
    char   *string;

    if (s->whole_len >= SELKIES_SETTING_STRING) {
        return selkies_set_refuse(s, "is longer than 255 bytes");
    }

    for (i = 0; i < s->whole_len; i++) {

        if ((uint8_t) s->whole[i] < 0x20 || s->whole[i] == 0x7f) {
            return selkies_set_refuse(s, "has control characters");
        }
    }

    string = s->settings->strings[v->string];

    memset(string, 0, SELKIES_SETTING_STRING);

    if (s->whole_len != 0) {
        memcpy(string, s->whole, s->whole_len);
    }

    return 0;
}


/* One value for three rows: true, false, in, out. */

static int
selkies_set_clipboard(selkies_setter_t *s)
{
    int                       item, on;
    uint8_t                   locked;
    selkies_setting_value_t  *v;

    locked = 0;

    selkies_set_unlock(s, &locked);

    item = selkies_settings_item_find(s->id, s->value, s->len);
    on = selkies_set_switch(s->value, s->len);

    if (on >= 0) {
        item = on ? 0 : 1;
    }

    if (item < 0) {
        return selkies_set_refuse(s, "is none of");
    }

    v = s->settings->values;

    v[SELKIES_SET_CLIPBOARD_ENABLED].number = item != 1;
    v[SELKIES_SET_CLIPBOARD_IN_ENABLED].number = item == 0 || item == 2;
    v[SELKIES_SET_CLIPBOARD_OUT_ENABLED].number = item == 0 || item == 3;

    v[SELKIES_SET_CLIPBOARD_ENABLED].locked = locked;
    v[SELKIES_SET_CLIPBOARD_IN_ENABLED].locked = locked;
    v[SELKIES_SET_CLIPBOARD_OUT_ENABLED].locked = locked;

    v[SELKIES_SET_CLIPBOARD_ENABLED].set = 1;
    v[SELKIES_SET_CLIPBOARD_IN_ENABLED].set = 1;
    v[SELKIES_SET_CLIPBOARD_OUT_ENABLED].set = 1;

    v[SELKIES_SET_ENABLE_CLIPBOARD].number = item;
    v[SELKIES_SET_ENABLE_CLIPBOARD].locked = locked;
    v[SELKIES_SET_ENABLE_CLIPBOARD].set = 1;

    return 0;
}


/* The sentence of a refusal; always -1. */

static int
selkies_set_refuse(selkies_setter_t *s, const char *what)
{
    char           value[65];
    size_t         n;
    unsigned       item;
    const char    *name;
    selkies_out_t  out;

    /* a long value is cut; control characters become spaces */

    n = s->whole_len < sizeof(value) ? s->whole_len : sizeof(value) - 1;

    memset(value, 0, sizeof(value));

    if (n != 0) {
        memcpy(value, s->whole, n);
    }

    /* what does not fit is left out as a whole: zeros end the sentence */

    memset(s->error, 0, SELKIES_SETTING_ERROR);

    selkies_out_init(&out, (uint8_t *) s->error, SELKIES_SETTING_ERROR - 1);

    selkies_out_text(&out, s->row->name);
    selkies_out_text(&out, ": \"");
    selkies_out_line(&out, value);
    selkies_out_text(&out, n < s->whole_len ? "...\" " : "\" ");
    selkies_out_text(&out, what);

    if (s->row->items != NULL) {

        for (item = 0; s->row->items[item] != NULL; item++) {
            name = selkies_settings_item(s->id, item, SELKIES_DIALECT_1);
            selkies_out_text(&out, item ? ", " : " ");
            selkies_out_text(&out, name);
        }

    } else if (s->row->type == SELKIES_SETTING_RANGE
               || s->row->type == SELKIES_SETTING_INT)
    {
        if (strcmp(what, "is not within") != 0) {
            selkies_out_text(&out, " within");
        }

        n = s->row->type == SELKIES_SETTING_RANGE;

        selkies_out_text(&out, " ");
        selkies_out_int(&out, n ? s->row->low : s->row->min);
        selkies_out_text(&out, " to ");
        selkies_out_int(&out, n ? s->row->high : s->row->max);
    }

    return -1;
}


static void
selkies_set_unlock(selkies_setter_t *s, uint8_t *locked)
{
    static const char  suffix[] = "|locked";

    const size_t  n = sizeof(suffix) - 1;

    if (s->len >= n
        && strncasecmp(s->value + s->len - n, suffix, n) == 0)
    {
        *locked = 1;
        s->len -= n;
        selkies_set_trim(&s->value, &s->len);
    }
}


static int
selkies_set_switch(const char *value, size_t len)
{
    size_t  i;

    static const char *const  words[] = {
        "false", "true", "off", "on", "0", "1"
    };

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {

        if (strlen(words[i]) == len
            && strncasecmp(words[i], value, len) == 0)
        {
            return (int) (i & 1);
        }
    }

    return -1;
}


/* Digits, spaces around them allowed; at most 9 of them, so it cannot wrap. */

static int
selkies_set_number(const char *value, size_t len, int32_t *number)
{
    size_t   i;
    int32_t  n;

    selkies_set_trim(&value, &len);

    if (len == 0 || len > 9) {
        return -1;
    }

    for (n = 0, i = 0; i < len; i++) {

        if (value[i] < '0' || value[i] > '9') {
            return -1;
        }

        n = n * 10 + (value[i] - '0');
    }

    *number = n;

    return 0;
}


static void
selkies_set_trim(const char **value, size_t *len)
{
    while (*len > 0 && (**value == ' ' || **value == '\t')) {
        (*value)++;
        (*len)--;
    }

    while (*len > 0
           && ((*value)[*len - 1] == ' ' || (*value)[*len - 1] == '\t'))
    {
        (*len)--;
    }
}


void
selkies_settings_merge(selkies_settings_t *child,
    const selkies_settings_t *parent)
{
    unsigned                        id;
    selkies_setting_value_t        *v;
    const selkies_setting_value_t  *p;

    for (id = 0; id < SELKIES_SETTINGS; id++) {
        v = &child->values[id];
        p = &parent->values[id];

        if (v->set) {
            continue;
        }

        if (selkies_setting(id)->type == SELKIES_SETTING_STR) {
            memcpy(child->strings[v->string], parent->strings[p->string],
                   SELKIES_SETTING_STRING);
        }

        *v = *p;
    }
}


void
selkies_settings_finish(selkies_settings_t *settings)
{
    selkies_setting_value_t  *mode, *width, *height;

    mode = &settings->values[SELKIES_SET_IS_MANUAL_RESOLUTION_MODE];
    width = &settings->values[SELKIES_SET_MANUAL_WIDTH];
    height = &settings->values[SELKIES_SET_MANUAL_HEIGHT];

    if (mode->number == 0 && width->number == 0 && height->number == 0) {
        return;
    }

    mode->number = 1;
    mode->locked = 1;

    if (width->number == 0) {
        width->number = 1024;
    }

    if (height->number == 0) {
        height->number = 768;
    }

    (void) selkies_settings_fit(NULL, SELKIES_SIZE_MAX, SELKIES_SIZE_MAX,
                                &width->number, &height->number);
}


void
selkies_settings_limit(selkies_settings_t *settings, unsigned id,
    uint32_t mask)
{
    unsigned                  i, n;
    selkies_setting_value_t  *v;

    v = &settings->values[id];

    for (i = 0, n = 0; i < v->nitems; i++) {
        if (mask >> v->items[i] & 1) {
            n++;
        }
    }

    if (n == 0) {
        return;
    }

    for (i = 0, n = 0; i < v->nitems; i++) {
        if (mask >> v->items[i] & 1) {
            v->items[n++] = v->items[i];
        }
    }

    v->nitems = (uint8_t) n;

    if (!(mask >> v->number & 1)) {
        v->number = v->items[0];
    }
}


const char *
selkies_settings_string(const selkies_settings_t *settings, unsigned id)
{
    return settings->strings[settings->values[id].string];
}


void
selkies_settings_client_init(selkies_settings_client_t *client,
    const selkies_settings_t *settings)
{
    unsigned  id;

    for (id = 0; id < SELKIES_SETTINGS; id++) {
        client->values[id] = settings->values[id].number;

        if (selkies_setting(id)->type == SELKIES_SETTING_ENUM) {
            client->values[id] = selkies_settings_item_value(id,
                                  (unsigned) settings->values[id].number);
        }
    }
}


int
selkies_settings_use_cpu(const selkies_settings_client_t *client)
{
    return client->values[SELKIES_SET_USE_CPU]
           || client->values[SELKIES_SET_ENCODER] != SELKIES_ENCODER_X264;
}


/*
 * Makes a size even, a multiple of 16 where the client asks for it, and puts
 * it within limits.  Returns 0 where a side is no size at all.
 */

static int
selkies_settings_fit(const selkies_settings_client_t *client,
    int32_t max_width, int32_t max_height, int32_t *width, int32_t *height)
{
    int32_t  step;

    if (*width <= 0 || *height <= 0) {
        return 0;
    }

    step = SELKIES_SIZE_MIN;

    if (client != NULL
        && client->values[SELKIES_SET_FORCE_ALIGNED_RESOLUTION])
    {
        step = 16;
    }

    *width = *width < max_width ? *width : max_width;
    *height = *height < max_height ? *height : max_height;

    *width -= *width % step;
    *height -= *height % step;

    *width = *width < step ? step : *width;
    *height = *height < step ? step : *height;

    return 1;
}


int
selkies_settings_size(const selkies_settings_t *settings,
    const selkies_settings_client_t *client,
    const selkies_settings_result_t *result, int first, int32_t max_width,
    int32_t max_height, int32_t *width, int32_t *height)
{
    int32_t                         w, h;
    const selkies_setting_value_t  *v;

    v = settings->values;

    if (v[SELKIES_SET_IS_MANUAL_RESOLUTION_MODE].number
        && v[SELKIES_SET_IS_MANUAL_RESOLUTION_MODE].locked)
    {
        /* the operator's word: neither aligned nor refused */

        client = NULL;
        w = v[SELKIES_SET_MANUAL_WIDTH].number;
        h = v[SELKIES_SET_MANUAL_HEIGHT].number;

    } else if (!v[SELKIES_SET_ENABLE_RESIZE].number) {
        return 0;

    } else if (client->values[SELKIES_SET_IS_MANUAL_RESOLUTION_MODE]) {
        w = client->values[SELKIES_SET_MANUAL_WIDTH];
        h = client->values[SELKIES_SET_MANUAL_HEIGHT];

    } else if (first && result != NULL) {
        w = result->initial_width;
        h = result->initial_height;

    } else {
        return 0;
    }

    if (!selkies_settings_fit(client, max_width, max_height, &w, &h)) {
        return 0;
    }

    *width = w;
    *height = h;

    return 1;
}


int
selkies_settings_resize(const selkies_settings_t *settings,
    const selkies_settings_client_t *client, int32_t max_width,
    int32_t max_height, int32_t *width, int32_t *height)
{
    const selkies_setting_value_t  *v;

    v = settings->values;

    if (!v[SELKIES_SET_ENABLE_RESIZE].number
        || (v[SELKIES_SET_IS_MANUAL_RESOLUTION_MODE].number
            && v[SELKIES_SET_IS_MANUAL_RESOLUTION_MODE].locked))
    {
        return 0;
    }

    return selkies_settings_fit(client, max_width, max_height, width, height);
}


int32_t
selkies_settings_dpi(const selkies_settings_t *settings, uint32_t dpi)
{
    int32_t                         n, best, far, near;
    unsigned                        i;
    const selkies_setting_value_t  *v;

    v = &settings->values[SELKIES_SET_SCALING_DPI];

    best = 0;
    near = INT32_MAX;

    for (i = 0; i < v->nitems; i++) {
        n = selkies_settings_item_value(SELKIES_SET_SCALING_DPI, v->items[i]);

        far = dpi > 10000 ? 10000 - n : (int32_t) dpi - n;
        far = far < 0 ? -far : far;

        if (far < near) {
            near = far;
            best = n;
        }
    }

    return best;
}
