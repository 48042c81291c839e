import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { get } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { System } from './system.ts';

const EVERY_MS = 50;
const SLOW_US = 50_000;
const MEMORY_EVERY_MS = 250;
const HEALTH_EVERY_MS = 500;
const HEALTH_TIMEOUT_MS = 5_000;

export interface Watched {
  /** The longest PING, ms, and the longest of an idle server at the same time: what the machine itself adds. */
  readonly pingMaxMs: number;
  readonly idlePingMaxMs: number;
  /**
   * The longest that a PING waited for what Redis had to do first, ms: the CPU time that Redis used meanwhile, and no more than
   * the wait. What other programs on the machine take from Redis is not in it.
   */
  readonly pingWorkMs: number;
  /** The longest commands, as Redis itself measured them. */
  readonly slowest: readonly string[];
  /** Largest resident memory of each gateway, MiB. */
  readonly memoryMiB: readonly number[];
  readonly leaseLosses: number;
  readonly failedHealthChecks: number;
  /** Gateways that ended by themselves. */
  readonly ended: number;
}

/** Looks at a system from outside, all the time. */
export class Watch {
  readonly #system: System;
  readonly #redis: Redis;
  readonly #idle: Redis;
  readonly #memoryMiB = [0, 0];
  #pingMaxMs = 0;
  #idlePingMaxMs = 0;
  #pingWorkMs = 0;
  #redisPid = 0;
  #failedHealthChecks = 0;
  #isOver = false;
  /** Until when nothing counts, because Redis was made to stand still. */
  #excusedUntilMs = 0;
  /** Gateways that are paused. */
  readonly paused = new Set<number>();
  readonly #loops: Promise<void>[];

  constructor(system: System) {
    this.#system = system;
    this.#redis = new Redis(system.redis.url, { maxRetriesPerRequest: null });
    this.#idle = new Redis(system.idleRedis.url, { maxRetriesPerRequest: null });
    void this.#redis.config('SET', 'slowlog-log-slower-than', SLOW_US);
    this.#loops = [
      this.#every(EVERY_MS, () => this.#ping()),
      this.#every(MEMORY_EVERY_MS, () => this.#readMemory()),
      this.#every(HEALTH_EVERY_MS, () => this.#checkHealth()),
    ];
  }

  /** Nothing that Redis does counts from now until so many ms later. */
  excuse(forMs: number): void {
    this.#excusedUntilMs = performance.now() + forMs;
  }

  get isExcused(): boolean {
    return performance.now() < this.#excusedUntilMs;
  }

  async stop(): Promise<Watched> {
    this.#isOver = true;
    await Promise.all(this.#loops);
    const slowest = await slowestOf(this.#redis);
    const { gateways } = this.#system;
    const losses = await Promise.all(gateways.map((gateway) => gateway.metrics().then(leaseLossesIn, () => 0)));
    return {
      pingMaxMs: this.#pingMaxMs,
      idlePingMaxMs: this.#idlePingMaxMs,
      pingWorkMs: this.#pingWorkMs,
      slowest,
      memoryMiB: this.#memoryMiB,
      leaseLosses: losses.reduce((sum, count) => sum + count, 0),
      failedHealthChecks: this.#failedHealthChecks,
      ended: gateways.filter(({ process }) => process.hasExited).length,
    };
  }

  /** Looks no more, however it went. */
  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.allSettled(this.#loops);
    this.#redis.disconnect();
    this.#idle.disconnect();
  }

  async #every(ms: number, look: () => Promise<void>): Promise<void> {
    while (!this.#isOver) {
      await look();
      await setTimeout(ms);
    }
  }

  async #ping(): Promise<void> {
    const wasExcused = this.isExcused;
    if (this.#redisPid === 0) this.#redisPid = Number(/process_id:(\d+)/.exec(await this.#redis.info('server'))?.[1]);
    const cpuBefore = cpuMs(this.#redisPid);
    const [pingMs, idleMs] = await Promise.all([timed(this.#redis), timed(this.#idle)]);
    if (wasExcused || this.isExcused) return;
    this.#pingMaxMs = Math.max(this.#pingMaxMs, pingMs);
    this.#idlePingMaxMs = Math.max(this.#idlePingMaxMs, idleMs);
    this.#pingWorkMs = Math.max(this.#pingWorkMs, Math.min(pingMs, cpuMs(this.#redisPid) - cpuBefore));
  }

  async #readMemory(): Promise<void> {
    for (const [at, { process }] of this.#system.gateways.entries()) {
      const status = await readFile(`/proc/${process.pid}/status`, 'utf8').catch(() => '');
      const kib = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
      this.#memoryMiB[at] = Math.max(this.#memoryMiB[at] ?? 0, Math.round(kib / 1_024));
    }
  }

  async #checkHealth(): Promise<void> {
    for (const [at, { healthPort }] of this.#system.gateways.entries()) {
      if (this.paused.has(at)) continue;
      if (!(await isHealthy(healthPort)) && !this.paused.has(at)) this.#failedHealthChecks += 1;
    }
  }
}

/** On a connection of its own, as real checks are. */
function isHealthy(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, path: '/healthz', agent: false, timeout: HEALTH_TIMEOUT_MS };
    const request = get(options, (answer) => {
      answer.resume().on('error', () => undefined);
      resolve(answer.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

/** A Redis that runs a script for seconds replies with BUSY: that is no answer. */
async function timed(redis: Redis): Promise<number> {
  const startedAt = performance.now();
  while ((await redis.ping().catch(() => undefined)) === undefined) await setTimeout(EVERY_MS);
  return performance.now() - startedAt;
}

function leaseLossesIn(metrics: string): number {
  return Number(/^fronttcp_lease_losses_total (\d+)/m.exec(metrics)?.[1] ?? 0);
}

async function slowestOf(redis: Redis): Promise<string[]> {
  const entries = (await redis.call('SLOWLOG', 'GET', '128')) as [number, number, number, string[]][];
  entries.sort((a, b) => b[2] - a[2]);
  return entries.slice(0, 5).map(([, , us, args]) => {
    const words = args.filter((word) => word.length < 60).slice(0, 12);
    return `${Math.round(us / 1_000)} ms: ${words.join(' ')}`;
  });
}

/** CPU time of a process so far. */
function cpuMs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
}
