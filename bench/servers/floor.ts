import { freePort } from '../../local/free-port.ts';
import { has, startChild } from '../support/child.ts';
import { compile } from '../support/compile.ts';
import { untilListens } from '../support/until.ts';
import type { Server } from './server.ts';

/** The C floor: bench/load/floor.c. */
export const floor: Server = {
  name: 'floor (C)',
  protocol: 'gw',
  note: 'no Redis, no tokens, no limits, no metrics',
  missing: async () => ((await has('cc')) ? undefined : 'no C compiler'),
  async start({ serverCpus: cpus, niceness }) {
    const port = await freePort();
    const child = await startChild(await compile('floor'), [`${port}`, 'batch'], { cpus, niceness });
    await untilListens(port);
    return { port, pids: [child.pid], stop: child.stop };
  },
};
