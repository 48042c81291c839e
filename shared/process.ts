/** Returns whether a process with this id exists, also one of another user. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** One Ctrl-C can arrive twice: from the terminal, and from a parent that passes it on (npm, bin/run-typescript.mjs). */
const SAME_SIGNAL_MS = 1_000;

/** Whether a signal now is still the one that came first at `firstAtMs`, of `performance.now()`. */
export function isSameSignal(firstAtMs: number): boolean {
  return performance.now() - firstAtMs <= SAME_SIGNAL_MS;
}
