
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Lite pictures over libx264's anchors: that ffmpeg (where it is installed)
 * decodes what they are modelled to be, sample by sample, one picture in, one
 * out, whichever lite pictures are left out; that the slice rewriter only
 * inserts; that bytes nobody wrote do no harm.
 *
 * Thread: the main thread.  Ownership: the process.
 */


#include "tap.h"


#ifdef SELKIES_HAVE_X264


#include "lite_stage.h"
#include "../../encoders/h264.h"


static void
test_scene(const scene_t *scene)
{
    int       i, run, failed;
    char      path[64];
    stage_t   s;
    uint8_t  *changed;

    if (!ok(stage_open(&s, scene), "%s: opened", scene->name)) {
        stage_close(&s);
        return;
    }

    snprintf(path, sizeof(path), "%s/stream.h264", temp);
    s.file = fopen(path, "wb");
    changed = calloc((size_t) s.pic.mb_width * (size_t) s.pic.mb_height, 1);

    if (!ok(s.file != NULL && changed != NULL, "%s: a file", scene->name)) {
        stage_close(&s);
        free(changed);
        return;
    }

    fill(&s, 0, 0, s.pic.mb_width * 16, s.pic.mb_height * 16, 3);
    failed = 0;
    run = 0;

    for (i = 0; i < scene->pictures && !failed; i++) {

        if (i == 0 || run <= 0) {
            run = 1 + (int) random_number((uint32_t) scene->lites);
            failed = !stage_picture(&s, STAGE_ANCHOR,
                                    i == 0 || random_number(8) == 0, changed);

        } else {
            run--;
            failed = !stage_picture(&s, STAGE_LITE, 0, changed);
        }

        if (random_number(8)) {
            fill_randomly(&s);
        }
    }

    fclose(s.file);
    free(changed);

    ok(!failed, "%s: %zu lites (%zu skip, %zu inter, %zu intra, %zu pcm), "
       "luma MSE %.2f at worst", scene->name, s.lites, s.counts.skip,
       s.counts.inter, s.counts.intra, s.counts.pcm, s.worst_mse);

    ok(scene->lite_qp && scene->recon
           ? s.counts.inter + s.counts.intra + s.counts.skip > 0
           : s.counts.inter + s.counts.intra + s.counts.skip == 0
             && s.worst_mse == 0,
       "%s: coded in the way that was asked for", scene->name);

    if (have_ffmpeg) {
        stage_decode(&s, path);
    }

    unlink(path);
    stage_close(&s);
}


static const scene_t  scenes[] = {
    { "2x2 pcm", 2, 2, 1, 0, 0, 60, 9, 1, 1, 0, 0 },
    { "16x16", 16, 16, 1, 0, 12, 80, 9, 1, 0, 0, 0 },
    { "34x18 pcm, zeros", 34, 18, 1, 0, 0, 120, 9, 1, 1, 0, 0 },
    { "34x18, whole range", 34, 18, 1, 0, 10, 200, 9, 1, 1, 0, 0 },
    { "66x50, no reconstruction", 66, 50, 1, 0, 12, 60, 9, 0, 1, 0, 0 },
    { "64x64, QP 51", 64, 64, 1, 0, 51, 100, 9, 1, 1, 0, 0 },
    { "130x94, QP 26, main", 130, 94, 1, 1, 26, 150, 9, 1, 0, 0, 0 },
    { "130x94, QP 14, high, 4 slices", 130, 94, 4, 2, 14, 150, 9, 1, 1, 0, 0 },
    { "322x182, 200 in a row", 322, 182, 1, 0, 14, 300, 200, 1, 0, 0, 0 },
    { "322x182, 4 slices, dropped", 322, 182, 4, 0, 14, 400, 20, 1, 0, 2, 0 },
    { "1918x1078, dropped", 1918, 1078, 4, 0, 14, 60, 20, 1, 0, 3, 0 },
    { "1920x1080 pcm", 1920, 1080, 1, 0, 0, 40, 20, 1, 0, 0, 0 }
};


/* More pictures than 16 bits count, as many lites as are allowed. */

