
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Uploads (selkies_files.h): from the first byte to the last.
 *
 * Of an upload nothing is seen before it is whole, not even a folder on its
 * way: those are made when it gets its name (selkies_files_place.c).  The
 * hidden folder lies where the file system begins that will have the file,
 * since a file cannot be renamed into another one, and is there only while
 * something is in it.
 *
 * Thread: the event loop.
 */


#include "selkies_files_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>


#define SELKIES_CHECK_BYTES     (UINT64_C(16) << 20)    /* is there room? */
#define SELKIES_STAGING_TRIES   4


static selkies_files_result_t selkies_upload_locate(selkies_upload_t *upload,
    int *above, unsigned *depth);
static selkies_files_result_t selkies_upload_open(selkies_upload_t *upload,
    const selkies_upload_headers_t *h, int above);
static selkies_files_result_t selkies_upload_new(selkies_upload_t *upload);
static selkies_files_result_t selkies_upload_old(selkies_upload_t *upload,
    uint64_t offset);


selkies_files_result_t
selkies_upload_begin(selkies_upload_t *upload, const selkies_root_t *root,
    const selkies_upload_headers_t *h, uint64_t reserve)
{
    int                     above;
    uint64_t                id;
    unsigned                depth;
    struct stat             st;
    selkies_files_result_t  result;

    upload->fd = -1;
    upload->root = root;
    upload->path = h->path;
    upload->base = -1;
    upload->folder = -1;
    upload->offset = h->offset;
    upload->total = h->total;
    upload->reserve = reserve;
    upload->checked = h->offset;
    upload->exists = h->exists;
    upload->given[0] = '\0';

    id = selkies_hash(SELKIES_HASH, h->id, sizeof(h->id[0]) * strlen(h->id));

    (void) snprintf(upload->name, sizeof(upload->name), "%016llx%016llx",
                    (unsigned long long) id,
                    (unsigned long long) selkies_hash(id, h->path.data,
                                                      h->path.len));

    result = selkies_upload_locate(upload, &above, &depth);

    if (result != SELKIES_FILES_OK) {
        return result;
    }

    if (depth + 1 == h->path.depth
        && fstatat(above, h->path.data + h->path.name, &st,
                   AT_SYMLINK_NOFOLLOW) == 0)
    {
        /* known before the first byte: most are told in time */

        if (S_ISDIR(st.st_mode)) {
            result = SELKIES_FILES_OCCUPIED;

        } else if (h->exists == SELKIES_EXISTS_REFUSE) {
            result = SELKIES_FILES_EXISTS;
        }
    }

    if (result == SELKIES_FILES_OK) {
        result = selkies_files_room(above, reserve,
                                    h->total != SELKIES_UPLOAD_UNKNOWN
                                    ? h->total - h->offset : 0);
    }

    if (result == SELKIES_FILES_OK) {
        result = selkies_upload_open(upload, h, above);
    }

    (void) close(above);

    if (result != SELKIES_FILES_OK) {
        selkies_upload_end(upload, 1);
    }

    return result;
}


/*
 * The last folder of the path that there is, after `depth` names, and the
 * first of its file system.
 */

static selkies_files_result_t
selkies_upload_locate(selkies_upload_t *upload, int *above, unsigned *depth)
{
    int                     fd, next;
    char                    path[SELKIES_PATH_BYTES], *name, *slash;
    struct stat             st, last;
    selkies_files_result_t  result;

    memcpy(path, upload->path.data, upload->path.len + 1);

    name = path;
    *above = -1;
    *depth = 0;

    fd = openat(upload->root->fd, ".", SELKIES_FOLDER);

    if (fd == -1 || fstat(fd, &last) == -1) {
        goto failed;
    }

    upload->base = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    upload->base_len = 0;

    while (upload->base != -1 && (slash = strchr(name, '/')) != NULL) {
        *slash = '\0';
        next = openat(fd, name, SELKIES_FOLDER);

        if (next == -1) {

            if (errno == ENOENT) {
                break;
            }

            if (errno == ENOTDIR) {
                selkies_tell_link(fd, name);
            }

            goto failed;
        }

        (void) close(fd);
        fd = next;

        if (fstat(fd, &st) == -1) {
            goto failed;
        }

        if (st.st_dev != last.st_dev) {
            (void) close(upload->base);
            upload->base = fcntl(fd, F_DUPFD_CLOEXEC, 0);
            upload->base_len = (size_t) (slash - path);
        }

        last = st;
        name = slash + 1;
        (*depth)++;
    }

    if (upload->base == -1) {
        goto failed;
    }

    *above = fd;

    return SELKIES_FILES_OK;

failed:

    result = selkies_files_error(errno);

    if (fd != -1) {
        (void) close(fd);
    }

    selkies_upload_end(upload, 1);

    return result;
}


selkies_files_result_t
selkies_files_room(int fd, uint64_t reserve, uint64_t more)
{
    uint64_t        room;
    struct statvfs  fs;

    if (fstatvfs(fd, &fs) == -1) {
        return SELKIES_FILES_FAILED;
    }

    room = (uint64_t) fs.f_bavail * fs.f_frsize;

    return room < reserve || room - reserve < more
           ? SELKIES_FILES_NO_SPACE : SELKIES_FILES_OK;
}


