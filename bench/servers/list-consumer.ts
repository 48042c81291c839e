import { freePort } from '../../local/free-port.ts';
import type { Plan } from '../plan.ts';
import { startChild } from '../support/child.ts';
import { untilListens } from '../support/until.ts';
import { sharedRedis } from './fronttcp.ts';
import type { RunningServer } from './server.ts';

/** bench/load/list-consumer.ts: what the way through the queue is measured by. */
export const listConsumer = {
  name: 'bare list consumer',
  protocol: 'gw',
  async start(plan: Plan): Promise<RunningServer> {
    const redis = await sharedRedis(plan);
    await redis.client.flushall();
    const port = await freePort();
    const { serverCpus: cpus, niceness } = plan;
    const child = await startChild(process.execPath, ['bench/load/list-consumer.ts', `${port}`, redis.url], {
      cpus,
      niceness,
    });
    await untilListens(port);
    return { port, pids: [child.pid], helpers: [redis.pid], stop: child.stop };
  },
} as const;
