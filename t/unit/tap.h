
/*
 * Copyright (C) ngx_selkies authors
 *
 * The few lines of TAP a unit test needs: ok(), plan at the end, exit code.
 * Thread: the test's main thread.
 */


#ifndef SELKIES_TAP_H_INCLUDED
#define SELKIES_TAP_H_INCLUDED


#include <stdarg.h>
#include <stdio.h>


static int  tap_count;
static int  tap_failed;


/* One assertion; returns whether it held, so that a test can bail out. */

__attribute__((format(printf, 2, 3), unused))
static int
ok(int held, const char *fmt, ...)
{
    va_list  args;

    tap_count++;

    if (!held) {
        tap_failed++;
    }

    printf("%sok %d - ", held ? "" : "not ", tap_count);

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);

    printf("\n");
    fflush(stdout);

    return held;
}


/* Ends the test without running it: the reason is what the machine lacks. */

__attribute__((unused))
static int
skip_all(const char *why)
{
    printf("1..0 # SKIP %s\n", why);

    return 0;
}


/* Prints the plan; the test's exit status. */

__attribute__((unused))
static int
done_testing(void)
{
    printf("1..%d\n", tap_count);

    return tap_failed ? 1 : 0;
}


#endif /* SELKIES_TAP_H_INCLUDED */
