
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * How a file gets its name (selkies_files.h), and the folders on its way.
 *
 * A folder may be renamed to anywhere while something is put into it.  So the
 * way is gone once more when all is done, and what did not come to lie where
 * it was asked for is removed by descriptors, wherever that is by then.
 *
 * Whether a name is free is never asked first: the kernel takes it, or says
 * that it is not.
 *
 * Thread: the event loop.
 */


#include "selkies_files_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>


#define SELKIES_NUMBERS        999
#define SELKIES_SUFFIX_BYTES   16           /* a longer one is none */

/* linux/fs.h */

#define SELKIES_NOREPLACE      0x1


/* Folders of a path, opened one after the other. */

typedef struct {
    const selkies_root_t   *root;
    const selkies_path_t   *path;
    unsigned                depth;          /* names that are folders */
    unsigned                reached;        /* so many of them */
    unsigned                kept;           /* what is behind these is new */
    int                     fd;             /* the last one, or -1 */
} selkies_way_t;


static selkies_files_result_t selkies_place_file(selkies_upload_t *upload,
    int parent);
static int selkies_place_name(selkies_upload_t *upload, int parent);
static int selkies_rename_new(int from, const char *name, int to,
    const char *given);
static void selkies_number_name(char *buf, size_t size, const char *name,
    unsigned number);
static void selkies_place_undo(selkies_upload_t *upload, int parent);

static selkies_files_result_t selkies_way_open(selkies_way_t *way,
    const selkies_root_t *root, const selkies_path_t *path, unsigned depth,
    int make);
static int selkies_way_folder(selkies_way_t *way, const char *name);
static int selkies_way_stayed(const selkies_way_t *way);
static void selkies_way_undo(selkies_way_t *way);
static void selkies_way_close(selkies_way_t *way);


selkies_files_result_t
selkies_upload_place(selkies_upload_t *upload)
{
    selkies_way_t           way;
    selkies_files_result_t  result;

    result = selkies_way_open(&way, upload->root, &upload->path,
                              upload->path.depth - 1, 1);

    if (result == SELKIES_FILES_OK) {
        result = selkies_place_file(upload, way.fd);
    }

    if (result == SELKIES_FILES_OK && !selkies_way_stayed(&way)) {
        selkies_place_undo(upload, way.fd);
        result = SELKIES_FILES_MOVED;
    }

    if (result != SELKIES_FILES_OK) {
        selkies_way_undo(&way);
    }

    selkies_way_close(&way);

    return result;
}


selkies_files_result_t
selkies_folder_create(const selkies_root_t *root, const selkies_path_t *path,
    uint64_t reserve)
{
    selkies_way_t           way;
    selkies_files_result_t  result;

    result = selkies_files_room(root->fd, reserve, 0);

    if (result != SELKIES_FILES_OK) {
        return result;
    }

    result = selkies_way_open(&way, root, path, path->depth, 1);

    if (result == SELKIES_FILES_OK && !selkies_way_stayed(&way)) {
        result = SELKIES_FILES_MOVED;
    }

    if (result != SELKIES_FILES_OK) {
        selkies_way_undo(&way);
    }

    selkies_way_close(&way);

    return result;
}


/* ---- the file ---- */

static selkies_files_result_t
selkies_place_file(selkies_upload_t *upload, int parent)
{
    mode_t       mode;
    unsigned     number;
    const char  *name;
    struct stat  st;

    name = upload->path.data + upload->path.name;
    mode = 0664;

    if (upload->exists == SELKIES_EXISTS_REPLACE
        && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0
        && S_ISREG(st.st_mode))
    {
        mode = st.st_mode & 0777;
    }

    if (fchmod(upload->fd, mode) == -1) {
        return selkies_files_error(errno);
    }

    (void) snprintf(upload->given, sizeof(upload->given), "%s", name);

    for (number = 1; selkies_place_name(upload, parent) == -1; number++) {

        if (errno != EEXIST || upload->exists == SELKIES_EXISTS_REPLACE) {
            return selkies_files_error(errno);
        }

        if (upload->exists == SELKIES_EXISTS_REFUSE) {

            /* a folder cannot be replaced either */

            return fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0
                   && S_ISDIR(st.st_mode)
                   ? SELKIES_FILES_OCCUPIED : SELKIES_FILES_EXISTS;
        }

        if (number > SELKIES_NUMBERS) {
            return SELKIES_FILES_OCCUPIED;
        }

        selkies_number_name(upload->given, sizeof(upload->given), name, number);
    }

    return SELKIES_FILES_OK;
}


