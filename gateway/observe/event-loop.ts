import { createHistogram } from 'node:perf_hooks';

/** From this delay on, the loop counts as blocked: all clients have waited. */
const BLOCKED_MS = 200;
/** The wall clock and the monotonic clock part by this much only when the wall clock is set. */
const JUMP_MS = 500;

/** Delays above it count as this one. */
const MAX_DELAY_MS = 60_000;

/**
 * Watches what everything else relies on: the event loop turns, and clocks go forward. It has no timer of its own: each
 * wakes the process, and an idle gateway should sleep.
 */
export class EventLoop {
  #blocks = 0;
  #blockedMs = 0;
  #clockJumps = 0;
  #lastJumpMs = 0;
  /** How late ticks came, µs. */
  readonly #delays = createHistogram({ lowest: 1, highest: MAX_DELAY_MS * 1_000, figures: 2 });
  #isRunning = false;
  #lastMs = 0;
  #wallOffsetMs = 0;

  /** Times that the loop stood still. */
  get blocks(): number {
    return this.#blocks;
  }

  /** The time that it stood still, all in all. */
  get blockedMs(): number {
    return this.#blockedMs;
  }

  /** Times that the wall clock was set. */
  get clockJumps(): number {
    return this.#clockJumps;
  }

  /** Of the last one, ms; negative: back. */
  get lastJumpMs(): number {
    return this.#lastJumpMs;
  }

  start(): void {
    this.#isRunning = true;
    this.#lastMs = performance.now();
    this.#wallOffsetMs = Date.now() - this.#lastMs;
  }

  stop(): void {
    this.#isRunning = false;
  }

  /** 99th percentile of the delay since the last call, ms. */
  takeP99Ms(): number {
    const p99Ms = this.#delays.count === 0 ? 0 : this.#delays.percentile(99) / 1_000;
    this.#delays.reset();
    return p99Ms;
  }

  /** To be called by a timer of `periodMs`. */
  tick(nowMs: number, periodMs: number): void {
    if (!this.#isRunning) return;
    const lateMs = nowMs - this.#lastMs - periodMs;
    this.#lastMs = nowMs;
    this.#delays.record(Math.min(MAX_DELAY_MS * 1_000, Math.max(1, Math.round(lateMs * 1_000))));
    if (lateMs >= BLOCKED_MS) {
      this.#blocks += 1;
      this.#blockedMs += lateMs;
    }
    const wallOffsetMs = Date.now() - nowMs;
    const jumpMs = wallOffsetMs - this.#wallOffsetMs;
    this.#wallOffsetMs = wallOffsetMs;
    if (Math.abs(jumpMs) < JUMP_MS) return;
    this.#clockJumps += 1;
    this.#lastJumpMs = jumpMs;
  }
}
