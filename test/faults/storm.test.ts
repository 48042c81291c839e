import { expect, it } from 'vitest';
import { runStorm } from './storm.ts';

it('2,000 clients, of whom a killed gateway had a third, come back, and the living go on', {
  timeout: 240_000,
}, async () => {
  const { cutOff, storm } = await runStorm({ clients: 2_000, gateways: 3 });
  expect(cutOff).toBeGreaterThan(200);
  expect(storm.count).toBeGreaterThan(10);
  expect(storm.max).toBeLessThan(5_000);
});