static selkies_files_result_t
selkies_upload_open(selkies_upload_t *upload, const selkies_upload_headers_t *h,
    int above)
{
    if (h->offset != 0) {
        return selkies_upload_old(upload, h->offset);
    }

    /* without a name nothing of it is left if this process is killed */

    if (h->id[0] == '\0' && access("/proc/self/fd", X_OK) == 0) {
        upload->fd = openat(above, ".", O_TMPFILE|O_WRONLY|O_CLOEXEC, 0600);

        /* locked, because it may lie in the hidden folder for a moment */

        if (upload->fd != -1) {
            return flock(upload->fd, LOCK_EX|LOCK_NB) == 0
                   ? SELKIES_FILES_OK : SELKIES_FILES_FAILED;
        }

        if (errno == EACCES || errno == EPERM || errno == EROFS
            || errno == ENOSPC || errno == EDQUOT)
        {
            return selkies_files_error(errno);
        }
    }

    return selkies_upload_new(upload);
}


static selkies_files_result_t
selkies_upload_new(selkies_upload_t *upload)
{
    (void) selkies_sweep_folder(upload->base);

    if (selkies_staging_put(upload, NULL) == -1) {
        return selkies_files_error(errno);
    }

    return flock(upload->fd, LOCK_EX|LOCK_NB) == 0 ? SELKIES_FILES_OK
                                                   : SELKIES_FILES_BUSY;
}


/* Another process removes the hidden folder as soon as it is empty. */

int
selkies_staging_put(selkies_upload_t *upload, const char *link)
{
    int       rc, err;
    unsigned  tries;

    for (tries = 0; tries < SELKIES_STAGING_TRIES; tries++) {

        if (mkdirat(upload->base, SELKIES_STAGING_NAME, 0700) == -1
            && errno != EEXIST)
        {
            return -1;
        }

        upload->folder = openat(upload->base, SELKIES_STAGING_NAME,
                                SELKIES_FOLDER);

        if (upload->folder != -1) {
            (void) unlinkat(upload->folder, upload->name, 0);

            if (link != NULL) {
                rc = linkat(AT_FDCWD, link, upload->folder, upload->name,
                            AT_SYMLINK_FOLLOW);

            } else {
                rc = upload->fd = openat(upload->folder, upload->name,
                                         O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW
                                         |O_CLOEXEC, 0600);
            }

            if (rc != -1) {
                return 0;
            }

            err = errno;
            (void) close(upload->folder);
            upload->folder = -1;
            errno = err;
        }

        if (errno != ENOENT) {
            break;
        }
    }

    return -1;
}


/* Whatever else lies there under the name is not gone on with. */

static selkies_files_result_t
selkies_upload_old(selkies_upload_t *upload, uint64_t offset)
{
    struct stat  st, named;

    upload->offset = 0;

    upload->folder = openat(upload->base, SELKIES_STAGING_NAME,
                            SELKIES_FOLDER);

    if (upload->folder == -1) {
        return SELKIES_FILES_OFFSET;
    }

    upload->fd = openat(upload->folder, upload->name,
                        O_WRONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);

    if (upload->fd == -1) {
        return SELKIES_FILES_OFFSET;
    }

    if (flock(upload->fd, LOCK_EX|LOCK_NB) == -1) {
        return SELKIES_FILES_BUSY;
    }

    /* it may have been swept just before */

    if (fstat(upload->fd, &st) == -1
        || fstatat(upload->folder, upload->name, &named,
                   AT_SYMLINK_NOFOLLOW) == -1
        || st.st_ino != named.st_ino || st.st_dev != named.st_dev
        || !S_ISREG(st.st_mode) || st.st_nlink != 1
        || st.st_uid != geteuid())
    {
        return SELKIES_FILES_OFFSET;
    }

    upload->offset = (uint64_t) st.st_size;

    return upload->offset == offset ? SELKIES_FILES_OK
                                    : SELKIES_FILES_OFFSET;
}


selkies_files_result_t
selkies_upload_write(selkies_upload_t *upload, const void *data, size_t len)
{
    ssize_t                 n;
    const uint8_t          *p = data;
    selkies_files_result_t  result;

    if (len > upload->total - upload->offset) {
        return SELKIES_FILES_BAD_SIZE;
    }

    if (upload->offset - upload->checked >= SELKIES_CHECK_BYTES) {
        result = selkies_files_room(upload->fd, upload->reserve, 0);
        upload->checked = upload->offset;

        if (result != SELKIES_FILES_OK) {
            return result;
        }
    }

    while (len != 0) {
        n = pwrite(upload->fd, p, len, (off_t) upload->offset);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n <= 0) {
            return n == 0 ? SELKIES_FILES_FAILED : selkies_files_error(errno);
        }

        p += n;
        len -= (size_t) n;
        upload->offset += (uint64_t) n;
    }

    return SELKIES_FILES_OK;
}


selkies_files_result_t
selkies_upload_finish(selkies_upload_t *upload)
{
    selkies_files_result_t  result;

    result = SELKIES_FILES_BAD_SIZE;

    if (upload->total == SELKIES_UPLOAD_UNKNOWN
        || upload->total == upload->offset)
    {
        result = selkies_upload_place(upload);
    }

    if (result != SELKIES_FILES_EXISTS) {
        selkies_upload_end(upload, 0);
    }

    return result;
}


void
selkies_upload_end(selkies_upload_t *upload, int keep)
{
    if (upload->folder != -1) {

        if (!keep && upload->fd != -1) {
            (void) unlinkat(upload->folder, upload->name, 0);
        }

        (void) close(upload->folder);
        upload->folder = -1;

        /* while anything is in it, it stays */

        (void) unlinkat(upload->base, SELKIES_STAGING_NAME, AT_REMOVEDIR);
    }

    if (upload->base != -1) {
        (void) close(upload->base);
        upload->base = -1;
    }

    if (upload->fd != -1) {
        (void) close(upload->fd);
        upload->fd = -1;
    }
}
