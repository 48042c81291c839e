import { describe, expect, test } from 'vitest';
import { encodeFrame } from '../../contract/wire/frame.ts';
import { CloseReasons } from '../../gateway/session/close-reasons.ts';
import { DirectInterval } from '../../gateway/session/direct-interval.ts';
import { Message } from '../../gateway/session/messages.ts';
import { frameBytes } from '../kit/peer.ts';
import { sessionsInProcess } from '../kit/sessions-in-process.ts';

const stored = (id: string, content: string) => ({
  head: { id, commandId: 102, version: 1100, expiresAtMs: 0, flags: '', traceparent: '' },
  body: JSON.stringify({ chat_content: content }),
});

const direct = (body: string) => Message.direct(encodeFrame(1, 102, body), 0, new DirectInterval());

describe('decoders, which sessions share', () => {
  test('frames that arrive in parts, of several connections in turn, do not mix', async () => {
    const g = sessionsInProcess();
    const clients = await Promise.all(['a', 'b', 'c'].map((userId) => g.verified(userId)));
    const frames = ['a', 'b', 'c'].map((from) => frameBytes(4, { chat_content: `of ${from} ${from.repeat(5_000)}` }));
    for (const [start, end] of [
      [0, 5],
      [5, 40],
      [40, 9_000],
    ]) {
      for (const [i, { sendBytes }] of clients.entries())
        sendBytes((frames[i] ?? Buffer.alloc(0)).subarray(start, end));
    }
    await g.turn();
    for (const { received } of clients) {
      const contents = received().flatMap(
        (frame) => /of \w a{5000}|of \w b{5000}|of \w c{5000}/.exec(frame)?.[0].slice(0, 6) ?? [],
      );
      expect(contents).toEqual(['of a a', 'of b b', 'of c c']);
    }
  });

  test('a frame of more than 8 KiB is read after the verify, and ends a connection before it', async () => {
    const g = sessionsInProcess();
    const large = frameBytes(4, { chat_content: 'x'.repeat(9_000) });
    const verified = await g.verified('u');
    verified.sendBytes(large);
    const unverified = g.client();
    unverified.sendBytes(large);
    expect([verified.session.isClosed, unverified.session.isClosed]).toEqual([false, true]);
    expect(g.counters.closes.get('bad_length')).toBe(1);
  });
});

