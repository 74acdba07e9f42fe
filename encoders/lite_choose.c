
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * The vectors of a macroblock of which something is new.  Quadrants, or halves
 * of them, that are somewhere on the screen already need no residual: a line of
 * text that scrolls in is made of glyphs of older ones.  Of vectors that do,
 * the one that takes the fewest bits is taken.
 *
 * Thread: one at a time.  Ownership: lite_private.h.
 */


#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lite_chain.h"
#include "text.h"
#include "transform.h"


#define SELKIES_LITE_CANDIDATES  8
#define SELKIES_LITE_CHEAP       24         /* bits: no more is looked for */
#define SELKIES_LITE_ENOUGH      26         /* bits of a quadrant: its halves
                                               hardly take fewer */
#define SELKIES_LITE_HALVES      4          /* bits of sub_mb_type more */
#define SELKIES_LITE_TWO         2          /* bits of mb_type more */
#define SELKIES_LITE_BELOW       12         /* bits, and as many of others */
#define SELKIES_LITE_NOWHERE     65536      /* bits: not found */
#define SELKIES_LITE_SPLIT_COST  32         /* in differences of samples */
#define SELKIES_LITE_ROWS        8          /* of blocks, to be learned */
#define SELKIES_LITE_OLDER       2          /* lines of text, too */


typedef struct {
    unsigned                 half;          /* sub_mb_type */
    unsigned                 bits;          /* NOWHERE or more: not all of it
                                               is explained */
    selkies_vector_t         v[2];
} selkies_lite_choice_t;


static void selkies_lite_choose_ask(selkies_lite_chain_t *c);
static int selkies_lite_choose_large(selkies_lite_chain_t *c, size_t mb_x,
    size_t mb_y);
static unsigned selkies_lite_choose_parts(selkies_lite_chain_t *c, size_t mb_x,
    size_t mb_y, unsigned shape, selkies_vector_t v[2]);
static unsigned selkies_lite_choose_part(selkies_lite_chain_t *c,
    size_t x, size_t y, size_t width, size_t height, selkies_vector_t pred,
    selkies_vector_t *v);
static int selkies_lite_choose_quadrant(selkies_lite_chain_t *c, size_t x,
    size_t y, unsigned quadrant);
static void selkies_lite_choose_closest(selkies_lite_chain_t *c, size_t x,
    size_t y, selkies_lite_choice_t *choice);
static void selkies_lite_choose_halves(selkies_lite_chain_t *c, size_t x,
    size_t y, unsigned half, selkies_lite_choice_t *choice);
static unsigned selkies_lite_choose_find(selkies_lite_chain_t *c, size_t x,
    size_t y, size_t width, size_t height, selkies_vector_t *v);
static unsigned selkies_lite_choose_seen(selkies_lite_chain_t *c, size_t x,
    size_t y, size_t width, size_t height, selkies_vector_t *seen, size_t n,
    unsigned best, selkies_vector_t pred, selkies_vector_t *v);
static int selkies_lite_choose_plain(const selkies_lite_chain_t *c, size_t x,
    size_t y, size_t width, size_t height);
static size_t selkies_lite_choose_shape(size_t x, size_t y, size_t width,
    size_t height);
static unsigned selkies_lite_choose_try(selkies_lite_chain_t *c, size_t x,
    size_t y, size_t width, size_t height, const selkies_lite_trial_t *trial,
    selkies_vector_t tried, unsigned best, selkies_vector_t pred,
    selkies_vector_t *v);
static size_t selkies_lite_choose_list(const selkies_lite_chain_t *c,
    size_t x, size_t y, selkies_vector_t pred,
    selkies_vector_t list[SELKIES_LITE_CANDIDATES]);
static inline size_t selkies_lite_choose_add(selkies_vector_t *list, size_t n,
    selkies_vector_t v);
static unsigned selkies_lite_choose_nearest(selkies_lite_chain_t *c, size_t x,
    size_t y, size_t width, size_t height, selkies_vector_t *v);
static void selkies_lite_choose_set(selkies_lite_chain_t *c, unsigned quadrant,
    const selkies_lite_choice_t *choice);


