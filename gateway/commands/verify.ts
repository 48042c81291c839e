import type { ClaimResult } from '../../contract/store/scripts/sessions.ts';
import { ServerCommand } from '../../contract/wire/command-ids.ts';
import type { GatewayContext } from '../context.ts';
import { Notice } from '../delivery/messages.ts';
import { CloseReasons } from '../session/close-reasons.ts';
import { featureBits, featureNames, formOf } from '../session/features.ts';
import { Gate } from '../session/frame-reader.ts';
import type { Session } from '../session/session.ts';
import { parseBody, verifySchema } from './body.ts';
import type { Handler } from './dispatch.ts';

/**
 * 1: who the client is. Nothing behind it is read until the verdict is there, which takes as long as Redis takes.
 */
export const verify: Handler = (session, frame, context) => {
  const { version } = frame;
  const body = parseBody(frame, verifySchema);
  if (!body) {
    refuse(session, version, undefined, context);
    return session.refuse('malformed', version);
  }
  const { phone_number: userId, token, features } = body;
  if (session.onlyUser !== undefined && session.onlyUser !== userId) return refuse(session, version, userId, context);
  session.intake.hold(Gate.verifying);
  context.verifyLimits.admit(userId, session.address.network, () => {
    if (session.state === 'closed') return;
    session.countUnverified(false);
    const askedAt = performance.now();
    context.verifier.verify({ userId, token, form: formOf(features) }, (result) => {
      context.counters.verifyMs.record(performance.now() - askedAt);
      if (result.status === 'claimed') welcome(session, { userId, features, version }, result, context);
      else refuse(session, version, userId, context);
      session.intake.release(Gate.verifying);
    });
  });
};

function refuse(session: Session, version: number, userId: string | undefined, context: GatewayContext): void {
  context.counters.refusedVerifies += 1;
  if (context.tail.isOn) context.tail.refused(userId ?? '', 'verify_refused');
  context.verifyLimits.failed(userId, session.address.network, performance.now());
  session.send(new Notice(version, ServerCommand.verifyResult, '{"code": 0}'));
  session.countUnverified(true);
  session.verifyFailures += 1;
  if (session.verifyFailures > context.config.maxVerifyAttempts) session.close(CloseReasons.tooManyVerifyAttempts);
}

interface Claimant {
  userId: string;
  features: string[] | undefined;
  version: number;
}

function welcome(
  session: Session,
  { userId, features, version }: Claimant,
  claim: ClaimResult & { status: 'claimed' },
  context: GatewayContext,
): void {
  const { registry, sessionStore, counters, config, lease, log } = context;
  // The verifier hands on only claims of the id that is in force.
  const holder = lease.gatewayId;
  // The client left while Redis was asked: the session that was just claimed ends at once.
  if (session.state === 'closed') {
    const reason = CloseReasons.clientLeft.name;
    const was = { userId, epoch: claim.epoch, holder };
    void sessionStore.release({ session: was, reason, handsOver: false, undelivered: [] });
    return;
  }
  const older = registry.get(userId);
  if (older && older !== session) older.close(CloseReasons.takenOver);
  // The same user again has been connected all the time: broadcasts of the stay that ends are due to the one that begins.
  const stays = session.isVerified && session.userId === userId;
  const unsent = session.isVerified ? session.leave() : [];
  const bits = featureBits(features ?? []);
  const form = formOf(features);
  session.become({ userId, epoch: claim.epoch, holder, form, features: bits });
  // What its user sent from another connection may still be in our inbox: it must not be overtaken by the direct way.
  session.awaitedEntry = claim.newestEntry;
  if (!stays) session.bornAtId = claim.lastMessageId;
  counters.verified += 1;
  counters.mailboxDepth.record(claim.waiting);
  log.debug({ event: 'verified', connection: session.connectionId, user: userId, epoch: claim.epoch }, 'verified');
  session.send(
    new Notice(version, ServerCommand.verifyResult, verdict(features, bits, claim, config.heartbeatTimeoutMs)),
  );
  const held = stays ? unsent : [];
  const isQuiet = claim.waiting === 0 && claim.lost === 0 && !claim.predecessorHandsOver && held.length === 0;
  if (isQuiet) session.goLive();
  else session.beginReplay({ lost: claim.lost, waitFor: claim.predecessorHandsOver ? 'predecessor' : 'outbox', held });
}

function verdict(
  features: string[] | undefined,
  bits: number,
  claim: ClaimResult & { status: 'claimed' },
  heartbeatTimeoutMs: number,
): string {
  if (features === undefined) return '{"code": 1}';
  const names = featureNames(bits);
  const answer = { code: 1, features: names, session: String(claim.epoch), heartbeat_timeout_ms: heartbeatTimeoutMs };
  return JSON.stringify(names.includes('ack') ? { ...answer, lost: claim.lost } : answer);
}