static int
selkies_place_name(selkies_upload_t *upload, int parent)
{
    char  link[32];

    if (upload->folder == -1) {
        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", upload->fd);

        if (linkat(AT_FDCWD, link, parent, upload->given, AT_SYMLINK_FOLLOW)
            == 0)
        {
            return 0;
        }

        /* a link replaces nothing; a rename does, at once */

        if (errno != EEXIST || upload->exists != SELKIES_EXISTS_REPLACE
            || selkies_staging_put(upload, link) == -1)
        {
            return -1;
        }
    }

    if (upload->exists == SELKIES_EXISTS_REPLACE) {
        return renameat(upload->folder, upload->name, parent, upload->given);
    }

    return selkies_rename_new(upload->folder, upload->name, parent,
                              upload->given);
}


static int
selkies_rename_new(int from, const char *name, int to, const char *given)
{
    /* not every C library has a function for it */

    if (syscall(SYS_renameat2, from, name, to, given, SELKIES_NOREPLACE)
        == 0)
    {
        return 0;
    }

    /* nor has every file system the flag */

    if ((errno != EINVAL && errno != ENOSYS)
        || linkat(from, name, to, given, 0) == -1)
    {
        return -1;
    }

    return unlinkat(from, name, 0);
}


/* "name (1).ext", as long as a name may be; ".tar.gz" is one ending. */

static void
selkies_number_name(char *buf, size_t size, const char *name, unsigned number)
{
    char         text[16];
    size_t       len, stem, n, rest;
    const char  *dot;

    len = strlen(name);
    dot = strrchr(name, '.');
    stem = dot == NULL || dot == name
           || len - (size_t) (dot - name) > SELKIES_SUFFIX_BYTES
           ? len : (size_t) (dot - name);

    if (stem > 4 && stem != len && memcmp(name + stem - 4, ".tar", 4) == 0) {
        stem -= 4;
    }

    n = (size_t) snprintf(text, sizeof(text), " (%u)", number);
    dot = name + stem;
    rest = len - stem;

    if (stem + n + rest >= size) {
        stem = size - 1 - n - rest;

        /* not within a character */

        while (stem > 0 && ((unsigned char) name[stem] & 0xc0) == 0x80) {
            stem--;
        }
    }

    memcpy(buf, name, stem);
    memcpy(buf + stem, text, n);
    memcpy(buf + stem + n, dot, rest + 1);
}


static void
selkies_place_undo(selkies_upload_t *upload, int parent)
{
    struct stat  a, b;

    if (fstat(upload->fd, &a) == 0
        && fstatat(parent, upload->given, &b, AT_SYMLINK_NOFOLLOW) == 0
        && a.st_ino == b.st_ino && a.st_dev == b.st_dev)
    {
        (void) unlinkat(parent, upload->given, 0);
    }
}


/* ---- the way ---- */

/* Whatever comes of it, the way may be undone and has to be closed. */

