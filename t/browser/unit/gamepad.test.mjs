/**
 * From what browsers say of a gamepad to what the server is told.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import assert from 'node:assert/strict';
import test from 'node:test';

import { changes, standard, stick } from '../../../web/input/gamepad.js';

const buttons = (...on) => Array.from({ length: 17 }, (_, i) => ({ value: on.includes(i) ? 1 : 0 }));
const rest = () => ({ buttons: Array(17).fill(0), axes: Array(4).fill(0) });
const pressed = state => state.buttons.flatMap((value, i) => value ? [i] : []);

test('the middle of a stick is nothing, its ends are whole', () => {
    assert.equal(stick(0.049), 0);
    assert.equal(stick(-0.049), 0);
    assert.equal(stick(1), 1);
    assert.equal(stick(-1), -1);
    assert.equal(stick(1.01), 1);
    assert.ok(stick(0.06) > 0 && stick(0.06) < 0.02);
    assert.ok(stick(-0.5) < -0.4 && stick(-0.5) > -0.5);
});

test('the standard mapping is taken as it is', () => {
    const state = standard({ mapping: 'standard', buttons: buttons(0, 2, 16),
                             axes: [1, -1, 0.01, 0] }, new Set());

    assert.deepEqual(pressed(state), [0, 2, 16]);
    assert.deepEqual(state.axes, [1, -1, 0, 0]);
});

test('fewer and more of them do no harm', () => {
    const few = standard({ mapping: 'standard', buttons: [{ value: 1 }], axes: [] }, new Set());
    const many = standard({ mapping: 'standard', buttons: [...buttons(), ...buttons(3)],
                            axes: [0, 0, 0, 0, 1, 1, 1] }, new Set());

    assert.deepEqual(pressed(few), [0]);
    assert.deepEqual(few.axes, [0, 0, 0, 0]);
    assert.deepEqual(many, rest());
});

test('Firefox: two buttons swapped, triggers among the axes', () => {
    const moved = new Set();
    const pad = { mapping: '', buttons: buttons(2), axes: [0, 0, 0, 0, 0, 0] };

    assert.deepEqual(pressed(standard(pad, moved)), [3]);
    pad.axes = [0, 0, 0, 0, 1, -1];

    const state = standard(pad, moved);

    assert.equal(state.buttons[6], 1);
    assert.equal(state.buttons[7], 0);
    pad.axes[4] = 0;
    assert.equal(standard(pad, moved).buttons[6], 0.5, 'one that has moved may be in the middle');
});

test('evdev: eight axes, the last two a hat', () => {
    const state = standard({ mapping: '', buttons: buttons(6, 8, 10),
                             axes: [1, 0, 1, -1, 0, -1, -1, 1] }, new Set());

    assert.deepEqual(pressed(state), [6, 8, 11, 13, 14, 16]);
    assert.deepEqual(state.axes, [1, 0, -1, 0]);
});

test('what has changed is said, once', () => {
    const before = rest();
    const now = rest();

    now.buttons[0] = 1;
    now.buttons[6] = 0.123456;
    now.axes[3] = -1;
    assert.deepEqual(changes(2, before, now), ['js,a,2,3,-1', 'js,b,2,0,1', 'js,b,2,6,0.1235']);
    assert.deepEqual(changes(2, before, now), []);
    now.buttons[6] = 0.12347;
    assert.deepEqual(changes(2, before, now), []);
    assert.deepEqual(changes(2, before, rest()), ['js,a,2,3,0', 'js,b,2,0,0', 'js,b,2,6,0']);
});
