
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * See udev.h: libudev's enumerations, monitors and what else looks for devices.
 * Nothing ever changes: a monitor never has news, a queue is always empty, and
 * there is no hardware database.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "udev-abi.h"


static void
selkies_udev_enumerate_destroy(struct udev_enumerate *e)
{
    selkies_udev_list_free(&e->subsystems);
    selkies_udev_list_free(&e->not_subsystems);
    selkies_udev_list_free(&e->properties);
    selkies_udev_list_free(&e->attributes);
    selkies_udev_list_free(&e->not_attributes);
    selkies_udev_list_free(&e->names);
    selkies_udev_list_free(&e->found);
}


static void
selkies_udev_monitor_destroy(struct udev_monitor *monitor)
{
    close(monitor->fd);
}


static void
selkies_udev_queue_destroy(struct udev_queue *queue)
{
    if (queue->fd != -1) {
        close(queue->fd);
    }
}


static void
selkies_udev_hwdb_destroy(const struct udev_hwdb *hwdb)
{
}


COUNTED(struct udev_enumerate, udev_enumerate, selkies_udev_enumerate_destroy)
COUNTED(struct udev_monitor, udev_monitor, selkies_udev_monitor_destroy)
COUNTED(struct udev_queue, udev_queue, selkies_udev_queue_destroy)
COUNTED(struct udev_hwdb, udev_hwdb, selkies_udev_hwdb_destroy)


/* enumerations: of one kind any match will do, and of all kinds one */

struct udev_enumerate *
udev_enumerate_new(struct udev *udev)
{
    struct udev_enumerate  *e;

    e = selkies_udev_object(sizeof(struct udev_enumerate));

    if (e != NULL) {
        e->udev = udev;
    }

    return e;
}


struct udev *
udev_enumerate_get_udev(struct udev_enumerate *e)
{
    return e->udev;
}


static int
selkies_udev_match(struct udev_list_entry **list, const char *name,
    const char *value)
{
    return name == NULL || selkies_udev_list_add(list, name, value)
           ? 0 : -ENOMEM;
}


int
udev_enumerate_add_match_subsystem(struct udev_enumerate *e,
    const char *subsystem)
{
    return selkies_udev_match(&e->subsystems, subsystem, NULL);
}


int
udev_enumerate_add_nomatch_subsystem(struct udev_enumerate *e,
    const char *subsystem)
{
    return selkies_udev_match(&e->not_subsystems, subsystem, NULL);
}


int
udev_enumerate_add_match_sysattr(struct udev_enumerate *e, const char *name,
    const char *value)
{
    return selkies_udev_match(&e->attributes, name, value);
}


int
udev_enumerate_add_nomatch_sysattr(struct udev_enumerate *e, const char *name,
    const char *value)
{
    return selkies_udev_match(&e->not_attributes, name, value);
}


int
udev_enumerate_add_match_property(struct udev_enumerate *e, const char *name,
    const char *value)
{
    return selkies_udev_match(&e->properties, name, value);
}


int
udev_enumerate_add_match_sysname(struct udev_enumerate *e, const char *name)
{
    return selkies_udev_match(&e->names, name, NULL);
}


int
udev_enumerate_add_match_tag(struct udev_enumerate *e, const char *tag)
{
    e->nothing |= tag != NULL;

    return 0;
}


int
udev_enumerate_add_match_parent(struct udev_enumerate *e,
    struct udev_device *parent)
{
    if (parent != NULL) {
        (void) snprintf(e->parent, sizeof(e->parent), "%s", parent->syspath);
    }

    return 0;
}


CONSTANT(int, udev_enumerate_add_match_is_initialized,
    (struct udev_enumerate *e), 0)


int
udev_enumerate_add_syspath(struct udev_enumerate *e, const char *path)
{
    return selkies_udev_match(&e->found, path, NULL);
}


/* Whether one of the patterns, if there are any, is in the list. */

static bool
selkies_udev_matches(const struct udev_list_entry *patterns,
    const struct udev_list_entry *list, bool without)
{
    const struct udev_list_entry  *entry;

    if (patterns == NULL) {
        return without;
    }

    for (/* void */; patterns != NULL; patterns = patterns->next) {
        entry = selkies_udev_list_find(list, patterns->name);

        if (entry != NULL
            && (patterns->value == NULL
                || (entry->value != NULL
                    && fnmatch(patterns->value, entry->value, 0) == 0)))
        {
            return true;
        }
    }

    return false;
}


static bool
selkies_udev_matches_name(const struct udev_list_entry *patterns,
    const char *name, bool without)
{
    if (patterns == NULL) {
        return without;
    }

    for (/* void */; patterns != NULL; patterns = patterns->next) {
        if (fnmatch(patterns->name, name, 0) == 0) {
            return true;
        }
    }

    return false;
}


static bool
selkies_udev_wanted(struct udev_enumerate *e, struct udev_device *device)
{
    size_t       len;
    const char  *subsystem;

    subsystem = udev_device_get_subsystem(device);
    len = strlen(e->parent);

    return selkies_udev_matches_name(e->subsystems, subsystem, true)
           && !selkies_udev_matches_name(e->not_subsystems, subsystem, false)
           && selkies_udev_matches_name(e->names,
                                        udev_device_get_sysname(device), true)
           && selkies_udev_matches(e->properties, device->properties, true)
           && selkies_udev_matches(e->attributes, device->attributes, true)
           && !selkies_udev_matches(e->not_attributes, device->attributes,
                                    false)
           && strncmp(device->syspath, e->parent, len) == 0
           && (len == 0 || device->syspath[len] == '\0'
               || device->syspath[len] == '/');
}


