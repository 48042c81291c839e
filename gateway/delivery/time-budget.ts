/** How long one piece of work may keep the rest of the event loop waiting: leases, heartbeats, the reads of all sessions. */
const BUDGET_MS = 20;

/** The time that a long piece of work has in one turn of the event loop; the rest goes on in the next turn. */
export class TimeBudget {
  readonly #untilMs = performance.now() + BUDGET_MS;
  readonly #stepsPerCheck: number;
  #steps = 0;

  /** Number of steps between two readings of the clock. */
  constructor(stepsPerCheck: number) {
    this.#stepsPerCheck = stepsPerCheck;
  }

  /** To be asked after every step. */
  isSpent(): boolean {
    this.#steps += 1;
    return this.#steps % this.#stepsPerCheck === 0 && performance.now() >= this.#untilMs;
  }
}
