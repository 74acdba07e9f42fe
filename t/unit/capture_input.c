
/*
 * Copyright (C) ngx_selkies authors
 *
 * capture/input.c against a real Xvfb: what a program in a window receives.
 *
 * Thread: main.
 */


#include "capture_xvfb.h"
#include "tap.h"
#include "capture_window.h"


static const uint32_t  test_text[] = {
    'a', 'A', 'z', 'y', 'Z', '1', '!', '@', '/', '?', '"', '~', '{', '\\', '|',
    ' ', XK_adiaeresis, XK_Adiaeresis, XK_eacute, XK_ssharp, XK_EuroSign,
    XK_Greek_lambda, XK_Cyrillic_ZHE, XK_Cyrillic_zhe, 0x0101f600,
    XK_dead_acute, XK_Left, XK_F5, XK_BackSpace, XK_Tab, XK_Escape, XK_KP_Enter,
    XK_KP_7, XK_Delete
};


static void
test_layouts(void)
{
    static char  *layouts[] = { "us", "de", "fr", "us" };

    size_t        i;

    for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        ok(test_layout(layouts[i])
           && test_symbols(test_text, sizeof(test_text) / sizeof(uint32_t)),
           "%s: letters, digits, accents, other scripts, keys", layouts[i]);

        selkies_input_key(input, held, XK_Shift_L, 1);
        ok(test_symbols(test_text, 26) && (test_modifiers() & ShiftMask),
           "%s: the same with Shift held, which stays held", layouts[i]);
        selkies_input_key(input, held, XK_Shift_L, 0);

        test_tap(XK_Caps_Lock);
        ok(test_symbols(test_text, sizeof(test_text) / sizeof(uint32_t))
           && (test_modifiers() & LockMask),
           "%s: the same with CapsLock on, which stays on", layouts[i]);
        test_tap(XK_Caps_Lock);

        test_tap(XK_Num_Lock);
        ok(test_symbols(test_text, sizeof(test_text) / sizeof(uint32_t))
           && (test_modifiers() & Mod2Mask),
           "%s: the same with NumLock on, which stays on", layouts[i]);
        test_tap(XK_Num_Lock);

        selkies_input_key(input, held, XK_ISO_Level3_Shift, 1);
        ok(test_symbols(test_text, 26),
           "%s: the same with AltGr held", layouts[i]);
        selkies_input_key(input, held, XK_ISO_Level3_Shift, 0);

        ok(test_collect() && test_modifiers() == 0 && test_down() == 0,
           "%s: nothing stays pressed", layouts[i]);
    }
}


static void
test_groups(void)
{
    static const uint32_t  cyrillic[] = {
        XK_Cyrillic_ef, XK_Cyrillic_EF, XK_Cyrillic_zhe, 'a', 'A', '.', '1'
    };

    ok(test_layout("us,ru") && test_symbols(cyrillic, 7), "us,ru in group 1");

    XkbLockGroup(program.display, XkbUseCoreKbd, 1);
    XSync(program.display, False);

    ok(test_symbols(cyrillic, 7), "us,ru in group 2");

    selkies_input_key(input, held, XK_Control_L, 1);
    test_tap(XK_Cyrillic_es);
    ok(test_collect() && nkeys == 1 && keys[0].keysym == 'c'
       && (keys[0].state & ControlMask),
       "Ctrl and a Cyrillic letter is a Latin shortcut");
    selkies_input_key(input, held, XK_Control_L, 0);

    XkbLockGroup(program.display, XkbUseCoreKbd, 0);
    ok(test_layout("us"), "back to us");

    selkies_input_key(input, held, XK_Control_L, 1);
    selkies_input_key(input, held, XK_Shift_L, 1);
    test_tap(XK_Cyrillic_EM);
    ok(test_collect() && nkeys == 1 && keys[0].keysym == 'V'
       && (keys[0].state & (ControlMask|ShiftMask)) == (ControlMask|ShiftMask),
       "Ctrl and Shift and a Cyrillic capital");
    selkies_input_release_all(input, held);
}


