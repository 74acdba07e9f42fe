
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Processor time and memory of process trees: see proc.h.
 *
 * Threads: one.  Ownership: nothing is kept.
 */


#include "proc.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define PROC_DEPTH  16


static uint64_t proc_threads_ns(pid_t pid);
static uint64_t proc_ticks_ns(pid_t pid, uint64_t *gone_ns);
static uint64_t proc_field_kb(pid_t pid, const char *file, const char *name);
static void proc_add(bench_usage_t *usage, pid_t pid, int depth);


/* In nanoseconds, where /proc/PID/stat counts in hundredths of a second. */

static uint64_t
proc_threads_ns(pid_t pid)
{
    DIR                *dir;
    FILE               *f;
    char                path[64 + 256];
    uint64_t            sum;
    struct dirent      *entry;
    unsigned long long  ns;

    snprintf(path, sizeof(path), "/proc/%d/task", (int) pid);
    dir = opendir(path);
    sum = 0;

    if (dir == NULL) {
        return 0;
    }

    while ((entry = readdir(dir)) != NULL) {

        if (entry->d_name[0] == '.') {
            continue;
        }

        snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", (int) pid,
                 entry->d_name);
        f = fopen(path, "r");

        if (f == NULL) {
            continue;
        }

        if (fscanf(f, "%llu", &ns) == 1) {
            sum += ns;
        }

        fclose(f);
    }

    closedir(dir);

    return sum;
}


/* utime and stime; cutime and cstime are of children that are gone */

static uint64_t
proc_ticks_ns(pid_t pid, uint64_t *gone_ns)
{
    int                  n;
    char                 path[64], line[1024], *p;
    FILE                *f;
    uint64_t             tick_ns;
    unsigned long long   t[4];

    *gone_ns = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
    f = fopen(path, "r");

    if (f == NULL) {
        return 0;
    }

    p = fgets(line, sizeof(line), f);
    fclose(f);

    /* the name may have blanks and brackets in it */
    p = p ? strrchr(line, ')') : NULL;

    if (p == NULL) {
        return 0;
    }

    n = sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u"
               " %llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3]);

    if (n != 4) {
        return 0;
    }

    tick_ns = 1000000000 / (uint64_t) sysconf(_SC_CLK_TCK);
    *gone_ns = (t[2] + t[3]) * tick_ns;

    return (t[0] + t[1]) * tick_ns;
}


static uint64_t
proc_field_kb(pid_t pid, const char *file, const char *name)
{
    FILE                *f;
    char                 path[64], line[256];
    size_t               n;
    unsigned long long   kb;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int) pid, file);
    f = fopen(path, "r");
    n = strlen(name);
    kb = 0;

    if (f == NULL) {
        return 0;
    }

    while (fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, name, n) == 0) {
            kb = strtoull(line + n, NULL, 10);
            break;
        }
    }

    fclose(f);

    return kb;
}


static void
proc_add(bench_usage_t *usage, pid_t pid, int depth)
{
    int        child;
    DIR       *dir;
    FILE      *f;
    char       path[64 + 256];
    uint64_t   precise, ticks, gone;
    struct dirent  *entry;

    precise = proc_threads_ns(pid);
    ticks = proc_ticks_ns(pid, &gone);

    /* threads that have ended are in the coarse sum alone */
    usage->cpu_ns += (ticks > precise + 20000000 ? ticks : precise) + gone;
    usage->rss_kb += proc_field_kb(pid, "status", "VmRSS:");
    usage->pss_kb += proc_field_kb(pid, "smaps_rollup", "Pss:");
    usage->processes++;

    snprintf(path, sizeof(path), "/proc/%d/task", (int) pid);
    dir = opendir(path);

    if (dir == NULL || depth == PROC_DEPTH) {
        goto done;
    }

    while ((entry = readdir(dir)) != NULL) {

        if (entry->d_name[0] == '.') {
            continue;
        }

        snprintf(path, sizeof(path), "/proc/%d/task/%s/children", (int) pid,
                 entry->d_name);
        f = fopen(path, "r");

        if (f == NULL) {
            continue;
        }

        while (fscanf(f, "%d", &child) == 1) {
            proc_add(usage, child, depth + 1);
        }

        fclose(f);
    }

done:

    if (dir != NULL) {
        closedir(dir);
    }
}


void
bench_usage_add(bench_usage_t *usage, pid_t pid)
{
    proc_add(usage, pid, 0);
}
