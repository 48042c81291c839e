import { describe, expect, test } from 'vitest';
import { frameBytes, Peer } from '../kit/peer.ts';
import { until } from '../kit/until.ts';
import { chat, gateway } from './support/gateway.ts';

describe('deadlines', () => {
  test('who is unverified after AUTH_TIMEOUT_MS is closed without a word, whatever it sends', async () => {
    const g = await gateway({ AUTH_TIMEOUT_MS: '2000' });
    const silent = await g.peer();
    const wrong = await g.peer();
    await wrong.verify('nobody');
    const slowLoris = await g.peer();
    slowLoris.sendBytes(frameBytes(1, { phone_number: 'x', token: 'x' }).subarray(0, 20));
    const beating = await g.peer();
    beating.send(5);
    const verified = await g.verified('u');
    for (const peer of [silent, wrong, slowLoris, beating]) await peer.isClosedSilently();
    verified.send(2, { chat_to: 'u', chat_content: 'still here' });
    await verified.receives(102, chat('u', 'still here'));
  });

  test('heartbeats are enforced from the first one after the verify on, and only then', async () => {
    const g = await gateway({ HEARTBEAT_TIMEOUT_MS: '1000' });
    const never = await g.verified('never');
    const beats = await g.verified('beats');
    beats.send(5);
    const verifiesAgain = await g.verified('again');
    verifiesAgain.send(5);
    await verifiesAgain.verify('again');
    await beats.isClosedSilently();
    // Longer than the timeout after whoever verified again last spoke: this one began to beat behind it.
    const later = await g.verified('later');
    later.send(5);
    await later.isClosedSilently();
    await until('it is offline', async () => (await g.redis.command('HGET', g.keys.user('beats'), 'gateway')) === null);
    for (const [peer, id] of [
      [never, 'never'],
      [verifiesAgain, 'again'],
    ] as const) {
      peer.send(2, { chat_to: id, chat_content: 'still here' });
      await peer.receives(102, chat(id, 'still here'));
    }
  });

  test('any frame counts as a sign of life', async () => {
    const g = await gateway({ HEARTBEAT_TIMEOUT_MS: '1500' });
    const talks = await g.verified('talks');
    const silent = await g.verified('silent');
    talks.send(5);
    silent.send(5);
    const talking = setInterval(() => talks.send(2, { chat_to: 'away', chat_content: 'x' }), 50);
    await silent.isClosedSilently();
    clearInterval(talking);
    talks.send(2, { chat_to: 'talks', chat_content: 'still here' });
    await talks.receives(102, chat('talks', 'still here'));
  });
});

describe('MAX_MESSAGES_PER_S', () => {
  test('500 messages in one write pass at once', async () => {
    const g = await gateway();
    const client = await g.verified('u');
    const frames = Array.from({ length: 500 }, (_, i) => frameBytes(2, { chat_to: 'u', chat_content: `${i}` }));
    client.sendBytes(...frames);
    for (let i = 0; i < 500; i += 1) await client.receives(102, chat('u', `${i}`));
    expect(await g.metric('fronttcp_throttled_total')).toBe(0);
  });

  test('who is over it is slowed down, and nothing is dropped or reordered', async () => {
    const g = await gateway({ MAX_MESSAGES_PER_S: '100' });
    const client = await g.verified('u');
    const quick = await g.verified('quick');
    const started = performance.now();
    client.sendBytes(...Array.from({ length: 300 }, (_, i) => frameBytes(2, { chat_to: 'u', chat_content: `${i}` })));
    for (let i = 0; i < 300; i += 1) await client.receives(102, chat('u', `${i}`));
    // A burst of 200, then 100 at 100 a second.
    expect(performance.now() - started).toBeGreaterThan(600);
    expect(await g.metric('fronttcp_throttled_total')).toBeGreaterThan(0);
    quick.send(2, { chat_to: 'quick', chat_content: 'unharmed' });
    await quick.receives(102, chat('quick', 'unharmed'));
  });

  test('who is slowed down is not taken for silent', async () => {
    const g = await gateway({ MAX_MESSAGES_PER_S: '1', HEARTBEAT_TIMEOUT_MS: '300' });
    const client = await g.verified('u');
    client.send(5);
    const beating = setInterval(() => client.send(5), 50);
    await until('it was slowed down', async () => (await g.metric('fronttcp_throttled_total')) >= 2);
    clearInterval(beating);
    expect(client.isClosed).toBe(false);
  });

  test('0 is off', async () => {
    const g = await gateway({ MAX_MESSAGES_PER_S: '0' });
    const client = await g.verified('u');
    client.sendBytes(...Array.from({ length: 3_000 }, (_, i) => frameBytes(2, { chat_to: 'u', chat_content: `${i}` })));
    await until('all are here', () => client.frames.length === 3_001);
    expect(await g.metric('fronttcp_throttled_total')).toBe(0);
  });
});

