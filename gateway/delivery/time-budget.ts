/** How long one piece of work may keep the rest of the event loop waiting: leases, heartbeats, everybody's reads. */
const SLICE_MS = 20;

/** One turn's share of a long piece of work: what is left when it is over goes on in the next turn. */
export class Slice {
  readonly #untilMs = performance.now() + SLICE_MS;
  readonly #stepsPerLook: number;
  #steps = 0;

  /** Looks at the clock once in so many steps. */
  constructor(stepsPerLook: number) {
    this.#stepsPerLook = stepsPerLook;
  }

  /** To be asked after every step. */
  isOver(): boolean {
    this.#steps += 1;
    return this.#steps % this.#stepsPerLook === 0 && performance.now() >= this.#untilMs;
  }
}
