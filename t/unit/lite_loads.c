
/*
 * Copyright (C) ngx_selkies authors
 * BSD-2-Clause
 *
 * What people do with a desktop, by pictures of the chain alone: a terminal
 * that scrolls a line at a time, a window that is dragged.  How many bytes that
 * takes, how near it stays to what was drawn, and that ffmpeg decodes it bit by
 * bit.
 *
 * Thread: the main thread.  Ownership: the process.
 */


#include <stdlib.h>
#include <string.h>

#include "tap.h"


#ifdef SELKIES_HAVE_X264

#include "lite_stage.h"


#define LOAD_WIDTH    1280
#define LOAD_HEIGHT   720
#define LOAD_STEPS    60

#define TERMINAL_X    160               /* a macroblock's, as it happens */
#define TERMINAL_Y    60
#define TERMINAL_W    960
#define TERMINAL_H    600
#define TERMINAL_ROW  15

#define WINDOW_W      480
#define WINDOW_H      360


typedef struct {
    const char  *name;
    void       (*draw)(stage_t *s, int step);
    size_t       bytes;                 /* at most, in the mean */
    double       mse;
} load_t;


static uint8_t  back[LOAD_HEIGHT][LOAD_WIDTH];
static uint8_t  window[WINDOW_H][WINDOW_W];
static uint8_t  letters[94][13];


static void
put(stage_t *s, int x, int y, int luma, int blue)
{
    uint8_t  *p, *chroma;

    p = s->pic.luma + (size_t) y * s->pic.luma_stride_bytes + (size_t) x;
    chroma = s->pic.chroma + (size_t) (y / 2) * s->pic.chroma_stride_bytes
             + (size_t) (x & ~1);

    if (*p != luma || chroma[0] != blue) {
        *p = (uint8_t) luma;
        chroma[0] = (uint8_t) blue;
        chroma[1] = 128;
        touch(&s->pic, x, y);
    }
}


/* Letters of 5x9 in 6x15, which are hard to tell from real ones. */

static void
make_letters(void)
{
    int  i, y;

    for (i = 0; i < 94; i++) {

        for (y = 2; y < 11; y++) {
            letters[i][y] = (uint8_t) (y % 2 ? random_number(32)
                                             : letters[i][y - 1]
                                               ^ random_number(2) * 10);
        }

        letters[i][11] = (uint8_t) (random_number(5) ? 0 : random_number(32));
    }
}


static void
write_line(uint8_t *to, size_t stride, int n, int ink)
{
    int      i, x, word;
    size_t   y;
    uint8_t  *letter;

    for (i = 0, word = 0; i < n; i++) {

        letter = letters[random_number(94)];

        if (word-- == 0) {
            word = 1 + (int) random_number(9);
            continue;
        }

        for (y = 0; y < 13; y++) {
            for (x = 0; x < 5; x++) {
                if (letter[y] >> x & 1) {
                    to[y * stride + (size_t) (i * 6 + x)] = (uint8_t) ink;
                }
            }
        }
    }
}


/* In front of a photograph, or as good. */

static void
draw_terminal(stage_t *s, int step)
{
    int             x, y;
    static uint8_t  rows[TERMINAL_H][TERMINAL_W];

    if (step == 0) {
        memset(rows, 40, sizeof(rows));

        for (y = 0; y < LOAD_HEIGHT; y++) {
            for (x = 0; x < LOAD_WIDTH; x++) {
                put(s, x, y, 60 + (int) random_number(90), 128);
            }
        }

        for (y = 0; y < TERMINAL_H; y += TERMINAL_ROW) {
            write_line(rows[y], TERMINAL_W, 20 + (int) random_number(130),
                       200);
        }

    } else {
        memmove(rows, rows[TERMINAL_ROW],
                sizeof(rows) - TERMINAL_ROW * TERMINAL_W);
        y = TERMINAL_H - TERMINAL_ROW;
        memset(rows[y], 40, TERMINAL_ROW * TERMINAL_W);

        /* some lines are empty */

        if (step % 7) {
            write_line(rows[y], TERMINAL_W, 20 + (int) random_number(130),
                       200);
        }
    }

    for (y = 0; y < TERMINAL_H; y++) {
        for (x = 0; x < TERMINAL_W; x++) {
            put(s, TERMINAL_X + x, TERMINAL_Y + y, rows[y][x], 128);
        }
    }
}


/*
 * The same, of which every other picture is read while a line is scrolled in:
 * so much of it is a line behind.  Every fourth one has scrolled before the new
 * line is there.
 */

