/** The longest time of a timer of Node, 24 days: with a longer one, such as Infinity, it would fire after 1 ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Bounds the time of a timer. */
export function timerMs(ms: number): number {
  return Math.min(ms, MAX_TIMER_MS);
}

/** Resolves after `ms`, or at once when `signal` aborts. Never rejects. */
export function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, timerMs(ms));
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}

/** Resolves when `work` is done, at the latest after `ms`. */
export async function deadline(work: Promise<unknown>, ms: number): Promise<void> {
  const over = new AbortController();
  await Promise.race([work.catch(() => undefined), delay(ms, over.signal)]);
  over.abort();
}
