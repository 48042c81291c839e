import { setTimeout as delay } from 'node:timers/promises';

interface UntilOptions {
  /** Default 20,000. */
  readonly timeoutMs?: number;
  /** Between two looks; default 20. */
  readonly everyMs?: number;
}

/**
 * Looks until `condition` gives something truthy and returns that; fails with `what` after the bound. A condition that
 * throws is looked at again, and its last error is the failure's cause.
 *
 * @example await until('the gateway is ready', async () => (await fetch(url)).ok)
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  options: UntilOptions = {},
): Promise<Exclude<Awaited<T>, false | 0 | '' | null | undefined>> {
  const { timeoutMs = 20_000, everyMs = 20 } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let cause: unknown;
    try {
      const value = await condition();
      if (value) return value as Exclude<Awaited<T>, false | 0 | '' | null | undefined>;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`, { cause });
    await delay(everyMs);
  }
}
