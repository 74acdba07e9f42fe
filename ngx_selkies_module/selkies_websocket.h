
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * RFC 6455, the server's side, over plain buffers: an incremental frame
 * reader, an assembler of messages, writers of frame headers.
 *
 * Thread: the event loop that owns the connection; nothing here is shared.
 * Ownership: the reader owns no memory, the assembler owns its one buffer.
 */


#ifndef SELKIES_WEBSOCKET_H_INCLUDED
#define SELKIES_WEBSOCKET_H_INCLUDED


#include <stddef.h>
#include <stdint.h>


#pragma GCC visibility push(hidden)


/* opcodes, clause 5.2 */

#define SELKIES_WEBSOCKET_CONTINUATION  0x0
#define SELKIES_WEBSOCKET_TEXT          0x1
#define SELKIES_WEBSOCKET_BINARY        0x2
#define SELKIES_WEBSOCKET_CLOSE         0x8
#define SELKIES_WEBSOCKET_PING          0x9
#define SELKIES_WEBSOCKET_PONG          0xa


/* close codes, clause 7.4.1 and its registry; 1005 is never on the wire */

#define SELKIES_CLOSE_NORMAL            1000
#define SELKIES_CLOSE_GOING_AWAY        1001
#define SELKIES_CLOSE_PROTOCOL          1002
#define SELKIES_CLOSE_NO_CODE           1005
#define SELKIES_CLOSE_BAD_DATA          1007
#define SELKIES_CLOSE_POLICY            1008
#define SELKIES_CLOSE_TOO_BIG           1009
#define SELKIES_CLOSE_INTERNAL          1011
#define SELKIES_CLOSE_RESTART           1012


#define SELKIES_WEBSOCKET_CONTROL_MAX   125         /* payload, clause 5.5 */
#define SELKIES_WEBSOCKET_HEADER_MAX    10          /* server frames */
#define SELKIES_WEBSOCKET_HEADROOM      16
#define SELKIES_WEBSOCKET_FRAGMENTS     64          /* per message */

/* a close frame: header, code, reason */
#define SELKIES_WEBSOCKET_CLOSE_MAX     (2 + SELKIES_WEBSOCKET_CONTROL_MAX)


typedef enum {
    SELKIES_WEBSOCKET_AGAIN = 0,            /* all input is consumed */
    SELKIES_WEBSOCKET_EVENT,                /* *event is filled, call again */
    SELKIES_WEBSOCKET_ERROR                 /* event->code is to be sent */
} selkies_websocket_result_t;


typedef enum {
    SELKIES_WEBSOCKET_GOT_DATA = 0,
    SELKIES_WEBSOCKET_GOT_PING,
    SELKIES_WEBSOCKET_GOT_PONG,
    SELKIES_WEBSOCKET_GOT_CLOSE
} selkies_websocket_kind_t;


/*
 * What the reader found.  GOT_DATA is the next piece of a message: `opcode`
 * is the message's (text or binary), `first` and `last` mark its ends, and a
 * piece may be empty.  `data` lies unmasked in the caller's own buffer and is
 * valid as long as those bytes are.  Payloads of control frames (PING, PONG,
 * the reason of CLOSE) lie in the reader and are valid until its next call.
 */

typedef struct {
    selkies_websocket_kind_t   kind;
    uint8_t                    opcode;
    uint8_t                    first;
    uint8_t                    last;
    uint16_t                   code;        /* of CLOSE and of an error */
    uint8_t                   *data;
    size_t                     len;
} selkies_websocket_event_t;


/* The reader's state; treat as private.  Zero-copy, so no buffer but this. */

typedef struct {
    uint64_t                   frame_left;      /* payload to come */
    uint64_t                   frame_bytes;     /* seen, header included */
    uint64_t                   message_bytes;   /* announced by its headers */
    uint64_t                   initial_limit_bytes;
    uint64_t                   limit_bytes;
    uint32_t                   fragments;
    uint32_t                   mask_offset;
    uint8_t                    mask[4];
    uint8_t                    state;
    uint8_t                    opcode;          /* of the frame */
    uint8_t                    fin;
    uint8_t                    message_opcode;  /* 0: no message is open */
    uint8_t                    first;           /* no piece given out yet */
    uint8_t                    utf8_need;
    uint8_t                    utf8_low;
    uint8_t                    utf8_high;
    uint16_t                   error;
    uint8_t                    header_len;
    uint8_t                    header_need;
    uint8_t                    header[14];
    uint8_t                    control_len;
    uint8_t                    control[SELKIES_WEBSOCKET_CONTROL_MAX];
} selkies_websocket_t;


/*
 * Starts a reader.  `limit_bytes` bounds every message until
 * selkies_websocket_limit() says otherwise for the message at hand.
 */

