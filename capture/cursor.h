
/*
 * Copyright (C) ngx_selkies authors
 *
 * An X cursor's pixels become a small PNG (protocol.md 10).
 *
 * Thread: any, no state.  Ownership: stated per function.
 */


#ifndef SELKIES_CURSOR_H_INCLUDED
#define SELKIES_CURSOR_H_INCLUDED


#include "capture.h"
#include "desktop.h"


#pragma GCC visibility push(hidden)


/*
 * Fills in all but the serial, which becomes 0 when nothing of the cursor is
 * visible and 1 otherwise.  pixels are width x height premultiplied ARGB in
 * the low 32 bits of each long, as XFixes hands them out.  The result is cut
 * to what is visible and the hot spot, made to fit SELKIES_CURSOR_SIZE_MAX,
 * and not premultiplied.  The PNG is written to buffer, of
 * SELKIES_CURSOR_PNG_MAX bytes, the caller's.  OK or ERROR.
 */

selkies_status_t selkies_cursor_encode(selkies_cursor_t *cursor,
    const unsigned long *pixels, uint32_t width, uint32_t height,
    uint32_t hot_x, uint32_t hot_y, uint8_t *buffer);


#pragma GCC visibility pop


#endif /* SELKIES_CURSOR_H_INCLUDED */
