import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import type { InboxRecord } from '../../contract/store/records.ts';
import { routeCommands } from '../../contract/store/scripts/route.ts';
import { withdrawCommands } from '../../contract/store/scripts/withdraw.ts';
import { Revocations } from '../../gateway/delivery/revocations.ts';
import { connectRedis } from '../../gateway/store/redis.ts';
import type { RedisArgument, RedisPort } from '../../shared/redis/port.ts';
import { gateway, silentLog } from '../kit/gateway.ts';
import { startTestRedis } from '../kit/redis.ts';

const STANDS_STILL = 'for i = 1, tonumber(ARGV[1]) do end return 1';
/** Far above what a gateway takes for late. */
const STILL_MS = 1_200;
/** Below what a connection is given up after. */
const STILL_MAX_MS = 1_900;
const PROBES = 8;
const PROBE_ROUNDS = 1_000_000;

const limits = { offlineTtlSeconds: 60, mailboxMax: 10, highestId: 0 };
const idempotency = { key: 'idempotency::own', digest: '-', ttlSeconds: 10 };
const command = (content: string) => ({
  commandId: 102,
  version: 1100,
  body: `{"chat_from": "op", "chat_content": "${content}"}`,
  to: ['plain', 'ack'],
  from: 'op',
  ttlSeconds: 0,
  receipt: false,
  traceparent: '',
});

/** For which Redis stands still for STILL_MS: by the fastest of the probes, as a busy machine interrupts some of them. */
async function roundsOf(client: Redis): Promise<number> {
  let fastestMs = Number.POSITIVE_INFINITY;
  for (let probe = 0; probe < PROBES; probe += 1) {
    const startedAt = performance.now();
    await client.eval(STANDS_STILL, 0, PROBE_ROUNDS);
    fastestMs = Math.min(fastestMs, performance.now() - startedAt);
  }
  return Math.ceil((PROBE_ROUNDS * STILL_MS) / fastestMs);
}

/** What would be sent to Redis. */
async function sentBy(work: (port: RedisPort) => Promise<unknown>): Promise<[string, ...RedisArgument[]]> {
  let sent: [string, ...RedisArgument[]] = ['PING'];
  const port = {
    script: async (script: { lua: string }, keys: string[], args: RedisArgument[]) => {
      sent = ['EVAL', script.lua, keys.length, ...keys, ...args];
      return ['ok', '', '', '0'];
    },
    pipeline: async (commands: [string, ...RedisArgument[]][]) => {
      expect(commands).toHaveLength(1);
      sent = commands[0] ?? sent;
      return [0];
    },
  };
  await work(port as unknown as RedisPort);
  return sent;
}

test('Redis stands still between carrying out and replying: a command withdrawn meanwhile is not delivered, another is', async () => {
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  const g = await gateway({}, { redisUrl: redis.url });
  const plain = await g.verified('plain');
  const ack = await g.verified('ack', ['ack']);
  const client = new Redis(redis.url);
  onTestFinished(() => client.disconnect());
  await g.route(command('before'));
  await plain.receives(102, expect.objectContaining({ chat_content: 'before' }));
  await ack.receives(102, expect.objectContaining({ chat_content: 'before' }));

  const refused = command('refused');
  const route = await sentBy((port) => routeCommands(port, g.keys, [refused], { ...limits, idempotency }));
  const keptRoute = await sentBy((port) => routeCommands(port, g.keys, [command('kept')], limits));
  const withdraw = await sentBy((port) =>
    withdrawCommands(port, g.keys, [refused], { idempotencyKey: idempotency.key, auditMax: 0 }),
  );
  const rounds = await roundsOf(client);
  // In one write, so that the withdrawal is in the socket when Redis goes on.
  const pipeline = client.pipeline();
  const commands = [['MULTI'], route, keptRoute, ['EVAL', STANDS_STILL, 0, rounds], ['EXEC'], withdraw];
  for (const [name, ...args] of commands) pipeline.call(String(name), ...args);
  const replies = await pipeline.exec();
  expect(replies?.at(-1)).toEqual([null, 1]);

  await plain.receives(102, expect.objectContaining({ chat_content: 'kept' }));
  await ack.receives(102, expect.objectContaining({ chat_content: 'kept' }));
  plain.hasNothingMore();
  ack.hasNothingMore();
  expect((await g.mailbox('ack')).filter((member) => member.includes('refused'))).toEqual([]);
});

test('Redis stands still under the revocation check: a command withdrawn behind the check is left out', async () => {
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  const keyPrefix = 'w:';
  const keys = keysOf(keyPrefix);
  const port = connectRedis({ url: redis.url, cluster: false, username: undefined, password: undefined }, silentLog);
  onTestFinished(() => port.close());

  for (let tookMs = Number.POSITIVE_INFINITY; tookMs > STILL_MAX_MS; ) {
    const key = `idempotency:${randomUUID()}:own`;
    const once = { ...limits, idempotency: { ...idempotency, key } };
    const { answers } = await routeCommands(port, keys, [command('refused')], once);
    const head = { id: answers[0]?.id };
    const entry = { id: `${Date.now()}-0`, records: [{ kind: 'message', head } as InboxRecord], unread: [] };
    const revocations = new Revocations({ redis: port, keys, log: silentLog });

    const startedAt = performance.now();
    await redis.kill('SIGSTOP');
    // The first entry of all is asked about. On one connection, so that their order is certain.
    const asked = revocations.excludeRevoked([entry], 0);
    const withdrawn = withdrawCommands(port, keys, [command('refused')], { idempotencyKey: key, auditMax: 0 });
    // Not a timer of this process: it may be held up itself.
    spawn('sh', ['-c', `sleep ${STILL_MS / 1_000}; kill -CONT ${redis.pid}`]);
    const outcomes = await Promise.allSettled([asked, withdrawn]);
    tookMs = performance.now() - startedAt;
    // Otherwise the machine held up all of this until the connection was given up.
    if (tookMs > STILL_MAX_MS) continue;
    expect(outcomes).toEqual([
      { status: 'fulfilled', value: [{ ...entry, records: [] }] },
      { status: 'fulfilled', value: 1 },
    ]);
  }
});

test('an entry is late when the script that wrote it began early: Redis may have stood still within it', async () => {
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  const keys = keysOf('w:');
  const port = connectRedis({ url: redis.url, cluster: false, username: undefined, password: undefined }, silentLog);
  onTestFinished(() => port.close());
  const revocations = new Revocations({ redis: port, keys, log: silentLog });
  const entryOf = (id: string) => ({
    id: `${Date.now()}-0`,
    records: [{ kind: 'message', head: { id } } as InboxRecord],
    unread: [],
  });
  const idBefore = (ms: number) => String((Date.now() - ms) * 1_024);
  const first = entryOf(idBefore(0));
  expect(await revocations.excludeRevoked([first], 0)).toEqual([first]);
  const id = idBefore(1_000);
  const revoked = entryOf(id);
  await port.command('ZADD', keys.withdrawn, id, id);
  expect(await revocations.excludeRevoked([revoked], 0)).toEqual([{ ...revoked, records: [] }]);
});
