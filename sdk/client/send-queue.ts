import { timerMs } from './delay.ts';
import type { FronttcpError } from './errors.ts';
import { type ClosedError, OverloadedError, TimeoutError, UnconfirmedError } from './errors.ts';
import type { Json } from './message.ts';

/** `command_id` of a reply, less that of its command. */
const REPLY_OFFSET = 1_000;

interface QueueWriter {
  write(commandId: number, body: string, written: (error?: Error | null) => void): void;
}

/** When a send is done: its bytes are with the kernel · the server sent 110, or replied · the reply came. */
export type Answer = 'written' | 'accepted' | 'reply';

interface Outgoing {
  /** Unique within this client. It is also in `body` when the server must repeat it. */
  readonly ref: string;
  readonly commandId: number;
  readonly body: string;
  readonly answer: Answer;
  /** A repetition does no harm: it is written again when the connection ended before the answer. */
  readonly isIdempotent: boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

interface Entry extends Outgoing {
  /** Removes the entry, with its timer and abort listener. */
  settle(outcome: { value: Json | undefined } | { error: unknown }): void;
}

/**
 * Unfinished sends: those that wait for a connection, in order, and written ones that wait for their
 * answer. Together at most `limit`; one more is refused.
 */
export class SendQueue {
  readonly #limit: number;
  readonly #waiting = new Map<string, Entry>();
  readonly #written = new Map<string, Entry>();
  #writer: QueueWriter | undefined;
  #givesReceipts = false;
  #emptied: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#waiting.size + this.#written.size;
  }

  /** Resolves with the message id, the reply, or nothing, as `answer` says. */
  send(outgoing: Outgoing): Promise<Json | undefined> {
    if (this.size >= this.#limit) {
      return Promise.reject(new OverloadedError(`${this.size} sends wait for their answer`));
    }
    return new Promise((resolve, reject) => {
      const { signal } = outgoing;
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const abort = () => entry.settle({ error: signal?.reason });
      const timer = setTimeout(() => this.#timeOut(entry), timerMs(outgoing.timeoutMs));
      signal?.addEventListener('abort', abort);
      const entry: Entry = {
        ...outgoing,
        settle: (outcome) => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', abort);
          this.#waiting.delete(entry.ref);
          this.#written.delete(entry.ref);
          if ('error' in outcome) reject(outcome.error);
          else resolve(outcome.value);
          if (this.size === 0) for (const wake of this.#emptied.splice(0)) wake();
        },
      };
      this.#waiting.set(entry.ref, entry);
      this.#flush();
    });
  }

  /** A verified connection: waiting sends go out, in order. */
  attach(writer: QueueWriter, givesReceipts: boolean): void {
    this.#writer = writer;
    this.#givesReceipts = givesReceipts;
    this.#flush();
  }

  /** Writes nothing more to this connection, which may still answer. */
  hold(): void {
    this.#writer = undefined;
  }

  /** The connection ended: unanswered sends are unconfirmed, and wait again only if a repetition does no harm. */
  detach(): void {
    this.hold();
    const unanswered = [...this.#written.values()];
    const waiting = [...this.#waiting.values()];
    this.#written.clear();
    this.#waiting.clear();
    for (const entry of [...unanswered.filter((entry) => entry.isIdempotent), ...waiting]) {
      this.#waiting.set(entry.ref, entry);
    }
    for (const entry of unanswered) {
      if (!entry.isIdempotent) entry.settle({ error: new UnconfirmedError('the connection ended before the answer') });
    }
  }

  /** Returns whether a caller waited for it. */
  accepted(ref: string, messageId: string): boolean {
    const entry = this.#written.get(ref);
    if (entry?.answer === 'accepted') entry.settle({ value: messageId });
    return entry !== undefined;
  }

  /** `commandId`: that of the reply. A message with a `ref` is not a reply. */
  replied(ref: string, commandId: number, body: Json): boolean {
    const entry = this.#written.get(ref);
    if (entry === undefined || entry.commandId + REPLY_OFFSET !== commandId) return false;
    entry.settle({ value: body });
    return true;
  }

  refused(ref: string, error: FronttcpError): boolean {
    const entry = this.#written.get(ref);
    entry?.settle({ error });
    return entry !== undefined;
  }

  /** Stops sending. */
  fail(error: ClosedError): void {
    this.hold();
    for (const entry of [...this.#waiting.values(), ...this.#written.values()]) entry.settle({ error });
  }

  /** Resolves when every send has succeeded or failed. */
  emptied(): Promise<void> {
    return this.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#emptied.push(resolve));
  }

  #flush(): void {
    for (const entry of this.#waiting.values()) {
      if (!this.#writer) return;
      this.#waiting.delete(entry.ref);
      this.#written.set(entry.ref, entry);
      this.#writer.write(entry.commandId, entry.body, (error) => this.#wrote(entry, error));
    }
  }

  /** Where the server gives no receipts, a send is done when the kernel has it. A broken write ends in `detach`. */
  #wrote(entry: Entry, error: Error | null | undefined): void {
    if (error || this.#written.get(entry.ref) !== entry) return;
    if (entry.answer === 'written' || (entry.answer === 'accepted' && !this.#givesReceipts)) {
      entry.settle({ value: undefined });
    }
  }

  #timeOut(entry: Entry): void {
    entry.settle({ error: new TimeoutError(entry.timeoutMs, this.#written.has(entry.ref)) });
  }
}
