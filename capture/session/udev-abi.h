
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The objects and functions of libudev 1, see udev.h.
 *
 * Thread: as in libudev.  Ownership: a structure begins with the number of its
 * references.
 */


#ifndef SELKIES_UDEV_ABI_H_INCLUDED
#define SELKIES_UDEV_ABI_H_INCLUDED


#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

#include "udev.h"


#define EXPORT  __attribute__((visibility("default")))


struct udev {
    int                      references;
    int                      priority;
    void                    *data;
};


struct udev_device {
    int                      references;
    unsigned                 n;
    struct udev             *udev;
    struct udev_device      *parent;            /* made when asked for */
    struct udev_list_entry  *properties;
    struct udev_list_entry  *attributes;
    char                     syspath[256];
    char                     node[64];
};


struct udev_enumerate {
    int                      references;
    bool                     nothing;           /* something asked for is
                                                   nowhere */
    struct udev             *udev;
    struct udev_list_entry  *subsystems;
    struct udev_list_entry  *not_subsystems;
    struct udev_list_entry  *properties;
    struct udev_list_entry  *attributes;
    struct udev_list_entry  *not_attributes;
    struct udev_list_entry  *names;
    struct udev_list_entry  *found;
    char                     parent[256];
};


struct udev_monitor {
    int                      references;
    int                      fd;
    struct udev             *udev;
};


struct udev_queue {
    int                      references;
    int                      fd;
    struct udev             *udev;
};


struct udev_hwdb {
    int                      references;
};


typedef void (*selkies_udev_log_pt)(struct udev *udev, int priority,
    const char *file, int line, const char *function, const char *format,
    va_list args);


/* What all kinds of objects do alike. */

#define COUNTED(type, name, destroy)                                          \
                                                                              \
type *                                                                        \
name##_ref(type *object)                                                      \
{                                                                             \
    if (object != NULL) {                                                     \
        object->references++;                                                 \
    }                                                                         \
                                                                              \
    return object;                                                            \
}                                                                             \
                                                                              \
                                                                              \
type *                                                                        \
name##_unref(type *object)                                                    \
{                                                                             \
    if (object != NULL && --object->references == 0) {                        \
        destroy(object);                                                      \
        free(object);                                                         \
    }                                                                         \
                                                                              \
    return NULL;                                                              \
}


/* A function that says the same to everybody. */

#define CONSTANT(type, name, parameters, value)                               \
                                                                              \
type                                                                          \
name parameters                                                               \
{                                                                             \
    return value;                                                             \
}


#pragma GCC visibility push(hidden)


/* An object of this size, with one reference; NULL without memory. */

void *selkies_udev_object(size_t size);

struct udev_device *selkies_udev_device_new(struct udev *udev, unsigned n);


#pragma GCC visibility pop


/*
 * There is no header of libudev's here that could differ from what is built:
 * these are its declarations.
 */

EXPORT struct udev *udev_new(void);
EXPORT struct udev *udev_ref(struct udev *udev);
EXPORT struct udev *udev_unref(struct udev *udev);
EXPORT void udev_set_log_fn(struct udev *udev, selkies_udev_log_pt log);
EXPORT int udev_get_log_priority(struct udev *udev);
EXPORT void udev_set_log_priority(struct udev *udev, int priority);
EXPORT void *udev_get_userdata(struct udev *udev);
EXPORT void udev_set_userdata(struct udev *udev, void *data);

EXPORT struct udev_list_entry *udev_list_entry_get_next(
    struct udev_list_entry *entry);
EXPORT struct udev_list_entry *udev_list_entry_get_by_name(
    struct udev_list_entry *entry, const char *name);
EXPORT const char *udev_list_entry_get_name(struct udev_list_entry *entry);
EXPORT const char *udev_list_entry_get_value(struct udev_list_entry *entry);

