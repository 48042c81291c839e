import { expect, onTestFinished, test } from 'vitest';
import { connectRedis } from '../../gateway/store/redis.ts';
import { silentLog } from '../kit/gateway.ts';
import { startTestRedis } from '../kit/redis.ts';
import { until } from '../kit/until.ts';

test('a store that stays full is one line in the log, and one when it has room again', async () => {
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  const lines: unknown[] = [];
  const note = (line: object) => lines.push('event' in line && line.event);
  const config = { url: redis.url, cluster: false, keyPrefix: '', username: undefined, password: undefined };
  const store = connectRedis(config, { ...silentLog, warn: note, info: note });
  onTestFinished(() => store.close());
  await store.command('CONFIG', 'SET', 'maxmemory', '1');
  const waits = store.command('SET', 'a', 'b');
  await until('it was tried again, and others went on', async () => {
    await store.command('PING');
    return store.use.errors >= 3;
  });
  expect(lines).toEqual(['redis_away']);
  await store.command('CONFIG', 'SET', 'maxmemory', '0');
  await waits;
  expect(lines).toEqual(['redis_away', 'redis_back']);
});
