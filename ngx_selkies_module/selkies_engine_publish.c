
/*
 * Copyright (C) ngx_selkies authors
 *
 * How an encoder's packet becomes one websocket message in the ring.
 *
 * Thread: the display thread.  Ownership: the packet's bytes stay the
 * encoder's; they are copied once.
 */


#include <string.h>

#include "selkies_engine_private.h"
#include "selkies_protocol.h"
#include "selkies_websocket.h"


bool
selkies_engine_publish(selkies_engine_t *engine,
    const selkies_engine_packet_t *p)
{
    size_t             header, size;
    uint8_t           *room, *payload, *start;
    selkies_packet_t   packet;
    selkies_stream_t  *stream = engine->conf.stream;

    static const uint8_t  types[] = {
        [SELKIES_PICTURE_IDR] = SELKIES_FRAME_KEY,
        [SELKIES_PICTURE_I] = SELKIES_FRAME_INTRA,
        [SELKIES_PICTURE_P] = SELKIES_FRAME_DELTA
    };

    header = p->codec == SELKIES_CODEC_JPEG ? SELKIES_JPEG_HEADER_BYTES
                                            : SELKIES_VIDEO_HEADER_BYTES;
    size = header + p->len;

    room = selkies_ring_reserve(engine->ring,
                                SELKIES_WEBSOCKET_HEADROOM + size);

    if (room == NULL) {
        selkies_join_drop(engine->join);
        return false;
    }

    payload = room + SELKIES_WEBSOCKET_HEADROOM;

    if (p->codec == SELKIES_CODEC_JPEG) {
        selkies_jpeg_header(payload, p->frame_id, (uint16_t) p->y);

    } else {
        selkies_video_header(payload, types[p->kind], p->frame_id,
                             (uint16_t) p->y, (uint16_t) p->width,
                             (uint16_t) p->height);
    }

    memcpy(payload + header, p->data, p->len);

    start = selkies_websocket_header_before(payload,
                                            SELKIES_WEBSOCKET_BINARY, 1, size);

    memset(&packet, 0, sizeof(selkies_packet_t));

    packet.data = start;
    packet.length_bytes = (uint32_t) (payload + size - start);
    packet.epoch = atomic_load(&stream->engine_epoch);
    packet.flags = (uint16_t) p->flags;
    packet.frame_id = p->frame_id;
    packet.width = (uint16_t) p->width;
    packet.height = (uint16_t) p->picture_height;
    packet.y = (uint16_t) p->y;
    packet.capture_us = p->capture_us;
    packet.encoded_us = selkies_clock_us();

    atomic_fetch_add(&stream->statistics.bytes, p->len);

    selkies_engine_put(engine, &packet);

    return true;
}


void
selkies_engine_put(selkies_engine_t *engine, selkies_packet_t *packet)
{
    packet->twin = 0;

    selkies_join_add(engine->join, packet, selkies_ring_head(engine->ring) + 1);
    selkies_ring_publish(engine->ring, packet);
}


void
selkies_engine_published(selkies_engine_t *engine, uint64_t capture_us)
{
    uint64_t           now;
    selkies_stream_t  *stream = engine->conf.stream;

    now = selkies_clock_us();

    atomic_fetch_add(&stream->statistics.pictures, 1);
    atomic_store(&stream->statistics.encoded_us, now);
    selkies_histogram_add(&stream->statistics.encode, now - capture_us);

    engine->conf.wake(engine->conf.data, engine->index);
    selkies_engine_attend(engine);
}
