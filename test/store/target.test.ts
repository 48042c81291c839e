import { describe, expect, it } from 'vitest';
import { connectRedis as connectFunction } from '../../functions/runtime/drivers/ioredis.ts';
import { readEnvironment } from '../../functions/runtime/environment.ts';
import { parseConfig } from '../../gateway/config.ts';
import { createLog } from '../../gateway/observe/log.ts';
import { connectRedis as connectGateway } from '../../gateway/store/redis.ts';
import { ask } from '../../local/redis/ping.ts';
import { parseRedisUrl } from '../../shared/redis/target.ts';
import { EnvironmentError } from '../../shared/settings.ts';
import { startTestRedis } from '../kit/redis.ts';

describe('REDIS_URL', () => {
  it.each([
    ['redis://h', { host: 'h', port: 6379, isTls: false, db: 0, credentials: {} }],
    ['rediss://h:1', { port: 1, isTls: true }],
    ['redis://h/3', { db: 3 }],
    ['redis://h/', { db: 0 }],
    ['redis://h?db=4', { db: 4 }],
    ['redis://h/4?db=4', { db: 4 }],
    ['redis://u:p@h', { credentials: { username: 'u', password: 'p' } }],
    ['redis://:p%25%40%23@h', { credentials: { password: 'p%@#' } }],
    ['redis://[::1]:7', { host: '::1', port: 7 }],
  ])('%s', (url, target) => {
    expect(parseRedisUrl(url)).toMatchObject(target);
  });

  it.each([
    ['redis://:50%@h', 'REDIS_URL has a password with a % that is not followed by two hexadecimal digits'],
    ['redis://u%2:p@h', 'REDIS_URL has a user with a %'],
    ['redis://h/one', 'REDIS_URL has the database "one"'],
    ['redis://h/-1', 'REDIS_URL has the database "-1"'],
    ['redis://h?db=1.5', 'REDIS_URL has the database "1.5"'],
    ['redis://h/1?db=2', 'REDIS_URL has two databases, 1 and 2'],
    ['redis://h?tls=true', 'REDIS_URL has the parameter "tls"'],
    ['redis://h:0', 'REDIS_URL has the port 0'],
    ['redis://:a#b@h', 'REDIS_URL must be a redis:// or rediss:// URL'],
    ['redis://h/0#x', 'REDIS_URL has a #'],
    ['http://h', 'REDIS_URL must be a redis:// or rediss:// URL'],
    ['redis://', 'REDIS_URL must be a redis:// or rediss:// URL'],
  ])('%s is refused by gateway and functions alike', (url, start) => {
    for (const read of [parseConfig, readEnvironment]) {
      const failure = mistakesOf(() => read({ REDIS_URL: url }));
      expect(failure[0]).toMatch(new RegExp(`^${start.replaceAll('?', '\\?')}`));
      expect(failure[0]).not.toContain('50%');
    }
  });

  it('of a cluster has no database', () => {
    const env = { REDIS_URL: 'redis://h/1', REDIS_CLUSTER: 'true', REDIS_KEY_PREFIX: '{f}:' };
    for (const read of [parseConfig, readEnvironment]) {
      expect(mistakesOf(() => read(env))).toEqual(['REDIS_URL has a database, and a cluster has only 0']);
    }
  });

  it('leads gateway and functions to the same database, with the same password', async () => {
    const server = await startTestRedis();
    await ask(server.url, 'CONFIG', 'SET', 'requirepass', '50%@');
    const url = `redis://:50%25%40@127.0.0.1:${server.port}?db=5`;
    const gateway = connectGateway(
      parseConfig({ REDIS_URL: url }).redis,
      createLog({ level: 'silent', format: 'json' }),
    );
    const own = connectFunction(readEnvironment({ REDIS_URL: url.replace('?db=5', '/5') }), undefined);
    await gateway.command('SET', 'k', 'v');
    expect(await own.command('GET', 'k')).toBe('v');
    expect(await own.command('CLIENT', 'INFO')).toContain(' db=5 ');
    await Promise.all([gateway.close(), own.close()]);
    await server.stop();
  });
});

function mistakesOf(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof EnvironmentError) return error.mistakes;
    throw error;
  }
  throw new Error('was accepted');
}
