
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of keysyms older than Unicode against X.Org's own.
 *
 * Thread: main.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../capture/keysyms.h"
#include "tap.h"


#define TEST_HEADER  "/usr/include/X11/keysymdef.h"


/* "U+0104" in a comment; "(U+0104)" is an approximation, so none is there. */

static unsigned long
test_code(const char *line)
{
    const char  *code;

    code = strstr(line, "U+");

    if (code == NULL || code[-1] == '(' || strstr(line, "deprecated")) {
        return 0;
    }

    return strtoul(code + 2, NULL, 16);
}


int
main(void)
{
    char           line[256], name[128];
    FILE          *f;
    unsigned       keysym, last, n, bad, known, other;
    unsigned long  code;

    f = fopen(TEST_HEADER, "r");

    if (f == NULL) {
        return skip_all("no " TEST_HEADER);
    }

    n = 0;
    last = 0;
    bad = 0;

    while (fgets(line, sizeof(line), f) != NULL) {
        code = test_code(line);

        if (code == 0
            || sscanf(line, "#define XK_%127s 0x%x", name, &keysym) != 2
            || keysym < 0x100 || keysym > 0x20ff)
        {
            continue;
        }

        n += (keysym != last);
        last = keysym;

        if (selkies_keysym_other(keysym) != 0x01000000 + code
            || selkies_keysym_other((uint32_t) (0x01000000 + code)) != keysym)
        {
            printf("# %s 0x%x is U+%04lx, not 0x%x\n", name, keysym, code,
                   selkies_keysym_other(keysym));
            bad++;
        }
    }

    (void) fclose(f);

    ok(n > 600 && bad == 0, "%u keysyms have their code points", n);

    known = 0;

    for (keysym = 0x100; keysym < 0x10000; keysym++) {
        other = selkies_keysym_other(keysym);
        known += (other != 0);
    }

    ok(known == n, "and no others have one: %u", known);
    ok(selkies_keysym_other('a') == 0 && selkies_keysym_other(0xe9) == 0
       && selkies_keysym_other(0xff0d) == 0
       && selkies_keysym_other(0x01000000) == 0
       && selkies_keysym_other(0x0101f600) == 0
       && selkies_keysym_other(0x010100a4) == 0,
       "Latin-1, keys and what lies beyond have one number");

    return done_testing();
}
