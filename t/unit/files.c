
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Uploads, folders and the gate, against a folder of its own: what a client
 * names and what a program of the desktop does meanwhile never reaches
 * what lies beside the root.
 *
 * Thread: the main thread, and one that renames.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RANDOM_SEED  7

#include "random.h"
#include "tap.h"
#include "../../ngx_selkies_module/selkies_files.h"


static char            top[] = "/tmp/selkies-files-XXXXXX";
static char            inside[64], beside[64];
static selkies_root_t  root;
static atomic_int      unplanted;      /* links that could not be made */


static int
parse(const char *text, size_t len, int made, selkies_path_t *path)
{
    return selkies_path_parse(path, (const uint8_t *) text,
                              (const uint8_t *) text + len, made);
}


/* ---- uploads ---- */

static selkies_upload_t  upload;
static selkies_exists_e  exists;        /* what begin() asks for */


static selkies_files_result_t
begin(const char *path, const char *id, uint64_t offset, uint64_t total)
{
    selkies_upload_headers_t  h;

    memset(&h, 0, sizeof(h));

    if (parse(path, strlen(path), 1, &h.path) != 0) {
        return SELKIES_FILES_BAD_PATH;
    }

    snprintf(h.id, sizeof(h.id), "%s", id);
    h.offset = offset;
    h.total = total;
    h.exists = exists;

    return selkies_upload_begin(&upload, &root, &h, 0);
}


static selkies_files_result_t
put(const char *path, const char *text)
{
    selkies_files_result_t  rc;

    rc = begin(path, "", 0, strlen(text));

    if (rc == SELKIES_FILES_OK) {
        rc = selkies_upload_write(&upload, text, strlen(text));
    }

    if (rc != SELKIES_FILES_OK) {
        selkies_upload_end(&upload, 0);
        return rc;
    }

    rc = selkies_upload_finish(&upload);

    if (rc == SELKIES_FILES_EXISTS) {
        selkies_upload_end(&upload, 0);
    }

    return rc;
}


static selkies_files_result_t
folder(const char *name)
{
    selkies_path_t  path;

    return parse(name, strlen(name), 1, &path) != 0
           ? SELKIES_FILES_BAD_PATH
           : selkies_folder_create(&root, &path, 0);
}


static int
holds(const char *folder, const char *name, const char *want)
{
    int      fd, rc;
    char     path[3000], buf[64];
    ssize_t  n;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    fd = open(path, O_RDONLY);

    if (fd == -1) {
        return want == NULL;
    }

    n = read(fd, buf, sizeof(buf));
    (void) close(fd);

    rc = want != NULL && n == (ssize_t) strlen(want)
         && memcmp(buf, want, (size_t) n) == 0;

    return rc;
}


static unsigned  counted;


static int
count(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    counted++;

    return 0;
}


/* Everything below the folder, itself not counted. */

static unsigned
entries(const char *folder)
{
    counted = 0;
    (void) nftw(folder, count, 16, FTW_PHYS);

    return counted - 1;
}


static int
erase(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return ftw->level == 0 ? 0 : remove(path);
}


static void
empty(const char *folder)
{
    (void) nftw(folder, erase, 16, FTW_PHYS|FTW_DEPTH);
}


static void
plant(const char *target, const char *path)
{
    if (symlink(target, path) == -1) {
        atomic_fetch_add(&unplanted, 1);
    }
}


static char *
at(const char *folder, const char *name)
{
    static char      path[4][3000];
    static unsigned  n;

    n = (n + 1) % 4;
    snprintf(path[n], sizeof(path[n]), "%s/%s", folder, name);

    return path[n];
}


