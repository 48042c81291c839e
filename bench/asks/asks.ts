// Callers of the HTTP API, and the devices that they ask or send to. argv: orders as JSON.
import type { Socket } from 'node:net';
import { ClientCommand } from '../../contract/wire/command-ids.ts';
import { encodeFrame } from '../../contract/wire/frame.ts';
import { connectDevice } from '../support/device.ts';
import { userId } from '../support/redis.ts';
import { generate, lineOf, type Orders, type Sender } from '../upstream/generate.ts';
import { nowMs, Times } from '../upstream/times.ts';
import { type ApiAddress, Caller } from './caller.ts';

/** A call that waits holds its connection. */
const CONNECTIONS = 128;
const COMMAND = 2_001;

export interface AskOrders extends Orders {
  readonly api: ApiAddress;
  /** Of the gateways: devices are spread over them. */
  readonly ports: readonly number[];
  readonly count: number;
  /** `reply`: measured to the answer of the call, which has the reply; `sent`: to its answer; `device`: to the device. */
  readonly until: 'reply' | 'sent' | 'device';
}

class Callers implements Sender {
  readonly #until: AskOrders['until'];
  readonly #caller: Caller;
  readonly #count: number;
  readonly answers = new Times();
  refused = 0;
  onDone: (() => void) | undefined;
  #next = 0;

  constructor({ until, api, count }: AskOrders) {
    this.#until = until;
    this.#count = count;
    this.#caller = new Caller(api, CONNECTIONS);
  }

  send(dueMs: number): void {
    const wait = this.#until === 'reply' ? { wait: 'reply' } : {};
    const body = { command_id: COMMAND, chat_to: userId(this.#next), content: { dueMs, read: 'temperature' }, ...wait };
    this.#next = (this.#next + 1) % this.#count;
    void this.#caller.call('POST', '/send-command', body).then(({ status, body: answer }) => {
      const isDone = this.#until === 'reply' ? answer.outcome === 'replied' && answer.reply === dueMs : status === 200;
      if (!isDone) this.#done(() => (this.refused += 1));
      else if (this.#until !== 'device') this.#done(() => this.answers.add(nowMs(), nowMs() - dueMs));
    });
  }

  /** The device replies at once, and acknowledges. */
  take(commandId: number, body: Buffer, socket: Socket): void {
    if (commandId !== COMMAND) return;
    const { dueMs, ask, id } = JSON.parse(body.toString()) as { dueMs: number; ask?: string; id: string };
    if (ask !== undefined) socket.write(encodeFrame(1, ClientCommand.reply, JSON.stringify({ ask, reply: dueMs })));
    socket.write(encodeFrame(1, ClientCommand.acknowledge, JSON.stringify({ ids: [id] })));
    if (this.#until === 'device') this.#done(() => this.answers.add(nowMs(), nowMs() - dueMs));
  }

  #done(count: () => void): void {
    count();
    this.onDone?.();
  }
}

const orders = JSON.parse(process.argv[2] ?? '') as AskOrders;
const callers = new Callers(orders);
const { ports, count, helpers } = orders;
for (let i = 0; i < count; i += 1) {
  const port = ports[i % ports.length] ?? 0;
  await connectDevice(port, userId(i), ['ack'], (id, body, socket) => callers.take(id, body, socket));
}
const figures = await generate(callers, { ...orders, helpers: [...helpers, process.pid] }, count);
process.stdout.write(lineOf(figures));
process.exit(0);
