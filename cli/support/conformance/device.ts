import type { Socket } from 'node:net';
import { ClientCommand, isApplicationUp } from '../../../contract/wire/command-ids.ts';
import { Decoded, encodeFrame, FrameDecoder, HEADER_BYTES } from '../../../contract/wire/frame.ts';
import { jsonOf } from '../typed-json.ts';

interface DeviceFrame {
  readonly version: number;
  readonly commandId: number;
  readonly body: string;
  readonly atMs: number;
}

/** A violation of the protocol, in words for the developer of the device. */
export class Violation extends Error {
  override name = 'Violation';
}

/** The device did nothing in time. */
export class OverdueViolation extends Violation {}

const MAX_FRAME_BYTES = 65_536;
const MAX_IDS = 256;
const known: readonly number[] = Object.values(ClientCommand);

/** One connection of the device under test, seen from the gateway: its frames are checked on arrival, and read one by one. */
export class Device {
  readonly socket: Socket;
  readonly openedAtMs = performance.now();
  /** The device's heartbeats so far, by time. */
  readonly heartbeats: number[] = [];
  /** Whether heartbeats are answered (105), if the device requested it. */
  answersHeartbeats = false;
  readonly acknowledged: string[] = [];
  closedAtMs: number | undefined;
  readonly #decoder = new FrameDecoder(MAX_FRAME_BYTES);
  readonly #frames: DeviceFrame[] = [];
  #violation: Violation | undefined;
  /** Resumed at the next change. */
  readonly #sleepers: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#read(chunk);
      this.#wake();
    });
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      this.closedAtMs = performance.now();
      this.#wake();
    });
  }

  get isClosed(): boolean {
    return this.closedAtMs !== undefined;
  }

  /** Returns the first violation in any frame, and clears it. */
  takeViolation(): Violation | undefined {
    const violation = this.#violation;
    this.#violation = undefined;
    return violation;
  }

  /** Resolves when `isDone`, or throws a Violation with the expected action of the device. */
  async until(isDone: () => boolean, withinMs: number, expected: string): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!isDone()) {
      const violation = this.takeViolation();
      if (violation) throw violation;
      const leftMs = deadline - performance.now();
      if (this.isClosed) throw new Violation(`expected ${expected}; it closed the connection`);
      if (leftMs <= 0) throw new OverdueViolation(`expected ${expected}; nothing of it came within ${withinMs} ms`);
      await this.#change(leftMs);
    }
  }

  /** Resolves after this time, sooner when the device closes. */
  async during(ms: number): Promise<void> {
    const deadline = performance.now() + ms;
    while (!this.isClosed && performance.now() < deadline) await this.#change(deadline - performance.now());
  }

  /** The next frame other than a heartbeat. */
  async next(withinMs: number, expected: string): Promise<DeviceFrame> {
    await this.until(() => this.#frames.length > 0, withinMs, expected);
    const frame = this.#frames.shift();
    if (frame === undefined) throw new Violation(`expected ${expected}`);
    return frame;
  }

  /** Unread frames. */
  unread(): readonly DeviceFrame[] {
    return this.#frames.splice(0);
  }

  write(commandId: number, body?: unknown, version = 1100): void {
    this.raw(frameOf(commandId, body, version));
  }

  raw(bytes: Uint8Array): void {
    if (!this.isClosed) this.socket.write(bytes);
  }

  /** In separate segments, as a network may split them. */
  async pieces(parts: readonly Uint8Array[]): Promise<void> {
    for (const part of parts) {
      this.raw(part);
      await this.during(2);
    }
  }

  async isGone(withinMs: number): Promise<boolean> {
    const deadline = performance.now() + withinMs;
    while (!this.isClosed && performance.now() < deadline) await this.#change(deadline - performance.now());
    return this.isClosed;
  }

  #read(chunk: Buffer): void {
    this.#decoder.push(chunk);
    for (;;) {
      const decoded = this.#decoder.next();
      if (decoded === Decoded.invalid)
        this.#note(`a frame of length ${this.#decoder.length}: nothing after it can be read`);
      if (decoded !== Decoded.frame) return;
      const { version, commandId } = this.#decoder;
      this.#take({ version, commandId, body: this.#decoder.body.toString(), atMs: performance.now() });
    }
  }

  #take(frame: DeviceFrame): void {
    const { commandId, body } = frame;
    if (commandId === ClientCommand.heartbeat) {
      if (body !== '') this.#note('a heartbeat (command 5) with a body: it has none');
      this.heartbeats.push(frame.atMs);
      if (this.answersHeartbeats) this.write(105);
      return;
    }
    if (!known.includes(commandId) && !isApplicationUp(commandId))
      this.#note(`command ${commandId}, which does not exist`);
    const value = jsonOf(body);
    if (value === undefined) this.#note(`command ${commandId} whose body is not JSON: ${body.slice(0, 60)}`);
    else if (commandId === ClientCommand.acknowledge) this.#acknowledge(value);
    else this.#frames.push(frame);
  }

  #acknowledge(value: unknown): void {
    const ids = (value as { ids?: unknown } | null)?.ids;
    if (!Array.isArray(ids) || !ids.every((id) => typeof id === 'string')) {
      this.#note('an acknowledgement (command 6) whose ids are not a list of texts');
      return;
    }
    if (ids.length > MAX_IDS) this.#note(`an acknowledgement of ${ids.length} ids: ${MAX_IDS} at most`);
    this.acknowledged.push(...(ids as string[]));
  }

  #note(what: string): void {
    this.#violation ??= new Violation(`the device sent ${what}`);
  }

  #wake(): void {
    for (const resume of this.#sleepers.splice(0)) resume();
  }

  async #change(withinMs: number): Promise<void> {
    const timer = setTimeout(() => this.#wake(), withinMs);
    await new Promise<void>((resolve) => this.#sleepers.push(resolve));
    clearTimeout(timer);
  }
}

/** A body given as text is sent unchanged, so that unusual JSON can be tested too. */
export function frameOf(commandId: number, body?: unknown, version = 1100): Buffer {
  const text = typeof body === 'string' || body === undefined ? (body ?? '') : JSON.stringify(body);
  return encodeFrame(version, commandId, text);
}

/** Only a header, with any length. */
export function headerOf(length: number, commandId = 102): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(length, 0);
  header.writeUInt32BE(1100, 4);
  header.writeUInt32BE(commandId, 8);
  return header;
}
