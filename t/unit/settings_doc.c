
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Prints the table of settings as Markdown, for docs/settings.md.
 */


#include "../../ngx_selkies_module/selkies_settings.h"


int
main(void)
{
    printf("# Settings\n\n"
           "Made by `make docs`; the table is in the module.  What the "
           "columns\nmean and how values are written: "
           "[directives.md](directives.md).\n\n");

    selkies_settings_markdown(stdout);

    return ferror(stdout) ? 1 : 0;
}
