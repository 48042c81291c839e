import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { holdLease } from '../../contract/store/scripts/gateways.ts';
import { claimSessions, readTokens } from '../../contract/store/scripts/sessions.ts';
import { tokenMatches } from '../../contract/store/tokens.ts';
import { connectRedis } from '../../functions/runtime/drivers/ioredis.ts';
import { readEnvironment } from '../../functions/runtime/environment.ts';
import { type HttpApi, startHttpApi } from '../kit/http-api.ts';
import { sharedRedisUrl } from '../kit/redis.ts';
import { withPassword } from '../kit/users.ts';

const MAX_TOKENS = 10;

describe('tokens of operators', () => {
  let http: HttpApi;
  let store: ReturnType<typeof connectRedis>;
  beforeAll(async () => {
    http = await startHttpApi();
    store = connectRedis(readEnvironment({ REDIS_URL: sharedRedisUrl(), REDIS_KEY_PREFIX: http.prefix }), undefined);
    await holdLease(store, keysOf(http.prefix), {
      gatewayId: 'g1',
      leaseMs: 600_000,
      highestId: 0,
      sinceLastMs: undefined,
      fields: {},
    });
  });
  afterAll(async () => {
    await store.close();
    await http.stop();
  });

  const logIn = async (user: string): Promise<string> => {
    const { body } = await http.post('/login', { phone_number: user, password: '123456' });
    return body.token;
  };
  const stats = async (token: string) => (await http.call('GET', '/stats', { token })).status;
  const logOut = (token: string, body?: object) =>
    http.call('POST', '/logout', { token, ...(body ? { body: JSON.stringify(body) } : {}) });
  /** What a gateway does with a verify. */
  const verify = async (user: string, token: string) => {
    const keys = keysOf(http.prefix);
    const [fields = []] = await readTokens(store, keys, [user]);
    const tokenField = [fields].flat().find((field) => tokenMatches(token, field));
    if (tokenField === undefined) return 'refused';
    const claimant = { gatewayId: 'g1', highestId: 0 };
    const request = { userId: user, form: 'plain' as const, proof: { tokenField } };
    const results = await claimSessions(store, keys, claimant, 60, [request]);
    return results === 'no_lease' ? results : results[0]?.status;
  };

  it('are the ten newest, and every one of them is valid over HTTP and TCP', async () => {
    await http.addUser('ops', { ...withPassword('123456'), role: 'operator' });
    const tokens: string[] = [];
    for (let i = 0; i <= MAX_TOKENS; i += 1) tokens.push(await logIn('ops'));
    const [oldest = '', ...valid] = tokens;
    expect(await stats(oldest)).toBe(401);
    expect(await verify('ops', oldest)).toBe('refused');
    for (const token of valid) {
      expect(await stats(token)).toBe(200);
      expect(await verify('ops', token)).toBe('claimed');
    }
  });

  it('a logout ends the one that was presented, and only the connection that it opened', async () => {
    await http.addUser('two', { ...withPassword('123456'), role: 'operator' });
    const [first, second] = [await logIn('two'), await logIn('two')];
    await verify('two', first);
    expect((await logOut(second)).body).toMatchObject({ code: 1, disconnected: false });
    expect([await stats(first), await stats(second)]).toEqual([200, 401]);
    expect((await logOut(first)).body).toMatchObject({ code: 1, disconnected: true });
    expect(await stats(first)).toBe(401);
  });

  it('{"all": true} ends all of them, and the connection', async () => {
    await http.addUser('all', { ...withPassword('123456'), role: 'operator' });
    const [first, second] = [await logIn('all'), await logIn('all')];
    await verify('all', first);
    expect((await logOut(second, { everything: true })).status).toBe(400);
    expect((await logOut(second, { all: true })).body).toMatchObject({ code: 1, disconnected: true });
    expect([await stats(first), await stats(second)]).toEqual([401, 401]);
    expect(await verify('all', first)).toBe('refused');
  });

  it('a plain user has one: a newer login replaces it, and a user who loses the role keeps only the newest', async () => {
    await http.addUser('plain', withPassword('123456'));
    const [first, second] = [await logIn('plain'), await logIn('plain')];
    expect(await verify('plain', first)).toBe('refused');
    expect(await verify('plain', second)).toBe('claimed');
    expect((await logOut(second)).body).toMatchObject({ disconnected: true });
    await http.addUser('was', { ...withPassword('123456'), role: 'operator' });
    const [older, newer] = [await logIn('was'), await logIn('was')];
    await http.redis.hdel(`${http.prefix}user:was`, 'role');
    expect([await verify('was', older), await verify('was', newer)]).toEqual(['refused', 'claimed']);
  });
});
