import { headRest, type MessageHead } from '../../contract/store/records.ts';
import type { Undelivered } from '../../contract/store/scripts/sessions.ts';
import { commandIdOf, encodeFrame, HEADER_BYTES, versionOf } from '../../contract/wire/frame.ts';
import { withAsk, withId } from '../../contract/wire/message.ts';
import type { SessionForm } from '../../contract/wire/session-form.ts';
import type { DirectInterval } from './direct-interval.ts';

/** Something on its way to one or many sessions. Shared between its receivers: encoded once per wire form. */
export interface Outgoing {
  frame(form: SessionForm): Buffer;
  /** What must go back to the mailbox when a session ends without it; undefined: nothing. */
  readonly undelivered: Undelivered | undefined;
  /**
   * One session's share is done: handed to the kernel in the form of `written`, or safely put back (false). Messages that
   * nobody waits for have none.
   */
  readonly settle: ((userId: string, epoch: number, written: SessionForm | false) => void) | undefined;
}

/** A reply or a notice: belongs to the connection, and goes with it. */
export class Notice implements Outgoing {
  readonly undelivered = undefined;
  readonly settle = undefined;
  readonly #frame: Buffer;

  constructor(version: number, commandId: number, body: string) {
    this.#frame = encodeFrame(version, commandId, body);
  }

  frame(): Buffer {
    return this.#frame;
  }
}

/** Where a message is kept until it is handed over, which decides what happens to it when it is not. */
export type Origin = 'inbox' | 'inbox, in mailbox too' | 'mailbox' | 'direct' | 'broadcast';

export class Message implements Outgoing {
  readonly head: MessageHead;
  /** The id as a number; 0: it has none. */
  readonly id: number;
  /** Its place among messages that have ids: its own id, or the highest that was known when it came. */
  readonly orderId: number;
  readonly origin: Origin;
  readonly settle: Outgoing['settle'];
  /** Of a direct message. */
  #interval: DirectInterval | undefined;
  #body: string | undefined;
  #plain: Buffer | undefined;
  #extended: Buffer | undefined;
  #withId: Buffer | undefined;

  constructor(
    head: MessageHead,
    body: string | undefined,
    origin: Origin,
    settle?: Outgoing['settle'],
    orderId?: number,
  ) {
    this.head = head;
    this.id = head === directHead ? 0 : Number(head.id);
    this.orderId = orderId ?? this.id;
    this.#body = body;
    this.origin = origin;
    this.settle = settle;
  }

  /** From a client to sessions of the same gateway that need no id. `orderId`: the highest id that its sender can have had before. */
  static direct(frame: Buffer, orderId: number, interval: DirectInterval): Message {
    const message = Message.#withoutId(frame, 'direct', orderId);
    message.#interval = interval;
    interval.add();
    return message;
  }

  /** From a client to everyone on the same gateway. `orderId` as for `direct`. */
  static broadcast(frame: Buffer, orderId: number): Message {
    return Message.#withoutId(frame, 'broadcast', orderId);
  }

  /** The frame is never taken apart if all goes well. */
  static #withoutId(frame: Buffer, origin: Origin, orderId: number): Message {
    const version = versionOf(frame);
    const commandId = commandIdOf(frame);
    if (directHead.commandId !== commandId || directHead.version !== version) {
      directHead = { ...directHead, commandId, version };
    }
    const message = new Message(directHead, undefined, origin, undefined, orderId);
    message.#plain = frame;
    return message;
  }

  get body(): string {
    this.#body ??= this.#plain?.toString('utf8', HEADER_BYTES) ?? '';
    return this.#body;
  }

  /** Whether its sender waits for a reply. */
  get asks(): boolean {
    return this.head.flags.includes('a');
  }

  frame(form: SessionForm): Buffer {
    if (form === 'plain' && this.#plain !== undefined) return this.#plain;
    const { asks } = this;
    const { commandId, version } = this.head;
    if (form === 'ack') {
      this.#withId ??= encodeFrame(version, commandId, withId(asks ? this.#bodyThatAsks() : this.body, this.head.id));
      return this.#withId;
    }
    if (asks && form === 'extended') {
      this.#extended ??= encodeFrame(version, commandId, this.#bodyThatAsks());
      return this.#extended;
    }
    this.#plain ??= encodeFrame(version, commandId, this.body);
    return this.#plain;
  }

  #bodyThatAsks(): string {
    return withAsk(this.body, this.head.id);
  }

  get undelivered(): Undelivered | undefined {
    if (this.origin !== 'inbox' && this.origin !== 'direct') return undefined;
    return { id: this.head.id, rest: headRest(this.head), body: this.body };
  }

  get interval(): DirectInterval | undefined {
    return this.#interval;
  }
}

/** Messages without an id differ in these two alone, and mostly not even there: one head serves many. */
let directHead: MessageHead = { id: '0', commandId: 0, version: 0, expiresAtMs: 0, flags: '', traceparent: '' };
