import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tokenAtRest } from '../../contract/store/tokens.ts';
import { chat, gateway, startTestGateway, type TestGateway } from '../kit/gateway.ts';
import { frameBytes } from '../kit/peer.ts';
import { until } from '../kit/until.ts';

let shared: TestGateway;
beforeAll(async () => {
  shared = await startTestGateway();
});
afterAll(() => shared.stop());

describe('before the verify', () => {
  test('a client that heartbeats from its first second and verifies much later is let in, and heartbeats do not count yet', async () => {
    const { users, peer } = await gateway({ HEARTBEAT_TIMEOUT_MS: '150', AUTH_TIMEOUT_MS: '20000' });
    await users('late');
    const client = await peer();
    client.send(5);
    // Silence of several heartbeat timeouts, as other connections live it: enforced, it would have ended this one.
    const witness = await peer();
    await users('witness');
    await witness.verify('witness');
    witness.send(5);
    await witness.isClosedSilently();
    client.send(5);
    expect(await client.verify('late')).toEqual({ code: 1 });
  });

  test('every frame but the verify is dropped without a reply', async () => {
    await shared.users('before', 'other');
    const other = await shared.verified('other');
    const client = await shared.peer();
    client.send(2, { chat_from: 'before', chat_to: 'other', chat_content: 'too early' });
    client.send(3, { chat_from: 'before', chat_to: ['other'], chat_content: 'too early' });
    client.send(4, { chat_from: 'before', chat_content: 'too early' });
    client.send(5);
    client.send(6, { ids: ['1'] });
    client.send(999, 'not JSON');
    client.send(1_500, 'not JSON');
    for (let i = 0; i < 20; i += 1) client.send(2, 'not JSON');
    await client.verify('before');
    client.send(2, { chat_from: 'before', chat_to: 'other', chat_content: 'in time' });
    await other.receives(102, chat('before', 'in time'));
    client.send(2, { chat_from: 'before', chat_to: 'before', chat_content: 'to myself' });
    await client.receives(102, chat('before', 'to myself'));
  });
});

describe('verify', () => {
  test('fails, and then succeeds on the same connection; the replies are byte for byte the original ones', async () => {
    await shared.users('again');
    const client = await shared.peer();
    client.send(1, { phone_number: 'again', token: 'wrong' }, 7);
    await client.receives(101, '{"code": 0}', 7);
    client.send(1, { phone_number: 'nobody', token: 'token of again' }, 8);
    await client.receives(101, '{"code": 0}', 8);
    client.send(1, { phone_number: 'again', token: 'token of again' }, 9);
    await client.receives(101, '{"code": 1}', 9);
  });

  test('takes a token that is stored as its digest, and none that has expired', async () => {
    const { redis, keys } = shared;
    const soon = Math.floor(Date.now() / 1_000) + 60;
    await redis.command('HSET', keys.user('digest'), 'token', tokenAtRest('t'), 'token_expires_at', soon);
    await redis.command('HSET', keys.user('expired'), 'token', tokenAtRest('t'), 'token_expires_at', soon - 120);
    const client = await shared.peer();
    expect(await client.verify('expired', { token: 't' })).toEqual({ code: 0 });
    expect(await client.verify('digest', { token: tokenAtRest('t') })).toEqual({ code: 0 });
    expect(await client.verify('digest', { token: 't' })).toEqual({ code: 1 });
  });

  test('a newer token replaces the older', async () => {
    const { redis, keys } = shared;
    await redis.command('HSET', keys.user('rotated'), 'token', 'older');
    await redis.command('HSET', keys.user('rotated'), 'token', 'newer');
    const client = await shared.peer();
    expect(await client.verify('rotated', { token: 'older' })).toEqual({ code: 0 });
    expect(await client.verify('rotated', { token: 'newer' })).toEqual({ code: 1 });
  });

  test('too many failures end the connection, after the last verdict', async () => {
    const { peer } = await gateway({ MAX_VERIFY_ATTEMPTS: '2' });
    const client = await peer();
    for (let i = 0; i < 3; i += 1) client.send(1, { phone_number: 'x', token: 'wrong' });
    await client.receives(101, '{"code": 0}');
    await client.receives(101, '{"code": 0}');
    await client.receives(101, '{"code": 0}');
    await client.isClosedSilently();
  });

  test('a verified connection verifies again: as the same user, and as another', async () => {
    await shared.users('first', 'second');
    const watcher = await shared.verified('watcher');
    const client = await shared.verified('first');
    expect(await client.verify('first', {}, 3)).toEqual({ code: 1 });
    watcher.send(2, { chat_to: 'first', chat_content: 'one' });
    await client.receives(102, chat('watcher', 'one'));
    expect(await client.verify('second', {}, 4)).toEqual({ code: 1 });
    watcher.send(2, { chat_to: 'second', chat_content: 'two' });
    await client.receives(102, chat('watcher', 'two'));
    // Whom it was before is away now: a message waits for it, and is not sent here.
    watcher.send(2, { chat_to: 'first', chat_content: 'for later' });
    watcher.send(2, { chat_to: 'second', chat_content: 'three' });
    await client.receives(102, chat('watcher', 'three'));
    const back = await shared.peer();
    await back.verify('first');
    await back.receives(102, chat('watcher', 'for later'));
  });

  test('verifying again as the same user does not close the connection, however often', async () => {
    const client = await shared.verified('often');
    for (let i = 0; i < 50; i += 1) expect(await client.verify('often')).toEqual({ code: 1 });
    client.send(2, { chat_to: 'often', chat_content: 'still here' });
    await client.receives(102, chat('often', 'still here'));
  });

  test('a failed second verify leaves the first in force', async () => {
    const client = await shared.verified('stays');
    expect(await client.verify('stays', { token: 'wrong' })).toEqual({ code: 0 });
    client.send(2, { chat_to: 'stays', chat_content: 'still here' });
    await client.receives(102, chat('stays', 'still here'));
  });
});

