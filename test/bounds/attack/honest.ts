import { setTimeout } from 'node:timers/promises';
import { Wire, type WireFrame } from '../../faults/wire.ts';
import { until } from '../../kit/until.ts';
import { type System, TOKEN } from './system.ts';
import type { Watch } from './watch.ts';

const DEVICES = 20;
const EVERY_MS = 100;

export interface HonestResult {
  readonly accepted: number;
  /** Accepted, and never delivered. */
  readonly lost: number;
  /** From accepted to delivered, ms. */
  readonly p50Ms: number;
  readonly maxMs: number;
  /** Connections that ended. */
  readonly cutOff: number;
  /** The longest time without an answer other than a refusal from HTTP, ms. */
  readonly httpRefusedMs: number;
}

/** A small fleet on both gateways, half of which acknowledges, and senders over HTTP, the queue and TCP. */
export class Honest {
  readonly #system: System;
  readonly #watch: Watch;
  readonly #wires: Wire[] = [];
  /** Contents: when they were accepted, and when delivered. */
  readonly #acceptedAt = new Map<string, number>();
  readonly #deliveredAt = new Map<string, number>();
  #count = 0;
  #cutOff = 0;
  #httpRefusedMs = 0;
  #isOver = false;
  #loops: Promise<void>[] = [];

  constructor(system: System, watch: Watch) {
    this.#system = system;
    this.#watch = watch;
  }

  async start(): Promise<void> {
    const devices = Array.from({ length: DEVICES }, (_, i) => `honest-${i}`);
    await this.#system.addUsers([...devices, 'honest-sender']);
    await Promise.all(devices.map((user, i) => this.#connect(user, i % 4 < 2 ? ['ack'] : undefined)));
    const sender = await this.#connect('honest-sender', ['receipts']);
    this.#loops = [
      this.#httpLoop(),
      this.#every(async (to, content) => {
        const entry = { command_id: 102, chat_from: 'operator', chat_to: [to], chat_content: content };
        await this.#system.admin.lpush(this.#system.keys.queue, JSON.stringify(entry));
        this.#acceptedAt.set(content, performance.now());
      }),
      this.#every((to, content) => {
        sender.send(2, { chat_to: to, chat_content: content, ref: content });
        return Promise.resolve();
      }),
    ];
  }

  /** Sends no more, waits for what was accepted, and says how it went. */
  async stop(timeoutMs: number): Promise<HonestResult> {
    this.#isOver = true;
    await Promise.all(this.#loops);
    const missing = () => [...this.#acceptedAt.keys()].filter((content) => !this.#deliveredAt.has(content));
    await until('every honest message is delivered', () => missing().length === 0, { timeoutMs }).catch(
      () => undefined,
    );
    const cutOff = this.#cutOff;
    for (const { socket } of this.#wires) socket.destroy();
    const times = [...this.#acceptedAt].flatMap(([content, at]) => {
      const deliveredAt = this.#deliveredAt.get(content);
      return deliveredAt === undefined ? [] : [Math.max(0, deliveredAt - at)];
    });
    times.sort((a, b) => a - b);
    return {
      accepted: this.#acceptedAt.size,
      lost: missing().length,
      p50Ms: times[Math.floor(times.length / 2)] ?? Number.NaN,
      maxMs: times.at(-1) ?? Number.NaN,
      cutOff,
      httpRefusedMs: this.#httpRefusedMs,
    };
  }

  /** Sends no more, however it went. */
  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.allSettled(this.#loops);
  }

  async #connect(user: string, features: string[] | undefined): Promise<Wire> {
    const { port } = this.#system.gateways[this.#wires.length % 2] ?? this.#system.gateways[0];
    const wire: Wire = new Wire(
      port,
      (frame) => this.#take(wire, frame, features),
      () => {
        this.#cutOff += 1;
      },
    );
    this.#wires.push(wire);
    if ((await wire.verify(user, TOKEN, features)) === undefined) throw new Error(`${user} was refused`);
    return wire;
  }

  #take(wire: Wire, { commandId, body }: WireFrame, features: string[] | undefined): void {
    const { chat_content: content, id, ref } = body as { chat_content?: string; id?: string; ref?: string };
    if (commandId === 110 && ref !== undefined) this.#acceptedAt.set(ref, performance.now());
    if (content === undefined) return;
    if (!this.#deliveredAt.has(content)) this.#deliveredAt.set(content, performance.now());
    if (features?.includes('ack') && id !== undefined) wire.send(6, { ids: [id] });
  }

  async #every(send: (to: string, content: string) => Promise<void>): Promise<void> {
    while (!this.#isOver) {
      await send(...this.#next());
      await setTimeout(EVERY_MS);
    }
  }

  async #httpLoop(): Promise<void> {
    let refusedSince = 0;
    while (!this.#isOver) {
      const [to, content] = this.#next();
      const startedAt = performance.now();
      const { status } = await this.#system.send({ command_id: 102, chat_to: to, content });
      if (status === 200) {
        this.#acceptedAt.set(content, startedAt);
        if (refusedSince > 0) this.#httpRefusedMs = Math.max(this.#httpRefusedMs, startedAt - refusedSince);
        refusedSince = 0;
      } else if (this.#watch.isExcused) refusedSince = 0;
      else if (refusedSince === 0) refusedSince = startedAt;
      await setTimeout(EVERY_MS);
    }
    if (refusedSince > 0) this.#httpRefusedMs = Math.max(this.#httpRefusedMs, performance.now() - refusedSince);
  }

  #next(): [to: string, content: string] {
    this.#count += 1;
    return [`honest-${this.#count % DEVICES}`, `honest content ${this.#count}`];
  }
}
