
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * The clip by which the client finds out whether its decoder takes lite
 * pictures: that web/media/lite-clip.js is what the encoders make today and
 * that it holds every construct it is there for.
 *
 *     lite_clip                    the test
 *     lite_clip --print            the module (make clip)
 *
 * The clip is narrow, for few bytes, and 720 lines high, because browsers let
 * other decoders do what is lower.  Each picture comes with what a decoder
 * shows of it at some points: four samples of luma, added up, one of Cb and
 * one of Cr.
 *
 * Thread: the main thread.  Ownership: the process.
 */


#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"


#ifdef SELKIES_HAVE_X264


#include <x264.h>

#include "encoder_desk.h"
#include "../../encoders/h264.h"
#include "../../encoders/lite.h"


#define CLIP_FILE      "web/media/lite-clip.js"
#define CLIP_WIDTH     256
#define CLIP_HEIGHT    720
#define CLIP_QP        28           /* of lite pictures */
#define CLIP_ANCHOR_QP 36
#define CLIP_CODED     64           /* macroblocks of the chain, at most */
#define CLIP_MAX       8192         /* bytes of the module */
#define CLIP_DIFFERENT 30           /* levels of luma, twice over */

#define CLIP_NPOINTS   (sizeof(points) / sizeof(points[0]))
#define CLIP_NSCRIPT   (sizeof(script) / sizeof(script[0]))


typedef enum {
    CLIP_IDR,
    CLIP_ANCHOR,
    CLIP_LITE,
    CLIP_CHAIN,                     /* with vectors, and the base of others */
    CLIP_DROPPED                    /* a lite picture that is not sent */
} clip_step_e;


/* What one picture of the script adds to the desk. */

typedef struct {
    clip_step_e            step;
    int                    lite_qp;         /* 0: all of it I_PCM */
    void                 (*draw)(desk_t *d);
} clip_line_t;


typedef struct {
    desk_t                 desk;
    selkies_encoder_t     *encoder;
    selkies_lite_t        *lite;
    uint8_t               *luma;            /* what a decoder shows */
    uint8_t               *chroma;
    selkies_planes_t       recon;

    /* what the clip turned out to have */

    selkies_lite_counts_t  counts;
    unsigned               lites;
    unsigned               in_a_row;        /* lite pictures */
    unsigned               escapes;         /* in lite pictures */
    int                    colours[16][3];
    int                    before[16][3];

    FILE                  *out;
    char                  *text;
    size_t                 len;
} clip_t;


static void clip_desk(desk_t *d);
static void clip_word(desk_t *d);
static void clip_word_more(desk_t *d);
static void clip_caret(desk_t *d);
static void clip_samples(desk_t *d);
static void clip_window(desk_t *d);
static void clip_corners(desk_t *d);
static void clip_menu(desk_t *d);
static void clip_menu_off(desk_t *d);
static void clip_moved(desk_t *d);
static void clip_last(desk_t *d);


/* even: the points are 2x2 pixels */

static const struct { int x, y; } points[] = {
    { 20, 20 },                     /* the desk, changed in a corner */
    { 42, 104 },                    /* a word */
    { 84, 104 },
    { 102, 108 },                   /* the caret behind it */
    { 40, 200 },                    /* noise, then a window */
    { 150, 420 },                   /* the window, its menu */
    { 178, 470 },
    { 252, 716 }                    /* the last macroblock */
};


static const clip_line_t script[] = {
    { CLIP_IDR, CLIP_QP, clip_desk },
    { CLIP_LITE, CLIP_QP, clip_word },
    { CLIP_LITE, CLIP_QP, clip_word_more },
    { CLIP_LITE, CLIP_QP, clip_caret },
    { CLIP_ANCHOR, CLIP_QP, clip_window },
    { CLIP_LITE, CLIP_QP, clip_corners },
    { CLIP_DROPPED, CLIP_QP, clip_caret },
    { CLIP_LITE, CLIP_QP + 10, clip_menu },
    { CLIP_LITE, CLIP_QP, clip_menu_off },
    { CLIP_IDR, CLIP_QP, clip_caret },
    { CLIP_LITE, 0, clip_samples },
    { CLIP_ANCHOR, CLIP_QP, clip_menu },
    { CLIP_CHAIN, CLIP_QP, clip_moved },
    { CLIP_LITE, CLIP_QP, clip_last }
};


/* strokes of letters' width */

static void
clip_letters(desk_t *d, int x, int y, int n, uint32_t color)
{
    int  i;

    for (i = 0; i < n; i++) {
        desk_fill(d, x + i * 10, y, 2, 12, color);
        desk_fill(d, x + i * 10, y + (i % 3) * 4, 6 + i % 2, 2, color);
        desk_fill(d, x + i * 10 + 6, y + 4 + i % 4, 2, 6, color);
    }
}


