import type { RedisArgument, RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { ALLOW_FULL, defineScript, readLua } from './library.ts';
import { type MailboxBound, mailboxBound } from './mailbox-bound.ts';
import { SESSION_LUA } from './sessions.ts';

/** Renewal must come well before the end, so that one that fails is followed by another: lease > 3 × renewal. */
export function renewalOf(leaseMs: number): number {
  return Math.floor(leaseMs * 0.3);
}

const leaseScript = defineScript('lease', ALLOW_FULL, SESSION_LUA, readLua(new URL('./lease.lua', import.meta.url)));

export interface LeaseRequest {
  readonly gatewayId: string;
  readonly leaseMs: number;
  /** The highest message id that the gateway knows of. */
  readonly highestId: number;
  /** Since its last renewal was asked for, by its own clocks: shows when Redis's clock was set. Undefined: it joins, with a new id. */
  readonly sinceLastMs: number | undefined;
  readonly facts: Readonly<Record<string, string | number>>;
}

export interface LeaseReply {
  /** Redis's clock. */
  readonly nowMs: number;
  /** The highest message id that the store had. Lower than one that was seen: the store has forgotten it. */
  readonly highestId: number;
  /** How often the fleet has followed a clock of Redis that was set. */
  readonly clockSets: number;
  /** Gateways whose lease has run out. */
  readonly dead: string[];
}

/** Takes or renews a lease. `lost`: stop delivering, join again under a new id. */
export async function holdLease(redis: RedisPort, keys: Keys, request: LeaseRequest): Promise<LeaseReply | 'lost'> {
  const { gatewayId, leaseMs, highestId, sinceLastMs, facts } = request;
  const args: RedisArgument[] = [
    keys.prefix,
    gatewayId,
    leaseMs,
    sinceLastMs === undefined ? 1 : 0,
    highestId,
    Math.ceil(sinceLastMs ?? 0),
    ...Object.entries(facts).flat(),
  ];
  const reply = await redis.script(leaseScript, [keys.users], args);
  if (reply === 'lost') return reply;
  const [nowMs, known, clockSets, ...dead] = reply as string[];
  return { nowMs: Number(nowMs), highestId: Number(known), clockSets: Number(clockSets), dead };
}

const buryScript = defineScript('bury', ALLOW_FULL, readLua(new URL('./bury.lua', import.meta.url)));

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
  store: { offlineTtlSeconds: number } & MailboxBound,
  how: { leaving: boolean },
): Promise<Burial> {
  const args = [keys.prefix, gatewayId, store.offlineTtlSeconds, mailboxBound(store), how.leaving ? 1 : 0];
  const reply = (await redis.script(buryScript, [keys.users], args)) as [Burial['outcome'], number, number];
  return { outcome: reply[0], rerouted: reply[1], lost: reply[2] };
}
