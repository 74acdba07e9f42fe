
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * The chain of lite pictures over libx264's anchors: that ffmpeg (where it is
 * installed) decodes what it is modelled to be, sample by sample, in streams
 * of anchors, lite pictures and pictures of the chain at random; that scrolls
 * and dragged windows are found; what is asked for and refused.
 *
 * Thread: the main thread.  Ownership: the process.
 */


#include "tap.h"


#ifdef SELKIES_HAVE_X264


#include "lite_stage.h"


typedef struct {
    int  x;
    int  y;
    int  w;
    int  h;
} area_t;


/* The area shows what was dx, dy away; chroma as far as it can. */

static void
move(stage_t *s, const area_t *a, int dx, int dy)
{
    int                 x, y, w, h;
    size_t              stride, size;
    uint8_t            *luma, *chroma;
    selkies_picture_t  *pic;

    pic = &s->pic;
    selkies_picture_write(pic);
    w = pic->mb_width * 16;
    h = pic->mb_height * 16;
    stride = pic->luma_stride_bytes;
    size = stride * (size_t) h;
    luma = malloc(size * 2);

    if (luma == NULL) {
        return;
    }

    memcpy(luma, pic->luma, size);
    stride = pic->chroma_stride_bytes;
    chroma = luma + size;
    memcpy(chroma, pic->chroma, stride * (size_t) h / 2);

    for (y = a->y; y < a->y + a->h; y++) {
        for (x = a->x; x < a->x + a->w; x++) {

            if (x < 0 || y < 0 || x >= w || y >= h || x + dx < 0
                || y + dy < 0 || x + dx >= w || y + dy >= h)
            {
                continue;
            }

            pic->luma[(size_t) y * pic->luma_stride_bytes + (size_t) x]
                = luma[(size_t) (y + dy) * pic->luma_stride_bytes
                       + (size_t) (x + dx)];

            if (x % 2 == 0 && y % 2 == 0) {
                memcpy(pic->chroma + (size_t) (y / 2) * stride + (size_t) x,
                       chroma + (size_t) ((y + dy) / 2) * stride
                              + (size_t) ((x + dx) & ~1), 2);
            }

            touch(pic, x, y);
        }
    }

    free(luma);
}


/* The padding repeats the last column and row, as conversion leaves it. */

static void
pad(stage_t *s)
{
    size_t              x, y, w, h, width, height;
    uint8_t            *row;
    selkies_picture_t  *pic;

    pic = &s->pic;
    selkies_picture_write(pic);
    w = (size_t) pic->width;
    h = (size_t) pic->height;
    width = (size_t) pic->mb_width * 16;
    height = (size_t) pic->mb_height * 16;

    for (y = 0; y < height; y++) {

        row = pic->luma + y * pic->luma_stride_bytes;

        if (y >= h) {
            memcpy(row, pic->luma + (h - 1) * pic->luma_stride_bytes, width);
        }

        memset(row + w, row[w - 1], width - w);
    }

    for (y = 0; y < height / 2; y++) {

        row = pic->chroma + y * pic->chroma_stride_bytes;

        if (y >= h / 2) {
            memcpy(row, pic->chroma + (h / 2 - 1) * pic->chroma_stride_bytes,
                   width);
        }

        for (x = w; x < width; x++) {
            row[x] = row[x - 2];
        }
    }
}


static int
range(int low, int high)
{
    return low + (int) random_number((uint32_t) (high - low + 1));
}


static void
move_randomly(stage_t *s)
{
    int     w, h, dx, dy;
    area_t  a;

    w = s->pic.mb_width * 16;
    h = s->pic.mb_height * 16;

    a.w = range(1, w);
    a.h = range(1, h);
    a.x = range(0, w - a.w);
    a.y = range(0, h - a.h);

    dx = random_number(2) ? 0 : range(-20, 20);
    dy = range(-20, 20);

    if (random_number(2)) {
        dx &= ~1;
        dy &= ~1;
    }

    move(s, &a, dx, dy);
}


/* Anchors, lite pictures and the chain's in any order. */

