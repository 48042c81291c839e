import { addTally, emptyTally, type Latencies, percentile, type Tally } from './tally.ts';

/** Rates and latencies cover the last seconds, so that they show the current state. */
const WINDOW_MS = 5_000;
const MAX_RATES = 60;
/** A rate over a shorter time would jump. */
const RATE_OF_MS = 1_000;

/** One line about the state of a fleet, for people and for programs. */
export interface Sample {
  /** Since the fleet began to connect. */
  elapsed_ms: number;
  clients: number;
  connected: number;
  connecting: number;
  /** A second. */
  verified: number;
  sent: number;
  received: number;
  reconnected: number;
  failed: number;
  refused: number;
  lost: number;
  p50_ms: number | undefined;
  p99_ms: number | undefined;
}

/** The counters of a fleet so far. */
export class History {
  readonly total = emptyTally();
  /** Received, second by second. */
  readonly rates: number[] = [];
  readonly #clients: number;
  #startedAt = performance.now();
  #window: { at: number; tally: Tally }[] = [];
  #rateFrom = performance.now();
  #receivedBefore = 0;

  constructor(clients: number) {
    this.#clients = clients;
  }

  /** The fleet starts now: the time of the preparation does not count. */
  begin(): void {
    this.#startedAt = performance.now();
    this.#rateFrom = this.#startedAt;
  }

  add(tally: Tally): void {
    const at = performance.now();
    addTally(this.total, tally);
    this.total.connected = tally.connected;
    this.total.connecting = tally.connecting;
    this.#window = [...this.#window, { at, tally }].filter((part) => at - part.at <= WINDOW_MS);
    if (at - this.#rateFrom < RATE_OF_MS) return;
    this.rates.push(((this.total.received - this.#receivedBefore) * 1_000) / (at - this.#rateFrom));
    if (this.rates.length > MAX_RATES) this.rates.shift();
    this.#rateFrom = at;
    this.#receivedBefore = this.total.received;
  }

  get latencies(): Latencies {
    return this.total.latencies;
  }

  sample(): Sample {
    const at = performance.now();
    const recent = emptyTally();
    for (const { tally } of this.#window) addTally(recent, tally);
    const seconds = Math.min(WINDOW_MS, Math.max(1, at - this.#startedAt)) / 1_000;
    const perSecond = (count: number) => Math.round((count / seconds) * 10) / 10;
    const { failed, refused, lost, connected, connecting } = this.total;
    return {
      elapsed_ms: Math.round(at - this.#startedAt),
      clients: this.#clients,
      connected,
      connecting: connecting + Math.max(0, this.#clients - connected - connecting),
      verified: perSecond(recent.verified),
      sent: perSecond(recent.sent),
      received: perSecond(recent.received),
      reconnected: perSecond(recent.reconnected),
      failed,
      refused,
      lost,
      p50_ms: rounded(percentile(recent.latencies, 0.5)),
      p99_ms: rounded(percentile(recent.latencies, 0.99)),
    };
  }
}

export function rounded(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 100) / 100;
}
