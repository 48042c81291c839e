import { inSteps } from '../../contract/store/work.ts';
import type { Log } from '../../shared/log.ts';

interface GatheredWriting<T> {
  /** What is written, for the log. */
  readonly what: string;
  /** The work of Redis for one item, in the units of contract/store/work.ts. */
  readonly workOf: (item: T) => number;
  /** Writes the items of one step, with one call. */
  readonly write: (step: readonly T[]) => Promise<unknown>;
  readonly log: Pick<Log, 'error'>;
}

/** Small writes to Redis: those of one turn of the event loop leave together, in order, in calls of a bounded size. */
export class GatheredWrites<T> {
  readonly #writing: GatheredWriting<T>;
  #gathered: T[] = [];
  /** Of the items gathered so far. */
  #next: Promise<void> | undefined;
  #resolveNext: () => void = () => undefined;
  /** Of all items before them. */
  #earlier: Promise<unknown> = Promise.resolve();

  constructor(writing: GatheredWriting<T>) {
    this.#writing = writing;
  }

  /** Resolves when it is written, or when Redis has refused it for good, which is logged. Does not reject. */
  add(item: T): Promise<void> {
    this.#gathered.push(item);
    this.#next ??= new Promise((resolve) => {
      this.#resolveNext = resolve;
      setImmediate(() => this.flush());
    });
    return this.#next;
  }

  /** Sends what is gathered so far now: nothing that is sent after this call overtakes it. */
  flush(): void {
    if (this.#gathered.length > 0) void this.#write().then(this.#resolveNext);
  }

  /** Resolves when everything added so far is written. */
  async idle(): Promise<void> {
    await this.#next;
    await this.#earlier;
  }

  #write(): Promise<void> {
    const steps = inSteps(this.#gathered, this.#writing.workOf);
    this.#gathered = [];
    this.#next = undefined;
    const written = Promise.all(steps.map((step) => this.#writeStep(step))).then(() => undefined);
    this.#earlier = Promise.all([this.#earlier, written]);
    return written;
  }

  async #writeStep(step: readonly T[]): Promise<void> {
    const { what, write, log } = this.#writing;
    try {
      await write(step);
    } catch (error) {
      log.error({ event: 'store_failed', what, error: String(error) }, 'a script failed');
    }
  }
}
