
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * See joystick.h: the ioctls of <linux/joystick.h> and <linux/input.h>, as the
 * kernel's drivers of such a pad answer them.
 */


#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "joystick.h"


#define SELKIES_JOYSTICK_VERSION  0x0114


static int
selkies_joystick_fail(int err)
{
    errno = err;

    return -1;
}


/* As much of it as the caller has room for; how much that was. */

static int
selkies_joystick_copy(void *arg, unsigned long request, const void *data,
    size_t size)
{
    size_t  room;

    room = _IOC_SIZE(request);
    size = size < room ? size : room;

    memcpy(arg, data, size);

    return (int) size;
}


static void
selkies_joystick_bit(uint8_t *bits, unsigned n)
{
    bits[n / 8] |= (uint8_t) (1U << n % 8);
}


/* The joystick interface. */

static int
selkies_joystick_js(selkies_joystick_t *joystick, unsigned long request,
    void *arg)
{
    uint8_t                            n;
    uint32_t                           version;
    const selkies_joystick_config_t   *config = &joystick->config;

    switch (_IOC_NR(request)) {

    case _IOC_NR(JSIOCGVERSION):
        version = JS_VERSION;
        (void) selkies_joystick_copy(arg, request, &version, sizeof(version));
        return 0;

    case _IOC_NR(JSIOCGAXES):
        n = (uint8_t) config->naxes;
        (void) selkies_joystick_copy(arg, request, &n, 1);
        return 0;

    case _IOC_NR(JSIOCGBUTTONS):
        n = (uint8_t) config->nbuttons;
        (void) selkies_joystick_copy(arg, request, &n, 1);
        return 0;

    case _IOC_NR(JSIOCGNAME(0)):
        return selkies_joystick_copy(arg, request, config->name,
                                     strlen(config->name) + 1);

    case _IOC_NR(JSIOCGAXMAP):
        return selkies_joystick_copy(arg, request, config->axes,
                                     sizeof(config->axes));

    case _IOC_NR(JSIOCGBTNMAP):
        return selkies_joystick_copy(arg, request, config->buttons,
                                     sizeof(config->buttons));

    case _IOC_NR(JSIOCGCORR):
        memset(arg, 0, sizeof(struct js_corr) * config->naxes);
        return 0;

    case _IOC_NR(JSIOCSCORR):
    case _IOC_NR(JSIOCSAXMAP):
    case _IOC_NR(JSIOCSBTNMAP):
        return 0;

    default:
        return selkies_joystick_fail(EINVAL);
    }
}


/* Which events there are: of a type, or with 0 the types. */

static int
selkies_joystick_bits(selkies_joystick_t *joystick, unsigned type,
    unsigned long request, void *arg)
{
    unsigned  i;
    uint8_t   bits[KEY_CNT / 8];

    memset(bits, 0, sizeof(bits));

    switch (type) {

    case 0:
        selkies_joystick_bit(bits, EV_SYN);
        selkies_joystick_bit(bits, EV_KEY);
        selkies_joystick_bit(bits, EV_ABS);
        selkies_joystick_bit(bits, EV_FF);
        return selkies_joystick_copy(arg, request, bits, EV_CNT / 8);

    case EV_KEY:

        for (i = 0; i < joystick->config.nbuttons; i++) {

            if (joystick->config.buttons[i] < KEY_CNT) {
                selkies_joystick_bit(bits, joystick->config.buttons[i]);
            }
        }

        return selkies_joystick_copy(arg, request, bits, KEY_CNT / 8);

    case EV_ABS:

        for (i = 0; i < joystick->config.naxes; i++) {

            if (joystick->config.axes[i] < ABS_CNT) {
                selkies_joystick_bit(bits, joystick->config.axes[i]);
            }
        }

        return selkies_joystick_copy(arg, request, bits, ABS_CNT / 8);

    case EV_FF:
        selkies_joystick_bit(bits, FF_RUMBLE);
        selkies_joystick_bit(bits, FF_GAIN);
        return selkies_joystick_copy(arg, request, bits, FF_CNT / 8);

    default:
        return selkies_joystick_copy(arg, request, bits, sizeof(bits));
    }
}


static int
selkies_joystick_axis(selkies_joystick_t *joystick, unsigned code, void *arg)
{
    bool                 hat;
    struct input_absinfo info;

    hat = code >= ABS_HAT0X && code <= ABS_HAT3Y;

    memset(&info, 0, sizeof(info));
    info.value = joystick->axes[code];
    info.minimum = hat ? -1 : -32767;
    info.maximum = hat ? 1 : 32767;

    memcpy(arg, &info, sizeof(info));

    return 0;
}


/* Rumble, and what programs take for it, in the strength of two motors. */

