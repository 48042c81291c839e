import type { RedisArgument, RedisPort } from '../../../shared/redis/port.ts';
import { cellOf, type Keys } from '../keys.ts';
import { numberOf, numbersOf, textOf } from '../redis-reply.ts';
import { ALLOW_FULL, defineScript, readLua } from './library.ts';

/** Maximum of concurrent invocations for items in a deployment. The same in every gateway: a user's lane keeps the user's order. */
export const UPSTREAM_LANES = 16;
/** Field beside the lanes of items: the gateway that hands on the lifecycle events. */
export const LIFECYCLE_LANE = UPSTREAM_LANES;
export function upstreamLaneOf(userId: string): number {
  return cellOf(userId, UPSTREAM_LANES);
}

const spoolScript = defineScript('upstream_spool', readLua(new URL('./upstream-spool.lua', import.meta.url)));

export interface SpoolBounds {
  /** Of all gateways together. */
  maxItems: number;
  maxBytes: number;
}

/** Appends items to their lanes. Returns, per item, its entry id, or undefined when the spool is full. */
export async function spoolItems(
  redis: RedisPort,
  keys: Keys,
  batch: { gatewayId: string; number: number },
  bounds: SpoolBounds,
  items: readonly { lane: number; text: string }[],
): Promise<(string | undefined)[]> {
  const args: RedisArgument[] = [
    keys.prefix,
    batch.gatewayId,
    batch.number,
    bounds.maxItems,
    bounds.maxBytes,
    UPSTREAM_LANES,
  ];
  for (const { lane, text } of items) args.push(lane, text);
  const reply = textOf(await redis.script(spoolScript, [keys.users], args));
  return reply.split(',').map((id) => (id === '' ? undefined : id));
}

const handedOnScript = defineScript(
  'upstream_handed_on',
  ALLOW_FULL,
  readLua(new URL('./upstream-handed-on.lua', import.meta.url)),
);

export interface SpooledItem {
  lane: number;
  id: string;
  text: string;
  bytes: number;
}

/** Removes items that the function has received. May be repeated. */
export async function removeItems(redis: RedisPort, keys: Keys, items: readonly SpooledItem[]): Promise<number> {
  const args: RedisArgument[] = [keys.prefix];
  for (const { lane, id, bytes } of items) args.push(lane, id, bytes);
  return numberOf(await redis.script(handedOnScript, [keys.users], args));
}

const lanesScript = defineScript(
  'upstream_lanes',
  ALLOW_FULL,
  readLua(new URL('./upstream-lanes.lua', import.meta.url)),
);

/**
 * Returns the lanes of this gateway: those that it has, and as many of the free ones as its fair share allows. Owning a
 * lane lasts as long as the gateway's lease. Lifecycle events are handed on from the first request for them. `giveUp`: lanes over the share, with nothing in flight.
 */
export async function shareLanes(
  redis: RedisPort,
  keys: Keys,
  gatewayId: string,
  wants: { lifecycle: boolean; giveUp: readonly number[] },
): Promise<{ fair: number; lanes: number[] }> {
  const args = [keys.prefix, gatewayId, LIFECYCLE_LANE + 1, wants.lifecycle ? 1 : 0, ...wants.giveUp];
  const [fair = 0, ...lanes] = numbersOf(await redis.script(lanesScript, [keys.users], args));
  return { fair, lanes };
}

const positionScript = defineScript(
  'upstream_position',
  ALLOW_FULL,
  readLua(new URL('./upstream-position.lua', import.meta.url)),
);

/** The lifecycle function has received everything up to this entry. */
export async function moveLifecyclePosition(redis: RedisPort, keys: Keys, entryId: string): Promise<boolean> {
  return (await redis.script(positionScript, [keys.users], [keys.prefix, entryId])) === 1;
}
