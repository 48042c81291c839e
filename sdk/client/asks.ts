import { ClientCommand } from '../../contract/wire/command-ids.ts';
import { HEADER_BYTES } from '../../contract/wire/frame.ts';
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

/** Messages that ask for a reply, and their handler. */
export class Asks {
  readonly #parts: AsksParts;
  readonly #maxFrameBytes: number;
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

  /** Runs the handler and sends its reply. Never rejects. */
  async take(message: Message): Promise<void> {
    try {
      this.reply(message, await this.#ask(message));
      this.#parts.taken(message);
    } catch (error) {
      this.#parts.failed(message, error instanceof Error ? error : new Error(String(error)));
    }
  }

  /**
   * Without a connection the reply is dropped: the message comes again if it was not acknowledged. Throws TooLargeError
   * for a reply that would not fit a frame.
   */
  reply({ ask }: Message, reply: Json): void {
    if (ask === undefined) return;
    const body = JSON.stringify({ ask, reply });
    const bytes = HEADER_BYTES + Buffer.byteLength(body);
    if (bytes > this.#maxFrameBytes)
      throw new TooLargeError(`a reply of ${bytes} bytes; the server takes ${this.#maxFrameBytes}`);
    this.#writer?.write(ClientCommand.reply, body);
  }

  #ask(message: Message): Promise<Json> {
    return new Promise((resolve, reject) => {
      const late = () => reject(new TimeoutError(this.#timeoutMs, true));
      const timer = setTimeout(late, this.#timeoutMs);
      Promise.resolve(message)
        .then(this.#handler)
        .then((reply) => resolve(reply ?? null), reject)
        .finally(() => clearTimeout(timer));
    });
  }
}
