import { setImmediate } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { UPSTREAM_LANES } from '../../contract/store/scripts/upstream.ts';
import { UPSTREAM_BATCH_BYTES } from '../../contract/upstream.ts';
import type { InboxHandOut } from '../../gateway/delivery/inbox-hand-out.ts';
import { InboxReader } from '../../gateway/delivery/inbox-reader.ts';
import { Registry } from '../../gateway/session/registry.ts';
import { ClaimsInFlight } from '../../gateway/store/claims-in-flight.ts';
import { connectRedis } from '../../gateway/store/redis.ts';
import { Lane } from '../../gateway/upstream/lane.ts';
import { LaneReader } from '../../gateway/upstream/lane-reader.ts';
import type { RedisPort, RedisReply } from '../../shared/redis/port.ts';
import { silentLog } from '../kit/gateway.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { until } from '../kit/until.ts';

const ENTRIES = 400;
const ENTRY_BYTES = 65_536;
/** The reader aims at 2 MiB. */
const READ_BYTES = 2_097_152 + 65_536;

/** Bytes of the texts in a reply. */
function bytesOf(reply: RedisReply): number {
  if (Array.isArray(reply)) return reply.reduce((sum: number, part) => sum + bytesOf(part), 0);
  return typeof reply === 'string' ? reply.length : 0;
}

/** A store for a reader, whose blocking connections note the sizes of what is read, in bytes. */
function measuredStore() {
  const keyPrefix = uniquePrefix();
  const keys = keysOf(keyPrefix);
  const config = { url: sharedRedisUrl(), cluster: false, keyPrefix, username: undefined, password: undefined };
  const redis = connectRedis(config, silentLog);
  const sizes: number[] = [];
  const measured = (): RedisPort => {
    const port = redis.blocking();
    return {
      command: async (name, ...args) => {
        const reply = await port.command(name, ...args);
        if (name === 'XREAD' && reply !== null) sizes.push(bytesOf(reply));
        return reply;
      },
      pipeline: (commands) => port.pipeline(commands),
      script: (script, names, args) => port.script(script, names, args),
      close: () => port.close(),
    };
  };
  return { redis, keys, measured, sizes };
}

/** A reader of the inbox `g`, which gives each record to `give`; and the sizes of what it reads, in bytes. */
function startReader(give: () => void) {
  const { redis, keys, measured, sizes } = measuredStore();
  const handOut = { latestId: 0, room: () => undefined, give, keep: () => undefined };
  const reader = new InboxReader({
    connect: measured,
    writer: redis,
    keys,
    lease: { gatewayId: 'g', isHeld: true },
    registry: new Registry(),
    claims: new ClaimsInFlight(),
    handOut: handOut as unknown as InboxHandOut,
    log: silentLog,
  });
  onTestFinished(async () => {
    reader.stop();
    await Promise.all([reader.close(), redis.close()]);
  });
  return { reader, redis, inbox: keys.inbox('g'), sizes };
}

const head = (id: number) => `["m","${id}",102,1100,0,"","",["u",1],[]]`;

test('row 7: a gateway reads a large inbox in bounded parts, to its end', async () => {
  let taken = 0;
  const { reader, redis, inbox, sizes } = startReader(() => {
    taken += 1;
  });
  const record = JSON.stringify({ chat_from: 'op', chat_content: 'x'.repeat(ENTRY_BYTES) });
  for (let from = 0; from < ENTRIES; from += 50) {
    const commands = Array.from({ length: 50 }, (_, i) => ['XADD', inbox, '*', head(from + i + 1), record]);
    await redis.pipeline(commands);
  }
  reader.start();
  await until('all were taken', () => taken === ENTRIES);
  await setImmediate();
  expect(Math.max(...sizes)).toBeLessThan(READ_BYTES);
  // And in few parts: the bound is used.
  expect(sizes.length).toBeLessThan(ENTRIES / 8);
});

test('a gateway that takes over full lanes of the upstream function reads them in bounded parts, to a batch of each', async () => {
  const { redis, keys, measured, sizes } = measuredStore();
  const lanes = Array.from({ length: UPSTREAM_LANES }, (_, i) => new Lane(i, keys.upstreamLane(i), '0-0'));
  for (const { key } of lanes) {
    const item = ['XADD', key, '*', 'i', 'x'.repeat(60_000)];
    await redis.pipeline(Array.from({ length: 30 }, () => item));
  }
  const connection = measured();
  const counters = { lifecycleGaps: 0 };
  const parts = { redis: connection, lanes: { usable: () => lanes.values() }, counters, log: silentLog };
  const reader = new LaneReader({ ...parts, onItems: () => undefined });
  onTestFinished(async () => {
    reader.stop();
    await Promise.all([connection.close(), redis.close()]);
  });
  reader.start();
  await until('a batch of each is here', () => lanes.every(({ bytes }) => bytes >= UPSTREAM_BATCH_BYTES));
  expect(Math.max(...sizes)).toBeLessThan(READ_BYTES);
});

test('an entry whose records are for very many sessions leaves turns of the event loop to others', async () => {
  const RECORDS = 20;
  let taken = 0;
  let turns = 0;
  const { reader, redis, inbox } = startReader(() => {
    taken += 1;
    // As long as a broadcast to very many sessions.
    for (const until_ = performance.now() + 25; performance.now() < until_; );
  });
  const fields = Array.from({ length: RECORDS }, (_, i) => [head(i + 1), 'body']).flat();
  await redis.command('XADD', inbox, '*', ...fields);
  reader.start();
  while (taken === 0) await setImmediate();
  for (; taken < RECORDS; turns += 1) await setImmediate();
  expect(turns).toBeGreaterThanOrEqual(RECORDS / 2);
});
