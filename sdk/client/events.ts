import type { Feature } from '../../contract/wire/command-ids.ts';
import type { Message } from './message.ts';

/** What the server said when it verified this connection. */
export interface SessionInfo {
  /** What the server agreed to; empty for a plain client. */
  readonly features: readonly Feature[];
  /** The server's name for this stay, for its logs. */
  readonly id: string | undefined;
  /** Messages that the mailbox had to give up since the last connection (bound or age). 0 is a promise, with `ack`. */
  readonly lost: number;
  /** How long the server bears silence after a heartbeat, ms. */
  readonly heartbeatTimeoutMs: number | undefined;
}

export interface Goodbye {
  readonly reason: string;
  /** When to come back, ms from now; undefined: not by oneself. */
  readonly reconnectAfterMs: number | undefined;
}

/** The arguments of each event. */
export interface ClientEvents {
  /** Taken once every listener's promise has resolved; a listener that fails leaves it to the next connection. */
  message: [message: Message];
  /** Verified, the first time and after each reconnection. */
  verified: [session: SessionInfo];
  /** A verified connection ended. `reconnecting` or `closed` follows. */
  disconnected: [cause: Error];
  /** The next attempt starts in `delayMs`. `attempt` counts from 1 since the last lasting connection. */
  reconnecting: [attempt: number, delayMs: number, cause: Error];
  /** The server is about to close this connection. */
  goodbye: [goodbye: Goodbye];
  /** The server refused something that nobody waits for the answer of. */
  refused: [error: Error];
  /** The server sent a known command with a body that is none; it was skipped. */
  malformed: [commandId: number, body: string];
  /** A message listener failed. Without a listener for it this ends the process, as with any EventEmitter. */
  error: [error: Error];
  /** For good: without a cause by `close()`, else with what ended it (the reason of an aborted signal too). */
  closed: [cause: Error | undefined];
  /** Node's own, before a listener is added. */
  newListener: [event: string | symbol, listener: (...args: never[]) => unknown];
}