static void
whole(void)
{
    struct stat  st;

    ok(put("a.txt", "one") == SELKIES_FILES_OK
       && holds(inside, "a.txt", "one"), "a file");
    ok(stat(at(inside, "a.txt"), &st) == 0 && (st.st_mode & 07777) == 0664,
       "its mode");
    ok(put("empty", "") == SELKIES_FILES_OK && holds(inside, "empty", ""),
       "an empty one");
    ok(put("a:b.bin", "x") == SELKIES_FILES_OK
       && holds(inside, "a:b.bin", "x"), "with a colon");

    (void) chmod(at(inside, "a.txt"), 0640);
    ok(put("a.txt", "two") == SELKIES_FILES_OK
       && holds(inside, "a.txt", "two")
       && stat(at(inside, "a.txt"), &st) == 0 && (st.st_mode & 07777) == 0640,
       "replaced, with the mode it had");

    ok(put("d/e/f.txt", "deep") == SELKIES_FILES_OK
       && holds(inside, "d/e/f.txt", "deep"), "folders on its way");
    ok(stat(at(inside, "d"), &st) == 0 && (st.st_mode & 0777) == 0775,
       "their mode");

    (void) chmod(inside, 02775);
    ok(put("g/h/i", "x") == SELKIES_FILES_OK
       && stat(at(inside, "g/h"), &st) == 0 && (st.st_mode & 07777) == 02775,
       "and below one that passes its group on");

    ok(put("d", "x") == SELKIES_FILES_OCCUPIED, "a folder has its name");
    ok(put("a.txt/b", "x") == SELKIES_FILES_OCCUPIED, "a file has a folder's");
    ok(put("../x", "x") == SELKIES_FILES_BAD_PATH, "outside");

    ok(begin("s", "", 0, 3) == SELKIES_FILES_OK
       && selkies_upload_write(&upload, "four", 4) == SELKIES_FILES_BAD_SIZE,
       "more than was said");
    selkies_upload_end(&upload, 0);
    ok(begin("s", "", 0, 3) == SELKIES_FILES_OK
       && selkies_upload_write(&upload, "2", 1) == SELKIES_FILES_OK
       && selkies_upload_finish(&upload) == SELKIES_FILES_BAD_SIZE,
       "less than was said");
    ok(holds(inside, "s", NULL), "neither is there");

    ok(begin("n/e/w/s", "", 0, 3) == SELKIES_FILES_OK
       && selkies_upload_write(&upload, "2", 1) == SELKIES_FILES_OK, "begun");
    ok(entries(inside) == 9, "nothing is seen of it");
    selkies_upload_end(&upload, 0);
    ok(entries(inside) == 9, "nor is anything left");
}


static void
slices(void)
{
    unsigned                i;
    struct timespec         times[2] = { { 0, 0 }, { 0, 0 } };
    char                    hidden[3000];
    selkies_files_result_t  rc;

    empty(inside);

    for (i = 0, rc = SELKIES_FILES_OK; i < 4 && rc == SELKIES_FILES_OK; i++) {
        rc = begin("new/big", "id", 2 * i, 8);

        if (rc == SELKIES_FILES_OK) {
            rc = selkies_upload_write(&upload, "ab", 2);
        }

        if (i != 3) {
            selkies_upload_end(&upload, 1);
            ok(entries(inside) == 2, "slice %u, all is hidden", i);
        }
    }

    ok(rc == SELKIES_FILES_OK
       && selkies_upload_finish(&upload) == SELKIES_FILES_OK
       && holds(inside, "new/big", "abababab"), "in four slices");
    ok(entries(inside) == 2, "no folder is left");

    ok(begin("x", "id", 4, 8) == SELKIES_FILES_OFFSET && upload.offset == 0,
       "what never began");
    ok(begin("x", "id", 0, 8) == SELKIES_FILES_OK
       && selkies_upload_write(&upload, "ab", 2) == SELKIES_FILES_OK, "begun");
    selkies_upload_end(&upload, 1);
    ok(begin("x", "id", 4, 8) == SELKIES_FILES_OFFSET && upload.offset == 2,
       "it stands elsewhere");
    ok(begin("x", "other", 2, 8) == SELKIES_FILES_OFFSET && upload.offset == 0,
       "another id's");
    ok(begin("y", "id", 2, 8) == SELKIES_FILES_OFFSET && upload.offset == 0,
       "another path's");
    ok(begin("x", "id", 2, 8) == SELKIES_FILES_OK
       && selkies_upload_write(&upload, "cd", 2) == SELKIES_FILES_OK, "on");
    selkies_upload_end(&upload, 1);
    ok(begin("x", "id", 0, 2) == SELKIES_FILES_OK
       && selkies_upload_write(&upload, "ef", 2) == SELKIES_FILES_OK
       && selkies_upload_finish(&upload) == SELKIES_FILES_OK
       && holds(inside, "x", "ef"), "and all over again");

    ok(begin("z", "id", 0, 8) == SELKIES_FILES_OK, "one more");
    snprintf(hidden, sizeof(hidden), "%s/" SELKIES_STAGING_NAME "/%s", inside,
             upload.name);
    (void) utimensat(AT_FDCWD, hidden, times, 0);
    ok(selkies_files_sweep(&root, "") == 1, "what is written to is not swept");
    (void) selkies_upload_write(&upload, "ab", 2);
    selkies_upload_end(&upload, 1);
    ok(selkies_files_sweep(&root, "") == 1, "nor what is new");
    (void) utimensat(AT_FDCWD, hidden, times, 0);
    ok(selkies_files_sweep(&root, "") == 0 && access(hidden, F_OK) == -1,
       "what is old is");
    ok(entries(inside) == 3, "and the folder goes");

    /* a stranger's file under the name is not gone on with */

    (void) mkdir(at(inside, SELKIES_STAGING_NAME), 0777);
    plant(at(beside, "secret"), hidden);
    ok(begin("z", "id", 6, 8) == SELKIES_FILES_OFFSET && upload.offset == 0,
       "it is not followed");
    ok(begin("z", "id", 0, 8) == SELKIES_FILES_OK
       && selkies_upload_write(&upload, "zz", 2) == SELKIES_FILES_OK, "anew");
    selkies_upload_end(&upload, 0);
    ok(link(at(beside, "secret"), hidden) == -1
       || (begin("z", "id", 6, 8) == SELKIES_FILES_OFFSET
           && upload.offset == 0), "nor a second name of a file");
    empty(inside);
    plant(beside, at(inside, SELKIES_STAGING_NAME));
    ok(begin("z", "id", 0, 8) == SELKIES_FILES_OCCUPIED,
       "nor a link in the hidden folder's place");
    ok(holds(beside, "secret", "secret") && entries(beside) == 1,
       "what lies beside is as it was");
}


