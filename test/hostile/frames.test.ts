import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { frameBytes, Peer } from '../kit/peer.ts';
import { until } from '../kit/until.ts';
import { startTarget, type Target } from './support/target.ts';

let target: Target;
beforeAll(async () => {
  target = await startTarget({ env: { MAX_BAD_FRAMES: '1000000' } });
});
afterAll(() => target.stop());

/** Sends each body in a single chat, from a client that understands refusals, and wants each refused. */
async function refusesAll(bodies: readonly (string | Buffer)[], commandId = 2): Promise<void> {
  const client = await target.verified('attacker', ['errors']);
  for (const body of bodies) {
    client.send(commandId, body);
    await client.receives(111, expect.objectContaining({ error: 'malformed' }));
  }
  await client.leave();
}

describe('lengths', () => {
  test.each([0, 11, 2 ** 31, 2 ** 32 - 1])('length %i: the connection ends, and costs no memory', async (length) => {
    await target.attack(async () => {
      for (let i = 0; i < 50; i += 1) {
        const peer = await Peer.connect(target.port);
        const header = Buffer.alloc(12);
        header.writeUInt32BE(length, 0);
        peer.sendBytes(header, Buffer.alloc(1_000, 0x41));
        await peer.isClosedSilently();
      }
    });
  });

  test('length announced, body withheld: 500 frames of 8 KB that never come', async () => {
    await target.attack(async () => {
      const peers = await Promise.all(Array.from({ length: 500 }, () => Peer.connect(target.port)));
      const header = frameBytes(1, Buffer.alloc(8_000)).subarray(0, 12);
      for (const peer of peers) peer.sendBytes(header);
      await until('all are held', async () => (await target.metric('fronttcp_connections')) >= 500);
      for (const peer of peers) peer.socket.resetAndDestroy();
    });
  });
});

describe('bodies', () => {
  test('deep JSON', async () => {
    await target.attack(() =>
      refusesAll([
        '['.repeat(60_000),
        `${'['.repeat(30_000)}${']'.repeat(30_000)}`,
        '{"a":'.repeat(12_000),
        `{"chat_to":${'['.repeat(25_000)}${']'.repeat(25_000)},"chat_content":"x"}`,
      ]),
    );
  });

  test('huge numbers', async () => {
    await target.attack(() =>
      refusesAll([
        '{"chat_to":"x","chat_content":"x","ref":1e999}',
        `{"chat_to":"x","chat_content":${'9'.repeat(60_000)}}`,
        `{"chat_to":${'9'.repeat(400)},"chat_content":"x"}`,
        '{"chat_to":"x","chat_content":-1e-400}',
      ]),
    );
  });

  test('huge numbers as message ids in an acknowledgement', async () => {
    await target.attack(async () => {
      const client = await target.verified('acknowledges', ['ack', 'errors']);
      for (const id of ['9'.repeat(17), '1e16', '-1', '0x10', '']) {
        client.send(6, { ids: [id] });
        await client.receives(111, expect.objectContaining({ error: 'malformed' }));
      }
      client.send(6, { ids: Array.from({ length: 256 }, (_, i) => String(i)) });
      client.send(2, { chat_to: 'acknowledges', chat_content: 'kept' });
      await client.receives(102, expect.objectContaining({ chat_content: 'kept' }));
      await client.leave();
    });
  });

  test('__proto__ and constructor, as members, as user ids and as features', async () => {
    await target.attack(async () => {
      await refusesAll(['{"__proto__":{"chat_to":"x","chat_content":"x"}}', '{"constructor":{"prototype":{}}}']);
      for (const id of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
        const peer = await Peer.connect(target.port);
        expect(await peer.verify(id)).toEqual({ code: 0 });
        await target.users(id);
        expect((await peer.verify(id, { features: ['__proto__', 'constructor', 'ack'] })).features).toEqual(['ack']);
        peer.send(3, { chat_to: ['__proto__', id, 'constructor'], chat_content: 'x' });
        await peer.receives(103, expect.objectContaining({ chat_from: id }));
        await peer.leave();
      }
    });
  });

  test('user ids with key syntax, script text, JSON and HTML are ids like any other', async () => {
    const ids = [
      'user:x',
      'a*?[b]',
      '{other}',
      "'); redis.call('FLUSHALL') --",
      '"}\n{"level":60,"msg":"forged"}',
      '<script>alert(1)</script>',
      '../../etc',
      '\u202e\u0000\u001b[2J',
      '名'.repeat(128),
    ];
    await target.attack(async () => {
      const sender = await target.verified('sender');
      for (const id of ids) {
        const peer = await target.verified(id, ['ack']);
        sender.send(2, { chat_to: id, chat_content: id });
        const { body } = await peer.receives(102);
        expect(body).toMatchObject({ chat_from: 'sender', chat_content: id });
        peer.send(2, { chat_to: id, chat_content: 'to myself' });
        await peer.receives(102, expect.objectContaining({ chat_from: id }));
        await peer.leave();
      }
      await sender.leave();
    });
  });

  test('invalid UTF-8', async () => {
    const wrap = (bytes: string) => Buffer.from(`{"chat_to":"x","chat_content":"${bytes}"}`, 'latin1');
    await target.attack(() =>
      refusesAll(['\xff', '\xc0\xaf', '\xed\xa0\x80', '\xf4\x90\x80\x80', '\xe2\x82', '\x80'].map(wrap)),
    );
  });

  test('ten thousand bad frames on one connection without a limit of them', async () => {
    await target.attack(async () => {
      const client = await target.verified('noisy');
      const noise = Buffer.concat(Array.from({ length: 2_000 }, () => frameBytes(2, '{')));
      for (let i = 0; i < 5; i += 1) client.sendBytes(noise);
      // A gateway that gets little of the processor may need more at once to be over its limit.
      const isSlowedDown = async () => {
        if ((await target.metric('fronttcp_throttled_total')) > 0) return true;
        client.sendBytes(noise);
        return false;
      };
      await until('it is slowed down', isSlowedDown, { timeoutMs: 60_000, everyMs: 250 });
      client.socket.resetAndDestroy();
    });
  });
});
