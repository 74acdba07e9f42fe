
/*
 * Copyright (C) ngx_selkies authors
 *
 * Keys: from a client's symbol to a key and back up (protocol.md 11.2).  See
 * input.h.
 */


#include <stdlib.h>
#include <string.h>

#include "input_private.h"
#include "keysyms.h"


#define SELKIES_INPUT_HELD_STEP  16

/* Modifiers that make a command of a letter. */

#define SELKIES_INPUT_COMMANDS   (ControlMask|Mod1Mask|Mod4Mask)


static uint32_t selkies_input_pair(selkies_held_t *held, uint32_t keysym);
static uint64_t selkies_input_down(selkies_input_t *input,
    selkies_held_t *held, uint32_t keysym, int text);
static uint64_t selkies_input_press(selkies_input_t *input,
    selkies_held_t *held, uint32_t keysym, int text);
static int selkies_input_lookup(selkies_input_t *input, uint32_t keysym,
    selkies_key_t *key, uint64_t *wait_us);
static int selkies_input_bind(selkies_input_t *input, uint32_t keysym,
    selkies_key_t *key, uint64_t *wait_us);
static int selkies_input_busy(void *data, uint8_t keycode);
static selkies_held_key_t *selkies_held_add(selkies_held_t *held,
    uint32_t keysym);
static int selkies_held_is(const selkies_held_key_t *entry, uint32_t keysym);
static void selkies_input_key_down(selkies_input_t *input, uint8_t keycode);
static void selkies_input_key_up(selkies_input_t *input, uint8_t keycode);
static void selkies_input_release_entry(selkies_input_t *input,
    selkies_held_t *held, size_t i);
static void selkies_input_adjust(selkies_input_t *input,
    const selkies_key_t *key);
static void selkies_input_lift(selkies_input_t *input, uint8_t modifier);


selkies_held_t *
selkies_held_create(int wheel_recovery)
{
    selkies_held_t  *held;

    held = calloc(1, sizeof(selkies_held_t));
    if (held == NULL) {
        return NULL;
    }

    held->wheel_recovery = (wheel_recovery != 0);

    return held;
}


void
selkies_held_destroy(selkies_held_t *held)
{
    if (held != NULL) {
        free(held->keys);
        free(held);
    }
}


/* What was held with another connection is not held with this one. */

void
selkies_held_attach(selkies_input_t *input, selkies_held_t *held)
{
    if (held->generation != input->generation) {
        held->generation = input->generation;
        held->nkeys = 0;
        held->mask = 0;
        held->pending = 0;
        held->repeatable = 0;
    }
}


uint64_t
selkies_input_key(selkies_input_t *input, selkies_held_t *held,
    uint32_t keysym, int down)
{
    size_t    i;
    uint32_t  high, whole;
    uint64_t  wait_us;

    if (selkies_x11_lost(&input->x11)) {
        return 0;
    }

    selkies_held_attach(input, held);

    if (!down) {
        for (i = 0; i < held->nkeys; i++) {
            if (selkies_held_is(&held->keys[i], keysym)) {
                selkies_input_release_entry(input, held, i);
                break;
            }
        }

        return 0;
    }

    high = held->high;
    whole = selkies_input_pair(held, keysym);

    if (whole == 0) {
        return 0;
    }

    wait_us = selkies_input_down(input, held, whole, 0);

    if (wait_us != 0 && whole != keysym) {
        held->high = high;
        held->pending = 1;
    }

    return wait_us;
}


uint64_t
selkies_input_prepare(selkies_input_t *input, uint32_t keysym)
{
    uint64_t       wait_us;
    selkies_key_t  key;

    keysym = selkies_keysym_normal(keysym);

    if (selkies_x11_lost(&input->x11) || keysym == 0
        || !selkies_input_ready(input))
    {
        return 0;
    }

    /* used from now on, so that it is not bound to the next symbol */

    if (selkies_input_lookup(input, keysym, &key, &wait_us)) {
        selkies_keymap_use(&input->keymap, key.keycode);
        return 0;
    }

    return wait_us;
}


