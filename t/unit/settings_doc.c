
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
    selkies_settings_markdown(stdout);

    return ferror(stdout) ? 1 : 0;
}
