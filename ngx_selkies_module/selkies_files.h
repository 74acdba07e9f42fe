
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Files below one root: what a client may name, the way to it, and uploads.
 * Nothing outside the root is opened, made, renamed or removed, whatever a
 * client names and whatever a program of the desktop does to the folders
 * meanwhile: names are checked here, and the kernel follows no symbolic link
 * and no "..".
 *
 * A file that is not whole never has its name.  What comes in one piece is
 * written into a file without any; what comes in slices lies in a hidden
 * folder, under a name made of path and transfer id.  So it is found by
 * whichever process has the next slice, and a lock of the kernel's tells
 * whether another one has it just now.
 *
 * Thread: one at a time for each structure; the worker's event loop.
 * Ownership: structures are the caller's.  Writes go to the page cache, so a
 * caller bounds how much it gives at a time.
 */


#ifndef SELKIES_FILES_H_INCLUDED
#define SELKIES_FILES_H_INCLUDED


#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "selkies_protocol.h"


#pragma GCC visibility push(hidden)


#define SELKIES_PATH_BYTES          2048        /* its zero included */
#define SELKIES_PATH_DEPTH          64          /* names */
#define SELKIES_UPLOAD_ID_MAX       128         /* characters */
#define SELKIES_UPLOAD_EXPIRES_S    60          /* after its last byte */
#define SELKIES_UPLOAD_UNKNOWN      UINT64_MAX  /* size */
#define SELKIES_STAGING_NAME        ".selkies-upload"
#define SELKIES_GATE_SLOTS_MAX      256


/* What becomes of a request; the order is that of a table of answers. */

typedef enum {
    SELKIES_FILES_OK = 0,
    SELKIES_FILES_BAD_PATH,             /* it names nothing below the root */
    SELKIES_FILES_BAD_SIZE,             /* other bytes than were declared */
    SELKIES_FILES_DENIED,               /* the system says no */
    SELKIES_FILES_LINK,                 /* a symbolic link is on the way */
    SELKIES_FILES_MISSING,
    SELKIES_FILES_OCCUPIED,             /* a folder has the name, or a file
                                           that of a folder on the way */
    SELKIES_FILES_EXISTS,               /* a file has it, which shall stay */
    SELKIES_FILES_MOVED,                /* its folder, meanwhile */
    SELKIES_FILES_BUSY,                 /* the same file, by another request */
    SELKIES_FILES_OFFSET,               /* go on at upload->offset */
    SELKIES_FILES_TOO_MANY,             /* uploads at a time */
    SELKIES_FILES_NO_SPACE,
    SELKIES_FILES_FAILED,               /* errno tells */

    SELKIES_FILES_RESULTS
} selkies_files_result_t;


/* Names joined by slashes, none at either end; "" is the root itself. */

typedef struct {
    size_t                  len;
    size_t                  name;       /* where the last one begins */
    unsigned                depth;      /* names */
    char                    data[SELKIES_PATH_BYTES];
} selkies_path_t;


/*
 * Takes a relative path apart, drops "." and empty names, and refuses: one
 * that is absolute, or has "..", a zero, a name of more than 255 bytes or one
 * of ours, or is longer or deeper than the limits.
 *
 * One to be `made` must name a file, so it is not empty and ends in no slash,
 * and is UTF-8 without control characters; of one to be read the root is fine,
 * and any name that a file system may have.
 *
 * 0, or -1.
 */

int selkies_path_parse(selkies_path_t *path, const uint8_t *pos,
    const uint8_t *end, int made);

/* Percent-encoding undone: bytes written; -1: it is none, or too long. */

ssize_t selkies_percent_decode(uint8_t *out, size_t size, const uint8_t *pos,
    const uint8_t *end);

/* A name of ours, which nobody may list, read or write. */

int selkies_path_is_ours(const char *name, size_t len);


/* What becomes of a file that has the name already. */

typedef enum {
    SELKIES_EXISTS_REPLACE = 0,
    SELKIES_EXISTS_REFUSE,              /* it stays: SELKIES_FILES_EXISTS */
    SELKIES_EXISTS_KEEP                 /* both: the new one gets a number */
} selkies_exists_e;


/* The values of X-Upload-Path and so on; what is absent has no data. */

typedef struct {
    selkies_span_t          path;
    selkies_span_t          id;
    selkies_span_t          offset;
    selkies_span_t          total;
    selkies_span_t          final;
    selkies_span_t          exists;     /* "replace", "refuse" or "keep" */
    selkies_span_t          folder;     /* "1": there is to be one */
} selkies_upload_fields_t;


/* What they say (protocol.md 13.2; the last two are ours). */