/* What becomes of a file that is there, in one piece and in slices. */

static void
existing(void)
{
    size_t  i;
    char    name[256], want[256];

    static const struct {
        const char  *name, *second, *third;
    } rows[] = {
        { "a.txt", "a (1).txt", "a (2).txt" },
        { "noend", "noend (1)", "noend (2)" },
        { ".hidden", ".hidden (1)", ".hidden (2)" },
        { "b.tar.gz", "b (1).tar.gz", "b (2).tar.gz" },
        { "tar.gz", "tar (1).gz", "tar (2).gz" },
        { "dot.", "dot (1).", "dot (2)." },
        { "v1.2 of what was said", "v1.2 of what was said (1)",
          "v1.2 of what was said (2)" }
    };

    empty(inside);
    exists = SELKIES_EXISTS_KEEP;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ok(put(rows[i].name, "one") == SELKIES_FILES_OK
           && strcmp(upload.given, rows[i].name) == 0
           && put(rows[i].name, "two") == SELKIES_FILES_OK
           && strcmp(upload.given, rows[i].second) == 0
           && put(rows[i].name, "three") == SELKIES_FILES_OK
           && strcmp(upload.given, rows[i].third) == 0,
           "both are kept: %s, then %s", rows[i].name, upload.given);
        ok(holds(inside, rows[i].name, "one")
           && holds(inside, rows[i].second, "two")
           && holds(inside, rows[i].third, "three"), "each with its own");
    }

    /* 255 bytes, of which the last character of the stem has to go */

    memset(name, 'n', sizeof(name));
    memcpy(name + 246, "\xe6\x97\xa5.text", 9);
    name[255] = '\0';
    memset(want, 'n', sizeof(want));
    memcpy(want + 246, " (1).text", 10);
    ok(put(name, "x") == SELKIES_FILES_OK && put(name, "y") == SELKIES_FILES_OK
       && strcmp(upload.given, want) == 0 && holds(inside, want, "y"),
       "as long as a name may be");

    (void) mkdir(at(inside, "d"), 0755);
    ok(put("d", "x") == SELKIES_FILES_OCCUPIED, "a folder is no file");

    plant(at(beside, "secret"), at(inside, "leak"));
    ok(put("leak", "x") == SELKIES_FILES_OK && holds(inside, "leak (1)", "x")
       && holds(inside, "leak", "secret"), "a link is one");

    exists = SELKIES_EXISTS_REFUSE;
    ok(put("a.txt", "four") == SELKIES_FILES_EXISTS
       && holds(inside, "a.txt", "one"), "refused before the first byte");
    ok(put("leak", "x") == SELKIES_FILES_EXISTS
       && holds(beside, "secret", "secret"), "a link, too");
    ok(put("new", "x") == SELKIES_FILES_OK && holds(inside, "new", "x"),
       "what is not there is no matter");

    /* it comes while it is uploaded */

    ok(begin("late", "", 0, 1) == SELKIES_FILES_OK
       && selkies_upload_write(&upload, "x", 1) == SELKIES_FILES_OK, "begun");
    exists = SELKIES_EXISTS_REPLACE;
    (void) close(open(at(inside, "late"), O_WRONLY|O_CREAT, 0600));
    ok(selkies_upload_finish(&upload) == SELKIES_FILES_EXISTS
       && holds(inside, "late", ""), "refused at the last moment");
    selkies_upload_end(&upload, 0);

    exists = SELKIES_EXISTS_REFUSE;
    ok(begin("later", "id", 0, 2) == SELKIES_FILES_OK
       && selkies_upload_write(&upload, "ab", 2) == SELKIES_FILES_OK, "begun");
    (void) close(open(at(inside, "later"), O_WRONLY|O_CREAT, 0600));
    ok(selkies_upload_finish(&upload) == SELKIES_FILES_EXISTS, "in slices");
    selkies_upload_end(&upload, 1);
    exists = SELKIES_EXISTS_KEEP;
    ok(begin("later", "id", 2, 2) == SELKIES_FILES_OK
       && selkies_upload_finish(&upload) == SELKIES_FILES_OK
       && holds(inside, "later (1)", "ab") && holds(inside, "later", ""),
       "what came is not sent again");
    exists = SELKIES_EXISTS_REPLACE;
    ok(begin("later", "id", 0, 2) == SELKIES_FILES_OK
       && selkies_upload_write(&upload, "cd", 2) == SELKIES_FILES_OK
       && selkies_upload_finish(&upload) == SELKIES_FILES_OK
       && holds(inside, "later", "cd"), "replaced");
    ok(access(at(inside, SELKIES_STAGING_NAME), F_OK) == -1,
       "nothing hidden is left");
}


