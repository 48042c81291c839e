import { RedisUnavailableError } from '../../../contract/redis.ts';

/** From the call to its answer. With it an answer 503 leaves within 2 s of Redis going away, whatever the call waits for. */
export const CALL_TIMEOUT_MS = 1_500;

/**
 * Refusals that say how the store is, not that the command is wrong: all pass by themselves, and nothing was written.
 * `ERR max …` is Upstash's for a plan's limit that was reached.
 */
const PASSING = [
  'LOADING',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'MASTERDOWN',
  'READONLY',
  'OOM',
  'MISCONF',
  'NOREPLICAS',
  'BUSY',
  'ERR max ',
];

export function isPassing(message: string): boolean {
  return PASSING.some((code) => message.startsWith(code));
}

export function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}

/** Bounds a call that its client would let wait for longer, such as for a cluster that is not there. */
export async function withinTimeout<T>(call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  // Not Promise.withResolvers: the command line runs on Node 20 too.
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new RedisUnavailableError('no answer in time')), CALL_TIMEOUT_MS);
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    clearTimeout(timer);
  }
}
