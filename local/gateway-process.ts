import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import module from 'node:module';
import { dirname } from 'node:path';
import { NODE_FLAGS } from '../gateway/node-flags.ts';
import { programAt } from './program.ts';

const MAIN = programAt(new URL('../gateway/main.ts', import.meta.url));
const RESTART_MIN_MS = 1_000;
const RESTART_MAX_MS = 10_000;
const READY_TIMEOUT_MS = 20_000;
/** A gateway drains within its own time limit; this one is for a hanging gateway. */
const STOP_TIMEOUT_MS = 25_000;

interface GatewayProcessOptions {
  env: NodeJS.ProcessEnv;
  host: string;
  port: number;
  healthPort: number;
  say: (line: string) => void;
}

/**
 * One gateway as a process of its own, as in its container: started again when it dies, stopped by SIGTERM. It stands in
 * a process group of its own, so that a terminal's Ctrl-C does not reach it before the orderly stop; should this
 * process die, the channel to it closes, and it stops by itself.
 */
export class GatewayProcess {
  readonly port: number;
  readonly #options: GatewayProcessOptions;
  #child: ChildProcess | undefined;
  #isStopping = false;
  #restartMs = RESTART_MIN_MS;
  #restart: NodeJS.Timeout | undefined;

  constructor(options: GatewayProcessOptions) {
    this.#options = options;
    this.port = options.port;
  }

  /** Resolves when the gateway reports that it accepts clients. Rejects when it ends before, or takes too long. */
  async start(): Promise<void> {
    const child = this.#spawn();
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`the gateway on port ${this.port} could not start (exit code ${code})`);
    });
    const ready = once(child, 'message', { signal: AbortSignal.timeout(READY_TIMEOUT_MS) }).catch(() => {
      throw new Error(`the gateway on port ${this.port} does not become ready`);
    });
    await Promise.race([ready, ended]);
    ready.catch(() => undefined);
    ended.catch(() => undefined);
    child.on('exit', (code, signal) => this.#died(code, signal));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  }

  #spawn(): ChildProcess {
    const { env, host, port, healthPort } = this.#options;
    const own = { GATEWAY_HOST: host, GATEWAY_PORT: String(port), HEALTH_PORT: String(healthPort) };
    // The gateway keeps compiled code in the same cache as this process: half the start-up time. Node 20 has no such cache.
    const cache = module.getCompileCacheDir?.();
    const compiled = cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) };
    const child = spawn(process.execPath, [...NODE_FLAGS, MAIN], {
      env: { ...compiled, ...env, ...own },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      detached: true,
    });
    this.#child = child;
    return child;
  }

  /** As on a container platform: a new one replaces it, after growing pauses. */
  #died(code: number | null, signal: string | null): void {
    if (this.#isStopping) return;
    const { say } = this.#options;
    say(
      `The gateway on port ${this.port} ended (${signal ?? `exit code ${code}`}); starting another in ${this.#restartMs / 1_000} s`,
    );
    this.#restart = setTimeout(() => {
      const startedAt = performance.now();
      this.#spawn().on('exit', (nextCode, nextSignal) => {
        if (performance.now() - startedAt > RESTART_MAX_MS) this.#restartMs = RESTART_MIN_MS;
        this.#died(nextCode, nextSignal);
      });
    }, this.#restartMs);
    this.#restartMs = Math.min(RESTART_MAX_MS, this.#restartMs * 2);
  }
}