static void
folders(void)
{
    struct stat  st;

    empty(inside);
    (void) chmod(inside, 02775);

    ok(folder("a/b/c") == SELKIES_FILES_OK
       && stat(at(inside, "a/b/c"), &st) == 0 && S_ISDIR(st.st_mode)
       && (st.st_mode & 07777) == 02775, "a folder, and those on its way");
    ok(folder("a/b") == SELKIES_FILES_OK && entries(inside) == 3,
       "one that is there");
    ok(put("a/f", "x") == SELKIES_FILES_OK
       && folder("a/f") == SELKIES_FILES_OCCUPIED
       && folder("a/f/g") == SELKIES_FILES_OCCUPIED, "a file has the name");
    ok(folder("..") == SELKIES_FILES_BAD_PATH
       && folder("") == SELKIES_FILES_BAD_PATH, "none");
    plant(beside, at(inside, "way"));
    ok(folder("way") == SELKIES_FILES_LINK
       && folder("way/x/y") == SELKIES_FILES_LINK
       && entries(beside) == 1, "a link is none");
}


/* ---- hostile ---- */

static void
links(void)
{
    int             fd;
    selkies_path_t  path;

    empty(inside);
    plant(beside, at(inside, "way"));
    plant(at(beside, "secret"), at(inside, "leak"));
    (void) mkdir(at(inside, "d"), 0755);
    (void) mkfifo(at(inside, "fifo"), 0666);

    ok(put("way/x", "x") == SELKIES_FILES_LINK, "a link on the way");
    ok(put("way/new/x", "x") == SELKIES_FILES_LINK, "a link before new ones");
    ok(put("leak", "x") == SELKIES_FILES_OK && holds(inside, "leak", "x")
       && holds(beside, "secret", "secret"), "a link is replaced itself");
    ok(put("fifo", "x") == SELKIES_FILES_OK && holds(inside, "fifo", "x"),
       "so is a pipe");

    /* planted while it is under way */

    ok(begin("d/x", "", 0, 1) == SELKIES_FILES_OK
       && selkies_upload_write(&upload, "x", 1) == SELKIES_FILES_OK, "begun");
    (void) rmdir(at(inside, "d"));
    plant(beside, at(inside, "d"));
    ok(selkies_upload_finish(&upload) == SELKIES_FILES_LINK, "refused");
    ok(entries(beside) == 1, "nothing is beside");

    plant(at(beside, "secret"), at(inside, "leak2"));
    (void) mkfifo(at(inside, "pipe"), 0666);

    for (root.walk = 0; root.walk < 2; root.walk++) {
        (void) parse("leak2", 5, 0, &path);
        ok(selkies_files_open(&root, &path, &fd) == SELKIES_FILES_LINK,
           "a link is not read, %d", root.walk);
        (void) parse("way/secret", 10, 0, &path);
        ok(selkies_files_open(&root, &path, &fd) == SELKIES_FILES_LINK,
           "nor what is behind one");
        (void) parse("pipe", 4, 0, &path);
        ok(selkies_files_open(&root, &path, &fd) == SELKIES_FILES_DENIED,
           "nor a pipe");
        (void) parse("leak/x", 6, 0, &path);
        ok(selkies_files_open(&root, &path, &fd) == SELKIES_FILES_MISSING,
           "nor what is below a file");
        (void) parse("none", 4, 0, &path);
        ok(selkies_files_open(&root, &path, &fd) == SELKIES_FILES_MISSING,
           "nor what is not there");
        (void) parse("leak", 4, 0, &path);
        ok(selkies_files_open(&root, &path, &fd) == SELKIES_FILES_OK,
           "a file is");
        (void) close(fd);
        (void) parse("", 0, 0, &path);
        ok(selkies_files_open(&root, &path, &fd) == SELKIES_FILES_OK,
           "and the root");
        (void) close(fd);
    }

    root.walk = 0;
}


