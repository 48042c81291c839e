import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tokenAtRest } from '../../contract/store/tokens.ts';
import { type HttpApi, startHttpApi, stores } from '../kit/http-api.ts';
import { tokenOf } from '../kit/users.ts';

interface Past {
  id: string;
  from: string;
  to: string[] | null;
  recipients: number | null;
  receipt: { recipients: number; states: Record<string, number> | null } | null;
}

describe.each(stores)('the history of commands over %s', (store) => {
  let http: HttpApi;
  beforeAll(async () => {
    http = await startHttpApi({ store });
    for (const id of ['ann', 'bob', ',', 'q"a']) await http.addUser(id);
    await http.addUser('other', { role: 'operator', token: tokenAtRest(tokenOf('other')) });
  });
  afterAll(() => http.stop());

  const chat = (chat_to: unknown, more = {}) => ({ command_id: 102, chat_to, content: 'a secret', ...more });
  const history = async (query = ''): Promise<{ commands: Past[]; cursor: string | null }> =>
    (await http.call('GET', `/commands${query}`)).body;
  const by = (token: string, body: unknown) =>
    http.call('POST', '/send-command', { token, body: JSON.stringify(body) });

  it('has sent commands, with receipts and without contents, the newest first', async () => {
    const plain = await http.send(chat('ann'));
    await http.call('DELETE', '/users/ann/session');
    const received = await http.send({ ...chat(['ann', 'bob', 'ghost'], { receipt: true }), command_id: 103 });
    const everyone = await http.send({ command_id: 104, content: 'a secret' });
    const { body, text } = await http.call('GET', '/commands');
    expect(text).not.toContain('secret');
    const common = { from: 'op', accepted_at: expect.any(Number) };
    expect(body.commands).toEqual([
      { ...common, id: everyone.body.id, command_id: 104, to: null, recipients: null, receipt: null },
      {
        ...common,
        id: received.body.id,
        command_id: 103,
        to: ['ann', 'bob', 'ghost'],
        recipients: 3,
        receipt: { recipients: 3, states: { stored: 2, failed: 1 } },
      },
      { ...common, id: plain.body.id, command_id: 102, to: ['ann'], recipients: 1, receipt: null },
    ]);
    expect(body.cursor).toBeNull();
  });

  it('has a scheduled broadcast, which is for everyone, also as older versions recorded it', async () => {
    const later = await http.send({
      command_id: 104,
      content: 'x',
      not_before: Math.floor(Date.now() / 1_000) + 3_600,
    });
    const [recorded] = await http.redis.xrevrange(`${http.prefix}audit`, '+', '-', 'COUNT', 1);
    expect(recorded?.[1]).not.toContain('to');
    const older = ['by', 'op', 'kind', 'send', 'message', '7', 'command', 104, 'recipients', 0, 'to', '{}'];
    const record = (await http.redis.xadd(`${http.prefix}audit`, '*', 'at', 1, ...older)) ?? '';
    const { commands } = await history('?limit=2');
    const { body, status } = await http.call('GET', '/audit?limit=2');
    expect([status, body.records.map((one: { message_id: string }) => one.message_id)]).toEqual([
      200,
      ['7', later.body.id],
    ]);
    for (const one of [...commands, ...body.records]) expect(one).toMatchObject({ to: null, recipients: null });
    expect(commands.map(({ id }) => id)).toEqual(['7', later.body.id]);
    await http.redis.xdel(`${http.prefix}audit`, record);
  });

  it('counts each recipient in its most advanced state', async () => {
    const { id } = (await http.send(chat(['ann', 'bob'], { receipt: true }))).body;
    await http.redis.hset(
      `${http.prefix}receipt:${id}`,
      'u:ann',
      'acknowledged 3 written 4 stored 5',
      'u:bob',
      'stored 1 expired 2:expired',
    );
    const [latest] = (await history('?limit=1')).commands;
    expect(latest?.receipt).toEqual({ recipients: 2, states: { acknowledged: 1, expired: 1 } });
  });

  it('sums up no receipt that has too many recipients', async () => {
    const { id } = (await http.send(chat('ann', { receipt: true }))).body;
    const fields = Array.from({ length: 5_000 }, (_, i) => [`u:r${i}`, 'written 1']).flat();
    await http.redis.hset(`${http.prefix}receipt:${id}`, ...fields);
    const [latest] = (await history('?limit=1')).commands;
    expect(latest?.receipt).toEqual({ recipients: 5_001, states: null });
  });

  it.each([
    ['that is too large', 5_000, [null, { stored: 2 }, { stored: 1 }]],
    ['that is read in a call of its own', 4_992, [{ written: 4_992, stored: 1 }, { stored: 2 }, { stored: 1 }]],
  ])('counts the recipients of all receipts behind one %s', async (_, size, states) => {
    await http.send(chat(['ann', 'bob'], { receipt: true, replaces: 'level' }));
    const asked = (await http.send(chat('ann', { receipt: true }))).body;
    const reply = ['m:wait', 'reply', 'm:waiter', 'f', 'r:ann', '1'];
    await http.redis.hset(`${http.prefix}receipt:${asked.id}`, ...reply);
    const large = (await http.send(chat('ann', { receipt: true }))).body;
    const fields = Array.from({ length: size }, (__, i) => [`u:r${i}`, 'written 1']).flat();
    await http.redis.hset(`${http.prefix}receipt:${large.id}`, ...fields);
    const { commands } = await history('?limit=3');
    expect(commands.map(({ receipt }) => receipt?.recipients)).toEqual([size + 1, 1, 2]);
    expect(commands.map(({ receipt }) => receipt?.states)).toEqual([states[0], states[2], states[1]]);
  });

  it('returns a receipt with very many recipients in bounded pages, and one with few as a whole', async () => {
    const { id } = (
      await http.send(
        chat(
          Array.from({ length: 1_000 }, (_, i) => `m${i}`),
          { receipt: true },
        ),
      )
    ).body;
    const whole = (await http.call('GET', `/commands/${id}?cursor=0`)).body;
    expect([whole.recipients.length, 'cursor' in whole]).toEqual([1_000, false]);

    for (let from = 0; from < 20_000; from += 5_000) {
      const fields = Array.from({ length: 5_000 }, (_, i) => [`u:r${from + i}`, 'written 1']).flat();
      await http.redis.hset(`${http.prefix}receipt:${id}`, ...fields);
    }
    const found = new Set<string>();
    let cursor: string | null = '0';
    do {
      const { body } = await http.call('GET', `/commands/${id}?cursor=${cursor}`);
      expect(body.recipients.length).toBeLessThan(2_000);
      for (const { phone_number } of body.recipients) found.add(phone_number);
      cursor = body.cursor;
    } while (cursor !== null);
    expect(found.size).toBe(21_000);
    const status = async (from: string) => (await http.call('GET', `/commands/${id}?cursor=${from}`)).status;
    expect(await status('18446744073709551615')).toBe(200);
    for (const tooLarge of ['18446744073709551616', '9'.repeat(20)]) expect(await status(tooLarge)).toBe(400);
  });

  it('is of one sender, or to one user, when asked for', async () => {
    await by(tokenOf('other'), chat('bob'));
    await http.send(chat([',', 'q"a', 'bob']));
    expect(new Set((await history('?from=other')).commands.map(({ from }) => from))).toEqual(new Set(['other']));
    for (const [to, not] of [
      ['bob', 'ann'],
      [',', 'ann'],
      ['q"a', 'ann'],
    ] as const) {
      const { commands } = await history(`?to=${encodeURIComponent(to)}`);
      expect(commands.length).toBeGreaterThan(0);
      for (const one of commands) expect(one.to).toContain(to);
      expect((await history(`?to=${not}&from=other`)).commands).toEqual([]);
    }
    expect(await history('?to=a')).toMatchObject({ commands: [], cursor: null });
    expect((await history('?from=nobody')).commands).toEqual([]);
  });

  it('is paged without a gap, records of other kinds between them or not', async () => {
    for (let i = 0; i < 3; i += 1) {
      await http.send({ commands: Array.from({ length: 100 }, () => chat('ann')) });
      await http.call('DELETE', '/users/ann/session');
    }
    const all: string[] = [];
    let query = '?limit=60';
    for (let pages = 0; query !== '' && pages < 20; pages += 1) {
      const { commands, cursor } = await history(query);
      all.push(...commands.map(({ id }) => id));
      query = cursor === null ? '' : `?limit=60&before=${cursor}`;
    }
    expect(all.length).toBeGreaterThanOrEqual(307);
    expect(new Set(all).size).toBe(all.length);
    expect(all).toEqual(all.toSorted((a, b) => Number(b) - Number(a)));
  });

  it('continues behind a page without a match among all records that it may look through, in bounded calls', async () => {
    const { prefix, redis } = http;
    const others = JSON.stringify(Array.from({ length: 100 }, (_, i) => `a-rather-long-user-id-${i}`));
    const add = `for i = 1, 2500 do
      redis.call('XADD', KEYS[1], '*', 'at', 1, 'by', 'op', 'kind', 'send', 'message', i, 'recipients', 100, 'to', ARGV[1])
    end`;
    await redis.eval(add, 1, `${prefix}audit`, others);
    const first = await history('?limit=10&to=ann');
    expect([first.commands.length, typeof first.cursor]).toEqual([0, 'string']);
    const next = await history(`?limit=10&to=ann&before=${first.cursor}`);
    expect(next.commands).toHaveLength(10);
  });

  it.each([
    'limit=0',
    'limit=101',
    'limit=x',
    'before=x',
    'before=0-0',
    `from=${'x'.repeat(129)}`,
    `to=${'x'.repeat(129)}`,
  ])('is refused with %s', async (query) => {
    expect((await http.call('GET', `/commands?${query}`)).status).toBe(400);
  });

  it('has nothing that was withdrawn, on whichever page the two records are', async () => {
    const { id } = (await http.send(chat('ann'))).body;
    // As the script that withdraws writes it.
    const fields = ['at', Date.now(), 'by', 'op', 'kind', 'withdraw', 'message', id];
    const withdrawal = await http.redis.xadd(`${http.prefix}audit`, '*', ...fields);
    const ids = async (query: string) => (await history(query)).commands.map((one) => one.id);
    expect(await ids('?limit=1')).not.toContain(id);
    expect(await ids(`?limit=1&before=${withdrawal}`)).not.toContain(id);
    expect((await http.call('GET', '/audit?limit=2')).body.records[1].message_id).toBe(id);
  });

  it('is empty where no audit is kept', async () => {
    const silent = await startHttpApi({ store, env: { AUDIT_MAX: '0' } });
    await silent.send(chat('op'));
    expect((await silent.call('GET', '/commands')).body).toMatchObject({ commands: [], cursor: null });
    await silent.stop();
  });
});
