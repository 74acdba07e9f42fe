
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The loads of `make bench`: an X client that draws the same things at the
 * same rate for whoever is measured, and beside each change the time of its
 * drawing (stamp.h).  The mark is drawn last, so a picture that has it has
 * the change too.
 *
 *     load NAME       idle probe type scroll drag photo window video
 *
 * "photo" is "drag" over a photograph instead of one colour.
 *
 * It prints "ready X Y area X Y W H", where the mark and the load are, waits
 * for "go" on stdin, draws until "stop", prints "drawn N late N" and keeps
 * what it has drawn until stdin ends.  "late" are ticks that were left out
 * because the one before took too long.
 *
 * Thread: one.  Ownership: all of it lives until the process ends.
 */


#include "frames.h"
#include "stamp.h"

#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <X11/extensions/XShm.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/timerfd.h>
#include <unistd.h>


#define LOAD_TEXT        0xd0d0d0
#define LOAD_PAPER       0x1c1c1c
#define LOAD_FRAMES      (256u * 1024 * 1024)

#define LOAD_TYPE_LINE   18
#define LOAD_TYPE_GLYPH  9
#define LOAD_SCROLL_ROW  15


typedef struct load_s  load_t;


typedef struct {
    const char       *name;
    int               width;            /* 0: the screen's */
    int               height;
    int               hz_x10;
    int               photo;            /* behind it, else one colour */
    void            (*setup)(load_t *load);
    void            (*step)(load_t *load);
} load_kind_t;


struct load_s {
    Display          *dpy;
    Window            win;
    Window            moved;
    GC                gc;
    Visual           *visual;
    int               depth;
    int               width;
    int               height;

    const load_kind_t  *kind;
    bench_scene_t    *scene;
    int               x;
    int               y;
    int               w;
    int               h;
    int               mark_x;
    int               mark_y;

    unsigned          tick;
    unsigned          late;

    XImage           *mark;
    Pixmap            row;
    XImage           *frames;
    XShmSegmentInfo   shm;
    int               nframes;
};


static void load_setup_text(load_t *load);
static void load_setup_probe(load_t *load);
static void load_setup_scroll(load_t *load);
static void load_setup_drag(load_t *load);
static void load_setup_video(load_t *load);
static void load_step_probe(load_t *load);
static void load_step_type(load_t *load);
static void load_step_scroll(load_t *load);
static void load_step_drag(load_t *load);
static void load_step_video(load_t *load);


static const load_kind_t  load_kinds[] = {
    { "idle",     960,  540,   0, 1, load_setup_text,   NULL },
    { "probe",     80,   54,  40, 1, load_setup_probe,  load_step_probe },
    { "type",     960,  540, 100, 1, load_setup_text,   load_step_type },
    { "scroll",  1280,  960, 600, 1, load_setup_scroll, load_step_scroll },
    { "drag",     800,  600, 600, 0, load_setup_drag,   load_step_drag },
    { "photo",    800,  600, 600, 1, load_setup_drag,   load_step_drag },
    { "window",   960,  540, 300, 1, load_setup_video,  load_step_video },
    { "video",      0,    0, 600, 0, load_setup_video,  load_step_video },
};


static void
load_die(const char *what)
{
    fprintf(stderr, "load: %s\n", what);
    exit(1);
}


static void
load_fill(load_t *load, Drawable d, int x, int y, int w, int h,
    unsigned long colour)
{
    XSetForeground(load->dpy, load->gc, colour);
    XFillRectangle(load->dpy, d, load->gc, x, y, (unsigned) w, (unsigned) h);
}


/* words of one to nine letters, the same for the same line */

static void
load_line(char *text, int n, unsigned line)
{
    int       i, word;
    uint32_t  seed;

    seed = line * 2654435761u + 1;
    word = 0;

    for (i = 0; i < n; i++) {
        seed = seed * 1664525 + 1013904223;

        if (word == 0) {
            text[i] = ' ';
            word = 1 + (int) (seed >> 24) % 9;
            continue;
        }

        text[i] = (char) ('!' + (seed >> 16) % ('~' - '!' + 1));
        word--;
    }
}


