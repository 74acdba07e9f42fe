
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * The x264 encoder: what is in the stream (parsed here), what a decoder makes
 * of it (ffmpeg, where it is installed), when keys come, how sizes, QPs and
 * threads behave.
 *
 * Thread: the main thread and those of one test.
 */


#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "encoder_h264.h"
#include "tap.h"
#include "../../encoders/encoder.h"


#ifdef SELKIES_HAVE_X264


#include "encoder_desk.h"
#include "encoder_ffmpeg.h"


/* What a decoder makes of temp/in.h264 looks like the sources. */

static void
test_decoded(const selkies_picture_t *sources, int n)
{
    int                i, good;
    FILE              *f;
    double             p, worst;
    selkies_picture_t  back;

    good = decode("nv12");
    ok(good, "  a decoder accepts it without a word");

    f = good ? temp_open("out.yuv", "r") : NULL;
    selkies_picture_init(&back, sources->width, sources->height);

    for (worst = 99, i = 0; i < n && f != NULL; i++) {
        p = decoded_read(f, &back) ? psnr(&sources[i], &back) : 0;
        worst = p < worst ? p : worst;
    }

    ok(f != NULL && worst > (back.width > 2 ? 38 : 30) && fgetc(f) == EOF,
       "  %d pictures come out, PSNR at least %.1f dB", n, worst);

    if (f != NULL) {
        fclose(f);
    }

    selkies_picture_finish(&back);
}


/* A few pictures of one size, changed in part, all checked. */

static void
test_size(int32_t width, int32_t height, int threads)
{
    int                     i, good;
    FILE                   *f;
    desk_t                  d;
    stream_t                s;
    selkies_picture_t       sources[3];
    selkies_encoder_t      *enc;
    selkies_access_unit_t   au;
    selkies_encoder_conf_t  conf;

    conf = conf_of(width, height);
    conf.threads = threads;
    memset(&s, 0, sizeof(s));

    enc = open_x264(&conf);

    if (!ok(enc != NULL && desk_init(&d, width, height), "%dx%d opens with "
            "%d threads", (int) width, (int) height, threads))
    {
        return;
    }

    f = temp_open("in.h264", "w");
    desk_draw(&d);
    good = f != NULL;

    for (i = 0; i < 3; i++) {
        desk_fill(&d, width / 4, height / 4, width / 3 + 1, height / 5 + 1,
                  0x00c08040u * (unsigned) (i + 1));
        desk_convert(&d);

        selkies_picture_init(&sources[i], width, height);
        memcpy(sources[i].luma, d.pic.luma,
               d.pic.luma_stride_bytes * (size_t) d.pic.mb_height * 16);

        good = good && selkies_encoder_encode(enc, &d.pic, 22, 0,
                                              (uint64_t) i, &au) == SELKIES_OK
               && au.kind == (i ? SELKIES_PICTURE_P : SELKIES_PICTURE_IDR)
               && au.pts_us == (uint64_t) i && au.qp == 22
               && fwrite(au.data, au.len, 1, f) == 1;

        if (good) {
            parse(&s, &au);

            good = i ? (s.nal_types[0] == 1 && s.slices == s.nnals)
                     : (s.nal_types[0] == 7 && s.nal_types[1] == 8
                        && s.nal_types[2] == 5 && s.slices == s.nnals - 2);
            good = good && s.slices >= 1 && s.slices <= 4
                   && au.data[0] == 0 && au.data[1] == 0 && au.data[2] == 0
                   && au.data[3] == 1;
        }
    }

    ok(good, "  each picture gives one access unit of the right kind");
    ok(s.width == width && s.height == height && s.profile == 66
       && s.constraints == 0xc0 && s.cabac == 0 && s.num_refs == 1
       && s.poc_type == 2, "  constrained baseline, one reference, CAVLC, "
       "level %d", s.level);
    ok(s.full_range == 0 && s.primaries == 1 && s.transfer == 1
       && s.matrix == 1 && s.reorder == 0 && s.buffering == 1,
       "  BT.709 limited, no reordering");

    if (f != NULL) {
        fclose(f);
    }

    if (have_ffmpeg) {
        test_decoded(sources, 3);
    }

    for (i = 0; i < 3; i++) {
        selkies_picture_finish(&sources[i]);
    }

    selkies_encoder_close(enc);
    desk_finish(&d);
}


/* The largest distance of a patch's middle from the colour drawn there. */

