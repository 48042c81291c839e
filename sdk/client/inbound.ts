import type { Message } from './message.ts';

/** The reader of the socket, as the queue holds it back. */
export interface Source {
  pause(): void;
  resume(): void;
}

/**
 * Messages on their way to the application: at most `limit`, then the source is paused until half of them are gone.
 * One taker gets each message, in order.
 */
export class Inbound {
  readonly #limit: number;
  readonly #queue: Message[] = [];
  readonly #takers: ((message: Message | undefined) => void)[] = [];
  #source: Source | undefined;
  #isHeldBack = false;
  #isClosed = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#queue.length;
  }

  /** A new connection; held back from the start if there is still too much. */
  attach(source: Source | undefined): void {
    this.#source = source;
    this.#isHeldBack = false;
    this.#holdBack();
  }

  put(message: Message): void {
    if (this.#isClosed) return;
    const taker = this.#takers.shift();
    if (taker) taker(message);
    else this.#queue.push(message);
    this.#holdBack();
  }

  /** It was handed out and not taken: the next taker gets it. */
  putBack(message: Message): void {
    if (this.#isClosed) return;
    const taker = this.#takers.shift();
    if (taker) taker(message);
    else this.#queue.unshift(message);
  }

  /** Undefined once closed. */
  take(): Promise<Message | undefined> {
    const message = this.#queue.shift();
    if (message) {
      this.#letGo();
      return Promise.resolve(message);
    }
    return this.#isClosed ? Promise.resolve(undefined) : new Promise((resolve) => this.#takers.push(resolve));
  }

  /** What waits is dropped: it was not acknowledged, and comes again. */
  close(): void {
    this.#isClosed = true;
    this.#queue.length = 0;
    this.attach(undefined);
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }

  #holdBack(): void {
    if (this.#isHeldBack || !this.#source || this.#queue.length < this.#limit) return;
    this.#isHeldBack = true;
    this.#source.pause();
  }

  #letGo(): void {
    if (!this.#isHeldBack || this.#queue.length > this.#limit / 2) return;
    this.#isHeldBack = false;
    this.#source?.resume();
  }
}
