
/*
 * Copyright (C) ngx_selkies authors
 *
 * The command line of selkies-xvfb.  Strings stay where argv has them.
 *
 * Thread: selkies-xvfb's only one.  Ownership: nothing is allocated.
 */


#define _GNU_SOURCE

#include "selkies-xvfb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define SELKIES_XVFB_MAX_SIDE  16384
#define SELKIES_XVFB_MIN_SIDE  2


static int selkies_xvfb_number(const char *text, int min, int max, int *n);
static int selkies_xvfb_size(const char *text, selkies_xvfb_size_t *size);


int
selkies_xvfb_parse_options(selkies_xvfb_options_t *options, int argc,
    char **argv)
{
    int  c, bad;

    static const char  usage[] =
        "usage: selkies-xvfb -r DIR [-d N] [-m WxH] [-i WxH] [-f FD] [-g]"
        " [-x XVFB] [-R PATH]... -- command [argument ...]\n"
        "  -r  directory for cookie, framebuffer link, log and lock\n"
        "  -d  first display number to try (1)\n"
        "  -m  largest screen (7680x4320)\n"
        "  -i  first screen (1024x768)\n"
        "  -f  descriptor the command finds the framebuffer at (9)\n"
        "  -g  the file's group may read the cookie\n"
        "  -x  the server's program (Xvfb)\n"
        "  -R  file or folder to remove at the end\n";

    options->program = "Xvfb";
    options->cookie_mode = 0600;
    options->first_number = 1;
    options->inherit_fd = 9;
    options->max.width = 7680;
    options->max.height = 4320;
    options->first.width = 1024;
    options->first.height = 768;

    bad = 0;

    while ((c = getopt(argc, argv, "+r:d:m:i:f:gx:R:")) != -1) {
        switch (c) {

        case 'r':
            options->run = optarg;
            break;

        case 'd':
            bad |= selkies_xvfb_number(optarg, 0, 59535,
                                       &options->first_number);
            break;

        case 'm':
            bad |= selkies_xvfb_size(optarg, &options->max);
            break;

        case 'i':
            bad |= selkies_xvfb_size(optarg, &options->first);
            break;

        case 'f':
            bad |= selkies_xvfb_number(optarg, 3, 255, &options->inherit_fd);
            break;

        case 'g':
            options->cookie_mode = 0640;
            break;

        case 'x':
            options->program = optarg;
            break;

        case 'R':
            if (options->removals == SELKIES_XVFB_REMOVALS) {
                bad = 1;
                break;
            }

            options->remove[options->removals++] = optarg;
            break;

        default:
            bad = 1;
        }
    }

    if (bad || options->run == NULL || optind >= argc) {
        (void) fputs(usage, stderr);
        return -1;
    }

    options->command_argv = argv + optind;

    if (options->first.width > options->max.width) {
        options->first.width = options->max.width;
    }

    if (options->first.height > options->max.height) {
        options->first.height = options->max.height;
    }

    return 0;
}


static int
selkies_xvfb_number(const char *text, int min, int max, int *n)
{
    long   value;
    char  *end;

    errno = 0;
    value = strtol(text, &end, 10);

    if (errno != 0 || end == text || *end != '\0' || value < min
        || value > max)
    {
        selkies_xvfb_say("invalid number \"%s\", %d to %d", text, min, max);
        return -1;
    }

    *n = (int) value;

    return 0;
}


static int
selkies_xvfb_size(const char *text, selkies_xvfb_size_t *size)
{
    int       n;
    unsigned  width, height;

    n = 0;

    if (sscanf(text, "%5ux%5u%n", &width, &height, &n) != 2
        || text[n] != '\0'
        || width < SELKIES_XVFB_MIN_SIDE || width > SELKIES_XVFB_MAX_SIDE
        || height < SELKIES_XVFB_MIN_SIDE || height > SELKIES_XVFB_MAX_SIDE)
    {
        selkies_xvfb_say("invalid size \"%s\", 2x2 to 16384x16384", text);
        return -1;
    }

    size->width = width;
    size->height = height;

    return 0;
}
