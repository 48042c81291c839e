import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { encodeFrame } from '../../contract/wire/frame.ts';
import type { Plan } from '../plan.ts';
import { fronttcp, sharedRedis } from '../servers/fronttcp.ts';
import type { Server } from '../servers/server.ts';
import { userId, writeUsers } from '../support/redis.ts';
import { delivered, LATENCY, OTHER_CPU, perSecond } from './columns.ts';
import { loadOn } from './on-server.ts';
import type { Contestant, Measured, Scenario, ScenarioFile } from './scenario.ts';

const LONGEST = { key: 'max', label: 'longest, ms', better: 'lower' } as const;
const P999 = { key: 'p999', label: 'p99.9, ms', better: 'lower' } as const;

/** The effect of others: many connections, one slow reader, the garbage collector. */
export const underLoad: ScenarioFile = (servers, plan) => [
  manyConnections(servers, plan),
  slowReader(),
  collector(plan),
];

/** A unicast's latency beside few and beside many connections that are idle. */
function manyConnections(servers: readonly Server[], { isQuick }: Plan): Scenario {
  const many = isQuick ? 2_000 : 15_000;
  const contestants = [...servers.filter(({ name }) => name === 'floor (C)'), fronttcp].flatMap((server) =>
    [10, many].map((count) => ({
      name: `${server.name}, ${count.toLocaleString('en-US')} connections`,
      measure: (plan: Plan) => unicastAmong(server, plan, count),
    })),
  );
  return {
    id: 'unicast-among-many',
    group: 'Under load',
    title: 'single messages TCP → TCP, 1,000 a second, to random receivers among few and many connections',
    columns: [...LATENCY, P999, perSecond('deliveries/s')],
    isQuick: false,
    contestants,
  };
}

async function unicastAmong(server: Server, plan: Plan, count: number): Promise<Measured> {
  const running = await server.start(plan);
  try {
    return delivered(
      await loadOn(plan, server, running, ['-m', 'unicast', '-n', `${count}`, '-s', '10', '-r', '1000']),
    );
  } finally {
    await running.stop();
  }
}

function slowReader(): Scenario {
  const contestant = (name: string, isSlow: boolean): Contestant => ({
    name,
    async measure(plan) {
      const running = await fronttcp.start(plan);
      const sockets = isSlow ? await floodOneWhoDoesNotRead(plan, running.port) : [];
      try {
        return delivered(await loadOn(plan, fronttcp, running, ['-m', 'fanout', '-n', '1000', '-r', '30']));
      } finally {
        for (const socket of sockets) socket.destroy();
        await running.stop();
      }
    },
  });
  return {
    id: 'slow-reader',
    group: 'Under load',
    title: '30 broadcasts a second to 1,000 receivers, with and without one more that does not read',
    note: 'that one was sent 16 MB of its own before: its connection and its outbox are full all the time',
    columns: [...LATENCY, P999, LONGEST, perSecond('deliveries/s')],
    isQuick: false,
    contestants: [contestant('all read', false), contestant('one does not read', true)],
  };
}

const FLOOD_MESSAGES = 1_000;
const FLOOD_TIMEOUT_MS = 30_000;
const FLOOD_BYTES = 16_384;
/** The generator is the first thousand. */
const SLOW_USER = 18_000;

/** Returns the two connections: the one that does not read, and the one that wrote to it. */
async function floodOneWhoDoesNotRead(plan: Plan, port: number): Promise<Socket[]> {
  const redis = await sharedRedis(plan);
  await writeUsers(redis.client, 2, SLOW_USER);
  const slow = await verified(port, userId(SLOW_USER));
  slow.pause();
  const writer = await verified(port, userId(SLOW_USER + 1));
  const chat = { chat_from: userId(SLOW_USER + 1), chat_to: userId(SLOW_USER), chat_content: 'x'.repeat(FLOOD_BYTES) };
  const frame = encodeFrame(1, 2, JSON.stringify(chat));
  for (let i = 0; i < FLOOD_MESSAGES; i++) {
    if (!writer.write(frame)) await once(writer, 'drain');
  }
  // Its own message comes back when all that it wrote before has been taken.
  const own = { ...chat, chat_to: userId(SLOW_USER + 1), chat_content: 'done' };
  writer.write(encodeFrame(1, 2, JSON.stringify(own)));
  await once(writer, 'data', { signal: AbortSignal.timeout(FLOOD_TIMEOUT_MS) });
  writer.resume();
  return [slow, writer];
}

async function verified(port: number, user: string): Promise<Socket> {
  const socket = createConnection({ port, host: '127.0.0.1' });
  socket.write(encodeFrame(1, 1, JSON.stringify({ phone_number: user, token: `t${user}` })));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  if (!answer.includes('1}')) throw new Error(`${user} was not verified`);
  return socket;
}

/** Pauses of the collector, as V8 itself tells them (`--trace-gc`). */
function collector({ isQuick }: Plan): Scenario {
  const count = isQuick ? 2_000 : 15_000;
  return {
    id: 'gc',
    group: 'Under load',
    title: `pauses of the garbage collector with ${count.toLocaleString('en-US')} connections and 20,000 single messages a second`,
    columns: [
      { key: 'longest', label: 'longest pause, ms', better: 'lower' },
      { key: 'total', label: 'all pauses, ms/s', better: 'lower' },
      { key: 'whileConnecting', label: 'longest while they connected, ms', better: 'lower' },
      ...LATENCY,
    ],
    isQuick: false,
    contestants: [
      {
        name: 'fronttcp',
        async measure(plan) {
          const running = await fronttcp.start(plan, { nodeArgs: ['--trace-gc'], env: { MAX_MESSAGES_PER_S: '0' } });
          try {
            const args = ['-m', 'unicast', '-n', `${count}`, '-s', '64', '-r', '20000'];
            const figures = await loadOn(plan, fronttcp, running, args);
            const pauses = parsePauses(running.output());
            const end = pauses.at(-1)?.atMs ?? 0;
            const during = pauses.filter(({ atMs }) => atMs > end - plan.seconds * 1_000);
            const before = pauses.filter(({ atMs }) => atMs <= end - plan.seconds * 1_000);
            return {
              longest: longest(during),
              total: during.reduce((sum, { ms }) => sum + ms, 0) / plan.seconds,
              whileConnecting: longest(before),
              p50: (figures.p50us ?? 0) / 1_000,
              p99: (figures.p99us ?? 0) / 1_000,
              [OTHER_CPU]: figures['other_cpu%'],
            };
          } finally {
            await running.stop();
          }
        },
      },
    ],
  };
}

interface Pause {
  readonly atMs: number;
  readonly ms: number;
}

const longest = (pauses: readonly Pause[]): number => Math.max(0, ...pauses.map(({ ms }) => ms));

/** Lines such as `[1:0x2] 1234 ms: Scavenge 20.1 (36.0) -> 18.2 (37.0) MB, pooled: 0 MB, 1.21 / 0.00 ms …`. */
export function parsePauses(text: string): Pause[] {
  const line =
    /^\[\d+:\w+\]\s+(\d+) ms: (?:Scavenge|Mark-Compact|Minor)[^\n]*?-> [^\n]*? MB,(?: pooled: \S+ MB,)? ([\d.]+) \//gm;
  return [...text.matchAll(line)].map(([, at, ms]) => ({ atMs: Number(at), ms: Number(ms) }));
}
