import type { Message } from './message.ts';

/** The reader of the socket, which the queue pauses and resumes. */
export interface Source {
  pause(): void;
  resume(): void;
}

/**
 * Messages on their way to the application: at most `limit`, then the source is paused until half of them are gone.
 * Each message goes to one taker, in order.
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

  /** A new connection; paused from the start if the queue is still too long. */
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

  /** The message was handed out but not processed: the next taker gets it. */
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

  /** Takes every waiting message for which `isWanted` holds. */
  takeAll(isWanted: (message: Message) => boolean): Message[] {
    const all = this.#queue.splice(0);
    for (const message of all) if (!isWanted(message)) this.#queue.push(message);
    this.#letGo();
    return all.filter(isWanted);
  }

  /**
   * Drops the waiting messages: they were not acknowledged, and come again. A paused source is read on: the answers to sends
   * come behind the messages.
   */
  close(): void {
    this.#isClosed = true;
    this.#queue.length = 0;
    this.#letGo();
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
