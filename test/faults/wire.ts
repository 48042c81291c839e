import { connect, type Socket } from 'node:net';
import { z } from 'zod';
import { Decoded, encodeFrame, FrameDecoder } from '../../contract/wire/frame.ts';

export interface WireFrame {
  readonly commandId: number;
  readonly body: unknown;
}

const VERIFY_TIMEOUT_MS = 6_000;
const verdict = z.object({ code: z.number(), session: z.string().optional(), lost: z.number().optional() });

interface Verified {
  readonly epoch: string | undefined;
  readonly lost: number;
}

/** A bare client: frames in, frames out, nothing by itself. */
export class Wire {
  readonly socket: Socket;
  /** The verify was answered with a no. */
  isRefused = false;
  readonly #decoder = new FrameDecoder();
  readonly #onFrame: (frame: WireFrame) => void;
  #verified: ((result: Verified | undefined) => void) | undefined;

  constructor(port: number, onFrame: (frame: WireFrame) => void, onClose: () => void) {
    this.#onFrame = onFrame;
    this.socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.socket.on('data', (chunk) => this.#read(chunk));
    // The event 'close' follows.
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.#verified?.(undefined);
      onClose();
    });
  }

  send(commandId: number, body: unknown): void {
    this.socket.write(encodeFrame(1100, commandId, body === '' ? '' : JSON.stringify(body)));
  }

  /** Undefined: refused, closed, or no answer in time. */
  async verify(userId: string, token: string, features: readonly string[] | undefined): Promise<Verified | undefined> {
    const answer = new Promise<Verified | undefined>((resolve) => {
      this.#verified = resolve;
    });
    const timeout = setTimeout(() => this.#verified?.(undefined), VERIFY_TIMEOUT_MS);
    this.send(1, { phone_number: userId, token, features });
    const result = await answer;
    clearTimeout(timeout);
    this.#verified = undefined;
    if (result === undefined) this.socket.destroy();
    return result;
  }

  #read(chunk: Buffer): void {
    this.#decoder.push(chunk);
    while (this.#decoder.next() === Decoded.frame) {
      const { commandId, body, bodyBytes } = this.#decoder;
      const frame = { commandId, body: bodyBytes === 0 ? '' : (JSON.parse(body.toString()) as unknown) };
      if (commandId === 101) this.#judge(frame.body);
      else this.#onFrame(frame);
    }
  }

  #judge(body: unknown): void {
    const { code, session, lost } = verdict.parse(body);
    this.isRefused = code !== 1;
    this.#verified?.(code === 1 ? { epoch: session, lost: lost ?? 0 } : undefined);
  }
}
