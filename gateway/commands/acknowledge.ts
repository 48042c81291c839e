import type { Recipient } from '../../contract/store/records.ts';
import type { DeliveryStep } from '../../contract/store/scripts/receipts.ts';
import { Message } from '../session/messages.ts';
import type { Session } from '../session/session.ts';
import { acknowledgeSchema, parseBody, refOf } from './body.ts';
import type { Handler } from './handler.ts';

export interface AcknowledgeParts {
  /** Does not reject. */
  readonly progress: { mark(step: DeliveryStep): Promise<void> };
  /** Does not reject. */
  readonly sessionStore: { settleAcknowledged(session: Recipient, ids: readonly string[]): Promise<void> };
  readonly counters: { acknowledge(ids: readonly string[], nowMs: number): void };
  /** Undefined: traces are off. */
  readonly traces: { acknowledged(userId: string, ids: readonly string[]): void } | undefined;
}

/** 6: messages that the client has taken; they leave its mailbox. Without the feature `ack` the command is unknown. */
export const acknowledge: Handler<AcknowledgeParts> = (
  session,
  frame,
  { sessionStore, counters, progress, traces },
) => {
  if (!session.has('ack')) return session.rejectAsViolation('unknown_command', frame.version, refOf(frame));
  const body = parseBody(frame, acknowledgeSchema);
  if (!body) return session.rejectAsViolation('malformed', frame.version, refOf(frame));
  if (body.ids.length === 0) return;
  const { userId, epoch, acknowledgements, reader } = session;
  counters.acknowledge(body.ids, Date.now());
  traces?.acknowledged(userId, body.ids);
  acknowledgements.begin();
  reader.payForWork(body.ids.length);
  markWritten(session, body.ids, progress);
  void sessionStore.settleAcknowledged({ userId, epoch }, body.ids).then(() => acknowledgements.end());
};

/**
 * A quick client acknowledges the first messages of a write before the kernel has taken the last. They count as written first: the
 * receipt of a broadcast knows only the recipients that were marked in it.
 */
function markWritten(
  { userId, outbox }: Session,
  ids: readonly string[],
  progress: AcknowledgeParts['progress'],
): void {
  for (const item of outbox.writing) {
    if (!(item instanceof Message) || !item.head.flags.includes('r') || !ids.includes(item.head.id)) continue;
    void progress.mark({ messageId: item.head.id, userId, state: 'written' });
  }
}