uint64_t
selkies_input_type(selkies_input_t *input, selkies_held_t *held,
    uint32_t keysym)
{
    uint64_t  wait_us;

    if (selkies_x11_lost(&input->x11)) {
        return 0;
    }

    selkies_held_attach(input, held);

    wait_us = selkies_input_down(input, held, keysym, 1);

    if (held->nkeys > 0 && held->keys[held->nkeys - 1].text) {
        selkies_input_release_entry(input, held, held->nkeys - 1);
    }

    return wait_us;
}


/* A symbol that is held already: another physical key has it, too. */

static uint64_t
selkies_input_down(selkies_input_t *input, selkies_held_t *held,
    uint32_t keysym, int text)
{
    size_t  i;

    for (i = 0; i < held->nkeys; i++) {
        if (held->keys[i].keysym == keysym) {
            selkies_input_release_entry(input, held, i);
            break;
        }
    }

    if (held->nkeys == SELKIES_INPUT_HELD_MAX) {
        return 0;
    }

    return selkies_input_press(input, held, keysym, text);
}


/* Halves of a UTF-16 pair: 0 after the first, the symbol after the second. */

static uint32_t
selkies_input_pair(selkies_held_t *held, uint32_t keysym)
{
    uint32_t  high;

    if ((keysym & 0xfffffc00) == SELKIES_INPUT_HIGH) {
        held->high = keysym & 0x3ff;
        held->pending = 1;
        return 0;
    }

    if ((keysym & 0xfffffc00) != SELKIES_INPUT_LOW) {
        held->pending = 0;
        return keysym;
    }

    if (!held->pending) {
        return 0;
    }

    high = held->high;
    held->pending = 0;

    return 0x01010000 + (high << 10) + (keysym & 0x3ff);
}


static int
selkies_held_is(const selkies_held_key_t *entry, uint32_t keysym)
{
    if (entry->keysym == keysym) {
        return 1;
    }

    /* the second half of a pair stands for the whole */

    return entry->keysym >= 0x01010000 && entry->keysym <= 0x0110ffff
           && keysym == SELKIES_INPUT_LOW + (entry->keysym & 0x3ff);
}


static uint64_t
selkies_input_press(selkies_input_t *input, selkies_held_t *held,
    uint32_t keysym, int text)
{
    uint8_t              modifiers;
    uint32_t             normal, latin;
    uint64_t             wait_us;
    selkies_key_t        key;
    selkies_held_key_t  *entry;

    normal = selkies_keysym_normal(keysym);
    if (normal == 0) {
        return 0;
    }

    selkies_input_restore(input);

    if (!selkies_input_ready(input)) {
        return 0;
    }

    modifiers = selkies_input_modifiers(input);

    if (!text && (modifiers & SELKIES_INPUT_COMMANDS)) {
        latin = selkies_keysym_latin(normal);
        normal = (latin != 0) ? latin : normal;
    }

    if (!selkies_input_lookup(input, normal, &key, &wait_us)) {
        return wait_us;
    }

    entry = selkies_held_add(held, keysym);
    if (entry == NULL) {
        return 0;
    }

    entry->keycode = key.keycode;
    entry->text = (text != 0);

    if (text) {
        key.remove |= modifiers & SELKIES_INPUT_COMMANDS;

        if (selkies_keysym_function(normal)) {
            key.remove |= modifiers & ShiftMask;
        }
    }

    selkies_input_adjust(input, &key);
    selkies_input_key_down(input, key.keycode);
    selkies_keymap_use(&input->keymap, key.keycode);

    entry->locks = selkies_keysym_locks(normal);
    input->state_unknown |= entry->locks;

    return 0;
}


/* Not found: *wait_us is 0 when there is no use in trying again. */

