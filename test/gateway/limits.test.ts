import { describe, expect, test } from 'vitest';
import { chat, gateway } from '../kit/gateway.ts';
import { Peer } from '../kit/peer.ts';
import { until } from '../kit/until.ts';

describe('connections of one address', () => {
  test('MAX_UNVERIFIED_PER_ADDRESS: silent connections over the limit are closed, the earlier ones stay', async () => {
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

  test('MAX_UNVERIFIED_PER_ADDRESS: a connection that fails and falls silent counts again', async () => {
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

  test('MAX_CONNECTIONS: the gateway is full, and present connections stay', async () => {
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
