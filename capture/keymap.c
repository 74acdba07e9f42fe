
/*
 * Copyright (C) ngx_selkies authors
 *
 * See keymap.h.
 */


#include <string.h>

#include <X11/Xutil.h>
#include <X11/keysym.h>

#include "keymap.h"
#include "keysyms.h"


/* Changing a lock is seen by all programs: a last resort. */

#define SELKIES_KEYMAP_COST_LOCK  16
#define SELKIES_KEYMAP_COST_NONE  255


static const KeySym  selkies_keymap_shifts[] = {
    XK_Shift_L, XK_Shift_R, XK_ISO_Level3_Shift, XK_ISO_Level5_Shift
};


static const KeySym  selkies_keymap_locks[] = {
    XK_Caps_Lock, XK_Num_Lock
};


static void selkies_keymap_modifier_keys(selkies_keymap_t *keymap);
static void selkies_keymap_modifier_key(const selkies_keymap_t *keymap,
    const KeySym *keysyms, size_t n, uint8_t *keys);
static unsigned selkies_keymap_group(XkbDescPtr xkb, unsigned keycode,
    unsigned group);
static unsigned selkies_keymap_level(XkbKeyTypePtr type, unsigned modifiers,
    unsigned *preserved);
static unsigned selkies_keymap_fit(const selkies_keymap_t *keymap,
    XkbKeyTypePtr type, unsigned level, KeySym keysym, unsigned modifiers,
    selkies_key_t *key);
static unsigned selkies_keymap_cost(const selkies_keymap_t *keymap,
    unsigned change, unsigned add);
static int selkies_keymap_spare(XkbDescPtr xkb, unsigned keycode);
static uint64_t selkies_keymap_unsettled(const selkies_keymap_t *keymap,
    unsigned keycode);


void
selkies_keymap_init(selkies_keymap_t *keymap, selkies_x11_t *x11)
{
    memset(keymap, 0, sizeof(selkies_keymap_t));

    keymap->x11 = x11;
    keymap->stale = 1;
}


void
selkies_keymap_done(selkies_keymap_t *keymap)
{
    if (keymap->xkb != NULL) {
        XkbFreeKeyboard(keymap->xkb, XkbAllComponentsMask, True);
        keymap->xkb = NULL;
    }

    keymap->stale = 1;
}


void
selkies_keymap_stale(selkies_keymap_t *keymap)
{
    keymap->stale = 1;
}


selkies_status_t
selkies_keymap_refresh(selkies_keymap_t *keymap)
{
    XkbDescPtr  xkb;

    if (!keymap->stale) {
        return SELKIES_OK;
    }

    xkb = XkbGetMap(keymap->x11->display,
                    XkbKeyTypesMask|XkbKeySymsMask|XkbModifierMapMask,
                    XkbUseCoreKbd);

    if (selkies_x11_lost(keymap->x11)) {
        if (xkb != NULL) {
            XkbFreeKeyboard(xkb, XkbAllComponentsMask, True);
        }

        return SELKIES_LOST;
    }

    if (xkb == NULL || xkb->map == NULL || xkb->map->key_sym_map == NULL
        || xkb->map->modmap == NULL)
    {
        if (xkb != NULL) {
            XkbFreeKeyboard(xkb, XkbAllComponentsMask, True);
        }

        return SELKIES_ERROR;
    }

    selkies_keymap_done(keymap);

    /*
     * Not the device that answered: a change must reach all keyboards behind
     * the core one, for each brings its own map when it is used.
     */

    xkb->device_spec = XkbUseCoreKbd;

    keymap->xkb = xkb;
    keymap->stale = 0;

    selkies_keymap_modifier_keys(keymap);

    return SELKIES_OK;
}


static void
selkies_keymap_modifier_keys(selkies_keymap_t *keymap)
{
    memset(keymap->shift_key, 0, sizeof(keymap->shift_key));
    memset(keymap->lock_key, 0, sizeof(keymap->lock_key));

    selkies_keymap_modifier_key(keymap, selkies_keymap_shifts,
                           sizeof(selkies_keymap_shifts) / sizeof(KeySym),
                           keymap->shift_key);
    selkies_keymap_modifier_key(keymap, selkies_keymap_locks,
                           sizeof(selkies_keymap_locks) / sizeof(KeySym),
                           keymap->lock_key);
}