static void
clip_desk(desk_t *d)
{
    desk_fill(d, 0, 0, CLIP_WIDTH, CLIP_HEIGHT, 0x506880);
    desk_fill(d, 16, 80, 192, 80, 0xd8d8d0);
    desk_fill(d, 16, 64, 192, 16, 0x305080);
    clip_letters(d, 24, 66, 3, 0xe0e0e0);
}


static void
clip_word(desk_t *d)
{
    clip_letters(d, 32, 100, 2, 0x202020);
    desk_fill(d, 40, 102, 6, 6, 0x803020);
}


static void
clip_word_more(desk_t *d)
{
    clip_letters(d, 72, 100, 2, 0x204020);
    desk_fill(d, 82, 102, 6, 6, 0x307040);
}


static void
clip_caret(desk_t *d)
{
    uint32_t  color;

    memcpy(&color, d->pixels + (CLIP_WIDTH * 108 + 102) * 4, 4);
    desk_fill(d, 102, 98, 4, 16, color == 0x101010 ? 0xd8d8d0 : 0x101010);
}


/*
 * Samples that no screen makes, which need emulation prevention: zeros among
 * others.  Straight into the planes, as conversion never goes below 16.
 */

static void
clip_samples(desk_t *d)
{
    int       x, y;
    uint8_t  *p;

    selkies_picture_write(&d->pic);

    for (y = 192; y < 208; y++) {
        p = d->pic.luma + (size_t) y * d->pic.luma_stride_bytes;

        for (x = 32; x < 48; x++) {
            p[x] = (uint8_t) (y < 196 ? random_number(4)
                              : (y < 204 ? 220 : random_number(256)));
        }
    }

    d->pic.dirty[12 * d->pic.mb_width + 2] = 1;
    d->pic.ndirty++;
}


static void
clip_window(desk_t *d)
{
    desk_fill(d, 32, 190, 64, 32, 0xb0a890);
    desk_fill(d, 112, 400, 96, 96, 0xc0c8d0);
    clip_letters(d, 116, 404, 2, 0x303840);
}


static void
clip_corners(desk_t *d)
{
    desk_fill(d, 0, 0, 32, 32, 0x907050);
    desk_fill(d, 240, 704, 16, 16, 0x70a080);
}


static void
clip_menu(desk_t *d)
{
    int  i;

    for (i = 0; i < 40; i++) {
        desk_fill(d, 144 + i, 416, 1, 24,
                  (uint32_t) (0x404048 + i * 0x020202));
    }

    clip_letters(d, 170, 466, 2, 0x402020);
    desk_fill(d, 176, 468, 6, 6, 0x402020);
}


static void
clip_menu_off(desk_t *d)
{
    desk_fill(d, 144, 416, 40, 24, 0xc0c8d0);
    desk_fill(d, 0, 0, 32, 32, 0x506880);
}


/* what lies below the menu goes up, letters too */

static void
clip_moved(desk_t *d)
{
    int  y;

    for (y = 400; y < 484; y++) {
        memmove(d->pixels + (y * CLIP_WIDTH + 112) * 4,
                d->pixels + ((y + 12) * CLIP_WIDTH + 112) * 4, 96 * 4);
    }
}


static void
clip_last(desk_t *d)
{
    desk_fill(d, 248, 712, 8, 8, 0xe0e0d0);
    clip_letters(d, 40, 196, 3, 0x303030);
    desk_fill(d, 38, 198, 6, 6, 0x303030);
}


/* What a decoder shows after this picture. */

static void
clip_model(clip_t *c, clip_step_e step)
{
    int     y;
    size_t  width;

    width = CLIP_WIDTH;

    for (y = 0; y < CLIP_HEIGHT; y++) {
        memcpy(c->luma + (size_t) y * width,
               c->recon.luma + (size_t) y * c->recon.luma_stride_bytes,
               width);
    }

    for (y = 0; y < CLIP_HEIGHT / 2; y++) {
        memcpy(c->chroma + (size_t) y * width,
               c->recon.chroma + (size_t) y * c->recon.chroma_stride_bytes,
               width);
    }

    if (step == CLIP_LITE) {
        selkies_lite_reconstruct(c->lite, c->luma, width, c->chroma, width);
    }
}


static void
clip_colours(clip_t *c)
{
    size_t          i;
    const uint8_t  *p;

    memcpy(c->before, c->colours, sizeof(c->before));

    for (i = 0; i < CLIP_NPOINTS; i++) {
        p = c->luma + points[i].y * CLIP_WIDTH + points[i].x;
        c->colours[i][0] = p[0] + p[1] + p[CLIP_WIDTH] + p[CLIP_WIDTH + 1];

        p = c->chroma + points[i].y / 2 * CLIP_WIDTH + points[i].x;
        c->colours[i][1] = p[0];
        c->colours[i][2] = p[1];
    }
}


