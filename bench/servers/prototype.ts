import { startChild } from '../support/child.ts';
import { startOnFreePort } from '../support/on-free-port.ts';
import type { Server } from './server.ts';

/** A program of the caller's (`--prototype`): what a way of reading and writing allows, without sessions and Redis. */
export const prototype: Server = {
  name: 'prototype',
  protocol: 'gw',
  missing: ({ prototype: command }) => Promise.resolve(command === undefined ? 'no --prototype' : undefined),
  async start({ prototype: command = [], serverCpus: cpus, niceness }) {
    const { port, pid, stop } = await startOnFreePort((port) =>
      startChild(process.execPath, [...command, `${port}`], { cpus, niceness }),
    );
    return { port, pids: [pid], stop };
  },
};
