import { expect, onTestFinished, test } from 'vitest';
import { createLog } from '../../functions/runtime/log.ts';
import { createRuntime } from '../../functions/runtime/runtime.ts';
import { idempotencyOf } from '../../functions/send-command/idempotency.ts';
import { createSender } from '../../functions/send-command/send.ts';
import { startHttpApi } from '../kit/http-api.ts';
import { startTestRedis } from '../kit/redis.ts';
import { stopwatch } from '../kit/stopwatch.ts';
import { startStoreProxy } from '../kit/store-proxy.ts';
import { until } from '../kit/until.ts';

const COMMAND = { command_id: 102, chat_to: 'away', content: 'x' } as const;
const SENDING = { from: 'op', recipients: undefined, traceparent: '', trace: undefined } as const;
const silent = createLog({ level: 'silent' });

async function senderOn(url: string, prefix: string) {
  const runtime = await createRuntime({ REDIS_URL: url, REDIS_KEY_PREFIX: prefix }, silent);
  onTestFinished(() => runtime.redis.close());
  const send = createSender(runtime, 'instance');
  return async (key?: string) => {
    const idempotency = idempotencyOf(key, 'op', COMMAND);
    const [routed] = await send([COMMAND], { ...SENDING, idempotency }, { at: 0, of: 1 });
    return routed && 'sent' in routed ? routed.sent.id : '';
  };
}

/** A function whose store carries commands out and does not answer any more, and one whose store does. */
async function silentStore() {
  const redis = await startTestRedis();
  const http = await startHttpApi({ url: redis.url });
  const proxy = await startStoreProxy(redis.port);
  onTestFinished(async () => {
    await proxy.close();
    await http.stop();
    await redis.stop();
  });
  await http.addUser('away');
  const [send, sendElsewhere] = [await senderOn(proxy.url, http.prefix), await senderOn(redis.url, http.prefix)];
  // The script is loaded, and the store's clock is known.
  await send();
  proxy.delay(60_000);
  return { send, sendElsewhere, stored: () => http.redis.zrange(`${http.prefix}mailbox:away`, '0', '-1') };
}

const AWAY = { name: 'RedisUnavailableError' };

test('a command that was carried out too late to confirm is withdrawn: 503 means that nothing was accepted', async () => {
  const { send, stored } = await silentStore();
  const before = await stored();
  const elapsedMs = stopwatch();
  const refused = expect(send()).rejects.toMatchObject(AWAY);
  await until('it is carried out', async () => (await stored()).length === before.length + 1);
  await refused;
  expect(elapsedMs()).toBeLessThan(2_000);
  await until('it is taken back', async () => (await stored()).length === before.length);
  expect(await stored()).toEqual(before);
});

test('with an Idempotency-Key it is not withdrawn: a repeated call gets its result', async () => {
  const { send, sendElsewhere, stored } = await silentStore();
  const before = await stored();
  await expect(send('key')).rejects.toMatchObject(AWAY);
  const id = await sendElsewhere('key');
  expect(await stored()).toEqual([...before, expect.stringContaining(id)]);
});
