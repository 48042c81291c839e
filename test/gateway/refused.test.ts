import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chat, gateway, startTestGateway, type TestGateway } from '../kit/gateway.ts';
import { frameBytes } from '../kit/peer.ts';
import { until } from '../kit/until.ts';

const MAX = 4_096;
let shared: TestGateway;
beforeAll(async () => {
  shared = await startTestGateway({ MAX_FRAME_BYTES: String(MAX) });
});
afterAll(() => shared.stop());

/** A single chat whose frame is exactly so long. */
function frameOfLength(length: number, to: string): Buffer {
  const empty = frameBytes(2, { chat_to: to, chat_content: '' });
  return frameBytes(2, { chat_to: to, chat_content: 'x'.repeat(length - empty.length) });
}

describe('lengths', () => {
  test.each([0, 11, MAX + 1, 2 ** 31, 2 ** 32 - 1])(
    '%i: goodbye, then the end; nothing after it is read',
    async (length) => {
      const client = await shared.verified(`l${length}`, ['goodbye']);
      const header = Buffer.alloc(12);
      header.writeUInt32BE(length, 0);
      header.writeUInt32BE(2, 8);
      client.sendBytes(header, frameBytes(2, { chat_to: `l${length}`, chat_content: 'behind' }));
      await client.receives(112, { reason: 'bad_length', reconnect_after_ms: expect.any(Number) });
      await client.isClosedSilently();
      await until(
        'its user is away',
        async () => (await shared.redis.command('HGET', shared.keys.user(`l${length}`), 'gateway')) === null,
      );
      expect(await shared.mailbox(`l${length}`)).toEqual([]);
    },
  );

  test.each([0, 11, 2 ** 32 - 1])('%i before the verify: closed without a frame', async (length) => {
    const client = await shared.peer();
    const header = Buffer.alloc(12);
    header.writeUInt32BE(length, 0);
    client.sendBytes(header);
    await client.isClosedSilently();
  });

  test('12 is an empty body, and the longest frame is read', async () => {
    const client = await shared.verified('max', ['pong', 'errors']);
    client.send(5);
    await client.receives(105);
    const bytes = frameOfLength(MAX, 'max');
    expect(bytes.length).toBe(MAX);
    client.sendBytes(bytes.subarray(0, 100));
    client.sendBytes(bytes.subarray(100));
    await client.receives(111, expect.objectContaining({ error: 'too_large' }));
  });

  test('a frame before a bad length in the same segment is served', async () => {
    const client = await shared.verified('served');
    client.sendBytes(
      frameBytes(2, { chat_to: 'other', chat_content: 'x' }),
      frameBytes(4, { chat_content: 'served' }),
      Buffer.alloc(12),
    );
    await client.ended();
    const other = await shared.verified('after');
    other.send(2, { chat_to: 'after', chat_content: 'alive' });
    await other.receives(102, chat('after', 'alive'));
  });
});

