import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { MAX_ACKNOWLEDGED_IDS, ServerCommand } from '../../contract/wire/command-ids.ts';
import type { Form, History, Stay, UserForm } from './history.ts';
import type { Random } from './random.ts';
import type { System } from './system.ts';
import { Wire, type WireFrame } from './wire.ts';

const message = z.looseObject({ chat_content: z.string(), id: z.string().optional() });
const goodbye = z.looseObject({ reason: z.string() });

const FEATURES: Readonly<Record<Form, readonly string[] | undefined>> = {
  plain: undefined,
  extended: ['goodbye', 'errors'],
  ack: ['ack', 'goodbye', 'errors'],
};

interface Connection {
  readonly number: number;
  readonly form: Form;
  readonly wire: Wire;
  stay: Stay | undefined;
  acknowledgements: string[];
}

/** A user that stays connected, on any gateway, and records what comes. */
export class Receiver {
  readonly user: string;
  readonly form: UserForm;
  readonly #system: System;
  readonly #history: History;
  readonly #random: Random;
  #current: Connection | undefined;
  readonly #open = new Set<Connection>();
  #isLeaving = false;
  #connecting: Promise<void> | undefined;
  /** The newest connection on which a verify was sent. */
  #newest = 0;
  readonly #ackDelayMs: number;

  constructor(
    user: string,
    form: UserForm,
    parts: { system: System; history: History; random: Random },
    { ackDelayMs = 40 }: { ackDelayMs?: number } = {},
  ) {
    this.user = user;
    this.form = form;
    this.#ackDelayMs = ackDelayMs;
    this.#system = parts.system;
    this.#history = parts.history;
    this.#random = parts.random;
  }

  get isConnected(): boolean {
    return this.#current?.stay !== undefined && this.#current.stay.endedAt === undefined;
  }

  /** Connects anew, on another gateway if there is one; the connection so far is left open for the gateway to close. */
  connect(): Promise<void> {
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  /** Resets the connection: what the kernel has for it is gone. */
  cut(): void {
    const connection = this.#current;
    if (!connection) return;
    if (connection.stay) connection.stay.abrupt = true;
    connection.wire.socket.resetAndDestroy();
  }

  /** Reads nothing any more and does not close either, as a client behind a dead link; comes again elsewhere. */
  hang(): void {
    const connection = this.#current;
    if (!connection) return;
    if (connection.stay) connection.stay.abrupt = true;
    connection.wire.socket.pause();
    void this.connect();
  }

  /** Comes again elsewhere; what this connection still has is read only after a while, and to its end. */
  async stall(forMs: number): Promise<void> {
    const connection = this.#current;
    if (!connection) return;
    connection.wire.socket.pause();
    void this.connect();
    await setTimeout(forMs);
    // What hangs for good does not read on.
    if (!connection.stay?.abrupt) connection.wire.socket.resume();
  }

  /** Closes politely, having read what came. */
  leave(): void {
    this.#current?.wire.socket.end();
  }

  async stop(): Promise<void> {
    this.#isLeaving = true;
    await this.#connecting;
    for (const { wire } of this.#open) {
      wire.socket.resume();
      wire.socket.end();
    }
  }

  /** Connections that would notice if they were closed. */
  get openConnections(): number {
    return [...this.#open].filter(({ wire }) => !wire.socket.isPaused()).length;
  }

  get isGone(): boolean {
    return this.#open.size === 0;
  }

  async #connect(): Promise<void> {
    while (!this.#isLeaving) {
      const gateway = this.#random.pick(this.#system.open.length > 0 ? this.#system.open : [undefined]);
      if (gateway && (await this.#tryGateway(gateway.port, gateway.name))) return;
      await setTimeout(this.#random.between(20, 150));
    }
  }

  async #tryGateway(port: number, gateway: string): Promise<boolean> {
    const number = this.#history.nextConnection();
    const form = this.form === 'mixed' ? this.#random.pick(['plain', 'ack'] as const) : this.form;
    const wire = new Wire(
      port,
      (frame) => this.#take(connection, frame),
      () => this.#onClose(connection),
    );
    const connection: Connection = { number, form, wire, stay: undefined, acknowledgements: [] };
    this.#open.add(connection);
    this.#newest = number;
    const startedAt = performance.now();
    const token = this.#system.tokenOf(this.user);
    const verified = await wire.verify(this.user, token, FEATURES[form]);
    if (verified === undefined) {
      if (!wire.isRefused) this.#history.unanswered.add(this.user);
      return false;
    }
    connection.stay = {
      user: this.user,
      connection: number,
      form,
      epoch: verified.epoch,
      gateway,
      startedAt,
      abrupt: false,
      lost: verified.lost,
      ...(wire.socket.destroyed ? { endedAt: performance.now() } : {}),
    };
    this.#history.stays.push(connection.stay);
    this.#current = connection;
    return !wire.socket.destroyed;
  }

  #onClose(connection: Connection): void {
    this.#open.delete(connection);
    if (connection.stay) connection.stay.endedAt = performance.now();
    if (connection !== this.#current || this.#isLeaving) return;
    void setTimeout(this.#random.between(5, 120)).then(() => {
      return connection === this.#current ? this.connect() : undefined;
    });
  }

  #take(connection: Connection, { commandId, body }: WireFrame): void {
    if (commandId === ServerCommand.goodbye) return this.#onGoodbye(connection, goodbye.parse(body).reason);
    if (commandId < 102 || (commandId > 104 && commandId < 2000)) return;
    const { chat_content: content, id } = message.parse(body);
    const { number, form } = connection;
    this.#history.received.push({ user: this.user, content, id, connection: number, form, at: performance.now() });
    if (form !== 'ack') {
      if (id !== undefined) this.#history.violations.push(`${this.user} (${form}) was sent an id`);
      return;
    }
    if (id === undefined) return void this.#history.violations.push(`${this.user} (ack) was sent no id: ${content}`);
    connection.acknowledgements.push(id);
    if (connection.acknowledgements.length > 1) return;
    void setTimeout(this.#random.between(0, this.#ackDelayMs)).then(() => {
      const ids = connection.acknowledgements;
      connection.acknowledgements = [];
      if (connection.wire.socket.destroyed) return;
      for (const one of ids) this.#history.acknowledge(`${this.user} ${one}`, number);
      while (ids.length > 0) connection.wire.send(6, { ids: ids.splice(0, MAX_ACKNOWLEDGED_IDS) });
    });
  }

  /** Only a newer connection, or one that was given up before it had its verdict, takes the place of this one. */
  #onGoodbye(connection: Connection, reason: string): void {
    if (reason !== 'taken_over') return;
    if (this.#newest > connection.number || this.#history.unanswered.has(this.user)) return;
    this.#history.violations.push(`${this.user}: connection ${connection.number} was taken over by an older one`);
  }
}
