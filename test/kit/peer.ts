import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect } from 'vitest';
import { until } from './until.ts';

/** A frame as it came, with its body as text and, where it is JSON, as what it says. */
export interface ReceivedFrame {
  readonly version: number;
  readonly commandId: number;
  readonly text: string;
  readonly body: unknown;
}

/** The bytes of a frame, put together by hand: what the encoder under test does not decide. */
export function frameBytes(commandId: number, body: unknown = '', version = 1): Buffer {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const header = Buffer.alloc(12);
  header.writeUInt32BE(12 + bytes.length, 0);
  header.writeUInt32BE(version, 4);
  header.writeUInt32BE(commandId, 8);
  return Buffer.concat([header, bytes]);
}

const PATIENCE_MS = 25_000;

/** A client made of a bare socket, for tests that read as a dialogue. */
export class Peer {
  readonly socket: Socket;
  /** Every frame so far, in order. */
  readonly frames: ReceivedFrame[] = [];
  isClosed = false;
  #read = 0;
  #tell: () => void = () => undefined;
  #buffered: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#decode(chunk));
    socket.on('close', () => {
      this.isClosed = true;
      this.#tell();
    });
    // A reset is an end like another; what the peer got until then is what counts.
    socket.on('error', () => socket.destroy());
  }

  static async connect(port: number): Promise<Peer> {
    const socket = connect({ port, host: '127.0.0.1' });
    await once(socket, 'connect');
    return new Peer(socket);
  }

  /** Over a connection that the test has made in its own way: TLS, or behind a proxy's header. */
  static over(socket: Socket): Peer {
    return new Peer(socket);
  }

  send(commandId: number, body: unknown = '', version = 1): void {
    this.socket.write(frameBytes(commandId, body, version));
  }

  sendBytes(...parts: (Buffer | Uint8Array)[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** The next frame that has not been looked at. */
  async next(): Promise<ReceivedFrame> {
    while (this.frames.length <= this.#read && !this.isClosed) await this.#news();
    const frame = this.frames[this.#read];
    if (frame === undefined) throw new Error('the connection ended where a frame was expected');
    this.#read += 1;
    return frame;
  }

  /** The next frame has this id and body; answers it. A string is compared with the bytes, anything else with the JSON. */
  async receives(commandId: number, body?: unknown, version?: number): Promise<ReceivedFrame> {
    const frame = await this.next();
    expect(frame.commandId, frame.text).toBe(commandId);
    if (typeof body === 'string') expect(frame.text).toBe(body);
    else if (body !== undefined) expect(frame.body).toEqual(body);
    if (version !== undefined) expect(frame.version).toBe(version);
    return frame;
  }

  /** Verifies, and returns the body of the 101. */
  async verify(userId: string, extra: { token?: string; features?: string[] } = {}, version = 1): Promise<Verdict> {
    this.send(1, { phone_number: userId, token: `token of ${userId}`, ...extra }, version);
    return (await this.receives(101, undefined, version)).body as Verdict;
  }

  /** Nothing has come that was not looked at, up to now. Wants a frame that is known to be the last before it. */
  hasNothingMore(): void {
    expect(this.frames.slice(this.#read)).toEqual([]);
  }

  /** Ends without another frame. */
  async isClosedSilently(): Promise<void> {
    await this.ended();
    this.hasNothingMore();
  }

  async ended(): Promise<void> {
    await until('the connection ends', () => this.isClosed, { timeoutMs: PATIENCE_MS, everyMs: 5 });
  }

  /** Reads nothing any more: the kernel's buffers fill up. */
  freeze(): void {
    this.socket.pause();
  }

  thaw(): void {
    this.socket.resume();
  }

  /** Leaves as a program that ends. */
  async leave(): Promise<void> {
    this.socket.end();
    await this.ended();
  }

  /** Resolves with the next frame or the end. An event, not a poll: a test may wait on a thousand of these at a time. */
  #news(): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = setTimeout(
        () => reject(new Error(`not within ${PATIENCE_MS} ms: a frame comes, or the end`)),
        PATIENCE_MS,
      );
      this.#tell = () => {
        clearTimeout(giveUp);
        resolve();
      };
    });
  }

  #decode(chunk: Buffer): void {
    this.#buffered = this.#buffered.length === 0 ? chunk : Buffer.concat([this.#buffered, chunk]);
    let at = 0;
    while (this.#buffered.length - at >= 12) {
      const length = this.#buffered.readUInt32BE(at);
      if (this.#buffered.length - at < length) break;
      const text = this.#buffered.toString('utf8', at + 12, at + length);
      this.frames.push({
        version: this.#buffered.readUInt32BE(at + 4),
        commandId: this.#buffered.readUInt32BE(at + 8),
        text,
        body: text === '' ? undefined : JSON.parse(text),
      });
      at += length;
    }
    this.#buffered = this.#buffered.subarray(at);
    if (at > 0) this.#tell();
  }
}

export interface Verdict {
  code: number;
  features?: string[];
  session?: string;
  heartbeat_timeout_ms?: number;
  lost?: number;
}