static void
test_wrap(void)
{
    int                     i, failed;
    char                    path[64];
    uint8_t                 changed[1];
    stage_t                 s;
    selkies_access_unit_t   au;
    static const scene_t    scene = { "16x16, POC wraps", 16, 16, 1, 0, 20,
                                      36000, 0, 1, 0, 0, 0 };

    snprintf(path, sizeof(path), "%s/stream.h264", temp);

    if (!ok(stage_open(&s, &scene) && (s.file = fopen(path, "wb")) != NULL,
            "%s: opened", scene.name))
    {
        stage_close(&s);
        return;
    }

    fill(&s, 0, 0, 16, 16, 3);
    failed = 0;
    changed[0] = 0;

    for (i = 0; i < scene.pictures && !failed; i++) {

        if (i % (SELKIES_LITE_RUN_MAX + 1) != 0) {
            failed = !stage_picture(&s, STAGE_LITE, 0, changed);

        } else {

            if (i) {
                failed = selkies_lite_picture(s.lite, &s.pic, 0, &au)
                         != SELKIES_AGAIN;
            }

            failed |= !stage_picture(&s, STAGE_ANCHOR, 0, changed);
        }

        fill(&s, i % 13, i % 11, 2, 3, 0);
    }

    fclose(s.file);

    ok(!failed, "%s: an anchor is asked for after %d lites", scene.name,
       SELKIES_LITE_RUN_MAX);

    if (have_ffmpeg) {
        stage_decode(&s, path);
    }

    unlink(path);
    stage_close(&s);
}


/* bits one by one out of an RBSP, to see what was inserted */

static int
same_bits(selkies_h264_reader_t *a, selkies_h264_reader_t *b, size_t n)
{
    for (; n > 0; n--) {
        if (selkies_h264_get(a, 1) != selkies_h264_get(b, 1)) {
            return 0;
        }
    }

    return 1;
}


static void
test_insert(void)
{
    int                    i, wrong, illegal, big;
    size_t                 k, n, len, end, out_len;
    uint8_t                rbsp[64], nal[128], out[192];
    unsigned               poc;
    const uint8_t         *pos, *found;
    selkies_h264_slice_t   slice;
    selkies_h264_reader_t  a, b;
    selkies_h264_numbers_t  numbers;

    wrong = 0;
    illegal = 0;
    big = 0;

    for (i = 0; i < 200000; i++) {

        n = 1 + random_number(sizeof(rbsp) - 1);

        for (k = 0; k < n; k++) {
            rbsp[k] = (uint8_t) (random_number(3) ? 0 : random_number(5));
        }

        rbsp[n - 1] |= 1;

        len = selkies_h264_nal(nal, sizeof(nal), 0x41, rbsp, n) - 4;
        memset(&slice, 0, sizeof(slice));
        slice.frame_num_bits = random_number(17);
        slice.frame_num_bits = slice.frame_num_bits < n * 8
                                   ? slice.frame_num_bits : 0;
        slice.frame_num_bit = random_number((uint32_t) n * 8
                                            - slice.frame_num_bits);
        end = slice.frame_num_bit + slice.frame_num_bits;
        slice.poc_bit = end + random_number((uint32_t) (n * 8 - end));

        numbers.frame_num_bits = slice.frame_num_bits
                                 + (random_number(2) ? 8 : 0);
        numbers.frame_num = random_number(1u << numbers.frame_num_bits);
        poc = random_number(4) ? random_number(65536) : random_number(4) << 8;
        numbers.poc = poc;

        out_len = selkies_h264_rewrite_slice(out, sizeof(out), nal + 4, len,
                                             &slice, &numbers);

        selkies_h264_reader_init(&a, nal + 4, len);
        selkies_h264_reader_init(&b, out + 4, out_len - 4);

        wrong += out_len == 0
                 || !same_bits(&a, &b, slice.frame_num_bit)
                 || selkies_h264_get(&b, numbers.frame_num_bits)
                    != numbers.frame_num
                 || (selkies_h264_get(&a, slice.frame_num_bits),
                     !same_bits(&a, &b, slice.poc_bit - end))
                 || selkies_h264_get(&b, 16) != poc
                 || !same_bits(&a, &b, n * 8 - slice.poc_bit)
                 || a.overrun || b.overrun
                 || b.pos != b.end;

        big += out_len > len + SELKIES_H264_SLICE_GROWTH;

        for (k = 4; k + 2 < out_len; k++) {
            illegal += out[k] == 0 && out[k + 1] == 0
                       && (out[k + 2] < 3
                           || (out[k + 2] == 3 && k + 3 < out_len
                               && out[k + 3] > 3));
        }

        pos = out;
        illegal += !selkies_h264_next(&pos, out + out_len, &found, &k)
                   || found != out + 4 || k != out_len - 4
                   || selkies_h264_next(&pos, out + out_len, &found, &k);
    }

    ok(wrong == 0, "numbers are put in and nothing else changes (%d)",
       wrong);
    ok(illegal == 0, "what comes out is a NAL unit (%d)", illegal);
    ok(big == 0, "it grows by %d bytes at most (%d)",
       SELKIES_H264_SLICE_GROWTH, big);
}


