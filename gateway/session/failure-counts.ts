/** One failure expires in this time: a rate below it is never over a limit. */
const FORGET_MS = 1_000;
/** After its last failure a name waits for at most this many failures' time, however often it failed. */
const MAX_EXCESS = 60;
/** Names in each of two generations; when the younger is full, the older is forgotten. */
const MAX_NAMES = 25_000;

/** Failures by name, as leaky buckets: one number per name, the time at which all its failures are forgotten. */
export class FailureCounts {
  readonly #limit: number;
  #younger = new Map<string, number>();
  #older = new Map<string, number>();

  /** `limit` failures are free; 0: all of them. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#younger.size + this.#older.size;
  }

  add(name: string, nowMs: number): void {
    if (this.#limit === 0) return;
    const forgottenAt = Math.max(this.#forgottenAt(name), nowMs) + FORGET_MS;
    const latest = nowMs + (this.#limit + MAX_EXCESS) * FORGET_MS;
    // A small integer is stored in the map itself.
    this.#younger.set(name, Math.ceil(Math.min(forgottenAt, latest)));
    if (this.#younger.size < MAX_NAMES) return;
    this.#older = this.#younger;
    this.#younger = new Map();
  }

  /** Returns how many failures over the limit the name has; 0 or less: it is not over. */
  excess(name: string, nowMs: number): number {
    if (this.size === 0) return 0;
    return Math.ceil((this.#forgottenAt(name) - nowMs) / FORGET_MS) - this.#limit;
  }

  #forgottenAt(name: string): number {
    return this.#younger.get(name) ?? this.#older.get(name) ?? 0;
  }
}
