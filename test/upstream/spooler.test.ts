import { expect, onTestFinished, test } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { connectRedis } from '../../gateway/store/redis.ts';
import { Spooler } from '../../gateway/upstream/spooler.ts';
import { RedisReplyError } from '../../shared/redis/errors.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { silentLog } from '../kit/gateway.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { sessionsInProcess } from '../kit/sessions-in-process.ts';
import { until } from '../kit/until.ts';

/** A store that takes calls of up to so many bytes, as Upstash does. */
const MAX_CALL_BYTES = 10_000;

function spooler(redisUrl = sharedRedisUrl()) {
  const keyPrefix = uniquePrefix();
  const config = { url: redisUrl, cluster: false, keyPrefix, username: undefined, password: undefined };
  const redis = connectRedis(config, silentLog);
  onTestFinished(() => redis.close());
  const limited: RedisPort = {
    command: (name, ...args) => redis.command(name, ...args),
    pipeline: (commands) => redis.pipeline(commands),
    script: async (script, names, args) => {
      const bytes = args.reduce((sum: number, arg) => sum + Buffer.byteLength(String(arg)), 0);
      if (bytes > MAX_CALL_BYTES) throw new RedisReplyError('ERR max request size exceeded', 'too_large');
      return redis.script(script, names, args);
    },
    close: () => redis.close(),
  };
  const counters = { itemsSpooled: 0, itemsRefused: 0 };
  const bounds = { maxItems: 1_000, maxBytes: 10_000_000 };
  const lease = { gatewayId: 'g' };
  const parts = { redis: limited, keys: keysOf(keyPrefix), lease, bounds, counters, log: silentLog };
  return { redis, counters, spooler: new Spooler(parts) };
}

test('an item that the store refuses is refused alone; the rest of its batch is accepted', async () => {
  const { spooler: items, counters } = spooler();
  const client = await sessionsInProcess().verified('u', ['receipts', 'errors']);
  for (let ref = 1; ref <= 9; ref += 1) {
    // Two bytes a character: the bound is one of bytes.
    const text = 'ü'.repeat(ref === 5 ? 6_000 : 1_000);
    items.add(client.session, { commandId: 1000, version: 1, ref, body: '{}' }, text);
  }
  await items.idle();
  await new Promise(setImmediate);
  const answers = client.received().map((frame) => /^(11\d) .*"ref":(\d)/.exec(frame)?.slice(1).join(' '));
  expect(answers.filter(Boolean)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map((ref) => `${ref === 5 ? 111 : 110} ${ref}`));
  expect(client.received().join()).toContain('"error":"upstream_too_large"');
  expect(counters).toEqual({ itemsSpooled: 8, itemsRefused: 1 });
});

test('nothing is tried any more when the connection is closed', { timeout: 20_000 }, async () => {
  // Nobody listens there.
  const { spooler: items, redis } = spooler('redis://127.0.0.1:1');
  const client = await sessionsInProcess().verified('u');
  items.add(client.session, { commandId: 1000, version: 1, ref: undefined, body: '{}' }, 'x');
  await until('Redis was found to be away', () => redis.use.errors > 0);
  await redis.close();
  await items.idle();
});
