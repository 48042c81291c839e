import { QUEUE_VERSION, ServerCommand } from '../../contract/wire/command-ids.ts';
import { Notice } from '../delivery/messages.ts';
import type { CloseReason } from './close-reasons.ts';
import type { Session } from './session.ts';

const MAX_SPREAD_MS = 60_000;

/** Ends the connection from our side: with a word to those who understand it, else without one. */
export function sayGoodbye(session: Session, reason: CloseReason): void {
  const { socket, context } = session;
  if (socket.destroyed) return;
  // What still comes is read and dropped: unread bytes would turn the end into a reset, and our last words be lost.
  socket.resume();
  if (!session.has('goodbye')) {
    socket.end();
    return;
  }
  const afterMs = Math.round(reason.comesBackAfterMs + Math.random() * spreadMs(context.registry.size));
  const body = JSON.stringify({ reason: reason.name, reconnect_after_ms: afterMs });
  socket.end(new Notice(QUEUE_VERSION, ServerCommand.goodbye, body).frame());
}

/** The more there are, the longer they take to come back, so that they do not come all at once. */
function spreadMs(sessions: number): number {
  return Math.min(MAX_SPREAD_MS, 500 + 2 * sessions);
}