describe('bodies', () => {
  test.each<[string, number, string | Buffer]>([
    ['bad JSON', 2, '{"chat_to": "x", "chat_content": '],
    ['JSON with more behind it', 2, '{"chat_to": "x", "chat_content": "x"} '.concat('{}')],
    ['invalid UTF-8', 2, Buffer.from('{"chat_to":"x","chat_content":"\xff"}', 'latin1')],
    ['an overlong form', 2, Buffer.from('{"chat_to":"x","chat_content":"\xc0\xaf"}', 'latin1')],
    ['an encoded surrogate', 2, Buffer.from('{"chat_to":"x","chat_content":"\xed\xa0\x80"}', 'latin1')],
    ['a BOM', 2, '\ufeff{"chat_to":"x","chat_content":"x"}'],
    ['deep JSON', 2, '['.repeat(4_000)],
    ['deep, closed JSON', 2, `{"chat_to":"x","chat_content":${'['.repeat(1_900)}${']'.repeat(1_900)}}`],
    ['a huge number', 2, '{"chat_to":"x","chat_content":"x","ref":1e999}'],
    ['an id too long', 2, JSON.stringify({ chat_to: 'i'.repeat(129), chat_content: 'x' })],
    ['an empty id', 2, JSON.stringify({ chat_to: '', chat_content: 'x' })],
    ['a lone surrogate in an id', 2, '{"chat_to":"\\ud800","chat_content":"x"}'],
    ['an object for text', 2, '{"chat_to":"x","chat_content":{"toString":"x"}}'],
    ['a prototype for a body', 2, '{"__proto__":{"chat_to":"x","chat_content":"x"}}'],
    ['a list of lists', 3, '{"chat_to":[["x"]],"chat_content":"x"}'],
    ['null', 4, 'null'],
  ])('%s is refused, and the connection kept', async (_, commandId, body) => {
    const client = await shared.verified('bodies', ['errors']);
    client.send(commandId, body);
    await client.receives(111, expect.objectContaining({ error: 'malformed' }));
    client.send(2, { chat_to: 'bodies', chat_content: 'kept' });
    await client.receives(102, chat('bodies', 'kept'));
  });

  test.each<[string, string]>([
    ['bad JSON', '{'],
    ['nothing', ''],
    ['a list', '[]'],
    ['no token', '{"phone_number":"u"}'],
    ['a number for a token', '{"phone_number":"u","token":1}'],
    ['a number for an id', '{"phone_number":1,"token":"t"}'],
    ['features of another type', '{"phone_number":"u","token":"t","features":"ack"}'],
    ['an empty token', '{"phone_number":"u","token":""}'],
    ['the prototype', '{"__proto__":{"phone_number":"u","token":"token of u"}}'],
  ])('a verify with %s fails as one with a wrong token does', async (_, body) => {
    await shared.users('u');
    const client = await shared.peer();
    client.send(1, body, 3);
    await client.receives(101, '{"code": 0}', 3);
    expect(await client.verify('u')).toEqual({ code: 1 });
  });

  test('__proto__ and constructor in a body change nothing for anybody', async () => {
    const client = await shared.verified('proto');
    client.send(
      2,
      '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}},"chat_to":"proto","chat_content":"x"}',
    );
    await client.receives(102, '{"chat_from": "proto", "chat_content": "x"}');
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  test('a user whose key holds something else cannot verify, and others can', async () => {
    await shared.redis.command('SET', shared.keys.user('string'), 'x');
    await shared.redis.command('HSET', shared.keys.user('no token'), 'role', 'x');
    const client = await shared.peer();
    expect(await client.verify('string')).toEqual({ code: 0 });
    expect(await client.verify('no token')).toEqual({ code: 0 });
    await shared.users('fine');
    expect(await client.verify('fine')).toEqual({ code: 1 });
  });
});

describe('counts', () => {
  test('more bad frames than MAX_BAD_FRAMES end the connection, as many do not', async () => {
    const g = await gateway({ MAX_BAD_FRAMES: '3', MAX_RECIPIENTS: '2' });
    const client = await g.verified('u');
    client.send(2, 'not JSON');
    client.send(77);
    client.send(3, { chat_to: ['1', '2', '3'], chat_content: 'a recipient bomb' });
    client.send(2, { chat_to: 'u', chat_content: 'kept' });
    await client.receives(102, chat('u', 'kept'));
    client.send(77);
    await client.isClosedSilently();
    expect(await g.metric('fronttcp_bad_frames_total')).toBe(4);
    const errors = ['malformed', 'unknown_command', 'too_many_recipients', 'unknown_recipient'];
    const counts = errors.map((error) => g.metric(`fronttcp_refusals_total{error="${error}"}`));
    expect(await Promise.all(counts)).toEqual([1, 2, 1, 0]);
  });

  test('a recipient bomb of the longest list is routed once for each', async () => {
    const g = await gateway({ MAX_RECIPIENTS: '1000' });
    const client = await g.verified('u');
    client.send(3, { chat_to: Array.from({ length: 1_000 }, () => 'u'), chat_content: 'once' });
    client.send(2, { chat_to: 'u', chat_content: 'next' });
    await client.receives(103, chat('u', 'once'));
    await client.receives(102, chat('u', 'next'));
  });
});
