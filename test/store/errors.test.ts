import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defineScript } from '../../contract/store/scripts/library.ts';
import { connectRedis as connectIoredis } from '../../functions/runtime/drivers/ioredis.ts';
import { connectRedis as connectUpstash } from '../../functions/runtime/drivers/upstash.ts';
import { readEnvironment } from '../../functions/runtime/environment.ts';
import {
  classOfReply,
  errorOfReply,
  isFromReplica,
  RedisReplyError,
  RedisUnavailableError,
} from '../../shared/redis/errors.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { reservePort } from '../kit/ports.ts';
import { startTestRedis, type TestRedis } from '../kit/redis.ts';
import { until } from '../kit/until.ts';
import { startTestUpstash, type TestUpstash } from '../kit/upstash.ts';

const set = defineScript('set', "return redis.call('SET', KEYS[1], ARGV[2])");
const push = defineScript('push', "return redis.call('LPUSH', KEYS[1], ARGV[2])");

/** What a call of the port came to: the class of its error, and the word with which the server's reply began. */
async function outcomeOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof RedisUnavailableError) {
    return `${error.isRefusal ? 'refused' : 'no answer'}: ${error.reason}, ${error.message.split(' ', 1)[0]}`;
  }
  return error instanceof RedisReplyError ? `${error.errorClass}, ${error.message.split(' ', 1)[0]}` : String(error);
}

let redis: TestRedis;
let admin: Redis;
let upstash: TestUpstash;

beforeAll(async () => {
  redis = await startTestRedis({ args: ['--enable-debug-command', 'yes'] });
  admin = new Redis(redis.url);
  upstash = await startTestUpstash({ redisUrl: redis.url });
});
afterAll(async () => {
  admin.disconnect();
  await upstash.stop();
  await redis.stop();
});

describe.each(['ioredis', 'Upstash'] as const)('a refusal of a real server over %s', (driver) => {
  let port: RedisPort;
  beforeAll(async () => {
    const env =
      driver === 'Upstash'
        ? { UPSTASH_REDIS_REST_URL: upstash.url, UPSTASH_REDIS_REST_TOKEN: upstash.token }
        : { REDIS_URL: redis.url };
    port = (driver === 'Upstash' ? connectUpstash : connectIoredis)(readEnvironment(env), undefined);
    await port.command('PING');
  });
  afterAll(() => port.close());
  const write = () => port.command('SET', 'k', 'v');

  it('BUSY passes', async () => {
    await admin.config('SET', 'busy-reply-threshold', '10');
    const looping = new Redis(redis.url);
    const loop = looping.eval('while true do end', 0).catch(() => undefined);
    await until('the script is over its limit', async () => (await outcomeOf(write())).includes('BUSY'));
    expect(await outcomeOf(write())).toBe('refused: store_unavailable, BUSY');
    await admin.script('KILL');
    await loop;
    looping.disconnect();
    await write();
  });

  it('OOM is full, also inside a script, and reading goes on', async () => {
    await admin.config('SET', 'maxmemory', '1');
    try {
      expect(await outcomeOf(write())).toBe('refused: store_full, OOM');
      expect(await outcomeOf(port.script(set, ['k'], ['', 'v']))).toBe('refused: store_full, OOM');
      await port.command('GET', 'k');
    } finally {
      await admin.config('SET', 'maxmemory', '0');
    }
    await write();
  });

  it('WRONGTYPE is of this key, also inside a script', async () => {
    await write();
    expect(await outcomeOf(port.command('LPUSH', 'k', 'v'))).toBe('wrong_type, WRONGTYPE');
    expect(await outcomeOf(port.script(push, ['k'], ['', 'v']))).toBe('wrong_type, WRONGTYPE');
  });

  it('NOREPLICAS passes', async () => {
    await admin.config('SET', 'min-replicas-to-write', '1');
    try {
      expect(await outcomeOf(write())).toBe('refused: store_unavailable, NOREPLICAS');
    } finally {
      await admin.config('SET', 'min-replicas-to-write', '0');
    }
  });

  it('MASTERDOWN passes', async () => {
    await admin.config('SET', 'replica-serve-stale-data', 'no');
    await admin.replicaof('127.0.0.1', await reservePort());
    try {
      expect(await outcomeOf(port.command('GET', 'k'))).toBe('refused: store_unavailable, MASTERDOWN');
    } finally {
      await admin.replicaof('NO', 'ONE');
      await admin.config('SET', 'replica-serve-stale-data', 'yes');
    }
  });

  it('LOADING passes', async () => {
    // Connected before: a client waits for the end of loading.
    const aside = new Redis(redis.url);
    await aside.ping();
    await admin.config('SET', 'key-load-delay', '20000');
    await admin.config('SET', 'loading-process-events-interval-bytes', '1024');
    await admin.mset(Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`loaded-${i}`, 'x'.repeat(2_000)])));
    const reload = admin.call('DEBUG', 'RELOAD');
    await until('it loads', async () => (await outcomeOf(port.command('GET', 'k'))).includes('LOADING'));
    expect(classOfReply('LOADING Redis is loading the dataset in memory')).toBe('passing');
    await aside.config('SET', 'key-load-delay', '0');
    aside.disconnect();
    await reload;
    await port.command('GET', 'k');
  });

  it('anything else is a bug of ours', async () => {
    expect(await outcomeOf(port.command('NONSENSE'))).toBe('bug, ERR');
    expect(await outcomeOf(port.command('GET'))).toBe('bug, ERR');
  });
});

