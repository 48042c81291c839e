import { auditSessions } from '../../contract/store/scripts/sessions.ts';
import type { GatewayContext } from '../context.ts';
import { CloseReasons } from '../session/close-reasons.ts';

const BATCH = 128;

/**
 * After Redis was away. It may have lost what it had acknowledged (a replica that was promoted, a log that was not
 * synced). Sessions that it does not know any more are claimed again, as after a lost lease: the connections stay.
 * Sessions that it believes to be here and that are not are ended.
 */
export async function auditSessionsHere(context: GatewayContext): Promise<void> {
  const { lease, log } = context;
  if (await hasForgotten(context)) return lease.surrender('Redis has forgotten sessions');
  const left = await endLeft(context);
  if (left > 0) log.warn({ event: 'sessions_left', left }, 'Redis knew of sessions that had ended');
}

async function hasForgotten({ registry, redis, keys }: GatewayContext): Promise<boolean> {
  const sessions = [...registry.all()].filter(({ state }) => state === 'live' || state === 'replaying');
  for (let from = 0; from < sessions.length; from += BATCH) {
    const batch = sessions.slice(from, from + BATCH).map((session) => ({ session, epoch: session.epoch }));
    const users = batch.map(({ session }) => session.userId);
    const current = await auditSessions(redis, keys, users);
    const isForgotten = batch.some(({ session, epoch }, i) => (current[i] ?? epoch) < epoch && session.epoch === epoch);
    if (isForgotten) return true;
  }
  return false;
}

async function endLeft({ registry, redis, keys, lease, claims, sessionStore }: GatewayContext): Promise<number> {
  const held = (await redis.command('SMEMBERS', keys.sessions(lease.gatewayId))) as string[];
  const absent = held.filter((userId) => registry.get(userId) === undefined && !claims.has(userId));
  for (let from = 0; from < absent.length; from += BATCH) {
    const batch = absent.slice(from, from + BATCH);
    const epochs = await auditSessions(redis, keys, batch);
    for (const [i, userId] of batch.entries()) {
      if (registry.get(userId) !== undefined || claims.has(userId)) continue;
      const session = { userId, epoch: epochs[i] ?? 0 };
      const reason = CloseReasons.connectionLost.name;
      void sessionStore.release({ session, reason, handsOver: false, undelivered: [] });
    }
  }
  return absent.length;
}
