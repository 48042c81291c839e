import { expect, test } from 'vitest';
import { chat, entry, gateway } from '../kit/gateway.ts';
import type { Peer } from '../kit/peer.ts';
import { until } from '../kit/until.ts';

const TEXT = 'x'.repeat(50_000);
const ENTRIES = 1_000;

function numbersOf(peer: Peer): number[] {
  return peer.frames
    .map(({ text }) => /"chat_content": "(\d+) /.exec(text)?.[1])
    .filter((number) => number !== undefined)
    .map(Number);
}

const acceptedBy = (sender: Peer): number => sender.frames.filter(({ commandId }) => commandId === 110).length;

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);

test('a reader that never reads while 50 MB are sent costs bounded memory, loses nothing, and harms nobody', {
  timeout: 120_000,
}, async () => {
  const g = await gateway({ MAILBOX_MAX: '2000', MAILBOX_MAX_BYTES: '100000000', SLOW_READER_TIMEOUT_MS: '1500' });
  const frozen = await g.verified('frozen', ['ack']);
  const quick = await g.verified('quick');
  frozen.freeze();
  const before = process.memoryUsage();
  let max = 0;
  for (let from = 0; from < ENTRIES; from += 50) {
    await g.push(...upTo(50).map((i) => entry(`${from + i} ${TEXT}`, ['frozen'])), entry(`${from}`, ['quick']));
    await quick.receives(102, chat('p', `${from}`));
    const { external, arrayBuffers } = process.memoryUsage();
    max = Math.max(max, external + arrayBuffers - before.external - before.arrayBuffers);
  }
  expect(max).toBeLessThan(100_000_000);
  expect(await g.mailbox('frozen')).toHaveLength(ENTRIES);
  await until(
    'it has lost its connection',
    async () => (await g.redis.command('HGET', g.keys.user('frozen'), 'gateway')) === null,
  );
  expect(await g.metric('fronttcp_slow_readers_total')).toBe(1);
  expect(await g.metric('fronttcp_inbox_open_entries')).toBe(0);
  quick.send(2, { chat_to: 'quick', chat_content: 'unharmed' });
  await quick.receives(102, chat('quick', 'unharmed'));

  const back = await g.verified('frozen', ['ack']);
  expect(back.verdict.lost).toBe(0);
  await until('everything is here', () => numbersOf(back).length === ENTRIES, { timeoutMs: 60_000 });
  expect(numbersOf(back)).toEqual(upTo(ENTRIES));
});

test('a plain reader that was too slow gets from its mailbox what the kernel did not take, in order, without a gap', async () => {
  const g = await gateway({
    MAILBOX_MAX: '2000',
    MAILBOX_MAX_BYTES: '100000000',
    SLOW_READER_TIMEOUT_MS: '500',
    OUTBOX_MAX_BYTES: '262144',
  });
  const frozen = await g.verified('u');
  frozen.freeze();
  for (let from = 0; from < 400; from += 50) await g.push(...upTo(50).map((i) => entry(`${from + i} ${TEXT}`, ['u'])));
  await until(
    'it has lost its connection',
    async () => (await g.redis.command('HGET', g.keys.user('u'), 'gateway')) === null,
  );
  await until('the queue is empty', async () => (await g.redis.command('LLEN', g.keys.queue)) === 0);
  await until('nothing is in between', async () => (await g.metric('fronttcp_inbox_open_entries')) === 0);
  frozen.thaw();
  await frozen.ended();
  const had = numbersOf(frozen);
  const back = await g.verified('u');
  await until('the newest is here', () => numbersOf(back).at(-1) === 399, { timeoutMs: 60_000 });
  const got = numbersOf(back);
  expect(had).toEqual(upTo(had.length));
  expect(got[0]).toBeLessThanOrEqual(had.length);
  expect(got).toEqual(upTo(400).slice(got[0]));
});

