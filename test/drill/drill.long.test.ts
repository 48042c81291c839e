import { describe, expect, it } from 'vitest';
import { drill, isAlarmed, isSeen, SEEN_WITHIN_MS } from './drill.ts';
import { faults } from './faults.ts';

describe(`is seen within ${SEEN_WITHIN_MS / 1_000} s in metrics and log, raises its alerts, and its end ends them:`, () => {
  // Several at a time: most of a drill is waiting.
  it.concurrent.each(faults.map((fault) => [fault.name, fault] as const))(
    '%s',
    async (_, fault) => {
      const finding = await drill(fault);
      expect(isSeen(finding) && isAlarmed(finding), JSON.stringify(finding)).toBe(true);
    },
    240_000,
  );
});

it.each(faults.filter(({ name }) => name === 'queue poison'))(
  'what did not happen is not seen',
  async (fault) => {
    const finding = await drill({ ...fault, inject: async () => undefined }, { lookMs: 4_000, withAlerts: false });
    expect(finding).toMatchObject({ metricMs: undefined, logMs: undefined });
    expect(isSeen(finding)).toBe(false);
  },
  60_000,
);
