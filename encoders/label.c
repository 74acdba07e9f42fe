
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * See label.h.  Glyphs are put side by side into a map of coverage; the rim
 * is that map grown by a disc.
 */


#include <stdlib.h>
#include <string.h>

#include <ft2build.h>
#include FT_FREETYPE_H

#include "label.h"


#define SELKIES_LABEL_FILL         176      /* opacity, of 255 */
#define SELKIES_LABEL_RIM          144

#define SELKIES_LABEL_ELLIPSIS     0x2026
#define SELKIES_LABEL_REPLACEMENT  0xfffd


typedef struct {
    FT_Face             face;               /* NULL: not opened, or unusable */
    uint32_t            size;               /* that it has, pixels */
    unsigned            tried:1;
} selkies_label_face_t;


struct selkies_label_s {
    FT_Library              library;
    const selkies_fonts_t  *fonts;
    selkies_label_face_t    faces[SELKIES_FONTS_MAX];
};


typedef struct {
    FT_Face             face;
    FT_UInt             index;
    int32_t             advance;            /* pixels */
} selkies_label_glyph_t;


typedef struct {
    size_t                  n;
    int32_t                 width;
    int32_t                 ascent;
    int32_t                 descent;
    selkies_label_glyph_t   glyphs[SELKIES_LABEL_CHARACTERS + 1];
} selkies_label_line_t;


/* Coverage, 0 to 255 a pixel; rows without a gap. */

typedef struct {
    int32_t             width;
    int32_t             height;
    uint8_t            *samples;
} selkies_label_map_t;


static uint32_t selkies_label_next(const uint8_t **pos, const uint8_t *end);
static uint32_t selkies_label_filter(uint32_t c);
static selkies_status_t selkies_label_layout(selkies_label_t *label,
    selkies_label_line_t *line, const uint8_t *text, size_t len,
    uint32_t size, int32_t width_max);
static int selkies_label_glyph(selkies_label_t *label,
    selkies_label_glyph_t *glyph, uint32_t c, uint32_t size);
static FT_Face selkies_label_face(selkies_label_t *label, size_t i,
    uint32_t size);
static FT_Face selkies_label_try(selkies_label_t *label, size_t i);
static void selkies_label_cut(selkies_label_line_t *line,
    const selkies_label_glyph_t *ellipsis, int32_t width_max);
static void selkies_label_raster(const selkies_label_line_t *line, int32_t rim,
    selkies_label_map_t *map);
static void selkies_label_stamp(const FT_GlyphSlot slot, int32_t x, int32_t y,
    selkies_label_map_t *map);
static void selkies_label_grow(const selkies_label_map_t *map, int32_t rim,
    uint8_t *grown);
static void selkies_label_spread(const selkies_label_map_t *map, int32_t rim,
    int32_t x, int32_t y, uint8_t sample, uint8_t *grown);
static void selkies_label_paint(const selkies_label_map_t *map,
    const uint8_t *grown, selkies_image_t *image);


selkies_label_t *
selkies_label_open(const selkies_fonts_t *fonts)
{
    selkies_label_t  *label;

    label = calloc(1, sizeof(selkies_label_t));
    if (label == NULL) {
        return NULL;
    }

    label->fonts = fonts;

    if (FT_Init_FreeType(&label->library) != 0) {
        free(label);
        return NULL;
    }

    return label;
}


void
selkies_label_close(selkies_label_t *label)
{
    if (label != NULL) {

        /* its faces go with it */

        (void) FT_Done_FreeType(label->library);
        free(label);
    }
}


uint32_t
selkies_label_size(int32_t picture_height)
{
    int32_t  size;

    size = picture_height / 54;
    size = size > 13 ? size : 13;

    return (uint32_t) (size < 40 ? size : 40);
}