unsigned
selkies_lite_choose(selkies_lite_chain_t *c, size_t mb_x, size_t mb_y)
{
    size_t    x, y;
    unsigned  i, open;

    memset(c->vectors, 0, sizeof(c->vectors));
    memset(c->halves, SELKIES_LITE_8X8, sizeof(c->halves));

    if (selkies_vector_equal(c->moved, selkies_lite_zero) && c->pitch == 0) {
        return SELKIES_LITE_WHOLE;
    }

    selkies_lite_trial_begin(c, mb_x, mb_y);

    if (selkies_lite_choose_large(c, mb_x, mb_y)) {
        return 0;
    }

    open = 0;

    if (c->pitch != 0 && c->lite->text != NULL) {
        selkies_lite_choose_ask(c);
    }

    for (i = 0; i < 4; i++) {

        x = mb_x * 16 + i % 2 * 8;
        y = mb_y * 16 + i / 2 * 8;

        if (!selkies_lite_choose_quadrant(c, x, y, i)) {
            open |= 1u << i;
        }
    }

    return open;
}


/* What the text of a macroblock will be looked up by. */

static void
selkies_lite_choose_ask(selkies_lite_chain_t *c)
{
    size_t            i;
    selkies_vector_t  v;

    for (i = 0; i < 4; i++) {
        selkies_text_ask(c->lite->text, &c->pair.now, c->x * 16 + i % 2 * 8,
                         c->y * 16 + i / 2 * 8, c->keys[i]);
    }

    for (i = 0; i < SELKIES_LITE_LINES; i++) {
        v.x = 0;
        v.y = (int16_t) (c->pitch * (int) (i / 2 + 1) * (i % 2 ? 1 : -1));
        c->lines[i] = abs(v.y) <= SELKIES_MOTION_Y_MAX
                      ? selkies_lite_trial(c, v) : NULL;
    }
}


/*
 * Whether the macroblock, or each of its halves, is what a vector brings: so
 * are most at the edge of a window, and that takes the fewest bits.
 */

static int
selkies_lite_choose_large(selkies_lite_chain_t *c, size_t mb_x, size_t mb_y)
{
    unsigned          i, shape, bits, best;
    selkies_vector_t  v[2];

    best = SELKIES_LITE_NOWHERE;

    for (shape = SELKIES_LITE_P_16X16; shape <= SELKIES_LITE_P_8X16; shape++) {

        if (best <= SELKIES_LITE_TWO + 4) {
            break;
        }

        bits = selkies_lite_choose_parts(c, mb_x, mb_y, shape, v);

        if (bits >= best) {
            continue;
        }

        best = bits;

        for (i = 0; i < 16; i++) {
            c->vectors[i] = v[shape == SELKIES_LITE_P_8X16 ? i % 4 / 2
                                                           : i / 8];
        }
    }

    return best < SELKIES_LITE_NOWHERE;
}


/* Vectors of one partition or two, and what they take; NOWHERE or more. */

static unsigned
selkies_lite_choose_parts(selkies_lite_chain_t *c, size_t mb_x, size_t mb_y,
    unsigned shape, selkies_vector_t v[2])
{
    size_t            x, y;
    unsigned          half, bits;
    selkies_vector_t  pred;

    x = mb_x * 16;
    y = mb_y * 16;

    if (shape == SELKIES_LITE_P_16X16) {
        pred = selkies_vector_predict(&c->grid, mb_x * 4, 0, 4);
        bits = selkies_lite_choose_part(c, x, y, 16, 16, pred, v);
        v[1] = v[0];
        return bits;
    }

    half = shape == SELKIES_LITE_P_16X8 ? SELKIES_VECTOR_UPPER
                                        : SELKIES_VECTOR_LEFT;

    pred = selkies_vector_predict_half(&c->grid, mb_x, half);
    bits = shape == SELKIES_LITE_P_16X8
           ? selkies_lite_choose_part(c, x, y, 16, 8, pred, &v[0])
           : selkies_lite_choose_part(c, x, y, 8, 16, pred, &v[0]);

    if (bits >= SELKIES_LITE_NOWHERE) {
        return bits;
    }

    selkies_vector_set_half(&c->grid, mb_x, half, v[0]);

    pred = selkies_vector_predict_half(&c->grid, mb_x, half + 1);
    bits += shape == SELKIES_LITE_P_16X8
            ? selkies_lite_choose_part(c, x, y + 8, 16, 8, pred, &v[1])
            : selkies_lite_choose_part(c, x + 8, y, 8, 16, pred, &v[1]);

    return bits + SELKIES_LITE_TWO;
}


