import { Decoded, encodeFrame, FrameDecoder } from '../../../../contract/wire/frame.ts';

/** A frame that was written, byte by byte, and what a decoder made of it. */
export interface SeenFrame {
  readonly number: number;
  readonly from: 'device' | 'gateway';
  readonly bytes: Uint8Array;
  readonly version: number;
  readonly commandId: number;
  readonly body: string;
}

export type Action = 'verify' | 'wrongToken' | 'heartbeat' | 'chat' | 'acknowledge';

const VERSION = 1100;
const HEARTBEAT_TIMEOUT_MS = 90_000;
const DEVICE = 'demo-device';
const utf8 = new TextDecoder();

/**
 * A device and a gateway that talk to each other inside the page: no connection, and nothing is sent. The bytes are real: they are
 * written and read by the codec of the gateways, and the answers are those of docs/protocol.md.
 */
export class Simulation {
  readonly #device = new FrameDecoder();
  readonly #gateway = new FrameDecoder();
  #isVerified = false;
  #unacknowledged: string[] = [];
  #seen: SeenFrame[] = [];

  get isVerified(): boolean {
    return this.#isVerified;
  }

  get unacknowledged(): readonly string[] {
    return this.#unacknowledged;
  }

  /** Returns the frames that the action made, in their order. */
  act(action: Action): readonly SeenFrame[] {
    const before = this.#seen.length;
    const { commandId, body } = this.#frameOf(action);
    this.#write('device', commandId, body);
    return this.#seen.slice(before);
  }

  #frameOf(action: Action): { commandId: number; body: object | undefined } {
    if (action === 'heartbeat') return { commandId: 5, body: undefined };
    if (action === 'chat')
      return { commandId: 2, body: { chat_from: DEVICE, chat_to: DEVICE, chat_content: 'Hello, 世界' } };
    if (action === 'acknowledge') return { commandId: 6, body: { ids: this.#unacknowledged } };
    const token = action === 'verify' ? 'demo-token' : 'wrong';
    return { commandId: 1, body: { phone_number: DEVICE, token, features: ['ack', 'pong'] } };
  }

  #write(from: SeenFrame['from'], commandId: number, body: object | undefined): void {
    const bytes = encodeFrame(VERSION, commandId, body === undefined ? '' : JSON.stringify(body));
    const decoder = from === 'device' ? this.#gateway : this.#device;
    decoder.push(bytes);
    while (decoder.next() === Decoded.frame) {
      const text = utf8.decode(decoder.body);
      const frame = { version: decoder.version, commandId: decoder.commandId, body: text };
      this.#seen.push({ number: this.#seen.length, from, bytes: new Uint8Array(bytes), ...frame });
      if (from === 'device') this.#answer(frame.commandId, text);
    }
  }

  /** As a gateway: before the verify everything else is dropped without a word. */
  #answer(commandId: number, body: string): void {
    if (commandId === 1) {
      this.#isVerified = JSON.parse(body).token === 'demo-token';
      const features = {
        features: ['ack', 'pong'],
        session: 'demo',
        heartbeat_timeout_ms: HEARTBEAT_TIMEOUT_MS,
        lost: 0,
      };
      this.#write('gateway', 101, this.#isVerified ? { code: 1, ...features } : { code: 0 });
    }
    if (!this.#isVerified) return;
    if (commandId === 5) this.#write('gateway', 105, undefined);
    if (commandId === 6) this.#unacknowledged = [];
    if (commandId !== 2) return;
    const now = Date.now();
    const id = String(now * 1024);
    this.#unacknowledged.push(id);
    this.#write('gateway', 102, { chat_from: DEVICE, chat_content: JSON.parse(body).chat_content, id, sent_at: now });
  }
}
