
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * capture/rects.c: rectangles are cut, and a short list covers a long one.
 *
 * Thread: the main thread.
 */


#include "tap.h"
#include "../../capture/rects.h"


static void
test_rects(void)
{
    size_t          n;
    selkies_rect_t  rects[2], rect;

    rect = (selkies_rect_t) { -5, -5, 10, 10 };
    ok(selkies_rect_clip(&rect, 100, 100) && rect.x == 0 && rect.y == 0
       && rect.width == 5 && rect.height == 5, "clip at the corner");
    rect = (selkies_rect_t) { 100, 0, 10, 10 };
    ok(!selkies_rect_clip(&rect, 100, 100), "clip outside");
    rect = (selkies_rect_t) { INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX };
    ok(!selkies_rect_clip(&rect, 100, 100), "clip without overflow");

    n = 0;
    selkies_rects_add(rects, &n, 2, &(selkies_rect_t) { 0, 0, 10, 10 });
    selkies_rects_add(rects, &n, 2, &(selkies_rect_t) { 2, 2, 3, 3 });
    ok(n == 1, "a covered rectangle is not added");
    selkies_rects_add(rects, &n, 2, &(selkies_rect_t) { 50, 50, 10, 10 });
    selkies_rects_add(rects, &n, 2, &(selkies_rect_t) { 12, 0, 10, 10 });
    ok(n == 2 && rects[0].width == 22 && rects[0].height == 10
       && rects[1].x == 50, "a full list grows where it costs least");
}


int
main(void)
{
    test_rects();

    return done_testing();
}
