import { describe, expect, it } from 'vitest';
import { runAsking } from './asking/run.ts';
import { runOvertaking } from './overtaking.ts';
import { runSeed } from './run-seed.ts';
import { runSilent } from './silent.ts';
import { runStalled } from './stalled.ts';

/** A bounded number of runs; `npm run test:faults -- --seeds N` does any number. */
const TIMEOUT_MS = 240_000;

/** Each run has its own Redis and gateways, and waits for most of its time: they go side by side. */
describe.concurrent('the promises hold under faults', () => {
  it.each([
    { seed: 1, what: 'gateways are killed and paused' },
    { seed: 3, what: 'gateways end, the API is killed, clients move' },
    { seed: 4, what: 'the links to Redis go dead, are cut, are slow, and deliver late' },
  ])('seed $seed: $what', { timeout: TIMEOUT_MS }, async ({ seed }) => {
    const { violations, story } = await runSeed({ seed });
    expect(violations, violations.length > 0 ? story : '').toEqual([]);
  });

  it('a client that stalled on a killed gateway gets what it had not read', {
    timeout: TIMEOUT_MS,
  }, async () => {
    expect(await runStalled()).toEqual([]);
  });

  it('calls that wait, times, keys and groups keep their promises', { timeout: TIMEOUT_MS }, async () => {
    expect(await runAsking()).toEqual([]);
  });

  it('a send refused while Redis stood still is not delivered when it goes on', { timeout: TIMEOUT_MS }, async () => {
    expect(await runSilent({ pauses: 3 })).toEqual([]);
  });

  it("a direct message does not overtake its sender's earlier ones", { timeout: TIMEOUT_MS }, async () => {
    expect(await runOvertaking()).toEqual([]);
  });
});

describe.concurrent('the promises hold in a cluster, every key behind a hash tag', () => {
  it.each([
    { seed: 4, what: 'Redis is full, busy, forgets scripts, closes connections' },
    { seed: 6, what: 'Redis is killed and paused' },
  ])('seed $seed: $what', { timeout: TIMEOUT_MS }, async ({ seed }) => {
    const { violations, story } = await runSeed({ seed, cluster: true });
    expect(violations, violations.length > 0 ? story : '').toEqual([]);
  });
});
