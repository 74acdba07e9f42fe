
/*
 * Copyright (C) ngx_selkies authors
 *
 * See selkies_layout.h.
 */


#include <string.h>

#include "selkies_layout.h"


static const char *const  selkies_screen_names[SELKIES_SCREENS_MAX] = {
    "primary", "display2", "display3", "display4"
};


static int32_t
selkies_layout_fit(int32_t wanted, int32_t room)
{
    return wanted <= room ? wanted : room & ~1;
}


void
selkies_layout(selkies_layout_screen_t *screens, size_t n, int32_t max_width,
    int32_t max_height, int32_t *width, int32_t *height)
{
    bool                      beside;
    size_t                    i, k;
    int32_t                   all_width, all_height, shift_x, shift_y;
    selkies_layout_screen_t  *screen;

    all_width = 0;
    all_height = 0;

    for (i = 0; i < n; i++) {
        screen = &screens[i];
        screen->x = 0;
        screen->y = 0;

        if (screen->width <= 0 || screen->height <= 0) {
            screen->width = 0;
            screen->height = 0;
            continue;
        }

        beside = screen->side == SELKIES_SIDE_RIGHT
                 || screen->side == SELKIES_SIDE_LEFT;

        screen->width = selkies_layout_fit(screen->width, beside
                                           ? max_width - all_width
                                           : max_width);
        screen->height = selkies_layout_fit(screen->height, beside
                                            ? max_height
                                            : max_height - all_height);

        if (screen->width < 2 || screen->height < 2) {
            screen->width = 0;
            screen->height = 0;
            continue;
        }

        shift_x = 0;
        shift_y = 0;

        switch (screen->side) {

        case SELKIES_SIDE_RIGHT:
            screen->x = all_width;
            break;

        case SELKIES_SIDE_LEFT:
            shift_x = screen->width;
            break;

        case SELKIES_SIDE_DOWN:
            screen->y = all_height;
            break;

        case SELKIES_SIDE_UP:
            shift_y = screen->height;
            break;
        }

        for (k = 0; k < i; k++) {
            if (screens[k].width != 0) {
                screens[k].x += shift_x;
                screens[k].y += shift_y;
            }
        }

        if (beside) {
            all_width += screen->width;
            all_height = screen->height > all_height ? screen->height
                                                     : all_height;
        } else {
            all_height += screen->height;
            all_width = screen->width > all_width ? screen->width : all_width;
        }
    }

    *width = all_width;
    *height = all_height;
}


const char *
selkies_screen_name(uint32_t screen)
{
    return selkies_screen_names[screen < SELKIES_SCREENS_MAX ? screen : 0];
}


bool
selkies_screen_find(const char *name, size_t len, uint32_t *screen)
{
    uint32_t  i;

    for (i = 0; i < SELKIES_SCREENS_MAX; i++) {
        if (strlen(selkies_screen_names[i]) == len
            && memcmp(selkies_screen_names[i], name, len) == 0)
        {
            *screen = i;
            return true;
        }
    }

    return false;
}
