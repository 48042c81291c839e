import { RedisUnavailableError } from '../../../shared/redis/errors.ts';

/** From the call to its reply. With it a 503 leaves within 2 s after Redis fails, for every kind of call. */
export const CALL_TIMEOUT_MS = 1_400;

/** The time-out of a call, and the attempts to reach a cluster that has never replied. */
export interface Patience {
  readonly callTimeoutMs: number;
  readonly firstTries: number;
}

/** For a function: its clients outlive the outage, and look for a cluster until they find it. */
export const SERVING: Patience = { callTimeoutMs: CALL_TIMEOUT_MS, firstTries: Number.POSITIVE_INFINITY };

/** For a user at a terminal: a slow machine gets more time, a refused connection is reported at once. */
export const AT_TERMINAL: Patience = { callTimeoutMs: 10_000, firstTries: 3 };

/**
 * From the call to the beginning of its script: a script that carries a deadline does nothing later. The rest of
 * CALL_TIMEOUT_MS is for the script itself, the store's log and the way back.
 */
export const START_TIMEOUT_MS = 900;

/**
 * The last part of a timeout. A process that was blocked reads the replies that have arrived before it gives up: between the steps
 * of a timeout there is time to read, even if one of them is late, because sockets are read after timers and before immediates.
 */
const LAST_LOOK_MS = 50;

/** The connection outlives a call without a reply by this time, so that the withdrawal leaves on the same connection. */
export const SILENCE_AFTER_CALL_MS = 300;

/** Bounds calls whose client would wait for longer, such as for an unreachable cluster. One timer serves all calls in flight. */
export class CallTimeout {
  readonly #timeoutMs: number;
  /** Calls in flight, by their time: all have the same time-out. */
  readonly #calls = new Set<{ readonly endsAtMs: number; readonly giveUp: () => void }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  bound<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const giveUp = () => reject(new RedisUnavailableError('no reply in time'));
      const call = { endsAtMs: performance.now() + this.#timeoutMs, giveUp };
      const settle = () => {
        this.#calls.delete(call);
        if (this.#calls.size === 0) this.#timer?.unref();
      };
      this.#calls.add(call);
      this.#watch();
      work.then(
        (value) => {
          settle();
          resolve(value);
        },
        (error: unknown) => {
          settle();
          reject(error);
        },
      );
    });
  }

  /** Waits for the end of the oldest call. */
  #watch(): void {
    const [oldest] = this.#calls;
    if (oldest === undefined) return;
    if (this.#timer !== undefined) return void this.#timer.ref();
    const leftMs = oldest.endsAtMs - performance.now();
    const isLastLook = leftMs <= LAST_LOOK_MS;
    const next = () => {
      this.#timer = undefined;
      if (isLastLook) setImmediate(() => this.#end());
      else this.#watch();
    };
    this.#timer = setTimeout(next, isLastLook ? LAST_LOOK_MS : leftMs - LAST_LOOK_MS);
  }

  #end(): void {
    const nowMs = performance.now();
    for (const call of this.#calls) {
      if (call.endsAtMs > nowMs) break;
      this.#calls.delete(call);
      call.giveUp();
    }
    this.#watch();
  }
}

/** The same bound as a signal. It keeps no process running. */
export function timeoutSignal(timeoutMs: number): AbortSignal {
  const controller = new AbortController();
  const abort = () => controller.abort(new DOMException('no reply in time', 'TimeoutError'));
  const lastLook = () => setTimeout(() => setImmediate(abort), LAST_LOOK_MS).unref();
  setTimeout(lastLook, timeoutMs - LAST_LOOK_MS).unref();
  return controller.signal;
}