/* The vector of fewest bits that explains the part, or nearly so. */

static unsigned
selkies_lite_choose_part(selkies_lite_chain_t *c, size_t x, size_t y,
    size_t width, size_t height, selkies_vector_t pred, selkies_vector_t *v)
{
    size_t                 i, n, below;
    unsigned               bits, best;
    const selkies_lite_t  *lite;
    selkies_vector_t       list[SELKIES_LITE_CANDIDATES];

    lite = c->lite;
    n = selkies_lite_choose_list(c, x, y, pred, list);

    /* of a window that is dragged aside an edge may stay */

    if (c->moved.x != 0 && c->moved.y != 0) {
        n = selkies_lite_choose_add(list, n,
                                    (selkies_vector_t) { c->moved.x, 0 });
        n = selkies_lite_choose_add(list, n,
                                    (selkies_vector_t) { 0, c->moved.y });
    }

    /* what is below will be predicted from it */

    below = (y / 16 + 1) * lite->mb_width + x / 16;

    if (y % 16 + height < 16 || below >= lite->nmbs
        || lite->plans[below] != SELKIES_LITE_MOVE)
    {
        below = 0;
    }

    best = SELKIES_LITE_NOWHERE;

    for (i = 0; i < n; i++) {

        bits = selkies_vector_bits(list[i], pred);

        if (below != 0 && !selkies_vector_equal(list[i], c->moved)) {
            bits += SELKIES_LITE_BELOW;
        }

        if (bits < best
            && (selkies_lite_trial_matches(c, x, y, width, height, list[i])
                || (c->nearly
                    && selkies_lite_trial_nearly(c, x, y, width, height,
                                                 list[i]))))
        {
            best = bits;
            *v = list[i];
        }
    }

    return best;
}


/* Whether something explains it. */

static int
selkies_lite_choose_quadrant(selkies_lite_chain_t *c, size_t x, size_t y,
    unsigned quadrant)
{
    unsigned                half;
    selkies_lite_choice_t   best, tried;

    best.half = SELKIES_LITE_8X8;
    best.bits = selkies_lite_choose_find(c, x, y, 8, 8, &best.v[0]);
    best.v[1] = best.v[0];

    for (half = SELKIES_LITE_8X4; half <= SELKIES_LITE_4X8; half++) {

        if (best.bits <= SELKIES_LITE_ENOUGH) {
            break;
        }

        selkies_lite_choose_halves(c, x, y, half, &tried);

        if (tried.bits < best.bits) {
            best = tried;
        }
    }

    if (best.bits >= SELKIES_LITE_NOWHERE) {
        selkies_lite_choose_closest(c, x, y, &best);
    }

    selkies_lite_choose_set(c, quadrant, &best);

    return best.bits < SELKIES_LITE_NOWHERE;
}


/* What explains the halves of a quadrant. */

static void
selkies_lite_choose_halves(selkies_lite_chain_t *c, size_t x, size_t y,
    unsigned half, selkies_lite_choice_t *choice)
{
    size_t  i, width, height;

    width = half == SELKIES_LITE_4X8 ? 4 : 8;
    height = half == SELKIES_LITE_8X4 ? 4 : 8;

    choice->half = half;
    choice->bits = SELKIES_LITE_HALVES;

    for (i = 0; i < 2; i++) {

        choice->bits += selkies_lite_choose_find(c, x, y, width, height,
                                                 &choice->v[i]);

        if (choice->bits >= SELKIES_LITE_NOWHERE) {
            return;
        }

        selkies_vector_set(&c->grid, x / 4, y / 4 % 4, width / 4, height / 4,
                           choice->v[i]);
        x += 8 - width;
        y += 8 - height;
    }
}


