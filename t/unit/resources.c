
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * capture/resources.c: values replaced in the text of RESOURCE_MANAGER; and
 * the property of capture/xsettings.c.
 *
 * Thread: main.
 */


#include <stdlib.h>
#include <string.h>

#include "../../capture/resources.h"
#include "../../capture/xsettings.h"
#include "tap.h"


#define BOTH    "Xft.dpi:\t144\nXcursor.size:\t48\n"


static const struct {
    const char  *name;
    const char  *text;
    const char  *result;
} merges[] = {
    { "nothing", "", BOTH },
    { "others stay", "a:\t1\nb.c: x\n", "a:\t1\nb.c: x\n" BOTH },
    { "no newline at the end", "a: 1", "a: 1\n" BOTH },
    { "in its place", "a: 1\nXft.dpi:\t96\nb: 2\n",
      "a: 1\nXft.dpi:\t144\nb: 2\nXcursor.size:\t48\n" },
    { "the other order", "Xcursor.size: 24\nXft.dpi: 96\n",
      "Xcursor.size:\t48\nXft.dpi:\t144\n" },
    { "twice is once", "Xft.dpi: 96\nXft.dpi: 97\n", BOTH },
    { "spaces around", "  Xft.dpi \t : 96\n", BOTH },
    { "no value", "Xft.dpi:\n", BOTH },
    { "longer names", "Xft.dpix: 1\nXft.dpi.x: 1\nxXft.dpi: 1\n",
      "Xft.dpix: 1\nXft.dpi.x: 1\nxXft.dpi: 1\n" BOTH },
    { "without a colon", "Xft.dpi 96\n", "Xft.dpi 96\n" BOTH },
    { "comments", "! Xft.dpi: 96\n", "! Xft.dpi: 96\n" BOTH },
    { "a line that goes on", "a: 1\\\nXft.dpi: 96\n",
      "a: 1\\\nXft.dpi: 96\n" BOTH },
    { "ours goes on", "Xft.dpi: 9\\\n6\nb: 1\n",
      "Xft.dpi:\t144\nb: 1\nXcursor.size:\t48\n" },
    { "the last line goes on", "a: 1\\", "a: 1\\\n\n" BOTH },
    { "empty lines", "\n\n", "\n\n" BOTH }
};


static const struct {
    const char  *text;
    int32_t      value;
} finds[] = {
    { "Xft.dpi: 96\n", 96 },
    { "a: 1\nXft.dpi:\t144", 144 },
    { "Xft.dpi:96  \n", 96 },
    { "", 0 },
    { "Xft.dpi: 96.5\n", 0 },
    { "Xft.dpi: x\n", 0 },
    { "Xft.dpi: -96\n", 0 },
    { "Xft.dpi:\n96\n", 0 },
    { "Xft.dpi: 99999999999999999999\n", 0 },
    { "Xft.dpis: 96\n", 0 }
};


static void
test_merge(void)
{
    char                *out;
    size_t               i, len;
    selkies_resource_t   r[2] = { { "Xft.dpi", 144 }, { "Xcursor.size", 48 } };

    for (i = 0; i < sizeof(merges) / sizeof(merges[0]); i++) {
        out = selkies_resources_merge(merges[i].text, strlen(merges[i].text),
                                      r, 2, &len);

        ok(out != NULL && len == strlen(merges[i].result)
           && memcmp(out, merges[i].result, len) == 0,
           "merge: %s", merges[i].name);
        free(out);
    }
}


static void
test_find(void)
{
    size_t  i;

    for (i = 0; i < sizeof(finds) / sizeof(finds[0]); i++) {
        ok(selkies_resources_find(finds[i].text, strlen(finds[i].text),
                                  "Xft.dpi")
           == finds[i].value, "find: %zu", i);
    }
}


/* Whatever stands there: what was merged is found, and merged again the same */

static void
test_random(void)
{
    int                  good;
    char                 text[64], *one, *two;
    size_t               i, k, len, one_len, two_len;
    selkies_resource_t   r[2] = { { "ab", 7 }, { "b", 1000000 } };

    static const char  letters[] = "ab: \\\n\t!";

    srand(1);
    good = 1;

    for (i = 0; i < 200000 && good; i++) {
        len = (size_t) rand() % sizeof(text);

        for (k = 0; k < len; k++) {
            text[k] = letters[(size_t) rand() % (sizeof(letters) - 1)];
        }

        one = selkies_resources_merge(text, len, r, 2, &one_len);
        two = selkies_resources_merge(one, one_len, r, 2, &two_len);

        good = one != NULL && two != NULL
               && selkies_resources_find(one, one_len, "ab") == 7
               && selkies_resources_find(one, one_len, "b") == 1000000
               && one_len == two_len && memcmp(one, two, one_len) == 0;

        free(one);
        free(two);
    }

    ok(good, "200000 random texts");
}


static void
test_xsettings(void)
{
    size_t              i, len;
    uint8_t             out[SELKIES_XSETTINGS_BYTES];
    uint16_t            n16;
    uint32_t            n32;
    selkies_xsetting_t  many[64];

    static const selkies_xsetting_t  two[] = {
        { "Xft/DPI", 147456 },
        { "Gtk/CursorThemeSize", -1 }
    };

    len = selkies_xsettings_write(out, 5, two, 2);

    ok(len == 12 + 20 + 32, "length of two");
    memcpy(&n32, out + 4, 4);
    ok(n32 == 5, "serial");
    memcpy(&n32, out + 8, 4);
    ok(n32 == 2, "number");
    memcpy(&n16, out + 14, 2);
    ok(out[12] == 0 && n16 == 7 && memcmp(out + 16, "Xft/DPI\0", 8) == 0,
       "type and name, padded");
    memcpy(&n32, out + 28, 4);
    ok(n32 == 147456, "value");

    for (i = 0; i < 64; i++) {
        many[i] = two[1];
    }

    len = selkies_xsettings_write(out, 1, many, 64);
    memcpy(&n32, out + 8, 4);
    ok(len <= sizeof(out) && n32 == (sizeof(out) - 12) / 32,
       "as many as there is room for");
    ok(selkies_xsettings_write(out, 1, NULL, 0) == 12, "none");
}


int
main(void)
{
    test_merge();
    test_find();
    test_random();
    test_xsettings();

    return done_testing();
}
