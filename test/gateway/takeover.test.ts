import { describe, expect, test } from 'vitest';
import { chat, entry, gateway, type TestGateway } from '../kit/gateway.ts';
import { frameBytes } from '../kit/peer.ts';
import { until } from '../kit/until.ts';

/** `connected 1`, `disconnected 1`, `connected 2` …: sessions are numbered in the order in which they appear. */
async function events({ redis, keys }: TestGateway, userId: string): Promise<string[]> {
  const entries = (await redis.command('XRANGE', keys.events, '-', '+')) as [string, string[]][];
  const epochs: unknown[] = [];
  const numberOf = (epoch: unknown): number =>
    epochs.includes(epoch) ? epochs.indexOf(epoch) + 1 : epochs.push(epoch);
  return entries
    .map(([, f]) => ({ type: f[1], user: f[3], epoch: f[5] }))
    .filter(({ user }) => user === userId)
    .map(({ type, epoch }) => `${type} ${numberOf(epoch)}`);
}

async function holder({ redis, keys }: TestGateway, userId: string): Promise<unknown> {
  return redis.command('HGET', keys.user(userId), 'gateway');
}

describe('a newer connection of the same user', () => {
  test('closes the older one without a frame, and gets the messages', async () => {
    const g = await gateway();
    const older = await g.verified('u');
    const newer = await g.verified('u');
    await older.isClosedSilently();
    await g.push(entry('for the newer', ['u']));
    await newer.receives(102, chat('p', 'for the newer'));
    newer.send(2, { chat_to: 'u', chat_content: 'mine' });
    await newer.receives(102, chat('u', 'mine'));
    expect(await events(g, 'u')).toEqual(['connected 1', 'disconnected 1', 'connected 2']);
  });

  test('is not evicted by the late clean-up of the older one', async () => {
    const g = await gateway();
    const older = await g.verified('u');
    const newer = await g.verified('u');
    // The older socket goes only now, long after it was taken over.
    older.socket.destroy();
    await older.ended();
    const once = await g.verified('once');
    await once.leave();
    await until('the gateway has cleaned up', async () => (await holder(g, 'once')) === null);
    expect(await holder(g, 'u')).toBe(g.running.id);
    await g.push(entry('still here', ['u']));
    await newer.receives(102, chat('p', 'still here'));
    expect(await g.redis.command('SISMEMBER', g.keys.sessions(g.running.id), 'u')).toBe(1);
  });

  test('many at once: one remains, and every session has its two events', async () => {
    const g = await gateway();
    await g.users('u');
    const peers = await Promise.all(Array.from({ length: 20 }, () => g.peer()));
    for (const peer of peers) peer.sendBytes(frameBytes(1, { phone_number: 'u', token: 'token of u' }));
    await until('nineteen are closed', () => peers.filter(({ isClosed }) => isClosed).length === 19);
    const last = peers.find(({ isClosed }) => !isClosed);
    await g.push(entry('for the last', ['u']));
    await last?.receives(101, { code: 1 });
    await last?.receives(102, chat('p', 'for the last'));
    const happened = await events(g, 'u');
    expect(happened.filter((text) => text.startsWith('connected'))).toHaveLength(20);
    expect(happened.filter((text) => text.startsWith('disconnected'))).toHaveLength(19);
  });

  test('gets what the older one had not read, in order and without a gap', async () => {
    const g = await gateway({ OUTBOX_MAX_BYTES: '65536', MAILBOX_MAX_BYTES: '100000000' });
    const older = await g.verified('u');
    older.freeze();
    const text = 'x'.repeat(30_000);
    const all = Array.from({ length: 400 }, (_, i) => `${i} ${text}`);
    for (let from = 0; from < all.length; from += 50) {
      await g.push(...all.slice(from, from + 50).map((content) => entry(content, ['u'])));
    }
    await until('the queue is drained', async () => (await g.redis.command('LLEN', g.keys.queue)) === 0);
    await until('nothing is left in the inbox that waits for nobody', async () => (await g.mailbox('u')).length > 0);
    const newer = await g.verified('u');
    await until('the newest is here', () => newer.frames.at(-1)?.text.includes('"399 x'));
    const numbers = newer.frames.slice(1).map(({ text }) => Number(/"chat_content": "(\d+) /.exec(text)?.[1]));
    older.thaw();
    await older.ended();
    const had = older.frames.slice(1).map(({ text }) => Number(/"chat_content": "(\d+) /.exec(text)?.[1]));
    expect(had).toEqual(had.map((_, i) => i));
    const first = numbers[0] ?? 0;
    expect(first).toBeLessThanOrEqual(had.length);
    expect(numbers).toEqual(Array.from({ length: 400 - first }, (_, i) => first + i));
    await until('all is delivered', async () => (await g.mailbox('u')).length === 0);
  });
});

test('a socket that closes while its token is being checked leaves no session behind', async () => {
  const g = await gateway();
  await g.users('gone');
  const clients = await Promise.all(Array.from({ length: 20 }, () => g.peer()));
  for (const client of clients) {
    client.sendBytes(frameBytes(1, { phone_number: 'gone', token: 'token of gone' }));
    client.socket.resetAndDestroy();
  }
  const witness = await g.verified('witness');
  await until('nobody is connected but the witness', async () => (await g.metric('fronttcp_connections')) === 1);
  await until('no session is left', async () => (await holder(g, 'gone')) === null);
  expect(await g.metric('fronttcp_sessions')).toBe(1);
  expect(await g.redis.command('SMEMBERS', g.keys.sessions(g.running.id))).toEqual(['witness']);
  await g.push(entry('stored', ['gone']));
  witness.send(2, { chat_to: 'gone', chat_content: 'too' });
  await until('both are stored', async () => (await g.mailbox('gone')).length === 2);
});

test('messages of a user whose slow connection verifies as another user do not reach that other user', async () => {
  const g = await gateway({ OUTBOX_MAX_BYTES: '67108864', SLOW_READER_TIMEOUT_MS: '5000' });
  await g.users('b');
  const client = await g.verified('a');
  client.freeze();
  const text = 'x'.repeat(60_000);
  await g.push(...Array.from({ length: 200 }, (_, i) => entry(`${i} ${text}`, ['a'])));
  await until('the rest is in the outbox', async () => (await g.metric('fronttcp_stalled_bytes')) > 0);
  client.send(1, { phone_number: 'b', token: 'token of b' });
  await until('b had the connection, and was too slow a reader', async () => (await events(g, 'b')).length === 2);
  expect(await events(g, 'b')).toEqual(['connected 1', 'disconnected 1']);
  expect(await g.mailbox('b')).toEqual([]);
  const back = await g.verified('a');
  await until('a gets its newest', () => back.frames.at(-1)?.text.includes('"199 x'));
});

test('a handed-over session of an ack client is served its mailbox once, not once more for the hand-over', async () => {
  const g = await gateway();
  const older = await g.verified('u', ['ack']);
  await g.push(...Array.from({ length: 10 }, (_, i) => entry(`${i}`, ['u'])));
  for (let i = 0; i < 10; i += 1) await older.receives(102);
  const newer = await g.verified('u', ['ack']);
  for (let i = 0; i < 10; i += 1) expect((await newer.receives(102)).body).toMatchObject({ chat_content: `${i}` });
  await older.ended();
  await g.push(entry('next', ['u']));
  expect((await newer.receives(102)).body).toMatchObject({ chat_content: 'next' });
});
