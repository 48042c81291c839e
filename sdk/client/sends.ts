import { APPLICATION_UP, isApplicationUp } from '../../contract/wire/command-ids.ts';
import { HEADER_BYTES } from '../../contract/wire/frame.ts';
import { TooLargeError } from './errors.ts';
import type { Json } from './message.ts';
import type { Settings } from './options.ts';
import type { Answer, SendQueue } from './send-queue.ts';

export interface SendOptions {
  /** Replaces the client's `sendTimeoutMs`. */
  timeoutMs?: number;
  /** Stops waiting for the answer; a written frame cannot be taken back. */
  signal?: AbortSignal;
  /** A repetition does no harm: send again when the connection ends before the answer, instead of rejecting. */
  idempotent?: boolean;
}

type JsonObject = { [name: string]: Json };

/** The application's messages, as frames for the queue. */
export class Sends {
  readonly #settings: Settings;
  readonly #queue: SendQueue;
  #lastRef = 0;

  constructor(settings: Settings, queue: SendQueue) {
    this.#settings = settings;
    this.#queue = queue;
  }

  chat(
    commandId: number,
    to: { chat_to?: Json },
    content: string,
    options: SendOptions = {},
  ): Promise<string | undefined> {
    const { features, phoneNumber } = this.#settings;
    const body = { chat_from: phoneNumber, ...to, chat_content: content };
    const answer = features.includes('receipts') ? 'accepted' : 'written';
    return this.#send(commandId, body, answer, this.#isAnswered(), options) as Promise<string | undefined>;
  }

  /** `reply`: waits for the reply; otherwise, as for a chat, until the server has accepted it, where it sends receipts. */
  application(
    commandId: number,
    body: JsonObject,
    wanted: 'reply' | 'acceptance',
    options: SendOptions = {},
  ): Promise<Json | undefined> {
    if (!isApplicationUp(commandId))
      throw new TypeError(`command ${commandId} is not in ${APPLICATION_UP.first}–${APPLICATION_UP.last}`);
    if (Object.hasOwn(body, 'ref')) throw new TypeError('the member ref is taken: replies are matched by it');
    const isReplied = wanted === 'reply';
    const answer = isReplied ? 'reply' : this.#settings.features.includes('receipts') ? 'accepted' : 'written';
    if (isReplied && this.#settings.features.length === 0) throw new TypeError('a plain client is sent no replies');
    return this.#send(commandId, body, answer, isReplied || this.#isAnswered(), options);
  }

  /** A plain frame has no further member: `ref` is only sent to servers that answer. */
  #isAnswered(): boolean {
    const { features } = this.#settings;
    return features.includes('receipts') || features.includes('errors');
  }

  async #send(commandId: number, body: JsonObject, answer: Answer, withRef: boolean, options: SendOptions) {
    this.#lastRef += 1;
    const ref = String(this.#lastRef);
    const text = JSON.stringify(withRef ? { ...body, ref } : body);
    const bytes = HEADER_BYTES + Buffer.byteLength(text);
    const { maxFrameBytes, sendTimeoutMs } = this.#settings;
    if (bytes > maxFrameBytes) throw new TooLargeError(`a frame of ${bytes} bytes; the server takes ${maxFrameBytes}`);
    return this.#queue.send({
      ref,
      commandId,
      body: text,
      answer,
      isIdempotent: options.idempotent ?? false,
      timeoutMs: options.timeoutMs ?? sendTimeoutMs,
      signal: options.signal,
    });
  }
}
