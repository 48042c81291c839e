import { RedisUnavailableError } from '../../../shared/redis/errors.ts';

/** From the call to its answer. With it an answer 503 leaves within 2 s of Redis going away, whatever the call waits for. */
export const CALL_TIMEOUT_MS = 1_400;

/** What a call may take, and what is tried before a cluster that has never answered is given up. */
export interface Patience {
  readonly callTimeoutMs: number;
  readonly firstTries: number;
}

/** Of a function: its clients outlive the outage, and look for a cluster until it is there. */
export const SERVING: Patience = { callTimeoutMs: CALL_TIMEOUT_MS, firstTries: Number.POSITIVE_INFINITY };

/** Of somebody at a terminal: a busy machine has its time, what refuses the connection is told at once. */
export const AT_TERMINAL: Patience = { callTimeoutMs: 10_000, firstTries: 3 };

/**
 * From the call to the beginning of its script: a script that carries a deadline does nothing later. The rest of
 * CALL_TIMEOUT_MS is for what comes then: the script itself, the store's log, the way back.
 */
export const START_TIMEOUT_MS = 900;

/** The last part of a timeout: a process that was held up reads what has come meanwhile before it gives up. */
const LAST_LOOK_MS = 50;

/** The connection outlives a call that had no answer by so much: what takes the call back leaves on the same one. */
export const SILENCE_AFTER_CALL_MS = 300;

/** Bounds a call that its client would let wait for longer, such as for a cluster that is not there. */
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
 * In steps: between them there is time to read, however late one of them comes. What is in the sockets is read after
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