EXPORT struct udev_device *udev_device_ref(struct udev_device *device);
EXPORT struct udev_device *udev_device_unref(struct udev_device *device);
EXPORT struct udev *udev_device_get_udev(struct udev_device *device);
EXPORT struct udev_device *udev_device_new_from_syspath(struct udev *udev,
    const char *path);
EXPORT struct udev_device *udev_device_new_from_devnum(struct udev *udev,
    char type, dev_t number);
EXPORT struct udev_device *udev_device_new_from_subsystem_sysname(
    struct udev *udev, const char *subsystem, const char *name);
EXPORT struct udev_device *udev_device_new_from_device_id(struct udev *udev,
    const char *id);
EXPORT struct udev_device *udev_device_new_from_environment(
    struct udev *udev);
EXPORT struct udev_device *udev_device_get_parent(struct udev_device *device);
EXPORT struct udev_device *udev_device_get_parent_with_subsystem_devtype(
    struct udev_device *device, const char *subsystem, const char *type);
EXPORT const char *udev_device_get_devpath(struct udev_device *device);
EXPORT const char *udev_device_get_subsystem(struct udev_device *device);
EXPORT const char *udev_device_get_devtype(struct udev_device *device);
EXPORT const char *udev_device_get_syspath(struct udev_device *device);
EXPORT const char *udev_device_get_sysname(struct udev_device *device);
EXPORT const char *udev_device_get_sysnum(struct udev_device *device);
EXPORT const char *udev_device_get_devnode(struct udev_device *device);
EXPORT int udev_device_get_is_initialized(struct udev_device *device);
EXPORT struct udev_list_entry *udev_device_get_devlinks_list_entry(
    struct udev_device *device);
EXPORT struct udev_list_entry *udev_device_get_properties_list_entry(
    struct udev_device *device);
EXPORT struct udev_list_entry *udev_device_get_tags_list_entry(
    struct udev_device *device);
EXPORT struct udev_list_entry *udev_device_get_current_tags_list_entry(
    struct udev_device *device);
EXPORT struct udev_list_entry *udev_device_get_sysattr_list_entry(
    struct udev_device *device);
EXPORT const char *udev_device_get_property_value(struct udev_device *device,
    const char *key);
EXPORT const char *udev_device_get_driver(struct udev_device *device);
EXPORT dev_t udev_device_get_devnum(struct udev_device *device);
EXPORT const char *udev_device_get_action(struct udev_device *device);
EXPORT unsigned long long udev_device_get_seqnum(struct udev_device *device);
EXPORT unsigned long long udev_device_get_usec_since_initialized(
    struct udev_device *device);
EXPORT const char *udev_device_get_sysattr_value(struct udev_device *device,
    const char *name);
EXPORT int udev_device_set_sysattr_value(struct udev_device *device,
    const char *name, const char *value);
EXPORT int udev_device_has_tag(struct udev_device *device, const char *tag);
EXPORT int udev_device_has_current_tag(struct udev_device *device,
    const char *tag);

EXPORT struct udev_enumerate *udev_enumerate_new(struct udev *udev);
EXPORT struct udev_enumerate *udev_enumerate_ref(struct udev_enumerate *e);
EXPORT struct udev_enumerate *udev_enumerate_unref(struct udev_enumerate *e);
EXPORT struct udev *udev_enumerate_get_udev(struct udev_enumerate *e);
EXPORT int udev_enumerate_add_match_subsystem(struct udev_enumerate *e,
    const char *subsystem);
EXPORT int udev_enumerate_add_nomatch_subsystem(struct udev_enumerate *e,
    const char *subsystem);
EXPORT int udev_enumerate_add_match_sysattr(struct udev_enumerate *e,
    const char *name, const char *value);
EXPORT int udev_enumerate_add_nomatch_sysattr(struct udev_enumerate *e,
    const char *name, const char *value);
EXPORT int udev_enumerate_add_match_property(struct udev_enumerate *e,
    const char *name, const char *value);
