
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A libudev.so.1 to preload beside selkies_joystick_interposer.so: it knows
 * four gamepads and nothing else, so that programs which look for devices by
 * udev find the ones that the other library lets them open.  In a container
 * there is no udev that could tell them of any device.
 *
 * udev.c is the interface, udev-device.c the gamepads.
 *
 * Thread: as in libudev, an object belongs to one thread at a time.
 * Ownership: objects are counted; lists and strings belong to their object.
 */


#ifndef SELKIES_UDEV_H_INCLUDED
#define SELKIES_UDEV_H_INCLUDED


#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>


#define SELKIES_UDEV_PADS     4
#define SELKIES_UDEV_NODES    4                 /* of a pad, the USB device
                                                   and the input device first */
#define SELKIES_UDEV_DEVICES  (SELKIES_UDEV_PADS * SELKIES_UDEV_NODES)


/* What libudev calls so: a list of names and values. */

struct udev_list_entry {
    struct udev_list_entry  *next;
    char                    *value;             /* NULL: none */
    char                     name[];
};


typedef enum {
    SELKIES_UDEV_USB = 0,
    SELKIES_UDEV_INPUT,
    SELKIES_UDEV_JS,
    SELKIES_UDEV_EVENT
} selkies_udev_kind_t;


#pragma GCC visibility push(hidden)


/* Puts an entry at the end; false without memory. */

bool selkies_udev_list_add(struct udev_list_entry **list, const char *name,
    const char *value);

void selkies_udev_list_free(struct udev_list_entry **list);

const struct udev_list_entry *selkies_udev_list_find(
    const struct udev_list_entry *list, const char *name);


/*
 * Device `n` of SELKIES_UDEV_DEVICES: its kind, its place in /sys, its node
 * ("" for none) and number, and the lists of its properties and attributes;
 * false without memory.
 */

selkies_udev_kind_t selkies_udev_kind(unsigned n);
void selkies_udev_syspath(unsigned n, char *buf, size_t size);
void selkies_udev_node(unsigned n, char *buf, size_t size);
dev_t selkies_udev_number(unsigned n);
bool selkies_udev_properties(unsigned n, struct udev_list_entry **list);
bool selkies_udev_attributes(unsigned n, struct udev_list_entry **list);


#pragma GCC visibility pop


#endif /* SELKIES_UDEV_H_INCLUDED */
