import { describe, expect, test } from 'vitest';
import { FEATURES } from '../../contract/wire/command-ids.ts';
import { CloseReasons, closeReasonOf } from '../../gateway/session/close-reasons.ts';
import { FeatureBit, featureBits, featureNames, formOf } from '../../gateway/session/features.ts';

describe('close reasons', () => {
  const rows = Object.values(CloseReasons);

  test('numbers and names are unique, and a row is found by its name', () => {
    expect(new Set(rows.map(({ number }) => number)).size).toBe(rows.length);
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
    for (const row of rows) {
      expect(row.name).toMatch(/^[a-z]+(_[a-z]+)*$/);
      expect(closeReasonOf(row.name)).toBe(row);
    }
  });

  test('an unknown or missing reason counts as kicked', () => {
    for (const name of ['from_the_future', '', '__proto__', 'toString']) {
      expect(closeReasonOf(name)).toBe(CloseReasons.kicked);
    }
  });

  test('no reason for misbehaviour asks the client to come back at once', () => {
    for (const row of [CloseReasons.tooManyBadFrames, CloseReasons.tooManyVerifyAttempts, CloseReasons.takenOver]) {
      expect(row.comesBackAfterMs).toBeGreaterThanOrEqual(60_000);
    }
  });
});

describe('features', () => {
  test('each has a bit of its own', () => {
    const bits = FEATURES.map((feature) => FeatureBit[feature]);
    expect(bits.reduce((all, bit) => all | bit, 0)).toBe(bits.reduce((sum, bit) => sum + bit, 0));
  });

  test('accepted features are the known ones, in the order of the table, each once', () => {
    expect(featureNames(featureBits(['goodbye', 'x', 'ack', 'ack', '__proto__']))).toEqual(['ack', 'goodbye']);
    expect(featureNames(featureBits([]))).toEqual([]);
    expect(featureNames(featureBits([...FEATURES]))).toEqual([...FEATURES]);
  });

  test('a client that names any feature, known or not, is not a plain client', () => {
    expect([formOf(undefined), formOf([]), formOf(['x']), formOf(['pong', 'ack'])]).toEqual([
      'plain',
      'extended',
      'extended',
      'ack',
    ]);
  });
});
