import { expect, it } from 'vitest';
import { runMoves, runStorm } from './storm.ts';
import { checkMoves } from './storm-checks.ts';

it('4,000 clients, a third of them of a killed gateway, come back, and the other gateways go on', {
  timeout: 240_000,
}, async () => {
  const { cutOff, storm } = await runStorm({ clients: 4_000, gateways: 3 });
  expect(cutOff).toBeGreaterThan(400);
  expect(storm.count).toBeGreaterThan(10);
  expect(storm.max).toBeLessThan(5_000);
});

it('row 3: 6,000 plain clients of one gateway connect to another: its work is linear, its lease kept, nothing lost', {
  timeout: 480_000,
}, async () => {
  expect(checkMoves(await runMoves([1_500, 6_000]))).toEqual([]);
});
