
/*
 * Copyright (C) ngx_selkies authors
 *
 * See pulse_link.h.
 */


#ifdef SELKIES_HAVE_SOUND


#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* memfd_create() */
#endif

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pulse.h"
#include "pulse_link.h"


/* All zeros are read from it: the cookie of who needs none. */

#define SELKIES_PULSE_NO_COOKIE  "/dev/zero"
#define SELKIES_PULSE_NULL_SINK  "module-null-sink.c"


static void selkies_pulse_link_woken(pa_mainloop_api *api, pa_io_event *event,
    int fd, pa_io_event_flags_t flags, void *data);
static void selkies_pulse_link_state(pa_context *context, void *data);
static void selkies_pulse_link_sink(pa_context *context,
    const pa_sink_info *info, int eol, void *data);
static void selkies_pulse_link_found_sink(pa_context *context,
    const pa_sink_info *info, int eol, void *data);
static void selkies_pulse_link_found_source(pa_context *context,
    const pa_source_info *info, int eol, void *data);
static void selkies_pulse_link_found(selkies_pulse_link_t *link, bool one);
static void selkies_pulse_link_stream(pa_stream *stream, void *data);


void
selkies_pulse_init(void)
{
    int   fd;
    char  path[64];

    static const char  conf[] = "enable-shm = no\n"
                                "enable-memfd = no\n"
                                "autospawn = no\n"
                                "auto-connect-localhost = no\n"
                                "auto-connect-display = no\n";

    /* there is no other way to tell it so; it is read at each connection */

    fd = memfd_create("selkies-pulse", MFD_CLOEXEC);

    if (fd == -1) {
        return;
    }

    if (write(fd, conf, sizeof(conf) - 1) != (ssize_t) sizeof(conf) - 1) {
        (void) close(fd);
        return;
    }

    (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);

    (void) setenv("PULSE_CLIENTCONFIG", path, 1);
    (void) setenv("PULSE_LOG", "0", 1);
}


selkies_status_t
selkies_pulse_link_open(selkies_pulse_link_t *link, const char *server,
    const char *cookie, int wake_fd, void (*ready)(void *data), void *data)
{
    pa_mainloop_api  *api;

    memset(link, 0, sizeof(selkies_pulse_link_t));

    link->ready = ready;
    link->data = data;
    link->loop = pa_mainloop_new();

    if (link->loop == NULL) {
        return SELKIES_ERROR;
    }

    api = pa_mainloop_get_api(link->loop);

    link->wake = api->io_new(api, wake_fd, PA_IO_EVENT_INPUT,
                             selkies_pulse_link_woken, link);
    link->context = pa_context_new(api, "selkies");

    if (link->wake == NULL || link->context == NULL) {
        return SELKIES_ERROR;
    }

    (void) pa_context_load_cookie_from_file(link->context,
                                            cookie ? cookie
                                                   : SELKIES_PULSE_NO_COOKIE);

    pa_context_set_state_callback(link->context, selkies_pulse_link_state,
                                  link);

    /* refused at once: run() will say so */

    if (pa_context_connect(link->context, server, PA_CONTEXT_NOAUTOSPAWN, NULL)
        < 0)
    {
        link->lost = true;
    }

    return SELKIES_OK;
}


static void
selkies_pulse_link_woken(pa_mainloop_api *api, pa_io_event *event, int fd,
    pa_io_event_flags_t flags, void *data)
{
    ssize_t   n;
    uint64_t  count;

    n = read(fd, &count, sizeof(uint64_t));
    (void) n;
}


static void
selkies_pulse_link_state(pa_context *context, void *data)
{
    selkies_pulse_link_t  *link = data;

    switch (pa_context_get_state(context)) {

    case PA_CONTEXT_READY:
        link->ready(link->data);
        return;

    case PA_CONTEXT_FAILED:
    case PA_CONTEXT_TERMINATED:
        link->lost = true;
        return;

    default:
        return;
    }
}


selkies_status_t
selkies_pulse_link_run(selkies_pulse_link_t *link, uint64_t timeout_us)
{
    int  timeout;

    if (link->lost) {
        return SELKIES_LOST;
    }

    timeout = timeout_us > INT_MAX ? -1 : (int) timeout_us;

    if (timeout_us != UINT64_MAX && timeout == -1) {
        timeout = INT_MAX;
    }

    if (pa_mainloop_prepare(link->loop, timeout) < 0
        || pa_mainloop_poll(link->loop) < 0
        || pa_mainloop_dispatch(link->loop) < 0)
    {
        return SELKIES_LOST;
    }

    return link->lost ? SELKIES_LOST : SELKIES_OK;
}


