import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { System } from '../cli/system.ts';
import { Peer } from '../kit/peer.ts';
import { until } from '../kit/until.ts';

let system: System;

beforeAll(async () => {
  system = await System.start();
}, 180_000);
afterAll(() => system.stop());

/** `fronttcp tail --json` at work, and its lines so far. */
async function tail(...args: string[]) {
  const child = system.spawn(['tail', '--json', ...args]);
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (errors += text));
  await until('it follows', () => errors.includes('Following'), { timeoutMs: 60_000 });
  return {
    text: () => output,
    lines: () =>
      output
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    end: () =>
      new Promise<number | null>((resolve) => {
        child.once('close', resolve);
        child.kill('SIGINT');
      }),
  };
}

describe('fronttcp tail', () => {
  it('shows connects, deliveries, refusals and disconnects of the chosen user', async () => {
    const [annToken, bobToken] = [await system.user('ann'), await system.user('bob')];
    const [everyone, onlyAnn] = [await tail(), await tail('--user', 'ann')];
    const ann = await Peer.connect(system.port);
    const bob = await Peer.connect(system.port);
    await ann.verify('ann', { token: annToken });
    await bob.verify('bob', { token: bobToken });
    // Gateways look every three seconds whether somebody follows.
    await until(
      'a delivery is shown',
      async () => {
        bob.send(2, { chat_from: 'bob', chat_to: 'ann', chat_content: 'for your eyes only' });
        ann.send(2, { chat_from: 'ann', chat_to: 'bob', chat_content: 'for your eyes only' });
        const deliveries = [...everyone.lines(), ...onlyAnn.lines()].filter(({ type }) => type === 'delivered');
        return (
          deliveries.some(({ user }) => user === 'bob') && onlyAnn.lines().some(({ type }) => type === 'delivered')
        );
      },
      { timeoutMs: 30_000, everyMs: 200 },
    );
    ann.send(2, 'not JSON');
    const stranger = await Peer.connect(system.port);
    await stranger.verify('ann', { token: 'wrong' });
    await ann.leave();
    // Each follows at its own pace, and what gateways tell comes after the events.
    const last = ['disconnected', 'refused', 'verify_refused'];
    await until(
      'both show the end and the refusals',
      () =>
        [everyone, onlyAnn].every((each) =>
          last.every((kind) => each.lines().some(({ type, user }) => type === kind && user === 'ann')),
        ),
      { timeoutMs: 30_000 },
    );
    const kinds = new Set(onlyAnn.lines().map(({ type }) => type));
    expect([...kinds].sort()).toEqual(['connected', 'delivered', 'disconnected', 'refused', 'verify_refused']);
    expect(onlyAnn.lines().every(({ user }) => user === 'ann')).toBe(true);
    expect(everyone.lines().some(({ user }) => user === 'bob')).toBe(true);
    expect(onlyAnn.lines().find(({ type }) => type === 'refused')).toMatchObject({ reason: 'malformed' });
    expect(everyone.text() + onlyAnn.text()).not.toMatch(/eyes only|token/);
    expect(await everyone.end()).toBe(130);
    expect(await onlyAnn.end()).toBe(130);
    await bob.leave();
  }, 180_000);
});
