import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { routeCommands } from '../../contract/store/scripts/route.ts';
import { connectRedis } from '../../functions/runtime/drivers/ioredis.ts';
import { readEnvironment } from '../../functions/runtime/environment.ts';
import { until } from '../kit/until.ts';
import { findRedisServer } from './redis-server.ts';

const keys = keysOf('durability:');
const MESSAGES = 20;

/** What is in a mailbox after the process was killed right behind the answer to each of many sends. */
async function keptBy(settings: readonly string[]): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'fronttcp-durability-'));
  const server = await findRedisServer(folder, false, settings);
  const admin = new Redis(server.url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
  // It is killed on purpose.
  admin.on('error', () => undefined);
  try {
    await admin.hset(keys.user('away'), { token: 't' });
    const redis = connectRedis(readEnvironment({ REDIS_URL: server.url }), undefined);
    const command = {
      commandId: 102,
      version: 1100,
      body: '{}',
      to: ['away'],
      from: 'x',
      ttlSeconds: 0,
      receipt: false,
    };
    for (let i = 0; i < MESSAGES; i += 1) {
      await routeCommands(redis, keys, [{ ...command, traceparent: '' }], {
        offlineTtlSeconds: 60,
        mailboxMax: 100,
        highestId: 0,
      });
    }
    await redis.close();
    // While the disk is busy with a sync, Redis holds what it would write: that is the second or two of a power failure, too.
    await until('all is written', async () =>
      /aof_buffer_length:0\b|aof_enabled:0/.test(await admin.info('persistence')),
    );
    await server.crash();
    await server.startAgain();
    return await admin.zcard(keys.mailbox('away'));
  } finally {
    admin.disconnect();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

it('a store in memory keeps nothing over a crash', async () => {
  expect(await keptBy(['--save', '', '--appendonly', 'no'])).toBe(0);
});

it('a log that is synced every second keeps everything over a crash of Redis itself', async () => {
  expect(await keptBy(['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec'])).toBe(MESSAGES);
});

it('a log that is synced at every write keeps everything that was acknowledged', async () => {
  expect(await keptBy(['--save', '', '--appendonly', 'yes', '--appendfsync', 'always'])).toBe(MESSAGES);
});
