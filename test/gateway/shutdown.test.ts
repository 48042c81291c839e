import { expect, test } from 'vitest';
import { parseConfig } from '../../gateway/config.ts';
import { STOP_MARGIN_MS, shutdownBudgetMs, shutdownSteps } from '../../gateway/shutdown.ts';
import { defaultTimings, STOP_MARGIN_SECONDS } from '../../lib/timings.ts';

test('a shutdown whose every step takes its whole budget ends within the stop timeout of the container', () => {
  const { drainTimeoutMs } = parseConfig({ REDIS_URL: 'redis://127.0.0.1' });
  expect(drainTimeoutMs).toBe(defaultTimings.drainTimeoutSeconds * 1_000);
  expect(STOP_MARGIN_MS).toBe(STOP_MARGIN_SECONDS * 1_000);
  expect(shutdownBudgetMs(drainTimeoutMs)).toBeLessThan(defaultTimings.stopTimeoutSeconds * 1_000);
});

test('a drain of 39 s and more is over a margin after DRAIN_TIMEOUT_MS at the latest; a shorter one takes half of it and 24.5 s', () => {
  for (const drainTimeoutMs of [39_000, 60_000, 110_000, 600_000]) {
    expect(shutdownBudgetMs(drainTimeoutMs)).toBe(drainTimeoutMs + STOP_MARGIN_MS);
  }
  for (const drainTimeoutMs of [2_000, 10_000, 38_000]) {
    expect(shutdownBudgetMs(drainTimeoutMs)).toBe(24_500 + drainTimeoutMs / 2);
  }
});

test('every step but the first, which waits for nothing, has a budget, also of a short drain', () => {
  for (const drainTimeoutMs of [0, 1_000, 110_000]) {
    const [first, ...others] = shutdownSteps(drainTimeoutMs);
    expect(first?.budgetMs).toBe(0);
    for (const { name, budgetMs } of others) expect(budgetMs, name).toBeGreaterThan(0);
  }
});
