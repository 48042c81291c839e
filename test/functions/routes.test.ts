import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { writeProgress } from '../../contract/store/scripts/settle.ts';
import { connectRedis } from '../../functions/runtime/drivers/ioredis.ts';
import { readEnvironment } from '../../functions/runtime/environment.ts';
import { type HttpApi, startHttpApi, stores } from '../kit/http-api.ts';
import { sharedRedisUrl } from '../kit/redis.ts';
import { tokenOf } from '../kit/users.ts';

describe.each(stores)('operators over %s', (store) => {
  let http: HttpApi;
  let userToken: string;
  beforeAll(async () => {
    http = await startHttpApi({ store });
    userToken = tokenOf('someone');
    await http.addUser('someone', { token: userToken });
  });
  afterAll(() => http.stop());

  /** Puts a user online, as a gateway with a lease does. */
  async function connect(userId: string, gatewayId: string): Promise<void> {
    const keys = keysOf(http.prefix);
    await http.redis.hset(keys.user(userId), { gateway: gatewayId, epoch: 1, form: 'plain', connected_at: 1_000 });
    await http.redis.sadd(keys.sessions(gatewayId), userId);
    await http.redis.zadd(keys.gateways, Date.now() + 60_000, gatewayId);
    await http.redis.hset(keys.gateway(gatewayId), { tcp: '127.0.0.1:8124' });
  }

  const forOperators: [string, string][] = [
    ['GET', '/commands'],
    ['GET', '/commands/1'],
    ['GET', '/users'],
    ['GET', '/users/someone'],
    ['POST', '/users'],
    ['DELETE', '/users/someone'],
    ['PUT', '/users/someone/password'],
    ['POST', '/users/someone/token'],
    ['GET', '/users/someone/messages'],
    ['DELETE', '/users/someone/messages'],
    ['DELETE', '/users/someone/session'],
    ['DELETE', '/users/someone/token'],
    ['DELETE', '/users/someone/messages/1'],
    ['GET', '/dead-letters'],
    ['POST', '/dead-letters/0-0123456789abcdef/retry'],
    ['DELETE', '/dead-letters/0-0123456789abcdef'],
    ['GET', '/stats'],
    ['GET', '/stats/history'],
    ['GET', '/tail'],
    ['GET', '/users/someone/timeline'],
  ];
  it.each(forOperators)('%s %s is for operators', async (method, path) => {
    const anonymous = await http.call(method, path, { token: null });
    expect([anonymous.status, anonymous.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    const user = await http.call(method, path, { token: userToken });
    expect([user.status, user.body]).toEqual([
      403,
      { code: 0, error: 'not_operator', message: 'only an operator may do this' },
    ]);
  });

  it('read the receipt of a command', async () => {
    await http.addUser('away');
    const sent = await http.send({ command_id: 103, chat_to: ['nobody', 'away'], content: 'x', receipt: true });
    const { status, body } = await http.call('GET', `/commands/${sent.body.id}`);
    expect(status).toBe(200);
    expect(body).toEqual({
      code: 1,
      message: 'done',
      id: sent.body.id,
      command_id: 103,
      from: 'op',
      accepted_at: expect.any(Number),
      recipients: [
        { phone_number: 'away', state: 'stored', steps: [{ state: 'stored', at: expect.any(Number) }] },
        {
          phone_number: 'nobody',
          state: 'failed',
          reason: 'unknown_user',
          steps: [{ state: 'failed', at: expect.any(Number) }],
        },
      ],
    });
    const redis = connectRedis(readEnvironment({ REDIS_URL: sharedRedisUrl() }), undefined);
    if (store !== 'ioredis in a cluster') {
      const step = { messageId: sent.body.id, userId: 'away' };
      await writeProgress(redis, keysOf(http.prefix), [
        { ...step, state: 'written' },
        { ...step, state: 'acknowledged' },
        { ...step, state: 'written' },
      ]);
      const after = await http.call('GET', `/commands/${sent.body.id}`);
      const [away] = after.body.recipients;
      expect(away.state).toBe('acknowledged');
      expect(away.steps.map((one: { state: string }) => one.state)).toEqual(['stored', 'written', 'acknowledged']);
    }
    await redis.close();
  });

  it.each(['1', '0', 'abc', '999999999999999999999', '1%00', '1%0a'])('have no receipt of %s', async (id) => {
    expect((await http.call('GET', `/commands/${id}`)).status).toBe(404);
  });

  it('have no receipt of a command that did not ask for one', async () => {
    const sent = await http.send({ command_id: 102, chat_to: 'someone', content: 'x' });
    expect((await http.call('GET', `/commands/${sent.body.id}`)).status).toBe(404);
  });

  it('page through users in the order of their ids', async () => {
    const ids = ['page-__proto__', 'page-a', 'page-b:c', 'page-é', 'page-名字', 'page-😀'];
    for (const id of ids) await http.addUser(id);
    const seen: string[] = [];
    let cursor: string | null = '';
    for (let pages = 0; cursor !== null && pages < 10; pages += 1) {
      const query = new URLSearchParams({ q: 'page-', limit: '4', ...(cursor === '' ? {} : { cursor }) });
      const { status, body }: Awaited<ReturnType<HttpApi['call']>> = await http.call('GET', `/users?${query}`);
      expect(status).toBe(200);
      seen.push(...body.users.map((user: { phone_number: string }) => user.phone_number));
      cursor = body.cursor;
    }
    expect(seen).toEqual(ids);
    const all = await http.call('GET', '/users?limit=500');
    expect(all.body.users.length).toBeGreaterThanOrEqual(ids.length + 2);
    expect(all.body.cursor).toBeNull();
    const operator = all.body.users.find((user: { phone_number: string }) => user.phone_number === 'op');
    expect(operator).toEqual({
      phone_number: 'op',
      role: 'operator',
      online: false,
      gateway: null,
      connected_at: null,
      last_seen: null,
    });
  });

  it.each(['limit=0', 'limit=501', 'limit=-1', 'limit=x', 'limit=1e3', `q=${'x'.repeat(129)}`, 'limit=1&limit=2'])(
    'get 400 for %s',
    async (query) => {
      expect((await http.call('GET', `/users?${query}`)).status).toBe(400);
    },
  );

  it('see one user, online or not, by any name', async () => {
    await http.addUser('a/b%? ü', { token: 't' });
    const path = `/users/${encodeURIComponent('a/b%? ü')}`;
    const away = await http.call('GET', path);
    expect(away.body).toMatchObject({ code: 1, phone_number: 'a/b%? ü', online: false, mailbox: 0, lost: 0 });
    await http.send({ command_id: 102, chat_to: 'a/b%? ü', content: 'x' });
    expect((await http.call('GET', path)).body.mailbox).toBe(1);
    await connect('a/b%? ü', 'g-see');
    const { body } = await http.call('GET', path);
    expect(body).toMatchObject({ online: true, gateway: 'g-see', connected_at: 1_000 });
    expect((await http.call('GET', '/users/nobody')).status).toBe(404);
    expect((await http.call('GET', '/users/%E4')).status).toBe(400);
    expect((await http.call('GET', '/users/')).status).toBe(404);
  });

  it('close the connection of a user, on whichever gateway', async () => {
    await http.addUser('kicked');
    const path = '/users/kicked/session';
    expect((await http.call('DELETE', path)).body).toEqual({ code: 1, message: 'done', disconnected: false });
    await connect('kicked', 'g-kick');
    expect((await http.call('DELETE', path)).body).toEqual({ code: 1, message: 'done', disconnected: true });
    const [entry] = await http.redis.xrange(`${http.prefix}inbox:g-kick`, '-', '+');
    expect(entry?.[1][0]).toContain('"kicked"');
    expect(await http.redis.hget(`${http.prefix}user:kicked`, 'token')).toBe('plain');
    expect((await http.call('DELETE', '/users/nobody/session')).status).toBe(404);
  });

  it('see of a session, a token and a mailbox what there is, and nothing that is in them', async () => {
    const token = tokenOf('inspected');
    await http.addUser('inspected', { token, token_expires_at: '4000000000' });
    await http.send({ command_id: 102, chat_to: 'inspected', content: 'a secret' });
    await http.send({ command_id: 2001, chat_to: 'inspected', content: { key: 'a secret' }, ttl_s: 60 });
    const away = await http.call('GET', '/users/inspected');
    expect(away.body).toMatchObject({ session: null, token: { expires_at: 4_000_000_000 }, mailbox: 2 });
    const [chat, application] = away.body.messages;
    expect(chat).toEqual({
      id: expect.stringMatching(/^\d+$/),
      command_id: 102,
      sent_at: Math.floor(Number(chat.id) / 1024),
      expires_at: null,
    });
    expect(application).toMatchObject({ command_id: 2001, expires_at: expect.any(Number) });
    expect(away.text).not.toContain('secret');
    expect(away.text).not.toContain(token.split('.')[1]);
    await connect('inspected', 'g-inspect');
    expect((await http.call('GET', '/users/inspected')).body.session).toEqual({ epoch: 1, acknowledges: false });
    for (let i = 0; i < 20; i += 1)
      await http.redis.zadd(`${http.prefix}mailbox:inspected`, i, `["${i}",102,1,0,"",""]\n{}`);
    const full = (await http.call('GET', '/users/inspected')).body;
    expect([full.mailbox, full.messages.length]).toEqual([22, 20]);
    expect((await http.call('GET', '/users/op')).body.token).toEqual({ expires_at: null });
  });

  it("revoke a user's token, which closes the connection that it opened", async () => {
    const token = tokenOf('revoked');
    await http.addUser('revoked', { token, role: 'operator' });
    await connect('revoked', 'g-revoke');
    const revoke = () => http.call('DELETE', '/users/revoked/token');
    expect((await http.call('GET', '/stats', { token })).status).toBe(200);
    expect((await revoke()).body).toEqual({ code: 1, message: 'done', disconnected: true });
    expect((await http.call('GET', '/stats', { token })).status).toBe(401);
    expect((await http.call('GET', '/users/revoked')).body.token).toBeNull();
    const [entry] = await http.redis.xrange(`${http.prefix}inbox:g-revoke`, '-', '+');
    expect(entry?.[1][0]).toContain('logged_out');
    const [record] = (await http.call('GET', '/audit?limit=1')).body.records;
    expect(record).toMatchObject({ by: 'op', kind: 'user_token_revoked', target: 'revoked' });
    expect((await http.call('DELETE', '/users/nobody/token')).status).toBe(404);
  });

  it('delete one waiting message: the others stay, its receipt is cancelled, nothing is lost', async () => {
    await http.addUser('bricked');
    const send = (content: string) =>
      http.send({ command_id: 102, chat_to: 'bricked', content, receipt: true, ttl_s: 600 });
    const bad = (await send('bad')).body.id;
    const good = (await send('good')).body.id;
    const drop = (path: string) => http.call('DELETE', `/users/${path}`);
    expect((await drop(`bricked/messages/${bad}`)).body).toEqual({ code: 1, message: 'done' });
    const user = (await http.call('GET', '/users/bricked')).body;
    expect(user).toMatchObject({ mailbox: 1, lost: 0, messages: [{ id: good }] });
    expect(await http.redis.zcard(`${http.prefix}mailbox_expiry:bricked`)).toBe(1);
    const receipt = (await http.call('GET', `/commands/${bad}`)).body;
    expect(receipt.recipients[0]).toMatchObject({ state: 'cancelled' });
    const [record] = (await http.call('GET', '/audit?limit=1')).body.records;
    expect(record).toMatchObject({ by: 'op', kind: 'drop_message', target: 'bricked', message_id: bad });
    for (const id of [bad, '0', 'x', '-inf', `${good}.0`, '9'.repeat(20)]) {
      const { status, body } = await drop(`bricked/messages/${id}`);
      expect([id, status, body.error]).toEqual([id, 404, 'no_such_message']);
    }
    expect((await drop(`nobody/messages/${good}`)).body.error).toBe('no_such_user');
    expect((await http.call('GET', '/users/bricked')).body.mailbox).toBe(1);
  });

  it.each([
    ['ahead', 3_600_000],
    ['behind', -3_600_000],
  ])("are let in until their token expires by Redis's clock: that of the function is an hour %s", async (_, offMs) => {
    const token = tokenOf('clocked');
    const until = (seconds: number) => String(Math.floor(Date.now() / 1_000) + seconds);
    const fields = { token, role: 'operator' };
    await http.addUser('clocked', { ...fields, token_expires_at: until(60) });
    await http.addUser('late', { ...fields, token: tokenOf('late'), token_expires_at: until(-60) });
    const real = Date.now.bind(Date);
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => real() + offMs);
    try {
      expect((await http.call('GET', '/stats', { token })).status).toBe(200);
      expect((await http.call('GET', '/stats', { token: tokenOf('late') })).status).toBe(401);
    } finally {
      clock.mockRestore();
    }
  });

  it('read the statistics', async () => {
    await http.addUser('counted');
    await connect('counted', 'g-stats');
    await http.redis.zadd(`${http.prefix}gateways`, 1, 'g-dead');
    await http.redis.lpush(`${http.prefix}front_tcp`, 'a', 'b');
    await http.redis.lpush(`${http.prefix}front_tcp:dead`, 'c');
    const { status, body } = await http.call('GET', '/stats');
    expect(status).toBe(200);
    expect(body).toMatchObject({ code: 1, connected: expect.any(Number), queue: { waiting: 2, dead: 1 } });
    const gateway = (id: string) => body.gateways.find((one: { id: string }) => one.id === id);
    expect(gateway('g-stats')).toMatchObject({ live: true, sessions: 1, inbox: 0, facts: { tcp: '127.0.0.1:8124' } });
    expect(gateway('g-dead')).toMatchObject({ live: false, sessions: 0 });
    expect(body.deliveries.stored).toBeGreaterThan(0);
  });

  it('log out: the token is worth nothing, the connection is closed', async () => {
    await http.addUser('leaver', { token: tokenOf('leaver') });
    await connect('leaver', 'g-out');
    const leave = () => http.call('POST', '/logout', { token: tokenOf('leaver') });
    expect((await leave()).body).toEqual({ code: 1, message: 'done', disconnected: true });
    expect((await leave()).status).toBe(401);
    expect(await http.redis.hget(`${http.prefix}user:leaver`, 'token')).toBeNull();
    const [entry] = await http.redis.xrange(`${http.prefix}inbox:g-out`, '-', '+');
    expect(entry?.[1][0]).toContain('logged_out');
    expect((await http.call('POST', '/logout', { token: null })).status).toBe(401);
  });
});
