import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseInboxRecord, parseMailboxMember } from '../../contract/store/records.ts';
import { drainQueue } from '../../contract/store/scripts/drain-queue.ts';
import { drivers, openStore, type Store } from './ports.ts';

const limits = {
  offlineTtlSeconds: 600,
  mailboxMax: 2_000,
  highestId: 0,
  maxEntries: 1_000,
  maxRecipients: 10,
  maxEntryBytes: 4_096,
  maxFrameBytes: 2_000,
};

describe.each(drivers)('the drain of front_tcp over %s', (driver) => {
  let store: Store;
  beforeAll(async () => {
    store = await openStore(driver);
    await store.addUser('bob');
  });
  afterEach(() =>
    store.redis.del(store.keys.mailbox('bob'), store.keys.queue, store.keys.queueTaken, store.keys.queueDead),
  );
  afterAll(() => store.stop());

  const push = (...entries: (string | Buffer)[]) => store.redis.lpush(store.keys.queue, ...entries);
  const drain = (more: Partial<typeof limits> = {}) => drainQueue(store.port, store.keys, { ...limits, ...more });
  const bodies = async (id = 'bob') =>
    (await store.redis.zrange(store.keys.mailbox(id), '0', '-1')).map((member) => parseMailboxMember(member));
  const dead = async () =>
    (await store.redis.lrange(store.keys.queueDead, 0, -1)).map(
      (letter): Record<string, unknown> => JSON.parse(letter),
    );
  const chat = (content: unknown, more: object = {}) =>
    JSON.stringify({ command_id: 102, chat_from: 'ann', chat_to: ['bob'], chat_content: content, ...more });

  it('takes the oldest first, in steps, and gives a thousand to one user in order', async () => {
    await push(...Array.from({ length: 1_000 }, (_, i) => chat(`${i}`)));
    expect(await drain({ maxEntries: 300 })).toEqual({ taken: 300, dead: 0, left: 700 });
    expect(await drain()).toEqual({ taken: 700, dead: 0, left: 0 });
    const contents = (await bodies()).map(({ body }) => JSON.parse(body).chat_content);
    expect(contents).toEqual(Array.from({ length: 1_000 }, (_, i) => `${i}`));
    expect(await drain()).toEqual({ taken: 0, dead: 0, left: 0 });
  });

  it('takes the entry that a reader had already taken before anything newer', async () => {
    await push(chat('new'));
    await store.redis.lpush(store.keys.queueTaken, chat('first'), chat('second'));
    expect(await drain()).toEqual({ taken: 3, dead: 0, left: 0 });
    expect((await bodies()).map(({ body }) => JSON.parse(body).chat_content)).toEqual(['first', 'second', 'new']);
  });

  it('puts only that entry aside that cannot be routed, and stores no other twice', async () => {
    await store.addUser('broken');
    await store.redis.zadd(store.keys.mailbox('broken'), 1, 'a message');
    await store.redis.hset(store.keys.mailboxBytes('broken'), 'of', 'another type');
    await push(
      ...Array.from({ length: 200 }, (_, i) => chat(`${i}`, i % 90 === 50 ? { chat_to: ['bob', 'broken'] } : {})),
    );
    expect(await drain()).toEqual({ taken: 200, dead: 2, left: 0 });
    const routed = (await bodies()).map(({ body }) => JSON.parse(body).chat_content);
    expect(routed).toEqual(Array.from({ length: 200 }, (_, i) => `${i}`));
    expect(await dead()).toMatchObject(
      ['140', '50'].map((content) => ({
        reason: expect.stringMatching(/^not routed: WRONGTYPE/),
        entry: expect.stringContaining(`"chat_content":"${content}"`),
      })),
    );
  });

  describe('an inbox of another type', () => {
    const session = (gateway: string) => ({ gateway, epoch: '1', form: 'plain' });
    beforeAll(async () => {
      await store.addUser('here', session('g'));
      await store.addUser('there', session('h'));
      await store.redis.zadd(store.keys.gateways, Date.now() + 600_000, 'g', Date.now() + 600_000, 'h');
    });
    beforeEach(() => store.redis.set(store.keys.inbox('g'), 'of another type'));
    afterEach(() => store.redis.del(store.keys.inbox('g'), store.keys.inbox('h')));
    afterAll(() => store.redis.del(store.keys.gateways));
    const entries = () => Array.from({ length: 200 }, (_, i) => chat(`${i}`, { chat_to: [i % 2 ? 'here' : 'there'] }));
    const fieldsOf = async (gateway: string) => (await store.redis.xrange(store.keys.inbox(gateway), '-', '+'))[0]?.[1];

    it('fails only the entries that go there', async () => {
      await push(...entries());
      expect(await drain()).toEqual({ taken: 200, dead: 100, left: 0 });
      expect(await fieldsOf('h')).toHaveLength(2 * 100);
      expect((await dead())[0]).toMatchObject({
        reason: expect.stringMatching(/not routed: .*WRONGTYPE inbox:g is a string/),
        entry: expect.stringContaining('"chat_content":"199"'),
      });
    });
  });

  it('leaves all entries in the queue when the call fails on the way', async () => {
    await store.addUser('connected', { gateway: 'g', epoch: '1', form: 'plain' });
    await store.redis.set(store.keys.gateways, 'of another type');
    await push(...Array.from({ length: 200 }, (_, i) => chat(`${i}`, i === 150 ? { chat_to: ['connected'] } : {})));
    await expect(drain()).rejects.toThrow('WRONGTYPE');
    expect(await store.redis.llen(store.keys.queue)).toBe(200);
    await store.redis.del(store.keys.gateways);
  });

  it('forgets how far a long entry had come that cannot be routed further', async () => {
    const names = Array.from({ length: 9_000 }, (_, i) => `nobody-${i}`);
    const long = { maxRecipients: 10_000, maxEntryBytes: 1_048_576, maxFrameBytes: 65_536 };
    await store.addUser('broken');
    await store.redis.zadd(store.keys.mailbox('broken'), 1, 'a message');
    await store.redis.hset(store.keys.mailboxBytes('broken'), 'of', 'another type');
    await push(chat('x', { chat_to: [...names, 'broken'] }));
    expect(await drain(long)).toMatchObject({ taken: 0, left: 1 });
    expect(await store.redis.exists(store.keys.queuePlace)).toBe(1);
    let last = await drain(long);
    while (last.left > 0) last = await drain(long);
    expect(last).toEqual({ taken: 1, dead: 1, left: 0 });
    expect(await store.redis.exists(store.keys.queuePlace)).toBe(0);
  });

  it('is not held up by figures of another type', async () => {
    await store.redis.del(`${store.keys.prefix}stats`);
    await store.redis.set(`${store.keys.prefix}stats`, 'of another type');
    await push(chat('x', { chat_to: ['nobody', 'bob'] }));
    expect(await drain()).toEqual({ taken: 1, dead: 1, left: 0 });
    expect(await bodies()).toHaveLength(1);
    await store.redis.del(`${store.keys.prefix}stats`);
  });

  it('hands over the text of a producer as it was written', async () => {
    const entry =
      ' { "x" : {"chat_content":"no"}, "chat_content" : "\\u4f60\\/ \\ud83d\\ude00 \\u0000" , "chat_to":["bob"],"chat_from":"a\\"b", "command_id" : 1.02e2, "more":[1,{"chat_from":"no"}] } ';
    await push(entry);
    expect(await drain()).toMatchObject({ taken: 1, dead: 0 });
    const [message] = await bodies();
    expect(message?.body).toBe('{"chat_from": "a\\"b", "chat_content": "\\u4f60\\/ \\ud83d\\ude00 \\u0000"}');
    expect(message?.head).toMatchObject({ commandId: 102, version: 1100 });
  });

  it('takes every JSON number, and number-like text in strings', async () => {
    const numbers = [
      0,
      -0,
      10,
      -1.05,
      '1e2',
      '1E+2',
      '-0.5e-07',
      '12345678901234567890',
      '[0,{"a":-0,"b":[true,false,null]}]',
    ];
    const content = ' +1, 0102: [0x66] nan "\\" -.5';
    await push(...numbers.map((number) => chat(content).replace('}', `,"more":${number}}`)));
    await push(...['102.0', '1020e-1', '1.02E2'].map((number) => chat(content).replace('102', number)));
    expect(await drain()).toEqual({ taken: 12, dead: 0, left: 0 });
    expect((await bodies()).map(({ body }) => JSON.parse(body).chat_content)).toEqual(Array(12).fill(content));
  });

  it('finds members whose names were escaped, and takes the last of two', async () => {
    await push(
      '{"command_id":102,"\\u0063hat_from":"ann","chat_to":["bob"],"chat_content":"one","chat_content":"two"}',
    );
    expect(await drain()).toMatchObject({ dead: 0 });
    expect(JSON.parse((await bodies())[0]?.body ?? '')).toEqual({ chat_from: 'ann', chat_content: 'two' });
  });

  it('sends 104 without chat_to, or with null, to every live gateway', async () => {
    await store.redis.zadd(store.keys.gateways, Date.now() + 60_000, 'g1');
    await push(chat('all', { command_id: 104, chat_to: undefined }), chat('all', { command_id: 104, chat_to: null }));
    expect(await drain()).toMatchObject({ taken: 2, dead: 0 });
    const entries = await store.redis.xrange(store.keys.inbox('g1'), '-', '+');
    const records = entries.flatMap(([, fields]) => fields.filter((_, at) => at % 2 === 0));
    expect(records.map((record) => parseInboxRecord(record, ''))).toMatchObject([
      { inboxOnly: 'everyone', head: { commandId: 104 } },
      { inboxOnly: 'everyone' },
    ]);
  });

  it('keeps the names of unknown recipients, and serves the others', async () => {
    await push(chat('x', { chat_to: ['bob', 'ghost', 'g"2'] }));
    expect(await drain()).toEqual({ taken: 1, dead: 1, left: 0 });
    expect(await bodies()).toHaveLength(1);
    expect(await dead()).toMatchObject([{ reason: 'unknown recipients', chat_to: ['ghost', 'g"2'] }]);
  });

  const poison: [string, string | Buffer, string][] = [
    ['nothing', '', 'not JSON'],
    ['text', 'hello', 'not JSON'],
    ['half an object', '{"command_id":102', 'not JSON'],
    ['a number', '1', 'not an object'],
    ['null', 'null', 'not an object'],
    ['a list', '[]', 'not an object'],
    ['a list of lists', `${'['.repeat(900)}${']'.repeat(900)}`, 'not an object'],
    ['nesting without end', `${'['.repeat(2_000)}${']'.repeat(2_000)}`, 'not JSON'],
    ['two objects', '{}{}', 'not JSON'],
    ['an empty object', '{}', 'command_id is not 102, 103 or 104'],
    ['another command_id', chat('x', { command_id: 101 }), 'command_id is not 102, 103 or 104'],
    ['a command_id that is text', chat('x', { command_id: '102' }), 'command_id is not 102, 103 or 104'],
    ['a command_id beyond numbers', chat('x').replace('102', '1e999'), 'command_id is not 102, 103 or 104'],
    ...['0x66', '+102', '0102', '102.', '102.e0', '0x1.98p6', 'nan', 'Infinity'].map((number): (typeof poison)[0] => [
      `a command_id that only C takes for a number: ${number}`,
      chat('x').replace('102', number),
      'not JSON',
    ]),
    ...['-01', '-nan', '-inf', '-.5', '1.e5', '0x0', '[1,00]', '{"a":+1}'].map((number): (typeof poison)[0] => [
      `another member that only C takes for a number, behind escapes: ${number}`,
      chat('\\"x"').replace('}', `,"more": ${number} }`),
      'not JSON',
    ]),
    ['no chat_from', chat('x', { chat_from: undefined }), 'chat_from is not a string'],
    ['a chat_from that is a number', chat('x', { chat_from: 1 }), 'chat_from is not a string'],
    ['no chat_content', chat(undefined), 'chat_content is not a string'],
    ['chat_content that is an object', chat({ a: 1 }), 'chat_content is not a string'],
    ['no chat_to', chat('x', { chat_to: undefined }), 'chat_to is not a list'],
    ['chat_to null for 102', chat('x', { chat_to: null }), 'chat_to is not a list'],
    ['chat_to text', chat('x', { chat_to: 'bob' }), 'chat_to is not a list'],
    ['chat_to an object', chat('x', { chat_to: { a: 'bob' } }), 'chat_to is not a list'],
    ['chat_to empty', chat('x', { chat_to: [] }), 'chat_to is empty'],
    ['chat_to with a number', chat('x', { chat_to: ['bob', 1] }), 'chat_to has something other than user ids'],
    ['chat_to with null', chat('x', { chat_to: [null, 'bob'] }), 'chat_to has something other than user ids'],
    ['chat_to with nothing', chat('x', { chat_to: ['bob', ''] }), 'chat_to has something other than user ids'],
    ['too many recipients', chat('x', { chat_to: Array(11).fill('bob') }), 'chat_to has too many recipients'],
    ['too large', chat('x'.repeat(5_000)), 'too_large'],
    ['too large for a frame with `id` and `sent_at`', chat('x'.repeat(1_900)), 'too_large'],
    ['a lone surrogate as an id', chat('x').replace('bob', '\\ud800'), 'not JSON'],
    ['invalid UTF-8', Buffer.from('{"command_id":102,"chat_from":"\xff"}', 'latin1'), 'not UTF-8'],
    ['an overlong encoding', Buffer.from([0x22, 0xc0, 0x80, 0x22]), 'not UTF-8'],
    ['an encoded surrogate', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'not UTF-8'],
    ['beyond Unicode', Buffer.from([0x22, 0xf4, 0x90, 0x80, 0x80, 0x22]), 'not UTF-8'],
    ['a byte of four alone at the end', Buffer.from([0x22, 0xf0, 0x9f, 0x98]), 'not UTF-8'],
  ];
  it.each(poison)('puts poison aside with the reason, and goes on: %s', async (_what, entry, reason) => {
    await push(entry, chat('after'));
    expect(await drain()).toEqual({ taken: 2, dead: 1, left: 0 });
    expect((await bodies()).map(({ body }) => JSON.parse(body).chat_content)).toEqual(['after']);
    const [letter, ...more] = await dead();
    expect(more).toEqual([]);
    expect(letter).toMatchObject({ reason, at: expect.any(Number) });
    const kept = Buffer.from(String(letter?.entry), letter?.encoding === 'latin1' ? 'latin1' : 'utf8');
    expect(kept.equals(Buffer.from(entry))).toBe(true);
  });

  it('drops for offline users with OFFLINE_TTL_S 0, without a dead letter', async () => {
    await push(chat('x'));
    expect(await drain({ offlineTtlSeconds: 0 })).toEqual({ taken: 1, dead: 0, left: 0 });
    expect(await bodies()).toEqual([]);
  });
});
