/**
 * Gamepads: loaded with the first one, looked at once a picture while this page
 * is seen and may use them, told in the standard mapping of the browsers.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

const DEAD_ZONE = 0.05;
const BEAT_MS = 100;
const EFFECT_MS = 5000;             /* the longest that browsers allow */
const SLOTS = 4;
const BUTTONS = 17;
const AXES = 4;

/** @typedef {{ buttons: number[], axes: number[] }} State */

/** Where evdev has what the standard mapping calls button n. */
const EVDEV_BUTTONS = [0, 1, 2, 3, 4, 5, -1, -1, 6, 7, 9, 10, -1, -1, -1, -1, 8];

/** Without the middle, where no stick is quite still.
 *
 * @param {number} value */
export function stick(value) {
    const size = Math.abs(value);

    return size < DEAD_ZONE ? 0
        : Math.sign(value) * Math.min(1, (size - DEAD_ZONE) / (1 - DEAD_ZONE));
}


/**
 * A pad in the standard mapping. Others have their triggers among the axes,
 * which browsers take to be in the middle until they have moved once.
 *
 * @param {{ mapping: string, buttons: readonly { value: number }[],
 *           axes: readonly number[] }} pad
 * @param {Set<number>} moved  axes that were seen elsewhere; kept by the caller
 * @returns {State}
 */
export function standard(pad, moved) {
    const values = pad.buttons.map(button => button.value);
    const axis = (/** @type {number} */ n) => pad.axes[n] ?? 0;
    const trigger = (/** @type {number} */ n) => {
        if (axis(n) !== 0) {
            moved.add(n);
        }
        return moved.has(n) ? (axis(n) + 1) / 2 : 0;
    };
    let from = [0, 1, 2, 3];

    if (pad.mapping !== 'standard' && pad.axes.length >= 8) {
        const kept = [...values];

        EVDEV_BUTTONS.forEach((n, i) => {
            values[i] = kept[n] ?? 0;
        });
        from = [0, 1, 3, 4];
        values[6] = trigger(2);
        values[7] = trigger(5);
        values[12] = axis(7) < -0.5 ? 1 : 0;
        values[13] = axis(7) > 0.5 ? 1 : 0;
        values[14] = axis(6) < -0.5 ? 1 : 0;
        values[15] = axis(6) > 0.5 ? 1 : 0;

    } else if (pad.mapping !== 'standard' && pad.axes.length >= 6) {
        /* Firefox's order */
        [values[2], values[3]] = [values[3] ?? 0, values[2] ?? 0];
        values[6] = trigger(4);
        values[7] = trigger(5);
    }

    return { buttons: Array.from({ length: BUTTONS }, (_, i) => values[i] ?? 0),
             axes: from.map(n => stick(axis(n))) };
}


/**
 * What is to be said of a pad that was at `before`.
 *
 * @param {number} slot
 * @param {State}  before  becomes `now`
 * @param {State}  now
 */
export function changes(slot, before, now) {
    /** @type {string[]} */
    const texts = [];

    for (const [verb, key] of /** @type {['b' | 'a', 'buttons' | 'axes'][]} */ (
        [['a', 'axes'], ['b', 'buttons']]))
    {
        now[key].forEach((value, i) => {
            const rounded = Math.round(value * 1e4) / 1e4;

            if (rounded !== before[key][i]) {
                before[key][i] = rounded;
                texts.push(`js,${verb},${slot},${i},${rounded}`);
            }
        });
    }

    return texts;
}


/** @returns {State} */
function atRest() {
    return { buttons: Array(BUTTONS).fill(0), axes: Array(AXES).fill(0) };
}


/** @param {State} state */
function held(state) {
    return state.buttons.some(Boolean) || state.axes.some(Boolean);
}


/** What the browser has. A page within one that does not allow them has none. */
function real() {
    try {
        return navigator.getGamepads().flatMap(pad => pad?.connected ? [pad] : []);
    } catch {
        return [];
    }
}


