import { describe, expect, onTestFinished, test } from 'vitest';
import { chat, entry, gateway, type TestGateway } from '../kit/gateway.ts';
import { startTestRedis } from '../kit/redis.ts';
import { until } from '../kit/until.ts';

interface DeadLetter {
  entry: string;
  reason: string;
  encoding?: string;
  chat_to?: string[];
  at: number;
}

async function deadLetters({ redis, keys }: TestGateway): Promise<DeadLetter[]> {
  const letters = (await redis.command('LRANGE', keys.queueDead, 0, -1)) as string[];
  return letters.map((letter) => JSON.parse(letter) as DeadLetter);
}

test('1,000 entries to one user arrive complete and in order', async () => {
  const g = await gateway();
  const client = await g.verified('u');
  for (let from = 0; from < 1_000; from += 100) {
    await g.push(...Array.from({ length: 100 }, (_, i) => entry(`${from + i}`, ['u'])));
  }
  for (let i = 0; i < 1_000; i += 1) await client.receives(102, chat('p', `${i}`), 1_100);
  client.hasNothingMore();
});

test("1,000 entries from before the gateway's start arrive complete and in order", async () => {
  const before = await gateway();
  const place = { prefix: before.keys.prefix };
  await before.users('u');
  await before.stop();
  const store = await gateway();
  const texts = Array.from({ length: 1_000 }, (_, i) => JSON.stringify(entry(`${i}`, ['u'])));
  await store.redis.command('LPUSH', `${place.prefix}front_tcp`, ...texts);
  const g = await gateway({}, place);
  const client = await g.verified('u');
  for (let i = 0; i < 1_000; i += 1) await client.receives(102, chat('p', `${i}`));
});

test("a producer's text arrives unchanged: escapes, numbers of any size, and any script", async () => {
  const g = await gateway();
  const client = await g.verified('u');
  await g.push(
    String.raw`{"command_id": 102, "chat_from": "\u4f60", "chat_to": ["u"], "chat_content": "\u597d/\/ 12345678901234567890 😀"}`,
  );
  await client.receives(102, String.raw`{"chat_from": "\u4f60", "chat_content": "\u597d/\/ 12345678901234567890 😀"}`);
  await g.push(
    '\n\t {"extra":{"chat_content":"inner"},"chat_content":"outer","chat_to":["u","u"],"chat_from":"p","command_id":1.02e2} ',
  );
  await client.receives(102, chat('p', 'outer'));
});

test('104 without chat_to is for everyone connected, with it for those named', async () => {
  const g = await gateway();
  const one = await g.verified('one');
  const two = await g.verified('two');
  await g.push(entry('all', undefined, 104));
  await one.receives(104, chat('p', 'all'), 1_100);
  await two.receives(104, chat('p', 'all'), 1_100);
  await g.push({ ...entry('null is none', undefined, 104), chat_to: null }, entry('named', ['two'], 104));
  await two.receives(104, chat('p', 'null is none'));
  await two.receives(104, chat('p', 'named'));
  await one.receives(104, chat('p', 'null is none'));
  await g.push(entry('last', ['one']));
  await one.receives(102, chat('p', 'last'));
});

test('unknown recipients go to the dead letters by name, the others get their message', async () => {
  const g = await gateway();
  const client = await g.verified('u');
  await g.push(entry('x', ['nobody', 'u', 'no"body']));
  await client.receives(102, chat('p', 'x'));
  expect(await deadLetters(g)).toMatchObject([{ reason: 'unknown recipients', chat_to: ['nobody', 'no"body'] }]);
});

