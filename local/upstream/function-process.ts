import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { programAt } from '../program.ts';
import type { FromChild, ToChild } from './function-child.ts';
import { errorOutcome, type Invocation, type Outcome } from './invocation.ts';

const CHILD = programAt(new URL('./function-child.ts', import.meta.url));
/** Editors write a file in several steps. */
const SETTLE_MS = 100;
/** Pause before an ended process is started again. */
const RESTART_MS = 1_000;
const STOP_TIMEOUT_MS = 3_000;

interface FunctionProcessOptions {
  /** Absolute path of the user's module, which exports `handler`. */
  file: string;
  env: NodeJS.ProcessEnv;
  /** Like the function's timeout in Lambda. */
  timeoutMs?: number;
  say: (line: string) => void;
}

interface Running {
  child: ChildProcess;
  files: readonly string[];
  calls: Map<number, (outcome: Outcome) => void>;
}

/**
 * The user's function in a process of its own. When one of its files changes, a new process replaces it, and
 * the old one finishes its running calls. When the new one does not load, this is logged, and the old one stays in use.
 */
export class FunctionProcess {
  readonly #options: FunctionProcessOptions;
  readonly #watchers: FSWatcher[] = [];
  #running: Running | undefined;
  #lastId = 0;
  #settling: NodeJS.Timeout | undefined;
  #starting: Promise<void> = Promise.resolve();
  #isStopping = false;

  constructor(options: FunctionProcessOptions) {
    this.#options = options;
  }

  /** Resolves when it can be called. Rejects when the module does not load. */
  async start(): Promise<void> {
    this.#running = await this.#spawn();
    this.#watch(this.#running.files);
  }

  /** Does not reject. */
  readonly run = (invocation: Invocation): Promise<Outcome> => {
    const running = this.#running;
    if (running === undefined) return Promise.resolve(errorOutcome('Runtime.ExitError', 'the function is not running'));
    const { timeoutMs = 30_000 } = this.#options;
    this.#lastId += 1;
    const id = this.#lastId;
    const { payload, requestId, functionName } = invocation;
    return new Promise((resolve) => {
      const message = `${requestId} Task timed out after ${(timeoutMs / 1_000).toFixed(2)} seconds`;
      const timer = setTimeout(() => settle(errorOutcome('Sandbox.Timedout', message)), timeoutMs);
      const settle = (outcome: Outcome): void => {
        clearTimeout(timer);
        if (running.calls.delete(id)) resolve(outcome);
        if (running !== this.#running && running.calls.size === 0) running.child.disconnect();
      };
      running.calls.set(id, settle);
      const call: ToChild = { id, payload, requestId, functionName, deadlineMs: Date.now() + timeoutMs };
      running.child.send(call, (error) => {
        if (error) settle(errorOutcome('Runtime.ExitError', error.message));
      });
    });
  };

  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#settling);
    for (const watcher of this.#watchers.splice(0)) watcher.close();
    await this.#starting;
    const child = this.#running?.child;
    this.#running = undefined;
    if (!child?.connected) return;
    const exited = once(child, 'exit');
    child.disconnect();
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  }

  async #spawn(): Promise<Running> {
    const { file, env } = this.#options;
    const child = fork(CHILD, [pathToFileURL(file).href], { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const running: Running = { child, files: [], calls: new Map() };
    const files = await new Promise<string[]>((resolve, reject) => {
      child.on('message', (message) => {
        const received = message as FromChild;
        if (received.kind === 'ready') resolve(received.files);
        else if (received.kind === 'broken') reject(new Error(received.message));
        else running.calls.get(received.id)?.(outcomeOf(received));
      });
      child.on('error', reject);
      child.on('exit', (code, signal) => {
        reject(new Error(`it ended while it was loaded (${signal ?? `exit code ${code}`})`));
        this.#ended(running, signal ?? `exit code ${code}`);
      });
    }).catch((error: unknown) => {
      if (child.connected) child.disconnect();
      throw error;
    });
    running.files = files;
    return running;
  }

  /** As in Lambda: its running calls have failed, and the next call gets a new process. */
  #ended(running: Running, how: string): void {
    const outcome = errorOutcome('Runtime.ExitError', `the function's process ended (${how})`);
    for (const settle of [...running.calls.values()]) settle(outcome);
    if (running !== this.#running || this.#isStopping) return;
    this.#options.say(`upstream: ${this.#name()} ended (${how}); started again`);
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#replace(), RESTART_MS);
  }

  #watch(files: readonly string[]): void {
    for (const watcher of this.#watchers.splice(0)) watcher.close();
    for (const directory of new Set(files.map((file) => dirname(file)))) {
      const names = new Set(files.filter((file) => dirname(file) === directory).map((file) => basename(file)));
      const watcher = watch(directory, (_event, name) => {
        if (name !== null && names.has(name)) this.#changed();
      });
      watcher.on('error', (error) => this.#options.say(`upstream: changes are not seen any more: ${error.message}`));
      this.#watchers.push(watcher);
    }
  }

  #changed(): void {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#replace(), SETTLE_MS);
  }

  #replace(): void {
    this.#starting = this.#starting.then(async () => {
      if (this.#isStopping) return;
      const { say } = this.#options;
      try {
        const next = await this.#spawn();
        const previous = this.#running;
        this.#running = next;
        this.#watch(next.files);
        if (previous?.calls.size === 0 && previous.child.connected) previous.child.disconnect();
        say(`upstream: ${this.#name()} was loaded again`);
      } catch (error) {
        const goesOn = this.#running?.child.connected ? ', the one before goes on' : '';
        say(`upstream: ${this.#name()} does not load${goesOn}: ${(error as Error).message}`);
      }
    });
  }

  #name(): string {
    return relative(process.cwd(), this.#options.file) || this.#options.file;
  }
}

function outcomeOf(received: Extract<FromChild, { kind: 'answer' | 'error' }>): Outcome {
  if (received.kind === 'answer') return { kind: 'answer', payload: received.payload };
  return errorOutcome(received.errorType, received.errorMessage, received.trace);
}
