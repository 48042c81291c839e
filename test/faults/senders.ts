import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { ServerCommand } from '../../contract/wire/command-ids.ts';
import type { History, Send } from './history.ts';
import type { Random } from './random.ts';
import type { System } from './system.ts';
import { Wire, type WireFrame } from './wire.ts';

const accepted = z.object({ ref: z.string(), id: z.string() });
const answer = z.object({ id: z.string() });
const HTTP_TIMEOUT_MS = 5_000;
const MAX_ATTEMPTS = 60;
/** Some messages may wait for a moment only: those must come, or be called expired. */
const BRIEF_SHARE = 0.15;
const BRIEF_SECONDS = 1;

interface Parts {
  readonly system: System;
  readonly history: History;
  readonly random: Random;
  readonly receivers: readonly string[];
}

/** Sends until `stop`. */
export abstract class Sender {
  readonly name: string;
  protected readonly system: System;
  protected readonly history: History;
  protected readonly random: Random;
  protected readonly receivers: readonly string[];
  protected isStopping = false;
  #sent = 0;
  #running: Promise<void> = Promise.resolve();

  constructor(name: string, { system, history, random, receivers }: Parts) {
    this.name = name;
    this.system = system;
    this.history = history;
    this.random = random;
    this.receivers = receivers;
  }

  start(): void {
    this.#running = this.run();
  }

  /** Resolves when what was begun is done. */
  async stop(): Promise<void> {
    this.isStopping = true;
    await this.#running;
  }

  protected abstract run(): Promise<void>;

  protected record(to: Send['to'], via: Send['via'], more: Partial<Send> = {}): Send {
    this.#sent += 1;
    const content = `${this.name}:${this.#sent}>${to === 'everyone' ? '*' : to.join(',')}`;
    const send: Send = {
      connection: undefined,
      receipt: false,
      ...more,
      content,
      sender: this.name,
      to,
      via,
      sentAt: performance.now(),
    };
    this.history.sends.push(send);
    return send;
  }

  protected someReceivers(): string[] {
    return this.random.some(this.receivers, this.random.chance(0.7) ? 1 : this.random.between(2, 3));
  }
}

/** A client that chats: with `receipts` it learns what was accepted, without it takes the direct way where there is one. */
export class TcpSender extends Sender {
  readonly #features: readonly string[] | undefined;
  #wire: Wire | undefined;

  constructor(name: string, features: readonly string[] | undefined, parts: Parts) {
    super(name, parts);
    this.#features = features;
  }

  cut(): void {
    this.#wire?.socket.resetAndDestroy();
  }

  protected async run(): Promise<void> {
    while (!this.isStopping) {
      await this.#session();
      await setTimeout(this.random.between(5, 60));
    }
  }

  async #session(): Promise<void> {
    const gateway = this.system.open.length > 0 ? this.random.pick(this.system.open) : undefined;
    if (!gateway) return;
    const byRef = new Map<string, Send>();
    let isOpen = true;
    const wire = new Wire(
      gateway.port,
      (frame) => this.#onFrame(frame, byRef),
      () => {
        isOpen = false;
      },
    );
    if ((await wire.verify(this.name, this.system.tokenOf(this.name), this.#features)) === undefined) return;
    this.#wire = wire;
    const connection = this.history.nextConnection();
    while (isOpen && !this.isStopping) {
      const burst = this.random.between(1, 4);
      for (let i = 0; i < burst; i += 1) this.#sendOne(wire, connection, byRef);
      await setTimeout(this.random.between(5, 60));
      if (this.random.chance(0.01)) break;
    }
    // Answers that are on their way are read until the other side has closed too.
    const deadline = performance.now() + 8_000;
    while (isOpen && byRef.size > 0 && performance.now() < deadline) await setTimeout(10);
    wire.socket.end();
  }

  #sendOne(wire: Wire, connection: number, byRef: Map<string, Send>): void {
    const withRef = this.#features?.includes('receipts') ?? false;
    const to = this.random.chance(0.02) ? 'everyone' : this.someReceivers();
    const send = this.record(to, 'tcp', { connection });
    if (withRef) byRef.set(send.content, send);
    const rest = { chat_content: send.content, ...(withRef ? { ref: send.content } : {}) };
    if (to === 'everyone') wire.send(4, rest);
    else if (to.length === 1) wire.send(2, { ...rest, chat_to: to[0] });
    else wire.send(3, { ...rest, chat_to: to });
  }

  #onFrame({ commandId, body }: WireFrame, byRef: Map<string, Send>): void {
    if (commandId === ServerCommand.refused)
      return void this.history.violations.push(`${this.name} was refused: ${JSON.stringify(body)}`);
    if (commandId !== ServerCommand.accepted) return;
    const { ref, id } = accepted.parse(body);
    const send = byRef.get(ref);
    if (!send) return void this.history.violations.push(`${this.name} got a result twice, or for no message: ${ref}`);
    byRef.delete(ref);
    send.acceptedAt = performance.now();
    send.id = id;
  }
}

