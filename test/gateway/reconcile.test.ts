import { expect, onTestFinished, test } from 'vitest';
import { gateway } from '../kit/gateway.ts';
import { startTestRedis } from '../kit/redis.ts';
import { until } from '../kit/until.ts';

test('sessions that only Redis knows are ended when it returns, by calls of a bounded size', async () => {
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  const g = await gateway({}, { redisUrl: redis.url });
  await g.verified('here');
  const { id } = g.running;
  const gone = Array.from({ length: 2_500 }, (_, i) => `gone-${i}`);
  await Promise.all(gone.map((user) => g.redis.command('HSET', g.keys.user(user), 'gateway', id, 'epoch', 1)));
  await g.redis.command('SADD', g.keys.sessions(id), ...gone);
  await g.redis.command('CONFIG', 'RESETSTAT');
  await g.redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
  await until('only one is left', async () => (await g.redis.command('SCARD', g.keys.sessions(id))) === 1);
  const calls = String(await g.redis.command('INFO', 'commandstats'));
  expect(calls).not.toContain('cmdstat_smembers');
  expect(Number(/cmdstat_sscan:calls=(\d+)/.exec(calls)?.[1])).toBeGreaterThan(1);
});
