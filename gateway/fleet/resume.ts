import type { Keys } from '../../contract/store/keys.ts';
import { type Claimant, type ClaimResult, claimSessions, type Release } from '../../contract/store/scripts/sessions.ts';
import type { Log } from '../../shared/log.ts';
import { RedisReplyError } from '../../shared/redis/errors.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { CloseReasons, endOf } from '../session/close-reasons.ts';
import type { Registry } from '../session/registry.ts';
import type { Session } from '../session/session.ts';

const BATCH = 128;

interface ResumeParts {
  readonly redis: RedisPort;
  readonly keys: Keys;
  readonly config: { readonly offlineTtlSeconds: number };
  readonly registry: Pick<Registry, 'all'>;
  readonly lease: { readonly gatewayId: string; readonly claimant: Claimant };
  /** Claims that Redis has not answered yet. */
  readonly claims: { begin(userIds: readonly string[]): void; end(userIds: readonly string[]): void };
  readonly sessionStore: { release(release: Omit<Release, 'call' | 'highestId'>): Promise<void> };
  readonly undertaker: { bury(gatewayId: string, how: { leaving: boolean }): Promise<void> };
  readonly log: Pick<Log, 'info' | 'error'>;
}

/**
 * A new id is in force: suspends every session, buries the old id and claims the sessions anew. The burial comes first, so
 * that what the old id left in its inbox is in the mailboxes. Its lease may not have run out by Redis's clock yet, but it is
 * ours, and nobody works under it any more.
 */
export async function resumeUnderNewId(previous: string, parts: ResumeParts): Promise<void> {
  for (const session of parts.registry.all()) session.suspend();
  await parts.undertaker.bury(previous, { leaving: true });
  const resumed = await resumeSessions(parts);
  parts.log.info({ event: 'sessions_resumed', resumed }, 'resumed the sessions');
}

/**
 * After the lease was lost and a new id is in force: claims every session again, unless its user has one elsewhere
 * by now, or no token any more, or the session was ended meanwhile. Returns the number of those that were resumed.
 */
async function resumeSessions(parts: ResumeParts): Promise<number> {
  const { registry, lease, claims } = parts;
  const { claimant } = lease;
  const { gatewayId } = claimant;
  const suspended = [...registry.all()].filter((session) => session.state === 'suspended');
  let resumed = 0;
  for (let from = 0; from < suspended.length; from += BATCH) {
    const batch = suspended.slice(from, from + BATCH);
    const users = batch.map(({ userId }) => userId);
    claims.begin(users);
    const results = await claimAgain(batch, claimant, parts);
    if (results !== 'no_lease') {
      batch.forEach((session, i) => {
        // Joined anew meanwhile: still suspended, and claimed again from this epoch on.
        if (gatewayId !== lease.gatewayId) noteClaim(session, results[i], gatewayId);
        else if (resume(session, results[i], gatewayId, parts)) resumed += 1;
      });
    }
    claims.end(users);
    // Lost again: the next id begins anew.
    if (results === 'no_lease') return resumed;
  }
  return resumed;
}

/**
 * Returns a result per session. A batch that the script refuses is halved until the session at fault is alone: it has none, the
 * others go on. Those that were claimed before the script came to that one are recognised.
 */
async function claimAgain(
  batch: readonly Session[],
  claimant: Claimant,
  parts: ResumeParts,
): Promise<(ClaimResult | undefined)[] | 'no_lease'> {
  const { redis, keys, config, log } = parts;
  const requests = batch.map(({ userId, form, epoch, sinceEpoch, identity: { holder } }) => ({
    userId,
    form,
    proof: { resumeEpoch: epoch, sinceEpoch, holder },
  }));
  try {
    return await claimSessions(redis, keys, claimant, config.offlineTtlSeconds, requests);
  } catch (error) {
    if (batch.length > 1 && error instanceof RedisReplyError) {
      const half = Math.ceil(batch.length / 2);
      const first = await claimAgain(batch.slice(0, half), claimant, parts);
      const second = first === 'no_lease' ? first : await claimAgain(batch.slice(half), claimant, parts);
      return first === 'no_lease' || second === 'no_lease' ? 'no_lease' : [...first, ...second];
    }
    log.error(
      { event: 'store_failed', what: 'resume', sessions: batch.length, error: String(error) },
      'could not resume sessions',
    );
    return batch.map(() => undefined);
  }
}

function noteClaim(session: Session, result: ClaimResult | undefined, holder: string): void {
  if (result?.status !== 'claimed') return;
  session.renewClaim({ epoch: result.epoch, holder });
}

function resume(
  session: Session,
  result: ClaimResult | undefined,
  holder: string,
  { sessionStore }: ResumeParts,
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
  const { epoch, lastMessageId: joinedAtMessageId, given } = result;
  session.resume(
    { epoch, holder, joinedAtMessageId, given },
    result.newestEntry,
    result.predecessorHandsOver ? 'predecessor' : 'outbox',
  );
  return true;
}
