
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * See fonts.h.
 */


#include <stdlib.h>
#include <string.h>

#include <fontconfig/fontconfig.h>

#include "fonts.h"


static void selkies_fonts_sort(selkies_fonts_t *fonts, FcConfig *config);
static void selkies_fonts_add(selkies_fonts_t *fonts, FcPattern *pattern);


selkies_status_t
selkies_fonts_find(selkies_fonts_t *fonts)
{
    FcConfig  *config;

    memset(fonts, 0, sizeof(selkies_fonts_t));

    config = FcInitLoadConfigAndFonts();

    if (config != NULL) {
        selkies_fonts_sort(fonts, config);
        FcConfigDestroy(config);
        FcFini();
    }

    return fonts->n != 0 ? SELKIES_OK : SELKIES_ERROR;
}


static void
selkies_fonts_sort(selkies_fonts_t *fonts, FcConfig *config)
{
    int         i;
    FcResult    result;
    FcPattern  *wanted;
    FcFontSet  *set;

    wanted = FcNameParse((const FcChar8 *) "sans:bold:scalable=true");
    if (wanted == NULL) {
        return;
    }

    (void) FcConfigSubstitute(config, wanted, FcMatchPattern);
    FcDefaultSubstitute(wanted);

    set = FcFontSort(config, wanted, FcTrue, NULL, &result);

    for (i = 0; set != NULL && i < set->nfont; i++) {
        selkies_fonts_add(fonts, set->fonts[i]);
    }

    if (set != NULL) {
        FcFontSetDestroy(set);
    }

    FcPatternDestroy(wanted);
}


static void
selkies_fonts_add(selkies_fonts_t *fonts, FcPattern *pattern)
{
    int              index;
    char            *path;
    FcBool           outline;
    FcChar8         *file;
    selkies_font_t  *font;

    if (fonts->n == SELKIES_FONTS_MAX
        || FcPatternGetString(pattern, FC_FILE, 0, &file) != FcResultMatch
        || FcPatternGetInteger(pattern, FC_INDEX, 0, &index) != FcResultMatch
        || FcPatternGetBool(pattern, FC_OUTLINE, 0, &outline) != FcResultMatch
        || !outline)
    {
        return;
    }

    path = strdup((const char *) file);
    if (path == NULL) {
        return;
    }

    font = &fonts->fonts[fonts->n++];
    font->path = path;
    font->index = index;
}


void
selkies_fonts_free(selkies_fonts_t *fonts)
{
    size_t  i;

    for (i = 0; i < fonts->n; i++) {
        free(fonts->fonts[i].path);
    }

    memset(fonts, 0, sizeof(selkies_fonts_t));
}