/*
 * Nothing explains the quadrant: what is nearest to it, or one half that is
 * explained and what is nearest to the other one.
 */

static void
selkies_lite_choose_closest(selkies_lite_chain_t *c, size_t x, size_t y,
    selkies_lite_choice_t *choice)
{
    size_t                 i, width, height, left, top;
    unsigned               sum, least, found;
    selkies_lite_choice_t  tried;

    if (c->pitch != 0) {
        c->lite->rows[y / 8] = 1;
    }

    tried.bits = SELKIES_LITE_NOWHERE;
    tried.half = SELKIES_LITE_8X8;
    least = selkies_lite_choose_nearest(c, x, y, 8, 8, &tried.v[0]);
    tried.v[1] = tried.v[0];
    *choice = tried;

    for (tried.half = SELKIES_LITE_8X4; tried.half <= SELKIES_LITE_4X8;
         tried.half++)
    {
        width = tried.half == SELKIES_LITE_4X8 ? 4 : 8;
        height = tried.half == SELKIES_LITE_8X4 ? 4 : 8;
        sum = SELKIES_LITE_SPLIT_COST;
        found = 0;

        for (i = 0; i < 2; i++) {

            left = x + i * (8 - width);
            top = y + i * (8 - height);

            if (selkies_lite_choose_find(c, left, top, width, height,
                                         &tried.v[i])
                < SELKIES_LITE_NOWHERE)
            {
                found = 1;

            } else {
                sum += selkies_lite_choose_nearest(c, left, top, width, height,
                                                   &tried.v[i]);
            }

            selkies_vector_set(&c->grid, left / 4, top / 4 % 4, width / 4,
                               height / 4, tried.v[i]);
        }

        /* without, the whole is as good */

        if (found && sum < least) {
            least = sum;
            *choice = tried;
        }
    }
}


/* The vector of fewest bits that explains the block; its bits. */

static unsigned
selkies_lite_choose_find(selkies_lite_chain_t *c, size_t x, size_t y,
    size_t width, size_t height, selkies_vector_t *v)
{
    size_t                       i, n;
    unsigned                     best, known, blocks;
    selkies_vector_t             pred;
    selkies_vector_t             list[SELKIES_LITE_CANDIDATES];
    selkies_vector_t             seen[SELKIES_TEXT_PLACES];
    const selkies_lite_trial_t  *trial;

    pred = selkies_vector_predict(&c->grid, x / 4, y / 4 % 4, width / 4);
    n = selkies_lite_choose_list(c, x, y, pred, list);
    blocks = selkies_lite_trial_blocks(x, y, width, height);
    best = SELKIES_LITE_NOWHERE;
    *v = pred;

    for (i = 0; i < n; i++) {

        trial = selkies_lite_trial(c, list[i]);

        if (trial == NULL || (trial->luma & blocks) == 0) {
            best = selkies_lite_choose_try(c, x, y, width, height, trial,
                                           list[i], best, pred, v);
        }
    }

    if (c->pitch == 0 || c->lite->text == NULL
        || best <= SELKIES_LITE_CHEAP)
    {
        return best;
    }

    n = selkies_text_find(c->lite->text,
                          c->keys[y / 8 % 2 * 2 + x / 8 % 2]
                                 [selkies_lite_choose_shape(x, y, width,
                                                            height)],
                          x, y, seen);

    if (n == 0 && !selkies_lite_choose_plain(c, x, y, width, height)) {
        return best;
    }

    known = best;

    best = selkies_lite_choose_seen(c, x, y, width, height, seen, n, best,
                                    pred, v);

    if (best < known) {
        c->lite->rows[y / 8] = 1;
        selkies_text_used(c->lite->text, *v);
    }

    /* what was seen somewhere may be straight above or below as well */

    for (i = 0; i < SELKIES_LITE_LINES; i++) {
        if (c->lines[i] != NULL && (c->lines[i]->luma & blocks) == 0) {
            best = selkies_lite_choose_try(c, x, y, width, height, c->lines[i],
                                           c->lines[i]->v, best, pred, v);
        }
    }

    return best;
}


