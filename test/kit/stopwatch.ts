import { readFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';

const TICK_MS = 20;

/**
 * Returns the time since this call, ms, without the time for which this process or one of `pids` was not given the processor
 * although it wanted to run: what is judged is the product, not the machine. For use in a test.
 */
export function stopwatch(...pids: readonly number[]): () => number {
  const names = ['self', ...pids.map(String)];
  const startedAt = performance.now();
  let lookedAt = startedAt;
  let waited = names.map(waitedMs);
  let lostMs = 0;
  const look = () => {
    const now = performance.now();
    const lateMs = now - lookedAt;
    const waitedNow = names.map(waitedMs);
    const [ownMs = 0, ...othersMs] = waitedNow.map((ms, i) => Math.max(0, ms - (waited[i] ?? 0)));
    // Where the system counts no waits, and for a machine that stood still, the late tick tells it.
    lostMs += Math.max(ownMs, lateMs > 3 * TICK_MS ? lateMs - TICK_MS : 0) + othersMs.reduce((sum, ms) => sum + ms, 0);
    lookedAt = now;
    waited = waitedNow;
  };
  const timer = setInterval(look, TICK_MS);
  onTestFinished(() => clearInterval(timer));
  return () => {
    look();
    return lookedAt - startedAt - lostMs;
  };
}

/** For how long a process has stood in the queue for a processor; 0 where the system does not tell. */
function waitedMs(pid: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}
