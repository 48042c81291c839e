import { connect } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { frameBytes, Peer } from '../kit/peer.ts';
import { until } from '../kit/until.ts';
import { startTarget, type Target } from './support/target.ts';

let target: Target;
beforeAll(async () => {
  target = await startTarget({
    env: {
      AUTH_TIMEOUT_MS: '3000',
      SLOW_READER_TIMEOUT_MS: '500',
      FRAME_TIMEOUT_MS: '500',
      HEARTBEAT_TIMEOUT_MS: '1000',
    },
  });
});
afterAll(() => target.stop());

const several = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));

test('10,000 unverified connections: no more than MAX_UNVERIFIED_PER_ADDRESS are held, and all of them go', async () => {
  await target.attack(async () => {
    const verified = await target.verified('here before');
    for (let round = 0; round < 9; round += 1) {
      const peers = await Promise.all(several(1_000, () => Peer.connect(target.port)));
      for (const peer of peers) peer.socket.resetAndDestroy();
    }
    // Those that stay and say nothing: 200 too many, who have 1.2 s to verify, less than AUTH_TIMEOUT_MS.
    await Promise.all(several(1_200, () => Peer.connect(target.port)));
    // They stand in the kernel's queue at first: what is one too many is found as they are accepted.
    const turnedAway = () => target.metric('fronttcp_closes_total{reason="address_full"}');
    await until('some are turned away', async () => (await turnedAway()) > 0, { timeoutMs: 60_000, everyMs: 250 });
    const held = async () => (await target.metric('fronttcp_connections')) <= 1_001;
    await until('no more than those are held', held, { timeoutMs: 60_000, everyMs: 250 });
    const elsewhere = Peer.over(connect({ port: target.port, host: '127.0.0.1', localAddress: '127.0.0.2' }));
    await target.users('elsewhere');
    expect(await elsewhere.verify('elsewhere')).toEqual({ code: 1 });
    await elsewhere.leave();
    verified.send(2, { chat_to: 'here before', chat_content: 'unharmed' });
    await verified.receives(102, expect.objectContaining({ chat_content: 'unharmed' }));
    await verified.leave();
  });
}, 240_000);

test('a storm of resets: in the middle of a header, of a body, of a verify', async () => {
  await target.attack(async () => {
    const verify = frameBytes(1, { phone_number: 'x', token: 'y' });
    for (let round = 0; round < 5; round += 1) {
      const peers = await Promise.all(several(100, () => Peer.connect(target.port)));
      for (const [i, peer] of peers.entries()) {
        peer.sendBytes(verify.subarray(0, 1 + (i % verify.length)));
        peer.socket.resetAndDestroy();
      }
    }
  });
});

test('slow loris before the verify: a byte now and then buys no time', async () => {
  await target.attack(async () => {
    const peers = await Promise.all(several(50, () => Peer.connect(target.port)));
    const frame = frameBytes(1, { phone_number: 'x', token: 'y'.repeat(1_000) });
    let at = 0;
    const dripping = setInterval(() => {
      for (const peer of peers) if (!peer.isClosed) peer.sendBytes(frame.subarray(at, at + 1));
      at += 1;
    }, 100);
    onTestFinished(() => clearInterval(dripping));
    for (const peer of peers) await peer.ended();
  });
});

test('slow loris after the verify: a frame that never ends', async () => {
  await target.attack(async () => {
    const peers = await Promise.all(several(20, (i) => target.verified(`loris ${i}`)));
    for (const peer of peers) peer.sendBytes(frameBytes(2, 'x'.repeat(60_000)).subarray(0, 50_000));
    for (const peer of peers) await peer.ended();
  });
});

test('half-open: a client that sent heartbeats and fell silent is closed', async () => {
  await target.attack(async () => {
    const peers = await Promise.all(several(20, (i) => target.verified(`half open ${i}`)));
    for (const peer of peers) peer.send(5);
    for (const peer of peers) await peer.ended();
  });
});

test('a client that closes only its sending half is closed', async () => {
  await target.attack(async () => {
    const socket = connect({ port: target.port, host: '127.0.0.1', allowHalfOpen: true });
    const peer = Peer.over(socket);
    socket.end(frameBytes(5));
    socket.on('end', () => socket.destroy());
    await peer.ended();
  });
});

test('more connections than files: the process keeps its reserve, answers health checks, and takes clients again', async () => {
  const small = await startTarget({ openFiles: 256, env: { AUTH_TIMEOUT_MS: '60000' } });
  onTestFinished(() => small.stop());
  await small.attack(async () => {
    const peers = await Promise.all(several(300, () => Peer.connect(small.port)));
    await until('some were turned away', () => peers.filter(({ isClosed }) => isClosed).length >= 100);
    expect(await small.metric('fronttcp_connections')).toBeLessThanOrEqual(128);
    expect((await fetch(`http://127.0.0.1:${small.healthPort}/readyz`)).status).toBe(200);
    await small.redis.lpush(small.keys.queue, 'poison while full');
    await until('the queue goes on', async () => (await small.redis.llen(small.keys.queueDead)) === 1);
    for (const peer of peers) peer.socket.destroy();
    await until('they are gone', async () => (await small.metric('fronttcp_connections')) === 0);
  });
}, 120_000);