static void
load_text(load_t *load, Drawable d, int x, int y, int n, unsigned line)
{
    char  text[256];

    load_line(text, n, line);
    XSetForeground(load->dpy, load->gc, LOAD_TEXT);
    XDrawString(load->dpy, d, load->gc, x, y, text, n);
}


/* Taken just before the request leaves. */

static void
load_mark(load_t *load, Drawable d, int x, int y)
{
    bench_stamp_paint((uint32_t *) (void *) load->mark->data, BENCH_STAMP_W,
                      bench_clock_us());
    XPutImage(load->dpy, d, load->gc, load->mark, 0, 0, x, y, BENCH_STAMP_W,
              BENCH_STAMP_H);
}


static void
load_setup_text(load_t *load)
{
    int  i;

    load_fill(load, load->win, load->x, load->y, load->w, load->h, LOAD_PAPER);

    for (i = 0; i < load->h / LOAD_TYPE_LINE / 2; i++) {
        load_text(load, load->win, load->x + 4,
                  load->y + (i + 1) * LOAD_TYPE_LINE - 5, 140, (unsigned) i);
    }

    load->mark_x = load->x + load->w - BENCH_STAMP_W - 4;
    load->mark_y = load->y + load->h - BENCH_STAMP_H - 4;
}


static void
load_setup_probe(load_t *load)
{
    load->mark_x = load->x;
    load->mark_y = load->y + load->h - BENCH_STAMP_H;
}


static void
load_step_probe(load_t *load)
{
    load_fill(load, load->win, load->x, load->y, load->w,
              load->h - BENCH_STAMP_H,
              (load->tick * 2654435761u) >> 8 & 0xffffff);
    load_mark(load, load->win, load->mark_x, load->mark_y);
}


/* 100 glyphs a line, in the lower half; a line is cleared when it begins */

static void
load_step_type(load_t *load)
{
    int   x, y, line, lines;
    char  text[100];

    lines = load->h / LOAD_TYPE_LINE / 2 - 2;
    line = (int) (load->tick / 100);
    x = (int) (load->tick % 100);
    y = load->y + load->h / 2 + line % lines * LOAD_TYPE_LINE;

    if (x == 0) {
        load_fill(load, load->win, load->x, y, load->w, LOAD_TYPE_LINE,
                  LOAD_PAPER);
    }

    load_line(text, sizeof(text), (unsigned) line + 1000);
    XSetForeground(load->dpy, load->gc, LOAD_TEXT);
    XDrawString(load->dpy, load->win, load->gc,
                load->x + 4 + x * LOAD_TYPE_GLYPH, y + LOAD_TYPE_LINE - 5,
                &text[x], 1);
    load_mark(load, load->win, load->mark_x, load->mark_y);
}


static void
load_setup_scroll(load_t *load)
{
    int  i;

    load->row = XCreatePixmap(load->dpy, load->win, (unsigned) load->w,
                              LOAD_SCROLL_ROW, (unsigned) load->depth);
    load_fill(load, load->win, load->x, load->y, load->w, load->h, LOAD_PAPER);

    for (i = 0; i < load->h / LOAD_SCROLL_ROW; i++) {
        load_text(load, load->win, load->x + BENCH_STAMP_W + 8,
                  load->y + (i + 1) * LOAD_SCROLL_ROW - 4, 190, (unsigned) i);
    }

    load->mark_x = load->x;
    load->mark_y = load->y + load->h - LOAD_SCROLL_ROW;
}


/* lines of several lengths, as a compiler prints them */

static void
load_step_scroll(load_t *load)
{
    unsigned  n;

    n = 20 + load->tick * 2654435761u % 170;

    load_fill(load, load->row, 0, 0, load->w, LOAD_SCROLL_ROW, LOAD_PAPER);
    load_text(load, load->row, BENCH_STAMP_W + 8, LOAD_SCROLL_ROW - 4, (int) n,
              load->tick + 1000);
    load_mark(load, load->row, 0, 0);

    XCopyArea(load->dpy, load->win, load->win, load->gc, load->x,
              load->y + LOAD_SCROLL_ROW, (unsigned) load->w,
              (unsigned) (load->h - LOAD_SCROLL_ROW), load->x, load->y);
    XCopyArea(load->dpy, load->row, load->win, load->gc, 0, 0,
              (unsigned) load->w, LOAD_SCROLL_ROW, load->x, load->mark_y);
}


