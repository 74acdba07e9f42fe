
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * What processes have used, with all their threads, children and children's
 * children, from /proc.
 *
 * Threads: one.  Ownership: nothing is kept.
 */


#ifndef BENCH_PROC_H_INCLUDED
#define BENCH_PROC_H_INCLUDED


#include <stdint.h>
#include <sys/types.h>


#pragma GCC visibility push(hidden)


typedef struct {
    uint64_t   cpu_ns;                  /* user and system */
    uint64_t   rss_kb;
    uint64_t   pss_kb;                  /* shared pages: a part of each */
    unsigned   processes;
} bench_usage_t;


/* Adds what pid and its descendants have used since they began; those that
   ended and were waited for count too.  A pid that is gone adds nothing. */
void bench_usage_add(bench_usage_t *usage, pid_t pid);


#pragma GCC visibility pop


#endif /* BENCH_PROC_H_INCLUDED */
