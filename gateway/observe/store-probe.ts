import { setTimeout } from 'node:timers/promises';
import type { Keys } from '../../contract/store/keys.ts';
import { type Probe, probeStore } from '../../contract/store/scripts/probe.ts';
import { Histogram, QUICK_MS } from '../../shared/histogram.ts';
import type { RedisPort } from '../../shared/redis/port.ts';

const INTERVAL_MS = 3_000;

/**
 * Asks the store at intervals about itself and the deployment: so the round trip is known without any traffic, and the
 * offset of Redis's clock, by which message ids are made, to within half a round trip.
 */
export class StoreProbe {
  readonly roundTripMs = new Histogram(QUICK_MS);
  #latest: Probe | undefined;
  #lastRoundTripMs = 0;
  readonly #parts: {
    redis: RedisPort;
    keys: Keys;
    lease: { readonly gatewayId: string };
    onAnswer: (probe: Probe, offsetMs: number) => void;
  };
  readonly #stopping = new AbortController();
  #askedAtMs = 0;

  constructor(parts: {
    redis: RedisPort;
    keys: Keys;
    lease: { readonly gatewayId: string };
    onAnswer: (probe: Probe, offsetMs: number) => void;
  }) {
    this.#parts = parts;
  }

  /** The last reply; undefined before the first. */
  get latest(): Probe | undefined {
    return this.#latest;
  }

  get lastRoundTripMs(): number {
    return this.#lastRoundTripMs;
  }

  /** How long the question in flight has had no reply, ms; 0: none is in flight. */
  get waitingMs(): number {
    return this.#askedAtMs === 0 ? 0 : performance.now() - this.#askedAtMs;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#stopping.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#ask();
      await setTimeout(INTERVAL_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** When Redis refuses, the last reply stays in force; other calls, which it refuses too, log that. */
  async #ask(): Promise<void> {
    const { redis, keys, lease, onAnswer } = this.#parts;
    const startedAt = Date.now();
    this.#askedAtMs = performance.now();
    try {
      const probe = await probeStore(redis, keys, lease.gatewayId);
      this.#lastRoundTripMs = performance.now() - this.#askedAtMs;
      this.roundTripMs.record(this.#lastRoundTripMs);
      this.#latest = probe;
      onAnswer(probe, probe.nowMs - (startedAt + this.#lastRoundTripMs / 2));
    } catch {
      this.#lastRoundTripMs = performance.now() - this.#askedAtMs;
    } finally {
      this.#askedAtMs = 0;
    }
  }
}