static selkies_files_result_t
selkies_way_open(selkies_way_t *way, const selkies_root_t *root,
    const selkies_path_t *path, unsigned depth, int make)
{
    int   next;
    char  buf[SELKIES_PATH_BYTES], *name, *slash;

    way->root = root;
    way->path = path;
    way->depth = depth;
    way->reached = 0;
    way->kept = depth;
    way->fd = openat(root->fd, ".", SELKIES_FOLDER);

    if (way->fd == -1) {
        return selkies_files_error(errno);
    }

    memcpy(buf, path->data, path->len + 1);

    for (name = buf; way->reached < depth; name = slash + 1) {
        slash = strchr(name, '/');

        if (slash != NULL) {
            *slash = '\0';
        }

        next = openat(way->fd, name, SELKIES_FOLDER);

        if (next == -1 && errno == ENOENT && make) {
            next = selkies_way_folder(way, name);
        }

        if (next == -1) {

            if (errno == ENOTDIR) {
                selkies_tell_link(way->fd, name);
            }

            return selkies_files_error(errno);
        }

        (void) close(way->fd);
        way->fd = next;
        way->reached++;

        if (slash == NULL) {
            break;
        }
    }

    return SELKIES_FILES_OK;
}


/*
 * A new folder, open to the group whatever the umask says.  The bit that
 * passes the group on comes from the folder above, by mkdir() itself.
 */

static int
selkies_way_folder(selkies_way_t *way, const char *name)
{
    int          fd, err;
    struct stat  st;

    if (mkdirat(way->fd, name, 0775) == -1) {

        /* another one was faster: it is not new */

        return errno == EEXIST ? openat(way->fd, name, SELKIES_FOLDER) : -1;
    }

    if (way->reached < way->kept) {
        way->kept = way->reached;
    }

    fd = openat(way->fd, name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (fd != -1 && fstat(fd, &st) == 0 && (st.st_mode & 0775) != 0775
        && st.st_uid == geteuid()
        && fchmod(fd, (st.st_mode & 07777) | 0775) == -1)
    {
        err = errno;
        (void) close(fd);
        fd = -1;
        errno = err;
    }

    if (fd == -1) {
        err = errno;
        (void) unlinkat(way->fd, name, AT_REMOVEDIR);
        errno = err;
    }

    return fd;
}


static int
selkies_way_stayed(const selkies_way_t *way)
{
    int            stayed;
    struct stat    a, b;
    selkies_way_t  again;

    stayed = selkies_way_open(&again, way->root, way->path, way->depth, 0)
             == SELKIES_FILES_OK
             && fstat(way->fd, &a) == 0 && fstat(again.fd, &b) == 0
             && a.st_ino == b.st_ino && a.st_dev == b.st_dev;

    selkies_way_close(&again);

    return stayed;
}


/*
 * Folders that were made go again, unless somebody uses them: from the last one
 * upwards, wherever that is by now.
 */

static void
selkies_way_undo(selkies_way_t *way)
{
    int          above;
    char         buf[SELKIES_PATH_BYTES], *name, *end;
    unsigned     n;
    struct stat  a, b;

    memcpy(buf, way->path->data, way->path->len + 1);

    for (end = buf, n = 0; n < way->reached && end != NULL; n++) {
        end = strchr(end + (n != 0), '/');
    }

    if (end != NULL) {
        *end = '\0';
    }

    for ( /* void */ ; way->reached > way->kept; way->reached--) {
        end = strrchr(buf, '/');
        name = end != NULL ? end + 1 : buf;
        above = openat(way->fd, "..", SELKIES_FOLDER);

        if (above == -1) {
            return;
        }

        if (fstat(way->fd, &a) == 0
            && fstatat(above, name, &b, AT_SYMLINK_NOFOLLOW) == 0
            && a.st_ino == b.st_ino && a.st_dev == b.st_dev)
        {
            (void) unlinkat(above, name, AT_REMOVEDIR);
        }

        (void) close(way->fd);
        way->fd = above;

        if (end != NULL) {
            *end = '\0';
        }
    }
}


static void
selkies_way_close(selkies_way_t *way)
{
    if (way->fd != -1) {
        (void) close(way->fd);
    }
}
