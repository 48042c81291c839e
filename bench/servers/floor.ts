import { has, startChild } from '../support/child.ts';
import { compile } from '../support/compile.ts';
import { startOnFreePort } from '../support/on-free-port.ts';
import type { Server } from './server.ts';

/** The C floor: bench/load/floor.c. */
export const floor: Server = {
  name: 'floor (C)',
  protocol: 'gw',
  note: 'no Redis, no tokens, no limits, no metrics',
  missing: async () => ((await has('cc')) ? undefined : 'no C compiler'),
  async start({ serverCpus: cpus, niceness }) {
    const program = await compile('floor');
    const { port, pid, stop } = await startOnFreePort((port) =>
      startChild(program, [`${port}`, 'batch'], { cpus, niceness }),
    );
    return { port, pids: [pid], stop };
  },
};