static void
test_keys(void)
{
    size_t  i;

    /* a UTF-16 pair, as pages send it */

    test_tap(0x0100d83d);
    test_tap(0x0100de00);
    ok(test_collect() && nkeys == 1 && keys[0].keysym == 0x0101f600,
       "two halves of an emoji are one key");

    test_tap(0x0100de00);
    ok(test_collect() && nkeys == 0, "half an emoji is none");

    test_tap(0x010000e4);
    test_tap(0x010020ac);
    ok(test_collect() && nkeys == 2 && keys[0].keysym == XK_adiaeresis
       && keys[1].keysym == XK_EuroSign, "Unicode keysyms of known symbols");

    test_tap(0);
    test_tap(0xffffffff);
    test_tap(0xfed5);
    test_tap(0x1008fe01);
    test_tap(0x01110000);
    ok(test_collect() && nkeys == 0, "what must not be typed is not");

    selkies_input_key(input, held, XK_Shift_L, 1);
    test_tap(XK_Tab);
    ok(test_collect() && nkeys == 1 && keys[0].keysym == XK_ISO_Left_Tab
       && (keys[0].state & ShiftMask), "Shift and Tab");
    selkies_input_key(input, held, XK_Shift_L, 0);

    selkies_input_key(input, held, XK_Alt_L, 1);
    test_tap(XK_F4);
    ok(test_collect() && nkeys == 1 && keys[0].keysym == XK_F4
       && (keys[0].state & Mod1Mask), "Alt and F4");
    selkies_input_key(input, held, XK_Alt_L, 0);

    selkies_input_key(input, held, XK_Super_L, 1);
    test_tap('e');
    ok(test_collect() && nkeys == 1 && keys[0].keysym == 'e'
       && (keys[0].state & Mod4Mask), "Super and e");
    selkies_input_key(input, held, XK_Super_L, 0);

    /* Shift goes up while a symbol that does not want it is still down */

    selkies_input_key(input, held, XK_Shift_L, 1);
    selkies_input_key(input, held, '/', 1);
    selkies_input_key(input, held, XK_Shift_L, 0);
    selkies_input_key(input, held, '/', 0);
    ok(test_collect() && nkeys == 1 && keys[0].keysym == '/'
       && test_modifiers() == 0 && test_down() == 0,
       "Shift up before the key it was lifted for");

    selkies_input_key(input, held, '1', 1);
    selkies_input_key(input, held, '!', 1);
    selkies_input_key(input, held, '1', 0);
    ok(test_down() <= 2 && test_collect() && nkeys == 2
       && keys[0].keysym == '1' && keys[1].keysym == '!' && test_down() == 1,
       "two symbols of one key are struck one after the other");
    selkies_input_key(input, held, '!', 0);
    ok(test_collect() && test_down() == 0, "and released together");

    ok(test_layout("de"), "de");
    selkies_input_key(input, held, XK_Alt_R, 1);
    test_tap('x');
    ok(test_collect() && nkeys == 1 && (keys[0].state & Mod1Mask),
       "de: Alt_R, which it has not, is Alt_L");
    selkies_input_release_all(input, held);
    ok(test_layout("us"), "us");

    /* more symbols than spare keys, each once */

    for (i = 0; i < 60; i++) {
        test_tap(0x01004e00 + (uint32_t) i);
        (void) test_collect();

        if (nkeys != 1 || keys[0].keysym != 0x01004e00 + i) {
            break;
        }
    }

    ok(i == 60, "60 symbols that no key has");

    for (i = 0; i < 2000; i++) {
        (void) test_press(0x01004e00 + (uint32_t) i % 1500);
    }

    ok(test_collect(), "a flood of held keys");
    selkies_input_release_all(input, held);
    ok(test_collect() && test_down() == 0, "is released");
}


/* What test_elsewhere() says of Shift_L. */

static _Atomic int  elsewhere;


static int
test_elsewhere(void *data, uint8_t keycode)
{
    return atomic_load((_Atomic int *) data) && keycode == 50;
}


/* By then every spare key may be bound to another symbol. */

static void
test_settle(void)
{
    struct timespec  delay;

    selkies_input_flush(input);
    delay.tv_sec = 0;
    delay.tv_nsec = 210000000;
    (void) nanosleep(&delay, NULL);
}


/* What a caller is told when all spare keys were in use a moment ago. */