static int
selkies_input_lookup(selkies_input_t *input, uint32_t keysym,
    selkies_key_t *key, uint64_t *wait_us)
{
    int                  function;
    uint32_t             alias;
    selkies_key_state_t  state;

    state.group = input->group;
    state.modifiers = selkies_input_modifiers(input);

    *wait_us = 0;
    function = selkies_keysym_function(keysym);

    if (function
        && selkies_keymap_find(&input->keymap, keysym, &state, 1, key))
    {
        return 1;
    }

    if (selkies_keysym_modifier(keysym)) {
        for (alias = selkies_keysym_alias(keysym); alias != 0;
             alias = selkies_keysym_alias(alias))
        {
            if (selkies_keymap_find(&input->keymap, alias, &state, 1, key)) {
                return 1;
            }
        }
    }

    if (selkies_keymap_find(&input->keymap, keysym, &state, 0, key)) {
        if (function) {
            key->remove = 0;
        }

        /* Shift, to undo NumLock, would make another command of it */

        alias = (key->add | key->remove) ? selkies_keysym_keypad(keysym) : 0;

        return alias == 0
               || selkies_keymap_find(&input->keymap, alias, &state, 1, key)
               || selkies_keymap_find(&input->keymap, keysym, &state, 0, key);
    }

    /* a modifier on a spare key would modify nothing */

    if (selkies_keysym_modifier(keysym)) {
        return 0;
    }

    return selkies_input_bind(input, keysym, key, wait_us);
}


static int
selkies_input_bind(selkies_input_t *input, uint32_t keysym, selkies_key_t *key,
    uint64_t *wait_us)
{
    selkies_status_t  status;

    status = selkies_keymap_bind(&input->keymap, keysym, selkies_input_busy,
                                 input, key, wait_us);

    if (status == SELKIES_OK) {
        return 1;
    }

    if (*wait_us == 0 && status != SELKIES_LOST && !input->complained) {
        input->complained = 1;

        selkies_log(input->log, SELKIES_LOG_WARN,
                    "display %s: no key for symbol 0x%x, %s",
                    DisplayString(input->display), (unsigned) keysym,
                    status == SELKIES_AGAIN ? "all are taken"
                                            : "the server refuses");
    }

    return 0;
}


static int
selkies_input_busy(void *data, uint8_t keycode)
{
    selkies_input_t  *input = data;

    return input->key_count[keycode] != 0;
}


static selkies_held_key_t *
selkies_held_add(selkies_held_t *held, uint32_t keysym)
{
    size_t               n;
    selkies_held_key_t  *keys, *entry;

    if (held->nkeys == held->allocated) {
        n = held->allocated + SELKIES_INPUT_HELD_STEP;
        keys = realloc(held->keys, n * sizeof(selkies_held_key_t));

        if (keys == NULL) {
            return NULL;
        }

        held->keys = keys;
        held->allocated = n;
    }

    entry = &held->keys[held->nkeys++];

    memset(entry, 0, sizeof(selkies_held_key_t));
    entry->keysym = keysym;

    return entry;
}


static void
selkies_input_release_entry(selkies_input_t *input, selkies_held_t *held,
    size_t i)
{
    uint8_t  keycode;

    keycode = held->keys[i].keycode;

    /* the key the modifiers were changed for needs them until it is up */

    if (keycode != input->fix.keycode) {
        selkies_input_restore(input);
    }

    selkies_input_key_up(input, keycode);
    selkies_keymap_use(&input->keymap, keycode);
    selkies_input_restore(input);

    input->state_unknown |= held->keys[i].locks;
    held->keys[i] = held->keys[--held->nkeys];
}


/* A key that another symbol or client holds down is struck anew. */

static void
selkies_input_key_down(selkies_input_t *input, uint8_t keycode)
{
    int  held;

    held = (input->key_count[keycode]++ != 0);

    if (held) {
        if (selkies_keymap_modifiers(&input->keymap, keycode) != 0) {
            return;
        }

        selkies_input_fake_key(input, keycode, 0);
    }

    selkies_input_fake_key(input, keycode, 1);
}


static void
selkies_input_key_up(selkies_input_t *input, uint8_t keycode)
{
    if (--input->key_count[keycode] == 0) {
        selkies_input_fake_key(input, keycode, 0);
    }
}


/*
 * Brings the modifiers to what the symbol needs.  They stay so until the key
 * is released or the next event, that the server's auto-repeat repeats this
 * symbol and not its neighbour.
 */

