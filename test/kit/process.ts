import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { endWithUs } from '../../local/end-with-us.ts';
import { keepLog } from './logs.ts';
import { until } from './until.ts';

interface ProcessOptions {
  /** Added to this process's environment; undefined takes a name away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default: the repository. */
  readonly cwd?: string;
  /** Own process group, as for a program started by a terminal or a service manager. */
  readonly detached?: boolean;
}

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program under test: what it printed so far, and how it ends. */
export interface RunningProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Resolves when it has ended and all its output is here. Never rejects. */
  readonly exit: Promise<Exit>;
  readonly hasExited: boolean;
  /** stdout and stderr so far, in the order they came. */
  output(): string;
  /** The first line that matches; fails with all output when the program ends or the time is over before. */
  line(pattern: RegExp, timeoutMs?: number): Promise<string>;
  /** Sends the signal and resolves with the end; SIGKILL after the bound, which the exit then shows. */
  stop(signal?: NodeJS.Signals, timeoutMs?: number): Promise<Exit>;
}

export const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Starts a TypeScript program of the repository with this Node: `startProgram('gateway/main.ts', [], { env })`. */
export function startProgram(file: string, args: readonly string[] = [], options: ProcessOptions = {}): RunningProcess {
  return startProcess(process.execPath, [file, ...args], options);
}

/** Starts any program. A program that is not there shows as exit code null and in the output. */
export function startProcess(
  command: string,
  args: readonly string[] = [],
  options: ProcessOptions = {},
): RunningProcess {
  const child = spawn(command, args, {
    cwd: options.cwd ?? repository,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: options.detached ?? false,
  });
  endWithUs(child, { isGroup: options.detached ?? false });
  let text = '';
  let ended: Exit | undefined;
  const collect = (chunk: string): void => {
    text += chunk;
  };
  child.stdout.setEncoding('utf8').on('data', collect);
  child.stderr.setEncoding('utf8').on('data', collect);
  const exit = new Promise<Exit>((resolve) => {
    const end = (result: Exit): void => {
      ended = result;
      resolve(result);
    };
    child.once('error', (error) => {
      text += `${error.message}\n`;
      end({ code: null, signal: null });
    });
    child.once('close', (code, signal) => {
      keepLog(text);
      end({ code, signal });
    });
  });

  return {
    pid: child.pid ?? -1,
    child,
    exit,
    get hasExited() {
      return ended !== undefined;
    },
    output: () => text,
    line: (pattern, timeoutMs = 100_000) => waitForLine(pattern, timeoutMs, () => ({ text, ended }), command, args),
    stop: async (signal = 'SIGTERM', timeoutMs = 30_000) => {
      if (ended) return ended;
      child.kill(signal);
      const kill = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
      try {
        return await exit;
      } finally {
        clearTimeout(kill);
      }
    },
  };
}

async function waitForLine(
  pattern: RegExp,
  timeoutMs: number,
  state: () => { text: string; ended: Exit | undefined },
  command: string,
  args: readonly string[],
): Promise<string> {
  const name = [command, ...args].join(' ');
  const complete = (): string => state().text;
  try {
    const result = await until(
      `${name} prints ${pattern}`,
      () => {
        const isOver = state().ended !== undefined;
        const line = complete()
          .split('\n')
          .find((candidate) => pattern.test(candidate));
        return line === undefined ? isOver && { line: undefined } : { line };
      },
      { timeoutMs },
    );
    if (result.line !== undefined) return result.line;
  } catch (error) {
    throw new Error(`${(error as Error).message}; its output:\n${complete()}`, { cause: error });
  }
  throw new Error(`${name} ended before it printed ${pattern}; its output:\n${complete()}`);
}