/* The SPS field by field: ITU-T H.264, 7.3.2.1.1 and E.1.1 */

static void
test_sps(void)
{
    size_t                 i, len, wrong;
    uint8_t                out[SELKIES_H264_PARAMETER_MAX];
    uint32_t               v;
    selkies_h264_sps_t     sps, parsed;
    selkies_h264_reader_t  r;

    /* bits, 0 for ue(v), and the value */

    static const uint8_t   fields[][2] = {
        { 8, 66 }, { 8, 0xc0 }, { 8, 42 }, { 0, 0 }, { 0, 0 }, { 0, 0 },
        { 0, 12 }, { 0, 1 }, { 1, 0 }, { 0, 119 }, { 0, 67 }, { 1, 1 },
        { 1, 1 }, { 1, 1 }, { 0, 0 }, { 0, 0 }, { 0, 0 }, { 0, 4 }, { 1, 1 },
        { 1, 0 }, { 1, 0 }, { 1, 1 }, { 3, 5 }, { 1, 0 }, { 1, 1 }, { 8, 1 },
        { 8, 1 }, { 8, 1 }, { 5, 0 }, { 1, 1 }, { 1, 1 }, { 0, 0 }, { 0, 0 },
        { 0, 15 }, { 0, 15 }, { 0, 0 }, { 0, 1 }, { 1, 1 }
    };

    memset(&sps, 0, sizeof(sps));
    sps.profile = 66;
    sps.constraints = 0xc0;
    sps.level = 42;
    sps.chroma_format = 1;
    sps.frame_num_bits = 4;
    sps.poc_type = 2;
    sps.nrefs = 1;
    sps.mb_width = 120;
    sps.mb_height = 68;
    sps.crop[3] = 4;

    len = selkies_h264_write_sps(out, sizeof(out), &sps);
    selkies_h264_reader_init(&r, out + 4, len - 4);
    wrong = len == 0 || out[4] != 0x67;

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        v = fields[i][0] ? selkies_h264_get(&r, fields[i][0])
                         : selkies_h264_get_ue(&r);
        wrong += v != fields[i][1];
    }

    ok(wrong == 0 && !r.overrun, "the SPS has its fields (%zu wrong)", wrong);

    sps.profile = 244;
    sps.chroma_format = 3;
    sps.crop[0] = 16383;
    sps.mb_width = 1024;
    sps.mb_height = 1024;
    sps.nrefs = 16;
    sps.frame_num_bits = 16;
    sps.poc_type = 0;

    len = selkies_h264_write_sps(out, sizeof(out), &sps);

    ok(len > 0
       && selkies_h264_parse_sps(out + 4, len - 4, &parsed) == SELKIES_OK
       && memcmp(&sps, &parsed, sizeof(sps)) == 0,
       "a large one of 4:4:4 is read as it was written, %zu bytes", len);

    for (i = 0, wrong = 0; i < len; i++) {
        wrong += selkies_h264_write_sps(out, i, &sps) != 0;
    }

    ok(wrong == 0, "it is not written where it has no room");
}


/* Bytes that no encoder wrote: any answer is right but a crash. */