/** An operator's program: `retries` with the same key until it is accepted, or else takes 503 for what it says. */
export class HttpSender extends Sender {
  readonly #retries: boolean;
  readonly #operator: string;

  constructor(name: string, operator: string, retries: boolean, parts: Parts) {
    super(name, parts);
    this.#operator = operator;
    this.#retries = retries;
  }

  /** To each of these, whatever it takes. */
  async mark(users: readonly string[]): Promise<Send[]> {
    const sends: Send[] = [];
    for (const user of users) {
      const send = this.record([user], 'http');
      await this.#sendUntilAccepted(send);
      sends.push(send);
    }
    return sends;
  }

  protected async run(): Promise<void> {
    while (!this.isStopping) {
      const to = this.random.chance(0.03) ? 'everyone' : this.someReceivers();
      const isKept = this.#retries;
      const isBrief = isKept && to !== 'everyone' && this.random.chance(BRIEF_SHARE);
      const send = this.record(to, 'http', { receipt: isKept, ...(isBrief ? { ttlSeconds: BRIEF_SECONDS } : {}) });
      if (this.#retries) await this.#sendUntilAccepted(send);
      else await this.#sendOnce(send);
      await setTimeout(this.random.between(5, 50));
    }
  }

  async #sendUntilAccepted(send: Send): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const { status, id } = await this.#post(send, send.content);
      if (status === 200 && id !== undefined) {
        send.id = id;
        send.acceptedAt = performance.now();
        break;
      }
      await setTimeout(150);
    }
    if (send.id === undefined) return void this.history.violations.push(`${send.content} was never accepted`);
    if (!this.random.chance(0.3)) return;
    const again = await this.#post(send, send.content);
    if (again.status === 200 && again.id !== send.id && !this.history.mayHaveForgotten(send)) {
      this.history.violations.push(`${send.content} was given two ids: ${send.id} and ${again.id}`);
    }
  }

  async #sendOnce(send: Send): Promise<void> {
    const { status, id } = await this.#post(send, undefined);
    send.answeredAt = performance.now();
    if (status === 200 && id !== undefined) {
      send.id = id;
      send.acceptedAt = performance.now();
    } else if (status === 503) send.refused = true;
  }

  async #post(send: Send, key: string | undefined): Promise<{ status: number; id?: string }> {
    const command = send.to === 'everyone' ? { command_id: 104 } : { command_id: 103, chat_to: send.to };
    try {
      const response = await fetch(`${this.system.api.url}/send-command`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${this.system.tokenOf(this.#operator)}`,
          'content-type': 'application/json',
          ...(key === undefined ? {} : { 'idempotency-key': key }),
        },
        body: JSON.stringify({ ...command, content: send.content, receipt: send.receipt, ttl_s: send.ttlSeconds }),
        signal: AbortSignal.timeout(HTTP_TIMEOUT_MS),
      });
      const body: unknown = await response.json();
      if (response.status === 200) return { status: 200, id: answer.parse(body).id };
      // The server closed a connection that had long been silent, just when it was used again.
      if (response.status === 408) return { status: 0 };
      if (response.status !== 503) {
        this.history.violations.push(`${send.content} was answered ${response.status} ${JSON.stringify(body)}`);
      }
      return { status: response.status };
    } catch (error) {
      // No answer: it may have been taken.
      if (error instanceof z.ZodError) throw error;
      return { status: 0 };
    }
  }
}

/** A producer that knows nothing but the list. */
export class QueueSender extends Sender {
  protected async run(): Promise<void> {
    const redis = new Redis(this.system.env.REDIS_URL ?? '', {
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      retryStrategy: () => 100,
    });
    redis.on('error', () => undefined);
    while (!this.isStopping) {
      if (redis.status === 'ready') await this.#push(redis);
      await setTimeout(this.random.between(5, 60));
    }
    redis.disconnect();
  }

  async #push(redis: Redis): Promise<void> {
    const to = this.random.chance(0.02) ? 'everyone' : this.someReceivers();
    const send = this.record(to, 'queue');
    const commandId = to === 'everyone' ? 104 : 103;
    const list = to === 'everyone' ? {} : { chat_to: to };
    const entry = { command_id: commandId, chat_from: this.name, ...list, chat_content: send.content };
    try {
      await redis.lpush(this.system.keys.queue, JSON.stringify(entry));
      send.acceptedAt = performance.now();
    } catch {
      // Not known whether it was pushed: `acceptedAt` stays open.
      await setTimeout(50);
    }
  }
}
