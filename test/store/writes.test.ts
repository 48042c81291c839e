import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { Redis } from 'ioredis';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { defineScript } from '../../contract/store/scripts/library.ts';
import { connectRedis as connectFunction } from '../../functions/runtime/drivers/ioredis.ts';
import { readEnvironment } from '../../functions/runtime/environment.ts';
import { connectRedis as connectGateway } from '../../gateway/store/redis.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { silentLog } from '../kit/gateway.ts';
import { startTestRedis, type TestRedis } from '../kit/redis.ts';
import { until } from '../kit/until.ts';

let server: TestRedis;
beforeAll(async () => {
  server = await startTestRedis();
  return () => server.stop();
});

/** A way to the Redis that counts what comes in one piece. */
async function countingWay(): Promise<{ url: string; pieces: () => number }> {
  let pieces = 0;
  const proxy = createServer((client) => {
    const redis = connect(Number(new URL(server.url).port), '127.0.0.1');
    client.on('data', () => {
      pieces += 1;
    });
    client.pipe(redis).pipe(client);
    for (const socket of [client, redis]) socket.on('error', () => socket.destroy());
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => {
    proxy.close();
  });
  return { url: `redis://127.0.0.1:${(proxy.address() as AddressInfo).port}`, pieces: () => pieces };
}

const ports: [string, (url: string) => RedisPort][] = [
  ['a function', (url) => connectFunction(readEnvironment({ REDIS_URL: url }), undefined)],
  ['a gateway', (url) => connectGateway({ url, username: undefined, password: undefined, cluster: false }, silentLog)],
];

describe.each(ports)('%s', (_, open) => {
  it('sends commands that are issued together in one write', async () => {
    const { url, pieces } = await countingWay();
    const port = open(url);
    onTestFinished(() => port.close());
    await port.command('PING');
    const before = pieces();
    await Promise.all(Array.from({ length: 50 }, () => port.command('PING')));
    expect(pieces() - before).toBe(1);
  });

  it('sends the text of a script once, however many calls run it at the same time', async () => {
    const port = open(server.url);
    const redis = new Redis(server.url);
    onTestFinished(async () => {
      redis.disconnect();
      await port.close();
    });
    await port.command('PING');
    await redis.script('FLUSH');
    await redis.config('RESETSTAT');
    const script = defineScript('any', 'return 1');
    const replies = await Promise.all(Array.from({ length: 50 }, () => port.script(script, ['users'], [''])));
    expect(new Set(replies)).toEqual(new Set([1]));
    expect(/cmdstat_eval:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1]).toBe('1');
  });
});

it('a gateway sends a command that was refused for a moment ahead of those issued after it', async () => {
  const port = connectGateway({ url: server.url, username: undefined, password: undefined, cluster: false }, silentLog);
  const redis = new Redis(server.url);
  onTestFinished(async () => {
    await redis.config('SET', 'min-replicas-to-write', '0');
    redis.disconnect();
    await port.close();
  });
  await port.command('DEL', 'order');
  await redis.config('SET', 'min-replicas-to-write', '1');
  const calls = [1, 2].map((n) => port.command('RPUSH', 'order', n));
  await until('the first are refused', () => port.use.errors > 0);
  await redis.config('SET', 'min-replicas-to-write', '0');
  calls.push(...[3, 4, 5].map((n) => port.command('RPUSH', 'order', n)));
  await Promise.all(calls);
  expect(await redis.lrange('order', 0, -1)).toEqual(['1', '2', '3', '4', '5']);
});