EXPORT int udev_enumerate_add_match_sysname(struct udev_enumerate *e,
    const char *name);
EXPORT int udev_enumerate_add_match_tag(struct udev_enumerate *e,
    const char *tag);
EXPORT int udev_enumerate_add_match_parent(struct udev_enumerate *e,
    struct udev_device *parent);
EXPORT int udev_enumerate_add_match_is_initialized(struct udev_enumerate *e);
EXPORT int udev_enumerate_add_syspath(struct udev_enumerate *e,
    const char *path);
EXPORT int udev_enumerate_scan_devices(struct udev_enumerate *e);
EXPORT int udev_enumerate_scan_subsystems(struct udev_enumerate *e);
EXPORT struct udev_list_entry *udev_enumerate_get_list_entry(
    struct udev_enumerate *e);

EXPORT struct udev_monitor *udev_monitor_new_from_netlink(struct udev *udev,
    const char *name);
EXPORT struct udev_monitor *udev_monitor_ref(struct udev_monitor *monitor);
EXPORT struct udev_monitor *udev_monitor_unref(struct udev_monitor *monitor);
EXPORT struct udev *udev_monitor_get_udev(struct udev_monitor *monitor);
EXPORT int udev_monitor_enable_receiving(struct udev_monitor *monitor);
EXPORT int udev_monitor_set_receive_buffer_size(struct udev_monitor *monitor,
    int size);
EXPORT int udev_monitor_get_fd(struct udev_monitor *monitor);
EXPORT struct udev_device *udev_monitor_receive_device(
    struct udev_monitor *monitor);
EXPORT int udev_monitor_filter_add_match_subsystem_devtype(
    struct udev_monitor *monitor, const char *subsystem, const char *type);
EXPORT int udev_monitor_filter_add_match_tag(struct udev_monitor *monitor,
    const char *tag);
EXPORT int udev_monitor_filter_update(struct udev_monitor *monitor);
EXPORT int udev_monitor_filter_remove(struct udev_monitor *monitor);

EXPORT struct udev_queue *udev_queue_new(struct udev *udev);
EXPORT struct udev_queue *udev_queue_ref(struct udev_queue *queue);
EXPORT struct udev_queue *udev_queue_unref(struct udev_queue *queue);
EXPORT struct udev *udev_queue_get_udev(struct udev_queue *queue);
EXPORT unsigned long long udev_queue_get_kernel_seqnum(
    struct udev_queue *queue);
EXPORT unsigned long long udev_queue_get_udev_seqnum(
    struct udev_queue *queue);
EXPORT int udev_queue_get_udev_is_active(struct udev_queue *queue);
EXPORT int udev_queue_get_queue_is_empty(struct udev_queue *queue);
EXPORT int udev_queue_get_seqnum_is_finished(struct udev_queue *queue,
    unsigned long long seqnum);
EXPORT int udev_queue_get_seqnum_sequence_is_finished(
    struct udev_queue *queue, unsigned long long start,
    unsigned long long end);
EXPORT int udev_queue_get_fd(struct udev_queue *queue);
EXPORT int udev_queue_flush(struct udev_queue *queue);
EXPORT struct udev_list_entry *udev_queue_get_queued_list_entry(
    struct udev_queue *queue);

EXPORT struct udev_hwdb *udev_hwdb_new(struct udev *udev);
EXPORT struct udev_hwdb *udev_hwdb_ref(struct udev_hwdb *hwdb);
EXPORT struct udev_hwdb *udev_hwdb_unref(struct udev_hwdb *hwdb);
EXPORT struct udev_list_entry *udev_hwdb_get_properties_list_entry(
    struct udev_hwdb *hwdb, const char *modalias, unsigned flags);

EXPORT int udev_util_encode_string(const char *text, char *buf, size_t size);


#endif /* SELKIES_UDEV_ABI_H_INCLUDED */