static void
draw_torn(stage_t *s, int step)
{
    int              x, y, line, seam;
    static uint8_t   paper[TERMINAL_H + TERMINAL_ROW * LOAD_STEPS * 2]
                          [TERMINAL_W];
    static uint8_t   blank[TERMINAL_W];

    if (step == 0) {
        memset(paper, 40, sizeof(paper));
        memset(blank, 40, sizeof(blank));

        for (y = 0; y < (int) (sizeof(paper) / TERMINAL_W); y += TERMINAL_ROW) {
            write_line(paper[y], TERMINAL_W, 20 + (int) random_number(130),
                       200);
        }
    }

    seam = step % 2 ? 60 + (int) random_number(TERMINAL_H - 120) : TERMINAL_H;
    line = step / 2 * 3 + step % 2;

    for (y = 0; y < TERMINAL_H; y++) {
        for (x = 0; x < TERMINAL_W; x++) {
            put(s, TERMINAL_X + x, TERMINAL_Y + y,
                step % 4 == 2 && y >= TERMINAL_H - TERMINAL_ROW
                ? blank[x] : paper[y + (line + (y >= seam)) * TERMINAL_ROW][x],
                128);
        }
    }
}


/* A bar in blue, text and lines of several lengths, in front of a ramp. */

static void
make_window(void)
{
    int  x, y;

    for (y = 0; y < LOAD_HEIGHT; y++) {
        memset(back[y], 40 + y / 10, LOAD_WIDTH);
    }

    for (y = 0; y < WINDOW_H; y++) {
        for (x = 0; x < WINDOW_W; x++) {
            window[y][x] = y < 28 ? 80 : (x < 120 ? 40 : 220);
        }
    }

    write_line(window[8] + 12, WINDOW_W, 50, 210);

    for (y = 38; y + 15 < WINDOW_H; y += 15) {
        write_line(window[y] + 8, WINDOW_W, 17, 200);
        memset(window[y] + 132, 30, 40 + (size_t) (y * 97 % 280));

        for (x = 1; x < 8; x++) {
            memcpy(window[y + x] + 132, window[y] + 132, 320);
        }
    }
}


static int
bounce(int step, int speed, int n)
{
    step = step * speed % (2 * n);

    return step < n ? step : 2 * n - step;
}


static void
draw_drag(stage_t *s, int step)
{
    int  x, y, left, top, inside;

    if (step == 0) {
        make_window();
    }

    left = bounce(step, 9, LOAD_WIDTH - WINDOW_W);
    top = bounce(step, 5, LOAD_HEIGHT - WINDOW_H);

    for (y = 0; y < LOAD_HEIGHT; y++) {
        for (x = 0; x < LOAD_WIDTH; x++) {
            inside = x >= left && x < left + WINDOW_W && y >= top
                     && y < top + WINDOW_H;
            put(s, x, y, inside ? window[y - top][x - left] : back[y][x],
                inside && y - top < 28 ? 150 : 128);
        }
    }
}


static void
test_load(const load_t *load)
{
    int                    i, failed;
    char                   path[64];
    stage_t                s;
    static uint8_t         changed[LOAD_WIDTH / 16 * LOAD_HEIGHT / 16];
    static const scene_t   scene = { "load", LOAD_WIDTH, LOAD_HEIGHT, 1, 0, 20,
                                     LOAD_STEPS + 1, 0, 1, 0, 0, 1 };

    snprintf(path, sizeof(path), "%s/stream.h264", temp);

    if (!ok(stage_open(&s, &scene) && (s.file = fopen(path, "wb")) != NULL,
            "%s: opened", load->name))
    {
        stage_close(&s);
        return;
    }

    load->draw(&s, 0);
    memset(changed, 0, sizeof(changed));
    failed = !stage_picture(&s, STAGE_ANCHOR, 1, changed);
    s.worst_mse = 0;
    selkies_lite_keep(s.lite, &s.pic);

    for (i = 1; i <= LOAD_STEPS && !failed; i++) {
        selkies_picture_write(&s.pic);
        load->draw(&s, i);
        failed = !stage_picture(&s, STAGE_CHAIN, 0, changed);
    }

    fclose(s.file);

    ok(!failed, "%s: %zu moved, %zu inter, %zu intra a picture", load->name,
       s.counts.moved / LOAD_STEPS, s.counts.inter / LOAD_STEPS,
       s.counts.intra / LOAD_STEPS);
    ok(s.bytes < LOAD_STEPS * load->bytes, "%s: %zu bytes a picture",
       load->name, s.bytes / LOAD_STEPS);
    ok(s.worst_mse < load->mse, "%s: luma MSE %.2f at worst", load->name,
       s.worst_mse);

    if (have_ffmpeg) {
        stage_decode(&s, path);
    }

    unlink(path);
    stage_close(&s);
}


int
main(void)
{
    size_t               i;
    static const load_t  loads[] = {
        { "a terminal", draw_terminal, 1500, 40 },
        { "a terminal that is torn", draw_torn, 5600, 40 },
        { "a window", draw_drag, 400, 20 }
    };

    if (mkdtemp(temp) == NULL) {
        return skip_all("no folder for temporary files");
    }

    have_ffmpeg = system("ffmpeg -version >/dev/null 2>&1") == 0;

    make_letters();

    for (i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
        test_load(&loads[i]);
    }

    rmdir(temp);

    return done_testing();
}


#else

int
main(void)
{
    return skip_all("built without libx264");
}

#endif
