import type { Recipient } from '../../contract/store/records.ts';
import { acknowledgeSchema, parseBody, refOf } from './body.ts';
import type { Handler } from './dispatch.ts';

export interface AcknowledgeParts {
  /** Does not reject. */
  readonly sessionStore: { settle(session: Recipient, state: 'acknowledged', ids: readonly string[]): Promise<void> };
  readonly counters: { acknowledge(ids: readonly string[], nowMs: number): void };
  /** Undefined: traces are off. */
  readonly traces: { acknowledged(userId: string, ids: readonly string[]): void } | undefined;
}

/** 6: messages that the client has taken; they leave its mailbox. Without the feature `ack` the command is unknown. */
export const acknowledge: Handler<AcknowledgeParts> = (session, frame, { sessionStore, counters, traces }) => {
  if (!session.has('ack')) return session.rejectAsViolation('unknown_command', frame.version, refOf(frame));
  const body = parseBody(frame, acknowledgeSchema);
  if (!body) return session.rejectAsViolation('malformed', frame.version, refOf(frame));
  if (body.ids.length === 0) return;
  const { userId, epoch, acknowledgements, reader } = session;
  counters.acknowledge(body.ids, Date.now());
  traces?.acknowledged(userId, body.ids);
  acknowledgements.begin();
  reader.payForWork(body.ids.length);
  void sessionStore.settle({ userId, epoch }, 'acknowledged', body.ids).then(() => acknowledgements.end());
};
