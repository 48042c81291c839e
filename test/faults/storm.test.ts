import { expect, it } from 'vitest';
import { stopwatch } from '../kit/stopwatch.ts';
import { runMoves, runStorm } from './storm.ts';
import { checkMoves } from './storm-checks.ts';

it('800 clients, a third of them of a killed gateway, come back, and the other gateways go on', {
  timeout: 240_000,
}, async () => {
  const startedAt = performance.now();
  const ownMs = stopwatch();
  const { cutOff, storm } = await runStorm({ clients: 800, gateways: 3 });
  const starvedMs = performance.now() - startedAt - ownMs();
  expect(cutOff).toBeGreaterThan(80);
  expect(storm.count).toBeGreaterThan(10);
  expect(storm.max).toBeLessThan(5_000 + starvedMs);
});

it('row 3: 2,000 plain clients of one gateway connect to another: its work is linear, its lease kept, nothing lost', {
  timeout: 240_000,
}, async () => {
  expect(checkMoves(await runMoves([500, 2_000]))).toEqual([]);
});