bool
selkies_pulse_link_begun(pa_operation *operation)
{
    if (operation == NULL) {
        return false;
    }

    pa_operation_unref(operation);

    return true;
}


void
selkies_pulse_link_find(selkies_pulse_link_t *link, selkies_pulse_kind_e kind,
    const char *name, void (*found)(void *data, bool there))
{
    pa_operation  *operation;

    link->found = found;
    link->there = false;

    operation = kind == SELKIES_PULSE_SINK
                ? pa_context_get_sink_info_by_name(link->context, name,
                                                selkies_pulse_link_found_sink,
                                                link)
                : pa_context_get_source_info_by_name(link->context, name,
                                              selkies_pulse_link_found_source,
                                              link);

    if (!selkies_pulse_link_begun(operation)) {
        link->lost = true;
    }
}


static void
selkies_pulse_link_found_sink(pa_context *context, const pa_sink_info *info,
    int eol, void *data)
{
    selkies_pulse_link_found(data, info != NULL);
}


static void
selkies_pulse_link_found_source(pa_context *context,
    const pa_source_info *info, int eol, void *data)
{
    selkies_pulse_link_found(data, info != NULL);
}


/* Called with what there is, if anything, and once more. */

static void
selkies_pulse_link_found(selkies_pulse_link_t *link, bool one)
{
    if (one) {
        link->there = true;
        return;
    }

    link->found(link->data, link->there);
}


void
selkies_pulse_link_watch(selkies_pulse_link_t *link, pa_stream *stream,
    void (*ready)(void *data))
{
    link->stream_ready = ready;
    pa_stream_set_state_callback(stream, selkies_pulse_link_stream, link);
}


static void
selkies_pulse_link_stream(pa_stream *stream, void *data)
{
    selkies_pulse_link_t  *link = data;

    switch (pa_stream_get_state(stream)) {

    case PA_STREAM_READY:
        link->stream_ready(link->data);
        return;

    case PA_STREAM_FAILED:
    case PA_STREAM_TERMINATED:
        link->lost = true;
        return;

    default:
        return;
    }
}


void
selkies_pulse_link_rouse(selkies_pulse_link_t *link, const char *sink)
{
    if (sink[0] != '\0') {
        (void) selkies_pulse_link_begun(
                      pa_context_get_sink_info_by_name(link->context, sink,
                                                       selkies_pulse_link_sink,
                                                       link));
    }
}


/* It forgets when it is suspended; another kind would be heard to stop. */

static void
selkies_pulse_link_sink(pa_context *context, const pa_sink_info *info, int eol,
    void *data)
{
    int  suspend;

    if (info == NULL || info->driver == NULL
        || strcmp(info->driver, SELKIES_PULSE_NULL_SINK) != 0)
    {
        return;
    }

    for (suspend = 1; suspend >= 0; suspend--) {
        (void) selkies_pulse_link_begun(
                      pa_context_suspend_sink_by_name(context, info->name,
                                                      suspend, NULL, NULL));
    }
}


void
selkies_pulse_link_close(selkies_pulse_link_t *link)
{
    pa_mainloop_api  *api;

    if (link->context != NULL) {
        pa_context_set_state_callback(link->context, NULL, NULL);
        pa_context_set_subscribe_callback(link->context, NULL, NULL);
        pa_context_disconnect(link->context);
        pa_context_unref(link->context);
    }

    if (link->loop == NULL) {
        return;
    }

    if (link->wake != NULL) {
        api = pa_mainloop_get_api(link->loop);
        api->io_free(link->wake);
    }

    pa_mainloop_free(link->loop);
}


void
selkies_pulse_link_drop_stream(pa_stream *stream)
{
    if (stream == NULL) {
        return;
    }

    pa_stream_set_state_callback(stream, NULL, NULL);
    pa_stream_set_read_callback(stream, NULL, NULL);
    pa_stream_set_write_callback(stream, NULL, NULL);

    (void) pa_stream_disconnect(stream);
    pa_stream_unref(stream);
}


#else

typedef int  selkies_pulse_link_unused_t;       /* no file without a name */

#endif