static void
test_scene(const scene_t *scene)
{
    int       i, idr, failed, lossy;
    char      path[64];
    stage_t   s;
    uint8_t  *changed;

    snprintf(path, sizeof(path), "%s/stream.h264", temp);

    if (!ok(stage_open(&s, scene) && (s.file = fopen(path, "wb")) != NULL,
            "%s: opened", scene->name))
    {
        stage_close(&s);
        return;
    }

    changed = calloc((size_t) s.pic.mb_width * (size_t) s.pic.mb_height, 1);

    if (changed == NULL) {
        exit(1);
    }

    fill(&s, 0, 0, s.pic.mb_width * 16, s.pic.mb_height * 16, 2);
    failed = 0;

    for (i = 0; i < scene->pictures && !failed; i++) {

        pad(&s);
        idr = i == 0 || random_number(40) == 0;

        if (idr || random_number((uint32_t) scene->chain) == 0) {
            failed = !stage_picture(&s, STAGE_ANCHOR, idr, changed);

        } else {
            failed = !stage_picture(&s, random_number(3) ? STAGE_CHAIN
                                                         : STAGE_LITE,
                                    0, changed);
        }

        if (random_number(3)) {
            move_randomly(&s);
        }

        if (random_number(3) == 0) {
            fill_randomly(&s);
        }
    }

    fclose(s.file);
    free(changed);

    lossy = scene->lite_qp != 0;

    ok(!failed, "%s: %zu lites, %zu of the chain (%zu moved, %zu skip, "
       "%zu inter, %zu intra, %zu pcm), luma MSE %.2f at worst", scene->name,
       s.lites, s.chained, s.counts.moved, s.counts.skip, s.counts.inter,
       s.counts.intra, s.counts.pcm, s.worst_mse);

    /* an anchor's noise is the worst there is */

    ok(s.worst_mse < 160, "%s: what is shown is what was drawn", scene->name);

    ok(s.chained > 0 && s.counts.moved > 0
       && (lossy || s.counts.inter + s.counts.intra == 0),
       "%s: something moved", scene->name);

    if (have_ffmpeg) {
        stage_decode(&s, path);
    }

    unlink(path);
    stage_close(&s);
}


static const scene_t  scenes[] = {
    { "80x64", 80, 64, 1, 0, 14, 300, 0, 1, 0, 0, 10 },
    { "64x64 pcm", 64, 64, 1, 0, 0, 200, 0, 1, 0, 0, 10 },
    { "66x50, whole range", 66, 50, 1, 0, 12, 400, 0, 1, 1, 2, 6 },
    { "130x94, main", 130, 94, 1, 1, 26, 400, 0, 1, 0, 2, 6 },
    { "130x94, high, 4 slices", 130, 94, 4, 2, 20, 300, 0, 1, 1, 0, 3 },
    { "322x182, few anchors", 322, 182, 1, 0, 24, 600, 0, 1, 0, 2, 200 },
    { "322x182, 2 slices", 322, 182, 2, 0, 30, 600, 0, 1, 0, 0, 4 },
    { "1918x1078, 4 slices", 1918, 1078, 4, 0, 26, 60, 0, 1, 0, 0, 8 }
};


/* As many of the chain as are allowed, past the end of frame_num. */

static void
test_wrap(void)
{
    int                     i, asked, failed;
    char                    path[64];
    stage_t                 s;
    uint8_t                 changed[9];
    selkies_access_unit_t   au;
    static const scene_t    scene = { "48x48, frame_num wraps", 48, 48, 1, 0,
                                      20, 9000, 0, 1, 0, 0, 1 };

    snprintf(path, sizeof(path), "%s/stream.h264", temp);

    if (!ok(stage_open(&s, &scene) && (s.file = fopen(path, "wb")) != NULL,
            "%s: opened", scene.name))
    {
        stage_close(&s);
        return;
    }

    fill(&s, 0, 0, 48, 48, 3);
    memset(changed, 0, sizeof(changed));
    asked = 0;
    failed = !stage_picture(&s, STAGE_ANCHOR, 1, changed);

    for (i = 1; i < scene.pictures && !failed; i++) {

        fill(&s, i % 43, i % 41, 5, 3, 0);

        if (i - asked * 2049 > 2048) {
            asked++;
            failed = selkies_lite_chain(s.lite, &s.pic, 20, 9, 0, &au)
                         != SELKIES_AGAIN
                     || !stage_picture(&s, STAGE_ANCHOR, 0, changed);

        } else {
            failed = !stage_picture(&s, STAGE_CHAIN, 0, changed);
        }
    }

    fclose(s.file);

    ok(!failed && asked == 4, "%s: an anchor is asked for after 2048",
       scene.name);

    if (have_ffmpeg) {
        stage_decode(&s, path);
    }

    unlink(path);
    stage_close(&s);
}


/* Empty lines scroll in at the bottom: that costs next to nothing. */