describe('deadlines', () => {
  test('a slow but steady reader stays, and one that takes nothing for SLOW_READER_TIMEOUT_MS is cut', async () => {
    const g = sessionsInProcess({ SLOW_READER_TIMEOUT_MS: '4000' });
    const client = await g.verified('u');
    await g.pass(1_000);
    client.connection.block();
    client.session.deliver(direct(JSON.stringify('x'.repeat(100_000))));
    await g.turn();
    for (let times = 0; times < 10; times += 1) {
      await g.pass(2_000);
      client.connection.writableLength -= 1_000;
    }
    expect(client.session.isClosed).toBe(false);
    await g.pass(3_900);
    expect(client.session.isClosed).toBe(false);
    await g.pass(1_700);
    expect(client.session.isClosed).toBe(true);
    expect(g.counters.closes.get('slow_reader')).toBe(1);
  });

  test('an unverified connection is closed after AUTH_TIMEOUT_MS without a frame, whatever it sends', async () => {
    const g = sessionsInProcess({ AUTH_TIMEOUT_MS: '2000' });
    const silent = g.client();
    const wrong = g.client();
    wrong.send(1, { phone_number: 'nobody', token: 'x' });
    const slowLoris = g.client();
    slowLoris.sendBytes(frameBytes(1, { phone_number: 'x', token: 'x' }).subarray(0, 20));
    const beating = g.client();
    beating.send(5);
    const verified = await g.verified('u');
    await g.pass(1_900);
    for (const { session } of [silent, wrong, slowLoris, beating]) expect(session.isClosed).toBe(false);
    await g.pass(200);
    for (const { session, connection } of [silent, wrong, slowLoris, beating]) {
      expect([session.isClosed, connection.isEnded]).toEqual([true, true]);
    }
    for (const { received } of [silent, slowLoris, beating]) expect(received()).toEqual([]);
    expect(wrong.received()).toEqual(['101 {"code": 0}']);
    expect(g.counters.closes.get('auth_timeout')).toBe(4);
    expect(verified.session.state).toBe('live');
  });

  test('heartbeats are enforced from the first one after the verify on, and only then', async () => {
    const g = sessionsInProcess({ HEARTBEAT_TIMEOUT_MS: '1000' });
    const never = await g.verified('never');
    const beats = await g.verified('beats');
    beats.send(5);
    const verifiesAgain = await g.verified('again');
    verifiesAgain.send(5);
    verifiesAgain.send(1, { phone_number: 'again', token: 'token of again' });
    await g.pass(900);
    expect(beats.session.isClosed).toBe(false);
    await g.pass(60_000);
    expect([never, beats, verifiesAgain].map(({ session }) => session.isClosed)).toEqual([false, true, false]);
    expect(g.counters.closes.get('heartbeat_timeout')).toBe(1);
  });

  test('any frame counts as a sign of life', async () => {
    const g = sessionsInProcess({ HEARTBEAT_TIMEOUT_MS: '1500' });
    const talks = await g.verified('talks');
    const silent = await g.verified('silent');
    talks.send(5);
    silent.send(5);
    for (let i = 0; i < 40; i += 1) {
      await g.pass(100);
      talks.send(2, { chat_to: 'away', chat_content: 'x' });
    }
    expect([talks.session.isClosed, silent.session.isClosed]).toEqual([false, true]);
    expect(g.routed).toHaveLength(40);
  });

  test('FRAME_TIMEOUT_MS: an unfinished frame closes a verified connection; a pause between frames does not', async () => {
    const g = sessionsInProcess({ FRAME_TIMEOUT_MS: '300' });
    const loris = await g.verified('loris', ['goodbye']);
    const quiet = await g.verified('quiet');
    const frame = frameBytes(2, { chat_to: 'quiet', chat_content: 'never ends' });
    loris.sendBytes(frame, frame.subarray(0, 13));
    // A byte now and then is no progress to speak of.
    for (let i = 0; i < 5; i += 1) {
      await g.pass(100);
      loris.sendBytes(Buffer.from('x'));
    }
    expect(loris.received().at(-1)).toMatch(/^112 .*"frame_timeout"/);
    expect(quiet.received().at(-1)).toContain('never ends');
    await g.pass(60_000);
    expect(quiet.session.state).toBe('live');
  });
});

describe('a client that has shut down its sending side', () => {
  const pongs = (frames: readonly string[]) => frames.filter((frame) => frame === '105 ');

  async function reader(env: NodeJS.ProcessEnv = {}) {
    const g = sessionsInProcess(env);
    const client = await g.verified('u', ['pong']);
    client.connection.block();
    client.send(5);
    await g.turn();
    client.send(5);
    client.session.onEnd();
    return { g, client };
  }

  test('gets the replies that wait because it reads slowly, and then the end', async () => {
    const { g, client } = await reader();
    await g.pass(5_000);
    expect([client.session.isClosed, pongs(client.received()).length]).toEqual([false, 1]);
    client.connection.unblock();
    await g.pass(200);
    expect([client.session.isClosed, pongs(client.received()).length]).toEqual([true, 2]);
    expect(g.counters.closes.get('client_left')).toBe(1);
  });

  test('and takes nothing is waited for 30 s', async () => {
    const { g, client } = await reader({ SLOW_READER_TIMEOUT_MS: '90000' });
    await g.pass(29_800);
    expect(client.session.isClosed).toBe(false);
    await g.pass(400);
    expect(client.session.isClosed).toBe(true);
  });

  test('is answered at once where it reads', async () => {
    const g = sessionsInProcess();
    const client = await g.verified('u', ['pong']);
    client.send(5);
    client.session.onEnd();
    expect([client.session.isClosed, pongs(client.received()).length]).toEqual([true, 1]);
  });

  test('is kept while its items are on their way to the upstream function', async () => {
    const g = sessionsInProcess();
    const { session } = await g.verified('u');
    session.uplink.beginSpooling();
    session.onEnd();
    await g.pass(1_000);
    expect(session.isClosed).toBe(false);
    session.uplink.endSpooling();
    await g.pass(200);
    expect(session.isClosed).toBe(true);
  });
});

