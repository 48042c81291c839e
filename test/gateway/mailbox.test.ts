import { describe, expect, test } from 'vitest';
import { readReceipt } from '../../contract/store/scripts/receipts.ts';
import { sentAtMs } from '../../contract/wire/message.ts';
import { chat, entry, gateway } from '../kit/gateway.ts';
import { until } from '../kit/until.ts';

interface WithId {
  id: string;
  sent_at: number;
  chat_content: string;
}

const numbers = (n: number, from = 0) => Array.from({ length: n }, (_, i) => `${from + i}`);

describe('a plain client', () => {
  test('gets stored messages after 101 and before anything newer, in order, in the plain form', async () => {
    const g = await gateway();
    await g.users('u');
    await g.push(...numbers(300).map((text) => entry(text, ['u'])));
    await until('all are stored', async () => (await g.mailbox('u')).length === 300);
    const client = await g.peer();
    client.send(1, { phone_number: 'u', token: 'token of u' });
    await g.push(...numbers(50, 300).map((text) => entry(text, ['u'])));
    await client.receives(101, '{"code": 1}');
    for (const text of numbers(350)) await client.receives(102, `{"chat_from": "p", "chat_content": "${text}"}`, 1_100);
    await until('the mailbox is empty', async () => (await g.mailbox('u')).length === 0);
    await client.leave();
    const again = await g.verified('u');
    again.send(2, { chat_to: 'u', chat_content: 'nothing twice' });
    await again.receives(102, chat('u', 'nothing twice'));
  });

  test('is not sent application messages: they wait in the mailbox for a client that knows them', async () => {
    const g = await gateway();
    const plain = await g.verified('u');
    await g.route({ commandId: 2_000, body: '{"reboot": true}', to: ['u'] });
    await g.route({ to: ['u'] });
    await g.route({ commandId: 2_999, body: '{}', to: ['u'] });
    await plain.receives(102, chat('operator', 'hello'));
    plain.send(2, { chat_to: 'u', chat_content: 'next' });
    await plain.receives(102, chat('u', 'next'));
    const again = await g.verified('u');
    again.send(2, { chat_to: 'u', chat_content: 'still waiting' });
    await again.receives(102, chat('u', 'still waiting'));
    const knows = await g.verified('u', []);
    await knows.receives(2_000, '{"reboot": true}', 1_100);
    await knows.receives(2_999, '{}', 1_100);
    await until('the mailbox is empty', async () => (await g.mailbox('u')).length === 0);
  });

  test('gets a chat that waited with the version that its sender wrote', async () => {
    const g = await gateway();
    await g.users('away');
    const from = await g.verified('from');
    from.send(2, { chat_to: 'away', chat_content: 'x' }, 77);
    from.send(3, { chat_to: ['away'], chat_content: 'y' }, 78);
    await until('both are stored', async () => (await g.mailbox('away')).length === 2);
    const away = await g.verified('away');
    await away.receives(102, chat('from', 'x'), 77);
    await away.receives(103, chat('from', 'y'), 78);
  });
});