static atomic_int  racing;


/* A folder, a link to what lies beside, and the folder moved out and back. */

static void *
rename_about(void *data)
{
    char  race[128], away[128], out[128];

    snprintf(race, sizeof(race), "%s/race", inside);
    snprintf(away, sizeof(away), "%s/away", inside);
    snprintf(out, sizeof(out), "%s/out", beside);

    while (atomic_load(&racing)) {
        (void) rename(race, away);
        plant(beside, race);
        (void) unlink(race);
        (void) rename(away, race);
        (void) rename(race, out);
        (void) rename(out, race);
    }

    return NULL;
}


static void
race(void)
{
    int             fd, leaked;
    unsigned        i, j, done, refused, left;
    char            name[32];
    pthread_t       thread;
    selkies_path_t  path;

    static unsigned char      failed[3000];
    static const char *const  folders[] = { "race", "away", "back" };

    empty(inside);
    (void) mkdir(at(inside, "race"), 0755);

    atomic_store(&racing, 1);
    (void) pthread_create(&thread, NULL, rename_about, NULL);

    done = refused = 0;
    leaked = 0;

    for (i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "race/f%u", i % 50);

        /* with folders of its own, and such alone */

        if (i % 3 == 1) {
            snprintf(name, sizeof(name), "race/n%u/o/f", i);
        }

        if (i % 3 == 2) {
            snprintf(name, sizeof(name), "race/n%u/o", i);
        }

        exists = i % 2 ? SELKIES_EXISTS_KEEP : SELKIES_EXISTS_REPLACE;

        failed[i] = (i % 3 == 2 ? folder(name) : put(name, "x"))
                    != SELKIES_FILES_OK;
        done += !failed[i];
        refused += failed[i];

        (void) parse("race/secret", 11, 0, &path);
        root.walk = (int) (i & 1);

        if (selkies_files_open(&root, &path, &fd) == SELKIES_FILES_OK) {
            leaked++;
            (void) close(fd);
        }
    }

    root.walk = 0;
    exists = SELKIES_EXISTS_REPLACE;
    atomic_store(&racing, 0);
    (void) pthread_join(thread, NULL);

    /* it could not be moved back where a folder was made in its place */

    (void) rename(at(beside, "out"), at(inside, "back"));

    ok(done + refused == 3000 && leaked == 0,
       "renamed meanwhile: %u done, %u refused, %d read beside", done, refused,
       leaked);
    ok(entries(beside) == 1 && holds(beside, "secret", "secret"),
       "what lies beside is as it was");
    ok(access(at(inside, SELKIES_STAGING_NAME), F_OK) == -1,
       "and nothing hidden is left");

    for (i = left = 0; i < 3000; i++) {

        for (j = 0; failed[i] && j < 3; j++) {
            snprintf(name, sizeof(name), "%s/n%u", folders[j], i);
            left += access(at(inside, name), F_OK) == 0;
        }
    }

    ok(left == 0, "nor a folder of what was refused: %u", left);
}


