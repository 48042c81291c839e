import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { type HttpApi, startHttpApi, stores } from '../kit/http-api.ts';
import { tokenOf } from '../kit/users.ts';

describe.each(stores)('scheduled, keyed and cancelled commands over HTTP, on %s', (store) => {
  let http: HttpApi;
  beforeAll(async () => {
    http = await startHttpApi({ store });
    for (const id of ['ann', 'bob', 'eve']) await http.addUser(id);
    await http.addUser('user', { token: tokenOf('user') });
  });
  afterAll(() => http.stop());

  const inAnHour = () => Math.floor(Date.now() / 1_000) + 3_600;
  const send = async (command: object, headers?: Record<string, string>) => {
    const answer = await http.send({ command_id: 102, chat_to: 'ann', content: 'x', ...command }, headers);
    return { ...answer.body, status: answer.status };
  };
  const state = async (id: string) => (await http.call('GET', `/commands/${id}`)).body.recipients[0].state;
  const cancel = async (path: string, headers?: Record<string, string>) => {
    const { status, body } = await http.call('DELETE', path, headers ? { headers } : {});
    return { ...body, status };
  };

  it('schedules a command, and takes it back', async () => {
    const sent = await send({ not_before: inAnHour(), receipt: true, ttl_s: 60 });
    expect(sent).toMatchObject({ status: 200, recipients: { online: 0, stored: 0, unknown: 0, scheduled: 1 } });
    expect(await state(sent.id)).toBe('scheduled');
    expect(await cancel(`/commands/${sent.id}`)).toMatchObject({ status: 200, cancelled: 1, too_late: 0 });
    expect(await state(sent.id)).toBe('cancelled');
    expect(await cancel(`/commands/${sent.id}`)).toMatchObject({ status: 200, cancelled: 0, too_late: 0 });
    const { body } = await http.call('GET', '/audit');
    expect(body.records.map(({ kind }: { kind: string }) => kind)).toContain('cancel');
  });

  it.each([
    [{ not_before: 1_000_000 }, 400, 'not_before'],
    [{ not_before: Math.floor(Date.now() / 1_000) + 31 * 86_400 }, 400, 'not_before'],
    [{ not_before: 1.5 }, 400, 'not_before'],
    [{ not_before: Math.floor(Date.now() / 1_000) + 60, if_away: 'fail' }, 400, 'if_away'],
    [{ replaces: '' }, 400, 'replaces'],
    [{ replaces: 'x'.repeat(129) }, 400, 'replaces'],
    [{ command_id: 104, chat_to: undefined, replaces: 'x' }, 400, 'replaces'],
  ])('refuses %j', async (command, status, member) => {
    expect(await send(command)).toMatchObject({ status, code: 0, message: expect.stringContaining(member) });
  });

  it('delivers only the newest command of a key to an offline user', async () => {
    const ids = [];
    for (const content of ['1', '2', '3']) ids.push((await send({ chat_to: 'bob', content, replaces: 'level' })).id);
    expect(await Promise.all(ids.map(state))).toEqual(['replaced', 'replaced', 'stored']);
    expect(await http.redis.zcard(keysOf(http.prefix).mailbox('bob'))).toBe(1);
  });

  it('cancels the commands of a call with an Idempotency-Key, a batch too', async () => {
    const headers = { 'idempotency-key': 'k1' };
    const commands = ['ann', 'eve'].map((chat_to) => ({ command_id: 102, chat_to, content: 'x' }));
    await http.send({ commands }, headers);
    expect(await cancel('/commands', headers)).toMatchObject({ status: 200, cancelled: 2, too_late: 0 });
    expect(await http.redis.zcard(keysOf(http.prefix).mailbox('eve'))).toBe(0);
    expect(await cancel('/commands', headers)).toMatchObject({ status: 200, cancelled: 0 });
  });

  it('cancels what a batch sent behind a step that was refused as a whole', async () => {
    const headers = { 'idempotency-key': 'k2' };
    const commands = [
      { command_id: 103, chat_to: { group: 'none' }, content: 'x' },
      { command_id: 102, chat_to: 'eve', content: 'x' },
    ];
    const { body } = await http.send({ commands }, headers);
    expect(body.results).toMatchObject([{ error: 'unknown_group' }, { recipients: { stored: 1 } }]);
    expect(await cancel('/commands', headers)).toMatchObject({ status: 200, cancelled: 1, too_late: 0 });
    expect(await http.redis.zcard(keysOf(http.prefix).mailbox('eve'))).toBe(0);
  });

  it('cancels what a batch sent behind a step that failed', async () => {
    const headers = { 'idempotency-key': 'k3' };
    const group = { command_id: 103, chat_to: { group: 'none' }, content: 'x' };
    const record = `${keysOf(http.prefix).idempotency('op', 'k3')}\n1`;
    await http.redis.rpush(record, 'of another type');
    const { body } = await http.send({ commands: [group, group, { ...group, chat_to: ['eve'] }] }, headers);
    expect(body.results).toMatchObject([
      { error: 'unknown_group' },
      { error: 'internal' },
      { recipients: { stored: 1 } },
    ]);
    await http.redis.del(record);
    expect(await cancel('/commands', headers)).toMatchObject({ status: 200, cancelled: 1 });
  });

  it('distinguishes commands that it cannot cancel from unknown ones', async () => {
    expect(await cancel('/commands/123')).toMatchObject({ status: 404 });
    expect(await cancel('/commands/abc')).toMatchObject({ status: 404 });
    expect(await cancel('/commands')).toMatchObject({ status: 400 });
    expect(await cancel('/commands', { 'idempotency-key': 'never used' })).toMatchObject({ status: 404 });
    const { status } = await http.call('DELETE', '/commands/123', { token: tokenOf('user') });
    expect(status).toBe(403);
  });
});
