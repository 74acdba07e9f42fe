
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * A stage for tests of lite pictures: libx264 with its reconstruction shown,
 * a picture that is drawn on at random, the model of what a decoder shows and
 * ffmpeg to compare it with.
 *
 * Thread: the main thread.  Ownership: the process.
 */


#ifndef SELKIES_LITE_STAGE_H_INCLUDED
#define SELKIES_LITE_STAGE_H_INCLUDED


#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <x264.h>

#include "tap.h"
#include "../../encoders/convert.h"
#include "../../encoders/h264.h"
#include "../../encoders/lite.h"

#define RANDOM_SEED  7
#include "random.h"


typedef struct {
    const char  *name;
    int          width;
    int          height;
    int          slices;            /* a thread each if it is large */
    int          cabac;             /* and what else main profile has */
    int          lite_qp;           /* 0: all I_PCM */
    int          pictures;
    int          lites;             /* in a row at most */
    int          recon;             /* is the encoder's shown */
    int          raw;               /* samples from 0 to 255, many zeros */
    int          drop;              /* one of so many lites is dropped */
    int          chain;             /* one of so many pictures is an anchor */
} scene_t;


typedef enum {
    STAGE_ANCHOR = 0,
    STAGE_LITE,
    STAGE_CHAIN
} stage_kind_t;


typedef struct {
    const scene_t          *scene;
    x264_t                 *x264;
    x264_param_t            param;
    selkies_picture_t       pic;
    selkies_lite_t         *lite;
    selkies_planes_t        recon;
    uint8_t                *luma;           /* what a decoder shows */
    uint8_t                *chroma;
    int64_t                 pts;

    selkies_h264_sps_t      sps;            /* as a decoder is told */
    unsigned                poc;            /* of the last picture */
    unsigned                frame_num;      /* of the last reference */

    FILE                   *file;
    uint64_t               *hashes;
    size_t                  nhashes;
    selkies_lite_counts_t   counts;
    size_t                  lites;
    size_t                  chained;
    size_t                  bytes;          /* of the chain's */
    double                  worst_mse;
} stage_t;


static int   have_ffmpeg;
static char  temp[] = "/tmp/selkies-lite-XXXXXX";


static uint64_t
hash_bytes(uint64_t h, const uint8_t *p, size_t n)
{
    for (; n > 0; n--) {
        h = (h ^ *p++) * 0x100000001b3ull;
    }

    return h;
}


/* drawing, straight into the planes: samples that no conversion makes, too */

static void
touch(selkies_picture_t *pic, int x, int y)
{
    uint8_t  *dirty;

    dirty = &pic->dirty[(y / 16) * pic->mb_width + x / 16];
    pic->ndirty += !*dirty;
    *dirty = 1;
}


static void
fill(stage_t *s, int x0, int y0, int w, int h, int style)
{
    int                 x, y, v, low, high;
    uint8_t            *chroma;
    selkies_picture_t  *pic;

    pic = &s->pic;
    selkies_picture_write(pic);
    low = s->scene->raw ? 0 : 16;
    high = s->scene->raw ? 256 : 236;
    v = low + (int) random_number((uint32_t) (high - low));

    for (y = y0; y < y0 + h && y < pic->mb_height * 16; y++) {
        for (x = x0; x < x0 + w && x < pic->mb_width * 16; x++) {

            switch (style) {

            case 0:                         /* flat */
                break;

            case 1:                         /* strokes */
                v = random_number(5) ? high - 1 : low;
                break;

            case 2:                         /* noise */
                v = low + (int) random_number((uint32_t) (high - low));
                break;

            case 3:                         /* a ramp */
                v = low + (x * 3 + y) % (high - low);
                break;

            default:
                v = 0;
            }

            pic->luma[(size_t) y * pic->luma_stride_bytes + (size_t) x]
                = (uint8_t) v;

            chroma = pic->chroma + (size_t) (y / 2) * pic->chroma_stride_bytes
                     + (size_t) (x & ~1);

            if ((x & 1) == 0 && (y & 1) == 0) {
                chroma[0] = (uint8_t) (style == 2 ? v : (style > 3 ? 0 : 90));
                chroma[1] = (uint8_t) (style > 3 ? 0 : 240 - v / 2);
            }

            touch(pic, x, y);
        }
    }
}


