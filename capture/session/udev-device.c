
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * See udev.h: four gamepads at a USB bus that there is not, as a kernel and
 * its udev would describe them.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "udev.h"


#define SELKIES_UDEV_MAJOR    13
#define SELKIES_UDEV_EVDEV    64                /* minor of event0 */
#define SELKIES_UDEV_EVENTS   1000              /* number of the first */

#define SELKIES_UDEV_NAME     "Microsoft X-Box 360 pad"
#define SELKIES_UDEV_USB_BUS  "/sys/devices/selkies/usb1"


typedef struct {
    const char  *name;
    const char  *value;
} selkies_udev_pair_t;


static const selkies_udev_pair_t  selkies_udev_usb_attributes[] = {
    { "idVendor", "045e" },
    { "idProduct", "028e" },
    { "bcdDevice", "0114" },
    { "manufacturer", "Microsoft" },
    { "product", SELKIES_UDEV_NAME },
    { NULL, NULL }
};

/* capabilities as the kernel prints them: a long each, highest first */

#if __SIZEOF_LONG__ == 8
#define SELKIES_UDEV_KEYS     "7cdb000000000000 0 0 0 0"
#define SELKIES_UDEV_EFFECTS  "100010000 0"
#else
#define SELKIES_UDEV_KEYS     "7cdb0000 0 0 0 0 0 0 0 0 0"
#define SELKIES_UDEV_EFFECTS  "1 10000 0 0"
#endif

static const selkies_udev_pair_t  selkies_udev_input_attributes[] = {
    { "name", SELKIES_UDEV_NAME },
    { "id/bustype", "0003" },
    { "id/vendor", "045e" },
    { "id/product", "028e" },
    { "id/version", "0114" },
    { "properties", "0" },
    { "capabilities/ev", "20000b" },
    { "capabilities/key", SELKIES_UDEV_KEYS },
    { "capabilities/abs", "3003f" },
    { "capabilities/rel", "0" },
    { "capabilities/msc", "0" },
    { "capabilities/led", "0" },
    { "capabilities/snd", "0" },
    { "capabilities/sw", "0" },
    { "capabilities/ff", SELKIES_UDEV_EFFECTS },
    { NULL, NULL }
};

static const selkies_udev_pair_t  selkies_udev_all_properties[] = {
    { "ID_BUS", "usb" },
    { "ID_VENDOR", "Microsoft" },
    { "ID_VENDOR_ID", "045e" },
    { "ID_MODEL", "Microsoft_X-Box_360_pad" },
    { "ID_MODEL_ID", "028e" },
    { "ID_REVISION", "0114" },
    { "ID_SEAT", "seat0" },
    { NULL, NULL }
};


static unsigned
selkies_udev_pad(unsigned n)
{
    return n / SELKIES_UDEV_NODES;
}


selkies_udev_kind_t
selkies_udev_kind(unsigned n)
{
    return (selkies_udev_kind_t) (n % SELKIES_UDEV_NODES);
}


void
selkies_udev_syspath(unsigned n, char *buf, size_t size)
{
    char      usb[64], input[128];
    unsigned  pad;

    pad = selkies_udev_pad(n);

    (void) snprintf(usb, sizeof(usb), "%s/1-%u", SELKIES_UDEV_USB_BUS, pad + 1);
    (void) snprintf(input, sizeof(input), "%s/1-%u:1.0/input/input%u", usb,
                    pad + 1, SELKIES_UDEV_EVENTS + pad);

    switch (selkies_udev_kind(n)) {

    case SELKIES_UDEV_USB:
        (void) snprintf(buf, size, "%s", usb);
        break;

    case SELKIES_UDEV_INPUT:
        (void) snprintf(buf, size, "%s", input);
        break;

    case SELKIES_UDEV_JS:
        (void) snprintf(buf, size, "%s/js%u", input, pad);
        break;

    case SELKIES_UDEV_EVENT:
        (void) snprintf(buf, size, "%s/event%u", input,
                        SELKIES_UDEV_EVENTS + pad);
        break;
    }
}


void
selkies_udev_node(unsigned n, char *buf, size_t size)
{
    unsigned  pad;

    pad = selkies_udev_pad(n);

    switch (selkies_udev_kind(n)) {

    case SELKIES_UDEV_JS:
        (void) snprintf(buf, size, "/dev/input/js%u", pad);
        break;

    case SELKIES_UDEV_EVENT:
        (void) snprintf(buf, size, "/dev/input/event%u",
                        SELKIES_UDEV_EVENTS + pad);
        break;

    default:
        buf[0] = '\0';
    }
}


dev_t
selkies_udev_number(unsigned n)
{
    unsigned  pad;

    pad = selkies_udev_pad(n);

    switch (selkies_udev_kind(n)) {

    case SELKIES_UDEV_JS:
        return makedev(SELKIES_UDEV_MAJOR, pad);

    case SELKIES_UDEV_EVENT:
        return makedev(SELKIES_UDEV_MAJOR,
                       SELKIES_UDEV_EVDEV + SELKIES_UDEV_EVENTS + pad);

    default:
        return makedev(0, 0);
    }
}