selkies_status_t
selkies_label_draw(selkies_label_t *label, const uint8_t *text, size_t len,
    uint32_t size, int32_t width_max, selkies_image_t *image)
{
    int32_t               rim;
    size_t                n;
    uint8_t              *grown;
    selkies_status_t      rc;
    selkies_label_map_t   map;
    selkies_label_line_t  line;

    selkies_image_free(image);

    rim = size >= 16 ? (int32_t) size / 8 : 1;
    rc = selkies_label_layout(label, &line, text, len, size,
                              width_max - 2 * (rim + 1));

    if (rc != SELKIES_OK || line.n == 0) {
        return rc;
    }

    /* a pixel more than the rim: glyphs may lean out of their box */

    map.width = line.width + 2 * (rim + 1);
    map.height = line.ascent + line.descent + 2 * (rim + 1);

    n = (size_t) map.width * (size_t) map.height;
    map.samples = calloc(n, 2);
    image->pixels = malloc(n * 4);

    if (map.samples == NULL || image->pixels == NULL) {
        free(map.samples);
        selkies_image_free(image);
        return SELKIES_ERROR;
    }

    image->width = map.width;
    image->height = map.height;

    grown = map.samples + n;

    selkies_label_raster(&line, rim + 1, &map);
    selkies_label_grow(&map, rim, grown);
    selkies_label_paint(&map, grown, image);
    free(map.samples);

    return SELKIES_OK;
}


/*
 * One character, RFC 3629: no overlong forms, no surrogates, nothing above
 * U+10FFFF.  What is none takes one byte.
 */

static uint32_t
selkies_label_next(const uint8_t **pos, const uint8_t *end)
{
    int             i, more;
    uint32_t        c, least;
    const uint8_t  *p = *pos;

    c = *p++;
    *pos = p;

    if (c < 0x80) {
        return c;
    }

    if (c >= 0xf0) {
        more = 3;
        least = 0x10000;
        c &= c < 0xf8 ? 0x07 : 0;

    } else if (c >= 0xe0) {
        more = 2;
        least = 0x800;
        c &= 0x0f;

    } else {
        more = 1;
        least = 0x80;
        c = c >= 0xc0 ? c & 0x1f : 0;
    }

    for (i = 0; i < more; i++) {
        if (p == end || (*p & 0xc0) != 0x80) {
            return SELKIES_LABEL_REPLACEMENT;
        }

        c = c << 6 | (*p++ & 0x3f);
    }

    if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return SELKIES_LABEL_REPLACEMENT;
    }

    *pos = p;

    return c;
}


/* What is drawn for a character, 0 for nothing. */

static uint32_t
selkies_label_filter(uint32_t c)
{
    size_t  i;

    /* controls, those of format (general category Cf), variation selectors */

    static const struct {
        uint32_t  first;
        uint32_t  last;
    } none[] = {
        { 0x0000, 0x0008 }, { 0x000e, 0x001f }, { 0x007f, 0x0084 },
        { 0x0086, 0x009f }, { 0x00ad, 0x00ad }, { 0x061c, 0x061c },
        { 0x180e, 0x180e }, { 0x200b, 0x200f }, { 0x202a, 0x202e },
        { 0x2060, 0x206f }, { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff },
        { 0xfff9, 0xfffb }, { 0xe0000, 0xe0fff }
    };

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        if (c >= none[i].first && c <= none[i].last) {
            return 0;
        }
    }

    if (c <= ' ' || c == 0x85 || c == 0xa0 || c == 0x1680
        || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029
        || c == 0x202f || c == 0x205f || c == 0x3000)
    {
        return ' ';
    }

    return c;
}