describe('MAX_MESSAGES_PER_S', () => {
  const numbered = (count: number) =>
    Array.from({ length: count }, (_, i) => frameBytes(2, { chat_to: 'u', chat_content: `${i}` }));
  const numbers = (frames: string[]) => frames.flatMap((frame) => /^102 .*"(\d+)"\}$/.exec(frame)?.[1] ?? []);
  const upTo = (count: number) => Array.from({ length: count }, (_, i) => String(i));

  test('500 messages in one write pass at once', async () => {
    const g = sessionsInProcess();
    const client = await g.verified('u');
    client.sendBytes(...numbered(500));
    await g.turn();
    expect(numbers(client.received())).toEqual(upTo(500));
    expect(g.counters.throttled).toBe(0);
  });

  test('a sender over the limit is slowed down, and nothing is dropped or reordered', async () => {
    const g = sessionsInProcess({ MAX_MESSAGES_PER_S: '100' });
    const client = await g.verified('u');
    client.sendBytes(...numbered(300));
    await g.turn();
    // A burst of 200, then 100 at 100 a second.
    expect(numbers(client.received()).length).toBeLessThanOrEqual(200);
    expect(client.connection.isPaused).toBe(true);
    await g.pass(500);
    expect(numbers(client.received()).length).toBeLessThan(260);
    await g.pass(1_000);
    expect(numbers(client.received())).toEqual(upTo(300));
    expect(g.counters.throttled).toBeGreaterThan(0);
    expect(client.connection.isPaused).toBe(false);
  });

  test('a slowed sender is not taken for silent', async () => {
    const g = sessionsInProcess({ MAX_MESSAGES_PER_S: '1', HEARTBEAT_TIMEOUT_MS: '300' });
    const client = await g.verified('u');
    for (let i = 0; i < 80; i += 1) {
      client.send(5);
      await g.pass(50);
    }
    expect(g.counters.throttled).toBeGreaterThanOrEqual(2);
    expect(client.session.isClosed).toBe(false);
  });

  test('0 is off', async () => {
    const g = sessionsInProcess({ MAX_MESSAGES_PER_S: '0' });
    const client = await g.verified('u');
    client.sendBytes(...numbered(3_000));
    await g.turn();
    expect(numbers(client.received())).toHaveLength(3_000);
    expect(g.counters.throttled).toBe(0);
  });
});

