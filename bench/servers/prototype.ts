import { freePort } from '../../local/free-port.ts';
import { startChild } from '../support/child.ts';
import { untilListens } from '../support/until.ts';
import type { Server } from './server.ts';

/** A program of the caller's (`--prototype`): what a way of reading and writing allows, without sessions and Redis. */
export const prototype: Server = {
  name: 'prototype',
  protocol: 'gw',
  missing: ({ prototype: command }) => Promise.resolve(command === undefined ? 'no --prototype' : undefined),
  async start({ prototype: command = [], serverCpus: cpus, niceness }) {
    const port = await freePort();
    const child = await startChild(process.execPath, [...command, `${port}`], { cpus, niceness });
    await untilListens(port);
    return { port, pids: [child.pid], stop: child.stop };
  },
};
