import type { ClaimResult, Release } from '../../contract/store/scripts/sessions.ts';
import { ServerCommand } from '../../contract/wire/command-ids.ts';
import type { SessionForm } from '../../contract/wire/session-form.ts';
import type { Log } from '../../shared/log.ts';
import { CloseReasons, endOf } from '../session/close-reasons.ts';
import { featureBits, featureNames, formOf } from '../session/features.ts';
import { PauseReason } from '../session/frame-reader.ts';
import { NO_FRAME_LIMIT } from '../session/identity.ts';
import { Notice } from '../session/messages.ts';
import type { Registry } from '../session/registry.ts';
import type { Session } from '../session/session.ts';
import type { VerifyLimits } from '../session/verify-limits.ts';
import { parseBody, verifySchema } from './body.ts';
import type { Handler } from './handler.ts';

type Claim = ClaimResult & { status: 'claimed' };

export interface VerifyParts {
  readonly settings: { readonly heartbeatTimeoutMs: number; readonly maxFrameBytes: number };
  readonly verifier: {
    /** Calls `answer` when Redis has replied: while Redis is away, it waits. Not once the verify is no longer wanted. */
    verify(
      credentials: { userId: string; token: string; form: SessionForm },
      isWanted: () => boolean,
      answer: (result: ClaimResult | { status: 'failed' }) => void,
    ): void;
  };
  readonly verifyLimits: Pick<VerifyLimits, 'admit' | 'failed' | 'succeeded'>;
  readonly registry: Pick<Registry, 'get'>;
  readonly lease: { readonly gatewayId: string };
  readonly sessionStore: { release(release: Omit<Release, 'call' | 'highestId'>): Promise<void> };
  readonly counters: {
    verified: number;
    refusedVerifies: number;
    readonly verifyMs: { record(ms: number): void };
    readonly mailboxDepth: { record(messages: number): void };
  };
  readonly tail: { readonly isOn: boolean; refused(user: string, type: 'verify_refused'): void };
  readonly log: Pick<Log, 'debug'>;
}

/** 1: the user and its token. No frame behind it is read until Redis has given its verdict. */
export const verify: Handler<VerifyParts> = (session, frame, parts) => {
  const { version } = frame;
  const body = parseBody(frame, verifySchema);
  if (!body) {
    refuse(session, version, undefined, parts);
    return session.rejectAsViolation('malformed', version);
  }
  const { phone_number: userId, token, features, max_frame_bytes: maxFrameBytes } = body;
  if (session.onlyUser !== undefined && session.onlyUser !== userId) return refuse(session, version, userId, parts);
  session.reader.pause(PauseReason.verifying);
  parts.verifyLimits.admit(userId, session.address.network, () => {
    if (session.isClosed) return;
    session.beginVerify();
    const askedAt = performance.now();
    const isWanted = () => !session.isClosed;
    parts.verifier.verify({ userId, token, form: formOf(features) }, isWanted, (result) => {
      parts.counters.verifyMs.record(performance.now() - askedAt);
      if (result.status === 'claimed') welcome(session, { userId, features, version, maxFrameBytes }, result, parts);
      else if (result.status === 'failed') session.close(CloseReasons.verifyFailed);
      else if (result.status === 'superseded') session.close(endOf(result.reason));
      else refuse(session, version, userId, parts);
      session.reader.resume(PauseReason.verifying);
    });
  });
};

function refuse(session: Session, version: number, userId: string | undefined, parts: VerifyParts): void {
  parts.counters.refusedVerifies += 1;
  if (parts.tail.isOn) parts.tail.refused(userId ?? '', 'verify_refused');
  parts.verifyLimits.failed(userId, session.address.network, performance.now());
  session.send(new Notice(version, ServerCommand.verifyResult, '{"code": 0}'));
  session.failVerify();
}

interface Claimant {
  userId: string;
  features: string[] | undefined;
  version: number;
  /** As the client named it. */
  maxFrameBytes: unknown;
}

function welcome(session: Session, claimant: Claimant, claim: Claim, parts: VerifyParts): void {
  const { userId, features, version } = claimant;
  const { registry, sessionStore, counters, settings, lease, log } = parts;
  const { epoch, waiting, newestEntry } = claim;
  // The verifier hands on only claims of the id that is in force.
  const holder = lease.gatewayId;
  // The client left while Redis was asked: the session that was just claimed ends at once.
  if (session.isClosed) {
    const reason = CloseReasons.clientLeft.name;
    void sessionStore.release({ session: { userId, epoch, holder }, reason, handsOver: false, undelivered: [] });
    return;
  }
  const older = registry.get(userId);
  if (older && older !== session) older.close(CloseReasons.takenOver);
  // The same user again has been connected all the time: the broadcasts of the stay that ends are due to the one that begins.
  const isSameUser = session.isVerified && session.userId === userId;
  const form = formOf(features);
  const held = session.isVerified ? session.leave({ userId, form }) : [];
  const bits = featureBits(features ?? []);
  const joinedAtMessageId = isSameUser ? session.identity.joinedAtMessageId : claim.lastMessageId;
  const maxFrameBytes = frameLimit(claimant.maxFrameBytes, settings.maxFrameBytes);
  session.bindUser(
    {
      userId,
      epoch,
      holder,
      sinceEpoch: undefined,
      form,
      features: bits,
      joinedAtMessageId,
      given: claim.given,
      maxFrameBytes,
    },
    newestEntry,
  );
  counters.verified += 1;
  parts.verifyLimits.succeeded(userId, session.address.network, performance.now());
  counters.mailboxDepth.record(waiting);
  log.debug({ event: 'verified', connection: session.connectionId, user: userId, epoch }, 'verified');
  const body = verdict(features, bits, claim, settings.heartbeatTimeoutMs);
  session.send(new Notice(version, ServerCommand.verifyResult, body));
  const waitFor = claim.predecessorHandsOver ? 'predecessor' : 'outbox';
  // Reset by the replay that follows the report: other clients get none, so the next `ack` client does.
  const lost = form === 'ack' ? claim.lost : 0;
  const hasNothingToReplay = waiting === 0 && lost === 0 && waitFor === 'outbox' && held.length === 0;
  if (!hasNothingToReplay) session.beginReplay({ lost, waitFor, held });
}

function verdict(features: string[] | undefined, bits: number, claim: Claim, heartbeatTimeoutMs: number): string {
  if (features === undefined) return '{"code": 1}';
  const names = featureNames(bits);
  const body = { code: 1, features: names, session: String(claim.epoch), heartbeat_timeout_ms: heartbeatTimeoutMs };
  return JSON.stringify(names.includes('ack') ? { ...body, lost: claim.lost } : body);
}

/** No client may name less: notices, and messages of a sentence, fit. */
const MIN_FRAME_LIMIT = 256;

/** The largest frame that a client says it can take. Out of range it is clamped; a value that is not a number is ignored. */
function frameLimit(named: unknown, maxFrameBytes: number): number {
  if (typeof named !== 'number' || Number.isNaN(named)) return NO_FRAME_LIMIT;
  return Math.min(maxFrameBytes, Math.max(MIN_FRAME_LIMIT, Math.floor(named)));
}