static void
test_garbage(void)
{
    int                    i, k, rewritten, flips;
    scene_t                scene = { "garbage", 48, 32, 2, 0, 14, 1, 1, 1, 0,
                                     0, 0 };
    stage_t                s;
    uint8_t               *copy, *at;
    selkies_access_unit_t  au, bad, out;

    rewritten = 0;

    for (i = 0; i < 12; i++) {

        scene.cabac = i % 3;
        scene.slices = 1 + i % 2;

        if (!stage_open(&s, &scene)) {
            ok(0, "garbage: opened");
            stage_close(&s);
            return;
        }

        fill(&s, 0, 0, 48, 32, 2);

        if (!stage_encode(&s, 30, 1, &au)) {
            ok(0, "garbage: encoded");
            stage_close(&s);
            return;
        }

        for (k = 0; k < 1500; k++) {

            bad = au;
            bad.len = random_number(4) ? au.len
                                       : 1 + random_number((uint32_t) au.len);

            /* of the size it says, for the sanitizer */

            copy = malloc(bad.len);

            if (copy == NULL) {
                continue;
            }

            memcpy(copy, au.data, bad.len);
            bad.data = copy;

            for (flips = (int) random_number(6); flips > 0; flips--) {
                at = copy + random_number(random_number(3) && bad.len > 60
                                              ? 60 : (uint32_t) bad.len);
                *at = (uint8_t) random_number(256);
            }

            if (selkies_lite_anchor(s.lite, &bad, &out) == SELKIES_OK) {
                rewritten++;
                fill(&s, 3, 3, 20, 20, 2);
                (void) selkies_lite_picture(s.lite, &s.pic, 0, &out);
                (void) selkies_lite_chain(s.lite, &s.pic, 20, 9, 0, &out);
                (void) selkies_lite_pending(s.lite, &s.pic);
            }

            free(copy);
        }

        stage_close(&s);
    }

    ok(rewritten > 0, "garbage: survived, %d of it could be rewritten",
       rewritten);
}


static void
test_order(void)
{
    stage_t                s;
    const scene_t          scene = { "order", 64, 48, 1, 0, 14, 4, 1, 1, 0,
                                     0, 0 };
    selkies_status_t       rc;
    selkies_picture_t      other;
    selkies_access_unit_t  au, idr, p;

    memset(&other, 0, sizeof(other));

    if (!ok(stage_open(&s, &scene)
            && selkies_picture_init(&other, 32, 32) == SELKIES_OK,
            "order: opened"))
    {
        stage_close(&s);
        return;
    }

    ok(selkies_lite_picture(s.lite, &s.pic, 0, &au) == SELKIES_AGAIN,
       "no lite picture before an anchor");

    rc = stage_encode(&s, 30, 1, &idr) ? SELKIES_OK : SELKIES_ERROR;
    idr.recon.luma = NULL;
    ok(rc == SELKIES_OK
       && selkies_lite_anchor(s.lite, &idr, &au) == SELKIES_OK
       && au.kind == SELKIES_PICTURE_IDR && au.data != idr.data,
       "an IDR is rewritten into other bytes");

    ok(selkies_lite_picture(s.lite, &other, 0, &au) == SELKIES_AGAIN,
       "no lite picture of another size");
    rc = selkies_lite_picture(s.lite, &s.pic, 0, &au);
    ok(rc == SELKIES_OK && au.len < 24 && au.qp == 0,
       "one in which nothing changed has %zu bytes", au.len);

    touch(&s.pic, 63, 47);
    ok(selkies_lite_pending(s.lite, &s.pic) == 1
       && selkies_lite_pending(s.lite, &s.pic) == 1, "one is pending");
    rc = selkies_lite_picture(s.lite, &s.pic, 0, &au);
    ok(rc == SELKIES_OK && au.len > 384 && au.qp == 0,
       "without reconstruction it is raw, %zu bytes", au.len);
    selkies_picture_clear_dirty(&s.pic);
    ok(selkies_lite_pending(s.lite, &s.pic) == 1,
       "it stays pending when it was shown");

    ok(stage_encode(&s, 30, 0, &p)
       && selkies_lite_anchor(s.lite, &p, &au) == SELKIES_OK
       && selkies_lite_pending(s.lite, &s.pic) == 0, "an anchor takes it");

    selkies_lite_close(s.lite);
    s.lite = selkies_lite_open(14, NULL);
    ok(s.lite != NULL
       && selkies_lite_anchor(s.lite, &p, &au) == SELKIES_ERROR,
       "a stream does not begin with a P picture");

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

    test_insert();
    test_sps();
    test_order();
    test_garbage();

    for (i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
        test_scene(&scenes[i]);
    }

    test_wrap();

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