/* Would a decoder that shows the picture before be found out? */

static int
clip_differs(const clip_t *c)
{
    size_t  i;

    for (i = 0; i < CLIP_NPOINTS; i++) {
        if (abs(c->colours[i][0] - c->before[i][0]) > 4 * CLIP_DIFFERENT) {
            return 1;
        }
    }

    return 0;
}


static int
clip_encode(clip_t *c, const clip_line_t *line, selkies_access_unit_t *au)
{
    selkies_lite_counts_t  counts;

    if (line->step == CLIP_IDR || line->step == CLIP_ANCHOR) {

        if (selkies_encoder_encode(c->encoder, &c->desk.pic, CLIP_ANCHOR_QP,
                                   line->step == CLIP_IDR, 0, au)
            != SELKIES_OK
            || selkies_lite_anchor(c->lite, au, au) != SELKIES_OK
            || au->recon.luma == NULL)
        {
            return 0;
        }

        selkies_lite_keep(c->lite, &c->desk.pic);
        c->recon = au->recon;
        c->in_a_row = 0;

        return (au->kind == SELKIES_PICTURE_IDR) == (line->step == CLIP_IDR);
    }

    if (line->step == CLIP_CHAIN) {

        if (selkies_lite_chain(c->lite, &c->desk.pic, line->lite_qp,
                               CLIP_CODED, 0, au)
            != SELKIES_OK)
        {
            return 0;
        }

        selkies_lite_counts(c->lite, &counts);
        c->counts.moved += counts.moved;
        c->recon = au->recon;
        c->in_a_row = 0;

        return 1;
    }

    selkies_lite_set_qp(c->lite, line->lite_qp);

    if (selkies_lite_picture(c->lite, &c->desk.pic, 0, au) != SELKIES_OK) {
        return 0;
    }

    selkies_lite_counts(c->lite, &counts);
    c->counts.skip += counts.skip;
    c->counts.inter += counts.inter;
    c->counts.intra += counts.intra;
    c->counts.pcm += counts.pcm;

    /* a start code of four bytes, nal_ref_idc 0 */

    return au->data[4] == SELKIES_H264_NAL_SLICE;
}


static unsigned
clip_escapes(const selkies_access_unit_t *au)
{
    size_t    i;
    unsigned  n;

    n = 0;

    for (i = 4; i + 2 < au->len; i++) {
        n += au->data[i] == 0 && au->data[i + 1] == 0 && au->data[i + 2] == 3;
    }

    return n;
}


static void
clip_print(clip_t *c, const selkies_access_unit_t *au, clip_step_e step)
{
    size_t              i;
    uint32_t            word;
    static const char   digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz0123456789+/";

    fprintf(c->out, "    { key: %s, colours: [",
            step == CLIP_IDR ? "true" : "false");

    for (i = 0; i < CLIP_NPOINTS; i++) {
        fprintf(c->out, "%s%d,%d,%d", i ? "," : "", c->colours[i][0],
                c->colours[i][1], c->colours[i][2]);
    }

    fprintf(c->out, "],\n      data: '");

    for (i = 0; i < au->len; i += 3) {
        word = (uint32_t) au->data[i] << 16;
        word |= i + 1 < au->len ? (uint32_t) au->data[i + 1] << 8 : 0;
        word |= i + 2 < au->len ? au->data[i + 2] : 0;

        fputc(digits[word >> 18], c->out);
        fputc(digits[word >> 12 & 63], c->out);
        fputc(i + 1 < au->len ? digits[word >> 6 & 63] : '=', c->out);
        fputc(i + 2 < au->len ? digits[word & 63] : '=', c->out);
    }

    fprintf(c->out, "' },\n");
}


/* The parts of the module in front of the pictures. */

static void
clip_head(clip_t *c)
{
    size_t  i;

    fprintf(c->out,
        "/**\n"
        " * Pictures to test a decoder with; see media/lite.js. Written by\n"
        " * `make clip` with libx264 %d, not by hand.\n"
        " *\n"
        " * Copyright (C) ngx_selkies authors\n"
        " * SPDX-License-Identifier: BSD-2-Clause\n"
        " */\n\n", X264_BUILD);

    fprintf(c->out,
        "/** colours: at each point four samples of luma, added up, Cb, Cr\n"
        " *\n"
        " * @type {import('./lite.js').Clip} */\n"
        "export const CLIP = { width: %d, height: %d, points: [",
        CLIP_WIDTH, CLIP_HEIGHT);

    for (i = 0; i < CLIP_NPOINTS; i++) {
        fprintf(c->out, "%s{ x: %d, y: %d }", i ? ", " : "", points[i].x,
                points[i].y);
    }

    fprintf(c->out, "],\n    pictures: [\n");
}