describe('chat', () => {
  test('bodies have exactly the original members, and carry the version of the frame that caused them', async () => {
    const from = await shared.verified('from');
    const to = await shared.verified('to');
    from.send(2, { chat_from: 'from', chat_to: 'to', chat_content: 'single' }, 11);
    await to.receives(102, '{"chat_from": "from", "chat_content": "single"}', 11);
    from.send(3, { chat_from: 'from', chat_to: ['to'], chat_content: 'group' }, 12);
    await to.receives(103, '{"chat_from": "from", "chat_content": "group"}', 12);
    from.send(4, { chat_from: 'from', chat_content: 'all' }, 13);
    await to.receives(104, '{"chat_from": "from", "chat_content": "all"}', 13);
    await from.receives(104, '{"chat_from": "from", "chat_content": "all"}', 13);
  });

  test('a message from the queue carries version 1100', async () => {
    const to = await shared.verified('queued');
    await shared.push({ command_id: 103, chat_from: 'p', chat_to: ['queued'], chat_content: 'x' });
    await to.receives(103, '{"chat_from": "p", "chat_content": "x"}', 1100);
  });

  test('chat_from is the verified user, whatever the body claims', async () => {
    const from = await shared.verified('mallory');
    const to = await shared.verified('alice');
    from.send(2, { chat_from: 'the bank', chat_to: 'alice', chat_content: 'pay' });
    await to.receives(102, chat('mallory', 'pay'));
    from.send(2, { chat_to: 'alice', chat_content: 'without' });
    await to.receives(102, chat('mallory', 'without'));
    from.send(2, { chat_from: { toString: 1 }, chat_to: 'alice', chat_content: 'of another type' });
    await to.receives(102, chat('mallory', 'of another type'));
  });

  test('JSON escaped to ASCII equals UTF-8, split at every byte', async () => {
    const from = await shared.verified('甲');
    const to = await shared.verified('乙');
    const escaped = String.raw`{"chat_from": "\u7532", "chat_to": "\u4e59", "chat_content": "\u4f60\u597d \ud83d\ude00"}`;
    from.send(2, escaped);
    await to.receives(102, chat('甲', '你好 😀'));
    for (const byte of frameBytes(2, { chat_to: '乙', chat_content: '再见' })) from.sendBytes(Buffer.from([byte]));
    await to.receives(102, chat('甲', '再见'));
  });

  test.each([
    'a:b',
    '{tag}',
    '你好',
    '😀',
    'with "quotes" and \\',
    '__proto__',
    'constructor',
    'a\u0000b',
    ' ',
    '*',
    '"]',
    'é',
  ])('an id is data: %j', async (id) => {
    const from = await shared.verified(id);
    const to = await shared.verified(`${id}?`);
    from.send(2, { chat_to: `${id}?`, chat_content: id });
    await to.receives(102, chat(id, id));
    await shared.push({ command_id: 102, chat_from: id, chat_to: [id], chat_content: id });
    await from.receives(102, chat(id, id));
    await from.leave();
    to.send(3, { chat_to: [id], chat_content: 'stored' });
    const back = await shared.verified(id);
    await back.receives(103, chat(`${id}?`, 'stored'));
  });

  test('a group with duplicates, offline users and unknown users', async () => {
    const from = await shared.verified('g-from');
    const here = await shared.verified('g-here');
    await shared.users('g-away');
    from.send(3, { chat_to: ['g-here', 'g-away', 'g-here', 'g-unknown', 'g-away', 'g-from'], chat_content: 'once' }, 5);
    await here.receives(103, chat('g-from', 'once'), 5);
    await from.receives(103, chat('g-from', 'once'), 5);
    from.send(2, { chat_to: 'g-here', chat_content: 'next' });
    await here.receives(102, chat('g-from', 'next'));
    const away = await shared.verified('g-away');
    await away.receives(103, chat('g-from', 'once'), 5);
    from.send(2, { chat_to: 'g-away', chat_content: 'next' });
    await away.receives(102, chat('g-from', 'next'));
    expect(await shared.redis.command('EXISTS', shared.keys.user('g-unknown'), shared.keys.mailbox('g-unknown'))).toBe(
      0,
    );
  });

  test('a broadcast is for those connected: it is not stored', async () => {
    const own = await gateway();
    await own.users('b-away');
    const from = await own.verified('b-from');
    const here = await own.verified('b-here');
    from.send(4, { chat_content: 'all' });
    await from.receives(104, chat('b-from', 'all'));
    await here.receives(104, chat('b-from', 'all'));
    from.send(2, { chat_to: 'b-away', chat_content: 'first thing' });
    const away = await own.verified('b-away');
    await away.receives(102, chat('b-from', 'first thing'));
  });
});