static void
load_setup_drag(load_t *load)
{
    int                   i;
    Pixmap                paper;
    XSetWindowAttributes  attributes;

    paper = XCreatePixmap(load->dpy, load->win, (unsigned) load->w,
                          (unsigned) load->h, (unsigned) load->depth);
    load_fill(load, paper, 0, 0, load->w, load->h, 0xf0f0ea);
    load_fill(load, paper, 0, 0, load->w, 28, 0x2c5a8c);
    load_text(load, paper, 12, 19, 60, 1);
    load_fill(load, paper, 0, 28, load->w / 4, load->h - 28, LOAD_PAPER);

    for (i = 0; i < (load->h - 40) / LOAD_SCROLL_ROW; i++) {
        load_text(load, paper, 8, 46 + i * LOAD_SCROLL_ROW, 28, (unsigned) i);
        XSetForeground(load->dpy, load->gc, 0x202020);
        XFillRectangle(load->dpy, paper, load->gc, load->w / 4 + 12,
                       38 + i * LOAD_SCROLL_ROW,
                       (unsigned) (60 + i * 97 % 480), 8);
    }

    attributes.override_redirect = True;
    attributes.background_pixmap = paper;

    load->mark_x = 16;
    load->mark_y = 16;
    load->moved = XCreateWindow(load->dpy, load->win, load->x, load->y,
                                (unsigned) load->w, (unsigned) load->h, 0,
                                CopyFromParent, InputOutput, CopyFromParent,
                                CWOverrideRedirect|CWBackPixmap, &attributes);
    XFreePixmap(load->dpy, paper);
    XMapWindow(load->dpy, load->moved);
}


/* there and back again within n, in steps of speed */

static int
load_bounce(unsigned tick, int speed, int n)
{
    int  at;

    if (n < 1) {
        return 0;
    }

    at = (int) ((uint64_t) tick * (unsigned) speed % (unsigned) (2 * n));

    return at < n ? at : 2 * n - at;
}


static void
load_step_drag(load_t *load)
{
    XMoveWindow(load->dpy, load->moved,
                load_bounce(load->tick, 9, load->width - load->w),
                48 + load_bounce(load->tick, 5, load->height - load->h - 48));
    load_mark(load, load->win, load->mark_x, load->mark_y);
}


/* All frames wait in one segment: playing them is the X server's work alone. */

static void
load_setup_video(load_t *load)
{
    int     i;
    size_t  size, stride;

    size = (size_t) load->w * (size_t) load->h * 4;
    load->nframes = (int) (LOAD_FRAMES / size);

    /* the protocol's coordinates have 16 bits */
    if (load->nframes > 32767 / load->h) {
        load->nframes = 32767 / load->h;
    }

    load->frames = XShmCreateImage(load->dpy, load->visual,
                                   (unsigned) load->depth, ZPixmap, NULL,
                                   &load->shm, (unsigned) load->w,
                                   (unsigned) (load->h * load->nframes));

    if (load->frames == NULL || load->frames->bits_per_pixel != 32) {
        load_die("no image of 32 bits a pixel");
    }

    stride = (size_t) load->frames->bytes_per_line / 4;
    load->shm.shmid = shmget(IPC_PRIVATE, size * (size_t) load->nframes,
                             IPC_CREAT|0600);

    if (load->shm.shmid == -1) {
        load_die("shmget() failed");
    }

    load->shm.shmaddr = shmat(load->shm.shmid, NULL, 0);

    if (load->shm.shmaddr == (void *) -1 || !XShmAttach(load->dpy, &load->shm))
    {
        shmctl(load->shm.shmid, IPC_RMID, NULL);
        load_die("no shared memory");
    }

    XSync(load->dpy, False);
    shmctl(load->shm.shmid, IPC_RMID, NULL);
    load->frames->data = load->shm.shmaddr;

    for (i = 0; i < load->nframes; i++) {
        bench_scene_render(load->scene, (uint32_t *) (void *)
                           (load->shm.shmaddr + (size_t) i * size),
                           stride, load->w, load->h,
                           (double) i * 600 / load->kind->hz_x10);
    }

    load->mark_x = load->x + 16;
    load->mark_y = load->y + 16;
    load_step_video(load);
}


