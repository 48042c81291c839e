import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { tokenAtRest } from '../../contract/store/tokens.ts';
import { startGatewayProcess } from '../kit/gateway-process.ts';
import { startStoreProxy } from '../kit/store-proxy.ts';
import { until } from '../kit/until.ts';
import { findRedisServer } from './redis-server.ts';
import { Wire } from './wire.ts';

const START_MS = 120_000;
const keys = keysOf('failover:');

it('a replica is promoted: connections stay, replicated messages are kept, and new ones arrive', {
  timeout: 240_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fronttcp-failover-'));
  const primary = await findRedisServer(folder);
  const replica = await findRedisServer(folder, false, ['--save', '', '--appendonly', 'no']);
  const promoted = new Redis(replica.url);
  await promoted.replicaof('127.0.0.1', String(primary.port));
  await until(
    'the replica follows',
    async () => (await promoted.info('replication')).includes('master_link_status:up'),
    {
      timeoutMs: START_MS,
    },
  );
  const proxy = await startStoreProxy(primary.port);
  const env = {
    REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
    REDIS_KEY_PREFIX: keys.prefix,
  };
  const gateway = await startGatewayProcess({ env });
  const old = new Redis(primary.url);
  // It is killed on purpose.
  old.on('error', () => undefined);
  try {
    await until('ready', gateway.isReady, { timeoutMs: START_MS });
    for (const user of ['here', 'away']) await old.hset(keys.user(user), { token: tokenAtRest('t') });
    const got: unknown[] = [];
    let isClosed = false;
    const here = new Wire(
      gateway.port,
      ({ body }) => got.push(body),
      () => {
        isClosed = true;
      },
    );
    expect(await here.verify('here', 't', ['ack'])).toBeDefined();
    const push = (redis: Redis, to: string, content: string) =>
      redis.lpush(
        keys.queue,
        JSON.stringify({ command_id: 102, chat_from: 'q', chat_to: [to], chat_content: content }),
      );
    await push(old, 'away', 'before');
    await until('stored', async () => (await old.zcard(keys.mailbox('away'))) === 1);
    expect(await old.wait(1, 5_000)).toBe(1);

    await primary.crash();
    await promoted.replicaof('NO', 'ONE');
    proxy.switchTo(replica.port);
    await push(promoted, 'here', 'after');
    await until('it arrives', () => got.some((body) => JSON.stringify(body).includes('after')), { timeoutMs: 30_000 });
    expect(isClosed).toBe(false);
    const away = new Wire(
      gateway.port,
      ({ body }) => got.push(body),
      () => undefined,
    );
    expect(await away.verify('away', 't', undefined)).toBeDefined();
    await until('what was stored is there', () => got.some((body) => JSON.stringify(body).includes('before')));
    here.socket.end();
    away.socket.end();
    expect((await gateway.process.stop('SIGTERM')).code).toBe(0);
  } finally {
    await gateway.process.stop('SIGKILL');
    promoted.disconnect();
    old.disconnect();
    await proxy.close();
    await Promise.all([primary.stop(), replica.stop()]);
    await rm(folder, { recursive: true, force: true });
  }
});

it('sessions that the store has forgotten are claimed again, and their connections stay', {
  timeout: 240_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fronttcp-forgotten-'));
  const primary = await findRedisServer(folder);
  const other = await findRedisServer(folder, false, ['--save', '', '--appendonly', 'no']);
  const proxy = await startStoreProxy(primary.port);
  const env = {
    REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
    REDIS_KEY_PREFIX: keys.prefix,
  };
  const gateway = await startGatewayProcess({ env });
  const stores = [new Redis(primary.url), new Redis(other.url)];
  const [, promoted] = stores;
  try {
    for (const store of stores) await store.hset(keys.user('forgotten'), { token: tokenAtRest('t') });
    const got: unknown[] = [];
    let isClosed = false;
    const client = new Wire(
      gateway.port,
      ({ body }) => got.push(body),
      () => {
        isClosed = true;
      },
    );
    expect(await client.verify('forgotten', 't', undefined)).toBeDefined();
    proxy.switchTo(other.port);
    await until('the session is claimed again', () => promoted?.hexists(keys.user('forgotten'), 'gateway'), {
      timeoutMs: 30_000,
    });
    await promoted?.lpush(
      keys.queue,
      JSON.stringify({ command_id: 102, chat_from: 'q', chat_to: ['forgotten'], chat_content: 'still here' }),
    );
    await until('it is reached', () => got.length > 0, { timeoutMs: 30_000 });
    expect(isClosed).toBe(false);
    client.socket.end();
  } finally {
    await gateway.process.stop('SIGKILL');
    for (const store of stores) store.disconnect();
    await proxy.close();
    await Promise.all([primary.stop(), other.stop()]);
    await rm(folder, { recursive: true, force: true });
  }
});
