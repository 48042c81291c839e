import { claimSessions } from '../../contract/scripts/sessions.ts';
import type { GatewayContext } from '../context.ts';
import { CloseReasons } from '../session/close-reasons.ts';
import type { Session } from '../session/session.ts';

const BATCH = 128;

/**
 * After the lease was lost and a new id is in force: claims every session again, unless its user has one elsewhere
 * by now, or no token any more. Answers how many were resumed.
 */
export async function resumeSessions(context: GatewayContext): Promise<number> {
  const { registry, redis, keys, lease, config } = context;
  const gatewayId = lease.gatewayId;
  const suspended = [...registry.all()].filter((session) => session.state === 'suspended');
  let resumed = 0;
  for (let from = 0; from < suspended.length; from += BATCH) {
    const batch = suspended.slice(from, from + BATCH);
    const requests = batch.map(({ userId, form, epoch }) => ({ userId, form, proof: { resumeEpoch: epoch } }));
    const results = await claimSessions(redis, keys, gatewayId, config.offlineTtlSeconds, requests);
    // Lost again: the next id begins anew.
    if (results === 'no_lease') return resumed;
    batch.forEach((session, i) => {
      const result = results[i];
      if (result && resume(session, result, context)) resumed += 1;
    });
  }
  return resumed;
}

function resume(
  session: Session,
  result: Exclude<Awaited<ReturnType<typeof claimSessions>>, 'no_lease'>[number],
  { sessionStore }: GatewayContext,
): boolean {
  if (session.state !== 'suspended') {
    // It ended while Redis was asked.
    if (result.status === 'claimed') {
      const { userId } = session;
      const reason = CloseReasons.clientLeft.name;
      void sessionStore.release({ session: { userId, epoch: result.epoch }, reason, undelivered: [] });
    }
    return false;
  }
  if (result.status !== 'claimed') {
    session.close(result.status === 'superseded' ? CloseReasons.takenOver : CloseReasons.loggedOut);
    return false;
  }
  session.epoch = result.epoch;
  session.beginReplay({ lost: 0, waitFor: result.predecessorHandsOver ? 'predecessor' : 'outbox' });
  return true;
}
