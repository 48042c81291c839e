import { setImmediate } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import type { InboxHandOut } from '../../gateway/delivery/dispatch.ts';
import { InboxReader } from '../../gateway/delivery/inbox-reader.ts';
import { Registry } from '../../gateway/session/registry.ts';
import { ClaimsInFlight } from '../../gateway/store/claims-in-flight.ts';
import { connectRedis } from '../../gateway/store/redis.ts';
import type { RedisPort, RedisReply } from '../../shared/redis/port.ts';
import { silentLog } from '../gateway/support/gateway.ts';
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

test('row 7: a gateway that meets a large inbox reads it in bounded parts, to its end', async () => {
  const keyPrefix = uniquePrefix();
  const keys = keysOf(keyPrefix);
  const config = { url: sharedRedisUrl(), cluster: false, keyPrefix, username: undefined, password: undefined };
  const redis = connectRedis(config, silentLog);
  const record = JSON.stringify({ chat_from: 'op', chat_content: 'x'.repeat(ENTRY_BYTES) });
  for (let from = 0; from < ENTRIES; from += 50) {
    const head = (id: number) => `["m","${id}",102,1100,0,"","",["u",1],[]]`;
    const commands = Array.from({ length: 50 }, (_, i) => ['XADD', keys.inbox('g'), '*', head(from + i + 1), record]);
    await redis.pipeline(commands);
  }
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
  let taken = 0;
  const handOut = {
    latestId: 0,
    room: () => undefined,
    all: (_entry: unknown, records: readonly unknown[]) => {
      taken += records.length;
    },
    keep: () => undefined,
  };
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
  reader.start();
  await until('all were taken', () => taken === ENTRIES);
  await setImmediate();
  expect(Math.max(...sizes)).toBeLessThan(READ_BYTES);
  // And in few parts: the bound is used.
  expect(sizes.length).toBeLessThan(ENTRIES / 8);
});
