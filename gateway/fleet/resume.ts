import { type ClaimResult, claimSessions } from '../../contract/store/scripts/sessions.ts';
import type { GatewayContext } from '../context.ts';
import { type CloseReason, CloseReasons, closeReasonOf } from '../session/close-reasons.ts';
import type { Session } from '../session/session.ts';

const BATCH = 128;

/**
 * After the lease was lost and a new id is in force: claims every session again, unless its user has one elsewhere
 * by now, or no token any more, or the session was ended meanwhile. Returns the number of those that were resumed.
 */
export async function resumeSessions(context: GatewayContext): Promise<number> {
  const { registry, redis, keys, lease, claims, config, log } = context;
  const { claimant } = lease;
  const { gatewayId } = claimant;
  const suspended = [...registry.all()].filter((session) => session.state === 'suspended');
  let resumed = 0;
  for (let from = 0; from < suspended.length; from += BATCH) {
    const batch = suspended.slice(from, from + BATCH);
    const requests = batch.map(({ userId, form, epoch, sinceEpoch, holder }) => ({
      userId,
      form,
      proof: { resumeEpoch: epoch, sinceEpoch, holder },
    }));
    const users = batch.map(({ userId }) => userId);
    claims.begin(users);
    const results = await claimSessions(redis, keys, claimant, config.offlineTtlSeconds, requests).catch((error) => {
      log.error({ event: 'store_failed', what: 'resume', error: String(error) }, 'could not resume sessions');
      return [];
    });
    if (results !== 'no_lease') {
      batch.forEach((session, i) => {
        // Joined anew meanwhile: still suspended, and claimed again from this epoch on.
        if (gatewayId !== lease.gatewayId) noteClaim(session, results[i], gatewayId);
        else if (resume(session, results[i], gatewayId, context)) resumed += 1;
      });
    }
    claims.end(users);
    // Lost again: the next id begins anew.
    if (results === 'no_lease') return resumed;
  }
  return resumed;
}

function noteClaim(session: Session, result: ClaimResult | undefined, holder: string): void {
  if (result?.status !== 'claimed') return;
  session.epoch = result.epoch;
  session.holder = holder;
}

function resume(
  session: Session,
  result: ClaimResult | undefined,
  holder: string,
  { sessionStore }: GatewayContext,
): boolean {
  if (session.state !== 'suspended') {
    // It ended while Redis was asked.
    if (result?.status === 'claimed' && session.state === 'closed') {
      const was = { userId: session.userId, epoch: result.epoch, holder };
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
    session.close(result.status === 'superseded' ? endOf(result.reason) : CloseReasons.loggedOut);
    return false;
  }
  noteClaim(session, result, holder);
  session.awaitedEntry = result.newestEntry;
  session.bornAtId = result.lastMessageId;
  session.beginReplay({ lost: 0, waitFor: result.predecessorHandsOver ? 'predecessor' : 'outbox' });
  return true;
}

/** Why a session ended while its gateway did not hear of it: another claim, or what the store says. */
export function endOf(reason: string): CloseReason {
  return reason === '' ? CloseReasons.takenOver : closeReasonOf(reason);
}