static inline void
fill_randomly(stage_t *s)
{
    int  i, n, w, h;

    n = 1 + (int) random_number(4);
    w = s->pic.mb_width * 16;
    h = s->pic.mb_height * 16;

    for (i = 0; i < n; i++) {
        fill(s, (int) random_number((uint32_t) w),
             (int) random_number((uint32_t) h),
             1 + (int) random_number(40), 1 + (int) random_number(40),
             (int) random_number(s->scene->raw ? 5 : 4));
    }

    /* the first and the last macroblock */

    if (random_number(5) == 0) {
        fill(s, 0, 0, 3, 3, 1);
    }

    if (random_number(5) == 0) {
        fill(s, w - 4, h - 4, 4, 4, 1);
    }
}


/* libx264 as x264.c has it; with its reconstruction */

static int
stage_open(stage_t *s, const scene_t *scene)
{
    x264_param_t  *p;

    memset(s, 0, sizeof(stage_t));
    s->scene = scene;

    if (selkies_picture_init(&s->pic, scene->width, scene->height)
        != SELKIES_OK)
    {
        return 0;
    }

    p = &s->param;

    x264_param_default_preset(p, "ultrafast", "zerolatency");
    p->i_log_level = X264_LOG_NONE;
    p->i_width = scene->width;
    p->i_height = scene->height;
    p->i_csp = X264_CSP_NV12;
    p->i_fps_num = 60;
    p->i_fps_den = 1;
    p->i_threads = scene->height > 1000 ? scene->slices : 1;
    p->b_sliced_threads = 1;
    p->i_slice_count = scene->slices;
    p->i_keyint_max = X264_KEYINT_MAX_INFINITE;
    p->i_scenecut_threshold = 0;
    p->b_repeat_headers = 1;
    p->b_annexb = 1;
    p->rc.i_rc_method = X264_RC_CQP;
    p->rc.i_qp_constant = 28;
    p->rc.f_ip_factor = 10;
    p->rc.f_pb_factor = 10;
    p->analyse.intra |= X264_ANALYSE_I4x4;

    if (scene->cabac) {
        p->b_cabac = 1;
        p->analyse.i_weighted_pred = scene->cabac > 1 ? X264_WEIGHTP_SIMPLE
                                                      : X264_WEIGHTP_NONE;
        p->analyse.b_transform_8x8 = scene->cabac > 1;
        p->analyse.i_chroma_qp_offset = -3;
    }

    x264_param_apply_profile(p, scene->cabac > 1 ? "high"
                             : (scene->cabac ? "main" : "baseline"));

    s->x264 = x264_encoder_open(p);
    s->lite = selkies_lite_open(scene->lite_qp, NULL);

    s->luma = malloc((size_t) s->pic.mb_width * (size_t) s->pic.mb_height
                     * 384);
    s->hashes = calloc((size_t) scene->pictures, sizeof(uint64_t));

    if (s->x264 == NULL || s->lite == NULL || s->luma == NULL
        || s->hashes == NULL)
    {
        return 0;
    }

    s->chroma = s->luma + (size_t) s->pic.mb_width
                          * (size_t) s->pic.mb_height * 256;

    return 1;
}


static void
stage_close(stage_t *s)
{
    if (s->x264 != NULL) {
        x264_encoder_close(s->x264);
    }

    selkies_lite_close(s->lite);
    selkies_picture_finish(&s->pic);
    free(s->luma);
    free(s->hashes);
}