/* forwards, then backwards: no cut */

static void
load_step_video(load_t *load)
{
    int        i;
    size_t     stride;
    uint32_t  *p;

    i = load_bounce(load->tick, 1, load->nframes - 1);
    stride = (size_t) load->frames->bytes_per_line / 4;
    p = (uint32_t *) (void *) load->shm.shmaddr;

    bench_stamp_paint(p + ((size_t) (i * load->h) + 16) * stride + 16, stride,
                      bench_clock_us());
    XShmPutImage(load->dpy, load->win, load->gc, load->frames, 0, i * load->h,
                 load->x, load->y, (unsigned) load->w, (unsigned) load->h,
                 False);
}


static XImage *
load_image(load_t *load, int w, int h)
{
    char    *data;
    XImage  *image;

    data = calloc((size_t) w * (size_t) h, 4);

    if (data == NULL) {
        load_die("no memory");
    }

    image = XCreateImage(load->dpy, load->visual, (unsigned) load->depth,
                         ZPixmap, 0, data, (unsigned) w, (unsigned) h, 32,
                         w * 4);

    if (image == NULL || image->bits_per_pixel != 32) {
        load_die("no image of 32 bits a pixel");
    }

    return image;
}


/* from one colour to another, as desktops have it where no photograph is */

static void
load_plain(load_t *load, XImage *image)
{
    int        x, y;
    uint32_t  *p, colour;

    p = (uint32_t *) (void *) image->data;

    for (y = 0; y < load->height; y++) {
        colour = (uint32_t) (0x20 + y * 0x60 / load->height);
        colour = colour << 16 | (colour + 0x10) << 8 | (colour + 0x30);

        for (x = 0; x < load->width; x++) {
            *p++ = colour;
        }
    }
}


/* A screen-sized window whose background X repaints itself. */

static void
load_open(load_t *load)
{
    int                   screen;
    XEvent                e;
    XImage               *image;
    Pixmap                paper;
    XSetWindowAttributes  attributes;

    screen = DefaultScreen(load->dpy);

    load->visual = DefaultVisual(load->dpy, screen);
    load->depth = DefaultDepth(load->dpy, screen);
    load->width = DisplayWidth(load->dpy, screen);
    load->height = DisplayHeight(load->dpy, screen);

    attributes.override_redirect = True;
    attributes.event_mask = StructureNotifyMask;

    load->win = XCreateWindow(load->dpy, RootWindow(load->dpy, screen), 0, 0,
                              (unsigned) load->width, (unsigned) load->height,
                              0, CopyFromParent, InputOutput, CopyFromParent,
                              CWOverrideRedirect|CWEventMask, &attributes);
    load->gc = XCreateGC(load->dpy, load->win, 0, NULL);
    XSetGraphicsExposures(load->dpy, load->gc, False);

    paper = XCreatePixmap(load->dpy, load->win, (unsigned) load->width,
                          (unsigned) load->height, (unsigned) load->depth);
    image = load_image(load, load->width, load->height);

    if (load->kind->photo) {
        bench_scene_render(load->scene, (uint32_t *) (void *) image->data,
                           (size_t) load->width, load->width, load->height,
                           600);

    } else {
        load_plain(load, image);
    }

    XPutImage(load->dpy, paper, load->gc, image, 0, 0, 0, 0,
              (unsigned) load->width, (unsigned) load->height);
    XSetWindowBackgroundPixmap(load->dpy, load->win, paper);
    XFreePixmap(load->dpy, paper);
    XDestroyImage(image);

    XMapRaised(load->dpy, load->win);

    do {
        XWindowEvent(load->dpy, load->win, StructureNotifyMask, &e);
    } while (e.type != MapNotify);

    load->mark = load_image(load, BENCH_STAMP_W, BENCH_STAMP_H);
    load->w = load->kind->width ? load->kind->width : load->width;
    load->h = load->kind->height ? load->kind->height : load->height;
    load->x = (load->width - load->w) / 2;
    load->y = (load->height - load->h) / 2;

    if (load->x < 0 || load->y < 0) {
        load_die("the screen is too small");
    }
}


