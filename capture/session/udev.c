
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * See udev.h: libudev's context, lists and devices.  The interface is complete,
 * so that whatever is linked with libudev also starts.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <stdio.h>
#include <string.h>

#include "udev-abi.h"


static void
selkies_udev_nothing(const void *object)
{
}


static void
selkies_udev_device_destroy(struct udev_device *device)
{
    selkies_udev_list_free(&device->properties);
    selkies_udev_list_free(&device->attributes);
    (void) udev_device_unref(device->parent);
}


COUNTED(struct udev, udev, selkies_udev_nothing)
COUNTED(struct udev_device, udev_device, selkies_udev_device_destroy)


void *
selkies_udev_object(size_t size)
{
    int  *references;

    references = calloc(1, size);

    if (references != NULL) {
        *references = 1;
    }

    return references;
}


/* the context */

struct udev *
udev_new(void)
{
    return selkies_udev_object(sizeof(struct udev));
}


void
udev_set_log_fn(struct udev *udev, selkies_udev_log_pt log)
{
}


int
udev_get_log_priority(struct udev *udev)
{
    return udev->priority;
}


void
udev_set_log_priority(struct udev *udev, int priority)
{
    udev->priority = priority;
}


void *
udev_get_userdata(struct udev *udev)
{
    return udev == NULL ? NULL : udev->data;
}


void
udev_set_userdata(struct udev *udev, void *data)
{
    if (udev != NULL) {
        udev->data = data;
    }
}


/* lists */

struct udev_list_entry *
udev_list_entry_get_next(struct udev_list_entry *entry)
{
    return entry == NULL ? NULL : entry->next;
}


struct udev_list_entry *
udev_list_entry_get_by_name(struct udev_list_entry *entry, const char *name)
{
    return (struct udev_list_entry *) selkies_udev_list_find(entry, name);
}


const char *
udev_list_entry_get_name(struct udev_list_entry *entry)
{
    return entry == NULL ? NULL : entry->name;
}


const char *
udev_list_entry_get_value(struct udev_list_entry *entry)
{
    return entry == NULL ? NULL : entry->value;
}


/* devices */

struct udev_device *
selkies_udev_device_new(struct udev *udev, unsigned n)
{
    struct udev_device  *device;

    device = selkies_udev_object(sizeof(struct udev_device));

    if (device == NULL) {
        return NULL;
    }

    device->udev = udev;
    device->n = n;
    selkies_udev_syspath(n, device->syspath, sizeof(device->syspath));
    selkies_udev_node(n, device->node, sizeof(device->node));

    if (!selkies_udev_properties(n, &device->properties)
        || !selkies_udev_attributes(n, &device->attributes))
    {
        return udev_device_unref(device);
    }

    return device;
}


struct udev *
udev_device_get_udev(struct udev_device *device)
{
    return device->udev;
}


struct udev_device *
udev_device_new_from_syspath(struct udev *udev, const char *path)
{
    char      own[256];
    unsigned  n;

    for (n = 0; n < SELKIES_UDEV_DEVICES && path != NULL; n++) {
        selkies_udev_syspath(n, own, sizeof(own));

        if (strcmp(own, path) == 0) {
            return selkies_udev_device_new(udev, n);
        }
    }

    errno = ENODEV;

    return NULL;
}


struct udev_device *
udev_device_new_from_devnum(struct udev *udev, char type, dev_t number)
{
    unsigned  n;

    for (n = 0; n < SELKIES_UDEV_DEVICES && type == 'c' && number != 0; n++) {
        if (selkies_udev_number(n) == number) {
            return selkies_udev_device_new(udev, n);
        }
    }

    errno = ENODEV;

    return NULL;
}


struct udev_device *
udev_device_new_from_subsystem_sysname(struct udev *udev,
    const char *subsystem, const char *name)
{
    char         path[256];
    unsigned     n;
    const char  *own;

    for (n = 0; n < SELKIES_UDEV_DEVICES; n++) {
        selkies_udev_syspath(n, path, sizeof(path));

        own = selkies_udev_kind(n) == SELKIES_UDEV_USB ? "usb" : "input";

        if (subsystem != NULL && name != NULL && strcmp(own, subsystem) == 0
            && strcmp(strrchr(path, '/') + 1, name) == 0)
        {
            return selkies_udev_device_new(udev, n);
        }
    }

    errno = ENODEV;

    return NULL;
}


struct udev_device *
udev_device_new_from_device_id(struct udev *udev, const char *id)
{
    unsigned  major, minor;

    if (id != NULL && sscanf(id, "c%u:%u", &major, &minor) == 2) {
        return udev_device_new_from_devnum(udev, 'c',
                                           (dev_t) (((uint64_t) major << 8)
                                           | (minor & 0xff)
                                           | ((uint64_t) (minor & ~0xffU)
                                              << 12)));
    }

    errno = ENODEV;

    return NULL;
}