static void
test_waits(void)
{
    size_t    i, spare;
    uint64_t  wait_us;

    test_tap('a');

    while (selkies_input_key(input, held, 0x01005000, 1) != 0) {
        /* until those of before have settled */
    }

    selkies_input_key(input, held, 0x01005000, 0);
    wait_us = 0;

    for (spare = 1; spare < 100; spare++) {
        wait_us = selkies_input_key(input, held,
                                    0x01005000 + (uint32_t) spare, 1);

        if (wait_us != 0) {
            break;
        }

        selkies_input_key(input, held, 0x01005000 + (uint32_t) spare, 0);
    }

    ok(spare >= 8 && wait_us > 0 && wait_us <= 200000,
       "after %zu symbols that no key has: to be asked again in %lu us",
       spare, (unsigned long) wait_us);
    (void) test_collect();
    ok(nkeys >= spare && keys[nkeys - 1].keysym == 0x01005000 + spare - 1,
       "it is not pressed, nor is another instead");
    ok(selkies_input_key(input, held, 0x01005000, 1) == 0,
       "one that still has its key is pressed at once");
    selkies_input_key(input, held, 0x01005000, 0);
    ok(selkies_input_type(input, held, 0x01006000) != 0
       && selkies_input_key(input, held, 0x0100d83d, 1) == 0
       && selkies_input_key(input, held, 0x0100de80, 1) != 0,
       "the same for text and for the second half of a pair");
    ok(test_press(0x0100de80) > 0 && test_collect() && nkeys > 0
       && keys[nkeys - 1].keysym == 0x0101f680,
       "asked again, the pair is whole");
    selkies_input_release_all(input, held);

    /* held for longer than keys need to settle, released just now */

    (void) test_press(0x01005200);
    test_settle();

    for (i = 0; i + 1 < spare; i++) {
        test_tap(0x01005300 + (uint32_t) i);
    }

    selkies_input_key(input, held, 0x01005200, 0);
    ok(selkies_input_type(input, held, 0x01005500) != 0,
       "a key that was held for long settles from when it is let go");
    ok(test_collect() && test_down() == 0, "nothing is held");
}


/* Text is no command, whatever is held. */

static void
test_typing(void)
{
    size_t                 i;
    static const uint32_t  text[] = { 'c', 'V', '!', XK_BackSpace, 0x010000e9 };

    test_settle();

    selkies_input_key(input, held, XK_Control_L, 1);
    selkies_input_key(input, held, XK_Alt_L, 1);
    selkies_input_key(input, held, XK_Super_L, 1);
    selkies_input_key(input, held, XK_Shift_L, 1);

    for (i = 0; i < sizeof(text) / sizeof(uint32_t); i++) {
        (void) selkies_input_type(input, held, text[i]);
    }

    (void) selkies_input_type(input, held, XK_Cyrillic_es);
    (void) test_collect();

    for (i = 0; i < nkeys; i++) {
        if (keys[i].state & (ControlMask|Mod1Mask|Mod4Mask)) {
            break;
        }
    }

    ok(nkeys == 6 && i == 6 && keys[0].keysym == 'c' && keys[1].keysym == 'V'
       && keys[2].keysym == '!' && keys[3].keysym == XK_BackSpace
       && (keys[3].state & ShiftMask) == 0 && keys[4].keysym == XK_eacute
       && keys[5].keysym == XK_Cyrillic_es,
       "text is typed as it is while Control, Alt, Super, Shift are held");
    ok((test_modifiers() & (ControlMask|Mod1Mask|Mod4Mask|ShiftMask))
       == (ControlMask|Mod1Mask|Mod4Mask|ShiftMask), "which they still are");
    selkies_input_release_all(input, held);
    ok(test_collect() && test_down() == 0, "until they are let go");
}


static void
test_repeat(void)
{
    size_t    i, n;
    uint64_t  end;

    XkbSetAutoRepeatRate(program.display, XkbUseCoreKbd, 150, 30);
    XSync(program.display, False);

    /* '/' lives without Shift: also the repeated ones must */

    selkies_input_key(input, held, XK_Shift_L, 1);
    selkies_input_key(input, held, '/', 1);
    selkies_input_flush(input);

    nkeys = 0;
    end = selkies_clock_us() + 5000000;

    while (nkeys < 4 && selkies_clock_us() < end) {
        (void) test_event();
    }

    n = nkeys;

    for (i = 0; i < n && keys[i].keysym == '/'; i++) {
        /* void */
    }

    ok(n >= 4 && i == n, "a held key is repeated by X, as the same symbol");

    selkies_input_release_all(input, held);
    ok(test_collect() && test_down() == 0 && test_modifiers() == 0,
       "and released");

    XkbSetAutoRepeatRate(program.display, XkbUseCoreKbd, 660, 40);
}


