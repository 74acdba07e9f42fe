
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Streams of H.264: ours on a websocket and ffmpeg's as FLV, decoded by
 * libavcodec without any picture held back.
 *
 * Thread: the meter's.  Ownership: a decoder lives as long as the process.
 */


#include "meter.h"

#include "stamp.h"

#include <libavcodec/avcodec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define H264_ACK_US       50000
#define H264_STILL_US     1000000
#define H264_VIDEO        0x04
#define H264_HEADER       10
#define H264_FLV_VIDEO    9
#define H264_FLV_HEAD     11
#define H264_FLV_AVC      5
#define H264_MAX          (64u * 1024 * 1024)


struct meter_h264_s {
    AVCodecContext  *context;
    AVPacket        *packet;
    AVFrame         *frame;
};


typedef struct {
    meter_h264_t    *h264;
    unsigned         id;
    unsigned         acked;
    int              claimed;
    uint64_t         acked_us;
} h264_selkies_t;


static void h264_say(meter_t *meter, const char *text);
static void h264_ack(void *data);


meter_h264_t *
meter_h264_create(const uint8_t *extradata, size_t n)
{
    meter_h264_t   *h264;
    const AVCodec  *codec;

    av_log_set_level(AV_LOG_ERROR);

    h264 = calloc(1, sizeof(meter_h264_t));
    codec = avcodec_find_decoder(AV_CODEC_ID_H264);

    if (h264 == NULL || codec == NULL) {
        meter_die("no decoder");
    }

    h264->context = avcodec_alloc_context3(codec);
    h264->packet = av_packet_alloc();
    h264->frame = av_frame_alloc();

    if (h264->context == NULL || h264->packet == NULL || h264->frame == NULL) {
        meter_die("no memory");
    }

    h264->context->thread_count = 1;
    h264->context->flags |= AV_CODEC_FLAG_LOW_DELAY;

    if (extradata != NULL) {
        h264->context->extradata = av_mallocz(n + AV_INPUT_BUFFER_PADDING_SIZE);

        if (h264->context->extradata == NULL) {
            meter_die("no memory");
        }

        memcpy(h264->context->extradata, extradata, n);
        h264->context->extradata_size = (int) n;
    }

    if (avcodec_open2(h264->context, codec, NULL) < 0) {
        meter_die("the decoder does not open");
    }

    return h264;
}


void
meter_h264_decode(meter_h264_t *h264, meter_t *meter, const uint8_t *data,
    size_t n, uint64_t arrived_us)
{
    AVFrame       *frame;
    meter_view_t   view;

    if (av_new_packet(h264->packet, (int) n) < 0) {
        meter_die("no memory");
    }

    memcpy(h264->packet->data, data, n);

    if (avcodec_send_packet(h264->context, h264->packet) < 0) {
        fprintf(stderr, "meter: a packet that does not decode\n");
    }

    av_packet_unref(h264->packet);
    frame = h264->frame;

    /* frees the frame before: the view is good until then */
    while (avcodec_receive_frame(h264->context, frame) == 0) {
        view.p = frame->data[0];
        view.step = 1;
        view.stride = frame->linesize[0];
        view.width = frame->width;
        view.height = frame->height;
        view.matrix = frame->colorspace == AVCOL_SPC_BT709
                      ? METER_BT709 : METER_BT601;
        view.full = frame->color_range == AVCOL_RANGE_JPEG;

        meter_picture(meter, &view, arrived_us);
    }
}


static void
h264_say(meter_t *meter, const char *text)
{
    bench_wire_send(meter->wire, 1, text, strlen(text));
}


/*
 * As the pages do it: the stock one twenty times a second, whether anything
 * came or not, ours where something did, else once a second.
 */