describe('connections of one address', () => {
  test('MAX_UNVERIFIED_PER_ADDRESS: more than so many that say nothing are closed, those who were first stay', async () => {
    const g = await gateway({ MAX_UNVERIFIED_PER_ADDRESS: '2' });
    await g.users('u', 'v');
    const first = await g.peer();
    const second = await g.peer();
    await (await g.peer()).isClosedSilently();
    expect(await g.metric('fronttcp_closes_total{reason="address_full"}')).toBe(1);
    expect(await first.verify('u')).toEqual({ code: 1 });
    const third = await g.peer();
    await (await g.peer()).isClosedSilently();
    expect(await second.verify('nobody')).toEqual({ code: 0 });
    expect(await second.verify('v')).toEqual({ code: 1 });
    expect(third.isClosed).toBe(false);
  });

  test('MAX_UNVERIFIED_PER_ADDRESS: who fails and then says nothing counts again', async () => {
    const g = await gateway({ MAX_UNVERIFIED_PER_ADDRESS: '2' });
    const idle = [await g.peer(), await g.peer()];
    const failing = await g.peer();
    expect(await failing.verify('nobody')).toEqual({ code: 0 });
    await failing.isClosedSilently();
    expect(idle.map(({ isClosed }) => isClosed)).toEqual([false, false]);
  });

  test('an honest fleet that verifies as it connects is not limited, however many at a time, nor by others that say nothing', async () => {
    const g = await gateway({ MAX_UNVERIFIED_PER_ADDRESS: '5' });
    const idle = await Promise.all(Array.from({ length: 5 }, () => g.peer()));
    const ids = Array.from({ length: 200 }, (_, i) => `fleet ${i}`);
    await g.users(...ids);
    const verdicts = await Promise.all(ids.map(async (id) => (await g.peer()).verify(id)));
    expect(verdicts).toEqual(ids.map(() => ({ code: 1 })));
    expect(idle.every(({ isClosed }) => !isClosed)).toBe(true);
    expect(await g.metric('fronttcp_closes_total{reason="address_full"}')).toBe(0);
  });

  test('MAX_CONNECTIONS_PER_ADDRESS counts the verified ones too', async () => {
    const g = await gateway({ MAX_CONNECTIONS_PER_ADDRESS: '2' });
    const one = await g.verified('one');
    await g.verified('two');
    await (await g.peer()).isClosedSilently();
    await one.leave();
    await until('there is room again', async () => {
      const peer = await Peer.connect(g.port);
      peer.send(1, { phone_number: 'nobody', token: 'x' });
      const answered = (await peer.next().catch(() => undefined)) !== undefined;
      peer.socket.destroy();
      return answered;
    });
  });

  test('MAX_CONNECTIONS: the gateway is full, and those who are here stay', async () => {
    const g = await gateway({ MAX_CONNECTIONS: '1' });
    const one = await g.verified('one');
    await (await g.peer()).isClosedSilently();
    one.send(2, { chat_to: 'one', chat_content: 'still here' });
    await one.receives(102, chat('one', 'still here'));
  });
});

test('10,000 unverified connections come and go, and a fresh client works', async () => {
  const g = await gateway({ MAX_UNVERIFIED_PER_ADDRESS: '500' });
  for (let round = 0; round < 20; round += 1) {
    const peers = await Promise.all(Array.from({ length: 500 }, () => Peer.connect(g.port)));
    for (const peer of peers) peer.socket.resetAndDestroy();
  }
  // Each is accepted, and only then found to be reset: on a busy machine that takes its time.
  await until('all are gone', async () => (await g.metric('fronttcp_connections')) === 0, { timeoutMs: 90_000 });
  const client = await g.verified('fresh');
  client.send(2, { chat_to: 'fresh', chat_content: 'x' });
  await client.receives(102, chat('fresh', 'x'));
}, 180_000);