/* Returns the descriptor that is readable at each tick. */

static int
load_timer(load_t *load, int on)
{
    int                timer;
    struct itimerspec  spec;

    timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

    if (timer == -1) {
        load_die("timerfd_create() failed");
    }

    memset(&spec, 0, sizeof(spec));

    if (on && load->kind->hz_x10) {
        spec.it_interval.tv_nsec = (long) (10000000000LL / load->kind->hz_x10);
        spec.it_value.tv_nsec = spec.it_interval.tv_nsec;
        timerfd_settime(timer, 0, &spec, NULL);
    }

    return timer;
}


static void
load_tick(load_t *load, int timer)
{
    uint64_t  n;

    if (read(timer, &n, sizeof(n)) != sizeof(n)) {
        return;
    }

    load->late += (unsigned) (n - 1);
    load->tick++;
    load->kind->step(load);
    XFlush(load->dpy);
}


/* 0: stdin has ended */

static int
load_command(load_t *load, int *timer)
{
    char     line[64];
    ssize_t  n;

    n = read(0, line, sizeof(line) - 1);

    if (n <= 0) {
        return 0;
    }

    line[n] = '\0';
    close(*timer);
    *timer = load_timer(load, strncmp(line, "go", 2) == 0);

    if (strncmp(line, "stop", 4) == 0) {
        XSync(load->dpy, False);
        printf("drawn %u late %u\n", load->tick, load->late);
    }

    return 1;
}


static void
load_run(load_t *load)
{
    int            timer;
    XEvent         e;
    struct pollfd  fds[3];

    timer = load_timer(load, 0);

    for ( ;; ) {

        while (XPending(load->dpy)) {
            XNextEvent(load->dpy, &e);
        }

        fds[0] = (struct pollfd) { 0, POLLIN, 0 };
        fds[1] = (struct pollfd) { timer, POLLIN, 0 };
        fds[2] = (struct pollfd) { ConnectionNumber(load->dpy), POLLIN, 0 };

        if (poll(fds, 3, -1) < 0 || fds[2].revents & (POLLHUP|POLLERR)) {
            load_die("the X server is gone");
        }

        if (fds[1].revents) {
            load_tick(load, timer);
        }

        if (fds[0].revents && !load_command(load, &timer)) {
            return;
        }
    }
}


int
main(int argc, char **argv)
{
    size_t  i;
    load_t  load;

    memset(&load, 0, sizeof(load));
    setvbuf(stdout, NULL, _IOLBF, 0);

    for (i = 0; i < sizeof(load_kinds) / sizeof(load_kinds[0]); i++) {
        if (argc == 2 && strcmp(argv[1], load_kinds[i].name) == 0) {
            load.kind = &load_kinds[i];
        }
    }

    if (load.kind == NULL) {
        load_die("usage: load idle|probe|type|scroll|drag|photo|window|video");
    }

    load.dpy = XOpenDisplay(NULL);
    load.scene = bench_scene_create();

    if (load.dpy == NULL || load.scene == NULL) {
        load_die("no display or no memory");
    }

    load_open(&load);
    load.kind->setup(&load);
    XSync(load.dpy, False);
    printf("ready %d %d area %d %d %d %d\n", load.mark_x, load.mark_y, load.x,
           load.y, load.w, load.h);

    load_run(&load);
    XCloseDisplay(load.dpy);

    return 0;
}