static void
h264_ack(void *data)
{
    int              known;
    char             text[64];
    meter_t         *meter = data;
    uint64_t         now_us;
    h264_selkies_t  *selkies;

    selkies = meter->protocol;
    now_us = bench_clock_us();

    known = meter->options.lite && selkies->id == selkies->acked;

    if (!selkies->claimed
        || now_us - selkies->acked_us < (known ? H264_STILL_US : H264_ACK_US))
    {
        return;
    }

    selkies->acked = selkies->id;
    selkies->acked_us = now_us;
    snprintf(text, sizeof(text), "CLIENT_FRAME_ACK %u", selkies->id);
    h264_say(meter, text);
}


/* A page has its decoder made while it waits for the server. */

void
meter_selkies_prepare(meter_t *meter)
{
    static h264_selkies_t  selkies;

    selkies.h264 = meter_h264_create(NULL, 0);
    meter->protocol = &selkies;
}


void
meter_selkies(meter_t *meter)
{
    char             text[1024];
    size_t           n;
    uint64_t         arrived_us;
    const uint8_t   *data;
    h264_selkies_t  *selkies;

    selkies = meter->protocol;

    if (meter->options.lite) {
        h264_say(meter, "_ext,{\"version\":\"bench\",\"want\":[\"status\","
                        "\"lite\"]}");
    }

    /* what a page sends that nobody has changed */
    snprintf(text, sizeof(text), "SETTINGS,{\"framerate\":60,"
             "\"encoder\":\"x264enc\",\"is_manual_resolution_mode\":false,"
             "\"initialClientWidth\":%d,\"initialClientHeight\":%d,"
             "\"displayId\":\"primary\"}", meter->options.width,
             meter->options.height);
    h264_say(meter, text);
    h264_say(meter, "cr");

    meter->turn = h264_ack;

    for ( ;; ) {
        if (bench_wire_message(meter->wire, &data, &n) != 2
            || n <= H264_HEADER || data[0] != H264_VIDEO)
        {
            if (n > 18 && memcmp(data, "PIPELINE_RESETTING", 18) == 0) {
                selkies->claimed = 0;
            }

            continue;
        }

        arrived_us = bench_wire_arrived_us(meter->wire);
        selkies->id = (unsigned) data[2] << 8 | data[3];
        selkies->claimed = 1;

        /* a picture of the size before ours is none to be measured */
        if ((data[6] << 8 | data[7]) != (meter->options.width & ~1)
            || (data[8] << 8 | data[9]) != (meter->options.height & ~1))
        {
            continue;
        }

        meter_h264_decode(selkies->h264, meter, data + H264_HEADER, n - H264_HEADER,
                          arrived_us);
    }
}


/* Adobe's FLV 10.1, annex E.4: it says how long a picture is. */

void
meter_flv(meter_t *meter)
{
    size_t         n, size;
    uint8_t        head[H264_FLV_HEAD], *body;
    uint64_t       arrived_us;
    meter_h264_t  *h264;

    /* the file's header and the size of no tag before */
    bench_wire_get(meter->wire, head, 9);
    bench_wire_get(meter->wire, head, 4);

    body = NULL;
    size = 0;
    h264 = NULL;

    for ( ;; ) {
        bench_wire_get(meter->wire, head, H264_FLV_HEAD);
        n = (size_t) head[1] << 16 | (size_t) head[2] << 8 | head[3];

        if (n + 4 > size) {
            free(body);
            size = 2 * (n + 4);
            body = malloc(size);
        }

        if (body == NULL || n > H264_MAX) {
            meter_die("no memory");
        }

        /* the four bytes behind are its size again */
        bench_wire_get(meter->wire, body, n);
        arrived_us = bench_wire_arrived_us(meter->wire);
        bench_wire_get(meter->wire, head + 1, 4);

        if (head[0] != H264_FLV_VIDEO || n <= H264_FLV_AVC
            || (body[0] & 0xf) != 7)
        {
            continue;
        }

        if (body[1] == 0) {
            h264 = meter_h264_create(body + H264_FLV_AVC, n - H264_FLV_AVC);

        } else if (body[1] == 1 && h264 != NULL) {
            meter_h264_decode(h264, meter, body + H264_FLV_AVC,
                              n - H264_FLV_AVC, arrived_us);
        }
    }
}
