import type { Feature } from '../../contract/wire/command-ids.ts';
import type { Message } from './message.ts';

/** The server's information when it verified this connection. */
export interface SessionInfo {
  /** The features that the server granted; empty for a plain client. */
  readonly features: readonly Feature[];
  /** The server's id of this session, for its logs. */
  readonly id: string | undefined;
  /** Number of messages dropped from the mailbox since the last connection (bound or age). With `ack`, 0 means that no message was lost. */
  readonly lost: number;
  /** How long the server tolerates silence after a heartbeat, ms. */
  readonly heartbeatTimeoutMs: number | undefined;
}

export interface Goodbye {
  readonly reason: string;
  /** When to reconnect, ms from now; undefined: do not reconnect by yourself. */
  readonly reconnectAfterMs: number | undefined;
}

/** The arguments of each event. */
export interface ClientEvents {
  /** Acknowledged once every listener's promise has resolved; when a listener fails, the message comes again on the next connection. */
  message: [message: Message];
  /** Verified, the first time and after each reconnection. */
  verified: [session: SessionInfo];
  /** A verified connection ended. `reconnecting` or `closed` follows. */
  disconnected: [cause: Error];
  /** The next attempt starts in `delayMs`. `attempt` counts from 1 since the last lasting connection. */
  reconnecting: [attempt: number, delayMs: number, cause: Error];
  /** The server is about to close this connection. */
  goodbye: [goodbye: Goodbye];
  /** The server refused a command without a waiting caller. */
  refused: [error: Error];
  /** The server sent a known command with an invalid body; it was skipped. */
  malformed: [commandId: number, body: string];
  /** A message listener failed. Without a listener for it this ends the process, as with any EventEmitter. */
  error: [error: Error];
  /** Closed for good: without a cause after `close()`, else with the error (or the reason of an aborted signal). */
  closed: [cause: Error | undefined];
  /** Node's own, before a listener is added. */
  newListener: [event: string | symbol, listener: (...args: never[]) => unknown];
}