static void
test_scroll(void)
{
    int                    i, failed;
    char                   path[64];
    area_t                 all;
    stage_t                s;
    uint8_t                changed[40 * 20];
    static const scene_t   scene = { "640x320, scrolled", 640, 320, 1, 0, 30,
                                     13, 0, 1, 0, 0, 1 };

    snprintf(path, sizeof(path), "%s/stream.h264", temp);

    if (!ok(stage_open(&s, &scene) && (s.file = fopen(path, "wb")) != NULL,
            "%s: opened", scene.name))
    {
        stage_close(&s);
        return;
    }

    fill(&s, 0, 0, 640, 320, 2);
    memset(changed, 0, sizeof(changed));
    failed = !stage_picture(&s, STAGE_ANCHOR, 1, changed);
    selkies_lite_keep(s.lite, &s.pic);

    all = (area_t) { 0, 0, 640, 304 };

    for (i = 1; i < scene.pictures && !failed; i++) {
        move(&s, &all, 0, 16);
        fill(&s, 0, 304, 640, 16, 0);
        failed = !stage_picture(&s, STAGE_CHAIN, 0, changed);
    }

    fclose(s.file);

    ok(!failed && s.counts.moved == 12 * 19 * 40,
       "%s: %zu macroblocks moved", scene.name, s.counts.moved);
    ok(s.bytes < 12 * 300, "%s: %zu bytes a picture", scene.name,
       s.bytes / 12);

    if (have_ffmpeg) {
        stage_decode(&s, path);
    }

    unlink(path);
    stage_close(&s);
}


static void
test_order(void)
{
    stage_t                s;
    selkies_planes_t       base;
    selkies_picture_t      other;
    selkies_access_unit_t  au, out;
    static const scene_t   scene = { "order", 64, 48, 1, 0, 14, 4, 1, 1, 0, 0,
                                     1 };

    memset(&other, 0, sizeof(other));

    if (!ok(stage_open(&s, &scene)
            && selkies_picture_init(&other, 32, 32) == SELKIES_OK,
            "order: opened"))
    {
        stage_close(&s);
        return;
    }

    ok(selkies_lite_chain(s.lite, &s.pic, 20, 99, 0, &out) == SELKIES_AGAIN,
       "no chain before an anchor");

    fill(&s, 0, 0, 64, 48, 2);
    ok(stage_encode(&s, 30, 1, &au), "an anchor");
    au.recon.luma = NULL;
    ok(selkies_lite_anchor(s.lite, &au, &out) == SELKIES_OK
       && selkies_lite_chain(s.lite, &s.pic, 20, 99, 0, &out)
          == SELKIES_AGAIN, "no chain without its reconstruction");

    ok(stage_encode(&s, 30, 0, &au)
       && selkies_lite_anchor(s.lite, &au, &out) == SELKIES_OK,
       "another anchor");
    selkies_picture_clear_dirty(&s.pic);

    ok(selkies_lite_chain(s.lite, &other, 20, 99, 0, &out) == SELKIES_AGAIN,
       "no chain of another size");

    ok(selkies_lite_chain(s.lite, &s.pic, 20, 0, 7, &out) == SELKIES_OK
       && out.len < 40 && out.qp == 0 && out.pts_us == 7,
       "one in which nothing changed has %zu bytes", out.len);
    selkies_lite_base(s.lite, &base);
    ok(base.luma != NULL && base.luma != au.recon.luma
       && out.recon.luma == base.luma, "it is the base");

    fill(&s, 0, 0, 20, 10, 2);
    ok(selkies_lite_chain(s.lite, &s.pic, 20, 1, 0, &out) == SELKIES_AGAIN
       && selkies_lite_pending(s.lite, &s.pic) == 2,
       "more than was allowed stays pending");
    ok(selkies_lite_picture(s.lite, &s.pic, 0, &out) == SELKIES_OK
       && selkies_lite_pending(s.lite, &s.pic) == 2,
       "a lite picture leaves it pending");
    ok(selkies_lite_chain(s.lite, &s.pic, 0, 2, 0, &out) == SELKIES_OK
       && out.len > 768 && out.qp == 0, "without a QP it is raw");
    selkies_picture_clear_dirty(&s.pic);
    ok(selkies_lite_pending(s.lite, &s.pic) == 0, "the chain takes it");

    selkies_picture_finish(&other);
    stage_close(&s);
}


int
main(void)
{
    size_t  i;

    if (mkdtemp(temp) == NULL) {
        return skip_all("no folder for temporary files");
    }

    have_ffmpeg = system("ffmpeg -version >/dev/null 2>&1") == 0;

    if (!have_ffmpeg) {
        printf("# no ffmpeg: nothing is decoded\n");
    }

    test_order();
    test_scroll();
    test_wrap();

    for (i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
        test_scene(&scenes[i]);
    }

    rmdir(temp);

    return done_testing();
}


#else

int
main(void)
{
    return skip_all("built without libx264");
}

#endif
