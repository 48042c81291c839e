import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { encodeFrame } from '../../contract/wire/frame.ts';
import { SoakClient } from './client.ts';
import { keys, type System } from './system.ts';

const pick = <T>(from: readonly T[]): T => {
  const one = from[Math.floor(Math.random() * from.length)];
  if (one === undefined) throw new Error('there is nothing to pick from');
  return one;
};

interface LoadCounts {
  sent: number;
  received: number;
  queued: number;
  requests: number;
  failedRequests: number;
  churned: number;
  attacks: number;
}

/** A mixed load that goes on until it is stopped: honest clients, producers and operators, and hostile ones. */
export class Load {
  readonly counts: LoadCounts = {
    sent: 0,
    received: 0,
    queued: 0,
    requests: 0,
    failedRequests: 0,
    churned: 0,
    attacks: 0,
  };
  readonly #system: System;
  readonly #users: readonly string[];
  readonly #clients = new Map<string, SoakClient>();
  readonly #loops: Promise<void>[] = [];
  #isStopping = false;

  constructor(system: System, users: readonly string[]) {
    this.#system = system;
    this.#users = users;
  }

  start(): void {
    this.#every(5, () => this.#chat());
    this.#every(20, () => this.#queue());
    this.#every(50, () => this.#request());
    this.#every(20, () => this.#churn());
    this.#every(500, () => this.#attack());
    this.#every(1_000, () => this.#beat());
  }

  /** Resolves when everybody has left. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#loops);
    for (const client of this.#clients.values()) {
      this.counts.received += client.received;
      client.socket.destroy();
    }
    this.#clients.clear();
  }

  #every(ms: number, work: () => Promise<void> | void): void {
    const loop = async () => {
      while (!this.#isStopping) {
        await work();
        await delay(ms);
      }
    };
    this.#loops.push(loop());
  }

  /** Keeps every user connected somewhere; now and then one moves, leaves, or is cut off. */
  async #churn(): Promise<void> {
    const userId = pick(this.#users);
    const old = this.#clients.get(userId);
    if (old?.isOpen && Math.random() < 0.7) return;
    if (old !== undefined) this.counts.received += old.received;
    if (old?.isOpen && Math.random() < 0.5) old.socket.resetAndDestroy();
    const { gateway, victim } = this.#system;
    const port = pick([gateway, gateway, victim]).ports[0] ?? 0;
    const client = await SoakClient.connect(port, userId, Number(userId.slice(1)) % 2 === 0);
    this.counts.churned += 1;
    if (client) this.#clients.set(userId, client);
    else this.#clients.delete(userId);
  }

  #chat(): void {
    const client = this.#clients.get(pick(this.#users));
    if (client === undefined) return;
    const chat_content = 'x'.repeat(Math.floor(Math.random() * 400));
    const kind = Math.random();
    if (kind < 0.8) client.send(2, { chat_to: pick(this.#users), chat_content, ref: 'r' });
    else if (kind < 0.98)
      client.send(3, { chat_to: Array.from({ length: 10 }, () => pick(this.#users)), chat_content });
    else client.send(4, { chat_content });
    this.counts.sent += 1;
  }

  async #queue(): Promise<void> {
    const entry = {
      command_id: 103,
      chat_from: 'p',
      chat_to: [pick(this.#users), pick(this.#users)],
      chat_content: 'q',
    };
    await this.#system.redis
      .lpush(keys.queue, Math.random() < 0.02 ? 'poison' : JSON.stringify(entry))
      .catch(() => undefined);
    if (Math.random() < 0.01) await this.#system.redis.del(keys.queueDead).catch(() => undefined);
    this.counts.queued += 1;
  }

  async #request(): Promise<void> {
    const { api, operatorToken } = this.#system;
    const url = `http://127.0.0.1:${api.ports[0]}`;
    const headers = { authorization: `Bearer ${operatorToken}` };
    const command = { command_id: 102, chat_to: pick(this.#users), content: 'h' };
    const calls: (() => Promise<Response>)[] = [
      () => fetch(`${url}/send-command`, { method: 'POST', headers, body: JSON.stringify(command) }),
      () => fetch(`${url}/send-command`, { method: 'POST', headers, body: '{' }),
      () => fetch(`${url}/stats`, { headers }),
      () => fetch(`${url}/users?limit=50`, { headers }),
      () => fetch(`${url}/login`, { method: 'POST', body: '{"phone_number":"u1","password":"wrong"}' }),
      () => fetch(`${url}/users/${pick(this.#users)}/session`, { method: 'DELETE', headers }),
    ];
    const response = await pick(calls)().catch(() => undefined);
    await response?.text().catch(() => undefined);
    this.counts.requests += 1;
    if (response === undefined || response.status >= 500) this.counts.failedRequests += 1;
  }

  #beat(): void {
    for (const [at, client] of [...this.#clients.values()].entries()) if (at % 3 > 0) client.send(5);
  }

  /** One of the things that bad peers do. They are left to the gateway to end. */
  async #attack(): Promise<void> {
    this.counts.attacks += 1;
    const port = this.#system.gateway.ports[0] ?? 0;
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => socket.destroy());
    const kinds: (() => void)[] = [
      () => socket.write(Buffer.alloc(12)),
      () => socket.write(encodeFrame(1, 1, '{"phone_number":"u1","token":"wrong"}')),
      () => socket.write(encodeFrame(1, 1, '{"phone_number":"u1","token":"t"}').subarray(0, 20)),
      () => socket.resetAndDestroy(),
      () => socket.pause(),
      () => socket.write(Buffer.concat(Array.from({ length: 50 }, () => encodeFrame(1, 2, '{')))),
    ];
    pick(kinds)();
    if (this.counts.attacks % 4 === 0) this.#clients.get(pick(this.#users))?.socket.pause();
  }
}
