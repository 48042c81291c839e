import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { MAX_ACKNOWLEDGED_IDS } from '../../contract/wire/command-ids.ts';
import type { Form, History, Stay } from './history.ts';
import type { Random } from './random.ts';
import { Wire, type WireFrame } from './wire.ts';
import type { World } from './world.ts';

const message = z.looseObject({ chat_content: z.string(), id: z.string().optional() });

interface Connection {
  readonly number: number;
  readonly wire: Wire;
  stay: Stay | undefined;
  acknowledgements: string[];
}

/** A user who wants to be connected, on whichever gateway, and records what comes. */
export class Receiver {
  readonly user: string;
  readonly form: Form;
  /** Told when something came. */
  readonly #world: World;
  readonly #history: History;
  readonly #random: Random;
  #current: Connection | undefined;
  readonly #open = new Set<Connection>();
  #isLeaving = false;
  #connecting: Promise<void> | undefined;

  constructor(user: string, form: Form, parts: { world: World; history: History; random: Random }) {
    this.user = user;
    this.form = form;
    this.#world = parts.world;
    this.#history = parts.history;
    this.#random = parts.random;
  }

  get isConnected(): boolean {
    return this.#current?.stay !== undefined && this.#current.stay.endedAt === undefined;
  }

  /** Connects anew, on another gateway if there is one; the connection so far is left to whoever closes it. */
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
      const gateway = this.#random.pick(this.#world.open.length > 0 ? this.#world.open : [undefined]);
      if (gateway && (await this.#tryGateway(gateway.port, gateway.name))) return;
      await setTimeout(this.#random.between(20, 150));
    }
  }

  async #tryGateway(port: number, gateway: string): Promise<boolean> {
    const number = this.#history.nextConnection();
    const wire = new Wire(
      port,
      (frame) => this.#take(connection, frame),
      () => this.#onClose(connection),
    );
    const connection: Connection = { number, wire, stay: undefined, acknowledgements: [] };
    this.#open.add(connection);
    const features = { plain: undefined, extended: ['goodbye', 'errors'], ack: ['ack', 'goodbye', 'errors'] }[
      this.form
    ];
    const startedAt = performance.now();
    const verified = await wire.verify(this.user, this.#world.tokenOf(this.user), features);
    if (verified === undefined) return false;
    connection.stay = {
      user: this.user,
      connection: number,
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
    if (commandId < 102 || (commandId > 104 && commandId < 2000)) return;
    const { chat_content: content, id } = message.parse(body);
    this.#history.received.push({ user: this.user, content, id, connection: connection.number, at: performance.now() });
    if (this.form !== 'ack') {
      if (id !== undefined) this.#history.violations.push(`${this.user} (${this.form}) was sent an id`);
      return;
    }
    if (id === undefined) return void this.#history.violations.push(`${this.user} (ack) was sent no id: ${content}`);
    connection.acknowledgements.push(id);
    if (connection.acknowledgements.length > 1) return;
    void setTimeout(this.#random.between(0, 40)).then(() => {
      const ids = connection.acknowledgements;
      connection.acknowledgements = [];
      if (connection.wire.socket.destroyed) return;
      for (const one of ids) this.#history.acknowledged.add(`${this.user} ${one}`);
      while (ids.length > 0) connection.wire.send(6, { ids: ids.splice(0, MAX_ACKNOWLEDGED_IDS) });
    });
  }
}
