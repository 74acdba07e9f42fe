
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * H.264 stripes: each a stream of its own that a decoder (ffmpeg, where it is
 * installed) takes without a word and that shows its part of the picture;
 * which of them come, when they are keys, when they are refined.
 *
 * Thread: the main thread.
 */


#include "tap.h"
#include "rows_desk.h"


#ifdef SELKIES_HAVE_X264


#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "encoder_h264.h"


#define STRIPES  8


/* A client: a file and a parser for each stripe. */

typedef struct {
    FILE      *files[STRIPES];
    stream_t   streams[STRIPES];
    int        packets[STRIPES];
    int        bad;
    int        worst_qp;
    int32_t    width;
} client_t;


static int   have_ffmpeg;
static char  temp[] = "/tmp/selkies-stripes-XXXXXX";


static void
take(void *data, const selkies_row_packet_t *p)
{
    int                     i, j, idr;
    client_t               *c;
    stream_t               *s;
    selkies_access_unit_t   au;

    c = data;
    i = p->y / SELKIES_ROW_HEIGHT;
    s = &c->streams[i];

    memset(&au, 0, sizeof(au));
    au.data = (uint8_t *) p->data;
    au.len = p->len;
    parse(s, &au);

    for (idr = 0, j = 0; j < s->nnals; j++) {
        idr |= s->nal_types[j] == 5;
    }

    /* SPS and PPS of its own in front of each key, its size in the SPS */

    c->bad += idr != (p->kind == SELKIES_PICTURE_IDR)
              || (idr && (s->nal_types[0] != 7 || s->nal_types[1] != 8))
              || s->width != c->width || s->height != p->height
              || s->slices != 1 || s->qps[0] != p->quality
              || (c->packets[i] == 0 && !idr);

    c->packets[i]++;
    c->worst_qp = p->quality > c->worst_qp ? p->quality : c->worst_qp;

    if (c->files[i] != NULL
        && fwrite(p->data, p->len, 1, c->files[i]) != 1)
    {
        c->bad++;
    }
}


static int
client_init(client_t *c, int32_t width)
{
    int   i;
    char  path[128];

    memset(c, 0, sizeof(client_t));
    c->width = width;

    for (i = 0; i < STRIPES; i++) {
        snprintf(path, sizeof(path), "%s/%d.h264", temp, i);
        c->files[i] = fopen(path, "w");

        if (c->files[i] == NULL) {
            return 0;
        }
    }

    return 1;
}


/* The last picture that ffmpeg makes of a stripe, NV12; NULL: it complains. */

static uint8_t *
decode(int i, int packets, int32_t width, int32_t height)
{
    int       n, c;
    char      path[128], command[512];
    FILE     *f;
    size_t    size;
    uint8_t  *nv12;

    snprintf(command, sizeof(command), "ffmpeg -nostdin -v warning -xerror "
             "-err_detect explode -f h264 -i %s/%d.h264 -f rawvideo "
             "-pix_fmt nv12 -fps_mode passthrough -y %s/out.nv12 >%s/log 2>&1",
             temp, i, temp, temp);

    if (system(command) != 0) {
        return NULL;
    }

    snprintf(path, sizeof(path), "%s/log", temp);
    f = fopen(path, "r");
    c = f != NULL ? fgetc(f) : 0;

    if (f != NULL) {
        fclose(f);
    }

    size = (size_t) width * (size_t) height * 3 / 2;
    nv12 = malloc(size);
    snprintf(path, sizeof(path), "%s/out.nv12", temp);
    f = fopen(path, "r");
    n = 0;

    while (f != NULL && nv12 != NULL && fread(nv12, size, 1, f) == 1) {
        n++;
    }

    if (f != NULL) {
        fclose(f);
    }

    if (c != EOF || n != packets) {
        printf("# stripe %d: %d pictures of %d\n", i, n, packets);
        free(nv12);
        return NULL;
    }

    return nv12;
}


/* The lowest PSNR of a stripe's luma, or of its chroma; 0: not decodable. */

static double
client_psnr(client_t *c, const selkies_picture_t *pic, int nrows)
{
    int             i;
    double          e, sum, p, worst;
    int32_t         x, y, height, top;
    uint8_t        *nv12;
    const uint8_t  *a;

    worst = 99;

    for (i = 0; i < STRIPES; i++) {
        fclose(c->files[i]);
        c->files[i] = NULL;
    }

    for (i = 0; i < nrows && worst > 0; i++) {
        top = i * SELKIES_ROW_HEIGHT;
        height = pic->height - top < 64 ? pic->height - top : 64;
        nv12 = decode(i, c->packets[i], pic->width, height);

        if (nv12 == NULL) {
            return 0;
        }

        for (sum = 0, y = 0; y < height * 3 / 2; y++) {
            a = y < height
                ? pic->luma + (size_t) (top + y) * pic->luma_stride_bytes
                : pic->chroma + (size_t) (top / 2 + y - height)
                                * pic->chroma_stride_bytes;

            for (x = 0; x < pic->width; x++) {
                e = a[x] - (double) nv12[(size_t) y * (size_t) pic->width
                                         + (size_t) x];
                sum += e * e;
            }
        }

        p = sum == 0 ? 99 : 10 * log10(255.0 * 255 * pic->width * height * 1.5
                                       / sum);
        worst = p < worst ? p : worst;
        free(nv12);
    }

    return worst;
}


