import type { EventEmitter } from 'node:events';
import { Acknowledgements, type AcknowledgementWriter } from './acknowledgements.ts';
import type { ClientEvents } from './events.ts';
import { Inbound, type Source } from './inbound.ts';
import { KnownIds } from './known-ids.ts';
import type { Message } from './message.ts';

/** Messages from the socket to the application, each once, acknowledged after the application has processed it. */
export class Deliveries {
  readonly #emitter: EventEmitter<ClientEvents>;
  readonly #inbound: Inbound;
  readonly #known: KnownIds;
  readonly #acknowledgements = new Acknowledgements();
  #pump: Promise<void> | undefined;

  /** `emitter`: its `message` listeners get the messages. */
  constructor(emitter: EventEmitter<ClientEvents>, inboundLimit: number, rememberedIds: number) {
    this.#emitter = emitter;
    this.#inbound = new Inbound(inboundLimit);
    this.#known = new KnownIds(rememberedIds);
  }

  get size(): number {
    return this.#inbound.size;
  }

  attach(connection: Source & AcknowledgementWriter, isAcknowledged: boolean): void {
    this.#inbound.attach(connection);
    this.#acknowledgements.attach(isAcknowledged ? connection : undefined);
  }

  detach(): void {
    this.#inbound.attach(undefined);
    this.#acknowledgements.attach(undefined);
  }

  receive(message: Message): void {
    if (this.isNew(message)) this.#inbound.put(message);
  }

  /** The waiting messages that ask for a reply; they are not handed out any more. */
  takeAsks(): Message[] {
    return this.#inbound.takeAll(({ ask }) => ask !== undefined);
  }

  /** Returns whether the message is new. */
  isNew(message: Message): boolean {
    const seen = message.id === undefined ? 'new' : this.#known.see(message.id);
    // Its acknowledgement was lost with the connection.
    if (seen === 'taken') this.acknowledge(message);
    return seen === 'new';
  }

  /** The receiver of the message failed: it comes again on the next connection, because an immediate retry would spin. */
  fail(message: Message, error: Error): void {
    if (message.id !== undefined) this.#known.forget(message.id);
    this.#emitter.emit('error', error);
  }

  acknowledge(message: Message): void {
    if (message.id === undefined) return;
    this.#known.take(message.id);
    this.#acknowledgements.add(message.id);
  }

  /** Hands out no more messages; resolves when the running listeners, and `handlers` of others, are done. */
  async close(handlers?: Promise<void>): Promise<void> {
    this.#inbound.close();
    await Promise.all([this.#pump, handlers]);
    this.#acknowledgements.flush();
  }

  /** `cause`: the error that ended the client, if any. */
  iterate(cause: () => Error | undefined): AsyncIterator<Message, undefined> {
    let current: Message | undefined;
    return {
      next: async () => {
        if (current) this.acknowledge(current);
        current = undefined;
        current = await this.#inbound.take();
        if (current) return { done: false, value: current };
        const error = cause();
        if (error) throw error;
        return { done: true, value: undefined };
      },
      return: () => {
        if (current?.id !== undefined && !this.#known.isTaken(current.id)) this.#inbound.putBack(current);
        current = undefined;
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  /** Hands messages to the listeners as long as there are any. */
  startPump(): void {
    this.#pump ??= this.#feedListeners().finally(() => {
      this.#pump = undefined;
    });
  }

  async #feedListeners(): Promise<void> {
    while (this.#emitter.listenerCount('message') > 0) {
      const message = await this.#inbound.take();
      if (!message) return;
      const listeners = this.#emitter.rawListeners('message');
      if (listeners.length === 0) this.#inbound.putBack(message);
      else await this.#feed(message, listeners);
    }
  }

  /** When a listener fails, the message comes again on the next connection: an immediate retry would spin. */
  async #feed(message: Message, listeners: ((message: Message) => unknown)[]): Promise<void> {
    try {
      await Promise.all(listeners.map((listener) => listener.call(this.#emitter, message)));
      this.acknowledge(message);
    } catch (error) {
      this.fail(message, error instanceof Error ? error : new Error(String(error)));
    }
  }
}