struct udev_device *
udev_device_new_from_environment(struct udev *udev)
{
    errno = ENODEV;

    return NULL;
}


struct udev_device *
udev_device_get_parent(struct udev_device *device)
{
    unsigned             n;
    selkies_udev_kind_t  kind;

    kind = selkies_udev_kind(device->n);

    if (device->parent == NULL && kind != SELKIES_UDEV_USB) {
        n = device->n - (unsigned) kind
            + (unsigned) (kind == SELKIES_UDEV_INPUT ? SELKIES_UDEV_USB
                                                     : SELKIES_UDEV_INPUT);

        device->parent = selkies_udev_device_new(device->udev, n);
    }

    return device->parent;
}


struct udev_device *
udev_device_get_parent_with_subsystem_devtype(struct udev_device *device,
    const char *subsystem, const char *type)
{
    const char  *own;

    while ((device = udev_device_get_parent(device)) != NULL) {
        own = udev_device_get_devtype(device);

        if (strcmp(udev_device_get_subsystem(device), subsystem) == 0
            && (type == NULL || (own != NULL && strcmp(own, type) == 0)))
        {
            return device;
        }
    }

    errno = ENOENT;

    return NULL;
}


const char *
udev_device_get_devpath(struct udev_device *device)
{
    return device->syspath + sizeof("/sys") - 1;
}


const char *
udev_device_get_subsystem(struct udev_device *device)
{
    return udev_device_get_property_value(device, "SUBSYSTEM");
}


const char *
udev_device_get_devtype(struct udev_device *device)
{
    return udev_device_get_property_value(device, "DEVTYPE");
}


const char *
udev_device_get_syspath(struct udev_device *device)
{
    return device->syspath;
}


const char *
udev_device_get_sysname(struct udev_device *device)
{
    return strrchr(device->syspath, '/') + 1;
}


/* The digits at the end of the name. */

const char *
udev_device_get_sysnum(struct udev_device *device)
{
    const char  *name, *p;

    name = udev_device_get_sysname(device);
    p = name + strlen(name);

    while (p > name && p[-1] >= '0' && p[-1] <= '9') {
        p--;
    }

    return *p == '\0' ? NULL : p;
}


const char *
udev_device_get_devnode(struct udev_device *device)
{
    return device->node[0] == '\0' ? NULL : device->node;
}


CONSTANT(int, udev_device_get_is_initialized, (struct udev_device *device), 1)

CONSTANT(struct udev_list_entry *, udev_device_get_devlinks_list_entry,
    (struct udev_device *device), NULL)


struct udev_list_entry *
udev_device_get_properties_list_entry(struct udev_device *device)
{
    return device->properties;
}


CONSTANT(struct udev_list_entry *, udev_device_get_tags_list_entry,
    (struct udev_device *device), NULL)

CONSTANT(struct udev_list_entry *, udev_device_get_current_tags_list_entry,
    (struct udev_device *device), NULL)


struct udev_list_entry *
udev_device_get_sysattr_list_entry(struct udev_device *device)
{
    return device->attributes;
}


const char *
udev_device_get_property_value(struct udev_device *device, const char *key)
{
    const struct udev_list_entry  *entry;

    entry = selkies_udev_list_find(device->properties, key);

    return entry == NULL ? NULL : entry->value;
}


const char *
udev_device_get_driver(struct udev_device *device)
{
    return selkies_udev_kind(device->n) == SELKIES_UDEV_USB ? "usb" : NULL;
}


dev_t
udev_device_get_devnum(struct udev_device *device)
{
    return selkies_udev_number(device->n);
}


CONSTANT(const char *, udev_device_get_action,
    (struct udev_device *device), NULL)

CONSTANT(unsigned long long, udev_device_get_seqnum,
    (struct udev_device *device), 0)

CONSTANT(unsigned long long, udev_device_get_usec_since_initialized,
    (struct udev_device *device), 1)


/* "device/" in front is a link to the parent. */

const char *
udev_device_get_sysattr_value(struct udev_device *device, const char *name)
{
    const struct udev_list_entry  *entry;

    while (strncmp(name, "device/", 7) == 0) {
        name += 7;
        device = udev_device_get_parent(device);

        if (device == NULL) {
            return NULL;
        }
    }

    entry = selkies_udev_list_find(device->attributes, name);

    return entry == NULL ? NULL : entry->value;
}


CONSTANT(int, udev_device_set_sysattr_value,
    (struct udev_device *device, const char *name, const char *value), -EACCES)

CONSTANT(int, udev_device_has_tag,
    (struct udev_device *device, const char *tag), 0)

CONSTANT(int, udev_device_has_current_tag,
    (struct udev_device *device, const char *tag), 0)