describe('poison goes to the dead letters with its reason, and the queue goes on', () => {
  const good = { command_id: 102, chat_from: 'p', chat_to: ['u'], chat_content: 'x' };
  test.each<[string, string | Buffer | object]>([
    ['not JSON', ''],
    ['not JSON', 'hello'],
    ['not JSON', '{"command_id": 102'],
    ['not JSON', '{"command_id": 102, "chat_from": "p", "chat_to": ["u"], "chat_content": "x"'],
    ['not JSON', `${JSON.stringify(good)} and more`],
    ['not JSON', `${JSON.stringify(good)}\u0000`],
    ['not JSON', `${JSON.stringify(good)}\u0000"`],
    ['not JSON', '{"command_id": 102, "chat_from": "\\ud800", "chat_to": ["u"], "chat_content": "x"}'],
    ['not JSON', '{"command_id": 0x66, "chat_from": "p", "chat_to": ["u"], "chat_content": "x"}'],
    ['not JSON', '{"command_id": +102, "chat_from": "p", "chat_to": ["u"], "chat_content": "x"}'],
    ['not JSON', '{"command_id": 0102, "chat_from": "p", "chat_to": ["u"], "chat_content": "x"}'],
    ['not JSON', '['.repeat(100_000)],
    ['not JSON', `{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}`],
    ['not UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
    ['not UTF-8', Buffer.concat([Buffer.from(JSON.stringify(good)), Buffer.from([0xc0, 0x80])])],
    ['not UTF-8', Buffer.concat([Buffer.from(JSON.stringify(good)), Buffer.from([0xed, 0xa0, 0x80])])],
    ['not an object', '[]'],
    ['not an object', '17'],
    ['not an object', 'null'],
    ['not an object', '"text"'],
    ['not an object', '[{"command_id": 102}]'],
    ['command_id is not 102, 103 or 104', {}],
    ['command_id is not 102, 103 or 104', { ...good, command_id: '102' }],
    ['command_id is not 102, 103 or 104', { ...good, command_id: 2 }],
    ['command_id is not 102, 103 or 104', { ...good, command_id: 2_000 }],
    ['command_id is not 102, 103 or 104', { ...good, command_id: null }],
    ['command_id is not 102, 103 or 104', { ...good, command_id: [102] }],
    ['chat_from is not a string', { ...good, chat_from: 5 }],
    ['chat_from is not a string', { ...good, chat_from: null }],
    ['chat_from is not a string', { ...good, chat_from: ['p'] }],
    ['chat_content is not a string', { ...good, chat_content: { a: 1 } }],
    ['chat_content is not a string', { command_id: 102, chat_from: 'p', chat_to: ['u'] }],
    ['chat_to is not a list', { ...good, chat_to: 'u' }],
    ['chat_to is not a list', { ...good, chat_to: 5 }],
    ['chat_to is not a list', { ...good, chat_to: { a: 'u' } }],
    ['chat_to is not a list', { ...good, chat_to: null }],
    ['chat_to is empty', { ...good, chat_to: [] }],
    ['chat_to is empty', { ...good, command_id: 104, chat_to: [] }],
    ['chat_to has something other than user ids', { ...good, chat_to: ['u', 5] }],
    ['chat_to has something other than user ids', { ...good, chat_to: ['u', null] }],
    ['chat_to has something other than user ids', { ...good, chat_to: [['u']] }],
    ['chat_to has something other than user ids', { ...good, chat_to: [''] }],
    ['chat_to has too many recipients', { ...good, chat_to: Array.from({ length: 51 }, (_, i) => `${i}`) }],
    ['too_large', { ...good, chat_content: 'x'.repeat(300_000) }],
  ])('%s: %j', async (reason, poison) => {
    const g = await poisoned();
    const client = await g.verified('u');
    await g.push(poison);
    await g.push(entry('good', ['u']));
    await client.receives(102, chat('p', 'good'));
    const [letter] = await deadLetters(g);
    expect(letter?.reason).toBe(reason);
    const raw = Buffer.isBuffer(poison) || typeof poison === 'string' ? poison : JSON.stringify(poison);
    expect(Buffer.from(letter?.entry ?? '', letter?.encoding === 'latin1' ? 'latin1' : 'utf8')).toEqual(
      Buffer.from(raw),
    );
    expect(Math.abs((letter?.at ?? 0) - Date.now())).toBeLessThan(60_000);
    expect(await g.redis.command('LLEN', g.keys.queueTaken)).toBe(0);
  });

  const poisoned = () => gateway({ MAX_QUEUE_RECIPIENTS: '50', MAX_QUEUE_ENTRY_BYTES: '262144' });

  test('a raw control character in a string does not make our JSON invalid', async () => {
    const g = await gateway();
    const client = await g.verified('u');
    await g.push('{"command_id": 102, "chat_from": "p", "chat_to": ["u"], "chat_content": "a\nb\u0001c"}');
    await g.push(entry('good', ['u']));
    const frames = [await client.next()];
    if (!frames[0]?.text.includes('good')) frames.push(await client.next());
    // Either refused, or written as JSON wants it: the peer has parsed every body already.
    expect(frames.at(-1)?.body).toEqual(chat('p', 'good'));
    if (frames.length === 2) expect(frames[0]?.body).toEqual(chat('p', 'a\nb\u0001c'));
    else expect(await deadLetters(g)).toMatchObject([{ reason: 'not JSON' }]);
  });

  test('a recipient whose key is of another type', async () => {
    const g = await gateway();
    const client = await g.verified('u');
    await g.redis.command('SET', g.keys.user('string'), 'x');
    await g.push(entry('x', ['string', 'u']), entry('good', ['u']));
    await client.receives(102, chat('p', 'x'));
    await client.receives(102, chat('p', 'good'));
    expect(await deadLetters(g)).toMatchObject([{ reason: 'unknown recipients', chat_to: ['string'] }]);
  });
});

test('an entry of a deep queue that Redis cannot route is the only one that is put aside', async () => {
  const before = await gateway();
  await before.users('u', 'broken');
  await before.stop();
  const { redis } = await gateway();
  const place = before.keys;
  await redis.command('ZADD', place.mailbox('broken'), 1, 'a message');
  await redis.command('HSET', place.mailboxBytes('broken'), 'of', 'another type');
  const texts = Array.from({ length: 3_000 }, (_, i) =>
    JSON.stringify(entry(`${i}`, [i === 1_500 || i === 1_600 ? 'broken' : 'u'])),
  );
  for (let from = 0; from < texts.length; from += 500) {
    await redis.command('LPUSH', place.queue, ...texts.slice(from, from + 500));
  }
  const g = await gateway({ MAILBOX_MAX: '5000' }, { prefix: place.prefix });
  const client = await g.verified('u');
  for (let i = 0; i < texts.length; i += 1) {
    if (i !== 1_500 && i !== 1_600) await client.receives(102, chat('p', `${i}`));
  }
  client.hasNothingMore();
  const letters = await deadLetters(g);
  expect(letters.map((letter) => JSON.parse(letter.entry).chat_content)).toEqual(['1600', '1500']);
  expect(letters.every(({ reason }) => reason.startsWith('not routed: '))).toBe(true);
});

test('an entry taken by a gateway that died before routing is routed by the next gateway, before anything newer', async () => {
  const g = await gateway();
  await g.users('u');
  await g.stop();
  const other = await gateway();
  await other.redis.command('LPUSH', g.keys.queueTaken, JSON.stringify(entry('taken', ['u'])));
  await other.redis.command('LPUSH', g.keys.queue, JSON.stringify(entry('newer', ['u'])));
  const next = await gateway({}, { prefix: g.keys.prefix });
  const client = await next.verified('u');
  await client.receives(102, chat('p', 'taken'));
  await client.receives(102, chat('p', 'newer'));
});

test('nothing is polled: an idle gateway makes only blocking calls, and those for its lease', async () => {
  // Of its own: other gateways block on the shared one too.
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  const g = await gateway({ LEASE_MS: '6000' }, { redisUrl: redis.url });
  const client = await g.verified('u');
  const clients = async () => String(await g.redis.command('CLIENT', 'LIST')).split('\n');
  const blockedOn = async (command: string) =>
    (await clients()).filter((line) => line.includes(` cmd=${command} `) && / flags=\w*b/.test(line)).length;
  await until('the readers are blocked', async () => (await blockedOn('xread')) > 0 && (await blockedOn('blmove')) > 0);
  const renewedAt = () => g.redis.command('HGET', g.keys.gateway(g.running.id), 'renewed_at');
  await g.redis.command('CONFIG', 'RESETSTAT');
  const startedAt = performance.now();
  const before = await renewedAt();
  await until('the lease is renewed', async () => (await renewedAt()) !== before, { everyMs: 200 });
  const counted = String(await g.redis.command('INFO', 'commandstats'));
  const callsOf = (command: string) =>
    Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(counted)?.[1] ?? 0);
  const seconds = (performance.now() - startedAt) / 1_000;
  // Each blocks for 1.5 s. The scripts are the renewal, and a look at the schedule each second.
  for (const command of ['xread', 'blmove']) expect(callsOf(command)).toBeLessThanOrEqual(2 + seconds);
  expect(callsOf('evalsha')).toBeLessThanOrEqual(4 + 2 * seconds);
  expect(callsOf('lmove')).toBe(0);
  await g.push(entry('x', ['u']));
  await client.receives(102, chat('p', 'x'));
});
