import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { Undertaker } from '../../gateway/fleet/burial.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { silentLog } from '../kit/gateway.ts';
import { uniquePrefix } from '../kit/redis.ts';

const STEPS = 6;
const STEP_MS = 30;

/** How long each pause between two steps was, ms. */
async function pauses(leaving: boolean): Promise<number[]> {
  const calls: { startedAt: number; endedAt: number }[] = [];
  const script: RedisPort['script'] = async () => {
    const startedAt = performance.now();
    await setTimeout(STEP_MS);
    calls.push({ startedAt, endedAt: performance.now() });
    return [calls.length < STEPS ? 'more' : 'done', 0, 0];
  };
  const undertaker = new Undertaker({
    redis: { script } as RedisPort,
    keys: keysOf(uniquePrefix()),
    lease: { gatewayId: 'g' },
    config: { offlineTtlSeconds: 60, mailboxMax: 10, mailboxMaxBytes: 1_000 },
    counters: { burials: 0 },
    log: silentLog,
  });
  await undertaker.bury('dead', { leaving });
  return calls.slice(1).map(({ startedAt }, i) => startedAt - (calls[i]?.endedAt ?? 0));
}

test('row 4: the burial of a large inbox pauses after each step for as long as the step took', async () => {
  expect(Math.min(...(await pauses(false)))).toBeGreaterThanOrEqual(STEP_MS - 2);
});

test('row 4: a gateway that leaves does not pause', async () => {
  expect(Math.min(...(await pauses(true)))).toBeLessThan(STEP_MS - 2);
});