int
udev_enumerate_scan_devices(struct udev_enumerate *e)
{
    int                  rc;
    unsigned             n;
    struct udev_device  *device;

    selkies_udev_list_free(&e->found);

    for (n = 0, rc = 0; n < SELKIES_UDEV_DEVICES && rc == 0; n++) {
        device = selkies_udev_device_new(e->udev, n);

        if (device == NULL) {
            return -ENOMEM;
        }

        if (!e->nothing && selkies_udev_wanted(e, device)) {
            rc = selkies_udev_match(&e->found, device->syspath, NULL);
        }

        (void) udev_device_unref(device);
    }

    return rc;
}


int
udev_enumerate_scan_subsystems(struct udev_enumerate *e)
{
    selkies_udev_list_free(&e->found);

    return 0;
}


struct udev_list_entry *
udev_enumerate_get_list_entry(struct udev_enumerate *e)
{
    return e->found;
}


/* monitors: there is a descriptor to wait for, which is never readable */

struct udev_monitor *
udev_monitor_new_from_netlink(struct udev *udev, const char *name)
{
    struct udev_monitor  *monitor;

    monitor = selkies_udev_object(sizeof(struct udev_monitor));

    if (monitor == NULL) {
        return NULL;
    }

    monitor->udev = udev;
    monitor->fd = eventfd(0, EFD_CLOEXEC|EFD_NONBLOCK);

    if (monitor->fd == -1) {
        free(monitor);
        return NULL;
    }

    return monitor;
}


struct udev *
udev_monitor_get_udev(struct udev_monitor *monitor)
{
    return monitor->udev;
}


CONSTANT(int, udev_monitor_enable_receiving, (struct udev_monitor *monitor), 0)

CONSTANT(int, udev_monitor_set_receive_buffer_size,
    (struct udev_monitor *monitor, int size), 0)


int
udev_monitor_get_fd(struct udev_monitor *monitor)
{
    return monitor->fd;
}


struct udev_device *
udev_monitor_receive_device(struct udev_monitor *monitor)
{
    errno = EAGAIN;

    return NULL;
}


CONSTANT(int, udev_monitor_filter_add_match_subsystem_devtype,
    (struct udev_monitor *monitor, const char *subsystem, const char *type), 0)

CONSTANT(int, udev_monitor_filter_add_match_tag,
    (struct udev_monitor *monitor, const char *tag), 0)

CONSTANT(int, udev_monitor_filter_update, (struct udev_monitor *monitor), 0)

CONSTANT(int, udev_monitor_filter_remove, (struct udev_monitor *monitor), 0)


/* the queue of events: none */

struct udev_queue *
udev_queue_new(struct udev *udev)
{
    struct udev_queue  *queue;

    queue = selkies_udev_object(sizeof(struct udev_queue));

    if (queue != NULL) {
        queue->udev = udev;
        queue->fd = -1;
    }

    return queue;
}


struct udev *
udev_queue_get_udev(struct udev_queue *queue)
{
    return queue->udev;
}


CONSTANT(unsigned long long, udev_queue_get_kernel_seqnum,
    (struct udev_queue *queue), 0)

CONSTANT(unsigned long long, udev_queue_get_udev_seqnum,
    (struct udev_queue *queue), 0)

CONSTANT(int, udev_queue_get_udev_is_active, (struct udev_queue *queue), 1)

CONSTANT(int, udev_queue_get_queue_is_empty, (struct udev_queue *queue), 1)

CONSTANT(int, udev_queue_get_seqnum_is_finished,
    (struct udev_queue *queue, unsigned long long seqnum), 1)

CONSTANT(int, udev_queue_get_seqnum_sequence_is_finished,
    (struct udev_queue *queue, unsigned long long start,
     unsigned long long end), 1)


int
udev_queue_get_fd(struct udev_queue *queue)
{
    if (queue->fd == -1) {
        queue->fd = eventfd(0, EFD_CLOEXEC|EFD_NONBLOCK);
    }

    return queue->fd == -1 ? -errno : queue->fd;
}


CONSTANT(int, udev_queue_flush, (struct udev_queue *queue), 0)

CONSTANT(struct udev_list_entry *, udev_queue_get_queued_list_entry,
    (struct udev_queue *queue), NULL)


/* the hardware database: empty */

struct udev_hwdb *
udev_hwdb_new(struct udev *udev)
{
    return selkies_udev_object(sizeof(struct udev_hwdb));
}


CONSTANT(struct udev_list_entry *, udev_hwdb_get_properties_list_entry,
    (struct udev_hwdb *hwdb, const char *modalias, unsigned flags), NULL)


/* As libudev has it: what is not plain becomes \x and two digits. */

int
udev_util_encode_string(const char *text, char *buf, size_t size)
{
    size_t                used;
    const unsigned char  *p;

    static const char  plain[] = "#+-.:=@_";

    if (text == NULL || buf == NULL) {
        return -EINVAL;
    }

    used = 0;

    for (p = (const unsigned char *) text; *p != '\0'; p++) {
        if (*p >= 0x80 || (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z')
            || (*p >= 'a' && *p <= 'z') || strchr(plain, *p) != NULL)
        {
            if (size - used < 2) {
                return -EINVAL;
            }

            buf[used++] = (char) *p;

        } else {
            if (size - used < 5) {
                return -EINVAL;
            }

            used += (size_t) snprintf(buf + used, 5, "\\x%02x", *p);
        }
    }

    if (size - used < 1) {
        return -EINVAL;
    }

    buf[used] = '\0';

    return 0;
}
