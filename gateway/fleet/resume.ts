import { type ClaimResult, claimSessions } from '../../contract/store/scripts/sessions.ts';
import type { GatewayContext } from '../context.ts';
import { CloseReasons } from '../session/close-reasons.ts';
import type { Session } from '../session/session.ts';

const BATCH = 128;

/**
 * After the lease was lost and a new id is in force: claims every session again, unless its user has one elsewhere
 * by now, or no token any more. Answers how many were resumed.
 */
export async function resumeSessions(context: GatewayContext): Promise<number> {
  const { registry, redis, keys, lease, claims, config, log } = context;
  const gatewayId = lease.gatewayId;
  const suspended = [...registry.all()].filter((session) => session.state === 'suspended');
  let resumed = 0;
  for (let from = 0; from < suspended.length; from += BATCH) {
    const batch = suspended.slice(from, from + BATCH);
    const requests = batch.map(({ userId, form, epoch }) => ({ userId, form, proof: { resumeEpoch: epoch } }));
    const users = batch.map(({ userId }) => userId);
    claims.begin(users);
    const results = await claimSessions(redis, keys, gatewayId, config.offlineTtlSeconds, requests).catch((error) => {
      log.error({ event: 'store_failed', what: 'resume', error: String(error) }, 'could not resume sessions');
      return [];
    });
    if (results !== 'no_lease') {
      batch.forEach((session, i) => {
        // Joined anew meanwhile: still suspended, and claimed again from this epoch on.
        if (gatewayId !== lease.gatewayId) session.epoch = claimedEpoch(results[i]) ?? session.epoch;
        else if (resume(session, results[i], context)) resumed += 1;
      });
    }
    claims.end(users);
    // Lost again: the next id begins anew.
    if (results === 'no_lease') return resumed;
  }
  return resumed;
}

function claimedEpoch(result: ClaimResult | undefined): number | undefined {
  return result?.status === 'claimed' ? result.epoch : undefined;
}

function resume(session: Session, result: ClaimResult | undefined, { sessionStore }: GatewayContext): boolean {
  if (session.state !== 'suspended') {
    // It ended while Redis was asked.
    if (result?.status === 'claimed' && session.state === 'closed') {
      const was = { userId: session.userId, epoch: result.epoch };
      void sessionStore.release({
        session: was,
        reason: CloseReasons.clientLeft.name,
        handsOver: false,
        undelivered: [],
      });
    }
    return false;
  }
  if (result === undefined) {
    session.close(CloseReasons.connectionLost);
    return false;
  }
  if (result.status !== 'claimed') {
    session.close(result.status === 'superseded' ? CloseReasons.takenOver : CloseReasons.loggedOut);
    return false;
  }
  session.epoch = result.epoch;
  session.awaitedEntry = result.newestEntry;
  session.bornAtId = result.lastMessageId;
  session.beginReplay({ lost: 0, waitFor: result.predecessorHandsOver ? 'predecessor' : 'outbox' });
  return true;
}