/*
 * Of n places where it may have been seen, which lie anywhere in memory: the
 * one of the fewest bits is looked at first, and as a rule no other.
 */

static unsigned
selkies_lite_choose_seen(selkies_lite_chain_t *c, size_t x, size_t y,
    size_t width, size_t height, selkies_vector_t *seen, size_t n,
    unsigned best, selkies_vector_t pred, selkies_vector_t *v)
{
    size_t    i, k;
    unsigned  found, bits[SELKIES_TEXT_PLACES];

    for (i = 0; i < n; i++) {
        bits[i] = selkies_vector_bits(seen[i], pred);
    }

    for ( /* void */ ; n > 0; n--) {

        for (i = 1, k = 0; i < n; i++) {
            k = bits[i] < bits[k] ? i : k;
        }

        found = selkies_lite_choose_try(c, x, y, width, height, NULL, seen[k],
                                        best, pred, v);

        if (found < best || bits[k] >= best) {
            return found;
        }

        seen[k] = seen[n - 1];
        bits[k] = bits[n - 1];
    }

    return best;
}


/* Of a quadrant's part. */

static size_t
selkies_lite_choose_shape(size_t x, size_t y, size_t width, size_t height)
{
    if (width == 4) {
        return x % 8 ? SELKIES_TEXT_RIGHT : SELKIES_TEXT_LEFT;
    }

    if (height == 4) {
        return y % 8 ? SELKIES_TEXT_LOWER : SELKIES_TEXT_UPPER;
    }

    return SELKIES_TEXT_WHOLE;
}


/* Whether each row is of one colour: of that nothing is learned. */

static int
selkies_lite_choose_plain(const selkies_lite_chain_t *c, size_t x, size_t y,
    size_t width, size_t height)
{
    const uint8_t  *row;

    row = c->pic->luma + y * c->pic->luma_stride_bytes + x;

    for ( /* void */ ; height > 0; height--) {

        if (memcmp(row, row + 1, width - 1) != 0) {
            return 0;
        }

        row += c->pic->luma_stride_bytes;
    }

    return 1;
}


/*
 * The vector if it explains the block and takes less than the best one.  The
 * trial is the vector's, if there is one.
 */

static unsigned
selkies_lite_choose_try(selkies_lite_chain_t *c, size_t x, size_t y,
    size_t width, size_t height, const selkies_lite_trial_t *trial,
    selkies_vector_t tried, unsigned best, selkies_vector_t pred,
    selkies_vector_t *v)
{
    int       matches;
    unsigned  bits;

    bits = selkies_vector_bits(tried, pred);

    if (bits >= best
        || abs(tried.x) > SELKIES_MOTION_X_MAX
        || abs(tried.y) > SELKIES_MOTION_Y_MAX)
    {
        return best;
    }

    matches = trial != NULL
              ? selkies_lite_trial_matches(c, x, y, width, height, tried)
              : selkies_lite_plan_matches(c->lite, &c->pair, x, y, width,
                                          height, tried);

    if (!matches) {
        return best;
    }

    *v = tried;

    return bits;
}


/* The prediction and what is likely besides, each once. */

static size_t
selkies_lite_choose_list(const selkies_lite_chain_t *c, size_t x, size_t y,
    selkies_vector_t pred, selkies_vector_t list[SELKIES_LITE_CANDIDATES])
{
    size_t                   n;
    const selkies_vector_t  *block;

    list[0] = pred;
    n = selkies_lite_choose_add(list, 1, selkies_lite_zero);
    n = selkies_lite_choose_add(list, n, c->moved);
    n = selkies_lite_choose_add(list, n, c->second);

    block = selkies_vector_block(&c->grid, x / 4, y / 4 % 4);

    if (x > 0 && block[-1].x != SELKIES_VECTOR_NONE) {
        n = selkies_lite_choose_add(list, n, block[-1]);
    }

    if (y > 0 && block[-(ptrdiff_t) c->grid.width].x != SELKIES_VECTOR_NONE) {
        n = selkies_lite_choose_add(list, n,
                                    block[-(ptrdiff_t) c->grid.width]);
    }

    return n;
}