static int
card_error(const selkies_picture_t *pic, int i, uint32_t color)
{
    int             k, d, worst;
    double          luma, c[3];
    size_t          x, y;
    const uint8_t  *uv;

    x = (size_t) (i % 16) * 32 + 16;
    y = (size_t) (i / 16) * 32 + 16;
    uv = pic->chroma + y / 2 * pic->chroma_stride_bytes + x;

    luma = (pic->luma[y * pic->luma_stride_bytes + x] - 16) / 219.0;
    c[0] = luma + 1.8556 * (uv[0] - 128) / 224.0;
    c[2] = luma + 1.5748 * (uv[1] - 128) / 224.0;
    c[1] = (luma - 0.2126 * c[2] - 0.0722 * c[0]) / 0.7152;

    for (worst = 0, k = 0; k < 3; k++) {
        d = (int) floor(c[k] * 255 + 0.5);
        d = d < 0 ? 0 : d > 255 ? 255 : d;
        d = abs(d - (int) (color >> (k * 8) & 255));
        worst = d > worst ? d : worst;
    }

    return worst;
}


/* Flat patches keep their colour through conversion, x264 and a decoder. */

static void
test_card(int qp)
{
    int                     i, k, e, worst[2];
    FILE                   *f;
    desk_t                  d;
    uint32_t                colors[256];
    selkies_picture_t       back;
    selkies_encoder_t      *enc;
    selkies_access_unit_t   au;
    selkies_encoder_conf_t  conf;

    conf = conf_of(512, 512);
    enc = open_x264(&conf);
    desk_init(&d, 512, 512);

    for (i = 0; i < 256; i++) {
        colors[i] = i < 8 ? (uint32_t) ((i & 1) * 0xff | (i & 2) * 0x7f80
                                        | (i & 4) * 0x3fc000)
                  : i < 40 ? (uint32_t) (i - 8) * 0x080808
                  : i < 88 ? (uint32_t) ((i - 40) % 16 * 17)
                             << ((i - 40) / 16 * 8)
                           : random_number(1 << 24);
        desk_fill(&d, i % 16 * 32, i / 16 * 32, 32, 32, colors[i]);
    }

    desk_convert(&d);
    f = temp_open("in.h264", "w");

    for (k = 0; k < 2; k++) {
        selkies_encoder_encode(enc, &d.pic, qp, 0, 0, &au);
        fwrite(au.data, au.len, 1, f);
    }

    fclose(f);
    selkies_picture_init(&back, 512, 512);
    f = decode("nv12") ? temp_open("out.yuv", "r") : NULL;
    worst[0] = worst[1] = 256;

    for (k = 0; k < 2 && f != NULL && decoded_read(f, &back); k++) {
        for (worst[k] = 0, i = 0; i < 256; i++) {
            e = card_error(&back, i, colors[i]);
            worst[k] = e > worst[k] ? e : worst[k];
        }
    }

    ok(worst[0] <= 4 && worst[1] <= 4, "256 patches at QP %d are within 4 "
       "after decoding: IDR %d, P %d", qp, worst[0], worst[1]);

    if (f != NULL) {
        fclose(f);
    }

    selkies_picture_finish(&back);
    selkies_encoder_close(enc);
    desk_finish(&d);
}


static void
test_keys(void)
{
    int                     i, good, keys;
    desk_t                  d;
    stream_t                s;
    selkies_encoder_t      *enc;
    selkies_access_unit_t   au;
    selkies_encoder_conf_t  conf;

    conf = conf_of(64, 48);
    memset(&s, 0, sizeof(s));
    enc = open_x264(&conf);
    desk_init(&d, 64, 48);
    good = 1;
    keys = 0;

    for (i = 0; i < 700; i++) {

        if (i % 3) {
            desk_draw(&d);
            desk_convert(&d);
        }

        if (selkies_encoder_encode(enc, &d.pic, 25, i == 300 || i == 301, 0,
                                   &au) != SELKIES_OK)
        {
            good = 0;
            break;
        }

        parse(&s, &au);

        good &= (au.kind == SELKIES_PICTURE_IDR)
                == (i == 0 || i == 300 || i == 301);
        good &= (s.nal_types[s.nnals - 1] == 5)
                == (au.kind == SELKIES_PICTURE_IDR);
        good &= (s.nal_types[0] == 7) == (au.kind == SELKIES_PICTURE_IDR);
        good &= s.slice_types[0]
                == (au.kind == SELKIES_PICTURE_IDR ? 2 : 0);
        keys += au.kind == SELKIES_PICTURE_IDR;
    }

    ok(good && keys == 3, "of 700 pictures with cuts only the first and the "
       "two asked for are keys: %d", keys);

    selkies_encoder_close(enc);
    desk_finish(&d);
}