static int
selkies_joystick_upload(selkies_joystick_t *joystick, int fd, void *arg)
{
    int                         id;
    bool                        playing;
    struct ff_effect            effect;
    selkies_joystick_effect_t  *place;

    memcpy(&effect, arg, sizeof(effect));

    if (effect.type != FF_RUMBLE) {
        return selkies_joystick_fail(EINVAL);
    }

    id = effect.id;

    if (id == -1) {

        for (id = 0; id < SELKIES_JOYSTICK_EFFECTS; id++) {

            if (!joystick->effects[id].used) {
                break;
            }
        }

        if (id == SELKIES_JOYSTICK_EFFECTS) {
            return selkies_joystick_fail(ENOSPC);
        }

    } else if (id < 0 || id >= SELKIES_JOYSTICK_EFFECTS
               || !joystick->effects[id].used)
    {
        return selkies_joystick_fail(EINVAL);
    }

    place = &joystick->effects[id];
    playing = place->playing;

    place->used = true;
    place->strong = effect.u.rumble.strong_magnitude;
    place->weak = effect.u.rumble.weak_magnitude;
    place->duration_ms = effect.replay.length;

    if (playing) {
        selkies_joystick_play(joystick, fd, (unsigned) id, 1);
    }

    effect.id = (int16_t) id;
    memcpy(arg, &effect, sizeof(effect));

    return 0;
}


static int
selkies_joystick_remove(selkies_joystick_t *joystick, int fd, long id)
{
    if (id < 0 || id >= SELKIES_JOYSTICK_EFFECTS
        || !joystick->effects[id].used)
    {
        return selkies_joystick_fail(EINVAL);
    }

    if (joystick->effects[id].playing) {
        selkies_joystick_play(joystick, fd, (unsigned) id, 0);
    }

    joystick->effects[id].used = false;

    return 0;
}


/* The event interface; ranges of numbers first. */

static int
selkies_joystick_ev(selkies_joystick_t *joystick, int fd,
    unsigned long request, void *arg)
{
    int              n;
    char             text[64];
    uint8_t          nothing[KEY_CNT / 8];
    unsigned         number;
    struct input_id  id;

    number = _IOC_NR(request);
    memset(nothing, 0, sizeof(nothing));

    if (number >= _IOC_NR(EVIOCGBIT(0, 0)) && number < _IOC_NR(EVIOCGABS(0))
        && _IOC_DIR(request) == _IOC_READ)
    {
        return selkies_joystick_bits(joystick,
                                     number - _IOC_NR(EVIOCGBIT(0, 0)),
                                     request, arg);
    }

    if (number >= _IOC_NR(EVIOCGABS(0))
        && number < _IOC_NR(EVIOCGABS(0)) + ABS_CNT
        && _IOC_DIR(request) == _IOC_READ)
    {
        return selkies_joystick_axis(joystick, number - _IOC_NR(EVIOCGABS(0)),
                                     arg);
    }

    switch (number) {

    case _IOC_NR(EVIOCGVERSION):
        n = EV_VERSION;
        (void) selkies_joystick_copy(arg, request, &n, sizeof(n));
        return 0;

    case _IOC_NR(EVIOCGID):
        id.bustype = BUS_USB;
        id.vendor = joystick->config.vendor;
        id.product = joystick->config.product;
        id.version = SELKIES_JOYSTICK_VERSION;
        (void) selkies_joystick_copy(arg, request, &id, sizeof(id));
        return 0;

    case _IOC_NR(EVIOCGNAME(0)):
        return selkies_joystick_copy(arg, request, joystick->config.name,
                                     strlen(joystick->config.name) + 1);

    case _IOC_NR(EVIOCGPHYS(0)):
        n = snprintf(text, sizeof(text), "selkies/input%u", joystick->pad);
        return selkies_joystick_copy(arg, request, text, (size_t) n + 1);

    case _IOC_NR(EVIOCGUNIQ(0)):
        n = snprintf(text, sizeof(text), "selkies%u", joystick->pad);
        return selkies_joystick_copy(arg, request, text, (size_t) n + 1);

    case _IOC_NR(EVIOCGKEY(0)):
        return selkies_joystick_copy(arg, request, joystick->keys,
                                     sizeof(joystick->keys));

    case _IOC_NR(EVIOCGPROP(0)):
    case _IOC_NR(EVIOCGLED(0)):
    case _IOC_NR(EVIOCGSND(0)):
    case _IOC_NR(EVIOCGSW(0)):
        return selkies_joystick_copy(arg, request, nothing, sizeof(nothing));

    case _IOC_NR(EVIOCSFF):
        return selkies_joystick_upload(joystick, fd, arg);

    case _IOC_NR(EVIOCRMFF):
        return selkies_joystick_remove(joystick, fd, (long) arg);

    case _IOC_NR(EVIOCGEFFECTS):
        n = SELKIES_JOYSTICK_EFFECTS;
        (void) selkies_joystick_copy(arg, request, &n, sizeof(n));
        return 0;

    case _IOC_NR(EVIOCGRAB):
    case _IOC_NR(EVIOCSCLOCKID):
        return 0;

    default:
        return selkies_joystick_fail(EINVAL);
    }
}


int
selkies_joystick_ioctl(selkies_joystick_t *joystick, int fd,
    unsigned long request, void *arg)
{
    if (!joystick->event && _IOC_TYPE(request) == 'j') {
        return selkies_joystick_js(joystick, request, arg);
    }

    if (joystick->event && _IOC_TYPE(request) == 'E') {
        return selkies_joystick_ev(joystick, fd, request, arg);
    }

    return selkies_joystick_fail(ENOTTY);
}