static void
hostile(void)
{
    size_t       n, j;
    char         name[600];
    unsigned     i, taken;
    struct stat  before, after;

    static const char *const  parts[] = {
        "..", "../", "/", "//", ".", "./", "%2e%2e", "%2e%2e%2f", "..%2f",
        "%00", "\\", "..\\", "\xc0\xae", "\xc0\xaf", "\xe0\x80\xae", "\xff",
        "\n", "\r", "\t", "\x01", "con", "aux", "a", "b", "way", "way/", "~",
        "$HOME", "`id`", "|", ";", "*", "?", ".selkies-upload",
        ".selkies-upload/", "secret", "beside", "\xe2\x80\xae", "\xef\xbb\xbf",
        "\xed\xa0\x80", "race/", "etc/passwd"
    };

    empty(inside);
    plant(beside, at(inside, "way"));
    (void) stat(beside, &before);

    for (i = 0, taken = 0; i < 10000; i++) {

        for (n = 0, j = random_number(6) + 1; j > 0; j--) {
            n += (size_t) snprintf(name + n, sizeof(name) - n, "%s",
                                   parts[random_number(sizeof(parts)
                                                 / sizeof(parts[0]))]);
        }

        if (i % 100 == 0) {
            n = 255 + i % 200 / 100;
            memset(name, 'n', n);
            name[n] = '\0';
        }

        taken += put(name, "x") == SELKIES_FILES_OK;
    }

    (void) stat(beside, &after);

    ok(taken > 100, "10000 names, %u taken", taken);
    ok(entries(beside) == 1 && holds(beside, "secret", "secret")
       && before.st_mtim.tv_sec == after.st_mtim.tv_sec
       && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec,
       "no write outside the root");
    ok(entries(top) == entries(inside) + entries(beside) + 2,
       "nor above it");
}


static void
gate(void)
{
    int               status;
    pid_t             pid;
    unsigned          i;
    selkies_gate_t    g;
    selkies_path_t    path;
    selkies_ticket_t  t[6];

    g.fd = memfd_create("gate", MFD_CLOEXEC);
    g.tickets = NULL;

    for (i = 0; i < 4; i++) {
        char  name = (char) ('a' + i);

        (void) parse(&name, 1, 1, &path);
        ok(selkies_gate_enter(&g, &t[i], &root, &path, 4) == SELKIES_FILES_OK,
           "upload %u", i);
    }

    (void) parse("a", 1, 1, &path);
    ok(selkies_gate_enter(&g, &t[4], &root, &path, 4) == SELKIES_FILES_BUSY,
       "the same file");
    (void) parse("e", 1, 1, &path);
    ok(selkies_gate_enter(&g, &t[4], &root, &path, 4)
       == SELKIES_FILES_TOO_MANY, "the fifth");

    selkies_gate_leave(&g, &t[1]);
    selkies_gate_leave(&g, &t[1]);

    pid = fork();

    if (pid == 0) {
        g.tickets = NULL;
        (void) parse("a", 1, 1, &path);

        if (selkies_gate_enter(&g, &t[5], &root, &path, 4)
            != SELKIES_FILES_BUSY)
        {
            _exit(1);
        }

        (void) parse("e", 1, 1, &path);

        if (selkies_gate_enter(&g, &t[5], &root, &path, 4)
            != SELKIES_FILES_OK)
        {
            _exit(2);
        }

        (void) parse("f", 1, 1, &path);
        _exit(selkies_gate_enter(&g, &t[4], &root, &path, 4)
              == SELKIES_FILES_TOO_MANY ? 0 : 3);
    }

    (void) waitpid(pid, &status, 0);
    ok(status == 0, "another process counts: %d", status >> 8);

    (void) parse("e", 1, 1, &path);
    ok(selkies_gate_enter(&g, &t[1], &root, &path, 4) == SELKIES_FILES_OK,
       "and leaves by its end");

    for (i = 0; i < 4; i++) {
        selkies_gate_leave(&g, &t[i]);
    }

    ok(g.tickets == NULL, "all left");
    (void) close(g.fd);
}


int
main(void)
{
    FILE  *f;

    if (mkdtemp(top) == NULL) {
        return skip_all("no folder in /tmp");
    }

    (void) umask(077);
    snprintf(inside, sizeof(inside), "%s/root", top);
    snprintf(beside, sizeof(beside), "%s/root-beside", top);
    (void) mkdir(inside, 0755);
    (void) mkdir(beside, 0755);

    f = fopen(at(beside, "secret"), "w");
    fputs("secret", f);
    fclose(f);

    ok(selkies_root_open(&root, at(top, "none")) == -1, "no root");
    ok(selkies_root_open(&root, inside) == 0, "a root");

    whole();
    slices();
    existing();
    folders();
    links();
    hostile();
    ok(atomic_load(&unplanted) == 0, "all links were planted");
    race();
    gate();

    selkies_root_close(&root);
    empty(top);
    (void) rmdir(top);

    return done_testing();
}