static selkies_status_t
selkies_label_layout(selkies_label_t *label, selkies_label_line_t *line,
    const uint8_t *text, size_t len, uint32_t size, int32_t width_max)
{
    size_t                 i, n;
    int32_t                up, down;
    uint32_t               c, last;
    const uint8_t         *end;
    selkies_label_glyph_t  ellipsis;

    memset(line, 0, sizeof(selkies_label_line_t));

    end = text + len;
    last = ' ';
    n = 0;

    while (text < end) {
        c = selkies_label_filter(selkies_label_next(&text, end));

        if (c == 0 || (c == ' ' && last == ' ')) {
            continue;
        }

        if (n == SELKIES_LABEL_CHARACTERS) {
            c = SELKIES_LABEL_ELLIPSIS;
        }

        last = c;

        if (!selkies_label_glyph(label, &line->glyphs[n], c, size)) {
            return SELKIES_ERROR;
        }

        line->width += line->glyphs[n++].advance;

        if (n > SELKIES_LABEL_CHARACTERS) {
            break;
        }
    }

    if (n != 0 && last == ' ') {
        line->width -= line->glyphs[--n].advance;
    }

    line->n = n;

    if (line->width > width_max) {
        if (!selkies_label_glyph(label, &ellipsis, SELKIES_LABEL_ELLIPSIS,
                                 size))
        {
            return SELKIES_ERROR;
        }

        selkies_label_cut(line, &ellipsis, width_max);
    }

    for (i = 0; i < line->n; i++) {
        up = (int32_t) ((line->glyphs[i].face->size->metrics.ascender + 63)
                        >> 6);
        down = (int32_t) ((63 - line->glyphs[i].face->size->metrics.descender)
                          >> 6);

        line->ascent = line->ascent > up ? line->ascent : up;
        line->descent = line->descent > down ? line->descent : down;
    }

    /* a line without a visible character takes no room */

    if (line->width <= 0 || line->ascent + line->descent <= 0) {
        line->n = 0;
    }

    return SELKIES_OK;
}


/*
 * The first face that has the character, or the box of the first one that can
 * be used; 0 where none can.
 */

static int
selkies_label_glyph(selkies_label_t *label, selkies_label_glyph_t *glyph,
    uint32_t c, uint32_t size)
{
    size_t    i;
    FT_Face   face;
    FT_UInt   index;

    memset(glyph, 0, sizeof(selkies_label_glyph_t));

    for (i = 0; i < label->fonts->n; i++) {
        face = selkies_label_face(label, i, size);

        if (face == NULL) {
            continue;
        }

        index = FT_Get_Char_Index(face, c);

        if ((index != 0 || glyph->face == NULL)
            && FT_Load_Glyph(face, index, FT_LOAD_NO_BITMAP) == 0)
        {
            glyph->face = face;
            glyph->index = index;
            glyph->advance = (int32_t) ((face->glyph->advance.x + 32) >> 6);

            /* a text may be as wide as so many characters, and no wider */

            if (glyph->advance < 0 || glyph->advance > (int32_t) size * 4) {
                glyph->advance = (int32_t) size;
            }
        }

        if (index != 0 && glyph->index == index && glyph->face == face) {
            break;
        }
    }

    return glyph->face != NULL;
}


/* Another size is not for nothing: a font's own program runs for it. */

static FT_Face
selkies_label_face(selkies_label_t *label, size_t i, uint32_t size)
{
    selkies_label_face_t  *entry = &label->faces[i];

    if (!entry->tried) {
        entry->tried = 1;
        entry->face = selkies_label_try(label, i);
    }

    if (entry->face == NULL) {
        return NULL;
    }

    if (entry->size != size) {
        entry->size = 0;

        if (FT_Set_Pixel_Sizes(entry->face, 0, size) != 0) {
            return NULL;
        }

        entry->size = size;
    }

    return entry->face;
}


static FT_Face
selkies_label_try(selkies_label_t *label, size_t i)
{
    FT_Face                face;
    const selkies_font_t  *font = &label->fonts->fonts[i];

    if (FT_New_Face(label->library, font->path, font->index, &face) != 0) {
        return NULL;
    }

    if (!FT_IS_SCALABLE(face)) {
        (void) FT_Done_Face(face);
        return NULL;
    }

    return face;
}


/* As many as leave room for the ellipsis; where that has none, nothing. */

static void
selkies_label_cut(selkies_label_line_t *line,
    const selkies_label_glyph_t *ellipsis, int32_t width_max)
{
    while (line->n != 0
           && (line->width + ellipsis->advance > width_max
               || line->n > SELKIES_LABEL_CHARACTERS))
    {
        line->width -= line->glyphs[--line->n].advance;
    }

    if (line->n != 0) {
        line->glyphs[line->n++] = *ellipsis;
        line->width += ellipsis->advance;
    }
}


