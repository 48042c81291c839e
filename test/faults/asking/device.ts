import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { ClientCommand } from '../../../contract/wire/command-ids.ts';
import type { Random } from '../random.ts';
import type { System } from '../system.ts';
import { Wire, type WireFrame } from '../wire.ts';

/** The command id of all messages of this load; `n` names the message. */
export const COMMAND = 2_001;
const message = z.looseObject({ n: z.string(), id: z.string().optional(), ask: z.string().optional() });

interface Arrival {
  readonly n: string;
  readonly id: string | undefined;
  /** Unix ms: the clock of Redis is this machine's. */
  readonly atMs: number;
}

const FEATURES = { ack: ['ack', 'goodbye'], extended: ['goodbye'] } as const;
/** A reply and an acknowledgement take a device some time, now and then much. */
const MAX_THINKING_MS = 40;
const SLOW_SHARE = 0.15;
const MAX_SLOW_MS = 900;
/** A reply of more than a KiB does not fit the notice of it: the caller's function reads it, with others that came at the same time. */
const LARGE_SHARE = 0.5;
const LARGE_BYTES = 1_500;

/** A device that replies to what asks, with the name of the message, and comes back when its connection is gone. */
export class AskedDevice {
  readonly user: string;
  readonly form: keyof typeof FEATURES;
  readonly arrivals: Arrival[] = [];
  /** When it first replied to a message, and acknowledged it: by `performance.now()`, before it was written. */
  readonly replied = new Map<string, number>();
  readonly acknowledged = new Map<string, number>();
  readonly #system: System;
  readonly #random: Random;
  #wire: Wire | undefined;
  #isOn = false;
  #running: Promise<void> | undefined;

  constructor(user: string, form: keyof typeof FEATURES, { system, random }: { system: System; random: Random }) {
    this.user = user;
    this.form = form;
    this.#system = system;
    this.#random = random;
  }

  switchOn(): void {
    this.#isOn = true;
    this.#running ??= this.#run();
  }

  async switchOff(): Promise<void> {
    this.#isOn = false;
    this.#wire?.socket.end();
    await this.#running;
  }

  cut(): void {
    this.#wire?.socket.resetAndDestroy();
  }

  async #run(): Promise<void> {
    while (this.#isOn) {
      const { open } = this.#system;
      if (open.length > 0) await this.#stay(this.#random.pick(open).port);
      if (this.#isOn) await setTimeout(this.#random.between(5, 120));
    }
  }

  /** Resolves when the connection is gone. */
  async #stay(port: number): Promise<void> {
    const closed = Promise.withResolvers<void>();
    const wire = new Wire(port, (frame) => void this.#take(wire, frame), closed.resolve);
    if ((await wire.verify(this.user, this.#system.tokenOf(this.user), FEATURES[this.form])) === undefined) return;
    this.#wire = wire;
    if (!this.#isOn) wire.socket.end();
    await closed.promise;
  }

  async #take(wire: Wire, { commandId, body }: WireFrame): Promise<void> {
    if (commandId !== COMMAND) return;
    const { n, id, ask } = message.parse(body);
    this.arrivals.push({ n, id, atMs: Date.now() });
    await setTimeout(this.#random.between(0, this.#random.chance(SLOW_SHARE) ? MAX_SLOW_MS : MAX_THINKING_MS));
    if (wire.socket.destroyed) return;
    if (ask !== undefined) {
      note(this.replied, n);
      const log = this.#random.chance(LARGE_SHARE) ? 'x'.repeat(LARGE_BYTES) : '';
      wire.send(ClientCommand.reply, { ask, reply: { n, log } });
    }
    if (this.form !== 'ack' || id === undefined) return;
    note(this.acknowledged, n);
    wire.send(ClientCommand.acknowledge, { ids: [id] });
  }
}

function note(times: Map<string, number>, n: string): void {
  if (!times.has(n)) times.set(n, performance.now());
}
