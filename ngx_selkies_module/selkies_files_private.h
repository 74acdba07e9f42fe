
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * What selkies_files.c, selkies_files_upload.c and selkies_files_place.c share.
 *
 * Thread: the event loop.
 */


#ifndef SELKIES_FILES_PRIVATE_H_INCLUDED
#define SELKIES_FILES_PRIVATE_H_INCLUDED


#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <fcntl.h>

#include "selkies_files.h"


/* How a folder on the way is opened: never through a link. */

#define SELKIES_FOLDER  (O_PATH|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC)

#define SELKIES_HASH    UINT64_C(14695981039346656037)


#pragma GCC visibility push(hidden)


/* FNV-1a, begun with SELKIES_HASH or gone on with. */

uint64_t selkies_hash(uint64_t hash, const void *data, size_t len);

/* What an errno means to who asked. */

selkies_files_result_t selkies_files_error(int err);

/* Opens a relative path below a folder, name by name; -1 with errno. */

int selkies_open_walk(int at, const char *path, int flags);

/* Behind ENOTDIR of an open with O_NOFOLLOW: ELOOP where it was a link. */

void selkies_tell_link(int folder, const char *name);

/* The hidden folder in this one; how many there are left. */

size_t selkies_sweep_folder(int base);

/* Whether so much more may be written below a folder, and the reserve stays. */

selkies_files_result_t selkies_files_room(int fd, uint64_t reserve,
    uint64_t more);

/*
 * Opens the hidden folder, made where it is missing, and puts a new file into
 * it, or a link to `link`.  0, or -1 with errno.
 */

int selkies_staging_put(selkies_upload_t *upload, const char *link);

/* Gives the file its name, which is in upload->given then. */

selkies_files_result_t selkies_upload_place(selkies_upload_t *upload);


#pragma GCC visibility pop


#endif /* SELKIES_FILES_PRIVATE_H_INCLUDED */
