import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { basename } from 'node:path';
import { endWithUs } from '../../local/end-with-us.ts';
import { findOnPath } from '../../local/redis/find.ts';
import { lastLines } from '../../local/redis/run.ts';
import { root } from './paths.ts';

export interface ChildOptions {
  /** CPUs it may use, as taskset takes them; undefined: all. */
  readonly cpus?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Before the machine's other work (-15) where this user may; 0: as everybody. */
  readonly niceness?: number;
}

/** A program that runs for a measurement, and never longer than this process. */
export interface Child {
  readonly pid: number;
  readonly process: ChildProcess;
  /** The end of its output, for an error message. */
  output(): string;
  /** Resolves with the first line that matches; rejects with its output when it ends, or does not print it in time. */
  line(pattern: RegExp, timeoutMs?: number): Promise<string>;
  /** SIGTERM, SIGKILL after a while. Resolves when it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  readonly exited: Promise<number | null>;
}

const OUTPUT_MAX = 1 << 20;
const STOP_TIMEOUT_MS = 15_000;

/** Starts a program that is stopped when this one is gone, on the given CPUs. */
export async function startChild(file: string, args: readonly string[], options: ChildOptions = {}): Promise<Child> {
  const prefix = await prefixOf(options);
  const [command = file, ...rest] = [...prefix, file, ...args];
  const child = spawn(command, rest, {
    cwd: options.cwd ?? root,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A session of its own: Linux weighs sessions against each other first, and nice values only within one.
    detached: Boolean(options.niceness),
  });
  endWithUs(child);
  let text = '';
  const watchers = new Set<() => void>();
  const collect = (chunk: string): void => {
    text = (text + chunk).slice(-OUTPUT_MAX);
    for (const look of watchers) look();
  };
  child.stdout.setEncoding('utf8').on('data', collect);
  child.stderr.setEncoding('utf8').on('data', collect);
  child.once('error', (error) => collect(`${error.message}\n`));
  const exited = once(child, 'close').then(([code]: (number | null)[]) => code ?? null);
  const pid = child.pid ?? -1;
  if (pid > 0 && options.niceness) raise(pid, options.niceness);
  return { pid, process: child, output: () => text, line, exited, stop };

  function line(pattern: RegExp, timeoutMs = 30_000): Promise<string> {
    return new Promise((resolve, reject) => {
      const end = (act: () => void): void => {
        clearTimeout(timer);
        watchers.delete(look);
        act();
      };
      const fail = (why: string): void =>
        end(() => reject(new Error(`${[basename(file), ...args].join(' ')} ${why}:\n${lastLines(text, 12)}`)));
      const look = (): void => {
        const found = text.split('\n').find((candidate) => pattern.test(candidate));
        if (found !== undefined) end(() => resolve(found));
      };
      const timer = setTimeout(() => fail(`did not print ${pattern} in ${timeoutMs} ms`), timeoutMs);
      watchers.add(look);
      void exited.then(() => fail(`ended before it printed ${pattern}`));
      look();
    });
  }

  async function stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const kill = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(kill);
  }
}

async function prefixOf({ cpus }: ChildOptions): Promise<string[]> {
  const dies = (await has('setpriv')) ? ['setpriv', '--pdeathsig', 'TERM'] : [];
  const pinned = cpus !== undefined && (await has('taskset')) ? ['taskset', '-c', cpus] : [];
  return [...dies, ...pinned];
}

const found = new Map<string, Promise<boolean>>();

/** Whether PATH has the program. */
export function has(program: string): Promise<boolean> {
  const known = found.get(program) ?? findOnPath(program, process.env).then((path) => path !== undefined);
  found.set(program, known);
  return known;
}

/** Threads that the program starts later inherit it. Not every user may. */
function raise(pid: number, niceness: number): void {
  try {
    setPriority(pid, niceness);
  } catch {
    hasRefusedPriority = true;
  }
  raiseSession(pid, niceness);
}

/** A program in a session of its own competes by its session's nice value (sched(7), “the autogroup feature”). */
function raiseSession(pid: number, niceness: number): void {
  const file = `/proc/${pid}/autogroup`;
  if (!existsSync(file)) return;
  try {
    writeFileSync(file, String(niceness));
  } catch {
    hasRefusedPriority = true;
  }
}

let hasRefusedPriority = false;
/** Whether this user may not put the measurement before the machine's other work. */
export const isPriorityRefused = (): boolean => hasRefusedPriority;
