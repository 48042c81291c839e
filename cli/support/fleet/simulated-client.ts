import { setTimeout as delay } from 'node:timers/promises';
import { type Client, connect, type Message } from '../../../sdk/client/connect.ts';
import { ClosedError } from '../../../sdk/client/errors.ts';
import type { GatewayAddress } from '../gateway.ts';
import {
  around,
  FLAKY_AWAY_MS,
  FLAKY_STAY_MS,
  GROUP_SHARE,
  GROUP_SIZE,
  heartbeatMs,
  type Persona,
  SLOW_WORK_MS,
} from './behaviour.ts';
import type { Member } from './members.ts';
import { addLatency, type Tally } from './tally.ts';

interface Surroundings {
  tally: () => Tally;
  /** A random member of the fleet. */
  someone(): string;
  /** The pause of a chatty client between two messages. */
  chatEveryMs: number;
  /** The run is over. */
  signal: AbortSignal;
}

const SENDS_MS = 20_000;
/** Milliseconds with a fraction, the same in every process of this machine. */
const now = (): number => performance.timeOrigin + performance.now();

/** One client of a fleet, from its first connection to the end of the run. Made of the client library alone. */
export class SimulatedClient {
  readonly #member: Member;
  readonly #address: GatewayAddress;
  readonly #persona: Persona;
  readonly #around: Surroundings;
  #isConnected = false;
  #verifiedAt = 0;
  #stays = 0;

  constructor(member: Member, address: GatewayAddress, persona: Persona, surroundings: Surroundings) {
    this.#member = member;
    this.#address = address;
    this.#persona = persona;
    this.#around = surroundings;
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Resolves when the run is over. Never rejects. */
  async live(): Promise<void> {
    const { signal } = this.#around;
    while (!signal.aborted) {
      try {
        await this.#stay();
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof ClosedError)) this.#around.tally().failed += 1;
      }
      await this.#pause(around(FLAKY_AWAY_MS));
    }
  }

  /** One session: until the run ends, or until a flaky client leaves. */
  async #stay(): Promise<void> {
    const { signal } = this.#around;
    const client = await this.#connect();
    try {
      if (this.#persona === 'chatty') await this.#chat(client);
      else await this.#pause(this.#persona === 'flaky' ? around(FLAKY_STAY_MS) : undefined);
    } finally {
      this.#isConnected = false;
      if (!signal.aborted) await client.close();
    }
  }

  async #connect(): Promise<Client> {
    const { host, port, tls } = this.#address;
    const client = await connect({
      ...{ host, port, tls, phoneNumber: this.#member.userId, token: this.#member.token },
      heartbeatIntervalMs: heartbeatMs(),
      sendTimeoutMs: SENDS_MS,
      reconnect: { fromStart: true },
      signal: this.#around.signal,
      ...(this.#persona === 'plain' ? { features: [] } : {}),
    });
    this.#verified(client.session?.lost ?? 0);
    client.on('verified', ({ lost }) => this.#verified(lost));
    client.on('disconnected', () => {
      this.#isConnected = false;
    });
    client.on('refused', () => {
      this.#around.tally().refused += 1;
    });
    client.on('message', (message) => this.#take(message));
    return client;
  }

  #verified(lost: number): void {
    const tally = this.#around.tally();
    this.#isConnected = true;
    this.#verifiedAt = now();
    this.#stays += 1;
    tally.verified += 1;
    tally.lost += lost;
    if (this.#stays > 1) tally.reconnected += 1;
  }

  async #chat(client: Client): Promise<void> {
    const { signal, chatEveryMs, someone, tally } = this.#around;
    while (!signal.aborted) {
      await this.#pause(around(chatEveryMs));
      if (signal.aborted) return;
      const isGroup = Math.random() < GROUP_SHARE;
      const sending = isGroup
        ? client.sendToGroup(Array.from({ length: GROUP_SIZE }, someone), String(now()))
        : client.send(someone(), String(now()));
      await sending.then(
        () => {
          tally().sent += 1;
        },
        () => {
          if (!signal.aborted) tally().failed += 1;
        },
      );
    }
  }

  async #take(message: Message): Promise<void> {
    if (message.kind === 'application') return;
    const tally = this.#around.tally();
    const sentAt = Number(message.content);
    tally.received += 1;
    if (message.id !== undefined) tally.acknowledged += 1;
    // A message that waited for its recipient does not show the latency.
    if (sentAt < this.#verifiedAt) tally.stored += 1;
    else if (sentAt > 0) addLatency(tally.latencies, now() - sentAt);
    if (this.#persona === 'slow') await this.#pause(around(SLOW_WORK_MS));
  }

  /** Undefined: until the run is over. */
  async #pause(ms: number | undefined): Promise<void> {
    const { signal } = this.#around;
    if (signal.aborted) return;
    await delay(ms ?? 2 ** 31 - 1, undefined, { signal, ref: ms !== undefined }).catch(() => undefined);
  }
}