static void
test_size(int32_t width, int32_t height)
{
    int                  nrows;
    desk_t               d;
    tick_t               t, u, v;
    double               p;
    client_t             c;
    selkies_rect_t       r;
    selkies_rows_t      *rows;
    selkies_rows_conf_t  conf;

    conf = rows_conf(width, height, 25, 18);
    rows = selkies_rows_open(SELKIES_CODEC_H264, &conf, NULL);

    if (!ok(rows != NULL && desk_init(&d, width, height)
            && client_init(&c, width), "%dx%d opens", (int) width,
            (int) height))
    {
        return;
    }

    nrows = (height + 63) / 64;
    desk_draw(&d);
    r = rect_of(0, 0, width, height);
    t = tick(rows, &d, &r, 1000, 0, take, &c);
    ok(!t.failed && t.n == nrows && t.keys == nrows && rows->complete,
       "  %d stripes, all keys", t.n);

    desk_fill(&d, width / 3, height - 2, width / 3 + 1, 2, 0xf08040);
    u = tick(rows, &d, &r, 2000, 0, take, &c);
    ok(!u.failed && u.n == 1 && u.keys == 0 && !rows->complete
       && u.mask == (uint64_t) 1 << (nrows - 1), "  a change below: the last");

    v = tick(rows, &d, NULL, 2000 + SELKIES_ROWS_PAINTOVER_US, 0, take, &c);
    ok(!v.failed && v.n == nrows && v.fine == nrows && v.keys == 0
       && c.worst_qp == 25, "  refined, without a key");

    p = have_ffmpeg ? client_psnr(&c, &d.pic, nrows) : 99;
    ok(!c.bad && p > 34, "  a decoder a stripe, PSNR at least %.1f dB", p);

    selkies_rows_close(rows);
    desk_finish(&d);
}


static void
test_keys(void)
{
    desk_t                d;
    tick_t                t;
    client_t              c;
    selkies_rect_t        r;
    selkies_rows_t       *rows;
    selkies_rows_conf_t   conf;
    selkies_row_packet_t  p;

    conf = rows_conf(320, 64 * 4, 30, 20);
    desk_init(&d, conf.width, conf.height);
    client_init(&c, conf.width);
    rows = selkies_rows_open(SELKIES_CODEC_H264, &conf, NULL);
    r = rect_of(0, 0, conf.width, conf.height);

    desk_draw(&d);
    t = tick(rows, &d, &r, 1000, 0, take, &c);
    t = tick(rows, &d, NULL, 300000, 0, take, &c);
    ok(t.n == 4 && t.fine == 4 && selkies_rows_deadline_us(rows)
       == SELKIES_ROWS_NEVER, "settled");

    t = tick(rows, &d, &r, 310000, 0, take, &c);
    ok(t.n == 0, "false damage is nothing: the planes are what is read");

    t = tick(rows, &d, NULL, 320000, 1, take, &c);
    ok(t.n == 4 && t.keys == 4 && rows->complete, "a request: all are keys");

    desk_fill(&d, 0, 70, 20, 20, 0x00ff00);
    r = rect_of(0, 70, 20, 20);
    t = tick(rows, &d, &r, 330000, 0, take, &c);
    ok(t.n == 1 && t.keys == 0 && t.mask == 2, "then deltas");

    /* a packet that was lost breaks the stripe's chain, and that one's only */

    memset(&p, 0, sizeof(p));
    p.y = 64;
    selkies_rows_lost(rows, &p);
    ok(selkies_rows_deadline_us(rows) == 0, "a lost one is to be repaired");
    c.worst_qp = 0;
    t = tick(rows, &d, NULL, 340000, 0, take, &c);
    ok(t.n == 1 && t.keys == 1 && t.mask == 2 && c.worst_qp >= 45
       && !rows->complete, "by a small key of its stripe (QP %d)",
       c.worst_qp);

    selkies_rows_lost(rows, &p);
    ok(selkies_rows_deadline_us(rows) != 0, "if that is lost too, it waits");
    desk_fill(&d, 0, 70, 20, 20, 0x0000ff);
    t = tick(rows, &d, &r, 350000, 0, take, &c);
    ok(t.keys == 1 && t.mask == 2, "for a change, again with a key");

    ok(!c.bad, "every stream is well formed");
    client_psnr(&c, &d.pic, 0);
    selkies_rows_close(rows);
    desk_finish(&d);
}


/* Other qualities while running; beyond an encoder's window it starts anew. */

