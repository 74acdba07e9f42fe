/**
 * A server as if it were far away: a port of its own that hands on what it gets,
 * half of the way's time later, in both directions.
 *
 * Copyright (C) ngx_selkies authors
 * SPDX-License-Identifier: BSD-2-Clause
 */

import { connect, createServer } from 'node:net';

/** @param {import('node:net').Socket} from
 *  @param {import('node:net').Socket} to
 *  @param {number} ms */
function later(from, to, ms) {
    from.on('data', data => setTimeout(() => to.writable && to.write(data), ms));
    from.on('end', () => setTimeout(() => to.end(), ms));
    from.on('close', () => setTimeout(() => to.destroy(), ms));
    from.on('error', () => to.destroy());
}


/**
 * @param {number} port
 * @param {number} ms  there and back
 * @returns {Promise<number>} the port that is far
 */
export function far(port, ms) {
    const server = createServer(client => {
        const there = connect(port, '127.0.0.1');

        client.setNoDelay(true);
        there.setNoDelay(true);
        later(client, there, ms / 2);
        later(there, client, ms / 2);
    });

    /* it ends with the driver */
    server.unref();
    return new Promise(resolve => {
        server.listen(0, '127.0.0.1', () => resolve(
            /** @type {import('node:net').AddressInfo} */ (server.address()).port));
    });
}
