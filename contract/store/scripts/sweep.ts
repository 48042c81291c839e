import type { RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { numberOf } from '../redis-reply.ts';
import { ALLOW_FULL, defineScript, readLua } from './library.ts';

export const TRIM_LUA = readLua(new URL('./trim-library.lua', import.meta.url));

const sweepScript = defineScript('sweep', ALLOW_FULL, TRIM_LUA, readLua(new URL('./sweep.lua', import.meta.url)));

/** Keys of the store that one step scans: about a millisecond. */
const KEYS_PER_STEP = 1_000;

interface SweepStep {
  /** OFFLINE_TTL_S. */
  readonly offlineTtlSeconds: number;
  /** Maximum of users to check. */
  readonly max: number;
  /** Pause of all gateways before the next step, ms; 0: none. */
  readonly pauseMs: number;
}

/**
 * Removes expired messages from the mailboxes of the next users, in a cycle over all users. Returns how many were checked: none
 * while the pause of the previous step lasts, whichever gateway took that step.
 */
export async function sweepMailboxes(redis: RedisPort, keys: Keys, step: SweepStep): Promise<number> {
  const { offlineTtlSeconds, max, pauseMs } = step;
  const args = [keys.prefix, offlineTtlSeconds, max, KEYS_PER_STEP, pauseMs];
  return numberOf(await redis.script(sweepScript, [keys.users], args));
}
