import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Decoded, encodeFrame, FrameDecoder } from '../../contract/frame.ts';

const now = (): number => performance.timeOrigin + performance.now();

/** Verified connections that send application commands; every frame carries when it was written. */
export class Devices {
  readonly #sockets: Socket[];
  /** 110 and replies. */
  answered = 0;
  refused = 0;
  readonly roundTripsMs: number[] = [];

  private constructor(sockets: Socket[]) {
    this.#sockets = sockets;
  }

  static async connect(port: number, users: readonly string[]): Promise<Devices> {
    const devices = new Devices([]);
    for (const user of users) devices.#sockets.push(await devices.#open(port, user));
    return devices;
  }

  async #open(port: number, user: string): Promise<Socket> {
    const socket = connect(port, '127.0.0.1').setNoDelay(true);
    await once(socket, 'connect');
    const decoder = new FrameDecoder();
    const verified = Promise.withResolvers<void>();
    socket.on('data', (chunk: Buffer) => {
      decoder.push(chunk);
      while (decoder.next() === Decoded.frame) {
        if (decoder.commandId === 101) verified.resolve();
        else if (decoder.commandId === 111) this.refused += 1;
        else {
          this.answered += 1;
          const { ref } = JSON.parse(decoder.body.toString()) as { ref: number };
          this.roundTripsMs.push(now() - ref);
        }
      }
    });
    const body = { phone_number: user, token: 't', features: ['receipts', 'errors'] };
    socket.write(encodeFrame(1, 1, JSON.stringify(body)));
    await verified.promise;
    return socket;
  }

  /** `perTick` frames every `tickMs`, spread over the devices; resolves when `count` are written. */
  async send(commandId: number, count: number, pace: { perTick: number; tickMs: number }, ref: boolean): Promise<void> {
    let sent = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setInterval(() => {
      for (let i = 0; i < pace.perTick && sent < count; i += 1, sent += 1) {
        const t = now();
        const body = ref ? { t, ref: t, celsius: 21.5 } : { t, celsius: 21.5 };
        this.#sockets[sent % this.#sockets.length]?.write(encodeFrame(1, commandId, JSON.stringify(body)));
      }
      if (sent < count) return;
      clearInterval(timer);
      resolve();
    }, pace.tickMs);
    await promise;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
