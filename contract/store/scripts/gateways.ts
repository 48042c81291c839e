import type { RedisArgument, RedisPort } from '../../../shared/redis/port.ts';
import type { Keys } from '../keys.ts';
import { textsOf, tupleOf, wordOf } from '../redis-reply.ts';
import { ALLOW_FULL, defineScript, readLua } from './library.ts';
import { type MailboxBound, mailboxBound } from './mailbox-bound.ts';
import { SESSION_LUA } from './sessions.ts';

/** Renewal starts well before the lease ends, so that a failed one can be repeated: lease > 3 × renewal. */
export function renewalOf(leaseMs: number): number {
  return Math.floor(leaseMs * 0.3);
}

const leaseScript = defineScript('lease', ALLOW_FULL, SESSION_LUA, readLua(new URL('./lease.lua', import.meta.url)));

interface LeaseRequest {
  readonly gatewayId: string;
  readonly leaseMs: number;
  /** The highest message id known to the gateway. */
  readonly highestId: number;
  /** Time since it sent its last renewal, by its own clock: reveals that Redis's clock was set. Undefined: it joins, with a new id. */
  readonly sinceLastMs: number | undefined;
  readonly fields: Readonly<Record<string, string | number>>;
}

export interface LeaseReply {
  /** Redis's clock. */
  readonly nowMs: number;
  /** The highest message id in the store. If it is lower than one that was seen, the store has lost writes. */
  readonly highestId: number;
  /** Gateways whose lease has run out. */
  readonly dead: string[];
}

/** Takes or renews a lease. `lost`: stop delivering, join again under a new id. */
export async function holdLease(redis: RedisPort, keys: Keys, request: LeaseRequest): Promise<LeaseReply | 'lost'> {
  const { gatewayId, leaseMs, highestId, sinceLastMs, fields } = request;
  const args: RedisArgument[] = [
    keys.prefix,
    gatewayId,
    leaseMs,
    sinceLastMs === undefined ? 1 : 0,
    highestId,
    Math.ceil(sinceLastMs ?? 0),
    ...Object.entries(fields).flat(),
  ];
  const reply = await redis.script(leaseScript, [keys.users], args);
  if (reply === 'lost') return reply;
  const [nowMs, known, ...dead] = textsOf(reply);
  return { nowMs: Number(nowMs), highestId: Number(known), dead };
}

const buryScript = defineScript('bury', ALLOW_FULL, readLua(new URL('./bury.lua', import.meta.url)));

const BURIAL_OUTCOMES = ['live', 'busy', 'more', 'done'] as const;

interface Burial {
  /** `busy`: another gateway does it. */
  outcome: (typeof BURIAL_OUTCOMES)[number];
  rerouted: number;
  lost: number;
}

/** One step of burying a gateway: call again while it returns `more`. `by`: the gateway that does it. */
export async function buryGateway(
  redis: RedisPort,
  keys: Keys,
  gatewayId: string,
  store: { offlineTtlSeconds: number } & MailboxBound,
  { leaving, by = '' }: { leaving: boolean; by?: string },
): Promise<Burial> {
  const args = [keys.prefix, gatewayId, store.offlineTtlSeconds, mailboxBound(store), leaving ? 1 : 0, by];
  const reply = await redis.script(buryScript, [keys.users], args);
  const [outcome, rerouted, lost] = tupleOf(reply, 'text', 'number', 'number');
  return { outcome: wordOf(outcome, BURIAL_OUTCOMES), rerouted, lost };
}
