
/*
 * Copyright (C) ngx_selkies authors
 *
 * Bells: rings of both kinds are told apart, however many there were, and a
 * wait ends with one.
 *
 * Thread: the main thread.
 */


#include <unistd.h>

#include "../../ngx_selkies_module/selkies_thread.h"
#include "tap.h"


int
main(void)
{
    int       i, bell;
    uint64_t  rings, start;

    bell = selkies_bell_open();
    ok(bell != -1, "a bell");

    ok(selkies_bell_take(bell) == 0, "silent");

    selkies_bell_ring(bell);
    ok(selkies_bell_take(bell) == SELKIES_BELL_ALL, "rung");
    ok(selkies_bell_take(bell) == 0, "taken");

    for (i = 0; i < 1000; i++) {
        selkies_bell_ring_sound(bell);
    }

    rings = selkies_bell_take(bell);
    ok((uint32_t) rings == 0 && rings == 1000 * SELKIES_BELL_SOUND,
       "rung for sound alone");

    selkies_bell_ring_sound(bell);
    selkies_bell_ring(bell);
    rings = selkies_bell_take(bell);
    ok((uint32_t) rings != 0 && rings >= SELKIES_BELL_SOUND, "both");

    selkies_bell_ring_sound(bell);
    start = selkies_clock_us();
    selkies_bell_wait(bell, -1, 60000000);
    ok(selkies_clock_us() - start < 30000000 && selkies_bell_take(bell) == 0,
       "who waits hears either");

    (void) close(bell);

    return done_testing();
}
