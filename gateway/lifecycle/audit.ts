import { auditSessions } from '../../contract/scripts/sessions.ts';
import type { GatewayContext } from '../context.ts';
import { CloseReasons } from '../session/close-reasons.ts';

const BATCH = 128;

/**
 * After Redis was away. It may have lost what it had acknowledged (a replica that was promoted, a log that was not
 * synced): connections of whose sessions it knows nothing are closed, so that their clients come again, and sessions that
 * it believes to be here and that are not are ended.
 */
export async function auditSessionsHere(context: GatewayContext): Promise<{ forgotten: number; left: number }> {
  return { forgotten: await closeForgotten(context), left: await endLeft(context) };
}

async function closeForgotten({ registry, redis, keys }: GatewayContext): Promise<number> {
  const sessions = [...registry.all()].filter(({ state }) => state === 'live' || state === 'replaying');
  let forgotten = 0;
  for (let from = 0; from < sessions.length; from += BATCH) {
    const batch = sessions.slice(from, from + BATCH).map((session) => ({ session, epoch: session.epoch }));
    const current = await auditSessions(
      redis,
      keys,
      batch.map(({ session }) => session.userId),
    );
    for (const [i, { session, epoch }] of batch.entries()) {
      if ((current[i] ?? epoch) >= epoch || session.epoch !== epoch) continue;
      session.close(CloseReasons.connectionLost);
      forgotten += 1;
    }
  }
  return forgotten;
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