static int
slice_qp(selkies_encoder_t *enc, desk_t *d, stream_t *s, int qp,
    selkies_access_unit_t *au)
{
    if (selkies_encoder_encode(enc, &d->pic, qp, 0, 0, au) != SELKIES_OK) {
        return -1;
    }

    parse(s, au);

    return s->slices ? s->qps[0] : -1;
}


static void
test_qp(int main_qp, int paintover_qp, int low, int high)
{
    int                     qp, got, want, good;
    desk_t                  d;
    stream_t                s;
    selkies_encoder_t      *enc;
    selkies_access_unit_t   au;
    selkies_encoder_conf_t  conf;

    conf = conf_of(128, 96);
    conf.qp = main_qp;
    conf.paintover_qp = paintover_qp;
    memset(&s, 0, sizeof(s));

    enc = open_x264(&conf);
    desk_init(&d, 128, 96);
    good = enc != NULL;

    for (qp = 0; qp <= 51 && good; qp++) {
        desk_draw(&d);
        desk_convert(&d);

        want = qp < low ? low : qp > high ? high : qp;
        got = slice_qp(enc, &d, &s, qp, &au);
        good = got == want && au.qp == want;

        if (!good) {
            printf("# asked %d, want %d, slice %d, au %d\n", qp, want, got,
                   au.qp);
        }
    }

    ok(good, "main QP %d, paint-over %d: slices have the wanted QP, %d to %d",
       main_qp, paintover_qp, low, high);

    selkies_encoder_close(enc);
    desk_finish(&d);
}


static void
test_still(void)
{
    int                     i;
    size_t                  first, change;
    desk_t                  d;
    selkies_encoder_t      *enc;
    selkies_access_unit_t   au;
    selkies_encoder_conf_t  conf;

    conf = conf_of(1920, 1080);
    enc = open_x264(&conf);
    desk_init(&d, 1920, 1080);
    desk_fill(&d, 0, 0, 1920, 1080, 0xf0f0e8);

    for (i = 0; i < 12000; i++) {
        desk_fill(&d, (int32_t) random_number(1900),
                  (int32_t) random_number(60) * 18, i & 1 ? 1 : 7,
                  i & 1 ? 11 : 1, 0x202428);
    }

    desk_convert(&d);

    selkies_encoder_encode(enc, &d.pic, 25, 0, 0, &au);
    first = au.len;

    selkies_encoder_encode(enc, &d.pic, 25, 0, 0, &au);
    ok(au.len < first / 20 && au.kind == SELKIES_PICTURE_P,
       "the picture after a key of %d bytes refines it with %d", (int) first,
       (int) au.len);

    for (i = 0; i < 4; i++) {
        selkies_encoder_encode(enc, &d.pic, 25, 0, 0, &au);
    }

    ok(au.len < 32 && au.kind == SELKIES_PICTURE_P,
       "then a still picture has %d bytes", (int) au.len);

    desk_fill(&d, 600, 400, 9, 14, 0xffffff);
    desk_convert(&d);
    selkies_encoder_encode(enc, &d.pic, 25, 0, 0, &au);
    change = au.len;
    ok(change > 16 && change < 600, "a small change has %d bytes",
       (int) change);

    selkies_encoder_encode(enc, &d.pic, 18, 0, 0, &au);
    ok(au.kind == SELKIES_PICTURE_P && au.len > change && au.len < first * 2,
       "a paint-over has %d bytes", (int) au.len);

    selkies_encoder_close(enc);
    desk_finish(&d);
}


