import { EventEmitter } from 'node:events';
import { ClientCommand } from '../../contract/wire/command-ids.ts';
import { type AskHandler, type AskOptions, Asks } from './asks.ts';
import { isObject } from './bodies.ts';
import { ClientSession, type SessionHandlers } from './client-session.ts';
import { deadline, delay } from './delay.ts';
import { Deliveries } from './deliveries.ts';
import { ClosedError, RefusedError, UnreachableError } from './errors.ts';
import type { ClientEvents, Goodbye, SessionInfo } from './events.ts';
import type { Json, Message } from './message.ts';
import type { Settings } from './options.ts';
import { type End, ReconnectSchedule } from './reconnect-schedule.ts';
import { SendQueue } from './send-queue.ts';
import { type SendOptions, Sends } from './sends.ts';

/** `waiting`: between two connections. `closing`: `close()` was called, and some answers have not arrived yet. */
export type ClientState = 'connecting' | 'verified' | 'waiting' | 'closing' | 'closed';

/**
 * One user's connection, kept up until `close()`. Made by `connect`. Messages come by `for await`, or by
 * `on('message', …)`; until the application takes them they wait in a bounded queue.
 */
export class Client extends EventEmitter<ClientEvents> implements AsyncIterable<Message> {
  readonly #settings: Settings;
  readonly #queue: SendQueue;
  readonly #sends: Sends;
  readonly #deliveries: Deliveries;
  readonly #asks: Asks;
  readonly #reconnects: ReconnectSchedule;
  readonly #abort = new AbortController();
  readonly #ended: Promise<void>;
  #state: ClientState = 'connecting';
  #session: ClientSession | undefined;
  #goodbye: Goodbye | undefined;
  #verifiedAtMs: number | undefined;
  #cause: Error | undefined;