void selkies_websocket_init(selkies_websocket_t *ws, uint64_t limit_bytes);


/*
 * Reads from *pos on, never past `end`, and advances *pos.  Bytes are unmasked
 * in place, so a byte must be given exactly once.  The result is the same
 * however the input is cut: the same messages, control frames and close code
 * (only the cuts between pieces of one message differ).
 *
 * ERROR: event->code is 1002 (protocol), 1007 (text is not UTF-8, found at the
 * first wrong byte), 1008 (fragments) or 1009 (a frame header announces more
 * than the limit; none of its payload was looked at).  After an error and
 * after GOT_CLOSE nothing is processed: input is swallowed, the result is
 * ERROR with the same code, or AGAIN after a close.
 */

selkies_websocket_result_t selkies_websocket_read(selkies_websocket_t *ws,
    uint8_t **pos, uint8_t *end, selkies_websocket_event_t *event);


/*
 * Sets the limit of the message of which a piece was just given out, until it
 * ends.  Returns 0, or 1009 where what its headers announced so far is more;
 * the reader has then failed.
 */

unsigned selkies_websocket_limit(selkies_websocket_t *ws,
    uint64_t limit_bytes);


/*
 * Bytes of the frame under way that have arrived, header included; 0 between
 * frames.  For the deadline of a trickling sender.
 */

uint64_t selkies_websocket_frame_bytes(const selkies_websocket_t *ws);


/* Whether an endpoint may send this close code, clause 7.4. */

int selkies_websocket_close_code_valid(unsigned code);


/*
 * Whether a Sec-WebSocket-Key is 24 characters of canonical base64 that stand
 * for 16 bytes, clause 4.2.1.
 */

int selkies_websocket_key_valid(const uint8_t *key, size_t len);


/*
 * Writes the header of an unmasked frame (2, 4 or 10 bytes) and returns its
 * length.
 */

size_t selkies_websocket_header(uint8_t out[SELKIES_WEBSOCKET_HEADER_MAX],
    unsigned opcode, int fin, uint64_t len);


/*
 * The same, written so that it ends where the payload begins: `payload` must
 * have SELKIES_WEBSOCKET_HEADER_MAX writable bytes before it (packets have
 * SELKIES_WEBSOCKET_HEADROOM).  Returns where the frame starts.
 */

uint8_t *selkies_websocket_header_before(uint8_t *payload, unsigned opcode,
    int fin, uint64_t len);


/*
 * Writes a whole close frame and returns its length.  A code that may not be
 * sent (1005 above all) gives an empty payload.  The reason is cut to 123
 * bytes, never inside a UTF-8 sequence; reason_len 0: none.
 */

size_t selkies_websocket_close(uint8_t out[SELKIES_WEBSOCKET_CLOSE_MAX],
    unsigned code, const char *reason, size_t reason_len);


/*
 * Whether the bytes are well-formed UTF-8 (Unicode 3.9: no overlong forms, no
 * surrogates, nothing above U+10FFFF).
 */

int selkies_websocket_utf8(const uint8_t *data, size_t len);


/*
 * Assembles messages.  A message that arrives in one piece is not copied: it
 * is looked at where it lies, inside the read buffer.
 */

typedef struct {
    uint8_t                   *data;            /* the message, when whole */
    size_t                     len;
    int                        binary;

    uint8_t                   *buffer;          /* private from here on */
    size_t                     size;
    uint8_t                    limited;
} selkies_message_t;


/*
 * The byte limit of the message that begins with `data`.  Where the bytes do
 * not tell yet, *need_more is set to 1 and the value is not used.  What it
 * says for some bytes must not change with more of them.
 */

typedef size_t (*selkies_message_limit_pt)(const uint8_t *data, size_t len,
    int binary, int *need_more);


/* A zeroed structure is an empty assembler too. */

void selkies_message_init(selkies_message_t *m);


/*
 * Adds a GOT_DATA event.  Returns 1 when the message is whole (m->data, m->len
 * and m->binary hold it, until selkies_message_next(), and for a message of
 * one piece only as long as the read buffer stands), 0 when more must come,
 * or the close code to send: 1009, or 1011 when memory is out.  The buffer
 * grows by doubling with what has arrived, never by what a header announces,
 * and never past the limit.
 */

unsigned selkies_message_add(selkies_message_t *m, selkies_websocket_t *ws,
    const selkies_websocket_event_t *event, selkies_message_limit_pt limit);


/* Done with the message: what a large one needed is given back. */

void selkies_message_next(selkies_message_t *m);


/* Frees all; m is an empty assembler again. */

void selkies_message_free(selkies_message_t *m);


#pragma GCC visibility pop


#endif /* SELKIES_WEBSOCKET_H_INCLUDED */
