import { Gate } from '../session/frame-reader.ts';
import { acknowledgeSchema, parseBody, refOf } from './body.ts';
import type { Handler } from './dispatch.ts';

/** Frames of one session that are on their way to Redis; above it the session is not read until half of them are there. */
const MAX_IN_FLIGHT = 64;

/** 6: messages that the client has taken; they leave its mailbox. From a client that never said `ack` it is unknown. */
export const acknowledge: Handler = (session, frame, { sessionStore, counters, traces }) => {
  if (!session.has('ack')) return session.refuse('unknown_command', frame.version, refOf(frame));
  const body = parseBody(frame, acknowledgeSchema);
  if (!body) return session.refuse('malformed', frame.version, refOf(frame));
  if (body.ids.length === 0) return;
  counters.acknowledge(body.ids, Date.now());
  traces?.acknowledged(session.userId, body.ids);
  session.settlesInFlight += 1;
  if (session.settlesInFlight > MAX_IN_FLIGHT) session.intake.hold(Gate.settling);
  session.intake.payForWork(body.ids.length);
  void sessionStore.settle({ userId: session.userId, epoch: session.epoch }, 'acknowledged', body.ids).then(() => {
    session.settlesInFlight -= 1;
    if (session.settlesInFlight <= MAX_IN_FLIGHT / 2) session.intake.release(Gate.settling);
  });
};
