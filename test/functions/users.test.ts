import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { type HttpApi, startHttpApi, stores } from '../kit/http-api.ts';
import { scanKeys } from '../kit/scan-keys.ts';
import { tokenOf } from '../kit/users.ts';

describe.each(stores)('users over HTTP, on %s', (store) => {
  let http: HttpApi;
  beforeAll(async () => {
    http = await startHttpApi({ store });
    await http.addUser('someone', { token: tokenOf('someone') });
  });
  afterAll(() => http.stop());

  const call = async (method: string, path: string, body?: object) => {
    const answer = await http.call(method, path, body === undefined ? {} : { body: JSON.stringify(body) });
    return { ...answer.body, status: answer.status };
  };
  const idsOf = (page: { users: { phone_number: string }[] }) => page.users.map((user) => user.phone_number);
  const keys = () => keysOf(http.prefix);

  async function connect(userId: string): Promise<void> {
    await http.redis.hset(keys().user(userId), { gateway: 'g-1', epoch: 1, form: 'plain', connected_at: 1_000 });
    await http.redis.sadd(keys().sessions('g-1'), userId);
    await http.redis.zadd(keys().gateways, Date.now() + 60_000, 'g-1');
  }

  it('are added, log in, get a new password and a token, and are removed', async () => {
    expect(await call('POST', '/users', { phone_number: 'new/1', password: 'first' })).toMatchObject({ status: 200 });
    const again = await call('POST', '/users', { phone_number: 'new/1', password: 'x' });
    expect(again).toMatchObject({ status: 409, error: 'user_exists' });
    const logIn = (password: string) => call('POST', '/login', { phone_number: 'new/1', password });
    expect((await logIn('first')).status).toBe(200);
    expect(await call('PUT', '/users/new%2F1/password', { password: 'second' })).toMatchObject({ code: 1 });
    expect([(await logIn('first')).status, (await logIn('second')).status]).toEqual([401, 200]);

    const made = await call('POST', '/users/new%2F1/token', { ttl_s: 0 });
    expect(made).toMatchObject({ status: 200, expires_at: null, token: expect.stringMatching(/^[\w-]+\.[\w-]{43}$/) });
    expect(await call('GET', '/users/new%2F1')).toMatchObject({ token: { expires_at: null } });
    const until = (await call('POST', '/users/new%2F1/token', { ttl_s: 100 })).expires_at * 1000;
    expect(Math.abs(until - Date.now() - 100_000)).toBeLessThan(20_000);
    expect((await http.call('POST', '/logout', { body: '{}', token: made.token })).status).toBe(401);

    await connect('new/1');
    expect(await call('DELETE', '/users/new%2F1')).toMatchObject({ status: 200, code: 1 });
    expect(await call('DELETE', '/users/new%2F1')).toMatchObject({ status: 404, error: 'no_such_user' });
    expect(await http.redis.exists(keys().user('new/1'))).toBe(0);
    expect(await http.redis.zscore(keys().users, 'new/1')).toBeNull();
    expect(await http.redis.sismember(keys().sessions('g-1'), 'new/1')).toBe(0);
    expect(await http.redis.xrange(keys().inbox('g-1'), '-', '+')).toHaveLength(1);
  });

  it('without a password cannot log in, and may get one later', async () => {
    expect(await call('POST', '/users', { phone_number: 'bare' })).toMatchObject({ status: 200 });
    expect(await call('POST', '/users', { phone_number: 'bare' })).toMatchObject({ status: 409 });
    expect(await call('POST', '/login', { phone_number: 'bare', password: 'x' })).toMatchObject({ status: 401 });
    expect(await call('POST', '/users', { phone_number: 'bare', password: 'x' })).toMatchObject({ status: 200 });
    expect(await call('POST', '/login', { phone_number: 'bare', password: 'x' })).toMatchObject({ status: 200 });
  });

  it('are not added again as a plain user when they are operators without a password', async () => {
    await call('POST', '/users', { phone_number: 'bare-op', role: 'operator' });
    const again = await call('POST', '/users', { phone_number: 'bare-op', password: 'x' });
    expect(again).toMatchObject({ status: 409, error: 'user_exists' });
    expect(await http.redis.hmget(keys().user('bare-op'), 'role', 'password')).toEqual(['operator', null]);
  });

  it('with the role of an operator may do as one, and keep their logins when they are given a token', async () => {
    const boss = { phone_number: 'boss', password: 'p' };
    await call('POST', '/users', { ...boss, role: 'operator' });
    const { token } = await call('POST', '/login', boss);
    await call('POST', '/users/boss/token', {});
    expect((await http.call('GET', '/stats', { token })).status).toBe(200);
  });

  it.each([
    ['POST', '/users', {}],
    ['POST', '/users', { phone_number: '' }],
    ['POST', '/users', { phone_number: 'x'.repeat(129) }],
    ['POST', '/users', { phone_number: 'x', password: '' }],
    ['POST', '/users', { phone_number: 'x', role: 'king' }],
    ['POST', '/users', { phone_number: 'x', admin: true }],
    ['PUT', '/users/someone/password', {}],
    ['PUT', '/users/someone/password', { password: 'x'.repeat(1_025) }],
    ['POST', '/users/someone/token', { ttl_s: -1 }],
    ['POST', '/users/someone/token', { ttl: 1 }],
    ['GET', '/users/someone/messages?limit=101', undefined],
    ['GET', '/users/someone/messages?cursor=x', undefined],
    ['GET', '/users?offset=-1', undefined],
    ['GET', '/users?online=maybe', undefined],
  ])('%s %s with %j is refused', async (method, path, body) => {
    expect(await call(method, path, body)).toMatchObject({ status: 400, error: 'invalid' });
  });

  it.each([
    ['DELETE', '/users/ghost', undefined],
    ['PUT', '/users/ghost/password', { password: 'x' }],
    ['POST', '/users/ghost/token', {}],
    ['GET', '/users/ghost/messages', undefined],
    ['DELETE', '/users/ghost/messages', undefined],
  ])('%s %s: 404 for an unknown user', async (method, path, body) => {
    expect(await call(method, path, body)).toMatchObject({ status: 404, error: 'no_such_user' });
    expect(await http.redis.exists(keys().user('ghost'))).toBe(0);
  });

  it('have messages that wait: listed in pages, cleared, and cancelled in their receipts', async () => {
    await http.addUser('away');
    const ids: string[] = [];
    for (let i = 0; i < 30; i += 1) {
      const { body } = await http.send({ command_id: 102, chat_to: 'away', content: `${i}`, receipt: i === 0 });
      ids.push(body.id);
    }
    const first = await call('GET', '/users/away/messages?limit=25');
    expect(first.messages.map(({ id }: { id: string }) => id)).toEqual(ids.slice(0, 25));
    expect(first).toMatchObject({ total: 30, cursor: ids[24] });
    const second = await call('GET', `/users/away/messages?cursor=${first.cursor}`);
    expect(second.messages.map(({ id }: { id: string }) => id)).toEqual(ids.slice(25));
    expect(second.cursor).toBeNull();
    expect(await call('DELETE', '/users/away/messages')).toMatchObject({ status: 200, deleted: 30 });
    expect(await call('DELETE', '/users/away/messages')).toMatchObject({ status: 200, deleted: 0 });
    expect(await call('GET', '/users/away')).toMatchObject({ mailbox: 0, lost: 0 });
    expect(await call('GET', `/commands/${ids[0]}`)).toMatchObject({ recipients: [{ state: 'cancelled' }] });
    expect(await scanKeys(http.redis, `${http.prefix}mailbox*:away`)).toEqual([]);
  });

  it('are removed with their waiting messages, however many, in bounded calls', async () => {
    await http.addUser('hoarder');
    const content = 'x'.repeat(20_000);
    const command = { command_id: 102, chat_to: 'hoarder', content, receipt: true };
    const { body } = await http.send({ commands: Array.from({ length: 45 }, () => command) });
    expect(await call('GET', '/users/hoarder/messages?limit=100')).toMatchObject({ total: 45 });
    await http.redis.zadd(`${http.prefix}repeated`, 5, 'hoarder');
    expect(await call('DELETE', '/users/hoarder')).toMatchObject({ status: 200 });
    const last = await call('GET', `/commands/${body.results[44].id}`);
    expect(last).toMatchObject({ recipients: [{ state: 'cancelled' }] });
    expect(await scanKeys(http.redis, `${http.prefix}*hoarder*`)).toEqual([]);
    expect(await http.redis.zscore(`${http.prefix}repeated`, 'hoarder')).toBeNull();
  });

  it('are listed by their place, with their number', async () => {
    for (const id of ['list-a', 'list-b', 'list-c', 'list-d', 'list-e']) await http.addUser(id);
    const page = await call('GET', '/users?q=list-&offset=1&limit=2');
    expect([idsOf(page), page.cursor, page.total]).toEqual([['list-b', 'list-c'], 'list-c', 5]);
    const rest = await call('GET', `/users?q=list-&cursor=${page.cursor}`);
    expect([idsOf(rest), rest.cursor, rest.total]).toEqual([['list-d', 'list-e'], null, null]);
    const last = await call('GET', '/users?q=list-&offset=3&limit=2');
    expect([idsOf(last), last.cursor]).toEqual([['list-d', 'list-e'], null]);
    expect(await call('GET', '/users?q=list-&offset=9')).toMatchObject({ users: [], cursor: null, total: 5 });
    expect(await call('GET', '/users?q=nobody')).toMatchObject({ users: [], cursor: null, total: 0 });
    const { total } = await call('GET', '/users?limit=1');
    expect(total).toBe(await http.redis.zcard(keys().users));
  });

  it('are found by any part of their ids, in either case, and by presence', async () => {
    for (const id of ['pump%A-1', 'valve-a-2', 'Tank.A-3']) await http.addUser(id);
    expect(idsOf(await call('GET', '/users?contains=A-'))).toEqual(['Tank.A-3', 'pump%A-1', 'valve-a-2']);
    expect(idsOf(await call('GET', '/users?contains=%25a'))).toEqual(['pump%A-1']);
    expect(idsOf(await call('GET', '/users?contains=a-&q=v'))).toEqual(['valve-a-2']);
    await connect('valve-a-2');
    expect(idsOf(await call('GET', '/users?contains=a-&online=true'))).toEqual(['valve-a-2']);
    expect(idsOf(await call('GET', '/users?contains=a-&online=false'))).toEqual(['Tank.A-3', 'pump%A-1']);
    const page = await call('GET', '/users?contains=a-&limit=2');
    expect(page).toMatchObject({ cursor: 'pump%A-1', total: null });
    expect(await call('GET', `/users?contains=a-&limit=2&cursor=${encodeURIComponent(page.cursor)}`)).toMatchObject({
      users: [{ phone_number: 'valve-a-2' }],
      cursor: null,
    });
  });

  it('are found among many in a few calls, each of them bounded', async () => {
    const many = Array.from({ length: 25_000 }, (_, i) => `many-${String(i).padStart(5, '0')}`);
    await http.redis.zadd(keys().users, ...many.flatMap((id) => [0, id]));
    await http.redis.zadd(keys().users, 0, 'many-24999-needle');
    const first = await call('GET', '/users?q=many-&contains=NEEDLE');
    expect(first).toMatchObject({ status: 200, users: [] });
    expect(first.cursor).toBe('many-19999');
    const second = await call('GET', `/users?q=many-&contains=NEEDLE&cursor=${first.cursor}`);
    expect([idsOf(second), second.cursor]).toEqual([['many-24999-needle'], null]);
  });

  it('have an audit record for each add, change, clear and remove', async () => {
    await call('POST', '/users', { phone_number: 'audited' });
    await call('PUT', '/users/audited/password', { password: 'x' });
    await call('POST', '/users/audited/token', {});
    await call('DELETE', '/users/audited/messages');
    await call('DELETE', '/users/audited');
    const { records } = await call('GET', '/audit');
    const audited = records.filter((record: { target: string }) => record.target === 'audited');
    expect(audited.map((record: { kind: string }) => record.kind)).toEqual([
      'user_removed',
      'mailbox_cleared',
      'user_token_made',
      'password_set',
      'user_added',
    ]);
    expect(JSON.stringify(http.logged)).not.toContain('"password"');
  });
});