static void
test_heartbeat(void)
{
    uint32_t  list[2] = { 'a', XK_Shift_L };
    uint64_t  now;

    now = 10000000;

    selkies_input_key(input, held, 'a', 1);
    selkies_input_key(input, held, 'b', 1);
    ok(selkies_input_sweep(input, held, now) == 0
       && selkies_input_sweep(input, held, now + 5000000) == 0,
       "without a heartbeat nothing is swept");

    selkies_input_heartbeat(input, held, list, 2, now);
    ok(selkies_input_sweep(input, held, now) == 0
       && selkies_input_sweep(input, held, now + 1999999) == 0,
       "within two seconds nothing is swept");
    selkies_input_heartbeat(input, held, list, 2, now + 1500000);
    ok(selkies_input_sweep(input, held, now + 2000000) == 1
       && test_collect() && test_down() == 1,
       "a key not named for two seconds is");
    selkies_input_release_all(input, held);
    ok(test_collect() && test_down() == 0, "released");
}


static void
test_pointer(void)
{
    int       x, y, i;
    Window    root, child;
    unsigned  mask;

    (void) test_collect();

    selkies_input_pointer_move(input, held, 100, 200, 0, 0);
    selkies_input_pointer_move(input, held, 100, 200, 1, 0);
    selkies_input_pointer_move(input, held, 101, 201, 1, 0);
    selkies_input_pointer_move(input, held, 101, 201, 5, 0);
    selkies_input_pointer_move(input, held, 101, 201, 6, 0);
    selkies_input_pointer_move(input, held, 101, 201, 0, 0);
    ok(test_collect() && strcmp(buttons, "+1 +3 -1 +2 -2 -3 ") == 0,
       "three buttons");

    XQueryPointer(program.display, window, &root, &child, &x, &y, &x, &y,
                  &mask);
    ok(x == 101 && y == 201, "where it was sent: %d,%d", x, y);

    selkies_input_pointer_move(input, held, -50, INT32_MAX, 0, 0);
    selkies_input_flush(input);
    (void) test_collect();
    XQueryPointer(program.display, window, &root, &child, &x, &y, &x, &y,
                  &mask);
    ok(x == 0 && y == 599, "clamped to the screen: %d,%d", x, y);

    selkies_input_pointer_relative(input, held, 100000, -100, 0, 0);
    (void) test_collect();
    XQueryPointer(program.display, window, &root, &child, &x, &y, &x, &y,
                  &mask);
    ok(x == 799 && y == 499, "relative and saturated: %d,%d", x, y);

    selkies_input_pointer_move(input, held, 0, 599, 0, 0);
    (void) test_collect();
    XQueryPointer(program.display, window, &root, &child, &x, &y, &x, &y,
                  &mask);
    ok(x == 0 && y == 599, "absolute after relative moves: %d,%d", x, y);

    selkies_input_pointer_move(input, held, 400, 300, 32, 0);
    selkies_input_pointer_move(input, held, 400, 300, 33, 0);
    selkies_input_pointer_move(input, held, 400, 300, 1, 0);
    selkies_input_pointer_move(input, held, 400, 300, 0, 0);
    ok(test_collect() && strcmp(buttons, "+1 -1 ") == 0,
       "the eraser is the left button, too");

    /* the wheel, as measured: a diagonal one, then each direction */

    selkies_input_pointer_relative(input, held, 0, 0, 8, 1);
    selkies_input_pointer_relative(input, held, 0, 0, 72, 1);
    selkies_input_pointer_relative(input, held, 0, 0, 64, 1);
    selkies_input_pointer_relative(input, held, 0, 0, 0, 1);
    ok(test_collect() && strcmp(buttons, "+5 -5 +6 -6 ") == 0,
       "diagonal wheel");

    selkies_input_pointer_relative(input, held, 0, 0, 16, 3);
    selkies_input_pointer_move(input, held, 401, 300, 16, 0);
    selkies_input_pointer_relative(input, held, 0, 0, 0, 3);
    selkies_input_pointer_relative(input, held, 0, 0, 128, 1);
    selkies_input_pointer_relative(input, held, 0, 0, 0, 1);
    selkies_input_pointer_relative(input, held, 0, 0, 64, 0);
    selkies_input_pointer_relative(input, held, 0, 0, 0, 0);
    ok(test_collect()
       && strcmp(buttons, "+4 -4 +4 -4 +4 -4 +7 -7 ") == 0,
       "wheel up three, right one");

    selkies_input_pointer_relative(input, held, 0, 0, 8, 0xffffffff);
    selkies_input_pointer_relative(input, held, 0, 0, 0, 0);
    ok(test_collect() && nbuttons == 2 * SELKIES_INPUT_WHEEL_MAX,
       "a magnitude is clamped");

    selkies_input_pointer_relative(input, held, 0, 0, 8, 1);
    selkies_input_pointer_relative(input, held, 0, 0, 8, 1);
    selkies_input_pointer_relative(input, held, 0, 0, 0, 1);
    ok(test_collect() && strcmp(buttons, "+5 -5 +5 -5 ") == 0,
       "the same wheel message again is one more tick");

    selkies_input_pointer_move(input, held, 401, 300, 8, 0);
    selkies_input_pointer_move(input, held, 401, 300, 0, 0);
    selkies_input_pointer_move(input, held, 401, 300, 16, 0);
    selkies_input_pointer_move(input, held, 401, 300, 0, 0);
    ok(test_collect() && nbuttons == 0 && nkeys == 2
       && keys[0].keysym == XK_Left && (keys[0].state & Mod1Mask)
       && keys[1].keysym == XK_Right && (keys[1].state & Mod1Mask)
       && test_modifiers() == 0,
       "back and forward are Alt and an arrow");

    for (i = 0; i < 1000; i++) {
        selkies_input_pointer_relative(input, held, i * 7919, -i * 104729,
                                       (uint32_t) i * 2654435761u,
                                       (uint32_t) i % 3);
    }

    selkies_input_release_all(input, held);
    (void) test_collect();
    XQueryPointer(program.display, window, &root, &child, &x, &y, &x, &y,
                  &mask);
    ok((mask & (Button1Mask|Button2Mask|Button3Mask)) == 0
       && test_down() == 0, "nothing stays pressed");
}


