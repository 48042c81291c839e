import { createServer, type Server, type Socket } from 'node:net';
import { Device, Violation } from './device.ts';

/** The device's own data in a verify. */
interface Verify {
  readonly phone_number: string;
  readonly token: string;
  readonly features: readonly string[];
  readonly max_frame_bytes: number | undefined;
}

const VERIFY_MS = 35_000;
const SMALLEST_LIMIT = 256;
const DEFAULT_LIMIT = 65_536;
const MAX_UNVERIFIED_BYTES = 8_192;

/** Plays the gateway towards one device, connection after connection. */
export class ScriptedGateway {
  /** The newest connection that was verified. */
  current: Device | undefined;
  verify: Verify | undefined;
  readonly #server: Server;
  readonly #arrived: Device[] = [];
  readonly #all: Device[] = [];
  #wake: (() => void) | undefined;
  #lastId = 1_795_340_000_000_000n;

  constructor() {
    this.#server = createServer((socket: Socket) => {
      const device = new Device(socket);
      this.#all.push(device);
      this.#arrived.push(device);
      this.#wake?.();
    });
  }

  async listen(port: number, host: string): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(port, host, resolve);
    });
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  stop(): void {
    for (const { socket } of this.#all) socket.destroy();
    this.#server.close();
  }

  /** How many connections the device has made. */
  get connections(): number {
    return this.#all.length;
  }

  /** A new message id, like those of the gateway: decimal, increasing. */
  nextId(): string {
    this.#lastId += 1n;
    return String(this.#lastId);
  }

  /** The next connection; undefined when none comes in time. */
  async arrival(withinMs: number): Promise<Device | undefined> {
    const device = this.#arrived.shift();
    if (device !== undefined) return device;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, withinMs);
    });
    clearTimeout(timer);
    this.#wake = undefined;
    return this.#arrived.shift();
  }

  async accept(withinMs: number): Promise<Device> {
    const device = await this.arrival(withinMs);
    if (device === undefined) throw new Violation(`expected the device to connect; it did not within ${withinMs} ms`);
    return device;
  }

  /** Reads the verify of a connection and checks it. */
  async readVerify(device: Device): Promise<Verify> {
    const frame = await device.next(VERIFY_MS, 'a verify (command 1)');
    if (frame.commandId !== 1) {
      throw new Violation(`expected a verify (command 1) first; the device sent command ${frame.commandId}`);
    }
    const bytes = Buffer.byteLength(frame.body) + 12;
    if (bytes > MAX_UNVERIFIED_BYTES)
      throw new Violation(`a verify of ${bytes} bytes: ${MAX_UNVERIFIED_BYTES} at most`);
    const body = JSON.parse(frame.body) as Partial<Record<string, unknown>> | null;
    for (const name of ['phone_number', 'token']) {
      if (typeof body?.[name] !== 'string' || body[name] === '')
        throw new Violation(`the verify has no text "${name}"`);
    }
    const features = body?.features ?? [];
    if (!Array.isArray(features) || !features.every((name) => typeof name === 'string')) {
      throw new Violation('"features" of the verify is not a list of names');
    }
    const limit = body?.max_frame_bytes;
    if (limit !== undefined && (typeof limit !== 'number' || limit < SMALLEST_LIMIT)) {
      throw new Violation(
        `"max_frame_bytes" of the verify is ${JSON.stringify(limit)}: a number from ${SMALLEST_LIMIT} on`,
      );
    }
    const verify = {
      phone_number: String(body?.phone_number),
      token: String(body?.token),
      features: features as string[],
      max_frame_bytes: typeof limit === 'number' ? limit : undefined,
    };
    this.verify = verify;
    return verify;
  }

  /** The reply to a valid token. */
  verdict(extra: Record<string, unknown> = {}): Record<string, unknown> {
    const features = this.verify?.features ?? [];
    if (features.length === 0) return { code: 1 };
    return { code: 1, features, session: '7', heartbeat_timeout_ms: 90_000, lost: 0, ...extra };
  }

  /** Accepts the next connection and verifies it. */
  async admit(withinMs: number, extra: Record<string, unknown> = {}): Promise<Device> {
    const device = await this.accept(withinMs);
    await this.readVerify(device);
    device.write(101, this.verdict(extra));
    device.answersHeartbeats = this.has('pong');
    this.current = device;
    return device;
  }

  has(feature: string): boolean {
    return this.verify?.features.includes(feature) === true;
  }

  /** The largest frame that the device accepts. */
  get limit(): number {
    return Math.min(this.verify?.max_frame_bytes ?? DEFAULT_LIMIT, DEFAULT_LIMIT);
  }

  /** Ends the current connection in the way with the fastest reconnect. */
  async dismiss(reason = 'rebalanced', reconnectAfterMs = 1): Promise<void> {
    const { current } = this;
    if (current === undefined) return;
    if (this.has('goodbye')) current.write(112, { reason, reconnect_after_ms: reconnectAfterMs });
    current.socket.end();
    if (!(await current.isGone(1_000))) current.socket.destroy();
    this.current = undefined;
  }
}