describe('an ack client', () => {
  test('gets id and sent_at beside the members, of chats, broadcasts and application messages', async () => {
    const g = await gateway();
    const client = await g.verified('u', ['ack']);
    const before = Date.now();
    await g.push(entry('queued', ['u']));
    const { body } = await client.receives(102);
    const { id, sent_at } = body as WithId;
    expect(body).toEqual({ ...chat('p', 'queued'), id, sent_at });
    expect(id).toMatch(/^\d+$/);
    expect(sent_at).toBe(sentAtMs(id));
    expect(Math.abs(sent_at - before)).toBeLessThan(60_000);
    await g.push(entry('all', undefined, 104));
    await client.receives(104, { ...chat('p', 'all'), id: expect.any(String), sent_at: expect.any(Number) });
    client.send(4, { chat_content: 'mine' });
    await client.receives(104, { ...chat('u', 'mine'), id: expect.any(String), sent_at: expect.any(Number) });
    client.send(2, { chat_to: 'u', chat_content: 'self' });
    await client.receives(102, { ...chat('u', 'self'), id: expect.any(String), sent_at: expect.any(Number) });
    await g.route({ commandId: 2_001, body: '{}', to: ['u'] });
    await client.receives(2_001, { id: expect.any(String), sent_at: expect.any(Number) });
    await g.route({ commandId: 2_001, body: '{"a": {"b": 1}}', to: ['u'] });
    await client.receives(2_001, { a: { b: 1 }, id: expect.any(String), sent_at: expect.any(Number) });
  });

  test('gets each message once that comes during its replay, though it is in both the mailbox and the inbox', async () => {
    const g = await gateway();
    await g.users('u');
    await g.push(...numbers(300).map((text) => entry(text, ['u'])));
    await until('all are stored', async () => (await g.mailbox('u')).length === 300);
    const client = await g.peer();
    client.send(1, { phone_number: 'u', token: 'token of u', features: ['ack'] });
    await client.receives(101);
    for (const text of numbers(100, 300)) await g.push(entry(text, ['u']));
    for (const text of numbers(400)) await client.receives(102, expect.objectContaining({ chat_content: text }));
    client.send(2, { chat_to: 'u', chat_content: 'the last' });
    await client.receives(102, expect.objectContaining({ chat_content: 'the last' }));
  });

  test('is sent again what it did not acknowledge, with the same ids, in order, before anything newer', async () => {
    const g = await gateway();
    const first = await g.verified('u', ['ack']);
    await g.push(...numbers(10).map((text) => entry(text, ['u'])));
    const ids: string[] = [];
    for (const text of numbers(10)) ids.push(((await first.receives(102)).body as WithId & typeof text).id);
    expect(ids.map(Number)).toEqual([...ids.map(Number)].sort((a, b) => a - b));
    first.send(6, { ids: [ids[0], ids[3], ids[9]] });
    await until('three are acknowledged', async () => (await g.mailbox('u')).length === 7);
    await first.leave();
    await g.push(entry('newer', ['u']));
    await until('eight wait', async () => (await g.mailbox('u')).length === 8);
    const second = await g.verified('u', ['ack']);
    expect(second.verdict.lost).toBe(0);
    for (const i of [1, 2, 4, 5, 6, 7, 8]) {
      await second.receives(102, expect.objectContaining({ id: ids[i], chat_content: `${i}` }));
    }
    await second.receives(102, expect.objectContaining({ chat_content: 'newer' }));
  });

  test('unacknowledged messages go in the plain form to a plain client, once', async () => {
    const g = await gateway();
    const first = await g.verified('u', ['ack']);
    await g.push(entry('x', ['u']));
    await first.receives(102);
    const plain = await g.verified('u');
    await plain.receives(102, '{"chat_from": "p", "chat_content": "x"}');
    await until('the mailbox is empty', async () => (await g.mailbox('u')).length === 0);
    const ack = await g.verified('u', ['ack']);
    await g.push(entry('next', ['u']));
    await ack.receives(102, expect.objectContaining({ chat_content: 'next' }));
  });

  test('acknowledgements of unknown ids, twice, of others, or none at all do no harm', async () => {
    const g = await gateway();
    const client = await g.verified('u', ['ack', 'errors']);
    await g.push(entry('x', ['u']));
    const { id } = (await client.receives(102)).body as WithId;
    const other = await g.verified('other', ['ack', 'errors']);
    other.send(6, { ids: [id] });
    other.send(6, { ids: [] });
    other.send(6, { ids: ['0', '1', '9007199254740991', id, id] });
    other.send(2, { chat_to: 'other', chat_content: 'after' });
    await other.receives(102, expect.objectContaining({ chat_content: 'after' }));
    expect(await g.mailbox('u')).toHaveLength(1);
    client.send(6, { ids: [id] });
    client.send(6, { ids: [id] });
    await until('it is gone', async () => (await g.mailbox('u')).length === 0);
    client.send(2, { chat_to: 'u', chat_content: 'still here' });
    await client.receives(102, expect.objectContaining({ chat_content: 'still here' }));
  });

  test('cannot write into the receipt of a message that was not for it', async () => {
    const g = await gateway();
    const client = await g.verified('u', ['ack']);
    const stranger = await g.verified('stranger', ['ack']);
    const { answers } = await g.route({ to: ['u'], receipt: true });
    const id = answers[0]?.id ?? '';
    await client.receives(102);
    stranger.send(6, { ids: [id] });
    stranger.send(2, { chat_to: 'stranger', chat_content: 'after' });
    await stranger.receives(102);
    client.send(6, { ids: [id] });
    const receipt = await until('it is acknowledged', async () => {
      const found = await readReceipt(g.redis, g.keys, id);
      return found?.recipients.some(({ state }) => state === 'acknowledged') ? found : undefined;
    });
    expect(receipt.recipients.map(({ userId, state }) => [userId, state])).toEqual([['u', 'acknowledged']]);
  });
});