describe('frames and segments', () => {
  test('frames behind a verify in the same segment wait for its verdict and are then read', async () => {
    await shared.users('pipelined');
    const client = await shared.peer();
    client.sendBytes(
      frameBytes(1, { phone_number: 'pipelined', token: 'token of pipelined' }),
      frameBytes(5),
      frameBytes(2, { chat_to: 'pipelined', chat_content: 'one' }, 2),
      frameBytes(2, { chat_to: 'pipelined', chat_content: 'two' }, 3),
    );
    await client.receives(101, '{"code": 1}');
    await client.receives(102, chat('pipelined', 'one'), 2);
    await client.receives(102, chat('pipelined', 'two'), 3);
  });

  test('frames behind a failed verify in the same segment are dropped, up to the one that succeeds', async () => {
    await shared.users('second-try');
    const client = await shared.peer();
    client.sendBytes(
      frameBytes(1, { phone_number: 'second-try', token: 'wrong' }),
      frameBytes(2, { chat_to: 'second-try', chat_content: 'dropped' }),
      frameBytes(1, { phone_number: 'second-try', token: 'token of second-try' }),
      frameBytes(2, { chat_to: 'second-try', chat_content: 'read' }),
    );
    await client.receives(101, '{"code": 0}');
    await client.receives(101, '{"code": 1}');
    await client.receives(102, chat('second-try', 'read'));
  });

  test('a header split over three reads', async () => {
    const client = await shared.verified('split');
    const bytes = frameBytes(2, { chat_to: 'split', chat_content: 'whole' }, 6);
    const before = await shared.metric('fronttcp_bytes_received_total');
    for (const [from, to] of [
      [0, 3],
      [3, 7],
      [7, bytes.length],
    ] as const) {
      client.sendBytes(bytes.subarray(from, to));
      // Each part is a read of its own: the next goes when the gateway has counted this one.
      const read = async () => (await shared.metric('fronttcp_bytes_received_total')) >= before + to;
      await until(`${to} bytes are read`, read, { everyMs: 2 });
    }
    await client.receives(102, chat('split', 'whole'), 6);
  });

  test('a plain client is never sent anything but 101 to 104', async () => {
    const own = await gateway({ MAX_BAD_FRAMES: '5' });
    const client = await own.verified('plain');
    client.send(5);
    client.send(6, { ids: ['1'] });
    client.send(1_000, { any: 1 });
    client.send(77);
    client.send(2, 'not JSON');
    client.send(2, { chat_to: 'nobody', chat_content: 'x', ref: 1 });
    await own.route({ commandId: 2_000, body: '{"a": 1}', to: ['plain'] });
    client.send(4, { chat_content: 'x', ref: 'r' });
    await client.receives(104, chat('plain', 'x'));
    client.sendBytes(Buffer.alloc(12));
    await client.isClosedSilently();
    expect(client.frames.map(({ commandId }) => commandId)).toEqual([101, 104]);
  });
});
