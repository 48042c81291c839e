import type { RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { ALLOW_FULL, defineScript, readLua } from './library.ts';

export const TRIM_LUA = readLua(new URL('./trim-library.lua', import.meta.url));

const sweepScript = defineScript('sweep', ALLOW_FULL, TRIM_LUA, readLua(new URL('./sweep.lua', import.meta.url)));

/** Of the store, in one step: about a millisecond. */
const KEYS_PER_STEP = 1_000;

export interface SweepStep {
  /** OFFLINE_TTL_S. */
  readonly offlineTtlSeconds: number;
  /** Users to look at. */
  readonly most: number;
  /** How long all gateways wait before the next step, ms; 0: not at all. */
  readonly pauseMs: number;
}

/**
 * Gives up what is too old in the mailboxes of the next users, round and round. Answers how many were looked at: none
 * while the pause of the step before lasts, whichever gateway took it.
 */
export async function sweepMailboxes(redis: RedisPort, keys: Keys, step: SweepStep): Promise<number> {
  const { offlineTtlSeconds, most, pauseMs } = step;
  return (await redis.script(
    sweepScript,
    [keys.users],
    [keys.prefix, offlineTtlSeconds, most, KEYS_PER_STEP, pauseMs],
  )) as number;
}