static void
selkies_input_adjust(selkies_input_t *input, const selkies_key_t *key)
{
    unsigned             i;
    uint8_t              keycode;
    selkies_input_fix_t *fix;

    fix = &input->fix;
    fix->keycode = key->keycode;

    for (i = 0; i < 8; i++) {
        if (((key->add | key->remove) & 1u << i) == 0) {
            continue;
        }

        keycode = input->keymap.lock_key[i];

        if (keycode != 0
            && ((key->add & 1u << i) || (input->locked & 1u << i)))
        {
            fix->tapped[fix->ntapped++] = keycode;
            selkies_input_tap(input, keycode);
            input->state_unknown = 1;
            continue;
        }

        if (key->remove & 1u << i) {
            selkies_input_lift(input, (uint8_t) (1u << i));
            continue;
        }

        keycode = input->keymap.shift_key[i];
        fix->added[fix->nadded++] = keycode;
        selkies_input_fake_key(input, keycode, 1);
    }
}


/* Lifts all keys that hold a modifier; of others the server must be asked. */

static void
selkies_input_lift(selkies_input_t *input, uint8_t modifier)
{
    char                  down[32];
    unsigned              i;
    selkies_input_fix_t  *fix;

    fix = &input->fix;
    memset(down, 0, sizeof(down));

    if (input->foreign & modifier) {
        (void) XQueryKeymap(input->display, down);
    }

    for (i = 0; i < 256; i++) {
        if ((input->key_count[i] == 0 && (down[i / 8] & 1 << (i % 8)) == 0)
            || (selkies_keymap_modifiers(&input->keymap, (uint8_t) i)
                & modifier) == 0
            || fix->nlifted == SELKIES_INPUT_FIX_MAX)
        {
            continue;
        }

        fix->lifted[fix->nlifted++] = (uint8_t) i;
        selkies_input_fake_key(input, (uint8_t) i, 0);
    }
}


void
selkies_input_restore(selkies_input_t *input)
{
    unsigned              i;
    selkies_input_fix_t  *fix;

    fix = &input->fix;

    for (i = 0; i < fix->nadded; i++) {
        selkies_input_fake_key(input, fix->added[i], 0);
    }

    for (i = 0; i < fix->nlifted; i++) {

        /* whom else it is of may let go, and then it would stay down */

        if (input->key_count[fix->lifted[i]] == 0 && input->elsewhere != NULL
            && input->elsewhere(input->elsewhere_data, fix->lifted[i]))
        {
            input->state_unknown = 1;
            continue;
        }

        selkies_input_fake_key(input, fix->lifted[i], 1);
    }

    for (i = 0; i < fix->ntapped; i++) {
        selkies_input_tap(input, fix->tapped[i]);
    }

    memset(fix, 0, sizeof(selkies_input_fix_t));
}


void
selkies_input_release_all(selkies_input_t *input, selkies_held_t *held)
{
    if (selkies_x11_lost(&input->x11)) {
        held->nkeys = 0;
        return;
    }

    selkies_held_attach(input, held);

    while (held->nkeys > 0) {
        selkies_input_release_entry(input, held, held->nkeys - 1);
    }

    selkies_input_release_buttons(input, held);

    held->pending = 0;
}


void
selkies_input_heartbeat(selkies_input_t *input, selkies_held_t *held,
    const uint32_t *keysyms, size_t n, uint64_t now_us)
{
    size_t  i, j;

    selkies_held_attach(input, held);

    held->heartbeat = 1;
    n = (n < SELKIES_INPUT_HELD_MAX) ? n : SELKIES_INPUT_HELD_MAX;

    for (i = 0; i < held->nkeys; i++) {
        for (j = 0; j < n; j++) {
            if (selkies_held_is(&held->keys[i], keysyms[j])) {
                held->keys[i].seen_us = now_us;
                break;
            }
        }
    }
}


unsigned
selkies_input_sweep(selkies_input_t *input, selkies_held_t *held,
    uint64_t now_us)
{
    size_t    i;
    unsigned  released;

    if (selkies_x11_lost(&input->x11)) {
        return 0;
    }

    selkies_held_attach(input, held);

    if (!held->heartbeat) {
        return 0;
    }

    released = 0;

    for (i = held->nkeys; i > 0; i--) {
        if (held->keys[i - 1].seen_us == 0) {
            held->keys[i - 1].seen_us = now_us;

        } else if (now_us - held->keys[i - 1].seen_us
                   >= SELKIES_INPUT_STALE_US)
        {
            selkies_input_release_entry(input, held, i - 1);
            released++;
        }
    }

    return released;
}
