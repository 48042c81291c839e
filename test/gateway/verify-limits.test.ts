import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../gateway/config.ts';
import { Counters } from '../../gateway/observe/counters.ts';
import { FailureCounts } from '../../gateway/session/failure-counts.ts';
import { VerifyLimits } from '../../gateway/session/verify-limits.ts';
import { Wheel } from '../../gateway/session/wheel.ts';
import { networkOf } from '../../shared/address.ts';

const T0 = 1_000_000;

function limits(env: NodeJS.ProcessEnv = {}): VerifyLimits {
  const config = parseConfig({ REDIS_URL: 'redis://127.0.0.1', ...env });
  return new VerifyLimits({ wheel: new Wheel(), counters: new Counters(), settings: config });
}

describe('failed verifies', () => {
  test('20 of one user from one address are free, then the wait doubles up to 5 s', () => {
    const l = limits();
    const waits: number[] = [];
    for (let i = 0; i < 28; i += 1) {
      waits.push(l.delayMs('u', '10.0.0.1', T0));
      l.failed('u', '10.0.0.1', T0);
    }
    expect(waits.slice(0, 21)).toEqual(Array.from({ length: 21 }, () => 0));
    expect(waits.slice(21)).toEqual([250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
  });

  test('failures of strangers do not delay a user at another address, until they are many: then a wait, never a refusal', () => {
    const l = limits();
    for (let i = 0; i < 90; i += 1) l.failed('u', '10.0.0.1', T0);
    expect(l.delayMs('u', '10.0.0.2', T0)).toBe(0);
    expect(l.delayMs('somebody else', '10.0.0.1', T0)).toBe(0);
    for (let i = 0; i < 10_000; i += 1) l.failed('u', `10.1.${i >> 8}.${i & 255}`, T0);
    expect(l.delayMs('u', '10.0.0.2', T0)).toBe(5_000);
  });

  test('expire, one a second; a minute after a long attack the wait is over', () => {
    const l = limits();
    for (let i = 0; i < 10_000; i += 1) l.failed('u', '10.0.0.1', T0);
    expect(l.delayMs('u', '10.0.0.1', T0)).toBe(5_000);
    expect(l.delayMs('u', '10.0.0.1', T0 + 60_001)).toBe(0);
  });

  test('of one address over all users are counted, too: 1,000 are free', () => {
    const l = limits();
    for (let i = 0; i < 1_001; i += 1) l.failed(`sprayed ${i}`, '10.0.0.1', T0);
    expect(l.delayMs('anybody', '10.0.0.1', T0)).toBe(250);
    expect(l.delayMs('anybody', '10.0.0.2', T0)).toBe(0);
  });

  test('0 is off', () => {
    const l = limits({ MAX_VERIFY_FAILURES_PER_USER: '0', MAX_VERIFY_FAILURES_PER_ADDRESS: '0' });
    for (let i = 0; i < 5_000; i += 1) l.failed('u', '10.0.0.1', T0);
    expect(l.delayMs('u', '10.0.0.1', T0)).toBe(0);
  });

  test('from 200,000 names cost bounded memory', () => {
    const counts = new FailureCounts(10);
    for (let i = 0; i < 200_000; i += 1) counts.add(`name ${i}`, T0);
    expect(counts.size).toBeLessThanOrEqual(50_000);
    expect(counts.excess('name 199999', T0)).toBe(1 - 10);
  });
});

test.each([
  ['10.0.0.1', '10.0.0.1'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['2001:db8:0:1::1', '2001:db8:0:1'],
  ['2001:db8:0:1:ffff:ffff:ffff:ffff', '2001:db8:0:1'],
  ['2001:0db8::2', '2001:db8:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
  ['::1', '0:0:0:0'],
  ['', ''],
])('the address %j counts as %j', (address, expected) => {
  expect(networkOf(address)).toBe(expected);
});
