import { acknowledgeSchema, parseBody, refOf } from './body.ts';
import type { Handler } from './dispatch.ts';

/** 6: messages that the client has taken; they leave its mailbox. From a client that never said `ack` it is unknown. */
export const acknowledge: Handler = (session, frame, { sessionStore, counters, traces }) => {
  if (!session.has('ack')) return session.refuse('unknown_command', frame.version, refOf(frame));
  const body = parseBody(frame, acknowledgeSchema);
  if (!body) return session.refuse('malformed', frame.version, refOf(frame));
  if (body.ids.length === 0) return;
  counters.acknowledge(body.ids, Date.now());
  traces?.acknowledged(session.userId, body.ids);
  void sessionStore.settle({ userId: session.userId, epoch: session.epoch }, 'acknowledged', body.ids);
};
