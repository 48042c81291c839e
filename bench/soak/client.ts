import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { MAX_ACKNOWLEDGED_IDS } from '../../contract/wire/command-ids.ts';
import { Decoded, encodeFrame, FrameDecoder } from '../../contract/wire/frame.ts';

/** A device of the soak: a bare socket, so that every fault is deliberate. */
export class SoakClient {
  readonly userId: string;
  readonly socket: Socket;
  received = 0;
  readonly #decoder = new FrameDecoder(1_048_576);
  readonly #acknowledges: boolean;

  private constructor(userId: string, socket: Socket, acknowledges: boolean) {
    this.userId = userId;
    this.socket = socket;
    this.#acknowledges = acknowledges;
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => this.#receive(chunk));
  }

  /** Verifies without waiting for the verdict; undefined when nobody listens. */
  static async connect(port: number, userId: string, acknowledges: boolean): Promise<SoakClient | undefined> {
    const socket = connect(port, '127.0.0.1');
    const client = new SoakClient(userId, socket, acknowledges);
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => undefined);
    if (socket.destroyed) return undefined;
    const features = acknowledges ? { features: ['ack', 'errors', 'receipts', 'pong', 'goodbye'] } : {};
    client.send(1, { phone_number: userId, token: `token of ${userId}`, ...features });
    return client;
  }

  get isOpen(): boolean {
    return !this.socket.destroyed && this.socket.writable;
  }

  send(commandId: number, body?: object): void {
    if (this.isOpen) this.socket.write(encodeFrame(1, commandId, body === undefined ? '' : JSON.stringify(body)));
  }

  #receive(chunk: Buffer): void {
    this.#decoder.push(chunk);
    const ids: string[] = [];
    while (this.#decoder.next() === Decoded.frame) {
      const { commandId } = this.#decoder;
      if (commandId < 102 || commandId > 104) continue;
      this.received += 1;
      const id = /"id":\s*"(\d+)"/.exec(this.#decoder.body.toString())?.[1];
      if (id !== undefined) ids.push(id);
    }
    while (this.#acknowledges && ids.length > 0) this.send(6, { ids: ids.splice(0, MAX_ACKNOWLEDGED_IDS) });
  }
}
