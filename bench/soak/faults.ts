import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { System } from './system.ts';

/** How long Redis hangs: shorter than a lease, so that the gateway under watch keeps its clients. */
const HANG_MS = 2_000;

/** The faults, in turn. Each leaves the system as it was, apart from the system's own reaction. */
export const faults: readonly { name: string; inflict(system: System): Promise<void> }[] = [
  {
    name: 'every connection to Redis is cut',
    async inflict({ redis }) {
      await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    },
  },
  {
    name: 'a gateway is killed, another takes its place',
    async inflict(system) {
      const { child } = system.victim;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      system.victim = await system.startVictim();
    },
  },
  {
    name: 'Redis hangs',
    async inflict({ redisPid }) {
      process.kill(redisPid, 'SIGSTOP');
      await delay(HANG_MS);
      process.kill(redisPid, 'SIGCONT');
    },
  },
  {
    name: 'Redis forgets its scripts',
    async inflict({ redis }) {
      await redis.script('FLUSH');
    },
  },
];
