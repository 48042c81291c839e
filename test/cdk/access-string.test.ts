import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessString } from '../../lib/redis/credentials.ts';
import { startTestRedis, type TestRedis } from '../kit/redis.ts';

const PREFIX = '{fronttcp}:';
const key = (name: string): string => `${PREFIX}${name}`;

/** What gateways, functions and their scripts send, and what a client asks on connecting. */
const needed: readonly (readonly [command: string, ...args: string[]])[] = [
  ['ping'],
  ['info'],
  ['cluster', 'info'],
  ['cluster', 'slots'],
  ['cluster', 'shards'],
  ['cluster', 'nodes'],
  ['client', 'setname', 'gateway'],
  ['time'],
  ['script', 'load', 'return 1'],
  ['eval', 'return 1', '1', key('user:1')],
  ['evalsha', 'e0e1f9fabfc9d4800c877a703b823ac0578ff8db', '1', key('user:1')],
  ['hset', key('user:1'), 'token', 't'],
  ['hgetall', key('user:1')],
  ['zadd', key('mailbox:1'), '1', 'message'],
  ['zrange', key('mailbox:1'), '0', '-1'],
  ['zremrangebyrank', key('mailbox:1'), '0', '-1001'],
  ['sadd', key('sessions:g'), '1'],
  ['xadd', key('inbox:g'), '*', 'entry', 'e'],
  ['xread', 'COUNT', '10', 'STREAMS', key('inbox:g'), '0'],
  ['xdel', key('inbox:g'), '1-1'],
  ['lpush', key('front_tcp'), '{}'],
  ['blmove', key('front_tcp'), key('front_tcp:dead'), 'RIGHT', 'LEFT', '1'],
  ['set', key('idempotency:1:a'), 'answer', 'EX', '60', 'NX'],
  ['expire', key('receipt:1'), '60'],
  ['multi'],
];

const denied: typeof needed = [
  ['get', 'another:deployment'],
  ['set', '{other}:user:1', 'x'],
  ['flushall'],
  ['keys', '*'],
  ['config', 'get', '*'],
  ['acl', 'list'],
  ['debug', 'sleep', '0'],
  ['shutdown'],
  ['replicaof', 'no', 'one'],
  ['monitor'],
];

describe("the store user's rights", () => {
  let server: TestRedis;
  let admin: Redis;

  beforeAll(async () => {
    server = await startTestRedis();
    admin = new Redis(server.url);
    await admin.call('ACL', 'SETUSER', 'app', 'nopass', ...accessString(PREFIX).split(' '));
  });
  afterAll(async () => {
    admin.disconnect();
    await server.stop();
  });

  const tryOut = async (command: readonly string[]): Promise<string> =>
    String(await admin.call('ACL', 'DRYRUN', 'app', ...command));

  it.each(needed)('allow %s', async (...command) => {
    expect(await tryOut(command)).toBe('OK');
  });

  it.each(denied)('deny %s', async (...command) => {
    expect(await tryOut(command)).toMatch(/has no permissions/);
  });
});