describe('a refusal of a real server', () => {
  const portTo = (url: string): RedisPort => connectIoredis(readEnvironment({ REDIS_URL: url }), undefined);
  const outcomeAt = async (url: string, command: readonly [string, ...string[]]): Promise<string> => {
    const port = portTo(url);
    try {
      return await outcomeOf(port.command(...command));
    } finally {
      await port.close();
    }
  };
  const withUser = (user: string) => redis.url.replace('redis://', `redis://${user}@`);

  it('READONLY passes: the address leads to the new primary, or will', async () => {
    const port = portTo(redis.url);
    await port.command('GET', 'k');
    await admin.replicaof('127.0.0.1', await reservePort());
    expect(await outcomeOf(port.command('SET', 'k', 'v'))).toMatch(/^(refused|no answer): store_unavailable/);
    await admin.replicaof('NO', 'ONE');
    await until('it writes again', async () => (await outcomeOf(port.command('SET', 'k', 'v'))) === 'undefined');
    await port.close();
    expect(classOfReply("READONLY You can't write against a read only replica.")).toBe('passing');
  });

  it('WRONGPASS, NOAUTH and NOPERM are about credentials', async () => {
    await admin.call('ACL', 'SETUSER', 'reader', 'on', '>secret', '~*', '+get');
    expect(await outcomeAt(withUser('reader:secret'), ['GET', 'k'])).toBe('undefined');
    expect(await outcomeAt(withUser('reader:secret'), ['SET', 'k', 'v'])).toBe('refused: store_credentials, NOPERM');
    expect(await outcomeAt(withUser('reader:wrong'), ['GET', 'k'])).toBe('refused: store_credentials, WRONGPASS');
    await admin.config('SET', 'requirepass', 'secret');
    expect(await outcomeAt(redis.url, ['GET', 'k'])).toBe('refused: store_credentials, NOAUTH');
    await admin.config('SET', 'requirepass', '');
  });

  it('of a connection too many passes', async () => {
    await admin.config('SET', 'maxclients', '1');
    expect(await outcomeAt(redis.url, ['GET', 'k'])).toMatch(/^(refused|no answer): store_unavailable/);
    await admin.config('SET', 'maxclients', '10000');
  });

  it('UNBLOCKED passes', async () => {
    const port = portTo(redis.url);
    const blocked = outcomeOf(port.command('BLPOP', 'nothing', 0));
    const client = async () => /id=(\d+) .* cmd=blpop/.exec(String(await admin.client('LIST')))?.[1];
    await until('it blocks', async () => (await client()) !== undefined);
    await admin.client('UNBLOCK', Number(await client()), 'ERROR');
    expect(await blocked).toBe('refused: store_unavailable, UNBLOCKED');
    await port.close();
  });

  it('CLUSTERDOWN passes', async () => {
    const cluster = await startTestRedis({ cluster: true });
    const inside = new Redis(cluster.url);
    await inside.cluster('FLUSHSLOTS');
    expect(await outcomeAt(cluster.url, ['GET', 'k'])).toBe('refused: store_unavailable, CLUSTERDOWN');
    inside.disconnect();
    await cluster.stop();
  });
});

describe('the class of a reply that only some stores give', () => {
  const at62 = (text: string) =>
    `ERR Error running script (call to f_${'a1'.repeat(20)}): @user_script:12: @user_script: 12: ${text} `;
  it.each([
    // As Redis 6.2 gives it, inside a script.
    [at62("-OOM command not allowed when used memory > 'maxmemory'."), 'full'],
    [at62("-READONLY You can't write against a read only replica."), 'passing'],
    [at62('WRONGTYPE Operation against a key holding the wrong kind of value'), 'wrong_type'],
    [`ERR Error running script (call to f_${'a1'.repeat(20)}): @user_script:1: user_script:1: Script attempted`, 'bug'],
    ['TRYAGAIN Multiple keys request during rehashing of slot', 'passing'],
    ['MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist on disk.', 'passing'],
    // As Upstash's documentation has them.
    ['ERR max daily request limit exceeded. Limit: 10000, Usage: 10001', 'passing'],
    ['ERR max requests limit exceeded.', 'passing'],
    ['ERR max concurrent connections exceeded', 'passing'],
    ['ERR max commands per second exceeded', 'passing'],
    ['ERR DB capacity quota exceeded', 'full'],
    ['ERR max request size exceeded', 'too_large'],
    ['ERR max single record size exceeded', 'too_large'],
    ['ERR max key size exceeded. Limit: 32768 bytes, Actual: 40000 bytes', 'too_large'],
    ['WRONGPASS invalid or missing auth token', 'credentials'],
    // Words that only begin like a code, or stand further on, are none.
    ['BUSYGROUP Consumer Group name already exists', 'bug'],
    ['ERR unknown command OOM', 'bug'],
    ['ERR max requests', 'bug'],
  ] as const)('%s', (reply, errorClass) => {
    expect(classOfReply(reply)).toBe(errorClass);
  });

  it('says that the server has become a replica, also inside a script: the connection is replaced', () => {
    const readOnly = "READONLY You can't write against a read only replica.";
    const replies = [readOnly, at62(`-${readOnly}`), at62('-OOM command not allowed'), 'ERR READONLY', 'READONLYISH'];
    expect(replies.filter((reply) => isFromReplica(reply))).toEqual(replies.slice(0, 2));
  });

  it('is in the error, with the reply', () => {
    expect(errorOfReply('ERR max request size exceeded')).toMatchObject({
      name: 'RedisReplyError',
      errorClass: 'too_large',
      message: 'ERR max request size exceeded',
    });
  });
});
