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

/** The last part of a timeout: a process that was blocked reads the replies that have arrived before it gives up. */
const LAST_LOOK_MS = 50;

/** The connection outlives a call without a reply by this time, so that the withdrawal leaves on the same connection. */
export const SILENCE_AFTER_CALL_MS = 300;

/** Bounds a call whose client would wait for longer, such as for an unreachable cluster. */
export async function withinTimeout<T>(call: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: { cancel(): void } | undefined;
  // Not Promise.withResolvers: the command line runs on Node 20 too.
  const late = new Promise<never>((_resolve, reject) => {
    timer = afterTimeout(timeoutMs, () => reject(new RedisUnavailableError('no answer in time')), { ref: true });
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    timer?.cancel();
  }
}

/** The same bound as a signal. It keeps no process running. */
export function timeoutSignal(timeoutMs: number): AbortSignal {
  const controller = new AbortController();
  afterTimeout(timeoutMs, () => controller.abort(new DOMException('no answer in time', 'TimeoutError')), {
    ref: false,
  });
  return controller.signal;
}

/**
 * In steps: between them there is time to read, even if one of them is late. Sockets are read after
 * timers and before immediates.
 */
function afterTimeout(timeoutMs: number, giveUp: () => void, { ref }: { ref: boolean }): { cancel(): void } {
  let timer = setTimeout(() => {
    timer = setTimeout(() => setImmediate(giveUp), LAST_LOOK_MS);
    if (!ref) timer.unref();
  }, timeoutMs - LAST_LOOK_MS);
  if (!ref) timer.unref();
  return { cancel: () => clearTimeout(timer) };
}
