import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../kit/until.ts';
import { startTarget, type Target } from './support/target.ts';

let target: Target;
beforeAll(async () => {
  target = await startTarget({ env: { MAX_QUEUE_ENTRY_BYTES: '4096' } });
});
afterAll(() => target.stop());

const chat = { command_id: 102, chat_from: 'p', chat_to: ['reader'], chat_content: 'x' };

const poison: readonly (readonly [name: string, entry: string | Buffer])[] = [
  ['nothing', ''],
  ['no JSON', 'LPUSH me'],
  ['half of it', JSON.stringify(chat).slice(0, -1)],
  ['more behind it', `${JSON.stringify(chat)}{}`],
  ['null', 'null'],
  ['a number', '1e999'],
  ['a list', '[]'],
  ['a string', '"102"'],
  ['an empty object', '{}'],
  ['no command', JSON.stringify({ ...chat, command_id: undefined })],
  ['a command of clients', JSON.stringify({ ...chat, command_id: 2 })],
  ['a command that there is not', JSON.stringify({ ...chat, command_id: 105 })],
  ['a command in words', JSON.stringify({ ...chat, command_id: '102' })],
  ['a fraction of a command', JSON.stringify({ ...chat, command_id: 102.5 })],
  ['nobody to send it to', JSON.stringify({ ...chat, chat_to: undefined })],
  ['one id where a list is', JSON.stringify({ ...chat, chat_to: 'reader' })],
  ['an empty list', JSON.stringify({ ...chat, chat_to: [] })],
  ['a list of numbers', JSON.stringify({ ...chat, chat_to: [1] })],
  ['an object for a list', JSON.stringify({ ...chat, chat_to: { 0: 'reader' } })],
  ['an id that is too long', JSON.stringify({ ...chat, chat_to: ['x'.repeat(129)] })],
  ['content that is no text', JSON.stringify({ ...chat, chat_content: { a: 1 } })],
  ['no content', JSON.stringify({ ...chat, chat_content: undefined })],
  ['a sender that is no text', JSON.stringify({ ...chat, chat_from: 7 })],
  ['a prototype', '{"__proto__":{"command_id":102,"chat_from":"p","chat_to":["reader"],"chat_content":"x"}}'],
  [
    'invalid UTF-8',
    Buffer.from('{"command_id":102,"chat_from":"p","chat_to":["reader"],"chat_content":"\xff"}', 'latin1'),
  ],
  ['a lone surrogate in an id', '{"command_id":102,"chat_from":"p","chat_to":["\\ud800"],"chat_content":"x"}'],
  ['deep nesting', `{"a":${'['.repeat(2_000)}`],
  ['deep nesting, closed', `${'['.repeat(2_000)}${']'.repeat(2_000)}`],
  ['an entry that is too large', JSON.stringify({ ...chat, chat_content: 'x'.repeat(5_000) })],
  ['script text', "'); redis.call('FLUSHALL') --"],
];

test('queue poison of every type is dead-lettered with a reason, and entries behind it are delivered', async () => {
  await target.attack(async () => {
    const reader = await target.verified('reader');
    for (const [at, [name, entry]] of poison.entries()) {
      await target.redis.lpush(target.keys.queue, entry);
      await target.redis.lpush(target.keys.queue, JSON.stringify({ ...chat, chat_content: `behind ${name}` }));
      await reader.receives(102, { chat_from: 'p', chat_content: `behind ${name}` });
      const dead = await target.redis.lrangeBuffer(target.keys.queueDead, 0, -1);
      expect([name, dead.length]).toEqual([name, at + 1]);
    }
    const dead = await target.redis.lrange(target.keys.queueDead, 0, -1);
    for (const letter of dead) expect(letter).toMatch(/"reason"\s*:\s*"[^"]+"/);
    expect(await target.metric('fronttcp_dead_letters_total')).toBe(poison.length);
    await reader.leave();
  });
});

test('ten thousand poisoned entries at once are dead-lettered quickly', async () => {
  await target.attack(async () => {
    const before = await target.redis.llen(target.keys.queueDead);
    for (let i = 0; i < 10; i += 1) {
      await target.redis.lpush(target.keys.queue, ...Array.from({ length: 1_000 }, (_, n) => `{${n}`));
    }
    await until('all are dead', async () => (await target.redis.llen(target.keys.queueDead)) === before + 10_000, {
      timeoutMs: 30_000,
    });
  });
}, 60_000);

test('a queue key that is not a list, and a user key that is not a hash, harm nobody', async () => {
  await target.attack(async () => {
    await target.redis.set(target.keys.user('no hash'), 'x');
    const reader = await target.verified('reader');
    await target.redis.lpush(target.keys.queue, JSON.stringify({ ...chat, chat_to: ['no hash', 'reader'] }));
    await reader.receives(102, { chat_from: 'p', chat_content: 'x' });
    await until('the queue is empty', async () => (await target.redis.exists(target.keys.queue)) === 0);
    await target.redis.set(target.keys.queue, 'not a list');
    reader.send(2, { chat_to: 'reader', chat_content: 'goes on' });
    await reader.receives(102, expect.objectContaining({ chat_content: 'goes on' }));
    await target.redis.del(target.keys.queue);
    await reader.leave();
  });
});
