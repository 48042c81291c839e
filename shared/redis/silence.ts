import type { Redis } from 'ioredis';

/** Number of checks within the limit. */
const LOOKS = 8;

/**
 * Drops connections that have stopped answering without closing: a frozen host, a proxy, a failover that sends no FIN.
 * While a call waits for its reply, a connection without any data for `limitMs` is destroyed; its client makes a new
 * one. Not a time-out of the socket: our own writes restart that one.
 */
export class SilenceWatch {
  readonly #limitMs: number;
  readonly #heardAtMs = new Map<Redis, number>();
  #pending = 0;
  #pendingSinceMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Watches the connections of this client, one after another, until it ends. */
  add(redis: Redis): void {
    redis.on('connect', () => {
      this.#heardAtMs.set(redis, performance.now());
      redis.stream.on('data', () => this.#heardAtMs.set(redis, performance.now()));
    });
    redis.on('close', () => this.#heardAtMs.delete(redis));
  }

  /** A call has begun. */
  begin(): void {
    if (this.#pending === 0) this.#pendingSinceMs = performance.now();
    this.#pending += 1;
    this.#arm();
  }

  /** A call has ended. */
  end(): void {
    this.#pending -= 1;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#heardAtMs.clear();
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#pending === 0) return;
    // After the timers Node reads the sockets, then runs immediates: a process that was blocked reads first.
    this.#timer = setTimeout(() => setImmediate(() => this.#look()), this.#limitMs / LOOKS);
    this.#timer.unref();
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#pending > 0) {
      const since = performance.now() - this.#limitMs;
      for (const [redis, heardAtMs] of this.#heardAtMs) {
        if (Math.max(heardAtMs, this.#pendingSinceMs) >= since) continue;
        this.#heardAtMs.delete(redis);
        redis.stream.destroy(new Error(`no answer within ${this.#limitMs} ms`));
      }
    }
    this.#arm();
  }
}
