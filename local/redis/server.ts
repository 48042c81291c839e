import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../free-port.ts';
import { untilReady } from './ping.ts';
import { lastLines } from './run.ts';

interface ServerOptions {
  /** Path of redis-server or valkey-server. */
  readonly binary: string;
  /** Made if missing; holds the data and redis.log. */
  readonly dataDir: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Settings as on redis-server's command line; they win over ours. */
  readonly args?: readonly string[];
}

export interface RunningServer {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Resolves when the process has ended, for every cause. */
  readonly exited: Promise<void>;
  /** SIGTERM (Redis saves its data), SIGKILL after ten seconds. Resolves when the process has ended. */
  stop(): Promise<void>;
}

const startTimeoutMs = 60_000;
const stopTimeoutMs = 10_000;

/**
 * A shell stands between us and Redis and holds the read end of a pipe: when this process ends, even by kill -9, the
 * pipe closes and the shell stops Redis, also one that stands still (SIGSTOP). The first line of its output is Redis's
 * own pid, its exit is Redis's exit.
 */
const guard = `
exec 3<&0
"$@" 3<&- </dev/null >/dev/null 2>&1 &
redis=$!
(read -r _ <&3; kill -TERM "$redis"; kill -CONT "$redis") >/dev/null 2>&1 &
reader=$!
echo "$redis"
exec >/dev/null 3<&-
wait "$redis"
code=$?
kill "$reader" 2>/dev/null
exit "$code"
`;

/** Starts a Redis on 127.0.0.1 as our own process and waits until it answers. */
export async function launchServer(options: ServerOptions): Promise<RunningServer> {
  await mkdir(options.dataDir, { recursive: true });
  const attempts = options.port === undefined ? 3 : 1;
  for (let attempt = 1; ; attempt++) {
    try {
      return await launch(options, options.port ?? (await freePort()));
    } catch (error) {
      // Another process may take the free port before Redis binds it.
      if (attempt >= attempts) throw error;
    }
  }
}

async function launch(options: ServerOptions, port: number): Promise<RunningServer> {
  const logFile = join(options.dataDir, 'redis.log');
  const settings = ['--bind', '127.0.0.1', '--port', `${port}`, '--dir', options.dataDir, '--logfile', logFile];
  const args = [options.binary, ...settings, '--protected-mode', 'yes', ...(options.args ?? [])];
  // A process group of its own: Ctrl-C in a terminal goes to us, and we stop Redis when its users are done.
  const child = spawn('sh', ['-c', guard, 'redis-guard', ...args], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ended = new AbortController();
  const exited = once(child, 'exit').then(() => ended.abort(new Error('Redis ended')));
  const pid = await firstNumber(child);
  const url = `redis://127.0.0.1:${port}`;
  try {
    await untilReady(url, startTimeoutMs, ended.signal);
  } catch (error) {
    child.stdin?.end();
    await exited;
    const log = await readFile(logFile, 'utf8').catch(() => '(no log)');
    throw new Error(`${options.binary} did not start on port ${port}:\n${lastLines(log)}`, { cause: error });
  }
  return { url, port, pid, exited, stop: () => stop(pid, exited) };
}

async function firstNumber(child: ChildProcess): Promise<number> {
  if (!child.stdout) throw new Error('sh was started without a stdout');
  for await (const line of createInterface(child.stdout)) return Number(line);
  throw new Error('sh ended before it started Redis');
}

async function stop(pid: number, exited: Promise<void>): Promise<void> {
  let isGone = false;
  const gone = exited.then(() => {
    isGone = true;
  });
  signalProcess(pid, 'SIGTERM');
  const kill = setTimeout(() => {
    if (!isGone) signalProcess(pid, 'SIGKILL');
  }, stopTimeoutMs);
  await gone;
  clearTimeout(kill);
}

/** Sends a signal; a process that has already ended is not an error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