/* Two clients of one worker, and a worker that dies. */

static void
test_holders(selkies_pressed_t *pressed)
{
    int                       status;
    pid_t                     pid;
    Window                    root, child;
    unsigned                  mask;
    int                       x, y;
    selkies_held_t           *second, *lost;
    selkies_input_t          *dying;
    selkies_pressed_t        *shared;
    const selkies_pressed_t  *live[2];
    selkies_input_conf_t      conf;

    second = selkies_held_create(0);
    selkies_input_key(input, held, XK_Control_L, 1);
    selkies_input_key(input, second, XK_Control_L, 1);
    selkies_input_pointer_move(input, held, 10, 10, 1, 0);
    selkies_input_pointer_move(input, second, 10, 10, 1, 0);
    selkies_input_release_all(input, second);
    ok(test_collect() && (test_modifiers() & ControlMask)
       && strcmp(buttons, "+1 ") == 0,
       "what two clients hold stays until both let go");
    ok(atomic_load(&pressed->buttons) == 1
       && (atomic_load(&pressed->keys[0]) | atomic_load(&pressed->keys[1])
           | atomic_load(&pressed->keys[2]) | atomic_load(&pressed->keys[3]))
          != 0,
       "the shared map says so");
    selkies_held_destroy(second);

    shared = mmap(NULL, sizeof(selkies_pressed_t), PROT_READ|PROT_WRITE,
                  MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    (void) fflush(stdout);

    pid = fork();

    if (pid == 0) {
        memset(&conf, 0, sizeof(conf));
        conf.display = xvfb.display;
        conf.xauthority = xvfb.auth;
        conf.pressed = shared;

        dying = selkies_input_open(&conf, NULL);
        lost = selkies_held_create(0);

        if (dying == NULL || lost == NULL) {
            _exit(1);
        }

        selkies_input_key(dying, lost, XK_Shift_L, 1);
        selkies_input_key(dying, lost, 'q', 1);
        selkies_input_pointer_move(dying, lost, 20, 20, 4, 0);
        selkies_input_flush(dying);

        /* its server has seen all of it when this is answered */

        live[0] = shared;
        live[1] = pressed;
        _exit(selkies_input_release_orphans(dying, live, 2) == 0 ? 0 : 2);
    }

    (void) waitpid(pid, &status, 0);
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
       "a worker dies with keys pressed, having spared ours");

    XQueryPointer(program.display, window, &root, &child, &x, &y, &x, &y,
                  &mask);
    ok(test_down() == 3 && (mask & Button3Mask),
       "they stay pressed: %d keys", test_down());

    live[0] = pressed;
    live[1] = shared;
    ok(selkies_input_release_orphans(input, live, 2) == 0,
       "a live worker's are spared");
    ok(selkies_input_release_orphans(input, live, 1) == 3,
       "a dead worker's are released");

    (void) test_collect();
    XQueryPointer(program.display, window, &root, &child, &x, &y, &x, &y,
                  &mask);
    ok(test_down() == 1 && (mask & Button3Mask) == 0
       && (mask & Button1Mask) && (test_modifiers() & ControlMask),
       "and nothing of the living");

    selkies_input_release_all(input, held);
    (void) test_collect();
    ok(test_down() == 0 && atomic_load(&pressed->buttons) == 0
       && atomic_load(&pressed->keys[0]) == 0
       && atomic_load(&pressed->keys[1]) == 0
       && atomic_load(&pressed->keys[2]) == 0
       && atomic_load(&pressed->keys[3]) == 0,
       "release_all empties window and map");

    (void) munmap(shared, sizeof(selkies_pressed_t));
}