static void
test_reconfigure(void)
{
    size_t                  len[2];
    desk_t                  d;
    stream_t                s;
    selkies_encoder_t      *enc;
    selkies_access_unit_t   au;
    selkies_encoder_conf_t  conf, c;

    conf = conf_of(320, 240);
    memset(&s, 0, sizeof(s));
    enc = open_x264(&conf);
    desk_init(&d, 320, 240);
    desk_draw(&d);
    desk_convert(&d);
    selkies_encoder_encode(enc, &d.pic, 25, 0, 0, &au);
    parse(&s, &au);

    c = conf;
    c.fps = 30;
    c.qp = 40;
    c.paintover_qp = 12;
    ok(selkies_encoder_reconfigure(enc, &c) == SELKIES_OK,
       "frame rate and QPs change live");
    ok(slice_qp(enc, &d, &s, 40, &au) == 40
       && au.kind == SELKIES_PICTURE_P, "without a key");

    c.fps = 120;
    ok(selkies_encoder_reconfigure(enc, &c) == SELKIES_OK,
       "to a rate the level has room for");

    c.qp_max = 51;
    ok(selkies_encoder_reconfigure(enc, &c) == SELKIES_OK,
       "and to all that a limit on the bit rate may want");

    c.paintover_qp = 10;
    c.qp = 25;
    c.qp_max = 0;
    ok(selkies_encoder_reconfigure(enc, &c) == SELKIES_REINIT,
       "a QP out of the window needs another encoder");

    c = conf;
    c.width = 322;
    ok(selkies_encoder_reconfigure(enc, &c) == SELKIES_REINIT, "so does a "
       "size");
    c.width = 321;
    ok(selkies_encoder_reconfigure(enc, &c) == SELKIES_REINIT, "even an "
       "impossible one");

    c = conf;
    c.threads = 2;
    ok(selkies_encoder_reconfigure(enc, &c) == SELKIES_REINIT,
       "so do threads");

    selkies_picture_finish(&d.pic);
    selkies_picture_init(&d.pic, 320, 256);
    ok(selkies_encoder_encode(enc, &d.pic, 25, 0, 0, &au) == SELKIES_REINIT,
       "a picture of another size is refused");

    selkies_encoder_close(enc);
    desk_finish(&d);

    conf = conf_of(1920, 1080);
    enc = open_x264(&conf);
    conf.fps = 120;
    ok(selkies_encoder_reconfigure(enc, &conf) == SELKIES_REINIT,
       "a rate beyond the level needs another encoder");
    selkies_encoder_close(enc);

    enc = open_x264(&conf);
    desk_init(&d, 1920, 1080);
    len[0] = selkies_encoder_encode(enc, &d.pic, 25, 0, 0, &au) == SELKIES_OK
             ? au.len : 0;
    parse(&s, &au);
    ok(len[0] > 0 && s.level == 51, "1080p at 120 Hz has level %d", s.level);
    selkies_encoder_close(enc);
    desk_finish(&d);
}


static void
log_count(void *data, selkies_log_level_t level, const char *line, size_t len)
{
    if (level <= SELKIES_LOG_WARN && len > 0 && strlen(line) == len) {
        ++*(int *) data;
    }
}


/* A short search misses what has moved far, and can be changed at any time. */

static void
test_near(void)
{
    int                     i, good;
    FILE                   *f;
    size_t                  len[4];
    desk_t                  d;
    selkies_picture_t       sources[4];
    selkies_encoder_t      *enc;
    selkies_access_unit_t   au;
    selkies_encoder_conf_t  conf;

    conf = conf_of(640, 480);
    enc = open_x264(&conf);
    desk_init(&d, 640, 480);
    desk_draw(&d);
    f = temp_open("in.h264", "w");
    good = f != NULL;
    memset(len, 0, sizeof(len));

    for (i = 0; i < 4 && good; i++) {

        if (i & 1) {
            memmove(d.pixels, d.pixels + 640 * 4 * 40, 640 * 4 * 440);
        }

        desk_convert(&d);
        selkies_picture_init(&sources[i], 640, 480);
        memcpy(sources[i].luma, d.pic.luma, d.pic.luma_stride_bytes * 480);

        conf.near = i == 1;
        good = selkies_encoder_reconfigure(enc, &conf) == SELKIES_OK
               && selkies_encoder_encode(enc, &d.pic, 22, 0, (uint64_t) i,
                                         &au) == SELKIES_OK
               && au.kind == (i ? SELKIES_PICTURE_P : SELKIES_PICTURE_IDR)
               && fwrite(au.data, au.len, 1, f) == 1;
        len[i] = au.len;
    }

    ok(good, "the search changes between two pictures, without a key");
    ok(good && len[1] > 2 * len[3], "the same move, near: %zu bytes, far: %zu",
       len[1], len[3]);

    if (f != NULL) {
        fclose(f);
    }

    if (have_ffmpeg) {
        test_decoded(sources, i);
    }

    while (i > 0) {
        selkies_picture_finish(&sources[--i]);
    }

    selkies_encoder_close(enc);
    desk_finish(&d);
}