describe('a session that is served from its mailbox', () => {
  test('waits for the session before it for three leases at most', async () => {
    const g = sessionsInProcess({ LEASE_MS: '1000' });
    g.claim.predecessorHandsOver = true;
    const client = await g.verified('u');
    await g.pass(2_900);
    expect(g.asked).toEqual([]);
    g.pages.push([stored('5', 'left behind')]);
    await g.pass(200);
    expect(g.asked[0]).toEqual({ after: '0', waitsForNobody: true });
    expect(client.received().at(-1)).toContain('left behind');
    expect(client.session.state).toBe('live');
  });

  test('reads from the beginning when older messages came while a page was on its way', async () => {
    const g = sessionsInProcess();
    g.claim.waiting = 1;
    g.pages.push([stored('7', 'newer')]);
    const client = g.client();
    g.meanwhile.push(() => client.session.notifyMailbox());
    client.send(1, { phone_number: 'u', token: 'token of u' });
    for (let turns = 0; client.session.state !== 'live' && turns < 10; turns += 1) await g.turn();
    expect(g.asked.map(({ after }) => after)).toEqual(['0', '0']);
    expect(client.received().at(-1)).toContain('newer');
    expect(client.session.state).toBe('live');
  });

  test('a broadcast of the very turn in which the session falls behind is not lost', async () => {
    const g = sessionsInProcess({ OUTBOX_MAX_BYTES: '1024' });
    const client = await g.verified('u');
    client.connection.block();
    client.session.deliver(direct(JSON.stringify('x'.repeat(2_000))));
    await g.turn();
    g.broadcasts.add(Message.broadcast(encodeFrame(1, 104, '"to everyone"'), 0));
    client.session.deliver(direct('"one more"'));
    expect(client.session.state).toBe('replaying');
    await g.turn();
    client.connection.unblock();
    await g.turn();
    await g.turn();
    expect(client.received().filter((frame) => frame.startsWith('104'))).toEqual(['104 "to everyone"']);
    expect(client.session.state).toBe('live');
  });

  test('a session that falls behind while it is suspended stays suspended, and is served when it is resumed', async () => {
    const g = sessionsInProcess({ OUTBOX_MAX_BYTES: '1024' });
    const client = await g.verified('u', ['pong']);
    client.connection.block();
    client.session.deliver(direct(JSON.stringify('x'.repeat(2_000))));
    await g.turn();
    client.session.suspend();
    g.broadcasts.add(Message.broadcast(encodeFrame(1, 104, '"to everyone"'), 0));
    client.send(5);
    expect(client.session.state).toBe('suspended');
    g.pages.push([stored('7', 'from the mailbox')]);
    client.session.resume({ epoch: 2, holder: 'g2', joinedAtMessageId: 0, given: [] }, undefined, 'outbox');
    client.connection.unblock();
    for (let turns = 0; client.session.state !== 'live' && turns < 10; turns += 1) await g.turn();
    expect(client.session.state).toBe('live');
    const chats = client.received().filter((frame) => /^(102 \{|104)/.test(frame));
    expect(chats).toEqual(['104 "to everyone"', expect.stringContaining('from the mailbox')]);
  });
});

describe('a suspended session', () => {
  const inbox = (id: string, content: string) => {
    const { head, body } = stored(id, content);
    return new Message(head, body, 'inbox');
  };
  const direct = (content: string, orderId: number) =>
    Message.direct(encodeFrame(1, 102, JSON.stringify({ chat_content: content })), orderId, new DirectInterval());

  test('gets direct messages in their place among those of its mailbox, when it is resumed', async () => {
    const g = sessionsInProcess();
    const { session, connection, received } = await g.verified('u');
    connection.block();
    session.deliver(inbox('10', 'being written'));
    await g.turn();
    session.deliver(inbox('20', 'first'));
    session.deliver(direct('second', 20));
    session.deliver(direct('third', 20));
    session.deliver(inbox('30', 'fourth'));
    session.deliver(direct('fifth', 30));
    session.suspend();
    connection.unblock();
    g.pages.push([stored('20', 'first'), stored('30', 'fourth')]);
    session.resume({ epoch: 9, holder: 'g', joinedAtMessageId: 30, given: [] }, undefined, 'outbox');
    for (let turns = 0; session.state !== 'live' && turns < 10; turns += 1) await g.turn();
    await g.turn();
    const contents = received().flatMap((frame) => /"chat_content":"([^"]*)"/.exec(frame)?.[1] ?? []);
    expect(contents).toEqual(['being written', 'first', 'second', 'third', 'fourth', 'fifth']);
  });

  test('that ends puts its direct messages back', async () => {
    const g = sessionsInProcess();
    const { session, connection } = await g.verified('u');
    connection.block();
    session.deliver(inbox('10', 'being written'));
    await g.turn();
    session.deliver(inbox('20', 'in Redis'));
    session.deliver(direct('nowhere else', 20));
    session.suspend();
    session.close(CloseReasons.clientLeft);
    await g.turn();
    expect(g.released.flat().map(({ id, body }) => [id, JSON.parse(body).chat_content])).toEqual([
      ['10', 'being written'],
      ['0', 'nowhere else'],
    ]);
  });
});