/* Another worker's client has Shift down: the server is asked. */

static void
test_foreign(void)
{
    selkies_held_t        *other_held;
    selkies_input_t       *other;
    selkies_input_conf_t   conf;
    static const uint32_t  text[] = { '1', 'a', '!', 'A' };

    memset(&conf, 0, sizeof(conf));
    conf.display = xvfb.display;
    conf.xauthority = xvfb.auth;

    other = selkies_input_open(&conf, &xvfb_log);
    other_held = selkies_held_create(0);

    selkies_input_key(other, other_held, XK_Shift_L, 1);
    selkies_input_flush(other);

    while (!(test_modifiers() & ShiftMask)) {
        /* until it arrived */
    }

    ok(test_symbols(text, 4) && (test_modifiers() & ShiftMask),
       "symbols are right while another worker holds Shift");

    /* it lets go while Shift is lifted here: it must not be put back */

    atomic_store(&elsewhere, 1);
    test_tap(XK_F1);
    selkies_input_key(input, held, '1', 1);
    selkies_input_flush(input);

    while (test_modifiers() & ShiftMask) {
        /* until it is lifted */
    }

    selkies_input_key(other, other_held, XK_Shift_L, 0);
    selkies_input_flush(other);
    test_settle();
    selkies_input_key(input, held, '1', 0);
    ok(test_collect() && nkeys == 2 && keys[1].keysym == '1'
       && test_down() == 0 && test_modifiers() == 0,
       "what another worker lets go of meanwhile is not pressed again");
    atomic_store(&elsewhere, 0);
    selkies_input_key(other, other_held, XK_Shift_L, 1);
    selkies_input_flush(other);

    while (!(test_modifiers() & ShiftMask)) {
        /* until it arrived */
    }

    selkies_input_close(other);

    while (test_modifiers() & ShiftMask) {
        /* closing releases */
    }

    ok(test_symbols(text, 4) && test_down() == 0, "and when it is closed");
    selkies_held_destroy(other_held);
}


