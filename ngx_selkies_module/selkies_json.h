
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * JSON from a client, bounded before a parser sees it; shared by the protocol
 * and the settings.
 *
 * Thread: any.  Ownership: the caller's, json_decref().
 */


#ifndef SELKIES_JSON_H_INCLUDED
#define SELKIES_JSON_H_INCLUDED


#include <stddef.h>
#include <stdint.h>

#include <jansson.h>


#pragma GCC visibility push(hidden)


#define SELKIES_JSON_BYTES      65536
#define SELKIES_JSON_DEPTH      8


/* An object of bounded size and depth, or NULL. */

json_t *selkies_json_object(const uint8_t *data, size_t len);


/* The names of SELKIES_EXT_ bits by number; NULL past the last. */

const char *selkies_ext_name(size_t bit);


#pragma GCC visibility pop


#endif /* SELKIES_JSON_H_INCLUDED */
