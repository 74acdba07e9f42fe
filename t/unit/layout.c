
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Where screens lie: at their sides, without a gap to the rectangle before
 * them, never over each other, within the room there is.
 *
 * Thread: the main thread.
 */


#include <string.h>

#include "tap.h"
#define RANDOM_SEED  2463534242u

#include "random.h"
#include "../../ngx_selkies_module/selkies_layout.h"


static int32_t  width, height;


static void
place(selkies_layout_screen_t *screens, size_t n)
{
    selkies_layout(screens, n, 7680, 4320, &width, &height);
}


static int
at(const selkies_layout_screen_t *s, int32_t x, int32_t y)
{
    return s->x == x && s->y == y;
}


static void
test_sides(void)
{
    size_t  i;

    static const struct {
        selkies_side_t  side;
        int32_t         x[2], y[2], width, height;
        const char     *name;
    } sides[] = {
        { SELKIES_SIDE_RIGHT, { 0, 800 }, { 0, 0 }, 1440, 600, "right" },
        { SELKIES_SIDE_LEFT, { 640, 0 }, { 0, 0 }, 1440, 600, "left" },
        { SELKIES_SIDE_DOWN, { 0, 0 }, { 0, 600 }, 800, 1080, "down" },
        { SELKIES_SIDE_UP, { 0, 0 }, { 480, 0 }, 800, 1080, "up" }
    };

    for (i = 0; i < 4; i++) {
        selkies_layout_screen_t  s[2] = {
            { 800, 600, SELKIES_SIDE_LEFT, 9, 9 },
            { 640, 480, sides[i].side, 9, 9 }
        };

        /* the side of the first one says nothing */

        place(s, 2);
        ok(at(&s[0], sides[i].x[0], sides[i].y[0])
           && at(&s[1], sides[i].x[1], sides[i].y[1])
           && width == sides[i].width && height == sides[i].height,
           "a second screen: %s", sides[i].name);
    }
}


static void
test_more(void)
{
    selkies_layout_screen_t  s[4] = {
        { 100, 100, SELKIES_SIDE_RIGHT, 0, 0 },
        { 50, 40, SELKIES_SIDE_RIGHT, 0, 0 },
        { 30, 200, SELKIES_SIDE_LEFT, 0, 0 },
        { 300, 10, SELKIES_SIDE_UP, 0, 0 }
    };

    place(s, 4);
    ok(at(&s[0], 30, 10) && at(&s[1], 130, 10) && at(&s[2], 0, 10)
       && at(&s[3], 0, 0) && width == 300 && height == 210,
       "each at the rectangle around those before it");

    s[0].width = 0;
    s[1].width = 50;
    place(s, 2);
    ok(at(&s[1], 0, 0) && width == 50 && height == 40 && s[0].height == 0,
       "one that is not there takes no room");

    place(s, 0);
    ok(width == 0 && height == 0, "no screens");
}


static void
test_room(void)
{
    selkies_layout_screen_t  s[3] = {
        { 800, 600, SELKIES_SIDE_RIGHT, 0, 0 },
        { 800, 900, SELKIES_SIDE_RIGHT, 0, 0 },
        { 800, 600, SELKIES_SIDE_RIGHT, 0, 0 }
    };

    selkies_layout(s, 3, 1001, 601, &width, &height);
    ok(s[1].width == 200 && s[1].height == 600 && at(&s[1], 800, 0)
       && width == 1000 && height == 600, "less where the room ends");
    ok(s[2].width == 0 && s[2].height == 0, "none where there is none");
}


static void
test_random(void)
{
    int                      good;
    size_t                   i, k, n;
    unsigned                 round;
    selkies_layout_screen_t  s[SELKIES_SCREENS_MAX];

    good = 1;

    for (round = 0; round < 20000 && good; round++) {
        n = 1 + random_number(SELKIES_SCREENS_MAX);

        for (i = 0; i < n; i++) {
            s[i].width = (int32_t) random_number(4000);
            s[i].height = (int32_t) random_number(4000);
            s[i].side = (selkies_side_t) random_number(4);
        }

        place(s, n);
        good = width <= 7680 && height <= 4320;

        for (i = 0; i < n; i++) {
            good &= s[i].x >= 0 && s[i].y >= 0 && s[i].x + s[i].width <= width
                    && s[i].y + s[i].height <= height;

            for (k = 0; k < i && s[i].width && s[k].width; k++) {
                good &= s[i].x + s[i].width <= s[k].x
                        || s[k].x + s[k].width <= s[i].x
                        || s[i].y + s[i].height <= s[k].y
                        || s[k].y + s[k].height <= s[i].y;
            }
        }
    }

    ok(good, "20000 random ones: within the room, none over another");
}


static void
test_names(void)
{
    uint32_t  screen;
    uint64_t  area;

    ok(selkies_screen_find("primary", 7, &screen) && screen == 0
       && selkies_screen_find("display4", 8, &screen) && screen == 3
       && !selkies_screen_find("display5", 8, &screen)
       && !selkies_screen_find("display", 7, &screen)
       && !selkies_screen_find("", 0, &screen), "names");
    ok(strcmp(selkies_screen_name(1), "display2") == 0, "and numbers");

    area = selkies_area_pack(65535, 1, 32768, 40000);
    ok(selkies_area_x(area) == 65535 && selkies_area_y(area) == 1
       && selkies_area_width(area) == 32768
       && selkies_area_height(area) == 40000, "an area in one number");
}


int
main(void)
{
    test_sides();
    test_more();
    test_room();
    test_random();
    test_names();

    return done_testing();
}