static void
test_symbol_tables(void)
{
    ok(selkies_keysym_latin(XK_Cyrillic_shorti) == 'q'
       && selkies_keysym_latin(XK_Cyrillic_YA) == 'Z'
       && selkies_keysym_latin(XK_Cyrillic_io) == '`'
       && selkies_keysym_latin(XK_Ukrainian_i) == 's'
       && selkies_keysym_latin(XK_Ukrainian_YI) == ']'
       && selkies_keysym_latin(0x01000441) == 'c'
       && selkies_keysym_latin(0x01000421) == 'C'
       && selkies_keysym_latin(0x010004ff) == 0
       && selkies_keysym_latin('a') == 0
       && selkies_keysym_latin(XK_Cyrillic_je) == 0,
       "Cyrillic letters and the Latin keys they lie on");
    ok(selkies_keysym_normal(0x01000041) == 'A'
       && selkies_keysym_normal(0x010000ff) == 0xff
       && selkies_keysym_normal(0x7f) == 0
       && selkies_keysym_normal(XK_Pointer_Button1) == 0
       && selkies_keysym_normal(0x1008ff11) == 0x1008ff11
       && selkies_keysym_normal(0x0100d800) == 0,
       "normal keysyms");
}


int
main(void)
{
    unsigned              bits;
    uint64_t              end;
    selkies_pressed_t     pressed;
    selkies_input_conf_t  conf;

    if (xvfb_start(&xvfb, 800, 600, 0) == -1) {
        xvfb_stop(&xvfb);
        return skip_all("no Xvfb");
    }

    memset(&pressed, 0, sizeof(pressed));
    memset(&conf, 0, sizeof(conf));
    conf.display = xvfb.display;
    conf.xauthority = xvfb.auth;
    conf.pressed = &pressed;
    conf.elsewhere = test_elsewhere;
    conf.data = &elsewhere;

    test_symbol_tables();

    input = selkies_input_open(&conf, &xvfb_log);
    held = selkies_held_create(1);

    if (!ok(input != NULL && held != NULL
            && selkies_x11_open(&program, xvfb.display, xvfb.auth, NULL,
                                &xvfb_log) != NULL
            && test_window(),
            "connected"))
    {
        xvfb_stop(&xvfb);
        return done_testing();
    }

    test_layouts();
    test_groups();
    test_keys();
    test_waits();
    test_typing();
    test_repeat();
    test_heartbeat();
    test_pointer();
    test_holders(&pressed);
    test_foreign();

    ok(selkies_input_dispatch(input) == 0, "alive");

    selkies_input_key(input, held, XK_Shift_L, 1);
    selkies_input_pointer_move(input, held, 1, 1, 1, 0);
    selkies_input_flush(input);

    xvfb_end(&xvfb, SIGKILL);
    end = selkies_clock_us() + 2000000;

    do {
        (void) xvfb_wait(selkies_input_fd(input), 100);
        bits = selkies_input_dispatch(input);
    } while (bits == 0 && selkies_clock_us() < end);

    ok(bits == SELKIES_INPUT_LOST
       && selkies_input_flush(input) == SELKIES_LOST,
       "kill -9 of the server is a state");

    test_tap('a');
    test_tap(0x01004e00);
    selkies_input_pointer_move(input, held, 1, 1, 0, 0);
    selkies_input_pointer_relative(input, held, 1, 1, 9, 2);
    selkies_input_release_all(input, held);
    ok(selkies_input_release_orphans(input, NULL, 0) == 0,
       "calls on a lost connection do nothing");
    selkies_input_close(input);
    ok(atomic_load(&pressed.buttons) == 0 && atomic_load(&pressed.keys[0]) == 0,
       "of a lost server nothing is pressed");

    ok(xvfb_start(&xvfb, 800, 600, 0) == 0, "a new server");
    conf.display = xvfb.display;
    input = selkies_input_open(&conf, &xvfb_log);
    selkies_x11_close(&program);

    if (ok(input != NULL
           && selkies_x11_open(&program, xvfb.display, xvfb.auth, NULL,
                               &xvfb_log) != NULL
           && test_window(), "connected again"))
    {
        static const uint32_t  text[] = { 'h', 'I', XK_adiaeresis };

        ok(test_symbols(text, 3) && test_down() == 0,
           "a client of before goes on with nothing held");
        selkies_input_close(input);
        selkies_x11_close(&program);
    }

    selkies_held_destroy(held);
    xvfb_stop(&xvfb);

    return done_testing();
}