  constructor(settings: Settings) {
    super();
    this.#settings = settings;
    this.#queue = new SendQueue(settings.outboundLimit);
    this.#sends = new Sends(settings, this.#queue);
    this.#deliveries = new Deliveries(this, settings.inboundLimit, settings.rememberedIds);
    const asks = {
      taken: (message: Message) => this.acknowledge(message),
      failed: (message: Message, error: Error) => this.#deliveries.fail(message, error),
    };
    this.#asks = new Asks(asks, settings.maxFrameBytes);
    this.#reconnects = new ReconnectSchedule(settings.reconnect);
    const { signal } = settings;
    const abort = () => this.#finish(signal?.reason);
    signal?.addEventListener('abort', abort);
    this.once('closed', () => signal?.removeEventListener('abort', abort));
    this.on('newListener', (event) => {
      if (event === 'message') queueMicrotask(() => this.#deliveries.startPump());
    });
    this.#ended = this.#run();
  }

  get state(): ClientState {
    return this.#state;
  }

  /** The server's information about the newest connection. Undefined until that connection is verified. */
  get session(): SessionInfo | undefined {
    return this.#session?.info;
  }

  /** Messages that the application has not taken yet. */
  get queued(): number {
    return this.#deliveries.size;
  }

  /** To one user. Resolves with the message id, or with nothing where the server gives no receipts. */
  async send(to: string, content: string, options?: SendOptions): Promise<string | undefined> {
    return this.#open().chat(ClientCommand.single, { chat_to: to }, content, options);
  }

  async sendToGroup(to: readonly string[], content: string, options?: SendOptions): Promise<string | undefined> {
    return this.#open().chat(ClientCommand.group, { chat_to: [...to] }, content, options);
  }

  /** To everyone connected, the sender too. */
  async broadcast(content: string, options?: SendOptions): Promise<string | undefined> {
    return this.#open().chat(ClientCommand.broadcast, {}, content, options);
  }

  /** An application command, 1000–1999. Resolves with the body of the reply (id + 1000). */
  async command(commandId: number, body: { [name: string]: Json }, options?: SendOptions): Promise<Json | undefined> {
    return this.#open().application(commandId, body, 'reply', options);
  }

  /**
   * An application command that may have no reply. Resolves once the server has accepted it, or with the body of a reply;
   * once it is written where the server sends no receipts.
   */
  async post(commandId: number, body: { [name: string]: Json }, options?: SendOptions): Promise<Json | undefined> {
    const answer = await this.#open().application(commandId, body, 'acceptance', options);
    // An id is a string, the body of a reply an object.
    return typeof answer === 'string' ? undefined : answer;
  }

  /** Acknowledges a message explicitly, before the loop or the listener is done with it. May be repeated. */
  acknowledge(message: Message): void {
    this.#deliveries.acknowledge(message);
  }

  /**
   * Replies to messages that ask for a reply (`wait: "reply"` over HTTP) with the result of `handler`, and acknowledges them;
   * they do not come by the loop or the listeners then. A handler that throws or takes longer than `timeoutMs` sends no
   * reply: `error` is emitted, and the message comes again on the next connection. A reply that was lost with its connection
   * is sent again when its message comes again, without another call. One handler; the last one counts.
   */
  onAsk(handler: AskHandler, options: AskOptions = {}): this {
    this.#asks.handle(handler, options);
    // What came before the handler was set.
    for (const message of this.#deliveries.takeAsks()) this.#ask(message, this.#asks.repeat(message));
    return this;
  }

  /** Replies explicitly to a message that asks for a reply (`message.ask`) and that came by the loop or a listener. */
  reply(message: Message, reply: Json): void {
    this.#asks.reply(message, reply);
  }

  /**
   * Ends when the client is closed; throws what ended it. A message is acknowledged when the loop asks for the next one:
   * after leaving the loop, the next reader gets its last message again.
   */
  [Symbol.asyncIterator](): AsyncIterator<Message, undefined> {
    return this.#deliveries.iterate(() => this.#cause);
  }

  /**
   * Lets listeners and the handler of asks finish, waits for outstanding answers (at most closeTimeoutMs), and ends. Never
   * rejects. Do not await it in a listener or handler: it waits for that one.
   */
  async close(): Promise<void> {
    const { closeTimeoutMs } = this.#settings;
    if (this.#state === 'verified') {
      this.#state = 'closing';
      const taken = this.#deliveries.close(this.#asks.close());
      await deadline(Promise.all([taken, this.#queue.emptied()]), closeTimeoutMs);
      // Whatever is late would be written behind the end.
      this.#deliveries.detach();
      this.#asks.attach(undefined);
      this.#session?.end();
      await deadline(this.#ended, closeTimeoutMs);
    } else if (this.#state === 'closing') {
      await deadline(this.#ended, 2 * closeTimeoutMs);
    }
    this.#finish(undefined);
    await deadline(this.#ended, closeTimeoutMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #open(): Sends {
    if (!this.#isOpen()) throw this.#closedError();
    return this.#sends;
  }

  #isOpen(): boolean {
    return this.#state !== 'closing' && this.#state !== 'closed';
  }

  async #run(): Promise<void> {
    // First the code that made the client adds its listeners.
    await Promise.resolve();
    while (this.#isOpen()) {
      const end = await this.#live();
      if (!this.#isOpen()) return;
      const next = this.#reconnects.after(end);
      if ('finalCause' in next) {
        this.#finish(next.finalCause);
        return;
      }
      this.#state = 'waiting';
      this.emit('reconnecting', next.attempt, next.delayMs, end.cause);
      await delay(next.delayMs, this.#abort.signal);
      if (this.#isOpen()) this.#state = 'connecting';
    }
  }

  /** One connection, from its opening to its end. */
  #live(): Promise<End> {
    this.#goodbye = undefined;
    this.#verifiedAtMs = undefined;
    return new Promise((resolve) => {
      const ended = (cause: Error | undefined) => resolve(this.#detach(cause));
      ClientSession.open(this.#settings, { ...this.#handlers, ended }, this.#abort.signal).then((session) => {
        this.#session = session;
        if (this.#state === 'closed') session.destroy(undefined);
      }, ended);
    });
  }

  #detach(given: Error | undefined): End {
    const cause = given ?? new UnreachableError('the server closed the connection');
    const verifiedForMs = this.#verifiedAtMs === undefined ? undefined : performance.now() - this.#verifiedAtMs;
    this.#deliveries.detach();
    this.#asks.attach(undefined);
    this.#queue.detach();
    if (verifiedForMs !== undefined) this.emit('disconnected', cause);
    return { cause, goodbye: this.#goodbye, verifiedForMs };
  }

  readonly #handlers: Omit<SessionHandlers, 'ended'> = {
    verified: (session, info) => {
      this.#session = session;
      this.#state = 'verified';
      this.#verifiedAtMs = performance.now();
      this.#deliveries.attach(session, info.features.includes('ack'));
      this.#asks.attach(session);
      this.#queue.attach(session, info.features.includes('receipts'));
      this.emit('verified', info);
    },
    message: (message) => {
      if (message.kind === 'application' && this.#takeReply(message.commandId, message.body)) this.acknowledge(message);
      else if (this.#settings.receive) this.#receive(message);
    },
    accepted: (ref, messageId) => {
      this.#queue.accepted(ref, messageId);
    },
    refused: (ref, code, message) => {
      const error = new RefusedError(code, message);
      if (ref === undefined || !this.#queue.refused(ref, error)) this.emit('refused', error);
    },
    goodbye: (goodbye) => {
      this.#goodbye = goodbye;
      this.#queue.hold();
      this.emit('goodbye', goodbye);
    },
    malformed: (commandId, body) => {
      this.emit('malformed', commandId, body);
    },
  };

  /** A reply that may have been lost is sent again when its message comes again; the handler is not called again. */
  #receive(message: Message): void {
    const isReplied = this.#asks.repeat(message);
    if (message.ask === undefined || !this.#asks.hasHandler) this.#deliveries.receive(message);
    else if (this.#deliveries.isNew(message)) this.#ask(message, isReplied);
  }

  #ask(message: Message, isReplied: boolean): void {
    if (isReplied) this.acknowledge(message);
    else this.#asks.take(message);
  }

  #takeReply(commandId: number, body: Json): boolean {
    if (!isObject(body) || body.ref === undefined) return false;
    const { ref, ...reply } = body;
    return this.#queue.replied(String(ref), commandId, reply);
  }

  #closedError(): ClosedError {
    return new ClosedError('the client is closed', { cause: this.#cause });
  }

  /** Once, for good. */
  #finish(cause: Error | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#cause = cause;
    this.#abort.abort(cause);
    this.#session?.destroy(cause);
    this.#queue.detach();
    this.#queue.fail(this.#closedError());
    // Running listeners finish by themselves; their acknowledgements can no longer be sent.
    this.#deliveries.close().catch((error: Error) => this.emit('error', error));
    this.emit('closed', cause);
  }
}
