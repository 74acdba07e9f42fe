
/*
 * Copyright (C) ngx_selkies authors
 *
 * See keysyms.h.
 */


#include <stddef.h>

#define XK_MISCELLANY
#define XK_XKB_KEYS
#define XK_CURRENCY
#include <X11/keysymdef.h>

#include "keysyms.h"


#define SELKIES_UNICODE       0x01000000


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

    code = (keysym < SELKIES_UNICODE) ? selkies_keysym_other(keysym) : keysym;
    code -= (code != 0) ? SELKIES_UNICODE : 0;
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


uint32_t
selkies_keysym_keypad(uint32_t keysym)
{
    if (keysym >= XK_KP_Home && keysym <= XK_KP_Begin) {
        return keysym - XK_KP_Home + XK_Home;
    }

    return keysym == XK_KP_Insert ? XK_Insert
           : keysym == XK_KP_Delete ? XK_Delete : 0;
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
