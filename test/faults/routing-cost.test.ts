import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { holdLease } from '../../contract/store/scripts/gateways.ts';
import { type RouteCommand, routeCommands } from '../../contract/store/scripts/route.ts';
import { claimSessions } from '../../contract/store/scripts/sessions.ts';
import { connectRedis } from '../../functions/runtime/drivers/ioredis.ts';
import { readEnvironment } from '../../functions/runtime/environment.ts';
import { findRedisServer, type RedisServer } from './redis-server.ts';

let folder: string;
let server: RedisServer;
let admin: Redis;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fronttcp-cost-'));
  server = await findRedisServer(folder, false, ['--save', '', '--appendonly', 'no']);
  admin = new Redis(server.url);
});
afterAll(async () => {
  admin.disconnect();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Commands that Redis carried out, those inside scripts too, for one call of the route script. */
async function costOf(gateways: number, to: RouteCommand['to']): Promise<{ calls: number; appends: number }> {
  const keys = keysOf(`cost-${gateways}-${String(to)}:`);
  const redis = connectRedis(readEnvironment({ REDIS_URL: server.url }), undefined);
  for (let i = 0; i < gateways; i += 1) {
    await holdLease(redis, keys, {
      gatewayId: `g${i}`,
      leaseMs: 600_000,
      highestId: 0,
      sinceLastMs: undefined,
      fields: {},
    });
  }
  await admin.hset(keys.user('someone'), { token: 't' });
  await claimSessions(redis, keys, { gatewayId: 'g0', highestId: 0 }, 60, [
    { userId: 'someone', form: 'plain', proof: { tokenField: 't' } },
  ]);
  const command = {
    commandId: 102,
    version: 1100,
    body: '{}',
    to,
    from: 'x',
    ttlSeconds: 0,
    receipt: false,
    traceparent: '',
  };
  const route = () => routeCommands(redis, keys, [command], { offlineTtlSeconds: 60, mailboxMax: 10, highestId: 0 });
  await route();
  await admin.config('RESETSTAT');
  await route();
  const stats = await admin.info('commandstats');
  await redis.close();
  const calls = [...stats.matchAll(/cmdstat_(\S+?):calls=(\d+)/g)].map(([, name, count]) => ({
    name,
    count: Number(count),
  }));
  return {
    calls: calls.reduce((sum, { count }) => sum + count, 0),
    appends: calls.find(({ name }) => name === 'xadd')?.count ?? 0,
  };
}

it('a message to one user costs the same with 1, 10 and 100 gateways', async () => {
  const [one, ten, hundred] = [
    await costOf(1, ['someone']),
    await costOf(10, ['someone']),
    await costOf(100, ['someone']),
  ];
  expect(one.appends).toBe(1);
  expect(ten).toEqual(one);
  expect(hundred).toEqual(one);
});

it('a broadcast costs one entry per gateway', async () => {
  expect((await costOf(1, 'everyone')).appends).toBe(1);
  expect((await costOf(10, 'everyone')).appends).toBe(10);
  expect((await costOf(100, 'everyone')).appends).toBe(100);
});
