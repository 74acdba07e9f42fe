
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A bounded output that counts on past its end: what the formatters of the
 * protocol and of the settings write with.
 *
 * Thread: any; no state but the structure.  Ownership: the buffer is the
 * caller's.
 */


#ifndef SELKIES_OUT_H_INCLUDED
#define SELKIES_OUT_H_INCLUDED


#include <stddef.h>
#include <stdint.h>


#pragma GCC visibility push(hidden)


/* `len` is what all of it needs; beyond `size` nothing is written. */

typedef struct {
    uint8_t    *buf;
    size_t      size;
    size_t      len;
} selkies_out_t;


/* buf may be NULL where size is 0. */

void selkies_out_init(selkies_out_t *out, uint8_t *buf, size_t size);

void selkies_out_bytes(selkies_out_t *out, const void *data, size_t len);
void selkies_out_text(selkies_out_t *out, const char *text);
void selkies_out_int(selkies_out_t *out, int64_t n);
void selkies_out_uint(selkies_out_t *out, uint64_t n);


/*
 * With `digits` (0 ... 6) behind the point, rounded, without the locale.  What
 * is no number becomes 0, what is beyond 1e12 is cut to it.
 */

void selkies_out_fixed(selkies_out_t *out, double number, unsigned digits);


/*
 * A JSON string with its quotes (RFC 8259, clause 7).  Also escaped are < > &
 * and U+2028, U+2029; what is not UTF-8 becomes U+FFFD.
 */

void selkies_out_json(selkies_out_t *out, const void *text, size_t len);


/* The same without the quotes, inside a string that has begun. */

void selkies_out_escape(selkies_out_t *out, const void *text, size_t len);


/*
 * Plain text for a websocket text frame: control characters become spaces,
 * what is not UTF-8 becomes U+FFFD.
 */

void selkies_out_line(selkies_out_t *out, const char *text);

void selkies_out_base64(selkies_out_t *out, const uint8_t *data, size_t len);


#pragma GCC visibility pop


#endif /* SELKIES_OUT_H_INCLUDED */
