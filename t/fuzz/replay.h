
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * With -DSELKIES_FUZZ_REPLAY a fuzz target is a plain program that runs the
 * files and folders it is given, without libFuzzer, and prints TAP.  Without
 * it this file declares the target alone.
 *
 * Thread: one.
 */


#ifndef SELKIES_REPLAY_H_INCLUDED
#define SELKIES_REPLAY_H_INCLUDED


#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* what must hold in a target: a failure is a crash for the fuzzer */

#define holds(condition)                                                      \
    do {                                                                      \
        if (!(condition)) {                                                   \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);   \
            abort();                                                          \
        }                                                                     \
    } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


#ifdef SELKIES_FUZZ_REPLAY

#include <dirent.h>
#include <sys/stat.h>


static int  replay_count;


static void
replay(const char *path)
{
    char            name[4096];
    long            size;
    DIR            *dir;
    FILE           *file;
    uint8_t        *data;
    struct stat     st;
    struct dirent  *entry;

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        dir = opendir(path);

        while (dir != NULL && (entry = readdir(dir)) != NULL) {

            if (entry->d_name[0] != '.') {
                snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
                replay(name);
            }
        }

        if (dir != NULL) {
            closedir(dir);
        }

        return;
    }

    file = fopen(path, "rb");

    if (file == NULL) {
        printf("not ok %d - %s\n", ++replay_count, path);
        exit(1);
    }

    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);

    data = malloc(size > 0 ? (size_t) size : 1);

    holds(data != NULL && size >= 0
          && fread(data, 1, (size_t) size, file) == (size_t) size);

    fclose(file);

    LLVMFuzzerTestOneInput(data, (size_t) size);
    printf("ok %d - %s\n", ++replay_count, path);

    free(data);
}


int
main(int argc, char **argv)
{
    int  i;

    for (i = 1; i < argc; i++) {
        replay(argv[i]);
    }

    printf("1..%d\n", replay_count);

    return replay_count == 0;
}

#endif /* SELKIES_FUZZ_REPLAY */


#endif /* SELKIES_REPLAY_H_INCLUDED */
