
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * The fonts that text over the picture is written with: files that fontconfig
 * names, the first one for what it has, the others for what it lacks.
 *
 * Thread: one at a time, and one that may read files of the system: fontconfig
 * looks at its configuration, at its caches and at $HOME.  Ownership: a list
 * owns its names.
 */


#ifndef SELKIES_FONTS_H_INCLUDED
#define SELKIES_FONTS_H_INCLUDED


#include <stddef.h>

#include "../capture/capture.h"


#define SELKIES_FONTS_MAX  16


#pragma GCC visibility push(hidden)


typedef struct {
    char           *path;
    long            index;              /* of the face in the file */
} selkies_font_t;


/* Begins zeroed. */

typedef struct {
    selkies_font_t  fonts[SELKIES_FONTS_MAX];
    size_t          n;
} selkies_fonts_t;


/*
 * The bold sans serif of this system, and behind it what adds characters to
 * it, outlines only.  OK with one at least, or ERROR: there is none, or no
 * memory.
 */

selkies_status_t selkies_fonts_find(selkies_fonts_t *fonts);


/* Frees the names and zeroes the list; a zeroed one is accepted. */

void selkies_fonts_free(selkies_fonts_t *fonts);


#pragma GCC visibility pop


#endif /* SELKIES_FONTS_H_INCLUDED */
