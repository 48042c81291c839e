import { QUEUE_VERSION, ServerCommand } from '../../contract/wire/command-ids.ts';
import type { Connection } from '../net/connection.ts';
import type { CloseReason } from './close-reasons.ts';
import { Notice } from './messages.ts';

const MAX_SPREAD_MS = 60_000;

/** Ends a connection from our side: with a goodbye (112) where the client understands it, else without a word. `sessions`: of this gateway. */
export function sayGoodbye(connection: Connection, reason: CloseReason, understands: boolean, sessions: number): void {
  if (connection.destroyed) return;
  // What still arrives is read and dropped: unread bytes would turn the end into a reset, and our last frames be lost.
  connection.resume();
  if (!understands) {
    connection.end();
    return;
  }
  const afterMs = Math.round(reason.comesBackAfterMs + Math.random() * spreadMs(sessions));
  const body = JSON.stringify({ reason: reason.name, reconnect_after_ms: afterMs });
  connection.end(new Notice(QUEUE_VERSION, ServerCommand.goodbye, body).frame());
}

/** The more sessions there are, the longer they take to come back, so that they do not come all at once. */
function spreadMs(sessions: number): number {
  return Math.min(MAX_SPREAD_MS, 500 + 2 * sessions);
}
