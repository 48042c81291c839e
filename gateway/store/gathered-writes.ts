import { inSteps } from '../../contract/store/work.ts';
import type { Log } from '../../shared/log.ts';

interface GatheredWriting<T> {
  /** What is written, for the log. */
  readonly what: string;
  /** The work of Redis for one item, in the units of contract/store/work.ts. */
  readonly workOf: (item: T) => number;
  /**
   * Writes the items of one step, with one call. To be safe to repeat: a step that was refused is written again
   * in parts, one that overtook another behind that (`isRepeated`).
   */
  readonly write: (step: readonly T[], isRepeated: boolean) => Promise<unknown>;
  readonly log: Pick<Log, 'error'>;
}

interface Call {
  /** It and all before it have their replies. */
  isAnswered: boolean;
  /** Resolves when they have. */
  readonly answered: Promise<unknown>;
}

/** What may wait for others leaves after this time at the latest. */
const WAIT_MS = 5;
/** Writes at once when it has this many items. */
const WAITING_MAX = 32;

/**
 * Small writes to Redis, in the order in which they were added, in calls of a bounded size. Those of one turn of the event loop
 * leave together, and with them what could wait: a call of its own costs more than what it writes.
 */
export class GatheredWrites<T> {
  readonly #writing: GatheredWriting<T>;
  #gathered: T[] = [];
  /** Of the items gathered so far. */
  #next: Promise<void> | undefined;
  #resolveNext: () => void = () => undefined;
  #leavesThisTurn = false;
  #timer: NodeJS.Timeout | undefined;
  /** Of all items before them. */
  #earlier: Promise<unknown> = Promise.resolve();
  /** The latest call, with all before it. */
  #latest: Call = { isAnswered: true, answered: Promise.resolve() };

  constructor(writing: GatheredWriting<T>) {
    this.#writing = writing;
  }

  /** Resolves when it is written, or when Redis has refused it for good, which is logged. Does not reject. */
  add(item: T): Promise<void> {
    this.#gathered.push(item);
    this.#leave();
    return this.#written();
  }

  /** The same for an item that nobody waits for: it leaves with the next ones, or soon. */
  addLater(item: T): Promise<void> {
    this.#gathered.push(item);
    if (this.#gathered.length >= WAITING_MAX) this.#leave();
    else if (!this.#leavesThisTurn) this.#timer ??= setTimeout(() => this.flush(), WAIT_MS);
    return this.#written();
  }

  /** Sends the gathered writes now: nothing that is sent after this call overtakes them. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#leavesThisTurn = false;
    if (this.#gathered.length > 0) void this.#write().then(this.#resolveNext);
  }

  /** Resolves when everything added so far is written. */
  async idle(): Promise<void> {
    this.flush();
    await this.#earlier;
  }

  #written(): Promise<void> {
    this.#next ??= new Promise((resolve) => {
      this.#resolveNext = resolve;
    });
    return this.#next;
  }

  #leave(): void {
    if (this.#leavesThisTurn) return;
    this.#leavesThisTurn = true;
    setImmediate(() => {
      if (this.#leavesThisTurn) this.flush();
    });
  }

  #write(): Promise<void> {
    const steps = inSteps(this.#gathered, this.#writing.workOf);
    this.#gathered = [];
    this.#next = undefined;
    const written = Promise.all(steps.map((step) => this.#writeInOrder(step))).then(() => undefined);
    this.#earlier = Promise.all([this.#earlier, written]);
    return written;
  }

  /**
   * A call that has its reply before an earlier one has overtaken it: Redis refused the earlier one for a moment (it was busy,
   * say), and took this one. What it wrote may build on the other, so it is written once more, behind it.
   */
  async #writeInOrder(step: readonly T[]): Promise<void> {
    const before = this.#latest;
    const reply = this.#writeStep(step);
    const call: Call = { isAnswered: false, answered: Promise.all([before.answered, reply]) };
    this.#latest = call;
    await reply;
    const hasOvertaken = !before.isAnswered;
    if (hasOvertaken) await before.answered;
    call.isAnswered = true;
    if (hasOvertaken) await this.#writeStep(step, true);
  }

  /** A step that is refused is halved until the item at fault is alone: only that one is given up. */
  async #writeStep(step: readonly T[], isRepeated = false): Promise<void> {
    const { what, write, log } = this.#writing;
    try {
      await write(step, isRepeated);
    } catch (error) {
      if (step.length === 1) {
        log.error({ event: 'store_failed', what, error: String(error) }, 'Redis refused a script');
        return;
      }
      const half = Math.ceil(step.length / 2);
      await this.#writeStep(step.slice(0, half), isRepeated);
      await this.#writeStep(step.slice(half), isRepeated);
    }
  }
}