static void
selkies_keymap_modifier_key(const selkies_keymap_t *keymap,
    const KeySym *keysyms, size_t n, uint8_t *keys)
{
    size_t      i;
    unsigned    keycode, modifier;
    XkbDescPtr  xkb;

    xkb = keymap->xkb;

    for (keycode = xkb->min_key_code; keycode <= xkb->max_key_code; keycode++) {
        if (XkbKeyNumGroups(xkb, keycode) == 0) {
            continue;
        }

        for (i = 0; i < n; i++) {
            if (XkbKeySymEntry(xkb, keycode, 0, 0) != keysyms[i]) {
                continue;
            }

            for (modifier = 0; modifier < 8; modifier++) {
                if (xkb->map->modmap[keycode] == 1u << modifier
                    && keys[modifier] == 0)
                {
                    keys[modifier] = (uint8_t) keycode;
                }
            }
        }
    }
}


uint8_t
selkies_keymap_modifiers(const selkies_keymap_t *keymap, uint8_t keycode)
{
    return keymap->xkb->map->modmap[keycode];
}


int
selkies_keymap_find(const selkies_keymap_t *keymap, uint32_t keysym,
    const selkies_key_state_t *state, int level_0, selkies_key_t *key)
{
    KeySym         entry;
    uint32_t       other;
    unsigned       keycode, group, level, levels, cost, best;
    XkbDescPtr     xkb;
    selkies_key_t  fit;
    XkbKeyTypePtr  type;

    xkb = keymap->xkb;
    other = selkies_keysym_other(keysym);
    best = SELKIES_KEYMAP_COST_NONE;

    for (keycode = xkb->min_key_code; keycode <= xkb->max_key_code; keycode++) {
        if (XkbKeyNumGroups(xkb, keycode) == 0) {
            continue;
        }

        group = selkies_keymap_group(xkb, keycode, state->group);
        type = XkbKeyKeyType(xkb, keycode, group);
        levels = level_0 ? 1 : type->num_levels;

        for (level = 0; level < levels; level++) {
            entry = XkbKeySymEntry(xkb, keycode, level, group);

            if (entry != keysym && (entry != other || other == 0)) {
                continue;
            }

            fit.keycode = (uint8_t) keycode;
            fit.add = 0;
            fit.remove = 0;

            cost = level_0 ? 0 : selkies_keymap_fit(keymap, type, level,
                                                    keysym, state->modifiers,
                                                    &fit);
            if (cost < best) {
                best = cost;
                *key = fit;
            }
        }
    }

    return best != SELKIES_KEYMAP_COST_NONE;
}


/* XKB protocol, "Effective Keyboard Group": groups a key does not have. */

static unsigned
selkies_keymap_group(XkbDescPtr xkb, unsigned keycode, unsigned group)
{
    unsigned  n, info;

    n = XkbKeyNumGroups(xkb, keycode);
    info = XkbKeyGroupInfo(xkb, keycode);

    if (group < n) {
        return group;
    }

    switch (XkbOutOfRangeGroupAction(info)) {

    case XkbRedirectIntoRange:
        group = XkbOutOfRangeGroupNumber(info);
        return (group < n) ? group : 0;

    case XkbClampIntoRange:
        return n - 1;

    default:
        return group % n;
    }
}


/* What is preserved of the type's modifiers, programs see in spite of it. */

static unsigned
selkies_keymap_level(XkbKeyTypePtr type, unsigned modifiers,
    unsigned *preserved)
{
    int  i;

    modifiers &= type->mods.mask;
    *preserved = 0;

    for (i = 0; i < type->map_count; i++) {
        if (type->map[i].active && type->map[i].mods.mask == modifiers) {
            *preserved = (type->preserve != NULL) ? type->preserve[i].mask : 0;
            return type->map[i].level;
        }
    }

    return 0;
}


/* The cheapest way to the level; its cost, or NONE. */

static unsigned
selkies_keymap_fit(const selkies_keymap_t *keymap, XkbKeyTypePtr type,
    unsigned level, KeySym keysym, unsigned modifiers, selkies_key_t *key)
{
    int       lower_case;
    KeySym    lower, upper;
    unsigned  mask, wanted, change, cost, best, preserved;

    mask = type->mods.mask;
    best = SELKIES_KEYMAP_COST_NONE;

    /* what a key's type leaves of Lock, programs make capitals of */

    XConvertCase(keysym, &lower, &upper);

    lower_case = (keysym != upper);
    mask |= lower_case ? LockMask : 0;

    for (wanted = 0; wanted < 256; wanted++) {
        if ((wanted & ~mask) != 0
            || ((wanted & ~type->mods.mask) & LockMask) != 0
            || selkies_keymap_level(type, wanted, &preserved) != level
            || (lower_case && (wanted & preserved & LockMask)))
        {
            continue;
        }

        change = (wanted ^ modifiers) & mask;
        cost = selkies_keymap_cost(keymap, change, wanted);

        if (cost < best) {
            best = cost;
            key->add = (uint8_t) (change & wanted);
            key->remove = (uint8_t) (change & ~wanted);
        }
    }

    return best;
}


