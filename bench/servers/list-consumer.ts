import type { Plan } from '../plan.ts';
import { startChild } from '../support/child.ts';
import { startOnFreePort } from '../support/on-free-port.ts';
import { sharedRedis } from './fronttcp.ts';
import type { RunningServer } from './server.ts';

/** bench/load/list-consumer.ts: what the way through the queue is measured by. */
export const listConsumer = {
  name: 'bare list consumer',
  protocol: 'gw',
  async start(plan: Plan): Promise<RunningServer> {
    const redis = await sharedRedis(plan);
    await redis.client.flushall();
    const { serverCpus: cpus, niceness } = plan;
    const { port, pid, stop } = await startOnFreePort((port) =>
      startChild(process.execPath, ['bench/load/list-consumer.ts', `${port}`, redis.url], { cpus, niceness }),
    );
    return { port, pids: [pid], helpers: [redis.pid], stop };
  },
} as const;