static void
selkies_label_raster(const selkies_label_line_t *line, int32_t rim,
    selkies_label_map_t *map)
{
    size_t                        i;
    int32_t                       x;
    const selkies_label_glyph_t  *glyph;

    x = rim;

    for (i = 0; i < line->n; i++) {
        glyph = &line->glyphs[i];

        /* a face has the size that was set last, which is this line's */

        if (FT_Load_Glyph(glyph->face, glyph->index,
                          FT_LOAD_RENDER|FT_LOAD_NO_BITMAP)
            == 0)
        {
            selkies_label_stamp(glyph->face->glyph, x, rim + line->ascent,
                                map);
        }

        x += glyph->advance;
    }
}


/* One glyph at x on the base line y; what is outside of the map is cut. */

static void
selkies_label_stamp(const FT_GlyphSlot slot, int32_t x, int32_t y,
    selkies_label_map_t *map)
{
    int32_t           row, column, to_x, to_y;
    uint8_t          *to;
    const uint8_t    *from;
    const FT_Bitmap  *bitmap = &slot->bitmap;

    if (bitmap->pixel_mode != FT_PIXEL_MODE_GRAY || bitmap->pitch < 0) {
        return;
    }

    for (row = 0; row < (int32_t) bitmap->rows; row++) {
        to_y = y - slot->bitmap_top + row;

        if (to_y < 0 || to_y >= map->height) {
            continue;
        }

        from = bitmap->buffer + (size_t) row * (size_t) bitmap->pitch;

        for (column = 0; column < (int32_t) bitmap->width; column++) {
            to_x = x + slot->bitmap_left + column;

            if (to_x < 0 || to_x >= map->width) {
                continue;
            }

            to = map->samples + (size_t) to_y * (size_t) map->width
                 + (size_t) to_x;
            *to = from[column] > *to ? from[column] : *to;
        }
    }
}


/* Each sample becomes the most that was covered within the rim; all are 0. */

static void
selkies_label_grow(const selkies_label_map_t *map, int32_t rim,
    uint8_t *grown)
{
    int32_t         x, y;
    const uint8_t  *sample;

    sample = map->samples;

    for (y = 0; y < map->height; y++) {
        for (x = 0; x < map->width; x++, sample++) {
            if (*sample != 0) {
                selkies_label_spread(map, rim, x, y, *sample, grown);
            }
        }
    }
}


static void
selkies_label_spread(const selkies_label_map_t *map, int32_t rim, int32_t x,
    int32_t y, uint8_t sample, uint8_t *grown)
{
    int32_t   dx, dy, limit;
    uint8_t  *to;

    limit = rim * rim + rim;

    for (dy = -rim; dy <= rim; dy++) {

        if (y + dy < 0 || y + dy >= map->height) {
            continue;
        }

        for (dx = -rim; dx <= rim; dx++) {

            if (dx * dx + dy * dy > limit || x + dx < 0
                || x + dx >= map->width)
            {
                continue;
            }

            to = grown + (size_t) (y + dy) * (size_t) map->width
                 + (size_t) (x + dx);
            *to = sample > *to ? sample : *to;
        }
    }
}


/* White over black, each with its opacity, premultiplied. */

static void
selkies_label_paint(const selkies_label_map_t *map, const uint8_t *grown,
    selkies_image_t *image)
{
    size_t     i, n;
    uint8_t   *out;
    uint32_t   fill, ground;

    out = image->pixels;
    n = (size_t) map->width * (size_t) map->height;

    for (i = 0; i < n; i++) {
        fill = (uint32_t) map->samples[i] * SELKIES_LABEL_FILL / 255;
        ground = (uint32_t) grown[i] * SELKIES_LABEL_RIM / 255;

        memset(out, (int) fill, 3);
        out[3] = (uint8_t) (fill + ground * (255 - fill) / 255);
        out += 4;
    }
}