static void
test_refusals(void)
{
    int                     lines;
    size_t                  i;
    selkies_log_t           log;
    selkies_encoder_t      *enc;
    selkies_encoder_conf_t  conf;

    static const int32_t  sizes[][2] = {
        { 0, 0 }, { 1, 2 }, { 65, 48 }, { 64, 47 }, { 8194, 2 }, { 2, 4322 },
        { -2, 4 }
    };

    lines = 0;
    log.write = log_count;
    log.data = &lines;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        conf = conf_of(sizes[i][0], sizes[i][1]);
        ok(selkies_encoder_open(SELKIES_CODEC_H264, NULL, &conf, &log) == NULL
           && lines == (int) i + 1, "%dx%d is refused and logged",
           (int) sizes[i][0], (int) sizes[i][1]);
    }

    conf = conf_of(64, 48);
    ok(selkies_encoder_open(SELKIES_CODEC_H264, "none", &conf, &log) == NULL,
       "a name nobody has");

    conf.fps = -5;
    conf.qp = 1000;
    conf.paintover_qp = -1;
    conf.threads = 99;
    lines = 0;
    enc = selkies_encoder_open(SELKIES_CODEC_H264, NULL, &conf, &log);
    ok(enc != NULL && lines == 0, "other values are clamped");
    selkies_encoder_close(enc);
    selkies_encoder_close(NULL);
}


/* The threads of libx264 keep the signals blocked that the caller blocks. */

static void
test_signals(void)
{
    int                     n, blocked;
    FILE                   *f;
    char                    line[256];
    sigset_t                set, old;
    unsigned long long      mask;
    selkies_encoder_t      *enc;
    selkies_encoder_conf_t  conf;

    sigfillset(&set);
    pthread_sigmask(SIG_BLOCK, &set, &old);

    conf = conf_of(640, 480);
    conf.threads = 4;
    enc = open_x264(&conf);
    n = blocked = 0;

    f = popen("cat /proc/$PPID/task/*/status", "r");

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, "SigBlk: %llx", &mask) == 1) {
            n++;
            blocked += (mask >> (SIGTERM - 1)) & (mask >> (SIGCHLD - 1)) & 1;
        }
    }

    if (f != NULL) {
        pclose(f);
    }

    ok(n >= 4 && blocked == n, "%d of %d threads have their signals blocked",
       blocked, n);

    selkies_encoder_close(enc);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}


static void *
concurrent(void *data)
{
    int                     i;
    uint64_t                hash;
    size_t                  k;
    selkies_picture_t      *pic;
    selkies_encoder_t      *enc;
    selkies_access_unit_t   au;
    selkies_encoder_conf_t  conf;

    pic = data;
    conf = conf_of(pic->width, pic->height);
    hash = 0;

    for (i = 0; i < 20; i++) {
        enc = open_x264(&conf);

        if (enc == NULL
            || selkies_encoder_encode(enc, pic, 25, 0, 0, &au) != SELKIES_OK)
        {
            selkies_encoder_close(enc);
            return NULL;
        }

        for (k = 0; k < au.len; k++) {
            hash = hash * 31 + au.data[k];
        }

        selkies_encoder_close(enc);
    }

    return (void *) (uintptr_t) (hash | 1);
}


static void
test_concurrent(void)
{
    int        i, same;
    void      *results[4];
    desk_t     d;
    pthread_t  threads[4];

    desk_init(&d, 160, 128);
    desk_draw(&d);
    desk_convert(&d);

    for (i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, concurrent, &d.pic);
    }

    for (same = 0, i = 0; i < 4; i++) {
        pthread_join(threads[i], &results[i]);
        same += results[i] != NULL && results[i] == results[0];
    }

    ok(same == 4, "four threads open, encode and close side by side");

    desk_finish(&d);
}


int
main(void)
{
    char  command[128];

    if (mkdtemp(temp) == NULL) {
        printf("Bail out! no folder for temporary files\n");
        return 1;
    }

    have_ffmpeg = system("ffmpeg -version >/dev/null 2>&1") == 0;

    if (!have_ffmpeg) {
        printf("# no ffmpeg: what a decoder sees is not tested\n");
    }

    test_size(2, 2, 1);
    test_size(4, 34, 4);
    test_size(64, 48, 1);
    test_size(66, 50, 2);
    test_size(1366, 768, 1);
    test_size(1920, 1080, 1);
    test_size(1920, 1080, 4);
    test_size(8192, 128, 1);
    test_size(128, 4320, 2);
    test_size(8192, 4320, 1);

    if (have_ffmpeg) {
        test_card(18);
        test_card(22);
        test_card(25);
    }

    test_keys();
    test_qp(25, 18, 11, 51);
    test_qp(20, 5, 5, 45);
    test_qp(50, 25, 11, 51);
    test_qp(50, 5, 11, 51);
    test_still();
    test_reconfigure();
    test_near();
    test_refusals();
    test_signals();
    test_concurrent();

    snprintf(command, sizeof(command), "rm -r %s", temp);

    if (system(command) != 0) {
        printf("# %s stays\n", temp);
    }

    return done_testing();
}


#else


int
main(void)
{
    return skip_all("built without libx264");
}


#endif