static int
stage_encode(stage_t *s, int qp, int idr, selkies_access_unit_t *au)
{
    int             n, size;
    x264_nal_t     *nals;
    x264_picture_t  in, out;

    x264_picture_init(&in);

    in.i_type = idr ? X264_TYPE_IDR : X264_TYPE_AUTO;
    in.i_qpplus1 = qp + 1;
    in.i_pts = s->pts++;
    in.img.i_csp = X264_CSP_NV12;
    in.img.i_plane = 2;
    in.img.plane[0] = s->pic.luma;
    in.img.plane[1] = s->pic.chroma;
    in.img.i_stride[0] = (int) s->pic.luma_stride_bytes;
    in.img.i_stride[1] = (int) s->pic.chroma_stride_bytes;

    size = x264_encoder_encode(s->x264, &nals, &n, &in, &out);

    if (size <= 0) {
        return 0;
    }

    s->recon.luma = out.img.plane[0];
    s->recon.chroma = out.img.plane[1];
    s->recon.luma_stride_bytes = (size_t) out.img.i_stride[0];
    s->recon.chroma_stride_bytes = (size_t) out.img.i_stride[1];

    memset(au, 0, sizeof(selkies_access_unit_t));
    au->data = nals[0].p_payload;
    au->len = (size_t) size;
    au->kind = out.i_type == X264_TYPE_IDR ? SELKIES_PICTURE_IDR
                                           : SELKIES_PICTURE_P;
    au->qp = qp;

    if (s->scene->recon) {
        au->recon = s->recon;
    }

    return 1;
}


/* What a decoder shows now, from the model. */

static void
stage_model(stage_t *s)
{
    size_t            y, w, h;
    selkies_planes_t  base;

    w = (size_t) s->pic.mb_width * 16;
    h = (size_t) s->pic.mb_height * 16;

    selkies_lite_base(s->lite, &base);

    if (base.luma == NULL) {
        base = s->recon;
    }

    for (y = 0; y < h; y++) {
        memcpy(s->luma + y * w, base.luma + y * base.luma_stride_bytes, w);
    }

    for (y = 0; y < h / 2; y++) {
        memcpy(s->chroma + y * w, base.chroma + y * base.chroma_stride_bytes,
               w);
    }

    selkies_lite_reconstruct(s->lite, s->luma, w, s->chroma, w);
}


static uint64_t
stage_hash(const stage_t *s)
{
    size_t    x, y, k, stride, w, h;
    uint8_t   row[8192];
    uint64_t  hash;

    stride = (size_t) s->pic.mb_width * 16;
    w = (size_t) s->pic.width;
    h = (size_t) s->pic.height;
    hash = 1;

    for (y = 0; y < h; y++) {
        hash = hash_bytes(hash, s->luma + y * stride, w);
    }

    for (k = 0; k < 2; k++) {
        for (y = 0; y < h / 2; y++) {
            for (x = 0; x < w / 2; x++) {
                row[x] = s->chroma[y * stride + x * 2 + k];
            }

            hash = hash_bytes(hash, row, w / 2);
        }
    }

    return hash;
}


/* Of the luma of what changed since the base. */

static void
stage_measure(stage_t *s, const uint8_t *changed)
{
    int      d;
    double   mse;
    size_t   x, y, w, n;

    w = (size_t) s->pic.mb_width * 16;
    mse = 0;
    n = 0;

    /* not in the padding, of which libx264 has its own */

    for (y = 0; y < (size_t) s->pic.height; y++) {
        for (x = 0; x < (size_t) s->pic.width; x++) {

            if (!changed[y / 16 * (w / 16) + x / 16]) {
                continue;
            }

            d = s->luma[y * w + x]
                - s->pic.luma[y * s->pic.luma_stride_bytes + x];
            mse += d * d;
            n++;
        }
    }

    if (n && mse / (double) n > s->worst_mse) {
        s->worst_mse = mse / (double) n;
    }
}


/* pic_order_cnt_lsb, UINT32_MAX if there is none */

static unsigned
stage_poc(const stage_t *s, const uint8_t *nal, size_t len,
    selkies_h264_slice_t *slice)
{
    size_t                 i;
    selkies_h264_reader_t  r;

    if (selkies_h264_parse_slice(nal, len, &s->sps, slice) != SELKIES_OK) {
        return UINT32_MAX;
    }

    selkies_h264_reader_init(&r, nal, len);

    for (i = 0; i < slice->poc_bit; i++) {
        (void) selkies_h264_get(&r, 1);
    }

    return selkies_h264_get(&r, 16);
}


