import type { ChildProcess } from 'node:child_process';

interface Options {
  /** The child leads a process group of its own: all of it is ended. */
  readonly isGroup?: boolean;
}

const children = new Map<ChildProcess, boolean>();
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
let isWatching = false;

/**
 * Ends the child when this process ends without having stopped it: by an error before the first `finally`, by `process.exit`, or by a signal.
 * Node itself leaves children running. After SIGKILL they stay: nobody is left who could end them.
 */
export function endWithUs(child: ChildProcess, { isGroup = false }: Options = {}): void {
  if (child.pid === undefined) return;
  children.set(child, isGroup);
  child.once('exit', () => children.delete(child));
  if (isWatching) return;
  isWatching = true;
  process.on('exit', endAll);
  for (const signal of SIGNALS) process.on(signal, whenSignalled);
}

/** A program without a handler for this signal would end at once. It still does, after we have ended the children. */
function whenSignalled(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  endAll();
  process.off(signal, whenSignalled);
  process.kill(process.pid, signal);
}

function endAll(): void {
  for (const [{ pid = 0 }, isGroup] of children) {
    // A stopped child (SIGSTOP) handles SIGTERM only after SIGCONT.
    for (const signal of ['SIGTERM', 'SIGCONT'] as const) {
      try {
        process.kill(isGroup ? -pid : pid, signal);
      } catch {
        // It has ended meanwhile.
      }
    }
  }
}