typedef struct {
    selkies_path_t          path;
    char                    id[SELKIES_UPLOAD_ID_MAX + 1];  /* "": one piece */
    uint64_t                offset;
    uint64_t                total;      /* SELKIES_UPLOAD_UNKNOWN: not said */
    int                     final;      /* of one piece: 1 */
    int                     folder;     /* a folder, and nothing in it */
    selkies_exists_e        exists;
} selkies_upload_headers_t;


/*
 * `body` is what Content-Length says, or SELKIES_UPLOAD_UNKNOWN.  NULL, or
 * what is wrong, in words for the client.
 */

const char *selkies_upload_parse(selkies_upload_headers_t *h,
    const selkies_upload_fields_t *fields, uint64_t body);


typedef struct {
    int                     fd;
    uint64_t                key;        /* the folder, whatever its name */
    int                     walk;       /* without openat2(): for tests */
} selkies_root_t;


/* Opens the root, an operator's path.  0, or -1 with errno. */

int selkies_root_open(selkies_root_t *root, const char *name);
void selkies_root_close(selkies_root_t *root);

/*
 * Opens what is there to be read, a file or a folder, and nothing else; what
 * blocks is not waited for.  OK, and *fd is the caller's.
 */

selkies_files_result_t selkies_files_open(const selkies_root_t *root,
    const selkies_path_t *path, int *fd);


typedef struct {
    int                     fd;         /* -1: nothing is under way */
    const selkies_root_t   *root;
    selkies_path_t          path;
    int                     base;       /* holds the hidden folder, */
    size_t                  base_len;   /* so much of the path */
    int                     folder;     /* that one; -1: there is none */
    char                    name[40];   /* in there */
    char                    given[256]; /* the name it got in the end */
    selkies_exists_e        exists;
    uint64_t                offset;     /* bytes there are */
    uint64_t                total;
    uint64_t                reserve;    /* bytes that stay free */
    uint64_t                checked;    /* at this offset they did */
} selkies_upload_t;


/*
 * Begins an upload, or goes on with one where h->offset is not 0.  With
 * SELKIES_FILES_OFFSET, upload->offset says where it stands; that one, BUSY,
 * EXISTS and NO_SPACE before the first byte change nothing.  `root` must live
 * as long as the upload.
 */

selkies_files_result_t selkies_upload_begin(selkies_upload_t *upload,
    const selkies_root_t *root, const selkies_upload_headers_t *h,
    uint64_t reserve);

/* Appends.  After an error only selkies_upload_end() remains. */

selkies_files_result_t selkies_upload_write(selkies_upload_t *upload,
    const void *data, size_t len);

/*
 * Gives the file its name: folders on the way are made (2775 where the one
 * above has the bit, else 0775), and if there is a file of that name it is as
 * h->exists had it: one that is replaced passes its mode on, a new one has
 * 0664.  No other process can come in between.  Ends the upload, but with
 * SELKIES_FILES_EXISTS: then it may be ended so that it is kept, and finished
 * by another request.
 */

selkies_files_result_t selkies_upload_finish(selkies_upload_t *upload);

/*
 * Ends it.  With `keep`, one in slices stays where it is and may be gone on
 * with; otherwise nothing of it remains.
 */

void selkies_upload_end(selkies_upload_t *upload, int keep);

/* Makes a folder, and those on the way; one that is there is as good. */

selkies_files_result_t selkies_folder_create(const selkies_root_t *root,
    const selkies_path_t *path, uint64_t reserve);

/*
 * Removes what nobody has gone on with for SELKIES_UPLOAD_EXPIRES_S, from the
 * root, "", or the folder `below` it where a file system of its own begins:
 * the first base_len bytes of an upload's path.  Returns how many are left.
 */

size_t selkies_files_sweep(const selkies_root_t *root, const char *below);


/*
 * How many uploads there are at a time, and one for a file, over all
 * processes: locks on an inherited memory file, which the kernel frees with
 * the process.  Its descriptor is never closed or duplicated.
 */

typedef struct selkies_ticket_s  selkies_ticket_t;

struct selkies_ticket_s {
    selkies_ticket_t       *next;
    uint64_t                slot;
    uint64_t                file;
    int                     held;
};

typedef struct {
    int                     fd;
    selkies_ticket_t       *tickets;    /* of this process */
} selkies_gate_t;


/* OK, TOO_MANY or BUSY.  The ticket must stay where it is until it is left. */

selkies_files_result_t selkies_gate_enter(selkies_gate_t *gate,
    selkies_ticket_t *ticket, const selkies_root_t *root,
    const selkies_path_t *path, unsigned max);

/* Nothing happens where it is not held. */

void selkies_gate_leave(selkies_gate_t *gate, selkies_ticket_t *ticket);


#pragma GCC visibility pop


#endif /* SELKIES_FILES_H_INCLUDED */
