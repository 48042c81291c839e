import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { tokenMatches, userIdOfToken } from '../../contract/store/tokens.ts';
import { HttpRefusal } from '../../functions/http/refusal.ts';
import { HashingQueue } from '../../functions/login/hashing-queue.ts';
import { LoginLimits, type LoginTry } from '../../functions/login/limits.ts';
import { connectRedis } from '../../functions/runtime/drivers/ioredis.ts';
import { readEnvironment } from '../../functions/runtime/environment.ts';
import { type HttpApi, startHttpApi, stores } from '../kit/http-api.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { scanKeys } from '../kit/scan-keys.ts';
import { withPassword } from '../kit/users.ts';

/** Over a connection from a chosen loopback address: the caller is known by that alone. */
function loginFrom(address: string, http: HttpApi, phone_number: string, password: string): Promise<[number, number]> {
  const { promise, resolve, reject } = Promise.withResolvers<[number, number]>();
  const options = { method: 'POST', localAddress: address, agent: false } as const;
  request(`${http.api.url}/login`, options, (response) => {
    response.resume().on('end', () => {
      resolve([response.statusCode ?? 0, Number(response.headers['retry-after'] ?? 0)]);
    });
  })
    .on('error', reject)
    .end(JSON.stringify({ phone_number, password }));
  return promise;
}

const redis = connectRedis(readEnvironment({ REDIS_URL: sharedRedisUrl() }), undefined);
afterAll(() => redis.close());

