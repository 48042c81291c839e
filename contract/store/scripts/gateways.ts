import type { RedisArgument, RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { defineScript, readLua } from './library.ts';

/** Milliseconds of Redis's clock. */
export const DEFAULT_LEASE_MS = 10_000;

/** Renewal must come well before the end, so that one that fails is followed by another: lease > 3 × renewal. */
export function renewalOf(leaseMs: number): number {
  return Math.floor(leaseMs * 0.3);
}

const leaseScript = defineScript('lease', readLua(new URL('./lease.lua', import.meta.url)));

/** Takes (`join`) or renews a lease, and says who else's has run out. `lost`: stop delivering, join again under a new id. */
export async function holdLease(
  redis: RedisPort,
  keys: Keys,
  gatewayId: string,
  how: 'join' | 'renew',
  leaseMs: number,
  facts: Readonly<Record<string, string | number>>,
): Promise<{ dead: string[] } | 'lost'> {
  const args: RedisArgument[] = [
    keys.prefix,
    gatewayId,
    leaseMs,
    how === 'join' ? 1 : 0,
    ...Object.entries(facts).flat(),
  ];
  const reply = await redis.script(leaseScript, [keys.users], args);
  return reply === 'lost' ? 'lost' : { dead: reply as string[] };
}

const buryScript = defineScript('bury', readLua(new URL('./bury.lua', import.meta.url)));

export interface Burial {
  outcome: 'live' | 'more' | 'done';
  rerouted: number;
  lost: number;
}

/** One step of taking a gateway down: call again while it answers `more`. */
export async function buryGateway(
  redis: RedisPort,
  keys: Keys,
  gatewayId: string,
  store: { offlineTtlSeconds: number; mailboxMax: number },
  how: { leaving: boolean; most: number },
): Promise<Burial> {
  const { offlineTtlSeconds, mailboxMax } = store;
  const args = [keys.prefix, gatewayId, offlineTtlSeconds, mailboxMax, how.most, how.leaving ? 1 : 0];
  const reply = (await redis.script(buryScript, [keys.users], args)) as [Burial['outcome'], number, number];
  return { outcome: reply[0], rerouted: reply[1], lost: reply[2] };
}
