/* A page with nothing but what the keyboard touches, for the tests of it. */

import { Keyboard } from '../../../web/input/keyboard.js';

/** @type {any} */
const world = globalThis;

/** A page with nothing but what the keyboard touches.
 *
 * @param {string} platform
 * @param {{ soft?: boolean, language?: string }} [device] */
export function setUp(platform, device = {}) {
    /** @type {string[]} */
    const sent = [];
    /** @type {{ call: () => void, ms: number }[]} */
    const timers = [];
    const field = Object.assign(new EventTarget(), {
        value: '', focused: 0, inputMode: '', style: { left: '', top: '' }, setSelectionRange() {},
        /** @type {Set<string>} */
        classes: new Set(),
        classList: {
            add: (/** @type {string} */ name) => field.classes.add(name),
            remove: (/** @type {string} */ name) => field.classes.delete(name) },
        blur() {},
        focus() {
            this.focused++;
        } });
    const session = { control: true, extended: true, on() {}, emit() {},
                      /** @param {string[]} texts */
                      send: texts => sent.push(...texts) };
    let time = 1000;

    Object.defineProperty(world, 'navigator', { configurable: true, value: {
        platform, language: device.language ?? 'en' } });
    world.matchMedia = () => ({ matches: device.soft === true });
    const body = {};

    world.document = Object.assign(new EventTarget(), { visibilityState: 'visible', body,
                                                        activeElement: body,
                                                        hasFocus: () => true,
                                                        fullscreenElement: null });
    world.addEventListener = () => undefined;
    world.window = {
        /** @param {() => void} call
         *  @param {number} ms */
        setTimeout: (call, ms) => timers.push({ call, ms }),
        /** @param {() => void} call
         *  @param {number} ms */
        setInterval: (call, ms) => timers.push({ call, ms })
    };

    const keyboard = new Keyboard(/** @type {any} */ (session),
                                  /** @type {any} */ ({ querySelector: () => field }),
                                  /** @type {any} */ ({ flush() {}, spot: () => ({ x: 7, y: 8 }) }));
    /**
     * @param {string} key
     * @param {string} code
     * @param {{ mods?: string[], location?: number, repeat?: boolean, after?: number }} [more]
     * @returns {any}
     */
    const event = (key, code, more = {}) => {
        const mods = more.mods ?? [];
        time += more.after ?? 200;
        return { key, code, location: more.location ?? 0, repeat: more.repeat ?? false,
                 isComposing: false, keyCode: 0, timeStamp: time, prevented: false,
                 ctrlKey: mods.includes('Control'), shiftKey: mods.includes('Shift'),
                 altKey: mods.includes('Alt'), metaKey: mods.includes('Meta'),
                 getModifierState: (/** @type {string} */ name) => mods.includes(name),
                 preventDefault() {
                     this.prevented = true;
                 } };
    };

    return {
        keyboard, session, timers, event,
        /** @param {Parameters<typeof event>} what */
        down(...what) {
            const made = event(...what);
            keyboard.down(made);
            return made;
        },
        /** @param {Parameters<typeof event>} what */
        up: (...what) => keyboard.up(event(...what)),
        /** @param {string} inputType
         *  @param {string} [data] */
        input: (inputType, data) => keyboard.composer.input(/** @type {any} */ (
            { inputType, data, isComposing: false, preventDefault() {} })),
        field,
        /** @param {...[string, string]} steps  of an input method */
        compose(...steps) {
            for (const [type, data] of steps) {
                field.dispatchEvent(Object.assign(new Event(`composition${type}`), { data }));
            }
        },
        take: () => sent.splice(0)
    };
}
