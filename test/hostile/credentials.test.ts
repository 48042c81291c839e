import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { tokenAtRest } from '../../contract/store/tokens.ts';
import { Peer } from '../kit/peer.ts';
import { startTarget, type Target } from './support/target.ts';

/** MAX_VERIFY_FAILURES_PER_USER by default. */
const FREE_GUESSES = 20;

let target: Target;
beforeAll(async () => {
  target = await startTarget({ env: { MAX_VERIFY_ATTEMPTS: '1000' } });
});
afterAll(() => target.stop());

const from = (localAddress: string) => Peer.over(connect({ port: target.port, host: '127.0.0.1', localAddress }));

test('brute force: guesses are slowed down; the user gets in at once from elsewhere, and from the same address, too', async () => {
  await target.attack(async () => {
    await target.users('victim');
    const attacker = from('127.0.0.66');
    const startedAt = performance.now();
    const delayed = () => target.metric('fronttcp_verify_delayed_total');
    for (let guesses = 1, slow = 0; slow < 4; guesses += 1) {
      expect(await attacker.verify('victim', { token: `guess ${guesses}` })).toEqual({ code: 0 });
      const elapsedMs = performance.now() - startedAt;
      slow = await delayed();
      // One failure is forgotten in a second: a slow machine has as many more free guesses.
      expect(guesses - slow).toBeLessThanOrEqual(FREE_GUESSES + 1 + elapsedMs / 1_000);
      expect(elapsedMs).toBeGreaterThanOrEqual(slow * 250);
    }

    const elsewhere = from('127.0.0.67');
    const before = await delayed();
    expect(await elsewhere.verify('victim')).toEqual({ code: 1 });
    expect(await delayed()).toBe(before);
    const sameAddress = from('127.0.0.66');
    expect(await sameAddress.verify('victim')).toEqual({ code: 1 });
    await sameAddress.leave();
    await attacker.leave();
  });
});

test('a thousand clients behind the address of an attacker verify without a wait', async () => {
  await target.attack(async () => {
    const attacker = from('127.0.0.68');
    for (let i = 0; i < 30; i += 1) attacker.send(1, { phone_number: 'one of them', token: `${i}` });
    const ids = Array.from({ length: 1_000 }, (_, i) => `honest ${i}`);
    await target.users(...ids);
    const delayedBefore = await target.metric('fronttcp_verify_delayed_total');
    for (let at = 0; at < ids.length; at += 200) {
      const peers = await Promise.all(
        ids.slice(at, at + 200).map(async (id) => {
          const peer = from('127.0.0.68');
          expect(await peer.verify(id)).toEqual({ code: 1 });
          return peer;
        }),
      );
      for (const peer of peers) peer.socket.destroy();
    }
    // Only the attacker's own ones: its connection is not read while one of them waits.
    expect((await target.metric('fronttcp_verify_delayed_total')) - delayedBefore).toBeLessThanOrEqual(10);
    attacker.socket.destroy();
  });
});

describe('tokens', () => {
  test('swapped: the token of one user is refused for another', async () => {
    await target.attack(async () => {
      await target.users('ann', 'bob');
      const peer = from('127.0.0.69');
      expect(await peer.verify('ann', { token: 'token of bob' })).toEqual({ code: 0 });
      expect(await peer.verify('ann')).toEqual({ code: 1 });
      await peer.leave();
    });
  });

  test('replayed after they were revoked, replaced or expired, and the hash at rest presented as a token', async () => {
    await target.attack(async () => {
      const key = target.keys.user('carol');
      const peer = from('127.0.0.70');
      await target.redis.hset(key, { token: tokenAtRest('secret') });
      expect(await peer.verify('carol', { token: 'secret' })).toEqual({ code: 1 });
      for (const change of [
        () => target.redis.hset(key, { token: tokenAtRest('newer') }),
        () => target.redis.hset(key, { token: tokenAtRest('secret'), token_expires_at: 1 }),
        () => target.redis.hset(key, { token: tokenAtRest('secret'), token_expires_at: 'never' }),
        () => target.redis.hdel(key, 'token'),
      ]) {
        await change();
        expect(await peer.verify('carol', { token: 'secret' })).toEqual({ code: 0 });
      }
      await target.redis.hset(key, { token: tokenAtRest('secret'), token_expires_at: 4_102_444_800 });
      for (const token of [tokenAtRest('secret'), 'SECRET', 'secret ', 'secre', 'sha256:']) {
        expect(await peer.verify('carol', { token })).toEqual({ code: 0 });
      }
      expect(await peer.verify('carol', { token: 'secret' })).toEqual({ code: 1 });
      await peer.leave();
    });
  });

  test('chat_from is the verified user, whatever the body claims', async () => {
    await target.attack(async () => {
      const mallory = await target.verified('mallory');
      const dave = await target.verified('dave');
      mallory.send(2, { chat_from: 'the bank', phone_number: 'the bank', chat_to: 'dave', chat_content: 'pay' });
      await dave.receives(102, { chat_from: 'mallory', chat_content: 'pay' });
      await mallory.leave();
      await dave.leave();
    });
  });
});

test('the log of all these attacks has no secret, and no line that an attacker wrote', async () => {
  const loud = await startTarget({ env: { LOG_LEVEL: 'trace' } });
  onTestFinished(() => loud.stop());
  const peer = await loud.verified('talkative', ['errors', 'receipts']);
  peer.send(2, { chat_to: 'talkative', chat_content: 'a very private matter', ref: 'r' });
  await peer.receives(102, undefined);
  await peer.receives(110);
  peer.send(2, '{"chat_content":"a very private matter"');
  await peer.receives(111);
  await peer.verify('talkative', { token: 'a wrong and private token' }).catch(() => undefined);
  await peer.leave();
  const forger = await loud.verified('"}\n{"level":60,"msg":"forged"}');
  await forger.leave();
  // All of its log is here when it has ended.
  await loud.process.stop();
  const log = loud.process.output();
  expect(log).toContain('"talkative"');
  expect(log).not.toMatch(/private|token of talkative/);
  expect(log).toContain('forged');
  expect(log).not.toMatch(/^\{"level":60,"msg":"forged"\}/m);
});
