import { expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../../gateway/config.ts';
import { startGateway } from '../../gateway/gateway.ts';
import { silentLog } from '../kit/gateway.ts';
import { startProgram } from '../kit/process.ts';
import { startTestRedis } from '../kit/redis.ts';
import { until } from '../kit/until.ts';

test('the health check of the container fails until the gateway has been ready once, and a later outage of Redis does not make it fail', async () => {
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  await redis.kill('SIGTERM');
  const running = await startGateway(
    parseConfig({
      REDIS_URL: redis.url,
      GATEWAY_HOST: '127.0.0.1',
      GATEWAY_PORT: '0',
      HEALTH_PORT: '0',
      LEASE_MS: '3000',
      NET: process.env.NET,
    }),
    silentLog,
  );
  onTestFinished(() => running.stop());
  const status = async (path: string) => (await fetch(`http://127.0.0.1:${running.healthPort}${path}`)).status;
  const check = async () => {
    const env = { HEALTH_PORT: String(running.healthPort) };
    return (await startProgram('gateway/healthcheck.mjs', [], { env }).exit).code;
  };
  expect(await check()).toBe(1);
  expect(await Promise.all(['/startupz', '/readyz', '/healthz'].map(status))).toEqual([503, 503, 200]);

  await redis.restart();
  await running.ready;
  await until('the health check succeeds', async () => (await check()) === 0);
  expect(await status('/startupz')).toBe(200);

  await redis.kill('SIGTERM');
  await until('the lease is lost', async () => (await status('/readyz')) === 503);
  expect(await check()).toBe(0);
  expect(await Promise.all(['/startupz', '/healthz'].map(status))).toEqual([200, 200]);
  await redis.restart();
});