static void
test_configure(void)
{
    desk_t               d;
    tick_t               t;
    double               p;
    client_t             c;
    selkies_rect_t       r;
    selkies_rows_t      *rows;
    selkies_rows_conf_t  conf;

    conf = rows_conf(640, 200, 25, 18);
    desk_init(&d, conf.width, conf.height);
    client_init(&c, conf.width);
    rows = selkies_rows_open(SELKIES_CODEC_H264, &conf, NULL);
    r = rect_of(0, 0, conf.width, conf.height);
    desk_draw(&d);
    t = tick(rows, &d, &r, 1000, 0, take, &c);

    conf.quality = 22;
    ok(selkies_rows_configure(rows, &conf) == SELKIES_OK, "another QP");
    c.worst_qp = 0;
    desk_fill(&d, 0, 0, 640, 200, 0x334455);
    t = tick(rows, &d, &r, 2000, 0, take, &c);
    ok(t.n == 4 && t.keys == 0 && c.worst_qp == 22, "without a key");

    conf.quality = 12;
    conf.paintover_quality = 5;
    selkies_rows_configure(rows, &conf);
    c.worst_qp = 0;
    desk_draw(&d);
    t = tick(rows, &d, &r, 3000, 0, take, &c);
    ok(!t.failed && t.n == 4 && t.keys == 4 && c.worst_qp == 12,
       "one far off: each stripe starts anew");

    t = tick(rows, &d, NULL, 300000, 0, take, &c);
    p = have_ffmpeg ? client_psnr(&c, &d.pic, 4) : 99;
    ok(!c.bad && t.fine == 4 && p > 45, "and a decoder follows, %.1f dB", p);

    conf.height = 202;
    ok(selkies_rows_configure(rows, &conf) == SELKIES_REINIT,
       "another size is another encoder");

    selkies_rows_close(rows);
    desk_finish(&d);
}


static void
test_random(void)
{
    int                  i, failed;
    desk_t               d;
    tick_t               t;
    double               p;
    client_t             c;
    uint64_t             now;
    selkies_rect_t       r;
    selkies_rows_t      *rows;
    selkies_rows_conf_t  conf;

    conf = rows_conf(414, 286, 28, 18);
    desk_init(&d, conf.width, conf.height);
    client_init(&c, conf.width);
    rows = selkies_rows_open(SELKIES_CODEC_H264, &conf, NULL);
    desk_draw(&d);
    now = 1000;
    failed = 0;
    t = tick(rows, &d, &d.all, now, 0, take, &c);

    for (i = 0; i < 200; i++) {
        r = rect_of((int32_t) random_number(414), (int32_t) random_number(286),
                    1 + (int32_t) random_number(100),
                    1 + (int32_t) random_number(100));

        if (r.x + r.width > 414) {
            r.width = 414 - r.x;
        }

        if (r.y + r.height > 286) {
            r.height = 286 - r.y;
        }

        desk_fill(&d, r.x, r.y, r.width, r.height, random_number(1 << 24));
        now += random_number(300000);
        t = tick(rows, &d, &r, now, random_number(60) == 0, take, &c);
        failed |= t.failed;
    }

    t = tick(rows, &d, NULL, now + 250000, 0, take, &c);
    p = have_ffmpeg ? client_psnr(&c, &d.pic, 5) : 99;
    ok(!failed && !c.bad && t.n == t.fine && p > 36
       && selkies_rows_deadline_us(rows) == SELKIES_ROWS_NEVER,
       "200 random changes: every stripe at %.1f dB or more", p);

    selkies_rows_close(rows);
    desk_finish(&d);
}


static void
test_refused(void)
{
    selkies_rows_t       *rows;
    selkies_rows_conf_t   conf;

    conf = rows_conf(65, 64, 25, 18);
    ok(selkies_rows_open(SELKIES_CODEC_H264, &conf, NULL) == NULL,
       "an odd width is refused");

    conf = rows_conf(64, 64, 200, -7);
    rows = selkies_rows_open(SELKIES_CODEC_H264, &conf, NULL);
    ok(rows != NULL && rows->conf.quality == 50
       && rows->conf.paintover_quality == 5, "QPs are clamped");
    selkies_rows_close(rows);
    selkies_rows_close(NULL);
}


int
main(void)
{
    size_t  i;
    char    command[128];

    static const int32_t  sizes[][2] = {
        { 2, 2 }, { 66, 2 }, { 64, 64 }, { 130, 66 }, { 300, 130 },
        { 1366, 448 }, { 8192, 80 }
    };

    if (mkdtemp(temp) == NULL) {
        return skip_all("no temporary folder");
    }

    have_ffmpeg = system("ffmpeg -version >/dev/null 2>&1") == 0;

    if (!have_ffmpeg) {
        printf("# no ffmpeg: what a decoder sees is not tested\n");
    }

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        test_size(sizes[i][0], sizes[i][1]);
    }

    test_keys();
    test_configure();
    test_random();
    test_refused();

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