export class Gamepads {
    /** @param {import('../session.js').Session} session */
    constructor(session) {
        this.session = session;
        /** the slot of a player's page, counted from 0; -1 on others */
        this.player = Number(/^#player([2-4])$/.exec(location.hash)?.[1] ?? 0) - 1;
        /** by the browser's number of the pad: what the server knows of it
         * @type {Map<number, { slot: number, state: State }>} */
        this.told = new Map();
        /** @type {Map<number, number>} slots that the user has chosen */
        this.chosen = new Map();
        /** @type {Map<number, Set<number>>} see standard() */
        this.moved = new Map();
        /** @type {Map<number, number>} timers of effects that go on */
        this.shaking = new Map();
        /** of the page itself, which browsers know nothing of
         * @type {Gamepad[]} */
        this.own = [];
        this.frame = 0;
        this.beatAt = 0;

        for (const name of ['control', 'settings', 'state', 'ext']) {
            session.on(name, () => this.consider());
        }

        session.on('released', () => this.told.clear());
        session.on('json:rumble', data => this.rumble(data));
        addEventListener('gamepadconnected', () => this.consider());
        addEventListener('gamepaddisconnected', event => this.lost(event.gamepad.index));
        document.addEventListener('visibilitychange', () => this.consider());

        session.want.push('rumble');

        if (session.extended) {
            session.send([session.ext(session.current)]);
        }

        this.consider();
    }

    /** @returns {Gamepad[]} those that there are */
    pads() {
        return [...real(), ...this.own];
    }

    /** Whether this page has gamepads at all. */
    allowed() {
        const { session } = this;

        return session.settings.gamepad_enabled?.value === true
               && (session.fragment.shared ? this.player > 0 : session.control);
    }

    /** Whether what a pad does goes to the desktop now. */
    may() {
        return document.visibilityState === 'visible' && this.session.connected()
               && this.allowed();
    }

    /** @param {Gamepad} pad  by a number that no browser gives */
    add(pad) {
        this.own.push(pad);
        this.consider();
    }

    /** @param {Gamepad} pad */
    remove(pad) {
        this.own = this.own.filter(one => one !== pad);
        this.lost(pad.index);
    }

    /** The slot of a pad: a player's page has one, this one has what is free.
     *
     * @param {number} index */
    slotOf(index) {
        if (this.player > 0) {
            return this.player;
        }

        const chosen = this.chosen.get(index);

        if (chosen !== undefined) {
            return chosen;
        }

        const used = new Set(this.chosen.values());
        let slot = 0;

        while (slot < SLOTS - 1 && used.has(slot)) {
            slot++;
        }

        /* another server's page has one for all */
        slot = this.session.extended ? slot : 0;
        this.chosen.set(index, slot);
        return slot;
    }

    /** @param {number} index
     *  @param {number} slot */
    choose(index, slot) {
        this.rest(index);
        this.chosen.set(index, slot);
        this.session.emit('pads');
    }

    /** Starts looking, or stops and lets go. */
    consider() {
        const wanted = this.may() && this.pads().length > 0;

        if (wanted && this.frame === 0) {
            this.frame = requestAnimationFrame(() => this.look());

        } else if (!wanted && this.frame !== 0) {
            cancelAnimationFrame(this.frame);
            this.frame = 0;

            for (const index of [...this.told.keys()]) {
                this.rest(index);
            }
        }

        this.session.emit('pads');
    }

    look() {
        this.tell();
        this.frame = requestAnimationFrame(() => this.look());
    }

    /** Says what has changed. Called once a picture, and by a pad that cannot
     *  wait for the next one; while nobody looks it does nothing. */
    tell() {
        /** @type {string[]} */
        const texts = [];
        let pressed = false;

        if (this.frame === 0) {
            return;
        }

        for (const pad of this.pads()) {
            let known = this.told.get(pad.index);
            const slot = this.slotOf(pad.index);

            if (known === undefined) {
                known = { slot, state: atRest() };
                this.told.set(pad.index, known);
                texts.push(`js,c,${slot},${btoa(pad.id.replace(/[^ -~]/g, '?').slice(0, 128))},`
                           + `${pad.axes.length},${pad.buttons.length}`);
            }

            const said = changes(slot, known.state, this.read(pad));

            pressed ||= said.some(text => text.endsWith(',1'));
            texts.push(...said);
        }

        const now = performance.now();

        if (this.session.extended && now - this.beatAt >= BEAT_MS) {
            this.beatAt = now;

            for (const { slot, state } of this.told.values()) {
                if (held(state)) {
                    texts.push(`js,h,${slot}`);
                }
            }
        }

        if (texts.length > 0) {
            this.session.send(texts, pressed, true);
        }
    }

    /** @param {Gamepad} pad */
    read(pad) {
        const moved = this.moved.get(pad.index) ?? new Set();

        this.moved.set(pad.index, moved);
        return standard(pad, moved);
    }

    /** The server hears that a pad has let go of everything.
     *
     * @param {number} index
     * @param {string[]} [more] */
    rest(index, more = []) {
        const known = this.told.get(index);

        if (known !== undefined) {
            const texts = [...changes(known.slot, known.state, atRest()), ...more];

            this.told.delete(index);

            if (texts.length > 0 && this.session.connected()) {
                this.session.send(texts, false, true);
            }
        }
    }

    /** @param {number} index */
    lost(index) {
        const slot = this.told.get(index)?.slot;

        this.rest(index, slot === undefined ? [] : [`js,d,${slot}`]);
        this.chosen.delete(index);
        this.moved.delete(index);
        clearTimeout(this.shaking.get(index));
        this.consider();
    }

    /** @param {Record<string, any>} data */
    rumble(data) {
        for (const pad of this.pads()) {
            if (this.told.get(pad.index)?.slot === data.gp) {
                this.shake(pad.index, Number(data.strong), Number(data.weak), Number(data.ms));
            }
        }
    }

    /** @param {number} index
     *  @param {number} strong
     *  @param {number} weak
     *  @param {number} ms */
    shake(index, strong, weak, ms) {
        const actuator = /** @type {any} */ (
            this.pads().find(pad => pad.index === index)?.vibrationActuator);

        clearTimeout(this.shaking.get(index));

        if (typeof actuator?.playEffect !== 'function') {
            return;
        }

        if (!(ms > 0) || !(strong > 0 || weak > 0)) {
            actuator.reset?.().catch(() => {});
            return;
        }

        actuator.playEffect('dual-rumble', {
            duration: Math.min(ms, EFFECT_MS), strongMagnitude: Math.min(1, strong),
            weakMagnitude: Math.min(1, weak) }).catch(() => {});

        if (ms > EFFECT_MS) {
            this.shaking.set(index, window.setTimeout(
                () => this.shake(index, strong, weak, ms - EFFECT_MS), EFFECT_MS));
        }
    }
}


/** @type {Gamepads | null} */
let gamepads = null;

/** The page's gamepads, watched from the first call on.
 *
 * @param {import('../session.js').Session} session */
export function watch(session) {
    gamepads ??= new Gamepads(session);
    return gamepads;
}
