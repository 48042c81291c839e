import { Redis } from 'ioredis';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { sharedClusterUrl, sharedRedisUrl, startTestRedis, type TestRedis, uniquePrefix } from './redis.ts';
import { until } from './until.ts';

const clients: Redis[] = [];
const servers: TestRedis[] = [];

function connect(url: string): Redis {
  const redis = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  clients.push(redis);
  return redis;
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

describe('the shared servers', () => {
  it('use a prefix of the test', async () => {
    const prefix = uniquePrefix();
    const redis = connect(sharedRedisUrl());
    await redis.set(`${prefix}a`, 'x');
    expect(await redis.get(`${prefix}a`)).toBe('x');
    expect(inject('redisUrl')).toBe(sharedRedisUrl());
  });

  it('the cluster-enabled one refuses keys of two slots and takes keys of one', async () => {
    const redis = connect(sharedClusterUrl());
    const prefix = uniquePrefix();
    await expect(redis.mset('a', '1', 'b', '2')).rejects.toThrow(/CROSSSLOT/);
    expect(await redis.mset(`${prefix}a`, '1', `${prefix}b`, '2')).toBe('OK');
    await redis.del(`${prefix}a`, `${prefix}b`);
  });
});

describe('a server of the test', () => {
  it('keeps its data over a restart with an append-only file', async () => {
    const server = await startTestRedis({ appendonly: true });
    servers.push(server);
    const redis = connect(server.url);
    await redis.set('kept', 'yes');
    const before = server.pid;
    await server.restart();
    expect(server.pid).not.toBe(before);
    expect(await redis.get('kept')).toBe('yes');
  });

  it('is empty after a crash without one', async () => {
    const server = await startTestRedis();
    servers.push(server);
    const redis = connect(server.url);
    await redis.set('lost', 'yes');
    await server.kill('SIGKILL');
    await server.restart();
    expect(await redis.get('lost')).toBeNull();
  });

  it('hangs on SIGSTOP and goes on after SIGCONT', async () => {
    const server = await startTestRedis();
    servers.push(server);
    const redis = connect(server.url);
    await redis.ping();
    await server.kill('SIGSTOP');
    let answered = false;
    const pending = redis.ping().then(() => {
      answered = true;
    });
    await expect(until('an answer', () => answered, { timeoutMs: 200 })).rejects.toThrow(
      'not within 200 ms: an answer',
    );
    await server.kill('SIGCONT');
    await pending;
    expect(answered).toBe(true);
  });

  it('a cluster keeps its slots over a restart', async () => {
    const server = await startTestRedis({ cluster: true });
    servers.push(server);
    await server.restart();
    expect(await connect(server.url).cluster('INFO')).toContain('cluster_slots_assigned:16384');
  });
});
