
/*
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A game, as far as gamepads go: opens whatever SDL finds and prints what
 * happens.  A line "rumble PAD STRONG WEAK MS" on its input makes one shake,
 * "quit" or its end ends it.
 */


#include <SDL2/SDL.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>


#define PADS  8


static SDL_GameController  *pads[PADS];


static int
number(SDL_JoystickID id)
{
    int  i;

    for (i = 0; i < PADS; i++) {

        if (pads[i] != NULL
            && SDL_JoystickInstanceID(SDL_GameControllerGetJoystick(pads[i]))
               == id)
        {
            return i;
        }
    }

    return -1;
}


static void
handle(const SDL_Event *event)
{
    int  i;

    switch (event->type) {

    case SDL_CONTROLLERDEVICEADDED:
        i = event->cdevice.which;

        if (i >= 0 && i < PADS && pads[i] == NULL) {
            pads[i] = SDL_GameControllerOpen(i);
            printf("added %d %s %s rumble %d\n", i,
                   pads[i] ? SDL_GameControllerName(pads[i]) : "none",
                   pads[i] ? SDL_GameControllerPath(pads[i]) : "none",
                   SDL_GameControllerHasRumble(pads[i]));
        }

        break;

    case SDL_CONTROLLERDEVICEREMOVED:
        i = number(event->cdevice.which);
        printf("removed %d\n", i);

        if (i >= 0) {
            SDL_GameControllerClose(pads[i]);
            pads[i] = NULL;
        }

        break;

    case SDL_CONTROLLERBUTTONDOWN:
    case SDL_CONTROLLERBUTTONUP:
        printf("pad %d %s %s\n", number(event->cbutton.which),
               SDL_GameControllerGetStringForButton(
                   (SDL_GameControllerButton) event->cbutton.button),
               event->cbutton.state ? "down" : "up");
        break;

    case SDL_CONTROLLERAXISMOTION:
        printf("pad %d %s %d\n", number(event->caxis.which),
               SDL_GameControllerGetStringForAxis(
                   (SDL_GameControllerAxis) event->caxis.axis),
               event->caxis.value);
        break;
    }
}


int
main(void)
{
    int        i, strong, weak, ms;
    char       line[128], *p;
    ssize_t    n;
    SDL_Event  event;

    setvbuf(stdout, NULL, _IOLBF, 0);
    (void) fcntl(0, F_SETFL, O_NONBLOCK);

    SDL_SetHint(SDL_HINT_JOYSTICK_ALLOW_BACKGROUND_EVENTS, "1");

    if (SDL_Init(SDL_INIT_GAMECONTROLLER) != 0) {
        printf("SDL_Init: %s\n", SDL_GetError());
        return 1;
    }

    printf("joysticks %d\n", SDL_NumJoysticks());

    for ( ;; ) {

        while (SDL_PollEvent(&event)) {
            handle(&event);
        }

        n = read(0, line, sizeof(line) - 1);

        if (n == 0) {
            break;
        }

        if (n > 0) {
            line[n] = '\0';
            p = strstr(line, "rumble ");

            if (strstr(line, "quit") != NULL) {
                break;
            }

            if (p != NULL
                && sscanf(p, "rumble %d %d %d %d", &i, &strong, &weak, &ms)
                   == 4)
            {
                printf("rumbled %d\n",
                       SDL_GameControllerRumble(pads[i], (Uint16) strong,
                                                (Uint16) weak, (Uint32) ms));
            }
        }

        SDL_Delay(5);
    }

    SDL_Quit();

    return 0;
}
