import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServiceToken, serviceTokenId } from '../../contract/store/service-tokens.ts';
import { makeToken, userIdOfToken } from '../../contract/store/tokens.ts';
import { type HttpApi, startHttpApi, stores } from '../kit/http-api.ts';
import { tokenOf } from '../kit/users.ts';

describe.each(stores)('service tokens over %s', (store) => {
  let http: HttpApi;
  beforeAll(async () => {
    http = await startHttpApi({ store, env: { AUDIT_MAX: '500' } });
    await http.addUser('ann');
    await http.addUser('bob');
    await http.addUser('user', { token: tokenOf('user') });
  });
  afterAll(() => http.stop());

  const create = async (body: object) => (await http.post('/service-tokens', body)).body;
  const as = (token: string) => ({
    send: (body: unknown) => http.call('POST', '/send-command', { token, body: JSON.stringify(body) }),
    get: (path: string) => http.call('GET', path, { token }),
  });
  const chat = (chat_to: unknown, content = 'x') => ({ command_id: 102, chat_to, content });

  it('are made, listed without their secret, and revoked by operators', async () => {
    const made = await create({ name: 'billing', scopes: ['send'], recipients: ['ann', 'ann'], ttl_s: 60 });
    expect(made).toMatchObject({ code: 1, id: expect.stringMatching(/^[\da-f]{24}$/), expires_at: expect.any(Number) });
    expect(serviceTokenId(made.token)).toBe(made.id);
    const list = await http.call('GET', '/service-tokens');
    const mine = list.body.tokens.find(({ id }: { id: string }) => id === made.id);
    expect(mine).toEqual({
      id: made.id,
      name: 'billing',
      scopes: ['send'],
      recipients: ['ann'],
      created_by: 'op',
      created_at: expect.any(Number),
      expires_at: made.expires_at,
    });
    const atRest = JSON.stringify(await http.redis.hgetall(`${http.prefix}service_token:${made.id}`));
    expect(atRest).toContain('sha256:');
    expect(list.text + atRest + JSON.stringify(http.logged)).not.toContain(made.token.split('.')[1]);
    expect(await http.redis.ttl(`${http.prefix}service_token:${made.id}`)).toBeGreaterThan(50);

    expect((await as(made.token).send(chat('ann'))).status).toBe(200);
    expect((await http.call('DELETE', `/service-tokens/${made.id}`)).status).toBe(200);
    expect((await as(made.token).send(chat('ann'))).status).toBe(401);
    expect((await http.call('DELETE', `/service-tokens/${made.id}`)).status).toBe(404);
    expect((await http.call('DELETE', '/service-tokens/__proto__')).status).toBe(404);
  });

  it('send only to the users of their scope, each command of a batch by itself', async () => {
    const { token } = await create({ name: 'pump', scopes: ['send'], recipients: ['ann'] });
    const service = as(token);
    expect((await service.send(chat('ann'))).body.recipients).toEqual({ online: 0, stored: 1, unknown: 0 });
    for (const body of [chat('bob'), chat(['ann', 'bob']), { command_id: 104, content: 'x' }]) {
      const { status, body: answer } = await service.send(body);
      expect([status, answer]).toEqual([
        403,
        { code: 0, error: 'not_in_scope', message: 'the service token does not allow this' },
      ]);
    }
    const batch = await service.send({ commands: [chat('ann'), chat('bob'), { command_id: 104, content: 'x' }] });
    expect(batch.body.results.map(({ code }: { code: number }) => code)).toEqual([1, 0, 0]);
    for (const path of ['/users', '/users/ann', '/stats', '/commands/1'])
      expect((await service.get(path)).status).toBe(403);
    const [message] = await http.redis.zrange(`${http.prefix}mailbox:ann`, '-1', '-1');
    expect(message).toContain('"chat_from": "service:pump"');
  });

  it('with read scopes alone send nothing and change no user', async () => {
    const { token } = await create({ name: 'dashboard', scopes: ['read'] });
    const service = as(token);
    for (const path of ['/users', '/users/ann', '/stats']) expect((await service.get(path)).status).toBe(200);
    expect((await service.get('/commands/1')).status).toBe(404);
    expect((await service.send(chat('ann'))).status).toBe(403);
    const forOperators: [string, string][] = [
      ['GET', '/service-tokens'],
      ['POST', '/service-tokens'],
      ['DELETE', '/service-tokens/000000000000000000000000'],
      ['GET', '/audit'],
      ['DELETE', '/users/ann/session'],
      ['DELETE', '/users/ann/token'],
      ['GET', '/commands'],
      ['GET', '/dead-letters'],
      ['POST', '/dead-letters/0-0123456789abcdef/retry'],
      ['DELETE', '/dead-letters/0-0123456789abcdef'],
    ];
    for (const [method, path] of forOperators) {
      expect([path, (await http.call(method, path, { token })).status]).toEqual([path, 403]);
      expect((await http.call(method, path, { token: tokenOf('user') })).status).toBe(403);
      expect((await http.call(method, path, { token: null })).status).toBe(401);
    }
    expect((await http.call('POST', '/logout', { token })).status).toBe(401);
  });

  it('that are wrong, expired or of another id are worth nothing', async () => {
    const { token, id } = await create({ name: 'short', scopes: ['read'], ttl_s: 3_600 });
    const other = await create({ name: 'other', scopes: ['read'] });
    const [, secret = ''] = token.split('.');
    const forged = [
      `fts_${other.id}.${secret}`,
      `fts_${'0'.repeat(24)}.${secret}`,
      `${token}x`,
      'fts_',
      makeServiceToken().token,
    ];
    for (const one of forged) expect((await as(one).get('/stats')).status).toBe(401);
    await http.redis.hset(`${http.prefix}service_token:${id}`, 'expires_at', '1');
    expect((await as(token).get('/stats')).status).toBe(401);
  });

  const bad: [string, object, string][] = [
    ['no name', { scopes: ['read'] }, 'name: is missing'],
    ['a name of controls', { name: 'a\u001b[2J', scopes: ['read'] }, 'name: has characters that cannot be printed'],
    ['no scopes', { name: 'x', scopes: [] }, 'scopes: is empty'],
    ['an unknown scope', { name: 'x', scopes: ['admin'] }, 'scopes[0]: is not valid'],
    [
      'recipients without send',
      { name: 'x', scopes: ['read'], recipients: ['a'] },
      'recipients: is only for the scope send',
    ],
    ['nobody', { name: 'x', scopes: ['send'], recipients: [] }, 'recipients: is empty'],
    ['no time at all', { name: 'x', scopes: ['read'], ttl_s: 0 }, 'ttl_s: must be at least 1'],
  ];
  it.each(bad)('are refused with %s', async (_, body, message) => {
    const { status, body: answer } = await http.post('/service-tokens', body);
    expect([status, answer]).toEqual([400, { code: 0, error: 'invalid', message }]);
  });

  it('leave a record of sender, message and recipients: ids, not contents', async () => {
    const { token, id } = await create({ name: 'audited', scopes: ['send'] });
    const sent = await as(token).send(chat(['ann', 'bob'], 'a secret'));
    await http.send({ command_id: 104, content: 'a secret' });
    await http.call('DELETE', '/users/ann/session');
    await http.call('DELETE', `/service-tokens/${id}`);
    const { status, body, text } = await http.call('GET', '/audit?limit=5');
    expect(status).toBe(200);
    expect(text).not.toContain('secret');
    const nothing = { target: null, message_id: null, command_id: null, to: null, recipients: null };
    const record = { id: expect.any(String), at: expect.any(Number), ...nothing };
    expect(body.records).toEqual([
      { ...record, by: 'op', kind: 'token_revoked', target: id },
      { ...record, by: 'op', kind: 'disconnect', target: 'ann' },
      { ...record, by: 'op', kind: 'send', message_id: expect.any(String), command_id: 104 },
      {
        ...record,
        by: 'service:audited',
        kind: 'send',
        message_id: sent.body.id,
        command_id: 102,
        to: ['ann', 'bob'],
        recipients: 2,
      },
      { ...record, by: 'op', kind: 'token_created', target: id },
    ]);
    const next = await http.call('GET', `/audit?limit=2&before=${body.records[1].id}`);
    expect(next.body.records.map((one: { id: string }) => one.id)).toEqual([body.records[2].id, body.records[3].id]);
    for (const wrong of ['x', '0-0']) expect((await http.call('GET', `/audit?before=${wrong}`)).status).toBe(400);
  });

  it('leave a bounded audit', async () => {
    for (let i = 0; i < 15; i += 1) await http.send({ commands: Array.from({ length: 100 }, () => chat('ann')) });
    expect(await http.redis.xlen(`${http.prefix}audit`)).toBeLessThan(800);
  });

  it('a retry with the same Idempotency-Key is not recorded twice', async () => {
    const before = (await http.call('GET', '/audit?limit=1')).body.records[0].id;
    for (let i = 0; i < 3; i += 1) await http.send(chat('ann'), { 'idempotency-key': 'audited once' });
    const { records } = (await http.call('GET', '/audit?limit=2')).body;
    expect([records[0].kind, records[1].id]).toEqual(['send', before]);
  });
});

it('no user has a token that could be taken for one of a service', () => {
  for (const id of ['~', '~\u06ff', 'fts', 'a', '名']) expect(makeToken(id).startsWith('fts_')).toBe(false);
  expect(userIdOfToken(makeServiceToken().token)).toBeUndefined();
});
