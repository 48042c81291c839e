/** Something with a deadline. `slot` belongs to the wheel. */
export interface Timed {
  slot: number;
  /** Called at or after its deadline. Returns the next one, ms of the process's clock; 0: none. */
  onDeadline(nowMs: number): number;
}

const TICK_MS = 100;
const SLOTS = 2_048;
/** When a turn comes so late, the process was busy or stopped meanwhile. */
const LATE_MS = 500;

/**
 * One timer for all deadlines. A deadline that moves later (a heartbeat arrived) is not moved in the wheel: the session
 * is called when the old one comes, and returns the new one.
 */
export class Wheel {
  readonly #slots: Set<Timed>[] = Array.from({ length: SLOTS }, () => new Set());
  readonly #onTick: ((nowMs: number, periodMs: number) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #tick = 0;
  #calledAtMs = 0;

  /** `onTick` is called whenever the timer fires. */
  constructor(onTick?: (nowMs: number, periodMs: number) => void) {
    this.#onTick = onTick;
  }

  start(): void {
    this.#calledAtMs = performance.now();
    this.#tick = Math.floor(this.#calledAtMs / TICK_MS);
    this.#timer = setInterval(() => this.#call(performance.now()), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const slot of this.#slots) slot.clear();
  }

  /** Sets the deadline. When it is farther than the wheel reaches, the session is called once a revolution until then. */
  set(timed: Timed, atMs: number): void {
    this.#slots[timed.slot]?.delete(timed);
    const tick = Math.min(Math.max(Math.ceil(atMs / TICK_MS), this.#tick + 1), this.#tick + SLOTS - 1);
    timed.slot = tick % SLOTS;
    this.#slots[timed.slot]?.add(timed);
  }

  /** Sets the deadline where it comes before the present one. */
  bringForward(timed: Timed, atMs: number): void {
    const turns = (timed.slot - (this.#tick % SLOTS) + SLOTS) % SLOTS;
    const comesSooner = timed.slot >= 0 && this.#tick + turns <= Math.ceil(atMs / TICK_MS);
    if (!comesSooner) this.set(timed, atMs);
  }

  clear(timed: Timed): void {
    this.#slots[timed.slot]?.delete(timed);
    timed.slot = -1;
  }

  #call(nowMs: number): void {
    this.#onTick?.(nowMs, TICK_MS);
    const isLate = nowMs - this.#calledAtMs > TICK_MS + LATE_MS;
    this.#calledAtMs = nowMs;
    // Bytes that arrived meanwhile are read first: their senders were not silent.
    if (isLate) setImmediate(() => this.#turn(performance.now()));
    else this.#turn(nowMs);
  }

  #turn(nowMs: number): void {
    const until = Math.floor(nowMs / TICK_MS);
    // After a long pause every slot has been passed once at most.
    this.#tick = Math.max(this.#tick, until - SLOTS);
    while (this.#tick < until) {
      this.#tick += 1;
      const slot = this.#slots[this.#tick % SLOTS];
      if (!slot || slot.size === 0) continue;
      const due = [...slot];
      slot.clear();
      for (const timed of due) {
        timed.slot = -1;
        const next = timed.onDeadline(nowMs);
        if (next > 0 && timed.slot === -1) this.set(timed, next);
      }
    }
  }
}
