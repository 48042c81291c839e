// One message to a large group of whose members few are connected: as one send, or as many requests. argv: orders as JSON.
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { ClientCommand } from '../../contract/wire/command-ids.ts';
import { encodeFrame } from '../../contract/wire/frame.ts';
import { until } from '../../test/kit/until.ts';
import { connectDevice } from '../support/device.ts';
import { userId } from '../support/redis.ts';
import { nowMs } from '../upstream/times.ts';
import { type ApiAddress, Caller } from './caller.ts';

export interface GroupOrders {
  readonly api: ApiAddress;
  readonly redisUrl: string;
  readonly ports: readonly number[];
  readonly members: number;
  /** The members that are connected: every so-manieth, so that they stand everywhere in the group. */
  readonly connected: number;
  /** Recipients of a request; undefined: one send to the group. */
  readonly perRequest?: number | undefined;
}

const COMMAND = 2_001;
const PER_CHANGE = 1_000;
const CONNECTIONS = 8;
/** Until everything has arrived. */
const PATIENCE = { timeoutMs: 120_000, everyMs: 2 };

const orders = JSON.parse(process.argv[2] ?? '') as GroupOrders;
const { ports, members, connected, perRequest } = orders;
const caller = new Caller(orders.api, CONNECTIONS);
const redis = new Redis(orders.redisUrl);
const ids = Array.from({ length: members }, (_, i) => userId(i));

for (let at = 0; at < members; at += PER_CHANGE) {
  await caller.call('PUT', '/groups/bench/members', { add: ids.slice(at, at + PER_CHANGE) });
}
let received = 0;
let lastAtMs = 0;
const every = Math.floor(members / connected);
for (let i = 0; i < connected; i += 1) {
  await connectDevice(ports[i % ports.length] ?? 0, userId(i * every), ['ack'], (id, body, socket) => {
    if (id !== COMMAND) return;
    received += 1;
    lastAtMs = nowMs();
    const { id: message } = JSON.parse(body.toString()) as { id: string };
    socket.write(encodeFrame(1, ClientCommand.acknowledge, JSON.stringify({ ids: [message] })));
  });
}

/** The first command of a kind loads its code: a send to a small group, before the one that is measured. */
await caller.call('PUT', '/groups/small/members', { add: [userId(1)] });
await send({ group: 'small' });
await sleep(1_000);

await redis.config('SET', 'slowlog-log-slower-than', '1000');
await redis.config('SET', 'slowlog-max-len', '4096');
await redis.call('SLOWLOG', 'RESET');
let pingMs = 0;
let isPinging = true;
const pings = (async () => {
  while (isPinging) {
    const at = nowMs();
    await redis.ping();
    pingMs = Math.max(pingMs, nowMs() - at);
    await sleep(1);
  }
})();

const cpuBefore = await redisCpuMs();
const startedAt = nowMs();
let acceptedMs = 0;
if (perRequest === undefined) {
  await send({ group: 'bench' });
  acceptedMs = nowMs() - startedAt;
} else {
  const requests: string[][] = [];
  for (let at = 0; at < members; at += perRequest) requests.push(ids.slice(at, at + perRequest));
  await Promise.all(requests.map((chat_to) => send(chat_to)));
  acceptedMs = nowMs() - startedAt;
}
await until('all connected members have it', () => received >= connected, PATIENCE);
const servedMs = lastAtMs - startedAt;
/** Offline members, from everywhere in the group: when they have it, all have. */
const sample = Array.from({ length: 100 }, (_, i) => `mailbox:${userId(Math.ceil(((i + 1) * members) / 100) - 1)}`);
await until(
  'the offline members have it',
  async () => {
    const pipeline = redis.pipeline();
    for (const mailbox of sample) pipeline.exists(mailbox);
    return (await pipeline.exec())?.every(([, exists]) => exists === 1) === true;
  },
  PATIENCE,
);
const doneMs = nowMs() - startedAt;
const cpuMs = (await redisCpuMs()) - cpuBefore;
isPinging = false;
await pings;
const slow = (await redis.call('SLOWLOG', 'GET', '4096')) as [number, number, number, string[]][];
const longestMs = slow.reduce(
  (longest, [, , us, [command = '']]) => (isOurs(command) ? Math.max(longest, us / 1_000) : longest),
  0,
);

const figures = {
  accepted: acceptedMs,
  served: servedMs,
  done: doneMs,
  cpu: cpuMs,
  longest: longestMs,
  slow: slow.length,
  ping: pingMs,
};
process.stdout.write(
  `${Object.entries(figures)
    .map((pair) => pair.join('='))
    .join(' ')}\n`,
);
process.exit(0);

/** What Redis has used so far, of whatever share of a processor it got. */
async function redisCpuMs(): Promise<number> {
  const seconds = [...(await redis.info('cpu')).matchAll(/^used_cpu_(?:sys|user):([\d.]+)/gm)].map(([, text]) =>
    Number(text),
  );
  return 1_000 * seconds.reduce((sum, one) => sum + one, 0);
}

function isOurs(command: string): boolean {
  return !['slowlog', 'config'].includes(command.toLowerCase());
}

async function send(chat_to: string[] | { group: string }): Promise<void> {
  const body = { command_id: COMMAND, chat_to, content: { set: 'level', level: 3 } };
  const { status, body: answer } = await caller.call('POST', '/send-command', body);
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(answer)}`);
}
