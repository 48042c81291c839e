import type { Keys } from '../../contract/store/keys.ts';
import { tupleOf } from '../../contract/store/redis-reply.ts';
import { type Release, readCurrentSessions } from '../../contract/store/scripts/sessions.ts';
import type { Log } from '../../shared/log.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { CloseReasons, endOf } from '../session/close-reasons.ts';
import type { Registry } from '../session/registry.ts';
import type { Session } from '../session/session.ts';

const BATCH = 128;
/** About how many sessions a look at those that Redis knows of returns. */
const SCAN = 1_000;

interface ReconcileParts {
  readonly redis: RedisPort;
  readonly keys: Keys;
  readonly registry: Pick<Registry, 'all' | 'get'>;
  readonly lease: {
    readonly gatewayId: string;
    confirmAfterReturn(): Promise<boolean>;
    surrender(why: string): void;
  };
  /** Claims that Redis has not answered yet. */
  readonly claims: { has(userId: string): boolean };
  readonly sessionStore: {
    release(release: Omit<Release, 'call' | 'highestId'>): Promise<void>;
  };
  readonly recentCalls: { repeatForgotten(): Promise<{ made: number; errors: unknown[] }> };
  readonly inbox: { removeHandedOut(): Promise<void> };
  readonly log: Pick<Log, 'warn' | 'error'>;
}

/**
 * To be called after Redis was away: it may have lost writes that it had acknowledged (a replica that was promoted, a log
 * that was not synced). Sessions that it does not know any more are claimed again, as after a lost lease: the connections
 * stay. Sessions that have ended or moved on meanwhile are closed; sessions that Redis knows and this gateway does not are ended.
 * Calls that it has forgotten are made again, and so are removals from the inbox.
 */
export async function reconcileSessions(parts: ReconcileParts): Promise<void> {
  const { lease, inbox, log } = parts;
  // Asked before the lease is: what an inbox holds under the id that may be given up is buried after these calls.
  const repeated = repeatForgotten(parts);
  const goesOn = await lease.confirmAfterReturn();
  await repeated;
  if (!goesOn) return;
  if (await hasForgotten(parts)) return lease.surrender('Redis has forgotten sessions');
  await inbox.removeHandedOut();
  const left = await endLeft(parts);
  if (left > 0) log.warn({ event: 'sessions_left', left }, 'Redis knew of sessions that had ended');
}

/** Does not reject: the sessions are compared whatever becomes of it. */
async function repeatForgotten({ recentCalls, log }: ReconcileParts): Promise<void> {
  const failed = (error: unknown): void =>
    log.error({ event: 'store_failed', what: 'repeat', error: String(error) }, 'Redis refused a script');
  try {
    const { made, errors } = await recentCalls.repeatForgotten();
    if (made > 0) log.warn({ event: 'writes_repeated', repeated: made }, 'Redis had forgotten calls: made them again');
    errors.forEach(failed);
  } catch (error) {
    failed(error);
  }
}

async function hasForgotten({ registry, redis, keys, claims }: ReconcileParts): Promise<boolean> {
  const sessions = [...registry.all()].filter(isActive);
  for (let from = 0; from < sessions.length; from += BATCH) {
    const batch = sessions.slice(from, from + BATCH).map((session) => ({ session, epoch: session.epoch }));
    const users = batch.map(({ session }) => session.userId);
    const current = await readCurrentSessions(redis, keys, users);
    for (const [i, { session, epoch }] of batch.entries()) {
      const now = current[i];
      // What is being claimed right now has a newer epoch there than here.
      if (now === undefined || session.epoch !== epoch || !isActive(session) || claims.has(session.userId)) continue;
      const { holder } = session.identity;
      if (now.sinceEpoch > session.sinceEpoch) session.close(endOf(now.endedBy));
      else if (now.epoch !== epoch || now.gatewayId !== holder) return true;
    }
  }
  return false;
}

function isActive({ state }: Session): boolean {
  return state === 'live' || state === 'replaying';
}

/** In steps: every gateway does this at the same time, right after Redis is back. A user that comes twice does no harm. */
async function endLeft(parts: ReconcileParts): Promise<number> {
  const { redis, keys, lease } = parts;
  const holder = lease.gatewayId;
  let left = 0;
  let cursor = '0';
  do {
    const reply = await redis.command('SSCAN', keys.sessions(holder), cursor, 'COUNT', SCAN);
    const [next, held] = tupleOf(reply, 'text', 'texts');
    left += await endAbsent(held, holder, parts);
    cursor = next;
  } while (cursor !== '0');
  return left;
}

async function endAbsent(held: readonly string[], holder: string, parts: ReconcileParts): Promise<number> {
  const { registry, redis, keys, claims, sessionStore } = parts;
  const absent = held.filter((userId) => registry.get(userId) === undefined && !claims.has(userId));
  for (let from = 0; from < absent.length; from += BATCH) {
    const batch = absent.slice(from, from + BATCH);
    const current = await readCurrentSessions(redis, keys, batch);
    for (const [i, userId] of batch.entries()) {
      if (registry.get(userId) !== undefined || claims.has(userId)) continue;
      const session = { userId, epoch: current[i]?.epoch ?? 0, holder };
      const reason = CloseReasons.connectionLost.name;
      void sessionStore.release({ session, reason, handsOver: false, undelivered: [] });
    }
  }
  return absent.length;
}
