import { monitorEventLoopDelay } from 'node:perf_hooks';

const TICK_MS = 100;
/** Each sample wakes the process: an idle gateway should sleep. */
const RESOLUTION_MS = 100;
/** From this delay on, the loop counts as blocked: all clients have waited. */
const BLOCKED_MS = 200;
/** The wall clock and the monotonic clock part by this much only when the wall clock is set. */
const JUMP_MS = 500;

/** Watches what everything else relies on: the event loop turns, and clocks go forward. */
export class EventLoop {
  #blocks = 0;
  #blockedMs = 0;
  #clockJumps = 0;
  #lastJumpMs = 0;
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #timer: NodeJS.Timeout | undefined;
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
    this.#delay.enable();
    this.#lastMs = performance.now();
    this.#wallOffsetMs = Date.now() - this.#lastMs;
    this.#timer = setInterval(() => this.#tick(performance.now()), TICK_MS);
    this.#timer.unref();
  }

  stop(): void {
    this.#delay.disable();
    clearInterval(this.#timer);
  }

  /** 99th percentile of the delay since the last call, ms. */
  takeP99Ms(): number {
    // The monitor counts its own interval in.
    const p99Ms = this.#delay.count === 0 ? 0 : this.#delay.percentile(99) / 1e6 - RESOLUTION_MS;
    this.#delay.reset();
    return Math.max(0, p99Ms);
  }

  #tick(nowMs: number): void {
    const lateMs = nowMs - this.#lastMs - TICK_MS;
    this.#lastMs = nowMs;
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