static bool
selkies_udev_pairs(struct udev_list_entry **list,
    const selkies_udev_pair_t *pair)
{
    for (/* void */; pair->name != NULL; pair++) {

        if (!selkies_udev_list_add(list, pair->name, pair->value)) {
            return false;
        }
    }

    return true;
}


bool
selkies_udev_properties(unsigned n, struct udev_list_entry **list)
{
    bool      ok;
    char      path[256], node[64], text[64];
    dev_t     number;
    unsigned  pad;

    pad = selkies_udev_pad(n);
    number = selkies_udev_number(n);
    selkies_udev_syspath(n, path, sizeof(path));
    selkies_udev_node(n, node, sizeof(node));

    ok = selkies_udev_list_add(list, "DEVPATH", path + sizeof("/sys") - 1)
         && selkies_udev_pairs(list, selkies_udev_all_properties);

    (void) snprintf(text, sizeof(text), "selkies_pad_%u", pad);
    ok = ok && selkies_udev_list_add(list, "ID_SERIAL", text);

    (void) snprintf(text, sizeof(text), "selkies-usb-0:%u:1.0", pad + 1);
    ok = ok && selkies_udev_list_add(list, "ID_PATH", text);

    if (selkies_udev_kind(n) == SELKIES_UDEV_USB) {
        return ok && selkies_udev_list_add(list, "SUBSYSTEM", "usb")
               && selkies_udev_list_add(list, "DEVTYPE", "usb_device")
               && selkies_udev_list_add(list, "PRODUCT", "45e/28e/114");
    }

    ok = ok && selkies_udev_list_add(list, "SUBSYSTEM", "input")
         && selkies_udev_list_add(list, "ID_INPUT", "1")
         && selkies_udev_list_add(list, "ID_INPUT_JOYSTICK", "1");

    if (selkies_udev_kind(n) == SELKIES_UDEV_INPUT) {
        return ok && selkies_udev_list_add(list, "PRODUCT", "3/45e/28e/114")
               && selkies_udev_list_add(list, "NAME",
                                        "\"" SELKIES_UDEV_NAME "\"");
    }

    ok = ok && selkies_udev_list_add(list, "DEVNAME", node);

    (void) snprintf(text, sizeof(text), "%u", major(number));
    ok = ok && selkies_udev_list_add(list, "MAJOR", text);

    (void) snprintf(text, sizeof(text), "%u", minor(number));

    return ok && selkies_udev_list_add(list, "MINOR", text);
}


bool
selkies_udev_attributes(unsigned n, struct udev_list_entry **list)
{
    bool   ok;
    char   text[64];
    dev_t  number;

    switch (selkies_udev_kind(n)) {

    case SELKIES_UDEV_USB:
        return selkies_udev_pairs(list, selkies_udev_usb_attributes);

    case SELKIES_UDEV_INPUT:
        ok = selkies_udev_pairs(list, selkies_udev_input_attributes);

        (void) snprintf(text, sizeof(text), "selkies%u", selkies_udev_pad(n));
        ok = ok && selkies_udev_list_add(list, "uniq", text);

        (void) snprintf(text, sizeof(text), "selkies/input%u",
                        selkies_udev_pad(n));
        return ok && selkies_udev_list_add(list, "phys", text);

    default:
        number = selkies_udev_number(n);
        (void) snprintf(text, sizeof(text), "%u:%u", major(number),
                        minor(number));
        return selkies_udev_list_add(list, "dev", text);
    }
}


bool
selkies_udev_list_add(struct udev_list_entry **list, const char *name,
    const char *value)
{
    size_t                   len;
    struct udev_list_entry  *entry;

    len = strlen(name) + 1;
    entry = malloc(sizeof(struct udev_list_entry) + len);

    if (entry == NULL) {
        return false;
    }

    memcpy(entry->name, name, len);
    entry->next = NULL;
    entry->value = NULL;

    if (value != NULL) {
        entry->value = strdup(value);

        if (entry->value == NULL) {
            free(entry);
            return false;
        }
    }

    while (*list != NULL) {
        list = &(*list)->next;
    }

    *list = entry;

    return true;
}


void
selkies_udev_list_free(struct udev_list_entry **list)
{
    struct udev_list_entry  *entry, *next;

    for (entry = *list; entry != NULL; entry = next) {
        next = entry->next;
        free(entry->value);
        free(entry);
    }

    *list = NULL;
}


const struct udev_list_entry *
selkies_udev_list_find(const struct udev_list_entry *list, const char *name)
{
    for (/* void */; list != NULL; list = list->next) {

        if (strcmp(list->name, name) == 0) {
            return list;
        }
    }

    return NULL;
}
