import { Readable, Writable } from 'node:stream';
import { runCommandLine } from '../../cli/run.ts';

export interface Run {
  code: number | null;
  stdout: string;
  stderr: string;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** One command line at a time: its streams and its environment belong to the whole process. */
let previous: Promise<unknown> = Promise.resolve();

/** Runs a command line to its end in this process, with its own environment and streams. */
export function runInProcess(args: readonly string[], env: NodeJS.ProcessEnv, input: string): Promise<Run> {
  const run = previous.then(() => runAlone(args, env, input));
  previous = run.catch(() => undefined);
  return run;
}

async function runAlone(args: readonly string[], env: NodeJS.ProcessEnv, input: string): Promise<Run> {
  const stdout = new Collector();
  const stderr = new Collector();
  const { exitCode } = process;
  process.exitCode = undefined;
  const restore = [
    replace('env', definedOnly(env)),
    replace('stdin', Readable.from(input === '' ? [] : [Buffer.from(input)])),
    replace('stdout', stdout),
    replace('stderr', stderr),
    keepListeners(),
  ];
  try {
    await runCommandLine(args);
    return { code: Number(process.exitCode ?? 0), stdout: stdout.text, stderr: stderr.text };
  } finally {
    for (const undo of restore.reverse()) undo();
    process.exitCode = exitCode;
  }
}

class Collector extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

/** As for a program: an undefined member is not there. */
function definedOnly(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined));
}

function replace(name: 'env' | 'stdin' | 'stdout' | 'stderr', value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(process, name) as PropertyDescriptor;
  Object.defineProperty(process, name, { value, writable: true, configurable: true, enumerable: true });
  return () => void Object.defineProperty(process, name, before);
}

/** Removes the listeners that the command adds for signals. */
function keepListeners(): () => void {
  const before = new Set(SIGNALS.flatMap((signal) => process.listeners(signal)));
  return () => {
    for (const signal of SIGNALS) {
      for (const listener of process.listeners(signal)) if (!before.has(listener)) process.off(signal, listener);
    }
  };
}