static unsigned
selkies_keymap_cost(const selkies_keymap_t *keymap, unsigned change,
    unsigned add)
{
    unsigned  i, cost;

    cost = 0;

    for (i = 0; i < 8; i++) {
        if ((change & 1u << i) == 0) {
            continue;
        }

        if (keymap->lock_key[i] != 0) {
            cost += SELKIES_KEYMAP_COST_LOCK;

        } else if (keymap->shift_key[i] != 0 || (add & 1u << i) == 0) {
            cost += (add & 1u << i) ? 1 : 2;

        } else {
            return SELKIES_KEYMAP_COST_NONE;
        }
    }

    return cost;
}


void
selkies_keymap_use(selkies_keymap_t *keymap, uint8_t keycode)
{
    keymap->used_us[keycode] = selkies_clock_us();
}


/*
 * A key nobody uses: no symbols, or bound by us or a worker before us, which
 * shows in one symbol standing twice where a pair of cases belongs.
 */

static int
selkies_keymap_spare(XkbDescPtr xkb, unsigned keycode)
{
    int      i, n;
    KeySym  *keysyms;

    if (xkb->map->modmap[keycode] != 0) {
        return 0;
    }

    if (XkbKeyNumGroups(xkb, keycode) == 0) {
        return 1;
    }

    n = XkbKeyNumSyms(xkb, keycode);
    keysyms = XkbKeySymsPtr(xkb, keycode);

    for (i = 0; i < n; i++) {
        if (keysyms[i] != NoSymbol) {
            break;
        }
    }

    if (i == n) {
        return 1;
    }

    return XkbKeyNumGroups(xkb, keycode) == 1
           && xkb->map->key_sym_map[keycode].kt_index[0] == XkbAlphabeticIndex
           && n == 2 && keysyms[0] == keysyms[1];
}


/*
 * A program learns of a change when it comes to it, and then asks for the map
 * as it is by then: what it was told to have been pressed before would become
 * another symbol.
 */

static uint64_t
selkies_keymap_unsettled(const selkies_keymap_t *keymap, unsigned keycode)
{
    uint64_t  since;

    if (keymap->used_us[keycode] == 0) {
        return 0;
    }

    since = selkies_clock_us() - keymap->used_us[keycode];

    return (since < SELKIES_KEYMAP_SETTLE_US) ? SELKIES_KEYMAP_SETTLE_US - since
                                              : 0;
}


selkies_status_t
selkies_keymap_bind(selkies_keymap_t *keymap, uint32_t keysym,
    int (*busy)(void *data, uint8_t keycode), void *data, selkies_key_t *key,
    uint64_t *wait_us)
{
    int                types[XkbNumKbdGroups], error;
    KeySym            *keysyms;
    unsigned           keycode, oldest;
    XkbDescPtr         xkb;
    XkbMapChangesRec   changes;

    xkb = keymap->xkb;
    oldest = 0;
    *wait_us = 0;

    for (keycode = xkb->min_key_code; keycode <= xkb->max_key_code; keycode++) {
        if (selkies_keymap_spare(xkb, keycode)
            && !busy(data, (uint8_t) keycode)
            && (oldest == 0
                || keymap->used_us[keycode] < keymap->used_us[oldest]))
        {
            oldest = keycode;
        }
    }

    if (oldest == 0) {
        return SELKIES_AGAIN;
    }

    *wait_us = selkies_keymap_unsettled(keymap, oldest);

    if (*wait_us != 0) {
        return SELKIES_AGAIN;
    }

    /* the type makes Shift and Lock without effect: both levels are alike */

    memset(types, 0, sizeof(types));
    types[0] = XkbAlphabeticIndex;

    if (XkbChangeTypesOfKey(xkb, (int) oldest, 1, XkbGroup1Mask, types, NULL)
        != Success)
    {
        return SELKIES_ERROR;
    }

    keysyms = XkbKeySymsPtr(xkb, oldest);
    keysyms[0] = keysym;
    keysyms[1] = keysym;

    memset(&changes, 0, sizeof(changes));
    changes.changed = XkbKeySymsMask;
    changes.first_key_sym = (KeyCode) oldest;
    changes.num_key_syms = 1;

    selkies_x11_trap_begin(keymap->x11);

    (void) XkbChangeMap(keymap->x11->display, xkb, &changes);

    error = selkies_x11_trap_end(keymap->x11);

    if (error != 0) {
        keymap->stale = 1;
        return (error == -1) ? SELKIES_LOST : SELKIES_ERROR;
    }

    selkies_keymap_use(keymap, (uint8_t) oldest);

    key->keycode = (uint8_t) oldest;
    key->add = 0;
    key->remove = 0;

    return SELKIES_OK;
}
