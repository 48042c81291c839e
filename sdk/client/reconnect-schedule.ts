import { backoffMs } from './backoff.ts';
import { DismissedError, TokenRefusedError } from './errors.ts';
import type { Goodbye } from './events.ts';
import type { ReconnectPolicy } from './options.ts';

/** How a connection ended. */
export interface End {
  cause: Error;
  goodbye: Goodbye | undefined;
  /** From the verify to the end, ms; undefined when it was never verified. */
  verifiedForMs: number | undefined;
}

/** Reasons after which a reconnect would take over a newer connection, or would use an invalid token. */
const FINAL_REASONS = ['taken_over', 'logged_out'];

type NextStep = { attempt: number; delayMs: number } | { finalCause: Error };

/** Decides, after each connection, whether and when the next one is tried. */
export class ReconnectSchedule {
  readonly #policy: ReconnectPolicy | undefined;
  #attempt = 0;
  #wasVerified = false;

  constructor(policy: ReconnectPolicy | undefined) {
    this.#policy = policy;
  }

  after(end: End): NextStep {
    const policy = this.#policy;
    const { goodbye, verifiedForMs } = end;
    this.#wasVerified ||= verifiedForMs !== undefined;
    if (goodbye && (goodbye.reconnectAfterMs === undefined || FINAL_REASONS.includes(goodbye.reason))) {
      return { finalCause: new DismissedError(goodbye.reason) };
    }
    if (!policy || end.cause instanceof TokenRefusedError) return { finalCause: end.cause };
    if (!this.#wasVerified && !policy.fromStart) return { finalCause: end.cause };
    // A plain client does not get the close reason: one that is closed at once, repeatedly, must slow down.
    if (verifiedForMs !== undefined && verifiedForMs >= policy.lastingMs) this.#attempt = 0;
    this.#attempt += 1;
    if (this.#attempt > policy.maxAttempts) return { finalCause: end.cause };
    // The time from the server has jitter already.
    return { attempt: this.#attempt, delayMs: goodbye?.reconnectAfterMs ?? backoffMs(policy, this.#attempt) };
  }
}
