import type { Plan } from '../plan.ts';
import { besideFronttcp, fronttcp, nativeFronttcp, sharedRedis } from '../servers/fronttcp.ts';
import { listConsumer } from '../servers/list-consumer.ts';
import type { RunningServer, Server } from '../servers/server.ts';
import { CPU, delivered, LATENCY, perSecond } from './columns.ts';
import { loadOn } from './on-server.ts';
import type { Contestant, Measured, Scenario, ScenarioFile } from './scenario.ts';

const RATE = 1_000;
const OUTSTANDING = 20_000;
const DRAIN_SECONDS = 5;
const LOST = { key: 'lost', label: 'not delivered', better: 'lower' } as const;

interface Consumer {
  readonly name: string;
  start(plan: Plan): Promise<RunningServer>;
}

/** `LPUSH front_tcp` to devices. */
export const queue: ScenarioFile = (servers) => [paced(servers), flood(servers)];

function paced(servers: readonly Server[]): Scenario {
  return {
    id: 'queue-1000',
    group: 'Queue → device',
    title: `${RATE} entries a second, 1,000 devices`,
    note: 'the floor is given the same messages over TCP: what the machine itself costs in the same round',
    columns: [...LATENCY, { key: 'p999', label: 'p99.9, ms', better: 'lower' }, LOST, perSecond('deliveries/s')],
    isQuick: true,
    contestants: [
      ...servers.filter(({ name }) => name === 'floor (C)').map(pacedFloor),
      ...[fronttcp, listConsumer].map((consumer) => throughQueue(consumer, ['-r', `${RATE}`])),
    ],
  };
}

/** One sender of single messages at the same rate. */
export function pacedFloor(floor: Server): Contestant {
  return {
    name: floor.name,
    async measure(plan) {
      const running = await floor.start(plan);
      try {
        return delivered(
          await loadOn(plan, floor, running, ['-m', 'unicast', '-n', '1000', '-s', '1', '-r', `${RATE}`]),
        );
      } finally {
        await running.stop();
      }
    },
  };
}

function flood(servers: readonly Server[]): Scenario {
  return {
    id: 'queue-max',
    group: 'Queue → device',
    title: `as fast as it goes, ${OUTSTANDING.toLocaleString('en-US')} outstanding, 1,000 devices`,
    note: 'the bare consumer knows no sessions and no mailboxes, and loses what it has popped when it dies',
    columns: [
      perSecond('deliveries/s'),
      LOST,
      ...LATENCY,
      ...CPU,
      { key: 'helpers', label: 'Redis, %', better: 'neither' },
    ],
    baseline: listConsumer.name,
    isQuick: true,
    contestants: [...gatewaysOf(servers), listConsumer].map((consumer) =>
      throughQueue(consumer, ['-w', `${OUTSTANDING}`]),
    ),
  };
}

/** Ours, on each implementation of the network that is there, and that of another checkout. */
export function gatewaysOf(servers: readonly Server[]): Server[] {
  return servers.filter((server) =>
    [fronttcp, nativeFronttcp, besideFronttcp].some(({ name }) => name === server.name),
  );
}

function throughQueue(consumer: Consumer, pace: readonly string[]): Contestant {
  return {
    name: consumer.name,
    async measure(plan): Promise<Measured> {
      const running = await consumer.start(plan);
      try {
        const { port } = await sharedRedis(plan);
        const args = ['-m', 'queue', '-n', '1000', '-q', 'lpush:front_tcp', '-R', `${port}`, '-D', `${DRAIN_SECONDS}`];
        const figures = await loadOn(plan, { protocol: 'gw' }, running, [...args, ...pace]);
        return { ...delivered(figures), lost: figures.lost };
      } finally {
        await running.stop();
      }
    },
  };
}
