
/*
 * Copyright (C) ngx_selkies authors
 *
 * See keysyms.h.
 */


#include <stddef.h>

#define XK_MISCELLANY
#define XK_XKB_KEYS
#define XK_CYRILLIC
#define XK_CURRENCY
#include <X11/keysymdef.h>

#include "keysyms.h"


#define SELKIES_UNICODE       0x01000000
#define SELKIES_CYRILLIC      0x0400        /* block in Unicode */


typedef struct {
    uint32_t    first;
    uint32_t    last;
} selkies_keysym_range_t;


typedef struct {
    uint32_t    keysym;
    uint32_t    other;
} selkies_keysym_pair_t;


/*
 * What is typed.  Left out: pointer keys, Terminate_Server and the choice of
 * screens (0xfed0 …), the server's own XF86 keys (consoles, ungrab).
 */

static const selkies_keysym_range_t  selkies_keysyms_good[] = {
    { 0x0020, 0x007e },
    { 0x00a0, 0x00ff },
    { 0x0100, 0x20ff },
    { 0xfd01, 0xfd30 },
    { 0xfe01, 0xfe93 },
    { 0xff08, 0xffff },
    { 0x01000100, 0x0100d7ff },
    { 0x0100e000, 0x0110ffff },
    { 0x1005ff00, 0x1005ffff },
    { 0x1008ff00, 0x1008ffff }
};


/* Unicode 0x430 … 0x45f and the keys of the Russian and Ukrainian layouts */

static const char  selkies_keysyms_qwerty[] =
    "f,dult;pbqrkvyjghcnea[wxio]sm'.z"          /* U+0430 … U+044F */
    "\0`\0\0'\0s]\0\0\0\0\0\0\0";             /* U+0450 … U+045F */


/* Legacy keysyms 0x6c0 … 0x6df, in KOI8-R's order, as Unicode 0x4xx */

static const uint8_t  selkies_keysyms_koi8[] = {
    0x4e, 0x30, 0x31, 0x46, 0x34, 0x35, 0x44, 0x33,
    0x45, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e,
    0x3f, 0x4f, 0x40, 0x41, 0x42, 0x43, 0x36, 0x32,
    0x4c, 0x4b, 0x37, 0x48, 0x4d, 0x49, 0x47, 0x4a
};


static const selkies_keysym_pair_t  selkies_keysyms_aliases[] = {
    { XK_Shift_R, XK_Shift_L },
    { XK_Control_R, XK_Control_L },
    { XK_Alt_R, XK_Alt_L },
    { XK_Meta_L, XK_Alt_L },
    { XK_Meta_R, XK_Alt_R },
    { XK_Super_R, XK_Super_L },
    { XK_Super_L, XK_Hyper_L },
    { XK_Hyper_R, XK_Hyper_L },
    { XK_ISO_Level3_Shift, XK_Mode_switch }
};


/* Symbols among the numbers of keys, beside those of the keypad. */

static const uint32_t  selkies_keysyms_symbols[] = {
    XK_ISO_Left_Tab,
    XK_KP_Space,
    XK_KP_Equal
};


static uint32_t selkies_keysym_cyrillic(uint32_t keysym);


uint32_t
selkies_keysym_normal(uint32_t keysym)
{
    size_t  i;

    if (keysym == SELKIES_UNICODE + 0x20ac) {
        return XK_EuroSign;
    }

    if (keysym >= SELKIES_UNICODE + 0x20 && keysym <= SELKIES_UNICODE + 0xff) {
        keysym -= SELKIES_UNICODE;
    }

    for (i = 0;
         i < sizeof(selkies_keysyms_good) / sizeof(selkies_keysym_range_t);
         i++)
    {
        if (keysym >= selkies_keysyms_good[i].first
            && keysym <= selkies_keysyms_good[i].last)
        {
            return keysym;
        }
    }

    return 0;
}


int
selkies_keysym_modifier(uint32_t keysym)
{
    return (keysym >= XK_Shift_L && keysym <= XK_Hyper_R)
           || (keysym >= XK_ISO_Lock && keysym <= XK_ISO_Level5_Lock)
           || keysym == XK_Mode_switch
           || keysym == XK_Num_Lock;
}


int
selkies_keysym_function(uint32_t keysym)
{
    size_t  i;

    for (i = 0; i < sizeof(selkies_keysyms_symbols) / sizeof(uint32_t); i++) {
        if (keysym == selkies_keysyms_symbols[i]) {
            return 0;
        }
    }

    if (keysym >= XK_KP_Home && keysym <= XK_KP_9) {
        return 0;
    }

    return (keysym >= 0xff00 && keysym <= 0xffff)
           || (keysym >= 0xfd00 && keysym <= 0xfe4f)
           || (keysym >= 0x10000000);
}


int
selkies_keysym_locks(uint32_t keysym)
{
    return keysym == XK_Caps_Lock || keysym == XK_Shift_Lock
           || keysym == XK_Num_Lock || keysym == XK_Scroll_Lock
           || keysym == XK_Mode_switch
           || (keysym >= XK_ISO_Lock && keysym <= 0xfe1f
               && keysym != XK_ISO_Level3_Shift
               && keysym != XK_ISO_Level5_Shift);
}


uint32_t
selkies_keysym_latin(uint32_t keysym)
{
    int       upper;
    char      latin;
    uint32_t  code;

    code = selkies_keysym_cyrillic(keysym);
    upper = 0;

    if (code >= 0x410 && code <= 0x42f) {
        upper = 1;
        code += 0x20;

    } else if (code >= 0x400 && code <= 0x40f) {
        upper = 1;
        code += 0x50;
    }

    if (code < 0x430 || code > 0x45f) {
        return 0;
    }

    latin = selkies_keysyms_qwerty[code - 0x430];

    if (upper && latin >= 'a' && latin <= 'z') {
        latin = (char) (latin - 'a' + 'A');
    }

    return (uint32_t) latin;
}


/* Its Unicode code point, or 0. */

static uint32_t
selkies_keysym_cyrillic(uint32_t keysym)
{
    uint32_t  code;

    if (keysym >= SELKIES_UNICODE + SELKIES_CYRILLIC
        && keysym <= SELKIES_UNICODE + SELKIES_CYRILLIC + 0xff)
    {
        return keysym - SELKIES_UNICODE;
    }

    if (keysym >= XK_Cyrillic_yu && keysym <= XK_Cyrillic_HARDSIGN) {
        code = SELKIES_CYRILLIC + selkies_keysyms_koi8[(keysym - 0x6c0) % 32];

        return (keysym >= XK_Cyrillic_YU) ? code - 0x20 : code;
    }

    switch (keysym) {

    case XK_Cyrillic_io:
        return 0x451;

    case XK_Cyrillic_IO:
        return 0x401;

    case XK_Ukrainian_ie:
        return 0x454;

    case XK_Ukrainian_IE:
        return 0x404;

    case XK_Ukrainian_i:
        return 0x456;

    case XK_Ukrainian_I:
        return 0x406;

    case XK_Ukrainian_yi:
        return 0x457;

    case XK_Ukrainian_YI:
        return 0x407;

    default:
        return 0;
    }
}


uint32_t
selkies_keysym_alias(uint32_t keysym)
{
    size_t  i;

    for (i = 0;
         i < sizeof(selkies_keysyms_aliases) / sizeof(selkies_keysym_pair_t);
         i++)
    {
        if (selkies_keysyms_aliases[i].keysym == keysym) {
            return selkies_keysyms_aliases[i].other;
        }
    }

    return 0;
}
