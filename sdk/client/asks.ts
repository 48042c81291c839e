import { ClientCommand } from '../../contract/wire/command-ids.ts';
import { HEADER_BYTES } from '../../contract/wire/frame.ts';
import { timerMs } from './delay.ts';
import { TimeoutError, TooLargeError } from './errors.ts';
import type { Json, Message } from './message.ts';

/** Returns the reply for the caller of `POST /send-command` with `wait: "reply"`. */
export type AskHandler = (message: Message) => Json | Promise<Json>;

export interface AskOptions {
  /** Time limit of the handler, ms. Default: 25 s, the longest time that a caller waits. */
  timeoutMs?: number;
}

interface ReplyWriter {
  write(commandId: number, body: string): void;
}

interface AsksParts {
  /** Marks a message as processed: it does not come again. */
  taken: (message: Message) => void;
  /** A handler failed or took too long: the message may come again. */
  failed: (message: Message, error: Error) => void;
}

const DEFAULT_TIMEOUT_MS = 25_000;

/**
 * Number of replies that are remembered. No caller waits longer than 25 s, so few lost replies are still of use; 100
 * of the largest frame (64 KiB) take 6.5 MB.
 */
const REMEMBERED_REPLIES = 100;

/** Messages that ask for a reply, and their handler. */
export class Asks {
  readonly #parts: AsksParts;
  readonly #maxFrameBytes: number;
  /** Bodies of the newest replies by ask. A reply can be lost with its connection: then its message may come again. */
  readonly #replies = new Map<string, string>();
  readonly #running = new Set<Promise<void>>();
  #isClosed = false;
  #writer: ReplyWriter | undefined;
  #handler: AskHandler | undefined;
  #timeoutMs = DEFAULT_TIMEOUT_MS;

  /** `maxFrameBytes`: the largest frame that the server accepts. */
  constructor(parts: AsksParts, maxFrameBytes: number) {
    this.#parts = parts;
    this.#maxFrameBytes = maxFrameBytes;
  }

  get hasHandler(): boolean {
    return this.#handler !== undefined;
  }

  handle(handler: AskHandler, { timeoutMs = DEFAULT_TIMEOUT_MS }: AskOptions): void {
    this.#handler = handler;
    this.#timeoutMs = timeoutMs;
  }

  attach(writer: ReplyWriter | undefined): void {
    this.#writer = writer;
  }

  /** Runs the handler and sends its reply. Once closed, no handler starts. */
  take(message: Message): void {
    if (this.#isClosed) return;
    const running = this.#run(message).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when the running handlers are done, and their replies are written. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#running);
  }

  async #run(message: Message): Promise<void> {
    try {
      this.reply(message, await this.#ask(message));
      this.#parts.taken(message);
    } catch (error) {
      this.#parts.failed(message, error instanceof Error ? error : new Error(String(error)));
    }
  }

  /**
   * Without a connection the reply is sent when the message comes again. Throws TooLargeError for a reply that would not
   * fit a frame.
   */
  reply(message: Message, reply: Json): void {
    const { ask } = message;
    if (ask === undefined) return;
    const body = JSON.stringify({ ask, reply });
    const bytes = HEADER_BYTES + Buffer.byteLength(body);
    if (bytes > this.#maxFrameBytes)
      throw new TooLargeError(`a reply of ${bytes} bytes; the server takes ${this.#maxFrameBytes}`);
    this.#remember(ask, body);
    this.repeat(message);
  }

  /** Sends the reply that is remembered for a message. Returns whether there is one. */
  repeat({ ask }: Message): boolean {
    const body = ask === undefined ? undefined : this.#replies.get(ask);
    if (body === undefined) return false;
    this.#writer?.write(ClientCommand.reply, body);
    return true;
  }

  #remember(ask: string, body: string): void {
    this.#replies.set(ask, body);
    for (const oldest of this.#replies.keys()) {
      if (this.#replies.size <= REMEMBERED_REPLIES) break;
      this.#replies.delete(oldest);
    }
  }

  #ask(message: Message): Promise<Json> {
    return new Promise((resolve, reject) => {
      const late = () => reject(new TimeoutError(this.#timeoutMs, true));
      const timer = setTimeout(late, timerMs(this.#timeoutMs));
      Promise.resolve(message)
        .then(this.#handler)
        .then((reply) => resolve(reply ?? null), reject)
        .finally(() => clearTimeout(timer));
    });
  }
}