static inline size_t
selkies_lite_choose_add(selkies_vector_t *list, size_t n, selkies_vector_t v)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (selkies_vector_equal(list[i], v)) {
            return n;
        }
    }

    list[n] = v;

    return n + 1;
}


/*
 * Nothing explains the block: what is nearest to it, how near.  A bit is worth
 * as much of a difference as the quantiser leaves.
 */

static unsigned
selkies_lite_choose_nearest(selkies_lite_chain_t *c, size_t x, size_t y,
    size_t width, size_t height, selkies_vector_t *v)
{
    size_t            i, n;
    unsigned          sum, least, worth;
    selkies_vector_t  pred;
    selkies_vector_t  list[SELKIES_LITE_CANDIDATES];

    pred = selkies_vector_predict(&c->grid, x / 4, y / 4 % 4, width / 4);
    n = selkies_lite_choose_list(c, x, y, pred, list);
    worth = (unsigned) selkies_transform_step(c->qp);
    least = UINT32_MAX;
    *v = pred;

    for (i = 0; i < n; i++) {

        sum = selkies_lite_trial_differ(c, x, y, width, height, list[i])
              + selkies_vector_bits(list[i], pred) * worth / 3;

        if (sum < least) {
            least = sum;
            *v = list[i];
        }
    }

    return least;
}


/* A quadrant's vectors, in the grid, too, for the next ones. */

static void
selkies_lite_choose_set(selkies_lite_chain_t *c, unsigned quadrant,
    const selkies_lite_choice_t *choice)
{
    size_t             i, x, y;
    selkies_vector_t  *to;

    x = quadrant % 2 * 2;
    y = quadrant / 2 * 2;
    to = c->vectors + y * 4 + x;
    c->halves[quadrant] = (uint8_t) choice->half;

    to[0] = choice->v[0];
    to[1] = choice->v[choice->half == SELKIES_LITE_4X8];
    to[4] = choice->v[choice->half == SELKIES_LITE_8X4];
    to[5] = choice->v[1];

    for (i = 0; i < 4; i++) {
        selkies_vector_set(&c->grid, c->x * 4 + x + i % 2, y + i / 2, 1, 1,
                           to[i / 2 * 4 + i % 2]);
    }
}


/*
 * The rows in which text was looked for, and some of the older lines, until all
 * of them are known.
 */

void
selkies_lite_choose_learn(selkies_lite_chain_t *c)
{
    int                     line;
    long                    at;
    size_t                  y, n, right;
    selkies_lite_t         *lite;
    const selkies_area_t   *area;

    lite = c->lite;

    if (lite->text == NULL) {
        return;
    }

    selkies_text_move(lite->text, c->moved);

    if (c->pitch == 0) {
        return;
    }

    if (c->pitch != lite->pitch) {
        lite->pitch = c->pitch;
        lite->lines = 0;
    }

    area = &lite->area;
    right = area->right * 16;

    if (right + 7 > (size_t) lite->mb_width * 16) {
        right = (size_t) lite->mb_width * 16 - 7;
    }

    n = 0;

    for (y = area->top * 2; y < area->bottom * 2; y++) {

        if (!lite->rows[y] || n++ >= SELKIES_LITE_ROWS) {
            continue;
        }

        for (line = 0; line <= SELKIES_LITE_OLDER; line++) {

            at = (long) y * 8 - c->pitch * (line ? lite->lines + line : 0);

            if (at >= (long) area->top * 16
                && at + 8 <= (long) area->bottom * 16)
            {
                selkies_text_learn(lite->text, &c->pair.now, area->left * 16,
                                   right, (size_t) at);
            }
        }
    }

    if (n > 0) {
        lite->lines += SELKIES_LITE_OLDER + 1;
    }

    memset(lite->rows, 0, (size_t) lite->sps.mb_height * 2);
}
