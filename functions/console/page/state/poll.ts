import type { Failure } from '../api/request.ts';

export interface Poll {
  /** Runs at once, if it is not running; the pause then starts anew. */
  now: () => void;
  stop: () => void;
}

const LONGEST_PAUSE_MS = 30_000;

/**
 * Repeats `run` with `pauseMs` between the end of one and the start of the next. After failures the pause doubles,
 * up to 30 s, or is what the API asked for. Nothing runs while the page is hidden; it runs at once when it is seen
 * again, or when the network comes back.
 */
export function startPoll(run: () => Promise<Failure | undefined>, pauseMs: () => number): Poll {
  let timer: number | undefined;
  let failures = 0;
  let running = false;
  let again = false;
  let stopped = false;

  const now = (): void => {
    if (stopped || document.hidden) return;
    if (running) {
      again = true;
      return;
    }
    window.clearTimeout(timer);
    running = true;
    void run().then((failure) => {
      running = false;
      failures = failure ? failures + 1 : 0;
      const pause = again ? 0 : pauseAfter(failure, failures, pauseMs());
      again = false;
      if (!stopped) timer = window.setTimeout(now, pause);
    });
  };
  document.addEventListener('visibilitychange', now);
  window.addEventListener('online', now);
  now();
  return {
    now,
    stop: () => {
      stopped = true;
      window.clearTimeout(timer);
      document.removeEventListener('visibilitychange', now);
      window.removeEventListener('online', now);
    },
  };
}

function pauseAfter(failure: Failure | undefined, failures: number, pauseMs: number): number {
  if (!failure) return pauseMs;
  const asked = 'retryAfterSeconds' in failure ? failure.retryAfterSeconds * 1000 : 0;
  return Math.min(Math.max(asked, pauseMs * 2 ** (failures - 1)), LONGEST_PAUSE_MS);
}
