
/*
 * Copyright (C) ngx_selkies authors
 *
 * Redundant sound: messages byte for byte, which packets may be told in one,
 * and what is too large for its room.  web/media/red.js reads them.
 *
 * Thread: the main thread.
 */


#include <string.h>

#include "../../ngx_selkies_module/selkies_red.h"
#include "tap.h"


#define ROOM  8192


static selkies_red_t
packet(const char *text, uint32_t time)
{
    selkies_red_t  red = { (const uint8_t *) text, strlen(text), time };

    return red;
}


static void
test_bytes(void)
{
    size_t         len;
    uint8_t        out[ROOM];
    selkies_red_t  packets[3];

    /* 0x12345678; 960 and 480 samples before it: 0x3c0, 0x1e0 */

    static const uint8_t  two[] = {
        0x01, 0x02, 0x12, 0x34, 0x56, 0x78,
        0xef, 0x0f, 0x00, 0x03,
        0xef, 0x07, 0x80, 0x02,
        0x6f,
        'o', 'l', 'd', 'e', 'r', 'n', 'o', 'w', '!'
    };

    static const uint8_t  none[] = {
        0x01, 0x00, 0x12, 0x34, 0x56, 0x78, 0x6f, 'n', 'o', 'w', '!'
    };

    packets[0] = packet("old", 0x12345678 - 960);
    packets[1] = packet("er", 0x12345678 - 480);
    packets[2] = packet("now!", 0x12345678);

    len = selkies_red_write(out, ROOM, packets, 2);
    ok(len == sizeof(two) && memcmp(out, two, len) == 0,
       "two copies and the packet");

    len = selkies_red_write(out, ROOM, packets + 2, 0);
    ok(len == sizeof(none) && memcmp(out, none, len) == 0, "no copy");

    ok(selkies_red_write(out, sizeof(two), packets, 2) == sizeof(two),
       "room enough");
    ok(selkies_red_write(out, sizeof(two) - 1, packets, 2) == 0,
       "a byte too little");
}


static void
test_limits(void)
{
    size_t                 len;
    uint8_t                out[ROOM];
    selkies_red_t          one[2];

    static uint8_t  data[ROOM];

    memset(data, 0x55, ROOM);

    one[0].data = data;
    one[1] = packet("x", 20000);

    static const struct {
        size_t      len;
        uint32_t    before;
        bool        fits;
        const char *name;
    } cases[] = {
        { 1, 480, true, "an ordinary one" },
        { 0, 480, false, "none at all" },
        { 1023, 480, true, "the longest" },
        { 1024, 480, false, "a longer one" },
        { 1, 16383, true, "the oldest" },
        { 1, 16384, false, "an older one" },
        { 1, 0, false, "one of the same time" },
        { 1, (uint32_t) -480, false, "a later one" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        one[0].len = cases[i].len;
        one[0].time = one[1].time - cases[i].before;
        ok(selkies_red_fits(&one[0], one[1].time) == cases[i].fits, "%s",
           cases[i].name);
    }

    one[0].len = 10;
    one[0].time = (uint32_t) -400;
    ok(selkies_red_fits(&one[0], 80), "times wrap");

    one[0].len = 1023;
    one[0].time = one[1].time - 16383;
    len = selkies_red_write(out, ROOM, one, 1);

    ok(len == SELKIES_RED_HEAD_BYTES(1) + 1024
       && memcmp(out + 6, "\xef\xff\xff\xff\x6f", 5) == 0,
       "both numbers at their limits");
}


int
main(void)
{
    test_bytes();
    test_limits();

    return done_testing();
}
