// Devices that send application commands, each item with the time at which it was due. argv: orders as JSON.
import type { Socket } from 'node:net';
import { ServerCommand } from '../../contract/wire/command-ids.ts';
import { encodeFrame } from '../../contract/wire/frame.ts';
import { connectDevice } from '../support/device.ts';
import { userId } from '../support/redis.ts';
import { generate, lineOf, type Orders, type Sender } from './generate.ts';
import { nowMs, Times } from './times.ts';

/** Of each device, where they go as fast as it goes. */
const OUTSTANDING = 32;

export interface DeviceOrders extends Orders {
  /** The gateway's. */
  readonly port: number;
  readonly commandId: number;
  readonly count: number;
}

class Devices implements Sender {
  readonly #commandId: number;
  readonly #sockets: Socket[] = [];
  /** 110, or the function's reply. */
  readonly answers = new Times();
  refused = 0;
  onDone: (() => void) | undefined;
  #next = 0;

  constructor(commandId: number) {
    this.#commandId = commandId;
  }

  async connect(port: number, user: string): Promise<void> {
    const take = (commandId: number, body: Buffer) => this.#take(commandId, body);
    this.#sockets.push(await connectDevice(port, user, ['receipts', 'errors'], take));
  }

  /** From one device after the other. */
  send(dueMs: number): void {
    const body = JSON.stringify({ dueMs, ref: dueMs, celsius: 21.5 });
    this.#sockets[this.#next]?.write(encodeFrame(1, this.#commandId, body));
    this.#next = (this.#next + 1) % this.#sockets.length;
  }

  #take(commandId: number, body: Buffer): void {
    if (commandId === ServerCommand.refused) {
      this.refused += 1;
    } else {
      const { ref } = JSON.parse(body.toString()) as { ref: number };
      const at = nowMs();
      this.answers.add(at, at - ref);
    }
    this.onDone?.();
  }
}

const { port, commandId, count, helpers, ...orders } = JSON.parse(process.argv[2] ?? '') as DeviceOrders;
const devices = new Devices(commandId);
for (let i = 0; i < count; i += 1) await devices.connect(port, userId(i));
const figures = await generate(devices, { ...orders, helpers: [...helpers, process.pid] }, OUTSTANDING * count);
process.stdout.write(lineOf(figures));
process.exit(0);