test.each(['goes on', 'verifies again and goes on'])(
  'a reader that pauses and %s gets everything on the same connection, in order and once',
  async (what) => {
    const g = await gateway({ MAILBOX_MAX: '2000', MAILBOX_MAX_BYTES: '100000000', OUTBOX_MAX_BYTES: '262144' });
    const client = await g.verified('u');
    client.freeze();
    for (let from = 0; from < 400; from += 50)
      await g.push(...upTo(50).map((i) => entry(`${from + i} ${TEXT}`, ['u'])));
    await until('it is served from its mailbox', async () => (await g.mailbox('u')).length > 0);
    expect(await g.metric('fronttcp_behind_total{bound="session"}')).toBeGreaterThan(0);
    if (what !== 'goes on') {
      await until('the queue is empty', async () => (await g.redis.command('LLEN', g.keys.queue)) === 0);
      await until('a page waits for it', async () => (await g.metric('fronttcp_stalled_bytes')) > 200_000);
      client.send(1, { phone_number: 'u', token: 'token of u' });
      await until('it is verified again', async () => (await g.metric('fronttcp_verified_total')) === 2);
    }
    client.thaw();
    await until('the newest is here', () => numbersOf(client).at(-1) === 399, { timeoutMs: 60_000 });
    expect(numbersOf(client)).toEqual(upTo(400));
    await g.push(entry('live again', ['u']));
    await until('it is live again', () => client.frames.at(-1)?.text.includes('live again'));
    expect(client.frames.filter(({ commandId }) => commandId === 102)).toHaveLength(401);
    await until('the mailbox is empty', async () => (await g.mailbox('u')).length === 0);
  },
);

test('a slow reader beside a thousand quick ones delays none of them', { timeout: 120_000 }, async () => {
  const g = await gateway({ OUTBOX_MAX_BYTES: '65536', MAILBOX_MAX_BYTES: '100000000' });
  const frozen = await g.verified('frozen');
  frozen.freeze();
  const quick = await Promise.all(upTo(1_000).map((i) => g.verified(`q${i}`)));
  await g.push(...upTo(200).map((i) => entry(`${i} ${TEXT}`, ['frozen'])));
  await g.push(entry('all', undefined, 104));
  await Promise.all(quick.map((peer) => peer.receives(104, chat('p', 'all'))));
  frozen.thaw();
  await until(
    'the slow one gets all of it',
    () => numbersOf(frozen).length === 200 && frozen.frames.some(({ commandId }) => commandId === 104),
  );
  expect(numbersOf(frozen)).toEqual(upTo(200));
});

test('direct messages of a reader that was too slow return to their place among those through Redis', {
  timeout: 60_000,
}, async () => {
  const g = await gateway({ MAILBOX_MAX: '2000', MAILBOX_MAX_BYTES: '100000000', SLOW_READER_TIMEOUT_MS: '500' });
  const frozen = await g.verified('u');
  const sender = await g.verified('s', ['receipts']);
  frozen.freeze();
  for (let n = 0; n < 200; n += 1) {
    // Asking for a receipt sends a message through Redis; those between may go directly.
    const ref = n % 2 === 1 ? { ref: n } : {};
    sender.send(2, { chat_to: 'u', chat_content: `${n} ${TEXT}`, ...ref });
    if (n % 20 === 19) await until('it is accepted', () => acceptedBy(sender) === (n + 1) / 2);
  }
  await until(
    'it has lost its connection',
    async () => (await g.redis.command('HGET', g.keys.user('u'), 'gateway')) === null,
  );
  await until('nothing is in between', async () => (await g.metric('fronttcp_inbox_open_entries')) === 0);
  frozen.thaw();
  await frozen.ended();
  const had = numbersOf(frozen);
  const back = await g.verified('u');
  await until('the newest is here', () => numbersOf(back).includes(199), { timeoutMs: 30_000 });
  const got = numbersOf(back);
  expect(had).toEqual(upTo(had.length));
  expect(got).toEqual(upTo(200).slice(got[0]));
});