/*
 * Are the headers what decoders stricter than ffmpeg rely on: order counts,
 * frame numbers, what is a reference.
 */

static int
stage_check(stage_t *s, const selkies_access_unit_t *au, stage_kind_t kind)
{
    int                    idr;
    size_t                 len;
    uint8_t                header;
    unsigned               slices;
    const uint8_t         *pos, *nal;
    selkies_h264_slice_t   slice;

    pos = au->data;
    slices = 0;
    header = 0;

    while (selkies_h264_next(&pos, au->data + au->len, &nal, &len)) {

        if ((nal[0] & 31) == SELKIES_H264_NAL_SPS
            && (selkies_h264_parse_sps(nal, len, &s->sps) != SELKIES_OK
                || s->sps.poc_type != 0))
        {
            return 0;
        }

        idr = (nal[0] & 31) == SELKIES_H264_NAL_IDR;

        if (!idr && (nal[0] & 31) != SELKIES_H264_NAL_SLICE) {
            continue;
        }

        if (slices++ == 0) {
            s->poc = idr ? 0 : (s->poc + 2) % 65536;
            header = nal[0];

            if (idr) {
                s->frame_num = 0;

            } else if (header & 0x60 || kind == STAGE_LITE) {
                s->frame_num = (s->frame_num + 1)
                               % (1u << s->sps.frame_num_bits);
            }
        }

        if (stage_poc(s, nal, len, &slice) != s->poc
            || slice.frame_num != s->frame_num
            || nal[0] != header
            || ((header & 0x60) == 0) != (kind == STAGE_LITE))
        {
            return 0;
        }
    }

    /* nothing refers to a lite picture: the next one has its number, too */

    if (kind == STAGE_LITE) {
        s->frame_num = (s->frame_num - 1) % (1u << s->sps.frame_num_bits);
    }

    return kind == STAGE_ANCHOR ? slices > 0 : slices == 1;
}


static void
stage_keep(stage_t *s, const selkies_access_unit_t *au)
{
    if (fwrite(au->data, 1, au->len, s->file) != au->len) {
        return;
    }

    stage_model(s);
    s->hashes[s->nhashes++] = stage_hash(s);
}


static void
stage_counts(stage_t *s, selkies_lite_counts_t *counts)
{
    selkies_lite_counts(s->lite, counts);
    s->counts.skip += counts->skip;
    s->counts.inter += counts->inter;
    s->counts.intra += counts->intra;
    s->counts.pcm += counts->pcm;
    s->counts.moved += counts->moved;
}


/* A lite picture of all that changed. */

static int
stage_lite(stage_t *s, const uint8_t *changed)
{
    size_t                 i, n, pending;
    selkies_access_unit_t  au;
    selkies_lite_counts_t  counts;

    pending = selkies_lite_pending(s->lite, &s->pic);

    if (selkies_lite_picture(s->lite, &s->pic, 5, &au) != SELKIES_OK
        || au.kind != SELKIES_PICTURE_P || au.pts_us != 5
        || !stage_check(s, &au, STAGE_LITE))
    {
        return 0;
    }

    stage_counts(s, &counts);
    s->lites++;

    stage_model(s);
    stage_measure(s, changed);

    n = 0;

    for (i = 0; i < (size_t) s->pic.mb_width * (size_t) s->pic.mb_height; i++)
    {
        n += changed[i];
    }

    if (n != pending
        || counts.skip + counts.inter + counts.intra + counts.pcm != pending)
    {
        return 0;
    }

    if (!s->scene->drop || random_number((uint32_t) s->scene->drop) != 0) {
        stage_keep(s, &au);
    }

    return 1;
}


/* One of the chain, at any price. */