describe.each(stores)('POST /login over %s', (store) => {
  let http: HttpApi;
  beforeAll(async () => {
    http = await startHttpApi({ store, env: { TOKEN_TTL_S: '600', MAX_CONCURRENT_HASHES: '64' } });
    await http.addUser('ann', withPassword('123456'));
  });
  afterAll(() => http.stop());

  it('gives a token that is only a digest at rest, and replaces the older one', async () => {
    const before = Math.floor(Date.now() / 1000);
    const first = await http.post('/login', { phone_number: 'ann', password: '123456' });
    expect(first.status).toBe(200);
    expect(first.body).toEqual({ code: 1, message: 'done', token: expect.any(String), expires_at: expect.any(Number) });
    expect(first.body.expires_at).toBeGreaterThanOrEqual(before + 599);
    expect(first.body.expires_at).toBeLessThanOrEqual(before + 605);
    expect(userIdOfToken(first.body.token)).toBe('ann');
    const second = await http.post('/api/v1100/login', { phone_number: 'ann', password: '123456' });
    const stored = await http.redis.hgetall(`${http.prefix}user:ann`);
    expect(stored.token).toMatch(/^sha256:[\da-f]{64}$/);
    expect(tokenMatches(second.body.token, stored.token ?? '')).toBe(true);
    expect(tokenMatches(first.body.token, stored.token ?? '')).toBe(false);
    expect(stored.token_expires_at).toBe(String(second.body.expires_at));
    expect(await http.redis.zscore(`${http.prefix}users`, 'ann')).toBe('0');
  });

  it('takes a body that came in base64, and any content type', async () => {
    const body = Buffer.from(JSON.stringify({ phone_number: 'ann', password: '123456' }));
    const { status } = await http.call('POST', '/login', {
      body,
      headers: { 'content-type': 'application/octet-stream' },
    });
    expect(status).toBe(200);
  });

  it('knows users by odd names', async () => {
    for (const id of ['__proto__', 'constructor', 'a:b', 'o\'br"ien', '名字 😀', 'a\r\nb', '\ufeffbom']) {
      await http.addUser(id, withPassword('p'));
      const { status, body } = await http.post('/login', { phone_number: id, password: 'p' });
      expect([id, status]).toEqual([id, 200]);
      expect(userIdOfToken(body.token)).toBe(id);
    }
  });

  it('gives the same response for a wrong password, an unknown user and one without a password', async () => {
    await http.addUser('no-password');
    await http.addUser('empty-password', { password: '' });
    await http.addUser('odd-password', { password: 'scrypt$9$9$9$x$x' });
    for (const phone_number of ['ann', 'nobody', 'no-password', 'empty-password', 'odd-password']) {
      const { status, body } = await http.post('/login', { phone_number, password: 'wrong' });
      expect([status, body]).toEqual([
        401,
        { code: 0, error: 'bad_login', message: 'the user id or the password is wrong' },
      ]);
    }
    expect(await http.redis.exists(`${http.prefix}user:nobody`)).toBe(0);
  });

  const bad: [string, unknown, string][] = [
    ['no phone_number', { password: 'x' }, 'phone_number: is missing'],
    ['an empty one', { phone_number: '', password: 'x' }, 'phone_number: is empty'],
    ['a number', { phone_number: 1, password: 'x' }, 'phone_number: is not a string'],
    ['a long one', { phone_number: 'x'.repeat(129), password: 'x' }, 'phone_number: must have at most 128 characters'],
    ['a lone surrogate', { phone_number: '\udc00', password: 'x' }, 'phone_number: is not well-formed Unicode'],
    ['no password', { phone_number: 'ann' }, 'password: is missing'],
    ['an empty password', { phone_number: 'ann', password: '' }, 'password: is empty'],
    ['a list for a password', { phone_number: 'ann', password: [] }, 'password: is not a string'],
    [
      'a long password',
      { phone_number: 'ann', password: 'x'.repeat(1_025) },
      'password: must have at most 1024 characters',
    ],
    ['a list', [], 'the body is not a JSON object'],
  ];
  it.each(bad)('refuses %s', async (_what, body, message) => {
    expect((await http.post('/login', body)).body).toEqual({
      code: 0,
      error: expect.stringMatching(/^(invalid|not_an_object)$/),
      message,
    });
    expect((await http.post('/login', body)).status).toBe(400);
  });

  it('refuses a body that is not JSON, not UTF-8, or too large', async () => {
    const of = async (body?: string | Uint8Array<ArrayBuffer>) =>
      (await http.call('POST', '/login', { ...(body === undefined ? {} : { body }), token: null })).status;
    expect(await of()).toBe(400);
    expect(await of('{"phone_number":')).toBe(400);
    expect(await of(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]))).toBe(400);
    expect(await of(JSON.stringify({ phone_number: 'ann', password: 'x'.repeat(20_000) }))).toBe(413);
  });

  it('speaks Chinese where it is asked to', async () => {
    const { body } = await http.post(
      '/login',
      { phone_number: 'ann' },
      { 'accept-language': 'fr, zh-CN;q=0.9, en;q=0.8' },
    );
    expect(body.message).toBe('password：缺失');
  });

  it('slows down a guesser, and nobody else', async () => {
    await http.addUser('target', withPassword('right'));
    expect(await loginFrom('127.0.0.9', http, 'target', 'right')).toEqual([200, 0]);
    for (let i = 0; i < 3; i += 1) expect(await loginFrom('127.0.0.8', http, 'target', `${i}`)).toEqual([401, 0]);
    // As the twelfth, the next one costs minutes: the second that the fourth costs may be over before the request after it.
    const { pair } = new LoginLimits(redis, keysOf(http.prefix), 50).tryOf('target', '127.0.0.8').keys;
    expect(await http.redis.hget(pair, 'failures')).toBe('3');
    await http.redis.hset(pair, 'failures', 11);
    expect(await loginFrom('127.0.0.8', http, 'target', '3')).toEqual([401, 0]);
    const [status, retryAfter] = await loginFrom('127.0.0.8', http, 'target', 'right');
    expect([status, retryAfter > 128 && retryAfter <= 256]).toEqual([429, true]);
    expect(await loginFrom('127.0.0.8', http, 'ann', '123456')).toEqual([200, 0]);
    expect(await loginFrom('127.0.0.9', http, 'target', 'right')).toEqual([200, 0]);
    expect(await loginFrom('127.0.0.7', http, 'target', 'right')).toEqual([200, 0]);
  });

  it('does not hash parallel guesses beyond the free tries', async () => {
    await http.addUser('swarmed', withPassword('right'));
    const guesses = Array.from({ length: 40 }, (_, i) => loginFrom('127.0.0.6', http, 'swarmed', `${i}`));
    const answers = await Promise.all(guesses);
    const hashed = answers.filter(([status]) => status !== 429);
    expect(new Set(hashed.map(([status]) => status))).toEqual(new Set([401]));
    // Four are free. Should all of this take seconds, a few more may begin after a pause.
    expect(hashed.length).toBeLessThan(10);
    expect(await loginFrom('127.0.0.5', http, 'swarmed', 'right')).toEqual([200, 0]);
    expect(await scanKeys(http.redis, `${http.prefix}login_failures:tries:*`)).toEqual([]);
  });

  it('logs neither passwords nor tokens', async () => {
    const { body } = await http.post('/login', { phone_number: 'ann', password: '123456' });
    await http.call('GET', '/users', { token: body.token });
    const log = JSON.stringify(http.logged);
    expect(log).toContain('bad_login');
    expect(log).not.toContain('123456');
    expect(log).not.toContain(body.token.split('.')[1]);
  });
});

