import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { type HttpApi, startHttpApi, stores } from '../kit/http-api.ts';
import { tokenOf } from '../kit/users.ts';

describe.each(stores)('groups over HTTP, on %s', (store) => {
  let http: HttpApi;
  beforeAll(async () => {
    http = await startHttpApi({ store });
    for (const id of ['ann', 'bob']) await http.addUser(id);
    await http.addUser('user', { token: tokenOf('user') });
  });
  afterAll(() => http.stop());

  const call = async (method: string, path: string, body?: object) => {
    const answer = await http.call(method, path, body === undefined ? {} : { body: JSON.stringify(body) });
    return { ...answer.body, status: answer.status };
  };
  const put = (name: string, change: object) => call('PUT', `/groups/${name}/members`, change);

  it('are made, listed, sent to, changed and deleted', async () => {
    expect(await put('pumps:north', { add: ['ann', 'bob', 'ghost'] })).toMatchObject({ status: 200, members: 3 });
    expect(await call('GET', '/groups')).toMatchObject({ groups: ['pumps:north'], cursor: null });
    const page = await call('GET', '/groups/pumps:north/members?limit=2');
    expect(page).toMatchObject({ group: 'pumps:north', size: 3, members: ['ann', 'bob'] });
    const next = await call('GET', `/groups/pumps:north/members?cursor=${page.cursor}`);
    expect(next).toMatchObject({ members: ['ghost'], cursor: null });

    const command = { command_id: 103, chat_to: { group: 'pumps:north' }, content: 'to all', receipt: true };
    const sent = await http.send(command);
    expect([sent.status, sent.body.recipients]).toEqual([200, { members: 3 }]);
    expect(await http.redis.zcard(keysOf(http.prefix).mailbox('bob'))).toBe(1);
    const receipt = await call('GET', `/commands/${sent.body.id}`);
    expect(receipt).toMatchObject({ group: 'pumps:north', members: 3, states: { stored: 2, failed: 1 }, cursor: null });
    expect(receipt.recipients).toHaveLength(3);

    expect(await put('pumps:north', { remove: ['ann', 'bob'], add: ['bob'] })).toMatchObject({ members: 1 });
    expect(await call('DELETE', '/groups/pumps:north')).toMatchObject({ status: 200, code: 1 });
    expect(await call('DELETE', '/groups/pumps:north')).toMatchObject({ status: 404, error: 'unknown_group' });
    expect(await call('GET', '/groups/pumps:north/members')).toMatchObject({ status: 404, error: 'unknown_group' });
    expect((await http.send(command)).body).toMatchObject({ code: 0, error: 'unknown_group' });
  });

  it('may be in a batch, each with its own result', async () => {
    await put('batch', { add: ['ann'] });
    const commands = ['batch', 'none'].map((group) => ({ command_id: 2000, chat_to: { group }, content: {} }));
    const { body } = await http.send({ commands });
    expect(body.results).toMatchObject([
      { code: 1, recipients: { members: 1 } },
      { code: 0, error: 'unknown_group' },
    ]);
  });

  it.each([
    ['a name that is none', 'a b', { add: ['ann'] }, 400, 'bad_group_name'],
    ['a name that is too long', 'x'.repeat(129), { add: ['ann'] }, 400, 'bad_group_name'],
    ['nobody', 'g', {}, 400, 'invalid'],
    ['empty lists', 'g', { add: [], remove: [] }, 400, 'invalid'],
    ['more than a thousand', 'g', { add: Array.from({ length: 1_001 }, (_, n) => `${n}`) }, 400, 'invalid'],
    ['an empty id', 'g', { add: [''] }, 400, 'invalid'],
    ['an unknown member', 'g', { add: ['ann'], members: [] }, 400, 'invalid'],
  ])('refuses %s', async (_, name, change, status, error) => {
    expect(await put(encodeURIComponent(name), change)).toMatchObject({ status, code: 0, error });
  });

  it('refuses a group where it does not belong', async () => {
    await put('here', { add: ['ann'] });
    const send = async (more: object) =>
      (await http.send({ command_id: 103, chat_to: { group: 'here' }, content: 'x', ...more })).status;
    expect(await send({ command_id: 102 })).toBe(400);
    expect(await send({ command_id: 104 })).toBe(400);
    expect(await send({ wait: 'written' })).toBe(400);
    expect(await send({ if_away: 'fail' })).toBe(400);
    expect(await send({ chat_to: { group: 'a b' } })).toBe(400);
    const { status } = await http.call('GET', '/groups', { token: tokenOf('user') });
    expect(status).toBe(403);
  });
});