static int
stage_chain(stage_t *s, const uint8_t *changed)
{
    size_t                 pending;
    selkies_access_unit_t  au;
    selkies_lite_counts_t  counts;

    pending = selkies_lite_pending(s->lite, &s->pic);

    if (selkies_lite_chain(s->lite, &s->pic, s->scene->lite_qp, pending, 6,
                           &au)
            != SELKIES_OK
        || au.kind != SELKIES_PICTURE_P || au.pts_us != 6
        || !stage_check(s, &au, STAGE_CHAIN))
    {
        return 0;
    }

    stage_counts(s, &counts);
    s->chained++;
    s->bytes += au.len;

    if (counts.skip + counts.inter + counts.intra + counts.pcm + counts.moved
        > pending)
    {
        return 0;
    }

    stage_model(s);
    stage_measure(s, changed);
    stage_keep(s, &au);

    return 1;
}


/* One picture: 1, or 0 where something failed. */

static int
stage_picture(stage_t *s, stage_kind_t kind, int idr, uint8_t *changed)
{
    int                    done;
    size_t                 i, nmbs;
    selkies_access_unit_t  au;

    nmbs = (size_t) s->pic.mb_width * (size_t) s->pic.mb_height;

    for (i = 0; i < nmbs; i++) {
        changed[i] |= s->pic.dirty[i];
    }

    switch (kind) {

    case STAGE_LITE:
        done = stage_lite(s, changed);
        break;

    case STAGE_CHAIN:
        done = stage_chain(s, changed);
        memset(changed, 0, nmbs);
        break;

    default:
        done = stage_encode(s, 14 + (int) random_number(20), idr, &au)
               && selkies_lite_anchor(s->lite, &au, &au) == SELKIES_OK
               && stage_check(s, &au, STAGE_ANCHOR);

        if (done) {
            stage_keep(s, &au);
        }

        /* without it nothing is known to have moved */

        if (done && s->scene->chain && random_number(8)) {
            selkies_lite_keep(s->lite, &s->pic);
        }

        memset(changed, 0, nmbs);
    }

    selkies_picture_clear_dirty(&s->pic);

    return done;
}


/* ffmpeg decodes the file: complaints, and pictures that differ. */

static void
stage_decode(stage_t *s, const char *path)
{
    char      command[512], line[256];
    FILE     *pipe;
    long      complaints;
    size_t    n, size, wrong, first;
    uint8_t  *frame;

    snprintf(command, sizeof(command),
             "ffmpeg -nostdin -v error -xerror -f h264 -i %s -f rawvideo "
             "-pix_fmt yuv420p -fps_mode passthrough - 2>%s/errors",
             path, temp);

    size = (size_t) s->pic.width * (size_t) s->pic.height * 3 / 2;
    frame = malloc(size);
    pipe = popen(command, "r");

    if (!ok(frame != NULL && pipe != NULL, "%s: ffmpeg starts",
            s->scene->name))
    {
        free(frame);
        return;
    }

    wrong = 0;
    first = 0;

    for (n = 0; fread(frame, 1, size, pipe) == size; n++) {

        if (n < s->nhashes && hash_bytes(1, frame, size) != s->hashes[n]) {
            first = wrong++ ? first : n;
        }
    }

    complaints = pclose(pipe);
    free(frame);

    snprintf(command, sizeof(command), "%s/errors", temp);
    pipe = fopen(command, "r");
    line[0] = '\0';

    if (pipe != NULL) {
        if (fgets(line, sizeof(line), pipe) != NULL) {
            complaints++;
            line[strcspn(line, "\n")] = '\0';
        }

        fclose(pipe);
    }

    unlink(command);

    ok(complaints == 0, "%s: decoded without a complaint %s", s->scene->name,
       line);
    ok(n == s->nhashes, "%s: one out for one in (%zu of %zu)", s->scene->name,
       n, s->nhashes);
    ok(wrong == 0, "%s: every picture bit-exact (%zu differ, first %zu)",
       s->scene->name, wrong, first);
}


#endif /* SELKIES_LITE_STAGE_H_INCLUDED */