static int
clip_open(clip_t *c)
{
    selkies_encoder_conf_t  conf;

    memset(c, 0, sizeof(clip_t));

    conf = conf_of(CLIP_WIDTH, CLIP_HEIGHT);
    c->encoder = open_x264(&conf);
    c->lite = selkies_lite_open(CLIP_QP, NULL);
    c->luma = malloc(CLIP_WIDTH * CLIP_HEIGHT * 3 / 2);
    c->out = open_memstream(&c->text, &c->len);

    if (!desk_init(&c->desk, CLIP_WIDTH, CLIP_HEIGHT) || c->encoder == NULL
        || c->lite == NULL || c->luma == NULL || c->out == NULL)
    {
        return 0;
    }

    c->chroma = c->luma + CLIP_WIDTH * CLIP_HEIGHT;

    return 1;
}


static void
clip_close(clip_t *c)
{
    if (c->out != NULL) {
        fclose(c->out);
    }

    selkies_encoder_close(c->encoder);
    selkies_lite_close(c->lite);
    desk_finish(&c->desk);
    free(c->luma);
    free(c->text);
}


/* The module's text: 1, or 0 where an encoder failed. */

static int
clip_make(clip_t *c)
{
    size_t                 i;
    unsigned               longest;
    selkies_access_unit_t  au;

    longest = 0;
    clip_head(c);

    for (i = 0; i < CLIP_NSCRIPT; i++) {

        if (script[i].draw != clip_samples) {
            script[i].draw(&c->desk);
            (void) desk_convert(&c->desk);

        } else {
            script[i].draw(&c->desk);
        }

        if (!clip_encode(c, &script[i], &au)) {
            return 0;
        }

        selkies_picture_clear_dirty(&c->desk.pic);

        if (script[i].step == CLIP_DROPPED) {
            continue;
        }

        clip_model(c, script[i].step);
        clip_colours(c);

        if (script[i].step == CLIP_LITE) {
            c->lites++;
            c->escapes += clip_escapes(&au);
            longest += ++c->in_a_row > longest;
        }

        if (i > 0 && !clip_differs(c)) {
            fprintf(stderr, "picture %zu looks like the one before\n", i);
            return 0;
        }

        clip_print(c, &au, script[i].step);
    }

    fprintf(c->out, "] };\n");
    fflush(c->out);
    c->in_a_row = longest;

    return 1;
}


static void
clip_compare(const clip_t *c)
{
    char         built[64];
    FILE        *f;
    size_t       n;
    static char  file[CLIP_MAX + 2];

    f = fopen(CLIP_FILE, "r");

    if (f == NULL) {
        ok(0, "%s is there", CLIP_FILE);
        return;
    }

    n = fread(file, 1, CLIP_MAX + 1, f);
    fclose(f);

    snprintf(built, sizeof(built), "libx264 %d,", X264_BUILD);

    if (strstr(file, built) == NULL) {
        ok(1, "%s # SKIP made with another libx264", CLIP_FILE);

    } else {
        ok(n == c->len && memcmp(file, c->text, n) == 0,
           "%s is what the encoders make: if that changed, make clip",
           CLIP_FILE);
    }

    ok(n <= CLIP_MAX, "%zu bytes, at most %d", n, CLIP_MAX);
}


int
main(int argc, char **argv)
{
    int     made;
    clip_t  c;

    made = clip_open(&c) && clip_make(&c);

    if (argc > 1) {
        if (made) {
            fwrite(c.text, 1, c.len, stdout);
        }

        clip_close(&c);
        return !made || strcmp(argv[1], "--print") != 0;
    }

    if (ok(made, "the clip is made, each picture unlike the one before")) {
        clip_compare(&c);

        ok(c.lites >= 5 && c.in_a_row >= 3, "%u lite pictures, %u in a row",
           c.lites, c.in_a_row);
        ok(c.counts.inter && c.counts.intra && c.counts.pcm,
           "macroblocks of each kind: %zu inter, %zu intra, %zu I_PCM",
           c.counts.inter, c.counts.intra, c.counts.pcm);
        ok(c.counts.moved > 0, "%zu macroblocks moved", c.counts.moved);
        ok(c.escapes > 0, "%u times emulation prevention", c.escapes);
    }

    clip_close(&c);

    return done_testing();
}


#else


int
main(void)
{
    return skip_all("built without libx264");
}


#endif