describe('lost', () => {
  test('counts messages that the bound pushed out, oldest first, and reports them once', async () => {
    const g = await gateway({ MAILBOX_MAX: '5' });
    await g.users('u');
    await g.push(...numbers(12).map((text) => entry(text, ['u'])));
    await until(
      'the bound holds',
      async () => (await g.redis.command('LLEN', g.keys.queue)) === 0 && (await g.mailbox('u')).length === 5,
    );
    const first = await g.verified('u', ['ack']);
    expect(first.verdict.lost).toBe(7);
    for (const text of numbers(5, 7)) await first.receives(102, expect.objectContaining({ chat_content: text }));
    const second = await g.verified('u', ['ack']);
    expect(second.verdict.lost).toBe(0);
  });

  test('counts messages that got too old, or whose own TTL ran out', async () => {
    const g = await gateway({ OFFLINE_TTL_S: '3600' });
    await g.users('u');
    await g.route({ to: ['u'] });
    await g.route({ to: ['u'], ttlSeconds: 1 });
    await g.route({ to: ['u'], body: JSON.stringify(chat('operator', 'fresh')) });
    // The oldest is moved past the age that a mailbox keeps.
    const [oldest] = await g.mailbox('u');
    const longAgo = String((Date.now() - 3_700_000) * 1_024);
    await g.redis.command('ZREM', g.keys.mailbox('u'), String(oldest));
    await g.redis.command('ZADD', g.keys.mailbox('u'), longAgo, String(oldest).replace(/^\["\d+"/, `["${longAgo}"`));
    const time = async () => Number(((await g.redis.command('TIME')) as string[])[0]);
    const sent = await time();
    await until('the ttl is over', async () => (await time()) >= sent + 2);
    const client = await g.verified('u', ['ack']);
    expect(client.verdict.lost).toBe(2);
    await client.receives(102, expect.objectContaining({ chat_content: 'fresh' }));
    await until('nothing else waits', async () => (await g.mailbox('u')).length === 1);
  });

  test('is not forgotten over a plain connection in between', async () => {
    const g = await gateway({ MAILBOX_MAX: '1' });
    await g.users('u');
    await g.push(entry('1', ['u']), entry('2', ['u']));
    await until('one is lost', async () => (await g.redis.command('HGET', g.keys.user('u'), 'lost')) === '1');
    const plain = await g.verified('u');
    await plain.receives(102, chat('p', '2'));
    await plain.leave();
    expect((await g.verified('u', ['ack'])).verdict.lost).toBe(1);
  });
});

test('OFFLINE_TTL_S of 0: messages for offline users are dropped, connected users get everything', async () => {
  const g = await gateway({ OFFLINE_TTL_S: '0' });
  await g.users('away');
  const here = await g.verified('here', ['ack', 'receipts']);
  here.send(2, { chat_to: 'away', chat_content: 'dropped', ref: 1 });
  await here.receives(110, expect.objectContaining({ ref: 1 }));
  await g.push(entry('for both', ['away', 'here']));
  await here.receives(102, expect.objectContaining({ chat_content: 'for both' }));
  expect(await g.mailbox('away')).toEqual([]);
  const away = await g.verified('away');
  away.send(2, { chat_to: 'away', chat_content: 'first' });
  await away.receives(102, chat('away', 'first'));
});
