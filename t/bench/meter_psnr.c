
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * How far a decoded picture is from the screen it shows.
 *
 * Thread: the meter's.  Ownership: nothing is kept.
 */


#include "meter.h"

#include <X11/Xlib.h>
#include <X11/Xutil.h>

#include <math.h>


static double psnr_luma(const meter_view_t *view, unsigned r, unsigned g,
    unsigned b);


/* on the scale of the view's samples */

static double
psnr_luma(const meter_view_t *view, unsigned r, unsigned g, unsigned b)
{
    double  y;

    y = view->matrix == METER_BT601 ? 0.299 * r + 0.587 * g + 0.114 * b
                                    : 0.2126 * r + 0.7152 * g + 0.0722 * b;

    return view->matrix == METER_RGB || view->full ? y : 16 + y * 219 / 255;
}


double
meter_psnr(const meter_view_t *view, const char *display, const int *area)
{
    int             x, y, x0, y0, w, h;
    double          error, d, squares;
    XImage         *image;
    Display        *dpy;
    unsigned long   pixel;
    const uint8_t  *p;

    dpy = XOpenDisplay(display);

    if (dpy == NULL || view->p == NULL) {
        return -1;
    }

    x0 = area[2] ? area[0] : 0;
    y0 = area[2] ? area[1] : 0;
    w = area[2] ? area[2] : view->width;
    h = area[2] ? area[3] : view->height;

    image = XGetImage(dpy, DefaultRootWindow(dpy), x0, y0, (unsigned) w,
                      (unsigned) h, AllPlanes, ZPixmap);

    if (image == NULL || x0 + w > view->width || y0 + h > view->height) {
        XCloseDisplay(dpy);
        return -1;
    }

    squares = 0;

    for (y = 0; y < h; y++) {
        for (x = 0; x < w; x++) {
            pixel = XGetPixel(image, x, y);
            p = view->p + (y0 + y) * view->stride
                + (size_t) (x0 + x) * view->step;

            d = view->matrix == METER_RGB ? psnr_luma(view, p[2], p[1], p[0])
                                          : p[0];
            d -= psnr_luma(view, pixel >> 16 & 0xff, pixel >> 8 & 0xff,
                           pixel & 0xff);
            squares += d * d;
        }
    }

    XDestroyImage(image);
    XCloseDisplay(dpy);
    error = squares / w / h;

    return error < 1e-9 ? 99 : fmin(99, 10 * log10(255 * 255 / error));
}
