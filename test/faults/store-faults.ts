import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { History } from './history.ts';
import type { StoreStep } from './schedule.ts';
import type { System } from './system.ts';

/** From when on Redis answers BUSY while a script runs. */
const BUSY_AFTER_MS = 150;

/** What is done to Redis. One at a time: a step that comes meanwhile is left out. */
export class StoreFaults {
  readonly #system: System;
  readonly #history: History;
  readonly #closeRiskLater: (risk: { to: number }) => void;
  #isAway = false;

  constructor(system: System, history: History, closeRiskLater: (risk: { to: number }) => void) {
    this.#system = system;
    this.#history = history;
    this.#closeRiskLater = closeRiskLater;
  }

  async apply(step: StoreStep): Promise<void> {
    if (this.#isAway) return;
    this.#isAway = true;
    try {
      await this.#do(step);
    } finally {
      this.#isAway = false;
    }
  }

  #do(step: StoreStep): Promise<unknown> {
    const { admin } = this.#system;
    switch (step.what) {
      case 'crash redis':
        return this.#crash(step.backAfterMs);
      case 'pause redis':
        return this.#pause(step.forMs);
      case 'busy redis':
        return this.#keepBusy(step.forMs);
      case 'full redis':
        return this.#fill(step.forMs);
      case 'kill connections':
        this.#history.broke('its connection was killed');
        return admin.call('CLIENT', 'KILL', 'TYPE', 'normal');
      case 'flush scripts':
        return admin.call('SCRIPT', 'FLUSH');
      default:
        return this.#failOver(step.lagMs);
    }
  }

  async #crash(backAfterMs: number): Promise<void> {
    const risk = this.#history.risk('redis crash');
    this.#history.broke('Redis was killed');
    await this.#system.redis.crash();
    await setTimeout(backAfterMs);
    await this.#system.redis.startAgain();
    this.#closeRiskLater(risk);
  }

  async #pause(forMs: number): Promise<void> {
    const risk = this.#history.risk('redis');
    const pause = this.#history.broke('Redis stood still');
    this.#system.redis.signal('SIGSTOP');
    await setTimeout(forMs);
    pause.overAt = performance.now();
    this.#system.redis.signal('SIGCONT');
    this.#closeRiskLater(risk);
  }

  /** Somebody's script does not end, until it is killed: everyone else waits, and then is answered BUSY. */
  async #keepBusy(forMs: number): Promise<void> {
    const admin = this.#connect();
    const other = this.#connect();
    try {
      await admin.call('CONFIG', 'SET', 'lua-time-limit', String(BUSY_AFTER_MS));
      await other.ping();
      const endless = admin.call('EVAL', 'while true do end', '0').catch(() => undefined);
      await setTimeout(BUSY_AFTER_MS + forMs);
      await other.call('SCRIPT', 'KILL');
      await endless;
    } finally {
      admin.disconnect();
      other.disconnect();
    }
  }

  async #fill(forMs: number): Promise<void> {
    const admin = this.#connect();
    try {
      await admin.config('SET', 'maxmemory-policy', 'noeviction');
      await admin.config('SET', 'maxmemory', '1');
      await setTimeout(forMs);
      await admin.config('SET', 'maxmemory', '0');
    } finally {
      admin.disconnect();
    }
  }

  /** The replica has never had what was written while it did not follow, and its clock is another one. */
  async #failOver(lagMs: number): Promise<void> {
    const { redis, replica, links } = this.#system;
    if (!replica || !links) return;
    const risk = this.#history.risk('failover');
    const promoted = new Redis(replica.url);
    try {
      const from = performance.now();
      await promoted.replicaof('NO', 'ONE');
      await setTimeout(lagMs);
      this.#history.broke('Redis was killed');
      await redis.crash();
      this.#system.redis = replica;
      this.#system.replica = undefined;
      links.switchTo(replica.port);
      this.#history.forgotten.push({ from, to: performance.now() });
    } finally {
      promoted.disconnect();
    }
    this.#closeRiskLater(risk);
  }

  #connect(): Redis {
    return new Redis(this.#system.redis.url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
  }
}