describe('limits on failed logins', () => {
  const keys = keysOf(uniquePrefix());
  const limits = new LoginLimits(redis, keys, 50);
  const begins = async (attempt: LoginTry): Promise<boolean> => {
    try {
      await attempt.begin();
      return true;
    } catch (error) {
      if (!(error instanceof HttpRefusal)) throw error;
      return false;
    }
  };
  const waits = async (user: string, address: string): Promise<boolean> => {
    const attempt = limits.tryOf(user, address);
    const isFree = await begins(attempt);
    await attempt.release();
    return !isFree;
  };

  it('lets 18,000 users behind one address through, and remembers nothing of them', async () => {
    const users = Array.from({ length: 18_000 }, (_, i) => `user-${i}`);
    for (let from = 0; from < users.length; from += 1_000) {
      const some = users.slice(from, from + 1_000);
      expect(await Promise.all(some.map((user) => waits(user, '10.0.0.1')))).not.toContain(true);
    }
    expect(await scanKeys(redis, `${keys.prefix}login_failures:*`)).toEqual([]);
  });

  it('bounds the failures of one address over all users, but not for users known at it', async () => {
    for (let i = 0; i < 60; i += 1) await limits.tryOf(`sprayed-${i}`, '10.0.0.2').fail();
    expect(await waits('somebody', '10.0.0.2')).toBe(true);
    expect(await waits('somebody', '10.0.0.3')).toBe(false);
    await redis.command('SET', limits.tryOf('regular', '10.0.0.2').keys.known, '1');
    expect(await waits('regular', '10.0.0.2')).toBe(false);
  });

  it('locks no user out, however many strangers fail', async () => {
    await redis.command('SET', limits.tryOf('victim', '10.1.0.1').keys.known, '1');
    for (let i = 0; i < 60; i += 1) await limits.tryOf('victim', `10.2.0.${i}`).fail();
    expect(await waits('victim', '10.1.0.1')).toBe(false);
    expect(await waits('victim', '10.3.0.1')).toBe(false);
    const [seconds, micros] = (await redis.command('TIME')) as [string, string];
    const stranger = limits.tryOf('victim', '10.3.0.1');
    await stranger.fail();
    // Its only free try was this one.
    const nextAtMs = Number(await redis.command('HGET', stranger.keys.pair, 'next_at'));
    expect(nextAtMs - Number(seconds) * 1_000 - Math.floor(Number(micros) / 1_000)).toBeGreaterThanOrEqual(1_000);
  });

  const parallel = async (user: string, address: string) => {
    const tries = Array.from({ length: 40 }, () => limits.tryOf(user, address));
    const begun = await Promise.all(tries.map(begins));
    return tries.filter((_, i) => begun[i]);
  };

  it('lets as many parallel guesses begin as are free, and none after they have failed', async () => {
    const guesses = await parallel('guessed', '10.4.0.1');
    expect(guesses).toHaveLength(4);
    expect(await waits('guessed', '10.4.0.2')).toBe(false);
    await guesses[0]?.fail();
    expect(await waits('guessed', '10.4.0.1')).toBe(true);
    await guesses[1]?.release();
    expect(await waits('guessed', '10.4.0.1')).toBe(false);
    // So that the pause is minutes.
    await redis.command('HINCRBY', limits.tryOf('guessed', '10.4.0.1').keys.pair, 'failures', 10);
    for (const guess of guesses) await guess.fail();
    expect(await parallel('guessed', '10.4.0.1')).toHaveLength(0);
  });

  it('lets more begin at an address where the user has logged in, until one fails', async () => {
    const known = limits.tryOf('household', '10.5.0.1');
    await redis.command('SET', known.keys.known, '1');
    const logins = await parallel('household', '10.5.0.1');
    expect(logins).toHaveLength(16);
    for (const login of logins) await login.release();
    await known.fail();
    expect(await parallel('household', '10.5.0.1')).toHaveLength(3);
  });

  it('forgets tries whose process has died', async () => {
    const { tries } = limits.tryOf('crashed', '10.6.0.1').keys;
    for (const name of ['a', 'b', 'c', 'd']) await redis.command('ZADD', tries, 1, name);
    expect(await waits('crashed', '10.6.0.1')).toBe(false);
  });

  it('takes a /64 of IPv6 for one address, and a mapped IPv4 for itself', () => {
    const pair = (address: string) => limits.tryOf('u', address).keys.pair;
    expect(pair('2001:db8:0:1::1')).toBe(pair('2001:db8:0:1:ffff:ffff:ffff:ffff'));
    expect(pair('2001:db8:0:1::1')).not.toBe(pair('2001:db8:0:2::1'));
    expect(pair('2001:db8::1')).toBe(pair('2001:0db8:0:0::2'));
    expect(pair('::ffff:10.0.0.1')).toBe(pair('10.0.0.1'));
  });

  it('every key has a TTL', async () => {
    const names = await scanKeys(redis, `${keys.prefix}login_failures:[aptu]*`);
    expect(names.length).toBeGreaterThan(100);
    for (const name of names) expect(await redis.command('PTTL', name)).not.toBe(-1);
  });
});

describe('turns of the password hash', () => {
  it('runs a bounded number, lets a bounded number wait, refuses the next with 503', async () => {
    const turns = new HashingQueue(1, 1);
    const gate = Promise.withResolvers<void>();
    const first = turns.take(async (hasWaited) => [await gate.promise, hasWaited]);
    const second = turns.take(async (hasWaited) => hasWaited);
    await expect(turns.take(async () => undefined)).rejects.toMatchObject({ status: 503 });
    gate.resolve();
    expect(await first).toEqual([undefined, false]);
    expect(await second).toBe(true);
    expect(await turns.take(async (hasWaited) => hasWaited)).toBe(false);
  });
});
