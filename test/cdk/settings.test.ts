import { describe, expect, it } from 'vitest';
import { parseSettings } from '../../lib/settings.ts';
import { defaultTimings, timingProblems } from '../../lib/timings.ts';

describe('the timings', () => {
  it('hold among themselves by default', () => {
    expect(timingProblems(defaultTimings)).toEqual([]);
  });

  it('are all named when several are wrong', () => {
    expect(timingProblems({ ...defaultTimings, stopTimeoutSeconds: 1, healthCheckFailures: 0 })).toHaveLength(3);
  });
});

describe('the settings', () => {
  it('name every mistake with its place', () => {
    const wrong = { redis: { kind: 'valkey', nodes: 3 }, gateway: { port: 99_999 }, colour: 'red' };
    expect(() => parseSettings(wrong, 'production.json')).toThrow(
      /production\.json:[\s\S]*nodes[\s\S]*port[\s\S]*colour|colour/,
    );
  });

  it('are complete when empty', () => {
    expect(parseSettings({}, 'cdk.json')).toEqual({ stackName: 'FrontTcp', dataPolicy: 'keep', tags: {} });
  });
});
