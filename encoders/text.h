
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * Where text was seen: blocks of luma samples by what is in them, so that a
 * glyph of a new line is found in an older one.  Only a hint: what is found
 * has to be compared.
 *
 * Thread: a state belongs to one thread at a time.  Ownership: stated below.
 */


#ifndef SELKIES_TEXT_H_INCLUDED
#define SELKIES_TEXT_H_INCLUDED


#include <stddef.h>
#include <stdint.h>

#include "encoder.h"
#include "motion.h"


#define SELKIES_TEXT_PLACES  8          /* at most of one block */


/* What has a key of its own: 8x8, its halves of 8x4 and of 4x8. */

#define SELKIES_TEXT_WHOLE   0
#define SELKIES_TEXT_UPPER   1
#define SELKIES_TEXT_LOWER   2
#define SELKIES_TEXT_LEFT    3
#define SELKIES_TEXT_RIGHT   4
#define SELKIES_TEXT_SHAPES  5


#pragma GCC visibility push(hidden)


typedef struct selkies_text_s  selkies_text_t;


/* NULL if there is no memory; NULL may be closed. */

selkies_text_t *selkies_text_open(void);
void selkies_text_close(selkies_text_t *text);


/* All of it moved: what is at a place was at the place plus the vector. */

void selkies_text_move(selkies_text_t *text, selkies_vector_t v);


/*
 * Learns the blocks of 8x8, 8x4 and 4x8 samples that lie in the 8 rows from y
 * on and begin at any column from left to right, which are in the planes with
 * 8 more beside them; but for those that are flat.
 */

void selkies_text_learn(selkies_text_t *text, const selkies_planes_t *planes,
    size_t left, size_t right, size_t y);


/*
 * Keys of the block of 8x8 samples at x, y and of its halves, for which the
 * table is asked ahead: what follows within the next hundred instructions waits
 * less.
 */

void selkies_text_ask(const selkies_text_t *text,
    const selkies_planes_t *planes, size_t x, size_t y,
    uint64_t keys[SELKIES_TEXT_SHAPES]);


/*
 * Vectors from the block at x, y, which has that key, to where the same was
 * last seen, the latest first; returns how many.
 */

size_t selkies_text_find(const selkies_text_t *text, uint64_t key, size_t x,
    size_t y, selkies_vector_t places[SELKIES_TEXT_PLACES]);


/* One of the vectors that were found is right; so such are learned more of. */

void selkies_text_used(selkies_text_t *text, selkies_vector_t v);


#pragma GCC visibility pop


#endif /* SELKIES_TEXT_H_INCLUDED */
